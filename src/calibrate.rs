//! The simulator's times against published measurements.
//!
//! Two kinds: cycles of one kernel ([`kernels`]), and latencies of whole
//! networks whose splits are known ([`networks`]). `docs/simulator.md` has the
//! tables, which `cargo xtask calibrate` makes.

pub mod best;
pub mod estimates;
pub mod kernels;
pub mod networks;
pub mod peer;
pub mod places;

use crate::{
    array::Program,
    dialect::aie,
    ir::{self, Error},
    mlir::tools,
    passes::PIPELINE,
    plan::{hand_over::Transport, microtile::Microtile},
    report::{Estimate, Report},
    sim::{Costs, Engine, IdleKernels, Timing},
};
use std::{fmt::Write, rc::Rc};

/// A dense layer with its split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layer {
    /// Inputs and outputs.
    pub k: usize,
    pub n: usize,
    pub split: Option<Split>,
}

/// Tiles of a layer, the features that each is given, and the rows at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Split {
    pub cascade: usize,
    pub chains: usize,
    pub k: usize,
    pub n: usize,
    pub rows: usize,
    pub microtile: Microtile,
}

/// That of AIE-ML for int8.
pub const MICROTILE: Microtile = Microtile { m: 4, k: 8, n: 8 };

/// A chain of dense layers at the network level: int8, ReLU, weights of zero, since time does not
/// depend on them.
pub fn network(rows: usize, layers: &[Layer]) -> String {
    let (first, last) = (layers.first().map_or(0, |l| l.k), layers.last().map_or(0, |l| l.n));
    let mut text =
        format!("func.func @main(%x0: tensor<{rows}x{first}xi8>) -> tensor<{rows}x{last}xi8> {{\n");
    for (i, Layer { k, n, split }) in layers.iter().enumerate() {
        let Microtile { m, k: tk, n: tn } = split.map_or(MICROTILE, |split| split.microtile);
        let split = split.map_or_else(String::new, |Split { cascade, chains, k, n, rows, .. }| {
            format!(
                ", split = #aie4ml.split<cascade = {cascade}, chains = {chains}, k = {k}, n = {n}, rows = {rows}>"
            )
        });
        // Writing to a string cannot fail.
        _ = writeln!(
            text,
            "  %w{i} = arith.constant dense<0> : tensor<{k}x{n}xi8>\n  \
             %b{i} = arith.constant dense<0> : tensor<{n}xi32>\n  \
             %x{} = aie4ml.dense %x{i}, %w{i}, %b{i} accumulator = i32 requant = [#aie4ml.requant<\
             shift = 7, rounding = nearest_even, overflow = saturate, width = 8, zero_point = 0, min = 0, max = 127>] \
             {{microtile = #aie4ml.microtile<{m}, {tk}, {tn}>{split}}}\n    \
             : (tensor<{rows}x{k}xi8>, tensor<{k}x{n}xi8>, tensor<{n}xi32>) -> tensor<{rows}x{n}xi8>",
            i + 1
        );
    }
    text + &format!("  return %x{} : tensor<{rows}x{last}xi8>\n}}\n", layers.len())
}

/// Compile a network and return its array program. `options` are those of
/// `aie4ml-parallelize`.
///
/// # Errors
///
/// If it cannot be compiled.
pub fn program(text: &str, options: &str, transport: Transport) -> Result<Program, Error> {
    Ok(planned(text, options, transport)?.0)
}

/// The same, with the plan's estimate of its times.
///
/// # Errors
///
/// If it cannot be compiled.
pub fn planned(
    text: &str,
    options: &str,
    transport: Transport,
) -> Result<(Program, Estimate), Error> {
    let context = tools::context();
    let mut module = ir::parse(&context, text, "network")?;
    let mut estimate = None;
    for &(name, on) in PIPELINE {
        let pass = match name {
            "aie4ml-parallelize" => format!("{name}{{transport={transport} {options}}}"),
            "aie4ml-plan-transport" => format!("{name}{{transport={transport}}}"),
            _ => name.into(),
        };
        let nested = if on == "builtin.module" { pass } else { format!("{on}({pass})") };
        ir::run(&context, &mut module, &format!("builtin.module({nested})"))?;
        if let ("aie4ml-place", [func]) = (name, ir::functions(&module).as_slice()) {
            estimate = Some(ir::attempt(&context, || Report::of(*func, ""))?.estimate);
        }
    }
    let devices = aie::devices(module.as_operation());
    let ([device], Some(estimate)) = (devices.as_slice(), estimate) else {
        return Err(Error::new("network", "has no design"));
    };
    Ok((ir::attempt(&context, || aie::read(*device))?, estimate))
}

/// The times of `program` in `iterations`, computing nothing.
///
/// # Errors
///
/// If the program does not run.
pub fn time(program: &Program, costs: Costs, iterations: usize) -> Result<Timing, Error> {
    let engine = run(program, costs, iterations)?;
    engine.timing().ok_or_else(|| Error::new("array simulator", "the program has no time"))
}

/// Runs `program` with time, computing nothing.
fn run(program: &Program, costs: Costs, iterations: usize) -> Result<Engine<u8>, Error> {
    let fail = |error: &dyn std::fmt::Display| Error::new("array simulator", error);
    let kernels = IdleKernels::new(program, costs.kernels).map_err(|error| fail(&error))?;
    let mut engine =
        Engine::<u8>::timed(program, Rc::new(kernels), costs).map_err(|error| fail(&error))?;
    let inputs: Vec<Vec<u8>> = (program.inputs.iter())
        .map(|input| vec![0; iterations * input.rows * input.columns * input.element.bytes()])
        .collect();
    engine.run(&inputs, iterations).map_err(|error| fail(&error))?;
    Ok(engine)
}
