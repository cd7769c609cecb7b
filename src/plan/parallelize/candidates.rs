//! The ways to split one layer, for one number of rows.

use super::{
    Cut, Directive, Field, NoPlan, Reason, Request, Split, heights, meeting::Intake, refusal,
};
use crate::device::{Device, MmulShape, PortSide, TileKind};
use crate::plan::{
    cost::{self, Blocks},
    mapping::Io,
    memory,
    microtile::{self, Microtile},
    network::{Edge, Kind, Layer, Network, Number, Sink, Source},
    ports, slices, streams,
};
use std::{collections::BTreeMap, ops::Range};

/// One way to split a layer.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) cascade: usize,
    pub(super) chains: usize,
    /// Microtiles of a tile, over inputs and outputs.
    pub(super) units: (usize, usize),
    /// Indices into the layer's distinct intakes and cuts.
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) tiles: usize,
    /// Tiles that it keeps others from using, see [`Measure::Footprint`].
    pub(super) footprint: usize,
    /// Columns that its rectangles take side by side.
    pub(super) columns: usize,
    /// Cycles, without the edges to other layers.
    pub(super) interval: u64,
    pub(super) latency: u64,
}

/// All ways to split a layer, for one number of rows.
pub(super) struct Choices {
    pub(super) rows: usize,
    pub(super) shape: Option<&'static MmulShape>,
    pub(super) tile: Microtile,
    pub(super) candidates: Vec<Candidate>,
    /// Distinct cuts of the inputs, the ways in which tiles take them, and cuts of the outputs.
    pub(super) cuts: Vec<Cut>,
    pub(super) inputs: Vec<Intake>,
    pub(super) outputs: Vec<Cut>,
    /// Tiles of the smallest split that fits, directives aside.
    pub(super) fewest: usize,
}

/// The split of layer `index` into slices of so many microtiles, over inputs and over outputs.
pub(super) fn split_of(
    network: &Network,
    index: usize,
    choices: &Choices,
    (cascade, chains): (usize, usize),
    (kb, nb): (usize, usize),
    device: &Device,
    stack: usize,
) -> Split {
    let layer = &network.layers[index];
    let tile = choices.tile;
    let mb = choices.rows.div_ceil(tile.m);
    let (blocks, cost) = match (layer.kind, choices.shape) {
        (Kind::Dense, Some(shape)) => {
            let blocks = Blocks { mb, kb, nb };
            (blocks, cost::layer_cost(layer, shape, blocks, cascade, device))
        }
        (Kind::Whole { .. }, _) => {
            let blocks = Blocks { mb, kb: layer.k.div_ceil(tile.k), nb };
            (blocks, cost::whole_cost(layer, tile, blocks, device))
        }
        _ => {
            let blocks = Blocks { mb, kb: nb, nb };
            (blocks, cost::elementwise_cost(layer, tile, blocks, device))
        }
    };
    let bytes = cost::buffer_bytes(layer, tile, blocks);
    let stack = stack + cost::scratch(layer, tile, blocks);
    let tile_bytes = memory::layer_bytes(bytes, cascade, layer.inputs(), stack, device);
    let mut split = Split {
        microtile: tile,
        cascade,
        chains,
        rows: choices.rows,
        blocks,
        tile_bytes,
        cost,
        reason: Reason::default(),
    };
    outside(network, index, &mut split, device);
    split
}

/// Adds what it costs to get the inputs from outside, and the outputs there, through memory tiles.
fn outside(network: &Network, index: usize, split: &mut Split, device: &Device) {
    let layer = &network.layers[index];
    let depths = network.depths();
    let bytes = cost::buffer_bytes(layer, split.microtile, split.blocks);
    let heights = heights(split.chains, device);
    let height = heights.first().copied().unwrap_or(1) as u64;
    let aside = (heights.len() as u64 - 1) * split.cascade as u64;
    // From the edge over the rows of memory tiles, and up; the interface tile is where it begins.
    let hops = device.mem_rows().len() as u64 + height;
    // Cycles between blocks, and until one is through.
    let cross = |slices: &[Range<usize>], number: Number, padded: usize, side: PortSide| {
        let widest = slices.iter().map(|slice| slice.len()).max().unwrap_or(0);
        let row = cost::outer_cycles(number.bytes(widest), device);
        let ports = ports::count(side, device, Io::of(device)).max(1);
        let sharing = ports::sharing(&[slices.len()], ports);
        let outer = cost::channel_cycles(split.rows as u64 * row, 1, device) * sharing as u64;
        let inner = cost::stream_cycles(padded, device);
        let words = outer - cost::descriptor_cycles(device) + inner;
        (outer.max(cost::channel_cycles(inner, 1, device)), words)
    };
    if network.into_layer(index).any(|(_, edge)| matches!(edge.from, Source::Input(_))) {
        let (interval, words) =
            cross(&split.inputs(layer, 0), layer.input, bytes.input[0], PortSide::In);
        split.cost.input = interval;
        if depths[index] == 1 {
            split.cost.latency += cost::crossing(words, hops + aside, device);
        }
    }
    let leaves = |(_, edge): (usize, &Edge)| matches!(edge.to, Sink::Output(_));
    if network.from_source(Source::Layer(index)).any(leaves) {
        let (interval, words) =
            cross(&split.outputs(layer), layer.output, bytes.output, PortSide::Out);
        split.cost.output = interval;
        if depths.iter().all(|&depth| depth <= depths[index]) {
            split.cost.latency += cost::crossing(words, hops, device);
        }
    }
}

