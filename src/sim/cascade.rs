//! Cascades: 512-bit values from a core to its neighbor, in order.
//!
//! **Invariant:** no cascade holds more values than the device's FIFOs do.

use std::collections::VecDeque;

use super::cell::Cell;
use super::clock::{Clock, Cycle};
use super::core::Interrupt;
use super::fabric::{ActorId, Agenda, place};
use crate::array::Tile;
use crate::device::Device;

/// Bytes of one value: 512 bit, on every device with [`Device::cascade_bits`] of
/// that size, which the engine checks.
pub const CASCADE_BYTES: usize = 64;

/// A running kernel's access to the cascades of its core.
pub trait Cascade<C> {
    /// Send 512 bits to the next core, waiting for room.
    ///
    /// # Errors
    ///
    /// [`Interrupt::Stop`] if the run was given up meanwhile.
    fn put(&self, value: [C; CASCADE_BYTES]) -> Result<(), Interrupt>;

    /// Take 512 bits from the previous core, waiting for them.
    ///
    /// # Errors
    ///
    /// [`Interrupt::Stop`] if the run was given up meanwhile.
    fn get(&self) -> Result<[C; CASCADE_BYTES], Interrupt>;
}

pub(super) struct Cascades<C> {
    links: Vec<Link<C>>,
}

pub(super) struct Link<C> {
    pub source: Tile,
    pub destination: Tile,
    /// The cores at the ends, as far as there are any.
    pub writer: Option<ActorId>,
    pub reader: Option<ActorId>,
    /// With the times when each was sent and from when it may be read.
    values: VecDeque<([C; CASCADE_BYTES], Cycle, Cycle)>,
    /// Since when each of the free places is free.
    places: VecDeque<Cycle>,
    reader_waits: bool,
    writer_waits: bool,
}

impl<C: Cell> Cascades<C> {
    /// One link per entry of `flows`; `core` finds the core of a tile.
    pub(super) fn new(
        flows: &[(Tile, Tile)],
        device: &Device,
        core: impl Fn(Tile) -> Option<ActorId>,
    ) -> Result<Cascades<C>, String> {
        let bits = 8 * CASCADE_BYTES;
        if !flows.is_empty() && device.cascade_bits as usize != bits {
            return Err(format!("cascades of device '{}' do not have {bits} bits", device.name));
        }
        let depth = device.cascade_depth as usize;
        let mut links: Vec<Link<C>> = Vec::with_capacity(flows.len());
        for &(source, destination) in flows {
            if links.iter().any(|link| link.source == source) {
                return Err(format!("two cascades leave tile {}", place(source)));
            }
            if links.iter().any(|link| link.destination == destination) {
                return Err(format!("two cascades enter tile {}", place(destination)));
            }
            links.push(Link {
                source,
                destination,
                writer: core(source),
                reader: core(destination),
                values: VecDeque::with_capacity(depth),
                places: vec![0; depth].into(),
                reader_waits: false,
                writer_waits: false,
            });
        }
        Ok(Cascades { links })
    }

    pub(super) fn leaving(&self, tile: Tile) -> Option<usize> {
        self.links.iter().position(|link| link.source == tile)
    }

    pub(super) fn entering(&self, tile: Tile) -> Option<usize> {
        self.links.iter().position(|link| link.destination == tile)
    }

    pub(super) fn link(&self, index: usize) -> &Link<C> {
        &self.links[index]
    }

    /// False if there is no room; the writer is then registered. The value takes
    /// its place `before` cycles after `clock`, until when it is in the writer's own
    /// pipeline, and may be read `latency` cycles later.
    pub(super) fn put(
        &mut self,
        index: usize,
        value: &[C; CASCADE_BYTES],
        (clock, before, latency): (&mut Clock, Cycle, Cycle),
        agenda: &mut Agenda,
    ) -> bool {
        let link = &mut self.links[index];
        let Some(free) = link.places.pop_front() else {
            link.writer_waits = true;
            return false;
        };
        let free = free.saturating_sub(before);
        clock.wait(free, link.reader, free);
        let time = clock.now + before + latency;
        link.values.push_back((*value, clock.now, time));
        if std::mem::take(&mut link.reader_waits) {
            link.reader.into_iter().for_each(|actor| agenda.wake_at(actor, time));
        }
        true
    }

    /// `None` if there is no value; the reader is then registered.
    pub(super) fn get(
        &mut self,
        index: usize,
        clock: &mut Clock,
        agenda: &mut Agenda,
    ) -> Option<[C; CASCADE_BYTES]> {
        let link = &mut self.links[index];
        let Some((value, sent, ready)) = link.values.pop_front() else {
            link.reader_waits = true;
            return None;
        };
        clock.wait(ready, link.writer, sent);
        link.places.push_back(clock.now);
        if std::mem::take(&mut link.writer_waits) {
            link.writer.into_iter().for_each(|actor| agenda.wake_at(actor, clock.now));
        }
        Some(value)
    }

    /// The links that hold values, with their index and the number of values.
    pub(super) fn leftovers(&self) -> impl Iterator<Item = (usize, &Link<C>, usize)> {
        let all = self.links.iter().enumerate();
        all.filter(|(_, link)| !link.values.is_empty())
            .map(|(index, link)| (index, link, link.values.len()))
    }
}
