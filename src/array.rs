//! An array program in plain Rust: what one `aie.device` says.
//!
//! The lowering builds a [`Program`], [`crate::dialect::aie`] writes it as an
//! `aie.device` and reads it back, and the simulator executes it. Nothing here
//! knows MLIR.
//!
//! Units follow the `aie` dialect: offsets, lengths, sizes and strides of a
//! buffer descriptor are in *elements* of its buffer, dimensions are listed
//! outermost first, column 0 is west, row 0 is the shim.
//!
//! **Invariant:** every index ([`BufferId`], [`LockId`], [`KernelId`]) points
//! into the vectors of the program that holds it.

pub mod code;
mod part;

pub use part::Part;

use std::fmt;

/// A tile of the array.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Tile {
    pub column: u32,
    pub row: u32,
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "tile({}, {})", self.column, self.row)
    }
}

/// The type of a buffer's elements. Integers have no sign of their own, as in MLIR.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Element {
    I8,
    I16,
    I32,
    I64,
    Bf16,
    F32,
}

impl Element {
    /// Size in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Element::I8 => 1,
            Element::I16 | Element::Bf16 => 2,
            Element::I32 | Element::F32 => 4,
            Element::I64 => 8,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BufferId(pub usize);

/// `aie.buffer` or, with `external`, `aie.external_buffer`.
#[derive(Clone, PartialEq, Debug)]
pub struct Buffer {
    /// Unused by an external buffer.
    pub tile: Tile,
    pub name: String,
    pub shape: Vec<usize>,
    pub element: Element,
    /// Byte address in the tile's memory, if it is fixed.
    pub address: Option<u32>,
    /// Initial contents, little endian, `len * element.bytes()` long.
    pub initial: Option<Vec<u8>>,
    pub external: bool,
}

impl Buffer {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.len() * self.element.bytes()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LockId(pub usize);

/// `aie.lock`: a counting semaphore.
#[derive(Clone, PartialEq, Debug)]
pub struct Lock {
    pub tile: Tile,
    pub name: String,
    pub id: Option<u32>,
    pub initial: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockAction {
    /// Wait for at least the value, then subtract it.
    AcquireGreaterEqual,
    /// Wait for exactly the value.
    AcquireEqual,
    /// Add the value.
    Release,
}

/// `aie.use_lock`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UseLock {
    pub lock: LockId,
    pub action: LockAction,
    pub value: i32,
}

/// One dimension of an access pattern, in elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dim {
    pub size: usize,
    pub stride: usize,
}

/// Zeros around one dimension, in elements of that dimension.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pad {
    pub before: usize,
    pub after: usize,
}

/// A packet header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet {
    pub kind: u8,
    pub id: u8,
}

/// One block of a DMA program: a buffer descriptor between its lock uses.
#[derive(Clone, PartialEq, Debug)]
pub struct Bd {
    pub buffer: BufferId,
    pub offset: usize,
    /// Elements moved, padding included.
    pub len: usize,
    /// Outermost first; empty means `len` consecutive elements.
    pub dims: Vec<Dim>,
    /// As many as `dims`, or none.
    pub pad: Vec<Pad>,
    pub acquire: Option<UseLock>,
    pub release: Option<UseLock>,
    pub packet: Option<Packet>,
    /// Index into [`DmaChannel::bds`]; `None` ends the chain.
    pub next: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Direction {
    /// Stream to memory.
    S2mm,
    /// Memory to stream.
    Mm2s,
}

/// `aie.dma_start` with the blocks it reaches; it begins at `bds[0]`.
#[derive(Clone, PartialEq, Debug)]
pub struct DmaChannel {
    pub tile: Tile,
    pub direction: Direction,
    pub channel: u32,
    /// The chain runs `repeat_count + 1` times.
    pub repeat_count: u32,
    pub bds: Vec<Bd>,
}

/// Ports of a stream switch, as `aie.flow` names them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Bundle {
    Core,
    Dma,
    Fifo,
    South,
    West,
    North,
    East,
    Plio,
    Noc,
    Trace,
    TileControl,
}

impl Bundle {
    /// All, in the order of their numbers in mlir-aie.
    pub const ALL: [Bundle; 11] = [
        Bundle::Core,
        Bundle::Dma,
        Bundle::Fifo,
        Bundle::South,
        Bundle::West,
        Bundle::North,
        Bundle::East,
        Bundle::Plio,
        Bundle::Noc,
        Bundle::Trace,
        Bundle::TileControl,
    ];

