//! What each ONNX operator means, as a [`Program`].
//!
//! Adding an operator is a function here and its line in [`OPERATORS`].

use std::{collections::HashMap, rc::Rc};

use super::{
    super::Error,
    graph::{Graph, Node},
    lowering::{Folded, Lowering, Tensor, axis_of, chosen_axes, label},
    program::{Kind, Operation, Program, Quantization},
    quote,
    tensor::{self, Constant, Element, shape_text},
};

type Meaning = fn(&mut Lowering, &Node) -> Result<Tensor, Error>;

/// The operators: name, attributes, meaning.
#[rustfmt::skip]
const OPERATORS: &[(&str, &[&str], Meaning)] = &[
    ("Add",              &[], add),
    ("Cast",             &["to", "saturate", "round_mode"], cast),
    ("Clip",             &[], clip),
    ("Constant",         &["value"], constant),
    ("DequantizeLinear", &["axis", "block_size", "output_dtype"], dequantize_linear),
    ("Dropout",          &["seed"], dropout),
    ("Flatten",          &["axis"], flatten),
    ("Gemm",             &["alpha", "beta", "transA", "transB"], gemm),
    ("Identity",         &[], identity),
    ("MatMul",           &[], matmul),
    ("QuantizeLinear",   &["axis", "block_size", "output_dtype", "precision", "saturate"], quantize_linear),
    ("Relu",             &[], relu),
    ("Reshape",          &["allowzero"], reshape),
    ("Squeeze",          &[], squeeze),
    ("Transpose",        &["perm"], transpose),
    ("Unsqueeze",        &[], unsqueeze),
];

/// Reads a graph.
///
/// # Errors
///
/// An operator, or something about its operands or attributes, is not supported; the error
/// names the node. Also if the outputs are not what the graph declares them to be.
pub fn lower(graph: &Graph) -> Result<Program, Error> {
    let mut lowering = Lowering { graph, tensors: HashMap::new(), program: Program::default() };
    for (index, input) in graph.inputs.iter().enumerate() {
        let kind = match input.element {
            Element::F32 => Kind::Float,
            element => Kind::Integer(element),
        };
        let node = Rc::from(input.name.as_str());
        let id = lowering.program.push(&node, Operation::Input(index), kind, input.shape.clone());
        lowering.tensors.insert(input.name.clone(), Tensor::Value(id));
        lowering.program.inputs.push(input.clone());
    }
    for node in &graph.nodes {
        let meaning = meaning(graph, node)?;
        let tensor = meaning(&mut lowering, node)?;
        // What an operator has beside its first output, only training reads.
        if let Some(output) = node.outputs.first() {
            lowering.tensors.insert(output.clone(), tensor);
        }
    }
    lowering.outputs()?;
    Ok(lowering.program)
}

fn meaning(graph: &Graph, node: &Node) -> Result<Meaning, Error> {
    // onnxruntime's own domain has the same quantization under the same names.
    let known_domain = match node.domain.as_str() {
        "" | "ai.onnx" => true,
        "com.microsoft" => matches!(node.operator.as_str(), "QuantizeLinear" | "DequantizeLinear"),
        _ => false,
    };
    let known = OPERATORS.iter().find(|(name, _, _)| known_domain && *name == node.operator);
    if let Some((_, attributes, meaning)) = known {
        node.check_attributes(attributes)?;
        return Ok(*meaning);
    }
    if graph.functions.contains(&(node.domain.clone(), node.operator.clone())) {
        return Err(
            node.error("calls a function of the model: functions are not supported; inline them")
        );
    }
    if node.has_subgraph() {
        return Err(node.error("has a subgraph: control flow is not supported"));
    }
    let of_domain = if known_domain || node.domain.is_empty() {
        String::new()
    } else {
        format!(" of domain {}", quote(&node.domain))
    };
    let supported: Vec<&str> = OPERATORS.iter().map(|(name, _, _)| *name).collect();
    Err(node.error(format!(
        "operator {}{of_domain} is not supported; supported: {}",
        quote(&node.operator),
        supported.join(", ")
    )))
}

