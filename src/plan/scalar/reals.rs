//! Quantization as arithmetic of reals, as PyTorch's PT2E writes it.
//!
//! A quantizer divides by a scale, or multiplies by what it is the inverse of,
//! rounds to even, adds a zero point, limits and converts. A dequantizer takes
//! the zero point away and multiplies. Rounding to even has idioms of its own.

use super::{Binary, Compare, Graph, Id, Node, REAL, RealBinary, RealUnary, limits};
use std::collections::HashMap;

/// `clamp(round_even(of / scale) + zero_point, min, max)`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quantizer {
    pub of: Id,
    pub scale: f64,
    pub zero_point: i64,
    pub min: i64,
    pub max: i64,
    /// Whether the code has a sign.
    pub signed: bool,
}

/// `(of - zero_point) * scale`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Dequantizer {
    pub of: Id,
    pub scale: f64,
    pub zero_point: i64,
    /// Whether the code is read with a sign.
    pub signed: bool,
}

/// A rounded real, moved and limited; limits are infinite where there are none.
struct Rounded {
    of: Id,
    scale: f64,
    offset: f64,
    low: f64,
    high: f64,
}

impl Graph {
    /// The quantizer that an integer is.
    pub fn quantizer(&self, id: Id) -> Option<Quantizer> {
        let bits = self.bits(id);
        let within = |min: i64, max: i64, signed: bool| {
            let (low, high) = if signed { limits(bits) } else { (0, (1 << bits) - 1) };
            low <= i128::from(min) && i128::from(max) <= high
        };
        match *self.node(id) {
            Node::Resize { value, signed } => {
                let found = self.quantizer(value).filter(|found| found.signed)?;
                ((signed || found.min >= 0) && within(found.min, found.max, true)).then_some(found)
            }
            Node::Binary(op @ (Binary::Min | Binary::Max), a, b) => {
                let (value, number) = match (self.one(a), self.one(b)) {
                    (None, Some(number)) => (a, number),
                    (Some(number), None) => (b, number),
                    _ => return None,
                };
                let found = self.quantizer(value).filter(|found| found.signed)?;
                let limit = |x: i64| if op == Binary::Min { x.min(number) } else { x.max(number) };
                Some(Quantizer { min: limit(found.min), max: limit(found.max), ..found })
            }
            Node::ToInteger { value, signed } => {
                let Rounded { of, scale, offset, low, high } = self.rounded(value)?;
                let whole = |x: f64| (x.fract() == 0.0 && x.abs() < 1e15).then_some(x as i64);
                let (min, max) = (whole(low)?, whole(high)?);
                let zero_point = whole(offset)?;
                let found = Quantizer { of, scale, zero_point, min, max, signed };
                within(min, max, signed).then_some(found)
            }
            _ => None,
        }
    }

    fn rounded(&self, id: Id) -> Option<Rounded> {
        let one = |id: Id| self.reals(id).filter(|all| all.len() == 1).map(|all| all[0]);
        let moved = |value: Id, by: f64| -> Option<Rounded> {
            let found = self.rounded(value)?;
            let Rounded { offset, low, high, .. } = found;
            let (offset, low, high) = (offset + by, low + by, high + by);
            (by.fract() == 0.0).then_some(Rounded { offset, low, high, ..found })
        };
        let limited = |value: Id, by: f64, op: RealBinary| -> Option<Rounded> {
            let found = self.rounded(value)?;
            let limit = |x: f64| if op == RealBinary::Min { x.min(by) } else { x.max(by) };
            Some(Rounded { low: limit(found.low), high: limit(found.high), ..found })
        };
        match *self.node(id) {
            // What is whole already stays.
            Node::RealUnary(RealUnary::RoundEven, value) => {
                self.rounded(value).or_else(|| self.rounds(value))
            }
            Node::RealBinary(op, a, b) => match (op, one(a), one(b)) {
                (RealBinary::Add, None, Some(by)) => moved(a, by),
                (RealBinary::Add, Some(by), None) => moved(b, by),
                (RealBinary::Sub, None, Some(by)) => moved(a, -by),
                (RealBinary::Min | RealBinary::Max, None, Some(by)) => limited(a, by, op),
                (RealBinary::Min | RealBinary::Max, Some(by), None) => limited(b, by, op),
                _ => None,
            },
            Node::Select(condition, a, b) => match self.real_limit(condition, a, b) {
                Some((op, value, number)) => limited(value, one(number)?, op),
                None => self.rounds(self.rounds_even(id)?),
            },
            _ => None,
        }
    }

