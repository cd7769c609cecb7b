// Requantization: accumulators in, stored output elements out.
//
// A stage computes, on one accumulator element x,
//
//     y = clamp(overflow(round(x * 2^-Shift) + ZeroPoint), Lo, Hi)
//
// with overflow at `Width` bits. A layer has one stage, or several when the
// model rounds several times; each takes the result of the one before it.
//
// Two ways through the hardware:
// * fused: a single stage without zero point is one shift-round-saturate from
//   the accumulator to the stored type, which the core does in its store unit.
//   A minimum or maximum follows only where the container does not already
//   saturate at the right place.
// * wide: everything else, 16 lanes at a time, through 64-bit accumulators and
//   int32 vectors, in which nothing can be lost.

#pragma once

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

/// One requantization stage. `Lo` and `Hi` clamp after overflow (a ReLU is
/// Lo = 0). A negative `Shift` multiplies by 2^-Shift exactly. `Signed` says
/// how a stage before the last one interprets its `Width` bits; the last stage
/// takes it from the output type.
template <int Shift_, Rounding Round_, Overflow Over_, unsigned Width_, long long Lo_, long long Hi_,
          long long ZeroPoint_, bool Signed_ = true>
struct Stage {
    static constexpr int Shift = Shift_;
    static constexpr Rounding Round = Round_;
    static constexpr Overflow Over = Over_;
    static constexpr unsigned Width = Width_;
    static constexpr long long Lo = Lo_;
    static constexpr long long Hi = Hi_;
    static constexpr long long ZeroPoint = ZeroPoint_;
    static constexpr bool Signed = Signed_;

    static_assert(Shift >= -31 && Shift <= 59, "a stage shifts by -31 to 59 bits");
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

} // namespace detail

/// Turns accumulators into elements of type TC through `Stages` and stores them.
template <class TC, class... Stages>
struct Requantize {
    static_assert(sizeof...(Stages) >= 1, "an output needs at least one requantization stage");
    static_assert(std::is_integral_v<TC> && (sizeof(TC) < 4 || (sizeof(TC) == 4 && std::is_signed_v<TC>)),
                  "outputs are int8, uint8, int16, uint16 or int32");

    /// Sets the core's modes for the whole kernel, where one setting serves all
    /// stages. AccBits is the width of the accumulators, Lanes their number.
    template <unsigned AccBits, unsigned Lanes>
    static AIE4ML_INLINE void set_modes()
    {
        if constexpr (fused<AccBits, Lanes>())
            set_modes_of<First, std::is_signed_v<TC>, true>();
        else if constexpr (one_setting())
            set_modes_of<First, true, false>();
    }

    /// Requantizes one block of accumulators to Acc::size() elements at `c`.
    template <class Acc>
    static AIE4ML_INLINE void store(TC *__restrict c, const Acc &acc)
    {
        if constexpr (fused<Acc::accum_bits(), Acc::size()>())
            store_fused(c, acc);
        else if constexpr (Acc::size() <= 16)
            store_wide<Acc::size()>(c, to_wide<0>(acc));
        else
            detail::unroll<Acc::size() / 16>([&](auto i) AIE4ML_LAMBDA {
                store_wide<16>(c + 16 * i, to_wide<i>(acc));
            });
    }

private:
    template <class S, class...>
    struct Head {
        using type = S;
    };
    using First = typename Head<Stages...>::type;
    using Wide = aie::accum<acc64, 16>;
    using Lanes32 = aie::vector<int32_t, 16>;

    // The store unit shifts 32-bit accumulators by at most 31, and a vector has
    // at least 128 bits.
    template <unsigned AccBits, unsigned Lanes>
    static constexpr bool fused()
    {
        return sizeof...(Stages) == 1 && sizeof(TC) < 4 && First::ZeroPoint == 0 && First::Shift >= 0 &&
               First::Shift <= (AccBits == 32 ? 31 : 59) && Lanes * sizeof(TC) >= 16;
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

    template <class Acc>
    static AIE4ML_INLINE void store_fused(TC *__restrict c, const Acc &acc)
    {
        constexpr bool is_signed = std::is_signed_v<TC>;
        static_assert(First::Width <= 8 * sizeof(TC), "the last stage is wider than its output type");
        // 64-bit accumulators shift to 16 bits or more; 8 bits are packed after.
        using Signed16 = std::conditional_t<is_signed, int16_t, uint16_t>;
        using T = std::conditional_t<Acc::accum_bits() == 64 && sizeof(TC) == 1, Signed16, TC>;
        using Held = detail::Container<8 * sizeof(T), is_signed>;
        using Limits = detail::Limits<First, is_signed>;

        aie::vector<T, Acc::size()> v = acc.template to_vector<T>(First::Shift);
        if constexpr (First::Over == Overflow::wrap) {
            using Declared = detail::Container<First::Width, is_signed>;
            v = detail::wrap_to_width<First::Width>(v);
            v = detail::clamp<Limits::lo, Limits::hi, Declared::min, Declared::max>(v);
        } else {
            constexpr long long held_min =
                First::Over == Overflow::symmetric && is_signed ? -Held::max : Held::min;
            v = detail::clamp<Limits::lo, Limits::hi, held_min, Held::max>(v);
        }
        if constexpr (sizeof(T) == sizeof(TC))
            aie::store_v(c, v);
        else
            aie::store_v(c, v.template pack<TC>());
    }

    // Lanes 16*I ... of the block, in 64-bit accumulators.
    template <unsigned I, class Acc>
    static AIE4ML_INLINE Wide to_wide(const Acc &acc)
    {
        if constexpr (Acc::accum_bits() == 64) {
            return acc.template extract<16>(I);
        } else if constexpr (Acc::size() < 16) {
            const Lanes32 v = acc.template grow<16>().template to_vector<int32_t>(0);
            return Wide(v);
        } else {
            const Lanes32 v = acc.template extract<16>(I).template to_vector<int32_t>(0);
            return Wide(v);
        }
    }

    template <unsigned Count>
    static AIE4ML_INLINE void store_wide(TC *__restrict c, const Wide &x)
    {
        const Lanes32 v = stages<Stages...>(x);
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
            alignas(32) TC lanes[16];
            aie::store_v(lanes, v);
            __builtin_memcpy(c, lanes, Count * sizeof(TC));
        }
    }

    template <class S, class... Rest>
    static AIE4ML_INLINE Lanes32 stages(const Wide &x)
    {
        if constexpr (!one_setting())
            set_modes_of<S, true, false>();
        if constexpr (sizeof...(Rest) == 0) {
            static_assert(S::Width <= 8 * sizeof(TC), "the last stage is wider than its output type");
            return stage<S, std::is_signed_v<TC>>(x);
        } else {
            const Lanes32 v = stage<S, S::Signed>(x);
            return stages<Rest...>(Wide(v));
        }
    }

    template <class S, bool Signed>
    static AIE4ML_INLINE Lanes32 stage(const Wide &x)
    {
        using Limits = detail::Limits<S, Signed>;
        using Int32 = detail::Container<32, true>;
        static_assert(Signed || S::Width < 32, "an unsigned stage has at most 31 bits");

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
