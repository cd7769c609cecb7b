//! A split for every layer: dynamic programming in topological order, and the
//! search over intervals around it.

use super::{
    Objective, STATES,
    candidates::{Candidate, Choices},
    meeting::{Carriage, Coupling},
};
use crate::device::{Device, TileKind};
use crate::plan::network::{Network, Sink, Source};
use std::collections::BTreeMap;

/// A way to split the layers so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) latency: u64,
    /// In the solver's measure.
    pub(super) tiles: u32,
    /// State and point before this layer, and this layer's candidate.
    pub(super) before: (u32, u32),
    pub(super) candidate: u32,
}

/// The best ways into one state.
pub(super) enum Front {
    /// The one with the fewest tiles.
    Fewest(Option<Point>),
    /// By number of tiles, the one with the least latency.
    Least(Vec<Option<Point>>),
}

impl Front {
    pub(super) fn new(goal: Goal, room: usize) -> Self {
        match goal {
            Goal::FewestTiles => Front::Fewest(None),
            Goal::LeastLatency => Front::Least(vec![None; room + 1]),
        }
    }

    /// Keep a point, within the room of the front, if it is better.
    fn offer(&mut self, point: Point) {
        let key = |p: &Point| (p.tiles, p.latency);
        match self {
            Front::Fewest(Some(best)) if key(best) <= key(&point) => {}
            Front::Fewest(best) => *best = Some(point),
            Front::Least(by_tiles) => match &mut by_tiles[point.tiles as usize] {
                Some(best) if best.latency <= point.latency => {}
                slot => *slot = Some(point),
            },
        }
    }

    /// Points that no other beats in both, ascending in tiles.
    fn into_points(self) -> Vec<Point> {
        match self {
            Front::Fewest(best) => best.into_iter().collect(),
            Front::Least(by_tiles) => {
                let mut least = u64::MAX;
                let better = |p: &Point| {
                    let better = p.latency < least;
                    least = least.min(p.latency);
                    better
                };
                by_tiles.into_iter().flatten().filter(better).collect()
            }
        }
    }
}

/// A tensor that later layers still read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Open {
    pub(super) layer: usize,
    /// Index of its cut.
    pub(super) output: usize,
    /// Regions that the last tile of a chain handles so far, of its input (if
    /// it is alone in its cascade) and its output. Readers of whole slices
    /// share one.
    pub(super) regions: usize,
    /// Whether one of them is a whole slice.
    pub(super) whole: bool,
    /// Edges that are still to come.
    pub(super) edges: usize,
}

impl Open {
    /// Whether the descriptors of a tile are enough, if all readers to come share a region.
    fn fits(&self, descriptors: usize) -> bool {
        let more = usize::from(self.edges > 0 && !self.whole);
        2 * (self.regions + more) <= descriptors
    }
}

/// What the layers so far mean for those to come.
pub(super) type Key = Vec<Open>;

pub(super) struct Solver<'a> {
    pub(super) network: &'a Network,
    pub(super) all: &'a [Choices],
    pub(super) coupling: &'a Coupling,
    pub(super) device: &'a Device,
    pub(super) measure: Measure,
    pub(super) exact: bool,
}

/// Tiles, in the solver's measure, cycles of latency, and a candidate for every layer.
pub(super) type Found = (usize, u64, Vec<usize>);

/// What a solve looks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    FewestTiles,
    LeastLatency,
}

/// What counts against the budget.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Tiles,
    /// With the cores above and below a rectangle that no rectangle of the
    /// same height fits in. Layers within such a budget pack easily.
    Footprint,
    /// Columns of its rectangles: layers within those of the device stand side by side.
    Columns,
}

