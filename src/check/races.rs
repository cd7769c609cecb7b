//! Whether locks order all accesses to a buffer, whatever the timing.
//!
//! Notation. An *actor* is a core or a DMA channel. It does things in order:
//! acquires, accesses, releases. For a lock that only P releases and only Q
//! acquires, let i be its first value, r(a) what P has released on it before its
//! access a, and q(b) what Q has acquired on it before its access b. If
//! q(b) > i + r(a), then Q begins b only after a release that P does after a: a
//! comes *before* b, in every timing. Two accesses to the same bytes, one of
//! which writes, race unless one comes before the other by such a lock.
//!
//! Without races, actors only meet in locks, streams and cascades. If besides
//! every lock has one actor that acquires it, no actor can tell timings apart
//! (a Kahn network), and *one* run shows what every run does: its values, and
//! whether it stops. This is why [`super::dataflow`] needs one run only.
//!
//! Programs are periodic, so accesses of the first [`ROUNDS`] rounds of each
//! actor are compared. Cost: linear in descriptors and buffers, quadratic in the
//! accesses to one buffer.

use super::{At, Violation, channel_name};
use crate::array::{
    Argument, Bd, Buffer, BufferId, Core, Direction, DmaChannel, LockAction, LockId, Program, Stmt,
    UseLock,
};
use std::collections::BTreeMap;

/// Rounds of each actor to compare: two of a ping-pong pair against the two before.
const ROUNDS: usize = 4;

/// Steps of one actor to look at, for loops that are long.
const MOST_STEPS: usize = 1 << 14;

/// Every race, and every lock whose order of acquirers depends on the timing.
///
/// `writes` says which arguments of a core's call the kernel writes.
pub fn check(program: &Program, writes: impl Fn(&Core, usize) -> bool) -> Vec<Violation> {
    let mut actors: Vec<Actor> = Vec::new();
    let mut accesses: BTreeMap<BufferId, Vec<Access>> = BTreeMap::new();
    let mut add = |name: String, steps: Vec<Step>, locks: Vec<UseLock>| {
        let mut state: BTreeMap<LockId, (i64, i64)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Lock(UseLock { lock, action: LockAction::Release, value }) => {
                    state.entry(lock).or_default().1 += i64::from(value);
                }
                Step::Lock(UseLock { lock, value, .. }) => {
                    state.entry(lock).or_default().0 += i64::from(value);
                }
                Step::Access { buffer, part, writes } => {
                    let locks = state.iter().map(|(&lock, &(a, r))| (lock, a, r)).collect();
                    let access = Access { actor: actors.len(), part, writes, locks };
                    accesses.entry(buffer).or_default().push(access);
                }
            }
        }
        actors.push(Actor { name, locks });
    };
    for (index, channel) in program.dmas.iter().enumerate() {
        let uses = channel.bds.iter().flat_map(|bd| bd.acquire.iter().chain(&bd.release).copied());
        add(channel_name(channel), channel_steps(index, channel), uses.collect());
    }
    for core in &program.cores {
        let mut steps = Vec::new();
        core_steps(core, &core.body, &writes, &mut steps);
        let uses = steps.iter().filter_map(|step| match step {
            Step::Lock(action) => Some(*action),
            Step::Access { .. } => None,
        });
        let uses = uses.collect();
        add(format!("the core of {}", core.tile), steps, uses);
    }

    let mut found = Vec::new();
    let roles = roles(program, &actors, &mut found);
    let mut parts = Parts { program, made: BTreeMap::new() };
    for (buffer, list) in &accesses {
        'pairs: for (i, a) in list.iter().enumerate() {
            for b in &list[i + 1..] {
                if a.actor == b.actor
                    || !(a.writes || b.writes)
                    || before(a, b, program, &roles)
                    || before(b, a, program, &roles)
                    || !parts.overlap(*buffer, a.part, b.part)
                {
                    continue;
                }
                let (writer, other) = if a.writes { (a, b) } else { (b, a) };
                found.push(Violation::new(
                    At::Buffer(*buffer),
                    format_args!(
                        "is written by {} while {} may still {} it: no lock keeps them apart",
                        actors[writer.actor].name,
                        actors[other.actor].name,
                        if other.writes { "write" } else { "read" }
                    ),
                ));
                break 'pairs;
            }
        }
    }
    found
}

struct Actor {
    name: String,
    locks: Vec<UseLock>,
}

enum Step {
    Lock(UseLock),
    Access { buffer: BufferId, part: Part, writes: bool },
}

/// The part of a buffer that an access touches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Whole,
    /// What a descriptor of a channel walks.
    Walk(usize, usize),
}

struct Access {
    actor: usize,
    part: Part,
    writes: bool,
    /// What the actor has acquired and released before, of each lock.
    locks: Vec<(LockId, i64, i64)>,
}

fn channel_steps(index: usize, channel: &DmaChannel) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut at, mut repeats) = (0, channel.repeat_count as usize);
    for _ in 0..ROUNDS * channel.bds.len() {
        let Some(bd) = channel.bds.get(at) else { break };
        steps.extend(bd.acquire.map(Step::Lock));
        steps.push(Step::Access {
            buffer: bd.buffer,
            part: Part::Walk(index, at),
            writes: channel.direction == Direction::S2mm,
        });
        steps.extend(bd.release.map(Step::Lock));
        at = match bd.next {
            Some(next) => next,
            None if repeats > 0 => {
                repeats -= 1;
                0
            }
            None => break,
        };
    }
    steps
}

