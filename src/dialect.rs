//! The dialects, in Rust: borrowed views of their ops, and their verifiers.
//!
//! **Invariant:** a view is only made of an op that ODS has checked, so its
//! operands and attributes have the declared kinds.

pub mod aie;
pub mod aie4ml;
pub mod directive;
pub mod elements;
pub mod mapped;
pub mod network;
pub mod operator;
pub mod scalar;
pub mod sums;

use crate::mlir::diagnostic::Result;
use melior::ir::{OperationRef, operation::OperationLike};

/// Checks what ODS cannot; called by every op's verifier.
pub fn verify<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    match op.name().as_string_ref().as_str() {
        Ok(name) if name.starts_with("aie.") || name.starts_with("aiex.") => aie::verify(op),
        _ => aie4ml::verify(op),
    }
}
