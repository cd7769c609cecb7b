use crate::{
    array::{Part, Program},
    check::{At, Violation, limits, standstill},
    device::Device,
    dialect::aie::{self, Places},
    mlir::pass::{self, Failure, Pass, fail},
    plan::route::{Effort, NoRoute, Router},
    sim::Diagnostic,
};
use melior::ir::{Location, OperationRef, operation::OperationLike};
use std::{collections::HashMap, path::Path};

crate::pass! {
    /// Refuse what the hardware forbids and mlir-aie lets through.
    ///
    /// Of DMA programs, those of a host's tasks too: descriptors whose dimensions do not
    /// multiply to their length, that split words of 4 bytes, exceed a register field, or
    /// have only one of acquire and release; more memory, locks or descriptors
    /// than a tile has; buffers that overlap each other or the stack; exact
    /// acquires of counting locks, locks that nobody releases; host streams in columns
    /// without shim DMA, packets and cascades that lead nowhere.
    ///
    /// Of object FIFOs: loops that hold another number of objects at their end than
    /// at their begin, releases of what is not held, uses after a release, padding that
    /// would be dropped, and access patterns that exceed a register field. Of cores: more program
    /// memory than there is, by an estimate of 8 bytes an op and the size of the kernels
    /// they call, and more on the stack than `stack_size`. Of the host's copies:
    /// repetitions, descriptors, patterns and tokens that do not exist.
    ///
    /// If none of this is found, and the device says all that happens to it, it is run once
    /// on zeros, to find deadlocks and races.
    ///
    /// With `routes`, of streams: those for which mlir-aie's router would look in vain, in the
    /// order of their flows and with nothing else on the wires.
    ///
    /// Takes any `aie.device`. Reports every mistake, changes nothing.
    pub struct Validate: "aie-validate" on "aie.device" {
        /// Folder of kernels' objects or sources, beside that of the file and its 'kernels'
        kernels: String = String::new(),
        /// Whether ways are looked for, which takes a second or more where there are none.
        routes: bool = false,
    }
}

/// Rounds after which mlir-aie gives up, and edges to look at in them.
const EFFORT: Effort = Effort { rounds: 1000, steps: 500_000_000 };

/// A flow for which there is no way, and why.
fn unrouted(program: &Program) -> Option<(usize, String)> {
    let device = Device::by_name(&program.device)?;
    let flows = program.flows.iter().enumerate();
    let circuits: Vec<usize> =
        flows.filter(|(_, flow)| flow.packet.is_none()).map(|(index, _)| index).collect();
    let error = Router::new(&device).route(&program.flows, &circuits, EFFORT).err()?;
    let flow = match &error {
        NoRoute::Congested { flows, .. } => flows.first().copied()?,
        NoRoute::Unreachable { flow, .. } => *flow,
    };
    Some((flow, format!("cannot be routed: {error}")))
}

impl Pass for Validate {
    fn run<'c>(&self, device: OperationRef<'c, '_>) -> pass::Result<'c> {
        let (program, places) = aie::read_known(device)?;
        let mut failures =
            located(device, &places, limits::check(&program, aie::is_closed(device)));
        failures.extend(aie::mistakes(device, Path::new(&self.kernels)));
        // What a run shows means nothing where something is wrong already.
        if failures.is_empty()
            && aie::is_alone(device)
            && aie::is_complete(device)
            && let Ok(program) = aie::read(device)
        {
            let found = standstill::check(&program);
            let parts = match found.is_empty() {
                true => HashMap::new(),
                false => aie::locations(device)?,
            };
            failures = found.iter().map(|found| shown(device, &parts, found)).collect();
        }
        if self.routes
            && let Some((flow, message)) = unrouted(&program)
        {
            failures.push(fail(&places.flows[flow], message));
        }
        report(failures)
    }
}

/// Violations at the ops that they are about.
pub(super) fn located<'c>(
    device: OperationRef<'c, '_>,
    places: &Places<'c, '_>,
    violations: Vec<Violation>,
) -> Vec<Failure<'c>> {
    let place = |violation: Violation| {
        let op = match violation.at {
            At::Device => device,
            At::Buffer(buffer) => places.buffers.get(buffer.0).copied().unwrap_or(device),
            At::Lock(lock) => places.locks.get(lock.0).copied().unwrap_or(device),
            At::Channel(channel) => places.dmas[channel].0,
            At::Descriptor(channel, bd) => {
                let (start, bds) = &places.dmas[channel];
                bds.get(bd).copied().unwrap_or(*start)
            }
            At::Flow(flow) => places.flows[flow],
            At::Core(core) => places.cores[core],
        };
        let notes = violation.notes.into_iter();
        notes.fold(fail(&op, violation.message), |failure, note| failure.note(op.location(), note))
    };
    violations.into_iter().map(place).collect()
}

/// A diagnostic of the simulator, at the parts that it is about.
fn shown<'c>(
    device: OperationRef<'c, '_>,
    parts: &HashMap<Part, Location<'c>>,
    found: &Diagnostic,
) -> Failure<'c> {
    let place = |part: Option<Part>| {
        let mut own = std::iter::successors(part, |part| part.parent());
        own.find_map(|part| parts.get(&part).copied()).unwrap_or(device.location())
    };
    let head = Failure::at(place(found.at), &found.text);
    found.notes.iter().fold(head, |failure, note| failure.note(place(note.at), &note.text))
}

/// Reports all failures: the last as the result of the pass, the others before.
pub(super) fn report<'c>(mut failures: Vec<Failure<'c>>) -> pass::Result<'c> {
    let last = failures.pop();
    failures.iter().for_each(Failure::emit);
    last.map_or(Ok(()), Err)
}
