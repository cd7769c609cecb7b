//! Fixed-point numbers as hls4ml's C++ computes with them: `ap_fixed` and `ap_int`.

use std::fmt;

use crate::exact::{self, Rounding};

/// Widths and places of the point that are read. Wider numbers are not refused because they
/// could not be said, but because no sum of products with them is computed exactly here.
const WIDEST: i64 = 64;

/// What happens to a value outside the range of its type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overflow {
    /// Modulo `2^width`.
    Wrap,
    /// To the nearest end of the range.
    Saturate,
    /// To zero.
    Zero,
    /// To the nearest end of the range, of which the least value is left out.
    Symmetric,
}

/// A type of fixed-point numbers: a value is a code times `2^-fraction`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fixed {
    /// 1 to 64 bits.
    pub width: u32,
    pub fraction: i64,
    pub signed: bool,
    pub rounding: Rounding,
    pub overflow: Overflow,
    /// `ap_int` rather than `ap_fixed`.
    pub integer: bool,
}

impl Fixed {
    /// Integers of 64 bits, with room for every number of another type that is computed with.
    pub const SIGNED_64: Fixed = Fixed {
        width: 64,
        fraction: 0,
        signed: true,
        rounding: Rounding::Floor,
        overflow: Overflow::Wrap,
        integer: false,
    };

    /// `ap_fixed<width, integer, rounding, overflow>`, its modes named as hls4ml does.
    ///
    /// # Errors
    ///
    /// A mode is unknown, or the type is wider than what is computed here.
    pub fn new(
        width: i64,
        integer: i64,
        signed: bool,
        rounding: &str,
        overflow: &str,
    ) -> Result<Self, String> {
        let rounding = match rounding {
            "TRN" => Rounding::Floor,
            "TRN_ZERO" => Rounding::TowardZero,
            "RND" => Rounding::NearestUp,
            "RND_ZERO" => Rounding::NearestTowardZero,
            "RND_INF" => Rounding::NearestAway,
            "RND_MIN_INF" => Rounding::NearestDown,
            "RND_CONV" => Rounding::NearestEven,
            _ => return Err(format!("rounds by the unknown mode {}", super::quote(rounding))),
        };
        let overflow = match overflow {
            "WRAP" => Overflow::Wrap,
            "SAT" => Overflow::Saturate,
            "SAT_ZERO" => Overflow::Zero,
            "SAT_SYM" => Overflow::Symmetric,
            _ => return Err(format!("overflows by the unknown mode {}", super::quote(overflow))),
        };
        Self::check(width, integer)?;
        let fraction = width - integer;
        Ok(Self { width: width as u32, fraction, signed, rounding, overflow, integer: false })
    }

    /// `ap_int<width>`: a cast to it drops the fraction, as C does.
    ///
    /// # Errors
    ///
    /// The type is wider than what is computed here.
    pub fn integer(width: i64, signed: bool) -> Result<Self, String> {
        Self::check(width, width)?;
        Ok(Self {
            width: width as u32,
            fraction: 0,
            signed,
            rounding: Rounding::TowardZero,
            overflow: Overflow::Wrap,
            integer: true,
        })
    }

    fn check(width: i64, integer: i64) -> Result<(), String> {
        if !(1..=WIDEST).contains(&width) || !(-WIDEST..=WIDEST).contains(&integer) {
            return Err(format!(
                "has {width} bits, {integer} of them above the point; supported: 1 to {WIDEST}, and -{WIDEST} to {WIDEST}"
            ));
        }
        Ok(())
    }

    /// Least and greatest code.
    pub fn range(&self) -> (i128, i128) {
        if self.signed {
            (-(1 << (self.width - 1)), (1 << (self.width - 1)) - 1)
        } else {
            (0, (1 << self.width) - 1)
        }
    }

    /// The codes to which a value outside of the range is limited.
    pub fn limits(&self) -> (i128, i128) {
        match self.range() {
            // A sign alone has no symmetric range; ap_fixed leaves it as it is.
            (low, high)
                if self.signed && self.width > 1 && self.overflow == Overflow::Symmetric =>
            {
                (low + 1, high)
            }
            range => range,
        }
    }

