//! Where everything of a split network goes: layers, what is between them, and the ways of streams.
//!
//! [`layers`] gives the rectangles of layers their places, [`connect`] memory tiles to what is
//! stored, ports to what crosses the boundary, and asks the router whether all streams find ways.

use super::{
    hand_over,
    mapped::{End, Mapped, Transfer},
    mapping::{Io, Place, Via},
    memtile::{self, Demand},
    parallelize,
    place::{self, Block, Budget, Link, Method, Placement, Position, Problem, Weights},
    ports, program,
    route::{self, NoRoute, Router, Routing},
    slices,
    streams::{self, Stream},
    transport,
};
use crate::{
    array::Flow,
    device::{Device, PortSide},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Weights of a placement unless others are asked for: as in the paper, and a little for the
/// distance to ports and to memory tiles.
pub const WEIGHTS: Weights = Weights { lambda: 1.0, mu: 0.05, ports: 0.1, memory: 0.05 };

/// Why something of a network has no place, or its streams no ways.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoWay {
    /// The layer at fault, if it is one.
    pub layer: Option<usize>,
    pub message: String,
    /// Edges from tile to tile whose streams are in the way, by index, those with the most streams
    /// first; `None` if it is not about streams.
    pub congested: Option<Vec<usize>>,
}

impl NoWay {
    fn new(message: impl ToString) -> NoWay {
        NoWay { layer: None, message: message.to_string(), congested: None }
    }

    /// Notes the edges of which streams are in the way.
    fn blamed(self, edges: impl Iterator<Item = usize>) -> NoWay {
        let mut counts = BTreeMap::new();
        edges.for_each(|edge| *counts.entry(edge).or_insert(0usize) += 1);
        let mut edges: Vec<usize> = counts.keys().copied().collect();
        edges.sort_by_key(|edge| Reverse(counts[edge]));
        NoWay { congested: Some(edges), ..self }
    }
}

/// Gives all layers their places. A place that is already there is kept. Neighbors that hold what
/// they exchange alike share memory.
///
/// # Errors
///
/// If rectangles do not fit the device, or no placement was found.
pub fn layers(
    plan: &mut Mapped,
    device: &Device,
    weights: Weights,
    method: Method,
    budget: &Budget,
) -> Result<Placement, NoWay> {
    let (problem, owner) = problem(plan, device, weights);
    let placement = place::place_by(method, &problem, budget).map_err(NoWay::new)?;
    for layer in &mut plan.layers {
        layer.places.clear();
    }
    for (position, &layer) in placement.at.iter().zip(&owner) {
        let tile = position.tile(device);
        let corner = Place { column: tile.column as usize, row: tile.row as usize };
        plan.layers[layer].places.push(corner);
    }
    hand_over::share_memory(plan, device);
    Ok(placement)
}

/// One block per rectangle, linked as the layers are; and the layer of each block.
fn problem(plan: &Mapped, device: &Device, weights: Weights) -> (Problem, Vec<usize>) {
    let mut blocks = Vec::new();
    let mut owner = Vec::new();
    for (index, layer) in plan.layers.iter().enumerate() {
        let heights = parallelize::heights(layer.split.chains, device);
        for (rectangle, height) in heights.into_iter().enumerate() {
            let mut block = Block::new(layer.split.cascade as u32, height as u32);
            block.fixed = layer.places.get(rectangle).and_then(|corner| {
                let row = (corner.row as u32).checked_sub(device.core_rows().start)?;
                Some(Position { column: corner.column as u32, row })
            });
            for transfer in &plan.transfers {
                block.is_input |=
                    matches!(transfer.from, End::Boundary(_)) && transfer.to == End::Layer(index);
                block.is_output |=
                    matches!(transfer.to, End::Boundary(_)) && transfer.from == End::Layer(index);
            }
            blocks.push(block);
            owner.push(index);
        }
    }
    let mut links = Vec::new();
    for transfer in &plan.transfers {
        let (End::Layer(from), End::Layer(to)) = (transfer.from, transfer.to) else { continue };
        for (a, &producer) in owner.iter().enumerate() {
            for (b, &consumer) in owner.iter().enumerate() {
                if producer == from && consumer == to {
                    links.push(Link { from: a, to: b });
                }
            }
        }
    }
    let mut problem = Problem::new(device, blocks, links);
    problem.ports = match plan.io {
        Io::Plio => device.plio_columns(),
        Io::Ddr => {
            let columns = device.noc_columns();
            columns.first().map_or(0..0, |&first| first..columns[columns.len() - 1] + 1)
        }
    };
    problem.weights = weights;
    (problem, owner)
}

