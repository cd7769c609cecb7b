// Softmax of groups within rows, from a table: table[0] belongs to the largest element of a group. For
// codes of 16 bits entries are products of two: of the difference modulo 256, and of the rest.

#pragma once

#include "rows.h"

namespace aie4ml {

/// G says which groups are the tile's, and where they lie. Sums are softmax times 2^45.
template <class TA, class TW, class TC, class Acc, class Buffer, class G, class... Stages>
struct Softmax {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict table, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        static_assert(sizeof(TA) == 1 || sizeof(TW) == 4, "entries of differences of 16 bits have 24");
        static_assert(sizeof(Acc) == 8, "sums have 47 bits");
        Store::template set_modes<64, 16>();
        const unsigned first = unsigned(p[0]), channels = unsigned(p[1]);
        for (unsigned row = 0; row < Buffer::Rows; ++row) {
            const TA *from = a + row * Buffer::Widths[0] + G::Offset + first * G::Group;
            for (unsigned channel = 0; channel < channels; ++channel)
                group(from + channel * G::Group, table, p + detail::header,
                      c + row * Buffer::Output + channel * G::Length);
        }
    }

private:
    using Store = Requantize<TC, Stages...>;
    using Sums = aie::accum<acc64, 16>;

    static constexpr bool wide = sizeof(TA) == 2;
    // The sum of all entries of a group, which is more than 2^Least.
    using Sum = std::conditional_t<wide && (G::Length > 127), uint64_t, uint32_t>;
    static constexpr unsigned Least = wide ? 23 : 15;

    static AIE4ML_INLINE int32_t entry(const TW *__restrict table, int32_t difference)
    {
        if constexpr (wide) {
            const unsigned fine = unsigned(difference) & 255, coarse = unsigned(difference) >> 8;
            return int32_t(int64_t(table[fine]) * table[256 + coarse] >> 24);
        } else
            return table[difference];
    }

    static AIE4ML_INLINE void group(const TA *__restrict a, const TW *__restrict table,
                                    const int32_t *__restrict scales, TC *__restrict c)
    {
        int32_t most = a[0];
        for (unsigned i = 1; i < G::Length; ++i)
            most = a[i * G::Element] > most ? a[i * G::Element] : most;
        Sum sum = 0;
        for (unsigned i = 0; i < G::Length; ++i)
            sum += Sum(entry(table, most - a[i * G::Element]));
        const auto reciprocal = aie::broadcast<int32_t, 16>(int32_t(detail::reciprocal<45, Least>(sum)));
        for (unsigned i = 0; i < G::Length; i += 16) {
            const unsigned count = G::Length - i < 16 ? G::Length - i : 16;
            alignas(64) int32_t entries[16] = {};
            for (unsigned lane = 0; lane < count; ++lane)
                entries[lane] = entry(table, most - a[(i + lane) * G::Element]);
            const Sums sums = aie::mul<acc64>(aie::load_v<16>(entries), reciprocal);
            alignas(64) TC results[16];
            Store::template store<16, 16>(results, sums, scales);
            detail::copy(c + i, results, count);
        }
    }
};

} // namespace aie4ml