/// Ways to cut `extent`: `(parts, units of each but the last)`, ascending. Even cuts, or those into
/// slices of `width`.
fn cuts(extent: usize, unit: usize, most: usize, width: Option<usize>) -> Vec<(usize, usize)> {
    match width {
        Some(width) => {
            let units = width / unit;
            vec![(extent.div_ceil(unit).div_ceil(units.max(1)), units)]
        }
        None => slices::parts(extent, unit, most)
            .into_iter()
            .map(|parts| (parts, slices::slice_units(extent, unit, parts)))
            .collect(),
    }
}

/// Columns that a layer's rectangles fill if only rectangles of equal height
/// are stacked, in tiles.
pub(super) fn footprint(split: &Split, device: &Device) -> usize {
    let rows = device.core_rows().len();
    split
        .rectangles(device)
        .into_iter()
        .map(|(width, height)| width * rows / (rows / height).max(1))
        .sum()
}

/// Ways to split layer `index` in blocks of `rows` rows.
pub(super) fn choices(
    network: &Network,
    index: usize,
    rows: usize,
    device: &Device,
    request: &Request,
    budget: usize,
) -> Result<Choices, NoPlan> {
    let (choices, tightest) = enumerate(network, index, rows, device, request, budget)?;
    if !choices.candidates.is_empty() {
        return Ok(choices);
    }
    Err(refusal::no_split(network, index, &choices, tightest, device, request, budget))
}

/// The same, though there may be none; and of the splits that are as directed, the one that needs
/// the least memory.
pub(super) fn enumerate(
    network: &Network,
    index: usize,
    rows: usize,
    device: &Device,
    request: &Request,
    budget: usize,
) -> Result<(Choices, Option<Split>), NoPlan> {
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
            if tile.m == 0 || tile.n == 0 {
                let message = format!("{}: microtile {tile} has no elements", layer.name);
                return Err(NoPlan::new(Some(index), message));
            }
            (None, tile)
        }
        Kind::Whole { .. } => (None, microtile::WHOLE),
    };
    let mut choices = Choices {
        rows,
        shape,
        tile,
        candidates: vec![],
        cuts: vec![],
        inputs: vec![],
        outputs: vec![],
        fewest: usize::MAX,
    };
    let columns = device.columns as usize;
    let core_rows = device.core_rows().len();
    single(layer, index, &directive, tile, device)?;
    let cascades = match layer.kind {
        Kind::Dense => cuts(layer.k, tile.k, columns, directive.k),
        Kind::Elementwise { .. } | Kind::Whole { .. } => vec![(1, 0)],
    };
    let n = directive.n.or(directive.k.filter(|_| layer.kind != Kind::Dense));
    let step = layer.step(tile.n);
    let mut chain_counts = cuts(layer.n, step, core_rows * columns, n);
    for (_, units) in &mut chain_counts {
        *units *= step / tile.n;
    }
    if chain_counts.len() == 1 && layer.node.is_some() {
        // A slice that holds all of them ends with them.
        let all = layer.n.div_ceil(tile.n);
        chain_counts.iter_mut().for_each(|(_, units)| *units = (*units).min(all));
    }
    let capacity = device.resources(TileKind::Core).memory_bytes as usize;
    let mut cut_ids = BTreeMap::new();
    let mut input_ids = BTreeMap::new();
    let mut output_ids = BTreeMap::new();
    let mut tightest: Option<Split> = None;
    for &(cascade, kb) in &cascades {
        for &(chains, nb) in &chain_counts {
            // Rectangles of one layer stand side by side.
            if chains.div_ceil(core_rows) * cascade > columns {
                break;
            }
            let split = split_of(
                network,
                index,
                &choices,
                (cascade, chains),
                (kb, nb),
                device,
                request.stack,
            );
            if !directive.admits(&split, device) {
                continue;
            }
            if tightest.as_ref().is_none_or(|t| split.tile_bytes < t.tile_bytes) {
                tightest = Some(split.clone());
            }
            if split.tile_bytes > capacity {
                continue;
            }
            choices.fewest = choices.fewest.min(split.tiles());
            if split.tiles() > budget {
                continue;
            }
            let heights = heights(chains, device);
            let intake = Intake {
                cut: *cut_ids.entry(split.inputs(layer, 0).len()).or_insert_with(|| {
                    choices.cuts.push(split.input_cut(layer, 0));
                    choices.cuts.len() - 1
                }),
                rectangles: heights.len(),
                height: heights.first().copied().unwrap_or(1),
                aside: (heights.len() - 1) * cascade,
                alone: chains == 1 || matches!(layer.kind, Kind::Elementwise { .. }),
            };
            let input = *input_ids.entry(intake).or_insert_with(|| {
                choices.inputs.push(intake);
                choices.inputs.len() - 1
            });
            let output = *output_ids.entry(chains).or_insert_with(|| {
                choices.outputs.push(split.output_cut(layer));
                choices.outputs.len() - 1
            });
            choices.candidates.push(Candidate {
                cascade,
                chains,
                units: (kb, nb),
                input,
                output,
                tiles: split.tiles(),
                footprint: footprint(&split, device),
                columns: heights.len() * cascade,
                interval: split.cost.interval(),
                latency: split.cost.latency,
            });
        }
    }
    // Several wide rectangles ask for more streams than pass between them.
    let fits = |c: &Candidate| streams::branches_fit(c.cascade, &heights(c.chains, device), device);
    if choices.candidates.iter().any(fits) {
        choices.candidates.retain(fits);
    }
    Ok((choices, tightest))
}