    /// Whether every code of an interval is one that a cast leaves as it is.
    pub fn holds(&self, (low, high): (i128, i128)) -> bool {
        let (least, most) = self.limits();
        least <= low && high <= most
    }

    /// The width of the integers that hold the codes, and whether they have a sign.
    ///
    /// A sign costs nothing where the codes leave room for it, and signed is what fits more
    /// kernels.
    pub fn container(&self) -> (u32, bool) {
        let bits = self.width.next_power_of_two().max(8);
        (bits, self.signed || self.width < bits)
    }

    /// The type that wraps in the same way at a coarser point: codes without their `bits`
    /// lowest bits. `None` if none are left.
    pub fn without_low_bits(&self, bits: i64) -> Option<Self> {
        let width = i64::from(self.width) - bits;
        (width >= 1).then(|| Self { width: width as u32, fraction: self.fraction - bits, ..*self })
    }

    /// The code of `code * 2^-fraction`.
    pub fn cast(&self, code: i128, fraction: i64) -> i128 {
        let shift = fraction - self.fraction;
        if shift >= 0 {
            return self.overflow(exact::shift_round(code, shift, self.rounding));
        }
        let room = i64::from(code.unsigned_abs().leading_zeros()) - 2;
        if -shift <= room {
            self.overflow(code << -shift)
        } else if self.overflow == Overflow::Wrap {
            // What is lost above 128 bits is not looked at.
            let low = if -shift < 128 { (code as u128) << -shift } else { 0 };
            self.wrap(low as i128)
        } else {
            // Beyond the range of every type, however far.
            self.overflow(code.signum() << 100)
        }
    }

    /// The code of a real value; an infinity is like a number beyond every range.
    pub fn of(&self, value: f64) -> i128 {
        if value == 0.0 || value.is_nan() {
            return 0;
        }
        let bits = value.abs().to_bits();
        let (exponent, mantissa) = ((bits >> 52) as i64, (bits & ((1 << 52) - 1)) as i128);
        let (exponent, mantissa) =
            if exponent == 0 { (1, mantissa) } else { (exponent, mantissa | 1 << 52) };
        let magnitude = if value < 0.0 { -mantissa } else { mantissa };
        self.cast(magnitude, 1075 - exponent)
    }

    /// The code of a weight. hls4ml writes it as a decimal with as many places as its type has
    /// bits behind the point, and reads it back.
    pub fn of_weight(&self, value: f64) -> i128 {
        let places = self.fraction.max(0) as usize;
        let decimal = format!("{value:.places$}");
        self.of(decimal.parse().unwrap_or(value))
    }

    fn overflow(&self, code: i128) -> i128 {
        let (low, high) = self.limits();
        match self.overflow {
            Overflow::Wrap => self.wrap(code),
            Overflow::Saturate | Overflow::Symmetric => code.clamp(low, high),
            Overflow::Zero if code < low || code > high => 0,
            Overflow::Zero => code,
        }
    }

    fn wrap(&self, code: i128) -> i128 {
        let modulus = 1i128 << self.width;
        let rest = code.rem_euclid(modulus);
        if rest > self.range().1 { rest - modulus } else { rest }
    }
}

/// As hls4ml spells it, such as `ufixed<7,3,RND_CONV,SAT>`.
impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let sign = if self.signed { "" } else { "u" };
        let width = self.width;
        if self.integer {
            return write!(f, "{sign}int<{width}>");
        }
        write!(f, "{sign}fixed<{width},{}", i64::from(width) - self.fraction)?;
        let rounding = match self.rounding {
            Rounding::TowardZero => ",TRN_ZERO",
            Rounding::NearestUp => ",RND",
            Rounding::NearestTowardZero => ",RND_ZERO",
            Rounding::NearestAway => ",RND_INF",
            Rounding::NearestDown => ",RND_MIN_INF",
            Rounding::NearestEven => ",RND_CONV",
            _ => "",
        };
        let overflow = match self.overflow {
            Overflow::Wrap => "",
            Overflow::Saturate => ",SAT",
            Overflow::Zero => ",SAT_ZERO",
            Overflow::Symmetric => ",SAT_SYM",
        };
        let rounding = if rounding.is_empty() && !overflow.is_empty() { ",TRN" } else { rounding };
        write!(f, "{rounding}{overflow}>")
    }
}
