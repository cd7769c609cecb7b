//! How long a kernel takes.
//!
//! Our own dense kernel (`kernels/aie4ml/dense.h`) takes what the schedule of its loops takes
//! ([`body`](super::body), [`schedule`](super::schedule)): `n` groups of blocks with `K` steps each
//!
//! ```text
//! length + (n - 1) * interval + n * (K - unrolled) * step     if K > unrolled, else without the last
//! ```
//!
//! That is the schedule that the code and the core allow: *scheduled*, and not compiled or
//! measured.
//!
//! Kernels of others are known by what was published of them. A core issues one vector operation,
//! two loads and one store in a cycle, and stalls a cycle when both loads go to one bank. A group
//! of up to 2x2 blocks takes
//!
//! ```text
//! max(KB * step + rest + overhead, pipeline)
//! step = max(products, loads of A, loads of W, all loads / 2, dependence)
//! ```
//!
//! * *products*: vector operations of one step along K;
//! * *loads of W*: all from one bank, so one in a cycle; likewise of A; and if
//!   both share a bank, all loads one by one;
//! * *dependence*: a product that adds to the sums of the one before it waits
//!   for it, two cycles;
//! * *rest*: vector operations after the last step that no other slot takes;
//! * *overhead*: what the loop over groups costs, a property of how a version
//!   of a kernel is written and compiled ([`Formula`]);
//! * *pipeline*: the time of one operand through all units, which a group with
//!   few steps does not fill.

use super::{
    Clamp, Role, Signature, Way,
    body::{self, Addition, Group, Work},
    schedule::{Schedule, TooManyValues},
};
use crate::{
    array::{Kernel, Type},
    device::{Device, Generation, MmulShape, Operation, Registers},
    operator::{self, Node, Share},
};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// A version of a dense kernel, of which only the time is known here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KernelVersion {
    pub name: &'static str,
    /// Our own kernel, whose schedule is known, has none.
    pub formula: Option<Formula>,
}

/// What distinguishes versions of others in time: nothing else does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Formula {
    /// Cycles of the loop over groups, per group.
    pub overhead: u64,
    /// Cycles more of a call of a kernel that is no part of a cascade.
    pub alone: u64,
    /// Whether every group is 2x2, with padding where there is no block.
    pub whole_groups: bool,
    /// Whether a group begins while the one before it ends: the loop over groups
    /// is pipelined, and the one over K is unrolled in it.
    pub overlaps: bool,
    /// Whether a group begins with the sums of the tile before and adds its products to them, so
    /// that the tiles of a cascade form their first products one after the other. Of kernels that
    /// are not this project's, so no version that its kernels are given times of does.
    pub receives_first: bool,
}

impl Formula {
    const NONE: Formula = Formula {
        overhead: 0,
        alone: 0,
        whole_groups: false,
        overlaps: false,
        receives_first: false,
    };
    const AIE4ML_0_1: Formula =
        Formula { overhead: 14 + 4, alone: 27, whole_groups: true, ..Formula::NONE };
}

impl KernelVersion {
    /// AIE4ML 0.1: from 697 cycles for 8x128x128 with a ReLU and 609 for 8x256x64 without one, both
    /// of kernels that are alone. Its ReLU is an operation for each of the four blocks of a group
    /// (`dense_bias_relu.cpp`), so a group of the second takes 4 less, and with twice as many
    /// groups in the first that leaves 14 for each, and 41 for a call.
    pub const AIE4ML_0_1: KernelVersion =
        KernelVersion { name: "aie4ml-0.1", formula: Some(Formula::AIE4ML_0_1) };
    /// The same without a ReLU.
    pub const AIE4ML_0_1_LINEAR: KernelVersion = KernelVersion {
        formula: Some(Formula { overhead: 14, ..Formula::AIE4ML_0_1 }),
        ..Self::AIE4ML_0_1
    };
    /// The same in a cascade, with sums that come before products (`dense_bias_relu.cpp`).
    pub const AIE4ML_0_1_CASCADE: KernelVersion = KernelVersion {
        formula: Some(Formula { receives_first: true, ..Formula::AIE4ML_0_1 }),
        ..Self::AIE4ML_0_1
    };
    /// AIE4ML 0.2.1: 3 cycles, from 1122 cycles for 64x64x64.
    pub const AIE4ML_0_2: KernelVersion = KernelVersion {
        name: "aie4ml-0.2",
        formula: Some(Formula { overhead: 3, whole_groups: true, ..Formula::NONE }),
    };
    /// AMD's tutorial: 17 cycles for 16 products, from the listing of its loop.
    pub const AMD: KernelVersion = KernelVersion {
        name: "amd",
        formula: Some(Formula { overhead: 1, overlaps: true, ..Formula::NONE }),
    };
    /// The kernels of this project, see `docs/simulator.md`.
    pub const OWN: KernelVersion = KernelVersion { name: "own", formula: None };

