//! Reads an `aie.device` as an array program.

mod core;
mod dma;
mod routed;

use super::{
    ACQUIRE_EQUAL, ACQUIRE_GREATER_EQUAL, CORE, DEVICE, INPUTS, MM2S, OUTPUTS, RELEASE, S2MM, code,
    device_name,
    fifo::{End, Fifo},
    flag, host, integer, interface, memref_of, op_name, sequence, string, type_of,
};
use crate::{
    array::{
        Buffer, BufferId, Bundle, Direction, Flow, Kernel, KernelId, Lock, LockAction, LockId,
        Part, Port, Program, Reg, Task, Tile, UseLock, code::Function,
    },
    dialect::scalar,
    mlir::{
        constant,
        diagnostic::{Result, fail},
        rewrite,
    },
};
use dma::{descriptors, starts};
use melior::ir::{
    BlockLike, BlockRef, Location, OperationRef, Value, ValueLike,
    attribute::{FlatSymbolRefAttribute, TypeAttribute},
    operation::OperationLike,
    r#type::FunctionType,
};
use std::collections::{BTreeMap, HashMap};

const SEQUENCE: &str = "aie.runtime_sequence";

/// Reads `device`, an `aie.device`, as a program.
///
/// # Errors
///
/// At the first op that a [`Program`] cannot express, such as a lowered switch box.
pub fn read<'c>(device: OperationRef<'c, '_>) -> Result<'c, Program> {
    Ok(read_located(device)?.0)
}

/// Reads `device` as [`read`] does, with the op of each part of the program.
///
/// # Errors
///
/// As [`read`].
pub fn read_located<'c, 'a>(device: OperationRef<'c, 'a>) -> Result<'c, (Program, Places<'c, 'a>)> {
    read_as(device, false)
}

/// Reads what a [`Program`] can express of `device` and leaves out the rest;
/// of cores only their uses of locks.
///
/// # Errors
///
/// If `device` is none, of an unknown name, or with broken interfaces.
pub fn read_known<'c, 'a>(device: OperationRef<'c, 'a>) -> Result<'c, (Program, Places<'c, 'a>)> {
    read_as(device, true)
}

/// Where each part of the program of `device` is said.
///
/// # Errors
///
/// As [`read`].
pub fn locations<'c>(device: OperationRef<'c, '_>) -> Result<'c, HashMap<Part, Location<'c>>> {
    let mut reader = Reader { said: Some(HashMap::new()), ..Reader::default() };
    let (program, places) = read_with(&mut reader, device)?;
    let mut found = HashMap::new();
    let mut add = |part, op: &OperationRef<'c, '_>| _ = found.insert(part, op.location());
    let all = (places.buffers.iter().enumerate()).map(|(i, op)| (Part::Buffer(BufferId(i)), op));
    let all = all
        .chain(places.locks.iter().enumerate().map(|(i, op)| (Part::Lock(LockId(i)), op)))
        .chain(places.flows.iter().enumerate().map(|(i, op)| (Part::Flow(i), op)))
        .chain(places.cores.iter().enumerate().map(|(i, op)| (Part::Core(i), op)));
    all.for_each(|(part, op)| add(part, op));
    for (channel, (start, bds)) in places.dmas.iter().enumerate() {
        add(Part::Channel(channel), start);
        // A channel of an object FIFO has none of its own, and one of several programs more.
        if program.dmas[channel].bds.len() == bds.len() {
            bds.iter().enumerate().for_each(|(bd, op)| add(Part::Bd(channel, bd), op));
        }
    }
    // Functions that cores call may lie beside the device.
    let mut top = device;
    while let Some(parent) = top.parent_operation() {
        top = parent;
    }
    let said = reader.said.unwrap_or_default();
    let ops: HashMap<usize, Location<'c>> =
        scalar::nested(top).into_iter().map(|op| (op_key(op), op.location())).collect();
    found.extend(said.into_iter().filter_map(|(part, op)| Some((part, *ops.get(&op)?))));
    Ok(found)
}

