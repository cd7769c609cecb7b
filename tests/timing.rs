//! Time: published networks, the planner's estimates, and the command line.

mod common;

use aie4ml::{
    array::Program,
    calibrate::{
        self, Layer, Split,
        estimates::{self, CHAINS, Chain, Point},
        networks,
    },
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
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    let mut points = Vec::new();
    for published in &all {
        let program = networks::build(published).unwrap_or_else(|error| panic!("{error}"));
        let simulated =
            networks::simulate(&program, None).unwrap_or_else(|error| panic!("{error}"));
        points.push(networks::Point { published: published.clone(), simulated });
    }
    assert_eq!(points.len(), 36);
    let (mean, worst) = networks::errors(&points);
    assert!(mean <= 0.025 && worst <= 0.08, "{mean} {worst}");
}

#[test]
fn tables_of_measurements_are_checked() {
    for (table, expected) in [
        ("", "line 1: has no columns"),
        ("model_name,batch\nx,8", "line 1: has no column 'layer_shapes'"),
    ] {
        let error = networks::read(table).expect_err(table).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let rows = "\u{feff}model_name, batch, layer_shapes, layer_parallelism, latency_cycles\n\
                x,8,16x64,1x4|1x1,9\nx,0,16x64,1x4,9\nx,8,16x64|32x8,1x4|1x1,9\n\
                x,8,16x64,1x4\nx,8,16x0,1x1,9\nx,8.0,16x64,1x4,9.5\n";
    let rows = networks::read(rows).unwrap();
    let errors: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).collect();
    for (error, expected) in errors.iter().zip([
        "line 2: has 1 layers, but 2 splits",
        "line 3: 'batch' is '0', not a whole number above 0",
        "line 4: layer 2 has 32 inputs, the layer before it 64 outputs",
        "line 5: has no 'latency_cycles'",
        "line 6: 'layer_shapes' is '16x0', not pairs of numbers such as 16x64|64x8",
    ]) {
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!((rows.len(), errors.len()), (6, 5));
    let last = rows[5].as_ref().unwrap();
    assert_eq!((last.rows, last.cycles, last.tiles), (8, 9.5, 4));
}

/// Slices of which a tile has no real feature are padded, as the designs that were measured are.
#[test]
fn splits_are_taken_as_they_are_given() {
    let header =
        "model_name,batch,layer_shapes,layer_parallelism,tile_m,tile_k,tile_n,latency_cycles\n";
    for (row, tiles) in [
        ("odd,5,57x16|16x5|5x1,2x2|2x1|1x1,4,8,8,1", 7),
        ("narrow,8,16x16,4x1,4,8,8,1", 4),
        ("one row,1,16x64|64x12,1x4|4x2,4,8,8,1", 12),
        ("tall,8,64x64|64x64,2x4|4x2,8,8,8,1", 16),
        ("in blocks,128,128x128|128x128,4x4|4x4,4,8,8,1", 32),
    ] {
        let all = networks::read(&format!("{header}{row}\n")).unwrap();
        let published = all[0].as_ref().unwrap();
        let program = networks::build(published).unwrap_or_else(|error| panic!("{row}: {error}"));
        assert_eq!((published.tiles, program.cores.len()), (tiles, tiles), "{row}");
        assert!(networks::simulate(&program, None).unwrap() > 100);
    }
}

fn layer(k: usize, n: usize, cascade: usize, chains: usize) -> Layer {
    let split = Split {
        cascade,
        chains,
        k: k.div_ceil(cascade).next_multiple_of(8),
        n: n.div_ceil(chains).next_multiple_of(8),
        rows: 8,
        microtile: calibrate::MICROTILE,
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
/// cascade gives a result as often as a tile that is alone, up to what it takes to end its sums: 16
/// blocks are added to those that come in, and the last ones have their way to go.
#[test]
fn a_long_cascade_keeps_the_pace() {
    let [one, long] = [1, 12].map(|tiles| time(&[layer(64 * tiles, 64, tiles, 1)], 24));
    let (one, long) = (one.interval_cycles, long.interval_cycles);
    assert!(one <= long && long <= one + 16.0 + 20.0, "{one} {long}");
}

#[test]
fn a_critical_path_is_as_long_as_the_latency() {
    let timing = time(&[layer(256, 64, 4, 4), layer(64, 128, 2, 8), layer(128, 16, 2, 2)], 4);
    let steps = timing.critical_path.steps;
    assert_eq!(steps.iter().map(|step| step.end - step.begin).sum::<u64>(), timing.latency_cycles);
    for pair in steps.windows(2) {
        assert_eq!(pair[0].end, pair[1].begin, "{pair:?}");
    }
}

#[test]
fn groups_and_calls_distinguish_kernels() {
    let text = calibrate::network(8, &[layer(64, 64, 1, 1)]);
    let program = calibrate::program(&text, "", Transport::MemoryTiles).unwrap();
    let latency = |kernels: KernelVersion| {
        let costs = Costs { kernels, latency: None };
        calibrate::time(&program, costs, 1).unwrap().latency_cycles
    };
    // Two rows of four columns of blocks: four groups.
    let [old, new] = [KernelVersion::AIE4ML_0_1, KernelVersion::AIE4ML_0_2].map(latency);
    assert_eq!(old - new, 4 * (18 - 3) + 27);
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

/// The estimate and the simulation of an example.
fn estimated_and_simulated(options: &Options) -> Point {
    let (compiled, program) = compiled_program(options);
    let timing = calibrate::time(&program, Costs::default(), 24).unwrap();
    let estimate = compiled.report.estimate;
    Point {
        name: format!("{} for {}", options.model.display(), options.objective),
        estimated: [estimate.interval_cycles, estimate.latency_cycles].map(|cycles| cycles as f64),
        simulated: [timing.interval_cycles, timing.latency_cycles as f64],
    }
}

/// Rank correlation at least `rank`, and a mean error of at most `mean`.
fn check(points: &[Point], rank: f64, mean: f64) {
    for time in [0, 1] {
        let quality = estimates::quality(points, time);
        println!("{quality:?}");
        assert!(quality.rank >= rank && quality.error <= mean, "{quality:?} {points:#?}");
    }
}

#[test]
fn estimates_are_near_simulations_of_the_examples() {
    let mut points = Vec::new();
    for example in ["autoencoder", "digits", "jet_tagger", "residual"] {
        for objective in ["resources", "throughput", "latency"] {
            let model = root().join("examples").join(example).join("model.onnx");
            let objective = objective.parse().unwrap();
            // Of a size that is placed and routed in a moment.
            let max_tiles = Some(60);
            let options = Options { model, objective, max_tiles, ..Options::default() };
            points.push(estimated_and_simulated(&options));
        }
    }
    check(&points, 0.97, 0.05);
}

/// `aie4ml calibrate --estimates` does this for larger layers, too.
#[test]
fn estimates_are_near_simulations_of_all_splits() {
    let mut points = Vec::new();
    for chain in &CHAINS {
        // Three times as many with four of each.
        let most =
            if chain.widths == [64; 3] { [2, 4] } else { chain.most.map(|most| most.min(4)) };
        let chain = Chain { most, ..*chain };
        let of_chain = estimates::all_splits(&chain).unwrap_or_else(|error| panic!("{error}"));
        points.extend(of_chain);
    }
    check(&points, 0.99, 0.025);
    assert!(points.len() > 100, "{}", points.len());
}

/// Streams of programmable logic, host memory behind locks, and behind a runtime sequence.
#[test]
fn every_boundary_has_its_time() {
    for (device, io, boundary) in [
        ("xcve2802", Some(Io::Plio), Boundary::Streams),
        ("xcve2802", Some(Io::Ddr), Boundary::HostMemory),
        ("xcve2302", Some(Io::Ddr), Boundary::HostMemory),
        ("xcve3858", Some(Io::Plio), Boundary::Streams),
        ("xcve3858", Some(Io::Ddr), Boundary::HostMemory),
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
