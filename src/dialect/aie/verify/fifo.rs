//! Object FIFOs, their links and uses.

use super::{DEVICE, device::Checker, dma::dims, integer, parent_named, string};
use crate::{
    device::TileKind,
    dialect::aie::{Dims, DimsPerConsumer, flag},
    mlir::{
        constant,
        diagnostic::{Failure, Result, fail},
        fields::Fields,
        rewrite,
    },
};
use melior::ir::{
    Attribute, OperationRef, ValueLike,
    attribute::{ArrayAttribute, FlatSymbolRefAttribute, IntegerAttribute, TypeAttribute},
    operation::OperationLike,
};

pub(super) fn fifo<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    let consumers = op.operand_count().saturating_sub(1);
    let array = |name: &str| op.attribute(name).ok().and_then(|a| ArrayAttribute::try_from(a).ok());
    let mut depth = integer(op, "elemNumber");
    if let Some(depths) = array("elemNumber") {
        let depths: Option<Vec<i64>> = (0..depths.len())
            .map(|i| {
                IntegerAttribute::try_from(depths.element(i).ok()?).ok().map(|depth| depth.value())
            })
            .collect();
        let depths = depths.ok_or_else(|| fail(&op, "needs integers as depths"))?;
        if depths.len() != consumers + 1 {
            return Err(fail(
                &op,
                format_args!(
                    "has {} depths for a producer and {consumers} consumers",
                    depths.len()
                ),
            ));
        }
        depth = depths.first().copied();
    }
    let lists = dims_per_consumer(op).len();
    if lists != consumers {
        return Err(fail(&op, format_args!("has dimensions for {lists} of {consumers} consumers")));
    }
    let values = array("initValues").map(|values| values.len());
    if let (Some(values), Some(depth)) = (values, depth)
        && values as i64 != depth
    {
        return Err(fail(&op, format_args!("has {values} initial values for {depth} objects")));
    }
    if op.has_attribute("aie_stream") {
        if consumers != 1 {
            return Err(fail(
                &op,
                format_args!("has 'aie_stream' and {consumers} consumers, needs one"),
            ));
        }
        if !op.has_attribute("aie_stream_port") {
            return Err(fail(&op, "has 'aie_stream' without 'aie_stream_port'"));
        }
    } else if op.has_attribute("aie_stream_port") {
        return Err(fail(&op, "has 'aie_stream_port' without 'aie_stream'"));
    }
    if let Some(count) = integer(op, "iter_count")
        && !(1..=256).contains(&count)
    {
        return Err(fail(&op, format_args!("has 'iter_count' {count}, which must be 1 to 256")));
    }
    Ok(())
}

fn dims_per_consumer(op: OperationRef) -> Vec<Dims> {
    let attribute = op.attribute("dimensionsFromStreamPerConsumer").ok();
    attribute.and_then(DimsPerConsumer::of).map_or(Vec::new(), |lists| lists.0)
}

pub(super) fn symbol<'c>(attribute: Attribute<'c>) -> Option<&'c str> {
    Some(FlatSymbolRefAttribute::try_from(attribute).ok()?.value())
}

pub(super) fn find_fifo<'c, 'a>(
    user: OperationRef<'c, 'a>,
    symbol: &str,
) -> Result<'c, OperationRef<'c, 'a>> {
    parent_named(user, DEVICE)
        .and_then(rewrite::body)
        .and_then(|body| {
            let is_it = |op: &OperationRef| {
                rewrite::is(op, "aie.objectfifo") && string(*op, "sym_name") == Some(symbol)
            };
            rewrite::ops(body).into_iter().find(is_it)
        })
        .ok_or_else(|| {
            fail(&user, format_args!("names '{symbol}', which is no object FIFO of the device"))
        })
}

pub(super) fn acquire_or_release<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    let core = parent_named(op, "aie.core").ok_or_else(|| fail(&op, "must be in a core"))?;
    let named = op.attribute("objFifo_name").ok().and_then(symbol).unwrap_or_default();
    let fifo = find_fifo(op, named)?;
    let tile = core.operands().next();
    let (ends, end) = if integer(op, "port") == Some(0) {
        (0..1, "producer")
    } else {
        (1..fifo.operand_count(), "consumer")
    };
    if !fifo.operands().enumerate().any(|(i, value)| ends.contains(&i) && Some(value) == tile) {
        return Err(fail(&op, format_args!("is in a core that is no {end} of '{named}'")));
    }
    if let Some(view) = op.results().next() {
        let of = fifo
            .attribute("elemType")
            .ok()
            .and_then(|a| TypeAttribute::try_from(a).ok())
            .map(|a| a.value().to_string().replacen("objectfifo<", "objectfifosubview<", 1));
        if of != Some(view.r#type().to_string()) {
            return Err(fail(&op, format_args!("has another type of objects than '{named}'")));
        }
    }
    Ok(())
}

pub(super) fn element<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    if parent_named(op, "aie.core").is_none() {
        return Err(fail(&op, "must be in a core"));
    }
    let Some(acquire) = op.operands().next().and_then(constant::defining_op) else { return Ok(()) };
    if let (Some(index), Some(size)) = (integer(op, "index"), integer(acquire, "size"))
        && index >= size
    {
        return Err(fail(&op, format_args!("accesses object {index} of {size} acquired")));
    }
    Ok(())
}

