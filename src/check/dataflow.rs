//! Proof that every core gets exactly the elements that it needs.
//!
//! The program is run with *tags* in place of values: a tag names an element of
//! an input or of a layer's output by tensor, iteration, row and column. Each
//! core's [`Slice`] says what its layer reads and which part of it the core
//! needs; a call of its kernel checks that its buffers hold the tags of these
//! elements, in blocked order, and writes the tags of what it computes.
//!
//! What is accepted. An input element of a real row and a real feature has to
//! be the very element. At a feature beyond the slice, in a real row: zero, or
//! anything (even memory that was never written) where all weights that it
//! meets are zero, for zero times anything is zero in integers. In a padded
//! row: anything, for a row of the output depends on that row only, and no
//! output of the program has padded rows. Weights and bias have to be what the
//! program initially puts into these buffers. That those are the model's is not
//! shown here, nor what a kernel computes: running the design shows that.
//!
//! Why one run is enough. Without races ([`super::races`]) no actor can tell
//! timings apart, so this run stands for all. Four iterations run, two and two, or
//! whole invocations if tensors lie in the host's memory; after either half all locks, channels and cores stand alike, so that all
//! further iterations are as these. Kernels use their cascade as often as makes a core wait until the
//! end of its chain has begun, which is the most that any kernel can demand.

use super::{At, Violation, races};
use crate::{
    array::{Argument, Interface, Program, Slice, Source, Stmt, Tile, Type},
    device::Device,
    kernel::{Add, Dense, Integer, Kernel, Role},
    plan::microtile::Microtile,
    sim::{CASCADE_BYTES, Call, Cell as _, Engine, Failure, Interrupt, Tag, Value},
};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    ops::Range,
    rc::Rc,
};

/// Iterations that buffers take turns in.
const TURNS: usize = 2;

/// Bits of a tag for each part of a name.
const TENSOR_BITS: u32 = 10;
const ITERATION_BITS: u32 = 13;
const ROW_BITS: u32 = 14;
const COLUMN_BITS: u32 = 18;
const BYTE_BITS: u32 = 3;

/// Check a program of this compiler, all of whose cores say what they compute.
pub fn check(program: &Program) -> Vec<Violation> {
    let network = match Network::new(program) {
        Ok(network) => network,
        Err(found) => return found,
    };
    let found = races::check(program, |core, argument| {
        // The last core of a cascade writes its last argument.
        core.slice.as_ref().is_some_and(|slice| {
            let bias = usize::from(!elementwise(slice) && slice.cascade.0 == 0);
            slice.cascade.0 + 1 == slice.cascade.1 && argument == 2 + bias
        })
    });
    if !found.is_empty() {
        return found;
    }
    match run(program, network) {
        Ok(()) => Vec::new(),
        Err(found) => vec![found],
    }
}

//===----------------------------------------------------------------------===//
// Tags
//===----------------------------------------------------------------------===//

/// What a tag says of a byte. All extents are below what their bits can say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Name {
    kind: Kind,
    /// Index of the input or of the layer.
    tensor: usize,
    iteration: usize,
    row: usize,
    column: usize,
    byte: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Input = 1,
    /// An output of a layer.
    Output = 2,
    /// What a layer computes beyond its outputs, or hands on in its cascade.
    Other = 3,
}

impl Name {
    const fn tag(self) -> Tag {
        let high = (self.kind as u64) << TENSOR_BITS | self.tensor as u64;
        let middle = (high << ITERATION_BITS | self.iteration as u64) << ROW_BITS | self.row as u64;
        Tag((middle << COLUMN_BITS | self.column as u64) << BYTE_BITS | self.byte as u64)
    }

    fn of(tag: Tag) -> Option<Name> {
        let mut rest = tag.0;
        let mut field = |bits: u32| {
            let value = rest & ((1 << bits) - 1);
            rest >>= bits;
            value as usize
        };
        let (byte, column, row) = (field(BYTE_BITS), field(COLUMN_BITS), field(ROW_BITS));
        let (iteration, tensor) = (field(ITERATION_BITS), field(TENSOR_BITS));
        let kind = match rest {
            1 => Kind::Input,
            2 => Kind::Output,
            3 => Kind::Other,
            _ => return None,
        };
        Some(Name { kind, tensor, iteration, row, column, byte })
    }
}

