//! Operators that move codes and do not change them.

use melior::ir::attribute::DenseI32ArrayAttribute;

use super::{
    super::{super::Error, arithmetic::Activation, ir, tensor::Shape},
    Lowering, Node,
};

impl Lowering<'_, '_, '_> {
    /// Refuses an operator that only moves codes, or compares them, between tensors whose codes
    /// mean different things.
    pub(super) fn same_scale(&self, input: usize, output: usize) -> Result<(), Error> {
        let (x, y) = (self.codes(input)?, self.codes(output)?);
        if x != y {
            let of = |x: super::Codes| format!("{}:{:e}:{}", x.element, x.scale, x.zero_point);
            return self.refuse(
                output,
                format_args!("is quantized as {}, but what it is made of as {}", of(y), of(x)),
            );
        }
        Ok(())
    }
}

/// The extents of a tensor, which are known.
pub fn shape(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    node.at_most(1)?;
    let value = lowering.value(node.input(0)?)?;
    let extents = ir::shape(value).into_iter().map(|extent| extent as i64).collect();
    lowering.lists.insert(node.output, extents);
    Ok(())
}

/// Numbers that are known, one behind the other.
pub fn pack(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    let mut numbers = Vec::new();
    for index in 0..node.inputs.len() {
        match lowering.list(node.input(index)?)?.as_slice() {
            &[number] => numbers.push(number),
            list => {
                let message =
                    format!("packs {} numbers at once, which is not supported", list.len());
                return Err(Error::new("", message));
            }
        }
    }
    lowering.lists.insert(node.output, numbers);
    Ok(())
}

/// Each pixel between two corners, of a tensor or of a list that is known.
pub fn strided_slice(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    node.at_most(4)?;
    let (input, output) = (node.input(0)?, node.output);
    let mut corners = Vec::new();
    for index in 1..4 {
        corners.push(lowering.list(node.input(index)?)?);
    }
    let options = &node.options;
    for (field, what) in [(2, "an ellipsis"), (3, "new dimensions"), (5, "offsets")] {
        if options.int(field)? != 0 {
            return Err(Error::new("", format!("has {what}, which is not supported")));
        }
    }
    let masks = [options.int(0)?, options.int(1)?, options.int(4)?];
    let list = if lowering.lists.contains_key(&input) { Some(lowering.list(input)?) } else { None };
    let shape = match &list {
        Some(list) => vec![list.len() as u64],
        None => {
            lowering.same_scale(input, output)?;
            ir::shape(lowering.value(input)?)
        }
    };
    let count = corners[0].len();
    if count > shape.len() || corners.iter().any(|list| list.len() != count) {
        let message = format!("cannot slice {} at {corners:?}", Shape(&shape));
        return Err(Error::new("", message));
    }
    let (mut start, mut extents, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for (dimension, &extent) in shape.iter().enumerate() {
        let extent = extent as i64;
        let masked = |mask: usize| masks[mask] >> dimension & 1 != 0;
        let corner = |list: &[i64]| list.get(dimension).copied();
        // Numbers below 0 count from the end.
        let place = |number: i64| {
            (if number < 0 { number.saturating_add(extent) } else { number }).clamp(0, extent)
        };
        if corner(&corners[2]).is_some_and(|stride| stride != 1) {
            return Err(Error::new("", format!("has strides {:?}; supported: 1", corners[2])));
        }
        let from = corner(&corners[0]).filter(|_| !masked(0)).map_or(0, place);
        let mut to = corner(&corners[1]).filter(|_| !masked(1)).map_or(extent, place);
        if masked(2) {
            to = (from + 1).min(extent);
        }
        if to <= from {
            let message = format!("leaves nothing of {} at {corners:?}", Shape(&shape));
            return Err(Error::new("", message));
        }
        start.push(from as u64);
        extents.push((to - from) as u64);
        if !masked(2) {
            kept.push((to - from) as u64);
        }
    }
    if let Some(list) = list {
        let part = list.into_iter().skip(start[0] as usize).take(extents[0] as usize).collect();
        lowering.lists.insert(output, part);
        return Ok(());
    }
    let value = lowering.value(input)?;
    let value = lowering.ir.slice(value, &start, &extents)?;
    let value = lowering.ir.reshape(value, &kept)?;
    lowering.define(output, value)
}

/// The new shape is a constant input, an option, or both; one extent may be left open.
pub fn reshape(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    node.at_most(2)?;
    let (input, output) = (node.input(0)?, node.output);
    lowering.same_scale(input, output)?;
    let list = match node.optional(1) {
        Some(list) => lowering.list(list)?,
        None => node.options.ints(0)?.unwrap_or_default(),
    };
    let value = lowering.value(input)?;
    let from = ir::shape(value);
    let total: u64 = from.iter().product();
    let refuse = || {
        let message = format!("cannot reshape {} to {list:?}", Shape(&from));
        Error::new("", message)
    };
    let mut known = list.iter().filter(|&&extent| extent != -1);
    let known =
        known.try_fold(1u64, |product, &extent| product.checked_mul(extent.try_into().ok()?));
    let known = known.filter(|&known| known > 0).ok_or_else(refuse)?;
    let open = list.iter().filter(|&&extent| extent == -1).count();
    if open > 1 || !total.is_multiple_of(known) || (open == 0 && total != known) {
        return Err(refuse());
    }
    let shape: Vec<u64> =
        list.iter().map(|&extent| u64::try_from(extent).unwrap_or(total / known)).collect();
    let value = lowering.ir.reshape(value, &shape)?;
    lowering.define(output, value)
}

/// `SQUEEZE` and `EXPAND_DIMS`: the shape that the file gives the output.
pub fn extents(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    let (input, output) = (node.input(0)?, node.output);
    lowering.same_scale(input, output)?;
    let value = lowering.value(input)?;
    let (from, to) = (ir::shape(value), &lowering.tensor(output).shape);
    let others = |shape: &[u64]| -> Vec<u64> {
        shape.iter().copied().filter(|&extent| extent != 1).collect()
    };
    if others(&from) != others(to) {
        let message = format!("cannot make {} of {}", Shape(to), Shape(&from));
        return Err(Error::new("", message));
    }
    let value = lowering.ir.reshape(value, to)?;
    lowering.define(output, value)
}

pub fn transpose(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    node.at_most(2)?;
    let (input, order, output) = (node.input(0)?, node.input(1)?, node.output);
    lowering.same_scale(input, output)?;
    let order = lowering.tensor(order).integers()?;
    let value = lowering.value(input)?;
    let shape = ir::shape(value);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..shape.len() as i64) {
        let message = format!("{order:?} is no permutation of {} dimensions", shape.len());
        return Err(Error::new("", message));
    }
    let made: Vec<u64> = order.iter().map(|&dimension| shape[dimension as usize]).collect();
    let order: Vec<i32> = order.iter().map(|&dimension| dimension as i32).collect();
    let ir = &lowering.ir;
    let perms = DenseI32ArrayAttribute::new(ir.context, &order).into();
    let made = ir.tensor(&made, ir::bits(value));
    let value = ir.op("tosa.transpose", &[value], &[("perms", perms)], made)?;
    lowering.define(output, value)
}

