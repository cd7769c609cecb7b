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
// feed 4 products. All groups of one shape are one loop, in which a group begins
// while the one before it ends: the compiler pipelines it where K is unrolled in
// it; where K is too long for that, the loop over it stands between the end of a
// group and the begin of the next, which are one piece of straight code. The
// operations and the cycles of these loops are counted in src/kernel/body.rs; see
// kernels/README.md for the issue slots.

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

    // Steps along K that are unrolled in the loop over groups.
    static constexpr unsigned unrolled = 8;

    // Accumulator registers of a block, and how many of a group's sums leave room for
    // what else is accumulated meanwhile: sums that come in, or products that scale.
    // All tiles of a cascade take the same groups, whatever their role.
    static constexpr unsigned register_bits = __AIE_ARCH__ == 20 ? 1024 : 2048;
    static constexpr unsigned registers = (size_c * Sums::accum_bits() + register_bits - 1) / register_bits;

    template <bool First, bool Last>
    static constexpr unsigned most_registers =
        First && Last && Out::template is_fused<Sums::accum_bits(), size_c>() ? 8 : 4;

    // Columns of blocks in a group of R rows: without a second row, more columns make
    // up for the lost reuse of W.
    template <bool First, bool Last, unsigned R>
    static constexpr unsigned columns_of()
    {
        unsigned columns = 4 / R;
        while (columns > 1 && columns * R * registers > most_registers<First, Last>)
            columns /= 2;
        return columns;
    }

    template <bool First, bool Last>
    static AIE4ML_INLINE void run(const TA *__restrict a, const TW *__restrict w, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        if constexpr (Last)
            Out::template set_modes<Sums::accum_bits(), size_c>();

        if constexpr (MB >= 2)
            rows<First, Last, 2, MB / 2, columns_of<First, Last, 2>(), NB>(a, w, p, c);
        if constexpr (MB % 2 != 0) {
            constexpr unsigned row = MB - 1;
            rows<First, Last, 1, 1, columns_of<First, Last, 1>(), NB>(a + row * KB * size_a, w, p,
                                                                      Last ? c + row * NB * size_c : c);
        }
    }

    // `Rows` times R rows of blocks: their Left rightmost columns in groups of C, then
    // what is left in groups of half the size.
    template <bool First, bool Last, unsigned R, unsigned Rows, unsigned C, unsigned Left>
    static AIE4ML_INLINE void rows(const TA *__restrict a, const TW *__restrict w, const int32_t *__restrict p,
                                   TC *__restrict c)
    {
        constexpr unsigned column = NB - Left;
        if constexpr (Left / C > 0)
            groups<First, Last, R, Rows, C, Left / C>(a, w + column * KB * size_w,
                                                      takes<First, Last> ? p + column * n : p,
                                                      Last ? c + column * size_c : c);
        if constexpr (Left % C != 0)
            rows<First, Last, R, Rows, C / 2, Left % C>(a, w, p, c);
    }

    // `Rows` x `Columns` groups of R x C blocks of the result.
    template <bool First, bool Last, unsigned R, unsigned Rows, unsigned C, unsigned Columns>
    static AIE4ML_INLINE void groups(const TA *__restrict a, const TW *__restrict w, const int32_t *__restrict p,
                                     TC *__restrict c)
    {
        constexpr unsigned count = Rows * Columns;
        Reader<First, R, Rows, C, Columns> reader{a, w, p};
        Writer<First, Last, R, Rows, C, Columns> writer{p, c};
        Group<R, C> sums;

        if constexpr (KB <= unrolled) {
            AIE4ML_PIPELINE(count)
            for (unsigned group = 0; group < count; ++group) {
                reader.begin(sums);
                reader.template steps<KB - 1>(sums);
                reader.next();
                writer.finish(sums);
            }
        } else {
            // The begin of a group is as long as its end, in which all results of the
            // one before it are there.
            constexpr unsigned half = unrolled / 2;
            reader.begin(sums);
            reader.template steps<half - 1>(sums);
            for (unsigned group = 1; group < count; ++group) {
                reader.loop(sums);
                reader.template steps<half>(sums);
                reader.next();
                Group<R, C> following;
                reader.begin(following);
                reader.template steps<half - 1>(following);
                writer.finish(sums);
                sums = following;
            }
            reader.loop(sums);
            reader.template steps<half>(sums);
            writer.finish(sums);
        }
    }

    // The sums of a group.
    template <unsigned R, unsigned C>
    struct Group {
        Block block[R][C];
    };

    // Where a group that is computed is read from. The second row and the columns beside
    // the first lie at constant distances, so that one pointer serves each operand.
    template <bool First, unsigned R, unsigned Rows, unsigned C, unsigned Columns>
    struct Reader {
        const TA *__restrict a;
        const TW *__restrict w;
        const int32_t *__restrict p;
        unsigned column = 0;

        // Sums with the first step, which starts them where there is no bias.
        AIE4ML_INLINE void begin(Group<R, C> &sums)
        {
            if constexpr (First) {
                detail::unroll<C>([&](auto j) AIE4ML_LAMBDA {
                    const Sums start = start_of(p + j * n);
                    detail::unroll<R>([&](auto i) AIE4ML_LAMBDA { sums.block[i][j] = Block(start); });
                });
            }
            step<!First>(sums);
        }

        template <unsigned Count>
        AIE4ML_INLINE void steps(Group<R, C> &sums)
        {
            AIE4ML_UNROLL
            for (unsigned kb = 0; kb < Count; ++kb)
                step<false>(sums);
        }

        // All steps that are not unrolled.
        AIE4ML_INLINE void loop(Group<R, C> &sums)
        {
            AIE4ML_PIPELINE(KB - unrolled)
            for (unsigned kb = 0; kb < KB - unrolled; ++kb)
                step<false>(sums);
        }

        // Column by column, so that blocks of W, the scarcest loads, are needed one after
        // the other.
        template <bool Starts>
        AIE4ML_INLINE void step(Group<R, C> &sums)
        {
            aie::vector<TA, size_a> rows[R];
            aie::vector<TW, size_w> columns[C];
            detail::unroll<R>([&](auto i) AIE4ML_LAMBDA { rows[i] = aie::load_v<size_a>(a + i * KB * size_a); });
            detail::unroll<C>([&](auto j) AIE4ML_LAMBDA { columns[j] = aie::load_v<size_w>(w + j * KB * size_w); });
            a += size_a;
            w += size_w;
            detail::unroll<C>([&](auto j) AIE4ML_LAMBDA {
                detail::unroll<R>([&](auto i) AIE4ML_LAMBDA {
                    if constexpr (Starts)
                        sums.block[i][j].mul(rows[i], columns[j]);
                    else
                        sums.block[i][j].mac(rows[i], columns[j]);
                });
            });
        }

        // To the next group, by numbers that are chosen rather than by branches, which would
        // end the loop's straight code.
        AIE4ML_INLINE void next()
        {
            const bool turns = turn<Rows, Columns>(column);
            a += turns ? int((R - 1) * KB * size_a) : -int(KB * size_a);
            w += turns ? -int(((Columns - 1) * C + 1) * KB * size_w) : int((C - 1) * KB * size_w);
            if constexpr (First)
                p += turns ? -int((Columns - 1) * C * n) : int(C * n);
        }
    };

    // Where the results of a group go, and what scales them.
    template <bool First, bool Last, unsigned R, unsigned Rows, unsigned C, unsigned Columns>
    struct Writer {
        const int32_t *__restrict p;
        TC *__restrict c;
        unsigned column = 0;

        // Requantizes or sends the sums of a group, and goes on to the next one.
        AIE4ML_INLINE void finish(const Group<R, C> &sums)
        {
            detail::unroll<R>([&](auto i) AIE4ML_LAMBDA {
                detail::unroll<C>([&](auto j) AIE4ML_LAMBDA {
                    Sums sum = sums.block[i][j].to_accum();
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
            if constexpr (Last) {
                const bool turns = turn<Rows, Columns>(column);
                c += turns ? int((R * NB - (Columns - 1) * C) * size_c) : int(C * size_c);
                if constexpr (Out::per_channel)
                    p += turns ? -int((Columns - 1) * C * n) : int(C * n);
            }
        }
    };

    // Counts a column of groups; whether it was the last one of its row.
    template <unsigned Rows, unsigned Columns>
    static AIE4ML_INLINE bool turn(unsigned &column)
    {
        if constexpr (Columns == 1)
            return true;
        if constexpr (Rows == 1)
            return false;
        const bool turns = column + 1 == Columns;
        column = turns ? 0 : column + 1;
        return turns;
    }

    // The bias in every row of a block.
    static AIE4ML_INLINE Sums start_of(const int32_t *__restrict bias)
    {
        constexpr unsigned lanes = size_c < 16 ? size_c : 16;
        const aie::vector<int32_t, n> row = aie::load_v<n>(bias);
        const aie::accum<Tag, lanes> rows(row.template grow_replicate<lanes>());
        Sums sums;
        detail::unroll<size_c / lanes>([&](auto i) AIE4ML_LAMBDA { sums.insert(i, rows); });
        return sums;
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
