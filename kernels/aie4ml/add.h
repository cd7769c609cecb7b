// The sum of two tensors, element by element: C = requantize(A * 2^ShiftA + B * 2^ShiftB).
//
// All three lie alike, in whatever blocks, contiguous, aligned to 32 bytes. The
// shifts bring both operands to one scale; that no sum exceeds the 32-bit
// accumulator is for the caller to know.

#pragma once

#include "requant.h"

namespace aie4ml {

/// An add kernel. TA, TB and TC are the element types of A, B and C; Count elements, a multiple of 16; Stages requantize (see requant.h).
template <class TA, class TB, class TC, int ShiftA, int ShiftB, unsigned Count, class... Stages>
struct Add {
    static_assert(Count >= 16 && Count % 16 == 0, "an add kernel takes whole vectors");

    static AIE4ML_INLINE void run(const TA *__restrict a, const TB *__restrict b, TC *__restrict c)
    {
        Out::template set_modes<Sums::accum_bits(), lanes>();
        for (unsigned i = 0; i < Count; i += lanes) {
            const Sums left(aie::load_v<lanes>(a + i), ShiftA);
            const Sums right(aie::load_v<lanes>(b + i), ShiftB);
            Out::store(c + i, aie::add(left, right));
        }
    }

private:
    // The widest vectors that count evenly.
    static constexpr unsigned lanes = Count % 32 == 0 ? 32 : 16;
    using Sums = aie::accum<acc32, lanes>;
    using Out = Requantize<TC, Stages...>;
};

} // namespace aie4ml
