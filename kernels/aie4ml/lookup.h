// A function of one code, as a table of 256 entries, the lowest code first.

#pragma once

#include "rows.h"

namespace aie4ml {

/// Count outputs of a row of the tile.
template <class TA, class TW, class TC, class Buffer, unsigned Count>
struct Lookup {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict table, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        static_assert(sizeof(TA) == 1, "a table has an entry for each code of 8 bits");
        const TW *zero = table + (std::is_signed_v<TA> ? 128 : 0);
        const TA *from = a + unsigned(p[0]) * 8;
        for (unsigned row = 0; row < Buffer::Rows; ++row)
            for (unsigned i = 0; i < unsigned(p[1]) * 8; ++i)
                c[row * Buffer::Output + i] = zero[from[row * Buffer::Widths[0] + i]];
    }
};

} // namespace aie4ml
