//! What is computed of each element of a tensor, as an expression of integers
//! and reals, without MLIR.
//!
//! A [`Graph`] holds expressions over roots: tensors that exist, such as the
//! sums of a layer. Equal expressions are one node, and constants hold one
//! number for all channels or one for each. [`Graph::evaluate`] says what an
//! expression is, with every overflow of its integers, [`Graph::reach`] between
//! what numbers it stays, and [`stages`] finds the requantizations that it is.
//!
//! **Invariant:** what [`stages`] returns equals the expression for every
//! value that its root can have.

mod periodic;
pub mod reals;
pub mod stages;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

/// An expression of a [`Graph`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id(usize);

/// Operations on two integers of one width; the result is cut to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    ShiftLeft,
    /// With copies of the sign.
    ShiftRight,
    /// With zeros.
    ShiftRightUnsigned,
    And,
    Or,
    Xor,
    Min,
    Max,
    MinUnsigned,
    MaxUnsigned,
}

/// Comparisons; true is -1, as an integer of one bit with a sign is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    LessUnsigned,
    LessEqualUnsigned,
    GreaterUnsigned,
    GreaterEqualUnsigned,
}

/// Operations on two reals.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RealBinary {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
}

/// Operations on one real.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RealUnary {
    Negate,
    Floor,
    Ceil,
    RoundEven,
    Absolute,
    Exp,
    Log,
    Erf,
    Tanh,
    Rsqrt,
    Sine,
    Cosine,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Node {
    /// A tensor by its number.
    Root(usize),
    /// One integer, or one for each channel.
    Constant(Vec<i64>),
    /// The same of reals, by the bits of an `f64`.
    Real(Vec<u64>),
    Binary(Binary, Id, Id),
    Compare(Compare, Id, Id),
    /// The second if the first is not zero, else the third.
    Select(Id, Id, Id),
    /// At another width; extended by its sign or with zeros.
    Resize {
        value: Id,
        signed: bool,
    },
    /// `(value * multiplier + 2^(shift - 1)) >> shift`, and, if it rounds twice and shifts by more
    /// than 31, `2^30` more or, of negative values, less before the shift.
    Scale {
        value: Id,
        multiplier: Id,
        shift: Id,
        twice: bool,
    },
    RealBinary(RealBinary, Id, Id),
    RealUnary(RealUnary, Id),
    RealCompare(Compare, Id, Id),
    ToReal {
        value: Id,
        signed: bool,
    },
    ToInteger {
        value: Id,
        signed: bool,
    },
}

/// Width of a node that is a real.
pub const REAL: u32 = 0;

/// Smallest and largest number.
pub type Range = (i128, i128);

/// Expressions, each with the width of its integer.
#[derive(Clone, Default, Debug)]
pub struct Graph {
    nodes: Vec<(Node, u32)>,
    known: HashMap<(Node, u32), Id>,
}

impl Graph {
    /// The expression of that node and width, a new one if there is none yet; a constant if it is
    /// of constants.
    pub fn add(&mut self, node: Node, bits: u32) -> Id {
        let node = match node {
            Node::Constant(mut values) => {
                values.iter_mut().for_each(|value| *value = cut(*value, bits));
                Node::Constant(one_if_equal(values))
            }
            Node::Real(values) => Node::Real(one_if_equal(values)),
            Node::Resize { value, .. } if self.bits(value) == bits => return value,
            other => other,
        };
        let key = (node, bits);
        if let Some(&id) = self.known.get(&key) {
            return id;
        }
        let id = match self.fold(&key.0, bits) {
            Some(constant) => self.add(constant, bits),
            None => {
                self.nodes.push(key.clone());
                Id(self.nodes.len() - 1)
            }
        };
        self.known.insert(key, id);
        id
    }

    pub fn integer(&mut self, value: i64, bits: u32) -> Id {
        self.add(Node::Constant(vec![value]), bits)
    }

