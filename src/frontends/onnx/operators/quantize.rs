//! `QuantizeLinear`, `DequantizeLinear`, and what operators on codes share with them.

use std::rc::Rc;

use super::super::{
    super::Error,
    graph::Node,
    lowering::{Folded, Lowering, Tensor, axis_of, label},
    program::{Kind, Operation, Quantization, ValueId},
    quote,
    tensor::{Constant, Element, shape_text},
};
use crate::exact::Rounding;

const STORED: [Element; 6] =
    [Element::I8, Element::U8, Element::I16, Element::U16, Element::I4, Element::U4];

pub fn quantize_linear(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
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
    let operand = lowering.operand(node, 0)?;
    // ONNX has no such operator for biases; tools that quantize them in the model use it still.
    let bias = storage == Element::I32 && matches!(operand, Tensor::Constant(_));
    if !STORED.contains(&storage) && !bias {
        return Err(node.error(format!(
            "quantizes to {storage}, which is not supported; supported: int8, uint8, int16, uint16, int4, uint4"
        )));
    }
    let shape = lowering.tensor_shape(&operand).to_vec();
    let quantization = parameters(lowering, node, [1, 2], axis(node)?, &shape, storage)?;
    quantized(lowering, node, operand, quantization)
}

/// The axis of a quantization; none if it is in blocks, which is refused.
fn axis(node: &Node) -> Result<i64, Error> {
    if node.int("block_size", 0)? != 0 {
        return Err(node.error(
            "quantizes in blocks, which is not supported; supported: per tensor, per axis",
        ));
    }
    node.int("axis", 1)
}

/// The codes of a tensor: rounded to nearest, ties to even, then limited.
fn quantized(
    lowering: &mut Lowering,
    node: &Node,
    operand: Tensor,
    quantization: Quantization,
) -> Result<Tensor, Error> {
    if let Tensor::Constant(folded) = &operand
        && folded.quantization.is_none()
        && folded.constant.element == Element::F32
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
            let nearest = (real / scale).round_ties_even().clamp(-1e12, 1e12) as i64;
            integers.push((nearest + zero_point).clamp(low, high));
        }
        let constant = Constant::from_integers(quantization.storage, shape.clone(), &integers);
        return Ok(Tensor::Constant(Rc::new(Folded { constant, ..Folded::clone(folded) })));
    }
    let operand = lowering.float(node, operand, 0, "input")?;
    Ok(quantized_value(lowering, node, operand, quantization, Rounding::NearestEven).into())
}

pub fn quantized_value(
    lowering: &mut Lowering,
    node: &Node,
    operand: ValueId,
    quantization: Quantization,
    rounding: Rounding,
) -> ValueId {
    let shape = lowering.shape(operand).to_vec();
    let kind = Kind::Quantized(Rc::new(quantization));
    lowering.program.push(&label(node), Operation::Quantize(operand, rounding), kind, shape)
}

pub fn dequantize_linear(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let declared = node.int("output_dtype", 0)?;
    if !matches!(declared, 0 | 1) {
        return Err(node.error("dequantizes to another type than float32, which is not supported"));
    }
    let axis = axis(node)?;
    dequantized_input(lowering, node, [0, 1, 2], Some(axis))
}

/// What the codes of an input stand for, with scale and zero point in the inputs after it. With
/// an axis, they may be lists along it.
pub fn dequantized_input(
    lowering: &mut Lowering,
    node: &Node,
    [index, scale, zero_point]: [usize; 3],
    axis: Option<i64>,
) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, index)?;
    let storage = storage_of(lowering, node, index)?;
    let shape = lowering.tensor_shape(&operand).to_vec();
    let axis_or_first = axis.unwrap_or(0);
    let quantization =
        parameters(lowering, node, [scale, zero_point], axis_or_first, &shape, storage)?;
    if axis.is_none() && quantization.axis.is_some() {
        let name = lowering.input_name(node, scale);
        return Err(node.error(format!("scale {name} has several elements, needs one")));
    }
    dequantized(lowering, node, operand, quantization)
}

/// The type of an input that holds codes.
pub fn storage_of(lowering: &mut Lowering, node: &Node, index: usize) -> Result<Element, Error> {
    let operand = lowering.operand(node, index)?;
    let storage = lowering.element(&operand);
    if !storage.is_code() {
        return Err(node.error(format!(
            "dequantizes {storage}, which is not supported; supported: int4, uint4, int8, uint8, int16, uint16, int32, uint32"
        )));
    }
    Ok(storage)
}

