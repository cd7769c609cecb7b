//! What an AI Engine array has: the questions a pass may ask of a device.
//!
//! Every hardware number of this project has its one home in [`tables`], with
//! its source beside it. A pass asks a [`Device`] and holds no number itself.
//!
//! Coordinates are those of the `aie` dialect: column 0 is west, row 0 is the
//! shim, then the memory-tile rows, then the core rows.
//!
//! **Invariant:** a [`Device`] is immutable and comes from [`Device::by_name`].

mod issue;
mod latency;
pub mod registers;
mod switches;
mod tables;

pub use issue::{Operation, Registers, Slot};
pub use latency::{HostAccess, Latency};

use crate::array::{Bundle, Tile};
use std::ops::Range;

/// A generation of the architecture.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Generation {
    /// AIE-ML, XDNA 1; `AIE2` in mlir-aie.
    AieMl,
    /// AIE-MLv2: XDNA 2, `AIE2p` in mlir-aie, and the second generation of Versal, `AIE2ps`.
    AieMlV2,
}

/// What stands at a coordinate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TileKind {
    /// Interface tile with DMA to external memory.
    ShimNoc,
    /// Interface tile to programmable logic only.
    ShimPl,
    Mem,
    Core,
}

/// Data memory, locks and DMA of one kind of tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TileResources {
    /// Data memory in bytes; 0 for a shim tile.
    pub memory_bytes: u32,
    /// Banks as the programmer and the address allocator see them.
    pub banks: u32,
    pub locks: u32,
    /// Largest value a lock holds.
    pub max_lock_value: u32,
    pub buffer_descriptors: u32,
    /// DMA channels in each direction.
    pub dma_channels: u32,
    pub bd: BdFields,
}

impl TileResources {
    /// Bytes of one bank; 0 for a tile without memory.
    pub fn bank_bytes(&self) -> u32 {
        self.memory_bytes.checked_div(self.banks).unwrap_or(0)
    }
}

/// Largest size of a dimension of a buffer descriptor, in elements, that mlir-aie's verifier
/// lets pass, whatever the tile, the fields of its descriptors and the width of the elements
/// (`DMABDOp::verify`, commit 979629649; it says 1023).
pub const MAX_SIZE: u32 = 512;

/// Capacity of the fields of a buffer descriptor. Words are 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BdFields {
    /// Number of dimensions beside the iteration.
    pub dimensions: u32,
    /// Largest buffer length, in words.
    pub max_length: u32,
    /// Largest size of a dimension other than the outermost, whose size is
    /// implied by the length. In words for the innermost dimension.
    pub max_wrap: u32,
    /// Largest stride, in words.
    pub max_step: u32,
    /// Largest number of iterations.
    pub max_iterations: u32,
    /// Largest stride of the iteration, in words.
    pub max_iteration_step: u32,
    /// Largest padding before, and also after, innermost dimension first;
    /// the innermost in words. Empty where the DMA cannot pad.
    pub max_padding: &'static [u32],
    /// Largest `repeat_count` of a task.
    pub max_repeat: u32,
}

/// Side of a stream switch that a port belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PortSide {
    /// Into the switch (slave).
    In,
    /// Out of the switch (master).
    Out,
}

/// A shape of `aie::mmul` and what it costs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MmulShape {
    /// Bits of an element of the input and of the weights.
    pub types: (u32, u32),
    /// Rows, inputs and outputs of one call.
    pub m: u32,
    pub k: u32,
    pub n: u32,
    /// Bits of one accumulator lane.
    pub accumulator_bits: u32,
    /// Issue slots of the vector unit that one call takes, in cycles.
    pub cycles: u32,
    /// The operands need no unpacking or shuffling before the call.
    pub direct: bool,
}

impl MmulShape {
    /// Multiply-accumulates of one call.
    pub fn macs(&self) -> u32 {
        self.m * self.k * self.n
    }
}

/// Time constants of a core and of data movement, in cycles of the array.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Timing {
    pub clock_mhz: u32,
    /// Bytes that one stream, and one DMA channel, moves in a cycle, a multiple of 4.
    pub stream_bytes: u32,
    /// Bytes that pass in a cycle where a stream enters or leaves the array, a multiple of 4.
    pub outer_bytes: u32,
    /// Bytes of one load; a core issues `loads` of them in a cycle, each
    /// bank serves one.
    pub load_bytes: u32,
    pub loads: u32,
    /// Bytes of one store.
    pub store_bytes: u32,
}

