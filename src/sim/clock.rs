//! Time: where each actor is in it, and what it did when.
//!
//! Every actor has a clock of its own. Words, cascade values and lock requests
//! carry the time at which they happen, so an actor may run ahead of the others
//! through whatever is already certain: the words that have been sent to it, the
//! room that has been made for it. Only lock requests, whose order decides who
//! gets a lock, happen in the order of time (see [`Agenda`](super::fabric::Agenda)).
//!
//! In a run without time all of this stands still at 0.
//!
//! **Invariant:** an actor's clock never goes back.

use super::fabric::ActorId;
use crate::array::{KernelId, LockId};

/// Cycles of the array clock since the array started.
pub type Cycle = u64;

/// An actor's clock, and what it last waited for.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Clock {
    pub now: Cycle,
    /// The last [`Clock::begin`], and the cycles spent waiting since.
    pub since: Cycle,
    pub waited: Cycle,
    /// The end of the last wait.
    pub cause: Option<Cause>,
    /// Words that a cycle takes, 0 for one as well, and how many passed in this one.
    width: u32,
    passed: u32,
}

/// Who ended a wait, and when: the time is that of the other's action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cause {
    pub by: Option<ActorId>,
    pub at: Cycle,
    /// When the one that waited could go on.
    pub until: Cycle,
}

impl Clock {
    /// Of an actor whose port passes so many words in a cycle.
    pub(super) fn of_port(width: u32) -> Clock {
        Clock { width, ..Clock::default() }
    }

    /// Begin to count waits anew.
    pub(super) fn begin(&mut self) {
        (self.since, self.waited, self.cause) = (self.now, 0, None);
    }

    /// The word that moves now is the first.
    pub(super) fn first(&self) -> First {
        First { at: self.now, cause: self.cause }
    }

    pub(super) fn spend(&mut self, cycles: Cycle) {
        self.now += cycles;
    }

    /// A word passes.
    pub(super) fn pass(&mut self) {
        self.passed += 1;
        if self.passed >= self.width {
            (self.now, self.passed) = (self.now + 1, 0);
        }
    }

    /// What comes now does not share a cycle with the words that passed.
    pub(super) fn end_words(&mut self) {
        if std::mem::take(&mut self.passed) > 0 {
            self.now += 1;
        }
    }

    /// Wait until `time`, if that is still to come, for what `by` did at `at`.
    pub(super) fn wait(&mut self, time: Cycle, by: Option<ActorId>, at: Cycle) {
        if time > self.now {
            self.waited += time - self.now;
            (self.now, self.passed) = (time, 0);
            self.cause = Some(Cause { by, at, until: time });
        }
    }
}

/// When the first of several words moved, and what it waited for last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct First {
    pub at: Cycle,
    pub cause: Option<Cause>,
}

/// What an actor does in a span of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Activity {
    /// A call of a kernel; `waited` cycles of it were spent waiting in a cascade.
    Compute {
        kernel: KernelId,
        waited: Cycle,
    },
    /// Lock requests, beside waiting, and going from one descriptor to the next.
    Locks,
    /// The words of a descriptor; `waited` cycles of them were spent waiting for
    /// words or for room.
    Move {
        bd: usize,
        waited: Cycle,
    },
    /// A stream of the boundary: words of an iteration.
    Stream {
        iteration: usize,
        waited: Cycle,
    },
    WaitLock(LockId),
    /// Waiting for the first word of a descriptor, or for room for it.
    WaitWord,
    /// What a core does by itself; `waited` cycles of it were spent waiting in a cascade.
    Code {
        waited: Cycle,
    },
    /// Waiting for a task of the host.
    WaitHost,
    /// A transfer with the host's memory begins.
    HostMemory,
    /// A step of the runtime sequence.
    Command {
        step: usize,
    },
}

/// Half open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub begin: Cycle,
    pub end: Cycle,
    pub activity: Activity,
    /// The last wait in it.
    pub cause: Option<Cause>,
}

/// What every actor did, in the order of time. Empty in a run without time.
#[derive(Default)]
pub(super) struct Log {
    spans: Vec<Vec<Span>>,
}

impl Log {
    /// `actors` is 0 for a run without time.
    pub(super) fn new(actors: usize) -> Log {
        Log { spans: vec![Vec::new(); actors] }
    }

    pub(super) fn add(&mut self, actor: ActorId, span: Span) {
        let Some(spans) = self.spans.get_mut(actor.0) else { return };
        if span.end == span.begin {
            return;
        }
        let joins = |last: &Span| {
            (last.end, last.activity, last.cause) == (span.begin, span.activity, None)
                && matches!(span.activity, Activity::Locks)
                && span.cause.is_none()
        };
        match spans.last_mut() {
            Some(last) if joins(last) => last.end = span.end,
            _ => spans.push(span),
        }
    }

    /// Spans of all actors.
    pub(super) fn len(&self) -> usize {
        self.spans.iter().map(Vec::len).sum()
    }

    /// The end of what an actor did last.
    pub(super) fn end_of(&self, actor: usize) -> Cycle {
        self.of(actor).last().map_or(0, |span| span.end)
    }

    pub(super) fn of(&self, actor: usize) -> &[Span] {
        self.spans.get(actor).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_share_a_cycle() {
        let mut clock = Clock::of_port(2);
        (0..3).for_each(|_| clock.pass());
        assert_eq!(clock.now, 1);
        // The third has a cycle that nothing else may use.
        clock.end_words();
        clock.end_words();
        assert_eq!(clock.now, 2);
        clock.pass();
        clock.wait(5, None, 5);
        (0..2).for_each(|_| clock.pass());
        assert_eq!(clock.now, 6, "what came before the wait had a cycle of its own");
        let mut clock = Clock::default();
        (0..3).for_each(|_| clock.pass());
        assert_eq!(clock.now, 3);
    }
}