impl<'c, 'a> Checker {
    pub(super) fn fifo(&self, op: OperationRef<'c, 'a>) -> Result<'c> {
        let shim = |operand| {
            matches!(self.kind_of(op, operand), Some(TileKind::ShimNoc | TileKind::ShimPl))
        };
        if shim(0) {
            for name in ["repeat_count", "initValues"] {
                if op.has_attribute(name) {
                    return Err(fail(
                        &op,
                        format_args!("has '{name}', which a shim tile cannot do"),
                    ));
                }
            }
        }
        if shim(0) && dims(op, "dimensionsToStream").is_some_and(|dims| !dims.is_empty()) {
            return Err(fail(
                &op,
                "has 'dimensionsToStream', which is the host's business on a shim tile",
            ));
        }
        for (consumer, dims) in dims_per_consumer(op).iter().enumerate() {
            if shim(1 + consumer) && !dims.0.is_empty() {
                return Err(fail(
                    &op,
                    "has 'dimensionsFromStream', which is the host's business on a shim tile",
                ));
            }
        }
        if op.has_attribute("iter_count") && self.device.is_some() {
            let mem = |operand| self.kind_of(op, operand).is_none_or(|kind| kind == TileKind::Mem);
            if !(0..op.operand_count()).any(mem) {
                return Err(fail(&op, "has 'iter_count', which needs a memory tile at an end"));
            }
        }
        if let Some(stream) = integer(op, "aie_stream") {
            for (end, operand) in [(0, 0), (1, 1)] {
                if stream == end || stream == 2 {
                    self.needs(
                        op,
                        operand,
                        &[TileKind::Core],
                        "a core tile at the end of 'aie_stream'",
                    )?;
                }
            }
            let transforms = dims(op, "dimensionsToStream").is_some_and(|dims| !dims.is_empty());
            let names = ["repeat_count", "initValues", "iter_count"]
                .into_iter()
                .filter(|name| op.has_attribute(name));
            let at_producer = names
                .chain(transforms.then_some("dimensionsToStream"))
                .next()
                .filter(|_| stream != 1);
            let at_consumer = dims_per_consumer(op).iter().any(|dims| !dims.0.is_empty());
            let at_consumer = (stream != 0 && at_consumer).then_some("dimensionsFromStream");
            if let Some(name) = at_producer.or(at_consumer) {
                return Err(fail(&op, format_args!("has '{name}', which a stream port cannot do")));
            }
        }
        Ok(())
    }

    pub(super) fn link(&self, op: OperationRef<'c, 'a>) -> Result<'c> {
        let fifos = |name: &str| -> Result<'c, Vec<OperationRef<'c, 'a>>> {
            let symbols = op.attribute(name).ok().and_then(|a| ArrayAttribute::try_from(a).ok());
            let symbols = symbols.ok_or_else(|| fail(&op, format_args!("needs '{name}'")))?;
            (0..symbols.len())
                .map(|i| {
                    find_fifo(op, symbols.element(i).ok().and_then(symbol).unwrap_or_default())
                })
                .collect()
        };
        let offsets = |name: &str| {
            op.attribute(name)
                .ok()
                .and_then(|a| ArrayAttribute::try_from(a).ok())
                .map_or(0, |array| array.len())
        };
        let (inputs, outputs) = (fifos("fifoIns")?, fifos("fifoOuts")?);
        let (source, destination) = (offsets("src_offsets"), offsets("dst_offsets"));
        if inputs.is_empty() || outputs.is_empty() || (inputs.len() > 1 && outputs.len() > 1) {
            return Err(fail(
                &op,
                format_args!("links {} FIFOs to {}", inputs.len(), outputs.len()),
            ));
        }
        // The tile that consumes every input and produces every output.
        let point = outputs[0].operands().next();
        let shared = outputs.iter().all(|fifo| fifo.operands().next() == point)
            && inputs.iter().all(|fifo| fifo.operands().skip(1).any(|tile| Some(tile) == point));
        if !shared {
            return Err(fail(
                &op,
                "needs a tile that consumes every input and produces every output",
            ));
        }
        if inputs.len() + outputs.len() > 2
            && self.kind_of(outputs[0], 0).is_some_and(|kind| kind != TileKind::Mem)
        {
            return Err(fail(&op, "joins or distributes, which only a memory tile can"));
        }
        let expected = (
            if inputs.len() > 1 { inputs.len() } else { 0 },
            if outputs.len() > 1 { outputs.len() } else { 0 },
        );
        // Forwarding may place its one FIFO at an offset.
        let forwards = expected == (0, 0) && source + destination == 1;
        if (source, destination) != expected && !forwards {
            return Err(fail(
                &op,
                format_args!(
                    "has {source} and {destination} offsets, needs {} and {}: one per joined or distributed FIFO",
                    expected.0, expected.1
                ),
            ));
        }
        Ok(())
    }
}

/// The memory of a FIFO can be chosen if it is one that both ends share.
pub(super) fn allocate<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    let fifo =
        find_fifo(op, op.attribute("objFifo_name").ok().and_then(symbol).unwrap_or_default())?;
    let refuse = |why: &str| -> Failure<'c> {
        fail(&op, format_args!("needs a FIFO in shared memory, this one {why}"))
    };
    if fifo.operand_count() != 2 {
        return Err(refuse("has several consumers"));
    }
    if flag(fifo, "via_DMA") == Some(true) {
        return Err(refuse("has 'via_DMA'"));
    }
    for name in ["repeat_count", "aie_stream"] {
        if fifo.has_attribute(name) {
            return Err(refuse(&format!("has '{name}'")));
        }
    }
    if dims(fifo, "dimensionsToStream").is_some_and(|dims| !dims.is_empty()) {
        return Err(refuse("has 'dimensionsToStream'"));
    }
    Ok(())
}
