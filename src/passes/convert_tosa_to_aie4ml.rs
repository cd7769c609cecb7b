//! Real-valued `tosa` between quantization casts becomes integer layers.
//!
//! Every real tensor of such a network is an integer tensor times a scale plus an offset, of
//! each feature; scales and offsets are exact ratios, as every float32 is one. The pass walks
//! the function once and keeps them for each real value:
//!
//! ```text
//! qcast(argument)          the function's new argument, in codes
//! dcast, scast, reshape    the same integers
//! matmul(x, w)             sum of x * w, scale sx * sw[j]           aie4ml.dense
//! add, sub, mul constants  another scale or offset
//! add(x, y)                remembered until it is quantized         aie4ml.add
//! clamp(x)                 remembered until it is quantized
//! qcast(x)                 integers that [`requantize`] proves      aie4ml.bias_add, aie4ml.requantize
//! ```
//!
//! What the integers compute is what real arithmetic gives, rounded as the cast says, from
//! every value that can occur; where none do, a remark says so.

use crate::{
    dialect::aie4ml::{self, Codes, shape},
    exact::{Requant, Rounding},
    kernel::Integer,
    mlir::{
        constant,
        fields::Fields,
        pass::{self, Pass, fail},
        quant::{Quantized, Uniform},
        rewrite,
    },
    operator::Node,
    plan::requantize::{self, Channel, Choice, Quantizer, Real, Sum},
};
use melior::{
    Context,
    ir::{
        Attribute, Identifier, Operation, OperationRef, ShapedTypeLike, Type, Value, ValueLike,
        attribute::{
            DenseElementsAttribute, DenseI32ArrayAttribute, DenseI64ArrayAttribute, FloatAttribute,
            StringAttribute, TypeAttribute,
        },
        block::BlockLike,
        operation::{OperationBuilder, OperationLike},
        r#type::{FunctionType, IntegerType, RankedTensorType},
    },
};
use num_traits::{Signed, ToPrimitive, Zero};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    ops::RangeInclusive,
    rc::Rc,
};

pub(super) mod rows;

crate::pass! {
    /// Turn quantized tosa into integer layers.
    ///
    /// Before: float `tosa` ops between `quant` casts, of any scales and zero points, weights
    /// and biases per tensor or per output channel. After: `aie4ml` ops on integer tensors; the
    /// function takes and returns codes, and its argument and result attributes `aie4ml.quant`
    /// say what the codes mean. No `tosa` and no `quant` op is left.
    ///
    /// A `quant.qcast` with the attribute `aie4ml.rounding` rounds as that says, another one to
    /// the nearest, ties to even.
    ///
    /// Refuses an op it does not know, a value that is not quantized where it must be, and
    /// scales that differ by feature where features are summed.
    pub struct ConvertTosaToAie4ml: "convert-tosa-to-aie4ml" on "func.func" {}
}

impl Pass for ConvertTosaToAie4ml {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let Some(body) = rewrite::body(func) else { return Ok(()) };
        if func.has_attribute("aie4ml.host") {
            return Ok(());
        }
        let ops = rewrite::ops(body);
        if !ops.iter().any(is_model_level) {
            return Ok(());
        }
        let mut conversion = Conversion {
            context: rewrite::context(func.location()),
            func,
            values: HashMap::new(),
            arguments: Vec::new(),
            results: Vec::new(),
            inserted: RefCell::new(Vec::new()),
            mixes: Cell::new(false),
        };
        if rows::wanted(&ops) {
            return rows::convert(conversion, &ops);
        }
        let arguments = body.argument_count();
        match conversion.run(&ops) {
            Err(failure) if conversion.mixes.get() => {
                conversion.undo(arguments);
                // What stood in the way of rows apart says more.
                rows::convert(conversion, &ops).map_err(|_| failure)
            }
            Err(failure) => Err(failure),
            Ok(()) => conversion.finish(&ops),
        }
    }
}

fn is_model_level(op: &OperationRef) -> bool {
    let name = op.name();
    let name = name.as_string_ref();
    name.as_str().is_ok_and(|name| name.starts_with("tosa.") || name.starts_with("quant."))
}

/// One number for all features or one for each.
#[derive(Clone)]
struct PerFeature<T>(Vec<T>);

impl<T: Clone + PartialEq> PerFeature<T> {
    fn of(&self, feature: usize) -> &T {
        if self.0.len() == 1 { &self.0[0] } else { &self.0[feature] }
    }
    /// The number that all features share.
    fn shared(&self) -> Option<&T> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().all(|other| other == first).then_some(first)
    }
    fn map<U>(&self, f: impl Fn(&T) -> U) -> PerFeature<U> {
        PerFeature(self.0.iter().map(f).collect())
    }
    fn with<U: Clone + PartialEq, V>(
        &self,
        other: &PerFeature<U>,
        f: impl Fn(&T, &U) -> V,
    ) -> PerFeature<V> {
        let count = self.0.len().max(other.0.len());
        PerFeature((0..count).map(|i| f(self.of(i), other.of(i))).collect())
    }
}

/// Limits of a real number, none at a side where it has none.
#[derive(Clone, PartialEq, Default)]
struct Limits {
    low: Option<Real>,
    high: Option<Real>,
}

impl Limits {
    /// After a limited number is limited again.
    fn then(&self, low: &Option<Real>, high: &Option<Real>) -> Limits {
        let within = |x: &Real| {
            let x = low.as_ref().map_or(x.clone(), |low| x.clone().max(low.clone()));
            high.as_ref().map_or(x.clone(), |high| x.min(high.clone()))
        };
        Limits {
            low: self.low.as_ref().map(within).or_else(|| low.clone()),
            high: self.high.as_ref().map(within).or_else(|| high.clone()),
        }
    }
    /// As codes of steps of a quantizer: rounding keeps the order, so limits commute with it.
    fn codes(&self, quantizer: &Quantizer, step: &Real) -> (i64, i64) {
        let code = |limit: &Option<Real>, other| {
            limit.as_ref().map_or(other, |limit| quantizer.apply(&(limit / step)))
        };
        (code(&self.low, quantizer.min), code(&self.high, quantizer.max))
    }
    /// Of the number times `factor` plus `offset`.
    fn moved(&self, factor: &Real, offset: &Real) -> Limits {
        let moved = |limit: &Option<Real>| limit.as_ref().map(|x| x * factor + offset);
        let (low, high) = (moved(&self.low), moved(&self.high));
        if factor.is_negative() { Limits { low: high, high: low } } else { Limits { low, high } }
    }
}

/// A real tensor of rank 2: integers times a scale plus an offset, then limited.
#[derive(Clone)]
struct Computed<'c, 'a> {
    integers: Integers<'c, 'a>,
    rows: usize,
    columns: usize,
    offset: PerFeature<Real>,
    limits: PerFeature<Limits>,
}

/// The integers of a [`Computed`] tensor, and the scale of them.
#[derive(Clone)]
enum Integers<'c, 'a> {
    /// Codes or sums.
    Of(Terms<'c, 'a>),
    /// Two tensors of codes that are still to be added.
    Sum([Terms<'c, 'a>; 2]),
}

#[derive(Clone)]
struct Terms<'c, 'a> {
    value: Value<'c, 'a>,
    /// What codes they are; `None` for sums.
    codes: Option<Uniform>,
    scale: PerFeature<Real>,
    /// Every integer that can occur.
    reach: PerFeature<RangeInclusive<i64>>,
}

/// A constant of real numbers, of any shape.
#[derive(Clone)]
struct Constant {
    shape: Vec<usize>,
    data: Data,
}