//===----------------------------------------------------------------------===//
// What each core should do
//===----------------------------------------------------------------------===//

/// The layers as the cores' slices describe them.
struct Network {
    layers: Vec<Layer>,
    /// One per core of the program.
    tasks: Vec<Task>,
    input_names: Vec<String>,
}

struct Layer {
    name: String,
    sources: Vec<Source>,
    outputs: Vec<usize>,
    /// Features of its output.
    n: usize,
    rows: usize,
}

/// What one core does in a call.
struct Task {
    layer: usize,
    /// Kind and index of each tensor that it reads.
    sources: Vec<(Kind, usize)>,
    slice: Slice,
    /// Rows, inputs and outputs of its buffers, padding included.
    rows: usize,
    k: usize,
    n: usize,
    /// Whether all weights of an input feature are zero, for features beyond the slice.
    unused: Vec<bool>,
}

/// Whether a layer combines its inputs element by element: one that multiplies
/// by weights reads a single tensor.
fn elementwise(slice: &Slice) -> bool {
    slice.sources.len() > 1
}

impl Network {
    fn new(program: &Program) -> Result<Network, Vec<Violation>> {
        let mut found = Vec::new();
        let mut layers: Vec<Layer> = Vec::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        let mut slices = Vec::new();
        for (index, core) in program.cores.iter().enumerate() {
            let Some(slice) = &core.slice else {
                found.push(Violation::new(
                    At::Core(index),
                    "has no 'aie4ml.slice', so what it should compute is not known",
                ));
                continue;
            };
            let layer = *by_name.entry(&slice.layer).or_insert_with(|| {
                layers.push(Layer {
                    name: slice.layer.clone(),
                    sources: slice.sources.clone(),
                    outputs: slice.outputs.clone(),
                    n: 0,
                    rows: slice.rows,
                });
                members.push(Vec::new());
                layers.len() - 1
            });
            layers[layer].n = layers[layer].n.max(slice.n.1);
            members[layer].push(index);
            slices.push((layer, slice));
        }
        if !found.is_empty() {
            return Err(found);
        }
        if layers.len().max(program.inputs.len()) >= 1 << TENSOR_BITS {
            return Err(vec![Violation::new(At::Device, "has too many layers or inputs to check")]);
        }
        for (layer, members) in layers.iter().zip(&members) {
            found.extend(partition(program, layer, members, &layers, &by_name));
        }
        for (index, output) in program.outputs.iter().enumerate() {
            let fillers: Vec<&Layer> =
                layers.iter().filter(|layer| layer.outputs.contains(&index)).collect();
            match fillers.as_slice() {
                [layer] if (layer.rows, layer.n) == (output.rows, output.columns) => {}
                [layer] => found.push(Violation::new(
                    At::Device,
                    format_args!(
                        "has output '{}' of {} rows and {} columns, but layer '{}' makes {} and {}",
                        output.name, output.rows, output.columns, layer.name, layer.rows, layer.n
                    ),
                )),
                list => found.push(Violation::new(
                    At::Device,
                    format_args!("has output '{}' that {} layers fill", output.name, list.len()),
                )),
            }
        }
        if !found.is_empty() {
            return Err(found);
        }
        let alignment =
            Device::by_name(&program.device).map_or(1, |device| device.vector_alignment);
        let mut tasks = Vec::new();
        for (index, (layer, slice)) in slices.into_iter().enumerate() {
            let source = |source: &Source| match source {
                Source::Input(input) => (Kind::Input, *input),
                // That it is there was checked with the layer.
                Source::Layer(name) => {
                    (Kind::Output, by_name.get(name.as_str()).copied().unwrap_or(0))
                }
            };
            let sources = slice.sources.iter().map(source).collect();
            match Task::new(program, index, layer, sources, slice, alignment) {
                Ok(task) => tasks.push(task),
                Err(message) => found.push(Violation::new(At::Core(index), message)),
            }
        }
        if !found.is_empty() {
            return Err(found);
        }
        let input_names = program.inputs.iter().map(|input| input.name.clone()).collect();
        Ok(Network { layers, tasks, input_names })
    }

