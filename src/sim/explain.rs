//! The explanation of a deadlock: who waits for what.
//!
//! Waits make a graph: an actor points to those whose next action could end its
//! wait. Followed from the outputs that lack data, it ends where the cause is:
//! in a cycle, or at somebody who has ended or waits for what nobody gives.

use std::collections::VecDeque;

use super::cell::Cell;
use super::engine::{Actor, Engine, is_stranded, lacks_external};
use super::fabric::{ActorId, Wait, place, port};
use super::failure::{Deadlock, Note, Sentence};
use super::stream::StreamId;
use crate::array::code::Instruction;
use crate::array::{LockAction, LockId, Part, Port, Program, Stmt};

/// Explain why `engine`, in which nothing moves, lacks outputs.
pub(super) fn explain<C: Cell>(engine: &Engine<C>) -> Deadlock {
    let graph = Graph::new(engine);
    let starts: Vec<usize> = (0..engine.actors.len())
        .filter(|&index| match &engine.actors[index] {
            Actor::Collector(collector, ..) => !collector.is_complete(),
            Actor::Host(host) => !host.is_done(),
            actor => lacks_external(actor, &engine.program) || is_stranded(actor, &engine.program),
        })
        .collect();
    let (reached, parents) = graph.reach(&starts);
    let cycle = graph.shortest_cycle(&reached);
    let is_root = |index: usize| {
        graph.edges[index].is_empty() && !engine.fabric.agenda.is_queued(ActorId(index))
    };
    let roots: Vec<usize> = reached.iter().copied().filter(|&index| is_root(index)).collect();
    // The nearest cause, and the way there.
    let cause = reached.iter().copied().find(|index| cycle.contains(index) || is_root(*index));
    let mut path: Vec<usize> = match cause {
        Some(cause) => std::iter::successors(parents[cause], |&index| parents[index]).collect(),
        None => reached.iter().rev().copied().collect(),
    };
    path.reverse();
    let sentences =
        |indices: &[usize]| indices.iter().map(|&index| graph.sentence(index)).collect();
    Deadlock {
        missing: starts.iter().map(|&index| missing(engine, index)).collect(),
        cycle: sentences(&cycle),
        roots: sentences(&roots),
        waits: sentences(&path),
        others: reached.len() - cycle.len() - roots.len() - path.len(),
        busy: (0..engine.actors.len())
            .filter(|&index| engine.fabric.agenda.is_queued(ActorId(index)))
            .map(|index| {
                let actor = engine.actors[index].name();
                let (text, at) = (format!("{actor} is still busy"), engine.place(ActorId(index)));
                Sentence { actor, text, at, notes: Vec::new(), ended: false }
            })
            .collect(),
    }
}

fn missing<C: Cell>(engine: &Engine<C>, index: usize) -> Sentence {
    let text = match &engine.actors[index] {
        Actor::Collector(collector, ..) => {
            format!(
                "{} has {} of {} words",
                collector.name,
                collector.collected(),
                collector.target
            )
        }
        Actor::Host(host) => {
            let (step, steps) = host.position();
            format!("{} has done {step} of {steps} steps", engine.actors[index].name())
        }
        Actor::Core(core) => format!("core {} has not come to its end", place(core.tile)),
        actor => format!("{} has not filled its external buffers", actor.name()),
    };
    let at = engine.place(ActorId(index));
    Sentence { actor: engine.actors[index].name(), text, at, notes: Vec::new(), ended: false }
}

struct Graph<'a, C: Cell> {
    engine: &'a Engine<C>,
    /// For each actor, those that could end its wait.
    edges: Vec<Vec<usize>>,
    /// For each lock, who releases it.
    releasers: Vec<Vec<Releaser>>,
}

