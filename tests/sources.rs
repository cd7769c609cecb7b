//! One model of each source: every level computes what the tool that wrote it does.

mod common;

use aie4ml::{
    compile::{self, Options},
    design,
    exact::Rounding,
    frontends::onnx::proto::{
        GraphProto, ModelProto, TensorProto, TensorTypeProto, TypeProto, ValueInfoProto,
    },
    plan::requantize::{self, Quantizer, Real},
    run::{Form, compare},
    tensor::Tensor,
};
use common::{Scratch, root};
use prost::Message;

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

/// A constant's elements, exactly: they are floats of 32 bits or integers of 8 or 32.
fn reals(constant: &TensorProto) -> Vec<Real> {
    let bytes = constant.raw_data.as_deref().unwrap_or_default();
    let words = |f: fn([u8; 4]) -> f64| -> Vec<f64> {
        let words = bytes.chunks_exact(4);
        words.map(|word| f(word.try_into().expect("four bytes"))).collect()
    };
    let values: Vec<f64> = match constant.data_type {
        _ if !constant.float_data.is_empty() => {
            constant.float_data.iter().map(|&x| x.into()).collect()
        }
        _ if !constant.int32_data.is_empty() => {
            constant.int32_data.iter().map(|&x| x.into()).collect()
        }
        1 => words(|word| f32::from_le_bytes(word).into()),
        2 => bytes.iter().map(|&byte| byte.into()).collect(),
        3 => bytes.iter().map(|&byte| byte.cast_signed().into()).collect(),
        6 => words(|word| i32::from_le_bytes(word).into()),
        other => panic!("{}: a test knows no type {other}", constant.name),
    };
    values.into_iter().map(|value| requantize::real(value).expect("finite")).collect()
}

/// Fed with the codes of the layer before it, each layer gives what real arithmetic gives,
/// rounded half to even.
#[test]
fn layers_of_any_scale_are_real_arithmetic() {
    let file = root().join("examples/digits_any_scale/model.onnx");
    let mut bytes = std::fs::read(&file).expect("the example is there");
    let graph = ModelProto::decode(bytes.as_slice()).expect("it is a model").graph;
    let graph = graph.expect("it has a graph");
    let constant = |name: &String| graph.initializer.iter().find(|c| c.name == *name);
    let maker = |name: &String| graph.node.iter().find(|node| node.output.contains(name));
    // The activations between layers become outputs: appended messages are merged.
    let mut names: Vec<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    let inner = graph.node.iter().filter(|node| {
        let quantizer = maker(&node.input[0]).and_then(|quantizer| maker(&quantizer.input[0]));
        node.op_type == "DequantizeLinear"
            && quantizer.is_some()
            && !names.contains(&node.output[0])
    });
    let inner: Vec<String> = inner.map(|node| node.output[0].clone()).collect();
    let output = |name: &String| ValueInfoProto {
        name: name.clone(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto { elem_type: 1, ..Default::default() }),
        }),
    };
    let more = GraphProto { output: inner.iter().map(output).collect(), ..Default::default() };
    bytes.extend(ModelProto { graph: Some(more), ..Default::default() }.encode_to_vec());
    names.extend(inner);
    assert_eq!(names.len(), 3, "{names:?}");

    let scratch = Scratch::new();
    let (model, out) = (scratch.path("model.onnx"), scratch.path("out"));
    std::fs::write(&model, bytes).expect("the folder is there");
    let options = Options { model, ..Options::default() };
    let report = compile::compile(&options, &out, &mut |_| ()).unwrap_or_else(|e| panic!("{e}"));
    // By proof, for every sum that can occur.
    assert!(report.remarks.is_empty(), "{:?}", report.remarks);
    let design = design::open(&out.join(compile::DESIGN)).unwrap_or_else(|e| panic!("{e}"));
    let mut checked = 0;
    for kind in ["", "_stress"] {
        let read = |what: &str| {
            let path = file.with_file_name(format!("{what}{kind}_q.npy"));
            Tensor::read_npy(&path).unwrap_or_else(|error| panic!("{error}"))
        };
        let input = read("inputs");
        let results = design
            .run(std::slice::from_ref(&input), Some(Form::Codes))
            .unwrap_or_else(|error| panic!("{error}"));
        let codes = |name: &String| {
            let found = names.iter().position(|other| other == name);
            let tensor = found.map_or(&input, |index| &results[index]);
            tensor.integers().expect("codes")
        };
        for name in &names {
            let step = maker(name).expect("an output has a node");
            let layer = maker(&step.input[0]).and_then(|quantizer| maker(&quantizer.input[0]));
            let layer = layer.expect("a layer is quantized");
            // What a dequantized operand is: codes, scales, zero points.
            let parts = |name: &String| {
                let node = maker(name).expect("an operand has a node");
                assert_eq!((node.op_type.as_str(), node.input.len()), ("DequantizeLinear", 3));
                let of = |index: usize| constant(&node.input[index]);
                (of(0), reals(of(1).expect("a scale")), reals(of(2).expect("a zero point")))
            };
            assert_eq!(layer.op_type, "Gemm");
            let (_, x_scale, x_zero) = parts(&layer.input[0]);
            let (w, w_scale, w_zero) = parts(&layer.input[1]);
            let (b, b_scale, _) = parts(&layer.input[2]);
            let (_, y_scale, y_zero) = parts(name);
            let (w, b) = (w.expect("weights"), b.expect("a bias"));
            let [n, k] = [w.dims[0] as usize, w.dims[1] as usize];
            let (w, b) = (reals(w), reals(b));
            let x: Vec<Real> =
                codes(&layer.input[0]).into_iter().map(requantize::integer).collect();
            let y = codes(name);
            let quantizer = Quantizer {
                rounding: Rounding::NearestEven,
                width: 8,
                signed: false,
                zero_point: y_zero[0].to_integer().try_into().expect("a code"),
                min: 0,
                max: 255,
            };
            for (at, &found) in y.iter().enumerate() {
                let (row, channel) = (at / n, at % n);
                let terms = (0..k).map(|i| {
                    (&x[row * k + i] - &x_zero[0]) * (&w[channel * k + i] - &w_zero[channel])
                });
                let sum: Real = terms.sum();
                let real = sum * &x_scale[0] * &w_scale[channel] + &b[channel] * &b_scale[channel];
                assert_eq!(found, quantizer.apply(&(real / &y_scale[0])), "{name}{kind}: {at}");
                checked += 1;
            }
        }
    }
    assert!(checked > 1000, "{checked} values were compared");
}
