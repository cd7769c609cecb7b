//! The loops of our kernels, operation by operation: above all that of the dense kernel, as
//! `kernels/aie4ml/dense.h` has it.
//!
//! An iteration computes a group of blocks of the result: it begins their sums with the bias or
//! with its first products, forms the products of all steps along K, and requantizes or sends
//! them. Loads and stores move their pointers on by themselves; from group to group they are
//! moved by one operation each.
//!
//! Of more than [`UNROLLED`] steps the kernel has half of those before and half after a loop over
//! the others, which takes as long as that many further steps do ([`Group::step`]).

use super::schedule::{Body, Class, Name, Op, Read};
use crate::{
    device::{Device, MmulShape, Operation, Registers},
    plan::cost::Role,
};

/// Steps along K that are unrolled in the loop over groups, `unrolled` of `dense.h`.
pub const UNROLLED: usize = 8;

/// Lanes that are scaled at a time.
pub const LANES: usize = 16;

/// Banks of operands, which the planner keeps apart.
const INPUT: u8 = 0;
const WEIGHTS: u8 = 1;
const OUTPUT: u8 = 2;
const PARAMETERS: u8 = 3;

/// What requantizations need beside the store's own shift, rounding and saturation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Work {
    /// Operations on 16 lanes, one after the other.
    pub moves: u32,
    pub products: u32,
    pub sums: u32,
    pub rounds: u32,
    /// Operations on a vector that is stored: limits, and wrapping to a width.
    pub limits: u32,
    /// Words of the parameters that each channel has of it.
    pub words: u32,
    /// Whether 16 lanes at a time are stored, rather than whole vectors.
    pub by_lanes: bool,
    /// Whether lanes pass through 64-bit accumulators.
    pub widens: bool,
    /// Cycles of scalar code for each lane, in which no loop overlaps.
    pub exact: u32,
}

impl Work {
    /// Whether it does more than limit what the store unit rounds.
    pub fn scales(&self) -> bool {
        self.moves + self.products + self.sums + self.rounds + self.exact > 0
    }
}

/// A loop over groups of so many rows and columns of blocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Group {
    pub shape: MmulShape,
    pub rows: usize,
    pub columns: usize,
    /// Steps along K, at most [`UNROLLED`].
    pub steps: usize,
    pub role: Role,
    /// Whether groups are in several rows and columns, so that pointers turn back.
    pub wraps: bool,
    /// Bits of an element of the output.
    pub output_bits: u32,
    pub work: Work,
    /// Whether inputs and weights share a bank.
    pub conflict: bool,
}

/// A pointer and what is accessed by it, in order.
#[derive(Default)]
struct Pointer {
    first: Option<usize>,
    last: Option<usize>,
}

struct Builder {
    body: Body,
    load_bytes: u32,
    store_bytes: u32,
    registers: Registers,
}

impl Builder {
    fn op(&mut self, operation: Operation, name: Name, reads: &[usize]) -> usize {
        let reads = reads.iter().map(|&of| Read { of, distance: 0, sums: false }).collect();
        let result = match operation {
            Operation::Move | Operation::Round => Some((Class::Vector, 1)),
            Operation::Receive => Some((Class::Accumulator, 1)),
            _ => None,
        };
        self.body.push(Op { operation, name, reads, after: Vec::new(), bank: None, result })
    }

    /// A vector operation that adds to `sums`, if there are any.
    fn vector(
        &mut self,
        (operation, name): (Operation, Name),
        sums: Option<(usize, i64)>,
        reads: &[usize],
        halves: u32,
    ) -> usize {
        let op = self.op(operation, name, reads);
        let reads = &mut self.body.ops[op].reads;
        reads.extend(sums.map(|(of, distance)| Read { of, distance, sums: true }));
        self.body.ops[op].result = Some((Class::Accumulator, halves));
        op
    }

    /// An access to memory by a pointer, after the one before it.
    fn access(&mut self, op: usize, bank: u8, pointer: &mut Pointer) -> usize {
        self.body.ops[op].bank = Some(bank);
        self.body.ops[op].after.extend(pointer.last.map(|last| (last, 0)));
        pointer.first.get_or_insert(op);
        pointer.last = Some(op);
        op
    }

