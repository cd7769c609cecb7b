//! Static schedules of a loop: which operation a core issues when.
//!
//! A core issues one bundle in a cycle and never waits ([`issue`](crate::device::Operation)), so the
//! time of a loop is the number of its bundles. [`Body::modulo`] finds bundles for a loop whose
//! iterations overlap (modulo scheduling, B. R. Rau, "Iterative modulo scheduling", 1994): every
//! `interval` cycles an iteration begins, and what all iterations under way issue in one cycle
//! fits one bundle. [`Body::straight`] does so for one iteration by itself.
//!
//! Operations are placed as near as possible to what they need and serve (J. Llosa et al., "Swing
//! modulo scheduling", 1996), so that values stay in registers for few cycles: vector operations on
//! what is loaded first, in order, what they read as late as possible, all others as early as
//! possible.
//!
//! Beside slots, a schedule respects
//! * *banks*: of two accesses of one cycle to one bank, one would wait a cycle;
//! * *latencies*, also to the next iteration;
//! * *registers*: no more values at once than there are registers, and none longer than an
//!   interval, after which the next iteration writes its register.

use crate::device::{Operation, Registers, Slot};
use std::fmt;

/// What an operation reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Read {
    /// The operation that writes it.
    pub of: usize,
    /// Iterations before: 0 or 1.
    pub distance: i64,
    /// Whether it is a sum that is added to.
    pub sums: bool,
}

/// Where a result is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Vector,
    Accumulator,
}

/// What an operation is about, for those who read a schedule: a word and two numbers.
pub type Name = (&'static str, usize, usize);

/// One operation of a loop's body.
#[derive(Clone, PartialEq, Debug)]
pub struct Op {
    pub operation: Operation,
    pub name: Name,
    pub reads: Vec<Read>,
    /// Operations that it follows at least a cycle later, and how many iterations before they are.
    pub after: Vec<(usize, i64)>,
    pub bank: Option<u8>,
    /// Halves of registers that its result takes.
    pub result: Option<(Class, u32)>,
}

impl Op {
    /// What it does, in a few letters: `c2.5` is what is done for block 2 in step 5.
    fn text(&self) -> String {
        let (what, index, step) = self.name;
        let verb = match self.operation {
            Operation::Load | Operation::Product => "",
            Operation::Advance => "next ",
            Operation::Scalar | Operation::ScalarMove => "choose ",
            Operation::Move => "move ",
            Operation::Sum => "add ",
            Operation::Round => "round ",
            Operation::Store => "store ",
            Operation::RoundedStore => "round, store ",
            Operation::Receive => "get ",
            Operation::Send => "put ",
        };
        match self.operation {
            Operation::Advance | Operation::Scalar | Operation::ScalarMove => {
                format!("{verb}{what}")
            }
            Operation::Load | Operation::Product => format!("{verb}{what}{index}.{step}"),
            _ => format!("{verb}{what}{index}"),
        }
    }
}

/// The body of a loop: operations in the order of the program, in which none reads a later one of
/// the same iteration.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Body {
    pub ops: Vec<Op>,
}

/// A body that no schedule serves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TooManyValues {
    pub class: &'static str,
    /// Halves of registers that it takes, and that there are.
    pub needs: u32,
    pub has: u32,
}

impl fmt::Display for TooManyValues {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let TooManyValues { class, needs, has } = self;
        write!(
            f,
            "a loop keeps {needs} halves of {class} registers at once, of which there are {has}"
        )
    }
}

/// When each operation of a body is issued.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Schedule {
    /// Cycles from one iteration to the next.
    pub interval: u64,
    /// Cycles from the first issue of an iteration to its last, both included, pointers that are
    /// moved to the next one aside.
    pub length: u64,
    /// Of each operation, from the begin of its iteration.
    pub times: Vec<u64>,
    pub slots: Vec<Slot>,
    /// Halves of registers that are in use at once.
    pub vectors: u32,
    pub accumulators: u32,
}

