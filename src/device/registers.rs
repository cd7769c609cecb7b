//! The registers of a tile by which a host drives it: locks, buffer
//! descriptors and task queues of its DMA.
//!
//! Source: AM025, the register reference of AIE-ML (`Lock0_value`, `DMA_BD0_0`,
//! `DMA_S2MM_0_Ctrl`, `DMA_S2MM_0_Start_Queue` and on). Addresses are within a
//! tile; in the address space of the array, bits 20 to 24 are its row and
//! those above its column.

use super::{Device, Generation, TileKind};
use crate::array::{Direction, Packet, Tile};

/// Words of a descriptor, as far as they are addressed.
pub const WORDS: u32 = 8;

/// What a register is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Register {
    /// The value of a lock.
    Lock(u32),
    /// A word of a descriptor.
    Descriptor { id: u32, word: u32 },
    /// Settings of a channel, such as who gets its tokens.
    Control,
    /// Writing it queues a task on a channel.
    Queue { direction: Direction, channel: u32 },
    /// Timers, events and traces, which observe and change nothing.
    Observation,
}

impl Device {
    /// The kind of a tile whose registers these are: of any but the interface tiles of AIE-MLv2 on
    /// Versal, which have theirs at other addresses, and longer descriptors (target model of
    /// mlir-aie's pull request 3593).
    pub fn registers_of(&self, tile: Tile) -> Option<TileKind> {
        let versal_v2 = self.generation == Generation::AieMlV2 && !self.plio_columns().is_empty();
        self.tile_kind(tile).filter(|_| tile.row > 0 || !versal_v2)
    }
}

/// The tile of an address of the array, and the address within.
pub fn place_of(address: u32) -> (Tile, u32) {
    let tile = Tile { column: address >> 25, row: address >> 20 & 0x1f };
    (tile, address & 0xf_ffff)
}

/// The register at an address of a tile; `None` if it is another.
pub fn register_at(kind: TileKind, address: u32) -> Option<Register> {
    // Where locks, descriptors and channels begin, and how many there are.
    let (locks, lock_count, bds, bd_count, channels, channel_count) = match kind {
        TileKind::Core => (0x1f000, 16, 0x1d000, 16, 0x1de00, 2),
        TileKind::Mem => (0xc0000, 64, 0xa0000, 48, 0xa0600, 6),
        TileKind::ShimNoc => (0x14000, 16, 0x1d000, 16, 0x1d200, 2),
        TileKind::ShimPl => return None,
    };
    let within = |first: u32, step: u32, count: u32| {
        let offset = address.checked_sub(first)?;
        (offset / step < count).then_some((offset / step, offset % step))
    };
    if let Some((id, 0)) = within(locks, 16, lock_count) {
        return Some(Register::Lock(id));
    }
    if let Some((id, byte)) = within(bds, 4 * WORDS, bd_count) {
        return byte.is_multiple_of(4).then_some(Register::Descriptor { id, word: byte / 4 });
    }
    // First all into memory, then all out of it; of each its settings, then its queue.
    if let Some((place, byte)) = within(channels, 8, 2 * channel_count) {
        let direction = if place < channel_count { Direction::S2mm } else { Direction::Mm2s };
        let queue = Register::Queue { direction, channel: place % channel_count };
        return Some(if byte == 4 { queue } else { Register::Control });
    }
    let observes = match kind {
        TileKind::Core => {
            (0x14000..0x15000).contains(&address) || (0x34000..0x35000).contains(&address)
        }
        TileKind::Mem => (0x94000..0x95000).contains(&address),
        TileKind::ShimNoc | TileKind::ShimPl => (0x34000..0x35000).contains(&address),
    };
    observes.then_some(Register::Observation)
}

/// A task as it is written to a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueuedTask {
    pub descriptor: u32,
    pub repeat_count: u32,
    pub issue_token: bool,
}

