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

use super::cost::{self, Blocks, LayerCost};
use super::memory;
use super::memtile;
use super::microtile::{self, Microtile};
use super::network::{Kind, Layer, Network, Sink, Source};
use super::place;
use super::slices;
use crate::array::{Bundle, Tile};
use crate::device::{Device, MmulShape, PortSide, TileKind};
use std::collections::BTreeMap;
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

/// Decisions that the user takes for one layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Directive {
    /// Tiles of a cascade.
    pub cascade: Option<usize>,
    pub chains: Option<usize>,
    pub microtile: Option<Microtile>,
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
}

impl Default for Request {
    fn default() -> Self {
        Request {
            objective: Objective::default(),
            max_tiles: None,
            rows: None,
            stack: memory::STACK,
            directives: Vec::new(),
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
    /// Why this split, and what the next best would give.
    pub reason: String,
}

impl Split {
    pub fn tiles(&self) -> usize {
        self.cascade * self.chains
    }

    /// Input features of each column, clipped to the layer's own.
    pub fn inputs(&self, layer: &Layer) -> Vec<Range<usize>> {
        match layer.kind {
            Kind::Dense => cut_evenly(layer.k, self.microtile.k, self.blocks.kb, self.cascade),
            Kind::Elementwise { .. } => self.outputs(layer),
        }
    }

    /// Output features of each chain, clipped to the layer's own.
    pub fn outputs(&self, layer: &Layer) -> Vec<Range<usize>> {
        cut_evenly(layer.n, self.microtile.n, self.blocks.nb, self.chains)
    }

    /// How the inputs are cut.
    pub fn input_cut(&self, layer: &Layer) -> Cut {
        let unit = match layer.kind {
            Kind::Dense => self.microtile.k,
            Kind::Elementwise { .. } => self.microtile.n,
        };
        Cut { slices: self.inputs(layer), width: self.blocks.kb * unit, unit }
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
    /// Cycles from a batch's first input to its last output.
    pub latency: u64,
    /// No plan is better than this in what the objective minimizes first:
    /// tiles, cycles between two batches, or cycles of latency.
    pub lower_bound: u64,
    /// This plan meets the bound.
    pub optimal: bool,
}

impl Plan {
    /// Cycles between two batches.
    pub fn batch_interval(&self) -> u64 {
        self.interval * self.iterations as u64
    }

    /// What the objective minimizes first, of this plan.
    pub fn value(&self) -> u64 {
        rank(self).0
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
        NoPlan { layer, message, note: None }
    }
}

/// States of the dynamic program that are kept after each layer.
pub const STATES: usize = 512;

/// How the two cuts of a tensor meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Meeting {
    /// Most regions that one chain makes, and that one column uses.
    pub per_producer: usize,
    pub per_consumer: usize,
}

/// One side of a tensor: its slices, the features of a whole slice with its
/// padding, and the features of a microtile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    pub slices: Vec<Range<usize>>,
    pub width: usize,
    pub unit: usize,
}

/// Whether memory tiles can carry a tensor, of which a block of rows takes
/// `feature_bytes` per feature, from one cut to the other: slices meet between
/// whole microtiles, and each component is within the channels, streams,
/// locks, descriptors and memory of one memory tile, two copies of each region.
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
    let mut meeting = Meeting { per_producer: 0, per_consumer: 0 };
    for component in slices::components(&producer.slices, &consumer.slices) {
        let regions = &component.regions;
        let (producers, consumers) = (component.producers.len(), component.consumers.len());
        let features = (producers * producer.width).max(consumers * consumer.width);
        let fits = producers <= into
            && consumers <= out
            && 2 * regions.len() <= mem.locks as usize
            && 4 * regions.len() <= mem.buffer_descriptors as usize
            && 2 * features * feature_bytes <= mem.memory_bytes as usize;
        let whole = |r: &slices::Region| {
            r.features.start.is_multiple_of(producer.unit)
                && r.features.start.is_multiple_of(consumer.unit)
        };
        if !fits || !regions.iter().all(whole) {
            return None;
        }
        let most = |key: fn(&slices::Region) -> usize, among: Range<usize>| {
            among.map(|i| regions.iter().filter(|r| key(r) == i).count()).max().unwrap_or(0)
        };
        meeting.per_producer =
            meeting.per_producer.max(most(|r| r.producer, component.producers.clone()));
        meeting.per_consumer =
            meeting.per_consumer.max(most(|r| r.consumer, component.consumers.clone()));
    }
    // Two descriptors per region, one for each half of the ping-pong.
    (meeting.per_producer <= per_core && meeting.per_consumer <= per_core).then_some(meeting)
}