/// Gives every group of regions a memory tile and every stream of the boundary a port, so that the
/// streams fit between columns. Memory tiles leave so many `wires` of each column to other streams;
/// the search for them visits so many `nodes`.
///
/// # Errors
///
/// If memory tiles or ports do not suffice, or more streams cross a border of columns than fit.
pub fn connect(plan: &mut Mapped, device: &Device, nodes: u64, wires: u32) -> Result<(), NoWay> {
    // Memory tiles: all groups of all transfers at once.
    let mut demands = Vec::new();
    let mut firsts = Vec::new();
    for transfer in &plan.transfers {
        firsts.push(demands.len());
        demands.extend(self::demands(plan, transfer));
    }
    // Where ports are short, they may be far away, and the router has the last word.
    let assign = |io| memtile::assign_sparing(&demands, device, io, nodes, wires);
    let assignment = assign(Some(plan.io)).or_else(|_| assign(None)).map_err(NoWay::new)?;
    for (index, transfer) in plan.transfers.iter_mut().enumerate() {
        let end = firsts.get(index + 1).copied().unwrap_or(demands.len());
        transfer.memory_tiles = assignment.tiles[firsts[index]..end]
            .iter()
            .map(|tile| Place { column: tile.column as usize, row: tile.row as usize })
            .collect();
    }

    // Ports: all streams of one direction at once.
    for side in [PortSide::In, PortSide::Out] {
        let streams: Vec<(usize, Vec<u32>)> = plan
            .transfers
            .iter()
            .enumerate()
            .filter_map(|(index, transfer)| {
                let parts = &assignment.ports[firsts[index]..];
                Some((index, boundary_streams(transfer, side, parts)?))
            })
            .collect();
        let columns: Vec<u32> = streams.iter().flat_map(|(_, list)| list.clone()).collect();
        let ports = ports::assign(&columns, side, device, plan.io).map_err(NoWay::new)?;
        let mut ports = ports.as_slice();
        for (index, list) in streams {
            let (mine, rest) = ports.split_at(list.len());
            ports = rest;
            plan.transfers[index].ports = mine.to_vec();
        }
    }
    let (of, streams): (Vec<usize>, Vec<Stream>) = plan
        .transfers
        .iter()
        .enumerate()
        .flat_map(|(edge, transfer)| streams(plan, transfer).into_iter().map(move |s| (edge, s)))
        .unzip();
    streams::check(&streams, device).map_err(|crowded| {
        let edges = crowded.streams.iter().map(|&stream| of[stream]);
        let direct = edges.filter(|&edge| plan.transfers[edge].via == Via::Stream);
        NoWay::new(&crowded).blamed(direct)
    })
}

/// Ways for all streams.
pub struct Ways {
    /// Flows of the program, by index, that have the first choice.
    pub first: Vec<usize>,
    pub streams: usize,
    /// Rounds of the router.
    pub rounds: u32,
    /// Tiles that the ways cross into: all, and those of the longest.
    pub hops: u32,
    pub longest: u32,
    /// Tiles beyond those of the shortest ways, all together.
    pub detours: u32,
}

/// The flows of the program of a plan.
fn flows(plan: &Mapped, device: &Device) -> Result<Vec<Flow>, NoWay> {
    program::flows(plan, device).map_err(|refusal| NoWay {
        layer: refusal.layer,
        message: refusal.message,
        congested: None,
    })
}

/// Finds out in which order the flows of a plan find ways, looking at about so many edges.
///
/// # Errors
///
/// If some streams find no ways.
pub fn route(plan: &Mapped, flows: &[Flow], router: &Router, steps: u64) -> Result<Ways, NoWay> {
    let arranged = route::arrange(router, flows, steps).map_err(|error| {
        let failure = NoWay::new(format_args!("has streams that cannot be routed: {error}: use fewer tiles, other places, or memory tiles between the layers"));
        let NoRoute::Congested { flows: stuck, .. } = &error else { return failure };
        let stuck: Vec<&Flow> = stuck.iter().map(|&flow| &flows[flow]).collect();
        failure.blamed(hand_over::edges_of(plan, &stuck).into_iter())
    })?;
    let Routing { rounds, hops, .. } = &arranged.routing;
    let mut ways = Ways {
        first: arranged.first,
        streams: flows.len(),
        rounds: *rounds,
        hops: 0,
        longest: 0,
        detours: 0,
    };
    for (flow, hops) in flows.iter().zip(hops) {
        for (end, &hops) in flow.destinations.iter().zip(hops) {
            let (from, to) = (flow.source.tile, end.tile);
            let least = from.column.abs_diff(to.column) + from.row.abs_diff(to.row);
            ways.hops += hops;
            ways.longest = ways.longest.max(hops);
            ways.detours += hops - least;
        }
    }
    Ok(ways)
}

