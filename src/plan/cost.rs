//! What a split costs, in bytes and in cycles of the array clock.
//!
//! The estimate is made of the constants and the formulas of the timed simulator: those of
//! kernels ([`time`](crate::kernel::time)) and of what moves data
//! ([`Latency`](crate::device::Latency)). It leaves out what only the simulator knows: streams that
//! wait for each other, and where things are. Ways are those of layers side by side in the order
//! of the network, from the lowest row of cores up, memory tiles below what they feed.
//!
//! * *interval* of a layer: the longest of its busiest core, with its locks, and of the streams
//!   into and out of its tiles. Buffers are double, so the three overlap.
//! * *latency* of a layer: from a block of its inputs in the memory of its tiles to the outputs in
//!   theirs; of an edge ([`carried`], [`stored`]): from there to the memory of the next. A shared
//!   buffer has none.

use super::microtile::Microtile;
use super::network::{Kind, Layer};
use crate::device::{Device, MmulShape};
use crate::kernel::time::{self, Dense, KernelVersion};
use crate::operator::{self, Share};

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
    /// Of each input.
    pub input: [usize; 2],
    pub weights: usize,
    pub bias: usize,
    /// Multipliers and addends of outputs, in one buffer with the bias.
    pub scales: usize,
    pub output: usize,
}

/// Buffers of a tile that computes `blocks` of a layer. Bias,
/// multipliers and addends are words of 4 bytes per padded output.
pub fn buffer_bytes(layer: &Layer, tile: Microtile, blocks: Blocks) -> BufferBytes {
    let (rows, k, n) = (blocks.rows(tile), blocks.k(tile), blocks.n(tile));
    if let Some(node) = &layer.node {
        let channels = node.channels_in(n);
        let input = [0, 1].map(|port| {
            let (features, number) = layer.port(port);
            number.bytes(rows * features.next_multiple_of(tile.k))
        });
        return BufferBytes {
            input,
            weights: operator::held_bytes(node, channels),
            bias: operator::parameter_bytes(node, channels, layer.scales),
            scales: 0,
            output: layer.output.bytes(rows * n),
        };
    }
    BufferBytes {
        input: [layer.input.bytes(rows * k); 2],
        weights: match layer.kind {
            Kind::Dense => layer.weight.bytes(k * n),
            Kind::Elementwise { .. } | Kind::Whole { .. } => 0,
        },
        bias: if layer.bias { 4 * n } else { 0 },
        scales: 4 * n * layer.scales,
        output: layer.output.bytes(rows * n),
    }
}

/// What a tile computes of a layer that reads whole rows.
fn share(layer: &Layer, tile: Microtile, blocks: Blocks) -> Share {
    let outputs = blocks.n(tile);
    let channels = layer.node.as_ref().map_or(0, |node| node.channels_in(outputs));
    Share { rows: blocks.rows(tile), channels, outputs }
}

/// Bytes of the stack that a layer's kernel takes beside what all kernels take.
pub fn scratch(layer: &Layer, tile: Microtile, blocks: Blocks) -> usize {
    let share = share(layer, tile, blocks);
    layer.node.as_ref().map_or(0, |node| node.operator.scratch(node, &share))
}

/// Cost of a layer that reads whole rows, by itself.
pub fn whole_cost(layer: &Layer, tile: Microtile, blocks: Blocks, device: &Device) -> LayerCost {
    let share = share(layer, tile, blocks);
    let of = |node| time::operator(node, &share, &layer.stages, device);
    let kernel = layer.node.as_ref().map_or(0, of);
    LayerCost {
        kernel: kernel + locks(layer.inputs(), Role::Single, device),
        latency: kernel + (layer.inputs() as u64 + 1) * device.latency.core_lock,
        ..LayerCost::default()
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
}

/// Cycles of a kernel call on a tile that is alone.
pub fn kernel_cycles(layer: &Layer, shape: &MmulShape, blocks: Blocks, device: &Device) -> u64 {
    kernel_cycles_as(Role::Single, layer, shape, blocks, device)
}

/// Cycles of a kernel call, operands in banks of their own.
pub fn kernel_cycles_as(
    role: Role,
    layer: &Layer,
    shape: &MmulShape,
    blocks: Blocks,
    device: &Device,
) -> u64 {
    let stages = if role.has_output() { layer.stages.as_slice() } else { &[] };
    let dense = Dense {
        role,
        shape,
        blocks: [blocks.mb, blocks.kb, blocks.nb],
        group: Dense::GROUP,
        output_bits: layer.output.bits,
        work: time::work(shape, layer.output.bits, stages),
        rest: time::rest((shape.m * shape.n) as usize, layer.output.bits, stages, device),
        conflict: false,
    };
    dense.cycles(device, KernelVersion::OWN)
}

/// Cycles that a stream takes for so many bytes.
pub fn stream_cycles(bytes: usize, device: &Device) -> u64 {
    (bytes as u64).div_ceil(u64::from(device.timing.stream_bytes))
}

/// Cycles that it takes where it enters or leaves the array.
pub fn outer_cycles(bytes: usize, device: &Device) -> u64 {
    (bytes as u64).div_ceil(u64::from(device.timing.outer_bytes))
}

/// Cycles that a channel takes for words of so many cycles in so many descriptors, until it can do
/// so again.
pub fn channel_cycles(words: u64, descriptors: usize, device: &Device) -> u64 {
    words + descriptors as u64 * descriptor_cycles(device)
}

/// Cycles of a channel between two descriptors.
pub fn descriptor_cycles(device: &Device) -> u64 {
    device.latency.dma_lock + device.latency.dma_chain
}

/// Cycles from one memory to another beside words and tiles on the way: a descriptor takes a lock
/// and reads, one at the other end writes and gives a lock.
fn ends(device: &Device) -> u64 {
    let latency = &device.latency;
    2 * (latency.dma_lock + latency.dma_memory) + latency.stream_ends
}

/// Latency of an edge from tile to tile, `words` long, over so many tiles.
pub fn carried(words: u64, hops: u64, device: &Device) -> u64 {
    ends(device) + words + hops * device.latency.hop
}

/// Latency of an edge through a memory tile: `words` until all are in and out again, over so
/// many tiles in all.
pub fn stored(words: u64, hops: u64, device: &Device) -> u64 {
    2 * ends(device) + words + hops * device.latency.hop
}

/// Latency of an edge through a memory tile of which one side is the outside.
pub fn crossing(words: u64, hops: u64, device: &Device) -> u64 {
    let latency = &device.latency;
    // Outside there is neither memory nor a lock.
    stored(words, hops, device) + latency.plio - latency.dma_memory - latency.dma_lock
}

/// What one block of rows costs in one layer, in cycles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct LayerCost {
    /// Between two blocks: of the busiest core, its locks included.
    pub kernel: u64,
    /// The same of what carries its inputs and its outputs.
    pub input: u64,
    pub output: u64,
    /// From a block's inputs in the memory of the tiles to its outputs there, and from and to the
    /// outside, but not from and to other layers.
    pub latency: u64,
}

