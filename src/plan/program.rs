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

mod budgets;
mod cores;
mod descriptors;
mod memory;
mod tiles;

pub use cores::{FOREVER, kernel_of, pack_parameters, pack_weights};
pub use descriptors::dims;

use super::{
    host,
    mapped::{Boundary, End, Mapped, Operation, Transfer},
    mapping::{Io, Place, Region},
    retile::Walk,
    transport::{Edge, Side},
};
use crate::{
    array::{
        Buffer, BufferId, Direction, Element, Flow, Interface, KernelId, Lock, LockId, Port,
        Program, Tile,
    },
    device::{Device, TileKind},
    kernel::Integer,
};
use std::collections::{BTreeMap, BTreeSet};

/// Why a mapped network has no array program; `layer` says where, if it is one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoProgram {
    pub layer: Option<usize>,
    pub message: String,
}

type Result<T> = std::result::Result<T, NoProgram>;

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
                slices: mapped.layers[index].inputs(transfer.port),
                width: mapped.layers[index].width(transfer.port),
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
            let (slices, width) = (layer.inputs(transfer.port), layer.width(transfer.port));
            Side::Tiles { slices, width, block: layer.microtile.k }
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
    let rows = builder.rows();
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
    budgets::check(&builder.program, device)?;
    put_first(&mut builder.program.flows, &mapped.first_flows)?;
    Ok(builder.program)
}

/// The flows of the program, as they are before any is put first. Weights and packing
/// need not be known.
///
/// # Errors
///
/// As [`lower`].
pub fn flows(mapped: &Mapped, device: &Device) -> Result<Vec<Flow>> {
    let mut mapped = mapped.clone();
    mapped.first_flows.clear();
    for layer in &mut mapped.layers {
        match &mut layer.operation {
            Operation::Dense { weights, bias, .. } => {
                weights.clear();
                bias.clear();
            }
            Operation::Whole(node) => {
                node.constants.iter_mut().for_each(|constant| constant.data.clear());
            }
            Operation::Add { .. } => {}
        }
        layer.packing.input = vec![0; 2 * layer.ports()];
        layer.packing.output = vec![0; 2];
    }
    Ok(lower(&mapped, device)?.flows)
}

/// Moves some flows before all others.
fn put_first(flows: &mut Vec<Flow>, first: &[usize]) -> Result<()> {
    let mut rest: Vec<Option<Flow>> = std::mem::take(flows).into_iter().map(Some).collect();
    for &index in first {
        let flow = rest.get_mut(index).and_then(Option::take).ok_or_else(|| NoProgram {
            layer: None,
            message: format!(
                "has a routing that puts flow {index} first, which is no flow or twice"
            ),
        })?;
        flows.push(flow);
    }
    flows.extend(rest.into_iter().flatten());
    Ok(())
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
    parameters: Option<BufferId>,
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
    /// Rows that pass at once.
    fn rows(&self) -> usize {
        self.mapped.layers.iter().map(|layer| layer.split.rows).max().unwrap_or(1)
    }

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
}
