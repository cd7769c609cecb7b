//! Object FIFOs as what they stand for: buffers, a pair of locks at each end,
//! and DMA channels where the ends share no memory.
//!
//! Each end counts its free and its full objects by two locks. Whoever fills
//! objects there acquires free ones and releases full ones; whoever empties
//! them the other way round. A FIFO between two cores of which one reaches the
//! other's memory has one end for both. Otherwise each tile has an end, and a
//! stream leads from the producer's to all others. A link makes the consumer's
//! end of one FIFO and the producer's end of another the same memory.
//!
//! The names, and the order in which channels are handed out, are those of
//! mlir-aie. Objects of a join or distribution have a pair of locks for each
//! part, so that no part overtakes another.

use super::{
    Dims, DimsPerConsumer, Pads, flag, integer, memref_of,
    read::{Places, Reader, natural},
    string,
};
use crate::{
    array::{
        Allocation, Bd, Buffer, BufferId, Bundle, Dim, Direction, DmaChannel, Element, Flow, Lock,
        LockAction, LockId, Pad, Port, Tile, UseLock,
    },
    device::{Device, TileKind},
    mlir::{
        constant,
        diagnostic::{Result, fail},
        fields::Fields,
        rewrite,
    },
};
use melior::ir::{
    Attribute, OperationRef, Type,
    attribute::{ArrayAttribute, FlatSymbolRefAttribute, IntegerAttribute, TypeAttribute},
    operation::OperationLike,
};
use std::collections::HashMap;

/// Objects in one tile, and the locks that count them.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub objects: Vec<BufferId>,
    /// Free and full objects; `None` if nothing is synchronized.
    pub locks: Option<(LockId, LockId)>,
}

/// The ends of a FIFO that a core may hold objects of.
#[derive(Clone, Debug)]
pub(super) struct Fifo {
    pub producer: Option<End>,
    pub consumers: Vec<(Tile, End)>,
}

/// An `aie.objectfifo` as it is written.
struct Spec<'c, 'a> {
    op: OperationRef<'c, 'a>,
    name: String,
    producer: Tile,
    consumers: Vec<Tile>,
    /// Of the producer, then of each consumer.
    depths: Vec<usize>,
    shape: Vec<usize>,
    element: Element,
    to_stream: Vec<Dim>,
    from_stream: Vec<Vec<Dim>>,
    pads: Vec<Pad>,
    repeat: usize,
    iterations: Option<u32>,
    initial: Vec<Vec<u8>>,
    synchronized: bool,
    via_dma: bool,
}

impl Spec<'_, '_> {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Part of the objects of an end, with the locks that count it.
#[derive(Clone)]
struct Part {
    objects: Vec<BufferId>,
    offset: usize,
    len: usize,
    locks: Option<(LockId, LockId)>,
}

fn symbol(attribute: Attribute) -> Option<String> {
    FlatSymbolRefAttribute::try_from(attribute).ok().map(|symbol| symbol.value().to_string())
}

fn list<'c, T>(
    op: OperationRef<'c, '_>,
    name: &str,
    of: impl Fn(Attribute<'c>) -> Option<T>,
) -> Vec<T> {
    let Ok(array) = op.attribute(name).and_then(ArrayAttribute::try_from) else {
        return Vec::new();
    };
    (0..array.len()).filter_map(|i| of(array.element(i).ok()?)).collect()
}

fn number(attribute: Attribute) -> Option<usize> {
    usize::try_from(IntegerAttribute::try_from(attribute).ok()?.value()).ok()
}

/// The memref of `!aie.objectfifo<memref<...>>`.
pub(super) fn object_of<'c>(op: OperationRef<'c, '_>, fifo: Type<'c>) -> Option<Type<'c>> {
    let text = fifo.to_string();
    let object = text.strip_prefix("!aie.objectfifo<")?.strip_suffix('>')?;
    Type::parse(rewrite::context(op.location()), object)
}

