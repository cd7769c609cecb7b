//! From real scales to integers, by proof.
//!
//! A layer's sums are integers `x`; what the model means by a sum of channel `c` is the real
//! number `x * scale[c] + offset[c]`, in steps of the quantizer after it. The quantizer rounds
//! that number, adds its zero point and limits the result. [`choose`] finds integers with
//! which [`Requant`] computes the same from every `x` that can occur.
//!
//! # How
//!
//! `round(x * scale + offset)` is a staircase in `x`: for every result `r` there is a smallest
//! `x`, its *threshold* `T[r]`, that reaches it. There are at most as many as the result has
//! codes. `round((x * m + b) * 2^-s)` is the same staircase if and only if, for every `r`,
//!
//! ```text
//! T[r] * m + b >= L[r]    and    (T[r] - 1) * m + b < L[r]
//! ```
//!
//! where `L[r]` is the smallest integer that `round(_ * 2^-s)` takes to `r` or beyond. For a
//! given `m` that is an interval of `b`. So `m = round(scale * 2^s)` and its neighbors are
//! tried, with the largest `s` that leaves `m` the bits that it may have: a solution is exact
//! for every sum, not only for those of a test, and without one nothing is silent, because
//! the sums whose result differs are counted.
//!
//! All arithmetic is exact: scales are ratios of integers, as every float32 is one.

use std::{cmp::Ordering, ops::RangeInclusive};

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

use crate::exact::{self, Requant, Rounding};

/// An exact real number.
pub type Real = BigRational;

/// The exact value of a float; `None` if it is not finite.
pub fn real(value: f64) -> Option<Real> {
    Real::from_float(value)
}

/// An integer as a real number.
pub fn integer(value: i64) -> Real {
    Real::from_integer(value.into())
}

/// What the sums of one channel mean, and which there are.
#[derive(Clone, PartialEq, Debug)]
pub struct Channel {
    /// In steps of the quantizer for a sum of one.
    pub scale: Real,
    /// In steps of the quantizer.
    pub offset: Real,
    /// Every sum that can occur is in here, and fits 64 bits.
    pub reach: RangeInclusive<i64>,
}

/// `clamp(round(real) + zero_point, min, max)`, into codes of `width` bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quantizer {
    pub rounding: Rounding,
    pub width: i64,
    pub signed: bool,
    pub zero_point: i64,
    pub min: i64,
    pub max: i64,
}

impl Quantizer {
    fn requant(&self, shift: i64) -> Requant {
        let &Quantizer { rounding, width, signed, zero_point, min, max } = self;
        let (low, high) = exact::range(width, signed);
        let (min, max) = (min.clamp(low, high), max.clamp(low, high));
        Requant { zero_point, min, max, ..Requant::shift(shift, rounding, width, signed) }
    }

    /// The rounded values that the limits leave apart.
    fn results(&self) -> (i64, i64) {
        (self.min - self.zero_point, self.max - self.zero_point)
    }

    /// What it makes of a real number.
    pub fn apply(&self, value: &Real) -> i64 {
        let double = value * Real::from_integer(2.into());
        self.search(|twice| double.cmp(&Real::from_integer(twice.into())))
    }

    /// What it makes of `value / step`, exactly, for a positive step that is no denormal number.
    pub fn apply_quotient(&self, value: f64, step: f64) -> i64 {
        // A product and a sum that are rounded once have the sign of the exact result.
        let less = |twice: i128| (-(twice as f64)).mul_add(step, 2.0 * value);
        self.search(|twice| less(twice).partial_cmp(&0.0).unwrap_or(Ordering::Less))
    }

    /// The code of a number that is compared, doubled, with integers.
    fn search(&self, compare: impl Fn(i128) -> Ordering) -> i64 {
        let (mut low, mut high) = self.results();
        // The largest result whose boundary the value reaches; `low` is always reached.
        while low < high {
            let middle = low + (high - low + 1) / 2;
            let (twice, included) = boundary(middle, self.rounding);
            let order = compare(twice);
            if order == Ordering::Greater || (included && order == Ordering::Equal) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low + self.zero_point
    }
}

/// A bias that is added to sums, and a requantization of the result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// One for each channel, each of 32 bits; sums with it stay within the accumulator.
    pub bias: Vec<i64>,
    pub requant: Requant,
    /// Channels for which no integers compute what the model means from every sum, with the
    /// number of sums at the most whose result differs, by one.
    pub inexact: Vec<(usize, u128)>,
}

