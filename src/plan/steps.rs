//! Functions of sums that are quantized: where their codes change, as integers that all channels
//! share.
//!
//! A sum `x` of channel `c` means `scale[c] * x + offset[c]`. A function of that has few codes, so it
//! is a staircase, whose steps are real numbers. Sums are first brought to one unit,
//! `y = (x * multiplier[c] + addend[c]) >> shift`, rounded down, and a step becomes an integer that
//! parts the `y` of all sums below it from those of all others: by proof, channel for channel, since
//! `y` never falls where what is meant rises. Where there is no such integer, a slightly other unit has one.

use super::requantize::{self, Channel, Real};
use crate::exact::{Overflow, Requant, Rounding};
use num_traits::{Signed, ToPrimitive, Zero};

/// A staircase of sums.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Staircase {
    /// From sums to the unit of the steps.
    pub requant: Requant,
    /// In ascending order.
    pub steps: Vec<i32>,
    /// Before, between and behind the steps.
    pub codes: Vec<i64>,
}

/// Points between which a function is taken to have no two steps that cancel out, so that it has
/// the code of both ends in between if these are equal.
const POINTS: u32 = 1 << 16;

/// Bits of the largest `y`.
const BITS: i32 = 30;

/// Units that are tried.
const UNITS: u32 = 64;

/// The staircase of a function from real numbers to codes, computed in floats; `None` if it has more
/// than `most` steps, or no unit is found.
pub fn staircase(
    channels: &[Channel],
    code: &dyn Fn(f64) -> i64,
    most: usize,
) -> Option<Staircase> {
    let ends = channels.iter().flat_map(|channel| {
        [channel.reach.start(), channel.reach.end()].map(|&x| meaning(channel, x))
    });
    let ends: Vec<f64> = ends.map(|end| end.to_f64()).collect::<Option<_>>()?;
    let (low, high) = (min(&ends)?, -min(&ends.iter().map(|end| -end).collect::<Vec<_>>())?);
    let (steps, codes) = real_steps(low, high, code, most)?;
    let reals: Vec<Real> =
        steps.iter().map(|&step| requantize::real(step)).collect::<Option<_>>()?;
    let largest = low.abs().max(high.abs()).max(f64::MIN_POSITIVE);
    requants(channels, largest).find_map(|requant| {
        let steps = reals.iter().map(|step| parting(channels, &requant, step)).collect();
        let steps: Vec<i32> = Option::from_iter::<Vec<Option<i32>>>(steps)?;
        Some(Staircase { requant, steps, codes: codes.clone() })
    })
}

fn min(numbers: &[f64]) -> Option<f64> {
    numbers.iter().copied().min_by(f64::total_cmp).filter(|number| number.is_finite())
}

fn meaning(channel: &Channel, x: i64) -> Real {
    &channel.scale * requantize::integer(x) + &channel.offset
}

/// The least numbers at which a function has another code, and all codes.
fn real_steps(
    low: f64,
    high: f64,
    code: &dyn Fn(f64) -> i64,
    most: usize,
) -> Option<(Vec<f64>, Vec<i64>)> {
    let (mut steps, mut codes) = (Vec::new(), vec![code(low)]);
    let mut from = low;
    for point in 1..=POINTS {
        let to = if point == POINTS {
            high
        } else {
            low + (high - low) * f64::from(point) / f64::from(POINTS)
        };
        // The steps in between, the first of them first.
        while code(to) != *codes.last()? {
            let (mut below, mut at) = (from, to);
            loop {
                let middle = below + (at - below) / 2.0;
                if middle <= below || middle >= at {
                    break;
                }
                if code(middle) == *codes.last()? { below = middle } else { at = middle }
            }
            steps.push(at);
            codes.push(code(at));
            from = at;
            if steps.len() > most {
                return None;
            }
        }
        from = to;
    }
    Some((steps, codes))
}

/// Ways to bring all channels to one unit, the sums themselves if they have it.
fn requants(channels: &[Channel], largest: f64) -> impl Iterator<Item = Requant> {
    let plain = Requant::shift(0, Rounding::Floor, 32, true);
    let first = channels.first();
    let same = channels.iter().all(|channel| {
        let alike =
            |first: &Channel| channel.scale == first.scale && channel.offset == first.offset;
        // Where sums fall as what they mean rises, they are turned around.
        first.is_some_and(alike) && !channel.scale.is_negative()
    });
    let of_unit = move |index: u32| {
        // As many bits as `y` may have, and up to a fourth less.
        let unit = largest / 2f64.powi(BITS) * (1.0 + f64::from(index) / f64::from(4 * UNITS));
        let unit = requantize::real(unit)?;
        let scales: Vec<Real> = channels.iter().map(|channel| &channel.scale / &unit).collect();
        let offsets = channels.iter().map(|channel| &channel.offset / &unit);
        let scale = scales.iter().map(Signed::abs).max()?.to_f64()?;
        // Multipliers of 31 bits with sign.
        let shift = (30 - scale.log2().ceil().clamp(-60.0, 60.0) as i64 - 1).clamp(0, 59);
        let one = requantize::integer(1i64.checked_shl(shift as u32)?);
        let number = |real: Real| (real * &one).round().to_integer().to_i64();
        let multiplier = scales.into_iter().map(number).collect::<Option<Vec<_>>>()?;
        let addend = offsets.map(number).collect::<Option<Vec<_>>>()?;
        let fits = |list: &[i64], bits: u32| list.iter().all(|x| x.unsigned_abs() < 1 << bits);
        (fits(&multiplier, 31) && fits(&addend, 61)).then(|| Requant {
            multiplier,
            addend,
            overflow: Overflow::Saturate,
            ..Requant::shift(shift, Rounding::Floor, 32, true)
        })
    };
    same.then_some(plain).into_iter().chain((0..UNITS).filter(move |_| !same).filter_map(of_unit))
}

