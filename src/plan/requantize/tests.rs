use super::*;
use proptest::prelude::*;

fn ratio(numerator: i64, denominator: i64) -> Real {
    Real::new(numerator.into(), denominator.into())
}

const I8: Quantizer = Quantizer {
    rounding: Rounding::NearestEven,
    width: 8,
    signed: true,
    zero_point: 0,
    min: -128,
    max: 127,
};

fn channel(scale: Real, offset: Real, most: i64) -> Channel {
    Channel { scale, offset, reach: -most..=most }
}

/// The sums at both ends, around zero, and around every step.
fn samples(channel: &Channel, quantizer: &Quantizer) -> Vec<i64> {
    let (low, high) = (*channel.reach.start(), *channel.reach.end());
    if high - low < 3000 {
        return (low..=high).collect();
    }
    let mut all = vec![low, low + 1, high - 1, high];
    let stairs = Stairs::of(channel, quantizer);
    for step in &stairs.steps {
        let ends = [step.at, step.below].into_iter().flatten();
        all.extend(ends.map(|x| if stairs.turned { -x } else { x }));
    }
    all.extend((0..200).map(|i| low + (high - low) / 200 * i));
    all.retain(|x| channel.reach.contains(x));
    all
}

fn check(channels: &[Channel], quantizer: Quantizer, accumulator: u32) -> Choice {
    let choice = choose(channels, quantizer, accumulator);
    for (index, channel) in channels.iter().enumerate() {
        if choice.inexact.iter().any(|&(other, _)| other == index) {
            continue;
        }
        for x in samples(channel, &quantizer) {
            let meant = &channel.scale * integer(x) + &channel.offset;
            let expected = quantizer.apply(&meant);
            let sum = i128::from(x) + i128::from(choice.bias[index]);
            let actual = choice.requant.apply(sum, index);
            assert_eq!(actual, expected, "x = {x}, channel {index}: {channel:?} {choice:?}");
        }
    }
    choice
}

#[test]
fn powers_of_two_stay_shifts() {
    let channels = vec![channel(ratio(1, 128), ratio(3, 128), 1 << 20); 3];
    let choice = check(&channels, I8, 32);
    assert_eq!(choice.bias, [3, 3, 3]);
    assert!(choice.requant.is_shift());
    assert_eq!(choice.requant.shift, 7);
}

#[test]
fn an_offset_between_sums_becomes_an_addend() {
    let choice = check(&[channel(ratio(1, 128), ratio(1, 300), 1 << 20)], I8, 32);
    assert!(choice.inexact.is_empty());
    // A third of a sum moves ties only, which a finer unit can say.
    assert_eq!(choice.bias, [0]);
    assert_ne!(choice.requant.addend, [0]);
}

#[test]
fn scales_of_float32_are_exact() {
    let scale = real(f64::from(0.1f32)).unwrap() * real(f64::from(0.003_7f32)).unwrap()
        / real(f64::from(0.21f32)).unwrap();
    // The scale of a bias is the product of two scales, rounded to float32.
    let rounded = &scale * (integer(1) + ratio(1, 1 << 25));
    let offsets = [170, -2000, 1].map(|bias| &rounded * integer(bias));
    let channels: Vec<_> =
        offsets.into_iter().map(|offset| channel(scale.clone(), offset, 900_000)).collect();
    let choice = check(&channels, Quantizer { zero_point: -37, ..I8 }, 32);
    assert!(choice.inexact.is_empty());
    assert_eq!(choice.requant.multiplier.len(), 1, "{choice:?}");
    assert_eq!(choice.requant.addend, [0]);
}

#[test]
fn scales_far_away_are_constants_or_saturate() {
    let far = |e: i32| Real::from_integer(2.into()).pow(e);
    for scale in [far(-70), far(-130), far(40), far(90), -far(40), -far(-90)] {
        let channels = [channel(scale.clone(), Real::zero(), 1 << 20)];
        let choice = check(&channels, I8, 32);
        assert!(choice.inexact.is_empty(), "{scale}");
        assert!((LEAST_SHIFT..=MOST_SHIFT).contains(&choice.requant.shift));
        let huge = [channel(scale.clone(), ratio(1 << 60, 1), 1 << 20)];
        assert!(check(&huge, I8, 32).inexact.is_empty(), "{scale}");
    }
}

#[test]
fn a_bias_beyond_the_accumulator_goes_behind_it() {
    let scale = ratio(1, 1 << 20);
    let choice =
        check(&[channel(scale.clone(), &scale * integer(i64::from(i32::MAX)), 1 << 20)], I8, 32);
    assert_eq!(choice.bias, [0]);
    assert!(choice.inexact.is_empty());
}

