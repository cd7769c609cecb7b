//! The host: what it does to start the array and to learn that the array is done.
//!
//! A device with a runtime sequence is told by tasks, and answers by tokens.
//! Elsewhere the DMA programs of the shim run for ever, held up by locks that
//! only the host releases, and release others that only the host acquires.
//!
//! **Invariant:** between two invocations all tasks have ended and all tokens
//! are taken.

use std::collections::{BTreeMap, VecDeque};

use super::cell::Cell;
use super::clock::{Activity, Clock, Span};
use super::dma::Channel;
use super::engine::Actor;
use super::fabric::{ActorId, Fabric, Queue, Wait};
use super::failure::Fault;
use super::stream::Network;
use crate::array::{
    Allocation, Bd, BufferId, Bundle, Direction, DmaChannel, Part, Port, Program, Step,
    TaskChannel, Write,
};
use crate::device::Device;

/// Carries out a runtime sequence.
pub(super) struct Host {
    /// Each with its step of the sequence.
    actions: Vec<(Action, usize)>,
    at: usize,
    /// Tasks that a channel's queue holds.
    depth: usize,
    wait: Option<Wait>,
    clock: Clock,
    /// Whether the time of the next action has passed.
    ready: bool,
}

enum Action {
    /// Hand a channel the chain at one of its descriptors, to run `repeats + 1` times.
    Start {
        queue: usize,
        task: usize,
        repeats: u32,
        /// Of the processor that carries out the sequence.
        instructions: u64,
    },
    /// Take a token.
    Wait {
        queue: usize,
    },
    Write(Write),
}

impl Action {
    fn instructions(&self) -> u64 {
        match self {
            Action::Start { instructions, .. } => *instructions,
            Action::Wait { .. } | Action::Write(_) => 1,
        }
    }
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
        while let Some((action, step)) = self.actions.get(self.at) {
            fabric.memory.stand(me, Part::Step(*step));
            if !std::mem::replace(&mut self.ready, true) {
                let now = fabric.agenda.now;
                self.clock.wait(now, None, now);
                let begin = self.clock.now;
                fabric.spend(&mut self.clock, |latency| {
                    latency.host_instruction * action.instructions()
                });
                let (end, activity) = (self.clock.now, Activity::Command { step: self.at });
                fabric.log.add(me, Span { begin, end, activity, cause: None });
            }
            if fabric.is_early(me, &self.clock) {
                return Ok(());
            }
            match action {
                &Action::Start { queue, task, repeats, .. } => {
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
                Action::Write(Write::Bytes { buffer, offset, bytes }) => {
                    let values = bytes.iter().map(|&byte| (byte, 0xff));
                    write(me, fabric, *buffer, *offset, values)?;
                }
                &Action::Write(Write::Bits { buffer, offset, value, mask }) => {
                    let bits = value.to_le_bytes().into_iter().zip(mask.to_le_bytes());
                    write(me, fabric, buffer, offset, bits)?;
                }
                &Action::Write(Write::Lock { lock, value }) => {
                    fabric.locks.set(lock, value, &mut fabric.agenda)?;
                }
            }
            self.at += 1;
            self.ready = false;
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
) -> Result<Vec<Queue>, Fault> {
    let sequence = match program.sequences.as_slice() {
        [] => return Ok(Vec::new()),
        [one] => one,
        more => {
            let message = format!("{} runtime sequences, one is executed at a time", more.len());
            return Err(message.into());
        }
    };
    let mut places: BTreeMap<(Port, Direction), usize> = BTreeMap::new();
    // With whether each descriptor tells of its end, and the step that it is of.
    let mut channels: Vec<(DmaChannel, Vec<bool>, Vec<usize>)> = Vec::new();
    let mut actions = Vec::new();
    for (number, step) in sequence.steps.iter().enumerate() {
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
            Step::Write(write) => {
                actions.push((Action::Write(write.clone()), number));
                continue;
            }
        };
        let port = Port { tile, bundle: Bundle::Dma, channel };
        let queue = *places.entry((port, direction)).or_insert(channels.len());
        if queue == channels.len() {
            let channel = DmaChannel { tile, direction, channel, repeat_count: 0, bds: Vec::new() };
            channels.push((channel, Vec::new(), Vec::new()));
        }
        // A copy to memory always says when it has ended.
        let (chain, repeats, token, descriptors) = match step {
            Step::Copy(copy) => {
                (copy.chain(), 0, copy.issue_token || direction == Direction::S2mm, 1)
            }
            Step::Start(task) => {
                (task.chain.clone(), task.repeat_count, task.issue_token, task.chain.len() as u64)
            }
            _ => {
                actions.push((Action::Wait { queue }, number));
                continue;
            }
        };
        let (channel, tokens, steps) = &mut channels[queue];
        let task = tokens.len();
        // As mlir-aie lowers it: each descriptor and its address are written, then the request for
        // a token, then the task.
        let instructions = 2 * descriptors + u64::from(token) + 1;
        actions.push((Action::Start { queue, task, repeats, instructions }, number));
        tokens.extend(chain.iter().map(|_| token));
        steps.extend(chain.iter().map(|_| number));
        let moved = |bd: Bd| Bd { next: bd.next.map(|next| task + next), ..bd };
        channel.bds.extend(chain.into_iter().map(moved));
    }
    let host = ActorId(actors.len() + channels.len());
    let mut queues = Vec::new();
    for (index, (channel, tokens, steps)) in channels.iter().enumerate() {
        let port = Port { tile: channel.tile, bundle: Bundle::Dma, channel: channel.channel };
        if channel.bds.is_empty() {
            let name = super::fabric::port(port);
            let waits =
                |action: &Action| matches!(action, Action::Wait { queue } if *queue == index);
            let step = actions.iter().find(|(action, _)| waits(action));
            let at = step.map(|(_, step)| Part::Step(*step));
            let message = format!("the runtime sequence waits for {name}, where it starts nothing");
            return Err(Fault { at, message });
        }
        queues.push(Queue {
            port,
            host,
            channel: ActorId(actors.len()),
            tasks: VecDeque::new(),
            tokens: VecDeque::new(),
        });
        let part = |bd: usize| Part::Step(steps.get(bd).copied().unwrap_or_default());
        let actor = Channel::new(channel, &part, program, device, network)?;
        if !claim(port, channel.direction == Direction::Mm2s) {
            let message = format!("{} has two programs", actor.name());
            return Err(Fault::at(part(0))(message));
        }
        actors.push(Actor::Channel(actor.started_by(index, tokens)));
    }
    let depth = device.dma_tasks as usize;
    let (clock, ready) = (Clock::default(), false);
    actors.push(Actor::Host(Host { actions, at: 0, depth, wait: None, clock, ready }));
    Ok(queues)
}