    pub const ALL: [KernelVersion; 4] = [Self::OWN, Self::AIE4ML_0_1, Self::AIE4ML_0_2, Self::AMD];

    pub fn by_name(name: &str) -> Option<KernelVersion> {
        Self::ALL.into_iter().find(|version| version.name == name)
    }
}

impl Default for KernelVersion {
    fn default() -> Self {
        Self::OWN
    }
}

/// A transfer of 512 bits over a cascade.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transfer {
    Get,
    Put,
}

/// The time of one call, cut at its cascade transfers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KernelTime {
    /// Cycles before each transfer, since the one before it, and what it is.
    pub before: Vec<(u64, Transfer)>,
    /// Cycles after the last.
    pub after: u64,
}

impl KernelTime {
    /// Cycles of a call that never waits.
    pub fn total(&self) -> u64 {
        self.before.iter().map(|(cycles, _)| cycles).sum::<u64>() + self.after
    }
}

/// Blocks of a dense kernel, and what it takes to compute them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Dense<'a> {
    pub role: Role,
    pub shape: &'a MmulShape,
    /// Blocks of rows, inputs and outputs.
    pub blocks: [usize; 3],
    /// Most rows and columns of blocks in a group of a published kernel.
    pub group: [usize; 2],
    /// Bits of an element of the output, if the role has one.
    pub output_bits: u32,
    /// What requantization does beside the store.
    pub work: Work,
    /// Vector operations of that on the results of one block.
    pub rest: u64,
    /// Whether inputs and weights share a bank.
    pub conflict: bool,
}

