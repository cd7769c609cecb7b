//! The best plan of those that were placed, routed and simulated.
//!
//! The estimate says in which order plans are tried, and what need not be tried: one whose estimate
//! is further above the best time so far than any time was ever seen below its estimate
//! ([`SLACK`]). What counts is the time in the simulator, and never less than the estimate less the
//! slack. So a plan that is left out cannot count for more, and the choice is the best of the whole
//! [`Pool`]. More tiles only add to that, and never lead to a worse one.
//!
//! A plan whose streams are in each other's way is tried again with some of its edges through memory
//! tiles: first the half that is most in the way, then the rest, then all.

use super::{
    arrange::NoWay,
    hand_over::Transport,
    mapped::{End, Mapped},
    parallelize::{NoPlan, Objective, Plan, Pool, Proposal, Request},
    place::Placement,
    trial::{Change, Trial, Trials},
};
use crate::sim::{self, Measures, Until};
use std::{cmp::Reverse, collections::BinaryHeap, thread};

/// Hundredths of an estimate by which the simulated time may be below it.
const SLACK: u64 = 5;

/// Plans that are tried at once. Not the number of cores: what is tried should not depend on it.
const AT_ONCE: usize = 2;

/// Trials without a plan that can be kept, after which the search is given up.
const PATIENCE: usize = 1_000;

/// The plan that is kept.
pub struct Found {
    pub plan: Plan,
    /// With places.
    pub mapped: Mapped,
    pub placement: Placement,
    /// Transfers, by index, that have to go through memory tiles.
    pub stored: Vec<usize>,
    /// Why they have to.
    pub reason: Option<String>,
    pub times: Measures,
    /// Plans that were placed and simulated.
    pub trials: usize,
}

/// What a plan counts for, the smallest first: what the objective minimizes, then what decides among
/// equals. Cycles are in thousandths.
type Key = (u64, u64, u64);

struct Node {
    key: Key,
    /// Of its proposal.
    number: usize,
    proposal: Proposal,
    change: Change,
    /// How often edges were stored.
    rounds: usize,
    reason: Option<String>,
    state: State,
}

enum State {
    Proposed,
    Timed(Box<Trial>),
    Routed(Box<Trial>),
}

