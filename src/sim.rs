//! The array simulator: executes an [`array::Program`](crate::array::Program).
//!
//! An [`Engine`] holds one *actor* per core, DMA channel, and boundary stream, and one for the host,
//! each with its own local state, and a *fabric* between them: memory, locks,
//! streams, cascades. One scheduler takes actors from an agenda and lets each
//! go on until it would have to wait; whatever could end the wait puts the
//! actor back on the agenda. Without time, the run shows what an array
//! computes and that it cannot stall, for one fair order of events; with time
//! ([`Engine::timed`]) it does the same in the order of time, and tells how long
//! everything took.
//!
//! Memory is made of [`Cell`]s. Bytes run the real kernels; [`Tag`]s travel the
//! same way and prove where each byte went, without computing anything.
//!
//! **Invariant:** an actor that is neither ended nor on the agenda has a
//! [`Wait`](fabric::Wait), and is registered with the resource it waits for.

mod boundary;
mod cascade;
mod cell;
mod clock;
mod core;
mod critical;
mod dma;
mod edge;
mod engine;
mod explain;
mod fabric;
mod failure;
pub mod host;
mod idle;
mod interp;
mod invocation;
mod lock;
mod measure;
mod memory;
mod number;
mod remains;
mod sequence;
#[cfg(test)]
mod sequence_tests;
mod stream;
#[cfg(test)]
mod tests;
mod timing;
mod timing_text;
mod trace;
mod watch;

pub use cascade::{CASCADE_BYTES, Cascade};
pub use cell::{Cell, Tag};
pub use clock::Cycle;
pub use core::{Call, Interrupt, Kernels, Value};
pub use critical::{Kind, Path, Step};
pub use engine::{Costs, Engine, State};
pub use failure::{Deadlock, Diagnostic, Failure, Fault, Note, Sentence};
pub use idle::IdleKernels;
pub use measure::{MOST_ITERATIONS, Until, measure};
pub use timing::{Boundary, Layer, Measures, Stall, StreamUse, Timing, Use, iterations_to_settle};
