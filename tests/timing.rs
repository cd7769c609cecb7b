//! Time: published networks, the planner's estimates, and the command line.

mod common;

use aie4ml::{
    array::Program,
    calibrate::{self, Layer, Split, networks},
    compile::{self, Compiled, Options},
    device::Device,
    kernel::time::KernelVersion,
    plan::hand_over::Transport,
    plan::mapping::Io,
    sim::{Boundary, Costs, Timing},
};
use common::{Scratch, aie4ml, root, stderr, stdout};
use std::fs;

#[test]
fn published_networks_are_met() {
    let all = networks::read(networks::PUBLISHED).unwrap();
    let mut points = Vec::new();
    for published in &all {
        let program = networks::compile(published).unwrap_or_else(|error| panic!("{error}"));
        let simulated =
            networks::simulate(&program, None).unwrap_or_else(|error| panic!("{error}"));
        points.push(networks::Point { published: published.clone(), simulated });
    }
    assert_eq!(points.len(), 36);
    let (mean, worst) = networks::errors(&points);
    assert!(mean <= 0.05 && worst <= 0.15, "{mean} {worst}");
}

#[test]
fn tables_of_measurements_are_checked() {
    for (table, expected) in [
        ("", "line 1: has no columns"),
        ("model_name,batch\nx,8", "line 2: has no column 'layer_parallelism'"),
        (
            "model_name,batch,layer_shapes,layer_parallelism,latency_cycles\nx,8,16x64,1x4|1x1,9",
            "line 2: needs a shape KxN and a split LxC for each layer",
        ),
        (
            "model_name,batch,layer_shapes,layer_parallelism,latency_cycles\nx,0,16x64,1x4,9",
            "line 2: 'batch' is '0', not a number above 0",
        ),
    ] {
        let error = networks::read(table).expect_err(table).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

fn layer(k: usize, n: usize, cascade: usize, chains: usize) -> Layer {
    let split = Split {
        cascade,
        chains,
        k: k.div_ceil(cascade).next_multiple_of(8),
        n: n.div_ceil(chains).next_multiple_of(8),
        rows: 8,
    };
    Layer { k, n, split: Some(split) }
}

fn time(layers: &[Layer], iterations: usize) -> Timing {
    let text = calibrate::network(8, layers);
    let program = calibrate::program(&text, "", Transport::MemoryTiles);
    let program = program.unwrap_or_else(|error| panic!("{error}"));
    calibrate::time(&program, Costs::default(), iterations)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Every tile of a cascade forms its products at the same time: one more costs the hand-over of a
/// block, far less than the kernel's own 300 cycles.
#[test]
fn tiles_of_a_cascade_overlap() {
    let latencies = [1, 2, 3, 4, 6]
        .map(|cascade| (cascade, time(&[layer(64 * cascade, 64, cascade, 1)], 1).latency_cycles));
    for pair in latencies.windows(2) {
        let ((few, fast), (many, slow)) = (pair[0], pair[1]);
        let each = (slow as f64 - fast as f64) / (many - few) as f64;
        assert!((5.0..60.0).contains(&each), "{latencies:?}");
    }
}

/// What a tile of a cascade has taken in waits in its own registers, not in the cascade's, so a long
/// cascade gives a result as often as a tile that is alone, up to what it takes to end a sum.
#[test]
fn a_long_cascade_keeps_the_pace() {
    let [one, long] = [1, 12].map(|tiles| time(&[layer(64 * tiles, 64, tiles, 1)], 24));
    let (one, long) = (one.interval_cycles, long.interval_cycles);
    assert!(one <= long && long <= 1.06 * one, "{one} {long}");
}

#[test]
fn only_the_overhead_of_groups_distinguishes_kernels() {
    let text = calibrate::network(8, &[layer(64, 64, 1, 1)]);
    let program = calibrate::program(&text, "", Transport::MemoryTiles).unwrap();
    let latency = |kernels: KernelVersion| {
        let costs = Costs { kernels, latency: None };
        calibrate::time(&program, costs, 1).unwrap().latency_cycles
    };
    // Two rows of four columns of blocks: four groups.
    let [old, new] = [KernelVersion::AIE4ML_0_1, KernelVersion::AIE4ML_0_2].map(latency);
    assert_eq!(old - new, 4 * (22 - 3));
}

/// Spearman's rank correlation.
fn rank_correlation(pairs: &[(f64, f64)]) -> f64 {
    let ranks = |values: Vec<f64>| {
        let rank = |value: &f64| {
            let below = values.iter().filter(|other| *other < value).count();
            let same = values.iter().filter(|other| *other == value).count();
            below as f64 + (same as f64 - 1.0) / 2.0
        };
        values.iter().map(rank).collect::<Vec<f64>>()
    };
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum()
    };
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

fn compiled_program(options: &Options) -> (Compiled, Program) {
    let compiled = compile::compile_in_memory(options, &mut |_| ());
    let compiled = compiled.unwrap_or_else(|error| panic!("{error}"));
    let context = aie4ml::mlir::tools::context();
    let design = &compiled.files[std::path::Path::new(compile::DESIGN)];
    let module = aie4ml::ir::parse(&context, design, "design").unwrap();
    let program = aie4ml::design::program(&context, &module).unwrap();
    (compiled, program)
}

/// Estimate and simulation, of interval and of latency.
fn estimated_and_simulated(options: &Options) -> [(f64, f64); 2] {
    let (compiled, program) = compiled_program(options);
    let timing = calibrate::time(&program, Costs::default(), 24).unwrap();
    let estimate = compiled.report.estimate;
    let number = |value: i64| value as f64;
    [
        (number(estimate.interval_cycles), timing.interval_cycles),
        (number(estimate.latency_cycles), timing.latency_cycles as f64),
    ]
}

fn report(what: &str, pairs: &[(f64, f64)]) -> (f64, f64) {
    let mean = pairs.iter().map(|(e, s)| (e / s - 1.0).abs()).sum::<f64>() / pairs.len() as f64;
    let rank = rank_correlation(pairs);
    println!(
        "{what}: rank correlation {rank:.3}, mean absolute error {:.1} %: {pairs:?}",
        100.0 * mean
    );
    (rank, mean)
}

#[test]
fn estimates_rank_networks_as_the_simulator_does() {
    let (mut intervals, mut latencies) = (Vec::new(), Vec::new());
    for example in ["autoencoder", "digits", "jet_tagger", "residual"] {
        for objective in ["resources", "throughput", "latency"] {
            let model = root().join("examples").join(example).join("model.onnx");
            let objective = objective.parse().unwrap();
            let options = Options { model, objective, ..Options::default() };
            let [interval, latency] = estimated_and_simulated(&options);
            intervals.push(interval);
            latencies.push(latency);
        }
    }
    let (rank, error) = report("examples, interval", &intervals);
    assert!(rank >= 0.9 && error <= 0.35);
    let (rank, error) = report("examples, latency", &latencies);
    assert!(rank >= 0.85 && error <= 0.45);
}

/// Streams of programmable logic, host memory behind locks, and behind a runtime sequence.
#[test]
fn every_boundary_has_its_time() {
    for (device, io, boundary) in [
        ("xcve2802", Some(Io::Plio), Boundary::Streams),
        ("xcve2802", Some(Io::Ddr), Boundary::HostMemory),
        ("xcve2302", Some(Io::Ddr), Boundary::HostMemory),
        ("npu1", None, Boundary::HostMemory),
        ("npu2", None, Boundary::HostMemory),
    ] {
        let model = root().join("examples/jet_tagger/model.onnx");
        let options = Options { model, device: Some(device.into()), io, ..Options::default() };
        let program = compiled_program(&options).1;
        let timing = calibrate::time(&program, Costs::default(), 8).unwrap();
        assert_eq!(timing.boundary, boundary, "{device}");
        let steps = &timing.critical_path.steps;
        let path: u64 = steps.iter().map(|step| step.end - step.begin).sum();
        assert_eq!(path, timing.latency_cycles, "{device}: {steps:?}");
        for each in timing.cores.iter().chain(&timing.channels) {
            let stalls: f64 = each.stalls.iter().map(|stall| stall.share).sum();
            let sum = each.busy + each.locks + stalls + each.idle;
            assert!((sum - 1.0).abs() < 1e-6, "{device}: {each:?}");
        }
        assert_eq!(timing.assumptions.is_empty(), boundary == Boundary::Streams);
    }
}

#[test]
fn the_command_line_tells_the_time() {
    let scratch = Scratch::new();
    let (out, trace) = (scratch.path("out"), scratch.path("trace.json"));
    let example = root().join("examples/jet_tagger");
    let [out, trace, model, input, expect] = [
        out,
        trace,
        example.join("model.onnx"),
        example.join("inputs.npy"),
        example.join("outputs.npy"),
    ]
    .map(|path| path.display().to_string());
    let output = aie4ml(&["compile", &model, "-o", &out]);
    assert!(output.status.success(), "{}", stderr(&output));
    let run = ["run", &out, "--input", &input, "--expect", &expect];
    let output = aie4ml(&[&run[..], &["--timing"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    for part in [
        "8 of 8 rows",
        "latency ",
        "interval ",
        "critical path: of ",
        "waits for",
        "shares of the interval:",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let output = aie4ml(&[&run[..], &["--trace", &trace, "--json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(json["mismatches"], 0);
    assert_eq!(json["clock_mhz"], Device::by_name("xcve2802").unwrap().timing.clock_mhz);
    assert!(json["latency_cycles"].as_u64() > Some(100), "{json}");
    assert!(json["interval_cycles"].as_f64() > Some(20.0), "{json}");
    let trace: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(trace).unwrap()).unwrap();
    assert!(trace["traceEvents"].as_array().is_some_and(|events| events.len() > 100));

    let output = aie4ml(&["run", &format!("{out}/network.mlir"), "--input", &input, "--timing"]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("only an array program has a time"), "{}", stderr(&output));
    let output = aie4ml(&[&run[..], &["--kernel-version", "7"]].concat());
    assert!(
        stderr(&output).contains("one of own, aie4ml-0.1, aie4ml-0.2, amd"),
        "{}",
        stderr(&output)
    );
}
