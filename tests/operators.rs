//! Operators that read whole rows, drawn at random: the network through the JIT, the mapped network
//! and the kernels in the simulated array compute what [`Operator::evaluate`] defines.
//!
//! [`Operator::evaluate`]: aie4ml::operator::Operator::evaluate

mod common;

use aie4ml::{
    compile::{self, Options},
    design,
    exact::{Overflow, Requant, Rounding, range},
    kernel::Integer,
    operator::{
        self, Constant, Node,
        piecewise::{self, Pieces},
        steps,
    },
    run::Form,
    tensor::{Dtype, Tensor},
};
use common::{Random, Scratch};

/// What is drawn; products of matrices, softmax and norms have tests of their own.
const KINDS: [&str; 8] =
    ["conv2d", "max_pool", "average_pool", "lookup", "gather", "binary", "piecewise", "steps"];

struct Case {
    node: Node,
    rows: usize,
    stages: Vec<Requant>,
}

fn integer(bits: u32, signed: bool) -> Integer {
    Integer { bits, signed }
}

fn type_name(Integer { bits, signed }: Integer) -> String {
    format!("{}i{bits}", if signed { "" } else { "u" })
}

fn reach(number: Integer) -> (i64, i64) {
    range(number.bits.into(), number.signed)
}

fn list(numbers: &[usize]) -> Vec<i64> {
    numbers.iter().map(|&number| number as i64).collect()
}

fn codes(random: &mut Random) -> Integer {
    let bits = if random.below(4) == 0 { 16 } else { 8 };
    integer(bits, random.below(3) > 0)
}

/// From 1 to `most`.
fn some(random: &mut Random, most: usize) -> usize {
    1 + random.below(most)
}

/// A function of codes of 16 bits: lines of random lengths and slopes, with jumps, and noise over some.
fn walk(random: &mut Random, (low, high): (i64, i64)) -> Vec<i64> {
    let mut table = Vec::with_capacity(piecewise::CODES);
    while table.len() < piecewise::CODES {
        let most = [1000, 20_000][random.below(2)];
        let length = some(random, most);
        let slope = random.within((-512, 512)) * [0, 1, 8][random.below(3)];
        let noise = [0, 0, 3][random.below(3)];
        let from = match table.last() {
            Some(&last) if random.below(3) > 0 => last,
            _ => random.within((low, high)),
        };
        for j in 0..length.min(piecewise::CODES - table.len()) as i64 {
            let value = from + ((slope * j) >> 8) + random.within((0, noise));
            table.push(value.clamp(low, high));
        }
    }
    table
}

/// How images lie in a row: their strides in some order, the first feature, and all features.
fn layout(random: &mut Random, extents: [usize; 3]) -> ([usize; 3], usize, usize) {
    let order = [[0, 1, 2], [1, 2, 0], [0, 2, 1], [2, 1, 0]][random.below(4)];
    let mut strides = [0; 3];
    let mut next = if random.below(4) == 0 { 2 } else { 1 };
    for &axis in order.iter().rev() {
        strides[axis] = next;
        next *= extents[axis];
    }
    let offset = if random.below(3) == 0 { some(random, 5) } else { 0 };
    let last: usize = extents.iter().zip(&strides).map(|(n, stride)| (n - 1) * stride).sum();
    let more = if random.below(3) == 0 { some(random, 5) } else { 0 };
    (strides, offset, offset + last + 1 + more)
}

/// A window and what it makes of `input`: kernel, stride, dilation, padding, extents of the output.
fn windows(random: &mut Random, input: [usize; 2], expand: [usize; 2]) -> [[usize; 2]; 5] {
    let mut all = [[1; 2]; 5];
    for axis in 0..2 {
        let kernel = some(random, 4);
        let stride = some(random, 3);
        let dilation = some(random, 2);
        let reach = (kernel - 1) * dilation + 1;
        let padding = random.below(reach + 1);
        let extent = (input[axis] - 1) * expand[axis] + 1;
        let behind = random.below(3);
        let room = (extent + padding + behind).saturating_sub(reach) / stride + 1;
        for (of, number) in all.iter_mut().zip([kernel, stride, dilation, padding, room]) {
            of[axis] = number;
        }
    }
    all
}

