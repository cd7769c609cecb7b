//! Operators that move elements.

use std::rc::Rc;

use super::super::{
    super::Error,
    fold,
    graph::Node,
    lowering::{Folded, Lowering, Tensor, axis_of, chosen_axes},
    program::{Kind, Operation, ValueId},
    quote,
    tensor::{self, Constant, Element, shape_text},
};

pub fn flatten(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let shape = lowering.tensor_shape(&operand);
    // One past the last dimension is allowed.
    let axis = node.int("axis", 1)?;
    let last = shape.len() as i64;
    let axis = if axis < 0 { axis.saturating_add(last) } else { axis };
    if !(0..=last).contains(&axis) {
        return Err(node.error(format!("axis {axis} is not in the range of {last} dimensions")));
    }
    let (rows, columns) = shape.split_at(axis as usize);
    let shape = vec![rows.iter().product(), columns.iter().product()];
    lowering.reshaped(node, operand, shape)
}

pub fn reshape(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let keeps_zero = node.int("allowzero", 0)? != 0;
    let operand = lowering.operand(node, 0)?;
    let from = lowering.tensor_shape(&operand).to_vec();
    let wanted = lowering.integers(node, 1, "shape")?;
    let impossible = || {
        let wanted: Vec<_> = wanted.iter().map(i64::to_string).collect();
        node.error(format!("cannot reshape {} to [{}]", shape_text(&from), wanted.join(", ")))
    };
    let mut shape = Vec::new();
    let mut unknown = None;
    for (index, &extent) in wanted.iter().enumerate() {
        shape.push(match extent {
            0 if !keeps_zero => *from.get(index).ok_or_else(impossible)?,
            -1 if unknown.is_none() => {
                unknown = Some(index);
                1
            }
            extent => u64::try_from(extent).map_err(|_| impossible())?,
        });
    }
    let total: u64 = from.iter().product();
    if let Some(index) = unknown {
        match tensor::elements(&shape) {
            Some(known) if known > 0 && total.is_multiple_of(known) => shape[index] = total / known,
            _ => return Err(impossible()),
        }
    }
    if tensor::elements(&shape) != Some(total) {
        return Err(impossible());
    }
    lowering.reshaped(node, operand, shape)
}

pub fn squeeze(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let from = lowering.tensor_shape(&operand).to_vec();
    let mut removed: Vec<bool> = from.iter().map(|&extent| extent == 1).collect();
    if let Some(axes) = lowering.listed(node, "axes", 1)? {
        removed = chosen_axes(node, &axes, from.len())?;
        if let Some(axis) = (0..from.len()).find(|&d| removed[d] && from[d] != 1) {
            return Err(
                node.error(format!("cannot squeeze dimension {axis} of {}", shape_text(&from)))
            );
        }
    }
    let kept = from.iter().zip(&removed).filter(|(_, removed)| !**removed);
    let shape = kept.map(|(extent, _)| *extent).collect();
    lowering.reshaped(node, operand, shape)
}

pub fn unsqueeze(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let from = lowering.tensor_shape(&operand).to_vec();
    let Some(axes) = lowering.listed(node, "axes", 1)? else {
        return Err(node.error("does not say where to add dimensions"));
    };
    let added = chosen_axes(node, &axes, from.len() + axes.len())?;
    let mut rest = from.iter();
    let shape = added.iter().filter_map(|&new| if new { Some(1) } else { rest.next().copied() });
    let shape = shape.collect();
    lowering.reshaped(node, operand, shape)
}

pub fn transpose(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let rank = lowering.tensor_shape(&operand).len();
    let permutation = match node.ints("perm")? {
        None => (0..rank).rev().collect(),
        Some(axes) => {
            let mut permutation = Vec::new();
            for &axis in axes {
                permutation.push(axis_of(node, axis, rank)?);
            }
            permutation
        }
    };
    if permutation.len() != rank || (0..rank).any(|d| !permutation.contains(&d)) {
        return Err(
            node.error(format!("attribute 'perm' is not a permutation of {rank} dimensions"))
        );
    }
    lowering.transposed(node, operand, &permutation)
}