    /// A tag in words.
    fn describe(&self, tag: Tag) -> String {
        if tag == Tag::ZERO {
            return "a zero of padding".into();
        }
        if tag == Tag::UNDEFINED {
            return "memory that nothing has written".into();
        }
        if let Some(byte) = tag.as_constant() {
            return format!("the constant {byte}");
        }
        let Some(Name { kind, tensor, iteration, row, column, byte }) = Name::of(tag) else {
            return "something unknown".into();
        };
        let layer = || self.layers.get(tensor).map_or("?", |layer| &layer.name);
        let whose = match kind {
            Kind::Input => {
                format!("input '{}'", self.input_names.get(tensor).map_or("?", |name| name))
            }
            Kind::Output => format!("'{}'", layer()),
            Kind::Other => format!("the padding of '{}'", layer()),
        };
        let byte = if byte > 0 { format!("byte {byte} of ") } else { String::new() };
        format!("{byte}row {row}, feature {column} of {whose} in iteration {iteration}")
    }
}

/// What is wrong with how a layer is cut over its cores.
fn partition(
    program: &Program,
    layer: &Layer,
    members: &[usize],
    layers: &[Layer],
    by_name: &HashMap<&str, usize>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    let slice = |core: usize| program.cores[core].slice.as_ref();
    let Some(first) = members.first().and_then(|&core| slice(core)) else { return found };
    let mut kernels: BTreeMap<usize, &str> = BTreeMap::new();
    for &core in members {
        let Some(mine) = slice(core) else { continue };
        let same =
            |a: &Slice| (a.sources.clone(), a.outputs.clone(), a.cascade.1, a.rows, a.microtile);
        if same(mine) != same(first) {
            found.push(Violation::new(
                At::Core(core),
                format_args!("describes layer '{}' otherwise than its other cores", layer.name),
            ));
        }
        let (position, length) = mine.cascade;
        // First, middle and last cores each have a kernel of their own.
        let role = usize::from(position > 0) + usize::from(position + 1 == length) * 2;
        for name in calls(&program.cores[core].body, program) {
            let usual = *kernels.entry(role).or_insert(name);
            if usual != name {
                found.push(Violation::new(
                    At::Core(core),
                    format_args!("calls '{name}', but another core of layer '{}' calls '{usual}' in its place", layer.name),
                ));
            }
        }
    }
    let shape = |source: &Source| match source {
        Source::Input(input) => program.inputs.get(*input).map(|input| (input.rows, input.columns)),
        Source::Layer(name) => {
            by_name.get(name.as_str()).map(|&source| (layers[source].rows, layers[source].n))
        }
    };
    let shapes: Option<Vec<_>> = layer.sources.iter().map(shape).collect();
    let Some([(rows, columns), others @ ..]) = shapes.as_deref() else {
        found.push(Violation::new(
            At::Core(members[0]),
            format_args!("has layer '{}' read what is neither an input nor a layer", layer.name),
        ));
        return found;
    };
    let (rows, columns) = (*rows, *columns);
    if others.iter().any(|&other| other != (rows, columns)) {
        found.push(Violation::new(
            At::Core(members[0]),
            format_args!("has layer '{}' combine tensors of different extents", layer.name),
        ));
    }
    let elementwise = elementwise(first);
    // Every pair of a cascade position and a slice of outputs, once.
    let mut grid: BTreeMap<((usize, usize), usize), usize> = BTreeMap::new();
    for &core in members {
        let Some(mine) = slice(core) else { continue };
        if let Some(other) = grid.insert((mine.n, mine.cascade.0), core) {
            found.push(Violation::new(
                At::Core(core),
                format_args!(
                    "has the same part of layer '{}' as the core of {}",
                    layer.name, program.cores[other].tile
                ),
            ));
        }
    }
    let mut next = (0, 0, 0);
    for (&((begin, end), position), &core) in &grid {
        let Some(mine) = slice(core) else { continue };
        let length = mine.cascade.1;
        let starts_chain = position == 0;
        let fits = if elementwise {
            begin == next.1 && mine.k == mine.n && mine.cascade == (0, 1)
        } else if starts_chain {
            begin == next.1 && next.2 == 0 && mine.k.0 == 0
        } else {
            (begin, position) == (next.0, next.2)
                && mine.k.0 == grid_end(&grid, (begin, end), position - 1, program)
        };
        let ends = position + 1 == length;
        if !fits
            || begin >= end
            || mine.k.0 >= mine.k.1
            || position >= length
            || (ends && !elementwise && mine.k.1 != columns)
        {
            found.push(Violation::new(
                At::Core(core),
                format_args!(
                    "has inputs {}..{} and outputs {begin}..{end} of layer '{}', which leaves a gap or overlaps in {columns} inputs and {} outputs",
                    mine.k.0, mine.k.1, layer.name, layer.n
                ),
            ));
            break;
        }
        next = (begin, end, if ends { 0 } else { position + 1 });
    }
    if found.is_empty() && elementwise && next.1 != columns {
        found.push(Violation::new(
            At::Core(members[0]),
            format_args!(
                "has layer '{}' of {} features, which reads {columns}",
                layer.name, next.1
            ),
        ));
    }
    if found.is_empty() && next.2 != 0 {
        found.push(Violation::new(
            At::Core(members[0]),
            format_args!(
                "has layer '{}' whose last cascade ends at position {}",
                layer.name, next.2
            ),
        ));
    }
    if rows != layer.rows || rows == 0 {
        found.push(Violation::new(
            At::Core(members[0]),
            format_args!(
                "has {} rows of layer '{}', whose source has {rows}",
                layer.rows, layer.name
            ),
        ));
    }
    found
}

