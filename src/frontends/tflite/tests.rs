//! Models built in code: what they become, what they compute, and what is refused with which words.

use std::path::Path;

use melior::{
    Context,
    ir::operation::{OperationLike, OperationPrintingFlags},
};

use super::{super::Options, tensor::Element};
use crate::{
    mlir::tools,
    run::{Form, execute},
    tensor::{Dtype, Tensor},
};

/// What stands in a field of a table.
#[derive(Clone)]
enum Value {
    Byte(u8),
    Number(u32),
    Float(f32),
    Bytes(Vec<u8>),
    Ints(Vec<i32>),
    Floats(Vec<f32>),
    Longs(Vec<i64>),
    Table(Table),
    Tables(Vec<Table>),
}

/// Fields by their numbers.
type Table = Vec<(usize, Value)>;

/// Writes a table, and behind it what its fields refer to; gives its place.
fn write(out: &mut Vec<u8>, fields: &Table) -> usize {
    out.resize(out.len().next_multiple_of(8), 0);
    let count = fields.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
    let virtual_table = out.len();
    let mut places = vec![0u16; count];
    for (position, (number, _)) in fields.iter().enumerate() {
        places[*number] = 4 + 4 * position as u16;
    }
    out.extend((4 + 2 * count as u16).to_le_bytes());
    out.extend((4 + 4 * fields.len() as u16).to_le_bytes());
    places.iter().for_each(|place| out.extend(place.to_le_bytes()));
    out.resize(out.len().next_multiple_of(4), 0);
    let table = out.len();
    out.extend(((table - virtual_table) as i32).to_le_bytes());
    for (_, value) in fields {
        out.extend(match value {
            Value::Byte(byte) => [*byte, 0, 0, 0],
            Value::Number(number) => number.to_le_bytes(),
            Value::Float(float) => float.to_le_bytes(),
            _ => [0; 4],
        });
    }
    for (position, (_, value)) in fields.iter().enumerate() {
        let field = table + 4 + 4 * position;
        let (count, bytes) = match value {
            Value::Byte(_) | Value::Number(_) | Value::Float(_) => continue,
            Value::Table(inner) => {
                let place = write(out, inner);
                patch(out, field, place);
                continue;
            }
            Value::Tables(list) => (list.len(), vec![0; 4 * list.len()]),
            Value::Bytes(list) => (list.len(), list.clone()),
            Value::Ints(list) => (list.len(), list.iter().flat_map(|n| n.to_le_bytes()).collect()),
            Value::Floats(list) => {
                (list.len(), list.iter().flat_map(|n| n.to_le_bytes()).collect())
            }
            Value::Longs(list) => (list.len(), list.iter().flat_map(|n| n.to_le_bytes()).collect()),
        };
        // Elements of 8 bytes are aligned behind the count.
        out.resize(out.len().next_multiple_of(8) + 4, 0);
        let vector = out.len();
        patch(out, field, vector);
        out.extend((count as u32).to_le_bytes());
        out.extend(bytes);
        if let Value::Tables(list) = value {
            for (index, inner) in list.iter().enumerate() {
                let place = write(out, inner);
                patch(out, vector + 4 + 4 * index, place);
            }
        }
    }
    table
}

fn patch(out: &mut [u8], at: usize, place: usize) {
    out[at..at + 4].copy_from_slice(&((place - at) as u32).to_le_bytes());
}

/// A model under construction. Tensor 0 is the input unless `inputs` says otherwise, the last one
/// the output.
#[derive(Clone)]
struct Model {
    tensors: Vec<Table>,
    buffers: Vec<Table>,
    codes: Vec<Table>,
    operators: Vec<Table>,
    inputs: Vec<i32>,
    subgraphs: usize,
    version: u32,
}

impl Model {
    fn new() -> Model {
        Model {
            tensors: Vec::new(),
            // Number 0 is no buffer.
            buffers: vec![Vec::new()],
            codes: Vec::new(),
            operators: Vec::new(),
            inputs: vec![0],
            subgraphs: 1,
            version: 3,
        }
    }

