// Requantization: accumulators in, stored output elements out.
//
// A stage computes, on one accumulator element x,
//
//     y = clamp(overflow(round((x * M + B) * 2^-Shift) + ZeroPoint), Lo, Hi)
//
// with overflow at `Width` bits. A layer has one stage, or several when the
// model rounds several times; each takes the result of the one before it. M and
// B are 1 and 0, constants, or one value per output channel.
//
// Four ways through the hardware:
// * fused: a single stage without M, B and zero point is one
//   shift-round-saturate from the accumulator to the stored type, which the core
//   does in its store unit. A minimum or maximum follows only where the
//   container does not already saturate at the right place.
// * scaled: a single stage with M or B forms x * M + B in 64-bit accumulators,
//   16 lanes at a time, and goes on as the fused one. Its zero point is part of
//   B, where adding it before rounding is the same.
// * wide: every other, 16 lanes at a time, through 64-bit accumulators and int32
//   vectors, in which nothing can be lost.
// * exact: a stage whose x * M + B may not fit 64 bits, lane by lane in 128 bits
//   of integer arithmetic. Slow; not taken where 47 bits of x meet 32 bits of M
//   and the shift drops 17 bits at least, which two products do.

#pragma once

#include "loops.h"

#include <aie_api/aie.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

#define AIE4ML_INLINE inline __attribute__((always_inline))
#define AIE4ML_LAMBDA __attribute__((always_inline))

namespace aie4ml {

/// How to round to an integer. The values are the core's own encodings.
enum class Rounding : unsigned {
    floor = 0,
    ceil = 1,
    toward_zero = 2,
    away_from_zero = 3,
    nearest_down = 8,
    nearest_up = 9,
    nearest_toward_zero = 10,
    nearest_away = 11,
    nearest_even = 12,
    nearest_odd = 13,
};

/// What to do with a value outside the declared width. `symmetric` saturates
/// at -(2^(w-1) - 1), so that the range has no element without a negative; on
/// unsigned results it is the same as `saturate`.
enum class Overflow { saturate, symmetric, wrap };

namespace detail {

/// Bits that hold `value` with its sign.
constexpr unsigned signed_bits(long long value)
{
    unsigned bits = 1;
    for (; value != 0 && value != -1; value >>= 1)
        ++bits;
    return bits;
}

} // namespace detail

/// A multiplier or addend that all channels share.
template <long long Value_>
struct Constant {
    static constexpr bool Varies = false;
    static constexpr long long Value = Value_;
    static constexpr unsigned Bits = detail::signed_bits(Value_);
    static constexpr unsigned Words = 0;
};

/// A multiplier or addend of which every output channel has its own, of at most
/// `Bits` bits with sign, in the parameter buffer: one int32 per channel, or low
/// and high part, which are apart `LowBits` bits; the low part is not negative, or
/// an unsigned number if it has 32 bits.
template <unsigned Bits_>
struct PerChannel {
    static_assert(Bits_ >= 1 && Bits_ <= 64, "a value per channel has 1 to 64 bits");
    static constexpr bool Varies = true;
    static constexpr long long Value = 0;
    static constexpr unsigned Bits = Bits_;
    static constexpr unsigned Words = Bits_ <= 32 ? 1 : 2;
    static constexpr unsigned LowBits = Bits_ <= 63 ? 31 : 32;
};

/// What a stage does before it shifts: nothing.
struct Unscaled {
    static constexpr bool Scales = false;
    using Multiplier = Constant<1>;
    using Addend = Constant<0>;
    static constexpr unsigned Bits = 64;
};

/// What a stage does before it shifts: x * Multiplier + Addend, where x has at most `Bits` bits with sign.
template <class Multiplier_, class Addend_, unsigned Bits_ = 32>
struct Scale {
    static constexpr bool Scales = true;
    using Multiplier = Multiplier_;
    using Addend = Addend_;
    static constexpr unsigned Bits = Bits_;
    static_assert(Bits >= 2 && Bits <= 62, "a stage with a multiplier or an addend takes 2 to 62 bits");
    static_assert(Multiplier::Bits <= 63, "a multiplier has at most 63 bits with its sign");
};

/// One requantization stage. `Lo` and `Hi` clamp after overflow (a ReLU is
/// Lo = 0). A negative `Shift` multiplies by 2^-Shift exactly. `Signed` says
/// how a stage before the last one interprets its `Width` bits; the last stage
/// takes it from the output type. `Scaling` is Unscaled or a Scale.
template <int Shift_, Rounding Round_, Overflow Over_, unsigned Width_, long long Lo_, long long Hi_,
          long long ZeroPoint_, bool Signed_ = true, class Scaling_ = Unscaled>
struct Stage {
    static constexpr int Shift = Shift_;
    static constexpr Rounding Round = Round_;
    static constexpr Overflow Over = Over_;
    static constexpr unsigned Width = Width_;
    static constexpr long long Lo = Lo_;
    static constexpr long long Hi = Hi_;
    static constexpr long long ZeroPoint = ZeroPoint_;
    static constexpr bool Signed = Signed_;
    using Scaling = Scaling_;

