//! From an expression to the requantizations that it is.
//!
//! Each expression over one root is brought into one form, from its root on:
//!
//! ```text
//! ((root + bias) through stages) * scale + offset
//! ```
//!
//! Sums and products with constants only change `scale` and `offset`. What is
//! not linear becomes a stage: a shift to the right, a limit, a cut to fewer
//! bits, `tosa.apply_scale`. A value that comes together with itself, as in the
//! idioms that round to nearest or to even, is compared with every rounding
//! that could be meant, see [`periodic`](super::periodic).

use super::{
    Binary, Compare, Graph, Id, Node, Range, limits, of_channel,
    periodic::{Candidate, equal, fits},
};
use crate::exact::{self, Overflow, Requant, Rounding, shift_round};
use std::collections::HashMap;

/// A tensor that exists.
#[derive(Clone, Debug)]
pub struct Root {
    /// Of all channels, or of each.
    pub ranges: Vec<Range>,
    /// Whether a bias can be added to it before its first stage.
    pub summed: bool,
}

/// An expression that is a root plus a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exists {
    pub root: usize,
    pub offset: i128,
}

/// What an integer tensor is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub root: usize,
    /// Added to the root, of all channels or of each.
    pub bias: Vec<i64>,
    pub stages: Vec<Requant>,
    /// Between what the result stays.
    pub range: Range,
}

/// Why an expression is not known to be stages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unknown {
    /// Two values come together; at least one of them has to exist first.
    Meet(Id, Id),
    /// An operation that no stage is.
    Other(Id, String),
}

type Result<T> = std::result::Result<T, Unknown>;

/// How a stage rounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Round {
    By(Rounding),
    /// As `tosa.apply_scale` does: something is added to a value, or taken away from a negative
    /// one, before it is rounded to the nearest.
    Twice,
}

/// `clamp(wrap(round((x * multiplier + addend) * 2^-shift) + zero_point), low, high)`.
#[derive(Clone, Debug)]
struct Stage {
    multiplier: Vec<i128>,
    addend: Vec<i128>,
    shift: u32,
    round: Round,
    /// Of a rounding that is done twice: each channel's own shift.
    own: Vec<i128>,
    zero_point: i128,
    /// Bits and sign.
    wrap: Option<(u32, bool)>,
    low: Option<i128>,
    high: Option<i128>,
}

impl Stage {
    fn rounds(&self, x: i128, channel: usize) -> i128 {
        let (m, a) = (of_channel(&self.multiplier, channel), of_channel(&self.addend, channel));
        match self.round {
            Round::By(mode) => shift_round(x * m + a, self.shift.into(), mode),
            Round::Twice => {
                let own = of_channel(&self.own, channel);
                let more = if own > 31 { 1i128 << (30 + i128::from(self.shift) - own) } else { 0 };
                (x * m + a + if x >= 0 { more } else { -more }) >> self.shift
            }
        }
    }

    fn apply(&self, x: i128, channel: usize) -> i128 {
        let y = self.rounds(x, channel) + self.zero_point;
        let y = self.wrap.map_or(y, |(bits, signed)| wrapped(y, bits, signed));
        let y = self.low.map_or(y, |low| y.max(low));
        self.high.map_or(y, |high| y.min(high))
    }

    fn limited(&self) -> bool {
        self.wrap.is_some() || self.low.is_some() || self.high.is_some()
    }

    /// The range of results, where the stage is monotone or cut.
    fn range(&self, (low, high): Range, channel: usize) -> Range {
        let ends = [low, high].map(|x| self.rounds(x, channel) + self.zero_point);
        let (mut low, mut high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        if let Some((bits, signed)) = self.wrap {
            let all = whole(bits, signed);
            if low < all.0 || high > all.1 {
                (low, high) = all;
            }
        }
        let limit = |x: i128| {
            let x = self.low.map_or(x, |low| x.max(low));
            self.high.map_or(x, |high| x.min(high))
        };
        (limit(low), limit(high))
    }
}

fn whole(bits: u32, signed: bool) -> Range {
    if signed { limits(bits) } else { (0, (1 << bits) - 1) }
}

fn wrapped(y: i128, bits: u32, signed: bool) -> i128 {
    let low = y.rem_euclid(1 << bits);
    if signed && low >> (bits - 1) != 0 { low - (1 << bits) } else { low }
}

/// An expression over one root.
#[derive(Clone, Debug)]
struct Piece {
    root: usize,
    bias: Vec<i128>,
    stages: Vec<Stage>,
    scale: Vec<i128>,
    offset: Vec<i128>,
    /// Of all channels, or of each.
    ranges: Vec<Range>,
}

/// Element by element, of lists with one number for all or one for each.
fn zip<A: Copy, B: Copy, C>(a: &[A], b: &[B], op: impl Fn(A, B) -> C) -> Vec<C> {
    let channels = a.len().max(b.len());
    (0..channels).map(|c| op(of_channel(a, c), of_channel(b, c))).collect()
}

fn same<T: PartialEq + Copy>(values: &[T]) -> Option<T> {
    values.iter().all(|value| *value == values[0]).then_some(values[0])
}

impl Piece {
    fn range(&self) -> Range {
        let low = self.ranges.iter().map(|range| range.0).min().unwrap_or(0);
        (low, self.ranges.iter().map(|range| range.1).max().unwrap_or(0))
    }