    pub fn real(&mut self, value: f64) -> Id {
        self.add(Node::Real(vec![value.to_bits()]), REAL)
    }

    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id.0].0
    }

    pub fn bits(&self, id: Id) -> u32 {
        self.nodes[id.0].1
    }

    /// The integers of a constant, one or one for each channel.
    pub fn constant(&self, id: Id) -> Option<&[i64]> {
        match self.node(id) {
            Node::Constant(values) => Some(values),
            _ => None,
        }
    }

    /// The integer of a constant that is the same for all channels.
    pub fn one(&self, id: Id) -> Option<i64> {
        self.constant(id).filter(|values| values.len() == 1).map(|values| values[0])
    }

    /// The reals of a constant, one or one for each channel.
    pub fn reals(&self, id: Id) -> Option<Vec<f64>> {
        match self.node(id) {
            Node::Real(values) => Some(values.iter().map(|&bits| f64::from_bits(bits)).collect()),
            _ => None,
        }
    }

    pub fn operands(&self, id: Id) -> Vec<Id> {
        operands(self.node(id))
    }

    fn fold(&self, node: &Node, bits: u32) -> Option<Node> {
        let operands = operands(node);
        let values: Vec<(Vec<i64>, u32)> = operands
            .iter()
            .map(|&id| match self.node(id) {
                Node::Constant(values) => Some((values.clone(), self.bits(id))),
                Node::Real(values) => {
                    Some((values.iter().map(|&value| value as i64).collect(), REAL))
                }
                _ => None,
            })
            .collect::<Option<_>>()?;
        let channels = values.iter().map(|(values, _)| values.len()).max()?;
        if values.iter().any(|(values, _)| values.len() != 1 && values.len() != channels) {
            return None;
        }
        let results = (0..channels).map(|channel| {
            let operands: Vec<_> =
                values.iter().map(|(values, bits)| (of_channel(values, channel), *bits)).collect();
            apply(node, bits, &operands)
        });
        Some(match bits {
            REAL => Node::Real(results.map(|value| value as u64).collect()),
            _ => Node::Constant(results.collect()),
        })
    }

    /// The sums of two expressions, and their differences, with the sign of the second.
    pub fn sums(&self, a: Id, b: Id) -> Vec<(Id, i64)> {
        let sign = |node: &Node| match *node {
            Node::Binary(Binary::Add, x, y) if (x, y) == (a, b) || (y, x) == (a, b) => Some(1),
            Node::Binary(Binary::Sub, x, y) if (x, y) == (a, b) => Some(-1),
            _ => None,
        };
        let all = self.nodes.iter().enumerate();
        all.filter_map(|(at, (node, _))| Some((Id(at), sign(node)?))).collect()
    }

    /// The expressions that one is made of up to some that are given, operands first; `None` if it
    /// depends on a root in another way.
    fn within(&self, id: Id, free: &[Id]) -> Option<Vec<Id>> {
        let mut found = Vec::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if free.contains(&id) || found.contains(&id) {
                continue;
            }
            if let Node::Root(_) = self.node(id) {
                return None;
            }
            found.push(id);
            open.extend(self.operands(id));
        }
        found.sort();
        Some(found)
    }

    /// What an expression of one channel is for each value of another one that it depends on;
    /// reals by their bits. `None` if it depends on a root in another way.
    pub fn evaluate(&self, id: Id, free: Id, values: &[i64], channel: usize) -> Option<Vec<i64>> {
        let order = self.within(id, &[free])?;
        let place: HashMap<Id, usize> = order.iter().enumerate().map(|(i, &id)| (id, i)).collect();
        let operands: Vec<Vec<Id>> = order.iter().map(|&id| self.operands(id)).collect();
        let mut now = vec![0; order.len()];
        let mut operand_values = Vec::new();
        let results =
            values.iter().map(|&value| {
                for (i, &id) in order.iter().enumerate() {
                    operand_values.clear();
                    operand_values.extend(operands[i].iter().map(|id| {
                        (place.get(id).map_or(value, |&place| now[place]), self.bits(*id))
                    }));
                    now[i] = match self.node(id) {
                        Node::Constant(values) => of_channel(values, channel),
                        Node::Real(values) => of_channel(values, channel) as i64,
                        node => apply(node, self.bits(id), &operand_values),
                    };
                }
                place.get(&id).map_or(value, |&place| now[place])
            });
        Some(results.collect())
    }

    /// Between what numbers an integer stays, of all channels, if one that it depends on stays in
    /// a range; and whether no operation in it overflows then.
    pub fn reach(&self, id: Id, free: Id, range: Range) -> Option<(Range, bool)> {
        let order = self.within(id, &[free])?;
        let mut ranges: HashMap<Id, Range> = HashMap::from([(free, range)]);
        let mut exact = true;
        for &id in &order {
            let (ideal, bits) = (self.ideal(id, &ranges)?, self.bits(id));
            let limits = limits(bits);
            let fits = limits.0 <= ideal.0 && ideal.1 <= limits.1;
            exact &= fits;
            ranges.insert(id, if fits { ideal } else { limits });
        }
        Some((*ranges.get(&id)?, exact))
    }

    /// The range of a node's result before it is cut to its width; `None` of reals.
    fn ideal(&self, id: Id, ranges: &HashMap<Id, Range>) -> Option<Range> {
        let of = |id: Id| ranges.get(&id).copied();
        Some(match *self.node(id) {
            Node::Root(_) => return None,
            Node::Constant(ref values) => {
                (i128::from(*values.iter().min()?), i128::from(*values.iter().max()?))
            }
            Node::Binary(op, a, b) => binary_range(op, of(a)?, of(b)?, self.bits(id)),
            Node::Compare(op, a, b) => compare_range(op, of(a)?, of(b)?),
            Node::Select(condition, a, b) => match of(condition)? {
                (0, 0) => of(b)?,
                (low, high) if low > 0 || high < 0 => of(a)?,
                _ => (of(a)?.0.min(of(b)?.0), of(a)?.1.max(of(b)?.1)),
            },
            Node::Resize { value, signed } => match of(value)? {
                range if signed || range.0 >= 0 => range,
                _ => (0, (1 << self.bits(value)) - 1),
            },
            Node::Scale { value, multiplier, shift, twice } => {
                let (value, multiplier, shift) = (of(value)?, of(multiplier)?, of(shift)?);
                if shift.0 < 1 || shift.1 > 62 || multiplier.0 < 0 {
                    return None;
                }
                let mut all = Vec::new();
                for x in [value.0, value.1, 0.clamp(value.0, value.1)] {
                    for m in [multiplier.0, multiplier.1] {
                        for s in [shift.0, shift.1] {
                            all.push(scaled(x, m, s, twice));
                        }
                    }
                }
                (*all.iter().min()?, *all.iter().max()?)
            }
            Node::Real(_)
            | Node::RealBinary(..)
            | Node::RealUnary(..)
            | Node::RealCompare(..)
            | Node::ToReal { .. }
            | Node::ToInteger { .. } => return None,
        })
    }
}

