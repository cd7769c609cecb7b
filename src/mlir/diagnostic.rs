//! Errors at a place in the model, as MLIR's own diagnostics.
#![allow(unsafe_code)]

use super::ffi::{self, string_ref};
use melior::ir::{Location, operation::OperationLike};
use mlir_sys::{MlirLocation, MlirStringRef};
use std::fmt::Display;

/// Why a pass or verifier stopped: a message at the place that caused it.
#[derive(Clone, Debug)]
pub struct Failure<'c> {
    pub location: Location<'c>,
    pub message: String,
    pub notes: Vec<(Location<'c>, String)>,
}

pub type Result<'c, T = ()> = std::result::Result<T, Failure<'c>>;

impl<'c> Failure<'c> {
    pub fn at(location: Location<'c>, message: impl Display) -> Self {
        Failure { location, message: message.to_string(), notes: Vec::new() }
    }

    /// Adds what helps to understand the failure, such as a memory map.
    pub fn note(mut self, location: Location<'c>, message: impl Display) -> Self {
        self.notes.push((location, message.to_string()));
        self
    }

    /// Reports the failure through MLIR's diagnostic engine.
    pub fn emit(&self) {
        let locations: Vec<MlirLocation> = self.notes.iter().map(|(l, _)| l.to_raw()).collect();
        let notes: Vec<MlirStringRef> = self.notes.iter().map(|(_, n)| string_ref(n)).collect();
        // SAFETY: the strings and arrays live until the call returns; the
        // locations belong to a context that outlives `'c`.
        unsafe {
            ffi::aie4mlEmitError(
                self.location.to_raw(),
                string_ref(&self.message),
                locations.as_ptr(),
                notes.as_ptr(),
                notes.len() as isize,
            )
        }
    }
}

/// A failure of `op`, worded as MLIR does: `'aie4ml.dense' op needs ...`.
pub fn fail<'c: 'a, 'a>(op: &impl OperationLike<'c, 'a>, message: impl Display) -> Failure<'c> {
    let name = op.name();
    let name = name.as_string_ref();
    Failure::at(op.location(), format_args!("'{}' op {message}", name.as_str().unwrap_or("?")))
}

/// Says something of `op` that is no failure, worded likewise.
pub fn remark<'c: 'a, 'a>(op: &impl OperationLike<'c, 'a>, message: impl Display) {
    let name = op.name();
    let name = name.as_string_ref();
    let message = format!("'{}' op {message}", name.as_str().unwrap_or("?"));
    // SAFETY: the string lives until the call returns; the location belongs to
    // a context that outlives the op.
    unsafe { ffi::aie4mlEmitRemark(op.location().to_raw(), string_ref(&message)) }
}