/// Where the inputs of a chain's core end.
fn grid_end(
    grid: &BTreeMap<((usize, usize), usize), usize>,
    n: (usize, usize),
    position: usize,
    program: &Program,
) -> usize {
    let core = grid.get(&(n, position)).and_then(|&core| program.cores[core].slice.as_ref());
    core.map_or(0, |slice| slice.k.1)
}

/// Names of the kernels that statements call.
fn calls<'a>(body: &[Stmt], program: &'a Program) -> Vec<&'a str> {
    let mut names = Vec::new();
    for statement in body {
        match statement {
            Stmt::Call { kernel, .. } => {
                names.extend(program.kernels.get(kernel.0).map(|kernel| kernel.name.as_str()));
            }
            Stmt::For { body, .. } => names.extend(calls(body, program)),
            Stmt::UseLock(_) => {}
        }
    }
    names
}

/// Arguments of the first call of a core.
fn first_call(body: &[Stmt]) -> Option<(usize, &[Argument])> {
    body.iter().find_map(|statement| match statement {
        Stmt::Call { kernel, arguments, .. } => Some((kernel.0, arguments.as_slice())),
        Stmt::For { body, .. } => first_call(body),
        Stmt::UseLock(_) => None,
    })
}

impl Task {
    /// The task of core `index`, if what it calls agrees with its slice.
    fn new(
        program: &Program,
        index: usize,
        layer: usize,
        sources: Vec<(Kind, usize)>,
        slice: &Slice,
        alignment: u32,
    ) -> Result<Task, String> {
        let Some((kernel, arguments)) = first_call(&program.cores[index].body) else {
            return Err(format!("calls no kernel, but has a slice of layer '{}'", slice.layer));
        };
        let kernel = program.kernels.get(kernel).ok_or("calls what is not declared")?;
        let (m, mk, mn) = slice.microtile;
        if m == 0 || mk == 0 || mn == 0 {
            return Err("has a microtile of extent 0".into());
        }
        let rows = slice.rows.next_multiple_of(m);
        let size = |argument: usize| match kernel.arguments.get(argument) {
            Some(Type::MemRef(shape, _)) => Ok(shape.iter().product::<usize>()),
            _ => Err(format!("calls '{}', whose argument {argument} is no buffer", kernel.name)),
        };
        let (has_bias, has_output) = (slice.cascade.0 == 0, slice.cascade.0 + 1 == slice.cascade.1);
        let elementwise = elementwise(slice);
        let k = size(0)? / rows;
        let n = if elementwise { k } else { size(1)? / k.max(1) };
        let mut expected = vec![rows * k];
        if elementwise {
            expected.resize(slice.sources.len() + 1, rows * k);
        } else {
            expected.push(k * n);
            expected.extend(has_bias.then_some(n));
            expected.extend(has_output.then_some(rows * n));
        }
        let sizes = (0..kernel.arguments.len()).map(size).collect::<Result<Vec<_>, _>>()?;
        // The name of our kernels states role, extents and microtile.
        let spec = Kernel::Dense(Dense {
            role: Role::of(slice.cascade.0, slice.cascade.1),
            microtile: Microtile { m, k: mk, n: mn },
            rows,
            k,
            n,
            input: Integer { bits: 8, signed: true },
            weight: Integer { bits: 8, signed: true },
            output: Integer { bits: 8, signed: true },
            accumulator: 32,
            stages: Vec::new(),
        });
        // What follows the shape starts with an underscore.
        let name = if elementwise { Add::name_of(rows, n) } else { spec.name() };
        let shape = name.split("_i8").next().unwrap_or(&name);
        if sizes != expected
            || (elementwise && mk != mn)
            || k % mk != 0
            || n % mn != 0
            || slice.k.1 - slice.k.0 > k
            || slice.n.1 - slice.n.0 > n
            || !(kernel.name.starts_with(shape) && kernel.name[shape.len()..].starts_with('_'))
        {
            return Err(format!(
                "calls '{}', which does not compute inputs {}..{} and outputs {}..{} of {} rows in blocks of {m}x{mk}x{mn} at position {} of {}",
                kernel.name,
                slice.k.0,
                slice.k.1,
                slice.n.0,
                slice.n.1,
                slice.rows,
                slice.cascade.0,
                slice.cascade.1
            ));
        }
        let columns = slice.k.1.max(slice.n.1);
        if rows >= 1 << ROW_BITS || columns >= 1 << COLUMN_BITS {
            return Err("is too large to check".into());
        }
        // Kernels load and store whole vectors.
        for argument in arguments {
            if let Argument::Buffer(buffer) = argument
                && let Some(address) = program.buffers[buffer.0].address
                && !address.is_multiple_of(alignment)
            {
                return Err(format!(
                    "has '{}' at address {address}, which is not a multiple of {alignment}",
                    program.buffers[buffer.0].name
                ));
            }
        }
        let mut unused = Vec::new();
        if elementwise {
            // What is beyond the slice meets what is beyond the other's only.
            unused = vec![true; k - (slice.k.1 - slice.k.0)];
        } else if let Some(Argument::Buffer(weights)) = arguments.get(1) {
            let weights = &program.buffers[weights.0];
            let Some(initial) = &weights.initial else {
                return Err(format!("has no initial contents in its weights '{}'", weights.name));
            };
            let width = weights.element.bytes();
            let (row, block) = (mn * width, mk * mn * width);
            for feature in slice.k.1 - slice.k.0..k {
                let start = feature / mk * block + feature % mk * row;
                let rows = (0..n / mn).filter_map(|nb| {
                    let start = start + nb * (k / mk) * block;
                    initial.get(start..start + row)
                });
                unused.push(rows.flatten().all(|&byte| byte == 0));
            }
        }
        Ok(Task { layer, sources, slice: slice.clone(), rows, k, n, unused })
    }
}

