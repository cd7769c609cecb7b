//! What a pass is: a plain struct of options with a `run`.
//!
//! [`pass!`](crate::pass!) declares one, [`register`] gives it to MLIR, where
//! it appears in `--help`, in pipelines and in crash reproducers like any other.
#![allow(unsafe_code)]

pub use super::diagnostic::{Failure, Result, fail, remark};
use super::ffi::{self, COption, CPass, string_ref};
use melior::ir::{OperationRef, operation::OperationLike};
use mlir_sys::{
    MlirOperation, MlirStringCallback, MlirStringRef, mlirPassManagerCreateOnOperation,
    mlirPassManagerDestroy, mlirPassManagerGetAsOpPassManager, mlirPassManagerRunOnOp,
};
use std::{
    any::Any,
    ffi::c_void,
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
    str::FromStr,
};

/// One option as `--help` shows it.
pub struct OptionInfo {
    pub name: String,
    pub doc: &'static str,
    pub initial: String,
}

/// Everything about a pass but its code; written by [`pass!`](crate::pass!).
pub trait Describe: Sized + Clone + Send + 'static {
    const NAME: &'static str;
    /// The op it runs on, such as `func.func`.
    const ON: &'static str;
    const DOC: &'static str;
    fn options() -> Vec<OptionInfo>;
    fn parse(values: &[&str]) -> std::result::Result<Self, String>;
}

/// The transformation; written by hand.
pub trait Pass: Describe {
    fn run<'c>(&self, op: OperationRef<'c, '_>) -> Result<'c>;
}

/// Declares a pass: doc comment, name, the op it runs on, and options with
/// their initial values.
///
/// The first doc line is the summary in `--help`, the rest the manual page; a
/// field's doc is its option's help, and `max_tiles` is `max-tiles` there.
#[macro_export]
macro_rules! pass {
    ($(#[doc = $doc:literal])* pub struct $Name:ident: $arg:literal on $op:literal {
        $($(#[doc = $field_doc:literal])* $field:ident: $ty:ty = $initial:expr),* $(,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub struct $Name { $($(#[doc = $field_doc])* pub $field: $ty),* }

        #[allow(clippy::derivable_impls)]
        impl Default for $Name {
            fn default() -> Self { Self { $($field: $initial),* } }
        }

        impl $crate::mlir::pass::Describe for $Name {
            const NAME: &'static str = $arg;
            const ON: &'static str = $op;
            const DOC: &'static str = concat!($($doc, "\n"),*);
            #[allow(unused_variables)]
            fn options() -> Vec<$crate::mlir::pass::OptionInfo> {
                let initial = Self::default();
                vec![$($crate::mlir::pass::OptionInfo {
                    name: stringify!($field).replace('_', "-"),
                    doc: concat!($($field_doc),*).trim_ascii(),
                    initial: initial.$field.to_string(),
                }),*]
            }
            #[allow(unused_mut, unused_variables)]
            fn parse(values: &[&str]) -> std::result::Result<Self, String> {
                let mut values = values.iter();
                Ok(Self { $($field: $crate::mlir::pass::value(
                    stringify!($field), values.next().copied().unwrap_or(""))?),* })
            }
        }
    };
}

/// Parses one option's value.
pub fn value<T: FromStr<Err: Display>>(field: &str, text: &str) -> std::result::Result<T, String> {
    text.parse()
        .map_err(|error| format!("option '{}': {error} (got '{text}')", field.replace('_', "-")))
}

/// Registers `P` with MLIR, once per process.
pub fn register<P: Pass>() {
    unsafe extern "C" fn create<P: Pass>(
        values: *const MlirStringRef,
        n: isize,
        error: MlirStringCallback,
        to: *mut c_void,
    ) -> *mut c_void {
        let raw: &[MlirStringRef] = if n == 0 {
            &[]
        } else {
            // SAFETY: the shim passes `n` strings that live until the return.
            unsafe { std::slice::from_raw_parts(values, n as usize) }
        };
        let values: Vec<&str> = raw
            .iter()
            // SAFETY: as above.
            .map(|s| unsafe { std::slice::from_raw_parts(s.data.cast(), s.length) })
            .map(|bytes| std::str::from_utf8(bytes).unwrap_or("\u{fffd}"))
            .collect();
        let parsed = catch_unwind(|| P::parse(&values)).unwrap_or_else(|panic| Err(text_of(panic)));
        match parsed {
            Ok(pass) => Box::into_raw(Box::new(pass)).cast(),
            Err(message) => {
                if let Some(error) = error {
                    // SAFETY: the message lives until the callback returns.
                    unsafe { error(string_ref(&message), to) }
                }
                std::ptr::null_mut()
            }
        }
    }
    unsafe extern "C" fn clone<P: Pass>(pass: *const c_void) -> *mut c_void {
        // SAFETY: the shim passes what `create` or `clone` returned.
        Box::into_raw(Box::new(unsafe { &*pass.cast::<P>() }.clone())).cast()
    }
    unsafe extern "C" fn destroy<P: Pass>(pass: *mut c_void) {
        // SAFETY: as in `clone`, and the shim destroys it once.
        drop(unsafe { Box::from_raw(pass.cast::<P>()) })
    }
    unsafe extern "C" fn run<P: Pass>(pass: *const c_void, op: MlirOperation) -> bool {
        // SAFETY: as in `clone`; MLIR gives a live op to one thread.
        let (pass, op) = unsafe { (&*pass.cast::<P>(), OperationRef::from_raw(op)) };
        guard(op, &format!("pass '{}'", P::NAME), || pass.run(op))
    }

    let summary = P::DOC.trim_ascii().lines().next().unwrap_or("").trim_end_matches('.');
    let options: Vec<COption> = P::options()
        .into_iter()
        .map(|option| COption {
            name: string_ref(option.name.leak()),
            description: string_ref(option.doc),
            initial: string_ref(option.initial.leak()),
        })
        .collect();
    let options = options.leak();
    let def: &'static CPass = Box::leak(Box::new(CPass {
        argument: string_ref(P::NAME),
        summary: string_ref(summary),
        op_name: string_ref(P::ON),
        options: options.as_ptr(),
        n_options: options.len() as isize,
        create: create::<P>,
        clone: clone::<P>,
        destroy: destroy::<P>,
        run: run::<P>,
    }));
    // SAFETY: the definition is leaked, so it lives as long as the registry.
    unsafe { ffi::aie4mlRegisterPass(def) }
}

