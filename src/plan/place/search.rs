//! The search of [`place`](super::place): beams, branch and bound, repairs.

use super::{
    Budget, Grid, Link, NoRoom, PACKING, Position, Problem, Scaled, overlap, packing, sequence,
};
use std::collections::{HashMap, HashSet};

/// Nodes of the search before [`Search::improve`].
const SHORT: u64 = 5_000;

/// Partial placements that the beam search keeps.
const BEAM: usize = 24;

/// The same where the first search ended without a proof.
const WIDE_BEAM: usize = 400;

/// Nodes that placing two or three blocks anew takes at most.
const SOME: u64 = 200;

/// Pairs of positions that a tighter bound of one node may look at.
const PAIRS: usize = 8_000;

/// Nodes between two looks at the clock.
const STOP: u64 = 64;

/// Entries of the table of seen states.
const SEEN: usize = 1 << 20;

pub(super) struct Search<'a> {
    problem: &'a Problem,
    scaled: Scaled,
    /// Blocks in the order in which they are placed, and the reverse.
    order: Vec<usize>,
    rank: Vec<usize>,
    parent: Vec<Option<usize>>,
    /// Links by block.
    links: Vec<Vec<Link>>,
    /// Possible positions of each block.
    positions: Vec<Vec<Position>>,
    /// Least cost of a block at a position and of its subtree.
    below: Vec<Vec<i64>>,
    /// Least cost of links outside the tree, at the block placed later.
    loose: Vec<i64>,
    /// Blocks, by depth, that are placed and have unplaced neighbors.
    live: Vec<Vec<usize>>,
    grid: Grid,
    at: Vec<Position>,
    pub(super) best_cost: i64,
    pub(super) best: Vec<Position>,
    seen: HashMap<(usize, Vec<u64>, Vec<Position>), i64>,
    /// Nodes expanded.
    pub(super) nodes: u64,
    /// Nodes that [`Search::descend`] may still expand.
    left: u64,
    budget: Budget<'a>,
}

impl<'a> Search<'a> {
    pub(super) fn new(problem: &'a Problem, budget: Budget<'a>) -> Result<Self, NoRoom> {
        let count = problem.blocks.len();
        let mut links = vec![Vec::new(); count];
        for link in &problem.links {
            links[link.from].push(*link);
            links[link.to].push(*link);
        }
        let grid = Grid::new(problem.columns, problem.rows)
            .ok_or(NoRoom("the array is too wide".to_owned()))?;
        let positions = problem
            .blocks
            .iter()
            .map(|block| match block.fixed {
                Some(fixed) => vec![fixed],
                None => (0..=problem.rows - block.height)
                    .flat_map(|row| {
                        (0..=problem.columns - block.width)
                            .map(move |column| Position { column, row })
                    })
                    .collect(),
            })
            .collect();
        let mut search = Search {
            problem,
            scaled: Scaled::new(problem),
            order: Vec::new(),
            rank: vec![usize::MAX; count],
            parent: vec![None; count],
            links,
            positions,
            below: vec![Vec::new(); count],
            loose: vec![0; count],
            live: Vec::new(),
            grid,
            at: vec![Position::default(); count],
            best_cost: i64::MAX,
            best: Vec::new(),
            seen: HashMap::new(),
            nodes: 0,
            left: 0,
            budget,
        };
        search.arrange();
        search.relax();
        Ok(search)
    }

    fn other(link: &Link, block: usize) -> usize {
        if link.from == block { link.to } else { link.from }
    }

    /// Order of the blocks: fixed ones first, then always the block with the
    /// most links to those before it, and among equals the largest for a
    /// fresh start, else the first.
    fn arrange(&mut self) {
        let count = self.problem.blocks.len();
        while self.order.len() < count {
            let next = (0..count)
                .filter(|&b| self.rank[b] == usize::MAX)
                .min_by_key(|&b| {
                    let tied = self.links[b]
                        .iter()
                        .filter(|l| self.rank[Self::other(l, b)] != usize::MAX)
                        .count();
                    (self.problem.blocks[b].fixed.is_none(), std::cmp::Reverse(tied), b)
                })
                .unwrap_or(0);
            self.parent[next] = self.links[next]
                .iter()
                .map(|l| Self::other(l, next))
                .filter(|&o| self.rank[o] != usize::MAX)
                .max_by_key(|&o| self.rank[o]);
            self.rank[next] = self.order.len();
            self.order.push(next);
        }
        self.live = (0..=count)
            .map(|depth| {
                self.order[..depth]
                    .iter()
                    .copied()
                    .filter(|&b| {
                        self.links[b].iter().any(|l| self.rank[Self::other(l, b)] >= depth)
                    })
                    .collect()
            })
            .collect();
    }

