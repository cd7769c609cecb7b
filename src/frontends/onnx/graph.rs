//! A graph whose structure has been checked; what its operators mean is not looked at here.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    ops::RangeInclusive,
};

use super::{
    super::{Error, Options},
    proto::{
        AttributeProto, Extent, GraphProto, ModelProto, NodeProto, TensorProto, TensorTypeProto,
        ValueInfoProto, attribute_kind,
    },
    quote,
    tensor::{self, Constant, Element},
};

/// Versions of the operator set in which the operators of this frontend mean what it thinks.
///
/// Before 13, `Squeeze` and `Unsqueeze` have other operands and quantization has no axis. The
/// versions up to 28 add element types only, which are refused by name.
const OPSETS: RangeInclusive<i64> = 13..=28;

/// A graph in which every name is defined once and before its first use.
pub struct Graph {
    /// Without those that only give an initializer's type.
    pub inputs: Vec<Port>,
    pub outputs: Vec<Output>,
    /// In an order in which they can run: that of the file where it allows. Those without
    /// influence on the outputs are left out.
    pub nodes: Vec<Node>,
    initializers: HashMap<String, TensorProto>,
    /// Domain and name of the model's local functions.
    pub functions: HashSet<(String, String)>,
}

/// An input of the graph.
#[derive(Clone, Debug)]
pub struct Port {
    pub name: String,
    pub element: Element,
    /// No extent is 0.
    pub shape: Vec<u64>,
}

/// An output of the graph, as far as the file says it.
pub struct Output {
    pub name: String,
    pub element: Option<Element>,
    /// An extent may be absent, or all of them.
    pub shape: Option<Vec<Option<u64>>>,
}

/// One use of an operator.
#[derive(Debug)]
pub struct Node {
    /// Its own name, or, if it has none, that of its first output. Never empty, and no other
    /// node's.
    pub name: String,
    pub operator: String,
    pub domain: String,
    inputs: Vec<String>,
    pub outputs: Vec<String>,
    attributes: HashMap<String, Attribute>,
}

#[derive(Debug)]
enum Attribute {
    Int(i64),
    Float(f32),
    Ints(Vec<i64>),
    Tensor(TensorProto),
    Graph,
    /// Of a type none of the supported operators has.
    Other,
}

impl Graph {
    /// Checks the structure of a model.
    ///
    /// # Errors
    ///
    /// Anything the fields of [`Graph`] promise and the model does not keep.
    pub fn new(model: ModelProto, options: &Options) -> Result<Graph, Error> {
        let whole = |message: &str| Error::new("", message);
        let Some(graph) = model.graph else {
            return Err(whole("not an ONNX model: it has no graph"));
        };
        if model.ir_version < 3 {
            return Err(whole(&format!(
                "not an ONNX model this frontend reads: the version of its format is {}; supported: 3 and later",
                model.ir_version
            )));
        }
        let default = |domain: &str| domain.is_empty() || domain == "ai.onnx";
        let opset = model.opset_import.iter().find(|o| default(&o.domain));
        let Some(opset) = opset.map(|o| o.version) else {
            return Err(whole("not a complete ONNX model: it imports no operator set"));
        };
        if !OPSETS.contains(&opset) {
            return Err(whole(&format!(
                "operator set {opset} is not supported; supported: {} to {}",
                OPSETS.start(),
                OPSETS.end()
            )));
        }
        if !graph.sparse_initializer.is_empty() {
            return Err(whole("sparse initializers are not supported"));
        }
        if graph.node.is_empty() {
            return Err(whole("the graph is empty: it has no nodes"));
        }
        if graph.output.is_empty() {
            return Err(whole("the graph has no outputs"));
        }
        let functions = model.functions.into_iter().map(|f| (f.domain, f.name)).collect();
        Self::check(graph, functions, options)
    }

