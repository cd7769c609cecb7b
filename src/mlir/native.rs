//! Native kernels: functions of a shared object, called with memory of the
//! simulator and connected to its cascades.
//!
//! **Invariant:** no Rust panic crosses a frame of native code, in either
//! direction; a callback that panics lets the kernel return first.

#![allow(unsafe_code)]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::ptr;
use std::rc::Rc;

/// 512 bit: what a cascade moves at once.
pub const CASCADE_BYTES: usize = 64;

/// Most arguments of a function: that many travel in registers or in slots of
/// 8 bytes under every calling convention in use.
pub const MOST_ARGUMENTS: usize = 8;

/// The library's entry that takes the callbacks for the cascade.
const CONNECT: &str = "aie4ml_host_connect";

/// The cascade of the core that runs a kernel.
pub trait Cascade {
    /// Send 512 bits. May switch to another stack and come back.
    fn put(&self, value: [u8; CASCADE_BYTES]);

    /// Take 512 bits. May switch to another stack and come back.
    fn get(&self) -> [u8; CASCADE_BYTES];
}

/// An argument of a native function.
#[derive(Clone, Copy)]
pub enum Argument<'a> {
    /// The function gets a pointer to the first byte, and may read and write all of them.
    Memory(&'a [Cell<u8>]),
    /// An integer of up to 64 bits.
    Integer(i64),
}

/// A library or function that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// A shared object of kernels.
pub struct Library(Rc<libloading::Library>);

/// A kernel in a [`Library`], which stays loaded as long as this lives.
pub struct Function {
    name: String,
    address: *const c_void,
    // Keeps `address` valid.
    _library: Rc<libloading::Library>,
}

impl Library {
    /// Load the shared object at `path` and connect its cascades, if it has any.
    ///
    /// Loading runs code of the object: only open what this program compiled.
    ///
    /// # Errors
    ///
    /// If the object cannot be loaded.
    pub fn open(path: &Path) -> Result<Library, Error> {
        // SAFETY: the object was compiled from kernel sources that have no
        // constructors with effects beyond the object itself.
        let library =
            unsafe { libloading::Library::new(path) }.map_err(|error| Error(error.to_string()))?;
        type Connect = unsafe extern "C" fn(
            put: unsafe extern "C" fn(*const c_void),
            get: unsafe extern "C" fn(*mut c_void),
        );
        // SAFETY: the symbol, where it exists, is declared with this type in the
        // kernels' host header. The callbacks live as long as this program.
        unsafe {
            if let Ok(connect) = library.get::<Connect>(CONNECT) {
                connect(put, get);
            }
        }
        Ok(Library(Rc::new(library)))
    }

    /// The function `name`.
    ///
    /// # Errors
    ///
    /// If the object has no such function.
    pub fn function(&self, name: &str) -> Result<Function, Error> {
        // SAFETY: the address is not used as anything but an address here.
        let symbol = unsafe { self.0.get::<*const c_void>(name) };
        match symbol.map(|symbol| *symbol) {
            Ok(address) if !address.is_null() => {
                Ok(Function { name: name.into(), address, _library: self.0.clone() })
            }
            _ => Err(Error(format!("the compiled kernels have no function '{name}'"))),
        }
    }
}

