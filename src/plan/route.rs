//! Whether streams find ways through the switches of the array, and which.
//!
//! The design that is emitted names the two ends of every stream; mlir-aie's
//! `aie-create-pathfinder-flows` looks for the ways between. [`Router::route`] takes
//! the same decisions in the same order on the same graph, so that what is found here is
//! found there, in as many rounds, and what is not is known before it is emitted. Every
//! connection was the same as its own in designs that took 38 and 136 rounds (commit 979629649).
//!
//! **Graph.** A node is a port of a switch, an edge a connection inside a switch
//! ([`Device::switches`]) or a wire to the neighbor's opposite port. Every edge
//! carries one stream. As in mlir-aie, the two sides of a port are one node; a way
//! that makes use of that, in and out of a port of the same switch, does not exist
//! and is reported as such.
//!
//! **Rounds.** Negotiated congestion (McMurchie and Ebeling, *PathFinder*, 1995): in
//! every round each stream in turn takes the shortest ways to all of its destinations,
//! whatever the others did; an edge that was taken costs more from then on,
//!
//! ```text
//! cost = (1 + 0.1 * rounds in which it was overused) * (1 + 0.02 * streams on it in the last round)
//!        * 1.1 ^ (streams on it so far in this round)
//! ```
//!
//! until no edge is taken twice. Streams are not known to share but with
//! themselves, and a broadcast goes to each destination by a shortest way from the source.
//!
//! **Order.** Who comes first has the first choice, and a list of streams
//! that runs in circles in one order ends at once in another. [`arrange`]
//! looks for one that ends soon.

mod graph;
mod order;

pub use order::{Arranged, STEPS, arrange};

use crate::array::{Flow, Port, Tile};
use crate::device::Device;
use graph::{Graph, Queue};
use std::{collections::BTreeMap, fmt};

/// Rounds and steps that a search for ways may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effort {
    pub rounds: u32,
    /// Edges looked at.
    pub steps: u64,
}

/// Ways for all streams.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Routing {
    /// Rounds until no two streams shared an edge.
    pub rounds: u32,
    /// Edges looked at.
    pub steps: u64,
    /// Of each flow, and each of its destinations: tiles that the way crosses into.
    pub hops: Vec<Vec<u32>>,
}

/// Why there is no [`Routing`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoRoute {
    /// Streams were still in each other's way when the effort was spent.
    Congested {
        rounds: u32,
        steps: u64,
        /// Switches with overused edges at the end, and how many streams took the
        /// most wanted.
        tiles: Vec<(Tile, u32)>,
        /// Flows, by index, on those edges.
        flows: Vec<usize>,
    },
    /// No way leads from a flow to its destination, or only one that no switch has.
    Unreachable { flow: usize, from: Port, to: Port },
}

impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            NoRoute::Congested { rounds, tiles, flows, .. } => {
                let all: Vec<String> = tiles
                    .iter()
                    .take(4)
                    .map(|(tile, _)| format!("({}, {})", tile.column, tile.row))
                    .collect();
                let more = tiles.len().saturating_sub(all.len());
                write!(
                    f,
                    "{} streams are in each other's way at the switch{} of {}{}, still after {rounds} rounds of routing",
                    flows.len(),
                    if tiles.len() == 1 { "" } else { "es" },
                    all.join(", "),
                    if more > 0 { format!(" and {more} more") } else { String::new() },
                )
            }
            NoRoute::Unreachable { from, to, .. } => {
                let name =
                    |port: &Port| format!("{:?} {} of {}", port.bundle, port.channel, port.tile);
                write!(f, "no way leads from {} to {}", name(from), name(to))
            }
        }
    }
}

/// The switches of a device.
pub struct Router {
    graph: Graph,
}

/// What a router knows of a node while it looks for the ways of one stream.
#[derive(Clone, Copy)]
struct Label {
    distance: f64,
    /// The edge by which it was reached.
    edge: u32,
    /// The stream for which this holds; others find the node new.
    stream: u32,
    done: bool,
}

const NO_EDGE: u32 = u32::MAX;

impl Router {
    pub fn new(device: &Device) -> Router {
        Router { graph: Graph::new(device) }
    }

