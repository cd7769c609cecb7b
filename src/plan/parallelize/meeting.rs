//! How the cuts of the two ends of an edge meet.

use super::candidates::Choices;
use crate::array::{Bundle, Tile};
use crate::device::{Device, PortSide, TileKind};
use crate::plan::{
    network::{Network, Sink, Source},
    slices,
};
use std::ops::Range;

/// How the two cuts of a tensor meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Meeting {
    /// Most regions that one chain makes, and that one column uses.
    pub per_producer: usize,
    pub per_consumer: usize,
}

/// One side of a tensor: its slices, the features of a whole slice with its
/// padding, and the features of a microtile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    pub slices: Vec<Range<usize>>,
    pub width: usize,
    pub unit: usize,
}

/// Whether memory tiles can carry a tensor, of which a block of rows takes
/// `feature_bytes` per feature, from one cut to the other: slices meet between
/// whole microtiles, and each component is within the channels, streams,
/// locks, descriptors and memory of one memory tile, two copies of each region.
pub fn meet(
    producer: &Cut,
    consumer: &Cut,
    feature_bytes: usize,
    device: &Device,
) -> Option<Meeting> {
    let mem = device.resources(TileKind::Mem);
    let top = Tile { column: 0, row: device.mem_rows().end - 1 };
    // All memory tiles of a column share its streams from and to the cores.
    let into = mem.dma_channels.min(device.stream_ports(top, Bundle::North, PortSide::In)) as usize;
    let out = mem.dma_channels.min(device.stream_ports(top, Bundle::North, PortSide::Out)) as usize;
    let per_core = device.resources(TileKind::Core).buffer_descriptors as usize / 2;
    let mut meeting = Meeting { per_producer: 0, per_consumer: 0 };
    for component in slices::components(&producer.slices, &consumer.slices) {
        let regions = &component.regions;
        let (producers, consumers) = (component.producers.len(), component.consumers.len());
        let features = (producers * producer.width).max(consumers * consumer.width);
        let fits = producers <= into
            && consumers <= out
            && 2 * regions.len() <= mem.locks as usize
            && 4 * regions.len() <= mem.buffer_descriptors as usize
            && 2 * features * feature_bytes <= mem.memory_bytes as usize;
        let whole = |r: &slices::Region| {
            r.features.start.is_multiple_of(producer.unit)
                && r.features.start.is_multiple_of(consumer.unit)
        };
        if !fits || !regions.iter().all(whole) {
            return None;
        }
        let most = |key: fn(&slices::Region) -> usize, among: Range<usize>| {
            among.map(|i| regions.iter().filter(|r| key(r) == i).count()).max().unwrap_or(0)
        };
        meeting.per_producer =
            meeting.per_producer.max(most(|r| r.producer, component.producers.clone()));
        meeting.per_consumer =
            meeting.per_consumer.max(most(|r| r.consumer, component.consumers.clone()));
    }
    // Two descriptors per region, one for each half of the ping-pong.
    (meeting.per_producer <= per_core && meeting.per_consumer <= per_core).then_some(meeting)
}

/// For each layer-to-layer edge, how each pair of cuts meets.
pub(super) struct Coupling {
    /// `tables[edge][output cut][input cut]`.
    pub(super) tables: Vec<Vec<Vec<Option<Meeting>>>>,
}

impl Coupling {
    pub(super) fn new(network: &Network, all: &[Choices], device: &Device) -> Self {
        let tables = network
            .edges
            .iter()
            .map(|edge| match (edge.from, edge.to) {
                (Source::Layer(from), Sink::Layer(to, _)) => {
                    let layer = &network.layers[from];
                    let rows =
                        all[from].rows.next_multiple_of(all[from].tile.m.max(all[to].tile.m));
                    let feature_bytes = layer.output.bytes(rows).max(1);
                    let against = |p: &Cut| {
                        all[to].inputs.iter().map(|c| meet(p, c, feature_bytes, device)).collect()
                    };
                    all[from].outputs.iter().map(against).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        Coupling { tables }
    }
}
