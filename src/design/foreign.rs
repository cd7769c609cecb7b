//! Designs that this compiler did not make: what they take and give is found
//! in their memory, by name.

use super::{Care, Origin, fail, start, timing, write_trace};
use crate::{
    array::{Buffer, BufferId, Direction, Element, LockId, Program, Step},
    ir::Error,
    run::{self, Executable, Timed},
    sim::{Engine, Kernels, Timing},
    tensor::{Dtype, Tensor},
};
use std::{path::PathBuf, rc::Rc};

/// What a caller wants of a design without `aie4ml.inputs` and `aie4ml.outputs`.
#[derive(Clone, Default, Debug)]
pub struct Wishes {
    /// Buffers to fill before the run; empty for those that the host sends.
    pub inputs: Vec<String>,
    /// Buffers to read after it; empty for those that the host receives.
    pub outputs: Vec<String>,
    /// Locks that the host releases before the run, by a value.
    pub releases: Vec<(String, i32)>,
    /// Rows of the batch of a model that leaves them open.
    pub batch: Option<usize>,
    /// The device to execute, of several in a module.
    pub device: Option<String>,
    /// Where the kernels' sources are, if not beside the design.
    pub kernels: Option<PathBuf>,
    /// Fail at two accesses that nothing orders.
    pub check_races: bool,
    /// Steps without effect after which to give up, see [`Engine::give_up_after`].
    pub max_steps: Option<u64>,
}

impl Wishes {
    /// Whether they need a design without interfaces of its own.
    pub fn names_memory(&self) -> bool {
        !self.releases.is_empty()
    }
}

pub(super) struct Foreign {
    program: Program,
    kernels: Rc<dyn Kernels<u8>>,
    inputs: Vec<BufferId>,
    outputs: Vec<BufferId>,
    releases: Vec<(LockId, i32)>,
    care: Care,
    origin: Origin,
}

impl Foreign {
    /// # Errors
    ///
    /// If a name stands for nothing.
    pub fn new(
        program: Program,
        kernels: Rc<dyn Kernels<u8>>,
        wishes: &Wishes,
        origin: Origin,
    ) -> Result<Foreign, Error> {
        let (sent, received) = boundary(&program);
        let find = |names: &[String], usual: Vec<BufferId>| match names {
            [] => Ok(usual),
            names => names.iter().map(|name| buffer(&program, name)).collect(),
        };
        let releases = wishes.releases.iter().map(|(name, value)| {
            let lock = program.locks.iter().position(|lock| lock.name == *name);
            let lock = lock.ok_or_else(|| {
                Error::new("--release", format_args!("the device has no lock '{name}'"))
            })?;
            Ok((LockId(lock), *value))
        });
        Ok(Foreign {
            inputs: find(&wishes.inputs, sent)?,
            outputs: find(&wishes.outputs, received)?,
            releases: releases.collect::<Result<_, Error>>()?,
            care: wishes.into(),
            kernels,
            program,
            origin,
        })
    }

    pub fn interfaces(&self) -> (Vec<run::Interface>, Vec<run::Interface>) {
        let interface = |&BufferId(id): &BufferId| {
            let buffer = &self.program.buffers[id];
            let shape = if buffer.shape.is_empty() { vec![1] } else { buffer.shape.clone() };
            run::Interface {
                name: buffer.name.clone(),
                shape,
                model_shape: None,
                native: dtype(buffer),
                quantization: None,
            }
        };
        (self.inputs.iter().map(interface).collect(), self.outputs.iter().map(interface).collect())
    }
}

/// The buffers that the host sends from, and those that it receives into.
fn boundary(program: &Program) -> (Vec<BufferId>, Vec<BufferId>) {
    let ids = |wanted: &dyn Fn(BufferId) -> bool| {
        let external = (0..program.buffers.len()).map(BufferId);
        external.filter(|&id| program.buffers[id.0].external && wanted(id)).collect()
    };
    let used = |id: BufferId, direction: Direction| {
        let own = program.dmas.iter().filter(|dma| dma.direction == direction);
        let mut steps = program.sequences.iter().flat_map(|sequence| &sequence.steps);
        own.flat_map(|dma| &dma.bds).any(|bd| bd.buffer == id)
            || steps.any(|step| match step {
                Step::Copy(copy) => {
                    copy.buffer == id && program.allocations[copy.allocation].direction == direction
                }
                Step::Start(task) => {
                    task.channel.direction == direction
                        && task.chain.iter().any(|bd| bd.buffer == id)
                }
                _ => false,
            })
    };
    (ids(&|id| used(id, Direction::Mm2s)), ids(&|id| used(id, Direction::S2mm)))
}

fn buffer(program: &Program, name: &str) -> Result<BufferId, Error> {
    let place = program.buffers.iter().position(|buffer| buffer.name == name);
    place.map(BufferId).ok_or_else(|| {
        Error::new(
            "",
            format_args!("the device has no buffer '{name}', nor its sequence such an argument"),
        )
    })
}

/// How a buffer's elements are given and shown; bf16 by its bits.
fn dtype(buffer: &Buffer) -> Dtype {
    match buffer.element {
        Element::I8 => Dtype::I8,
        Element::I16 => Dtype::I16,
        Element::I32 => Dtype::I32,
        Element::I64 => Dtype::I64,
        Element::Bf16 => Dtype::U16,
        Element::F32 => Dtype::F32,
    }
}

impl Executable for Foreign {
    /// One invocation of the sequence for each iteration; the array goes on from one to the next.
    fn execute(&self, iterations: Vec<Vec<Tensor>>) -> Result<Vec<Vec<Tensor>>, Error> {
        Ok(self.invoke(iterations, None)?.0)
    }

    /// No more invocations than are asked for: another might find the array at its end.
    fn execute_timed(
        &self,
        iterations: Vec<Vec<Tensor>>,
        how: &Timed,
    ) -> Result<(Vec<Vec<Tensor>>, Timing), Error> {
        let (results, engine) = self.invoke(iterations, Some(how))?;
        let timing = timing(&engine)?;
        write_trace(&engine, how)?;
        Ok((results, timing))
    }
}

impl Foreign {
    fn invoke(
        &self,
        iterations: Vec<Vec<Tensor>>,
        timed: Option<&Timed>,
    ) -> Result<(Vec<Vec<Tensor>>, Engine<u8>), Error> {
        if iterations.len() > 1 && self.program.sequences.is_empty() {
            return Err(fail(&"a design without a runtime sequence runs once"));
        }
        let explain = |failure| self.origin.explain(&failure);
        let engine = start(&self.program, &self.kernels, timed, self.care);
        let mut engine = engine.map_err(explain)?;
        for &(lock, value) in &self.releases {
            engine.release(lock, value).map_err(explain)?;
        }
        let name = |id: &BufferId| &self.program.buffers[id.0].name;
        let mut results = Vec::new();
        for inputs in iterations {
            for (id, tensor) in self.inputs.iter().zip(&inputs) {
                engine.write(name(id), tensor.data()).map_err(explain)?;
            }
            engine.run(&[], 1).map_err(explain)?;
            let (_, interfaces) = self.interfaces();
            let read = self.outputs.iter().zip(interfaces).map(|(id, interface)| {
                let bytes = engine.read(name(id)).unwrap_or_default();
                Ok(Tensor::new(interface.shape, interface.native, bytes)?)
            });
            results.push(read.collect::<Result<_, Error>>()?);
        }
        Ok((results, engine))
    }
}
