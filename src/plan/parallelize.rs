//! How every layer is split over tiles: cascade length, chains, row block.
//!
//! A dense layer of `rows x k x n` takes `L x C` tiles: a cascade of `L` tiles
//! cuts the inputs, `C` chains cut the outputs, both in whole microtiles, no
//! tile left without work. The rows are streamed in blocks. [`parallelize`]
//! chooses `L`, `C` and the block for all layers together:
//!
//! 1. For each number of blocks (few rows per block need less memory, many
//!    rows less overhead) list the splits of each layer that fit a tile.
//! 2. Layers are coupled by their edges: the cuts of both ends must meet in
//!    components that a memory tile can carry (see [`meet`]). Splits are chosen
//!    by dynamic programming over the layers in topological order. Its state
//!    is the cut of every tensor that a later layer still reads, its value the
//!    Pareto front of tiles and latency. For a chain that is one cut, and the
//!    choice is exact; in a graph so wide that more than [`STATES`] states
//!    live at once, the cheapest are kept and the bound is given up.
//! 3. The smallest interval within a budget is found by bisection over the
//!    intervals of all candidates: which splits fit under it, and how few
//!    tiles do they need.
//!
//! | objective | minimizes, in this order |
//! |---|---|
//! | resources | tiles, interval, latency |
//! | throughput | interval within the budget, tiles, latency |
//! | latency | latency within the budget, tiles |
//!
//! The intervals and latencies of this search are of [`super::cost`]; latency is the
//! sum over layers, also where branches run side by side.

mod candidates;
mod chosen;
mod directive;
mod meeting;
mod pool;
mod refusal;
mod solver;

pub use directive::{Directive, Field};
pub use meeting::{Cut, Meeting, Words, meet};
pub use pool::{Pool, Proposal};

use super::cost::{Blocks, LayerCost};
use super::hand_over::Transport;
use super::mapping::Io;
use super::memory;
use super::memtile;
use super::microtile::{self, Microtile};
use super::network::{Kind, Layer, Network};
use super::place::{self, Block, NoRoom, Position};
use crate::device::{Device, TileKind};
use candidates::{Candidate, Choices, choices};
use chosen::Choice;
use meeting::Coupling;
use solver::{Measure, Solver, search};
use std::fmt;
use std::ops::Range;

/// What a plan is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Objective {
    /// Fewest tiles, and the shortest latency among those.
    #[default]
    Resources,
    /// Shortest interval between batches.
    Throughput,
    /// Shortest time from a batch's input to its output.
    Latency,
}

impl Objective {
    /// The unit of what it minimizes first, and of its bound.
    pub fn minimizes(self) -> &'static str {
        match self {
            Objective::Resources => "tiles",
            Objective::Throughput => "cycles between batches",
            Objective::Latency => "cycles of latency",
        }
    }
}

impl std::str::FromStr for Objective {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "resources" => Ok(Objective::Resources),
            "throughput" => Ok(Objective::Throughput),
            "latency" => Ok(Objective::Latency),
            _ => Err(format!("unknown objective '{name}': use resources, throughput or latency")),
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Objective::Resources => "resources",
            Objective::Throughput => "throughput",
            Objective::Latency => "latency",
        })
    }
}

/// What to plan for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    pub objective: Objective,
    /// Cores that may be used; `None` for all of the device.
    pub max_tiles: Option<usize>,
    /// Rows per block, of the first layer; `None` to choose.
    pub rows: Option<usize>,
    /// Stack of a core, in bytes.
    pub stack: usize,
    /// One per layer, or none at all.
    pub directives: Vec<Directive>,
    /// What carries tensors between layers.
    pub transport: Transport,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            objective: Objective::default(),
            max_tiles: None,
            rows: None,
            stack: memory::STACK,
            directives: Vec::new(),
            transport: Transport::default(),
        }
    }
}

