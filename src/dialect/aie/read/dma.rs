//! DMA programs: channels and their chains of descriptors.

use super::{
    super::{Dims, Pads, flag, integer, op_name},
    Reader, Thing, block_key, direction, natural, natural_or,
};
use crate::{
    array::{Bd, DmaChannel, LockAction, Packet, Tile},
    mlir::{
        diagnostic::{Result, fail},
        fields::Fields,
        rewrite,
    },
};
use melior::ir::{BlockRef, OperationRef, RegionLike, operation::OperationLike};
use std::collections::HashMap;

/// The `aie.dma_start`s of a DMA program, in order.
pub(super) fn starts<'c, 'a>(dma: OperationRef<'c, 'a>) -> Vec<OperationRef<'c, 'a>> {
    let mut found: Vec<OperationRef> = Vec::new();
    let mut block = dma.regions().next().and_then(|region| region.first_block());
    let mut seen = Vec::new();
    while let Some(current) = block.filter(|&block| !seen.contains(&block_key(block))) {
        seen.push(block_key(current));
        let ops = rewrite::ops(current);
        found.extend(ops.iter().copied().filter(|op| rewrite::is(op, "aie.dma")));
        let start = ops.into_iter().find(|op| rewrite::is(op, "aie.dma_start"));
        block = start.and_then(|start| start.successors().nth(1));
        found.extend(start);
    }
    found
}

/// The `aie.dma_bd`s that a channel reaches, in order.
pub(super) fn descriptors<'c, 'a>(start: OperationRef<'c, 'a>) -> Vec<OperationRef<'c, 'a>> {
    let (mut found, mut seen) = (Vec::new(), Vec::new());
    for block in start.regions().filter_map(|region| region.first_block()) {
        found.extend(rewrite::ops(block).into_iter().find(|op| rewrite::is(op, "aie.dma_bd")));
    }
    let mut block = start.successors().next();
    while let Some(current) = block.filter(|&block| !seen.contains(&block_key(block))) {
        seen.push(block_key(current));
        let ops = rewrite::ops(current);
        found.extend(ops.iter().copied().find(|op| rewrite::is(op, "aie.dma_bd")));
        block = ops
            .iter()
            .find(|op| rewrite::is(op, "aie.next_bd"))
            .and_then(|op| op.successors().next());
    }
    found
}

