//! `CONV_2D`, `DEPTHWISE_CONV_2D`.

use super::{
    super::{
        super::Error,
        arithmetic::Multiplier,
        file::Options,
        ir::{self, Rescale, Rounding},
        tensor::{Element, Shape},
    },
    Lowering, Node,
};

/// How a window moves over one dimension of an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Window {
    pub kernel: u64,
    pub stride: u64,
    pub dilation: u64,
    /// Padding.
    pub before: u64,
    pub after: u64,
    /// Extents that are read of the input, and that the output has.
    pub used: u64,
    pub output: u64,
}

impl Window {
    /// As the kernels place it: `SAME` pads so that each `stride`-th pixel is the middle of a
    /// window, the odd pixel behind; `VALID` leaves out what the last window does not reach.
    pub(super) fn new(
        padding: u8,
        input: u64,
        kernel: u64,
        stride: i32,
        dilation: i32,
    ) -> Result<Window, Error> {
        let positive = |what: &str, value: i32| match u64::try_from(value) {
            Ok(value @ 1..) => Ok(value),
            _ => Err(Error::new("", format!("has {what} {value}, needs at least 1"))),
        };
        let (stride, dilation) = (positive("stride", stride)?, positive("dilation", dilation)?);
        // Extents and factors are of 31 bits.
        let reach = (kernel - 1) * dilation + 1;
        let (output, total) = match padding {
            0 => {
                let output = input.div_ceil(stride);
                (output, ((output - 1) * stride + reach).saturating_sub(input))
            }
            1 if reach <= input => ((input - reach) / stride + 1, 0),
            1 => {
                return Err(Error::new(
                    "",
                    format!("has a window of {reach} on an image of {input} pixels"),
                ));
            }
            _ => return Err(Error::new("", format!("padding {padding} is not supported"))),
        };
        let used = (output - 1) * stride + reach - total;
        let before = total / 2;
        Ok(Window { kernel, stride, dilation, before, after: total - before, used, output })
    }
}

/// A convolution of either kind, which differ in where the channels stand in the weights.
struct Convolution<'o> {
    options: &'o Options<'o>,
    /// Numbers of fields of the options.
    activation: usize,
    dilation: usize,
}

/// The sum over a window in int32, scaled by a factor per channel, rounded twice.
pub fn convolution(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    let fields = Convolution { options: &node.options, activation: 3, dilation: 4 };
    let weights = node.input(1)?;
    let &[filters, height, width, depth] = lowering.tensor(weights).shape.as_slice() else {
        return refuse_rank(lowering, weights);
    };
    let image = ir::shape(lowering.value(node.input(0)?)?);
    if let Some(&channels) = image.get(3)
        && channels != depth
    {
        return Err(Error::new(
            "",
            if channels % depth == 0 {
                format!("is a convolution of {} groups, which is not supported", channels / depth)
            } else {
                format!("has weights for {depth} channels, but the image has {channels}")
            },
        ));
    }
    lower(lowering, node, &fields, (height, width), filters, 0, |codes| {
        (vec![filters, height, width, depth], codes)
    })
}

/// Each channel by itself, with one or several filters of its own.
pub fn depthwise(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    let fields = Convolution { options: &node.options, activation: 4, dilation: 5 };
    let weights = node.input(1)?;
    let &[1, height, width, filters] = lowering.tensor(weights).shape.as_slice() else {
        return refuse_rank(lowering, weights);
    };
    let image = ir::shape(lowering.value(node.input(0)?)?);
    let channels = image.get(3).copied().unwrap_or(1);
    if filters % channels != 0 {
        return Err(Error::new(
            "",
            format!("has {filters} filters, which is no multiple of {channels} channels"),
        ));
    }
    let multiplier = filters / channels;
    let said = node.options.int(3)?;
    // 0 in old files, where the kernels compute it.
    if said != 0 && u64::try_from(said) != Ok(multiplier) {
        return Err(Error::new(
            "",
            format!("has depth multiplier {said}, but {filters} filters for {channels} channels"),
        ));
    }
    lower(lowering, node, &fields, (height, width), filters, 3, |codes| {
        (vec![height, width, channels, multiplier], codes)
    })
}

fn refuse_rank(lowering: &Lowering, weights: usize) -> Result<(), Error> {
    let shape = Shape(&lowering.tensor(weights).shape);
    lowering.refuse(weights, format_args!("has shape {shape}, which is none of weights"))
}