    fn tensor(
        mut self,
        name: &str,
        element: Element,
        shape: &[i32],
        quantization: &[(f32, i64)],
    ) -> Model {
        let (scales, zero_points) = quantization.iter().copied().unzip();
        self.tensors.push(vec![
            (0, Value::Ints(shape.into())),
            (1, Value::Byte(element.number())),
            (2, Value::Number(0)),
            (3, Value::Bytes(name.into())),
            (4, Value::Table(vec![(2, Value::Floats(scales)), (3, Value::Longs(zero_points))])),
        ]);
        self
    }

    fn constant(
        self,
        name: &str,
        element: Element,
        shape: &[i32],
        quantization: &[(f32, i64)],
        values: &[i64],
    ) -> Model {
        let width = element.bits() as usize / 8;
        let bytes = values.iter().flat_map(|v| v.to_le_bytes().into_iter().take(width)).collect();
        let mut model = self.tensor(name, element, shape, quantization);
        model.buffers.push(vec![(0, Value::Bytes(bytes))]);
        let buffer = model.buffers.len() as u32 - 1;
        model.tensors.last_mut().expect("one was pushed")[2].1 = Value::Number(buffer);
        model
    }

    /// Its options are of the kind that the number says, 0 for none.
    fn operator(
        mut self,
        code: i32,
        inputs: &[i32],
        output: i32,
        kind: u8,
        options: Table,
    ) -> Model {
        self.codes.push(vec![
            (0, Value::Byte(code.min(127) as u8)),
            (2, Value::Number(1)),
            (3, Value::Number(code as u32)),
        ]);
        let mut table = vec![
            (0, Value::Number(self.codes.len() as u32 - 1)),
            (1, Value::Ints(inputs.into())),
            (2, Value::Ints(vec![output])),
        ];
        if kind != 0 {
            table.push((3, Value::Byte(kind)));
            table.push((4, Value::Table(options)));
        }
        self.operators.push(table);
        self
    }

    fn change(mut self, change: impl FnOnce(&mut Model)) -> Model {
        change(&mut self);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let subgraph = vec![
            (0, Value::Tables(self.tensors.clone())),
            (1, Value::Ints(self.inputs.clone())),
            (2, Value::Ints(vec![self.tensors.len() as i32 - 1])),
            (3, Value::Tables(self.operators.clone())),
        ];
        let root = vec![
            (0, Value::Number(self.version)),
            (1, Value::Tables(self.codes.clone())),
            (2, Value::Tables(vec![subgraph; self.subgraphs])),
            (4, Value::Tables(self.buffers.clone())),
        ];
        let mut out = vec![0; 8];
        out[4..].copy_from_slice(b"TFL3");
        let root = write(&mut out, &root);
        patch(&mut out, 0, root);
        out
    }

    fn text(&self) -> String {
        text(&self.bytes(), false)
    }

    fn refusal(&self) -> String {
        match super::import_bytes(
            &tools::context(),
            &self.bytes(),
            "model.tflite",
            &Options::default(),
        ) {
            Ok(module) => panic!("imported:\n{}", module.as_operation()),
            Err(error) => error.to_string(),
        }
    }

    /// What the module computes of codes.
    fn run(&self, inputs: &[(&[usize], &[i64])]) -> Vec<i64> {
        let context = tools::context();
        let module =
            super::import_bytes(&context, &self.bytes(), "model.tflite", &Options::default())
                .unwrap_or_else(|error| panic!("{error}"));
        let inputs: Vec<Tensor> = inputs
            .iter()
            .map(|(shape, codes)| {
                let unsigned = codes.iter().any(|&code| code > 127);
                let dtype = if unsigned { Dtype::U8 } else { Dtype::I8 };
                Tensor::from_integers(shape.to_vec(), dtype, codes).expect("they are codes")
            })
            .collect();
        let outputs = execute(&module, &inputs, Some(Form::Codes));
        outputs.unwrap_or_else(|error| panic!("{error}"))[0].integers().expect("they are codes")
    }
}

fn text(bytes: &[u8], locations: bool) -> String {
    let context = tools::context();
    let module = super::import_bytes(&context, bytes, "model.tflite", &Options::default())
        .unwrap_or_else(|error| panic!("{error}"));
    let flags = OperationPrintingFlags::new();
    let flags = if locations { flags.enable_debug_info(true, false) } else { flags };
    module.as_operation().to_string_with_flags(flags).expect("modules print as text")
}

