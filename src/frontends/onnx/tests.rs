//! Models built in code: what they become, and what is refused with which words.

use melior::{
    Context,
    dialect::DialectRegistry,
    ir::operation::{OperationLike, OperationPrintingFlags},
    utility::register_all_dialects,
};
use prost::Message;

use super::{
    Options,
    proto::{
        AttributeProto, Dimension, Extent, FunctionProto, GraphProto, ModelProto, NodeProto,
        OperatorSetIdProto, SparseTensorProto, StringStringEntryProto, TensorProto,
        TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, attribute_kind,
    },
    tensor::Element,
};

fn context() -> Context {
    let registry = DialectRegistry::new();
    register_all_dialects(&registry);
    let context = Context::new();
    context.append_dialect_registry(&registry);
    context.set_allow_unregistered_dialects(true);
    context
}

/// A model under construction.
#[derive(Clone, Default)]
struct Model {
    graph: GraphProto,
    functions: Vec<FunctionProto>,
}

impl Model {
    fn input(mut self, name: &str, element: Element, shape: &[i64]) -> Self {
        self.graph.input.push(info(name, element, shape));
        self
    }

    fn output(mut self, name: &str, element: Element, shape: &[i64]) -> Self {
        self.graph.output.push(info(name, element, shape));
        self
    }

    fn integers(mut self, name: &str, element: Element, dims: &[i64], values: &[i64]) -> Self {
        self.graph.initializer.push(integers(name, element, dims, values));
        self
    }

    fn floats(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.graph.initializer.push(TensorProto {
            name: name.into(),
            dims: dims.into(),
            data_type: Element::F32.data_type(),
            float_data: values.into(),
            ..Default::default()
        });
        self
    }

    /// A node named as its output.
    fn node(self, operator: &str, inputs: &[&str], output: &str) -> Self {
        self.node_with(operator, inputs, output, &[])
    }

    fn node_with(
        mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[AttributeProto],
    ) -> Self {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|name| name.to_string()).collect(),
            output: vec![output.into()],
            name: format!("node_{output}"),
            op_type: operator.into(),
            attribute: attributes.into(),
            ..Default::default()
        });
        self
    }

    /// A `QuantizeLinear` and a `DequantizeLinear`, with scale 0.25 unless given before.
    fn quantized(self, from: &str, to: &str) -> Self {
        let integers = format!("{to}_integers");
        self.node("QuantizeLinear", &[from, "scale", "zero"], &integers).node(
            "DequantizeLinear",
            &[&integers, "scale", "zero"],
            to,
        )
    }

    fn change(mut self, change: impl FnOnce(&mut GraphProto)) -> Self {
        change(&mut self.graph);
        self
    }

    fn proto(&self) -> ModelProto {
        ModelProto {
            ir_version: 10,
            graph: Some(self.graph.clone()),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 21 }],
            functions: self.functions.clone(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.proto().encode_to_vec()
    }

    /// The module's text without locations.
    fn text(&self) -> String {
        text(&self.bytes(), false)
    }

    /// The text of the error.
    fn refusal(&self) -> String {
        refusal(&self.bytes())
    }
}

fn text(bytes: &[u8], locations: bool) -> String {
    let context = context();
    let module = super::import_bytes(&context, bytes, "model.onnx", None, &Options::default())
        .unwrap_or_else(|error| panic!("{error}"));
    let flags = OperationPrintingFlags::new();
    let flags = if locations { flags.enable_debug_info(true, false) } else { flags };
    module.as_operation().to_string_with_flags(flags).expect("modules print as text")
}

fn refusal(bytes: &[u8]) -> String {
    match super::import_bytes(&context(), bytes, "model.onnx", None, &Options::default()) {
        Ok(module) => panic!("imported:\n{}", module.as_operation()),
        Err(error) => error.to_string(),
    }
}

fn info(name: &str, element: Element, shape: &[i64]) -> ValueInfoProto {
    let dim = |&value: &i64| Dimension { extent: Some(Extent::Value(value)) };
    let shape = TensorShapeProto { dim: shape.iter().map(dim).collect() };
    let tensor = TensorTypeProto { elem_type: element.data_type(), shape: Some(shape) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

fn integers(name: &str, element: Element, dims: &[i64], values: &[i64]) -> TensorProto {
    let raw =
        values.iter().flat_map(|v| v.to_le_bytes().into_iter().take(element.bytes())).collect();
    TensorProto {
        name: name.into(),
        dims: dims.into(),
        data_type: element.data_type(),
        raw_data: Some(raw),
        ..Default::default()
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), kind: attribute_kind::INT, i: value, ..Default::default() }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        kind: attribute_kind::FLOAT,
        f: value,
        ..Default::default()
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        kind: attribute_kind::INTS,
        ints: values.into(),
        ..Default::default()
    }
}

/// Input `x` of 2x3, quantized as `xq`; the constants `scale`, 0.25, and `zero`.
fn start() -> Model {
    Model::default()
        .floats("scale", &[], &[0.25])
        .integers("zero", Element::I8, &[], &[0])
        .input("x", Element::F32, &[2, 3])
        .quantized("x", "xq")
}

/// [`start`] and a node from `xq` to the output `y` of that shape.
fn one(operator: &str, more_inputs: &[&str], shape: &[i64]) -> Model {
    let inputs = [&["xq"], more_inputs].concat();
    start().node(operator, &inputs, "y").output("y", Element::F32, shape)
}

