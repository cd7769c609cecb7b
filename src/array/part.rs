//! Names of what a program consists of, by which messages find it in a file.

use super::{BufferId, LockId};

/// A part of a [`Program`](super::Program), by its place in the program's lists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Part {
    Buffer(BufferId),
    Lock(LockId),
    Core(usize),
    /// A statement of a core's body, counted from 0 in the order of the text.
    Statement(usize, usize),
    /// An instruction of a function: the function, the block, the place in it.
    Instruction(usize, usize, usize),
    Channel(usize),
    /// A buffer descriptor of a channel.
    Bd(usize, usize),
    Flow(usize),
    Cascade(usize),
    /// A step of the runtime sequence.
    Step(usize),
}

impl Part {
    /// What holds it, for parts that no text of their own says.
    pub fn parent(self) -> Option<Part> {
        match self {
            Part::Statement(core, _) => Some(Part::Core(core)),
            Part::Bd(channel, _) => Some(Part::Channel(channel)),
            _ => None,
        }
    }
}
