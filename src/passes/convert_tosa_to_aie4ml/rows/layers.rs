//! Layers, and what only moves elements.

use super::*;
use crate::operator::Tensor as Port;

/// Codes as images: where channels, rows and columns lie.
struct Image<'c, 'a> {
    x: Shared<'c, 'a>,
    extents: [usize; 3],
    strides: [usize; 3],
    offset: usize,
}

/// What a convolution does with images.
struct Window {
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    /// Above and to the left.
    padding: [usize; 2],
    expand: [usize; 2],
    groups: usize,
}

impl Window {
    /// All of each image at once.
    fn whole(kernel: [usize; 2]) -> Window {
        Window {
            kernel,
            stride: [1, 1],
            dilation: [1, 1],
            padding: [0, 0],
            expand: [1, 1],
            groups: 1,
        }
    }
}

/// Weights `[F][Cg][KH][KW]` and the scale of each output channel.
struct Weights {
    data: Vec<i64>,
    scales: Vec<Real>,
}

impl<'c, 'a> Rows<'c, 'a> {
    pub(super) fn reshape(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        let shape = self.shape_of(op)?;
        if let Integers::Parts(parts, axis) = &x.integers {
            let tensor = self.moved_parts(op, &x, (parts, *axis), &shape, None)?;
            self.set(op, tensor);
            return Ok(());
        }
        let moved = match (x.view.reshaped(&shape), &x.integers) {
            (Some(view), _) => Tensor { view, ..(*x).clone() },
            // In its own order it has any shape.
            (None, Integers::Codes(Coded { value, codes, scale })) => {
                let ordered = self.ordered(op, &x)?;
                let Some(view) = ordered.reshaped(&shape) else { return Err(self.mixing(op)) };
                let value = self.in_order(op, *value, &x.view);
                let coded = Coded { value, codes: *codes, scale: scale.clone() };
                Tensor { view, integers: Integers::Codes(coded), ..(*x).clone() }
            }
            _ => return Err(self.mixing(op)),
        };
        let from = x.shape.clone();
        let moved = self.with_fields(
            moved,
            shape.clone(),
            &|field| field.reshaped(&from, &shape),
            &|field| field.reshaped(&from, &shape),
        );
        let form = x.form.as_ref().and_then(|form| form.reshaped(&from, &shape)).map(Rc::new);
        self.set(op, Tensor { form, ..moved });
        Ok(())
    }

    /// A tensor whose numbers are moved as its elements are.
    fn with_fields(
        &self,
        x: Tensor<'c, 'a>,
        shape: Vec<usize>,
        reals: &dyn Fn(&Field<Real>) -> Field<Real>,
        limits: &dyn Fn(&Field<Limits>) -> Field<Limits>,
    ) -> Tensor<'c, 'a> {
        let coded = |coded: &Coded<'c, 'a>| Coded { scale: reals(&coded.scale), ..coded.clone() };
        let integers = match &x.integers {
            Integers::Codes(of) => Integers::Codes(coded(of)),
            Integers::Sums(pending, scale) => Integers::Sums(pending.clone(), reals(scale)),
            Integers::Sum([a, b]) => Integers::Sum([coded(a), coded(b)]),
            Integers::Function(of, function) => {
                let of = Tensor { view: x.view.clone(), ..(**of).clone() };
                let of = self.with_fields(of, shape.clone(), reals, limits);
                Integers::Function(Rc::new(of), function.clone())
            }
            other => other.clone(),
        };
        Tensor {
            integers,
            offset: reals(&x.offset),
            limits: limits(&x.limits),
            shape,
            form: None,
            ..x
        }
    }

    /// Tensors side by side, each of them moved, along the axis that theirs becomes.
    fn moved_parts(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        (parts, axis): (&[Rc<Tensor<'c, 'a>>], usize),
        shape: &[usize],
        perms: Option<&[usize]>,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let inner = |shape: &[usize], axis: usize| shape[axis + 1..].iter().product::<usize>();
        let to = match perms {
            Some(perms) => perms.iter().position(|&from| from == axis),
            None => (0..shape.len()).find(|&to| {
                shape[to] == x.shape[axis] && inner(shape, to) == inner(&x.shape, axis)
            }),
        };
        let to = to.ok_or_else(|| self.mixing(op))?;
        let mut moved = Vec::new();
        for part in parts {
            self.movable(op, part)?;
            let mut own = shape.to_vec();
            own[to] = part.shape[axis];
            let view = match perms {
                Some(perms) => Some(part.view.transposed(perms)),
                None => part.view.reshaped(&own),
            };
            let view = view.ok_or_else(|| self.mixing(op))?;
            let from = part.shape.clone();
            let tensor = Tensor { view, ..(**part).clone() };
            moved.push(Rc::new(self.with_fields(
                tensor,
                own.clone(),
                &|field| match perms {
                    Some(perms) => field.transposed(perms),
                    None => field.reshaped(&from, &own),
                },
                &|field| match perms {
                    Some(perms) => field.transposed(perms),
                    None => field.reshaped(&from, &own),
                },
            )));
        }
        let rank = shape.len();
        Ok(Tensor {
            shape: shape.to_vec(),
            view: moved[0].view.clone(),
            integers: Integers::Parts(moved.into(), to),
            offset: Field::all(rank, Real::zero()),
            limits: Field::all(rank, Limits::default()),
            form: None,
        })
    }

