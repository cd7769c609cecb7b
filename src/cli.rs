//! The program `aie4ml`.

mod calibrate;
mod explore;
mod progress;
mod run;

use crate::{
    compile::{self, Options},
    ir::{self, Error},
    mlir::tools,
    npu::build::{self, What},
    plan::{hand_over::Transport, mapping::Io, parallelize::Objective},
    report::Report,
};
use clap::{Parser, Subcommand};
use progress::Progress;
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

const EXAMPLES: &str = "\
Examples:
  aie4ml compile model.onnx -o out --optimize latency --max-tiles 64
  aie4ml run out --input x.npy --expect y.npy
  aie4ml report out

For a Ryzen AI NPU:
  aie4ml compile model.onnx -o out --device npu1
  aie4ml build out
  out/npu/run.py --input x.npy --expect y.npy --iterations 100";

/// Compiles quantized neural networks to AMD AI Engine arrays, and runs what comes out.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compile a model into a folder
    ///
    /// DIR gets model.mlir, network.mlir, mapped.mlir, design.mlir, kernels/, manifest.json,
    /// report.json and report.html, host.mlir if the host computes something before or after the
    /// array, and npu/ for a Ryzen AI device. It is written whole or not at all. The same input gives the same files; only
    /// "compile_seconds" in report.json differs.
    Compile(CompileArguments),
    /// Write a model as MLIR, as it was read, whether it can be mapped or not
    ///
    /// The file runs at the model level by `aie4ml run`, and other MLIR tools take it.
    Import(ImportArguments),
    /// Run a compiled model, or IR of any level, on tensors
    ///
    /// A folder runs as design.mlir in the array simulator, together with what the host computes before
    /// and after it; a file runs at the level that it is of, a model as it is. Exit status 0 only if every value matches
    /// --expect.
    Run(run::RunArguments),
    /// Build a model that was compiled for a Ryzen AI device, by the tools that are installed
    ///
    /// Runs DIR/npu/build.sh: kernels by Peano, what XRT loads by aiecc of mlir-aie. What is missing is
    /// said, with how to install it. DIR/npu/run.py then runs it on the device.
    Build(BuildArguments),
    /// Show the floor plan of a compiled model, and what was decided for each layer
    ///
    /// Writes it as a web page too: one file that needs no other, to look at and to print.
    Report(ReportArguments),
    /// Compile a model for many budgets, devices and batches, and show what they give
    ///
    /// DIR gets explore.html, explore.csv, explore.json, and in points/ a page for each design. The
    /// Pareto front is that of tiles, latency and interval.
    Explore(explore::ExploreArguments),
    /// Compare simulated times with published measurements, as in docs/simulator.md
    Calibrate(calibrate::CalibrateArguments),
}

#[derive(clap::Args)]
struct ImportArguments {
    /// The model: .onnx, .tflite, .fml or .mlir
    model: PathBuf,
    /// Where to write it
    #[arg(short, long, value_name = "FILE.mlir", default_value = "model.mlir")]
    output: PathBuf,
    /// Rows that the batch has, of a model that leaves them open
    #[arg(long, value_name = "N")]
    batch: Option<u32>,
}

#[derive(clap::Args)]
struct BuildArguments {
    /// Folder that `aie4ml compile` wrote
    dir: PathBuf,
    /// Build each kernel alone instead, and compare what it computes on the device with what it must
    #[arg(long)]
    kernels: bool,
    /// Only say which tools would be used
    #[arg(long, conflicts_with = "kernels")]
    check: bool,
}

#[derive(clap::Args)]
struct ReportArguments {
    /// Folder that `aie4ml compile` wrote
    dir: PathBuf,
    /// The page to write [default: DIR/report.html]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the floor plan alone, too
    #[arg(long, value_name = "FILE.svg")]
    floor_plan: Option<PathBuf>,
}

