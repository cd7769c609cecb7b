//! Placements by the order in which blocks take their places.
//!
//! A sequence of blocks becomes a placement by giving each block in turn the
//! free position that costs least with respect to those before it, or, for
//! blocks marked so, the first free one from the west. Simulated annealing over
//! sequences and marks finds what a search by depth does not when the array is
//! nearly full and each block displaces others. The numbers it draws are always
//! the same.

use super::{Budget, Grid, Position, Problem, Scaled};

/// Sequences tried at most.
pub const TRIES: u64 = 4_000;

/// A placement that costs less than `best`, if one is found in `tries`.
pub fn improve(
    problem: &Problem,
    best: i64,
    tries: u64,
    budget: &Budget,
) -> Option<(i64, Vec<Position>)> {
    let count = problem.blocks.len();
    if count < 2 {
        return None;
    }
    let decoder = Decoder::new(problem);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut now: Vec<(usize, bool)> = (0..count).map(|block| (block, false)).collect();
    let mut cost = decoder.place(&now).map_or(i64::MAX, |(cost, _)| cost);
    let mut found: Option<(i64, Vec<Position>)> = None;
    for t in 0..tries {
        if t % 32 == 0 && budget.stopped() {
            break;
        }
        let mut next = now.clone();
        match random.below(4) {
            0 => {
                let block = random.below(count);
                next[block].1 = !next[block].1;
            }
            1 => {
                let block = next.remove(random.below(count));
                next.insert(random.below(count), block);
            }
            2 => {
                let (a, b) = (random.below(count), random.below(count));
                next[a.min(b)..=a.max(b)].reverse();
            }
            _ => next.swap(random.below(count), random.below(count)),
        }
        let Some((new, at)) = decoder.place(&next) else { continue };
        if new < found.as_ref().map_or(best, |(cost, _)| *cost) {
            found = Some((new, at));
        }
        // Worse by up to a share that shrinks to nothing.
        let share = (tries - t) as f64 / tries as f64;
        let worse = cost as f64 * (1.0 + 0.3 * share * random.unit());
        if cost == i64::MAX || new as f64 <= worse {
            (now, cost) = (next, new);
        }
    }
    found
}

struct Decoder<'a> {
    problem: &'a Problem,
    scaled: Scaled,
    /// For each block the others that it is linked to, and whether it feeds them.
    others: Vec<Vec<(usize, bool)>>,
    /// With the fixed blocks.
    grid: Grid,
}

impl<'a> Decoder<'a> {
    fn new(problem: &'a Problem) -> Self {
        let mut others = vec![Vec::new(); problem.blocks.len()];
        for link in &problem.links {
            others[link.from].push((link.to, true));
            others[link.to].push((link.from, false));
        }
        let mut grid = Grid { columns: problem.columns, rows: vec![0; problem.rows as usize] };
        for block in &problem.blocks {
            if let Some(fixed) = block.fixed {
                grid.toggle(block, fixed);
            }
        }
        Decoder { problem, scaled: Scaled::new(problem), others, grid }
    }

    fn place(&self, sequence: &[(usize, bool)]) -> Option<(i64, Vec<Position>)> {
        let mut grid = self.grid.clone();
        let mut at: Vec<Option<Position>> =
            self.problem.blocks.iter().map(|block| block.fixed).collect();
        for &(index, first) in sequence {
            let block = &self.problem.blocks[index];
            if block.fixed.is_some() {
                continue;
            }
            let mut best: Option<(i64, Position)> = None;
            for column in 0..=self.problem.columns - block.width {
                if first && best.is_some() {
                    break;
                }
                for row in 0..=self.problem.rows - block.height {
                    let position = Position { column, row };
                    if !grid.free_inside(block, position) {
                        continue;
                    }
                    let cost = self.joined(index, position, &at);
                    if best.is_none_or(|(least, _)| cost < least) {
                        best = Some((cost, position));
                    }
                }
            }
            let (_, position) = best?;
            grid.toggle(block, position);
            at[index] = Some(position);
        }
        let at: Vec<Position> = at.into_iter().collect::<Option<_>>()?;
        Some((self.problem.cost(&at), at))
    }

    /// Cost of a block at a position with respect to those placed.
    fn joined(&self, index: usize, position: Position, at: &[Option<Position>]) -> i64 {
        let links = self.others[index].iter().filter_map(|&(other, feeds)| {
            let place = at[other]?;
            let (from, to) = if feeds { (index, other) } else { (other, index) };
            let (p, q) = if feeds { (position, place) } else { (place, position) };
            Some(self.scaled.link(self.problem, super::Link { from, to }, p, q))
        });
        self.scaled.own(self.problem, index, position) + links.sum::<i64>()
    }
}

/// Xorshift, by Marsaglia: small, and the same everywhere.
pub(in crate::plan) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}
