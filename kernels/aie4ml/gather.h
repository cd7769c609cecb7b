// Moves of features: each output is an input, by its index, or a constant.

#pragma once

#include "rows.h"

namespace aie4ml {

/// Count outputs of a row of the tile. An index of -1 means Fill.
template <class TA, class TW, class TC, class Buffer, unsigned Count, class Index, long long Fill>
struct Gather {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict index, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        for (unsigned row = 0; row < Buffer::Rows; ++row)
            for (unsigned i = 0; i < unsigned(p[1]) * 8; ++i)
                c[row * Buffer::Output + i] = index[i] < 0 ? TC(Fill) : a[row * Buffer::Widths[0] + index[i]];
    }
};

} // namespace aie4ml