    static_assert(Shift >= -31 && Shift <= 126, "a stage shifts by -31 to 126 bits");
    static_assert(Width >= 1 && Width <= 32, "a stage has a width of 1 to 32 bits");
    static_assert(Lo <= Hi, "a stage clamps to an interval that is not empty");
};

namespace detail {

/// Calls `f` with std::integral_constant 0, 1, ... N-1, so that what it indexes
/// stays in registers.
template <unsigned N, class F>
AIE4ML_INLINE void unroll(F &&f)
{
    [&]<unsigned... I>(std::integer_sequence<unsigned, I...>) AIE4ML_LAMBDA {
        (f(std::integral_constant<unsigned, I>{}), ...);
    }(std::make_integer_sequence<unsigned, N>{});
}

constexpr aie::rounding_mode rounding_mode(Rounding r)
{
    switch (r) {
    case Rounding::floor: return aie::rounding_mode::floor;
    case Rounding::ceil: return aie::rounding_mode::ceil;
    case Rounding::toward_zero: return aie::rounding_mode::symmetric_floor;
    case Rounding::away_from_zero: return aie::rounding_mode::symmetric_ceil;
    case Rounding::nearest_down: return aie::rounding_mode::negative_inf;
    case Rounding::nearest_up: return aie::rounding_mode::positive_inf;
    case Rounding::nearest_toward_zero: return aie::rounding_mode::symmetric_zero;
    case Rounding::nearest_away: return aie::rounding_mode::symmetric_inf;
    case Rounding::nearest_even: return aie::rounding_mode::conv_even;
    case Rounding::nearest_odd: return aie::rounding_mode::conv_odd;
    }
    return aie::rounding_mode::floor;
}

/// What a container of `Bits` bits holds.
template <unsigned Bits, bool Signed>
struct Container {
    static constexpr long long min = Signed ? -(1ll << (Bits - 1)) : 0;
    static constexpr long long max = Signed ? (1ll << (Bits - 1)) - 1 : (1ll << Bits) - 1;
};

/// The least and greatest value a stage can give.
template <class S, bool Signed>
struct Limits {
    using Declared = Container<S::Width, Signed>;
    static constexpr long long min =
        S::Over == Overflow::symmetric && Signed ? -Declared::max : Declared::min;
    static constexpr long long lo = S::Lo > min ? S::Lo : min;
    static constexpr long long hi = S::Hi < Declared::max ? S::Hi : Declared::max;
    // Without this, clamping to Lo and Hi is not clamping to lo and hi.
    static_assert(lo <= hi, "a stage clamps to an interval that its width does not reach");
};

/// The low `Width` bits of each element, read as a number of that width.
template <unsigned Width, class T, unsigned N>
AIE4ML_INLINE aie::vector<T, N> wrap_to_width(aie::vector<T, N> v)
{
    if constexpr (Width < 8 * sizeof(T)) {
        v = aie::bit_and(T((1ll << Width) - 1), v);
        if constexpr (std::is_signed_v<T>) {
            // Flipping the sign bit adds 2^(Width-1) modulo 2^Width.
            constexpr T sign = T(1ll << (Width - 1));
            v = aie::sub(aie::bit_xor(sign, v), sign);
        }
    }
    return v;
}

/// Clamps to [Lo, Hi] a vector whose elements are known to be in [Min, Max].
template <long long Lo, long long Hi, long long Min, long long Max, class T, unsigned N>
AIE4ML_INLINE aie::vector<T, N> clamp(aie::vector<T, N> v)
{
    if constexpr (Lo > Min)
        v = aie::max(v, T(Lo));
    if constexpr (Hi < Max)
        v = aie::min(v, T(Hi));
    return v;
}

/// How many bits x * M + B takes in a stage, which decides the way through the hardware.
template <class S>
struct Product {
    using Scaling = typename S::Scaling;
    using Multiplier = typename Scaling::Multiplier;
    using Addend = typename Scaling::Addend;
    static constexpr bool multiplies = Multiplier::Varies || Multiplier::Value != 1;
    static constexpr bool adds = Addend::Varies || Addend::Value != 0;

    // Products of 32 by 32 bits. A wider x comes in two parts, of which the upper one is multiplied
    // by M * 2^split; a part is a bit narrower than an int32, however it is rounded.
    static constexpr unsigned split = Scaling::Bits > 32 ? Scaling::Bits - 31 : 0;

