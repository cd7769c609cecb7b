// A function of one code of 16 bits, in pieces: a line in each, and corrections of a few bits.

#pragma once

#include "rows.h"

namespace aie4ml {

/// Count outputs of a row of the tile; pieces of Length codes, corrections of Bits. The words are
/// base and slope of each piece, and the corrections of all codes, the lowest code first.
template <class TA, class TW, class TC, class Buffer, unsigned Count, unsigned Length, unsigned Bits>
struct Piecewise {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict words, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        static_assert(sizeof(TA) == 2, "codes of 8 bits have a table");
        static_assert(sizeof(TW) == 4, "bases, slopes and corrections are words");
        const TA *from = a + unsigned(p[0]) * 8;
        for (unsigned row = 0; row < Buffer::Rows; ++row)
            for (unsigned i = 0; i < unsigned(p[1]) * 8; ++i)
                c[row * Buffer::Output + i] = TC(value(from[row * Buffer::Widths[0] + i], words));
    }

private:
    static constexpr unsigned codes = 65536;

    static AIE4ML_INLINE int32_t value(TA code, const TW *__restrict words)
    {
        const unsigned index = unsigned(int32_t(code) + (std::is_signed_v<TA> ? 32768 : 0));
        const TW *piece = words + index / Length * 2;
        const int32_t line = (piece[0] + piece[1] * int32_t(index % Length)) >> 14;
        if constexpr (Bits == 0)
            return line;
        else {
            const uint32_t word = uint32_t(words[codes / Length * 2 + index * Bits / 32]);
            return line + int32_t(word >> (index * Bits % 32) & ((uint32_t(1) << Bits) - 1));
        }
    }
};

} // namespace aie4ml