impl Dense<'_> {
    /// Groups of the kernels of this project.
    pub const GROUP: [usize; 2] = [2, 2];

    /// The time of one call.
    pub fn time(&self, device: &Device, version: KernelVersion) -> KernelTime {
        match version.formula {
            None => self.scheduled(device),
            Some(formula) => self.published(device, formula),
        }
    }

    /// The total of [`time`](Self::time), without the way there.
    pub fn cycles(&self, device: &Device, version: KernelVersion) -> u64 {
        let Some(formula) = version.formula else {
            let loops = self.loops(device).into_iter();
            return device.latency.call + loops.map(|one| one.total()).sum::<u64>();
        };
        let [mb, kb, nb] = self.blocks;
        let mut cycles =
            device.latency.call + self.alone(formula) + self.last_value(device, formula);
        for (rows, times) in counted(&groups(mb, self.group[0], formula)) {
            for (columns, each) in counted(&groups(nb, self.columns(rows), formula)) {
                let group = self.group_time(rows, columns, kb, device, formula);
                cycles += times * each * (group + (rows * columns) as u64 * self.values(device));
            }
        }
        cycles
    }

    /// By the schedule of each loop, one after the other.
    fn scheduled(&self, device: &Device) -> KernelTime {
        let mut time = KernelTime::default();
        let (mut begin, mut last) = (device.latency.call, 0);
        for one in self.loops(device) {
            for group in 0..one.count {
                let begin = begin + group * one.interval() + one.further;
                for &(at, transfer) in &one.times.transfers {
                    let at = (begin + at).max(last);
                    time.before.push((at - last, transfer));
                    last = at;
                }
            }
            begin += one.total();
        }
        time.after = begin - last;
        time
    }

    /// The loops over groups, in the order of the kernel.
    fn loops(&self, device: &Device) -> Vec<Loop> {
        let of = |(group, count)| Loop::new(group, self.blocks[1], count, device);
        self.groups(device).into_iter().map(of).collect()
    }

    /// The group of each loop, and how many there are.
    pub fn groups(&self, device: &Device) -> Vec<(Group, u64)> {
        let [mb, kb, nb] = self.blocks;
        let mut loops = Vec::new();
        for (rows, times) in [(2, mb / 2), (1, mb % 2)] {
            if times == 0 {
                continue;
            }
            let (mut left, mut columns) = (nb, self.own_columns(rows, device));
            while left > 0 && columns > 0 {
                let each = left / columns;
                if each > 0 {
                    let group = Group {
                        shape: *self.shape,
                        rows,
                        columns,
                        steps: kb.min(body::UNROLLED),
                        role: self.role,
                        wraps: times > 1 && each > 1,
                        output_bits: self.output_bits,
                        work: self.work,
                        conflict: self.conflict,
                    };
                    loops.push((group, (times * each) as u64));
                }
                left %= columns;
                columns /= 2;
            }
        }
        loops
    }

    /// Columns of blocks in a group of our kernel: as `columns_of` of `dense.h`.
    fn own_columns(&self, rows: usize, device: &Device) -> usize {
        let MmulShape { m, n, accumulator_bits, .. } = *self.shape;
        let registers =
            (m * n * accumulator_bits).div_ceil(2 * Registers::of(device).accumulator_bits);
        let most = if self.role == Role::Single && !self.work.scales() { 8 } else { 4 };
        let mut columns = 4 / rows;
        while columns > 1 && columns * rows * registers as usize > most {
            columns /= 2;
        }
        columns
    }

    fn published(&self, device: &Device, formula: Formula) -> KernelTime {
        let latency = &device.latency;
        let [mb, kb, nb] = self.blocks;
        let since = latency.call + self.alone(formula);
        let mut clock = Cut { time: KernelTime::default(), since };
        for rows in groups(mb, self.group[0], formula) {
            for columns in groups(nb, self.columns(rows), formula) {
                let group = self.group_time(rows, columns, kb, device, formula);
                if formula.receives_first && !self.role.has_bias() {
                    let steps = self.steps([rows, columns, kb].map(|count| count as u64), device);
                    self.receive_first(rows * columns, group, steps, device, &mut clock);
                    continue;
                }
                clock.since += group;
                (0..rows * columns).for_each(|_| self.transfer(device, &mut clock));
            }
        }
        clock.time.after = clock.since + self.last_value(device, formula);
        clock.time
    }

    /// Most columns of blocks in a group of so many rows: without a second row, more columns
    /// make up for it.
    fn columns(&self, rows: usize) -> usize {
        self.group[0] * self.group[1] / rows
    }

    fn alone(&self, formula: Formula) -> u64 {
        if self.role == Role::Single { formula.alone } else { 0 }
    }

    /// The last value that came in has yet to be used.
    fn last_value(&self, device: &Device, formula: Formula) -> u64 {
        let receives_last = !self.role.has_bias() && !formula.receives_first;
        let ends_chain = self.role.has_output() && receives_last;
        if ends_chain { device.latency.cascade_read } else { 0 }
    }

    /// Values that a block sends or takes in cascades.
    fn values(&self, device: &Device) -> u64 {
        let MmulShape { m, n, accumulator_bits, .. } = *self.shape;
        match self.role {
            Role::Single => 0,
            _ => u64::from((m * n * accumulator_bits).div_ceil(device.cascade_bits)),
        }
    }

    /// Cycles of a group until its first cascade transfer.
    fn group_time(
        &self,
        rows: usize,
        columns: usize,
        kb: usize,
        device: &Device,
        formula: Formula,
    ) -> u64 {
        let latency = &device.latency;
        let (rows, columns, kb) = (rows as u64, columns as u64, kb as u64);
        let steps = self.steps([rows, columns, kb], device);
        // The vector unit is free while loads go on.
        let products = rows * columns * u64::from(self.shape.cycles);
        let vector = kb * products + rows * columns * self.rest;
        let group = steps.max(vector) + formula.overhead;
        let group = if formula.overlaps { group } else { group.max(latency.pipeline) };
        // Transfers have bundles of their own in what a group takes after its last
        // step, as stores have: the first blocks are sent while the last is summed up.
        let transfers = rows * columns * self.values(device);
        (group - transfers.min(formula.overhead)).max(steps)
    }

    /// Cycles of the steps of a group of so many rows and columns of blocks, and blocks of inputs.
    fn steps(&self, [rows, columns, kb]: [u64; 3], device: &Device) -> u64 {
        let MmulShape { types, m, k, n, accumulator_bits, cycles, .. } = *self.shape;
        let timing = &device.timing;
        let loads = |elements: u32, bits: u32| {
            u64::from((elements * bits).div_ceil(8).div_ceil(timing.load_bytes))
        };
        let (a, w) = (rows * loads(m * k, types.0), columns * loads(k * n, types.1));
        let products = rows * columns * u64::from(cycles);
        // Sums of a block in registers of 1024 bits, which its products take in turn.
        let registers = u64::from((m * n * accumulator_bits).div_ceil(1024));
        let dependence = (2 * u64::from(cycles)).div_ceil(registers);
        let both = if self.conflict { a + w } else { (a + w).div_ceil(u64::from(timing.loads)) };
        kb * products.max(a).max(w).max(both).max(dependence)
    }

    /// A group of `blocks` that takes `group` cycles beside its transfers, of which its steps take
    /// `steps`: all values come in, and then all go out, if any do.
    fn receive_first(
        &self,
        blocks: usize,
        group: u64,
        steps: u64,
        device: &Device,
        clock: &mut Cut,
    ) {
        let transfers = blocks as u64 * self.values(device);
        (0..transfers).for_each(|_| clock.transfer(Transfer::Get));
        if self.role.has_output() {
            clock.since += group;
            return;
        }
        // A sum is read, and 2 cycles after its factors the first product reads it; the last product
        // has its sum in the end. Those of other blocks lie between in each step, but not after the
        // last of the first block.
        let read = device.latency.cascade_read - ADDITION - SUM_AFTER_FACTORS;
        let others = (blocks as u64).saturating_sub(1) * u64::from(self.shape.cycles);
        let passes = (read + steps + PRODUCT_LATENCY).saturating_sub(others + 1);
        let first = passes.clamp(transfers, transfers.max(group));
        clock.since = first + 1 - transfers;
        (0..transfers).for_each(|_| clock.transfer(Transfer::Put));
        clock.since += group - first.min(group);
    }

    /// A block's values come in and go out.
    fn transfer(&self, device: &Device, clock: &mut Cut) {
        let values = self.values(device);
        let (gets, puts) = (!self.role.has_bias(), !self.role.has_output());
        if gets {
            (0..values).for_each(|_| clock.transfer(Transfer::Get));
        }
        match (gets, puts) {
            // A value leaves in the bundle in which another comes in.
            (true, true) => (0..values).for_each(|_| clock.time.before.push((0, Transfer::Put))),
            (false, true) => (0..values).for_each(|_| clock.transfer(Transfer::Put)),
            _ => {}
        }
    }
}

