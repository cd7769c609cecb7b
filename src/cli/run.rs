//! `aie4ml run`.

use super::{Progress, say};
use crate::{
    compile::HOST,
    design::{self, Wishes},
    ir::Error,
    kernel::time::KernelVersion,
    run::{self, Edge, Form, Interface, Level, Mismatches, Runner, Timed, host::Stage},
    sim::Timing,
    tensor::Tensor,
};
use serde::Serialize;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

#[derive(clap::Args)]
pub struct RunArguments {
    /// Folder that `aie4ml compile` wrote, .mlir of any level, or a model that compiles
    #[arg(value_name = "DIR|FILE")]
    path: PathBuf,
    /// Input, as the model's own values or as integer codes of the network; repeat it for each input,
    /// in order or by NAME. A multiple of the model's rows is as many iterations. For a design that
    /// aie4ml did not make, NAME=X.npy fills a buffer, or argument N of its sequence, argumentN
    #[arg(short, long, value_name = "[NAME=]X.npy")]
    input: Vec<Named>,
    /// Where to write the output; repeat it for each output, in order or by NAME
    #[arg(short, long, value_name = "[NAME=]Y.npy")]
    output: Vec<Named>,
    /// What the output must be, in the model's own values or codes of the network; repeat it for each
    /// output, in order or by NAME
    #[arg(long, value_name = "[NAME=]Y.npy")]
    expect: Vec<Named>,
    /// Release a lock before the run, as a host does, by 1 or VALUE
    #[arg(long, value_name = "LOCK[=VALUE]", value_parser = release)]
    release: Vec<(String, i32)>,
    /// Rows that the batch has, of a model that leaves them open
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// The device to run, of a file with several
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Folder of the kernels' sources [default: kernels beside the design]
    #[arg(long, value_name = "DIR")]
    kernels: Option<PathBuf>,
    /// Run only what the host computes before or after the array: before, from the model's inputs to
    /// the network's and what passes it by, or after, from there to the model's outputs
    #[arg(long, value_name = "STAGE")]
    host: Option<Stage>,
    /// Fail if two cores or DMA channels access the same memory in an order that nothing fixes
    #[arg(long)]
    check_races: bool,
    /// Steps of cores and DMA channels without a word to or from outside, after which a design is
    /// taken to have no end; 4096 instructions of a core's own code are 64 [default: 16777216]
    #[arg(long, value_name = "N")]
    max_steps: Option<u64>,
    /// Largest difference to an expected value [default: 0, or float32's rounding where the host
    /// computes real numbers]
    #[arg(long, value_name = "D")]
    tolerance: Option<f64>,
    /// The right class of each row: also report how often the first output is largest there
    #[arg(long, value_name = "L.npy")]
    labels: Option<PathBuf>,
    /// Simulate time as well: latency, interval, and where the cycles go
    #[arg(long)]
    timing: bool,
    /// Where to write who did what when, as a Chrome trace for Perfetto; implies --timing
    #[arg(long, value_name = "T.json")]
    trace: Option<PathBuf>,
    /// Version whose time the dense kernels take: own, aie4ml-0.1, aie4ml-0.2 or amd; implies
    /// --timing
    #[arg(long, value_name = "NAME", value_parser = kernel_version)]
    kernel_version: Option<KernelVersion>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// A file, and the memory that it is about.
#[derive(Clone)]
struct Named {
    name: Option<String>,
    path: PathBuf,
}

impl std::str::FromStr for Named {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Named, Self::Err> {
        // A path with an equals sign in a folder or file name is still a path.
        let is_name = |name: &&str| !name.is_empty() && !name.contains(['/', '.']);
        Ok(match text.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, path)) => Named { name: Some(name.into()), path: path.into() },
            None => Named { name: None, path: text.into() },
        })
    }
}

fn release(text: &str) -> Result<(String, i32), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, "1"));
    let value = value.parse().map_err(|_| format!("'{value}' is no number"))?;
    Ok((name.into(), value))
}

/// The names of all files, or of none.
fn names(flag: &str, files: &[Named]) -> Result<Vec<String>, Error> {
    let names: Vec<String> = files.iter().filter_map(|file| file.name.clone()).collect();
    if !names.is_empty() && names.len() < files.len() {
        return Err(Error::new(flag, "names some files, but not all"));
    }
    Ok(names)
}

fn kernel_version(name: &str) -> Result<KernelVersion, String> {
    KernelVersion::by_name(name).ok_or_else(|| {
        let names = KernelVersion::ALL.map(|version| version.name);
        format!("one of {}", names.join(", "))
    })
}

