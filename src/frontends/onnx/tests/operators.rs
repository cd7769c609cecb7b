//! Operators that are more than one operation, or none.

use super::*;

/// Values of `x`, 2x3 floats, that an operator makes with these constants.
fn of_x(operator: &str, attributes: &[AttributeProto], shape: &[i64]) -> String {
    start().node_with(operator, &["xq"], "y", attributes).output("y", Element::F32, shape).text()
}

fn image(shape: &[i64]) -> Model {
    Model::default().input("x", Element::F32, shape)
}

#[test]
fn constants_are_folded() {
    // Div, Round, Cast, DequantizeLinear of a float bias, and a scale that is computed.
    let model = dense().change(|g| {
        g.initializer[4] = TensorProto {
            name: "b_float".into(),
            dims: vec![2],
            data_type: 1,
            float_data: vec![12.56, -25.0],
            ..Default::default()
        };
        let mut node = |operator: &str, inputs: &[&str], output: &str, attributes: Vec<_>| {
            g.node.insert(
                0,
                NodeProto {
                    input: inputs.iter().map(|name| name.to_string()).collect(),
                    output: vec![output.into()],
                    op_type: operator.into(),
                    attribute: attributes,
                    ..Default::default()
                },
            );
        };
        node("Cast", &["b_round"], "b_int", vec![int("to", 6)]);
        node("Round", &["b_div"], "b_round", vec![]);
        node("Div", &["b_float", "b_scale"], "b_div", vec![]);
        node("Mul", &["scale", "w_scale"], "b_scale", vec![]);
        g.initializer.pop();
    });
    check(&model.text(), &["dense<[[100, -200]]> : tensor<1x2xi32>", "1.250000e-01>"]);
}

#[test]
fn shapes_are_folded() {
    let model = start()
        .node("Shape", &["xq"], "shape")
        .integers("zero_index", Element::I64, &[], &[0])
        .integers("axes", Element::I64, &[1], &[0])
        .integers("rest", Element::I64, &[1], &[-1])
        .node("Gather", &["shape", "zero_index"], "rows")
        .node("Unsqueeze", &["rows", "axes"], "list")
        .node_with("Concat", &["list", "rest"], "to", &[int("axis", 0)])
        .node("Reshape", &["xq", "to"], "y")
        .output("y", Element::F32, &[2, 3]);
    check(&model.text(), &["return %1 "]);
}

#[test]
fn limits_may_be_dequantized_constants() {
    let model = one("Clip", &["low", "high"], &[2, 3])
        .integers("low_int", Element::I8, &[], &[0])
        .integers("high_int", Element::I8, &[], &[24])
        .node("DequantizeLinear", &["low_int", "scale"], "low")
        .node("DequantizeLinear", &["high_int", "scale"], "high");
    check(&model.text(), &["max_val = 6.000000e+00 : f32, min_val = 0.000000e+00 : f32"]);
}

#[test]
fn constant_nodes_of_all_kinds() {
    let constant = |attribute: AttributeProto| {
        let model = start().node("Mul", &["xq", "c"], "y").output("y", Element::F32, &[2, 3]);
        model
            .change(|g| {
                g.node.insert(
                    0,
                    NodeProto {
                        output: vec!["c".into()],
                        op_type: "Constant".into(),
                        attribute: vec![attribute],
                        ..Default::default()
                    },
                );
            })
            .text()
    };
    check(&constant(float("value_float", 3.0)), &["dense<3.000000e+00> : tensor<1x1xf32>"]);
    let floats = AttributeProto {
        name: "value_floats".into(),
        kind: attribute_kind::FLOATS,
        floats: vec![1.0, 2.0, 3.0],
        ..Default::default()
    };
    check(&constant(floats), &["1.000000e+00, 2.000000e+00, 3.000000e+00]]> : tensor<1x3xf32>"]);
}

#[test]
fn small_and_half_types() {
    let model = dense().change(|g| {
        let tensor = &mut g.initializer[2];
        (tensor.data_type, tensor.raw_data) = (22, Some(vec![0x21, 0xc3, 0xab]));
    });
    check(
        &model.text(),
        &["dense<[[[1, -4], [2, -5], [3, -6]]]> : tensor<1x3x2xi8>", "i8<-8:7>:f32, 5.000000e-01>"],
    );
    for (number, bits) in [(10, [0x3c00_u16, 0xc000]), (16, [0x3f80, 0xc000])] {
        let model = dense().change(|g| {
            g.node[4].input[2] = "cast".into();
            g.initializer.push(TensorProto {
                name: "half".into(),
                dims: vec![2],
                data_type: number,
                raw_data: Some(bits.iter().flat_map(|b| b.to_le_bytes()).collect()),
                ..Default::default()
            });
        });
        let model = model.node_with("Cast", &["half"], "cast", &[int("to", 1)]);
        check(&model.text(), &["1.000000e+00, -2.000000e+00]]> : tensor<1x2xf32>"]);
        let model = model.change(|g| g.node[4].input[2] = "half".into());
        assert!(model.refusal().ends_with("needs float32: a Cast is missing before it"));
    }
}

