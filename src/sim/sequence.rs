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
    Allocation, Bd, Buffer, BufferId, Bundle, Direction, DmaChannel, Interface, LockAction, LockId,
    Port, Program, Step, TaskChannel, UseLock,
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

#[derive(Clone)]
enum Action {
    /// Hand a channel the chain at one of its descriptors, to run `repeats + 1` times.
    Start {
        queue: usize,
        task: usize,
        repeats: u32,
    },
    /// Take a token.
    Wait {
        queue: usize,
    },
    Write {
        buffer: BufferId,
        offset: usize,
        bytes: Vec<u8>,
    },
    WriteMasked {
        buffer: BufferId,
        offset: usize,
        value: u32,
        mask: u32,
    },
    SetLock {
        lock: LockId,
        value: i32,
    },
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

    pub(super) fn step<C: Cell>(
        &mut self,
        me: ActorId,
        fabric: &mut Fabric<C>,
    ) -> Result<(), String> {
        self.wait = None;
        while let Some(action) = self.actions.get(self.at) {
            match action {
                &Action::Start { queue, task, repeats } => {
                    let state = &mut fabric.queues[queue];
                    if state.tasks.len() >= self.depth {
                        self.wait = Some(Wait::Task(queue));
                        return Ok(());
                    }
                    state.tasks.push_back((task, repeats));
                    fabric.agenda.wake(state.channel);
                    fabric.memory.follows(state.channel, me);
                }
                &Action::Wait { queue } => {
                    let state = &mut fabric.queues[queue];
                    match state.tokens.front() {
                        Some(&end) if fabric.latency.is_some() && end > fabric.agenda.now => {
                            fabric.agenda.wake_at(state.host, end);
                            return Ok(());
                        }
                        Some(_) => state.tokens.pop_front(),
                        None => {
                            self.wait = Some(Wait::Token(queue));
                            return Ok(());
                        }
                    };
                    fabric.memory.follows(me, state.channel);
                }
                Action::Write { buffer, offset, bytes } => {
                    let values = bytes.iter().map(|&byte| (byte, 0xff));
                    write(me, fabric, *buffer, *offset, values)?;
                }
                &Action::WriteMasked { buffer, offset, value, mask } => {
                    let bits = value.to_le_bytes().into_iter().zip(mask.to_le_bytes());
                    write(me, fabric, buffer, offset, bits)?;
                }
                &Action::SetLock { lock, value } => {
                    fabric.locks.set(lock, value, &mut fabric.agenda)?;
                }
            }
            self.at += 1;
            if self.is_done() {
                fabric.lacking -= 1;
            }
        }
        Ok(())
    }
}

/// Writes the bits of bytes that their masks have.
fn write<C: Cell>(
    me: ActorId,
    fabric: &Fabric<C>,
    buffer: BufferId,
    offset: usize,
    values: impl ExactSizeIterator<Item = (u8, u8)>,
) -> Result<(), String> {
    let (cells, count) = (fabric.memory.cells(buffer), values.len());
    let Some(cells) = offset.checked_add(count).and_then(|end| cells.get(offset..end)) else {
        return Err(format!("writes byte {} of a buffer of {}", offset + count - 1, cells.len()));
    };
    for (cell, (value, mask)) in cells.iter().zip(values) {
        let old = if mask == 0xff { Some(0) } else { cell.get().byte() };
        let old = old.ok_or("writes some bits of what it does not know")?;
        cell.set(C::constant(old & !mask | value & mask));
    }
    fabric.memory.observe(me, buffer, offset, count, true);
    Ok(())
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
        let allocated = |index: usize| {
            let allocation = program.allocations.get(index);
            let allocation =
                allocation.ok_or_else(|| format!("shim channel {index} has no allocation"))?;
            let Allocation { tile, direction, channel, .. } = *allocation;
            Ok::<_, String>(TaskChannel { tile, direction, channel })
        };
        let TaskChannel { tile, direction, channel } = match step {
            Step::Copy(copy) => allocated(copy.allocation)?,
            Step::Wait { allocation } => allocated(*allocation)?,
            Step::Start(task) => task.channel,
            Step::Sync(channel) => *channel,
            Step::Write { buffer, offset, bytes } => {
                let (buffer, offset, bytes) = (*buffer, *offset, bytes.clone());
                actions.push(Action::Write { buffer, offset, bytes });
                continue;
            }
            &Step::WriteMasked { buffer, offset, value, mask } => {
                actions.push(Action::WriteMasked { buffer, offset, value, mask });
                continue;
            }
            &Step::SetLock { lock, value } => {
                actions.push(Action::SetLock { lock, value });
                continue;
            }
        };
        let port = Port { tile, bundle: Bundle::Dma, channel };
        let queue = *places.entry((port, direction)).or_insert(channels.len());
        if queue == channels.len() {
            let channel = DmaChannel { tile, direction, channel, repeat_count: 0, bds: Vec::new() };
            channels.push((channel, Vec::new()));
        }
        // A copy to memory always says when it has ended.
        let (chain, repeats, token) = match step {
            Step::Copy(copy) => (copy.chain(), 0, copy.issue_token || direction == Direction::S2mm),
            Step::Start(task) => (task.chain.clone(), task.repeat_count, task.issue_token),
            _ => {
                actions.push(Action::Wait { queue });
                continue;
            }
        };
        let (channel, tokens) = &mut channels[queue];
        let task = tokens.len();
        actions.push(Action::Start { queue, task, repeats });
        tokens.extend(chain.iter().map(|_| token));
        let moved = |bd: Bd| Bd { next: bd.next.map(|next| task + next), ..bd };
        channel.bds.extend(chain.into_iter().map(moved));
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
