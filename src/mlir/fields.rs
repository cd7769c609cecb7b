//! The dialect's attributes as plain Rust values.
//!
//! The shim turns every `aie4ml` attribute into a flat list of integers and
//! back; [`Fields`] gives the list a type.
#![allow(unsafe_code)]

use super::ffi::{self, string_ref};
use melior::{
    Context,
    ir::{Attribute, AttributeLike},
};
use std::ffi::c_void;

/// A plain value that is also an attribute of the `aie4ml` dialect.
pub trait Fields: Sized {
    /// The attribute's mnemonic, such as `split`.
    const MNEMONIC: &'static str;
    fn to_fields(&self) -> Vec<i64>;
    /// `None` if the list is of another attribute.
    fn from_fields(fields: &[i64]) -> Option<Self>;

    /// The attribute that says this value.
    fn attribute<'c>(&self, context: &'c Context) -> Attribute<'c> {
        let fields = self.to_fields();
        // SAFETY: `fields` lives until the call returns. The shim knows every
        // mnemonic that an implementation of this trait names (asserted
        // below), and returns an attribute of `context`.
        unsafe {
            let raw = ffi::aie4mlAttributeGet(
                context.to_raw(),
                string_ref(Self::MNEMONIC),
                fields.as_ptr(),
                fields.len() as isize,
            );
            assert!(!raw.ptr.is_null(), "no attribute 'aie4ml.{}'", Self::MNEMONIC);
            Attribute::from_raw(raw)
        }
    }

    /// Reads the attribute back; `None` if it is another one.
    fn of(attribute: Attribute) -> Option<Self> {
        Self::from_fields(&read(attribute, Self::MNEMONIC)?)
    }
}

fn read(attribute: Attribute, mnemonic: &str) -> Option<Vec<i64>> {
    unsafe extern "C" fn sink(data: *const i64, n: isize, to: *mut c_void) {
        // SAFETY: the shim passes `n` readable integers and the vector below.
        unsafe {
            if n > 0 {
                (*to.cast::<Vec<i64>>())
                    .extend_from_slice(std::slice::from_raw_parts(data, n as usize));
            }
        }
    }
    let mut fields: Vec<i64> = Vec::new();
    // SAFETY: `attribute` is valid; `sink` is called at most once, before the return.
    let found = unsafe {
        ffi::aie4mlAttributeFields(
            attribute.to_raw(),
            string_ref(mnemonic),
            sink,
            (&raw mut fields).cast(),
        )
    };
    found.then_some(fields)
}
