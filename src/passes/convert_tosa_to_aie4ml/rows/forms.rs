//! Patterns of several ops that only together are an operator: softmax and normalization.

use super::*;

/// What a tensor is of another one, `x`, along an axis of it.
pub(super) enum Form<'c, 'a> {
    Max {
        x: Rc<Tensor<'c, 'a>>,
        axes: Vec<usize>,
    },
    /// The sum over axes, times a factor.
    Mean {
        x: Rc<Tensor<'c, 'a>>,
        axes: Vec<usize>,
        factor: Real,
    },
    /// Whether it is at least zero.
    Sign(Rc<Tensor<'c, 'a>>),
    LessMax(Along<'c, 'a>),
    Exp(Along<'c, 'a>),
    ExpSum(Along<'c, 'a>),
    ExpSumInverse(Along<'c, 'a>),
    Softmax(Along<'c, 'a>),
    /// Less its mean.
    Centered(Along<'c, 'a>),
    /// Of what is centered, if there is an axis, or of `x`.
    Square(Rc<Tensor<'c, 'a>>, Option<usize>),
    /// The sum of squares times a factor, plus another number.
    Variance(Spread<'c, 'a>),
    /// One by its root.
    Inverse(Spread<'c, 'a>),
    Normal(Normal<'c, 'a>),
}

#[derive(Clone)]
pub(super) struct Along<'c, 'a> {
    pub x: Rc<Tensor<'c, 'a>>,
    pub axis: usize,
}

#[derive(Clone)]
pub(super) struct Spread<'c, 'a> {
    pub of: Along<'c, 'a>,
    pub centered: bool,
    pub factor: Real,
    pub epsilon: Real,
}

/// `x`, normalized, times `gamma` plus `beta`.
#[derive(Clone)]
pub(super) struct Normal<'c, 'a> {
    pub spread: Spread<'c, 'a>,
    pub gamma: Field<Real>,
    pub beta: Field<Real>,
}

impl<'c, 'a> Form<'c, 'a> {
    /// No pattern goes on behind a reshape.
    pub fn reshaped(&self, _from: &[usize], _to: &[usize]) -> Option<Form<'c, 'a>> {
        None
    }

    /// What a sum over an axis is of a tensor with a form.
    pub fn summed(x: &Rc<Tensor<'c, 'a>>, axis: usize) -> Option<Form<'c, 'a>> {
        match x.form.as_deref()? {
            Form::Exp(of) if of.axis == axis => Some(Form::ExpSum(of.clone())),
            Form::Square(of, centered) if centered.is_none_or(|other| other == axis) => {
                Some(Form::Variance(Spread {
                    of: Along { x: of.clone(), axis },
                    centered: centered.is_some(),
                    factor: requantize::integer(1),
                    epsilon: Real::zero(),
                }))
            }
            _ => None,
        }
    }
}

/// One by the extent of an axis.
fn part(x: &Tensor, axis: usize) -> Real {
    requantize::integer(x.shape[axis] as i64).recip()
}

impl<'c, 'a> Rows<'c, 'a> {
    /// A tensor of which only its form is known.
    pub(super) fn formed(
        &self,
        op: OperationRef<'c, 'a>,
        form: Form<'c, 'a>,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let shape = self.shape_of(op)?;
        let rank = shape.len();
        Ok(Tensor {
            shape,
            view: View { axes: vec![Vec::new(); rank], offset: 0 },
            integers: Integers::None,
            offset: Field::all(rank, Real::zero()),
            limits: Field::all(rank, Limits::default()),
            form: Some(Rc::new(form)),
        })
    }