/// The ops of the parts of a program, index by index.
#[derive(Default)]
pub struct Places<'c, 'a> {
    pub buffers: Vec<OperationRef<'c, 'a>>,
    pub locks: Vec<OperationRef<'c, 'a>>,
    /// Each `aie.dma_start` with its `aie.dma_bd`s.
    pub dmas: Vec<(OperationRef<'c, 'a>, Vec<OperationRef<'c, 'a>>)>,
    /// Of a broadcast the first `aie.flow`.
    pub flows: Vec<OperationRef<'c, 'a>>,
    pub cores: Vec<OperationRef<'c, 'a>>,
}

fn read_as<'c, 'a>(
    device: OperationRef<'c, 'a>,
    lenient: bool,
) -> Result<'c, (Program, Places<'c, 'a>)> {
    read_with(&mut Reader { lenient, ..Reader::default() }, device)
}

fn read_with<'c, 'a>(
    reader: &mut Reader,
    device: OperationRef<'c, 'a>,
) -> Result<'c, (Program, Places<'c, 'a>)> {
    let lenient = reader.lenient;
    if !rewrite::is(&device, DEVICE) {
        return Err(fail(&device, format_args!("is not an '{DEVICE}'")));
    }
    let name = device_name(device).ok_or_else(|| fail(&device, "needs a known device"))?;
    reader.program.device = name.to_string();
    let ops = rewrite::body(device).map(rewrite::ops).unwrap_or_default();
    // Calls may come before the declaration of what they call.
    for &op in ops.iter().filter(|op| rewrite::is(op, "func.func")) {
        if let Err(failure) = reader.kernel(op)
            && !lenient
        {
            return Err(failure);
        }
    }
    let mut places = Places::default();
    // Cores are last: they use what others stand for.
    let (cores, others): (Vec<_>, Vec<_>) = ops.into_iter().partition(|op| rewrite::is(op, CORE));
    reader.parts(&others, &mut places)?;
    if !lenient {
        reader.fifos(&others, &mut places)?;
        reader.routed(&others)?;
        if let Some(&op) = others.iter().find(|op| rewrite::is(op, "aie.switchbox")) {
            reader.note_places(op, &mut places);
        }
    }
    reader.parts(&cores, &mut places)?;
    for &op in others.iter().filter(|op| rewrite::is(op, SEQUENCE)) {
        if let Err(failure) = host::read(reader, op)
            && !lenient
        {
            return Err(failure);
        }
    }
    let mut program = std::mem::take(&mut reader.program);
    let external = |name: &str| {
        program.buffers.iter().position(|b| b.external && b.name == name).map(BufferId)
    };
    let interfaces = |name: &str| match device.attribute(name) {
        Err(_) => Ok(Vec::new()),
        Ok(attribute) => interface::read(attribute, &external)
            .map_err(|missing| fail(&device, format_args!("needs {missing} in '{name}'"))),
    };
    (program.inputs, program.outputs) = (interfaces(INPUTS)?, interfaces(OUTPUTS)?);
    Ok((program, places))
}

/// What an SSA value of a device stands for.
#[derive(Clone, Copy)]
pub(super) enum Thing {
    Tile(Tile),
    Buffer(BufferId),
    Lock(LockId),
    Constant(i64),
    Reg(Reg),
    /// A task of the host, by its place among all.
    Task(usize),
}

