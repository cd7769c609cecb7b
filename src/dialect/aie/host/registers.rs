//! What a host does to the array register by register: mlir-aie's last form of a sequence.
//!
//! Words of descriptors are kept as they are written. When a task is queued, they are read as
//! the chain that it runs.

use super::{
    super::read::{Reader, natural},
    integer, unsigned,
};
use crate::{
    array::{
        Bd, Buffer, BufferId, Dim, Element, Lock, LockAction, LockId, Step, Task, TaskChannel,
        Tile, UseLock,
    },
    device::{
        Device, TileKind,
        registers::{Descriptor, QueuedTask, Register, WORDS, place_of, register_at},
    },
    mlir::diagnostic::{Result, fail},
};
use melior::ir::OperationRef;
use std::collections::HashMap;

type Words = [u32; WORDS as usize];

/// Descriptors that the host has written.
#[derive(Default)]
pub(in crate::dialect::aie) struct Registers {
    words: HashMap<(Tile, u32), Words>,
    /// The host's memory of a descriptor of a shim tile: an argument, and a byte in it.
    patches: HashMap<(Tile, u32), (usize, usize)>,
}

impl Registers {
    /// Writes words of descriptors, from a word of one on.
    pub fn write(&mut self, tile: Tile, id: u32, word: u32, values: &[u32]) {
        for (place, &value) in (id * WORDS + word..).zip(values) {
            let words = self.words.entry((tile, place / WORDS)).or_default();
            words[(place % WORDS) as usize] = value;
        }
    }
}

pub(super) fn kind_of<'c>(
    reader: &Reader,
    op: OperationRef<'c, '_>,
    tile: Tile,
) -> Result<'c, TileKind> {
    let device = Device::by_name(&reader.program.device);
    let of = |kind: fn(&Device, Tile) -> Option<TileKind>| {
        device.as_ref().and_then(|device| kind(device, tile))
    };
    if of(Device::tile_kind).is_none() {
        return Err(fail(&op, format_args!("names {tile}, which is not there")));
    }
    of(Device::registers_of).ok_or_else(|| {
        let device = &reader.program.device;
        let what = format_args!(
            "is about registers of {tile}, which are not known of {device}: copy with 'aiex.npu.dma_memcpy_nd' instead"
        );
        fail(&op, what)
    })
}

/// `aiex.npu.writebd`
pub(super) fn write_descriptor<'c>(reader: &mut Reader, op: OperationRef<'c, '_>) -> Result<'c> {
    let tile = Tile { column: natural(op, "column")?, row: natural(op, "row")? };
    let words = words_of(op, kind_of(reader, op, tile)?);
    reader.registers.write(tile, natural(op, "bd_id")?, 0, &words);
    Ok(())
}

/// `aiex.npu.address_patch`
pub(super) fn patch<'c>(reader: &mut Reader, op: OperationRef<'c, '_>) -> Result<'c> {
    let (tile, address) = place_of(unsigned(op, "addr")?);
    let Some(Register::Descriptor { id, .. }) = register_at(kind_of(reader, op, tile)?, address)
    else {
        return Err(fail(&op, "patches no descriptor"));
    };
    let memory = (natural(op, "arg_idx")? as usize, natural(op, "arg_plus")? as usize);
    reader.registers.patches.insert((tile, id), memory);
    Ok(())
}

