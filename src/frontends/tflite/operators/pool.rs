//! `AVERAGE_POOL_2D`, `MAX_POOL_2D`.

use super::{
    super::{
        super::Error,
        ir,
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
        return lowering.refuse(
            input,
            format_args!("has shape {}, needs 4 dimensions", Shape(&image)),
        );
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
