//! `AVERAGE_POOL_2D`, `MAX_POOL_2D`, `MEAN`.

use super::{
    super::{
        super::Error,
        arithmetic::Multiplier,
        ir::{self, Rescale, Rounding},
        tensor::{Element, Shape},
    },
    Lowering, Node,
    convolution::Window,
};

/// The sum of the codes by their number, without padding; ties away from zero.
///
/// That is what `tosa.avg_pool2d` computes: its reciprocal is a little too large, by less than
/// makes a difference but where there is a tie. Codes of uint8 are counted from 0.
pub fn average(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    pool(lowering, node, "tosa.avg_pool2d")
}

pub fn maximum(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    pool(lowering, node, "tosa.max_pool2d")
}

fn pool(lowering: &mut Lowering, node: &Node, name: &str) -> Result<(), Error> {
    node.at_most(1)?;
    let (input, output) = (node.input(0)?, node.output);
    let options = &node.options;
    let padding = options.byte(0)?;
    let (stride_x, stride_y) = (options.int(1)?, options.int(2)?);
    let kernel = |field| -> Result<u64, Error> {
        let kernel = options.int(field)?;
        match u64::try_from(kernel) {
            Ok(kernel @ 1..) => Ok(kernel),
            _ => Err(Error::new("", format!("has a window of {kernel}, needs at least 1"))),
        }
    };
    let (width, height) = (kernel(3)?, kernel(4)?);
    let activation = node.activation(5)?;
    lowering.same_type(&[input, output], &[Element::I8, Element::U8])?;
    lowering.same_scale(input, output)?;
    let limits = lowering.limits(output, activation)?;

    let value = lowering.value(input)?;
    let image = ir::shape(value);
    let &[batch, rows, columns, channels] = image.as_slice() else {
        return lowering
            .refuse(input, format_args!("has shape {}, needs 4 dimensions", Shape(&image)));
    };
    let down = Window::new(padding, rows, height, stride_y, 1)?;
    let across = Window::new(padding, columns, width, stride_x, 1)?;
    let ir = &lowering.ir;
    let mut operands = vec![ir.crop(value, &[batch, down.used, across.used, channels])?];
    let pair = |a: u64, b: u64| ir.extents(&[a as i64, b as i64]);
    let pads = [down.before, down.after, across.before, across.after].map(|pad| pad as i64);
    let mut attributes = vec![
        ("kernel", pair(height, width)),
        ("stride", pair(down.stride, across.stride)),
        ("pad", ir.extents(&pads)),
    ];
    if name == "tosa.avg_pool2d" {
        let unsigned = lowering.tensor(input).element()? == Element::U8;
        let zero = ir.scalar(8, if unsigned { -128 } else { 0 })?;
        operands.extend([zero, zero]);
        attributes.push(("acc_type", ir.width(32)));
    }
    let made = [batch, down.output, across.output, channels];
    let value = ir.op(name, &operands, &attributes, ir.tensor(&made, 8))?;
    let value = ir.clamp(value, limits)?;
    lowering.define(output, value)
}

/// The sum over some dimensions, without zero points, scaled by the reciprocal of their extents
/// and to the output's scale at once, rounded twice.
pub fn mean(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    node.at_most(2)?;
    let (input, axes, output) = (node.input(0)?, node.input(1)?, node.output);
    let keep_dimensions = node.options.flag_or(0, false)?;
    lowering.same_type(&[input, output], &[Element::I8, Element::U8])?;
    let (x, y) = (lowering.codes(input)?, lowering.codes(output)?);
    lowering.same_type(&[axes], &[Element::I32])?;
    let axes = lowering.tensor(axes).integers()?;
    let value = lowering.value(input)?;
    let mut shape = ir::shape(value);
    let rank = shape.len() as i64;
    let mut reduced = vec![false; shape.len()];
    for axis in axes {
        let position = if axis < 0 { axis + rank } else { axis };
        if !(0..rank).contains(&position) {
            return Err(Error::new("", format!("has no dimension {axis} among {rank}")));
        }
        reduced[position as usize] = true;
    }
    let extents = shape.iter().zip(&reduced).filter(|(_, reduced)| **reduced);
    // Products of the extents of a tensor are no more than it has elements.
    let count = extents.map(|(extent, _)| *extent as i64).product::<i64>();
    let factor = f64::from(x.scale) / f64::from(y.scale);
    let scale = Multiplier::of(factor).filter(|_| factor.is_normal());
    // The reciprocal goes into the multiplier, whose last bits are cut off.
    let multiplier = scale.map(|Multiplier { multiplier, shift }| {
        let bits = i64::from(count.ilog2()).min(32).min(62 - shift);
        Multiplier { multiplier: (multiplier << bits) / count, shift: shift + bits }
    });
    let multiplier =
        multiplier.filter(|found| (255 * count).saturating_mul(found.headroom()) < 1 << 31);
    let multiplier = multiplier.ok_or_else(|| {
        Error::new("", format!("the factor {factor:e} is too large for a sum of {count}"))
    })?;

    let ir = &lowering.ir;
    let mut sum = ir.without_zero_point(value, x.zero_point)?;
    for (axis, _) in reduced.iter().enumerate().filter(|(_, reduced)| **reduced) {
        shape[axis] = 1;
        let attributes = [("axis", ir.number(32, axis as i64))];
        sum = ir.op("tosa.reduce_sum", &[sum], &attributes, ir.tensor(&shape, 32))?;
    }
    let rescale = Rescale {
        multipliers: &[multiplier],
        rounding: Rounding::Double,
        zero_points: (0, y.zero_point),
        bits: 8,
    };
    let value = ir.rescale(sum, &rescale)?;
    let kept = shape.iter().zip(&reduced).filter(|(_, reduced)| keep_dimensions || !**reduced);
    let value = ir.reshape(value, &kept.map(|(extent, _)| *extent).collect::<Vec<_>>())?;
    lowering.define(output, value)
}
