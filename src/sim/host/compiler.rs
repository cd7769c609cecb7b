//! Compiles kernel sources into one shared object.
//!
//! The sources are compiled together in few large units: most of the time goes
//! into the headers that all include.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::Error;
use super::cache::{Hash, Scratch, fail, files, read, store};
use crate::device::Generation;
use crate::mlir::native::Library;

/// In the order of preference.
const COMPILERS: [&str; 4] = ["clang++-22", "clang++", "c++", "g++"];

const FLAGS: [&str; 3] = ["-std=c++20", "-O2", "-fPIC"];

/// Folders of the kernel directory whose headers the sources may include.
const HEADERS: [&str; 2] = ["aie4ml", "host"];

/// What the kernels and the host say to each other, if the design's kernels
/// use the emulation of the AIE API.
const RUNTIME: &str = "host/aie4ml_host.cpp";

/// Sources of one unit; more units only pay off for more sources.
const UNIT: usize = 8;

/// Compile `sources` of `directory` into one object, or take it from `cache`, and load it.
pub(super) fn build(
    directory: &Path,
    sources: &[String],
    generation: Option<Generation>,
    cache: Option<&Path>,
) -> Result<Library, Error> {
    let compiler = Compiler::find(generation)?;
    let mut hash = Hash::new();
    compiler.key().iter().for_each(|part| hash.add(part.as_encoded_bytes()));
    for source in sources {
        hash.add(source.as_bytes());
        hash.add(&read(&directory.join(source))?);
    }
    let mut headers = Vec::new();
    for folder in HEADERS {
        files(&directory.join(folder), &mut headers)
            .map_err(|error| fail(&directory.join(folder), &error))?;
    }
    headers.sort();
    for header in headers {
        let name = header.strip_prefix(directory).unwrap_or(&header);
        hash.add(name.as_os_str().as_encoded_bytes());
        hash.add(&read(&header)?);
    }
    let name = hash.name();
    let cached = cache.map(|cache| cache.join(format!("kernels-{name}.so")));
    if let Some(cached) = cached.as_deref().filter(|cached| cached.is_file()) {
        // One that does not load is made again.
        if let Ok(library) = Library::open(cached) {
            return Ok(library);
        }
    }
    let scratch = Scratch::new()?;
    let object = scratch.0.join("kernels.so");
    compiler.compile(directory, sources, &scratch.0, &object)?;
    // A cache that cannot be used only costs time.
    if let Some(cached) = cached
        && store(&object, &cached).is_ok()
        && let Ok(library) = Library::open(&cached)
    {
        return Ok(library);
    }
    // The object stays loaded, though its file goes with the folder.
    Library::open(&object)
        .map_err(|error| Error(format!("the compiled kernels do not load: {error}")))
}

pub(super) struct Compiler {
    program: &'static str,
    version: String,
    flags: Vec<OsString>,
}

impl Compiler {
    /// The first compiler that answers.
    pub(super) fn find(generation: Option<Generation>) -> Result<Compiler, Error> {
        // As AMD's compilers define it; the emulation follows it.
        let architecture = match generation {
            Some(Generation::AieMlV2) => "-D__AIE_ARCH__=21",
            Some(Generation::AieMl) | None => "-D__AIE_ARCH__=20",
        };
        for program in COMPILERS {
            if let Ok(output) = Command::new(program).arg("--version").stdin(Stdio::null()).output()
                && output.status.success()
            {
                let version = String::from_utf8_lossy(&output.stdout).into_owned();
                let flags = FLAGS.iter().chain(&[architecture]).map(OsString::from).collect();
                return Ok(Compiler { program, version, flags });
            }
        }
        Err(Error(format!(
            "no C++ compiler is found to run the kernels on this machine: install one of {}",
            COMPILERS.join(", ")
        )))
    }

    /// All that decides what a source compiles to.
    pub(super) fn key(&self) -> Vec<OsString> {
        let mut key = vec![self.program.into(), self.version.as_str().into()];
        key.extend(self.flags.iter().cloned());
        key
    }

