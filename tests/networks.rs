//! Networks made here, with extents that fit nothing, against plain loops.

mod common;

use aie4ml::{
    compile::{self, Options},
    design,
    exact::{Overflow, Requant, Rounding, range},
    plan::{hand_over::Transport, mapping::Io, parallelize::Objective},
    report::Report,
    run::{Form, compare},
    tensor::{Dtype, Tensor},
};
use common::{Random, Scratch};
use std::{fmt::Write, path::Path};

#[derive(Clone, Copy)]
struct Number {
    bits: i64,
    signed: bool,
}

const I8: Number = Number { bits: 8, signed: true };
const U8: Number = Number { bits: 8, signed: false };
const I16: Number = Number { bits: 16, signed: true };

impl Number {
    fn range(self) -> (i64, i64) {
        range(self.bits, self.signed)
    }

    fn mlir(self) -> String {
        format!("{}i{}", if self.signed { "" } else { "u" }, self.bits)
    }

    fn dtype(self) -> Dtype {
        Dtype::integer(self.bits as u32, self.signed).expect("8 and 16 bits have types")
    }
}

struct Layer {
    k: usize,
    n: usize,
    weights: Vec<i64>,
    weight: Number,
    bias: Vec<i64>,
    accumulator: u32,
    output: Number,
    stages: Vec<Requant>,
    /// More attributes of the op.
    attributes: String,
}

struct Network {
    batch: usize,
    input: Number,
    layers: Vec<Layer>,
}

fn requant(shift: i64, rounding: Rounding, overflow: Overflow, width: i64, of: Number) -> Requant {
    let (min, max) = of.range();
    Requant { overflow, min, max, ..Requant::shift(shift, rounding, width, of.signed) }
}

impl Network {
    /// Layers of those extents, with ReLU between; activations of `number`.
    fn random(random: &mut Random, batch: usize, extents: &[usize], number: Number) -> Network {
        let last = extents.len() - 2;
        let layers = extents.windows(2).enumerate().map(|(index, extents)| {
            let (k, n) = (extents[0], extents[1]);
            // Sums of k products spread over the result's range and a little beyond.
            let shift = 7 + i64::from(k.ilog2()) / 2 - 1;
            let half_even =
                requant(shift, Rounding::NearestEven, Overflow::Saturate, number.bits, number);
            let min = if index == last { half_even.min } else { 0 };
            Layer {
                k,
                n,
                weights: random.many(k * n, (-128, 127)),
                weight: I8,
                accumulator: if number.bits == 8 { 32 } else { 64 },
                bias: random.many(n, (-3000, 3000)),
                output: number,
                stages: vec![Requant { min, ..half_even }],
                attributes: String::new(),
            }
        });
        let layers = layers.collect();
        Network { batch, input: number, layers }
    }

