//! Published latencies of whole networks.

use super::{MICROTILE, peer, run};
use crate::{
    array::Program,
    device::{Device, Latency},
    ir::Error,
    kernel::time::KernelVersion,
    plan::microtile::Microtile,
    sim::Costs,
};

/// The measurements that the constants are fitted to.
pub const PUBLISHED: &str = include_str!("../../docs/calibration/network_latency.csv");

/// The kernels of these designs: `dense_bias_relu.cpp` reads the cascade before its products.
const KERNELS: KernelVersion = KernelVersion::AIE4ML_0_1_CASCADE;

/// A published measurement.
#[derive(Clone, PartialEq, Debug)]
pub struct Published {
    pub network: String,
    /// Padding included.
    pub rows: usize,
    /// Inputs and outputs of each layer.
    pub shapes: Vec<(usize, usize)>,
    /// Length of cascades and number of chains of each layer.
    pub parts: Vec<(usize, usize)>,
    pub microtile: Microtile,
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

/// Reads a table as [`PUBLISHED`] is: its columns are found by name. Each row is a measurement, or
/// what is wrong with it.
///
/// # Errors
///
/// If there is no header, or it lacks a column.
pub fn read(text: &str) -> Result<Vec<Result<Published, Error>>, Error> {
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (_, header) = lines.next().ok_or_else(|| Error::new("line 1", "has no columns"))?;
    let columns: Vec<&str> = cells(header);
    let needed = ["model_name", "batch", "layer_shapes", "layer_parallelism", "latency_cycles"];
    for name in needed {
        if !columns.contains(&name) {
            return Err(Error::new("line 1", format_args!("has no column '{name}'")));
        }
    }
    Ok(lines
        .map(|(number, line)| {
            let place = format!("line {}", number + 1);
            Row { place: &place, columns: &columns, values: cells(line) }.published()
        })
        .collect())
}

fn cells(line: &str) -> Vec<&str> {
    line.split(',').map(|cell| cell.trim().trim_matches('"')).collect()
}

struct Row<'a> {
    /// Where it is.
    place: &'a str,
    columns: &'a [&'a str],
    values: Vec<&'a str>,
}

impl<'a> Row<'a> {
    fn fail(&self, why: impl std::fmt::Display) -> Error {
        Error::new(self.place, why)
    }

    /// `None` if there is no such column, or it ends before it.
    fn find(&self, name: &str) -> Option<&'a str> {
        let index = self.columns.iter().position(|column| *column == name)?;
        self.values.get(index).copied().filter(|value| !value.is_empty())
    }

    fn get(&self, name: &str) -> Result<&'a str, Error> {
        self.find(name).ok_or_else(|| self.fail(format_args!("has no '{name}'")))
    }

    fn number(&self, name: &str, value: &str) -> Result<f64, Error> {
        let number = value.parse::<f64>().ok().filter(|n| *n > 0.0 && n.is_finite());
        number.ok_or_else(|| self.fail(format_args!("'{name}' is '{value}', not a number above 0")))
    }

    fn whole(&self, name: &str, value: &str) -> Result<usize, Error> {
        let whole = |n: &f64| n.fract() == 0.0 && *n > 0.0 && *n < 1e9;
        value.parse::<f64>().ok().filter(whole).map(|n| n as usize).ok_or_else(|| {
            self.fail(format_args!("'{name}' is '{value}', not a whole number above 0"))
        })
    }

    fn pairs(&self, name: &str) -> Result<Vec<(usize, usize)>, Error> {
        let value = self.get(name)?;
        pairs(value).ok_or_else(|| {
            self.fail(format_args!(
                "'{name}' is '{value}', not pairs of numbers such as 16x64|64x8"
            ))
        })
    }

    fn published(&self) -> Result<Published, Error> {
        let batch = self.whole("batch", self.get("batch")?)?;
        let (shapes, parts) = (self.pairs("layer_shapes")?, self.pairs("layer_parallelism")?);
        if shapes.len() != parts.len() {
            return Err(self.fail(format_args!(
                "has {} layers, but {} splits",
                shapes.len(),
                parts.len()
            )));
        }
        for (index, pair) in shapes.windows(2).enumerate() {
            if pair[0].1 != pair[1].0 {
                return Err(self.fail(format_args!(
                    "layer {} has {} inputs, the layer before it {} outputs",
                    index + 2,
                    pair[1].0,
                    pair[0].1
                )));
            }
        }
        let extent = |name: &str, default: usize| match self.find(name) {
            Some(value) => self.whole(name, value),
            None => Ok(default),
        };
        let microtile = Microtile {
            m: extent("tile_m", MICROTILE.m)?,
            k: extent("tile_k", MICROTILE.k)?,
            n: extent("tile_n", MICROTILE.n)?,
        };
        // Like slices, these kernels pad the batch to whole groups.
        let rows = batch.next_multiple_of(2 * microtile.m);
        Ok(Published {
            network: self.get("model_name")?.into(),
            rows,
            shapes,
            microtile,
            splits: self.get("layer_parallelism")?.into(),
            tiles: parts.iter().map(|(cascade, chains)| cascade * chains).sum(),
            parts,
            cycles: self.number("latency_cycles", self.get("latency_cycles")?)?,
        })
    }
}

