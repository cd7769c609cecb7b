//! Kernels on the host: compiles a design's kernel sources with a C++ compiler
//! of this machine, and lets cores call them.
//!
//! All sources of a design become one shared object, kept in a cache. What runs beside a design is
//! a [`HostProgram`].

mod cache;
mod compiler;
mod program;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use super::cascade::{CASCADE_BYTES, Cascade};
use super::core::{Call, Interrupt, Kernels, Value};
use crate::array::{Element, Kernel, Program, Stmt, Type, code::Instruction};
use crate::device::Device;
use crate::mlir::native::{self, Argument, Function};
use cache::cache;
use compiler::build;
pub use program::{HostProgram, Written};

/// Kernels that cannot be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// The kernels of a program, compiled for this machine.
pub struct HostKernels {
    /// Same indices as [`Program::kernels`]; `None` where no core calls it.
    functions: Vec<Option<Function>>,
}

impl HostKernels {
    /// Compile what the cores of `program` call, from the sources in `directory`.
    ///
    /// A kernel with `link_with = "x.o"` comes from `directory/x.cc`; headers
    /// are in `directory/aie4ml` and `directory/host`.
    ///
    /// # Errors
    ///
    /// If a source is missing or does not compile, if there is no compiler, or
    /// if a kernel takes what cannot be passed to C.
    pub fn new(program: &Program, directory: &Path) -> Result<HostKernels, Error> {
        HostKernels::with_cache(program, directory, cache().as_deref())
    }

    fn with_cache(
        program: &Program,
        directory: &Path,
        cache: Option<&Path>,
    ) -> Result<HostKernels, Error> {
        let called = called(program);
        let kernels = || {
            program
                .kernels
                .iter()
                .zip(&called)
                .filter(|(_, called)| **called)
                .map(|(kernel, _)| kernel)
        };
        let mut sources = BTreeSet::new();
        for kernel in kernels() {
            check(kernel)?;
            sources.insert(source(kernel)?);
        }
        if sources.is_empty() {
            return Ok(HostKernels { functions: program.kernels.iter().map(|_| None).collect() });
        }
        let generation = Device::by_name(&program.device).map(|device| device.generation);
        let sources: Vec<String> = sources.into_iter().collect();
        let library = build(directory, &sources, generation, cache)?;
        let functions = program
            .kernels
            .iter()
            .zip(&called)
            .map(|(kernel, called)| called.then(|| library.function(&kernel.name)).transpose())
            .collect::<Result<_, _>>()
            .map_err(|error| Error(error.to_string()))?;
        Ok(HostKernels { functions })
    }
}

impl Kernels<u8> for HostKernels {
    fn call(&self, call: &Call<'_, u8>) -> Result<Vec<i64>, Interrupt> {
        let function = self.functions.get(call.id.0).and_then(Option::as_ref);
        let function = function.ok_or_else(|| "it was not compiled".to_string())?;
        let arguments: Vec<Argument> = call
            .arguments
            .iter()
            .map(|argument| match *argument {
                Value::Memory { cells, .. } => Argument::Memory(cells),
                Value::Integer(value) => Argument::Integer(value),
            })
            .collect();
        let result =
            function.call(&arguments, &Port(call.cascade)).map_err(|error| error.to_string())?;
        Ok(call.kernel.results.iter().map(|declared| extend(result, declared)).collect())
    }
}

/// The cascade as native code sees it: a run that was given up reads zeros, so
/// that the kernel comes to its end.
struct Port<'a>(&'a dyn Cascade<u8>);

impl native::Cascade for Port<'_> {
    fn put(&self, value: [u8; CASCADE_BYTES]) {
        _ = self.0.put(value);
    }

    fn get(&self) -> [u8; CASCADE_BYTES] {
        self.0.get().unwrap_or([0; CASCADE_BYTES])
    }
}

/// The result of a C function in its declared width.
fn extend(raw: u64, declared: &Type) -> i64 {
    match declared {
        Type::Scalar(Element::I8) => i64::from(raw as i8),
        Type::Scalar(Element::I16) => i64::from(raw as i16),
        Type::Scalar(Element::I32) => i64::from(raw as i32),
        Type::I1 => i64::from(raw & 1 != 0),
        _ => raw.cast_signed(),
    }
}

/// For each kernel, whether a core calls it.
fn called(program: &Program) -> Vec<bool> {
    let mut called = vec![false; program.kernels.len()];
    let mut pending: Vec<&Stmt> = program.cores.iter().flat_map(|core| &core.body).collect();
    while let Some(statement) = pending.pop() {
        match statement {
            Stmt::Call { kernel, .. } => {
                called.get_mut(kernel.0).into_iter().for_each(|called| *called = true)
            }
            Stmt::For { body, .. } => pending.extend(body),
            Stmt::UseLock(_) => {}
        }
    }
    for instruction in program.functions.iter().flat_map(|function| function.instructions()) {
        if let Instruction::Kernel(kernel, ..) = instruction {
            called.get_mut(kernel.0).into_iter().for_each(|called| *called = true);
        }
    }
    called
}

/// Whether C can be given what `kernel` takes.
fn check(kernel: &Kernel) -> Result<(), Error> {
    let integer = |of: &Type| match of {
        Type::Scalar(element) => !matches!(element, Element::Bf16 | Element::F32),
        Type::Index | Type::I1 => true,
        Type::MemRef(..) | Type::Vector(..) => false,
    };
    let fail = |what: &str| {
        Err(Error(format!("kernel '{}' {what}, which the host cannot call", kernel.name)))
    };
    if kernel.arguments.len() > native::MOST_ARGUMENTS {
        return fail(&format!("takes {} arguments", kernel.arguments.len()));
    }
    if !kernel.arguments.iter().all(|of| integer(of) || matches!(of, Type::MemRef(..))) {
        return fail("takes an argument that is neither buffer nor integer");
    }
    if kernel.results.len() > 1 || !kernel.results.iter().all(integer) {
        return fail("returns something else than one integer");
    }
    Ok(())
}

/// The source file of `kernel`, within the kernel directory.
fn source(kernel: &Kernel) -> Result<String, Error> {
    let Some(object) = &kernel.link_with else {
        return Err(Error(format!(
            "kernel '{}' has no 'link_with', so its source is unknown",
            kernel.name
        )));
    };
    let stem = object.strip_suffix(".o").unwrap_or(object);
    // It becomes a path, and a line of C++.
    let plain = |c: char| c.is_alphanumeric() || "_-.+".contains(c);
    if stem.is_empty() || stem.starts_with('.') || !stem.chars().all(plain) {
        return Err(Error(format!(
            "kernel '{}' has 'link_with' \"{object}\", which is no file name",
            kernel.name
        )));
    }
    Ok(format!("{stem}.cc"))
}