#[derive(Clone)]
enum Data {
    /// Integers with a scale and a zero point, or one for each index of an axis, or, without an
    /// axis, one for each element.
    Codes {
        codes: Rc<[i64]>,
        axis: Option<usize>,
        parameters: Rc<[(Real, i64)]>,
    },
    Reals(Rc<[Real]>),
}

impl Constant {
    /// The element of a row-major index.
    fn real(&self, index: usize) -> Real {
        match &self.data {
            Data::Reals(reals) => reals[index].clone(),
            Data::Codes { codes, parameters, .. } => {
                let (scale, zero_point) = &parameters[self.parameter(index)];
                scale * requantize::integer(codes[index] - zero_point)
            }
        }
    }
    /// Which scale and zero point the element of a row-major index has.
    fn parameter(&self, index: usize) -> usize {
        match &self.data {
            Data::Codes { axis: Some(axis), .. } => {
                let inner: usize = self.shape[axis + 1..].iter().product();
                index / inner.max(1) % self.shape[*axis].max(1)
            }
            Data::Codes { parameters, .. } if parameters.len() > 1 => index,
            _ => 0,
        }
    }
    fn len(&self) -> usize {
        self.shape.iter().product()
    }
    /// Some of the elements, of which those along each axis are within a range.
    fn picked(
        &self,
        shape: Vec<usize>,
        elements: &[usize],
        within: impl Fn(usize) -> std::ops::Range<usize>,
    ) -> Constant {
        let data = match &self.data {
            Data::Reals(reals) => {
                Data::Reals(elements.iter().map(|&at| reals[at].clone()).collect())
            }
            Data::Codes { codes, axis, parameters } => Data::Codes {
                codes: elements.iter().map(|&at| codes[at]).collect(),
                axis: *axis,
                parameters: match axis {
                    Some(axis) => parameters[within(*axis)].into(),
                    None if parameters.len() > 1 => {
                        elements.iter().map(|&at| parameters[at].clone()).collect()
                    }
                    None => parameters.clone(),
                },
            },
        };
        Constant { shape, data }
    }
    fn reals(&self) -> Vec<Real> {
        (0..self.len()).map(|index| self.real(index)).collect()
    }
}

#[derive(Clone)]
enum Fixed<'c, 'a> {
    Computed(Rc<Computed<'c, 'a>>),
    Constant(Constant),
}

struct Conversion<'c, 'a> {
    context: &'c Context,
    func: OperationRef<'c, 'a>,
    values: HashMap<usize, Fixed<'c, 'a>>,
    arguments: Vec<Uniform>,
    results: Vec<Uniform>,
    /// Ops that were built, in order.
    inserted: RefCell<Vec<OperationRef<'c, 'a>>>,
    /// Whether something was met that mixes the rows of a tensor.
    mixes: Cell<bool>,
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

impl<'c, 'a> Conversion<'c, 'a> {
    fn run(&mut self, ops: &[OperationRef<'c, 'a>]) -> pass::Result<'c> {
        self.arguments()?;
        for &op in ops {
            self.convert(op)?;
        }
        Ok(())
    }

    /// Takes back all that was built, in a function that had so many arguments.
    fn undo(&mut self, arguments: usize) {
        for op in self.inserted.take().into_iter().rev() {
            rewrite::erase(op);
        }
        if let Some(body) = rewrite::body(self.func) {
            for index in (arguments..body.argument_count()).rev() {
                rewrite::erase_argument(body, index);
            }
        }
        self.values.clear();
        self.arguments.clear();
        self.results.clear();
    }

    /// Gives the function an argument of codes for each real one.
    fn arguments(&mut self) -> pass::Result<'c> {
        let body = rewrite::body(self.func).expect("checked by run");
        for index in 0..body.argument_count() {
            let argument: Value = body.argument(index).expect("in range").into();
            let mut found: Option<(Uniform, OperationRef)> = None;
            let (mut casts, mut moves) = (Vec::new(), Vec::new());
            let given = uniform(argument.r#type());
            if given.is_none() {
                self.borders(argument, index, &mut casts, &mut moves)?;
            }
            for &cast in &casts {
                let result = cast.result(0).expect("a cast has a result").r#type();
                let quantized = uniform(result).ok_or_else(|| fail(&cast, not_uniform(result)))?;
                match found {
                    Some((other, _)) if other != quantized => {
                        return Err(fail(
                            &cast,
                            format_args!("quantizes {} in a second way", self.input(index)),
                        ));
                    }
                    _ => found = Some((quantized, cast)),
                }
            }
            let Some((quantized, first)) = found.or(given.map(|given| (given, self.func))) else {
                return Err(fail(&self.func, format_args!("does not use {}", self.input(index))));
            };
            let [rows, columns] = matrix(&first, argument)?;
            let codes = codes([rows, columns], &quantized);
            let value = body.add_argument(codes.tensor(self.context), argument.location());
            let fixed = self.codes(&first, value, quantized)?;
            self.values.insert(key(argument), fixed.clone());
            for op in casts.into_iter().chain(moves) {
                self.set(op, fixed.clone());
            }
            self.arguments.push(quantized);
        }
        Ok(())
    }

