//! QONNX: quantizers that take and give floats.
//!
//! A quantizer of values becomes a cast to codes and one back; of constants, integers that are
//! dequantized. Scales and zero points are tensors that broadcast to what they scale.

use std::rc::Rc;

use super::super::{
    super::Error,
    graph::Node,
    lowering::{Folded, Lowering, Tensor, label},
    program::Quantization,
    quote,
    tensor::{Constant, Element, shape_text},
};
use super::quantize;
use crate::exact::Rounding;

/// `round(x / scale + zero_point)`, limited to a number of bits.
pub fn quant(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let shape = lowering.tensor_shape(&operand).to_vec();
    let bits = bit_width(lowering, node, 3)?;
    let (signed, narrow) = (node.int("signed", 1)? != 0, node.int("narrow", 0)? != 0);
    let rounding = rounding(node, "ROUND")?;
    let zero_points = lowering.numbers(node, 2, "zero point")?;
    if signed && bits == 1 {
        // QONNX takes it for a sign, which is what exporters mean.
        if zero_points.iter().any(|&zero_point| zero_point != 0.0) {
            return Err(node.error("has a zero point with one signed bit, which is a sign"));
        }
        return sign(lowering, node, operand);
    }
    let range = match (signed, bits) {
        (true, bits) => (-(1_i64 << (bits - 1)) + i64::from(narrow), (1 << (bits - 1)) - 1),
        (false, bits) => (0, (1_i64 << bits) - 1 - i64::from(narrow)),
    };
    if range.0 >= range.1 {
        return Err(node.error(format!("has {bits} bits, which leaves one code only")));
    }
    let storage = match (signed, bits) {
        (true, ..=8) => Element::I8,
        (false, ..=8) => Element::U8,
        (true, ..=16) => Element::I16,
        (false, ..=16) => Element::U16,
        (true, _) => Element::I32,
        (false, _) => Element::U32,
    };
    let mut quantization = quantization(lowering, node, &shape, storage)?;
    quantization.range = range;
    let zero_points: Vec<i64> = quantization.parameters.iter().map(|p| p.1).collect();
    let rounding = shifted(node, rounding, &zero_points)?;
    if let Tensor::Constant(folded) = &operand
        && let Some(values) = folded.floats()
    {
        let mut codes = Vec::new();
        for (index, value) in values.into_iter().enumerate() {
            if value.is_nan() {
                return Err(node.error(format!("constant {} has a NaN", quote(&folded.name))));
            }
            let (scale, zero_point) = quantization.parameters_at(&shape, index);
            // Far beyond any range, and exact in between.
            let quotient = f64::from(value / scale).clamp(-1e12, 1e12);
            codes.push((rounded(quotient, rounding) + zero_point).clamp(range.0, range.1));
        }
        return Ok(constant(node, folded, storage, &codes, quantization));
    }
    let real = lowering.float(node, operand, 0, "input")?;
    if shape.is_empty() && quantization.axis.is_some() {
        return Err(node.error("has several scales for one number"));
    }
    let codes = quantize::quantized_value(lowering, node, real, quantization.clone(), rounding);
    quantize::dequantized(lowering, node, codes.into(), quantization)
}

/// A constant that is dequantized.
fn constant(
    node: &Node,
    folded: &Folded,
    storage: Element,
    codes: &[i64],
    quantization: Quantization,
) -> Tensor {
    Tensor::Constant(Rc::new(Folded {
        constant: Constant::from_integers(storage, folded.constant.shape.clone(), codes),
        quantization: Some(quantization),
        name: folded.name.clone(),
        node: label(node),
    }))
}

/// `scale` where the input is at least 0, `-scale` elsewhere.
pub fn bipolar(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    sign(lowering, node, operand)
}

fn sign(lowering: &mut Lowering, node: &Node, operand: Tensor) -> Result<Tensor, Error> {
    let shape = lowering.tensor_shape(&operand).to_vec();
    let (scales, axis) = per_channel(lowering, node, 1, "scale", &shape)?;
    check_scales(lowering, node, &scales)?;
    let parameters = |factor: f32| scales.iter().map(|scale| (scale * factor, 0)).collect();
    if let Tensor::Constant(folded) = &operand
        && let Some(values) = folded.floats()
    {
        let codes: Vec<i64> = values.iter().map(|&x| if x >= 0.0 { 1 } else { -1 }).collect();
        let mut quantization = Quantization::new(Element::I8, parameters(1.0), axis);
        quantization.range = (-1, 1);
        return Ok(constant(node, folded, Element::I8, &codes, quantization));
    }
    // The code is 1 where `floor(x)` is at least 0, and 0 where it is less, as the code of 0 is 1
    // and codes are limited. Twice the scale per code, and the scale less, is what it stands for.
    let real = lowering.float(node, operand, 0, "input")?;
    let mut step = Quantization::new(Element::U8, vec![(1.0, 1)], None);
    step.range = (0, 1);
    let codes = quantize::quantized_value(lowering, node, real, step, Rounding::Floor);
    let mut quantization = Quantization::new(Element::U8, parameters(2.0), axis);
    quantization.range = (0, 1);
    let doubled = quantize::dequantized(lowering, node, codes.into(), quantization)?;
    let doubled = lowering.float(node, doubled, 0, "input")?;
    let less = match axis {
        Some(axis) => lowering.along(node, &scales, axis, shape.len()),
        None => lowering.splat(node, scales[0], shape.len()),
    };
    Ok(lowering.binary(node, "tosa.sub", doubled, less)?.into())
}