    /// Loads of one operand, whose registers products read as a whole.
    fn loads(&mut self, name: Name, bytes: u32, bank: u8, pointer: &mut Pointer) -> Vec<usize> {
        let count = bytes.div_ceil(self.load_bytes).max(1);
        // A vector register is two halves; a product reads it even if only one is loaded.
        let halves = (8 * self.load_bytes / self.registers.vector_bits).max(1);
        let halves = if count == 1 { halves.max(2) } else { halves };
        (0..count)
            .map(|_| {
                let op = self.op(Operation::Load, name, &[]);
                self.body.ops[op].result = Some((Class::Vector, halves));
                self.access(op, bank, pointer)
            })
            .collect()
    }

    /// The pointer moves on to the next group, by a number that was chosen.
    fn advance(&mut self, name: Name, by: Option<usize>, pointer: Pointer) {
        let (Some(first), Some(last)) = (pointer.first, pointer.last) else { return };
        let op = self.op(Operation::Advance, name, by.as_slice());
        self.body.ops[op].after.push((last, 0));
        self.body.ops[first].after.push((op, 1));
    }

    /// Cascade transfers keep their order.
    fn transfer(&mut self, op: usize, order: &mut Pointer) -> usize {
        self.body.ops[op].after.extend(order.last.map(|last| (last, 0)));
        order.first.get_or_insert(op);
        order.last = Some(op);
        op
    }

    fn close(&mut self, order: Pointer) {
        if let (Some(first), Some(last)) = (order.first, order.last) {
            self.body.ops[first].after.push((last, 1));
        }
    }
}

/// How the blocks of a shape lie in registers.
struct Layout {
    /// Accumulators of a block, and halves of each.
    pieces: usize,
    halves: u32,
    input_bytes: u32,
    weight_bytes: u32,
    /// Moves and shuffles before a block of inputs can be multiplied.
    moves: usize,
}

impl Layout {
    fn of(shape: &MmulShape, registers: Registers) -> Layout {
        let MmulShape { types, m, k, n, accumulator_bits, cycles, direct } = *shape;
        let halves = (m * n * accumulator_bits).div_ceil(registers.accumulator_bits);
        let pieces = halves.div_ceil(2).clamp(1, cycles.max(1));
        // Rows beyond those of one product are moved to where the next one reads them; inputs of
        // several products are shuffled for each of them.
        let moves = match (direct, m > 4) {
            (true, _) => 0,
            (false, true) => cycles - 1,
            (false, false) => cycles,
        };
        Layout {
            pieces: pieces as usize,
            halves: halves.div_ceil(pieces),
            input_bytes: (m * k * types.0).div_ceil(8),
            weight_bytes: (k * n * types.1).div_ceil(8),
            moves: moves as usize,
        }
    }
}

impl Group {
    fn builder(&self, device: &Device) -> Builder {
        Builder {
            body: Body::default(),
            load_bytes: device.timing.load_bytes,
            store_bytes: device.timing.store_bytes,
            registers: Registers::of(device),
        }
    }

    /// The products of one step. `sums` are those of each block's pieces, row by row; where there
    /// are none yet, products begin them.
    fn products(
        &self,
        builder: &mut Builder,
        step: usize,
        [inputs, weights]: &mut [Pointer; 2],
        sums: &mut [Vec<Option<(usize, i64)>>],
    ) {
        let layout = Layout::of(&self.shape, builder.registers);
        let input = if self.conflict { WEIGHTS } else { INPUT };
        let mut rows = Vec::new();
        for i in 0..self.rows {
            let loaded = builder.loads(("a", i, step), layout.input_bytes, input, inputs);
            let moved: Vec<usize> = (0..layout.moves)
                .map(|_| {
                    let op = builder.op(Operation::Move, ("a", i, step), &loaded);
                    builder.body.ops[op].result = Some((Class::Vector, 2));
                    op
                })
                .collect();
            rows.push((loaded, moved));
        }
        let mut columns = Vec::new();
        for j in 0..self.columns {
            columns.push(builder.loads(("w", j, step), layout.weight_bytes, WEIGHTS, weights));
        }
        let cycles = self.shape.cycles.max(1) as usize;
        // Column by column, so that weights, the scarcest loads, are needed one after the other.
        for (j, weights) in columns.iter().enumerate() {
            for (i, (loaded, moved)) in rows.iter().enumerate() {
                for product in 0..cycles {
                    // The last ones read what was moved.
                    let left = match (product + moved.len()).checked_sub(cycles) {
                        Some(at) => &moved[at..=at],
                        None => loaded,
                    };
                    let operands = [left, weights].concat();
                    let piece = product * layout.pieces / cycles;
                    let sum = &mut sums[i * self.columns + j][piece];
                    let kind = (Operation::Product, ("c", i * self.columns + j, step));
                    let op = builder.vector(kind, *sum, &operands, layout.halves);
                    *sum = Some((op, 0));
                }
            }
        }
    }

