//! From a mapped network to an array program.
//!
//! Every layer becomes one core per tile with the kernel of its role, weights
//! and ping-pong buffers; every region of a transfer becomes a ping-pong
//! buffer in a memory tile with two locks, a descriptor chain that fills it and
//! one that drains it.
//!
//! **Locks.** A ping-pong pair has a lock that counts free halves and one that
//! counts full halves. A core's input is filled by as many descriptors per half
//! as its slice has regions; they run in order on one channel, so both locks
//! count descriptors and the core takes all of a half at once. Where streams
//! come from several tiles, each has a channel and locks of its own, and where
//! cores share memory, they hand the halves to each other.

mod tiles;

use super::{
    hand_over, host,
    mapped::{Boundary, End, Layer, Mapped, Operation, Transfer},
    mapping::{Io, Place, Region, Via},
    retile::Walk,
    slices,
    transport::{self, Edge, Side},
};
use crate::{
    array::{
        Argument, Bd, Buffer, BufferId, Bundle, Core, Dim, Direction, DmaChannel, Element,
        Interface, Kernel, KernelId, Lock, LockAction, LockId, Port, Program, Reg, Slice, Source,
        Stmt, Stream, StreamSlice, Tile, UseLock,
    },
    device::{Device, TileKind},
    kernel::{self, Integer, Kernel as Spec, Role},
};
use std::collections::{BTreeMap, BTreeSet};

use tiles::input_name;

/// Why a mapped network has no array program; `layer` says where, if it is one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoProgram {
    pub layer: Option<usize>,
    pub message: String,
}

type Result<T> = std::result::Result<T, NoProgram>;

/// The kernel of one tile of a layer.
pub fn kernel_of(layer: &Layer, role: Role) -> Spec {
    match layer.operation {
        Operation::Dense { weight, accumulator, .. } => Spec::Dense(kernel::Dense {
            role,
            microtile: layer.microtile,
            rows: layer.padded_rows(),
            k: layer.split.k,
            n: layer.split.n,
            input: layer.input,
            weight,
            output: layer.output,
            accumulator,
            stages: if role.has_output() { layer.stages.clone() } else { Vec::new() },
        }),
        Operation::Add { other, shifts } => Spec::Add(kernel::Add {
            rows: layer.padded_rows(),
            n: layer.split.n,
            inputs: [layer.input, other],
            shifts,
            output: layer.output,
            stages: layer.stages.clone(),
        }),
    }
}

/// The two sides of a transfer, as the transport planner sees them.
pub fn edge(mapped: &Mapped, transfer: &Transfer) -> Edge {
    let mut rows = 0;
    // Slices that share a stream of the boundary: as they do, or as they will.
    let sharing = |stream: fn(&Region) -> usize, slice: fn(&Region) -> usize, wanted: usize| {
        let mut streams: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for region in &transfer.regions {
            streams.entry(stream(region)).or_default().insert(slice(region));
        }
        streams.values().map(BTreeSet::len).max().unwrap_or(wanted).max(1)
    };
    let producer = match transfer.from {
        End::Boundary(_) => match transfer.to {
            End::Layer(index) => Side::Ports {
                slices: mapped.layers[index].inputs(),
                width: mapped.layers[index].split.k,
                sharing: sharing(|r| r.producer, |r| r.consumer, mapped.sharing[0]),
            },
            End::Boundary(_) => Side::Ports { slices: Vec::new(), width: 0, sharing: 1 },
        },
        End::Layer(index) => {
            let layer = &mapped.layers[index];
            rows = rows.max(layer.padded_rows());
            Side::Tiles { slices: layer.outputs(), width: layer.split.n, block: layer.microtile.n }
        }
    };
    let consumer = match transfer.to {
        End::Boundary(_) => match transfer.from {
            End::Layer(index) => Side::Ports {
                slices: mapped.layers[index].outputs(),
                width: mapped.layers[index].split.n,
                sharing: sharing(|r| r.consumer, |r| r.producer, mapped.sharing[1]),
            },
            End::Boundary(_) => Side::Ports { slices: Vec::new(), width: 0, sharing: 1 },
        },
        End::Layer(index) => {
            let layer = &mapped.layers[index];
            rows = rows.max(layer.padded_rows());
            Side::Tiles { slices: layer.inputs(), width: layer.split.k, block: layer.microtile.k }
        }
    };
    Edge {
        producer,
        consumer,
        rows,
        features: transfer.features,
        element_bytes: transfer.element.bits as usize / 8,
    }
}

