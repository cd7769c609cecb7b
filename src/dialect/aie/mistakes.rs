//! Mistakes in what an array program leaves out: object FIFOs, the bodies of
//! cores, and the host's copies.

mod fifo;
mod held;
mod host;
mod program;
mod stream;

use super::{flag, integer, op_name, string};
use crate::{
    array::{Packet, Tile},
    device::{Device, TileKind},
    mlir::{
        constant,
        diagnostic::{Failure, fail},
        fields::Fields,
        rewrite,
    },
};
use melior::ir::{BlockLike, OperationRef, RegionLike, operation::OperationLike};
use std::path::Path;

/// Every mistake in the ops of a device; `kernels` is a folder in which objects and sources of
/// kernels may lie, beside that of the file.
pub fn mistakes<'c>(device: OperationRef<'c, '_>, kernels: &Path) -> Vec<Failure<'c>> {
    let Some(model) = super::device_name(device).and_then(Device::by_name) else {
        return Vec::new();
    };
    let kernels = program::Folders::of(device, kernels);
    let mut found = Vec::new();
    let ops = rewrite::body(device).map(rewrite::ops).unwrap_or_default();
    for &op in &ops {
        match op_name(op).as_str() {
            "aie.objectfifo" => fifo::check(op, &model, &mut found),
            "aie.core" => {
                held::check(op, &ops, &mut found);
                program::check(op, &ops, &model, &kernels, &mut found);
            }
            "aie.cascade_flow" => stream::cascade(op, &ops, &mut found),
            "aie.shim_dma_allocation" => allocation(op, &model, &mut found),
            "aie.runtime_sequence" => host::check(op, &ops, &model, &mut found),
            _ => {}
        }
    }
    found
}

/// The regions below an op, from the outermost on, op by op.
fn each<'c, 'a>(op: OperationRef<'c, 'a>, visit: &mut impl FnMut(OperationRef<'c, 'a>)) {
    for region in op.regions() {
        let mut next = region.first_block();
        while let Some(block) = next {
            next = block.next_in_region();
            for op in rewrite::ops(block) {
                visit(op);
                each(op, visit);
            }
        }
    }
}

/// Steps of a host that leave locks, streams and cores alone.
const HARMLESS: [&str; 12] = [
    "aiex.npu.dma_memcpy_nd",
    "aiex.npu.dma_wait",
    "aiex.npu.sync",
    "aiex.npu.rtp_write",
    "aiex.dma_configure_task",
    "aiex.dma_configure_task_for",
    "aiex.dma_start_task",
    "aiex.dma_await_task",
    "aiex.dma_free_task",
    "arith.constant",
    "memref.get_global",
    "aie.end",
];

/// Whether nothing but the program of a device acts on its locks: not another device of the module,
/// not its sequences by writing registers, not packets to a tile's registers. Without a sequence
/// an NPU has no host that could; that of a Versal device may know locks by name or number.
pub fn is_closed(device: OperationRef) -> bool {
    let of = |device| rewrite::body(device).map(rewrite::ops).unwrap_or_default();
    let is_npu = super::device_name(device).is_some_and(|name| name.starts_with("npu"));
    let mut has_sequence = false;
    let acts = of(device).into_iter().any(|op| match op_name(op).as_str() {
        "aie.runtime_sequence" => {
            has_sequence = true;
            of(op).into_iter().any(|op| {
                let name = op_name(op);
                let known = HARMLESS.contains(&name.as_str()) || name.starts_with("aie.trace");
                !known
                    || !leads_somewhere(op, device)
                    || !["metadata", "alloc", "symbol"].iter().all(|name| names_what_is(op, name))
            })
        }
        "aie.flow" => integer(op, "dest_bundle") == Some(TILE_CONTROL),
        "aie.packet_flow" => {
            of(op).into_iter().any(|end| integer(end, "bundle") == Some(TILE_CONTROL))
        }
        _ => false,
    });
    is_alone(device) && !acts && (is_npu || has_sequence)
}

