//! Why there is no plan, and what would help.

use super::{
    Directive, Field, NoPlan, Objective, Plan, Request, Split, best,
    candidates::{Choices, choices, enumerate, split_of},
    meeting::Coupling,
    solver::{Goal, Measure, Solver},
};
use crate::device::{Device, TileKind};
use crate::plan::{
    cost, memory, microtile,
    network::{Kind, Network},
    slices,
};

/// Why a layer has no split; `tightest` is the one that needs the least memory of those that are as
/// directed.
pub(super) fn no_split(
    network: &Network,
    index: usize,
    choices: &Choices,
    tightest: Option<Split>,
    device: &Device,
    request: &Request,
    budget: usize,
) -> NoPlan {
    let layer = &network.layers[index];
    let directive = request.directives.get(index).copied().unwrap_or_default();
    let (name, k, n, fewest) = (&layer.name, layer.k, layer.n, choices.fewest);
    let fixed = directive.shape();
    let capacity = device.resources(TileKind::Core).memory_bytes as usize;
    // Some splits fit, with more tiles than may be used.
    if fewest != usize::MAX {
        if !fixed.is_empty() {
            let message = format!(
                "{name}: {fixed} takes {fewest} tiles: allow --max-tiles >= {fewest} (now {budget})"
            );
            return NoPlan::new(Some(index), message);
        }
        let one = |extent: usize, unit: usize| slices::slice_units(extent, unit, 1);
        let units = (one(k, choices.tile.k), one(n, choices.tile.n));
        let shown = split_of(network, index, choices, (1, 1), units, device, request.stack);
        let message = format!(
            "{name}: {k}x{n} weights and their buffers need {} bytes on one tile, its memory holds {capacity}: allow --max-tiles >= {fewest} (now {budget})",
            shown.tile_bytes
        );
        return with_map(NoPlan::new(Some(index), message), &shown, network, device, request);
    }
    let why = match &tightest {
        Some(split) => {
            format!("a tile needs {} bytes, its memory holds {capacity}", split.tile_bytes)
        }
        None => {
            let without = |field: Field| {
                let mut relaxed = directive;
                relaxed.set(field, None);
                free(network, index, relaxed, choices.rows, device, request)
            };
            match (without(Field::Place), without(Field::MaxTiles)) {
                (Some(_), _) if directive.place.is_some() => {
                    "the layer reaches beyond the cores of the array".to_owned()
                }
                (_, Some(all)) if directive.max_tiles.is_some() => {
                    format!("the layer takes at least {} tiles", all.fewest)
                }
                _ => format!(
                    "{} has {} columns of {} cores",
                    device.name,
                    device.columns,
                    device.core_rows().len()
                ),
            }
        }
    };
    let mut refusal = if fixed.is_empty() {
        let (l, c) = tightest.as_ref().map_or((1, 1), |split| (split.cascade, split.chains));
        let needed = tightest.as_ref().map_or(0, |split| split.tile_bytes);
        // Weights alone, without any padding.
        let bytes = (k * n).saturating_mul(layer.weight.bytes(1));
        let least = bytes.div_ceil(capacity.saturating_sub(request.stack).max(1));
        let cores = device.cores() as usize;
        let more = match layer.kind {
            Kind::Dense if least > cores => {
                format!(", and they take at least {least} tiles, of which there are {cores}")
            }
            _ => String::new(),
        };
        NoPlan::new(
            Some(index),
            format!(
                "{name}: {k}x{n} weights need {needed} bytes on each of {l} x {c} tiles, the finest split on {}; its memory holds {capacity}{more}: use a larger device or a smaller layer",
                device.name
            ),
        )
    } else {
        // The split that is nearest among all.
        let open = Directive { microtile: directive.microtile, ..Directive::default() };
        let all = free(network, index, open, choices.rows, device, request);
        let nearest = all.and_then(|all| {
            let like = all.candidates.iter().map(|c| {
                let split = split_of(
                    network,
                    index,
                    &all,
                    (c.cascade, c.chains),
                    c.units,
                    device,
                    request.stack,
                );
                (directive.like(&split, device), split.tiles())
            });
            like.min_by_key(|(like, tiles)| (directive.distance(like), *tiles))
        });
        let nearest = match nearest {
            Some((like, _)) => format!("the nearest is {}", like.shape()),
            None => "no split fits".to_owned(),
        };
        NoPlan::new(Some(index), format!("{name}: {fixed} is impossible: {why}: {nearest}"))
    };
    // Fewer rows at once may help where nothing else is fixed.
    refusal.why = fixed.is_empty().then_some(why);
    match tightest {
        Some(split) => with_map(refusal, &split, network, device, request),
        None => refusal,
    }
}

/// Splits of a layer under other directives than requested, whatever their number of tiles.
fn free(
    network: &Network,
    index: usize,
    directive: Directive,
    rows: usize,
    device: &Device,
    request: &Request,
) -> Option<Choices> {
    let mut directives = vec![Directive::default(); network.layers.len()];
    directives[index] = directive;
    let request = Request { directives, ..request.clone() };
    let (choices, _) = enumerate(network, index, rows, device, &request, usize::MAX).ok()?;
    (!choices.candidates.is_empty()).then_some(choices)
}

