use crate::{
    device::Device,
    dialect::{
        aie4ml::{self, Place as Corner},
        mapped, network,
    },
    mlir::{
        fields::Fields,
        pass::{self, Pass, fail},
        rewrite,
    },
    plan::{
        arrange::{self, NoWay, WEIGHTS, Ways},
        mapped::Layer,
        mapping::Via,
        memtile, parallelize,
        place::{self, Budget, Method, Placement, Weights},
    },
};
use melior::ir::{Attribute, OperationRef, operation::OperationLike};
use std::{fmt, str::FromStr, time::Instant};

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
    /// which flows have to be the `first` of the program.
    ///
    /// The function's attribute `aie4ml.placement` holds the cost of the layers,
    /// a lower bound, and whether the cost is proven optimal; where `nodes` or
    /// `time` end the search it is the best that was found. A place that is
    /// already there is kept, and so is the attribute where all layers have one. A transfer by `stream` between neighbors that hold
    /// it alike becomes one by `shared_memory`.
    ///
    /// Before: every edge has planned regions. Refuses a network whose
    /// rectangles, memory tiles or ports do not fit the device, one whose streams
    /// are in each other's way at some switch, and a budget in which no placement
    /// was found.
    pub struct Place: "aie4ml-place" on "func.func" {
        /// Weight of vertical against horizontal distance.
        lambda: Weight = Weight(WEIGHTS.lambda),
        /// Weight of the top row of each layer.
        mu: Weight = Weight(WEIGHTS.mu),
        /// Weight of the distance to columns with ports; 0 leaves it out.
        ports: Weight = Weight(WEIGHTS.ports),
        /// Weight of the rows between each layer and the memory tiles.
        memory: Weight = Weight(WEIGHTS.memory),
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

        let begin = Instant::now();
        let late = || begin.elapsed().as_millis() >= u128::from(self.time);
        let stop = (self.time > 0).then_some(&late as &dyn Fn() -> bool);
        let budget = Budget { nodes: self.nodes, stop };
        let weights = Weights {
            lambda: self.lambda.0,
            mu: self.mu.0,
            ports: self.ports.0,
            memory: self.memory.0,
        };
        let refused = |refusal: NoWay| {
            let at = refusal.layer.and_then(|index| layers.get(index)).map_or(func, |l| l.op);
            fail(&at, refusal.message)
        };
        // Who placed all layers has said how well.
        let said = func.attribute(PLACEMENT).is_ok()
            && plan.layers.iter().all(|layer| {
                let heights = parallelize::heights(layer.split.chains, &device);
                layer.places.len() == heights.len()
            });
        let placement =
            arrange::layers(&mut plan, &device, weights, self.search, &budget).map_err(refused)?;
        for (layer, placed) in layers.iter().zip(&plan.layers) {
            rewrite::set_attribute(layer.op, "place", aie4ml::list(context, &placed.places));
        }
        if !said {
            note(func, &placement);
        }
        for (transfer, edge) in plan.transfers.iter().zip(&edges) {
            if let Some(op) = edge.transfer.filter(|_| transfer.via == Via::SharedMemory) {
                rewrite::set_attribute(op.op, "via", transfer.via.attribute(context));
            }
        }

        let ways =
            arrange::ways(&mut plan, &device, self.nodes.min(memtile::NODES)).map_err(refused)?;
        for (transfer, edge) in plan.transfers.iter().zip(&edges) {
            let Some(op) = edge.transfer else { continue };
            if !transfer.memory_tiles.is_empty() {
                let list = aie4ml::list(context, &transfer.memory_tiles);
                rewrite::set_attribute(op.op, "memory_tiles", list);
            }
            if !transfer.ports.is_empty() {
                rewrite::set_attribute(op.op, "ports", aie4ml::list(context, &transfer.ports));
            }
        }
        let Ways { streams, rounds, hops, longest, detours, .. } = ways;
        let first: Vec<String> = ways.first.iter().map(ToString::to_string).collect();
        let first = match first.is_empty() {
            true => String::new(),
            false => format!("first = array<i64: {}>, ", first.join(", ")),
        };
        let routing = format!(
            "{{{first}rounds = {rounds} : i64, streams = {streams} : i64, hops = {hops} : i64, longest = {longest} : i64, detours = {detours} : i64}}"
        );
        if let Some(routing) = Attribute::parse(context, &routing) {
            rewrite::set_attribute(func, mapped::ROUTING, routing);
        }
        Ok(())
    }
}

/// The name of what a function says of the places of its layers.
const PLACEMENT: &str = "aie4ml.placement";

/// Says on a function how good the places of its layers are.
pub(super) fn note(func: OperationRef, placement: &Placement) {
    let context = rewrite::context(func.location());
    let summary = format!(
        "{{cost = {:?} : f64, lower_bound = {:?} : f64, optimal = {}, nodes = {} : i64}}",
        placement.cost, placement.lower_bound, placement.optimal, placement.nodes
    );
    if let Some(summary) = Attribute::parse(context, &summary) {
        rewrite::set_attribute(func, PLACEMENT, summary);
    }
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
