//! What a compilation wrote, ready to run; an array program in the simulator,
//! with the kernels that it brings along.

mod foreign;
mod origin;
pub mod vitis;

use foreign::Foreign;
pub use foreign::Wishes;
use origin::Origin;

use crate::{
    array::{Argument, BufferId, Interface, KernelId, Program, Stmt},
    compile::{self, DESIGN, HOST, KERNELS},
    dialect::{aie, scalar},
    ir::{self, Error},
    mlir::tools,
    passes::outline_host_edges::{INPUT_SHAPES, OUTPUT_SHAPES},
    run::{self, Executable, Host, Level, Runner, Timed},
    sim::{
        self, Costs, Engine, Failure, Interrupt, Kernels, MOST_ITERATIONS, Timing, Value,
        host::HostKernels, iterations_to_settle,
    },
    tensor::Tensor,
};
use melior::{
    Context,
    ir::{Module, OperationRef, operation::OperationLike},
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write},
    path::Path,
    rc::Rc,
};

/// Affine loops and accesses of cores become what the simulator executes.
const LOOPS: &str = "builtin.module(lower-affine)";

/// Prepares a folder that [`compile`](crate::compile::compile) wrote, a file of IR of any level, a
/// model, which runs as its frontend says it, or a project for Vitis, which runs in the emulation
/// of ADF after its graph was held against the design.
///
/// # Errors
///
/// If it is neither, or cannot be executed.
pub fn open(path: &Path) -> Result<Runner, Error> {
    open_with(path, &Wishes::default())
}

/// The same, with wishes for an array program.
///
/// # Errors
///
/// As [`open`], or if a wish names what is not there.
pub fn open_with(path: &Path, wishes: &Wishes) -> Result<Runner, Error> {
    if vitis::is_project(path) {
        let runner = vitis::open(path);
        return runner.map_err(|error| error.within(&path.display().to_string()));
    }
    let file = if path.is_dir() { path.join(DESIGN) } else { path.to_path_buf() };
    let context = tools::context();
    let extension = file.extension().and_then(|extension| extension.to_str());
    let mut module = match extension {
        Some("onnx" | "tflite" | "fml" | "mlir") => compile::import(&context, &file, wishes.batch)?,
        _ => ir::read(&context, &file)?,
    };
    let runner = if Level::of(&module) == Level::Array {
        lower_loops(&context, &mut module)?;
        let origin = Origin { file: file.clone(), device: wishes.device.clone() };
        let kernels = wishes.kernels.clone().unwrap_or_else(|| file.with_file_name(KERNELS));
        runner(&context, &module, &kernels, wishes, origin)
            .and_then(|runner| Ok(runner.with_host(host_beside(&context, &file)?)))
    } else if wishes.names_memory() {
        Err(Error::new("", "has no locks to release: only an array program has"))
    } else {
        Runner::compile(&module)
    };
    runner.map_err(|error| error.within(&file.display().to_string()))
}

/// What the host computes before and after the design of a compiled folder.
///
/// # Errors
///
/// If it cannot be executed.
pub fn host(folder: &Path) -> Result<Host, Error> {
    host_beside(&tools::context(), &folder.join(DESIGN))
}

/// What the host computes before and after the design that a compilation wrote.
fn host_beside(context: &Context, design: &Path) -> Result<Host, Error> {
    let file = design.with_file_name(HOST);
    if !file.exists() {
        return Ok(Host::default());
    }
    let text = fs::read_to_string(&file)
        .map_err(|error| Error::new(file.display(), format_args!("cannot be read: {error}")))?;
    // Another file of that name has nothing to do with it.
    if !text.contains("aie4ml.host") {
        return Ok(Host::default());
    }
    Host::of(&ir::parse(context, &text, HOST)?)
}

/// Lowers what cores hold of the affine dialect.
fn lower_loops(context: &Context, module: &mut Module) -> Result<(), Error> {
    let is_affine = |op: &OperationRef| {
        op.name().as_string_ref().as_str().is_ok_and(|name| name.starts_with("affine."))
    };
    if scalar::nested(module.as_operation()).iter().any(is_affine) {
        tools::register_upstream_passes();
        ir::run(context, module, LOOPS)?;
    }
    Ok(())
}

/// The program of the only `aie.device` of a module.
///
/// # Errors
///
/// If there is not one device, or it holds what a [`Program`] cannot express.
pub fn program(context: &Context, module: &Module) -> Result<Program, Error> {
    let device = chosen_device(module, None)?;
    ir::attempt(context, || aie::read(device))
}

