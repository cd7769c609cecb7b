//! What needs the device, or several of its ops.

use super::{bits, fifo, integer, interface, op_name};
use crate::{
    array::{BufferId, Direction, Port, Tile},
    device::{Device, TileKind},
    dialect::aie::{INPUTS, MM2S, OUTPUTS, S2MM, device_name},
    mlir::{
        constant,
        diagnostic::{Result, fail},
        rewrite,
    },
};
use melior::ir::{
    BlockLike, BlockRef, OperationRef, Type, Value, ValueLike, operation::OperationLike,
};
use std::{
    collections::{HashMap, HashSet},
    fmt::Display,
};

pub(super) fn device<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    for name in [INPUTS, OUTPUTS] {
        if let Ok(interfaces) = op.attribute(name) {
            // That its buffers exist shows when the device is read.
            interface::read(interfaces, &|_| Some(BufferId(0)))
                .map_err(|missing| fail(&op, format_args!("needs {missing} in '{name}'")))?;
        }
    }
    let mut checker = Checker {
        // Of a device without a model only the structure is checked.
        device: device_name(op).and_then(Device::by_name),
        tiles: HashMap::new(),
        logical: HashMap::new(),
        ports: HashSet::new(),
        cascades: HashSet::new(),
    };
    for op in rewrite::body(op).map(rewrite::ops).unwrap_or_default() {
        checker.top_level(op)?;
    }
    Ok(())
}

pub(super) struct Checker {
    pub(super) device: Option<Device>,
    /// By the address of the value in MLIR, which is stable here.
    pub(super) tiles: HashMap<usize, Tile>,
    /// Kinds of the tiles that are yet to be placed.
    pub(super) logical: HashMap<usize, TileKind>,
    /// Destinations of circuit-switched streams.
    pub(super) ports: HashSet<Port>,
    /// Cores that already send, and that already receive, a cascade.
    pub(super) cascades: HashSet<(bool, Tile)>,
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

impl<'c, 'a> Checker {
    /// The tile of an operand; `None` if it is not placed yet.
    pub(super) fn tile(&self, op: OperationRef, operand: usize) -> Option<Tile> {
        self.tiles.get(&key(op.operands().nth(operand)?)).copied()
    }

    pub(super) fn kind(&self, tile: Tile) -> Option<TileKind> {
        self.device.as_ref()?.tile_kind(tile)
    }

    /// What stands at the tile of an operand, placed or not.
    pub(super) fn kind_of(&self, op: OperationRef, operand: usize) -> Option<TileKind> {
        let value = key(op.operands().nth(operand)?);
        match self.tiles.get(&value) {
            Some(&tile) => self.kind(tile),
            None => self.logical.get(&value).copied(),
        }
    }

    /// Fails unless the tile of an operand is of a kind.
    pub(super) fn needs(
        &self,
        op: OperationRef<'c, 'a>,
        operand: usize,
        kinds: &[TileKind],
        what: &str,
    ) -> Result<'c> {
        match (self.kind_of(op, operand), self.tile(op, operand)) {
            (Some(kind), Some(tile)) if !kinds.contains(&kind) => {
                Err(fail(&op, format_args!("needs {what}, got {tile}")))
            }
            (Some(kind), None) if !kinds.contains(&kind) => {
                Err(fail(&op, format_args!("needs {what}, got a tile of another type")))
            }
            _ => Ok(()),
        }
    }