    /// Refuses to move what is no view yet.
    fn movable(&self, op: OperationRef<'c, 'a>, x: &Tensor<'c, 'a>) -> pass::Result<'c> {
        match x.integers {
            Integers::Extreme(..) | Integers::Parts(..) | Integers::None => Err(fail(
                &op,
                "moves elements of what is not quantized yet: put QuantizeLinear and DequantizeLinear before it",
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn transpose(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        let perms =
            op.attribute("perms").ok().and_then(|a| DenseI32ArrayAttribute::try_from(a).ok());
        let perms: Option<Vec<usize>> = perms.and_then(|perms| {
            (0..perms.len()).map(|i| usize::try_from(perms.element(i).ok()?).ok()).collect()
        });
        let perms = perms.filter(|perms| {
            let mut sorted = perms.clone();
            sorted.sort_unstable();
            sorted.into_iter().eq(0..x.shape.len())
        });
        let perms = perms.ok_or_else(|| fail(&op, "needs a permutation"))?;
        let shape = self.shape_of(op)?;
        if let Integers::Parts(parts, axis) = &x.integers {
            let tensor = self.moved_parts(op, &x, (parts, *axis), &shape, Some(&perms))?;
            self.set(op, tensor);
            return Ok(());
        }
        self.movable(op, &x)?;
        let view = x.view.transposed(&perms);
        let moved = Tensor { view, ..(*x).clone() };
        let moved = self.with_fields(moved, shape, &|field| field.transposed(&perms), &|field| {
            field.transposed(&perms)
        });
        self.set(op, moved);
        Ok(())
    }

    /// The numbers of a constant operand of extents.
    pub(super) fn extents(
        &self,
        op: OperationRef<'c, 'a>,
        index: usize,
    ) -> pass::Result<'c, Vec<usize>> {
        let value = op.operand(index).map_err(|error| fail(&op, error))?;
        let numbers = constant::defining_op(value)
            .and_then(|shape| shape.attribute("values").ok())
            .and_then(constant::indices);
        let numbers = numbers.or_else(|| constant::integers(value));
        numbers
            .and_then(|list| list.into_iter().map(|n| usize::try_from(n).ok()).collect())
            .ok_or_else(|| fail(&op, format_args!("needs constant extents as operand {index}")))
    }

    pub(super) fn slice(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        self.movable(op, &x)?;
        let (start, size) = (self.extents(op, 1)?, self.extents(op, 2)?);
        if start.len() != x.shape.len() || size.len() != x.shape.len() {
            return Err(fail(&op, "needs a start and a size for each axis"));
        }
        let sliced = x.view.sliced(&start, &size);
        let moved = match (sliced, &x.integers) {
            (Some(view), _) => Tensor { view, ..(*x).clone() },
            (None, Integers::Codes(Coded { value, codes, scale })) => {
                let ordered = self.ordered(op, &x)?;
                let Some(view) = ordered.sliced(&start, &size) else { return Err(self.mixing(op)) };
                let value = self.in_order(op, *value, &x.view);
                let coded = Coded { value, codes: *codes, scale: scale.clone() };
                Tensor { view, integers: Integers::Codes(coded), ..(*x).clone() }
            }
            _ => return Err(self.mixing(op)),
        };
        let moved =
            self.with_fields(moved, size.clone(), &|field| field.sliced(&start, &size), &|field| {
                field.sliced(&start, &size)
            });
        self.set(op, moved);
        Ok(())
    }

    pub(super) fn tile(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        self.movable(op, &x)?;
        let shape = self.shape_of(op)?;
        let mut view = x.view.clone();
        for ((digits, &from), &to) in view.axes.iter_mut().zip(&x.shape).zip(&shape) {
            if from > 0 && to > from {
                digits.insert(0, Digit { extent: to / from, stride: 0, of_rows: false });
            }
        }
        let everything = |field: &Field<Real>| field.shared().cloned();
        let Integers::Codes(Coded { scale, .. }) = &x.integers else {
            return Err(fail(&op, "repeats what is not quantized yet"));
        };
        if everything(scale).is_none() || everything(&x.offset).is_none() {
            return Err(fail(&op, "repeats a tensor with scales of its own for each feature"));
        }
        self.set(op, Tensor { shape, view, form: None, ..(*x).clone() });
        Ok(())
    }

    /// The codes of a tensor of one meaning.
    fn plain(
        &self,
        value: Value<'c, 'a>,
        of: &Shared<'c, 'a>,
        shape: Vec<usize>,
        view: View,
    ) -> Tensor<'c, 'a> {
        let rank = shape.len();
        let coded = Coded { value, codes: of.codes, scale: Field::all(rank, of.scale.clone()) };
        Tensor {
            shape,
            view,
            integers: Integers::Codes(coded),
            offset: Field::all(rank, of.offset.clone()),
            limits: Field::all(rank, Limits::default()),
            form: None,
        }
    }

    pub(super) fn reverse(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        let of = self.shared(op, &x)?;
        let axis = self.axis(op, &x)?;
        let view = self.ordered(op, &x)?;
        let sample = x.view.sample();
        if x.view.axes[axis].iter().any(|digit| digit.of_rows) {
            return Err(self.mixing(op));
        }
        let inner: usize = sample[axis + 1..].iter().product();
        let extent = sample[axis];
        let features = x.view.features();
        let index: Vec<i64> = (0..features.len())
            .map(|at| {
                let along = at / inner % extent;
                let other = at + inner * (extent - 1 - along) - inner * along;
                features[other] as i64
            })
            .collect();
        let value = self.gather(op, &[of.value], &index, 0);
        let tensor = self.plain(value, &of, x.shape.clone(), view);
        self.set(op, tensor);
        Ok(())
    }

    pub(super) fn pad(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        let of = self.shared(op, &x)?;
        let shape = self.shape_of(op)?;
        let padding = self.extents(op, 1)?;
        let constant = self.fixed(op, 2)?;
        let fill = of.code_of(&constant.real(0)).ok_or_else(|| {
            fail(
                &op,
                "pads with a number that no code stands for: quantize the constant as its input is",
            )
        })?;
        let rank = x.shape.len();
        if padding.len() != 2 * rank || x.view.rows() != self.rows {
            return Err(self.mixing(op));
        }
        let rows_padded = (0..rank).any(|axis| {
            padding[2 * axis] + padding[2 * axis + 1] > 0
                && x.view.axes[axis].iter().any(|digit| digit.of_rows)
        });
        let (low, high) = crate::exact::range(of.codes.bits.into(), of.codes.signed);
        if rows_padded || !(low..=high).contains(&fill) {
            return Err(self.mixing(op));
        }
        let (from, features) = (x.view.sample(), x.view.features());
        let to: Vec<usize> =
            (0..rank).map(|axis| from[axis] + padding[2 * axis] + padding[2 * axis + 1]).collect();
        let index: Vec<i64> = (0..to.iter().product::<usize>())
            .map(|mut at| {
                let (mut source, mut stride) = (0, 1);
                for axis in (0..rank).rev() {
                    let along = at % to[axis];
                    at /= to[axis];
                    match along.checked_sub(padding[2 * axis]).filter(|&i| i < from[axis]) {
                        Some(along) => source += along * stride,
                        None => return -1,
                    }
                    stride *= from[axis];
                }
                features[source] as i64
            })
            .collect();
        let value = self.gather(op, &[of.value], &index, fill);
        let view = self.fresh(op, &x.view, &to)?;
        // What it pads with is a code too.
        let codes =
            Uniform { min: of.codes.min.min(fill), max: of.codes.max.max(fill), ..of.codes };
        let of = Shared { codes, ..of };
        let tensor = self.plain(value, &of, shape, view);
        self.set(op, tensor);
        Ok(())
    }

    /// The view of a tensor in its own order, whose sample has the extents `sample` and whose rows
    /// are those of `like`.
    pub(super) fn fresh(
        &self,
        op: OperationRef<'c, 'a>,
        like: &View,
        sample: &[usize],
    ) -> pass::Result<'c, View> {
        if like.rows() != self.rows {
            return Err(self.mixing(op));
        }
        let mut stride: usize = sample.iter().product();
        let mut axes = Vec::new();
        for (digits, &extent) in like.axes.iter().zip(sample) {
            stride /= extent.max(1);
            let mut axis: Vec<Digit> =
                digits.iter().copied().filter(|digit| digit.of_rows).collect();
            // Rows have to be the outer part of an axis.
            let mut behind = digits.iter().skip_while(|digit| digit.of_rows || digit.extent == 1);
            if behind.any(|digit| digit.of_rows) {
                return Err(self.mixing(op));
            }
            if extent > 1 {
                axis.push(Digit { extent, stride, of_rows: false });
            }
            axes.push(axis);
        }
        Ok(View { axes, offset: 0 })
    }

    pub(super) fn axis(&self, op: OperationRef<'c, 'a>, x: &Tensor) -> pass::Result<'c, usize> {
        let axis = op.attribute("axis").ok().and_then(|a| {
            melior::ir::attribute::IntegerAttribute::try_from(a).ok().map(|a| a.value())
        });
        axis.and_then(|axis| usize::try_from(axis).ok())
            .filter(|&axis| axis < x.shape.len())
            .ok_or_else(|| fail(&op, "needs an axis of its input"))
    }

