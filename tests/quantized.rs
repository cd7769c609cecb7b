//! Networks of any scale and zero point, drawn at the model level: every level computes what
//! real arithmetic gives, rounded as the quantizers say.

mod common;

use aie4ml::{
    compile::{self, Options},
    design,
    exact::{Rounding, range},
    plan::requantize::{self, Quantizer, Real},
    run::Form,
    tensor::{Dtype, Tensor},
};
use common::{Random, Scratch};
use std::fmt::Write;

/// Codes that stand for real numbers: `scale * (code - zero_point)`.
#[derive(Clone, Debug)]
struct Quantized {
    bits: u32,
    signed: bool,
    scale: f32,
    zero_point: i64,
    min: i64,
    max: i64,
}

impl Quantized {
    fn mlir(&self) -> String {
        let Quantized { bits, signed, scale, zero_point, min, max } = self;
        let sign = if *signed { "i" } else { "u" };
        format!("!quant.uniform<{sign}{bits}<{min}:{max}>:f32, {scale:.9e}:{zero_point}>")
    }
    fn real(&self, code: i64) -> Real {
        real(self.scale) * requantize::integer(code - self.zero_point)
    }
    fn quantize(&self, value: &Real, rounding: Rounding) -> i64 {
        let &Quantized { bits, signed, zero_point, min, max, .. } = self;
        let width = bits.into();
        Quantizer { rounding, width, signed, zero_point, min, max }
            .apply(&(value / real(self.scale)))
    }
    fn dtype(&self) -> Dtype {
        Dtype::integer(self.bits, self.signed).expect("8 and 16 bits have types")
    }
}

fn real(x: f32) -> Real {
    requantize::real(x.into()).expect("drawn numbers are finite")
}

enum Layer {
    Dense {
        from: usize,
        /// `[k][n]` codes; a scale and a zero point of each output, or one for all.
        weights: Vec<i64>,
        scales: Vec<f32>,
        zero_points: Vec<i64>,
        bias: Option<Vec<f32>>,
    },
    /// The sum, or the difference.
    Sum { from: [usize; 2], subtract: bool },
    /// Times and plus numbers of each feature, as a batch normalization.
    Affine { from: usize, factor: Vec<f32>, offset: Vec<f32> },
}

/// A value is an input or the result of a layer, quantized.
struct Value {
    layer: Option<Layer>,
    columns: usize,
    limits: Option<(f32, f32)>,
    rounding: Rounding,
    quantized: Quantized,
}

struct Network {
    rows: usize,
    values: Vec<Value>,
    random: Random,
}

fn width(random: &mut Random) -> usize {
    [1, 3, 5, 8, 13, 16, 37, 64][random.below(8)]
}

impl Network {
    fn new(seed: u64) -> Network {
        let mut random = Random(seed * 0x9e37_79b9 + 1);
        let rows = [1, 4, 5, 8][random.below(4)];
        let wide = random.below(5) == 0;
        let columns = width(&mut random);
        let mut network = Network { rows, values: Vec::new(), random };
        let quantized = network.quantized(wide, 1.0 / 64.0);
        network.push(None, columns, quantized);
        for _ in 0..1 + network.random.below(4) {
            network.layer(wide);
        }
        network
    }

    fn float(&mut self, low: f32, high: f32) -> f32 {
        let unit = self.random.below(1 << 24) as f32 / (1 << 24) as f32;
        low + (high - low) * unit
    }

    /// A quantizer of about that step: any scale or a power of two, any zero point or none.
    fn quantized(&mut self, wide: bool, step: f32) -> Quantized {
        let bits = if wide { 16 } else { 8 };
        let signed = self.random.below(2) == 0;
        let step = if wide { step / 256.0 } else { step };
        let scale = match self.random.below(3) {
            0 => step.log2().round().exp2(),
            _ => step * self.float(0.7, 1.4),
        };
        let (mut min, mut max) = range(bits, signed);
        let zero_point = match self.random.below(3) {
            0 => 0,
            _ => self.random.within((min, max)),
        };
        if self.random.below(4) == 0 {
            let width = 2 + self.random.below(5) as i64;
            (min, max) = range(width, signed);
        }
        let zero_point = zero_point.clamp(min, max);
        Quantized { bits: bits as u32, signed, scale, zero_point, min, max }
    }

    fn push(&mut self, layer: Option<Layer>, columns: usize, quantized: Quantized) {
        let limits = match (&layer, self.random.below(4)) {
            (Some(_), 0) => Some((0.0, f32::MAX)),
            (Some(_), 1) => Some((0.0, 6.0)),
            (Some(_), 2) => Some((self.float(-2.0, 0.0), self.float(0.0, 2.0))),
            _ => None,
        };
        let rounding = match (&layer, self.random.below(3)) {
            (Some(_), 0) => Rounding::ALL[self.random.below(10)],
            _ => Rounding::NearestEven,
        };
        self.values.push(Value { layer, columns, limits, rounding, quantized });
    }