/// Whether each number of a directive is possible by itself, memory aside.
fn single(
    layer: &Layer,
    index: usize,
    directive: &Directive,
    tile: Microtile,
    device: &Device,
) -> Result<(), NoPlan> {
    let (columns, core_rows) = (device.columns as usize, device.core_rows().len());
    let dense = layer.kind == Kind::Dense;
    let impossible = |field: Field, wanted: usize, why: String, possible: &[usize]| {
        let nearest = possible.iter().copied().min_by_key(|&v| (v.abs_diff(wanted), v));
        let message = format!(
            "{}: {field} = {wanted} is impossible: {why}: the nearest is {}",
            layer.name,
            nearest.unwrap_or(1)
        );
        Err(NoPlan::new(Some(index), message))
    };
    // The tiles of an elementwise layer share inputs and outputs alike.
    let across = if dense { columns } else { core_rows * columns };
    let sides = [
        (Field::Cascade, Field::K, layer.k, tile.k, across, "inputs"),
        (Field::Chains, Field::N, layer.n, layer.step(tile.n), core_rows * columns, "outputs"),
    ];
    for (parts, width, extent, unit, most, features) in sides {
        let blocks = extent.div_ceil(unit);
        let counts = match parts {
            Field::Cascade if !dense => vec![1],
            _ => slices::parts(extent, unit, most),
        };
        let given = directive.get(width);
        if let Some(wanted) = directive.get(parts)
            // A width may cut unevenly.
            && (!counts.contains(&wanted) && given.is_none() || wanted == 0 || wanted > most)
        {
            let why = if wanted == 0 {
                "a layer needs a tile".to_owned()
            } else if wanted > most {
                format!("{} has room for {most}", device.name)
            } else if !dense && parts == Field::Cascade {
                "an elementwise layer has no sums to cascade".to_owned()
            } else {
                format!("{blocks} blocks of {unit} {features} leave a tile without work")
            };
            return impossible(parts, wanted, why, &counts);
        }
        if let Some(wanted) = given {
            let widths: Vec<usize> = (1..=blocks)
                .filter(|&units| blocks.div_ceil(units) <= most)
                .map(|units| units * unit)
                .collect();
            if !widths.contains(&wanted) {
                let why = if wanted == 0 || !wanted.is_multiple_of(unit) {
                    format!("tiles take whole blocks of {unit} {features}")
                } else if wanted > blocks * unit {
                    format!("the layer has {extent} {features}")
                } else {
                    format!("{} has room for {most} such tiles in a layer", device.name)
                };
                return impossible(width, wanted, why, &widths);
            }
        }
    }
    Ok(())
}