impl LayerCost {
    /// Cycles between two blocks.
    pub fn interval(&self) -> u64 {
        self.kernel.max(self.input).max(self.output)
    }

    /// What limits the interval.
    pub fn limit(&self) -> &'static str {
        if self.interval() == self.kernel {
            "kernel"
        } else if self.interval() == self.input {
            "input stream"
        } else {
            "output stream"
        }
    }
}

/// Cost of a layer whose tiles compute `blocks` each, in cascades of `cascade`, by itself.
pub fn layer_cost(
    layer: &Layer,
    shape: &MmulShape,
    blocks: Blocks,
    cascade: usize,
    device: &Device,
) -> LayerCost {
    let latency = &device.latency;
    let of = |role| kernel_cycles_as(role, layer, shape, blocks, device);
    let mut roles: Vec<Role> = (0..cascade.min(2)).map(|i| Role::of(i, cascade)).collect();
    roles.push(Role::of(cascade - 1, cascade));
    let busiest = roles.into_iter().map(|role| of(role) + locks(1, role, device)).max();
    let steps = cascade as u64 - 1;
    // All tiles form their products at the same time; then the first sums pass through all.
    let passing = steps * latency.cascade + steps.saturating_sub(1) * latency.cascade_read;
    let last = of(Role::of(cascade - 1, cascade));
    LayerCost {
        kernel: busiest.unwrap_or(last),
        latency: 2 * latency.core_lock + last + passing,
        ..LayerCost::default()
    }
}

/// Lock requests of a core in an iteration: it takes and gives each buffer.
fn locks(inputs: usize, role: Role, device: &Device) -> u64 {
    let buffers = inputs as u64 + u64::from(role.has_output());
    2 * buffers * device.latency.core_lock
}

/// Cost of an elementwise layer by itself.
pub fn elementwise_cost(
    layer: &Layer,
    tile: Microtile,
    blocks: Blocks,
    device: &Device,
) -> LayerCost {
    let elements = blocks.rows(tile) * blocks.n(tile);
    let [input, output] = [layer.input, layer.output].map(|number| number.bits);
    let (multiplies, stages) = (layer.multiplies, &layer.stages);
    let kernel = time::elementwise(elements, input, multiplies, output, stages, device);
    LayerCost {
        kernel: kernel + locks(layer.inputs(), Role::Single, device),
        latency: kernel + (layer.inputs() as u64 + 1) * device.latency.core_lock,
        ..LayerCost::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(device: &Device, m: u32, k: u32, n: u32) -> &'static MmulShape {
        device.mmul_shapes(8, 8).find(|s| (s.m, s.k, s.n) == (m, k, n)).unwrap()
    }

    #[test]
    fn kernel_cycles_are_near_the_products() {
        let device = Device::by_name("xcve2802").unwrap();
        let native = shape(&device, 4, 8, 8);
        // Others publish 697 and 609.
        for (rows, k, n, products) in [(8, 128, 128, 512), (8, 256, 64, 512), (64, 64, 64, 1024)] {
            let layer = Layer::dense("fc", rows, k, n, 8, 8, 8);
            let blocks = Blocks::new(rows, k, n, native.into());
            let cycles = kernel_cycles(&layer, native, blocks, &device);
            assert!((products..products * 110 / 100).contains(&cycles), "{rows}x{k}x{n}: {cycles}");
        }
    }

    #[test]
    fn a_cascade_costs_its_first_sums() {
        let device = Device::by_name("xcve2802").unwrap();
        let native = shape(&device, 4, 8, 8);
        let layer = Layer::dense("fc", 8, 640, 64, 8, 8, 8);
        let blocks = Blocks::new(8, 64, 64, native.into());
        let cost = |cascade| layer_cost(&layer, native, blocks, cascade, &device);
        let (ten, nine, one) = (cost(10), cost(9), cost(1));
        assert_eq!(
            ten.latency - nine.latency,
            device.latency.cascade + device.latency.cascade_read
        );
        assert_eq!(ten.kernel, nine.kernel);
        // Four groups of four blocks, whose sums are added to those that come in, and the way of
        // the last ones there.
        assert!(ten.kernel - one.kernel < 4 * 4 + 15, "{ten:?} {one:?}");
        assert_eq!(one.limit(), "kernel");
    }
}
