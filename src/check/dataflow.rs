//! Proof that every core gets exactly the elements that it needs.
//!
//! The program is run with *tags* in place of values: a tag names an element of
//! an input or of a layer's output by tensor, iteration, row and column. Each
//! core's [`Slice`] says what its layer reads and which part of it the core
//! needs; a call of its kernel checks that its buffers hold the tags of these
//! elements, in blocked order, and writes the tags of what it computes.
//!
//! What is accepted. An input element of a real row and a real feature has to
//! be the very element. At a feature beyond the slice, in a real row: zero, or
//! anything (even memory that was never written) where all weights that it
//! meets are zero, for zero times anything is zero in integers. In a padded
//! row: anything, for a row of the output depends on that row only, and no
//! output of the program has padded rows. Weights and parameters have to be what the
//! program initially puts into these buffers. That those are the model's is not
//! shown here, nor what a kernel computes: running the design shows that.
//!
//! Why one run is enough. Without races ([`super::races`]) no actor can tell
//! timings apart, so this run stands for all. Four iterations run, two and two, or
//! whole invocations if tensors lie in the host's memory; after either half all locks, channels and cores stand alike, so that all
//! further iterations are as these. Kernels use their cascade as often as makes a core wait until the
//! end of its chain has begun, which is the most that any kernel can demand.

mod network;
mod tag;

use super::{At, Violation, races};
use crate::{
    array::{Interface, Program, Tile},
    device::Device,
    sim::{CASCADE_BYTES, Call, Cell as _, Engine, Failure, Interrupt, Tag, Value},
};
use network::{Network, Task, arguments, elementwise};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    ops::Range,
    rc::Rc,
};
use tag::{ITERATION_BITS, Kind, Name};

/// Iterations that buffers take turns in.
const TURNS: usize = 2;

/// Check a program of this compiler, all of whose cores say what they compute.
pub fn check(program: &Program) -> Vec<Violation> {
    let network = match Network::new(program) {
        Ok(network) => network,
        Err(found) => return found,
    };
    let found = races::check(program, |core, argument| {
        // The last core of a cascade writes its last argument.
        core.slice.as_ref().is_some_and(|slice| {
            slice.cascade.0 + 1 == slice.cascade.1 && Some(argument + 1) == arguments(core)
        })
    });
    if !found.is_empty() {
        return found;
    }
    match run(program, network) {
        Ok(()) => Vec::new(),
        Err(found) => vec![found],
    }
}

struct Checker {
    network: Network,
    /// Where they are and what they hold at first, by the names of buffers,
    /// which cores pass to their kernels.
    initial: HashMap<String, (Tile, Vec<u8>)>,
    /// Calls of each core so far.
    calls: Vec<Cell<usize>>,
    /// Cascade values of a call, per core of the cascade.
    depth: usize,
    /// Of each of two runs.
    iterations: usize,
    failure: RefCell<Option<Violation>>,
}

fn run(program: &Program, network: Network) -> Result<(), Violation> {
    let device = Device::by_name(&program.device)
        .ok_or_else(|| Violation::new(At::Device, "is of a device that is not known"))?;
    let initial = program.buffers.iter();
    let initial = initial.filter_map(|b| Some((b.name.clone(), (b.tile, b.initial.clone()?))));
    let initial = initial.collect();
    let checker = Rc::new(Checker {
        initial,
        calls: network.tasks.iter().map(|_| Cell::new(0)).collect(),
        depth: device.cascade_depth as usize,
        iterations: iterations(program)?,
        failure: RefCell::new(None),
        network,
    });
    let kernels = {
        let checker = checker.clone();
        Rc::new(move |call: &Call<Tag>| checker.call(call))
    };
    let fail = |failure: Failure| match checker.failure.take() {
        Some(violation) => violation,
        None => explain(failure),
    };
    let mut engine = Engine::new(program, kernels).map_err(fail)?;
    let mut states = Vec::new();
    let count = checker.iterations;
    for round in 0..2 {
        let inputs: Vec<Vec<Tag>> =
            (0..program.inputs.len()).map(|i| tensor(program, round, count, i)).collect();
        let outputs = engine.run(&inputs, count).map_err(fail)?;
        for (index, output) in outputs.iter().enumerate() {
            checker.output(program, round, index, output)?;
        }
        let iterations = (round + 1) * count;
        if let Some(core) = checker.calls.iter().position(|calls| calls.get() != iterations) {
            return Err(Violation::new(
                At::Core(core),
                format_args!(
                    "has called its kernel {} times when all outputs of {iterations} iterations have arrived",
                    checker.calls[core].get()
                ),
            ));
        }
        states.push(engine.state());
    }
    if states[0] == states[1] {
        return Ok(());
    }
    let message = format!(
        "does not stand after {} iterations as it did after {count}: sooner or later it stops or loses data",
        2 * count
    );
    let differences = engine.differences(&states[0], &states[1]).join(", ");
    Err(Violation {
        at: At::Device,
        message,
        notes: vec![format!("otherwise stand: {differences}")],
    })
}

