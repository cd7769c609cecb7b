//! The border to MLIR: the only module with `unsafe`, and the only one that
//! calls the C++ shim or native code.
//!
//! **Invariant:** nothing that this module hands out can be used to break
//! memory safety, and no panic crosses into C++.

pub mod constant;
mod copy;
pub mod diagnostic;
mod ffi;
pub mod fields;
pub mod jit;
pub mod native;
pub mod pass;
pub mod quant;
pub mod rewrite;
pub mod source;
pub mod tools;