    /// One step of the loop over K by itself, which adds to the sums of the step before.
    pub fn step(&self, device: &Device) -> Body {
        let mut builder = self.builder(device);
        let layout = Layout::of(&self.shape, builder.registers);
        let mut pointers = [Pointer::default(), Pointer::default()];
        let mut sums = vec![vec![None; layout.pieces]; self.rows * self.columns];
        self.products(&mut builder, 0, &mut pointers, &mut sums);
        // The first product of each sum adds to the last one of the step before.
        let mut begun = vec![false; builder.body.ops.len()];
        let last: Vec<usize> = sums.concat().into_iter().flatten().map(|(op, _)| op).collect();
        for &end in &last {
            let mut first = end;
            while let Some(read) = builder.body.ops[first].reads.iter().find(|read| read.sums) {
                first = read.of;
            }
            if !std::mem::replace(&mut begun[first], true) {
                let read = Read { of: end, distance: 1, sums: true };
                builder.body.ops[first].reads.push(read);
            }
        }
        for pointer in pointers {
            builder.close(pointer);
        }
        builder.body
    }

    /// The loop over groups.
    pub fn body(&self, device: &Device) -> Body {
        let mut builder = self.builder(device);
        let layout = Layout::of(&self.shape, builder.registers);
        let (rows, columns) = (self.rows, self.columns);
        let mut pointers = [Pointer::default(), Pointer::default()];
        let mut parameters = Pointer::default();
        let mut sums = vec![vec![None; layout.pieces]; rows * columns];
        if self.role.has_bias() {
            for j in 0..columns {
                let bytes = self.shape.n * 32 / 8;
                let loaded = builder.loads(("bias", j, 0), bytes, PARAMETERS, &mut parameters);
                // In both halves of a vector, then in both of an accumulator.
                let row = builder.op(Operation::Move, ("bias", j, 0), &loaded);
                builder.body.ops[row].result = Some((Class::Vector, 2));
                let start: Vec<usize> = (0..layout.halves)
                    .map(|_| {
                        let op = builder.op(Operation::Move, ("bias", j, 0), &[row]);
                        builder.body.ops[op].result = Some((Class::Accumulator, 1));
                        op
                    })
                    .collect();
                for i in 0..rows {
                    sums[i * columns + j].fill(start.last().map(|&op| (op, 0)));
                }
            }
        }
        for step in 0..self.steps {
            self.products(&mut builder, step, &mut pointers, &mut sums);
        }
        let mut output = Pointer::default();
        let mut ends = Vec::new();
        let [mut received, mut sent] = [Pointer::default(), Pointer::default()];
        for (block, sums) in sums.iter().enumerate() {
            let mut sums: Vec<usize> = sums.iter().flatten().map(|&(op, _)| op).collect();
            if !self.role.has_bias() {
                for sum in &mut sums {
                    let taken: Vec<usize> = (0..layout.halves)
                        .map(|_| {
                            let op = builder.op(Operation::Receive, ("cascade", block, 0), &[]);
                            // What may not be there yet is asked for when the sum itself is.
                            builder.body.ops[op].after.push((*sum, 0));
                            builder.transfer(op, &mut received)
                        })
                        .collect();
                    let kind = (Operation::Sum, ("c", block, self.steps));
                    let op = builder.vector(kind, Some((*sum, 0)), &[], layout.halves);
                    let incoming = taken.into_iter().map(|of| Read { of, distance: 0, sums: true });
                    builder.body.ops[op].reads.extend(incoming);
                    *sum = op;
                }
            }
            if self.role.has_output() {
                let begun = builder.body.ops.len();
                let scales = self.scales(&mut builder, block % columns, &mut parameters);
                self.requantize(&mut builder, block, &sums, &scales, &mut output);
                // No more than two blocks are scaled at once, for which registers suffice; one of
                // which each channel has many numbers.
                if self.work.scales() {
                    let at_once = if self.work.words > 2 { 1 } else { 2 };
                    let before = block.checked_sub(at_once).map(|before| ends[before]);
                    for op in &mut builder.body.ops[begun..] {
                        op.after.extend(before.map(|before| (before, 0)));
                    }
                    ends.push(builder.body.ops.len() - 1);
                }
            } else {
                for &sum in &sums {
                    for _ in 0..layout.halves {
                        let op = builder.op(Operation::Send, ("cascade", block, 0), &[sum]);
                        builder.transfer(op, &mut sent);
                    }
                }
            }
        }
        builder.close(received);
        builder.close(sent);
        // Whether this was the last group of its row decides how far pointers move.
        let turn = self.wraps.then(|| {
            let count = builder.op(Operation::Scalar, ("group", 0, 0), &[]);
            let turn = builder.op(Operation::Scalar, ("turn", 0, 0), &[count]);
            let next = builder.op(Operation::Scalar, ("group", 0, 0), &[turn]);
            builder.body.ops[count].reads.push(Read { of: next, distance: 1, sums: false });
            turn
        });
        let [inputs, weights] = pointers;
        for (name, pointer) in [("a", inputs), ("w", weights), ("bias", parameters), ("c", output)]
        {
            let by = turn.filter(|_| pointer.first.is_some()).map(|turn| {
                let chosen = builder.op(Operation::Scalar, (name, 0, 0), &[turn]);
                builder.op(Operation::ScalarMove, (name, 0, 0), &[chosen])
            });
            builder.advance((name, 0, 0), by, pointer);
        }
        builder.body
    }

