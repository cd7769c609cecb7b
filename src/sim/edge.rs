//! The edge to the host's memory: when the words of each iteration passed.

use super::clock::Cycle;
use crate::device::HostAccess;

/// What a channel that reads or writes the host's memory tells of its words.
pub(super) struct Edge {
    /// Words of an iteration; `None` if an invocation is one.
    each: Option<usize>,
    /// Words of the current iteration, and when the last of them passed.
    moved: usize,
    last: Cycle,
    /// Of each iteration: when its first word passed, and its last.
    pub starts: Vec<Cycle>,
    pub ends: Vec<Cycle>,
    access: HostAccess,
    /// What the next begin takes beyond what every one does.
    cold: Cycle,
}

impl Edge {
    pub(super) fn new(each: Option<usize>, access: HostAccess) -> Edge {
        let (starts, ends) = (Vec::new(), Vec::new());
        Edge { each, moved: 0, last: 0, starts, ends, access, cold: access.cold }
    }

    /// Cycles from the begin of a transfer to its first word.
    pub(super) fn begin(&mut self) -> Cycle {
        let cycles = self.access.begin + self.cold;
        self.cold = self.cold * self.access.decay / 1000;
        cycles
    }

    /// Words that still belong to the current iteration.
    pub(super) fn left(&self) -> usize {
        self.each.map_or(usize::MAX, |each| each - self.moved)
    }

    /// Take note of `words`, no more than are left, from `first` to `last`.
    pub(super) fn pass(&mut self, words: usize, first: Cycle, last: Cycle) {
        if self.moved == 0 {
            self.starts.push(first);
        }
        self.moved += words;
        self.last = last;
        if Some(self.moved) == self.each {
            self.end();
        }
    }

    /// End the iteration, if there is one without a number of words.
    pub(super) fn end_invocation(&mut self) {
        if self.each.is_none() && self.moved > 0 {
            self.end();
        }
    }

    fn end(&mut self) {
        self.ends.push(self.last);
        self.moved = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: HostAccess = HostAccess { begin: 325, cold: 1330, decay: 310 };

    #[test]
    fn the_first_begins_are_slow() {
        let mut edge = Edge::new(None, ACCESS);
        let begins: Vec<_> = (0..4).map(|_| edge.begin()).collect();
        // Measured: 1739, 804, 497 and 422, of which 75 go to the 64 words themselves.
        assert_eq!(begins, [1655, 737, 452, 364]);
    }

    #[test]
    fn iterations_end_with_their_words() {
        let mut edge = Edge::new(Some(5), ACCESS);
        edge.pass(3, 10, 13);
        assert_eq!(edge.left(), 2);
        edge.pass(2, 20, 22);
        edge.pass(5, 30, 35);
        edge.end_invocation();
        assert_eq!((edge.starts, edge.ends), (vec![10, 30], vec![22, 35]));
    }

    #[test]
    fn an_invocation_may_be_an_iteration() {
        let mut edge = Edge::new(None, ACCESS);
        edge.end_invocation();
        edge.pass(3, 10, 13);
        edge.pass(1, 13, 14);
        edge.end_invocation();
        assert_eq!((edge.starts, edge.ends), (vec![10], vec![14]));
    }
}