    // |x * M| is at most 2^62 then, and B between -2^62 and 2^62.
    static constexpr bool fits =
        Addend::Bits <= 63 && (!multiplies ? Scaling::Bits <= 62 : split == 0 ? Multiplier::Bits <= 32
                                                                             : Multiplier::Bits + split <= 32);

    // Otherwise x * M + B is cut at bit 16, and what is below tells only whether there was anything:
    // as long as the shift drops two bits more, no rounding needs to know what.
    static constexpr bool sticky = Scaling::Scales && multiplies && !(fits && S::Shift <= 59) &&
                                   Scaling::Bits <= 47 && Multiplier::Bits <= 32 && Addend::Bits <= 63 &&
                                   S::Shift >= 17 && S::Shift <= 74;

    static constexpr bool exact = !sticky && (S::Shift > 59 || (Scaling::Scales && !fits));

    // The stage that takes what comes out, by which it shifts less.
    static constexpr int dropped = sticky ? 15 : 0;
    using Rest = Stage<S::Shift - dropped, S::Round, S::Over, S::Width, S::Lo, S::Hi, S::ZeroPoint, S::Signed, Scaling>;
};

/// A stage whose zero point is part of its addend: round(x) + z is round(x + z) where ties go to
/// one side, or to even numbers and z is even; for odd z, even and odd change places.
template <class S>
struct Folded {
    static constexpr bool odd = S::ZeroPoint % 2 != 0;
    static constexpr Rounding Round = !odd                               ? S::Round
                                      : S::Round == Rounding::nearest_even ? Rounding::nearest_odd
                                      : S::Round == Rounding::nearest_odd  ? Rounding::nearest_even
                                                                           : S::Round;
    static constexpr bool one_side = S::Round == Rounding::floor || S::Round == Rounding::ceil ||
                                     S::Round == Rounding::nearest_down || S::Round == Rounding::nearest_up ||
                                     S::Round == Rounding::nearest_even || S::Round == Rounding::nearest_odd;
    static constexpr unsigned shift = S::Shift >= 0 ? S::Shift : 0;

    // Then |x * M| is at most 2^62, |B| at most 2^61 and the zero point less than that.
    static constexpr bool fits = S::ZeroPoint == 0 || (one_side && Product<S>::Addend::Bits <= 62 &&
                                                       signed_bits(S::ZeroPoint) + shift <= 62);
    static constexpr long long addend = S::ZeroPoint * (1ll << (fits && S::ZeroPoint != 0 ? shift : 0)) * fits;

    // Sums pass through int32 on the way, whose least one symmetric saturation would change.
    static constexpr bool symmetric = S::Over == Overflow::symmetric;
    static constexpr Overflow Over = symmetric ? Overflow::saturate : S::Over;
    static constexpr long long least = 1 - (1ll << (S::Width - 1));
    static constexpr long long Lo = symmetric && S::Lo < least ? least : S::Lo;