#[test]
fn sums_of_equal_scales_have_one_factor() {
    let sum = Sum {
        scales: [ratio(2, 7), ratio(2, 7)],
        offset: ratio(1, 3),
        codes: [-128..=127, -128..=127],
    };
    let choice = choose_sum(&sum, I8);
    assert_eq!((choice.factors, choice.accumulator, choice.inexact), ([1, 1], 32, 0));
}

#[test]
fn a_power_of_two_keeps_ties() {
    // Of one operand an odd code is a tie wherever the other one is zero.
    let scales = [real(f64::from(0.480_563_98_f32)).unwrap(), ratio(-1, 2)];
    let sum = Sum { scales, offset: ratio(33415, 2), codes: [0..=65535, 0..=65535] };
    let quantizer = Quantizer { width: 16, min: -32768, max: 32767, ..I8 };
    let choice = choose_sum(&sum, quantizer);
    assert_eq!((choice.factors[1], choice.inexact), (-1 << 30, 0));
}

fn numbers() -> impl Strategy<Value = Real> {
    prop_oneof![
        (any::<f32>().prop_filter("finite", |x| x.is_normal() && x.abs() < 1e6 && x.abs() > 1e-9))
            .prop_map(|x| real(x.into()).unwrap()),
        (1i64..64, 1i64..64).prop_map(|(a, b)| ratio(a, b)),
        (-40i32..20).prop_map(|e| Real::from_integer(2.into()).pow(e)),
    ]
}

fn is_dyadic(value: &Real) -> bool {
    let denominator = value.denom();
    denominator.trailing_zeros().map(|bit| bit + 1) == Some(denominator.bits())
}

