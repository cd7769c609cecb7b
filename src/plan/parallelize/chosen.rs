//! What was chosen: a candidate for every layer, made into a plan with its reasons.

use super::{
    Alternative, Cut, Meeting, Objective, Plan, Reason, Request, Split,
    candidates::{Candidate, Choices, split_of},
    meeting::Coupling,
};
use crate::device::Device;
use crate::plan::{
    memtile,
    network::{Network, Sink, Source},
    slices,
};

/// A candidate for every layer.
pub(super) struct Choice<'a> {
    pub(super) network: &'a Network,
    pub(super) all: &'a [Choices],
    pub(super) coupling: &'a Coupling,
    pub(super) picks: &'a [usize],
}

impl Choice<'_> {
    pub(super) fn candidate(&self, layer: usize) -> &Candidate {
        &self.all[layer].candidates[self.picks[layer]]
    }

    /// How the cuts of an edge meet if layer `index` took `candidate`; only for
    /// edges between layers.
    pub(super) fn meeting(
        &self,
        edge: usize,
        index: usize,
        candidate: &Candidate,
    ) -> Option<Option<Meeting>> {
        let (Source::Layer(from), Sink::Layer(to, _)) =
            (self.network.edges[edge].from, self.network.edges[edge].to)
        else {
            return None;
        };
        let output = if from == index { candidate } else { self.candidate(from) }.output;
        let input = if to == index { candidate } else { self.candidate(to) }.input;
        Some(self.coupling.tables[edge][output][input])
    }

    pub(super) fn assemble(
        &self,
        bound: u64,
        iterations: usize,
        device: &Device,
        request: &Request,
    ) -> Plan {
        let mut splits: Vec<Split> = (0..self.all.len())
            .map(|i| {
                let c = self.candidate(i);
                split_of(
                    &self.network.layers[i],
                    &self.all[i],
                    c.cascade,
                    c.chains,
                    c.units,
                    device,
                    request.stack,
                )
            })
            .collect();
        let tiles = splits.iter().map(Split::tiles).sum();
        let interval = splits.iter().map(|s| s.cost.interval).max().unwrap_or(0);
        let edges: u64 = (0..self.network.edges.len())
            .filter_map(|edge| self.meeting(edge, 0, self.candidate(0)).flatten())
            .map(|meeting| meeting.cycles)
            .sum();
        let from_outside =
            self.network.edges.iter().filter_map(|edge| match (edge.from, edge.to) {
                (Source::Input(_), Sink::Layer(to, _)) => {
                    Some(self.coupling.stored[to][self.candidate(to).input])
                }
                _ => None,
            });
        let edges = edges + from_outside.sum::<u64>();
        let once = splits.iter().map(|s| s.cost.latency).sum::<u64>() + edges;
        for (index, split) in splits.iter_mut().enumerate() {
            split.reason = self.reason(index, bound, tiles, request);
        }
        Plan {
            objective: request.objective,
            iterations,
            splits,
            tiles,
            interval,
            latency: once + interval * (iterations as u64 - 1),
            lower_bound: 0,
            optimal: false,
            gap: None,
        }
    }

    /// Why layer `index` is split as it is, and its next best with the other
    /// layers as they are.
    fn reason(&self, index: usize, bound: u64, tiles: usize, request: &Request) -> Reason {
        let chosen = self.candidate(index);
        let choices = &self.all[index];
        let directive = request.directives.get(index).copied().unwrap_or_default();
        let carried = |c: &Candidate| {
            (0..self.network.edges.len())
                .all(|edge| self.meeting(edge, index, c).is_none_or(|m| m.is_some()))
        };
        let key = |c: &Candidate| {
            let over = c.interval > bound;
            match request.objective {
                Objective::Resources => (over, c.tiles as u64, c.latency, c.interval),
                Objective::Throughput => (over, c.tiles as u64, c.latency, c.interval),
                Objective::Latency => (over, c.latency, c.tiles as u64, c.interval),
            }
        };
        let next = choices
            .candidates
            .iter()
            .filter(|c| (c.cascade, c.chains) != (chosen.cascade, chosen.chains) && carried(c))
            .min_by_key(|c| key(c));
        let fixed = (directive.cascade.or(directive.k), directive.chains.or(directive.n));
        let text = match fixed {
            (Some(_), Some(_)) => "as directed".to_owned(),
            _ if choices.candidates.len() == 1 && directive.shape().is_empty() => {
                "the only split that fits".to_owned()
            }
            _ if choices.candidates.len() == 1 => "the only split as directed".to_owned(),
            _ => match request.objective {
                Objective::Resources if chosen.tiles == choices.fewest => {
                    "fewest tiles that hold it".to_owned()
                }
                Objective::Resources => "fewest tiles for the network".to_owned(),
                Objective::Throughput => {
                    format!("fewest tiles with an interval of at most {bound} cycles")
                }
                Objective::Latency => format!("least latency of the network in {tiles} tiles"),
            },
        };
        Reason {
            text,
            candidates: choices.candidates.len(),
            next: next.map(|c| Alternative {
                cascade: c.cascade,
                chains: c.chains,
                interval: c.interval,
                latency: c.latency,
            }),
        }
    }

    /// What the edges ask of memory tiles, wherever the layers are.
    pub(super) fn demands(&self, plan: &Plan) -> Vec<memtile::Demand> {
        let mut demands = Vec::new();
        for (index, edge) in self.network.edges.iter().enumerate() {
            // What surely goes from tile to tile: what skips others may wait.
            let meeting = self.meeting(index, 0, self.candidate(0)).flatten();
            let alone = self.network.from_source(edge.from).count() == 1;
            if meeting.is_some_and(|meeting| meeting.direct) && alone {
                continue;
            }
            let output = match edge.from {
                Source::Layer(l) => Some(plan.splits[l].output_cut(&self.network.layers[l])),
                Source::Input(_) => None,
            };
            let input = match edge.to {
                Sink::Layer(l, _) => Some(plan.splits[l].input_cut(&self.network.layers[l])),
                Sink::Output(_) => None,
            };
            // A port has the cut of the other side.
            let Some(from) = output.as_ref().or(input.as_ref()) else { continue };
            let Some(to) = input.as_ref().or(output.as_ref()) else { continue };
            let (_, _, number) = self.network.tensor(edge);
            let padded = |l: usize| plan.splits[l].blocks.rows(plan.splits[l].microtile);
            let rows = match (edge.from, edge.to) {
                (Source::Layer(a), Sink::Layer(b, _)) => padded(a).max(padded(b)),
                (Source::Layer(l), _) | (_, Sink::Layer(l, _)) => padded(l),
                _ => 0,
            };
            for component in slices::components(&from.slices, &to.slices) {
                let (producers, consumers) =
                    (component.producers.len() as u32, component.consumers.len() as u32);
                let regions = component.regions.len() as u32;
                // Where streams end matters to the distance, not to the room.
                let streams = |cut: &Option<Cut>, count: u32| match cut {
                    Some(_) => (vec![0; count as usize], 0),
                    None => (Vec::new(), count),
                };
                let (from_cores, from_outside) = streams(&output, producers);
                let (to_cores, to_outside) = streams(&input, consumers);
                let features = (producers as usize * from.width).max(consumers as usize * to.width);
                demands.push(memtile::Demand {
                    producers: from_cores,
                    consumers: to_cores,
                    from_outside,
                    to_outside,
                    locks: 2 * regions,
                    buffer_descriptors: 4 * regions,
                    memory_bytes: (2 * rows * number.bytes(features)) as u32,
                    rows: 0,
                });
            }
        }
        demands
    }
}