/// How one layer is split.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    pub microtile: Microtile,
    /// Tiles of a cascade, over inputs; 1 for an elementwise layer.
    pub cascade: usize,
    /// Over outputs.
    pub chains: usize,
    /// Real rows of a block; the last block may have fewer.
    pub rows: usize,
    /// Microtiles of each tile; the last tiles may have less to do, but hold
    /// the same buffers.
    pub blocks: Blocks,
    /// Bytes of the fullest tile, stack included.
    pub tile_bytes: usize,
    pub cost: LayerCost,
    pub reason: Reason,
}

/// Why a layer is split as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reason {
    /// In words, such as `fewest tiles that hold it`.
    pub text: String,
    /// Splits of the layer that fit tiles and budget, for this number of rows; directives leave
    /// only those that meet them.
    pub candidates: usize,
    /// The best other split with all other layers as they are; `None` if there is none.
    pub next: Option<Alternative>,
}

/// A split that was not chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alternative {
    pub cascade: usize,
    pub chains: usize,
    /// Cycles, as of [`LayerCost`].
    pub interval: u64,
    pub latency: u64,
}

impl Split {
    pub fn tiles(&self) -> usize {
        self.cascade * self.chains
    }

    /// Input features of each column, clipped to the layer's own.
    pub fn inputs(&self, layer: &Layer, port: usize) -> Vec<Range<usize>> {
        match layer.kind {
            Kind::Dense => cut_evenly(layer.k, self.microtile.k, self.blocks.kb, self.cascade),
            Kind::Elementwise { .. } => self.outputs(layer),
            Kind::Whole { .. } => std::iter::once(0..layer.port(port).0).collect(),
        }
    }

    /// Output features of each chain, clipped to the layer's own.
    pub fn outputs(&self, layer: &Layer) -> Vec<Range<usize>> {
        cut_evenly(layer.n, self.microtile.n, self.blocks.nb, self.chains)
    }

    /// How the inputs are cut.
    pub fn input_cut(&self, layer: &Layer, port: usize) -> Cut {
        let slices = self.inputs(layer, port);
        let unit = match layer.kind {
            Kind::Whole { .. } => {
                let unit = self.microtile.k;
                return Cut { slices, width: layer.port(port).0.next_multiple_of(unit), unit };
            }
            Kind::Dense => self.microtile.k,
            Kind::Elementwise { .. } => self.microtile.n,
        };
        Cut { slices, width: self.blocks.kb * unit, unit }
    }

    /// How the outputs are cut.
    pub fn output_cut(&self, layer: &Layer) -> Cut {
        let unit = self.microtile.n;
        Cut { slices: self.outputs(layer), width: self.blocks.nb * unit, unit }
    }

    /// `(width, height)` of the layer's rectangles, in tiles. Chains beyond
    /// the core rows of the device go to further rectangles, in order.
    pub fn rectangles(&self, device: &Device) -> Vec<(usize, usize)> {
        heights(self.chains, device).into_iter().map(|height| (self.cascade, height)).collect()
    }
}

fn cut_evenly(extent: usize, unit: usize, units: usize, parts: usize) -> Vec<Range<usize>> {
    (0..parts)
        .map(|i| (i * units * unit).min(extent)..((i + 1) * units * unit).min(extent))
        .collect()
}

/// Heights of the rectangles that hold so many chains: even, the last may be
/// lower.
pub fn heights(chains: usize, device: &Device) -> Vec<usize> {
    let groups = chains.div_ceil(device.core_rows().len());
    let height = chains.div_ceil(groups.max(1));
    (0..groups).map(|g| height.min(chains - g * height)).collect()
}

/// A split for every layer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    pub objective: Objective,
    /// Blocks of rows in a batch.
    pub iterations: usize,
    pub splits: Vec<Split>,
    pub tiles: usize,
    /// Cycles between two blocks of rows: the largest of any layer.
    pub interval: u64,
    /// Cycles from a block's first input to its last output.
    pub latency: u64,
    /// Those of them that ways take beyond ways between layers side by side, which the bound does
    /// not count.
    pub detour: u64,
    /// No plan is better than this in what the objective minimizes first:
    /// tiles, cycles between two batches, or cycles of latency.
    pub lower_bound: u64,
    /// This plan meets the bound.
    pub optimal: bool,
    /// Where it does not, why the bound is below.
    pub gap: Option<Gap>,
}

