//! Quantizers of QONNX.

use super::*;

/// A `Quant` of `x` with these parameters, and `y` its result.
fn quant(bits: f32, zero_point: f32, attributes: &[AttributeProto]) -> Model {
    let mut model = Model::default()
        .input("x", Element::F32, &[2, 3])
        .floats("scale", &[], &[0.25])
        .floats("zero", &[], &[zero_point])
        .floats("bits", &[], &[bits])
        .node_with("Quant", &["x", "scale", "zero", "bits"], "y", attributes)
        .output("y", Element::F32, &[2, 3]);
    model.graph.node[0].domain = "qonnx.custom_op.general".into();
    model
}

fn mode(name: &str) -> AttributeProto {
    AttributeProto {
        name: "rounding_mode".into(),
        kind: attribute_kind::STRING,
        s: name.into(),
        ..Default::default()
    }
}

#[test]
fn values_become_codes_and_back() {
    for (bits, signed, narrow, expected) in [
        (8.0, 1, 0, "i8:f32"),
        (8.0, 1, 1, "i8<-127:127>:f32"),
        (4.0, 1, 1, "i8<-7:7>:f32"),
        (4.0, 0, 0, "u8<0:15>:f32"),
        (3.0, 0, 1, "u8<0:6>:f32"),
        (1.0, 0, 0, "u8<0:1>:f32"),
        (9.0, 1, 0, "i16<-256:255>:f32"),
        (16.0, 0, 0, "u16:f32"),
    ] {
        let model = quant(bits, 0.0, &[int("signed", signed), int("narrow", narrow)]);
        let expected = format!("!quant.uniform<{expected}, 2.500000e-01>");
        check(&model.text(), &["quant.qcast", "quant.dcast"]);
        assert!(model.text().contains(&expected), "{expected} in {}", model.text());
    }
}

#[test]
fn all_names_of_the_domain() {
    let text = quant(4.0, 0.0, &[]).text();
    for domain in ["finn.custom_op.general", "onnx.brevitas"] {
        let model = quant(4.0, 0.0, &[]).change(|g| g.node[0].domain = domain.into());
        assert_eq!(model.text(), text);
    }
}

#[test]
fn rounding_other_than_to_even_is_an_attribute() {
    for (name, expected) in [
        ("FLOOR", "floor"),
        ("CEIL", "ceil"),
        ("UP", "away_from_zero"),
        ("DOWN", "toward_zero"),
        ("HALF_UP", "nearest_away"),
        ("half_down", "nearest_toward_zero"),
    ] {
        let expected = format!("quant.qcast %arg0 {{aie4ml.rounding = \"{expected}\"}}");
        check(&quant(4.0, 0.0, &[mode(name)]).text(), &[&expected]);
    }
    check(&quant(4.0, 0.0, &[mode("ROUND")]).text(), &["quant.qcast %arg0 : "]);
    // The zero point is added before: ties of codes to even are ties to odd without it.
    check(&quant(4.0, 2.0, &[]).text(), &["quant.qcast %arg0 : "]);
    check(&quant(4.0, 3.0, &[]).text(), &["quant.qcast %arg0 {aie4ml.rounding = \"nearest_odd\"}"]);
}

#[test]
fn constants_become_integers() {
    let model = |operator: &str, inputs: &[&str]| {
        let mut model = Model::default()
            .input("x", Element::F32, &[2, 3])
            .floats("w", &[3, 2], &[0.1, 0.375, -0.375, 9.0, -9.0, 0.0])
            .floats("scales", &[1, 2], &[0.25, 0.5])
            .floats("scale", &[], &[0.25])
            .floats("zero", &[], &[0.0])
            .floats("bits", &[], &[3.0])
            .node(operator, inputs, "wq")
            .node("MatMul", &["x", "wq"], "y")
            .output("y", Element::F32, &[2, 2]);
        model.graph.node[0].domain = "onnx.brevitas".into();
        model.text()
    };
    check(
        &model("Quant", &["w", "scales", "zero", "bits"]),
        &[
            "dense<[[[0, 1], [-2, 3], [-4, 0]]]> : tensor<1x3x2xi8>",
            "!quant.uniform<i8<-4:3>:f32:2, {2.500000e-01,5.000000e-01}>",
        ],
    );
    check(
        &model("BipolarQuant", &["w", "scale"]),
        &["dense<[[[1, 1], [-1, 1], [-1, 1]]]> : tensor<1x3x2xi8>", "i8<-1:1>:f32, 2.500000e-01>"],
    );
}

