//! An array program as the graph that AMD's tools build one from: kernels, shared buffers,
//! streams of programmable logic and what connects them.
//!
//! The tools infer what a program spells out: locks, DMA channels, descriptors, routes. So all
//! regions of a memory tile that streams tie together are one shared buffer, side by side in its
//! rows, and each channel is one of its ports with the access pattern of every descriptor. What
//! the tools can infer in one way only is refused where the program does it in another.

use super::tiling::{Tiling, merged};
use crate::{
    array::{
        Argument as Operand, Bd, BufferId, Bundle, Core, Direction, DmaChannel, Element, Port,
        Program, Stmt, Tile,
    },
    device::{Device, TileKind},
};
use std::collections::{BTreeMap, BTreeSet};

/// Why a program is no graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    pub message: String,
    /// Whether another way between layers could do: memory tiles, and one order for all readers.
    pub direct: bool,
}

type Result<T> = std::result::Result<T, Refused>;

fn refuse<T>(direct: bool, message: impl Into<String>) -> Result<T> {
    Err(Refused { message: message.into(), direct })
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Graph {
    pub kernels: Vec<Kernel>,
    pub memories: Vec<Memory>,
    pub inputs: Vec<Plio>,
    pub outputs: Vec<Plio>,
    pub connections: Vec<Connection>,
}

/// One end of a connection: a port of a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    /// A kernel and its port.
    Kernel(usize, usize),
    /// A shared buffer and its port.
    Memory(usize, usize),
    /// A stream of programmable logic.
    Plio(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connection {
    pub from: End,
    pub to: End,
    pub cascade: bool,
}

/// A column and a row, the row counted among the tiles of its kind as ADF does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Spot {
    pub column: u32,
    pub row: u32,
}

/// A core with what it calls.
#[derive(Clone, PartialEq, Debug)]
pub struct Kernel {
    pub name: String,
    /// The layer, and the part of it, in words.
    pub about: String,
    pub at: Spot,
    /// In bytes.
    pub stack: u32,
    /// The kernel instance that it calls.
    pub calls: String,
    /// In the order of the call.
    pub arguments: Vec<Argument>,
    pub inputs: Vec<Buffer>,
    pub output: Option<Buffer>,
    pub cascade: Cascade,
}

/// What a kernel reads of the kernel before it, and writes for the one behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cascade {
    pub reads: bool,
    pub writes: bool,
}

/// What is passed to the kernel instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Argument {
    /// An input of the kernel.
    Input(usize),
    /// A constant of this core.
    Constant(Constant),
    Output,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Constant {
    /// A C identifier.
    pub name: String,
    pub buffer: BufferId,
    pub address: Option<Address>,
}

/// A place in a tile's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address {
    pub at: Spot,
    /// In bytes.
    pub offset: u32,
}

/// A port of a kernel: a pair of buffers.
#[derive(Clone, PartialEq, Debug)]
pub struct Buffer {
    pub halves: [BufferId; 2],
    pub element: Element,
    /// Elements of one half.
    pub len: usize,
    /// Where the halves are; `None` if the tools choose.
    pub addresses: Option<[Address; 2]>,
    /// How its DMA walks it; empty if in order, or if there is none.
    pub access: Vec<Tiling>,
}

/// A pair of buffers in a memory tile.
#[derive(Clone, PartialEq, Debug)]
pub struct Memory {
    pub name: String,
    pub element: Element,
    pub rows: usize,
    /// Elements of a row.
    pub pitch: usize,
    pub at: Spot,
    /// Of both halves, in bytes.
    pub offsets: [u32; 2],
    /// How each stream in, and out, walks it.
    pub inputs: Vec<Vec<Tiling>>,
    pub outputs: Vec<Vec<Tiling>>,
}

/// A stream of programmable logic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plio {
    pub name: String,
    /// Index of the tensor and of its stream.
    pub tensor: usize,
    pub stream: usize,
    pub column: u32,
    pub channel: u32,
    /// 32, 64 or 128 bits.
    pub width: u32,
    pub element: Element,
    pub signed: bool,
    /// Elements of an iteration.
    pub len: usize,
}

