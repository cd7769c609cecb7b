//! Any dense graph compiles and runs exact, or is refused for a limit that there is.

use super::common::{Random, Scratch};
use super::{Graph, Node};
use aie4ml::{
    compile::{self, Options},
    plan::{hand_over::Transport, mapping::Io, parallelize::Objective},
    report::Report,
};
use std::fmt::Write;

/// What a refusal may say: a limit of the device or of the kernels, or a directive that cannot
/// hold, with what would.
const LIMITS: [&[&str]; 17] = [
    &["streams that cannot be routed", "use fewer tiles"],
    &["is impossible: ", "the nearest is"],
    &["is impossible: ", "without it, "],
    &["needs at least", "allow --max-tiles >="],
    &["needs at least", "tiles", "has", "use a larger device"],
    &["weights and their buffers need", "allow --max-tiles >="],
    &["takes", "tiles: allow --max-tiles >="],
    &["parts of edges do not fit the", "memory tiles of", "they need", "there are"],
    &["the rectangles of the layers do not fit"],
    &["streams", "the array are more than the", "use a device with more of them"],
    &["each with a stream of its own", "has", "that way: use a larger device"],
    &["streams run", "between columns", "fit: use fewer tiles"],
    &["needs", "buffer descriptors in tile", "which has"],
    &["can sum up to", "more than accumulator"],
    &["no kernel", "accumulates", "bits"],
    &["limits", "bits to", "which they do not reach"],
    &["adds the zero point", "kernels do so in 32 bits"],
];

/// A message without what is of one case.
pub fn kind(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.rsplit_once("net.mlir:").map_or(line, |(_, rest)| rest);
    let mut kind = String::new();
    for c in line.chars() {
        match c {
            '0'..='9' if kind.ends_with('#') => {}
            '0'..='9' => kind.push('#'),
            c => kind.push(c),
        }
    }
    kind
}

fn is_a_limit(message: &str) -> bool {
    !message.contains("bug") && LIMITS.iter().any(|words| words.iter().all(|w| message.contains(w)))
}

/// One case.
pub struct Case {
    graph: Graph,
    directives: String,
    options: Options,
    batches: usize,
}

/// Mostly narrow, now and then as wide as several tiles.
fn width(random: &mut Random) -> usize {
    match random.below(6) {
        0 => random.below(600) + 1,
        1 => [1, 8, 16, 64, 128, 256, 512][random.below(7)],
        2 => random.below(200) + 1,
        _ => random.below(48) + 1,
    }
}

impl Case {
    /// Of layers of all kinds, two times of three, if `any`.
    pub fn new(seed: u64, any: bool) -> Case {
        let mut random = Random(seed);
        let random = &mut random;
        let batch = [1, 2, 5, 8, 13, 32, 33, 100][random.below(8)];
        let (bits, signed) = [(8, true), (8, true), (8, false), (16, true)][random.below(4)];
        let mut graph = Graph::new(seed, batch, bits, signed);
        graph.any = any && random.below(3) > 0;
        // Values, with how often they may still be used.
        let mut free: Vec<(usize, usize)> = Vec::new();
        for _ in 0..1 + random.below(4) / 2 {
            let columns = width(random);
            let input = graph.input(columns);
            free.push((input, 1 + random.below(3)));
        }
        for _ in 0..1 + random.below(8) {
            // Where 8 bits do for the sums of 16, a layer may give other numbers than it takes.
            if bits == 8 && random.below(4) == 0 {
                graph.number = (8, random.below(2) == 0);
            }
            let pick = random.below(free.len());
            let a = free[pick].0;
            spend(&mut free, pick);
            let columns = graph.nodes[a].1;
            let other = free.iter().position(|&(b, _)| graph.nodes[b].1 == columns);
            let value = match other {
                Some(b) if random.below(3) > 0 => {
                    let (value, _) = free[b];
                    spend(&mut free, b);
                    graph.add(a, value)
                }
                // Often of equal extents, so that there is something to add.
                _ => {
                    let n = if random.below(3) == 0 { columns } else { width(random) };
                    graph.dense(a, n)
                }
            };
            // Rarely more ways than a core has channels.
            free.push((value, [1, 1, 2, 2, 2, 3][random.below(6)]));
            if free.is_empty() {
                break;
            }
        }
        let used = |graph: &Graph, value: usize| {
            graph.nodes.iter().any(|(node, _)| match node {
                Node::Input => false,
                Node::Dense { from, .. } => *from == value,
                Node::Add { from, .. } => from.contains(&value),
            })
        };
        for value in 0..graph.nodes.len() {
            if matches!(graph.nodes[value].0, Node::Input) && !used(&graph, value) {
                let n = width(random);
                graph.dense(value, n);
            }
        }
        let layers = |graph: &Graph| -> Vec<usize> {
            (0..graph.nodes.len()).filter(|&v| !matches!(graph.nodes[v].0, Node::Input)).collect()
        };
        let made = layers(&graph);
        // Now and then what others read is an output as well.
        let out = |v: &usize| !used(&graph, *v) || random.below(8) == 0;
        graph.outputs = made.iter().copied().filter(out).collect();
        let directives = directives(random, &graph, &made);
        let objective =
            [Objective::Resources, Objective::Throughput, Objective::Latency][random.below(3)];
        let max_tiles = (random.below(3) == 0).then(|| 1 + random.below(60));
        let device = ["xcve2802", "xcve3858", "xcve2302", "npu1", "npu2", "npu2", "npu1_2col"]
            [random.below(7)];
        let io =
            if device.starts_with("npu") || random.below(3) > 0 { None } else { Some(Io::Ddr) };
        let transport = [Transport::Auto, Transport::Auto, Transport::MemoryTiles][random.below(3)];
        let device = Some(device.to_owned());
        let options = Options { objective, max_tiles, device, io, transport, ..Options::default() };
        Case { graph, directives, options, batches: 1 + random.below(2) }
    }