impl Published {
    /// Inputs of a tile of a layer: these kernels pad every slice to whole groups of 2x2 blocks.
    pub fn k(&self, layer: usize) -> usize {
        let extent = self.shapes[layer].0.div_ceil(self.parts[layer].0);
        extent.next_multiple_of(2 * self.microtile.k)
    }

    /// Outputs of a tile of a layer.
    pub fn n(&self, layer: usize) -> usize {
        let extent = self.shapes[layer].1.div_ceil(self.parts[layer].1);
        extent.next_multiple_of(2 * self.microtile.n)
    }

    /// Inputs of a column of the first layer, without padding.
    pub fn raw_k(&self) -> usize {
        self.shapes[0].0.div_ceil(self.parts[0].0)
    }

    /// Outputs of a chain of the last layer, without padding.
    pub fn raw_n(&self) -> usize {
        let last = self.shapes.len() - 1;
        self.shapes[last].1.div_ceil(self.parts[last].1)
    }
}

/// `AxB|CxD`; `None` unless all are numbers above 0.
fn pairs(text: &str) -> Option<Vec<(usize, usize)>> {
    let number =
        |text: &str| text.trim().parse().ok().filter(|value| *value > 0 && *value < 1 << 20);
    text.split('|')
        .map(|pair| pair.split_once('x').and_then(|(a, b)| Some((number(a)?, number(b)?))))
        .collect()
}

/// The design that was measured.
///
/// # Errors
///
/// If it does not fit the device.
pub fn build(published: &Published) -> Result<Program, Error> {
    let device = Device::by_name("xcve2802")
        .ok_or_else(|| Error::new("", "bug: the device of the measurements is not known"))?;
    peer::program(published, &device)
}

/// Its time from the first word in to the first word out, in cycles; `latency` is `None` for the
/// device's own constants.
///
/// # Errors
///
/// If the program does not run.
pub fn simulate(program: &Program, latency: Option<Latency>) -> Result<u64, Error> {
    let device = Device::by_name(&program.device)
        .ok_or_else(|| Error::new(&program.device, "is no device that is known"))?;
    let latency = latency.unwrap_or(device.latency);
    let costs = Costs { kernels: KERNELS, latency: Some(amd(latency)) };
    let engine = run(program, costs, 1)?;
    engine
        .measures(1)
        .and_then(|measures| measures.response_cycles)
        .ok_or_else(|| Error::new("array simulator", "bug: the program has no time"))
}

/// The constants of AMD's simulator, which charges nothing for a lock that is free
/// (`aiesim-oracle-assessment.md` of xdna-emu, by traces of both).
fn amd(silicon: Latency) -> Latency {
    Latency { core_lock: 0, dma_lock: 0, ..silicon }
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
const FITTED: [(Set, &[u64]); 2] = [
    (|latency, value| latency.hop = value, &[4, 5, 6, 7, 8, 9, 10]),
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
