//! Text and bytecode to modules.
#![allow(unsafe_code)]

use super::ffi::{self, string_ref};
use melior::{Context, ir::Module};
use mlir_sys::MlirStringRef;

/// What bytecode asks of the place of its buffer.
const ALIGNMENT: usize = 64;

/// Parses a module, in text or bytecode; ops that are in none get one.
///
/// `name` is what locations call the source. `None` if it does not parse or
/// verify; the context's diagnostics say why.
pub fn parse<'c>(context: &'c Context, source: &[u8], name: &str) -> Option<Module<'c>> {
    // One byte more, as MLIR's lexer ends at a zero.
    let mut buffer = vec![0; source.len() + ALIGNMENT];
    let start = buffer.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT - 1);
    buffer[start..start + source.len()].copy_from_slice(source);
    let source = MlirStringRef { data: buffer[start..].as_ptr().cast(), length: source.len() };
    // SAFETY: the strings live until the call returns, and MLIR copies what it keeps; a null
    // result is handled, any other is a module that nobody else owns.
    unsafe { Module::from_option_raw(ffi::aie4mlParse(context.to_raw(), source, string_ref(name))) }
}
