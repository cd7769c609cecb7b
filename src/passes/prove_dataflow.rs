use super::validate::{located, report};
use crate::{
    check::dataflow,
    dialect::aie,
    mlir::pass::{self, Pass},
};
use melior::ir::OperationRef;

crate::pass! {
    /// Prove that every core gets the elements it needs, and nothing stalls.
    ///
    /// Runs the program with a tag in place of each element, through every DMA
    /// walk, stream and cascade. Each core's `aie4ml.slice` says what the core
    /// needs; its buffers must hold exactly the tags of that, with zeros beyond,
    /// and the outputs of the device the tags of its last layer. Locks must keep
    /// every two accesses to a buffer apart in any timing, and everything stand
    /// alike after two iterations and four, so that the run speaks for all runs.
    ///
    /// Refuses a device with a wrong element, a race or a deadlock, with the
    /// core, buffer or actors in question, and one with a core without slice.
    pub struct ProveDataflow: "aie4ml-prove-dataflow" on "aie.device" {}
}

impl Pass for ProveDataflow {
    fn run<'c>(&self, device: OperationRef<'c, '_>) -> pass::Result<'c> {
        let (program, places) = aie::read_located(device)?;
        report(located(device, &places, dataflow::check(&program)))
    }
}