    using type = Stage<S::Shift - Product<S>::dropped, Round, Over, S::Width, Lo, S::Hi, 0, S::Signed, typename S::Scaling>;
};

/// 128 bits in two's complement.
struct Int128 {
    uint64_t low;
    uint64_t high;
};

AIE4ML_INLINE Int128 negate(Int128 x) { return {0 - x.low, ~x.high + (x.low == 0)}; }

AIE4ML_INLINE Int128 add(Int128 x, int64_t y)
{
    const uint64_t low = x.low + uint64_t(y);
    return {low, x.high + uint64_t(y >> 63) + (low < x.low)};
}

AIE4ML_INLINE Int128 multiply(int64_t x, int64_t y)
{
    const uint64_t a = x < 0 ? 0 - uint64_t(x) : uint64_t(x);
    const uint64_t b = y < 0 ? 0 - uint64_t(y) : uint64_t(y);
    const uint64_t al = uint32_t(a), ah = a >> 32, bl = uint32_t(b), bh = b >> 32;
    const uint64_t ll = al * bl, lh = al * bh, hl = ah * bl, hh = ah * bh;
    const uint64_t middle = (ll >> 32) + uint32_t(lh) + uint32_t(hl);
    const Int128 product = {middle << 32 | uint32_t(ll), hh + (lh >> 32) + (hl >> 32) + (middle >> 32)};
    return (x < 0) != (y < 0) ? negate(product) : product;
}

/// The numbers of a stage, where they are not worth code of their own.
struct Numbers {
    int shift;
    Rounding round;
    bool wrap;
    bool is_signed;
    unsigned width;
    long long zero_point;
    long long lo, hi;
};

/// x * 2^-shift, rounded, for 1 <= shift <= 127.
AIE4ML_INLINE Int128 shift_round(Int128 x, unsigned shift, Rounding round)
{
    const uint64_t sign = uint64_t(int64_t(x.high) >> 63);
    const bool negative = sign != 0;
    // What is dropped: whether the first bit is set, and any other.
    const unsigned last = (shift - 1) % 64;
    const uint64_t word = shift > 64 ? x.high : x.low;
    const bool half = word >> last & 1;
    const uint64_t below = word & ((uint64_t(1) << last) - 1);
    const bool more = below != 0 || (shift > 64 && x.low != 0);
    Int128 y;
    if (shift < 64)
        y = {x.low >> shift | x.high << 1 << (63 - shift), uint64_t(int64_t(x.high) >> shift)};
    else
        y = {uint64_t(int64_t(x.high) >> (shift - 64)), sign};
    bool up = false; // whether to take y + 1 instead
    switch (round) {
    case Rounding::floor: up = false; break;
    case Rounding::ceil: up = half || more; break;
    case Rounding::toward_zero: up = (half || more) && negative; break;
    case Rounding::away_from_zero: up = (half || more) && !negative; break;
    case Rounding::nearest_down: up = half && more; break;
    case Rounding::nearest_up: up = half; break;
    case Rounding::nearest_toward_zero: up = half && (more || negative); break;
    case Rounding::nearest_away: up = half && (more || !negative); break;
    case Rounding::nearest_even: up = half && (more || (y.low & 1) != 0); break;
    case Rounding::nearest_odd: up = half && (more || (y.low & 1) == 0); break;
    }
    return up ? add(y, 1) : y;
}

/// A stage on one element, in 128 bits.
AIE4ML_INLINE int32_t exact_stage(int64_t x, int64_t multiplier, int64_t addend, const Numbers &numbers)
{
    Int128 y = add(multiply(x, multiplier), addend);
    if (numbers.shift > 0)
        y = shift_round(y, unsigned(numbers.shift), numbers.round);
    if (numbers.wrap) {
        const uint64_t low = (numbers.shift < 0 ? y.low << -numbers.shift : y.low) + uint64_t(numbers.zero_point);
        // The width is at most 32 bits.
        const uint64_t bits = low & ((uint64_t(1) << numbers.width) - 1);
        const bool negative = numbers.is_signed && bits >> (numbers.width - 1) != 0;
        const int64_t value = int64_t(bits) - (negative ? int64_t(1) << numbers.width : 0);
        return int32_t(value < numbers.lo ? numbers.lo : value > numbers.hi ? numbers.hi : value);
    }
    // What is beyond 2^40 is so after a zero point of 32 bits is added, and what is
    // beyond 2^31 before a left shift too.
    const int64_t end = int64_t(1) << (numbers.shift < 0 ? 31 : 40);
    const bool fits = y.high == uint64_t(int64_t(y.low) >> 63);
    int64_t value = fits ? int64_t(y.low) : int64_t(y.high) < 0 ? -end : end;
    value = value < -end ? -end : value > end ? end : value;
    if (numbers.shift < 0)
        value *= int64_t(1) << -numbers.shift;
    value += numbers.zero_point;
    return int32_t(value < numbers.lo ? numbers.lo : value > numbers.hi ? numbers.hi : value);
}

} // namespace detail

/// Turns accumulators into elements of type TC through `Stages` and stores them.
template <class TC, class... Stages>
struct Requantize {
    static_assert(sizeof...(Stages) >= 1, "an output needs at least one requantization stage");
    static_assert(std::is_integral_v<TC> && (sizeof(TC) < 4 || (sizeof(TC) == 4 && std::is_signed_v<TC>)),
                  "outputs are int8, uint8, int16, uint16 or int32");

private:
    template <class S, class...>
    struct Head {
        using type = S;
    };

public:
    using First = typename Head<Stages...>::type;

    /// Whether a stage has values per channel, in the parameter buffer: `[words][channels]`, one
    /// stage after the other, multipliers before addends.
    static constexpr bool per_channel =
        ((Stages::Scaling::Multiplier::Varies || Stages::Scaling::Addend::Varies) || ...);

    /// Whether the store unit does all, but for limits.
    template <unsigned AccBits, unsigned Lanes>
    static constexpr bool is_fused()
    {
        return fused<AccBits, Lanes>();
    }

    /// Sets the core's modes for the whole kernel, where one setting serves all
    /// stages. AccBits is the width of the accumulators, Lanes their number.
    template <unsigned AccBits, unsigned Lanes>
    static AIE4ML_INLINE void set_modes()
    {
        if constexpr (fused<AccBits, Lanes>())
            set_modes_of<First, std::is_signed_v<TC>, true>();
        else if constexpr (scaled<Lanes>())
            set_modes_of<typename detail::Folded<First>::type, std::is_signed_v<TC>, true>();
        else if constexpr (one_setting())
            set_modes_of<First, true, false>();
    }

