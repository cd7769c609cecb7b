//! The buffers of all tiles, and of the host's memory.
//!
//! Cores, DMA channels and suspended kernels all refer to the same memory, so
//! it is made of [`std::cell::Cell`]s: shared, single threaded, and safe.
//!
//! **Invariant:** a buffer's cells never move or change in number, and begin at
//! a multiple of [`ALIGNMENT`].

use std::cell;

use super::cell::Cell;
use crate::array::{BufferId, Program};

/// In cells. The widest load of a core is 512 bit (hardware.md 3a), and a
/// kernel's host build may rely on its alignment.
const ALIGNMENT: usize = 64;

pub(super) struct Memory<C> {
    regions: Vec<Region<C>>,
}

struct Region<C> {
    cells: Vec<cell::Cell<C>>,
    start: usize,
    bytes: usize,
}

impl<C: Cell> Memory<C> {
    /// The memory of `program` with its initial contents.
    pub(super) fn new(program: &Program) -> Result<Memory<C>, String> {
        let mut regions = Vec::with_capacity(program.buffers.len());
        for buffer in &program.buffers {
            let bytes = buffer
                .shape
                .iter()
                .try_fold(buffer.element.bytes(), |size, &extent| size.checked_mul(extent))
                .filter(|&bytes| bytes <= isize::MAX as usize - ALIGNMENT)
                .ok_or_else(|| format!("buffer '{}' is too large to simulate", buffer.name))?;
            if let Some(initial) = &buffer.initial
                && initial.len() != bytes
            {
                return Err(format!(
                    "buffer '{}' has {bytes} bytes, but {} bytes of initial contents",
                    buffer.name,
                    initial.len()
                ));
            }
            let mut cells = Vec::new();
            cells.try_reserve_exact(bytes + ALIGNMENT).map_err(|_| {
                format!("no memory for the {bytes} bytes of buffer '{}'", buffer.name)
            })?;
            cells.resize(bytes + ALIGNMENT, cell::Cell::new(C::UNDEFINED));
            // `align_offset` may decline, which costs alignment but nothing else.
            let start = match cells.as_ptr().align_offset(ALIGNMENT) {
                offset if offset <= ALIGNMENT => offset,
                _ => 0,
            };
            for (cell, &byte) in cells[start..].iter().zip(buffer.initial.iter().flatten()) {
                cell.set(C::constant(byte));
            }
            regions.push(Region { cells, start, bytes });
        }
        Ok(Memory { regions })
    }

    pub(super) fn cells(&self, buffer: BufferId) -> &[cell::Cell<C>] {
        let region = &self.regions[buffer.0];
        &region.cells[region.start..region.start + region.bytes]
    }
}
