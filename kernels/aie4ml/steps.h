// A function of one integer that has few values: the code between each two of its steps.

#pragma once

#include "rows.h"

namespace aie4ml {

/// Count outputs of a row of the tile. The words are 2^Log - 1 steps in ascending order and 2^Log codes.
template <class TA, class TW, class TC, class Buffer, unsigned Count, unsigned Log>
struct Steps {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict words, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        static_assert(sizeof(TA) == 4 && sizeof(TW) == 4, "sums and steps are words");
        const TA *from = a + unsigned(p[0]) * 8;
        for (unsigned row = 0; row < Buffer::Rows; ++row)
            for (unsigned i = 0; i < unsigned(p[1]) * 8; ++i)
                c[row * Buffer::Output + i] = TC(code(from[row * Buffer::Widths[0] + i], words));
    }

private:
    static AIE4ML_INLINE int32_t code(int32_t x, const TW *__restrict words)
    {
        // Steps that are not above x, a bit of their number at a time.
        unsigned count = 0;
        for (unsigned half = 1u << Log >> 1; half > 0; half >>= 1)
            count += words[count + half - 1] <= x ? half : 0;
        return words[(1u << Log) - 1 + count];
    }
};

} // namespace aie4ml