/// What the codes of a tensor stand for by a quantization.
pub fn dequantized(
    lowering: &mut Lowering,
    node: &Node,
    operand: Tensor,
    mut quantization: Quantization,
) -> Result<Tensor, Error> {
    let label = label(node);
    let id = match operand {
        Tensor::Constant(folded) => {
            let folded =
                Folded { quantization: Some(quantization), node: label, ..Folded::clone(&folded) };
            return Ok(Tensor::Constant(Rc::new(folded)));
        }
        Tensor::Value(id) => id,
    };
    let storage = quantization.storage;
    let value = lowering.program.value(id);
    let (shape, kind) = (value.shape.clone(), value.kind.clone());
    let codes = match kind {
        Kind::Quantized(from) if from.agrees_with(&quantization) => id,
        // What sums to integers is multiplied as it is.
        Kind::Whole(_) => return scaled(lowering, node, id, &quantization),
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
    let dequantize = Operation::Dequantize(codes);
    Ok(lowering.program.push(&label, dequantize, Kind::Float, shape).into())
}

/// Whole numbers times scales, the zero points subtracted before.
fn scaled(
    lowering: &mut Lowering,
    node: &Node,
    id: ValueId,
    quantization: &Quantization,
) -> Result<Tensor, Error> {
    let rank = lowering.shape(id).len();
    let scales: Vec<f32> = quantization.parameters.iter().map(|p| p.0).collect();
    let zero_points: Vec<f32> = quantization.parameters.iter().map(|p| p.1 as f32).collect();
    let mut result = lowering.same(node, id, Kind::Float);
    let mut apply = |lowering: &mut Lowering, name, values: &[f32]| {
        let constant = match (quantization.axis, values) {
            (Some(axis), _) => lowering.along(node, values, axis, rank),
            (None, values) => lowering.splat(node, values[0], rank),
        };
        result = lowering.binary(node, name, result, constant)?;
        Ok::<_, Error>(())
    };
    if zero_points.iter().any(|&z| z != 0.0) {
        apply(lowering, "tosa.sub", &zero_points)?;
    }
    apply(lowering, "tosa.mul", &scales)?;
    Ok(result.into())
}

/// The codes of a result, with scale and zero point in these inputs.
pub fn quantized_output(
    lowering: &mut Lowering,
    node: &Node,
    result: ValueId,
    inputs: [usize; 2],
    otherwise: Element,
) -> Result<Tensor, Error> {
    let zero_point = lowering.optional_constant(node, inputs[1])?;
    let storage = zero_point.map_or(otherwise, |z| z.constant.element);
    if !STORED.contains(&storage) {
        return Err(node.error(format!("quantizes to {storage}, which is not supported")));
    }
    let shape = lowering.shape(result).to_vec();
    let quantization = parameters(lowering, node, inputs, 0, &shape, storage)?;
    if quantization.axis.is_some() {
        return Err(node.error("quantizes its result with several scales, needs one"));
    }
    Ok(quantized_value(lowering, node, result, quantization, Rounding::NearestEven).into())
}

/// Reads the scale and the zero point in these inputs.
pub fn parameters(
    lowering: &mut Lowering,
    node: &Node,
    [scale_at, zero_point_at]: [usize; 2],
    axis: i64,
    shape: &[u64],
    storage: Element,
) -> Result<Quantization, Error> {
    let mut constant = |index: usize, role: &str| -> Result<Option<Constant>, Error> {
        let Some(name) = node.input(index) else {
            return Ok(None);
        };
        match lowering.operand(node, index)? {
            Tensor::Constant(folded) if folded.quantization.is_none() => {
                Ok(Some(folded.constant.clone()))
            }
            _ => Err(node.error(format!("{role} {} is not a constant", quote(name)))),
        }
    };
    let (scale, zero_point) =
        (constant(scale_at, "scale")?, constant(zero_point_at, "zero point")?);
    let scale_name = || lowering.input_name(node, scale_at);
    let Some(scale) = scale else {
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
    let mut zero_points = match zero_point {
        None => vec![0; scales.len()],
        Some(zero_point) if zero_point.element != storage => {
            return Err(node.error(format!(
                "zero point {} is {}, but the quantized tensor is {storage}",
                lowering.input_name(node, zero_point_at),
                zero_point.element
            )));
        }
        Some(zero_point) => zero_point.integers(),
    };
    // One zero point is that of all scales.
    if let [only] = zero_points[..] {
        zero_points = vec![only; scales.len()];
    }
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
            let axis = axis_of(node, axis, shape.len())?;
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
    Ok(Quantization::new(storage, scales.into_iter().zip(zero_points).collect(), axis))
}