impl Reader {
    /// Follows the chain of `aie.dma_start`s from the first block on.
    pub(super) fn dma<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        let tile = self.tile(op, 0)?;
        let mut block = op.regions().next().and_then(|region| region.first_block());
        let mut seen = Vec::new();
        while let Some(current) = block {
            if seen.contains(&block_key(current)) {
                return Err(fail(&op, "has a cycle of 'aie.dma_start' ops"));
            }
            seen.push(block_key(current));
            block = None;
            for start in rewrite::ops(current) {
                match op_name(start).as_str() {
                    "aie.dma_start" => {
                        let channel = self.channel(start, tile)?;
                        self.add_channel(start, channel)?;
                        block = start.successors().nth(1);
                    }
                    "aie.dma" => {
                        let channel = self.regions(start, tile)?;
                        self.add_channel(start, channel)?;
                    }
                    "aie.buffer" => self.buffer(start)?,
                    "aie.lock" => self.lock(start)?,
                    "aie.end" => {}
                    _ => {
                        return Err(fail(&start, "is not supported before the start of a channel"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds a channel. A second program of the same channel is queued behind the first.
    fn add_channel<'c>(&mut self, op: OperationRef<'c, '_>, channel: DmaChannel) -> Result<'c> {
        let same = |other: &&mut DmaChannel| {
            (other.tile, other.direction, other.channel)
                == (channel.tile, channel.direction, channel.channel)
        };
        let first = self.program.dmas.iter_mut().find(same).filter(|_| !self.lenient);
        let Some(first) = first else {
            self.program.dmas.push(channel);
            return Ok(());
        };
        for channel in [&mut *first, &mut channel.clone()] {
            if channel.bds.iter().enumerate().any(|(i, bd)| bd.next.is_some_and(|next| next <= i)) {
                return Err(fail(&op, "queues a program before or behind one that has no end"));
            }
        }
        // Both written out, one behind the other.
        let mut bds: Vec<Bd> = Vec::new();
        for part in [&*first, &channel] {
            for _ in 0..=part.repeat_count {
                let begin = bds.len();
                bds.extend(part.bds.iter().map(|bd| Bd {
                    next: Some(bd.next.map_or(begin + part.bds.len(), |next| begin + next)),
                    ..bd.clone()
                }));
            }
        }
        if let Some(last) = bds.last_mut() {
            last.next = None;
        }
        (first.bds, first.repeat_count) = (bds, 0);
        Ok(())
    }

    /// A channel whose descriptors are the regions of an `aie.dma`.
    fn regions<'c>(&mut self, op: OperationRef<'c, '_>, tile: Tile) -> Result<'c, DmaChannel> {
        let mut bds = Vec::new();
        for region in op.regions() {
            let Some(block) = region.first_block() else { continue };
            let place = bds.len();
            if let Some((bd, _)) = self.bd(block)? {
                bds.push(Bd { next: Some(place + 1), ..bd });
            }
        }
        let endless = flag(op, "loop").unwrap_or(true);
        let Some(last) = bds.last_mut() else {
            return Err(fail(&op, "starts a channel without buffer descriptors"));
        };
        last.next = endless.then_some(0);
        Ok(DmaChannel {
            tile,
            direction: direction(op, "channel_dir")?,
            channel: natural(op, "channel_index")?,
            repeat_count: if endless { 0 } else { natural_or(op, "repeat_count", 0)? as u32 },
            bds,
        })
    }

    fn channel<'c>(&self, start: OperationRef<'c, '_>, tile: Tile) -> Result<'c, DmaChannel> {
        let mut channel = DmaChannel {
            tile,
            direction: direction(start, "channel_dir")?,
            channel: natural(start, "channel_index")?,
            repeat_count: natural_or(start, "repeat_count", 0)? as u32,
            bds: Vec::new(),
        };
        let first = start.successors().next();
        channel.bds = self.chain(start, first)?;
        Ok(channel)
    }

    /// The descriptors from a block on, to the end or back to one of them.
    pub(in crate::dialect::aie) fn chain<'c, 'a>(
        &self,
        start: OperationRef<'c, 'a>,
        first: Option<BlockRef<'c, 'a>>,
    ) -> Result<'c, Vec<Bd>> {
        let mut bds: Vec<Bd> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        let mut block = first;
        while let Some(current) = block {
            let index = bds.len();
            let Some((bd, next)) = self.bd(current)? else { break };
            places.insert(block_key(current), index);
            bds.push(bd);
            block = next;
            if let Some(&place) = next.and_then(|next| places.get(&block_key(next))) {
                bds[index].next = Some(place);
                return Ok(bds);
            }
            // The next block, if it is not the end, becomes the next descriptor.
            if next.is_some_and(|next| {
                rewrite::ops(next).iter().any(|op| rewrite::is(op, "aie.dma_bd"))
            }) {
                bds[index].next = Some(index + 1);
            }
        }
        if bds.is_empty() {
            return Err(fail(&start, "starts a channel without buffer descriptors"));
        }
        Ok(bds)
    }

    /// The descriptor of a block and the block after it; `None` for the block that ends a chain.
    pub(super) fn bd<'c, 'a>(
        &self,
        block: BlockRef<'c, 'a>,
    ) -> Result<'c, Option<(Bd, Option<BlockRef<'c, 'a>>)>> {
        let (mut found, mut next): (Option<Bd>, _) = (None, None);
        let (mut acquire, mut release, mut packet) = (None, None, None);
        for op in rewrite::ops(block) {
            match op_name(op).as_str() {
                "aie.use_lock" => {
                    let lock = self.use_lock(op)?;
                    let place = if lock.action == LockAction::Release {
                        &mut release
                    } else {
                        &mut acquire
                    };
                    if place.replace(lock).is_some() {
                        return Err(fail(&op, "is the second of its kind in a block"));
                    }
                }
                "aie.dma_bd_packet" => {
                    let byte = |name| {
                        natural(op, name).and_then(|value| {
                            u8::try_from(value).map_err(|_| {
                                fail(&op, format_args!("has '{name}' {value}, above 255"))
                            })
                        })
                    };
                    packet = Some(Packet { kind: byte("packet_type")?, id: byte("packet_id")? });
                }
                "aie.dma_bd" => {
                    if found.is_some() {
                        return Err(fail(&op, "is the second of its kind in a block"));
                    }
                    found = Some(self.descriptor(op)?);
                }
                "aie.next_bd" => next = op.successors().next(),
                "aie.end" => {}
                _ => return Err(fail(&op, "is not supported in a chain of buffer descriptors")),
            }
        }
        Ok(found.map(|bd| (Bd { acquire, release, packet: bd.packet.or(packet), ..bd }, next)))
    }

    pub(super) fn descriptor<'c>(&self, op: OperationRef<'c, '_>) -> Result<'c, Bd> {
        let Thing::Buffer(buffer) = self.operand(op, 0)? else {
            return Err(fail(&op, "needs a buffer"));
        };
        if integer(op, "pad_value").is_some_and(|value| value != 0) {
            return Err(fail(&op, "pads with something else than zeros, which is not supported"));
        }
        let packet = match op.attribute("packet") {
            Err(_) => None,
            Ok(attribute) => Some(
                Packet::of(attribute).ok_or_else(|| fail(&op, "has a packet header above 255"))?,
            ),
        };
        let list = |name: &str| op.attribute(name).ok();
        Ok(Bd {
            buffer,
            offset: natural_or(op, "offset", 0)?,
            len: natural_or(op, "len", self.program.buffers[buffer.0].len())?,
            dims: list("dimensions").and_then(Dims::of).map_or(Vec::new(), |dims| dims.0),
            pad: list("pad_dimensions").and_then(Pads::of).map_or(Vec::new(), |pads| pads.0),
            acquire: None,
            release: None,
            packet,
            next: None,
        })
    }
}