impl Solver<'_> {
    fn size(&self, candidate: &Candidate) -> usize {
        match self.measure {
            Measure::Tiles => candidate.tiles,
            Measure::Footprint => candidate.footprint,
            Measure::Columns => candidate.columns,
        }
    }

    /// Candidates within `budget` and with no interval above `interval`, one
    /// per layer; `None` if there are none.
    pub(super) fn solve(&mut self, interval: u64, budget: usize, goal: Goal) -> Option<Found> {
        let mut front = self.front(interval, budget, goal)?;
        match goal {
            Goal::FewestTiles => Some(front.swap_remove(0)),
            Goal::LeastLatency => front.pop(),
        }
    }

    /// The same for every number of tiles that makes a difference: ascending in tiles, descending in
    /// latency. Of the goal of the fewest tiles, the first is one of these.
    pub(super) fn front(&mut self, interval: u64, budget: usize, goal: Goal) -> Option<Vec<Found>> {
        let network = self.network;
        let mut history: Vec<Vec<Vec<Point>>> = Vec::new();
        let start = Point { tiles: 0, latency: 0, before: (0, 0), candidate: 0 };
        let mut states: Vec<(Key, Vec<Point>)> = vec![(Vec::new(), vec![start])];
        // What the layers still to come need at least.
        let mut rest: Vec<usize> = vec![0; network.layers.len() + 1];
        for i in (0..network.layers.len()).rev() {
            let within = self.all[i].candidates.iter().filter(|c| c.interval <= interval);
            rest[i] = rest[i + 1] + within.map(|c| self.size(c)).min()?;
        }
        for index in 0..network.layers.len() {
            let room = budget.checked_sub(rest[index + 1])?;
            let mut next: BTreeMap<Key, Front> = BTreeMap::new();
            for input in 0..self.all[index].inputs.len() {
                // First what this input cut means for the producers, whatever
                // the layer's chains, then the candidates that have it.
                let mut entered: BTreeMap<(Key, usize), Front> = BTreeMap::new();
                for (state, (key, points)) in states.iter().enumerate() {
                    let Some((key, regions, extra)) = self.enter(index, key, input, interval)
                    else {
                        continue;
                    };
                    let front =
                        entered.entry((key, regions)).or_insert_with(|| Front::new(goal, room));
                    for (point, from) in
                        points.iter().enumerate().filter(|(_, from)| from.tiles as usize <= room)
                    {
                        let latency = from.latency + extra;
                        front.offer(Point {
                            latency,
                            before: (state as u32, point as u32),
                            ..*from
                        });
                    }
                }
                for ((key, regions), front) in entered {
                    let points = front.into_points();
                    for (number, candidate) in self.all[index].candidates.iter().enumerate() {
                        if candidate.input != input || candidate.interval > interval {
                            continue;
                        }
                        let Some(key) = self.leave(index, &key, regions, candidate) else {
                            continue;
                        };
                        let front = next.entry(key).or_insert_with(|| Front::new(goal, room));
                        let size = self.size(candidate) as u32;
                        for from in points.iter().take_while(|p| (p.tiles + size) as usize <= room)
                        {
                            let latency = from.latency + candidate.latency;
                            let (tiles, candidate) = (from.tiles + size, number as u32);
                            front.offer(Point { tiles, latency, candidate, ..*from });
                        }
                    }
                }
            }
            let mut list: Vec<(Key, Vec<Point>)> = next
                .into_iter()
                .map(|(key, front)| (key, front.into_points()))
                .filter(|(_, p)| !p.is_empty())
                .collect();
            if list.len() > STATES {
                self.exact = false;
                list.sort_by_key(|(key, points)| (points[0].tiles, points[0].latency, key.clone()));
                list.truncate(STATES);
            }
            history.push(list.iter().map(|(_, points)| points.clone()).collect());
            states = list;
        }
        let ends = states.iter().enumerate().flat_map(|(state, (_, points))| {
            points.iter().enumerate().map(move |(index, point)| (state, index, *point))
        });
        let mut ends: Vec<(usize, usize, Point)> = ends.collect();
        ends.sort_by_key(|(_, _, point)| (point.tiles, point.latency));
        let mut least = u64::MAX;
        ends.retain(|(_, _, point)| {
            let better = point.latency < least;
            least = least.min(point.latency);
            better
        });
        let found = ends.into_iter().map(|(state, index, end)| {
            let mut at = (state, index);
            let mut picks = vec![0; network.layers.len()];
            for index in (0..network.layers.len()).rev() {
                let here = history[index][at.0][at.1];
                picks[index] = here.candidate as usize;
                at = (here.before.0 as usize, here.before.1 as usize);
            }
            (end.tiles as usize, end.latency, picks)
        });
        Some(found.collect()).filter(|found: &Vec<Found>| !found.is_empty())
    }

    /// The longest interval of candidates, one per layer, and of the edges between them.
    pub(super) fn interval(&self, picks: &[usize]) -> u64 {
        let candidate = |layer: usize| &self.all[layer].candidates[picks[layer]];
        let edges = self.network.edges.iter().enumerate().filter_map(|(index, edge)| {
            let (Source::Layer(from), Sink::Layer(to, _)) = (edge.from, edge.to) else {
                return None;
            };
            let table = &self.coupling.tables[index];
            Some(table[candidate(from).output][candidate(to).input]?.interval())
        });
        (0..picks.len()).map(|layer| candidate(layer).interval).chain(edges).max().unwrap_or(0)
    }

    /// State after layer `index`, which reads `regions` regions per column,
    /// takes `candidate`; `None` if its last tiles run out of descriptors.
    fn leave(&self, index: usize, key: &Key, regions: usize, candidate: &Candidate) -> Option<Key> {
        let (mut edges, mut leaves) = (0, false);
        self.network.from_source(Source::Layer(index)).for_each(|(_, e)| match e.to {
            Sink::Layer(..) => edges += 1,
            Sink::Output(_) => leaves = true,
        });
        let descriptors = self.device.resources(TileKind::Core).buffer_descriptors as usize;
        let alone = if candidate.cascade == 1 { regions } else { 0 };
        // What leaves the array does so in whole slices.
        let regions = alone + usize::from(leaves);
        let open = Open { layer: index, output: candidate.output, regions, whole: leaves, edges };
        if !open.fits(descriptors) {
            return None;
        }
        let mut key = key.clone();
        if edges > 0 {
            key.push(open);
        }
        Some(key)
    }

    /// State after layer `index` reads its inputs in one way, regions that one
    /// column then reads, and the cycles that this adds; `None` if an edge
    /// cannot be carried within `interval`.
    fn enter(
        &self,
        index: usize,
        key: &Key,
        input: usize,
        interval: u64,
    ) -> Option<(Key, usize, u64)> {
        let mut next = key.clone();
        let mut regions = 0;
        let mut extra = 0;
        let descriptors = self.device.resources(TileKind::Core).buffer_descriptors as usize;
        for (edge, e) in self.network.into_layer(index) {
            let Source::Layer(from) = e.from else {
                regions += 1;
                continue;
            };
            let open = next.iter_mut().find(|open| open.layer == from)?;
            let carriage = self.coupling.tables[edge][open.output][input]?;
            if carriage.interval() > interval {
                return None;
            }
            let whole = carriage.per_producer == 1;
            if !(whole && open.whole) {
                open.regions += carriage.per_producer;
            }
            open.whole |= whole;
            open.edges -= 1;
            if !open.fits(descriptors) {
                return None;
            }
            regions += carriage.per_consumer;
            extra += carriage.cycles;
        }
        next.retain(|open| open.edges > 0);
        (2 * regions <= descriptors).then_some((next, regions, extra))
    }
}