/// Cycles of a product of whole numbers, of the addition that `cascade_read` has, and from a
/// product's factors to where it reads the sum that it adds to (Peano: 5, 2, and E3).
const PRODUCT_LATENCY: u64 = 5;
const ADDITION: u64 = 2;
const SUM_AFTER_FACTORS: u64 = 2;

/// Schedules of a body, as far as they tell the time.
struct Times {
    interval: u64,
    length: u64,
    /// Cycles of a step that is not unrolled.
    step: u64,
    /// Transfers of a group, since its begin.
    transfers: Vec<(u64, Transfer)>,
}

/// A loop over groups, with its schedule.
struct Loop {
    times: Arc<Times>,
    count: u64,
    /// Cycles of a group in steps that are not unrolled.
    further: u64,
}

/// What schedules depend on beside the group.
type Machine = (Generation, u32, u32);

/// What was scheduled before, by what it depends on.
type Known<K, V> = LazyLock<Mutex<HashMap<(K, Machine), V>>>;

/// The planner asks for the same few bodies very often: overlapping groups, and one by itself.
static SCHEDULES: Known<Group, [Arc<Times>; 2]> = LazyLock::new(Mutex::default);

impl Loop {
    fn new(group: Group, steps: usize, count: u64, device: &Device) -> Loop {
        let timing = &device.timing;
        let key = (group, (device.generation, timing.load_bytes, timing.store_bytes));
        let known = SCHEDULES.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let [overlapping, alone] = known.unwrap_or_else(|| {
            let times = Times::of(&group, device).map(Arc::new);
            let mut schedules = SCHEDULES.lock().unwrap_or_else(PoisonError::into_inner);
            schedules.insert(key, times.clone());
            times
        });
        let of = |times: Arc<Times>| {
            let further = (steps - group.steps) as u64 * times.step;
            Loop { times, count, further }
        };
        let [overlapping, alone] = [overlapping, alone].map(of);
        if alone.total() <= overlapping.total() { alone } else { overlapping }
    }

