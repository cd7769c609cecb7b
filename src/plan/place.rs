//! Where the rectangles of the layers go: branch and bound with a certificate.
//!
//! A *block* is a rectangle of cores, `width` tiles of a cascade by `height`
//! chains. A *link* says that one block feeds another. Partial sums flow from
//! west to east, so a block's output leaves at its easternmost column, its
//! input enters from its westernmost on, and a block cannot be mirrored or
//! turned. With `x`, `y` the column and core row (0 is the lowest) of a
//! block's lower west corner, the cost of a placement is
//!
//! ```text
//!   sum over links a -> b of  |x_b - (x_a + width_a - 1)| + lambda * |y_b - y_a|
//! + sum over blocks of        mu * (y + height - 1) + ports * distance
//! ```
//!
//! the first two as in the AIE4ML paper (arXiv 2512.15946, equation 2), where
//! `distance` is that of the input column of a block fed from outside, and of
//! the output column of a block that feeds the outside, to the nearest column
//! with a port.
//!
//! **Search.** Blocks are placed in an order in which each has a neighbor
//! before it (its *parent* in a spanning tree of the links). The bound of a
//! partial placement is exact for trees up to one relaxation: in
//! `below[v][p]`, the least cost of `v` at `p` and everything below it in the
//! tree, only parent and child must not overlap. A node's bound is the cost
//! so far plus, for each unplaced block with a placed parent, the least over
//! its *free* positions of its links to placed blocks plus `below`; links
//! outside the tree count at least the least cost of any non-overlapping pair.
//! Depth first, best child first, from the incumbent of a beam search and the
//! greedy placements; a table of occupied cells and live positions drops
//! partial placements that cost no less than one seen before. Where that ends
//! without a proof, pairs and triples of blocks are placed anew until none of
//! them gets cheaper, and the search goes on from there.
//!
//! Costs are integers in steps of 1/[`SCALE`], so that ties are exact.

use super::greedy;
use crate::array::Tile;
use crate::device::Device;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

/// Resolution of costs and weights.
pub const SCALE: f64 = 10_000.0;

/// A rectangle to place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Block {
    /// Columns.
    pub width: u32,
    /// Core rows.
    pub height: u32,
    /// Where it must be.
    pub fixed: Option<Position>,
    /// Fed from outside the array.
    pub is_input: bool,
    /// Feeds the outside.
    pub is_output: bool,
}

impl Block {
    pub fn new(width: u32, height: u32) -> Self {
        Block { width, height, ..Block::default() }
    }
}

/// Lower west corner of a block: column, and core row counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Position {
    pub column: u32,
    pub row: u32,
}

impl Position {
    /// The tile at this position.
    pub fn tile(self, device: &Device) -> Tile {
        Tile { column: self.column, row: device.core_rows().start + self.row }
    }
}

/// Block `from` feeds block `to`; indices into [`Problem::blocks`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Link {
    pub from: usize,
    pub to: usize,
}

/// Weights of the cost.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Weights {
    /// Of a row, relative to a column.
    pub lambda: f64,
    /// Of a block's top row.
    pub mu: f64,
    /// Of a column between an outside block and the nearest port.
    pub ports: f64,
}

impl Default for Weights {
    /// As in the paper; ports do not count.
    fn default() -> Self {
        Weights { lambda: 1.0, mu: 0.05, ports: 0.0 }
    }
}

/// What to place.
#[derive(Clone, PartialEq, Debug)]
pub struct Problem {
    pub columns: u32,
    /// Core rows.
    pub rows: u32,
    pub blocks: Vec<Block>,
    pub links: Vec<Link>,
    pub weights: Weights,
    /// Columns with ports to the outside; empty means everywhere.
    pub ports: Range<u32>,
}

impl Problem {
    /// Blocks on the cores of a device.
    pub fn new(device: &Device, blocks: Vec<Block>, links: Vec<Link>) -> Self {
        Problem {
            columns: device.columns,
            rows: device.core_rows().len() as u32,
            blocks,
            links,
            weights: Weights::default(),
            ports: device.plio_columns(),
        }
    }

    /// Cost of a placement, in steps of 1/[`SCALE`].
    fn cost(&self, at: &[Position]) -> i64 {
        let scaled = Scaled::new(self);
        let blocks: i64 = at.iter().enumerate().map(|(b, &p)| scaled.own(self, b, p)).sum();
        let links: i64 =
            self.links.iter().map(|l| scaled.link(self, *l, at[l.from], at[l.to])).sum();
        blocks + links
    }

    /// Cost of a placement, or `None` if it is none: blocks overlap, leave the
    /// array, or are not where they are fixed.
    pub fn evaluate(&self, at: &[Position]) -> Option<f64> {
        if at.len() != self.blocks.len() {
            return None;
        }
        let mut grid = Grid::new(self.columns, self.rows)?;
        for (block, &position) in self.blocks.iter().zip(at) {
            if block.fixed.is_some_and(|f| f != position) || !grid.free(block, position) {
                return None;
            }
            grid.toggle(block, position);
        }
        Some(self.cost(at) as f64 / SCALE)
    }

