// The part of the AIE API's access to cascade ports that kernels use, for a host compiler.

#pragma once

#include "aie.hpp"

#include <adf.h>

#include <cstring>

/// Writes one word of 512 bits to a cascade.
template <class Sum, unsigned lanes>
inline void writeincr(output_cascade<Sum> *cascade, const aie::accum<Sum, lanes> &value)
{
    const auto word = value.to_native();
    static_assert(sizeof(word) == adf::emulation::cascade_bytes, "a cascade moves 512 bits at a time");
    adf::emulation::put(cascade, &word);
}

/// Takes one word of 512 bits from a cascade.
template <unsigned lanes, class Sum>
inline aie::accum<Sum, lanes> readincr_v(input_cascade<Sum> *cascade)
{
    decltype(aie::accum<Sum, lanes>().to_native()) word;
    static_assert(sizeof(word) == adf::emulation::cascade_bytes, "a cascade moves 512 bits at a time");
    adf::emulation::get(cascade, &word);
    return aie::accum<Sum, lanes>(word);
}