/// The numbers that an integer of a width with a sign can be.
pub fn limits(bits: u32) -> Range {
    (-(1 << (bits.clamp(1, 64) - 1)), (1 << (bits.clamp(1, 64) - 1)) - 1)
}

/// The number of a channel, of one for all or one for each.
pub fn of_channel<T: Copy>(values: &[T], channel: usize) -> T {
    if values.len() == 1 { values[0] } else { values[channel] }
}

fn one_if_equal<T: PartialEq>(mut values: Vec<T>) -> Vec<T> {
    if values.iter().all(|value| *value == values[0]) {
        values.truncate(1);
    }
    values
}

fn operands(node: &Node) -> Vec<Id> {
    match *node {
        Node::Root(_) | Node::Constant(_) | Node::Real(_) => Vec::new(),
        Node::Binary(_, a, b)
        | Node::Compare(_, a, b)
        | Node::RealBinary(_, a, b)
        | Node::RealCompare(_, a, b) => vec![a, b],
        Node::Select(a, b, c) => vec![a, b, c],
        Node::Resize { value, .. }
        | Node::ToReal { value, .. }
        | Node::ToInteger { value, .. }
        | Node::RealUnary(_, value) => vec![value],
        Node::Scale { value, multiplier, shift, .. } => vec![value, multiplier, shift],
    }
}

/// The lowest bits of an integer, the last of them its sign.
fn cut(value: i64, bits: u32) -> i64 {
    let rest = 64 - bits.clamp(1, 64);
    (value << rest) >> rest
}

/// The lowest bits of an integer, without a sign.
fn unsigned(value: i64, bits: u32) -> u64 {
    (value as u64) << (64 - bits.clamp(1, 64)) >> (64 - bits.clamp(1, 64))
}

