use crate::{
    dialect::{aie4ml::Dense, network},
    mlir::{
        fields::Fields,
        pass::{self, Pass, fail},
        rewrite,
    },
    plan::microtile,
};
use melior::ir::{OperationRef, operation::OperationLike};

crate::pass! {
    /// Choose the microtile of each layer.
    ///
    /// The microtile <m, k, n> is the shape of one matrix multiplication of a
    /// core. Of the shapes that the device has for the layer's types and
    /// accumulator, the one with the fewest cycles for the layer's rows is
    /// taken. A microtile that is already there is kept.
    ///
    /// Refuses a layer whose types have no shape on the device.
    pub struct Tile: "aie4ml-tile" on "func.func" {}
}

impl Pass for Tile {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let layers = Dense::all(func);
        if layers.is_empty() {
            return Ok(());
        }
        let device = network::device(func)?;
        let network = network::network(func)?;
        for (layer, planned) in layers.iter().zip(&network.layers) {
            let chosen = match layer.microtile() {
                Some(given) => microtile::named(planned, given, &device),
                None => microtile::choose(planned, planned.rows, &device),
            };
            let shape = chosen.map_err(|error| fail(&layer.op, error))?;
            let context = rewrite::context(layer.op.location());
            let tile = microtile::Microtile {
                m: shape.m as usize,
                k: shape.k as usize,
                n: shape.n as usize,
            };
            rewrite::set_attribute(layer.op, "microtile", tile.attribute(context));
        }
        Ok(())
    }
}
