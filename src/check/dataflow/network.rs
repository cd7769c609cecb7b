//! What each core should do, as the cores' slices describe it.

use super::{
    super::{At, Violation},
    tag::{COLUMN_BITS, Kind, Name, ROW_BITS, TENSOR_BITS},
};
use crate::{
    array::{self, Argument, Core, Program, Slice, Source, Stmt, Type},
    device::Device,
    kernel::{Add, Dense, Integer, Kernel, Role, Signature},
    plan::microtile::Microtile,
    sim::{Cell as _, Tag},
};
use std::collections::{BTreeMap, HashMap};

/// The layers as the cores' slices describe them.
pub(super) struct Network {
    pub layers: Vec<Layer>,
    /// One per core of the program.
    pub tasks: Vec<Task>,
    pub input_names: Vec<String>,
}

pub(super) struct Layer {
    pub name: String,
    pub sources: Vec<Source>,
    pub outputs: Vec<usize>,
    /// Features of its output.
    pub n: usize,
    pub rows: usize,
}

/// What one core does in a call.
pub(super) struct Task {
    pub layer: usize,
    /// Kind and index of each tensor that it reads.
    pub sources: Vec<(Kind, usize)>,
    pub slice: Slice,
    /// Rows, inputs and outputs of its buffers, padding included.
    pub rows: usize,
    pub k: usize,
    pub n: usize,
    /// Real and padded features of each source, of one that reads whole rows.
    pub widths: Vec<(usize, usize)>,
    /// Whether all weights of an input feature are zero, for features beyond the slice.
    pub unused: Vec<bool>,
}

/// Whether a layer combines its inputs element by element: one that multiplies
/// by weights reads a single tensor.
pub(super) fn elementwise(slice: &Slice) -> bool {
    slice.sources.len() > 1 && !slice.whole
}

impl Network {
    pub fn new(program: &Program) -> Result<Network, Vec<Violation>> {
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
            let sources: Vec<_> = slice.sources.iter().map(source).collect();
            let features = |&(kind, tensor): &(Kind, usize)| match kind {
                Kind::Input => program.inputs[tensor].columns,
                _ => layers[tensor].n,
            };
            let features: Vec<usize> = sources.iter().map(features).collect();
            let task = match slice.whole {
                true => Task::whole(program, index, layer, sources, &features, slice, alignment),
                false => Task::new(program, index, layer, sources, slice, alignment),
            };
            match task {
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
    pub fn describe(&self, tag: Tag) -> String {
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
    let differs = |&other: &(usize, usize)| match first.whole {
        true => other.0 != rows,
        false => other != (rows, columns),
    };
    if others.iter().any(differs) {
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

/// How many arguments a core gives its kernel.
pub(super) fn arguments(core: &Core) -> Option<usize> {
    first_call(&core.body).map(|(_, arguments)| arguments.len())
}

/// The kernel that core `index` calls and its arguments, which lie where whole vectors can be loaded
/// and stored.
fn call<'p>(
    program: &'p Program,
    index: usize,
    slice: &Slice,
    alignment: u32,
) -> Result<(&'p array::Kernel, &'p [Argument]), String> {
    let Some((kernel, arguments)) = first_call(&program.cores[index].body) else {
        return Err(format!("calls no kernel, but has a slice of layer '{}'", slice.layer));
    };
    let kernel = program.kernels.get(kernel).ok_or("calls what is not declared")?;
    let (m, k, n) = slice.microtile;
    if m == 0 || k == 0 || n == 0 {
        return Err("has a microtile of extent 0".into());
    }
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
    Ok((kernel, arguments))
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
        let (kernel, arguments) = call(program, index, slice, alignment)?;
        let (m, mk, mn) = slice.microtile;
        let rows = slice.rows.next_multiple_of(m);
        let size = |argument: usize| match kernel.arguments.get(argument) {
            Some(Type::MemRef(shape, _)) => Ok(shape.iter().product::<usize>()),
            _ => Err(format!("calls '{}', whose argument {argument} is no buffer", kernel.name)),
        };
        let role = Role::of(slice.cascade.0, slice.cascade.1);
        // What a kernel of ours says of its parameters; of others, they are the bias.
        let words = match Signature::of(&kernel.name) {
            Some(Signature::Dense { stages, .. }) => stages.iter().map(|stage| stage.words).sum(),
            _ => 0,
        } + usize::from(role.has_bias());
        let elementwise = elementwise(slice);
        let k = size(0)? / rows;
        let n = if elementwise { k } else { size(1)? / k.max(1) };
        let mut expected = vec![rows * k];
        if elementwise {
            expected.resize(slice.sources.len() + 1, rows * k);
        } else {
            expected.push(k * n);
            expected.extend((words > 0).then_some(words * n));
            expected.extend(role.has_output().then_some(rows * n));
        }
        let sizes = (0..kernel.arguments.len()).map(size).collect::<Result<Vec<_>, _>>()?;
        // The name of our kernels states role, extents and microtile.
        let spec = Kernel::Dense(Dense {
            role,
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
        Ok(Task { layer, sources, slice: slice.clone(), rows, k, n, widths: Vec::new(), unused })
    }

    /// The task of core `index`, which reads whole rows of `features` features from each source.
    fn whole(
        program: &Program,
        index: usize,
        layer: usize,
        sources: Vec<(Kind, usize)>,
        features: &[usize],
        slice: &Slice,
        alignment: u32,
    ) -> Result<Task, String> {
        let (kernel, _) = call(program, index, slice, alignment)?;
        let (m, mk, mn) = slice.microtile;
        let rows = slice.rows.next_multiple_of(m);
        let size = |argument: &Type| match argument {
            Type::MemRef(shape, _) => Some(shape.iter().product::<usize>()),
            _ => None,
        };
        let sizes: Option<Vec<usize>> = kernel.arguments.iter().map(size).collect();
        let sizes = sizes.ok_or("calls what takes more than buffers")?;
        let count = sources.len();
        let padded: Vec<usize> = features.iter().map(|all| all.next_multiple_of(mk)).collect();
        let fits = sizes.len() > count
            && padded.iter().zip(&sizes).all(|(width, size)| rows * width == *size);
        let n = sizes.last().map_or(0, |size| size / rows.max(1));
        if !fits
            || slice.cascade != (0, 1)
            || slice.k != (0, features.first().copied().unwrap_or(0))
            || n % mn != 0
            || slice.n.1 - slice.n.0 > n
        {
            return Err(format!(
                "calls '{}', whose buffers do not hold {} rows of its inputs and of outputs {}..{}",
                kernel.name, slice.rows, slice.n.0, slice.n.1
            ));
        }
        let columns = features.iter().copied().max().unwrap_or(0).max(slice.n.1);
        if rows >= 1 << ROW_BITS || columns >= 1 << COLUMN_BITS {
            return Err("is too large to check".into());
        }
        let widths = features.iter().copied().zip(padded.iter().copied()).collect();
        let k = padded.first().copied().unwrap_or(0);
        Ok(Task {
            layer,
            sources,
            slice: slice.clone(),
            rows,
            k,
            n,
            widths,
            // What is beyond a row no operator reads.
            unused: Vec::new(),
        })
    }
}
