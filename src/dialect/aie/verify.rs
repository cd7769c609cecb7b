//! What ODS cannot check of an `aie` op.
//!
//! Rules that concern one op are checked with the op, those that need the
//! device or several ops with the `aie.device`, after everything in it. Both
//! refuse what no tool chain could make work; limits that depend on how a
//! program is compiled further are not theirs.

use super::{
    DEVICE, Dims, DimsPerConsumer, INPUTS, MM2S, OUTPUTS, Pads, RELEASE, S2MM, SLICE, device_name,
    flag, integer, interface, sequence, string,
};
use crate::{
    array::{BufferId, Bundle, Dim, Direction, Packet, Pad, Port, Tile},
    device::{Device, PortSide, TileKind},
    mlir::{
        constant,
        diagnostic::{Failure, Result, fail},
        fields::Fields,
        rewrite,
    },
};
use melior::ir::{
    Attribute, BlockLike, BlockRef, OperationRef, RegionLike, Type, TypeLike, Value, ValueLike,
    attribute::{ArrayAttribute, FlatSymbolRefAttribute, IntegerAttribute, TypeAttribute},
    operation::OperationLike,
    r#type::IntegerType,
};
use std::{
    collections::{HashMap, HashSet},
    fmt::Display,
};

/// Checks an op of the dialect; for a device, all of its ops against each other.
pub fn verify<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    match name(op).as_str() {
        DEVICE => device(op),
        "aie.core" => core(op),
        "aie.mem" | "aie.memtile_dma" | "aie.shim_dma" => dma_blocks(op, true),
        "aie.dma" => dma_blocks(op, false),
        "aie.dma_bd" => descriptor(op),
        "aie.buffer" => buffer(op),
        "aie.packet_flow" => packet_flow(op),
        "aiex.npu.dma_memcpy_nd" | "aiex.npu.dma_wait" => sequence::verify(op),
        "aie.objectfifo" => fifo(op),
        "aie.objectfifo.acquire" | "aie.objectfifo.release" => fifo_use(op),
        "aie.objectfifo.subview.access" => fifo_element(op),
        _ => Ok(()),
    }
}

fn name(op: OperationRef) -> String {
    op.name().as_string_ref().as_str().unwrap_or_default().to_string()
}

fn blocks<'c, 'a>(op: OperationRef<'c, 'a>) -> Vec<BlockRef<'c, 'a>> {
    let mut found = Vec::new();
    for region in op.regions() {
        let mut next = region.first_block();
        while let Some(block) = next {
            next = block.next_in_region();
            found.push(block);
        }
    }
    found
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
    let blocks = blocks(op);
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
        match name(inner).as_str() {
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

//===----------------------------------------------------------------------===//
// DMA programs
//===----------------------------------------------------------------------===//

fn dma_blocks<'c>(op: OperationRef<'c, '_>, ends: bool) -> Result<'c> {
    for block in blocks(op) {
        let (mut descriptors, mut acquires, mut releases) = (0, 0, 0);
        let ops = rewrite::ops(block);
        for &inner in &ops {
            match name(inner).as_str() {
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
            && !["aie.dma_start", "aie.next_bd", "aie.end"].contains(&name(last).as_str())
        {
            return Err(fail(&last, "does not end a block of a DMA program"));
        }
    }
    Ok(())
}

fn dims(op: OperationRef, name: &str) -> Option<Vec<Dim>> {
    Some(Dims::of(op.attribute(name).ok()?)?.0)
}

fn pads(op: OperationRef, name: &str) -> Option<Vec<Pad>> {
    Some(Pads::of(op.attribute(name).ok()?)?.0)
}

fn descriptor<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    let memref = op.operands().next().map(|value| value.r#type());
    let Some((shape, element)) = memref.and_then(constant::shaped) else { return Ok(()) };
    let Some(bits) = bits(element) else { return Ok(()) };
    let elements: usize = shape.iter().product();
    // A region of an `aie.dma` stands for a block of its parent.
    let is_list = |op: &OperationRef| rewrite::is(op, "aie.dma");
    let list = op.parent_operation().filter(is_list);
    let parent = list.or(Some(op)).and_then(|op| op.parent_operation());
    let parent = parent.map(name).unwrap_or_default();
    let in_array = ["aie.mem", "aie.memtile_dma"].contains(&parent.as_str());
    let natural = |name: &str, default: usize| match integer(op, name) {
        None => Ok(default),
        Some(value) => {
            usize::try_from(value).map_err(|_| fail(&op, format_args!("has a negative '{name}'")))
        }
    };
    let (offset, len) = (natural("offset", 0)?, natural("len", elements)?);
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

    // A host's program may reach beyond one memref on purpose.
    if in_array || parent == "aie.shim_dma" {
        let last = if !dims.is_empty() {
            dims.iter().fold(offset, |last, dim| {
                last.saturating_add((dim.size - 1).saturating_mul(dim.stride))
            })
        } else {
            offset.saturating_add(len.saturating_sub(1))
        };
        if last >= elements {
            return Err(fail(
                &op,
                format_args!("reaches element {last} of a buffer of {elements}"),
            ));
        }
    }
    Ok(())
}

//===----------------------------------------------------------------------===//
// Object FIFOs
//===----------------------------------------------------------------------===//

fn fifo<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
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

fn symbol<'c>(attribute: Attribute<'c>) -> Option<&'c str> {
    Some(FlatSymbolRefAttribute::try_from(attribute).ok()?.value())
}

fn find_fifo<'c, 'a>(user: OperationRef<'c, 'a>, symbol: &str) -> Result<'c, OperationRef<'c, 'a>> {
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

fn fifo_use<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
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

fn fifo_element<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
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

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

fn device<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
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
        coordinates: HashMap::new(),
        ports: HashSet::new(),
        cascades: HashSet::new(),
    };
    for op in rewrite::body(op).map(rewrite::ops).unwrap_or_default() {
        checker.top_level(op)?;
    }
    Ok(())
}

