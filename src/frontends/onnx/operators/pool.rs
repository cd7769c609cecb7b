//! Pooling: maxima and means of windows, or of whole images.

use super::super::{
    super::Error,
    graph::Node,
    lowering::{Lowering, Tensor},
    program::{Kind, Operation, ValueId},
    tensor::shape_text,
};
use super::{
    convolution::{CHANNELS_LAST, Windows, cropped, finished, image, numbers},
    quantize,
};
use crate::exact::Rounding;

pub const ATTRIBUTES: &[&str] = &[
    "auto_pad",
    "ceil_mode",
    "count_include_pad",
    "dilations",
    "kernel_shape",
    "pads",
    "storage_order",
    "strides",
];

/// An image in `NCHW`, its dimensions, and the windows over it.
fn windows(
    lowering: &mut Lowering,
    node: &Node,
    x: ValueId,
) -> Result<(ValueId, usize, Windows), Error> {
    let (x, dimensions) = image(lowering, node, x)?;
    let shape = lowering.shape(x).to_vec();
    if !node.has("kernel_shape") {
        return Err(node.error("has no attribute 'kernel_shape'"));
    }
    let kernel = numbers(node, "kernel_shape", dimensions, 1, 1)?;
    let windows = Windows::new(node, kernel, [shape[2], shape[3]], dimensions)?;
    if windows.dilations != [1, 1] {
        return Err(node.error("is dilated, which is not supported"));
    }
    for d in 0..2 {
        if windows.pads[d].iter().any(|&pad| pad >= windows.kernel[d]) {
            return Err(node.error("pads by whole windows, which is not supported"));
        }
    }
    lowering.check_size(node, &[shape[0], shape[1], windows.to[0], windows.to[1]])?;
    Ok((x, dimensions, windows))
}

fn pooled(
    lowering: &mut Lowering,
    node: &Node,
    name: &'static str,
    x: ValueId,
    mut windows: Windows,
) -> Result<ValueId, Error> {
    let used = windows.fitted();
    let x = lowering.transpose_value(node, x, &CHANNELS_LAST)?;
    let x = cropped(lowering, node, x, used);
    let shape = lowering.shape(x).to_vec();
    let Windows { kernel, strides, to, .. } = windows;
    let pads = windows.flat_pads();
    let pool = Operation::Pool { name, operand: x, kernel, pads, strides };
    Ok(lowering.push(node, pool, vec![shape[0], to[0], to[1], shape[3]]))
}

pub fn max(lowering: &mut Lowering, node: &Node) -> Result<Vec<Tensor>, Error> {
    let operand = lowering.operand(node, 0)?;
    // The largest code stands for the largest number.
    let codes = match &operand {
        Tensor::Value(id) => match &lowering.program.value(*id).kind {
            Kind::Quantized(q) if q.axis.is_none() => Some(q.clone()),
            _ => None,
        },
        Tensor::Constant(_) => None,
    };
    let x = match &codes {
        Some(q) => {
            let real = quantize::dequantized(lowering, node, operand, (**q).clone())?;
            lowering.float(node, real, 0, "input")?
        }
        None => lowering.float(node, operand, 0, "input")?,
    };
    let (x, dimensions, windows) = windows(lowering, node, x)?;
    let result = pooled(lowering, node, "tosa.max_pool2d", x, windows)?;
    let mut result = finished(lowering, node, result, dimensions)?;
    if let Some(q) = codes {
        let q = (*q).clone();
        result = quantize::quantized_value(lowering, node, result, q, Rounding::NearestEven);
    }
    Ok(vec![result.into()])
}

pub fn average(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let (mut x, dimensions, mut windows) = windows(lowering, node, x)?;
    let padded = windows.pads.as_flattened().iter().any(|&pad| pad != 0);
    let counted = node.int("count_include_pad", 0)? != 0;
    if counted && padded {
        let whole = |d: usize| {
            let [before, behind] = windows.pads[d];
            let needed = (windows.to[d] - 1) * windows.strides[d] + windows.kernel[d];
            needed <= windows.from[d] + before + behind
        };
        if !whole(0) || !whole(1) {
            return Err(node.error(
                "counts the padding of windows that are not whole, which is not supported",
            ));
        }
        // Padding that counts is elements like others.
        let shape = lowering.shape(x).to_vec();
        let [h, w] = windows.pads;
        let full = vec![shape[0], shape[1], shape[2] + h[0] + h[1], shape[3] + w[0] + w[1]];
        lowering.check_size(node, &full)?;
        windows.from = [full[2], full[3]];
        windows.pads = [[0; 2]; 2];
        x = lowering.push(node, Operation::Pad(x, vec![[0, 0], [0, 0], h, w], 0.0), full);
    }
    let result = pooled(lowering, node, "tosa.avg_pool2d", x, windows)?;
    Ok(finished(lowering, node, result, dimensions)?.into())
}

/// The dimensions of an image.
fn space(lowering: &Lowering, node: &Node, x: ValueId) -> Result<Vec<usize>, Error> {
    let shape = lowering.shape(x);
    if shape.len() < 3 {
        return Err(node.error(format!(
            "works on a tensor of shape {}, needs 3 dimensions or more",
            shape_text(shape)
        )));
    }
    Ok((2..shape.len()).collect())
}

pub fn global_average(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let axes = space(lowering, node, x)?;
    Ok(lowering.mean(node, x, &axes).into())
}

pub fn global_max(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let axes = space(lowering, node, x)?;
    Ok(lowering.reduced(node, "tosa.reduce_max", x, &axes).into())
}

pub fn q_linear_global_average(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let storage = quantize::storage_of(lowering, node, 0)?;
    let x = quantize::dequantized_input(lowering, node, [0, 1, 2], None)?;
    let x = lowering.any(node, x, 0)?;
    let mut axes = space(lowering, node, x)?;
    if node.int("channels_last", 0)? != 0 {
        axes.iter_mut().for_each(|axis| *axis -= 1);
    }
    let mean = lowering.mean(node, x, &axes);
    quantize::quantized_output(lowering, node, mean, [3, 4], storage)
}
