//! One model of each source: every level computes what the tool that wrote it does.

mod common;

use aie4ml::{
    compile::{self, Options},
    design,
    run::{Form, compare},
    tensor::Tensor,
};
use common::{Scratch, root};

/// Compiles a file of `examples` for a device and runs all levels on all vectors beside it.
fn check(file: &str, device: &str) {
    let model = root().join("examples").join(file);
    let folder = model.parent().expect("a file is in a folder");
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let options =
        Options { model: model.clone(), device: Some(device.into()), ..Options::default() };
    compile::compile(&options, &out, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"));
    let levels = [compile::MODEL, compile::NETWORK, compile::MAPPED, compile::DESIGN];
    let mut vectors = 0;
    for kind in ["", "_q", "_stress", "_stress_q"] {
        let [inputs, outputs] =
            ["inputs", "outputs"].map(|what| folder.join(format!("{what}{kind}.npy")));
        if !inputs.exists() {
            continue;
        }
        vectors += 1;
        let [inputs, outputs] = [inputs, outputs]
            .map(|file| Tensor::read_npy(&file).unwrap_or_else(|error| panic!("{error}")));
        let form = if outputs.dtype().is_float() { Form::Float } else { Form::Codes };
        for level in levels {
            let results = design::open(&out.join(level))
                .and_then(|runner| runner.run(std::slice::from_ref(&inputs), Some(form)))
                .unwrap_or_else(|error| panic!("{file}: {level}: {error}"));
            let found =
                compare(&results[0], &outputs, 0.0).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(found.count, 0, "{file}: {level}: {kind}: {found:?}");
        }
    }
    assert!(vectors > 0, "{file} has nothing to compare with");
}

#[test]
fn onnx_of_any_scale() {
    check("digits_any_scale/model.onnx", "xcve2802");
    check("digits_any_scale/model.onnx", "npu2");
}

#[test]
fn onnx_of_quark() {
    check("jet_tagger_quark/model.onnx", "xcve2802");
}

#[test]
fn qonnx_of_brevitas() {
    check("jet_tagger_qonnx/model.onnx", "xcve2302");
}

#[test]
fn tflite() {
    check("tflite_digits/model.tflite", "xcve2802");
    check("tflite_digits/model.tflite", "npu1");
}

#[test]
fn hls4ml() {
    check("hls4ml_classifier/model.fml", "xcve2802");
}

#[test]
fn linalg_and_tosa_of_torch_mlir() {
    check("jet_tagger_torch/model.linalg.mlir", "xcve2802");
    check("jet_tagger_torch/model.tosa.mlir", "npu1");
}