    /// Connections and wires.
    pub fn edges(&self) -> usize {
        self.graph.edges()
    }

    /// Looks for ways, giving flows their turn in `order`. Flows of packets are left out.
    ///
    /// # Errors
    ///
    /// If an end is no port of the device, or if the effort did not suffice.
    pub fn route(
        &self,
        flows: &[Flow],
        order: &[usize],
        effort: Effort,
    ) -> Result<Routing, NoRoute> {
        let graph = &self.graph;
        let mut streams = Vec::with_capacity(order.len());
        for &index in order {
            let flow = &flows[index];
            let node = |port: Port, to: Port| {
                let missing = NoRoute::Unreachable { flow: index, from: flow.source, to };
                graph.node(port).ok_or(missing)
            };
            let first = flow.destinations.first().copied().unwrap_or(flow.source);
            let source = node(flow.source, first)?;
            let ends: Result<Vec<u32>, NoRoute> =
                flow.destinations.iter().map(|&to| node(to, to)).collect();
            streams.push((index, source, ends?));
        }
        let mut search = Search {
            graph,
            cost: vec![1.0; graph.edges()],
            used: vec![0; graph.edges()],
            over: vec![0; graph.edges()],
            labels: vec![
                Label { distance: f64::MAX, edge: NO_EDGE, stream: u32::MAX, done: false };
                graph.nodes()
            ],
            wanted: vec![u32::MAX; graph.nodes()],
            queue: Queue::default(),
            stream: 0,
            steps: 0,
        };
        let mut ways: Vec<Vec<u32>> = vec![Vec::new(); streams.len()];
        for round in 1..=effort.rounds.max(1) {
            search.begin_round();
            for ((index, source, ends), way) in streams.iter().zip(&mut ways) {
                let lost = search.shortest_ways(*source, ends);
                if let Some(end) = lost {
                    let (flow, from) = (*index, flows[*index].source);
                    return Err(NoRoute::Unreachable { flow, from, to: graph.port(end) });
                }
                search.take(*source, ends, way);
            }
            let over = search.overused();
            if over.is_empty() {
                return self.ways(flows, &streams, &search, &ways, round);
            }
            if round == effort.rounds.max(1) || search.steps >= effort.steps {
                let on = |way: &&(&(usize, u32, Vec<u32>), &Vec<u32>)| {
                    way.1.iter().any(|&edge| search.used[edge as usize] > 1)
                };
                let all = streams.iter().zip(&ways).collect::<Vec<_>>();
                let mut tiles: BTreeMap<Tile, u32> = BTreeMap::new();
                for &edge in &over {
                    let most = tiles.entry(graph.tile_of_edge(edge)).or_default();
                    *most = (*most).max(search.used[edge as usize]);
                }
                return Err(NoRoute::Congested {
                    rounds: round,
                    steps: search.steps,
                    tiles: tiles.into_iter().collect(),
                    flows: all.iter().filter(on).map(|(stream, _)| stream.0).collect(),
                });
            }
        }
        unreachable!("the last round returns")
    }

    /// The lengths of the ways of the last round, if switches have them.
    fn ways(
        &self,
        flows: &[Flow],
        streams: &[(usize, u32, Vec<u32>)],
        search: &Search,
        ways: &[Vec<u32>],
        rounds: u32,
    ) -> Result<Routing, NoRoute> {
        let graph = &self.graph;
        let mut hops = vec![Vec::new(); flows.len()];
        // By node: the edge to it, on the way of this stream.
        let mut into: BTreeMap<u32, u32> = BTreeMap::new();
        for ((index, source, ends), way) in streams.iter().zip(ways) {
            into.clear();
            into.extend(way.iter().map(|&edge| (graph.head(edge), edge)));
            for &end in ends {
                let (mut at, mut crossed, mut wire) = (end, 0, true);
                while at != *source {
                    let edge = into[&at];
                    // Wires and switches take turns, and a switch is at each end.
                    if graph.is_wire(edge) == wire {
                        let (flow, from) = (*index, flows[*index].source);
                        return Err(NoRoute::Unreachable { flow, from, to: graph.port(end) });
                    }
                    wire = !wire;
                    crossed += u32::from(wire);
                    at = graph.tail(edge);
                }
                hops[*index].push(crossed);
            }
        }
        Ok(Routing { rounds, steps: search.steps, hops })
    }
}