/// Inputs of one kind become one tensor; codes that stand for numbers by other scales are made
/// these numbers before.
pub fn concat(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let mut parts = Vec::new();
    for index in 0..node.input_count() {
        if node.input(index).is_none() {
            return Err(node.error(format!("input {index} is missing")));
        }
        parts.push(lowering.operand(node, index)?);
    }
    let first = lowering.tensor_shape(&parts[0]).to_vec();
    let axis = axis_of(node, node.int("axis", 0)?, first.len())?;
    let mut to = first.clone();
    to[axis] = 0;
    for part in &parts {
        let mut shape = lowering.tensor_shape(part).to_vec();
        if let Some(extent) = shape.get_mut(axis) {
            to[axis] += *extent;
            *extent = first[axis];
        }
        if shape != first {
            let (a, b) = (shape_text(&first), shape_text(lowering.tensor_shape(part)));
            return Err(node.error(format!("concatenates {a} and {b} along dimension {axis}")));
        }
    }
    if tensor::elements(&to).is_none() {
        return Err(node.error("the result has too many dimensions or elements"));
    }
    let constants: Vec<&Constant> = parts
        .iter()
        .filter_map(|part| match part {
            Tensor::Constant(folded) if folded.quantization.is_none() => Some(&folded.constant),
            _ => None,
        })
        .collect();
    if constants.len() == parts.len() && constants.iter().all(|c| c.element == constants[0].element)
    {
        let count: usize = constants.iter().map(|c| c.count()).sum();
        let count = if to.contains(&0) { 0 } else { count };
        // One constant may be given many times.
        let largest = constants.iter().map(|c| c.count()).max().unwrap_or(0);
        if count > largest {
            lowering.growth.take(&to, largest as u64).map_err(|m| node.error(m))?;
        }
        let constant = if count == 0 {
            Some(Constant::from_bytes(constants[0].element, to, Vec::new()))
        } else {
            Constant::concatenated(&constants, axis)
        };
        let constant = constant.ok_or_else(|| node.error("has no inputs"))?;
        return Ok(super::elements::made(node, constant));
    }
    lowering.check_size(node, &to)?;
    let mut ids = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        if !lowering.tensor_shape(&part).contains(&0) {
            ids.push(lowering.any(node, part, index)?);
        }
    }
    let kind = |lowering: &Lowering, id: ValueId| lowering.program.value(id).kind.clone();
    let kinds: Vec<Kind> = ids.iter().map(|&id| kind(lowering, id)).collect();
    if kinds.iter().any(|kind| *kind != kinds[0]) {
        let mut numbers = Vec::new();
        for (index, &id) in ids.iter().enumerate() {
            numbers.push(lowering.number(node, id.into(), index)?);
        }
        if numbers.iter().any(|number| number.1 != numbers[0].1) {
            return Err(node.error("concatenates tensors of different types"));
        }
        ids = numbers.into_iter().map(|number| number.0).collect();
    }
    if let Kind::Quantized(q) = kind(lowering, ids[0])
        && q.axis.is_some()
    {
        return Err(node.error("concatenates tensors quantized along an axis"));
    }
    Ok(lowering.concat_values(node, ids, axis).into())
}

pub fn split(lowering: &mut Lowering, node: &Node) -> Result<Vec<Tensor>, Error> {
    let operand = lowering.operand(node, 0)?;
    let shape = lowering.tensor_shape(&operand).to_vec();
    let axis = axis_of(node, node.int("axis", 0)?, shape.len())?;
    let parts = node.outputs.len();
    let sizes = match lowering.listed(node, "split", 1)? {
        Some(sizes) => sizes,
        None => {
            let each = shape[axis].div_ceil(parts.max(1) as u64);
            let starts = (0..parts as u64).map(|index| (index * each).min(shape[axis]));
            starts.map(|start| each.min(shape[axis] - start) as i64).collect()
        }
    };
    let total = sizes.iter().try_fold(0_i64, |sum, &size| sum.checked_add(size));
    if sizes.len() != parts
        || sizes.iter().any(|&size| size < 1)
        || total != Some(shape[axis] as i64)
    {
        let sizes: Vec<_> = sizes.iter().map(i64::to_string).collect();
        return Err(node.error(format!(
            "splits {} into {parts} parts of [{}]",
            shape[axis],
            sizes.join(", ")
        )));
    }
    let mut results = Vec::new();
    let mut start = vec![0; shape.len()];
    for size in sizes {
        let mut part = shape.clone();
        part[axis] = size as u64;
        let steps = vec![1; shape.len()];
        results.push(lowering.sliced(node, operand.clone(), 0, &start, &steps, &part)?);
        start[axis] += size as u64;
    }
    Ok(results)
}