/// Iterations of each of two runs: whole turns of the buffers, in whole invocations.
fn iterations(program: &Program) -> Result<usize, Violation> {
    let mut all = program.inputs.iter().chain(&program.outputs);
    let held = all.find_map(|tensor| {
        let rows = program.buffers.get(tensor.memory?.0)?.shape.first()?;
        Some(rows / tensor.rows.max(1))
    });
    let invocation = held.unwrap_or(1).max(1);
    let turns = if invocation.is_multiple_of(TURNS) { 1 } else { TURNS };
    if 2 * turns * invocation < 1 << ITERATION_BITS {
        return Ok(turns * invocation);
    }
    let message = format!("has {invocation} iterations in one invocation, too many to check");
    Err(Violation::new(At::Device, message))
}

/// Tags of the iterations of a round of an input.
fn tensor(program: &Program, round: usize, count: usize, tensor: usize) -> Vec<Tag> {
    tags(&program.inputs[tensor], round * count..(round + 1) * count, Kind::Input, tensor).collect()
}

/// Tags of the iterations of a round, as host tensors have them.
fn tags(
    interface: &Interface,
    iterations: Range<usize>,
    kind: Kind,
    tensor: usize,
) -> impl Iterator<Item = Tag> {
    let Interface { rows, columns, element, .. } = *interface;
    let of_row = move |(iteration, row)| {
        (0..columns).flat_map(move |column| {
            (0..element.bytes())
                .map(move |byte| Name { kind, tensor, iteration, row, column, byte }.tag())
        })
    };
    iterations
        .flat_map(move |iteration| (0..rows).map(move |row| (iteration, row)))
        .flat_map(of_row)
}

/// A failure of the run as a violation: its first line, and notes.
fn explain(failure: Failure) -> Violation {
    let text = failure.to_string();
    let text = match failure {
        Failure::Deadlock(_) => format!("comes to a {text}"),
        Failure::Leftover(_) => format!("does not come to rest: {text}"),
        _ => format!("does not run: {text}"),
    };
    // Lines that are not indented begin a paragraph.
    let mut paragraphs: Vec<String> = Vec::new();
    for line in text.lines() {
        match paragraphs.last_mut() {
            Some(last) if line.starts_with("  ") => {
                last.push('\n');
                last.push_str(line);
            }
            _ => paragraphs.push(line.to_string()),
        }
    }
    let mut paragraphs = paragraphs.into_iter();
    let mut first = paragraphs.next().unwrap_or_default();
    let mut notes = Vec::new();
    // An error message is one line.
    if let Some((head, rest)) = first.clone().split_once(":\n") {
        notes.push(rest.trim_start().to_string());
        first = head.to_string();
    }
    notes.extend(paragraphs);
    Violation { at: At::Device, message: first, notes }
}

impl Checker {
    fn call(&self, call: &Call<Tag>) -> Result<Vec<i64>, Interrupt> {
        let iteration = self.calls[call.core].get();
        self.calls[call.core].set(iteration + 1);
        let result = self.compute(call, iteration);
        if let Err(Interrupt::Error(message)) = &result {
            let violation = Violation::new(At::Core(call.core), message);
            self.failure.borrow_mut().get_or_insert(violation);
        }
        result.map(|()| Vec::new())
    }