fn quantizers() -> impl Strategy<Value = Quantizer> {
    let rounding = prop::sample::select(Rounding::ALL.to_vec());
    (rounding, 1i64..=10, any::<bool>(), -300i64..300, any::<(u16, u16)>()).prop_map(
        |(rounding, width, signed, zero_point, (a, b))| {
            let (low, high) = exact::range(width, signed);
            let within = |x: u16| low + i64::from(x) % (high - low + 1);
            let (min, max) = (within(a).min(within(b)), within(a).max(within(b)));
            let (min, max) = if a % 2 == 0 { (low, high) } else { (min, max) };
            Quantizer { rounding, width, signed, zero_point, min, max }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_choice_is_what_is_meant(
        scales in prop::collection::vec(numbers(), 1..5),
        offsets in prop::collection::vec((-200i64..200, numbers()), 5),
        one in any::<bool>(), shrink in 0u32..40, wide in any::<bool>(),
        reach in (0u32..31, any::<u32>(), any::<u32>()),
        quantizer in quantizers(),
    ) {
        let (bits, low, high) = reach;
        let bits = if wide { bits + 14 } else { bits };
        let scaled = |x: u32| ((i128::from(x) << bits) >> 32) as i64;
        let (low, high) = (-scaled(low), scaled(high));
        let shrink = ratio(1, 1 << shrink);
        let channels: Vec<_> = scales.iter().zip(&offsets).map(|(scale, (factor, offset))| Channel {
            scale: if one { &scales[0] * &shrink } else { scale * &shrink },
            offset: offset * integer(*factor),
            reach: low..=high,
        }).collect();
        let choice = check(&channels, quantizer, if wide { 64 } else { 32 });
        // A scale such as 7/12 has ties that no multiple of a power of two meets; and of sums
        // of 64 bits some lie closer to a boundary than 62 bits tell apart.
        let dyadic = channels.iter().all(|c| is_dyadic(&c.scale) && is_dyadic(&c.offset));
        prop_assert!(choice.inexact.is_empty() || !dyadic || wide, "{:?}", choice);
    }

    #[test]
    fn a_sum_is_what_is_meant(
        scales in (numbers(), numbers()), offset in numbers(), signed in any::<bool>(),
        negative in any::<bool>(), quantizer in quantizers(), zeros in (-128i64..128, -128i64..128),
    ) {
        // Scales that move the result by its range at the most, as those of a model.
        let norm = Real::from_integer(2.into()).pow(-(log2_ceil(&scales.0.abs()).unwrap_or(0) as i32));
        let other = Real::from_integer(2.into()).pow(-(log2_ceil(&scales.1.abs()).unwrap_or(0) as i32));
        let scales = [scales.0.abs() * norm, if negative { -scales.1.abs() * other } else { scales.1.abs() * other }];
        let offset = offset.abs().min(integer(40)) - &scales[0] * integer(zeros.0) - &scales[1] * integer(zeros.1);
        let codes = if signed { -128..=127 } else { 0..=255 };
        let sum = Sum { scales, offset, codes: [codes.clone(), codes.clone()] };
        let choice = choose_sum(&sum, quantizer);
        let dyadic = sum.scales.iter().chain([&sum.offset]).all(is_dyadic);
        prop_assert!(choice.inexact == 0 || !dyadic, "{:?}", choice);
        if choice.inexact > 0 {
            return Ok(());
        }
        for a in codes.clone().step_by(7) {
            for b in codes.clone().step_by(5) {
                let meant = &sum.scales[0] * integer(a) + &sum.scales[1] * integer(b) + &sum.offset;
                let x = i128::from(a) * i128::from(choice.factors[0]) + i128::from(b) * i128::from(choice.factors[1]);
                prop_assert!(choice.accumulator == 64 || i32::try_from(x).is_ok());
                prop_assert_eq!(choice.requant.apply(x, 0), quantizer.apply(&meant), "{} {} {:?}", a, b, choice);
            }
        }
    }
}

/// Pairs of codes whose result differs from real arithmetic, by trying all.
fn differing(sum: &Sum, quantizer: &Quantizer, choice: &SumChoice) -> u128 {
    let mut differ = 0;
    for a in sum.codes[0].clone() {
        for b in sum.codes[1].clone() {
            let meant = &sum.scales[0] * integer(a) + &sum.scales[1] * integer(b) + &sum.offset;
            let x = i128::from(a) * i128::from(choice.factors[0])
                + i128::from(b) * i128::from(choice.factors[1]);
            differ += u128::from(choice.requant.apply(x, 0) != quantizer.apply(&meant));
        }
    }
    differ
}

#[test]
fn sums_of_16_bits_say_how_many_pairs_may_differ() {
    let scales = [real(f64::from(0.7f32)).unwrap(), real(f64::from(0.3f32)).unwrap()];
    let codes = [-32768..=32767, -32768..=32767];
    let sum = Sum { scales, offset: Real::zero(), codes };
    let quantizer = Quantizer { width: 16, min: -32768, max: 32767, ..I8 };
    let choice = choose_sum(&sum, quantizer);
    // Of the 24 bits of either scale all are in a factor, so nothing is rounded.
    assert_eq!(choice.inexact, 0);
    let sum = Sum {
        scales: [0.7310585786300049, 0.414213562373095].map(|scale| real(scale).unwrap()),
        ..sum
    };
    let choice = choose_sum(&sum, quantizer);
    // The integers are off by 2^-15 or so of a step: of 2^32 pairs few are that close to a tie.
    assert!((1..1 << 20).contains(&choice.inexact), "{choice:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_more_pairs_differ_than_a_sum_says(
        scales in (numbers(), numbers()), offset in numbers(), negative in any::<bool>(),
        quantizer in quantizers(), shrink in 0i32..4, bits in 4u32..32,
        codes in ((-60i64..0, 1i64..60), (-60i64..0, 1i64..60)),
    ) {
        let norm = |scale: &Real| scale.abs() * Real::from_integer(2.into()).pow(-(log2_ceil(&scale.abs()).unwrap_or(0) as i32) - shrink);
        let (one, other) = (norm(&scales.0), norm(&scales.1));
        let sum = Sum {
            scales: [one, if negative { -other } else { other }],
            offset: offset.abs().min(integer(40)),
            codes: [codes.0.0..=codes.0.1, codes.1.0..=codes.1.1],
        };
        // Few bits, so that pairs do differ.
        let choice = nearest_sum(&sum, quantizer, bits);
        let differ = differing(&sum, &quantizer, &choice);
        prop_assert!(differ <= choice.inexact, "{} {:?}", differ, choice);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quotients_of_floats_are_as_exact(
        value in prop_oneof![any::<f32>().prop_map(f64::from), -1e3f64..1e3],
        halves in -600i64..600,
        step in prop::sample::select(vec![1.0, 0.25, 1.0 / 3.0, f64::from(0.1f32), 1e-30, 1e30]),
        rounding in prop::sample::select(Rounding::ALL.to_vec()),
        zero_point in -9i64..9,
    ) {
        let quantizer = Quantizer { rounding, zero_point, ..I8 };
        for value in [value, halves as f64 * step / 2.0] {
            prop_assume!(value.is_finite());
            let exact = real(value).unwrap() / real(step).unwrap();
            prop_assert_eq!(quantizer.apply_quotient(value, step), quantizer.apply(&exact));
        }
    }
}
