use crate::{
    check::{At, limits},
    dialect::aie,
    mlir::pass::{self, Pass, fail},
};
use melior::ir::{OperationRef, operation::OperationLike};

crate::pass! {
    /// Refuse what the hardware forbids and mlir-aie lets through.
    ///
    /// Of explicit DMA programs: descriptors whose dimensions do not multiply to
    /// their length, that split words of 4 bytes, exceed a register field, or
    /// have only one of acquire and release; more memory, locks or descriptors
    /// than a tile has; buffers that overlap each other or the stack; exact
    /// acquires of counting locks; and host streams in columns without shim DMA.
    ///
    /// Of object FIFOs: loops that hold another number of objects at their end than
    /// at their begin, releases of what is not held, padding that would be dropped,
    /// and access patterns that exceed a register field. Of cores: more program
    /// memory than there is, by an estimate of 8 bytes an op without the kernels
    /// they call, and more on the stack than `stack_size`. Of the host's copies:
    /// repetitions, descriptors and patterns that do not exist.
    ///
    /// Takes any `aie.device`. Reports every mistake, changes nothing.
    pub struct Validate: "aie-validate" on "aie.device" {}
}

impl Pass for Validate {
    fn run<'c>(&self, device: OperationRef<'c, '_>) -> pass::Result<'c> {
        let (program, places) = aie::read_known(device)?;
        let mut failures = Vec::new();
        for violation in limits::check(&program) {
            let op = match violation.at {
                At::Device => device,
                At::Buffer(buffer) => places.buffers[buffer.0],
                At::Lock(lock) => places.locks[lock.0],
                At::Channel(channel) => places.dmas[channel].0,
                At::Descriptor(channel, bd) => {
                    let (start, bds) = &places.dmas[channel];
                    bds.get(bd).copied().unwrap_or(*start)
                }
                At::Flow(flow) => places.flows[flow],
                At::Core(core) => places.cores[core],
            };
            let mut failure = fail(&op, violation.message);
            for note in violation.notes {
                failure = failure.note(op.location(), note);
            }
            failures.push(failure);
        }
        failures.extend(aie::mistakes(device));
        let last = failures.pop();
        failures.iter().for_each(pass::Failure::emit);
        last.map_or(Ok(()), Err)
    }
}