/// Builds the array program. Rows pass in blocks of `rows`, the same for all layers.
pub fn lower(mapped: &Mapped, device: &Device) -> Result<Program> {
    let mut builder = Builder {
        device,
        mapped,
        program: Program { device: device.name.to_string(), ..Program::default() },
        kernels: BTreeMap::new(),
        channels: BTreeMap::new(),
        sent: BTreeMap::new(),
        flows: BTreeMap::new(),
        buffers_of: Vec::new(),
    };
    for index in 0..mapped.layers.len() {
        builder.layer(index)?;
    }
    let rows = mapped.layers.iter().map(|layer| layer.split.rows).max().unwrap_or(1);
    for (inputs, boundary) in [(true, &mapped.inputs), (false, &mapped.outputs)] {
        for tensor in boundary {
            let interface = interface(tensor, rows)?;
            let list =
                if inputs { &mut builder.program.inputs } else { &mut builder.program.outputs };
            list.push(interface);
        }
    }
    for index in 0..mapped.transfers.len() {
        builder.transfer(index)?;
    }
    builder.cores()?;
    if mapped.io == Io::Ddr {
        host::in_memory(&mut builder.program, device)
            .map_err(|message| NoProgram { layer: None, message })?;
    }
    check_budgets(&builder.program, device)?;
    Ok(builder.program)
}

fn interface(tensor: &Boundary, rows: usize) -> Result<Interface> {
    Ok(Interface {
        name: tensor.name.clone(),
        rows,
        columns: tensor.features,
        batch: tensor.batch,
        element: element(tensor.element)?,
        signed: tensor.element.signed,
        scale: tensor.scale,
        zero_point: tensor.zero_point,
        range: tensor.range,
        streams: Vec::new(),
        memory: None,
    })
}

fn element(integer: Integer) -> Result<Element> {
    integer.element().ok_or_else(|| NoProgram {
        layer: None,
        message: format!("has {}-bit integers, which no buffer holds", integer.bits),
    })
}

fn tile(place: Place) -> Tile {
    Tile { column: place.column as u32, row: place.row as u32 }
}

/// What a core needs to know of its buffers.
struct CoreBuffers {
    layer: usize,
    chain: usize,
    position: usize,
    weights: Option<BufferId>,
    bias: Option<BufferId>,
    inputs: Vec<Input>,
    output: Option<[BufferId; 2]>,
    /// The same of each transfer that takes the output.
    output_locks: Vec<(LockId, LockId, i32)>,
}

/// What a core needs to know of a tensor that it reads.
struct Input {
    halves: [BufferId; 2],
    /// Locks `(free, full)` and what a half counts, of each stream that fills
    /// it or of the neighbor's core.
    locks: Vec<(LockId, LockId, i32)>,
}

/// What a stream takes, in the order of its parts.
type Sent = (Vec<Walk>, Port);

struct Builder<'a> {
    device: &'a Device,
    mapped: &'a Mapped,
    program: Program,
    kernels: BTreeMap<String, KernelId>,
    /// Channels in use per tile, and their descriptors.
    channels: BTreeMap<Tile, Vec<(Direction, u32, usize)>>,
    /// Streams that a layer's chain sends, and their ports.
    sent: BTreeMap<(usize, usize), Vec<Sent>>,
    /// Index of the flow from each port.
    flows: BTreeMap<Port, usize>,
    buffers_of: Vec<CoreBuffers>,
}

