//! Models written in code: what they compute, and what is refused with which words.

use std::io::Read;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use super::{
    cast::{self, Codes},
    emit::{Element, Function, quantization},
    fixed::Fixed,
};
use crate::{
    frontends::{self, Error, Options},
    mlir::{source, tools},
    run::{Form, Runner},
    tensor::{Dtype, Tensor},
};

const ROUNDING: [&str; 7] =
    ["TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV"];
const OVERFLOW: [&str; 4] = ["WRAP", "SAT", "SAT_ZERO", "SAT_SYM"];

/// Numbers that only look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn within(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as usize) as i64
    }
}

/// The definition of a cast, by comparing and counting only: `code * 2^-fraction` as a code of
/// `width` bits, `point` of them behind the point.
fn reference(
    code: i128,
    fraction: i64,
    (width, point, signed): (u32, i64, bool),
    rounding: &str,
    overflow: &str,
) -> i128 {
    let (numerator, denominator) = if fraction >= point {
        (code, 1i128 << (fraction - point))
    } else {
        (code * (1i128 << (point - fraction)), 1)
    };
    // The multiple at or below, and what is left, in halves of a step.
    let mut floor = numerator / denominator;
    if numerator % denominator < 0 {
        floor -= 1;
    }
    let rest = 2 * (numerator - floor * denominator);
    let up = match rounding {
        "TRN" => false,
        "TRN_ZERO" => rest > 0 && numerator < 0,
        _ if rest != denominator => rest > denominator,
        "RND" => true,
        "RND_ZERO" => numerator < 0,
        "RND_INF" => numerator >= 0,
        "RND_MIN_INF" => false,
        "RND_CONV" => floor % 2 != 0,
        _ => panic!("{rounding}"),
    };
    let rounded = if up { floor + 1 } else { floor };
    let steps = 1i128 << width;
    let low = if signed { -steps / 2 } else { 0 };
    let high = low + steps - 1;
    match overflow {
        "WRAP" => {
            let mut wrapped = rounded % steps;
            if wrapped < low {
                wrapped += steps;
            }
            if wrapped > high { wrapped - steps } else { wrapped }
        }
        "SAT_ZERO" if rounded < low || rounded > high => 0,
        "SAT_SYM" if signed && width > 1 && rounded <= low => low + 1,
        _ if rounded < low => low,
        _ if rounded > high => high,
        _ => rounded,
    }
}

/// A type, its width, fraction bits and sign, and its modes.
type Typed = (Fixed, (u32, i64, bool), &'static str, &'static str);

/// Types of all modes, with and without sign.
fn types(random: &mut Random) -> Vec<Typed> {
    let mut types = Vec::new();
    for rounding in ROUNDING {
        for overflow in OVERFLOW {
            for signed in [false, true] {
                let width = random.within(1, 31);
                let integer = random.within(-4, 20);
                let fixed = Fixed::new(width, integer, signed, rounding, overflow).unwrap();
                types.push((fixed, (width as u32, width - integer, signed), rounding, overflow));
            }
        }
    }
    types
}

/// Codes of 32 bits: the ends, those around zero, ties, and others.
fn codes(random: &mut Random) -> Vec<i64> {
    let mut codes: Vec<i64> = vec![i32::MIN.into(), i32::MAX.into(), i64::from(i32::MIN) + 1];
    codes.extend(-40..40);
    codes.extend((0..31).flat_map(|bit| [1 << bit, -(1 << bit), 3 << bit, -(3 << bit)]));
    for _ in 0..200 {
        let bits = random.within(1, 31);
        codes.push(random.within(-(1 << bits), (1 << bits) - 1));
    }
    codes.iter().map(|&code| code.clamp(i32::MIN.into(), i32::MAX.into())).collect()
}