    /// Fill `below` and `loose`, leaves first.
    fn relax(&mut self) {
        for &block in self.order.iter().rev() {
            self.below[block] = self.positions[block]
                .iter()
                .map(|&p| self.scaled.own(self.problem, block, p))
                .collect();
            let children: Vec<usize> =
                (0..self.parent.len()).filter(|&c| self.parent[c] == Some(block)).collect();
            for child in children {
                let between: Vec<Link> = self.links[child]
                    .iter()
                    .copied()
                    .filter(|l| Self::other(l, child) == block)
                    .collect();
                let least: Vec<i64> = self.positions[block]
                    .iter()
                    .map(|&p| self.least(block, p, child, &between, Some(&self.below[child])))
                    .collect();
                for (sum, least) in self.below[block].iter_mut().zip(least) {
                    *sum = sum.saturating_add(least);
                }
            }
        }
        for &block in &self.order {
            let mut others: Vec<usize> = self.links[block]
                .iter()
                .map(|l| Self::other(l, block))
                .filter(|&o| self.rank[o] < self.rank[block] && self.parent[block] != Some(o))
                .collect();
            others.sort_unstable();
            others.dedup();
            self.loose[block] = others
                .into_iter()
                .map(|other| {
                    let between: Vec<Link> = self.links[block]
                        .iter()
                        .copied()
                        .filter(|l| Self::other(l, block) == other)
                        .collect();
                    let least = |&p| self.least(block, p, other, &between, None);
                    self.positions[block].iter().map(least).min().unwrap_or(0)
                })
                .sum();
        }
    }

    /// Least cost of `child` anywhere, given `block` at `p`, of the links
    /// between them and of `below`.
    fn least(
        &self,
        block: usize,
        p: Position,
        child: usize,
        between: &[Link],
        below: Option<&[i64]>,
    ) -> i64 {
        let (a, b) = (&self.problem.blocks[block], &self.problem.blocks[child]);
        let mut least = i64::MAX;
        for (index, &q) in self.positions[child].iter().enumerate() {
            let rest = below.map_or(0, |below| below[index]);
            if rest >= least || overlap(a, p, b, q) {
                continue;
            }
            least = least.min(rest.saturating_add(self.between(between, block, p, q)));
        }
        least
    }

    /// Cost of links between `block` at `p` and a block at `q`.
    fn between(&self, links: &[Link], block: usize, p: Position, q: Position) -> i64 {
        links
            .iter()
            .map(|&l| {
                if l.from == block {
                    self.scaled.link(self.problem, l, p, q)
                } else {
                    self.scaled.link(self.problem, l, q, p)
                }
            })
            .sum()
    }

    /// Bound of the empty placement.
    pub(super) fn root_bound(&self) -> i64 {
        let trees = self.order.iter().filter(|&&b| self.parent[b].is_none());
        let trees: i64 = trees
            .map(|&b| self.below[b].iter().copied().min().unwrap_or(0))
            .fold(0, i64::saturating_add);
        trees.saturating_add(self.loose.iter().sum())
    }

    pub(super) fn offer(&mut self, cost: i64, at: &[Position]) {
        if cost < self.best_cost {
            self.best_cost = cost;
            self.best = at.to_vec();
        }
    }

    /// Cost of `block` at `p`, its own and of its links to placed blocks.
    fn joined(&self, block: usize, p: Position, depth: usize) -> i64 {
        let own = self.scaled.own(self.problem, block, p);
        let links = self.links[block]
            .iter()
            .filter(|l| self.rank[Self::other(l, block)] < depth)
            .map(|&l| {
                let other = self.at[Self::other(&l, block)];
                if l.from == block {
                    self.scaled.link(self.problem, l, p, other)
                } else {
                    self.scaled.link(self.problem, l, other, p)
                }
            });
        own + links.sum::<i64>()
    }

    /// Least that `block` and its subtree can cost on the free cores, its
    /// links to placed blocks included; `i64::MAX` if there is no room.
    fn least_free(&self, block: usize, depth: usize) -> i64 {
        let mut least = i64::MAX;
        for (index, &q) in self.positions[block].iter().enumerate() {
            let below = self.below[block][index];
            if below >= least || !self.grid.free_inside(&self.problem.blocks[block], q) {
                continue;
            }
            let own = self.scaled.own(self.problem, block, q);
            least = least.min(self.joined(block, q, depth) - own + below);
        }
        least
    }

