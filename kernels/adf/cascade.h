// The cascade of a kernel in an ADF graph.
//
// Kernels move whole words of the cascade by intrinsics. In a graph the cascade is
// a pair of ports, which AMD's compilers for the array turn into the same
// intrinsics; only its functional simulator, x86simulator, needs the ports
// themselves. Include this before any kernel.

#pragma once

#include <adf.h>
#include <aie_api/aie.hpp>

#if defined(__X86SIM__)
#include <aie_api/aie_adf.hpp>

namespace aie4ml {

template <class Sum>
inline thread_local input_cascade<Sum> *cascade_in = nullptr;
template <class Sum>
inline thread_local output_cascade<Sum> *cascade_out = nullptr;

/// Tells the kernel that is called next on this thread what its ports are.
template <class Sum>
inline void connect_cascade(input_cascade<Sum> *in, output_cascade<Sum> *out)
{
    cascade_in<Sum> = in;
    cascade_out<Sum> = out;
}

inline void cascade_put(const v16acc32 &word)
{
    writeincr(cascade_out<acc32>, aie::accum<acc32, 16>(word));
}

inline void cascade_put(const v8acc64 &word)
{
    writeincr(cascade_out<acc64>, aie::accum<acc64, 8>(word));
}

inline v16acc32 cascade_get32()
{
    return readincr_v<16>(cascade_in<acc32>).to_native();
}

inline v8acc64 cascade_get64()
{
    return readincr_v<8>(cascade_in<acc64>).to_native();
}

} // namespace aie4ml

#define put_mcd(word) ::aie4ml::cascade_put(word)
#define get_scd_v16acc32() ::aie4ml::cascade_get32()
#define get_scd_v8acc64() ::aie4ml::cascade_get64()

#else

namespace aie4ml {

template <class Sum>
inline void connect_cascade(input_cascade<Sum> *, output_cascade<Sum> *)
{
}

} // namespace aie4ml

#endif
