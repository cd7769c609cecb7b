//! How every edge of a network is carried: from tile to tile where the two
//! sides fit each other, by memory tiles where not.
//!
//! An edge between two layers can go by *streams* from tile to tile if each
//! region can be taken from the order of blocks in which it is made to the one
//! in which it is read by the two DMAs at its ends ([`super::retile`]), and if
//! these have a channel for every region: a chain sends a stream for each column
//! that reads of it, to all tiles of the column at once, and a tile receives a
//! stream from each chain that it reads of. Otherwise memory tiles gather and
//! scatter ([`super::transport`]). The boundary always has memory tiles.
//!
//! Readers of the same tensor that take the same parts of it share the stream,
//! whichever way it goes on. If a chain would still need more streams than its
//! tile has channels, its memory tiles store parts so small that all of them
//! take the same, and share one. [`Transport::Graph`] does so wherever readers would
//! take them in different orders, as an output that a graph describes has one stream.
//!
//! Where streams would branch to many rows far from where they begin, memory
//! tiles carry them (see [`super::streams`]).
//!
//! A shorter way through the network that meets a longer one keeps its memory
//! tile: what it carries waits there for the other.

use super::{
    mapped::{End, Layer, Mapped, Transfer},
    mapping::{Place, Region, Via},
    parallelize, program,
    retile::{self, Layout, Retiling, Walk},
    slices, transport,
};
use crate::{
    array::{Flow, Tile},
    device::{Device, TileKind},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
    str::FromStr,
};

/// Which edges may go without memory tiles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Transport {
    /// All that can.
    #[default]
    Auto,
    /// None.
    MemoryTiles,
    /// None, and what a tile makes is sent in one order to all memory tiles, as the outputs of
    /// kernels in ADF graphs are.
    Graph,
}

impl FromStr for Transport {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Transport::Auto),
            "memtile" => Ok(Transport::MemoryTiles),
            "graph" => Ok(Transport::Graph),
            _ => Err(format!("unknown transport '{name}': use auto, memtile or graph")),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Transport::Auto => "auto",
            Transport::MemoryTiles => "memtile",
            Transport::Graph => "graph",
        })
    }
}

/// Why an edge cannot be carried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoTransport {
    /// Index into [`Mapped::transfers`].
    pub transfer: usize,
    pub message: String,
}

/// Longest way from the outside over so many layers may differ between the
/// inputs of a layer: each half of a tile's buffers keeps one block of rows.
const MOST_AHEAD: usize = 1;

/// Gives every transfer regions and what carries them; those that have regions
/// keep them.
///
/// # Errors
///
/// If an edge fits no memory tile and no streams either.
pub fn plan(
    mapped: &mut Mapped,
    transport: Transport,
    given: &[Option<Via>],
    device: &Device,
) -> Result<(), NoTransport> {
    let fail = |transfer, message| NoTransport { transfer, message };
    let open: Vec<bool> = mapped.transfers.iter().map(|t| t.regions.is_empty()).collect();
    let mut direct = Vec::new();
    for (index, &open) in open.iter().enumerate() {
        let via = given.get(index).copied().flatten();
        let streams = streams(mapped, &mapped.transfers[index], device);
        let memory_tiles =
            transport::plan(&program::edge(mapped, &mapped.transfers[index]), &[], device);
        let wished = open
            && via.is_none()
            && transport == Transport::Auto
            && !waits(mapped, &mapped.transfers[index])
            && streams.as_ref().is_ok_and(|r| branches_fit(mapped, index, r.len(), device));
        let transfer = &mut mapped.transfers[index];
        if open {
            (transfer.via, transfer.regions) = match (via, memory_tiles, &streams) {
                (None | Some(Via::MemoryTile), Ok(regions), _) => (Via::MemoryTile, regions),
                // Better than nothing.
                (None, Err(_), Ok(regions)) if transport == Transport::Auto => {
                    (Via::Stream, regions.clone())
                }
                (None | Some(Via::MemoryTile), Err(message), _) => {
                    return Err(fail(index, message));
                }
                (Some(via), _, Ok(regions)) => (via, regions.clone()),
                (Some(via), _, Err(message)) => {
                    let message = format!("cannot go via '{}': {message}", via.name());
                    return Err(fail(index, message));
                }
            };
        }
        direct.push(streams.ok().filter(|_| wished));
    }
    for (index, regions) in direct.into_iter().enumerate() {
        let Some(regions) = regions.filter(|_| mapped.transfers[index].via == Via::MemoryTile)
        else {
            continue;
        };
        let before = strain(mapped, index, device);
        let kept = std::mem::replace(&mut mapped.transfers[index].regions, regions);
        mapped.transfers[index].via = Via::Stream;
        if strain(mapped, index, device) > before {
            mapped.transfers[index].regions = kept;
            mapped.transfers[index].via = Via::MemoryTile;
        }
    }
    for layer in 0..mapped.layers.len() {
        share(mapped, layer, transport, &open, device)?;
    }
    Ok(())
}