    pub(super) fn concat(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let mut parts = Vec::new();
        for index in 0..op.operand_count() {
            let part = self.tensor(op, index).ok_or_else(|| {
                fail(&op, "joins constants with computed tensors, which cannot be mapped to the array yet")
            })?;
            parts.push(self.plainly(op, &part)?);
        }
        let axis = self.axis(op, &parts[0])?;
        let shape = self.shape_of(op)?;
        // What has one meaning already needs no more.
        let meaning = |part: &Tensor<'c, 'a>| match &part.integers {
            Integers::Codes(Coded { codes, scale, .. }) => {
                let (scale, offset) = (scale.shared()?.clone(), part.offset.shared()?.clone());
                let plain = part.limits.shared() == Some(&Limits::default());
                plain.then_some((codes.bits, codes.signed, scale, offset))
            }
            _ => None,
        };
        let first = meaning(&parts[0]);
        let tensor = if first.is_some() && parts.iter().all(|part| meaning(part) == first) {
            self.joined(op, &parts, axis, &shape)?
        } else {
            let rank = shape.len();
            Tensor {
                view: parts[0].view.clone(),
                integers: Integers::Parts(parts.into(), axis),
                offset: Field::all(rank, Real::zero()),
                limits: Field::all(rank, Limits::default()),
                shape,
                form: None,
            }
        };
        self.set(op, tensor);
        Ok(())
    }

    /// Codes of one meaning side by side.
    pub(super) fn joined(
        &self,
        op: OperationRef<'c, 'a>,
        parts: &[Rc<Tensor<'c, 'a>>],
        axis: usize,
        shape: &[usize],
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let mut joined: Option<(Shared<'c, 'a>, View)> = None;
        for part in parts {
            let next = self.shared(op, part)?;
            if part.view.rows() != self.rows
                || part.view.axes[axis].iter().any(|digit| digit.of_rows)
            {
                return Err(self.mixing(op));
            }
            let Some((all, view)) = joined else {
                joined = Some((next, part.view.clone()));
                continue;
            };
            // A gather takes two inputs.
            let (left, right) = (view.sample(), part.view.sample());
            let inner: usize = left[axis + 1..].iter().product();
            let outer: usize = left[..axis].iter().product();
            let (a, b) = (view.features(), part.view.features());
            let base = Self::columns(all.value);
            let mut index = Vec::new();
            for block in 0..outer {
                let size = left[axis] * inner;
                index.extend(a[block * size..(block + 1) * size].iter().map(|&at| at as i64));
                let size = right[axis] * inner;
                let own = b[block * size..(block + 1) * size].iter();
                index.extend(own.map(|&at| (base + at) as i64));
            }
            let mut sample = left;
            sample[axis] += right[axis];
            let value = self.gather(op, &[all.value, next.value], &index, 0);
            let codes = Uniform {
                min: all.codes.min.min(next.codes.min),
                max: all.codes.max.max(next.codes.max),
                ..all.codes
            };
            let view = self.fresh(op, &view, &sample)?;
            joined = Some((Shared { value, codes, ..all }, view));
        }
        let (of, view) = joined.ok_or_else(|| fail(&op, "joins nothing"))?;
        Ok(self.plain(of.value, &of, shape.to_vec(), view))
    }

