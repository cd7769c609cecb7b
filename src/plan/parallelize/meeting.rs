//! How the cuts of the two ends of an edge meet.

use super::candidates::Choices;
use super::heights;
use crate::array::{Bundle, Tile};
use crate::device::{Device, PortSide, TileKind};
use crate::plan::{
    cost,
    hand_over::Transport,
    mapping::Via,
    network::{Kind, Network, Sink, Source},
    slices, streams,
};
use std::ops::Range;

/// How the two cuts of a tensor meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Meeting {
    /// Most regions that one chain makes, and that one column uses.
    pub per_producer: usize,
    pub per_consumer: usize,
    /// Of all chains.
    pub regions: usize,
    /// Memory tiles can carry the tensor.
    pub stored: bool,
    /// Streams from tile to tile can.
    pub direct: bool,
    /// Words of a block of rows, and the cycles that carrying them adds.
    pub words: Words,
}

/// How many words carry a block of rows, each way at its longest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Words {
    /// Of one region.
    pub region: u64,
    /// Cycles from the first into memory tiles to the last out of them, hand-over aside.
    pub stored: u64,
    /// Cycles between blocks of a chain, and of a column, through memory tiles.
    pub sent: u64,
    pub received: u64,
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
    let words = |region: &slices::Region, unit: usize| {
        let features = (region.features.end - region.features.start).next_multiple_of(unit);
        cost::stream_cycles(features * feature_bytes, device)
    };
    let next = cost::descriptor_cycles(device);
    let mut meeting = Meeting {
        per_producer: 0,
        per_consumer: 0,
        regions: 0,
        stored: true,
        direct: false,
        words: Words::default(),
    };
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
        meeting.regions += regions.len();
        // A chain sends its regions one after the other; a column takes each when it is there.
        let (mut sent, mut received) = ((usize::MAX, 0), (usize::MAX, 0, 0));
        let longest = &mut meeting.words;
        for region in regions {
            let (made, read) = (words(region, producer.unit), words(region, consumer.unit));
            sent =
                (region.producer, if sent.0 == region.producer { sent.1 + next } else { 0 } + made);
            let (column, mut ready, mut all) = received;
            if column == region.consumer {
                (ready, all) = (ready + next, all + next);
            } else {
                (ready, all) = (0, 0);
            }
            received = (region.consumer, ready.max(sent.1) + read, all + read);
            longest.region = longest.region.max(made).max(read);
            longest.stored = longest.stored.max(received.1);
            longest.sent = longest.sent.max(sent.1 + next);
            longest.received = longest.received.max(received.2 + next);
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

/// One way in which the tiles of a layer take an input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Intake {
    /// Index of the cut.
    pub(super) cut: usize,
    pub(super) rectangles: usize,
    /// Rows of tiles above each other, and columns from the first rectangle to the last.
    pub(super) height: usize,
    pub(super) aside: usize,
    /// Each column is one tile.
    pub(super) alone: bool,
}

/// What an edge costs, and who handles how many of its regions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Carriage {
    pub(super) per_producer: usize,
    pub(super) per_consumer: usize,
    /// Streams from tile to tile carry it, or shared memory.
    pub(super) direct: bool,
    /// What it adds to the latency.
    pub(super) cycles: u64,
    /// Cycles between two blocks, of what sends and of what receives.
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Carriage {
    pub(super) fn interval(&self) -> u64 {
        self.sent.max(self.received)
    }
}

/// For each layer-to-layer edge, what it costs to carry each cut of the one to each intake of
/// the other.
pub(super) struct Coupling {
    /// `tables[edge][output cut][intake]`.
    pub(super) tables: Vec<Vec<Vec<Option<Carriage>>>>,
}

impl Coupling {
    pub(super) fn new(
        network: &Network,
        all: &[Choices],
        transport: Transport,
        device: &Device,
    ) -> Self {
        let depths = network.depths();
        let tables = network
            .edges
            .iter()
            .map(|edge| match (edge.from, edge.to) {
                (Source::Layer(from), Sink::Layer(to, port)) => {
                    let (depths, via) = (&depths, edge.via);
                    Edge { network, all, from, to, port, via, depths, transport, device }.table()
                }
                _ => Vec::new(),
            })
            .collect();
        Coupling { tables }
    }
}