/// Fails unless the lines are in the text, in that order.
fn check(text: &str, lines: &[&str]) {
    let mut rest = text;
    for line in lines {
        let at = rest.find(line).unwrap_or_else(|| panic!("no '{line}' in:\n{rest}"));
        rest = &rest[at + line.len()..];
    }
}

const FULLY_CONNECTED: i32 = 9;
const CODES: (f32, i64) = (0.5, -3);

/// Two rows of three features, `relu(x * w^T + b)`.
fn dense() -> Model {
    Model::new()
        .tensor("x", Element::I8, &[2, 3], &[CODES])
        .constant("w", Element::I8, &[2, 3], &[(0.25, 0)], &[1, -2, 3, 4, 5, -6])
        .constant("b", Element::I32, &[2], &[(0.125, 0)], &[10, -20])
        .tensor("y", Element::I8, &[2, 2], &[(0.75, 7)])
        .operator(FULLY_CONNECTED, &[0, 1, 2], 3, 8, vec![(0, Value::Byte(1))])
}

/// One operator from the input `x` and constants, which come between, to `y`.
fn one(code: i32, kind: u8, options: Table, shape: &[i32], made: &[i32]) -> Model {
    Model::new()
        .tensor("x", Element::I8, shape, &[CODES])
        .tensor("y", Element::I8, made, &[CODES])
        .operator(code, &[0], 1, kind, options)
}

#[test]
fn a_dense_layer_is_a_product_a_bias_a_rescale_and_a_clamp() {
    check(
        &dense().text(),
        &[
            "tensor<2x3xi8> {aie4ml.name = \"x\", aie4ml.quant = !quant.uniform<i8:f32, 5.000000e-01:-3>}",
            "tensor<2x2xi8> {aie4ml.name = \"y\", aie4ml.quant = !quant.uniform<i8:f32, 7.500000e-01:7>}",
            "tosa.reshape %arg0",
            "dense<[[[1, 4], [-2, 5], [3, -6]]]> : tensor<1x3x2xi8>",
            "dense<-3> : tensor<1xi8>",
            "tosa.matmul",
            "dense<[[[10, -20]]]> : tensor<1x1x2xi32>",
            "tosa.add",
            "tosa.rescale",
            "rounding_mode = SINGLE_ROUND",
            "tosa.clamp",
            "max_val = 127 : i8, min_val = 7 : i8",
            "return",
        ],
    );
    let text = text(&dense().bytes(), true);
    check(&text, &["tosa.matmul", "loc(#loc2)", "loc(\"y\"(#loc))"]);
}

#[test]
fn a_dense_layer_rounds_once_in_double() {
    let codes: Vec<i64> = vec![-128, 127, 5, 0, -4, 90];
    let expected: Vec<i64> = codes
        .chunks(3)
        .flat_map(|row| {
            let sum = |weights: [i64; 3], bias: i64| {
                weights.iter().zip(row).map(|(w, x)| w * (x + 3)).sum::<i64>() + bias
            };
            [sum([1, -2, 3], 10), sum([4, 5, -6], -20)]
        })
        .map(|sum| ((sum as f64 * (0.5 * 0.25 / 0.75)).round() as i64 + 7).clamp(7, 127))
        .collect();
    assert_eq!(dense().run(&[(&[2, 3], &codes)]), expected);
}

/// Scales that are powers of two make ties, which go away from zero.
#[test]
fn ties_of_a_dense_layer_go_away_from_zero() {
    let model = Model::new()
        .tensor("x", Element::I8, &[5, 1], &[(1.0, 0)])
        .constant("w", Element::I8, &[1, 1], &[(1.0, 0)], &[1])
        .tensor("y", Element::I8, &[5, 1], &[(2.0, 0)])
        .operator(FULLY_CONNECTED, &[0, 1, -1], 2, 8, Vec::new());
    assert_eq!(model.run(&[(&[5, 1], &[-3, -1, 0, 1, 3])]), [-2, -1, 0, 1, 2]);
}

