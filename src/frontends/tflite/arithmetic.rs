//! The integer arithmetic of TensorFlow Lite's reference kernels, and how `tosa.rescale` says it.
//!
//! Most kernels multiply by a real factor as gemmlowp does, which rounds twice: the product with
//! a multiplier of 31 bits to its upper 32 bits, ties up, then the shift that remains, ties away
//! from zero. `tosa.rescale` in `DOUBLE_ROUND` is the same for every 32-bit integer:
//!
//! * with `p = x * multiplier`, the upper half is `h = floor((p + 2^30) / 2^31)`;
//! * for `x >= 0`, `floor((h + 2^(e-1)) / 2^e)` is `floor((p + 2^30 + 2^(30+e)) / 2^(31+e))`, which is
//!   what `tosa.rescale` computes with the shift `31 + e`;
//! * for `x < 0`, ties away from zero are `floor((h - 1 + 2^(e-1)) / 2^e)` where `h < 0`, and
//!   `h - 1` is `floor((p - 2^30) / 2^31)`; both are 0 where `h` is 0;
//! * at shifts up to 31 there is no second rounding in either.
//!
//! The fully connected kernel multiplies in `double` and rounds once, ties away from zero. That is
//! another function, but of few values: [`round_once`] looks for a multiplier which `tosa.rescale`
//! in `SINGLE_ROUND` takes to the same integers, of all sums that can occur.

/// `x * multiplier * 2^-shift`, as `tosa.rescale` takes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Multiplier {
    /// Of 31 bits.
    pub multiplier: i64,
    /// From 2 to 62.
    pub shift: i64,
}

impl Multiplier {
    /// 31 bits of a positive factor, as the reference kernels keep them.
    ///
    /// `None` if the factor is 2^29 or more.
    pub fn of(factor: f64) -> Option<Multiplier> {
        Some(Multiplier::of_any(factor)).filter(|found| found.shift >= 2)
    }

    /// Likewise of any factor, with a shift that may be less than `tosa.rescale` takes.
    pub fn of_any(factor: f64) -> Multiplier {
        let (mut multiplier, mut exponent) = fixed_point(factor);
        if exponent < -31 {
            // Flushed to zero, as all bits would be shifted out.
            (multiplier, exponent) = (0, 0);
        }
        Multiplier { multiplier, shift: 31 - exponent }
    }

    /// What the integer is multiplied by before the first rounding, a power of two: the kernels
    /// compute the product in 32 bits.
    pub fn headroom(&self) -> i64 {
        1 << (31 - self.shift).max(0)
    }
}

/// A factor as `multiplier * 2^(exponent - 31)`, the multiplier from 2^30 to 2^31 - 1.
fn fixed_point(factor: f64) -> (i64, i64) {
    // The fraction is in [0.5, 1), as C's frexp has it.
    let exponent = ((factor.to_bits() >> 52) & 0x7ff) as i64 - 1022;
    let fraction = f64::from_bits((factor.to_bits() & !(0x7ff << 52)) | (1022 << 52));
    // A power of two times the fraction is exact; `round` has ties away from zero.
    match (fraction * (1i64 << 31) as f64).round() as i64 {
        multiplier if multiplier == 1 << 31 => (1 << 30, exponent + 1),
        multiplier => (multiplier, exponent),
    }
}

