//! Failures, and the explanation of a deadlock: who waits for what.
//!
//! Waits make a graph: an actor points to those whose next action could end its
//! wait. Followed from the outputs that lack data, it ends where the cause is:
//! in a cycle, or at somebody who has ended or waits for what nobody gives.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;

use super::cell::Cell;
use super::engine::{Actor, Engine, is_stranded, lacks_external};
use super::fabric::{ActorId, Wait, place, port};
use super::stream::StreamId;
use super::watch::Watch;
use crate::array::{Direction, LockAction, LockId, Stmt};

/// Lines of an explanation that a person would still read.
const MOST_LINES: usize = 12;

/// Why a run did not produce its outputs.
#[derive(Clone, PartialEq, Debug)]
pub enum Failure {
    /// The program or the input is wrong in itself.
    Invalid(String),
    /// Somebody did what is not allowed.
    Fault { actor: String, message: String },
    /// Nothing can move, but outputs are missing.
    Deadlock(Box<Deadlock>),
    /// These accesses to memory may come in any order.
    Race(Vec<String>),
    /// All outputs arrived, but these remains do not belong to the next iteration.
    Leftover(Vec<String>),
}

/// A deadlock in words, one sentence per entry.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Deadlock {
    /// The outputs that lack data.
    pub missing: Vec<String>,
    /// Actors that wait for each other in a circle, the last for the first.
    pub cycle: Vec<String>,
    /// Actors that keep others waiting and cannot be helped by anyone.
    pub roots: Vec<String>,
    /// How an output depends on those above: who waits, beginning at the output.
    pub waits: Vec<String>,
    /// Number of actors that wait as well, not named.
    pub others: usize,
    /// Actors that still act, without any effect on the outputs.
    pub busy: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Failure::Invalid(message) => f.write_str(message),
            Failure::Fault { actor, message } => write!(f, "{actor}: {message}"),
            Failure::Deadlock(deadlock) => deadlock.fmt(f),
            Failure::Race(lines) => {
                f.write_str("race")?;
                list(f, lines)
            }
            Failure::Leftover(lines) => {
                f.write_str("all outputs arrived, but data is left under way")?;
                list(f, lines)
            }
        }
    }
}

impl Error for Failure {}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("deadlock")?;
        list(f, &self.missing)?;
        for (title, lines) in [
            ("these wait for each other", &self.cycle),
            ("these keep the others waiting", &self.roots),
            ("waiting, from the outputs inwards", &self.waits),
            ("still busy", &self.busy),
        ] {
            if !lines.is_empty() {
                write!(f, "\n{title}")?;
                list(f, lines)?;
            }
        }
        match self.others {
            0 => Ok(()),
            others => write!(f, "\n{others} more wait for these"),
        }
    }
}

fn list(f: &mut fmt::Formatter, lines: &[String]) -> fmt::Result {
    f.write_str(":")?;
    for line in lines.iter().take(MOST_LINES) {
        write!(f, "\n  {line}")?;
    }
    match lines.len().saturating_sub(MOST_LINES) {
        0 => Ok(()),
        more => write!(f, "\n  and {more} more"),
    }
}

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
            .map(|index| engine.actors[index].name())
            .collect(),
    }
}

fn missing<C: Cell>(engine: &Engine<C>, index: usize) -> String {
    match &engine.actors[index] {
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
    }
}