/// Why a plan is not proven optimal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gap {
    /// Better splits have few enough tiles, but an arrangement of their rectangles and of the
    /// memory tiles between them was not found.
    Room,
    /// Layers do not fit side by side, and the bound does not count how much longer that makes
    /// the ways between them.
    Ways,
    /// The graph was too wide to keep all ways to cut its tensors; the bound takes each layer
    /// for itself.
    States,
    /// Plans of a better estimate were not better in the simulator, or found no places or ways.
    Trials,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Gap::Room => {
                "better splits have few enough tiles, but no arrangement of them on the array was found"
            }
            Gap::Ways => "layers above each other have longer ways than it counts",
            Gap::States => "the graph is too wide to try all splits together",
            Gap::Trials => {
                "plans of a better estimate are no better when placed, routed and simulated"
            }
        })
    }
}

impl Plan {
    /// Cycles between two batches.
    pub fn batch_interval(&self) -> u64 {
        self.interval * self.iterations as u64
    }

    /// Cycles from a batch's first input to its last output.
    pub fn batch_latency(&self) -> u64 {
        self.latency + self.interval * (self.iterations as u64).saturating_sub(1)
    }

    /// What the objective minimizes first, of this plan.
    pub fn value(&self) -> u64 {
        rank(self).0
    }

    /// The bound, and whether the plan meets it, in words.
    pub fn proof(&self) -> String {
        let (value, unit) = (self.value(), self.objective.minimizes());
        match self.gap {
            _ if self.optimal => format!("{value} {unit}, proven optimal"),
            None => format!("{value} {unit}, at least {} are needed", self.lower_bound),
            Some(gap) => {
                format!("{value} {unit}, at least {} are needed: {gap}", self.lower_bound)
            }
        }
    }
}

/// Why there is no plan: the layer, what it needs, what there is, and what to
/// change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoPlan {
    /// Index of the layer at fault, if it is one.
    pub layer: Option<usize>,
    pub message: String,
    /// Who takes what, if memory is short.
    pub note: Option<String>,
    /// The obstacle in short, where directives may be what is in the way.
    why: Option<String>,
}

impl fmt::Display for NoPlan {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)?;
        self.note.iter().try_for_each(|note| write!(f, "\n{note}"))
    }
}

impl std::error::Error for NoPlan {}

impl NoPlan {
    fn new(layer: Option<usize>, message: String) -> Self {
        NoPlan { layer, message, note: None, why: None }
    }
}

/// States of the dynamic program that are kept after each layer.
pub const STATES: usize = 512;

/// Split every layer of `network` over the tiles of `device`.
///
/// # Errors
/// If a layer has no split that fits, if all together need more tiles than
/// allowed, or if a directive cannot be met. The message names the layer, the
/// directive, and the nearest that would work.
pub fn parallelize(network: &Network, device: &Device, request: &Request) -> Result<Plan, NoPlan> {
    check(network, device, request)?;
    best(network, device, request)
        .map_err(|refusal| refusal::blame(network, device, request, refusal))
}

/// Whether a network can be asked for at all.
fn check(network: &Network, device: &Device, request: &Request) -> Result<(), NoPlan> {
    network.check().map_err(|e| NoPlan::new(None, e.to_string()))?;
    if !request.directives.is_empty() && request.directives.len() != network.layers.len() {
        return Err(NoPlan::new(
            None,
            format!("{} directives for {} layers", request.directives.len(), network.layers.len()),
        ));
    }
    let channels = device.resources(TileKind::Core).dma_channels as usize;
    for (index, layer) in network.layers.iter().enumerate() {
        // Any number of readers can share a stream, but each input needs its own.
        let count = layer.inputs();
        if count > channels {
            return Err(NoPlan::new(
                Some(index),
                format!(
                    "{}: inputs come {count} ways, a core has {channels} channels: at most {channels} are possible",
                    layer.name
                ),
            ));
        }
    }
    Ok(())
}