    /// `self * by + plus`.
    fn linear(mut self, by: &[i128], plus: &[i128]) -> Piece {
        let channels = [by.len(), plus.len()].into_iter().max().unwrap_or(1);
        let plain = self.stages.is_empty() && self.scale.iter().all(|&scale| scale == 1);
        if plain && channels > 1 && by == [1] {
            self.bias = zip(&self.bias, plus, |a, b| a + b);
        } else {
            self.scale = zip(&self.scale, by, |a, b| a * b);
            self.offset = zip(&zip(&self.offset, by, |a, b| a * b), plus, |a, b| a + b);
        }
        let ranges = zip(&self.ranges, by, |(low, high), by| {
            ((low * by).min(high * by), (low * by).max(high * by))
        });
        self.ranges = zip(&ranges, plus, |(low, high), plus| (low + plus, high + plus));
        self
    }

    fn push(mut self, stage: Stage) -> Piece {
        let channels = stage.multiplier.len().max(stage.addend.len()).max(self.ranges.len());
        let before = self.inner();
        self.ranges = (0..channels).map(|c| stage.range(of_channel(&before, c), c)).collect();
        self.stages.push(stage);
        (self.scale, self.offset) = (vec![1], vec![0]);
        self
    }

    /// The ranges before scale and offset.
    fn inner(&self) -> Vec<Range> {
        let moved = zip(&self.ranges, &self.offset, |(l, h), offset| (l - offset, h - offset));
        zip(&moved, &self.scale, |(low, high), scale| match scale {
            0 => (0, 0),
            scale => ((low / scale).min(high / scale), (low / scale).max(high / scale)),
        })
    }

    /// What scale and offset do, as a stage that rounds after it.
    fn step(&self, shift: u32, round: Round) -> Stage {
        Stage {
            multiplier: self.scale.clone(),
            addend: self.offset.clone(),
            shift,
            round,
            ..Stage::nothing()
        }
    }

    fn round(self, shift: u32, mode: Rounding) -> Piece {
        let unit = 1i128 << shift;
        let exact = |values: &[i128]| values.iter().all(|value| value % unit == 0);
        if exact(&self.scale) && exact(&self.offset) {
            let divided = |values: &[i128]| values.iter().map(|value| value / unit).collect();
            let ranges = self.ranges.iter().map(|&(l, h)| (l / unit, h / unit)).collect();
            let (scale, offset) = (divided(&self.scale), divided(&self.offset));
            return Piece { scale, offset, ranges, ..self };
        }
        // floor((floor(x / 2^s) + offset) / 2^t) = floor((x + offset * 2^s) / 2^(s + t))
        if let Some(last) = self.stages.last()
            && mode == Rounding::Floor
            && last.round == Round::By(Rounding::Floor)
            && !last.limited()
            && self.scale == [1]
            && last.shift + shift < 63
        {
            let unit = 1i128 << last.shift;
            let more: Vec<i128> =
                self.offset.iter().map(|offset| (offset + last.zero_point) * unit).collect();
            let stage = Stage {
                addend: zip(&last.addend, &more, |a, b| a + b),
                shift: last.shift + shift,
                zero_point: 0,
                ..last.clone()
            };
            let ranges = self.ranges.iter().map(|&(l, h)| (l >> shift, h >> shift)).collect();
            let mut stages = self.stages;
            stages.pop();
            stages.push(stage);
            return Piece { stages, ranges, scale: vec![1], offset: vec![0], ..self };
        }
        let stage = self.step(shift, Round::By(mode));
        self.push(stage)
    }

    fn wrap(self, bits: u32, signed: bool) -> Piece {
        let (low, high) = self.range();
        let all = whole(bits, signed);
        if all.0 <= low && high <= all.1 {
            return self;
        }
        // The lowest bits of x * 2^t are those of x, moved.
        let numbers = self.scale.iter().chain(&self.offset);
        let zeros = numbers.map(|value| value.trailing_zeros()).min().unwrap_or(0).min(bits - 1);
        if zeros > 0 && signed {
            let unit = 1i128 << zeros;
            let inner = self.round(zeros, Rounding::Floor).wrap(bits - zeros, true);
            return inner.linear(&[unit], &[0]);
        }
        let mut piece = self;
        if let (Some(last), Some(offset)) = (piece.stages.last_mut(), same(&piece.offset))
            && !last.limited()
            && piece.scale == [1]
        {
            last.zero_point += offset;
            last.wrap = Some((bits, signed));
            piece.offset = vec![0];
            piece.ranges = vec![all];
            return piece;
        }
        let stage =
            Stage { wrap: Some((bits, signed)), ..piece.step(0, Round::By(Rounding::Floor)) };
        piece.push(stage)
    }

