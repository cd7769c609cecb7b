//! Patterns of several ops that only together are an operator: softmax and normalization.

use super::*;
use num_integer::Integer as _;
use std::collections::BTreeMap;

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
    ) -> pass::Result<'c, Rc<Tensor<'c, 'a>>> {
        match tensor.form.as_deref() {
            Some(Form::Normal(normal)) => self.normalize(op, normal, quantized),
            _ => Err(fail(
                &op,
                "quantizes part of a pattern that is no softmax and no normalization, which cannot be mapped to the array yet",
            )),
        }
    }

    /// Groups along an axis.
    fn groups(
        &self,
        op: OperationRef<'c, 'a>,
        of: &Along<'c, 'a>,
    ) -> pass::Result<'c, Grouped<'c, 'a>> {
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
                let (extents, offset) = ([group, element], view.offset);
                Ok(Grouped { x: shared, extents, strides, offset, view: result })
            }
            _ => {
                let value = self.in_order(op, shared.value, &view);
                let (extents, strides) = ([group, element], [element, 1]);
                let x = Shared { value, ..shared };
                Ok(Grouped { x, extents, strides, offset: 0, view: result })
            }
        }
    }

    /// Sums that are `2^45` times the softmax.
    pub(super) fn softmax(
        &self,
        op: OperationRef<'c, 'a>,
        of: &Along<'c, 'a>,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let Grouped { x, extents, strides, offset, view } = self.groups(op, of)?;
        let Some(scale) = x.scale.to_f64().filter(|_| x.scale.is_positive()) else {
            return Err(fail(&op, "is a softmax of codes of a negative scale: quantize them anew"));
        };
        let table = operator::softmax::table(scale, x.codes.bits);
        let features = extents[0] * extents[1];
        let node = Node {
            operator: &operator::softmax::Softmax,
            parameters: groups_of(&extents, &strides, offset).into_iter().collect(),
            inputs: vec![operator::Tensor { features: Self::columns(x.value), number: x.number() }],
            constants: vec![operator::Constant {
                shape: vec![table.len()],
                number: Integer { bits: 32, signed: true },
                data: table,
            }],
            output: operator::Tensor { features, number: x.number() },
            accumulator: 64,
        };
        let one = 1i64 << 45;
        let pending = Pending {
            layer: Layer::Operator { node, inputs: vec![x.value], has_bias: false },
            features,
            unit: features,
            reach: vec![0..=one],
            accumulator: 64,
            tied: None,
        };
        let rank = of.x.shape.len();
        let scale = Field::all(rank, requantize::integer(one).recip());
        Ok(Tensor {
            shape: of.x.shape.clone(),
            view,
            integers: Integers::Sums(Rc::new(pending), scale),
            offset: Field::all(rank, Real::zero()),
            limits: Field::all(rank, Limits::default()),
            form: None,
        })
    }

    /// A normalization, of which it is known now what comes behind it.
    fn normalize(
        &self,
        op: OperationRef<'c, 'a>,
        normal: &Normal<'c, 'a>,
        quantized: Uniform,
    ) -> pass::Result<'c, Rc<Tensor<'c, 'a>>> {
        let Normal { spread: Spread { of, centered, epsilon, .. }, gamma, beta } = normal;
        let Grouped { x, extents, strides, offset, view } = self.groups(op, of)?;
        let length = extents[1];
        let numbers = |field: &Field<Real>| -> pass::Result<'c, Vec<Real>> {
            let numbers = field.of_axis(of.axis, length);
            let numbers = numbers.ok_or_else(|| {
                fail(&op, "scales a normalization along another axis, which cannot be mapped to the array yet")
            })?;
            Ok(numbers.into_iter().cloned().collect())
        };
        let (gamma, beta) = (numbers(gamma)?, numbers(beta)?);
        // A step of which all factors are multiples, if they are few; otherwise the finest.
        let largest = gamma.iter().map(|g| g.abs()).max().unwrap_or_else(Real::zero);
        if largest.is_zero() {
            return Err(fail(&op, "scales a normalization by zero"));
        }
        let common = gamma.iter().fold(Real::zero(), |a, b| rational_gcd(&a, &b.abs()));
        let most = requantize::integer(32767);
        let step = if &largest / &common <= most { common } else { &largest / most };
        let factors: Vec<i64> =
            gamma.iter().map(|g| (g / &step).round().to_integer().to_i64().unwrap_or(0)).collect();
        let factor = factors.iter().map(|f| f.unsigned_abs()).max().unwrap_or(1);
        // As many bits of what is normalized as its sums have room for.
        let bound = |bits: u32| (length.isqrt() as u128 + 2) << bits;
        let addends = |bits: u32| -> Vec<i64> {
            let unit = requantize::integer(1i64 << bits);
            let addend = |b: &Real| (b / &step * &unit).round().to_integer().to_i64();
            beta.iter().map(|b| addend(b).unwrap_or(i64::MAX)).collect()
        };
        let most_of = |bits: u32, addends: &[i64]| {
            let addend = addends.iter().map(|b| u128::from(b.unsigned_abs())).max().unwrap_or(0);
            bound(bits) * u128::from(factor) + addend
        };
        let fits = |bits: &u32| most_of(*bits, &addends(*bits)) <= i32::MAX as u128;
        let Some(bits) = (2..=15).rev().find(fits) else {
            return Err(fail(&op, "normalizes to sums that exceed 32 bits"));
        };
        let addends = addends(bits);
        let reach = most_of(bits, &addends) as i64;
        let zero = if *centered { Some(0) } else { x.code_of(&Real::zero()) };
        let (Some(zero), true) = (zero, x.scale.is_positive()) else {
            return Err(fail(&op, "normalizes codes without a zero point"));
        };
        let per = &x.scale * &x.scale;
        let epsilon = (epsilon * requantize::integer((length * length) as i64) / per).round();
        let epsilon = epsilon.to_integer().to_i64();
        let Some(epsilon) = epsilon.filter(|epsilon| *epsilon >= 0) else {
            return Err(fail(&op, "normalizes with an epsilon that is negative or beyond 63 bits"));
        };
        let features = extents[0] * extents[1];
        let mut parameters: BTreeMap<String, Vec<i64>> =
            groups_of(&extents, &strides, offset).into_iter().collect();
        for (name, number) in [
            ("centered", i64::from(*centered)),
            ("epsilon", epsilon),
            ("bits", i64::from(bits)),
            ("zero_point", zero),
        ] {
            parameters.insert(name.to_owned(), vec![number]);
        }
        let constant = |bits, data: Vec<i64>| operator::Constant {
            shape: vec![length],
            number: Integer { bits, signed: true },
            data,
        };
        let node = Node {
            operator: &operator::normalize::Normalize,
            parameters,
            inputs: vec![operator::Tensor { features: Self::columns(x.value), number: x.number() }],
            constants: vec![constant(16, factors), constant(32, addends)],
            output: operator::Tensor { features, number: x.number() },
            accumulator: 32,
        };
        let pending = Pending {
            layer: Layer::Operator { node, inputs: vec![x.value], has_bias: false },
            features,
            unit: features,
            reach: vec![-reach..=reach],
            accumulator: 32,
            tied: None,
        };
        let rank = of.x.shape.len();
        let scale = step / requantize::integer(1i64 << bits);
        let sums = Tensor {
            shape: of.x.shape.clone(),
            view,
            integers: Integers::Sums(Rc::new(pending), Field::all(rank, scale)),
            offset: Field::all(rank, Real::zero()),
            limits: Field::all(rank, Limits::default()),
            form: None,
        };
        self.quantized(op, &Rc::new(sums), quantized)
    }
}

/// Codes in groups.
struct Grouped<'c, 'a> {
    x: Shared<'c, 'a>,
    /// Groups, and elements of each.
    extents: [usize; 2],
    /// Features from one to the next.
    strides: [usize; 2],
    /// The first feature.
    offset: usize,
    /// Of a result that lies `[group][element]`.
    view: View,
}

/// Where groups lie, as parameters.
fn groups_of(extents: &[usize; 2], strides: &[usize; 2], offset: usize) -> [(String, Vec<i64>); 3] {
    let list = |numbers: &[usize]| numbers.iter().map(|&n| n as i64).collect::<Vec<_>>();
    [
        ("extents".to_owned(), list(extents)),
        ("strides".to_owned(), list(strides)),
        ("offset".to_owned(), list(&[offset])),
    ]
}

/// The largest number of which both are multiples.
fn rational_gcd(a: &Real, b: &Real) -> Real {
    if a.is_zero() {
        return b.clone();
    }
    if b.is_zero() {
        return a.clone();
    }
    let (left, right) = (a.numer() * b.denom(), b.numer() * a.denom());
    Real::new(left.gcd(&right), a.denom() * b.denom())
}
