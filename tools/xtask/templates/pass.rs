use crate::{
    dialect::aie4ml::Layer,
    mlir::pass::{self, Pass, fail},
};
use melior::ir::OperationRef;

crate::pass! {
    /// Refuse networks of too many layers.
    ///
    /// Before: any network. After: the same network.
    ///
    /// This text is the manual page and its first line the summary in
    /// `--help`: say what must hold before, what holds after, and what the pass
    /// refuses.
    pub struct Name: "aie4ml-NAME" on "func.func" {
        /// Most layers to accept.
        max_layers: usize = 1024,
    }
}

impl Pass for Name {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let layers = Layer::all(func);
        if let Some(layer) = layers.get(self.max_layers) {
            return Err(fail(
                &layer.op,
                format_args!(
                    "is layer {} of its network, but at most {} are allowed: raise max-layers",
                    self.max_layers + 1,
                    self.max_layers
                ),
            ));
        }
        Ok(())
    }
}
