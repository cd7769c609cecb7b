//! The numbers, each with its source.
//!
//! Sources by short name:
//! * *target model*: `AIETargetModel.{h,cpp}` of mlir-aie, commit 979629649;
//! * *aie-rt*: register headers `xaiemlgbl_params.h`, `xaie2pgbl_params.h`;
//! * *AM020*: Versal AI Engine-ML Architecture Manual;
//! * *AM027*: Versal AIE-ML v2 Architecture Manual, version 1.1;
//! * *DS958*, *DS1021*: Versal AI Edge Series data sheets, of the first and the second
//!   generation, AC switching characteristics;
//! * *AIE API*: matrix multiplication modes of the AI Engine API User Guide
//!   (UG1529), and `detail/aie2`, `detail/aie2p` of aie_api, commit dc3ab77; version 2026.1
//!   computes integers on the Versal AIE-MLv2 (`aie2ps`) by what it has for XDNA 2 (`aie2p`).

use super::{
    BdFields, Device, Generation, Latency, MmulShape, PortSide, TileKind, TileResources, Timing,
};
use crate::array::Bundle;
use std::ops::Range;

/// Channels of a memory-tile DMA that reach the east and west neighbors: 0..4
/// (AM020 and AM027, memory tile; target model).
pub(super) const MEM_NEIGHBOR_CHANNELS: u32 = 4;

/// Consecutive columns, as a `Copy` type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Columns {
    begin: u32,
    end: u32,
}

impl Columns {
    pub(super) fn contains(&self, column: u32) -> bool {
        self.range().contains(&column)
    }
    pub(super) fn range(&self) -> Range<u32> {
        self.begin..self.end
    }
}

/// Streams between programmable logic and the array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Plio {
    pub(super) columns: Columns,
    /// Per column.
    pub(super) into_array: u32,
    pub(super) out_of_array: u32,
}

/// Core tile: 64 KiB in 4 banks of 16 KiB (AM020; each is a pair of physical
/// banks interleaved every 16 bytes), 16 locks up to 63, 16 BDs, 2 + 2
/// channels (target model). Field widths: length 14 bits, wrap 8, step 13
/// (stored less one), iteration 6 and 13 (aie-rt); tasks repeat up to 256
/// times (AM020), so a repeat count of at most 255.
const CORE: TileResources = TileResources {
    memory_bytes: 65536,
    banks: 4,
    locks: 16,
    max_lock_value: 63,
    buffer_descriptors: 16,
    dma_channels: 2,
    bd: BdFields {
        dimensions: 3,
        max_length: (1 << 14) - 1,
        max_wrap: (1 << 8) - 1,
        max_step: 1 << 13,
        max_iterations: 1 << 6,
        max_iteration_step: 1 << 13,
        max_padding: &[],
        max_repeat: 255,
    },
};

/// Memory tile: 512 KiB, 8 banks of 64 KiB in the target model's address map
/// (16 physical banks of 32 KiB, AM020; 8 of 64 KiB and 256 bits, AM027), 64 locks up to 63, 48 BDs in two
/// halves, 6 + 6 channels (target model). Field widths: length 17 bits, wrap
/// 10, step 17 (stored less one), iteration 6 and 17, padding 6, 5 and 4 bits
/// for dimensions 0, 1 and 2 (aie-rt).
const MEM: TileResources = TileResources {
    memory_bytes: 524288,
    banks: 8,
    locks: 64,
    max_lock_value: 63,
    buffer_descriptors: 48,
    dma_channels: 6,
    bd: BdFields {
        dimensions: 4,
        max_length: (1 << 17) - 1,
        max_wrap: (1 << 10) - 1,
        max_step: 1 << 17,
        max_iterations: 1 << 6,
        max_iteration_step: 1 << 17,
        max_padding: &[63, 31, 15],
        max_repeat: 255,
    },
};