/// An edge between two layers.
struct Edge<'a> {
    network: &'a Network,
    all: &'a [Choices],
    from: usize,
    to: usize,
    port: usize,
    via: Option<Via>,
    depths: &'a [usize],
    transport: Transport,
    device: &'a Device,
}

impl Edge<'_> {
    fn table(&self) -> Vec<Vec<Option<Carriage>>> {
        let (from, to) = (&self.all[self.from], &self.all[self.to]);
        let rows = from.rows.next_multiple_of(from.tile.m.max(to.tile.m));
        let consumer = &self.network.layers[self.to];
        let feature_bytes = self.network.layers[self.from].output.bytes(rows).max(1);
        from.outputs
            .iter()
            .map(|output| {
                let meet = |cut| meet(output, cut, feature_bytes, self.device);
                let mut meetings: Vec<Option<Meeting>> = to.cuts.iter().map(meet).collect();
                // Other inputs of whole rows have extents of their own.
                if self.port > 0 && consumer.node.is_some() {
                    let (features, _) = consumer.port(self.port);
                    let unit = to.tile.k;
                    let width = features.next_multiple_of(unit);
                    let slices = std::iter::once(0..features).collect();
                    let cut = Cut { slices, width, unit };
                    meetings.fill(meet(&cut));
                }
                let carried = |intake: &Intake| self.carry(output, intake, meetings[intake.cut]?);
                to.inputs.iter().map(carried).collect()
            })
            .collect()
    }

    /// Whether streams to all rows of the consumer leave room for others: as
    /// [`hand_over`](crate::plan::hand_over) asks.
    fn branches_fit(&self, intake: &Intake, regions: usize, readers: usize) -> bool {
        let beside = readers == 1 && self.network.layers[self.to].inputs() == 1;
        let rows = if intake.alone { 1 } else { intake.height };
        (beside && intake.rectangles == 1)
            || streams::branches_fit(regions, &[0, rows], self.device)
    }

    /// What the edge costs, the way that [`hand_over`](crate::plan::hand_over) will choose;
    /// `None` if nothing can carry it.
    fn carry(&self, output: &Cut, intake: &Intake, meeting: Meeting) -> Option<Carriage> {
        let device = self.device;
        let channels = device.resources(TileKind::Core).dma_channels as usize;
        let (from, to) = (&self.all[self.from], &self.all[self.to]);
        let consumer = &self.network.layers[self.to];
        let readers = self.network.from_source(Source::Layer(self.from)).count();
        // Each input and each reader wants channels.
        let direct = meeting.direct
            && match self.via {
                Some(via) => via != Via::MemoryTile,
                None => {
                    self.transport == Transport::Auto
                        && meeting.per_consumer * consumer.inputs() <= channels
                        && (readers == 1 || meeting.per_producer == 1)
                        && self.branches_fit(intake, meeting.regions, readers)
                }
            };
        let stored = meeting.stored && self.via.is_none_or(|via| via == Via::MemoryTile);
        if !direct && !stored {
            return None;
        }
        // What comes by a shorter way waits for the other inputs.
        let deepest = self.network.into_layer(self.to).filter_map(|(_, edge)| match edge.from {
            Source::Layer(l) => Some(self.depths[l]),
            Source::Input(_) => None,
        });
        let last = self.depths[self.from] == deepest.max().unwrap_or(0);
        let input = &to.cuts[intake.cut];
        let same = (from.tile.m, output.unit, output.width) == (to.tile.m, input.unit, input.width);
        let beside = output.slices.len() == 1 || matches!(consumer.kind, Kind::Elementwise { .. });
        let shared = last && direct && intake.alone && same && output.slices == input.slices;
        let (height, words) = (heights(output.slices.len(), device), meeting.words);
        let producers = height.first().copied().unwrap_or(1);
        let aside = (intake.aside + height.len()) as u64;
        let up = (producers.max(intake.height) - 1) as u64;
        let (cycles, sent, received) = if shared && beside {
            (0, 0, 0)
        } else if direct {
            let each = cost::channel_cycles(words.region, 1, device);
            (cost::carried(words.region, aside + up, device), each, each)
        } else {
            let hops = aside + (producers + intake.height) as u64;
            (cost::stored(words.stored, hops, device), words.sent, words.received)
        };
        Some(Carriage {
            per_producer: meeting.per_producer,
            per_consumer: meeting.per_consumer,
            direct,
            cycles: if last { cycles } else { 0 },
            sent,
            received,
        })
    }
}
