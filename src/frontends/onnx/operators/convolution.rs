//! Convolutions: `NCHW` in ONNX, `NHWC` in tosa. One dimension is two of which the first is 1.

use super::super::{
    super::Error,
    graph::Node,
    lowering::{Lowering, Tensor},
    program::{Convolution, Kind, Operation, ValueId},
    quote,
    tensor::{Element, shape_text},
};
use super::{gemm, quantize};

pub const ATTRIBUTES: &[&str] =
    &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];

pub const TRANSPOSED_ATTRIBUTES: &[&str] = &[
    "auto_pad",
    "dilations",
    "group",
    "kernel_shape",
    "output_padding",
    "output_shape",
    "pads",
    "strides",
];

/// To `NHWC`, and back.
pub const CHANNELS_LAST: [usize; 4] = [0, 2, 3, 1];
pub const CHANNELS_SECOND: [usize; 4] = [0, 3, 1, 2];

/// How windows move over an image, of two dimensions.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    pub kernel: [u64; 2],
    pub strides: [u64; 2],
    pub dilations: [u64; 2],
    /// Begin and end of each dimension.
    pub pads: [[u64; 2]; 2],
    /// Of the image and of the result.
    pub from: [u64; 2],
    pub to: [u64; 2],
}

/// The largest number in an attribute: sums of a few of them fit.
const LARGEST: u64 = i32::MAX as u64;

/// An attribute with a number per dimension of an image. Of one dimension, it is the second.
pub fn numbers(
    node: &Node,
    attribute: &str,
    dimensions: usize,
    default: u64,
    least: u64,
) -> Result<[u64; 2], Error> {
    let Some(values) = node.ints(attribute)? else {
        return Ok([if dimensions == 1 { default.min(1) } else { default }, default]);
    };
    let mut numbers = [default.min(1); 2];
    if values.len() != dimensions || dimensions > 2 {
        return Err(node.error(format!(
            "attribute '{attribute}' has {} numbers for {dimensions} dimensions",
            values.len()
        )));
    }
    for (slot, &value) in numbers[2 - dimensions..].iter_mut().zip(values) {
        *slot = u64::try_from(value).ok().filter(|v| (least..=LARGEST).contains(v)).ok_or_else(
            || node.error(format!("attribute '{attribute}' has the impossible number {value}")),
        )?;
    }
    Ok(numbers)
}

/// Attribute `pads`: begins, then ends.
fn explicit_pads(node: &Node, dimensions: usize) -> Result<[[u64; 2]; 2], Error> {
    let mut pads = [[0; 2]; 2];
    let Some(values) = node.ints("pads")? else {
        return Ok(pads);
    };
    if values.len() != 2 * dimensions {
        return Err(node.error(format!(
            "attribute 'pads' has {} numbers for {dimensions} dimensions",
            values.len()
        )));
    }
    for (index, &value) in values.iter().enumerate() {
        let pad = u64::try_from(value).ok().filter(|&pad| pad <= LARGEST);
        pads[2 - dimensions + index % dimensions][index / dimensions] = pad.ok_or_else(|| {
            node.error(format!("pads by {value}, which is not supported: needs 0 or more"))
        })?;
    }
    Ok(pads)
}

impl Windows {
    /// Reads the attributes of a node whose windows have that kernel.
    pub fn new(
        node: &Node,
        kernel: [u64; 2],
        from: [u64; 2],
        dimensions: usize,
    ) -> Result<Windows, Error> {
        let strides = numbers(node, "strides", dimensions, 1, 1)?;
        let dilations = numbers(node, "dilations", dimensions, 1, 1)?;
        let mut pads = explicit_pads(node, dimensions)?;
        let auto = node.text("auto_pad", "NOTSET")?;
        let mut to = [0; 2];
        let ceil = node.int("ceil_mode", 0)? != 0;
        for d in 0..2 {
            let extent = (kernel[d] - 1).saturating_mul(dilations[d]).saturating_add(1);
            match auto {
                "NOTSET" | "" => {}
                "VALID" => pads[d] = [0, 0],
                "SAME_UPPER" | "SAME_LOWER" => {
                    let total = ((from[d].div_ceil(strides[d]) - 1) * strides[d])
                        .saturating_add(extent)
                        .saturating_sub(from[d]);
                    let (less, more) = (total / 2, total - total / 2);
                    pads[d] = if auto == "SAME_UPPER" { [less, more] } else { [more, less] };
                }
                _ => return Err(node.error(format!("has the unknown 'auto_pad' {}", quote(auto)))),
            }
            let Some(room) = (from[d] + pads[d][0] + pads[d][1]).checked_sub(extent) else {
                return Err(node.error(format!(
                    "has windows of {extent} on an image of {} that is padded by {} and {}",
                    from[d], pads[d][0], pads[d][1]
                )));
            };
            to[d] = room / strides[d] + 1;
            // A last window that is not whole, unless it starts in the padding.
            if ceil && room % strides[d] != 0 && to[d] * strides[d] < from[d] + pads[d][0] {
                to[d] += 1;
            }
        }
        Ok(Windows { kernel, strides, dilations, pads, from, to })
    }

