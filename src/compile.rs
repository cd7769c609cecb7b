//! From a model file to a folder with a design: the passes one by one, and what
//! is kept of the way.
//!
//! **Invariant:** a folder is written whole or not at all; nothing is written
//! before everything is known.

mod project;

use crate::{
    design,
    device::Device,
    dialect::{directive, network, scalar},
    emit::{self, vitis},
    frontends,
    ir::{self, Error, Message},
    manifest::{Estimated, HostPart, MANIFEST, Manifest, Simulated},
    mlir::{constant, pass::Describe, rewrite, tools},
    npu::{self, NPU},
    passes::{PIPELINE, apply_directives::ApplyDirectives},
    plan::{directives, hand_over::Transport, mapping::Io, parallelize::Objective},
    report::{HostWork, Report, Seconds},
    run::host,
};
use melior::{
    Context,
    ir::{
        Module, OperationRef, ShapedTypeLike, Type,
        attribute::StringAttribute,
        operation::OperationLike,
        r#type::{DimSize, RankedTensorType},
    },
};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process,
    time::Instant,
};

/// The level that is complete after a pass, and its file; after the last one it is the design.
const LEVELS: [(&str, &str); 2] = [("aie4ml-apply-directives", NETWORK), ("aie4ml-place", MAPPED)];

pub const MODEL: &str = "model.mlir";
pub const NETWORK: &str = "network.mlir";
pub const MAPPED: &str = "mapped.mlir";
pub const DESIGN: &str = "design.mlir";
/// What the host computes before and after the design; only there if there is any.
pub const HOST: &str = "host.mlir";
pub const KERNELS: &str = "kernels";
pub const REPORT: &str = "report.json";
pub const PAGE: &str = "report.html";

macro_rules! headers {
    ($($name:ident: $operator:ident,)*) => {
        /// The kernels' headers, in a design so that it compiles wherever it is.
        const HEADERS: &[(&str, &str)] = &[
            $((
                concat!("aie4ml/", stringify!($name), ".h"),
                include_str!(concat!("../kernels/aie4ml/", stringify!($name), ".h")),
            ),)*
            ("aie4ml/add.h", include_str!("../kernels/aie4ml/add.h")),
            ("aie4ml/dense.h", include_str!("../kernels/aie4ml/dense.h")),
            ("aie4ml/loops.h", include_str!("../kernels/aie4ml/loops.h")),
            ("aie4ml/requant.h", include_str!("../kernels/aie4ml/requant.h")),
            ("aie4ml/rows.h", include_str!("../kernels/aie4ml/rows.h")),
            ("host/aie4ml_host.cpp", include_str!("../kernels/host/aie4ml_host.cpp")),
            ("host/aie4ml_host.h", include_str!("../kernels/host/aie4ml_host.h")),
            ("host/aie_api/aie.hpp", include_str!("../kernels/host/aie_api/aie.hpp")),
        ];
    };
}
crate::operator::operators!(headers);

/// What to compile, for what.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// `.onnx`, or `.mlir` at the model, network or mapped level.
    pub model: PathBuf,
    /// `None`: what the model says, or else xcve2802.
    pub device: Option<String>,
    /// `None`: what the model says, or else what the device has.
    pub io: Option<Io>,
    pub objective: Objective,
    /// `None`: all of the device.
    pub max_tiles: Option<usize>,
    /// Rows of the batch of a model that leaves them open.
    pub batch: Option<usize>,
    pub transport: Transport,
    /// A file of directives, see [`crate::plan::directives`].
    pub directives: Option<PathBuf>,
    /// Run the design in the array simulator as well: on a Ryzen AI device for the values that each
    /// kernel must give, and for the time where planning did not simulate.
    pub simulate: bool,
    /// Whether a project for Vitis is written, too.
    pub vitis: bool,
}