    fn clamp(mut self, low: Option<i128>, high: Option<i128>) -> Piece {
        let range = self.range();
        let low = low.filter(|&low| low > range.0);
        let high = high.filter(|&high| high < range.1);
        if low.is_none() && high.is_none() {
            return self;
        }
        // Beyond the range it is a constant, which may be out of what a cut leaves.
        let beyond =
            low.is_some_and(|low| low > range.1) || high.is_some_and(|high| high < range.0);
        let offset =
            same(&self.offset).filter(|_| self.scale == [1] && !self.stages.is_empty() && !beyond);
        let offset = match offset {
            Some(offset) => offset,
            None => {
                let stage = self.step(0, Round::By(Rounding::Floor));
                self = self.push(stage);
                0
            }
        };
        let limit = |x: i128, low: Option<i128>, high: Option<i128>| {
            let x = low.map_or(x, |low| x.max(low));
            high.map_or(x, |high| x.min(high))
        };
        if let Some(last) = self.stages.last_mut() {
            let (l, h) = (low.map(|low| low - offset), high.map(|high| high - offset));
            last.low = last.low.map(|x| limit(x, l, h)).or(l);
            last.high = last.high.map(|x| limit(x, l, h)).or(h);
        }
        for range in &mut self.ranges {
            *range = (limit(range.0, low, high), limit(range.1, low, high));
        }
        self
    }
}

/// Finds the requantizations that expressions of a graph are.
pub struct Finder<'g> {
    graph: &'g Graph,
    roots: &'g [Root],
    /// Expressions that exist, as roots.
    exist: &'g HashMap<Id, Exists>,
    known: HashMap<Id, Result<Piece>>,
}

impl<'g> Finder<'g> {
    pub fn new(graph: &'g Graph, roots: &'g [Root], exist: &'g HashMap<Id, Exists>) -> Self {
        Finder { graph, roots, exist, known: HashMap::new() }
    }

    /// The requantizations that an expression is.
    ///
    /// # Errors
    ///
    /// If it is not known to be some.
    pub fn find(&mut self, id: Id) -> Result<Found> {
        let piece = self.piece(id)?;
        finish(piece, self.roots).map_err(|problem| Unknown::Other(id, problem))
    }

    /// Root, scale and offset of an expression that is linear, with one scale.
    pub fn linear(&mut self, id: Id) -> Option<(usize, i128, Vec<i128>)> {
        let piece = self.piece(id).ok()?;
        let plain = piece.stages.is_empty() && piece.scale.len() == 1;
        let offset = zip(&piece.bias, &piece.offset, |bias, offset| bias * piece.scale[0] + offset);
        plain.then_some((piece.root, piece.scale[0], offset))
    }

    /// Between what an expression stays.
    pub fn range(&mut self, id: Id) -> Option<Range> {
        self.piece(id).ok().map(|piece| piece.range())
    }

    /// Where the expression can be made to exist with the fewest bits, the expression itself or
    /// one that it depends on alone.
    pub fn narrowest(&mut self, id: Id) -> Option<Id> {
        let mut best: Option<(u32, Id)> = None;
        for at in self.dominators(id).into_iter().chain([id]) {
            let Ok(piece) = self.piece(at) else { continue };
            let (low, high) = piece.range();
            let bits = (1..=64).find(|&bits| fits((low, high), bits)).unwrap_or(65);
            let bits = if low >= 0 { bits - 1 } else { bits };
            if best.is_none_or(|(fewest, _)| bits < fewest) {
                best = Some((bits, at));
            }
        }
        best.map(|(_, id)| id)
    }

