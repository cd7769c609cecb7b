//! What mlir-aie drops, or cannot express, of an object FIFO.

use super::tile;
use crate::{
    array::Dim,
    device::{BdFields, Device, TileKind},
    dialect::aie::{Dims, DimsPerConsumer, Pads, flag, integer, memref_of},
    mlir::{
        diagnostic::{Failure, fail},
        fields::Fields,
    },
};
use melior::ir::{
    OperationRef,
    attribute::{ArrayAttribute, IntegerAttribute, TypeAttribute},
    operation::OperationLike,
};

pub(super) fn check<'c>(op: OperationRef<'c, '_>, model: &Device, found: &mut Vec<Failure<'c>>) {
    let attribute = |name: &str| op.attribute(name).ok();
    let to_stream = attribute("dimensionsToStream").and_then(Dims::of).map_or(Vec::new(), |d| d.0);
    let pads = attribute("padDimensions").and_then(Pads::of).map_or(Vec::new(), |pads| pads.0);
    if !pads.is_empty() && to_stream.is_empty() {
        found.push(fail(
            &op,
            "has 'padDimensions' without 'dimensionsToStream': nothing would be padded",
        ));
    } else if !pads.is_empty() && pads.len() != to_stream.len() {
        found.push(fail(
            &op,
            format_args!("has {} paddings for {} dimensions", pads.len(), to_stream.len()),
        ));
    }
    let depth = depth_of(op);
    let times = integer(op, "repeat_count").unwrap_or(1).max(1);
    let most = i64::from(model.resources(TileKind::Mem).max_lock_value);
    if depth.saturating_mul(times) > most && times <= 256 {
        found.push(fail(
            &op,
            format_args!("counts {depth} objects {times} times in a lock, which holds 0 to {most}"),
        ));
    }
    if let Some(count) = integer(op, "repeat_count").filter(|&count| count > 256) {
        found.push(fail(&op, format_args!("has 'repeat_count' {count}, which must be 1 to 256")));
    }
    let from_stream = attribute("dimensionsFromStreamPerConsumer").and_then(DimsPerConsumer::of);
    let from_stream = from_stream.map_or(Vec::new(), |all| all.0);
    let object = attribute("elemType")
        .and_then(|attribute| TypeAttribute::try_from(attribute).ok())
        .and_then(|attribute| crate::dialect::aie::fifo::object_of(op, attribute.value()))
        .and_then(memref_of);
    let Some((_, element)) = object else { return };
    let ends = std::iter::once(&to_stream).chain(from_stream.iter().map(|dims| &dims.0));
    for (operand, dims) in ends.enumerate() {
        let Some(kind) = tile(op, operand).and_then(|tile| model.tile_kind(tile)) else { continue };
        if matches!(kind, TileKind::ShimPl) && flag(op, "plio") != Some(true) {
            found.push(fail(&op, format_args!("needs a shim tile with DMA at end {operand}")));
        }
        let fields = model.resources(kind).bd;
        if let Some(message) = pattern(dims, element.bytes(), &fields) {
            found.push(fail(&op, message));
        }
    }
}

/// Objects at the producer of a FIFO.
pub(super) fn depth_of(fifo: OperationRef) -> i64 {
    integer(fifo, "elemNumber").or(depths_of(fifo).first().copied()).unwrap_or(1)
}

/// Objects at the producer, then at each consumer, if each is given.
pub(super) fn depths_of(fifo: OperationRef) -> Vec<i64> {
    let list = fifo.attribute("elemNumber").ok().and_then(|a| ArrayAttribute::try_from(a).ok());
    let depth = |attribute| Some(IntegerAttribute::try_from(attribute).ok()?.value());
    let depths = list.into_iter().flat_map(|list| (0..list.len()).map(move |i| list.element(i)));
    depths.filter_map(|element| depth(element.ok()?)).collect()
}

/// What a register cannot hold of an access pattern, outermost dimension first.
fn pattern(dims: &[Dim], bytes: usize, fields: &BdFields) -> Option<String> {
    let words = |elements: usize| elements.saturating_mul(bytes).div_ceil(4);
    let partial = |elements: usize| !elements.saturating_mul(bytes).is_multiple_of(4);
    for (i, dim) in dims.iter().enumerate() {
        let inner = i + 1 == dims.len();
        let size = if inner { words(dim.size) } else { dim.size };
        if size > fields.max_wrap as usize {
            return Some(format!(
                "has a dimension of {size}, at most {} are possible",
                fields.max_wrap
            ));
        }
        if (inner && partial(dim.size)) || (!inner && dim.size > 1 && partial(dim.stride)) {
            return Some(format!("splits words of 4 bytes in dimension {i}, outermost first"));
        }
        if dim.size > 1 && !inner && words(dim.stride) > fields.max_step as usize {
            return Some(format!(
                "has a stride of {} words, at most {} are possible",
                words(dim.stride),
                fields.max_step
            ));
        }
    }
    None
}
