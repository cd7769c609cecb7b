//! What a model computes, said with few operations: between the operators of ONNX and MLIR.
//!
//! A [`Program`] knows neither ONNX's operators nor MLIR. Operations that ONNX puts into one
//! operator (`Gemm`) are apart here, and constants have the shape they are used in.
//!
//! **Invariant:** an operation's operands come before it, and its shape and kind follow from
//! theirs.

use std::rc::Rc;

use super::{
    graph::Port,
    tensor::{Constant, Element},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ValueId(usize);

impl ValueId {
    pub fn index(self) -> usize {
        self.0
    }
}

#[derive(Default)]
pub struct Program {
    pub inputs: Vec<Port>,
    pub values: Vec<Value>,
    /// Names and values, the latter float or integer.
    pub outputs: Vec<(String, ValueId)>,
}

/// The result of one operation.
#[derive(Debug)]
pub struct Value {
    pub operation: Operation,
    pub kind: Kind,
    pub shape: Vec<u64>,
    /// The ONNX node, or input, it is a part of.
    pub node: Rc<str>,
}

/// What the elements of a tensor are.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    Float,
    Integer(Element),
    /// Integers that stand for real numbers.
    Quantized(Rc<Quantization>),
}

#[derive(Debug)]
pub enum Operation {
    /// The input of that index.
    Input(usize),
    /// Integers, or floats that are added to sums.
    Constant(Constant),
    /// Float to quantized: nearest, ties to even, saturating.
    Quantize(ValueId),
    /// Quantized to float.
    Dequantize(ValueId),
    /// Between integers and quantized, which are the same integers.
    Reinterpret(ValueId),
    /// Same elements, other shape.
    Reshape(ValueId),
    /// Dimension `i` of the result is dimension `permutation[i]` of the operand.
    Transpose(ValueId, Vec<usize>),
    /// `[B, M, K]` times `[B, K, N]`.
    MatMul(ValueId, ValueId),
    /// Ranks are equal; an extent of 1 broadcasts.
    Add(ValueId, ValueId),
    /// Times a constant.
    Scale(ValueId, f32),
    Clamp {
        operand: ValueId,
        low: f32,
        high: f32,
    },
}

/// How integers stand for real numbers: `real = scale * (integer - zero_point)`.
#[derive(Clone, PartialEq, Debug)]
pub struct Quantization {
    /// The type the integers are stored in.
    pub storage: Element,
    /// Smallest and largest integer, within the range of `storage`.
    pub range: (i64, i64),
    /// Scale, finite and positive, and zero point: one pair, or one for each index of `axis`.
    pub parameters: Vec<(f32, i64)>,
    /// The dimension along which the parameters vary.
    pub axis: Option<usize>,
}

impl Quantization {
    /// Equal but for the range of integers in use.
    pub fn agrees_with(&self, other: &Quantization) -> bool {
        (self.storage, &self.parameters, self.axis)
            == (other.storage, &other.parameters, other.axis)
    }

    /// Scale and zero point of the element at a row-major index of a tensor of that shape.
    pub fn parameters_at(&self, shape: &[u64], index: usize) -> (f32, i64) {
        let channel = self.axis.map_or(0, |axis| {
            let stride: u64 = shape[axis + 1..].iter().product();
            (index / stride as usize) % shape[axis] as usize
        });
        self.parameters[channel]
    }

    /// The quantization of a tensor transposed by `permutation`.
    pub fn transposed(&self, permutation: &[usize]) -> Quantization {
        let moved = |axis| permutation.iter().position(|&d| d == axis);
        Quantization { axis: self.axis.and_then(moved), ..self.clone() }
    }

    /// The quantization of a tensor reshaped `from` one shape `to` another; `None` if the
    /// parameters would vary along more than one dimension, or along part of one.
    pub fn reshaped(&self, from: &[u64], to: &[u64]) -> Option<Quantization> {
        let Some(axis) = self.axis else {
            return Some(self.clone());
        };
        let before: u64 = from[..axis].iter().product();
        let same = |d: usize| to[d] == from[axis] && to[..d].iter().product::<u64>() == before;
        let axis = (0..to.len()).find(|&d| same(d))?;
        Some(Quantization { axis: Some(axis), ..self.clone() })
    }
}

impl Program {
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    pub fn push(
        &mut self,
        node: &Rc<str>,
        operation: Operation,
        kind: Kind,
        shape: Vec<u64>,
    ) -> ValueId {
        self.values.push(Value { operation, kind, shape, node: node.clone() });
        ValueId(self.values.len() - 1)
    }

    /// For each value, whether an output depends on it.
    pub fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.values.len()];
        for (_, output) in &self.outputs {
            live[output.0] = true;
        }
        // Operands come before operations, so one pass from the end sees all uses first.
        for index in (0..self.values.len()).rev() {
            if live[index] {
                for operand in self.values[index].operation.operands().into_iter().flatten() {
                    live[operand.0] = true;
                }
            }
        }
        live
    }
}

impl Operation {
    pub fn operands(&self) -> [Option<ValueId>; 2] {
        match *self {
            Operation::Input(_) | Operation::Constant(_) => [None, None],
            Operation::Quantize(x)
            | Operation::Dequantize(x)
            | Operation::Reinterpret(x)
            | Operation::Reshape(x)
            | Operation::Transpose(x, _)
            | Operation::Scale(x, _)
            | Operation::Clamp { operand: x, .. } => [Some(x), None],
            Operation::MatMul(a, b) | Operation::Add(a, b) => [Some(a), Some(b)],
        }
    }
}
