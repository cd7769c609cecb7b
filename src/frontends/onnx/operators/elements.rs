//! Operators that make constants, or do nothing to values.

use std::rc::Rc;

use super::super::{
    super::Error,
    fold,
    graph::Node,
    lowering::{Folded, Lowering, Tensor, label},
    program::{Kind, Operation, ValueId},
    quote,
    tensor::{Constant, Element},
};

/// A constant that a node makes.
pub fn made(node: &Node, constant: Constant) -> Tensor {
    let name = node.name.clone();
    Tensor::Constant(Rc::new(Folded { constant, quantization: None, name, node: label(node) }))
}

pub fn constant(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let constant = if node.has("value_float") {
        Constant::from_floats(Vec::new(), &[node.float("value_float", 0.0)?])
    } else if let Some(values) = node.floats("value_floats")? {
        Constant::from_floats(vec![values.len() as u64], values)
    } else if node.has("value_int") {
        Constant::from_integers(Element::I64, Vec::new(), &[node.int("value_int", 0)?])
    } else if let Some(values) = node.ints("value_ints")? {
        Constant::from_integers(Element::I64, vec![values.len() as u64], values)
    } else {
        node.tensor(lowering.graph, "value")?
    };
    Ok(made(node, constant))
}

pub fn constant_of_shape(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let extents = lowering.integers(node, 0, "shape")?;
    let value = match node.has("value") {
        true => node.tensor(lowering.graph, "value")?,
        false => Constant::from_floats(vec![1], &[0.0]),
    };
    let shape: Option<Vec<u64>> = extents.iter().map(|&extent| extent.try_into().ok()).collect();
    let Some(shape) = shape.filter(|_| value.count() == 1) else {
        return Err(node.error("needs extents from 0 on, and one value"));
    };
    lowering.growth.take(&shape, 1).map_err(|message| node.error(message))?;
    let value = value.reshaped(Vec::new());
    Ok(made(node, fold::expanded(&value, &shape)))
}

pub fn range(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let mut bound = |index| lowering.integers(node, index, "a bound");
    let bounds = [bound(0)?, bound(1)?, bound(2)?];
    let ([start], [limit], [step]) = (&bounds[0][..], &bounds[1][..], &bounds[2][..]) else {
        return Err(node.error("needs three bounds of one int64 each"));
    };
    let mut values = Vec::new();
    let mut value = *start;
    while (*step > 0 && value < *limit) || (*step < 0 && value > *limit) {
        values.push(value);
        if values.len() > 4096 {
            return Err(node.error("makes a constant of more than 4096 elements"));
        }
        let Some(next) = value.checked_add(*step) else { break };
        value = next;
    }
    if *step == 0 {
        return Err(node.error("goes in steps of 0"));
    }
    let constant = Constant::from_integers(Element::I64, vec![values.len() as u64], &values);
    Ok(made(node, constant))
}

pub fn shape(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let extents: Vec<i64> =
        lowering.tensor_shape(&operand).iter().map(|&extent| extent as i64).collect();
    let rank = extents.len() as i64;
    let bound = |bound: i64| {
        let bound = if bound < 0 { bound.saturating_add(rank) } else { bound };
        bound.clamp(0, rank) as usize
    };
    let (start, end) = (bound(node.int("start", 0)?), bound(node.int("end", rank)?));
    let part = extents.get(start..end).unwrap_or_default();
    Ok(made(node, Constant::from_integers(Element::I64, vec![part.len() as u64], part)))
}

pub fn size(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let count: u64 = lowering.tensor_shape(&operand).iter().product();
    Ok(made(node, Constant::from_integers(Element::I64, Vec::new(), &[count as i64])))
}

pub fn identity(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    lowering.operand(node, 0)
}

/// At inference it does nothing; its mask is only of use in training.
pub fn dropout(lowering: &mut Lowering, node: &Node) -> Result<Vec<Tensor>, Error> {
    if let Some(name) = node.input(2).map(quote) {
        let training = match lowering.operand(node, 2)? {
            Tensor::Constant(folded) => folded.constant.integers(),
            Tensor::Value(_) => Vec::new(),
        };
        if training.is_empty() || training.iter().any(|&x| x != 0) {
            return Err(node.error(format!(
                "may be in training mode, as {name} says: export the model for inference"
            )));
        }
    }
    Ok(vec![lowering.operand(node, 0)?])
}

pub fn cast(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let to = Element::from_data_type(node.int("to", 0)?).map_err(|e| node.error(e))?;
    let operand = lowering.operand(node, 0)?;
    let from = lowering.element(&operand);
    if from == to {
        return Ok(operand);
    }
    let id = match operand {
        Tensor::Constant(folded) if folded.quantization.is_none() => {
            let constant = fold::cast(&folded.constant, to).map_err(|m| node.error(m))?;
            return Ok(Tensor::Constant(Rc::new(Folded { constant, ..Folded::clone(&folded) })));
        }
        operand => lowering.any(node, operand, 0)?,
    };
    let label = label(node);
    let shape = lowering.shape(id).to_vec();
    let refuse = || {
        let message = format!("casts {from} to {to}, which is not supported");
        Err(node.error(format!("{message}; supported: between float32, integers and bool")))
    };
    if [from, to].iter().any(|e| e.is_float() && *e != Element::F32) {
        return refuse();
    }
    if from == Element::F32 && to == Element::Bool {
        let zero = lowering.splat(node, 0.0, shape.len());
        let kind = Kind::Integer(Element::Bool);
        let equal = Operation::Binary("tosa.equal", id, zero);
        let equal = lowering.program.push(&label, equal, kind.clone(), shape.clone());
        let other = Operation::Unary("tosa.logical_not", equal);
        return Ok(lowering.program.push(&label, other, kind, shape).into());
    }
    if from == Element::F32 {
        // Toward zero: down if positive, up if negative.
        let toward_zero = toward_zero(lowering, node, id)?;
        return Ok(lowering.same(node, toward_zero, Kind::Whole(to)).into());
    }
    if from == Element::Bool || (from == Element::I64 && to == Element::F32) {
        let kind = if to == Element::F32 { Kind::Float } else { Kind::Whole(to) };
        let cast = Operation::Cast(id);
        return Ok(lowering.program.push(&label, cast, kind, shape).into());
    }
    if to == Element::Bool {
        return refuse();
    }
    if from == Element::I64 {
        // The same numbers in fewer bits.
        let cast = Operation::Cast(id);
        return Ok(lowering.program.push(&label, cast, Kind::Integer(to), shape).into());
    }
    let (number, _) = lowering.number(node, id.into(), 0)?;
    if to == Element::F32 {
        return Ok(lowering.same(node, number, Kind::Float).into());
    }
    let ((low, high), (least, most)) = (from.range(), to.range());
    if low < least || high > most {
        return Err(node.error(format!(
            "casts {from} to {to}, which does not hold all of it: quantize to {to} instead"
        )));
    }
    Ok(lowering.same(node, number, Kind::Whole(to)).into())
}

/// The integer next to zero.
fn toward_zero(lowering: &mut Lowering, node: &Node, id: ValueId) -> Result<ValueId, Error> {
    let (down, up) =
        (lowering.unary(node, "tosa.floor", id), lowering.unary(node, "tosa.ceil", id));
    let shape = lowering.shape(id).to_vec();
    let zero = lowering.splat(node, 0.0, shape.len());
    let positive = Operation::Binary("tosa.greater", id, zero);
    let kind = Kind::Integer(Element::Bool);
    let positive = lowering.program.push(&label(node), positive, kind, shape.clone());
    Ok(lowering.push(node, Operation::Select(positive, down, up), shape))
}
