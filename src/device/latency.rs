//! What moving data, synchronizing and calling costs, in cycles of the array
//! clock: the one table of the timed simulator, per device.
//!
//! Sources by short name, beside those of [`tables`](super::tables):
//! * *xdna-emu*: an emulator of XDNA 1 calibrated on hardware
//!   (`xdna-archspec`, `model_builder.rs`);
//! * *ignite-xdna*: measurements on AIE-ML silicon (`SILICON.md`, cross audit);
//! * *Peano*: `AIE2Schedule.td` of llvm-aie, commit 0361a31;
//! * *fitted*: least mean error over the 36 published networks of
//!   `docs/calibration/network_latency.csv`, see `docs/simulator.md`.

use super::{Generation, issue};

/// Time constants beside the rates of [`Timing`](super::Timing).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Latency {
    /// From one buffer descriptor of a chain to the next.
    pub dma_chain: u64,
    /// From a channel's first descriptor to its first request.
    pub dma_start: u64,
    /// Of a DMA's access to memory.
    pub dma_memory: u64,
    /// Of a lock request of a DMA channel.
    pub dma_lock: u64,
    /// Of a stream from a DMA into its tile's switch and out of one, together.
    pub stream_ends: u64,
    /// Of a stream from one tile's switch to the next.
    pub hop: u64,
    /// Of a stream between programmable logic and the interface tile's switch.
    pub plio: u64,
    /// Words that a stream holds in each switch on its way.
    pub hop_words: usize,
    /// Of a lock request of a core, beside waiting.
    pub core_lock: u64,
    /// Of a call of an empty kernel.
    pub call: u64,
    /// From a write to a cascade to where the next core may read the value.
    pub cascade: u64,
    /// From reading a cascade to using the value.
    pub cascade_read: u64,
    /// Of the steps that a block of products goes through: load, multiply,
    /// round and store. A block that is shorter takes this long.
    pub pipeline: u64,
    /// Of a shim channel's reads from the host's memory, and of its writes there.
    pub host_read: HostAccess,
    pub host_write: HostAccess,
    /// Of an instruction of the processor that carries out a runtime sequence.
    pub host_instruction: u64,
}

/// What a transfer with the host's memory takes before its first word; after it, a word a cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostAccess {
    /// Every time that a channel begins: a task, or a descriptor that the host held up.
    pub begin: u64,
    /// More, the first time.
    pub cold: u64,
    /// Of what the first time costs more, how much stays the next time, in thousandths.
    pub decay: u64,
}

/// AIE-ML. AIE-MLv2 has no published figures of its own.
const AIE_ML: Latency = Latency {
    // xdna-emu: BD chaining 2; BD setup 4 and channel start 2; memory 5; lock
    // acquire or release 1, arbitration 1 per request even without contention.
    dma_chain: 2,
    dma_start: 6,
    dma_memory: 5,
    dma_lock: 2,
    // AM020 chapter 2: local to external 4, external to local 3, less the
    // crossing that each `hop` counts.
    stream_ends: 3,
    // Fitted, from 4 to 10; AIE4ML's documentation: about 8 per column
    // (`docs/support.md`); AM020: 4 through each switch.
    hop: 7,
    // Fitted.
    plio: 0,
    // AM020 chapter 2: 6 to 8 words per crossing. A stream holds no fewer than are
    // on their way at full rate, or a long way would throttle it, which it does not.
    hop_words: 8,
    // xdna-emu: 1; what surrounds a call takes about 30 cycles (ignite-xdna), most
    // of which is in `call`.
    core_lock: 1,
    // Fitted to the published kernels; ignite-xdna: 19.1 to 20.4 for an empty
    // call in a loop.
    call: 14,
    // cern-nextgen aie4ml cost artifact: link latency 4 (of AIE1).
    cascade: 4,
    // Peano: cascade read 7, and an addition of accumulators 2.
    cascade_read: 9,
    // Load, product, rounding, store.
    pipeline: issue::through(),
    // xdna-emu: 50 runs of chains of 1 to 8 tasks of 64 words each, on an NPU 1.
    // Versal has another way to another memory; no figures of it were found, so
    // these stand in for them, and reports say so.
    host_read: HostAccess { begin: 325, cold: 1330, decay: 310 },
    host_write: HostAccess { begin: 179, cold: 341, decay: 0 },
    // xdna-emu (`sp4a-fill-reconciliation-drain-pacing`): from a sequence of 1024
    // writes to registers on an NPU 1. What comes before the first instruction,
    // 25000 to 40000 cycles, differs from run to run and is not counted.
    host_instruction: 112,
};

impl Latency {
    pub(super) const fn of(generation: Generation) -> Latency {
        match generation {
            Generation::AieMl | Generation::AieMlV2 => AIE_ML,
        }
    }
}