/// A multiplier with which `floor(x * multiplier * 2^-shift + 1/2)`, limited to `codes`, is
/// `round(double(x) * factor)` limited likewise, for every integer from `low` to `high`.
///
/// Both are staircases, so they are equal if all steps are at the same places, each of which
/// bounds the multiplier. `None` if no multiplier of 31 bits is within all bounds.
pub fn round_once(factor: f64, (low, high): (i64, i64), codes: (i64, i64)) -> Option<Multiplier> {
    let (multiplier, exponent) = fixed_point(factor);
    // Of factors below 2^-31 fewer bits are kept, which is enough if few results differ from 0.
    let shift = (31 - exponent).clamp(2, 62);
    let natural =
        if shift == 31 - exponent { multiplier } else { (factor * (1u64 << shift) as f64) as i64 };
    let (mut least, mut most) = (0i128, (1i128 << 31) - 1);
    let reference = |x: i64| (x as f64 * factor).round();
    for code in codes.0 + 1..=codes.1 {
        let step = code as f64;
        // The smallest integer that reaches the code, off by little before the loops.
        let mut first = ((step - 0.5) / factor).clamp(low as f64 - 1.0, high as f64 + 1.0) as i64;
        while first > low && reference(first - 1) >= step {
            first -= 1;
        }
        while first <= high && reference(first) < step {
            first += 1;
        }
        // `x` reaches the code if `x * multiplier >= bound`.
        let bound = (2 * i128::from(code) - 1) << (shift - 1);
        let first = first.max(low);
        if first <= high {
            let x = i128::from(first);
            match x.signum() {
                1 => least = least.max(div_ceil(bound, x)),
                -1 => most = most.min((-bound).div_euclid(-x)),
                _ if bound > 0 => return None,
                _ => (),
            }
        }
        if first > low {
            // The one before does not: `x * multiplier < bound`.
            let x = i128::from(first - 1);
            match x.signum() {
                1 => most = most.min(div_ceil(bound, x) - 1),
                -1 => least = least.max((-bound).div_euclid(-x) + 1),
                _ if bound <= 0 => return None,
                _ => (),
            }
        }
        if least > most {
            return None;
        }
    }
    let multiplier = i128::from(natural).clamp(least, most);
    Some(Multiplier { multiplier: multiplier as i64, shift })
}

/// `ceil(a / b)` for a positive `b`.
fn div_ceil(a: i128, b: i128) -> i128 {
    -(-a).div_euclid(b)
}

/// A function fused into an operator, by its number in the schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activation {
    None,
    Relu,
    ReluN1To1,
    Relu6,
    Relu0To1,
}

impl Activation {
    /// # Errors
    ///
    /// The name of a function that is not supported.
    pub fn from_number(number: u8) -> Result<Activation, String> {
        Ok(match number {
            0 => Activation::None,
            1 => Activation::Relu,
            2 => Activation::ReluN1To1,
            3 => Activation::Relu6,
            4 => return Err("TANH".into()),
            5 => return Err("SIGN_BIT".into()),
            _ => return Err(format!("{number}")),
        })
    }

