// A dense layer's share on one tile: C = requantize(A * W + bias).
//
// All operands are stored as whole blocks of the matrix unit's shape <m, k, n>,
// row-major, contiguous, aligned to 32 bytes (AIE-MLv2: 64):
//
//     A           [MB][KB][m][k]     activations in
//     W           [NB][KB][k][n]     weights
//     parameters  [words][NB][n]     int32, of each output channel:
//                                    its bias, only where a sum starts;
//                                    its multiplier and addend, only where a sum
//                                    ends and they differ from channel to channel
//     C           [MB][NB][m][n]     activations out, only where a sum ends
//
// A multiplier or addend of more than 32 bits takes two words, low and high part
// (see PerChannel in requant.h).
//
// A layer whose K is cut over a cascade of tiles uses first, middle..., last in
// this order along the cascade; one that is not cut uses single. Every role
// first forms its own products, so all tiles of a cascade work at the same time,
// and only then adds what arrives from the tile before it.
//
// Blocks are taken in groups that stay in registers, 2x2 where possible: 4 loads
// feed 4 products. See kernels/README.md for the issue slots.

#pragma once

#include "requant.h"

namespace aie4ml {

/// A dense kernel. TA, TW, TC are the element types of A, W, C; Acc is int32_t
/// or int64_t, the width in which <m, k, n> accumulates on the device; MB, KB, NB
/// count blocks; Stages requantize (see requant.h).
template <class TA, class TW, class TC, class Acc, unsigned m, unsigned k, unsigned n, unsigned MB, unsigned KB,
          unsigned NB, class... Stages>
struct Dense {
    static_assert(MB >= 1 && KB >= 1 && NB >= 1, "a dense kernel has at least one block of each operand");

    /// The whole sum on this tile. The parameters begin with the bias.
    static AIE4ML_INLINE void single(const TA *__restrict a, const TW *__restrict w,
                                     const int32_t *__restrict parameters, TC *__restrict c)
    {
        run<true, true>(a, w, parameters, c);
    }

    /// Starts a sum: writes partial sums to the cascade.
    static AIE4ML_INLINE void first(const TA *__restrict a, const TW *__restrict w, const int32_t *__restrict bias)
    {
        run<true, false>(a, w, bias, nullptr);
    }

    /// Continues a sum: cascade in, cascade out.
    static AIE4ML_INLINE void middle(const TA *__restrict a, const TW *__restrict w)
    {
        run<false, false>(a, w, nullptr, nullptr);
    }

    /// Ends a sum: reads partial sums from the cascade.
    static AIE4ML_INLINE void last(const TA *__restrict a, const TW *__restrict w, TC *__restrict c)
    {
        static_assert(!Out::per_channel, "values per channel need a parameter buffer");
        run<false, true>(a, w, nullptr, c);
    }

    /// The same, with multipliers or addends per channel.
    static AIE4ML_INLINE void last(const TA *__restrict a, const TW *__restrict w,
                                   const int32_t *__restrict parameters, TC *__restrict c)
    {
        run<false, true>(a, w, parameters, c);
    }

private:
    using Block = aie::mmul<m, k, n, TA, TW>;
    using Sums = typename Block::accum_type;
    using Tag = typename Sums::value_type;
    using Out = Requantize<TC, Stages...>;

    static_assert(Sums::accum_bits() == 8 * sizeof(Acc),
                  "the device accumulates this block shape in another width than Acc");

    static constexpr unsigned size_a = m * k;
    static constexpr unsigned size_w = k * n;
    static constexpr unsigned size_c = m * n;

    // Whether a role has parameters.
    template <bool First, bool Last>
    static constexpr bool takes = First || (Last && Out::per_channel);

    template <bool First, bool Last>
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict w, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        if constexpr (Last)
            Out::template set_modes<Sums::accum_bits(), size_c>();

        for (unsigned row = 0; row < MB / 2; ++row)
            columns<First, Last, 2, 2, NB>(a + row * 2 * KB * size_a, w, p, c + row * 2 * NB * size_c);
        // Without a second row, a wider group makes up for the lost reuse of W.
        if constexpr (MB % 2 != 0) {
            constexpr unsigned row = MB - 1;
            columns<First, Last, 1, 4, NB>(a + row * KB * size_a, w, p, Last ? c + row * NB * size_c : c);
        }
    }