impl Builder<'_> {
    fn buffer(&mut self, buffer: Buffer) -> BufferId {
        self.program.buffers.push(buffer);
        BufferId(self.program.buffers.len() - 1)
    }

    fn lock(&mut self, tile: Tile, name: String, initial: i32) -> LockId {
        self.program.locks.push(Lock { tile, name, id: None, initial });
        LockId(self.program.locks.len() - 1)
    }

    /// The first free channel of a tile that can have so many descriptors: even
    /// and odd channels of a memory tile draw from separate halves.
    fn channel(
        &mut self,
        tile: Tile,
        direction: Direction,
        descriptors: usize,
        layer: Option<usize>,
    ) -> Result<u32> {
        let kind = self.device.tile_kind(tile).unwrap_or(TileKind::Core);
        let exist = self.device.resources(kind).dma_channels;
        let used = self.channels.entry(tile).or_default();
        let taken = |used: &[(Direction, u32, usize)], channel: u32| {
            used.iter().any(|&(d, c, _)| (d, c) == (direction, channel))
        };
        let mut free = (0..exist).filter(|&channel| !taken(used, channel)).peekable();
        let Some(&first) = free.peek() else {
            return Err(NoProgram {
                layer,
                message: format!(
                    "needs more than the {exist} {} channels of {tile}",
                    if direction == Direction::S2mm { "S2MM" } else { "MM2S" }
                ),
            });
        };
        let fits = |channel: &u32| {
            let ids = self.device.bd_ids(kind, *channel);
            let same = used.iter().filter(|(_, c, _)| self.device.bd_ids(kind, *c) == ids);
            same.map(|(.., count)| count).sum::<usize>() + descriptors <= ids.len()
        };
        // Exceeding descriptors are reported with all others.
        let channel = free.find(fits).unwrap_or(first);
        used.push((direction, channel, descriptors));
        Ok(channel)
    }

    /// Buffers of every tile of a layer.
    fn layer(&mut self, index: usize) -> Result<()> {
        let layer = &self.mapped.layers[index];
        let split = layer.split;
        for chain in 0..split.chains {
            for position in 0..split.cascade {
                let role = Role::of(position, split.cascade);
                let at = tile(layer.tile(chain, position));
                let prefix = format!("{}_{chain}_{position}", layer.name);
                let make = |part: &str, len: usize, element, address: usize, initial| Buffer {
                    tile: at,
                    name: format!("{prefix}_{part}"),
                    shape: vec![len],
                    element,
                    address: Some(address as u32),
                    initial,
                    external: false,
                };
                let shared: Vec<_> = (0..layer.ports())
                    .map(|port| self.shared_halves(index, port, chain, position))
                    .collect();
                let (mut weights, mut bias) = (None, None);
                if let Operation::Dense { weight, .. } = layer.operation {
                    weights = Some(self.buffer(make(
                        "weights",
                        split.k * split.n,
                        element(weight)?,
                        layer.packing.weights,
                        Some(pack_weights(layer, chain, position)),
                    )));
                    bias = role.has_bias().then(|| {
                        let bytes = Some(pack_bias(layer, chain));
                        self.buffer(make("bias", split.n, Element::I32, layer.packing.bias, bytes))
                    });
                }
                let rows = layer.padded_rows();
                for (addresses, tensors) in
                    [(&layer.packing.input, layer.ports()), (&layer.packing.output, 1)]
                {
                    if addresses.len() != 2 * tensors {
                        let (needs, has) = (2 * tensors, addresses.len());
                        return Err(NoProgram {
                            layer: Some(index),
                            message: format!("needs {needs} buffers, its packing has {has}"),
                        });
                    }
                }
                // Both halves of a tensor.
                let mut pair = |part: &str, of: Integer, width, addresses: &[usize]| {
                    let of = element(of)?;
                    Ok([0, 1].map(|half| {
                        let name = format!("{part}{half}");
                        self.buffer(make(&name, rows * width, of, addresses[half], None))
                    }))
                };
                let mut inputs = Vec::new();
                for port in 0..layer.ports() {
                    let halves = match shared.get(port).copied().flatten() {
                        Some(halves) => halves,
                        None => {
                            let addresses = &layer.packing.input[2 * port..];
                            pair(&input_name(layer, port), layer.input, split.k, addresses)?
                        }
                    };
                    inputs.push(Input { halves, locks: Vec::new() });
                }
                let output = match role.has_output() {
                    true => Some(pair("out", layer.output, split.n, &layer.packing.output)?),
                    false => None,
                };
                if position > 0 {
                    let west = tile(layer.tile(chain, position - 1));
                    self.program.cascades.push((west, at));
                }
                self.buffers_of.push(CoreBuffers {
                    layer: index,
                    chain,
                    position,
                    weights,
                    bias,
                    inputs,
                    output,
                    output_locks: Vec::new(),
                });
            }
        }
        Ok(())
    }

    /// Memory tiles, DMA programs and flows of a transfer.
    fn transfer(&mut self, index: usize) -> Result<()> {
        let transfer = &self.mapped.transfers[index];
        if transfer.via != Via::MemoryTile {
            return self.hand_over(transfer);
        }
        let layer_of = match (transfer.from, transfer.to) {
            (_, End::Layer(layer)) | (End::Layer(layer), _) => Some(layer),
            _ => None,
        };
        let edge = edge(self.mapped, transfer);
        let bytes = edge.element_bytes;
        let element = element(transfer.element)?;
        let rows = self.mapped.layers.iter().map(|layer| layer.split.rows).max().unwrap_or(1);
        let name = match (transfer.from, transfer.to) {
            (End::Boundary(i), _) => format!("in{i}"),
            (End::Layer(layer), _) => self.mapped.layers[layer].name.clone(),
        };

        // Region buffers and their locks.
        let mut stored = Vec::new();
        for (r, region) in transfer.regions.iter().enumerate() {
            let at = tile(transfer.memory_tiles[region.group]);
            let slice = slices::Region {
                producer: region.producer,
                consumer: region.consumer,
                features: region.begin..region.end,
            };
            let written =
                transport::width(&edge.producer, region.producer, &slice.features, bytes, false);
            let read =
                transport::width(&edge.consumer, region.consumer, &slice.features, bytes, true);
            let pitch = transport::pitch(&edge, &slice);
            let written_rows = match transfer.from {
                End::Boundary(_) => rows,
                End::Layer(layer) => self.mapped.layers[layer].padded_rows(),
            };
            // What nobody writes must be zero: padding up to the consumer's blocks.
            let padded = written < pitch || written_rows < edge.rows;
            let initial = padded.then(|| vec![0; edge.rows * pitch * bytes]);
            let halves = [0, 1].map(|half| {
                self.buffer(Buffer {
                    tile: at,
                    name: format!("{name}_t{index}_r{r}_{half}"),
                    shape: vec![edge.rows, pitch],
                    element,
                    address: None,
                    initial: initial.clone(),
                    external: false,
                })
            });
            let free = self.lock(at, format!("{name}_t{index}_r{r}_free"), 2);
            let full = self.lock(at, format!("{name}_t{index}_r{r}_full"), 0);
            stored.push(Stored { region: *region, halves, free, full, pitch, written, read });
        }

        // One stream from each producer, one to each consumer.
        let producers = transfer.regions.iter().map(|r| r.producer + 1).max().unwrap_or(0);
        for producer in 0..producers {
            let mine: Vec<&Stored> =
                stored.iter().filter(|s| s.region.producer == producer).collect();
            let Some(first) = mine.first() else { continue };
            let memory = tile(transfer.memory_tiles[first.region.group]);
            let channel = self.channel(memory, Direction::S2mm, 2 * mine.len(), layer_of)?;
            let pattern = |s: &Stored| match transfer.from {
                End::Boundary(_) => vec![(rows, s.pitch), (s.written, 1)],
                End::Layer(layer) => blocked(&self.mapped.layers[layer], true, s.written, s.pitch),
            };
            let bds = chain(&mine, pattern, true, memory, self.device, bytes, layer_of)?;
            self.program.dmas.push(DmaChannel {
                tile: memory,
                direction: Direction::S2mm,
                channel,
                repeat_count: 0,
                bds,
            });
            let to = Port { tile: memory, bundle: Bundle::Dma, channel };
            let from = match transfer.from {
                End::Boundary(input) => {
                    let port = port(transfer, producer, self.mapped.io, layer_of)?;
                    let slices = mine
                        .iter()
                        .map(|s| StreamSlice {
                            begin: s.region.begin,
                            end: s.region.end,
                            pitch: s.written,
                        })
                        .collect();
                    self.program.inputs[input].streams.push(Stream { port, slices });
                    port
                }
                End::Layer(layer) => {
                    let stream = hand_over::sent(self.mapped, transfer, producer, self.device)
                        .map_err(|message| NoProgram { layer: Some(layer), message })?;
                    self.send(layer, producer, stream.concat())?
                }
            };
            self.flow(from, vec![to]);
        }
        let consumers = transfer.regions.iter().map(|r| r.consumer + 1).max().unwrap_or(0);
        for consumer in 0..consumers {
            let mine: Vec<&Stored> =
                stored.iter().filter(|s| s.region.consumer == consumer).collect();
            let Some(first) = mine.first() else { continue };
            let memory = tile(transfer.memory_tiles[first.region.group]);
            let channel = self.channel(memory, Direction::Mm2s, 2 * mine.len(), layer_of)?;
            let pattern = |s: &Stored| match transfer.to {
                End::Boundary(_) => vec![(rows, s.pitch), (s.read, 1)],
                End::Layer(layer) => blocked(&self.mapped.layers[layer], false, s.read, s.pitch),
            };
            let bds = chain(&mine, pattern, false, memory, self.device, bytes, layer_of)?;
            self.program.dmas.push(DmaChannel {
                tile: memory,
                direction: Direction::Mm2s,
                channel,
                repeat_count: 0,
                bds,
            });
            let source = Port { tile: memory, bundle: Bundle::Dma, channel };
            let destinations = match transfer.to {
                End::Boundary(output) => {
                    let port = port(transfer, consumer, self.mapped.io, layer_of)?;
                    let slices = mine
                        .iter()
                        .map(|s| StreamSlice {
                            begin: s.region.begin,
                            end: s.region.end,
                            pitch: s.read,
                        })
                        .collect();
                    self.program.outputs[output].streams.push(Stream { port, slices });
                    vec![port]
                }
                End::Layer(layer) => {
                    let regions: Vec<_> = mine.iter().map(|s| (s.region.begin, s.read)).collect();
                    let stream = self.stored_walks(layer, consumer, &regions)?;
                    self.receive(layer, transfer.port, consumer, &stream)?
                }
            };
            self.flow(source, destinations);
        }
        Ok(())
    }

    /// The cores: for ever, both halves in turn.
    fn cores(&mut self) -> Result<()> {
        let rows = self.mapped.layers.iter().map(|layer| layer.split.rows).max().unwrap_or(1);
        for core in std::mem::take(&mut self.buffers_of) {
            let layer = &self.mapped.layers[core.layer];
            let role = Role::of(core.position, layer.split.cascade);
            let spec = kernel_of(layer, role);
            let kernel = self.kernel(&spec, core.layer)?;
            if core.inputs.iter().any(|input| input.locks.is_empty()) {
                return Err(NoProgram {
                    layer: Some(core.layer),
                    message: "has no transfer for its input".into(),
                });
            }
            let input_locks: Vec<_> =
                core.inputs.iter().flat_map(|input| input.locks.iter().copied()).collect();
            let mut body = Vec::new();
            for half in 0..2 {
                // Room for the output is mostly there already, so it is asked for first: what
                // remains between the input's arrival and the kernel is one lock. For the
                // same reason the output goes out before the input is given back.
                for &(free, _, count) in &core.output_locks {
                    body.push(acquire(free, count));
                }
                for &(_, full, count) in &input_locks {
                    body.push(acquire(full, count));
                }
                let inputs = core.inputs.iter().map(|input| input.halves[half]);
                let mut arguments: Vec<_> = inputs.map(Argument::Buffer).collect();
                arguments.extend(core.weights.map(Argument::Buffer));
                arguments.extend(core.bias.map(Argument::Buffer));
                arguments.extend(core.output.map(|output| Argument::Buffer(output[half])));
                body.push(Stmt::Call { kernel, arguments, results: Vec::new() });
                for &(_, full, count) in &core.output_locks {
                    body.push(release(full, count));
                }
                for &(free, _, count) in &input_locks {
                    body.push(release(free, count));
                }
            }
            let input = layer.inputs()[layer.consumer(core.chain, core.position)].clone();
            let output = layer.outputs()[core.chain].clone();
            self.program.cores.push(Core {
                tile: tile(layer.tile(core.chain, core.position)),
                stack_size: layer.packing.stack as u32,
                body: vec![Stmt::For {
                    variable: Reg(0),
                    lower: Argument::Constant(0),
                    upper: Argument::Constant(FOREVER),
                    step: Argument::Constant(1),
                    body,
                }],
                slice: Some(Slice {
                    layer: layer.name.clone(),
                    sources: self.sources(core.layer)?,
                    outputs: self.outputs(core.layer),
                    k: (input.start, input.end),
                    n: (output.start, output.end),
                    cascade: (core.position, layer.split.cascade),
                    rows,
                    microtile: (layer.microtile.m, layer.microtile.k, layer.microtile.n),
                }),
                code: None,
            });
        }
        Ok(())
    }

    /// What a layer reads, in the order of its inputs.
    fn sources(&self, layer: usize) -> Result<Vec<Source>> {
        let source = |port: usize| {
            let mut transfers = self.mapped.transfers.iter();
            let transfer = transfers.find(|t| t.to == End::Layer(layer) && t.port == port);
            match transfer.map(|transfer| transfer.from) {
                Some(End::Boundary(input)) => Ok(Source::Input(input)),
                Some(End::Layer(from)) => Ok(Source::Layer(self.mapped.layers[from].name.clone())),
                None => Err(NoProgram {
                    layer: Some(layer),
                    message: format!("has no transfer for its input {port}"),
                }),
            }
        };
        (0..self.mapped.layers[layer].ports()).map(source).collect()
    }

    /// The outputs of the program that a layer fills.
    fn outputs(&self, layer: usize) -> Vec<usize> {
        let from_layer = self.mapped.transfers.iter().filter(|t| t.from == End::Layer(layer));
        from_layer
            .filter_map(|transfer| match transfer.to {
                End::Boundary(output) => Some(output),
                End::Layer(_) => None,
            })
            .collect()
    }

    fn kernel(&mut self, spec: &Spec, layer: usize) -> Result<KernelId> {
        let name = spec.name();
        if let Some(&id) = self.kernels.get(&name) {
            return Ok(id);
        }
        let arguments = spec.arguments().ok_or_else(|| NoProgram {
            layer: Some(layer),
            message: "has integers of a width that no buffer holds".into(),
        })?;
        self.program.kernels.push(Kernel {
            name: name.clone(),
            link_with: Some(spec.object()),
            arguments,
            results: Vec::new(),
        });
        let id = KernelId(self.program.kernels.len() - 1);
        self.kernels.insert(name, id);
        Ok(id)
    }
}