    /// Expressions through which another one depends on its roots, nearest to the roots first;
    /// none if it is too large to look through.
    pub fn dominators(&self, id: Id) -> Vec<Id> {
        /// Expressions between two tensors that exist.
        const MOST: usize = 1000;
        let mut all = Vec::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if all.contains(&id) || self.graph.constant(id).is_some() {
                continue;
            }
            all.push(id);
            if all.len() > MOST {
                return Vec::new();
            }
            if !self.exist.contains_key(&id) {
                open.extend(self.graph.operands(id));
            }
        }
        all.sort();
        let through = |at: Id| {
            let mut through = HashMap::new();
            for &id in &all {
                let operands = self.graph.operands(id);
                let ends = self.exist.contains_key(&id) || operands.is_empty();
                let constant = |id: &Id| self.graph.constant(*id).is_some();
                let whole =
                    operands.iter().all(|id| constant(id) || through.get(id) == Some(&true));
                through.insert(id, id == at || !ends && whole);
            }
            through.get(&id) == Some(&true)
        };
        all.iter().copied().filter(|&at| at != id && through(at)).collect()
    }

    fn piece(&mut self, id: Id) -> Result<Piece> {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let found = match self.derive(id) {
            // An operand may be nothing by itself, but part of an idiom.
            Err(Unknown::Other(at, what)) => self.idiom(id).map_err(|_| Unknown::Other(at, what)),
            found => found,
        };
        self.known.insert(id, found.clone());
        found
    }

    fn root(&self, root: usize) -> Piece {
        let (bias, stages, scale, offset) = (vec![0], Vec::new(), vec![1], vec![0]);
        Piece { root, bias, stages, scale, offset, ranges: self.roots[root].ranges.clone() }
    }

    fn derive(&mut self, id: Id) -> Result<Piece> {
        if let Some(&Exists { root, offset }) = self.exist.get(&id) {
            return Ok(self.root(root).linear(&[1], &[offset]));
        }
        let graph = self.graph;
        let bits = graph.bits(id);
        let numbers = |id: Id| -> Option<Vec<i128>> {
            Some(graph.constant(id)?.iter().map(|&value| value.into()).collect())
        };
        let other = |what: &str| Unknown::Other(id, what.into());
        match *graph.node(id) {
            Node::Root(root) => Ok(self.root(root)),
            Node::Binary(op, a, b) => {
                let piece = match (numbers(a), numbers(b)) {
                    (None, None) => return self.meet(id, op, a, b),
                    (None, Some(b)) => with_constant(op, self.signed(a)?, &b, bits),
                    (Some(a), _) => with_constant_first(op, &a, self.signed(b)?),
                };
                let piece = piece.ok_or_else(|| other("is no rounding, limit or cut"))?;
                Ok(piece.wrap(bits, true))
            }
            Node::Select(condition, a, b) => match self.limit(condition, a, b) {
                Some((op, value, number)) => {
                    let number = numbers(number).unwrap_or_default();
                    with_constant(op, self.signed(value)?, &number, bits)
                        .ok_or_else(|| other("has a limit for each channel"))
                }
                None => Err(other("selects something else than a limit")),
            },
            Node::Resize { value, signed } => {
                let piece = match signed || bits < graph.bits(value) {
                    true => self.signed(value)?,
                    false => self.unsigned(value, graph.bits(value))?,
                };
                Ok(piece.wrap(bits, true))
            }
            Node::Scale { value, multiplier, shift, twice } => {
                let piece = self.signed(value)?;
                let (Some(multiplier), Some(shift)) = (numbers(multiplier), numbers(shift)) else {
                    return Err(other("scales by numbers that are not constant"));
                };
                let piece = apply_scale(piece, &multiplier, &shift, twice)
                    .ok_or_else(|| other("scales by numbers out of their ranges"))?;
                Ok(piece.wrap(bits, true))
            }
            Node::Compare(..) => Err(other("compares, but limits nothing")),
            Node::Constant(_) => Err(other("is a constant")),
            _ => Err(other("is not of integers")),
        }
    }

    /// A value with the sign of its width, which a root of unsigned codes has not.
    fn signed(&mut self, value: Id) -> Result<Piece> {
        Ok(self.piece(value)?.wrap(self.graph.bits(value), true))
    }

    /// The lowest bits of a value without a sign.
    fn unsigned(&mut self, value: Id, bits: u32) -> Result<Piece> {
        let piece = self.piece(value)?;
        if piece.range().0 >= 0 {
            return Ok(piece.wrap(bits, false));
        }
        // Of what was cut with a sign before, the same bits.
        let before = match *self.graph.node(value) {
            Node::Resize { value: before, .. } if self.graph.bits(before) > bits => before,
            _ => value,
        };
        Ok(self.piece(before)?.wrap(bits, false))
    }

    /// An operation on two values that are computed.
    fn meet(&mut self, id: Id, op: Binary, a: Id, b: Id) -> Result<Piece> {
        let (x, y) = (self.signed(a), self.signed(b));
        if let (Ok(x), Ok(y)) = (&x, &y) {
            let sign = match op {
                Binary::Add => Some(1),
                Binary::Sub => Some(-1),
                _ => None,
            };
            if let Some(sign) = sign
                && x.root == y.root
                && x.stages.is_empty()
                && y.stages.is_empty()
                && x.bias == y.bias
            {
                let mut piece = x.clone();
                piece.scale = zip(&x.scale, &y.scale, |x, y| x + sign * y);
                piece.offset = zip(&x.offset, &y.offset, |x, y| x + sign * y);
                let root = zip(&self.roots[x.root].ranges, &piece.bias, |(l, h), b| (l + b, h + b));
                piece.ranges = zip(&root, &piece.scale, |(low, high), by| {
                    ((low * by).min(high * by), (low * by).max(high * by))
                });
                piece.ranges =
                    zip(&piece.ranges, &piece.offset, |(low, high), by| (low + by, high + by));
                return Ok(piece.wrap(self.graph.bits(id), true));
            }
            if x.root != y.root {
                return Err(Unknown::Meet(a, b));
            }
        }
        // What is below is the reason, where it is one.
        let what = "brings a value together with itself, but is no rounding or limit of it";
        let reasons = [x, y].into_iter().find_map(|x| x.err());
        Err(reasons.unwrap_or_else(|| Unknown::Other(id, what.into())))
    }

    /// A select between a value and a number with which it is compared.
    fn limit(&self, condition: Id, a: Id, b: Id) -> Option<(Binary, Id, Id)> {
        let Node::Compare(op, p, q) = *self.graph.node(condition) else { return None };
        let greater = match op {
            Compare::Greater | Compare::GreaterEqual => true,
            Compare::Less | Compare::LessEqual => false,
            _ => return None,
        };
        let op = match (p, q) {
            _ if (p, q) == (a, b) => [Binary::Min, Binary::Max][usize::from(greater)],
            _ if (q, p) == (a, b) => [Binary::Max, Binary::Min][usize::from(greater)],
            _ => return None,
        };
        match (self.graph.constant(a), self.graph.constant(b)) {
            (None, Some(_)) => Some((op, a, b)),
            (Some(_), None) => Some((op, b, a)),
            _ => None,
        }
    }

    /// What comes together with itself: a rounding, a limit or both, by comparison.
    fn idiom(&mut self, id: Id) -> Result<Piece> {
        let graph = self.graph;
        for at in self.dominators(id).into_iter().rev() {
            let Ok(piece) = self.piece(at) else { continue };
            let range = piece.range();
            let numbers = graph.numbers(id, at);
            let shifts = numbers.iter().filter_map(|&n| u32::try_from(n).ok());
            for shift in shifts.filter(|shift| (1..63).contains(shift)) {
                for mode in Rounding::ALL {
                    let function = |x: i128| shift_round(x, shift.into(), mode);
                    // Even and odd take turns.
                    let period = Some((2i128 << shift, 2));
                    let candidate = Candidate { function: &function, period };
                    if equal(graph, id, at, range, &candidate) {
                        return Ok(piece.round(shift, mode));
                    }
                }
            }
            let ends: Vec<Option<i128>> =
                numbers.iter().map(|&n| Some(n.into())).chain([None]).collect();
            for &low in &ends {
                for &high in &ends {
                    let limit = |x: i128| {
                        let x = low.map_or(x, |low| x.max(low));
                        high.map_or(x, |high| x.min(high))
                    };
                    if low.is_none() && high.is_none() || low > high && high.is_some() {
                        continue;
                    }
                    // Between the limits it is the value itself, beyond them it stays.
                    for period in [Some((1, 1)), Some((1, 0))] {
                        let candidate = Candidate { function: &limit, period };
                        if equal_by_parts(graph, id, at, range, &candidate, [low, high]) {
                            return Ok(piece.clamp(low, high));
                        }
                    }
                }
            }
        }
        Err(Unknown::Other(id, "is no idiom".into()))
    }
}

