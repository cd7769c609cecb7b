//! What a tile has of locks, descriptors and memory.

use super::{NoProgram, Result};
use crate::{
    array::{Program, Tile},
    device::Device,
};
use std::collections::BTreeMap;

/// Every tile has the locks, descriptors and memory that the program takes.
pub(super) fn check(program: &Program, device: &Device) -> Result<()> {
    #[derive(Default)]
    struct Use {
        locks: usize,
        /// Descriptors of even and odd channels.
        descriptors: [usize; 2],
        bytes: usize,
    }
    let mut tiles: BTreeMap<Tile, Use> = BTreeMap::new();
    for lock in &program.locks {
        tiles.entry(lock.tile).or_default().locks += 1;
    }
    for buffer in program.buffers.iter().filter(|buffer| !buffer.external) {
        tiles.entry(buffer.tile).or_default().bytes += buffer.bytes();
    }
    for dma in &program.dmas {
        tiles.entry(dma.tile).or_default().descriptors[dma.channel as usize % 2] += dma.bds.len();
    }
    for core in &program.cores {
        tiles.entry(core.tile).or_default().bytes += core.stack_size as usize;
    }
    for (tile, used) in tiles {
        let Some(kind) = device.tile_kind(tile) else {
            return Err(NoProgram {
                layer: None,
                message: format!("uses {tile}, which {} lacks", device.name),
            });
        };
        let resources = device.resources(kind);
        let exceeds = |what: &str, used: usize, exist: usize| {
            (used > exist).then(|| NoProgram {
                layer: None,
                message: format!("needs {used} {what} in {tile}, which has {exist}"),
            })
        };
        let mut failures = vec![
            exceeds("locks", used.locks, resources.locks as usize),
            exceeds("bytes of memory", used.bytes, resources.memory_bytes as usize),
            exceeds(
                "buffer descriptors",
                used.descriptors.iter().sum(),
                resources.buffer_descriptors as usize,
            ),
        ];
        for (parity, &count) in used.descriptors.iter().enumerate() {
            let ids = device.bd_ids(kind, parity as u32);
            failures.push(exceeds(
                if parity == 0 {
                    "buffer descriptors of even channels"
                } else {
                    "buffer descriptors of odd channels"
                },
                count,
                ids.len(),
            ));
        }
        if let Some(failure) = failures.into_iter().flatten().next() {
            return Err(failure);
        }
    }
    Ok(())
}