/// The codes of an input, divided by a power of two: `round(x / scale)` is rounded again after
/// the division, by the mode of the node.
pub fn trunc(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let shape = lowering.tensor_shape(&operand).to_vec();
    let rounding = rounding(node, "FLOOR")?;
    let codes = quantization(lowering, node, &shape, Element::I32)?;
    if codes.axis.is_some() || codes.parameters[0].1 != 0 {
        return Err(node.error("has several scales or a zero point, which is not supported"));
    }
    let scale = codes.parameters[0].0;
    // The second version says the scale of the result, and limits it.
    let (steps, result_scale, range) = if node.input(6).is_some() {
        let scales = lowering.floats(node, 4, "scale of the result")?;
        let [result_scale] = scales[..] else {
            return Err(node.error("has several scales of its result, which is not supported"));
        };
        check_scales(lowering, node, &[result_scale])?;
        let bits = bit_width(lowering, node, 6)?;
        let range = match (node.int("signed", 1)? != 0, node.int("narrow", 0)? != 0) {
            (true, narrow) => (-(1_i64 << (bits - 1)) + i64::from(narrow), (1 << (bits - 1)) - 1),
            (false, narrow) => (0, (1_i64 << bits) - 1 - i64::from(narrow)),
        };
        let steps = f64::from(result_scale / scale).log2().round();
        (steps, result_scale, range)
    } else {
        let (from, to) = (bit_width(lowering, node, 3)?, bit_width(lowering, node, 4)?);
        (from as f64 - to as f64, scale, Element::I32.range())
    };
    if !(0.0..=31.0).contains(&steps) || range.0 >= range.1 {
        return Err(node.error(format!("divides codes by 2^{steps}; 0 to 31 are supported")));
    }
    let real = lowering.float(node, operand, 0, "input")?;
    let even = Rounding::NearestEven;
    let whole = quantize::quantized_value(lowering, node, real, codes, even);
    let part = Quantization::new(Element::I32, vec![(0.5_f32.powi(steps as i32), 0)], None);
    let divided = quantize::dequantized(lowering, node, whole.into(), part)?;
    let divided = lowering.float(node, divided, 0, "input")?;
    let (low, high) = Element::I32.range();
    let storage = Element::I32;
    let range = (range.0.max(low), range.1.min(high));
    let one = Quantization { storage, range, parameters: vec![(1.0, 0)], axis: None };
    let result = quantize::quantized_value(lowering, node, divided, one, rounding);
    let last = Quantization { storage, range, parameters: vec![(result_scale, 0)], axis: None };
    quantize::dequantized(lowering, node, result.into(), last)
}

/// The names that QONNX has for rounding.
fn rounding(node: &Node, default: &str) -> Result<Rounding, Error> {
    let mode = node.text("rounding_mode", default)?;
    Ok(match mode.to_uppercase().as_str() {
        "ROUND" | "HALF_EVEN" => Rounding::NearestEven,
        "CEIL" => Rounding::Ceil,
        "FLOOR" => Rounding::Floor,
        "UP" => Rounding::AwayFromZero,
        "DOWN" | "ROUND_TO_ZERO" => Rounding::TowardZero,
        "HALF_UP" => Rounding::NearestAway,
        "HALF_DOWN" => Rounding::NearestTowardZero,
        _ => {
            return Err(node.error(format!(
                "has the unknown rounding mode {}; known: ROUND, CEIL, FLOOR, UP, DOWN, HALF_EVEN, HALF_UP, HALF_DOWN",
                quote(mode)
            )));
        }
    })
}

/// QONNX rounds when the zero point has been added, a cast to codes before. That is the same, but
/// that an odd zero point makes even odd, and that a zero point moves what is zero.
fn shifted(node: &Node, rounding: Rounding, zero_points: &[i64]) -> Result<Rounding, Error> {
    let odd = zero_points.iter().filter(|z| **z % 2 != 0).count();
    match rounding {
        Rounding::Floor | Rounding::Ceil => Ok(rounding),
        _ if zero_points.iter().all(|&zero_point| zero_point == 0) => Ok(rounding),
        Rounding::NearestEven if odd == 0 => Ok(rounding),
        Rounding::NearestEven if odd == zero_points.len() => Ok(Rounding::NearestOdd),
        _ => Err(node.error(
            "rounds by a mode that is none of its own with these zero points; use zero points of 0",
        )),
    }
}

