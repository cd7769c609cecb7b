//! What a host's sequence asks of shim tiles and others.

use super::{packet, tile};
use crate::{
    array::{Bd, Buffer, Dim, Direction, Pad, Tile},
    check::limits,
    device::{Device, TileKind, TileResources},
    dialect::aie::{Dims, MM2S, Pads, S2MM, flag, integer, memref_of, op_name, string},
    mlir::{
        constant,
        diagnostic::{Failure, fail},
        fields::Fields,
        rewrite,
    },
};
use melior::ir::{
    OperationRef, ValueLike,
    attribute::{DenseI64ArrayAttribute, FlatSymbolRefAttribute},
    operation::OperationLike,
};
use std::collections::HashMap;

/// Checks the ops of a sequence, those in its `aiex.configure` too.
pub(super) fn check<'c>(
    sequence: OperationRef<'c, '_>,
    device: &[OperationRef<'c, '_>],
    model: &Device,
    found: &mut Vec<Failure<'c>>,
) {
    let mut host = Host { device, model, tokens: Some(HashMap::new()), found };
    for op in rewrite::body(sequence).map(rewrite::ops).unwrap_or_default() {
        host.step(op);
    }
}

struct Host<'f, 'c, 'a, 'd> {
    device: &'d [OperationRef<'c, 'a>],
    model: &'d Device,
    /// Tokens that have been asked for and not been waited for, by the name of the allocation;
    /// `None` where other ops may have issued some.
    tokens: Option<HashMap<String, i64>>,
    found: &'f mut Vec<Failure<'c>>,
}

pub(super) fn symbol(op: OperationRef, name: &str) -> Option<String> {
    let attribute = FlatSymbolRefAttribute::try_from(op.attribute(name).ok()?).ok()?;
    Some(attribute.value().to_string())
}

impl<'c, 'a> Host<'_, 'c, 'a, '_> {
    fn step(&mut self, op: OperationRef<'c, '_>) {
        match op_name(op).as_str() {
            "aiex.npu.dma_memcpy_nd" => {
                packet(op, self.found);
                copy(op, self.model, self.found);
                self.issue(op);
            }
            "aiex.npu.dma_wait" => self.wait(op),
            "aiex.dma_configure_task" => {
                let channel = integer(op, "channel").unwrap_or(0);
                let direction = integer(op, "direction");
                if let Some(tile) = tile(op, 0) {
                    self.task(op, self.model.tile_kind(tile), channel, direction);
                }
            }
            "aiex.dma_configure_task_for" => {
                let shim = Some(TileKind::ShimNoc);
                self.task(op, shim, 0, None);
            }
            "aiex.npu.rtp_write" => self.parameter(op),
            "aiex.npu.push_queue" => {
                self.tokens = None;
                if let Some((_, resources)) = self.named_tile(op) {
                    self.channel(op, integer(op, "channel").unwrap_or(0), &resources);
                    self.repeats(op, &resources);
                    self.descriptor_id(op, "bd_id", &resources);
                }
            }
            "aiex.npu.sync" => {
                self.tokens = None;
                if let Some((_, resources)) = self.named_tile(op) {
                    self.channel(op, integer(op, "channel").unwrap_or(0), &resources);
                }
            }
            "aiex.configure" => {
                self.tokens = None;
                for op in rewrite::body(op).map(rewrite::ops).unwrap_or_default() {
                    self.step(op);
                }
            }
            "arith.constant" | "memref.get_global" | "aiex.set_lock" | "aie.end" => {}
            _ => self.tokens = None,
        }
    }

    /// Kind and resources of the tile that a step gives by column and row.
    fn named_tile(&self, op: OperationRef) -> Option<(TileKind, TileResources)> {
        let coordinate = |name| u32::try_from(integer(op, name)?).ok();
        let tile = Tile { column: coordinate("column")?, row: coordinate("row")? };
        let kind = self.model.tile_kind(tile)?;
        Some((kind, self.model.resources(kind)))
    }

    fn channel(&mut self, op: OperationRef<'c, '_>, channel: i64, resources: &TileResources) {
        let channels = resources.dma_channels;
        if !(0..i64::from(channels)).contains(&channel) {
            self.found.push(fail(
                &op,
                format_args!("has channel {channel}, the tile has {channels} in this direction"),
            ));
        }
    }

    fn repeats(&mut self, op: OperationRef<'c, '_>, resources: &TileResources) {
        let (count, most) = (integer(op, "repeat_count").unwrap_or(0), resources.bd.max_repeat);
        if !(0..=i64::from(most)).contains(&count) {
            self.found.push(fail(
                &op,
                format_args!("repeats {count} times, at most {most} are possible"),
            ));
        }
    }

    fn descriptor_id(&mut self, op: OperationRef<'c, '_>, name: &str, resources: &TileResources) {
        let ids = resources.buffer_descriptors;
        if let Some(id) = integer(op, name).filter(|id| !(0..i64::from(ids)).contains(id)) {
            self.found.push(fail(
                &op,
                format_args!("has id {id}, the tile has {ids} buffer descriptors"),
            ));
        }
    }

