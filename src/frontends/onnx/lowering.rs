//! What the operators have in common: operands found and checked, constants folded, values
//! reshaped.

use std::{collections::HashMap, rc::Rc};

use super::{
    super::Error,
    graph::{Graph, Node},
    program::{Kind, Operation, Program, Quantization, ValueId},
    quote,
    tensor::{self, Constant, Element, shape_text},
};

/// What a name of the graph stands for while the graph is read.
#[derive(Clone)]
pub enum Tensor {
    Value(ValueId),
    Constant(Rc<Folded>),
}

/// A tensor that is the same in every run. It becomes an operation where it is used, in the
/// shape of that use.
#[derive(Clone)]
pub struct Folded {
    pub constant: Constant,
    /// Given if the constant has been dequantized.
    pub quantization: Option<Quantization>,
    /// The initializer or node it started as, for messages.
    pub name: String,
    /// The node that made it float, or else `name`.
    pub node: Rc<str>,
}

pub struct Lowering<'g> {
    pub graph: &'g Graph,
    pub tensors: HashMap<String, Tensor>,
    pub program: Program,
}

impl Lowering<'_> {
    /// What an input of a node stands for. The node has that input.
    pub fn operand(&mut self, node: &Node, index: usize) -> Result<Tensor, Error> {
        let name = node.input(index).unwrap_or_default();
        if let Some(tensor) = self.tensors.get(name) {
            return Ok(tensor.clone());
        }
        let Some(constant) = self.graph.initializer(name) else {
            return Err(node.error(format!("input {} is not known", quote(name))));
        };
        let folded = Folded {
            constant: constant?,
            quantization: None,
            name: name.to_owned(),
            node: Rc::from(name),
        };
        let tensor = Tensor::Constant(Rc::new(folded));
        self.tensors.insert(name.to_owned(), tensor.clone());
        Ok(tensor)
    }

    /// Adds the graph's outputs to the program.
    pub fn outputs(&mut self) -> Result<(), Error> {
        for output in &self.graph.outputs {
            let error =
                |message: String| Error::new(format!("output {}", quote(&output.name)), message);
            let id = match self.tensors.get(&output.name).cloned() {
                Some(Tensor::Value(id)) => id,
                Some(Tensor::Constant(folded)) if folded.quantization.is_some() => {
                    self.materialized(&folded).map_err(error)?
                }
                _ => return Err(error("is a constant, nothing computes it".to_owned())),
            };
            let (kind, shape, node) = {
                let value = self.program.value(id);
                (value.kind.clone(), value.shape.clone(), value.node.clone())
            };
            let (element, id) = match kind {
                Kind::Float => (Element::F32, id),
                Kind::Integer(element) => (element, id),
                Kind::Quantized(quantization) => {
                    let element = quantization.storage;
                    let integers = Operation::Reinterpret(id);
                    (
                        element,
                        self.program.push(&node, integers, Kind::Integer(element), shape.clone()),
                    )
                }
            };
            if let Some(declared) = output.element.filter(|&declared| declared != element) {
                return Err(error(format!("is declared {declared}, but is {element}")));
            }
            if let Some(declared) = &output.shape {
                let same = declared.len() == shape.len()
                    && declared.iter().zip(&shape).all(|(d, s)| d.is_none_or(|d| d == *s));
                if !same {
                    let declared: Vec<_> = declared
                        .iter()
                        .map(|d| d.map_or("?".to_owned(), |d| d.to_string()))
                        .collect();
                    return Err(error(format!(
                        "is declared to have shape {}, but has {}",
                        declared.join("x"),
                        shape_text(&shape)
                    )));
                }
            }
            self.program.outputs.push((output.name.clone(), id));
        }
        Ok(())
    }

    pub fn shape(&self, id: ValueId) -> &[u64] {
        &self.program.value(id).shape
    }

    pub fn tensor_shape<'a>(&'a self, tensor: &'a Tensor) -> &'a [u64] {
        match tensor {
            Tensor::Value(id) => self.shape(*id),
            Tensor::Constant(folded) => &folded.constant.shape,
        }
    }

    /// The type of a tensor's elements as ONNX sees it.
    pub fn element(&self, tensor: &Tensor) -> Element {
        match tensor {
            Tensor::Constant(folded) if folded.quantization.is_some() => Element::F32,
            Tensor::Constant(folded) => folded.constant.element,
            Tensor::Value(id) => match &self.program.value(*id).kind {
                Kind::Float => Element::F32,
                Kind::Integer(element) => *element,
                Kind::Quantized(quantization) => quantization.storage,
            },
        }
    }

    /// The name to call an input of a node by in a message: of the initializer behind it, if
    /// there is one, as that is where the user finds it.
    pub fn input_name(&self, node: &Node, index: usize) -> String {
        let name = node.input(index).unwrap_or_default();
        match self.tensors.get(name) {
            Some(Tensor::Constant(folded)) => quote(&folded.name),
            _ => quote(name),
        }
    }

    pub fn check_size(&self, node: &Node, shape: &[u64]) -> Result<(), Error> {
        match tensor::elements(shape) {
            Some(_) => Ok(()),
            None => Err(node.error("the result has too many dimensions or elements")),
        }
    }

    /// The value of a tensor that must be float. `role` says what it is to the node.
    pub fn float(
        &mut self,
        node: &Node,
        tensor: Tensor,
        index: usize,
        role: &str,
    ) -> Result<ValueId, Error> {
        let name = self.input_name(node, index);
        let verb = if role == "weights" { "are" } else { "is" };
        match tensor {
            Tensor::Constant(folded) => match (&folded.quantization, folded.constant.element) {
                (Some(_), _) => self
                    .materialized(&folded)
                    .map_err(|message| node.error(format!("{role} {name} {message}"))),
                (None, Element::F32) => Err(node.error(format!(
                    "{role} {name} {verb} float32 without QuantizeLinear/DequantizeLinear"
                ))),
                (None, element) => Err(node.error(format!(
                    "{role} {name} {verb} {element} without DequantizeLinear"
                ))),
            },
            Tensor::Value(id) => match self.element(&tensor) {
                Element::F32 => Ok(id),
                element => Err(node.error(format!(
                    "{role} {name} {verb} {element}, needs float32: a DequantizeLinear is missing before it"
                ))),
            },
        }
    }

    /// The value of a tensor that is added to sums: float constants need no quantization, since
    /// whether sums can hold them shows when the scale of the sums is known.
    pub fn addend(
        &mut self,
        node: &Node,
        tensor: Tensor,
        index: usize,
        role: &str,
    ) -> Result<ValueId, Error> {
        match &tensor {
            Tensor::Constant(folded)
                if folded.quantization.is_none()
                    && folded.constant.element == Element::F32
                    && !folded.constant.shape.contains(&0) =>
            {
                let constant = folded.constant.clone();
                let shape = constant.shape.clone();
                let label = label(node);
                Ok(self.program.push(&label, Operation::Constant(constant), Kind::Float, shape))
            }
            _ => self.float(node, tensor, index, role),
        }
    }

    /// The operations for a dequantized constant.
    pub fn materialized(&mut self, folded: &Folded) -> Result<ValueId, String> {
        let Folded { constant, quantization: Some(quantization), node, .. } = folded else {
            return Err("has not been dequantized".to_owned());
        };
        if constant.shape.contains(&0) {
            return Err(format!("has no elements: its shape is {}", shape_text(&constant.shape)));
        }
        let shape = &constant.shape;
        let integers = Operation::Constant(constant.clone());
        let kind = Kind::Integer(constant.element);
        let integers = self.program.push(node, integers, kind, shape.clone());
        let kind = Kind::Quantized(Rc::new(quantization.clone()));
        let quantized =
            self.program.push(node, Operation::Reinterpret(integers), kind, shape.clone());
        Ok(self.program.push(node, Operation::Dequantize(quantized), Kind::Float, shape.clone()))
    }

    /// A constant input, if it is given. Its node needs it to be constant.
    pub fn optional_constant(
        &mut self,
        node: &Node,
        index: usize,
    ) -> Result<Option<Rc<Folded>>, Error> {
        let Some(name) = node.input(index) else {
            return Ok(None);
        };
        match self.operand(node, index)? {
            Tensor::Constant(folded) if folded.quantization.is_none() => Ok(Some(folded)),
            _ => Err(node.error(format!("input {} is not a constant", quote(name)))),
        }
    }

    /// The elements of an int64 constant of one dimension.
    pub fn integers(&mut self, node: &Node, index: usize, role: &str) -> Result<Vec<i64>, Error> {
        match self.optional_constant(node, index)? {
            Some(folded)
                if folded.constant.element == Element::I64 && folded.constant.shape.len() <= 1 =>
            {
                Ok(folded.constant.integers())
            }
            _ => Err(node.error(format!("{role} is not a list of int64"))),
        }
    }

    /// The bounds of a `Clip` of integers.
    pub fn integer_bounds(&mut self, node: &Node, element: Element) -> Result<(i64, i64), Error> {
        let mut bound = |index, default| {
            let Some(folded) = self.optional_constant(node, index)? else {
                return Ok(default);
            };
            match folded.constant.integers()[..] {
                [bound] if folded.constant.element == element => Ok(bound),
                _ => Err(node.error(format!("bound {} is not one {element}", quote(&folded.name)))),
            }
        };
        let (low, high) = element.range();
        let (low, high) = (bound(1, low)?, bound(2, high)?);
        if low > high {
            return Err(node.error(format!("clips to an empty range: [{low}, {high}]")));
        }
        Ok((low, high))
    }

    /// Reads scale and zero point of a `QuantizeLinear` or `DequantizeLinear`.
    pub fn quantization(
        &self,
        node: &Node,
        shape: &[u64],
        storage: Element,
    ) -> Result<Quantization, Error> {
        if node.int("block_size", 0)? != 0 {
            return Err(node.error(
                "quantizes in blocks, which is not supported; supported: per tensor, per axis",
            ));
        }
        // Decoding again what may have been decoded before is cheap: these are small.
        let constant = |index: usize, role: &str| -> Result<Option<Constant>, Error> {
            let Some(name) = node.input(index) else {
                return Ok(None);
            };
            match self.tensors.get(name) {
                Some(Tensor::Constant(folded)) if folded.quantization.is_none() => {
                    return Ok(Some(folded.constant.clone()));
                }
                None => {
                    if let Some(constant) = self.graph.initializer(name) {
                        return constant.map(Some);
                    }
                }
                _ => {}
            }
            Err(node.error(format!("{role} {} is not a constant", quote(name))))
        };
        let scale_name = || self.input_name(node, 1);
        let Some(scale) = constant(1, "scale")? else {
            return Err(node.error("has no scale"));
        };
        if scale.element != Element::F32 {
            return Err(node.error(format!(
                "scale {} is {}, which is not supported; supported: float32",
                scale_name(),
                scale.element
            )));
        }
        let scales = scale.floats();
        for value in &scales {
            if !value.is_finite() || *value <= 0.0 {
                return Err(node.error(format!(
                    "scale {} is {value}, needs a finite number greater than 0",
                    scale_name()
                )));
            }
        }
        let zero_points = match constant(2, "zero point")? {
            None => vec![0; scales.len()],
            Some(zero_point) if zero_point.element != storage => {
                return Err(node.error(format!(
                    "zero point {} is {}, but the quantized tensor is {storage}",
                    self.input_name(node, 2),
                    zero_point.element
                )));
            }
            Some(zero_point) => zero_point.integers(),
        };
        if zero_points.len() != scales.len() {
            return Err(node.error(format!(
                "has {} scales but {} zero points",
                scales.len(),
                zero_points.len()
            )));
        }
        // One scale in a list of one is a scale for the whole tensor, as onnxruntime reads it.
        let axis = match (scales.len(), scale.shape.len()) {
            (0, _) => return Err(node.error(format!("scale {} has no elements", scale_name()))),
            (1, _) => None,
            (count, 1) => {
                let axis = axis_of(node, node.int("axis", 1)?, shape.len())?;
                if shape[axis] != count as u64 {
                    return Err(node.error(format!(
                        "scale {} has {count} elements, but dimension {axis} of {} has {}",
                        scale_name(),
                        shape_text(shape),
                        shape[axis]
                    )));
                }
                Some(axis)
            }
            _ => {
                return Err(node.error(format!(
                    "scale {} has shape {}, which is not supported; supported: one scale, or a list along an axis",
                    scale_name(),
                    shape_text(&scale.shape)
                )));
            }
        };
        let mut parameters: Vec<_> = scales.into_iter().zip(zero_points).collect();
        // A list of equals says no more than one of them.
        let axis = axis.filter(|_| parameters.iter().any(|p| *p != parameters[0]));
        if axis.is_none() {
            parameters.truncate(1);
        }
        Ok(Quantization { storage, range: storage.range(), parameters, axis })
    }

    /// A matrix: an input of a `Gemm`, transposed if asked.
    pub fn matrix(
        &mut self,
        node: &Node,
        index: usize,
        role: &str,
        transposed: bool,
    ) -> Result<Tensor, Error> {
        let mut operand = self.operand(node, index)?;
        let shape = self.tensor_shape(&operand);
        if shape.len() != 2 {
            return Err(node.error(format!(
                "{role} {} has shape {}, needs 2 dimensions",
                self.input_name(node, index),
                shape_text(shape)
            )));
        }
        if transposed {
            operand = self.transposed(node, operand, &[1, 0])?;
        }
        Ok(operand)
    }

    /// The matrix product of a node's first two inputs, which must be float. Batches either
    /// agree, or the second has none.
    pub fn product(&mut self, node: &Node, a: Tensor, b: Tensor) -> Result<ValueId, Error> {
        let (of_a, of_b) = (self.tensor_shape(&a).to_vec(), self.tensor_shape(&b).to_vec());
        let refused = |why: &str| {
            Err(node.error(format!(
                "multiplies {} with {}: {why}",
                shape_text(&of_a),
                shape_text(&of_b)
            )))
        };
        let ([batch_a @ .., m, k], [batch_b @ .., k_of_b, n]) = (&of_a[..], &of_b[..]) else {
            return refused("both need at least 2 dimensions");
        };
        if k != k_of_b {
            return refused("the inner dimensions differ");
        }
        let shape: Vec<u64> = [batch_a, &[*m, *n]].concat();
        self.check_size(node, &shape)?;
        let size: u64 = batch_a.iter().product();
        let (batch, rows) = match batch_b {
            // The rows of all batches meet the same weights: they are one matrix.
            [] => (1, size * m),
            _ if batch_a == batch_b => (size, *m),
            _ => return refused("batches that differ are not supported"),
        };
        let a = self.reshaped(node, a, vec![batch, rows, *k])?;
        let a = self.float(node, a, 0, "input")?;
        let b = self.reshaped(node, b, vec![batch, *k, *n])?;
        let b = self.float(node, b, 1, "weights")?;
        let product = self.program.push(
            &label(node),
            Operation::MatMul(a, b),
            Kind::Float,
            vec![batch, rows, *n],
        );
        self.reshape_value(node, product, shape)
    }

    /// The operand times an attribute of the node, which is 1 if absent.
    pub fn scale(
        &mut self,
        node: &Node,
        operand: ValueId,
        attribute: &str,
    ) -> Result<ValueId, Error> {
        let factor = node.float(attribute, 1.0)?;
        if !factor.is_finite() {
            return Err(
                node.error(format!("attribute '{attribute}' is {factor}, needs a finite number"))
            );
        }
        if factor == 1.0 {
            return Ok(operand);
        }
        let shape = self.shape(operand).to_vec();
        Ok(self.program.push(&label(node), Operation::Scale(operand, factor), Kind::Float, shape))
    }

    pub fn clamp(&mut self, node: &Node, operand: ValueId, low: f32, high: f32) -> Tensor {
        let shape = self.shape(operand).to_vec();
        let clamp = Operation::Clamp { operand, low, high };
        Tensor::Value(self.program.push(&label(node), clamp, Kind::Float, shape))
    }

    /// The tensor in another shape of as many elements.
    pub fn reshaped(
        &mut self,
        node: &Node,
        tensor: Tensor,
        shape: Vec<u64>,
    ) -> Result<Tensor, Error> {
        self.check_size(node, &shape)?;
        match tensor {
            Tensor::Value(id) => Ok(Tensor::Value(self.reshape_value(node, id, shape)?)),
            Tensor::Constant(folded) => {
                let quantization = match &folded.quantization {
                    None => None,
                    Some(q) => {
                        Some(reshaped_quantization(node, q, &folded.constant.shape, &shape)?)
                    }
                };
                let constant = folded.constant.reshaped(shape);
                Ok(Tensor::Constant(Rc::new(Folded {
                    constant,
                    quantization,
                    ..Folded::clone(&folded)
                })))
            }
        }
    }

    pub fn reshape_value(
        &mut self,
        node: &Node,
        id: ValueId,
        shape: Vec<u64>,
    ) -> Result<ValueId, Error> {
        let value = self.program.value(id);
        if value.shape == shape {
            return Ok(id);
        }
        let kind = match &value.kind {
            Kind::Quantized(q) => {
                Kind::Quantized(Rc::new(reshaped_quantization(node, q, &value.shape, &shape)?))
            }
            kind => kind.clone(),
        };
        Ok(self.program.push(&label(node), Operation::Reshape(id), kind, shape))
    }

    pub fn transposed(
        &mut self,
        node: &Node,
        tensor: Tensor,
        permutation: &[usize],
    ) -> Result<Tensor, Error> {
        let id = match tensor {
            Tensor::Constant(folded) => {
                let constant = folded.constant.transposed(permutation);
                let quantization = folded.quantization.as_ref().map(|q| q.transposed(permutation));
                return Ok(Tensor::Constant(Rc::new(Folded {
                    constant,
                    quantization,
                    ..Folded::clone(&folded)
                })));
            }
            Tensor::Value(id) => id,
        };
        let from = &self.program.value(id).shape;
        let shape: Vec<u64> = permutation.iter().map(|&d| from[d]).collect();
        // If the dimensions with more than one element keep their order, so do the elements.
        let moved: Vec<usize> = permutation.iter().copied().filter(|&d| from[d] != 1).collect();
        if moved.is_sorted() {
            return Ok(Tensor::Value(self.reshape_value(node, id, shape)?));
        }
        let kind = match &self.program.value(id).kind {
            Kind::Quantized(q) => Kind::Quantized(Rc::new(q.transposed(permutation))),
            kind => kind.clone(),
        };
        let operation = Operation::Transpose(id, permutation.to_vec());
        Ok(Tensor::Value(self.program.push(&label(node), operation, kind, shape)))
    }
}