// Arithmetic.

fn gemm(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(2, 3)?;
    let a = lowering.matrix(node, 0, "input", node.int("transA", 0)? != 0)?;
    let b = lowering.matrix(node, 1, "weights", node.int("transB", 0)? != 0)?;
    let (m, n) = (lowering.tensor_shape(&a)[0], lowering.tensor_shape(&b)[1]);
    let label = label(node);
    let product = lowering.product(node, a, b)?;
    let product = lowering.scale(node, product, "alpha")?;
    // A factor of 0 takes the third operand out, even where it is infinite.
    if node.input(2).is_none() || node.float("beta", 1.0)? == 0.0 {
        return Ok(Tensor::Value(product));
    }
    let c = lowering.operand(node, 2)?;
    let mut shape = lowering.tensor_shape(&c).to_vec();
    let fits = |(have, want): (&u64, u64)| *have == want || *have == 1;
    if shape.len() > 2 || !shape.iter().rev().zip([n, m]).all(fits) {
        return Err(node.error(format!(
            "bias {} has shape {}, which does not broadcast to {m}x{n}",
            lowering.input_name(node, 2),
            shape_text(&shape)
        )));
    }
    shape.splice(..0, vec![1; 2 - shape.len()]);
    let c = lowering.reshaped(node, c, shape)?;
    let c = lowering.addend(node, c, 2, "bias")?;
    let c = lowering.scale(node, c, "beta")?;
    Ok(Tensor::Value(lowering.program.push(
        &label,
        Operation::Add(product, c),
        Kind::Float,
        vec![m, n],
    )))
}

fn matmul(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(2, 2)?;
    let (a, b) = (lowering.operand(node, 0)?, lowering.operand(node, 1)?);
    Ok(Tensor::Value(lowering.product(node, a, b)?))
}

fn add(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(2, 2)?;
    let operands = [lowering.operand(node, 0)?, lowering.operand(node, 1)?];
    let mut shapes = operands.each_ref().map(|operand| lowering.tensor_shape(operand).to_vec());
    let rank = shapes.iter().map(Vec::len).max().unwrap_or(0);
    for shape in &mut shapes {
        shape.splice(..0, vec![1; rank - shape.len()]);
    }
    let mut shape = Vec::new();
    for (&x, &y) in shapes[0].iter().zip(&shapes[1]) {
        if x != y && x != 1 && y != 1 {
            return Err(node.error(format!(
                "shapes {} and {} do not broadcast",
                shape_text(&shapes[0]),
                shape_text(&shapes[1])
            )));
        }
        shape.push(x.max(y));
    }
    lowering.check_size(node, &shape)?;
    let mut ids = Vec::new();
    for (index, (operand, shape)) in operands.into_iter().zip(shapes).enumerate() {
        let operand = lowering.reshaped(node, operand, shape)?;
        ids.push(lowering.addend(node, operand, index, "input")?);
    }
    let sum = Operation::Add(ids[0], ids[1]);
    Ok(Tensor::Value(lowering.program.push(&label(node), sum, Kind::Float, shape)))
}

fn relu(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(1, 1)?;
    let operand = lowering.operand(node, 0)?;
    let operand = lowering.float(node, operand, 0, "input")?;
    Ok(lowering.clamp(node, operand, 0.0, f32::MAX))
}

