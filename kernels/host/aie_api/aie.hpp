// The part of AMD's AIE API that the kernels use, for a host compiler.
//
// Bit-exact in what matters: accumulators wrap at 32 or 64 bits, conversions
// round and saturate by the core's current modes, and a block shape that the
// device's matrix unit does not have does not compile. What is fast about it is
// left to the compiler: loops of constant length over arrays.
//
// __AIE_ARCH__ chooses the device as for AMD's compilers: 20 is AIE-ML, 21 is
// AIE-MLv2.

#pragma once

#include "../aie4ml_host.h"

#include <cstdint>
#include <cstring>
#include <type_traits>

#ifndef __AIE_ARCH__
#define __AIE_ARCH__ 20
#endif

/// Accumulator types: tags for the API, and one cascade word of each.
struct acc32 {};
struct acc64 {};
struct accauto {};

struct v16acc32 {
    alignas(64) int32_t lanes[16];
};
struct v8acc64 {
    alignas(64) int64_t lanes[8];
};

inline void put_mcd(const v16acc32 &word) { aie4ml_host_put(&word); }
inline void put_mcd(const v8acc64 &word) { aie4ml_host_put(&word); }

inline v16acc32 get_scd_v16acc32()
{
    v16acc32 word;
    aie4ml_host_get(&word);
    return word;
}

inline v8acc64 get_scd_v8acc64()
{
    v8acc64 word;
    aie4ml_host_get(&word);
    return word;
}

namespace aie {

/// The values are those of the core's control registers.
enum class rounding_mode : unsigned {
    floor = 0,
    ceil = 1,
    symmetric_floor = 2,
    symmetric_ceil = 3,
    negative_inf = 8,
    positive_inf = 9,
    symmetric_zero = 10,
    symmetric_inf = 11,
    conv_even = 12,
    conv_odd = 13,
};

enum class saturation_mode : unsigned { none = 0, saturate = 1, symmetric = 3 };

namespace detail {

struct Modes {
    rounding_mode rounding;
    saturation_mode saturation;
};
extern constinit thread_local Modes modes;

template <class Tag>
struct Accumulator;
template <>
struct Accumulator<acc32> {
    using type = int32_t;
    using native = v16acc32;
};
template <>
struct Accumulator<acc64> {
    using type = int64_t;
    using native = v8acc64;
};

/// x * 2^-shift, rounded. 0 <= shift <= 62.
inline int64_t shift_round(int64_t x, unsigned shift, rounding_mode mode)
{
    if (shift == 0)
        return x;
    const int64_t down = x >> shift;
    const int64_t rest = x - down * (int64_t(1) << shift); // what floor drops, in units of 2^-shift
    const int64_t half = int64_t(1) << (shift - 1);
    bool up = false; // whether to take down + 1 instead
    switch (mode) {
    case rounding_mode::floor: up = false; break;
    case rounding_mode::ceil: up = rest != 0; break;
    case rounding_mode::symmetric_floor: up = rest != 0 && x < 0; break;
    case rounding_mode::symmetric_ceil: up = rest != 0 && x > 0; break;
    case rounding_mode::negative_inf: up = rest > half; break;
    case rounding_mode::positive_inf: up = rest >= half; break;
    case rounding_mode::symmetric_zero: up = rest > half || (rest == half && x < 0); break;
    case rounding_mode::symmetric_inf: up = rest > half || (rest == half && x > 0); break;
    case rounding_mode::conv_even: up = rest > half || (rest == half && down % 2 != 0); break;
    case rounding_mode::conv_odd: up = rest > half || (rest == half && down % 2 == 0); break;
    }
    return down + up;
}

/// x as an element of type T, by the rules of a saturation mode.
template <class T>
inline T saturate(int64_t x, saturation_mode mode)
{
    constexpr int64_t max = std::is_signed_v<T> ? (int64_t(1) << (8 * sizeof(T) - 1)) - 1
                                                : (int64_t(1) << 8 * sizeof(T)) - 1;
    const int64_t min = !std::is_signed_v<T>                     ? 0
                        : mode == saturation_mode::symmetric ? -max
                                                             : -max - 1;
    if (mode == saturation_mode::none)
        return T(x); // modulo 2^bits
    return T(x < min ? min : x > max ? max : x);
}

} // namespace detail

/// How much of each kind a core would have issued, where AIE4ML_COUNT is defined: loads and stores as
/// wide as the core's, products of matrices as calls, sums of whole accumulators.
#ifdef AIE4ML_COUNT
struct Counts {
    unsigned long loads, stores, products, sums;
};
inline Counts counts{};
#define AIE4ML_COUNTED(what, bytes, unit) (::aie::counts.what += ((bytes) + (unit) - 1) / (unit))
#else
#define AIE4ML_COUNTED(what, bytes, unit) ((void)0)
#endif

inline void set_rounding(rounding_mode mode) { detail::modes.rounding = mode; }
inline rounding_mode get_rounding() { return detail::modes.rounding; }
inline void set_saturation(saturation_mode mode) { detail::modes.saturation = mode; }
inline saturation_mode get_saturation() { return detail::modes.saturation; }

template <class T, unsigned Elems>
struct vector {
    static_assert(8 * sizeof(T) * Elems >= 128, "a vector has at least 128 bits");

