//! What models become.

use super::*;

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
