//! Streams: bounded queues of words, one at each destination port.
//!
//! A source port writes into the queues of all its destinations at once, so a
//! broadcast moves a word only when every destination has room. Packets of
//! several sources share a destination; a packet holds it until its last word.
//!
//! With time, a word has a time of arrival and every place in a queue the time
//! at which it became free, so a batch of words moves at once, each at its own
//! time. A word on its way is in the queue already; what the switches on the
//! way hold adds to the queue's capacity.
//!
//! **Invariant:** no queue holds more words than its capacity.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

use super::cell::{Cell, Word};
use super::clock::{Clock, Cycle, First};
use super::fabric::{ActorId, Agenda, port};
use crate::array::{Bundle, Flow, Port};
use crate::device::{Latency, Timing};

/// Words between a sender and a receiver. Every flow has at least the 16 words
/// at the entry of the receiving DMA (hardware.md 3g); switches on the way add
/// 6 to 8 each, of as many 32-bit words as pass in a cycle. The least is assumed, so that no
/// program needs a long way.
pub(super) const CAPACITY: usize = 16;

/// Index of a destination's queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct StreamId(pub usize);

pub(super) struct Network<C> {
    streams: Vec<Stream<C>>,
    by_destination: HashMap<Port, StreamId>,
    sources: HashMap<Port, Source>,
    /// Words that pass in a cycle within the array, and into and out of it.
    pub inner: u32,
    pub outer: u32,
}

pub(super) struct Stream<C> {
    pub destination: Port,
    pub reader: Option<ActorId>,
    /// All that ever write here.
    pub writers: Vec<ActorId>,
    words: VecDeque<Word<C>>,
    /// In words.
    capacity: usize,
    /// With time: when each of the words arrives, and since when each of the
    /// free places is free.
    times: Option<Times>,
    /// Writers that wait for room.
    waiting: Vec<ActorId>,
    /// Whose packet passes.
    holder: Option<ActorId>,
    /// Writers whose packets wait for the holder's to end.
    packets: VecDeque<ActorId>,
}

#[derive(Default)]
struct Times {
    arrivals: VecDeque<Cycle>,
    places: VecDeque<Cycle>,
    /// Who wrote last, and how long its words take.
    writer: Option<(ActorId, Cycle)>,
    /// Words that came through, for the report.
    count: u64,
}

#[derive(Default)]
struct Source {
    circuit: Option<Rc<Route>>,
    packets: BTreeMap<u8, Rc<Route>>,
}

/// Where words of a source go.
#[derive(Default, Debug)]
pub(super) struct Route {
    pub destinations: Vec<StreamId>,
    /// Of each destination: cycles until a word arrives there. Zeros without time.
    pub latencies: Vec<Cycle>,
    /// The destinations that get the packet header as well.
    pub kept: Vec<StreamId>,
    /// Whether destinations are shared packet by packet.
    pub packet: bool,
}

impl<C: Cell> Network<C> {
    /// With `latency`, words take time.
    pub(super) fn new(
        flows: &[Flow],
        latency: Option<&Latency>,
        timing: &Timing,
    ) -> Result<Network<C>, String> {
        let mut network = Network {
            inner: timing.stream_bytes / 4,
            outer: timing.outer_bytes / 4,
            streams: Vec::new(),
            by_destination: HashMap::new(),
            sources: HashMap::new(),
        };
        // What each destination carries: a circuit from one port, or packets.
        let mut circuits: HashMap<Port, Option<Port>> = HashMap::new();
        let mut routes: BTreeMap<(Port, Option<u8>), Route> = BTreeMap::new();
        for flow in flows {
            let route = routes.entry((flow.source, flow.packet)).or_default();
            route.packet = flow.packet.is_some();
            for &destination in &flow.destinations {
                let circuit = flow.packet.is_none().then_some(flow.source);
                match circuits.insert(destination, circuit) {
                    None => {}
                    Some(None) if circuit.is_none() => {}
                    Some(other) if other == circuit => continue,
                    Some(_) => return Err(format!("two flows lead to {}", port(destination))),
                }
                let stream = *network.by_destination.entry(destination).or_insert_with(|| {
                    network.streams.push(Stream {
                        destination,
                        reader: None,
                        writers: Vec::new(),
                        words: VecDeque::with_capacity(CAPACITY),
                        capacity: CAPACITY,
                        times: latency.map(|_| Times::default()),
                        waiting: Vec::new(),
                        holder: None,
                        packets: VecDeque::new(),
                    });
                    StreamId(network.streams.len() - 1)
                });
                if !route.destinations.contains(&stream) {
                    route.destinations.push(stream);
                    let (delay, held) = latency.map_or((0, 0), |latency| {
                        let held = held(latency, flow, destination) * network.inner as usize;
                        (delay(latency, flow.source, destination), held)
                    });
                    route.latencies.push(delay);
                    let stream = &mut network.streams[stream.0];
                    stream.capacity = stream.capacity.max(CAPACITY + held);
                }
                if flow.keep_packet_header && !route.kept.contains(&stream) {
                    route.kept.push(stream);
                }
            }
        }
        for stream in &mut network.streams {
            if let Some(times) = &mut stream.times {
                times.places = vec![0; stream.capacity].into();
            }
        }
        for ((source, packet), route) in routes {
            let entry = network.sources.entry(source).or_default();
            match packet {
                None => entry.circuit = Some(Rc::new(route)),
                Some(id) => _ = entry.packets.insert(id, Rc::new(route)),
            }
        }
        for (&source, entry) in &network.sources {
            if entry.circuit.is_some() && !entry.packets.is_empty() {
                return Err(format!(
                    "{} is the source of a flow and of a packet flow",
                    port(source)
                ));
            }
        }
        Ok(network)
    }