/// A number rounded, which is far from the ends of the integers.
fn rounded(x: f64, rounding: Rounding) -> i64 {
    let floor = x.floor();
    // Exact, as both are near each other.
    let fraction = x - floor;
    let up = match rounding {
        Rounding::Floor => false,
        Rounding::Ceil => fraction > 0.0,
        Rounding::TowardZero => fraction > 0.0 && x < 0.0,
        Rounding::AwayFromZero => fraction > 0.0 && x > 0.0,
        _ if fraction != 0.5 => fraction > 0.5,
        Rounding::NearestDown => false,
        Rounding::NearestUp => true,
        Rounding::NearestTowardZero => x < 0.0,
        Rounding::NearestAway => x > 0.0,
        Rounding::NearestEven => floor % 2.0 != 0.0,
        Rounding::NearestOdd => floor % 2.0 == 0.0,
    };
    floor as i64 + i64::from(up)
}

fn bit_width(lowering: &mut Lowering, node: &Node, index: usize) -> Result<u32, Error> {
    let values = lowering.numbers(node, index, "bit width")?;
    match values[..] {
        [bits] if bits.fract() == 0.0 && (1.0..=32.0).contains(&bits) => Ok(bits as u32),
        _ => Err(node.error(format!(
            "bit width {} is not one integer from 1 to 32",
            lowering.input_name(node, index)
        ))),
    }
}

fn check_scales(lowering: &Lowering, node: &Node, scales: &[f32]) -> Result<(), Error> {
    // Twice a scale is one, too.
    match scales.iter().find(|scale| !(2.0 * **scale).is_finite() || **scale <= 0.0) {
        None => Ok(()),
        Some(scale) => Err(node.error(format!(
            "scale {} is {scale}, needs a finite number greater than 0",
            lowering.input_name(node, 1)
        ))),
    }
}

/// Scale and zero point of the second and third input.
fn quantization(
    lowering: &mut Lowering,
    node: &Node,
    shape: &[u64],
    storage: Element,
) -> Result<Quantization, Error> {
    let (mut scales, mut axis) = per_channel(lowering, node, 1, "scale", shape)?;
    check_scales(lowering, node, &scales)?;
    let (mut zero_points, other) = per_channel(lowering, node, 2, "zero point", shape)?;
    match (axis, other) {
        (Some(one), Some(other)) if one != other => {
            return Err(node.error("has scales and zero points along different dimensions"));
        }
        (None, Some(other)) => {
            scales = vec![scales[0]; zero_points.len()];
            axis = Some(other);
        }
        (Some(_), None) => zero_points = vec![zero_points[0]; scales.len()],
        _ => {}
    }
    let mut parameters = Vec::new();
    for (scale, zero_point) in scales.into_iter().zip(zero_points) {
        if zero_point.fract() != 0.0 || zero_point.abs() > 65536.0 {
            return Err(node.error(format!(
                "zero point {} is {zero_point}, needs an integer",
                lowering.input_name(node, 2)
            )));
        }
        parameters.push((scale, zero_point as i64));
    }
    Ok(Quantization::new(storage, parameters, axis))
}

/// A constant that broadcasts to a shape and varies along one dimension at most.
fn per_channel(
    lowering: &mut Lowering,
    node: &Node,
    index: usize,
    role: &str,
    shape: &[u64],
) -> Result<(Vec<f32>, Option<usize>), Error> {
    let values = lowering.numbers(node, index, role)?;
    let Some(folded) = lowering.optional_constant(node, index)? else {
        return Err(node.error(format!("has no {role}")));
    };
    let of_values = &folded.constant.shape;
    if values.is_empty() {
        return Err(node.error(format!("{role} {} has no elements", quote(&folded.name))));
    }
    if values.iter().all(|value| *value == values[0]) {
        return Ok((vec![values[0]], None));
    }
    let refuse = || {
        node.error(format!(
            "{role} {} has shape {}, which is neither one number nor one for each index of a dimension of {}",
            quote(&folded.name),
            shape_text(of_values),
            shape_text(shape)
        ))
    };
    // Shapes are aligned at their ends.
    let varying: Vec<usize> = (0..of_values.len()).filter(|&d| of_values[d] != 1).collect();
    let [varying] = varying[..] else { return Err(refuse()) };
    let axis = (shape.len() + varying).checked_sub(of_values.len()).ok_or_else(refuse)?;
    if shape[axis] != of_values[varying] {
        return Err(refuse());
    }
    Ok((values, Some(axis)))
}

#[cfg(test)]
mod tests {
    use super::rounded;
    use crate::exact::{Rounding, shift_round};
    use proptest::prelude::*;

    proptest! {
        /// The same as the integer arithmetic that all levels share.
        #[test]
        fn rounds_as_integers_do(x in -4000_i64..4000, shift in 0_i64..6) {
            for rounding in Rounding::ALL {
                let real = x as f64 / f64::powi(2.0, shift as i32);
                prop_assert_eq!(
                    i128::from(rounded(real, rounding)),
                    shift_round(x.into(), shift, rounding)
                );
            }
        }
    }
}
