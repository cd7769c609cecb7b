// The largest element of each window of some channels of whole images.

#pragma once

#include "rows.h"

namespace aie4ml {

/// TA and TC are the element type of input and output.
template <class TA, class TC, class Buffer, class In, class Out, class Win>
struct MaxPool {
    static AIE4ML_INLINE void run(const TA *__restrict a, const int32_t *__restrict p, TC *__restrict c)
    {
        const unsigned first = unsigned(p[0]), channels = unsigned(p[1]);
        for (unsigned row = 0; row < Buffer::Rows; ++row)
            for (unsigned channel = 0; channel < channels; ++channel)
                image(a + row * Buffer::Widths[0] + In::Offset + (first + channel) * In::Channel,
                      c + row * Buffer::Output + channel * Out::H * Out::W);
    }

private:
    static AIE4ML_INLINE void image(const TA *__restrict a, TC *__restrict c)
    {
        for (unsigned y = 0; y < Out::H; ++y) {
            for (unsigned x = 0; x < Out::W; ++x) {
                TC most = std::is_signed_v<TC> ? TC(TC(1) << (8 * sizeof(TC) - 1)) : TC(0);
                for (unsigned ky = 0; ky < Win::KH; ++ky) {
                    const unsigned down = y * Win::SY + ky * Win::DY;
                    if (down < Win::Top || down - Win::Top >= In::H)
                        continue;
                    for (unsigned kx = 0; kx < Win::KW; ++kx) {
                        const unsigned right = x * Win::SX + kx * Win::DX;
                        if (right < Win::Left || right - Win::Left >= In::W)
                            continue;
                        const TA code = a[(down - Win::Top) * In::Row + (right - Win::Left) * In::Column];
                        most = code > most ? code : most;
                    }
                }
                c[y * Out::W + x] = most;
            }
        }
    }
};

} // namespace aie4ml