/// The best plan of any number of blocks.
fn best(network: &Network, device: &Device, request: &Request) -> Result<Plan, NoPlan> {
    let device_tiles = device.cores() as usize;
    let budget = request.max_tiles.unwrap_or(device_tiles).min(device_tiles);
    let mut best: Option<(Rank, Plan)> = None;
    let mut refused = None;
    let mut lower_bound = u64::MAX;
    for iterations in iterations(network, device, request)? {
        let enough = best.as_ref().map(|(rank, _)| rank.0);
        match plan_for(network, device, request, budget, iterations, enough) {
            Ok(None) => {}
            Ok(Some(plan)) => {
                lower_bound = lower_bound.min(plan.lower_bound);
                let rank = rank(&plan);
                if best.as_ref().is_none_or(|(old, _)| rank < *old) {
                    best = Some((rank, plan));
                }
            }
            // Fewer rows per block need the least memory: that refusal counts.
            Err(Refused { why, bound }) => {
                refused = Some(why);
                lower_bound = lower_bound.min(bound.unwrap_or(u64::MAX));
            }
        }
    }
    match (best, refused) {
        (Some((_, plan)), _) => {
            let optimal = plan.value() == lower_bound;
            Ok(Plan { lower_bound, optimal, gap: plan.gap.filter(|_| !optimal), ..plan })
        }
        (None, Some(error)) => Err(error),
        (None, None) => Ok(Plan {
            objective: request.objective,
            iterations: 1,
            splits: Vec::new(),
            tiles: 0,
            interval: 0,
            latency: 0,
            detour: 0,
            lower_bound: 0,
            optimal: true,
            gap: None,
        }),
    }
}

/// Why there is no plan for a number of blocks, and what one could not be better than if the
/// only obstacle is that its arrangement was not found.
struct Refused {
    why: NoPlan,
    bound: Option<u64>,
}

impl From<NoPlan> for Refused {
    fn from(why: NoPlan) -> Self {
        Refused { why, bound: None }
    }
}

type Rank = (u64, u64, u64);

fn rank(plan: &Plan) -> Rank {
    let (tiles, interval) = (plan.tiles as u64, plan.batch_interval());
    let latency = plan.batch_latency();
    match plan.objective {
        Objective::Resources => (tiles, latency, interval),
        Objective::Throughput => (interval, tiles, latency),
        Objective::Latency => (latency, tiles, interval),
    }
}

/// Numbers of row blocks to try, ascending. Layers with different rows go
/// through the same number of blocks, which then has to divide all rows.
fn iterations(network: &Network, device: &Device, request: &Request) -> Result<Vec<usize>, NoPlan> {
    let Some(first) = network.layers.first() else { return Ok(Vec::new()) };
    let uniform = network.layers.iter().all(|l| l.rows == first.rows);
    if let Some(count) = fixed_iterations(network, request, uniform)? {
        return Ok(vec![count]);
    }
    let unit = block_unit(network, device);
    let mut tried: Vec<usize> = Vec::new();
    let mut seen = None;
    for count in [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024] {
        if count > first.rows {
            break;
        }
        if !uniform {
            if network.layers.iter().all(|l| l.rows % count == 0) {
                tried.push(count);
            }
            continue;
        }
        // Blocks of whole units; the last may be partly empty.
        let rows = block_rows(first.rows, count, unit);
        if seen != Some(rows) {
            seen = Some(rows);
            tried.push(first.rows.div_ceil(rows));
        }
    }
    tried.dedup();
    Ok(tried)
}