/// Split every layer of `network` over the tiles of `device`.
///
/// # Errors
/// If a layer has no split that fits, if all together need more tiles than
/// allowed, or if a directive cannot be met. The message names the layer, the
/// directive, and the nearest that would work.
pub fn parallelize(network: &Network, device: &Device, request: &Request) -> Result<Plan, NoPlan> {
    network.check().map_err(|e| NoPlan::new(None, e.to_string()))?;
    if !request.directives.is_empty() && request.directives.len() != network.layers.len() {
        return Err(NoPlan::new(
            None,
            format!("{} directives for {} layers", request.directives.len(), network.layers.len()),
        ));
    }
    let channels = device.resources(TileKind::Core).dma_channels as usize;
    for (index, layer) in network.layers.iter().enumerate() {
        let readers = network.from_source(Source::Layer(index)).count();
        for (count, what) in [(readers, "outputs go"), (layer.inputs(), "inputs come")] {
            if count > channels {
                return Err(NoPlan::new(
                    Some(index),
                    format!(
                        "{}: {what} {count} ways, a core has {channels} channels: at most {channels} are possible",
                        layer.name
                    ),
                ));
            }
        }
    }
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
            Err(error) => refused = Some(error),
        }
    }
    match (best, refused) {
        (Some((_, plan)), _) => {
            Ok(Plan { lower_bound, optimal: plan.value() == lower_bound, ..plan })
        }
        (None, Some(error)) => Err(error),
        (None, None) => Ok(Plan {
            objective: request.objective,
            iterations: 1,
            splits: Vec::new(),
            tiles: 0,
            interval: 0,
            latency: 0,
            lower_bound: 0,
            optimal: true,
        }),
    }
}

type Rank = (u64, u64, u64);

fn rank(plan: &Plan) -> Rank {
    let (tiles, interval) = (plan.tiles as u64, plan.batch_interval());
    match plan.objective {
        Objective::Resources => (tiles, plan.latency, interval),
        Objective::Throughput => (interval, tiles, plan.latency),
        Objective::Latency => (plan.latency, tiles, interval),
    }
}