pub fn slice(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let shape = lowering.tensor_shape(&operand).to_vec();
    let (Some(starts), Some(ends)) =
        (lowering.listed(node, "starts", 1)?, lowering.listed(node, "ends", 2)?)
    else {
        return Err(node.error("does not say from where to where"));
    };
    let axes = lowering.listed(node, "axes", 3)?;
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = match node.input(4) {
        Some(_) => lowering.integers(node, 4, "steps")?,
        None => vec![1; starts.len()],
    };
    if [starts.len(), ends.len(), axes.len(), steps.len()] != [starts.len(); 4] {
        return Err(node.error("has as many starts, ends, axes and steps as they are not"));
    }
    chosen_axes(node, &axes, shape.len())?;
    let (mut start, mut step, mut size) =
        (vec![0; shape.len()], vec![1; shape.len()], shape.clone());
    for (index, &axis) in axes.iter().enumerate() {
        let axis = axis_of(node, axis, shape.len())?;
        let extent = shape[axis] as i64;
        let (from, to, by) = (starts[index], ends[index], steps[index]);
        let from_front = |at: i64| if at < 0 { at.saturating_add(extent) } else { at };
        if by == 0 || by == i64::MIN {
            return Err(node.error("goes in steps of 0"));
        }
        let (from, count) = if by > 0 {
            let (from, to) = (from_front(from).clamp(0, extent), from_front(to).clamp(0, extent));
            (from, (to - from).max(0) as u64)
        } else {
            let from = from_front(from).clamp(-1, extent - 1);
            (from, (from - from_front(to).clamp(-1, extent - 1)).max(0) as u64)
        };
        size[axis] = count.div_ceil(by.unsigned_abs());
        (start[axis], step[axis]) = (from.max(0) as u64, by);
    }
    lowering.sliced(node, operand, 0, &start, &step, &size)
}

/// Elements at constant indices: runs of them are slices.
pub fn gather(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let shape = lowering.tensor_shape(&operand).to_vec();
    let axis = axis_of(node, node.int("axis", 0)?, shape.len())?;
    let Some(indices) = lowering.optional_constant(node, 1)? else {
        return Err(node.error("has no indices"));
    };
    let extent = shape[axis] as i64;
    let mut places = Vec::new();
    for index in indices.constant.integers() {
        let place = if index < 0 { index.saturating_add(extent) } else { index };
        if !(0..extent).contains(&place) {
            return Err(node.error(format!("takes element {index} of {extent}")));
        }
        places.push(place as u64);
    }
    let mut to = shape.clone();
    to.splice(axis..=axis, indices.constant.shape.iter().copied());
    if tensor::elements(&to).is_none() || !indices.constant.element.is_integer() {
        return Err(node.error("the result has too many dimensions or elements, or no indices"));
    }
    let parts = picked(lowering, node, operand, axis, &places)?;
    lowering.reshaped(node, parts, to)
}

/// The elements at these places of a dimension.
pub fn picked(
    lowering: &mut Lowering,
    node: &Node,
    operand: Tensor,
    axis: usize,
    places: &[u64],
) -> Result<Tensor, Error> {
    let mut shape = lowering.tensor_shape(&operand).to_vec();
    if let Tensor::Constant(folded) = &operand
        && folded.quantization.as_ref().is_none_or(|q| q.axis.is_none())
    {
        let constant = &folded.constant;
        shape[axis] = places.len() as u64;
        lowering.growth.take(&shape, constant.count() as u64).map_err(|m| node.error(m))?;
        let outer: u64 = shape[..axis].iter().product();
        let inner: u64 = shape[axis + 1..].iter().product();
        let length = inner as usize * constant.element.bytes();
        let mut bytes = Vec::new();
        for row in 0..outer {
            for place in places {
                let at = (row * constant.shape[axis] + place) as usize * length;
                bytes.extend_from_slice(&constant.bytes()[at..at + length]);
            }
        }
        let constant = Constant::from_bytes(constant.element, shape, bytes);
        return Ok(Tensor::Constant(Rc::new(Folded { constant, ..Folded::clone(folded) })));
    }
    let id = lowering.any(node, operand, 0)?;
    let mut runs: Vec<[u64; 2]> = Vec::new();
    for &place in places {
        match runs.last_mut() {
            Some([start, length]) if *start + *length == place => *length += 1,
            _ => runs.push([place, 1]),
        }
    }
    if runs.len() > 4096 || runs.is_empty() {
        return Err(
            node.error(format!("takes {} parts of a tensor; 1 to 4096 are supported", runs.len()))
        );
    }
    let mut parts = Vec::new();
    for [start, length] in runs {
        let (mut from, mut size) = (vec![0; shape.len()], shape.clone());
        (from[axis], size[axis]) = (start, length);
        parts.push(lowering.slice_value(node, id, from, size));
    }
    shape[axis] = places.len() as u64;
    lowering.check_size(node, &shape)?;
    Ok(lowering.concat_values(node, parts, axis).into())
}