    /// Smallest and largest code that it leaves, of a scale and zero point. As the kernels
    /// compute it, in `float`: `None` if they refuse it.
    pub fn limits(
        self,
        (low, high): (i64, i64),
        scale: f32,
        zero_point: i64,
    ) -> Option<(i64, i64)> {
        let code = |value: f32| {
            let quotient = (value / scale).round();
            (quotient.abs() <= i32::MAX as f32).then_some(zero_point + quotient as i64)
        };
        let (least, most) = match self {
            Activation::None => (None, None),
            Activation::Relu => (Some(0.0), None),
            Activation::ReluN1To1 => (Some(-1.0), Some(1.0)),
            Activation::Relu6 => (Some(0.0), Some(6.0)),
            Activation::Relu0To1 => (Some(0.0), Some(1.0)),
        };
        let least = least.map_or(Some(low), code)?.max(low);
        let most = most.map_or(Some(high), code)?.min(high);
        Some((least, most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As the kernels write it: the upper half of the doubled product, then a rounding shift.
    fn round_twice(x: i64, Multiplier { multiplier, shift }: Multiplier) -> i64 {
        let (left, right) = ((31 - shift).max(0), (shift - 31).max(0));
        let product = (x << left) * multiplier;
        let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
        let high = (product + nudge) / (1 << 31);
        let mask = (1i64 << right) - 1;
        let threshold = (mask >> 1) + i64::from(high < 0);
        (high >> right) + i64::from((high & mask) > threshold)
    }

    /// As upstream lowers `tosa.rescale` in `DOUBLE_ROUND`.
    fn rescale(x: i64, Multiplier { multiplier, shift }: Multiplier) -> i64 {
        let mut sum = x * multiplier + (1 << (shift - 1));
        if shift > 31 {
            sum += if x >= 0 { 1 << 30 } else { -(1 << 30) };
        }
        sum >> shift
    }

    const EDGES: [i64; 14] = [
        i32::MIN as i64,
        i32::MIN as i64 + 1,
        -(1 << 30) - 1,
        -(1 << 30),
        -65536,
        -3,
        -2,
        -1,
        0,
        1,
        2,
        3,
        1 << 30,
        i32::MAX as i64,
    ];

    #[test]
    fn double_round_is_the_kernels_arithmetic_at_the_edges() {
        for shift in 2..=62 {
            for multiplier in [0, 1, 1 << 30, (1 << 30) + 1, (3 << 29) - 1, 3 << 29, (1 << 31) - 1]
            {
                let factor = Multiplier { multiplier, shift };
                // Halves, and what is beside them.
                let half = if multiplier == 0 { 0 } else { (1i64 << (shift - 1)) / multiplier };
                let near = (-2..=2).flat_map(|step| [half + step, -half + step]);
                for x in EDGES.into_iter().chain(near) {
                    if i32::try_from(x * factor.headroom()).is_ok() {
                        assert_eq!(round_twice(x, factor), rescale(x, factor), "{x} {factor:?}");
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn double_round_is_the_kernels_arithmetic(
            x in i32::MIN..=i32::MAX,
            bits in 0..32,
            multiplier in 1i64 << 30..1 << 31,
            shift in 2i64..=62,
        ) {
            let factor = Multiplier { multiplier, shift };
            let x = i64::from(x >> bits);
            if i32::try_from(x * factor.headroom()).is_ok() {
                prop_assert_eq!(round_twice(x, factor), rescale(x, factor));
            }
        }
    }

    proptest! {
        /// All sums of a range, against the definition.
        #[test]
        fn finds_multipliers_that_round_once(
            mantissa in 1.0f64..2.0,
            exponent in -12..3,
            low in -3000i64..0,
            high in 0i64..3000,
        ) {
            let factor = mantissa * f64::from(exponent).exp2();
            let found = round_once(factor, (low, high), (-128, 127));
            let Multiplier { multiplier, shift } = found.expect("8 bits need few");
            prop_assert!(multiplier < 1 << 31);
            for x in low..=high {
                let expected = (x as f64 * factor).round().clamp(-128.0, 127.0) as i64;
                let y = (x * multiplier + (1 << (shift - 1))) >> shift;
                prop_assert_eq!(y.clamp(-128, 127), expected, "{} {:?}", x, found);
            }
        }
    }

    #[test]
    fn ties_go_away_from_zero() {
        let Multiplier { multiplier, shift } =
            round_once(0.5, (-1000, 1000), (-128, 127)).expect("there is one");
        let half = |x: i64| (x * multiplier + (1 << (shift - 1))) >> shift;
        assert_eq!([-3, -1, 1, 3].map(half), [-2, -1, 1, 2]);
    }

    #[test]
    fn says_that_there_is_no_multiplier() {
        // One that is right for all of these needs more than 31 bits.
        let all = (-(1 << 31), (1 << 31) - 1);
        assert_eq!(round_once(0.000_011_234_567_891_234_5, all, (-32768, 32767)), None);
        // Too small to make anything but 0.
        assert_eq!(
            round_once(1e-30, (-1000, 1000), (-128, 127)),
            Some(Multiplier { multiplier: 0, shift: 62 })
        );
    }

    #[test]
    fn keeps_31_bits_of_a_factor() {
        let of = |factor| Multiplier::of(factor).map(|m| (m.multiplier, m.shift));
        assert_eq!(of(0.5), Some((1 << 30, 31)));
        assert_eq!(of(1.0), Some((1 << 30, 30)));
        assert_eq!(of(0.75), Some((3 << 29, 31)));
        // Rounded up to the next power of two.
        assert_eq!(of(1.0 - f64::EPSILON / 2.0), Some((1 << 30, 30)));
        assert_eq!(of(1e-12), Some((0, 31)));
        assert_eq!(of(1e9), None);
    }

    #[test]
    fn limits_are_codes() {
        let limits = |activation: Activation| activation.limits((-128, 127), 0.1, -5);
        assert_eq!(limits(Activation::None), Some((-128, 127)));
        assert_eq!(limits(Activation::Relu), Some((-5, 127)));
        assert_eq!(limits(Activation::Relu6), Some((-5, 55)));
        assert_eq!(limits(Activation::ReluN1To1), Some((-15, 5)));
        assert_eq!(Activation::Relu6.limits((-128, 127), 1e-20, 0), None);
        assert_eq!(Activation::from_number(4), Err("TANH".into()));
    }
}
