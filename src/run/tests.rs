//! Levels that the JIT executes, against [`crate::exact`] and plain Rust.

use super::*;
use crate::{
    exact::{Overflow, Requant, Rounding, range},
    ir,
    mlir::tools,
};
use melior::Context;
use proptest::{prelude::*, sample::select, test_runner::TestCaseResult};

fn compiled(text: &str) -> Result<Runner, String> {
    thread_local! {
        // Loading every dialect takes as long as compiling a network.
        static CONTEXT: Context = tools::context();
    }
    CONTEXT.with(|context| {
        let module =
            ir::parse(context, text, "test.mlir").unwrap_or_else(|error| panic!("{error}\n{text}"));
        Runner::compile(&module).map_err(|error| error.to_string())
    })
}

fn compile(text: &str) -> Runner {
    compiled(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(text: &str) -> String {
    compiled(text).err().expect("the module is refused")
}

fn requant_text(stage: &Requant) -> String {
    let Requant { shift, rounding, overflow, width, signed, zero_point, min, max, .. } = stage;
    format!(
        "#aie4ml.requant<multiplier = {:?}, addend = {:?}, shift = {shift}, rounding = {}, \
         overflow = {}, width = {width}, is_signed = {signed}, zero_point = {zero_point}, \
         min = {min}, max = {max}>",
        stage.multiplier,
        stage.addend,
        rounding.name(),
        overflow.name(),
    )
}

/// Codes of a container, as tests name it: `ui8` is unsigned.
#[derive(Clone, Copy, Debug)]
struct Container {
    bits: u32,
    signed: bool,
}

impl Container {
    fn name(self) -> String {
        format!("{}i{}", if self.signed { "" } else { "u" }, self.bits)
    }
    fn dtype(self) -> Dtype {
        Dtype::integer(self.bits, self.signed).unwrap()
    }
    fn range(self) -> (i64, i64) {
        self.dtype().range().unwrap()
    }
}

fn containers(bits: &'static [u32]) -> impl Strategy<Value = Container> {
    (select(bits), any::<bool>())
        .prop_map(|(bits, signed)| Container { bits, signed: signed || bits > 16 })
}

/// One number or one for each channel, of up to `Requant::FACTOR_BITS` bits, few mostly.
fn factors(channels: usize) -> impl Strategy<Value = Vec<i64>> {
    let count = select(vec![1, channels]);
    let number = (any::<i64>(), 2..64u32).prop_map(|(value, shift)| value >> shift);
    count.prop_flat_map(move |count| prop::collection::vec(number.clone(), count))
}

/// A stage whose result fits a container.
fn stage(
    into: Container,
    channels: usize,
    shifts: std::ops::RangeInclusive<i64>,
) -> impl Strategy<Value = Requant> {
    let scale = prop_oneof![
        Just((vec![1], vec![0])),
        (factors(channels), factors(channels)),
        factors(channels).prop_map(|multiplier| (multiplier, vec![0])),
    ];
    let modes = (select(&Rounding::ALL[..]), select(&Overflow::ALL[..]));
    let zero_point = prop_oneof![Just(0), -200..=200i64, any::<i64>()];
    let clamp = prop_oneof![Just(None), (any::<i64>(), any::<i64>()).prop_map(Some)];
    (scale, modes, shifts, 1..=16.min(i64::from(into.bits)), zero_point, clamp).prop_map(
        move |((multiplier, addend), (rounding, overflow), shift, width, zero_point, clamp)| {
            let (low, high) = range(width, into.signed);
            let (least, most) = into.range();
            let within = |x: i64| least + x.rem_euclid(most - least + 1);
            let (min, max) = match clamp {
                None => (low, high),
                Some((a, b)) => (within(a).min(within(b)), within(a).max(within(b))),
            };
            let signed = into.signed;
            let mut stage = Requant::shift(shift, rounding, width, signed);
            (stage.multiplier, stage.addend) = (multiplier, addend);
            if !stage.is_shift() {
                stage.shift = stage.shift.abs();
            }
            Requant { overflow, zero_point, min, max, ..stage }
        },
    )
}

/// Numbers that only depend on the seed, within a range; ends and zero are frequent.
fn values(seed: u64, count: usize, (low, high): (i64, i64)) -> Vec<i64> {
    let mut state = seed | 1;
    let mut next = || {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    let span = i128::from(high) - i128::from(low) + 1;
    let within = |x: i128| (i128::from(low) + (x - i128::from(low)).rem_euclid(span)) as i64;
    (0..count)
        .map(|_| match next() % 8 {
            0 => low,
            1 => high,
            2 => within((next() % 5) as i128 - 2),
            // Few bits, so that ties are frequent.
            3 | 4 => within(i128::from(next() as i64 >> (next() % 64)) & !0x3f),
            5 => within(1 << (next() % 63)),
            _ => within(i128::from(next() as i64)),
        })
        .collect()
}

#[derive(Clone, Debug)]
struct Layer {
    rows: usize,
    k: usize,
    n: usize,
    input: Container,
    weights: Container,
    output: Container,
    accumulator: u32,
    bias: bool,
    stages: Vec<Requant>,
    seed: u64,
}

fn layer() -> impl Strategy<Value = Layer> {
    let extent = || select(&[1usize, 2, 5, 8, 13, 37][..]);
    let codes = || containers(&[8, 16]);
    (extent(), extent(), extent(), codes(), codes(), codes(), any::<(bool, bool, u64)>())
        .prop_flat_map(|(rows, k, n, input, weights, output, (wide, bias, seed))| {
            let between = any::<bool>().prop_map(|signed| Container { bits: 16, signed });
            let first = between.prop_flat_map(move |between| stage(between, n, -8..=40));
            let first = prop_oneof![Just(None), first.prop_map(Some)];
            (first, stage(output, n, -8..=40)).prop_map(move |(first, last)| Layer {
                rows,
                k,
                n,
                input,
                weights,
                output,
                // 8-bit products never overflow i32 here, others may.
                accumulator: if wide || input.bits + weights.bits > 16 { 64 } else { 32 },
                bias,
                stages: first.into_iter().chain([last]).collect(),
                seed,
            })
        })
}

fn check_layer(layer: &Layer) -> TestCaseResult {
    let Layer { rows, k, n, input, weights, output, accumulator, bias, stages, seed } = layer;
    let stage_texts: Vec<_> = stages.iter().map(requant_text).collect();
    let x_type = format!("tensor<{rows}x{k}x{}>", input.name());
    let w_type = format!("tensor<{k}x{n}x{}>", weights.name());
    let y_type = format!("tensor<{rows}x{n}x{}>", output.name());
    let b_type = format!("tensor<{n}xi32>");
    let (b, b_in) = if *bias { (", %b", format!(", {b_type}")) } else { ("", String::new()) };
    let runner = compile(&format!(
        "func.func @main(%x: {x_type}, %w: {w_type}, %b: {b_type}) -> {y_type} {{
           %y = aie4ml.dense %x, %w{b} accumulator = i{accumulator} requant = [{}]
             : ({x_type}, {w_type}{b_in}) -> {y_type}
           return %y : {y_type}
         }}",
        stage_texts.join(", "),
    ));
    let x = values(*seed, rows * k, input.range());
    let w = values(seed ^ 0xabcd, k * n, weights.range());
    // The accumulator must hold sum and bias.
    let b = values(seed ^ 0x1234, *n, (-(1 << 30), 1 << 30));
    let mut expected = Vec::new();
    for r in 0..*rows {
        for j in 0..*n {
            let sum: i128 =
                (0..*k).map(|i| i128::from(x[r * k + i]) * i128::from(w[i * n + j])).sum();
            let mut y = sum + if *bias { i128::from(b[j]) } else { 0 };
            for stage in stages {
                y = stage.apply(y, j).into();
            }
            expected.push(y as i64);
        }
    }
    let inputs = [
        Tensor::from_integers(vec![*rows, *k], input.dtype(), &x).unwrap(),
        Tensor::from_integers(vec![*k, *n], weights.dtype(), &w).unwrap(),
        Tensor::from_integers(vec![*n], Dtype::I32, &b).unwrap(),
    ];
    let results = runner.run(&inputs, None).unwrap();
    prop_assert_eq!(results[0].dtype(), output.dtype());
    prop_assert_eq!(results[0].integers().unwrap(), expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn layers_compute_as_exact_says(layer in layer()) {
        check_layer(&layer)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 60, ..ProptestConfig::default() })]

    /// Each case has every rounding and overflow mode on the extremes of its input.
    #[test]
    fn requantizes_extremes_as_exact_says(
        input in containers(&[8, 16, 32, 64]),
        output in containers(&[8, 16, 32]),
        drawn in prop::collection::vec((stage(Container { bits: 8, signed: false }, 37, -62..=62), -8..=40i64, 1..=32i64, any::<bool>()), 30),
        seed: u64,
    ) {
        let (least, most) = output.range();
        let mut stages = Vec::new();
        for (i, (mut stage, shift, width, usual)) in drawn.into_iter().enumerate() {
            stage.rounding = Rounding::ALL[i % 10];
            stage.overflow = Overflow::ALL[i / 10];
            stage.width = width.min(output.bits.into());
            stage.signed = output.signed;
            if usual {
                let shift = if stage.is_shift() { shift } else { shift.abs() };
                (stage.shift, stage.min, stage.max) = (shift, least, most);
            } else {
                (stage.min, stage.max) = (stage.min.clamp(least, most), stage.max.clamp(least, most));
            }
            stages.push(stage);
        }
        let (x_type, y_type) = (format!("tensor<8x37x{}>", input.name()), format!("tensor<8x37x{}>", output.name()));
        let ops: Vec<_> = stages.iter().enumerate().map(|(i, stage)| format!(
            "%r{i} = aie4ml.requantize %x requant = {} : ({x_type}) -> {y_type}",
            requant_text(stage).trim_start_matches("#aie4ml.requant"),
        )).collect();
        let names: Vec<_> = (0..30).map(|i| format!("%r{i}")).collect();
        let types = vec![y_type; 30].join(", ");
        let runner = compile(&format!(
            "func.func @main(%x: {x_type}) -> ({types}) {{ {}\n return {} : {types} }}",
            ops.join("\n"), names.join(", "),
        ));
        let x = values(seed, 8 * 37, input.range());
        let tensor = Tensor::from_integers(vec![8, 37], input.dtype(), &x).unwrap();
        let results = runner.run(&[tensor], None).unwrap();
        for (stage, result) in stages.iter().zip(results) {
            let expected = x.iter().enumerate().map(|(i, &x)| stage.apply(x.into(), i % 37));
            for ((x, actual), expected) in x.iter().zip(result.integers().unwrap()).zip(expected) {
                prop_assert_eq!(actual, expected, "x = {}, {:?}", x, stage);
            }
        }
    }
}