    using value_type = T;
    static constexpr unsigned size() { return Elems; }

    alignas(16) T data[Elems];

    template <unsigned N>
    vector<T, N> grow() const
    {
        static_assert(N >= Elems);
        vector<T, N> r{}; // the core leaves the new elements undefined
        std::memcpy(r.data, data, sizeof data);
        return r;
    }

    template <unsigned N>
    vector<T, N> grow_replicate() const
    {
        static_assert(N >= Elems && N % Elems == 0);
        vector<T, N> r;
        for (unsigned i = 0; i < N; ++i)
            r.data[i] = data[i % Elems];
        return r;
    }

    template <unsigned N>
    vector<T, N> extract(unsigned index) const
    {
        static_assert(N <= Elems);
        vector<T, N> r;
        std::memcpy(r.data, data + index * N, sizeof r.data);
        return r;
    }

    /// Elements of twice the width and the same sign.
    auto unpack() const
    {
        static_assert(sizeof(T) < 4, "elements of 32 bits are not unpacked");
        using Signed = std::conditional_t<sizeof(T) == 1, int16_t, int32_t>;
        vector<std::conditional_t<std::is_signed_v<T>, Signed, std::make_unsigned_t<Signed>>, Elems> r;
        for (unsigned i = 0; i < Elems; ++i)
            r.data[i] = data[i];
        return r;
    }