/// Weights `w`, [2, 3] as `Gemm` has them with `transB`, and a bias `b`.
fn weights(model: Model) -> Model {
    model
        .integers("w_int", Element::I8, &[2, 3], &[1, 2, 3, -4, -5, -6])
        .floats("w_scale", &[], &[0.5])
        .node("DequantizeLinear", &["w_int", "w_scale"], "w")
        .integers("b_int", Element::I32, &[2], &[100, -200])
        .floats("b_scale", &[], &[0.125])
        .node("DequantizeLinear", &["b_int", "b_scale"], "b")
}

/// Quantized input, one dense layer with ReLU, quantized output.
fn dense() -> Model {
    weights(start())
        .node_with("Gemm", &["xq", "w", "b"], "fc1", &[int("transB", 1)])
        .node("Relu", &["fc1"], "relu")
        .quantized("relu", "y")
        .output("y", Element::F32, &[2, 2])
}

/// Checks that lines which contain these follow one another in this order.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let mut lines = text.lines();
    for expected in expected {
        assert!(
            lines.any(|line| line.contains(expected)),
            "no line with `{expected}`, in its place, in\n{text}"
        );
    }
}

#[test]
fn dense_layer() {
    insta::assert_snapshot!(text(&dense().bytes(), true));
}

#[test]
fn module_does_not_depend_on_order_of_nodes() {
    // Constants first, then backwards: only one order of these nodes can run.
    let chain = one("Relu", &[], &[2, 3]);
    let reversed = chain.clone().change(|graph| graph.node.reverse());
    assert_eq!(chain.text(), reversed.text());
}

#[test]
fn scale_is_written_exactly() {
    let mut model = one("Relu", &[], &[2, 3]);
    for scale in [0.028_757_365, 1.0, 3.0e30, f32::from_bits(1), f32::MAX, 6.103_515_6e-5] {
        model.graph.initializer[0].float_data = vec![scale];
        let text = model.text();
        let (_, after) = text.split_once("!quant.uniform<i8:f32, ").expect("has a quantized type");
        let (written, _) = after.split_once('>').expect("the type ends");
        assert_eq!(written.parse(), Ok(f64::from(scale)), "{scale}");
    }
}

#[test]
fn integer_types_and_zero_points() {
    for (element, zero, expected) in [
        (Element::I8, -3, "i8:f32, 2.500000e-01:-3>"),
        (Element::U8, 128, "u8:f32, 2.500000e-01:128>"),
        (Element::I16, 0, "i16:f32, 2.500000e-01>"),
        (Element::U16, 65535, "u16:f32, 2.500000e-01:65535>"),
    ] {
        let model = one("Relu", &[], &[2, 3])
            .change(|graph| graph.initializer[1] = integers("zero", element, &[], &[zero]));
        check(&model.text(), &[expected]);
    }
}

#[test]
fn zero_point_may_be_absent() {
    let model = one("Relu", &[], &[2, 3]).change(|graph| {
        graph.node[0].input.truncate(2);
        graph.node[1].input[2].clear();
    });
    check(&model.text(), &["quant.qcast", "u8:f32, 2.500000e-01>"]);
    let model = model.change(|graph| graph.node[0].attribute = vec![int("output_dtype", 5)]);
    check(&model.text(), &["quant.qcast", "i16:f32, 2.500000e-01>"]);
}

#[test]
fn quantization_of_onnxruntimes_domain_is_the_same() {
    let model = dense();
    let renamed = model.clone().change(|graph| {
        for node in graph.node.iter_mut().filter(|node| node.op_type.ends_with("Linear")) {
            node.domain = "com.microsoft".into();
        }
    });
    assert_eq!(model.text(), renamed.text());
}

#[test]
fn weights_quantized_per_axis_take_the_axis_along() {
    let model = dense().change(|graph| {
        graph.initializer[3].dims = vec![2];
        graph.initializer[3].float_data = vec![0.5, 0.125];
        graph.node[2].attribute = vec![int("axis", 0)];
    });
    // Axis 0 of 2x3 weights is axis 2 of the 1x3x2 that `tosa.matmul` reads.
    check(
        &model.text(),
        &[
            "dense<[[[1, -4], [2, -5], [3, -6]]]> : tensor<1x3x2xi8>",
            "tensor<1x3x2x!quant.uniform<i8:f32:2, {5.000000e-01,1.250000e-01}>>",
        ],
    );
}

#[test]
fn equal_scales_along_an_axis_are_one() {
    let model = dense().change(|graph| {
        graph.initializer[3].dims = vec![2];
        graph.initializer[3].float_data = vec![0.5, 0.5];
        graph.node[2].attribute = vec![int("axis", 0)];
    });
    check(&model.text(), &["tensor<1x3x2x!quant.uniform<i8:f32, 5.000000e-01>>"]);
}

#[test]
fn float_weights_between_quantize_and_dequantize_are_folded() {
    let model = start()
        .floats("w_float", &[3, 2], &[0.1, 0.125, 0.375, 1e9, f32::NEG_INFINITY, -0.25])
        .quantized("w_float", "w")
        .node("MatMul", &["xq", "w"], "y")
        .output("y", Element::F32, &[2, 2]);
    // Ties go to even: 0.5 to 0 and 1.5 to 2.
    check(&model.text(), &["dense<[[[0, 0], [2, 127], [-128, -1]]]> : tensor<1x3x2xi8>"]);
}