    /// Whether sizes and indices make sense.
    fn check(&self) -> Result<(), NoRoom> {
        let fail = |message: String| Err(NoRoom(message));
        if self.columns == 0 || self.columns > 64 || self.rows == 0 || self.rows > 64 {
            return fail(format!(
                "an array of {}x{} cores: 1 to 64 of each expected",
                self.columns, self.rows
            ));
        }
        for (index, block) in self.blocks.iter().enumerate() {
            let Block { width, height, fixed, .. } = *block;
            if width == 0 || height == 0 || width > self.columns || height > self.rows {
                return fail(format!(
                    "block {index} of {width}x{height} tiles does not fit an array of {}x{} cores",
                    self.columns, self.rows
                ));
            }
            let outside =
                |p: Position| p.column > self.columns - width || p.row > self.rows - height;
            if let Some(p) = fixed.filter(|&p| outside(p)) {
                return fail(format!(
                    "block {index} of {width}x{height} tiles at column {}, row {} leaves the array of {}x{} cores",
                    p.column, p.row, self.columns, self.rows
                ));
            }
        }
        for link in &self.links {
            if link.from >= self.blocks.len()
                || link.to >= self.blocks.len()
                || link.from == link.to
            {
                return fail(format!("a link from block {} to block {}", link.from, link.to));
            }
        }
        let area: u64 = self.blocks.iter().map(|b| u64::from(b.width) * u64::from(b.height)).sum();
        let cores = u64::from(self.columns) * u64::from(self.rows);
        if area > cores {
            return fail(format!("rectangles of {area} tiles together do not fit {cores} cores"));
        }
        Ok(())
    }
}

/// Blocks do not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoRoom(pub String);

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoRoom {}

/// A position for every block, and how good it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Placement {
    pub at: Vec<Position>,
    pub cost: f64,
    /// No placement costs less than this.
    pub lower_bound: f64,
    /// `cost == lower_bound`.
    pub optimal: bool,
    /// Partial placements expanded.
    pub nodes: u64,
}

/// Nodes that [`place`] expands by default: well under a second.
pub const NODES: u64 = 50_000;

/// Weights in steps of 1/[`SCALE`].
#[derive(Clone, Copy)]
struct Scaled {
    lambda: i64,
    mu: i64,
    ports: i64,
}

impl Scaled {
    fn new(problem: &Problem) -> Self {
        let scale =
            |w: f64| if w.is_finite() { (w.clamp(0.0, 1e6) * SCALE).round() as i64 } else { 0 };
        let Weights { lambda, mu, ports } = problem.weights;
        Scaled { lambda: scale(lambda), mu: scale(mu), ports: scale(ports) }
    }

    /// Cost of a block alone.
    fn own(&self, problem: &Problem, block: usize, p: Position) -> i64 {
        let b = &problem.blocks[block];
        let mut cost = self.mu * i64::from(p.row + b.height - 1);
        if !problem.ports.is_empty() && self.ports > 0 {
            let away = |column: u32| {
                let Range { start, end } = problem.ports;
                i64::from(start.saturating_sub(column).max(column.saturating_sub(end - 1)))
            };
            if b.is_input {
                cost += self.ports * away(p.column);
            }
            if b.is_output {
                cost += self.ports * away(p.column + b.width - 1);
            }
        }
        cost
    }

    fn link(&self, problem: &Problem, link: Link, from: Position, to: Position) -> i64 {
        let out = from.column + problem.blocks[link.from].width - 1;
        SCALE as i64 * i64::from(out.abs_diff(to.column))
            + self.lambda * i64::from(from.row.abs_diff(to.row))
    }
}

/// Occupied cores, one word per row.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Grid {
    columns: u32,
    rows: Vec<u64>,
}

impl Grid {
    pub(super) fn new(columns: u32, rows: u32) -> Option<Self> {
        (columns <= 64).then(|| Grid { columns, rows: vec![0; rows as usize] })
    }

    fn mask(block: &Block, position: Position) -> u64 {
        (u64::MAX >> (64 - block.width.clamp(1, 64))) << position.column
    }

    /// Whether a block is inside and on free cores.
    pub(super) fn free(&self, block: &Block, position: Position) -> bool {
        if position.column + block.width > self.columns
            || (position.row + block.height) as usize > self.rows.len()
        {
            return false;
        }
        self.free_inside(block, position)
    }

    fn free_inside(&self, block: &Block, position: Position) -> bool {
        let mask = Self::mask(block, position);
        let first = position.row as usize;
        self.rows[first..first + block.height as usize].iter().all(|row| row & mask == 0)
    }

