//! What sums, compares and multiplies over loops: convolutions, pools, sums over axes, products.

use super::{Known, Raising, tensor};
use crate::{
    dialect::elements::Tensor,
    mlir::{
        constant,
        pass::{self, fail},
        rewrite,
    },
    passes::convert_linalg_to_aie4ml::{
        key,
        rows::{Loops, result_shape, shape_of, yielded},
    },
    plan::scalar::RealBinary,
};
use melior::ir::{
    Attribute, BlockLike, OperationRef, Value,
    attribute::{DenseI64ArrayAttribute, IntegerAttribute, TypeAttribute},
    operation::OperationLike,
};
use std::collections::HashMap;

/// An axis along which a window goes.
struct Side {
    axis: usize,
    /// The loop of the result, and of the window, each with how far a step is.
    parallel: Option<(usize, usize)>,
    kernel: Option<(usize, usize)>,
}

/// What is before and behind an axis of an image, and what is cut from its end.
struct Margin {
    low: usize,
    high: usize,
    kept: usize,
}

impl<'c, 'a> Raising<'c, 'a> {
    fn other(&self, op: OperationRef<'c, 'a>) -> pass::Failure<'c> {
        fail(
            &op,
            "reduces something else than sums, maxima, or sums of products, which is not supported yet",
        )
    }

    /// What is made of the elements of windows or of whole axes.
    pub(super) fn reduce(&mut self, loops: &Loops<'c, 'a>) -> pass::Result<'c> {
        let op = loops.op;
        let output = loops.maps.len() - 1;
        let body = rewrite::body(op).ok_or_else(|| fail(&op, "has no body"))?;
        let out: Value = body.argument(output).map_err(|error| fail(&op, error))?.into();
        let last = constant::defining_op(yielded(op)?).ok_or_else(|| self.other(op))?;
        let operands: Vec<Value> = last.operands().collect();
        let [a, b] = operands[..] else { return Err(self.other(op)) };
        let term = match (a == out, b == out) {
            (true, false) => b,
            (false, true) => a,
            _ => return Err(self.other(op)),
        };
        let largest =
            ["arith.maximumf", "arith.maxnumf"].iter().any(|name| rewrite::is(&last, name));
        if !largest && !rewrite::is(&last, "arith.addf") {
            return Err(self.other(op));
        }
        let initial = op.operand(output).map_err(|error| fail(&op, error))?;
        if self.tensors.contains_key(&key(initial)) {
            return Err(fail(
                &op,
                "adds products to a computed tensor, which is not supported yet: add it afterwards",
            ));
        }
        let Tensor::Constant { shape, values, .. } = self.elements.tensor(&op, initial)? else {
            return Err(self.other(op));
        };
        let initial: Vec<f64> = values.iter().map(|&bits| f64::from_bits(bits as u64)).collect();

        let mut computed = Vec::new();
        let mut weights = None;
        let mut bound = HashMap::new();
        for index in 0..output {
            let value = op.operand(index).map_err(|error| fail(&op, error))?;
            let argument: Value = body.argument(index).map_err(|error| fail(&op, error))?.into();
            if let Some(known) = self.tensors.get(&key(value)).cloned() {
                bound.insert(key(argument), known.id);
                computed.push((index, known, argument));
                continue;
            }
            match self.elements.tensor(&op, value)? {
                Tensor::Constant { values, bits, .. }
                    if values.len() == 1 && loops.all(index).is_empty() =>
                {
                    let id = self.elements.constant(values, bits);
                    bound.insert(key(argument), id);
                }
                Tensor::Constant { shape, values, .. } if weights.is_none() => {
                    let real = |bits: &i64| f64::from_bits(*bits as u64);
                    let values: Vec<f64> = match &values[..] {
                        [one] => vec![real(one); shape.iter().product()],
                        _ => values.iter().map(real).collect(),
                    };
                    weights = Some((index, shape, values, argument));
                }
                Tensor::Empty => {}
                _ => return Err(self.other(op)),
            }
        }
        let value = match (&computed[..], weights) {
            ([(at, known, argument)], None) => {
                let least = if largest { f64::from(f32::MIN) } else { 0.0 };
                // What is larger than nothing need not be there to be compared; all else does.
                let around = known.padding.as_ref().map(|padding| padding.value);
                let kept = largest && term == *argument && around.is_some_and(|it| it <= least);
                let known = match around {
                    Some(_) if !kept => self.operand(op, *at)?,
                    _ => known.clone(),
                };
                bound.insert(key(*argument), known.id);
                let id = self.elements.scalar(&op, term, &mut bound)?;
                let known = Known { id, ..known };
                let neutral = |&value: &f64| if largest { value <= least } else { value == 0.0 };
                if !initial.iter().all(neutral) {
                    return Err(fail(
                        &op,
                        "begins with a number that changes its result, which is not supported yet",
                    ));
                }
                return self.fold(loops, *at, known, largest);
            }
            ([(at, known, argument)], Some((index, shape, values, other))) if !largest => {
                if !product(term, *argument, other) {
                    return Err(self.other(op));
                }
                self.layer(loops, (*at, known.clone()), (index, &shape, &values))?
            }
            ([x, y], None) if !largest && product(term, x.2, y.2) => {
                self.matmul(loops, (x.0, y.0))?
            }
            _ => return Err(self.other(op)),
        };
        if initial.iter().all(|&value| value == 0.0) {
            return self.result(op, value);
        }
        // Sums that begin with a bias.
        let to = result_shape(op)?;
        let value = self.reshape(op, value, &to);
        let (extents, numbers) = match initial.len() {
            1 => (vec![1; to.len()], initial),
            _ => shrunk(&shape, initial),
        };
        let bias = self.numbers(op, &extents, &numbers);
        let r#type = tensor(&to, self.float());
        let value = self.build("tosa.add", op, &[value, bias], &[], r#type);
        self.result(op, value)
    }

    /// Sums or maxima over axes, or of windows.
    fn fold(
        &mut self,
        loops: &Loops<'c, 'a>,
        at: usize,
        known: Known,
        largest: bool,
    ) -> pass::Result<'c> {
        let op = loops.op;
        let order = order(loops).ok_or_else(|| self.other(op))?;
        let windows = (0..known.shape.len()).any(|axis| loops.maps[at][axis].len() > 1)
            || known.padding.is_some();
        let mut value = self.real(known.id)?;
        if windows {
            let mut sides = Vec::new();
            let mut rest = Vec::new();
            for axis in 0..known.shape.len() {
                match self.side(loops, at, axis)? {
                    side if side.kernel.is_some() => sides.push(side),
                    side => rest.push((side.parallel.map(|(dim, _)| dim), axis)),
                }
            }
            if sides.len() > 2 || sides.is_empty() {
                return Err(self.other(op));
            }
            // Images as [first][height][width][others].
            let first = rest.first().map_or(0, |(_, axis)| known.shape[*axis]).max(1);
            let others: usize = rest.iter().skip(1).map(|(_, axis)| known.shape[*axis]).product();
            let mut axes: Vec<usize> = rest.iter().take(1).map(|(_, axis)| *axis).collect();
            axes.extend(sides.iter().map(|side| side.axis));
            axes.extend(rest.iter().skip(1).map(|(_, axis)| *axis));
            value = self.transpose(op, value, &axes);
            let (image, margins) = self.image(loops, &known, &sides, value, [first, others])?;
            let (kernel, stride, dilation, out) = window(loops, &sides);
            if dilation != [1, 1] {
                return Err(fail(
                    &op,
                    "has windows with gaps between their elements, which is not supported yet",
                ));
            }
            let padding: Vec<i64> =
                margins.iter().flat_map(|m| [m.low as i64, m.high as i64]).collect();
            let lists =
                [("kernel", kernel.to_vec()), ("stride", stride.to_vec()), ("pad", padding)];
            let mut attributes: Vec<(&str, Attribute)> = lists
                .iter()
                .map(|(name, list)| (*name, DenseI64ArrayAttribute::new(self.context, list).into()))
                .collect();
            let shape = [first, out[0], out[1], others];
            let r#type = tensor(&shape, self.float());
            value = if largest {
                self.build("tosa.max_pool2d", op, &[image], &attributes, r#type)
            } else {
                let float = TypeAttribute::new(self.float());
                attributes.push(("acc_type", float.into()));
                let zero = self.constant(op, &[1], &[0.0]);
                let mean =
                    self.build("tosa.avg_pool2d", op, &[image, zero, zero], &attributes, r#type);
                let count = self.constant(op, &[1; 4], &[(kernel[0] * kernel[1]) as f64]);
                let id = self.leaf(mean);
                self.both(id, RealBinary::Mul, mean, count)?
            };
            // As the result has them.
            let dims: Vec<(usize, usize)> = rest
                .iter()
                .take(1)
                .filter_map(|(dim, axis)| Some(((*dim)?, known.shape[*axis])))
                .chain(sides.iter().enumerate().filter_map(|(place, side)| {
                    Some((side.parallel?.0, out[2 - sides.len() + place]))
                }))
                .chain(
                    rest.iter()
                        .skip(1)
                        .filter_map(|(dim, axis)| Some(((*dim)?, known.shape[*axis]))),
                )
                .collect();
            let value = self.ordered(op, value, &dims, &order)?;
            return self.result(op, value);
        }
        let mut dims = Vec::new();
        for (axis, terms) in loops.maps[at].iter().enumerate() {
            let dim = match terms[..] {
                [(dim, 1)] => dim,
                [] => continue,
                _ => return Err(self.other(op)),
            };
            if loops.parallel[dim] {
                dims.push((dim, known.shape[axis]));
                continue;
            }
            let mut shape = shape_of(value).unwrap_or_default();
            shape[axis] = 1;
            let name = if largest { "tosa.reduce_max" } else { "tosa.reduce_sum" };
            let number = IntegerAttribute::new(self.integer(32), axis as i64).into();
            let r#type = tensor(&shape, self.float());
            value = self.build(name, op, &[value], &[("axis", number)], r#type);
        }
        let value = self.ordered(op, value, &dims, &order)?;
        self.result(op, value)
    }

    /// A tensor whose axes are loops, with the axes of a result.
    fn ordered(
        &self,
        op: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        dims: &[(usize, usize)],
        order: &[usize],
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let shape: Vec<usize> = dims.iter().map(|(_, extent)| *extent).collect();
        let value = self.reshape(op, value, &shape);
        let place = |dim: &usize| dims.iter().position(|(of, _)| of == dim);
        let axes: Option<Vec<usize>> = order.iter().map(place).collect();
        let axes = axes.filter(|axes| axes.len() == dims.len()).ok_or_else(|| self.other(op))?;
        Ok(self.transpose(op, value, &axes))
    }

    /// The loops along an axis: of the result, of a window, or of both.
    fn side(&self, loops: &Loops<'c, 'a>, at: usize, axis: usize) -> pass::Result<'c, Side> {
        let (mut parallel, mut kernel) = (None, None);
        for &(dim, step) in &loops.maps[at][axis] {
            let of = if loops.parallel[dim] { &mut parallel } else { &mut kernel };
            if of.replace((dim, step)).is_some() {
                return Err(self.other(loops.op));
            }
        }
        Ok(Side { axis, parallel, kernel })
    }

    /// Images as `[first][height][width][channels]`, without what no window reads, and how far
    /// windows reach beyond them.
    fn image(
        &mut self,
        loops: &Loops<'c, 'a>,
        known: &Known,
        sides: &[Side],
        value: Value<'c, 'a>,
        [first, channels]: [usize; 2],
    ) -> pass::Result<'c, (Value<'c, 'a>, [Margin; 2])> {
        let op = loops.op;
        let mut margins =
            [Margin { low: 0, high: 0, kept: 1 }, Margin { low: 0, high: 0, kept: 1 }];
        let mut extents = [1; 2];
        for (place, side) in sides.iter().enumerate() {
            let i = 2 - sides.len() + place;
            let extent = known.shape[side.axis];
            let (out, stride) =
                side.parallel.map_or((1, 1), |(dim, step)| (loops.extents[dim], step));
            let (kernel, dilation) =
                side.kernel.map_or((1, 1), |(dim, step)| (loops.extents[dim], step));
            let low = known.padding.as_ref().map_or(0, |padding| padding.low[side.axis]);
            let read = (out - 1) * stride + (kernel - 1) * dilation + 1;
            let kept = extent.min(read.saturating_sub(low)).max(1);
            margins[i] = Margin { low, high: read.saturating_sub(low + kept), kept };
            extents[i] = extent;
        }
        let over = known.padding.as_ref().is_some_and(|padding| {
            let on = |axis: usize| padding.low[axis] + padding.high[axis] > 0;
            (0..known.shape.len())
                .any(|axis| on(axis) && !sides.iter().any(|side| side.axis == axis))
        });
        if over {
            return Err(self.other(op));
        }
        let value = self.reshape(op, value, &[first, extents[0], extents[1], channels]);
        let size = [first, margins[0].kept, margins[1].kept, channels];
        Ok((self.cut(op, value, &[0; 4], &size), margins))
    }

    /// Sums of products with constants.
    fn layer(
        &mut self,
        loops: &Loops<'c, 'a>,
        (at, known): (usize, Known),
        (index, shape, values): (usize, &[usize], &[f64]),
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let op = loops.op;
        let order = order(loops).ok_or_else(|| self.other(op))?;
        let weighted = loops.maps[index].iter().flatten().map(|(dim, _)| *dim).collect::<Vec<_>>();
        let (mut rows, mut groups, mut depth, mut sides) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for axis in 0..known.shape.len() {
            let side = self.side(loops, at, axis)?;
            match (side.parallel, side.kernel) {
                (Some((dim, 1)), None) if weighted.contains(&dim) => groups.push((dim, axis)),
                (Some((dim, 1)), None) => rows.push((dim, axis)),
                (None, Some((dim, 1))) if weighted.contains(&dim) => depth.push((dim, axis)),
                (None, None) if known.shape[axis] == 1 => {}
                (_, Some(_)) => sides.push(side),
                _ => return Err(self.other(op)),
            }
        }
        let read: Vec<usize> = loops.maps[at].iter().flatten().map(|(dim, _)| *dim).collect();
        let breadth: Vec<usize> = order.iter().copied().filter(|dim| !read.contains(dim)).collect();
        if breadth.iter().any(|dim| !weighted.contains(dim)) || sides.len() > 2 {
            return Err(self.other(op));
        }
        // A window that is an image is depth.
        let padded = known.padding.is_some();
        let dims = |list: &[(usize, usize)]| list.iter().map(|(dim, _)| *dim).collect::<Vec<_>>();
        let steps = loops.steps(index, shape);
        let pick = |list: &[usize]| -> Vec<f64> {
            loops
                .places(list, &steps)
                .into_iter()
                .map(|at| values.get(at).copied().unwrap_or(0.0))
                .collect()
        };
        let value = self.real(known.id)?;
        let axes_of =
            |list: &[(usize, usize)]| list.iter().map(|(_, axis)| *axis).collect::<Vec<_>>();
        let unit: Vec<usize> = (0..known.shape.len())
            .filter(|axis| {
                let taken = |list: &[(usize, usize)]| list.iter().any(|(_, of)| of == axis);
                let side = sides.iter().any(|side| side.axis == *axis);
                !(taken(&rows) || taken(&groups) || taken(&depth) || side)
            })
            .collect();
        let count = |list: &[(usize, usize)]| {
            list.iter().map(|(dim, _)| loops.extents[*dim]).product::<usize>()
        };
        let extents =
            |list: &[usize]| list.iter().map(|&dim| (dim, loops.extents[dim])).collect::<Vec<_>>();
        let (n, k, g) = (loops.count(&breadth), count(&depth), count(&groups));
        if sides.is_empty() && !padded {
            // [groups][rows][depth] by [groups][depth][breadth]
            let all: Vec<usize> =
                [axes_of(&groups), axes_of(&rows), axes_of(&depth), unit].concat();
            let value = self.transpose(op, value, &all);
            let x = self.reshape(op, value, &[g, count(&rows), k]);
            let list = [dims(&groups), dims(&depth), breadth.clone()].concat();
            let weights = self.weights(op, &[g, k, n], &pick(&list), 2)?;
            let zero = self.constant(op, &[1], &[0.0]);
            let r#type = tensor(&[g, count(&rows), n], self.float());
            let sums = self.build("tosa.matmul", op, &[x, weights, zero, zero], &[], r#type);
            let made = [dims(&groups), dims(&rows), breadth].concat();
            return self.ordered(op, sums, &extents(&made), &order);
        }
        if known.padding.as_ref().is_some_and(|padding| padding.value != 0.0) {
            return Err(fail(
                &op,
                "pads with a number that is not zero, which is not supported yet",
            ));
        }
        // [rows][height][width][groups, depth]
        let all: Vec<usize> = [
            axes_of(&rows),
            sides.iter().map(|side| side.axis).collect(),
            axes_of(&groups),
            axes_of(&depth),
            unit,
        ]
        .concat();
        let value = self.transpose(op, value, &all);
        let first = count(&rows);
        let (image, margins) = self.image(loops, &known, &sides, value, [first, g * k])?;
        let (kernel, stride, dilation, out) = window(loops, &sides);
        let padding: Vec<i64> =
            margins.iter().flat_map(|m| [m.low as i64, m.high as i64]).collect();
        let kernels: Vec<usize> = sides.iter().filter_map(|side| Some(side.kernel?.0)).collect();
        let lists =
            [("pad", padding), ("stride", stride.to_vec()), ("dilation", dilation.to_vec())];
        let mut attributes: Vec<(&str, Attribute)> = lists
            .iter()
            .map(|(name, list)| (*name, DenseI64ArrayAttribute::new(self.context, list).into()))
            .collect();
        let float = TypeAttribute::new(self.float());
        attributes.push(("acc_type", float.into()));
        let zero = self.constant(op, &[1], &[0.0]);
        let [kh, kw] = kernel.map(|extent| extent as usize);
        let sums = if g > 1 && k == 1 {
            let list = [kernels, dims(&groups), breadth.clone()].concat();
            let numbers = pick(&list);
            let weights = self.weights(op, &[kh, kw, g, n], &numbers, 2)?;
            let bias = self.constant(op, &[g * n], &vec![0.0; g * n]);
            let r#type = tensor(&[first, out[0], out[1], g * n], self.float());
            let operands = [image, weights, bias, zero, zero];
            self.build("tosa.depthwise_conv2d", op, &operands, &attributes, r#type)
        } else {
            let list = [dims(&groups), breadth.clone(), kernels, dims(&depth)].concat();
            let numbers = pick(&list);
            let bias = self.constant(op, &[n], &vec![0.0; n]);
            let mut parts = Vec::new();
            for group in 0..g {
                let size = [first, margins[0].kept, margins[1].kept, k];
                let own = self.cut(op, image, &[0, 0, 0, group * k], &size);
                let each = n * kh * kw * k;
                let numbers = &numbers[group * each..][..each];
                let weights = self.weights(op, &[n, kh, kw, k], numbers, 0)?;
                let r#type = tensor(&[first, out[0], out[1], n], self.float());
                let operands = [own, weights, bias, zero, zero];
                parts.push(self.build("tosa.conv2d", op, &operands, &attributes, r#type));
            }
            match parts[..] {
                [one] => one,
                _ => {
                    let r#type = tensor(&[first, out[0], out[1], g * n], self.float());
                    let axis = IntegerAttribute::new(self.integer(32), 3).into();
                    self.build("tosa.concat", op, &parts, &[("axis", axis)], r#type)
                }
            }
        };
        let high: Vec<usize> = sides.iter().filter_map(|side| Some(side.parallel?.0)).collect();
        let made = [dims(&rows), high, dims(&groups), breadth].concat();
        self.ordered(op, sums, &extents(&made), &order)
    }

    /// Sums of products of two computed tensors.
    fn matmul(
        &mut self,
        loops: &Loops<'c, 'a>,
        (a, b): (usize, usize),
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let op = loops.op;
        let order = order(loops).ok_or_else(|| self.other(op))?;
        let mut of = [Vec::new(), Vec::new()];
        for (of, index) in of.iter_mut().zip([a, b]) {
            for (axis, terms) in loops.maps[index].iter().enumerate() {
                match terms[..] {
                    [(dim, 1)] => of.push((dim, axis)),
                    _ => return Err(self.other(op)),
                }
            }
        }
        let has = |side: usize, dim: usize| of[side].iter().any(|(of, _)| *of == dim);
        let batch: Vec<usize> =
            order.iter().copied().filter(|&dim| has(0, dim) && has(1, dim)).collect();
        let only = |side: usize| -> Vec<usize> {
            order.iter().copied().filter(|&dim| has(side, dim) && !has(1 - side, dim)).collect()
        };
        let (m, n) = (only(0), only(1));
        let depth: Vec<usize> = (0..loops.parallel.len())
            .filter(|&dim| !loops.parallel[dim] && has(0, dim) && has(1, dim))
            .collect();
        let sides = [[&batch[..], &m, &depth].concat(), [&batch[..], &depth, &n].concat()];
        let mut values = Vec::new();
        for ((index, axes), dims) in [a, b].into_iter().zip(&of).zip(&sides) {
            if dims.len() != axes.len() {
                return Err(self.other(op));
            }
            let known = self.operand(op, index)?;
            let value = self.real(known.id)?;
            let place = |dim: &usize| axes.iter().find(|(of, _)| of == dim).map(|(_, axis)| *axis);
            let order: Option<Vec<usize>> = dims.iter().map(place).collect();
            let order = order.ok_or_else(|| self.other(op))?;
            values.push(self.transpose(op, value, &order));
        }
        let count = |dims: &[usize]| loops.count(dims);
        let (g, rows, k, columns) = (count(&batch), count(&m), count(&depth), count(&n));
        let x = self.reshape(op, values[0], &[g, rows, k]);
        let y = self.reshape(op, values[1], &[g, k, columns]);
        let zero = self.constant(op, &[1], &[0.0]);
        let r#type = tensor(&[g, rows, columns], self.float());
        let sums = self.build("tosa.matmul", op, &[x, y, zero, zero], &[], r#type);
        let made: Vec<(usize, usize)> =
            batch.iter().chain(&m).chain(&n).map(|&dim| (dim, loops.extents[dim])).collect();
        self.ordered(op, sums, &made, &order)
    }
}

/// Extents of windows and of what they make, strides and dilations.
type Window = ([i64; 2], [i64; 2], [i64; 2], [usize; 2]);

fn window(loops: &Loops, sides: &[Side]) -> Window {
    let (mut kernel, mut stride, mut dilation, mut out) = ([1; 2], [1; 2], [1; 2], [1; 2]);
    for (place, side) in sides.iter().enumerate() {
        let i = 2 - sides.len() + place;
        if let Some((dim, step)) = side.parallel {
            (out[i], stride[i]) = (loops.extents[dim], step as i64);
        }
        if let Some((dim, step)) = side.kernel {
            (kernel[i], dilation[i]) = (loops.extents[dim] as i64, step as i64);
        }
    }
    (kernel, stride, dilation, out)
}

/// The loop of each axis of the result that has more than one step or a loop of its own; `None`
/// if these are not the parallel ones.
fn order(loops: &Loops) -> Option<Vec<usize>> {
    let mut order = Vec::new();
    for terms in loops.maps.last()? {
        match terms[..] {
            [] => {}
            [(dim, 1)] if loops.parallel[dim] && !order.contains(&dim) => order.push(dim),
            _ => return None,
        }
    }
    let all = loops.parallel.iter().filter(|parallel| **parallel).count();
    (order.len() == all).then_some(order)
}

/// Whether a scalar is the product of two others, however they are widened.
fn product(term: Value, a: Value, b: Value) -> bool {
    let Some(op) = constant::defining_op(term).filter(|op| rewrite::is(op, "arith.mulf")) else {
        return false;
    };
    let factors: Vec<Value> = op.operands().collect();
    matches!(factors[..], [x, y] if (x == a && y == b) || (x == b && y == a))
}

/// A constant without the axes along which it does not change.
fn shrunk(extents: &[usize], values: Vec<f64>) -> (Vec<usize>, Vec<f64>) {
    let (mut extents, mut values) = (extents.to_vec(), values);
    for axis in 0..extents.len() {
        let inner: usize = extents[axis + 1..].iter().product();
        let block = inner * extents[axis];
        let same = values
            .chunks(block.max(1))
            .all(|block| block.chunks(inner.max(1)).all(|part| part == &block[..inner]));
        if extents[axis] > 1 && same && values.len() > 1 {
            values =
                values.chunks(block).flat_map(|block| block[..inner].iter().copied()).collect();
            extents[axis] = 1;
        }
    }
    (extents, values)
}
