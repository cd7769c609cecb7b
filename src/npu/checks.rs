//! Designs that compute with one kernel, or one cascade of kernels, and nothing else.
//!
//! Compilers have had wrong code for kernels like these. On a new machine each is compared alone
//! before whole networks are, with what it took and gave in a run of the array simulator.
//!
//! A design has a core for each tile of the cascade, in the first row of cores, with the
//! weights and parameters that it has in the network. Every buffer that it reads comes from the host's
//! memory by a DMA channel of its own column, in the layout that the kernel wants; what the last core
//! writes goes back the same way.

use super::NPU;
use crate::{
    array::{
        Argument, Bd, Buffer, BufferId, Bundle, Core, Direction, DmaChannel, Element, Flow,
        Interface, KernelId, Lock, LockAction, LockId, Port, Program, Reg, Stmt, Stream,
        StreamSlice, Tile, UseLock,
    },
    compile::{DESIGN, KERNELS},
    design::{self, Call, Observed},
    device::Device,
    dialect::aie,
    ir::{self, Error},
    manifest::{MANIFEST, Manifest},
    mlir::tools,
    plan::{host, program::FOREVER},
    tensor::{Dtype, Tensor},
};
use melior::ir::{BlockLike, Location, Module};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Designs by paths in the compiled folder, and what is said of kernels that have none.
type Designs = (BTreeMap<PathBuf, Vec<u8>>, Vec<String>);

/// Designs for all kernels that were called. One that does not fit a tile with all of its buffers, which
/// may lie in its neighbors', has none.
///
/// # Errors
///
/// If the device is not known, or a tensor holds no codes.
pub(super) fn files(observed: &Observed) -> Result<Designs, Error> {
    let program = &observed.program;
    let device = Device::by_name(&program.device)
        .ok_or_else(|| Error::new("", format_args!("no device '{}'", program.device)))?;
    let mut files = BTreeMap::new();
    let mut covered: BTreeSet<&str> = BTreeSet::new();
    let mut folders = BTreeSet::new();
    let mut remarks = Vec::new();
    for chain in chains(program) {
        let calls: Option<Vec<&Call>> = chain.iter().map(|core| observed.calls.get(core)).collect();
        // A core that was never called computes nothing that could be compared.
        let Some(calls) = calls else { continue };
        let kernel = |call: &&Call| program.kernels[call.kernel.0].name.as_str();
        if calls.iter().all(|call| covered.contains(kernel(call))) {
            continue;
        }
        covered.extend(calls.iter().map(kernel));
        let last = calls.last().map(kernel).unwrap_or_default();
        let taken = (1..).map(|number| match number {
            1 => last.to_string(),
            _ => format!("{last}_{number}"),
        });
        let Some(folder) = taken.into_iter().find(|name| folders.insert(name.clone())) else {
            continue;
        };
        let stacks: Vec<u32> = chain.iter().map(|&core| program.cores[core].stack_size).collect();
        let check = Check { device: &device, program, calls: &calls, stacks: &stacks };
        let made = match check.program() {
            Ok(program) => program,
            Err(reason) => {
                remarks.push(format!("{last}: is not compared alone: {reason}"));
                continue;
            }
        };
        let written = check.files(&made, &folder).map_err(|error| error.within(last))?;
        let folder = Path::new(NPU).join(KERNELS).join(folder);
        files.extend(written.into_iter().map(|(name, content)| (folder.join(name), content)));
    }
    Ok((files, remarks))
}

/// Cores of a program, those of a cascade together from its first to its last.
fn chains(program: &Program) -> Vec<Vec<usize>> {
    let at = |tile: Tile| program.cores.iter().position(|core| core.tile == tile);
    let next = |tile: Tile| program.cascades.iter().find(|(from, _)| *from == tile).map(|l| l.1);
    let is_first = |core: &&Core| program.cascades.iter().all(|(_, to)| *to != core.tile);
    let chain = |first: &Core| {
        let tiles = std::iter::successors(Some(first.tile), |tile| next(*tile));
        tiles.filter_map(at).collect()
    };
    program.cores.iter().filter(is_first).map(chain).collect()
}