    /// Bound on what the blocks from `depth + 1` on add, however block
    /// `order[depth]` is placed; `None` if one of them has no room.
    fn others(&self, depth: usize) -> Option<i64> {
        let mut sum = 0i64;
        for &block in &self.order[depth + 1..] {
            let all_placed_links = self.loose_placed(block, depth);
            match self.parent[block] {
                // Counted by `below` of the block that its tree hangs from.
                Some(parent) if self.rank[parent] >= depth => {
                    sum = sum.saturating_add(all_placed_links)
                }
                Some(_) => {
                    let least = self.least_free(block, depth);
                    if least == i64::MAX {
                        return None;
                    }
                    sum =
                        sum.saturating_add(least).saturating_add(self.loose_unplaced(block, depth));
                }
                None => {
                    let least = self.least_free(block, depth);
                    if least == i64::MAX {
                        return None;
                    }
                    sum = sum.saturating_add(least);
                }
            }
        }
        Some(sum)
    }

    /// Least cost of the links outside the tree of a block that hangs from an
    /// unplaced one.
    fn loose_placed(&self, block: usize, _depth: usize) -> i64 {
        self.loose[block]
    }

    /// The same of a block whose links to placed blocks are already counted.
    fn loose_unplaced(&self, block: usize, depth: usize) -> i64 {
        // `loose` sums over all earlier neighbors but the parent; only if none
        // of them is placed is it free of double counting.
        let any_placed = self.links[block].iter().any(|l| {
            let other = Self::other(l, block);
            self.rank[other] < depth && self.parent[block] != Some(other)
        });
        if any_placed { 0 } else { self.loose[block] }
    }

    /// Positions of block `order[depth]` with the bound of each, best first.
    /// `cost` is that of the blocks placed.
    fn children(&self, depth: usize, cost: i64) -> Vec<(i64, i64, Position)> {
        let block = self.order[depth];
        let Some(others) = self.others(depth) else { return Vec::new() };
        let loose = self.loose_unplaced(block, depth);
        let mut children = Vec::new();
        for (index, &p) in self.positions[block].iter().enumerate() {
            let below = self.below[block][index];
            let floor = cost.saturating_add(below).saturating_add(others);
            if floor >= self.best_cost || !self.grid.free_inside(&self.problem.blocks[block], p) {
                continue;
            }
            let joined = self.joined(block, p, depth);
            let own = self.scaled.own(self.problem, block, p);
            let bound = floor.saturating_add(joined - own).saturating_add(loose);
            if bound < self.best_cost {
                children.push((bound, cost + joined, p, index));
            }
        }
        if !children.is_empty() && depth + 1 < self.order.len() {
            self.tighten(depth, &mut children);
        }
        children.sort_unstable_by_key(|&(bound, cost, p, _)| (bound, cost, p.row, p.column));
        children.into_iter().map(|(bound, cost, p, _)| (bound, cost, p)).collect()
    }

    /// Raises the bounds of children by what their subtrees cost on the free cores, and drops
    /// those that are too high then. Where many cores are free it changes little, and is left.
    fn tighten(&self, depth: usize, children: &mut Vec<(i64, i64, Position, usize)>) {
        let block = self.order[depth];
        let places: Vec<usize> = children.iter().map(|child| child.3).collect();
        let Some(below) = self.below_on_free(block, &places, &mut PAIRS.clone()) else { return };
        for ((bound, _, _, index), below) in children.iter_mut().zip(below) {
            *bound = bound.saturating_add(below.saturating_sub(self.below[block][*index]));
        }
        children.retain(|child| child.0 < self.best_cost);
    }

