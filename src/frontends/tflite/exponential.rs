//! The fixed-point exponential and reciprocal that the reference softmax is made of.
//!
//! Numbers are 32-bit integers with an implied point, products the upper half of the doubled
//! product. A difference of two 8-bit codes has 256 values, so the exponential becomes a table.

use super::arithmetic::Multiplier;

/// Integer bits of the argument of the exponential.
const ARGUMENT_BITS: i64 = 5;

/// The upper half of the doubled product, ties up.
fn multiply(a: i64, b: i64) -> i64 {
    (a * b + (1 << 30)) >> 31
}

/// `x * 2^-shift`, ties away from zero.
fn divide(x: i64, shift: i64) -> i64 {
    let floor = x >> shift;
    let rest = x - (floor << shift);
    floor + i64::from(rest > ((1 << shift) - 1) / 2 + i64::from(x < 0))
}

/// `exp(-difference * scale)` for differences of codes from 0 to 255, with 31 bits behind the
/// point; 0 where the kernel leaves a term out. `None` for a scale that the kernel refuses.
pub fn table(scale: f64) -> Option<Vec<i64>> {
    let factor = scale * f64::from(1u32 << (31 - ARGUMENT_BITS));
    // No NaN either.
    if factor.is_nan() || factor < 0.5 {
        return None;
    }
    let factor = factor.min(f64::from(i32::MAX));
    let Multiplier { multiplier, shift } = Multiplier::of_any(factor);
    let left = 31 - shift;
    if left < 0 {
        return None;
    }
    let radius = (31i64 << (31 - ARGUMENT_BITS)) >> left;
    let entry = |difference: i64| {
        if difference > radius {
            0
        } else {
            exponential(multiply(-(difference << left), multiplier))
        }
    };
    Some((0..256).map(entry).collect())
}

/// `exp(a)` of a number from -32 to 0 with 26 bits behind the point: a polynomial for the rest
/// modulo one quarter, times the powers of e that the other bits stand for.
fn exponential(a: i64) -> i64 {
    const POINT: i64 = 31 - ARGUMENT_BITS;
    const QUARTER: i64 = 1 << (POINT - 2);
    /// `exp(-2^i)` for i from -2 on.
    const POWERS: [i64; 7] =
        [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    if a == 0 {
        return i64::from(i32::MAX);
    }
    let rest = (a & (QUARTER - 1)) - QUARTER;
    let mut result = near_zero(rest << ARGUMENT_BITS);
    let quarters = rest - a;
    for (index, power) in POWERS.iter().enumerate() {
        if quarters & (QUARTER << index) != 0 {
            result = multiply(result, *power);
        }
    }
    result
}

/// `exp(a)` from -1/4 to 0, 31 bits behind the point: a Taylor polynomial at -1/8.
fn near_zero(a: i64) -> i64 {
    const AT_EIGHTH: i64 = 1_895_147_668;
    const THIRD: i64 = 715_827_883;
    let x = a + (1 << 28);
    let x2 = multiply(x, x);
    let x3 = multiply(x2, x);
    let x4 = multiply(x2, x2);
    let higher = divide(multiply(divide(x4, 2) + x3, THIRD) + x2, 1);
    AT_EIGHTH + multiply(AT_EIGHTH, x + higher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_exponential() {
        let table = table(0.125).expect("the scale is fine");
        assert_eq!(table[0], i64::from(i32::MAX));
        for (difference, &entry) in table.iter().take(125).enumerate() {
            let exact = (-0.125 * difference as f64).exp();
            assert!((entry as f64 / 2f64.powi(31) - exact).abs() < 1e-6, "{difference}: {entry}");
        }
    }

    #[test]
    fn terms_too_small_are_left_out() {
        let table = table(0.5).expect("the scale is fine");
        assert_eq!(table[64..], [0; 192]);
        assert_eq!([1e-12, -1.0, f64::NAN].map(super::table), [None, None, None]);
    }
}