    /// The form of `a - b`.
    pub(super) fn difference_form(
        &self,
        a: &Rc<Tensor<'c, 'a>>,
        b: &Tensor<'c, 'a>,
    ) -> Option<Form<'c, 'a>> {
        match b.form.as_deref()? {
            Form::Max { x, axes } => match axes.as_slice() {
                &[axis] if Rc::ptr_eq(a, x) => Some(Form::LessMax(Along { x: x.clone(), axis })),
                _ => None,
            },
            Form::Mean { x, axes, factor } => match axes.as_slice() {
                &[axis] if Rc::ptr_eq(a, x) && *factor == part(x, axis) => {
                    Some(Form::Centered(Along { x: x.clone(), axis }))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The form of `a * b`.
    pub(super) fn product_form(
        &self,
        a: &Rc<Tensor<'c, 'a>>,
        b: &Rc<Tensor<'c, 'a>>,
    ) -> Option<Form<'c, 'a>> {
        let normal = |x: &Rc<Tensor<'c, 'a>>, centered: bool, spread: &Spread<'c, 'a>| {
            let Spread { of, factor, .. } = spread;
            let fits = Rc::ptr_eq(x, &of.x)
                && centered == spread.centered
                && *factor == part(&of.x, of.axis);
            let rank = of.x.shape.len();
            fits.then(|| {
                Form::Normal(Normal {
                    spread: spread.clone(),
                    gamma: Field::all(rank, requantize::integer(1)),
                    beta: Field::all(rank, Real::zero()),
                })
            })
        };
        match (a.form.as_deref(), b.form.as_deref()) {
            (Some(Form::Centered(of)), _) if Rc::ptr_eq(a, b) => {
                Some(Form::Square(of.x.clone(), Some(of.axis)))
            }
            (Some(Form::Exp(x)), Some(Form::ExpSumInverse(y)))
            | (Some(Form::ExpSumInverse(y)), Some(Form::Exp(x)))
                if Rc::ptr_eq(&x.x, &y.x) && x.axis == y.axis =>
            {
                Some(Form::Softmax(x.clone()))
            }
            (Some(Form::Centered(of)), Some(Form::Inverse(spread)))
            | (Some(Form::Inverse(spread)), Some(Form::Centered(of)))
                if of.axis == spread.of.axis =>
            {
                normal(&of.x, true, spread)
            }
            (_, Some(Form::Inverse(spread))) => normal(a, false, spread),
            (Some(Form::Inverse(spread)), _) => normal(b, false, spread),
            _ if Rc::ptr_eq(a, b) && matches!(a.integers, Integers::Codes(_)) => {
                Some(Form::Square(a.clone(), None))
            }
            _ => None,
        }
    }

    /// The form of `x * factor + offset`, constants that are one number or one for each index.
    pub(super) fn moved_form(
        x: &Tensor<'c, 'a>,
        factor: &Field<Real>,
        offset: &Field<Real>,
    ) -> Option<Form<'c, 'a>> {
        let (one, more) = (factor.shared(), offset.shared());
        match x.form.as_deref()? {
            Form::Mean { x, axes, factor } if more.is_some_and(Zero::is_zero) => {
                Some(Form::Mean { x: x.clone(), axes: axes.clone(), factor: factor * one? })
            }
            Form::Variance(spread) => Some(Form::Variance(Spread {
                factor: &spread.factor * one?,
                epsilon: &spread.epsilon * one? + more?,
                ..spread.clone()
            })),
            Form::Normal(Normal { spread, gamma, beta }) => {
                let scaled = beta.with(factor, |beta, factor| beta * factor);
                Some(Form::Normal(Normal {
                    spread: spread.clone(),
                    gamma: gamma.with(factor, |gamma, factor| gamma * factor),
                    beta: scaled.with(offset, |beta, offset| beta + offset),
                }))
            }
            _ => None,
        }
    }

    /// The form of a function of a tensor.
    pub(super) fn unary_form(name: &str, x: &Tensor<'c, 'a>) -> Option<Form<'c, 'a>> {
        match (name, x.form.as_deref()?) {
            ("tosa.exp", Form::LessMax(of)) => Some(Form::Exp(of.clone())),
            ("tosa.reciprocal", Form::ExpSum(of)) => Some(Form::ExpSumInverse(of.clone())),
            ("tosa.rsqrt", Form::Variance(spread)) => Some(Form::Inverse(spread.clone())),
            _ => None,
        }
    }

    pub(super) fn quantized_form(
        &self,
        op: OperationRef<'c, 'a>,
        tensor: &Tensor<'c, 'a>,
        quantized: Uniform,
        step: &Real,
        quantizer: Quantizer,
    ) -> pass::Result<'c, Rc<Tensor<'c, 'a>>> {
        match tensor.form.as_deref() {
            Some(Form::Softmax(of)) => {
                self.softmax(op, of, quantized, step, quantizer).map(Rc::new)
            }
            Some(Form::Normal(normal)) => {
                self.normalize(op, normal, quantized, step, quantizer).map(Rc::new)
            }
            _ => Err(fail(
                &op,
                "quantizes part of a pattern that is no softmax and no normalization, which cannot be mapped to the array yet",
            )),
        }
    }

    /// Groups along an axis: the codes, `[group, element]` extents and strides, the first
    /// feature, and the view of a result that lies `[group][element]`.
    fn groups(
        &self,
        op: OperationRef<'c, 'a>,
        of: &Along<'c, 'a>,
    ) -> pass::Result<'c, (Shared<'c, 'a>, [usize; 2], [usize; 2], usize, View)> {
        let Along { x, axis } = of;
        let shared = self.shared(op, x)?;
        if x.view.rows() != self.rows || x.view.axes[*axis].iter().any(|digit| digit.of_rows) {
            return Err(self.mixing(op));
        }
        let rank = x.shape.len();
        let mut order: Vec<usize> = (0..rank).filter(|other| other != axis).collect();
        order.push(*axis);
        let mut back = vec![0; rank];
        order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
        let view = x.view.transposed(&order);
        let sample = view.sample();
        let (element, group) = (sample[rank - 1], sample[..rank - 1].iter().product::<usize>());
        let result = self.fresh(op, &view, &sample)?.transposed(&back);
        let others: Vec<Digit> = (0..rank - 1).flat_map(|axis| view.features_of(axis)).collect();
        let others = View { axes: vec![others], offset: 0 }.features_of(0);
        match (single(&others), single(&view.features_of(rank - 1))) {
            (Some(groups), Some(elements)) => {
                let strides = [groups.1, elements.1];
                Ok((shared, [group, element], strides, view.offset, result))
            }
            _ => {
                let value = self.in_order(op, shared.value, &view);
                Ok((Shared { value, ..shared }, [group, element], [element, 1], 0, result))
            }
        }
    }

    fn softmax(
        &self,
        op: OperationRef<'c, 'a>,
        of: &Along<'c, 'a>,
        quantized: Uniform,
        step: &Real,
        quantizer: Quantizer,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let (x, extents, strides, offset, view) = self.groups(op, of)?;
        if quantizer.rounding != crate::exact::Rounding::NearestEven {
            return Err(fail(&op, "rounds a softmax otherwise than to the nearest, ties to even"));
        }
        let scale = x.scale.to_f64().filter(|_| x.scale.is_positive());
        let Some(scale) = scale.filter(|_| x.codes.bits == 8) else {
            return Err(fail(&op, "takes the softmax of codes that have not 8 bits"));
        };
        let operator = operator::by_name("softmax").ok_or_else(|| foreign(op))?;
        let table: Vec<i64> =
            (0..256).map(|d| (65535.0 * (-scale * f64::from(d)).exp()).round() as i64).collect();
        // numerator * 2^(45 - shift) is one by the step.
        let inverse = step.recip();
        let (mut numerator, mut shift) = (inverse.clone(), 45i64);
        while numerator < requantize::integer(1 << 16) && !numerator.is_integer() && shift < 61 {
            numerator = numerator * requantize::integer(2);
            shift += 1;
        }
        while numerator >= requantize::integer(1 << 17) {
            numerator = numerator / requantize::integer(2);
            shift -= 1;
        }
        let numerator = numerator.round().to_integer().to_i64().unwrap_or(0);
        let list = |numbers: &[usize]| numbers.iter().map(|&n| n as i64).collect::<Vec<_>>();
        let features = extents[0] * extents[1];
        let output = operator::Tensor {
            features,
            number: Integer { bits: quantized.bits, signed: quantized.signed },
        };
        let node = Node {
            operator,
            parameters: [
                ("extents", list(&extents)),
                ("strides", list(&strides)),
                ("offset", list(&[offset])),
                ("numerator", vec![numerator]),
                ("shift", vec![shift]),
                ("zero_point", vec![quantizer.zero_point]),
                ("min", vec![quantizer.min]),
                ("max", vec![quantizer.max]),
            ]
            .into_iter()
            .map(|(name, numbers)| (name.to_owned(), numbers))
            .collect(),
            inputs: vec![operator::Tensor { features: Self::columns(x.value), number: x.number() }],
            constants: Vec::new(),
            output,
            accumulator: 32,
        };
        let table = self.base.constant(op, &[256], 32, &table);
        let r#type = codes([self.rows, features], &quantized).tensor(self.base.context);
        let value = self.base.build_operator(op, &node, &[x.value], &[table], &[], r#type);
        self.coded(&op, value, quantized, of.x.shape.clone(), view)
    }

    fn normalize(
        &self,
        op: OperationRef<'c, 'a>,
        _normal: &Normal<'c, 'a>,
        _quantized: Uniform,
        _step: &Real,
        _quantizer: Quantizer,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        Err(foreign(op))
    }
}