    fn rounds(&self, value: Id) -> Option<Rounded> {
        let one = |id: Id| self.reals(id).filter(|all| all.len() == 1).map(|all| all[0]);
        let (of, scale) = match *self.node(value) {
            Node::RealBinary(RealBinary::Div, x, by) if one(by).is_some() => (x, one(by)?),
            Node::RealBinary(RealBinary::Mul, x, by) if one(by).is_some() => (x, 1.0 / one(by)?),
            Node::RealBinary(RealBinary::Mul, by, x) if one(by).is_some() => (x, 1.0 / one(by)?),
            _ => (value, 1.0),
        };
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        (scale.is_finite() && scale > 0.0).then_some(Rounded { of, scale, offset: 0.0, low, high })
    }

    /// A select between a real and a number with which it is compared.
    pub fn real_limit(&self, condition: Id, a: Id, b: Id) -> Option<(RealBinary, Id, Id)> {
        let Node::RealCompare(op, p, q) = *self.node(condition) else { return None };
        let greater = match op {
            Compare::Greater | Compare::GreaterEqual => true,
            Compare::Less | Compare::LessEqual => false,
            _ => return None,
        };
        let op = match (p, q) {
            _ if (p, q) == (a, b) => [RealBinary::Min, RealBinary::Max][usize::from(greater)],
            _ if (q, p) == (a, b) => [RealBinary::Max, RealBinary::Min][usize::from(greater)],
            _ => return None,
        };
        match (self.reals(a), self.reals(b)) {
            (None, Some(_)) => Some((op, a, b)),
            (Some(_), None) => Some((op, b, a)),
            _ => None,
        }
    }

    /// The value that an expression rounds to even by its floor and ceiling.
    ///
    /// It has to grow by 2 from each `x` to `x + 2`; and as all its numbers are halves, it changes
    /// at halves only, so that eighths from 0 to 2 show every part and every border of parts.
    fn rounds_even(&self, id: Id) -> Option<Id> {
        let mut open = vec![id];
        let mut seen = Vec::new();
        while let Some(at) = open.pop() {
            if seen.contains(&at) {
                continue;
            }
            seen.push(at);
            open.extend(self.operands(at));
        }
        let floors = seen.iter().filter_map(|&at| match *self.node(at) {
            Node::RealUnary(RealUnary::Floor | RealUnary::Ceil, of) => Some(of),
            _ => None,
        });
        let eighths: Vec<f64> = (0..=16).map(|n| f64::from(n) / 8.0).collect();
        let values: Vec<i64> = eighths.iter().map(|x| x.to_bits() as i64).collect();
        floors.into_iter().find(|&of| {
            self.repeats(id, of) == Some(2.0)
                && self.evaluate(id, of, &values, 0).is_some_and(|found| {
                    let found = found.iter().map(|&y| f64::from_bits(y as u64));
                    found.zip(&eighths).all(|(y, x)| y == x.round_ties_even())
                })
        })
    }

    /// How much an expression grows if a real that it depends on grows by 2.
    fn repeats(&self, id: Id, of: Id) -> Option<f64> {
        let mut known = HashMap::from([(of, 2.0)]);
        for id in self.within(id, &[of])? {
            let get = |id: Id| known.get(&id).copied();
            let same = |a: Id, b: Id| get(a).filter(|step| get(b) == Some(*step));
            let step = match *self.node(id) {
                Node::Real(_) => {
                    let halves = self.reals(id)?;
                    if halves.len() > 1 || halves[0].abs() > 2.0 || (halves[0] * 2.0).fract() != 0.0
                    {
                        return None;
                    }
                    0.0
                }
                Node::Constant(_) => 0.0,
                Node::RealBinary(op, a, b) => match op {
                    RealBinary::Add => get(a)? + get(b)?,
                    RealBinary::Sub => get(a)? - get(b)?,
                    RealBinary::Mul => match (self.reals(a), self.reals(b)) {
                        (Some(by), _) => by[0] * get(b)?,
                        (_, Some(by)) => get(a)? * by[0],
                        _ => return None,
                    },
                    _ => return None,
                },
                Node::RealUnary(RealUnary::Floor | RealUnary::Ceil, value) => {
                    get(value).filter(|step| step.fract() == 0.0)?
                }
                Node::RealCompare(_, a, b) => same(a, b).map(|_| 0.0)?,
                Node::Binary(Binary::And | Binary::Or | Binary::Xor, a, b) => {
                    same(a, b).filter(|step| *step == 0.0)?
                }
                Node::Select(condition, a, b) => {
                    same(a, b).filter(|_| get(condition) == Some(0.0))?
                }
                _ => return None,
            };
            known.insert(id, step);
        }
        known.get(&id).copied()
    }

