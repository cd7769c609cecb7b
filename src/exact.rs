//! Integer semantics, defined once.
//!
//! A layer sums exactly, then requantizes in one or more stages. Every level
//! of the compiler means this arithmetic: the linalg lowering, the kernels and
//! the simulator are tested against it.

/// How a scaled accumulator becomes an integer.
///
/// The first four are directed, the others round to nearest and differ in ties.
/// Discriminants are the core's own encoding of its rounding modes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(i64)]
pub enum Rounding {
    Floor = 0,
    Ceil = 1,
    TowardZero = 2,
    AwayFromZero = 3,
    NearestDown = 8,
    NearestUp = 9,
    NearestTowardZero = 10,
    NearestAway = 11,
    NearestEven = 12,
    NearestOdd = 13,
}

impl Rounding {
    pub const ALL: [Rounding; 10] = [
        Rounding::Floor,
        Rounding::Ceil,
        Rounding::TowardZero,
        Rounding::AwayFromZero,
        Rounding::NearestDown,
        Rounding::NearestUp,
        Rounding::NearestTowardZero,
        Rounding::NearestAway,
        Rounding::NearestEven,
        Rounding::NearestOdd,
    ];

    /// The mode of that encoding.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| *mode as i64 == code)
    }

    /// As the dialect and the kernels spell it.
    pub fn name(self) -> &'static str {
        match self {
            Rounding::Floor => "floor",
            Rounding::Ceil => "ceil",
            Rounding::TowardZero => "toward_zero",
            Rounding::AwayFromZero => "away_from_zero",
            Rounding::NearestDown => "nearest_down",
            Rounding::NearestUp => "nearest_up",
            Rounding::NearestTowardZero => "nearest_toward_zero",
            Rounding::NearestAway => "nearest_away",
            Rounding::NearestEven => "nearest_even",
            Rounding::NearestOdd => "nearest_odd",
        }
    }
}

/// What happens to a value outside the result's range.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(i64)]
pub enum Overflow {
    /// To the nearest end of the range.
    Saturate = 0,
    /// Likewise, with the smallest value left out, so that the range is symmetric.
    Symmetric = 1,
    /// Modulo 2^width.
    Wrap = 2,
}

impl Overflow {
    pub const ALL: [Overflow; 3] = [Overflow::Saturate, Overflow::Symmetric, Overflow::Wrap];

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| *mode as i64 == code)
    }

    /// As the dialect and the kernels spell it.
    pub fn name(self) -> &'static str {
        match self {
            Overflow::Saturate => "saturate",
            Overflow::Symmetric => "symmetric",
            Overflow::Wrap => "wrap",
        }
    }
}

/// One requantization: `clamp(overflow(round(x * 2^-shift) + zero_point), min, max)`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Requant {
    /// Negative means an exact left shift.
    pub shift: i64,
    pub rounding: Rounding,
    pub overflow: Overflow,
    /// Declared width of the result in bits.
    pub width: i64,
    pub zero_point: i64,
    /// Inclusive limits, a fused ReLU among them.
    pub min: i64,
    pub max: i64,
}

/// Smallest and largest integer of a width.
pub fn range(width: i64, signed: bool) -> (i64, i64) {
    debug_assert!((1..=63).contains(&width));
    if signed { (-(1 << (width - 1)), (1 << (width - 1)) - 1) } else { (0, (1 << width) - 1) }
}

/// `x * 2^-shift` by a rounding mode; exact for a negative shift.
pub fn shift_round(x: i128, shift: i64, rounding: Rounding) -> i128 {
    if shift <= 0 {
        return x << -shift;
    }
    if shift >= 126 {
        // The quotient is below one half: only its sign matters.
        let (below, above) = if x < 0 { (-1, 0) } else { (0, i128::from(x > 0)) };
        return match rounding {
            Rounding::Floor => below,
            Rounding::Ceil => above,
            Rounding::AwayFromZero => below + above,
            _ => 0,
        };
    }
    let floor = x >> shift;
    let rest = x - (floor << shift);
    let half = 1i128 << (shift - 1);
    let up = match rounding {
        Rounding::Floor => false,
        Rounding::Ceil => rest > 0,
        Rounding::TowardZero => rest > 0 && x < 0,
        Rounding::AwayFromZero => rest > 0 && x >= 0,
        _ if rest != half => rest > half,
        Rounding::NearestDown => false,
        Rounding::NearestUp => true,
        Rounding::NearestTowardZero => x < 0,
        Rounding::NearestAway => x >= 0,
        Rounding::NearestEven => floor & 1 != 0,
        Rounding::NearestOdd => floor & 1 == 0,
    };
    floor + i128::from(up)
}

