use crate::{
    dialect::{aie4ml::Layer, network},
    mlir::{
        fields::Fields,
        pass::{self, Pass, fail},
        rewrite,
    },
    plan::{
        microtile::{self, Microtile},
        network::Kind,
    },
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
        let layers = Layer::all(func);
        if layers.is_empty() {
            return Ok(());
        }
        let device = network::device(func)?;
        let network = network::network(func)?;
        for (layer, planned) in layers.iter().zip(&network.layers) {
            let chosen = match (planned.kind, layer.microtile()) {
                (Kind::Elementwise { .. }, given) => {
                    Ok(given.unwrap_or_else(|| microtile::elementwise(planned, planned.rows)))
                }
                (Kind::Whole { .. }, _) => Ok(microtile::WHOLE),
                (Kind::Dense, Some(given)) => {
                    microtile::named(planned, given, &device).map(Microtile::from)
                }
                (Kind::Dense, None) => {
                    microtile::choose(planned, planned.rows, &device).map(Microtile::from)
                }
            };
            let tile = chosen.map_err(|error| fail(&layer.op, error))?;
            let context = rewrite::context(layer.op.location());
            rewrite::set_attribute(layer.op, "microtile", tile.attribute(context));
        }
        Ok(())
    }
}