/// Trip count of a loop that never ends: the largest that a 32-bit counter holds.
const FOREVER: i64 = 0xFFFF_FFFF;

/// A region in its memory tile.
struct Stored {
    region: Region,
    halves: [BufferId; 2],
    free: LockId,
    full: LockId,
    /// Features per stored row.
    pitch: usize,
    /// Features per row that the producer writes and the consumer reads.
    written: usize,
    read: usize,
}

/// Row-major storage walked in a layer's order of blocks: its outputs or its inputs.
fn blocked(layer: &Layer, output: bool, width: usize, pitch: usize) -> Vec<(usize, usize)> {
    let m = layer.microtile.m;
    let block = if output { layer.microtile.n } else { layer.microtile.k };
    vec![(layer.padded_rows() / m, m * pitch), (width / block, block), (m, pitch), (block, 1)]
}

/// The descriptors of a memory tile's channel: both halves of each region in turn.
fn chain(
    regions: &[&Stored],
    pattern: impl Fn(&Stored) -> Vec<(usize, usize)>,
    fills: bool,
    at: Tile,
    device: &Device,
    element_bytes: usize,
    layer: Option<usize>,
) -> Result<Vec<Bd>> {
    let mut bds = Vec::new();
    for half in 0..2 {
        for stored in regions {
            let pattern = pattern(stored);
            let (acquire, release) =
                if fills { (stored.free, stored.full) } else { (stored.full, stored.free) };
            bds.push(Bd {
                buffer: stored.halves[half],
                offset: 0,
                len: pattern.iter().map(|(size, _)| size).product(),
                dims: dims(&pattern, element_bytes, at, device)
                    .map_err(|message| NoProgram { layer, message })?,
                pad: Vec::new(),
                acquire: Some(acquire_one(acquire)),
                release: Some(release_one(release)),
                packet: None,
                next: None,
            });
        }
    }
    Ok(ring(bds))
}