    fn layer(&mut self, wide: bool) {
        let from = self.random.below(self.values.len());
        let columns = self.values[from].columns;
        let other = self.values.iter().position(|value| value.columns == columns);
        match (self.random.below(5), other) {
            (0, Some(other)) => {
                let quantized = self.quantized(wide, 1.0 / 32.0);
                let subtract = self.random.below(3) == 0;
                let layer = Layer::Sum { from: [from, other], subtract };
                self.push(Some(layer), columns, quantized);
            }
            (1, _) => {
                let quantized = self.quantized(wide, 1.0 / 64.0);
                let factor = (0..columns).map(|_| self.float(-1.5, 1.5)).collect();
                let offset = (0..columns).map(|_| self.float(-1.0, 1.0)).collect();
                self.push(Some(Layer::Affine { from, factor, offset }), columns, quantized);
            }
            _ => {
                let n = width(&mut self.random);
                let width = [4, 8, 8, if wide { 16 } else { 8 }][self.random.below(4)];
                let (low, high) = range(width, true);
                let weights = self.random.many(columns * n, (low, high));
                let channels = if self.random.below(2) == 0 { n } else { 1 };
                let unit = 1.0 / (high as f32 * (columns as f32).sqrt());
                let scales = (0..channels).map(|_| unit * self.float(0.3, 2.0)).collect();
                let zero_points = match (width, self.random.below(3)) {
                    (4, 0) => self.random.many(channels, (-8, 7)),
                    _ => vec![0; channels],
                };
                let bias = (self.random.below(3) > 0)
                    .then(|| (0..n).map(|_| self.float(-1.0, 1.0)).collect());
                let layer = Layer::Dense { from, weights, scales, zero_points, bias };
                let quantized = self.quantized(wide, 1.0 / 64.0);
                self.push(Some(layer), n, quantized);
            }
        }
    }

    /// What is not used is an output.
    fn outputs(&self) -> Vec<usize> {
        let used = |value: usize| {
            self.values.iter().any(|other| match &other.layer {
                None => false,
                Some(Layer::Dense { from, .. } | Layer::Affine { from, .. }) => *from == value,
                Some(Layer::Sum { from, .. }) => from.contains(&value),
            })
        };
        (1..self.values.len()).filter(|&value| !used(value)).collect()
    }

