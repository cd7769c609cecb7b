//! Casts between types of fixed-point numbers, on tensors of codes.

use super::{
    emit::{Body, Element, Function, Init, Scalar, Tensor},
    fixed::{Fixed, Overflow},
};
use crate::exact::{self, Rounding};

/// A tensor of codes: a value is a code times `2^-fraction`.
#[derive(Clone, Debug)]
pub struct Codes {
    pub tensor: Tensor,
    pub fraction: i64,
    /// The least and the greatest code there can be.
    pub range: (i128, i128),
}

/// The narrowest integers with a sign in which all of the ranges can be computed.
pub fn bits_for(ranges: &[(i128, i128)]) -> u32 {
    let fits = |bits: u32| {
        let limit = 1i128 << (bits - 1);
        ranges.iter().all(|&(low, high)| -limit <= low && high < limit)
    };
    [32, 64].into_iter().find(|&bits| fits(bits)).unwrap_or(128)
}

/// `code * 2^bits`, if that is not beyond what is computed here.
pub fn shifted(code: i128, bits: i64) -> Result<i128, String> {
    let room = i64::from(code.unsigned_abs().leading_zeros()) - 2;
    if bits <= room.min(100) { Ok(code << bits) } else { Err(TOO_WIDE.to_owned()) }
}

pub const TOO_WIDE: &str =
    "computes with numbers of more than 128 bits, which is not supported: make its types narrower";

/// A cast that has been looked at: what it does to the codes that there can be.
pub struct Cast {
    to: Fixed,
    /// Bits that go at the low end; if negative, zeros that come.
    shift: i64,
    /// Whether some code is changed by the overflow.
    overflows: bool,
    /// In which it is computed.
    bits: u32,
    /// Of the results.
    pub range: (i128, i128),
}

impl Cast {
    /// A cast of codes of a range.
    ///
    /// # Errors
    ///
    /// It needs numbers that are too wide.
    pub fn new(range: (i128, i128), fraction: i64, to: Fixed) -> Result<Self, String> {
        // Numbers have at most 64 bits; a shift by more leaves what one by 66 leaves.
        let shift = (fraction - to.fraction).min(66);
        let moved = if shift >= 0 {
            let round = |code| exact::shift_round(code, shift, to.rounding);
            (round(range.0), round(range.1))
        } else {
            (shifted(range.0, -shift)?, shifted(range.1, -shift)?)
        };
        let overflows = !to.holds(moved);
        let (low, high) = to.limits();
        let result = match to.overflow {
            _ if !overflows => moved,
            Overflow::Wrap => to.range(),
            Overflow::Saturate | Overflow::Symmetric => {
                (moved.0.clamp(low, high), moved.1.clamp(low, high))
            }
            Overflow::Zero => (moved.0.clamp(low, 0), moved.1.clamp(0, high)),
        };
        let rounding = if shift > 0 { 1 << shift } else { 0 };
        let mut needed = vec![range, (range.0 - rounding, range.1 + rounding), moved];
        if overflows {
            needed.push(to.range());
        }
        Ok(Self { to, shift, overflows, bits: bits_for(&needed), range: result })
    }

    /// Whether a code can become another.
    pub fn changes(&self) -> bool {
        self.shift != 0 || self.overflows
    }

    /// Whether a code can be outside the range of the type.
    pub fn overflows(&self) -> bool {
        self.overflows
    }

    /// Writes the cast of a scalar; the result has a sign.
    pub fn write(&self, body: &mut Body, x: &Scalar, signed: bool) -> Scalar {
        let x = body.resize(x, signed, self.bits);
        let x = self.round(body, x);
        if self.overflows { self.overflow(body, x) } else { x }
    }

    fn round(&self, body: &mut Body, x: Scalar) -> Scalar {
        let shift = i128::from(self.shift);
        if shift == 0 {
            return x;
        }
        if shift < 0 {
            return body.with("arith.shli", &x, -shift);
        }
        // One half is added, or a little less, where a tie does not go up; then the floor.
        let half = 1i128 << (shift - 1);
        let negative = |body: &mut Body| body.with("arith.shrui", &x, i128::from(self.bits) - 1);
        let sum = match self.to.rounding {
            Rounding::NearestUp => body.with("arith.addi", &x, half),
            Rounding::NearestDown => body.with("arith.addi", &x, half - 1),
            Rounding::NearestEven => {
                let floor = body.with("arith.shrsi", &x, shift);
                let odd = body.with("arith.andi", &floor, 1);
                let below = body.with("arith.addi", &x, half - 1);
                body.binary("arith.addi", &below, &odd)
            }
            Rounding::NearestTowardZero => {
                let negative = negative(body);
                let below = body.with("arith.addi", &x, half - 1);
                body.binary("arith.addi", &below, &negative)
            }
            Rounding::NearestAway => {
                let negative = negative(body);
                let half = body.with("arith.addi", &x, half);
                body.binary("arith.subi", &half, &negative)
            }
            Rounding::TowardZero => {
                let sign = body.with("arith.shrsi", &x, i128::from(self.bits) - 1);
                let most = body.with("arith.andi", &sign, (1 << shift) - 1);
                body.binary("arith.addi", &x, &most)
            }
            // The others are none of fixed-point numbers.
            _ => x,
        };
        body.with("arith.shrsi", &sum, shift)
    }

    fn overflow(&self, body: &mut Body, x: Scalar) -> Scalar {
        let (low, high) = self.to.limits();
        let limited = |body: &mut Body| {
            let raised = body.with("arith.maxsi", &x, low);
            body.with("arith.minsi", &raised, high)
        };
        match self.to.overflow {
            Overflow::Wrap => {
                let unused = i128::from(self.bits - self.to.width.min(self.bits));
                let top = body.with("arith.shli", &x, unused);
                let down = if self.to.signed { "arith.shrsi" } else { "arith.shrui" };
                body.with(down, &top, unused)
            }
            Overflow::Saturate | Overflow::Symmetric => limited(body),
            Overflow::Zero => {
                let limited = limited(body);
                let inside = body.compare("eq", &limited, &x);
                let zero = body.integer(0, self.bits);
                body.select(&inside, &x, &zero)
            }
        }
    }
}

/// Codes cast to a type, in the integers that hold it.
///
/// # Errors
///
/// As [`Cast::new`].
pub fn cast(function: &mut Function, x: &Codes, to: Fixed) -> Result<Codes, String> {
    let cast = Cast::new(x.range, x.fraction, to)?;
    let (bits, signed) = to.container();
    let fraction = to.fraction;
    let element = Element::Integer(bits);
    if !cast.changes() && x.tensor.element == element {
        let tensor = Tensor { signed, ..x.tensor.clone() };
        return Ok(Codes { tensor, fraction, range: x.range });
    }
    let tensor = map(function, &x.tensor, element, signed, |body, x, from| {
        let result = cast.write(body, x, from);
        body.resize(&result, true, bits)
    });
    Ok(Codes { tensor, fraction, range: cast.range })
}

/// A tensor with each element mapped to one of another type.
///
/// The body is given the element, and whether it has a sign.
pub fn map(
    function: &mut Function,
    x: &Tensor,
    element: Element,
    signed: bool,
    body: impl FnOnce(&mut Body, &Scalar, bool) -> Scalar,
) -> Tensor {
    let rank = x.shape.len();
    let indices: Vec<usize> = (0..rank).collect();
    function.generic(
        &vec![false; rank],
        &[(x, &indices)],
        Init::Empty(x.shape.clone(), element),
        &indices,
        signed,
        |builder, scalars| body(builder, &scalars[0], x.signed),
    )
}