fn clip(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(1, 3)?;
    match lowering.operand(node, 0)? {
        Tensor::Constant(folded)
            if folded.quantization.is_none() && folded.constant.element.is_integer() =>
        {
            let (low, high) = lowering.integer_bounds(node, folded.constant.element)?;
            let constant = &folded.constant;
            let clamped: Vec<i64> =
                constant.integers().into_iter().map(|v| v.clamp(low, high)).collect();
            let constant =
                Constant::from_integers(constant.element, constant.shape.clone(), &clamped);
            Ok(Tensor::Constant(Rc::new(Folded { constant, ..Folded::clone(&folded) })))
        }
        Tensor::Value(id) if lowering.program.value(id).kind != Kind::Float => {
            // Quantizing to fewer integers and clipping afterwards are the same.
            let value = lowering.program.value(id);
            let (Operation::Quantize(real), Kind::Quantized(quantization)) =
                (&value.operation, &value.kind)
            else {
                return Err(node.error(
                    "clips integers that do not come from a QuantizeLinear just before it",
                ));
            };
            let (real, shape, label) = (*real, value.shape.clone(), value.node.clone());
            let mut quantization = Quantization::clone(quantization);
            let (low, high) = lowering.integer_bounds(node, quantization.storage)?;
            let old = quantization.range;
            quantization.range = (low.max(old.0), high.min(old.1));
            if quantization.range.0 >= quantization.range.1 {
                return Err(
                    node.error(format!("leaves no range of integers: clips to [{low}, {high}]"))
                );
            }
            let kind = Kind::Quantized(Rc::new(quantization));
            Ok(Tensor::Value(lowering.program.push(&label, Operation::Quantize(real), kind, shape)))
        }
        operand => {
            let operand = lowering.float(node, operand, 0, "input")?;
            let mut bound = |index, default| -> Result<f32, Error> {
                let Some(bound) = lowering.optional_constant(node, index)? else {
                    return Ok(default);
                };
                match bound.constant.floats()[..] {
                    [bound] if !bound.is_nan() => Ok(bound),
                    _ => {
                        Err(node.error(format!("bound {} is not one float32", quote(&bound.name))))
                    }
                }
            };
            let (low, high) = (bound(1, f32::MIN)?, bound(2, f32::MAX)?);
            if low > high {
                return Err(node.error(format!("clips to an empty range: [{low}, {high}]")));
            }
            Ok(lowering.clamp(node, operand, low, high))
        }
    }
}

// Quantization.

fn quantize_linear(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(2, 3)?;
    // The precision of the division; float32 and that of the scale, which is float32, agree.
    if !matches!(node.int("precision", 0)?, 0 | 1) {
        return Err(node.error("divides in another precision than float32, which is not supported"));
    }
    let zero_point = lowering.optional_constant(node, 2)?;
    let zero_point = zero_point.map(|z| z.constant.element);
    let declared = match node.int("output_dtype", 0)? {
        0 => None,
        number => Some(Element::from_data_type(number).map_err(|e| node.error(e))?),
    };
    if let (Some(zero_point), Some(declared)) = (zero_point, declared)
        && zero_point != declared
    {
        return Err(
            node.error(format!("quantizes to {declared}, but its zero point is {zero_point}"))
        );
    }
    let storage = zero_point.or(declared).unwrap_or(Element::U8);
    if !matches!(storage, Element::I8 | Element::U8 | Element::I16 | Element::U16) {
        return Err(node.error(format!(
            "quantizes to {storage}, which is not supported; supported: int8, uint8, int16, uint16"
        )));
    }
    let operand = lowering.operand(node, 0)?;
    let quantization = lowering.quantization(node, lowering.tensor_shape(&operand), storage)?;
    match operand {
        Tensor::Constant(folded)
            if folded.quantization.is_none() && folded.constant.element == Element::F32 =>
        {
            let shape = &folded.constant.shape;
            let (low, high) = quantization.range;
            let mut integers = Vec::new();
            for (index, real) in folded.constant.floats().into_iter().enumerate() {
                if real.is_nan() {
                    return Err(node.error(format!("constant {} has a NaN", quote(&folded.name))));
                }
                let (scale, zero_point) = quantization.parameters_at(shape, index);
                // Far beyond any range, and far from overflow when the zero point is added.
                let nearest = (real / scale).round_ties_even().clamp(-1e9, 1e9) as i64;
                integers.push((nearest + zero_point).clamp(low, high));
            }
            let constant = Constant::from_integers(storage, shape.clone(), &integers);
            Ok(Tensor::Constant(Rc::new(Folded { constant, ..Folded::clone(&folded) })))
        }
        operand => {
            let operand = lowering.float(node, operand, 0, "input")?;
            let shape = lowering.shape(operand).to_vec();
            let kind = Kind::Quantized(Rc::new(quantization));
            Ok(Tensor::Value(lowering.program.push(
                &label(node),
                Operation::Quantize(operand),
                kind,
                shape,
            )))
        }
    }
}

