//! How the cuts of the two ends of an edge meet.

use super::candidates::Choices;
use crate::array::{Bundle, Tile};
use crate::device::{Device, PortSide, TileKind};
use crate::plan::{
    cost,
    hand_over::Transport,
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
    /// Memory tiles can carry the tensor.
    pub stored: bool,
    /// Streams from tile to tile can.
    pub direct: bool,
    /// What the edge adds to the latency.
    pub cycles: u64,
}

/// One side of a tensor: its slices, the features of a whole slice with its
/// padding, and the features of a microtile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    pub slices: Vec<Range<usize>>,
    pub width: usize,
    pub unit: usize,
}

/// Whether a tensor, of which a block of rows takes `feature_bytes` per
/// feature, can be carried from one cut to the other: slices meet between whole
/// microtiles, and either each component is within the channels, streams, locks,
/// descriptors and memory of one memory tile, two copies of each region, or
/// cores have a channel for each region, and one side's microtiles are cut into
/// the other's.
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
    let channels = device.resources(TileKind::Core).dma_channels as usize;
    let mut meeting =
        Meeting { per_producer: 0, per_consumer: 0, stored: true, direct: false, cycles: 0 };
    for component in slices::components(&producer.slices, &consumer.slices) {
        let regions = &component.regions;
        let (producers, consumers) = (component.producers.len(), component.consumers.len());
        let features = (producers * producer.width).max(consumers * consumer.width);
        meeting.stored &= producers <= into
            && consumers <= out
            && 2 * regions.len() <= mem.locks as usize
            && 4 * regions.len() <= mem.buffer_descriptors as usize
            && 2 * features * feature_bytes <= mem.memory_bytes as usize;
        let whole = |r: &slices::Region| {
            r.features.start.is_multiple_of(producer.unit)
                && r.features.start.is_multiple_of(consumer.unit)
        };
        if !regions.iter().all(whole) {
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
    let (small, large) = (producer.unit.min(consumer.unit), producer.unit.max(consumer.unit));
    meeting.direct = meeting.per_producer <= channels
        && meeting.per_consumer <= channels
        && large.is_multiple_of(small);
    // Two descriptors per region, one for each half of the ping-pong.
    (meeting.per_producer <= per_core
        && meeting.per_consumer <= per_core
        && (meeting.stored || meeting.direct))
        .then_some(meeting)
}

/// For each layer-to-layer edge, how each pair of cuts meets.
pub(super) struct Coupling {
    /// `tables[edge][output cut][input cut]`.
    pub(super) tables: Vec<Vec<Vec<Option<Meeting>>>>,
    /// `stored[layer][input cut]`: cycles of a memory tile before the layer.
    pub(super) stored: Vec<Vec<u64>>,
}

impl Coupling {
    pub(super) fn new(
        network: &Network,
        all: &[Choices],
        transport: Transport,
        device: &Device,
    ) -> Self {
        let channels = device.resources(TileKind::Core).dma_channels as usize;
        let stored: Vec<Vec<u64>> = network
            .layers
            .iter()
            .zip(all)
            .map(|(layer, choices)| {
                let rows = choices.rows.next_multiple_of(choices.tile.m);
                let bytes = choices.inputs.iter().map(|cut| layer.input.bytes(rows * cut.width));
                bytes
                    .map(|bytes| cost::memory_tile_cycles(cost::stream_cycles(bytes, device)))
                    .collect()
            })
            .collect();
        let tables = network
            .edges
            .iter()
            .map(|edge| match (edge.from, edge.to) {
                (Source::Layer(from), Sink::Layer(to, _)) => {
                    let layer = &network.layers[from];
                    let rows =
                        all[from].rows.next_multiple_of(all[from].tile.m.max(all[to].tile.m));
                    let feature_bytes = layer.output.bytes(rows).max(1);
                    let readers = network.from_source(edge.from).count();
                    let inputs = network.layers[to].inputs();
                    let carried = |p: &Cut, input: usize| {
                        let mut meeting = meet(p, &all[to].inputs[input], feature_bytes, device)?;
                        // Each input and each reader wants channels.
                        meeting.direct &= transport == Transport::Auto
                            && meeting.per_consumer * inputs <= channels
                            && (readers == 1 || meeting.per_producer == 1);
                        meeting.cycles =
                            cost::DESCRIPTOR * (meeting.per_producer + meeting.per_consumer) as u64;
                        if !meeting.direct {
                            meeting.cycles += stored[to][input];
                        }
                        (meeting.stored || meeting.direct).then_some(meeting)
                    };
                    let against = |p: &Cut| {
                        (0..all[to].inputs.len()).map(|input| carried(p, input)).collect()
                    };
                    all[from].outputs.iter().map(against).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        Coupling { tables, stored }
    }
}