/// Whether `count` streams from tile to tile leave room for others: they branch to
/// the rows of their columns on the way there, where those of a memory tile go
/// straight up below each column. Two layers that are only linked to each other
/// are neighbors wherever they can be, and their streams short.
fn branches_fit(mapped: &Mapped, transfer: usize, count: usize, device: &Device) -> bool {
    let Transfer { from, to, .. } = mapped.transfers[transfer];
    let End::Layer(reader) = to else { return true };
    let layer = &mapped.layers[reader];
    let heights = parallelize::heights(layer.split.chains, device);
    let alone = |key: fn(&Transfer) -> End, end| {
        mapped.transfers.iter().filter(|t| key(t) == end).count() == 1
    };
    let rows = layer.readers(0).len().min(heights.first().copied().unwrap_or(1));
    (heights.len() == 1 && alone(|t| t.from, from) && alone(|t| t.to, to))
        || crate::plan::streams::branches_fit(count, &[0, rows], device)
}

/// How far the layers at both ends of a transfer exceed their channels and
/// descriptors; what is to be shared later counts as shared.
fn strain(mapped: &Mapped, transfer: usize, device: &Device) -> usize {
    let core = device.resources(TileKind::Core);
    let Transfer { from, to, .. } = &mapped.transfers[transfer];
    let ends = [from, to].into_iter().filter_map(|end| match end {
        End::Layer(layer) => Some(*layer),
        End::Boundary(_) => None,
    });
    let ends: BTreeSet<usize> = ends.collect();
    ends.into_iter()
        .map(|layer| {
            let (sent, received) = (sends(mapped, layer, device), receives(mapped, layer, device));
            let over = |used: usize, exist: u32| used.saturating_sub(exist as usize);
            over(sent.streams + usize::from(sent.stored > 0), core.dma_channels)
                + over(received.streams, core.dma_channels)
                + over(sent.descriptors + received.descriptors, core.buffer_descriptors)
        })
        .sum()
}

/// What the busiest tile of a layer needs to send or to receive.
#[derive(Default)]
struct Need {
    /// To or from tiles, and, when it receives, memory tiles.
    streams: usize,
    /// Different streams to memory tiles only.
    stored: usize,
    descriptors: usize,
}

fn sends(mapped: &Mapped, layer: usize, device: &Device) -> Need {
    let mut most = Need::default();
    for chain in 0..mapped.layers[layer].split.chains {
        let (mut direct, mut stored) = (Vec::new(), Vec::new());
        for transfer in mapped.transfers.iter().filter(|t| t.from == End::Layer(layer)) {
            let list = if transfer.via == Via::MemoryTile { &mut stored } else { &mut direct };
            for stream in sent(mapped, transfer, chain, device).unwrap_or_default() {
                if !list.contains(&stream) {
                    list.push(stream);
                }
            }
        }
        stored.retain(|stream| !direct.contains(stream));
        let descriptors = 2 * direct.iter().chain(&stored).map(Vec::len).sum::<usize>();
        most.streams = most.streams.max(direct.len());
        most.stored = most.stored.max(stored.len());
        most.descriptors = most.descriptors.max(descriptors);
    }
    most
}