    /// Requantizes one block of accumulators to Acc::size() elements at `c`. Its
    /// rows have `Columns` channels; their values are at `channels`, those of
    /// different words `Stride` apart.
    template <unsigned Columns, unsigned Stride, class Acc>
    static AIE4ML_INLINE void store(TC *__restrict c, const Acc &acc, const int32_t *__restrict channels)
    {
        static_assert(!per_channel || (16 % Columns == 0 && Columns >= 4), "a row of a block is part of 16 lanes");
        using Values = Channels<Columns, Stride>;
        if constexpr (fused<Acc::accum_bits(), Acc::size()>())
            store_fused<First>(c, acc);
        else if constexpr (scaled<Acc::size()>())
            store_fused<typename detail::Folded<First>::type>(c, scale_block(acc, Values{channels}));
        else if constexpr (Acc::size() <= 16)
            store_wide<Acc::size()>(c, to_lanes<0>(acc), Values{channels});
        else
            detail::unroll<Acc::size() / 16>([&](auto i) AIE4ML_LAMBDA {
                store_wide<16>(c + 16 * i, to_lanes<i>(acc), Values{channels});
            });
    }

    /// The same, without values per channel.
    template <class Acc>
    static AIE4ML_INLINE void store(TC *__restrict c, const Acc &acc)
    {
        static_assert(!per_channel, "values per channel need a parameter buffer");
        store<16, 0>(c, acc, nullptr);
    }

private:
    using Wide = aie::accum<acc64, 16>;
    using Lanes32 = aie::vector<int32_t, 16>;

    // The store unit shifts 32-bit accumulators by at most 31, and a vector has
    // at least 128 bits.
    template <unsigned AccBits, unsigned Lanes>
    static constexpr bool fused()
    {
        return sizeof...(Stages) == 1 && sizeof(TC) < 4 && !First::Scaling::Scales && First::ZeroPoint == 0 &&
               First::Shift >= 0 && First::Shift <= (AccBits == 32 ? 31 : 59) && Lanes * sizeof(TC) >= 16;
    }

    // 64-bit accumulators become at least 16 bits, which are packed to 8 after.
    template <unsigned Lanes>
    static constexpr bool scaled()
    {
        return sizeof...(Stages) == 1 && sizeof(TC) < 4 && First::Scaling::Scales && !detail::Product<First>::exact &&
               First::Shift >= 0 && detail::Folded<First>::fits && Lanes >= 16;
    }

    static constexpr bool one_setting()
    {
        return ((Stages::Round == First::Round &&
                 (Stages::Over == Overflow::wrap) == (First::Over == Overflow::wrap)) && ...);
    }

    // Symmetric saturation of the hardware helps only when it saturates straight
    // to the stored container.
    template <class S, bool Signed, bool Fused>
    static AIE4ML_INLINE void set_modes_of()
    {
        aie::set_rounding(detail::rounding_mode(S::Round));
        aie::set_saturation(S::Over == Overflow::wrap                        ? aie::saturation_mode::none
                            : S::Over == Overflow::symmetric && Signed && Fused ? aie::saturation_mode::symmetric
                                                                                : aie::saturation_mode::saturate);
    }

    template <class S, class Acc>
    static AIE4ML_INLINE void store_fused(TC *__restrict c, const Acc &acc)
    {
        constexpr bool is_signed = std::is_signed_v<TC>;
        static_assert(S::Width <= 8 * sizeof(TC), "the last stage is wider than its output type");
        // 64-bit accumulators shift to 16 bits or more; 8 bits are packed after.
        using Signed16 = std::conditional_t<is_signed, int16_t, uint16_t>;
        using T = std::conditional_t<Acc::accum_bits() == 64 && sizeof(TC) == 1, Signed16, TC>;
        using Held = detail::Container<8 * sizeof(T), is_signed>;
        using Limits = detail::Limits<S, is_signed>;

        aie::vector<T, Acc::size()> v = acc.template to_vector<T>(S::Shift);
        if constexpr (S::Over == Overflow::wrap) {
            using Declared = detail::Container<S::Width, is_signed>;
            v = detail::wrap_to_width<S::Width>(v);
            v = detail::clamp<Limits::lo, Limits::hi, Declared::min, Declared::max>(v);
        } else {
            constexpr long long held_min =
                S::Over == Overflow::symmetric && is_signed ? -Held::max : Held::min;
            v = detail::clamp<Limits::lo, Limits::hi, held_min, Held::max>(v);
        }
        if constexpr (sizeof(T) == sizeof(TC))
            aie::store_v(c, v);
        else
            aie::store_v(c, v.template pack<TC>());
    }

