//! What was chosen: a candidate for every layer, made into a plan with its reasons.

use super::{
    Alternative, Cut, Objective, Plan, Reason, Request, Split,
    candidates::{Candidate, Choices, split_of},
    heights,
    meeting::{Carriage, Coupling},
};
use crate::device::Device;
use crate::plan::{
    memtile,
    network::{Edge, Network, Sink, Source},
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

    /// What an edge costs if layer `index` took `candidate`; only for edges
    /// between layers.
    pub(super) fn meeting(
        &self,
        edge: usize,
        index: usize,
        candidate: &Candidate,
    ) -> Option<Option<Carriage>> {
        let (Source::Layer(from), Sink::Layer(to, _)) =
            (self.network.edges[edge].from, self.network.edges[edge].to)
        else {
            return None;
        };
        let output = if from == index { candidate } else { self.candidate(from) }.output;
        let input = if to == index { candidate } else { self.candidate(to) }.input;
        Some(self.coupling.tables[edge][output][input])
    }

    /// The plan, without reasons.
    pub(super) fn assemble(&self, iterations: usize, device: &Device, request: &Request) -> Plan {
        let mut splits: Vec<Split> = (0..self.all.len())
            .map(|i| {
                let c = self.candidate(i);
                split_of(
                    self.network,
                    i,
                    &self.all[i],
                    (c.cascade, c.chains),
                    c.units,
                    device,
                    request.stack,
                )
            })
            .collect();
        let tiles = splits.iter().map(Split::tiles).sum();
        let detour = self.detour(device);
        let mut once = detour + splits.iter().map(|split| split.cost.latency).sum::<u64>();
        for (index, edge) in self.network.edges.iter().enumerate() {
            let Some(carriage) = self.meeting(index, 0, self.candidate(0)).flatten() else {
                continue;
            };
            if let (Source::Layer(from), Sink::Layer(to, _)) = (edge.from, edge.to) {
                let output = &mut splits[from].cost.output;
                *output = carriage.sent.max(*output);
                let input = &mut splits[to].cost.input;
                *input = carriage.received.max(*input);
            }
            once += carriage.cycles;
        }
        let interval = splits.iter().map(|split| split.cost.interval()).max().unwrap_or(0);
        Plan {
            objective: request.objective,
            iterations,
            splits,
            tiles,
            interval,
            latency: once,
            detour,
            lower_bound: 0,
            optimal: false,
            gap: None,
        }
    }

    /// Says why each layer is split as it is; candidates had no interval above `bound`.
    pub(super) fn explain(&self, plan: &mut Plan, bound: u64, request: &Request) {
        let tiles = plan.tiles;
        for (index, split) in plan.splits.iter_mut().enumerate() {
            split.reason = self.reason(index, bound, tiles, request);
        }
    }

    /// Cycles of latency that ways take because layers that do not fit side by side stand above
    /// each other, taken to be in shelves from the lowest row up.
    fn detour(&self, device: &Device) -> u64 {
        let (columns, rows) = (device.columns as usize, device.core_rows().len());
        let (mut column, mut shelf, mut top) = (0, 0, 0);
        let bottoms: Vec<usize> = (0..self.all.len())
            .map(|layer| {
                let candidate = self.candidate(layer);
                let height = heights(candidate.chains, device).first().copied().unwrap_or(1);
                if column + candidate.columns > columns {
                    (column, shelf) = (0, top);
                }
                column += candidate.columns;
                let bottom = shelf.min(rows - height);
                top = top.max(bottom + height);
                bottom
            })
            .collect();
        let up = |end: Source| match end {
            Source::Layer(layer) => bottoms[layer],
            Source::Input(_) => 0,
        };
        let hops = |(index, edge): (usize, &Edge)| {
            let from = up(edge.from);
            let Sink::Layer(to, _) = edge.to else { return from };
            match self.meeting(index, 0, self.candidate(0)).flatten() {
                // What costs no time does not come last, or is shared.
                Some(carriage) if carriage.cycles == 0 => 0,
                Some(carriage) if carriage.direct => from.abs_diff(bottoms[to]),
                _ => from + bottoms[to],
            }
        };
        device.latency.hop * self.network.edges.iter().enumerate().map(hops).sum::<usize>() as u64
    }

    /// Cycles between blocks and of latency of layer `index` and its edges if it took `candidate`;
    /// `None` if nothing can carry an edge.
    fn with(&self, index: usize, candidate: &Candidate) -> Option<(u64, u64)> {
        let (mut interval, mut latency) = (candidate.interval, candidate.latency);
        for edge in 0..self.network.edges.len() {
            let Edge { from, to, .. } = self.network.edges[edge];
            let touches =
                from == Source::Layer(index) || matches!(to, Sink::Layer(l, _) if l == index);
            if let Some(carriage) = self.meeting(edge, index, candidate).filter(|_| touches) {
                let carriage = carriage?;
                interval = interval.max(carriage.interval());
                latency += carriage.cycles;
            }
        }
        Some((interval, latency))
    }

    /// Why layer `index` is split as it is, and its next best with the other
    /// layers as they are.
    fn reason(&self, index: usize, bound: u64, tiles: usize, request: &Request) -> Reason {
        let chosen = self.candidate(index);
        let choices = &self.all[index];
        let directive = request.directives.get(index).copied().unwrap_or_default();
        let key = |&(c, (interval, latency)): &(&Candidate, (u64, u64))| {
            let (over, tiles) = (interval > bound, c.tiles as u64);
            match request.objective {
                Objective::Resources => (over, tiles, latency, interval),
                Objective::Throughput => (over, tiles, latency, interval),
                Objective::Latency => (over, latency, tiles, interval),
            }
        };
        let before = self.with(index, chosen).map_or(0, |(_, latency)| latency);
        let next = choices
            .candidates
            .iter()
            .filter(|c| (c.cascade, c.chains) != (chosen.cascade, chosen.chains))
            .filter_map(|c| Some((c, self.with(index, c)?)))
            .min_by_key(key);
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
            next: next.map(|(c, (interval, latency))| Alternative {
                cascade: c.cascade,
                chains: c.chains,
                interval,
                latency: (chosen.latency + latency).saturating_sub(before),
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
                Sink::Layer(l, port) => {
                    Some(plan.splits[l].input_cut(&self.network.layers[l], port))
                }
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