impl<'a, C: Cell> Graph<'a, C> {
    fn new(engine: &'a Engine<C>) -> Graph<'a, C> {
        let releasers = releasers(engine);
        let network = &engine.fabric.network;
        let ids = |actors: &[ActorId]| actors.iter().map(|actor| actor.0).collect::<Vec<_>>();
        let each = |streams: &[StreamId], who: &dyn Fn(StreamId) -> Option<ActorId>| {
            streams.iter().filter_map(|&stream| who(stream)).map(|actor| actor.0).collect()
        };
        let edges = engine
            .actors
            .iter()
            .map(|actor| match actor.wait() {
                None | Some(Wait::Unconnected(_)) => Vec::new(),
                Some(Wait::Lock(action)) => {
                    releasers[action.lock.0].iter().map(|releaser| releaser.actor).collect()
                }
                Some(Wait::Data(stream)) => ids(&network.stream(*stream).writers),
                Some(Wait::Room(streams)) => each(streams, &|stream| network.stream(stream).reader),
                Some(Wait::Packet(streams)) => {
                    each(streams, &|stream| network.stream(stream).holder())
                }
                Some(Wait::Task(queue) | Wait::Token(queue)) => {
                    vec![engine.fabric.queues[*queue].channel.0]
                }
                Some(Wait::CascadeData(link)) => {
                    ids(engine.fabric.cascades.link(*link).writer.as_slice())
                }
                Some(Wait::CascadeRoom(link)) => {
                    ids(engine.fabric.cascades.link(*link).reader.as_slice())
                }
            })
            .collect();
        Graph { engine, edges, releasers }
    }

    /// All that `starts` wait for, nearest first, and by whom each was reached.
    fn reach(&self, starts: &[usize]) -> (Vec<usize>, Vec<Option<usize>>) {
        let mut seen = vec![false; self.edges.len()];
        let mut parents = vec![None; self.edges.len()];
        let mut order = Vec::new();
        let mut queue: VecDeque<_> = starts.iter().map(|&start| (start, None)).collect();
        while let Some((index, parent)) = queue.pop_front() {
            if !std::mem::replace(&mut seen[index], true) {
                order.push(index);
                parents[index] = parent;
                queue.extend(self.edges[index].iter().map(|&next| (next, Some(index))));
            }
        }
        (order, parents)
    }

    /// The shortest cycle through any of `among`; empty if there is none.
    fn shortest_cycle(&self, among: &[usize]) -> Vec<usize> {
        let mut best: Vec<usize> = Vec::new();
        for &start in among {
            let mut parent = vec![None; self.edges.len()];
            let mut queue = VecDeque::from([start]);
            'search: while let Some(index) = queue.pop_front() {
                for &next in &self.edges[index] {
                    if next == start {
                        let mut path = vec![index];
                        while let Some(before) = parent[path[path.len() - 1]] {
                            path.push(before);
                        }
                        path.reverse();
                        if best.is_empty() || path.len() < best.len() {
                            best = path;
                        }
                        break 'search;
                    }
                    if next != start && parent[next].is_none() {
                        parent[next] = Some(index);
                        queue.push_back(next);
                    }
                }
            }
        }
        best
    }

    /// What an actor waits for, and who could give it.
    fn sentence(&self, index: usize) -> Sentence {
        Sentence {
            actor: self.engine.actors[index].name(),
            text: self.text(index),
            at: self.engine.place(ActorId(index)),
            notes: self.notes(index),
            ended: self.engine.actors[index].has_ended(),
        }
    }

