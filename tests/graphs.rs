//! Networks that branch and join, with extents that fit nothing, against plain loops.

#[path = "graphs/any.rs"]
mod any;
mod common;

use aie4ml::{
    compile::{self, Options},
    design,
    exact::{Overflow, Requant, Rounding, range},
    plan::{hand_over::Transport, parallelize::Objective},
    report::Report,
    run::{Form, compare},
    tensor::{Dtype, Tensor},
};
use common::{Random, Scratch};
use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

enum Node {
    Input,
    /// `[k][n]` weights on a value.
    Dense {
        from: usize,
        weights: Vec<i64>,
        weight_bits: u32,
        stages: Vec<Requant>,
    },
    Add {
        from: [usize; 2],
        factors: [i64; 2],
        stages: Vec<Requant>,
    },
}

/// A sum of a channel after all stages.
fn requantized(stages: &[Requant], sum: i128, channel: usize) -> i64 {
    let apply = |x: i128, stage: &Requant| i128::from(stage.apply(x, channel));
    stages.iter().fold(sum, apply) as i64
}

/// A network. A value is a node's result; nodes use those before them.
struct Graph {
    device: &'static str,
    batch: usize,
    /// Bits of new values, and whether they are signed.
    number: (u32, bool),
    nodes: Vec<(Node, usize)>,
    /// Of each node's value.
    numbers: Vec<(u32, bool)>,
    outputs: Vec<usize>,
    random: Random,
    /// Whether layers are of all kinds that the verifier accepts: any scale, width, overflow,
    /// several stages, weights of 16 bits, any factors.
    any: bool,
}

impl Graph {
    fn new(seed: u64, batch: usize, bits: u32, signed: bool) -> Graph {
        let random = Random(seed);
        Graph {
            device: "xcve2802",
            batch,
            number: (bits, signed),
            nodes: Vec::new(),
            numbers: Vec::new(),
            outputs: Vec::new(),
            random,
            any: false,
        }
    }

    fn rounding(&mut self) -> Rounding {
        Rounding::ALL[self.random.below(Rounding::ALL.len())]
    }

    /// Requantizations to a new value, of sums that are `shift` bits too wide; `channels` if
    /// each may have numbers of its own.
    fn stages(&mut self, shift: i64, channels: Option<usize>) -> Vec<Requant> {
        let (bits, signed) = (i64::from(self.number.0), self.number.1);
        let rounding = self.rounding();
        let (low, max) = range(bits, signed);
        let min = if self.random.next().is_multiple_of(2) { 0 } else { low };
        let plain = Requant { min, max, ..Requant::shift(shift, rounding, bits, signed) };
        if !self.any || self.random.below(3) == 0 {
            return vec![plain];
        }
        let mut last = self.any_stage(shift, channels, plain);
        if self.random.below(3) > 0 {
            return vec![last];
        }
        // Rounded twice: to codes that need not be those of the result.
        let between = [(8, true), (8, false), (16, true), (16, false), (32, true)];
        let (width, signed) = between[self.random.below(between.len())];
        let rounding = self.rounding();
        let shift = (shift + bits - width).max(0);
        let first = Requant::shift(shift, rounding, width, signed);
        let first = self.any_stage(shift, channels, first);
        let shift = self.random.within((-2, 3)) + width - bits;
        last = Requant { multiplier: vec![1], addend: vec![0], shift, ..last };
        vec![first, last]
    }

