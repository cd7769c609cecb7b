use crate::{dialect::aie4ml::{Dense, Microtile}, mlir::{fields::Fields, pass::{self, Pass}, rewrite}};
use melior::ir::{OperationRef, operation::OperationLike};

crate::pass! {
    /// Choose the microtile of each layer.
    pub struct Tile: "aie4ml-tile" on "func.func" {}
}

impl Pass for Tile {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        for layer in Dense::all(func) {
            let context = rewrite::context(layer.op.location());
            rewrite::set_attribute(layer.op, "microtile", Microtile { m: 4, k: 8, n: 8 }.attribute(context));
        }
        Ok(())
    }
}
