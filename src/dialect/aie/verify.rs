//! What ODS cannot check of an `aie` op.
//!
//! Rules that concern one op are checked with the op, those that need the
//! device or several ops with the `aie.device`, after everything in it. Both
//! refuse what no tool chain could make work; limits that depend on how a
//! program is compiled further are not theirs.

mod device;
mod dma;
mod fifo;
mod streams;

use super::{DEVICE, RELEASE, SLICE, integer, interface, op_name, sequence, string};
use crate::mlir::{
    constant,
    diagnostic::{Result, fail},
    rewrite,
};
use melior::ir::{
    OperationRef, Type, TypeLike, ValueLike, operation::OperationLike, r#type::IntegerType,
};

/// Checks an op of the dialect; for a device, all of its ops against each other.
pub fn verify<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    match op_name(op).as_str() {
        DEVICE => device::device(op),
        "aie.core" => core(op),
        "aie.mem" | "aie.memtile_dma" | "aie.shim_dma" => dma::blocks(op, true),
        "aie.dma" => dma::blocks(op, false),
        "aie.dma_bd" => dma::descriptor(op),
        "aie.buffer" => buffer(op),
        "aie.packet_flow" => packet_flow(op),
        "aiex.npu.dma_memcpy_nd" | "aiex.npu.dma_wait" => sequence::verify(op),
        "aie.objectfifo" => fifo::fifo(op),
        "aie.objectfifo.acquire" | "aie.objectfifo.release" => fifo::acquire_or_release(op),
        "aie.objectfifo.subview.access" => fifo::element(op),
        _ => Ok(()),
    }
}

fn parent_named<'c, 'a>(op: OperationRef<'c, 'a>, name: &str) -> Option<OperationRef<'c, 'a>> {
    let mut parent = op.parent_operation();
    while let Some(op) = parent {
        if rewrite::is(&op, name) {
            return Some(op);
        }
        parent = op.parent_operation();
    }
    None
}

/// Width of an element in bits.
fn bits(element: Type) -> Option<usize> {
    match IntegerType::try_from(element) {
        Ok(integer) => Some(integer.width() as usize),
        Err(_) if element.is_float() => Some(element.float_width() as usize),
        Err(_) => None,
    }
}

fn core<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    let blocks = rewrite::blocks(op);
    if blocks.is_empty() {
        return Err(fail(&op, "needs a body"));
    }
    if op.has_attribute("elf_file")
        && (blocks.len() > 1
            || rewrite::ops(blocks[0]).iter().any(|op| !rewrite::is(op, "aie.end")))
    {
        return Err(fail(&op, "has an 'elf_file' and a body; the body must be only 'aie.end'"));
    }
    if op.has_attribute("link_with") && op.has_attribute("link_files") {
        return Err(fail(&op, "has both 'link_with' and 'link_files'"));
    }
    if let Ok(slice) = op.attribute(SLICE) {
        interface::read_slice(slice)
            .map_err(|missing| fail(&op, format_args!("needs {missing} in '{SLICE}'")))?;
    }
    Ok(())
}

fn buffer<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    let Some((shape, element)) =
        op.results().next().and_then(|value| constant::shaped(value.r#type()))
    else {
        return Err(fail(&op, "needs a static shape"));
    };
    if let Ok(value) = op.attribute("initial_value") {
        if constant::shaped(constant::type_of(value)) != Some((shape, element)) {
            return Err(fail(&op, "has an initial value of another shape or element type"));
        }
    } else if parent_named(op, "aie.core").is_some() {
        return Err(fail(&op, "needs an initial value inside a core"));
    }
    Ok(())
}

fn packet_flow<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    let id = integer(op, "ID").unwrap_or(0);
    if !(0..32).contains(&id) {
        return Err(fail(&op, format_args!("has id {id}, which must be 0 to 31")));
    }
    let (mut sources, mut destinations) = (0, 0);
    for inner in rewrite::body(op).map(rewrite::ops).unwrap_or_default() {
        match op_name(inner).as_str() {
            "aie.packet_source" => sources += 1,
            "aie.packet_dest" => destinations += 1,
            "aie.end" => {}
            _ => return Err(fail(&inner, "is not allowed in an 'aie.packet_flow'")),
        }
    }
    if sources != 1 || destinations == 0 {
        return Err(fail(
            &op,
            format_args!(
                "needs one source and at least one destination, has {sources} and {destinations}"
            ),
        ));
    }
    Ok(())
}