    /// What quantizes an argument or takes its codes, in order, and the reshapes before that.
    fn borders(
        &self,
        value: Value<'c, 'a>,
        index: usize,
        casts: &mut Vec<OperationRef<'c, 'a>>,
        moves: &mut Vec<OperationRef<'c, 'a>>,
    ) -> pass::Result<'c> {
        // Uses are listed from the last one on.
        for user in rewrite::users(value).into_iter().rev() {
            if rewrite::is(&user, "quant.qcast") || rewrite::is(&user, "quant.scast") {
                casts.push(user);
            } else if rewrite::is(&user, "tosa.reshape") {
                let result = user.result(0).map_err(|error| fail(&user, error))?;
                self.borders(result.into(), index, casts, moves)?;
                moves.push(user);
            } else {
                return Err(fail(
                    &user,
                    format_args!(
                        "uses {} before it is quantized: put QuantizeLinear and DequantizeLinear before it",
                        self.input(index)
                    ),
                ));
            }
        }
        Ok(())
    }

    /// An input by its name, if it has one.
    fn input(&self, index: usize) -> String {
        let name = aie4ml::boundary_name(self.func, "arg_attrs", index);
        name.map_or_else(|| format!("input {index}"), |name| format!("input '{name}'"))
    }

    /// Codes with the meaning that their type gives them.
    fn codes(
        &self,
        op: &OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        quantized: Uniform,
    ) -> pass::Result<'c, Fixed<'c, 'a>> {
        let scale = scale(op, quantized.scale)?;
        let offset = -&scale * requantize::integer(quantized.zero_point);
        let Codes { rows, columns, .. } = Codes::of(value.r#type()).expect("codes have rank 2");
        Ok(Fixed::Computed(Rc::new(Computed {
            integers: Integers::Of(Terms {
                value,
                codes: Some(quantized),
                scale: PerFeature(vec![scale]),
                reach: PerFeature(vec![quantized.min..=quantized.max]),
            }),
            rows,
            columns,
            offset: PerFeature(vec![offset]),
            limits: PerFeature(vec![Limits::default()]),
        })))
    }

    fn operand(&self, op: OperationRef<'c, 'a>, index: usize) -> pass::Result<'c, Fixed<'c, 'a>> {
        let value = op.operand(index).map_err(|error| fail(&op, error))?;
        self.values.get(&key(value)).cloned().ok_or_else(|| {
            fail(&op, format_args!("has operand {index} that is not quantized: put QuantizeLinear and DequantizeLinear before it"))
        })
    }

    fn set(&mut self, op: OperationRef<'c, 'a>, fixed: Fixed<'c, 'a>) {
        let result = op.result(0).expect("a converted op has a result");
        self.values.insert(key(result.into()), fixed);
    }

    fn set_computed(&mut self, op: OperationRef<'c, 'a>, computed: Computed<'c, 'a>) {
        self.set(op, Fixed::Computed(Rc::new(computed)));
    }

    /// Whether an op on an argument was converted with the argument.
    fn is_done(&self, op: OperationRef<'c, 'a>) -> pass::Result<'c, bool> {
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        Ok(self.values.contains_key(&key(result.into())))
    }

    /// Inserts an op of our dialect before `op`.
    fn build(
        &self,
        op: OperationRef<'c, 'a>,
        name: &str,
        operands: &[Value<'c, '_>],
        attributes: &[(&str, Attribute<'c>)],
        result: Type<'c>,
    ) -> Value<'c, 'a> {
        self.insert(op, aie4ml::build(name, op.location(), operands, attributes, result))
    }

    /// Inserts an op with one result before `op`.
    fn insert(&self, op: OperationRef<'c, 'a>, new: Operation<'c>) -> Value<'c, 'a> {
        let new = rewrite::insert_before(op, new);
        self.inserted.borrow_mut().push(new);
        new.result(0).expect("it has one result").into()
    }

    /// Inserts an operator before `op`.
    fn build_operator(
        &self,
        op: OperationRef<'c, 'a>,
        node: &Node,
        inputs: &[Value<'c, 'a>],
        constants: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
        result: Type<'c>,
    ) -> Value<'c, 'a> {
        let location = op.location();
        let new = aie4ml::build_operator(node, location, inputs, constants, attributes, result);
        self.insert(op, new)
    }

    /// Inserts a constant of signed integers before `op`.
    fn constant(
        &self,
        op: OperationRef<'c, 'a>,
        extents: &[usize],
        bits: u32,
        values: &[i64],
    ) -> Value<'c, 'a> {
        self.constant_of(op, extents, Integer { bits, signed: true }, values)
    }

    /// Inserts a constant of integers before `op`.
    fn constant_of(
        &self,
        op: OperationRef<'c, 'a>,
        extents: &[usize],
        Integer { bits, signed }: Integer,
        values: &[i64],
    ) -> Value<'c, 'a> {
        let element: Type = match signed {
            true => IntegerType::new(self.context, bits).into(),
            false => IntegerType::unsigned(self.context, bits).into(),
        };
        let extents: Vec<u64> = extents.iter().map(|&extent| extent as u64).collect();
        let tensor: Type = RankedTensorType::new(&extents, element, None).into();
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes().into_iter().take(bits as usize / 8))
            .collect();
        let dense = DenseElementsAttribute::raw_buffer(tensor, &bytes);
        let new = OperationBuilder::new("arith.constant", op.location())
            .add_attributes(&[(Identifier::new(self.context, "value"), dense.into())])
            .add_results(&[tensor])
            .build()
            .expect("a constant is built");
        self.insert(op, new)
    }

    fn convert(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let name = op.name();
        let name = name.as_string_ref();
        match name.as_str().unwrap_or_default() {
            "arith.constant" | "tosa.const" => {
                self.read_constant(op);
                Ok(())
            }
            "tosa.const_shape" => Ok(()),
            "quant.qcast" => self.quantize(op),
            "quant.dcast" | "tosa.identity" => {
                let fixed = self.operand(op, 0)?;
                self.set(op, fixed);
                Ok(())
            }
            "quant.scast" => self.reinterpret(op),
            "tosa.reshape" => self.reshape(op),
            "tosa.transpose" => self.transpose(op),
            "tosa.matmul" => self.matmul(op),
            "tosa.add" => self.add(op, false),
            "tosa.sub" => self.add(op, true),
            "tosa.mul" => self.mul(op),
            "tosa.reciprocal" => self.reciprocal(op),
            "tosa.negate" => self.negate(op),
            "tosa.clamp" => self.clamp(op),
            "tosa.maximum" => self.limit(op, |x| (Some(x), None)),
            "tosa.minimum" => self.limit(op, |x| (None, Some(x))),
            "func.return" => self.r#return(op),
            _ => Err(foreign(op)),
        }
    }

    /// Keeps a constant of integers or of finite floats; others are refused where they are used.
    fn read_constant(&mut self, op: OperationRef<'c, 'a>) {
        let value: Value = op.result(0).expect("a constant has a result").into();
        let Some(shape) = static_shape(value.r#type()) else { return };
        let data = if let Some(codes) = constant::integers(value) {
            let parameters = [(requantize::integer(1), 0)].into();
            Data::Codes { codes: codes.into(), axis: None, parameters }
        } else if let Some(floats) = constant::floats(value) {
            let reals = floats.into_iter().map(|x| requantize::real(x.into()));
            let Some(reals) = reals.collect::<Option<Rc<[Real]>>>() else { return };
            Data::Reals(reals)
        } else {
            return;
        };
        self.set(op, Fixed::Constant(Constant { shape, data }));
    }

    /// The same integers, which now have another scale, or none.
    fn reinterpret(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        if self.is_done(op)? {
            return Ok(()); // of an argument
        }
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        let r#type = element_type(result.r#type());
        let quantized = r#type.and_then(Quantized::of);
        if quantized.is_none() && element(result.r#type()).is_none() {
            return Err(fail(&op, not_uniform(result.r#type())));
        }
        let fixed = self.operand(op, 0)?;
        let Some(quantized) = quantized else {
            self.set(op, fixed);
            return Ok(());
        };
        match fixed {
            Fixed::Constant(Constant { shape, data: Data::Codes { codes, .. } }) => {
                let mut codes = codes;
                let bits = IntegerType::try_from(quantized.storage).map_or(64, |i| i.width());
                if !quantized.signed && bits < 64 {
                    codes = codes.iter().map(|code| code & ((1 << bits) - 1)).collect();
                }
                let parameters = quantized
                    .parameters
                    .iter()
                    .map(|&(scale_of, zero_point)| Ok((scale(&op, scale_of)?, zero_point)));
                let parameters = parameters.collect::<pass::Result<Rc<[_]>>>()?;
                let axis = quantized.axis;
                let fits = axis.map_or(parameters.len() == 1, |axis| {
                    shape.get(axis) == Some(&parameters.len())
                });
                if !fits {
                    return Err(fail(
                        &op,
                        format_args!("has {} scales for a tensor of {shape:?}", parameters.len()),
                    ));
                }
                let data = Data::Codes { codes, axis, parameters };
                self.set(op, Fixed::Constant(Constant { shape, data }));
            }
            Fixed::Computed(computed) => {
                let quantized = uniform(result.r#type())
                    .ok_or_else(|| fail(&op, not_uniform(result.r#type())))?;
                let Integers::Of(Terms { value, codes: Some(of), .. }) = &computed.integers else {
                    return Err(fail(&op, "takes the codes of a tensor that has none"));
                };
                if (of.bits, of.signed) != (quantized.bits, quantized.signed) {
                    return Err(fail(&op, "takes the codes of a tensor for those of another type"));
                }
                let quantized = Uniform { min: of.min, max: of.max, ..quantized };
                let fixed = self.codes(&op, *value, quantized)?;
                self.set(op, fixed);
            }
            Fixed::Constant(_) => {
                return Err(fail(&op, "takes real numbers for codes"));
            }
        }
        Ok(())
    }

    fn reshape(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        if self.is_done(op)? {
            return Ok(()); // of an argument
        }
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        let extents = static_shape(result.r#type());
        let fixed = match self.operand(op, 0)? {
            Fixed::Computed(computed) => {
                let (rows, columns) = (computed.rows, computed.columns);
                if !extents.is_some_and(|extents| keeps_rows(&extents, rows, columns)) {
                    self.mixes.set(true);
                    return Err(fail(
                        &op,
                        format_args!(
                            "mixes the {rows} rows of {columns} values of a computed tensor, which cannot be mapped yet: keep the batch as the first extent",
                        ),
                    ));
                }
                Fixed::Computed(computed)
            }
            Fixed::Constant(constant) => {
                let Some(shape) =
                    extents.filter(|shape| shape.iter().product::<usize>() == constant.len())
                else {
                    return Err(fail(&op, "needs a static shape"));
                };
                let each = |parameters: &[(Real, i64)]| {
                    let of = |index| parameters[constant.parameter(index)].clone();
                    (0..constant.len()).map(of).collect::<Rc<[_]>>()
                };
                let data = match &constant.data {
                    // The axis is where as many elements as before lie before and behind it.
                    Data::Codes { codes, axis: Some(axis), parameters } => {
                        let inner: usize = constant.shape[axis + 1..].iter().product();
                        let moved = (0..shape.len()).find(|&d| {
                            shape[d] == constant.shape[*axis]
                                && shape[d + 1..].iter().product::<usize>() == inner
                        });
                        let codes = codes.clone();
                        match moved {
                            Some(_) => {
                                let parameters = parameters.clone();
                                Data::Codes { codes, axis: moved, parameters }
                            }
                            // Channels are taken apart, as those of a depthwise convolution are
                            // that makes several of each.
                            None => Data::Codes { codes, axis: None, parameters: each(parameters) },
                        }
                    }
                    data => data.clone(),
                };
                Fixed::Constant(Constant { shape, data })
            }
        };
        self.set(op, fixed);
        Ok(())
    }

    /// Of a constant.
    fn transpose(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let Ok(Fixed::Constant(constant)) = self.operand(op, 0) else {
            return Err(match aie4ml::operator_name(op.location()) {
                Some(operator) if operator != "Transpose" => foreign(op),
                _ => fail(
                    &op,
                    "transposes a computed tensor, which cannot be mapped to the array yet",
                ),
            });
        };
        let perms =
            op.attribute("perms").ok().and_then(|a| DenseI32ArrayAttribute::try_from(a).ok());
        let perms = perms.map(|perms| {
            (0..perms.len()).filter_map(|i| usize::try_from(perms.element(i).ok()?).ok()).collect()
        });
        let perms: Vec<usize> = perms.unwrap_or_default();
        let rank = constant.shape.len();
        if perms.len() != rank || (0..rank).any(|axis| !perms.contains(&axis)) {
            return Err(fail(&op, "needs a permutation"));
        }
        let mut strides = vec![1; rank];
        for axis in (1..rank).rev() {
            strides[axis - 1] = strides[axis] * constant.shape[axis];
        }
        let shape: Vec<usize> = perms.iter().map(|&axis| constant.shape[axis]).collect();
        let source = |mut index: usize| {
            let mut at = 0;
            for (extent, &axis) in shape.iter().zip(&perms).rev() {
                at += index % extent * strides[axis];
                index /= extent;
            }
            at
        };
        let count = constant.len();
        let data = match &constant.data {
            Data::Reals(reals) => {
                Data::Reals((0..count).map(|index| reals[source(index)].clone()).collect())
            }
            Data::Codes { codes, axis, parameters } => Data::Codes {
                codes: (0..count).map(|index| codes[source(index)]).collect(),
                axis: axis.and_then(|axis| perms.iter().position(|&from| from == axis)),
                parameters: match axis {
                    None if parameters.len() > 1 => {
                        (0..count).map(|index| parameters[source(index)].clone()).collect()
                    }
                    _ => parameters.clone(),
                },
            },
        };
        self.set(op, Fixed::Constant(Constant { shape, data }));
        Ok(())
    }

    fn matmul(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        for index in 2..op.operand_count() {
            let zero = match self.operand(op, index) {
                Ok(Fixed::Constant(constant)) => constant.reals().iter().all(Zero::is_zero),
                _ => false,
            };
            if !zero {
                return Err(fail(&op, "has a zero point that is not 0, but real operands"));
            }
        }
        let x = match self.operand(op, 0)? {
            Fixed::Computed(x) => x,
            Fixed::Constant(_) => {
                return Err(fail(
                    &op,
                    "multiplies a constant with a tensor: the constant must be second",
                ));
            }
        };
        let w = match self.operand(op, 1)? {
            Fixed::Constant(constant) => constant,
            Fixed::Computed(_) => {
                return Err(fail(
                    &op,
                    "multiplies two computed tensors, which cannot be mapped to the array yet: one has to be constant",
                ));
            }
        };
        let (input, input_scale, input_offset, codes) = self.one_scale(op, &x)?;
        let extents = rank_two(&op, op.operand(0).map_err(|error| fail(&op, error))?.r#type())?;
        if extents != [x.rows, x.columns] {
            return Err(fail(
                &op,
                format_args!(
                    "multiplies parts of the {} rows of {} values of a computed tensor, which cannot be mapped to the array yet",
                    x.rows, x.columns
                ),
            ));
        }
        let [k, n] = rank_two(&op, op.operand(1).map_err(|error| fail(&op, error))?.r#type())?;
        let Data::Codes { codes: data, parameters, .. } = &w.data else {
            return Err(fail(
                &op,
                "has operand 1 that is not quantized: put QuantizeLinear and DequantizeLinear before it",
            ));
        };
        let parameter = |index: usize| &parameters[w.parameter(index)];
        if (0..data.len()).any(|index| parameter(index) != parameter(index % n)) {
            return Err(fail(
                &op,
                "has weights with scales of input features, over which it sums: quantize them per output channel or per tensor",
            ));
        }
        let data: Vec<i64> =
            data.iter().enumerate().map(|(index, code)| code - parameter(index).1).collect();
        let (least, most) = data.iter().fold((0, 0), |(low, high), &w| (low.min(w), high.max(w)));
        let fits = |bits: u32| -(1i64 << (bits - 1)) <= least && most < 1i64 << (bits - 1);
        let Some(bits) = [8, 16].into_iter().find(|&bits| fits(bits)) else {
            return Err(fail(
                &op,
                format_args!(
                    "has weights from {least} to {most} after their zero point; 16 bits hold -32768 to 32767"
                ),
            ));
        };
        let weights = self.constant(op, &[k, n], bits, &data);

        // Every sum that an input can make.
        let (low, high) = (i128::from(codes.min), i128::from(codes.max));
        let mut ends = vec![(0i128, 0i128); n];
        let mut totals = vec![0i64; n];
        for (index, &w) in data.iter().enumerate() {
            let products = [low * i128::from(w), high * i128::from(w)];
            let end = &mut ends[index % n];
            end.0 += products[0].min(products[1]);
            end.1 += products[0].max(products[1]);
            totals[index % n] = totals[index % n].saturating_add(w);
        }
        let holds = |bits: u32| {
            let (least, most) = crate::exact::range(i64::from(bits).min(63), true);
            ends.iter().all(|&(low, high)| i128::from(least) <= low && high <= i128::from(most))
        };
        let Some(accumulator) = [32, 64].into_iter().find(|&bits| holds(bits)) else {
            return Err(fail(&op, "has sums that exceed a 64-bit accumulator"));
        };
        let reach = ends.into_iter().map(|(low, high)| low as i64..=high as i64).collect();
        let result = Codes { rows: x.rows, columns: n, bits: accumulator, signed: true };
        let value = self.build(
            op,
            aie4ml::DENSE,
            &[input, weights],
            &[
                ("accumulator", TypeAttribute::new(result.element(self.context)).into()),
                ("requant", aie4ml::list::<Requant>(self.context, &[])),
            ],
            result.tensor(self.context),
        );
        // sum (x * sx + ox) * (w * sw) = sx * sw * sum x * w + ox * sw * sum w
        let scale = parameters.iter().map(|(scale, _)| scale * &input_scale).collect();
        let offset = if input_offset.is_zero() {
            vec![Real::zero()]
        } else {
            let offset =
                |j: usize| &input_offset * &parameter(j).0 * requantize::integer(totals[j]);
            (0..n).map(offset).collect()
        };
        self.set_computed(
            op,
            Computed {
                integers: Integers::Of(Terms {
                    value,
                    codes: None,
                    scale: PerFeature(scale),
                    reach: PerFeature(reach),
                }),
                rows: x.rows,
                columns: n,
                offset: PerFeature(offset),
                limits: PerFeature(vec![Limits::default()]),
            },
        );
        Ok(())
    }

    /// Codes whose features have one scale and one offset, with what was limited since limited.
    fn one_scale(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Computed<'c, 'a>,
    ) -> pass::Result<'c, (Value<'c, 'a>, Real, Real, Uniform)> {
        let Integers::Of(Terms { value, codes: Some(codes), scale, .. }) = &x.integers else {
            return Err(fail(
                &op,
                "needs an operand that is quantized: put QuantizeLinear and DequantizeLinear between the layer before and this one",
            ));
        };
        let (Some(scale), Some(offset), Some(limits)) =
            (scale.shared(), x.offset.shared(), x.limits.shared())
        else {
            return Err(fail(
                &op,
                "needs an operand with one scale and one offset for all features: quantize it anew",
            ));
        };
        let (value, codes) = self.limited(op, *value, *codes, scale, offset, limits)?;
        Ok((value, scale.clone(), offset.clone(), codes))
    }

    /// Codes that are limited where the reals are that they mean, and which of them are left.
    fn limited(
        &self,
        op: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        codes: Uniform,
        scale: &Real,
        offset: &Real,
        limits: &Limits,
    ) -> pass::Result<'c, (Value<'c, 'a>, Uniform)> {
        if *limits == Limits::default() {
            return Ok((value, codes));
        }
        if !scale.is_positive() {
            return Err(fail(&op, "needs an operand that is quantized after it was limited"));
        }
        // A limit is exact where it is a code, or beyond all codes.
        let mut limited = codes;
        for (limit, low) in [(&limits.low, true), (&limits.high, false)] {
            let Some(limit) = limit else { continue };
            let code = (limit - offset) / scale;
            let integer = code.to_integer().to_i64().filter(|_| code.is_integer());
            let code = match integer {
                _ if code <= requantize::integer(codes.min) => codes.min,
                _ if code >= requantize::integer(codes.max) => codes.max,
                Some(code) => code,
                None => {
                    return Err(fail(
                        &op,
                        format_args!(
                            "has an operand that is limited to {}, which lies between two codes: quantize it after it is limited",
                            limit.to_f64().unwrap_or(f64::NAN)
                        ),
                    ));
                }
            };
            if low {
                limited.min = code;
                limited.max = limited.max.max(code);
            } else {
                limited.max = code;
                limited.min = limited.min.min(code);
            }
        }
        if (limited.min, limited.max) == (codes.min, codes.max) {
            return Ok((value, codes));
        }
        let attributes = [
            ("min", aie4ml::integer(self.context, limited.min)),
            ("max", aie4ml::integer(self.context, limited.max)),
        ];
        let value = self.build(op, aie4ml::CLAMP, &[value], &attributes, value.r#type());
        Ok((value, limited))
    }

    /// The elements of a constant that is broadcast over the rows of a computed tensor.
    fn per_feature(
        &self,
        op: OperationRef<'c, 'a>,
        what: &str,
        constant: &Constant,
        computed: &Computed,
    ) -> pass::Result<'c, PerFeature<Real>> {
        self.same_extents(op, computed)?;
        let (len, columns) = (constant.len(), computed.columns);
        if len != 1 && !(len == columns && constant.shape.last() == Some(&columns)) {
            self.mixes.set(true);
            return Err(fail(
                &op,
                format_args!(
                    "{what} {len} constants of shape {:?} to {columns} features, needs one for each feature, or one for all",
                    constant.shape
                ),
            ));
        }
        Ok(PerFeature(constant.reals()))
    }

    fn add(&mut self, op: OperationRef<'c, 'a>, subtract: bool) -> pass::Result<'c> {
        let one = requantize::integer(1);
        let sign = if subtract { -one.clone() } else { one.clone() };
        let (a, b) = (self.operand(op, 0)?, self.operand(op, 1)?);
        let computed = match (a, b) {
            (Fixed::Computed(a), Fixed::Computed(b)) => return self.sum(op, &a, &b, &sign),
            (Fixed::Computed(x), Fixed::Constant(constant)) => {
                let constant = self.per_feature(op, "adds", &constant, &x)?;
                moved(&x, &PerFeature(vec![one]), &constant.map(|c| c * &sign))
            }
            (Fixed::Constant(constant), Fixed::Computed(x)) => {
                let constant = self.per_feature(op, "adds", &constant, &x)?;
                moved(&x, &PerFeature(vec![sign]), &constant)
            }
            (Fixed::Constant(a), Fixed::Constant(b)) => {
                let sum = self.fold(op, &a, &b, |a, b| a + b * &sign)?;
                self.set(op, Fixed::Constant(sum));
                return Ok(());
            }
        };
        self.set_computed(op, computed);
        Ok(())
    }

    /// Two constants, of one shape or one of them a single number.
    fn fold(
        &self,
        op: OperationRef<'c, 'a>,
        a: &Constant,
        b: &Constant,
        f: impl Fn(&Real, &Real) -> Real,
    ) -> pass::Result<'c, Constant> {
        let count = a.len().max(b.len());
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        let shape = static_shape(result.r#type()).unwrap_or_default();
        let fits = [a, b].iter().all(|x| x.len() == 1 || x.len() == count);
        if !fits || shape.iter().product::<usize>() != count {
            return Err(fail(&op, "broadcasts two constants: store the result"));
        }
        let at = |x: &Constant, index| x.real(if x.len() == 1 { 0 } else { index });
        let reals = (0..count).map(|index| f(&at(a, index), &at(b, index)));
        Ok(Constant { shape, data: Data::Reals(reals.collect()) })
    }

    /// Two computed tensors, to be added when it is known how they are quantized.
    fn sum(
        &mut self,
        op: OperationRef<'c, 'a>,
        a: &Computed<'c, 'a>,
        b: &Computed<'c, 'a>,
        sign: &Real,
    ) -> pass::Result<'c> {
        if (a.rows, a.columns) != (b.rows, b.columns) {
            return Err(fail(
                &op,
                format_args!(
                    "adds {}x{} and {}x{}: computed tensors are not broadcast yet",
                    a.rows, a.columns, b.rows, b.columns
                ),
            ));
        }
        self.same_extents(op, a)?;
        let term = |x: &Computed<'c, 'a>, sign: &Real| {
            let (value, scale, offset, codes) = self.one_scale(op, x)?;
            let reach = PerFeature(vec![codes.min..=codes.max]);
            let scale = PerFeature(vec![scale * sign]);
            Ok((Terms { value, codes: Some(codes), scale, reach }, offset * sign))
        };
        let (left, offset) = term(a, &requantize::integer(1))?;
        let (right, more) = term(b, sign)?;
        let computed = Computed {
            integers: Integers::Sum([left, right]),
            offset: PerFeature(vec![offset + more]),
            limits: PerFeature(vec![Limits::default()]),
            ..*a
        };
        self.set_computed(op, computed);
        Ok(())
    }

    fn mul(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let zero = PerFeature(vec![Real::zero()]);
        let computed = match (self.operand(op, 0)?, self.operand(op, 1)?) {
            (Fixed::Computed(x), Fixed::Constant(constant))
            | (Fixed::Constant(constant), Fixed::Computed(x)) => {
                moved(&x, &self.per_feature(op, "multiplies", &constant, &x)?, &zero)
            }
            (Fixed::Computed(_), Fixed::Computed(_)) => {
                return Err(fail(
                    &op,
                    "multiplies two computed tensors, which cannot be mapped to the array yet: one has to be constant",
                ));
            }
            (Fixed::Constant(a), Fixed::Constant(b)) => {
                let product = self.fold(op, &a, &b, |a, b| a * b)?;
                self.set(op, Fixed::Constant(product));
                return Ok(());
            }
        };
        self.set_computed(op, computed);
        Ok(())
    }

    fn negate(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let Fixed::Computed(x) = self.operand(op, 0)? else {
            return Err(fail(&op, "negates a constant: store the result"));
        };
        let zero = PerFeature(vec![Real::zero()]);
        let computed = moved(&x, &PerFeature(vec![requantize::integer(-1)]), &zero);
        self.set_computed(op, computed);
        Ok(())
    }

    /// Of a constant, so that a division is exact.
    fn reciprocal(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let Fixed::Constant(constant) = self.operand(op, 0)? else {
            return Err(fail(
                &op,
                "divides by a computed tensor, which cannot be mapped to the array yet",
            ));
        };
        let reals = constant.reals();
        if reals.iter().any(Zero::is_zero) {
            return Err(fail(&op, "divides by 0"));
        }
        let data = Data::Reals(reals.into_iter().map(|x| x.recip()).collect());
        self.set(op, Fixed::Constant(Constant { shape: constant.shape, data }));
        Ok(())
    }

    /// Refuses an op that broadcasts the computed tensor it takes.
    fn same_extents(&self, op: OperationRef<'c, 'a>, x: &Computed) -> pass::Result<'c> {
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        let extents = static_shape(result.r#type());
        if extents.is_some_and(|e| e.iter().product::<usize>() == x.rows * x.columns) {
            return Ok(());
        }
        Err(fail(
            &op,
            format_args!(
                "broadcasts a computed tensor of {} rows and {} columns, which cannot be mapped to the array yet",
                x.rows, x.columns
            ),
        ))
    }

    fn clamp(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let limit = |name: &str| {
            let attribute = op.attribute(name).ok().and_then(|a| FloatAttribute::try_from(a).ok());
            let limit = attribute.map(|a| a.value());
            let limit = limit.ok_or_else(|| fail(&op, format_args!("needs a float '{name}'")))?;
            // The ends of the type limit nothing.
            let bounds = limit.is_finite() && limit.abs() < f64::from(f32::MAX);
            Ok(if bounds { requantize::real(limit) } else { None })
        };
        let (low, high) = (limit("min_val")?, limit("max_val")?);
        self.limit_to(op, 0, &low, &high)
    }

    /// The larger or smaller of a computed tensor and a constant.
    fn limit(
        &mut self,
        op: OperationRef<'c, 'a>,
        ends: impl Fn(Real) -> (Option<Real>, Option<Real>),
    ) -> pass::Result<'c> {
        let (constant, index) = match (self.operand(op, 0)?, self.operand(op, 1)?) {
            (Fixed::Computed(_), Fixed::Constant(constant)) => (constant, 0),
            (Fixed::Constant(constant), Fixed::Computed(_)) => (constant, 1),
            _ => {
                return Err(fail(
                    &op,
                    "compares two tensors, which cannot be mapped to the array yet: one has to be constant",
                ));
            }
        };
        let reals = constant.reals();
        let Some(limit) = PerFeature(reals).shared().cloned() else {
            return Err(fail(
                &op,
                "has a limit for each feature, which cannot be mapped to the array yet",
            ));
        };
        let (low, high) = ends(limit);
        self.limit_to(op, index, &low, &high)
    }

    fn limit_to(
        &mut self,
        op: OperationRef<'c, 'a>,
        operand: usize,
        low: &Option<Real>,
        high: &Option<Real>,
    ) -> pass::Result<'c> {
        let Fixed::Computed(x) = self.operand(op, operand)? else {
            return Err(fail(&op, "clamps a constant"));
        };
        self.same_extents(op, &x)?;
        let limits = x.limits.map(|limits| limits.then(low, high));
        self.set_computed(op, Computed { limits, ..(*x).clone() });
        Ok(())
    }

    fn quantize(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        if self.is_done(op)? {
            return Ok(()); // of an argument
        }
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        let x = match self.operand(op, 0)? {
            Fixed::Computed(x) => x,
            Fixed::Constant(constant) => return self.quantize_constant(op, &constant),
        };
        let Some(quantized) = uniform(result.r#type()) else {
            return Err(fail(&op, not_uniform(result.r#type())));
        };
        let step = scale(&op, quantized.scale)?;
        let quantizer = quantizer(op, &quantized)?;
        let limits = x.limits.map(|limits| limits.codes(&quantizer, &step));
        let quantizer = limited(op, quantizer, limits.shared())?;

        let after = codes([x.rows, x.columns], &quantized);
        let value = match &x.integers {
            Integers::Of(terms) => self.requantize(op, &x, terms, &step, quantizer, after)?,
            Integers::Sum(terms) => {
                self.add_and_requantize(op, &x, terms, &step, quantizer, after)?
            }
        };
        let fixed = self.codes(&op, value, quantized)?;
        self.set(op, fixed);
        Ok(())
    }

    /// The codes of a constant.
    fn quantize_constant(
        &mut self,
        op: OperationRef<'c, 'a>,
        constant: &Constant,
    ) -> pass::Result<'c> {
        let result = op.result(0).map_err(|error| fail(&op, error))?.r#type();
        let Some(quantized) = element_type(result).and_then(Quantized::of) else {
            return Err(fail(&op, not_uniform(result)));
        };
        let storage = IntegerType::try_from(quantized.storage).map_or(64, |i| i.width());
        let parameters = quantized.parameters.iter();
        let parameters: pass::Result<Vec<(Real, i64)>> =
            parameters.map(|&(step, zero_point)| Ok((scale(&op, step)?, zero_point))).collect();
        let (parameters, rounding) = (parameters?, rounding(&op)?);
        let (axis, shape) = (quantized.axis, constant.shape.clone());
        let inner = axis.map_or(1, |axis| shape[axis + 1..].iter().product::<usize>().max(1));
        let codes = (0..constant.len()).map(|index| {
            let (step, zero_point) = &parameters[index / inner % parameters.len()];
            let quantizer = Quantizer {
                rounding,
                width: i64::from(storage.min(62)),
                signed: quantized.signed,
                zero_point: *zero_point,
                min: quantized.min,
                max: quantized.max,
            };
            quantizer.apply(&(constant.real(index) / step))
        });
        let data = Data::Codes { codes: codes.collect(), axis, parameters: parameters.into() };
        self.set(op, Fixed::Constant(Constant { shape, data }));
        Ok(())
    }

    /// Quantizes sums, or codes at another scale.
    fn requantize(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Computed<'c, 'a>,
        terms: &Terms<'c, 'a>,
        step: &Real,
        quantizer: Quantizer,
        after: Codes,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let (scale, offset) = (terms.scale.map(|s| s / step), x.offset.map(|o| o / step));
        let count = scale.0.len().max(offset.0.len()).max(terms.reach.0.len());
        let channels: Vec<Channel> = (0..count)
            .map(|j| Channel {
                scale: scale.of(j).clone(),
                offset: offset.of(j).clone(),
                reach: terms.reach.of(j).clone(),
            })
            .collect();
        let before = Codes::of(terms.value.r#type()).expect("computed tensors have rank 2");
        let sums = terms.codes.is_none();
        let choice = requantize::choose(&channels, quantizer, if sums { before.bits } else { 32 });
        self.remark(op, &choice);
        let mut value = terms.value;
        let mut requant = choice.requant.clone();
        if choice.bias.iter().any(|&bias| bias != 0) {
            let narrow = sums && choice.bias.len() == x.columns;
            if narrow {
                let bias = self.constant(op, &[x.columns], 32, &choice.bias);
                let r#type = value.r#type();
                value = self.build(op, aie4ml::BIAS_ADD, &[value, bias], &[], r#type);
            } else {
                requant = choice
                    .without_bias()
                    .ok_or_else(|| fail(&op, "has an offset that does not fit behind its scale"))?;
            }
        }
        let attributes = [("requant", requant.attribute(self.context))];
        let r#type = after.tensor(self.context);
        Ok(self.build(op, aie4ml::REQUANTIZE, &[value], &attributes, r#type))
    }

    /// Adds two tensors of codes and quantizes the sum.
    fn add_and_requantize(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Computed<'c, 'a>,
        terms: &[Terms<'c, 'a>; 2],
        step: &Real,
        quantizer: Quantizer,
        after: Codes,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let shared = [&terms[0].scale, &terms[1].scale].map(PerFeature::shared);
        let ([Some(a), Some(b)], Some(offset)) = (shared, x.offset.shared()) else {
            return Err(fail(
                &op,
                "quantizes a sum of two tensors with numbers of its own for each feature, which cannot be mapped to the array yet",
            ));
        };
        let sum = Sum {
            scales: [a / step, b / step],
            offset: offset / step,
            codes: [0, 1].map(|i: usize| terms[i].reach.of(0).clone()),
        };
        Ok(self.sum_of_codes(op, [terms[0].value, terms[1].value], &sum, quantizer, after))
    }

    /// The sum of two tensors of codes, quantized.
    fn sum_of_codes(
        &self,
        op: OperationRef<'c, 'a>,
        operands: [Value<'c, 'a>; 2],
        sum: &Sum,
        quantizer: Quantizer,
        after: Codes,
    ) -> Value<'c, 'a> {
        let choice = requantize::choose_sum(sum, quantizer);
        if choice.inexact > 0 {
            pass::remark(
                &op,
                format_args!(
                    "rounds {} pairs of codes at the most differently from real arithmetic, by one: no factors of 31 bits are exact for these scales",
                    choice.inexact
                ),
            );
        }
        // Of a declared range that is narrow, the type still has all codes.
        let accumulator = match operands.map(|value| Codes::of(value.r#type())) {
            [Some(a), Some(b)]
                if aie4ml::most_of_sum([a, b], choice.factors) > i128::from(i32::MAX) =>
            {
                64
            }
            _ => choice.accumulator,
        };
        let sums = Codes { bits: accumulator, signed: true, ..after };
        let mut attributes = vec![
            ("factors", DenseI64ArrayAttribute::new(self.context, &choice.factors).into()),
            ("requant", aie4ml::list::<Requant>(self.context, &[])),
        ];
        if accumulator != 32 {
            let accumulator = TypeAttribute::new(sums.element(self.context)).into();
            attributes.push(("accumulator", accumulator));
        }
        let value = self.build(op, aie4ml::ADD, &operands, &attributes, sums.tensor(self.context));
        let attributes = [("requant", choice.requant.attribute(self.context))];
        let r#type = after.tensor(self.context);
        self.build(op, aie4ml::REQUANTIZE, &[value], &attributes, r#type)
    }

    /// Says where no integers are exact.
    fn remark(&self, op: OperationRef<'c, 'a>, choice: &Choice) {
        let Some(&(channel, _)) = choice.inexact.first() else { return };
        let sums: u128 = choice.inexact.iter().map(|(_, sums)| sums).sum();
        pass::remark(
            &op,
            format_args!(
                "rounds {sums} sums of {} channels differently from real arithmetic, by one, in channel {channel} first: no integers are exact for their scale",
                choice.inexact.len()
            ),
        );
    }

    fn r#return(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let mut values = Vec::new();
        for index in 0..op.operand_count() {
            let name = aie4ml::boundary_name(self.func, "res_attrs", index);
            let output = name.map_or(format!("result {index}"), |name| format!("output '{name}'"));
            let computed = match self.operand(op, index)? {
                Fixed::Computed(computed) => computed,
                Fixed::Constant(_) => {
                    return Err(fail(&op, format_args!("has {output} that is constant")));
                }
            };
            if !matches!(computed.integers, Integers::Of(Terms { codes: Some(_), .. })) {
                return Err(fail(
                    &op,
                    format_args!(
                        "has {output} that is not quantized: put QuantizeLinear and DequantizeLinear before it"
                    ),
                ));
            }
            let (value, scale, offset, codes) = self.one_scale(op, &computed)?;
            let zero_point = -offset / &scale;
            let zero_point = zero_point.to_integer().to_i64().filter(|_| zero_point.is_integer());
            let (Some(zero_point), Some(scale)) = (zero_point, scale.to_f64()) else {
                return Err(fail(
                    &op,
                    format_args!(
                        "has {output} whose codes have an offset that is no zero point: quantize it anew"
                    ),
                ));
            };
            values.push(value);
            self.results.push(Uniform { scale, zero_point, ..codes });
        }
        for (index, value) in values.into_iter().enumerate() {
            rewrite::set_operand(op, index, value);
        }
        Ok(())
    }

    /// Removes what was converted and gives the function its new type.
    fn finish(self, ops: &[OperationRef<'c, 'a>]) -> pass::Result<'c> {
        for op in ops.iter().rev() {
            let used = op.results().any(|result| !rewrite::users(result.into()).is_empty());
            if is_model_level(op) || (rewrite::is(op, "arith.constant") && !used) {
                rewrite::erase(*op);
            }
        }
        let body = rewrite::body(self.func).expect("checked by run");
        for index in (0..self.arguments.len()).rev() {
            rewrite::erase_argument(body, index);
        }
        let inputs: Vec<Type> = (0..body.argument_count())
            .map(|i| body.argument(i).expect("in range").r#type())
            .collect();
        let r#return = body.terminator().expect("a function ends in a return");
        let outputs: Vec<Type> = r#return.operands().map(|value| value.r#type()).collect();
        let r#type = FunctionType::new(self.context, &inputs, &outputs);
        rewrite::set_attribute(
            self.func,
            "function_type",
            TypeAttribute::new(r#type.into()).into(),
        );
        for (name, list, default) in
            [("arg_attrs", &self.arguments, "input"), ("res_attrs", &self.results, "output")]
        {
            let attribute = boundary_attributes(self.context, self.func, name, list, default)?;
            rewrite::set_attribute(self.func, name, attribute);
        }
        Ok(())
    }
}

/// `[{aie4ml.name = "x", aie4ml.quant = !quant.uniform<...>}, ...]`, keeping given names.
fn boundary_attributes<'c>(
    context: &'c Context,
    func: OperationRef<'c, '_>,
    name: &str,
    list: &[Uniform],
    default: &str,
) -> pass::Result<'c, Attribute<'c>> {
    let mut text = Vec::new();
    for (index, quantized) in list.iter().enumerate() {
        let given = aie4ml::boundary_name(func, name, index);
        let given = given.unwrap_or_else(|| format!("{default}{index}"));
        let given = StringAttribute::new(context, &given);
        let r#type = quantized.r#type(context);
        text.push(format!("{{aie4ml.name = {given}, aie4ml.quant = {}}}", r#type));
    }
    let text = format!("[{}]", text.join(", "));
    Attribute::parse(context, &text).ok_or_else(|| {
        fail(&func, format_args!("has boundary attributes that do not parse: {text}"))
    })
}

/// A tensor times a factor plus an offset.
fn moved<'c, 'a>(
    x: &Computed<'c, 'a>,
    factor: &PerFeature<Real>,
    offset: &PerFeature<Real>,
) -> Computed<'c, 'a> {
    let terms = |terms: &Terms<'c, 'a>| Terms {
        scale: terms.scale.with(factor, |scale, factor| scale * factor),
        ..terms.clone()
    };
    let both = factor.with(offset, |factor, offset| (factor.clone(), offset.clone()));
    Computed {
        integers: match &x.integers {
            Integers::Of(of) => Integers::Of(terms(of)),
            Integers::Sum([a, b]) => Integers::Sum([terms(a), terms(b)]),
        },
        offset: x.offset.with(&both, |old, (factor, offset)| old * factor + offset),
        limits: match x.limits.shared() {
            Some(limits) if *limits == Limits::default() => x.limits.clone(),
            _ => x.limits.with(&both, |limits, (factor, offset)| limits.moved(factor, offset)),
        },
        ..*x
    }
}

/// The refusal of an op that no layer of the array computes, by the model's name for it.
fn foreign<'c>(op: OperationRef<'c, '_>) -> pass::Failure<'c> {
    const SUPPORTED: &str = "cannot be mapped to the array yet: dense layers, sums of two tensors, limits, and scales and offsets of features can";
    match aie4ml::operator_name(op.location()) {
        Some(operator) => fail(&op, format_args!("is a '{operator}', which {SUPPORTED}")),
        None => fail(&op, SUPPORTED),
    }
}

/// What a cast to codes of a type does.
fn quantizer<'c>(op: OperationRef<'c, '_>, quantized: &Uniform) -> pass::Result<'c, Quantizer> {
    Ok(Quantizer {
        rounding: rounding(&op)?,
        width: quantized.width(),
        signed: quantized.signed,
        zero_point: quantized.zero_point,
        min: quantized.min,
        max: quantized.max,
    })
}

/// A quantizer between the codes of limits that all features share.
fn limited<'c>(
    op: OperationRef<'c, '_>,
    quantizer: Quantizer,
    shared: Option<&(i64, i64)>,
) -> pass::Result<'c, Quantizer> {
    let &(min, max) = shared.ok_or_else(|| {
        fail(
            &op,
            "quantizes features with limits of their own, which cannot be mapped to the array yet",
        )
    })?;
    // The lower limit comes first.
    Ok(Quantizer { min: min.min(max), max, ..quantizer })
}

/// How a quantizer rounds.
fn rounding<'c>(op: &OperationRef<'c, '_>) -> pass::Result<'c, Rounding> {
    match op.attribute("aie4ml.rounding") {
        Err(_) => Ok(Rounding::NearestEven),
        Ok(attribute) => constant::text(attribute)
            .and_then(|name| Rounding::ALL.into_iter().find(|mode| mode.name() == name))
            .ok_or_else(|| fail(op, "has an 'aie4ml.rounding' that is no rounding")),
    }
}

/// The exact value of a scale.
fn scale<'c>(op: &OperationRef<'c, '_>, scale: f64) -> pass::Result<'c, Real> {
    requantize::real(scale)
        .filter(|scale| scale.is_positive())
        .ok_or_else(|| fail(op, format_args!("has scale {scale}, needs a number above 0")))
}

fn codes([rows, columns]: [usize; 2], quantized: &Uniform) -> Codes {
    Codes { rows, columns, bits: quantized.bits, signed: quantized.signed }
}

fn element(r#type: Type) -> Option<IntegerType> {
    IntegerType::try_from(RankedTensorType::try_from(r#type).ok()?.element()).ok()
}

fn element_type(r#type: Type) -> Option<Type> {
    Some(RankedTensorType::try_from(r#type).ok()?.element())
}

fn uniform(r#type: Type) -> Option<Uniform> {
    Uniform::of(RankedTensorType::try_from(r#type).ok()?.element())
}

/// Why a type is not that of one scale.
fn not_uniform(r#type: Type) -> String {
    let element = RankedTensorType::try_from(r#type).ok().map(|tensor| tensor.element());
    match element.and_then(Quantized::of) {
        Some(Quantized { axis: Some(_), parameters, .. }) => format!(
            "has {} scales, one per channel, on an activation: quantize activations per tensor",
            parameters.len()
        ),
        _ => format!("has type '{type}', needs one scale", type = r#type),
    }
}

fn static_shape(r#type: Type) -> Option<Vec<usize>> {
    RankedTensorType::try_from(r#type).ok().and_then(shape)
}

/// Whether some leading extents make the rows and the others the columns, so that
/// each row is still in one piece.
fn keeps_rows(extents: &[usize], rows: usize, columns: usize) -> bool {
    let mut before = 1;
    let total = extents.iter().product::<usize>() == rows * columns;
    total
        && (rows == 1
            || extents.iter().any(|extent| {
                before *= extent;
                before == rows
            }))
}

/// Rows and columns of a static tensor whose leading extents are one.
fn rank_two<'c>(op: &OperationRef<'c, '_>, r#type: Type<'c>) -> pass::Result<'c, [usize; 2]> {
    match static_shape(r#type).as_deref() {
        Some([ones @ .., rows, columns]) if ones.iter().all(|&extent| extent == 1) => {
            Ok([*rows, *columns])
        }
        _ => Err(fail(op, format_args!("needs static rows and columns, got '{}'", r#type))),
    }
}

/// Rows and columns of an argument, whose features may have several extents: a layer that reads
/// it says how many rows there are.
fn matrix<'c>(op: &OperationRef<'c, '_>, argument: Value<'c, '_>) -> pass::Result<'c, [usize; 2]> {
    let extents = static_shape(argument.r#type()).unwrap_or_default();
    let total: usize = extents.iter().product();
    match (rows_read(argument), extents.as_slice()) {
        (Some(rows), _) if rows > 0 && keeps_rows(&extents, rows, total / rows) => {
            Ok([rows, total / rows])
        }
        (_, [rows, _, _, ..]) if *rows > 1 => Ok([*rows, total / *rows]),
        // An image, say, of which a layer that cannot be mapped is refused by its name.
        (_, [1, middle @ .., _, _]) if middle.iter().any(|&extent| extent > 1) => Ok([1, total]),
        _ => rank_two(op, argument.r#type()),
    }
}

/// Rows that the first multiplication sees which a tensor gets to.
fn rows_read(value: Value) -> Option<usize> {
    let mut users = rewrite::users(value).into_iter().rev();
    users.find_map(|user| {
        if rewrite::is(&user, "tosa.matmul") {
            return rank_two(&user, user.operand(0).ok()?.r#type()).ok().map(|[rows, _]| rows);
        }
        rows_read(user.results().next()?.into())
    })
}