/// Bytes to which buffers in memory tiles are aligned: two banks of 16 bytes side by side.
const ALIGNMENT: u32 = 32;

impl Graph {
    /// The graph of a program.
    ///
    /// # Errors
    ///
    /// If the program does what the tools do not infer.
    pub fn of(program: &Program, device: &Device) -> Result<Graph> {
        let mut graph = Graph::default();
        graph.streams(program)?;
        let regions = Regions::of(program, device)?;
        graph.memories(program, device, &regions)?;
        for core in &program.cores {
            graph.kernel(program, device, core)?;
        }
        let mut builder = Builder { program, device, regions, graph, sent: BTreeMap::new() };
        builder.cascades()?;
        builder.flows()?;
        builder.shared()?;
        Ok(builder.graph)
    }

    fn streams(&mut self, program: &Program) -> Result<()> {
        let mut used: BTreeMap<(bool, u32), u32> = BTreeMap::new();
        for (into, tensors) in [(true, &program.inputs), (false, &program.outputs)] {
            for tensor in tensors.iter() {
                if tensor.memory.is_some() || tensor.streams.is_empty() {
                    return refuse(
                        false,
                        format!(
                            "tensor '{}' lies in the host's memory, and a Vitis project is fed by streams of programmable logic: compile with --io plio",
                            tensor.name
                        ),
                    );
                }
                for stream in &tensor.streams {
                    *used.entry((into, stream.port.tile.column)).or_default() += 1;
                }
            }
        }
        for (into, tensors) in [(true, &program.inputs), (false, &program.outputs)] {
            for (index, tensor) in tensors.iter().enumerate() {
                for (number, stream) in tensor.streams.iter().enumerate() {
                    let row: usize = stream.slices.iter().map(|slice| slice.pitch).sum();
                    let len = tensor.rows * row;
                    let bytes = len * tensor.element.bytes();
                    // Two of the 8 streams in and 6 out of a column make one of 128 bits (AM009,
                    // AI Engine to Programmable Logic Interface). Each takes whole beats.
                    let column = stream.port.tile.column;
                    let wide = used[&(into, column)] <= if into { 4 } else { 3 };
                    let width = [128, 64].into_iter().find(|&width| {
                        bytes.is_multiple_of(width as usize / 8) && (width < 128 || wide)
                    });
                    let plio = Plio {
                        name: format!("{}{index}_{number}", if into { "in" } else { "out" }),
                        tensor: index,
                        stream: number,
                        column,
                        channel: stream.port.channel,
                        width: width.unwrap_or(32),
                        element: tensor.element,
                        signed: tensor.signed,
                        len,
                    };
                    if into { self.inputs.push(plio) } else { self.outputs.push(plio) }
                }
            }
        }
        Ok(())
    }

    fn memories(&mut self, program: &Program, device: &Device, regions: &Regions) -> Result<()> {
        let mut used: BTreeMap<Tile, u32> = BTreeMap::new();
        for group in &regions.groups {
            let first = &program.buffers[group.parts[0].halves[0].0];
            let bytes = (group.rows * group.pitch * first.element.bytes()) as u32;
            let top = used.entry(first.tile).or_default();
            let offsets = [0, 1].map(|half| *top + half * bytes.next_multiple_of(ALIGNMENT));
            *top = offsets[1] + bytes.next_multiple_of(ALIGNMENT);
            let has = device.resources(TileKind::Mem).memory_bytes;
            if *top > has {
                return refuse(
                    false,
                    format!(
                        "{} has {has} bytes, and the shared buffers of the design need more than {top} there",
                        first.tile
                    ),
                );
            }
            let access = |direction: Direction| -> Result<Vec<Vec<Tiling>>> {
                let channels = group.channels.iter().map(|&index| &program.dmas[index]);
                channels
                    .filter(|channel| channel.direction == direction)
                    .map(|channel| {
                        let all = first_half(channel).iter().map(|bd| {
                            let base = regions.places[&bd.buffer].1;
                            let own = program.buffers[bd.buffer.0].shape[1];
                            widened(bd, own, group.pitch)
                                .and_then(|bd| Tiling::of(&[group.pitch, group.rows], base, &bd))
                                .ok_or_else(|| unsaid(channel, "memory"))
                        });
                        all.collect()
                    })
                    .collect()
            };
            let name = first.name.strip_suffix("_0").unwrap_or(&first.name);
            self.memories.push(Memory {
                name: identifier(name),
                element: first.element,
                rows: group.rows,
                pitch: group.pitch,
                at: spot(first.tile, device),
                offsets,
                inputs: access(Direction::S2mm)?,
                outputs: access(Direction::Mm2s)?,
            });
        }
        Ok(())
    }

