//! Mistakes in what an array program leaves out: object FIFOs, the bodies of
//! cores, and the host's copies.

use super::{Dims, DimsPerConsumer, Pads, flag, integer, memref_of, op_name, string};
use crate::{
    array::{Dim, Tile},
    device::{BdFields, Device, TileKind},
    mlir::{
        constant,
        diagnostic::{Failure, fail},
        fields::Fields,
        rewrite,
    },
};
use melior::ir::{
    BlockLike, OperationRef, RegionLike, Type, ValueLike,
    attribute::{
        ArrayAttribute, DenseI64ArrayAttribute, FlatSymbolRefAttribute, IntegerAttribute,
        TypeAttribute,
    },
    operation::OperationLike,
};
use std::collections::BTreeMap;

/// Bytes of program memory that an op of a core takes, as an estimate: half of
/// an instruction of 128 bits, for several ops share one and short formats exist.
const BYTES_PER_OP: u64 = 8;

/// Bytes of the code around a core's body: start, and the end of the program.
const BYTES_OF_START: u64 = 512;

/// Every mistake in the ops of a device.
pub fn mistakes<'c>(device: OperationRef<'c, '_>) -> Vec<Failure<'c>> {
    let Some(model) = super::device_name(device).and_then(Device::by_name) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let ops = rewrite::body(device).map(rewrite::ops).unwrap_or_default();
    for &op in &ops {
        match op_name(op).as_str() {
            "aie.objectfifo" => fifo(op, &model, &mut found),
            "aie.core" => {
                let mut held = Held::new();
                for region in op.regions() {
                    hold(region, &mut held, &mut found);
                }
                program(op, &ops, &model, &mut found);
            }
            "aie.shim_dma_allocation" => allocation(op, &model, &mut found),
            "aie.runtime_sequence" => {
                for op in rewrite::body(op).map(rewrite::ops).unwrap_or_default() {
                    if rewrite::is(&op, "aiex.npu.dma_memcpy_nd") {
                        copy(op, &model, &mut found);
                    }
                }
            }
            _ => {}
        }
    }
    found
}

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
    let channels = i64::from(model.resources(kind).dma_channels);
    if let Some(channel) = integer(op, "channel_index").filter(|&channel| channel >= channels) {
        found.push(fail(
            &op,
            format_args!("has channel {channel}, the tile has {channels} in this direction"),
        ));
    }
}

//===----------------------------------------------------------------------===//
// Object FIFOs
//===----------------------------------------------------------------------===//