/// A compiled model, in memory.
#[derive(Clone, PartialEq, Debug)]
pub struct Compiled {
    /// Every file by its path in the folder; the two of the report and the manifest left out.
    pub files: BTreeMap<PathBuf, String>,
    pub report: Report,
    /// That of the folder, without its files.
    pub manifest: Manifest,
}

/// Compile a model into the folder `output`, which is replaced if an earlier
/// compilation made it.
///
/// `progress` is told each step before it starts.
///
/// # Errors
///
/// If the model cannot be compiled or the folder not be written; `output` is
/// then as it was before.
pub fn compile(
    options: &Options,
    output: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Report, Error> {
    // Before minutes of work are lost on it.
    check_replaceable(output, &OURS)?;
    let Compiled { files, mut report, mut manifest } = compile_in_memory(options, progress)?;
    progress("write");
    let staged = Staged::new(output, &files)?;
    let listed = |(path, text): (&'static str, String)| (PathBuf::from(path), text.into_bytes());
    let mut more = BTreeMap::new();
    if options.simulate {
        progress("simulate");
        let simulation = npu::simulate(&staged.new, manifest.device.target.is_some())?;
        manifest.cycles.simulated.get_or_insert(Simulated::from(&simulation.timing));
        report.remarks.extend(simulation.remarks);
        more = simulation.files;
    }
    more.extend([(REPORT, report.json()), (PAGE, report.page())].map(listed));
    staged.write(&more)?;
    manifest.list(files.iter().map(|(path, text)| (path.as_path(), text.as_bytes())));
    manifest.list(more.iter().map(|(path, content)| (path.as_path(), &content[..])));
    staged.write(&BTreeMap::from([(MANIFEST.into(), manifest.json())]))?;
    staged.put()?;
    Ok(report)
}

/// The device that a model is compiled for if nothing says another.
pub const DEFAULT_DEVICE: &str = network::DEFAULT_DEVICE;

/// A device by its name.
///
/// # Errors
///
/// If there is none; the message lists those that exist.
pub fn device(name: &str) -> Result<Device, Error> {
    Device::by_name(name).ok_or_else(|| {
        let names = Device::names().join(", ");
        Error::new("", format_args!("no device '{name}': use one of {names}"))
    })
}

/// Compile a model without writing anything.
///
/// # Errors
///
/// If the model cannot be compiled.
pub fn compile_in_memory(
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<Compiled, Error> {
    let start = Instant::now();
    let asked = options.device.as_deref().map(device).transpose()?;
    if options.vitis {
        if let Some(device) = asked.filter(|device| !vitis::has_road(device)) {
            return Err(Error::new("--emit vitis", vitis::no_road(&device)));
        }
        if options.io == Some(Io::Ddr) {
            return Err(Error::new(
                "--emit vitis",
                "a project is fed by streams of programmable logic: leave out --io ddr",
            ));
        }
    }
    // Before the model is read, which may take longer.
    let directives = options.directives.as_deref().map(read_directives).transpose()?;
    let mut files = BTreeMap::new();
    let mut seconds = Seconds::default();
    let file = options.model.display().to_string();
    let name =
        options.model.file_name().map_or_else(|| file.clone().into(), |n| n.to_string_lossy());

    progress("import");
    let context = tools::context();
    let mut module = import(&context, &options.model, options.batch)?;
    files.insert(PathBuf::from(MODEL), ir::print(&module));
    let func = the_function(&module).map_err(|error| error.within(&file))?;
    if let Some(device) = &options.device {
        let device = StringAttribute::new(&context, device).into();
        rewrite::set_attribute(func, "aie4ml.device", device);
    }
    if let Some(io) = options.io {
        let io = StringAttribute::new(&context, &io.to_string()).into();
        rewrite::set_attribute(func, "aie4ml.io", io);
    }
    seconds.import = start.elapsed().as_secs_f64();

    let mut report = None;
    let mut remarks: Vec<String> = Vec::new();
    for &(pass, on) in PIPELINE {
        progress(pass);
        let start = Instant::now();
        let pipeline = nested(&with_options(pass, options), on);
        let said =
            ir::run(&context, &mut module, &pipeline).map_err(|error| error.within(&file))?;
        let text = |message: &ir::Message| match message.place.split_once(": ") {
            Some((_, layer)) => format!("{layer}: {}", message.text),
            None => message.text.clone(),
        };
        remarks.extend(said.iter().map(text));
        if pass == ApplyDirectives::NAME
            && let Some((entries, name)) = &directives
        {
            let func = the_function(&module)?;
            ir::attempt(&context, || directive::apply(func, entries, name))?;
        }
        seconds.add(pass, start);
        if let Some((_, level)) = LEVELS.iter().find(|(last, _)| *last == pass) {
            files.insert(PathBuf::from(level), ir::print(&module));
        }
        if pass == "aie4ml-place" {
            let kernels = ir::attempt(&context, || emit::cpp::kernels(module.as_operation()));
            for (name, source) in kernels.map_err(|error| error.within(&file))? {
                files.insert(Path::new(KERNELS).join(name), source);
            }
            let made = the_function(&module)
                .and_then(|func| ir::attempt(&context, || Report::of(func, &name)));
            let mut made = made.map_err(|error| error.within(&file))?;
            made.host = HostWork::of(&module);
            report = Some(made);
        }
    }
    let host = host::edges(&module).map_err(|error| error.within(&file))?;
    for op in host::modules(&module) {
        if let Some(own) = Module::from_operation((*op).clone()) {
            files.insert(PathBuf::from(HOST), ir::print(&own));
        }
        rewrite::erase(op);
    }
    files.insert(PathBuf::from(DESIGN), ir::print(&module));
    let mut report =
        report.ok_or_else(|| Error::new(&file, "bug in compile: nothing was placed"))?;
    let manifest = design::program(&context, &module).and_then(|program| {
        report.measure(&program)?;
        let [inputs, outputs] = design::edges(&module, &program)?;
        for (name, text) in npu::files(&program.device) {
            files.insert(Path::new(NPU).join(name), text.into());
        }
        let edges = [inputs.as_slice(), outputs.as_slice()];
        let of = (report.model.as_str(), report.io.as_str());
        let mut manifest = Manifest::of(&program, edges, HostPart::of(host), of);
        manifest.cycles.estimated = Some(Estimated::from(&report));
        manifest.cycles.simulated = report.simulated.as_ref().map(Simulated::from);
        Ok(manifest)
    });
    let manifest = manifest.map_err(|error| error.within(&file))?;
    if options.vitis {
        let program = design::program(&context, &module).map_err(|error| error.within(&file))?;
        progress("vitis");
        match project::project(&context, &files, &program, &name) {
            Ok(project) => files.extend(project),
            // What the tools do not infer between tiles goes through memory tiles, in one order.
            Err(refused) if refused.direct && options.transport != Transport::Graph => {
                let options = Options { transport: Transport::Graph, ..options.clone() };
                let why = format!(
                    "planned with all edges through memory tiles, each output in one order, as a graph for Vitis cannot say otherwise that {}",
                    refused.message
                );
                return match compile_in_memory(&options, progress) {
                    Ok(mut compiled) => {
                        compiled.report.remarks.push(why);
                        Ok(compiled)
                    }
                    Err(error) => Err(error.noting(&why)),
                };
            }
            Err(refused) => {
                let text = format_args!("cannot be said as a graph for Vitis: {}", refused.message);
                return Err(Error::new(&file, text));
            }
        }
    }
    for (path, text) in HEADERS {
        files.insert(Path::new(KERNELS).join(path), (*text).into());
    }
    report.remarks = remarks;
    seconds.total = start.elapsed().as_secs_f64();
    report.compile_seconds = seconds;
    Ok(Compiled { files, report, manifest })
}

/// Directives, and the name of their file, without its folder: it gets into the IR.
fn read_directives(path: &Path) -> Result<(Vec<directives::Entry>, String), Error> {
    let name = path.display().to_string();
    let entries = directives::read(path).map_err(|error| match error.at {
        Some((line, column)) => Error::new(format_args!("{name}:{line}:{column}"), error.message),
        None => Error::new(&name, error.message),
    })?;
    let file = path.file_name().map_or_else(|| name.clone(), |f| f.to_string_lossy().into());
    Ok((entries, file))
}

/// Reads a model file of any kind; `batch` is how many rows it has if it leaves them open.
///
/// # Errors
///
/// If it cannot be read, or no frontend takes it.
pub fn import<'c>(
    context: &'c Context,
    path: &Path,
    batch: Option<usize>,
) -> Result<Module<'c>, Error> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    if extension.is_some_and(|extension| extension == "mlir") {
        let module = ir::read(context, path)?;
        fix_batch(context, &module, batch)
            .map_err(|error| error.within(&path.display().to_string()))?;
        return Ok(module);
    }
    let options = frontends::Options { batch: batch.map(|rows| rows as u64) };
    Ok(frontends::import(context, path, &options)?)
}