    fn check(
        graph: GraphProto,
        functions: HashSet<(String, String)>,
        options: &Options,
    ) -> Result<Graph, Error> {
        let mut names = HashSet::new();
        let mut define = |name: &str, location: String| {
            if names.insert(name.to_owned()) {
                Ok(())
            } else {
                let message = format!("the name {} is defined twice", quote(name));
                Err(Error::new(location, message))
            }
        };

        let mut initializers = HashMap::new();
        for tensor in graph.initializer {
            let location = format!("initializer {}", quote(&tensor.name));
            if tensor.name.is_empty() {
                return Err(Error::new("", "an initializer has no name"));
            }
            define(&tensor.name, location)?;
            initializers.insert(tensor.name.clone(), tensor);
        }

        // Up to version 3 of the format, initializers are listed as inputs too.
        let mut inputs = Vec::new();
        for info in graph.input.iter().filter(|i| !initializers.contains_key(&i.name)) {
            let input = input(info, options)?;
            define(&input.name, format!("input {}", quote(&input.name)))?;
            inputs.push(input);
        }

        let mut nodes = Vec::with_capacity(graph.node.len());
        let mut node_names = HashSet::new();
        for (index, proto) in graph.node.into_iter().enumerate() {
            let node = Node::new(index, proto)?;
            if !node_names.insert(node.name.clone()) {
                return Err(node.error("another node has the same name"));
            }
            for output in node.outputs.iter().filter(|o| !o.is_empty()) {
                define(output, node.location())?;
            }
            nodes.push(node);
        }
        let order = order(&nodes, &names)?;

        let mut outputs: Vec<Output> = Vec::new();
        for info in &graph.output {
            let output = output(info)?;
            let error = |message| Error::new(format!("output {}", quote(&output.name)), message);
            if !names.contains(&output.name) {
                return Err(error("no node, input or initializer has this name"));
            }
            if outputs.iter().any(|other| other.name == output.name) {
                return Err(error("is listed twice"));
            }
            outputs.push(output);
        }

        // What no output needs would only be a reason to refuse the model.
        let mut needed: HashSet<String> = outputs.iter().map(|o| o.name.clone()).collect();
        let mut live: Vec<usize> = Vec::new();
        for &index in order.iter().rev() {
            if nodes[index].outputs.iter().any(|o| needed.contains(o)) {
                needed.extend(nodes[index].inputs.iter().cloned());
                live.push(index);
            }
        }
        let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
        let nodes = live.iter().rev().filter_map(|&index| nodes[index].take()).collect();
        Ok(Graph { inputs, outputs, nodes, initializers, functions })
    }

    /// Reads the elements of an initializer; `None` if there is none of that name.
    ///
    /// # Errors
    ///
    /// See [`Constant::decode`].
    pub fn initializer(&self, name: &str) -> Option<Result<Constant, Error>> {
        let tensor = self.initializers.get(name)?;
        let location = || format!("initializer {}", quote(name));
        Some(Constant::decode(tensor).map_err(|message| Error::new(location(), message)))
    }

    /// Whether a name is that of an initializer that holds nothing but `false`.
    pub fn is_false(&self, name: &str) -> bool {
        self.initializers.get(name).is_some_and(|tensor| {
            let raw = tensor.raw_data.iter().flatten();
            raw.copied().map(i32::from).chain(tensor.int32_data.iter().copied()).all(|x| x == 0)
        })
    }
}

impl Node {
    fn new(index: usize, proto: NodeProto) -> Result<Node, Error> {
        let first_output = proto.output.iter().find(|o| !o.is_empty());
        let name = if proto.name.is_empty() { first_output } else { Some(&proto.name) };
        let mut node = Node {
            name: name.cloned().unwrap_or_else(|| format!("node {index}")),
            operator: proto.op_type,
            domain: proto.domain,
            inputs: proto.input,
            outputs: proto.output,
            attributes: HashMap::new(),
        };
        for AttributeProto { name, f, i, t, ints, kind, ref_attr_name } in proto.attribute {
            if !ref_attr_name.is_empty() {
                return Err(node.error(format!(
                    "attribute {} refers to an attribute of a function, but is not in one",
                    quote(&name)
                )));
            }
            let attribute = match (kind, t) {
                (attribute_kind::FLOAT, _) => Attribute::Float(f),
                (attribute_kind::INT, _) => Attribute::Int(i),
                (attribute_kind::INTS, _) => Attribute::Ints(ints),
                (attribute_kind::TENSOR, Some(tensor)) => Attribute::Tensor(tensor),
                (attribute_kind::GRAPH | attribute_kind::GRAPHS, _) => Attribute::Graph,
                _ => Attribute::Other,
            };
            if node.attributes.contains_key(&name) {
                return Err(node.error(format!("attribute {} is given twice", quote(&name))));
            }
            node.attributes.insert(name, attribute);
        }
        Ok(node)
    }

