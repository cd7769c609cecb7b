//! Normalizations.

use super::super::{
    super::Error,
    graph::Node,
    lowering::{Lowering, Tensor, axis_of},
    program::{Operation, ValueId},
    tensor::shape_text,
};

/// `(x - mean) * (scale / sqrt(var + epsilon)) + bias` per channel.
///
/// ONNX Runtime computes `x * a + b` with `a` the same factor and `b = bias - mean * a`, both
/// rounded to float32. Here the three numbers stay apart, so only the factor is rounded.
pub fn batch(lowering: &mut Lowering, node: &Node) -> Result<Vec<Tensor>, Error> {
    if node.int("training_mode", 0)? != 0 {
        return Err(node.error("is in training mode: export the model for inference"));
    }
    if node.int("spatial", 1)? != 1 {
        return Err(node.error("has a mean for each element, which is not supported"));
    }
    let x = lowering.real(node, 0)?;
    let shape = lowering.shape(x).to_vec();
    let mut list = |index, role: &str| -> Result<Vec<f32>, Error> {
        let values = lowering.floats(node, index, role)?;
        if shape.len() < 2 || shape[1] != values.len() as u64 {
            let (shape, count) = (shape_text(&shape), values.len());
            return Err(node.error(format!("has {count} channels in its {role} for {shape}")));
        }
        Ok(values)
    };
    let [scale, bias, mean, variance] =
        [list(1, "scale")?, list(2, "bias")?, list(3, "mean")?, list(4, "variance")?];
    let epsilon = f64::from(node.float("epsilon", 1e-5)?);
    let mut factors = Vec::new();
    for (channel, (&scale, &variance)) in scale.iter().zip(&variance).enumerate() {
        let factor = (f64::from(scale) / (f64::from(variance) + epsilon).sqrt()) as f32;
        if !factor.is_finite() {
            return Err(node.error(format!("has the variance {variance} in channel {channel}")));
        }
        factors.push(factor);
    }
    let rank = shape.len();
    let mut result = x;
    for (name, values, neutral) in
        [("tosa.sub", mean, 0.0), ("tosa.mul", factors, 1.0), ("tosa.add", bias, 0.0)]
    {
        if values.iter().any(|&value| value != neutral) {
            let constant = lowering.along(node, &values, 1, rank);
            result = lowering.binary(node, name, result, constant)?;
        }
    }
    Ok(vec![result.into()])
}

/// `(x - mean) / sqrt(variance + epsilon)` over these dimensions.
fn normalized(
    lowering: &mut Lowering,
    node: &Node,
    x: ValueId,
    axes: &[usize],
) -> Result<ValueId, Error> {
    let mean = lowering.mean(node, x, axes);
    let centered = lowering.binary(node, "tosa.sub", x, mean)?;
    let squares = lowering.binary(node, "tosa.mul", centered, centered)?;
    let variance = lowering.mean(node, squares, axes);
    let variance = lowering.plus(node, variance, node.float("epsilon", 1e-5)?);
    let factor = lowering.unary(node, "tosa.rsqrt", variance);
    lowering.binary(node, "tosa.mul", centered, factor)
}

pub fn layer(lowering: &mut Lowering, node: &Node) -> Result<Vec<Tensor>, Error> {
    if node.int("stash_type", 1)? != 1 {
        return Err(node.error("computes in another type than float32, which is not supported"));
    }
    let x = lowering.real(node, 0)?;
    let rank = lowering.shape(x).len();
    let axis = axis_of(node, node.int("axis", -1)?, rank)?;
    let axes: Vec<usize> = (axis..rank).collect();
    let mut result = normalized(lowering, node, x, &axes)?;
    let scale = lowering.real(node, 1)?;
    result = lowering.binary(node, "tosa.mul", result, scale)?;
    if node.input(2).is_some() {
        let bias = lowering.real(node, 2)?;
        result = lowering.binary(node, "tosa.add", result, bias)?;
    }
    Ok(vec![result.into()])
}

pub fn instance(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let shape = lowering.shape(x).to_vec();
    if shape.len() < 3 {
        return Err(node.error(format!("works on a tensor of shape {}", shape_text(&shape))));
    }
    let axes: Vec<usize> = (2..shape.len()).collect();
    let mut result = normalized(lowering, node, x, &axes)?;
    for (index, name) in [(1, "tosa.mul"), (2, "tosa.add")] {
        let mut constant = lowering.real(node, index)?;
        if lowering.shape(constant) != [shape[1]] {
            return Err(node.error(format!("needs {} numbers, one for each channel", shape[1])));
        }
        let mut full = vec![1; shape.len()];
        full[1] = shape[1];
        constant = lowering.reshape_value(node, constant, full)?;
        result = lowering.binary(node, name, result, constant)?;
    }
    Ok(result.into())
}

/// The input as the dimensions over which a softmax sums want it: until version 13 of the
/// operators, all from its axis on.
fn rows(lowering: &mut Lowering, node: &Node) -> Result<(ValueId, usize, Vec<u64>), Error> {
    let x = lowering.real(node, 0)?;
    let shape = lowering.shape(x).to_vec();
    let early = node.opset < 13;
    let axis = axis_of(node, node.int("axis", if early { 1 } else { -1 })?, shape.len())?;
    if !early || axis + 1 == shape.len() {
        return Ok((x, axis, shape));
    }
    let (before, behind) = shape.split_at(axis);
    let flat = vec![before.iter().product(), behind.iter().product()];
    Ok((lowering.reshape_value(node, x, flat)?, 1, shape))
}

/// Less the maximum, and the sum of the exponentials of that.
fn shifted(
    lowering: &mut Lowering,
    node: &Node,
    x: ValueId,
    axis: usize,
) -> Result<(ValueId, ValueId, ValueId), Error> {
    let mut shape = lowering.shape(x).to_vec();
    shape[axis] = 1;
    let reduce = Operation::Reduce("tosa.reduce_max", x, axis);
    let largest = lowering.push(node, reduce, shape);
    let shifted = lowering.binary(node, "tosa.sub", x, largest)?;
    let exp = lowering.unary(node, "tosa.exp", shifted);
    let sum = lowering.reduced(node, "tosa.reduce_sum", exp, &[axis]);
    Ok((shifted, exp, sum))
}

pub fn softmax(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let (x, axis, shape) = rows(lowering, node)?;
    let (_, exp, sum) = shifted(lowering, node, x, axis)?;
    let inverse = lowering.unary(node, "tosa.reciprocal", sum);
    let result = lowering.binary(node, "tosa.mul", exp, inverse)?;
    Ok(lowering.reshape_value(node, result, shape)?.into())
}

pub fn log_softmax(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let (x, axis, shape) = rows(lowering, node)?;
    let (shifted, _, sum) = shifted(lowering, node, x, axis)?;
    let log = lowering.unary(node, "tosa.log", sum);
    let result = lowering.binary(node, "tosa.sub", shifted, log)?;
    Ok(lowering.reshape_value(node, result, shape)?.into())
}