    /// A stage with numbers of all sizes.
    fn any_stage(&mut self, shift: i64, channels: Option<usize>, plain: Requant) -> Requant {
        let random = &mut self.random;
        let mut stage = plain;
        stage.overflow = Overflow::ALL[random.below(3)];
        if random.below(3) == 0 {
            stage.width = random.within((1, stage.width));
            let (low, high) = range(stage.width, stage.signed);
            let clamp = |x: i64| x.clamp(low, high);
            (stage.min, stage.max) = (clamp(stage.min), clamp(stage.max));
        }
        if random.below(2) == 0 {
            stage.zero_point = random.within((-200, 200));
        }
        if shift < 0 || random.below(4) == 0 {
            return stage;
        }
        // Of few bits, of those that vectors multiply by, or of more.
        let bits = [3, 8, 16, 31, 31, 31, 40, 50][random.below(8)];
        let most = (1i64 << bits) - 1;
        let count = |random: &mut Random| match channels {
            Some(n) if random.below(2) == 0 => n,
            _ => 1,
        };
        let n = count(random);
        stage.multiplier = random.many(n, (most / 2, most));
        if random.below(4) == 0 {
            stage.multiplier.iter_mut().for_each(|m| *m = -*m);
        }
        stage.shift = (shift + bits).min(59);
        if random.below(2) == 0 {
            let far = 1i64 << (stage.shift + stage.width.min(10)).min(60);
            let n = count(random);
            stage.addend = random.many(n, (-far, far));
        }
        stage
    }

    fn push(&mut self, node: Node, columns: usize) -> usize {
        self.nodes.push((node, columns));
        self.numbers.push(self.number);
        self.nodes.len() - 1
    }

    fn input(&mut self, columns: usize) -> usize {
        self.push(Node::Input, columns)
    }

    fn dense(&mut self, from: usize, n: usize) -> usize {
        let k = self.nodes[from].1;
        let wide = self.any && self.random.below(5) == 0;
        let weight_bits = if wide { 16 } else { 8 };
        let weights = self.random.many(k * n, range(weight_bits.into(), true));
        let shift = i64::from(weight_bits) - 2 + i64::from(k.ilog2()) / 2;
        let stages = self.stages(shift, Some(n));
        self.push(Node::Dense { from, weights, weight_bits, stages }, n)
    }

    fn add(&mut self, a: usize, b: usize) -> usize {
        let mut factors = [self.random.below(4), self.random.below(4)].map(|shift| 1 << shift);
        let mut shift = self.random.within((-1, 4));
        if self.any && self.random.below(2) == 0 {
            // Of 14 bits, so that the sum of codes of 16 has 32.
            let bits = self.random.within((1, if self.number.0 == 8 { 22 } else { 14 }));
            factors = [0, 1].map(|_| self.random.within((-(1 << bits), 1 << bits)));
            shift = bits;
        }
        let stages = self.stages(shift, None);
        self.push(Node::Add { from: [a, b], factors, stages }, self.nodes[a].1)
    }

    /// At the network level.
    fn mlir(&self) -> String {
        let tensor = |value: usize| {
            let (bits, signed) = self.numbers[value];
            let sign = if signed { "" } else { "u" };
            format!("tensor<{}x{}x{sign}i{bits}>", self.batch, self.nodes[value].1)
        };
        let inputs = (0..self.nodes.len()).filter(|&i| matches!(self.nodes[i].0, Node::Input));
        let inputs: Vec<_> = inputs.map(|i| format!("%v{i}: {}", tensor(i))).collect();
        let results: Vec<_> = self.outputs.iter().map(|&i| tensor(i)).collect();
        let results = results.join(", ");
        let mut text = format!("func.func @main({}) -> ({results}) {{\n", inputs.join(", "));
        let requant = |stages: &[Requant]| {
            let stage = |stage: &Requant| {
                let Requant { shift, rounding, overflow, width, signed, .. } = stage;
                let Requant { multiplier, addend, zero_point, min, max, .. } = stage;
                format!(
                    "#aie4ml.requant<multiplier = {multiplier:?}, addend = {addend:?}, \
                     shift = {shift}, rounding = {}, overflow = {}, width = {width}, \
                     is_signed = {signed}, zero_point = {zero_point}, min = {min}, max = {max}>",
                    rounding.name(),
                    overflow.name(),
                )
            };
            let stages: Vec<_> = stages.iter().map(stage).collect();
            format!("requant = [{}]", stages.join(", "))
        };
        for (i, (node, n)) in self.nodes.iter().enumerate() {
            match node {
                Node::Input => Ok(()),
                Node::Dense { from, weights, weight_bits, stages } => {
                    let hex = |w: &i64| match weight_bits {
                        8 => format!("{:02X}", *w as u8),
                        _ => format!("{:02X}{:02X}", *w as u8, (*w >> 8) as u8),
                    };
                    let bytes: String = weights.iter().map(hex).collect();
                    let stored = format!("tensor<{}x{n}xi{weight_bits}>", self.nodes[*from].1);
                    writeln!(
                        text,
                        "%w{i} = arith.constant dense<\"0x{bytes}\"> : {stored}\n\
                         %v{i} = aie4ml.dense %v{from}, %w{i} accumulator = i{} {} : ({}, {stored}) -> {} loc(\"l{i}\")",
                        if self.numbers[*from].0 + weight_bits == 16 { 32 } else { 64 },
                        requant(stages),
                        tensor(*from),
                        tensor(i)
                    )
                }
                Node::Add { from: [a, b], factors, stages } => writeln!(
                    text,
                    "%v{i} = aie4ml.add %v{a}, %v{b} factors = {factors:?} accumulator = i{} {} : ({}, {}) -> {} loc(\"l{i}\")",
                    if factors.iter().all(|f| (1..=8).contains(f)) { 32 } else { 64 },
                    requant(stages),
                    tensor(*a),
                    tensor(*b),
                    tensor(i)
                ),
            }
            .expect("a string can be written");
        }
        let outputs: Vec<_> = self.outputs.iter().map(|i| format!("%v{i}")).collect();
        text + &format!("return {} : {results}\n}}\n", outputs.join(", "))
    }