    /// The values of a row of a block's channels.
    template <unsigned Columns, unsigned Stride>
    struct Channels {
        const int32_t *at;

        // Those of the next stage.
        template <class S>
        AIE4ML_INLINE Channels after() const
        {
            using Scaling = typename S::Scaling;
            return {at + (Scaling::Multiplier::Words + Scaling::Addend::Words) * Stride};
        }

        // Of word `Word`, in all lanes that have the channel.
        template <unsigned Word>
        AIE4ML_INLINE Lanes32 lanes() const
        {
            return aie::load_v<Columns>(at + Word * Stride).template grow_replicate<16>();
        }

        // In one lane.
        template <class Value, unsigned Word>
        AIE4ML_INLINE int64_t value(unsigned lane) const
        {
            if constexpr (!Value::Varies)
                return Value::Value;
            else if constexpr (Value::Words == 1)
                return at[Word * Stride + lane % Columns];
            else
                return int64_t(uint64_t(at[(Word + 1) * Stride + lane % Columns]) << Value::LowBits |
                               uint32_t(at[Word * Stride + lane % Columns]));
        }
    };

    // The multipliers of a stage.
    template <class S, class Values>
    static AIE4ML_INLINE Lanes32 multiplier(const Values &values)
    {
        using Multiplier = typename S::Scaling::Multiplier;
        if constexpr (Multiplier::Varies)
            return values.template lanes<0>();
        else
            return aie::broadcast<int32_t, 16>(int32_t(Multiplier::Value));
    }

    // A constant as accumulators, which 32 bits and a shift of 31 make.
    template <long long Value>
    static AIE4ML_INLINE Wide constant()
    {
        constexpr long long low = Value & 0x7fffffff;
        constexpr long long high = (Value - low) / (1ll << 31);
        if constexpr (high == 0)
            return Wide(aie::broadcast<int32_t, 16>(int32_t(low)));
        else if constexpr (low == 0)
            return Wide(aie::broadcast<int32_t, 16>(int32_t(high)), 31);
        else
            return aie::add(Wide(aie::broadcast<int32_t, 16>(int32_t(high)), 31),
                            Wide(aie::broadcast<int32_t, 16>(int32_t(low))));
    }

    // The addends of a stage, and `More`.
    template <class S, long long More, class Values>
    static AIE4ML_INLINE Wide addend(const Values &values)
    {
        using Addend = typename S::Scaling::Addend;
        if constexpr (!Addend::Varies) {
            return constant<Addend::Value + More>();
        } else {
            constexpr unsigned word = S::Scaling::Multiplier::Words;
            Wide sum(values.template lanes<word>());
            if constexpr (Addend::Words == 2)
                sum = aie::add(sum, Wide(values.template lanes<word + 1>(), 31));
            if constexpr (More != 0)
                sum = aie::add(sum, constant<More>());
            return sum;
        }
    }

    static AIE4ML_INLINE Wide widen(const Wide &x) { return x; }
    static AIE4ML_INLINE Wide widen(const Lanes32 &x) { return Wide(x); }
    static AIE4ML_INLINE Lanes32 narrow(const Lanes32 &x) { return x; }
    // Of elements that fit.
    static AIE4ML_INLINE Lanes32 narrow(const Wide &x) { return x.template to_vector<int32_t>(0); }

    // B + More in two parts, the upper one times 2^16; the lower one is not negative.
    template <class S, long long More, class Values>
    static AIE4ML_INLINE Lanes32 addend_low(const Values &values)
    {
        using Addend = typename S::Scaling::Addend;
        if constexpr (Addend::Varies)
            return aie::bit_and(int32_t(0xffff), values.template lanes<S::Scaling::Multiplier::Words>());
        else
            return aie::broadcast<int32_t, 16>(int32_t((Addend::Value + More) & 0xffff));
    }

    template <class S, long long More, class Values>
    static AIE4ML_INLINE Wide addend_high(const Values &values)
    {
        using Addend = typename S::Scaling::Addend;
        static_assert(!Addend::Varies || More % 65536 == 0);
        if constexpr (!Addend::Varies) {
            return constant<((Addend::Value + More) >> 16)>();
        } else {
            constexpr unsigned word = S::Scaling::Multiplier::Words;
            const Lanes32 low = addend_low<S, More>(values);
            // No bit is set below, so nothing is rounded.
            const Wide upper = aie::sub(Wide(values.template lanes<word>()), Wide(low));
            Wide sum(upper.template to_vector<int32_t>(16));
            if constexpr (Addend::Words == 2)
                sum = aie::add(sum, Wide(values.template lanes<word + 1>(), 15));
            if constexpr (More != 0)
                sum = aie::add(sum, constant<(More >> 16)>());
            return sum;
        }
    }

