//! What a split costs, in bytes and in cycles of the array clock.
//!
//! The model is linear and made of published figures; it ranks splits, and is
//! not a prediction of its own (the simulator makes those). Notation: a tile
//! computes `MB x KB x NB` microtiles of a block of rows.
//!
//! * *kernel*: blocks of 2 x 2 microtiles (1 x 2 or 2 x 1 at odd ends). A block
//!   takes the largest of its multiplications, its weight loads (one bank,
//!   one load per cycle) and its input loads, plus its cascade transfers,
//!   plus [`BLOCK`]; a call takes [`CALL`] more.
//! * *interval* of a layer: the longest of kernel and lock hand-over, input
//!   stream, output stream; ping-pong buffers overlap the three.
//! * *latency* of a layer: a fit over 66 networks in AMD's cycle-exact
//!   simulator (see [`STAGE`]), less the memory tile before the layer, which not
//!   every edge has (see [`MEMORY_TILE`]).

use super::microtile::Microtile;
use super::network::{Kind, Layer};
use crate::device::{Device, MmulShape};

/// Cycles of a kernel call outside its blocks. With [`BLOCK`] this is the line
/// through AIE4ML 0.2.1's published int8 4x8x8 kernels: 53 cycles for 16^3 (2
/// blocks, 16 multiplications), 1122 for 64^3 (32 blocks, 1024).
pub const CALL: u64 = 33;

/// Cycles of a block outside its inner loop; see [`CALL`].
pub const BLOCK: u64 = 2;

/// Cycles of lock acquires and releases around a call (published measurement
/// on one AIE-ML core: ignite-xdna, cross audit).
pub const HANDOFF: u64 = 30;

/// Cycles until the next tile of a cascade follows. Fit over 66 networks of
/// AIE4ML 0.1.2 on xcve2802: cycles = 72.7 per layer + multiplications + 34.1
/// per hop + 2.25 per input word + 0.73 per output word, mean error 2.1 %.
pub const HOP: u64 = 34;

/// Cycles of a layer beside its kernel: 72.7 of the fit at [`HOP`], less
/// [`CALL`], which the kernel counts.
pub const STAGE: u64 = 40;

/// Cycles of a layer's input in a memory tile, beside the stream out of it,
/// which begins once the stream into it has ended: two descriptors and the way
/// through the switches. Half of what designs of one tile per layer gain in
/// this project's simulator where neither stream is needed (66 and their words).
/// The fit at [`HOP`] has memory tiles everywhere.
pub const MEMORY_TILE: u64 = 33;

/// Cycles by which a memory tile delays a layer whose input streams for `input` cycles.
pub fn memory_tile_cycles(input: u64) -> u64 {
    MEMORY_TILE + input
}

/// Cycles of a buffer descriptor: setup 4, chaining 2, locks 2 (published
/// measurement on XDNA 1: xdna-emu).
pub const DESCRIPTOR: u64 = 8;

/// Microtiles of a slice: over rows, inputs and outputs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Blocks {
    pub mb: usize,
    pub kb: usize,
    pub nb: usize,
}

impl Blocks {
    /// Microtiles that cover `rows` rows, `k` inputs and `n` outputs.
    pub fn new(rows: usize, k: usize, n: usize, tile: Microtile) -> Self {
        Blocks { mb: rows.div_ceil(tile.m), kb: k.div_ceil(tile.k), nb: n.div_ceil(tile.n) }
    }

    /// Rows, padding included.
    pub fn rows(&self, tile: Microtile) -> usize {
        self.mb * tile.m
    }

    /// Inputs, padding included.
    pub fn k(&self, tile: Microtile) -> usize {
        self.kb * tile.k
    }

    /// Outputs, padding included.
    pub fn n(&self, tile: Microtile) -> usize {
        self.nb * tile.n
    }
}

/// Bytes of one copy of each of a tile's buffers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct BufferBytes {
    pub input: usize,
    pub weights: usize,
    pub bias: usize,
    pub output: usize,
}

/// Buffers of a tile that computes `blocks` of a layer; `input` is that of one port. Bias is 4 bytes per
/// padded output.
pub fn buffer_bytes(layer: &Layer, tile: Microtile, blocks: Blocks) -> BufferBytes {
    let (rows, k, n) = (blocks.rows(tile), blocks.k(tile), blocks.n(tile));
    BufferBytes {
        input: layer.input.bytes(rows * k),
        weights: match layer.kind {
            Kind::Dense => layer.weight.bytes(k * n),
            Kind::Elementwise { .. } => 0,
        },
        bias: if layer.bias { 4 * n } else { 0 },
        output: layer.output.bytes(rows * n),
    }
}

/// Place of a tile in a cascade.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Role {
    Single,
    First,
    Middle,
    Last,
}

