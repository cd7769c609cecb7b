//! A network as the planners see it: layers, and who feeds whom.
//!
//! A tensor is `rows x features`. A layer reads one tensor per input port and
//! writes one tensor, which any number of edges may carry on.
//!
//! **Invariant:** after [`Network::check`], every index is in range, layers
//! are listed in topological order, every input port of a layer has exactly
//! one edge, and both ends of an edge agree on rows, features and width.

use super::mapping::Via;
use crate::kernel::Clamp;
use crate::operator::Node;
use std::fmt;

/// An integer type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Number {
    /// 4, 8, 16 or 32.
    pub bits: u32,
    pub signed: bool,
}

impl Number {
    pub fn new(bits: u32, signed: bool) -> Self {
        Number { bits, signed }
    }

    /// Bytes of `count` elements, rounded up.
    pub fn bytes(self, count: usize) -> usize {
        (count * self.bits as usize).div_ceil(8)
    }
}

/// What a layer computes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// `rows x k` times `k x n`, plus a bias of int32 per output.
    Dense,
    /// Element by element over `inputs` tensors of `rows x n`; `k == n`.
    Elementwise { inputs: usize },
    /// An operator that reads whole rows of its inputs on every tile.
    Whole { inputs: usize },
}

/// One layer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layer {
    /// The model's name, for messages.
    pub name: String,
    pub kind: Kind,
    /// Rows of the whole tensor (batch, or batch times positions).
    pub rows: usize,
    /// Input features.
    pub k: usize,
    /// Output features.
    pub n: usize,
    pub input: Number,
    pub weight: Number,
    pub output: Number,
    /// 32 or 64.
    pub accumulator_bits: u32,
    pub bias: bool,
    /// Words of int32 that each output has of multipliers and addends of its own.
    pub scales: usize,
    /// Whether operands are multiplied by factors, and not shifted, element by element.
    pub multiplies: bool,
    /// How results are requantized, as far as it takes time.
    pub stages: Vec<Clamp>,
    /// Of a layer that reads whole rows: what it computes.
    pub node: Option<Node>,
}

impl Layer {
    /// A dense layer with bias, of signed integers, in 32-bit accumulators
    /// (64 for 16-bit inputs and weights).
    pub fn dense(
        name: &str,
        rows: usize,
        k: usize,
        n: usize,
        input: u32,
        weight: u32,
        output: u32,
    ) -> Self {
        Layer {
            name: name.to_owned(),
            kind: Kind::Dense,
            rows,
            k,
            n,
            input: Number::new(input, true),
            weight: Number::new(weight, true),
            output: Number::new(output, true),
            accumulator_bits: if input == 16 && weight == 16 { 64 } else { 32 },
            bias: true,
            scales: 0,
            multiplies: false,
            stages: Vec::new(),
            node: None,
        }
    }

    /// Number of input ports.
    pub fn inputs(&self) -> usize {
        match self.kind {
            Kind::Dense => 1,
            Kind::Elementwise { inputs } | Kind::Whole { inputs } => inputs,
        }
    }

    /// Features and type of an input.
    pub fn port(&self, port: usize) -> (usize, Number) {
        match self.node.as_ref().and_then(|node| node.inputs.get(port)) {
            Some(input) => (input.features, Number::new(input.number.bits, input.number.signed)),
            None => (self.k, self.input),
        }
    }

    /// Outputs that a tile's slice is a multiple of, where tiles compute in blocks of `block`.
    pub fn step(&self, block: usize) -> usize {
        self.node.as_ref().map_or(block, Node::step)
    }

    /// Multiply-accumulates for all rows.
    pub fn macs(&self) -> u64 {
        match self.kind {
            Kind::Dense => self.rows as u64 * self.k as u64 * self.n as u64,
            Kind::Elementwise { .. } | Kind::Whole { .. } => 0,
        }
    }
}

/// Where an edge begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Source {
    /// Index into [`Network::inputs`].
    Input(usize),
    /// Index into [`Network::layers`].
    Layer(usize),
}

/// Where an edge ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Sink {
    /// Index into [`Network::layers`] and the layer's input port.
    Layer(usize, usize),
    /// Index into [`Network::outputs`].
    Output(usize),
}

