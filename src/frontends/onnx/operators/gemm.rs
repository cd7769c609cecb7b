//! Products of matrices.

use super::super::{
    super::Error,
    fold,
    graph::Node,
    lowering::{Lowering, Tensor},
    program::{Kind, Operation, Quantization, ValueId},
    tensor::{Element, shape_text},
};
use super::quantize;

/// A matrix: an input of a `Gemm`, transposed if asked.
fn matrix(
    lowering: &mut Lowering,
    node: &Node,
    operand: Tensor,
    (index, role): (usize, &str),
    transposed: bool,
) -> Result<Tensor, Error> {
    let shape = lowering.tensor_shape(&operand);
    if shape.len() != 2 {
        return Err(node.error(format!(
            "{role} {} has shape {}, needs 2 dimensions",
            lowering.input_name(node, index),
            shape_text(shape)
        )));
    }
    if transposed { lowering.transposed(node, operand, &[1, 0]) } else { Ok(operand) }
}

/// The matrix product of two tensors, which must be float; `names` are the inputs they are in.
fn product(
    lowering: &mut Lowering,
    node: &Node,
    [a, b]: [Tensor; 2],
    names: [usize; 2],
) -> Result<ValueId, Error> {
    let (of_a, of_b) = (lowering.tensor_shape(&a).to_vec(), lowering.tensor_shape(&b).to_vec());
    let refused = |why: &str| {
        let (a, b) = (shape_text(&of_a), shape_text(&of_b));
        Err(node.error(format!("multiplies {a} with {b}: {why}")))
    };
    // A vector is a matrix of one row on the left, of one column on the right.
    let (mut full_a, mut full_b) = (of_a.clone(), of_b.clone());
    if of_a.len() == 1 {
        full_a.insert(0, 1);
    }
    if of_b.len() == 1 {
        full_b.push(1);
    }
    let ([batch_a @ .., m, k], [batch_b @ .., k_of_b, n]) = (&full_a[..], &full_b[..]) else {
        return refused("a scalar is no matrix");
    };
    if k != k_of_b {
        return refused("the inner dimensions differ");
    }
    let Some(batch) = fold::broadcast(batch_a, batch_b) else {
        return refused("the batches do not broadcast");
    };
    let mut shape = [&batch[..], &[*m, *n]].concat();
    lowering.check_size(node, &shape)?;
    let count: u64 = batch.iter().product();
    // The rows of all batches meet the same weights: they are one matrix.
    let joined = batch_b.iter().all(|&extent| extent == 1) && batch_a == batch;
    let (count, rows) = if joined { (1, count * m) } else { (count, *m) };
    let mut operand = |tensor: Tensor,
                       index: usize,
                       role: &str,
                       own: &[u64],
                       last: [u64; 2]|
     -> Result<ValueId, Error> {
        if joined || own.iter().product::<u64>() == count {
            let tensor = lowering.reshaped(node, tensor, vec![count, last[0], last[1]])?;
            return lowering.float(node, tensor, index, role);
        }
        let value = lowering.float(node, tensor, index, role)?;
        let mut full = vec![1; batch.len() - own.len()];
        full.extend(own.iter().chain(&last));
        let value = lowering.reshape_value(node, value, full)?;
        let tiled = lowering.tiled(node, value, &[&batch[..], &last].concat());
        lowering.reshape_value(node, tiled, vec![count, last[0], last[1]])
    };
    let a = operand(a, names[0], "input", batch_a, [rows, *k])?;
    let b = operand(b, names[1], "weights", batch_b, [*k, *n])?;
    let product = lowering.push(node, Operation::MatMul(a, b), vec![count, rows, *n]);
    if of_b.len() == 1 {
        shape.pop();
    }
    if of_a.len() == 1 {
        shape.remove(shape.len() - if of_b.len() == 1 { 1 } else { 2 });
    }
    lowering.reshape_value(node, product, shape)
}

pub fn mat_mul(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operands = [lowering.operand(node, 0)?, lowering.operand(node, 1)?];
    Ok(product(lowering, node, operands, [0, 1])?.into())
}

pub fn gemm(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let (a, b) = (lowering.operand(node, 0)?, lowering.operand(node, 1)?);
    let product = gemm_product(lowering, node, [a, b], [0, 1])?;
    // A factor of 0 takes the third operand out, even where it is infinite.
    if node.input(2).is_none() || node.float("beta", 1.0)? == 0.0 {
        return Ok(product.into());
    }
    let c = lowering.operand(node, 2)?;
    let c = bias(lowering, node, c, 2, product)?;
    let c = factor(lowering, node, c, "beta")?;
    Ok(lowering.binary(node, "tosa.add", product, c)?.into())
}

/// `alpha * a * b`.
fn gemm_product(
    lowering: &mut Lowering,
    node: &Node,
    [a, b]: [Tensor; 2],
    names: [usize; 2],
) -> Result<ValueId, Error> {
    let a = matrix(lowering, node, a, (names[0], "input"), node.int("transA", 0)? != 0)?;
    let b = matrix(lowering, node, b, (names[1], "weights"), node.int("transB", 0)? != 0)?;
    let product = product(lowering, node, [a, b], names)?;
    factor(lowering, node, product, "alpha")
}

