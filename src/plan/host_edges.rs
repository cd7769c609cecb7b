//! What of a model the array computes, and what the host does before and after it.
//!
//! The array computes with codes. What depends on the model's inputs through no quantizer comes
//! *before* the network, what no quantizer follows comes *after* it, and so do ops that the array has
//! not, as long as no layer is on their other side. Only codes cross into the network and out of it:
//! where sums leave, what makes them of the last codes is computed again on the host.

use std::collections::BTreeSet;

/// What an op does, as far as it decides where it may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Says what codes mean, or what real values they are: nothing that a side computes.
    Cast,
    /// Keeps elements and their order.
    Reshape,
    /// Real values become codes. `arithmetic` if ops for numbers say so.
    Quantizer { arithmetic: bool },
    /// Integers become real values, by arithmetic.
    Convert,
    /// Multiplies by weights.
    Layer,
    /// Element by element, as the array computes it.
    Elementwise,
    /// Likewise, if all but one operand are constant.
    Scale,
    /// What else the array computes or moves, between quantizers.
    Operator,
    /// What the array has not.
    Other,
}

/// Where a value comes from. Constants are no sources.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Source {
    Argument(usize),
    Node(usize),
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Real,
    /// Of so many bits.
    Integer(u32),
    /// Of a quantized type.
    Codes,
}

impl Form {
    fn enters(self) -> bool {
        matches!(self, Form::Codes | Form::Integer(..=16))
    }

    /// Sums leave as they are.
    fn leaves(self) -> bool {
        matches!(self, Form::Codes | Form::Integer(..=32))
    }
}

/// An op; one that depends on no argument has no operands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    pub kind: Kind,
    pub operands: Vec<Source>,
    pub form: Form,
    /// Equal for quantizers of the same type.
    pub r#type: usize,
}

/// A function: operands of a node are arguments or nodes before it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Graph {
    pub arguments: Vec<Form>,
    pub nodes: Vec<Node>,
    /// `None` for a constant.
    pub results: Vec<Option<Source>>,
}

/// Who computes a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Nobody needs it, or it is constant, or a [`Kind::Cast`]: everybody who needs it.
    Any,
    Before,
    Network,
    After,
}

/// What to take out of a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    pub sides: Vec<Side>,
    /// What the host hands to the network; `None` if the network keeps its arguments.
    pub inputs: Option<Vec<Source>>,
    /// What the network hands to the host; `None` if it keeps its results.
    pub outputs: Option<Vec<Source>>,
    /// What the first part of the host hands to the second.
    pub around: Vec<Source>,
}

/// Why a function cannot be cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Nothing is quantized; the first layer, if there is one.
    Float(Option<usize>),
    /// Nothing is between quantizers; the first layer that no quantizer follows, if there is one.
    Nothing(Option<usize>),
    /// A node of the network reads real values that are not quantized.
    Unquantized(usize),
}

/// Where to cut a function; `None` if it is a network as it is.
///
/// # Errors
///
/// If nothing would be left of the network, or more than codes had to cross into it.
pub fn cut(graph: &Graph) -> Result<Option<Cut>, Refusal> {
    let facts = Facts::of(graph);
    match facts.cut(true) {
        // What the array has not may be where it cannot be cut off, or take all layers with it: then
        // it is the network's to refuse.
        Err(refusal @ (Refusal::Unquantized(_) | Refusal::Nothing(_))) => {
            facts.cut(false).or(Err(refusal))
        }
        result => result,
    }
}

struct Facts<'g> {
    graph: &'g Graph,
    /// Depends on an argument, and a result on it.
    used: Vec<bool>,
    /// Depends on codes.
    coded: Vec<bool>,
    /// On a layer, itself included, and a layer on it.
    layer_above: Vec<bool>,
    layer_below: Vec<bool>,
    quantizer_below: Vec<bool>,
    /// All that reads it quantizes it, by ops for numbers.
    arithmetic_below: Vec<bool>,
}

