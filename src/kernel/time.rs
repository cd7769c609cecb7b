//! How long a kernel takes, from the issue slots of a core.
//!
//! A core issues one vector operation, two loads and one store in a cycle, and
//! stalls a cycle when both loads go to one bank. A dense kernel works on groups
//! of up to 2x2 blocks of its result, as `kernels/README.md` explains; a group
//! takes
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
//!   of a kernel is written and compiled ([`KernelVersion`]);
//! * *pipeline*: the time of one operand through all units, which a group with
//!   few steps does not fill.

use super::{Clamp, Role, Signature, Way};
use crate::{
    array::{Kernel, Type},
    device::{Device, MmulShape},
    operator::{self, Node, Share},
};

/// What distinguishes versions of a dense kernel in time: nothing else does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KernelVersion {
    pub name: &'static str,
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

impl KernelVersion {
    /// AIE4ML 0.1: from 697 cycles for 8x128x128 with a ReLU and 609 for 8x256x64 without one, both
    /// of kernels that are alone. Its ReLU is an operation for each of the four blocks of a group
    /// (`dense_bias_relu.cpp`), so a group of the second takes 4 less, and with twice as many
    /// groups in the first that leaves 14 for each, and 41 for a call.
    pub const AIE4ML_0_1: KernelVersion = KernelVersion {
        name: "aie4ml-0.1",
        overhead: 14 + 4,
        alone: 27,
        whole_groups: true,
        ..Self::OWN
    };
    /// The same without a ReLU.
    pub const AIE4ML_0_1_LINEAR: KernelVersion = KernelVersion { overhead: 14, ..Self::AIE4ML_0_1 };
    /// AIE4ML 0.2.1: 3 cycles, from 1122 cycles for 64x64x64.
    pub const AIE4ML_0_2: KernelVersion =
        KernelVersion { name: "aie4ml-0.2", overhead: 3, whole_groups: true, ..Self::OWN };
    /// AMD's tutorial: 17 cycles for 16 products, from the listing of its loop.
    pub const AMD: KernelVersion =
        KernelVersion { name: "amd", overhead: 1, overlaps: true, ..Self::OWN };
    /// The kernels of this project, see `docs/simulator.md`.
    pub const OWN: KernelVersion = KernelVersion {
        name: "own",
        overhead: 22,
        alone: 0,
        whole_groups: false,
        overlaps: false,
        receives_first: false,
    };

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
    /// Most rows and columns of blocks in a group.
    pub group: [usize; 2],
    /// Vector operations on the results of one block that no store does.
    pub rest: u64,
    /// Whether inputs and weights share a bank.
    pub conflict: bool,
}

impl Dense<'_> {
    /// Groups of the kernels of this project.
    pub const GROUP: [usize; 2] = [2, 2];

    /// The time of one call.
    pub fn time(&self, device: &Device, version: KernelVersion) -> KernelTime {
        let latency = &device.latency;
        let [mb, kb, nb] = self.blocks;
        let since = latency.call + self.alone(version);
        let mut clock = Cut { time: KernelTime::default(), since };
        for rows in groups(mb, self.group[0], version) {
            for columns in groups(nb, self.columns(rows), version) {
                let group = self.group_time(rows, columns, kb, device, version);
                if version.receives_first && !self.role.has_bias() {
                    let steps = self.steps([rows, columns, kb].map(|count| count as u64), device);
                    self.receive_first(rows * columns, group, steps, device, &mut clock);
                    continue;
                }
                clock.since += group;
                (0..rows * columns).for_each(|_| self.transfer(device, &mut clock));
            }
        }
        clock.time.after = clock.since + self.last_value(device, version);
        clock.time
    }

    /// The total of [`time`](Self::time), without the way there.
    pub fn cycles(&self, device: &Device, version: KernelVersion) -> u64 {
        let [mb, kb, nb] = self.blocks;
        let mut cycles =
            device.latency.call + self.alone(version) + self.last_value(device, version);
        for (rows, times) in counted(&groups(mb, self.group[0], version)) {
            for (columns, each) in counted(&groups(nb, self.columns(rows), version)) {
                let group = self.group_time(rows, columns, kb, device, version);
                cycles += times * each * (group + (rows * columns) as u64 * self.values(device));
            }
        }
        cycles
    }

    /// Most columns of blocks in a group of so many rows: without a second row, more columns
    /// make up for it.
    fn columns(&self, rows: usize) -> usize {
        self.group[0] * self.group[1] / rows
    }

    fn alone(&self, version: KernelVersion) -> u64 {
        if self.role == Role::Single { version.alone } else { 0 }
    }

    /// The last value that came in has yet to be used.
    fn last_value(&self, device: &Device, version: KernelVersion) -> u64 {
        let receives_last = !self.role.has_bias() && !version.receives_first;
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
        version: KernelVersion,
    ) -> u64 {
        let latency = &device.latency;
        let (rows, columns, kb) = (rows as u64, columns as u64, kb as u64);
        let steps = self.steps([rows, columns, kb], device);
        // The vector unit is free while loads go on.
        let products = rows * columns * u64::from(self.shape.cycles);
        let vector = kb * products + rows * columns * self.rest;
        let group = steps.max(vector) + version.overhead;
        let group = if version.overlaps { group } else { group.max(latency.pipeline) };
        // Transfers have bundles of their own in what a group takes after its last
        // step, as stores have: the first blocks are sent while the last is summed up.
        let transfers = rows * columns * self.values(device);
        (group - transfers.min(version.overhead)).max(steps)
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
fn groups(blocks: usize, most: usize, version: KernelVersion) -> Vec<usize> {
    let mut sizes = Vec::new();
    let (mut left, mut size) = (blocks, most.max(1));
    while left > 0 {
        if left >= size || version.whole_groups {
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

/// Cycles of an elementwise kernel on `elements`: two loads, two additions or shifts and a store
/// per vector, and the loop is not deep enough to hide their latency. Where operands are multiplied,
/// 16 at a time: two products of 16 by 32 bits, of two operations each, and their shuffles.
pub fn elementwise(
    elements: usize,
    multiplies: bool,
    output_bits: u32,
    stages: &[Clamp],
    device: &Device,
) -> u64 {
    let vectors = elements.div_ceil(device.timing.store_bytes as usize) as u64;
    let products = if multiplies { 8 * elements.div_ceil(LANES) as u64 } else { 0 };
    device.latency.call + 4 * vectors + products + rest(elements, output_bits, stages, device)
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
                    rest: rest(microtile.m * microtile.n, output_bits, &stages, device),
                    conflict,
                };
                return dense.time(device, version);
            }
        }
        Some(Signature::Add { rows, n, multiplies, output, stages, .. }) => {
            let after = elementwise(rows * n, multiplies, output.bits, &stages, device);
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
            let version = KernelVersion { receives_first, ..version };
            let device = Device::by_name("xcve2802").unwrap();
            let shapes: Vec<_> = device.mmul_shapes(8, 8).chain(device.mmul_shapes(16, 16)).collect();
            let shape = shapes[index % shapes.len()];
            let dense = Dense { role, shape, blocks, group: [2, 2], rest, conflict };
            prop_assert_eq!(dense.cycles(&device, version), dense.time(&device, version).total());
        }
    }
}
