//! The times of a program without its data.

use super::{Costs, Engine, Failure, IdleKernels, Measures, iterations_to_settle};
use crate::array::Program;
use std::{collections::BTreeSet, rc::Rc};

/// Iterations that a run is made longer to at most.
pub const MOST_ITERATIONS: usize = 128;

/// How long a run has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// The first batch is out.
    Batch,
    /// The interval shows.
    Steady,
}

/// The times of `program`, of whose iterations `batch` make a batch, computing nothing.
///
/// # Errors
///
/// If the program does not run.
pub fn measure(program: &Program, batch: usize, until: Until) -> Result<Measures, Failure> {
    let batch = batch.max(1);
    let layers: BTreeSet<&str> = (program.cores.iter())
        .filter_map(|core| core.slice.as_ref().map(|slice| slice.layer.as_str()))
        .collect();
    let mut batches = match until {
        Until::Batch => 1,
        Until::Steady => iterations_to_settle(layers.len()).div_ceil(batch),
    };
    loop {
        let iterations = batches * batch;
        let measures = run(program, batch, iterations)?;
        batches *= 2;
        if until == Until::Batch || measures.steady || batches * batch > MOST_ITERATIONS {
            return Ok(measures);
        }
    }
}

fn run(program: &Program, batch: usize, iterations: usize) -> Result<Measures, Failure> {
    let invalid = |message: String| Failure::Invalid(message.into());
    let costs = Costs::default();
    let kernels = IdleKernels::new(program, costs.kernels).map_err(invalid)?;
    let mut engine = Engine::<()>::timed(program, Rc::new(kernels), costs)?;
    let inputs: Vec<Vec<()>> = (program.inputs.iter())
        .map(|input| vec![(); iterations * input.rows * input.columns * input.element.bytes()])
        .collect();
    engine.run(&inputs, iterations)?;
    let none = || invalid("the program has no time".into());
    engine.measures(batch).ok_or_else(none)
}