    fn interval(&self) -> u64 {
        self.times.interval + self.further
    }

    fn total(&self) -> u64 {
        self.times.length + self.further + (self.count - 1) * self.interval()
    }
}

impl Times {
    /// Of groups that overlap, and of one by itself.
    fn of(group: &Group, device: &Device) -> [Times; 2] {
        let registers = Registers::of(device);
        let body = group.body(device);
        // Scalar code for each result, in calls.
        let lanes = u64::from(group.shape.m * group.shape.n) * (group.rows * group.columns) as u64;
        let exact = u64::from(group.work.exact) * lanes;
        let step = group.step(device).modulo(registers);
        // What keeps more values than there are registers would wait for each of them. A test
        // holds that none of our loops does.
        let one_by_one = |schedule: Result<Schedule, TooManyValues>| {
            schedule.unwrap_or_else(|_| Schedule::one_by_one(&body))
        };
        // Loops that multiply results are long, and what finds such schedules for them is not
        // counted on: their groups follow each other.
        let alone = one_by_one(body.straight(registers));
        let overlapping = match group.work.scales() {
            true => alone.clone(),
            false => one_by_one(body.modulo(registers)),
        };
        [overlapping, alone].map(|schedule| {
            let mut transfers: Vec<(u64, Transfer)> = Vec::new();
            for (op, &at) in body.ops.iter().zip(&schedule.times) {
                match op.operation {
                    Operation::Receive => transfers.push((at, Transfer::Get)),
                    // A value leaves as soon as it has been added to, which the simulator counts.
                    Operation::Send if !group.role.has_bias() => {
                        let at = transfers.last().map_or(at, |&(at, _)| at);
                        transfers.push((at, Transfer::Put));
                    }
                    Operation::Send => transfers.push((at, Transfer::Put)),
                    _ => {}
                }
            }
            Times {
                interval: schedule.interval + exact,
                length: schedule.length + exact,
                step: step.as_ref().map_or(0, |step| step.interval),
                transfers,
            }
        })
    }
}

/// The time so far, and the cycles since the last transfer.
struct Cut {
    time: KernelTime,
    since: u64,
}

impl Cut {
    /// One cascade transfer, in a cycle of its own.
    fn transfer(&mut self, transfer: Transfer) {
        self.time.before.push((std::mem::replace(&mut self.since, 1), transfer));
    }
}

/// The sizes of the groups that `blocks` are taken in.
fn groups(blocks: usize, most: usize, formula: Formula) -> Vec<usize> {
    let mut sizes = Vec::new();
    let (mut left, mut size) = (blocks, most.max(1));
    while left > 0 {
        if left >= size || formula.whole_groups {
            sizes.push(size);
            left = left.saturating_sub(size);
        } else {
            size /= 2;
        }
    }
    sizes
}

/// Different sizes of groups, with how many there are of each; `sizes` are in order.
fn counted(sizes: &[usize]) -> Vec<(usize, u64)> {
    sizes.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect()
}

/// Schedules of loops over vectors, likewise.
static ADDITIONS: Known<Addition, Schedule> = LazyLock::new(Mutex::default);