    /// What an actor waits for, as parts of the program.
    fn notes(&self, index: usize) -> Vec<Note> {
        let (program, network) = (&self.engine.program, &self.engine.fabric.network);
        let note = |part, text: String| Note { at: Some(part), text };
        let stream = |&stream: &StreamId| {
            let to = network.stream(stream).destination;
            Some(note(flow_to(program, to)?, format!("the stream to {}", port(to))))
        };
        match self.engine.actors[index].wait() {
            Some(Wait::Lock(action)) => {
                let lock = action.lock;
                let declared = note(Part::Lock(lock), format!("lock {}", label(program, lock)));
                let releasers = self.releasers[lock.0].iter().take(MOST_RELEASERS);
                let given = releasers.map(|Releaser { actor, part }| {
                    let who = self.engine.actors[*actor].name();
                    note(*part, format!("{who} would release it here"))
                });
                given.chain([declared]).collect()
            }
            Some(Wait::Data(one)) => stream(one).into_iter().collect(),
            Some(Wait::Room(streams) | Wait::Packet(streams)) => {
                streams.iter().filter_map(stream).collect()
            }
            Some(Wait::CascadeData(link) | Wait::CascadeRoom(link)) => {
                vec![note(Part::Cascade(*link), "the cascade".into())]
            }
            Some(Wait::Task(queue) | Wait::Token(queue)) => {
                let channel = self.engine.fabric.queues[*queue].channel;
                let at = self.engine.place(channel);
                vec![Note { at, text: self.text(channel.0) }]
            }
            Some(Wait::Unconnected(_)) | None => Vec::new(),
        }
    }

    fn text(&self, index: usize) -> String {
        let actor = &self.engine.actors[index];
        let what = self.what(actor);
        let Some(wait) = actor.wait() else { return what };
        let (by, nobody) = match wait {
            Wait::Unconnected(_) => return what,
            Wait::Lock(_) => ("released by", "which nothing else releases"),
            Wait::Data(_) => ("sent by", "which nothing sends"),
            Wait::Room(_) => ("made by", "which nothing makes, for nothing reads there"),
            Wait::Packet(_) => ("held by", "which is free"),
            Wait::Task(_) | Wait::Token(_) => ("given by", "which nothing gives"),
            Wait::CascadeData(_) => ("put by", "where no core puts"),
            Wait::CascadeRoom(_) => ("got by", "where no core gets"),
        };
        // An actor may be the only one to release the lock it waits for.
        match self.edges[index].as_slice() {
            [] => format!("{what}, {nobody}"),
            [only] if *only == index => format!("{what}, {by} none but itself"),
            givers => {
                let names: Vec<String> =
                    givers.iter().map(|&giver| self.engine.actors[giver].name()).collect();
                format!("{what}, {by} {}", names.join(" or "))
            }
        }
    }

    fn what(&self, actor: &Actor<C>) -> String {
        let name = actor.name();
        let program = &self.engine.program;
        // Where the actor is in its own program.
        let (name, progress) = match actor {
            Actor::Core(core) => match (core.wait(), core.kernel) {
                (Some(Wait::CascadeData(_) | Wait::CascadeRoom(_)), Some(kernel)) => (
                    format!("{name}, in kernel '{}',", program.kernels[kernel.0].name),
                    String::new(),
                ),
                (None, _) if core.has_ended() => return format!("{name} has ended"),
                _ => (name, String::new()),
            },
            Actor::Channel(channel) if channel.has_ended() => return format!("{name} has ended"),
            Actor::Channel(channel) => {
                let (bd, buffer, moved, words) = channel.position();
                let buffer = &program.buffers[buffer.0].name;
                (
                    format!("{name}, BD {bd} on '{buffer}',"),
                    format!(" ({moved} of {words} words moved)"),
                )
            }
            Actor::Feeder(feeder, ..) if feeder.left() == 0 => {
                return format!("{name} has sent all its words");
            }
            Actor::Feeder(feeder, ..) => (name, format!(" ({} words left)", feeder.left())),
            Actor::Collector(collector, ..) if collector.is_complete() => {
                return format!("{name} has all its words");
            }
            Actor::Collector(collector, ..) => (
                name,
                format!(" ({} of {} words arrived)", collector.collected(), collector.target),
            ),
            Actor::Host(host) if host.is_done() => return format!("{name} is done"),
            Actor::Host(_) => (name, String::new()),
        };
        let what = match actor.wait() {
            None => return format!("{name} is busy"),
            Some(Wait::Lock(action)) => {
                let exactly =
                    if action.action == LockAction::AcquireEqual { "exactly " } else { "" };
                return format!(
                    "{name} waits to acquire lock {} (value {}, needs {exactly}{})",
                    label(program, action.lock),
                    self.engine.fabric.locks.value(action.lock),
                    action.value
                );
            }
            Some(Wait::Data(_)) => "data".to_string(),
            Some(Wait::Room(streams)) => {
                let full: Vec<String> = streams
                    .iter()
                    .map(|&stream| port(self.engine.fabric.network.stream(stream).destination))
                    .collect();
                format!("room at {}", full.join(" and "))
            }
            Some(Wait::Packet(_)) => "the end of another packet".to_string(),
            Some(Wait::Task(queue)) => {
                format!("room for a task at {}", port(self.engine.fabric.queues[*queue].port))
            }
            Some(Wait::Token(queue)) => {
                format!("the end of a copy at {}", port(self.engine.fabric.queues[*queue].port))
            }
            Some(Wait::Unconnected(_)) => "a stream, but no flow connects it".to_string(),
            Some(Wait::CascadeData(link)) => {
                let source = self.engine.fabric.cascades.link(*link).source;
                return format!("{name} waits to get from the cascade of tile {}", place(source));
            }
            Some(Wait::CascadeRoom(link)) => {
                let destination = self.engine.fabric.cascades.link(*link).destination;
                return format!(
                    "{name} waits to put to the cascade of tile {}",
                    place(destination)
                );
            }
        };
        format!("{name} waits for {what}{progress}")
    }
}