fn fifo<'c>(op: OperationRef<'c, '_>, model: &Device, found: &mut Vec<Failure<'c>>) {
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
    if let Some(count) = integer(op, "repeat_count").filter(|&count| count > 256) {
        found.push(fail(&op, format_args!("has 'repeat_count' {count}, which must be 1 to 256")));
    }
    let from_stream = attribute("dimensionsFromStreamPerConsumer").and_then(DimsPerConsumer::of);
    let from_stream = from_stream.map_or(Vec::new(), |all| all.0);
    let object = attribute("elemType")
        .and_then(|attribute| TypeAttribute::try_from(attribute).ok())
        .and_then(|attribute| super::fifo::object_of(op, attribute.value()))
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

/// Objects that a core holds of each end of a FIFO.
type Held = BTreeMap<(String, bool), i64>;

fn end_of(op: OperationRef) -> (String, bool) {
    let name = op.attribute("objFifo_name").ok();
    let name = name.and_then(|name| FlatSymbolRefAttribute::try_from(name).ok());
    let name = name.map(|name| name.value().to_string()).unwrap_or_default();
    (name, integer(op, "port") == Some(0))
}

/// Follows acquires and releases through a region. Where control flow is not structured, nothing is
/// known, and nothing is said.
fn hold<'c, 'a>(region: impl RegionLike<'c, 'a>, held: &mut Held, found: &mut Vec<Failure<'c>>)
where
    'c: 'a,
{
    let Some(block) = region.first_block() else { return };
    if block.next_in_region().is_some() {
        return;
    }
    for op in rewrite::ops(block) {
        match op_name(op).as_str() {
            "aie.objectfifo.acquire" => {
                let count = held.entry(end_of(op)).or_default();
                *count = (*count).max(integer(op, "size").unwrap_or(1));
            }
            "aie.objectfifo.release" => {
                let end = end_of(op);
                let size = integer(op, "size").unwrap_or(1);
                let count = held.entry(end.clone()).or_default();
                if size > *count {
                    found.push(fail(
                        &op,
                        format_args!(
                            "releases {size} objects of '{}', of which the core holds {count}",
                            end.0
                        ),
                    ));
                }
                *count = (*count - size).max(0);
            }
            "scf.for" | "scf.while" => {
                let before = held.clone();
                for region in op.regions() {
                    hold(region, held, found);
                }
                for (end, &after) in held.iter() {
                    let first = before.get(end).copied().unwrap_or(0);
                    if first != after {
                        found.push(fail(
                            &op,
                            format_args!(
                                "begins with {first} objects of '{}' held and ends with {after}: \
                                 the next time around would wait for others than it uses",
                                end.0
                            ),
                        ));
                    }
                }
                *held = before;
            }
            _ => {
                // Of several ways only what they agree on is known.
                let mut ways = Vec::new();
                for region in op.regions() {
                    let mut way = held.clone();
                    hold(region, &mut way, found);
                    ways.push(way);
                }
                if let Some(first) =
                    ways.first().filter(|first| ways.iter().all(|way| way == *first))
                {
                    *held = first.clone();
                }
            }
        }
    }
}

//===----------------------------------------------------------------------===//
// Cores
//===----------------------------------------------------------------------===//

/// Estimates what a core's program takes of the memory for programs, and of the stack.
fn program<'c>(
    core: OperationRef<'c, '_>,
    device: &[OperationRef<'c, '_>],
    model: &Device,
    found: &mut Vec<Failure<'c>>,
) {
    let mut size = Size { device, called: Vec::new(), stack: 0 };
    let dynamic = flag(core, "dynamic_objfifo_lowering") == Some(true);
    let ops: u64 = core.regions().map(|region| size.region(region, !dynamic)).sum();
    let bytes = BYTES_OF_START + BYTES_PER_OP * ops;
    let most = u64::from(model.program_memory_bytes);
    if bytes > most {
        found.push(fail(
            &core,
            format_args!("needs about {bytes} bytes of program memory, a core has {most}"),
        ));
    }
    let stack = integer(core, "stack_size").unwrap_or(1024);
    if i64::try_from(size.stack).unwrap_or(i64::MAX) > stack {
        found.push(fail(
            &core,
            format_args!(
                "puts {} bytes on its stack, which has {stack}: raise 'stack_size'",
                size.stack
            ),
        ));
    }
}

struct Size<'d, 'c, 'a> {
    device: &'d [OperationRef<'c, 'a>],
    called: Vec<String>,
    stack: u64,
}

impl<'c> Size<'_, 'c, '_> {
    /// Ops of a region, with functions once and loops as often as mlir-aie writes them out.
    fn region<'b>(&mut self, region: impl RegionLike<'c, 'b>, unrolls: bool) -> u64
    where
        'c: 'b,
    {
        let mut count = 0u64;
        let mut next = region.first_block();
        while let Some(block) = next {
            next = block.next_in_region();
            for op in rewrite::ops(block) {
                let name = op_name(op);
                let inner: u64 = op.regions().map(|region| self.region(region, unrolls)).sum();
                let times = if name == "scf.for" && unrolls { self.copies(op) } else { 1 };
                count = count.saturating_add(inner.saturating_mul(times));
                match name.as_str() {
                    "arith.constant" | "scf.yield" | "aie.end" | "memref.get_global" => continue,
                    "memref.alloca" => self.stack = self.stack.saturating_add(bytes_of(op)),
                    "func.call" => count = count.saturating_add(self.call(op)),
                    _ => {}
                }
                count = count.saturating_add(lanes(op));
            }
        }
        count
    }

    /// The ops of a function with a body, the first time that it is called.
    fn call(&mut self, op: OperationRef<'c, '_>) -> u64 {
        let callee = op.attribute("callee").ok();
        let callee = callee.and_then(|callee| FlatSymbolRefAttribute::try_from(callee).ok());
        let Some(callee) = callee.map(|callee| callee.value().to_string()) else { return 0 };
        if self.called.contains(&callee) {
            return 0;
        }
        let is_it = |op: &&OperationRef| {
            rewrite::is(op, "func.func") && string(**op, "sym_name") == Some(&callee)
        };
        let Some(&function) = self.device.iter().find(is_it) else { return 0 };
        self.called.push(callee.clone());
        function.regions().map(|region| self.region(region, false)).sum()
    }