/// Numbers of row blocks to try, ascending. Layers with different rows go
/// through the same number of blocks, which then has to divide all rows.
fn iterations(network: &Network, device: &Device, request: &Request) -> Result<Vec<usize>, NoPlan> {
    let Some(first) = network.layers.first() else { return Ok(Vec::new()) };
    let uniform = network.layers.iter().all(|l| l.rows == first.rows);
    if let Some(rows) = request.rows {
        if rows == 0 {
            return Err(NoPlan::new(None, "rows per block must be positive".to_owned()));
        }
        let count = first.rows.div_ceil(rows);
        return match network.layers.iter().position(|l| !uniform && !l.rows.is_multiple_of(count)) {
            Some(odd) => Err(NoPlan::new(
                Some(odd),
                format!(
                    "{}: {} rows do not divide into {count} blocks",
                    network.layers[odd].name, network.layers[odd].rows
                ),
            )),
            None => Ok(vec![count]),
        };
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

/// One way to split a layer.
#[derive(Clone, Debug)]
struct Candidate {
    cascade: usize,
    chains: usize,
    /// Indices into the layer's distinct cuts.
    input: usize,
    output: usize,
    tiles: usize,
    /// Tiles that it keeps others from using, see [`Measure::Footprint`].
    footprint: usize,
    interval: u64,
    latency: u64,
}

/// All ways to split a layer, for one number of rows.
struct Choices {
    rows: usize,
    shape: Option<&'static MmulShape>,
    tile: Microtile,
    candidates: Vec<Candidate>,
    /// Distinct cuts of the inputs and outputs.
    inputs: Vec<Cut>,
    outputs: Vec<Cut>,
    /// Tiles of the smallest split that fits, directives aside.
    fewest: usize,
}

fn split_of(
    layer: &Layer,
    choices: &Choices,
    cascade: usize,
    chains: usize,
    device: &Device,
    stack: usize,
) -> Split {
    let tile = choices.tile;
    let units = |extent, unit, parts| slices::slice_units(extent, unit, parts);
    let nb = units(layer.n, tile.n, chains);
    let (blocks, cost) = match (layer.kind, choices.shape) {
        (Kind::Dense, Some(shape)) => {
            let blocks = Blocks {
                mb: choices.rows.div_ceil(tile.m),
                kb: units(layer.k, tile.k, cascade),
                nb,
            };
            (blocks, cost::layer_cost(layer, shape, blocks, cascade, device))
        }
        _ => {
            let blocks = Blocks { mb: choices.rows.div_ceil(tile.m), kb: nb, nb };
            (blocks, cost::elementwise_cost(layer, tile, blocks, device))
        }
    };
    let bytes = cost::buffer_bytes(layer, tile, blocks);
    let tile_bytes = memory::layer_bytes(bytes, cascade, layer.inputs(), stack, device);
    Split {
        microtile: tile,
        cascade,
        chains,
        rows: choices.rows,
        blocks,
        tile_bytes,
        cost,
        reason: String::new(),
    }
}

/// Columns that a layer's rectangles fill if only rectangles of equal height
/// are stacked, in tiles.
fn footprint(split: &Split, device: &Device) -> usize {
    let rows = device.core_rows().len();
    split
        .rectangles(device)
        .into_iter()
        .map(|(width, height)| width * rows / (rows / height).max(1))
        .sum()
}

/// Ways to split layer `index` in blocks of `rows` rows.
fn choices(
    network: &Network,
    index: usize,
    rows: usize,
    device: &Device,
    request: &Request,
    budget: usize,
) -> Result<Choices, NoPlan> {
    let layer = &network.layers[index];
    let directive = request.directives.get(index).copied().unwrap_or_default();
    let no_shape = |e: microtile::NoShape| NoPlan::new(Some(index), e.to_string());
    let (shape, tile) = match layer.kind {
        Kind::Dense => {
            let shape = match directive.microtile {
                Some(tile) => microtile::named(layer, tile, device),
                None => microtile::choose(layer, rows, device),
            };
            let shape = shape.map_err(no_shape)?;
            (Some(shape), Microtile::from(shape))
        }
        Kind::Elementwise { .. } => {
            let tile = directive.microtile.unwrap_or_else(|| microtile::elementwise(layer, rows));
            (None, tile)
        }
    };
    let mut choices = Choices {
        rows,
        shape,
        tile,
        candidates: vec![],
        inputs: vec![],
        outputs: vec![],
        fewest: usize::MAX,
    };
    let columns = device.columns as usize;
    let core_rows = device.core_rows().len();
    let cascades = match layer.kind {
        Kind::Dense => slices::parts(layer.k, tile.k, columns),
        Kind::Elementwise { .. } => vec![1],
    };
    let chain_counts = slices::parts(layer.n, tile.n, core_rows * columns);
    let nearest = |list: &[usize], wanted: usize| {
        list.iter().copied().min_by_key(|&v| (v.abs_diff(wanted), v)).unwrap_or(1)
    };
    for (what, wanted, list, limit) in [
        ("cascade", directive.cascade, &cascades, columns),
        ("chains", directive.chains, &chain_counts, core_rows * columns),
    ] {
        let Some(wanted) = wanted.filter(|w| !list.contains(w)) else { continue };
        let (extent, unit, features) = if what == "cascade" {
            (layer.k, tile.k, "inputs")
        } else {
            (layer.n, tile.n, "outputs")
        };
        let why = if wanted == 0 {
            "a layer needs a tile".to_owned()
        } else if wanted > limit {
            format!("{} has room for {limit}", device.name)
        } else if layer.kind != Kind::Dense && what == "cascade" {
            "an elementwise layer has no sums to cascade".to_owned()
        } else {
            format!(
                "{} blocks of {unit} {features} leave a tile without work",
                extent.div_ceil(unit)
            )
        };
        return Err(NoPlan::new(
            Some(index),
            format!(
                "{}: {what} = {wanted} is impossible: {why}: the nearest is {}",
                layer.name,
                nearest(list, wanted)
            ),
        ));
    }
    let capacity = device.resources(TileKind::Core).memory_bytes as usize;
    let mut input_ids = BTreeMap::new();
    let mut output_ids = BTreeMap::new();
    let mut tightest: Option<Split> = None;
    let mut fitting: Vec<(usize, usize)> = Vec::new();
    for &cascade in &cascades {
        for &chains in &chain_counts {
            // Rectangles of one layer stand side by side.
            if chains.div_ceil(core_rows) * cascade > columns {
                break;
            }
            let split = split_of(layer, &choices, cascade, chains, device, request.stack);
            let wanted = directive.cascade.is_none_or(|l| l == cascade)
                && directive.chains.is_none_or(|c| c == chains);
            if wanted && tightest.as_ref().is_none_or(|t| split.tile_bytes < t.tile_bytes) {
                tightest = Some(split.clone());
            }
            if split.tile_bytes > capacity {
                continue;
            }
            fitting.push((cascade, chains));
            if !wanted {
                continue;
            }
            choices.fewest = choices.fewest.min(split.tiles());
            if split.tiles() > budget {
                continue;
            }
            let input = *input_ids.entry(split.inputs(layer).len()).or_insert_with(|| {
                choices.inputs.push(split.input_cut(layer));
                choices.inputs.len() - 1
            });
            let output = *output_ids.entry(chains).or_insert_with(|| {
                choices.outputs.push(split.output_cut(layer));
                choices.outputs.len() - 1
            });
            choices.candidates.push(Candidate {
                cascade,
                chains,
                input,
                output,
                tiles: split.tiles(),
                footprint: footprint(&split, device),
                interval: split.cost.interval,
                latency: split.cost.latency,
            });
        }
    }
    if !choices.candidates.is_empty() {
        return Ok(choices);
    }
    Err(no_split(layer, index, directive, &choices, tightest, &fitting, device, request, budget))
}

/// Why a layer has no split.
#[allow(clippy::too_many_arguments)]
fn no_split(
    layer: &Layer,
    index: usize,
    directive: Directive,
    choices: &Choices,
    tightest: Option<Split>,
    fitting: &[(usize, usize)],
    device: &Device,
    request: &Request,
    budget: usize,
) -> NoPlan {
    let fixed: Vec<String> = [("cascade", directive.cascade), ("chains", directive.chains)]
        .iter()
        .filter_map(|(what, value)| value.map(|v| format!("{what} = {v}")))
        .collect();
    let Some(tightest) = tightest else {
        return NoPlan::new(
            Some(index),
            format!(
                "{}: {} is impossible: {} has {} columns of {} cores",
                layer.name,
                fixed.join(", "),
                device.name,
                device.columns,
                device.core_rows().len()
            ),
        );
    };
    // With fewer tiles than the smallest split that fits, show what one tile,
    // or the directive's tiles, would have to hold.
    let too_few = choices.fewest != usize::MAX;
    let shown = if too_few {
        let (l, c) = (directive.cascade.unwrap_or(1), directive.chains.unwrap_or(1));
        split_of(layer, choices, l, c, device, request.stack)
    } else {
        tightest
    };
    let bytes = cost::buffer_bytes(layer, shown.microtile, shown.blocks);
    let buffers = memory::layer_buffers(bytes, shown.cascade, layer.inputs());
    let capacity = device.resources(TileKind::Core).memory_bytes as usize;
    let mut map = vec![(memory::Use::Stack, request.stack)];
    map.extend_from_slice(&buffers);
    let note = memory::DoesNotFit { buffers: map, needed: shown.tile_bytes, capacity };
    let (k, n) = (layer.k, layer.n);
    if too_few && shown.tile_bytes <= capacity {
        let message = format!(
            "{}: {} takes {} tiles: allow --max-tiles >= {} (now {budget})",
            layer.name,
            fixed.join(", "),
            choices.fewest,
            choices.fewest
        );
        return NoPlan::new(Some(index), message);
    }
    let message = if too_few {
        let tiles = if shown.tiles() == 1 {
            "one tile".to_owned()
        } else {
            format!("each of {} tiles", shown.tiles())
        };
        format!(
            "{}: {k}x{n} weights and their buffers need {} bytes on {tiles}, its memory holds {capacity}: allow --max-tiles >= {} (now {budget})",
            layer.name, shown.tile_bytes, choices.fewest
        )
    } else if fixed.is_empty() {
        format!(
            "{}: {k}x{n} weights need {} bytes on each of {} x {} tiles, the finest split on {}; its memory holds {capacity}: use a larger device or a smaller layer",
            layer.name, shown.tile_bytes, shown.cascade, shown.chains, device.name
        )
    } else {
        let distance = |&(l, c): &(usize, usize)| {
            let part = |wanted: Option<usize>, have: usize| wanted.map_or(0, |w| w.abs_diff(have));
            (part(directive.cascade, l) + part(directive.chains, c), l * c)
        };
        let nearest = fitting.iter().copied().min_by_key(distance);
        let nearest = nearest.map_or("no split fits".to_owned(), |(l, c)| {
            format!("the nearest is cascade = {l}, chains = {c}")
        });
        format!(
            "{}: {} is impossible: a tile needs {} bytes, its memory holds {capacity}: {nearest}",
            layer.name,
            fixed.join(", "),
            shown.tile_bytes
        )
    };
    NoPlan {
        layer: Some(index),
        message,
        note: Some(note.map().trim_start_matches('\n').to_owned()),
    }
}

/// For each layer-to-layer edge, how each pair of cuts meets.
struct Coupling {
    /// `tables[edge][output cut][input cut]`.
    tables: Vec<Vec<Vec<Option<Meeting>>>>,
}

impl Coupling {
    fn new(network: &Network, all: &[Choices], device: &Device) -> Self {
        let tables = network
            .edges
            .iter()
            .map(|edge| match (edge.from, edge.to) {
                (Source::Layer(from), Sink::Layer(to, _)) => {
                    let layer = &network.layers[from];
                    let rows =
                        all[from].rows.next_multiple_of(all[from].tile.m.max(all[to].tile.m));
                    let feature_bytes = layer.output.bytes(rows).max(1);
                    let against = |p: &Cut| {
                        all[to].inputs.iter().map(|c| meet(p, c, feature_bytes, device)).collect()
                    };
                    all[from].outputs.iter().map(against).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        Coupling { tables }
    }
}

/// A way to split the layers so far.
#[derive(Clone, Copy, Debug)]
struct Point {
    latency: u64,
    /// In the solver's measure.
    tiles: u32,
    /// State and point before this layer, and this layer's candidate.
    before: (u32, u32),
    candidate: u32,
}

/// The best ways into one state.
enum Front {
    /// The one with the fewest tiles.
    Fewest(Option<Point>),
    /// By number of tiles, the one with the least latency.
    Least(Vec<Option<Point>>),
}

impl Front {
    fn new(goal: Goal, room: usize) -> Self {
        match goal {
            Goal::FewestTiles => Front::Fewest(None),
            Goal::LeastLatency => Front::Least(vec![None; room + 1]),
        }
    }

    /// Keep a point, within the room of the front, if it is better.
    fn offer(&mut self, point: Point) {
        let key = |p: &Point| (p.tiles, p.latency);
        match self {
            Front::Fewest(Some(best)) if key(best) <= key(&point) => {}
            Front::Fewest(best) => *best = Some(point),
            Front::Least(by_tiles) => match &mut by_tiles[point.tiles as usize] {
                Some(best) if best.latency <= point.latency => {}
                slot => *slot = Some(point),
            },
        }
    }

    /// Points that no other beats in both, ascending in tiles.
    fn into_points(self) -> Vec<Point> {
        match self {
            Front::Fewest(best) => best.into_iter().collect(),
            Front::Least(by_tiles) => {
                let mut least = u64::MAX;
                let better = |p: &Point| {
                    let better = p.latency < least;
                    least = least.min(p.latency);
                    better
                };
                by_tiles.into_iter().flatten().filter(better).collect()
            }
        }
    }
}

/// A tensor that later layers still read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Open {
    layer: usize,
    /// Index of its cut.
    output: usize,
    /// Regions that the last tile of a chain handles so far, of its input (if
    /// it is alone in its cascade) and its output.
    regions: usize,
    /// Edges that are still to come.
    edges: usize,
}

/// What the layers so far mean for those to come.
type Key = Vec<Open>;

struct Solver<'a> {
    network: &'a Network,
    all: &'a [Choices],
    coupling: &'a Coupling,
    device: &'a Device,
    measure: Measure,
    exact: bool,
}

/// What a solve looks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    FewestTiles,
    LeastLatency,
}

/// What counts against the budget.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Tiles,
    /// With the cores above and below a rectangle that no rectangle of the
    /// same height fits in. Layers within such a budget pack easily.
    Footprint,
}

impl Solver<'_> {
    fn size(&self, candidate: &Candidate) -> usize {
        match self.measure {
            Measure::Tiles => candidate.tiles,
            Measure::Footprint => candidate.footprint,
        }
    }

    /// Candidates within `budget` and with no interval above `interval`, one
    /// per layer; `None` if there are none.
    fn solve(
        &mut self,
        interval: u64,
        budget: usize,
        goal: Goal,
    ) -> Option<(usize, u64, Vec<usize>)> {
        let network = self.network;
        let mut history: Vec<Vec<Vec<Point>>> = Vec::new();
        let start = Point { tiles: 0, latency: 0, before: (0, 0), candidate: 0 };
        let mut states: Vec<(Key, Vec<Point>)> = vec![(Vec::new(), vec![start])];
        // What the layers still to come need at least.
        let mut rest: Vec<usize> = vec![0; network.layers.len() + 1];
        for i in (0..network.layers.len()).rev() {
            let within = self.all[i].candidates.iter().filter(|c| c.interval <= interval);
            rest[i] = rest[i + 1] + within.map(|c| self.size(c)).min()?;
        }
        for index in 0..network.layers.len() {
            let room = budget.checked_sub(rest[index + 1])?;
            let mut next: BTreeMap<Key, Front> = BTreeMap::new();
            for input in 0..self.all[index].inputs.len() {
                // First what this input cut means for the producers, whatever
                // the layer's chains, then the candidates that have it.
                let mut entered: BTreeMap<(Key, usize), Front> = BTreeMap::new();
                for (state, (key, points)) in states.iter().enumerate() {
                    let Some((key, regions, extra)) = self.enter(index, key, input) else {
                        continue;
                    };
                    let front =
                        entered.entry((key, regions)).or_insert_with(|| Front::new(goal, room));
                    for (point, from) in
                        points.iter().enumerate().filter(|(_, from)| from.tiles as usize <= room)
                    {
                        let latency = from.latency + extra;
                        front.offer(Point {
                            latency,
                            before: (state as u32, point as u32),
                            ..*from
                        });
                    }
                }
                for ((key, regions), front) in entered {
                    let points = front.into_points();
                    for (number, candidate) in self.all[index].candidates.iter().enumerate() {
                        if candidate.input != input || candidate.interval > interval {
                            continue;
                        }
                        let Some(key) = self.leave(index, &key, regions, candidate) else {
                            continue;
                        };
                        let front = next.entry(key).or_insert_with(|| Front::new(goal, room));
                        let size = self.size(candidate) as u32;
                        for from in points.iter().take_while(|p| (p.tiles + size) as usize <= room)
                        {
                            let latency = from.latency + candidate.latency;
                            let (tiles, candidate) = (from.tiles + size, number as u32);
                            front.offer(Point { tiles, latency, candidate, ..*from });
                        }
                    }
                }
            }
            let mut list: Vec<(Key, Vec<Point>)> = next
                .into_iter()
                .map(|(key, front)| (key, front.into_points()))
                .filter(|(_, p)| !p.is_empty())
                .collect();
            if list.len() > STATES {
                self.exact = false;
                list.sort_by_key(|(key, points)| (points[0].tiles, points[0].latency, key.clone()));
                list.truncate(STATES);
            }
            history.push(list.iter().map(|(_, points)| points.clone()).collect());
            states = list;
        }
        let (state, point, found) = states
            .iter()
            .enumerate()
            .flat_map(|(s, (_, points))| {
                points.iter().enumerate().map(move |(p, point)| (s, p, *point))
            })
            .min_by_key(|(_, _, p)| match goal {
                Goal::FewestTiles => (u64::from(p.tiles), p.latency),
                Goal::LeastLatency => (p.latency, u64::from(p.tiles)),
            })?;
        let mut at = (state, point);
        let mut picks = vec![0; network.layers.len()];
        for index in (0..network.layers.len()).rev() {
            let here = history[index][at.0][at.1];
            picks[index] = here.candidate as usize;
            at = (here.before.0 as usize, here.before.1 as usize);
        }
        Some((found.tiles as usize, found.latency, picks))
    }

    /// State after layer `index`, which reads `regions` regions per column,
    /// takes `candidate`; `None` if its last tiles run out of descriptors.
    fn leave(&self, index: usize, key: &Key, regions: usize, candidate: &Candidate) -> Option<Key> {
        let (mut readers, mut leaving) = (0, 0);
        self.network.from_source(Source::Layer(index)).for_each(|(_, e)| match e.to {
            Sink::Layer(..) => readers += 1,
            Sink::Output(_) => leaving += 1,
        });
        let descriptors = self.device.resources(TileKind::Core).buffer_descriptors as usize;
        let alone = if candidate.cascade == 1 { regions } else { 0 };
        let regions = alone + leaving;
        if 2 * (regions + readers) > descriptors {
            return None;
        }
        let mut key = key.clone();
        if readers > 0 {
            key.push(Open { layer: index, output: candidate.output, regions, edges: readers });
        }
        Some(key)
    }

    /// State after layer `index` reads its inputs in a cut, regions that one
    /// column then reads, and the cycles that this adds; `None` if an edge
    /// cannot be carried.
    fn enter(&self, index: usize, key: &Key, input: usize) -> Option<(Key, usize, u64)> {
        let mut next = key.clone();
        let mut regions = 0;
        let mut extra = 0;
        let descriptors = self.device.resources(TileKind::Core).buffer_descriptors as usize;
        for (edge, e) in self.network.into_layer(index) {
            let Source::Layer(from) = e.from else {
                regions += 1;
                continue;
            };
            let open = next.iter_mut().find(|open| open.layer == from)?;
            let meeting = self.coupling.tables[edge][open.output][input]?;
            open.regions += meeting.per_producer;
            open.edges -= 1;
            if 2 * (open.regions + open.edges) > descriptors {
                return None;
            }
            regions += meeting.per_consumer;
            extra += cost::DESCRIPTOR * (meeting.per_producer + meeting.per_consumer) as u64;
        }
        next.retain(|open| open.edges > 0);
        (2 * regions <= descriptors).then_some((next, regions, extra))
    }
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
) -> Result<Option<Plan>, NoPlan> {
    let unit = block_unit(network, device);
    let uniform = network.layers.iter().all(|l| l.rows == network.layers[0].rows);
    let rows_of = |layer: &Layer| match request.rows {
        Some(rows) if uniform => rows.min(layer.rows),
        _ if uniform => block_rows(layer.rows, iterations, unit),
        _ => layer.rows / iterations,
    };
    let all = (0..network.layers.len())
        .map(|i| choices(network, i, rows_of(&network.layers[i]), device, request, budget))
        .collect::<Result<Vec<_>, _>>()?;
    if enough.is_some_and(|enough| floor(&all, request.objective, iterations) > enough) {
        return Ok(None);
    }
    let coupling = Coupling::new(network, &all, device);
    let mut limit = budget;
    let mut measure = Measure::Tiles;
    let mut lower_bound = None;
    loop {
        let mut solver =
            Solver { network, all: &all, coupling: &coupling, device, measure, exact: true };
        let Some((picks, interval)) =
            search(&mut solver, &all, limit, request.objective, iterations)
        else {
            return Err(no_plan(network, &all, device, request, budget, measure));
        };
        let exact = solver.exact;
        let choice = Choice { network, all: &all, coupling: &coupling, picks: &picks };
        let mut plan = choice.assemble(interval, iterations, device, request);
        // The first plan is the best as far as numbers of tiles go.
        plan.lower_bound = *lower_bound.get_or_insert(if exact { plan.value() } else { 0 });
        if has_room(&choice, &plan, device) {
            return Ok(Some(plan));
        }
        // Tiles that fit in number may not fit in shape.
        match measure {
            Measure::Tiles => measure = Measure::Footprint,
            Measure::Footprint => {
                let used: usize =
                    picks.iter().zip(&all).map(|(&p, c)| c.candidates[p].footprint).sum();
                limit = used - (used / 16).max(1).min(used);
            }
        }
    }
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
/// found to fit the device.
fn has_room(choice: &Choice, plan: &Plan, device: &Device) -> bool {
    let rectangles = plan.splits.iter().flat_map(|s| s.rectangles(device));
    let rectangles: Vec<_> = rectangles.map(|(w, h)| (w as u32, h as u32)).collect();
    place::packs(&rectangles, device) && memtile::assign(&choice.demands(plan), device, 0).is_ok()
}

/// Candidates for the objective, and the interval they were found under.
fn search(
    solver: &mut Solver,
    all: &[Choices],
    budget: usize,
    objective: Objective,
    iterations: usize,
) -> Option<(Vec<usize>, u64)> {
    let mut intervals: Vec<u64> =
        all.iter().flat_map(|c| c.candidates.iter().map(|c| c.interval)).collect();
    intervals.sort_unstable();
    intervals.dedup();
    let longest = *intervals.last()?;
    match objective {
        Objective::Latency => {
            // Blocks after the first follow at the interval of the slowest
            // layer. Under a tighter bound on the interval the latency of the
            // first can only grow, which tells the next bound worth a try.
            let later = iterations as u64 - 1;
            let mut best: Option<(u64, usize, Vec<usize>, u64)> = None;
            let mut bound = Some(longest);
            while let Some(limit) = bound {
                let Some((tiles, latency, picks)) = solver.solve(limit, budget, Goal::LeastLatency)
                else {
                    break;
                };
                let real = picks
                    .iter()
                    .zip(all)
                    .map(|(&p, c)| c.candidates[p].interval)
                    .max()
                    .unwrap_or(0);
                let total = latency + real * later;
                if best.as_ref().is_none_or(|b| (total, tiles) < (b.0, b.1)) {
                    best = Some((total, tiles, picks, limit));
                }
                let total = best.as_ref().map_or(total, |b| b.0);
                let useful = |i: u64| i < real && later > 0 && latency + i * later < total;
                bound = intervals.iter().rev().copied().find(|&i| useful(i));
            }
            best.map(|(_, _, picks, bound)| (picks, bound))
        }
        Objective::Resources => {
            let fewest = solver.solve(longest, budget, Goal::FewestTiles)?.0;
            let (_, _, picks) = solver.solve(longest, fewest, Goal::LeastLatency)?;
            Some((picks, longest))
        }
        Objective::Throughput => {
            let (mut low, mut high) = (0, intervals.len() - 1);
            let mut tiles = solver.solve(longest, budget, Goal::FewestTiles)?.0;
            while low < high {
                let middle = (low + high) / 2;
                match solver.solve(intervals[middle], budget, Goal::FewestTiles) {
                    Some((found, _, _)) => (high, tiles) = (middle, found),
                    None => low = middle + 1,
                }
            }
            let (_, _, picks) = solver.solve(intervals[low], tiles, Goal::LeastLatency)?;
            Some((picks, intervals[low]))
        }
    }
}

/// A candidate for every layer.
struct Choice<'a> {
    network: &'a Network,
    all: &'a [Choices],
    coupling: &'a Coupling,
    picks: &'a [usize],
}

