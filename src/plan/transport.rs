//! How a tensor moves between two layers: regions in memory tiles.
//!
//! The producer writes its output in blocks, the consumer reads its input in
//! other blocks, over other slices. A *region* is what one producing chain and
//! one consuming column share. It lies row-major in a memory tile, twice
//! (ping-pong), with locks of its own; the memory tile's DMA takes it from one
//! order of blocks to the other, and what exceeds the tensor is zero.
//!
//! A chain sends one stream and a column receives one, so regions that share
//! either lie in the same memory tile: a *component*, which is a group of the
//! transfer. Which groups share a memory tile is decided where all are placed.

use super::{
    mapping::Region,
    slices::{self, Component},
};
use crate::{
    array::{Bundle, Tile},
    device::{Device, PortSide, TileKind},
};
use std::ops::Range;

/// One side of a transfer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Side {
    /// Streams to or from the outside, for `sharing` of the other side's slices
    /// each. Slices that share one are all `width` features wide, so that one
    /// walk over a tensor in memory has them.
    Ports { slices: Vec<Range<usize>>, width: usize, sharing: usize },
    /// Slices of tiles; each is padded to `width` features, in blocks of `block`.
    Tiles { slices: Vec<Range<usize>>, width: usize, block: usize },
}

/// A transfer to plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    pub producer: Side,
    pub consumer: Side,
    /// Rows stored in a region: the larger padding of the two sides.
    pub rows: usize,
    pub features: usize,
    pub element_bytes: usize,
}

/// Features that a side writes or reads of a region, padding included.
///
/// A port moves whole 32-bit words. Tiles move whole blocks, and a consumer
/// reads on to the end of its padded slice.
pub fn width(
    side: &Side,
    index: usize,
    region: &Range<usize>,
    element_bytes: usize,
    consumes: bool,
) -> usize {
    let length = region.end - region.start;
    match side {
        Side::Ports { slices, width, sharing } => {
            let last = slices.iter().find(|slice| *sharing > 1 && slice.end == region.end);
            let length = last.map_or(length, |slice| slice.start + width - region.start);
            length.next_multiple_of((4 / element_bytes).max(1))
        }
        Side::Tiles { slices, width, block } => {
            let slice = &slices[index];
            if consumes && region.end == slice.end {
                slice.start + width - region.start
            } else {
                length.next_multiple_of(*block)
            }
        }
    }
}

/// Features stored per row of a region.
pub fn pitch(edge: &Edge, region: &slices::Region) -> usize {
    let write = width(&edge.producer, region.producer, &region.features, edge.element_bytes, false);
    let read = width(&edge.consumer, region.consumer, &region.features, edge.element_bytes, true);
    write.max(read).next_multiple_of((4 / edge.element_bytes).max(1))
}

/// What a memory tile has left for a transfer.
struct Room {
    inputs: usize,
    outputs: usize,
    locks: usize,
    descriptors: usize,
    bytes: usize,
}