/// A refusal with a note on who takes what of the tile's memory.
fn with_map(
    refusal: NoPlan,
    split: &Split,
    network: &Network,
    device: &Device,
    request: &Request,
) -> NoPlan {
    let Some(layer) = refusal.layer.map(|index| &network.layers[index]) else { return refusal };
    let bytes = cost::buffer_bytes(layer, split.microtile, split.blocks);
    let mut buffers = vec![(memory::Use::Stack, request.stack)];
    buffers.extend_from_slice(&memory::layer_buffers(bytes, split.cascade, layer.inputs()));
    let capacity = device.resources(TileKind::Core).memory_bytes as usize;
    let map = memory::DoesNotFit { buffers, needed: split.tile_bytes, capacity }.map();
    NoPlan { note: Some(map.trim_start_matches('\n').to_owned()), ..refusal }
}

/// Why the layers have no plan together although each has splits; `crowded` says what the plans that
/// were found had no room for.
pub(super) fn no_plan(
    network: &Network,
    all: &[Choices],
    device: &Device,
    request: &Request,
    budget: usize,
    crowded: Option<String>,
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
        let coupling = Coupling::new(network, &all, request.transport, device);
        let mut solver = Solver {
            network,
            all: &all,
            coupling: &coupling,
            device,
            measure: Measure::Tiles,
            exact: true,
        };
        Some(solver.solve(u64::MAX, max_tiles, Goal::FewestTiles)?.0)
    };
    let total: usize = cores.max(fewest).saturating_mul(4);
    if let Some(tiles) = without(request.directives.clone(), total) {
        let name = biggest.map_or(String::new(), |i| {
            format!(" ({} alone needs {})", network.layers[i].name, all[i].fewest)
        });
        let (message, why) = if tiles > cores {
            let message = format!(
                "the network needs at least {tiles} tiles{name}, {} has {cores}: use a larger device",
                device.name
            );
            (message, format!("the network then needs {tiles} tiles, {} has {cores}", device.name))
        } else if let Some(why) = crowded.filter(|_| tiles <= budget) {
            (format!("{why}, in any plan of at most {budget} tiles that was tried"), why)
        } else {
            let message = format!(
                "the network needs at least {tiles} tiles{name}: allow --max-tiles >= {tiles} (now {budget})"
            );
            (message, format!("the network then needs {tiles} tiles, {budget} may be used"))
        };
        let layer = biggest.filter(|_| network.layers.len() == 1);
        return NoPlan { why: Some(why), ..NoPlan::new(layer, message) };
    }
    let why = "no memory tile can carry its edges to the neighbors' splits".to_owned();
    let message = "no split of the layers lets memory tiles carry every edge between them: use narrower layers or another device";
    NoPlan { why: Some(why), ..NoPlan::new(None, message.to_owned()) }
}

/// The directive that is in the way, with the nearest value that is not: the first without which
/// there is a plan. `refusal` as it is if that is none.
pub(super) fn blame(
    network: &Network,
    device: &Device,
    request: &Request,
    refusal: NoPlan,
) -> NoPlan {
    let Some(why) = refusal.why.clone() else { return refusal };
    let possible = |directives: Vec<Directive>| -> Option<Plan> {
        let objective = Objective::Resources;
        best(network, device, &Request { directives, objective, ..request.clone() }).ok()
    };
    // A microtile last: unlike the others it may have been chosen.
    let fields =
        |last: bool| Field::ALL.into_iter().filter(move |&f| (f == Field::Microtile) == last);
    for last in [false, true] {
        for (index, field) in
            (0..request.directives.len()).flat_map(|index| fields(last).map(move |f| (index, f)))
        {
            let directive = &request.directives[index];
            let layer = &network.layers[index];
            let Some(shown) = directive.show(field) else { continue };
            let chosen_here = field == Field::Microtile
                && microtile::choose(layer, layer.rows, device)
                    .is_ok_and(|shape| Some(shape.into()) == directive.microtile);
            if chosen_here {
                continue;
            }
            let mut open = request.directives.clone();
            relax(&mut open, index, field);
            let Some(plan) = possible(open.clone()) else { continue };
            // The nearest value that works, with everything else as asked.
            let nearest = directive.get(field).and_then(|wanted| {
                let tile = plan.splits[index].microtile;
                let mut values = Directive::range(field, layer, tile, device);
                values.retain(|&value| value != wanted);
                values.sort_by_key(|&value| (value.abs_diff(wanted), value));
                values.into_iter().take(TRIES).find(|&value| {
                    let mut moved = open.clone();
                    moved[index].set(field, Some(value));
                    possible(moved).is_some()
                })
            });
            let nearest = match nearest {
                Some(value) => format!("the nearest is {field} = {value}"),
                None => {
                    let split = &plan.splits[index];
                    format!("without it, {}x{} is possible", split.cascade, split.chains)
                }
            };
            let message = format!("{}: {shown} is impossible: {why}: {nearest}", layer.name);
            let note = refusal.note.clone();
            return NoPlan { note, ..NoPlan::new(Some(index), message) };
        }
    }
    refusal
}

/// Values of a directive that are tried, nearest first.
const TRIES: usize = 64;

/// Opens a field, and what would fix it all the same.
fn relax(directives: &mut [Directive], index: usize, field: Field) {
    let one = &mut directives[index];
    one.set(field, None);
    match field {
        // Parts and width say the same of a cut.
        Field::Cascade => one.k = None,
        Field::Chains => one.n = None,
        Field::K => one.cascade = None,
        Field::N => one.chains = None,
        Field::Rows => directives.iter_mut().for_each(|d| d.rows = None),
        _ => {}
    }
}
