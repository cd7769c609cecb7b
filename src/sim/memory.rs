//! The buffers of all tiles, and of the host's memory.
//!
//! Cores, DMA channels and suspended kernels all refer to the same memory, so
//! it is made of [`std::cell::Cell`]s: shared, single threaded, and safe.
//!
//! **Invariant:** a buffer's cells never move or change in number, and begin at
//! a multiple of [`ALIGNMENT`].

use std::cell::{self, OnceCell};

use super::cell::Cell;
use super::fabric::ActorId;
use super::watch::{Channel, Watch};
use crate::array::{BufferId, Part, Program, UseLock};

/// In cells. The widest load of a core is 512 bit (hardware.md 3a), and a
/// kernel's host build may rely on its alignment.
const ALIGNMENT: usize = 64;

/// Of a buffer. More is a mistake, and would take all memory of this machine.
const MOST_BYTES: usize = 1 << 32;

pub(super) struct Memory<C> {
    regions: Vec<Region<C>>,
    /// Who looks for races, if somebody does.
    watch: OnceCell<Watch>,
    /// Where each actor is in the program, for messages.
    places: Vec<cell::Cell<Option<Part>>>,
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
                .filter(|&bytes| bytes <= MOST_BYTES)
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
        let places = vec![cell::Cell::new(None); most_actors(program)];
        Ok(Memory { regions, watch: OnceCell::new(), places })
    }

    pub(super) fn cells(&self, buffer: BufferId) -> &[cell::Cell<C>] {
        let region = &self.regions[buffer.0];
        &region.cells[region.start..region.start + region.bytes]
    }

    /// Take note of where an actor is.
    pub(super) fn stand(&self, actor: ActorId, at: Part) {
        if let Some(place) = self.places.get(actor.0) {
            place.set(Some(at));
        }
    }

    /// Where an actor was last; `None` if it has not begun.
    pub(super) fn place(&self, actor: ActorId) -> Option<Part> {
        self.places.get(actor.0)?.get()
    }

    /// Look for races from now on.
    pub(super) fn watch_with(&self, watch: Watch) {
        // A second one would know less.
        _ = self.watch.set(watch);
    }

    pub(super) fn watch(&self) -> Option<&Watch> {
        self.watch.get()
    }

    /// An actor's use of a lock was carried out.
    pub(super) fn used(&self, actor: ActorId, action: UseLock) {
        if let Some(watch) = self.watch() {
            watch.used(actor, action);
        }
    }

    /// An actor gave what others will get by a channel, and one got it.
    pub(super) fn gave(&self, actor: ActorId, channel: Channel) {
        if let Some(watch) = self.watch() {
            watch.gave(actor, channel);
        }
    }

    pub(super) fn got(&self, actor: ActorId, channel: Channel) {
        if let Some(watch) = self.watch() {
            watch.got(actor, channel);
        }
    }

    /// What `other` has done comes before what `actor` will do.
    pub(super) fn follows(&self, actor: ActorId, other: ActorId) {
        if let Some(watch) = self.watch() {
            watch.follows(actor, other);
        }
    }

    /// An actor accesses bytes of a buffer.
    pub(super) fn observe(
        &self,
        actor: ActorId,
        buffer: BufferId,
        at: usize,
        bytes: usize,
        writes: bool,
    ) {
        if let Some(watch) = self.watch() {
            let size = self.regions[buffer.0].bytes;
            watch.access((actor.0, self.place(actor)), buffer, at..at + bytes, size, writes);
        }
    }
}

/// Actors that a program can have: each step of a sequence may be about another channel.
fn most_actors(program: &Program) -> usize {
    let interfaces = program.inputs.iter().chain(&program.outputs);
    let streams: usize = interfaces.map(|interface| interface.streams.len()).sum();
    let steps: usize = program.sequences.iter().map(|sequence| sequence.steps.len()).sum();
    program.cores.len() + program.dmas.len() + streams + steps + 1
}
