// The largest element of each window of some channels of whole images.
//
// Where columns of the image lie next to each other: the largest of a window's rows
// first, 32 columns at a time, then of its columns, of which every second is taken
// where the stride is 2. Others go one by one.

#pragma once

#include "rows.h"

namespace aie4ml {

/// TA and TC are the element type of input and output.
template <class TA, class TC, class Buffer, class In, class Out, class Win>
struct MaxPool {
    static AIE4ML_INLINE void run(const TA *__restrict a, const int32_t *__restrict p, TC *__restrict c)
    {
        const unsigned first = unsigned(p[0]), channels = unsigned(p[1]);
        for (unsigned row = 0; row < Buffer::Rows; ++row) {
            for (unsigned channel = 0; channel < channels; ++channel) {
                const TA *from = a + row * Buffer::Widths[0] + In::Offset + (first + channel) * In::Channel;
                TC *to = c + row * Buffer::Output + channel * Out::H * Out::W;
                if constexpr (vectors)
                    lines(from, to);
                else
                    image(from, to);
            }
        }
    }

private:
    static constexpr TC least = std::is_signed_v<TC> ? TC(TC(1) << (8 * sizeof(TC) - 1)) : TC(0);

    static constexpr bool vectors = In::Column == 1 && Win::SX <= 2 && sizeof(TA) <= 2;
    // Elements of a line with what is outside, so that no vector reaches beyond.
    static constexpr unsigned reach = ((Out::W + 31) / 32 * 32 - 1) * Win::SX + (Win::KW - 1) * Win::DX + 1 + 32;
    static constexpr unsigned length = ((Win::Left + In::W > reach ? Win::Left + In::W : reach) + 63) / 32 * 32;

    static AIE4ML_INLINE void lines(const TA *__restrict a, TC *__restrict c)
    {
        // Two lines: one is filled by a row of the image at a time, the other has the largest.
        alignas(64) TA line[length];
        alignas(64) TA most[length];
        AIE4ML_PIPELINE(length / 32)
        for (unsigned i = 0; i < length; i += 32)
            aie::store_v(line + i, aie::broadcast<TA, 32>(least));
        for (unsigned y = 0; y < Out::H; ++y) {
            AIE4ML_PIPELINE(length / 32)
            for (unsigned i = 0; i < length; i += 32)
                aie::store_v(most + i, aie::broadcast<TA, 32>(least));
            for (unsigned ky = 0; ky < Win::KH; ++ky) {
                const unsigned down = y * Win::SY + ky * Win::DY;
                if (down < Win::Top || down - Win::Top >= In::H)
                    continue;
                __builtin_memcpy(line + Win::Left, a + (down - Win::Top) * In::Row, In::W * sizeof(TA));
                AIE4ML_PIPELINE(length / 32)
                for (unsigned i = 0; i < length; i += 32)
                    aie::store_v(most + i, aie::max(aie::load_v<32>(most + i), aie::load_v<32>(line + i)));
            }
            for (unsigned x = 0; x < Out::W; x += 32) {
                auto best = aie::broadcast<TA, 32>(least);
                AIE4ML_PIPELINE(Win::KW)
                for (unsigned kx = 0; kx < Win::KW; ++kx)
                    best = aie::max(best, columns(most + x * Win::SX + kx * Win::DX));
                alignas(64) TC results[32];
                aie::store_v(results, best);
                detail::copy(c + y * Out::W + x, results, Out::W - x < 32 ? Out::W - x : 32);
            }
        }
    }

    // 32 elements from `from` on, the stride apart.
    static AIE4ML_INLINE aie::vector<TA, 32> columns(const TA *__restrict from)
    {
        if constexpr (Win::SX == 1)
            return aie::load_unaligned_v<32>(from);
        else
            return aie::filter_even(aie::load_unaligned_v<64>(from), 1);
    }

    static AIE4ML_INLINE void image(const TA *__restrict a, TC *__restrict c)
    {
        for (unsigned y = 0; y < Out::H; ++y) {
            for (unsigned x = 0; x < Out::W; ++x) {
                TC most = least;
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