impl QueuedTask {
    pub fn of(kind: TileKind, value: u32) -> QueuedTask {
        let ids = if kind == TileKind::Mem { 0x3f } else { 0xf };
        QueuedTask {
            descriptor: value & ids,
            repeat_count: value >> 16 & 0xff,
            issue_token: value >> 31 == 1,
        }
    }
}

/// A descriptor as its registers say it. Lengths and steps are in words of 4 bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Descriptor {
    pub length: u32,
    /// In bytes: of the tile's address space, or what a host's memory is patched with.
    pub address: u32,
    pub packet: Option<Packet>,
    /// Size and step of each dimension, innermost first; size 0 is all that is left.
    pub dims: Vec<(u32, u32)>,
    pub pads: bool,
    /// Runs until the offset begins again, its step, and the run that is next.
    pub iteration: (u32, u32, u32),
    pub next: Option<u32>,
    /// A lock's number and what is waited for: at least so many if it is negative, else exactly.
    pub acquire: Option<(u32, i32)>,
    pub release: Option<(u32, i32)>,
}

impl Descriptor {
    /// Reads the words of a descriptor.
    pub fn of(kind: TileKind, words: &[u32; WORDS as usize]) -> Descriptor {
        let field = |word: usize, low: u32, bits: u32| words[word] >> low & ((1 << bits) - 1);
        // Locks at the end of the last word are alike but for the width of a number.
        let locks = |word: usize,
                     (rel_value, rel_id, enable, acq_value): (u32, u32, u32, u32),
                     bits| {
            let signed = |value: u32| (value << 25) as i32 >> 25;
            let acquire = (field(word, 0, bits), signed(field(word, acq_value, 7)));
            let release = (field(word, rel_id, bits), signed(field(word, rel_value, 7)));
            ((field(word, enable, 1) == 1).then_some(acquire), (release.1 != 0).then_some(release))
        };
        let packet = |word: usize, enable: u32, id: u32, kind: u32| {
            let packet = Packet { kind: field(word, kind, 3) as u8, id: field(word, id, 5) as u8 };
            (field(word, enable, 1) == 1).then_some(packet)
        };
        match kind {
            TileKind::ShimNoc | TileKind::ShimPl => {
                let (acquire, release) = locks(7, (18, 13, 12, 5), 4);
                Descriptor {
                    length: words[0],
                    address: words[1],
                    packet: packet(2, 30, 19, 16),
                    dims: vec![
                        (field(3, 20, 10), field(3, 0, 20) + 1),
                        (field(4, 20, 10), field(4, 0, 20) + 1),
                        (0, field(5, 0, 20) + 1),
                    ],
                    pads: false,
                    iteration: (field(6, 20, 6) + 1, field(6, 0, 20) + 1, field(6, 26, 6)),
                    next: (field(7, 26, 1) == 1).then_some(field(7, 27, 4)),
                    acquire,
                    release,
                }
            }
            TileKind::Mem => {
                let (acquire, release) = locks(7, (24, 16, 15, 8), 8);
                let zeros = [field(1, 26, 6), field(3, 27, 5), field(4, 27, 4), words[5] >> 17];
                Descriptor {
                    length: field(0, 0, 17),
                    address: 4 * field(1, 0, 19),
                    packet: packet(0, 31, 23, 28),
                    dims: vec![
                        (field(2, 17, 10), field(2, 0, 17) + 1),
                        (field(3, 17, 10), field(3, 0, 17) + 1),
                        (field(4, 17, 10), field(4, 0, 17) + 1),
                        (0, field(5, 0, 17) + 1),
                    ],
                    pads: zeros != [0; 4],
                    iteration: (field(6, 17, 6) + 1, field(6, 0, 17) + 1, field(6, 23, 6)),
                    next: (field(1, 19, 1) == 1).then_some(field(1, 20, 6)),
                    acquire,
                    release,
                }
            }
            TileKind::Core => {
                let (acquire, release) = locks(5, (18, 13, 12, 5), 4);
                Descriptor {
                    length: field(0, 0, 14),
                    address: 4 * field(0, 14, 14),
                    packet: packet(1, 30, 19, 16),
                    dims: vec![
                        (field(3, 13, 8), field(2, 0, 13) + 1),
                        (field(3, 21, 8), field(2, 13, 13) + 1),
                        (0, field(3, 0, 13) + 1),
                    ],
                    pads: false,
                    iteration: (field(4, 13, 6) + 1, field(4, 0, 13) + 1, field(4, 19, 6)),
                    next: (field(5, 26, 1) == 1).then_some(field(5, 27, 4)),
                    acquire,
                    release,
                }
            }
        }
    }

