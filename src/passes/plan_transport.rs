use crate::{
    dialect::{aie4ml, mapped, network},
    mlir::{
        pass::{self, Pass, fail},
        rewrite,
    },
    plan::{mapped::End, program, transport},
};
use melior::ir::{OperationRef, ValueLike, operation::OperationLike};

crate::pass! {
    /// Plan how each tensor moves between layers.
    ///
    /// Every edge of the network becomes an `aie4ml.transfer` whose `regions`
    /// say which features each chain of the producer hands to each column of the
    /// consumer, and in which group, that is memory tile, they lie. At the
    /// boundary each slice has a port of its own. A transfer that already has
    /// regions is kept.
    ///
    /// Before: every layer has a `split`. Refuses slices that meet inside a
    /// microtile, and regions that one memory tile would have to hold and cannot.
    pub struct PlanTransport: "aie4ml-plan-transport" on "func.func" {}
}

impl Pass for PlanTransport {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        if aie4ml::Layer::all(func).is_empty() {
            return Ok(());
        }
        let device = network::device(func)?;
        mapped::rows(func)?;
        let (planned, edges) = mapped::mapped(func, false)?;
        let context = rewrite::context(func.location());
        for (transfer, edge) in planned.transfers.iter().zip(&edges) {
            if !transfer.regions.is_empty() {
                continue;
            }
            if let (End::Boundary(_), End::Boundary(_)) = (transfer.from, transfer.to) {
                return Err(fail(&edge.user.op, "returns an argument, which no tile computes"));
            }
            let regions = transport::plan(&program::edge(&planned, transfer), &device)
                .map_err(|message| fail(&edge.user.op, message))?;
            let regions = aie4ml::list(context, &regions);
            if let Some(given) = edge.transfer {
                rewrite::set_attribute(given.op, "regions", regions);
                continue;
            }
            let new = aie4ml::build(
                aie4ml::TRANSFER,
                edge.user.op.location(),
                &[edge.value],
                &[("regions", regions)],
                edge.value.r#type(),
            );
            let new = rewrite::insert_before(edge.user.op, new);
            let result = new.result(0).expect("a transfer has a result");
            rewrite::set_operand(edge.user.op, edge.user.operand, result.into());
        }
        Ok(())
    }
}