#[test]
fn accumulators_clamps_biases_and_transfers_execute() {
    let runner = compile(
        "func.func @main(%x: tensor<2x3xi16>, %b: tensor<2xi32>) -> (tensor<2x2xi64>, tensor<2x2xi64>, tensor<2x3xi16>) {
           %w = arith.constant dense<[[1, 200], [2, 0], [3, 255]]> : tensor<3x2xui8>
           %0 = aie4ml.dense %x, %w accumulator = i64 : (tensor<2x3xi16>, tensor<3x2xui8>) -> tensor<2x2xi64>
           %1 = aie4ml.bias_add %0, %b : (tensor<2x2xi64>, tensor<2xi32>) -> tensor<2x2xi64>
           %2 = aie4ml.transfer %1 : tensor<2x2xi64> -> tensor<2x2xi64>
           %3 = aie4ml.clamp %x min = 0 max = 1000000 : (tensor<2x3xi16>) -> tensor<2x3xi16>
           return %0, %2, %3 : tensor<2x2xi64>, tensor<2x2xi64>, tensor<2x3xi16>
         }",
    );
    let x = Tensor::from_integers(vec![2, 3], Dtype::I16, &[1, 2, 3, -1, 0, 32767]).unwrap();
    let b = Tensor::from_integers(vec![2], Dtype::I32, &[-5, i32::MAX.into()]).unwrap();
    let results = runner.run(&[x, b], None).unwrap();
    let sums = vec![14, 965, 98300, 8355385];
    assert_eq!(results[0].integers(), Some(sums.clone()));
    let biased = vec![
        sums[0] - 5,
        sums[1] + i64::from(i32::MAX),
        sums[2] - 5,
        sums[3] + i64::from(i32::MAX),
    ];
    assert_eq!(results[1].integers(), Some(biased));
    assert_eq!(results[2].integers(), Some(vec![1, 2, 3, 0, 0, 32767]));
}