/// As [`equal`], of a function that changes at some limits.
fn equal_by_parts(
    graph: &Graph,
    id: Id,
    free: Id,
    (low, high): Range,
    candidate: &Candidate,
    limits: [Option<i128>; 2],
) -> bool {
    let mut starts = vec![low];
    starts.extend(limits.into_iter().flatten().flat_map(|limit| [limit, limit + 1]));
    starts.retain(|start| (low..=high).contains(start));
    starts.sort();
    starts.dedup();
    let ends: Vec<i128> = starts.iter().skip(1).map(|start| start - 1).chain([high]).collect();
    starts.iter().zip(ends).all(|(&start, end)| {
        [1, 0].into_iter().any(|step| {
            // The candidate grows by this in the whole part, or this proves nothing.
            let grows = (candidate.function)(end) - (candidate.function)(start);
            grows == (end - start) * step
                && equal(
                    graph,
                    id,
                    free,
                    (start, end),
                    &Candidate { function: candidate.function, period: Some((1, step)) },
                )
        })
    })
}

/// An operation whose second operand is constant; `None` if no stage is it.
fn with_constant(op: Binary, piece: Piece, numbers: &[i128], bits: u32) -> Option<Piece> {
    let one = same(numbers);
    let shift = || one.and_then(|n| u32::try_from(n).ok()).filter(|&n| n < bits.min(63));
    Some(match op {
        Binary::Add => piece.linear(&[1], numbers),
        Binary::Sub => piece.linear(&[1], &numbers.iter().map(|n| -n).collect::<Vec<_>>()),
        Binary::Mul => {
            let small = numbers.iter().all(|n| n.unsigned_abs() < 1 << 62);
            let fits = piece.scale.iter().all(|scale| scale.unsigned_abs() < 1 << 62);
            return (small && fits).then(|| piece.linear(numbers, &[0]));
        }
        Binary::ShiftLeft => {
            let shift = shift().filter(|shift| {
                piece.scale.iter().all(|scale| scale.unsigned_abs() < 1 << (62 - shift.min(&62)))
            })?;
            piece.linear(&[1 << shift], &[0])
        }
        Binary::ShiftRight => piece.round(shift()?, Rounding::Floor),
        Binary::ShiftRightUnsigned if piece.range().0 >= 0 => {
            piece.round(shift()?, Rounding::Floor)
        }
        Binary::And => {
            let mask = one.filter(|mask| *mask > 0 && (mask + 1) & mask == 0)?;
            piece.wrap((mask + 1).trailing_zeros(), false)
        }
        Binary::Xor if one == Some(-1) => piece.linear(&[-1], &[-1]),
        Binary::Min => piece.clamp(None, Some(one?)),
        Binary::Max => piece.clamp(Some(one?), None),
        Binary::MinUnsigned if piece.range().0 >= 0 && one? >= 0 => piece.clamp(None, Some(one?)),
        _ => return None,
    })
}