    /// How often a loop is written out for the places of its FIFOs to be known: the least common
    /// multiple of their depths.
    fn copies(&self, loop_op: OperationRef) -> u64 {
        let mut depths = Vec::new();
        for region in loop_op.regions() {
            let Some(block) = region.first_block() else { continue };
            for op in
                rewrite::ops(block).iter().filter(|op| rewrite::is(op, "aie.objectfifo.acquire"))
            {
                let (name, _) = end_of(*op);
                let is_it = |op: &&OperationRef| {
                    rewrite::is(op, "aie.objectfifo") && string(**op, "sym_name") == Some(&name)
                };
                let Some(&fifo) = self.device.iter().find(is_it) else { continue };
                let first = fifo
                    .attribute("elemNumber")
                    .ok()
                    .and_then(|depths| ArrayAttribute::try_from(depths).ok()?.element(0).ok())
                    .and_then(|depth| IntegerAttribute::try_from(depth).ok())
                    .map(|depth| depth.value());
                depths
                    .push(integer(fifo, "elemNumber").or(first).unwrap_or(1).max(1).unsigned_abs());
            }
        }
        depths.into_iter().fold(1, |all, depth| all / gcd(all, depth) * depth)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Bytes of the memref that an op makes.
fn bytes_of(op: OperationRef) -> u64 {
    let memref = op.results().next().and_then(|value| memref_of(value.r#type()));
    memref.map_or(0, |(shape, element)| (shape.iter().product::<usize>() * element.bytes()) as u64)
}

/// Instructions for an op on a vector: one for each 512 bits.
fn lanes(op: OperationRef) -> u64 {
    let r#type: Option<Type> = op.results().next().map(|value| value.r#type());
    let lanes = r#type.filter(melior::ir::TypeLike::is_vector).and_then(constant::shaped);
    lanes.map_or(1, |(extents, _)| (extents.iter().product::<usize>() as u64).div_ceil(64).max(1))
}

//===----------------------------------------------------------------------===//
// The host
//===----------------------------------------------------------------------===//

fn copy<'c>(op: OperationRef<'c, '_>, model: &Device, found: &mut Vec<Failure<'c>>) {
    let resources = model.resources(TileKind::ShimNoc);
    let (fields, ids) = (resources.bd, i64::from(resources.buffer_descriptors));
    if let Some(id) = integer(op, "id").filter(|id| !(0..ids).contains(id)) {
        found
            .push(fail(&op, format_args!("has id {id}, a shim tile has {ids} buffer descriptors")));
    }
    let list = |name: &str| -> Option<Vec<i64>> {
        let array = DenseI64ArrayAttribute::try_from(op.attribute(name).ok()?).ok()?;
        // What is only given as an operand may still be a constant.
        (0..array.len()).map(|i| array.element(i).ok()).collect()
    };
    let mut operands = op.operands().skip(1).map(|value| {
        constant::defining_op(value).and_then(|op| integer(op, "value")).unwrap_or(i64::MIN)
    });
    let mut known = |name: &str| -> Option<Vec<i64>> {
        let values = list(name)?;
        let value = |value| if value == i64::MIN { operands.next() } else { Some(value) };
        values.into_iter().map(value).collect()
    };
    let (_, sizes, strides) =
        (known("static_offsets"), known("static_sizes"), known("static_strides"));
    let (Some(sizes), Some(strides)) = (sizes, strides) else { return };
    let (&[repeat, d2, d1, d0], &[repeat_step, s2, s1, _]) = (sizes.as_slice(), strides.as_slice())
    else {
        return;
    };
    let most = i64::from(fields.max_iterations);
    if repeat > most {
        found.push(fail(&op, format_args!("repeats {repeat} times, at most {most} are possible")));
    }
    let buffer = op.operands().next().and_then(|value| memref_of(value.r#type()));
    let Some((_, element)) = buffer else { return };
    let exact = |elements: i64| elements.saturating_mul(element.bytes() as i64).div_euclid(4);
    // A walk in one piece needs no fields of its own.
    let linear = (d1 <= 1 || s1 == d0) && (d2 <= 1 || s2 == d1.saturating_mul(d0));
    if !linear {
        let wrap = i64::from(fields.max_wrap);
        for (size, what) in [(exact(d0), "an innermost"), (d1, "a second")] {
            if size > wrap {
                found.push(fail(
                    &op,
                    format_args!("has {what} size of {size}, at most {wrap} are possible"),
                ));
            }
        }
    }
    for (size, stride, most) in [
        (d1, s1, fields.max_step),
        (d2, s2, fields.max_step),
        (repeat, repeat_step, fields.max_iteration_step),
    ] {
        let step = exact(stride);
        if !linear && size > 1 && step > i64::from(most) {
            found.push(fail(
                &op,
                format_args!("has a stride of {step} words, at most {most} are possible"),
            ));
        }
    }
}
