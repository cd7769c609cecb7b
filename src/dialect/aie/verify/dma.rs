//! DMA programs: their blocks and descriptors.

use super::{RELEASE, bits, integer, op_name};
use crate::{
    array::{Dim, Packet, Pad},
    dialect::aie::{Dims, Pads},
    mlir::{
        constant,
        diagnostic::{Result, fail},
        fields::Fields,
        rewrite,
    },
};
use melior::ir::{OperationRef, ValueLike, operation::OperationLike};

pub(super) fn blocks<'c>(op: OperationRef<'c, '_>, ends: bool) -> Result<'c> {
    for block in rewrite::blocks(op) {
        let (mut descriptors, mut acquires, mut releases) = (0, 0, 0);
        let ops = rewrite::ops(block);
        for &inner in &ops {
            match op_name(inner).as_str() {
                "aie.dma_bd" => descriptors += 1,
                "aie.use_lock" if integer(inner, "action") == Some(RELEASE) => releases += 1,
                "aie.use_lock" => acquires += 1,
                _ => {}
            }
            for (count, what) in
                [(descriptors, "buffer descriptor"), (acquires, "acquire"), (releases, "release")]
            {
                if count > 1 {
                    return Err(fail(&inner, format_args!("is the second {what} of a block")));
                }
            }
        }
        if let Some(&last) = ops.last().filter(|_| ends)
            && !["aie.dma_start", "aie.next_bd", "aie.end"].contains(&op_name(last).as_str())
        {
            return Err(fail(&last, "does not end a block of a DMA program"));
        }
    }
    Ok(())
}

pub(super) fn dims(op: OperationRef, name: &str) -> Option<Vec<Dim>> {
    Some(Dims::of(op.attribute(name).ok()?)?.0)
}

fn pads(op: OperationRef, name: &str) -> Option<Vec<Pad>> {
    Some(Pads::of(op.attribute(name).ok()?)?.0)
}

pub(super) fn descriptor<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    let memref = op.operands().next().map(|value| value.r#type());
    let Some((shape, element)) = memref.and_then(constant::shaped) else { return Ok(()) };
    let Some(bits) = bits(element) else { return Ok(()) };
    let elements: usize = shape.iter().product();
    // A region of an `aie.dma` stands for a block of its parent.
    let is_list = |op: &OperationRef| rewrite::is(op, "aie.dma");
    let list = op.parent_operation().filter(is_list);
    let parent = list.or(Some(op)).and_then(|op| op.parent_operation());
    let parent = parent.map(op_name).unwrap_or_default();
    let in_array = ["aie.mem", "aie.memtile_dma"].contains(&parent.as_str());
    let natural = |name: &str, default: usize| match integer(op, name) {
        None => Ok(default),
        Some(value) => {
            usize::try_from(value).map_err(|_| fail(&op, format_args!("has a negative '{name}'")))
        }
    };
    let (offset, len) = (natural("offset", 0)?, natural("len", elements)?);
    // What a host configures is checked where its tile is known.
    if !in_array && parent != "aie.shim_dma" {
        return Ok(());
    }
    if len.saturating_mul(bits) % 32 != 0 {
        return Err(fail(
            &op,
            format_args!(
                "moves {len} elements of {bits} bits, which are not whole words of 4 bytes"
            ),
        ));
    }
    if in_array && integer(op, "burst_length").unwrap_or(0) != 0 {
        return Err(fail(&op, "has a 'burst_length', which only a shim tile knows"));
    }

    if let Ok(packet) = op.attribute("packet")
        && !Packet::of(packet).is_some_and(|packet| packet.id < 32 && packet.kind < 8)
    {
        return Err(fail(&op, "has a packet type above 7 or an id above 31"));
    }

    let dims = dims(op, "dimensions").unwrap_or_default();
    let most = if ["aie.mem", "aie.shim_dma"].contains(&parent.as_str()) { 3 } else { 4 };
    if dims.len() > most {
        return Err(fail(
            &op,
            format_args!("has {} dimensions, at most {most} are possible here", dims.len()),
        ));
    }
    if dims.iter().any(|dim| dim.size == 0 || dim.stride == 0) {
        return Err(fail(&op, "has a dimension of size or stride 0"));
    }
    if let Some(inner) = dims.last()
        && bits != 32
        && inner.stride != 1
    {
        return Err(fail(
            &op,
            format_args!("needs an innermost stride of 1 for elements of {bits} bits"),
        ));
    }

    let padding = pads(op, "pad_dimensions");
    if let Some(pads) = &padding {
        if parent != "aie.memtile_dma" {
            return Err(fail(&op, "pads, which only a memory tile can"));
        }
        if pads.len() != dims.len() {
            return Err(fail(
                &op,
                format_args!("has {} paddings for {} dimensions", pads.len(), dims.len()),
            ));
        }
        let padded: usize =
            dims.iter().zip(pads).map(|(dim, pad)| dim.size + pad.before + pad.after).product();
        if padded > len {
            return Err(fail(
                &op,
                format_args!("has {padded} elements with their padding, but moves {len}"),
            ));
        }
        if let Some(inner) = pads.last()
            && (inner.before * bits % 32 != 0 || inner.after * bits % 32 != 0)
        {
            return Err(fail(&op, "has an innermost padding that is not whole words of 4 bytes"));
        }
    }

    let last = if !dims.is_empty() {
        dims.iter().fold(offset, |last, dim| {
            last.saturating_add((dim.size - 1).saturating_mul(dim.stride))
        })
    } else {
        offset.saturating_add(len.saturating_sub(1))
    };
    if last >= elements {
        return Err(fail(&op, format_args!("reaches element {last} of a buffer of {elements}")));
    }
    Ok(())
}