    fn kernel(&mut self, program: &Program, device: &Device, core: &Core) -> Result<()> {
        let calls = calls(core);
        let [(kernel, first), (again, second)] = calls.as_slice() else {
            return refuse(
                false,
                format!(
                    "the core of {} does not call one kernel on both halves of its buffers",
                    core.tile
                ),
            );
        };
        if kernel != again || first.len() != second.len() {
            return refuse(false, format!("the core of {} calls two kernels", core.tile));
        }
        let about = match &core.slice {
            Some(slice) => format!(
                "{}, inputs {} to {}, outputs {} to {}",
                slice.layer, slice.k.0, slice.k.1, slice.n.0, slice.n.1
            ),
            None => "kernel".into(),
        };
        let layer = core.slice.as_ref().map_or("core", |slice| slice.layer.as_str());
        let Tile { column, row } = core.tile;
        let from_cascade = program.cascades.iter().any(|(_, to)| *to == core.tile);
        let to_cascade = program.cascades.iter().any(|(from, _)| *from == core.tile);
        let mut new = Kernel {
            name: identifier(&format!("{layer}_{column}_{row}")),
            about,
            at: spot(core.tile, device),
            stack: core.stack_size,
            calls: program.kernels[kernel.0].name.clone(),
            arguments: Vec::new(),
            inputs: Vec::new(),
            output: None,
            cascade: Cascade { reads: from_cascade, writes: to_cascade },
        };
        let last = first.len().saturating_sub(1);
        for (index, (one, other)) in first.iter().zip(second.iter()).enumerate() {
            let (&Operand::Buffer(one), &Operand::Buffer(other)) = (one, other) else {
                return refuse(
                    false,
                    format!(
                        "the core of {} passes something else than buffers to its kernel",
                        core.tile
                    ),
                );
            };
            let buffer = &program.buffers[one.0];
            if buffer.initial.is_some() {
                new.arguments.push(Argument::Constant(Constant {
                    name: identifier(&buffer.name),
                    buffer: one,
                    address: address(program, device, one),
                }));
                continue;
            }
            let both = [one, other].map(|half| address(program, device, half));
            let port = Buffer {
                halves: [one, other],
                element: buffer.element,
                len: buffer.len(),
                addresses: match both {
                    [Some(one), Some(other)] => Some([one, other]),
                    _ => None,
                },
                access: Vec::new(),
            };
            // What has no output passes its sums on.
            if index == last && !to_cascade {
                new.arguments.push(Argument::Output);
                new.output = Some(port);
            } else {
                new.arguments.push(Argument::Input(new.inputs.len()));
                new.inputs.push(port);
            }
        }
        self.kernels.push(new);
        Ok(())
    }
}

/// Regions in memory tiles, and which of them streams tie together.
struct Regions {
    groups: Vec<Group>,
    /// The group of each half, and its first element there.
    places: BTreeMap<BufferId, (usize, usize)>,
}

/// Regions of one shared buffer.
struct Group {
    parts: Vec<Part>,
    rows: usize,
    pitch: usize,
    /// Indices of DMA channels: those in, by number, then those out.
    channels: Vec<usize>,
}

struct Part {
    halves: [BufferId; 2],
}