impl Reader {
    /// Adds what the FIFOs of a device stand for.
    ///
    /// # Errors
    ///
    /// At a FIFO or link that is not supported.
    pub(super) fn fifos<'c, 'a>(
        &mut self,
        ops: &[OperationRef<'c, 'a>],
        places: &mut Places<'c, 'a>,
    ) -> Result<'c> {
        let named =
            |name: &'static str| ops.iter().copied().filter(move |op| rewrite::is(op, name));
        if let Some(op) = named("aie.objectfifo.register_external_buffers").next() {
            return Err(fail(&op, "is not supported: use a runtime sequence"));
        }
        let specs = named("aie.objectfifo").map(|op| self.spec(op)).collect::<Result<Vec<_>>>()?;
        if specs.is_empty() {
            return Ok(());
        }
        let Some(device) = Device::by_name(&self.program.device) else {
            return Err(fail(&specs[0].op, "needs a device with a model"));
        };
        // By the FIFO's name, and whether it is its producer's end: parts in the order of their offsets.
        let mut parts: HashMap<(String, bool), Vec<Part>> = HashMap::new();
        for link in named("aie.objectfifo.link") {
            self.link(link, &specs, &mut parts)?;
            self.note_places(link, places);
        }
        for spec in &specs {
            let linked =
                [true, false].iter().any(|&end| parts.contains_key(&(spec.name.clone(), end)));
            if let (false, Some(tile)) = (linked, shared(spec, &device)) {
                let end = self.end(&spec.name, tile, spec.depths[0], spec);
                let fifo =
                    Fifo { producer: Some(end.clone()), consumers: vec![(spec.consumers[0], end)] };
                self.fifos.insert(spec.name.clone(), fifo);
                self.note_places(spec.op, places);
                continue;
            }
            self.stream(spec, &device, &mut parts)?;
            self.note_places(spec.op, places);
        }
        Ok(())
    }

    fn spec<'c, 'a>(&self, op: OperationRef<'c, 'a>) -> Result<'c, Spec<'c, 'a>> {
        for name in ["aie_stream", "plio"] {
            if op.has_attribute(name) && flag(op, name) != Some(false) {
                return Err(fail(&op, format_args!("has '{name}', which is not supported")));
            }
        }
        let tiles =
            (0..op.operand_count()).map(|i| self.tile(op, i)).collect::<Result<Vec<_>>>()?;
        let mut depths = list(op, "elemNumber", number);
        if let Some(depth) = integer(op, "elemNumber") {
            depths = vec![usize::try_from(depth).unwrap_or(0); tiles.len()];
        }
        if depths.len() != tiles.len() {
            return Err(fail(&op, "needs a depth for each end"));
        }
        let object = op
            .attribute("elemType")
            .ok()
            .and_then(|attribute| TypeAttribute::try_from(attribute).ok())
            .and_then(|attribute| object_of(op, attribute.value()))
            .and_then(memref_of);
        let (shape, element) = object.ok_or_else(|| {
            fail(&op, "needs static, contiguous objects of i8, i16, i32, i64, bf16 or f32")
        })?;
        let attribute = |name: &str| op.attribute(name).ok();
        let from_stream =
            attribute("dimensionsFromStreamPerConsumer").and_then(DimsPerConsumer::of);
        Ok(Spec {
            op,
            name: string(op, "sym_name").unwrap_or_default().to_string(),
            producer: tiles[0],
            consumers: tiles[1..].to_vec(),
            depths,
            shape,
            element,
            to_stream: attribute("dimensionsToStream")
                .and_then(Dims::of)
                .map_or(Vec::new(), |d| d.0),
            from_stream: from_stream
                .map_or(Vec::new(), |all| all.0.into_iter().map(|dims| dims.0).collect()),
            pads: attribute("padDimensions").and_then(Pads::of).map_or(Vec::new(), |pads| pads.0),
            repeat: integer(op, "repeat_count").and_then(|n| usize::try_from(n).ok()).unwrap_or(1),
            iterations: if op.has_attribute("iter_count") {
                Some(natural(op, "iter_count")?)
            } else {
                None
            },
            initial: list(op, "initValues", constant::bytes),
            synchronized: flag(op, "disable_synchronization") != Some(true),
            via_dma: flag(op, "via_DMA") == Some(true),
        })
    }

    fn fifo_lock(&mut self, tile: Tile, name: String, initial: usize) -> LockId {
        self.program.locks.push(Lock { tile, name, id: None, initial: initial as i32 });
        LockId(self.program.locks.len() - 1)
    }

    /// Locks for `free` objects, and `full` ones.
    fn pair(&mut self, name: &str, tile: Tile, free: usize, full: usize) -> (LockId, LockId) {
        (
            self.fifo_lock(tile, format!("{name}_prod_lock_0"), free),
            self.fifo_lock(tile, format!("{name}_cons_lock_0"), full),
        )
    }

    fn objects(
        &mut self,
        name: &str,
        tile: Tile,
        count: usize,
        spec: &Spec,
        initial: bool,
    ) -> Vec<BufferId> {
        (0..count)
            .map(|i| {
                self.program.buffers.push(Buffer {
                    tile,
                    name: format!("{name}_buff_{i}"),
                    shape: spec.shape.clone(),
                    element: spec.element,
                    address: None,
                    initial: spec.initial.get(i).filter(|_| initial).cloned(),
                    external: false,
                });
                BufferId(self.program.buffers.len() - 1)
            })
            .collect()
    }

    /// The end that a producer fills, with the initial values.
    fn end(&mut self, name: &str, tile: Tile, depth: usize, spec: &Spec) -> End {
        let objects = self.objects(name, tile, depth, spec, true);
        let full = spec.initial.len().min(depth);
        let locks = spec.synchronized.then(|| self.pair(name, tile, depth - full, full));
        End { objects, locks }
    }

    /// The memory that a link's FIFOs share.
    fn link<'c>(
        &mut self,
        op: OperationRef<'c, '_>,
        specs: &[Spec<'c, '_>],
        parts: &mut HashMap<(String, bool), Vec<Part>>,
    ) -> Result<'c> {
        let find = |name: &str| -> Result<'c, Vec<&Spec<'c, '_>>> {
            let names = list(op, name, symbol);
            let specs =
                names.iter().filter_map(|name| specs.iter().find(|spec| spec.name == *name));
            Ok(specs.collect())
        };
        let (ins, outs) = (find("fifoIns")?, find("fifoOuts")?);
        let (Some(&first), Some(&out)) = (ins.first(), outs.first()) else {
            return Err(fail(&op, "needs a FIFO on each side"));
        };
        let tile = out.producer;
        // The side with one FIFO has whole objects, the other their parts.
        let joins = ins.len() > 1;
        let (whole, pieces) = if joins { (out, &ins) } else { (first, &outs) };
        let consumer = |spec: &Spec| spec.consumers.iter().position(|&other| other == tile);
        let depth = match consumer(first) {
            Some(place) if !joins => first.depths[1 + place],
            _ => out.depths[0],
        };
        let forwards = pieces.len() == 1;
        let larger =
            if forwards && out.pads.is_empty() && out.len() > whole.len() { out } else { whole };
        let initial = if out.initial.is_empty() { larger } else { out };
        let name = if joins || !out.initial.is_empty() {
            out.name.clone()
        } else {
            format!("{}_cons", first.name)
        };
        let spec =
            Spec { shape: larger.shape.clone(), initial: initial.initial.clone(), ..copy(larger) };
        let objects = self.objects(&name, tile, depth, &spec, true);
        let full = spec.initial.len().min(depth);
        let mut offsets = list(op, if joins { "src_offsets" } else { "dst_offsets" }, number);
        if forwards {
            offsets = vec![0];
        }
        if offsets.len() != pieces.len() {
            return Err(fail(&op, "needs an offset for each part"));
        }
        let mut all = Vec::new();
        for (place, piece) in pieces.iter().enumerate() {
            let end = offsets.get(place + 1).copied().unwrap_or(larger.len());
            let synchronized = whole.synchronized && piece.synchronized;
            let suffix = if forwards { name.clone() } else { format!("{name}_{place}") };
            let part = Part {
                objects: objects.clone(),
                offset: offsets[place],
                len: end
                    .checked_sub(offsets[place])
                    .filter(|&len| len > 0)
                    .ok_or_else(|| fail(&op, "needs offsets that grow, within the object"))?,
                locks: synchronized.then(|| self.pair(&suffix, tile, depth - full, full)),
            };
            parts.insert((piece.name.clone(), !joins), vec![part.clone()]);
            all.push(part);
        }
        parts.insert((whole.name.clone(), joins), all);
        Ok(())
    }

    /// A FIFO that goes over a stream.
    fn stream<'c>(
        &mut self,
        spec: &Spec<'c, '_>,
        device: &Device,
        parts: &mut HashMap<(String, bool), Vec<Part>>,
    ) -> Result<'c> {
        let kind = |tile| device.tile_kind(tile);
        let mut fifo = Fifo { producer: None, consumers: Vec::new() };
        let whole = |end: &End| {
            vec![Part {
                objects: end.objects.clone(),
                offset: 0,
                len: spec.len(),
                locks: end.locks,
            }]
        };
        let source = match kind(spec.producer) {
            Some(TileKind::ShimNoc) => self.host(&spec.name, spec.producer, Direction::Mm2s),
            Some(TileKind::ShimPl) | None => {
                return Err(fail(
                    &spec.op,
                    "needs a shim tile with DMA, which its producer is not",
                ));
            }
            Some(_) => {
                let parts = match parts.remove(&(spec.name.clone(), true)) {
                    Some(parts) => parts,
                    None => {
                        let end = self.end(&spec.name, spec.producer, spec.depths[0], spec);
                        fifo.producer = Some(end.clone());
                        whole(&end)
                    }
                };
                self.fifo_channel(spec, spec.producer, Direction::Mm2s, &parts, &spec.to_stream)?
            }
        };
        let mut flow =
            Flow { source, destinations: Vec::new(), packet: None, keep_packet_header: false };
        for (place, &tile) in spec.consumers.iter().enumerate() {
            let name = match spec.consumers.len() {
                1 => format!("{}_cons", spec.name),
                _ => format!("{}_{place}_cons", spec.name),
            };
            let dims = spec.from_stream.get(place).map_or(&[][..], Vec::as_slice);
            let destination = match kind(tile) {
                Some(TileKind::ShimNoc) => self.host(&spec.name, tile, Direction::S2mm),
                Some(TileKind::ShimPl) | None => {
                    return Err(fail(
                        &spec.op,
                        "needs a shim tile with DMA, which a consumer is not",
                    ));
                }
                Some(_) => {
                    let parts = match parts.remove(&(spec.name.clone(), false)) {
                        Some(parts) => parts,
                        None => {
                            let depth = spec.depths[1 + place];
                            let objects = self.objects(&name, tile, depth, spec, false);
                            let locks = spec.synchronized.then(|| self.pair(&name, tile, depth, 0));
                            let end = End { objects, locks };
                            fifo.consumers.push((tile, end.clone()));
                            whole(&end)
                        }
                    };
                    self.fifo_channel(spec, tile, Direction::S2mm, &parts, dims)?
                }
            };
            flow.destinations.push(destination);
        }
        self.program.flows.push(flow);
        self.fifos.insert(spec.name.clone(), fifo);
        Ok(())
    }

    /// The next channel of a tile that nothing uses.
    fn free_channel(&self, tile: Tile, direction: Direction) -> u32 {
        let is_port = |port: &Port| port.tile == tile && port.bundle == Bundle::Dma;
        let flows = &self.program.flows;
        let ports: Vec<u32> = match direction {
            Direction::Mm2s => {
                flows.iter().map(|flow| flow.source).filter(is_port).map(|p| p.channel).collect()
            }
            Direction::S2mm => {
                let all = flows.iter().flat_map(|flow| flow.destinations.iter().copied());
                all.filter(is_port).map(|port| port.channel).collect()
            }
        };
        let programs =
            self.program.dmas.iter().filter(|dma| (dma.tile, dma.direction) == (tile, direction));
        let host = self
            .program
            .allocations
            .iter()
            .filter(|of| (of.tile, of.direction) == (tile, direction));
        let used: Vec<u32> = ports
            .into_iter()
            .chain(programs.map(|dma| dma.channel))
            .chain(host.map(|of| of.channel))
            .collect();
        (0..).find(|channel| !used.contains(channel)).unwrap_or(0)
    }

    /// A channel that the host's sequence knows by the FIFO's name.
    fn host(&mut self, name: &str, tile: Tile, direction: Direction) -> Port {
        let channel = self.free_channel(tile, direction);
        let name = name.to_string();
        self.program.allocations.push(Allocation { name, tile, direction, channel });
        Port { tile, bundle: Bundle::Dma, channel }
    }

    /// A channel that fills or empties objects, part by part.
    fn fifo_channel<'c>(
        &mut self,
        spec: &Spec<'c, '_>,
        tile: Tile,
        direction: Direction,
        parts: &[Part],
        dims: &[Dim],
    ) -> Result<'c, Port> {
        if parts.len() > 1 && !dims.is_empty() {
            return Err(fail(
                &spec.op,
                "rearranges what a link cuts or joins, which is not supported",
            ));
        }
        let sends = direction == Direction::Mm2s;
        let pads = if sends { spec.pads.clone() } else { Vec::new() };
        let times = if sends { spec.repeat.max(1) } else { 1 };
        let mut bds = Vec::new();
        for object in 0..parts[0].objects.len() {
            for time in 0..times {
                for part in parts {
                    let use_lock = |lock, action| UseLock { lock, action, value: 1 };
                    let (first, last) = (time == 0, time + 1 == times);
                    let locks = part
                        .locks
                        .map(|(free, full)| if sends { (full, free) } else { (free, full) });
                    let acquire = locks.filter(|_| first);
                    let release = locks.filter(|_| last);
                    let padded = |(i, dim): (usize, &Dim)| {
                        let pad = pads.get(i).copied().unwrap_or_default();
                        dim.size + pad.before + pad.after
                    };
                    let len = match dims {
                        [] => part.len,
                        dims => dims.iter().enumerate().map(padded).fold(1, usize::saturating_mul),
                    };
                    bds.push(Bd {
                        buffer: part.objects[object],
                        offset: part.offset,
                        len,
                        dims: dims.to_vec(),
                        pad: if dims.is_empty() { Vec::new() } else { pads.clone() },
                        acquire: acquire.map(|l| use_lock(l.0, LockAction::AcquireGreaterEqual)),
                        release: release.map(|l| use_lock(l.1, LockAction::Release)),
                        packet: None,
                        next: Some(bds.len() + 1),
                    });
                }
            }
        }
        // Only a memory tile counts; others take what comes.
        let device = Device::by_name(&self.program.device);
        let counts = device.is_some_and(|device| device.tile_kind(tile) == Some(TileKind::Mem));
        let iterations = spec.iterations.filter(|_| counts);
        let number = self.free_channel(tile, direction);
        let Some(last) = bds.last_mut() else {
            return Err(fail(&spec.op, "needs a depth above 0"));
        };
        last.next = iterations.is_none().then_some(0);
        self.program.dmas.push(DmaChannel {
            tile,
            direction,
            channel: number,
            repeat_count: iterations.map_or(0, |count| count.saturating_sub(1)),
            bds,
        });
        Ok(Port { tile, bundle: Bundle::Dma, channel: number })
    }
}

fn copy<'c, 'a>(spec: &Spec<'c, 'a>) -> Spec<'c, 'a> {
    Spec {
        name: spec.name.clone(),
        consumers: spec.consumers.clone(),
        depths: spec.depths.clone(),
        shape: spec.shape.clone(),
        to_stream: spec.to_stream.clone(),
        from_stream: spec.from_stream.clone(),
        pads: spec.pads.clone(),
        initial: spec.initial.clone(),
        ..*spec
    }
}

/// The tile whose memory both ends reach, if they need no stream.
fn shared(spec: &Spec, device: &Device) -> Option<Tile> {
    let &[consumer] = spec.consumers.as_slice() else { return None };
    let plain = spec.to_stream.is_empty()
        && spec.from_stream.iter().all(Vec::is_empty)
        && !spec.via_dma
        && spec.repeat == 1
        && spec.iterations.is_none();
    let is_core = |tile| device.tile_kind(tile) == Some(TileKind::Core);
    if !plain || !is_core(spec.producer) || !is_core(consumer) {
        return None;
    }
    // The producer's own memory first.
    if device.memory_reachable(consumer, spec.producer) {
        Some(spec.producer)
    } else {
        device.memory_reachable(spec.producer, consumer).then_some(consumer)
    }
}