#[test]
fn unsigned_codes_are_the_same_less_128() {
    let unsigned = |model: &mut Model| {
        for tensor in [0, 1, 3] {
            model.tensors[tensor][1].1 = Value::Byte(Element::U8.number());
            let Value::Table(quantization) = &mut model.tensors[tensor][4].1 else { return };
            let Value::Longs(zero_points) = &mut quantization[1].1 else { return };
            zero_points[0] += 128;
        }
        let flipped = [1, -2, 3, 4, 5, -6].map(|weight: i64| (weight + 128) as u8).to_vec();
        model.buffers[1] = vec![(0, Value::Bytes(flipped))];
    };
    let codes = [-128i64, 127, 5, 0, -4, 90];
    let expected: Vec<i64> =
        dense().run(&[(&[2, 3], &codes)]).iter().map(|code| code + 128).collect();
    let model = dense().change(unsigned);
    check(&model.text(), &["!quant.uniform<u8:f32, 5.000000e-01:125>", "tosa.bitwise_xor"]);
    assert_eq!(model.run(&[(&[2, 3], &codes.map(|code| code + 128))]), expected);
}

/// Reads what `aie4ml` itself runs: a trained network, and one of all operators in a row, with
/// what the reference kernels compute.
#[test]
fn models_are_exact() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, inputs, outputs) in [
        ("examples/tflite_digits", "inputs.npy", &["outputs.npy"][..]),
        ("examples/tflite_digits", "inputs_stress.npy", &["outputs_stress.npy"]),
        ("tests/models/tflite_operators", "x0.npy", &["y0.npy", "y1.npy"]),
    ] {
        let context = tools::context();
        let folder = root.join(folder);
        let read = |name: &str| {
            Tensor::read_npy(&folder.join(name)).unwrap_or_else(|error| panic!("{error}"))
        };
        let module = super::import(&context, &folder.join("model.tflite"), &Options::default())
            .unwrap_or_else(|error| panic!("{error}"));
        let found = execute(&module, &[read(inputs)], None)
            .unwrap_or_else(|error| panic!("{inputs}: {error}"));
        for (found, expected) in found.iter().zip(outputs) {
            assert!(found.integers() == read(expected).integers(), "{}", folder.display());
        }
    }
}

#[test]
fn floats_at_the_edges_are_codes() {
    let model = Model::new()
        .tensor("image", Element::F32, &[2, 3], &[])
        .tensor("x", Element::I8, &[2, 3], &[CODES])
        .tensor("scores", Element::F32, &[2, 3], &[])
        .operator(114, &[0], 1, 0, Vec::new())
        .operator(6, &[1], 2, 0, Vec::new());
    check(
        &model.text(),
        &[
            "tensor<2x3xi8> {aie4ml.name = \"image\", aie4ml.quant = !quant.uniform<i8:f32, 5.000000e-01:-3>}",
            "tensor<2x3xi8> {aie4ml.name = \"scores\", aie4ml.quant = !quant.uniform<i8:f32, 5.000000e-01:-3>}",
            "return %arg0",
        ],
    );
    let model = Model::new()
        .tensor("x", Element::F32, &[2, 3], &[])
        .tensor("y", Element::F32, &[2, 3], &[])
        .operator(19, &[0], 1, 0, Vec::new());
    assert_eq!(
        model.refusal(),
        "input 'x': is float32 and does not go into one QUANTIZE: only quantized models are supported; convert the model with full integer quantization"
    );
}

#[test]
fn an_open_batch_is_what_the_import_says() {
    let model = one(19, 0, Vec::new(), &[1, 3], &[1, 3]).change(|model| {
        for tensor in &mut model.tensors {
            tensor.push((7, Value::Ints(vec![-1, 3])));
        }
    });
    check(&model.text(), &["tensor<1x3xi8>"]);
    let context = tools::context();
    let import = |batch| {
        super::import_bytes(&context, &model.bytes(), "m", &Options { batch: Some(batch) })
            .map(|module| module.as_operation().to_string())
            .map_err(|error| error.to_string())
    };
    check(&import(8).expect("8 is fine"), &["tensor<8x3xi8>", "return"]);
    assert_eq!(import(0), Err("tensor 'x': cannot have a batch of 0".into()));
    assert_eq!(import(1 << 40), Err("tensor 'x': cannot have a batch of 1099511627776".into()));
}