fn with_constant_first(op: Binary, numbers: &[i128], piece: Piece) -> Option<Piece> {
    match op {
        Binary::Sub => Some(piece.linear(&[-1], numbers)),
        Binary::Add
        | Binary::Mul
        | Binary::And
        | Binary::Xor
        | Binary::Min
        | Binary::Max
        | Binary::MinUnsigned => with_constant(op, piece, numbers, 64),
        _ => None,
    }
}

fn apply_scale(piece: Piece, multiplier: &[i128], shift: &[i128], twice: bool) -> Option<Piece> {
    let most = *shift.iter().max()?;
    // So that no product below exceeds 127 bits.
    if shift.iter().any(|shift| !(1..=62).contains(shift) || most - shift > 30)
        || multiplier.iter().any(|m| !(0..=1 << 32).contains(m))
        || piece.scale.iter().any(|scale| scale.unsigned_abs() > 1 << 32)
    {
        return None;
    }
    // (x * m + 2^(s - 1)) >> s = (x * m * 2^d + 2^(s + d - 1)) >> (s + d)
    let by = zip(multiplier, shift, |m, shift| m << (most - shift));
    let twice = twice && shift.iter().any(|&shift| shift > 31);
    if !twice {
        let half = 1i128 << (most - 1);
        let piece = piece.linear(&by, &[half]);
        return Some(piece.round(most as u32, Rounding::Floor));
    }
    let piece = match (piece.scale.as_slice(), piece.offset.as_slice()) {
        ([1], [0]) => piece,
        _ => {
            let stage = piece.step(0, Round::By(Rounding::Floor));
            piece.push(stage)
        }
    };
    let stage = Stage {
        multiplier: by,
        addend: vec![1i128 << (most - 1)],
        own: shift.to_vec(),
        ..piece.step(most as u32, Round::Twice)
    };
    Some(piece.push(stage))
}

/// The stages as they are written, with a bias before them where there can be one.
fn finish(mut piece: Piece, roots: &[Root]) -> std::result::Result<Found, String> {
    let root = &roots[piece.root];
    let range = piece.range();
    if piece.stages.is_empty() && piece.scale == [1] && root.summed {
        piece.bias = zip(&piece.bias, &piece.offset, |bias, offset| bias + offset);
        piece.offset = vec![0];
    }
    let offset = same(&piece.offset).filter(|_| piece.scale == [1]);
    match (piece.stages.last_mut(), offset) {
        (_, Some(0)) => {}
        (Some(last), Some(offset)) if last.wrap.is_none() => {
            last.zero_point += offset;
            last.low = last.low.map(|low| low + offset);
            last.high = last.high.map(|high| high + offset);
        }
        _ => {
            let stage = piece.step(0, Round::By(Rounding::Floor));
            piece.stages.push(stage);
        }
    }
    if !root.summed && piece.bias != [0] {
        // There is no sum that it could be added to.
        match piece.stages.first_mut() {
            Some(first) if first.round != Round::Twice => {
                let more = zip(&first.multiplier, &piece.bias, |m, bias| m * bias);
                first.addend = zip(&first.addend, &more, |a, b| a + b);
            }
            _ => piece.stages.insert(0, Stage { addend: piece.bias.clone(), ..Stage::nothing() }),
        }
        piece.bias = vec![0];
    }
    let mut ranges = zip(&root.ranges, &piece.bias, |(l, h), bias| (l + bias, h + bias));
    let mut stages: Vec<Stage> = Vec::new();
    let mut open = std::mem::take(&mut piece.stages);
    open.reverse();
    while let Some(mut stage) = open.pop() {
        if stage.round == Round::Twice {
            let multiplier = stage.multiplier.clone();
            match fit(&stage, &ranges, stage.shift, &multiplier) {
                Some(once) => open.push(once),
                None => open.extend(stage.twice()),
            }
            continue;
        }
        if let Some(before) = stages.last()
            && let Some(merged) = merge(before, &stage, &ranges)
        {
            stage = merged;
            stages.pop();
            ranges = match stages.last() {
                None => zip(&root.ranges, &piece.bias, |(l, h), bias| (l + bias, h + bias)),
                Some(_) => ranges_after(&stages, root, &piece.bias),
            };
        }
        normalize(&mut stage, &ranges);
        if stages.is_empty() && root.summed {
            let more = to_bias(&mut stage);
            piece.bias = zip(&piece.bias, &more, |a, b| a + b);
            ranges = zip(&ranges, &more, |(l, h), bias| (l + bias, h + bias));
        }
        ranges = after(&stage, &ranges);
        stages.push(stage);
    }
    let bias = narrow(&piece.bias).ok_or("has a bias of more than 64 bits")?;
    let mut requants = Vec::new();
    let mut ranges = zip(&root.ranges, &piece.bias, |(l, h), bias| (l + bias, h + bias));
    for stage in &stages {
        ranges = after(stage, &ranges);
        let low = ranges.iter().map(|range| range.0).min().unwrap_or(0);
        let high = ranges.iter().map(|range| range.1).max().unwrap_or(0);
        requants.push(stage.requant((low, high))?);
    }
    Ok(Found { root: piece.root, bias, stages: requants, range })
}

fn after(stage: &Stage, ranges: &[Range]) -> Vec<Range> {
    let channels = stage.multiplier.len().max(stage.addend.len()).max(ranges.len());
    (0..channels).map(|c| stage.range(of_channel(ranges, c), c)).collect()
}