fn core_steps(
    core: &Core,
    body: &[Stmt],
    writes: &impl Fn(&Core, usize) -> bool,
    steps: &mut Vec<Step>,
) {
    for statement in body {
        match statement {
            _ if steps.len() > MOST_STEPS => return,
            Stmt::UseLock(action) => steps.push(Step::Lock(*action)),
            Stmt::Call { arguments, .. } => {
                for (index, argument) in arguments.iter().enumerate() {
                    if let Argument::Buffer(buffer) = *argument {
                        steps.push(Step::Access {
                            buffer,
                            part: Part::Whole,
                            writes: writes(core, index),
                        });
                    }
                }
            }
            Stmt::For { lower, upper, step, body, .. } => {
                let trips = match (lower, upper, step) {
                    (
                        Argument::Constant(lower),
                        Argument::Constant(upper),
                        Argument::Constant(step),
                    ) if *step > 0 => {
                        upper.saturating_sub(*lower).max(0) as u64 / step.unsigned_abs()
                    }
                    _ => ROUNDS as u64,
                };
                for _ in 0..trips.min(ROUNDS as u64) {
                    core_steps(core, body, writes, steps);
                }
            }
        }
    }
}

/// The only acquirer of each lock, with its only releaser or `None` if nobody
/// releases it; `None` for a lock that has several of either.
fn roles(
    program: &Program,
    actors: &[Actor],
    found: &mut Vec<Violation>,
) -> Vec<Option<(Option<usize>, usize)>> {
    let mut releasers = vec![Vec::new(); program.locks.len()];
    let mut acquirers = vec![Vec::new(); program.locks.len()];
    let mut exact = vec![false; program.locks.len()];
    for (index, actor) in actors.iter().enumerate() {
        for action in &actor.locks {
            let list: &mut Vec<usize> = match action.action {
                LockAction::Release => &mut releasers[action.lock.0],
                LockAction::AcquireEqual => {
                    exact[action.lock.0] = true;
                    continue;
                }
                LockAction::AcquireGreaterEqual => &mut acquirers[action.lock.0],
            };
            if !list.contains(&index) {
                list.push(index);
            }
        }
    }
    (0..program.locks.len())
        .map(|lock| {
            if let [first, second, ..] = acquirers[lock].as_slice() {
                found.push(Violation::new(
                    At::Lock(LockId(lock)),
                    format_args!(
                        "is acquired by {} and by {}: who gets it depends on the timing",
                        actors[*first].name, actors[*second].name
                    ),
                ));
            }
            if exact[lock] {
                found.push(Violation::new(
                    At::Lock(LockId(lock)),
                    "is waited for at an exact value: whether it is met depends on the timing",
                ));
            }
            match (releasers[lock].as_slice(), acquirers[lock].as_slice()) {
                (&[releaser], &[acquirer]) if !exact[lock] => Some((Some(releaser), acquirer)),
                ([], &[acquirer]) if !exact[lock] => Some((None, acquirer)),
                _ => None,
            }
        })
        .collect()
}

/// Whether access `a` ends before access `b` begins, in every timing.
fn before(
    a: &Access,
    b: &Access,
    program: &Program,
    roles: &[Option<(Option<usize>, usize)>],
) -> bool {
    b.locks.iter().any(|&(lock, acquired, _)| {
        let released = || a.locks.iter().find(|entry| entry.0 == lock).map_or(0, |entry| entry.2);
        let initial = i64::from(program.locks[lock.0].initial);
        match roles[lock.0] {
            Some((Some(releaser), acquirer)) => {
                (releaser, acquirer) == (a.actor, b.actor) && acquired > initial + released()
            }
            // Then `b` never begins.
            Some((None, acquirer)) => acquirer == b.actor && acquired > initial,
            None => false,
        }
    })
}

/// Which elements descriptors walk, worked out when needed.
struct Parts<'a> {
    program: &'a Program,
    made: BTreeMap<(usize, usize), Vec<u64>>,
}

impl Parts<'_> {
    fn overlap(&mut self, buffer: BufferId, a: Part, b: Part) -> bool {
        let (Part::Walk(c, d), Part::Walk(e, f)) = (a, b) else { return true };
        for (channel, bd) in [(c, d), (e, f)] {
            let program = self.program;
            self.made.entry((channel, bd)).or_insert_with(|| {
                walk(&program.dmas[channel].bds[bd], &program.buffers[buffer.0])
            });
        }
        let (a, b) = (&self.made[&(c, d)], &self.made[&(e, f)]);
        a.iter().zip(b).any(|(a, b)| a & b != 0)
    }
}

/// A bit for each element of the buffer that the descriptor reaches.
fn walk(bd: &Bd, buffer: &Buffer) -> Vec<u64> {
    let mut bits = vec![0; buffer.len().div_ceil(64)];
    let mut mark = |element: usize| {
        if let Some(word) = bits.get_mut(element / 64) {
            *word |= 1 << (element % 64);
        }
    };
    if bd.dims.is_empty() {
        (bd.offset..(bd.offset + bd.len).min(buffer.len())).for_each(mark);
        return bits;
    }
    let total: usize = bd.dims.iter().map(|dim| dim.size).product();
    for mut index in 0..total.min(bd.len) {
        let mut element = bd.offset;
        for dim in bd.dims.iter().rev() {
            element += index % dim.size * dim.stride;
            index /= dim.size;
        }
        mark(element);
    }
    bits
}