/// One requantization or two, which shift, or scale by one number or by one for each channel.
fn stages(random: &mut Random, node: &Node) -> Vec<Requant> {
    let output = node.output.number;
    let between = integer([16, 32][random.below(2)], true);
    let numbers = match random.below(3) {
        0 => vec![between, output],
        _ => vec![output],
    };
    let mut stage = |Integer { bits, signed }: Integer| {
        let shift = random.below(12) as i64;
        let rounding = Rounding::ALL[random.below(10)];
        let mut stage = Requant::shift(shift, rounding, bits.into(), signed);
        stage.overflow = Overflow::ALL[random.below(3)];
        if random.below(2) == 0 && bits < 32 {
            let (low, high) = reach(integer(bits, signed));
            stage.zero_point = random.within((low / 2, high / 2));
            stage.max = random.within((high / 2, high));
        }
        if random.below(2) == 0 {
            let each = node.operator.has_channels() && random.below(3) > 0;
            let count = if each { node.channels() } else { 1 };
            let places = [3, 12, 31][random.below(3)];
            stage.shift += places;
            stage.multiplier = random.many(count, (-(1 << places) / 4, 1 << places));
            stage.addend = random.many(if each { count } else { 1 }, (-(1 << places), 1 << places));
        }
        stage
    };
    numbers.into_iter().map(&mut stage).collect()
}

impl Case {
    fn new(seed: u64) -> Case {
        let mut random = Random(seed * 0x9e37_79b9 + 7);
        let rows = [1, 3, 4, 5][random.below(4)];
        loop {
            let name = KINDS[(seed % KINDS.len() as u64) as usize];
            let node = Case::node(name, &mut random);
            // What is drawn is not always a node.
            if node.operator.check(&node).is_err() {
                continue;
            }
            let stages = match node.operator.has_sums() {
                true => stages(&mut random, &node),
                false => Vec::new(),
            };
            return Case { node, rows, stages };
        }
    }