/// With the code of 0 around.
pub fn pad(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    node.at_most(2)?;
    let (input, padding, output) = (node.input(0)?, node.input(1)?, node.output);
    lowering.same_scale(input, output)?;
    let codes = lowering.codes(output)?;
    let padding = lowering.tensor(padding).integers()?;
    let value = lowering.value(input)?;
    let shape = ir::shape(value);
    let sizes: Option<Vec<u64>> = padding
        .iter()
        .map(|&size| u64::try_from(size).ok().filter(|&size| size < 1 << 31))
        .collect();
    let sizes = sizes.filter(|sizes| sizes.len() == 2 * shape.len()).ok_or_else(|| {
        Error::new("", format!("cannot pad {} dimensions by {padding:?}", shape.len()))
    })?;
    let pairs = shape.iter().zip(sizes.chunks_exact(2));
    let made: Vec<u64> = pairs.map(|(extent, pair)| extent + pair[0] + pair[1]).collect();
    let ir = &lowering.ir;
    let bits = codes.element.bits();
    let operands = [value, ir.shape(&sizes)?, ir.scalar(bits, codes.zero_point)?];
    let value = ir.op("tosa.pad", &operands, &[], ir.tensor(&made, bits))?;
    lowering.define(output, value)
}

/// Of tensors whose codes mean the same.
pub fn concatenation(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    let output = node.output;
    let axis = node.options.int(0)?;
    if node.activation(1)? != Activation::None {
        return Err(Error::new("", "has a fused activation, which is not supported"));
    }
    let mut operands = Vec::new();
    for index in 0..node.inputs.len() {
        let input = node.input(index)?;
        lowering.same_scale(input, output)?;
        operands.push(lowering.value(input)?);
    }
    let mut made = operands.first().map_or(Vec::new(), |first| ir::shape(*first));
    let rank = made.len() as i32;
    let position = if axis < 0 { axis + rank } else { axis };
    if !(0..rank).contains(&position) {
        return Err(Error::new("", format!("has no dimension {axis} among {rank}")));
    }
    let axis = position as usize;
    for operand in &operands[1..] {
        let mut shape = ir::shape(*operand);
        let extent = shape.get(axis).copied().unwrap_or(0);
        if let Some(own) = shape.get_mut(axis) {
            *own = made[axis];
        }
        if shape != made {
            let shape = ir::shape(*operand);
            let message = format!("cannot put {} behind {}", Shape(&shape), Shape(&made));
            return Err(Error::new("", message));
        }
        made[axis] += extent;
    }
    let ir = &lowering.ir;
    let made = ir.tensor(&made, lowering.codes(output)?.element.bits());
    let value = ir.op("tosa.concat", &operands, &[("axis", ir.number(32, axis as i64))], made)?;
    lowering.define(output, value)
}