impl Requant {
    /// Applies the requantization; `signed` is the result type's.
    pub fn apply(&self, x: i128, signed: bool) -> i64 {
        let y = shift_round(x, self.shift, self.rounding) + i128::from(self.zero_point);
        let (low, high) = range(self.width, signed);
        let limited = match self.overflow {
            Overflow::Saturate => y.clamp(low.into(), high.into()),
            Overflow::Symmetric => {
                let low = if signed { low + 1 } else { low };
                y.clamp(low.into(), high.into())
            }
            Overflow::Wrap => {
                let modulus = 1i128 << self.width;
                let wrapped = y.rem_euclid(modulus);
                if wrapped > i128::from(high) { wrapped - modulus } else { wrapped }
            }
        };
        // Limited to at most 63 bits above.
        (limited as i64).clamp(self.min, self.max)
    }

    /// Whether the requantization returns every value of a signed or unsigned
    /// range unchanged, except for the clamp.
    pub fn only_clamps(&self, from: (i64, i64), signed: bool) -> bool {
        let (low, high) = range(self.width, signed);
        let low = if self.overflow == Overflow::Symmetric && signed { low + 1 } else { low };
        self.shift == 0 && self.zero_point == 0 && low <= from.0 && from.1 <= high
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What each mode does to quarters from -1.5 to 1.5.
    #[test]
    fn rounds_quarters_as_the_modes_say() {
        let quarters = [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6];
        let table: [(Rounding, [i128; 13]); 10] = [
            (Rounding::Floor, [-2, -2, -1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1]),
            (Rounding::Ceil, [-1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2]),
            (Rounding::TowardZero, [-1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]),
            (Rounding::AwayFromZero, [-2, -2, -1, -1, -1, -1, 0, 1, 1, 1, 1, 2, 2]),
            (Rounding::NearestDown, [-2, -1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1]),
            (Rounding::NearestUp, [-1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1, 2]),
            (Rounding::NearestTowardZero, [-1, -1, -1, -1, 0, 0, 0, 0, 0, 1, 1, 1, 1]),
            (Rounding::NearestAway, [-2, -1, -1, -1, -1, 0, 0, 0, 1, 1, 1, 1, 2]),
            (Rounding::NearestEven, [-2, -1, -1, -1, 0, 0, 0, 0, 0, 1, 1, 1, 2]),
            (Rounding::NearestOdd, [-1, -1, -1, -1, -1, 0, 0, 0, 1, 1, 1, 1, 1]),
        ];
        for (mode, expected) in table {
            assert_eq!(quarters.map(|q| shift_round(q, 2, mode)), expected, "{mode:?}");
        }
    }

    #[test]
    fn limits_at_the_declared_width() {
        let six = Requant {
            shift: 0,
            rounding: Rounding::Floor,
            overflow: Overflow::Saturate,
            width: 6,
            zero_point: 0,
            min: -32,
            max: 31,
        };
        assert_eq!([-33, -32, 31, 32].map(|x| six.apply(x, true)), [-32, -32, 31, 31]);
        let symmetric = Requant { overflow: Overflow::Symmetric, ..six };
        assert_eq!([-33, -32, 31, 32].map(|x| symmetric.apply(x, true)), [-31, -31, 31, 31]);
        let wrap = Requant { overflow: Overflow::Wrap, ..six };
        assert_eq!([-33, -32, 31, 32].map(|x| wrap.apply(x, true)), [31, -32, 31, -32]);
        let unsigned = Requant { min: 0, max: 63, ..wrap };
        assert_eq!([-1, 64, 63].map(|x| unsigned.apply(x, false)), [63, 0, 63]);
    }

    proptest! {
        /// A rounded value is one of the two integers around the quotient, and
        /// nearest modes never miss by more than one half.
        #[test]
        fn rounds_to_a_neighbor(x in -(1i128 << 60)..(1i128 << 60), shift in 1i64..70) {
            for mode in Rounding::ALL {
                let error = (shift_round(x, shift, mode) << shift) - x;
                prop_assert!(error.abs() < 1 << shift);
                if mode as i64 >= 8 {
                    prop_assert!(error.abs() <= 1 << (shift - 1));
                }
            }
        }
    }
}