struct Checker<'c, 'a> {
    device: Option<Device>,
    /// By the address of the value in MLIR, which is stable here.
    tiles: HashMap<usize, Tile>,
    /// Kinds of the tiles that are yet to be placed.
    logical: HashMap<usize, TileKind>,
    coordinates: HashMap<Tile, OperationRef<'c, 'a>>,
    /// Destinations of circuit-switched streams.
    ports: HashSet<Port>,
    /// Cores that already send, and that already receive, a cascade.
    cascades: HashSet<(bool, Tile)>,
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

impl<'c, 'a> Checker<'c, 'a> {
    /// The tile of an operand; `None` if it is not placed yet.
    fn tile(&self, op: OperationRef, operand: usize) -> Option<Tile> {
        self.tiles.get(&key(op.operands().nth(operand)?)).copied()
    }

    fn kind(&self, tile: Tile) -> Option<TileKind> {
        self.device.as_ref()?.tile_kind(tile)
    }

    /// What stands at the tile of an operand, placed or not.
    fn kind_of(&self, op: OperationRef, operand: usize) -> Option<TileKind> {
        let value = key(op.operands().nth(operand)?);
        match self.tiles.get(&value) {
            Some(&tile) => self.kind(tile),
            None => self.logical.get(&value).copied(),
        }
    }