//===----------------------------------------------------------------------===//
// The run
//===----------------------------------------------------------------------===//

struct Checker {
    network: Network,
    /// Where they are and what they hold at first, by the names of buffers,
    /// which cores pass to their kernels.
    initial: HashMap<String, (Tile, Vec<u8>)>,
    /// Calls of each core so far.
    calls: Vec<Cell<usize>>,
    /// Cascade values of a call, per core of the cascade.
    depth: usize,
    /// Of each of two runs.
    iterations: usize,
    failure: RefCell<Option<Violation>>,
}

fn run(program: &Program, network: Network) -> Result<(), Violation> {
    let device = Device::by_name(&program.device)
        .ok_or_else(|| Violation::new(At::Device, "is of a device that is not known"))?;
    let initial = program.buffers.iter();
    let initial = initial.filter_map(|b| Some((b.name.clone(), (b.tile, b.initial.clone()?))));
    let initial = initial.collect();
    let checker = Rc::new(Checker {
        initial,
        calls: network.tasks.iter().map(|_| Cell::new(0)).collect(),
        depth: device.cascade_depth as usize,
        iterations: iterations(program)?,
        failure: RefCell::new(None),
        network,
    });
    let kernels = {
        let checker = checker.clone();
        Rc::new(move |call: &Call<Tag>| checker.call(call))
    };
    let fail = |failure: Failure| match checker.failure.take() {
        Some(violation) => violation,
        None => explain(failure),
    };
    let mut engine = Engine::new(program, kernels).map_err(fail)?;
    let mut states = Vec::new();
    let count = checker.iterations;
    for round in 0..2 {
        let inputs: Vec<Vec<Tag>> =
            (0..program.inputs.len()).map(|i| tensor(program, round, count, i)).collect();
        let outputs = engine.run(&inputs, count).map_err(fail)?;
        for (index, output) in outputs.iter().enumerate() {
            checker.output(program, round, index, output)?;
        }
        let iterations = (round + 1) * count;
        if let Some(core) = checker.calls.iter().position(|calls| calls.get() != iterations) {
            return Err(Violation::new(
                At::Core(core),
                format_args!(
                    "has called its kernel {} times when all outputs of {iterations} iterations have arrived",
                    checker.calls[core].get()
                ),
            ));
        }
        states.push(engine.state());
    }
    if states[0] == states[1] {
        return Ok(());
    }
    let message = format!(
        "does not stand after {} iterations as it did after {count}: sooner or later it stops or loses data",
        2 * count
    );
    let differences = engine.differences(&states[0], &states[1]).join(", ");
    Err(Violation {
        at: At::Device,
        message,
        notes: vec![format!("otherwise stand: {differences}")],
    })
}

