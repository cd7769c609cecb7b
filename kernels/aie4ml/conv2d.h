// Some output channels of a convolution of whole images.
//
// The lines of the input that the windows of an output row meet are spread into a
// scratch, with what is outside in its place, one phase of the stride after the
// other, so that a tap is a run of consecutive elements at any stride. Rows stay
// there as long as windows meet them.
//
// * Of codes and weights of 8 bits: channels in blocks of 8, innermost, for the
//   matrix unit. 4 pixels x 8 channels at a tap times 8 x 8 weights; two such
//   blocks of pixels and two of output channels are summed up together, 4 products
//   for 4 loads of pixels and 2 of weights. Where each output channel has an input
//   channel of its own, weights are diagonal.
// * Others: elements of 16 bits; 16 pixels of a channel at a tap times one weight.
//   Products may be cut off before they are summed up.

#pragma once

#include "rows.h"

namespace aie4ml {

/// TA, TW, TC are the element types of input, weights and output; Acc is int32_t or
/// int64_t; Out has the channels of the tile. Depth input channels are summed up;
/// Breadth output channels share them, or all if it is 0. Weights lie, in blocks of
/// 8x8, [F/8][KH][KW][C/8][c][f], otherwise [F][Depth][KH][KW].
template <class TA, class TW, class TC, class Acc, class Buffer, class In, class Out, class Win, unsigned Depth,
          unsigned Breadth, long long Outside, unsigned ProductShift, class... Stages>
struct Conv2d {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict w, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        if constexpr (blocked)
            blocks(a, w, p, c);
        else
            lanes(a, w, p, c);
    }

private:
    using Store = Requantize<TC, Stages...>;

    static constexpr bool diagonal = Depth == 1 && Breadth == 1;
    static constexpr bool blocked =
        sizeof(TA) == 1 && sizeof(TW) == 1 && sizeof(Acc) == 4 && ProductShift == 0 && (Breadth == 0 || diagonal);

    // Rows of the input that a window reaches over, gaps included.
    static constexpr unsigned ring = (Win::KH - 1) * Win::DY + 1;
    // Elements of a line of so many outputs, of one phase.
    static constexpr unsigned line_of(unsigned outputs) { return outputs + (Win::KW - 1) * Win::DX / Win::SX + 1; }

    // Whether position `at` of the frame around the image, along a dimension, has an element.
    static AIE4ML_INLINE bool inside(unsigned at, unsigned before, unsigned apart, unsigned extent)
    {
        return at >= before && (at - before) % apart == 0 && (at - before) / apart < extent;
    }

    // ---- In blocks of 8 channels -------------------------------------------------------------

    static constexpr unsigned channel_blocks = diagonal ? (Out::C + 7) / 8 : (In::C + 7) / 8;
    static constexpr unsigned pixels = (line_of((Out::W + 7) / 8 * 8) + 3) / 4 * 4;
    static constexpr unsigned line_bytes = Win::SX * pixels * 8;

    static AIE4ML_INLINE void blocks(const TA *__restrict a, const TW *__restrict w, const int32_t *__restrict p,
                                     TC *__restrict c)
    {
        Store::template set_modes<32, 32>();
        alignas(64) TA lines[ring * channel_blocks * line_bytes + 64];
        const unsigned first = diagonal ? unsigned(p[0]) : 0;
        const unsigned channels = unsigned(p[1]);
        for (unsigned row = 0; row < Buffer::Rows; ++row) {
            const TA *image = a + row * Buffer::Widths[0] + In::Offset;
            unsigned next = 0; // the first row of the frame that is not spread
            for (unsigned y = 0; y < Out::H; ++y) {
                const unsigned top = y * Win::SY;
                for (next = next < top ? top : next; next < top + ring; ++next)
                    spread_blocks(image, first, next, lines + next % ring * channel_blocks * line_bytes);
                TC *line = c + row * Buffer::Output + y * Out::W;
                unsigned channel = 0;
                for (; channel + 8 < channels; channel += 16)
                    groups<2>(lines, top, w, p, line, channel, channels);
                if (channel < channels)
                    groups<1>(lines, top, w, p, line, channel, channels);
            }
        }
    }

