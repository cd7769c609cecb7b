//! The project for Vitis of a design: what the emitter needs beside the program.

use super::{HEADERS, KERNELS, MAPPED};
use crate::{
    array::{Interface, Program},
    emit::vitis,
    ir::{self, Error},
    run::{Form, Host, Runner},
    tensor::Tensor,
};
use melior::Context;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Iterations that the samples of a project have at least.
const SAMPLED: usize = 4;

/// The files of a project for Vitis of a program, by their path in the design.
pub(super) fn project(
    context: &Context,
    files: &BTreeMap<PathBuf, String>,
    program: &Program,
    model: &str,
) -> Result<BTreeMap<PathBuf, String>, vitis::Refused> {
    let kernels: BTreeMap<String, String> = (files.iter())
        .filter(|(path, _)| path.parent() == Some(Path::new(KERNELS)))
        .filter_map(|(path, text)| {
            Some((path.file_stem()?.to_string_lossy().into_owned(), text.clone()))
        })
        .collect();
    let source = vitis::Source { program, kernels: &kernels, headers: HEADERS, model };
    let mapped = files.get(Path::new(MAPPED)).map_or("", String::as_str);
    let samples = || samples(context, mapped, program).map_err(|error| error.to_string());
    let project = vitis::project(&source, samples)?;
    let within = |(path, text)| (Path::new(vitis::FOLDER).join(path), text);
    Ok(project.into_iter().map(within).collect())
}

/// Codes at random, the same ones every time, and what the network makes of them.
fn samples(context: &Context, mapped: &str, program: &Program) -> Result<vitis::Samples, Error> {
    let module = ir::parse(context, mapped, MAPPED)?;
    // What the host computes is no part of the array.
    let runner = Runner::compile(&module)?.with_host(Host::default());
    let blocks = (program.inputs.iter().chain(&program.outputs))
        .map(|tensor| tensor.batch.div_ceil(tensor.rows.max(1)))
        .max()
        .unwrap_or(1)
        .max(1);
    let batches = SAMPLED.div_ceil(blocks);
    // A linear congruential generator, of which the upper bits are used (Knuth's MMIX).
    let mut state: u64 = 1;
    let mut random = |(low, high): (i64, i64)| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + ((state >> 33) as i64).rem_euclid((high - low).saturating_add(1).max(1))
    };
    let mut inputs = Vec::new();
    let mut tensors = Vec::new();
    for (tensor, interface) in program.inputs.iter().zip(&runner.inputs) {
        let count = batches * tensor.batch * tensor.columns;
        let codes: Vec<i64> = (0..count).map(|_| random(tensor.range)).collect();
        let shape = [&[batches * interface.batch()], &interface.shape[1..]].concat();
        tensors.push(Tensor::from_integers(shape, interface.native, &codes)?);
        inputs.push(padded(tensor, &codes, batches, blocks));
    }
    let results = runner.run(&tensors, Some(Form::Codes))?;
    let codes = |result: &Tensor| result.integers().unwrap_or_default();
    let outputs = (program.outputs.iter().zip(&results))
        .map(|(tensor, result)| padded(tensor, &codes(result), batches, blocks))
        .collect();
    Ok(vitis::Samples { inputs, outputs, iterations: batches * blocks })
}

/// The rows of each batch, filled up to whole iterations.
fn padded(tensor: &Interface, codes: &[i64], batches: usize, blocks: usize) -> Vec<Option<i64>> {
    let own = tensor.batch * tensor.columns;
    let all = blocks * tensor.rows * tensor.columns;
    let batch = |index: usize| {
        let codes = codes.get(index * own..(index + 1) * own).unwrap_or_default();
        codes.iter().copied().map(Some).chain(std::iter::repeat(None)).take(all)
    };
    (0..batches).flat_map(batch).collect()
}