    /// What `below` is at those positions of a block if its subtree has the free cores only;
    /// `i64::MAX` where that has no room. `None` if there are more than `pairs` of positions
    /// of blocks and of those below them.
    fn below_on_free(&self, block: usize, places: &[usize], pairs: &mut usize) -> Option<Vec<i64>> {
        let own =
            |&index: &usize| self.scaled.own(self.problem, block, self.positions[block][index]);
        let mut sums: Vec<i64> = places.iter().map(own).collect();
        let children = (0..self.parent.len()).filter(|&child| self.parent[child] == Some(block));
        for child in children {
            let shape = &self.problem.blocks[child];
            let positions = &self.positions[child];
            let free: Vec<usize> = (0..positions.len())
                .filter(|&index| self.grid.free_inside(shape, positions[index]))
                .collect();
            *pairs = pairs.checked_sub(free.len() * places.len())?;
            let below = self.below_on_free(child, &free, pairs)?;
            let between: Vec<Link> = self.links[child]
                .iter()
                .copied()
                .filter(|l| Self::other(l, child) == block)
                .collect();
            for (sum, &place) in sums.iter_mut().zip(places) {
                let p = self.positions[block][place];
                let mut least = i64::MAX;
                for (&index, &below) in free.iter().zip(&below) {
                    let q = positions[index];
                    if below >= least || overlap(&self.problem.blocks[block], p, shape, q) {
                        continue;
                    }
                    least = least.min(below.saturating_add(self.between(&between, block, p, q)));
                }
                *sum = sum.saturating_add(least);
            }
        }
        Some(sums)
    }

    /// Whether the budget is used up.
    fn spent(&self) -> bool {
        self.nodes >= self.budget.nodes
            || (self.nodes.is_multiple_of(STOP) && self.budget.stopped())
    }

    /// Searches within the budget, starting from `best`. Returns a bound on
    /// the cost of all placements.
    pub(super) fn run(&mut self, root: i64) -> Result<i64, NoRoom> {
        let total = self.budget.nodes;
        if self.best_cost == i64::MAX {
            match packing::pack(self.problem, total.min(PACKING)) {
                Ok(None) => {
                    return Err(NoRoom(
                        "the rectangles do not fit the array in any arrangement".to_owned(),
                    ));
                }
                Ok(Some(at)) => self.offer(self.problem.cost(&at), &at),
                Err(steps) => self.nodes += steps,
            }
        }
        if self.best_cost > root {
            self.beam(BEAM);
        }
        // Most proofs are short. Where they are not, a better incumbent helps more
        // than a longer search with a poor one.
        let rest = total.saturating_sub(self.nodes);
        let mut open = self.descend_all(rest.min(SHORT));
        let rest = total.saturating_sub(self.nodes);
        if open < self.best_cost && rest > 0 && !self.budget.stopped() {
            self.beam(WIDE_BEAM);
            self.rearrange();
            self.improve(total.saturating_sub(self.nodes));
            open = open.max(self.descend_all(total.saturating_sub(self.nodes)));
        }
        if self.best_cost < i64::MAX {
            return Ok(open);
        }
        Err(NoRoom(if open == i64::MAX {
            "the rectangles do not fit the array in any arrangement".to_owned()
        } else if self.budget.stopped() {
            "no arrangement of the rectangles was found in the time allowed: allow more".to_owned()
        } else {
            format!("no arrangement of the rectangles was found in {total} nodes: allow more")
        }))
    }

    /// Other orders of placing the blocks, from the best placement on.
    fn rearrange(&mut self) {
        let nodes = (self.budget.nodes - self.nodes.min(self.budget.nodes)).min(sequence::TRIES);
        let (budget, best) = (self.budget, self.best_cost);
        if let Some((cost, at)) = sequence::improve(self.problem, best, nodes, &budget) {
            self.offer(cost, &at);
        }
        self.nodes += nodes;
    }

    /// Search all placements, expanding at most `nodes`. Returns the least bound
    /// of what was left unexplored.
    fn descend_all(&mut self, nodes: u64) -> i64 {
        let mut open = i64::MAX;
        if self.best_cost > self.root_bound() {
            self.left = nodes;
            self.seen.clear();
            self.descend(0, 0, &mut open);
        }
        open
    }

