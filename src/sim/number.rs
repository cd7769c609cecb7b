//! Arithmetic on lanes, as the `arith` and `math` dialects define it.
//!
//! Lanes are as [`crate::array::code`] says. Floats are computed in doubles and
//! rounded once to their type. A double has more than twice the digits of a
//! single and two more, so that sums, products, quotients and square roots are
//! those of the narrower type (Figueroa 1995); a fused product has its own way.

use crate::array::code::{Binary, Number, Ordering, Predicate, Unary};

/// An integer as a lane of `bits`.
pub(super) fn wrap(value: i64, bits: u32) -> i64 {
    match bits {
        1 => value & 1,
        64.. => value,
        _ => value << (64 - bits) >> (64 - bits),
    }
}

/// The bits of a lane of an integer, without its sign.
fn unsigned(value: i64, bits: u32) -> u64 {
    if bits >= 64 { value as u64 } else { value as u64 & ((1 << bits) - 1) }
}

/// The lane's integer with the sign that its highest bit says, for 1 bit too.
fn signed(value: i64, bits: u32) -> i64 {
    if bits == 1 { -value } else { value }
}

pub(super) fn float(lane: i64) -> f64 {
    f64::from_bits(lane as u64)
}

pub(super) fn lane(value: f64) -> i64 {
    value.to_bits() as i64
}

/// To the nearest number of the type, ties to even.
pub(super) fn round(value: f64, number: Number) -> f64 {
    match number {
        Number::F32 => f64::from(value as f32),
        Number::Bf16 => {
            // By way of a single that is rounded to odd, so that rounding twice is rounding once.
            let mut single = value as f32;
            if f64::from(single).abs() > value.abs() {
                single = f32::from_bits(single.to_bits() - 1);
            }
            let mut bits = single.to_bits();
            if single.is_nan() {
                return f64::from(single);
            }
            if f64::from(single) != value {
                bits |= 1;
            }
            let up = 0x7fff + (bits >> 16 & 1);
            f64::from(f32::from_bits(bits.wrapping_add(up) & 0xffff_0000))
        }
        Number::F64 | Number::Int(_) => value,
    }
}

/// The bits of a lane as they lie in memory.
pub(super) fn to_bits(value: i64, number: Number) -> u64 {
    match number {
        Number::Int(bits) => unsigned(value, bits),
        Number::Bf16 => u64::from((float(value) as f32).to_bits() >> 16),
        Number::F32 => u64::from((float(value) as f32).to_bits()),
        Number::F64 => value as u64,
    }
}

/// The lane of bits as they lie in memory.
pub(super) fn from_bits(bits: u64, number: Number) -> i64 {
    match number {
        Number::Int(width) => wrap(bits as i64, width),
        Number::Bf16 => lane(f64::from(f32::from_bits((bits as u32) << 16))),
        Number::F32 => lane(f64::from(f32::from_bits(bits as u32))),
        Number::F64 => bits as i64,
    }
}

