use super::place;
use crate::{
    device::Device,
    dialect::{
        aie4ml::{self, Layer, Split},
        directive, mapped, network,
    },
    mlir::{
        fields::Fields,
        pass::{self, Pass, fail},
        rewrite,
    },
    plan::{
        hand_over::Transport,
        memory,
        network::Network,
        parallelize::{self, NoPlan, Objective, Request},
        search::{self, Found},
        trial::Trials,
    },
    sim::Measures,
};
use melior::ir::{Attribute, OperationRef, operation::OperationLike};

crate::pass! {
    /// Split each layer over a cascade and chains of tiles.
    ///
    /// A cascade of tiles in a row shares a layer's inputs and adds up partial
    /// sums from west to east; chains share its outputs. All layers are decided
    /// together, and so is the number of rows of the batch that pass at once.
    /// A split that is already there is kept, and so is what `aie4ml.directive` fixes, and what an
    /// `aie4ml.transfer` says that carries its edge.
    ///
    /// With `simulate`, plans are placed, routed and simulated, those of the best estimate first,
    /// until none that is left can be better than the best. What that one needs to be found again
    /// is fixed: edges that have to go through memory tiles as an `aie4ml.transfer`, and places. If
    /// none can be placed and routed, the plan of the best estimate is left to the passes that
    /// follow, to say why. More tiles never mean a worse time.
    ///
    /// Before: every layer has a microtile. After: every layer has a `split`, and
    /// in `aie4ml.choice` why it was chosen, what limits its interval, and the next
    /// best. The function's attribute `aie4ml.plan` holds the estimate in cycles,
    /// what the objective minimizes first, a bound that no plan is below, and the simulated times.
    ///
    /// Refuses a network that does not fit the device or the given number of tiles.
    pub struct Parallelize: "aie4ml-parallelize" on "func.func" {
        /// What to optimize: resources, throughput or latency.
        objective: Objective = Objective::Resources,
        /// Tiles that may be used; 0 means all of the device.
        max_tiles: usize = 0,
        /// Rows of the batch that pass at once; 0 means that the planner chooses.
        rows: usize = 0,
        /// Stack of each core, in bytes.
        stack: u32 = memory::STACK as u32,
        /// Edges between layers: auto, or memtile for memory tiles everywhere.
        transport: Transport = Transport::Auto,
        /// Whether plans are placed, routed and simulated before one is chosen.
        simulate: bool = false,
    }
}