/// Shim tile: no memory, 16 locks up to 63, 16 BDs, 2 + 2 channels (target
/// model). Field widths: length 32 bits, wrap 10, step 20 (stored less one),
/// iteration 6 and 20 (aie-rt).
const SHIM: TileResources = TileResources {
    memory_bytes: 0,
    banks: 0,
    locks: 16,
    max_lock_value: 63,
    buffer_descriptors: 16,
    dma_channels: 2,
    bd: BdFields {
        dimensions: 3,
        max_length: u32::MAX,
        max_wrap: (1 << 10) - 1,
        max_step: 1 << 20,
        max_iterations: 1 << 6,
        max_iteration_step: 1 << 20,
        max_padding: &[],
        max_repeat: 255,
    },
};

/// Ports of a stream switch (target model, `getNumDestSwitchboxConnections`
/// and `getNumSourceSwitchboxConnections`; AM020 chapter 2; AM027 has as many at a memory tile, 17
/// out and 18 in), edges aside.
/// `Plio` is per device; `Noc` is the shim multiplexer's.
pub(super) fn stream_ports(kind: TileKind, bundle: Bundle, side: PortSide) -> u32 {
    use Bundle::*;
    let (into, out) = match (kind, bundle) {
        (TileKind::Core, Core | Fifo | TileControl) => (1, 1),
        (TileKind::Core, Dma) => (2, 2),
        (TileKind::Core, Trace) => (2, 0),
        (TileKind::Core, West | East) => (4, 4),
        (TileKind::Mem, Dma) => (6, 6),
        (TileKind::Mem, Trace) => (1, 0),
        (TileKind::Mem, TileControl) => (1, 1),
        (TileKind::Core | TileKind::Mem, South) => (6, 4),
        (TileKind::Core | TileKind::Mem, North) => (4, 6),
        (TileKind::ShimNoc, Noc) => (4, 4),
        (TileKind::ShimNoc, Dma) => (2, 2),
        (TileKind::ShimNoc, TileControl) => (1, 1),
        (TileKind::ShimNoc | TileKind::ShimPl, Fifo) => (1, 1),
        (TileKind::ShimNoc | TileKind::ShimPl, South) => (8, 6),
        (TileKind::ShimNoc | TileKind::ShimPl, North) => (4, 6),
        (TileKind::ShimNoc | TileKind::ShimPl, West | East) => (4, 4),
        (TileKind::ShimNoc | TileKind::ShimPl, Trace) => (1, 0),
        _ => (0, 0),
    };
    match side {
        PortSide::In => into,
        PortSide::Out => out,
    }
}

/// A shape whose call is one instruction per `cycles` and nothing else.
const fn direct(
    types: (u32, u32),
    m: u32,
    k: u32,
    n: u32,
    accumulator_bits: u32,
    cycles: u32,
) -> MmulShape {
    MmulShape { types, m, k, n, accumulator_bits, cycles, direct: true }
}

/// A shape that unpacks or shuffles an operand first (footnote b of the AIE
/// API's table, or the shuffle of 8x8x8).
const fn shuffled(
    types: (u32, u32),
    m: u32,
    k: u32,
    n: u32,
    accumulator_bits: u32,
    cycles: u32,
) -> MmulShape {
    MmulShape { types, m, k, n, accumulator_bits, cycles, direct: false }
}

/// AIE-ML (AIE API; cycles = `mac_*` intrinsics in `detail/aie2/mmul_*.hpp`).
/// `2x8x8` of 8 x 8 is a `4x8x8` with half of its lanes unused.
const AIE_ML_SHAPES: &[MmulShape] = &[
    direct((8, 8), 4, 8, 8, 32, 1),
    direct((8, 8), 2, 8, 8, 32, 1),
    shuffled((8, 8), 8, 8, 8, 32, 2),
    shuffled((8, 8), 4, 16, 8, 32, 2),
    shuffled((8, 8), 2, 16, 8, 32, 2),
    shuffled((8, 8), 1, 16, 8, 32, 2),
    shuffled((8, 8), 4, 8, 4, 32, 1),
    shuffled((8, 8), 8, 8, 4, 32, 2),
    shuffled((8, 8), 4, 16, 4, 32, 2),
    direct((16, 8), 4, 4, 8, 32, 1),
    shuffled((16, 8), 8, 4, 8, 32, 2),
    direct((16, 8), 4, 8, 4, 64, 1),
    direct((16, 8), 2, 8, 8, 64, 1),
    shuffled((8, 16), 4, 4, 4, 64, 1),
    shuffled((8, 16), 4, 4, 8, 64, 2),
    direct((16, 16), 4, 2, 8, 32, 1),
    direct((16, 16), 8, 2, 8, 32, 2),
    direct((16, 16), 4, 4, 4, 64, 1),
    direct((16, 16), 2, 4, 8, 64, 1),
    shuffled((16, 16), 4, 4, 8, 64, 2),
];