/// What `--json` prints.
#[derive(Serialize)]
struct Summary {
    level: String,
    outputs: Vec<Output>,
    /// Values that differ from what is expected by more than the tolerance; null without `--expect`.
    mismatches: Option<usize>,
    /// Null without `--labels`.
    accuracy: Option<Accuracy>,
    /// Only with `--timing`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    timing: Option<Timing>,
}

#[derive(Serialize)]
struct Output {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    /// Row-major; only where neither `--output` nor `--expect` takes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<Comparison>,
}

#[derive(Serialize)]
struct Comparison {
    values: usize,
    mismatches: usize,
    rows: usize,
    equal_rows: usize,
    /// Null if it is infinite: one of the values is NaN.
    max_abs_difference: f64,
    /// How far they may be from each other.
    tolerance: f64,
    #[serde(skip)]
    first: Vec<run::Mismatch>,
}

#[derive(Serialize)]
struct Accuracy {
    correct: usize,
    rows: usize,
}

/// Runs, and says whether everything was as expected.
pub fn run(arguments: RunArguments) -> Result<bool, Error> {
    if arguments.tolerance.is_some_and(|tolerance| tolerance.is_nan() || tolerance < 0.0) {
        return Err(Error::new("--tolerance", "must not be negative"));
    }
    let progress = Progress::start();
    progress.say("prepare");
    let read = |path: &PathBuf| Tensor::read_npy(path).map_err(Error::from);
    let read_all = |files: &[Named]| -> Result<Vec<Tensor>, Error> {
        files.iter().map(|file| read(&file.path)).collect()
    };
    let mut inputs = read_all(&arguments.input)?;
    if let Some(stage) = arguments.host {
        return run_host(&arguments.path, stage, &inputs, &arguments.output);
    }
    let mut expected = read_all(&arguments.expect)?;
    let labels = arguments.labels.as_ref().map(read).transpose()?;

    let mut files = (arguments.output.clone(), arguments.expect.clone());
    let written = names("--output", &arguments.output)?;
    let compared = names("--expect", &arguments.expect)?;
    if !written.is_empty() && !compared.is_empty() && written != compared {
        return Err(Error::new("--expect", "names other memory than --output"));
    }
    let wishes = Wishes {
        inputs: names("--input", &arguments.input)?,
        outputs: if compared.is_empty() { written.clone() } else { compared.clone() },
        releases: arguments.release,
        device: arguments.device,
        kernels: arguments.kernels,
        batch: arguments.batch.map(|rows| rows as usize),
        check_races: arguments.check_races,
        max_steps: arguments.max_steps,
    };
    let runner = design::open_with(&arguments.path, &wishes)?;
    let named = |name: &&String, list: &[Interface]| list.iter().any(|one| one.name == **name);
    let edge = [Edge::Model, Edge::Network].into_iter().find(|edge| {
        let inputs = runner.inputs_at(*edge);
        wishes.inputs.len() == inputs.len() && wishes.inputs.iter().all(|n| named(&n, inputs))
    });
    if !wishes.inputs.is_empty() {
        let edge = edge.unwrap_or(Edge::Model);
        inputs = ordered("--input", &wishes.inputs, inputs, runner.inputs_at(edge))?;
    }
    if runner.level == Level::Array {
        bits(&mut inputs, &runner.inputs)?;
        bits(&mut expected, &runner.outputs)?;
    }
    // The model's own outputs and the network's may differ in number and type.
    let edge = edge_of(&runner, &inputs, &expected, arguments.output.len());
    let wanted = runner.outputs_at(edge);
    if !compared.is_empty() {
        expected = ordered("--expect", &compared, expected, wanted)?;
        files.1 = ordered("--expect", &compared, files.1, wanted)?;
    }
    if !written.is_empty() {
        files.0 = ordered("--output", &written, files.0, wanted)?;
    }
    for (flag, given) in [("--expect", expected.len()), ("--output", files.0.len())] {
        if given > 0 && given != wanted.len() {
            return Err(Error::new(
                flag,
                format_args!("needs {}, one per output, but is given {given}", wanted.len()),
            ));
        }
    }
    // Memory that means itself has one form only.
    let forms = runner.level != Level::Array || wanted.iter().any(|out| out.quantization.is_some());
    let own = std::ptr::eq(wanted, runner.outputs.as_slice());
    let form_of = |tensor: &Tensor| {
        let form = if tensor.dtype().is_float() { Form::Float } else { Form::Codes };
        (forms && own).then_some(form)
    };
    let forms: Vec<Option<Form>> = expected.iter().map(form_of).collect();
    progress.say(match runner.level {
        Level::Array => "run in the array simulator",
        _ => "run",
    });
    let timed = arguments.timing || arguments.trace.is_some() || arguments.kernel_version.is_some();
    let (outputs, timing) = if timed {
        let kernels = arguments.kernel_version.unwrap_or_default();
        let how = Timed { kernels, trace: arguments.trace.clone() };
        let (outputs, timing) = runner.run_timed_to(&inputs, &forms, edge, &how)?;
        (outputs, Some(timing))
    } else {
        (runner.run_to(&inputs, &forms, edge)?, None)
    };
    drop(progress);

    let mut comparisons = Vec::new();
    for (index, (file, expected)) in files.1.iter().zip(&expected).enumerate() {
        let usual = || runner.tolerance(edge, index, expected);
        let tolerance = arguments.tolerance.unwrap_or_else(usual);
        let comparison = compare(&outputs[index], expected, tolerance);
        let file = file.path.display().to_string();
        comparisons.push(comparison.map_err(|error| error.within(&file))?);
    }
    let accuracy = match (&labels, outputs.first()) {
        (Some(labels), Some(output)) => Some(accuracy(output, labels)?),
        _ => None,
    };
    for (file, tensor) in files.0.iter().zip(&outputs) {
        tensor.write_npy(&file.path)?;
    }
    let taken = !files.0.is_empty() || !comparisons.is_empty();
    let mut comparisons = comparisons.into_iter();
    let outputs = wanted.iter().zip(&outputs).map(|(interface, tensor)| Output {
        name: interface.name.clone(),
        shape: tensor.shape().to_vec(),
        dtype: tensor.dtype().to_string(),
        values: (!taken).then(|| tensor.numbers()),
        comparison: comparisons.next(),
    });
    let outputs: Vec<Output> = outputs.collect();
    let compared = outputs.iter().filter_map(|output| output.comparison.as_ref());
    let mismatches = compared.map(|comparison| comparison.mismatches).reduce(|a, b| a + b);
    let summary =
        Summary { level: runner.level.to_string(), outputs, mismatches, accuracy, timing };
    if arguments.json {
        say(&(serde_json::to_string_pretty(&summary).unwrap_or_default() + "\n"))?;
    } else {
        say(&summary.text())?;
    }
    Ok(mismatches.unwrap_or(0) == 0)
}