/// The words of `aiex.npu.writebd`: of each a list of fields, their lowest bit and width.
fn words_of(op: OperationRef, kind: TileKind) -> Words {
    let mut words = [0; WORDS as usize];
    let mut put = |word: usize, fields: &[(&str, u32, u32)]| {
        for &(name, low, bits) in fields {
            let value = integer(op, name).unwrap_or_default() as u32;
            words[word] |= if bits >= 32 { value } else { (value & ((1 << bits) - 1)) << low };
        }
    };
    let packet = [("enable_packet", 30, 1), ("packet_id", 19, 5), ("packet_type", 16, 3)];
    let end = [
        ("next_bd", 27, 4),
        ("use_next_bd", 26, 1),
        ("lock_rel_val", 18, 7),
        ("lock_rel_id", 13, 4),
        ("lock_acq_enable", 12, 1),
        ("lock_acq_val", 5, 7),
        ("lock_acq_id", 0, 4),
    ];
    let iteration = |low: u32, bits: u32| {
        [
            ("iteration_current", low + 6, 6),
            ("iteration_size", low, 6),
            ("iteration_stride", 0, bits),
        ]
    };
    match kind {
        TileKind::ShimNoc | TileKind::ShimPl => {
            put(0, &[("buffer_length", 0, 32)]);
            put(1, &[("buffer_offset", 0, 32)]);
            put(2, &packet);
            put(3, &[("d0_size", 20, 10), ("d0_stride", 0, 20)]);
            put(4, &[("d1_size", 20, 10), ("d1_stride", 0, 20)]);
            put(5, &[("d2_stride", 0, 20)]);
            put(6, &iteration(20, 20));
            put(7, &end);
        }
        TileKind::Mem => {
            put(0, &[("enable_packet", 31, 1), ("packet_type", 28, 3), ("packet_id", 23, 5)]);
            put(0, &[("buffer_length", 0, 17)]);
            put(1, &[("d0_zero_before", 26, 6), ("next_bd", 20, 6), ("use_next_bd", 19, 1)]);
            put(1, &[("buffer_offset", 0, 19)]);
            put(2, &[("d0_size", 17, 10), ("d0_stride", 0, 17)]);
            put(3, &[("d1_zero_before", 27, 5), ("d1_size", 17, 10), ("d1_stride", 0, 17)]);
            put(4, &[("d2_zero_before", 27, 4), ("d2_size", 17, 10), ("d2_stride", 0, 17)]);
            put(5, &[("d2_zero_after", 28, 4), ("d1_zero_after", 23, 5), ("d0_zero_after", 17, 6)]);
            put(6, &iteration(17, 17));
            put(7, &[("lock_rel_val", 24, 7), ("lock_rel_id", 16, 8), ("lock_acq_enable", 15, 1)]);
            put(7, &[("lock_acq_val", 8, 7), ("lock_acq_id", 0, 8)]);
        }
        TileKind::Core => {
            put(0, &[("buffer_length", 0, 14)]);
            put(1, &packet);
            put(2, &[("d1_stride", 13, 13), ("d0_stride", 0, 13)]);
            put(3, &[("d1_size", 21, 8), ("d0_size", 13, 8), ("d2_stride", 0, 13)]);
            put(4, &iteration(13, 13));
            put(5, &end);
            // The offset is in bytes, its field in words.
            let offset = integer(op, "buffer_offset").unwrap_or_default() as u32;
            words[0] |= ((offset / 4) & 0x3fff) << 14;
        }
    }
    words
}

/// The step that queues a task.
pub(super) fn start<'c>(
    reader: &mut Reader,
    op: OperationRef<'c, '_>,
    arguments: &[BufferId],
    channel: TaskChannel,
    task: QueuedTask,
) -> Result<'c, Step> {
    let mut chain: Vec<Bd> = Vec::new();
    let mut places: HashMap<u32, usize> = HashMap::new();
    let (mut id, mut iteration) = (task.descriptor, None);
    loop {
        places.insert(id, chain.len());
        let (raw, mut bd) = descriptor(reader, op, arguments, channel.tile, id)?;
        let known = raw.next.map(|next| (next, places.get(&next).copied()));
        bd.next = known.map(|(_, place)| place.unwrap_or(chain.len() + 1));
        iteration.get_or_insert(raw.iteration);
        chain.push(bd);
        match known {
            Some((next, None)) => id = next,
            _ => break,
        }
    }
    let mut repeat_count = task.repeat_count;
    let (runs, step, begin) = iteration.unwrap_or_default();
    if repeat_count > 0 && runs > 1 {
        let [bd] = chain.as_slice() else {
            return Err(fail(&op, "repeats a chain whose offsets grow, which is not supported"));
        };
        let bytes = reader.program.buffers[bd.buffer.0].element.bytes();
        let one = |run: u32| Bd {
            offset: bd.offset + ((begin + run) % runs * step) as usize * 4 / bytes,
            next: (run < repeat_count).then_some(run as usize + 1),
            ..bd.clone()
        };
        chain = (0..=repeat_count).map(one).collect();
        repeat_count = 0;
    }
    Ok(Step::Start(Task { channel, chain, repeat_count, issue_token: task.issue_token }))
}