impl Choice {
    /// The requantization alone, with the bias in its addends; `None` if these would have too
    /// many bits.
    pub fn without_bias(&self) -> Option<Requant> {
        let mut requant = self.requant.clone();
        // An addend is shifted too, so a shift to the left becomes a factor.
        let factor = 1i64.checked_shl((-requant.shift).max(0) as u32)?;
        requant.shift = requant.shift.max(0);
        let channels = requant.channels().unwrap_or(1).max(self.bias.len());
        let scaled = |j: usize| Some((self.requant.multiplier_of(j).checked_mul(factor)?, j));
        let all = (0..channels).map(scaled).collect::<Option<Vec<_>>>()?;
        let bias = |j: usize| self.bias[if self.bias.len() == 1 { 0 } else { j }];
        let addend = all.iter().map(|&(multiplier, j)| {
            let addend = multiplier.checked_mul(bias(j))?.checked_add(requant.addend_of(j))?;
            (addend.unsigned_abs() < 1 << (Requant::FACTOR_BITS - 1)).then_some(addend)
        });
        let addend = shared(addend.collect::<Option<Vec<_>>>()?);
        requant.multiplier = shared(all.into_iter().map(|(multiplier, _)| multiplier).collect());
        requant.addend = addend;
        Some(requant)
    }
}

/// Bits of a multiplier, its sign among them, that kernels multiply by in vectors.
const VECTOR_BITS: u32 = 32;

/// Bits of the sums that they do so with.
const VECTOR_SUM_BITS: u32 = 47;

/// The largest addend.
const MOST_ADDEND: i128 = (1 << (Requant::FACTOR_BITS - 1)) - 1;

/// The farthest that kernels shift to the right.
pub const MOST_SHIFT: i64 = 59;

/// The farthest that kernels shift to the left.
const LEAST_SHIFT: i64 = -31;

/// Finds what computes the same as a quantizer behind sums of an accumulator of so many bits,
/// 32 or 64. There is at least one channel, and no sum leaves the accumulator.
pub fn choose(channels: &[Channel], quantizer: Quantizer, accumulator: u32) -> Choice {
    if let Some(choice) = power_of_two(channels, quantizer, accumulator) {
        return choice;
    }
    let stairs: Vec<Stairs> =
        channels.iter().map(|channel| Stairs::of(channel, &quantizer)).collect();
    // Multipliers of 32 bits first, which kernels multiply sums of up to 47 bits by in vectors;
    // then whatever is exact; then the closest.
    let reach = channels.iter().map(bits_of_reach).max().unwrap_or(1);
    let vector = match reach {
        ..=VECTOR_SUM_BITS => VECTOR_BITS,
        _ => VECTOR_BITS.min((Requant::FACTOR_BITS + 1).saturating_sub(reach)),
    };
    let mut best: Option<Choice> = None;
    for bits in [vector, 48, Requant::FACTOR_BITS] {
        if bits < 16 {
            continue;
        }
        let choice = multiplied(channels, &stairs, quantizer, accumulator, bits);
        let wrong = |choice: &Choice| choice.inexact.iter().map(|(_, sums)| sums).sum::<u128>();
        if wrong(&choice) == 0 {
            return choice;
        }
        if best.as_ref().is_none_or(|best| wrong(&choice) < wrong(best)) {
            best = Some(choice);
        }
    }
    best.expect("the largest number of bits is tried")
}

/// Bits of a channel's sums, their sign among them.
fn bits_of_reach(channel: &Channel) -> u32 {
    let bits = |x: i64| 65 - if x < 0 { !x } else { x }.leading_zeros();
    bits(*channel.reach.start()).max(bits(*channel.reach.end()))
}

/// `e` if a number is `2^e`.
fn exponent(value: &Real) -> Option<i64> {
    if !value.is_positive() {
        return None;
    }
    let bit = |n: &BigInt| {
        let bit = n.trailing_zeros()?;
        (n.bits() == bit + 1).then_some(bit as i64)
    };
    Some(bit(value.numer())? - bit(value.denom())?)
}