    fn top_level(&mut self, op: OperationRef<'c, 'a>) -> Result<'c> {
        use TileKind::{Core, Mem, ShimNoc, ShimPl};
        match op_name(op).as_str() {
            "aie.tile" => self.place(op),
            "aie.logical_tile" => self.logical_tile(op),
            "aie.buffer" => self.buffer(op),
            "aie.lock" => self.lock(op),
            "aie.core" => {
                self.needs(op, 0, &[Core], "a core tile")?;
                self.core(op, op)
            }
            "aie.mem" => {
                self.needs(op, 0, &[Core], "a core tile")?;
                self.dma(op)
            }
            "aie.memtile_dma" => {
                self.needs(op, 0, &[Mem], "a memory tile")?;
                self.dma(op)
            }
            "aie.shim_dma" => {
                self.needs(op, 0, &[ShimNoc], "a shim tile with DMA")?;
                self.dma(op)
            }
            "aie.shim_dma_allocation" => self.needs(op, 0, &[ShimNoc, ShimPl], "a shim tile"),
            "aie.flow" => self.flow(op),
            "aie.packet_flow" => self.packet_flow(op),
            "aie.cascade_flow" => self.cascade(op),
            "aie.configure_cascade" => {
                self.needs(op, 0, &[Core], "a core tile")?;
                if self.tile(op, 0).is_none() {
                    return Err(fail(&op, "needs a tile that is placed"));
                }
                for (side, possible) in [("inputDir", [4, 5]), ("outputDir", [3, 6])] {
                    if self.device.is_some()
                        && !integer(op, side).is_some_and(|dir| possible.contains(&dir))
                    {
                        return Err(fail(&op, "must lead from north or west to south or east"));
                    }
                }
                Ok(())
            }
            "aie.objectfifo" => self.fifo(op),
            "aie.objectfifo.allocate" => fifo::allocate(op),
            "aie.objectfifo.link" => self.link(op),
            "aie.objectfifo.register_external_buffers" => {
                fifo::find_fifo(
                    op,
                    op.attribute("objFifo_name").ok().and_then(fifo::symbol).unwrap_or_default(),
                )?;
                self.needs(op, 0, &[ShimNoc], "a shim tile with DMA")
            }
            _ => Ok(()),
        }
    }

    fn place(&mut self, op: OperationRef<'c, 'a>) -> Result<'c> {
        let coordinate =
            |name| integer(op, name).and_then(|c| u32::try_from(c).ok()).unwrap_or(u32::MAX);
        let tile = Tile { column: coordinate("col"), row: coordinate("row") };
        if let Some(device) = &self.device {
            if device.tile_kind(tile).is_none() {
                return Err(fail(
                    &op,
                    format_args!(
                        "is outside of '{}', which has {} columns and {} rows",
                        device.name,
                        device.columns,
                        device.rows()
                    ),
                ));
            }
            if tile.row == 0 && op.has_attribute("allocation_scheme") {
                return Err(fail(&op, "is a shim tile and has no memory to allocate"));
            }
        }
        for value in op.results() {
            self.tiles.insert(key(value.into()), tile);
        }
        Ok(())
    }

    fn logical_tile(&mut self, op: OperationRef<'c, 'a>) -> Result<'c> {
        let kinds = [TileKind::Core, TileKind::Mem, TileKind::ShimNoc, TileKind::ShimPl];
        let number = integer(op, "tile_type").and_then(|number| usize::try_from(number).ok());
        let Some(&kind) = number.and_then(|number| kinds.get(number)) else { return Ok(()) };
        if matches!(kind, TileKind::ShimNoc | TileKind::ShimPl)
            && op.has_attribute("allocation_scheme")
        {
            return Err(fail(&op, "is a shim tile and has no memory to allocate"));
        }
        if let Some(device) = &self.device {
            let coordinate =
                |name| integer(op, name).map(|at| u32::try_from(at).unwrap_or(u32::MAX));
            let is_there = match (coordinate("col"), coordinate("row")) {
                (Some(column), Some(row)) => device.tile_kind(Tile { column, row }) == Some(kind),
                (Some(column), None) => column < device.columns,
                (None, row) => row.is_none_or(|row| row < device.rows()),
            };
            if !is_there {
                return Err(fail(&op, format_args!("has no such place in '{}'", device.name)));
            }
        }
        for value in op.results() {
            self.logical.insert(key(value.into()), kind);
        }
        Ok(())
    }

    fn buffer(&self, op: OperationRef<'c, 'a>) -> Result<'c> {
        self.needs(op, 0, &[TileKind::Core, TileKind::Mem], "a tile with memory")?;
        let Some((device, kind)) =
            self.device.as_ref().zip(self.tile(op, 0).and_then(|tile| self.kind(tile)))
        else {
            return Ok(());
        };
        let resources = device.resources(kind);
        let bytes = op.results().next().and_then(|value| {
            let (shape, element) = constant::shaped(value.r#type())?;
            Some(shape.iter().product::<usize>().checked_mul(bits(element)?)?.div_ceil(8))
        });
        let address = integer(op, "address").unwrap_or(0);
        if let Some(bytes) = bytes {
            let end =
                u64::try_from(address).ok().and_then(|address| address.checked_add(bytes as u64));
            if end.is_none_or(|end| end > resources.memory_bytes.into()) {
                return Err(fail(
                    &op,
                    format_args!(
                        "has {bytes} bytes at {address}, memory has {}",
                        resources.memory_bytes
                    ),
                ));
            }
        }
        match integer(op, "mem_bank") {
            Some(bank) if !(0..resources.banks.into()).contains(&bank) => {
                Err(fail(&op, format_args!("has bank {bank}, memory has {}", resources.banks)))
            }
            _ => Ok(()),
        }
    }

    fn lock(&self, op: OperationRef<'c, 'a>) -> Result<'c> {
        let Some((device, kind)) =
            self.device.as_ref().zip(self.tile(op, 0).and_then(|tile| self.kind(tile)))
        else {
            return Ok(());
        };
        let resources = device.resources(kind);
        if let Some(id) = integer(op, "lockID")
            && id >= resources.locks.into()
        {
            return Err(fail(
                &op,
                format_args!("has id {id}, the tile has {} locks", resources.locks),
            ));
        }
        match integer(op, "init") {
            Some(init) if !(0..=resources.max_lock_value.into()).contains(&init) => Err(fail(
                &op,
                format_args!("begins at {init}, a lock holds 0 to {}", resources.max_lock_value),
            )),
            _ => Ok(()),
        }
    }

    /// Every buffer and lock that the ops below `op` use is in reach of the core.
    fn core(&self, core: OperationRef<'c, 'a>, op: OperationRef<'c, 'a>) -> Result<'c> {
        let Some((device, tile)) = self.device.as_ref().zip(self.tile(core, 0)) else {
            return Ok(());
        };
        for op in rewrite::blocks(op).into_iter().flat_map(rewrite::ops) {
            self.within_reach(op, |memory| device.memory_reachable(tile, memory), tile)?;
            if ["aie.put_cascade", "aie.get_cascade"].contains(&op_name(op).as_str()) {
                let value = op.operands().next().or(op.results().next().map(Into::into));
                let width = value.and_then(|value| width(value.r#type()));
                if width.is_some_and(|width| width != device.cascade_bits as usize) {
                    return Err(fail(
                        &op,
                        format_args!("needs a type of {} bits", device.cascade_bits),
                    ));
                }
            }
            self.core(core, op)?;
        }
        Ok(())
    }

    fn within_reach(
        &self,
        op: OperationRef<'c, 'a>,
        reachable: impl Fn(Tile) -> bool,
        from: impl Display,
    ) -> Result<'c> {
        for value in op.operands() {
            let Some(thing) = constant::defining_op(value) else { continue };
            if !rewrite::is(&thing, "aie.buffer") && !rewrite::is(&thing, "aie.lock") {
                continue;
            }
            if let Some(memory) = self.tile(thing, 0)
                && !reachable(memory)
            {
                return Err(fail(
                    &op,
                    format_args!("uses what is in {memory}, out of the reach of {from}"),
                )
                .note(thing.location(), "defined here"));
            }
        }
        Ok(())
    }

    fn dma(&self, op: OperationRef<'c, 'a>) -> Result<'c> {
        let Some((device, tile)) = self.device.as_ref().zip(self.tile(op, 0)) else {
            return Ok(());
        };
        let Some(kind) = self.kind(tile) else { return Ok(()) };
        let resources = device.resources(kind);
        let blocks = rewrite::blocks(op);
        let lists = blocks.iter().flat_map(|block| rewrite::ops(*block));
        let lists: Vec<_> = lists.filter(|op| rewrite::is(op, "aie.dma")).collect();
        let blocks: Vec<BlockRef<'c, 'a>> = blocks
            .iter()
            .copied()
            .chain(lists.iter().flat_map(|&op| rewrite::blocks(op)))
            .collect();
        let descriptors = |block: &BlockRef<'c, 'a>| {
            rewrite::ops(*block)
                .into_iter()
                .filter(|op| rewrite::is(op, "aie.dma_bd"))
                .collect::<Vec<_>>()
        };
        let count = blocks.iter().flat_map(descriptors).count();
        if count > resources.buffer_descriptors as usize {
            return Err(fail(
                &op,
                format_args!(
                    "has {count} buffer descriptors, the tile has {}",
                    resources.buffer_descriptors
                ),
            ));
        }
        for bd in blocks.iter().flat_map(descriptors) {
            if let Some(id) = integer(bd, "bd_id")
                && !(0..resources.buffer_descriptors.into()).contains(&id)
            {
                return Err(fail(
                    &bd,
                    format_args!(
                        "has id {id}, the tile has {} buffer descriptors",
                        resources.buffer_descriptors
                    ),
                ));
            }
        }
        for start in blocks.iter().flat_map(|block| rewrite::ops(*block)) {
            if rewrite::is(&start, "aie.dma_start") || rewrite::is(&start, "aie.dma") {
                self.channel(start, tile, device)?;
            }
        }
        Ok(())
    }

    fn channel(&self, start: OperationRef<'c, 'a>, tile: Tile, device: &Device) -> Result<'c> {
        let Some(kind) = device.tile_kind(tile) else { return Ok(()) };
        let channels = device.resources(kind).dma_channels;
        let channel = match integer(start, "channel_index").and_then(|c| u32::try_from(c).ok()) {
            Some(channel) if channel < channels => channel,
            _ => {
                return Err(fail(
                    &start,
                    format_args!(
                        "has channel {}, the tile has {channels} in this direction",
                        integer(start, "channel_index").unwrap_or(-1)
                    ),
                ));
            }
        };
        let direction = match integer(start, "channel_dir") {
            Some(S2MM) => Direction::S2mm,
            Some(MM2S) => Direction::Mm2s,
            _ => return Ok(()),
        };
        let mut seen = HashSet::new();
        let mut next: Vec<BlockRef> = start.successors().take(1).collect();
        next.extend(rewrite::blocks(start));
        while let Some(block) = next.pop() {
            if !seen.insert(block.to_raw().ptr as usize) {
                continue;
            }
            for op in rewrite::ops(block) {
                if rewrite::is(&op, "aie.dma_start") {
                    break;
                }
                if direction == Direction::S2mm && op.has_attribute("pad_dimensions") {
                    return Err(fail(&op, "pads, which only a channel from memory to stream can"));
                }
                let from = format!("channel {channel} of {tile}");
                self.within_reach(
                    op,
                    // A shim tile has no memory, but locks of its own.
                    |memory| memory == tile || device.dma_reachable(tile, channel, memory),
                    from,
                )?;
                next.extend(op.successors());
            }
        }
        Ok(())
    }
}

fn width(r#type: Type) -> Option<usize> {
    match constant::shaped(r#type) {
        Some((shape, element)) => bits(element)?.checked_mul(shape.iter().product()),
        None => bits(r#type),
    }
}
