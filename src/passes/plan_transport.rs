use crate::{
    dialect::{aie4ml, mapped, network},
    mlir::{
        fields::Fields,
        pass::{self, Pass, fail},
        rewrite,
    },
    plan::{
        hand_over::{self, Transport},
        mapped::End,
        mapping::Via,
    },
};
use melior::ir::{OperationRef, operation::OperationLike};

crate::pass! {
    /// Plan how each tensor moves between layers.
    ///
    /// Every edge of the network becomes an `aie4ml.transfer` whose `regions`
    /// say which features each chain of the producer hands to each column of the
    /// consumer, and in which group, that is memory tile, they lie. Between
    /// layers, `via` says `stream` where the tensor goes from tile to tile: the
    /// DMAs at both ends have a channel for each region, and take it from one
    /// order of blocks to the other. At the boundary each slice has a stream of
    /// its own, unless these are more than the device has: then several slices
    /// share one. With `transport=graph`, each chain sends one stream to all memory tiles of its
    /// readers, which are cut alike where they would take it in different orders. A transfer that already has regions is kept, as is a given `via`.
    ///
    /// Before: every layer has a `split`. Refuses slices that meet inside a
    /// microtile, and regions that one memory tile would have to hold and cannot.
    pub struct PlanTransport: "aie4ml-plan-transport" on "func.func" {
        /// Edges between layers: auto, memtile for memory tiles everywhere, or graph for these
        /// with what a tile makes in one order.
        transport: Transport = Transport::Auto,
    }
}

impl Pass for PlanTransport {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        if aie4ml::Layer::all(func).is_empty() {
            return Ok(());
        }
        let device = network::device(func)?;
        mapped::rows(func)?;
        let (mut planned, edges) = mapped::mapped(func, false)?;
        for (transfer, edge) in planned.transfers.iter().zip(&edges) {
            if let (End::Boundary(_), End::Boundary(_)) = (transfer.from, transfer.to) {
                return Err(fail(&edge.user.op, "returns an argument, which no tile computes"));
            }
        }
        let vias: Vec<_> = edges.iter().map(|edge| edge.transfer.and_then(|t| t.via())).collect();
        let open: Vec<_> = planned.transfers.iter().map(|t| t.regions.is_empty()).collect();
        hand_over::plan(&mut planned, self.transport, &vias, &device)
            .map_err(|refusal| fail(&edges[refusal.transfer].user.op, refusal.message))?;
        let context = rewrite::context(func.location());
        let planned = planned.transfers.iter().zip(&edges).zip(open);
        for ((transfer, edge), _) in planned.filter(|(_, open)| *open) {
            let mut decided = vec![("regions", aie4ml::list(context, &transfer.regions))];
            if transfer.via != Via::MemoryTile {
                decided.push(("via", transfer.via.attribute(context)));
            }
            if let Some(given) = edge.transfer {
                for (name, value) in decided {
                    rewrite::set_attribute(given.op, name, value);
                }
                continue;
            }
            mapped::insert_transfer(edge.value, edge.user, &decided);
        }
        Ok(())
    }
}