/// Links descriptors into a ring.
fn ring(mut bds: Vec<Bd>) -> Vec<Bd> {
    let count = bds.len();
    for (i, bd) in bds.iter_mut().enumerate() {
        bd.next = Some((i + 1) % count);
    }
    bds
}

/// An access pattern as a descriptor can say it: dimensions of one element
/// dropped, contiguous ones merged, and those beyond a field split in two.
/// Empty if the elements are consecutive.
pub fn dims(
    pattern: &[(usize, usize)],
    element_bytes: usize,
    at: Tile,
    device: &Device,
) -> std::result::Result<Vec<Dim>, String> {
    let fields = device.resources(device.tile_kind(at).unwrap_or(TileKind::Core)).bd;
    // Innermost first, merged.
    let mut merged: Vec<Dim> = Vec::new();
    for &(size, stride) in pattern.iter().rev() {
        match merged.last_mut() {
            _ if size == 1 => {}
            Some(inner) if stride == inner.size * inner.stride => inner.size *= size,
            _ => merged.push(Dim { size, stride }),
        }
    }
    if merged.len() <= 1 && merged.iter().all(|dim| dim.stride == 1) {
        return Ok(Vec::new());
    }
    if merged[0].stride != 1 {
        merged.insert(0, Dim { size: 1, stride: 1 });
    }
    // aie-rt holds every dimension to its wrap field, the outermost too.
    let mut index = 0;
    while index < merged.len() {
        let Dim { size, stride } = merged[index];
        // Dimension 0 counts 32-bit words.
        let unit = if index == 0 { (4 / element_bytes).max(1) } else { 1 };
        let most = fields.max_wrap as usize * unit;
        if size > most {
            // A factor of one would leave the rest as it is.
            let inner = (2..=most)
                .rev()
                .find(|inner| size % inner == 0 && inner % unit == 0)
                .ok_or_else(|| format!("has {size} elements in a row, which {at} cannot walk"))?;
            merged[index].size = inner;
            merged.insert(index + 1, Dim { size: size / inner, stride: stride * inner });
        }
        index += 1;
    }
    if merged.len() > fields.dimensions as usize {
        return Err(format!(
            "needs {} dimensions in a descriptor of {at}, which has {}",
            merged.len(),
            fields.dimensions
        ));
    }
    merged.reverse();
    Ok(merged)
}

