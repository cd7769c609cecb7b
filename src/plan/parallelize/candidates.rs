//! The ways to split one layer, for one number of rows.

use super::{Cut, NoPlan, Reason, Request, Split, refusal};
use crate::device::{Device, MmulShape, TileKind};
use crate::plan::{
    cost::{self, Blocks},
    memory,
    microtile::{self, Microtile},
    network::{Kind, Layer, Network},
    slices,
};
use std::collections::BTreeMap;

/// One way to split a layer.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) cascade: usize,
    pub(super) chains: usize,
    /// Indices into the layer's distinct cuts.
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) tiles: usize,
    /// Tiles that it keeps others from using, see [`Measure::Footprint`].
    pub(super) footprint: usize,
    pub(super) interval: u64,
    pub(super) latency: u64,
}

/// All ways to split a layer, for one number of rows.
pub(super) struct Choices {
    pub(super) rows: usize,
    pub(super) shape: Option<&'static MmulShape>,
    pub(super) tile: Microtile,
    pub(super) candidates: Vec<Candidate>,
    /// Distinct cuts of the inputs and outputs.
    pub(super) inputs: Vec<Cut>,
    pub(super) outputs: Vec<Cut>,
    /// Tiles of the smallest split that fits, directives aside.
    pub(super) fewest: usize,
}

pub(super) fn split_of(
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
        reason: Reason::default(),
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
    Err(refusal::no_split(
        layer, index, directive, &choices, tightest, &fitting, device, request, budget,
    ))
}