pub fn expand(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let wanted = lowering.integers(node, 1, "shape")?;
    let wanted: Option<Vec<u64>> =
        wanted.into_iter().map(|extent| extent.try_into().ok()).collect();
    let from = lowering.tensor_shape(&operand).to_vec();
    let to = wanted.and_then(|wanted| fold::broadcast(&from, &wanted));
    let Some(to) = to.filter(|to| tensor::elements(to).is_some()) else {
        return Err(node.error(format!("cannot expand {}", shape_text(&from))));
    };
    stretched(lowering, node, operand, &to)
}

/// The tensor repeated to a shape that it broadcasts to.
fn stretched(
    lowering: &mut Lowering,
    node: &Node,
    operand: Tensor,
    to: &[u64],
) -> Result<Tensor, Error> {
    if let Tensor::Constant(folded) = &operand
        && folded.quantization.is_none()
    {
        let from = folded.constant.count() as u64;
        lowering.growth.take(to, from).map_err(|message| node.error(message))?;
        let constant = fold::expanded(&folded.constant, to);
        return Ok(Tensor::Constant(Rc::new(Folded { constant, ..Folded::clone(folded) })));
    }
    lowering.check_size(node, to)?;
    let id = lowering.any(node, operand, 0)?;
    let mut full = lowering.shape(id).to_vec();
    full.splice(..0, vec![1; to.len() - full.len()]);
    let id = lowering.reshape_value(node, id, full)?;
    Ok(lowering.tiled(node, id, to).into())
}

pub fn tile(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let shape = lowering.tensor_shape(&operand).to_vec();
    let times = lowering.integers(node, 1, "repeats")?;
    let times: Option<Vec<u64>> =
        times.iter().map(|&n| u64::try_from(n).ok().filter(|&n| n <= i32::MAX as u64)).collect();
    let Some(times) = times.filter(|times| times.len() == shape.len()) else {
        return Err(node.error("needs a number of times for each dimension"));
    };
    let to: Vec<u64> = shape.iter().zip(&times).map(|(extent, times)| extent * times).collect();
    lowering.check_size(node, &to)?;
    let id = lowering.any(node, operand, 0)?;
    Ok(lowering.tiled(node, id, &to).into())
}

pub fn pad(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    let shape = lowering.tensor_shape(&operand).to_vec();
    let Some(pads) = lowering.listed(node, "pads", 1)? else {
        return Err(node.error("does not say how much to pad"));
    };
    let axes = match node.input(3) {
        Some(_) => lowering.integers(node, 3, "axes")?,
        None => (0..shape.len() as i64).collect(),
    };
    chosen_axes(node, &axes, shape.len())?;
    if pads.len() != 2 * axes.len() {
        return Err(node.error(format!("has {} pads for {} dimensions", pads.len(), axes.len())));
    }
    let mut around = vec![[0_i64; 2]; shape.len()];
    for (index, &axis) in axes.iter().enumerate() {
        around[axis_of(node, axis, shape.len())?] = [pads[index], pads[index + axes.len()]];
    }
    // What is less than nothing is cut off.
    let (mut start, mut size) = (vec![0; shape.len()], shape.clone());
    let mut more = vec![[0_u64; 2]; shape.len()];
    let mut to = shape.clone();
    for (d, &[before, behind]) in around.iter().enumerate() {
        if [before, behind].iter().any(|pad| pad.unsigned_abs() > i32::MAX as u64) {
            return Err(node.error(format!("pads by {before} and {behind}")));
        }
        let cut = |pad: i64| if pad < 0 { pad.unsigned_abs() } else { 0 };
        let left = shape[d].checked_sub(cut(before) + cut(behind)).filter(|&left| left > 0);
        let Some(left) = left else {
            return Err(node.error(format!("leaves nothing of {}", shape_text(&shape))));
        };
        (start[d], size[d]) = (cut(before), left);
        more[d] = [before.max(0) as u64, behind.max(0) as u64];
        to[d] = left + more[d][0] + more[d][1];
    }
    lowering.check_size(node, &to)?;
    let steps = vec![1; shape.len()];
    let cut = lowering.sliced(node, operand, 0, &start, &steps, &size)?;
    let (id, element) = lowering.number(node, cut, 0)?;
    let mode = node.text("mode", "constant")?;
    let result = match mode {
        "constant" => {
            let mut value = node.float("value", 0.0)?;
            if let Some(constant) = lowering.optional_constant(node, 2)? {
                let constant_values = match constant.floats() {
                    Some(values) => values.into_iter().map(f64::from).collect(),
                    None => constant.constant.doubles(),
                };
                let [one] = constant_values[..] else {
                    return Err(node.error("pads with other than one number"));
                };
                value = one as f32;
            }
            if more.iter().all(|pads| *pads == [0, 0]) {
                return Ok(id.into());
            }
            lowering.moved(node, id, Operation::Pad(id, more, value), to)
        }
        "reflect" | "edge" | "wrap" => {
            let mut id = id;
            for (axis, pads) in more.into_iter().enumerate() {
                id = bordered(lowering, node, id, axis, pads, mode)?;
            }
            id
        }
        other => return Err(node.error(format!("has the unknown mode {}", quote(other)))),
    };
    lowering
        .program
        .set_kind(result, if element == Element::F32 { Kind::Float } else { Kind::Whole(element) });
    Ok(result.into())
}