#[test]
fn gemm_with_everything() {
    let model = weights(start())
        .integers("c_int", Element::I32, &[3, 1], &[7, 8, 9])
        .node("DequantizeLinear", &["c_int", "b_scale"], "c")
        .node_with(
            "Gemm",
            &["xq", "w", "c"],
            "y",
            &[float("alpha", 0.5), float("beta", -2.0), int("transA", 1), int("transB", 0)],
        )
        // 3x2 times 2x3: the input is transposed, the bias broadcasts along rows.
        .output("y", Element::F32, &[3, 3]);
    check(
        &model.text(),
        &[
            "tosa.transpose %1 {perms = array<i32: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>",
            "dense<[[[1, 2, 3], [-4, -5, -6]]]> : tensor<1x2x3xi8>",
            "tosa.matmul",
            "dense<5.000000e-01> : tensor<1x1xf32>",
            "tosa.mul",
            "dense<[[7], [8], [9]]> : tensor<3x1xi32>",
            "dense<-2.000000e+00> : tensor<1x1xf32>",
            "tosa.mul",
            "tosa.add",
        ],
    );
}

#[test]
fn gemm_without_bias() {
    for model in [
        weights(start()).node_with("Gemm", &["xq", "w"], "y", &[int("transB", 1)]),
        weights(start()).node_with("Gemm", &["xq", "w", ""], "y", &[int("transB", 1)]),
        weights(start()).node_with(
            "Gemm",
            &["xq", "w", "b"],
            "y",
            &[int("transB", 1), float("beta", 0.0)],
        ),
    ] {
        let text = model.output("y", Element::F32, &[2, 2]).text();
        check(&text, &["tosa.matmul"]);
        assert!(!text.contains("tosa.add"), "{text}");
    }
}

#[test]
fn matmul_joins_batches_that_meet_the_same_weights() {
    let model = start()
        .integers("w_int", Element::I8, &[3, 5], &[1; 15])
        .node("DequantizeLinear", &["w_int", "scale"], "w")
        .input("v", Element::F32, &[4, 2, 3])
        .quantized("v", "vq")
        .node("MatMul", &["vq", "w"], "y")
        .output("y", Element::F32, &[4, 2, 5]);
    check(
        &model.text(),
        &["tosa.matmul", "(tensor<1x8x5xf32>, !tosa.shape<3>) -> tensor<4x2x5xf32>"],
    );
}

#[test]
fn matmul_of_equal_batches() {
    let model = Model::default()
        .input("v", Element::F32, &[4, 2, 3])
        .input("w", Element::F32, &[4, 3, 5])
        .node("MatMul", &["v", "w"], "y")
        .output("y", Element::F32, &[4, 2, 5]);
    check(&model.text(), &["tosa.matmul %arg0, %arg1,"]);
}

#[test]
fn weights_may_be_transposed_and_reshaped_on_the_way() {
    let model = start()
        .integers("w_int", Element::I8, &[2, 3, 1], &[1, 2, 3, -4, -5, -6])
        .integers("axes", Element::I64, &[1], &[-1])
        .node("DequantizeLinear", &["w_int", "scale"], "w0")
        .node("Squeeze", &["w0", "axes"], "w1")
        .node_with("Transpose", &["w1"], "w2", &[ints("perm", &[1, 0])])
        .node("Identity", &["w2"], "w3")
        .node_with("Cast", &["w3"], "w4", &[int("to", 1)])
        .node("MatMul", &["xq", "w4"], "y")
        .output("y", Element::F32, &[2, 2]);
    let text = model.text();
    check(&text, &["dense<[[[1, -4], [2, -5], [3, -6]]]> : tensor<1x3x2xi8>", "tosa.matmul"]);
    assert!(!text.contains("tosa.transpose"), "{text}");
}

#[test]
fn add_broadcasts() {
    let model = start()
        .integers("c_int", Element::I8, &[3], &[1, 2, 3])
        .node("DequantizeLinear", &["c_int", "scale"], "c")
        .node("Add", &["xq", "c"], "sum")
        .node("Add", &["sum", "xq"], "y")
        .output("y", Element::F32, &[2, 3]);
    check(
        &model.text(),
        &[
            "dense<[[1, 2, 3]]> : tensor<1x3xi8>",
            "tosa.add %1, %4 : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>",
            "tosa.add %5, %1",
        ],
    );
}

#[test]
fn relu_and_clip_of_floats_are_clamps() {
    check(
        &one("Relu", &[], &[2, 3]).text(),
        &["tosa.clamp %1 {max_val = 3.40282347E+38 : f32, min_val = 0.000000e+00"],
    );
    let relu6 = one("Clip", &["low", "high"], &[2, 3]).floats("low", &[], &[0.0]).floats(
        "high",
        &[],
        &[6.0],
    );
    check(
        &relu6.text(),
        &["tosa.clamp %1 {max_val = 6.000000e+00 : f32, min_val = 0.000000e+00 : f32}"],
    );
    check(
        &one("Clip", &[], &[2, 3]).text(),
        &["max_val = 3.40282347E+38 : f32, min_val = -3.40282347E+38"],
    );
}

#[test]
fn clip_after_quantize_narrows_the_type() {
    let model = Model::default()
        .floats("scale", &[], &[0.25])
        .integers("zero", Element::I8, &[], &[0])
        .integers("low", Element::I8, &[], &[-8])
        .integers("high", Element::I8, &[], &[7])
        .input("x", Element::F32, &[2, 3])
        .node("QuantizeLinear", &["x", "scale", "zero"], "q")
        .node("Clip", &["q", "low", "high"], "c")
        .node("DequantizeLinear", &["c", "scale", "zero"], "y")
        .output("y", Element::F32, &[2, 3]);
    let text = model.text();
    check(&text, &["quant.qcast", "quant.dcast", "return"]);
    assert_eq!(text.matches("quant.qcast").count(), 1, "{text}");
    check(&text, &["tensor<2x3x!quant.uniform<i8<-8:7>:f32, 2.500000e-01>>"]);

    // Of a constant, it changes the constant.
    let model = dense().change(|graph| {
        graph.initializer.push(integers("low", Element::I8, &[], &[-5]));
        graph.initializer[2].name = "w_wide".into();
    });
    let model = model.node("Clip", &["w_wide", "low"], "w_int");
    check(&model.text(), &["dense<[[[1, -4], [2, -5], [3, -5]]]> : tensor<1x3x2xi8>"]);
}