    template <class R>
    vector<R, Elems> pack() const
    {
        static_assert(2 * sizeof(R) == sizeof(T) && std::is_signed_v<R> == std::is_signed_v<T>);
        const saturation_mode mode = get_saturation();
        vector<R, Elems> r;
        for (unsigned i = 0; i < Elems; ++i)
            r.data[i] = detail::saturate<R>(data[i], mode);
        return r;
    }
};

template <unsigned Elems, class T>
inline vector<T, Elems> load_v(const T *from)
{
    AIE4ML_COUNTED(loads, Elems * sizeof(T), __AIE_ARCH__ == 20 ? 32 : 64);
    vector<T, Elems> r;
    std::memcpy(r.data, from, sizeof r.data);
    return r;
}

template <class T, unsigned Elems>
inline void store_v(T *to, const vector<T, Elems> &v)
{
    AIE4ML_COUNTED(stores, Elems * sizeof(T), __AIE_ARCH__ == 20 ? 32 : 64);
    std::memcpy(to, v.data, sizeof v.data);
}

/// From an address that is a multiple of an element's size.
template <unsigned Elems, class T>
inline vector<T, Elems> load_unaligned_v(const T *from)
{
    return load_v<Elems>(from);
}

template <class T, unsigned Elems>
inline vector<T, Elems> broadcast(T a)
{
    vector<T, Elems> r;
    for (T &x : r.data)
        x = a;
    return r;
}

// Vector arithmetic wraps and ignores the modes.

template <class T, unsigned Elems>
inline vector<T, Elems> max(vector<T, Elems> v, T a)
{
    for (T &x : v.data)
        x = x < a ? a : x;
    return v;
}

template <class T, unsigned Elems>
inline vector<T, Elems> min(vector<T, Elems> v, T a)
{
    for (T &x : v.data)
        x = a < x ? a : x;
    return v;
}

template <class T, unsigned Elems>
inline vector<T, Elems> add(vector<T, Elems> v, T a)
{
    for (T &x : v.data)
        x = T(std::make_unsigned_t<T>(x) + std::make_unsigned_t<T>(a));
    return v;
}

template <class T, unsigned Elems>
inline vector<T, Elems> sub(vector<T, Elems> v, T a)
{
    for (T &x : v.data)
        x = T(std::make_unsigned_t<T>(x) - std::make_unsigned_t<T>(a));
    return v;
}

template <class T, unsigned Elems>
inline vector<T, Elems> bit_and(T a, vector<T, Elems> v)
{
    for (T &x : v.data)
        x = T(x & a);
    return v;
}

template <class T, unsigned Elems>
inline vector<T, Elems> bit_xor(T a, vector<T, Elems> v)
{
    for (T &x : v.data)
        x = T(x ^ a);
    return v;
}

template <class Tag, unsigned Elems>
struct accum {
    using value_type = Tag;
    using element = typename detail::Accumulator<Tag>::type;
    using native = typename detail::Accumulator<Tag>::native;
    static constexpr unsigned size() { return Elems; }
    static constexpr unsigned accum_bits() { return 8 * sizeof(element); }
    static constexpr unsigned bits() { return accum_bits() * Elems; }

    alignas(32) element data[Elems];

    accum() = default;

    explicit accum(const native &word)
        requires(sizeof(data) == sizeof(native))
    {
        std::memcpy(data, word.lanes, sizeof data);
    }

    /// Elements times 2^shift.
    template <class T>
    explicit accum(const vector<T, Elems> &v, int shift = 0)
    {
        if (shift < 0 || shift > 31)
            aie4ml_host_refuse("upshift out of range");
        if (sizeof(T) == sizeof(element) && shift != 0)
            aie4ml_host_refuse("a vector becomes accumulators of its own width without a shift");
        for (unsigned i = 0; i < Elems; ++i)
            data[i] = element(uint64_t(int64_t(v.data[i])) << shift);
    }

    native to_native() const
        requires(sizeof(data) == sizeof(native))
    {
        native word;
        std::memcpy(word.lanes, data, sizeof data);
        return word;
    }

    template <unsigned N>
    accum<Tag, N> grow() const
    {
        static_assert(N >= Elems);
        accum<Tag, N> r;
        std::memset(r.data, 0, sizeof r.data); // the core leaves the new elements undefined
        std::memcpy(r.data, data, sizeof data);
        return r;
    }

    template <unsigned N>
    accum<Tag, N> extract(unsigned index) const
    {
        static_assert(N <= Elems);
        accum<Tag, N> r;
        std::memcpy(r.data, data + index * N, sizeof r.data);
        return r;
    }

    template <unsigned N>
    accum &insert(unsigned index, const accum<Tag, N> &part)
    {
        static_assert(N <= Elems);
        std::memcpy(data + index * N, part.data, sizeof part.data);
        return *this;
    }