/// Cycles of an elementwise kernel on `elements`: by the schedule of its loop over vectors. Where
/// operands are multiplied, 16 at a time, an estimate: four for loads, sum and store of each vector,
/// and two products of 16 by 32 bits, of two operations each, with their shuffles.
pub fn elementwise(
    elements: usize,
    input_bits: u32,
    multiplies: bool,
    output_bits: u32,
    stages: &[Clamp],
    device: &Device,
) -> u64 {
    if multiplies {
        let vectors = elements.div_ceil(device.timing.store_bytes as usize) as u64;
        let products = 8 * elements.div_ceil(LANES) as u64;
        return device.latency.call
            + 4 * vectors
            + products
            + rest(elements, output_bits, stages, device);
    }
    let lanes: u32 = if elements.is_multiple_of(32) { 32 } else { 16 };
    let vectors = elements.div_ceil(lanes as usize) as u64;
    // Sums lie as those of a block do.
    let block = MmulShape {
        types: (input_bits, input_bits),
        m: lanes / 8,
        k: 8,
        n: 8,
        accumulator_bits: 32,
        cycles: 1,
        direct: true,
    };
    let work = work(&block, output_bits, stages);
    let addition = Addition { lanes, input_bits, output_bits, work };
    let timing = &device.timing;
    let key = (addition, (device.generation, timing.load_bytes, timing.store_bytes));
    let mut schedules = ADDITIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let schedule = schedules.entry(key).or_insert_with(|| {
        let (body, registers) = (addition.body(device), Registers::of(device));
        let found = match work.scales() {
            true => body.straight(registers),
            false => body.modulo(registers),
        };
        found.unwrap_or_else(|_| Schedule::one_by_one(&body))
    });
    let exact = u64::from(work.exact) * elements as u64;
    device.latency.call + schedule.total(vectors) + exact
}

/// Cycles of the kernel of an operator that reads whole rows.
pub fn operator(node: &Node, share: &Share, stages: &[Clamp], device: &Device) -> u64 {
    let stages = if node.operator.has_sums() { stages } else { &[] };
    let rest = rest(operator::LANES, node.output.number.bits, stages, device);
    device.latency.call + node.operator.cycles(node, share, rest)
}

/// Lanes of a vector of 64-bit sums.
const LANES: usize = 16;

/// Operations for a product of 16 lanes of 32 by 32 bits: four products of halves, two shuffles for
/// the halves of each operand.
const PRODUCT: u64 = 8;

/// Operations for an addend of 64 bits: widen two vectors, add them up.
const ADDEND: u64 = 3;

/// Operations to take a sum in two parts: shift out the upper one, subtract it, shift up its
/// multiplier.
const PARTS: u64 = 6;

/// Operations to cut sums at bit 16 beside that: shift the product, subtract it, limit the rest to
/// one bit, add three times.
const STICKY: u64 = 8;

/// Cycles of a stage on one element in scalar code: four products of 32 bits with 64-bit results,
/// which are calls, the sum, shift and rounding of four words, and the limits. An estimate.
const EXACT: u64 = 150;

/// The time of a call of `kernel`; `conflict` is whether its first two arguments
/// share a bank.
///
/// A kernel that this compiler did not make counts as one that loads all its
/// arguments once, which is as much as its declaration tells.
pub fn kernel_time(
    kernel: &Kernel,
    conflict: bool,
    device: &Device,
    version: KernelVersion,
) -> KernelTime {
    if let Some(after) = kernel.cycles {
        return KernelTime { before: Vec::new(), after };
    }
    match Signature::of(&kernel.name) {
        Some(Signature::Dense {
            role,
            microtile,
            rows,
            k,
            n,
            input,
            weight,
            accumulator,
            output,
            stages,
        }) => {
            let fits = |shape: &&MmulShape| {
                (shape.m as usize, shape.k as usize, shape.n as usize)
                    == (microtile.m, microtile.k, microtile.n)
                    && shape.accumulator_bits == accumulator
            };
            if let Some(shape) = device.mmul_shapes(input.bits, weight.bits).find(fits) {
                let output_bits = output.map_or(0, |output| output.bits);
                let dense = Dense {
                    role,
                    shape,
                    blocks: [rows / microtile.m, k / microtile.k, n / microtile.n],
                    group: Dense::GROUP,
                    output_bits,
                    work: work(shape, output_bits, &stages),
                    rest: rest(microtile.m * microtile.n, output_bits, &stages, device),
                    conflict,
                };
                return dense.time(device, version);
            }
        }
        Some(Signature::Add { rows, n, input, multiplies, output, stages }) => {
            let after = elementwise(rows * n, input.bits, multiplies, output.bits, &stages, device);
            return KernelTime { before: Vec::new(), after };
        }
        None => {}
    }
    let bytes: usize = kernel.arguments.iter().map(argument_bytes).sum();
    let after = device.latency.call + (bytes as u64).div_ceil(u64::from(device.timing.load_bytes));
    KernelTime { before: Vec::new(), after }
}

