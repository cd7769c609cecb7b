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
//! + sum over blocks of        mu * (y + height - 1) + ports * distance + memory * y
//! ```
//!
//! the first two as in the AIE4ML paper (arXiv 2512.15946, equation 2), where
//! `distance` is that of the input column of a block fed from outside, and of
//! the output column of a block that feeds the outside, to the nearest column
//! with a port, and `y` that of a block to the memory tiles below all cores.
//!
//! **Search.** Blocks are placed in an order in which each has a neighbor
//! before it (its *parent* in a spanning tree of the links). The bound of a
//! partial placement is exact for trees up to one relaxation: in
//! `below[v][p]`, the least cost of `v` at `p` and everything below it in the
//! tree, only parent and child must not overlap. A node's bound is the cost
//! so far plus, for each unplaced block with a placed parent, the least over
//! its *free* positions of its links to placed blocks plus `below`; links
//! outside the tree count at least the least cost of any non-overlapping pair.
//! Where few cores are left free, `below` of the block that is placed next is
//! taken anew over the free positions of all of its subtree.
//! Depth first, best child first, from the incumbent of a beam search and the
//! greedy placements; a table of occupied cells and live positions drops
//! partial placements that cost no less than one seen before. Where that ends
//! without a proof, other orders of placing the blocks are tried
//! ([`sequence`]), pairs and triples of blocks are placed anew until none of
//! them gets cheaper, and the search goes on from there.
//!
//! Costs are integers in steps of 1/[`SCALE`], so that ties are exact.

mod packing;
mod search;
mod sequence;

use super::greedy;
use crate::array::Tile;
use crate::device::Device;
use search::Search;
pub(in crate::plan) use sequence::Random;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

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
    /// Of a row between a block and the memory tiles.
    pub memory: f64,
}

impl Default for Weights {
    /// As in the paper; ports and memory tiles do not count.
    fn default() -> Self {
        Weights { lambda: 1.0, mu: 0.05, ports: 0.0, memory: 0.0 }
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
pub const NODES: u64 = 100_000;

/// How the blocks are placed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Method {
    #[default]
    BranchAndBound,
    /// Each block east of the one before it ([`greedy::right`]).
    GreedyRight,
    /// Each block above the one before it ([`greedy::above`]).
    GreedyAbove,
}

const METHODS: [(&str, Method); 3] = [
    ("branch-and-bound", Method::BranchAndBound),
    ("greedy-right", Method::GreedyRight),
    ("greedy-above", Method::GreedyAbove),
];

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = METHODS.iter().find(|(_, method)| method == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Method {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        METHODS.iter().find(|(name, _)| *name == text).map(|&(_, method)| method).ok_or_else(|| {
            let names: Vec<_> = METHODS.iter().map(|(name, _)| *name).collect();
            format!("must be one of {}", names.join(", "))
        })
    }
}

/// What a search may take.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// Partial placements to expand; a placement without search takes one for
    /// each block.
    pub nodes: u64,
    /// Asked now and then; the search ends when it says so.
    pub stop: Option<&'a dyn Fn() -> bool>,
}

impl From<u64> for Budget<'_> {
    fn from(nodes: u64) -> Self {
        Budget { nodes, stop: None }
    }
}

impl Budget<'_> {
    fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop())
    }
}

/// Weights in steps of 1/[`SCALE`].
#[derive(Clone, Copy)]
struct Scaled {
    lambda: i64,
    mu: i64,
    ports: i64,
    memory: i64,
}

impl Scaled {
    fn new(problem: &Problem) -> Self {
        let scale =
            |w: f64| if w.is_finite() { (w.clamp(0.0, 1e6) * SCALE).round() as i64 } else { 0 };
        let Weights { lambda, mu, ports, memory } = problem.weights;
        Scaled { lambda: scale(lambda), mu: scale(mu), ports: scale(ports), memory: scale(memory) }
    }

    /// Cost of a block alone.
    fn own(&self, problem: &Problem, block: usize, p: Position) -> i64 {
        let b = &problem.blocks[block];
        let mut cost = self.mu * i64::from(p.row + b.height - 1) + self.memory * i64::from(p.row);
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
pub(in crate::plan) struct Grid {
    columns: u32,
    rows: Vec<u64>,
}

impl Grid {
    pub(in crate::plan) fn new(columns: u32, rows: u32) -> Option<Self> {
        (columns <= 64).then(|| Grid { columns, rows: vec![0; rows as usize] })
    }

    fn mask(block: &Block, position: Position) -> u64 {
        (u64::MAX >> (64 - block.width.clamp(1, 64))) << position.column
    }

    /// Whether a block is inside and on free cores.
    pub(in crate::plan) fn free(&self, block: &Block, position: Position) -> bool {
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
    pub(in crate::plan) fn toggle(&mut self, block: &Block, position: Position) {
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

/// Place all blocks by branch and bound, within a budget.
///
/// # Errors
/// If a block cannot be inside the array, if blocks are more than the cores,
/// or if no placement was found within the budget.
pub fn place<'b>(problem: &Problem, budget: impl Into<Budget<'b>>) -> Result<Placement, NoRoom> {
    place_by(Method::BranchAndBound, problem, &budget.into())
}

/// Place all blocks by a method. The lower bound is that of branch and bound,
/// whatever the method.
///
/// # Errors
/// As [`place`], and if a greedy method comes to a block that has no room left
/// where others might place it.
pub fn place_by(method: Method, problem: &Problem, budget: &Budget) -> Result<Placement, NoRoom> {
    problem.check()?;
    let blocks = problem.blocks.len() as u64;
    if budget.nodes < blocks {
        return Err(NoRoom(format!(
            "a budget of {} nodes is too small to place {blocks} rectangles: allow at least {blocks}",
            budget.nodes
        )));
    }
    let mut search = Search::new(problem, *budget)?;
    let root = search.root_bound();
    let greedy: &[greedy::Method] = match method {
        Method::BranchAndBound => &[greedy::right, greedy::above, greedy::pack],
        Method::GreedyRight => &[greedy::right],
        Method::GreedyAbove => &[greedy::above],
    };
    for greedy in greedy {
        if search.nodes + blocks > budget.nodes {
            break;
        }
        search.nodes += blocks;
        if let Some(at) = greedy(problem) {
            search.offer(problem.cost(&at), &at);
        }
    }
    let bound = match method {
        Method::BranchAndBound => search.run(root)?,
        _ if search.best_cost == i64::MAX => {
            return Err(NoRoom(format!(
                "{method} comes to a rectangle that has no room left: use branch-and-bound"
            )));
        }
        _ => root,
    };
    let bound = bound.max(root).min(search.best_cost);
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
    problem.check().is_ok()
        && (greedy::pack(&problem).is_some()
            || packing::pack(&problem, PACKING).is_ok_and(|at| at.is_some()))
}

/// Steps that a complete search for a packing takes at most.
const PACKING: u64 = 50_000;

#[cfg(test)]
mod tests;
