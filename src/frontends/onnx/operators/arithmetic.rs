//! Operators of elements of several tensors.

use std::rc::Rc;

use super::super::{
    super::Error,
    fold::{self, Binary},
    graph::Node,
    lowering::{Folded, Lowering, Tensor, label},
    program::{Kind, Operation, ValueId},
    tensor::{Constant, Element},
};
use super::{elements::made, quantize};

/// An operator of two inputs, of which the meaning takes them in this order.
pub fn binary(
    lowering: &mut Lowering,
    node: &Node,
    binary: Binary,
    name: &'static str,
    order: [usize; 2],
) -> Result<Tensor, Error> {
    let [a, b] = [lowering.operand(node, 0)?, lowering.operand(node, 1)?];
    if let Some(constant) = folded(lowering, node, binary, &a, &b)? {
        return Ok(constant);
    }
    let (of_a, of_b) = (lowering.element(&a), lowering.element(&b));
    if of_a != of_b {
        return Err(node.error(format!("has inputs of {of_a} and {of_b}, needs one type")));
    }
    if of_a == Element::Bool || matches!(binary, Binary::And | Binary::Or) {
        if of_a != Element::Bool || !matches!(binary, Binary::And | Binary::Or) {
            return Err(node.error(format!("of {of_a} is not supported")));
        }
        let ids = [lowering.any(node, a, 0)?, lowering.any(node, b, 1)?];
        let ([a, b], shape) = lowering.aligned(node, ids)?;
        let kind = Kind::Integer(Element::Bool);
        let operation = Operation::Binary(name, a, b);
        return Ok(lowering.program.push(&label(node), operation, kind, shape).into());
    }
    let ids = [lowering.number(node, a, 0)?.0, lowering.number(node, b, 1)?.0];
    let result = lowering.binary(node, name, ids[order[0]], ids[order[1]])?;
    let kind = if binary.compares() {
        Kind::Integer(Element::Bool)
    } else if of_a == Element::F32 {
        return Ok(result.into());
    } else {
        Kind::Whole(of_a)
    };
    lowering.program.set_kind(result, kind);
    Ok(result.into())
}

/// The result if both operands are constants that are not codes.
fn folded(
    lowering: &mut Lowering,
    node: &Node,
    binary: Binary,
    a: &Tensor,
    b: &Tensor,
) -> Result<Option<Tensor>, Error> {
    match (a, b) {
        (Tensor::Constant(a), Tensor::Constant(b))
            if a.quantization.is_none()
                && b.quantization.is_none()
                && a.constant.element == b.constant.element =>
        {
            let constant = binary.fold(&a.constant, &b.constant, &mut lowering.growth);
            Ok(Some(made(node, constant.map_err(|message| node.error(message))?)))
        }
        _ => Ok(None),
    }
}

/// tosa has no division of floats: it is a product with the reciprocal. Where the divisors are
/// powers of two, their reciprocals are constants that are exact.
pub fn div(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let [a, b] = [lowering.operand(node, 0)?, lowering.operand(node, 1)?];
    if let Some(constant) = folded(lowering, node, Binary::Div, &a, &b)? {
        return Ok(constant);
    }
    let a = lowering.float(node, a, 0, "input")?;
    let b = inverse(lowering, node, b, 1)?;
    Ok(lowering.binary(node, "tosa.mul", a, b)?.into())
}

fn inverse(
    lowering: &mut Lowering,
    node: &Node,
    tensor: Tensor,
    index: usize,
) -> Result<ValueId, Error> {
    if let Tensor::Constant(folded) = &tensor
        && folded.quantization.is_none()
    {
        let values = folded.constant.floats();
        let exact = |x: &f32| crate::mlir::quant::power_of_two(f64::from(x.abs()));
        if !values.is_empty()
            && values.iter().all(|x| exact(x).is_some_and(|e| (-126..=126).contains(&e)))
        {
            let inverse: Vec<f32> = values.iter().map(|x| 1.0 / x).collect();
            let constant = Constant::from_floats(folded.constant.shape.clone(), &inverse);
            let rest = Folded::clone(folded);
            let inverse = Tensor::Constant(Rc::new(Folded { constant, ..rest }));
            return lowering.float(node, inverse, index, "input");
        }
    }
    let divisor = lowering.float(node, tensor, index, "input")?;
    Ok(lowering.unary(node, "tosa.reciprocal", divisor))
}