fn argument_bytes(argument: &Type) -> usize {
    match argument {
        Type::MemRef(shape, element) => shape.iter().product::<usize>() * element.bytes(),
        Type::Vector(count, element) => count * element.bytes(),
        Type::Scalar(_) | Type::Index | Type::I1 => 0,
    }
}

/// What `stages` do with blocks of `shape` in our kernel, as `requant.h` has it: its ways are in
/// `kernels/README.md`. The stages of a role without output are none.
pub fn work(shape: &MmulShape, bits: u32, stages: &[Clamp]) -> Work {
    let lanes = shape.m * shape.n;
    let mut work = Work::default();
    for stage in stages {
        work.words += stage.words as u32;
        let multiplies = u32::from(stage.multiplies);
        // A product of 32 by 32 bits is four of halves, for which two operands are shuffled twice;
        // an addend is widened twice and added.
        let products = match stage.way {
            Way::Shift => 0,
            Way::Products => multiplies,
            Way::Parts | Way::Sticky => 2 * multiplies,
            Way::Exact => {
                work.exact += EXACT as u32;
                0
            }
        };
        let sums = match stage.way {
            Way::Shift | Way::Exact => 0,
            Way::Products | Way::Parts => u32::from(stage.adds),
            Way::Sticky => 2 * u32::from(stage.adds),
        };
        work.products += 4 * products;
        work.moves += 4 * products + 2 * sums;
        work.sums += sums;
        // Of a sum in two parts: the upper one is shifted out, subtracted, and its multiplier
        // shifted up; of one that is cut, the product is as well, and the rest limited and added.
        let (rounds, moves, sums) = match stage.way {
            Way::Parts => (2, 2, 2),
            Way::Sticky => (3, 5, 6),
            _ => (0, 0, 0),
        };
        work.rounds += rounds;
        work.moves += moves;
        work.sums += sums;
    }
    let most = if shape.accumulator_bits == 32 { 31 } else { 59 };
    match stages {
        [] => {}
        [stage]
            if bits < 32
                && stage.stores
                && match stage.way {
                    Way::Shift => stage.shift <= most && lanes * bits >= 128,
                    Way::Exact => false,
                    _ => lanes >= 16,
                } =>
        {
            work.widens = stage.way != Way::Shift || shape.accumulator_bits == 64;
            // What a 64-bit sum becomes has at least 16 bits; 8 are packed after.
            work.limits = limits(stage, if work.widens { bits.max(16) } else { bits });
        }
        // Through 64-bit sums, 16 lanes at a time: widen, shift, narrow, add, clamp twice, and
        // their moves.
        stages => {
            let stages = stages.len() as u32;
            work.moves += 8 * stages;
            work.rounds += 3 * stages;
            work.sums += stages;
            work.by_lanes = true;
        }
    }
    work
}