/// Iterations of each of two runs: whole turns of the buffers, in whole invocations.
fn iterations(program: &Program) -> Result<usize, Violation> {
    let mut all = program.inputs.iter().chain(&program.outputs);
    let held = all.find_map(|tensor| {
        let rows = program.buffers.get(tensor.memory?.0)?.shape.first()?;
        Some(rows / tensor.rows.max(1))
    });
    let invocation = held.unwrap_or(1).max(1);
    let turns = if invocation.is_multiple_of(TURNS) { 1 } else { TURNS };
    if 2 * turns * invocation < 1 << ITERATION_BITS {
        return Ok(turns * invocation);
    }
    let message = format!("has {invocation} iterations in one invocation, too many to check");
    Err(Violation::new(At::Device, message))
}

/// Tags of the iterations of a round of an input.
fn tensor(program: &Program, round: usize, count: usize, tensor: usize) -> Vec<Tag> {
    tags(&program.inputs[tensor], round * count..(round + 1) * count, Kind::Input, tensor).collect()
}

/// Tags of the iterations of a round, as host tensors have them.
fn tags(
    interface: &Interface,
    iterations: Range<usize>,
    kind: Kind,
    tensor: usize,
) -> impl Iterator<Item = Tag> {
    let Interface { rows, columns, element, .. } = *interface;
    let of_row = move |(iteration, row)| {
        (0..columns).flat_map(move |column| {
            (0..element.bytes())
                .map(move |byte| Name { kind, tensor, iteration, row, column, byte }.tag())
        })
    };
    iterations
        .flat_map(move |iteration| (0..rows).map(move |row| (iteration, row)))
        .flat_map(of_row)
}

/// A failure of the run as a violation: its first line, and notes.
fn explain(failure: Failure) -> Violation {
    let text = failure.to_string();
    let text = match failure {
        Failure::Deadlock(_) => format!("comes to a {text}"),
        Failure::Leftover(_) => format!("does not come to rest: {text}"),
        _ => format!("does not run: {text}"),
    };
    // Lines that are not indented begin a paragraph.
    let mut paragraphs: Vec<String> = Vec::new();
    for line in text.lines() {
        match paragraphs.last_mut() {
            Some(last) if line.starts_with("  ") => {
                last.push('\n');
                last.push_str(line);
            }
            _ => paragraphs.push(line.to_string()),
        }
    }
    let mut paragraphs = paragraphs.into_iter();
    let mut first = paragraphs.next().unwrap_or_default();
    let mut notes = Vec::new();
    // An error message is one line.
    if let Some((head, rest)) = first.clone().split_once(":\n") {
        notes.push(rest.trim_start().to_string());
        first = head.to_string();
    }
    notes.extend(paragraphs);
    Violation { at: At::Device, message: first, notes }
}