pub(super) fn unary(op: Unary, value: i64, from: Number, into: Number) -> i64 {
    let Number::Int(bits) = from else {
        let value = float(value);
        let result = match op {
            Unary::Convert | Unary::ConvertUnsigned | Unary::ToUnsigned => match into {
                // Beyond the range MLIR leaves the result open; this one saturates.
                Number::Int(bits) if op == Unary::ToUnsigned => {
                    let most = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
                    return wrap((value as u64).min(most) as i64, bits);
                }
                Number::Int(bits) => {
                    let (low, high) = (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits));
                    return wrap((value as i64).clamp(low, high), bits);
                }
                _ => value,
            },
            Unary::Neg => -value,
            Unary::Abs => value.abs(),
            Unary::Sqrt => value.sqrt(),
            Unary::Floor => value.floor(),
            Unary::Ceil => value.ceil(),
            Unary::Round => value.round(),
            Unary::RoundEven => value.round_ties_even(),
            Unary::Trunc => value.trunc(),
            Unary::CountOnes | Unary::LeadingZeros | Unary::TrailingZeros => value,
        };
        return lane(round(result, into));
    };
    let bare = unsigned(value, bits);
    let unused = 64 - bits;
    let result = match op {
        Unary::ConvertUnsigned if into.is_float() => return lane(round_unsigned(bare, into)),
        Unary::ConvertUnsigned | Unary::ToUnsigned => bare as i64,
        Unary::Convert if into.is_float() => {
            return lane(round_integer(i128::from(signed(value, bits)), into));
        }
        Unary::Convert => signed(value, bits),
        Unary::Neg => value.wrapping_neg(),
        Unary::Abs => value.wrapping_abs(),
        Unary::CountOnes => i64::from(bare.count_ones()),
        Unary::LeadingZeros => i64::from(bare.leading_zeros() - unused),
        Unary::TrailingZeros => i64::from(bare.trailing_zeros().min(bits)),
        Unary::Sqrt
        | Unary::Floor
        | Unary::Ceil
        | Unary::Round
        | Unary::RoundEven
        | Unary::Trunc => value,
    };
    match into {
        Number::Int(bits) => wrap(result, bits),
        _ => result,
    }
}

fn round_unsigned(value: u64, into: Number) -> f64 {
    round_integer(i128::from(value), into)
}

/// An integer of up to 64 bits, rounded once.
fn round_integer(value: i128, into: Number) -> f64 {
    match into {
        Number::F32 => f64::from(value as f32),
        Number::Bf16 => {
            // A double that is rounded to odd; below 2^53 it is exact.
            let mut double = value as f64;
            if double as i128 != value {
                if (double as i128).abs() > value.abs() {
                    double = f64::from_bits(double.to_bits() - 1);
                }
                double = f64::from_bits(double.to_bits() | 1);
            }
            round(double, Number::Bf16)
        }
        _ => value as f64,
    }
}

/// `Err` says why there is no result.
pub(super) fn binary(op: Binary, a: i64, b: i64, number: Number) -> Result<i64, &'static str> {
    let Number::Int(bits) = number else { return Ok(floats(op, float(a), float(b), number)) };
    let (sa, sb) = (signed(a, bits), signed(b, bits));
    let (ua, ub) = (unsigned(a, bits), unsigned(b, bits));
    let shift = |result: fn(i64, u64, u32) -> i64| {
        if ub < u64::from(bits) { Ok(result(sa, ua, ub as u32)) } else { Err("shifts too far") }
    };
    const ZERO: &str = "divides by zero";
    let result = match op {
        Binary::Add => a.wrapping_add(b),
        Binary::Sub => a.wrapping_sub(b),
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div | Binary::CeilDiv | Binary::FloorDiv | Binary::Rem => {
            let (quotient, rest) = (
                sa.checked_div(sb).ok_or(if sb == 0 { ZERO } else { "overflows in a division" })?,
                sa.wrapping_rem(sb),
            );
            let inexact = rest != 0;
            match op {
                Binary::CeilDiv if inexact && (rest < 0) == (sb < 0) => quotient + 1,
                Binary::FloorDiv if inexact && (rest < 0) != (sb < 0) => quotient - 1,
                Binary::Rem => rest,
                _ => quotient,
            }
        }
        Binary::DivUnsigned => ua.checked_div(ub).ok_or(ZERO)? as i64,
        Binary::CeilDivUnsigned if ub > 0 => ua.div_ceil(ub) as i64,
        Binary::CeilDivUnsigned => return Err(ZERO),
        Binary::RemUnsigned => ua.checked_rem(ub).ok_or(ZERO)? as i64,
        Binary::And => a & b,
        Binary::Or => a | b,
        Binary::Xor => a ^ b,
        Binary::Shl => shift(|value, _, by| value << by)?,
        Binary::Shr => shift(|value, _, by| value >> by)?,
        Binary::ShrUnsigned => shift(|_, value, by| (value >> by) as i64)?,
        Binary::Max | Binary::MaxNumber => sa.max(sb),
        Binary::Min | Binary::MinNumber => sa.min(sb),
        Binary::MaxUnsigned => ua.max(ub) as i64,
        Binary::MinUnsigned => ua.min(ub) as i64,
        Binary::CopySign => a,
        Binary::Compare(predicate) => {
            return Ok(i64::from(match predicate {
                Predicate::Never => false,
                Predicate::Always => true,
                Predicate::Eq => a == b,
                Predicate::Ne => a != b,
                Predicate::Lt => sa < sb,
                Predicate::Le => sa <= sb,
                Predicate::Gt => sa > sb,
                Predicate::Ge => sa >= sb,
                Predicate::LtUnsigned => ua < ub,
                Predicate::LeUnsigned => ua <= ub,
                Predicate::GtUnsigned => ua > ub,
                Predicate::GeUnsigned => ua >= ub,
                Predicate::UnorderedOr(_) | Predicate::Unordered => false,
                Predicate::Ordered => true,
            }));
        }
    };
    Ok(wrap(result, bits))
}