/// One design to make.
struct Check<'o> {
    device: &'o Device,
    program: &'o Program,
    /// Of each core, first to last.
    calls: &'o [&'o Call],
    stacks: &'o [u32],
}

/// What becomes of an argument of a kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Constant,
    Input,
    Output,
}

impl Check<'_> {
    fn files(&self, made: &Program, name: &str) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let context = tools::context();
        let module = Module::new(Location::unknown(&context));
        module.body().append_operation(aie::build(&context, Location::unknown(&context), made));
        let text = ir::print(&module);
        let [inputs, outputs] = design::edges(&module, made)?;
        let mut manifest = Manifest::of(made, [&inputs, &outputs], None, (name, "ddr"));
        let mut files = vec![(DESIGN.to_string(), text.into_bytes())];
        let tensor = |buffer: &Buffer, bytes: &[u8]| {
            let dtype = Dtype::integer(8 * buffer.element.bytes() as u32, true)
                .ok_or_else(|| Error::new(name, "holds no integers"))?;
            Ok::<_, Error>(Tensor::new(vec![1, buffer.len()], dtype, bytes.to_vec())?.to_npy())
        };
        let mut counts = [0, 0];
        for (position, call) in self.calls.iter().enumerate() {
            for (index, role) in self.roles(position).into_iter().enumerate() {
                let (before, after) = &call.arguments[index];
                let buffer = &self.program.buffers[call.buffers[index].0];
                let (count, word, bytes) = match role {
                    Role::Constant => continue,
                    Role::Input => (&mut counts[0], "input", before),
                    Role::Output => (&mut counts[1], "expect", after),
                };
                files.push((format!("{word}{count}.npy"), tensor(buffer, bytes)?));
                *count += 1;
            }
        }
        manifest.list(files.iter().map(|(name, content)| (Path::new(name), &content[..])));
        files.push((MANIFEST.into(), manifest.json().into_bytes()));
        Ok(files)
    }

    /// Roles of the arguments of a core's call: what has contents from the start is constant, and the
    /// last core of a cascade writes its last argument.
    fn roles(&self, position: usize) -> Vec<Role> {
        let call = self.calls[position];
        let is_last = position + 1 == self.calls.len();
        let role = |(index, buffer): (usize, &BufferId)| {
            if self.program.buffers[buffer.0].initial.is_some() {
                Role::Constant
            } else if is_last && index + 1 == call.buffers.len() {
                Role::Output
            } else {
                Role::Input
            }
        };
        call.buffers.iter().enumerate().map(role).collect()
    }

    /// # Errors
    ///
    /// What it would need that there is not.
    fn program(&self) -> Result<Program, String> {
        let mut made = Program { device: self.program.device.clone(), ..Program::default() };
        let row = self.device.core_rows().start;
        let tile = |position: usize| Tile { column: position as u32, row };
        if self.calls.len() > self.device.columns as usize {
            return Err("it is a cascade of more tiles than the device has columns".into());
        }
        for position in 0..self.calls.len() {
            self.core(&mut made, position, tile(position))?;
            if position > 0 {
                made.cascades.push((tile(position - 1), tile(position)));
            }
        }
        host::in_memory(&mut made, self.device)?;
        Ok(made)
    }

    /// Adds the core at a position, its buffers, and what moves them.
    fn core(&self, made: &mut Program, position: usize, tile: Tile) -> Result<(), String> {
        let call = self.calls[position];
        let declared = &self.program.kernels[call.kernel.0];
        let known = made.kernels.iter().position(|kernel| kernel.name == declared.name);
        let kernel = known.unwrap_or_else(|| {
            made.kernels.push(declared.clone());
            made.kernels.len() - 1
        });
        let align = self.device.vector_alignment.max(32);
        let mut address = self.stacks[position].next_multiple_of(align);
        let (mut arguments, mut acquired, mut released) = (Vec::new(), Vec::new(), Vec::new());
        let mut inputs = 0;
        for (index, role) in self.roles(position).into_iter().enumerate() {
            let original = &self.program.buffers[call.buffers[index].0];
            let name = format!("core{position}_{index}");
            let buffer = BufferId(made.buffers.len());
            made.buffers.push(Buffer {
                tile,
                name: name.clone(),
                address: Some(address),
                external: false,
                ..original.clone()
            });
            address = (address + original.bytes() as u32).next_multiple_of(align);
            arguments.push(Argument::Buffer(buffer));
            let (direction, channel) = match role {
                Role::Constant => continue,
                Role::Input => (Direction::S2mm, inputs),
                Role::Output => (Direction::Mm2s, 0),
            };
            inputs += u32::from(role == Role::Input);
            let (free, full) =
                (lock(made, tile, &name, "free", 1), lock(made, tile, &name, "full", 0));
            // Whoever fills the buffer takes it free and gives it full.
            let (taken, given) = if role == Role::Input { (full, free) } else { (free, full) };
            let take = |lock| UseLock { lock, action: LockAction::AcquireGreaterEqual, value: 1 };
            let give = |lock| UseLock { lock, action: LockAction::Release, value: 1 };
            acquired.push(Stmt::UseLock(take(taken)));
            released.push(Stmt::UseLock(give(given)));
            made.dmas.push(DmaChannel {
                tile,
                direction,
                channel,
                repeat_count: 0,
                bds: vec![Bd {
                    buffer,
                    offset: 0,
                    len: original.len(),
                    dims: Vec::new(),
                    pad: Vec::new(),
                    acquire: Some(take(given)),
                    release: Some(give(taken)),
                    packet: None,
                    next: Some(0),
                }],
            });
            edge(made, tile, (direction, channel), &name, original);
        }
        let memory = self.device.resources(crate::device::TileKind::Core).memory_bytes;
        if address > memory {
            return Err(format!(
                "it needs {address} bytes with all of its buffers, a tile has {memory}"
            ));
        }
        let mut body = acquired;
        body.push(Stmt::Call { kernel: KernelId(kernel), arguments, results: Vec::new() });
        body.extend(released);
        let always = Stmt::For {
            variable: Reg(0),
            lower: Argument::Constant(0),
            upper: Argument::Constant(FOREVER),
            step: Argument::Constant(1),
            body,
        };
        made.cores.push(Core {
            tile,
            stack_size: self.stacks[position],
            body: vec![always],
            slice: None,
            code: None,
        });
        Ok(())
    }
}