impl Regions {
    fn of(program: &Program, device: &Device) -> Result<Regions> {
        // Groups of channels, joined wherever they share a region.
        let mut halves: BTreeMap<BufferId, BufferId> = BTreeMap::new();
        let mut group: BTreeMap<BufferId, BufferId> = BTreeMap::new();
        let root = |group: &BTreeMap<BufferId, BufferId>, mut id: BufferId| {
            while let Some(&next) = group.get(&id)
                && next != id
            {
                id = next;
            }
            id
        };
        let stored = |channel: &&DmaChannel| device.tile_kind(channel.tile) == Some(TileKind::Mem);
        for channel in program.dmas.iter().filter(stored) {
            for (one, other) in pairs(channel)? {
                let (one, other) = (one.buffer, other.buffer);
                group.entry(one).or_insert(one);
                if halves.insert(one, other).is_some_and(|before| before != other) {
                    return Err(unsaid(channel, "memory"));
                }
            }
            let first = first_half(channel);
            for pair in first.windows(2) {
                let (a, b) = (root(&group, pair[0].buffer), root(&group, pair[1].buffer));
                group.insert(a.max(b), a.min(b));
            }
        }
        let mut groups: BTreeMap<BufferId, Vec<BufferId>> = BTreeMap::new();
        for &id in group.keys() {
            groups.entry(root(&group, id)).or_default().push(id);
        }
        let mut found = Regions { groups: Vec::new(), places: BTreeMap::new() };
        for ids in groups.into_values() {
            let first = &program.buffers[ids[0].0];
            let rows = first.shape.first().copied().unwrap_or(1);
            let mut pitch = 0;
            let mut parts = Vec::new();
            for &id in &ids {
                let buffer = &program.buffers[id.0];
                let &[own, width] = buffer.shape.as_slice() else {
                    return refuse(false, format!("buffer '{}' is no matrix", buffer.name));
                };
                if (own, buffer.tile, buffer.element) != (rows, first.tile, first.element) {
                    return refuse(
                        false,
                        format!(
                            "buffers '{}' and '{}' share a stream, but not their rows, tile or type",
                            first.name, buffer.name
                        ),
                    );
                }
                for half in [id, halves[&id]] {
                    found.places.insert(half, (found.groups.len(), pitch));
                }
                parts.push(Part { halves: [id, halves[&id]] });
                pitch += width;
            }
            let mine = |direction: Direction| {
                let mut all: Vec<usize> = (0..program.dmas.len())
                    .filter(|&index| {
                        let channel = &program.dmas[index];
                        channel.direction == direction
                            && channel.bds.first().is_some_and(|bd| ids.contains(&bd.buffer))
                    })
                    .collect();
                all.sort_by_key(|&index| program.dmas[index].channel);
                all
            };
            let channels = [mine(Direction::S2mm), mine(Direction::Mm2s)].concat();
            found.groups.push(Group { parts, rows, pitch, channels });
        }
        Ok(found)
    }

    /// The memory, and its port, of a channel.
    fn port(&self, program: &Program, channel: usize) -> Option<End> {
        let direction = program.dmas.get(channel)?.direction;
        self.groups.iter().enumerate().find_map(|(index, group)| {
            let mut same =
                group.channels.iter().filter(|&&c| program.dmas[c].direction == direction);
            Some(End::Memory(index, same.position(|&c| c == channel)?))
        })
    }
}

struct Builder<'a> {
    program: &'a Program,
    device: &'a Device,
    regions: Regions,
    graph: Graph,
    /// The elements of a kernel's output, in the order that they are sent in.
    sent: BTreeMap<usize, Vec<usize>>,
}