impl Function {
    /// Call the function and return its result, which means nothing if the
    /// function is `void`.
    ///
    /// Every buffer must have the size that the function was compiled for, and
    /// no two may overlap; the caller checks sizes against declared types.
    ///
    /// # Errors
    ///
    /// If there are more than [`MOST_ARGUMENTS`], or a buffer is passed twice.
    ///
    /// # Panics
    ///
    /// If `cascade` panics, after the function has returned.
    pub fn call(&self, arguments: &[Argument<'_>], cascade: &dyn Cascade) -> Result<u64, Error> {
        let n = arguments.len();
        if n > MOST_ARGUMENTS {
            return Err(Error(format!(
                "'{}' has {n} arguments, at most {MOST_ARGUMENTS} are supported",
                self.name
            )));
        }
        let mut ranges: Vec<(*const Cell<u8>, *const Cell<u8>)> = Vec::with_capacity(n);
        let mut raw = [0u64; MOST_ARGUMENTS];
        for (raw, argument) in raw.iter_mut().zip(arguments) {
            *raw = match *argument {
                Argument::Integer(value) => value.cast_unsigned(),
                Argument::Memory(cells) => {
                    let range = cells.as_ptr_range();
                    if ranges.iter().any(|other| range.start < other.1 && other.0 < range.end) {
                        return Err(Error(format!(
                            "'{}' is called with overlapping buffers",
                            self.name
                        )));
                    }
                    ranges.push((range.start, range.end));
                    range.start.expose_provenance() as u64
                }
            };
        }
        let frame = Frame { cascade, panic: RefCell::new(None) };
        let before = CURRENT.replace(ptr::from_ref(&frame).cast());
        // SAFETY: the address is that of an `extern "C"` function with `n`
        // arguments that are integers or pointers; each travels in a register or
        // slot of 8 bytes, of which the function reads its own width. Pointers
        // lead to `Cell`s, which others may hold as well, and to as many bytes
        // as the function was compiled for, as the caller has checked. An
        // undeclared result is what the register happens to hold.
        let result = unsafe { invoke(self.address, &raw[..n]) };
        CURRENT.set(before);
        if let Some(panic) = frame.panic.take() {
            resume_unwind(panic);
        }
        Ok(result)
    }
}

/// What the callbacks need while a function runs.
struct Frame<'a> {
    cascade: &'a dyn Cascade,
    /// A panic of the cascade, on its way around the native frames.
    panic: RefCell<Option<Box<dyn Any + Send>>>,
}

thread_local! {
    /// The frame of the function that runs on this thread; null if none does.
    static CURRENT: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

/// Run `action` with the running function's cascade. `None` if there is none or it panicked.
fn with_cascade<T>(action: impl FnOnce(&dyn Cascade) -> T) -> Option<T> {
    let current = CURRENT.get();
    if current.is_null() {
        return None;
    }
    // SAFETY: `Function::call` set this to a frame on its own stack, and resets
    // it before the frame ends. A switch of stacks restores it, below.
    let frame = unsafe { &*current.cast::<Frame<'_>>() };
    if frame.panic.borrow().is_some() {
        return None;
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| action(frame.cascade)));
    // The action may have switched stacks: others ran, and set their frames.
    CURRENT.set(current);
    match outcome {
        Ok(value) => Some(value),
        Err(panic) => {
            *frame.panic.borrow_mut() = Some(panic);
            None
        }
    }
}

/// `put` of the host header: 64 bytes at `value`.
unsafe extern "C" fn put(value: *const c_void) {
    // SAFETY: the header passes a pointer to 512 bits; they need not be aligned.
    let value = unsafe { value.cast::<[u8; CASCADE_BYTES]>().read_unaligned() };
    with_cascade(|cascade| cascade.put(value));
}

/// `get` of the host header: 64 bytes to `value`.
unsafe extern "C" fn get(value: *mut c_void) {
    let bits = with_cascade(|cascade| cascade.get()).unwrap_or([0; CASCADE_BYTES]);
    // SAFETY: the header passes a pointer to room for 512 bits.
    unsafe { value.cast::<[u8; CASCADE_BYTES]>().write_unaligned(bits) };
}

/// Call the function at `address` with `raw` as its arguments.
///
/// # Safety
///
/// `address` is an `extern "C"` function of `raw.len()` arguments, each an
/// integer or a pointer that is valid for what the function does with it.
unsafe fn invoke(address: *const c_void, raw: &[u64]) -> u64 {
    type A = u64;
    macro_rules! call {
        ($($index:literal)*) => {{
            // SAFETY: the caller states the type of the function.
            let function = unsafe {
                std::mem::transmute::<*const c_void, unsafe extern "C" fn($(call!(@type $index)),*) -> u64>(address)
            };
            // SAFETY: the caller vouches for the arguments.
            unsafe { function($(raw[$index]),*) }
        }};
        (@type $index:literal) => { A };
    }
    match raw.len() {
        0 => call!(),
        1 => call!(0),
        2 => call!(0 1),
        3 => call!(0 1 2),
        4 => call!(0 1 2 3),
        5 => call!(0 1 2 3 4),
        6 => call!(0 1 2 3 4 5),
        7 => call!(0 1 2 3 4 5 6),
        8 => call!(0 1 2 3 4 5 6 7),
        _ => unreachable!("at most {MOST_ARGUMENTS} arguments"),
    }
}