#[test]
fn division_is_a_product() {
    let by = |value: f32| one("Div", &["c"], &[2, 3]).floats("c", &[], &[value]).text();
    // The reciprocal of a power of two is exact.
    check(&by(4.0), &["dense<2.500000e-01>", "tosa.mul"]);
    check(&by(3.0), &["dense<3.000000e+00>", "tosa.reciprocal", "tosa.mul"]);
}

#[test]
fn batch_normalization_keeps_its_numbers_apart() {
    let model = one("BatchNormalization", &["s", "b", "m", "v"], &[2, 3])
        .floats("s", &[3], &[1.0, 2.0, 3.0])
        .floats("b", &[3], &[0.5, 0.0, 0.0])
        .floats("m", &[3], &[0.0; 3])
        .floats("v", &[3], &[0.25, 1.0, 4.0])
        .change(|g| g.node[2].attribute = vec![float("epsilon", 0.0)]);
    let text = model.text();
    check(&text, &["dense<[[2.000000e+00, 2.000000e+00, 1.500000e+00]]>", "tosa.mul", "tosa.add"]);
    // A mean of zero says nothing.
    assert!(!text.contains("tosa.sub"), "{text}");
}

#[test]
fn integers_are_computed_as_real_numbers() {
    let model = Model::default()
        .input("x", Element::U8, &[2, 3])
        .integers("w", Element::I8, &[3, 2], &[1, 2, 3, 4, 5, 6])
        .integers("zero", Element::U8, &[], &[7])
        .floats("scale", &[], &[0.25])
        .integers("bias", Element::I32, &[2], &[100, 200])
        .node("MatMulInteger", &["x", "w", "zero"], "sum")
        .node("Add", &["sum", "bias"], "biased")
        .node_with("Cast", &["biased"], "real", &[int("to", 1)])
        .node("Mul", &["real", "scale"], "y")
        .output("y", Element::F32, &[2, 2]);
    check(
        &model.text(),
        &[
            "quant.scast %arg0 : tensor<2x3xi8> to tensor<2x3x!quant.uniform<u8:f32, 1.000000e+00:7>>",
            "quant.dcast",
            "tosa.matmul",
            "dense<[100, 200]> : tensor<2xi32>",
            "!quant.uniform<i32:f32, 1.000000e+00>>",
            "tosa.add",
            "tosa.mul",
        ],
    );
    // What leaves as an integer is one.
    let model = model.change(|g| {
        g.node.truncate(2);
        g.output[0] = info("biased", Element::I32, &[2, 2]);
    });
    check(&model.text(), &["quant.qcast", "quant.scast", ": tensor<2x2xi32>"]);
}

#[test]
fn operators_on_codes_are_what_they_stand_for() {
    let inputs = ["xq_integers", "scale", "zero", "w_int", "w_scale", "zero", "w_scale", "zero"];
    let model = start()
        .integers("w_int", Element::I8, &[3, 2], &[1, 2, 3, 4, 5, 6])
        .floats("w_scale", &[], &[0.5])
        .node("QLinearMatMul", &inputs, "q")
        .node("DequantizeLinear", &["q", "w_scale", "zero"], "y")
        .output("y", Element::F32, &[2, 2]);
    check(
        &model.text(),
        &["quant.qcast", "quant.dcast", "tosa.matmul", "quant.qcast", "quant.dcast"],
    );
}

#[test]
fn images_are_channels_last() {
    let conv = |attributes: &[AttributeProto], weights: &[i64], shape: &[i64]| {
        let count: i64 = weights.iter().product();
        image(&[1, 4, 6, 6])
            .floats("w", weights, &vec![0.5; count as usize])
            .node_with("Conv", &["x", "w"], "y", attributes)
            .output("y", Element::F32, shape)
            .text()
    };
    check(
        &conv(&[ints("pads", &[1, 1, 1, 1])], &[8, 4, 3, 3], &[1, 8, 6, 6]),
        &[
            "perms = array<i32: 0, 2, 3, 1>",
            "tensor<8x3x3x4xf32>",
            "pad = array<i64: 1, 1, 1, 1>",
            "perms = array<i32: 0, 3, 1, 2>",
        ],
    );
    // The last column and row are in no window.
    check(
        &conv(&[ints("strides", &[2, 2])], &[8, 4, 3, 3], &[1, 8, 2, 2]),
        &["-> tensor<1x5x5x4xf32>", "tosa.conv2d"],
    );
    check(
        &conv(&[int("group", 4)], &[8, 1, 3, 3], &[1, 8, 4, 4]),
        &["tensor<3x3x4x2xf32>", "tosa.depthwise_conv2d"],
    );
    let grouped = conv(&[int("group", 2)], &[8, 2, 3, 3], &[1, 8, 4, 4]);
    check(&grouped, &["tosa.conv2d", "tosa.conv2d", "tosa.concat"]);
    // SAME_UPPER pads what is missing, more of it behind.
    let same = AttributeProto {
        name: "auto_pad".into(),
        kind: attribute_kind::STRING,
        s: "SAME_UPPER".into(),
        ..Default::default()
    };
    check(
        &conv(&[same, ints("strides", &[2, 2])], &[8, 4, 3, 3], &[1, 8, 3, 3]),
        &["pad = array<i64: 0, 1, 0, 1>"],
    );
}