/// One power of two for all channels, and offsets that sums can hold: a shift does it.
fn power_of_two(channels: &[Channel], quantizer: Quantizer, accumulator: u32) -> Option<Choice> {
    let scale = &channels.first()?.scale;
    let shift = -exponent(scale)?;
    if !(LEAST_SHIFT..=MOST_SHIFT).contains(&shift) {
        return None;
    }
    let bias = channels.iter().map(|channel| {
        if channel.scale != *scale {
            return None;
        }
        let bias = &channel.offset / scale;
        let bias = bias.is_integer().then(|| bias.to_integer().to_i64())??;
        holds(channel, bias, accumulator).then_some(bias)
    });
    Some(Choice {
        bias: bias.collect::<Option<_>>()?,
        requant: quantizer.requant(shift),
        inexact: Vec::new(),
    })
}

/// Whether an accumulator holds every sum of a channel with a bias of 32 bits.
fn holds(channel: &Channel, bias: i64, accumulator: u32) -> bool {
    let (low, high) = exact::range(i64::from(accumulator).min(63), true);
    let within = |x: i64| x.checked_add(bias).is_some_and(|x| low <= x && x <= high);
    i32::try_from(bias).is_ok() && within(*channel.reach.start()) && within(*channel.reach.end())
}

/// The boundary between the results `r - 1` and `r`, twice, and whether it rounds to `r` itself.
fn boundary(r: i64, rounding: Rounding) -> (i128, bool) {
    let r2 = 2 * i128::from(r);
    match rounding {
        Rounding::Floor => (r2, true),
        Rounding::Ceil => (r2 - 2, false),
        Rounding::TowardZero if r > 0 => (r2, true),
        Rounding::TowardZero => (r2 - 2, false),
        Rounding::AwayFromZero if r > 0 => (r2 - 2, false),
        Rounding::AwayFromZero => (r2, true),
        Rounding::NearestDown => (r2 - 1, false),
        Rounding::NearestUp => (r2 - 1, true),
        Rounding::NearestTowardZero => (r2 - 1, r <= 0),
        Rounding::NearestAway => (r2 - 1, r > 0),
        Rounding::NearestEven => (r2 - 1, r % 2 == 0),
        Rounding::NearestOdd => (r2 - 1, r % 2 != 0),
    }
}

/// A result and the sums around where it begins: all of `at` and above give it or a larger
/// one, all of `below` and under give a smaller one. Where the reach ends, one side is absent.
struct Step {
    result: i64,
    below: Option<i64>,
    at: Option<i64>,
}

/// The staircase of one channel, for a scale that is not negative; a negative one is turned
/// around, sums and all.
struct Stairs {
    steps: Vec<Step>,
    turned: bool,
}

impl Stairs {
    fn of(channel: &Channel, quantizer: &Quantizer) -> Stairs {
        let turned = channel.scale.is_negative();
        let (low, high) = (*channel.reach.start(), *channel.reach.end());
        // In 128 bits nothing overflows when it is turned around.
        let (low, high): (i128, i128) =
            if turned { (-i128::from(high), -i128::from(low)) } else { (low.into(), high.into()) };
        let scale = channel.scale.abs();
        // scale = n / d and offset = o / d, of one denominator.
        let d = scale.denom().lcm(channel.offset.denom());
        let n = (&scale * Real::from_integer(d.clone())).to_integer();
        let o = (&channel.offset * Real::from_integer(d.clone())).to_integer();
        let threshold = Threshold::new(&n, &o, &d);
        let (first, last) = quantizer.results();
        let mut steps = Vec::new();
        let mut push = |result: i64| {
            // The smallest sum that reaches it, limited to just beyond the reach.
            let at = threshold.of(boundary(result, quantizer.rounding), low, high);
            let narrow = |x: i128| i64::try_from(x).ok();
            steps.push(Step {
                result,
                below: (at > low).then(|| narrow((at - 1).min(high))).flatten(),
                at: (at <= high).then(|| narrow(at.max(low))).flatten(),
            });
            at
        };
        // Only results that the reach touches matter, and the next on either side.
        let reached = |x: i128| {
            let value = Real::new(&n * x + &o, d.clone());
            quantizer.apply(&value) - quantizer.zero_point
        };
        let (least, most) = (reached(low), reached(high));
        for result in least.max(first + 1)..=most.saturating_add(1).min(last) {
            push(result);
        }
        Stairs { steps, turned }
    }

    /// The interval of addends that are right with a multiplier (of the turned staircase).
    fn addends(&self, multiplier: i64, shift: i64, rounding: Rounding) -> (i128, i128) {
        let m = i128::from(multiplier);
        let (mut low, mut high) = (i128::MIN, i128::MAX);
        for step in &self.steps {
            let least = least(step.result, shift, rounding);
            if let Some(at) = step.at {
                low = low.max(least - i128::from(at) * m);
            }
            if let Some(below) = step.below {
                high = high.min(least - 1 - i128::from(below) * m);
            }
        }
        (low, high)
    }

