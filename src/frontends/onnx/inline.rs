//! Functions of the model and branches that are always taken, put in the place of their calls.

use std::collections::HashMap;

use prost::Message;

use super::{
    super::Error,
    graph::node_location,
    operators,
    proto::{
        AttributeProto, FunctionProto, GraphProto, NodeProto, OperatorSetIdProto, TensorProto,
    },
};

/// How deep calls may be nested.
const MAX_DEPTH: usize = 64;

/// What calls may become in all: a small file can say a large network by calls of calls.
const MAX_NODES: usize = 100_000;
const MAX_BYTES: usize = 1 << 28;

/// A node, with the version of the operator set it is written in.
pub struct Inlined {
    pub node: NodeProto,
    pub opset: i64,
}

/// The nodes of a graph without calls; constants of branches are added to its initializers.
///
/// # Errors
///
/// Calls are nested without end, or become too large a network.
pub fn inline(
    graph: &mut GraphProto,
    functions: &[FunctionProto],
    opset: i64,
) -> Result<Vec<Inlined>, Error> {
    let key =
        |f: &FunctionProto| (domain(&f.domain).to_owned(), f.name.clone(), f.overload.clone());
    let mut inliner = Inliner {
        functions: functions.iter().map(|f| (key(f), f)).collect(),
        nodes: Vec::new(),
        bytes: 0,
        initializers: Vec::new(),
        conditions: HashMap::new(),
    };
    for tensor in &graph.initializer {
        inliner.condition(&tensor.name, tensor);
    }
    let nodes = std::mem::take(&mut graph.node);
    let scope = Scope { opset, ..Scope::default() };
    for (index, node) in nodes.into_iter().enumerate() {
        inliner.node(index, node, &scope, 0)?;
    }
    graph.initializer.append(&mut inliner.initializers);
    Ok(inliner.nodes)
}

/// The operators of ONNX are of a domain with two names.
pub fn domain(name: &str) -> &str {
    if name == "ai.onnx" { "" } else { name }
}

/// The version of the operators of ONNX among what is imported.
pub fn version(imports: &[OperatorSetIdProto]) -> Option<i64> {
    imports.iter().find(|import| domain(&import.domain).is_empty()).map(|import| import.version)
}

/// What names mean where nodes are inlined.
#[derive(Default)]
struct Scope {
    opset: i64,
    /// Stands before names of nodes and of values that are of this call only.
    nodes: String,
    values: String,
    /// Names of the call, by those of the function. Others of a function are its own.
    names: HashMap<String, String>,
    attributes: HashMap<String, AttributeProto>,
}

impl Scope {
    fn name(&self, name: &str) -> String {
        match self.names.get(name) {
            _ if name.is_empty() => String::new(),
            Some(outer) => outer.clone(),
            None => format!("{}{name}", self.values),
        }
    }
}

struct Inliner<'m> {
    functions: HashMap<(String, String, String), &'m FunctionProto>,
    nodes: Vec<Inlined>,
    bytes: usize,
    initializers: Vec<TensorProto>,
    /// Constants of one bool.
    conditions: HashMap<String, bool>,
}