/// AIE-MLv2 (AIE API; cycles = `mac_*` intrinsics in `detail/aie2p/mmul_*.hpp`).
/// Fewer rows than the instruction has leave lanes unused.
const AIE_ML_V2_SHAPES: &[MmulShape] = &[
    direct((8, 8), 8, 8, 8, 32, 1),
    direct((8, 8), 4, 8, 8, 32, 1),
    direct((8, 8), 2, 8, 8, 32, 1),
    direct((16, 8), 8, 4, 8, 32, 1),
    direct((16, 8), 4, 4, 8, 32, 1),
    direct((16, 8), 4, 8, 8, 64, 1),
    shuffled((8, 16), 8, 2, 8, 32, 1),
    shuffled((8, 16), 4, 4, 8, 64, 1),
    direct((16, 16), 8, 2, 8, 32, 1),
    direct((16, 16), 4, 2, 8, 32, 1),
    direct((16, 16), 4, 4, 8, 64, 1),
    direct((16, 16), 2, 4, 8, 64, 1),
];

/// AIE-ML at 1250 MHz, the -2M speed grade of DS958 (VEK280's part). A stream
/// moves 32 bits, a core loads 2 x 256 bits and stores 256 bits in a cycle
/// (AM020).
const VERSAL_TIMING: Timing = Timing {
    clock_mhz: 1250,
    stream_bytes: 4,
    outer_bytes: 4,
    load_bytes: 32,
    loads: 2,
    store_bytes: 32,
};

/// XDNA 1 runs its array at 1.8 GHz in the default power mode (published
/// measurement: ignite-xdna, SILICON.md 1.7).
const NPU1_TIMING: Timing = Timing { clock_mhz: 1800, ..VERSAL_TIMING };

/// XDNA 2 loads 2 x 512 bits and stores 512 bits in a cycle (cern-nextgen
/// aie4ml device catalogue, commit 167e5de). Its stream switch is 64 bits
/// wide, its DMA channels are taken at 32 bits as no rate was found; 1800 MHz
/// is npu1's, as none was found either.
const NPU2_TIMING: Timing =
    Timing { clock_mhz: 1800, load_bytes: 64, store_bytes: 64, ..VERSAL_TIMING };

/// AIE-MLv2 on Versal at 1250 MHz, the -2M speed grade of DS1021 (VEK385's part). Switches, and
/// the DMA of tiles, move 64 bits in a cycle; a core loads 2 x 512 bits and stores 512 bits
/// (AM027). What leads out is as narrow as ever: a stream from programmable logic has 64 bits of
/// a clock of 625 MHz at most (AM027, DS1021); DMA channels to external memory are taken at 32
/// bits, as no rate was found.
const VERSAL_V2_TIMING: Timing = Timing { stream_bytes: 8, clock_mhz: 1250, ..NPU2_TIMING };

/// Columns with a shim DMA (target model).
const VE2802_NOC: &[u32] = &[2, 3, 6, 7, 14, 15, 22, 23, 30, 31, 34, 35];
const VE2302_NOC: &[u32] = &[2, 3, 6, 7, 10, 11];
/// Every interface tile of AIE-MLv2 has its way to the NoC (AM027; target model of mlir-aie's pull
/// request 3593).
const VE3858_NOC: &[u32] = &[
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
    26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
];
const NPU_NOC: &[u32] = &[0, 1, 2, 3, 4, 5, 6, 7];

