// Layer norm and RMS norm of groups within rows.

#pragma once

#include "rows.h"

namespace aie4ml {

/// Whether elements are taken less their mean, what is added to L^2 times the variance, bits of a
/// normalized value behind its point, and the zero point of elements that are not centered.
template <bool Centered_, long long Epsilon_, unsigned Bits_, long long ZeroPoint_>
struct Norm {
    static constexpr bool Centered = Centered_;
    static constexpr long long Epsilon = Epsilon_;
    static constexpr unsigned Bits = Bits_;
    static constexpr long long ZeroPoint = ZeroPoint_;
};

/// G says which groups are the tile's, and where they lie; `w` has gamma and then beta, in Words
/// parts, each padded to whole vectors.
template <class TA, class TW, class TC, class Acc, class Buffer, class G, class N, unsigned Words, class... Stages>
struct Normalize {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict w, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        const unsigned first = unsigned(p[0]), channels = unsigned(p[1]);
        for (unsigned row = 0; row < Buffer::Rows; ++row) {
            const TA *from = a + row * Buffer::Widths[0] + G::Offset + first * G::Group;
            for (unsigned channel = 0; channel < channels; ++channel)
                group(from + channel * G::Group, w, p + detail::header,
                      c + row * Buffer::Output + channel * G::Length);
        }
    }

private:
    using Store = Requantize<TC, Stages...>;
    using Wide = aie::accum<acc64, 16>;
    using Lanes = aie::vector<int32_t, 16>;

    static constexpr unsigned padded = detail::whole_vectors(G::Length);

    static AIE4ML_INLINE void group(const TA *__restrict a, const TW *__restrict w,
                                    const int32_t *__restrict scales, TC *__restrict c)
    {
        int32_t sum = 0;
        int64_t squares = 0;
        for (unsigned i = 0; i < G::Length; ++i) {
            const int32_t x = a[i * G::Element] - int32_t(N::ZeroPoint);
            if constexpr (N::Centered)
                sum += x;
            squares += int64_t(x) * x;
        }
        int64_t variance = int64_t(G::Length) * squares - int64_t(sum) * sum + N::Epsilon;
        variance = variance > 1 ? variance : 1;
        // Half of what it is shifted by until it has 61 or 62 bits.
        int shift = 0;
        detail::unroll<5>([&](auto step) AIE4ML_LAMBDA {
            constexpr int by = 32 >> step;
            if (variance < int64_t(1) << (62 - by)) {
                variance <<= by;
                shift += by / 2;
            }
        });
        const uint32_t quotient = detail::reciprocal<61, 29>(detail::square_root(uint64_t(variance)));
        const auto reciprocal = aie::broadcast<int32_t, 16>(int32_t(quotient < 0x7fffffff ? quotient : 0x7fffffff));
        for (unsigned i = 0; i < G::Length; i += 16) {
            const unsigned count = G::Length - i < 16 ? G::Length - i : 16;
            alignas(64) int32_t differences[16] = {};
            for (unsigned lane = 0; lane < count; ++lane) {
                const int32_t x = a[(i + lane) * G::Element] - int32_t(N::ZeroPoint);
                differences[lane] = int32_t(G::Length) * x - sum;
            }
            const Wide products = aie::mul<acc64>(aie::load_v<16>(differences), reciprocal);
            aie::set_rounding(aie::rounding_mode::conv_even);
            aie::set_saturation(aie::saturation_mode::saturate);
            const Lanes normal = products.template to_vector<int32_t>(61 - shift - int(N::Bits));
            Wide start(aie::load_v<16>(w + padded + i));
            if constexpr (Words == 2)
                start = aie::add(start, Wide(aie::load_v<16>(w + 2 * padded + i), 31));
            const Wide sums = aie::mac(start, normal, aie::load_v<16>(w + i));
            Store::template set_modes<8 * sizeof(Acc), 16>();
            alignas(64) TC results[16];
            if constexpr (sizeof(Acc) == 4)
                // The sums fit.
                Store::template store<16, 16>(results, aie::accum<acc32, 16>(sums.template to_vector<int32_t>(0)),
                                              scales);
            else
                Store::template store<16, 16>(results, sums, scales);
            detail::copy(c + i, results, count);
        }
    }
};

} // namespace aie4ml