fn ranges_after(stages: &[Stage], root: &Root, bias: &[i128]) -> Vec<Range> {
    let first = zip(&root.ranges, bias, |(l, h), bias| (l + bias, h + bias));
    stages.iter().fold(first, |ranges, stage| after(stage, &ranges))
}

fn narrow(values: &[i128]) -> Option<Vec<i64>> {
    let values =
        values.iter().map(|&value| i64::try_from(value).ok()).collect::<Option<Vec<_>>>()?;
    Some(match same(&values) {
        Some(value) => vec![value],
        None => values,
    })
}

/// A stage that only limits and scales, and the one after it, as one.
///
/// `s(clamp(x, low, high)) = clamp(s(x), s(low), s(high))` for a stage `s` that is monotone.
fn merge(before: &Stage, stage: &Stage, ranges: &[Range]) -> Option<Stage> {
    let grows = stage.multiplier.iter().all(|&m| m > 0);
    let small = [before, stage].iter().all(|stage| {
        let numbers = stage.multiplier.iter().chain(&stage.addend);
        numbers.into_iter().all(|number| number.unsigned_abs() < 1 << 62)
    });
    let exact = before.shift == 0 && before.wrap.is_none() && before.round != Round::Twice;
    let exact = exact && small;
    if !exact || !grows || stage.wrap.is_some() || stage.round == Round::Twice {
        return None;
    }
    let limit = |x: Option<i128>| -> Option<Option<i128>> {
        let Some(x) = x else { return Some(None) };
        let channels = ranges.len().max(stage.multiplier.len()).max(stage.addend.len());
        let limits: Vec<i128> = (0..channels).map(|c| stage.apply(x, c)).collect();
        same(&limits).map(Some)
    };
    let (low, high) = (limit(before.low)?, limit(before.high)?);
    let addend = zip(&before.addend, &[before.zero_point], |a, zero_point| a + zero_point);
    let addend = zip(&addend, &stage.multiplier, |a, m| a * m);
    Some(Stage {
        multiplier: zip(&before.multiplier, &stage.multiplier, |a, b| a * b),
        addend: zip(&addend, &stage.addend, |a, b| a + b),
        low: low.or(stage.low),
        high: high.or(stage.high),
        ..stage.clone()
    })
}

/// Says a rounding by the mode that it is, and by multipliers that kernels multiply by.
fn normalize(stage: &mut Stage, ranges: &[Range]) {
    if stage.shift == 0 && stage.multiplier == [1] {
        if let Some(addend) = same(&stage.addend) {
            stage.zero_point += addend;
            stage.addend = vec![0];
        }
        return;
    }
    let largest = stage.multiplier.iter().map(|m| 128 - m.unsigned_abs().leading_zeros()).max();
    let more = largest.unwrap_or(0).saturating_sub(31).min(stage.shift);
    if more > 0 {
        let shorter: Vec<i128> =
            stage.multiplier.iter().map(|m| (m + (1 << (more - 1))) >> more).collect();
        if let Some(fitted) = fit(stage, ranges, stage.shift - more, &shorter) {
            *stage = fitted;
            return;
        }
    }
    let unit = 1i128 << stage.shift;
    if stage.round != Round::By(Rounding::Floor) || stage.shift == 0 {
        return;
    }
    let half = unit / 2;
    match same(&stage.addend) {
        Some(addend) => {
            stage.zero_point += addend.div_euclid(unit);
            let rest = addend.rem_euclid(unit);
            let (mode, rest) = match rest {
                0 => (Rounding::Floor, 0),
                rest if rest == half => (Rounding::NearestUp, 0),
                rest if rest == half - 1 => (Rounding::NearestDown, 0),
                rest if rest == unit - 1 && stage.multiplier == [1] => (Rounding::Ceil, 0),
                rest => (Rounding::NearestUp, rest - half),
            };
            (stage.round, stage.addend) = (Round::By(mode), vec![rest]);
        }
        None => {
            stage.round = Round::By(Rounding::NearestUp);
            stage.addend.iter_mut().for_each(|addend| *addend -= half);
        }
    }
}

/// Takes out of a stage what can be added before it.
fn to_bias(stage: &mut Stage) -> Vec<i128> {
    let divides = zip(&stage.addend, &stage.multiplier, |a, m| m != 0 && a % m == 0);
    if !divides.iter().all(|&divides| divides) {
        return vec![0];
    }
    let bias = zip(&stage.addend, &stage.multiplier, |a, m| a / m);
    stage.addend = vec![0];
    bias
}