/// Number of blocks that the request or a directive fixes.
fn fixed_iterations(
    network: &Network,
    request: &Request,
    uniform: bool,
) -> Result<Option<usize>, NoPlan> {
    let layers = &network.layers;
    let of_first = request.rows.into_iter().map(|rows| (0, rows.min(layers[0].rows)));
    let directed = request.directives.iter().enumerate().filter_map(|(i, d)| Some((i, d.rows?)));
    let mut fixed: Option<(usize, usize, usize)> = None;
    for (index, rows) in of_first.chain(directed) {
        let Layer { name, rows: all, .. } = &layers[index];
        let impossible = |why: String, nearest: usize| {
            let message =
                format!("{name}: rows = {rows} is impossible: {why}: the nearest is {nearest}");
            Err(NoPlan::new(Some(index), message))
        };
        if rows == 0 {
            return impossible("a block needs a row".to_owned(), 1);
        }
        if rows > *all {
            return impossible(format!("the layer has {all}"), *all);
        }
        let count = all.div_ceil(rows);
        match fixed {
            None => fixed = Some((count, index, rows)),
            Some((other, first, given)) if other != count || uniform && given != rows => {
                let why = format!(
                    "{} passes {given} at once, which makes {other} blocks of all layers",
                    layers[first].name
                );
                return impossible(why, if uniform { given } else { all.div_ceil(other) });
            }
            Some(_) => {}
        }
    }
    let Some((count, ..)) = fixed else { return Ok(None) };
    match layers.iter().position(|l| !uniform && !l.rows.is_multiple_of(count)) {
        Some(odd) => Err(NoPlan::new(
            Some(odd),
            format!(
                "{}: {} rows do not divide into {count} blocks",
                layers[odd].name, layers[odd].rows
            ),
        )),
        None => Ok(Some(count)),
    }
}

/// Rows of a block of layer `index`, of so many blocks.
fn rows_of(
    network: &Network,
    index: usize,
    request: &Request,
    iterations: usize,
    unit: usize,
) -> usize {
    let layer = &network.layers[index];
    let uniform = network.layers.iter().all(|l| l.rows == network.layers[0].rows);
    let fixed = request.directives.iter().filter_map(|d| d.rows).next();
    match request.rows.or(fixed) {
        Some(rows) if uniform => rows.min(layer.rows),
        _ if uniform => block_rows(layer.rows, iterations, unit),
        _ => layer.rows / iterations,
    }
}

/// Rows that keep a kernel of 2 x 2 microtiles busy.
fn block_unit(network: &Network, device: &Device) -> usize {
    let tall =
        |layer: &Layer| microtile::candidates(layer, device).iter().map(|s| s.m as usize).max();
    let m =
        network.layers.iter().filter(|l| l.kind == Kind::Dense).filter_map(tall).max().unwrap_or(4);
    if m < 8 { 2 * m } else { m }
}

fn block_rows(rows: usize, count: usize, unit: usize) -> usize {
    let even = rows.div_ceil(count);
    if rows <= unit { rows } else { even.next_multiple_of(unit).min(rows) }
}

/// The best plan with a given number of blocks, or `None` if none can be better
/// than `enough` in what the objective minimizes first.
fn plan_for(
    network: &Network,
    device: &Device,
    request: &Request,
    budget: usize,
    iterations: usize,
    enough: Option<u64>,
) -> Result<Option<Plan>, Refused> {
    let unit = block_unit(network, device);
    let all = (0..network.layers.len())
        .map(|i| {
            let rows = rows_of(network, i, request, iterations, unit);
            choices(network, i, rows, device, request, budget)
        })
        .collect::<Result<Vec<_>, _>>()?;
    if enough.is_some_and(|enough| floor(&all, request.objective, iterations) > enough) {
        return Ok(None);
    }
    let coupling = Coupling::new(network, &all, request.transport, device);
    let mut limit = budget;
    let mut measure = Measure::Tiles;
    let mut bound = None;
    let mut crowded = None;
    loop {
        let mut solver =
            Solver { network, all: &all, coupling: &coupling, device, measure, exact: true };
        let Some((picks, interval)) =
            search(&mut solver, &all, limit, request.objective, iterations)
        else {
            let why = refusal::no_plan(network, &all, device, request, budget, crowded);
            return Err(Refused { why, bound: bound.map(|(bound, _)| bound) });
        };
        let exact = solver.exact;
        let choice = Choice { network, all: &all, coupling: &coupling, picks: &picks };
        let mut plan = choice.assemble(iterations, device, request);
        choice.explain(&mut plan, interval, request);
        // The first plan is the best as far as numbers of tiles go.
        let (lower_bound, gap) = *bound.get_or_insert(if !exact {
            (floor(&all, request.objective, iterations), Gap::States)
        } else if request.objective == Objective::Latency {
            (plan.value() - plan.detour, if plan.detour > 0 { Gap::Ways } else { Gap::Room })
        } else {
            (plan.value(), Gap::Room)
        });
        let proven = |plan: Plan| Plan { lower_bound, gap: Some(gap), ..plan };
        plan = Plan { lower_bound, gap: Some(gap), ..plan };
        match has_room(&choice, &plan, device, request) {
            Ok(()) if request.objective == Objective::Latency && plan.detour > 0 => {
                let beside = side_by_side(&mut solver, budget, iterations, request).map(proven);
                return Ok(Some(beside.filter(|b| rank(b) < rank(&plan)).unwrap_or(plan)));
            }
            Ok(()) => return Ok(Some(plan)),
            Err(why) => crowded = Some(why),
        }
        // Tiles that fit in number may not fit in shape.
        match measure {
            Measure::Tiles => measure = Measure::Footprint,
            Measure::Footprint | Measure::Columns => {
                let used: usize =
                    picks.iter().zip(&all).map(|(&p, c)| c.candidates[p].footprint).sum();
                limit = used - (used / 16).max(1).min(used);
            }
        }
    }
}

