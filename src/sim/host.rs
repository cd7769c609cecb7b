//! Kernels on the host: compiles a design's kernel sources with a C++ compiler
//! of this machine, and lets cores call them.
//!
//! All sources of a design become one shared object, kept in a cache under a
//! hash of everything that went into it. The sources are compiled together in
//! few large units: most of the time goes into the headers that all include.
//!
//! **Invariant:** a file in the cache is complete: it is written beside its
//! place and renamed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::cascade::{CASCADE_BYTES, Cascade};
use super::core::{Call, Interrupt, Kernels, Value};
use crate::array::{Element, Kernel, Program, Stmt, Type, code::Instruction};
use crate::device::{Device, Generation};
use crate::mlir::native::{self, Argument, Function, Library};

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

/// Compile `sources` of `directory` into one object, or take it from `cache`, and load it.
fn build(
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

struct Compiler {
    program: &'static str,
    version: String,
    flags: Vec<OsString>,
}

impl Compiler {
    /// The first compiler that answers.
    fn find(generation: Option<Generation>) -> Result<Compiler, Error> {
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
    fn key(&self) -> Vec<OsString> {
        let mut key = vec![self.program.into(), self.version.as_str().into()];
        key.extend(self.flags.iter().cloned());
        key
    }

    /// Compile `sources` of `directory` into the shared object `object`, with `scratch` for other files.
    fn compile(
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

/// A folder that nobody else writes to, removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, Error> {
        let base = std::env::temp_dir();
        // Others may have left folders of processes with this number.
        for _ in 0..1000 {
            let path = base.join(format!("aie4ml-{}", unique()));
            let mut builder = fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(&path) {
                Ok(()) => return Ok(Scratch(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(fail(&path, &error)),
            }
        }
        Err(Error(format!("no temporary folder can be made in '{}'", base.display())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// Part of a name that no other running process or thread uses.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Where compiled kernels stay between runs, if this user has such a place.
fn cache() -> Option<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base =
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    let cache = base.join("aie4ml");
    fs::create_dir_all(&cache).ok()?;
    Some(cache)
}

/// Copy `object` to `place`, which others may read at any time.
fn store(object: &Path, place: &Path) -> io::Result<()> {
    let beside = place.with_extension(format!("{}.part", unique()));
    let stored = fs::copy(object, &beside).and_then(|_| fs::rename(&beside, place));
    if stored.is_err() {
        _ = fs::remove_file(&beside);
    }
    stored
}

/// All files in `folder` and below; none if it does not exist.
fn files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| fail(path, &error))
}

fn fail(path: &Path, error: &io::Error) -> Error {
    Error(format!("'{}': {error}", path.display()))
}

/// FNV-1a of 128 bits: stable between versions of this program, as the
/// standard library's hash is not.
struct Hash(u128);

impl Hash {
    fn new() -> Hash {
        Hash(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    /// Add a part; parts do not run into each other.
    fn add(&mut self, part: &[u8]) {
        for &byte in part.iter().chain(&(part.len() as u64).to_le_bytes()) {
            self.0 =
                (self.0 ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }

    fn name(&self) -> String {
        format!("{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::rc::Rc;

    use super::*;
    use crate::array::{
        Argument as Operand, Buffer, BufferId, Bundle, Core, Interface, KernelId,
        Port as StreamPort, Reg, Stream, StreamSlice, Tile,
    };
    use crate::sim::{Engine, Failure};

    /// Kernels in plain C++, with a cascade of their own making.
    const SOURCES: [(&str, &str); 6] = [
        (
            "cascade.cc",
            r#"#include "aie4ml/cascade.h"
            static int helper() { return 1; }
            extern "C" void first(const signed char *x) { for (int i = 0; i < 16; ++i) put_word(x + 64 * i); }
            extern "C" void last(const signed char *x, signed char *y) {
                for (int i = 0; i < 16; ++i) {
                    signed char sum[64];
                    get_word(sum);
                    for (int j = 0; j < 64; ++j) y[64 * i + j] = sum[j] + x[64 * i + j] * helper();
                }
            }"#,
        ),
        (
            "numbers.cc",
            r#"static int helper() { return 2; }
            extern "C" int eight(const signed char *m, int a, short b, signed char c, long d, int e, int f, int g) {
                return m[0] + a + b + c + (int)d + e + f + helper() * g;
            }
            extern "C" int none() { return -5; }"#,
        ),
        ("broken.cc", "extern \"C\" void broken() { this is not C++; }"),
        (
            "host/aie4ml_host.cpp",
            "#include \"aie4ml/cascade.h\"\nvoid (*put_word)(const void *);\nvoid (*get_word)(void *);\nextern \"C\" void aie4ml_host_connect(void (*p)(const void *), void (*g)(void *)) { put_word = p; get_word = g; }",
        ),
        (
            "aie4ml/cascade.h",
            "extern void (*put_word)(const void *);\nextern void (*get_word)(void *);",
        ),
        ("aie4ml/deeper/unused.h", ""),
    ];

    struct Folder(Scratch);

    impl Folder {
        fn new() -> Folder {
            let folder = Folder(Scratch::new().unwrap());
            for (name, text) in SOURCES {
                folder.write(name, text);
            }
            folder
        }

        fn path(&self) -> &Path {
            &self.0.0
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn kernels(&self, program: &Program) -> Result<HostKernels, String> {
            let cache = self.path().join("cache");
            fs::create_dir_all(&cache).unwrap();
            HostKernels::with_cache(program, self.path(), Some(&cache))
                .map_err(|error| error.to_string())
        }

        fn cached(&self) -> usize {
            fs::read_dir(self.path().join("cache")).unwrap().count()
        }
    }

    fn memory(bytes: usize) -> Type {
        Type::MemRef(vec![bytes], Element::I8)
    }

    fn kernel(name: &str, object: &str, arguments: Vec<Type>) -> Kernel {
        Kernel { name: name.into(), link_with: Some(object.into()), arguments, results: Vec::new() }
    }

    /// A program of one core that calls `kernel` once.
    fn program(kernel: Kernel) -> Program {
        let call = Stmt::Call { kernel: KernelId(0), arguments: Vec::new(), results: Vec::new() };
        Program {
            device: "xcve2802".into(),
            kernels: vec![kernel],
            cores: vec![Core {
                tile: Tile { column: 4, row: 3 },
                stack_size: 1024,
                body: vec![call],
                slice: None,
                code: None,
            }],
            ..Program::default()
        }
    }

    /// Two cores in a cascade; the second's result goes to the host by way of a buffer.
    fn cascade() -> Program {
        let tiles = [Tile { column: 4, row: 3 }, Tile { column: 5, row: 3 }];
        let buffer = |tile, name: &str, initial| Buffer {
            tile,
            name: name.into(),
            shape: vec![1024],
            element: Element::I8,
            address: None,
            initial,
            external: false,
        };
        let call = |kernel, buffers: &[usize]| Stmt::Call {
            kernel: KernelId(kernel),
            arguments: buffers.iter().map(|&id| Operand::Buffer(BufferId(id))).collect(),
            results: Vec::new(),
        };
        Program {
            device: "xcve2802".into(),
            buffers: vec![
                buffer(tiles[0], "x0", Some((0..1024).map(|i| i as u8).collect())),
                buffer(tiles[1], "x1", Some((0..1024).map(|i| (i / 3) as u8).collect())),
                buffer(tiles[1], "y", None),
            ],
            cascades: vec![(tiles[0], tiles[1])],
            kernels: vec![
                kernel("first", "cascade.o", vec![memory(1024)]),
                kernel("last", "cascade.o", vec![memory(1024), memory(1024)]),
            ],
            cores: [call(0, &[0]), call(1, &[1, 2])]
                .into_iter()
                .zip(tiles)
                .map(|(call, tile)| Core {
                    tile,
                    stack_size: 1024,
                    body: vec![call],
                    slice: None,
                    code: None,
                })
                .collect(),
            ..Program::default()
        }
    }

    #[test]
    fn native_kernels_wait_for_each_other_in_the_cascade() {
        let folder = Folder::new();
        let kernels = Rc::new(folder.kernels(&cascade()).unwrap());
        let mut engine = Engine::new(&cascade(), kernels).unwrap();
        engine.run(&[], 0).unwrap();
        let expected: Vec<u8> = (0..1024).map(|i| (i as u8).wrapping_add((i / 3) as u8)).collect();
        assert_eq!(engine.read("y").unwrap(), expected);
    }

    #[test]
    fn a_native_kernel_that_waits_for_ever_can_be_dropped() {
        let mut program = cascade();
        program.cores.remove(0);
        let port =
            StreamPort { tile: Tile { column: 4, row: 0 }, bundle: Bundle::Plio, channel: 0 };
        program.outputs = vec![Interface {
            name: "y".into(),
            rows: 1,
            columns: 4,
            batch: 1,
            element: Element::I8,
            signed: true,
            scale: 1.0,
            zero_point: 0,
            range: (0, 0),
            streams: vec![Stream {
                port,
                slices: vec![StreamSlice { begin: 0, end: 4, pitch: 4 }],
            }],
            memory: None,
        }];
        let kernels = Rc::new(Folder::new().kernels(&program).unwrap());
        let failure = Engine::new(&program, kernels).unwrap().run(&[], 1).unwrap_err();
        assert!(matches!(failure, Failure::Deadlock(_)), "{failure}");
    }

    #[test]
    fn numbers_are_passed_and_returned_in_their_widths() {
        let integers =
            [Element::I32, Element::I16, Element::I8, Element::I64, Element::I32, Element::I32];
        let mut arguments = vec![memory(4)];
        arguments.extend(integers.map(Type::Scalar));
        arguments.push(Type::Index);
        let mut program = program(kernel("eight", "numbers.o", arguments));
        program.kernels[0].results = vec![Type::Scalar(Element::I32)];
        // Returns its result into the next call.
        program.kernels.push(kernel("none", "numbers.o", Vec::new()));
        program.kernels[1].results = vec![Type::Scalar(Element::I32)];
        let tile = program.cores[0].tile;
        program.buffers = vec![Buffer {
            tile,
            name: "m".into(),
            shape: vec![4],
            element: Element::I8,
            address: None,
            initial: Some(vec![0xff, 0, 0, 0]),
            external: false,
        }];
        let mut arguments = vec![Operand::Buffer(BufferId(0)), Operand::Reg(Reg(0))];
        arguments.extend([-10, 20, -30, 40, 50, 60].map(Operand::Constant));
        // A loop up to the result does not run, one from it does: it is the sum.
        let check = |lower, upper| Stmt::For {
            variable: Reg(2),
            lower,
            upper,
            step: Operand::Constant(1),
            body: vec![Stmt::Call {
                kernel: KernelId(1),
                arguments: Vec::new(),
                results: vec![Reg(3)],
            }],
        };
        let sum = -1 - 5 - 10 + 20 - 30 + 40 + 50 + 2 * 60;
        program.cores[0].body = vec![
            Stmt::Call { kernel: KernelId(1), arguments: Vec::new(), results: vec![Reg(0)] },
            Stmt::Call { kernel: KernelId(0), arguments, results: vec![Reg(1)] },
            check(Operand::Constant(sum), Operand::Reg(Reg(1))),
            check(Operand::Reg(Reg(1)), Operand::Constant(sum + 3)),
        ];
        let native = Folder::new().kernels(&program).unwrap();
        let calls = Rc::new(Cell::new(0));
        let count = calls.clone();
        let kernels = move |call: &Call<'_, u8>| {
            count.set(count.get() + 1);
            native.call(call)
        };
        Engine::new(&program, Rc::new(kernels)).unwrap().run(&[], 0).unwrap();
        assert_eq!(calls.get(), 2 + 3);
    }

    #[test]
    fn buffers_must_not_overlap() {
        let folder = Folder::new();
        let object = folder.path().join("last.so");
        let compiler = Compiler::find(None).unwrap();
        compiler.compile(folder.path(), &["cascade.cc".into()], folder.path(), &object).unwrap();
        let function = Library::open(&object).unwrap().function("last").unwrap();
        let cells = vec![Cell::new(0u8); 1500];
        let arguments = [Argument::Memory(&cells[..1024]), Argument::Memory(&cells[476..])];
        let error = function.call(&arguments, &Panics).unwrap_err();
        assert_eq!(error.to_string(), "'last' is called with overlapping buffers");
        let error = function.call(&[Argument::Integer(0); 9], &Panics).unwrap_err();
        assert_eq!(error.to_string(), "'last' has 9 arguments, at most 8 are supported");
    }

    /// A cascade that panics at every access.
    struct Panics;

    impl native::Cascade for Panics {
        fn put(&self, _: [u8; CASCADE_BYTES]) {
            panic!("no put");
        }

        fn get(&self) -> [u8; CASCADE_BYTES] {
            panic!("no get");
        }
    }

    #[test]
    fn a_panic_goes_around_native_code() {
        let folder = Folder::new();
        let object = folder.path().join("first.so");
        let compiler = Compiler::find(None).unwrap();
        compiler.compile(folder.path(), &["cascade.cc".into()], folder.path(), &object).unwrap();
        let library = Library::open(&object).unwrap();
        let cells = vec![Cell::new(1u8); 1024];
        for (name, expected) in [("first", "no put"), ("last", "no get")] {
            let function = library.function(name).unwrap();
            let other = vec![Cell::new(2u8); 1024];
            let arguments = [Argument::Memory(&cells), Argument::Memory(&other)];
            let arguments = if name == "first" { &arguments[..1] } else { &arguments };
            let panic =
                catch_unwind(AssertUnwindSafe(|| function.call(arguments, &Panics))).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&expected));
        }
    }

    #[test]
    fn compiled_kernels_are_cached_until_anything_changes() {
        let folder = Folder::new();
        let numbers = program(kernel("none", "numbers.o", Vec::new()));
        folder.kernels(&numbers).unwrap();
        folder.kernels(&numbers).unwrap();
        assert_eq!(folder.cached(), 1);
        folder.write("aie4ml/deeper/unused.h", "// changed");
        folder.kernels(&numbers).unwrap();
        assert_eq!(folder.cached(), 2);
        let other = Program { device: "npu2".into(), ..numbers.clone() };
        folder.kernels(&other).unwrap();
        assert_eq!(folder.cached(), 3);
        // A file that is no object is replaced.
        for entry in fs::read_dir(folder.path().join("cache")).unwrap() {
            fs::write(entry.unwrap().path(), "nonsense").unwrap();
        }
        folder.kernels(&numbers).unwrap();
        // No cache at all.
        HostKernels::with_cache(&numbers, folder.path(), None).unwrap();
    }

    #[test]
    fn sources_with_helpers_of_one_name_compile() {
        let mut program = cascade();
        program.kernels.push(kernel("none", "numbers.o", Vec::new()));
        let call = Stmt::Call { kernel: KernelId(2), arguments: Vec::new(), results: Vec::new() };
        program.cores[0].body.push(call);
        assert!(Folder::new().kernels(&program).is_ok());
    }

    #[test]
    fn kernels_that_no_core_calls_are_not_needed() {
        let mut program = program(kernel("none", "missing.o", Vec::new()));
        program.cores.clear();
        assert!(Folder::new().kernels(&program).is_ok());
    }

    #[test]
    fn kernels_that_cannot_be_had_are_errors() {
        let folder = Folder::new();
        let text = |kernel: Kernel| folder.kernels(&program(kernel)).err().expect("should fail");
        let expect = |kernel: Kernel, expected: &str| {
            let text = text(kernel);
            assert!(text.contains(expected), "{text}");
        };
        expect(kernel("k", "missing.o", Vec::new()), "missing.cc': No such file");
        expect(kernel("k", "numbers.o", Vec::new()), "the compiled kernels have no function 'k'");
        expect(
            kernel("k", "../numbers.o", Vec::new()),
            "kernel 'k' has 'link_with' \"../numbers.o\", which is no file name",
        );
        expect(kernel("k", "a\".o", Vec::new()), "which is no file name");
        expect(kernel("broken", "broken.o", Vec::new()), "does not compile the kernels:\n");
        expect(kernel("broken", "broken.o", Vec::new()), "broken.cc:1:");
        let unlinked = Kernel { link_with: None, ..kernel("k", "", Vec::new()) };
        expect(unlinked, "kernel 'k' has no 'link_with', so its source is unknown");
        let vector = Type::Vector(16, Element::I32);
        expect(
            kernel("k", "numbers.o", vec![vector.clone()]),
            "takes an argument that is neither buffer nor integer",
        );
        expect(
            kernel("k", "numbers.o", vec![Type::Index; 9]),
            "takes 9 arguments, which the host cannot call",
        );
        let returns = Kernel { results: vec![vector], ..kernel("k", "numbers.o", Vec::new()) };
        expect(returns, "returns something else than one integer");
    }
}
