//! The dialects, in Rust: borrowed views of their ops, and their verifiers.
//!
//! **Invariant:** a view is only made of an op that ODS has checked, so its
//! operands and attributes have the declared kinds.

pub mod aie4ml;

use crate::mlir::diagnostic::Result;
use melior::ir::OperationRef;

/// Checks what ODS cannot; called by every op's verifier.
pub fn verify<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    aie4ml::verify(op)
}