/// 8 streams in and 6 out per column (DS958: 5 GB/s each; target model).
const fn plio(begin: u32, end: u32) -> Option<Plio> {
    Some(Plio { columns: Columns { begin, end }, into_array: 8, out_of_array: 6 })
}

/// Properties that all devices here share.
fn base(name: &'static str, generation: Generation) -> Device {
    let v2 = generation == Generation::AieMlV2;
    Device {
        name,
        generation,
        columns: 0,
        mem_rows: 1,
        core_row_count: 0,
        noc_columns: &[],
        plio: None,
        core: CORE,
        mem: MEM,
        shim: SHIM,
        timing: VERSAL_TIMING,
        latency: Latency::of(generation),
        // The task queue of a channel (AM020; the DMA model of xdna-emu,
        // calibrated on hardware).
        dma_tasks: 4,
        // 1024 instructions of 128 bits (AM020, AM027; aie-rt `ProgMemSize`).
        program_memory_bytes: 16384,
        // 512 bits (target model, `getAccumulatorCascadeSize`), a FIFO of two
        // at each end (AM020, AM027).
        cascade_bits: 512,
        cascade_depth: 4,
        // One load: 256 bits on AIE-ML, 512 bits on AIE-MLv2 (AIE API,
        // `vector_decl_align`).
        vector_alignment: if v2 { 64 } else { 32 },
        shapes: if v2 { AIE_ML_V2_SHAPES } else { AIE_ML_SHAPES },
    }
}

fn npu1(name: &'static str, columns: u32) -> Device {
    Device {
        columns,
        core_row_count: 4,
        noc_columns: &NPU_NOC[..columns as usize],
        timing: NPU1_TIMING,
        ..base(name, Generation::AieMl)
    }
}

fn npu2(name: &'static str, columns: u32) -> Device {
    Device {
        columns,
        core_row_count: 4,
        noc_columns: &NPU_NOC[..columns as usize],
        timing: NPU2_TIMING,
        ..base(name, Generation::AieMlV2)
    }
}

/// All devices; grids from the target model.
pub(super) fn all() -> Vec<Device> {
    let mut devices = vec![
        Device {
            columns: 38,
            mem_rows: 2,
            core_row_count: 8,
            noc_columns: VE2802_NOC,
            // 28 columns face programmable logic (DS958: 1120 GB/s at 5 GB/s
            // per stream); the first is column 5 (cern-nextgen aie4ml device
            // catalogue). The target model has them in every column.
            plio: plio(5, 33),
            ..base("xcve2802", Generation::AieMl)
        },
        Device {
            columns: 17,
            core_row_count: 2,
            noc_columns: VE2302_NOC,
            // 12 columns face programmable logic (DS958); which ones was not
            // found, so all of them, as in the target model.
            plio: plio(0, 17),
            ..base("xcve2302", Generation::AieMl)
        },
        Device {
            // 36 x 7, and 64 KiB, 512 KiB, 16, 64 and 16 locks, 16, 48 and 16 descriptors as in
            // AIE-ML (target model of mlir-aie's pull request 3593; AM027).
            columns: 36,
            mem_rows: 2,
            core_row_count: 4,
            noc_columns: VE3858_NOC,
            // 27 columns face programmable logic (DS1021: 1080 GB/s at 8 streams of 5 GB/s each);
            // the first is column 4 (cern-nextgen aie4ml device catalogue).
            plio: plio(4, 31),
            timing: VERSAL_V2_TIMING,
            ..base("xcve3858", Generation::AieMlV2)
        },
    ];
    devices.extend(
        [("npu1", 4), ("npu1_1col", 1), ("npu1_2col", 2), ("npu1_3col", 3)]
            .map(|(n, c)| npu1(n, c)),
    );
    devices.extend(
        [
            ("npu2", 8),
            ("npu2_1col", 1),
            ("npu2_2col", 2),
            ("npu2_3col", 3),
            ("npu2_4col", 4),
            ("npu2_5col", 5),
            ("npu2_6col", 6),
            ("npu2_7col", 7),
        ]
        .map(|(n, c)| npu2(n, c)),
    );
    devices
}