impl Choice<'_> {
    fn candidate(&self, layer: usize) -> &Candidate {
        &self.all[layer].candidates[self.picks[layer]]
    }

    /// How the cuts of an edge meet if layer `index` took `candidate`; only for
    /// edges between layers.
    fn meeting(&self, edge: usize, index: usize, candidate: &Candidate) -> Option<Option<Meeting>> {
        let (Source::Layer(from), Sink::Layer(to, _)) =
            (self.network.edges[edge].from, self.network.edges[edge].to)
        else {
            return None;
        };
        let output = if from == index { candidate } else { self.candidate(from) }.output;
        let input = if to == index { candidate } else { self.candidate(to) }.input;
        Some(self.coupling.tables[edge][output][input])
    }

    fn assemble(&self, bound: u64, iterations: usize, device: &Device, request: &Request) -> Plan {
        let mut splits: Vec<Split> = (0..self.all.len())
            .map(|i| {
                let c = self.candidate(i);
                split_of(
                    &self.network.layers[i],
                    &self.all[i],
                    c.cascade,
                    c.chains,
                    device,
                    request.stack,
                )
            })
            .collect();
        let tiles = splits.iter().map(Split::tiles).sum();
        let interval = splits.iter().map(|s| s.cost.interval).max().unwrap_or(0);
        let edges: u64 = (0..self.network.edges.len())
            .filter_map(|edge| self.meeting(edge, 0, self.candidate(0)).flatten())
            .map(|m| cost::DESCRIPTOR * (m.per_producer + m.per_consumer) as u64)
            .sum();
        let once = splits.iter().map(|s| s.cost.latency).sum::<u64>() + edges;
        for (index, split) in splits.iter_mut().enumerate() {
            split.reason = self.reason(index, bound, tiles, split.cost.limit(), request);
        }
        Plan {
            objective: request.objective,
            iterations,
            splits,
            tiles,
            interval,
            latency: once + interval * (iterations as u64 - 1),
            lower_bound: 0,
            optimal: false,
        }
    }

    /// Why layer `index` is split as it is, and its next best with the other
    /// layers as they are.
    fn reason(
        &self,
        index: usize,
        bound: u64,
        tiles: usize,
        limit: &str,
        request: &Request,
    ) -> String {
        let chosen = self.candidate(index);
        let choices = &self.all[index];
        let directive = request.directives.get(index).copied().unwrap_or_default();
        let carried = |c: &Candidate| {
            (0..self.network.edges.len())
                .all(|edge| self.meeting(edge, index, c).is_none_or(|m| m.is_some()))
        };
        let key = |c: &Candidate| {
            let over = c.interval > bound;
            match request.objective {
                Objective::Resources => (over, c.tiles as u64, c.latency, c.interval),
                Objective::Throughput => (over, c.tiles as u64, c.latency, c.interval),
                Objective::Latency => (over, c.latency, c.tiles as u64, c.interval),
            }
        };
        let next = choices
            .candidates
            .iter()
            .filter(|c| (c.cascade, c.chains) != (chosen.cascade, chosen.chains) && carried(c))
            .min_by_key(|c| key(c));
        let mut text = match (directive.cascade, directive.chains) {
            (Some(_), Some(_)) => "as directed".to_owned(),
            _ if choices.candidates.len() == 1 => "the only split that fits".to_owned(),
            _ => match request.objective {
                Objective::Resources if chosen.tiles == choices.fewest => {
                    "fewest tiles that hold it".to_owned()
                }
                Objective::Resources => "fewest tiles for the network".to_owned(),
                Objective::Throughput => {
                    format!("fewest tiles with an interval of at most {bound} cycles")
                }
                Objective::Latency => format!("least latency of the network in {tiles} tiles"),
            },
        };
        text += &format!("; {} cycles a block, bound by its {limit}", chosen.interval);
        if let Some(next) = next {
            text += &format!(
                "; next best {}x{}: {:+} tiles, {:+} cycles interval, {:+} cycles latency",
                next.cascade,
                next.chains,
                next.tiles as i64 - chosen.tiles as i64,
                next.interval as i64 - chosen.interval as i64,
                next.latency as i64 - chosen.latency as i64
            );
        }
        text
    }

    /// What the edges ask of memory tiles, wherever the layers are.
    fn demands(&self, plan: &Plan) -> Vec<memtile::Demand> {
        let mut demands = Vec::new();
        for edge in &self.network.edges {
            let output = match edge.from {
                Source::Layer(l) => Some(plan.splits[l].output_cut(&self.network.layers[l])),
                Source::Input(_) => None,
            };
            let input = match edge.to {
                Sink::Layer(l, _) => Some(plan.splits[l].input_cut(&self.network.layers[l])),
                Sink::Output(_) => None,
            };
            // A port has the cut of the other side.
            let Some(from) = output.as_ref().or(input.as_ref()) else { continue };
            let Some(to) = input.as_ref().or(output.as_ref()) else { continue };
            let (_, _, number) = self.network.tensor(edge);
            let padded = |l: usize| plan.splits[l].blocks.rows(plan.splits[l].microtile);
            let rows = match (edge.from, edge.to) {
                (Source::Layer(a), Sink::Layer(b, _)) => padded(a).max(padded(b)),
                (Source::Layer(l), _) | (_, Sink::Layer(l, _)) => padded(l),
                _ => 0,
            };
            for component in slices::components(&from.slices, &to.slices) {
                let (producers, consumers) =
                    (component.producers.len() as u32, component.consumers.len() as u32);
                let regions = component.regions.len() as u32;
                // Where streams end matters to the distance, not to the room.
                let streams = |cut: &Option<Cut>, count: u32| match cut {
                    Some(_) => (vec![0; count as usize], 0),
                    None => (Vec::new(), count),
                };
                let (from_cores, from_outside) = streams(&output, producers);
                let (to_cores, to_outside) = streams(&input, consumers);
                let features = (producers as usize * from.width).max(consumers as usize * to.width);
                demands.push(memtile::Demand {
                    producers: from_cores,
                    consumers: to_cores,
                    from_outside,
                    to_outside,
                    locks: 2 * regions,
                    buffer_descriptors: 4 * regions,
                    memory_bytes: (2 * rows * number.bytes(features)) as u32,
                });
            }
        }
        demands
    }
}