fn acquire_one(lock: LockId) -> UseLock {
    UseLock { lock, action: LockAction::AcquireGreaterEqual, value: 1 }
}

fn release_one(lock: LockId) -> UseLock {
    UseLock { lock, action: LockAction::Release, value: 1 }
}

fn acquire(lock: LockId, value: i32) -> Stmt {
    Stmt::UseLock(UseLock { lock, action: LockAction::AcquireGreaterEqual, value })
}

fn release(lock: LockId, value: i32) -> Stmt {
    Stmt::UseLock(UseLock { lock, action: LockAction::Release, value })
}

fn port(transfer: &Transfer, index: usize, io: Io, layer: Option<usize>) -> Result<Port> {
    let port = transfer.ports.get(index).ok_or_else(|| NoProgram {
        layer,
        message: format!("has no port for stream {index}: run aie4ml-place first"),
    })?;
    Ok(Port {
        tile: Tile { column: port.column as u32, row: 0 },
        bundle: match io {
            Io::Plio => Bundle::Plio,
            Io::Ddr => Bundle::Dma,
        },
        channel: port.channel as u32,
    })
}

/// A tile's weights as `[N/n][K/k][k][n]`, zero beyond the layer's extents.
/// Empty for a layer without weights.
pub fn pack_weights(layer: &Layer, chain: usize, position: usize) -> Vec<u8> {
    let Operation::Dense { weight, weights, .. } = &layer.operation else { return Vec::new() };
    let (split, tiles) = (layer.split, layer.microtile);
    let bytes = weight.bits as usize / 8;
    let mut packed = Vec::with_capacity(split.k * split.n * bytes);
    for nb in 0..split.n / tiles.n {
        for kb in 0..split.k / tiles.k {
            for k in 0..tiles.k {
                for n in 0..tiles.n {
                    let row = position * split.k + kb * tiles.k + k;
                    let column = chain * split.n + nb * tiles.n + n;
                    let value = if row < layer.k && column < layer.n {
                        weights[row * layer.n + column]
                    } else {
                        0
                    };
                    packed.extend_from_slice(&value.to_le_bytes()[..bytes]);
                }
            }
        }
    }
    packed
}

