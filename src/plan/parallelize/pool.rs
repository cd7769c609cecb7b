//! Plans that are worth a trial, those of the best estimate first.
//!
//! What looks best to the estimate need not be best where it is placed, so more plans than one are
//! tried (see [`crate::plan::search`]). Which ones there are does not depend on the tiles that may
//! be used, which only leave out those that need more. So more tiles never mean a worse choice:
//!
//! | objective | proposals, for each number of blocks |
//! |---|---|
//! | resources | the fewest tiles, and up to an eighth more, each with the least latency |
//! | throughput | for each interval, the fewest tiles, and these with the least latency |
//! | latency | for each number of tiles, the least latency; of numbers within some percent, the best |
//!
//! All three count tiles as they are, and once more so that rectangles have room: for latency with all
//! layers side by side, where ways are short, and otherwise with the cores beside a rectangle that none
//! of the same height fits in.

use super::{
    Gap, NoPlan, Objective, Plan, Request, block_unit,
    candidates::{Choices, choices},
    check,
    chosen::Choice,
    floor, iterations,
    meeting::Coupling,
    refusal, rows_of,
    solver::{Goal, Measure, Solver, intervals, shortest},
};
use crate::device::Device;
use crate::plan::network::Network;
use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// A plan to try.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Its splits have no reasons yet.
    pub plan: Plan,
    stage: usize,
    picks: Vec<usize>,
    /// The longest interval that its candidates were allowed.
    limit: u64,
}

/// Where proposals come from, in the order of their estimates.
pub struct Pool<'a> {
    network: &'a Network,
    device: &'a Device,
    request: &'a Request,
    budget: usize,
    stages: Vec<Stage>,
    /// With the least value that they may have.
    open: Vec<(u64, Source)>,
    /// By stage and picks.
    seen: BTreeSet<(usize, Vec<usize>)>,
    /// No plan within the budget is below, as far as is known.
    bound: Option<(u64, Gap)>,
}

/// All that depends on the number of blocks.
struct Stage {
    iterations: usize,
    all: Vec<Choices>,
    coupling: OnceCell<Rc<Coupling>>,
}

enum Source {
    /// What nobody has looked at yet.
    Stage(usize),
    /// Intervals, ascending, from the one that is next.
    Walk {
        stage: usize,
        measure: Measure,
        intervals: Vec<u64>,
        next: usize,
    },
    Ready(Box<Proposal>),
}