    /// What was compiled, or why it is refused; panics at anything but an exact result or a limit.
    pub fn check(self, seed: u64) -> Result<Report, String> {
        let Case { graph, directives, mut options, batches } = self;
        let scratch = Scratch::new();
        let text = graph.mlir();
        options.model = scratch.write("net.mlir", &text);
        if !directives.is_empty() {
            options.directives = Some(scratch.write("d.toml", &directives));
        }
        let about = || {
            let Options { objective, max_tiles, device, io, transport, .. } = &options;
            let shape: Vec<_> = text.lines().filter(|l| !l.contains("arith.constant")).collect();
            format!(
                "case {seed}: {objective}, {transport}, {max_tiles:?} tiles, {device:?}, {io:?}\n{directives}\n{}",
                shape.join("\n")
            )
        };
        let out = scratch.path("out");
        match compile::compile(&options, &out, &mut |_| ()) {
            Ok(report) => {
                let levels = [compile::NETWORK, compile::DESIGN].map(|level| out.join(level));
                graph.compare(&levels, batches, &about);
                Ok(report)
            }
            Err(error) => {
                let message = error.to_string();
                assert!(is_a_limit(&message), "{message}\n{}", about());
                Err(message)
            }
        }
    }
}

fn spend(free: &mut Vec<(usize, usize)>, index: usize) {
    free[index].1 -= 1;
    // The last value stays, so that there is one to go on from.
    if free[index].1 == 0 && free.len() > 1 {
        free.remove(index);
    } else if free[index].1 == 0 {
        free[index].1 = 1;
    }
}

/// Decisions for some of the layers: most could hold, some cannot.
fn directives(random: &mut Random, graph: &Graph, layers: &[usize]) -> String {
    let mut text = String::new();
    if random.below(2) == 0 {
        return text;
    }
    for &layer in layers {
        if random.below(3) > 0 {
            continue;
        }
        let mut line = |key: &str, value: String| {
            if !text.contains(&format!("[layers.l{layer}]\n")) {
                writeln!(text, "[layers.l{layer}]").expect("a string can be written");
            }
            writeln!(text, "{key} = {value}").expect("a string can be written");
        };
        for _ in 0..1 + random.below(2) {
            match random.below(8) {
                0 | 1 => line("cascade", (1 + random.below(4)).to_string()),
                2 | 3 => line("chains", (1 + random.below(9)).to_string()),
                4 => line("k", (8 * (1 + random.below(12))).to_string()),
                5 => line("n", (8 * (1 + random.below(12))).to_string()),
                6 => line("max_tiles", (1 + random.below(20)).to_string()),
                _ => line("place", format!("[{}, {}]", random.below(20), 3 + random.below(8))),
            }
        }
        if random.below(6) == 0 {
            line("rows", (1 + random.below(graph.batch)).to_string());
        }
    }
    // One key a layer.
    let mut seen = Vec::new();
    let mut kept = String::new();
    for line in text.lines() {
        if line.starts_with('[') {
            seen.clear();
        }
        let key = line.split(' ').next().unwrap_or_default().to_owned();
        if !seen.contains(&key) {
            seen.push(key);
            kept += line;
            kept.push('\n');
        }
    }
    kept
}