impl Schedule {
    /// Each operation after the result of the one before it.
    pub fn one_by_one(body: &Body) -> Schedule {
        let mut length = 0;
        let mut schedule = Schedule::default();
        for op in &body.ops {
            schedule.times.push(length);
            schedule.slots.extend(op.operation.slots().first());
            length += op.operation.holds().unsigned_abs();
        }
        Schedule { interval: length, length, ..schedule }
    }

    /// Cycles of so many iterations.
    pub fn total(&self, iterations: u64) -> u64 {
        match iterations {
            0 => 0,
            _ => self.length + (iterations - 1) * self.interval,
        }
    }

    /// Cycles before iterations overlap as much as they ever do.
    pub fn prologue(&self) -> u64 {
        (self.length - 1) / self.interval * self.interval
    }

    /// Cycles after the last iteration has begun that no other one shares.
    pub fn epilogue(&self) -> u64 {
        self.length - self.interval.min(self.length)
    }
}

/// How a schedule begins.
struct Way {
    /// The bank whose accesses come first, before vector operations.
    bank: Option<u8>,
    /// Operations that have a time before all others, at the earliest.
    begun: Vec<(usize, i64)>,
}

/// How many cycles later than possible operations are tried.
const LATER: i64 = 8;

/// `to` is issued at least `delay` cycles after `from` of `distance` iterations before.
#[derive(Clone, Copy, Debug)]
struct Edge {
    from: usize,
    to: usize,
    delay: i64,
    distance: i64,
}

fn moves_pointers(op: &Op) -> bool {
    use Operation::{Advance, Scalar, ScalarMove};
    matches!(op.operation, Advance | Scalar | ScalarMove)
}

fn is_vector(op: &Op) -> bool {
    op.operation.slots() == [Slot::Vector]
}

impl Body {
    pub fn push(&mut self, op: Op) -> usize {
        self.ops.push(op);
        self.ops.len() - 1
    }

    /// How many operations of a kind there are.
    pub fn count(&self, operation: Operation) -> usize {
        self.ops.iter().filter(|op| op.operation == operation).count()
    }

    /// The least cycles between iterations for which slots and banks suffice.
    pub fn resources(&self) -> u64 {
        let mut alone = Slot::ALL.map(|_| 0u64);
        let (mut pairs, mut banks) = (0u64, [0u64; 256]);
        for op in &self.ops {
            match op.operation.slots() {
                [slot] => alone[*slot as usize] += 1,
                _ => pairs += 1,
            }
            if let Some(bank) = op.bank {
                banks[usize::from(bank)] += 1;
            }
        }
        // Only the two slots of loads stand for each other.
        let loads = alone[Slot::LoadA as usize] + alone[Slot::LoadB as usize] + pairs;
        let most = alone.into_iter().chain(banks).max().unwrap_or(0);
        most.max(loads.div_ceil(2)).max(1)
    }

    /// A schedule of iterations that overlap, of the least interval that is found.
    ///
    /// # Errors
    ///
    /// If even one iteration by itself keeps more values than there are registers.
    pub fn modulo(&self, registers: Registers) -> Result<Schedule, TooManyValues> {
        let straight = self.straight(registers)?;
        let edges = self.edges();
        let ways = self.ways(&straight);
        let found = (self.resources()..straight.interval).find_map(|interval| {
            let placed = ways.iter().filter_map(|way| self.place(interval, &edges, way));
            { placed }.find(|one| one.fits(registers).is_ok())
        });
        Ok(found.unwrap_or(straight))
    }