fn dequantize_linear(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(2, 3)?;
    let declared = node.int("output_dtype", 0)?;
    if !matches!(declared, 0 | 1) {
        return Err(node.error("dequantizes to another type than float32, which is not supported"));
    }
    let operand = lowering.operand(node, 0)?;
    let storage = match &operand {
        Tensor::Constant(folded) if folded.quantization.is_none() => Some(folded.constant.element),
        Tensor::Constant(_) => None,
        Tensor::Value(id) => match &lowering.program.value(*id).kind {
            Kind::Float => None,
            Kind::Integer(element) => Some(*element),
            Kind::Quantized(quantization) => Some(quantization.storage),
        },
    };
    let Some(storage) = storage.filter(|&e| e.is_integer() && e != Element::I64) else {
        let element = storage.unwrap_or(Element::F32);
        return Err(node.error(format!(
            "dequantizes {element}, which is not supported; supported: int8, uint8, int16, uint16, int32"
        )));
    };
    let mut quantization = lowering.quantization(node, lowering.tensor_shape(&operand), storage)?;
    let label = label(node);
    let id = match operand {
        Tensor::Constant(folded) => {
            let folded =
                Folded { quantization: Some(quantization), node: label, ..Folded::clone(&folded) };
            return Ok(Tensor::Constant(Rc::new(folded)));
        }
        Tensor::Value(id) => id,
    };
    let value = lowering.program.value(id);
    let (shape, kind) = (value.shape.clone(), value.kind.clone());
    let quantized = match kind {
        Kind::Quantized(from) if from.agrees_with(&quantization) => id,
        kind => {
            // The integers are read with other parameters than they were written with, or
            // come from outside.
            let mut integers = id;
            if let Kind::Quantized(from) = kind {
                quantization.range = from.range;
                let kind = Kind::Integer(storage);
                integers =
                    lowering.program.push(&label, Operation::Reinterpret(id), kind, shape.clone());
            }
            let kind = Kind::Quantized(Rc::new(quantization));
            lowering.program.push(&label, Operation::Reinterpret(integers), kind, shape.clone())
        }
    };
    Ok(Tensor::Value(lowering.program.push(
        &label,
        Operation::Dequantize(quantized),
        Kind::Float,
        shape,
    )))
}

// Operators that move elements or do nothing.

fn constant(_: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(0, 0)?;
    let name = node.name.clone();
    let constant = node.tensor("value")?;
    Ok(Tensor::Constant(Rc::new(Folded { constant, quantization: None, name, node: label(node) })))
}

fn identity(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(1, 1)?;
    lowering.operand(node, 0)
}

/// At inference it does nothing; its mask is only of use in training.
fn dropout(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_inputs(1, 3)?;
    if node.input(2).is_some_and(|name| !lowering.graph.is_false(name)) {
        return Err(node.error("may be in training mode: export the model for inference"));
    }
    lowering.operand(node, 0)
}

fn cast(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(1, 1)?;
    let to = Element::from_data_type(node.int("to", 0)?).map_err(|e| node.error(e))?;
    let operand = lowering.operand(node, 0)?;
    let from = lowering.element(&operand);
    if from != to {
        return Err(node.error(format!(
            "casts {from} to {to}, which is not supported; supported: casts that do nothing"
        )));
    }
    Ok(operand)
}