    /// Occupy or free the cores of a block.
    pub(super) fn toggle(&mut self, block: &Block, position: Position) {
        let mask = Self::mask(block, position);
        let first = position.row as usize;
        for row in &mut self.rows[first..first + block.height as usize] {
            *row ^= mask;
        }
    }
}

fn overlap(a: &Block, p: Position, b: &Block, q: Position) -> bool {
    p.column < q.column + b.width
        && q.column < p.column + a.width
        && p.row < q.row + b.height
        && q.row < p.row + a.height
}

/// Place all blocks, expanding at most `nodes` partial placements after the
/// first ones found.
///
/// # Errors
/// If a block cannot be inside the array, if blocks are more than the cores,
/// or if no placement was found within the node budget.
pub fn place(problem: &Problem, nodes: u64) -> Result<Placement, NoRoom> {
    problem.check()?;
    if problem.blocks.is_empty() {
        return Ok(Placement {
            at: Vec::new(),
            cost: 0.0,
            lower_bound: 0.0,
            optimal: true,
            nodes: 0,
        });
    }
    let mut search = Search::new(problem)?;
    let root = search.root_bound();
    for greedy in [greedy::right, greedy::above, greedy::pack] {
        if let Some(at) = greedy(problem) {
            search.offer(problem.cost(&at), &at);
        }
    }
    if search.best_cost > root {
        search.beam(BEAM);
    }
    // Most proofs are short. Where they are not, a better incumbent helps more
    // than a longer search with a poor one.
    let mut open = search.descend_all(nodes.min(SHORT));
    if open < search.best_cost && nodes > SHORT {
        search.beam(WIDE_BEAM);
        search.improve(nodes - SHORT);
        open = open.max(search.descend_all(nodes - SHORT));
    }
    if search.best_cost == i64::MAX {
        let message = if open == i64::MAX {
            "the rectangles do not fit the array in any arrangement".to_owned()
        } else {
            format!("no arrangement of the rectangles was found in {nodes} steps")
        };
        return Err(NoRoom(message));
    }
    let bound = open.max(root).min(search.best_cost);
    Ok(Placement {
        cost: search.best_cost as f64 / SCALE,
        lower_bound: bound as f64 / SCALE,
        optimal: bound == search.best_cost,
        nodes: search.nodes,
        at: search.best,
    })
}

/// Whether blocks were found to fit the cores of a device side by side.
pub fn packs(blocks: Vec<Block>, device: &Device) -> bool {
    let problem = Problem::new(device, blocks, Vec::new());
    problem.check().is_ok() && greedy::pack(&problem).is_some()
}

/// Nodes of the search before [`Search::improve`].
const SHORT: u64 = 5_000;

/// Partial placements that the beam search keeps.
const BEAM: usize = 24;

/// The same where the first search ended without a proof.
const WIDE_BEAM: usize = 400;

/// Nodes that placing two or three blocks anew takes at most.
const SOME: u64 = 200;

/// Entries of the table of seen states.
const SEEN: usize = 1 << 20;

struct Search<'a> {
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
    best_cost: i64,
    best: Vec<Position>,
    seen: HashMap<(usize, Vec<u64>, Vec<Position>), i64>,
    nodes: u64,
    budget: u64,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem) -> Result<Self, NoRoom> {
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
            budget: 0,
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
    fn root_bound(&self) -> i64 {
        let trees = self.order.iter().filter(|&&b| self.parent[b].is_none());
        let trees: i64 = trees
            .map(|&b| self.below[b].iter().copied().min().unwrap_or(0))
            .fold(0, i64::saturating_add);
        trees.saturating_add(self.loose.iter().sum())
    }

    fn offer(&mut self, cost: i64, at: &[Position]) {
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
                children.push((bound, cost + joined, p));
            }
        }
        children.sort_unstable_by_key(|&(bound, cost, p)| (bound, cost, p.row, p.column));
        children
    }

    /// Search all placements, expanding at most `nodes`. Returns the least bound
    /// of what was left unexplored.
    fn descend_all(&mut self, nodes: u64) -> i64 {
        let mut open = i64::MAX;
        if self.best_cost > self.root_bound() {
            self.budget = nodes;
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
        while since < subsets.len() && self.nodes < end && self.best_cost < i64::MAX {
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
        let Ok(mut search) = Search::new(&problem) else { return };
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
            if self.budget == 0 {
                *open = (*open).min(bound);
                break;
            }
            self.budget -= 1;
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
        let mut layer: Vec<(i64, Vec<Position>)> = vec![(0, self.at.clone())];
        for depth in 0..self.order.len() {
            let block = self.order[depth];
            let mut next: Vec<(i64, i64, usize, Position)> = Vec::new();
            for (index, (cost, at)) in layer.iter().enumerate() {
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

#[cfg(test)]
mod tests;