    // (x * M + B + More) * 2^-15 with a last bit that says whether it is exact.
    template <class S, long long More, class Values>
    static AIE4ML_INLINE Wide scale_sticky(const Wide &x, const Values &values)
    {
        constexpr bool adds = detail::Product<S>::adds || More != 0;
        const Lanes32 m = multiplier<S>(values);
        // However these are rounded, the lower part is what is left, and less than one of the upper.
        const Lanes32 upper = x.template to_vector<int32_t>(16);
        const Lanes32 lower = narrow(aie::sub(x, Wide(upper, 16)));
        const Wide product = adds ? aie::mac(Wide(addend_low<S, More>(values)), lower, m) : aie::mul<acc64>(lower, m);
        const Lanes32 carry = product.template to_vector<int32_t>(16);
        const Lanes32 rest = narrow(aie::sub(product, Wide(carry, 16)));
        const Wide start = adds ? aie::add(addend_high<S, More>(values), Wide(carry)) : Wide(carry);
        const Wide sum = aie::mac(start, upper, m);
        const Lanes32 sticky = aie::max(aie::min(rest, int32_t(1)), int32_t(-1));
        return aie::add(aie::add(sum, sum), Wide(sticky));
    }

    // x * M + B + More in 64 bits.
    template <class S, long long More, class X, class Values>
    static AIE4ML_INLINE Wide scale(const X &x, const Values &values)
    {
        using Product = detail::Product<S>;
        static_assert(!Product::exact);
        constexpr bool adds = Product::adds || More != 0;
        if constexpr (Product::sticky) {
            return scale_sticky<S, More>(widen(x), values);
        } else if constexpr (!Product::multiplies) {
            return aie::add(widen(x), addend<S, More>(values));
        } else if constexpr (Product::split == 0 || std::is_same_v<X, Lanes32>) {
            const Lanes32 m = multiplier<S>(values);
            if constexpr (adds)
                return aie::mac(addend<S, More>(values), narrow(x), m);
            else
                return aie::mul<acc64>(narrow(x), m);
        } else {
            // However the upper part is rounded, the lower one is what it left.
            const Lanes32 m = multiplier<S>(values);
            const Lanes32 upper = x.template to_vector<int32_t>(Product::split);
            const Lanes32 lower = narrow(aie::sub(x, Wide(upper, Product::split)));
            const Lanes32 shifted = narrow(Wide(m, Product::split));
            const Wide sum = adds ? aie::mac(addend<S, More>(values), upper, shifted)
                                  : aie::mul<acc64>(upper, shifted);
            return aie::mac(sum, lower, m);
        }
    }

    // All of a block.
    template <class Acc, class Values>
    static AIE4ML_INLINE aie::accum<acc64, Acc::size()> scale_block(const Acc &acc, const Values &values)
    {
        constexpr long long more = detail::Folded<First>::addend;
        aie::accum<acc64, Acc::size()> all;
        detail::unroll<Acc::size() / 16>(
            [&](auto i) AIE4ML_LAMBDA { all.insert(i, scale<First, more>(to_lanes<i>(acc), values)); });
        return all;
    }

    // Lanes 16*I ... of the block, as they are: in 64-bit accumulators or 32-bit elements.
    template <unsigned I, class Acc>
    static AIE4ML_INLINE auto to_lanes(const Acc &acc)
    {
        if constexpr (Acc::accum_bits() == 64)
            return acc.template extract<16>(I);
        else if constexpr (Acc::size() < 16)
            return acc.template grow<16>().template to_vector<int32_t>(0);
        else
            return acc.template extract<16>(I).template to_vector<int32_t>(0);
    }

    // A function of its own, for it is long.
    template <class S, bool Signed>
    static __attribute__((noinline)) int32_t exact_element(int64_t x, int64_t multiplier, int64_t addend)
    {
        using Limits = detail::Limits<S, Signed>;
        return detail::exact_stage(x, multiplier, addend,
                                   {S::Shift, S::Round, S::Over == Overflow::wrap, Signed, S::Width, S::ZeroPoint,
                                    Limits::lo, Limits::hi});
    }

    template <unsigned Count, class X, class Values>
    static AIE4ML_INLINE void store_wide(TC *__restrict c, const X &x, const Values &values)
    {
        const Lanes32 v = stages<Stages...>(x, values);
        if constexpr (sizeof(TC) == 4) {
            store_lanes<Count>(c, v);
        } else {
            // The values fit, so this only narrows the elements.
            const aie::accum<acc32, 16> exact(v);
            store_lanes<Count>(c, exact.template to_vector<TC>(0));
        }
    }

