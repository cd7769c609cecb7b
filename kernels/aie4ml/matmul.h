// Products of two computed matrices in each row, some rows of each product.
//
// For 16 columns at a time, what is read of the second matrix is brought into a scratch of 16-bit
// elements, [k][16], less its zero point; a term of a sum then is a vector of it times one element
// of the first matrix. Without Vectors, as 16 bits do not hold such elements, or the scratch would
// be too large, sums are made one by one.

#pragma once

#include "rows.h"

namespace aie4ml {

/// Count rows of products are the tile's; of a head they are M, sums of K terms in N columns. A and B
/// say where [h][m][k] and [h][k][n] lie; Acc is int32_t or int64_t.
template <class TA, class TB, class TC, class Acc, class Buffer, unsigned Count, unsigned M, unsigned K, unsigned N,
          class A, long long ZeroA, class B, long long ZeroB, bool Vectors, class... Stages>
struct Matmul {
    static AIE4ML_INLINE void run(const TA *__restrict a, const TB *__restrict b, const int32_t *__restrict p,
                                  TC *__restrict c)
    {
        Store::template set_modes<Sums::accum_bits(), 16>();
        const unsigned first = unsigned(p[0]), channels = unsigned(p[1]);
        const int32_t *scales = p + detail::header;
        for (unsigned row = 0; row < Buffer::Rows; ++row) {
            const TA *left = a + row * Buffer::Widths[0] + A::Offset;
            const TB *right = b + row * Buffer::Widths[1] + B::Offset;
            TC *out = c + row * Buffer::Output;
            // Rows of one head.
            for (unsigned begin = 0; begin < channels;) {
                const unsigned head = (first + begin) / M, m = (first + begin) % M;
                const unsigned count = channels - begin < M - m ? channels - begin : M - m;
                product(left + head * A::X + m * A::Y, right + head * B::X, count, scales, out + begin * N);
                begin += count;
            }
        }
    }

private:
    using Store = Requantize<TC, Stages...>;
    using Sums = aie::accum<std::conditional_t<sizeof(Acc) == 4, acc32, acc64>, 16>;

    static AIE4ML_INLINE void product(const TA *__restrict a, const TB *__restrict b, unsigned rows,
                                      const int32_t *__restrict scales, TC *__restrict c)
    {
        alignas(64) int16_t columns[Vectors ? K * 16 : 16];
        for (unsigned n = 0; n < N; n += 16) {
            const unsigned count = N - n < 16 ? N - n : 16;
            const TB *from = b + n * B::Z;
            if constexpr (Vectors) {
                for (unsigned k = 0; k < K; ++k) {
                    aie::store_v(columns + k * 16, aie::broadcast<int16_t, 16>(0));
                    for (unsigned lane = 0; lane < count; ++lane)
                        columns[k * 16 + lane] = int16_t(from[k * B::Y + lane * B::Z] - int32_t(ZeroB));
                }
            }
            for (unsigned m = 0; m < rows; ++m) {
                alignas(64) TC results[16];
                Store::template store<16, 16>(results, sums(a + m * A::Y, from, columns, count), scales);
                detail::copy(c + m * N + n, results, count);
            }
        }
    }

    // Of 16 columns.
    static AIE4ML_INLINE Sums sums(const TA *__restrict a, const TB *__restrict b, const int16_t *__restrict columns,
                                   unsigned count)
    {
        if constexpr (Vectors) {
            Sums sums = aie::zeros<typename Sums::value_type, 16>();
            AIE4ML_PIPELINE(K)
            for (unsigned k = 0; k < K; ++k)
                sums = detail::multiply_add(sums, aie::load_v<16>(columns + k * 16),
                                            int16_t(a[k * A::Z] - int32_t(ZeroA)));
            return sums;
        } else {
            // In parts of 31 bits, of which the lower one is not negative.
            alignas(64) int32_t low[16] = {};
            [[maybe_unused]] alignas(64) int32_t high[16] = {};
            for (unsigned lane = 0; lane < count; ++lane) {
                Acc sum = 0;
                for (unsigned k = 0; k < K; ++k)
                    sum += (Acc(a[k * A::Z]) - Acc(ZeroA)) * (Acc(b[k * B::Y + lane * B::Z]) - Acc(ZeroB));
                if constexpr (sizeof(Acc) == 4) {
                    low[lane] = sum;
                } else {
                    low[lane] = int32_t(sum & 0x7fffffff);
                    high[lane] = int32_t(sum >> 31);
                }
            }
            if constexpr (sizeof(Acc) == 4)
                return Sums(aie::load_v<16>(low));
            else
                return aie::add(Sums(aie::load_v<16>(low)), Sums(aie::load_v<16>(high), 31));
        }
    }
};

} // namespace aie4ml