/// The device of that name, or the only one.
fn chosen_device<'c, 'a>(
    module: &'a Module<'c>,
    name: Option<&str>,
) -> Result<OperationRef<'c, 'a>, Error> {
    let devices = aie::devices(module.as_operation());
    let names: Vec<&str> = devices.iter().map(|&device| aie::symbol_of(device)).collect();
    let is_it = |place: &usize| name.is_none_or(|name| name == names[*place]);
    let found: Vec<usize> = (0..devices.len()).filter(is_it).collect();
    let text = match (found.as_slice(), name) {
        (&[place], _) => return Ok(devices[place]),
        _ if devices.is_empty() => "holds no 'aie.device'".to_string(),
        (_, Some(name)) => {
            format!("holds no 'aie.device' called '{name}', but {}", names.join(", "))
        }
        (all, None) => format!(
            "holds {} 'aie.device' ops, of which one is executed: choose by --device {}",
            all.len(),
            names.join(" or ")
        ),
    };
    Err(Error::new("", text))
}

/// Prepares the wished, or the only, `aie.device` of a module that was read from `origin`;
/// `kernels` is the folder of its kernels' sources.
///
/// # Errors
///
/// If there is not one device, it holds what the simulator does not execute, or
/// its kernels do not compile.
fn runner(
    context: &Context,
    module: &Module,
    kernels: &Path,
    wishes: &Wishes,
    origin: Origin,
) -> Result<Runner, Error> {
    let device = chosen_device(module, wishes.device.as_deref())?;
    let program = ir::attempt(context, || aie::read(device))?;
    let host = HostKernels::new(&program, kernels)
        .map_err(|error| Error::new(kernels.display(), error))?;
    if program.inputs.is_empty() && program.outputs.is_empty() {
        let foreign = Foreign::new(program, Rc::new(host), wishes, origin)?;
        let (inputs, outputs) = foreign.interfaces();
        return Ok(Runner::new(Level::Array, inputs, outputs, Box::new(foreign)));
    }
    if wishes.names_memory() {
        return Err(Error::new(
            "",
            "has inputs and outputs of its own, which need no lock to be released",
        ));
    }
    let [inputs, outputs] = interfaces(device, &program)?;
    Ok(Runner::new(
        Level::Array,
        inputs,
        outputs,
        Box::new(Array { program, kernels: Rc::new(host), care: wishes.into(), origin }),
    ))
}

/// What goes in and out of a program, with the shapes of the model where its device says them.
///
/// # Errors
///
/// If a tensor holds no codes.
fn interfaces(device: OperationRef, program: &Program) -> Result<[Vec<run::Interface>; 2], Error> {
    let shaped = |list: &[Interface], shapes| -> Result<Vec<run::Interface>, Error> {
        let shapes = run::shapes(device, shapes);
        let all = list.iter().enumerate();
        all.map(|(index, one)| Ok(run::Interface::try_from(one)?.shaped(shapes.get(index))))
            .collect()
    };
    Ok([shaped(&program.inputs, INPUT_SHAPES)?, shaped(&program.outputs, OUTPUT_SHAPES)?])
}

/// What goes in and out of the only program of a module.
///
/// # Errors
///
/// As [`program`], or if a tensor holds no codes.
pub fn edges(module: &Module, program: &Program) -> Result<[Vec<run::Interface>; 2], Error> {
    interfaces(chosen_device(module, None)?, program)
}

struct Array {
    program: Program,
    kernels: Rc<dyn Kernels<u8>>,
    care: Care,
    origin: Origin,
}

/// What to look out for in a run.
#[derive(Clone, Copy)]
struct Care {
    check_races: bool,
    max_steps: Option<u64>,
}

impl From<&Wishes> for Care {
    fn from(&Wishes { check_races, max_steps, .. }: &Wishes) -> Care {
        Care { check_races, max_steps }
    }
}

impl Executable for Array {
    /// All batches back to back, as a stream of data would come.
    fn execute(&self, batches: Vec<Vec<Tensor>>) -> Result<Vec<Vec<Tensor>>, Error> {
        let blocks = blocks(&self.program).map_err(|error| fail(&error))?;
        let mut engine = self.start(None)?;
        let inputs = self.inputs(&batches, blocks);
        let results = self.run(&mut engine, &inputs, blocks * batches.len())?;
        self.outputs(&results, batches.len(), blocks)
    }

