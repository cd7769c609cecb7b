//! What our own choices give: latencies next to the best published ones, and one
//! layer on all tiles next to one tile.

use super::{
    Layer, MICROTILE, Split,
    estimates::{self, point_of},
    network,
    networks::Published,
    planned, program, time,
};
use crate::{
    array::Program,
    device::Device,
    ir::Error,
    plan::{hand_over::Transport, parallelize::Objective},
    sim::{Costs, Timing, iterations_to_settle},
};
use std::collections::BTreeMap;

/// A network as we split it, next to the best published latency.
#[derive(Clone, Debug)]
pub struct Best {
    pub published: Published,
    pub tiles: usize,
    pub timing: Timing,
    /// The planner's estimate of its times, and the simulator's.
    pub point: estimates::Point,
}

impl Best {
    /// How many times faster.
    pub fn gain(&self) -> f64 {
        self.published.cycles / self.timing.latency_cycles as f64
    }
}

/// For each network, the published design of the lowest latency.
pub fn best_published(all: &[Published]) -> Vec<&Published> {
    let mut best: BTreeMap<&str, &Published> = BTreeMap::new();
    for one in all {
        let best = best.entry(&one.network).or_insert(one);
        if one.cycles < best.cycles {
            *best = one;
        }
    }
    best.into_values().collect()
}

/// Compiles a network for an objective, on no more tiles than the published design has.
///
/// # Errors
///
/// If it does not compile or run.
pub fn best(published: &Published, objective: Objective) -> Result<Best, Error> {
    let layers: Vec<Layer> =
        published.shapes.iter().map(|&(k, n)| Layer { k, n, split: None }).collect();
    let text = network(published.rows, &layers);
    let options = format!("objective={objective} max-tiles={}", published.tiles);
    let (program, estimate) = planned(&text, &options, Transport::Auto)?;
    let timing = time(&program, Costs::default(), iterations_to_settle(layers.len()))?;
    let point = point_of(format!("{} for {objective}", published.network), &estimate, &timing);
    Ok(Best { published: published.clone(), tiles: program.cores.len(), timing, point })
}

/// What the paper reports of one layer on 296 of 304 tiles (arXiv 2512.15946, abstract and summary):
/// efficiency relative to one tile, and share of the device's int8 peak.
pub const PAPER: ([usize; 2], f64, f64) = ([37, 8], 0.986, 0.822);

/// One dense layer of `cascade` x `chains` tiles, each `k` x `n`, which take a batch in blocks of
/// `rows`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scale {
    pub batch: usize,
    pub cascade: usize,
    pub chains: usize,
    pub rows: usize,
    pub k: usize,
    pub n: usize,
}

/// What a [`Scale`] reaches.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reached {
    /// Cycles between blocks of rows.
    pub interval: f64,
    /// Products per second of what the tiles have at best, from 0 to 1.
    pub of_tiles: f64,
    /// The same of the whole device.
    pub of_device: f64,
}

impl Scale {
    /// The array program.
    ///
    /// # Errors
    ///
    /// If it does not compile.
    pub fn program(&self) -> Result<Program, Error> {
        let Scale { batch, cascade, chains, rows, k, n } = *self;
        let split = Some(Split { cascade, chains, k, n, rows, microtile: MICROTILE });
        let layer = Layer { k: cascade * k, n: chains * n, split };
        program(&network(batch, &[layer]), "", Transport::Auto)
    }

    /// Runs `iterations`, each of a block of rows.
    ///
    /// # Errors
    ///
    /// If the layer does not compile or run.
    pub fn reach(&self, device: &Device, iterations: usize) -> Result<Reached, Error> {
        let timing = time(&self.program()?, Costs::default(), iterations)?;
        let peak = f64::from(device.macs_per_cycle(8, 8)) * timing.interval_cycles;
        let of_tiles = (self.rows * self.k * self.n) as f64 / peak;
        let tiles = (self.cascade * self.chains) as f64;
        let of_device = of_tiles * tiles / f64::from(device.cores());
        Ok(Reached { interval: timing.interval_cycles, of_tiles, of_device })
    }
}