fn lower(
    lowering: &mut Lowering,
    node: &Node,
    fields: &Convolution,
    (height, width): (u64, u64),
    filters: u64,
    axis: i32,
    arrange: impl FnOnce(Vec<i64>) -> (Vec<u64>, Vec<i64>),
) -> Result<(), Error> {
    node.at_most(3)?;
    let (input, weights, output) = (node.input(0)?, node.input(1)?, node.output);
    let options = fields.options;
    let padding = options.byte(0)?;
    let (stride_x, stride_y) = (options.int(1)?, options.int(2)?);
    let dilation_x = options.int_or(fields.dilation, 1)?;
    let dilation_y = options.int_or(fields.dilation + 1, 1)?;
    let activation = node.activation(fields.activation)?;
    lowering.same_type(&[input, output], &[Element::I8, Element::U8])?;
    let unsigned = lowering.tensor(input).element()? == Element::U8;
    let allowed: &[Element] = if unsigned { &[Element::U8] } else { &[Element::I8, Element::I4] };
    lowering.same_type(&[weights], allowed)?;
    let (x, y) = (lowering.codes(input)?, lowering.codes(output)?);

    let value = lowering.value(input)?;
    let image = ir::shape(value);
    let &[batch, rows, columns, channels] = image.as_slice() else {
        return lowering
            .refuse(input, format_args!("has shape {}, needs 4 dimensions", Shape(&image)));
    };
    let down = Window::new(padding, rows, height, stride_y, dilation_y)?;
    let across = Window::new(padding, columns, width, stride_x, dilation_x)?;

    let codes = lowering.constant(weights)?;
    let scales = lowering.weight_scales(weights, filters, axis)?;
    let zero_point = lowering.weight_zero_point(weights, &scales)?;
    if zero_point != 0 && !unsigned {
        return lowering.refuse(
            weights,
            format_args!("has zero point {zero_point}, which the reference kernel does not know"),
        );
    }
    let bias = match node.optional(2) {
        Some(bias) => lowering.bias(bias, filters)?,
        None => vec![0; filters as usize],
    };
    if unsigned && let &[(scale, _)] = scales.as_slice() {
        lowering.check_bias_scale(node, scale)?;
    }
    let multipliers: Vec<Multiplier> = scales
        .iter()
        .map(|&(scale, _)| {
            let factor = if unsigned {
                // This kernel multiplies the scales in single precision.
                f64::from(x.scale * scale) / f64::from(y.scale)
            } else {
                f64::from(x.scale) * f64::from(scale) / f64::from(y.scale)
            };
            let found = Multiplier::of(factor).filter(|_| factor.is_normal());
            found.ok_or_else(|| {
                let message = format!("the factor {factor:e} to the output's scale is too large");
                Error::new("", message)
            })
        })
        .collect::<Result<_, _>>()?;

    // Factors above 1 multiply the sum in 32 bits before they round.
    let headroom = multipliers.iter().map(Multiplier::headroom).max().unwrap_or(1);
    if headroom > 1 {
        let taps = codes.len() as i64 / filters as i64;
        let most = bias.iter().map(|bias| bias.abs()).max().unwrap_or(0) + taps * 255 * 255;
        if most.saturating_mul(headroom) > i64::from(i32::MAX) {
            return Err(Error::new(
                "",
                "its sums may exceed 32 bits where the reference kernel scales them up",
            ));
        }
    }
    let (shape, codes) = arrange(codes);
    let limits = lowering.limits(output, activation)?;

    let ir = &lowering.ir;
    let name = if axis == 0 { "tosa.conv2d" } else { "tosa.depthwise_conv2d" };
    let operands = [
        ir.crop(value, &[batch, down.used, across.used, channels])?,
        ir.constant(&shape, 8, &codes)?,
        ir.constant(&[filters], 32, &bias)?,
        ir.scalar(8, x.zero_point)?,
        ir.scalar(8, zero_point)?,
    ];
    let pair = |a: u64, b: u64| ir.extents(&[a as i64, b as i64]);
    let pads = [down.before, down.after, across.before, across.after].map(|pad| pad as i64);
    let attributes = [
        ("pad", ir.extents(&pads)),
        ("stride", pair(down.stride, across.stride)),
        ("dilation", pair(down.dilation, across.dilation)),
        ("acc_type", ir.width(32)),
    ];
    let made = [batch, down.output, across.output, filters];
    let sum = ir.op(name, &operands, &attributes, ir.tensor(&made, 32))?;
    let rescale = Rescale {
        multipliers: &multipliers,
        rounding: Rounding::Double,
        zero_points: (0, y.zero_point),
        bits: 8,
    };
    let value = ir.clamp(ir.rescale(sum, &rescale)?, limits)?;
    lowering.define(output, value)
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn windows_are_placed_as_the_kernels_do() {
        let place = |padding, input, kernel, stride, dilation| {
            let w = Window::new(padding, input, kernel, stride, dilation).expect("it fits");
            (w.before, w.after, w.used, w.output)
        };
        assert_eq!(place(0, 8, 3, 1, 1), (1, 1, 8, 8));
        assert_eq!(place(0, 8, 3, 2, 1), (0, 1, 8, 4));
        assert_eq!(place(0, 8, 1, 2, 1), (0, 0, 7, 4));
        assert_eq!(place(0, 49, 10, 2, 1), (4, 5, 49, 25));
        assert_eq!(place(0, 8, 3, 1, 2), (2, 2, 8, 8));
        assert_eq!(place(1, 8, 3, 2, 1), (0, 0, 7, 3));
        assert_eq!(place(1, 8, 8, 1, 1), (0, 0, 8, 1));
        assert!(Window::new(1, 8, 9, 1, 1).is_err());
        assert!(Window::new(0, 8, 3, 0, 1).is_err());
    }
}