fn flatten(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(1, 1)?;
    let operand = lowering.operand(node, 0)?;
    let shape = lowering.tensor_shape(&operand);
    // One past the last dimension is allowed.
    let axis = node.int("axis", 1)?;
    let last = shape.len() as i64;
    let axis = if axis < 0 { axis.saturating_add(last) } else { axis };
    if !(0..=last).contains(&axis) {
        return Err(node.error(format!("axis {axis} is not in the range of {last} dimensions")));
    }
    let (rows, columns) = shape.split_at(axis as usize);
    let shape = vec![rows.iter().product(), columns.iter().product()];
    lowering.reshaped(node, operand, shape)
}

fn reshape(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(2, 2)?;
    let keeps_zero = node.int("allowzero", 0)? != 0;
    let operand = lowering.operand(node, 0)?;
    let from = lowering.tensor_shape(&operand).to_vec();
    let wanted = lowering.integers(node, 1, "shape")?;
    let impossible = || {
        let wanted: Vec<_> = wanted.iter().map(i64::to_string).collect();
        node.error(format!("cannot reshape {} to [{}]", shape_text(&from), wanted.join(", ")))
    };
    let mut shape = Vec::new();
    let mut unknown = None;
    for (index, &extent) in wanted.iter().enumerate() {
        shape.push(match extent {
            0 if !keeps_zero => *from.get(index).ok_or_else(impossible)?,
            -1 if unknown.is_none() => {
                unknown = Some(index);
                1
            }
            extent => u64::try_from(extent).map_err(|_| impossible())?,
        });
    }
    let total: u64 = from.iter().product();
    if let Some(index) = unknown {
        match tensor::elements(&shape) {
            Some(known) if known > 0 && total.is_multiple_of(known) => shape[index] = total / known,
            _ => return Err(impossible()),
        }
    }
    if tensor::elements(&shape) != Some(total) {
        return Err(impossible());
    }
    lowering.reshaped(node, operand, shape)
}

fn squeeze(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(1, 2)?;
    let operand = lowering.operand(node, 0)?;
    let from = lowering.tensor_shape(&operand).to_vec();
    let mut removed: Vec<bool> = from.iter().map(|&extent| extent == 1).collect();
    if node.input(1).is_some() {
        removed = chosen_axes(node, &lowering.integers(node, 1, "axes")?, from.len())?;
        if let Some(axis) = (0..from.len()).find(|&d| removed[d] && from[d] != 1) {
            return Err(
                node.error(format!("cannot squeeze dimension {axis} of {}", shape_text(&from)))
            );
        }
    }
    let kept = from.iter().zip(&removed).filter(|(_, removed)| !**removed);
    let shape = kept.map(|(extent, _)| *extent).collect();
    lowering.reshaped(node, operand, shape)
}

fn unsqueeze(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(2, 2)?;
    let operand = lowering.operand(node, 0)?;
    let from = lowering.tensor_shape(&operand).to_vec();
    let axes = lowering.integers(node, 1, "axes")?;
    let added = chosen_axes(node, &axes, from.len() + axes.len())?;
    let mut rest = from.iter();
    let shape = added.iter().filter_map(|&new| if new { Some(1) } else { rest.next().copied() });
    let shape = shape.collect();
    lowering.reshaped(node, operand, shape)
}

fn transpose(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    node.check_arity(1, 1)?;
    let operand = lowering.operand(node, 0)?;
    let rank = lowering.tensor_shape(&operand).len();
    let permutation = match node.ints("perm")? {
        None => (0..rank).rev().collect(),
        Some(axes) => {
            let mut permutation = Vec::new();
            for &axis in axes {
                permutation.push(axis_of(node, axis, rank)?);
            }
            permutation
        }
    };
    if permutation.len() != rank || (0..rank).any(|d| !permutation.contains(&d)) {
        return Err(
            node.error(format!("attribute 'perm' is not a permutation of {rank} dimensions"))
        );
    }
    lowering.transposed(node, operand, &permutation)
}