    /// How many sums at the most have another result with these numbers.
    fn wrong(&self, multiplier: i64, addend: i128, shift: i64, rounding: Rounding) -> u128 {
        let m = i128::from(multiplier);
        let mut wrong = 0u128;
        for step in &self.steps {
            let least = least(step.result, shift, rounding);
            let miss = |x: i64, below: bool| {
                let miss = if below {
                    i128::from(x) * m + addend - (least - 1)
                } else {
                    least - (i128::from(x) * m + addend)
                };
                if miss <= 0 { 0 } else { (miss as u128).div_ceil(m.unsigned_abs().max(1)) }
            };
            wrong = wrong.saturating_add(step.at.map_or(0, |x| miss(x, false)));
            wrong = wrong.saturating_add(step.below.map_or(0, |x| miss(x, true)));
        }
        wrong
    }
}

/// The smallest integer that `round(_ * 2^-shift)` takes to `result` or beyond; `shift` is
/// positive.
fn least(result: i64, shift: i64, rounding: Rounding) -> i128 {
    let (twice, included) = boundary(result, rounding);
    (twice << (shift - 1)) + i128::from(!included)
}

/// Finds the smallest `x` with `x * n + o >= d * t / 2`, or beyond that.
enum Threshold {
    /// Where all products fit 128 bits.
    Narrow {
        n: i128,
        o: i128,
        d: i128,
    },
    Wide {
        n: BigInt,
        o: BigInt,
        d: BigInt,
    },
}

impl Threshold {
    fn new(n: &BigInt, o: &BigInt, d: &BigInt) -> Threshold {
        // A boundary has at most 36 bits, so `d * t` at most 124.
        if n.bits() <= 120
            && o.bits() <= 120
            && d.bits() <= 88
            && let (Some(n), Some(o), Some(d)) = (n.to_i128(), o.to_i128(), d.to_i128())
        {
            return Threshold::Narrow { n, o, d };
        }
        Threshold::Wide { n: n.clone(), o: o.clone(), d: d.clone() }
    }

    /// Within `low..=high + 1`.
    fn of(&self, (twice, included): (i128, bool), low: i128, high: i128) -> i128 {
        match self {
            Threshold::Narrow { n, o, d } => {
                let (n, distance) = (2 * n, d * twice - 2 * o);
                if n == 0 {
                    let reached = distance < 0 || (included && distance == 0);
                    return if reached { low } else { high + 1 };
                }
                let at = if included {
                    distance.div_euclid(n) + i128::from(distance.rem_euclid(n) != 0)
                } else {
                    distance.div_euclid(n) + 1
                };
                at.clamp(low, high + 1)
            }
            Threshold::Wide { n, o, d } => {
                let (n, distance): (BigInt, BigInt) = (n * 2, d * twice - o * 2);
                if n.is_zero() {
                    let reached = distance.is_negative() || (included && distance.is_zero());
                    return if reached { low } else { high + 1 };
                }
                let at = if included { distance.div_ceil(&n) } else { distance.div_floor(&n) + 1 };
                let (low, end) = (BigInt::from(low), BigInt::from(high + 1));
                let at = at.max(low).min(end);
                at.to_i128().unwrap_or(high + 1)
            }
        }
    }
}

/// The solution of one channel.
struct Solution {
    multiplier: i64,
    /// Addends that are right with it.
    addends: (i128, i128),
    wrong: u128,
}

