use crate::{
    array::Flow,
    device::{Device, PortSide},
    dialect::{
        aie4ml::{self, Place as Corner},
        mapped::{self, EdgeOp},
        network,
    },
    mlir::{
        fields::Fields,
        pass::{self, Pass, fail},
        rewrite,
    },
    plan::{
        hand_over,
        mapped::{End, Layer, Mapped, Transfer},
        mapping::{Io, Via},
        memtile::{self, Demand},
        parallelize,
        place::{self, Block, Budget, Link, Method, Position, Problem, Weights},
        ports, program,
        route::{self, NoRoute, Router, Routing},
        slices,
        streams::{self, Stream},
        transport,
    },
};
use melior::ir::{
    Attribute, OperationRef, attribute::DenseI64ArrayAttribute, operation::OperationLike,
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    time::Instant,
};

crate::pass! {
    /// Give every layer, memory tile and port a place in the array.
    ///
    /// A layer's tiles are rectangles, as wide as its cascade and as high as its
    /// chains. Branch and bound minimizes, over all edges, horizontal distance +
    /// lambda x vertical distance, plus mu x top row of each layer, the distance
    /// of the first and last layers to columns with ports, and of each layer to
    /// the memory tiles; a weight of 0 leaves a term out. Then every group of
    /// regions gets the memory tile, and every stream of the boundary the port,
    /// that is nearest to those it serves, so that the streams fit the wires
    /// between columns and through the rows of memory tiles. Where no streams but those of memory
    /// tiles are in each other's way, memory tiles leave a wire of each column and are chosen anew.
    ///
    /// Then a router that decides as mlir-aie's does finds ways for the streams;
    /// the function's attribute `aie4ml.routing` says in how many rounds, how many
    /// tiles the ways cross, all and the longest, how many of them are `detours`, and
    /// which flows have to be the `first` of the program. If it finds none, `aie4ml.congested` lists
    /// the edges between tiles, by number, that were in the way.
    ///
    /// The function's attribute `aie4ml.placement` holds the cost of the layers,
    /// a lower bound, and whether the cost is proven optimal; where `nodes` or
    /// `time` end the search it is the best that was found. A place that is
    /// already there is kept. A transfer by `stream` between neighbors that hold
    /// it alike becomes one by `shared_memory`.
    ///
    /// Before: every edge has planned regions. Refuses a network whose
    /// rectangles, memory tiles or ports do not fit the device, one whose streams
    /// are in each other's way at some switch, and a budget in which no placement
    /// was found.
    pub struct Place: "aie4ml-place" on "func.func" {
        /// Weight of vertical against horizontal distance.
        lambda: Weight = Weight(1.0),
        /// Weight of the top row of each layer.
        mu: Weight = Weight(0.05),
        /// Weight of the distance to columns with ports; 0 leaves it out.
        ports: Weight = Weight(0.1),
        /// Weight of the rows between each layer and the memory tiles.
        memory: Weight = Weight(0.05),
        /// How layers are placed: branch-and-bound, greedy-right or greedy-above.
        search: Method = Method::BranchAndBound,
        /// Nodes that each search may visit.
        nodes: u64 = place::NODES,
        /// Milliseconds that placing the layers may take, 0 for any. The result then depends on the machine.
        time: u64 = 0,
    }
}

/// A factor of the cost of a placement; negative ones would look for the worst.
#[derive(Clone, Copy, Debug)]
pub struct Weight(f64);

