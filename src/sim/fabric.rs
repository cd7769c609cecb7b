//! What actors share: memory, locks, streams, cascades, and the agenda of who
//! may go on.
//!
//! **Invariant:** an actor is on the agenda at most once.

use std::collections::VecDeque;
use std::rc::Rc;

use super::cascade::Cascades;
use super::lock::Locks;
use super::memory::Memory;
use super::stream::{Network, StreamId};
use crate::array::{Bundle, Port, Tile, UseLock};

/// Index of an actor in the engine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct ActorId(pub usize);

pub(super) struct Fabric<C> {
    pub memory: Rc<Memory<C>>,
    pub locks: Locks,
    pub network: Network<C>,
    pub cascades: Cascades<C>,
    pub agenda: Agenda,
    /// Words that crossed the edge of the array.
    pub crossed: u64,
    /// Output streams that still lack words.
    pub lacking: usize,
}

/// Why an actor does not go on.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Wait {
    Lock(UseLock),
    /// For a word to arrive.
    Data(StreamId),
    /// For room in all of these.
    Room(Vec<StreamId>),
    /// For another's packet to end on one of these.
    Packet(Vec<StreamId>),
    /// For a value on the cascade with this index.
    CascadeData(usize),
    CascadeRoom(usize),
    /// The port has no flow: this wait never ends.
    Unconnected(Port),
}

/// Actors that may go on, in the order in which they came.
#[derive(Default)]
pub(super) struct Agenda {
    queue: VecDeque<ActorId>,
    queued: Vec<bool>,
}

impl Agenda {
    pub(super) fn new(actors: usize) -> Agenda {
        Agenda { queue: VecDeque::with_capacity(actors), queued: vec![false; actors] }
    }

    pub(super) fn wake(&mut self, actor: ActorId) {
        if !self.queued[actor.0] {
            self.queued[actor.0] = true;
            self.queue.push_back(actor);
        }
    }

    pub(super) fn next(&mut self) -> Option<ActorId> {
        let actor = self.queue.pop_front()?;
        self.queued[actor.0] = false;
        Some(actor)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn is_queued(&self, actor: ActorId) -> bool {
        self.queued[actor.0]
    }
}

/// A tile's place in messages: `(column,row)`.
pub(super) fn place(tile: Tile) -> String {
    format!("({},{})", tile.column, tile.row)
}

/// A port in messages: `DMA 0 of tile (3,4)`.
pub(super) fn port(port: Port) -> String {
    let bundle = match port.bundle {
        Bundle::Core => "Core",
        Bundle::Dma => "DMA",
        Bundle::Fifo => "FIFO",
        Bundle::South => "South",
        Bundle::West => "West",
        Bundle::North => "North",
        Bundle::East => "East",
        Bundle::Plio => "PLIO",
        Bundle::Noc => "NOC",
        Bundle::Trace => "Trace",
        Bundle::TileControl => "TileControl",
    };
    format!("{bundle} {} of tile {}", port.channel, place(port.tile))
}