    /// With plain loops: every value of every node.
    fn compute(&self, inputs: &[Vec<i64>]) -> Vec<Vec<i64>> {
        let mut values: Vec<Vec<i64>> = Vec::new();
        let mut inputs = inputs.iter();
        for (node, n) in &self.nodes {
            let value = match node {
                Node::Input => inputs.next().expect("one tensor per input").clone(),
                Node::Dense { from, weights, stages, .. } => values[*from]
                    .chunks(self.nodes[*from].1)
                    .flat_map(|row| {
                        (0..*n).map(|j| {
                            let products = row
                                .iter()
                                .enumerate()
                                .map(|(i, &x)| i128::from(x) * i128::from(weights[i * n + j]));
                            requantized(stages, products.sum(), j)
                        })
                    })
                    .collect(),
                Node::Add { from: [a, b], factors, stages } => {
                    let pairs = values[*a].iter().zip(&values[*b]);
                    pairs
                        .map(|(&a, &b)| {
                            let sum = i128::from(a * factors[0]) + i128::from(b * factors[1]);
                            requantized(stages, sum, 0)
                        })
                        .collect()
                }
            };
            values.push(value);
        }
        values
    }

    /// Compiles the network with either transport and compares every level with
    /// the loops, over so many batches.
    fn check(self, batches: usize, objective: Objective) {
        let scratch = Scratch::new();
        let text = self.mlir();
        let model = scratch.write("net.mlir", &text);
        let [auto, stored] = [Transport::Auto, Transport::MemoryTiles].map(|transport| {
            let out = scratch.path(&transport.to_string());
            let options = Options {
                model: model.clone(),
                device: Some(self.device.into()),
                objective,
                transport,
                ..Options::default()
            };
            compile::compile(&options, &out, &mut |_| ())
                .unwrap_or_else(|error| panic!("{transport}: {error}\n{text}"));
            out
        });
        let levels = [
            auto.join(compile::NETWORK),
            auto.join(compile::MAPPED),
            auto.join(compile::DESIGN),
            stored.join(compile::DESIGN),
        ];
        self.compare(&levels, batches, &|| text.clone());
    }