/// The operand times an attribute of the node, which is 1 if absent.
fn factor(
    lowering: &mut Lowering,
    node: &Node,
    operand: ValueId,
    attribute: &str,
) -> Result<ValueId, Error> {
    let factor = node.float(attribute, 1.0)?;
    Ok(if factor == 1.0 { operand } else { lowering.times(node, operand, factor) })
}

/// A bias in a shape that is added to a product.
fn bias(
    lowering: &mut Lowering,
    node: &Node,
    c: Tensor,
    index: usize,
    product: ValueId,
) -> Result<ValueId, Error> {
    let mut shape = lowering.tensor_shape(&c).to_vec();
    let of_product = lowering.shape(product).to_vec();
    if fold::broadcast(&shape, &of_product).as_deref() != Some(&of_product[..]) {
        return Err(node.error(format!(
            "bias {} has shape {}, which does not broadcast to {}",
            lowering.input_name(node, index),
            shape_text(&shape),
            shape_text(&of_product)
        )));
    }
    shape.splice(..0, vec![1; of_product.len() - shape.len()]);
    let c = lowering.reshaped(node, c, shape)?;
    lowering.float(node, c, index, "bias")
}

/// Integers of an input less a zero point in another, if that is given, as real numbers.
pub fn differences(
    lowering: &mut Lowering,
    node: &Node,
    [index, zero_point]: [usize; 2],
    axis: i64,
) -> Result<Tensor, Error> {
    let storage = quantize::storage_of(lowering, node, index)?;
    let operand = lowering.operand(node, index)?;
    let mut quantization = Quantization::identity(storage);
    if let Some(constant) = lowering.optional_constant(node, zero_point)? {
        let zero_points = constant.constant.integers();
        let shape = lowering.tensor_shape(&operand).to_vec();
        let axis = usize::try_from(if axis < 0 { axis + shape.len() as i64 } else { axis });
        let of_axis =
            axis.ok().filter(|&axis| shape.get(axis) == Some(&(zero_points.len() as u64)));
        if constant.constant.element != storage || constant.quantization.is_some() {
            let name = lowering.input_name(node, zero_point);
            let element = constant.constant.element;
            return Err(node.error(format!(
                "zero point {name} is {element}, but the quantized tensor is {storage}"
            )));
        }
        if zero_points.len() != 1 && of_axis.is_none() {
            let name = lowering.input_name(node, zero_point);
            let count = zero_points.len();
            return Err(node.error(format!("zero point {name} has {count} elements, needs one")));
        }
        let parameters = zero_points.into_iter().map(|zero_point| (1.0, zero_point)).collect();
        quantization = Quantization::new(storage, parameters, of_axis);
    }
    quantize::dequantized(lowering, node, operand, quantization)
}

/// A product of integers, each less its zero point: what the sums of real numbers are.
pub fn mat_mul_integer(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let a = differences(lowering, node, [0, 2], -2)?;
    let b = differences(lowering, node, [1, 3], -1)?;
    let product = product(lowering, node, [a, b], [0, 1])?;
    Ok(lowering.same(node, product, Kind::Whole(Element::I32)).into())
}

/// Quantized operands and result: by definition the product of the real numbers, quantized.
pub fn q_linear_mat_mul(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let storage = quantize::storage_of(lowering, node, 0)?;
    let a = quantize::dequantized_input(lowering, node, [0, 1, 2], None)?;
    let b = quantize::dequantized_input(lowering, node, [3, 4, 5], Some(-1))?;
    let product = product(lowering, node, [a, b], [0, 3])?;
    quantize::quantized_output(lowering, node, product, [6, 7], storage)
}

/// As [`q_linear_mat_mul`], with a bias of integers at the scale of the product.
pub fn q_gemm(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let storage = quantize::storage_of(lowering, node, 0)?;
    let a = quantize::dequantized_input(lowering, node, [0, 1, 2], None)?;
    let columns = if node.int("transB", 0)? != 0 { 0 } else { 1 };
    let b = quantize::dequantized_input(lowering, node, [3, 4, 5], Some(columns))?;
    let mut result = gemm_product(lowering, node, [a, b], [0, 3])?;
    if node.input(6).is_some() {
        let bias = scaled_bias(lowering, node, 6, [1, 4])?;
        let bias = factor(lowering, node, bias, "alpha")?;
        result = lowering.binary(node, "tosa.add", result, bias)?;
    }
    if node.input(7).is_none() {
        return Ok(result.into());
    }
    quantize::quantized_output(lowering, node, result, [7, 8], storage)
}

/// A bias of integers at the product of the scales in two inputs, which is left as a product:
/// rounded to float32 it would be another number.
pub fn scaled_bias(
    lowering: &mut Lowering,
    node: &Node,
    index: usize,
    [scale, scales]: [usize; 2],
) -> Result<ValueId, Error> {
    let storage = quantize::storage_of(lowering, node, index)?;
    let operand = lowering.operand(node, index)?;
    let shape = lowering.tensor_shape(&operand).to_vec();
    let axis = shape.len() as i64 - 1;
    // Where a zero point would be there is nothing.
    let quantization =
        quantize::parameters(lowering, node, [scales, usize::MAX], axis, &shape, storage)?;
    let real = quantize::dequantized(lowering, node, operand, quantization)?;
    let real = lowering.float(node, real, index, "bias")?;
    let factor = lowering.floats(node, scale, "scale")?;
    let [factor] = factor[..] else {
        return Err(node.error("has several scales of its input, needs one"));
    };
    Ok(lowering.times(node, real, factor))
}