impl Checker {
    fn call(&self, call: &Call<Tag>) -> Result<Vec<i64>, Interrupt> {
        let iteration = self.calls[call.core].get();
        self.calls[call.core].set(iteration + 1);
        let result = self.compute(call, iteration);
        if let Err(Interrupt::Error(message)) = &result {
            let violation = Violation::new(At::Core(call.core), message);
            self.failure.borrow_mut().get_or_insert(violation);
        }
        result.map(|()| Vec::new())
    }

    fn compute(&self, call: &Call<Tag>, iteration: usize) -> Result<(), Interrupt> {
        let task = &self.network.tasks[call.core];
        let (position, length) = task.slice.cascade;
        let layer = &self.network.layers[task.layer].name;
        let mut buffers = Vec::new();
        for argument in call.arguments {
            match argument {
                Value::Memory { cells, name, element } => {
                    buffers.push((*cells, *name, element.bytes()))
                }
                Value::Integer(_) => {
                    return Err(format!("gives '{}' a number", call.kernel.name).into());
                }
            }
        }
        let elementwise = elementwise(&task.slice);
        let expected = match elementwise {
            true => vec![task.rows * task.k; task.sources.len()],
            false => vec![task.rows * task.k, task.k * task.n],
        };
        for (index, size) in expected.into_iter().enumerate() {
            if buffers.get(index).is_none_or(|(cells, _, width)| cells.len() != size * width) {
                return Err(format!(
                    "gives '{}' an argument {index} of another size",
                    call.kernel.name
                )
                .into());
            }
        }
        if iteration >= 2 * self.iterations {
            return Err(format!(
                "computes layer '{layer}' at {} for iteration {iteration}, of which there are {}",
                call.tile,
                2 * self.iterations
            )
            .into());
        }
        // Weights and, on the first core, bias.
        let constants = match elementwise {
            true => 0..0,
            false => 1..2 + usize::from(position == 0).min(buffers.len() - 2),
        };
        for (cells, name, _) in &buffers[constants] {
            let initial = self.initial.get(*name);
            // A neighbor's weights have the right shape, but are for another slice.
            if let Some((tile, _)) = initial.filter(|(tile, _)| *tile != call.tile) {
                return Err(format!(
                    "takes '{name}' of {tile} at {} in iteration {iteration}, needs weights of its own",
                    call.tile
                )
                .into());
            }
            let same = |(_, initial): &(Tile, Vec<u8>)| {
                cells
                    .iter()
                    .zip(initial)
                    .all(|(cell, &byte)| cell.get().as_constant() == Some(byte))
            };
            if !initial.is_some_and(same) {
                return Err(format!(
                    "reads '{name}' at {} in iteration {iteration}, which is not what it was in the beginning",
                    call.tile
                )
                .into());
            }
        }
        for (&source, &(cells, _, width)) in task.sources.iter().zip(&buffers) {
            self.input(call, task, source, iteration, cells, width)?;
        }
        self.cascade(call, task, iteration)?;
        if position + 1 == length {
            let Some(&(cells, _, width)) = buffers.last().filter(|_| buffers.len() >= 3) else {
                return Err(format!("gives '{}' no buffer for its output", call.kernel.name).into());
            };
            output(task, iteration, cells, width);
        }
        Ok(())
    }