    /// Compares levels of the compiled network with the loops; `about` says of what, if they differ.
    fn compare(mut self, levels: &[PathBuf], batches: usize, about: &dyn Fn() -> String) {
        let rows = batches * self.batch;
        let given: Vec<usize> =
            (0..self.nodes.len()).filter(|&i| matches!(self.nodes[i].0, Node::Input)).collect();
        let many = |&value: &usize| {
            let (bits, signed) = self.numbers[value];
            self.random.many(rows * self.nodes[value].1, range(bits.into(), signed))
        };
        let codes: Vec<Vec<i64>> = given.iter().map(many).collect();
        let tensor = |value: usize, values: &[i64]| {
            let (bits, signed) = self.numbers[value];
            let dtype = Dtype::integer(bits, signed).expect("8 and 16 bits have types");
            Tensor::from_integers(vec![rows, self.nodes[value].1], dtype, values)
                .unwrap_or_else(|error| panic!("{error}"))
        };
        let inputs: Vec<Tensor> =
            given.iter().zip(&codes).map(|(&value, codes)| tensor(value, codes)).collect();
        let values = self.compute(&codes);
        for level in levels {
            let outputs = design::open(level)
                .and_then(|runner| runner.run(&inputs, Some(Form::Codes)))
                .unwrap_or_else(|error| panic!("{}: {error}\n{}", level.display(), about()));
            let level = level.display();
            assert_eq!(outputs.len(), self.outputs.len());
            for (output, &value) in outputs.iter().zip(&self.outputs) {
                let expected = tensor(value, &values[value]);
                let found = compare(output, &expected, 0.0).expect("the shapes are the same");
                assert_eq!(found.count, 0, "{level}: {found:?}\n{}", about());
            }
        }
    }
}

/// The tensor that skips waits for the others at every iteration; more of them
/// are under way than any buffer holds.
#[test]
fn a_long_way_and_a_short_one() {
    let mut graph = Graph::new(1, 4, 8, true);
    let x = graph.input(16);
    let start = graph.dense(x, 13);
    let long = (0..6).fold(start, |value, _| graph.dense(value, 13));
    let sum = graph.add(long, start);
    graph.outputs = vec![sum];
    graph.check(12, Objective::Resources);
}

#[test]
fn one_tensor_twice() {
    let mut graph = Graph::new(2, 5, 8, true);
    let x = graph.input(37);
    let twice = graph.add(x, x);
    let y = graph.dense(twice, 37);
    let sum = graph.add(y, y);
    graph.outputs = vec![sum];
    graph.check(2, Objective::Resources);
}

#[test]
fn two_inputs_and_two_heads() {
    for device in ["xcve2802", "npu1", "npu2", "xcve3858"] {
        let mut graph = Graph { device, ..Graph::new(3, 33, 8, true) };
        let (a, b) = (graph.input(13), graph.input(37));
        let (c, d) = (graph.dense(a, 21), graph.dense(b, 21));
        let sum = graph.add(c, d);
        let (head, tail) = (graph.dense(sum, 1), graph.dense(sum, 10));
        graph.outputs = vec![tail, head];
        graph.check(1, Objective::Resources);
    }
}

#[test]
fn an_add_on_several_tiles() {
    for (bits, signed) in [(8, false), (16, true)] {
        let mut graph = Graph::new(4, 8, bits, signed);
        let x = graph.input(37);
        let a = graph.dense(x, 64);
        let b = graph.dense(a, 64);
        let sum = graph.add(a, b);
        let y = graph.dense(sum, 5);
        graph.outputs = vec![y];
        graph.check(3, Objective::Throughput);
    }
}

/// Readers of one tensor with layers of other widths, an output among them.
#[test]
fn many_readers_of_one_tensor() {
    for (batch, objective) in [(1, Objective::Resources), (5, Objective::Throughput)] {
        let mut graph = Graph::new(6, batch, 8, true);
        let x = graph.input(13);
        let shared = graph.dense(x, 40);
        let heads = [3, 64, 17].map(|n| graph.dense(shared, n));
        let sum = graph.dense(heads[1], 40);
        let sum = graph.add(shared, sum);
        graph.outputs = vec![heads[0], shared, heads[2], sum];
        graph.check(2, objective);
    }
}

/// More readers than a core has descriptors for, but all take whole slices: one stream for all.
#[test]
fn readers_share_a_stream() {
    let mut graph = Graph::new(7, 5, 8, true);
    let x = graph.input(40);
    let shared = graph.dense(x, 37);
    let heads = [1, 10, 40, 100, 7, 64, 13, 5, 17].map(|n| graph.dense(shared, n));
    graph.outputs = [&heads[..], &[shared]].concat();
    graph.check(1, Objective::Resources);
}

