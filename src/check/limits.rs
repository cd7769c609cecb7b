//! What the hardware forbids and mlir-aie lets through, except what already
//! the verifiers of the dialect refuse.

use super::{At, Violation, channel_name};
use crate::{
    array::{
        Bd, Buffer, BufferId, Bundle, Core, Dim, Direction, LockAction, LockId, Pad, Port, Program,
        Stmt, Tile, UseLock,
    },
    device::{Device, TileKind, TileResources},
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Lines of a memory map that a person would still read.
const MOST_LINES: usize = 24;

/// Every violation, in the order of the program's parts.
///
/// A program for a device without a model has no limits.
///
/// `closed` says that the host does nothing to the array but what the program says.
pub fn check(program: &Program, closed: bool) -> Vec<Violation> {
    let Some(device) = Device::by_name(&program.device) else { return Vec::new() };
    let mut checker =
        Checker { program, device, closed, releasers: HashMap::new(), found: Vec::new() };
    for (at, action) in uses(program) {
        if action.action == LockAction::Release && action.value > 0 {
            checker.releasers.entry(action.lock).or_default().insert(actor(at));
        }
    }
    checker.memory();
    checker.locks();
    checker.flows();
    checker.headers();
    checker.channels();
    checker.cores();
    checker.found
}

/// A core or a channel.
type Actor = (bool, usize);

fn actor(at: At) -> Actor {
    match at {
        At::Core(core) => (true, core),
        At::Descriptor(channel, _) | At::Channel(channel) => (false, channel),
        _ => (false, usize::MAX),
    }
}

/// Every use of a lock in the program, with where it is.
fn uses(program: &Program) -> impl Iterator<Item = (At, UseLock)> {
    let of_channels = program.dmas.iter().enumerate().flat_map(|(c, channel)| {
        channel.bds.iter().enumerate().flat_map(move |(b, bd)| {
            bd.acquire.iter().chain(&bd.release).map(move |&action| (At::Descriptor(c, b), action))
        })
    });
    let of_cores = program.cores.iter().enumerate().flat_map(|(index, core)| {
        let mut found = Vec::new();
        locks_of(&core.body, &mut found);
        found.into_iter().map(move |action| (At::Core(index), action))
    });
    of_channels.chain(of_cores)
}

/// Every use of a lock in statements, loops once.
pub(super) fn locks_of(statements: &[Stmt], found: &mut Vec<UseLock>) {
    for statement in statements {
        match statement {
            Stmt::UseLock(action) => found.push(*action),
            Stmt::For { body, .. } => locks_of(body, found),
            Stmt::Call { .. } => {}
        }
    }
}

struct Checker<'a> {
    program: &'a Program,
    device: Device,
    closed: bool,
    /// Who adds to each lock.
    releasers: HashMap<LockId, HashSet<Actor>>,
    found: Vec<Violation>,
}