impl Inliner<'_> {
    fn condition(&mut self, name: &str, tensor: &TensorProto) {
        const BOOL: i32 = 9;
        let raw = tensor.raw_data.iter().flatten().map(|&byte| i32::from(byte));
        let values: Vec<i32> = raw.chain(tensor.int32_data.iter().copied()).take(2).collect();
        if let (BOOL, [value]) = (tensor.data_type, values.as_slice()) {
            self.conditions.insert(name.to_owned(), *value != 0);
        }
    }

    fn node(
        &mut self,
        index: usize,
        mut node: NodeProto,
        scope: &Scope,
        depth: usize,
    ) -> Result<(), Error> {
        let refuse = |node: &NodeProto, message: &str| {
            Err(Error::new(node_location(&node.name, &node.op_type), message))
        };
        for name in node.input.iter_mut().chain(&mut node.output) {
            *name = scope.name(name);
        }
        let first = node.output.iter().find(|name| !name.is_empty()).cloned();
        if !node.name.is_empty() {
            node.name = format!("{}{}", scope.nodes, node.name);
        } else if let Some(first) = &first {
            node.name = first.clone();
        } else {
            node.name = format!("{}node {index}", scope.nodes);
        }
        if depth > 0 {
            resolve(&mut node, &scope.attributes);
        }
        if depth > MAX_DEPTH {
            return refuse(&node, "is in calls that are nested too deep, or without end");
        }
        self.bytes = self.bytes.saturating_add(if depth == 0 { 0 } else { node.encoded_len() });
        if depth > 0 && (self.nodes.len() > MAX_NODES || self.bytes > MAX_BYTES) {
            return refuse(&node, "is in calls that become too large a network");
        }
        let prefix = |name: &str| format!("{name}/");
        let values = first.as_deref().map_or_else(|| prefix(&node.name), prefix);

        let key = (domain(&node.domain).to_owned(), node.op_type.clone(), node.overload.clone());
        let known = operators::is_known(domain(&node.domain), &node.op_type);
        if let Some(&function) = self.functions.get(&key).filter(|_| !known) {
            let mut names = HashMap::new();
            for (formal, index) in function.input.iter().zip(0..) {
                names.insert(formal.clone(), node.input.get(index).cloned().unwrap_or_default());
            }
            let mut copies = Vec::new();
            for (formal, actual) in function.output.iter().zip(&node.output) {
                match names.get(formal) {
                    _ if actual.is_empty() => {}
                    // An input that is handed through, or an output that is given out twice.
                    Some(inner) => copies.push((inner.clone(), actual.clone())),
                    None => drop(names.insert(formal.clone(), actual.clone())),
                }
            }
            let defaults = function.attribute_proto.iter().cloned();
            let attributes = defaults.chain(node.attribute.iter().cloned());
            let inner = Scope {
                opset: version(&function.opset_import).unwrap_or(scope.opset),
                nodes: prefix(&node.name),
                values,
                names,
                attributes: attributes.map(|a| (a.name.clone(), a)).collect(),
            };
            for (index, inner_node) in function.node.iter().enumerate() {
                self.node(index, inner_node.clone(), &inner, depth + 1)?;
            }
            for (from, to) in copies {
                self.copy(&node.name, from, to, scope.opset);
            }
            return Ok(());
        }

        if node.op_type == "If" && key.0.is_empty() {
            let condition = node.input.first().and_then(|name| self.conditions.get(name));
            let branch = condition.map(|&taken| if taken { "then_branch" } else { "else_branch" });
            let of_name = |a: &&mut AttributeProto| Some(a.name.as_str()) == branch;
            let taken = node.attribute.iter_mut().find(of_name).and_then(|a| a.g.take());
            if let Some(graph) = taken {
                return self.branch(&node, graph, values, scope, depth);
            }
        }
        if node.op_type == "Constant"
            && let (Some(name), [AttributeProto { t: Some(tensor), .. }]) =
                (&first, node.attribute.as_slice())
        {
            self.condition(name, &tensor.clone());
        }
        self.nodes.push(Inlined { node, opset: scope.opset });
        Ok(())
    }

    /// The branch of an `If` that is always taken. Its nodes see the names around it.
    fn branch(
        &mut self,
        node: &NodeProto,
        graph: GraphProto,
        values: String,
        scope: &Scope,
        depth: usize,
    ) -> Result<(), Error> {
        let mut names = scope.names.clone();
        let own = graph.node.iter().flat_map(|node| &node.output);
        let own: Vec<String> =
            own.chain(graph.initializer.iter().map(|tensor| &tensor.name)).cloned().collect();
        // Names from outside have been looked up in the scope around, those inside get a prefix.
        let outside = graph.node.iter().flat_map(|node| &node.input);
        let outside = outside.chain(graph.output.iter().map(|output| &output.name));
        for name in outside.filter(|name| !own.contains(name)) {
            names.insert(name.clone(), scope.name(name));
        }
        for name in &own {
            names.insert(name.clone(), format!("{values}{name}"));
        }
        let inner = Scope {
            opset: scope.opset,
            nodes: format!("{}/", node.name),
            values,
            names,
            attributes: scope.attributes.clone(),
        };
        for mut tensor in graph.initializer {
            tensor.name = inner.name(&tensor.name);
            self.condition(&tensor.name.clone(), &tensor);
            self.initializers.push(tensor);
        }
        for (index, inner_node) in graph.node.into_iter().enumerate() {
            self.node(index, inner_node, &inner, depth + 1)?;
        }
        for (from, to) in graph.output.iter().zip(&node.output) {
            if !to.is_empty() {
                self.copy(&node.name, inner.name(&from.name), to.clone(), scope.opset);
            }
        }
        Ok(())
    }

    fn copy(&mut self, name: &str, from: String, to: String, opset: i64) {
        let node = NodeProto {
            input: vec![from],
            name: format!("{name}/{to}"),
            output: vec![to],
            op_type: "Identity".into(),
            ..NodeProto::default()
        };
        self.nodes.push(Inlined { node, opset });
    }
}

/// Puts attributes of a call where the nodes of its function refer to them.
fn resolve(node: &mut NodeProto, attributes: &HashMap<String, AttributeProto>) {
    node.attribute.retain_mut(|attribute| {
        if !attribute.ref_attr_name.is_empty() {
            let Some(given) = attributes.get(&attribute.ref_attr_name) else {
                // Neither given nor with a default: the operator's own default holds.
                return false;
            };
            let name = std::mem::take(&mut attribute.name);
            *attribute = AttributeProto { name, ..given.clone() };
        }
        true
    });
}