#[test]
fn signs_of_values() {
    let mut model = Model::default()
        .input("x", Element::F32, &[2, 3])
        .floats("scale", &[], &[0.25])
        .node("BipolarQuant", &["x", "scale"], "y")
        .output("y", Element::F32, &[2, 3]);
    model.graph.node[0].domain = "qonnx.custom_op.general".into();
    check(
        &model.text(),
        &[
            "quant.qcast %arg0 {aie4ml.rounding = \"floor\"} : tensor<2x3xf32> to tensor<2x3x!quant.uniform<u8<0:1>:f32, 1.000000e+00:1>>",
            "quant.dcast %2 : tensor<2x3x!quant.uniform<u8<0:1>:f32, 5.000000e-01>>",
            "dense<2.500000e-01>",
            "tosa.sub",
        ],
    );
}

#[test]
fn truncation_divides_codes() {
    let mut model = quant(8.0, 0.0, &[]).floats("to", &[], &[4.0]);
    model.graph.output.clear();
    let mut model = model.node("Trunc", &["y", "scale", "zero", "bits", "to"], "t").output(
        "t",
        Element::F32,
        &[2, 3],
    );
    model.graph.node[1].domain = "qonnx.custom_op.general".into();
    check(
        &model.text(),
        &[
            "quant.qcast",
            "quant.qcast %1 : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i32:f32, 2.500000e-01>>",
            "!quant.uniform<i32:f32, 6.250000e-02>>",
            "quant.qcast %5 {aie4ml.rounding = \"floor\"}",
            "!quant.uniform<i32:f32, 2.500000e-01>>",
        ],
    );
}

#[test]
fn refuses_quantizers_that_are_none() {
    const Y: &str = "node 'node_y' (Quant): ";
    let refusal = |bits, zero_point, attributes: &[AttributeProto]| {
        let text = quant(bits, zero_point, attributes).refusal();
        text.strip_prefix(Y).map_or(text.clone(), str::to_owned)
    };
    assert_eq!(refusal(2.5, 0.0, &[]), "bit width 'bits' is not one integer from 1 to 32");
    assert_eq!(refusal(33.0, 0.0, &[]), "bit width 'bits' is not one integer from 1 to 32");
    assert_eq!(refusal(8.0, 0.5, &[]), "zero point 'zero' is 0.5, needs an integer");
    assert_eq!(
        refusal(1.0, 0.0, &[int("signed", 0), int("narrow", 1)]),
        "has 1 bits, which leaves one code only"
    );
    assert_eq!(
        refusal(8.0, 0.0, &[mode("SIDEWAYS")]),
        "has the unknown rounding mode 'SIDEWAYS'; known: ROUND, CEIL, FLOOR, UP, DOWN, HALF_EVEN, HALF_UP, HALF_DOWN"
    );
    assert_eq!(
        refusal(8.0, 1.0, &[mode("HALF_UP")]),
        "rounds by a mode that is none of its own with these zero points; use zero points of 0"
    );
    let scaled = |dims: &[i64], values: &[f32]| {
        let model = quant(8.0, 0.0, &[]).change(|g| {
            g.initializer[0].dims = dims.into();
            g.initializer[0].float_data = values.into();
        });
        model.refusal().strip_prefix(Y).map(str::to_owned)
    };
    assert_eq!(
        scaled(&[], &[-1.0]).as_deref(),
        Some("scale 'scale' is -1, needs a finite number greater than 0")
    );
    assert_eq!(
        scaled(&[2], &[1.0, 2.0]).as_deref(),
        Some(
            "scale 'scale' has shape 2, which is neither one number nor one for each index of a dimension of 2x3"
        )
    );
}