impl Builder<'_> {
    fn kernel_at(&self, tile: Tile) -> Option<usize> {
        self.program.cores.iter().position(|core| core.tile == tile)
    }

    fn cascades(&mut self) -> Result<()> {
        for &(from, to) in &self.program.cascades {
            let (Some(from), Some(to)) = (self.kernel_at(from), self.kernel_at(to)) else {
                return refuse(false, format!("the cascade from {from} to {to} has no cores"));
            };
            let port = self.graph.kernels[to].inputs.len();
            let (from, to) = (End::Kernel(from, 0), End::Kernel(to, port));
            self.graph.connections.push(Connection { from, to, cascade: true });
        }
        Ok(())
    }

    fn flows(&mut self) -> Result<()> {
        for flow in &self.program.flows {
            if flow.packet.is_some() {
                return refuse(
                    false,
                    format!("{} sends packets, which is not emitted", flow.source.tile),
                );
            }
            let from = self.source(flow.source)?;
            for &destination in &flow.destinations {
                let to = self.destination(destination)?;
                self.graph.connections.push(Connection { from, to, cascade: false });
            }
        }
        Ok(())
    }

    fn channel(&self, port: Port, direction: Direction) -> Result<usize> {
        let mut dmas = self.program.dmas.iter();
        let found = dmas.position(|dma| {
            (dma.tile, dma.channel, dma.direction) == (port.tile, port.channel, direction)
        });
        found.ok_or_else(|| Refused {
            message: format!("{} has a stream without a DMA program", port.tile),
            direct: false,
        })
    }

    fn source(&mut self, port: Port) -> Result<End> {
        if port.bundle == Bundle::Plio {
            let at = |plio: &Plio| (plio.column, plio.channel) == (port.tile.column, port.channel);
            return match self.graph.inputs.iter().position(at) {
                Some(index) => Ok(End::Plio(index)),
                None => refuse(false, format!("no input enters at {}", port.tile)),
            };
        }
        let index = self.channel(port, Direction::Mm2s)?;
        if let Some(end) = self.regions.port(self.program, index) {
            return Ok(end);
        }
        let channel = &self.program.dmas[index];
        let kernel = self.kernel_at(port.tile);
        let output =
            kernel.and_then(|kernel| Some((kernel, self.graph.kernels[kernel].output.as_mut()?)));
        let Some((kernel, output)) = output.filter(|(_, output)| {
            channel.bds.first().is_some_and(|bd| bd.buffer == output.halves[0])
        }) else {
            return refuse(false, format!("{} sends what its kernel does not make", port.tile));
        };
        pairs(channel)?;
        output.access = access(channel, output.len)?;
        // However many descriptors say it.
        let order: Vec<usize> =
            first_half(channel).iter().flat_map(super::tiling::visited).collect();
        if self.sent.get(&kernel).is_some_and(|before| *before != order) {
            let name = &self.graph.kernels[kernel].about;
            return refuse(
                true,
                format!("{name}: is sent in two orders, and an output of a kernel has one stream"),
            );
        }
        self.sent.insert(kernel, order);
        Ok(End::Kernel(kernel, 0))
    }

    fn destination(&mut self, port: Port) -> Result<End> {
        if port.bundle == Bundle::Plio {
            let at = |plio: &Plio| (plio.column, plio.channel) == (port.tile.column, port.channel);
            return match self.graph.outputs.iter().position(at) {
                Some(index) => Ok(End::Plio(index)),
                None => refuse(false, format!("no output leaves at {}", port.tile)),
            };
        }
        let index = self.channel(port, Direction::S2mm)?;
        if let Some(end) = self.regions.port(self.program, index) {
            return Ok(end);
        }
        let channel = &self.program.dmas[index];
        pairs(channel)?;
        let first = channel.bds.first().map(|bd| bd.buffer);
        let found = self.kernel_at(port.tile).and_then(|kernel| {
            let mut inputs = self.graph.kernels[kernel].inputs.iter();
            Some((kernel, inputs.position(|input| Some(input.halves[0]) == first)?))
        });
        let Some((kernel, input)) = found else {
            return refuse(false, format!("{} receives what its kernel does not read", port.tile));
        };
        let end = End::Kernel(kernel, input);
        if self.graph.connections.iter().any(|known| known.to == end) {
            let name = &self.graph.kernels[kernel].about;
            return refuse(
                true,
                format!(
                    "{name}: gathers its input from several streams, and an input of a kernel takes one"
                ),
            );
        }
        let input = &mut self.graph.kernels[kernel].inputs[input];
        input.access = access(channel, input.len)?;
        Ok(end)
    }

    /// Inputs that lie in a neighbor's memory, where its kernel makes them.
    fn shared(&mut self) -> Result<()> {
        let mut readers: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for (kernel, node) in self.graph.kernels.iter().enumerate() {
            for (index, input) in node.inputs.iter().enumerate() {
                let end = End::Kernel(kernel, index);
                if self.graph.connections.iter().any(|known| known.to == end) {
                    continue;
                }
                let maker = self.graph.kernels.iter().position(|maker| {
                    maker.output.as_ref().is_some_and(|output| output.halves == input.halves)
                });
                let Some(maker) = maker else {
                    return refuse(
                        false,
                        format!("{}: has an input that nothing fills", node.about),
                    );
                };
                readers.entry(maker).or_default().push((kernel, index));
            }
        }
        for (maker, mut readers) in readers {
            readers.sort_unstable();
            let from = End::Kernel(maker, 0);
            let sent = self.graph.connections.iter().any(|known| known.from == from);
            let alone = !sent && readers.len() == 1;
            for &(kernel, index) in &readers {
                let to = End::Kernel(kernel, index);
                self.graph.connections.push(Connection { from, to, cascade: false });
            }
            if alone {
                continue;
            }
            // An output with several readers is sent to each by DMA (UG1079, Buffer Port
            // Multicasting), so that each needs buffers of its own, which the tools place.
            let made = self.graph.kernels[maker]
                .output
                .as_ref()
                .map_or(0, |output| output.len * output.element.bytes());
            if self.graph.kernels[maker]
                .output
                .as_ref()
                .is_some_and(|output| !output.access.is_empty())
            {
                let name = &self.graph.kernels[maker].about;
                return refuse(
                    true,
                    format!(
                        "{name}: is read in its own order by one kernel and sent in another, and an output of a kernel has one stream"
                    ),
                );
            }
            for (kernel, index) in readers {
                let tile = self.program.cores[kernel].tile;
                let has = self.device.resources(TileKind::Core).memory_bytes as usize;
                let used: usize = (self.program.buffers.iter())
                    .filter(|buffer| buffer.tile == tile && !buffer.external)
                    .map(|buffer| buffer.bytes())
                    .sum();
                let all = used + self.program.cores[kernel].stack_size as usize + 2 * made;
                let node = &mut self.graph.kernels[kernel];
                if all > has {
                    return refuse(
                        true,
                        format!(
                            "{}: reads what several read, for which it needs buffers of its own, and {tile} has {has} of the {all} bytes",
                            node.about
                        ),
                    );
                }
                node.inputs[index].addresses = None;
            }
        }
        let fed: BTreeSet<End> = self.graph.connections.iter().map(|known| known.from).collect();
        for (index, kernel) in self.graph.kernels.iter().enumerate() {
            if kernel.output.is_some() && !fed.contains(&End::Kernel(index, 0)) {
                return refuse(false, format!("{}: has an output that nobody reads", kernel.about));
            }
        }
        Ok(())
    }
}