#[derive(Default)]
pub(super) struct Reader {
    pub program: Program,
    /// By the address of the value in MLIR, which is stable while it is read.
    things: HashMap<usize, Thing>,
    kernels: HashMap<String, KernelId>,
    /// Where buffers lie, those of open address as mlir-aie places them.
    pub addresses: BTreeMap<usize, u32>,
    /// Descriptors that the host writes word by word.
    pub registers: host::registers::Registers,
    /// Tasks that the host has configured.
    pub tasks: Vec<Task>,
    /// Compiled functions, by the tile whose core calls them: each has its own memory.
    functions: HashMap<(Tile, String), usize>,
    /// Buffers that a core's program brings along, by the name of the global.
    globals: HashMap<(Tile, String), BufferId>,
    /// The tile of the core that is read.
    tile: Option<Tile>,
    pub fifos: HashMap<String, Fifo>,
    flows: HashMap<Port, usize>,
    regs: usize,
    /// Leave out what is not supported.
    lenient: bool,
    /// The ops of parts that [`Places`] does not have, by their address, if somebody asks for them.
    pub said: Option<HashMap<Part, usize>>,
    /// The ops of the instructions of the function that was compiled last, by block and place.
    pub compiled: Vec<(usize, usize, usize)>,
    /// Statements read of the core that is read.
    statements: usize,
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

/// By the address of the op in MLIR, which is stable while it is read.
pub(super) fn op_key(op: OperationRef) -> usize {
    op.to_raw().ptr as usize
}

pub(super) fn block_key(block: BlockRef) -> usize {
    block.to_raw().ptr as usize
}

/// An attribute that is a natural number of 32 bits.
pub(super) fn natural<'c>(op: OperationRef<'c, '_>, name: &str) -> Result<'c, u32> {
    integer(op, name)
        .and_then(|value| u32::try_from(value).ok())
        .ok_or_else(|| fail(&op, format_args!("needs '{name}' of at least 0")))
}

/// The same, or `default` if it is absent.
pub(super) fn natural_or<'c>(
    op: OperationRef<'c, '_>,
    name: &str,
    default: usize,
) -> Result<'c, usize> {
    if op.has_attribute(name) { Ok(natural(op, name)? as usize) } else { Ok(default) }
}

pub(super) fn direction<'c>(op: OperationRef<'c, '_>, name: &str) -> Result<'c, Direction> {
    match integer(op, name) {
        Some(S2MM) => Ok(Direction::S2mm),
        Some(MM2S) => Ok(Direction::Mm2s),
        _ => Err(fail(&op, format_args!("needs a known '{name}'"))),
    }
}

/// The op of that kind and name in the device of `op`, or in its module.
pub(super) fn declaration<'c, 'a>(
    op: OperationRef<'c, 'a>,
    kind: &str,
    name: &str,
) -> Option<OperationRef<'c, 'a>> {
    let mut parent = op.parent_operation();
    while let Some(scope) = parent {
        parent = scope.parent_operation();
        if !rewrite::is(&scope, DEVICE) && !rewrite::is(&scope, "builtin.module") {
            continue;
        }
        let found = rewrite::body(scope)
            .map(rewrite::ops)
            .unwrap_or_default()
            .into_iter()
            .find(|op| rewrite::is(op, kind) && string(*op, "sym_name") == Some(name));
        if found.is_some() {
            return found;
        }
    }
    None
}

fn empty() -> Function {
    Function {
        name: String::new(),
        parameters: Vec::new(),
        registers: 0,
        blocks: Vec::new(),
        endless: false,
    }
}

impl Reader {
    pub(super) fn define_value(&mut self, value: Value, thing: Thing) {
        self.things.insert(key(value), thing);
    }

    pub(super) fn thing(&self, value: Value) -> Option<Thing> {
        self.things.get(&key(value)).copied()
    }

    /// The buffer at an address of a tile, and the byte in it.
    pub(super) fn memory_at(&self, tile: Tile, address: u32) -> Option<(BufferId, usize)> {
        self.addresses.iter().find_map(|(&index, &begin)| {
            let buffer = self.program.buffers.get(index)?;
            let offset = address.checked_sub(begin)? as usize;
            let is_it = buffer.tile == tile && offset < buffer.bytes();
            is_it.then_some((BufferId(index), offset))
        })
    }

    /// The end of a FIFO that the core that is read fills or empties.
    pub(super) fn fifo_end(&self, name: &str, produces: bool) -> Option<End> {
        let fifo = self.fifos.get(name)?;
        let mut consumers = fifo.consumers.iter();
        match produces {
            true => fifo.producer.clone(),
            false => consumers.find(|end| Some(end.0) == self.tile).map(|end| end.1.clone()),
        }
    }

    pub(super) fn kernel_named(&self, name: &str) -> Option<KernelId> {
        self.kernels.get(name).copied()
    }

