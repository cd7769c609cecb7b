// The sum of two tensors, element by element: C = requantize(A * FactorA + B * FactorB).
//
// All three lie alike, in whatever blocks, contiguous, aligned to 32 bytes
// (AIE-MLv2: 64). The factors bring both operands to one scale.
//
// Factors that are powers of two are shifts, in 32-bit accumulators. Others are
// multiplied with, 16 elements at a time, in 64-bit accumulators.

#pragma once

#include "requant.h"

namespace aie4ml {

/// An add kernel. TA, TB and TC are the element types of A, B and C; Sum is int32_t or int64_t, in which
/// no sum overflows; the factors have at most 32 bits with sign; Count elements, a multiple of 16; Stages
/// requantize (see requant.h).
template <class TA, class TB, class TC, class Sum, long long FactorA, long long FactorB, unsigned Count, class... Stages>
struct Add {
    static_assert(Count >= 16 && Count % 16 == 0, "an add kernel takes whole vectors");
    static_assert(detail::signed_bits(FactorA) <= 32 && detail::signed_bits(FactorB) <= 32,
                  "a factor has at most 32 bits with its sign");
    static_assert(sizeof(Sum) == 4 || sizeof(Sum) == 8, "a sum has 32 or 64 bits");

    static AIE4ML_INLINE void run(const TA *__restrict a, const TB *__restrict b, TC *__restrict c)
    {
        Out::template set_modes<Sums::accum_bits(), lanes>();
        AIE4ML_PIPELINE(Count / lanes)
        for (unsigned i = 0; i < Count; i += lanes) {
            const auto left = aie::load_v<lanes>(a + i);
            const auto right = aie::load_v<lanes>(b + i);
            if constexpr (shifts)
                Out::store(c + i, aie::add(Sums(left, shift(FactorA)), Sums(right, shift(FactorB))));
            else
                Out::store(c + i, aie::mac(aie::mul<acc64>(widen(left), factor<FactorA>()), widen(right),
                                           factor<FactorB>()));
        }
    }

private:
    static constexpr bool power(long long factor) { return factor > 0 && (factor & (factor - 1)) == 0; }
    static constexpr int shift(long long factor) { return int(detail::signed_bits(factor)) - 2; }

    static constexpr bool shifts = sizeof(Sum) == 4 && power(FactorA) && power(FactorB);
    // The widest vectors that count evenly.
    static constexpr unsigned lanes = shifts && Count % 32 == 0 ? 32 : 16;
    using Sums = aie::accum<std::conditional_t<shifts, acc32, acc64>, lanes>;
    using Out = Requantize<TC, Stages...>;

    // The multiplier takes elements of 16 bits with factors of 32.
    template <class T>
    static AIE4ML_INLINE auto widen(const aie::vector<T, lanes> &v)
    {
        if constexpr (sizeof(T) == 1)
            return v.unpack();
        else
            return v;
    }

    template <long long Factor>
    static AIE4ML_INLINE aie::vector<int32_t, lanes> factor()
    {
        return aie::broadcast<int32_t, lanes>(int32_t(Factor));
    }
};

} // namespace aie4ml