    /// Beyond what tosa takes: there, windows end with the padded image. Returns how much of the
    /// image is used, and sets the padding behind it.
    pub fn fitted(&mut self) -> [u64; 2] {
        let mut used = self.from;
        for (d, used) in used.iter_mut().enumerate() {
            let extent = (self.kernel[d] - 1) * self.dilations[d] + 1;
            let needed = (self.to[d] - 1) * self.strides[d] + extent;
            let [before, behind] = &mut self.pads[d];
            *behind = needed.saturating_sub(*before + self.from[d]);
            *used = self.from[d].min(needed.saturating_sub(*before)).max(1);
        }
        used
    }

    /// Top, bottom, left, right.
    pub fn flat_pads(&self) -> [u64; 4] {
        let [[top, bottom], [left, right]] = self.pads;
        [top, bottom, left, right]
    }
}

/// An image as `[N, C, H, W]`, and how many dimensions it has.
pub fn image(lowering: &mut Lowering, node: &Node, id: ValueId) -> Result<(ValueId, usize), Error> {
    let shape = lowering.shape(id).to_vec();
    match shape[..] {
        [n, c, w] => Ok((lowering.reshape_value(node, id, vec![n, c, 1, w])?, 1)),
        [_, _, _, _] => Ok((id, 2)),
        _ => Err(node.error(format!(
            "works on a tensor of shape {}, which is not supported; supported: images of 1 or 2 dimensions, NCW or NCHW",
            shape_text(&shape)
        ))),
    }
}

/// A result in `NHWC` as the node gives it.
pub fn finished(
    lowering: &mut Lowering,
    node: &Node,
    id: ValueId,
    dimensions: usize,
) -> Result<ValueId, Error> {
    let result = lowering.transpose_value(node, id, &CHANNELS_SECOND)?;
    let shape = lowering.shape(result).to_vec();
    match (dimensions, &shape[..]) {
        (1, &[n, c, _, w]) => lowering.reshape_value(node, result, vec![n, c, w]),
        _ => Ok(result),
    }
}

/// The first part of an image in `NHWC`.
pub fn cropped(
    lowering: &mut Lowering,
    node: &Node,
    id: ValueId,
    [height, width]: [u64; 2],
) -> ValueId {
    let shape = lowering.shape(id).to_vec();
    lowering.slice_value(node, id, vec![0; 4], vec![shape[0], height, width, shape[3]])
}

/// Weights as `[O, I, H, W]`.
fn kernel(
    lowering: &mut Lowering,
    node: &Node,
    weights: Tensor,
    dimensions: usize,
) -> Result<Tensor, Error> {
    let shape = lowering.tensor_shape(&weights).to_vec();
    if shape.len() != dimensions + 2 || shape.contains(&0) {
        return Err(node.error(format!(
            "has weights of shape {} for images of {dimensions} dimensions",
            shape_text(&shape)
        )));
    }
    let full = match shape[..] {
        [o, i, w] => lowering.reshaped(node, weights, vec![o, i, 1, w])?,
        _ => weights,
    };
    let of_kernel = &lowering.tensor_shape(&full)[2..];
    if node.has("kernel_shape")
        && numbers(node, "kernel_shape", dimensions, 1, 1)?[..] != *of_kernel
    {
        return Err(node.error("has an attribute 'kernel_shape' that its weights do not have"));
    }
    Ok(full)
}

fn group(node: &Node) -> Result<u64, Error> {
    let group = node.int("group", 1)?;
    u64::try_from(group).ok().filter(|&group| group > 0).ok_or_else(|| {
        node.error(format!("attribute 'group' is {group}, needs a number from 1 on"))
    })
}