/// With multipliers of at most `bits` bits.
fn multiplied(
    channels: &[Channel],
    stairs: &[Stairs],
    quantizer: Quantizer,
    accumulator: u32,
    bits: u32,
) -> Choice {
    let most = (1i64 << (bits - 1)) - 1;
    let largest =
        channels.iter().map(|channel| channel.scale.abs()).max().unwrap_or_else(Real::zero);
    // The largest shift with which every multiplier has its bits. One bit is left for neighbors.
    let mut shift = i64::from(bits) - 2 - log2_ceil(&largest).unwrap_or(0);
    // Addends have their limit too. What is far beyond saturation may be nearer to it.
    let (first, last) = quantizer.results();
    let span = first.unsigned_abs().max(last.unsigned_abs()).saturating_add(2);
    let offset = |channel: &Channel| {
        let ends = [channel.reach.start(), channel.reach.end()];
        let scaled = |x: &i64| (&channel.scale * integer(*x)).abs();
        // |addend| * 2^-shift stays below what is needed to move a sum to a result.
        let far = ends.into_iter().map(scaled).max().unwrap_or_else(Real::zero);
        channel.offset.abs().min(far + Real::from_integer(span.into()))
    };
    let farthest = channels.iter().map(offset).max().unwrap_or_else(Real::zero);
    if let Some(log) = log2_ceil(&farthest) {
        shift = shift.min(i64::from(Requant::FACTOR_BITS) - 2 - log);
    }
    let shift = shift.clamp(1, MOST_SHIFT);
    let power = Real::from_integer(BigInt::one() << shift as u32);
    let near = |real: &Real| {
        let rounded = (real + Real::new(1.into(), 2.into())).floor().to_integer();
        rounded.to_i64().unwrap_or(i64::MAX)
    };

    let exactly = |stairs: &Stairs, multiplier: i64| {
        let (low, high) = stairs.addends(multiplier, shift, quantizer.rounding);
        let addends = (low.max(-MOST_ADDEND), high.min(MOST_ADDEND));
        (addends.0 <= addends.1).then_some(Solution { multiplier, addends, wrong: 0 })
    };
    let middle = |channel: &Channel| near(&(channel.scale.abs() * &power)).min(most);
    let around = |m: i64| {
        [0, 1, -1, 2, -2].map(|step| m + step).into_iter().filter(|m| (0..=most).contains(m))
    };
    let closest = |channel: &Channel, stairs: &Stairs| {
        let multiplier = middle(channel);
        let addend = i128::from(near(&(&channel.offset * &power)));
        // Between the two bounds that cannot both be kept.
        let (low, high) = stairs.addends(multiplier, shift, quantizer.rounding);
        let between = if low > high { high + (low - high) / 2 } else { addend };
        let wrong = |addend| stairs.wrong(multiplier, addend, shift, quantizer.rounding);
        let addend = if wrong(between) < wrong(addend) { between } else { addend };
        let addend = addend.clamp(-MOST_ADDEND, MOST_ADDEND);
        Solution { multiplier, addends: (addend, addend), wrong: wrong(addend) }
    };

    // One multiplier for all channels where they have one scale.
    let first = &channels[0];
    let one_scale = channels.iter().all(|channel| channel.scale == first.scale);
    let together = one_scale.then(|| {
        around(middle(first)).find_map(|multiplier| {
            stairs.iter().map(|stairs| exactly(stairs, multiplier)).collect::<Option<Vec<_>>>()
        })
    });
    let solutions = together.flatten().unwrap_or_else(|| {
        let each = channels.iter().zip(stairs).map(|(channel, stairs)| {
            let exact = around(middle(channel)).find_map(|m| exactly(stairs, m));
            exact.unwrap_or_else(|| closest(channel, stairs))
        });
        each.collect()
    });

    let inexact =
        solutions.iter().enumerate().filter(|(_, s)| s.wrong > 0).map(|(c, s)| (c, s.wrong));
    let inexact = inexact.collect();
    // A bias of the sums costs nothing; addends are for what it cannot say.
    let biases = channels.iter().zip(&solutions).map(|(channel, solution)| {
        bias_of(channel, solution).filter(|&bias| holds(channel, bias, accumulator))
    });
    let multipliers: Vec<i64> = solutions
        .iter()
        .zip(stairs)
        .map(
            |(solution, stairs)| {
                if stairs.turned { -solution.multiplier } else { solution.multiplier }
            },
        )
        .collect();
    let (bias, addends) = match biases.collect::<Option<Vec<_>>>() {
        Some(bias) => (bias, vec![0]),
        None => {
            let addends = channels.iter().zip(&solutions).map(|(channel, solution)| {
                let (low, high) = solution.addends;
                let wanted = i128::from(near(&(&channel.offset * &power)));
                // Within its limits by construction.
                wanted.clamp(low, high) as i64
            });
            (vec![0; channels.len()], addends.collect())
        }
    };
    let mut requant = quantizer.requant(shift);
    requant.multiplier = shared(multipliers);
    requant.addend = shared(addends);
    Choice { bias, requant, inexact }
}