/// Whether the packets that `op` sends, if any, have a flow in the device. Those of control
/// packets are only made later.
fn leads_somewhere(op: OperationRef, device: OperationRef) -> bool {
    let Some(packet) = op.attribute("packet").ok().and_then(Packet::of) else { return true };
    let ops = rewrite::body(device).map(rewrite::ops).unwrap_or_default();
    ops.iter().any(|flow| {
        rewrite::is(flow, "aie.packet_flow") && integer(*flow, "ID") == Some(packet.id.into())
    })
}

/// Whether the device has what `op` names as `attribute`, if it names something. Some channels are
/// only made later, such as those of control packets.
fn names_what_is(op: OperationRef, attribute: &str) -> bool {
    let Some(name) = host::symbol(op, attribute) else { return true };
    let device = op.parent_operation().and_then(|sequence| sequence.parent_operation());
    let ops = device.and_then(rewrite::body).map(rewrite::ops).unwrap_or_default();
    let named = |other: &OperationRef| {
        let other = string(*other, "sym_name").unwrap_or_default();
        other == name || name.strip_suffix("_shim_alloc") == Some(other)
    };
    ops.iter().any(named)
}

/// Whether no other device of the module may configure this one.
pub fn is_alone(device: OperationRef) -> bool {
    device.parent_operation().is_none_or(|module| super::devices(module).len() == 1)
}

/// Whether both ends of all object FIFOs are used: a core tile at an end has a core.
pub fn is_complete(device: OperationRef) -> bool {
    let ops = rewrite::body(device).map(rewrite::ops).unwrap_or_default();
    let Some(model) = super::device_name(device).and_then(Device::by_name) else { return false };
    let cores: Vec<Option<Tile>> =
        ops.iter().filter(|op| rewrite::is(op, "aie.core")).map(|op| tile(*op, 0)).collect();
    ops.iter().filter(|op| rewrite::is(op, "aie.objectfifo")).all(|fifo| {
        (0..fifo.operand_count()).map(|end| tile(*fifo, end)).all(|tile| {
            tile.and_then(|tile| model.tile_kind(tile)) != Some(TileKind::Core)
                || cores.contains(&tile)
        })
    })
}

/// Number of the bundle of ports to a tile's registers.
const TILE_CONTROL: i64 = 10;

/// The tile of an operand, if it has a place.
fn tile(op: OperationRef, operand: usize) -> Option<Tile> {
    let tile = constant::defining_op(op.operands().nth(operand)?)?;
    let coordinate = |name| u32::try_from(integer(tile, name)?).ok();
    Some(Tile { column: coordinate("col")?, row: coordinate("row")? })
}

fn allocation<'c>(op: OperationRef<'c, '_>, model: &Device, found: &mut Vec<Failure<'c>>) {
    let Some(tile) = tile(op, 0) else { return };
    let Some(kind) = model.tile_kind(tile) else { return };
    if flag(op, "plio") == Some(true) {
        return;
    }
    if kind == TileKind::ShimPl {
        found.push(fail(&op, format_args!("needs a shim tile with DMA, {tile} has none")));
        return;
    }
    packet(op, found);
    let channels = i64::from(model.resources(kind).dma_channels);
    if let Some(channel) = integer(op, "channel_index").filter(|&channel| channel >= channels) {
        found.push(fail(
            &op,
            format_args!("has channel {channel}, the tile has {channels} in this direction"),
        ));
    }
}

/// The header that an op puts before its packets.
fn packet<'c>(op: OperationRef<'c, '_>, found: &mut Vec<Failure<'c>>) {
    let Ok(attribute) = op.attribute("packet") else { return };
    if !Packet::of(attribute).is_some_and(|packet| packet.id < 32 && packet.kind < 8) {
        found.push(fail(&op, "has a packet type above 7 or an id above 31"));
    }
}
