//! Streams: bounded queues of words, one at each destination port.
//!
//! A source port writes into the queues of all its destinations at once, so a
//! broadcast moves a word only when every destination has room. Packets of
//! several sources share a destination; a packet holds it until its last word.
//!
//! **Invariant:** no queue holds more than [`CAPACITY`] words.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

use super::cell::{Cell, Word};
use super::fabric::{ActorId, Agenda, port};
use crate::array::{Flow, Port};

/// Words between a sender and a receiver. Every flow has at least the 16 words
/// at the entry of the receiving DMA (hardware.md 3g); switches on the way add
/// 6 to 8 each. The least is assumed, so that no program needs a long way.
pub(super) const CAPACITY: usize = 16;

/// Index of a destination's queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct StreamId(pub usize);

pub(super) struct Network<C> {
    streams: Vec<Stream<C>>,
    by_destination: HashMap<Port, StreamId>,
    sources: HashMap<Port, Source>,
}

pub(super) struct Stream<C> {
    pub destination: Port,
    pub reader: Option<ActorId>,
    /// All that ever write here.
    pub writers: Vec<ActorId>,
    words: VecDeque<Word<C>>,
    /// Writers that wait for room.
    waiting: Vec<ActorId>,
    /// Whose packet passes.
    holder: Option<ActorId>,
    /// Writers whose packets wait for the holder's to end.
    packets: VecDeque<ActorId>,
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
    /// The destinations that get the packet header as well.
    pub kept: Vec<StreamId>,
    /// Whether destinations are shared packet by packet.
    pub packet: bool,
}

impl<C: Cell> Network<C> {
    pub(super) fn new(flows: &[Flow]) -> Result<Network<C>, String> {
        let mut network = Network {
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
                        waiting: Vec::new(),
                        holder: None,
                        packets: VecDeque::new(),
                    });
                    StreamId(network.streams.len() - 1)
                });
                if !route.destinations.contains(&stream) {
                    route.destinations.push(stream);
                }
                if flow.keep_packet_header && !route.kept.contains(&stream) {
                    route.kept.push(stream);
                }
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
            .map(|stream| CAPACITY - self.streams[stream.0].words.len())
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

    /// Write `words`, for which there is room, to all of `destinations`.
    pub(super) fn push(
        &mut self,
        destinations: &[StreamId],
        words: &[Word<C>],
        agenda: &mut Agenda,
    ) {
        for stream in destinations {
            let stream = &mut self.streams[stream.0];
            stream.words.extend(words);
            stream.reader.into_iter().for_each(|actor| agenda.wake(actor));
        }
    }

    /// Take up to `limit` words into `words`, which is emptied first.
    pub(super) fn pull(
        &mut self,
        stream: StreamId,
        limit: usize,
        words: &mut Vec<Word<C>>,
        agenda: &mut Agenda,
    ) {
        let stream = &mut self.streams[stream.0];
        let count = limit.min(stream.words.len());
        words.clear();
        words.extend(stream.words.drain(..count));
        if count > 0 {
            for actor in stream.waiting.drain(..) {
                agenda.wake(actor);
            }
        }
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
        self.words.len() >= CAPACITY
    }

    pub(super) fn holder(&self) -> Option<ActorId> {
        self.holder
    }
}
