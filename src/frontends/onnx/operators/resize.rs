//! `Resize` and `Upsample`: the nearest pixels, which are elements at places known beforehand.

use super::super::{
    super::Error,
    graph::Node,
    lowering::{Lowering, Tensor, chosen_axes},
    program::{Kind, Operation},
    quote,
};
use super::shape;

pub const ATTRIBUTES: &[&str] = &[
    "antialias",
    "axes",
    "coordinate_transformation_mode",
    "cubic_coeff_a",
    "exclude_outside",
    "extrapolation_value",
    "keep_aspect_ratio_policy",
    "mode",
    "nearest_mode",
];

pub fn resize(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    // The scales were the second input at first, and had one way to say where pixels are.
    let early = node.opset < 11;
    let at = if early { 1 } else { 2 };
    let default = if early { "asymmetric" } else { "half_pixel" };
    let coordinates = node.text("coordinate_transformation_mode", default)?;
    let nearest = node.text("nearest_mode", if early { "floor" } else { "round_prefer_floor" })?;
    resized(lowering, node, [at, 3], coordinates, nearest)
}

pub fn upsample(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    resized(lowering, node, [1, usize::MAX], "asymmetric", "floor")
}

fn resized(
    lowering: &mut Lowering,
    node: &Node,
    [scales_at, sizes_at]: [usize; 2],
    coordinates: &str,
    nearest: &str,
) -> Result<Tensor, Error> {
    let mode = node.text("mode", "nearest")?;
    if mode != "nearest" {
        return Err(node.error(format!(
            "interpolates in mode {}, which is not supported; supported: 'nearest'",
            quote(mode)
        )));
    }
    let mut tensor = lowering.operand(node, 0)?;
    let from = lowering.tensor_shape(&tensor).to_vec();
    let axes = match node.ints("axes")? {
        Some(axes) => axes.to_vec(),
        None => (0..from.len() as i64).collect(),
    };
    chosen_axes(node, &axes, from.len())?;
    let axes = axes.iter().map(|&axis| super::super::lowering::axis_of(node, axis, from.len()));
    let axes = axes.collect::<Result<Vec<_>, _>>()?;
    let constant = |lowering: &mut Lowering, at| match node.input(at) {
        None => Ok(None),
        Some(_) => lowering.optional_constant(node, at),
    };
    let sizes = constant(lowering, sizes_at)?.map(|folded| folded.constant.integers());
    let scales = constant(lowering, scales_at)?.and_then(|folded| folded.floats());
    let (sizes, scales) = (sizes.unwrap_or_default(), scales.unwrap_or_default());
    if sizes.len() != axes.len() && scales.len() != axes.len() {
        return Err(node.error("needs a size or a scale for each dimension"));
    }
    if node.text("keep_aspect_ratio_policy", "stretch")? != "stretch" {
        return Err(node.error("keeps its aspect ratio, which is not supported"));
    }
    for (index, &axis) in axes.iter().enumerate() {
        let (to, scale) = if sizes.len() == axes.len() {
            (sizes[index] as f64, sizes[index] as f64 / from[axis] as f64)
        } else {
            let scale = f64::from(scales[index]);
            ((from[axis] as f64 * scale).floor(), scale)
        };
        if !(1.0..=65536.0).contains(&to) {
            return Err(
                node.error(format!("makes {to} elements of {} in dimension {axis}", from[axis]))
            );
        }
        let mut places = Vec::new();
        for index in 0..to as u64 {
            places.push(place(
                node,
                index as f64,
                scale,
                [from[axis] as f64, to],
                coordinates,
                nearest,
            )?);
        }
        tensor = repeated(lowering, node, tensor, axis, &places)?;
    }
    Ok(tensor)
}

/// The element that one of the result is.
fn place(
    node: &Node,
    index: f64,
    scale: f64,
    [from, to]: [f64; 2],
    coordinates: &str,
    nearest: &str,
) -> Result<u64, Error> {
    let real = match coordinates {
        _ if from == to && scale == 1.0 => index,
        "half_pixel" => (index + 0.5) / scale - 0.5,
        "half_pixel_symmetric" => {
            let adjusted = to / (from * scale);
            from / 2.0 * (1.0 - adjusted) + (index + 0.5) / scale - 0.5
        }
        "pytorch_half_pixel" if to > 1.0 => (index + 0.5) / scale - 0.5,
        "pytorch_half_pixel" => -0.5,
        "asymmetric" => index / scale,
        "align_corners" if to > 1.0 => index * (from - 1.0) / (to - 1.0),
        "align_corners" => 0.0,
        other => {
            let other = quote(other);
            return Err(node.error(format!("has the coordinates {other}, which are not supported")));
        }
    };
    let whole = match nearest {
        "round_prefer_floor" => (real - 0.5).ceil(),
        "round_prefer_ceil" => (real + 0.5).floor(),
        "floor" => real.floor(),
        "ceil" => real.ceil(),
        other => return Err(node.error(format!("has the unknown mode {}", quote(other)))),
    };
    Ok(whole.clamp(0.0, from - 1.0) as u64)
}

/// The elements at these places. If each stands there equally often, that is a repetition.
fn repeated(
    lowering: &mut Lowering,
    node: &Node,
    tensor: Tensor,
    axis: usize,
    places: &[u64],
) -> Result<Tensor, Error> {
    let shape = lowering.tensor_shape(&tensor).to_vec();
    let times = places.len() as u64 / shape[axis].max(1);
    let regular = times > 1
        && places.len() as u64 == times * shape[axis]
        && places.iter().zip(0..).all(|(&place, index): (_, u64)| place == index / times);
    let id = match tensor {
        Tensor::Value(id) if regular => id,
        tensor => {
            if places.iter().copied().eq(0..shape[axis]) {
                return Ok(tensor);
            }
            return shape::picked(lowering, node, tensor, axis, places);
        }
    };
    if let Kind::Quantized(q) = &lowering.program.value(id).kind
        && q.axis.is_some()
    {
        return Err(node.error("repeats a tensor quantized along an axis"));
    }
    let mut apart = shape.clone();
    apart.insert(axis + 1, 1);
    let apart_id = lowering.reshape_value(node, id, apart.clone())?;
    apart[axis + 1] = times;
    lowering.check_size(node, &apart)?;
    let mut by = vec![1; apart.len()];
    by[axis + 1] = times;
    let tiled = lowering.moved(node, apart_id, Operation::Tile(apart_id, by), apart);
    let mut to = shape;
    to[axis] = places.len() as u64;
    Ok(lowering.reshape_value(node, tiled, to)?.into())
}