    fn compute(&self, call: &Call<Tag>, iteration: usize) -> Result<(), Interrupt> {
        let task = &self.network.tasks[call.core];
        let (position, length) = task.slice.cascade;
        let layer = &self.network.layers[task.layer].name;
        let mut buffers = Vec::new();
        for argument in call.arguments {
            match argument {
                Value::Memory { cells, name, element } => {
                    buffers.push((*cells, *name, element.bytes()))
                }
                Value::Integer(_) => {
                    return Err(format!("gives '{}' a number", call.kernel.name).into());
                }
            }
        }
        let elementwise = elementwise(&task.slice);
        let expected = match elementwise {
            _ if task.slice.whole => {
                task.widths.iter().map(|(_, width)| task.rows * width).collect()
            }
            true => vec![task.rows * task.k; task.sources.len()],
            false => vec![task.rows * task.k, task.k * task.n],
        };
        for (index, size) in expected.into_iter().enumerate() {
            if buffers.get(index).is_none_or(|(cells, _, width)| cells.len() != size * width) {
                return Err(format!(
                    "gives '{}' an argument {index} of another size",
                    call.kernel.name
                )
                .into());
            }
        }
        if iteration >= 2 * self.iterations {
            return Err(format!(
                "computes layer '{layer}' at {} for iteration {iteration}, of which there are {}",
                call.tile,
                2 * self.iterations
            )
            .into());
        }
        // Weights and parameters; the last core of a cascade has its output behind them.
        let constants = match elementwise {
            _ if task.slice.whole => task.sources.len()..buffers.len().saturating_sub(1),
            true => 0..0,
            false => 1..buffers.len() - usize::from(position + 1 == length && buffers.len() > 2),
        };
        for (cells, name, _) in &buffers[constants] {
            let initial = self.initial.get(*name);
            // A neighbor's weights have the right shape, but are for another slice.
            if let Some((tile, _)) = initial.filter(|(tile, _)| *tile != call.tile) {
                return Err(format!(
                    "takes '{name}' of {tile} at {} in iteration {iteration}, needs weights of its own",
                    call.tile
                )
                .into());
            }
            let same = |(_, initial): &(Tile, Vec<u8>)| {
                cells
                    .iter()
                    .zip(initial)
                    .all(|(cell, &byte)| cell.get().as_constant() == Some(byte))
            };
            if !initial.is_some_and(same) {
                return Err(format!(
                    "reads '{name}' at {} in iteration {iteration}, which is not what it was in the beginning",
                    call.tile
                )
                .into());
            }
        }
        for (port, (&source, &(cells, _, width))) in task.sources.iter().zip(&buffers).enumerate() {
            self.input(call, task, (port, source), iteration, cells, width)?;
        }
        self.cascade(call, task, iteration)?;
        if position + 1 == length {
            let Some(&(cells, _, width)) = buffers.last().filter(|_| buffers.len() >= 3) else {
                return Err(format!("gives '{}' no buffer for its output", call.kernel.name).into());
            };
            output(task, iteration, cells, width);
        }
        Ok(())
    }

    fn input(
        &self,
        call: &Call<Tag>,
        task: &Task,
        (port, (kind, tensor)): (usize, (Kind, usize)),
        iteration: usize,
        cells: &[Cell<Tag>],
        width: usize,
    ) -> Result<(), Interrupt> {
        let (m, k, _) = task.slice.microtile;
        let (begin, real, whole) = match task.widths.get(port) {
            Some(&(features, width)) => (0, features, width),
            None => (task.slice.k.0, task.slice.k.1 - task.slice.k.0, task.k),
        };
        let mut at = 0;
        for mb in 0..task.rows / m {
            for kb in 0..whole / k {
                for row in mb * m..(mb + 1) * m {
                    for feature in kb * k..(kb + 1) * k {
                        let element = &cells[at..at + width];
                        at += width;
                        if row >= task.slice.rows {
                            continue;
                        }
                        let column = begin + feature;
                        let name = Name { kind, tensor, iteration, row, column, byte: 0 };
                        let tag = name.tag().0;
                        let (good, what) = if feature < real {
                            (
                                element.iter().zip(tag..).all(|(cell, tag)| cell.get() == Tag(tag)),
                                "",
                            )
                        } else {
                            let zero = |cell: &Cell<Tag>| {
                                cell.get() == Tag::ZERO || cell.get().as_constant() == Some(0)
                            };
                            (
                                task.slice.whole
                                    || task.unused[feature - real]
                                    || element.iter().all(zero),
                                "padded ",
                            )
                        };
                        if good {
                            continue;
                        }
                        let found =
                            element.iter().zip(tag..).find(|(cell, tag)| cell.get() != Tag(*tag));
                        let found = found.map_or(element[0].get(), |(cell, _)| cell.get());
                        let expected = if feature < real {
                            self.network.describe(name.tag())
                        } else {
                            "zero".to_string()
                        };
                        return Err(format!(
                            "gets {} as {what}input {column} of row {row} of layer '{}' at {} in iteration {iteration}, needs {expected}",
                            self.network.describe(found),
                            task.slice.layer,
                            call.tile,
                        )
                        .into());
                    }
                }
            }
        }
        Ok(())
    }