fn receives(mapped: &Mapped, layer: usize, device: &Device) -> Need {
    let mut all = Need::default();
    for transfer in mapped.transfers.iter().filter(|t| t.to == End::Layer(layer)) {
        let consumers = mapped.layers[layer].inputs(transfer.port).len();
        let (mut streams, mut descriptors) = (1, 1);
        for consumer in 0..consumers {
            let mine: Vec<_> = transfer.regions.iter().filter(|r| r.consumer == consumer).collect();
            if transfer.via == Via::MemoryTile {
                descriptors = descriptors.max(mine.len());
                continue;
            }
            streams = streams.max(mine.len());
            let walks = mine.iter().map(|region| {
                retiling(mapped, transfer, region, device).map_or(1, |retiling| retiling.to.len())
            });
            descriptors = descriptors.max(walks.sum());
        }
        all.streams += streams;
        all.descriptors += 2 * descriptors;
    }
    all
}

/// If a chain sends more different streams than its tile has channels, or than may be
/// told from each other, cut what goes to memory tiles such that one stream serves them all.
fn share(
    mapped: &mut Mapped,
    layer: usize,
    transport: Transport,
    open: &[bool],
    device: &Device,
) -> Result<(), NoTransport> {
    let fits = match transport {
        Transport::Auto | Transport::MemoryTiles => {
            let channels = device.resources(TileKind::Core).dma_channels as usize;
            let need = sends(mapped, layer, device);
            need.streams + need.stored <= channels
        }
        Transport::Graph => has_one_order(mapped, layer, device),
    };
    if fits {
        return Ok(());
    }
    let stored = |index: &usize| {
        let transfer = &mapped.transfers[*index];
        open[*index] && transfer.from == End::Layer(layer) && transfer.via == Via::MemoryTile
    };
    let stored: Vec<usize> = (0..mapped.transfers.len()).filter(stored).collect();
    let cuts: BTreeSet<usize> = stored
        .iter()
        .flat_map(|&index| mapped.transfers[index].regions.iter().map(|region| region.begin))
        .collect();
    let cuts: Vec<usize> = cuts.into_iter().collect();
    for index in stored {
        let edge = program::edge(mapped, &mapped.transfers[index]);
        mapped.transfers[index].regions = transport::plan(&edge, &cuts, device)
            .map_err(|message| NoTransport { transfer: index, message })?;
    }
    Ok(())
}

/// Whether each chain of a layer sends what it makes in one order, however it is cut.
fn has_one_order(mapped: &Mapped, layer: usize, device: &Device) -> bool {
    (0..mapped.layers[layer].split.chains).all(|chain| {
        let transfers = mapped.transfers.iter().filter(|t| t.from == End::Layer(layer));
        let streams = transfers.flat_map(|t| sent(mapped, t, chain, device).unwrap_or_default());
        let orders: BTreeSet<Vec<usize>> =
            streams.map(|stream| stream.iter().flat_map(Walk::visited).collect()).collect();
        orders.len() <= 1
    })
}

/// Whether what a transfer carries has to wait for another input of the layer
/// where it ends, which comes a longer way.
fn waits(mapped: &Mapped, transfer: &Transfer) -> bool {
    let End::Layer(to) = transfer.to else { return false };
    let depths = depths(mapped);
    let depth = |end: End| match end {
        End::Layer(layer) => depths[layer],
        End::Boundary(_) => 0,
    };
    let others = mapped.transfers.iter().filter(|t| t.to == End::Layer(to));
    others.map(|t| depth(t.from)).max().unwrap_or(0) > depth(transfer.from) + MOST_AHEAD
}

/// Layers on the longest way from the outside to each, itself included.
fn depths(mapped: &Mapped) -> Vec<usize> {
    let mut depths = vec![1; mapped.layers.len()];
    for layer in 0..mapped.layers.len() {
        for transfer in mapped.transfers.iter().filter(|t| t.to == End::Layer(layer)) {
            if let End::Layer(from) = transfer.from {
                depths[layer] = depths[layer].max(depths[from] + 1);
            }
        }
    }
    depths
}