fn lock(made: &mut Program, tile: Tile, buffer: &str, state: &str, initial: i32) -> LockId {
    made.locks.push(Lock { tile, name: format!("{buffer}_{state}"), id: None, initial });
    LockId(made.locks.len() - 1)
}

/// Lets the host fill or read a buffer: a stream between its tile and the shim of its column, and
/// a tensor of one row.
fn edge(
    made: &mut Program,
    tile: Tile,
    (direction, channel): (Direction, u32),
    name: &str,
    buffer: &Buffer,
) {
    let at = |tile| Port { tile, bundle: Bundle::Dma, channel };
    let (core, shim) = (at(tile), at(Tile { row: 0, ..tile }));
    let (source, destination) = match direction {
        Direction::S2mm => (shim, core),
        Direction::Mm2s => (core, shim),
    };
    made.flows.push(Flow {
        source,
        destinations: vec![destination],
        packet: None,
        keep_packet_header: false,
    });
    let columns = buffer.len();
    let tensor = Interface {
        name: name.into(),
        rows: 1,
        columns,
        batch: 1,
        element: buffer.element,
        // Bits are compared, whatever they mean.
        signed: true,
        scale: 1.0,
        zero_point: 0,
        range: range(buffer.element),
        streams: vec![Stream {
            port: shim,
            slices: vec![StreamSlice { begin: 0, end: columns, pitch: columns }],
        }],
        memory: None,
    };
    match direction {
        Direction::S2mm => made.inputs.push(tensor),
        Direction::Mm2s => made.outputs.push(tensor),
    }
}

/// All codes of an element.
fn range(element: Element) -> (i64, i64) {
    let bits = 8 * element.bytes() as u32;
    (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits))
}