    /// Place two or three blocks anew, the others fixed, for all pairs and
    /// triples, as long as this finds cheaper placements. Counts at most `nodes`
    /// nodes.
    fn improve(&mut self, nodes: u64) {
        let end = self.nodes.saturating_add(nodes);
        let count = self.problem.blocks.len();
        let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| vec![a, b]));
        let triples = (0..count).flat_map(|a| {
            (a + 1..count).flat_map(move |b| (b + 1..count).map(move |c| vec![a, b, c]))
        });
        let subsets: Vec<Vec<usize>> = pairs.chain(triples).collect();
        let mut since = 0;
        let mut next = 0;
        while since < subsets.len()
            && self.nodes < end
            && self.best_cost < i64::MAX
            && !self.budget.stopped()
        {
            let before = self.best_cost;
            self.improve_some(&subsets[next]);
            // After a success start again with the pairs, which are quick.
            (since, next) = if self.best_cost < before {
                (0, 0)
            } else {
                (since + 1, (next + 1) % subsets.len())
            };
        }
    }

    /// Place `some` blocks anew.
    fn improve_some(&mut self, some: &[usize]) {
        let mut problem = self.problem.clone();
        for (index, block) in problem.blocks.iter_mut().enumerate() {
            block.fixed = block.fixed.or((!some.contains(&index)).then(|| self.best[index]));
        }
        // Setting a search up takes as long as expanding some nodes.
        self.nodes += 10;
        let Ok(mut search) = Search::new(&problem, self.budget) else { return };
        search.best_cost = self.best_cost;
        search.descend_all(SOME);
        self.nodes += search.nodes;
        if search.best_cost < self.best_cost {
            self.best_cost = search.best_cost;
            self.best = search.best;
        }
    }

    /// Search below a partial placement of `depth` blocks. Lowers `open` to
    /// the least bound of what the budget left unexplored.
    fn descend(&mut self, depth: usize, cost: i64, open: &mut i64) {
        if depth == self.order.len() {
            let at = self.at.clone();
            self.offer(cost, &at);
            return;
        }
        self.nodes += 1;
        let block = self.order[depth];
        let children = self.children(depth, cost);
        for (bound, cost, p) in children {
            if bound >= self.best_cost {
                break;
            }
            if self.left == 0 {
                *open = (*open).min(bound);
                break;
            }
            self.left -= 1;
            if self.left.is_multiple_of(STOP) && self.budget.stopped() {
                self.left = 0;
            }
            self.grid.toggle(&self.problem.blocks[block], p);
            self.at[block] = p;
            if self.fresh(depth + 1, cost) {
                self.descend(depth + 1, cost, open);
            }
            self.grid.toggle(&self.problem.blocks[block], p);
        }
    }

    /// Whether this partial placement is cheaper than any seen with the same
    /// cores occupied and the same blocks at the ends of open links.
    fn fresh(&mut self, depth: usize, cost: i64) -> bool {
        if depth == self.order.len() {
            return true;
        }
        let live: Vec<Position> = self.live[depth].iter().map(|&b| self.at[b]).collect();
        let key = (depth, self.grid.rows.clone(), live);
        match self.seen.get_mut(&key) {
            Some(old) if *old <= cost => false,
            Some(old) => {
                *old = cost;
                true
            }
            None => {
                if self.seen.len() < SEEN {
                    self.seen.insert(key, cost);
                }
                true
            }
        }
    }

    /// A first good placement: breadth first, the `width` best at each depth.
    fn beam(&mut self, width: usize) {
        let start = self.at.clone();
        let mut layer: Vec<(i64, Vec<Position>)> = vec![(0, start.clone())];
        for depth in 0..self.order.len() {
            let block = self.order[depth];
            let mut next: Vec<(i64, i64, usize, Position)> = Vec::new();
            for (index, (cost, at)) in layer.iter().enumerate() {
                if self.spent() {
                    self.at.clone_from(&start);
                    return;
                }
                self.at.clone_from(at);
                self.occupy(depth);
                self.nodes += 1;
                let children = self.children(depth, *cost);
                next.extend(
                    children
                        .into_iter()
                        .take(width)
                        .map(|(bound, cost, p)| (bound, cost, index, p)),
                );
                self.occupy(depth);
            }
            next.sort_unstable_by_key(|&(bound, cost, index, p)| (bound, cost, index, p));
            // Of placements that mean the same to the blocks to come, keep one.
            let mut seen = HashSet::new();
            next.retain(|&(_, _, index, p)| {
                if seen.len() >= width {
                    return false;
                }
                self.at.clone_from(&layer[index].1);
                self.at[block] = p;
                self.occupy(depth + 1);
                let state = (
                    self.grid.rows.clone(),
                    self.live[depth + 1].iter().map(|&b| self.at[b]).collect::<Vec<_>>(),
                );
                self.occupy(depth + 1);
                seen.insert(state)
            });
            layer = next
                .into_iter()
                .map(|(_, cost, index, p)| {
                    let mut at = layer[index].1.clone();
                    at[block] = p;
                    (cost, at)
                })
                .collect();
        }
        for (cost, at) in layer {
            self.offer(cost, &at);
        }
    }

    /// Toggle the cores of the first `depth` blocks.
    fn occupy(&mut self, depth: usize) {
        for &b in &self.order[..depth] {
            self.grid.toggle(&self.problem.blocks[b], self.at[b]);
        }
    }
}