    /// The batches again and again, until all of the array is full long enough for its
    /// interval to show.
    fn execute_timed(
        &self,
        mut batches: Vec<Vec<Tensor>>,
        how: &Timed,
    ) -> Result<(Vec<Vec<Tensor>>, Timing), Error> {
        let blocks = blocks(&self.program).map_err(|error| fail(&error))?;
        let given = batches.len();
        let layers: BTreeSet<&str> = (self.program.cores.iter())
            .filter_map(|core| core.slice.as_ref().map(|slice| slice.layer.as_str()))
            .collect();
        let enough = iterations_to_settle(layers.len()).div_ceil(blocks.max(1));
        let mut wanted = enough.max(given);
        loop {
            for index in 0..wanted.saturating_sub(batches.len()) {
                let again = batches.get(index).cloned();
                batches.extend(again);
            }
            let mut engine = self.start(Some(how))?;
            let inputs = self.inputs(&batches, blocks);
            let results = self.run(&mut engine, &inputs, blocks * batches.len())?;
            let timing = timing(&engine)?;
            wanted = 2 * batches.len();
            if timing.steady || wanted * blocks > MOST_ITERATIONS {
                write_trace(&engine, how)?;
                return Ok((self.outputs(&results, given, blocks)?, timing));
            }
        }
    }
}

/// An array about to start `program`, with time if `timed`.
fn start(
    program: &Program,
    kernels: &Rc<dyn Kernels<u8>>,
    timed: Option<&Timed>,
    Care { check_races, max_steps }: Care,
) -> Result<Engine<u8>, Failure> {
    let engine = match timed {
        None => Engine::new(program, kernels.clone()),
        Some(how) => {
            let costs = Costs { kernels: how.kernels, latency: None };
            Engine::timed(program, kernels.clone(), costs)
        }
    };
    let mut engine = engine?;
    if check_races {
        engine.watch();
    }
    max_steps.into_iter().for_each(|steps| engine.give_up_after(steps));
    Ok(engine)
}

fn timing(engine: &Engine<u8>) -> Result<Timing, Error> {
    engine.timing().ok_or_else(|| fail(&"nothing takes time in this design"))
}

/// Writes the trace that `how` asks for.
fn write_trace(engine: &Engine<u8>, how: &Timed) -> Result<(), Error> {
    let Some(path) = &how.trace else { return Ok(()) };
    let write = || -> io::Result<()> {
        let mut file = io::BufWriter::new(fs::File::create(path)?);
        engine.write_trace(&mut file)?;
        file.flush()
    };
    write().map_err(|error| Error::new(path.display(), error))
}

fn fail(error: &dyn std::fmt::Display) -> Error {
    Error::new("array simulator", error)
}

impl Array {
    fn start(&self, timed: Option<&Timed>) -> Result<Engine<u8>, Error> {
        let engine = start(&self.program, &self.kernels, timed, self.care);
        engine.map_err(|failure| self.origin.explain(&failure))
    }

    fn run(
        &self,
        engine: &mut Engine<u8>,
        inputs: &[Vec<u8>],
        iterations: usize,
    ) -> Result<Vec<Vec<u8>>, Error> {
        engine.run(inputs, iterations).map_err(|failure| self.origin.explain(&failure))
    }

    /// All batches of each input, each filled up to whole iterations.
    fn inputs(&self, batches: &[Vec<Tensor>], blocks: usize) -> Vec<Vec<u8>> {
        let padded = |interface: &Interface, tensor: &Tensor| {
            let mut bytes = tensor.data().to_vec();
            bytes.resize(blocks * interface.rows * row_bytes(interface), 0);
            bytes
        };
        (self.program.inputs.iter().enumerate())
            .map(|(index, interface)| {
                batches.iter().flat_map(|batch| padded(interface, &batch[index])).collect()
            })
            .collect()
    }

    /// The outputs of each of the first `count` batches.
    fn outputs(
        &self,
        results: &[Vec<u8>],
        count: usize,
        blocks: usize,
    ) -> Result<Vec<Vec<Tensor>>, Error> {
        (0..count)
            .map(|batch| {
                (self.program.outputs.iter().zip(results))
                    .map(|(interface, bytes)| output(interface, bytes, batch, blocks))
                    .collect()
            })
            .collect()
    }
}

/// What a run of a design on made-up codes showed.
pub struct Observed {
    pub program: Program,
    pub timing: Timing,
    /// The first call of each core that called anything, by its index in the program.
    pub calls: BTreeMap<usize, Call>,
}