/// An integer bias of the sums that does what an addend does; the one that is nearest to what
/// is meant.
fn bias_of(channel: &Channel, solution: &Solution) -> Option<i64> {
    let (low, high) = solution.addends;
    // A turned staircase counts the other way.
    let m = i128::from(solution.multiplier);
    let sign = if channel.scale.is_negative() { -1 } else { 1 };
    if m == 0 {
        return (low <= 0 && 0 <= high).then_some(0);
    }
    let wanted = (&channel.offset / &channel.scale).round().to_integer().to_i128()? * sign;
    let least = low.div_euclid(m) + i128::from(low.rem_euclid(m) != 0);
    let most = high.div_euclid(m);
    let bias = (least <= most).then(|| wanted.clamp(least, most))?;
    i64::try_from(bias * sign).ok()
}

/// One number if all are the same.
fn shared(list: Vec<i64>) -> Vec<i64> {
    match list.split_first() {
        Some((first, rest)) if rest.iter().all(|other| other == first) => vec![*first],
        _ => list,
    }
}

/// The smallest `e` with `value <= 2^e`; `None` for zero.
fn log2_ceil(value: &Real) -> Option<i64> {
    if !value.is_positive() {
        return None;
    }
    let guess = value.numer().bits() as i64 - value.denom().bits() as i64;
    // numer < 2^bits and denom >= 2^(bits - 1), so the logarithm is below guess + 1.
    let at_most = |e: i64| {
        let (up, down) = if e >= 0 { (e as u64, 0) } else { (0, e.unsigned_abs()) };
        (value.numer() << down) <= (value.denom() << up)
    };
    (guess - 1..=guess + 1).find(|&e| at_most(e))
}

/// What the sum of two tensors means: `a * scales[0] + b * scales[1] + offset`, in steps of the
/// quantizer, with the codes that there are.
#[derive(Clone, PartialEq, Debug)]
pub struct Sum {
    pub scales: [Real; 2],
    pub offset: Real,
    pub codes: [RangeInclusive<i64>; 2],
}

/// How the sum of two tensors is computed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SumChoice {
    pub factors: [i64; 2],
    /// Bits of the sum: 32 or 64.
    pub accumulator: u32,
    pub requant: Requant,
    /// Pairs of codes at the most whose result differs, by one.
    ///
    /// None: the result is that of real arithmetic for every pair.
    pub inexact: u128,
}

/// Bits of the factor of an operand of a sum, its sign among them, with operands of 16 bits and
/// sums of 64, and of those that keep sums of operands of 8 bits within 32.
const FACTOR_OF_SUM: (u32, u32) = (31, 22);

/// Finds factors of two operands and a requantization of their sum that compute what a
/// quantizer does, from every pair of codes.
pub fn choose_sum(sum: &Sum, quantizer: Quantizer) -> SumChoice {
    if let Some(choice) = one_unit(sum, quantizer) {
        return choice;
    }
    let (wide, narrow) = FACTOR_OF_SUM;
    if sum.codes.iter().any(|codes| codes.end() - codes.start() > 255) {
        return nearest_sum(sum, quantizer, wide);
    }
    let stairs: Vec<(i64, Stairs)> = sum.codes[1]
        .clone()
        .map(|b| {
            let offset = &sum.scales[1] * integer(b) + &sum.offset;
            let scale = sum.scales[0].clone();
            let channel = Channel { scale, offset, reach: sum.codes[0].clone() };
            (b, Stairs::of(&channel, &quantizer))
        })
        .collect();
    let mut best: Option<SumChoice> = None;
    for (bits, accumulator) in [(narrow, 32), (wide, 64)] {
        let fixed = FixedSum::nearest(sum, bits);
        let FixedSum { shift, factors, addend: wanted } = fixed;
        let mut candidates = vec![factors];
        for a in [0, 1, -1] {
            for b in [0, 1, -1] {
                if (a, b) != (0, 0) {
                    candidates.push([factors[0] + a, factors[1] + b]);
                }
            }
        }
        for factors in candidates {
            let (mut least, mut most) = (i128::MIN, i128::MAX);
            for (b, stairs) in &stairs {
                let m = if stairs.turned { -factors[0] } else { factors[0] };
                let (low, high) = stairs.addends(m, shift, quantizer.rounding);
                let moved = i128::from(factors[1]) * i128::from(*b);
                least = least.max(low.saturating_sub(moved));
                most = most.min(high.saturating_sub(moved));
            }
            let (least, most) = (least.max(-MOST_ADDEND), most.min(MOST_ADDEND));
            let exact = least <= most;
            let addend = if exact { wanted.clamp(least, most) } else { wanted };
            let wrong = |(b, stairs): &(i64, Stairs)| {
                let m = if stairs.turned { -factors[0] } else { factors[0] };
                let addend = addend + i128::from(factors[1]) * i128::from(*b);
                stairs.wrong(m, addend, shift, quantizer.rounding)
            };
            let inexact = if exact { 0 } else { stairs.iter().map(wrong).sum() };
            let choice =
                FixedSum { shift, factors, addend }.choice(quantizer, accumulator, inexact);
            if exact {
                return choice;
            }
            if best.as_ref().is_none_or(|best| choice.inexact < best.inexact) {
                best = Some(choice);
            }
        }
    }
    best.expect("some width is tried")
}