/// The integer from which on `y` belongs to sums that mean at least `step`; `None` if there is none
/// for all channels.
fn parting(channels: &[Channel], requant: &Requant, step: &Real) -> Option<i32> {
    // The largest `y` of those below, and the smallest of the others.
    let (mut below, mut at) = (i64::from(i32::MIN), i64::from(i32::MAX));
    for (index, channel) in channels.iter().enumerate() {
        let (low, high) = (*channel.reach.start(), *channel.reach.end());
        let y = |x: i64| requant.apply(x.into(), index);
        if channel.scale.is_zero() {
            let reached = channel.offset >= *step;
            if reached {
                at = at.min(y(low))
            } else {
                below = below.max(y(low))
            }
            continue;
        }
        let quotient = (step - &channel.offset) / &channel.scale;
        // Sums that reach the step are from `first` on, or up to it.
        let (rises, first) = match channel.scale.is_positive() {
            true => (true, quotient.ceil().to_integer()),
            false => (false, quotient.floor().to_integer()),
        };
        let first = first.to_i64().unwrap_or(if first.is_negative() { i64::MIN } else { i64::MAX });
        let (reaching, falling) = match rises {
            true => (first.max(low), first.saturating_sub(1).min(high)),
            false => (first.min(high), first.saturating_add(1).max(low)),
        };
        if (low..=high).contains(&reaching) {
            at = at.min(y(reaching));
        }
        if (low..=high).contains(&falling) {
            below = below.max(y(falling));
        }
    }
    (below < at).then(|| i32::try_from(at).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn channel(scale: f64, offset: f64, low: i64, high: i64) -> Channel {
        let real = |value| requantize::real(value).unwrap();
        Channel { scale: real(scale), offset: real(offset), reach: low..=high }
    }

    /// All sums of all channels, or many of them.
    fn check(channels: &[Channel], found: &Staircase, code: &dyn Fn(f64) -> i64) {
        assert!(found.steps.is_sorted());
        for (index, channel) in channels.iter().enumerate() {
            let (low, high) = (*channel.reach.start(), *channel.reach.end());
            for x in (low..=high).step_by(((high - low) / 500).max(1) as usize) {
                let y = found.requant.apply(x.into(), index);
                let at = found.steps.partition_point(|&step| i64::from(step) <= y);
                let real = meaning(channel, x).to_f64().unwrap();
                assert_eq!(found.codes[at], code(real), "{x} of channel {index}: {real}");
            }
        }
    }

    fn quantize(real: f64, scale: f64) -> i64 {
        ((real / scale).round_ties_even() as i64).clamp(-128, 127)
    }

    fn gelu(x: f64) -> f64 {
        // The approximation by tanh is no worse a function here.
        0.5 * x * (1.0 + (0.797_884_560_802_865 * (x + 0.044715 * x.powi(3))).tanh())
    }

    #[test]
    fn sums_of_one_scale_are_compared_as_they_are() {
        let channels = [channel(0.001, 0.25, -8000, 9000), channel(0.001, 0.25, -300, 200)];
        let code = |x: f64| quantize(1.0 / (1.0 + (-x).exp()), 1.0 / 256.0);
        let found = staircase(&channels, &code, 1023).unwrap();
        assert!(found.requant.is_shift() && found.requant.shift == 0);
        check(&channels, &found, &code);
    }

    #[test]
    fn too_many_steps_are_refused() {
        let channels = [channel(0.001, 0.0, -100_000, 100_000)];
        assert_eq!(staircase(&channels, &|x| (x * 20.0).floor() as i64, 1023), None);
        let constant = staircase(&channels, &|_| 5, 1023).unwrap();
        assert_eq!((constant.steps, constant.codes), (vec![], vec![5]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]
        #[test]
        fn each_channel_has_its_scale(
            scales in prop::collection::vec((-1e-3f64..1e-3, -2.0f64..2.0, 1i64..3_000_000), 1..70),
            step in 0.01f64..0.1,
            rises in any::<bool>(),
        ) {
            let channels: Vec<Channel> = scales
                .into_iter()
                .map(|(scale, offset, most)| channel(scale, offset, -most, most / 2))
                .collect();
            let code: &dyn Fn(f64) -> i64 = match rises {
                true => &|x: f64| quantize(x.tanh(), step),
                false => &|x: f64| quantize(gelu(x), step),
            };
            if let Some(found) = staircase(&channels, code, 1023) {
                check(&channels, &found, code);
            } else {
                prop_assert!(channels.len() > 20, "few channels have a unit");
            }
        }
    }
}