/// One device. See the module documentation for coordinates.
#[derive(Clone, PartialEq, Debug)]
pub struct Device {
    pub name: &'static str,
    pub generation: Generation,
    pub columns: u32,
    mem_rows: u32,
    core_row_count: u32,
    noc_columns: &'static [u32],
    plio: Option<tables::Plio>,
    core: TileResources,
    mem: TileResources,
    shim: TileResources,
    pub timing: Timing,
    /// Time constants of the simulator.
    pub latency: Latency,
    /// Tasks that wait at a DMA channel before the one that runs ends.
    pub dma_tasks: u32,
    /// Program memory of a core, in bytes.
    pub program_memory_bytes: u32,
    /// Bits of one cascade transfer.
    pub cascade_bits: u32,
    /// Transfers a cascade holds between two cores before `put` waits.
    pub cascade_depth: u32,
    /// Bytes to which the address of a vector operand is aligned.
    pub vector_alignment: u32,
    shapes: &'static [MmulShape],
}

impl Device {
    /// The device that `aie.device` calls `name`.
    pub fn by_name(name: &str) -> Option<Device> {
        tables::all().into_iter().find(|device| device.name == name)
    }

    /// Names that [`Device::by_name`] knows.
    pub fn names() -> Vec<&'static str> {
        tables::all().iter().map(|device| device.name).collect()
    }

    /// Rows, shim and memory tiles included.
    pub fn rows(&self) -> u32 {
        1 + self.mem_rows + self.core_row_count
    }

    /// Rows of memory tiles.
    pub fn mem_rows(&self) -> Range<u32> {
        1..1 + self.mem_rows
    }

    /// Rows of cores.
    pub fn core_rows(&self) -> Range<u32> {
        1 + self.mem_rows..self.rows()
    }

    /// Number of cores.
    pub fn cores(&self) -> u32 {
        self.columns * self.core_row_count
    }

    /// Number of memory tiles.
    pub fn mem_tiles(&self) -> u32 {
        self.columns * self.mem_rows
    }

    /// What stands at a coordinate; `None` outside the array.
    pub fn tile_kind(&self, tile: Tile) -> Option<TileKind> {
        if tile.column >= self.columns || tile.row >= self.rows() {
            None
        } else if tile.row == 0 {
            let noc = self.noc_columns.contains(&tile.column);
            Some(if noc { TileKind::ShimNoc } else { TileKind::ShimPl })
        } else if self.mem_rows().contains(&tile.row) {
            Some(TileKind::Mem)
        } else {
            Some(TileKind::Core)
        }
    }

    /// Memory, locks and DMA of a kind of tile. A [`TileKind::ShimPl`] has no DMA.
    pub fn resources(&self, kind: TileKind) -> TileResources {
        match kind {
            TileKind::Core => self.core,
            TileKind::Mem => self.mem,
            TileKind::ShimNoc => self.shim,
            TileKind::ShimPl => {
                TileResources { buffer_descriptors: 0, dma_channels: 0, ..self.shim }
            }
        }
    }

    /// Ids that a channel's buffer descriptors may have. On a memory tile
    /// even and odd channels draw from separate halves.
    pub fn bd_ids(&self, kind: TileKind, channel: u32) -> Range<u32> {
        let all = self.resources(kind).buffer_descriptors;
        match kind {
            TileKind::Mem if channel.is_multiple_of(2) => 0..all / 2,
            TileKind::Mem => all / 2..all,
            _ => 0..all,
        }
    }

    /// Whether the core at `core` may load from, store to, and use the locks
    /// of the core tile at `tile`: its own, and its west, north and south
    /// neighbors; never its east neighbor.
    pub fn memory_reachable(&self, core: Tile, tile: Tile) -> bool {
        let is_core = |t| self.tile_kind(t) == Some(TileKind::Core);
        if !is_core(core) || !is_core(tile) {
            return false;
        }
        let same_column = core.column == tile.column;
        (same_column && core.row.abs_diff(tile.row) <= 1)
            || (core.row == tile.row && tile.column + 1 == core.column)
    }

    /// Whether a DMA channel of the tile at `tile` reads or writes the memory
    /// and the locks of the tile at `memory`. Channels of a core tile reach
    /// their own tile; the lower channels of a memory tile also its east and
    /// west neighbors.
    pub fn dma_reachable(&self, tile: Tile, channel: u32, memory: Tile) -> bool {
        match (self.tile_kind(tile), self.tile_kind(memory)) {
            (Some(TileKind::Core), Some(TileKind::Core)) => tile == memory,
            (Some(TileKind::Mem), Some(TileKind::Mem)) => {
                tile == memory
                    || (channel < tables::MEM_NEIGHBOR_CHANNELS
                        && tile.row == memory.row
                        && tile.column.abs_diff(memory.column) == 1)
            }
            _ => false,
        }
    }

    /// Whether partial sums can be sent from one core to the other: to the
    /// east or to the south neighbor.
    pub fn cascades(&self, from: Tile, to: Tile) -> bool {
        let is_core = |t| self.tile_kind(t) == Some(TileKind::Core);
        is_core(from)
            && is_core(to)
            && ((from.row == to.row && from.column + 1 == to.column)
                || (from.column == to.column && from.row == to.row + 1))
    }

    /// Number of stream-switch ports of a tile, for one bundle and side.
    /// Ports that would lead out of the array do not exist. `Plio` and `Noc`
    /// count the ports of the shim multiplexer.
    pub fn stream_ports(&self, tile: Tile, bundle: Bundle, side: PortSide) -> u32 {
        let Some(kind) = self.tile_kind(tile) else { return 0 };
        let leaves_array = match bundle {
            Bundle::West => tile.column == 0,
            Bundle::East => tile.column + 1 == self.columns,
            Bundle::North => tile.row + 1 == self.rows(),
            _ => false,
        };
        if leaves_array {
            return 0;
        }
        match bundle {
            Bundle::Plio if tile.row == 0 => self.plio_ports(tile.column, side),
            _ => tables::stream_ports(kind, bundle, side),
        }
    }

    /// 32-bit streams between programmable logic and the array in a column:
    /// into the array for [`PortSide::In`], out of it for [`PortSide::Out`].
    /// 0 for a device without programmable logic.
    pub fn plio_ports(&self, column: u32, side: PortSide) -> u32 {
        match self.plio {
            Some(plio) if plio.columns.contains(column) => match side {
                PortSide::In => plio.into_array,
                PortSide::Out => plio.out_of_array,
            },
            _ => 0,
        }
    }

    /// Columns with streams to programmable logic.
    pub fn plio_columns(&self) -> Range<u32> {
        self.plio.map_or(0..0, |plio| plio.columns.range())
    }

    /// Columns whose shim tile has a DMA.
    pub fn noc_columns(&self) -> &'static [u32] {
        self.noc_columns
    }

    /// Shapes of `aie::mmul` for elements of these widths, in bits.
    pub fn mmul_shapes(
        &self,
        input_bits: u32,
        weight_bits: u32,
    ) -> impl Iterator<Item = &'static MmulShape> + use<> {
        self.shapes.iter().filter(move |s| s.types == (input_bits, weight_bits))
    }

    /// Multiply-accumulates per cycle and core, at best, for elements of
    /// these widths in bits; 0 if there is no shape for them.
    pub fn macs_per_cycle(&self, input_bits: u32, weight_bits: u32) -> u32 {
        self.mmul_shapes(input_bits, weight_bits).map(|s| s.macs() / s.cycles).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(column: u32, row: u32) -> Tile {
        Tile { column, row }
    }

    #[test]
    fn knows_its_devices() {
        let vek280 = Device::by_name("xcve2802").unwrap();
        assert_eq!((vek280.cores(), vek280.mem_tiles(), vek280.rows()), (304, 76, 11));
        let edge = Device::by_name("xcve2302").unwrap();
        assert_eq!((edge.cores(), edge.mem_tiles(), edge.rows()), (34, 17, 4));
        let vek385 = Device::by_name("xcve3858").unwrap();
        assert_eq!((vek385.cores(), vek385.mem_tiles(), vek385.rows()), (144, 72, 7));
        assert_eq!((vek385.mem_rows(), vek385.core_rows()), (1..3, 3..7));
        assert_eq!((vek385.macs_per_cycle(8, 8), vek385.plio_columns()), (512, 4..31));
        let npu1 = Device::by_name("npu1").unwrap();
        assert_eq!((npu1.cores(), npu1.mem_tiles(), npu1.rows()), (16, 4, 6));
        let npu2 = Device::by_name("npu2").unwrap();
        assert_eq!((npu2.cores(), npu2.mem_tiles(), npu2.columns), (32, 8, 8));
        assert_eq!(Device::by_name("npu2_3col").unwrap().columns, 3);
        assert!(Device::by_name("npu1_4col").is_none(), "npu1 is the 4-column device");
        assert!(Device::by_name("xcvc1902").is_none());
        assert_eq!(Device::names().len(), 15);
    }

    #[test]
    fn tells_tiles_apart() {
        let device = Device::by_name("xcve2802").unwrap();
        assert_eq!(device.tile_kind(tile(2, 0)), Some(TileKind::ShimNoc));
        assert_eq!(device.tile_kind(tile(4, 0)), Some(TileKind::ShimPl));
        assert_eq!(device.tile_kind(tile(4, 2)), Some(TileKind::Mem));
        assert_eq!(device.tile_kind(tile(4, 3)), Some(TileKind::Core));
        assert_eq!(device.tile_kind(tile(37, 10)), Some(TileKind::Core));
        assert_eq!(device.tile_kind(tile(38, 3)), None);
        assert_eq!(device.tile_kind(tile(0, 11)), None);
    }

    #[test]
    fn core_memory_reaches_west_north_south_but_not_east() {
        let device = Device::by_name("xcve2802").unwrap();
        let core = tile(5, 5);
        for reachable in [core, tile(4, 5), tile(5, 6), tile(5, 4)] {
            assert!(device.memory_reachable(core, reachable), "{reachable}");
        }
        for not in [tile(6, 5), tile(4, 4), tile(5, 7), tile(3, 5)] {
            assert!(!device.memory_reachable(core, not), "{not}");
        }
        assert!(
            !device.memory_reachable(tile(5, 3), tile(5, 2)),
            "a memory tile is not a neighbor"
        );
    }

    #[test]
    fn cascade_goes_east_and_south() {
        let device = Device::by_name("npu1").unwrap();
        assert!(device.cascades(tile(0, 3), tile(1, 3)));
        assert!(device.cascades(tile(0, 3), tile(0, 2)));
        assert!(!device.cascades(tile(1, 3), tile(0, 3)));
        assert!(!device.cascades(tile(3, 3), tile(4, 3)), "outside");
        assert!(!device.cascades(tile(0, 2), tile(0, 1)), "memory tile");
    }

    #[test]
    fn memory_tile_channels_and_descriptors() {
        let device = Device::by_name("xcve2802").unwrap();
        assert_eq!(device.bd_ids(TileKind::Mem, 4), 0..24);
        assert_eq!(device.bd_ids(TileKind::Mem, 5), 24..48);
        assert_eq!(device.bd_ids(TileKind::Core, 1), 0..16);
        assert!(device.dma_reachable(tile(3, 1), 3, tile(4, 1)));
        assert!(!device.dma_reachable(tile(3, 1), 4, tile(4, 1)));
        assert!(!device.dma_reachable(tile(3, 1), 0, tile(3, 2)));
        assert_eq!(device.resources(TileKind::Core).bank_bytes(), 16384);
        assert_eq!(device.resources(TileKind::Mem).bank_bytes(), 65536);
        assert_eq!(device.resources(TileKind::ShimPl).dma_channels, 0);
    }

    #[test]
    fn stream_ports_vanish_at_the_edge() {
        let device = Device::by_name("xcve2802").unwrap();
        assert_eq!(device.stream_ports(tile(0, 5), Bundle::West, PortSide::In), 0);
        assert_eq!(device.stream_ports(tile(1, 5), Bundle::West, PortSide::In), 4);
        assert_eq!(device.stream_ports(tile(1, 2), Bundle::North, PortSide::In), 4);
        assert_eq!(device.stream_ports(tile(1, 2), Bundle::North, PortSide::Out), 6);
        assert_eq!(device.stream_ports(tile(1, 2), Bundle::East, PortSide::Out), 0);
        assert_eq!(device.stream_ports(tile(1, 10), Bundle::North, PortSide::Out), 0);
        assert_eq!(device.stream_ports(tile(9, 0), Bundle::Plio, PortSide::Out), 6);
        let npu = Device::by_name("npu1").unwrap();
        assert_eq!(npu.stream_ports(tile(1, 0), Bundle::Plio, PortSide::In), 0);
        assert_eq!(npu.stream_ports(tile(1, 0), Bundle::Noc, PortSide::In), 4);
    }

    #[test]
    fn peak_rates_match_the_published_ones() {
        let ml = Device::by_name("xcve2802").unwrap();
        let v2 = Device::by_name("npu2").unwrap();
        for (types, first, second) in
            [((8, 8), 256, 512), ((16, 8), 128, 256), ((8, 16), 64, 128), ((16, 16), 64, 128)]
        {
            assert_eq!(ml.macs_per_cycle(types.0, types.1), first, "{types:?}");
            assert_eq!(v2.macs_per_cycle(types.0, types.1), second, "{types:?}");
        }
        assert_eq!(ml.macs_per_cycle(32, 4), 0);
    }
}
