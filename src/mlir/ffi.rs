//! Declarations of `dialects/shim.cpp`.
#![allow(unsafe_code)]

use mlir_sys::{
    MlirAttribute, MlirContext, MlirDialectRegistry, MlirLocation, MlirModule, MlirOperation,
    MlirStringCallback, MlirStringRef,
};
use std::ffi::{c_char, c_int, c_void};

#[repr(C)]
pub struct COption {
    pub name: MlirStringRef,
    pub description: MlirStringRef,
    pub initial: MlirStringRef,
}

#[repr(C)]
pub struct CPass {
    pub argument: MlirStringRef,
    pub summary: MlirStringRef,
    pub op_name: MlirStringRef,
    pub options: *const COption,
    pub n_options: isize,
    pub create: unsafe extern "C" fn(
        *const MlirStringRef,
        isize,
        MlirStringCallback,
        *mut c_void,
    ) -> *mut c_void,
    pub clone: unsafe extern "C" fn(*const c_void) -> *mut c_void,
    pub destroy: unsafe extern "C" fn(*mut c_void),
    pub run: unsafe extern "C" fn(*const c_void, MlirOperation) -> bool,
}

unsafe extern "C" {
    pub fn aie4mlAttributeFields(
        attribute: MlirAttribute,
        mnemonic: MlirStringRef,
        sink: unsafe extern "C" fn(*const i64, isize, *mut c_void),
        to: *mut c_void,
    ) -> bool;
    pub fn aie4mlAttributeGet(
        context: MlirContext,
        mnemonic: MlirStringRef,
        fields: *const i64,
        n: isize,
    ) -> MlirAttribute;
    pub fn aie4mlParse(
        context: MlirContext,
        source: MlirStringRef,
        name: MlirStringRef,
    ) -> MlirModule;
    pub fn aie4mlDenseOfResource(attribute: MlirAttribute) -> MlirAttribute;
    pub fn aie4mlEmitError(
        location: MlirLocation,
        message: MlirStringRef,
        note_locations: *const MlirLocation,
        notes: *const MlirStringRef,
        n: isize,
    );
    pub fn aie4mlEmitRemark(location: MlirLocation, message: MlirStringRef);
    pub fn aie4mlRegisterPass(def: *const CPass);
    pub fn aie4mlRegisterPipeline(name: MlirStringRef, summary: MlirStringRef, text: MlirStringRef);
    pub fn aie4mlRegisterDialects(registry: MlirDialectRegistry);
    pub fn aie4mlRegisterOwnDialects(registry: MlirDialectRegistry);
    pub fn aie4mlOptMain(argc: c_int, argv: *const *const c_char, title: MlirStringRef) -> c_int;
    pub fn aie4mlLspMain(argc: c_int, argv: *const *const c_char) -> c_int;
    pub fn aie4mlRegisterTranslation(
        name: MlirStringRef,
        summary: MlirStringRef,
        emit: unsafe extern "C" fn(MlirOperation, MlirStringCallback, *mut c_void) -> bool,
    );
    pub fn aie4mlTranslateMain(
        argc: c_int,
        argv: *const *const c_char,
        title: MlirStringRef,
    ) -> c_int;
}

/// A view of `text`, valid as long as `text` is.
pub fn string_ref(text: &str) -> MlirStringRef {
    MlirStringRef { data: text.as_ptr().cast(), length: text.len() }
}