    /// The function that `op` calls, compiled for the core that is read.
    pub(super) fn function_named<'c>(
        &mut self,
        op: OperationRef<'c, '_>,
        name: &str,
    ) -> Result<'c, usize> {
        let tile = self.tile.unwrap_or(Tile { column: 0, row: 0 });
        if let Some(&index) = self.functions.get(&(tile, name.to_string())) {
            return Ok(index);
        }
        let function = declaration(op, "func.func", name)
            .ok_or_else(|| fail(&op, format_args!("calls '{name}', which is not there")))?;
        // A function that calls itself finds its place.
        let index = self.program.functions.len();
        self.functions.insert((tile, name.to_string()), index);
        self.program.functions.push(empty());
        self.program.functions[index] = code::compile(self, function, name)?;
        self.note_instructions(index);
        Ok(index)
    }

    /// The memory that a core's program has for an op: a global, or an allocation.
    pub(super) fn local_buffer<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c, BufferId> {
        let tile = self.tile.unwrap_or(Tile { column: 0, row: 0 });
        let global = op
            .attribute("name")
            .ok()
            .and_then(|attribute| FlatSymbolRefAttribute::try_from(attribute).ok())
            .map(|symbol| symbol.value().to_string());
        if let Some(&buffer) =
            global.as_ref().and_then(|name| self.globals.get(&(tile, name.clone())))
        {
            return Ok(buffer);
        }
        let (shape, element) =
            op.results().next().and_then(|value| memref_of(value.r#type())).ok_or_else(|| {
                fail(&op, "needs a static, contiguous memref of i8, i16, i32, i64, bf16 or f32")
            })?;
        let mut initial = None;
        if let Some(name) = &global {
            let definition = declaration(op, "memref.global", name)
                .ok_or_else(|| fail(&op, format_args!("names '{name}', which is not there")))?;
            initial = definition.attribute("initial_value").ok().and_then(constant::bytes);
        }
        let id = BufferId(self.program.buffers.len());
        self.program.buffers.push(Buffer {
            tile,
            name: global.clone().unwrap_or_else(|| format!("memory_{}", id.0)),
            shape,
            element,
            address: None,
            initial,
            external: false,
        });
        if let Some(name) = global {
            self.globals.insert((tile, name), id);
        }
        Ok(id)
    }

    fn define(&mut self, op: OperationRef, thing: Thing) {
        if let Some(value) = op.results().next() {
            self.things.insert(key(value.into()), thing);
        }
    }

    pub(super) fn operand<'c>(&self, op: OperationRef<'c, '_>, index: usize) -> Result<'c, Thing> {
        op.operands().nth(index).and_then(|value| self.things.get(&key(value)).copied()).ok_or_else(
            || fail(&op, format_args!("has an operand, number {index}, that is not supported")),
        )
    }
    pub(super) fn tile<'c>(&self, op: OperationRef<'c, '_>, index: usize) -> Result<'c, Tile> {
        match self.operand(op, index)? {
            Thing::Tile(tile) => Ok(tile),
            _ => Err(fail(&op, format_args!("needs a placed tile as operand {index}"))),
        }
    }

    /// Reads ops of the device, and notes which part is whose.
    fn parts<'c, 'a>(
        &mut self,
        ops: &[OperationRef<'c, 'a>],
        places: &mut Places<'c, 'a>,
    ) -> Result<'c> {
        for &op in ops {
            if let Err(failure) = self.top_level(op)
                && !self.lenient
            {
                return Err(failure);
            }
            self.note_places(op, places);
        }
        Ok(())
    }

    /// Takes note that what is new in the program is of `op`.
    pub(super) fn note_places<'c, 'a>(
        &self,
        op: OperationRef<'c, 'a>,
        places: &mut Places<'c, 'a>,
    ) {
        let program = &self.program;
        places.buffers.resize(program.buffers.len(), op);
        places.locks.resize(program.locks.len(), op);
        places.flows.resize(program.flows.len(), op);
        places.cores.resize(program.cores.len(), op);
        let new = program.dmas.len() - places.dmas.len();
        let starts = starts(op).into_iter().take(new);
        places.dmas.extend(starts.map(|start| (start, descriptors(start))));
        places.dmas.resize_with(program.dmas.len(), || (op, Vec::new()));
    }

    /// Takes note that a part of the program is of `op`.
    pub(super) fn note(&mut self, part: Part, op: OperationRef) {
        if let Some(said) = &mut self.said {
            said.insert(part, op_key(op));
        }
    }

    /// The same for the function that was compiled last.
    fn note_instructions(&mut self, function: usize) {
        let compiled = std::mem::take(&mut self.compiled);
        if let Some(said) = &mut self.said {
            said.extend(
                compiled
                    .into_iter()
                    .map(|(block, place, op)| (Part::Instruction(function, block, place), op)),
            );
        }
    }

    fn top_level<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        match op_name(op).as_str() {
            "aie.tile" => {
                let tile = Tile { column: natural(op, "col")?, row: natural(op, "row")? };
                self.define(op, Thing::Tile(tile));
            }
            "aie.buffer" | "aie.external_buffer" => self.buffer(op)?,
            "aie.lock" => self.lock(op)?,
            "aie.flow" => self.flow(op)?,
            "aie.packet_flow" => self.packet_flow(op)?,
            "aie.cascade_flow" => {
                let cascade = (self.tile(op, 0)?, self.tile(op, 1)?);
                self.note(Part::Cascade(self.program.cascades.len()), op);
                self.program.cascades.push(cascade);
            }
            "aie.mem" | "aie.memtile_dma" | "aie.shim_dma" => self.dma(op)?,
            CORE => self.core(op)?,
            "arith.constant" => self.constant(op)?,
            "aie.shim_dma_allocation" => {
                let tile = self.tile(op, 0)?;
                self.program.allocations.push(sequence::read_allocation(op, tile)?);
            }
            // Functions and FIFOs are read on their own, the sequence after all.
            "func.func" | "memref.global" | SEQUENCE | "aie.end" => {}
            "aie.objectfifo"
            | "aie.objectfifo.link"
            | "aie.objectfifo.allocate"
            | "aie.objectfifo.register_external_buffers"
                if !self.lenient => {}
            // Which ports of a core a cascade takes is decided by its flow.
            "aie.configure_cascade" => {}
            // Read when all tiles are known.
            "aie.switchbox" | "aie.shim_mux" | "aie.wire" | "aie.plio" if !self.lenient => {}
            // Traces observe.
            "aie.trace" | "aie.trace.config" => {}
            _ => return Err(fail(&op, "is not supported in an array program")),
        }
        Ok(())
    }

    fn constant<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        match integer(op, "value") {
            Some(value) => self.define(op, Thing::Constant(value)),
            None => return Err(fail(&op, "is not supported in a core: only integers are")),
        }
        Ok(())
    }

    fn lock<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        let tile = self.tile(op, 0)?;
        let id = if op.has_attribute("lockID") { Some(natural(op, "lockID")?) } else { None };
        let name = string(op, "sym_name").unwrap_or_default().to_string();
        let lock = Lock { tile, name, id, initial: integer(op, "init").unwrap_or(0) as i32 };
        self.define(op, Thing::Lock(LockId(self.program.locks.len())));
        self.program.locks.push(lock);
        Ok(())
    }

    fn kernel<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        // A function is compiled where a core calls it.
        if rewrite::body(op).is_some() {
            return Ok(());
        }
        let signature = op
            .attribute("function_type")
            .ok()
            .and_then(|attribute| TypeAttribute::try_from(attribute).ok())
            .and_then(|attribute| FunctionType::try_from(attribute.value()).ok())
            .ok_or_else(|| fail(&op, "needs a function type"))?;
        let unsupported = || fail(&op, "has an argument or result of a type that is not supported");
        let arguments = (0..signature.input_count())
            .map(|i| signature.input(i).ok().and_then(type_of))
            .collect::<Option<_>>()
            .ok_or_else(unsupported)?;
        let results = (0..signature.result_count())
            .map(|i| signature.result(i).ok().and_then(type_of))
            .collect::<Option<_>>()
            .ok_or_else(unsupported)?;
        let name = string(op, "sym_name").unwrap_or_default().to_string();
        self.kernels.insert(name.clone(), KernelId(self.program.kernels.len()));
        self.program.kernels.push(Kernel {
            name,
            link_with: string(op, "link_with").map(str::to_string),
            cycles: integer(op, super::CYCLES).and_then(|cycles| u64::try_from(cycles).ok()),
            arguments,
            results,
        });
        Ok(())
    }

    pub(super) fn buffer<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        let external = rewrite::is(&op, "aie.external_buffer");
        let (shape, element) =
            op.results().next().and_then(|value| memref_of(value.r#type())).ok_or_else(|| {
                fail(&op, "needs a static, contiguous memref of i8, i16, i32, i64, bf16 or f32")
            })?;
        let initial = match op.attribute("initial_value") {
            Err(_) => None,
            Ok(value) => Some(
                constant::bytes(value).ok_or_else(|| fail(&op, "needs a dense initial value"))?,
            ),
        };
        let buffer = Buffer {
            tile: if external { Tile { column: 0, row: 0 } } else { self.tile(op, 0)? },
            name: string(op, "sym_name").unwrap_or_default().to_string(),
            shape,
            element,
            address: if op.has_attribute("address") { Some(natural(op, "address")?) } else { None },
            initial,
            external,
        };
        if buffer.initial.as_ref().is_some_and(|bytes| bytes.len() != buffer.bytes()) {
            return Err(fail(&op, "has an initial value of another size"));
        }
        self.define(op, Thing::Buffer(BufferId(self.program.buffers.len())));
        self.program.buffers.push(buffer);
        Ok(())
    }

    fn port<'c>(
        &self,
        op: OperationRef<'c, '_>,
        tile: usize,
        bundle: &str,
        channel: &str,
    ) -> Result<'c, Port> {
        Ok(Port {
            tile: self.tile(op, tile)?,
            bundle: *Bundle::ALL
                .get(natural(op, bundle)? as usize)
                .ok_or_else(|| fail(&op, format_args!("needs a known '{bundle}'")))?,
            channel: natural(op, channel)?,
        })
    }

    fn flow<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        let source = self.port(op, 0, "source_bundle", "source_channel")?;
        let destination = self.port(op, 1, "dest_bundle", "dest_channel")?;
        let flows = &mut self.program.flows;
        let place = *self.flows.entry(source).or_insert(flows.len());
        if place == flows.len() {
            flows.push(Flow {
                source,
                destinations: Vec::new(),
                packet: None,
                keep_packet_header: false,
            });
        }
        flows[place].destinations.push(destination);
        Ok(())
    }

    fn packet_flow<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        let id = integer(op, "ID").unwrap_or_default();
        let id = u8::try_from(id)
            .map_err(|_| fail(&op, format_args!("has the id {id}, which is not supported")))?;
        let (mut source, mut destinations) = (None, Vec::new());
        for end in rewrite::body(op).map(rewrite::ops).unwrap_or_default() {
            match op_name(end).as_str() {
                "aie.packet_source" => source = Some(self.port(end, 0, "bundle", "channel")?),
                "aie.packet_dest" => destinations.push(self.port(end, 0, "bundle", "channel")?),
                _ => {}
            }
        }
        self.program.flows.push(Flow {
            source: source.ok_or_else(|| fail(&op, "needs an 'aie.packet_source'"))?,
            destinations,
            packet: Some(id),
            keep_packet_header: flag(op, "keep_pkt_header").unwrap_or(false),
        });
        Ok(())
    }

    pub(super) fn use_lock<'c>(&self, op: OperationRef<'c, '_>) -> Result<'c, UseLock> {
        if flag(op, "acq_en") == Some(false) || integer(op, "blocking") == Some(0) {
            return Err(fail(&op, "does not wait, which is not supported"));
        }
        let Thing::Lock(lock) = self.operand(op, 0)? else { return Err(fail(&op, "needs a lock")) };
        let action = match integer(op, "action") {
            Some(ACQUIRE_EQUAL) => LockAction::AcquireEqual,
            Some(RELEASE) => LockAction::Release,
            Some(ACQUIRE_GREATER_EQUAL) => LockAction::AcquireGreaterEqual,
            _ => return Err(fail(&op, "needs a known 'action'")),
        };
        Ok(UseLock { lock, action, value: integer(op, "value").unwrap_or(1) as i32 })
    }
}