/// Upstream's hoisting of result buffers frees a buffer twice here.
#[test]
fn equal_results_execute() {
    let runner = compile(
        "func.func @main(%x: tensor<2x3xi8>) -> (tensor<2x3xi8>, tensor<2x3xi8>, tensor<2x3xi8>) {
           %0 = aie4ml.clamp %x min = 0 max = 5 : (tensor<2x3xi8>) -> tensor<2x3xi8>
           %1 = aie4ml.clamp %x min = 0 max = 5 : (tensor<2x3xi8>) -> tensor<2x3xi8>
           return %0, %1, %0 : tensor<2x3xi8>, tensor<2x3xi8>, tensor<2x3xi8>
         }",
    );
    let x = Tensor::from_integers(vec![2, 3], Dtype::I8, &[1, -2, 3, 127, 5, 6]).unwrap();
    for result in runner.run(&[x], None).unwrap() {
        assert_eq!(result.integers(), Some(vec![1, 0, 3, 5, 5, 5]));
    }
}

/// The shape of what the ONNX frontend writes.
const MODEL: &str = r#"
!qx = !quant.uniform<i8:f32, 0.0625>
!qw = !quant.uniform<i8:f32:1, {0.03125, 0.5, 0.25}>
!qy = !quant.uniform<u8<0:63>:f32, 0.25:3>
func.func @main(%x: tensor<2x4xf32> {aie4ml.name = "pixels"}) -> (tensor<2x3xf32> {aie4ml.name = "scores"}) {
  %0 = quant.qcast %x : tensor<2x4xf32> to tensor<2x4x!qx>
  %1 = quant.dcast %0 : tensor<2x4x!qx> to tensor<2x4xf32>
  %w = "tosa.const"() <{values = dense<[[1, -2, 3], [4, 5, -6], [7, 8, 9], [-10, 11, 12]]> : tensor<4x3xi8>}> : () -> tensor<4x3xi8>
  %wq = quant.scast %w : tensor<4x3xi8> to tensor<4x3x!qw>
  %wf = quant.dcast %wq : tensor<4x3x!qw> to tensor<4x3xf32>
  %s = tosa.const_shape {values = dense<[1, 2, 4]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %2 = tosa.reshape %1, %s : (tensor<2x4xf32>, !tosa.shape<3>) -> tensor<1x2x4xf32>
  %s2 = tosa.const_shape {values = dense<[1, 4, 3]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %w3 = tosa.reshape %wf, %s2 : (tensor<4x3xf32>, !tosa.shape<3>) -> tensor<1x4x3xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %3 = tosa.matmul %2, %w3, %z, %z : (tensor<1x2x4xf32>, tensor<1x4x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x3xf32>
  %s3 = tosa.const_shape {values = dense<[2, 3]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %4 = tosa.reshape %3, %s3 : (tensor<1x2x3xf32>, !tosa.shape<2>) -> tensor<2x3xf32>
  %b = "tosa.const"() <{values = dense<[[1.0, -0.5, 0.25]]> : tensor<1x3xf32>}> : () -> tensor<1x3xf32>
  %5 = tosa.add %4, %b : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
  %6 = tosa.clamp %5 {min_val = 0.0 : f32, max_val = 3.4028235e+38 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %7 = quant.qcast %6 : tensor<2x3xf32> to tensor<2x3x!qy>
  %8 = quant.dcast %7 : tensor<2x3x!qy> to tensor<2x3xf32>
  return %8 : tensor<2x3xf32>
}"#;

/// An odd sum beyond 2^24, which is no f32.
#[test]
fn sums_of_a_last_layer_are_codes_of_32_bits() {
    let runner = compile(
        r#"
!q = !quant.uniform<i8:f32, 0.3>
func.func @main(%x: tensor<1x1x1041xf32>) -> tensor<1x1x1xf32> {
  %0 = quant.qcast %x : tensor<1x1x1041xf32> to tensor<1x1x1041x!q>
  %1 = quant.dcast %0 : tensor<1x1x1041x!q> to tensor<1x1x1041xf32>
  %2 = "tosa.const"() <{values = dense<127> : tensor<1x1041x1xi8>}> : () -> tensor<1x1041x1xi8>
  %3 = quant.scast %2 : tensor<1x1041x1xi8> to tensor<1x1041x1x!q>
  %4 = quant.dcast %3 : tensor<1x1041x1x!q> to tensor<1x1041x1xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %1, %4, %z, %z : (tensor<1x1x1041xf32>, tensor<1x1041x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x1xf32>
  return %5 : tensor<1x1x1xf32>
}"#,
    );
    let x = Tensor::from_integers(vec![1, 1, 1041], Dtype::I8, &[127; 1041]).unwrap();
    let sums = runner.run(&[x], Some(Form::Codes)).unwrap();
    assert_eq!(sums[0].integers(), Some(vec![127 * 127 * 1041]));
}

#[test]
fn a_model_runs_on_floats_and_codes_in_iterations() {
    let runner = compile(MODEL);
    assert_eq!(runner.level, Level::Model);
    assert_eq!(
        (runner.inputs[0].name.as_str(), runner.outputs[0].name.as_str()),
        ("pixels", "scores")
    );
    let scores = runner.outputs[0].quantization.unwrap();
    assert_eq!(
        (scores.scale, scores.zero_point, scores.range, scores.dtype),
        (0.25, 3, (0, 63), Dtype::U8)
    );

    let pixels = runner.inputs[0].quantization.unwrap();
    let x: Vec<f32> = values(7, 24, (-600, 600)).into_iter().map(|v| v as f32 / 64.0).collect();
    let weights = [[1., -2., 3.], [4., 5., -6.], [7., 8., 9.], [-10., 11., 12.]];
    let mut expected = Vec::new();
    for row in x.chunks(4) {
        for j in 0..3 {
            let scale = [0.03125, 0.5, 0.25][j];
            let dot: f32 = (0..4)
                .map(|i| pixels.dequantize(pixels.quantize(row[i])) * (weights[i][j] * scale))
                .sum();
            expected.push(scores.quantize((dot + [1.0, -0.5, 0.25][j]).max(0.0)));
        }
    }
    let floats = Tensor::from_f32(vec![6, 2, 2], &x).unwrap();
    let codes = runner.run(std::slice::from_ref(&floats), Some(Form::Codes)).unwrap();
    assert_eq!(
        (codes[0].to_string(), codes[0].integers().unwrap()),
        ("6x3 uint8".into(), expected)
    );
    let reals = runner.run(&[floats], None).unwrap();
    let real: Vec<f32> =
        codes[0].integers().unwrap().into_iter().map(|c| scores.dequantize(c)).collect();
    assert_eq!(reals[0].floats(), Some(real));
    let x_codes: Vec<i64> = x.iter().map(|&v| pixels.quantize(v)).collect();
    let again = Tensor::from_integers(vec![6, 4], Dtype::I8, &x_codes).unwrap();
    assert_eq!(runner.run(&[again], None).unwrap(), codes);
}

/// Casts of every kind against the host's conversions.
#[test]
fn casts_are_those_of_the_host() {
    let mut x =
        vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN_POSITIVE];
    x.extend(values(99, 500, (-70_000, 70_000)).into_iter().map(|v| v as f32 / 16.0));
    x.extend(values(98, 500, (i64::MIN, i64::MAX)).into_iter().map(|v| v as f32));
    let n = x.len();
    for (r#type, dtype, zero_point, scale, range) in [
        ("i8:f32, 0.25", Dtype::I8, 0, 0.25, (-128, 127)),
        ("i8<-8:7>:f32, 0.1:-2", Dtype::I8, -2, 0.1, (-8, 7)),
        ("u8:f32, 0.3:128", Dtype::U8, 128, 0.3, (0, 255)),
        ("i16:f32, 0.007:100", Dtype::I16, 100, 0.007, (-32768, 32767)),
        ("u16:f32, 0.5:32768", Dtype::U16, 32768, 0.5, (0, 65535)),
        ("i32:f32, 0.001", Dtype::I32, 0, 0.001, (i32::MIN.into(), i32::MAX.into())),
    ] {
        let host = Quantization { scale, zero_point, range, dtype };
        let runner = compile(&format!(
            "!q = !quant.uniform<{type}>
             func.func @main(%x: tensor<{n}xf32>) -> (tensor<{n}x!q>, tensor<{n}xf32>) {{
               %0 = quant.qcast %x : tensor<{n}xf32> to tensor<{n}x!q>
               %1 = quant.dcast %0 : tensor<{n}x!q> to tensor<{n}xf32>
               return %0, %1 : tensor<{n}x!q>, tensor<{n}xf32>
             }}"
        ));
        assert_eq!(
            (runner.outputs[0].native, runner.outputs[0].quantization),
            (dtype, Some(host)),
            "{}",
            r#type
        );
        let results =
            runner.run(&[Tensor::from_f32(vec![n], &x).unwrap()], Some(Form::Codes)).unwrap();
        let codes: Vec<i64> = x.iter().map(|&v| host.quantize(v)).collect();
        assert_eq!(results[0].integers().as_ref(), Some(&codes), "{}", r#type);
        let results =
            runner.run(&[Tensor::from_f32(vec![n], &x).unwrap()], Some(Form::Float)).unwrap();
        let reals: Vec<f32> = codes.iter().map(|&c| host.dequantize(c)).collect();
        assert_eq!(results[1].floats(), Some(reals), "{}", r#type);
    }
}

#[test]
fn interfaces_come_from_attributes() {
    let runner = compile(
        r#"func.func @main(%x: tensor<1x2xi8> {aie4ml.name = "a", aie4ml.quant = !quant.uniform<u8:f32, 0.5:1>})
               -> (tensor<1x2xi8> {aie4ml.quant = !quant.uniform<i8<-4:3>:f32, 2.0>}) {
             %y = aie4ml.clamp %x min = 0 max = 3 : (tensor<1x2xi8>) -> tensor<1x2xi8>
             return %y : tensor<1x2xi8>
           }"#,
    );
    assert_eq!(runner.level, Level::Network);
    assert_eq!((runner.inputs[0].name.as_str(), runner.inputs[0].native), ("a", Dtype::U8));
    assert_eq!(runner.outputs[0].quantization.unwrap().range, (-4, 3));
    let x = Tensor::from_f32(vec![1, 2], &[0.5, 7.0]).unwrap();
    assert_eq!(runner.run(&[x], None).unwrap()[0].floats(), Some(vec![4.0, 6.0]));
}

/// Sums beyond 2^24, of which f32 does not hold the last bit.
#[test]
fn sums_of_codes_are_exact_at_the_model_level() {
    let runner = compile(
        r#"
        !q = !quant.uniform<i16:f32, 1.0>
        !r = !quant.uniform<i32:f32, 1.0>
        func.func @main(%x: tensor<1x1x4xf32>) -> (tensor<1x1x1xf32>, tensor<1x1x1xf32>) {
          %0 = quant.qcast %x : tensor<1x1x4xf32> to tensor<1x1x4x!q>
          %1 = quant.dcast %0 : tensor<1x1x4x!q> to tensor<1x1x4xf32>
          %w = "tosa.const"() <{values = dense<[[[32767.0], [32767.0], [32767.0], [1.0]]]> : tensor<1x4x1xf32>}> : () -> tensor<1x4x1xf32>
          %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
          %2 = tosa.matmul %1, %w, %z, %z : (tensor<1x1x4xf32>, tensor<1x4x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x1xf32>
          %large = "tosa.const"() <{values = dense<-2147352576.0> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
          %three = "tosa.const"() <{values = dense<3.0> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
          %bias = tosa.add %large, %three : (tensor<1x1x1xf32>, tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
          %3 = tosa.add %2, %bias : (tensor<1x1x1xf32>, tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
          return %3, %3 : tensor<1x1x1xf32>, tensor<1x1x1xf32>
        }"#,
    );
    let x = Tensor::from_f32(vec![1, 1, 4], &[32767.0, 32767.0, 2.0, 5.0]).unwrap();
    let expected = 2 * 32767 * 32767 + 2 * 32767 + 5 - 2147352576 + 3;
    assert_eq!(runner.run(&[x], None).unwrap()[0].numbers(), [f64::from(expected)]);
}

#[test]
fn quantizers_round_as_exact_says() {
    let casts: Vec<String> = (Rounding::ALL.iter().enumerate())
        .map(|(i, mode)| {
            format!(
                "%{i} = quant.qcast %x {{aie4ml.rounding = \"{}\"}} : tensor<37xf32> to tensor<37x!q>
                 %c{i} = quant.scast %{i} : tensor<37x!q> to tensor<37xi8>",
                mode.name()
            )
        })
        .collect();
    let names: Vec<_> = (0..10).map(|i| format!("%c{i}")).collect();
    let types = ["tensor<37xi8>"; 10].join(", ");
    let runner = compile(&format!(
        "!q = !quant.uniform<i8:f32, 2.0:3>
         func.func @main(%x: tensor<37xf32>) -> ({types}) {{ {}\n return {} : {types} }}",
        casts.join("\n"),
        names.join(", "),
    ));
    // Quarters of the scale, ties among them.
    let halves: Vec<i64> = (-18..19).collect();
    let x: Vec<f32> = halves.iter().map(|&x| x as f32 / 2.0).collect();
    let results = runner.run(&[Tensor::from_f32(vec![37], &x).unwrap()], None).unwrap();
    for (mode, result) in Rounding::ALL.into_iter().zip(results) {
        let expected: Vec<f64> = (halves.iter())
            // Real numbers leave, of which the zero point is no part.
            .map(|&x| (crate::exact::shift_round(x.into(), 2, mode) * 2) as f64)
            .collect();
        assert_eq!(result.numbers(), expected, "{mode:?}");
    }
}

/// What `tosa` leaves open is no access beyond a tensor.
#[test]
fn indices_beyond_the_end_stay_within() {
    let runner = compile(
        "func.func @main(%x: tensor<1x3x1xf32>, %i: tensor<1x4xi32>) -> tensor<1x4x1xf32> {
           %0 = tosa.gather %x, %i : (tensor<1x3x1xf32>, tensor<1x4xi32>) -> tensor<1x4x1xf32>
           return %0 : tensor<1x4x1xf32>
         }",
    );
    let x = Tensor::from_f32(vec![1, 3, 1], &[1.0, 2.0, 3.0]).unwrap();
    let i = Tensor::from_integers(vec![1, 4], Dtype::I32, &[1, -9, i32::MAX.into(), 0]).unwrap();
    assert_eq!(runner.run(&[x, i], None).unwrap()[0].numbers(), [2.0, 1.0, 3.0, 1.0]);
    let table = refused(
        "func.func @main(%x: tensor<4xi8>, %t: tensor<10xi8>) -> tensor<4xi8> {
           %0 = tosa.table %x, %t : (tensor<4xi8>, tensor<10xi8>) -> tensor<4xi8>
           return %0 : tensor<4xi8>
         }",
    );
    assert!(table.contains("needs a table of 256 values"), "{table}");
}

/// Every operator that frontends write has a meaning in f64.
#[test]
fn operators_of_models_execute() {
    let runner = compile(
        r#"
        func.func @main(%x: tensor<1x4x4x2xf32>) -> (tensor<1x4x4x3xf32>, tensor<1x4x4x2xf32>, tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>, tensor<1x4x4x2xf32>, tensor<1x4x4xi32>) {
          %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
          %w = "tosa.const"() <{values = dense<0.5> : tensor<3x3x3x2xf32>}> : () -> tensor<3x3x3x2xf32>
          %b = "tosa.const"() <{values = dense<1.0> : tensor<3xf32>}> : () -> tensor<3xf32>
          %c = tosa.conv2d %x, %w, %b, %z, %z {acc_type = f32, dilation = array<i64: 1, 1>, pad = array<i64: 1, 1, 1, 1>, stride = array<i64: 1, 1>} : (tensor<1x4x4x2xf32>, tensor<3x3x3x2xf32>, tensor<3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4x3xf32>
          %dw = "tosa.const"() <{values = dense<0.25> : tensor<3x3x2x1xf32>}> : () -> tensor<3x3x2x1xf32>
          %db = "tosa.const"() <{values = dense<1.0> : tensor<2xf32>}> : () -> tensor<2xf32>
          %d = tosa.depthwise_conv2d %x, %dw, %db, %z, %z {acc_type = f32, dilation = array<i64: 1, 1>, pad = array<i64: 1, 1, 1, 1>, stride = array<i64: 1, 1>} : (tensor<1x4x4x2xf32>, tensor<3x3x2x1xf32>, tensor<2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4x2xf32>
          %a = tosa.avg_pool2d %x, %z, %z {acc_type = f32, kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>} : (tensor<1x4x4x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x2xf32>
          %m = tosa.max_pool2d %x {kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>} : (tensor<1x4x4x2xf32>) -> tensor<1x2x2x2xf32>
          %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
          %max = tosa.reduce_max %x {axis = 3 : i32} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x1xf32>
          %e0 = tosa.sub %x, %max : (tensor<1x4x4x2xf32>, tensor<1x4x4x1xf32>) -> tensor<1x4x4x2xf32>
          %e1 = tosa.exp %e0 : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
          %e2 = tosa.erf %e1 : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
          %e3 = tosa.tanh %e2 : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
          %e4 = tosa.rsqrt %e3 : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
          %e5 = tosa.pow %e4, %e3 : (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
          %e6 = tosa.sigmoid %e5 : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
          %e7 = tosa.log %e6 : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
          %sum = tosa.reduce_sum %e7 {axis = 3 : i32} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x1xf32>
          %r = tosa.reciprocal %sum : (tensor<1x4x4x1xf32>) -> tensor<1x4x4x1xf32>
          %e8 = tosa.mul %e7, %r, %shift : (tensor<1x4x4x2xf32>, tensor<1x4x4x1xf32>, tensor<1xi8>) -> tensor<1x4x4x2xf32>
          %best = tosa.argmax %x {axis = 3 : i32} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4xi32>
          return %c, %d, %a, %m, %e8, %best : tensor<1x4x4x3xf32>, tensor<1x4x4x2xf32>, tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>, tensor<1x4x4x2xf32>, tensor<1x4x4xi32>
        }"#,
    );
    let x: Vec<f32> = (0..32).map(|i| (i * 7 % 32) as f32 / 16.0 - 1.0).collect();
    let at =
        |row: usize, column: usize, channel: usize| f64::from(x[(row * 4 + column) * 2 + channel]);
    let results = runner.run(&[Tensor::from_f32(vec![1, 4, 4, 2], &x).unwrap()], None).unwrap();
    let numbers: Vec<Vec<f64>> = results.iter().map(Tensor::numbers).collect();
    // The corner sees four positions, and rows and columns of zeros.
    let corner =
        |channel| at(0, 0, channel) + at(0, 1, channel) + at(1, 0, channel) + at(1, 1, channel);
    assert_eq!(numbers[0][0], 0.5 * (corner(0) + corner(1)) + 1.0);
    assert_eq!(numbers[1][..2], [0, 1].map(|channel| 0.25 * corner(channel) + 1.0));
    assert_eq!(numbers[2][1], corner(1) / 4.0);
    assert_eq!(numbers[3][0], at(0, 0, 0).max(at(0, 1, 0)).max(at(1, 0, 0)).max(at(1, 1, 0)));
    assert!(numbers[4].chunks(2).all(|pair| (pair[0] + pair[1] - 1.0).abs() < 1e-6));
    assert_eq!(numbers[5][0], f64::from(u8::from(at(0, 0, 1) > at(0, 0, 0))));
}

#[test]
fn modules_that_cannot_run_are_refused_by_name() {
    let extract = refused(
        "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
           %i = arith.constant 7 : index
           %0 = tensor.extract %x[%i] : tensor<2xf32>
           %1 = tensor.splat %0 : tensor<2xf32>
           return %1 : tensor<2xf32>
         }",
    );
    assert!(extract.contains("3:17: 'tensor.extract' op cannot be executed"), "{extract}");
    let llvm = refused("func.func @main() { llvm.inline_asm \"hlt\", \"\" : () -> ()\n return }");
    assert!(llvm.contains("'llvm.inline_asm' op cannot be executed"), "{llvm}");
    let dynamic = refused(
        "func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> { return %x : tensor<?xf32> }",
    );
    assert!(dynamic.contains("expected a static tensor"), "{dynamic}");
    let inside = refused(
        "func.func @main(%x: tensor<2xf32>) {
           %0 = tensor.cast %x : tensor<2xf32> to tensor<?xf32>
           return
         }",
    );
    assert!(
        inside.contains("test.mlir:2:17: 'tensor.cast' op has a type without static shape"),
        "{inside}"
    );
    let scalar = refused("func.func @main(%x: f32) -> f32 { return %x : f32 }");
    assert!(scalar.contains("input 'input0': 'f32' cannot be executed"), "{scalar}");
    let large =
        refused("func.func @main() { %0 = tensor.empty() : tensor<1000000x1000000xi8>\n return }");
    assert!(large.contains("too large"), "{large}");
    assert!(refused("module {}").contains("no function"));
    assert!(refused("func.func private @main()").contains("'@main' has no body"));
    assert!(
        refused("module { func.func @a() { return }\nfunc.func @b() { return } }")
            .contains("none is '@main'")
    );
    let called = refused(
        "module { func.func private @b()\nfunc.func @main() { func.call @b() : () -> ()\n return } }",
    );
    assert!(called.contains("inline it"), "{called}");
    let quantized = refused(
        "!q = !quant.uniform<i8:f32, 0.5>
         func.func @main(%x: tensor<2x!q>) -> tensor<2x!q> {
           %0 = tosa.abs %x : (tensor<2x!q>) -> tensor<2x!q>
           return %0 : tensor<2x!q>
         }",
    );
    assert!(quantized.contains("'tosa.abs' op computes on quantized tensors"), "{quantized}");
}

#[test]
fn inputs_that_do_not_fit_are_refused_by_name() {
    let runner = compile(MODEL);
    let error = |inputs: &[Tensor]| runner.run(inputs, None).unwrap_err().to_string();
    assert_eq!(error(&[]), "needs a tensor for each input ('pixels'), got 0");
    let odd = Tensor::from_f32(vec![3, 4], &[0.0; 12]).unwrap();
    assert_eq!(error(&[odd]), "input 'pixels': expected 2x4 or a multiple of its 2 rows, got 3x4");
}