    /// As mlir-aie spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Bundle::Core => "Core",
            Bundle::Dma => "DMA",
            Bundle::Fifo => "FIFO",
            Bundle::South => "South",
            Bundle::West => "West",
            Bundle::North => "North",
            Bundle::East => "East",
            Bundle::Plio => "PLIO",
            Bundle::Noc => "NOC",
            Bundle::Trace => "Trace",
            Bundle::TileControl => "TileControl",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Port {
    pub tile: Tile,
    pub bundle: Bundle,
    pub channel: u32,
}

/// `aie.flow`, or all `aie.flow`s of one source: a broadcast.
#[derive(Clone, PartialEq, Debug)]
pub struct Flow {
    pub source: Port,
    pub destinations: Vec<Port>,
    /// The id of an `aie.packet_flow`.
    pub packet: Option<u8>,
    pub keep_packet_header: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct KernelId(pub usize);

/// A function declaration that cores call.
#[derive(Clone, PartialEq, Debug)]
pub struct Kernel {
    pub name: String,
    pub link_with: Option<String>,
    /// Cycles of a call that never waits, where the name does not tell them.
    pub cycles: Option<u64>,
    pub arguments: Vec<Type>,
    pub results: Vec<Type>,
}

/// Types of kernel arguments and of values in a core.
#[derive(Clone, PartialEq, Debug)]
pub enum Type {
    MemRef(Vec<usize>, Element),
    Scalar(Element),
    Index,
    I1,
    Vector(usize, Element),
}

/// `aie.core`.
#[derive(Clone, PartialEq, Debug)]
pub struct Core {
    pub tile: Tile,
    /// In bytes.
    pub stack_size: u32,
    pub body: Vec<Stmt>,
    /// What this core computes, if this compiler made it.
    pub slice: Option<Slice>,
    /// In place of the body, an index into [`Program::functions`].
    pub code: Option<usize>,
}

/// A value in a core's body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reg(pub usize);

/// A statement of a core's body, structured as `scf` is.
#[derive(Clone, PartialEq, Debug)]
pub enum Stmt {
    UseLock(UseLock),
    Call {
        kernel: KernelId,
        arguments: Vec<Argument>,
        results: Vec<Reg>,
    },
    /// `scf.for` without iteration arguments.
    For {
        variable: Reg,
        lower: Argument,
        upper: Argument,
        step: Argument,
        body: Vec<Stmt>,
    },
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Argument {
    Buffer(BufferId),
    Constant(i64),
    Reg(Reg),
}

/// The part of a layer that a core computes: rows `0..rows` of a block, inputs
/// `k`, outputs `n`, as half-open ranges of the layer's own features, which
/// end at the layer's real extent (padding is not part of the range).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slice {
    pub layer: String,
    /// What the layer reads: one tensor that it multiplies by weights, or
    /// several that it combines element by element, so that `k` is `n`.
    pub sources: Vec<Source>,
    /// Indices of the program's outputs that the layer fills.
    pub outputs: Vec<usize>,
    pub k: (usize, usize),
    pub n: (usize, usize),
    /// Position in the cascade and its length.
    pub cascade: (usize, usize),
    /// Real rows of an iteration.
    pub rows: usize,
    /// Rows, inputs and outputs of the blocks in which the core's buffers lie.
    pub microtile: (usize, usize, usize),
    /// Whether every core reads whole rows of all sources, which may differ in extent; `k` is that
    /// of the first.
    pub whole: bool,
}

/// A tensor that a layer reads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// Index into [`Program::inputs`].
    Input(usize),
    /// The output of the layer of that name.
    Layer(String),
}

/// A tensor at the edge of the array and the streams that carry it.
///
/// `rows x columns` codes make one iteration; each stream carries, per
/// iteration, its slices in order, each row-major, each row padded with zeros
/// to `pitch` elements.
#[derive(Clone, PartialEq, Debug)]
pub struct Interface {
    pub name: String,
    pub rows: usize,
    pub columns: usize,
    /// Rows of the whole tensor; a last, partial block is padded with zeros.
    pub batch: usize,
    pub element: Element,
    pub signed: bool,
    /// Real value = `scale * (code - zero_point)`.
    pub scale: f64,
    pub zero_point: i64,
    /// Smallest and largest code.
    pub range: (i64, i64),
    /// Empty if the tensor lies in `memory`.
    pub streams: Vec<Stream>,
    /// An external buffer `[rows][pitch]` that holds the tensor of one
    /// invocation, whole iterations of `rows`, zero beyond `batch` and `columns`.
    pub memory: Option<BufferId>,
}

/// One port's share of an [`Interface`].
#[derive(Clone, PartialEq, Debug)]
pub struct Stream {
    pub port: Port,
    pub slices: Vec<StreamSlice>,
}

/// Columns `begin..end` of every row of a block, `pitch` elements per row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamSlice {
    pub begin: usize,
    pub end: usize,
    pub pitch: usize,
}

/// `aie.shim_dma_allocation`: what the host's program calls a channel of a shim tile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allocation {
    pub name: String,
    pub tile: Tile,
    pub direction: Direction,
    pub channel: u32,
}

/// `aie.runtime_sequence`: the host's program for one invocation.
#[derive(Clone, PartialEq, Debug)]
pub struct Sequence {
    pub name: String,
    /// The host's buffers, external ones of [`Program::buffers`] called `argument0` and so on.
    pub arguments: Vec<BufferId>,
    pub steps: Vec<Step>,
}