impl Checker<'_> {
    fn report(&mut self, at: At, message: impl ToString) {
        self.found.push(Violation::new(at, message));
    }

    fn resources(&self, tile: Tile) -> Option<(TileKind, TileResources)> {
        let kind = self.device.tile_kind(tile)?;
        Some((kind, self.device.resources(kind)))
    }

    /// Buffers of fixed address, and the stack, do not overlap; all fit.
    fn memory(&mut self) {
        let mut tiles: BTreeMap<Tile, Vec<BufferId>> = BTreeMap::new();
        for (index, buffer) in self.program.buffers.iter().enumerate() {
            if !buffer.external {
                tiles.entry(buffer.tile).or_default().push(BufferId(index));
            }
        }
        for (tile, buffers) in tiles {
            let Some((_, resources)) = self.resources(tile) else { continue };
            let stack = self.program.cores.iter().find(|core| core.tile == tile);
            let stack = stack.map_or(0, |core: &Core| core.stack_size as usize);
            let buffer = |id: BufferId| &self.program.buffers[id.0];
            // Begin, end, and whose; the stack is at the bottom.
            let mut ranges: Vec<(usize, usize, Option<BufferId>)> = buffers
                .iter()
                .filter_map(|&id| {
                    let begin = buffer(id).address? as usize;
                    Some((begin, begin + buffer(id).bytes(), Some(id)))
                })
                .collect();
            ranges.push((0, stack, None));
            ranges.sort();
            let name = |id: Option<BufferId>| match id {
                Some(id) => format!("'{}'", buffer(id).name),
                None => "the stack".to_string(),
            };
            let map = || {
                let line = |&(begin, end, id): &(usize, usize, Option<BufferId>)| {
                    format!("{begin:#07x}..{end:#07x} {}", name(id))
                };
                let mut lines: Vec<String> = ranges.iter().map(line).collect();
                for &id in buffers.iter().filter(|&&id| buffer(id).address.is_none()) {
                    lines.push(format!("{} bytes anywhere {}", buffer(id).bytes(), name(Some(id))));
                }
                let more = lines.len().saturating_sub(MOST_LINES);
                lines.truncate(MOST_LINES);
                if more > 0 {
                    lines.push(format!("and {more} more"));
                }
                vec![format!("memory of {tile}:\n  {}", lines.join("\n  "))]
            };
            let mut found = Vec::new();
            let mut furthest = (0, None);
            for &(begin, end, id) in ranges.iter().filter(|(begin, end, _)| begin < end) {
                if begin < furthest.0 {
                    let (mine, other) =
                        if id.is_none() { (furthest.1, id) } else { (id, furthest.1) };
                    if let Some(at) = mine {
                        let message = format!("overlaps {} in the memory of {tile}", name(other));
                        found.push(Violation { at: At::Buffer(at), message, notes: map() });
                    }
                }
                if end > furthest.0 {
                    furthest = (end, id);
                }
            }
            let total = stack + buffers.iter().map(|&id| buffer(id).bytes()).sum::<usize>();
            let most = resources.memory_bytes as usize;
            if let Some(&last) = buffers.last()
                && total > most
                && found.is_empty()
            {
                let message =
                    format!("is one too many: {tile} needs {total} bytes, its memory has {most}");
                found.push(Violation { at: At::Buffer(last), message, notes: map() });
            }
            self.found.extend(found);
        }
    }

    fn locks(&mut self) {
        let mut count: HashMap<Tile, u32> = HashMap::new();
        let mut ids = HashMap::new();
        for (index, lock) in self.program.locks.iter().enumerate() {
            let at = At::Lock(LockId(index));
            let Some((_, resources)) = self.resources(lock.tile) else { continue };
            let count = count.entry(lock.tile).or_default();
            *count += 1;
            if *count == resources.locks + 1 {
                self.report(
                    at,
                    format_args!("is one too many: {} has {} locks", lock.tile, resources.locks),
                );
            }
            if let Some(id) = lock.id
                && let Some(other) = ids.insert((lock.tile, id), &lock.name)
            {
                self.report(at, format_args!("has the id {id} of lock '{other}' of {}", lock.tile));
            }
        }
        let uses: Vec<(At, UseLock)> = uses(self.program).collect();
        for (at, action) in uses {
            let lock = &self.program.locks[action.lock.0];
            let Some((_, resources)) = self.resources(lock.tile) else { continue };
            let most = resources.max_lock_value;
            if !u32::try_from(action.value).is_ok_and(|value| value <= most) {
                let verb =
                    if action.action == LockAction::Release { "releases" } else { "acquires" };
                self.report(
                    at,
                    format_args!(
                        "{verb} {} of lock '{}', which holds 0 to {most}",
                        action.value, lock.name
                    ),
                );
            }
            // A host may release a lock that it knows by name or number.
            if action.action == LockAction::AcquireGreaterEqual
                && action.value > lock.initial
                && (self.closed || lock.name.is_empty() && lock.id.is_none())
                && !self.releasers.contains_key(&action.lock)
            {
                self.report(
                    at,
                    format_args!(
                        "waits for {} of lock '{}', which begins at {} and which nobody releases",
                        action.value, lock.name, lock.initial
                    ),
                );
            }
            // A gate that the host opens and closes is what exact acquires are for.
            let others = self.releasers.get(&action.lock);
            let others = others.is_some_and(|all| all.iter().any(|&other| other != actor(at)));
            if action.action == LockAction::AcquireEqual && others {
                self.report(
                    at,
                    format_args!(
                        "waits until lock '{}' is exactly {} and takes nothing of it, but what releases it adds: \
                         use 'AcquireGreaterEqual'",
                        lock.name, action.value
                    ),
                );
            }
        }
    }

    /// A switch port carries either a circuit or packets.
    fn flows(&mut self) {
        let mut ports: HashMap<(bool, Port), bool> = HashMap::new();
        for (index, flow) in self.program.flows.iter().enumerate() {
            let packets = flow.packet.is_some();
            let ends = flow.destinations.iter().map(|&port| (false, port));
            for (is_source, port) in std::iter::once((true, flow.source)).chain(ends) {
                if *ports.entry((is_source, port)).or_insert(packets) != packets {
                    let end = if is_source { "source" } else { "destination" };
                    self.report(
                        At::Flow(index),
                        format_args!(
                            "has a {end} in {} that both a flow and a packet flow use",
                            port.tile
                        ),
                    );
                }
            }
        }
    }

    /// Packets have a header, and it leads somewhere.
    fn headers(&mut self) {
        for (index, channel) in self.program.dmas.iter().enumerate() {
            let port = Port { tile: channel.tile, bundle: Bundle::Dma, channel: channel.channel };
            let flows = self.program.flows.iter().filter(|flow| flow.source == port);
            let ids: Vec<u8> = flows.filter_map(|flow| flow.packet).collect();
            if channel.direction == Direction::S2mm || ids.is_empty() {
                continue;
            }
            for (number, bd) in channel.bds.iter().enumerate() {
                if let Some(packet) = bd.packet.filter(|packet| !ids.contains(&packet.id)) {
                    self.report(
                        At::Descriptor(index, number),
                        format_args!(
                            "sends packets of id {}, of which no packet flow from here is",
                            packet.id
                        ),
                    );
                }
            }
        }
    }

    fn channels(&mut self) {
        let mut seen: HashMap<_, (u32, bool)> = HashMap::new();
        // Per tile and pool of ids; only a memory tile has two pools.
        let mut count: HashMap<(Tile, u32), u32> = HashMap::new();
        for (index, channel) in self.program.dmas.iter().enumerate() {
            let tile = channel.tile;
            let Some((kind, resources)) = self.resources(tile) else { continue };
            let at = At::Channel(index);
            // Programs of a channel wait for each other in its queue.
            let endless =
                channel.bds.iter().enumerate().any(|(i, bd)| bd.next.is_some_and(|next| next <= i));
            let (before, held) =
                seen.entry((tile, channel.direction, channel.channel)).or_insert((0, false));
            let (before, held) =
                (std::mem::replace(before, *before + 1), std::mem::replace(held, *held || endless));
            if held {
                let name = channel_name(channel);
                self.report(
                    at,
                    format_args!("is the second program of {name}, behind one that has no end"),
                );
            } else if before > self.device.dma_tasks {
                let (name, most) = (channel_name(channel), self.device.dma_tasks);
                self.report(
                    at,
                    format_args!("is one program of {name} too many: {most} wait behind the first"),
                );
            }
            if channel.repeat_count > resources.bd.max_repeat {
                self.report(
                    at,
                    format_args!(
                        "repeats {} times, at most {} are possible",
                        channel.repeat_count, resources.bd.max_repeat
                    ),
                );
            }
            let ids = self.device.bd_ids(kind, channel.channel);
            let pool = count.entry((tile, ids.start)).or_default();
            let before = *pool;
            *pool += channel.bds.len() as u32;
            let (after, most) = (*pool, ids.len() as u32);
            if before <= most && after > most {
                let whose = match (kind, channel.channel % 2) {
                    (TileKind::Mem, 0) => "the even channels of ",
                    (TileKind::Mem, _) => "the odd channels of ",
                    _ => "",
                };
                self.report(
                    at,
                    format_args!("needs {after} buffer descriptors, {whose}{tile} have {most}"),
                );
            }
            for (number, bd) in channel.bds.iter().enumerate() {
                let buffer = &self.program.buffers[bd.buffer.0];
                for message in descriptor(bd, buffer, channel.direction, kind, &resources) {
                    self.report(At::Descriptor(index, number), message);
                }
            }
        }
    }

    fn cores(&mut self) {
        let mut seen = HashSet::new();
        for (index, core) in self.program.cores.iter().enumerate() {
            if !seen.insert(core.tile) {
                self.report(At::Core(index), format_args!("is the second core of {}", core.tile));
            }
        }
    }
}