/// The descriptors of the first half of each buffer.
fn first_half(channel: &DmaChannel) -> &[Bd] {
    &channel.bds[..channel.bds.len() / 2]
}

/// Descriptors of both halves that walk them alike.
fn pairs(channel: &DmaChannel) -> Result<Vec<(&Bd, &Bd)>> {
    let (first, second) = channel.bds.split_at(channel.bds.len() / 2);
    let alike = |(one, other): (&Bd, &Bd)| {
        (one.offset, one.len, &one.dims) == (other.offset, other.len, &other.dims)
            && one.pad.is_empty()
            && other.pad.is_empty()
            && one.packet.is_none()
            && other.packet.is_none()
    };
    let ring = channel
        .bds
        .iter()
        .enumerate()
        .all(|(index, bd)| bd.next == Some((index + 1) % channel.bds.len()));
    let whole = !first.is_empty() && first.len() == second.len() && ring;
    match whole && first.iter().zip(second).all(alike) {
        true => Ok(first.iter().zip(second).collect()),
        false => Err(unsaid(channel, "buffers")),
    }
}

fn unsaid(channel: &DmaChannel, what: &str) -> Refused {
    Refused {
        message: format!(
            "channel {} of {} walks its {what} as no tiling parameters say",
            channel.channel, channel.tile
        ),
        direct: true,
    }
}