/// What a kernel was given and gave.
pub struct Call {
    pub kernel: KernelId,
    pub buffers: Vec<BufferId>,
    /// Bytes of each buffer, before and after.
    pub arguments: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Runs the design of a compiled folder on made-up codes of its whole ranges.
///
/// # Errors
///
/// If it cannot be executed.
pub fn observe(folder: &Path) -> Result<Observed, Error> {
    let file = folder.join(DESIGN);
    let context = tools::context();
    let module = ir::read(&context, &file)?;
    let program = program(&context, &module)?;
    let kernels = HostKernels::new(&program, &folder.join(KERNELS))
        .map_err(|error| Error::new(KERNELS, error))?;
    let recorder = Rc::new(Recorder { kernels, calls: RefCell::default() });
    let array = Array {
        program,
        kernels: recorder.clone(),
        care: Care { check_races: false, max_steps: None },
        origin: Origin { file, device: None },
    };
    let mut state = 1u64;
    let inputs = array.program.inputs.iter().map(|interface| {
        let native = run::Interface::try_from(interface)?;
        let (low, high) = interface.range;
        let codes = (0..interface.batch * interface.columns).map(|_| {
            // Knuth's MMIX generator; its high bits are the good ones.
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            low + ((state >> 33) % (high.abs_diff(low) + 1)) as i64
        });
        let codes: Vec<i64> = codes.collect();
        Ok(Tensor::from_integers(native.shape, native.native, &codes)?)
    });
    let inputs = inputs.collect::<Result<Vec<_>, Error>>()?;
    let (_, timing) = array.execute_timed(vec![inputs], &Timed::default())?;
    let found = recorder.calls.take().into_iter().filter_map(|(core, (kernel, arguments))| {
        let buffers = called(&array.program.cores[core].body)?;
        Some((core, Call { kernel, buffers, arguments }))
    });
    let calls = found.collect();
    Ok(Observed { program: array.program, timing, calls })
}

/// The buffers of the first call of a body.
fn called(body: &[Stmt]) -> Option<Vec<BufferId>> {
    body.iter().find_map(|statement| match statement {
        Stmt::Call { arguments, .. } => (arguments.iter())
            .map(|argument| match argument {
                Argument::Buffer(buffer) => Some(*buffer),
                _ => None,
            })
            .collect(),
        Stmt::For { body, .. } => called(body),
        Stmt::UseLock(_) => None,
    })
}

/// The kernel, and the bytes of each of its arguments before and after.
type Recorded = (KernelId, Vec<(Vec<u8>, Vec<u8>)>);

/// Kernels whose first call from each core is kept.
struct Recorder {
    kernels: HostKernels,
    calls: RefCell<BTreeMap<usize, Recorded>>,
}

impl Kernels<u8> for Recorder {
    fn call(&self, call: &sim::Call<'_, u8>) -> Result<Vec<i64>, Interrupt> {
        if self.calls.borrow().contains_key(&call.core) {
            return self.kernels.call(call);
        }
        let bytes = || {
            call.arguments.iter().map(|argument| match argument {
                Value::Memory { cells, .. } => cells.iter().map(|cell| cell.get()).collect(),
                Value::Integer(_) => Vec::new(),
            })
        };
        let before: Vec<Vec<u8>> = bytes().collect();
        // Others may call while this one waits for its cascade.
        let results = self.kernels.call(call)?;
        let arguments = before.into_iter().zip(bytes()).collect();
        self.calls.borrow_mut().insert(call.core, (call.id, arguments));
        Ok(results)
    }
}

/// Iterations of a batch, which every tensor at the edge has.
fn blocks(program: &Program) -> Result<usize, String> {
    let mut all = program.inputs.iter().chain(&program.outputs).map(|interface| {
        let rows = interface.rows.max(1);
        (interface.name.as_str(), interface.batch.div_ceil(rows))
    });
    let Some((first, blocks)) = all.next() else { return Ok(1) };
    match all.find(|(_, other)| *other != blocks) {
        None => Ok(blocks),
        Some((name, other)) => Err(format!(
            "'{first}' takes {blocks} iterations for a batch, but '{name}' takes {other}"
        )),
    }
}

fn row_bytes(interface: &Interface) -> usize {
    interface.columns * interface.element.bytes()
}

/// The rows of one batch, without those that fill its last iteration up.
fn output(
    interface: &Interface,
    bytes: &[u8],
    batch: usize,
    blocks: usize,
) -> Result<Tensor, Error> {
    let row = row_bytes(interface);
    let start = batch * blocks * interface.rows * row;
    let bytes = bytes.get(start..start + interface.batch * row).unwrap_or_default().to_vec();
    let native = run::Interface::try_from(interface)?.native;
    Ok(Tensor::new(vec![interface.batch, interface.columns], native, bytes)?)
}