/// Connects all layers and finds ways for the streams: where only those of memory tiles are in each
/// other's way, these spread more. The search for memory tiles visits so many `nodes`.
///
/// # Errors
///
/// As [`connect`] and [`route`].
pub fn ways(plan: &mut Mapped, device: &Device, nodes: u64) -> Result<Ways, NoWay> {
    let router = Router::new(device);
    let mut attempt = |wires| {
        connect(plan, device, nodes, wires)?;
        route(plan, &flows(plan, device)?, &router, route::STEPS)
    };
    attempt(0).or_else(|failure| match &failure.congested {
        Some(edges) if edges.is_empty() => attempt(1).map_err(|_| failure),
        _ => Err(failure),
    })
}

/// What each group of a transfer asks of its memory tile.
fn demands(plan: &Mapped, transfer: &Transfer) -> Vec<Demand> {
    if transfer.via != Via::MemoryTile {
        return Vec::new();
    }
    let edge = program::edge(plan, transfer);
    let groups = transfer.regions.iter().map(|region| region.group + 1).max().unwrap_or(0);
    let mut demands = vec![Demand::default(); groups];
    let mut seen = BTreeMap::new();
    for region in &transfer.regions {
        let demand = &mut demands[region.group];
        if seen.insert((true, region.producer), ()).is_none() {
            match transfer.from {
                End::Boundary(_) => demand.from_outside += 1,
                End::Layer(index) => {
                    let layer = &plan.layers[index];
                    let tile = layer.tile(region.producer, layer.split.cascade - 1);
                    demand.producers.push(tile.column as u32);
                }
            }
        }
        if seen.insert((false, region.consumer), ()).is_none() {
            match transfer.to {
                End::Boundary(_) => demand.to_outside += 1,
                End::Layer(index) => {
                    let layer = &plan.layers[index];
                    let readers = layer.readers(region.consumer).into_iter();
                    let tiles: Vec<Place> =
                        readers.map(|(chain, position)| layer.tile(chain, position)).collect();
                    // Several rectangles: the westernmost.
                    let column = tiles.iter().map(|tile| tile.column).min().unwrap_or(0);
                    demand.consumers.push(column as u32);
                    let rows: BTreeSet<usize> = tiles.iter().map(|tile| tile.row).collect();
                    demand.rows = demand.rows.max(rows.len() as u32);
                }
            }
        }
        let slice = slices::Region {
            producer: region.producer,
            consumer: region.consumer,
            features: region.begin..region.end,
        };
        let pitch = transport::pitch(&edge, &slice);
        demand.memory_bytes += (2 * edge.rows * pitch * edge.element_bytes) as u32;
        demand.locks += 2;
        demand.buffer_descriptors += 4;
    }
    demands
}

/// The column of `ports`, given by group, near which each stream that crosses the boundary
/// in that direction has its own, in order; `None` if the transfer has no such stream.
fn boundary_streams(transfer: &Transfer, side: PortSide, ports: &[u32]) -> Option<Vec<u32>> {
    let end = if side == PortSide::In { transfer.from } else { transfer.to };
    if !matches!(end, End::Boundary(_)) {
        return None;
    }
    let mut columns = BTreeMap::new();
    for region in &transfer.regions {
        let stream = if side == PortSide::In { region.producer } else { region.consumer };
        columns.insert(stream, ports[region.group]);
    }
    Some(columns.into_values().collect())
}

/// The streams of a transfer between columns: from each producer to its memory
/// tile and from there to each consumer, or straight to the consumers.
fn streams(plan: &Mapped, transfer: &Transfer) -> Vec<Stream> {
    if transfer.via == Via::SharedMemory {
        return Vec::new();
    }
    let port = |index: usize| transfer.ports.get(index).map_or(0, |port| port.column as u32);
    let sender = |index: usize| match transfer.from {
        End::Boundary(_) => port(index),
        End::Layer(layer) => {
            let layer = &plan.layers[layer];
            layer.tile(index, layer.split.cascade - 1).column as u32
        }
    };
    let readers = |index: usize| match transfer.to {
        End::Boundary(_) => vec![port(index)],
        End::Layer(layer) => {
            let layer = &plan.layers[layer];
            let readers = layer.readers(index).into_iter();
            readers.map(|(chain, position)| layer.tile(chain, position).column as u32).collect()
        }
    };
    let mut streams: BTreeMap<(bool, usize), Stream> = BTreeMap::new();
    for region in &transfer.regions {
        let from = sender(region.producer);
        let to = readers(region.consumer);
        if transfer.via == Via::Stream {
            let stream = streams
                .entry((true, region.producer))
                .or_insert_with(|| Stream { from, to: Vec::new() });
            stream.to.extend(to);
        } else {
            let memory = transfer.memory_tiles[region.group].column as u32;
            streams.insert((true, region.producer), Stream { from, to: vec![memory] });
            streams.insert((false, region.consumer), Stream { from: memory, to });
        }
    }
    streams.into_values().collect()
}