/// What the host does.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Start a copy; it runs on its own.
    Copy(Memcpy),
    /// `aiex.npu.dma_wait`: take a token of a channel, when there is one.
    Wait {
        /// Index into [`Program::allocations`].
        allocation: usize,
    },
    /// `aiex.dma_start_task`: queue a chain of descriptors of any tile's channel.
    Start(Task),
    /// `aiex.npu.sync` and `aiex.dma_await_task`: take a token of a channel.
    Sync(TaskChannel),
    Write(Write),
}

/// What the host writes by itself.
#[derive(Clone, PartialEq, Debug)]
pub enum Write {
    /// Bytes of a buffer.
    Bytes { buffer: BufferId, offset: usize, bytes: Vec<u8> },
    /// The bits of a word of a buffer that the mask has.
    Bits { buffer: BufferId, offset: usize, value: u32, mask: u32 },
    /// The value of a lock, whatever it had.
    Lock { lock: LockId, value: i32 },
}

/// A DMA channel that the host drives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TaskChannel {
    pub tile: Tile,
    pub direction: Direction,
    pub channel: u32,
}

/// A chain of descriptors for the host to start.
#[derive(Clone, PartialEq, Debug)]
pub struct Task {
    pub channel: TaskChannel,
    /// It begins at the first; `next` counts from there.
    pub chain: Vec<Bd>,
    /// Further runs of the chain.
    pub repeat_count: u32,
    pub issue_token: bool,
}

/// `aiex.npu.dma_memcpy_nd`: a buffer descriptor of a shim channel, and the
/// task that runs it once. Outermost dimension first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Memcpy {
    /// Index into [`Program::allocations`].
    pub allocation: usize,
    pub buffer: BufferId,
    /// In steps of `strides`.
    pub offsets: [usize; 4],
    /// The outermost counts repetitions of the descriptor.
    pub sizes: [usize; 4],
    pub strides: [usize; 4],
    /// Which descriptor of the shim tile it takes.
    pub id: u32,
    pub issue_token: bool,
    /// Goes before each repetition.
    pub packet: Option<Packet>,
}

impl Memcpy {
    /// What the copy walks: a packet for each repetition, or all at once.
    pub fn chain(&self) -> Vec<Bd> {
        if self.packet.is_none() {
            return vec![self.descriptor()];
        }
        let [times, ..] = self.sizes;
        let one = |time: usize| {
            let mut part = self.clone();
            part.sizes[0] = 1;
            part.offsets[0] += time;
            let next = (time + 1 < times).then_some(time + 1);
            Bd { packet: self.packet, next, ..part.descriptor() }
        };
        (0..times).map(one).collect()
    }

    /// What the copy walks.
    pub fn descriptor(&self) -> Bd {
        let dims: Vec<Dim> = (self.sizes.iter().zip(self.strides))
            .map(|(&size, stride)| Dim { size, stride })
            .collect();
        Bd {
            buffer: self.buffer,
            offset: self.offsets.iter().zip(self.strides).map(|(o, stride)| o * stride).sum(),
            len: self.sizes.iter().product(),
            dims,
            pad: Vec::new(),
            acquire: None,
            release: None,
            packet: None,
            next: None,
        }
    }
}

/// All of one device's program.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Program {
    /// As `aie.device` names it, such as `xcve2802`.
    pub device: String,
    pub buffers: Vec<Buffer>,
    pub locks: Vec<Lock>,
    pub dmas: Vec<DmaChannel>,
    pub flows: Vec<Flow>,
    /// `(source, destination)` of each `aie.cascade_flow`.
    pub cascades: Vec<(Tile, Tile)>,
    pub kernels: Vec<Kernel>,
    /// Bodies of cores that compute by themselves, and what these call.
    pub functions: Vec<code::Function>,
    pub cores: Vec<Core>,
    pub allocations: Vec<Allocation>,
    pub sequences: Vec<Sequence>,
    pub inputs: Vec<Interface>,
    pub outputs: Vec<Interface>,
}

impl Program {
    /// The functions that a core of its own code runs, each once, with their indices.
    pub fn code_of(&self, core: &Core) -> Vec<(usize, &code::Function)> {
        let mut found: Vec<usize> = core.code.into_iter().collect();
        let mut next = 0;
        while let Some(function) = found.get(next).and_then(|&index| self.functions.get(index)) {
            for called in function.calls() {
                if !found.contains(&called) {
                    found.push(called);
                }
            }
            next += 1;
        }
        found.into_iter().filter_map(|index| Some((index, self.functions.get(index)?))).collect()
    }

    /// Every use of a lock in the code of a core, as often as it is written.
    pub fn code_locks(&self, core: &Core) -> Vec<UseLock> {
        self.code_of(core).into_iter().flat_map(|(_, function)| function.lock_uses()).collect()
    }
}
