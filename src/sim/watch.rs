//! Watching for races: accesses to the same bytes that nothing orders.
//!
//! Notation. Each actor counts what it does; its *clock* holds, for every actor,
//! how much of that one's doings it knows of. Who gets something (a lock's
//! value, a word, a cascade value, a token) knows what the giver knew then. An
//! access comes before another in every timing only if the other's actor knows
//! of it; two that touch the same byte, one of which writes, race otherwise
//! (Lamport 1978; the shadow of a byte is that of FastTrack, PLDI 2009).
//!
//! A lock gives its oldest units first, and those that it begins with know
//! nothing. So the verdict is that of the program and not of one timing, as far
//! as one actor releases a lock and one acquires it. A stream passes on what its
//! writer knew last, which may be more than the word's: races that only that
//! hides are not seen.
//!
//! Cost: 40 bytes per byte of memory, a comparison per byte and access.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, VecDeque};

use super::fabric::ActorId;
use crate::array::{BufferId, LockAction, Part, UseLock};

type Clock = Vec<u32>;

/// Something that holds what one actor gave for another to get.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Channel {
    Stream(usize),
    Cascade(usize),
}

#[derive(Clone, Default)]
struct Shadow {
    /// Who wrote last.
    writer: Option<Access>,
    /// Who read since.
    readers: Vec<Access>,
}

#[derive(Clone, Copy)]
struct Access {
    actor: u32,
    /// In the actor's own count.
    time: u32,
    /// Index of its place in the program.
    place: u32,
}

/// Two accesses that nothing orders.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Race {
    pub buffer: usize,
    pub first: usize,
    pub second: usize,
    /// Whether the first, and the second, writes.
    pub writes: (bool, bool),
    /// The first byte for which it was seen.
    pub byte: usize,
    /// Where in the program the first, and the second, is.
    pub places: (Option<Part>, Option<Part>),
}

pub(super) struct Watch(RefCell<State>);

struct State {
    clocks: Vec<Clock>,
    /// Units of a lock, oldest first: how many, and what their giver knew.
    locks: HashMap<usize, VecDeque<(i32, Clock)>>,
    channels: HashMap<Channel, Clock>,
    shadows: HashMap<usize, Vec<Shadow>>,
    races: BTreeSet<Race>,
    places: Vec<Option<Part>>,
    place_of: HashMap<Option<Part>, u32>,
}

impl Watch {
    pub(super) fn new(actors: usize, initial: impl Iterator<Item = i32>) -> Watch {
        let clocks = (0..actors)
            .map(|actor| (0..actors).map(|other| u32::from(other == actor)).collect())
            .collect();
        let locks = initial
            .enumerate()
            .map(|(lock, value)| (lock, VecDeque::from([(value, Clock::new())])));
        Watch(RefCell::new(State {
            clocks,
            locks: locks.collect(),
            channels: HashMap::new(),
            shadows: HashMap::new(),
            races: BTreeSet::new(),
            places: Vec::new(),
            place_of: HashMap::new(),
        }))
    }

    /// An actor's use of a lock that was carried out.
    pub(super) fn used(&self, actor: ActorId, action: UseLock) {
        let state = &mut *self.0.borrow_mut();
        let units = state.locks.entry(action.lock.0).or_default();
        match action.action {
            LockAction::Release => {
                units.push_back((action.value, state.clocks[actor.0].clone()));
                state.clocks[actor.0][actor.0] += 1;
            }
            LockAction::AcquireGreaterEqual => {
                let mut left = action.value;
                while left > 0 {
                    let Some((count, clock)) = units.front_mut() else { break };
                    join(&mut state.clocks[actor.0], clock);
                    let taken = left.min(*count);
                    (left, *count) = (left - taken, *count - taken);
                    if *count == 0 {
                        units.pop_front();
                    }
                }
            }
            // It takes nothing, but knows that all of the value was given.
            LockAction::AcquireEqual => {
                units.iter().for_each(|(_, clock)| join(&mut state.clocks[actor.0], clock));
            }
        }
    }

    pub(super) fn gave(&self, actor: ActorId, channel: Channel) {
        let state = &mut *self.0.borrow_mut();
        join(state.channels.entry(channel).or_default(), &state.clocks[actor.0]);
        state.clocks[actor.0][actor.0] += 1;
    }

    pub(super) fn got(&self, actor: ActorId, channel: Channel) {
        let state = &mut *self.0.borrow_mut();
        if let Some(clock) = state.channels.get(&channel) {
            join(&mut state.clocks[actor.0], clock);
        }
    }

    /// Let an actor know what another knows.
    pub(super) fn follows(&self, actor: ActorId, other: ActorId) {
        let state = &mut *self.0.borrow_mut();
        let clock = state.clocks[other.0].clone();
        join(&mut state.clocks[actor.0], &clock);
        state.clocks[other.0][other.0] += 1;
    }

    /// An access of an actor, at its place in the program, to bytes of a buffer, which has `size`.
    pub(super) fn access(
        &self,
        (actor, at): (usize, Option<Part>),
        buffer: BufferId,
        range: std::ops::Range<usize>,
        size: usize,
        writes: bool,
    ) {
        let state = &mut *self.0.borrow_mut();
        let clock = &state.clocks[actor];
        let place = *state.place_of.entry(at).or_insert_with(|| {
            state.places.push(at);
            state.places.len() as u32 - 1
        });
        let me = Access { actor: actor as u32, time: clock[actor], place };
        let knows = |other: Access| clock[other.actor as usize] >= other.time;
        let shadows =
            state.shadows.entry(buffer.0).or_insert_with(|| vec![Shadow::default(); size]);
        for byte in range {
            let Some(shadow) = shadows.get_mut(byte) else { break };
            let mut report = |other: Access, wrote| {
                let (first, second) = (other.actor as usize, actor);
                let known = state.races.iter().any(|race| {
                    (race.buffer, race.first, race.second) == (buffer.0, first, second)
                });
                if !known {
                    let writes = (wrote, writes);
                    let places = (state.places[other.place as usize], at);
                    let buffer = buffer.0;
                    state.races.insert(Race { buffer, first, second, writes, byte, places });
                }
            };
            if let Some(writer) = shadow.writer.filter(|&writer| !knows(writer)) {
                report(writer, true);
            }
            if writes {
                for &reader in shadow.readers.iter().filter(|&&reader| !knows(reader)) {
                    report(reader, false);
                }
                shadow.readers.clear();
                shadow.writer = Some(me);
            } else {
                shadow.readers.retain(|reader| reader.actor != me.actor);
                shadow.readers.push(me);
            }
        }
    }

    pub(super) fn races(&self) -> Vec<Race> {
        self.0.borrow().races.iter().cloned().collect()
    }
}

fn join(clock: &mut Clock, other: &Clock) {
    clock.resize(clock.len().max(other.len()), 0);
    clock.iter_mut().zip(other).for_each(|(mine, &theirs)| *mine = theirs.max(*mine));
}