#[test]
fn shape_operators_are_reshapes() {
    let shaped = |operator: &str, values: &[i64], shape: &[i64]| {
        let length = [values.len() as i64];
        one(operator, &["list"], shape).integers("list", Element::I64, &length, values).text()
    };
    let reshape = |shape: &str| {
        format!(
            "(tensor<2x3xf32>, !tosa.shape<{}>) -> tensor<{shape}xf32>",
            shape.split('x').count()
        )
    };
    check(&shaped("Reshape", &[3, -1], &[3, 2]), &[&reshape("3x2")]);
    check(&shaped("Reshape", &[0, 1, 3], &[2, 1, 3]), &[&reshape("2x1x3")]);
    check(&shaped("Unsqueeze", &[0, -1], &[1, 2, 3, 1]), &[&reshape("1x2x3x1")]);
    check(&one("Flatten", &[], &[2, 3]).text(), &["return %1"]);
    let flat =
        one("Flatten", &[], &[1, 6]).change(|graph| graph.node[2].attribute = vec![int("axis", 0)]);
    check(&flat.text(), &[&reshape("1x6")]);
    check(&shaped("Reshape", &[2, 3], &[2, 3]), &["return %1"]);
}

#[test]
fn transpose_that_moves_no_element_is_a_reshape() {
    let model = one("Unsqueeze", &["axes"], &[1, 2, 3])
        .integers("axes", Element::I64, &[1], &[0])
        .change(|graph| {
            graph.output.clear();
        });
    let model = model.node_with("Transpose", &["y"], "z", &[ints("perm", &[1, 0, 2])]).output(
        "z",
        Element::F32,
        &[2, 1, 3],
    );
    let text = model.text();
    check(&text, &["(tensor<1x2x3xf32>, !tosa.shape<3>) -> tensor<2x1x3xf32>"]);
    assert!(!text.contains("tosa.transpose"), "{text}");
    check(
        &one("Transpose", &[], &[3, 2]).text(),
        &["tosa.transpose %1 {perms = array<i32: 1, 0>}"],
    );
}

#[test]
fn integers_between_quantize_and_dequantize_may_be_reshaped() {
    let model = start()
        .change(|graph| graph.node[1].input[0] = "moved".into())
        .node("Transpose", &["xq_integers"], "moved")
        .node("Relu", &["xq"], "y")
        .output("y", Element::F32, &[3, 2]);
    check(&model.text(), &["quant.qcast", "tosa.transpose", "quant.dcast"]);
}

#[test]
fn interface_of_integers() {
    let model = Model::default()
        .floats("scale", &[], &[0.25])
        .integers("zero", Element::U8, &[], &[3])
        .input("x", Element::U8, &[2, 3])
        .node("DequantizeLinear", &["x", "scale", "zero"], "real")
        .node("Relu", &["real"], "relu")
        .node("QuantizeLinear", &["relu", "scale", "zero"], "y")
        .output("y", Element::U8, &[2, 3]);
    check(
        &model.text(),
        &[
            r#"@main(%arg0: tensor<2x3xi8> {aie4ml.name = "x"}) -> (tensor<2x3xi8> {aie4ml.name = "y"})"#,
            "quant.scast %arg0 : tensor<2x3xi8> to tensor<2x3x!quant.uniform<u8:f32, 2.500000e-01:3>>",
            "quant.scast %3",
            "return %4 : tensor<2x3xi8>",
        ],
    );
}

#[test]
fn integers_read_with_another_scale_than_written() {
    let model = one("Relu", &[], &[2, 3])
        .floats("other", &[], &[2.0])
        .change(|graph| graph.node[1].input[1] = "other".into());
    check(
        &model.text(),
        &[
            "quant.qcast",
            "to tensor<2x3xi8>",
            "quant.scast %1 : tensor<2x3xi8> to tensor<2x3x!quant.uniform<i8:f32, 2.000000e+00>>",
        ],
    );
}

#[test]
fn several_outputs() {
    let model = one("Relu", &[], &[2, 3]).output("xq", Element::F32, &[2, 3]);
    check(&model.text(), &["return %2, %1 : tensor<2x3xf32>, tensor<2x3xf32>"]);
}

#[test]
fn nodes_without_influence_do_not_matter() {
    let model = one("Relu", &[], &[2, 3]);
    let text = model.text();
    assert_eq!(model.node("Nonsense", &["xq"], "nowhere").text(), text);
}

#[test]
fn constants_may_be_typed_or_raw_or_nodes() {
    let typed = one("Relu", &[], &[2, 3]);
    let raw = typed.clone().change(|graph| {
        graph.initializer[0].float_data.clear();
        graph.initializer[0].raw_data = Some(0.25_f32.to_le_bytes().to_vec());
        graph.initializer[1].raw_data = None;
        graph.initializer[1].int32_data = vec![0];
    });
    assert_eq!(typed.text(), raw.text());
    let node = typed.clone().change(|graph| {
        let value = graph.initializer.remove(0);
        let value = AttributeProto {
            name: "value".into(),
            kind: attribute_kind::TENSOR,
            t: Some(value),
            ..Default::default()
        };
        graph.node.insert(
            0,
            NodeProto {
                output: vec!["scale".into()],
                op_type: "Constant".into(),
                attribute: vec![value],
                ..Default::default()
            },
        );
    });
    assert_eq!(typed.text(), node.text());
}

