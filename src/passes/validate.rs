use crate::{
    check::{At, limits},
    device::{Device, TileKind},
    dialect::aie,
    mlir::{
        constant,
        pass::{self, Pass, fail},
        rewrite,
    },
};
use melior::ir::{OperationRef, attribute::IntegerAttribute, operation::OperationLike};

crate::pass! {
    /// Refuse what the hardware forbids and mlir-aie lets through.
    ///
    /// Of explicit DMA programs: descriptors whose dimensions do not multiply to
    /// their length, that split words of 4 bytes, exceed a register field, or
    /// have only one of acquire and release; more memory, locks or descriptors
    /// than a tile has; buffers that overlap each other or the stack; exact
    /// acquires of counting locks; and host streams in columns without shim DMA.
    ///
    /// Takes any `aie.device`; what is not yet lowered, such as object FIFOs, is
    /// passed over. Reports every mistake, changes nothing.
    pub struct Validate: "aie-validate" on "aie.device" {}
}

impl Pass for Validate {
    fn run<'c>(&self, device: OperationRef<'c, '_>) -> pass::Result<'c> {
        let (program, places) = aie::read_known(device)?;
        let mut failures = Vec::new();
        for violation in limits::check(&program) {
            let op = match violation.at {
                At::Device => device,
                At::Buffer(buffer) => places.buffers[buffer.0],
                At::Lock(lock) => places.locks[lock.0],
                At::Channel(channel) => places.dmas[channel].0,
                At::Descriptor(channel, bd) => {
                    let (start, bds) = &places.dmas[channel];
                    bds.get(bd).copied().unwrap_or(*start)
                }
                At::Flow(flow) => places.flows[flow],
                At::Core(core) => places.cores[core],
            };
            let mut failure = fail(&op, violation.message);
            for note in violation.notes {
                failure = failure.note(op.location(), note);
            }
            failures.push(failure);
        }
        if let Some(model) = Device::by_name(&program.device) {
            for op in rewrite::body(device).map(rewrite::ops).unwrap_or_default() {
                if rewrite::is(&op, "aie.shim_dma_allocation")
                    && let Some(tile) = tile(op)
                    && model.tile_kind(tile) == Some(TileKind::ShimPl)
                {
                    failures.push(fail(
                        &op,
                        format_args!("needs a shim tile with DMA, {tile} has none"),
                    ));
                }
            }
        }
        let last = failures.pop();
        failures.iter().for_each(pass::Failure::emit);
        last.map_or(Ok(()), Err)
    }
}

/// The tile of an op's first operand, if it has a place.
fn tile(op: OperationRef) -> Option<crate::array::Tile> {
    let tile = constant::defining_op(op.operands().next()?)?;
    let coordinate = |name| {
        let value = IntegerAttribute::try_from(tile.attribute(name).ok()?).ok()?.value();
        u32::try_from(value).ok()
    };
    Some(crate::array::Tile { column: coordinate("col")?, row: coordinate("row")? })
}
