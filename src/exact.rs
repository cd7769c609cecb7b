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

/// One requantization:
/// `clamp(overflow(round((x * multiplier + addend) * 2^-shift) + zero_point), min, max)`.
///
/// `multiplier` and `addend` hold one number for all channels or one for each; a channel is
/// an index along the last dimension. Everything is exact: no product and no sum is cut.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Requant {
    pub multiplier: Vec<i64>,
    pub addend: Vec<i64>,
    /// Negative means an exact left shift.
    pub shift: i64,
    pub rounding: Rounding,
    pub overflow: Overflow,
    /// Declared width of the result in bits.
    pub width: i64,
    /// Whether the result has a sign.
    pub signed: bool,
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
    /// Bits that a multiplier or an addend has at the most, its sign among them: a product with
    /// 64 bits, and a sum with that, are then within 126 bits.
    pub const FACTOR_BITS: u32 = 62;

    /// A requantization by a power of two: multiplier 1, addend 0, zero point 0, saturating to
    /// the whole range of the width.
    pub fn shift(shift: i64, rounding: Rounding, width: i64, signed: bool) -> Self {
        let (min, max) = range(width, signed);
        Requant {
            multiplier: vec![1],
            addend: vec![0],
            shift,
            rounding,
            overflow: Overflow::Saturate,
            width,
            signed,
            zero_point: 0,
            min,
            max,
        }
    }

    /// The multiplier of a channel.
    pub fn multiplier_of(&self, channel: usize) -> i64 {
        Self::of_channel(&self.multiplier, channel, 1)
    }

    /// The addend of a channel.
    pub fn addend_of(&self, channel: usize) -> i64 {
        Self::of_channel(&self.addend, channel, 0)
    }

    fn of_channel(list: &[i64], channel: usize, default: i64) -> i64 {
        match list {
            [] => default,
            [one] => *one,
            many => many[channel],
        }
    }

    /// Whether multiplier and addend do nothing, so that this is a shift.
    pub fn is_shift(&self) -> bool {
        self.multiplier == [1] && self.addend == [0]
    }

    /// How many channels it is for; `None` if for any number.
    pub fn channels(&self) -> Option<usize> {
        [&self.multiplier, &self.addend].map(Vec::len).into_iter().find(|&len| len != 1)
    }

    /// Applies the requantization to a value of a channel.
    pub fn apply(&self, x: i128, channel: usize) -> i64 {
        let scaled =
            x * i128::from(self.multiplier_of(channel)) + i128::from(self.addend_of(channel));
        let y = shift_round(scaled, self.shift, self.rounding) + i128::from(self.zero_point);
        let (low, high) = range(self.width, self.signed);
        let limited = match self.overflow {
            Overflow::Saturate => y.clamp(low.into(), high.into()),
            Overflow::Symmetric => {
                let low = if self.signed { low + 1 } else { low };
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

    /// Smallest and largest result, as overflow and limits leave them.
    pub fn limits(&self) -> (i64, i64) {
        let (low, high) = range(self.width, self.signed);
        let low = if self.overflow == Overflow::Symmetric && self.signed { low + 1 } else { low };
        (low.clamp(self.min, self.max), high.clamp(self.min, self.max))
    }

    /// Whether the requantization returns every value of a range unchanged, except for the
    /// clamp.
    pub fn only_clamps(&self, from: (i64, i64)) -> bool {
        let (low, high) = range(self.width, self.signed);
        let low = if self.overflow == Overflow::Symmetric && self.signed { low + 1 } else { low };
        self.is_shift()
            && self.shift == 0
            && self.zero_point == 0
            && low <= from.0
            && from.1 <= high
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
        let six = Requant::shift(0, Rounding::Floor, 6, true);
        let all = |requant: &Requant, xs: [i128; 4]| xs.map(|x| requant.apply(x, 0));
        assert_eq!(all(&six, [-33, -32, 31, 32]), [-32, -32, 31, 31]);
        let symmetric = Requant { overflow: Overflow::Symmetric, ..six.clone() };
        assert_eq!(all(&symmetric, [-33, -32, 31, 32]), [-31, -31, 31, 31]);
        let wrap = Requant { overflow: Overflow::Wrap, ..six.clone() };
        assert_eq!(all(&wrap, [-33, -32, 31, 32]), [31, -32, 31, -32]);
        let unsigned = Requant { min: 0, max: 63, signed: false, ..wrap };
        assert_eq!(all(&unsigned, [-1, 64, 63, 0]), [63, 0, 63, 0]);
    }

    #[test]
    fn multiplies_and_adds_by_channel() {
        let requant = Requant {
            multiplier: vec![3, -5],
            addend: vec![2],
            zero_point: 7,
            ..Requant::shift(2, Rounding::NearestEven, 8, true)
        };
        // (10 * 3 + 2) / 4 = 8; (10 * -5 + 2) / 4 = -12.
        assert_eq!([0, 1].map(|channel| requant.apply(10, channel)), [15, -5]);
        assert_eq!(requant.channels(), Some(2));
        // The largest operands there can be.
        let most = (1 << (Requant::FACTOR_BITS - 1)) - 1;
        let extreme = Requant { multiplier: vec![most], addend: vec![most], ..requant };
        assert_eq!([i64::MIN, i64::MAX].map(|x| extreme.apply(x.into(), 0)), [-128, 127]);
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
