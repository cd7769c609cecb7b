// Sums of what is there of each window of some channels of whole images, times a
// factor of their place, or, with Halves, by a divisor: floor and ceiling of the
// quotient added up.

#pragma once

#include "rows.h"

namespace aie4ml {

/// TA and TC are the element types of input and output, TW that of the factors.
template <class TA, class TW, class TC, class Acc, class Buffer, class In, class Out, class Win, unsigned Halves,
          class... Stages>
struct AveragePool {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict factors, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        static_assert(sizeof(Acc) == 4, "sums have 32 bits");
        Store::template set_modes<32, 16>();
        const unsigned first = unsigned(p[0]), channels = unsigned(p[1]);
        for (unsigned row = 0; row < Buffer::Rows; ++row)
            for (unsigned channel = 0; channel < channels; ++channel)
                image(a + row * Buffer::Widths[0] + In::Offset + (first + channel) * In::Channel, factors,
                      p + detail::header, c + row * Buffer::Output + channel * Out::H * Out::W);
    }

private:
    using Store = Requantize<TC, Stages...>;

    static AIE4ML_INLINE void image(const TA *__restrict a, const TW *__restrict factors,
                                    const int32_t *__restrict scales, TC *__restrict c)
    {
        for (unsigned from = 0; from < Out::H * Out::W; from += 16) {
            const unsigned count = Out::H * Out::W - from < 16 ? Out::H * Out::W - from : 16;
            alignas(64) int32_t sums[16] = {};
            for (unsigned lane = 0; lane < count; ++lane)
                sums[lane] = scaled(sum(a, (from + lane) / Out::W, (from + lane) % Out::W), factors[from + lane]);
            alignas(64) TC codes[16];
            Store::template store<16, 16>(codes, aie::accum<acc32, 16>(aie::load_v<16>(sums)), scales);
            detail::copy(c + from, codes, count);
        }
    }

    static AIE4ML_INLINE int32_t scaled(int32_t sum, int32_t number)
    {
        if constexpr (Halves == 0) {
            return sum * number;
        } else {
            const int32_t shifted = sum * (int32_t(1) << Halves);
            const int32_t quotient = shifted / number; // toward zero
            const int32_t rest = shifted - quotient * number;
            return 2 * quotient + (rest > 0) - (rest < 0);
        }
    }

    static AIE4ML_INLINE int32_t sum(const TA *__restrict a, unsigned y, unsigned x)
    {
        int32_t sum = 0;
        for (unsigned ky = 0; ky < Win::KH; ++ky) {
            const unsigned down = y * Win::SY + ky * Win::DY;
            if (down < Win::Top || down - Win::Top >= In::H)
                continue;
            for (unsigned kx = 0; kx < Win::KW; ++kx) {
                const unsigned right = x * Win::SX + kx * Win::DX;
                if (right >= Win::Left && right - Win::Left < In::W)
                    sum += a[(down - Win::Top) * In::Row + (right - Win::Left) * In::Column];
            }
        }
        return sum;
    }
};

} // namespace aie4ml