    template <unsigned Count>
    static AIE4ML_INLINE void store_lanes(TC *__restrict c, const aie::vector<TC, 16> &v)
    {
        if constexpr (Count == 16) {
            aie::store_v(c, v);
        } else if constexpr (Count * sizeof(TC) >= 16) {
            aie::store_v(c, v.template extract<Count>(0));
        } else {
            alignas(64) TC lanes[16];
            aie::store_v(lanes, v);
            // Blocks of so few bytes lie at multiples of their size.
            __builtin_memcpy(__builtin_assume_aligned(c, Count * sizeof(TC)), lanes, Count * sizeof(TC));
        }
    }

    template <class S, class... Rest, class X, class Values>
    static AIE4ML_INLINE Lanes32 stages(const X &x, const Values &values)
    {
        if constexpr (!one_setting())
            set_modes_of<S, true, false>();
        if constexpr (sizeof...(Rest) == 0) {
            static_assert(S::Width <= 8 * sizeof(TC), "the last stage is wider than its output type");
            return stage<S, std::is_signed_v<TC>>(x, values);
        } else {
            return stages<Rest...>(stage<S, S::Signed>(x, values), values.template after<S>());
        }
    }

    template <class S, bool Signed, class X, class Values>
    static AIE4ML_INLINE Lanes32 stage(const X &x, const Values &values)
    {
        static_assert(Signed || S::Width < 32, "an unsigned stage has at most 31 bits");
        if constexpr (detail::Product<S>::exact)
            return exact_lanes<S, Signed>(x, values);
        else if constexpr (S::Scaling::Scales)
            return shift_and_limit<typename detail::Product<S>::Rest, Signed>(scale<S, 0>(x, values));
        else
            return shift_and_limit<S, Signed>(widen(x));
    }

    // Lane by lane, which nothing limits.
    template <class S, bool Signed, class X, class Values>
    static AIE4ML_INLINE Lanes32 exact_lanes(const X &x, const Values &values)
    {
        using Multiplier = typename S::Scaling::Multiplier;
        alignas(64) int32_t lower[16];
        [[maybe_unused]] alignas(64) int32_t upper[16];
        if constexpr (std::is_same_v<X, Lanes32>) {
            aie::store_v(lower, x);
        } else {
            const Lanes32 high = x.template to_vector<int32_t>(31);
            aie::store_v(upper, high);
            aie::store_v(lower, narrow(aie::sub(x, Wide(high, 31))));
        }
        for (unsigned lane = 0; lane < 16; ++lane) {
            int64_t element = lower[lane];
            if constexpr (!std::is_same_v<X, Lanes32>)
                element += int64_t(upper[lane]) * (int64_t(1) << 31);
            lower[lane] = exact_element<S, Signed>(
                element, values.template value<Multiplier, 0>(lane),
                values.template value<typename S::Scaling::Addend, Multiplier::Words>(lane));
        }
        return aie::load_v<16>(lower);
    }

    template <class S, bool Signed>
    static AIE4ML_INLINE Lanes32 shift_and_limit(const Wide &x)
    {
        using Limits = detail::Limits<S, Signed>;
        using Int32 = detail::Container<32, true>;

        Lanes32 v;
        if constexpr (S::Shift < 0) {
            // Narrowing to 32 bits first loses nothing: a value that saturates
            // there also saturates when shifted up, and wrapping is modular.
            v = x.template to_vector<int32_t>(0);
            v = Wide(v, -S::Shift).template to_vector<int32_t>(0);
        } else {
            v = x.template to_vector<int32_t>(S::Shift);
        }

        if constexpr (S::Over == Overflow::wrap) {
            using Declared = detail::Container<S::Width, Signed>;
            if constexpr (S::ZeroPoint != 0)
                v = aie::add(v, int32_t(S::ZeroPoint));
            if constexpr (Signed)
                v = detail::wrap_to_width<S::Width>(v);
            else
                v = aie::bit_and(int32_t((1ll << S::Width) - 1), v);
            return detail::clamp<Limits::lo, Limits::hi, Declared::min, Declared::max>(v);
        } else {
            // Clamping before the zero point is added keeps the sum in 32 bits.
            constexpr long long lo = Limits::lo - S::ZeroPoint;
            constexpr long long hi = Limits::hi - S::ZeroPoint;
            static_assert(lo >= Int32::min && hi <= Int32::max,
                          "a zero point needs a result narrower than 32 bits");
            v = detail::clamp<lo, hi, Int32::min, Int32::max>(v);
            if constexpr (S::ZeroPoint != 0)
                v = aie::add(v, int32_t(S::ZeroPoint));
            return v;
        }
    }
};

} // namespace aie4ml