    /// At the network level.
    fn mlir(&self) -> String {
        let (batch, first) = (self.batch, &self.layers[0]);
        let last = &self.layers[self.layers.len() - 1];
        let mut text = format!(
            "func.func @main(%x0: tensor<{batch}x{}x{}>) -> tensor<{batch}x{}x{}> {{\n",
            first.k,
            self.input.mlir(),
            last.n,
            last.output.mlir()
        );
        let mut input = self.input;
        for (i, layer) in self.layers.iter().enumerate() {
            let Layer { k, n, weights, weight, bias, accumulator, output, stages, attributes } =
                layer;
            let weight = weight.mlir();
            let rows: Vec<String> = weights.chunks(*n).map(|row| format!("{row:?}")).collect();
            let stages: Vec<String> = stages
                .iter()
                .map(|stage| {
                    let Requant { shift, rounding, overflow, width, signed, .. } = stage;
                    let Requant { multiplier, addend, zero_point, min, max, .. } = stage;
                    format!(
                        "#aie4ml.requant<multiplier = {multiplier:?}, addend = {addend:?}, \
                         shift = {shift}, rounding = {}, overflow = {}, width = {width}, \
                         is_signed = {signed}, zero_point = {zero_point}, min = {min}, max = {max}>",
                        rounding.name(),
                        overflow.name()
                    )
                })
                .collect();
            writeln!(
                text,
                "%w{i} = arith.constant dense<[{}]> : tensor<{k}x{n}x{weight}>\n\
                 %b{i} = arith.constant dense<{bias:?}> : tensor<{n}xi32>\n\
                 %x{} = aie4ml.dense %x{i}, %w{i}, %b{i} accumulator = i{accumulator} requant = [{}] {{{attributes}}}\n\
                 : (tensor<{batch}x{k}x{}>, tensor<{k}x{n}x{weight}>, tensor<{n}xi32>) -> tensor<{batch}x{n}x{}>",
                rows.join(", "),
                i + 1,
                stages.join(", "),
                input.mlir(),
                output.mlir()
            )
            .unwrap();
            input = *output;
        }
        let (count, n, r#type) = (self.layers.len(), last.n, last.output.mlir());
        text + &format!("return %x{count} : tensor<{batch}x{n}x{type}>\n}}\n")
    }

    /// At the model level, where layers of one stage can be said: int8, half to even, saturating.
    fn tosa(&self) -> String {
        let batch = self.batch;
        let real = |columns: usize| format!("tensor<{batch}x{columns}xf32>");
        let quant = |shape: &str, storage: &str, exponent: i64| {
            format!(
                "tensor<{shape}x!quant.uniform<{storage}:f32, {:?}>>",
                2f64.powi(exponent as i32)
            )
        };
        let (first, last) = (&self.layers[0], &self.layers[self.layers.len() - 1]);
        let mut text = format!(
            "func.func @main(%x: {}) -> {} {{\n\
             %zero = \"tosa.const\"() <{{values = dense<0.0> : tensor<1xf32>}}> : () -> tensor<1xf32>\n",
            real(first.k),
            real(last.n)
        );
        // Exponents of the scales of the activations and of the weights.
        let (mut scale, weight_scale) = (-4, -7);
        let codes = quant(&format!("{batch}x{}", first.k), "i8", scale);
        writeln!(text, "%q0 = quant.qcast %x : {} to {codes}", real(first.k)).unwrap();
        writeln!(text, "%x0 = quant.dcast %q0 : {codes} to {}", real(first.k)).unwrap();
        for (i, Layer { k, n, weights, bias, stages, .. }) in self.layers.iter().enumerate() {
            let rows: Vec<String> = weights.chunks(*n).map(|row| format!("{row:?}")).collect();
            let sum_scale = scale + weight_scale;
            for (name, shape, storage, values, scale) in [
                ("w", format!("1x{k}x{n}"), "i8", format!("[{}]", rows.join(", ")), weight_scale),
                ("b", format!("1x{n}"), "i32", format!("{bias:?}"), sum_scale),
            ] {
                let stored = format!("tensor<{shape}x{storage}>");
                let codes = quant(&shape, storage, scale);
                writeln!(
                    text,
                    "%{name}c{i} = \"tosa.const\"() <{{values = dense<[{values}]> : {stored}}}> : () -> {stored}\n\
                     %{name}q{i} = quant.scast %{name}c{i} : {stored} to {codes}\n\
                     %{name}{i} = quant.dcast %{name}q{i} : {codes} to tensor<{shape}xf32>"
                )
                .unwrap();
            }
            let (from, to) = (real(*k), real(*n));
            let (cube_in, cube_w) =
                (format!("tensor<1x{batch}x{k}xf32>"), format!("tensor<1x{k}x{n}xf32>"));
            let cube_out = format!("tensor<1x{batch}x{n}xf32>");
            scale = sum_scale + stages[0].shift;
            let codes = quant(&format!("{batch}x{n}"), "i8", scale);
            let relu = if stages[0].min == 0 { "0.0" } else { "-3.40282347E+38" };
            writeln!(
                text,
                "%s{i} = tosa.const_shape {{values = dense<[1, {batch}, {k}]> : tensor<3xindex>}} : () -> !tosa.shape<3>\n\
                 %r{i} = tosa.reshape %x{i}, %s{i} : ({from}, !tosa.shape<3>) -> {cube_in}\n\
                 %m{i} = tosa.matmul %r{i}, %w{i}, %zero, %zero : ({cube_in}, {cube_w}, tensor<1xf32>, tensor<1xf32>) -> {cube_out}\n\
                 %t{i} = tosa.const_shape {{values = dense<[{batch}, {n}]> : tensor<2xindex>}} : () -> !tosa.shape<2>\n\
                 %u{i} = tosa.reshape %m{i}, %t{i} : ({cube_out}, !tosa.shape<2>) -> {to}\n\
                 %a{i} = tosa.add %u{i}, %b{i} : ({to}, tensor<1x{n}xf32>) -> {to}\n\
                 %c{i} = tosa.clamp %a{i} {{min_val = {relu} : f32, max_val = 3.40282347E+38 : f32}} : ({to}) -> {to}\n\
                 %q{0} = quant.qcast %c{i} : {to} to {codes}\n\
                 %x{0} = quant.dcast %q{0} : {codes} to {to}",
                i + 1
            )
            .unwrap();
        }
        text + &format!("return %x{} : {}\n}}\n", self.layers.len(), real(last.n))
    }

    /// With plain loops.
    fn compute(&self, input: &[i64]) -> Vec<i64> {
        let mut values = input.to_vec();
        for layer in &self.layers {
            let next = values.chunks(layer.k).flat_map(|row| {
                (0..layer.n).map(|j| {
                    let products = row
                        .iter()
                        .enumerate()
                        .map(|(i, &x)| i128::from(x) * i128::from(layer.weights[i * layer.n + j]));
                    let sum = i128::from(layer.bias[j]) + products.sum::<i128>();
                    let apply = |x, stage: &Requant| i128::from(stage.apply(x, j));
                    layer.stages.iter().fold(sum, apply) as i64
                })
            });
            values = next.collect();
        }
        values
    }

    /// Compiles the network from the network level and compares every level with the loops.
    fn check(&self, random: &mut Random, objective: Objective) -> Report {
        self.check_from(self.mlir(), random, objective)
    }

    fn check_from(&self, text: String, random: &mut Random, objective: Objective) -> Report {
        let scratch = Scratch::new();
        let out = scratch.path("out");
        let model = scratch.write("net.mlir", &text);
        let mut options = Options { model, objective, ..Options::default() };
        let mut compile = |transport| {
            options.transport = transport;
            let report = compile::compile(&options, &out, &mut |_| ())
                .unwrap_or_else(|error| panic!("{transport}: {error}\n{text}"));
            self.check_run(random, &out);
            report
        };
        compile(Transport::MemoryTiles);
        compile(Transport::Auto)
    }

    /// The same for a device and a way over its boundary.
    fn check_on(&self, random: &mut Random, device: &str, io: Option<Io>) {
        let scratch = Scratch::new();
        let out = scratch.path("out");
        let model = scratch.write("net.mlir", self.mlir());
        let options = Options { model, device: Some(device.into()), io, ..Options::default() };
        compile::compile(&options, &out, &mut |_| ())
            .unwrap_or_else(|error| panic!("{device} {io:?}: {error}"));
        self.check_run(random, &out);
    }

    fn check_run(&self, random: &mut Random, out: &Path) {
        // Three iterations, one of them of extremes.
        let rows = 3 * self.batch;
        let k = self.layers[0].k;
        let mut codes = random.many(rows * k, self.input.range());
        let (low, high) = self.input.range();
        for code in &mut codes[..self.batch * k] {
            *code = if random.next().is_multiple_of(2) { low } else { high };
        }
        let last = &self.layers[self.layers.len() - 1];
        let tensor = |columns, number: Number, values: &[i64]| {
            Tensor::from_integers(vec![rows, columns], number.dtype(), values)
                .unwrap_or_else(|error| panic!("{error}"))
        };
        let input = tensor(k, self.input, &codes);
        let expected = tensor(last.n, last.output, &self.compute(&codes));
        for level in [compile::MODEL, compile::NETWORK, compile::MAPPED, compile::DESIGN] {
            let outputs = design::open(&out.join(level))
                .and_then(|runner| runner.run(std::slice::from_ref(&input), Some(Form::Codes)))
                .unwrap_or_else(|error| panic!("{level}: {error}"));
            let found = compare(&outputs[0], &expected, 0.0).expect("the shapes are the same");
            assert_eq!(found.count, 0, "{level}: {found:?}");
        }
    }
}

/// Gives a layer a scale that is no power of two, about 2^-shift, with multipliers of so many bits:
/// of each channel its own, or one for all; and an output with a zero point.
fn scale(random: &mut Random, layer: &mut Layer, bits: u32, each: bool, rounding: Rounding) {
    let (shift, number) = (layer.stages[0].shift, layer.output);
    let count = if each { layer.n } else { 1 };
    let places = i64::from(bits) - 1;
    let addends = 1 << (shift + places + 3).min(58);
    let (low, high) = number.range();
    let mut stage = requant(shift + places, rounding, Overflow::Saturate, number.bits, number);
    stage.multiplier = random.many(count, (1 << (places - 1), (1 << places) - 1));
    stage.addend = random.many(count, (-addends, addends));
    if each && layer.n > 2 {
        // Channels that do nothing, and one that is negative.
        (stage.multiplier[0], stage.addend[1]) = (0, 0);
        stage.multiplier[2] *= -1;
    }
    stage.zero_point = random.within((low / 2, high / 2));
    layer.stages = vec![stage];
}

/// How a layer must be cut, `rows` of the batch at a time.
fn split(layer: &mut Layer, cascade: usize, chains: usize, rows: usize) {
    let part = |extent: usize, parts: usize| extent.div_ceil(8).div_ceil(parts) * 8;
    let (k, n) = (part(layer.k, cascade), part(layer.n, chains));
    layer.attributes = format!(
        "microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = {cascade}, chains = {chains}, k = {k}, n = {n}, rows = {rows}>"
    );
}

#[test]
fn odd_extents_at_batch_5_and_1() {
    let random = &mut Random(1);
    for batch in [5, 1] {
        for objective in [Objective::Resources, Objective::Throughput] {
            let network = Network::random(random, batch, &[13, 37, 11, 3], I8);
            network.check_from(network.tosa(), random, objective);
        }
    }
}

#[test]
fn odd_extents_on_cascades_and_chains() {
    let random = &mut Random(2);
    // (cascade, chains) of each layer; between them regions M to N.
    for (rows, splits) in [
        (5, [(2, 5), (5, 2), (2, 1)]),
        (4, [(1, 3), (3, 1), (1, 1)]),
        (2, [(2, 2), (3, 2), (2, 1)]),
    ] {
        let mut network = Network::random(random, 5, &[13, 37, 11, 3], I8);
        for (layer, (cascade, chains)) in network.layers.iter_mut().zip(splits) {
            split(layer, cascade, chains, rows);
        }
        let report = network.check(random, Objective::Resources);
        let used: Vec<_> = report.layers.iter().map(|l| (l.cascade, l.chains)).collect();
        assert_eq!(used, splits, "{report}");
    }
}

/// Each way over the boundary, on each kind of device.
#[test]
fn odd_extents_on_every_device() {
    let random = &mut Random(6);
    for (device, io) in [
        ("xcve2802", Some(Io::Ddr)),
        ("xcve2302", None),
        ("xcve2302", Some(Io::Ddr)),
        ("xcve3858", None),
        ("xcve3858", Some(Io::Ddr)),
        ("npu1", None),
        ("npu2", None),
    ] {
        Network::random(random, 5, &[13, 37, 11, 1], I8).check_on(random, device, io);
    }
}

/// More slices than channels, in several iterations and of several widths.
#[test]
fn slices_that_share_a_channel() {
    let random = &mut Random(7);
    for (device, batch, n, chains, rows) in
        [("npu1_2col", 9, 60, 8, 4), ("npu1_1col", 1, 21, 3, 1), ("xcve2302", 7, 125, 16, 4)]
    {
        let mut network = Network::random(random, batch, &[13, n], I8);
        split(&mut network.layers[0], 1, chains, rows);
        network.check_on(random, device, Some(Io::Ddr));
    }
}

#[test]
fn sixteen_bit_and_unsigned_activations() {
    let random = &mut Random(3);
    for number in [I16, U8] {
        Network::random(random, 6, &[19, 24, 10], number).check(random, Objective::Resources);
    }
    // From one to the other.
    let mut network = Network::random(random, 4, &[16, 21, 9], I16);
    let layer = &mut network.layers[0];
    layer.output = U8;
    layer.stages = vec![requant(14, Rounding::NearestUp, Overflow::Saturate, 8, U8)];
    network.layers[1].accumulator = 32;
    network.check(random, Objective::Throughput);
}

/// A chain of layers, each with another rounding, at a width below the container's.
#[test]
fn every_rounding_and_overflow() {
    let random = &mut Random(4);
    for overflow in [Overflow::Saturate, Overflow::Symmetric, Overflow::Wrap] {
        let extents = [8; Rounding::ALL.len() + 1];
        let mut network = Network::random(random, 4, &extents, I8);
        for (layer, rounding) in network.layers.iter_mut().zip(Rounding::ALL) {
            layer.stages = vec![requant(5, rounding, overflow, 6, I8)];
        }
        network.check(random, Objective::Resources);
    }
}

#[test]
fn two_requantizations() {
    let random = &mut Random(5);
    let mut network = Network::random(random, 3, &[20, 12, 7], I8);
    let layer = &mut network.layers[0];
    let first = requant(6, Rounding::NearestEven, Overflow::Saturate, 8, I8);
    let second = Requant { shift: -1, min: 0, ..first.clone() };
    layer.stages = vec![first, second];
    network.check(random, Objective::Resources);
}

/// Multipliers and addends of each channel or for all, on each kind of device.
#[test]
fn any_scale_on_every_device() {
    let random = &mut Random(8);
    let roundings = [Rounding::NearestEven, Rounding::NearestAway, Rounding::Floor];
    for (device, number) in
        [("xcve2802", I8), ("xcve2302", U8), ("npu1", I8), ("npu2", I8), ("xcve3858", U8)]
    {
        let mut network = Network::random(random, 5, &[13, 37, 5, 1], number);
        for (index, layer) in network.layers.iter_mut().enumerate() {
            scale(random, layer, 32, index % 2 == 0, roundings[index]);
        }
        network.check_on(random, device, None);
    }
}

#[test]
fn scales_of_channels_on_cascades_and_chains() {
    let random = &mut Random(9);
    for (rows, splits) in [
        (5, [(2, 5), (5, 2), (2, 1)]),
        (4, [(1, 3), (3, 1), (1, 1)]),
        (2, [(2, 2), (3, 2), (2, 1)]),
    ] {
        let mut network = Network::random(random, 5, &[13, 37, 11, 3], I8);
        for (layer, (cascade, chains)) in network.layers.iter_mut().zip(splits) {
            scale(random, layer, 32, true, Rounding::NearestEven);
            split(layer, cascade, chains, rows);
        }
        network.check(random, Objective::Resources);
    }
}

/// Weights of 8 and 16 bits with inputs of 8 and 16, on both generations; in 64 bits a
/// multiplier is applied in parts, or lane by lane.
#[test]
fn weights_and_multipliers_of_other_widths() {
    let random = &mut Random(10);
    for (number, weight, accumulator, bits) in [
        // Sums that fit, of types that have no other.
        (I8, I8, 64, 32),
        (I8, I16, 64, 32),
        (I8, I16, 32, 32),
        (I16, I16, 64, 20),
        (I16, I16, 64, 32),
        (I16, I16, 64, 45),
        (I16, I8, 64, 32),
    ] {
        for device in ["xcve2802", "npu2"] {
            let mut network = Network::random(random, 3, &[21, 19, 5], number);
            for layer in &mut network.layers {
                layer.weight = weight;
                let narrow = if (weight.bits, accumulator) == (16, 32) { 32 } else { 1 };
                let (low, high) = weight.range();
                layer.weights = random.many(layer.k * layer.n, (low / narrow, high / narrow));
                layer.accumulator = accumulator;
                layer.stages[0].shift += weight.bits - 8;
                scale(random, layer, bits, true, Rounding::NearestEven);
            }
            network.check_on(random, device, None);
        }
    }
}

/// Rounded twice as TensorFlow Lite does it, and through results that wrap or have no sign.
#[test]
fn scales_in_several_requantizations() {
    let random = &mut Random(11);
    let mut network = Network::random(random, 3, &[20, 12, 7, 9], I8);
    for (index, layer) in network.layers.iter_mut().enumerate() {
        let shift = layer.stages[0].shift;
        scale(random, layer, 32, true, Rounding::NearestUp);
        let wide = Number { bits: [32, 20, 16][index], signed: index == 0 };
        let overflow = [Overflow::Saturate, Overflow::Saturate, Overflow::Wrap][index];
        let first = requant([31, 31, 30][index], Rounding::NearestUp, overflow, wide.bits, wide);
        let scaled = layer.stages[0].clone();
        let second = Requant { multiplier: vec![1], addend: vec![0], shift, ..scaled.clone() };
        let (multiplier, addend) = (scaled.multiplier, scaled.addend);
        let second = match index {
            1 => Requant { multiplier: vec![3], addend: vec![-500], shift: shift + 1, ..second },
            // Shifts of each channel are powers of two that it is multiplied by.
            2 => Requant {
                multiplier: (0..layer.n).map(|channel| 1 << (channel % 4)).collect(),
                rounding: Rounding::NearestAway,
                shift: shift + 3,
                ..second
            },
            _ => Requant { rounding: Rounding::NearestAway, ..second },
        };
        layer.stages = vec![Requant { multiplier, addend, ..first }, second];
    }
    network.check(random, Objective::Resources);
}