/// Runs one part of the host, and writes what it gives.
fn run_host(
    folder: &Path,
    stage: Stage,
    inputs: &[Tensor],
    files: &[Named],
) -> Result<bool, Error> {
    let outputs = design::host(folder)
        .and_then(|host| host.run(stage, inputs))
        .map_err(|error| error.within(&folder.join(HOST).display().to_string()))?;
    if files.len() != outputs.len() {
        let (needs, given) = (outputs.len(), files.len());
        return Err(Error::new(
            "--output",
            format_args!("needs {needs}, one per value, but is given {given}"),
        ));
    }
    for (file, tensor) in files.iter().zip(&outputs) {
        tensor.write_npy(&file.path)?;
    }
    Ok(true)
}

/// Where outputs leave: where the expected ones do, by their number and types, or else as the
/// inputs enter.
fn edge_of(runner: &Runner, inputs: &[Tensor], expected: &[Tensor], written: usize) -> Edge {
    let fits = |edge: &Edge| {
        let interfaces = runner.outputs_at(*edge);
        let same = |(interface, tensor): (&Interface, &Tensor)| {
            let (native, given) = (interface.native.is_float(), tensor.dtype().is_float());
            native == given || interface.quantization.is_some()
        };
        interfaces.len() == expected.len() && interfaces.iter().zip(expected).all(same)
    };
    let usual = runner.edge_of(inputs);
    if expected.is_empty() {
        let other = [usual, Edge::Model, Edge::Network];
        let counted = |edge: &Edge| written == 0 || runner.outputs_at(*edge).len() == written;
        return other.into_iter().find(counted).unwrap_or(usual);
    }
    [Edge::Model, Edge::Network].into_iter().find(fits).unwrap_or(usual)
}

/// What was given by names, in the order of the interfaces.
fn ordered<T>(
    flag: &str,
    names: &[String],
    given: Vec<T>,
    interfaces: &[Interface],
) -> Result<Vec<T>, Error> {
    let all: Vec<_> = interfaces.iter().map(|one| format!("'{}'", one.name)).collect();
    let mut places = Vec::new();
    for (name, item) in names.iter().zip(given) {
        let place = interfaces.iter().position(|one| one.name == *name).ok_or_else(|| {
            Error::new(flag, format_args!("names '{name}', but there is {}", all.join(", ")))
        })?;
        if places.iter().any(|(other, _)| *other == place) {
            return Err(Error::new(flag, format_args!("names '{name}' twice")));
        }
        places.push((place, item));
    }
    places.sort_by_key(|(place, _)| *place);
    Ok(places.into_iter().map(|(_, item)| item).collect())
}