/// Gives tensors that leave their first extent open so many rows.
fn fix_batch(context: &Context, module: &Module, batch: Option<usize>) -> Result<(), Error> {
    let mut open = false;
    for func in ir::functions(module) {
        let Some(function) = scalar::function_type(func) else { continue };
        let inputs = (0..function.input_count()).filter_map(|index| function.input(index).ok());
        let Some(example) = inputs.into_iter().find(|r#type| with_rows(*r#type, 1).is_some())
        else {
            continue;
        };
        let Some(batch) = batch else {
            return Err(Error::new(
                "",
                format_args!(
                    "takes '{example}', which leaves the batch open: fix it with --batch N"
                ),
            ));
        };
        open = true;
        scalar::retype_whole(func, |r#type| with_rows(r#type, batch));
    }
    if batch.is_some() && !open {
        return Err(Error::new(
            "--batch",
            "the model's inputs do not leave their first extent open",
        ));
    }
    let (valid, messages) = ir::collect(context, || module.as_operation().verify());
    if valid {
        return Ok(());
    }
    let mut all = vec![Message {
        place: "--batch".into(),
        text: "the model computes with its extents: export it with a fixed batch".into(),
        notes: Vec::new(),
    }];
    all.extend(messages);
    Err(Error::of(all, "--batch"))
}

/// A tensor with so many rows; `None` if it has a number of its own.
fn with_rows(r#type: Type, rows: usize) -> Option<Type> {
    let tensor = RankedTensorType::try_from(r#type).ok()?;
    if tensor.rank() == 0 || !matches!(tensor.dim_size(0), Ok(DimSize::Dynamic)) {
        return None;
    }
    Some(scalar::with_first(tensor, rows as u64))
}

fn the_function<'c, 'a>(module: &'a Module<'c>) -> Result<OperationRef<'c, 'a>, Error> {
    match ir::functions(module).as_slice() {
        [func] => Ok(*func),
        [] => Err(Error::new("", "holds no function 'func.func' to compile")),
        more => {
            let names: Vec<_> = (more.iter())
                .filter_map(|func| constant::text(func.attribute("sym_name").ok()?))
                .map(|name| format!("'@{name}'"))
                .collect();
            Err(Error::new(
                "",
                format_args!(
                    "holds {} functions, {}; one network is compiled at a time: leave one, into which the others are inlined, as 'aie4ml-opt --inline --symbol-dce' does with private ones",
                    more.len(),
                    names.join(", ")
                ),
            ))
        }
    }
}

/// A pass with those options of the command line that are meant for it.
fn with_options(pass: &str, options: &Options) -> String {
    let &Options { objective, max_tiles, transport, .. } = options;
    match pass {
        "aie4ml-parallelize" => {
            let max_tiles = max_tiles.unwrap_or(0);
            format!(
                "{pass}{{objective={objective} max-tiles={max_tiles} transport={transport} simulate=true}}"
            )
        }
        "aie4ml-plan-transport" => format!("{pass}{{transport={transport}}}"),
        _ => pass.into(),
    }
}

/// A pipeline of one pass.
fn nested(pass: &str, on: &str) -> String {
    match on {
        "builtin.module" => format!("builtin.module({pass})"),
        _ => format!("builtin.module({on}({pass}))"),
    }
}

/// The named pipeline `aie4ml-compile`, as text within a `builtin.module`: what [`compile`] runs if
/// nothing is asked for.
pub fn pipeline() -> String {
    let options = Options::default();
    let nested = PIPELINE.iter().map(|&(pass, on)| {
        let pass = with_options(pass, &options);
        if on == "builtin.module" { pass } else { format!("{on}({pass})") }
    });
    nested.collect::<Vec<_>>().join(",")
}

/// What a compilation writes into its folder.
const OURS: [&str; 11] =
    [MODEL, NETWORK, MAPPED, DESIGN, HOST, KERNELS, REPORT, PAGE, MANIFEST, NPU, vitis::FOLDER];

/// Whether a folder is free, or holds nothing but `ours`.
pub(crate) fn check_replaceable(folder: &Path, ours: &[&str]) -> Result<(), Error> {
    let fail = |text: String| Err(Error::new(folder.display(), text));
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let name = match entry {
                    Ok(entry) => entry.file_name(),
                    Err(error) => return fail(format!("cannot be read: {error}")),
                };
                if !ours.iter().any(|our| name == *our) {
                    return fail(format!(
                        "holds '{}', which aie4ml did not write: choose another folder, or an empty one",
                        name.display()
                    ));
                }
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => fail(format!("cannot be written: {error}")),
    }
}

/// Puts the files into a folder beside the wanted one, then in its place.
pub(crate) fn write(folder: &Path, files: &BTreeMap<PathBuf, String>) -> Result<(), Error> {
    Staged::new(folder, files)?.put()
}

/// A folder that is written beside the wanted one, to be put in its place when it is whole.
///
/// **Invariant:** what is dropped before it is put leaves nothing behind.
struct Staged<'p> {
    /// As the user said it.
    folder: &'p Path,
    /// The wanted folder, without links: what is beside it is on the same file system.
    target: PathBuf,
    new: PathBuf,
    old: PathBuf,
}

impl<'p> Staged<'p> {
    fn new(folder: &'p Path, files: &BTreeMap<PathBuf, String>) -> Result<Self, Error> {
        let target = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let beside =
            |suffix: &str| target.with_file_name(format!(".{name}.{}{suffix}", process::id()));
        let (new, old) = (beside(".new"), beside(".old"));
        let staged = Staged { folder, new, old, target };
        staged.write(files)?;
        Ok(staged)
    }

    fn write<T: AsRef<[u8]>>(&self, files: &BTreeMap<PathBuf, T>) -> Result<(), Error> {
        write_files(&self.new, files).map_err(|error| self.fail(&error))
    }

    /// Puts it in place of what is there.
    fn put(self) -> Result<(), Error> {
        let Staged { target, new, old, .. } = &self;
        let put = || {
            if !target.exists() {
                return fs::rename(new, target);
            }
            fs::rename(target, old)?;
            fs::rename(new, target).inspect_err(|_| {
                _ = fs::rename(old, target);
            })?;
            fs::remove_dir_all(old)
        };
        put().map_err(|error| self.fail(&error))
    }

    fn fail(&self, error: &io::Error) -> Error {
        Error::new(self.folder.display(), format_args!("cannot be written: {error}"))
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.new);
    }
}

fn write_files<T: AsRef<[u8]>>(folder: &Path, files: &BTreeMap<PathBuf, T>) -> io::Result<()> {
    for (path, content) in files {
        let (path, content) = (folder.join(path), content.as_ref());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content)?;
        if content.starts_with(b"#!") {
            make_executable(&path)?;
        }
    }
    Ok(())
}

fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}