// Refusals.

#[test]
fn refuses_what_is_not_onnx() {
    assert!(refusal(b"# a text file\n").starts_with("not an ONNX model: "));
    assert_eq!(refusal(b""), "not an ONNX model: it has no graph");
    let bytes = dense().bytes();
    assert!(refusal(&bytes[..bytes.len() / 2]).starts_with("not an ONNX model: "));
    let mut model = dense().proto();
    model.ir_version = 0;
    assert_eq!(
        refusal(&model.encode_to_vec()),
        "not an ONNX model this frontend reads: the version of its format is 0; supported: 3 and later"
    );
}

#[test]
fn refuses_unknown_versions_of_the_operators() {
    let mut model = dense().proto();
    for version in [12, 29] {
        model.opset_import[0].version = version;
        let expected = format!("operator set {version} is not supported; supported: 13 to 28");
        assert_eq!(refusal(&model.encode_to_vec()), expected);
    }
    model.opset_import.clear();
    assert_eq!(
        refusal(&model.encode_to_vec()),
        "not a complete ONNX model: it imports no operator set"
    );
}

#[test]
fn refuses_broken_graphs() {
    assert_eq!(Model::default().refusal(), "the graph is empty: it has no nodes");
    let change = |change: fn(&mut GraphProto)| dense().change(change).refusal();
    assert_eq!(change(|g| g.output.clear()), "the graph has no outputs");
    assert_eq!(
        change(|g| g.output[0].name = "nothing".into()),
        "output 'nothing': no node, input or initializer has this name"
    );
    assert_eq!(change(|g| g.output.push(g.output[0].clone())), "output 'y': is listed twice");
    assert_eq!(
        change(|g| g.node[1].output[0] = "x".into()),
        "node 'node_xq' (DequantizeLinear): the name 'x' is defined twice"
    );
    assert_eq!(
        change(|g| g.node[1].name = "node_w".into()),
        "node 'node_w' (DequantizeLinear): another node has the same name"
    );
    assert_eq!(
        change(|g| g.initializer.push(g.initializer[0].clone())),
        "initializer 'scale': the name 'scale' is defined twice"
    );
    assert_eq!(
        change(|g| g.initializer[2].name = "other".into()),
        "node 'node_w' (DequantizeLinear): input 'w_int' does not exist: no node, input or initializer has this name"
    );
    assert_eq!(
        change(|g| g.node[0].input[0] = "relu".into()),
        "node 'node_xq_integers' (QuantizeLinear): needs its own output as input, through node 'node_relu' (Relu): the graph has a cycle"
    );
    assert_eq!(
        change(|g| g.node[0].input[0] = "xq_integers".into()),
        "node 'node_xq_integers' (QuantizeLinear): needs its own output as input: the graph has a cycle"
    );
    assert_eq!(
        change(|g| g.sparse_initializer.push(SparseTensorProto::default())),
        "sparse initializers are not supported"
    );
}