pub fn label(node: &Node) -> Rc<str> {
    Rc::from(node.name.as_str())
}

fn reshaped_quantization(
    node: &Node,
    q: &Quantization,
    from: &[u64],
    to: &[u64],
) -> Result<Quantization, Error> {
    q.reshaped(from, to).ok_or_else(|| {
        node.error(format!(
            "reshapes {} to {}, which breaks up the dimension it is quantized along",
            shape_text(from),
            shape_text(to)
        ))
    })
}

/// A dimension that may be counted from the back.
pub fn axis_of(node: &Node, axis: i64, rank: usize) -> Result<usize, Error> {
    let from_front = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
    match usize::try_from(from_front) {
        Ok(index) if index < rank => Ok(index),
        _ => Err(node.error(format!("axis {axis} is not in the range of {rank} dimensions"))),
    }
}

/// For each dimension, whether it is among `axes`.
pub fn chosen_axes(node: &Node, axes: &[i64], rank: usize) -> Result<Vec<bool>, Error> {
    let mut chosen = vec![false; rank];
    for &axis in axes {
        let index = axis_of(node, axis, rank)?;
        if std::mem::replace(&mut chosen[index], true) {
            return Err(node.error(format!("axis {axis} is given twice")));
        }
    }
    Ok(chosen)
}