    fn node(name: &str, random: &mut Random) -> Node {
        let operator = operator::by_name(name).expect("all names are of operators");
        let port = |features, number| operator::Tensor { features, number };
        let constant =
            |shape: &[usize], number, data| Constant { shape: shape.to_vec(), number, data };
        let mut node = Node {
            operator,
            parameters: Default::default(),
            inputs: Vec::new(),
            constants: Vec::new(),
            output: port(0, codes(random)),
            accumulator: 32,
        };
        let number = codes(random);
        let mut set = |name: &str, numbers: Vec<i64>| {
            node.parameters.insert(name.to_owned(), numbers);
        };
        match name {
            "conv2d" | "max_pool" | "average_pool" => {
                let groups = if random.below(2) == 0 { 1 } else { some(random, 3) };
                let channels = groups * some(random, 4);
                let input = [channels, some(random, 9), some(random, 9)];
                let conv = name == "conv2d";
                let expand = match conv && random.below(3) == 0 {
                    true => [some(random, 2), some(random, 3)],
                    false => [1, 1],
                };
                let [kernel, stride, dilation, padding, places] =
                    windows(random, [input[1], input[2]], expand);
                let filters = if conv { groups * some(random, 4) } else { channels };
                let output = [filters, places[0], places[1]];
                let (strides, offset, features) = layout(random, input);
                for (name, numbers) in [
                    ("input", &input[..]),
                    ("output", &output),
                    ("kernel", &kernel),
                    ("stride", &stride),
                    ("dilation", &dilation),
                    ("padding", &padding),
                    ("strides", &strides),
                    ("offset", &[offset]),
                ] {
                    set(name, list(numbers));
                }
                if conv {
                    set("expand", list(&expand));
                    set("groups", list(&[groups]));
                    set("outside", vec![random.within(reach(number))]);
                    let bits = if number.bits == 16 || random.below(4) > 0 { 8 } else { 16 };
                    let shape = [filters, channels / groups, kernel[0], kernel[1]];
                    let weights = random.many(shape.iter().product(), range(bits, true));
                    let bias = random.many(filters, (-10000, 10000));
                    let weights_of = integer(bits as u32, true);
                    node.constants.push(constant(&shape, weights_of, weights));
                    node.constants.push(constant(&[filters], integer(32, true), bias));
                }
                if conv && node.accumulator == 32 && random.below(4) == 0 {
                    set("product_shift", vec![random.below(20) as i64]);
                }
                if name == "average_pool" {
                    let halves = [0, 0, 1, 3][random.below(4)];
                    set("halves", vec![halves]);
                    let places = places[0] * places[1];
                    let (low, high) = if halves == 0 { (-9, 30) } else { (1, 20) };
                    let factors = random.many(places, (low, high));
                    node.constants.push(constant(&[places], integer(32, true), factors));
                }
                if name == "max_pool" {
                    node.output.number = number;
                }
                node.inputs.push(port(features, number));
                node.output.features = output.iter().product();
            }
            "lookup" => {
                let features = some(random, 70);
                node.inputs.push(port(features, integer(8, number.signed)));
                node.output.features = features;
                let table = random.many(256, reach(node.output.number));
                node.constants.push(constant(&[256], node.output.number, table));
            }
            "piecewise" => {
                let features = some(random, 70);
                node.inputs.push(port(features, integer(16, number.signed)));
                node.output.features = features;
                let table = walk(random, reach(node.output.number));
                let Some(Pieces { length, bits, words }) = Pieces::of(&table) else { return node };
                set("length", vec![length as i64]);
                set("bits", vec![bits as i64]);
                let words: Vec<i64> = words.into_iter().map(i64::from).collect();
                node.constants.push(constant(&[words.len()], integer(32, true), words));
            }
            "steps" => {
                let features = some(random, 70);
                node.inputs.push(port(features, integer(32, true)));
                node.output.features = features;
                let count = some(random, 40);
                let (low, high) = reach(integer(32, true));
                let mut steps: Vec<i32> =
                    random.many(count, (low, high)).into_iter().map(|step| step as i32).collect();
                steps.sort();
                let codes = random.many(count + 1, reach(node.output.number));
                let words = steps::words(&steps, &codes).expect("40 are few");
                node.constants.push(constant(&[words.len()], integer(32, true), words));
            }
            "gather" => {
                set("fill", vec![random.within(reach(number))]);
                for _ in 0..some(random, 2) {
                    node.inputs.push(port(some(random, 40), number));
                }
                let all: usize = node.inputs.iter().map(|input| input.features).sum();
                node.output = port(some(random, 70), number);
                let index = random.many(node.output.features, (-1, all as i64 - 1));
                node.constants.push(constant(&[node.output.features], integer(32, true), index));
            }
            _ => {
                let features = some(random, 70);
                let other = codes(random);
                set("kind", vec![random.below(3) as i64]);
                let zero_points = [number, other].map(|number| random.within(reach(number)));
                set("zero_points", zero_points.to_vec());
                node.inputs = vec![port(features, number), port(features, other)];
                node.output.features = features;
            }
        }
        node
    }