impl FromStr for Weight {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let weight: f64 = text.parse().map_err(|error| format!("{error}"))?;
        // Costs are counted in fractions of a column, of which 64 bits hold enough.
        if (0.0..=1000.0).contains(&weight) {
            Ok(Weight(weight))
        } else {
            Err("must be 0 to 1000".into())
        }
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Pass for Place {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let layers = aie4ml::Layer::all(func);
        if layers.is_empty() {
            return Ok(());
        }
        let device = network::device(func)?;
        let (mut plan, edges) = mapped::mapped(func, false)?;
        for (transfer, edge) in plan.transfers.iter().zip(&edges) {
            if transfer.regions.is_empty() {
                return Err(fail(
                    &edge.user.op,
                    "has an edge without regions: run aie4ml-plan-transport first",
                ));
            }
        }
        let context = rewrite::context(func.location());
        for (layer, planned) in layers.iter().zip(&plan.layers) {
            check(*layer, planned, &device)?;
        }

        let (problem, owner) = self.problem(&plan, &device);
        let begin = Instant::now();
        let late = || begin.elapsed().as_millis() >= u128::from(self.time);
        let stop = (self.time > 0).then_some(&late as &dyn Fn() -> bool);
        let budget = Budget { nodes: self.nodes, stop };
        let placement =
            place::place_by(self.search, &problem, &budget).map_err(|error| fail(&func, error))?;
        for layer in &mut plan.layers {
            layer.places.clear();
        }
        for (position, &layer) in placement.at.iter().zip(&owner) {
            let tile = position.tile(&device);
            let corner = Corner { column: tile.column as usize, row: tile.row as usize };
            plan.layers[layer].places.push(corner);
        }
        for (layer, placed) in layers.iter().zip(&plan.layers) {
            rewrite::set_attribute(layer.op, "place", aie4ml::list(context, &placed.places));
        }
        let summary = format!(
            "{{cost = {:?} : f64, lower_bound = {:?} : f64, optimal = {}, nodes = {} : i64}}",
            placement.cost, placement.lower_bound, placement.optimal, placement.nodes
        );
        if let Some(summary) = Attribute::parse(context, &summary) {
            rewrite::set_attribute(func, "aie4ml.placement", summary);
        }

        // Neighbors share memory.
        hand_over::share_memory(&mut plan, &device);
        for (transfer, edge) in plan.transfers.iter().zip(&edges) {
            if let Some(op) = edge.transfer.filter(|_| transfer.via == Via::SharedMemory) {
                rewrite::set_attribute(op.op, "via", transfer.via.attribute(context));
            }
        }

        // Where only streams of memory tiles are in each other's way, these may spread more.
        self.connect(func, &mut plan, &edges, &device, 0).or_else(
            |failure| match mapped::congested(func) {
                Some(edges_in_the_way) if edges_in_the_way.is_empty() => {
                    self.connect(func, &mut plan, &edges, &device, 1).map_err(|_| failure)
                }
                _ => Err(failure),
            },
        )
    }
}

impl Place {
    /// Gives every group of regions a memory tile and every stream of the boundary a port, so that
    /// all streams find ways. Memory tiles leave so many `wires` of each column to other streams.
    fn connect<'c>(
        &self,
        func: OperationRef<'c, '_>,
        plan: &mut Mapped,
        edges: &[EdgeOp<'c, '_>],
        device: &Device,
        wires: u32,
    ) -> pass::Result<'c> {
        let context = rewrite::context(func.location());
        rewrite::remove_attribute(func, mapped::CONGESTED);
        // Memory tiles: all groups of all transfers at once.
        let mut demands = Vec::new();
        let mut firsts = Vec::new();
        for transfer in &plan.transfers {
            firsts.push(demands.len());
            demands.extend(self::demands(plan, transfer));
        }
        // Where ports are short, they may be far away, and the router has the last word.
        let assign = |io| memtile::assign_sparing(&demands, device, io, self.nodes, wires);
        let assignment =
            assign(Some(plan.io)).or_else(|_| assign(None)).map_err(|error| fail(&func, error))?;
        for (index, edge) in edges.iter().enumerate() {
            let end = firsts.get(index + 1).copied().unwrap_or(demands.len());
            let tiles: Vec<Corner> = assignment.tiles[firsts[index]..end]
                .iter()
                .map(|tile| Corner { column: tile.column as usize, row: tile.row as usize })
                .collect();
            if let Some(transfer) = edge.transfer.filter(|_| !tiles.is_empty()) {
                let list = aie4ml::list(context, &tiles);
                rewrite::set_attribute(transfer.op, "memory_tiles", list);
            }
            plan.transfers[index].memory_tiles = tiles;
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
            let ports = ports::assign(&columns, side, device, plan.io)
                .map_err(|error| fail(&func, error))?;
            let mut ports = ports.as_slice();
            for (index, list) in streams {
                let (mine, rest) = ports.split_at(list.len());
                ports = rest;
                if let Some(transfer) = edges[index].transfer {
                    rewrite::set_attribute(transfer.op, "ports", aie4ml::list(context, mine));
                }
                plan.transfers[index].ports = mine.to_vec();
            }
        }
        let (of, streams): (Vec<usize>, Vec<Stream>) = plan
            .transfers
            .iter()
            .enumerate()
            .flat_map(|(edge, transfer)| {
                streams(plan, transfer).into_iter().map(move |s| (edge, s))
            })
            .unzip();
        streams::check(&streams, device).map_err(|crowded| {
            let edges = crowded.streams.iter().map(|&stream| of[stream]);
            congested(func, edges.filter(|&edge| plan.transfers[edge].via == Via::Stream));
            fail(&func, crowded)
        })?;
        route(func, plan, device)
    }

    /// One block per rectangle, linked as the layers are; and the layer of each block.
    fn problem(&self, plan: &Mapped, device: &Device) -> (Problem, Vec<usize>) {
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
                    block.is_input |= matches!(transfer.from, End::Boundary(_))
                        && transfer.to == End::Layer(index);
                    block.is_output |= matches!(transfer.to, End::Boundary(_))
                        && transfer.from == End::Layer(index);
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
        problem.weights = Weights {
            lambda: self.lambda.0,
            mu: self.mu.0,
            ports: self.ports.0,
            memory: self.memory.0,
        };
        (problem, owner)
    }
}