/// Whether a pattern walks elements one after the other. Of a shim tile mlir-aie makes it a walk
/// without dimensions, which needs no field but the length.
fn is_linear(dims: &[Dim]) -> bool {
    let mut next = 1;
    dims.iter().rev().all(|dim| {
        let follows = dim.size == 1 || dim.stride == next;
        next = next.saturating_mul(dim.size);
        follows
    })
}

/// What is wrong with one descriptor.
pub(crate) fn descriptor(
    bd: &Bd,
    buffer: &Buffer,
    direction: Direction,
    kind: TileKind,
    resources: &TileResources,
) -> Vec<String> {
    let mut found = Vec::new();
    let fields = resources.bd;
    let bytes = buffer.element.bytes();
    // Sizes and strides are in elements, the fields count words of 4 bytes.
    let words = |elements: usize| elements.saturating_mul(bytes).div_ceil(4);
    let partial = |elements: usize| !elements.saturating_mul(bytes).is_multiple_of(4);
    let pad = |i: usize| bd.pad.get(i).copied().unwrap_or_default();

    let product = bd.dims.iter().enumerate().fold(1usize, |product, (i, dim)| {
        product.saturating_mul(dim.size + pad(i).before + pad(i).after)
    });
    if !bd.dims.is_empty() && product != bd.len {
        found.push(format!("has dimensions of {product} elements, but moves {}", bd.len));
    }
    let begin = buffer.address.unwrap_or(0) as usize + bd.offset.saturating_mul(bytes);
    if !begin.is_multiple_of(4) {
        found.push(format!("begins at byte {begin}, which is not the begin of a word of 4 bytes"));
    }
    if words(bd.len) > fields.max_length as usize {
        found.push(format!(
            "moves {} words of 4 bytes, at most {} are possible",
            words(bd.len),
            fields.max_length
        ));
    }
    let is_shim = matches!(kind, TileKind::ShimNoc | TileKind::ShimPl);
    let count = if is_shim && is_linear(&bd.dims) { 0 } else { bd.dims.len() };
    for (i, dim) in bd.dims.iter().take(count).enumerate() {
        let inner = i + 1 == count;
        if inner && partial(dim.size) {
            found.push(format!(
                "has an innermost size of {} elements of {bytes} bytes, which are not whole words of 4 bytes",
                dim.size
            ));
        }
        if !inner && dim.size > 1 && partial(dim.stride) {
            found.push(format!(
                "has a stride of {} elements of {bytes} bytes, which are not whole words of 4 bytes",
                dim.stride
            ));
        }
        // The outermost size has no field of its own, but aie-rt refuses it all the same.
        let size = if inner { words(dim.size) } else { dim.size };
        if size > fields.max_wrap as usize {
            let unit = if inner { " words" } else { "" };
            found.push(format!(
                "has a dimension of {size}{unit}, at most {} are possible",
                fields.max_wrap
            ));
        }
        let step = if inner && bytes < 4 { 1 } else { words(dim.stride) };
        if dim.size > 1 && step > fields.max_step as usize {
            found.push(format!(
                "has a stride of {step} words, at most {} are possible",
                fields.max_step
            ));
        }
        let Pad { before, after } = pad(i);
        if inner && (partial(before) || partial(after)) {
            found.push("has an innermost padding that is not whole words of 4 bytes".into());
        }
        if kind == TileKind::Mem && direction == Direction::Mm2s {
            let most = fields.max_padding.get(count - 1 - i).copied().unwrap_or(0) as usize;
            for (elements, side) in [(before, "before"), (after, "after")] {
                let padding = if inner { words(elements) } else { elements };
                if padding > most {
                    let unit = if inner { " words" } else { "" };
                    found.push(format!(
                        "has a padding of {padding}{unit} {side} dimension {i}, at most {most} are possible"
                    ));
                }
            }
        }
    }
    match (bd.acquire.is_some(), bd.release.is_some()) {
        (true, false) => found
            .push("acquires a lock, but releases none: a descriptor has both or neither".into()),
        (false, true) => found
            .push("releases a lock, but acquires none: a descriptor has both or neither".into()),
        _ => {}
    }
    found
}