impl<'a> Pool<'a> {
    /// # Errors
    ///
    /// As [`parallelize`](super::parallelize), but that the layers do not fit together may show
    /// only when there is no proposal.
    pub fn new(
        network: &'a Network,
        device: &'a Device,
        request: &'a Request,
    ) -> Result<Pool<'a>, NoPlan> {
        check(network, device, request)?;
        let cores = device.cores() as usize;
        let budget = request.max_tiles.unwrap_or(cores).min(cores);
        let (mut stages, mut open) = (Vec::new(), Vec::new());
        let mut refused = None;
        for iterations in iterations(network, device, request)? {
            let unit = block_unit(network, device);
            let all = (0..network.layers.len()).map(|index| {
                let rows = rows_of(network, index, request, iterations, unit);
                choices(network, index, rows, device, request, cores)
            });
            match all.collect::<Result<Vec<_>, _>>() {
                Ok(all) => {
                    let floor = floor(&all, request.objective, iterations);
                    open.push((floor, Source::Stage(stages.len())));
                    stages.push(Stage { iterations, all, coupling: OnceCell::new() });
                }
                Err(why) => refused = Some(why),
            }
        }
        match refused {
            Some(why) if stages.is_empty() => Err(refusal::blame(network, device, request, why)),
            _ => {
                let (seen, bound) = (BTreeSet::new(), None);
                Ok(Pool { network, device, request, budget, stages, open, seen, bound })
            }
        }
    }

    /// What the objective minimizes first is at least this for all proposals that are still to
    /// come; `None` if there are none.
    pub fn least(&self) -> Option<u64> {
        self.open.iter().map(|(least, _)| *least).min()
    }

    /// A proposal of the least estimate, or none yet; see [`least`](Self::least) for the end.
    pub fn propose(&mut self) -> Option<Proposal> {
        let first = (0..self.open.len()).min_by_key(|&index| self.open[index].0)?;
        let (_, source) = self.open.swap_remove(first);
        match source {
            Source::Ready(proposal) => Some(*proposal),
            Source::Walk { stage, measure, intervals, next } => {
                self.step(stage, measure, intervals, next);
                None
            }
            Source::Stage(stage) => {
                self.expand(stage);
                None
            }
        }
    }

    /// The plan of a proposal with its reasons, and what it could not be better than.
    pub fn finish(&self, proposal: Proposal) -> Plan {
        let Stage { all, .. } = &self.stages[proposal.stage];
        let coupling = self.coupling(proposal.stage);
        let choice =
            Choice { network: self.network, all, coupling: &coupling, picks: &proposal.picks };
        let mut plan = proposal.plan;
        choice.explain(&mut plan, proposal.limit, self.request);
        let value = plan.value();
        let (lower_bound, gap) = self.bound.unwrap_or((value, Gap::Trials));
        plan.lower_bound = lower_bound.min(value);
        plan.optimal = plan.value() == plan.lower_bound;
        plan.gap = (!plan.optimal).then_some(match gap {
            Gap::States => gap,
            _ if plan.objective == Objective::Latency && value - plan.detour == lower_bound => {
                Gap::Ways
            }
            _ => Gap::Trials,
        });
        plan
    }

    fn coupling(&self, stage: usize) -> Rc<Coupling> {
        let Stage { all, coupling, .. } = &self.stages[stage];
        let new = || Coupling::new(self.network, all, self.request.transport, self.device);
        coupling.get_or_init(|| Rc::new(new())).clone()
    }

    /// Takes note of what no plan is better than.
    fn bounded(&mut self, stage: usize, value: Option<u64>, exact: bool) {
        let Stage { all, iterations, .. } = &self.stages[stage];
        let (value, gap) = match value {
            Some(value) if exact => (value, Gap::Trials),
            _ => (floor(all, self.request.objective, *iterations), Gap::States),
        };
        if self.bound.is_none_or(|(least, _)| value < least) {
            self.bound = Some((value, gap));
        }
    }

    fn ready(&mut self, proposal: Proposal) {
        let within = proposal.plan.tiles <= self.budget;
        if within && self.seen.insert((proposal.stage, proposal.picks.clone())) {
            self.open.push((proposal.plan.value(), Source::Ready(Box::new(proposal))));
        }
    }

    fn proposal(
        &self,
        stage: usize,
        coupling: &Coupling,
        picks: Vec<usize>,
        limit: u64,
    ) -> Proposal {
        let Stage { all, iterations, .. } = &self.stages[stage];
        let choice = Choice { network: self.network, all, coupling, picks: &picks };
        let plan = choice.assemble(*iterations, self.device, self.request);
        Proposal { plan, stage, picks, limit }
    }

    /// The fewest tiles with the next interval of a walk.
    fn step(&mut self, stage: usize, measure: Measure, intervals: Vec<u64>, next: usize) {
        let coupling = self.coupling(stage);
        let Stage { all, iterations, .. } = &self.stages[stage];
        let (network, device) = (self.network, self.device);
        let mut solver = Solver { network, all, coupling: &coupling, device, measure, exact: true };
        let limit = intervals[next];
        let most = device.cores() as usize;
        let found = solver
            .solve(limit, most, Goal::FewestTiles)
            .and_then(|(tiles, ..)| solver.solve(limit, tiles, Goal::LeastLatency));
        if let Some(&later) = intervals.get(next + 1) {
            let least = later * *iterations as u64;
            self.open.push((least, Source::Walk { stage, measure, intervals, next: next + 1 }));
        }
        if let Some((_, _, picks)) = found {
            self.ready(self.proposal(stage, &coupling, picks, limit));
        }
    }

    fn expand(&mut self, stage: usize) {
        match self.request.objective {
            Objective::Throughput => self.by_interval(stage),
            Objective::Resources => self.by_tiles(stage),
            Objective::Latency => self.by_latency(stage),
        }
    }

    fn by_interval(&mut self, stage: usize) {
        let coupling = self.coupling(stage);
        let Stage { all, iterations, .. } = &self.stages[stage];
        let (network, device, iterations) = (self.network, self.device, *iterations as u64);
        let all_intervals = intervals(all, &coupling);
        let measure = Measure::Tiles;
        let mut solver = Solver { network, all, coupling: &coupling, device, measure, exact: true };
        let first = shortest(&mut solver, &all_intervals, self.budget);
        let exact = solver.exact;
        let Some(first) = first else { return };
        let least = all_intervals[first] * iterations;
        self.bounded(stage, Some(least), exact);
        // No fewer tiles with the cores that they lose.
        for measure in [Measure::Tiles, Measure::Footprint] {
            let intervals = all_intervals.clone();
            self.open.push((least, Source::Walk { stage, measure, intervals, next: first }));
        }
    }

    fn by_tiles(&mut self, stage: usize) {
        let coupling = self.coupling(stage);
        let mut found = Vec::new();
        let (mut bound, mut exact) = (None, true);
        {
            let Stage { all, .. } = &self.stages[stage];
            let (network, device) = (self.network, self.device);
            let Some(&longest) = intervals(all, &coupling).last() else { return };
            for measure in [Measure::Tiles, Measure::Footprint] {
                let mut solver =
                    Solver { network, all, coupling: &coupling, device, measure, exact: true };
                let cores = device.cores() as usize;
                let Some((fewest, ..)) = solver.solve(longest, cores, Goal::FewestTiles) else {
                    continue;
                };
                let most = (fewest + fewest / 8).min(cores);
                let front = solver.front(longest, most, Goal::LeastLatency).unwrap_or_default();
                found.extend(front.into_iter().map(|(_, _, picks)| (picks, longest)));
                if measure == Measure::Tiles {
                    (bound, exact) = (Some(fewest as u64), solver.exact);
                }
            }
        }
        self.bounded(stage, bound.filter(|&fewest| fewest <= self.budget as u64), exact);
        for (picks, limit) in found {
            self.ready(self.proposal(stage, &coupling, picks, limit));
        }
    }

    fn by_latency(&mut self, stage: usize) {
        let coupling = self.coupling(stage);
        let Stage { all, iterations, .. } = &self.stages[stage];
        let (network, device) = (self.network, self.device);
        let later = *iterations as u64 - 1;
        let cores = device.cores() as usize;
        let (mut bound, mut exact) = (None, true);
        let mut plans: Vec<Proposal> = Vec::new();
        let mut beside = false;
        for (measure, most) in [
            (Measure::Tiles, top(self.budget).min(cores)),
            (Measure::Columns, device.columns as usize),
            (Measure::Footprint, cores),
        ] {
            // What stands side by side has room and short ways.
            if measure == Measure::Footprint && beside {
                continue;
            }
            let mut solver =
                Solver { network, all, coupling: &coupling, device, measure, exact: true };
            // By rung: cycles and tiles of the best, its candidates, and their limit.
            let mut ladder: BTreeMap<usize, (u64, usize, Vec<usize>, u64)> = BTreeMap::new();
            for limit in limits(&intervals(all, &coupling), later) {
                let Some(front) = solver.front(limit, most, Goal::LeastLatency) else { break };
                for (_, latency, picks) in front {
                    let of = |(layer, &pick): (usize, &usize)| all[layer].candidates[pick].tiles;
                    let tiles: usize = picks.iter().enumerate().map(of).sum();
                    let value = latency + later * solver.interval(&picks);
                    if measure == Measure::Tiles && tiles <= self.budget {
                        bound = Some(bound.map_or(value, |bound: u64| bound.min(value)));
                    }
                    let best = ladder.entry(rung(tiles)).or_insert((u64::MAX, 0, vec![], 0));
                    if (value, tiles) < (best.0, best.1) {
                        *best = (value, tiles, picks, limit);
                    }
                }
            }
            exact &= solver.exact || measure != Measure::Tiles;
            beside |= measure == Measure::Columns && !ladder.is_empty();
            let all = ladder.into_values();
            plans.extend(
                all.filter(|&(_, tiles, ..)| tiles <= self.budget)
                    .map(|(.., picks, limit)| self.proposal(stage, &coupling, picks, limit)),
            );
        }
        self.bounded(stage, bound, exact);
        plans.into_iter().for_each(|proposal| self.ready(proposal));
    }
}

