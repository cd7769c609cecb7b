//! Published latencies of whole networks.

use super::{Layer, Split, network, program, time};
use crate::{
    array::Program, device::Latency, ir::Error, kernel::time::KernelVersion,
    plan::hand_over::Transport, sim::Costs,
};

/// The measurements that the constants are fitted to.
pub const PUBLISHED: &str = include_str!("../../docs/calibration/network_latency.csv");

/// A published measurement.
#[derive(Clone, PartialEq, Debug)]
pub struct Published {
    pub network: String,
    pub rows: usize,
    pub layers: Vec<Layer>,
    /// As the file says it, such as `1x4|2x1`.
    pub splits: String,
    pub tiles: usize,
    pub cycles: f64,
}

/// One measurement and its simulation.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    pub published: Published,
    pub simulated: u64,
}

impl Point {
    /// Relative error, positive if the simulation is slower.
    pub fn error(&self) -> f64 {
        self.simulated as f64 / self.published.cycles - 1.0
    }
}

/// Reads a table as [`PUBLISHED`] is: its columns are found by name.
///
/// # Errors
///
/// If a column or a value is missing or wrong.
pub fn read(text: &str) -> Result<Vec<Published>, Error> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (_, header) = lines.next().ok_or_else(|| Error::new("line 1", "has no columns"))?;
    let columns: Vec<&str> = header.split(',').map(str::trim).collect();
    lines
        .map(|(number, line)| {
            let place = format!("line {}", number + 1);
            let values: Vec<&str> = line.split(',').map(str::trim).collect();
            let get = |name: &str| {
                let index = columns.iter().position(|column| *column == name);
                index
                    .and_then(|index| values.get(index))
                    .copied()
                    .ok_or_else(|| Error::new(&place, format_args!("has no column '{name}'")))
            };
            let whole = |name: &str| {
                let value = get(name)?;
                value.parse::<usize>().ok().filter(|value| *value > 0).ok_or_else(|| {
                    Error::new(&place, format_args!("'{name}' is '{value}', not a number above 0"))
                })
            };
            let splits = get("layer_parallelism")?;
            let (shapes, parts) = (pairs(get("layer_shapes")?), pairs(splits));
            let layers = shapes.zip(parts).filter(|(shapes, parts)| shapes.len() == parts.len());
            let Some((shapes, parts)) = layers else {
                return Err(Error::new(&place, "needs a shape KxN and a split LxC for each layer"));
            };
            let rows = whole("batch")?;
            let layer = |(&(k, n), &(cascade, chains)): (&(usize, usize), &(usize, usize))| Layer {
                k,
                n,
                split: Some(Split {
                    cascade,
                    chains,
                    // These kernels pad to whole groups of 2x2 blocks, beyond the layer too,
                    // where ours has nothing to give.
                    k: k.div_ceil(cascade).next_multiple_of(16).min(k.next_multiple_of(8)),
                    n: n.div_ceil(chains).next_multiple_of(16).min(n.next_multiple_of(8)),
                    rows,
                }),
            };
            Ok(Published {
                network: get("model_name")?.into(),
                rows,
                layers: shapes.iter().zip(&parts).map(layer).collect(),
                splits: splits.into(),
                tiles: parts.iter().map(|(cascade, chains)| cascade * chains).sum(),
                cycles: whole("latency_cycles")? as f64,
            })
        })
        .collect()
}

/// `AxB|CxD`; `None` unless all are numbers above 0.
fn pairs(text: &str) -> Option<Vec<(usize, usize)>> {
    let number = |text: &str| text.parse().ok().filter(|value| *value > 0);
    text.split('|')
        .map(|pair| pair.split_once('x').and_then(|(a, b)| Some((number(a)?, number(b)?))))
        .collect()
}

/// Compiles the same splits.
///
/// # Errors
///
/// If the network does not compile.
pub fn compile(published: &Published) -> Result<Program, Error> {
    let name = format!("{} {}", published.network, published.splits);
    let text = network(published.rows, &published.layers);
    program(&text, "", Transport::MemoryTiles).map_err(|error| error.within(&name))
}

/// The latency of the same splits, in cycles; `latency` is `None` for the
/// device's own constants.
///
/// # Errors
///
/// If the program does not run.
pub fn simulate(program: &Program, latency: Option<Latency>) -> Result<u64, Error> {
    let costs = Costs { kernels: KernelVersion::AIE4ML_0_1, latency };
    Ok(time(program, costs, 1)?.latency_cycles)
}

/// A fit of the constants that no source gives.
pub struct Fit {
    pub latency: Latency,
    /// Mean absolute relative error.
    pub error: f64,
}

/// Changes one constant.
type Set = fn(&mut Latency, u64);

/// The fitted constants, with the values that are tried.
const FITTED: [(Set, &[u64]); 3] = [
    (|latency, value| latency.hop = value, &[4, 5, 6, 7, 8, 9, 10]),
    (|latency, value| latency.core_lock = value, &[1, 2, 3, 4, 5, 6, 7]),
    (|latency, value| latency.plio = value, &[0, 2, 4, 8, 12, 16]),
];

/// The constants of the least mean error over `programs`.
///
/// # Errors
///
/// If a program does not run.
pub fn fit(programs: &[(&Published, &Program)], start: Latency) -> Result<Fit, Error> {
    let error = |latency: Latency| -> Result<f64, Error> {
        let mut sum = 0.0;
        for (published, program) in programs {
            sum += (simulate(program, Some(latency))? as f64 / published.cycles - 1.0).abs();
        }
        Ok(sum / programs.len().max(1) as f64)
    };
    let mut best = Fit { latency: start, error: error(start)? };
    // One constant after the other, until none gets better.
    loop {
        let before = best.error;
        for (set, values) in FITTED {
            for &value in values {
                let mut latency = best.latency;
                set(&mut latency, value);
                let error = error(latency)?;
                if error < best.error {
                    best = Fit { latency, error };
                }
            }
        }
        if best.error >= before {
            return Ok(best);
        }
    }
}

/// Mean and largest absolute error.
pub fn errors(points: &[Point]) -> (f64, f64) {
    let errors: Vec<f64> = points.iter().map(|point| point.error().abs()).collect();
    let mean = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    (mean, errors.into_iter().fold(0.0, f64::max))
}