/// A sum in integers: `(a * factors[0] + b * factors[1] + addend) * 2^-shift`.
#[derive(Clone, Copy)]
struct FixedSum {
    shift: i64,
    factors: [i64; 2],
    addend: i128,
}

impl FixedSum {
    /// The closest to a real sum, with factors of so many bits.
    fn nearest(sum: &Sum, bits: u32) -> FixedSum {
        let largest = sum.scales[0].abs().max(sum.scales[1].abs());
        let mut shift = i64::from(bits) - 1 - log2_ceil(&largest).unwrap_or(0);
        if let Some(log) = log2_ceil(&sum.offset.abs()) {
            shift = shift.min(i64::from(Requant::FACTOR_BITS) - 2 - log);
        }
        let shift = shift.clamp(1, MOST_SHIFT);
        let power = Real::from_integer(BigInt::one() << shift as u32);
        // A power of two is what it is: cut to one less, it would miss ties.
        let most = 1i64 << (bits - 1);
        let near = |real: &Real| (real * &power).round().to_integer();
        let factor =
            |i: usize| near(&sum.scales[i]).to_i64().unwrap_or(i64::MAX).clamp(-most, most);
        let addend = near(&sum.offset).to_i128().unwrap_or(i128::MAX);
        FixedSum {
            shift,
            factors: [factor(0), factor(1)],
            addend: addend.clamp(-MOST_ADDEND, MOST_ADDEND),
        }
    }

    fn choice(self, quantizer: Quantizer, accumulator: u32, inexact: u128) -> SumChoice {
        let mut requant = quantizer.requant(self.shift);
        // Within its limits by construction.
        requant.addend = vec![self.addend as i64];
        SumChoice { factors: self.factors, accumulator, requant, inexact }
    }

    fn of(&self, a: i64, b: i64) -> i128 {
        i128::from(a) * i128::from(self.factors[0]) + i128::from(b) * i128::from(self.factors[1])
    }

    /// How far it is from the real sum at most, in steps of the quantizer. The distance is
    /// linear in the codes, so it is largest in a corner.
    fn farthest(&self, sum: &Sum) -> Real {
        let power = Real::from_integer(BigInt::one() << self.shift as u32);
        let error = |integer: i128, real: &Real| Real::from_integer(integer.into()) / &power - real;
        let [a, b] = [0, 1].map(|i: usize| error(self.factors[i].into(), &sum.scales[i]));
        let c = error(self.addend, &sum.offset);
        let mut farthest = Real::zero();
        for x in [sum.codes[0].start(), sum.codes[0].end()] {
            for y in [sum.codes[1].start(), sum.codes[1].end()] {
                farthest = farthest.max((&a * integer(*x) + &b * integer(*y) + &c).abs());
            }
        }
        farthest
    }
}

/// Pairs of codes that are compared one by one.
const MOST_COMPARED: u128 = 1 << 12;