    /// Fails unless the tile of an operand is of a kind.
    fn needs(
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
        match name(op).as_str() {
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
            "aie.objectfifo.allocate" => allocate(op),
            "aie.objectfifo.link" => self.link(op),
            "aie.objectfifo.register_external_buffers" => {
                find_fifo(
                    op,
                    op.attribute("objFifo_name").ok().and_then(symbol).unwrap_or_default(),
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
        if let Some(first) = self.coordinates.insert(tile, op) {
            return Err(fail(&op, format_args!("stands for {tile} a second time"))
                .note(first.location(), "first here"));
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
        for op in blocks(op).into_iter().flat_map(rewrite::ops) {
            self.within_reach(op, |memory| device.memory_reachable(tile, memory), tile)?;
            if ["aie.put_cascade", "aie.get_cascade"].contains(&name(op).as_str()) {
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
        let blocks = blocks(op);
        let lists = blocks.iter().flat_map(|block| rewrite::ops(*block));
        let lists: Vec<_> = lists.filter(|op| rewrite::is(op, "aie.dma")).collect();
        let blocks: Vec<BlockRef<'c, 'a>> =
            blocks.iter().copied().chain(lists.iter().flat_map(|&op| self::blocks(op))).collect();
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
        next.extend(self::blocks(start));
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

    fn port(
        &self,
        op: OperationRef<'c, 'a>,
        operand: usize,
        names: (&str, &str),
        side: PortSide,
    ) -> Result<'c, Option<Port>> {
        let Some((device, tile)) = self.device.as_ref().zip(self.tile(op, operand)) else {
            return Ok(None);
        };
        let bundle = integer(op, names.0)
            .and_then(|i| super::BUNDLES.get(usize::try_from(i).ok()?))
            .copied();
        let channel = integer(op, names.1).and_then(|i| u32::try_from(i).ok());
        let (Some(bundle), Some(channel)) = (bundle, channel) else { return Ok(None) };
        let ports = match bundle {
            // Which columns a package connects is not a rule of the dialect.
            Bundle::Plio if tile.row == 0 => device.plio_ports(device.plio_columns().start, side),
            _ => device.stream_ports(tile, bundle, side),
        };
        if channel >= ports {
            let side = match side {
                PortSide::In => "into",
                PortSide::Out => "out of",
            };
            return Err(fail(
                &op,
                format_args!(
                    "uses port {channel} of {} {side} the switch of {tile}, which has {ports} of them",
                    bundle_name(bundle)
                ),
            ));
        }
        Ok(Some(Port { tile, bundle, channel }))
    }

    fn flow(&mut self, op: OperationRef<'c, 'a>) -> Result<'c> {
        self.port(op, 0, ("source_bundle", "source_channel"), PortSide::In)?;
        let destination = self.port(op, 1, ("dest_bundle", "dest_channel"), PortSide::Out)?;
        if let Some(port) = destination
            && !self.ports.insert(port)
        {
            return Err(fail(
                &op,
                format_args!(
                    "is the second stream into {} {} of {}",
                    bundle_name(port.bundle),
                    port.channel,
                    port.tile
                ),
            ));
        }
        Ok(())
    }

    fn packet_flow(&mut self, op: OperationRef<'c, 'a>) -> Result<'c> {
        for end in rewrite::body(op).map(rewrite::ops).unwrap_or_default() {
            let side =
                if rewrite::is(&end, "aie.packet_source") { PortSide::In } else { PortSide::Out };
            self.port(end, 0, ("bundle", "channel"), side)?;
        }
        Ok(())
    }

    fn cascade(&mut self, op: OperationRef<'c, 'a>) -> Result<'c> {
        for end in 0..2 {
            self.needs(op, end, &[TileKind::Core], "a core tile")?;
        }
        let Some((device, source)) = self.device.as_ref().zip(self.tile(op, 0)) else {
            return Ok(());
        };
        let Some(destination) = self.tile(op, 1) else { return Ok(()) };
        if !device.cascades(source, destination) {
            return Err(fail(
                &op,
                format_args!(
                    "leads from {source} to {destination}, but only to a core's east or south neighbor can it lead"
                ),
            ));
        }
        if !self.cascades.insert((true, source)) {
            return Err(fail(&op, format_args!("is the second cascade out of {source}")));
        }
        if !self.cascades.insert((false, destination)) {
            return Err(fail(&op, format_args!("is the second cascade into {destination}")));
        }
        Ok(())
    }

    fn fifo(&self, op: OperationRef<'c, 'a>) -> Result<'c> {
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

    fn link(&self, op: OperationRef<'c, 'a>) -> Result<'c> {
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
fn allocate<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
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

fn width(r#type: Type) -> Option<usize> {
    match constant::shaped(r#type) {
        Some((shape, element)) => bits(element)?.checked_mul(shape.iter().product()),
        None => bits(r#type),
    }
}

fn bundle_name(bundle: Bundle) -> &'static str {
    match bundle {
        Bundle::Core => "Core",
        Bundle::Dma => "DMA",
        Bundle::Fifo => "FIFO",
        Bundle::South => "South",
        Bundle::West => "West",
        Bundle::North => "North",
        Bundle::East => "East",
        Bundle::Plio => "PLIO",
        Bundle::Noc => "NOC",
        Bundle::Trace => "Trace",
        Bundle::TileControl => "TileControl",
    }
}
