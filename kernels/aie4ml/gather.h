// Moves of features: each output is an input, by its index, or a constant.

#pragma once

#include "rows.h"

namespace aie4ml {

/// Count outputs of a row of the tile. An index of -1 means Fill; Features are those of a row.
template <class TA, class TW, class TC, class Buffer, unsigned Count, class Index, long long Fill, unsigned Features>
struct Gather {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict index, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        for (unsigned row = 0; row < Buffer::Rows; ++row)
            for (unsigned i = 0; i < unsigned(p[1]) * 8; ++i)
                c[row * Buffer::Output + i] = index[i] < 0 ? TC(Fill) : a[row * Buffer::Widths[0] + index[i]];
    }
};

/// The same of two inputs: indices from Features on are into the second.
template <class TA, class TB, class TW, class TC, class Buffer, unsigned Count, class Index, long long Fill,
          unsigned Features>
struct GatherOfTwo {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TB *__restrict b, const TW *__restrict index,
                                  const int32_t *__restrict p, TC *__restrict c)
    {
        for (unsigned row = 0; row < Buffer::Rows; ++row) {
            const TA *left = a + row * Buffer::Widths[0];
            const TB *right = b + row * Buffer::Widths[1];
            for (unsigned i = 0; i < unsigned(p[1]) * 8; ++i) {
                const Index at = index[i];
                c[row * Buffer::Output + i] = at < 0                 ? TC(Fill)
                                              : unsigned(at) < Features ? left[at]
                                                                     : right[unsigned(at) - Features];
            }
        }
    }
};

} // namespace aie4ml
