//! Functions of one code: `LOGISTIC`, `TANH`, `RELU`, `RELU6`, `RELU_N1_TO_1`, `RELU_0_TO_1`, and
//! `QUANTIZE` between integers.

use super::{
    super::{
        super::Error,
        arithmetic::{Activation, Multiplier},
        ir::{Rescale, Rounding},
        tensor::{Codes, Element},
    },
    Lowering, Node,
};

pub fn logistic(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    if lowering.codes(node.output)?.scale != 1.0 / 256.0 {
        return lowering.refuse(node.output, "has another scale than 1/256, which LOGISTIC needs");
    }
    table(lowering, node, |x| 1.0 / (1.0 + (-x).exp()))
}

pub fn tanh(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    table(lowering, node, f32::tanh)
}

/// A table of all codes, computed in `float` as the kernels do when they are prepared.
fn table(lowering: &mut Lowering, node: &Node, function: fn(f32) -> f32) -> Result<(), Error> {
    node.at_most(1)?;
    let (input, output) = (node.input(0)?, node.output);
    lowering.same_type(&[input, output], &[Element::I8, Element::U8])?;
    let (x, y) = (lowering.codes(input)?, lowering.codes(output)?);
    let inverse = 1.0 / y.scale;
    let entry = |code: i64| {
        let value = function(x.scale * (code - x.zero_point) as f32);
        let code = ((value * inverse).round() as i64).saturating_add(y.zero_point);
        code.clamp(-128, 127)
    };
    let entries: Vec<i64> = (-128..128).map(entry).collect();
    let value = lowering.value(input)?;
    let ir = &lowering.ir;
    let table = ir.constant(&[256], 8, &entries)?;
    let value = ir.op("tosa.table", &[value, table], &[], value_type(value))?;
    lowering.define(output, value)
}

fn value_type<'c>(value: melior::ir::Value<'c, '_>) -> melior::ir::Type<'c> {
    use melior::ir::ValueLike;
    value.r#type()
}

pub fn relu(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    rectify(lowering, node, Activation::Relu)
}

pub fn relu6(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    rectify(lowering, node, Activation::Relu6)
}

pub fn relu_n1_to_1(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    rectify(lowering, node, Activation::ReluN1To1)
}

pub fn relu_0_to_1(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    rectify(lowering, node, Activation::Relu0To1)
}

/// Rounds twice to the output's scale, and limits.
fn rectify(lowering: &mut Lowering, node: &Node, activation: Activation) -> Result<(), Error> {
    let (input, output) = (node.input(0)?, node.output);
    lowering.same_type(&[input, output], &[Element::I8, Element::U8])?;
    let (x, y) = (lowering.codes(input)?, lowering.codes(output)?);
    // These kernels divide the scales in single precision.
    requantize(lowering, node, f64::from(x.scale / y.scale), activation)
}

/// From one quantization to another; rounds twice.
pub fn quantize(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    let supported = [Element::I8, Element::U8, Element::I16];
    for tensor in [node.input(0)?, node.output] {
        lowering.same_type(&[tensor], &supported)?;
    }
    let (x, y) = (lowering.codes(node.input(0)?)?, lowering.codes(node.output)?);
    requantize(lowering, node, f64::from(x.scale) / f64::from(y.scale), Activation::None)
}

/// That of an output is none of the function: see [`super::super::edges`].
pub fn dequantize(_: &mut Lowering, _: &Node) -> Result<(), Error> {
    Err(Error::new(
        "",
        "does not make an output of the model: float arithmetic between quantized operators is not supported",
    ))
}

fn requantize(
    lowering: &mut Lowering,
    node: &Node,
    factor: f64,
    activation: Activation,
) -> Result<(), Error> {
    node.at_most(1)?;
    let (input, output) = (node.input(0)?, node.output);
    let Codes { element, zero_point, .. } = lowering.codes(output)?;
    let x = lowering.codes(input)?;
    let limits = lowering.limits(output, activation)?;
    // The difference of two codes has one bit more.
    let largest = 1i64 << x.element.bits();
    let multiplier = Multiplier::of(factor)
        .filter(|found| factor.is_normal() && largest * found.headroom() <= i64::from(i32::MAX));
    let multiplier = multiplier.ok_or_else(|| {
        Error::new("", format!("the factor {factor:e} to the output's scale is too large"))
    })?;
    let value = lowering.value(input)?;
    let ir = &lowering.ir;
    let rescale = Rescale {
        multipliers: &[multiplier],
        rounding: Rounding::Double,
        zero_points: (x.zero_point, zero_point),
        bits: element.bits(),
    };
    let value = ir.clamp(ir.rescale(value, &rescale)?, limits)?;
    lowering.define(output, value)
}