/// The access patterns of a channel over a kernel's buffer of so many elements; none if it is
/// taken in order.
fn access(channel: &DmaChannel, len: usize) -> Result<Vec<Tiling>> {
    let bds = first_half(channel);
    let mut strides: Vec<usize> =
        bds.iter().flat_map(merged).map(|(_, stride)| stride).filter(|&s| s > 1).collect();
    strides.sort_unstable();
    strides.dedup();
    let mut shape = Vec::new();
    let mut below = 1;
    for stride in strides {
        if !stride.is_multiple_of(below) {
            return Err(unsaid(channel, "buffer"));
        }
        shape.push(stride / below);
        below = stride;
    }
    if !len.is_multiple_of(below) {
        return Err(unsaid(channel, "buffer"));
    }
    shape.push(len / below);
    let tilings: Option<Vec<Tiling>> = bds.iter().map(|bd| Tiling::of(&shape, 0, bd)).collect();
    let tilings = tilings.ok_or_else(|| unsaid(channel, "buffer"))?;
    let order = tilings.iter().flat_map(Tiling::visited);
    Ok(if order.eq(0..len) { Vec::new() } else { tilings })
}

/// A descriptor over rows of `own` elements, over rows of `pitch`.
fn widened(bd: &Bd, own: usize, pitch: usize) -> Option<Bd> {
    let mut wide = bd.clone();
    wide.offset = bd.offset / own * pitch + bd.offset % own;
    let mut dims = Vec::new();
    for (size, stride) in merged(bd).into_iter().rev() {
        // Loops that go on into the next row are two.
        let (within, rows) = match (stride < own, size * stride > own) {
            (true, true) => {
                let each = own.checked_div(stride).filter(|_| own.is_multiple_of(stride))?;
                (Some((each, stride)), Some((size.checked_div(each)?, own)))
            }
            (true, false) => (Some((size, stride)), None),
            (false, _) => (None, Some((size, stride))),
        };
        for (size, stride) in rows.into_iter().chain(within) {
            let stride = if stride < own {
                stride
            } else {
                stride.is_multiple_of(own).then(|| stride / own * pitch)?
            };
            dims.push(crate::array::Dim { size, stride });
        }
    }
    let count: usize = dims.iter().map(|dim| dim.size).product();
    wide.dims = dims;
    (count == bd.len).then_some(wide)
}

fn calls(core: &Core) -> Vec<(crate::array::KernelId, &[Operand])> {
    let mut found = Vec::new();
    for statement in &core.body {
        let Stmt::For { body, .. } = statement else { continue };
        for inner in body {
            if let Stmt::Call { kernel, arguments, .. } = inner {
                found.push((*kernel, arguments.as_slice()));
            }
        }
    }
    found
}

/// Where a tile is, by ADF's count.
pub fn spot(tile: Tile, device: &Device) -> Spot {
    let first = match device.tile_kind(tile) {
        Some(TileKind::Core) => device.core_rows().start,
        Some(TileKind::Mem) => device.mem_rows().start,
        _ => 0,
    };
    Spot { column: tile.column, row: tile.row - first }
}

fn address(program: &Program, device: &Device, buffer: BufferId) -> Option<Address> {
    let buffer = program.buffers.get(buffer.0)?;
    Some(Address { at: spot(buffer.tile, device), offset: buffer.address? })
}

/// Characters of a name that files are called by, of the 255 that file systems take.
const LONGEST: usize = 160;

/// A name as C++ and file systems take it.
pub fn identifier(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let mut plain: String = name.chars().map(plain).collect();
    if plain.len() > LONGEST {
        // FNV-1a of 64 bits, so that what is cut off still tells names apart.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        plain.truncate(LONGEST);
        plain += &format!("_{hash:016x}");
    }
    let name = plain;
    match name.chars().next() {
        Some(c) if c.is_ascii_alphabetic() => name,
        _ => format!("n{name}"),
    }
}