#[test]
fn parts_of_tensors() {
    let sliced = |starts: &[i64], ends: &[i64], steps: &[i64], shape: &[i64]| {
        let count = [starts.len() as i64];
        one("Slice", &["starts", "ends", "", "steps"], shape)
            .integers("starts", Element::I64, &count, starts)
            .integers("ends", Element::I64, &count, ends)
            .integers("steps", Element::I64, &count, steps)
            .text()
    };
    check(&sliced(&[0, 1], &[2, 3], &[1, 1], &[2, 2]), &["-> tensor<2x2xf32>"]);
    // Each second of three: one whole step, and the element behind it.
    check(
        &sliced(&[0, 0], &[2, 3], &[1, 2], &[2, 2]),
        &["tosa.slice", "tensor<2x1x2xf32>", "tosa.slice", "tosa.slice", "tosa.concat"],
    );
    check(&sliced(&[0, -1], &[2, -9], &[1, -1], &[2, 3]), &["tosa.reverse", "return"]);
    let text = start()
        .change(|g| {
            g.node.push(NodeProto {
                input: vec!["xq".into()],
                output: vec!["a".into(), "b".into()],
                op_type: "Split".into(),
                attribute: vec![int("axis", 0)],
                ..Default::default()
            });
        })
        .output("a", Element::F32, &[1, 3])
        .output("b", Element::F32, &[1, 3])
        .text();
    check(&text, &["tosa.slice", "tosa.slice", "return"]);
}

#[test]
fn functions_of_elements() {
    check(&of_x("Sigmoid", &[], &[2, 3]), &["tosa.sigmoid"]);
    check(&of_x("LeakyRelu", &[], &[2, 3]), &["tosa.mul", "tosa.greater_equal", "tosa.select"]);
    check(&of_x("Gelu", &[], &[2, 3]), &["tosa.rsqrt", "tosa.mul", "tosa.erf", "tosa.mul"]);
    check(
        &of_x("Softmax", &[], &[2, 3]),
        &["tosa.reduce_max", "tosa.sub", "tosa.exp", "tosa.reduce_sum", "tosa.reciprocal"],
    );
    check(&of_x("ReduceMean", &[], &[1, 1]), &["tosa.reduce_sum", "tosa.reduce_sum", "dense<6.0"]);
    let arg_max = start().node("ArgMax", &["xq"], "y").output("y", Element::I64, &[1, 3]);
    check(&arg_max.text(), &["tosa.argmax", "tensor<1x3xi64>"]);
}

#[test]
fn refuses_parameters_that_do_not_fit() {
    let refusal = |model: Model| model.refusal().replacen("node 'node_y' ", "", 1);
    assert_eq!(
        refusal(one("Concat", &["b"], &[2, 3]).floats("b", &[1, 2], &[0.0; 2])),
        "(Concat): concatenates 2x3 and 1x2 along dimension 0"
    );
    let conv = |weights: &[i64], attributes: &[AttributeProto]| {
        let count: i64 = weights.iter().product();
        let model = image(&[1, 4, 6, 6]).floats("w", weights, &vec![0.5; count as usize]);
        refusal(model.node_with("Conv", &["x", "w"], "y", attributes).output(
            "y",
            Element::F32,
            &[1],
        ))
    };
    assert_eq!(
        conv(&[8, 3, 3, 3], &[]),
        "(Conv): has weights of shape 8x3x3x3 for 4 channels in 1 groups"
    );
    assert_eq!(
        conv(&[8, 4, 7, 7], &[]),
        "(Conv): has windows of 7 on an image of 6 that is padded by 0 and 0"
    );
    assert_eq!(
        conv(&[8, 4, 3, 3], &[ints("strides", &[0, 1])]),
        "(Conv): attribute 'strides' has the impossible number 0"
    );
    assert_eq!(
        conv(&[8, 4, 3, 3], &[ints("pads", &[-1, 0, 0, 0])]),
        "(Conv): pads by -1, which is not supported: needs 0 or more"
    );
    assert_eq!(
        refusal(image(&[4, 4]).node("GlobalAveragePool", &["x"], "y").output(
            "y",
            Element::F32,
            &[1]
        )),
        "(GlobalAveragePool): works on a tensor of shape 4x4, needs 3 dimensions or more"
    );
    let dilated = image(&[1, 1, 6, 6])
        .node_with(
            "MaxPool",
            &["x"],
            "y",
            &[ints("kernel_shape", &[2, 2]), ints("dilations", &[2, 2])],
        )
        .output("y", Element::F32, &[1]);
    assert_eq!(refusal(dilated), "(MaxPool): is dilated, which is not supported");
    // A constant that is small in the file.
    let large = one("Add", &["c"], &[2, 3])
        .integers("shape", Element::I64, &[3], &[1 << 15, 2, 1 << 15])
        .node("ConstantOfShape", &["shape"], "c");
    assert!(large.refusal().ends_with("which is too large"), "{}", large.refusal());
}