/// For operands of 16 bits, of which there are up to 2^32 pairs. Only of a pair whose real sum
/// is no farther from a boundary than the integers are from real numbers can the result
/// differ. Fractions of the products of either operand, sorted, tell how many such pairs there
/// are; few are compared, of many the number is the bound.
fn nearest_sum(sum: &Sum, quantizer: Quantizer, bits: u32) -> SumChoice {
    let fixed = FixedSum::nearest(sum, bits);
    let farthest = fixed.farthest(sum);
    if farthest.is_zero() {
        return fixed.choice(quantizer, 64, 0);
    }
    // In units of 2^-64; the fractions of the products are off by little more than one each.
    let unit = Real::from_integer(BigInt::one() << 64u32);
    let margin: BigInt = (farthest * unit).ceil().to_integer() + 3;
    let codes = sum.codes.each_ref().map(|codes| (codes.end() - codes.start() + 1) as u128);
    let Some(margin) = margin.to_u64().filter(|&margin| margin < 1 << 63) else {
        return fixed.choice(quantizer, 64, codes[0] * codes[1]);
    };
    let firsts = fractions(&sum.scales[0], &sum.offset, &sum.codes[0]);
    let mut seconds = fractions(&sum.scales[1], &Real::zero(), &sum.codes[1]);
    seconds.sort_unstable();
    // Every boundary of a rounding is an integer, or an integer and a half.
    let half = boundary(1, quantizer.rounding).0 % 2 != 0;
    let boundary = if half { 1u64 << 63 } else { 0 };
    let close = |first: u64| {
        let from = boundary.wrapping_sub(margin).wrapping_sub(first);
        let to = from.wrapping_add(2 * margin);
        let start = seconds.partition_point(|&(second, _)| second < from);
        let end = seconds.partition_point(|&(second, _)| second <= to);
        if from <= to { (start..end, 0..0) } else { (start..seconds.len(), 0..end) }
    };
    let count = |(one, other): (std::ops::Range<usize>, std::ops::Range<usize>)| {
        (one.len() + other.len()) as u128
    };
    let near: u128 = firsts.iter().map(|&(first, _)| count(close(first))).sum();
    if near > MOST_COMPARED {
        return fixed.choice(quantizer, 64, near);
    }
    let exact = fixed.choice(quantizer, 64, 0);
    let mut differ = 0;
    for &(first, a) in &firsts {
        let (one, other) = close(first);
        for &(_, b) in seconds[one].iter().chain(&seconds[other]) {
            let meant = &sum.scales[0] * integer(a) + &sum.scales[1] * integer(b) + &sum.offset;
            differ += u128::from(exact.requant.apply(fixed.of(a, b), 0) != quantizer.apply(&meant));
        }
    }
    SumChoice { inexact: differ, ..exact }
}

/// The fraction of `code * scale + offset` in units of 2^-64, cut off, for each code of up to
/// 16 bits.
fn fractions(scale: &Real, offset: &Real, codes: &RangeInclusive<i64>) -> Vec<(u64, i64)> {
    // 32 more bits than are kept, for a code times what was cut off.
    let fixed = |real: &Real| {
        let one = BigInt::one() << 96u32;
        let scaled = (real * Real::from_integer(one.clone())).floor().to_integer();
        scaled.mod_floor(&one).to_i128().expect("less than 2^96")
    };
    let (scale, offset) = (fixed(scale), fixed(offset));
    let fraction = |code: i64| (scale * i128::from(code) + offset).rem_euclid(1 << 96) >> 32;
    codes.clone().map(|code| (fraction(code) as u64, code)).collect()
}

/// Scales that are integers times one unit, as powers of two and equal scales are: the sum has
/// that unit as its scale.
fn one_unit(sum: &Sum, quantizer: Quantizer) -> Option<SumChoice> {
    if sum.scales[1].is_zero() {
        return None;
    }
    let ratio = &sum.scales[0] / &sum.scales[1];
    let factors = [ratio.numer().to_i32()?, ratio.denom().to_i32()?].map(i64::from);
    let unit = &sum.scales[1] / integer(factors[1]);
    let ends = [0, 1].map(|i: usize| {
        let ends = [sum.codes[i].start(), sum.codes[i].end()].map(|code| code * factors[i]);
        (ends[0].min(ends[1]), ends[0].max(ends[1]))
    });
    let reach = ends[0].0 + ends[1].0..=ends[0].1 + ends[1].1;
    // The dialect counts with every code that a type has, so some room is left.
    if reach.start().unsigned_abs().max(reach.end().unsigned_abs()) >= 1 << 29 {
        return None;
    }
    let channel = Channel { scale: unit, offset: sum.offset.clone(), reach };
    let choice = choose(&[channel], quantizer, 32);
    if !choice.inexact.is_empty() {
        return None;
    }
    // Nothing is added to the operands of a sum but behind the multiplier.
    let requant = if choice.bias[0] == 0 { choice.requant } else { choice.without_bias()? };
    Some(SumChoice { factors, accumulator: 32, requant, inexact: 0 })
}

#[cfg(test)]
mod tests;