/// A convolution of real numbers; `names` are the inputs that image and weights are in. The bias
/// has one number per channel, or is zero.
fn convolution(
    lowering: &mut Lowering,
    node: &Node,
    [x, weights]: [Tensor; 2],
    names: [usize; 2],
    bias: Option<ValueId>,
) -> Result<ValueId, Error> {
    let x = lowering.float(node, x, names[0], "input")?;
    let (x, dimensions) = image(lowering, node, x)?;
    let weights = kernel(lowering, node, weights, dimensions)?;
    let of_x = lowering.shape(x).to_vec();
    let of_w = lowering.tensor_shape(&weights).to_vec();
    let group = group(node)?;
    let (channels, features) = (of_x[1], of_w[0]);
    if channels != of_w[1].saturating_mul(group) || features % group != 0 {
        return Err(node.error(format!(
            "has weights of shape {} for {channels} channels in {group} groups",
            shape_text(&of_w)
        )));
    }
    let mut windows = Windows::new(node, [of_w[2], of_w[3]], [of_x[2], of_x[3]], dimensions)?;
    lowering.check_size(node, &[of_x[0], windows.to[0], windows.to[1], features])?;
    let used = windows.fitted();
    let x = lowering.transpose_value(node, x, &CHANNELS_LAST)?;
    let x = cropped(lowering, node, x, used);
    let bias = match bias {
        Some(bias) if lowering.shape(bias) == [features] => bias,
        Some(bias) => {
            return Err(node.error(format!(
                "has a bias of shape {}, needs {features}",
                shape_text(lowering.shape(bias))
            )));
        }
        None => lowering.splat(node, 0.0, 1),
    };
    let convolve = |lowering: &mut Lowering, kind, operands: [ValueId; 3], features| {
        let Windows { strides, dilations, to, .. } = windows;
        let pads = windows.flat_pads();
        let operation = Operation::Convolution { kind, operands, pads, strides, dilations };
        lowering.push(node, operation, vec![of_x[0], to[0], to[1], features])
    };
    let result = if of_w[1] == 1 && group == channels && group > 1 {
        // Weights of a channel are those of its features, one after the other.
        let split = vec![channels, features / channels, of_w[2], of_w[3]];
        let weights = lowering.reshaped(node, weights, split)?;
        let weights = lowering.transposed(node, weights, &[2, 3, 0, 1])?;
        let weights = lowering.float(node, weights, names[1], "weights")?;
        convolve(lowering, Convolution::Depthwise, [x, weights, bias], features)
    } else {
        let weights = lowering.transposed(node, weights, &[0, 2, 3, 1])?;
        let weights = lowering.float(node, weights, names[1], "weights")?;
        if group == 1 {
            convolve(lowering, Convolution::Full, [x, weights, bias], features)
        } else if group > 4096 {
            return Err(node.error(format!("has {group} groups; at most 4096 are supported")));
        } else {
            // Each group is a convolution of its own.
            let mut parts = Vec::new();
            let each = features / group;
            for index in 0..group {
                let part = |lowering: &mut Lowering, id, axis: usize, extent| {
                    let mut size = lowering.shape(id).to_vec();
                    let mut start = vec![0; size.len()];
                    (start[axis], size[axis]) = (index * extent, extent);
                    lowering.slice_value(node, id, start, size)
                };
                let x = part(lowering, x, 3, of_w[1]);
                let weights = part(lowering, weights, 0, each);
                let split = lowering.shape(bias) == [features];
                let bias = if split { part(lowering, bias, 0, each) } else { bias };
                parts.push(convolve(lowering, Convolution::Full, [x, weights, bias], each));
            }
            lowering.concat_values(node, parts, 3)
        }
    };
    finished(lowering, node, result, dimensions)
}

pub fn conv(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operands = [lowering.operand(node, 0)?, lowering.operand(node, 1)?];
    let bias = bias(lowering, node)?;
    Ok(convolution(lowering, node, operands, [0, 1], bias)?.into())
}

fn bias(lowering: &mut Lowering, node: &Node) -> Result<Option<ValueId>, Error> {
    if node.input(2).is_none() {
        return Ok(None);
    }
    let bias = lowering.operand(node, 2)?;
    lowering.float(node, bias, 2, "bias").map(Some)
}