/// What a converter writes for flattening with an open batch.
#[test]
fn shapes_are_numbers() {
    let model = Model::new()
        .tensor("x", Element::I8, &[1, 2, 3], &[CODES])
        .tensor("shape", Element::I32, &[3], &[])
        .constant("0", Element::I32, &[1], &[], &[0])
        .constant("1", Element::I32, &[1], &[], &[1])
        .tensor("batch", Element::I32, &[], &[])
        .constant("6", Element::I32, &[], &[], &[6])
        .tensor("list", Element::I32, &[2], &[])
        .constant("corner", Element::I32, &[2], &[], &[0, 1])
        .constant("end", Element::I32, &[2], &[], &[0, -1])
        .constant("ones", Element::I32, &[2], &[], &[1, 1])
        .tensor("flat", Element::I8, &[1, 6], &[CODES])
        .tensor("y", Element::I8, &[1, 4], &[CODES])
        .operator(77, &[0], 1, 0, Vec::new())
        .operator(45, &[1, 2, 3, 3], 4, 32, vec![(4, Value::Number(1))])
        .operator(83, &[4, 5], 6, 0, Vec::new())
        .operator(22, &[0, 6], 10, 0, Vec::new())
        .operator(45, &[10, 7, 8, 9], 11, 32, vec![(1, Value::Number(1))]);
    let open = model.clone().change(|model| {
        for (tensor, signature) in [(0, vec![-1, 2, 3]), (10, vec![-1, 6]), (11, vec![-1, 4])] {
            model.tensors[tensor].push((7, Value::Ints(signature)));
        }
    });
    let context = tools::context();
    let module = super::import_bytes(&context, &open.bytes(), "m", &Options { batch: Some(5) })
        .unwrap_or_else(|error| panic!("{error}"));
    check(
        &module.as_operation().to_string(),
        &["tensor<5x2x3xi8>", "tosa.reshape", "tensor<5x6xi8>", "tosa.slice", "tensor<5x4xi8>"],
    );
    assert_eq!(model.run(&[(&[1, 2, 3], &[1, 2, 3, 4, 5, 6])]), [2, 3, 4, 5]);
    let strides =
        model.clone().change(|model| model.operators[4][1].1 = Value::Ints(vec![10, 7, 8, 8]));
    assert_eq!(
        strides.refusal(),
        "operator 'y' (STRIDED_SLICE): has strides [0, -1]; supported: 1"
    );
    let ellipsis =
        model.change(|model| model.operators[4][4].1 = Value::Table(vec![(2, Value::Number(1))]));
    assert_eq!(
        ellipsis.refusal(),
        "operator 'y' (STRIDED_SLICE): has an ellipsis, which is not supported"
    );
}