impl Role {
    /// Role of tile `index` of a cascade of `length`.
    pub fn of(index: usize, length: usize) -> Self {
        match (index, length) {
            (_, 0 | 1) => Role::Single,
            (0, _) => Role::First,
            (i, l) if i + 1 == l => Role::Last,
            _ => Role::Middle,
        }
    }

    /// Whether the tile adds the bias.
    pub fn has_bias(self) -> bool {
        matches!(self, Role::Single | Role::First)
    }

    /// Whether the tile writes the layer's output.
    pub fn has_output(self) -> bool {
        matches!(self, Role::Single | Role::Last)
    }

    /// Cascade transfers per block and per 512 bits of accumulators: those
    /// read and those written.
    fn transfers(self) -> u64 {
        match self {
            Role::Single => 0,
            Role::First | Role::Last => 1,
            Role::Middle => 2,
        }
    }
}

/// Cycles of a kernel call on a tile that is alone.
pub fn kernel_cycles(layer: &Layer, shape: &MmulShape, blocks: Blocks, device: &Device) -> u64 {
    kernel_cycles_as(Role::Single, layer, shape, blocks, device)
}

/// Cycles of a kernel call.
pub fn kernel_cycles_as(
    role: Role,
    layer: &Layer,
    shape: &MmulShape,
    blocks: Blocks,
    device: &Device,
) -> u64 {
    let timing = device.timing;
    let loads = |elements: u32, bits: u32| {
        u64::from((elements * bits).div_ceil(8).div_ceil(timing.load_bytes))
    };
    let input_loads = loads(shape.m * shape.k, layer.input.bits);
    let weight_loads = loads(shape.k * shape.n, layer.weight.bits);
    let words =
        u64::from((shape.m * shape.n * shape.accumulator_bits).div_ceil(device.cascade_bits));
    let kb = blocks.kb as u64;
    let block = |bm: u64, bn: u64| {
        let multiply = bm * bn * u64::from(shape.cycles);
        let (a, w) = (bm * input_loads, bn * weight_loads);
        let step = multiply.max(a).max(w).max((a + w).div_ceil(u64::from(timing.loads)));
        kb * step + bm * bn * words * role.transfers() + BLOCK
    };
    let (m2, m1) = ((blocks.mb / 2) as u64, (blocks.mb % 2) as u64);
    let (n2, n1) = ((blocks.nb / 2) as u64, (blocks.nb % 2) as u64);
    CALL + m2 * n2 * block(2, 2)
        + m2 * n1 * block(2, 1)
        + m1 * n2 * block(1, 2)
        + m1 * n1 * block(1, 1)
}

/// Cycles that a stream takes for so many bytes.
pub fn stream_cycles(bytes: usize, device: &Device) -> u64 {
    (bytes as u64).div_ceil(u64::from(device.timing.stream_bytes))
}

/// What one block of rows costs in one layer, in cycles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LayerCost {
    /// Of the busiest tile's kernel call.
    pub kernel: u64,
    /// Of one tile's input stream, and of one chain's output stream.
    pub input: u64,
    pub output: u64,
    /// Between two blocks.
    pub interval: u64,
    /// From the input of a block to its output, without memory tiles.
    pub latency: u64,
}

impl LayerCost {
    /// What limits the interval.
    pub fn limit(&self) -> &'static str {
        if self.interval == self.kernel + HANDOFF {
            "kernel"
        } else if self.interval == self.input + DESCRIPTOR {
            "input stream"
        } else {
            "output stream"
        }
    }
}

/// Cost of a layer whose tiles compute `blocks` each, in cascades of `cascade`.
pub fn layer_cost(
    layer: &Layer,
    shape: &MmulShape,
    blocks: Blocks,
    cascade: usize,
    device: &Device,
) -> LayerCost {
    let bytes = buffer_bytes(layer, shape.into(), blocks);
    let busiest = Role::of(1, cascade).max(Role::of(0, cascade));
    let role = if cascade > 2 { Role::Middle } else { busiest };
    let kernel = kernel_cycles_as(role, layer, shape, blocks, device);
    let input = stream_cycles(bytes.input, device);
    let output = stream_cycles(bytes.output, device);
    LayerCost {
        kernel,
        input,
        output,
        interval: (kernel + HANDOFF).max(input + DESCRIPTOR).max(output + DESCRIPTOR),
        // 2.25 and 0.73 of the fit at `HOP`.
        latency: STAGE - MEMORY_TILE
            + kernel
            + HOP * (cascade as u64 - 1)
            + input * 5 / 4
            + output * 73 / 100,
    }
}