/// A convolution of integers, each less its zero point.
pub fn conv_integer(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = gemm::differences(lowering, node, [0, 2], i64::MIN)?;
    let weights = gemm::differences(lowering, node, [1, 3], 0)?;
    let result = convolution(lowering, node, [x, weights], [0, 1], None)?;
    Ok(lowering.same(node, result, Kind::Whole(Element::I32)).into())
}

/// Quantized operands and result: by definition the convolution of the real numbers, with a
/// bias at the product of the scales of its operands, quantized.
pub fn q_linear_conv(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let storage = quantize::storage_of(lowering, node, 0)?;
    let x = quantize::dequantized_input(lowering, node, [0, 1, 2], None)?;
    let weights = quantize::dequantized_input(lowering, node, [3, 4, 5], Some(0))?;
    let bias = match node.input(8) {
        None => None,
        Some(_) => Some(gemm::scaled_bias(lowering, node, 8, [1, 4])?),
    };
    let result = convolution(lowering, node, [x, weights], [0, 3], bias)?;
    quantize::quantized_output(lowering, node, result, [6, 7], storage)
}

pub fn conv_transpose(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let (x, weights) = (lowering.operand(node, 0)?, lowering.operand(node, 1)?);
    let x = lowering.float(node, x, 0, "input")?;
    let (x, dimensions) = image(lowering, node, x)?;
    let weights = kernel(lowering, node, weights, dimensions)?;
    let of_x = lowering.shape(x).to_vec();
    // Inputs, outputs, height, width.
    let of_w = lowering.tensor_shape(&weights).to_vec();
    let refuse = |what: &str| Err(node.error(format!("{what}, which is not supported")));
    if group(node)? != 1 {
        return refuse("has several groups");
    }
    if numbers(node, "dilations", dimensions, 1, 1)? != [1, 1] {
        return refuse("is dilated");
    }
    if node.has("output_shape") || !matches!(node.text("auto_pad", "NOTSET")?, "NOTSET" | "VALID") {
        return refuse("leaves its padding to be found");
    }
    if of_x[1] != of_w[0] {
        let shape = shape_text(&of_w);
        return Err(node.error(format!("has weights of shape {shape} for {} channels", of_x[1])));
    }
    let strides = numbers(node, "strides", dimensions, 1, 1)?;
    let added = numbers(node, "output_padding", dimensions, 0, 0)?;
    let pads = explicit_pads(node, dimensions)?;
    // tosa pads the output, by less than nothing where ONNX's padding takes of it. That is cut
    // off here, as only few tools know negative padding.
    let (mut full, mut out_pads, mut start, mut to) = ([0; 2], [[0; 2]; 2], [0; 2], [0; 2]);
    for d in 0..2 {
        let produced = (of_x[2 + d] - 1).saturating_mul(strides[d]).saturating_add(of_w[2 + d]);
        let [before, behind] = pads[d];
        let end = produced.saturating_add(added[d]);
        to[d] = end.checked_sub(before + behind).filter(|&to| to > 0).ok_or_else(|| {
            node.error(format!("pads by {before} and {behind}, which leaves nothing of {end}"))
        })?;
        (start[d], out_pads[d][1], full[d]) = (before, added[d], end);
    }
    let features = of_w[1];
    lowering.check_size(node, &[of_x[0], full[0], full[1], features])?;
    let x = lowering.transpose_value(node, x, &CHANNELS_LAST)?;
    let weights = lowering.transposed(node, weights, &[1, 2, 3, 0])?;
    let weights = lowering.float(node, weights, 1, "weights")?;
    let bias = match bias(lowering, node)? {
        Some(bias) if lowering.shape(bias) == [features] => bias,
        Some(_) => return Err(node.error(format!("has a bias of other than {features} numbers"))),
        None => lowering.splat(node, 0.0, 1),
    };
    let [[top, bottom], [left, right]] = out_pads;
    let operation = Operation::Convolution {
        kind: Convolution::Transposed,
        operands: [x, weights, bias],
        pads: [top, bottom, left, right],
        strides,
        dilations: [1, 1],
    };
    let result = lowering.push(node, operation, vec![of_x[0], full[0], full[1], features]);
    let size = vec![of_x[0], to[0], to[1], features];
    let result = lowering.slice_value(node, result, vec![0, start[0], start[1], 0], size);
    Ok(finished(lowering, node, result, dimensions)?.into())
}