/// Padding of one dimension with elements of it.
fn bordered(
    lowering: &mut Lowering,
    node: &Node,
    id: ValueId,
    axis: usize,
    [before, behind]: [u64; 2],
    mode: &str,
) -> Result<ValueId, Error> {
    let shape = lowering.shape(id).to_vec();
    let extent = shape[axis];
    // Without the element that is mirrored at.
    let most = if mode == "reflect" { extent - 1 } else { extent };
    if mode != "edge" && before.max(behind) > most {
        return Err(node.error(format!("pads {extent} elements by {}", before.max(behind))));
    }
    let part = |lowering: &mut Lowering, start: u64, length: u64| {
        let (mut from, mut size) = (vec![0; shape.len()], shape.clone());
        (from[axis], size[axis]) = (start, length);
        lowering.slice_value(node, id, from, size)
    };
    let border = |lowering: &mut Lowering, start: u64, length: u64| {
        let mut size = shape.clone();
        size[axis] = length;
        match mode {
            "edge" => {
                let edge = part(lowering, start, 1);
                lowering.tiled(node, edge, &size)
            }
            "reflect" => {
                let inside = part(lowering, start, length);
                lowering.moved(node, inside, Operation::Reverse(inside, axis), size)
            }
            _ => part(lowering, start, length),
        }
    };
    let (first, last) = match mode {
        "edge" => (0, extent - 1),
        "reflect" => (1, (extent - 1).saturating_sub(behind)),
        _ => (extent - before, 0),
    };
    let mut parts = Vec::new();
    if before > 0 {
        parts.push(border(lowering, first, before));
    }
    parts.push(id);
    if behind > 0 {
        parts.push(border(lowering, last, behind));
    }
    Ok(lowering.concat_values(node, parts, axis))
}

/// Blocks of channels become blocks of pixels.
pub fn depth_to_space(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let (x, [n, c, h, w], b) = blocks(lowering, node)?;
    if c % (b * b) != 0 {
        return Err(node.error(format!("has {c} channels for blocks of {b}x{b}")));
    }
    let rest = c / (b * b);
    let (split, permutation) = match node.text("mode", "DCR")? {
        "DCR" => (vec![n, b, b, rest, h, w], [0, 3, 4, 1, 5, 2]),
        "CRD" => (vec![n, rest, b, b, h, w], [0, 1, 4, 2, 5, 3]),
        other => return Err(node.error(format!("has the unknown mode {}", quote(other)))),
    };
    let x = lowering.reshape_value(node, x, split)?;
    let x = lowering.transpose_value(node, x, &permutation)?;
    Ok(lowering.reshape_value(node, x, vec![n, rest, h * b, w * b])?.into())
}

pub fn space_to_depth(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let (x, [n, c, h, w], b) = blocks(lowering, node)?;
    if h % b != 0 || w % b != 0 {
        return Err(node.error(format!("has {h}x{w} pixels for blocks of {b}x{b}")));
    }
    let x = lowering.reshape_value(node, x, vec![n, c, h / b, b, w / b, b])?;
    let x = lowering.transpose_value(node, x, &[0, 3, 5, 1, 2, 4])?;
    Ok(lowering.reshape_value(node, x, vec![n, c * b * b, h / b, w / b])?.into())
}

fn blocks(lowering: &mut Lowering, node: &Node) -> Result<(ValueId, [u64; 4], u64), Error> {
    let operand = lowering.operand(node, 0)?;
    let x = lowering.any(node, operand, 0)?;
    let size = node.int("blocksize", 0)?;
    match (lowering.shape(x).try_into(), u64::try_from(size)) {
        (Ok(shape), Ok(size)) if (1..=1 << 15).contains(&size) => Ok((x, shape, size)),
        _ => Err(node.error("needs 4 dimensions and a size of blocks")),
    }
}