    /// `node 'fc1' (Gemm)`.
    pub fn location(&self) -> String {
        format!("node {} ({})", quote(&self.name), self.operator.escape_debug())
    }

    /// An error at this node.
    pub fn error(&self, message: impl Into<String>) -> Error {
        Error::new(self.location(), message)
    }

    /// The name of an input; `None` if it is left out.
    pub fn input(&self, index: usize) -> Option<&str> {
        let name = self.inputs.get(index).map(String::as_str);
        name.filter(|name| !name.is_empty())
    }

    /// Checks that the inputs below `least` are given and those from `most` on are not, and
    /// that there is one output.
    pub fn check_arity(&self, least: usize, most: usize) -> Result<(), Error> {
        self.check_inputs(least, most)?;
        match self.outputs.as_slice() {
            [output] if !output.is_empty() => Ok(()),
            _ => Err(self.error(format!("has {} outputs, needs one", self.outputs.len()))),
        }
    }

    /// Checks that the inputs below `least` are given and those from `most` on are not.
    pub fn check_inputs(&self, least: usize, most: usize) -> Result<(), Error> {
        if let Some(missing) = (0..least).find(|&i| self.input(i).is_none()) {
            let message = format!("input {missing} is missing; {least} are needed");
            return Err(self.error(message));
        }
        if (most..self.inputs.len()).any(|i| self.input(i).is_some()) {
            let message = format!("has {} inputs; at most {most} are supported", self.inputs.len());
            return Err(self.error(message));
        }
        Ok(())
    }

    /// Checks that every attribute is one of these.
    pub fn check_attributes(&self, known: &[&str]) -> Result<(), Error> {
        let mut unknown: Vec<_> =
            self.attributes.keys().filter(|name| !known.contains(&name.as_str())).collect();
        unknown.sort();
        match unknown.first() {
            None => Ok(()),
            Some(name) => Err(self.error(format!("attribute {} is not supported", quote(name)))),
        }
    }

    pub fn has_subgraph(&self) -> bool {
        self.attributes.values().any(|a| matches!(a, Attribute::Graph))
    }

    pub fn int(&self, name: &str, default: i64) -> Result<i64, Error> {
        match self.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Int(value)) => Ok(*value),
            Some(_) => Err(self.error(format!("attribute '{name}' is not an integer"))),
        }
    }

    pub fn float(&self, name: &str, default: f32) -> Result<f32, Error> {
        match self.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Float(value)) => Ok(*value),
            Some(_) => Err(self.error(format!("attribute '{name}' is not a float"))),
        }
    }

    pub fn ints(&self, name: &str) -> Result<Option<&[i64]>, Error> {
        match self.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Ints(values)) => Ok(Some(values)),
            Some(_) => Err(self.error(format!("attribute '{name}' is not a list of integers"))),
        }
    }

    pub fn tensor(&self, name: &str) -> Result<Constant, Error> {
        match self.attributes.get(name) {
            Some(Attribute::Tensor(tensor)) => Constant::decode(tensor)
                .map_err(|message| self.error(format!("attribute '{name}' {message}"))),
            _ => Err(self.error(format!("attribute '{name}' is not a tensor"))),
        }
    }
}