    /// A schedule of one iteration by itself, and the next one after it.
    ///
    /// # Errors
    ///
    /// If it keeps more values than there are registers.
    pub fn straight(&self, registers: Registers) -> Result<Schedule, TooManyValues> {
        let edges = self.edges();
        // So long that no two iterations meet.
        let longest: i64 = edges.iter().map(|edge| edge.delay.max(1)).sum();
        let interval = longest.unsigned_abs() + self.ops.len() as u64 + 1;
        let ways = [self.scarce_bank(), None].map(|bank| Way { bank, begun: Vec::new() });
        let placed = ways.iter().filter_map(|way| self.place(interval, &edges, way));
        // There is room for every operation after those that it needs.
        let shortest = placed.min_by_key(|one| (one.fits(registers).is_err(), one.length));
        let mut schedule = shortest.unwrap_or_default();
        schedule.fits(registers)?;
        // What an iteration gives to the next one.
        let carried = edges.iter().filter(|edge| edge.distance > 0).map(|edge| {
            let [from, to] = [edge.from, edge.to].map(|op| schedule.times[op] as i64);
            (from + edge.delay - to).max(0).unsigned_abs()
        });
        schedule.interval = carried.max().unwrap_or(0).max(schedule.length);
        Ok(schedule)
    }

    /// Ways to begin a schedule that are worth trying.
    fn ways(&self, straight: &Schedule) -> Vec<Way> {
        let mut ways = vec![Way { bank: None, begun: Vec::new() }];
        if let Some(bank) = self.scarce_bank() {
            ways.insert(0, Way { bank: Some(bank), begun: Vec::new() });
        }
        // Vector operations on what was computed may find no slot among those of the next
        // iteration; so they take theirs first, a few cycles later than they could.
        let late: Vec<usize> = (self.ops.iter().enumerate())
            .filter(|(_, op)| is_vector(op) && !self.multiplies_loads(op))
            .map(|(index, _)| index)
            .collect();
        if !late.is_empty() {
            ways.extend((0..=LATER).map(|later| {
                let at = |&op: &usize| (op, straight.times[op] as i64 + later);
                Way { bank: None, begun: late.iter().map(at).collect() }
            }));
        }
        ways
    }

    /// Whether an operation is a vector operation on what was loaded.
    fn multiplies_loads(&self, op: &Op) -> bool {
        let loaded = |read: &Read| self.ops[read.of].operation == Operation::Load;
        is_vector(op) && op.reads.iter().any(loaded)
    }

    /// The bank that is accessed more often than what is loaded is multiplied, if there is one:
    /// then its accesses set the pace.
    fn scarce_bank(&self) -> Option<u8> {
        let mut banks = [0usize; 256];
        for bank in self.ops.iter().filter_map(|op| op.bank) {
            banks[usize::from(bank)] += 1;
        }
        let vectors = self.ops.iter().filter(|op| self.multiplies_loads(op)).count();
        let (bank, most) = (0..=u8::MAX).zip(banks).max_by_key(|&(_, count)| count)?;
        (most > vectors).then_some(bank)
    }

    fn edges(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (to, op) in self.ops.iter().enumerate() {
            for read in &op.reads {
                let writer = &self.ops[read.of];
                let delay = writer.operation.until(op.operation, read.sums);
                edges.push(Edge { from: read.of, to, delay, distance: read.distance });
                if writer.result.is_some() {
                    let delay = op.operation.before(read.sums, writer.operation);
                    edges.push(Edge { from: to, to: read.of, delay, distance: 1 - read.distance });
                }
            }
            let after = op.after.iter();
            edges.extend(after.map(|&(from, distance)| Edge { from, to, delay: 1, distance }));
        }
        // A sum in place follows what it adds to, by which its register is free.
        edges.retain(|edge| edge.from != edge.to || edge.distance > 0);
        edges
    }

