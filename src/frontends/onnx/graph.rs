//! A graph whose structure has been checked; what its operators mean is not looked at here.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use super::{
    super::{Error, Options},
    inline::{self, Inlined},
    proto::{
        AttributeProto, Extent, GraphProto, ModelProto, TensorProto, TensorTypeProto,
        ValueInfoProto, attribute_kind,
    },
    quote,
    tensor::{self, Constant, Element},
};

/// Versions of the operator set in which the operators of this frontend mean what it thinks.
///
/// What moved from an attribute to an operand in between, they read in both places. Before 9,
/// `BatchNormalization` and `Upsample` were others. The versions up to 28 add element types only,
/// which are refused by name.
const OPSETS: RangeInclusive<i64> = 9..=28;

/// A graph in which every name is defined once and before its first use.
pub struct Graph {
    /// Without those that only give an initializer's type.
    pub inputs: Vec<Port>,
    pub outputs: Vec<Output>,
    /// In an order in which they can run: that of the file where it allows. Those without
    /// influence on the outputs are left out.
    pub nodes: Vec<Node>,
    initializers: HashMap<String, TensorProto>,
    /// Where tensors may keep their data.
    folder: Option<PathBuf>,
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
    /// The version of the operator set it is written in.
    pub opset: i64,
}

#[derive(Debug)]
enum Attribute {
    Int(i64),
    Float(f32),
    Text(String),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Tensor(Box<TensorProto>),
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
    pub fn new(
        model: ModelProto,
        folder: Option<&Path>,
        options: &Options,
    ) -> Result<Graph, Error> {
        let whole = |message: &str| Error::new("", message);
        let Some(mut graph) = model.graph else {
            return Err(whole("not an ONNX model: it has no graph"));
        };
        if model.ir_version < 3 {
            return Err(whole(&format!(
                "not an ONNX model this frontend reads: the version of its format is {}; supported: 3 and later",
                model.ir_version
            )));
        }
        let Some(opset) = inline::version(&model.opset_import) else {
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
        // ONNX Runtime has the same rule.
        let mut named = HashSet::new();
        for node in graph.node.iter().filter(|node| node.op_type != "Constant") {
            if !node.name.is_empty() && !named.insert(&node.name) {
                return Err(Error::new(
                    node_location(&node.name, &node.op_type),
                    "another node has the same name: give each a name of its own, as ONNX Runtime wants it too",
                ));
            }
        }
        let nodes = inline::inline(&mut graph, &model.functions, opset)?;
        Self::check(graph, nodes, folder, options)
    }

    fn check(
        graph: GraphProto,
        inlined: Vec<Inlined>,
        folder: Option<&Path>,
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

        let mut nodes: Vec<Node> = Vec::with_capacity(inlined.len());
        let mut node_names = HashSet::new();
        for inlined in inlined {
            let mut node = Node::new(inlined)?;
            if !node_names.insert(node.name.clone()) {
                // Constants, and nodes of functions. Values have names of their own.
                let output = node.outputs.iter().find(|output| !output.is_empty());
                node.name = format!("{}:{}", node.name, output.map_or("", String::as_str));
                node_names.insert(node.name.clone());
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
        Ok(Graph { inputs, outputs, nodes, initializers, folder: folder.map(Path::to_owned) })
    }

    /// Reads the elements of an initializer; `None` if there is none of that name.
    ///
    /// # Errors
    ///
    /// See [`Constant::decode`].
    pub fn initializer(&self, name: &str) -> Option<Result<Constant, Error>> {
        let tensor = self.initializers.get(name)?;
        let location = || format!("initializer {}", quote(name));
        let constant = Constant::decode(tensor, self.folder.as_deref());
        Some(constant.map_err(|message| Error::new(location(), message)))
    }
}

impl Node {
    fn new(Inlined { node: proto, opset }: Inlined) -> Result<Node, Error> {
        let mut node = Node {
            name: proto.name,
            operator: proto.op_type,
            domain: inline::domain(&proto.domain).to_owned(),
            inputs: proto.input,
            outputs: proto.output,
            attributes: HashMap::new(),
            opset,
        };
        for AttributeProto { name, f, i, s, t, floats, ints, kind, ref_attr_name, .. } in
            proto.attribute
        {
            if !ref_attr_name.is_empty() {
                return Err(node.error(format!(
                    "attribute {} refers to an attribute of a function, but is not in one",
                    quote(&name)
                )));
            }
            let attribute = match (kind, t) {
                (attribute_kind::FLOAT, _) => Attribute::Float(f),
                (attribute_kind::INT, _) => Attribute::Int(i),
                (attribute_kind::STRING, _) => {
                    Attribute::Text(String::from_utf8_lossy(&s).into_owned())
                }
                (attribute_kind::INTS, _) => Attribute::Ints(ints),
                (attribute_kind::FLOATS, _) => Attribute::Floats(floats),
                (attribute_kind::TENSOR, Some(tensor)) => Attribute::Tensor(Box::new(tensor)),
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
        node_location(&self.name, &self.operator)
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

    pub fn input_count(&self) -> usize {
        self.inputs.len()
    }

    /// Checks that there is one output.
    pub fn check_one_output(&self) -> Result<(), Error> {
        match self.outputs.as_slice() {
            [output] if !output.is_empty() => Ok(()),
            outputs => Err(self.error(format!("has {} outputs, needs one", outputs.len()))),
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

    pub fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
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
            Some(Attribute::Float(value)) if value.is_finite() => Ok(*value),
            Some(Attribute::Float(value)) => {
                Err(self.error(format!("attribute '{name}' is {value}, needs a finite number")))
            }
            Some(_) => Err(self.error(format!("attribute '{name}' is not a float"))),
        }
    }

    pub fn text<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str, Error> {
        match self.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Text(text)) => Ok(text),
            Some(_) => Err(self.error(format!("attribute '{name}' is not a text"))),
        }
    }

    pub fn ints(&self, name: &str) -> Result<Option<&[i64]>, Error> {
        match self.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Ints(values)) => Ok(Some(values)),
            Some(_) => Err(self.error(format!("attribute '{name}' is not a list of integers"))),
        }
    }

    pub fn floats(&self, name: &str) -> Result<Option<&[f32]>, Error> {
        match self.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Floats(values)) => Ok(Some(values)),
            Some(_) => Err(self.error(format!("attribute '{name}' is not a list of floats"))),
        }
    }

    /// A tensor, which may keep its data in a file of `graph`'s folder.
    pub fn tensor(&self, graph: &Graph, name: &str) -> Result<Constant, Error> {
        match self.attributes.get(name) {
            Some(Attribute::Tensor(tensor)) => Constant::decode(tensor, graph.folder.as_deref())
                .map_err(|message| self.error(format!("attribute '{name}' {message}"))),
            _ => Err(self.error(format!("attribute '{name}' is not a tensor"))),
        }
    }
}

/// `node 'fc1' (Gemm)`.
pub fn node_location(name: &str, operator: &str) -> String {
    format!("node {} ({})", quote(name), operator.escape_debug())
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
    let element = match tensor_type(info).map_or(0, |tensor| tensor.elem_type) {
        0 => None,
        number => Some(Element::from_data_type(number.into()).map_err(error)?),
    };
    Ok(Output { name: info.name.clone(), element })
}

fn tensor_type(info: &ValueInfoProto) -> Option<&TensorTypeProto> {
    info.r#type.as_ref()?.tensor_type.as_ref()
}
