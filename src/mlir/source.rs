//! Text to modules.
#![allow(unsafe_code)]

use super::ffi::string_ref;
use melior::{
    Context,
    ir::{BlockLike, Location, Module, Operation, operation::OperationLike},
};
use mlir_sys::mlirOperationCreateParse;

/// Parses a module, or one op that becomes a module's only one.
///
/// `name` is what locations call the text. `None` if it does not parse or
/// verify; the context's diagnostics say why.
pub fn parse<'c>(context: &'c Context, text: &str, name: &str) -> Option<Module<'c>> {
    // SAFETY: the strings live until the call returns; a null result is
    // handled, any other is an op that nobody else owns.
    let op = unsafe {
        let raw = mlirOperationCreateParse(context.to_raw(), string_ref(text), string_ref(name));
        (!raw.ptr.is_null()).then(|| Operation::from_raw(raw))
    }?;
    if op.name().as_string_ref().as_str() == Ok("builtin.module") {
        return Module::from_operation(op);
    }
    let module = Module::new(Location::unknown(context));
    module.body().append_operation(op);
    Some(module)
}
