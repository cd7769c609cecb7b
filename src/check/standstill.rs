//! Whether a program of any origin comes to stand still, or races, in one run.
//!
//! The program runs on zeros, and kernels do nothing: locks, streams and
//! cascades meet as they do with data, unless what a core computes decides what
//! it does. Only a program that says everything is judged. Whoever releases a
//! lock, fills a stream or starts a channel from outside makes a run without
//! them mean nothing, as do kernels that may use cascades.

use crate::{
    array::{Bundle, Direction, Flow, LockAction, LockId, Program, UseLock},
    device::{Device, TileKind},
    sim::{Call, Diagnostic, Engine, Failure},
};
use std::{collections::HashSet, rc::Rc};

/// Steps of actors to follow: a few seconds.
const MOST_STEPS: u64 = 20_000;

/// What the engine calls a host.
const HOST: &str = "the runtime sequence";

/// What keeps the program from its end, or makes its result a matter of time; nothing if it is
/// not known.
pub fn check(program: &Program) -> Vec<Diagnostic> {
    if !says_everything(program) {
        return Vec::new();
    }
    let kernels = Rc::new(|call: &Call<u8>| Ok(vec![0; call.kernel.results.len()]));
    let Ok(mut engine) = Engine::<u8>::new(program, kernels) else { return Vec::new() };
    engine.watch();
    engine.limit(MOST_STEPS);
    match engine.run(&[], 1) {
        Err(failure @ Failure::Deadlock(_)) => failure.diagnostics(),
        Err(failure @ Failure::Race(_)) => {
            // A host writes parameters before it starts what leads to their use.
            let of_host = |diagnostic: &Diagnostic| diagnostic.text.contains(HOST);
            failure.diagnostics().into_iter().filter(|found| !of_host(found)).collect()
        }
        _ => Vec::new(),
    }
}

fn says_everything(program: &Program) -> bool {
    let Some(device) = Device::by_name(&program.device) else { return false };
    let ours = !program.inputs.is_empty() || !program.outputs.is_empty();
    let kernels_may_wait = !program.kernels.is_empty() && !program.cascades.is_empty();
    // Packets to a tile's registers do anything.
    let controls = |flow: &Flow| flow.destinations.iter().any(|p| p.bundle == Bundle::TileControl);
    let is_controlled = program.flows.iter().any(controls);
    if ours || kernels_may_wait || is_controlled || program.sequences.len() > 1 {
        return false;
    }
    if !program.sequences.is_empty() {
        // One that meets nothing in the array is part of a program.
        return !program.cores.is_empty() || !program.dmas.is_empty();
    }
    if program.cores.is_empty() {
        return false;
    }
    // Without a host's program, all that moves data must be here.
    let is_shim = |tile| !matches!(device.tile_kind(tile), Some(TileKind::Core | TileKind::Mem));
    let has_program = |port: crate::array::Port, direction| {
        !is_shim(port.tile)
            || port.bundle == Bundle::Dma
                && program.dmas.iter().any(|dma| {
                    (dma.tile, dma.direction, dma.channel) == (port.tile, direction, port.channel)
                })
    };
    let streams = program.flows.iter().all(|flow| {
        has_program(flow.source, Direction::Mm2s)
            && flow.destinations.iter().all(|&port| has_program(port, Direction::S2mm))
    });
    streams && program.allocations.is_empty() && locks_are_released(program)
}

/// Whether the program itself releases all locks that it waits for.
fn locks_are_released(program: &Program) -> bool {
    let mut released: HashSet<LockId> = HashSet::new();
    let mut acquired: Vec<UseLock> = Vec::new();
    for action in uses(program) {
        match action.action {
            LockAction::Release => _ = released.insert(action.lock),
            LockAction::AcquireEqual => return false,
            LockAction::AcquireGreaterEqual => acquired.push(action),
        }
    }
    acquired.iter().all(|action| {
        let at_first = program.locks.get(action.lock.0).map_or(0, |lock| lock.initial);
        released.contains(&action.lock) || action.value <= at_first
    })
}

/// Every use of a lock, as often as it is written.
fn uses(program: &Program) -> Vec<UseLock> {
    let of_channels = program.dmas.iter().flat_map(|channel| &channel.bds);
    let of_channels = of_channels.flat_map(|bd| bd.acquire.iter().chain(&bd.release).copied());
    let of_cores = program.cores.iter().flat_map(|core| {
        let mut found = program.code_locks(core);
        super::limits::locks_of(&core.body, &mut found);
        found
    });
    of_channels.chain(of_cores).collect()
}