fn floats(op: Binary, a: f64, b: f64, number: Number) -> i64 {
    let nan = a.is_nan() || b.is_nan();
    // The zeros are ordered: -0 below +0.
    let larger = if a > b || (a == b && a.is_sign_positive()) { a } else { b };
    let smaller = if a < b || (a == b && a.is_sign_negative()) { a } else { b };
    let number_of = |both: f64| match (a.is_nan(), b.is_nan()) {
        (true, _) => b,
        (_, true) => a,
        _ => both,
    };
    let result = match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Rem => a % b,
        Binary::Max | Binary::Min if nan => f64::NAN,
        Binary::Max => larger,
        Binary::Min => smaller,
        Binary::MaxNumber => number_of(larger),
        Binary::MinNumber => number_of(smaller),
        Binary::CopySign => a.copysign(b),
        Binary::Compare(predicate) => {
            let order = |ordering| match ordering {
                Ordering::Eq => a == b,
                Ordering::Ne => a != b && !nan,
                Ordering::Lt => a < b,
                Ordering::Le => a <= b,
                Ordering::Gt => a > b,
                Ordering::Ge => a >= b,
            };
            return i64::from(match predicate {
                Predicate::Never => false,
                Predicate::Always => true,
                Predicate::Eq => order(Ordering::Eq),
                Predicate::Ne => order(Ordering::Ne),
                Predicate::Lt | Predicate::LtUnsigned => order(Ordering::Lt),
                Predicate::Le | Predicate::LeUnsigned => order(Ordering::Le),
                Predicate::Gt | Predicate::GtUnsigned => order(Ordering::Gt),
                Predicate::Ge | Predicate::GeUnsigned => order(Ordering::Ge),
                Predicate::UnorderedOr(ordering) => nan || order(ordering),
                Predicate::Ordered => !nan,
                Predicate::Unordered => nan,
            });
        }
        _ => f64::NAN,
    };
    lane(round(result, number))
}