    // Row `at` of the frame, [C/8][phase][x][8].
    static AIE4ML_INLINE void spread_blocks(const TA *__restrict image, unsigned first, unsigned at,
                                            TA *__restrict lines)
    {
        const auto nothing = aie::broadcast<TA, 32>(TA(Outside));
        AIE4ML_PIPELINE((channel_blocks * line_bytes + 31) / 32)
        for (unsigned i = 0; i < channel_blocks * line_bytes; i += 32)
            aie::store_v(lines + i, nothing);
        if (!inside(at, Win::Top, Win::EY, In::H))
            return;
        const TA *row = image + (at - Win::Top) / Win::EY * In::Row;
        for (unsigned block = 0; block < channel_blocks; ++block) {
            TA *line = lines + block * line_bytes;
            for (unsigned x = 0; x < In::W; x += 8) {
                alignas(64) TA square[64];
                aie::store_v(square, aie::broadcast<TA, 64>(TA(Outside)));
                for (unsigned i = 0; i < 8; ++i) {
                    const unsigned channel = first + block * 8 + i;
                    if (channel < In::C)
                        eight(square + i * 8, row + channel * In::Channel + x * In::Column, In::W - x);
                }
                const auto turned = aie::transpose(aie::load_v<64>(square), 8, 8);
                aie::store_v(square, turned);
                for (unsigned i = 0; i < 8 && x + i < In::W; ++i) {
                    const unsigned to = (x + i) * Win::EX + Win::Left;
                    if (to / Win::SX < pixels)
                        __builtin_memcpy(line + (to % Win::SX * pixels + to / Win::SX) * 8, square + i * 8, 8);
                }
            }
        }
    }

    // Up to 8 elements of a row of the image.
    static AIE4ML_INLINE void eight(TA *__restrict to, const TA *__restrict from, unsigned count)
    {
        if (In::Column == 1 && count >= 8) {
            __builtin_memcpy(to, from, 8);
        } else {
            for (unsigned i = 0; i < 8 && i < count; ++i)
                to[i] = from[i * In::Column];
        }
    }

    // A row of N blocks of 8 channels from `channel` on.
    template <unsigned N>
    static AIE4ML_INLINE void groups(const TA *__restrict lines, unsigned top, const TW *__restrict w,
                                     const int32_t *__restrict p, TC *__restrict c, unsigned channel, unsigned channels)
    {
        using detail::unroll;
        using Block = aie::mmul<4, 8, 8, TA, TW>;
        using Sums = typename Block::accum_type;
        using Tag = typename Sums::value_type;
        constexpr unsigned depth = diagonal ? 1 : channel_blocks;
        constexpr unsigned taps = Win::KH * Win::KW * depth * 64;
        constexpr unsigned stride = (Out::C + 7) / 8 * 8;
        const int32_t *scales = p + detail::header + detail::whole_vectors(Out::C);
        for (unsigned x = 0; x < Out::W; x += 8) {
            Block sums[N][2];
            unroll<N>([&](auto n) AIE4ML_LAMBDA {
                const aie::vector<int32_t, 8> bias = aie::load_v<8>(p + detail::header + channel + n * 8);
                const aie::accum<Tag, 16> twice(bias.template grow_replicate<16>());
                Sums start;
                start.insert(0, twice);
                start.insert(1, twice);
                sums[n][0] = sums[n][1] = Block(start);
            });
            const TW *weight = w + channel / 8 * taps;
            for (unsigned ky = 0; ky < Win::KH; ++ky) {
                const TA *of_row = lines + (top + ky * Win::DY) % ring * channel_blocks * line_bytes + x * 8;
                for (unsigned kx = 0; kx < Win::KW; ++kx) {
                    const unsigned tap = kx * Win::DX;
                    const TA *at = of_row + (tap % Win::SX * pixels + tap / Win::SX) * 8;
                    AIE4ML_PIPELINE(depth)
                    for (unsigned block = 0; block < depth; ++block, weight += 64) {
                        unroll<N>([&](auto n) AIE4ML_LAMBDA {
                            const TA *pixel = at + (diagonal ? channel / 8 + n : block) * line_bytes;
                            const auto factors = aie::load_v<64>(weight + n * taps);
                            sums[n][0].mac(aie::load_unaligned_v<32>(pixel), factors);
                            sums[n][1].mac(aie::load_unaligned_v<32>(pixel + 32), factors);
                        });
                    }
                }
            }
            unroll<N>([&](auto n) AIE4ML_LAMBDA {
                alignas(64) TC results[64];
                const int32_t *of_channel = scales + channel + n * 8;
                Store::template store<8, stride>(results, sums[n][0].to_accum(), of_channel);
                Store::template store<8, stride>(results + 32, sums[n][1].to_accum(), of_channel);
                if constexpr (sizeof(TC) <= 2)
                    aie::store_v(results, aie::transpose(aie::load_v<64>(results), 8, 8));
                const unsigned from = channel + n * 8;
                for (unsigned i = 0; i < 8 && from + i < channels; ++i) {
                    TC *to = c + (from + i) * Out::H * Out::W + x;
                    if constexpr (sizeof(TC) > 2) {
                        for (unsigned j = 0; j < 8 && x + j < Out::W; ++j)
                            to[j] = results[j * 8 + i];
                    } else if (x + 8 <= Out::W) {
                        __builtin_memcpy(to, results + i * 8, 8 * sizeof(TC));
                    } else {
                        detail::copy(to, results + i * 8, Out::W - x);
                    }
                }
            });
        }
    }

    // ---- In lanes of pixels ------------------------------------------------------------------

    using T = std::conditional_t<std::is_signed_v<TA> || sizeof(TA) == 1, int16_t, uint16_t>;
    using Sums = aie::accum<std::conditional_t<sizeof(Acc) == 4, acc32, acc64>, 16>;

