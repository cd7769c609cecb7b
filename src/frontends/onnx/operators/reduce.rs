//! Operators over whole dimensions.

use super::super::{
    super::Error,
    graph::Node,
    lowering::{Lowering, Tensor, axis_of, chosen_axes, label},
    program::{Kind, Operation, ValueId},
    tensor::{Constant, Element},
};
use super::elements::made;

pub const ATTRIBUTES: &[&str] = &["axes", "keepdims", "noop_with_empty_axes"];

/// The input, the dimensions that go, and the shape of the result.
type Reduction = (ValueId, Vec<usize>, Vec<u64>);

/// `None` if no dimension goes.
fn reduction(lowering: &mut Lowering, node: &Node) -> Result<Option<Reduction>, Error> {
    let x = lowering.real(node, 0)?;
    let shape = lowering.shape(x).to_vec();
    let axes = lowering.listed(node, "axes", 1)?.unwrap_or_default();
    if axes.is_empty() && node.int("noop_with_empty_axes", 0)? != 0 {
        return Ok(None);
    }
    let mut chosen = chosen_axes(node, &axes, shape.len())?;
    if axes.is_empty() {
        chosen = vec![true; shape.len()];
    }
    let keep = node.int("keepdims", 1)? != 0;
    let extents = shape.iter().zip(&chosen);
    let to = extents
        .filter(|(_, chosen)| keep || !**chosen)
        .map(|(&extent, &chosen)| if chosen { 1 } else { extent })
        .collect();
    let axes = (0..shape.len()).filter(|&axis| chosen[axis]).collect();
    Ok(Some((x, axes, to)))
}

fn reduced(lowering: &mut Lowering, node: &Node, name: &'static str) -> Result<Tensor, Error> {
    let Some((x, axes, to)) = reduction(lowering, node)? else {
        return lowering.operand(node, 0);
    };
    let result = lowering.reduced(node, name, x, &axes);
    Ok(lowering.reshape_value(node, result, to)?.into())
}

pub fn max(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    reduced(lowering, node, "tosa.reduce_max")
}

pub fn min(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    reduced(lowering, node, "tosa.reduce_min")
}

pub fn sum(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    reduced(lowering, node, "tosa.reduce_sum")
}

/// Of constants it counts elements.
pub fn product(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    if let Tensor::Constant(folded) = &operand
        && folded.constant.element.is_integer()
        && folded.quantization.is_none()
        && folded.constant.shape.len() <= 1
    {
        let values = folded.constant.integers();
        let product = values.iter().try_fold(1_i64, |product, &x| product.checked_mul(x));
        let product = product.ok_or_else(|| node.error("leaves the range of int64"))?;
        let keep = node.int("keepdims", 1)? != 0;
        let shape = if keep { vec![1; folded.constant.shape.len()] } else { Vec::new() };
        return Ok(made(node, Constant::from_integers(Element::I64, shape, &[product])));
    }
    reduced(lowering, node, "tosa.reduce_product")
}

pub fn mean(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let Some((x, axes, to)) = reduction(lowering, node)? else {
        return lowering.operand(node, 0);
    };
    let result = lowering.mean(node, x, &axes);
    Ok(lowering.reshape_value(node, result, to)?.into())
}

pub fn arg_max(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let mut shape = lowering.shape(x).to_vec();
    let axis = axis_of(node, node.int("axis", 0)?, shape.len())?;
    if node.int("select_last_index", 0)? != 0 {
        return Err(node.error("takes the last of several maxima, which is not supported"));
    }
    let kept = node.int("keepdims", 1)? != 0;
    shape.remove(axis);
    let kind = Kind::Integer(Element::I64);
    let arg_max = Operation::ArgMax(x, axis);
    let result = lowering.program.push(&label(node), arg_max, kind, shape.clone());
    if kept {
        shape.insert(axis, 1);
    }
    Ok(lowering.reshape_value(node, result, shape)?.into())
}
