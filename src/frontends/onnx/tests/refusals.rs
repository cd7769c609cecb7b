//! What is refused, with which words.

use super::*;

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
    for version in [8, 29] {
        model.opset_import[0].version = version;
        let expected = format!("operator set {version} is not supported; supported: 9 to 28");
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
            .elem_type = 8),
        format!("input 'x': element type string is not supported; {ELEMENTS}")
    );
}

#[test]
fn refuses_outputs_that_are_not_what_they_are_declared() {
    let output = |element, shape: &[i64]| {
        dense().change(|g| g.output[0] = info("y", element, shape)).refusal()
    };
    assert_eq!(output(Element::I8, &[2, 2]), "output 'y': is declared int8, but is float32");
    assert_eq!(
        dense().output("scale", Element::F32, &[]).refusal(),
        "output 'scale': is a constant, nothing computes it"
    );
    let mask = |model: Model| model.change(|g| g.node[2].output.push("mask".into()));
    const MASK: &str = "'mask' is an output that its node has not here: only training reads it";
    let model = one("Dropout", &[], &[2, 3]).output("mask", Element::Bool, &[2, 3]);
    assert_eq!(mask(model).refusal(), format!("output {}", MASK.replacen("' is", "': is", 1)));
    let model = one("Dropout", &[], &[2, 3]).node("Not", &["mask"], "z");
    let model = mask(model).output("z", Element::Bool, &[2, 3]);
    assert_eq!(model.refusal(), format!("node 'node_z' (Not): input {MASK}"));
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
        change(|t| t.data_type = 23),
        format!("initializer 'w_int': element type float4e2m1 is not supported; {ELEMENTS}")
    );
    assert_eq!(
        change(|t| t.segment = Some(Segment {})),
        "initializer 'w_int': is a segment of a tensor: segments are not supported"
    );
}

#[test]
fn refuses_operators_it_does_not_know() {
    let message = one("NonZero", &[], &[2, 3]).refusal();
    let (start, list) = message.split_once("; supported: ").expect("it lists what is supported");
    assert_eq!(start, "node 'node_y' (NonZero): operator 'NonZero' is not supported");
    let listed: Vec<_> = list.split(", ").collect();
    assert!(listed.is_sorted() && listed.contains(&"Gemm") && listed.contains(&"Quant"), "{list}");
    assert!(!listed.contains(&"Loop"), "{list}");

    let model = one("Relu", &[], &[2, 3]).change(|g| g.node[2].domain = "org.example".into());
    assert!(model.refusal().starts_with(
        "node 'node_y' (Relu): operator 'Relu' of domain 'org.example' is not supported; supported: "
    ));
    let model = one("Body", &[], &[2, 3]).change(|g| {
        let branch = AttributeProto {
            name: "then_branch".into(),
            kind: attribute_kind::GRAPH,
            ..Default::default()
        };
        g.node[2].attribute = vec![branch];
    });
    assert_eq!(
        model.refusal(),
        "node 'node_y' (Body): has a subgraph: control flow is not supported"
    );
    assert_eq!(
        one("DynamicQuantizeLinear", &[], &[2, 3]).refusal(),
        "node 'node_y' (DynamicQuantizeLinear): chooses its scale anew for each input: quantize the model statically, with scales that are constants"
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
        &["dense<[[5.000000e-01, -3.000000e+00]]> : tensor<1x2xf32>", "tosa.add"],
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
        "node 'node_y' (Dropout): may be in training mode, as 'training' says: export the model for inference"
    );
}

#[test]
fn refuses_weights_that_are_not_dequantized() {
    let model = dense().change(|g| g.node[4].input[1] = "fc1.weight".into());
    // Whether floats will do shows where the layer ends up.
    check(
        &model.clone().floats("fc1.weight", &[2, 3], &[0.5; 6]).text(),
        &["dense<5.000000e-01> : tensor<1x3x2xf32>", "tosa.matmul"],
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
            g.initializer[1] = integers("zero", Element::I8, &[3], &[0, 0, 0]);
            g.node[2].input.push("zero".into());
            g.node[0].input.pop();
            g.node[1].input.pop();
        }),
        format!("{W}has 2 scales but 3 zero points")
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
            "{W}dequantizes float32, which is not supported; supported: int4, uint4, int8, uint8, int16, uint16, int32, uint32"
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
            "{X}quantizes to int32, which is not supported; supported: int8, uint8, int16, uint16, int4, uint4"
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
    let model = one("Cast", &[], &[2, 3]).change(|g| g.node[2].attribute = vec![int("to", 11)]);
    assert_eq!(
        model.refusal(),
        "node 'node_y' (Cast): casts float32 to float64, which is not supported; supported: between float32, integers and bool"
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