struct Search<'g> {
    graph: &'g Graph,
    /// By edge: what it costs now, how many streams take it in this round, and in
    /// how many rounds more than one did.
    cost: Vec<f64>,
    used: Vec<u32>,
    over: Vec<u32>,
    labels: Vec<Label>,
    /// By node: the stream that ends there, while its ways are looked for.
    wanted: Vec<u32>,
    queue: Queue,
    /// Counts the searches, so that labels need not be cleared.
    stream: u32,
    steps: u64,
}

impl Search<'_> {
    fn begin_round(&mut self) {
        for ((cost, used), over) in self.cost.iter_mut().zip(&mut self.used).zip(&self.over) {
            *cost = (1.0 + 0.1 * f64::from(*over)) * (1.0 + 0.02 * f64::from(*used));
            *used = 0;
        }
    }

    /// Labels the nodes around `source` up to all of `ends`. Returns an end to
    /// which no way leads.
    ///
    /// Nodes in the queue that become nearer stay where they are in it, as in
    /// mlir-aie, where a queue does not hear of it.
    fn shortest_ways(&mut self, source: u32, ends: &[u32]) -> Option<u32> {
        let stream = self.stream;
        self.stream += 1;
        let mut left = 0;
        for &end in ends.iter().filter(|&&end| end != source) {
            left += u32::from(std::mem::replace(&mut self.wanted[end as usize], stream) != stream);
        }
        self.queue.clear();
        self.labels[source as usize].distance = 0.0;
        self.queue.push(source, &self.labels);
        // The source begins without a label: it is found new if a switch leads back to it.
        while left > 0
            && let Some(node) = self.queue.pop(&self.labels)
        {
            let here = self.labels[node as usize].distance;
            let edges = self.graph.edges_of(node);
            self.steps += edges.len() as u64;
            for edge in edges {
                let to = self.graph.head(edge as u32);
                let distance = here + self.cost[edge];
                let label = &mut self.labels[to as usize];
                if label.stream != stream {
                    if to != source {
                        *label = Label { distance, edge: edge as u32, stream, done: false };
                    } else {
                        label.stream = stream;
                        label.done = false;
                    }
                    self.queue.push(to, &self.labels);
                } else if !label.done && distance < label.distance {
                    label.distance = distance;
                    label.edge = edge as u32;
                }
            }
            let label = &mut self.labels[node as usize];
            let again = label.stream == stream && label.done;
            label.stream = stream;
            label.done = true;
            left -= u32::from(self.wanted[node as usize] == stream && !again && node != source);
        }
        let lost = |end: &u32| {
            let label = &self.labels[*end as usize];
            *end != source && !(label.stream == stream && label.done)
        };
        (left > 0).then(|| ends.iter().copied().find(lost)).flatten()
    }

    /// Takes the edges from `source` to `ends`, each once.
    fn take(&mut self, source: u32, ends: &[u32], way: &mut Vec<u32>) {
        way.clear();
        // `wanted` marks what is on the way already, by a number no search has.
        let mark = u32::MAX - 1;
        let mut passed = Vec::new();
        for &end in ends {
            let mut at = end;
            while at != source && self.wanted[at as usize] != mark {
                let edge = self.labels[at as usize].edge;
                self.used[edge as usize] += 1;
                self.cost[edge as usize] *= 1.1;
                way.push(edge);
                self.wanted[at as usize] = mark;
                passed.push(at);
                at = self.graph.tail(edge);
            }
        }
        for node in passed {
            self.wanted[node as usize] = u32::MAX;
        }
    }

    /// Edges that more than one stream takes; each is remembered.
    fn overused(&mut self) -> Vec<u32> {
        let mut over = Vec::new();
        for (edge, &used) in self.used.iter().enumerate() {
            if used > 1 {
                self.over[edge] += 1;
                over.push(edge as u32);
            }
        }
        over
    }
}

#[cfg(test)]
mod tests;