/// The regions of a transfer that goes from tile to tile.
fn streams(mapped: &Mapped, transfer: &Transfer, device: &Device) -> Result<Vec<Region>, String> {
    let (End::Layer(from), End::Layer(to)) = (transfer.from, transfer.to) else {
        return Err("the boundary needs memory tiles".into());
    };
    let (from, to) = (&mapped.layers[from], &mapped.layers[to]);
    let regions = slices::regions(&from.outputs(), &to.inputs(transfer.port));
    let channels = device.resources(TileKind::Core).dma_channels as usize;
    let most = |key: fn(&slices::Region) -> usize| {
        let each =
            regions.iter().map(|region| regions.iter().filter(|r| key(r) == key(region)).count());
        each.max().unwrap_or(0)
    };
    for (count, what) in [
        (most(|r| r.producer), "columns read of one chain"),
        (most(|r| r.consumer), "chains make what one column reads"),
    ] {
        if count > channels {
            return Err(format!("{count} {what}, a tile has {channels} channels"));
        }
    }
    let all: Vec<Region> = regions
        .into_iter()
        .map(|slices::Region { producer, consumer, features: Range { start, end } }| Region {
            producer,
            consumer,
            begin: start,
            end,
            group: 0,
        })
        .collect();
    for region in &all {
        retiling(mapped, transfer, region, device)?;
    }
    Ok(all)
}

/// How a layer's tiles hold its outputs.
pub fn outputs(layer: &Layer) -> Layout {
    let (tile, rows) = (layer.microtile, layer.padded_rows());
    Layout { m: tile.m, n: tile.n, rows, width: layer.split.n }
}

/// How a layer's tiles hold its inputs.
pub fn inputs(layer: &Layer, port: usize) -> Layout {
    let (tile, rows) = (layer.microtile, layer.padded_rows());
    Layout { m: tile.m, n: tile.k, rows, width: layer.width(port) }
}

/// How the DMAs at both ends of a region take it from one tile to the other.
///
/// # Errors
///
/// If they cannot, or if the transfer is not one between layers.
pub fn retiling(
    mapped: &Mapped,
    transfer: &Transfer,
    region: &Region,
    device: &Device,
) -> Result<Retiling, String> {
    let (End::Layer(from), End::Layer(to)) = (transfer.from, transfer.to) else {
        return Err("the boundary needs memory tiles".into());
    };
    let (from, to) = (&mapped.layers[from], &mapped.layers[to]);
    let begin = |slices: &[Range<usize>], index: usize| {
        slices.get(index).and_then(|slice| region.begin.checked_sub(slice.start))
    };
    let begins = begin(&from.outputs(), region.producer)
        .zip(begin(&to.inputs(transfer.port), region.consumer));
    let bytes = transfer.element.bits as usize / 8;
    let length = region.end - region.begin;
    let (made, read) = (outputs(from), inputs(to, transfer.port));
    begins.and_then(|begin| retile::retile(&made, &read, begin, length, bytes, device)).ok_or_else(
        || {
            format!(
                "features {} to {} lie in blocks of {}x{} where they are made and of {}x{} where they are read, which the DMAs cannot take into each other",
                region.begin, region.end, made.m, made.n, read.m, read.n
            )
        },
    )
}

/// The streams that a chain sends for a transfer: what each consists of, and
/// the regions, by their index, that it carries.
///
/// # Errors
///
/// If a region is too much for the DMA of a core.
pub fn sent(
    mapped: &Mapped,
    transfer: &Transfer,
    chain: usize,
    device: &Device,
) -> Result<Vec<Vec<Walk>>, String> {
    let End::Layer(index) = transfer.from else { return Ok(Vec::new()) };
    let mine = transfer.regions.iter().filter(|region| region.producer == chain);
    match transfer.via {
        Via::SharedMemory => Ok(Vec::new()),
        Via::Stream => {
            mine.map(|region| Ok(retiling(mapped, transfer, region, device)?.from)).collect()
        }
        Via::MemoryTile => {
            let layer = &mapped.layers[index];
            let edge = program::edge(mapped, transfer);
            let begin = layer.outputs()[chain].start;
            let stream: Vec<Walk> = mine
                .map(|region| {
                    let features = region.begin..region.end;
                    let width = transport::width(
                        &edge.producer,
                        chain,
                        &features,
                        edge.element_bytes,
                        false,
                    );
                    blocks(&outputs(layer), region.begin - begin, width, edge.element_bytes, device)
                })
                .collect::<Result<_, _>>()?;
            Ok(if stream.is_empty() { Vec::new() } else { vec![stream] })
        }
    }
}