/// Runs a pipeline of upstream's passes on an op that one of ours runs on, such as
/// `func.func(canonicalize)` on a function. Whatever is wrong is reported.
pub fn run_nested(op: OperationRef, pipeline: &str) -> bool {
    let context = super::rewrite::context(op.location());
    // SAFETY: the manager lives until it is destroyed below; it is made for ops of this name,
    // which are isolated as every op that a pass runs on, and MLIR gives this op to one thread.
    unsafe {
        let name = op.name();
        let name = name.as_string_ref();
        let manager = mlirPassManagerCreateOnOperation(
            context.to_raw(),
            string_ref(name.as_str().unwrap_or_default()),
        );
        let within = melior::pass::OperationPassManager::from_raw(
            mlirPassManagerGetAsOpPassManager(manager),
        );
        let done = melior::utility::parse_pass_pipeline(within, pipeline).is_ok()
            && mlirPassManagerRunOnOp(manager, op.to_raw()).value != 0;
        mlirPassManagerDestroy(manager);
        done
    }
}

/// Registers a named pipeline, given as text.
pub fn register_pipeline(name: &'static str, summary: &'static str, text: &str) {
    // SAFETY: the shim copies the text; the names are static.
    unsafe { ffi::aie4mlRegisterPipeline(string_ref(name), string_ref(summary), string_ref(text)) }
}

/// Runs code that C++ called: a failure is reported, a panic becomes an error at `op`.
fn guard<'c>(op: OperationRef<'c, '_>, what: &str, code: impl FnOnce() -> Result<'c>) -> bool {
    let result = catch_unwind(AssertUnwindSafe(code)).unwrap_or_else(|panic| {
        Err(Failure::at(op.location(), format_args!("bug in {what}: {}", text_of(panic))))
    });
    match result {
        Ok(()) => true,
        Err(failure) => {
            failure.emit();
            false
        }
    }
}

fn text_of(panic: Box<dyn Any + Send>) -> String {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (_, Some(text)) => text.to_string(),
        _ => "panic".into(),
    }
}

/// Called by every op's `verify`.
#[unsafe(no_mangle)]
extern "C" fn aie4mlVerify(op: MlirOperation) -> bool {
    // SAFETY: MLIR verifies a live op.
    let op = unsafe { OperationRef::from_raw(op) };
    guard(op, "verifier", || crate::dialect::verify(op))
}