/// The plan of least latency whose layers fit side by side, if there is one within the budget.
fn side_by_side(
    solver: &mut Solver,
    budget: usize,
    iterations: usize,
    request: &Request,
) -> Option<Plan> {
    let Solver { network, all, coupling, device, .. } = *solver;
    solver.measure = Measure::Columns;
    let mut columns = device.columns as usize;
    while columns > 0 {
        let (picks, interval) = search(solver, all, columns, request.objective, iterations)?;
        let choice = Choice { network, all, coupling, picks: &picks };
        let mut plan = choice.assemble(iterations, device, request);
        choice.explain(&mut plan, interval, request);
        if plan.tiles <= budget && has_room(&choice, &plan, device, request).is_ok() {
            return Some(plan);
        }
        columns -= (columns / 8).max(1);
    }
    None
}

/// What the objective minimizes first, at least: each layer for itself.
fn floor(all: &[Choices], objective: Objective, iterations: usize) -> u64 {
    let least = |key: fn(&Candidate) -> u64| {
        all.iter().map(move |c| c.candidates.iter().map(key).min().unwrap_or(0)).collect::<Vec<_>>()
    };
    let interval = least(|c| c.interval).into_iter().max().unwrap_or(0);
    match objective {
        Objective::Resources => least(|c| c.tiles as u64).into_iter().sum(),
        Objective::Throughput => interval * iterations as u64,
        Objective::Latency => {
            least(|c| c.latency).into_iter().sum::<u64>() + interval * (iterations as u64 - 1)
        }
    }
}

/// Whether the rectangles of a plan, and the memory tiles of its edges, were
/// found to fit the device; if not, what did not.
fn has_room(
    choice: &Choice,
    plan: &Plan,
    device: &Device,
    request: &Request,
) -> Result<(), String> {
    let mut blocks = Vec::new();
    for (index, split) in plan.splits.iter().enumerate() {
        let directive = request.directives.get(index).copied().unwrap_or_default();
        for (rectangle, (width, height)) in split.rectangles(device).into_iter().enumerate() {
            let mut block = Block::new(width as u32, height as u32);
            block.fixed = directive.place.filter(|_| rectangle == 0).and_then(|place| {
                let row = (place.row as u32).checked_sub(device.core_rows().start)?;
                Some(Position { column: place.column as u32, row })
            });
            blocks.push(block);
        }
    }
    if !place::packs(blocks, device) {
        return Err(format!(
            "the rectangles of the layers do not fit {} side by side",
            device.name
        ));
    }
    // How slices share the channels of a shim tile's DMA is planned later.
    let io = Some(Io::of(device)).filter(|&io| io == Io::Plio);
    let assigned = memtile::assign(&choice.demands(plan), device, io, 0);
    assigned.map(|_| ()).map_err(|NoRoom(why)| why)
}

#[cfg(test)]
mod tests;