    /// Take and hand on partial sums: tags of layer, iteration, position and chain.
    fn cascade(&self, call: &Call<Tag>, task: &Task, iteration: usize) -> Result<(), Interrupt> {
        let (position, length) = task.slice.cascade;
        let sum = |position| {
            let name = Name {
                kind: Kind::Other,
                tensor: task.layer,
                iteration,
                row: position,
                column: task.slice.n.0,
                byte: 0,
            };
            name.tag()
        };
        // More than all cascades of the chain hold together.
        let count = if length > 1 { self.depth * length + 1 } else { 0 };
        for _ in 0..count {
            if position > 0 {
                let found = call.cascade.get()?[0];
                if found != sum(position - 1) {
                    let whose = match Name::of(found) {
                        Some(Name {
                            kind: Kind::Other, tensor, iteration, row, column, ..
                        }) => format!(
                            "position {row} of the chain of outputs {column}.. of layer '{}' in iteration {iteration}",
                            self.network.layers.get(tensor).map_or("?", |layer| &layer.name)
                        ),
                        _ => "something else".to_string(),
                    };
                    return Err(format!(
                        "gets partial sums of {whose} at {}, needs those of position {} of the chain of outputs {}.. of layer '{}' in iteration {iteration}",
                        call.tile,
                        position - 1,
                        task.slice.n.0,
                        task.slice.layer
                    )
                    .into());
                }
            }
            if position + 1 < length {
                call.cascade.put([sum(position); CASCADE_BYTES])?;
            }
        }
        Ok(())
    }

    /// Check a tensor that the program delivered.
    fn output(
        &self,
        program: &Program,
        round: usize,
        index: usize,
        found: &[Tag],
    ) -> Result<(), Violation> {
        let interface = &program.outputs[index];
        let filler = self.network.layers.iter().position(|layer| layer.outputs.contains(&index));
        let iterations = round * self.iterations..(round + 1) * self.iterations;
        let expected = tags(interface, iterations, Kind::Output, filler.unwrap_or(0));
        for (&found, expected) in found.iter().zip(expected) {
            if found != expected {
                return Err(Violation::new(
                    At::Device,
                    format_args!(
                        "delivers {} in output '{}', needs {}",
                        self.network.describe(found),
                        interface.name,
                        self.network.describe(expected)
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// Write the tags of what a core computes, blocked.
fn output(task: &Task, iteration: usize, cells: &[Cell<Tag>], width: usize) {
    let (m, _, n) = task.slice.microtile;
    let real = task.slice.n.1 - task.slice.n.0;
    let mut at = 0;
    for mb in 0..task.rows / m {
        for nb in 0..task.n / n {
            for row in mb * m..(mb + 1) * m {
                for feature in nb * n..(nb + 1) * n {
                    let padding = row >= task.slice.rows || feature >= real;
                    let kind = if padding { Kind::Other } else { Kind::Output };
                    let column = task.slice.n.0 + feature;
                    for (byte, cell) in cells[at..at + width].iter().enumerate() {
                        cell.set(
                            Name { kind, tensor: task.layer, iteration, row, column, byte }.tag(),
                        );
                    }
                    at += width;
                }
            }
        }
    }
}