pub fn pow(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let [a, b] = [lowering.operand(node, 0)?, lowering.operand(node, 1)?];
    if let Some(constant) = folded(lowering, node, Binary::Pow, &a, &b)? {
        return Ok(constant);
    }
    let exponent = match &b {
        Tensor::Constant(folded) if folded.quantization.is_none() => {
            folded.constant.doubles().first().copied().filter(|_| folded.constant.count() == 1)
        }
        _ => None,
    };
    let x = lowering.float(node, a, 0, "input")?;
    match exponent {
        Some(1.0) => return Ok(x.into()),
        Some(2.0) => return Ok(lowering.binary(node, "tosa.mul", x, x)?.into()),
        _ => {}
    }
    let y = match (exponent, b) {
        // The exponent may be of another type.
        (Some(value), Tensor::Constant(folded)) => {
            let rank = folded.constant.shape.len();
            lowering.splat(node, value as f32, rank)
        }
        (_, b) => lowering.float(node, b, 1, "exponent")?,
    };
    Ok(lowering.binary(node, "tosa.pow", x, y)?.into())
}

/// An operator of any number of inputs, two by two.
fn all(
    lowering: &mut Lowering,
    node: &Node,
    binary: Binary,
    name: &'static str,
) -> Result<Tensor, Error> {
    let mut result = lowering.operand(node, 0)?;
    for index in 1..node.input_count() {
        let next = lowering.operand(node, index)?;
        if let Some(constant) = folded(lowering, node, binary, &result, &next)? {
            result = constant;
            continue;
        }
        let (of_a, of_b) = (lowering.element(&result), lowering.element(&next));
        if of_a != of_b {
            return Err(node.error(format!("has inputs of {of_a} and {of_b}, needs one type")));
        }
        let a = lowering.number(node, result, 0)?.0;
        let b = lowering.number(node, next, index)?.0;
        let both = lowering.binary(node, name, a, b)?;
        if of_a != Element::F32 {
            lowering.program.set_kind(both, Kind::Whole(of_a));
        }
        result = both.into();
    }
    Ok(result)
}

pub fn max(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    all(lowering, node, Binary::Max, "tosa.maximum")
}

pub fn min(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    all(lowering, node, Binary::Min, "tosa.minimum")
}

pub fn sum(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    all(lowering, node, Binary::Add, "tosa.add")
}

pub fn mean(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let sum = sum(lowering, node)?;
    let sum = lowering.float(node, sum, 0, "input")?;
    Ok(lowering.over(node, sum, node.input_count() as u64).into())
}

pub fn not(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    if lowering.element(&operand) != Element::Bool {
        return Err(node.error("needs an input of bool"));
    }
    if let Tensor::Constant(folded) = &operand {
        let values: Vec<i64> = folded.constant.integers().iter().map(|x| 1 - x).collect();
        let shape = folded.constant.shape.clone();
        return Ok(made(node, Constant::from_integers(Element::Bool, shape, &values)));
    }
    let id = lowering.any(node, operand, 0)?;
    let shape = lowering.shape(id).to_vec();
    let kind = Kind::Integer(Element::Bool);
    let not = Operation::Unary("tosa.logical_not", id);
    Ok(lowering.program.push(&label(node), not, kind, shape).into())
}

/// `Where`.
pub fn select(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operands =
        [lowering.operand(node, 0)?, lowering.operand(node, 1)?, lowering.operand(node, 2)?];
    if lowering.element(&operands[0]) != Element::Bool {
        return Err(node.error("needs a condition of bool"));
    }
    if let [Tensor::Constant(condition), Tensor::Constant(a), Tensor::Constant(b)] = &operands
        && a.quantization.is_none()
        && b.quantization.is_none()
        && a.constant.element == b.constant.element
    {
        let (condition, a, b) = (&condition.constant, &a.constant, &b.constant);
        let constant = fold::select(condition, a, b, &mut lowering.growth);
        return Ok(made(node, constant.map_err(|message| node.error(message))?));
    }
    let [condition, a, b] = operands;
    let condition = lowering.any(node, condition, 0)?;
    let (a, b) = (lowering.float(node, a, 1, "input")?, lowering.float(node, b, 2, "input")?);
    let ([condition, a, b], shape) = lowering.aligned(node, [condition, a, b])?;
    Ok(lowering.push(node, Operation::Select(condition, a, b), shape).into())
}

/// Two quantized tensors, of which the real numbers are added and quantized again.
pub fn q_linear_add(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    q_linear(lowering, node, "tosa.add")
}

pub fn q_linear_mul(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    q_linear(lowering, node, "tosa.mul")
}

fn q_linear(lowering: &mut Lowering, node: &Node, name: &'static str) -> Result<Tensor, Error> {
    let a = quantize::dequantized_input(lowering, node, [0, 1, 2], None)?;
    let b = quantize::dequantized_input(lowering, node, [3, 4, 5], None)?;
    let storage = quantize::storage_of(lowering, node, 0)?;
    let (a, b) = (lowering.any(node, a, 0)?, lowering.any(node, b, 3)?);
    let result = lowering.binary(node, name, a, b)?;
    quantize::quantized_output(lowering, node, result, [6, 7], storage)
}