/// Notes the edges of which streams are in the way, those with the most streams first.
fn congested(func: OperationRef, edges: impl Iterator<Item = usize>) {
    let mut counts = BTreeMap::new();
    edges.for_each(|edge| *counts.entry(edge as i64).or_insert(0) += 1);
    let mut edges: Vec<i64> = counts.keys().copied().collect();
    edges.sort_by_key(|edge| Reverse(counts[edge]));
    let edges = DenseI64ArrayAttribute::new(rewrite::context(func.location()), &edges);
    rewrite::set_attribute(func, mapped::CONGESTED, edges.into());
}

/// Finds out in which order the streams find ways, and notes it.
fn route<'c>(func: OperationRef<'c, '_>, plan: &Mapped, device: &Device) -> pass::Result<'c> {
    let flows = program::flows(plan, device).map_err(|refusal| {
        let layers = aie4ml::Layer::all(func);
        let at = refusal.layer.and_then(|index| layers.get(index)).map_or(func, |layer| layer.op);
        fail(&at, refusal.message)
    })?;
    let router = Router::new(device);
    let context = rewrite::context(func.location());
    let arranged = route::arrange(&router, &flows, route::STEPS).map_err(|error| {
        if let NoRoute::Congested { flows: stuck, .. } = &error {
            let stuck: Vec<&Flow> = stuck.iter().map(|&flow| &flows[flow]).collect();
            congested(func, hand_over::edges_of(plan, &stuck).into_iter());
        }
        fail(&func, format_args!("has streams that cannot be routed: {error}: use fewer tiles, other places, or memory tiles between the layers"))
    })?;
    let Routing { rounds, hops, .. } = &arranged.routing;
    let (mut all, mut longest, mut detours) = (0, 0, 0);
    for (flow, hops) in flows.iter().zip(hops) {
        for (end, &hops) in flow.destinations.iter().zip(hops) {
            let (from, to) = (flow.source.tile, end.tile);
            let least = from.column.abs_diff(to.column) + from.row.abs_diff(to.row);
            all += hops;
            longest = longest.max(hops);
            detours += hops - least;
        }
    }
    let first: Vec<String> = arranged.first.iter().map(ToString::to_string).collect();
    let first = match first.is_empty() {
        true => String::new(),
        false => format!("first = array<i64: {}>, ", first.join(", ")),
    };
    let routing = format!(
        "{{{first}rounds = {rounds} : i64, streams = {} : i64, hops = {all} : i64, longest = {longest} : i64, detours = {detours} : i64}}",
        flows.len()
    );
    if let Some(routing) = Attribute::parse(context, &routing) {
        rewrite::set_attribute(func, mapped::ROUTING, routing);
    }
    Ok(())
}

/// A layer's rectangles can be on the device, and where they already are.
fn check<'c>(layer: aie4ml::Layer<'c, '_>, planned: &Layer, device: &Device) -> pass::Result<'c> {
    let (width, columns) = (planned.split.cascade, device.columns as usize);
    let rows = device.core_rows();
    let heights = parallelize::heights(planned.split.chains, device);
    if width > columns {
        return Err(fail(
            &layer.op,
            format_args!("has a cascade of {width} tiles, {} has {columns} columns", device.name),
        ));
    }
    if planned.places.len() > heights.len() {
        return Err(fail(
            &layer.op,
            format_args!("has {} places for {} rectangles", planned.places.len(), heights.len()),
        ));
    }
    for (corner, height) in planned.places.iter().zip(heights) {
        let Corner { column, row } = *corner;
        if column + width > columns || row < rows.start as usize || row + height > rows.end as usize
        {
            return Err(fail(
                &layer.op,
                format_args!(
                    "has a rectangle of {width}x{height} tiles at ({column}, {row}), {} has cores in columns 0 to {} and rows {} to {}",
                    device.name,
                    columns - 1,
                    rows.start,
                    rows.end - 1
                ),
            ));
        }
    }
    Ok(())
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
                    let tiles: Vec<Corner> =
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