#[test]
fn refuses_inputs_without_a_static_shape() {
    let dimension = |extent: Option<Extent>| {
        dense()
            .change(|g| {
                let tensor = g.input[0]
                    .r#type
                    .as_mut()
                    .and_then(|t| t.tensor_type.as_mut())
                    .expect("is a tensor");
                tensor.shape.as_mut().expect("has a shape").dim[0].extent = extent;
            })
            .refusal()
    };
    assert_eq!(
        dimension(Some(Extent::Parameter("batch".into()))),
        "input 'x': dimension 0 is dynamic ('batch'): say '--batch N', or export the model with static shapes"
    );
    assert_eq!(
        dimension(None),
        "input 'x': dimension 0 is dynamic: say '--batch N', or export the model with static shapes"
    );
    assert_eq!(
        dimension(Some(Extent::Value(-2))),
        "input 'x': dimension 0 is -2, needs at least 1"
    );
    assert_eq!(
        dimension(Some(Extent::Value(i64::MAX))),
        "input 'x': has too many dimensions or elements"
    );
    let change =
        |change: fn(&mut ValueInfoProto)| dense().change(|g| change(&mut g.input[0])).refusal();
    assert_eq!(
        change(|i| i.r#type = None),
        "input 'x': is not a tensor; only tensors are supported"
    );
    assert_eq!(
        change(|i| i
            .r#type
            .as_mut()
            .and_then(|t| t.tensor_type.as_mut())
            .expect("is a tensor")
            .elem_type = 10),
        "input 'x': element type float16 is not supported; supported: float32, uint8, int8, uint16, int16, int32, int64"
    );
}

#[test]
fn refuses_outputs_that_are_not_what_they_are_declared() {
    let output = |element, shape: &[i64]| {
        dense().change(|g| g.output[0] = info("y", element, shape)).refusal()
    };
    assert_eq!(output(Element::I8, &[2, 2]), "output 'y': is declared int8, but is float32");
    assert_eq!(
        output(Element::F32, &[2, 5]),
        "output 'y': is declared to have shape 2x5, but has 2x2"
    );
    assert_eq!(
        dense().output("scale", Element::F32, &[]).refusal(),
        "output 'scale': is a constant, nothing computes it"
    );
}

#[test]
fn refuses_damaged_initializers() {
    let change =
        |change: fn(&mut TensorProto)| dense().change(|g| change(&mut g.initializer[2])).refusal();
    assert_eq!(
        change(|t| t.raw_data = Some(vec![0; 5])),
        "initializer 'w_int': has shape 2x3 of int8, which is 6 elements, but stores 5 bytes"
    );
    assert_eq!(
        change(|t| {
            t.raw_data = None;
            t.int32_data = vec![1, 2];
        }),
        "initializer 'w_int': has shape 2x3 of int8, which is 6 elements, but stores 2 elements"
    );
    assert_eq!(
        change(|t| {
            t.raw_data = None;
            t.int32_data = vec![1, 2, 3, 4, 5, 128];
        }),
        "initializer 'w_int': stores 128, which is not an int8"
    );
    assert_eq!(
        change(|t| t.dims = vec![2, -3]),
        "initializer 'w_int': has the impossible shape 2x-3"
    );
    assert_eq!(
        change(|t| t.dims = vec![i64::MAX, i64::MAX]),
        "initializer 'w_int': has the impossible shape 9223372036854775807x9223372036854775807"
    );
    assert_eq!(
        change(|t| t.dims = vec![1; 9]),
        "initializer 'w_int': has 9 dimensions; at most 8 are supported"
    );
    assert_eq!(
        change(|t| t.data_type = 22),
        "initializer 'w_int': element type int4 is not supported; supported: float32, uint8, int8, uint16, int16, int32, int64"
    );
    assert_eq!(
        change(|t| {
            let (key, value) = ("location".into(), "weights.bin".into());
            t.external_data = vec![StringStringEntryProto { key, value }];
        }),
        "initializer 'w_int': keeps its data in 'weights.bin': external data is not supported; save the model with its data inside"
    );
}

#[test]
fn refuses_operators_it_does_not_know() {
    const SUPPORTED: &str = "supported: Add, Cast, Clip, Constant, DequantizeLinear, Dropout, Flatten, Gemm, Identity, MatMul, QuantizeLinear, Relu, Reshape, Squeeze, Transpose, Unsqueeze";
    assert_eq!(
        one("Conv", &[], &[2, 3]).refusal(),
        format!("node 'node_y' (Conv): operator 'Conv' is not supported; {SUPPORTED}")
    );
    let model = one("Relu", &[], &[2, 3]).change(|g| g.node[2].domain = "org.example".into());
    assert_eq!(
        model.refusal(),
        format!(
            "node 'node_y' (Relu): operator 'Relu' of domain 'org.example' is not supported; {SUPPORTED}"
        )
    );
    let model = one("If", &[], &[2, 3]).change(|g| {
        let branch = AttributeProto {
            name: "then_branch".into(),
            kind: attribute_kind::GRAPH,
            ..Default::default()
        };
        g.node[2].attribute = vec![branch];
    });
    assert_eq!(
        model.refusal(),
        "node 'node_y' (If): has a subgraph: control flow is not supported"
    );
    let mut model = one("Block", &[], &[2, 3]);
    model.functions.push(FunctionProto { name: "Block".into(), ..FunctionProto::default() });
    assert_eq!(
        model.refusal(),
        "node 'node_y' (Block): calls a function of the model: functions are not supported; inline them"
    );
}

#[test]
fn refuses_attributes_and_operands_it_does_not_know() {
    let model = one("Relu", &[], &[2, 3]).change(|g| g.node[2].attribute = vec![int("alpha", 1)]);
    assert_eq!(model.refusal(), "node 'node_y' (Relu): attribute 'alpha' is not supported");
    let model = dense().change(|g| g.node[4].attribute.push(int("alpha", 1)));
    assert_eq!(model.refusal(), "node 'node_fc1' (Gemm): attribute 'alpha' is not a float");
    let model = dense().change(|g| g.node[4].attribute.push(float("alpha", f32::NAN)));
    assert_eq!(
        model.refusal(),
        "node 'node_fc1' (Gemm): attribute 'alpha' is NaN, needs a finite number"
    );
    let model = dense().change(|g| g.node[4].attribute.push(int("transB", 0)));
    assert_eq!(model.refusal(), "node 'node_fc1' (Gemm): attribute 'transB' is given twice");
    let model = dense().change(|g| g.node[4].input.truncate(1));
    assert_eq!(model.refusal(), "node 'node_fc1' (Gemm): input 1 is missing; 2 are needed");
    let model = one("Relu", &["xq"], &[2, 3]);
    assert_eq!(model.refusal(), "node 'node_y' (Relu): has 2 inputs; at most 1 are supported");
    let model = one("Relu", &[], &[2, 3]).change(|g| g.node[2].output.push("mask".into()));
    assert_eq!(model.refusal(), "node 'node_y' (Relu): has 2 outputs, needs one");
}

#[test]
fn biases_may_be_floats() {
    let model = dense().change(|g| g.node[4].input[2] = "fc1.bias".into());
    check(
        &model.floats("fc1.bias", &[2], &[0.5, -3.0]).text(),
        &[
            "%11 = \"tosa.const\"() <{values = dense<[[5.000000e-01, -3.000000e+00]]> : tensor<1x2xf32>}>",
            "%12 = tosa.add %10, %11",
        ],
    );
}

#[test]
fn dropout_does_nothing() {
    let dropout = |inputs: &[&str], training: u8| {
        let model = one("Dropout", inputs, &[2, 3]).change(|g| {
            g.node[2].output.push("mask".into());
        });
        let mut model = model.floats("ratio", &[], &[0.5]);
        model.graph.initializer.push(TensorProto {
            name: "training".into(),
            data_type: 9,
            raw_data: Some(vec![training]),
            ..Default::default()
        });
        model
    };
    check(&dropout(&[], 0).text(), &["return %1"]);
    check(&dropout(&["ratio", "training"], 0).text(), &["return %1"]);
    assert_eq!(
        dropout(&["ratio", "training"], 1).refusal(),
        "node 'node_y' (Dropout): may be in training mode: export the model for inference"
    );
}

#[test]
fn refuses_weights_that_are_not_quantized() {
    let model = dense().change(|g| g.node[4].input[1] = "fc1.weight".into());
    assert_eq!(
        model.clone().floats("fc1.weight", &[2, 3], &[0.0; 6]).refusal(),
        "node 'node_fc1' (Gemm): weights 'fc1.weight' are float32 without QuantizeLinear/DequantizeLinear"
    );
    assert_eq!(
        model.integers("fc1.weight", Element::I8, &[2, 3], &[0; 6]).refusal(),
        "node 'node_fc1' (Gemm): weights 'fc1.weight' are int8 without DequantizeLinear"
    );
    let model = dense().change(|g| g.node[4].input[2] = "fc1.bias".into());
    assert_eq!(
        model.integers("fc1.bias", Element::I32, &[2], &[0; 2]).refusal(),
        "node 'node_fc1' (Gemm): bias 'fc1.bias' is int32 without DequantizeLinear"
    );
    let model = dense().change(|g| g.node[4].input[0] = "xq_integers".into());
    assert_eq!(
        model.refusal(),
        "node 'node_fc1' (Gemm): input 'xq_integers' is int8, needs float32: a DequantizeLinear is missing before it"
    );
}

#[test]
fn refuses_scales_that_are_no_scales() {
    for (scale, text) in [(0.0, "0"), (-0.5, "-0.5"), (f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let model = dense().change(|g| g.initializer[0].float_data = vec![scale]);
        assert_eq!(
            model.refusal(),
            format!(
                "node 'node_xq_integers' (QuantizeLinear): scale 'scale' is {text}, needs a finite number greater than 0"
            )
        );
    }
}

#[test]
fn refuses_quantization_of_other_kinds() {
    let change = |change: fn(&mut GraphProto)| dense().change(change).refusal();
    const W: &str = "node 'node_w' (DequantizeLinear): ";
    assert_eq!(
        change(|g| g.initializer[3] = integers("w_scale", Element::I8, &[], &[1])),
        format!("{W}scale 'w_scale' is int8, which is not supported; supported: float32")
    );
    assert_eq!(
        change(|g| g.node[2].input[1] = "xq".into()),
        format!("{W}scale 'xq' is not a constant")
    );
    assert_eq!(
        change(|g| g.node[2].input.push("b_int".into())),
        format!("{W}zero point 'b_int' is int32, but the quantized tensor is int8")
    );
    assert_eq!(
        change(|g| {
            g.initializer[3].dims = vec![2];
            g.initializer[3].float_data = vec![1.0; 2];
            g.node[2].input.push("zero".into());
        }),
        format!("{W}has 2 scales but 1 zero points")
    );
    assert_eq!(
        change(|g| {
            g.initializer[3].dims = vec![2];
            g.initializer[3].float_data = vec![1.0; 2];
        }),
        format!("{W}scale 'w_scale' has 2 elements, but dimension 1 of 2x3 has 3")
    );
    assert_eq!(
        change(|g| {
            g.initializer[3].dims = vec![2];
            g.initializer[3].float_data = vec![1.0; 2];
            g.node[2].attribute = vec![int("axis", 2)];
        }),
        format!("{W}axis 2 is not in the range of 2 dimensions")
    );
    assert_eq!(
        change(|g| {
            g.initializer[3].dims = vec![2, 3];
            g.initializer[3].float_data = vec![1.0; 6];
        }),
        format!(
            "{W}scale 'w_scale' has shape 2x3, which is not supported; supported: one scale, or a list along an axis"
        )
    );
    assert_eq!(
        change(|g| g.initializer[3].dims = vec![0]),
        "initializer 'w_scale': has shape 0 of float32, which is 0 elements, but stores 1 elements"
    );
    assert_eq!(
        change(|g| g.node[2].attribute = vec![int("block_size", 2)]),
        format!("{W}quantizes in blocks, which is not supported; supported: per tensor, per axis")
    );
    assert_eq!(
        change(|g| g.node[2].attribute = vec![int("output_dtype", 10)]),
        format!("{W}dequantizes to another type than float32, which is not supported")
    );
    assert_eq!(
        change(|g| g.node[2].input[0] = "xq".into()),
        format!(
            "{W}dequantizes float32, which is not supported; supported: int8, uint8, int16, uint16, int32"
        )
    );
    const X: &str = "node 'node_xq_integers' (QuantizeLinear): ";
    assert_eq!(
        change(|g| g.node[0].attribute = vec![int("output_dtype", 2)]),
        format!("{X}quantizes to uint8, but its zero point is int8")
    );
    assert_eq!(
        change(|g| g.node[0].input[2] = "b_int".into()),
        format!(
            "{X}quantizes to int32, which is not supported; supported: int8, uint8, int16, uint16"
        )
    );
    assert_eq!(
        change(|g| g.node[0].attribute = vec![int("precision", 10)]),
        format!("{X}divides in another precision than float32, which is not supported")
    );
}

#[test]
fn refuses_shapes_that_do_not_fit() {
    const FC1: &str = "node 'node_fc1' (Gemm): ";
    let model = dense().change(|g| g.node[4].attribute.clear());
    assert_eq!(
        model.refusal(),
        format!("{FC1}multiplies 2x3 with 2x3: the inner dimensions differ")
    );
    let model = dense().change(|g| g.initializer[2].dims = vec![6]);
    assert_eq!(model.refusal(), format!("{FC1}weights 'w_int' has shape 6, needs 2 dimensions"));
    let model =
        dense().change(|g| g.initializer[4] = integers("b_int", Element::I32, &[3], &[0; 3]));
    assert_eq!(
        model.refusal(),
        format!("{FC1}bias 'b_int' has shape 3, which does not broadcast to 2x2")
    );

    let model = one("Add", &["b"], &[2, 3]);
    assert_eq!(
        weights(model).refusal(),
        "node 'node_y' (Add): shapes 2x3 and 1x2 do not broadcast"
    );
    let listed = |operator: &str, values: &[i64]| {
        one(operator, &["list"], &[6])
            .integers("list", Element::I64, &[values.len() as i64], values)
            .refusal()
    };
    assert_eq!(
        listed("Reshape", &[4, -1]),
        "node 'node_y' (Reshape): cannot reshape 2x3 to [4, -1]"
    );
    assert_eq!(
        listed("Reshape", &[-1, -1]),
        "node 'node_y' (Reshape): cannot reshape 2x3 to [-1, -1]"
    );
    assert_eq!(
        listed("Squeeze", &[0]),
        "node 'node_y' (Squeeze): cannot squeeze dimension 0 of 2x3"
    );
    assert_eq!(listed("Unsqueeze", &[0, 0]), "node 'node_y' (Unsqueeze): axis 0 is given twice");
    assert_eq!(
        listed("Unsqueeze", &[9]),
        "node 'node_y' (Unsqueeze): axis 9 is not in the range of 3 dimensions"
    );
    assert_eq!(
        one("Reshape", &["xq"], &[6]).refusal(),
        "node 'node_y' (Reshape): input 'xq' is not a constant"
    );
    assert_eq!(
        one("Reshape", &["zero"], &[6]).refusal(),
        "node 'node_y' (Reshape): shape is not a list of int64"
    );
    let model = one("Transpose", &[], &[3, 2])
        .change(|g| g.node[2].attribute = vec![ints("perm", &[0, 0])]);
    assert_eq!(
        model.refusal(),
        "node 'node_y' (Transpose): attribute 'perm' is not a permutation of 2 dimensions"
    );
    let model = one("Cast", &[], &[2, 3]).change(|g| g.node[2].attribute = vec![int("to", 3)]);
    assert_eq!(
        model.refusal(),
        "node 'node_y' (Cast): casts float32 to int8, which is not supported; supported: casts that do nothing"
    );
}

#[test]
fn refuses_clips_that_leave_nothing() {
    let model = one("Clip", &["low", "high"], &[2, 3]).floats("low", &[], &[1.0]).floats(
        "high",
        &[],
        &[0.0],
    );
    assert_eq!(model.refusal(), "node 'node_y' (Clip): clips to an empty range: [1, 0]");
    let clip = |low, high| {
        let model = start()
            .change(|graph| graph.node[1].input[0] = "c".into())
            .integers("low", Element::I8, &[], &[low])
            .integers("high", Element::I8, &[], &[high]);
        model.node("Clip", &["xq_integers", "low", "high"], "c").node("Relu", &["xq"], "y").output(
            "y",
            Element::F32,
            &[2, 3],
        )
    };
    assert_eq!(
        clip(3, 3).refusal(),
        "node 'node_c' (Clip): leaves no range of integers: clips to [3, 3]"
    );
    // A range without the zero point is one MLIR can say.
    check(&clip(3, 5).text(), &["quant.uniform<i8<3:5>:f32, 2.500000e-01>"]);
    let model = one("Clip", &["low"], &[2, 3]).floats("low", &[], &[f32::NAN]);
    assert_eq!(model.refusal(), "node 'node_y' (Clip): bound 'low' is not one float32");
}

#[test]
fn names_are_printed_on_one_line() {
    let model = one("Bad\n\0Op", &[], &[2, 3]);
    assert!(
        model
            .refusal()
            .starts_with(r"node 'node_y' (Bad\n\0Op): operator 'Bad\n\0Op' is not supported")
    );
    let model = one("Relu", &[], &[2, 3]).change(|g| g.node[2].name = "a\"\0\nb".into());
    text(&model.bytes(), true);
}

/// Damaged files are imported or refused, and never take long or much memory.
#[test]
fn damaged_files_do_no_harm() {
    let context = context();
    let import = |bytes: &[u8]| {
        super::import_bytes(&context, bytes, "model.onnx", None, &Options::default()).is_ok()
    };
    let bytes = dense().bytes();
    let mut imported = 0;
    for length in 0..bytes.len() {
        imported += u32::from(import(&bytes[..length]));
    }
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[position] ^= 1 << bit;
            imported += u32::from(import(&damaged));
        }
    }
    // More damage at once, at places that only look random.
    let mut state = 1_u64;
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for _ in 0..4000 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + random() % 8 {
            let position = random() % damaged.len();
            match random() % 3 {
                0 => damaged[position] = random() as u8,
                1 => drop(damaged.remove(position)),
                _ => damaged.insert(position, random() as u8),
            }
        }
        imported += u32::from(import(&damaged));
    }
    // Some bits are weights or letters of names: not every damage is one to the structure.
    assert!(imported > 100, "{imported}");
}

#[test]
fn files_are_told_apart_by_their_names() {
    let context = context();
    let import = |path: &str| {
        crate::frontends::import(&context, path.as_ref(), &Options::default())
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert!(import("a.fml").starts_with("a.fml: cannot read the model: "));
    assert_eq!(
        import("model.h5"),
        "model.h5: unknown kind of model file; supported: .onnx, .tflite, .fml, .mlir"
    );
    assert_eq!(
        import("model.mlir"),
        "model.mlir: is MLIR already, no frontend reads it: parse it as a module"
    );
    for file in ["no/such/model.onnx", "no/such/model.tflite"] {
        assert!(import(file).starts_with(&format!("{file}: cannot read the model: ")));
    }
}