    /// At the network level.
    fn mlir(&self) -> String {
        let Case { node, rows, stages } = self;
        let tensor = |of: &operator::Tensor| {
            format!("tensor<{rows}x{}x{}>", of.features, type_name(of.number))
        };
        let (mut text, mut names, mut types) = (String::new(), Vec::new(), Vec::new());
        for (index, of) in node.constants.iter().enumerate() {
            let extents: Vec<_> = of.shape.iter().map(|extent| format!("{extent}x")).collect();
            let r#type = format!("tensor<{}{}>", extents.concat(), type_name(of.number));
            let bytes: String = of
                .data
                .iter()
                .flat_map(|value| value.to_le_bytes().into_iter().take(of.number.bits as usize / 8))
                .map(|byte| format!("{byte:02X}"))
                .collect();
            text += &format!("  %c{index} = arith.constant dense<\"0x{bytes}\"> : {type}\n");
            names.push(format!("%c{index}"));
            types.push(r#type);
        }
        let inputs: Vec<_> = node.inputs.iter().map(tensor).collect();
        let output = tensor(&node.output);
        let arguments: Vec<_> = (0..inputs.len()).map(|index| format!("%x{index}")).collect();
        let signature: Vec<_> =
            arguments.iter().zip(&inputs).map(|(name, of)| format!("{name}: {of}")).collect();
        let parameters: Vec<_> =
            node.parameters.iter().map(|(name, list)| format!("{name} = {list:?}")).collect();
        let constants = match names.is_empty() {
            true => String::new(),
            false => format!(" constants({})", names.join(", ")),
        };
        let stage = |stage: &Requant| {
            let Requant { multiplier, addend, shift, rounding, overflow, width, .. } = stage;
            let Requant { signed, zero_point, min, max, .. } = stage;
            format!(
                "#aie4ml.requant<multiplier = {multiplier:?}, addend = {addend:?}, \
                 shift = {shift}, rounding = {}, overflow = {}, width = {width}, \
                 is_signed = {signed}, zero_point = {zero_point}, min = {min}, max = {max}>",
                rounding.name(),
                overflow.name()
            )
        };
        let requant = match stages.as_slice() {
            [] => String::new(),
            _ => {
                let stages: Vec<String> = stages.iter().map(stage).collect();
                format!(" accumulator = i{} requant = [{}]", node.accumulator, stages.join(", "))
            }
        };
        let all: Vec<String> = inputs.iter().chain(&types).cloned().collect();
        format!(
            "func.func @main({}) -> {output} {{\n{text}  %y = aie4ml.operator \"{}\"({}){constants} \
             parameters = {{{}}}{requant} : ({}) -> {output}\n  return %y : {output}\n}}\n",
            signature.join(", "),
            node.operator.name(),
            arguments.join(", "),
            parameters.join(", "),
            all.join(", ")
        )
    }

    /// Rows of codes, by the definition.
    fn expected(&self, inputs: &[Vec<i64>]) -> Vec<i64> {
        let Case { node, rows, stages } = self;
        let row = |row: usize| {
            let of = |(codes, tensor): (&Vec<i64>, &operator::Tensor)| {
                codes[row * tensor.features..][..tensor.features].to_vec()
            };
            let inputs: Vec<Vec<i64>> = inputs.iter().zip(&node.inputs).map(of).collect();
            let inputs: Vec<&[i64]> = inputs.iter().map(Vec::as_slice).collect();
            let results = node.operator.evaluate(node, &inputs);
            let codes = results.into_iter().enumerate().map(|(index, sum)| {
                let channel = index / node.unit();
                stages.iter().fold(sum, |code, stage| stage.apply(code.into(), channel))
            });
            codes.collect::<Vec<i64>>()
        };
        (0..*rows).flat_map(row).collect()
    }

    /// The message of a refusal.
    fn check(&self, seed: u64) -> Option<String> {
        let scratch = Scratch::new();
        let text = self.mlir();
        let model = scratch.write("net.mlir", &text);
        let out = scratch.path("out");
        let device =
            ["xcve2802", "npu1", "npu2", "xcve3858"][(seed / KINDS.len() as u64 % 4) as usize];
        let options = Options { model, device: Some(device.into()), ..Options::default() };
        if let Err(error) = compile::compile(&options, &out, &mut |_| ()) {
            return Some(format!("case {seed}: {error}\n{text}"));
        }
        let mut random = Random(seed);
        let inputs: Vec<Vec<i64>> = self
            .node
            .inputs
            .iter()
            .map(|of| random.many(self.rows * of.features, reach(of.number)))
            .collect();
        let expected = self.expected(&inputs);
        for level in [compile::NETWORK, compile::MAPPED, compile::DESIGN] {
            let tensors: Vec<Tensor> = inputs
                .iter()
                .zip(&self.node.inputs)
                .map(|(codes, of)| {
                    let dtype = Dtype::integer(of.number.bits, of.number.signed);
                    let dtype = dtype.expect("8 and 16 bits have types");
                    Tensor::from_integers(vec![self.rows, of.features], dtype, codes)
                        .unwrap_or_else(|error| panic!("{error}"))
                })
                .collect();
            let results = design::open(&out.join(level))
                .and_then(|runner| runner.run(&tensors, Some(Form::Codes)))
                .unwrap_or_else(|error| panic!("case {seed}: {level}: {error}\n{text}"));
            let found = results[0].integers().expect("codes were asked for");
            assert_eq!(found, expected, "case {seed}: {level}\n{text}");
        }
        None
    }
}

/// `AIE4ML_CASES` says how many, from `AIE4ML_FIRST` on.
#[test]
fn every_level_is_the_definition() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, count) =
        (number("AIE4ML_FIRST").unwrap_or(0), number("AIE4ML_CASES").unwrap_or(24));
    let refused: Vec<String> =
        (first..first + count).filter_map(|seed| Case::new(seed).check(seed)).collect();
    refused.iter().for_each(|message| println!("{message}"));
    assert!(refused.is_empty(), "{} of {count} nodes are refused: {}", refused.len(), refused[0]);
}