    /// The chain of descriptors of a task.
    fn task(
        &mut self,
        op: OperationRef<'c, '_>,
        kind: Option<TileKind>,
        channel: i64,
        direction: Option<i64>,
    ) {
        // When it starts and what waits for it is not followed here.
        self.tokens = None;
        packet(op, self.found);
        let Some(kind) = kind else { return };
        let resources = self.model.resources(kind);
        self.channel(op, channel, &resources);
        self.repeats(op, &resources);
        let direction = if direction == Some(S2MM) { Direction::S2mm } else { Direction::Mm2s };
        let mut bds = Vec::new();
        super::each(op, &mut |op| bds.extend(rewrite::is(&op, "aie.dma_bd").then_some(op)));
        for bd in bds {
            packet(bd, self.found);
            self.descriptor_id(bd, "bd_id", &resources);
            let Some((mut descriptor, buffer)) = descriptor(bd) else { continue };
            let is_shim = matches!(kind, TileKind::ShimNoc | TileKind::ShimPl);
            if !descriptor.pad.is_empty() && kind != TileKind::Mem {
                self.found.push(fail(&bd, "pads, which only a memory tile can"));
            }
            // The fourth dimension of a shim tile is how often the descriptor has run.
            if is_shim && descriptor.dims.len() == 4 {
                let outer = descriptor.dims.remove(0);
                let most = resources.bd.max_iterations as usize;
                if outer.size > most {
                    self.found.push(fail(
                        &bd,
                        format_args!("repeats {} times, at most {most} are possible", outer.size),
                    ));
                }
                let product: usize = descriptor.dims.iter().map(|dim| dim.size).product();
                if descriptor.len == product.saturating_mul(outer.size) {
                    descriptor.len = product;
                }
            }
            // A task counts what it takes from memory, with or without the zeros that it adds.
            let real: usize = descriptor.dims.iter().map(|dim| dim.size).product();
            if !descriptor.pad.is_empty() && descriptor.len == real {
                let padded = descriptor.dims.iter().zip(&descriptor.pad);
                descriptor.len =
                    padded.map(|(dim, pad)| dim.size + pad.before + pad.after).product();
            }
            for message in limits::descriptor(&descriptor, &buffer, direction, kind, &resources) {
                self.found.push(fail(&bd, message));
            }
        }
    }

    /// A copy that issues a token.
    fn issue(&mut self, op: OperationRef<'c, '_>) {
        let Some(name) = symbol(op, "metadata") else { return };
        let receives = self.receives(&name);
        if let Some(tokens) = &mut self.tokens
            && (flag(op, "issue_token") == Some(true) || receives != Some(false))
        {
            *tokens.entry(name).or_default() += 1;
        }
    }

    /// Whether the channel of that name goes to the host's memory.
    fn receives(&self, name: &str) -> Option<bool> {
        let named = |op: &&OperationRef| string(**op, "sym_name") == Some(name);
        let op = *self.device.iter().find(named)?;
        if rewrite::is(&op, "aie.shim_dma_allocation") {
            return Some(integer(op, "channel_dir")? != MM2S);
        }
        // Of a FIFO: whether a shim tile consumes.
        Some(tile(op, 0).is_none_or(|tile| tile.row != 0))
    }

    fn wait(&mut self, op: OperationRef<'c, '_>) {
        let Some(name) = symbol(op, "symbol") else { return };
        let Some(tokens) = &mut self.tokens else { return };
        let left = tokens.entry(name.clone()).or_default();
        *left -= 1;
        if *left < 0 {
            *left = 0;
            self.found.push(fail(
                &op,
                format_args!(
                    "waits for a token of '{name}' that no transfer before it issues: set its 'issue_token'"
                ),
            ));
        }
    }

    fn parameter(&mut self, op: OperationRef<'c, '_>) {
        let Some(name) = symbol(op, "buffer") else { return };
        let is_it = |op: &&OperationRef| {
            rewrite::is(op, "aie.buffer") && string(**op, "sym_name") == Some(&name)
        };
        let buffer = self.device.iter().find(is_it).and_then(|op| op.results().next());
        let Some((shape, element)) = buffer.and_then(|value| memref_of(value.r#type())) else {
            return;
        };
        let words = shape.iter().product::<usize>() * element.bytes() / 4;
        if let Some(index) = integer(op, "index").filter(|&index| index >= words as i64) {
            self.found.push(fail(
                &op,
                format_args!("writes word {index} of '{name}', which has {words}"),
            ));
        }
    }
}

/// What an `aie.dma_bd` says, without its locks, and of which memory.
fn descriptor(op: OperationRef) -> Option<(Bd, Buffer)> {
    let (shape, element) = memref_of(op.operands().next()?.r#type())?;
    let buffer = Buffer {
        tile: Tile { column: 0, row: 0 },
        name: String::new(),
        shape,
        element,
        address: None,
        initial: None,
        external: true,
    };
    let natural = |name: &str| integer(op, name).and_then(|value| usize::try_from(value).ok());
    let dims: Vec<Dim> =
        op.attribute("dimensions").ok().and_then(Dims::of).map_or(Vec::new(), |dims| dims.0);
    // Of fewer paddings than dimensions the last is the innermost's.
    let mut pad =
        op.attribute("pad_dimensions").ok().and_then(Pads::of).map_or(Vec::new(), |p| p.0);
    let missing = if pad.is_empty() { 0 } else { dims.len().saturating_sub(pad.len()) };
    pad.splice(0..0, vec![Pad::default(); missing]);
    let bd = Bd {
        buffer: crate::array::BufferId(0),
        offset: natural("offset").unwrap_or(0),
        len: natural("len").unwrap_or(buffer.len()),
        dims,
        pad,
        acquire: None,
        release: None,
        packet: None,
        next: None,
    };
    Some((bd, buffer))
}

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
