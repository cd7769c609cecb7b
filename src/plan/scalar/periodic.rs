//! Whether an expression is a given function of one that it depends on.
//!
//! Few expressions need all their values looked at. Between the numbers that
//! it compares with, `e` mostly repeats itself: `e(x + period) = e(x) + step`,
//! as `(x + 7 + (x >> 4 & 1)) >> 4` does with period 32 and step 2. Where both
//! do, and with the same step, one period proves all.

use super::{Binary, Graph, Id, Node, Range, limits, of_channel};
use std::collections::HashMap;

/// Values that are looked at one by one, at the most.
const MOST: i128 = 1 << 24;

/// A function to compare with, which repeats itself from `period` on within values of one sign.
pub struct Candidate<'f> {
    pub function: &'f dyn Fn(i128) -> i128,
    /// A period and its step, if there is one; multiples of it are periods too.
    pub period: Option<(i128, i128)>,
}

/// Whether an expression equals a candidate for all values in a range of `free`.
///
/// No means that it differs, or that it takes too long to find out.
pub fn equal(graph: &Graph, id: Id, free: Id, range: Range, candidate: &Candidate) -> bool {
    let (low, high) = range;
    let samples = [low, low + 1, -2, -1, 0, 1, 2, high - 1, high, low / 3, high / 3, high / 7];
    samples.iter().all(|&x| !(low..=high).contains(&x) || same(graph, id, free, x, x, candidate))
        && segments(graph, id, free, range)
            .into_iter()
            .all(|segment| equal_in(graph, id, free, segment, candidate))
}

/// Whether they are equal one by one.
fn same(graph: &Graph, id: Id, free: Id, low: i128, high: i128, candidate: &Candidate) -> bool {
    let channels = graph.channels(id, free);
    let mut from = low;
    while from <= high {
        let to = high.min(from + 4095);
        let Some(values) = (from..=to).map(|x| i64::try_from(x).ok()).collect::<Option<Vec<_>>>()
        else {
            return false;
        };
        let expected: Vec<i128> = values.iter().map(|&x| (candidate.function)(x.into())).collect();
        for channel in 0..channels {
            let Some(found) = graph.evaluate(id, free, &values, channel) else { return false };
            if found.iter().zip(&expected).any(|(&a, &b)| i128::from(a) != b) {
                return false;
            }
        }
        from = to + 1;
    }
    true
}

fn equal_in(graph: &Graph, id: Id, free: Id, range: Range, candidate: &Candidate) -> bool {
    let (low, high) = range;
    if let Some((period, step)) = candidate.period {
        let mut times = 1;
        while period * times * 2 <= (high - low).min(MOST) {
            let repeats = Repeats { graph, free, range, period: period * times };
            if repeats.step(id) == Some(step * times) {
                return same(graph, id, free, low, low + period * times - 1, candidate);
            }
            times *= 2;
        }
    }
    high - low < MOST && same(graph, id, free, low, high, candidate)
}

/// The parts of a range between 0 and the numbers that an expression compares `free` with.
fn segments(graph: &Graph, id: Id, free: Id, (low, high): Range) -> Vec<Range> {
    let mut starts = vec![low, 0];
    for id in graph.within(id, &[free]).unwrap_or_default() {
        let compared = match *graph.node(id) {
            Node::Compare(_, a, b) | Node::Binary(Binary::Min | Binary::Max, a, b) => [a, b],
            _ => continue,
        };
        if compared.contains(&free) {
            let numbers = compared.iter().filter_map(|&id| graph.constant(id)).flatten();
            starts.extend(numbers.flat_map(|&n| [i128::from(n), i128::from(n) + 1]));
        }
    }
    starts.retain(|start| (low..=high).contains(start));
    starts.sort();
    starts.dedup();
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([high]);
    starts.iter().copied().zip(ends).collect()
}

/// How much an expression grows from `x` to `x + period`, wherever both are in the range.
struct Repeats<'g> {
    graph: &'g Graph,
    free: Id,
    range: Range,
    period: i128,
}

impl Repeats<'_> {
    fn step(&self, id: Id) -> Option<i128> {
        if !self.graph.reach(id, self.free, self.range)?.1 {
            return self.wrapped(id);
        }
        let mut known = HashMap::from([(self.free, self.period)]);
        for id in self.graph.within(id, &[self.free])? {
            let step = self.of(id, &known)?;
            known.insert(id, step);
        }
        known.get(&id).copied()
    }

    /// A cut of something that repeats itself without overflow.
    fn wrapped(&self, id: Id) -> Option<i128> {
        let Node::Resize { value, .. } = *self.graph.node(id) else { return None };
        let step = self.step(value)?;
        (step % (1i128 << self.graph.bits(id).min(64)) == 0).then_some(0)
    }

    fn of(&self, id: Id, known: &HashMap<Id, i128>) -> Option<i128> {
        let of = |id: Id| known.get(&id).copied();
        let ((low, high), _) = self.graph.reach(id, self.free, self.range)?;
        if low == high {
            return Some(0);
        }
        let same = |a: Id, b: Id| of(a).filter(|step| of(b) == Some(*step));
        match *self.graph.node(id) {
            Node::Constant(_) => Some(0),
            Node::Binary(op, a, b) => {
                let (step, other) = (of(a)?, of(b)?);
                let number = self.graph.one(b).map(i128::from);
                match op {
                    Binary::Add => Some(step + other),
                    Binary::Sub => Some(step - other),
                    Binary::Min | Binary::Max => same(a, b),
                    Binary::Mul => match self.graph.one(a) {
                        Some(number) => Some(i128::from(number) * other),
                        None => Some(step * number?),
                    },
                    Binary::ShiftLeft => Some(step << number?.clamp(0, 62)),
                    Binary::ShiftRight => {
                        let unit = 1i128 << number?.clamp(0, 62);
                        (step % unit == 0).then_some(step / unit)
                    }
                    Binary::And => {
                        let mask = number.filter(|&mask| mask >= 0)?;
                        let unit = 1i128 << (128 - mask.leading_zeros());
                        (step % unit == 0).then_some(0)
                    }
                    _ => (step == 0 && other == 0).then_some(0),
                }
            }
            Node::Compare(_, a, b) => same(a, b).map(|_| 0),
            Node::Select(condition, a, b) => {
                match self.graph.reach(condition, self.free, self.range)?.0 {
                    (0, 0) => of(b),
                    (low, high) if low > 0 || high < 0 => of(a),
                    _ => same(a, b).filter(|_| of(condition) == Some(0)),
                }
            }
            Node::Resize { value, .. } => of(value),
            _ => None,
        }
    }
}

impl Graph {
    /// How many channels an expression tells apart up to another one.
    pub fn channels(&self, id: Id, free: Id) -> usize {
        let within = self.within(id, &[free]).unwrap_or_default();
        let constants = within.iter().filter_map(|&id| self.constant(id));
        constants.map(<[i64]>::len).max().unwrap_or(1)
    }

    /// The constants of some kind that are in an expression, without those that differ by channel.
    pub(super) fn numbers(&self, id: Id, free: Id) -> Vec<i64> {
        let within = self.within(id, &[free]).unwrap_or_default();
        let constants = within.iter().filter_map(|&id| self.constant(id));
        let mut numbers: Vec<i64> = constants
            .filter(|values| values.len() == 1)
            .map(|values| of_channel(values, 0))
            .collect();
        numbers.sort();
        numbers.dedup();
        numbers
    }
}

/// Whether a range is within what a width holds with a sign.
pub fn fits(range: Range, bits: u32) -> bool {
    limits(bits).0 <= range.0 && range.1 <= limits(bits).1
}