/// Plans a transfer: its regions, in order of features, with their groups. A
/// region that reaches beyond one of `cuts` is cut there.
///
/// Fails if a component does not fit one memory tile, or if two slices meet
/// inside a block; the message says which and what to change.
pub fn plan(edge: &Edge, cuts: &[usize], device: &Device) -> Result<Vec<Region>, String> {
    let whole = 0..edge.features;
    let whole = std::slice::from_ref(&whole);
    let streams;
    let (producers, consumers): (&[Range<usize>], &[Range<usize>]) =
        match (&edge.producer, &edge.consumer) {
            (Side::Tiles { slices, .. }, Side::Ports { sharing, .. }) => {
                streams = merged(slices, *sharing);
                (slices, &streams)
            }
            (Side::Ports { sharing, .. }, Side::Tiles { slices, .. }) => {
                streams = merged(slices, *sharing);
                (&streams, slices)
            }
            (Side::Tiles { slices: from, .. }, Side::Tiles { slices: to, .. }) => (from, to),
            (Side::Ports { .. }, Side::Ports { .. }) => (whole, whole),
        };
    let mut components = slices::components(producers, consumers);
    for component in &mut components {
        component.regions = component.regions.iter().flat_map(|region| cut(region, cuts)).collect();
    }
    for (side, what) in [(&edge.producer, "outputs"), (&edge.consumer, "inputs")] {
        let Side::Tiles { block, .. } = side else { continue };
        if let Some(region) = components
            .iter()
            .flat_map(|component| &component.regions)
            .find(|region| region.features.start % block != 0)
        {
            return Err(format!(
                "has slices that meet at feature {}, inside a block of {block} {what}: \
                 choose slices that are multiples of {block}",
                region.features.start
            ));
        }
    }
    let tile = device.resources(TileKind::Mem);
    // Streams to and from the cores cross the memory tiles' northern ports,
    // those of the outside their southern ones; both are fewer than channels.
    let at = Tile { column: 0, row: device.mem_rows().end - 1 };
    let streams =
        |bundle, side| (device.stream_ports(at, bundle, side).min(tile.dma_channels)) as usize;
    let full = Room {
        inputs: match edge.producer {
            Side::Ports { .. } => streams(Bundle::South, PortSide::In),
            Side::Tiles { .. } => streams(Bundle::North, PortSide::In),
        },
        outputs: match edge.consumer {
            Side::Ports { .. } => streams(Bundle::South, PortSide::Out),
            Side::Tiles { .. } => streams(Bundle::North, PortSide::Out),
        },
        locks: tile.locks as usize,
        descriptors: tile.buffer_descriptors as usize,
        bytes: tile.memory_bytes as usize,
    };
    let mut regions = Vec::new();
    for (group, component) in components.iter().enumerate() {
        if let Some(short) = shortage(&need(edge, component), &full) {
            return Err(format!(
                "joins {} chains and {} columns in one memory tile, which {short}: \
                 choose numbers of chains and columns that divide each other",
                component.producers.len(),
                component.consumers.len()
            ));
        }
        regions.extend(component.regions.iter().map(|region| Region {
            producer: region.producer,
            consumer: region.consumer,
            begin: region.features.start,
            end: region.features.end,
            group,
        }));
    }
    Ok(regions)
}

/// The parts of a region between cuts.
fn cut(region: &slices::Region, cuts: &[usize]) -> Vec<slices::Region> {
    let Range { start, end } = region.features;
    let mut ends: Vec<usize> = cuts.iter().copied().filter(|&at| start < at && at < end).collect();
    ends.push(end);
    let mut begin = start;
    ends.into_iter()
        .map(|end| {
            let features = std::mem::replace(&mut begin, end)..end;
            slices::Region { features, ..region.clone() }
        })
        .collect()
}

/// Every so many consecutive slices as one.
fn merged(slices: &[Range<usize>], sharing: usize) -> Vec<Range<usize>> {
    slices.chunks(sharing.max(1)).map(|chunk| chunk[0].start..chunk[chunk.len() - 1].end).collect()
}

fn need(edge: &Edge, component: &Component) -> Room {
    let regions = component.regions.len();
    Room {
        inputs: component.producers.len(),
        outputs: component.consumers.len(),
        // A region has a lock for free and one for full halves, and a
        // descriptor per half on either side.
        locks: 2 * regions,
        descriptors: 4 * regions,
        bytes: component
            .regions
            .iter()
            .map(|region| 2 * edge.rows * pitch(edge, region) * edge.element_bytes)
            .sum(),
    }
}

fn shortage(need: &Room, left: &Room) -> Option<String> {
    [
        (need.inputs, left.inputs, "streams in"),
        (need.outputs, left.outputs, "streams out"),
        (need.locks, left.locks, "locks"),
        (need.descriptors, left.descriptors, "buffer descriptors"),
        (need.bytes, left.bytes, "bytes"),
    ]
    .into_iter()
    .find(|(need, left, _)| need > left)
    .map(|(need, left, what)| format!("needs {need} {what} and has {left}"))
}
