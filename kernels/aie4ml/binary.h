// Two elements of the same place: their product, or the larger or smaller of both.

#pragma once

#include "rows.h"

namespace aie4ml {

/// Count outputs of a row of the tile, a multiple of 8. Kind is 0 for a product, of
/// both less what stands for zero, 1 for a maximum and 2 for a minimum.
template <class TA, class TB, class TC, class Acc, class Buffer, unsigned Count, unsigned Kind, long long ZeroA,
          long long ZeroB, class... Stages>
struct Binary {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TB *__restrict b, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        static_assert(sizeof(Acc) == 4, "what two elements make has 32 bits");
        Store::template set_modes<32, 16>();
        const unsigned first = unsigned(p[0]) * 8;
        const int32_t *scales = p + detail::header;
        for (unsigned row = 0; row < Buffer::Rows; ++row) {
            const TA *left = a + row * Buffer::Widths[0] + first;
            const TB *right = b + row * Buffer::Widths[1] + first;
            for (unsigned i = 0; i < Count; i += 16) {
                const unsigned count = Count - i < 16 ? Count - i : 16;
                alignas(64) int32_t results[16] = {};
                for (unsigned lane = 0; lane < count; ++lane)
                    results[lane] = both(left[i + lane], right[i + lane]);
                alignas(64) TC codes[16];
                const aie::accum<acc32, 16> sums(aie::load_v<16>(results));
                Store::template store<16, 16>(codes, sums, scales);
                detail::copy(c + row * Buffer::Output + i, codes, count);
            }
        }
    }

private:
    using Store = Requantize<TC, Stages...>;

    static AIE4ML_INLINE int32_t both(int32_t a, int32_t b)
    {
        if constexpr (Kind == 0)
            return (a - int32_t(ZeroA)) * (b - int32_t(ZeroB));
        else if constexpr (Kind == 1)
            return a > b ? a : b;
        else
            return a < b ? a : b;
    }
};

} // namespace aie4ml