    /// What scales a column of blocks is loaded where it is needed.
    fn scales(&self, builder: &mut Builder, column: usize, pointer: &mut Pointer) -> Vec<usize> {
        let name = ("scale", column, 0);
        let of_word = |_| {
            let loaded = builder.loads(name, self.shape.n * 32 / 8, PARAMETERS, pointer);
            let op = builder.op(Operation::Move, name, &loaded);
            builder.body.ops[op].result = Some((Class::Vector, 2));
            op
        };
        (0..self.work.words).map(of_word).collect()
    }

    /// The sums of a block become stored elements.
    fn requantize(
        &self,
        builder: &mut Builder,
        block: usize,
        sums: &[usize],
        scales: &[usize],
        pointer: &mut Pointer,
    ) {
        let work = self.work;
        let lanes = (self.shape.m * self.shape.n) as usize;
        let bytes = (lanes as u32 * self.output_bits).div_ceil(8);
        let name = ("c", block, self.steps);
        let stores = bytes.div_ceil(builder.store_bytes).max(1) as usize;
        let of = |part: usize, parts: usize| sums[part * sums.len() / parts.max(1)];
        if !work.scales() {
            if work.limits == 0 {
                for store in 0..stores {
                    let op = builder.op(Operation::RoundedStore, name, &[of(store, stores)]);
                    builder.access(op, OUTPUT, pointer);
                }
                return;
            }
            let rounded: Vec<usize> = (0..stores)
                .map(|store| builder.op(Operation::Round, name, &[of(store, stores)]))
                .collect();
            // Limits take two halves at a time.
            for two in rounded.chunks(2) {
                let limited = self.limit(builder, name, two);
                for _ in two {
                    let op = builder.op(Operation::Store, name, &limited);
                    builder.access(op, OUTPUT, pointer);
                }
            }
            return;
        }
        let units = lanes.div_ceil(LANES);
        let rounded: Vec<usize> = (0..units)
            .map(|unit| {
                let mut value = of(unit, units);
                let mut scaled = None;
                for _ in 0..work.moves {
                    let reads = [&[value][..], scales].concat();
                    value = builder.op(Operation::Move, name, &reads);
                    builder.body.ops[value].result = Some((Class::Vector, 2));
                }
                for (operation, count) in
                    [(Operation::Product, work.products), (Operation::Sum, work.sums)]
                {
                    for _ in 0..count {
                        let reads = if scaled.is_none() { vec![value] } else { Vec::new() };
                        let sums = scaled.map(|op| (op, 0));
                        scaled = Some(builder.vector((operation, name), sums, &reads, 2));
                    }
                }
                let mut value = scaled.unwrap_or(value);
                for _ in 0..work.rounds.max(1) {
                    value = builder.op(Operation::Round, name, &[value]);
                }
                value
            })
            .collect();
        if work.by_lanes {
            for value in rounded {
                let op = builder.op(Operation::Store, name, &[value]);
                builder.access(op, OUTPUT, pointer);
            }
            return;
        }
        for (store, chunk) in rounded.chunks(units.div_ceil(stores)).enumerate().take(stores) {
            let mut values = self.limit(builder, name, chunk);
            if work.widens && self.output_bits == 8 {
                values = vec![builder.op(Operation::Round, (name.0, name.1, store), &values)];
            }
            let op = builder.op(Operation::Store, name, &values);
            builder.access(op, OUTPUT, pointer);
        }
    }