/// Limits for the interval to try, each half of the one before: blocks after the first
/// follow at the interval of the slowest layer, if there are `later` ones.
fn limits(intervals: &[u64], later: u64) -> Vec<u64> {
    let mut limits: Vec<u64> = intervals.last().copied().into_iter().collect();
    while let Some(&last) = limits.last().filter(|_| later > 0) {
        let slower = |&&i: &&u64| i < last && 2 * i <= last;
        let Some(&next) = intervals.iter().rev().find(slower) else { break };
        limits.push(next);
    }
    limits
}

/// Which of the steps of a ladder a number of tiles is on: each of its own up to 16, then of an
/// eighth more each.
fn rung(tiles: usize) -> usize {
    tops().take_while(|&top| top < tiles).count()
}

/// The most tiles of the step that a number of tiles is on.
fn top(tiles: usize) -> usize {
    tops().find(|&top| top >= tiles).unwrap_or(tiles)
}

/// The most tiles of every step.
fn tops() -> impl Iterator<Item = usize> {
    std::iter::successors(Some(1), |top: &usize| Some(top + (top / 8).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_end_at_layers_that_take_no_time() {
        assert_eq!(limits(&[0, 3, 8, 9, 20], 1), [20, 9, 3, 0]);
        assert_eq!(limits(&[0], 3), [0]);
        assert_eq!(limits(&[2, 4], 0), [4]);
    }

    #[test]
    fn rungs_are_fine_where_tiles_are_few() {
        let tops: Vec<usize> = (1..=304).filter(|&t| rung(t) != rung(t + 1)).collect();
        assert!(tops.starts_with(&[1, 2, 3, 4, 5, 6, 7, 8]), "{tops:?}");
        assert!(tops.windows(2).all(|pair| pair[1] <= pair[0] + (pair[0] / 8).max(1)), "{tops:?}");
    }
}