/// All intervals that a layer or an edge may have, ascending.
pub(super) fn intervals(all: &[Choices], coupling: &Coupling) -> Vec<u64> {
    let of_layers = all.iter().flat_map(|c| c.candidates.iter().map(|c| c.interval));
    let of_edges = coupling.tables.iter().flatten().flatten().flatten();
    let mut intervals: Vec<u64> = of_layers.chain(of_edges.map(Carriage::interval)).collect();
    intervals.sort_unstable();
    intervals.dedup();
    intervals
}

/// The place in `intervals` of the shortest within which so many tiles suffice.
pub(super) fn shortest(solver: &mut Solver, intervals: &[u64], budget: usize) -> Option<usize> {
    let longest = *intervals.last()?;
    solver.solve(longest, budget, Goal::FewestTiles)?;
    let (mut low, mut high) = (0, intervals.len() - 1);
    while low < high {
        let middle = (low + high) / 2;
        match solver.solve(intervals[middle], budget, Goal::FewestTiles) {
            Some(_) => high = middle,
            None => low = middle + 1,
        }
    }
    Some(low)
}

/// Candidates for the objective, and the interval they were found under.
pub(super) fn search(
    solver: &mut Solver,
    all: &[Choices],
    budget: usize,
    objective: Objective,
    iterations: usize,
) -> Option<(Vec<usize>, u64)> {
    let intervals = intervals(all, solver.coupling);
    let longest = *intervals.last()?;
    match objective {
        Objective::Latency => {
            // Blocks after the first follow at the interval of the slowest
            // layer. Under a tighter bound on the interval the latency of the
            // first can only grow, which tells the next bound worth a try.
            let later = iterations as u64 - 1;
            let mut best: Option<(u64, usize, Vec<usize>, u64)> = None;
            let mut bound = Some(longest);
            while let Some(limit) = bound {
                let Some((tiles, latency, picks)) = solver.solve(limit, budget, Goal::LeastLatency)
                else {
                    break;
                };
                let real = solver.interval(&picks);
                let total = latency + real * later;
                if best.as_ref().is_none_or(|b| (total, tiles) < (b.0, b.1)) {
                    best = Some((total, tiles, picks, limit));
                }
                let total = best.as_ref().map_or(total, |b| b.0);
                let useful = |i: u64| i < real && later > 0 && latency + i * later < total;
                bound = intervals.iter().rev().copied().find(|&i| useful(i));
            }
            best.map(|(_, _, picks, bound)| (picks, bound))
        }
        Objective::Resources => {
            let fewest = solver.solve(longest, budget, Goal::FewestTiles)?.0;
            let (_, _, picks) = solver.solve(longest, fewest, Goal::LeastLatency)?;
            Some((picks, longest))
        }
        Objective::Throughput => {
            let low = shortest(solver, &intervals, budget)?;
            let tiles = solver.solve(intervals[low], budget, Goal::FewestTiles)?.0;
            let (_, _, picks) = solver.solve(intervals[low], tiles, Goal::LeastLatency)?;
            Some((picks, intervals[low]))
        }
    }
}