    fn limit(&self, builder: &mut Builder, name: Name, values: &[usize]) -> Vec<usize> {
        let mut values = values.to_vec();
        for _ in 0..self.work.limits {
            let op = builder.op(Operation::Move, name, &values);
            builder.body.ops[op].result = Some((Class::Vector, 2));
            values = vec![op];
        }
        values
    }
}

/// The loop of the add kernel (`kernels/aie4ml/add.h`) over vectors of so many lanes, whose operands
/// are shifted up to sums of 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Addition {
    pub lanes: u32,
    pub input_bits: u32,
    pub output_bits: u32,
    pub work: Work,
}

impl Addition {
    pub fn body(&self, device: &Device) -> Body {
        // What becomes of its sums is what becomes of those of a block.
        let group = Group {
            shape: MmulShape {
                types: (self.input_bits, self.input_bits),
                m: self.lanes / 8,
                k: 8,
                n: 8,
                accumulator_bits: 32,
                cycles: 1,
                direct: true,
            },
            rows: 1,
            columns: 1,
            steps: 0,
            role: Role::Single,
            wraps: false,
            output_bits: self.output_bits,
            work: self.work,
            conflict: false,
        };
        let mut builder = group.builder(device);
        let layout = Layout::of(&group.shape, builder.registers);
        let operands: Vec<usize> = [("a", INPUT), ("b", WEIGHTS)]
            .into_iter()
            .map(|(name, bank)| {
                let mut pointer = Pointer::default();
                let bytes = self.lanes * self.input_bits / 8;
                let loaded = builder.loads((name, 0, 0), bytes, bank, &mut pointer);
                builder.close(pointer);
                let shifted = builder.op(Operation::Move, (name, 0, 0), &loaded);
                builder.body.ops[shifted].result = Some((Class::Accumulator, layout.halves));
                shifted
            })
            .collect();
        let kind = (Operation::Sum, ("c", 0, 0));
        let sum = builder.vector(kind, Some((operands[0], 0)), &[], layout.halves);
        builder.body.ops[sum].reads.push(Read { of: operands[1], distance: 0, sums: true });
        let mut output = Pointer::default();
        group.requantize(&mut builder, 0, &[sum], &[], &mut output);
        builder.close(output);
        builder.body
    }
}