/// Integers for memory that means itself are bits, with or without a sign.
fn bits(tensors: &mut [Tensor], interfaces: &[Interface]) -> Result<(), Error> {
    for (tensor, interface) in tensors.iter_mut().zip(interfaces) {
        let (given, native) = (tensor.dtype(), interface.native);
        let integers = !given.is_float() && !native.is_float();
        if interface.quantization.is_none() && integers && given.bytes() == native.bytes() {
            *tensor = tensor.clone().reinterpreted(native)?;
        }
    }
    Ok(())
}

fn compare(actual: &Tensor, expected: &Tensor, tolerance: f64) -> Result<Comparison, Error> {
    let Mismatches { count, total, first, max_abs } = run::compare(actual, expected, tolerance)?;
    let expected = expected.clone().reshaped(actual.shape().to_vec())?;
    let (actual, expected) = (actual.split(1)?, expected.split(1)?);
    let mut equal_rows = 0;
    for (actual, expected) in actual.iter().zip(&expected) {
        equal_rows += usize::from(run::compare(actual, expected, tolerance)?.count == 0);
    }
    Ok(Comparison {
        values: total,
        mismatches: count,
        rows: actual.len(),
        equal_rows,
        max_abs_difference: max_abs,
        tolerance,
        first,
    })
}

/// How many rows are largest at their label.
fn accuracy(output: &Tensor, labels: &Tensor) -> Result<Accuracy, Error> {
    let rows = output.shape().first().copied().unwrap_or(1);
    let labels = labels.integers().filter(|labels| labels.len() == rows);
    let labels = labels.ok_or_else(|| {
        Error::new("--labels", format_args!("must hold {rows} integers, one per row"))
    })?;
    let values = output.numbers();
    let width = values.len() / rows.max(1);
    let correct = values.chunks(width.max(1)).zip(&labels).filter(|(row, label)| {
        // The first of equal values, as NumPy's argmax.
        let best = (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b]));
        best.is_some_and(|best| best as i64 == **label)
    });
    Ok(Accuracy { correct: correct.count(), rows })
}

/// Rows and values of an output to show.
const FEW: (usize, usize) = (8, 12);

impl Summary {
    fn text(&self) -> String {
        let mut text = String::new();
        for output in &self.outputs {
            // Writing to a string cannot fail.
            _ = output.text(&mut text);
        }
        if let Some(Accuracy { correct, rows }) = self.accuracy {
            let percent = 100.0 * correct as f64 / rows.max(1) as f64;
            _ = writeln!(text, "accuracy: {correct} of {rows} rows, {percent:.2} %");
        }
        if let Some(timing) = &self.timing {
            text += &timing.to_string();
        }
        text
    }
}

impl Output {
    fn text(&self, text: &mut String) -> std::fmt::Result {
        let shape: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        writeln!(text, "output '{}': {} {}", self.name, shape.join("x"), self.dtype)?;
        if let Some(comparison) = &self.comparison {
            let Comparison { values, mismatches, rows, equal_rows, max_abs_difference, .. } =
                comparison;
            let Comparison { tolerance, first, .. } = comparison;
            let equal = match *tolerance {
                0.0 => "equal".into(),
                tolerance => format!("within {tolerance:.3e}"),
            };
            let same = values - mismatches;
            writeln!(text, "{equal_rows} of {rows} rows, {same} of {values} outputs {equal}")?;
            for run::Mismatch { index, actual, expected } in first {
                writeln!(text, "  at {index:?}: {actual}, expected {expected}")?;
            }
            if first.len() < *mismatches {
                let more = mismatches - first.len();
                writeln!(
                    text,
                    "  and {more} more, the largest difference is {max_abs_difference}"
                )?;
            }
        } else if let Some(values) = &self.values {
            let width = self.shape.iter().skip(1).product::<usize>().max(1);
            for row in values.chunks(width).take(FEW.0) {
                let shown: Vec<String> = row.iter().take(FEW.1).map(f64::to_string).collect();
                let more = if row.len() > FEW.1 { " ..." } else { "" };
                writeln!(text, "  {}{more}", shown.join(" "))?;
            }
            if values.len() > FEW.0 * width {
                writeln!(text, "  ... (--output FILE.npy writes all)")?;
            }
        }
        Ok(())
    }
}