/// `tosa.apply_scale` as upstream lowers it, before its result is cut to its width.
fn scaled(value: i128, multiplier: i128, shift: i128, twice: bool) -> i128 {
    let more = match (twice && shift > 31, value >= 0) {
        (false, _) => 0,
        (true, true) => 1 << 30,
        (true, false) => -(1 << 30),
    };
    (value * multiplier + (1 << (shift - 1).clamp(0, 62)) + more) >> shift.clamp(0, 63)
}

/// One element of a node, of operands with their widths. Reals are the bits of an `f64`. What is
/// undefined is 0.
fn apply(node: &Node, bits: u32, operands: &[(i64, u32)]) -> i64 {
    let value = |index: usize| operands[index].0;
    let real = |index: usize| f64::from_bits(operands[index].0 as u64);
    let truth = |condition: bool| -i64::from(condition);
    let back = |real: f64| real.to_bits() as i64;
    match *node {
        Node::Root(_) | Node::Constant(_) | Node::Real(_) => 0,
        Node::Binary(op, ..) => cut(binary(op, value(0), value(1), bits), bits),
        Node::Compare(op, ..) => truth(compare(op, value(0), value(1), operands[0].1)),
        Node::Select(..) => value(if value(0) != 0 { 1 } else { 2 }),
        Node::Resize { signed: true, .. } => cut(value(0), bits),
        Node::Resize { signed: false, .. } => cut(unsigned(value(0), operands[0].1) as i64, bits),
        Node::Scale { twice, .. } => {
            let [value, multiplier, shift] = [0, 1, 2].map(|index| i128::from(operands[index].0));
            cut(scaled(value, multiplier, shift, twice) as i64, bits)
        }
        Node::RealBinary(op, ..) => {
            let (a, b) = (real(0), real(1));
            back(match op {
                RealBinary::Add => a + b,
                RealBinary::Sub => a - b,
                RealBinary::Mul => a * b,
                RealBinary::Div => a / b,
                RealBinary::Min => a.min(b),
                RealBinary::Max => a.max(b),
            })
        }
        Node::RealUnary(op, _) => back(match op {
            RealUnary::Negate => -real(0),
            RealUnary::Floor => real(0).floor(),
            RealUnary::Ceil => real(0).ceil(),
            RealUnary::RoundEven => real(0).round_ties_even(),
            RealUnary::Absolute => real(0).abs(),
            RealUnary::Exp => real(0).exp(),
            RealUnary::Log => real(0).ln(),
            RealUnary::Erf => libm::erf(real(0)),
            RealUnary::Tanh => real(0).tanh(),
            RealUnary::Rsqrt => 1.0 / real(0).sqrt(),
            RealUnary::Sine => real(0).sin(),
            RealUnary::Cosine => real(0).cos(),
        }),
        Node::RealCompare(op, ..) => {
            let (a, b) = (real(0), real(1));
            truth(match op {
                Compare::Equal => a == b,
                Compare::NotEqual => a != b,
                Compare::Less | Compare::LessUnsigned => a < b,
                Compare::LessEqual | Compare::LessEqualUnsigned => a <= b,
                Compare::Greater | Compare::GreaterUnsigned => a > b,
                Compare::GreaterEqual | Compare::GreaterEqualUnsigned => a >= b,
            })
        }
        Node::ToReal { signed: true, .. } => back(value(0) as f64),
        Node::ToReal { signed: false, .. } => back(unsigned(value(0), operands[0].1) as f64),
        Node::ToInteger { signed: true, .. } => cut(real(0) as i64, bits),
        Node::ToInteger { signed: false, .. } => cut(real(0) as u64 as i64, bits),
    }
}

fn binary(op: Binary, a: i64, b: i64, bits: u32) -> i64 {
    let shift = u32::try_from(b).ok().filter(|&shift| shift < bits);
    let by_size = |less: bool| if less { a } else { b };
    match op {
        Binary::Add => a.wrapping_add(b),
        Binary::Sub => a.wrapping_sub(b),
        Binary::Mul => a.wrapping_mul(b),
        Binary::ShiftLeft => shift.map_or(0, |shift| a << shift),
        Binary::ShiftRight => shift.map_or(0, |shift| a >> shift),
        Binary::ShiftRightUnsigned => shift.map_or(0, |shift| (unsigned(a, bits) >> shift) as i64),
        Binary::And => a & b,
        Binary::Or => a | b,
        Binary::Xor => a ^ b,
        Binary::Min => a.min(b),
        Binary::Max => a.max(b),
        Binary::MinUnsigned => by_size(unsigned(a, bits) < unsigned(b, bits)),
        Binary::MaxUnsigned => by_size(unsigned(a, bits) > unsigned(b, bits)),
    }
}