/// Why the layers have no plan together although each has splits.
fn no_plan(
    network: &Network,
    all: &[Choices],
    device: &Device,
    request: &Request,
    budget: usize,
    measure: Measure,
) -> NoPlan {
    let cores = device.cores() as usize;
    let fewest: usize = all.iter().map(|c| c.fewest).sum();
    let biggest = (0..all.len()).max_by_key(|&i| (all[i].fewest, std::cmp::Reverse(i)));
    // Without the budget, is there a plan?
    let without = |directives: Vec<Directive>, max_tiles: usize| {
        let request = Request {
            directives,
            max_tiles: None,
            objective: Objective::Resources,
            ..request.clone()
        };
        let all: Vec<_> = (0..network.layers.len())
            .map(|i| choices(network, i, all[i].rows, device, &request, max_tiles))
            .collect::<Result<_, _>>()
            .ok()?;
        let coupling = Coupling::new(network, &all, device);
        let mut solver = Solver {
            network,
            all: &all,
            coupling: &coupling,
            device,
            measure: Measure::Tiles,
            exact: true,
        };
        let (tiles, _, picks) = solver.solve(u64::MAX, max_tiles, Goal::FewestTiles)?;
        let shapes = picks
            .iter()
            .zip(&all)
            .map(|(&p, c)| (c.candidates[p].cascade, c.candidates[p].chains))
            .collect();
        Some((tiles, shapes)) as Option<(usize, Vec<(usize, usize)>)>
    };
    let total: usize = cores.max(fewest).saturating_mul(4);
    if let Some((tiles, _)) = without(request.directives.clone(), total) {
        let name = biggest.map_or(String::new(), |i| {
            format!(" ({} alone needs {})", network.layers[i].name, all[i].fewest)
        });
        let message = if tiles > cores {
            format!(
                "the network needs at least {tiles} tiles{name}, {} has {cores}: use a larger device",
                device.name
            )
        } else if tiles > budget || measure == Measure::Tiles {
            format!(
                "the network needs at least {tiles} tiles{name}: allow --max-tiles >= {tiles} (now {budget})"
            )
        } else {
            format!(
                "the rectangles of the layers, or the memory tiles of their edges, do not fit {} side by side within {budget} tiles: use a larger device",
                device.name
            )
        };
        return NoPlan::new(biggest.filter(|_| network.layers.len() == 1), message);
    }
    // A directive is in the way: the first whose removal helps.
    for index in 0..request.directives.len() {
        let directive = request.directives[index];
        for what in ["cascade", "chains", "microtile"] {
            let mut relaxed = request.directives.clone();
            let given = match what {
                "cascade" => relaxed[index].cascade.take().map(|v| v.to_string()),
                "chains" => relaxed[index].chains.take().map(|v| v.to_string()),
                _ => relaxed[index].microtile.take().map(|v| v.to_string()),
            };
            let Some(given) = given else { continue };
            let Some((_, shapes)) = without(relaxed.clone(), total) else { continue };
            let name = &network.layers[index].name;
            // The nearest value that works, with everything else as asked.
            let wanted = match what {
                "cascade" => directive.cascade,
                "chains" => directive.chains,
                _ => None,
            };
            let nearest = wanted.and_then(|wanted| {
                (1..=wanted.max(device.columns as usize))
                    .filter_map(|step| {
                        [wanted.checked_sub(step), Some(wanted + step)].into_iter().flatten().find(
                            |&v| {
                                let mut moved = relaxed.clone();
                                match what {
                                    "cascade" => moved[index].cascade = Some(v),
                                    _ => moved[index].chains = Some(v),
                                }
                                v > 0 && without(moved, total).is_some()
                            },
                        )
                    })
                    .next()
            });
            let nearest = match nearest {
                Some(value) => format!("the nearest is {what} = {value}"),
                None => format!("without it, {}x{} is possible", shapes[index].0, shapes[index].1),
            };
            return NoPlan::new(
                Some(index),
                format!(
                    "{name}: {what} = {given} is impossible: no memory tile can carry its edges to the neighbors' splits: {nearest}"
                ),
            );
        }
    }
    NoPlan::new(
        None,
        "no split of the layers lets memory tiles carry every edge between them: use narrower layers or another device"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests;