    /// The dimensions as sizes and steps in words, outermost first; none if words follow each
    /// other. `None` if the sizes do not divide the length.
    pub fn walk(&self) -> Option<Vec<(u32, u32)>> {
        let mut walk = Vec::new();
        let mut left = self.length;
        for &(size, step) in &self.dims {
            let size = if size == 0 { left } else { size };
            if left == 1 && !walk.is_empty() {
                break;
            }
            if size == 0 || !left.is_multiple_of(size) {
                return None;
            }
            left /= size;
            walk.push((size, step));
        }
        walk.reverse();
        let is_linear = matches!(walk.as_slice(), [(_, 1)]);
        (left == 1).then_some(if is_linear { Vec::new() } else { walk })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_registers() {
        let at = register_at;
        assert_eq!(at(TileKind::Core, 0x1f030), Some(Register::Lock(3)));
        assert_eq!(at(TileKind::Core, 0x1f034), None);
        assert_eq!(at(TileKind::Mem, 0xa0024), Some(Register::Descriptor { id: 1, word: 1 }));
        let queue = Register::Queue { direction: Direction::Mm2s, channel: 0 };
        assert_eq!(at(TileKind::ShimNoc, 0x1d214), Some(queue));
        assert_eq!(at(TileKind::Mem, 0xa0634), Some(queue));
        assert_eq!(at(TileKind::Core, 0x1de14), Some(queue));
        assert_eq!(at(TileKind::ShimNoc, 0x1d200), Some(Register::Control));
        assert_eq!(at(TileKind::Core, 0x340d0), Some(Register::Observation));
        assert_eq!(at(TileKind::Core, 0x32000), None);
        assert_eq!(place_of(0x0411_f030), (Tile { column: 2, row: 1 }, 0x1f030));
    }

    #[test]
    fn reads_descriptors() {
        // 16 words from byte 64 on; waits for at least 1 of lock 2, adds 1 to lock 3, goes on at 5.
        let words = [
            16 << 14 | 16,
            0,
            0,
            0,
            0,
            5 << 27 | 1 << 26 | 1 << 18 | 3 << 13 | 1 << 12 | 0x7f << 5 | 2,
            0,
            0,
        ];
        let bd = Descriptor::of(TileKind::Core, &words);
        assert_eq!((bd.length, bd.address, bd.next), (16, 64, Some(5)));
        assert_eq!((bd.acquire, bd.release), (Some((2, -1)), Some((3, 1))));
        assert_eq!(bd.walk(), Some(Vec::new()));
        // 4 rows of 8 words, 32 apart; own lock 0 of a memory tile.
        let words = [32, 0, 8 << 17, 31, 0, 0, 0, 1 << 15 | 1 << 8 | 64];
        let bd = Descriptor::of(TileKind::Mem, &words);
        assert_eq!(bd.walk(), Some(vec![(4, 32), (8, 1)]));
        assert_eq!(bd.acquire, Some((64, 1)));
        let broken = Descriptor { length: 30, ..bd };
        assert_eq!(broken.walk(), None);
    }

    #[test]
    fn reads_tasks() {
        let task = QueuedTask::of(TileKind::ShimNoc, 0x8003_0015);
        assert_eq!(task, QueuedTask { descriptor: 5, repeat_count: 3, issue_token: true });
        assert_eq!(QueuedTask::of(TileKind::Mem, 0x15).descriptor, 0x15);
    }
}