/// Releases of a lock to name.
const MOST_RELEASERS: usize = 3;

/// A lock as messages name it.
fn label(program: &Program, lock: LockId) -> String {
    let lock = &program.locks[lock.0];
    match (lock.id, lock.name.is_empty()) {
        (Some(id), true) => format!("'{id} of tile {}'", place(lock.tile)),
        _ => format!("'{}'", lock.name),
    }
}

pub(super) fn flow_to(program: &Program, to: Port) -> Option<Part> {
    let place = program.flows.iter().position(|flow| flow.destinations.contains(&to));
    place.map(Part::Flow)
}

/// Who releases a lock, and where first.
pub(super) struct Releaser {
    pub actor: usize,
    pub part: Part,
}

/// For each lock, the actors whose programs release it.
pub(super) fn releasers<C: Cell>(engine: &Engine<C>) -> Vec<Vec<Releaser>> {
    let program = &engine.program;
    let mut found: Vec<Vec<Releaser>> = program.locks.iter().map(|_| Vec::new()).collect();
    let mut add = |lock: LockId, actor: usize, part: Part| {
        let releasers = &mut found[lock.0];
        if releasers.iter().all(|releaser| releaser.actor != actor) {
            releasers.push(Releaser { actor, part });
        }
    };
    for (index, core) in program.cores.iter().enumerate() {
        for (function, code) in program.code_of(core) {
            for (block, instructions) in code.blocks.iter().map(|b| &b.instructions).enumerate() {
                for (place, instruction) in instructions.iter().enumerate() {
                    if let Instruction::UseLock(action) | Instruction::UseLockBy(action, _) =
                        instruction
                        && action.action == LockAction::Release
                    {
                        add(action.lock, index, Part::Instruction(function, block, place));
                    }
                }
            }
        }
        let mut number = 0;
        releases(&core.body, &mut number, &mut |lock, number| {
            add(lock, index, Part::Statement(index, number));
        });
    }
    for (index, actor) in engine.actors.iter().enumerate() {
        if let Actor::Channel(channel) = actor {
            channel.releases().for_each(|(lock, part)| add(lock, index, part));
        }
    }
    found
}

/// Calls `found` for each release among `statements`, with the number of its statement.
fn releases(statements: &[Stmt], number: &mut usize, found: &mut impl FnMut(LockId, usize)) {
    for statement in statements {
        let here = *number;
        *number += 1;
        match statement {
            Stmt::UseLock(action) if action.action == LockAction::Release => {
                found(action.lock, here);
            }
            Stmt::For { body, .. } => releases(body, number, found),
            Stmt::UseLock(_) | Stmt::Call { .. } => {}
        }
    }
}