/// The same function by other multipliers: an addend for each channel that keeps every step
/// where it is, one for all if there is one.
fn fit(stage: &Stage, ranges: &[Range], shift: u32, multiplier: &[i128]) -> Option<Stage> {
    /// Steps that are looked at, of one channel.
    const STEPS: i128 = 1 << 17;
    if stage.wrap.is_some() || shift == 0 {
        return None;
    }
    let channels = ranges.len().max(multiplier.len()).max(stage.addend.len());
    let channels = channels.max(stage.own.len()).max(stage.multiplier.len());
    let unit = 1i128 << shift;
    let mut bounds = Vec::new();
    for c in 0..channels {
        let (m, (low, high)) = (of_channel(multiplier, c), of_channel(ranges, c));
        if m <= 0 || of_channel(&stage.multiplier, c) <= 0 {
            return None;
        }
        let (first, last) = (stage.apply(low, c), stage.apply(high, c));
        if last - first > STEPS {
            return None;
        }
        let goal = |y: i128| (y - stage.zero_point) * unit;
        let (mut least, mut most) = (i128::MIN, i128::MAX);
        if stage.low != Some(first) {
            least = goal(first) - low * m;
        }
        if stage.high != Some(last) {
            most = goal(last + 1) - 1 - high * m;
        }
        let mut from = low;
        for y in first + 1..=last {
            // The first x with f(x) >= y.
            let (mut below, mut at) = (from, high);
            while at - below > 1 {
                let middle = below + (at - below) / 2;
                if stage.apply(middle, c) >= y { at = middle } else { below = middle }
            }
            least = least.max(goal(y) - at * m);
            most = most.min(goal(y) - 1 - (at - 1) * m);
            from = below;
        }
        if least > most {
            return None;
        }
        bounds.push((least, most));
    }
    let half = unit / 2;
    let all = bounds.iter().all(|&(least, most)| least <= half && half <= most);
    let addend = match all {
        true => vec![0],
        false => bounds.iter().map(|&(least, most)| half.clamp(least, most) - half).collect(),
    };
    Some(Stage {
        multiplier: multiplier.to_vec(),
        addend,
        shift,
        round: Round::By(Rounding::NearestUp),
        own: vec![0],
        ..stage.clone()
    })
}

impl Stage {
    fn nothing() -> Stage {
        Stage {
            multiplier: vec![1],
            addend: vec![0],
            shift: 0,
            round: Round::By(Rounding::Floor),
            own: vec![0],
            zero_point: 0,
            wrap: None,
            low: None,
            high: None,
        }
    }

    /// Two roundings, the last one first.
    ///
    /// With `z = floor(x * m / 2^31 + 1/2)`, what is added before a shift by `31 + e` makes
    /// `floor((z + 2^(e-1)) / 2^e)` of `x`, and `floor((z - 1 + 2^(e-1)) / 2^e)` of a negative one:
    /// `z / 2^e` to the nearest, ties away from zero. A shift by up to 31 rounds once, to `z`.
    fn twice(self) -> [Stage; 2] {
        let most = i128::from(self.shift);
        let first = zip(&self.multiplier, &self.own, |m, own| {
            let m = m >> (most - own);
            if own > 31 { m } else { m << (31 - own) }
        });
        let second = self.own.iter().map(|&own| 1i128 << (most - own.max(31))).collect();
        let first =
            Stage { multiplier: first, addend: vec![1 << 30], shift: 31, ..Stage::nothing() };
        let round = Round::By(Rounding::NearestAway);
        let shift = self.shift - 31;
        [Stage { multiplier: second, addend: vec![0], shift, round, own: vec![0], ..self }, first]
    }

    /// As it is written, with a result in that range.
    fn requant(&self, (low, high): Range) -> std::result::Result<Requant, String> {
        let Round::By(rounding) = self.round else { return Err("rounds twice".into()) };
        if self.shift > 62 {
            return Err(format!("shifts by {} bits", self.shift));
        }
        let (overflow, width, signed) = match self.wrap {
            Some((bits, signed)) if bits > if signed { 32 } else { 16 } => {
                return Err(format!("overflows {bits} bits"));
            }
            Some((bits, signed)) => (Overflow::Wrap, i64::from(bits), signed),
            None => {
                let (width, signed) =
                    holds((low, high)).ok_or("has a result of more than 32 bits")?;
                (Overflow::Saturate, width, signed)
            }
        };
        let factors = |values: &[i128]| {
            let limit = 1i128 << (Requant::FACTOR_BITS - 1);
            let values = narrow(values)?;
            values.iter().all(|&value| (-limit..limit).contains(&value.into())).then_some(values)
        };
        let wide = "scales by numbers of more than 62 bits";
        let all = exact::range(width.min(63), signed);
        let limit = |x: i128| i64::try_from(x).map_err(|_| wide);
        Ok(Requant {
            multiplier: factors(&self.multiplier).ok_or(wide)?,
            addend: factors(&self.addend).ok_or(wide)?,
            shift: self.shift.into(),
            rounding,
            overflow,
            width,
            signed,
            zero_point: limit(self.zero_point)?,
            min: self.low.map_or(Ok(all.0), limit)?.max(all.0),
            max: self.high.map_or(Ok(all.1), limit)?.min(all.1),
        })
    }
}

/// Width and sign of the smallest usual integer that holds a range.
pub fn holds((low, high): Range) -> Option<(i64, bool)> {
    let found = [(8, true), (8, false), (16, true), (16, false), (32, true)];
    found.into_iter().find(|&(bits, signed)| {
        let (least, most) = exact::range(bits, signed);
        i128::from(least) <= low && high <= i128::from(most)
    })
}