/// Operations that keep a vector of elements of so many bits within a stage's limits.
fn limits(stage: &Clamp, bits: u32) -> u32 {
    let container = |bits: i64| {
        let top = 1i64 << (bits - i64::from(stage.signed)).clamp(0, 62);
        let least = match (stage.signed, stage.symmetric) {
            (false, _) => 0,
            (true, true) => 1 - top,
            (true, false) => -top,
        };
        (least, top - 1)
    };
    let declared = container(stage.width);
    let (min, max) = (stage.min.max(declared.0), stage.max.min(declared.1));
    let held = if stage.wraps { declared } else { container(bits.into()) };
    let wrap = match (stage.wraps && stage.width < i64::from(bits), stage.signed) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => 3,
    };
    wrap + u32::from(min > held.0) + u32::from(max < held.1)
}

/// Vector operations that `stages` need on `elements` results beside the store,
/// which shifts, rounds and saturates by itself. One clamp is part of a
/// version's overhead.
pub fn rest(elements: usize, bits: u32, stages: &[Clamp], device: &Device) -> u64 {
    let vectors = |lanes: usize| elements.div_ceil(lanes.max(1)) as u64;
    let scaling = |stage: &Clamp| {
        let added = if stage.adds { ADDEND } else { 0 };
        let multiplied = if stage.multiplies { PRODUCT } else { 0 };
        match stage.way {
            Way::Shift => 0,
            Way::Products => (multiplied + added) * vectors(LANES),
            Way::Parts => (2 * multiplied + added + PARTS) * vectors(LANES),
            Way::Sticky => (2 * multiplied + 2 * added + PARTS + STICKY) * vectors(LANES),
            Way::Exact => EXACT * elements as u64,
        }
    };
    let scalings: u64 = stages.iter().map(scaling).sum();
    match stages {
        [] => 0,
        [stage] if stage.stores && stage.way != Way::Exact => {
            let lowest = [0, -(1 << (bits - 1))].contains(&stage.min);
            let highest = [(1 << bits) - 1, (1 << (bits - 1)) - 1].contains(&stage.max);
            let clamps = u64::from(!lowest) + u64::from(!highest);
            let wraps = if stage.width < i64::from(bits) { 3 } else { 0 };
            let lanes = device.timing.store_bytes as usize * 8 / bits.max(1) as usize;
            scalings + (clamps + wraps) * vectors(lanes)
        }
        // Through 64-bit sums, 16 lanes at a time: widen, shift, narrow, add,
        // clamp twice, and their moves.
        _ => scalings + stages.len() as u64 * 12 * vectors(LANES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limits_are_those_that_the_container_does_not_have() {
        let stage = Clamp { width: 8, signed: true, min: -128, max: 127, ..Clamp::default() };
        assert_eq!(limits(&stage, 8), 0);
        assert_eq!(limits(&Clamp { min: 0, ..stage }, 8), 1);
        assert_eq!(limits(&Clamp { min: 0, max: 100, ..stage }, 8), 2);
        assert_eq!(limits(&Clamp { min: 0, max: 255, signed: false, ..stage }, 8), 0);
        assert_eq!(limits(&Clamp { symmetric: true, ..stage }, 8), 0);
        assert_eq!(limits(&Clamp { width: 6, ..stage }, 8), 2);
        assert_eq!(limits(&Clamp { width: 6, wraps: true, ..stage }, 8), 3);
        assert_eq!(limits(&stage, 16), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn cycles_are_the_total_of_the_time(
            blocks in [1usize..9, 1usize..20, 1usize..14],
            role in prop::sample::select(vec![Role::Single, Role::First, Role::Middle, Role::Last]),
            version in prop::sample::select(KernelVersion::ALL.to_vec()),
            (index, rest, conflict) in (0usize..9, 0u64..20, any::<bool>()),
            receives_first in any::<bool>(),
        ) {
            let formula = version.formula.map(|formula| Formula { receives_first, ..formula });
            let version = KernelVersion { formula, ..version };
            let device = Device::by_name("xcve2802").unwrap();
            let shapes: Vec<_> = device.mmul_shapes(8, 8).chain(device.mmul_shapes(16, 16)).collect();
            let shape = shapes[index % shapes.len()];
            let work = Work { limits: rest as u32 % 3, ..Work::default() };
            let group = [2, 2];
            let dense = Dense { role, shape, blocks, group, output_bits: 8, work, rest, conflict };
            prop_assert_eq!(dense.cycles(&device, version), dense.time(&device, version).total());
        }
    }
}