/// Any dense graph, with any directives, compiles and runs exact, or is refused for a limit that
/// there is. `AIE4ML_CASES` many cases, by default a few; `cargo xtask nightly` takes 1000 and lists
/// the refusals.
#[test]
fn graphs_at_random() {
    let variable = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let first: u64 = variable("AIE4ML_SEED").unwrap_or(0);
    let count: u64 = variable("AIE4ML_CASES").unwrap_or(12);
    let mut failed = Vec::new();
    let mut refusals: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    let mut again = Vec::new();
    for seed in first..first + count {
        // All failures of a long run are told, not the first.
        match std::panic::catch_unwind(|| any::Case::new(seed, true).check(seed)) {
            Ok(Ok(report)) if replanned(&report) => again.push(seed),
            Ok(Ok(_)) => {}
            Ok(Err(message)) => {
                refusals.entry(any::kind(&message)).or_insert((0, seed)).0 += 1;
            }
            Err(_) => failed.push(seed),
        }
    }
    let refused: usize = refusals.values().map(|(count, _)| count).sum();
    let compiled = count - (refused + failed.len()) as u64;
    let mut refusals: Vec<_> = refusals.into_iter().collect();
    refusals.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    for (kind, (count, seed)) in refusals {
        println!("{count:5}, such as case {seed}: {kind}");
    }
    println!("{compiled} of {count} compiled and ran exact, {} failed", failed.len());
    println!("planned again: cases {again:?}");
    assert!(failed.is_empty(), "cases {failed:?}: AIE4ML_SEED=<case> AIE4ML_CASES=1 runs one");
    // Mostly refusals would test little.
    assert!(2 * compiled >= count, "only {compiled} of {count} compiled");
}

fn replanned(report: &Report) -> bool {
    report.estimate.proof.contains("planned again")
}

/// What the planner chooses first needs more of memory tiles and of streams than there is.
#[test]
fn plans_that_do_not_route_are_planned_again() {
    let seed = 103;
    let report =
        any::Case::new(seed, true).check(seed).unwrap_or_else(|why| panic!("{seed}: {why}"));
    assert!(replanned(&report), "case {seed} is planned once");
}

/// A sum of a signed and an unsigned tensor, each of 8 bits.
#[test]
fn of_two_signs() {
    let text = "func.func @main(%a: tensor<5x13xi8>, %b: tensor<5x13xui8>) -> tensor<5x13xi8> {\n\
         %0 = aie4ml.add %a, %b factors = [2, 1] requant = [#aie4ml.requant<shift = 1, rounding = floor, \
         overflow = saturate, width = 8, min = -128, max = 127>] : (tensor<5x13xi8>, tensor<5x13xui8>) -> tensor<5x13xi8>\n\
         return %0 : tensor<5x13xi8>\n}\n";
    let scratch = Scratch::new();
    let (out, model) = (scratch.path("out"), scratch.write("net.mlir", text));
    let options = Options { model, ..Options::default() };
    compile::compile(&options, &out, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"));
    let mut random = Random(5);
    let (a, b) = (random.many(65, (-128, 127)), random.many(65, (0, 255)));
    let sums: Vec<i64> =
        a.iter().zip(&b).map(|(a, b)| ((2 * a + b) >> 1).clamp(-128, 127)).collect();
    let tensor = |signed: bool, values: &[i64]| {
        let dtype = Dtype::integer(8, signed).expect("8 bits have types");
        Tensor::from_integers(vec![5, 13], dtype, values).unwrap_or_else(|error| panic!("{error}"))
    };
    for level in [compile::NETWORK, compile::MAPPED, compile::DESIGN] {
        let outputs = design::open(&out.join(level))
            .and_then(|runner| {
                runner.run(&[tensor(true, &a), tensor(false, &b)], Some(Form::Codes))
            })
            .unwrap_or_else(|error| panic!("{level}: {error}"));
        let found =
            compare(&outputs[0], &tensor(true, &sums), 0.0).expect("the shapes are the same");
        assert_eq!(found.count, 0, "{level}: {found:?}");
    }
}
