//! Why there is no plan, and what would help.

use super::{
    Directive, NoPlan, Objective, Request, Split,
    candidates::{Choices, choices, split_of},
    meeting::Coupling,
    solver::{Goal, Measure, Solver},
};
use crate::device::{Device, TileKind};
use crate::plan::{
    cost, memory,
    network::{Layer, Network},
};

/// Why a layer has no split.
#[allow(clippy::too_many_arguments)]
pub(super) fn no_split(
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

/// Why the layers have no plan together although each has splits.
pub(super) fn no_plan(
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
