// What the kernels of operators share that read whole rows.
//
// A row is one sample; outputs lie in it as [channel][y][x], contiguous. Rows of
// a buffer are padded to whole blocks of 8 elements. A tile makes the outputs of
// some channels; its parameters are int32:
//
//     [16]                    the first channel, how many there are, padding
//     [words][channels]       of the operator, padded to 16
//     [words][channels][16]   of the requantization, the same in all lanes

#pragma once

#include "requant.h"

namespace aie4ml {

/// Rows that pass at once, and elements of a row in the buffer of each input and of
/// the output.
template <unsigned Rows_, unsigned... Widths_>
struct Buffers {
    static constexpr unsigned Rows = Rows_;
    static constexpr unsigned Widths[] = {Widths_...};
    static constexpr unsigned Output = Widths[sizeof...(Widths_) - 1];
};

/// Channels, height and width.
template <unsigned C_, unsigned H_, unsigned W_>
struct Image {
    static constexpr unsigned C = C_;
    static constexpr unsigned H = H_;
    static constexpr unsigned W = W_;
};

/// An input image, whose elements lie strides apart, from a first one on.
template <unsigned C_, unsigned H_, unsigned W_, unsigned Channel_, unsigned Row_, unsigned Column_, unsigned Offset_>
struct StridedImage {
    static constexpr unsigned C = C_, H = H_, W = W_;
    static constexpr unsigned Channel = Channel_, Row = Row_, Column = Column_, Offset = Offset_;
};

/// Height, width, strides, dilations, rows above and columns to the left of the
/// image, and how far elements of the image are apart.
template <unsigned KH_, unsigned KW_, unsigned SY_, unsigned SX_, unsigned DY_, unsigned DX_, unsigned Top_,
          unsigned Left_, unsigned EY_, unsigned EX_>
struct Window {
    static constexpr unsigned KH = KH_, KW = KW_, SY = SY_, SX = SX_, DY = DY_, DX = DX_;
    static constexpr unsigned Top = Top_, Left = Left_, EY = EY_, EX = EX_;
};

/// Where elements of a row lie: the first, and how far they are apart along three dimensions.
template <unsigned Offset_, unsigned X_, unsigned Y_, unsigned Z_>
struct Strided {
    static constexpr unsigned Offset = Offset_, X = X_, Y = Y_, Z = Z_;
};

/// Groups of a tile, elements of a group, and where in a row those lie: the first, and how far
/// groups and elements are apart. In the output they lie one behind the other.
template <unsigned Count_, unsigned Length_, unsigned Offset_, unsigned Group_, unsigned Element_>
struct Groups {
    static constexpr unsigned Count = Count_, Length = Length_;
    static constexpr unsigned Offset = Offset_, Group = Group_, Element = Element_;
};

namespace detail {

/// Words before those of the operator.
inline constexpr unsigned header = 16;

constexpr unsigned whole_vectors(unsigned count) { return (count + 15) / 16 * 16; }

/// Copies fewer elements than a vector has.
template <class T>
AIE4ML_INLINE void copy(T *__restrict to, const T *__restrict from, unsigned count)
{
    for (unsigned i = 0; i < count; ++i)
        to[i] = from[i];
}

/// sums + a * b of each element and one number, of 16 bits both. To accumulators of 64 bits, AMD's
/// API adds such products at once on AIE-ML only.
template <class Sums, class V>
AIE4ML_INLINE Sums multiply_add(const Sums &sums, const V &a, int16_t b)
{
    if constexpr (Sums::accum_bits() == 64)
        return aie::add(sums, Sums(aie::mul<typename Sums::value_type>(a, b)));
    else
        return aie::mac(sums, a, b);
}

/// 2^Shift / y, rounded down, for y above 2^Least whose double has no more bits than T, and a
/// quotient below 2^32.
template <unsigned Shift, unsigned Least, class T>
AIE4ML_INLINE uint32_t reciprocal(T y)
{
    uint32_t quotient = 0;
    T rest = T(1) << Least;
    for (unsigned step = Least; step < Shift; ++step) {
        rest <<= 1;
        quotient <<= 1;
        if (rest >= y) {
            rest -= y;
            quotient |= 1;
        }
    }
    return quotient;
}

/// The square root of x, rounded down, of 62 bits.
AIE4ML_INLINE uint32_t square_root(uint64_t x)
{
    uint64_t root = 0;
    for (uint64_t bit = uint64_t(1) << 60; bit != 0; bit >>= 2) {
        const bool fits = x >= root + bit;
        if (fits)
            x -= root + bit;
        root = root >> 1 | (fits ? bit : 0);
    }
    return uint32_t(root);
}

} // namespace detail

} // namespace aie4ml