impl Pass for Parallelize {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let layers = Layer::all(func);
        if layers.is_empty() {
            return Ok(());
        }
        let device = network::device(func)?;
        let network = network::network(func)?;
        let mut directives = Vec::new();
        let rows = (self.rows > 0).then_some(self.rows);
        for layer in &layers {
            if layer.microtile().is_none() {
                return Err(fail(&layer.op, "has no microtile: run aie4ml-tile first"));
            }
            directives.push(directive::of(*layer)?);
        }
        let request = Request {
            objective: self.objective,
            max_tiles: (self.max_tiles > 0).then_some(self.max_tiles),
            rows,
            stack: self.stack as usize,
            directives,
            transport: self.transport,
        };
        let refused = |refusal: NoPlan| {
            let at = refusal.layer.and_then(|index| layers.get(index)).map_or(func, |l| l.op);
            let mut failure = fail(&at, &refusal.message);
            if let Some(note) = &refusal.note {
                failure = failure.note(at.location(), format_args!("buffers of a tile:\n{note}"));
            }
            match directive::source(at) {
                Some(source) => {
                    failure.note(at.location(), format_args!("its directives are at {source}"))
                }
                None => failure,
            }
        };
        let found = match self.simulate {
            true => self.search(func, &network, &device, &request)?.map_err(&refused)?,
            false => None,
        };
        let estimated = || parallelize::parallelize(&network, &device, &request);
        let (plan, rest) = match found {
            Some(found) => (found.plan.clone(), Some(found)),
            None => (estimated().map_err(&refused)?, None),
        };
        let context = rewrite::context(func.location());
        for (layer, split) in layers.iter().zip(&plan.splits) {
            let microtile = split.microtile;
            let attribute = Split {
                cascade: split.cascade,
                chains: split.chains,
                k: split.blocks.k(microtile),
                n: split.blocks.n(microtile),
                rows: split.rows,
            };
            rewrite::set_attribute(layer.op, "microtile", microtile.attribute(context));
            rewrite::set_attribute(layer.op, "split", attribute.attribute(context));
            let cycles = aie4ml::integer(context, split.cost.interval() as i64);
            rewrite::set_attribute(layer.op, "aie4ml.cycles", cycles);
            if let Some(choice) = Attribute::parse(context, &choice(split)) {
                rewrite::set_attribute(layer.op, "aie4ml.choice", choice);
            }
        }
        let mut proof = plan.proof();
        let mut times = String::new();
        if let Some(found) = &rest {
            if let Some(reason) = &found.reason {
                let edges = match found.stored.len() {
                    1 => "an edge".to_owned(),
                    more => format!("{more} edges"),
                };
                let again = format!(
                    "; planned again with {edges} through memory tiles, because it {}",
                    reason.replace('"', "'")
                );
                proof.push_str(&again);
            }
            let Measures { latency_cycles, batch_cycles, interval_cycles, .. } = found.times;
            times = format!(
                ", simulated_interval = {interval_cycles:?} : f64, simulated_latency = {latency_cycles} : i64, \
                 simulated_batch = {batch_cycles} : i64, trials = {} : i64",
                found.trials
            );
            mapped::store(func, &found.stored);
            for (layer, placed) in layers.iter().zip(&found.mapped.layers) {
                rewrite::set_attribute(layer.op, "place", aie4ml::list(context, &placed.places));
            }
            place::note(func, &found.placement);
        }
        let summary = format!(
            "{{objective = \"{}\", minimizes = \"{}\", value = {} : i64, lower_bound = {} : i64, \
             optimal = {}, proof = \"{proof}\", interval = {} : i64, latency = {} : i64, tiles = {} : i64, \
             iterations = {} : i64{times}}}",
            plan.objective,
            plan.objective.minimizes(),
            plan.value(),
            plan.lower_bound,
            plan.optimal,
            plan.interval,
            plan.latency,
            plan.tiles,
            plan.iterations,
        );
        if let Some(summary) = Attribute::parse(context, &summary) {
            rewrite::set_attribute(func, "aie4ml.plan", summary);
        }
        Ok(())
    }
}

impl Parallelize {
    /// The best plan that can be placed and routed, if there is one.
    fn search<'c>(
        &self,
        func: OperationRef<'c, '_>,
        network: &Network,
        device: &Device,
        request: &Request,
    ) -> pass::Result<'c, Result<Option<Found>, NoPlan>> {
        let (unsplit, edges) = mapped::unsplit(func)?;
        let vias: Vec<_> = edges.iter().map(|edge| edge.transfer.and_then(|t| t.via())).collect();
        let (stack, until) = (request.stack, search::until(request.objective));
        let trials = Trials::new(&unsplit, network, device, request.transport, &vias, stack, until);
        Ok(search::search(&trials, request))
    }
}

/// The attribute that says why a layer is split as it is; no text in it has quotes.
fn choice(split: &parallelize::Split) -> String {
    let parallelize::Reason { text, candidates, next } = &split.reason;
    let next = next.map_or(String::new(), |next| {
        format!(
            ", next_best = {{cascade = {} : i64, chains = {} : i64, interval = {} : i64, latency = {} : i64}}",
            next.cascade, next.chains, next.interval, next.latency
        )
    });
    format!(
        "{{reason = \"{text}\", limit = \"{}\", latency = {} : i64, tile_bytes = {} : i64, candidates = {candidates} : i64{next}}}",
        split.cost.limit(),
        split.cost.latency,
        split.tile_bytes,
    )
}