#[derive(clap::Args)]
struct CompileArguments {
    /// The model: .onnx, .tflite, .fml (hls4ml), or .mlir (tosa or linalg, or any later level up to
    /// mapped)
    model: PathBuf,
    /// Folder to write; replaced if an earlier compilation made it
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// The device: xcve2802 (the default), xcve2302, xcve3858, npu1, npu2, or some columns of these, such as npu1_2col
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// What tensors enter and leave the array by: plio, streams of programmable logic, or ddr, the
    /// host's memory [default: plio where the device has it]
    #[arg(long, value_name = "WAY")]
    io: Option<Io>,
    /// What to optimize: resources (fewest tiles), throughput (fewest cycles from batch to batch) or
    /// latency (fewest cycles from input to output)
    #[arg(long, value_name = "GOAL", default_value_t)]
    optimize: Objective,
    /// Tiles that may be used [default: all of the device]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_tiles: Option<u32>,
    /// Rows that the batch has, of a model that leaves them open
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Between layers: auto, from tile to tile where possible, memtile, memory tiles everywhere, or
    /// graph, these with each output in one order, as a graph for Vitis needs it
    #[arg(long, value_name = "WAY", default_value_t)]
    transport: Transport,
    /// Decisions about layers, in TOML or JSON: docs/directives.md
    ///
    /// For any layer by name, any of cascade, chains, k, n, rows, max_tiles, microtile and place; the
    /// rest is chosen around them. For example: [layers.fc1] cascade = 4
    #[arg(long, value_name = "FILE")]
    directives: Option<PathBuf>,
    /// Run the design in the array simulator, too, on made-up codes: for a Ryzen AI device, npu/kernels
    /// then has a design for each kernel alone, with the values that it must give
    #[arg(long)]
    simulate: bool,
    /// What is written, too: vitis, a project for AMD's Vitis in DIR/vitis (docs/vitis.md)
    #[arg(long, value_name = "WHAT")]
    emit: Option<Emit>,
}

/// What `--emit` names.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lower")]
enum Emit {
    Vitis,
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Compile(arguments) => finish(compile(arguments)),
        Command::Import(arguments) => finish(import(arguments)),
        Command::Run(arguments) => finish(run::run(arguments)),
        Command::Build(arguments) => finish(build(arguments)),
        Command::Report(arguments) => finish(report(arguments)),
        Command::Explore(arguments) => finish(explore::explore(arguments)),
        Command::Calibrate(arguments) => finish(calibrate::calibrate(arguments)),
    }
}

/// The exit status, after an error has been said. `Ok(false)` is a failure that has been said.
fn finish(result: Result<bool, Error>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compile(arguments: CompileArguments) -> Result<bool, Error> {
    let CompileArguments {
        model,
        output,
        device,
        io,
        optimize,
        max_tiles,
        batch,
        transport,
        directives,
        simulate,
        emit,
    } = arguments;
    let options = Options {
        model,
        device,
        io,
        objective: optimize,
        max_tiles: max_tiles.map(|tiles| tiles as usize),
        batch: batch.map(|rows| rows as usize),
        transport,
        directives,
        simulate,
        vitis: emit == Some(Emit::Vitis),
    };
    let progress = Progress::start();
    let report = compile::compile(&options, &output, &mut |step| progress.say(step))?;
    drop(progress);
    let total = report.compile_seconds.total;
    say(&format!("{report}compiled in {total:.2} s: {}\n", output.display()))
}

fn import(arguments: ImportArguments) -> Result<bool, Error> {
    let ImportArguments { model, output, batch } = arguments;
    let context = tools::context();
    let module = compile::import(&context, &model, batch.map(|rows| rows as usize))?;
    write(&output, &ir::print(&module))?;
    say(&format!("imported: {}\n", output.display()))
}

fn build(arguments: BuildArguments) -> Result<bool, Error> {
    let BuildArguments { dir, kernels, check } = arguments;
    let what = match (kernels, check) {
        (true, _) => What::Kernels,
        (_, true) => What::Check,
        _ => What::Design,
    };
    let progress = Progress::start();
    let built = build::build(&dir, what, &mut |step| progress.say(step))?;
    drop(progress);
    say(&built.said)?;
    Ok(built.good)
}

fn report(arguments: ReportArguments) -> Result<bool, Error> {
    let ReportArguments { dir, output, floor_plan } = arguments;
    let report = Report::read(&dir)?;
    let page = output.unwrap_or_else(|| dir.join(compile::PAGE));
    write(&page, &report.page())?;
    if let Some(path) = floor_plan {
        write(&path, &report.floor_plan())?;
    }
    say(&format!("{report}page: {}\n", page.display()))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text)
        .map_err(|error| Error::new(path.display(), format_args!("cannot be written: {error}")))
}

/// Writes to standard output; that nobody reads on is not a failure.
fn say(text: &str) -> Result<bool, Error> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new("standard output", error))
        }
        _ => Ok(true),
    }
}