/// A tensor's way from where it is made to one place where it is used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Edge {
    pub from: Source,
    pub to: Sink,
    /// What has to carry it; `None` if that is free.
    pub via: Option<Via>,
}

impl Edge {
    /// An edge that anything may carry.
    pub fn new(from: Source, to: Sink) -> Edge {
        Edge { from, to, via: None }
    }
}

/// A tensor at the boundary of the network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    pub name: String,
    pub rows: usize,
    pub features: usize,
    pub number: Number,
}

/// Layers in topological order, and edges between them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Network {
    pub layers: Vec<Layer>,
    pub edges: Vec<Edge>,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
}

/// Why a [`Network`] is not one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

impl Network {
    /// Layers in a row: one input, each layer feeding the next, one output.
    pub fn chain(layers: Vec<Layer>) -> Self {
        let mut network = Network::default();
        if let (Some(first), Some(last)) = (layers.first(), layers.last()) {
            let port = |name: &str, rows, features, number| Port {
                name: name.to_owned(),
                rows,
                features,
                number,
            };
            network.inputs.push(port("input", first.rows, first.k, first.input));
            network.outputs.push(port("output", last.rows, last.n, last.output));
            network.edges.push(Edge::new(Source::Input(0), Sink::Layer(0, 0)));
            for i in 1..layers.len() {
                network.edges.push(Edge::new(Source::Layer(i - 1), Sink::Layer(i, 0)));
            }
            network.edges.push(Edge::new(Source::Layer(layers.len() - 1), Sink::Output(0)));
        }
        network.layers = layers;
        network
    }

    /// Edges that begin at `source`, in order.
    pub fn from_source(&self, source: Source) -> impl Iterator<Item = (usize, &Edge)> {
        self.edges.iter().enumerate().filter(move |(_, edge)| edge.from == source)
    }

    /// Edges into a layer, in order.
    pub fn into_layer(&self, layer: usize) -> impl Iterator<Item = (usize, &Edge)> {
        self.edges
            .iter()
            .enumerate()
            .filter(move |(_, edge)| matches!(edge.to, Sink::Layer(l, _) if l == layer))
    }

    /// Layers on the longest way from the outside to each, itself included.
    pub fn depths(&self) -> Vec<usize> {
        let mut depths = vec![1; self.layers.len()];
        for layer in 0..self.layers.len() {
            for (_, edge) in self.into_layer(layer) {
                if let Source::Layer(from) = edge.from {
                    depths[layer] = depths[layer].max(depths[from] + 1);
                }
            }
        }
        depths
    }

    /// `(rows, features, number)` of the tensor that an edge carries.
    pub fn tensor(&self, edge: &Edge) -> (usize, usize, Number) {
        match edge.from {
            Source::Input(i) => {
                let port = &self.inputs[i];
                (port.rows, port.features, port.number)
            }
            Source::Layer(l) => {
                let layer = &self.layers[l];
                (layer.rows, layer.n, layer.output)
            }
        }
    }

