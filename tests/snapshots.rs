//! What is generated, as text to review: sources, reports, and IR after passes.

mod common;

use aie4ml::{
    compile::{self, Compiled, Options},
    plan::parallelize::Objective,
    report::Report,
    testing::Pipeline,
};
use common::root;

fn compile(model: &str) -> Compiled {
    let options = Options { model: root().join(model), ..Options::default() };
    compile::compile_in_memory(&options, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"))
}

/// Two requantizations, a ReLU, and all roles of a cascade but the middle one.
#[test]
fn kernel_sources() {
    let mut text = String::new();
    for model in ["examples/autoencoder/model.onnx", "tests/models/jet_tagger_prerelu/model.onnx"] {
        for (path, source) in compile(model).files {
            if path.extension().is_some_and(|extension| extension == "cc") {
                text += &format!("//--- {}\n{source}", path.display());
            }
        }
    }
    insta::assert_snapshot!(text);
}

fn report() -> Report {
    let Compiled { report, .. } = compile("examples/jet_tagger/model.onnx");
    Report { compile_seconds: Default::default(), ..report }
}

#[test]
fn report_json() {
    insta::assert_snapshot!(report().json());
}

/// The picture in the README.
#[test]
fn floor_plan() {
    let options = Options {
        model: root().join("examples/autoencoder/model.onnx"),
        objective: Objective::Throughput,
        max_tiles: Some(40),
        ..Options::default()
    };
    let compiled = compile::compile_in_memory(&options, &mut |_| ());
    let Compiled { report, .. } = compiled.unwrap_or_else(|error| panic!("{error}"));
    let picture = report.floor_plan().replace("><", ">\n<");
    insta::assert_binary_snapshot!("floor_plan.svg", picture.into_bytes());
}

#[test]
fn report_text() {
    insta::assert_snapshot!(report());
}

#[test]
fn design() {
    let design =
        &compile("examples/jet_tagger/model.onnx").files[std::path::Path::new(compile::DESIGN)];
    // Weights are not for reading.
    let lines = design.lines().map(|line| match line.split_once(" = dense<") {
        Some((buffer, _)) => buffer,
        None => line,
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

const TWO_LAYERS: &str = "
    func.func @two_layers(%x: tensor<4x24xi8>) -> tensor<4x5xi8> {
      %w0 = arith.constant dense<1> : tensor<24x40xi8>
      %b0 = arith.constant dense<2> : tensor<40xi32>
      %w1 = arith.constant dense<3> : tensor<40x5xi8>
      %y = aie4ml.dense %x, %w0, %b0 accumulator = i32
        requant = [#aie4ml.requant<shift = 3, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
        : (tensor<4x24xi8>, tensor<24x40xi8>, tensor<40xi32>) -> tensor<4x40xi8>
      %z = aie4ml.dense %y, %w1 accumulator = i32
        requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = wrap, width = 6, min = -32, max = 31>]
        : (tensor<4x40xi8>, tensor<40x5xi8>) -> tensor<4x5xi8>
      return %z : tensor<4x5xi8>
    }";

#[test]
fn a_network_is_mapped() {
    let text = Pipeline::new(
        "func.func(aie4ml-legalize,aie4ml-tile,aie4ml-parallelize{objective=latency max-tiles=12},\
         aie4ml-pack,aie4ml-plan-transport,aie4ml-place)",
    )
    .run(TWO_LAYERS);
    insta::assert_snapshot!(text);
}

#[test]
fn a_refusal_is_text_too() {
    let text = Pipeline::new("func.func(aie4ml-legalize,aie4ml-tile,aie4ml-pack)").run(TWO_LAYERS);
    insta::assert_snapshot!(text, @r"error: input:6:12: 'aie4ml.dense' op has no split: run aie4ml-parallelize first");
    let text = Pipeline::new("func.func(aie4ml-none)").run(TWO_LAYERS);
    assert!(text.starts_with("error: pipeline 'builtin.module(func.func(aie4ml-none))'"), "{text}");
    let text = Pipeline::new("").run("func.func @f(");
    assert!(text.starts_with("error: input:1:"), "{text}");
}
