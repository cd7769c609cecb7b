//! The copy that compiled code calls where memory is not contiguous: around a padded image, or
//! from a slice.
#![allow(unsafe_code)]

use super::ffi::string_ref;
use mlir_sys::{MlirExecutionEngine, mlirExecutionEngineRegisterSymbol};
use std::ffi::c_void;

/// Lets compiled code find [`memref_copy`].
///
/// # Safety
///
/// The engine is live.
pub unsafe fn register(engine: MlirExecutionEngine) {
    let function: unsafe extern "C" fn(i64, *const Unranked, *const Unranked) = memref_copy;
    // SAFETY: the caller says that the engine is live; the name is copied, and the function has
    // the type that MLIR's lowering of `memref.copy` calls this symbol with.
    unsafe {
        let address = function as *mut c_void;
        mlirExecutionEngineRegisterSymbol(engine, string_ref("memrefCopy"), address);
    }
}

/// How compiled code says where a memref of any rank is.
#[repr(C)]
struct Unranked {
    rank: i64,
    /// Allocated pointer, aligned pointer, offset, then extents and strides.
    descriptor: *const i64,
}

/// One side of a copy: its first byte, and extents and strides in elements.
struct Side<'a> {
    start: *mut u8,
    extents: &'a [i64],
    strides: &'a [i64],
}

impl Unranked {
    /// # Safety
    ///
    /// The descriptor is one of that rank, and lives as long as the result.
    unsafe fn side(&self, bytes: i64) -> Side<'_> {
        let rank = self.rank as usize;
        // SAFETY: a descriptor has two pointers, the offset, and two numbers per dimension.
        let fields = unsafe { std::slice::from_raw_parts(self.descriptor, 3 + 2 * rank) };
        let (extents, strides) = fields[3..].split_at(rank);
        let start = (fields[1] as usize as *mut u8).wrapping_offset((fields[2] * bytes) as isize);
        Side { start, extents, strides }
    }
}

/// Copies elements of so many bytes between memrefs of the same extents.
///
/// # Safety
///
/// Both are memrefs that compiled code may read and write.
unsafe extern "C" fn memref_copy(bytes: i64, source: *const Unranked, target: *const Unranked) {
    // SAFETY: compiled code gives descriptors of memrefs that are live during the call.
    let (source, target) = unsafe { ((*source).side(bytes), (*target).side(bytes)) };
    if source.extents.contains(&0) {
        return;
    }
    let mut index = vec![0; source.extents.len()];
    loop {
        let at = |side: &Side| {
            let offset: i64 = index.iter().zip(side.strides).map(|(i, stride)| i * stride).sum();
            side.start.wrapping_offset((offset * bytes) as isize)
        };
        // SAFETY: every index is within the extents, so both addresses are elements, which may
        // be one and the same.
        unsafe { std::ptr::copy(at(&source), at(&target), bytes as usize) };
        // The last dimension counts fastest.
        let mut dimension = index.len();
        loop {
            if dimension == 0 {
                return;
            }
            dimension -= 1;
            index[dimension] += 1;
            if index[dimension] < source.extents[dimension] {
                break;
            }
            index[dimension] = 0;
        }
    }
}