    // R rows of blocks, their Left rightmost columns in groups of C, then what is
    // left in groups of half the size.
    template <bool First, bool Last, unsigned R, unsigned C, unsigned Left>
    static AIE4ML_INLINE void columns(const TA *__restrict a, const TW *__restrict w,
                                      const int32_t *__restrict p, TC *__restrict c)
    {
        for (unsigned group = 0; group < Left / C; ++group) {
            const unsigned column = NB - Left + group * C;
            blocks<First, Last, R, C>(a, w + column * KB * size_w, takes<First, Last> ? p + column * n : p,
                                      Last ? c + column * size_c : c);
        }
        if constexpr (Left % C != 0)
            columns<First, Last, R, C / 2, Left % C>(a, w, p, c);
    }

    // One group of R x C blocks of the result.
    template <bool First, bool Last, unsigned R, unsigned C>
    static AIE4ML_INLINE void blocks(const TA *__restrict a, const TW *__restrict w, const int32_t *__restrict p,
                                     TC *__restrict c)
    {
        using detail::unroll;

        Block sums[R][C];
        unroll<C>([&](auto j) AIE4ML_LAMBDA {
            const Sums start = start_of<First>(First ? p + j * n : p);
            unroll<R>([&](auto i) AIE4ML_LAMBDA { sums[i][j] = Block(start); });
        });

        AIE4ML_PIPELINE(KB)
        for (unsigned kb = 0; kb < KB; ++kb) {
            aie::vector<TA, size_a> rows[R];
            aie::vector<TW, size_w> cols[C];
            unroll<R>([&](auto i) AIE4ML_LAMBDA { rows[i] = aie::load_v<size_a>(a + (i * KB + kb) * size_a); });
            unroll<C>([&](auto j) AIE4ML_LAMBDA { cols[j] = aie::load_v<size_w>(w + (j * KB + kb) * size_w); });
            unroll<R>([&](auto i) AIE4ML_LAMBDA {
                unroll<C>([&](auto j) AIE4ML_LAMBDA { sums[i][j].mac(rows[i], cols[j]); });
            });
        }

        unroll<R>([&](auto i) AIE4ML_LAMBDA {
            unroll<C>([&](auto j) AIE4ML_LAMBDA {
                Sums sum = sums[i][j].to_accum();
                if constexpr (!First)
                    sum = aie::add(sum, from_cascade());
                if constexpr (Last && Out::per_channel)
                    Out::template store<n, NB * n>(c + (i * NB + j) * size_c, sum, p + (First ? NB + j : +j) * n);
                else if constexpr (Last)
                    Out::store(c + (i * NB + j) * size_c, sum);
                else
                    to_cascade(sum);
            });
        });
    }

    // The bias in every row of a block, or zero where a sum does not start.
    template <bool First>
    static AIE4ML_INLINE Sums start_of(const int32_t *__restrict bias)
    {
        if constexpr (First) {
            constexpr unsigned lanes = size_c < 16 ? size_c : 16;
            const aie::vector<int32_t, n> row = aie::load_v<n>(bias);
            const aie::accum<Tag, lanes> rows(row.template grow_replicate<lanes>());
            Sums sums;
            detail::unroll<size_c / lanes>([&](auto i) AIE4ML_LAMBDA { sums.insert(i, rows); });
            return sums;
        } else {
            return aie::zeros<Tag, size_c>();
        }
    }

    // The cascade moves 512 bits at a time: 16 sums of 32 bits or 8 of 64 bits.
    static constexpr unsigned word = 512 / Sums::accum_bits();
    using Word = aie::accum<Tag, word>;

    static AIE4ML_INLINE void to_cascade(const Sums &sums)
    {
        if constexpr (size_c < word)
            put_mcd(sums.template grow<word>().to_native());
        else
            detail::unroll<size_c / word>(
                [&](auto i) AIE4ML_LAMBDA { put_mcd(sums.template extract<word>(i).to_native()); });
    }

    static AIE4ML_INLINE Sums from_cascade()
    {
        if constexpr (size_c < word) {
            return get_word().template extract<size_c>(0);
        } else {
            Sums sums;
            detail::unroll<size_c / word>([&](auto i) AIE4ML_LAMBDA { sums.insert(i, get_word()); });
            return sums;
        }
    }

    static AIE4ML_INLINE Word get_word()
    {
        if constexpr (word == 16)
            return Word(get_scd_v16acc32());
        else
            return Word(get_scd_v8acc64());
    }
};

} // namespace aie4ml