/// A written descriptor: what its registers say, and what it moves.
fn descriptor<'c>(
    reader: &mut Reader,
    op: OperationRef<'c, '_>,
    arguments: &[BufferId],
    tile: Tile,
    id: u32,
) -> Result<'c, (Descriptor, Bd)> {
    let kind = kind_of(reader, op, tile)?;
    let words = reader.registers.words.get(&(tile, id)).ok_or_else(|| {
        fail(&op, format_args!("starts descriptor {id} of {tile}, which was not written"))
    })?;
    let raw = Descriptor::of(kind, words);
    if raw.pads {
        return Err(fail(&op, "starts a descriptor that pads, which is not supported"));
    }
    let place = match reader.registers.patches.get(&(tile, id)) {
        Some(&(argument, byte)) => arguments.get(argument).map(|&buffer| (buffer, byte)),
        None => memory(reader, tile, kind, raw.address),
    };
    let (buffer, byte) = place.ok_or_else(|| {
        let address = raw.address;
        fail(
            &op,
            format_args!("moves address {address:#x} of {tile}, where no buffer is known to be"),
        )
    })?;
    let bytes = reader.program.buffers[buffer.0].element.bytes();
    let walk = raw.walk().filter(|_| bytes <= 4 && byte.is_multiple_of(bytes));
    let walk = walk.ok_or_else(|| fail(&op, "walks memory in a way that is not supported"))?;
    // Elements of a word.
    let unit = 4 / bytes;
    let dim =
        |&(size, step): &(u32, u32)| Dim { size: size as usize, stride: step as usize * unit };
    let mut dims: Vec<Dim> = walk.iter().map(dim).collect();
    match dims.last_mut() {
        Some(last) if last.stride == unit => *last = Dim { size: last.size * unit, stride: 1 },
        Some(_) if unit > 1 => dims.push(Dim { size: unit, stride: 1 }),
        _ => {}
    }
    let mut action = |lock: Option<(u32, i32)>, releases: bool| {
        let (number, value) = lock?;
        let action = match value {
            _ if releases => LockAction::Release,
            ..0 => LockAction::AcquireGreaterEqual,
            _ => LockAction::AcquireEqual,
        };
        Some(UseLock { lock: self::lock(reader, tile, kind, number), action, value: value.abs() })
    };
    let bd = Bd {
        buffer,
        offset: byte / bytes,
        len: raw.length as usize * unit,
        dims,
        pad: Vec::new(),
        acquire: action(raw.acquire, false),
        release: action(raw.release, true),
        packet: raw.packet,
        next: None,
    };
    Ok((raw, bd))
}

/// The tile that a part of a memory tile's view shows: its west neighbor, itself, its east one. In
/// the first column, which has no west neighbor, the first part shows the tile itself.
fn neighbor(tile: Tile, part: u32) -> Tile {
    let column = match part {
        0 => tile.column.saturating_sub(1),
        2 => tile.column + 1,
        _ => tile.column,
    };
    Tile { column, ..tile }
}

/// The buffer at an address, and the byte in it.
fn memory(
    reader: &mut Reader,
    tile: Tile,
    kind: TileKind,
    address: u32,
) -> Option<(BufferId, usize)> {
    let window = 0x8_0000;
    let (tile, address) = match kind {
        TileKind::Mem => (neighbor(tile, address / window), address % window),
        TileKind::Core => (tile, address),
        TileKind::ShimNoc | TileKind::ShimPl => return None,
    };
    // A tile whose memory the design does not divide is one buffer.
    let is_whole =
        reader.program.buffers.iter().all(|buffer| buffer.external || buffer.tile != tile);
    if is_whole && let Some(device) = Device::by_name(&reader.program.device) {
        let kind = device.tile_kind(tile)?;
        let index = reader.program.buffers.len();
        reader.program.buffers.push(Buffer {
            tile,
            name: format!("memory_{}_{}", tile.column, tile.row),
            shape: vec![device.resources(kind).memory_bytes as usize / 4],
            element: Element::I32,
            address: Some(0),
            initial: None,
            external: false,
        });
        reader.addresses.insert(index, 0);
    }
    reader.memory_at(tile, address)
}

/// The lock of that number, as a descriptor of the tile sees it.
fn lock(reader: &mut Reader, tile: Tile, kind: TileKind, number: u32) -> LockId {
    let (tile, id) = match kind {
        TileKind::Mem => (neighbor(tile, number / 64), number % 64),
        _ => (tile, number),
    };
    let locks = &mut reader.program.locks;
    let is_it = |lock: &Lock| lock.tile == tile && lock.id == Some(id);
    LockId(locks.iter().position(is_it).unwrap_or_else(|| {
        let name = format!("lock_{}_{}_{id}", tile.column, tile.row);
        locks.push(Lock { tile, name, id: Some(id), initial: 0 });
        locks.len() - 1
    }))
}