/// Data that should not be there after all outputs arrived.
pub(super) fn leftovers<C: Cell>(engine: &Engine<C>) -> Vec<String> {
    let network = &engine.fabric.network;
    // Without inputs, a program runs freely, and is always ahead.
    let driven = !engine.program.inputs.is_empty();
    let mut lines = Vec::new();
    for actor in &engine.actors {
        match actor {
            Actor::Feeder(feeder, ..) if feeder.left() > 0 => {
                lines.push(format!("{} has {} words that nobody took", feeder.name, feeder.left()));
            }
            Actor::Collector(collector, ..) if driven => {
                let extra = collector.stream().map_or(0, |stream| network.stream(stream).len());
                if extra > 0 {
                    lines.push(format!(
                        "{} has {extra} words beyond its {}",
                        collector.name, collector.target
                    ));
                }
            }
            Actor::Channel(channel) if channel.direction == Direction::S2mm => {
                let waiting = channel.stream().map_or(0, |stream| network.stream(stream).len());
                let (bd, buffer, moved, words) = channel.position();
                if channel.has_ended() && waiting > 0 {
                    lines.push(format!(
                        "{} has ended before {waiting} words that follow",
                        channel.name()
                    ));
                } else if !channel.has_ended() && moved > 0 && waiting == 0 {
                    let buffer = &engine.program.buffers[buffer.0].name;
                    lines.push(format!(
                        "{}, BD {bd} on '{buffer}', got only {moved} of {words} words",
                        channel.name()
                    ));
                }
            }
            _ => {}
        }
    }
    for stream in network.streams().filter(|stream| stream.reader.is_none() && stream.len() > 0) {
        lines.push(format!(
            "{} has {} words that nothing reads",
            port(stream.destination),
            stream.len()
        ));
    }
    for (link, count) in engine.fabric.cascades.leftovers() {
        lines.push(format!(
            "the cascade from tile {} to tile {} holds {count} values",
            place(link.source),
            place(link.destination)
        ));
    }
    lines
}

/// Accesses to the same bytes that nothing orders, as far as somebody looked for them.
pub(super) fn races<C: Cell>(engine: &Engine<C>) -> Vec<String> {
    let found = engine.fabric.memory.watch().map(Watch::races).unwrap_or_default();
    let verb = |writes| if writes { "writes" } else { "reads" };
    found
        .iter()
        .map(|race| {
            let buffer = &engine.program.buffers[race.buffer];
            let size = buffer.element.bytes();
            format!(
                "{} {} element {} of '{}', {} {} it: no lock, stream or cascade puts one before the other",
                engine.actors[race.first].name(),
                verb(race.writes.0),
                race.byte / size,
                buffer.name,
                engine.actors[race.second].name(),
                verb(race.writes.1),
            )
        })
        .collect()
}

struct Graph<'a, C: Cell> {
    engine: &'a Engine<C>,
    /// For each actor, those that could end its wait.
    edges: Vec<Vec<usize>>,
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
                Some(Wait::Lock(action)) => releasers[action.lock.0].clone(),
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
        Graph { engine, edges }
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
    fn sentence(&self, index: usize) -> String {
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
                let lock = &program.locks[action.lock.0];
                let exactly =
                    if action.action == LockAction::AcquireEqual { "exactly " } else { "" };
                let label = match (lock.id, lock.name.is_empty()) {
                    (Some(id), true) => format!("{id} of tile {}", place(lock.tile)),
                    _ => lock.name.clone(),
                };
                return format!(
                    "{name} waits to acquire lock '{}' (value {}, needs {exactly}{})",
                    label,
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

/// For each lock, the actors whose programs release it.
pub(super) fn releasers<C: Cell>(engine: &Engine<C>) -> Vec<Vec<usize>> {
    let program = &engine.program;
    let mut found = vec![Vec::new(); program.locks.len()];
    let mut add = |lock: LockId, actor: usize| {
        let actors: &mut Vec<usize> = &mut found[lock.0];
        if !actors.contains(&actor) {
            actors.push(actor);
        }
    };
    for (index, core) in program.cores.iter().enumerate() {
        for action in program.code_locks(core) {
            if action.action == LockAction::Release {
                add(action.lock, index);
            }
        }
        let mut pending: Vec<&Stmt> = core.body.iter().collect();
        while let Some(statement) = pending.pop() {
            match statement {
                Stmt::UseLock(action) if action.action == LockAction::Release => {
                    add(action.lock, index)
                }
                Stmt::For { body, .. } => pending.extend(body),
                _ => {}
            }
        }
    }
    for (index, actor) in engine.actors.iter().enumerate() {
        if let Actor::Channel(channel) = actor {
            channel.releases().for_each(|lock| add(lock, index));
        }
    }
    found
}