    /// Places all operations, an iteration every `interval` cycles; `None` if one finds no place.
    fn place(&self, interval: u64, edges: &[Edge], way: &Way) -> Option<Schedule> {
        let mut table = Table {
            interval: interval as i64,
            times: vec![None; self.ops.len()],
            slots: vec![Slot::Vector; self.ops.len()],
            taken: vec![0; interval as usize],
            banks: vec![[None; 3]; interval as usize],
            into: vec![Vec::new(); self.ops.len()],
            out_of: vec![Vec::new(); self.ops.len()],
        };
        for edge in edges {
            table.into[edge.to].push(*edge);
            table.out_of[edge.from].push(*edge);
        }
        for &(index, begin) in &way.begun {
            let op = &self.ops[index];
            (begin..begin + table.interval).find_map(|time| table.take(index, op, time))?;
        }
        if let Some(bank) = way.bank {
            for (index, op) in self.ops.iter().enumerate() {
                if op.bank == Some(bank) {
                    table.first(index, op)?;
                }
            }
        }
        for (index, op) in self.ops.iter().enumerate() {
            if self.multiplies_loads(op) && table.times[index].is_none() {
                table.first(index, op)?;
            }
        }
        self.serve(&mut table)?;
        // Pointers move on as soon as nothing is accessed by them, for the next iteration may be
        // about to; what decides how far comes before that.
        for (index, op) in self.ops.iter().enumerate() {
            if op.operation == Operation::Advance && table.is_used(index) {
                table.first(index, op)?;
            }
        }
        self.serve(&mut table)?;
        for (index, op) in self.ops.iter().enumerate() {
            if table.times[index].is_none() {
                table.first(index, op)?;
            }
        }
        let times: Vec<i64> = table.times.iter().copied().collect::<Option<_>>()?;
        // The last iteration has no use for where the next one would begin.
        let used = |(op, &time): (&Op, &i64)| (!moves_pointers(op)).then_some(time);
        let (begin, end) =
            (times.iter().min()?, self.ops.iter().zip(&times).filter_map(used).max()?);
        let mut schedule = Schedule {
            interval,
            length: (end - begin + 1).unsigned_abs(),
            times: times.iter().map(|time| (time - begin).unsigned_abs()).collect(),
            slots: table.slots,
            vectors: 0,
            accumulators: 0,
        };
        [schedule.vectors, schedule.accumulators] = self.live(&schedule);
        Some(schedule)
    }

    /// Places what others need that are placed, as late as possible.
    fn serve(&self, table: &mut Table) -> Option<()> {
        for (index, op) in self.ops.iter().enumerate().rev() {
            if table.times[index].is_none() && table.serves(index) {
                table.last(index, op)?;
            }
        }
        Some(())
    }

    /// Halves of vector registers and of accumulators that are in use at once.
    fn live(&self, schedule: &Schedule) -> [u32; 2] {
        let interval = schedule.interval as i64;
        let time = |op: usize| schedule.times[op] as i64;
        let mut last: Vec<Option<i64>> = vec![None; self.ops.len()];
        for (index, op) in self.ops.iter().enumerate() {
            for read in &op.reads {
                let end = time(index) + read.distance * interval + op.operation.held(read.sums);
                last[read.of] = last[read.of].max(Some(end));
            }
        }
        let mut live = vec![[0u32; 2]; schedule.interval as usize];
        for (index, op) in self.ops.iter().enumerate() {
            let (Some((class, halves)), Some(last)) = (op.result, last[index]) else { continue };
            // A sum is written where the one that it adds to was.
            let in_place = op.reads.iter().any(|read| {
                read.sums && self.ops[read.of].result.is_some_and(|(of, _)| of == class)
            });
            let begin = time(index)
                + if in_place { op.operation.held(true) + 1 } else { op.operation.holds() };
            for cycle in begin..=last {
                live[cycle.rem_euclid(interval) as usize][class as usize] += halves;
            }
        }
        [0, 1].map(|class| live.iter().map(|live| live[class]).max().unwrap_or(0))
    }
}

