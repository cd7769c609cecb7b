// Some output channels of a convolution of whole images.
//
// For each row of the output, the lines of the input that its windows meet are
// spread into a scratch of 16-bit elements, with what is outside in its place, one
// phase of the stride after the other. A tap then is 16 consecutive elements of a
// line, at any stride, times one weight.

#pragma once

#include "rows.h"

namespace aie4ml {

/// TA, TW, TC are the element types of input, weights and output; Acc is int32_t or
/// int64_t; Out has the channels of the tile. Depth input channels are summed up;
/// Breadth output channels share them, or all if it is 0.
template <class TA, class TW, class TC, class Acc, class Buffer, class In, class Out, class Win, unsigned Depth,
          unsigned Breadth, long long Outside, class... Stages>
struct Conv2d {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict w, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        Store::template set_modes<Sums::accum_bits(), 16>();
        alignas(64) T lines[read * Win::KH * Win::SX * pitch];
        for (unsigned i = 0; i < read * Win::KH * Win::SX * pitch; i += 16)
            aie::store_v(lines + i, aie::broadcast<T, 16>(T(Outside)));
        const unsigned first = Breadth == 0 ? 0 : unsigned(p[0]) / Breadth * Depth;
        const unsigned channels = unsigned(p[1]);
        for (unsigned row = 0; row < Buffer::Rows; ++row) {
            for (unsigned y = 0; y < Out::H; ++y) {
                spread(a + row * Buffer::Widths[0], first, y, lines);
                TC *line = c + row * Buffer::Output + y * Out::W;
                unsigned channel = 0;
                if constexpr (Breadth == 0)
                    for (; channel + 4 <= channels; channel += 4)
                        together<4>(lines, w, p, line, channel);
                for (; channel < channels; ++channel)
                    together<1>(lines, w, p, line, channel);
            }
        }
    }

private:
    using Store = Requantize<TC, Stages...>;
    using T = std::conditional_t<std::is_signed_v<TA> || sizeof(TA) == 1, int16_t, uint16_t>;
    using Sums = aie::accum<std::conditional_t<sizeof(Acc) == 4, acc32, acc64>, 16>;

    // Input channels that the tile reads.
    static constexpr unsigned read = Breadth == 0 ? In::C : (Out::C + Breadth - 1) / Breadth * Depth;
    static constexpr unsigned taps = Depth * Win::KH * Win::KW;
    // Elements of a line, of one phase.
    static constexpr unsigned pitch =
        detail::whole_vectors(detail::whole_vectors(Out::W) + (Win::KW - 1) * Win::DX / Win::SX + 1);

    // Brings the lines in that row y of the output needs.
    static AIE4ML_INLINE void spread(const TA *__restrict a, unsigned first, unsigned y, T *__restrict lines)
    {
        for (unsigned channel = 0; channel < read; ++channel) {
            for (unsigned tap = 0; tap < Win::KH; ++tap) {
                T *line = lines + (channel * Win::KH + tap) * Win::SX * pitch;
                const unsigned position = y * Win::SY + tap * Win::DY - Win::Top; // wraps above the image
                const unsigned from = position / Win::EY;
                if (y * Win::SY + tap * Win::DY < Win::Top || position % Win::EY != 0 || from >= In::H ||
                    first + channel >= In::C) {
                    for (unsigned i = 0; i < Win::SX * pitch; i += 16)
                        aie::store_v(line + i, aie::broadcast<T, 16>(T(Outside)));
                    continue;
                }
                const TA *row = a + In::Offset + (first + channel) * In::Channel + from * In::Row;
                for (unsigned x = 0; x < In::W; ++x) {
                    const unsigned at = x * Win::EX + Win::Left;
                    if (at / Win::SX < pitch)
                        line[at % Win::SX * pitch + at / Win::SX] = T(row[x * In::Column]);
                }
            }
        }
    }

    // A row of N channels.
    template <unsigned N>
    static AIE4ML_INLINE void together(const T *__restrict lines, const TW *__restrict w,
                                       const int32_t *__restrict p, TC *__restrict c, unsigned channel)
    {
        using detail::unroll;
        const int32_t *bias = p + detail::header + channel;
        const int32_t *scales = p + detail::header + detail::whole_vectors(Out::C) + channel * 16;
        const unsigned group = Breadth == 0 ? 0 : channel / (Breadth == 0 ? 1 : Breadth) * Depth;
        for (unsigned x = 0; x < Out::W; x += 16) {
            Sums sums[N];
            unroll<N>([&](auto n) AIE4ML_LAMBDA { sums[n] = Sums(aie::broadcast<int32_t, 16>(bias[n])); });
            const TW *weight = w + channel * taps;
            for (unsigned depth = 0; depth < Depth; ++depth) {
                for (unsigned ky = 0; ky < Win::KH; ++ky) {
                    const T *line = lines + ((group + depth) * Win::KH + ky) * Win::SX * pitch + x;
                    for (unsigned kx = 0; kx < Win::KW; ++kx, ++weight) {
                        const unsigned tap = kx * Win::DX;
                        const auto v = aie::load_unaligned_v<16>(line + tap % Win::SX * pitch + tap / Win::SX);
                        unroll<N>([&](auto n) AIE4ML_LAMBDA {
                            sums[n] = aie::mac(sums[n], v, int16_t(weight[n * taps]));
                        });
                    }
                }
            }
            const unsigned count = Out::W - x < 16 ? Out::W - x : 16;
            unroll<N>([&](auto n) AIE4ML_LAMBDA {
                alignas(64) TC results[16];
                Store::template store<16, Out::C * 16>(results, sums[n], scales + n * 16);
                detail::copy(c + (channel + n) * Out::H * Out::W + x, results, count);
            });
        }
    }
};

} // namespace aie4ml