    fn input(
        &self,
        call: &Call<Tag>,
        task: &Task,
        (kind, tensor): (Kind, usize),
        iteration: usize,
        cells: &[Cell<Tag>],
        width: usize,
    ) -> Result<(), Interrupt> {
        let (m, k, _) = task.slice.microtile;
        let (begin, real) = (task.slice.k.0, task.slice.k.1 - task.slice.k.0);
        let mut at = 0;
        for mb in 0..task.rows / m {
            for kb in 0..task.k / k {
                for row in mb * m..(mb + 1) * m {
                    for feature in kb * k..(kb + 1) * k {
                        let element = &cells[at..at + width];
                        at += width;
                        if row >= task.slice.rows {
                            continue;
                        }
                        let column = begin + feature;
                        let name = Name { kind, tensor, iteration, row, column, byte: 0 };
                        let tag = name.tag().0;
                        let (good, what) = if feature < real {
                            (
                                element.iter().zip(tag..).all(|(cell, tag)| cell.get() == Tag(tag)),
                                "",
                            )
                        } else {
                            let zero = |cell: &Cell<Tag>| {
                                cell.get() == Tag::ZERO || cell.get().as_constant() == Some(0)
                            };
                            (task.unused[feature - real] || element.iter().all(zero), "padded ")
                        };
                        if good {
                            continue;
                        }
                        let found =
                            element.iter().zip(tag..).find(|(cell, tag)| cell.get() != Tag(*tag));
                        let found = found.map_or(element[0].get(), |(cell, _)| cell.get());
                        let expected = if feature < real {
                            self.network.describe(name.tag())
                        } else {
                            "zero".to_string()
                        };
                        return Err(format!(
                            "gets {} as {what}input {column} of row {row} of layer '{}' at {} in iteration {iteration}, needs {expected}",
                            self.network.describe(found),
                            task.slice.layer,
                            call.tile,
                        )
                        .into());
                    }
                }
            }
        }
        Ok(())
    }

    /// Take and hand on partial sums: tags of layer, iteration, position and chain.
    fn cascade(&self, call: &Call<Tag>, task: &Task, iteration: usize) -> Result<(), Interrupt> {
        let (position, length) = task.slice.cascade;
        let sum = |position| {
            let name = Name {
                kind: Kind::Other,
                tensor: task.layer,
                iteration,
                row: position,
                column: task.slice.n.0,
                byte: 0,
            };
            name.tag()
        };
        // More than all cascades of the chain hold together.
        let count = if length > 1 { self.depth * length + 1 } else { 0 };
        for _ in 0..count {
            if position > 0 {
                let found = call.cascade.get()?[0];
                if found != sum(position - 1) {
                    let whose = match Name::of(found) {
                        Some(Name {
                            kind: Kind::Other, tensor, iteration, row, column, ..
                        }) => format!(
                            "position {row} of the chain of outputs {column}.. of layer '{}' in iteration {iteration}",
                            self.network.layers.get(tensor).map_or("?", |layer| &layer.name)
                        ),
                        _ => "something else".to_string(),
                    };
                    return Err(format!(
                        "gets partial sums of {whose} at {}, needs those of position {} of the chain of outputs {}.. of layer '{}' in iteration {iteration}",
                        call.tile,
                        position - 1,
                        task.slice.n.0,
                        task.slice.layer
                    )
                    .into());
                }
            }
            if position + 1 < length {
                call.cascade.put([sum(position); CASCADE_BYTES])?;
            }
        }
        Ok(())
    }

    /// Check a tensor that the program delivered.
    fn output(
        &self,
        program: &Program,
        round: usize,
        index: usize,
        found: &[Tag],
    ) -> Result<(), Violation> {
        let interface = &program.outputs[index];
        let filler = self.network.layers.iter().position(|layer| layer.outputs.contains(&index));
        let iterations = round * self.iterations..(round + 1) * self.iterations;
        let expected = tags(interface, iterations, Kind::Output, filler.unwrap_or(0));
        for (&found, expected) in found.iter().zip(expected) {
            if found != expected {
                return Err(Violation::new(
                    At::Device,
                    format_args!(
                        "delivers {} in output '{}', needs {}",
                        self.network.describe(found),
                        interface.name,
                        self.network.describe(expected)
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// Write the tags of what a core computes, blocked.
fn output(task: &Task, iteration: usize, cells: &[Cell<Tag>], width: usize) {
    let (m, _, n) = task.slice.microtile;
    let real = task.slice.n.1 - task.slice.n.0;
    let mut at = 0;
    for mb in 0..task.rows / m {
        for nb in 0..task.n / n {
            for row in mb * m..(mb + 1) * m {
                for feature in nb * n..(nb + 1) * n {
                    let padding = row >= task.slice.rows || feature >= real;
                    let kind = if padding { Kind::Other } else { Kind::Output };
                    let column = task.slice.n.0 + feature;
                    for (byte, cell) in cells[at..at + width].iter().enumerate() {
                        cell.set(
                            Name { kind, tensor: task.layer, iteration, row, column, byte }.tag(),
                        );
                    }
                    at += width;
                }
            }
        }
    }
}
