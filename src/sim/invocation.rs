//! Tensors in the host's memory: what an invocation of the program takes and gives.
//!
//! **Invariant:** all tensors in memory hold the same number of iterations.

use std::cell;
use std::collections::{BTreeMap, HashMap};

use super::cell::Cell;
use crate::array::{
    Bd, Buffer, Direction, Interface, LockAction, LockId, Program, Step, Task, Tile, UseLock,
};

/// What the host does around an invocation of a program with tensors in its memory.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    /// Iterations of the program.
    pub iterations: usize,
    /// What it releases to start the shim channels, and acquires when they are done.
    pub starts: Vec<UseLock>,
    pub ends: Vec<UseLock>,
}

impl Invocation {
    /// `None` if no tensor lies in the host's memory.
    pub(super) fn of(program: &Program) -> Result<Option<Invocation>, String> {
        let mut iterations = None;
        for interface in program.inputs.iter().chain(&program.outputs) {
            let Some(memory) = interface.memory else { continue };
            let buffer = program
                .buffers
                .get(memory.0)
                .filter(|buffer| buffer.external)
                .ok_or_else(|| format!("'{}' lies in no external buffer", interface.name))?;
            let fits = buffer.element == interface.element
                && matches!(*buffer.shape.as_slice(), [rows, pitch]
                    if pitch >= interface.columns.max(1) && rows >= interface.rows
                        && rows.is_multiple_of(interface.rows.max(1)));
            if !fits || interface.rows == 0 || interface.columns == 0 {
                return Err(format!(
                    "'{}' is {} rows of {} columns at a time, buffer '{}' does not hold whole times of that",
                    interface.name, interface.rows, interface.columns, buffer.name
                ));
            }
            let here = buffer.shape[0] / interface.rows;
            if *iterations.get_or_insert(here) != here {
                return Err(format!(
                    "'{}' has {here} iterations in memory, other tensors {}",
                    interface.name,
                    iterations.unwrap_or(0)
                ));
            }
        }
        let Some(iterations) = iterations else { return Ok(None) };
        // Locks of each kind of use that only the host answers.
        let shim = |bd: &Bd| program.buffers[bd.buffer.0].external;
        let bds = || program.dmas.iter().flat_map(|dma| &dma.bds);
        let sum = |uses: &dyn Fn(&Bd) -> Option<UseLock>,
                   answers: &dyn Fn(&Bd) -> Option<UseLock>,
                   action| {
            let mut sums: BTreeMap<LockId, i32> = BTreeMap::new();
            for action in bds().filter(|bd| shim(bd)).filter_map(uses) {
                *sums.entry(action.lock).or_default() += action.value;
            }
            for answered in bds().filter_map(answers) {
                sums.remove(&answered.lock);
            }
            sums.into_iter().map(|(lock, value)| UseLock { lock, action, value }).collect()
        };
        Ok(Some(Invocation {
            iterations,
            starts: sum(&|bd| bd.acquire, &|bd| bd.release, LockAction::Release),
            ends: sum(&|bd| bd.release, &|bd| bd.acquire, LockAction::AcquireGreaterEqual),
        }))
    }
}

/// Words of an iteration, of each channel that moves words of the host's memory; `None` if an
/// invocation is one iteration, or does not divide into iterations.
pub(super) fn words_of_iterations(
    program: &Program,
    invocation: Option<&Invocation>,
) -> HashMap<(Tile, Direction, u32), Option<usize>> {
    let mut words: HashMap<_, usize> = HashMap::new();
    let external = |bd: &&Bd| program.buffers[bd.buffer.0].external;
    let count = |bd: &Bd| bd.len.saturating_mul(program.buffers[bd.buffer.0].element.bytes()) / 4;
    let mut add = |place, bds: &[Bd], times: u32| {
        let sum = bds.iter().filter(external).map(count).fold(0, usize::saturating_add);
        let moved = sum.saturating_mul(times as usize + 1);
        if moved > 0 {
            let all = words.entry(place).or_default();
            *all = moved.saturating_add(*all);
        }
    };
    for dma in &program.dmas {
        add((dma.tile, dma.direction, dma.channel), &dma.bds, dma.repeat_count);
    }
    for step in program.sequences.iter().flat_map(|sequence| &sequence.steps) {
        match step {
            Step::Copy(copy) => {
                if let Some(of) = program.allocations.get(copy.allocation) {
                    add((of.tile, of.direction, of.channel), &copy.chain(), 0);
                }
            }
            Step::Start(Task { channel, chain, repeat_count, .. }) => {
                add((channel.tile, channel.direction, channel.channel), chain, *repeat_count);
            }
            Step::Wait { .. } | Step::Sync(_) | Step::Write(_) => {}
        }
    }
    let iterations = invocation.map_or(1, |invocation| invocation.iterations);
    let even = iterations > 1 && words.values().all(|words| words.is_multiple_of(iterations));
    words.into_iter().map(|(place, words)| (place, even.then_some(words / iterations))).collect()
}

/// Puts the rows of invocation `time` of a tensor into its buffer, with zeros around.
pub(super) fn fill<C: Cell>(
    interface: &Interface,
    buffer: &Buffer,
    cells: &[cell::Cell<C>],
    tensor: &[C],
    time: usize,
) {
    let (row, pitch) = extents(interface, buffer);
    for (index, cells) in cells.chunks_exact(pitch).enumerate() {
        let start = (time * buffer.shape[0] + index) * row;
        let source = tensor.get(start..start + row).unwrap_or_default();
        let values = source.iter().copied().chain(std::iter::repeat(C::ZERO));
        cells.iter().zip(values).for_each(|(cell, value)| cell.set(value));
    }
}

/// Takes the rows of invocation `time` of a tensor from its buffer.
pub(super) fn take<C: Cell>(
    interface: &Interface,
    buffer: &Buffer,
    cells: &[cell::Cell<C>],
    tensor: &mut [C],
    time: usize,
) {
    let (row, pitch) = extents(interface, buffer);
    let start = time * buffer.shape[0] * row;
    let rows = tensor[start..].chunks_exact_mut(row);
    for (target, cells) in rows.zip(cells.chunks_exact(pitch)) {
        target.iter_mut().zip(cells).for_each(|(value, cell)| *value = cell.get());
    }
}

/// Bytes of a row of the tensor, and of its buffer.
fn extents(interface: &Interface, buffer: &Buffer) -> (usize, usize) {
    let bytes = interface.element.bytes();
    (interface.columns * bytes, buffer.shape[1] * bytes)
}