    /// In tosa and quant.
    fn mlir(&self) -> String {
        let rows = self.rows;
        let tensor = |columns: usize| format!("tensor<1x{rows}x{columns}xf32>");
        let codes = |value: &Value| {
            format!("tensor<1x{rows}x{}x{}>", value.columns, value.quantized.mlir())
        };
        let outputs = self.outputs();
        let results: Vec<_> = outputs.iter().map(|&v| tensor(self.values[v].columns)).collect();
        let results = results.join(", ");
        let mut text = format!(
            "func.func @main(%r0: {}) -> ({results}) {{\n\
             %zero = \"tosa.const\"() <{{values = dense<0.0> : tensor<1xf32>}}> : () -> tensor<1xf32>\n\
             %none = \"tosa.const\"() <{{values = dense<0> : tensor<1xi8>}}> : () -> tensor<1xi8>\n",
            tensor(self.values[0].columns)
        );
        let floats = |list: &[f32]| -> String {
            let list: Vec<_> = list.iter().map(|x| format!("{x:.9e}")).collect();
            format!("[[[{}]]]", list.join(", "))
        };
        let constant = |text: &mut String, name: &str, list: &[f32]| {
            let n = list.len();
            writeln!(
                text,
                "%{name} = \"tosa.const\"() <{{values = dense<{}> : tensor<1x1x{n}xf32>}}> : () -> tensor<1x1x{n}xf32>",
                floats(list)
            )
            .expect("a string can be written");
            format!("tensor<1x1x{n}xf32>")
        };
        for (i, value) in self.values.iter().enumerate() {
            let n = value.columns;
            let to = tensor(n);
            match &value.layer {
                None => {}
                Some(Layer::Dense { from, weights, scales, zero_points, bias }) => {
                    let k = self.values[*from].columns;
                    let storage =
                        if weights.iter().all(|w| i8::try_from(*w).is_ok()) { 8 } else { 16 };
                    let list: Vec<_> = weights.iter().map(|w| w.to_string()).collect();
                    let w = format!("tensor<1x{k}x{n}xi{storage}>");
                    let pairs: Vec<_> = scales
                        .iter()
                        .zip(zero_points)
                        .map(|(s, z)| format!("{s:.9e}:{z}"))
                        .collect();
                    let quant = match scales.len() {
                        1 if n != 1 => format!("!quant.uniform<i{storage}:f32, {}>", pairs[0]),
                        _ => format!("!quant.uniform<i{storage}:f32:2, {{{}}}>", pairs.join(", ")),
                    };
                    let (q, f) =
                        (format!("tensor<1x{k}x{n}x{quant}>"), format!("tensor<1x{k}x{n}xf32>"));
                    writeln!(
                        text,
                        "%wf{i} = \"tosa.const\"() <{{values = dense<[{}]> : tensor<{}xi{storage}>}}> : () -> tensor<{}xi{storage}>\n\
                         %ws{i} = tosa.const_shape {{values = dense<[1, {k}, {n}]> : tensor<3xindex>}} : () -> !tosa.shape<3>\n\
                         %w{i} = tosa.reshape %wf{i}, %ws{i} : (tensor<{}xi{storage}>, !tosa.shape<3>) -> {w}\n\
                         %wq{i} = quant.scast %w{i} : {w} to {q}\n\
                         %wd{i} = quant.dcast %wq{i} : {q} to {f}\n\
                         %s{i} = tosa.matmul %x{from}, %wd{i}, %zero, %zero : ({}, {f}, tensor<1xf32>, tensor<1xf32>) -> {to}",
                        list.join(", "), k * n, k * n, k * n,
                        tensor(k)
                    )
                    .expect("a string can be written");
                    let sum = match bias {
                        None => format!("s{i}"),
                        Some(bias) => {
                            let r#type = constant(&mut text, &format!("b{i}"), bias);
                            writeln!(text, "%t{i} = tosa.add %s{i}, %b{i} : ({to}, {type}) -> {to}", type = r#type)
                                .expect("a string can be written");
                            format!("t{i}")
                        }
                    };
                    text += &self.quantizer(i, &sum);
                }
                Some(Layer::Sum { from: [a, b], subtract }) => {
                    let name = if *subtract { "sub" } else { "add" };
                    writeln!(text, "%s{i} = tosa.{name} %x{a}, %x{b} : ({to}, {to}) -> {to}")
                        .expect("a string can be written");
                    text += &self.quantizer(i, &format!("s{i}"));
                }
                Some(Layer::Affine { from, factor, offset }) => {
                    let r#type = constant(&mut text, &format!("f{i}"), factor);
                    constant(&mut text, &format!("o{i}"), offset);
                    writeln!(
                        text,
                        "%s{i} = tosa.mul %x{from}, %f{i}, %none : ({to}, {type}, tensor<1xi8>) -> {to}\n\
                         %t{i} = tosa.add %s{i}, %o{i} : ({to}, {type}) -> {to}",
                        type = r#type
                    )
                    .expect("a string can be written");
                    text += &self.quantizer(i, &format!("t{i}"));
                }
            }
            if value.layer.is_none() {
                let codes = codes(value);
                writeln!(
                    text,
                    "%q{i} = quant.qcast %r{i} : {to} to {codes}\n%x{i} = quant.dcast %q{i} : {codes} to {to}"
                )
                .expect("a string can be written");
            }
        }
        let outputs: Vec<_> = outputs.iter().map(|v| format!("%x{v}")).collect();
        text + &format!("return {} : {results}\n}}\n", outputs.join(", "))
    }

    /// Limits, then quantizes a value.
    fn quantizer(&self, index: usize, from: &str) -> String {
        let value = &self.values[index];
        let to = format!("tensor<1x{}x{}xf32>", self.rows, value.columns);
        let codes = format!("tensor<1x{}x{}x{}>", self.rows, value.columns, value.quantized.mlir());
        let rounding = match value.rounding {
            Rounding::NearestEven => String::new(),
            other => format!(" {{aie4ml.rounding = \"{}\"}}", other.name()),
        };
        let (limit, from) = match value.limits {
            None => (String::new(), from.to_string()),
            Some((low, high)) => (
                format!(
                    "%c{index} = tosa.clamp %{from} {{min_val = {low:.9e} : f32, max_val = {high:.9e} : f32}} : ({to}) -> {to}\n"
                ),
                format!("c{index}"),
            ),
        };
        format!(
            "{limit}%q{index} = quant.qcast %{from}{rounding} : {to} to {codes}\n\
             %x{index} = quant.dcast %q{index} : {codes} to {to}\n"
        )
    }

    /// In exact real arithmetic: the codes of every value.
    fn compute(&self, input: &[i64]) -> Vec<Vec<i64>> {
        let mut all: Vec<Vec<i64>> = vec![input.to_vec()];
        for value in &self.values[1..] {
            let n = value.columns;
            let real_of = |from: usize, all: &[Vec<i64>]| -> Vec<Real> {
                let quantized = &self.values[from].quantized;
                all[from].iter().map(|&code| quantized.real(code)).collect()
            };
            let reals: Vec<Real> = match value.layer.as_ref().expect("all but the first are layers")
            {
                Layer::Dense { from, weights, scales, zero_points, bias } => {
                    let x = &self.values[*from];
                    let rows = all[*from].chunks(x.columns);
                    let at = |list: &[i64], j: usize| list[if list.len() == 1 { 0 } else { j }];
                    rows.flat_map(|row| {
                        (0..n)
                            .map(|j| {
                                let sum: i64 = row
                                    .iter()
                                    .enumerate()
                                    .map(|(i, code)| {
                                        (code - x.quantized.zero_point)
                                            * (weights[i * n + j] - at(zero_points, j))
                                    })
                                    .sum();
                                let scale = scales[if scales.len() == 1 { 0 } else { j }];
                                let sum = requantize::integer(sum)
                                    * real(x.quantized.scale)
                                    * real(scale);
                                match bias {
                                    Some(bias) => sum + real(bias[j]),
                                    None => sum,
                                }
                            })
                            .collect::<Vec<_>>()
                    })
                    .collect()
                }
                Layer::Sum { from: [a, b], subtract } => {
                    let pairs = real_of(*a, &all).into_iter().zip(real_of(*b, &all));
                    pairs.map(|(a, b)| if *subtract { a - b } else { a + b }).collect()
                }
                Layer::Affine { from, factor, offset } => {
                    let x = real_of(*from, &all).into_iter().enumerate();
                    x.map(|(i, x)| x * real(factor[i % n]) + real(offset[i % n])).collect()
                }
            };
            let codes = reals.into_iter().map(|x| {
                let x = match value.limits {
                    None => x,
                    Some((low, high)) => x.max(real(low)).min(real(high)),
                };
                value.quantized.quantize(&x, value.rounding)
            });
            all.push(codes.collect());
        }
        all
    }

    /// Compares all levels with the exact numbers; the message of a refusal.
    fn check(mut self, seed: u64) -> Option<String> {
        let scratch = Scratch::new();
        let text = self.mlir();
        let model = scratch.write("net.mlir", &text);
        let out = scratch.path("out");
        let device = ["xcve2802", "xcve3858", "npu1", "npu2", "xcve2302"][self.random.below(5)];
        let options = Options { model, device: Some(device.into()), ..Options::default() };
        if let Err(error) = compile::compile(&options, &out, &mut |_| ()) {
            let message = error.to_string();
            let limits = [
                "no kernel",
                "numbers of its own for each feature",
                "accumulates",
                "buffer descriptors",
                "streams",
                "to memory of",
                "program memory",
            ];
            let known =
                !message.contains("bug") && limits.iter().any(|limit| message.contains(limit));
            assert!(known, "case {seed}: {message}\n{text}");
            return Some(message);
        }
        let quantized = self.values[0].quantized.clone();
        let columns = self.values[0].columns;
        let input = self.random.many(self.rows * columns, (quantized.min, quantized.max));
        let all = self.compute(&input);
        for level in [compile::MODEL, compile::NETWORK, compile::MAPPED, compile::DESIGN] {
            // The model's own shape has a dimension in front.
            let mut shape = vec![self.rows, columns];
            if level == compile::MODEL {
                shape.insert(0, 1);
            }
            let tensor = Tensor::from_integers(shape, quantized.dtype(), &input)
                .unwrap_or_else(|error| panic!("{error}"));
            let results = design::open(&out.join(level))
                .and_then(|runner| runner.run(&[tensor], Some(Form::Codes)))
                .unwrap_or_else(|error| panic!("case {seed}: {level}: {error}\n{text}"));
            for (result, &value) in results.iter().zip(&self.outputs()) {
                let found = result.integers().expect("codes were asked for");
                assert_eq!(found, all[value], "case {seed}: {level}: value {value}\n{text}");
            }
        }
        None
    }
}

/// `AIE4ML_CASES` says how many, from `AIE4ML_FIRST` on.
#[test]
fn every_level_is_real_arithmetic() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, count) =
        (number("AIE4ML_FIRST").unwrap_or(0), number("AIE4ML_CASES").unwrap_or(24));
    let mut refused = std::collections::BTreeMap::new();
    for seed in first..first + count {
        if let Some(message) = Network::new(seed).check(seed) {
            *refused.entry(message).or_insert(0) += 1;
        }
    }
    let total: u64 = refused.values().sum();
    println!("{count} networks: {} exact, {total} refused", count - total);
    for (message, times) in refused {
        println!("{times} x {message}");
    }
    assert!(total * 2 < count, "most networks are refused");
}
