//! `ADD`, `SUB`, `MUL`.

use melior::ir::Value;

use super::{
    super::{
        super::Error,
        arithmetic::Multiplier,
        ir::{self, Rescale, Rounding},
        tensor::{Codes, Element, Shape},
    },
    Lowering, Node,
};

/// Bits by which 8-bit codes are shifted up before they are added.
const LEFT_SHIFT: i64 = 20;

pub fn add(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    sum(lowering, node, "tosa.add")
}

pub fn subtract(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    sum(lowering, node, "tosa.sub")
}

/// The product of both without their zero points, scaled and rounded twice.
pub fn multiply(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    node.at_most(2)?;
    let (a, b, output) = (node.input(0)?, node.input(1)?, node.output);
    let activation = node.activation(0)?;
    lowering.same_type(&[a, b, output], &[Element::I8, Element::U8])?;
    let codes = [lowering.codes(a)?, lowering.codes(b)?];
    let y = lowering.codes(output)?;
    let limits = lowering.limits(output, activation)?;
    // This kernel computes with the scales in single precision.
    let factor = f64::from(codes[0].scale * codes[1].scale / y.scale);
    let multiplier = Multiplier::of(factor)
        .filter(|found| factor.is_normal() && 255 * 255 * found.headroom() <= i64::from(i32::MAX));
    let multiplier = multiplier.ok_or_else(|| {
        Error::new("", format!("the factor {factor:e} to the output's scale is too large"))
    })?;
    let values = [lowering.value(a)?, lowering.value(b)?];
    let (shape, values) = broadcast(lowering, values)?;
    let ir = &lowering.ir;
    let mut operands = Vec::new();
    for (value, x) in values.into_iter().zip(codes) {
        operands.push(ir.without_zero_point(value, x.zero_point)?);
    }
    operands.push(ir.scalar(8, 0)?);
    let product = ir.op("tosa.mul", &operands, &[], ir.tensor(&shape, 32))?;
    let rescale = Rescale {
        multipliers: &[multiplier],
        rounding: Rounding::Double,
        zero_points: (0, y.zero_point),
        bits: 8,
    };
    let value = ir.clamp(ir.rescale(product, &rescale)?, limits)?;
    lowering.define(output, value)
}

/// Both are brought to one scale, twice the larger, with 20 more bits; rounded twice, as is the
/// result.
fn sum(lowering: &mut Lowering, node: &Node, name: &str) -> Result<(), Error> {
    node.at_most(2)?;
    let (a, b, output) = (node.input(0)?, node.input(1)?, node.output);
    let activation = node.activation(0)?;
    lowering.same_type(&[a, b, output], &[Element::I8, Element::U8])?;
    let codes = [lowering.codes(a)?, lowering.codes(b)?];
    let y = lowering.codes(output)?;
    let limits = lowering.limits(output, activation)?;

    let twice = f64::from(2.0 * codes[0].scale.max(codes[1].scale));
    let to_sum = |x: Codes| at_most_one(f64::from(x.scale) / twice);
    let to_output = at_most_one(twice / f64::from((1 << LEFT_SHIFT) as f32 * y.scale))?;
    let values = [lowering.value(a)?, lowering.value(b)?];
    let (shape, values) = broadcast(lowering, values)?;
    let mut operands = Vec::new();
    let ir = &lowering.ir;
    for (value, x) in values.into_iter().zip(codes) {
        let up = Rescale {
            multipliers: &[Multiplier { multiplier: 1 << 30, shift: 30 - LEFT_SHIFT }],
            rounding: Rounding::Single,
            zero_points: (x.zero_point, 0),
            bits: 32,
        };
        let scale = Rescale {
            multipliers: &[to_sum(x)?],
            rounding: Rounding::Double,
            zero_points: (0, 0),
            bits: 32,
        };
        operands.push(ir.rescale(ir.rescale(value, &up)?, &scale)?);
    }
    let sum = ir.op(name, &operands, &[], ir.tensor(&shape, 32))?;
    let rescale = Rescale {
        multipliers: &[to_output],
        rounding: Rounding::Double,
        zero_points: (0, y.zero_point),
        bits: 8,
    };
    let value = ir.clamp(ir.rescale(sum, &rescale)?, limits)?;
    lowering.define(output, value)
}

/// A factor that the kernels only take if it is no more than 1.
fn at_most_one(factor: f64) -> Result<Multiplier, Error> {
    let found = Multiplier::of(factor).filter(|found| factor.is_normal() && found.headroom() == 1);
    found.ok_or_else(|| {
        Error::new("", format!("has a factor of {factor:e} between its scales, needs less than 1"))
    })
}

/// Both values in the rank of the larger, and the shape that they broadcast to.
fn broadcast<'c, 'a>(
    lowering: &Lowering<'c, 'a, '_>,
    [a, b]: [Value<'c, 'a>; 2],
) -> Result<(Vec<u64>, [Value<'c, 'a>; 2]), Error> {
    let (left, right) = (ir::shape(a), ir::shape(b));
    let rank = left.len().max(right.len());
    let full = |shape: &[u64]| [vec![1; rank - shape.len()], shape.to_vec()].concat();
    let (full_left, full_right) = (full(&left), full(&right));
    let pairs = full_left.iter().zip(&full_right);
    let shape: Option<Vec<u64>> = pairs
        .map(|pair| match pair {
            (&a, &b) if a == b || b == 1 => Some(a),
            (1, &b) => Some(b),
            _ => None,
        })
        .collect();
    let shape = shape.ok_or_else(|| {
        let (left, right) = (Shape(&left), Shape(&right));
        Error::new("", format!("shapes {left} and {right} do not broadcast"))
    })?;
    let ir = &lowering.ir;
    Ok((shape, [ir.reshape(a, &full_left)?, ir.reshape(b, &full_right)?]))
}
