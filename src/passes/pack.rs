use crate::{
    dialect::{
        aie4ml::{Layer, Packing},
        network,
    },
    mlir::{
        fields::Fields,
        pass::{self, Pass, fail},
        rewrite,
    },
    plan::{
        cost::{Blocks, buffer_bytes, scratch},
        memory,
    },
};
use melior::ir::{OperationRef, operation::OperationLike};

crate::pass! {
    /// Give every buffer of a layer's tiles an address.
    ///
    /// Weights are laid out as the kernel reads them, `[N/n][K/k][k][n]`, zero
    /// beyond the layer's extents, and lie in other banks than the activations
    /// where they fit, so that both can be loaded in one cycle. Inputs and
    /// outputs have two halves each.
    ///
    /// Before: every layer has a `split`. After: every layer has a `packing`.
    /// Refuses a layer whose buffers exceed a tile's memory, with the memory map.
    pub struct Pack: "aie4ml-pack" on "func.func" {
        /// Stack of each core, in bytes.
        stack: u32 = memory::STACK as u32,
    }
}

impl Pass for Pack {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let layers = Layer::all(func);
        if layers.is_empty() {
            return Ok(());
        }
        let device = network::device(func)?;
        let network = network::network(func)?;
        for (layer, planned) in layers.iter().zip(&network.layers) {
            let (Some(split), Some(microtile)) = (layer.split(), layer.microtile()) else {
                return Err(fail(&layer.op, "has no split: run aie4ml-parallelize first"));
            };
            let blocks = Blocks::new(split.rows, split.k, split.n, microtile);
            let bytes = buffer_bytes(planned, microtile, blocks);
            let stack = self.stack as usize + scratch(planned, microtile, blocks);
            let map =
                memory::allocate_layer(bytes, split.cascade, planned.inputs(), stack, &device)
                    .map_err(|error| {
                        fail(&layer.op, error.summary())
                            .note(layer.op.location(), format_args!("memory map:{}", error.map()))
                    })?;
            let packing = Packing::new(&map, planned.inputs(), stack);
            let context = rewrite::context(layer.op.location());
            rewrite::set_attribute(layer.op, "packing", packing.attribute(context));
        }
        Ok(())
    }
}
