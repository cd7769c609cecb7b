//! The standard MLIR tools with our dialects and passes, and the plugin.
#![allow(unsafe_code)]

use super::ffi::{self, string_ref};
use melior::{Context, dialect::DialectRegistry, ir::OperationRef};
use mlir_sys::{MlirDialectRegistry, MlirOperation, MlirStringCallback};
use std::{
    ffi::{CString, c_char, c_int, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

/// A context with every upstream dialect and ours, loaded, and every pass registered.
pub fn context() -> Context {
    register_passes();
    // Passes of ours run upstream's.
    register_upstream_passes();
    let registry = DialectRegistry::new();
    // SAFETY: the registry is live; the shim only inserts into it.
    unsafe { ffi::aie4mlRegisterDialects(registry.to_raw()) }
    let context = Context::new();
    context.append_dialect_registry(&registry);
    context.load_all_available_dialects();
    melior::utility::register_all_llvm_translations(&context);
    context
}

/// Registers our passes and pipelines; repeated calls do nothing.
pub fn register_passes() {
    static ONCE: Once = Once::new();
    ONCE.call_once(crate::passes::register_all);
}

/// Registers upstream's passes too; the tools do it themselves.
pub fn register_upstream_passes() {
    melior::utility::register_all_passes();
}

/// `mlir-opt` with our dialects and passes.
pub fn opt_main() -> i32 {
    register_passes();
    with_arguments(|argc, argv| {
        // SAFETY: `argv` holds `argc` strings and a null, alive during the call.
        unsafe {
            ffi::aie4mlOptMain(
                argc,
                argv,
                string_ref("aie4ml-opt: MLIR passes for AI Engine arrays"),
            )
        }
    })
}

/// The language server, with our dialects.
pub fn lsp_main() -> i32 {
    // SAFETY: as in `opt_main`.
    with_arguments(|argc, argv| unsafe { ffi::aie4mlLspMain(argc, argv) })
}

/// `mlir-translate` with our translations.
pub fn translate_main() -> i32 {
    register_translation::<crate::emit::cpp::KernelSources>();
    with_arguments(|argc, argv| {
        // SAFETY: as in `opt_main`.
        unsafe { ffi::aie4mlTranslateMain(argc, argv, string_ref("aie4ml-translate")) }
    })
}

/// A translation of a module to text.
pub trait Translation {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    fn translate<'c>(module: OperationRef<'c, '_>) -> super::diagnostic::Result<'c, String>;
}

fn register_translation<T: Translation>() {
    unsafe extern "C" fn emit<T: Translation>(
        op: MlirOperation,
        write: MlirStringCallback,
        to: *mut c_void,
    ) -> bool {
        // SAFETY: MLIR passes the parsed module, alive during the call.
        let op = unsafe { OperationRef::from_raw(op) };
        match catch_unwind(AssertUnwindSafe(|| T::translate(op))) {
            Ok(Ok(text)) => {
                if let Some(write) = write {
                    // SAFETY: the text lives until the callback returns.
                    unsafe { write(string_ref(&text), to) }
                }
                true
            }
            Ok(Err(failure)) => {
                failure.emit();
                false
            }
            Err(_) => false,
        }
    }
    // SAFETY: the names are static, the function is a plain function.
    unsafe {
        ffi::aie4mlRegisterTranslation(string_ref(T::NAME), string_ref(T::SUMMARY), emit::<T>)
    }
}

fn with_arguments(main: impl FnOnce(c_int, *const *const c_char) -> c_int) -> i32 {
    let arguments: Vec<CString> = std::env::args_os()
        .map(|argument| CString::new(argument.into_encoded_bytes()).unwrap_or_default())
        .collect();
    let pointers: Vec<*const c_char> =
        arguments.iter().map(|a| a.as_ptr()).chain([std::ptr::null()]).collect();
    main(arguments.len() as c_int, pointers.as_ptr())
}

/// What `mlir-opt --load-pass-plugin` asks a library for.
#[repr(C)]
pub struct PassPlugin {
    api: u32,
    name: *const c_char,
    version: *const c_char,
    register: extern "C" fn(),
}

/// What `mlir-opt --load-dialect-plugin` asks a library for.
#[repr(C)]
pub struct DialectPlugin {
    api: u32,
    name: *const c_char,
    version: *const c_char,
    register: extern "C" fn(MlirDialectRegistry),
}

extern "C" fn plugin_passes() {
    register_passes();
}

extern "C" fn plugin_dialects(registry: MlirDialectRegistry) {
    // SAFETY: the host passes its own live registry.
    unsafe { ffi::aie4mlRegisterOwnDialects(registry) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mlirGetPassPluginInfo() -> PassPlugin {
    PassPlugin {
        api: 1,
        name: c"aie4ml".as_ptr(),
        version: c"0.1".as_ptr(),
        register: plugin_passes,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn mlirGetDialectPluginInfo() -> DialectPlugin {
    DialectPlugin {
        api: 1,
        name: c"aie4ml".as_ptr(),
        version: c"0.1".as_ptr(),
        register: plugin_dialects,
    }
}