impl<'g> Facts<'g> {
    fn of(graph: &'g Graph) -> Self {
        let count = graph.nodes.len();
        let mut used = vec![false; count];
        for source in graph.results.iter().flatten() {
            mark(&mut used, *source);
        }
        let mut layer_below = vec![false; count];
        let mut bare_layer_below = vec![false; count];
        let mut quantizer_below = vec![false; count];
        let mut read = vec![false; count];
        let mut read_otherwise = vec![false; count];
        graph.results.iter().flatten().for_each(|source| mark(&mut read_otherwise, *source));
        for index in (0..count).rev() {
            let node = &graph.nodes[index];
            used[index] &= !node.operands.is_empty();
            if !used[index] {
                continue;
            }
            let quantizer = matches!(node.kind, Kind::Quantizer { .. });
            let by_arithmetic = match node.kind {
                Kind::Quantizer { arithmetic } => arithmetic,
                Kind::Elementwise | Kind::Scale | Kind::Reshape => {
                    read[index] && !read_otherwise[index]
                }
                _ => false,
            };
            let facts =
                [(true, &mut used), (true, &mut read), (!by_arithmetic, &mut read_otherwise)];
            for (holds, of) in facts {
                if holds {
                    node.operands.iter().for_each(|source| mark(of, *source));
                }
            }
            let layer = node.kind == Kind::Layer;
            for (holds, of) in [
                (layer || layer_below[index], &mut layer_below),
                (layer || bare_layer_below[index] && !quantizer, &mut bare_layer_below),
                (quantizer || quantizer_below[index], &mut quantizer_below),
            ] {
                if holds {
                    node.operands.iter().for_each(|source| mark(of, *source));
                }
            }
        }
        let arithmetic_below = (0..count).map(|index| read[index] && !read_otherwise[index]);
        let mut facts = Facts {
            graph,
            used,
            coded: vec![false; count],
            layer_above: vec![false; count],
            layer_below,
            quantizer_below,
            arithmetic_below: arithmetic_below.collect(),
        };
        for (index, node) in graph.nodes.iter().enumerate() {
            let above = |of: &[bool]| node.operands.iter().any(|source| is(of, *source));
            facts.layer_above[index] = node.kind == Kind::Layer || above(&facts.layer_above);
            facts.coded[index] = match node.kind {
                Kind::Quantizer { .. } | Kind::Cast => true,
                Kind::Reshape => node.operands.iter().any(|s| facts.is_coded(*s)),
                // An image of bytes is none, either, but what a layer reads is.
                Kind::Convert => {
                    bare_layer_below[index] || node.operands.iter().any(|s| facts.is_coded(*s))
                }
                // A layer that reads integers reads codes.
                _ => {
                    node.operands.iter().any(|s| facts.is_coded(*s))
                        || node.operands.iter().any(|s| facts.form(*s) != Form::Real)
                            && (node.form != Form::Real || node.kind == Kind::Layer)
                }
            };
        }
        facts
    }

    fn form(&self, source: Source) -> Form {
        match source {
            Source::Argument(index) => self.graph.arguments[index],
            Source::Node(index) => self.graph.nodes[index].form,
        }
    }

    fn is_coded(&self, source: Source) -> bool {
        match source {
            Source::Argument(index) => self.graph.arguments[index] == Form::Codes,
            Source::Node(index) => self.coded[index],
        }
    }

    fn is_quantizer(&self, index: usize) -> bool {
        matches!(self.graph.nodes[index].kind, Kind::Quantizer { .. })
    }

    /// A quantizer of what no quantizer is before.
    fn enters(&self, index: usize) -> bool {
        let operands = &self.graph.nodes[index].operands;
        self.is_quantizer(index) && !operands.iter().any(|source| self.is_coded(*source))
    }

    /// Whether the array has no such op.
    fn is_foreign(&self, index: usize) -> bool {
        let node = &self.graph.nodes[index];
        let computed: BTreeSet<_> = node.operands.iter().collect();
        node.kind == Kind::Other || node.kind == Kind::Scale && computed.len() > 1
    }

    /// Who computes each node; `extend` takes foreign ops out as well.
    fn sides(&self, extend: bool) -> Vec<Side> {
        let nodes = &self.graph.nodes;
        let mut sides = vec![Side::Any; nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            if !self.used[index] || node.kind == Kind::Cast {
                continue;
            }
            let real = node.form == Form::Real
                || node.operands.iter().any(|source| self.form(*source) == Form::Real);
            let last = real && !self.is_quantizer(index) && !self.quantizer_below[index];
            let foreign = extend && self.is_foreign(index);
            let follows = self.reaches(&sides, index, Side::After);
            sides[index] = if !self.coded[index] || self.enters(index) {
                Side::Before
            } else if follows || last || foreign && !self.layer_below[index] {
                Side::After
            } else {
                Side::Network
            };
        }
        if extend {
            self.take_wide(&mut sides);
            self.take_sums(&mut sides);
            let mut early = vec![false; nodes.len()];
            for index in (0..nodes.len()).rev() {
                let foreign = self.is_foreign(index) && !self.layer_above[index];
                let taken = sides[index] == Side::Network && (early[index] || foreign)
                    || sides[index] == Side::Any && early[index];
                if taken {
                    nodes[index].operands.iter().for_each(|source| mark(&mut early, *source));
                    if sides[index] == Side::Network {
                        sides[index] = Side::Before;
                    }
                }
            }
            // Up to the next quantizers, as only codes cross.
            for index in 0..nodes.len() {
                let read = self.read(index);
                let is_before = |source: &Source| match source {
                    Source::Node(index) => sides[*index] == Side::Before,
                    Source::Argument(_) => true,
                };
                if sides[index] == Side::Network
                    && !self.layer_above[index]
                    && read.iter().all(is_before)
                    && read.iter().any(|source| self.form(*source) == Form::Real)
                {
                    sides[index] = Side::Before;
                }
            }
        }
        sides
    }

