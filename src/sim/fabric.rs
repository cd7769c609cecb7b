//! What actors share: memory, locks, streams, cascades, and the agenda of who
//! may go on.
//!
//! **Invariant:** an actor is on the agenda at most once.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;

use super::cascade::Cascades;
use super::clock::{Activity, Clock, Cycle, Log, Span};
use super::lock::Locks;
use super::memory::Memory;
use super::stream::{Network, StreamId};
use crate::array::{Port, Tile, UseLock};
use crate::device::Latency;

/// Index of an actor in the engine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct ActorId(pub usize);

pub(super) struct Fabric<C> {
    pub memory: Rc<Memory<C>>,
    pub locks: Locks,
    pub network: Network<C>,
    pub cascades: Cascades<C>,
    /// Of the shim channels that the host starts.
    pub queues: Vec<Queue>,
    pub agenda: Agenda,
    /// What things cost; `None` in a run without time.
    pub latency: Option<Latency>,
    pub log: Log,
    /// Words that crossed the edge of the array.
    pub crossed: u64,
    /// Output streams that still lack words, and the host if it has not done all its steps.
    pub lacking: usize,
}

impl<C> Fabric<C> {
    /// Spend what `cost` picks, if there is time.
    pub(super) fn spend(&self, clock: &mut Clock, cost: impl Fn(&Latency) -> Cycle) {
        clock.spend(self.latency.as_ref().map_or(0, cost));
    }

    /// The same, for a lock or to go from one descriptor to the next.
    pub(super) fn spend_at_locks(
        &mut self,
        actor: ActorId,
        clock: &mut Clock,
        cost: impl Fn(&Latency) -> Cycle,
    ) {
        let begin = clock.now;
        self.spend(clock, cost);
        let activity = Activity::Locks;
        self.log.add(actor, Span { begin, end: clock.now, activity, cause: None });
    }

    /// Whether `actor` is ahead of time; it then comes back when its time has come.
    pub(super) fn is_early(&mut self, actor: ActorId, clock: &Clock) -> bool {
        let early = self.latency.is_some() && clock.now > self.agenda.now;
        if early {
            self.agenda.wake_at(actor, clock.now);
        }
        early
    }

    /// Carry out a release at `time`.
    pub(super) fn release(
        &mut self,
        action: UseLock,
        by: ActorId,
        time: Cycle,
    ) -> Result<(), String> {
        if self.latency.is_some() {
            self.agenda.schedule(time, Event::Release(by, action));
            return Ok(());
        }
        self.locks.release(action, by, &mut self.agenda)
    }
}

/// What the host and a shim channel tell each other.
pub(super) struct Queue {
    pub port: Port,
    pub host: ActorId,
    pub channel: ActorId,
    /// Chains that the host has started and the channel has not, by their first descriptor, with
    /// how often they run again.
    pub tasks: VecDeque<(usize, u32)>,
    /// Ends of tasks that the host has not taken note of.
    pub tokens: VecDeque<Cycle>,
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
    /// For room among the tasks of the shim channel with this index.
    Task(usize),
    /// For a copy of the shim channel with this index to end.
    Token(usize),
    /// The port has no flow: this wait never ends.
    Unconnected(Port),
}

/// What happens next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// An actor goes on.
    Act(ActorId),
    /// A release takes effect.
    Release(ActorId, UseLock),
}

/// What happens next: in the order in which it came, or of time.
#[derive(Default)]
pub(super) struct Agenda {
    queue: VecDeque<ActorId>,
    /// For each actor, when it is due: [`NEVER`] if it is not on the agenda.
    due: Vec<Cycle>,
    /// `None` in a run without time.
    timeline: Option<Timeline>,
    /// The time of the latest event.
    pub now: Cycle,
}

const NEVER: Cycle = Cycle::MAX;

/// Events by time and, at the same time, in the order in which they came.
#[derive(Default)]
struct Timeline {
    heap: BinaryHeap<Reverse<(Cycle, u64, usize)>>,
    /// Indexed by what the heap holds.
    events: Vec<Event>,
    free: Vec<usize>,
    count: u64,
}

impl Agenda {
    pub(super) fn new(actors: usize, timed: bool) -> Agenda {
        Agenda {
            queue: VecDeque::with_capacity(actors),
            due: vec![NEVER; actors],
            timeline: timed.then(Timeline::default),
            now: 0,
        }
    }

    pub(super) fn wake(&mut self, actor: ActorId) {
        self.wake_at(actor, self.now);
    }

    /// Let `actor` go on at `time`, or earlier if it is due earlier.
    pub(super) fn wake_at(&mut self, actor: ActorId, time: Cycle) {
        let time = time.max(self.now);
        if time >= self.due[actor.0] {
            return;
        }
        self.due[actor.0] = time;
        if self.timeline.is_some() {
            self.schedule(time, Event::Act(actor));
        } else {
            self.queue.push_back(actor);
        }
    }

    fn schedule(&mut self, time: Cycle, event: Event) {
        if let Some(timeline) = &mut self.timeline {
            timeline.add(time.max(self.now), event);
        }
    }

    pub(super) fn next(&mut self) -> Option<Event> {
        loop {
            let Some(timeline) = &mut self.timeline else {
                let actor = self.queue.pop_front()?;
                self.due[actor.0] = NEVER;
                return Some(Event::Act(actor));
            };
            let (time, event) = timeline.next()?;
            if let Event::Act(actor) = event {
                // An actor that was due earlier has left a second entry.
                if self.due[actor.0] != time {
                    continue;
                }
                self.due[actor.0] = NEVER;
            }
            self.now = time;
            return Some(event);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.due.iter().all(|&due| due == NEVER)
    }

    pub(super) fn is_queued(&self, actor: ActorId) -> bool {
        self.due[actor.0] != NEVER
    }
}

impl Timeline {
    fn add(&mut self, time: Cycle, event: Event) {
        let index = self.free.pop().unwrap_or(self.events.len());
        if index == self.events.len() {
            self.events.push(event);
        } else {
            self.events[index] = event;
        }
        self.heap.push(Reverse((time, self.count, index)));
        self.count += 1;
    }

    fn next(&mut self) -> Option<(Cycle, Event)> {
        let Reverse((time, _, index)) = self.heap.pop()?;
        self.free.push(index);
        Some((time, self.events[index]))
    }
}

/// A tile's place in messages: `(column,row)`.
pub(super) fn place(tile: Tile) -> String {
    format!("({},{})", tile.column, tile.row)
}

/// A port in messages: `DMA 0 of tile (3,4)`.
pub(super) fn port(port: Port) -> String {
    format!("{} {} of tile {}", port.bundle.name(), port.channel, place(port.tile))
}