    // Input channels that the tile reads.
    static constexpr unsigned read = Breadth == 0 ? In::C : (Out::C + Breadth - 1) / (Breadth == 0 ? 1 : Breadth) * Depth;
    static constexpr unsigned taps = Depth * Win::KH * Win::KW;
    static constexpr unsigned pitch = detail::whole_vectors(line_of(detail::whole_vectors(Out::W)));
    static constexpr unsigned row_elements = read * Win::SX * pitch;

    static AIE4ML_INLINE void lanes(const TA *__restrict a, const TW *__restrict w, const int32_t *__restrict p,
                                    TC *__restrict c)
    {
        Store::template set_modes<Sums::accum_bits(), 16>();
        alignas(64) T lines[ring * row_elements];
        const unsigned first = Breadth == 0 ? 0 : unsigned(p[0]) / (Breadth == 0 ? 1 : Breadth) * Depth;
        const unsigned channels = unsigned(p[1]);
        for (unsigned row = 0; row < Buffer::Rows; ++row) {
            const TA *image = a + row * Buffer::Widths[0] + In::Offset;
            unsigned next = 0;
            for (unsigned y = 0; y < Out::H; ++y) {
                const unsigned top = y * Win::SY;
                for (next = next < top ? top : next; next < top + ring; ++next)
                    spread(image, first, next, lines + next % ring * row_elements);
                TC *line = c + row * Buffer::Output + y * Out::W;
                unsigned channel = 0;
                if constexpr (Breadth == 0)
                    for (; channel + 4 <= channels; channel += 4)
                        together<4>(lines, top, w, p, line, channel);
                for (; channel < channels; ++channel)
                    together<1>(lines, top, w, p, line, channel);
            }
        }
    }

    // Row `at` of the frame, [C][phase][x].
    static AIE4ML_INLINE void spread(const TA *__restrict image, unsigned first, unsigned at, T *__restrict lines)
    {
        const auto nothing = aie::broadcast<T, 16>(T(Outside));
        AIE4ML_PIPELINE(row_elements / 16)
        for (unsigned i = 0; i < row_elements; i += 16)
            aie::store_v(lines + i, nothing);
        if (!inside(at, Win::Top, Win::EY, In::H))
            return;
        for (unsigned channel = 0; channel < read && first + channel < In::C; ++channel) {
            T *line = lines + channel * Win::SX * pitch;
            const TA *row = image + (first + channel) * In::Channel + (at - Win::Top) / Win::EY * In::Row;
            for (unsigned x = 0; x < In::W; ++x) {
                const unsigned to = x * Win::EX + Win::Left;
                if (to / Win::SX < pitch)
                    line[to % Win::SX * pitch + to / Win::SX] = T(row[x * In::Column]);
            }
        }
    }

    // A row of N channels.
    template <unsigned N>
    static AIE4ML_INLINE void together(const T *__restrict lines, unsigned top, const TW *__restrict w,
                                       const int32_t *__restrict p, TC *__restrict c, unsigned channel)
    {
        using detail::unroll;
        const int32_t *bias = p + detail::header + channel;
        const int32_t *scales = p + detail::header + detail::whole_vectors(Out::C) + channel * 16;
        const unsigned group = Breadth == 0 ? 0 : channel / (Breadth == 0 ? 1 : Breadth) * Depth;
        for (unsigned x = 0; x < Out::W; x += 16) {
            Sums sums[N];
            unroll<N>([&](auto n) AIE4ML_LAMBDA { sums[n] = Sums(aie::broadcast<int32_t, 16>(bias[n])); });
            if constexpr (ProductShift > 0)
                aie::set_rounding(aie::rounding_mode::floor);
            const TW *weight = w + channel * taps;
            for (unsigned depth = 0; depth < Depth; ++depth) {
                for (unsigned ky = 0; ky < Win::KH; ++ky) {
                    const T *line = lines + (top + ky * Win::DY) % ring * row_elements +
                                    (group + depth) * Win::SX * pitch + x;
                    AIE4ML_PIPELINE(Win::KW)
                    for (unsigned kx = 0; kx < Win::KW; ++kx, ++weight) {
                        const unsigned tap = kx * Win::DX;
                        const auto v = aie::load_unaligned_v<16>(line + tap % Win::SX * pitch + tap / Win::SX);
                        unroll<N>([&](auto n) AIE4ML_LAMBDA {
                            const int16_t factor = weight[n * taps];
                            if constexpr (ProductShift > 0) {
                                const auto product = aie::mul<acc64>(v, factor);
                                sums[n] = aie::add(sums[n], Sums(product.template to_vector<int32_t>(ProductShift)));
                            } else {
                                sums[n] = detail::multiply_add(sums[n], v, factor);
                            }
                        });
                    }
                }
            }
            if constexpr (ProductShift > 0)
                Store::template set_modes<Sums::accum_bits(), 16>();
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
