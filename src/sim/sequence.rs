//! The host: its memory, and what it does to start the array and to learn that
//! the array is done.
//!
//! A device with a runtime sequence is told by tasks, and answers by tokens.
//! Elsewhere the DMA programs of the shim run for ever, held up by locks that
//! only the host releases, and release others that only the host acquires.
//!
//! **Invariant:** between two invocations all tasks have ended and all tokens
//! are taken.

use std::cell;
use std::collections::{BTreeMap, VecDeque};

use super::cell::Cell;
use super::dma::Channel;
use super::engine::Actor;
use super::fabric::{ActorId, Fabric, Queue, Wait};
use super::stream::Network;
use crate::array::{
    Bd, Buffer, Bundle, Direction, DmaChannel, Interface, LockAction, LockId, Port, Program, Step,
    UseLock,
};
use crate::device::Device;

/// Carries out a runtime sequence.
pub(super) struct Host {
    actions: Vec<Action>,
    at: usize,
    /// Tasks that a channel's queue holds.
    depth: usize,
    wait: Option<Wait>,
}

#[derive(Clone, Copy)]
enum Action {
    /// Hand a channel one of its descriptors.
    Start { queue: usize, task: usize },
    /// Take a token.
    Wait { queue: usize },
}

impl Host {
    /// Begin with the sequence; false if it is empty.
    pub(super) fn begin(&mut self) -> bool {
        self.at = 0;
        !self.actions.is_empty()
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == self.actions.len()
    }

    /// Steps done, and their number.
    pub(super) fn position(&self) -> (usize, usize) {
        (self.at, self.actions.len())
    }

    pub(super) fn wait(&self) -> Option<&Wait> {
        self.wait.as_ref()
    }

    pub(super) fn step<C: Cell>(&mut self, fabric: &mut Fabric<C>) {
        self.wait = None;
        while let Some(&action) = self.actions.get(self.at) {
            match action {
                Action::Start { queue, task } => {
                    let state = &mut fabric.queues[queue];
                    if state.tasks.len() >= self.depth {
                        self.wait = Some(Wait::Task(queue));
                        return;
                    }
                    state.tasks.push_back(task);
                    fabric.agenda.wake(state.channel);
                }
                Action::Wait { queue } => {
                    let state = &mut fabric.queues[queue];
                    match state.tokens.front() {
                        Some(&end) if fabric.latency.is_some() && end > fabric.agenda.now => {
                            return fabric.agenda.wake_at(state.host, end);
                        }
                        Some(_) => state.tokens.pop_front(),
                        None => {
                            self.wait = Some(Wait::Token(queue));
                            return;
                        }
                    };
                }
            }
            self.at += 1;
            if self.is_done() {
                fabric.lacking -= 1;
            }
        }
    }
}

/// Adds the shim channels that the program's runtime sequence uses, and the
/// host, to the actors; returns the queues between them. `claim` takes a port
/// as a source or a destination, and is false if somebody has it.
pub(super) fn actors<C: Cell>(
    program: &Program,
    device: &Device,
    network: &Network<C>,
    actors: &mut Vec<Actor<C>>,
    mut claim: impl FnMut(Port, bool) -> bool,
) -> Result<Vec<Queue>, String> {
    let sequence = match program.sequences.as_slice() {
        [] => return Ok(Vec::new()),
        [one] => one,
        more => {
            return Err(format!("{} runtime sequences, one is executed at a time", more.len()));
        }
    };
    let mut places: BTreeMap<(Port, Direction), usize> = BTreeMap::new();
    let mut channels: Vec<(DmaChannel, Vec<bool>)> = Vec::new();
    let mut actions = Vec::new();
    for step in &sequence.steps {
        let allocation = match step {
            Step::Copy(copy) => copy.allocation,
            Step::Wait { allocation } => *allocation,
        };
        let allocation = program
            .allocations
            .get(allocation)
            .ok_or_else(|| format!("shim channel {allocation} has no allocation"))?;
        let (tile, direction, channel) =
            (allocation.tile, allocation.direction, allocation.channel);
        let port = Port { tile, bundle: Bundle::Dma, channel };
        let queue = *places.entry((port, direction)).or_insert(channels.len());
        if queue == channels.len() {
            let channel = DmaChannel { tile, direction, channel, repeat_count: 0, bds: Vec::new() };
            channels.push((channel, Vec::new()));
        }
        match step {
            Step::Copy(copy) => {
                let (channel, tokens) = &mut channels[queue];
                actions.push(Action::Start { queue, task: tokens.len() });
                channel.bds.push(copy.descriptor());
                // A channel to memory always says when it has ended.
                tokens.push(copy.issue_token || direction == Direction::S2mm);
            }
            Step::Wait { .. } => actions.push(Action::Wait { queue }),
        }
    }
    let host = ActorId(actors.len() + channels.len());
    let mut queues = Vec::new();
    for (index, (channel, tokens)) in channels.iter().enumerate() {
        let port = Port { tile: channel.tile, bundle: Bundle::Dma, channel: channel.channel };
        if channel.bds.is_empty() {
            return Err(format!(
                "the runtime sequence waits for {}, where it starts nothing",
                super::fabric::port(port)
            ));
        }
        queues.push(Queue {
            port,
            host,
            channel: ActorId(actors.len()),
            tasks: VecDeque::new(),
            tokens: VecDeque::new(),
        });
        let actor = Channel::new(channel, program, device, network)?;
        if !claim(port, channel.direction == Direction::Mm2s) {
            return Err(format!("{} has two programs", actor.name()));
        }
        actors.push(Actor::Channel(actor.started_by(index, tokens)));
    }
    let depth = device.dma_tasks as usize;
    actors.push(Actor::Host(Host { actions, at: 0, depth, wait: None }));
    Ok(queues)
}

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