/// The loop of AMD's tutorial AIE-ML 01 over blocks of `rows` rows of blocks of `4x16x8`, 64 deep:
/// inputs by one pointer, which turns back after each, weights by another.
pub fn tutorial(rows: usize, output_bits: u32, shape: &MmulShape, device: &Device) -> Body {
    let group = Group {
        shape: *shape,
        rows,
        columns: 1,
        steps: 4,
        role: Role::Single,
        wraps: false,
        output_bits,
        work: Work::default(),
        conflict: false,
    };
    let mut builder = group.builder(device);
    let layout = Layout::of(shape, builder.registers);
    let mut pointers = [Pointer::default(), Pointer::default()];
    let mut sums = vec![vec![None; layout.pieces]; rows];
    for step in 0..group.steps {
        group.products(&mut builder, step, &mut pointers, &mut sums);
    }
    let [inputs, weights] = pointers;
    let mut output = Pointer::default();
    for (block, sums) in sums.iter().enumerate() {
        let sums: Vec<usize> = sums.iter().flatten().map(|&(op, _)| op).collect();
        if output_bits < 32 {
            group.requantize(&mut builder, block, &sums, &[], &mut output);
        } else {
            // Results as wide as sums are moved to vectors and stored.
            for part in 0..2 * layout.halves {
                if part % 2 == 0 {
                    let op = builder.op(Operation::Move, ("c", block, 4), &sums);
                    builder.body.ops[op].result = Some((Class::Vector, 2));
                }
                let moved = builder.body.ops.iter().rposition(|op| op.operation == Operation::Move);
                let op = builder.op(Operation::Store, ("c", block, 4), moved.as_slice());
                builder.access(op, OUTPUT, &mut output);
            }
        }
    }
    builder.advance(("a", 0, 0), None, inputs);
    builder.close(weights);
    builder.close(output);
    builder.body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time;

    fn device() -> Device {
        Device::by_name("xcve2802").unwrap()
    }

    fn shape(device: &Device, microtile: [u32; 3]) -> &'static MmulShape {
        device.mmul_shapes(8, 8).find(|s| [s.m, s.k, s.n] == microtile).unwrap()
    }

    fn group(device: &Device, microtile: [u32; 3], steps: usize, role: Role) -> Group {
        Group {
            shape: *shape(device, microtile),
            rows: 2,
            columns: 2,
            steps,
            role,
            wraps: true,
            output_bits: 8,
            work: Work::default(),
            conflict: false,
        }
    }

    #[test]
    fn the_published_loops_are_predicted() {
        let device = device();
        let registers = Registers::of(&device);
        let shape = shape(&device, [4, 16, 8]);
        let two = tutorial(2, 16, shape, &device);
        assert_eq!(two.count(Operation::Product), 16);
        assert_eq!(two.count(Operation::RoundedStore), 4);
        assert_eq!(two.count(Operation::Load), 32);
        assert_eq!(two.modulo(registers).unwrap().interval, 17, "bundles of AMD's listing");
        let one = tutorial(1, 16, shape, &device);
        assert_eq!(one.count(Operation::Product), 8);
        assert_eq!(one.modulo(registers).unwrap().interval, 16, "bundles of AMD's listing");
    }

    /// Loops of our kernel, for every shape, are ones that registers suffice for.
    #[test]
    fn registers_suffice() {
        let scaled =
            Work { moves: 6, products: 4, sums: 1, words: 2, widens: true, ..Work::default() };
        let cut = Work { moves: 15, products: 8, sums: 8, rounds: 3, words: 3, ..scaled };
        let wide = Work { moves: 16, sums: 2, rounds: 6, by_lanes: true, ..Work::default() };
        let limits = Work { limits: 2, ..Work::default() };
        let works = [Work::default(), limits, scaled, cut, wide];
        for name in ["xcve2802", "npu2"] {
            let device = Device::by_name(name).unwrap();
            let registers = Registers::of(&device);
            let types = [(8, 8), (16, 8), (8, 16), (16, 16)];
            for shape in types.into_iter().flat_map(|(a, w)| device.mmul_shapes(a, w)) {
                // What is done to results is the same for all types.
                let works = if shape.types == (8, 8) { &works[..] } else { &works[..1] };
                for role in [Role::Single, Role::Last] {
                    for &work in works {
                        let rows = 2;
                        let dense = time::Dense {
                            role,
                            shape,
                            blocks: [rows, 8, 4],
                            group: time::Dense::GROUP,
                            output_bits: 8,
                            work,
                            rest: 0,
                            conflict: false,
                        };
                        for (group, _) in dense.groups(&device) {
                            let body = group.body(&device);
                            let found =
                                body.straight(registers).and_then(|_| body.modulo(registers));
                            assert!(found.is_ok(), "{name} {group:?}: {found:?}");
                            assert!(group.step(&device).modulo(registers).is_ok(), "{group:?}");
                        }
                    }
                }
            }
        }
    }

    /// A group of more steps takes as many more cycles as one step does.
    #[test]
    fn further_steps_repeat() {
        let device = device();
        let registers = Registers::of(&device);
        for microtile in [[4, 8, 8], [8, 8, 8], [2, 8, 8]] {
            for (rows, columns) in [(2, 2), (1, 4)] {
                let of = |steps| Group {
                    rows,
                    columns,
                    ..group(&device, microtile, steps, Role::Single)
                };
                let interval = |steps| of(steps).body(&device).modulo(registers).unwrap().interval;
                let step = of(1).step(&device).modulo(registers).unwrap().interval;
                // By itself, a step may take a cycle more than between others.
                let further = interval(UNROLLED + 2) - interval(UNROLLED);
                assert!((further..=further + 2).contains(&(2 * step)), "{microtile:?}: {step}");
            }
        }
    }
}