#[test]
fn refuses_what_is_no_model() {
    let refusal = |bytes: &[u8]| {
        let context = tools::context();
        let imported = super::import_bytes(&context, bytes, "model.tflite", &Options::default());
        imported.map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(refusal(b"hello"), "not a TFLite model: it does not have 'TFL3' at byte 4");
    assert!(
        refusal(b"\xff\xff\xff\xffTFL3").starts_with("not a TFLite model: "),
        "{}",
        refusal(b"\xff\xff\xff\xffTFL3")
    );
    assert_eq!(
        dense().change(|model| model.version = 4).refusal(),
        "schema version 4 is not supported; supported: 3"
    );
    assert_eq!(
        dense().change(|model| model.subgraphs = 2).refusal(),
        "has 2 subgraphs: control flow is not supported; supported: one subgraph"
    );
}

#[test]
fn refuses_operators_it_does_not_know() {
    const SUPPORTED: &str = "supported: ADD, AVERAGE_POOL_2D, CONCATENATION, CONV_2D, DEPTHWISE_CONV_2D, DEQUANTIZE, EXPAND_DIMS, FULLY_CONNECTED, LOGISTIC, MAX_POOL_2D, MEAN, MUL, PACK, PAD, QUANTIZE, RELU, RELU6, RELU_0_TO_1, RELU_N1_TO_1, RESHAPE, SHAPE, SOFTMAX, SQUEEZE, STRIDED_SLICE, SUB, TANH, TRANSPOSE";
    let refusal = |code| one(code, 0, Vec::new(), &[2, 3], &[2, 3]).refusal();
    assert_eq!(
        refusal(117),
        format!("operator 'y' (HARD_SWISH): HARD_SWISH is not supported; {SUPPORTED}")
    );
    assert_eq!(
        refusal(250),
        format!(
            "operator 'y' (builtin operator 250): builtin operator 250 is not supported; {SUPPORTED}"
        )
    );
    let model = one(32, 0, Vec::new(), &[2, 3], &[2, 3])
        .change(|model| model.codes[0].push((1, Value::Bytes(b"My\nOp".to_vec()))));
    assert_eq!(
        model.refusal(),
        format!(
            "operator 'y' (custom operator 'My\\nOp'): custom operator 'My\\nOp' is not supported; {SUPPORTED}"
        )
    );
    let model = dense().change(|model| model.codes[0][1].1 = Value::Number(99));
    assert_eq!(
        model.refusal(),
        "operator 'y' (FULLY_CONNECTED): version 99 of FULLY_CONNECTED is not supported; supported: 1 to 14"
    );
    let model = dense().change(|model| model.operators[0][3].1 = Value::Byte(5));
    assert_eq!(model.refusal(), "operator 'y' (FULLY_CONNECTED): has options of kind 5, needs 8");
}

/// What is said of a dense layer that is changed in one place.
fn refusal(change: impl FnOnce(&mut Model)) -> String {
    let text = dense().change(change).refusal();
    text.strip_prefix("operator 'y' (FULLY_CONNECTED): ").unwrap_or(&text).into()
}

fn quantization(scales: &[f32], zero_points: &[i64]) -> Value {
    Value::Table(vec![(2, Value::Floats(scales.into())), (3, Value::Longs(zero_points.into()))])
}

#[test]
fn refuses_dense_layers_that_are_none() {
    assert_eq!(
        refusal(|model| model.tensors[1][0].1 = Value::Ints(vec![6])),
        "tensor 'w' has shape 6, needs 2 dimensions"
    );
    assert_eq!(
        refusal(|model| model.tensors[1][0].1 = Value::Ints(vec![2, 4])),
        "tensor 'w' has shape 2x4 of int8, but stores 6 bytes"
    );
    assert_eq!(
        refusal(|model| model.tensors[0][0].1 = Value::Ints(vec![2, 2])),
        "tensor 'x' has shape 2x2, whose elements are no rows of 3"
    );
    assert_eq!(
        refusal(|model| model.tensors[3][0].1 = Value::Ints(vec![4])),
        "tensor 'y' has shape 4, but the operator makes 2x2"
    );
    assert_eq!(
        refusal(|model| model.tensors[2][4].1 = quantization(&[9.0], &[0])),
        "tensor 'b' has scale 9e0, needs that of the sum, 1.25e-1"
    );
    assert_eq!(
        refusal(|model| model.tensors[1][2].1 = Value::Number(0)),
        "tensor 'w' is not a constant"
    );
    assert_eq!(
        refusal(|model| model.tensors[1][1].1 = Value::Byte(Element::I16.number())),
        "tensor 'w' is int16, which is not supported here; supported: int8, int4"
    );
    assert_eq!(
        refusal(|model| model.tensors[1][1].1 = Value::Byte(1)),
        "tensor 'w' is float16, which is not supported"
    );
    assert_eq!(
        refusal(|model| model.tensors[0][1].1 = Value::Byte(Element::I16.number())),
        "input 'x': tensor 'x' is int16 with zero point -3, needs 0"
    );
    assert_eq!(
        refusal(|model| {
            model.operators[0][4].1 = Value::Table(vec![(0, Value::Byte(4))]);
        }),
        "fused activation TANH is not supported; supported: NONE, RELU, RELU_N1_TO_1, RELU6"
    );
    assert_eq!(
        refusal(|model| {
            model.operators[0][4].1 = Value::Table(vec![(1, Value::Byte(1))]);
        }),
        "has shuffled weights, which are not supported"
    );
    assert_eq!(
        refusal(|model| model.operators[0][1].1 = Value::Ints(vec![0, 1, 2, 0])),
        "has 4 inputs; at most 3 are supported"
    );
    assert_eq!(
        refusal(|model| model.operators[0][1].1 = Value::Ints(vec![0, -1])),
        "input 1 is missing"
    );
    assert_eq!(
        refusal(|model| model.operators[0][1].1 = Value::Ints(vec![3, 1, 2])),
        "tensor 'y' is used before an operator makes it"
    );
    assert_eq!(
        refusal(|model| model.operators[0][1].1 = Value::Ints(vec![0, 1, 9])),
        "operator 0 has tensor 9 among its inputs, but there are 4 tensors"
    );
}

#[test]
fn refuses_quantizations_that_are_none() {
    let of = |scales: &[f32], zero_points: &[i64]| {
        refusal(|model| model.tensors[1][4].1 = quantization(scales, zero_points))
    };
    assert_eq!(
        of(&[], &[]),
        "tensor 'w' is int8 without scale: only quantized tensors are supported; convert the model with full integer quantization"
    );
    assert_eq!(of(&[1.0; 3], &[0; 3]), "tensor 'w' has 3 scales for 2 channels");
    assert_eq!(of(&[1.0; 2], &[0; 3]), "tensor 'w' has 2 scales but 3 zero points");
    assert_eq!(of(&[0.0], &[0]), "tensor 'w' has scale 0, needs a normal number greater than 0");
    assert_eq!(of(&[1.0], &[200]), "tensor 'w' has zero point 200, which is no int8");
    assert_eq!(
        of(&[0.25; 2], &[0, 1]),
        "tensor 'w' has zero point 1 and scales per channel, needs zero point 0"
    );
    assert_eq!(
        refusal(|model| {
            model.tensors[1][4].1 =
                Value::Table(vec![(2, Value::Floats(vec![0.25; 2])), (6, Value::Number(1))]);
        }),
        "tensor 'w' has its scales along dimension 1, needs 0"
    );
    assert_eq!(
        refusal(|model| model.tensors[1].push((6, Value::Table(Vec::new())))),
        "tensor 'w' is sparse, which is not supported; convert the model with dense weights"
    );
    assert_eq!(
        refusal(|model| model.tensors[0].push((7, Value::Ints(vec![2, -1])))),
        "input 'x': tensor 'x' has open dimensions beside the first: dynamic shapes are not supported"
    );
    assert_eq!(
        refusal(|model| model.tensors[3][4].1 = quantization(&[2f32.powi(-40)], &[0])),
        "the factor 1.37438953472e11 to the output's scale is too large for its sums"
    );
}

#[test]
fn refuses_other_operators_that_do_not_fit() {
    let pool = |options: Table| one(17, 5, options, &[1, 4, 4, 2], &[1, 4, 4, 2]).refusal();
    let max = |text: &str| format!("operator 'y' (MAX_POOL_2D): {text}");
    assert_eq!(pool(Vec::new()), max("has a window of 0, needs at least 1"));
    let window = |padding: u8, stride: u32, size: u32| {
        vec![
            (0, Value::Byte(padding)),
            (1, Value::Number(stride)),
            (2, Value::Number(stride)),
            (3, Value::Number(size)),
            (4, Value::Number(size)),
        ]
    };
    assert_eq!(pool(window(0, 0, 2)), max("has stride 0, needs at least 1"));
    assert_eq!(pool(window(1, 1, 9)), max("has a window of 9 on an image of 4 pixels"));
    assert_eq!(pool(window(7, 1, 2)), max("padding 7 is not supported"));
    assert_eq!(
        pool(window(0, 2, 2)),
        max("tensor 'y' has shape 1x4x4x2, but the operator makes 1x2x2x2")
    );
    let reshape =
        |list: &[i32]| one(22, 17, vec![(0, Value::Ints(list.into()))], &[2, 3], &[3, 2]).refusal();
    assert_eq!(reshape(&[4, -1]), "operator 'y' (RESHAPE): cannot reshape 2x3 to [4, -1]");
    assert_eq!(reshape(&[-1, -1]), "operator 'y' (RESHAPE): cannot reshape 2x3 to [-1, -1]");
    let model = one(22, 17, Vec::new(), &[2, 3], &[2, 3])
        .change(|model| model.tensors[1][4].1 = quantization(&[0.25], &[0]));
    assert_eq!(
        model.refusal(),
        "operator 'y' (RESHAPE): tensor 'y' is quantized as int8:2.5e-1:0, but what it is made of as int8:5e-1:-3"
    );
    assert_eq!(
        one(25, 9, vec![(0, Value::Float(1.0))], &[2, 3], &[2, 3]).refusal(),
        "operator 'y' (SOFTMAX): tensor 'y' is not quantized with scale 1/256 and the smallest code for 0, as softmax needs"
    );
    assert_eq!(
        one(14, 0, Vec::new(), &[2, 3], &[2, 3]).refusal(),
        "operator 'y' (LOGISTIC): tensor 'y' has another scale than 1/256, which LOGISTIC needs"
    );
    let groups = Model::new()
        .tensor("x", Element::I8, &[1, 4, 4, 2], &[CODES])
        .constant("w", Element::I8, &[2, 1, 1, 1], &[(0.25, 0)], &[1, 2])
        .tensor("y", Element::I8, &[1, 4, 4, 2], &[CODES])
        .operator(3, &[0, 1], 2, 1, window(0, 1, 0));
    assert_eq!(
        groups.refusal(),
        "operator 'y' (CONV_2D): is a convolution of 2 groups, which is not supported"
    );
}

#[test]
fn names_are_printed_on_one_line() {
    let model = one(117, 0, Vec::new(), &[2], &[2])
        .change(|model| model.tensors[1][3].1 = Value::Bytes(b"a\n\0\xff".to_vec()));
    assert!(model.refusal().starts_with("operator 'a\\n\\0\u{fffd}' (HARD_SWISH): "));
    let model = dense().change(|model| model.tensors[3][3].1 = Value::Bytes(b"a\"\0\nb".to_vec()));
    text(&model.bytes(), true);
    let model = one(117, 0, Vec::new(), &[2], &[2])
        .change(|model| model.tensors[1][3].1 = Value::Bytes(Vec::new()));
    assert!(model.refusal().starts_with("operator 'tensor 1' (HARD_SWISH): "));
}

/// Damaged files are imported or refused, and never take long or much memory. `DAMAGES` in the
/// environment says how many are made besides cut and flipped ones.
#[test]
fn damaged_files_do_no_harm() {
    let context = tools::context();
    let operators = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/tflite_operators");
    let large = std::fs::read(operators.join("model.tflite")).expect("it is there");
    let imports = |context: &Context, bytes: &[u8]| match super::import_bytes(
        context,
        bytes,
        "model.tflite",
        &crate::frontends::Options::default(),
    ) {
        Ok(_) => true,
        Err(error) => {
            assert!(!error.to_string().contains("bug in"), "{error}");
            false
        }
    };
    let small = dense().bytes();
    assert!(imports(&context, &large) && imports(&context, &small));
    let mut imported = 0;
    for length in 0..small.len() {
        imported += u32::from(imports(&context, &small[..length]));
    }
    for position in 0..small.len() {
        for bit in 0..8 {
            let mut damaged = small.clone();
            damaged[position] ^= 1 << bit;
            imported += u32::from(imports(&context, &damaged));
        }
    }
    // More damage at once, at places that only look random.
    let mut state = 1_u64;
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let count = std::env::var("DAMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(3000);
    // Types and names stay in a context.
    let mut context = tools::context();
    for round in 0..count {
        if round % 2000 == 0 {
            context = tools::context();
        }
        let mut damaged = if round % 3 == 0 { large.clone() } else { small.clone() };
        for _ in 0..1 + random() % 8 {
            let position = random() % damaged.len();
            match random() % 5 {
                0 => damaged[position] = random() as u8,
                1 => damaged[position] = [0, 1, 0x7f, 0x80, 0xff][random() % 5],
                2 => drop(damaged.remove(position)),
                3 => damaged.insert(position, random() as u8),
                _ => {
                    let at = position / 4 * 4;
                    let value = [0, 1, u32::MAX, 1 << 31, random() as u32][random() % 5];
                    if let Some(word) = damaged.get_mut(at..at + 4) {
                        word.copy_from_slice(&value.to_le_bytes());
                    }
                }
            }
        }
        imported += u32::from(imports(&context, &damaged));
    }
    // Some bits are weights or letters of names: not every damage is one to the structure.
    assert!(imported > 100, "{imported}");
    println!("{imported} imported");
}