    /// Gives the host what reads integers that are too wide to enter the network, up to where they
    /// are narrow.
    fn take_wide(&self, sides: &mut [Side]) {
        for index in 0..sides.len() {
            let is_before = |source: &Source| match source {
                Source::Node(index) => sides[*index] == Side::Before,
                Source::Argument(_) => true,
            };
            let read = self.read(index);
            let wide = |source: &Source| matches!(self.form(*source), Form::Integer(17..));
            if sides[index] == Side::Network && read.iter().all(is_before) && read.iter().any(wide)
            {
                sides[index] = Side::Before;
            }
        }
    }

    /// Gives the host what combines two tensors to integers that are no codes, of which the array
    /// has no tensors, where nobody but the host reads those.
    fn take_sums(&self, sides: &mut [Side]) {
        let mut read_inside = vec![false; sides.len()];
        let results = self.graph.results.iter().flatten();
        results.for_each(|source| mark(&mut read_inside, *source));
        for (index, node) in self.graph.nodes.iter().enumerate().rev() {
            let computed: BTreeSet<_> = node.operands.iter().collect();
            let combines = matches!(node.kind, Kind::Elementwise | Kind::Scale)
                && matches!(node.form, Form::Integer(17..))
                && computed.len() > 1;
            if sides[index] == Side::Network && combines && !read_inside[index] {
                sides[index] = Side::After;
            }
            if sides[index] == Side::Network {
                node.operands.iter().for_each(|source| mark(&mut read_inside, *source));
            }
        }
    }

    /// Whether a node reads what `side` computes, casts looked through.
    fn reaches(&self, sides: &[Side], index: usize, side: Side) -> bool {
        self.read(index).into_iter().any(|source| match source {
            Source::Node(index) => sides[index] == side,
            Source::Argument(_) => false,
        })
    }

    /// What a node reads, casts looked through.
    fn read(&self, index: usize) -> Vec<Source> {
        self.graph.nodes[index].operands.iter().map(|source| self.origin(*source)).collect()
    }

    fn origin(&self, mut source: Source) -> Source {
        while let Source::Node(index) = source
            && let Node { kind: Kind::Cast, operands, .. } = &self.graph.nodes[index]
            && let Some(&before) = operands.first()
        {
            source = before;
        }
        source
    }

    fn cut(&self, extend: bool) -> Result<Option<Cut>, Refusal> {
        let nodes = &self.graph.nodes;
        let sides = self.sides(extend);
        let sides = sides.as_slice();
        let on = |side| (0..nodes.len()).filter(move |index| sides[*index] == side);
        let layer_on = |side| on(side).find(|index| nodes[*index].kind == Kind::Layer);
        if on(Side::Network).all(|index| nodes[index].kind == Kind::Reshape) {
            let quantized = (0..nodes.len()).any(|index| self.used[index] && self.coded[index]);
            return match (quantized, on(Side::After).next().or_else(|| on(Side::Before).next())) {
                (true, _) => Err(Refusal::Nothing(layer_on(Side::After))),
                (false, Some(_)) => Err(Refusal::Float(layer_on(Side::Before))),
                (false, None) => Ok(None),
            };
        }
        let after = !self.ends_trivially(sides);
        let mut outputs = BTreeSet::new();
        let mut around = BTreeSet::new();
        if after {
            let mut needed: Vec<Source> = self.graph.results.iter().flatten().copied().collect();
            let mut seen = BTreeSet::new();
            while let Some(source) = needed.pop() {
                let source = self.origin(source);
                if !seen.insert(source) {
                    continue;
                }
                match source {
                    Source::Node(index) if sides[index] == Side::After => {
                        needed.extend(self.read(index));
                    }
                    Source::Node(index) if sides[index] == Side::Network => {
                        if self.form(source).leaves() && !self.widens(index) {
                            outputs.insert(source);
                        } else {
                            needed.extend(self.read(index));
                        }
                    }
                    Source::Node(index) if !self.used[index] => {}
                    _ => _ = around.insert(source),
                }
            }
            if outputs.is_empty() {
                return Err(Refusal::Nothing(layer_on(Side::After)));
            }
        }
        let before = !around.is_empty()
            || self.quantizes_twice()
            || self.has_idle_argument()
            || on(Side::Before).any(|index| !self.is_trivial_begin(index));
        let mut inputs = BTreeSet::new();
        if before {
            for index in on(Side::Network) {
                for source in self.read(index) {
                    let crosses = match source {
                        Source::Argument(_) => true,
                        Source::Node(from) => sides[from] == Side::Before,
                    };
                    if crosses && !self.form(source).enters() {
                        return Err(Refusal::Unquantized(index));
                    }
                    if crosses {
                        inputs.insert(source);
                    }
                }
            }
            // Results that no layer makes are the network's own to refuse.
            for source in self.graph.results.iter().flatten().filter(|_| !after) {
                let source = self.origin(*source);
                let outside = match source {
                    Source::Argument(_) => true,
                    Source::Node(from) => sides[from] == Side::Before,
                };
                if outside {
                    inputs.insert(source);
                }
            }
        }
        Ok((before || after).then(|| Cut {
            inputs: before.then(|| inputs.into_iter().collect()),
            outputs: after.then(|| outputs.into_iter().collect()),
            around: around.into_iter().collect(),
            sides: sides.to_vec(),
        }))
    }

