//! What must hold of an array program, beyond what its ops say one by one.
//!
//! * [`limits`]: what the hardware can do and the tools do not check: field
//!   widths of descriptors, whole words, memory, locks and descriptors per tile.
//! * [`races`]: no buffer is read and written at once, whatever the timing.
//! * [`standstill`]: programs of any origin, in one run on zeros: no deadlock, no race.
//! * [`object`]: how much code an object file holds.
//! * [`adf`]: a graph that was built of a program for Vitis is that program.
//! * [`system`]: the streams of such a graph are connected to data movers.
//! * [`dataflow`]: every core gets the elements that it should, and the program
//!   never stops.
//!
//! Everything here is about an [`array::Program`](crate::array::Program) and
//! knows no MLIR. The checks return all violations that they find, with the
//! part of the program that each is about.

pub mod adf;
pub mod dataflow;
pub mod limits;
pub mod object;
pub mod races;
pub mod standstill;
pub mod system;
#[cfg(test)]
mod tests;

use crate::array::{BufferId, Direction, DmaChannel, LockId};

/// The part of a program that a violation is about; indices as in the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    Device,
    Buffer(BufferId),
    Lock(LockId),
    Channel(usize),
    /// A channel and one of its descriptors.
    Descriptor(usize, usize),
    Flow(usize),
    Core(usize),
}

/// What is wrong, in words that follow the name of the op.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    pub at: At,
    pub message: String,
    pub notes: Vec<String>,
}

impl Violation {
    fn new(at: At, message: impl ToString) -> Violation {
        Violation { at, message: message.to_string(), notes: Vec::new() }
    }
}

fn channel_name(channel: &DmaChannel) -> String {
    let direction = if channel.direction == Direction::S2mm { "S2MM" } else { "MM2S" };
    format!("{direction} {} of {}", channel.channel, channel.tile)
}
