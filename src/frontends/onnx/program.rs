//! What a model computes, said with few operations: between the operators of ONNX and MLIR.
//!
//! A [`Program`] knows neither ONNX's operators nor MLIR. Operations that ONNX puts into one
//! operator (`Gemm`) are apart here, and constants have the shape they are used in.
//!
//! **Invariant:** an operation's operands come before it, and its shape and kind follow from
//! theirs.

use std::{collections::HashMap, rc::Rc};

use super::{
    graph::Port,
    tensor::{Constant, Element},
};
use crate::exact::Rounding;

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
    /// Operators of the nodes, by their names.
    pub operators: HashMap<Rc<str>, Rc<str>>,
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
    /// Integers to ONNX, of that type, that are computed as real numbers, which is the same as
    /// long as they stay in the range of the type.
    Whole(Element),
}

#[derive(Debug)]
pub enum Operation {
    /// The input of that index.
    Input(usize),
    Constant(Constant),
    /// Nothing; the kind of the result is another.
    Same(ValueId),
    /// Float to quantized, rounded, then saturating.
    Quantize(ValueId, Rounding),
    /// Quantized to float.
    Dequantize(ValueId),
    /// Between integers and quantized, which are the same integers.
    Reinterpret(ValueId),
    /// To another type: nearest, saturating.
    Cast(ValueId),
    /// Same elements, other shape.
    Reshape(ValueId),
    /// Dimension `i` of the result is dimension `permutation[i]` of the operand.
    Transpose(ValueId, Vec<usize>),
    /// From these positions on, as much as the result has.
    Slice(ValueId, Vec<u64>),
    /// Of two dimensions, the first element last.
    Reverse(ValueId, usize),
    /// So many times along each dimension.
    Tile(ValueId, Vec<u64>),
    /// So many elements of a value before and behind, per dimension.
    Pad(ValueId, Vec<[u64; 2]>, f32),
    /// Along a dimension.
    Concat(Vec<ValueId>, usize),
    /// `[B, M, K]` times `[B, K, N]`.
    MatMul(ValueId, ValueId),
    /// Of each element by itself, by the name it has in tosa.
    Unary(&'static str, ValueId),
    /// Of elements of two tensors, likewise. Ranks are equal; an extent of 1 broadcasts.
    Binary(&'static str, ValueId, ValueId),
    Select(ValueId, ValueId, ValueId),
    Clamp {
        operand: ValueId,
        low: f32,
        high: f32,
    },
    /// Along a dimension, which is 1 in the result.
    Reduce(&'static str, ValueId, usize),
    /// Along a dimension, which is not in the result.
    ArgMax(ValueId, usize),
    /// Input `NHWC`; weights `OHWI`, `HWCM` if depthwise; bias of one dimension.
    Convolution {
        kind: Convolution,
        operands: [ValueId; 3],
        /// Top, bottom, left, right; of the output if it is transposed.
        pads: [u64; 4],
        strides: [u64; 2],
        dilations: [u64; 2],
    },
    /// Over windows of `NHWC`.
    Pool {
        name: &'static str,
        operand: ValueId,
        kernel: [u64; 2],
        pads: [u64; 4],
        strides: [u64; 2],
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Convolution {
    Full,
    Depthwise,
    Transposed,
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
    /// Parameters of all integers of a type; a list along an axis of equals says no more than
    /// one of them. There is at least one.
    pub fn new(storage: Element, mut parameters: Vec<(f32, i64)>, axis: Option<usize>) -> Self {
        let axis = axis.filter(|_| parameters.iter().any(|p| *p != parameters[0]));
        if axis.is_none() {
            parameters.truncate(1);
        }
        Quantization { storage, range: storage.range(), parameters, axis }
    }

    /// Integers that stand for themselves.
    pub fn identity(storage: Element) -> Quantization {
        Quantization { storage, range: storage.range(), parameters: vec![(1.0, 0)], axis: None }
    }

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

    /// Says what the elements of a value are, whose operation does not mind.
    pub fn set_kind(&mut self, id: ValueId, kind: Kind) {
        self.values[id.0].kind = kind;
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
                for operand in self.values[index].operation.operands() {
                    live[operand.0] = true;
                }
            }
        }
        live
    }
}

impl Operation {
    pub fn operands(&self) -> Vec<ValueId> {
        match self {
            Operation::Input(_) | Operation::Constant(_) => Vec::new(),
            Operation::Same(x)
            | Operation::Quantize(x, _)
            | Operation::Dequantize(x)
            | Operation::Reinterpret(x)
            | Operation::Cast(x)
            | Operation::Reshape(x)
            | Operation::Transpose(x, _)
            | Operation::Slice(x, _)
            | Operation::Reverse(x, _)
            | Operation::Tile(x, _)
            | Operation::Pad(x, ..)
            | Operation::Unary(_, x)
            | Operation::Reduce(_, x, _)
            | Operation::ArgMax(x, _)
            | Operation::Pool { operand: x, .. }
            | Operation::Clamp { operand: x, .. } => vec![*x],
            Operation::MatMul(a, b) | Operation::Binary(_, a, b) => vec![*a, *b],
            Operation::Select(a, b, c) => vec![*a, *b, *c],
            Operation::Convolution { operands, .. } => operands.to_vec(),
            Operation::Concat(operands, _) => operands.clone(),
        }
    }
}