fn compare(op: Compare, a: i64, b: i64, bits: u32) -> bool {
    let (x, y) = (unsigned(a, bits), unsigned(b, bits));
    match op {
        Compare::Equal => a == b,
        Compare::NotEqual => a != b,
        Compare::Less => a < b,
        Compare::LessEqual => a <= b,
        Compare::Greater => a > b,
        Compare::GreaterEqual => a >= b,
        Compare::LessUnsigned => x < y,
        Compare::LessEqualUnsigned => x <= y,
        Compare::GreaterUnsigned => x > y,
        Compare::GreaterEqualUnsigned => x >= y,
    }
}

/// Bounds of a result before it is cut to its width; bounds of the width where little is known.
fn binary_range(op: Binary, a: Range, b: Range, bits: u32) -> Range {
    let every = |op: &dyn Fn(i128, i128) -> i128| {
        let all = [op(a.0, b.0), op(a.0, b.1), op(a.1, b.0), op(a.1, b.1)];
        (all.into_iter().min().unwrap_or(0), all.into_iter().max().unwrap_or(0))
    };
    let shifts = 0 <= b.0 && b.1 < i128::from(bits.min(63));
    let positive = a.0 >= 0 && b.0 >= 0;
    match op {
        Binary::Add => (a.0 + b.0, a.1 + b.1),
        Binary::Sub => (a.0 - b.1, a.1 - b.0),
        Binary::Mul => every(&|a, b| a * b),
        Binary::ShiftLeft if shifts => every(&|a, b| a << b),
        Binary::ShiftRight if shifts => every(&|a, b| a >> b),
        Binary::ShiftRightUnsigned if shifts && positive => every(&|a, b| a >> b),
        Binary::And if positive => (0, a.1.min(b.1)),
        Binary::And if a.0 >= 0 => (0, a.1),
        Binary::And if b.0 >= 0 => (0, b.1),
        Binary::Or | Binary::Xor if positive => {
            (0, (1i128 << (128 - (a.1 | b.1).leading_zeros())) - 1)
        }
        Binary::Min => (a.0.min(b.0), a.1.min(b.1)),
        Binary::Max => (a.0.max(b.0), a.1.max(b.1)),
        Binary::MinUnsigned if positive => (a.0.min(b.0), a.1.min(b.1)),
        Binary::MaxUnsigned if positive => (a.0.max(b.0), a.1.max(b.1)),
        _ => limits(bits),
    }
}

fn compare_range(op: Compare, a: Range, b: Range) -> Range {
    const NO: Range = (0, 0);
    const YES: Range = (-1, -1);
    const MAYBE: Range = (-1, 0);
    let less = |a: Range, b: Range, or_equal: bool| {
        if a.1 < b.0 || (or_equal && a.1 == b.0) {
            YES
        } else if a.0 > b.1 || (!or_equal && a.0 == b.1) {
            NO
        } else {
            MAYBE
        }
    };
    let not = |range| {
        if range == YES {
            NO
        } else if range == NO {
            YES
        } else {
            MAYBE
        }
    };
    let equal = if a.0 == a.1 && a == b {
        YES
    } else if a.1 < b.0 || a.0 > b.1 {
        NO
    } else {
        MAYBE
    };
    match op {
        Compare::Equal => equal,
        Compare::NotEqual => not(equal),
        Compare::Less => less(a, b, false),
        Compare::LessEqual => less(a, b, true),
        Compare::Greater => less(b, a, false),
        Compare::GreaterEqual => less(b, a, true),
        Compare::LessUnsigned if a.0 >= 0 && b.0 >= 0 => less(a, b, false),
        Compare::LessEqualUnsigned if a.0 >= 0 && b.0 >= 0 => less(a, b, true),
        Compare::GreaterUnsigned if a.0 >= 0 && b.0 >= 0 => less(b, a, false),
        Compare::GreaterEqualUnsigned if a.0 >= 0 && b.0 >= 0 => less(b, a, true),
        _ => MAYBE,
    }
}