fn compile(text: &str) -> Runner {
    let context = tools::context();
    let module = source::parse(&context, text.as_bytes(), "text").expect("the text is a module");
    Runner::compile(&module).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn casts_of_constants_are_exact() {
    let mut random = Random(1);
    for _ in 0..20 {
        let codes = codes(&mut random);
        for (fixed, shape, rounding, overflow) in types(&mut random) {
            let fraction = random.within(-6, 40);
            for &code in &codes {
                let expected = reference(code.into(), fraction, shape, rounding, overflow);
                assert_eq!(fixed.cast(code.into(), fraction), expected, "{code} to {fixed}");
                let value = code as f64 * 2f64.powi(-fraction as i32);
                assert_eq!(fixed.of(value), expected, "{value} to {fixed}");
            }
        }
    }
}

#[test]
fn casts_reach_beyond_every_range() {
    let of =
        |rounding, overflow, value| Fixed::new(8, 4, true, rounding, overflow).unwrap().of(value);
    assert_eq!([1e300, -1e300, f64::INFINITY].map(|x| of("TRN", "SAT", x)), [127, -128, 127]);
    assert_eq!([1e300, f64::NEG_INFINITY].map(|x| of("TRN", "WRAP", x)), [0, 0]);
    assert_eq!([1e-300, -1e-300, 0.0].map(|x| of("TRN", "WRAP", x)), [0, -1, 0]);
    assert_eq!([1e-300, -1e-300].map(|x| of("RND_CONV", "WRAP", x)), [0, 0]);
    let wide = Fixed::new(64, 64, true, "TRN", "SAT").unwrap();
    assert_eq!(wide.cast(1, -62), 1 << 62);
    assert_eq!(wide.cast(1, -63), (1 << 63) - 1);
    assert_eq!(Fixed::new(64, 64, true, "TRN", "WRAP").unwrap().cast(3, -63), -(1 << 63));
    // Drops the fraction as C does.
    assert_eq!([-7.5, 7.5].map(|x| Fixed::integer(8, true).unwrap().of(x)), [-7, 7]);
}

/// Weights pass through a decimal with as many places as there are bits behind the point.
#[test]
fn weights_are_decimals() {
    let of = |width, integer, rounding, value| {
        Fixed::new(width, integer, true, rounding, "SAT").unwrap().of_weight(value)
    };
    // 0.9999 is written as 1.00.
    assert_eq!([of(4, 2, "TRN", 0.9999), of(8, 2, "TRN", 0.9999)], [4, 63]);
    assert_eq!([of(4, 2, "TRN", 0.875), of(8, 2, "TRN", -0.3)], [3, -20]);
    assert_eq!([of(4, 4, "TRN", 2.5), of(4, 4, "TRN", 3.5), of(2, 4, "TRN", 5.0)], [2, 4, 1]);
}

#[test]
fn types_are_printed_as_hls4ml_does() {
    for (width, integer, signed, rounding, overflow, text) in [
        (16, 6, true, "TRN", "WRAP", "fixed<16,6>"),
        (8, -1, false, "RND_CONV", "SAT", "ufixed<8,-1,RND_CONV,SAT>"),
        (8, 9, true, "TRN", "SAT_ZERO", "fixed<8,9,TRN,SAT_ZERO>"),
        (8, 2, true, "RND_MIN_INF", "WRAP", "fixed<8,2,RND_MIN_INF>"),
    ] {
        let fixed = Fixed::new(width, integer, signed, rounding, overflow).unwrap();
        assert_eq!(fixed.to_string(), text);
    }
    assert_eq!(Fixed::integer(7, false).unwrap().to_string(), "uint<7>");
}

/// What is emitted, executed, is the definition: all modes, from 32 bits to up to 31.
#[test]
fn casts_of_tensors_are_exact() {
    let mut random = Random(2);
    for _ in 0..3 {
        let codes = codes(&mut random);
        let types = types(&mut random);
        let fraction = random.within(-2, 24);
        let mut function = Function::default();
        function.locate("x");
        let range = (i128::from(i32::MIN), i128::from(i32::MAX));
        let shape = vec![1, codes.len() as u64];
        let meaning = quantization(32, true, range, 0);
        let tensor = function.argument("x", (shape, Element::Integer(32), true), &meaning);
        let x = Codes { tensor, fraction, range };
        for (fixed, ..) in &types {
            let y = cast::cast(&mut function, &x, *fixed).unwrap();
            assert!(fixed.holds(y.range), "{fixed}: {:?}", y.range);
            let (bits, signed) = fixed.container();
            let meaning = quantization(bits, signed, fixed.range(), 0);
            function.result("y", y.tensor, &meaning);
        }
        let input = Tensor::from_integers(vec![1, codes.len()], Dtype::I32, &codes).unwrap();
        let results = compile(&function.module("casts")).run(&[input], None).unwrap();
        for (result, (fixed, shape, rounding, overflow)) in results.iter().zip(&types) {
            let expected: Vec<i64> = codes
                .iter()
                .map(|&code| reference(code.into(), fraction, *shape, rounding, overflow) as i64)
                .collect();
            assert_eq!(result.integers(), Some(expected), "2^-{fraction} to {fixed}");
        }
    }
}

/// A model under construction.
#[derive(Clone)]
struct Model {
    layers: Vec<(String, Value)>,
    files: Vec<(String, Vec<u8>)>,
    outputs: Vec<String>,
    config: Value,
    version: Value,
}

/// `fixed<8,3,RND_CONV,SAT>` as hls4ml writes it.
fn precision(text: &str) -> Value {
    let (name, rest) = text.split_once('<').unwrap();
    let parts: Vec<&str> = rest.trim_end_matches('>').split(',').collect();
    let signed = !name.starts_with('u');
    let width: i64 = parts[0].parse().unwrap();
    if name.ends_with("int") {
        let class = "hls4ml.model.types.IntegerPrecisionType";
        return json!({"class_name": class, "state": {"width": width, "signed": signed}});
    }
    json!({"class_name": "hls4ml.model.types.FixedPrecisionType", "state": {
        "width": width,
        "signed": signed,
        "integer": parts[1].parse::<i64>().unwrap(),
        "rounding_mode": parts.get(2).unwrap_or(&"TRN"),
        "saturation_mode": parts.get(3).unwrap_or(&"WRAP"),
        "saturation_bits": 0,
    }})
}

fn named(name: &str, text: &str) -> Value {
    let class = "hls4ml.model.types.NamedType";
    json!({"class_name": class, "state": {"name": name, "precision": precision(text)}})
}

impl Model {
    fn new() -> Self {
        Model {
            layers: Vec::new(),
            files: Vec::new(),
            outputs: Vec::new(),
            config: json!({"config": {"Backend": "Vitis", "IOType": "io_parallel"}}),
            version: json!({"hls4ml": "1.3.0", "model_graph": "1"}),
        }
    }

    fn layer(
        mut self,
        class: &str,
        name: &str,
        inputs: &[&str],
        shape: &[u64],
        r#type: &str,
        attributes: Value,
    ) -> Self {
        let mut attributes = attributes;
        attributes["index"] = json!(self.layers.len());
        attributes[name] = json!({"class_name": "hls4ml.model.types.TensorVariable", "state": {
            "name": name, "type": named("t", r#type), "shape": shape,
        }});
        let class = format!("hls4ml.model.layers.{class}");
        let layer = json!({"class_name": class, "state": {
            "inputs": inputs, "outputs": [name], "attributes": attributes,
        }});
        self.layers.push((name.to_owned(), layer));
        self.outputs = vec![name.to_owned()];
        self
    }

    fn input(self, shape: &[u64], r#type: &str) -> Self {
        self.layer("Input", "x", &["input"], shape, r#type, json!({}))
    }

    /// The attribute for a constant, whose file becomes part of the model.
    fn weights(&mut self, name: &str, r#type: &str, shape: &[usize], values: &[f32]) -> Value {
        let file = format!("{name}.npy");
        let tensor = Tensor::from_f32(shape.to_vec(), values).unwrap();
        self.files.push((file.clone(), tensor.to_npy()));
        json!({"class_name": "hls4ml.model.types.WeightVariable", "state": {
            "name": name, "type": named("t", r#type), "data": format!("@ndarray:{file}"),
        }})
    }

    #[allow(clippy::too_many_arguments)]
    fn dense(
        mut self,
        from: &str,
        (n_in, n_out): (usize, usize),
        (weights, weight_type): (&[f32], &str),
        (bias, bias_type): (&[f32], &str),
        accumulator: &str,
        r#type: &str,
        strategy: &str,
    ) -> Self {
        let transposed = strategy == "resource";
        let shape = if transposed { [n_out, n_in] } else { [n_in, n_out] };
        let attributes = json!({
            "n_in": n_in,
            "n_out": n_out.to_string(),
            "strategy": strategy,
            "_weights_transposed": transposed,
            "accum_t": named("accum_t", accumulator),
            "weight": self.weights("w", weight_type, &shape, weights),
            "bias": self.weights("b", bias_type, &[n_out], bias),
        });
        self.layer("Dense", "dense", &[from], &[n_out as u64], r#type, attributes)
    }

    fn change(mut self, layer: &str, change: impl FnOnce(&mut Value)) -> Self {
        let found = self.layers.iter_mut().find(|(name, _)| name == layer).unwrap();
        change(&mut found.1["state"]["attributes"]);
        self
    }

    /// The files, as `(name, contents)`.
    fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let layers: serde_json::Map<String, Value> = self.layers.iter().cloned().collect();
        let state = json!({"inputs": ["x"], "outputs": self.outputs});
        let mut files = vec![
            ("version.json".to_owned(), self.version.to_string().into_bytes()),
            ("config.json".to_owned(), self.config.to_string().into_bytes()),
            ("graph_state.json".to_owned(), state.to_string().into_bytes()),
            ("model_arch.json".to_owned(), Value::Object(layers).to_string().into_bytes()),
        ];
        files.extend(self.files.iter().cloned());
        files
    }

    fn bytes(&self) -> Vec<u8> {
        pack(&self.contents())
    }

    fn text(&self) -> String {
        let context = tools::context();
        let module = super::import_bytes(&context, &self.bytes(), "model.fml", &Options::default())
            .unwrap_or_else(|error| panic!("{error}"));
        module.as_operation().to_string()
    }

    fn refusal(&self) -> String {
        refusal(&self.bytes())
    }

    fn runner(&self) -> Runner {
        let context = tools::context();
        let module = super::import_bytes(&context, &self.bytes(), "model.fml", &Options::default())
            .unwrap_or_else(|error| panic!("{error}"));
        Runner::compile(&module).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Codes that the model computes from codes.
    fn run(&self, codes: &[i64]) -> Vec<i64> {
        let runner = self.runner();
        let input = Tensor::from_integers(vec![codes.len()], Dtype::I64, codes).unwrap();
        let input = input.reshaped(runner.inputs[0].shape.clone()).unwrap();
        let result = runner.run(&[input], Some(Form::Codes)).unwrap();
        result[0].integers().unwrap()
    }
}

fn pack(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, data) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        archive.append_data(&mut header, name, data.as_slice()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let context = tools::context();
    let result = super::import_bytes(&context, bytes, "model.fml", &Options::default());
    result.map(|_| ()).expect_err("the model is refused").to_string()
}

/// As hls4ml's `dense_latency`: each product, and each sum, cast to the accumulator.
fn emulated(
    x: (&[i64], i64),
    weights: (&[f32], Fixed),
    bias: (&[f32], Fixed),
    accumulator: Fixed,
    result: Fixed,
) -> Vec<i64> {
    let columns = bias.0.len();
    (0..columns)
        .map(|column| {
            let start = bias.1.of_weight(bias.0[column].into());
            let mut sum = accumulator.cast(start, bias.1.fraction);
            for (row, code) in x.0.iter().enumerate() {
                let weight = weights.1.of_weight(weights.0[row * columns + column].into());
                let product = i128::from(*code) * weight;
                let product = accumulator.cast(product, x.1 + weights.1.fraction);
                sum = accumulator.cast(sum + product, accumulator.fraction);
            }
            result.cast(sum, accumulator.fraction) as i64
        })
        .collect()
}

fn parse(text: &str) -> Fixed {
    let (name, rest) = text.split_once('<').unwrap();
    let parts: Vec<&str> = rest.trim_end_matches('>').split(',').collect();
    let number = |i: usize| parts[i].parse().unwrap();
    let mode = |i: usize, default| parts.get(i).copied().unwrap_or(default);
    let signed = !name.starts_with('u');
    if name.ends_with("int") {
        return Fixed::integer(number(0), signed).unwrap();
    }
    Fixed::new(number(0), number(1), signed, mode(2, "TRN"), mode(3, "WRAP")).unwrap()
}

/// Whatever the accumulator does to products and sums, the model does.
#[test]
fn sums_are_those_of_the_firmware() {
    let mut random = Random(3);
    let accumulators = [
        // Nothing is lost.
        "fixed<24,10>",
        // The sum wraps, also where it is finer than products.
        "fixed<9,3>",
        "fixed<16,3>",
        "ufixed<12,4>",
        // Products lose bits.
        "fixed<16,10>",
        "fixed<10,7,RND_CONV>",
        "fixed<7,5,TRN_ZERO>",
        "fixed<20,18,RND>",
        "int<9>",
        // Sums saturate on the way.
        "fixed<9,3,TRN,SAT>",
        "fixed<12,4,RND_INF,SAT_SYM>",
        "fixed<10,5,RND_ZERO,SAT_ZERO>",
        "ufixed<14,4,RND_MIN_INF,SAT>",
        // Nearly nothing is left.
        "fixed<3,-2>",
    ];
    let inputs = ["fixed<8,4,RND_CONV,SAT>", "ufixed<8,2,RND_CONV,SAT>", "fixed<6,1,RND_CONV,SAT>"];
    let biases = ["fixed<8,3>", "fixed<12,2>", "fixed<4,4>"];
    let results = ["fixed<8,4,RND_CONV,SAT>", "fixed<16,7>", "ufixed<7,3,RND,SAT>", "int<6>"];
    let (n_in, n_out) = (7, 3);
    for (i, accumulator) in accumulators.into_iter().enumerate() {
        let mut real = |count: usize| -> Vec<f32> {
            (0..count).map(|_| random.within(-64, 64) as f32 / 32.0).collect()
        };
        let (weights, bias) = (real(n_in * n_out), real(n_out));
        let (x, bias_type) = (inputs[i % inputs.len()], biases[i % biases.len()]);
        let result = results[i % results.len()];
        let model = Model::new().input(&[n_in as u64], x).dense(
            "x",
            (n_in, n_out),
            (&weights, "fixed<6,2,RND,SAT>"),
            (&bias, bias_type),
            accumulator,
            result,
            "latency",
        );
        let runner = model.runner();
        let (low, high) = parse(x).range();
        for round in 0..20 {
            let codes: Vec<i64> = (0..n_in)
                .map(|_| match round {
                    0 => low as i64,
                    1 => high as i64,
                    _ => random.within(low as i64, high as i64),
                })
                .collect();
            let input = Tensor::from_integers(vec![1, n_in], Dtype::I64, &codes).unwrap();
            let found = runner.run(&[input], Some(Form::Codes)).unwrap()[0].integers().unwrap();
            let expected = emulated(
                (&codes, parse(x).fraction),
                (&weights, parse("fixed<6,2,RND,SAT>")),
                (&bias, parse(bias_type)),
                parse(accumulator),
                parse(result),
            );
            assert_eq!(found, expected, "{x} in {accumulator} to {result}: {codes:?}");
        }
    }
}

/// The example: what hls4ml's own emulation of it gave, for one row at a time and for several.
#[test]
fn the_example_is_exact() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/hls4ml_classifier/");
    let read = |name: String| {
        Tensor::read_npy(format!("{folder}{name}.npy").as_ref())
            .unwrap_or_else(|error| panic!("{error}"))
    };
    let model = format!("{folder}model.fml");
    for batch in [None, Some(8)] {
        let context = tools::context();
        let module = frontends::import(&context, model.as_ref(), &Options { batch })
            .unwrap_or_else(|error| panic!("{error}"));
        let runner = Runner::compile(&module).unwrap_or_else(|error| panic!("{error}"));
        for kind in ["", "_q", "_stress", "_stress_q"] {
            let found = runner.run(&[read(format!("inputs{kind}"))], None).unwrap();
            assert_eq!(found[0], read(format!("outputs{kind}")), "{kind}");
        }
    }
}

/// A dense layer from 8 bits, with one product and its sum.
fn dense() -> Model {
    Model::new().input(&[3], "fixed<8,4,RND_CONV,SAT>").dense(
        "x",
        (3, 2),
        (&[1.0, -0.5, 0.25, 0.75, -1.0, 0.0], "fixed<6,2,RND,SAT>"),
        (&[0.5, -2.0], "fixed<8,3>"),
        "fixed<20,10>",
        "fixed<8,4,RND_CONV,SAT>",
        "latency",
    )
}

/// What changes nothing is not written: a plain sum, and one cast.
#[test]
fn casts_without_effect_are_left_out() {
    let text = dense().text();
    // The bias, the products, the result.
    assert_eq!(text.matches("linalg.generic").count(), 3, "{text}");
    assert!(text.contains("tensor<3x2xi8>"), "weights are as narrow as they can be: {text}");
    for words in [
        "%arg0: tensor<1x3xi8> {aie4ml.name = \"x\", aie4ml.quant = !quant.uniform<i8:f32, 6.250000e-02>}",
        "{aie4ml.name = \"dense\", aie4ml.quant = !quant.uniform<i8:f32, 6.250000e-02>}",
    ] {
        assert!(text.contains(words), "no {words} in {text}");
    }
}

/// Reused resources want weights the other way around.
#[test]
fn weights_are_transposed_for_the_strategy_resource() {
    let codes = [16, 32, -48];
    let expected = dense().run(&codes);
    let weights = [1.0, 0.25, -1.0, -0.5, 0.75, 0.0];
    let resource = |accumulator| {
        Model::new().input(&[3], "fixed<8,4,RND_CONV,SAT>").dense(
            "x",
            (3, 2),
            (&weights, "fixed<6,2,RND,SAT>"),
            (&[0.5, -2.0], "fixed<8,3>"),
            accumulator,
            "fixed<8,4,RND_CONV,SAT>",
            "resource",
        )
    };
    assert_eq!(resource("fixed<20,10>").run(&codes), expected);
    assert_eq!(
        resource("fixed<8,4,TRN,SAT>").refusal(),
        "layer 'dense' (Dense): adds up in fixed<8,4,TRN,SAT>, which can saturate on the way, in an order that depends on its strategy; supported: the strategy 'latency', or a wider accumulator"
    );
}

/// Floats become codes as the type of the input says, whatever they are.
#[test]
fn float_inputs_are_cast_by_the_model() {
    let mut values = vec![0.0, -0.0, 1e30, -1e30, 1e-30, -1e-30, 0.49999997, -0.5, 2048.5, -2048.5];
    let mut random = Random(4);
    values.extend((0..300).map(|_| random.within(-(1 << 20), 1 << 20) as f32 / 512.0));
    for rounding in ROUNDING {
        for overflow in OVERFLOW {
            for integer in [9, 5] {
                let text = format!("fixed<12,{integer},{rounding},{overflow}>");
                let model = Model::new().input(&[values.len() as u64], &text);
                let runner = model.runner();
                let input = Tensor::from_f32(vec![1, values.len()], &values).unwrap();
                let found = runner.run(&[input], Some(Form::Codes)).unwrap();
                let fixed = parse(&text);
                let expected: Vec<i64> =
                    values.iter().map(|&x| fixed.of(x.into()) as i64).collect();
                assert_eq!(found[0].integers(), Some(expected), "{text}");
            }
        }
    }
    // Codes stay codes, whichever form the argument has.
    let model = Model::new().input(&[3], "ufixed<8,3>");
    assert_eq!(model.run(&[0, 255, 7]), [0, 255, 7]);
}

/// A layer on four codes of `fixed<8,4>`, to `r#type`.
fn on_four(class: &str, r#type: &str, attributes: Value) -> Model {
    let model = Model::new().input(&[4], "fixed<8,4,RND_CONV,SAT>");
    model.layer(class, "y", &["x"], &[4], r#type, attributes)
}

#[test]
fn activations_compare_and_multiply() {
    let codes = [-128, -24, 40, 127];
    let activation = |name: &str| on_four("Activation", "fixed<8,4>", json!({"activation": name}));
    assert_eq!(activation("linear").run(&codes), codes);
    assert_eq!(activation("relu").run(&codes), [0, 0, 40, 127]);
    assert_eq!(activation("relu1").run(&codes), [0, 0, 16, 16]);
    assert_eq!(activation("relu6").run(&codes), [0, 0, 40, 96]);
    let parametrized = |name: &str, parameter: f64| {
        let param = named("param_t", "fixed<16,6>");
        let attributes = json!({"activation": name, "activ_param": parameter, "param_t": param});
        on_four("ParametrizedActivation", "fixed<8,4>", attributes).run(&codes)
    };
    // 0.3 is 307 / 1024, and the cast rounds down.
    assert_eq!(parametrized("LeakyReLU", 0.3), [-39, -8, 40, 127]);
    assert_eq!(parametrized("ThresholdedReLU", 2.5), [0, 0, 0, 127]);
    assert_eq!(parametrized("ThresholdedReLU", -2.0), [0, -24, 40, 127]);
    let hard = |name: &str| {
        let attributes = json!({
            "activation": name, "slope": 0.25, "shift": 0.5,
            "slope_t": named("slope_t", "ufixed<16,0>"), "shift_t": named("shift_t", "ufixed<2,0>"),
        });
        on_four("HardActivation", "fixed<16,6>", attributes).run(&codes)
    };
    assert_eq!(hard("hard_sigmoid"), [0, 128, 1024, 1024]);
    assert_eq!(hard("hard_tanh"), [-1024, -768, 1024, 1024]);
    let mut model = Model::new().input(&[4], "fixed<8,4,RND_CONV,SAT>");
    let param = model.weights("a", "fixed<8,4>", &[4], &[0.5, -1.0, 3.0, 3.0]);
    let model = model.layer("PReLU", "y", &["x"], &[4], "fixed<8,4>", json!({"param": param}));
    assert_eq!(model.run(&codes), [-64, 24, 40, 127]);
}

#[test]
fn functions_are_tables() {
    let attributes = |name: &str| json!({"activation": name, "table_size": 1024, "table_t": named("table_t", "fixed<18,8>")});
    let run = |name: &str| {
        on_four("Activation", "fixed<18,8>", attributes(name)).run(&[-128, -9, 0, 127])
    };
    // Entries at the multiples of 1/64 or 1/128, rounded down to 1/1024.
    let expected = |f: fn(f64) -> f64, reach: f64| {
        [-8.0f64, -0.5625, 0.0, 7.9375].map(|x| {
            let x = x.clamp(-reach, reach - reach / 512.0);
            (f(x) * 1024.0).floor() as i64
        })
    };
    assert_eq!(run("sigmoid"), expected(|x| 1.0 / (1.0 + (-x).exp()), 8.0));
    assert_eq!(run("tanh"), expected(f64::tanh, 4.0));
    assert_eq!(run("softplus"), expected(|x| x.exp().ln_1p(), 8.0));
    assert_eq!(run("softsign"), expected(|x| x / (x.abs() + 1.0), 8.0));
    // Indices are rounded towards zero where the table is coarse: -9/16 is at -0.5.
    let coarse = on_four("Activation", "fixed<18,8>", attributes("sigmoid"))
        .change("y", |attributes| attributes["table_size"] = json!(32));
    let at = |x: f64| (1024.0 / (1.0 + (-x).exp())).floor() as i64;
    assert_eq!(coarse.run(&[-128, -9, 0, 127]), [at(-8.0), at(-0.5), at(0.0), at(7.5)]);

    let mut model = Model::new().input(&[4], "fixed<3,3,RND_CONV,SAT>");
    let values: Vec<f32> = (0..8).map(|i| i as f32 / 4.0).collect();
    let table = model.weights("t", "fixed<8,4>", &[8], &values);
    let model = model.layer("UnaryLUT", "y", &["x"], &[4], "fixed<8,6>", json!({"table": table}));
    assert_eq!(model.run(&[0, 3, -4, -1]), [0, 3, 4, 7]);
}

#[test]
fn softmax_is_two_tables() {
    let softmax = |implementation: &str, accumulator: &str| {
        let attributes = json!({
            "activation": "softmax", "implementation": implementation, "table_size": 256,
            "exp_table_t": named("exp_table_t", "fixed<18,8,RND,SAT>"),
            "inv_table_t": named("inv_table_t", "fixed<18,8,RND,SAT>"),
            "inv_inp_t": named("inv_inp_t", "fixed<18,8,RND,SAT>"),
            "accum_t": named("accum_t", accumulator),
            "inp_norm_t": named("inp_norm_t", "ufixed<8,4>"),
        });
        on_four("Softmax", "ufixed<16,0>", attributes)
    };
    let codes = [16, 0, -16, 32];
    // As nnet_activation.h computes it: indices are the highest eight bits of the inputs, which
    // have eight, and of the sum, which has 18.
    let emulate = |stable: bool| -> Vec<i64> {
        let most = codes.iter().max().unwrap();
        let exponentials = codes.map(|code| {
            let x = (if stable { code - most } else { code }) as f32 / 16.0;
            (f64::from(x.exp()) * 1024.0 + 0.5).floor().min(131071.0) as i64
        });
        let sum: i64 = exponentials.iter().sum::<i64>().min(131071);
        let index = sum >> 10;
        let inverse = (1024.0 / index as f64 * 1.0 + 0.5).floor().min(131071.0) as i64;
        exponentials.iter().map(|e| (e * inverse) >> 4 & 0xffff).collect()
    };
    assert_eq!(softmax("latency", "fixed<18,8,RND,SAT>").run(&codes), emulate(false));
    assert_eq!(softmax("stable", "fixed<18,8,RND,SAT>").run(&codes), emulate(true));
    assert!(softmax("latency", "fixed<18,8,RND,SAT_ZERO>").refusal().ends_with(
        "adds up in fixed<18,8,RND,SAT_ZERO>, which can overflow on the way: make it wider"
    ));
    assert!(softmax("legacy", "fixed<18,8>").refusal().contains("'legacy' is not supported"));
}

#[test]
fn means_are_rounded_towards_zero() {
    let pooled = |shape: &[u64], op: &str, accumulator: &str, codes: &[i64]| {
        let attributes = json!({"pool_op": op, "accum_t": named("accum_t", accumulator)});
        Model::new()
            .input(shape, "fixed<8,4,RND_CONV,SAT>")
            .layer("GlobalPooling1D", "y", &["x"], &[2], "fixed<16,12>", attributes)
            .run(codes)
    };
    let codes = [100, -100, 101, -101, 3, -2];
    assert_eq!(pooled(&[3, 2], "Average", "fixed<16,12>", &codes), [68, -67]);
    assert_eq!(pooled(&[2, 2], "Average", "fixed<16,12>", &codes[..4]), [100, -100]);
    assert_eq!(pooled(&[3, 2], "Max", "fixed<16,12>", &codes), [101, -2]);
    // 204 wraps at 8 bits, and 205 halves are added in whole ones.
    assert_eq!(pooled(&[3, 2], "Average", "fixed<8,4>", &codes), [-17, 17]);
    assert_eq!(pooled(&[3, 2], "Average", "fixed<15,12>", &codes), [66, -68]);
}

#[test]
fn tensors_are_merged_and_moved() {
    let merged = |op: &str| {
        let relu = json!({"activation": "relu"});
        Model::new()
            .input(&[4], "fixed<8,4,RND_CONV,SAT>")
            .layer("Activation", "a", &["x"], &[4], "ufixed<6,3>", relu)
            .layer("Merge", "y", &["x", "a"], &[4], "fixed<16,8>", json!({"op": op}))
            .run(&[-128, -3, 5, 60])
    };
    // The second operand is 0, 0, 2, 30 eighths.
    assert_eq!(merged("add"), [-2048, -48, 144, 1920]);
    assert_eq!(merged("subtract"), [-2048, -48, 16, 0]);
    assert_eq!(merged("multiply"), [0, 0, 20, 3600]);
    assert_eq!(merged("average"), [-1024, -24, 72, 960]);
    assert_eq!(merged("maximum"), [0, 0, 80, 960]);
    assert_eq!(merged("minimum"), [-2048, -48, 64, 960]);

    let dot = Model::new().input(&[4], "fixed<8,4,RND_CONV,SAT>").layer(
        "Dot",
        "y",
        &["x", "x"],
        &[1],
        "fixed<20,12>",
        json!({"accum_t": named("t", "fixed<24,12>")}),
    );
    assert_eq!(dot.run(&[1, -2, 3, 100]), [10014]);

    let moved = Model::new()
        .input(&[2, 3], "fixed<8,4,RND_CONV,SAT>")
        .layer("Transpose", "t", &["x"], &[3, 2], "fixed<8,4>", json!({"perm": [1, 0]}))
        .layer("Reshape", "y", &["t"], &[6], "fixed<8,4>", json!({}));
    assert_eq!(moved.run(&[1, 2, 3, 4, 5, 6]), [1, 4, 2, 5, 3, 6]);

    let mut model = Model::new().input(&[2, 2], "fixed<8,4,RND_CONV,SAT>");
    let attributes = json!({
        "n_filt": 2,
        "scale": model.weights("s", "fixed<8,4>", &[2], &[0.5, -2.0]),
        "bias": model.weights("c", "fixed<10,4>", &[2], &[0.015625, 1.0]),
    });
    let model = model.layer("BatchNormalization", "y", &["x"], &[2, 2], "fixed<16,8>", attributes);
    assert_eq!(model.run(&[3, 3, -3, 8]), [28, 160, -20, 0]);
}

#[test]
fn models_that_are_none() {
    assert!(refusal(b"hello").starts_with("not an hls4ml model"));
    assert_eq!(refusal(&pack(&[])), "not an hls4ml model: the archive holds no 'version.json'");
    let bytes = dense().bytes();
    assert!(refusal(&bytes[..bytes.len() / 2]).contains("not an hls4ml model"));
    let mut model = dense();
    model.version = json!({"model_graph": "2"});
    assert_eq!(
        model.refusal(),
        "version '2' of hls4ml's file format is not supported; supported: '1'"
    );
    let mut model = dense();
    model.config["config"]["Backend"] = json!("oneAPI");
    assert!(model.refusal().contains("the backend 'oneAPI', whose arithmetic is not supported"));
    let mut files = dense().contents();
    files.push(files[0].clone());
    assert_eq!(refusal(&pack(&files)), "holds 'version.json' twice");
    files.pop();
    files[3].1 = b"{\"a\": ".to_vec();
    assert!(refusal(&pack(&files)).starts_with("model_arch.json: is not JSON: "));
    let mut model = dense();
    model.outputs = vec!["nothing".to_owned()];
    assert_eq!(model.refusal(), "output 'nothing': no layer writes it");
}

/// An archive of a gigabyte of zeros is small, and not unpacked.
#[test]
fn archives_are_bounded() {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let size = 1 << 30;
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    archive.append_data(&mut header, "zeros.bin", std::io::repeat(0).take(size)).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    archive.append_data(&mut header, "version.json", &b"{}"[..]).unwrap();
    let bytes = archive.into_inner().unwrap().finish().unwrap();
    assert!(refusal(&bytes).starts_with("not an hls4ml model"), "{}", refusal(&bytes));
}

#[test]
fn layers_that_are_not_supported() {
    let four = |class: &str, attributes: Value| on_four(class, "fixed<8,4>", attributes).refusal();
    assert!(
        four("Conv2D", json!({}))
            .starts_with("layer 'y' (Conv2D): is not supported; supported: Dense,"),
    );
    assert!(four("Activation", json!({"activation": "selu"})).contains("'selu' is not supported"));
    assert!(four("Merge", json!({"op": "add"})).contains("has 1 inputs, needs two"));
    let strategy = dense().change("dense", |a| a["strategy"] = json!("distributed_arithmetic"));
    assert_eq!(
        strategy.refusal(),
        "layer 'dense' (Dense): the strategy 'distributed_arithmetic' is not supported; supported: 'latency', 'resource'"
    );
    let width = dense().change("dense", |a| a["accum_t"] = named("t", "fixed<65,10>"));
    assert_eq!(
        width.refusal(),
        "layer 'dense' (Dense): 'accum_t' has 65 bits, 10 of them above the point; supported: 1 to 64, and -64 to 64"
    );
    let class = "hls4ml.model.types.XnorPrecisionType";
    let binary = dense().change("dense", |a| {
        a["weight"]["state"]["type"]["state"]["precision"] = json!({"class_name": class});
    });
    assert_eq!(
        binary.refusal(),
        "layer 'dense' (Dense): 'weight' is of 'XnorPrecisionType', which is not supported; supported: fixed and integer precision"
    );
    let missing =
        dense().change("dense", |a| a["weight"]["state"]["data"] = json!("@ndarray:no.npy"));
    assert_eq!(
        missing.refusal(),
        "layer 'dense' (Dense): 'weight' cannot be read: the archive holds no file 'no.npy'"
    );
    let count = dense().change("dense", |a| a["n_in"] = json!(4));
    assert!(count.refusal().contains("needs 4 elements in the last dimension"));
    let mut model = dense();
    model.layers[0].1["state"]["inputs"] = json!(["dense"]);
    model.layers[0].1["class_name"] = json!("Activation");
    assert!(model.refusal().ends_with("reads from itself, directly or not"));
    let mut model = on_four("Softmax", "fixed<8,4>", json!({}));
    model.config["config"]["IOType"] = json!("io_stream");
    assert!(model.refusal().contains("is not supported with 'io_stream'"));
    let wide = Model::new().input(&[4], "fixed<40,8>").refusal();
    assert!(wide.contains("'x' (Input): has the type fixed<40,8>; supported at inputs"), "{wide}");
}

/// Damaged files are imported or refused, and never take long or much memory.
///
/// For a longer search, the environment variable `AIE4ML_DAMAGES` says how many are tried.
#[test]
fn damaged_files_do_no_harm() {
    let context = tools::context();
    let mut imported = 0;
    let mut import = |bytes: &[u8]| {
        let result: Result<_, Error> =
            super::import_bytes(&context, bytes, "model.fml", &Options::default());
        imported += u32::from(result.is_ok());
        if let Err(error) = result {
            assert!(!error.to_string().contains("bug in"), "{error}");
        }
    };
    let relu = json!({"activation": "relu"});
    let softmax = json!({
        "activation": "softmax", "implementation": "stable", "table_size": 16,
        "exp_table_t": named("t", "fixed<18,8,RND,SAT>"),
        "inv_table_t": named("t", "fixed<18,8,RND,SAT>"),
        "inv_inp_t": named("t", "fixed<18,8,RND,SAT>"),
        "accum_t": named("t", "fixed<18,8,RND,SAT>"),
    });
    let model = dense()
        .layer("Activation", "relu", &["dense"], &[2], "ufixed<7,3,RND_CONV,SAT>", relu)
        .layer("Merge", "sum", &["relu", "dense"], &[2], "fixed<12,6>", json!({"op": "multiply"}))
        .layer("Softmax", "y", &["sum"], &[2], "ufixed<16,0>", softmax);
    let files = model.contents();
    let bytes = pack(&files);
    (0..bytes.len()).step_by(7).for_each(|length| import(&bytes[..length]));
    let mut random = Random(5);
    let values = [
        json!(null),
        json!(-1),
        json!(0),
        json!(1),
        json!(7),
        json!(64),
        json!(-64),
        json!(65),
        json!(1u64 << 31),
        json!(1u64 << 40),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(0.5),
        json!(1e300),
        json!(true),
        json!(false),
        json!(""),
        json!("WRAP"),
        json!("SAT"),
        json!("SAT_ZERO"),
        json!("RND"),
        json!("TRN_ZERO"),
        json!("x"),
        json!("y"),
        json!("resource"),
        json!("latency"),
        json!("tanh"),
        json!([]),
        json!([1, 2]),
        json!({}),
    ];
    let damages = std::env::var("AIE4ML_DAMAGES").ok().and_then(|count| count.parse().ok());
    for run in 0..damages.unwrap_or(1000) {
        let mut damaged = files.clone();
        for _ in 0..1 + random.below(3) {
            let which = random.below(damaged.len());
            let data = &mut damaged[which].1;
            let parsed = serde_json::from_slice::<Value>(data).ok();
            match parsed {
                // A value of the structure becomes another.
                Some(mut value) if run % 4 != 0 => {
                    let count = leaves(&mut value).len();
                    if count > 0 {
                        let leaf = random.below(count);
                        *leaves(&mut value)[leaf] = values[random.below(values.len())].clone();
                    }
                    *data = value.to_string().into_bytes();
                }
                _ if data.is_empty() => {}
                _ => {
                    let position = random.below(data.len());
                    match random.below(3) {
                        0 => data[position] = random.below(256) as u8,
                        1 => drop(data.remove(position)),
                        _ => data.insert(position, random.below(256) as u8),
                    }
                }
            }
        }
        import(&pack(&damaged));
    }
    println!("{imported} imported");
    assert!(imported > 50, "{imported}");
}

/// What is no list and no object in a value.
fn leaves(value: &mut Value) -> Vec<&mut Value> {
    let inner = match value {
        Value::Array(values) => !values.is_empty(),
        Value::Object(values) => !values.is_empty(),
        _ => false,
    };
    if !inner {
        return vec![value];
    }
    match value {
        Value::Array(values) => values.iter_mut().flat_map(leaves).collect(),
        Value::Object(values) => values.values_mut().flat_map(leaves).collect(),
        _ => Vec::new(),
    }
}