    /// The way of words with packet id `packet` out of `source`.
    ///
    /// A header sent into a circuit is data to it. `None`: no flow leaves the port.
    pub(super) fn route(
        &self,
        source: Port,
        packet: Option<u8>,
    ) -> Result<Option<Rc<Route>>, String> {
        let Some(entry) = self.sources.get(&source) else { return Ok(None) };
        match (&entry.circuit, packet) {
            (Some(route), None) => Ok(Some(route.clone())),
            (Some(route), Some(_)) => Ok(Some(Rc::new(Route {
                destinations: route.destinations.clone(),
                latencies: route.latencies.clone(),
                kept: route.destinations.clone(),
                packet: false,
            }))),
            (None, Some(id)) => match entry.packets.get(&id) {
                Some(route) => Ok(Some(route.clone())),
                None => Err(format!("no packet flow leaves {} with id {id}", port(source))),
            },
            (None, None) => {
                Err(format!("only packet flows leave {}, but no packet id is given", port(source)))
            }
        }
    }

    pub(super) fn into(&self, destination: Port) -> Option<StreamId> {
        self.by_destination.get(&destination).copied()
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = Port> {
        self.sources.keys().copied()
    }

    pub(super) fn add_writer(&mut self, route: &Route, actor: ActorId) {
        for &stream in &route.destinations {
            let writers = &mut self.streams[stream.0].writers;
            if !writers.contains(&actor) {
                writers.push(actor);
            }
        }
    }

    pub(super) fn set_reader(&mut self, stream: StreamId, actor: ActorId) {
        self.streams[stream.0].reader = Some(actor);
    }

    pub(super) fn stream(&self, stream: StreamId) -> &Stream<C> {
        &self.streams[stream.0]
    }

    /// How many words all of `destinations` can take.
    pub(super) fn room(&self, destinations: &[StreamId]) -> usize {
        destinations
            .iter()
            .map(|stream| self.streams[stream.0].capacity - self.streams[stream.0].words.len())
            .min()
            .unwrap_or(CAPACITY)
    }

    /// Register `actor` with every full destination.
    pub(super) fn await_room(
        &mut self,
        destinations: &[StreamId],
        actor: ActorId,
    ) -> Vec<StreamId> {
        let full: Vec<StreamId> = destinations
            .iter()
            .copied()
            .filter(|stream| self.streams[stream.0].is_full())
            .collect();
        for stream in &full {
            self.streams[stream.0].waiting.push(actor);
        }
        full
    }

    /// Write `words`, for which there is room, to `destinations` of `route`, as
    /// fast as `clock` lets them pass.
    pub(super) fn push(
        &mut self,
        route: &Route,
        destinations: &[StreamId],
        words: &[Word<C>],
        (actor, clock): (ActorId, &mut Clock),
        agenda: &mut Agenda,
    ) -> First {
        let delays = destinations.iter().map(|stream| {
            let index = route.destinations.iter().position(|other| other == stream);
            index.map_or(0, |index| route.latencies[index])
        });
        let delays: Vec<Cycle> = delays.collect();
        let timed = destinations.iter().any(|stream| self.streams[stream.0].times.is_some());
        let mut first = clock.first();
        for index in 0..if timed { words.len() } else { 0 } {
            for stream in destinations {
                let stream = &mut self.streams[stream.0];
                let free = stream.times.as_mut().and_then(|times| times.places.pop_front());
                let free = free.unwrap_or(0);
                clock.wait(free, stream.reader, free);
            }
            if index == 0 {
                first = clock.first();
            }
            for (stream, delay) in destinations.iter().zip(&delays) {
                if let Some(times) = &mut self.streams[stream.0].times {
                    times.arrivals.push_back(clock.now + delay);
                    times.writer = Some((actor, *delay));
                    times.count += 1;
                }
            }
            clock.pass();
        }
        for (stream, delay) in destinations.iter().zip(&delays) {
            let stream = &mut self.streams[stream.0];
            stream.words.extend(words);
            stream.reader.into_iter().for_each(|actor| agenda.wake_at(actor, first.at + delay));
        }
        first
    }

    /// Take up to `limit` words into `words`, which is emptied first, as fast as
    /// `clock` lets them pass.
    pub(super) fn pull(
        &mut self,
        stream: StreamId,
        limit: usize,
        words: &mut Vec<Word<C>>,
        clock: &mut Clock,
        agenda: &mut Agenda,
    ) -> First {
        let stream = &mut self.streams[stream.0];
        let count = limit.min(stream.words.len());
        words.clear();
        words.extend(stream.words.drain(..count));
        let mut first = clock.first();
        if let Some(times) = &mut stream.times {
            for index in 0..count {
                let arrival = times.arrivals.pop_front().unwrap_or(0);
                let (writer, delay) = times.writer.unzip();
                clock.wait(arrival, writer, arrival - delay.unwrap_or(0).min(arrival));
                if index == 0 {
                    first = clock.first();
                }
                times.places.push_back(clock.now);
                clock.pass();
            }
        }
        if count > 0 {
            for actor in stream.waiting.drain(..) {
                agenda.wake_at(actor, first.at);
            }
        }
        first
    }

    /// Hold all of `destinations` for a packet of `actor`, or queue for them.
    ///
    /// All or none: a packet that held one and waited for another could stop
    /// packets that the hardware lets pass.
    pub(super) fn claim(&mut self, destinations: &[StreamId], actor: ActorId) -> bool {
        let free = |stream: &Stream<C>| {
            stream.holder.is_none_or(|holder| holder == actor)
                && stream.packets.front().is_none_or(|&first| first == actor)
        };
        if destinations.iter().all(|stream| free(&self.streams[stream.0])) {
            for stream in destinations {
                let stream = &mut self.streams[stream.0];
                stream.holder = Some(actor);
                stream.packets.retain(|&waiting| waiting != actor);
            }
            return true;
        }
        for stream in destinations {
            let stream = &mut self.streams[stream.0];
            if !stream.packets.contains(&actor) {
                stream.packets.push_back(actor);
            }
        }
        false
    }

    /// End the packet that holds `destinations`.
    pub(super) fn release(&mut self, destinations: &[StreamId], agenda: &mut Agenda) {
        for stream in destinations {
            let stream = &mut self.streams[stream.0];
            stream.holder = None;
            for &actor in &stream.packets {
                agenda.wake(actor);
            }
        }
    }

    pub(super) fn streams(&self) -> impl Iterator<Item = &Stream<C>> {
        self.streams.iter()
    }
}

impl<C> Stream<C> {
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.words.len() >= self.capacity
    }

    /// Words that came through in time.
    pub(super) fn count(&self) -> u64 {
        self.times.as_ref().map_or(0, |times| times.count)
    }

    pub(super) fn holder(&self) -> Option<ActorId> {
        self.holder
    }
}

/// Tiles between a source and a destination, at least.
fn hops(from: Port, to: Port) -> u32 {
    from.tile.column.abs_diff(to.tile.column) + from.tile.row.abs_diff(to.tile.row)
}

/// Cycles from a word's departure to its arrival, the way being the shortest.
fn delay(latency: &Latency, from: Port, to: Port) -> Cycle {
    let mut cycles = latency.stream_ends + latency.hop * Cycle::from(hops(from, to));
    if from.bundle == Bundle::Dma {
        cycles += latency.dma_memory;
    }
    for port in [from, to] {
        cycles += if port.bundle == Bundle::Plio { latency.plio } else { 0 };
    }
    cycles
}

/// Cycles' worth of words that are held between a source and a destination, beside
/// the destination's own buffer. At least those on their way at full rate.
fn held(latency: &Latency, flow: &Flow, to: Port) -> usize {
    let held = latency.hop_words * (1 + hops(flow.source, to) as usize);
    held.max(delay(latency, flow.source, to) as usize)
}
