//! The planner's estimates against the simulator's times.

use super::{Layer, MICROTILE, Split, network, planned, time};
use crate::{
    ir::Error,
    plan::{hand_over::Transport, slices},
    report::Estimate,
    sim::{Costs, Timing, iterations_to_settle},
};

/// A chain of layers to split in all ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chain {
    pub rows: usize,
    /// Features between layers.
    pub widths: &'static [usize],
    /// Longest cascade, and most chains, of a layer.
    pub most: [usize; 2],
}

/// Shapes whose splits are all tried: a layer by itself, layers that meet, and odd ones.
pub const CHAINS: [Chain; 5] = [
    Chain { rows: 8, widths: &[128, 128], most: [8, 8] },
    Chain { rows: 32, widths: &[256, 64], most: [8, 8] },
    Chain { rows: 8, widths: &[64, 64, 64], most: [4, 4] },
    Chain { rows: 13, widths: &[57, 37, 5], most: [4, 4] },
    Chain { rows: 5, widths: &[16, 64, 32, 5], most: [2, 2] },
];

/// An estimate and a simulation of interval and latency, in cycles.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    /// Such as `8x128x128 2x4`.
    pub name: String,
    pub estimated: [f64; 2],
    pub simulated: [f64; 2],
}

/// How well estimates do: rank correlation (Spearman's) and relative errors.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quality {
    pub rank: f64,
    /// Mean absolute, and largest.
    pub error: f64,
    pub worst: f64,
    /// Mean, positive where estimates are too high.
    pub bias: f64,
}

/// All splits of a chain that leave no tile without work and that can be carried, estimated and
/// simulated.
///
/// # Errors
///
/// If a design does not run.
pub fn all_splits(chain: &Chain) -> Result<Vec<Point>, Error> {
    let mut designs: Vec<Vec<Layer>> = vec![Vec::new()];
    for shape in chain.widths.windows(2) {
        let (k, n) = (shape[0], shape[1]);
        let each = designs.into_iter().flat_map(|before| {
            slices::parts(k, 8, chain.most[0]).into_iter().flat_map(move |cascade| {
                let before = before.clone();
                slices::parts(n, 8, chain.most[1]).into_iter().map(move |chains| {
                    let width = |extent, parts| 8 * slices::slice_units(extent, 8, parts);
                    let (k_tile, n_tile, rows) = (width(k, cascade), width(n, chains), chain.rows);
                    let microtile = MICROTILE;
                    let split = Split { cascade, chains, k: k_tile, n: n_tile, rows, microtile };
                    let mut layers = before.clone();
                    layers.push(Layer { k, n, split: Some(split) });
                    layers
                })
            })
        });
        designs = each.collect();
    }
    let mut points = Vec::new();
    for layers in designs {
        // Some cuts do not meet.
        if let Some(point) = point(chain.rows, &layers)? {
            points.push(point);
        }
    }
    Ok(points)
}

/// A design with given splits; `None` if the planner refuses it.
///
/// # Errors
///
/// If the design does not run.
pub fn point(rows: usize, layers: &[Layer]) -> Result<Option<Point>, Error> {
    let shapes: Vec<String> =
        layers.iter().map(|layer| format!("{}x{}", layer.k, layer.n)).collect();
    let splits = layers.iter().filter_map(|layer| layer.split);
    let splits: Vec<String> =
        splits.map(|split| format!("{}x{}", split.cascade, split.chains)).collect();
    let name = format!("{rows} rows, {}: {}", shapes.join(" "), splits.join(" "));
    let Ok((program, estimate)) = planned(&network(rows, layers), "", Transport::Auto) else {
        return Ok(None);
    };
    let iterations = iterations_to_settle(layers.len());
    let timing =
        time(&program, Costs::default(), iterations).map_err(|error| error.within(&name))?;
    Ok(Some(point_of(name, &estimate, &timing)))
}

/// Of a design.
pub fn point_of(name: String, estimate: &Estimate, timing: &Timing) -> Point {
    Point {
        name,
        estimated: [estimate.interval_cycles, estimate.latency_cycles].map(|cycles| cycles as f64),
        simulated: [timing.interval_cycles, timing.latency_cycles as f64],
    }
}

/// Of one of the two times: 0 is the interval, 1 the latency.
pub fn quality(points: &[Point], time: usize) -> Quality {
    let pairs: Vec<(f64, f64)> =
        points.iter().map(|point| (point.estimated[time], point.simulated[time])).collect();
    let errors: Vec<f64> = pairs.iter().map(|(estimate, real)| estimate / real - 1.0).collect();
    let count = errors.len().max(1) as f64;
    Quality {
        rank: rank_correlation(&pairs),
        error: errors.iter().map(|error| error.abs()).sum::<f64>() / count,
        worst: errors.iter().fold(0.0, |worst, error| error.abs().max(worst)),
        bias: errors.iter().sum::<f64>() / count,
    }
}

/// Spearman's rank correlation; ties share their rank.
fn rank_correlation(pairs: &[(f64, f64)]) -> f64 {
    let ranks = |values: Vec<f64>| {
        let rank = |value: &f64| {
            let below = values.iter().filter(|other| *other < value).count();
            let same = values.iter().filter(|other| *other == value).count();
            below as f64 + (same as f64 - 1.0) / 2.0
        };
        values.iter().map(rank).collect::<Vec<f64>>()
    };
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (a, b) = (ranks(a), ranks(b));
    let mean = (pairs.len() as f64 - 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum()
    };
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_correlated() {
        assert_eq!(rank_correlation(&[(1.0, 10.0), (2.0, 20.0), (3.0, 90.0)]), 1.0);
        assert_eq!(rank_correlation(&[(1.0, 90.0), (2.0, 20.0), (3.0, 10.0)]), -1.0);
        let tied = rank_correlation(&[(1.0, 1.0), (1.0, 2.0), (2.0, 3.0)]);
        assert!((tied - 0.75f64.sqrt()).abs() < 1e-9, "{tied}");
    }
}