/// `a * b + c`, rounded once.
pub(super) fn fma([a, b, c]: [i64; 3], number: Number) -> i64 {
    let Number::Int(bits) = number else {
        let (a, b, c) = (float(a), float(b), float(c));
        return lane(match number {
            Number::F32 => f64::from((a as f32).mul_add(b as f32, c as f32)),
            // The product is exact; the sum is rounded to odd on its way.
            Number::Bf16 => {
                let product = a * b;
                let sum = product + c;
                let rest =
                    if product.abs() > c.abs() { c - (sum - product) } else { product - (sum - c) };
                let odd = if rest == 0.0 || !sum.is_finite() || sum.to_bits() & 1 == 1 {
                    sum
                } else if (rest > 0.0) == (sum > 0.0) {
                    f64::from_bits(sum.to_bits() + 1)
                } else {
                    f64::from_bits(sum.to_bits() - 1)
                };
                round(odd, number)
            }
            _ => a.mul_add(b, c),
        });
    };
    wrap(a.wrapping_mul(b).wrapping_add(c), bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const F32: Number = Number::F32;

    #[test]
    fn integers_wrap_and_divide_as_mlir_says() {
        let i8 = Number::Int(8);
        assert_eq!(binary(Binary::Add, 127, 1, i8), Ok(-128));
        assert_eq!(binary(Binary::FloorDiv, -7, 2, i8), Ok(-4));
        assert_eq!(binary(Binary::CeilDiv, -7, 2, i8), Ok(-3));
        assert_eq!(binary(Binary::CeilDiv, 7, 2, i8), Ok(4));
        assert_eq!(binary(Binary::DivUnsigned, -1, 2, i8), Ok(127));
        assert_eq!(binary(Binary::ShrUnsigned, -1, 4, i8), Ok(15));
        assert_eq!(binary(Binary::Shr, -16, 2, i8), Ok(-4));
        assert!(binary(Binary::Div, 1, 0, i8).is_err());
        assert!(binary(Binary::Shl, 1, 8, i8).is_err());
        assert_eq!(binary(Binary::Compare(Predicate::LtUnsigned), -1, 1, i8), Ok(0));
        let bit = Number::Int(1);
        assert_eq!(binary(Binary::Add, 1, 1, bit), Ok(0));
        assert_eq!(unary(Unary::Convert, 1, bit, i8), -1);
        assert_eq!(unary(Unary::ConvertUnsigned, 1, bit, i8), 1);
        assert_eq!(unary(Unary::LeadingZeros, 1, i8, i8), 7);
    }

    #[test]
    fn floats_are_rounded_once() {
        let single = |op, a: f32, b: f32| {
            float(binary(op, lane(a.into()), lane(b.into()), F32).unwrap()) as f32
        };
        for (a, b) in [(0.1, 0.2), (1e30, 3.0), (1.0, 3.0), (1e-40, 7.0)] {
            assert_eq!(single(Binary::Add, a, b), a + b);
            assert_eq!(single(Binary::Mul, a, b), a * b);
            assert_eq!(single(Binary::Div, a, b), a / b);
        }
        // Halfway between two numbers of 8 digits, and a little above it.
        assert_eq!(round(1.0 + 1.0 / 256.0, Number::Bf16), 1.0);
        assert_eq!(round(1.0 + 1.0 / 256.0 + 1e-12, Number::Bf16), 1.0 + 1.0 / 128.0);
        assert_eq!(round(-(1.0 + 3.0 / 256.0), Number::Bf16), -(1.0 + 4.0 / 256.0));
        assert_eq!(unary(Unary::Convert, lane(-1e9), F32, Number::Int(8)), -128);
        assert_eq!(float(unary(Unary::Convert, -3, Number::Int(8), F32)), -3.0);
    }

    #[test]
    fn not_a_number_is_compared_as_mlir_says() {
        let compare = |predicate, a, b| {
            binary(Binary::Compare(predicate), lane(a), lane(b), F32).unwrap() == 1
        };
        assert!(!compare(Predicate::Ne, f64::NAN, 1.0));
        assert!(compare(Predicate::UnorderedOr(Ordering::Eq), f64::NAN, 1.0));
        assert!(compare(Predicate::Unordered, f64::NAN, 1.0));
        let max = |op, a, b| float(binary(op, lane(a), lane(b), F32).unwrap());
        assert!(max(Binary::Max, f64::NAN, 1.0).is_nan());
        assert_eq!(max(Binary::MaxNumber, f64::NAN, 1.0), 1.0);
        assert!(max(Binary::Max, -0.0, 0.0).is_sign_positive());
    }
}