    /// Whether the invariant of the module holds.
    ///
    /// # Errors
    /// Names the layer or the edge that breaks it.
    pub fn check(&self) -> Result<(), Malformed> {
        let fail = |message: String| Err(Malformed(message));
        for layer in &self.layers {
            let Layer { name, rows, k, n, .. } = layer;
            if *rows == 0 || *k == 0 || *n == 0 {
                return fail(format!(
                    "{name}: {rows} rows of {k}x{n}: every extent must be positive"
                ));
            }
            if !matches!(layer.accumulator_bits, 32 | 64) {
                return fail(format!(
                    "{name}: accumulators of {} bits: 32 or 64 expected",
                    layer.accumulator_bits
                ));
            }
            if matches!(layer.kind, Kind::Elementwise { .. }) && k != n {
                return fail(format!("{name}: element by element from {k} to {n} features"));
            }
        }
        let mut fed: Vec<Vec<bool>> = self.layers.iter().map(|l| vec![false; l.inputs()]).collect();
        let mut outputs = vec![false; self.outputs.len()];
        for (index, edge) in self.edges.iter().enumerate() {
            let known = match edge.from {
                Source::Input(i) => i < self.inputs.len(),
                Source::Layer(l) => l < self.layers.len(),
            };
            if !known {
                return fail(format!(
                    "edge {index} begins at {:?}, which does not exist",
                    edge.from
                ));
            }
            let given = self.tensor(edge);
            let (name, wanted, slot) = match edge.to {
                Sink::Layer(l, port) => {
                    let Some(layer) = self.layers.get(l) else {
                        return fail(format!(
                            "edge {index} ends at {:?}, which does not exist",
                            edge.to
                        ));
                    };
                    if matches!(edge.from, Source::Layer(from) if from >= l) {
                        return fail(format!(
                            "edge {index} into {} does not go forward",
                            layer.name
                        ));
                    }
                    let (features, number) = layer.port(port);
                    (&layer.name, (layer.rows, features, number), fed[l].get_mut(port))
                }
                Sink::Output(o) => {
                    let Some(port) = self.outputs.get(o) else {
                        return fail(format!(
                            "edge {index} ends at {:?}, which does not exist",
                            edge.to
                        ));
                    };
                    (&port.name, (port.rows, port.features, port.number), outputs.get_mut(o))
                }
            };
            // A layer that adds tells signs apart itself; what it reads is as wide.
            let adds = matches!(edge.to, Sink::Layer(l, _) if matches!(self.layers[l].kind, Kind::Elementwise { .. }));
            let same = |a: Number, b: Number| a == b || adds && a.bits == b.bits;
            if (given.0, given.1) != (wanted.0, wanted.1) || !same(given.2, wanted.2) {
                return fail(format!(
                    "{name}: wants {} rows of {} i{} elements, its edge carries {} rows of {} i{}",
                    wanted.0, wanted.1, wanted.2.bits, given.0, given.1, given.2.bits
                ));
            }
            match slot {
                Some(slot) if !*slot => *slot = true,
                Some(_) => return fail(format!("{name}: two edges into one input")),
                None => {
                    return fail(format!("{name}: edge {index} into an input it does not have"));
                }
            }
        }
        for (layer, fed) in self.layers.iter().zip(&fed) {
            if let Some(port) = fed.iter().position(|f| !f) {
                return fail(format!("{}: nothing feeds input {port}", layer.name));
            }
        }
        if let Some(o) = outputs.iter().position(|f| !f) {
            return fail(format!("{}: nothing feeds this output", self.outputs[o].name));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_well_formed() {
        let network = Network::chain(vec![
            Layer::dense("a", 8, 16, 64, 8, 8, 8),
            Layer::dense("b", 8, 64, 5, 8, 8, 8),
        ]);
        assert_eq!(network.check(), Ok(()));
        assert_eq!(network.edges.len(), 3);
        assert_eq!(network.from_source(Source::Layer(0)).count(), 1);
        assert_eq!(network.into_layer(1).next().unwrap().0, 1);
        assert_eq!(Network::chain(vec![]).check(), Ok(()));
    }

    #[test]
    fn refuses_what_does_not_fit_together() {
        let good = Network::chain(vec![
            Layer::dense("a", 8, 16, 64, 8, 8, 8),
            Layer::dense("b", 8, 64, 5, 8, 8, 8),
        ]);
        let broken = |change: fn(&mut Network)| {
            let mut network = good.clone();
            change(&mut network);
            network.check().unwrap_err().to_string()
        };
        assert!(
            broken(|n| n.layers[1].k = 63)
                .contains("b: wants 8 rows of 63 i8 elements, its edge carries 8 rows of 64 i8")
        );
        assert!(broken(|n| n.layers[0].rows = 0).contains("every extent must be positive"));
        assert!(broken(|n| n.layers[1].input.signed = false).contains("b: wants"));
        assert!(
            broken(|n| n.edges.retain(|e| e.to != Sink::Layer(1, 0)))
                .contains("b: nothing feeds input 0")
        );
        assert!(broken(|n| n.edges.push(n.edges[1])).contains("two edges into one input"));
        assert!(broken(|n| n.edges[1].from = Source::Layer(1)).contains("does not go forward"));
        assert!(broken(|n| n.edges[1].from = Source::Layer(7)).contains("does not exist"));
        assert!(broken(|n| n.edges[1].to = Sink::Layer(1, 3)).contains("does not have"));
        assert!(broken(|n| n.edges.truncate(2)).contains("nothing feeds this output"));
    }
}