    /// The dequantizer of an integer that a real is.
    pub fn dequantizer(&self, id: Id) -> Option<Dequantizer> {
        let one = |id: Id| self.reals(id).filter(|all| all.len() == 1).map(|all| all[0]);
        match *self.node(id) {
            Node::RealBinary(RealBinary::Mul, a, b) => {
                let (value, by) = match (one(a), one(b)) {
                    (None, Some(by)) => (a, by),
                    (Some(by), None) => (b, by),
                    _ => return None,
                };
                let found = self.dequantizer(value)?;
                let scale = found.scale * by;
                (scale > 0.0).then_some(Dequantizer { scale, ..found })
            }
            Node::RealBinary(op @ (RealBinary::Sub | RealBinary::Add), value, by) => {
                let by = one(by).filter(|by| by.fract() == 0.0 && by.abs() < 1e9)? as i64;
                let found = self.dequantizer(value).filter(|found| found.scale == 1.0)?;
                let by = if op == RealBinary::Sub { by } else { -by };
                Some(Dequantizer { zero_point: found.zero_point + by, ..found })
            }
            Node::ToReal { value, signed } => {
                let (of, zero_point, signed) =
                    if signed { self.moved(value)? } else { (value, 0, false) };
                Some(Dequantizer { of, scale: 1.0, zero_point, signed })
            }
            _ => None,
        }
    }

    /// The integer of which another one is the difference to a number, at any width that holds it,
    /// and whether it is read with a sign.
    fn moved(&self, id: Id) -> Option<(Id, i64, bool)> {
        match *self.node(id) {
            Node::Resize { value, signed } if self.bits(value) < self.bits(id) => match signed {
                true => self.moved(value),
                false => Some((value, 0, false)),
            },
            Node::Binary(op @ (Binary::Sub | Binary::Add), value, by) => {
                let by = self.one(by)?;
                let (of, zero_point, signed) = self.moved(value)?;
                // Codes of fewer bits, and a number that is far from overflow with them.
                let narrow = self.bits(of) < self.bits(id) && by.unsigned_abs() < 1 << 14;
                let by = if op == Binary::Sub { by } else { -by };
                narrow.then_some((of, zero_point + by, signed))
            }
            _ => Some((id, 0, true)),
        }
    }
}

/// The largest number of which all of some reals are multiples, and how many of it each is.
pub fn common_scale(values: &[f64]) -> Option<(f64, Vec<i64>)> {
    let parts = |x: f64| {
        let bits = x.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as i64;
        let fraction = (bits & ((1 << 52) - 1)) as i128;
        let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
        let zeros = mantissa.trailing_zeros().min(52);
        (mantissa >> zeros, exponent.max(1) - 1075 + i64::from(zeros))
    };
    if values.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let all: Vec<(i128, i64)> = values.iter().map(|&x| parts(x)).collect();
    let least = all.iter().filter(|part| part.0 != 0).map(|part| part.1).min();
    let Some(least) = least else { return Some((1.0, vec![0; values.len()])) };
    let whole = |&(mantissa, exponent): &(i128, i64)| match mantissa {
        0 => Some(0),
        mantissa => {
            let shift = u32::try_from(exponent - least).ok().filter(|&shift| shift < 70)?;
            Some(mantissa << shift)
        }
    };
    let whole: Vec<i128> = all.iter().map(whole).collect::<Option<_>>()?;
    let unit = whole.iter().fold(0, |a, &b| divisor(a, b));
    let counts = whole.iter().zip(values).map(|(&count, x)| {
        let count = i64::try_from(count / unit).ok()?;
        Some(if *x < 0.0 { -count } else { count })
    });
    let scale = unit as f64 * (least as f64).exp2();
    (unit < 1 << 53 && scale > 0.0).then_some((scale, counts.collect::<Option<_>>()?))
}

fn divisor(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// Whether a node computes in reals.
pub fn is_real(graph: &Graph, id: Id) -> bool {
    graph.bits(id) == REAL
}