    /// Whether a node says codes in more bits, which the host does as well.
    fn widens(&self, index: usize) -> bool {
        let Node { kind, operands, form, .. } = &self.graph.nodes[index];
        let wide = matches!(form, Form::Integer(17..));
        let codes = |source: &Source| matches!(self.form(*source), Form::Integer(..=16));
        wide && *kind == Kind::Elementwise && matches!(&operands[..], [one] if codes(one))
    }

    /// Whether the network has what begins it anyway.
    fn is_trivial_begin(&self, index: usize) -> bool {
        let Node { kind, .. } = &self.graph.nodes[index];
        match kind {
            Kind::Reshape => true,
            Kind::Quantizer { .. } => self.enters(index),
            Kind::Elementwise | Kind::Scale | Kind::Convert => {
                !self.is_foreign(index) && self.arithmetic_below[index]
            }
            _ => false,
        }
    }

    /// Whether the network has what comes after it anyway: reshapes, and arithmetic that says what its
    /// last codes mean.
    fn ends_trivially(&self, sides: &[Side]) -> bool {
        let mut means = vec![false; self.graph.nodes.len()];
        for (index, Node { kind, operands, .. }) in self.graph.nodes.iter().enumerate() {
            if sides[index] != Side::After {
                continue;
            }
            means[index] = match kind {
                Kind::Convert => operands.iter().all(|source| self.form(*source).leaves()),
                Kind::Elementwise | Kind::Scale => {
                    !self.is_foreign(index) && operands.iter().all(|source| is(&means, *source))
                }
                _ => false,
            };
            if !means[index] && *kind != Kind::Reshape {
                return false;
            }
        }
        true
    }

    /// Whether nothing reads an argument: the network then does without it.
    fn has_idle_argument(&self) -> bool {
        let read = |argument: Source| {
            let nodes = self.graph.nodes.iter().zip(&self.used);
            let mut reading = nodes.filter(|(_, used)| **used).flat_map(|(node, _)| &node.operands);
            reading.any(|source| *source == argument)
                || self.graph.results.contains(&Some(argument))
        };
        (0..self.graph.arguments.len()).any(|index| !read(Source::Argument(index)))
    }

    /// Whether an argument has codes of two types.
    fn quantizes_twice(&self) -> bool {
        let nodes = &self.graph.nodes;
        let quantizers: Vec<(Source, usize)> = (0..nodes.len())
            .filter(|&index| {
                let named = nodes[index].kind == Kind::Quantizer { arithmetic: false };
                named && self.used[index] && self.enters(index)
            })
            .filter_map(|index| {
                let mut source = *nodes[index].operands.first()?;
                while let Source::Node(before) = source
                    && nodes[before].kind == Kind::Reshape
                {
                    source = *nodes[before].operands.first()?;
                }
                Some((source, nodes[index].r#type))
            })
            .collect();
        quantizers.iter().any(|(source, r#type)| {
            quantizers.iter().any(|(other, of)| source == other && r#type != of)
        })
    }
}

fn mark(of: &mut [bool], source: Source) {
    if let Source::Node(index) = source {
        of[index] = true;
    }
}

fn is(of: &[bool], source: Source) -> bool {
    matches!(source, Source::Node(index) if of[index])
}

#[cfg(test)]
mod tests;