impl Schedule {
    /// The bundles of one interval, as a table: a row is a cycle, a column a slot. Operations of
    /// the iteration before have a `'` for each iteration that they are behind.
    pub fn table(&self, body: &Body) -> String {
        let mut rows = vec![vec![String::new(); Slot::ALL.len()]; self.interval as usize];
        for (index, op) in body.ops.iter().enumerate() {
            let (time, slot) = (self.times[index], self.slots[index]);
            let behind = "'".repeat((time / self.interval) as usize);
            let cell = &mut rows[(time % self.interval) as usize][slot as usize];
            *cell = format!("{}{behind}", op.text());
        }
        let heads: Vec<&str> = Slot::ALL.iter().map(|slot| slot.name()).collect();
        let mut text =
            format!("| | {} |\n|--:|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
        for (cycle, row) in rows.iter().enumerate() {
            text += &format!("| {cycle} | {} |\n", row.join(" | "));
        }
        text
    }

    fn fits(&self, registers: Registers) -> Result<(), TooManyValues> {
        let all = [
            ("vector", self.vectors, registers.vectors),
            ("accumulator", self.accumulators, registers.accumulators),
        ];
        match all.into_iter().find(|(_, needs, has)| needs > has) {
            Some((class, needs, has)) => Err(TooManyValues { class, needs, has }),
            None => Ok(()),
        }
    }
}

/// What has been placed so far.
struct Table {
    interval: i64,
    times: Vec<Option<i64>>,
    slots: Vec<Slot>,
    /// Slots that are taken in each cycle of an interval, as bits.
    taken: Vec<u8>,
    banks: Vec<[Option<u8>; 3]>,
    into: Vec<Vec<Edge>>,
    out_of: Vec<Vec<Edge>>,
}

impl Table {
    /// The earliest time of an operation after those that are placed, also by way of others that
    /// are not; of the same iteration, or of any.
    fn earliest(&self, op: usize, any: bool) -> Option<i64> {
        let mut earliest: Vec<Option<i64>> = Vec::with_capacity(op + 1);
        for into in &self.into[..=op] {
            let bounds = into.iter().filter(|edge| any || edge.distance == 0).filter_map(|edge| {
                let known = match self.times[edge.from] {
                    Some(time) => Some(time),
                    None if edge.distance == 0 => earliest.get(edge.from).copied().flatten(),
                    None => None,
                };
                Some(known? + edge.delay - edge.distance * self.interval)
            });
            earliest.push(bounds.max());
        }
        earliest.pop().flatten()
    }

    /// The latest time of an operation before those that are placed.
    fn latest(&self, op: usize) -> Option<i64> {
        let bounds = self.out_of[op].iter().filter_map(|edge| {
            Some(self.times[edge.to]? - edge.delay + edge.distance * self.interval)
        });
        bounds.min()
    }

    /// Whether an operation of the same iteration that is placed needs this one.
    fn serves(&self, op: usize) -> bool {
        self.out_of[op].iter().any(|edge| edge.distance == 0 && self.times[edge.to].is_some())
    }

    /// Whether what an operation follows is placed.
    fn is_used(&self, op: usize) -> bool {
        self.into[op].iter().any(|edge| edge.distance == 0 && self.times[edge.from].is_some())
    }

    /// Places an operation as early as possible.
    fn first(&mut self, index: usize, op: &Op) -> Option<()> {
        // An iteration before bounds it, but does not draw it there.
        let begin = self
            .earliest(index, false)
            .unwrap_or(0)
            .max(self.earliest(index, true).unwrap_or(i64::MIN));
        let end = self.latest(index).unwrap_or(i64::MAX).min(begin + self.interval - 1);
        (begin..=end).find_map(|time| self.take(index, op, time))
    }

    /// Places an operation as late as possible.
    fn last(&mut self, index: usize, op: &Op) -> Option<()> {
        let end = self.latest(index)?;
        let begin = self.earliest(index, true).unwrap_or(i64::MIN).max(end - self.interval + 1);
        (begin..=end).rev().find_map(|time| self.take(index, op, time))
    }

    fn take(&mut self, index: usize, op: &Op, time: i64) -> Option<()> {
        let cycle = time.rem_euclid(self.interval) as usize;
        let free = |slot: &&Slot| self.taken[cycle] & (1 << **slot as u8) == 0;
        let slot = *op.operation.slots().iter().find(free)?;
        if let Some(bank) = op.bank {
            if self.banks[cycle].contains(&Some(bank)) {
                return None;
            }
            // Two loads and a store at most.
            *self.banks[cycle].iter_mut().find(|place| place.is_none())? = Some(bank);
        }
        self.taken[cycle] |= 1 << slot as u8;
        (self.times[index], self.slots[index]) = (Some(time), slot);
        Some(())
    }
}
