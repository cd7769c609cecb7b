//! What is computed of each element.

use super::*;

impl<'c, 'a> Rows<'c, 'a> {
    /// The numbers of a constant that is broadcast over a computed tensor.
    fn field(
        &self,
        op: OperationRef<'c, 'a>,
        constant: &Constant,
        x: &Tensor<'c, 'a>,
    ) -> pass::Result<'c, Field<Real>> {
        let rank = x.shape.len();
        let reals = constant.reals();
        if let [one] = reals.as_slice() {
            return Ok(Field::all(rank, one.clone()));
        }
        let mut shape = vec![1; rank.saturating_sub(constant.shape.len())];
        shape.extend_from_slice(&constant.shape);
        let fits = shape.len() == rank
            && shape.iter().zip(&x.shape).all(|(own, all)| *own == 1 || own == all);
        // Samples of the batch have the same constants.
        let sample = x.view.sample();
        let by_rows = shape.iter().zip(&sample).any(|(own, all)| own > all && *own > 1);
        let field = Field::of(shape, reals).filter(|_| fits);
        let field = field.ok_or_else(|| {
            fail(
                &op,
                format_args!(
                    "broadcasts constants of shape {:?} with a tensor of {:?}",
                    constant.shape, x.shape
                ),
            )
        })?;
        if by_rows && !matches!(x.integers, Integers::None) {
            return Err(self.mixing(op));
        }
        Ok(field)
    }

    /// `x * factor + offset`.
    fn moved(x: &Tensor<'c, 'a>, factor: &Field<Real>, offset: &Field<Real>) -> Tensor<'c, 'a> {
        let form = Self::moved_form(x, factor, offset).map(Rc::new);
        let coded = |of: &Coded<'c, 'a>| Coded {
            scale: of.scale.with(factor, |scale, factor| scale * factor),
            ..of.clone()
        };
        let both = factor.with(offset, |factor, offset| (factor.clone(), offset.clone()));
        let integers = match &x.integers {
            Integers::Codes(of) => Integers::Codes(coded(of)),
            Integers::Sums(pending, scale) => {
                let scale = scale.with(factor, |scale, factor| scale * factor);
                Integers::Sums(pending.clone(), scale)
            }
            Integers::Sum([a, b]) => Integers::Sum([coded(a), coded(b)]),
            Integers::Table(value, codes, reals) => {
                match (
                    factor.shared().and_then(|f| f.to_f64()),
                    offset.shared().and_then(|o| o.to_f64()),
                ) {
                    (Some(factor), Some(offset)) => {
                        let reals = reals.iter().map(|x| x * factor + offset).collect();
                        Integers::Table(*value, *codes, reals)
                    }
                    _ => Integers::None,
                }
            }
            Integers::Function(of, function) => {
                match (
                    factor.shared().and_then(|f| f.to_f64()),
                    offset.shared().and_then(|o| o.to_f64()),
                ) {
                    (Some(factor), Some(offset)) => {
                        let function = function.clone();
                        let moved = move |x| function(x) * factor + offset;
                        Integers::Function(of.clone(), Rc::new(moved))
                    }
                    _ => Integers::None,
                }
            }
            Integers::Parts(..) | Integers::Extreme(..) | Integers::None => Integers::None,
        };
        Tensor {
            integers,
            offset: x.offset.with(&both, |old, (factor, offset)| old * factor + offset),
            limits: match x.limits.shared() {
                Some(limits) if *limits == Limits::default() => x.limits.clone(),
                _ => x.limits.with(&both, |limits, (factor, offset)| limits.moved(factor, offset)),
            },
            form,
            ..x.clone()
        }
    }

    /// A computed tensor with the extents of the result.
    fn spread(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Rc<Tensor<'c, 'a>>,
    ) -> pass::Result<'c, Rc<Tensor<'c, 'a>>> {
        let shape = self.shape_of(op)?;
        let x = &self.plainly(op, x)?;
        if x.shape == shape || matches!(x.integers, Integers::None) {
            return Ok(x.clone());
        }
        let rank = shape.len();
        let view = x.view.repeated(&shape).ok_or_else(|| self.mixing(op))?;
        let coded = |of: &Coded<'c, 'a>| Coded { scale: of.scale.repeated(rank), ..of.clone() };
        let integers = match &x.integers {
            Integers::Codes(of) => Integers::Codes(coded(of)),
            Integers::Table(..) => x.integers.clone(),
            _ => {
                return Err(fail(
                    &op,
                    "broadcasts a tensor that is not quantized: put QuantizeLinear and DequantizeLinear before it",
                ));
            }
        };
        Ok(Rc::new(Tensor {
            integers,
            offset: x.offset.repeated(rank),
            limits: x.limits.repeated(rank),
            form: None,
            shape,
            view,
        }))
    }

    pub(super) fn add(&mut self, op: OperationRef<'c, 'a>, subtract: bool) -> pass::Result<'c> {
        let one = requantize::integer(1);
        let sign = if subtract { -one.clone() } else { one.clone() };
        let tensor = match (self.tensor(op, 0), self.tensor(op, 1)) {
            (Some(a), Some(b)) => self.sum(op, &a, &b, &sign)?,
            (Some(x), None) => {
                let x = self.spread(op, &x)?;
                let constant = self.field(op, &self.fixed(op, 1)?, &x)?;
                let rank = x.shape.len();
                Self::moved(&x, &Field::all(rank, one), &constant.map(|c| c * &sign))
            }
            (None, Some(x)) => {
                let x = self.spread(op, &x)?;
                let constant = self.field(op, &self.fixed(op, 0)?, &x)?;
                Self::moved(&x, &Field::all(x.shape.len(), sign), &constant)
            }
            (None, None) => return self.base.convert(op),
        };
        self.set(op, tensor);
        Ok(())
    }

    fn sum(
        &self,
        op: OperationRef<'c, 'a>,
        a: &Rc<Tensor<'c, 'a>>,
        b: &Rc<Tensor<'c, 'a>>,
        sign: &Real,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        if sign.is_negative()
            && let Some(form) = self.difference_form(a, b)
        {
            return self.formed(op, form);
        }
        let (a, b) = (self.spread(op, a)?, self.spread(op, b)?);
        let signum = sign.to_f64().unwrap_or(1.0);
        if let Some(table) = self.same_codes(&[&a, &b], move |x| x[0] + signum * x[1]) {
            return Ok(table);
        }
        let (left, right) = (self.shared(op, &a)?, self.shared(op, &b)?);
        let (left_value, right_value, view) =
            self.alike(op, (&left, &a.view), (&right, &b.view))?;
        let rank = a.shape.len();
        let term = |of: &Shared<'c, 'a>, value, sign: &Real| Coded {
            value,
            codes: of.codes,
            scale: Field::all(rank, &of.scale * sign),
        };
        let one = requantize::integer(1);
        let offset = &left.offset + &right.offset * sign;
        Ok(Tensor {
            shape: a.shape.clone(),
            view,
            integers: Integers::Sum([
                term(&left, left_value, &one),
                term(&right, right_value, sign),
            ]),
            offset: Field::all(rank, offset),
            limits: Field::all(rank, Limits::default()),
            form: None,
        })
    }

    /// Two tensors of one shape, so that the elements of each index lie in the same place.
    fn alike(
        &self,
        op: OperationRef<'c, 'a>,
        (a, left): (&Shared<'c, 'a>, &View),
        (b, right): (&Shared<'c, 'a>, &View),
    ) -> pass::Result<'c, (Value<'c, 'a>, Value<'c, 'a>, View)> {
        if left.rows() != self.rows || right.rows() != self.rows {
            return Err(self.mixing(op));
        }
        let all = |value: Value, view: &View| {
            let mut features = view.features();
            features.sort_unstable();
            features.into_iter().eq(0..Self::columns(value))
        };
        // One that is seen whole stays as it is.
        let (first, second) = (left.features(), right.features());
        let follow = |from: &[usize], to: &[usize]| {
            let mut index = vec![0i64; to.len()];
            for (&from, &to) in from.iter().zip(to) {
                index[to] = from as i64;
            }
            index
        };
        if all(a.value, left) {
            let value = self.gather(op, &[b.value], &follow(&second, &first), 0);
            return Ok((a.value, value, left.clone()));
        }
        if all(b.value, right) {
            let value = self.gather(op, &[a.value], &follow(&first, &second), 0);
            return Ok((value, b.value, right.clone()));
        }
        let view = self.fresh(op, left, &left.sample())?;
        Ok((self.in_order(op, a.value, left), self.in_order(op, b.value, right), view))
    }

    pub(super) fn mul(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let tensor = match (self.tensor(op, 0), self.tensor(op, 1)) {
            (Some(a), Some(b)) => self.times(op, &a, &b)?,
            (Some(x), None) => self.scaled(op, &x, 1)?,
            (None, Some(x)) => self.scaled(op, &x, 0)?,
            (None, None) => return self.base.convert(op),
        };
        self.set(op, tensor);
        Ok(())
    }

    /// Times the constant that is operand `index`.
    fn scaled(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Rc<Tensor<'c, 'a>>,
        index: usize,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let x = self.spread(op, x)?;
        let constant = self.field(op, &self.fixed(op, index)?, &x)?;
        Ok(Self::moved(&x, &constant, &Field::all(x.shape.len(), Real::zero())))
    }

    fn times(
        &self,
        op: OperationRef<'c, 'a>,
        a: &Rc<Tensor<'c, 'a>>,
        b: &Rc<Tensor<'c, 'a>>,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let form = self.product_form(a, b);
        let form = match form {
            Some(Form::Softmax(of)) => return self.softmax(op, &of),
            Some(form @ (Form::Normal(_) | Form::Square(_, Some(_)))) => {
                return self.formed(op, form);
            }
            other => other,
        };
        let (a, b) = (self.spread(op, a)?, self.spread(op, b)?);
        if let Some(mut table) = self.same_codes(&[&a, &b], |x| x[0] * x[1]) {
            table.form = form.map(Rc::new);
            return Ok(table);
        }
        if let Some(form) = form {
            return self.formed(op, form);
        }
        let (left, right) = (self.shared(op, &a)?, self.shared(op, &b)?);
        let zero = |of: &Shared| {
            of.code_of(&Real::zero())
                .ok_or_else(|| fail(&op, "multiplies codes without a zero point"))
        };
        let (zero_a, zero_b) = (zero(&left)?, zero(&right)?);
        let most = |of: &Shared, zero: i64| {
            let (low, high) = crate::exact::range(of.codes.bits.into(), of.codes.signed);
            i128::from((low - zero).abs().max((high - zero).abs()))
        };
        let largest = most(&left, zero_a) * most(&right, zero_b);
        if largest > i128::from(i32::MAX) {
            return Err(fail(
                &op,
                "makes products that exceed 32 bits: quantize an operand to 8 bits",
            ));
        }
        let scale = &left.scale * &right.scale;
        let numbers = (0, [zero_a, zero_b], scale, Real::zero(), largest as i64);
        self.binary(op, (&left, &a.view), (&right, &b.view), numbers, a.shape.clone())
    }

    /// An operator of two codes: its kind, zero points, what one of its result means, what zero
    /// does, and how large it can be.
    fn binary(
        &self,
        op: OperationRef<'c, 'a>,
        (left, left_view): (&Shared<'c, 'a>, &View),
        (right, right_view): (&Shared<'c, 'a>, &View),
        (kind, zero_points, scale, offset, largest): (i64, [i64; 2], Real, Real, i64),
        shape: Vec<usize>,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        if let Some(wide) = [left, right].into_iter().find(|of| of.codes.bits > 16) {
            let bits = wide.codes.bits;
            return Err(fail(
                &op,
                format_args!("combines codes of {bits} bits: quantize them to 8 or 16"),
            ));
        }
        let (a, b, view) = self.alike(op, (left, left_view), (right, right_view))?;
        let features = Self::columns(a);
        let port = |number| operator::Tensor { features, number };
        let node = Node {
            operator: &operator::binary::Binary,
            parameters: [
                ("kind".to_owned(), vec![kind]),
                ("zero_points".to_owned(), zero_points.to_vec()),
            ]
            .into(),
            inputs: vec![port(left.number()), port(right.number())],
            constants: Vec::new(),
            output: port(left.number()),
            accumulator: 32,
        };
        let pending = Pending {
            layer: Layer::Operator { node, inputs: vec![a, b], has_bias: false },
            features,
            unit: features,
            reach: vec![-largest..=largest],
            accumulator: 32,
            tied: None,
        };
        let rank = shape.len();
        Ok(Tensor {
            shape,
            view,
            integers: Integers::Sums(Rc::new(pending), Field::all(rank, scale)),
            offset: Field::all(rank, offset),
            limits: Field::all(rank, Limits::default()),
            form: None,
        })
    }

    pub(super) fn negate(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        let rank = x.shape.len();
        let minus = Field::all(rank, requantize::integer(-1));
        self.set(op, Self::moved(&x, &minus, &Field::all(rank, Real::zero())));
        Ok(())
    }

    pub(super) fn clamp(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let limit = |name: &str| {
            let attribute = op.attribute(name).ok().and_then(|a| FloatAttribute::try_from(a).ok());
            let limit = attribute.map(|a| a.value());
            let limit = limit.ok_or_else(|| fail(&op, format_args!("needs a float '{name}'")))?;
            let bounds = limit.is_finite() && limit.abs() < f64::from(f32::MAX);
            Ok(if bounds { requantize::real(limit) } else { None })
        };
        let (low, high) = (limit("min_val")?, limit("max_val")?);
        let x = self.computed(op, 0)?;
        let tensor = self.limited_to(op, &x, &low, &high)?;
        self.set(op, tensor);
        Ok(())
    }

    fn limited_to(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Rc<Tensor<'c, 'a>>,
        low: &Option<Real>,
        high: &Option<Real>,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let x = self.spread(op, x)?;
        match &x.integers {
            Integers::Table(value, codes, reals) => {
                let bound = |limit: &Option<Real>, other: f64| {
                    limit.as_ref().and_then(|limit| limit.to_f64()).unwrap_or(other)
                };
                let (low, high) = (bound(low, f64::NEG_INFINITY), bound(high, f64::INFINITY));
                let reals = reals.iter().map(|x| x.max(low).min(high)).collect();
                let integers = Integers::Table(*value, *codes, reals);
                Ok(Tensor { integers, form: None, ..(*x).clone() })
            }
            Integers::Function(of, function) => {
                let bound = |limit: &Option<Real>, other: f64| {
                    limit.as_ref().and_then(|limit| limit.to_f64()).unwrap_or(other)
                };
                let (low, high) = (bound(low, f64::NEG_INFINITY), bound(high, f64::INFINITY));
                let function = function.clone();
                let limited = move |x| function(x).max(low).min(high);
                let integers = Integers::Function(of.clone(), Rc::new(limited));
                Ok(Tensor { integers, form: None, ..(*x).clone() })
            }
            // Each part by itself.
            Integers::Parts(parts, axis) => {
                let parts: pass::Result<Vec<_>> = parts
                    .iter()
                    .map(|part| {
                        let limits = part.limits.map(|limits| limits.then(low, high));
                        Ok(Rc::new(Tensor { limits, form: None, ..(**part).clone() }))
                    })
                    .collect();
                let integers = Integers::Parts(parts?.into(), *axis);
                Ok(Tensor { integers, form: None, ..(*x).clone() })
            }
            Integers::None => Err(foreign(op)),
            _ => {
                let limits = x.limits.map(|limits| limits.then(low, high));
                Ok(Tensor { limits, form: None, ..(*x).clone() })
            }
        }
    }

    /// The larger or smaller of two operands.
    pub(super) fn extreme(&mut self, op: OperationRef<'c, 'a>, larger: bool) -> pass::Result<'c> {
        let tensor = match (self.tensor(op, 0), self.tensor(op, 1)) {
            (Some(a), Some(b)) => self.extreme_of(op, &a, &b, larger)?,
            (Some(x), None) => self.limit(op, &x, 1, larger)?,
            (None, Some(x)) => self.limit(op, &x, 0, larger)?,
            (None, None) => return Err(foreign(op)),
        };
        self.set(op, tensor);
        Ok(())
    }

    fn limit(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Rc<Tensor<'c, 'a>>,
        index: usize,
        larger: bool,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let field = self.field(op, &self.fixed(op, index)?, x)?;
        let Some(limit) = field.shared().cloned() else {
            return Err(fail(
                &op,
                "has a limit for each feature, which cannot be mapped to the array yet",
            ));
        };
        let (low, high) = if larger { (Some(limit), None) } else { (None, Some(limit)) };
        self.limited_to(op, x, &low, &high)
    }

    pub(super) fn extreme_of(
        &self,
        op: OperationRef<'c, 'a>,
        a: &Rc<Tensor<'c, 'a>>,
        b: &Rc<Tensor<'c, 'a>>,
        larger: bool,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let (a, b) = (self.spread(op, a)?, self.spread(op, b)?);
        let pick = move |x: &[f64]| if larger { x[0].max(x[1]) } else { x[0].min(x[1]) };
        if let Some(table) = self.same_codes(&[&a, &b], pick) {
            return Ok(table);
        }
        if ![&a, &b].iter().all(|x| matches!(x.integers, Integers::Codes(_))) {
            return Ok(self.either(&a, &b, larger));
        }
        let (left, right) = (self.shared(op, &a)?, self.shared(op, &b)?);
        if (&left.scale, &left.offset) != (&right.scale, &right.offset) || !left.scale.is_positive()
        {
            // A quantizer keeps order, so what it makes of either is compared.
            return Ok(self.either(&a, &b, larger));
        }
        let most = [left.codes, right.codes]
            .iter()
            .map(|codes| codes.min.abs().max(codes.max.abs()))
            .max()
            .unwrap_or(0);
        let kind = if larger { 1 } else { 2 };
        let numbers = (kind, [0, 0], left.scale.clone(), left.offset.clone(), most);
        self.binary(op, (&left, &a.view), (&right, &b.view), numbers, a.shape.clone())
    }

    /// The larger or smaller of two tensors, when they are quantized.
    fn either(
        &self,
        a: &Rc<Tensor<'c, 'a>>,
        b: &Rc<Tensor<'c, 'a>>,
        larger: bool,
    ) -> Tensor<'c, 'a> {
        let rank = a.shape.len();
        Tensor {
            integers: Integers::Extreme(a.clone(), b.clone(), larger),
            offset: Field::all(rank, Real::zero()),
            limits: Field::all(rank, Limits::default()),
            form: None,
            ..(**a).clone()
        }
    }

    pub(super) fn at_least(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        if let (Some(x), None) = (self.tensor(op, 0), self.tensor(op, 1))
            && self.fixed(op, 1)?.reals().iter().all(Zero::is_zero)
        {
            let form = Form::Sign(x.clone());
            let known = self.same_codes(&[&x], |x| f64::from(x[0] >= 0.0));
            let tensor = match known {
                Some(table) => Tensor { form: Some(Rc::new(form)), ..table },
                None => self.formed(op, form)?,
            };
            self.set(op, tensor);
            return Ok(());
        }
        self.pointwise(op, |x| f64::from(x[0] >= x[1]))
    }

    /// One of two tensors. Where it is `x` if that is not negative, otherwise `x` times factors of
    /// at most one, it is the larger of both.
    pub(super) fn select(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let operands = (self.tensor(op, 0), self.tensor(op, 1), self.tensor(op, 2));
        if let (Some(condition), Some(a), Some(b)) = operands
            && let Some(Form::Sign(x)) = condition.form.as_deref()
            && Rc::ptr_eq(x, &a)
            && !(Self::is_of_bytes(&a) && Self::is_of_bytes(&b))
        {
            let scales = match (&a.integers, &b.integers) {
                (Integers::Sums(one, from), Integers::Sums(other, to))
                    if Rc::ptr_eq(one, other) =>
                {
                    Some((from, to))
                }
                (Integers::Codes(from), Integers::Codes(to)) if from.value == to.value => {
                    Some((&from.scale, &to.scale))
                }
                _ => None,
            };
            let factors = scales
                .filter(|(from, _)| !from.has(Zero::is_zero))
                .map(|(from, to)| to.with(from, |to, from| to / from));
            if let Some(factors) = factors {
                let numbers = a.offset.with(&b.offset, |a, b| (a.clone(), b.clone()));
                let fits = factors.with(&numbers, |factor, (a, b)| a * factor == *b);
                let one = requantize::integer(1);
                let (small, large) =
                    (factors.map(|factor| *factor <= one), factors.map(|factor| *factor >= one));
                let plain = [&a, &b]
                    .iter()
                    .all(|x| x.limits.shared() == Some(&Limits::default()) && x.view == a.view);
                if plain && fits.shared() == Some(&true) {
                    if small.shared() == Some(&true) {
                        let tensor = self.either(&a, &b, true);
                        self.set(op, tensor);
                        return Ok(());
                    }
                    if large.shared() == Some(&true) {
                        let tensor = self.either(&a, &b, false);
                        self.set(op, tensor);
                        return Ok(());
                    }
                }
            }
        }
        self.pointwise(op, |x| if x[0] != 0.0 { x[1] } else { x[2] })
    }

    /// Whether a tensor is a function of codes of 8 bits, for which a table is the cheapest.
    fn is_of_bytes(x: &Tensor<'c, 'a>) -> bool {
        match &x.integers {
            Integers::Table(_, codes, _) => codes.bits == 8,
            Integers::Codes(Coded { codes, scale, .. }) => {
                codes.bits == 8
                    && scale.shared().is_some()
                    && x.offset.shared().is_some()
                    && x.limits.shared().is_some()
            }
            _ => false,
        }
    }

    /// What each code of a tensor means, and the codes.
    fn table(&self, x: &Tensor<'c, 'a>) -> Option<(Value<'c, 'a>, Uniform, Rc<[f64]>)> {
        match &x.integers {
            Integers::Table(value, codes, reals) => Some((*value, *codes, reals.clone())),
            Integers::Codes(Coded { value, codes, scale }) if codes.bits <= 16 => {
                let (scale, offset) = (scale.shared()?.to_f64()?, x.offset.shared()?.to_f64()?);
                let limits = x.limits.shared()?;
                let (first, last) = crate::exact::range(codes.bits.into(), codes.signed);
                let low = limits.low.as_ref().and_then(|limit| limit.to_f64());
                let high = limits.high.as_ref().and_then(|limit| limit.to_f64());
                let real = |code: i64| {
                    let real = code as f64 * scale + offset;
                    let real = low.map_or(real, |low| real.max(low));
                    high.map_or(real, |high| real.min(high))
                };
                Some((*value, *codes, (first..=last).map(real).collect()))
            }
            _ => None,
        }
    }

    /// A function of tensors that are all functions of the same codes, seen alike.
    fn same_codes(
        &self,
        tensors: &[&Rc<Tensor<'c, 'a>>],
        f: impl Fn(&[f64]) -> f64 + 'static,
    ) -> Option<Tensor<'c, 'a>> {
        if tensors.iter().any(|x| matches!(&x.integers, Integers::Function(..))) {
            return self.same_sums(tensors, f);
        }
        // Sums and products of wider codes take fewer operations than a function in pieces.
        let plain = |x: &Tensor| matches!(&x.integers, Integers::Codes(of) if of.codes.bits > 8);
        if tensors.len() > 1 && tensors.iter().all(|x| plain(x)) {
            return None;
        }
        let tables: Vec<_> = tensors.iter().map(|x| self.table(x)).collect::<Option<_>>()?;
        let (value, codes, _) = tables.first()?.clone();
        let first = tensors.first()?;
        let same = tables.iter().all(|(other, _, _)| *other == value)
            && tensors.iter().all(|other| other.view == first.view && other.shape == first.shape);
        if !same {
            return None;
        }
        let reals = (0..tables.iter().map(|(_, _, reals)| reals.len()).min()?)
            .map(|at| f(&tables.iter().map(|(_, _, reals)| reals[at]).collect::<Vec<_>>()))
            .collect();
        let rank = first.shape.len();
        Some(Tensor {
            integers: Integers::Table(value, codes, reals),
            offset: Field::all(rank, Real::zero()),
            limits: Field::all(rank, Limits::default()),
            form: None,
            ..(***first).clone()
        })
    }

    /// A function of tensors that are all functions of the same sums, seen alike.
    fn same_sums(
        &self,
        tensors: &[&Rc<Tensor<'c, 'a>>],
        f: impl Fn(&[f64]) -> f64 + 'static,
    ) -> Option<Tensor<'c, 'a>> {
        let root = tensors.iter().find_map(|x| match &x.integers {
            Integers::Function(of, _) => Some(of.clone()),
            _ => None,
        });
        let root = match (root, tensors) {
            (Some(root), _) => root,
            (None, [x]) if matches!(x.integers, Integers::Sums(..)) => {
                let limits = Field::all(x.shape.len(), Limits::default());
                Rc::new(Tensor { limits, form: None, ..(***x).clone() })
            }
            _ => return None,
        };
        let functions = tensors.iter().map(|x| Self::function_of(x, &root));
        let functions: Vec<Function> = functions.collect::<Option<_>>()?;
        let all = move |x: f64| f(&functions.iter().map(|of| of(x)).collect::<Vec<_>>());
        let rank = root.shape.len();
        Some(Tensor {
            integers: Integers::Function(root.clone(), Rc::new(all)),
            offset: Field::all(rank, Real::zero()),
            limits: Field::all(rank, Limits::default()),
            form: None,
            ..(*root).clone()
        })
    }

    /// What a tensor is of the real values of sums; `None` if it is no function of these.
    fn function_of(x: &Tensor<'c, 'a>, root: &Tensor<'c, 'a>) -> Option<Function> {
        if x.view != root.view || x.shape != root.shape {
            return None;
        }
        let (of, function): (&Tensor, Function) = match &x.integers {
            Integers::Function(of, function) => (of, function.clone()),
            Integers::Sums(..) => {
                let limits = x.limits.shared()?;
                let bound = |limit: &Option<Real>, other: f64| {
                    limit.as_ref().map_or(Some(other), |limit| limit.to_f64())
                };
                let low = bound(&limits.low, f64::NEG_INFINITY)?;
                let high = bound(&limits.high, f64::INFINITY)?;
                (x, Rc::new(move |x: f64| x.max(low).min(high)))
            }
            _ => return None,
        };
        let (Integers::Sums(sums, scale), Integers::Sums(other, from)) =
            (&of.integers, &root.integers)
        else {
            return None;
        };
        if !Rc::ptr_eq(sums, other) || from.has(Zero::is_zero) {
            return None;
        }
        let factors = scale.with(from, |to, from| to / from);
        let factor = factors.shared()?.clone();
        let moved = root.offset.map(|offset| offset * &factor);
        let offsets = of.offset.with(&moved, |to, moved| to - moved);
        let (factor, offset) = (factor.to_f64()?, offsets.shared()?.to_f64()?);
        Some(Rc::new(move |x| function(x * factor + offset)))
    }

    pub(super) fn unary(
        &mut self,
        op: OperationRef<'c, 'a>,
        f: impl Fn(f64) -> f64 + 'static,
    ) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        let name = op.name();
        let name = name.as_string_ref();
        if let Some(form) = Self::unary_form(name.as_str().unwrap_or_default(), &x) {
            let tensor = self.formed(op, form)?;
            self.set(op, tensor);
            return Ok(());
        }
        let f = move |x: &[f64]| f(x[0]);
        let tensor = match x.integers {
            Integers::Sums(..) => self.same_sums(&[&x], f),
            _ => self.same_codes(&[&x], f),
        };
        let tensor = tensor.ok_or_else(|| self.no_table(op, &x))?;
        self.set(op, tensor);
        Ok(())
    }

    /// Why there is no table of a tensor.
    fn no_table(&self, op: OperationRef<'c, 'a>, x: &Tensor<'c, 'a>) -> pass::Failure<'c> {
        let operator = aie4ml::operator_name(op.location());
        let what = operator.map_or("a function".to_owned(), |name| format!("a '{name}'"));
        match &x.integers {
            Integers::Codes(_) => fail(
                &op,
                format_args!(
                    "is {what} of codes with scales of their own: quantize its input anew"
                ),
            ),
            _ => fail(
                &op,
                format_args!(
                    "is {what} of what is not quantized: put QuantizeLinear and DequantizeLinear before it"
                ),
            ),
        }
    }

    /// A function of several operands, computed ones of the same codes, constants of one number.
    pub(super) fn pointwise(
        &mut self,
        op: OperationRef<'c, 'a>,
        f: impl Fn(&[f64]) -> f64 + 'static,
    ) -> pass::Result<'c> {
        let mut tensors = Vec::new();
        let mut operands: Vec<Result<usize, f64>> = Vec::new();
        for index in 0..op.operand_count() {
            match self.tensor(op, index) {
                Some(x) => {
                    tensors.push(self.spread(op, &x)?);
                    operands.push(Ok(tensors.len() - 1));
                }
                None => {
                    let reals = self.fixed(op, index)?.reals();
                    let shared = Field::of(vec![reals.len()], reals);
                    let number = shared.as_ref().and_then(|all| all.shared()?.to_f64());
                    operands.push(Err(number.ok_or_else(|| {
                        fail(&op, "has constants of its own for each feature, which cannot be mapped to the array yet")
                    })?));
                }
            }
        }
        let refs: Vec<&Rc<Tensor>> = tensors.iter().collect();
        let all = move |x: &[f64]| {
            let numbers: Vec<f64> = operands
                .iter()
                .map(|operand| match operand {
                    Ok(index) => x[*index],
                    Err(number) => *number,
                })
                .collect();
            f(&numbers)
        };
        let tensor = match refs.as_slice() {
            [x] if matches!(x.integers, Integers::Sums(..)) => self.same_sums(&refs, all),
            _ => self.same_codes(&refs, all),
        };
        let tensor = tensor.ok_or_else(|| match tensors.as_slice() {
            [x] => self.no_table(op, x),
            _ => foreign(op),
        })?;
        self.set(op, tensor);
        Ok(())
    }
}