    /// Shift, round, saturate. Elements as wide as the accumulator are copied:
    /// no core shifts them on the way.
    template <class T>
    vector<T, Elems> to_vector(int shift = 0) const
    {
        static_assert(sizeof(element) <= 4 * sizeof(T),
                      "64-bit accumulators convert to 16 bits or more; pack the vector to get 8");
        vector<T, Elems> r;
        if constexpr (sizeof(T) == sizeof(element)) {
            if (shift != 0)
                aie4ml_host_refuse("accumulators become elements of their own width without a shift");
            for (unsigned i = 0; i < Elems; ++i)
                r.data[i] = T(data[i]);
        } else {
            // The hardware's small negative shifts are not reliable.
            if (shift < 0 || shift > (sizeof(element) == 4 ? 31 : 59))
                aie4ml_host_refuse("downshift out of range");
            const detail::Modes now = detail::modes;
            for (unsigned i = 0; i < Elems; ++i)
                r.data[i] =
                    detail::saturate<T>(detail::shift_round(data[i], unsigned(shift), now.rounding), now.saturation);
        }
        return r;
    }
};

template <class Tag, unsigned Elems>
inline accum<Tag, Elems> zeros()
{
    accum<Tag, Elems> r;
    std::memset(r.data, 0, sizeof r.data);
    return r;
}

template <class Tag, unsigned Elems>
inline accum<Tag, Elems> add(const accum<Tag, Elems> &a, const accum<Tag, Elems> &b)
{
    AIE4ML_COUNTED(sums, sizeof a.data, __AIE_ARCH__ == 20 ? 128 : 256);
    using Unsigned = std::make_unsigned_t<typename accum<Tag, Elems>::element>;
    accum<Tag, Elems> r;
    for (unsigned i = 0; i < Elems; ++i)
        r.data[i] = typename accum<Tag, Elems>::element(Unsigned(a.data[i]) + Unsigned(b.data[i]));
    return r;
}

template <class Tag, unsigned Elems>
inline accum<Tag, Elems> sub(const accum<Tag, Elems> &a, const accum<Tag, Elems> &b)
{
    using Unsigned = std::make_unsigned_t<typename accum<Tag, Elems>::element>;
    accum<Tag, Elems> r;
    for (unsigned i = 0; i < Elems; ++i)
        r.data[i] = typename accum<Tag, Elems>::element(Unsigned(a.data[i]) - Unsigned(b.data[i]));
    return r;
}

/// c + a * b of each element: 16 or 32 by 32 bits, in 64.
template <class Tag, unsigned Elems, class TA, class TB>
inline accum<Tag, Elems> mac(const accum<Tag, Elems> &c, const vector<TA, Elems> &a, const vector<TB, Elems> &b)
{
    static_assert(std::is_same_v<Tag, acc64> && sizeof(TA) >= 2 && sizeof(TB) == 4,
                  "of element-wise products, these types are not modeled");
    accum<Tag, Elems> r;
    for (unsigned i = 0; i < Elems; ++i)
        r.data[i] = int64_t(uint64_t(c.data[i]) + uint64_t(int64_t(a.data[i])) * uint64_t(int64_t(b.data[i])));
    return r;
}

/// The larger of each two elements.
template <class T, unsigned Elems>
inline vector<T, Elems> max(vector<T, Elems> a, const vector<T, Elems> &b)
{
    for (unsigned i = 0; i < Elems; ++i)
        a.data[i] = a.data[i] < b.data[i] ? b.data[i] : a.data[i];
    return a;
}

/// Every second block of `step` elements, from the first on.
template <class T, unsigned Elems>
inline vector<T, Elems / 2> filter_even(const vector<T, Elems> &v, unsigned step = 1)
{
    vector<T, Elems / 2> r;
    for (unsigned i = 0; i < Elems / 2; ++i)
        r.data[i] = v.data[i / step * 2 * step + i % step];
    return r;
}

/// A matrix of `rows` x `columns` elements, row-major, with both exchanged.
template <class T, unsigned Elems>
inline vector<T, Elems> transpose(const vector<T, Elems> &v, unsigned rows, unsigned columns)
{
    if (rows * columns != Elems)
        aie4ml_host_refuse("a vector is no matrix of these extents");
    vector<T, Elems> r;
    for (unsigned i = 0; i < rows; ++i)
        for (unsigned j = 0; j < columns; ++j)
            r.data[j * rows + i] = v.data[i * columns + j];
    return r;
}

/// c + a * b of each element and one number, of 16 bits both.
template <class Tag, unsigned Elems, class TA>
inline accum<Tag, Elems> mac(const accum<Tag, Elems> &c, const vector<TA, Elems> &a, int16_t b)
{
    static_assert(sizeof(TA) == 2, "of products with one number, these types are not modeled");
    static_assert(sizeof(typename accum<Tag, Elems>::element) == 4 || __AIE_ARCH__ == 20,
                  "only AIE-ML adds products of 16 bits to accumulators of 64 bits at once");
    accum<Tag, Elems> r;
    using element = typename accum<Tag, Elems>::element;
    for (unsigned i = 0; i < Elems; ++i)
        r.data[i] = element(uint64_t(int64_t(c.data[i])) + uint64_t(int64_t(a.data[i])) * uint64_t(int64_t(b)));
    return r;
}

/// a * b of each element and one number, of 16 bits both.
template <class Tag, unsigned Elems, class TA>
inline accum<Tag, Elems> mul(const vector<TA, Elems> &a, int16_t b)
{
    static_assert(sizeof(TA) == 2, "of products with one number, these types are not modeled");
    accum<Tag, Elems> r;
    for (unsigned i = 0; i < Elems; ++i)
        r.data[i] = typename accum<Tag, Elems>::element(int64_t(a.data[i]) * b);
    return r;
}

template <class Tag, unsigned Elems, class TA, class TB>
inline accum<Tag, Elems> mul(const vector<TA, Elems> &a, const vector<TB, Elems> &b)
{
    return mac(zeros<Tag, Elems>(), a, b);
}

namespace detail {

/// The bits in which the device accumulates a block product <m, k, n> of
/// elements of a_bits and b_bits, or 0 where it has no such product.
constexpr unsigned mmul_accum_bits(unsigned m, unsigned k, unsigned n, unsigned a_bits, unsigned b_bits)
{
    struct Shape {
        unsigned m, k, n, a_bits, b_bits, accum_bits;
    };
    constexpr Shape shapes[] = {
#if __AIE_ARCH__ == 20
        // One instruction each: 8x8 bits 4x8x8, and 2x8x8 with half of it unused; 16x8 bits 4x4x8, 4x8x4, 2x8x8;
        // 16x16 bits 4x2x8, 2x4x8, 4x4x4. The others take two, or extra moves.
        {2, 8, 8, 8, 8, 32},   {4, 8, 8, 8, 8, 32},   {8, 8, 8, 8, 8, 32},
        {1, 16, 8, 8, 8, 32},  {2, 16, 8, 8, 8, 32},  {4, 16, 8, 8, 8, 32},
        {4, 8, 4, 8, 8, 32},   {4, 16, 4, 8, 8, 32},  {8, 8, 4, 8, 8, 32},
        {4, 4, 4, 16, 8, 32},  {8, 4, 4, 16, 8, 32},  {4, 4, 8, 16, 8, 32},
        {8, 4, 8, 16, 8, 32},  {4, 8, 4, 16, 8, 64},  {2, 8, 8, 16, 8, 64},
        {4, 4, 8, 8, 16, 64},  {4, 4, 4, 8, 16, 64},
        {4, 2, 8, 16, 16, 32}, {8, 2, 8, 16, 16, 32}, {8, 1, 8, 16, 16, 32},
        {4, 4, 4, 16, 16, 64}, {2, 4, 8, 16, 16, 64}, {4, 4, 8, 16, 16, 64},
#elif __AIE_ARCH__ == 21
        // One instruction each; the smaller ones leave part of it unused.
        {2, 8, 8, 8, 8, 32},   {4, 8, 8, 8, 8, 32},   {8, 8, 8, 8, 8, 32},
        {4, 4, 8, 16, 8, 32},  {8, 4, 8, 16, 8, 32},  {4, 8, 8, 16, 8, 64},
        {8, 2, 8, 8, 16, 32},  {4, 4, 8, 8, 16, 64},
        {4, 2, 8, 16, 16, 32}, {8, 2, 8, 16, 16, 32}, {8, 1, 8, 16, 16, 32},
        {2, 4, 8, 16, 16, 64}, {4, 4, 8, 16, 16, 64},
#else
#error "__AIE_ARCH__ is 20 (AIE-ML) or 21 (AIE-MLv2)"
#endif
    };
    for (const Shape &s : shapes)
        if (s.m == m && s.k == k && s.n == n && s.a_bits == a_bits && s.b_bits == b_bits)
            return s.accum_bits;
    return 0;
}

/// N elements that are computed with together.
template <class T, unsigned N>
using Lanes __attribute__((vector_size(N * sizeof(T)))) = T;

/// c += a * b for row-major a [m][k], b [k][n], c [m][n], modulo the width of c.
template <unsigned m, unsigned k, unsigned n, class TA, class TB, class Acc>
inline void multiply_add(const TA *__restrict a, const TB *__restrict b, Acc *__restrict c)
{
    constexpr int64_t max_a = std::is_signed_v<TA> ? int64_t(1) << (8 * sizeof(TA) - 1)
                                                   : (int64_t(1) << 8 * sizeof(TA)) - 1;
    constexpr int64_t max_b = std::is_signed_v<TB> ? int64_t(1) << (8 * sizeof(TB) - 1)
                                                   : (int64_t(1) << 8 * sizeof(TB)) - 1;
    // Every product and the sum over k are formed in the narrowest type that
    // holds them exactly; in 32-bit accumulators also modulo 2^32.
    using Product = std::conditional_t<max_a * max_b <= INT16_MAX, int16_t,
                                       std::conditional_t<sizeof(Acc) == 4, uint32_t,
                                                          std::conditional_t<k * max_a * max_b <= INT32_MAX, int32_t, int64_t>>>;
    using Sum = std::conditional_t<sizeof(Acc) == 4, uint32_t,
                                   std::conditional_t<k * max_a * max_b <= INT32_MAX, int32_t, uint64_t>>;
    using Unsigned = std::make_unsigned_t<Acc>;

    Lanes<Sum, n> sums[m] = {};
    for (unsigned l = 0; l < k; ++l) {
        Lanes<TB, n> row;
        std::memcpy(&row, b + l * n, sizeof row);
        const auto factors = __builtin_convertvector(row, Lanes<Product, n>);
        for (unsigned i = 0; i < m; ++i)
            sums[i] += __builtin_convertvector(factors * Product(a[i * k + l]), Lanes<Sum, n>);
    }
    for (unsigned i = 0; i < m; ++i) {
        Lanes<Unsigned, n> total;
        std::memcpy(&total, c + i * n, sizeof total);
        total += __builtin_convertvector(sums[i], Lanes<Unsigned, n>);
        std::memcpy(c + i * n, &total, sizeof total);
    }
}

} // namespace detail

template <unsigned M, unsigned K, unsigned N, class TA, class TB = TA, class Tag = accauto>
struct mmul {
    static constexpr unsigned size_A = M * K;
    static constexpr unsigned size_B = K * N;
    static constexpr unsigned size_C = M * N;

private:
    static constexpr unsigned bits = detail::mmul_accum_bits(M, K, N, 8 * sizeof(TA), 8 * sizeof(TB));
    static_assert(bits != 0, "the device has no block product of this shape and these types");
    static_assert(std::is_same_v<Tag, accauto>, "let the device choose the accumulator");

public:
    using accum_type = accum<std::conditional_t<bits == 64, acc64, acc32>, size_C>;

    mmul() : sums(zeros<typename accum_type::value_type, size_C>()) {}
    mmul(const accum_type &start) : sums(start) {}

    void mac(const vector<TA, size_A> &a, const vector<TB, size_B> &b)
    {
        AIE4ML_COUNTED(products, 1, 1);
        detail::multiply_add<M, K, N>(a.data, b.data, sums.data);
    }

    void mul(const vector<TA, size_A> &a, const vector<TB, size_B> &b)
    {
        *this = mmul();
        mac(a, b);
    }

    accum_type to_accum() const { return sums; }

private:
    accum_type sums;
};

} // namespace aie