/// The nodes in an order in which they can run: the lowest index of those that can, always.
///
/// # Errors
///
/// An input of a node is not in `names`, or comes from the node itself, directly or not.
fn order(nodes: &[Node], names: &HashSet<String>) -> Result<Vec<usize>, Error> {
    let mut producer: HashMap<&str, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        producer.extend(node.outputs.iter().map(|output| (output.as_str(), index)));
    }
    let mut consumers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut waits_for: Vec<usize> = vec![0; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        for input in node.inputs.iter().filter(|i| !i.is_empty()) {
            if !names.contains(input) {
                return Err(node.error(format!(
                    "input {} does not exist: no node, input or initializer has this name",
                    quote(input)
                )));
            }
            if let Some(&from) = producer.get(input.as_str()) {
                consumers[from].push(index);
                waits_for[index] += 1;
            }
        }
    }
    let ready = (0..nodes.len()).filter(|&index| waits_for[index] == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = ready.map(Reverse).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for &consumer in &consumers[index] {
            waits_for[consumer] -= 1;
            if waits_for[consumer] == 0 {
                ready.push(Reverse(consumer));
            }
        }
    }
    let Some(stuck) = (0..nodes.len()).find(|&index| waits_for[index] > 0) else {
        return Ok(order);
    };
    // Each node that is left waits for another one that is left, so going back from any of
    // them ends in a cycle after at most as many steps as there are nodes.
    let back = |index: usize| {
        let inputs = nodes[index].inputs.iter();
        let mut from = inputs.filter_map(|input| producer.get(input.as_str()));
        from.find(|&&from| waits_for[from] > 0).copied().unwrap_or(index)
    };
    let on_cycle = (0..nodes.len()).fold(stuck, |index, _| back(index));
    let before = back(on_cycle);
    let message = if before == on_cycle {
        "needs its own output as input: the graph has a cycle".to_owned()
    } else {
        format!(
            "needs its own output as input, through {}: the graph has a cycle",
            nodes[before].location()
        )
    };
    Err(nodes[on_cycle].error(message))
}

fn input(info: &ValueInfoProto, options: &Options) -> Result<Port, Error> {
    let error = |message: String| Error::new(format!("input {}", quote(&info.name)), message);
    if info.name.is_empty() {
        return Err(Error::new("", "an input of the graph has no name"));
    }
    let Some(tensor) = tensor_type(info) else {
        return Err(error("is not a tensor; only tensors are supported".to_owned()));
    };
    let element = Element::from_data_type(tensor.elem_type.into()).map_err(error)?;
    let Some(dimensions) = &tensor.shape else {
        return Err(error("has no shape: export the model with static shapes".to_owned()));
    };
    let mut shape = Vec::new();
    for (index, dimension) in dimensions.dim.iter().enumerate() {
        let extent = match (&dimension.extent, options.batch) {
            (Some(Extent::Value(value)), _) if *value != -1 => *value,
            // The first dimension is the batch by convention, if it has no extent of its own.
            (_, Some(batch)) if index == 0 => i64::try_from(batch).unwrap_or(i64::MAX),
            (extent, _) => {
                let name = match extent {
                    Some(Extent::Parameter(name)) if !name.is_empty() => {
                        format!(" ({})", quote(name))
                    }
                    _ => String::new(),
                };
                let remedy = if index == 0 { "say '--batch N', or " } else { "" };
                return Err(error(format!(
                    "dimension {index} is dynamic{name}: {remedy}export the model with static shapes"
                )));
            }
        };
        match u64::try_from(extent) {
            Ok(extent) if extent > 0 => shape.push(extent),
            _ => {
                return Err(error(format!("dimension {index} is {extent}, needs at least 1")));
            }
        }
    }
    if tensor::elements(&shape).is_none() {
        return Err(error("has too many dimensions or elements".to_owned()));
    }
    Ok(Port { name: info.name.clone(), element, shape })
}

fn output(info: &ValueInfoProto) -> Result<Output, Error> {
    let error = |message: String| Error::new(format!("output {}", quote(&info.name)), message);
    if info.name.is_empty() {
        return Err(Error::new("", "an output of the graph has no name"));
    }
    let (mut element, mut shape) = (None, None);
    if let Some(tensor) = tensor_type(info) {
        element = match tensor.elem_type {
            0 => None,
            number => Some(Element::from_data_type(number.into()).map_err(error)?),
        };
        shape = tensor.shape.as_ref().map(|shape| {
            let extents = shape.dim.iter().map(|dimension| match dimension.extent {
                Some(Extent::Value(value)) => u64::try_from(value).ok(),
                _ => None,
            });
            extents.collect()
        });
    }
    Ok(Output { name: info.name.clone(), element, shape })
}

fn tensor_type(info: &ValueInfoProto) -> Option<&TensorTypeProto> {
    info.r#type.as_ref()?.tensor_type.as_ref()
}
