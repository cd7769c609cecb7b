//! Trained models: every level computes what ONNX Runtime does, bit for bit.

mod common;

use aie4ml::{
    compile::{self, Options},
    design,
    passes::PIPELINE,
    plan::parallelize::Objective,
    report::Report,
    run::{Form, Timed, compare},
    tensor::Tensor,
};
use common::{Scratch, root};
use std::path::Path;

/// Inputs and outputs of a model: `(what, inputs, outputs)`.
fn vectors(model: &Path) -> Vec<(String, Tensor, Tensor)> {
    let read = |name: String| {
        Tensor::read_npy(&model.join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    ["", "_q", "_stress", "_stress_q"]
        .iter()
        .map(|kind| {
            let (input, output) = (format!("inputs{kind}.npy"), format!("outputs{kind}.npy"));
            (input.clone(), read(input), read(output))
        })
        .collect()
}

fn compile(model: &str, objective: Objective, max_tiles: Option<usize>, out: &Path) -> Report {
    let model = root().join(model).join("model.onnx");
    let options = Options { model, objective, max_tiles, ..Options::default() };
    compile::compile(&options, out, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a level on all vectors of a model.
fn check(model: &str, level: &Path) {
    let runner = design::open(level).unwrap_or_else(|error| panic!("{error}"));
    for (name, input, expected) in vectors(&root().join(model)) {
        let form = if expected.dtype().is_float() { Form::Float } else { Form::Codes };
        let outputs = runner
            .run(&[input], Some(form))
            .unwrap_or_else(|error| panic!("{}: {name}: {error}", level.display()));
        let found = compare(&outputs[0], &expected, 0.0).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(found.count, 0, "{}: {name}: {found:?}", level.display());
        assert_eq!(found.total, expected.len());
    }
}

/// A graph of several inputs `x0`, `x1`... and outputs `y0`, `y1`..., at every level and on `devices`.
fn graph_is_exact(model: &str, inputs: usize, outputs: usize, devices: &[&str]) {
    let folder = root().join("tests/models").join(model);
    let read = |kind: &str, count: usize| -> Vec<Tensor> {
        let files = (0..count).map(|index| folder.join(format!("{kind}{index}.npy")));
        files
            .map(|file| Tensor::read_npy(&file).unwrap_or_else(|error| panic!("{error}")))
            .collect()
    };
    let (inputs, expected) = (read("x", inputs), read("y", outputs));
    for &device in devices {
        let scratch = Scratch::new();
        let out = scratch.path("out");
        let device = Some(device.to_owned());
        let options = Options { model: folder.join("model.onnx"), device, ..Options::default() };
        compile::compile(&options, &out, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"));
        for level in [compile::MODEL, compile::NETWORK, compile::MAPPED, compile::DESIGN] {
            let outputs = design::open(&out.join(level))
                .and_then(|runner| runner.run(&inputs, None))
                .unwrap_or_else(|error| panic!("{level}: {error}"));
            assert_eq!(outputs.len(), expected.len(), "{level}");
            for (output, expected) in outputs.iter().zip(&expected) {
                let found =
                    compare(output, expected, 0.0).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(found.count, 0, "{level}: {found:?}");
            }
        }
    }
}

/// Compiles a model and runs every level of it.
fn every_level_is_exact(model: &str) {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    compile(model, Objective::default(), None, &out);
    for level in [compile::MODEL, compile::NETWORK, compile::MAPPED, compile::DESIGN] {
        check(model, &out.join(level));
    }
}

#[test]
fn digits() {
    every_level_is_exact("examples/digits");
}

#[test]
fn jet_tagger() {
    every_level_is_exact("examples/jet_tagger");
}

#[test]
fn autoencoder() {
    every_level_is_exact("examples/autoencoder");
}

#[test]
fn residual() {
    every_level_is_exact("examples/residual");
}

#[test]
fn digits_rounded_before_relu() {
    every_level_is_exact("tests/models/digits_prerelu");
}

#[test]
fn jet_tagger_rounded_before_relu() {
    every_level_is_exact("tests/models/jet_tagger_prerelu");
}

/// A tensor that is an output, and behind a ReLU read by two heads, one of them of one feature;
/// codes at the boundary, and biases that are not quantized.
#[test]
fn heads() {
    graph_is_exact("heads", 1, 3, &["xcve2802", "npu1", "xcve3858"]);
}

/// Inputs of 13 signed and 50 unsigned codes of other scales; a tensor added to itself; the sum of
/// two heads, one of which is an output as well.
#[test]
fn joins() {
    graph_is_exact("joins", 2, 2, &["xcve2802", "npu2"]);
}

/// One image at a time, flattened before it is quantized; operators that do nothing; a skip.
#[test]
fn image() {
    graph_is_exact("image", 1, 1, &["xcve2802", "npu2", "xcve3858"]);
}

#[test]
fn autoencoder_on_many_tiles() {
    for objective in [Objective::Throughput, Objective::Latency] {
        let scratch = Scratch::new();
        let out = scratch.path("out");
        let report = compile("examples/autoencoder", objective, None, &out);
        assert!(report.layers.iter().any(|layer| layer.cascade > 1), "{report}");
        assert!(report.layers.iter().any(|layer| layer.chains > 1), "{report}");
        check("examples/autoencoder", &out);
        every_layer_works_at_once(&out);
    }
}

/// The streams of sixteen chains come down to memory tiles in more columns than would hold them.
#[test]
fn memory_tiles_that_spread() {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let report = compile("examples/autoencoder", Objective::Latency, Some(80), &out);
    assert!((64..=80).contains(&report.tiles), "{report}");
    check("examples/autoencoder", &out);
}

/// However long the way through a design, shares are counted while all of it is full.
fn every_layer_works_at_once(design: &Path) {
    let input = Tensor::read_npy(&root().join("examples/autoencoder/inputs.npy"));
    let input = input.unwrap_or_else(|error| panic!("{error}"));
    let runner = design::open(design).unwrap_or_else(|error| panic!("{error}"));
    let (_, timing) = runner
        .run_timed(&[input], None, &Timed::default())
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(timing.layers.len(), 10);
    for layer in &timing.layers {
        assert!(layer.busy > 0.1 && layer.idle == 0.0, "{layer:?}");
    }
}

#[test]
fn digits_on_few_and_many_tiles() {
    let scratch = Scratch::new();
    let mut tiles = Vec::new();
    for max_tiles in [3, 12] {
        let out = scratch.path(&max_tiles.to_string());
        let report = compile("examples/digits", Objective::Throughput, Some(max_tiles), &out);
        assert!(report.tiles <= max_tiles, "{report}");
        tiles.push(report.tiles);
        check("examples/digits", &out);
    }
    assert!(tiles[0] < tiles[1], "{tiles:?}");
}

#[test]
fn the_same_model_gives_the_same_files() {
    let scratch = Scratch::new();
    let copy = scratch.path("elsewhere");
    std::fs::create_dir(&copy).expect("the scratch folder can be written");
    let model = root().join("examples/autoencoder/model.onnx");
    std::fs::copy(&model, copy.join("model.onnx")).expect("the model can be read");
    let compile = |model: &Path| {
        let options =
            Options { model: model.into(), objective: Objective::Throughput, ..Options::default() };
        compile::compile_in_memory(&options, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"))
    };
    let (first, second) = (compile(&model), compile(&copy.join("model.onnx")));
    assert_eq!(first.files.keys().collect::<Vec<_>>(), second.files.keys().collect::<Vec<_>>());
    for (path, text) in &first.files {
        assert!(*text == second.files[path], "{} differs", path.display());
    }
    let without_time =
        |report: &Report| Report { compile_seconds: Default::default(), ..report.clone() };
    assert_eq!(without_time(&first.report).json(), without_time(&second.report).json());
}

/// A pass with the options that `aie4ml compile` gives it.
fn as_compiled(pass: &str) -> String {
    match pass {
        "aie4ml-parallelize" => format!("--{pass}=simulate=true"),
        _ => format!("--{pass}"),
    }
}

/// The steps of `aie4ml compile`, taken one at a time by `aie4ml-opt`: each result is text that
/// the next step reads, and computes the same.
#[test]
fn every_pass_gives_runnable_text() {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    compile("examples/jet_tagger", Objective::default(), None, &out);
    let mut file = out.join(compile::MODEL);
    for &(pass, _) in PIPELINE {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_aie4ml-opt"))
            .arg(&file)
            .args([&as_compiled(pass), "--mlir-print-debuginfo"])
            .output()
            .expect("aie4ml-opt was built for this test");
        assert!(output.status.success(), "{pass}: {}", common::stderr(&output));
        // Beside the kernels, which the last level needs.
        file = out.join(format!("after-{pass}.mlir"));
        std::fs::write(&file, &output.stdout).expect("the scratch folder can be written");
        check("examples/jet_tagger", &file);
        let level = match pass {
            "aie4ml-legalize" => compile::NETWORK,
            "aie4ml-place" => compile::MAPPED,
            _ => continue,
        };
        let expected = std::fs::read(out.join(level)).expect("the level was written");
        let equal = expected.trim_ascii_end() == output.stdout.trim_ascii_end();
        assert!(equal, "{level} is not what the passes give one by one");
    }
}

/// A stock `mlir-opt` with the plugin is as good as `aie4ml-opt`.
#[test]
fn a_stock_mlir_opt_runs_the_pipeline() {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    compile("examples/digits", Objective::default(), None, &out);
    let pipeline = "--pass-pipeline=builtin.module(aie4ml-compile)";
    let plugin = common::plugin();
    let run = |tool: &Path, options: &[String]| {
        let output = std::process::Command::new(tool)
            .args(options)
            .arg(pipeline)
            .arg(out.join(compile::MODEL))
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", tool.display()));
        assert!(output.status.success(), "{}", common::stderr(&output));
        common::stdout(&output)
    };
    let stock = run(
        &common::llvm().join("bin/mlir-opt"),
        &["dialect", "pass"].map(|kind| format!("--load-{kind}-plugin={}", plugin.display())),
    );
    let own = run(Path::new(env!("CARGO_BIN_EXE_aie4ml-opt")), &[]);
    assert!(own.contains("aie.device(xcve2802)"), "{own}");
    assert!(stock == own, "a stock mlir-opt prints something else");
}