impl Node {
    /// Routed ones come before others that count for as much.
    fn rank(&self) -> (Key, bool, usize) {
        (self.key, !matches!(self.state, State::Routed(_)), self.number)
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Node {}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Node {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// How long trials run in the simulator for an objective.
pub fn until(objective: Objective) -> Until {
    match objective {
        Objective::Throughput => Until::Steady,
        Objective::Resources | Objective::Latency => Until::Batch,
    }
}

/// The best plan that can be placed and routed; `None` if none was found.
///
/// # Errors
///
/// If no plan is as requested.
pub fn search(trials: &Trials, request: &Request) -> Result<Option<Found>, NoPlan> {
    let mut pool = Pool::new(trials.network, trials.device, request)?;
    let mut heap: BinaryHeap<Reverse<Node>> = BinaryHeap::new();
    let (mut number, mut tried) = (0, 0);
    loop {
        let first = heap.peek().map(|Reverse(node)| node.key);
        let ahead = |least: u64| {
            first.is_none_or(|key| (thousandths(least, request.objective), 0, 0) <= key)
        };
        if pool.least().is_some_and(ahead) {
            if let Some(proposal) = pool.propose() {
                let key = estimated(&proposal.plan);
                let (change, state) = (Change::default(), State::Proposed);
                let reason = None;
                heap.push(Reverse(Node {
                    key,
                    number,
                    proposal,
                    change,
                    rounds: 0,
                    reason,
                    state,
                }));
                number += 1;
            }
            continue;
        }
        let Some(Reverse(node)) = heap.pop() else { return Ok(None) };
        if let State::Routed(trial) = node.state {
            let Trial { mapped, placement, program, mut times } = *trial;
            if trials.until == Until::Batch
                && let Ok(steady) =
                    sim::measure(&program, node.proposal.plan.iterations, Until::Steady)
            {
                times.interval_cycles = steady.interval_cycles;
            }
            let plan = pool.finish(node.proposal);
            let (stored, reason) = (node.change.stored, node.reason);
            return Ok(Some(Found {
                plan,
                mapped,
                placement,
                stored,
                reason,
                times,
                trials: tried,
            }));
        }
        if tried >= PATIENCE {
            return Ok(None);
        }
        let mut work = vec![node];
        while work.len() < AT_ONCE
            && heap.peek().is_some_and(|Reverse(node)| !matches!(node.state, State::Routed(_)))
            && let Some(Reverse(node)) = heap.pop()
        {
            work.push(node);
        }
        tried += work.iter().filter(|node| matches!(node.state, State::Proposed)).count();
        heap.extend(together(trials, work).into_iter().map(Reverse));
    }
}

/// The next step of each node, side by side.
fn together(trials: &Trials, work: Vec<Node>) -> Vec<Node> {
    thread::scope(|scope| {
        let mut work = work.into_iter();
        let mine = work.next();
        let others: Vec<_> = work.map(|node| scope.spawn(move || step(trials, node))).collect();
        let mine = mine.and_then(|node| step(trials, node));
        // A panic goes on here.
        let others = others.into_iter().filter_map(|other| match other.join() {
            Ok(node) => node,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        mine.into_iter().chain(others).collect()
    })
}

/// Simulates what is proposed, and routes what is simulated; `None` if it cannot be kept.
fn step(trials: &Trials, node: Node) -> Option<Node> {
    match node.state {
        State::Proposed => match trials.run(&node.proposal.plan, &node.change) {
            Ok(trial) => {
                let key = counted(&node.proposal.plan, &trial.times).max(node.key);
                Some(Node { key, state: State::Timed(Box::new(trial)), ..node })
            }
            Err(refusal) => otherwise(trials, node, refusal),
        },
        State::Timed(ref trial) => match trials.route(trial) {
            Ok(()) => match node.state {
                State::Timed(trial) => Some(Node { state: State::Routed(trial), ..node }),
                state => Some(Node { state, ..node }),
            },
            Err(refusal) => otherwise(trials, node, refusal),
        },
        State::Routed(_) => Some(node),
    }
}

/// What else to try with the same splits.
fn otherwise(trials: &Trials, mut node: Node, refusal: NoWay) -> Option<Node> {
    let congested = refusal.congested?;
    node.state = State::Proposed;
    if congested.is_empty() {
        // Only streams of memory tiles are in each other's way.
        return match node.change.wires {
            0 => Some(Node { change: Change { wires: 1, ..node.change }, ..node }),
            _ => None,
        };
    }
    if trials.transport != Transport::Auto {
        return None;
    }
    node.reason.get_or_insert(refusal.message);
    let may = |index: &usize| {
        let transfer = &trials.unsplit.transfers[*index];
        let inside = matches!((transfer.from, transfer.to), (End::Layer(_), End::Layer(_)));
        let free = trials.vias.get(*index).is_none_or(Option::is_none);
        inside && free && !node.change.stored.contains(index)
    };
    let half = congested.len().div_ceil(2);
    let mut more: Vec<usize> = match node.rounds {
        0 => congested.into_iter().take(half).filter(may).collect(),
        1 => congested.into_iter().filter(may).collect(),
        _ => Vec::new(),
    };
    if more.is_empty() {
        more = (0..trials.unsplit.transfers.len()).filter(may).collect();
    }
    node.rounds += 1;
    if more.is_empty() {
        return None;
    }
    node.change.stored.extend(more);
    Some(node)
}

fn thousandths(value: u64, objective: Objective) -> u64 {
    match objective {
        Objective::Resources => value,
        Objective::Throughput | Objective::Latency => 10 * (100 - SLACK) * value,
    }
}

/// What a plan counts for at the least, by its estimate.
fn estimated(plan: &Plan) -> Key {
    let (tiles, least) = (plan.tiles as u64, |value| thousandths(value, Objective::Latency));
    match plan.objective {
        Objective::Resources => (tiles, least(plan.batch_latency()), 0),
        Objective::Throughput => (least(plan.batch_interval()), tiles, 0),
        Objective::Latency => (least(plan.batch_latency()), tiles, 0),
    }
}

/// What a plan counts for, by its times.
fn counted(plan: &Plan, times: &Measures) -> Key {
    let tiles = plan.tiles as u64;
    let interval = (1000.0 * times.interval_cycles * plan.iterations as f64) as u64;
    let latency = 1000 * times.batch_cycles;
    match plan.objective {
        Objective::Resources => (tiles, latency, 0),
        Objective::Throughput => (interval, tiles, latency),
        Objective::Latency => (latency, tiles, 0),
    }
}
