// Codes as they are.

#pragma once

#include "rows.h"

namespace aie4ml {

/// Count outputs of a row of the tile.
template <class TA, class TC, class Buffer, unsigned Count>
struct Name {
    static AIE4ML_INLINE void run(const TA *__restrict a, const int32_t *__restrict p, TC *__restrict c)
    {
        const TA *from = a + unsigned(p[0]) * 8;
        for (unsigned row = 0; row < Buffer::Rows; ++row)
            for (unsigned i = 0; i < unsigned(p[1]) * 8; ++i)
                c[row * Buffer::Output + i] = from[row * Buffer::Widths[0] + i];
    }
};

} // namespace aie4ml
