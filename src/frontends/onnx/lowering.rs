//! What the operators have in common: operands found and checked, constants folded, and the
//! few operations that most operators are made of.

use std::{collections::HashMap, rc::Rc};

use super::{
    super::Error,
    fold::{self, Growth},
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

impl Folded {
    /// The elements, if they are float: those of a dequantized constant as ONNX Runtime
    /// computes them.
    pub fn floats(&self) -> Option<Vec<f32>> {
        let Some(quantization) = &self.quantization else {
            return (self.constant.element == Element::F32).then(|| self.constant.floats());
        };
        let codes = self.constant.integers().into_iter().enumerate();
        let real = |(index, code): (usize, i64)| {
            let (scale, zero_point) = quantization.parameters_at(&self.constant.shape, index);
            (code - zero_point) as f32 * scale
        };
        Some(codes.map(real).collect())
    }
}

impl From<ValueId> for Tensor {
    fn from(id: ValueId) -> Tensor {
        Tensor::Value(id)
    }
}

pub struct Lowering<'g> {
    pub graph: &'g Graph,
    pub tensors: HashMap<String, Tensor>,
    pub program: Program,
    pub growth: Growth,
}

impl Lowering<'_> {
    /// What an input of a node stands for. The node has that input.
    pub fn operand(&mut self, node: &Node, index: usize) -> Result<Tensor, Error> {
        let name = node.input(index).unwrap_or_default();
        if let Some(tensor) = self.tensors.get(name) {
            return Ok(tensor.clone());
        }
        let Some(constant) = self.graph.initializer(name) else {
            return Err(node.error(format!(
                "input {} is an output that its node has not here: only training reads it",
                quote(name)
            )));
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
                // Initializers are looked up when a node reads them.
                Some(_) => return Err(error("is a constant, nothing computes it".to_owned())),
                None if self.graph.initializer(&output.name).is_some() => {
                    return Err(error("is a constant, nothing computes it".to_owned()));
                }
                None => {
                    let message = "is an output that its node has not here: only training reads it";
                    return Err(error(message.to_owned()));
                }
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
                    let kind = Kind::Integer(element);
                    (element, self.program.push(&node, integers, kind, shape.clone()))
                }
                Kind::Whole(element) => (element, self.stored(&node, id, element)),
            };
            // A shape that is not as declared is declared wrong, of which ONNX Runtime warns.
            if let Some(declared) = output.element.filter(|&declared| declared != element) {
                return Err(error(format!("is declared {declared}, but is {element}")));
            }
            self.program.outputs.push((output.name.clone(), id));
        }
        Ok(())
    }

    /// Whole numbers as integers of their type.
    pub fn stored(&mut self, node: &Rc<str>, id: ValueId, element: Element) -> ValueId {
        let shape = self.shape(id).to_vec();
        if !element.is_code() {
            return self.program.push(node, Operation::Cast(id), Kind::Integer(element), shape);
        }
        let kind = Kind::Quantized(Rc::new(Quantization::identity(element)));
        let quantize = Operation::Quantize(id, crate::exact::Rounding::NearestEven);
        let codes = self.program.push(node, quantize, kind, shape.clone());
        self.program.push(node, Operation::Reinterpret(codes), Kind::Integer(element), shape)
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
                Kind::Integer(element) | Kind::Whole(element) => *element,
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
            Some(0) => Err(node.error("the result has no elements")),
            Some(_) => Ok(()),
            None => Err(node.error("the result has too many dimensions or elements")),
        }
    }

    // Operands as values.

    /// The value of an input that must be float.
    pub fn real(&mut self, node: &Node, index: usize) -> Result<ValueId, Error> {
        let operand = self.operand(node, index)?;
        self.float(node, operand, index, "input")
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
        let element = self.element(&tensor);
        match tensor {
            Tensor::Constant(folded) if element == Element::F32 => self
                .materialized(&folded)
                .map_err(|message| node.error(format!("{role} {name} {message}"))),
            Tensor::Value(id) if element == Element::F32 => Ok(id),
            _ if element.is_float() => Err(node.error(format!(
                "{role} {name} {verb} {element}, needs float32: a Cast is missing before it"
            ))),
            Tensor::Constant(_) => Err(node.error(format!(
                "{role} {name} {verb} {element} without DequantizeLinear"
            ))),
            Tensor::Value(_) => Err(node.error(format!(
                "{role} {name} {verb} {element}, needs float32: a DequantizeLinear is missing before it"
            ))),
        }
    }

    /// The operations for a constant.
    pub fn materialized(&mut self, folded: &Folded) -> Result<ValueId, String> {
        let Folded { constant, quantization, node, .. } = folded;
        if constant.shape.contains(&0) {
            return Err(format!("has no elements: its shape is {}", shape_text(&constant.shape)));
        }
        let shape = &constant.shape;
        let operation = Operation::Constant(constant.clone());
        let kind = match constant.element {
            Element::F32 => Kind::Float,
            element => Kind::Integer(element),
        };
        let plain = self.program.push(node, operation, kind, shape.clone());
        let Some(quantization) = quantization else {
            return Ok(plain);
        };
        let kind = Kind::Quantized(Rc::new(quantization.clone()));
        let quantized = self.program.push(node, Operation::Reinterpret(plain), kind, shape.clone());
        Ok(self.program.push(node, Operation::Dequantize(quantized), Kind::Float, shape.clone()))
    }

    /// The value of a tensor as real numbers: float, or integers that are computed as such.
    pub fn number(
        &mut self,
        node: &Node,
        tensor: Tensor,
        index: usize,
    ) -> Result<(ValueId, Element), Error> {
        let element = self.element(&tensor);
        if !element.is_integer() {
            return Ok((self.float(node, tensor, index, "input")?, element));
        }
        let name = self.input_name(node, index);
        let label = label(node);
        let mut codes = match tensor {
            Tensor::Value(id) => match self.program.value(id).kind {
                Kind::Whole(_) => return Ok((id, element)),
                Kind::Quantized(_) => {
                    let shape = self.shape(id).to_vec();
                    let integers = Operation::Reinterpret(id);
                    self.program.push(&label, integers, Kind::Integer(element), shape)
                }
                _ => id,
            },
            Tensor::Constant(folded) => {
                let mut folded = Folded::clone(&folded);
                if element == Element::I64 {
                    let smaller = fold::cast(&folded.constant, Element::I32);
                    folded.constant = smaller.map_err(|message| node.error(message))?;
                }
                let constant = self.materialized(&folded);
                constant.map_err(|message| node.error(format!("input {name} {message}")))?
            }
        };
        let shape = self.shape(codes).to_vec();
        let Kind::Integer(storage) = self.program.value(codes).kind else {
            return Err(node.error(format!("input {name} is no tensor of integers")));
        };
        if !storage.is_code() {
            return Err(node.error(format!(
                "computes with {name} of {storage}, which is not supported unless it is constant"
            )));
        }
        let kind = Kind::Quantized(Rc::new(Quantization::identity(storage)));
        codes = self.program.push(&label, Operation::Reinterpret(codes), kind, shape.clone());
        let whole = Operation::Dequantize(codes);
        Ok((self.program.push(&label, whole, Kind::Whole(element), shape), element))
    }

    /// The value of a tensor that only moves: of any kind.
    pub fn any(&mut self, node: &Node, tensor: Tensor, index: usize) -> Result<ValueId, Error> {
        match tensor {
            Tensor::Value(id) => Ok(id),
            Tensor::Constant(folded) => {
                let name = self.input_name(node, index);
                self.materialized(&folded)
                    .map_err(|message| node.error(format!("input {name} {message}")))
            }
        }
    }

    /// The value as another kind of numbers that are the same.
    pub fn same(&mut self, node: &Node, id: ValueId, kind: Kind) -> ValueId {
        if self.program.value(id).kind == kind {
            return id;
        }
        let shape = self.shape(id).to_vec();
        self.program.push(&label(node), Operation::Same(id), kind, shape)
    }

    // Operands as constants.

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
            Tensor::Constant(folded) => Ok(Some(folded)),
            Tensor::Value(_) => Err(node.error(format!("input {} is not a constant", quote(name)))),
        }
    }

    /// The one element of a constant input, or the default if it is not given.
    pub fn scalar(&mut self, node: &Node, index: usize, default: f32) -> Result<f32, Error> {
        let Some(folded) = self.optional_constant(node, index)? else {
            return Ok(default);
        };
        match folded.floats().as_deref() {
            Some(&[value]) if !value.is_nan() => Ok(value),
            _ => Err(node.error(format!("bound {} is not one float32", quote(&folded.name)))),
        }
    }

    /// The elements of a constant of float32.
    pub fn floats(&mut self, node: &Node, index: usize, role: &str) -> Result<Vec<f32>, Error> {
        match self.optional_constant(node, index)?.and_then(|folded| folded.floats()) {
            Some(values) => Ok(values),
            None => Err(node.error(format!("{role} is not a tensor of float32"))),
        }
    }

    /// The elements of a constant that tools write as float32 or as integers.
    pub fn numbers(&mut self, node: &Node, index: usize, role: &str) -> Result<Vec<f32>, Error> {
        match self.optional_constant(node, index)? {
            Some(folded)
                if folded.constant.element.is_integer() && folded.quantization.is_none() =>
            {
                // Larger ones mean nothing where this is asked.
                Ok(folded.constant.integers().into_iter().map(|x| x as f32).collect())
            }
            _ => self.floats(node, index, role),
        }
    }

    /// The elements of an int64 constant of one dimension.
    pub fn integers(&mut self, node: &Node, index: usize, role: &str) -> Result<Vec<i64>, Error> {
        match self.optional_constant(node, index)? {
            Some(folded)
                if matches!(folded.constant.element, Element::I64 | Element::I32)
                    && folded.quantization.is_none()
                    && folded.constant.shape.len() <= 1 =>
            {
                Ok(folded.constant.integers())
            }
            _ => Err(node.error(format!("{role} is not a list of int64"))),
        }
    }

    /// Integers that early versions of an operator have as an attribute, later ones as an input.
    pub fn listed(
        &mut self,
        node: &Node,
        attribute: &str,
        index: usize,
    ) -> Result<Option<Vec<i64>>, Error> {
        if let Some(values) = node.ints(attribute)? {
            return Ok(Some(values.to_vec()));
        }
        if node.input(index).is_none() {
            return Ok(None);
        }
        self.integers(node, index, attribute).map(Some)
    }

    // Operations. Each returns its value; shapes have been checked by the caller.

    pub fn push(&mut self, node: &Node, operation: Operation, shape: Vec<u64>) -> ValueId {
        self.program.push(&label(node), operation, Kind::Float, shape)
    }

    /// An operation that moves elements of any kind.
    pub fn moved(
        &mut self,
        node: &Node,
        id: ValueId,
        operation: Operation,
        shape: Vec<u64>,
    ) -> ValueId {
        let kind = self.program.value(id).kind.clone();
        self.program.push(&label(node), operation, kind, shape)
    }

    pub fn unary(&mut self, node: &Node, name: &'static str, id: ValueId) -> ValueId {
        let shape = self.shape(id).to_vec();
        self.push(node, Operation::Unary(name, id), shape)
    }

    /// A constant that broadcasts with anything of that rank.
    pub fn splat(&mut self, node: &Node, value: f32, rank: usize) -> ValueId {
        let constant = Constant::from_floats(vec![1; rank], &[value]);
        self.push(node, Operation::Constant(constant), vec![1; rank])
    }

    /// A constant that varies along one dimension.
    pub fn along(&mut self, node: &Node, values: &[f32], axis: usize, rank: usize) -> ValueId {
        let mut shape = vec![1; rank];
        shape[axis] = values.len() as u64;
        let constant = Constant::from_floats(shape.clone(), values);
        self.push(node, Operation::Constant(constant), shape)
    }

    /// An operation on two real tensors, made of one rank and broadcast.
    pub fn binary(
        &mut self,
        node: &Node,
        name: &'static str,
        a: ValueId,
        b: ValueId,
    ) -> Result<ValueId, Error> {
        let ([a, b], shape) = self.aligned(node, [a, b])?;
        Ok(self.push(node, Operation::Binary(name, a, b), shape))
    }

    /// The operands with one rank, and the shape they broadcast to.
    pub fn aligned<const N: usize>(
        &mut self,
        node: &Node,
        ids: [ValueId; N],
    ) -> Result<([ValueId; N], Vec<u64>), Error> {
        let rank = ids.iter().map(|&id| self.shape(id).len()).max().unwrap_or(0);
        let mut aligned = ids;
        let mut common = vec![1; rank];
        for (id, slot) in ids.into_iter().zip(&mut aligned) {
            let mut shape = self.shape(id).to_vec();
            shape.splice(..0, vec![1; rank - shape.len()]);
            common = fold::broadcast(&common, &shape).ok_or_else(|| {
                node.error(format!(
                    "shapes {} and {} do not broadcast",
                    shape_text(&common),
                    shape_text(&shape)
                ))
            })?;
            *slot = self.reshape_value(node, id, shape)?;
        }
        self.check_size(node, &common)?;
        Ok((aligned, common))
    }

    /// Times a number.
    pub fn times(&mut self, node: &Node, id: ValueId, factor: f32) -> ValueId {
        let shape = self.shape(id).to_vec();
        let factor = self.splat(node, factor, shape.len());
        self.push(node, Operation::Binary("tosa.mul", id, factor), shape)
    }

    pub fn plus(&mut self, node: &Node, id: ValueId, summand: f32) -> ValueId {
        let shape = self.shape(id).to_vec();
        let summand = self.splat(node, summand, shape.len());
        self.push(node, Operation::Binary("tosa.add", id, summand), shape)
    }

    /// Divided by a count: a power of two is a factor that is exact, others are divided by.
    pub fn over(&mut self, node: &Node, id: ValueId, count: u64) -> ValueId {
        if count.is_power_of_two() {
            return self.times(node, id, 1.0 / count as f32);
        }
        let shape = self.shape(id).to_vec();
        let count = self.splat(node, count as f32, shape.len());
        let inverse = self.unary(node, "tosa.reciprocal", count);
        self.push(node, Operation::Binary("tosa.mul", id, inverse), shape)
    }

    pub fn clamp(&mut self, node: &Node, operand: ValueId, low: f32, high: f32) -> ValueId {
        let shape = self.shape(operand).to_vec();
        self.push(node, Operation::Clamp { operand, low, high }, shape)
    }

    /// Over several dimensions, which become 1.
    pub fn reduced(
        &mut self,
        node: &Node,
        name: &'static str,
        mut id: ValueId,
        axes: &[usize],
    ) -> ValueId {
        for &axis in axes {
            let mut shape = self.shape(id).to_vec();
            shape[axis] = 1;
            id = self.push(node, Operation::Reduce(name, id, axis), shape);
        }
        id
    }

    /// The mean over several dimensions, which become 1.
    pub fn mean(&mut self, node: &Node, id: ValueId, axes: &[usize]) -> ValueId {
        let count = axes.iter().map(|&axis| self.shape(id)[axis]).product();
        let sum = self.reduced(node, "tosa.reduce_sum", id, axes);
        self.over(node, sum, count)
    }

    // Moves of elements, of values and constants.

    /// The tensor in another shape of as many elements.
    pub fn reshaped(
        &mut self,
        node: &Node,
        tensor: Tensor,
        shape: Vec<u64>,
    ) -> Result<Tensor, Error> {
        if tensor::elements(&shape).is_none() {
            return Err(node.error("the result has too many dimensions or elements"));
        }
        let folded = match tensor {
            Tensor::Value(id) => return Ok(Tensor::Value(self.reshape_value(node, id, shape)?)),
            Tensor::Constant(folded) => folded,
        };
        let quantization = match &folded.quantization {
            None => None,
            Some(q) => match q.reshaped(&folded.constant.shape, &shape) {
                Some(q) => Some(q),
                // Codes have no type for it, but what they stand for does.
                None => {
                    let real = self.materialized(&folded).map_err(|m| node.error(m))?;
                    return Ok(Tensor::Value(self.reshape_value(node, real, shape)?));
                }
            },
        };
        let constant = folded.constant.reshaped(shape);
        Ok(Tensor::Constant(Rc::new(Folded { constant, quantization, ..Folded::clone(&folded) })))
    }

    /// The constant that a value of floats is, as [`Self::materialized`] wrote it.
    fn constant_of(&self, id: ValueId) -> Option<Folded> {
        let value = self.program.value(id);
        let folded = |constant: &Constant, quantization| Folded {
            constant: constant.clone(),
            quantization,
            name: String::new(),
            node: value.node.clone(),
        };
        match (&value.operation, &value.kind) {
            (Operation::Constant(constant), Kind::Float) => Some(folded(constant, None)),
            (&Operation::Dequantize(codes), Kind::Float) => {
                let codes = self.program.value(codes);
                let (&Operation::Reinterpret(plain), Kind::Quantized(q)) =
                    (&codes.operation, &codes.kind)
                else {
                    return None;
                };
                match &self.program.value(plain).operation {
                    Operation::Constant(constant) => Some(folded(constant, Some((**q).clone()))),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub fn reshape_value(
        &mut self,
        node: &Node,
        id: ValueId,
        shape: Vec<u64>,
    ) -> Result<ValueId, Error> {
        if self.shape(id) == shape {
            return Ok(id);
        }
        if let Some(folded) = self.constant_of(id)
            && folded.quantization.as_ref().is_none_or(|q| q.axis.is_none())
        {
            let constant = folded.constant.reshaped(shape);
            let folded = Folded { constant, ..folded };
            return self.materialized(&folded).map_err(|message| node.error(message));
        }
        let value = self.program.value(id);
        let kind = match &value.kind {
            Kind::Quantized(q) => {
                let reshaped = q.reshaped(&value.shape, &shape).ok_or_else(|| {
                    node.error(format!(
                        "reshapes {} to {}, which breaks up the dimension it is quantized along",
                        shape_text(&value.shape),
                        shape_text(&shape)
                    ))
                })?;
                Kind::Quantized(Rc::new(reshaped))
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
        match tensor {
            Tensor::Constant(folded) => {
                let constant = folded.constant.transposed(permutation);
                let quantization = folded.quantization.as_ref().map(|q| q.transposed(permutation));
                let rest = Folded::clone(&folded);
                Ok(Tensor::Constant(Rc::new(Folded { constant, quantization, ..rest })))
            }
            Tensor::Value(id) => Ok(self.transpose_value(node, id, permutation)?.into()),
        }
    }

    pub fn transpose_value(
        &mut self,
        node: &Node,
        id: ValueId,
        permutation: &[usize],
    ) -> Result<ValueId, Error> {
        let from = &self.program.value(id).shape;
        let shape: Vec<u64> = permutation.iter().map(|&d| from[d]).collect();
        // If the dimensions with more than one element keep their order, so do the elements.
        let moved: Vec<usize> = permutation.iter().copied().filter(|&d| from[d] != 1).collect();
        if moved.is_sorted() {
            return self.reshape_value(node, id, shape);
        }
        let kind = match &self.program.value(id).kind {
            Kind::Quantized(q) => Kind::Quantized(Rc::new(q.transposed(permutation))),
            kind => kind.clone(),
        };
        let operation = Operation::Transpose(id, permutation.to_vec());
        Ok(self.program.push(&label(node), operation, kind, shape))
    }

    /// Elements `start`, `start + step`, ... of each dimension, `size` of them, which exist.
    pub fn sliced(
        &mut self,
        node: &Node,
        tensor: Tensor,
        index: usize,
        start: &[u64],
        step: &[i64],
        size: &[u64],
    ) -> Result<Tensor, Error> {
        self.check_slice(node, size)?;
        if let Tensor::Constant(folded) = &tensor
            && folded.quantization.as_ref().is_none_or(|q| q.axis.is_none())
        {
            let constant = &folded.constant;
            let strides = constant.strides();
            let first = strides.iter().zip(start).map(|(stride, &at)| stride * at as i64).sum();
            let steps: Vec<i64> =
                strides.iter().zip(step).map(|(stride, step)| stride * step).collect();
            let constant = constant.walked(size.to_vec(), first, &steps);
            let rest = Folded::clone(folded);
            return Ok(Tensor::Constant(Rc::new(Folded { constant, ..rest })));
        }
        self.check_size(node, size)?;
        let mut id = self.any(node, tensor, index)?;
        if let Kind::Quantized(q) = &self.program.value(id).kind
            && q.axis.is_some()
        {
            return Err(node.error("takes parts of a tensor quantized along an axis"));
        }
        let mut start = start.to_vec();
        for d in 0..size.len() {
            // Backwards is forwards in the reversed tensor.
            if step[d] < 0 {
                let shape = self.shape(id).to_vec();
                start[d] = shape[d] - 1 - start[d];
                id = self.moved(node, id, Operation::Reverse(id, d), shape);
            }
        }
        // All dimensions that go in steps of one at once, then the others.
        let shape = self.shape(id).to_vec();
        let each = |d: usize| step[d].unsigned_abs() == 1 || size[d] == 1;
        let from = (0..size.len()).map(|d| if each(d) { start[d] } else { 0 }).collect();
        let cut = (0..size.len()).map(|d| if each(d) { size[d] } else { shape[d] }).collect();
        id = self.slice_value(node, id, from, cut);
        for d in (0..size.len()).filter(|&d| !each(d)) {
            let every = step[d].unsigned_abs();
            let shape = self.shape(id).to_vec();
            let mut cut = shape.clone();
            let mut from = vec![0; shape.len()];
            // Cut to whole steps, of which the first element of each is taken. The last step may
            // go beyond the end: then all but it are taken so, and it by itself.
            let whole = (shape[d] - start[d]) / every;
            let whole = whole.min(size[d]);
            (from[d], cut[d]) = (start[d], whole * every);
            let mut parts = Vec::new();
            if whole > 0 {
                let steps = self.slice_value(node, id, from.clone(), cut.clone());
                let mut apart = cut.clone();
                apart.splice(d..=d, [whole, every]);
                self.check_size(node, &apart)?;
                let steps = self.reshape_value(node, steps, apart.clone())?;
                apart[d + 1] = 1;
                let firsts = self.slice_value(node, steps, vec![0; apart.len()], apart);
                cut[d] = whole;
                parts.push(self.reshape_value(node, firsts, cut.clone())?);
            }
            if whole < size[d] {
                (from[d], cut[d]) = (start[d] + whole * every, 1);
                parts.push(self.slice_value(node, id, from, cut));
            }
            id = self.concat_values(node, parts, d);
        }
        Ok(id.into())
    }

    fn check_slice(&self, node: &Node, size: &[u64]) -> Result<(), Error> {
        match tensor::elements(size) {
            Some(_) => Ok(()),
            None => Err(node.error("the result has too many dimensions or elements")),
        }
    }

    /// A part of a value, which exists.
    pub fn slice_value(
        &mut self,
        node: &Node,
        id: ValueId,
        start: Vec<u64>,
        size: Vec<u64>,
    ) -> ValueId {
        if self.shape(id) == size {
            return id;
        }
        self.moved(node, id, Operation::Slice(id, start), size)
    }

    /// Values of one kind, whose shapes differ along the axis only.
    pub fn concat_values(&mut self, node: &Node, parts: Vec<ValueId>, axis: usize) -> ValueId {
        if let [only] = parts[..] {
            return only;
        }
        let mut shape = self.shape(parts[0]).to_vec();
        shape[axis] = parts.iter().map(|&part| self.shape(part)[axis]).sum();
        self.moved(node, parts[0], Operation::Concat(parts, axis), shape)
    }

    /// A value repeated to a shape of its rank that it broadcasts to.
    pub fn tiled(&mut self, node: &Node, id: ValueId, shape: &[u64]) -> ValueId {
        if self.shape(id) == shape {
            return id;
        }
        let times = self.shape(id).iter().zip(shape).map(|(have, want)| want / have).collect();
        self.moved(node, id, Operation::Tile(id, times), shape.to_vec())
    }
}

pub fn label(node: &Node) -> Rc<str> {
    Rc::from(node.name.as_str())
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