/// Cost of an elementwise layer: every operand is loaded and the result stored
/// once, in vectors, and the loop is not deep enough to hide the latency of
/// its four steps.
pub fn elementwise_cost(
    layer: &Layer,
    tile: Microtile,
    blocks: Blocks,
    device: &Device,
) -> LayerCost {
    let elements = blocks.rows(tile) * blocks.n(tile);
    let bytes = buffer_bytes(layer, tile, blocks);
    let vectors = elements.div_ceil(device.timing.store_bytes as usize) as u64;
    let kernel = CALL + 4 * vectors;
    let input = stream_cycles(bytes.input, device);
    let output = stream_cycles(bytes.output, device);
    LayerCost {
        kernel,
        input,
        output,
        interval: (kernel + HANDOFF).max(input + DESCRIPTOR).max(output + DESCRIPTOR),
        latency: STAGE - MEMORY_TILE + kernel + input * 5 / 4 + output * 73 / 100,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::microtile;

    fn shape(device: &Device, m: u32, k: u32, n: u32) -> &'static MmulShape {
        device.mmul_shapes(8, 8).find(|s| (s.m, s.k, s.n) == (m, k, n)).unwrap()
    }

    #[test]
    fn kernel_cycles_meet_the_published_ones() {
        let device = Device::by_name("xcve2802").unwrap();
        let native = shape(&device, 4, 8, 8);
        for (rows, k, n, published) in
            [(16, 16, 16, 53), (64, 64, 64, 1122), (8, 128, 128, 697), (8, 256, 64, 609)]
        {
            let layer = Layer::dense("fc", rows, k, n, 8, 8, 8);
            let cycles =
                kernel_cycles(&layer, native, Blocks::new(rows, k, n, native.into()), &device);
            assert!(
                cycles.abs_diff(published) * 100 <= published * 25,
                "{rows}x{k}x{n}: {cycles} {published}"
            );
        }
        // One row of microtiles is bound by weight loads: 32 KiB at 32 bytes a cycle.
        let layer = Layer::dense("fc", 1, 256, 128, 8, 8, 8);
        let cycles =
            kernel_cycles(&layer, native, Blocks::new(1, 256, 128, native.into()), &device);
        assert!(cycles.abs_diff(1060) < 30, "{cycles}");
    }

    /// Rows of `network_latency.csv`: batch 8, layers `(k, n, cascade, chains)`, cycles.
    #[test]
    fn latency_meets_published_networks() {
        type Row = (&'static [(usize, usize, usize, usize)], u64);
        let rows: &[Row] = &[
            (&[(16, 64, 1, 4), (64, 32, 4, 2), (32, 32, 2, 2), (32, 8, 2, 1)], 909),
            (&[(16, 64, 1, 2), (64, 32, 4, 1), (32, 32, 2, 1), (32, 8, 1, 1)], 1040),
            (&[(16, 64, 1, 1), (64, 32, 2, 1), (32, 32, 1, 1), (32, 8, 1, 1)], 1242),
            (
                &[
                    (64, 64, 4, 4),
                    (64, 32, 4, 2),
                    (32, 8, 2, 1),
                    (8, 32, 1, 2),
                    (32, 64, 2, 4),
                    (64, 64, 4, 4),
                ],
                1439,
            ),
            (&[(160, 64, 5, 4), (64, 64, 4, 2), (64, 64, 4, 2), (64, 8, 2, 1)], 1256),
            (&[(160, 64, 5, 2), (64, 64, 1, 4), (64, 64, 1, 4), (64, 8, 1, 1)], 1554),
            (
                &[
                    (128, 128, 4, 4),
                    (128, 128, 4, 4),
                    (128, 128, 2, 8),
                    (128, 128, 2, 8),
                    (128, 8, 2, 1),
                    (8, 128, 1, 2),
                    (128, 128, 2, 8),
                    (128, 128, 2, 8),
                    (128, 128, 2, 8),
                ],
                3780,
            ),
        ];
        let device = Device::by_name("xcve2802").unwrap();
        let native = shape(&device, 4, 8, 8);
        for (layers, published) in rows {
            let cycles: u64 = layers
                .iter()
                .map(|&(k, n, cascade, chains)| {
                    let layer = Layer::dense("fc", 8, k, n, 8, 8, 8);
                    // These kernels pad to whole blocks of 2 x 2.
                    let (k, n) = (
                        k.div_ceil(cascade).next_multiple_of(16),
                        n.div_ceil(chains).next_multiple_of(16),
                    );
                    let blocks = Blocks::new(8, k, n, native.into());
                    let cost = layer_cost(&layer, native, blocks, cascade, &device);
                    cost.latency + memory_tile_cycles(cost.input)
                })
                .sum();
            assert!(
                cycles.abs_diff(*published) * 100 <= published * 12,
                "{cycles} instead of {published}"
            );
        }
    }

    #[test]
    fn streams_bound_the_interval_of_a_thin_layer() {
        let device = Device::by_name("npu1").unwrap();
        let layer = Layer::dense("fc", 32, 512, 8, 8, 8, 8);
        let shape = microtile::choose(&layer, 32, &device).unwrap();
        let cost = layer_cost(&layer, shape, Blocks::new(32, 512, 8, shape.into()), 1, &device);
        assert_eq!((cost.input, cost.interval, cost.limit()), (4096, 4104, "input stream"));
        assert_eq!(cost.output, 64);
    }
}