/// Whole blocks of a core's buffer, of every row of blocks, in their order:
/// `width` features from feature `begin` of the slice on.
///
/// # Errors
///
/// If that is too much for a descriptor.
pub fn blocks(
    layout: &Layout,
    begin: usize,
    width: usize,
    element_bytes: usize,
    device: &Device,
) -> Result<Walk, String> {
    let Layout { m, n, rows, width: whole } = *layout;
    let pattern = [(rows / m, whole * m), (width / n, m * n), (m * n, 1)];
    let at = Tile { column: 0, row: device.core_rows().start };
    Ok(Walk {
        offset: layout.offset(0, begin),
        len: rows * width,
        dims: program::dims(&pattern, element_bytes, at, device)?,
    })
}

/// Whether the readers of a transfer can load from the tiles that make what
/// they read: each region is a whole buffer on both sides, in the same order,
/// has one reader that reads it once, and that is a neighbor. Layers have to be
/// placed.
pub fn is_shareable(mapped: &Mapped, transfer: &Transfer, device: &Device) -> bool {
    let (End::Layer(from), End::Layer(to)) = (transfer.from, transfer.to) else { return false };
    let between =
        mapped.transfers.iter().filter(|t| (t.from, t.to) == (transfer.from, transfer.to));
    let (from, to) = (&mapped.layers[from], &mapped.layers[to]);
    let tile = |layer: &Layer, chain, position| {
        let place = layer.tile(chain, position);
        Tile { column: place.column as u32, row: place.row as u32 }
    };
    let (producers, consumers) = (from.outputs(), to.inputs(transfer.port));
    // A kernel takes no buffer twice.
    between.count() == 1
        && outputs(from) == inputs(to, transfer.port)
        && producers == consumers
        && transfer.regions.len() == producers.len()
        && transfer.regions.iter().all(|region| {
            let readers = to.readers(region.consumer);
            let &[(chain, position)] = readers.as_slice() else { return false };
            let maker = tile(from, region.producer, from.split.cascade - 1);
            producers.get(region.producer) == Some(&(region.begin..region.end))
                && consumers.get(region.consumer) == Some(&(region.begin..region.end))
                && device.memory_reachable(tile(to, chain, position), maker)
        })
}

/// The edge of each of those flows that runs from tile to tile; an edge as often as it has flows.
pub fn edges_of(mapped: &Mapped, flows: &[&Flow]) -> Vec<usize> {
    let mut layers = BTreeMap::new();
    for (index, layer) in mapped.layers.iter().enumerate() {
        for (chain, position) in layer.tiles() {
            let Place { column, row } = layer.tile(chain, position);
            layers.insert(Tile { column: column as u32, row: row as u32 }, End::Layer(index));
        }
    }
    let mut edges = Vec::new();
    for flow in flows {
        let Some(&from) = layers.get(&flow.source.tile) else { continue };
        let to: BTreeSet<&End> =
            flow.destinations.iter().filter_map(|port| layers.get(&port.tile)).collect();
        edges.extend((0..mapped.transfers.len()).filter(|&edge| {
            let transfer = &mapped.transfers[edge];
            transfer.via == Via::Stream && transfer.from == from && to.contains(&transfer.to)
        }));
    }
    edges
}

/// Sends by shared memory what goes by streams and can. What has to wait for
/// another input keeps its stream, which holds more.
pub fn share_memory(mapped: &mut Mapped, device: &Device) {
    let depths = depths(mapped);
    for index in 0..mapped.transfers.len() {
        let transfer = &mapped.transfers[index];
        let (End::Layer(from), End::Layer(to)) = (transfer.from, transfer.to) else { continue };
        if transfer.via == Via::Stream
            && depths[to] == depths[from] + 1
            && is_shareable(mapped, transfer, device)
        {
            mapped.transfers[index].via = Via::SharedMemory;
        }
    }
}