    /// Three axes of a tensor as images `[channel][row][column]`.
    fn image(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        axes: [usize; 3],
    ) -> pass::Result<'c, Image<'c, 'a>> {
        let shared = self.shared(op, x)?;
        let others: Vec<usize> = (0..x.shape.len()).filter(|axis| !axes.contains(axis)).collect();
        let extra = |axis: &usize| !x.view.features_of(*axis).is_empty();
        let rows_within = axes.iter().any(|&axis| x.view.axes[axis].iter().any(|d| d.of_rows));
        if x.view.rows() != self.rows || rows_within || others.iter().any(extra) {
            return Err(self.mixing(op));
        }
        let digits = axes.map(|axis| single(&x.view.features_of(axis)));
        if let [Some(c), Some(h), Some(w)] = digits {
            return Ok(Image {
                x: shared,
                extents: [c.0, h.0, w.0],
                strides: [c.1, h.1, w.1],
                offset: x.view.offset,
            });
        }
        // In the order of the tensor every axis is one digit.
        let value = self.in_order(op, shared.value, &x.view);
        let sample = x.view.sample();
        let stride = |axis: usize| sample[axis + 1..].iter().product::<usize>();
        Ok(Image {
            x: Shared { value, ..shared },
            extents: axes.map(|axis| sample[axis]),
            strides: axes.map(stride),
            offset: 0,
        })
    }

    /// Codes minus their zero points, as weights of a layer, and the bits that hold them.
    fn weights_of(&self, op: OperationRef<'c, 'a>, data: &[i64]) -> pass::Result<'c, u32> {
        let (least, most) = data.iter().fold((0, 0), |(low, high), &w| (low.min(w), high.max(w)));
        let fits = |bits: u32| -(1i64 << (bits - 1)) <= least && most < 1i64 << (bits - 1);
        [8, 16].into_iter().find(|&bits| fits(bits)).ok_or_else(|| {
            fail(
                &op,
                format_args!(
                    "has weights from {least} to {most} after their zero point; 16 bits hold -32768 to 32767"
                ),
            )
        })
    }

    /// Sums of a channel's weights with codes from `low` to `high`.
    fn reach(
        &self,
        op: OperationRef<'c, 'a>,
        channels: impl Iterator<Item = Vec<i64>>,
        (low, high): (i64, i64),
    ) -> pass::Result<'c, (Vec<RangeInclusive<i64>>, u32)> {
        let mut reach = Vec::new();
        let mut bits = 32;
        for weights in channels {
            let (mut least, mut most) = (0i128, 0i128);
            for w in weights {
                let products = [low, high].map(|code| i128::from(code) * i128::from(w));
                least += products[0].min(products[1]);
                most += products[0].max(products[1]);
            }
            let holds = |bits: u32| {
                let (low, high) = crate::exact::range(i64::from(bits).min(63), true);
                i128::from(low) <= least && most <= i128::from(high)
            };
            bits = match [32, 64].into_iter().find(|&bits| holds(bits)) {
                Some(needed) => bits.max(needed),
                None => return Err(fail(&op, "has sums that exceed a 64-bit accumulator")),
            };
            reach.push(least as i64..=most as i64);
        }
        Ok((reach, bits))
    }

    /// A convolution of images; its result lies `[channel][row][column]` and is described by `view`.
    fn convolve(
        &self,
        op: OperationRef<'c, 'a>,
        image: Image<'c, 'a>,
        weights: Weights,
        window: Window,
        output: [usize; 3],
        (shape, view, axis): (Vec<usize>, View, usize),
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let Image { x, extents, strides, offset } = image;
        let Window { kernel, stride, dilation, padding, expand, groups } = window;
        let list = |numbers: &[usize]| numbers.iter().map(|&n| n as i64).collect::<Vec<_>>();
        let depth = extents[0] / groups.max(1);
        let taps = depth * kernel[0] * kernel[1];
        let number = x.number();
        let (low, high) = crate::exact::range(number.bits.into(), number.signed);
        // What is outside stands for zero.
        let met = (padding != [0, 0] || expand != [1, 1])
            || (0..2).any(|i| {
                (output[i + 1] - 1) * stride[i] + (kernel[i] - 1) * dilation[i] >= extents[i + 1]
            });
        let outside = match x.code_of(&Real::zero()) {
            Some(code) if (low..=high).contains(&code) => code,
            _ if !met => 0,
            _ => return Err(fail(&op, "pads with zero, for which its input has no code")),
        };
        let bits = self.weights_of(op, &weights.data)?;
        let codes = match met {
            true => (x.codes.min.min(outside), x.codes.max.max(outside)),
            false => (x.codes.min, x.codes.max),
        };
        let channels = weights.data.chunks(taps.max(1)).map(<[i64]>::to_vec);
        let (reach, accumulator) = self.reach(op, channels.clone(), codes)?;
        let features = output.iter().product();
        let node = Node {
            operator: &operator::conv2d::Conv2d,
            parameters: [
                ("input", list(&extents)),
                ("output", list(&output)),
                ("kernel", list(&kernel)),
                ("stride", list(&stride)),
                ("dilation", list(&dilation)),
                ("padding", list(&padding)),
                ("strides", list(&strides)),
                ("offset", list(&[offset])),
                ("expand", list(&expand)),
                ("groups", list(&[groups])),
                ("outside", vec![outside]),
            ]
            .into_iter()
            .map(|(name, numbers)| (name.to_owned(), numbers))
            .collect(),
            inputs: vec![Port { features: Self::columns(x.value), number }],
            constants: vec![operator::Constant {
                shape: vec![output[0], depth, kernel[0], kernel[1]],
                number: Integer { bits, signed: true },
                data: weights.data.clone(),
            }],
            output: Port { features, number },
            accumulator,
        };
        // sum (x * sx + ox) * (w * sw) = sx * sw * sum x * w + ox * sw * sum w
        let rank = shape.len();
        let scales: Vec<Real> = weights.scales.iter().map(|scale| scale * &x.scale).collect();
        let offsets: Vec<Real> = channels
            .zip(&weights.scales)
            .map(|(channel, scale)| &x.offset * scale * requantize::integer(channel.iter().sum()))
            .collect();
        let along = |numbers: Vec<Real>| match PerAxis::of(&numbers) {
            PerAxis::One(number) => Field::all(rank, number),
            PerAxis::Each => Field::along(rank, axis, numbers),
        };
        let pending = Pending {
            layer: Layer::Operator { node, inputs: vec![x.value], has_bias: true },
            features,
            unit: output[1] * output[2],
            reach,
            accumulator,
            tied: None,
        };
        Ok(Tensor {
            integers: Integers::Sums(Rc::new(pending), along(scales)),
            offset: along(offsets),
            limits: Field::all(rank, Limits::default()),
            shape,
            view,
            form: None,
        })
    }

    fn numbers<const N: usize>(
        &self,
        op: OperationRef<'c, 'a>,
        name: &str,
    ) -> pass::Result<'c, [i64; N]> {
        let list = op.attribute(name).ok().and_then(|a| DenseI64ArrayAttribute::try_from(a).ok());
        let numbers: Option<Vec<i64>> =
            list.and_then(|list| (0..list.len()).map(|i| list.element(i).ok()).collect());
        numbers
            .and_then(|numbers| numbers.try_into().ok())
            .ok_or_else(|| fail(&op, format_args!("needs {N} numbers as '{name}'")))
    }

    fn sizes<const N: usize>(
        &self,
        op: OperationRef<'c, 'a>,
        name: &str,
    ) -> pass::Result<'c, [usize; N]> {
        let numbers = self.numbers::<N>(op, name)?;
        if numbers.iter().any(|&n| n < 0) {
            return Err(fail(&op, format_args!("has a negative number in its '{name}'")));
        }
        Ok(numbers.map(|n| n as usize))
    }

    /// Zero points of real operands are zero.
    fn no_zero_points(&self, op: OperationRef<'c, 'a>, from: usize) -> pass::Result<'c> {
        for index in from..op.operand_count() {
            let zero = match self.base.operand(op, index) {
                Ok(Fixed::Constant(constant)) => constant.reals().iter().all(Zero::is_zero),
                _ => false,
            };
            if !zero {
                return Err(fail(&op, "has a zero point that is not 0, but real operands"));
            }
        }
        Ok(())
    }

    /// The weights of a convolution, `(output channel, depth, row, column)` by a function of
    /// their index, and what axis their scales may have.
    fn quantized_weights(
        &self,
        op: OperationRef<'c, 'a>,
        constant: &Constant,
        (channels, taps): (usize, usize),
        at: impl Fn(usize, usize) -> usize,
    ) -> pass::Result<'c, Weights> {
        let Data::Codes { codes, parameters, .. } = &constant.data else {
            return Err(fail(
                &op,
                "has weights that are not quantized: put QuantizeLinear and DequantizeLinear before them",
            ));
        };
        let parameter = |index: usize| constant.parameter(index);
        let mut weights = Weights { data: Vec::new(), scales: Vec::new() };
        for channel in 0..channels {
            let used = parameter(at(channel, 0));
            for tap in 0..taps {
                let index = at(channel, tap);
                if parameters[parameter(index)] != parameters[used] {
                    return Err(fail(
                        &op,
                        "has weights with scales of input channels, over which it sums: quantize them per output channel or per tensor",
                    ));
                }
                weights.data.push(codes[index] - parameters[used].1);
            }
            weights.scales.push(parameters[used].0.clone());
        }
        Ok(weights)
    }

    /// Adds the bias of a layer, one number for each index of the last axis or one for all.
    fn biased(
        &self,
        op: OperationRef<'c, 'a>,
        index: usize,
        x: Tensor<'c, 'a>,
        axis: usize,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let bias = self.fixed(op, index)?.reals();
        let rank = x.shape.len();
        let bias = match bias.as_slice() {
            [one] => Field::all(rank, one.clone()),
            all if all.len() == x.shape[axis] => Field::along(rank, axis, bias),
            all => {
                let (count, channels) = (all.len(), x.shape[axis]);
                return Err(fail(&op, format_args!("has {count} biases for {channels} channels")));
            }
        };
        Ok(Tensor { offset: x.offset.with(&bias, |a, b| a + b), ..x })
    }

    /// The view of images `[channel][row][column]` as `N x H x W x C`.
    fn channels_last(&self, x: &Tensor<'c, 'a>, [c, h, w]: [usize; 3]) -> View {
        let rows: Vec<Digit> =
            x.view.axes[0].iter().copied().filter(|digit| digit.of_rows).collect();
        let digit = |extent, stride| match extent {
            1 => Vec::new(),
            _ => vec![Digit { extent, stride, of_rows: false }],
        };
        View { axes: vec![rows, digit(h, w), digit(w, 1), digit(c, h * w)], offset: 0 }
    }

    /// The images that a convolution reads, and its weights with their extents.
    fn convolved(
        &self,
        op: OperationRef<'c, 'a>,
    ) -> pass::Result<'c, (Rc<Tensor<'c, 'a>>, Image<'c, 'a>, Constant, [usize; 4])> {
        let x = self.computed(op, 0)?;
        self.no_zero_points(op, 3)?;
        let image = self.image(op, &x, [3, 1, 2])?;
        let constant = self.fixed(op, 1)?;
        let extents = constant.shape.as_slice().try_into();
        let extents = extents.map_err(|_| fail(&op, "needs weights of rank 4"))?;
        Ok((x, image, constant, extents))
    }

    pub(super) fn conv2d(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let (x, image, constant, [f, kh, kw, c]) = self.convolved(op)?;
        let groups = image.extents[0].checked_div(c).unwrap_or(0);
        if groups == 0 || image.extents[0] != groups * c || f % groups != 0 {
            return Err(fail(&op, "has weights for other channels than its input has"));
        }
        let weights = self.quantized_weights(op, &constant, (f, c * kh * kw), |channel, tap| {
            let (depth, row, column) = (tap / (kh * kw), tap / kw % kh, tap % kw);
            ((channel * kh + row) * kw + column) * c + depth
        })?;
        let [top, _, left, _] = self.sizes::<4>(op, "pad")?;
        let window = Window {
            stride: self.sizes(op, "stride")?,
            dilation: self.sizes(op, "dilation")?,
            padding: [top, left],
            groups,
            ..Window::whole([kh, kw])
        };
        self.convolution(op, &x, image, weights, window)
    }

    fn convolution(
        &mut self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        image: Image<'c, 'a>,
        weights: Weights,
        window: Window,
    ) -> pass::Result<'c> {
        let shape = self.shape_of(op)?;
        let &[_, h, w, c] = shape.as_slice() else {
            return Err(fail(&op, "needs a result of rank 4"));
        };
        let view = self.channels_last(x, [c, h, w]);
        let place = (shape, view, 3);
        let sums = self.convolve(op, image, weights, window, [c, h, w], place)?;
        let tensor = self.biased(op, 2, sums, 3)?;
        self.set(op, tensor);
        Ok(())
    }

    pub(super) fn depthwise(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let (x, image, constant, [kh, kw, c, m]) = self.convolved(op)?;
        if image.extents[0] != c {
            return Err(fail(&op, "has weights for other channels than its input has"));
        }
        let weights = self.quantized_weights(op, &constant, (c * m, kh * kw), |channel, tap| {
            tap * c * m + channel
        })?;
        let [top, _, left, _] = self.sizes::<4>(op, "pad")?;
        let window = Window {
            stride: self.sizes(op, "stride")?,
            dilation: self.sizes(op, "dilation")?,
            padding: [top, left],
            groups: c,
            ..Window::whole([kh, kw])
        };
        self.convolution(op, &x, image, weights, window)
    }

    pub(super) fn transpose_conv2d(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let (x, image, constant, [f, kh, kw, c]) = self.convolved(op)?;
        if image.extents[0] != c {
            return Err(fail(&op, "has weights for other channels than its input has"));
        }
        // A convolution of the input, its elements apart, with the weights the other way round.
        let weights = self.quantized_weights(op, &constant, (f, c * kh * kw), |channel, tap| {
            let (depth, row, column) = (tap / (kh * kw), tap / kw % kh, tap % kw);
            ((channel * kh + kh - 1 - row) * kw + kw - 1 - column) * c + depth
        })?;
        let [top, _, left, _] = self.numbers::<4>(op, "out_pad")?;
        let padding = [kh as i64 - 1 + top, kw as i64 - 1 + left];
        if padding.iter().any(|&n| n < 0) {
            return Err(fail(&op, "cuts off more than its kernel reaches"));
        }
        let window = Window {
            padding: padding.map(|n| n as usize),
            expand: self.sizes(op, "stride")?,
            ..Window::whole([kh, kw])
        };
        self.convolution(op, &x, image, weights, window)
    }

    pub(super) fn avg_pool(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        let image = self.image(op, &x, [3, 1, 2])?;
        let kernel: [usize; 2] = self.sizes(op, "kernel")?;
        if self.sizes::<4>(op, "pad")?.iter().any(|&n| n > 0) {
            return self.ragged_average(op, &x, image, kernel);
        }
        let channels = image.extents[0];
        let taps = kernel[0] * kernel[1];
        let part = requantize::integer(taps as i64).recip();
        let weights = Weights { data: vec![1; channels * taps], scales: vec![part; channels] };
        let window =
            Window { stride: self.sizes(op, "stride")?, groups: channels, ..Window::whole(kernel) };
        let shape = self.shape_of(op)?;
        let &[_, h, w, c] = shape.as_slice() else {
            return Err(fail(&op, "needs a result of rank 4"));
        };
        let view = self.channels_last(&x, [c, h, w]);
        let tied = self.tied(&image, &window, [c, h, w]);
        let mut tensor = self.convolve(op, image, weights, window, [c, h, w], (shape, view, 3))?;
        tensor.integers = with_ties(tensor.integers, tied);
        self.set(op, tensor);
        Ok(())
    }

    /// Averages over what is there of windows that reach beyond the image: sums times what is left
    /// of the least common multiple of all divisors.
    fn ragged_average(
        &mut self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        image: Image<'c, 'a>,
        kernel: [usize; 2],
    ) -> pass::Result<'c> {
        let shape = self.shape_of(op)?;
        let &[_, h, w, c] = shape.as_slice() else {
            return Err(fail(&op, "needs a result of rank 4"));
        };
        let [top, _, left, _] = self.sizes::<4>(op, "pad")?;
        let stride: [usize; 2] = self.sizes(op, "stride")?;
        let there = |axis: usize, at: usize, padding: usize| {
            let from = at * stride[axis];
            let inside = |tap: &usize| {
                (from + tap).checked_sub(padding).is_some_and(|i| i < image.extents[axis + 1])
            };
            (0..kernel[axis]).filter(inside).count() as i64
        };
        let counts: Vec<i64> = (0..h)
            .flat_map(|y| (0..w).map(move |x| (y, x)))
            .map(|(y, x)| there(0, y, top) * there(1, x, left))
            .collect();
        let multiple = |a: i64, &b: &i64| (a / num_integer::gcd(a, b)).checked_mul(b);
        let common = counts.iter().filter(|&&n| n > 0).try_fold(1i64, multiple);
        let most = i128::from(image.x.codes.min.abs().max(image.x.codes.max.abs()));
        let taps = counts.iter().copied().max().unwrap_or(1);
        let largest = |common: i64| {
            let largest = most.checked_mul(common.into())?.checked_mul(taps.into())?;
            (largest <= i128::from(i32::MAX)).then_some((common, largest as i64))
        };
        let found = common.filter(|_| !counts.contains(&0)).and_then(largest);
        let Some((common, largest)) = found else {
            return Err(fail(&op, "averages windows whose divisors have no small common multiple"));
        };
        let factors: Vec<i64> = counts.iter().map(|count| common / count).collect();
        let window = Window { stride, padding: [top, left], ..Window::whole(kernel) };
        let output = [c, h, w];
        let tied = self.average(&image, &window, output, counts, None).map(|(pending, halves)| {
            let part = requantize::integer(2 << halves).recip();
            (Rc::new(pending), requantize::integer(common) * part)
        });
        let average = self.average(&image, &window, output, factors, Some(largest));
        let Some((pending, _)) = average else { return Err(foreign(op)) };
        let pending = Pending { tied, ..pending };
        let rank = shape.len();
        let scale = &image.x.scale * requantize::integer(common).recip();
        let tensor = Tensor {
            view: self.channels_last(x, [c, h, w]),
            integers: Integers::Sums(Rc::new(pending), Field::all(rank, scale)),
            offset: Field::all(rank, image.x.offset.clone()),
            limits: Field::all(rank, Limits::default()),
            shape,
            form: None,
        };
        self.set(op, tensor);
        Ok(())
    }

    /// The sums of whole windows, divided by how many they are of; `None` where a shift does that.
    fn tied(
        &self,
        image: &Image<'c, 'a>,
        window: &Window,
        output: [usize; 3],
    ) -> Option<(Rc<Pending<'c, 'a>>, Real)> {
        let count = window.kernel[0] * window.kernel[1];
        if count.is_power_of_two() {
            return None;
        }
        let counts = vec![count as i64; output[1] * output[2]];
        let (pending, halves) = self.average(image, window, output, counts, None)?;
        let part = requantize::integer(2 << halves).recip();
        Some((Rc::new(pending), requantize::integer(count as i64) * part))
    }

    /// Averages of windows: with factors of sums whose results are at most `largest`, otherwise by
    /// divisors, and by how many bits sums are shifted up before. `None` if 32 bits do not hold that.
    fn average(
        &self,
        image: &Image<'c, 'a>,
        window: &Window,
        output: [usize; 3],
        numbers: Vec<i64>,
        largest: Option<i64>,
    ) -> Option<(Pending<'c, 'a>, u32)> {
        let most = image.x.codes.min.abs().max(image.x.codes.max.abs()).max(1);
        let (halves, largest) = match largest {
            Some(largest) => (0, largest),
            None => {
                let divisor = numbers.iter().copied().max()?;
                let fits = |halves: &u32| {
                    let shifted = (i128::from(most) * i128::from(divisor)) << (halves + 1);
                    shifted <= i128::from(i32::MAX)
                };
                let halves = (1..=8).rev().find(fits)?;
                (halves, (most << (halves + 1)) + 1)
            }
        };
        let list = |numbers: &[usize]| numbers.iter().map(|&n| n as i64).collect::<Vec<_>>();
        let number = image.x.number();
        let features = output.iter().product();
        let node = Node {
            operator: &operator::average_pool::AveragePool,
            parameters: [
                ("input", list(&image.extents)),
                ("output", list(&output)),
                ("kernel", list(&window.kernel)),
                ("stride", list(&window.stride)),
                ("dilation", list(&window.dilation)),
                ("padding", list(&window.padding)),
                ("strides", list(&image.strides)),
                ("offset", list(&[image.offset])),
                ("halves", vec![i64::from(halves)]),
            ]
            .into_iter()
            .map(|(name, numbers)| (name.to_owned(), numbers))
            .collect(),
            inputs: vec![Port { features: Self::columns(image.x.value), number }],
            constants: vec![operator::Constant {
                shape: vec![output[1] * output[2]],
                number: Integer { bits: 32, signed: true },
                data: numbers,
            }],
            output: Port { features, number },
            accumulator: 32,
        };
        let pending = Pending {
            layer: Layer::Operator { node, inputs: vec![image.x.value], has_bias: false },
            features,
            unit: features,
            reach: vec![-largest..=largest],
            accumulator: 32,
            tied: None,
        };
        Some((pending, halves))
    }

    pub(super) fn max_pool(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        let image = self.image(op, &x, [3, 1, 2])?;
        let [top, _, left, _] = self.sizes::<4>(op, "pad")?;
        let window = Window {
            stride: self.sizes(op, "stride")?,
            padding: [top, left],
            ..Window::whole(self.sizes(op, "kernel")?)
        };
        let shape = self.shape_of(op)?;
        let &[_, h, w, c] = shape.as_slice() else {
            return Err(fail(&op, "needs a result of rank 4"));
        };
        let view = self.channels_last(&x, [c, h, w]);
        let (value, of) = self.pool(op, image, window, [c, h, w])?;
        let tensor = self.plain(value, &of, shape, view);
        self.set(op, tensor);
        Ok(())
    }

    /// The largest code of each window.
    fn pool(
        &self,
        op: OperationRef<'c, 'a>,
        image: Image<'c, 'a>,
        window: Window,
        output: [usize; 3],
    ) -> pass::Result<'c, (Value<'c, 'a>, Shared<'c, 'a>)> {
        let Image { x, extents, strides, offset } = image;
        if !x.scale.is_positive() {
            return Err(fail(&op, "compares codes of a negative scale: quantize them anew"));
        }
        let list = |numbers: &[usize]| numbers.iter().map(|&n| n as i64).collect::<Vec<_>>();
        let node = Node {
            operator: &operator::max_pool::MaxPool,
            parameters: [
                ("input", list(&extents)),
                ("output", list(&output)),
                ("kernel", list(&window.kernel)),
                ("stride", list(&window.stride)),
                ("dilation", list(&window.dilation)),
                ("padding", list(&window.padding)),
                ("strides", list(&strides)),
                ("offset", list(&[offset])),
            ]
            .into_iter()
            .map(|(name, numbers)| (name.to_owned(), numbers))
            .collect(),
            inputs: vec![Port { features: Self::columns(x.value), number: x.number() }],
            constants: Vec::new(),
            output: Port { features: output.iter().product(), number: x.number() },
            accumulator: 32,
        };
        let after = codes([self.rows, output.iter().product()], &x.codes);
        let r#type = after.tensor(self.base.context);
        let value = self.base.build_operator(op, &node, &[x.value], &[], &[], r#type);
        Ok((value, x))
    }

    /// Axes over which something is made, and the others: as images whose windows they are, with
    /// the extents of a window; what is kept are channels and columns.
    fn along(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        axes: &[usize],
    ) -> pass::Result<'c, (Image<'c, 'a>, [usize; 2])> {
        let shared = self.shared(op, x)?;
        let over_rows = |axis: &usize| x.view.axes[*axis].iter().any(|digit| digit.of_rows);
        if x.view.rows() != self.rows || axes.iter().any(over_rows) {
            return Err(self.mixing(op));
        }
        let rank = x.shape.len();
        let kept: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).collect();
        let digits = |view: &View, axes: &[usize]| {
            let all = axes.iter().flat_map(|&axis| view.features_of(axis)).collect();
            View { axes: vec![all], offset: 0 }.features_of(0)
        };
        let of = |view: &View, value, offset| {
            let pair = |digit: Option<&Digit>| digit.map_or((1, 0), |d| (d.extent, d.stride));
            let (kept, summed) = (digits(view, &kept), digits(view, axes));
            let [c, h, w, window_width] = match (kept.as_slice(), summed.as_slice()) {
                (kept @ ([] | [_]), summed @ ([] | [_] | [_, _])) => {
                    let (c, h, w) = (kept.first(), summed.first(), summed.get(1));
                    let w = pair(w);
                    [pair(c), pair(h), w, (w.0, 0)]
                }
                ([c, w], summed @ ([] | [_])) => {
                    [pair(Some(c)), pair(summed.first()), pair(Some(w)), (1, 0)]
                }
                _ => return None,
            };
            let image = Image {
                x: Shared {
                    value,
                    codes: shared.codes,
                    scale: shared.scale.clone(),
                    offset: shared.offset.clone(),
                },
                extents: [c.0, h.0, w.0],
                strides: [c.1, h.1, w.1],
                offset,
            };
            Some((image, [h.0, window_width.0]))
        };
        if let Some(image) = of(&x.view, shared.value, x.view.offset) {
            return Ok(image);
        }
        // What is kept first, then what is summed up: one digit each.
        let order: Vec<usize> = kept.iter().chain(axes).copied().collect();
        let moved = x.view.transposed(&order);
        let value = self.in_order(op, shared.value, &moved);
        let sample = moved.sample();
        let (channels, window) = sample.split_at(kept.len());
        let (channels, window): (usize, usize) =
            (channels.iter().product(), window.iter().product());
        let image = Image {
            x: Shared { value, ..shared },
            extents: [channels, window, 1],
            strides: [window, 1, 0],
            offset: 0,
        };
        Ok((image, [window, 1]))
    }

    pub(super) fn reduce_sum(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        let axis = self.axis(op, &x)?;
        if let Some(form) = Form::summed(&x, axis) {
            let tensor = self.formed(op, form)?;
            self.set(op, tensor);
            return Ok(());
        }
        // Sums of sums are sums over more axes.
        let (x, axes, factor) = match x.form.as_deref() {
            Some(Form::Mean { x, axes, factor }) if !axes.contains(&axis) => {
                let mut axes = axes.clone();
                axes.push(axis);
                axes.sort_unstable();
                (x.clone(), axes, factor.clone())
            }
            _ => (x, vec![axis], requantize::integer(1)),
        };
        let (image, window) = self.along(op, &x, &axes)?;
        let [c, h, w] = image.extents;
        let taps = window[0] * window[1];
        let weights = Weights { data: vec![1; c * taps], scales: vec![factor.clone(); c] };
        let output = [c, h / window[0], w / window[1]];
        let window = Window { groups: c, ..Window::whole(window) };
        let tied = self.tied(&image, &window, output);
        let shape = self.shape_of(op)?;
        let mut sample = x.view.sample();
        axes.iter().for_each(|&axis| sample[axis] = 1);
        let view = self.fresh(op, &x.view, &sample)?;
        let mut tensor = self.convolve(op, image, weights, window, output, (shape, view, 0))?;
        tensor.integers = with_ties(tensor.integers, tied);
        tensor.form = Some(Rc::new(Form::Mean { x: x.clone(), axes, factor }));
        self.set(op, tensor);
        Ok(())
    }

    pub(super) fn reduce_max(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.tensor(op, 0).ok_or_else(|| foreign(op))?;
        let axis = self.axis(op, &x)?;
        let form = match x.form.as_deref() {
            Some(Form::Max { x, axes }) if !axes.contains(&axis) => {
                let mut axes = axes.clone();
                axes.push(axis);
                axes.sort_unstable();
                Form::Max { x: x.clone(), axes }
            }
            _ => Form::Max { x: self.computed(op, 0)?, axes: vec![axis] },
        };
        let tensor = self.formed(op, form)?;
        self.set(op, tensor);
        Ok(())
    }

    /// The largest codes along axes.
    pub(super) fn largest(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        axes: &[usize],
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let (image, window) = self.along(op, x, axes)?;
        let [c, h, w] = image.extents;
        let output = [c, h / window[0], w / window[1]];
        let (mut sample, mut shape) = (x.view.sample(), x.shape.clone());
        for &axis in axes {
            (sample[axis], shape[axis]) = (1, 1);
        }
        let view = self.fresh(op, &x.view, &sample)?;
        let (value, of) = self.pool(op, image, Window::whole(window), output)?;
        Ok(self.plain(value, &of, shape, view))
    }

    pub(super) fn matmul(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        self.no_zero_points(op, 2)?;
        let tensor = match (self.tensor(op, 0), self.tensor(op, 1)) {
            (Some(x), Some(y)) => self.product(op, &x, &y)?,
            (Some(x), None) => {
                let weights = self.fixed(op, 1)?;
                self.dense(op, &x, &weights)?
            }
            _ => {
                return Err(fail(
                    &op,
                    "multiplies a constant with a tensor: the constant must be second",
                ));
            }
        };
        self.set(op, tensor);
        Ok(())
    }

    /// A product with constant weights: a dense layer where a row has one vector, otherwise a
    /// convolution of one row and column.
    fn dense(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        constant: &Constant,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let shape = self.shape_of(op)?;
        let &[batch, k, n] = constant.shape.as_slice() else {
            return Err(fail(&op, "needs weights of rank 3"));
        };
        if batch != 1 || x.shape.len() != 3 || x.shape[2] != k {
            return Err(fail(
                &op,
                "has weights of their own for parts of a tensor, which cannot be mapped to the array yet",
            ));
        }
        let weights =
            self.quantized_weights(op, constant, (n, k), |channel, tap| tap * n + channel)?;
        let sample = x.view.sample();
        if x.view.rows() != self.rows || x.view.axes[2].iter().any(|digit| digit.of_rows) {
            return Err(self.mixing(op));
        }
        if sample[0] * sample[1] > 1 {
            // Positions are columns of an image, input features its channels.
            let merged = View { axes: x.view.axes[..2].to_vec(), offset: 0 };
            let positions = merged.reshaped(&[x.shape[0] * x.shape[1]]);
            let positions = positions.map_or_else(Vec::new, |view| view.features_of(0));
            let shared = self.shared(op, x)?;
            let digits = (single(&x.view.features_of(2)), single(&positions));
            let image = match digits {
                (Some(c), Some(w)) if w.0 == sample[0] * sample[1] => Image {
                    x: shared,
                    extents: [c.0, 1, w.0],
                    strides: [c.1, 0, w.1],
                    offset: x.view.offset,
                },
                _ => Image {
                    x: Shared { value: self.in_order(op, shared.value, &x.view), ..shared },
                    extents: [k, 1, sample[0] * sample[1]],
                    strides: [1, 0, k],
                    offset: 0,
                },
            };
            let count = image.extents[2];
            // The same axes, of which positions are next to each other now.
            let mut stride = count;
            let mut axes = Vec::new();
            for digits in &x.view.axes[..2] {
                let mut axis = digits.clone();
                for digit in axis.iter_mut().filter(|digit| !digit.of_rows) {
                    stride /= digit.extent;
                    digit.stride = stride;
                }
                axes.push(axis);
            }
            axes.push(vec![Digit { extent: n, stride: count, of_rows: false }]);
            let view = View { axes, offset: 0 };
            return self.convolve(
                op,
                image,
                weights,
                Window::whole([1, 1]),
                [n, 1, count],
                (shape, view, 2),
            );
        }
        let shared = self.shared(op, x)?;
        let columns = Self::columns(shared.value);
        // Weights lie as the inputs do; what the view leaves out meets zeros.
        let mut data = vec![0; columns * n];
        for (tap, feature) in x.view.features().into_iter().enumerate() {
            for channel in 0..n {
                data[feature * n + channel] += weights.data[channel * k + tap];
            }
        }
        let bits = self.weights_of(op, &data)?;
        let channels = (0..n).map(|j| data.iter().skip(j).step_by(n).copied().collect());
        let (reach, accumulator) =
            self.reach(op, channels, (shared.codes.min, shared.codes.max))?;
        let offsets: Vec<Real> = (0..n)
            .map(|j| {
                let total: i64 = weights.data[j * k..(j + 1) * k].iter().sum();
                &shared.offset * &weights.scales[j] * requantize::integer(total)
            })
            .collect();
        let scales: Vec<Real> = weights.scales.iter().map(|scale| scale * &shared.scale).collect();
        let mut axes: Vec<Vec<Digit>> = x.view.axes[..2]
            .iter()
            .map(|digits| digits.iter().copied().filter(|digit| digit.of_rows).collect())
            .collect();
        axes.push(vec![Digit { extent: n, stride: 1, of_rows: false }]);
        let pending = Pending {
            layer: Layer::Dense { input: shared.value, k: columns, bits, weights: data },
            features: n,
            unit: 1,
            reach,
            accumulator,
            tied: None,
        };
        let along = |numbers: Vec<Real>| match PerAxis::of(&numbers) {
            PerAxis::One(number) => Field::all(3, number),
            PerAxis::Each => Field::along(3, 2, numbers),
        };
        Ok(Tensor {
            shape,
            view: View { axes, offset: 0 },
            integers: Integers::Sums(Rc::new(pending), along(scales)),
            offset: along(offsets),
            limits: Field::all(3, Limits::default()),
            form: None,
        })
    }

    /// The product of two computed tensors, of each head.
    fn product(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        y: &Tensor<'c, 'a>,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let shape = self.shape_of(op)?;
        if x.shape.len() != 3 || y.shape.len() != 3 {
            return Err(fail(&op, "needs operands of rank 3"));
        }
        let mut operands = Vec::new();
        for tensor in [x, y] {
            let shared = self.shared(op, tensor)?;
            let outside = tensor.view.axes[1..].iter().flatten().any(|digit| digit.of_rows);
            if tensor.view.rows() != self.rows || outside {
                return Err(self.mixing(op));
            }
            let digits = [0, 1, 2].map(|axis| single(&tensor.view.features_of(axis)));
            let zero = shared
                .code_of(&Real::zero())
                .ok_or_else(|| fail(&op, "multiplies codes without a zero point"))?;
            operands.push(match digits {
                [Some(h), Some(m), Some(k)] => (shared, [h, m, k], tensor.view.offset, zero),
                _ => {
                    let value = self.in_order(op, shared.value, &tensor.view);
                    let [h, m, k] = [0, 1, 2].map(|axis| tensor.view.sample()[axis]);
                    let strides = [(h, m * k), (m, k), (k, 1)];
                    (Shared { value, ..shared }, strides, 0, zero)
                }
            });
        }
        let [(a, left, offset_a, zero_a), (b, right, offset_b, zero_b)] = &operands[..] else {
            return Err(fail(&op, "needs two operands"));
        };
        let heads = left[0].0;
        if right[0].0 != heads || left[2].0 != right[1].0 {
            return Err(self.mixing(op));
        }
        let (m, k, n) = (left[1].0, left[2].0, right[2].0);
        let list = |numbers: &[usize]| numbers.iter().map(|&n| n as i64).collect::<Vec<_>>();
        let most = |of: &Shared, zero: i64| {
            let (low, high) = (of.codes.min.min(zero), of.codes.max.max(zero));
            i128::from((low - zero).abs().max((high - zero).abs()))
        };
        let largest = most(a, *zero_a) * most(b, *zero_b) * k as i128;
        let accumulator = match largest {
            _ if largest <= i128::from(i32::MAX) => 32,
            _ if largest <= i128::from(i64::MAX >> 1) => 64,
            _ => return Err(fail(&op, "has sums that exceed a 64-bit accumulator")),
        };
        let features = heads * m * n;
        let number = a.number();
        let operator = operator::by_name("matmul").ok_or_else(|| foreign(op))?;
        let node = Node {
            operator,
            parameters: [
                ("extents", list(&[heads, m, k, n])),
                ("strides_a", list(&[left[0].1, left[1].1, left[2].1])),
                ("strides_b", list(&[right[0].1, right[1].1, right[2].1])),
                ("offset", list(&[*offset_a, *offset_b])),
                ("zero_points", vec![*zero_a, *zero_b]),
            ]
            .into_iter()
            .map(|(name, numbers)| (name.to_owned(), numbers))
            .collect(),
            inputs: [a, b]
                .map(|of| Port { features: Self::columns(of.value), number: of.number() })
                .to_vec(),
            constants: Vec::new(),
            output: Port { features, number },
            accumulator,
        };
        let largest = largest as i64;
        let pending = Pending {
            layer: Layer::Operator { node, inputs: vec![a.value, b.value], has_bias: false },
            features,
            unit: features,
            reach: vec![-largest..=largest],
            accumulator,
            tied: None,
        };
        let view = self.fresh(op, &x.view, &[heads, m, n])?;
        Ok(Tensor {
            shape,
            view,
            integers: Integers::Sums(Rc::new(pending), Field::all(3, &a.scale * &b.scale)),
            offset: Field::all(3, Real::zero()),
            limits: Field::all(3, Limits::default()),
            form: None,
        })
    }
}

/// Sums with another way to compute them where a scale makes ties of them.
fn with_ties<'c, 'a>(
    integers: Integers<'c, 'a>,
    tied: Option<(Rc<Pending<'c, 'a>>, Real)>,
) -> Integers<'c, 'a> {
    match integers {
        Integers::Sums(pending, scale) => match Rc::try_unwrap(pending) {
            Ok(pending) => Integers::Sums(Rc::new(Pending { tied, ..pending }), scale),
            Err(pending) => Integers::Sums(pending, scale),
        },
        other => other,
    }
}

/// Whether numbers differ.
enum PerAxis {
    One(Real),
    Each,
}

impl PerAxis {
    fn of(numbers: &[Real]) -> PerAxis {
        match numbers.split_first() {
            Some((first, rest)) if rest.iter().all(|other| other == first) => {
                PerAxis::One(first.clone())
            }
            _ => PerAxis::Each,
        }
    }
}