/// A chain's bias, zero beyond the layer's extent.
/// Empty for a layer without bias.
pub fn pack_bias(layer: &Layer, chain: usize) -> Vec<u8> {
    let Operation::Dense { bias, .. } = &layer.operation else { return Vec::new() };
    (0..layer.split.n)
        .map(|n| bias.get(chain * layer.split.n + n).copied().unwrap_or(0) as i32)
        .flat_map(i32::to_le_bytes)
        .collect()
}

/// Every tile has the locks, descriptors and memory that the program takes.
fn check_budgets(program: &Program, device: &Device) -> Result<()> {
    #[derive(Default)]
    struct Use {
        locks: usize,
        /// Descriptors of even and odd channels.
        descriptors: [usize; 2],
        bytes: usize,
    }
    let mut tiles: BTreeMap<Tile, Use> = BTreeMap::new();
    for lock in &program.locks {
        tiles.entry(lock.tile).or_default().locks += 1;
    }
    for buffer in program.buffers.iter().filter(|buffer| !buffer.external) {
        tiles.entry(buffer.tile).or_default().bytes += buffer.bytes();
    }
    for dma in &program.dmas {
        tiles.entry(dma.tile).or_default().descriptors[dma.channel as usize % 2] += dma.bds.len();
    }
    for core in &program.cores {
        tiles.entry(core.tile).or_default().bytes += core.stack_size as usize;
    }
    for (tile, used) in tiles {
        let Some(kind) = device.tile_kind(tile) else {
            return Err(NoProgram {
                layer: None,
                message: format!("uses {tile}, which {} lacks", device.name),
            });
        };
        let resources = device.resources(kind);
        let exceeds = |what: &str, used: usize, exist: usize| {
            (used > exist).then(|| NoProgram {
                layer: None,
                message: format!("needs {used} {what} in {tile}, which has {exist}"),
            })
        };
        let mut failures = vec![
            exceeds("locks", used.locks, resources.locks as usize),
            exceeds("bytes of memory", used.bytes, resources.memory_bytes as usize),
            exceeds(
                "buffer descriptors",
                used.descriptors.iter().sum(),
                resources.buffer_descriptors as usize,
            ),
        ];
        for (parity, &count) in used.descriptors.iter().enumerate() {
            let ids = device.bd_ids(kind, parity as u32);
            failures.push(exceeds(
                if parity == 0 {
                    "buffer descriptors of even channels"
                } else {
                    "buffer descriptors of odd channels"
                },
                count,
                ids.len(),
            ));
        }
        if let Some(failure) = failures.into_iter().flatten().next() {
            return Err(failure);
        }
    }
    Ok(())
}