    /// Compile `sources` of `directory` into the shared object `object`, with `scratch` for other files.
    pub(super) fn compile(
        &self,
        directory: &Path,
        sources: &[String],
        scratch: &Path,
        object: &Path,
    ) -> Result<(), Error> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let units = sources.len().div_ceil(UNIT).min(cores);
        let together =
            self.compile_units(directory, sources, sources.len().div_ceil(units), scratch, object);
        match together {
            // Two sources may define a helper of the same name, which is legal in units of their own.
            Err(_) if sources.len() > 1 => {
                self.compile_units(directory, sources, 1, scratch, object)
            }
            outcome => outcome,
        }
    }

    fn compile_units(
        &self,
        directory: &Path,
        sources: &[String],
        size: usize,
        scratch: &Path,
        object: &Path,
    ) -> Result<(), Error> {
        let mut units: Vec<String> = sources
            .chunks(size)
            .map(|unit| unit.iter().map(|source| format!("#include \"{source}\"\n")).collect())
            .collect();
        if directory.join(RUNTIME).is_file() {
            let include = format!("#include \"{RUNTIME}\"\n");
            units.first_mut().into_iter().for_each(|unit| unit.push_str(&include));
        }
        let mut parts = Vec::with_capacity(units.len());
        for (index, unit) in units.iter().enumerate() {
            let source = scratch.join(format!("unit{index}.cpp"));
            fs::write(&source, unit).map_err(|error| fail(&source, &error))?;
            parts.push((source, scratch.join(format!("unit{index}.o"))));
        }
        if let [(source, _)] = parts.as_slice() {
            return self.run(directory, &[source], object, "-shared")?.finish();
        }
        // As many at a time as there are cores; the rest when the first end.
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for group in parts.chunks(cores) {
            let running: Vec<Running> = group
                .iter()
                .map(|(source, part)| self.run(directory, &[source], part, "-c"))
                .collect::<Result<_, _>>()?;
            let outcomes: Vec<_> = running.into_iter().map(Running::finish).collect();
            outcomes.into_iter().collect::<Result<(), _>>()?;
        }
        let parts: Vec<&PathBuf> = parts.iter().map(|(_, part)| part).collect();
        self.run(directory, &parts, object, "-shared")?.finish()
    }

    /// Compile the file `unit` of `directory`, with its folders `headers`, into `program`.
    pub(super) fn compile_program(
        &self,
        directory: &Path,
        unit: &str,
        headers: &[&str],
        defines: &[&str],
        program: &Path,
    ) -> Result<(), Error> {
        let child = Command::new(self.program)
            .args(&self.flags)
            .args(defines)
            .args(headers.iter().map(|name| {
                let mut flag = OsString::from("-I");
                flag.push(directory.join(name));
                flag
            }))
            .arg("-o")
            .arg(program)
            .arg(directory.join(unit))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Error(format!("'{}' does not start: {error}", self.program)))?;
        Running { program: self.program, child }.finish()
    }

    fn run(
        &self,
        directory: &Path,
        inputs: &[&PathBuf],
        output: &Path,
        mode: &str,
    ) -> Result<Running, Error> {
        let child = Command::new(self.program)
            .args(&self.flags)
            .arg(mode)
            .arg("-I")
            .arg(directory)
            .arg("-I")
            .arg(directory.join("host"))
            .arg("-o")
            .arg(output)
            .args(inputs)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Error(format!("'{}' does not start: {error}", self.program)))?;
        Ok(Running { program: self.program, child })
    }
}

struct Running {
    program: &'static str,
    child: Child,
}

impl Running {
    fn finish(self) -> Result<(), Error> {
        let output = self
            .child
            .wait_with_output()
            .map_err(|error| Error(format!("'{}' does not end: {error}", self.program)))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error(format!(
            "'{}' does not compile the kernels:\n{}",
            self.program,
            String::from_utf8_lossy(&output.stderr).trim_end()
        )))
    }
}
