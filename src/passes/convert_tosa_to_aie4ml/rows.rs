//! Networks whose operators mix what lies in a row: convolutions, pools, transpositions, attention.
//!
//! A row is one sample of the batch, or all of them where an operator mixes samples. Every real
//! tensor is a [`View`] of integers `rows x features`, times a scale plus an offset, so that
//! transpositions, reshapes and slices cost nothing, and the operators that read views, nothing
//! either. Where something has to lie otherwise, a `gather` moves it.

use super::{
    Constant, Conversion, Data, Fixed, Limits, codes, foreign, is_model_level, keeps_rows, key,
    limited, not_uniform, quantizer, scale, static_shape, uniform,
};
use crate::{
    dialect::aie4ml::{self, Codes},
    exact::Requant,
    kernel::Integer,
    mlir::{
        constant,
        fields::Fields,
        pass::{self, fail},
        quant::Uniform,
        rewrite,
    },
    operator::{self, Node, piecewise::Pieces},
    plan::{
        requantize::{self, Channel, Quantizer, Real, Sum},
        steps,
        view::{Digit, View},
    },
};
use melior::ir::{
    OperationRef, Value, ValueLike,
    attribute::{DenseI32ArrayAttribute, DenseI64ArrayAttribute, FloatAttribute, TypeAttribute},
    block::BlockLike,
    operation::OperationLike,
};
use num_traits::{Signed, ToPrimitive, Zero};
use std::{cell::Cell, collections::HashMap, ops::RangeInclusive, rc::Rc};

mod arithmetic;
mod field;
mod forms;
mod layers;

use field::Field;
use forms::Form;

/// A real tensor.
#[derive(Clone)]
pub(super) struct Tensor<'c, 'a> {
    shape: Vec<usize>,
    /// Where the integers lie.
    view: View,
    integers: Integers<'c, 'a>,
    offset: Field<Real>,
    limits: Field<Limits>,
    /// What it is of another tensor, where only a whole pattern can be mapped.
    form: Option<Rc<Form<'c, 'a>>>,
}

#[derive(Clone)]
enum Integers<'c, 'a> {
    /// Codes, and the scale of them.
    Codes(Coded<'c, 'a>),
    /// Sums that become codes when it is known how.
    Sums(Rc<Pending<'c, 'a>>, Field<Real>),
    /// Two tensors of codes to be added, which lie alike.
    Sum([Coded<'c, 'a>; 2]),
    /// A function of codes: its value for each code, the lowest first.
    Table(Value<'c, 'a>, Uniform, Rc<[f64]>),
    /// A function of the real values of sums, which has codes when it is quantized.
    Function(Rc<Tensor<'c, 'a>>, Function),
    /// Tensors side by side along an axis, each to be quantized.
    Parts(Rc<[Rc<Tensor<'c, 'a>>]>, usize),
    /// The larger, or the smaller, of two tensors, each to be quantized.
    Extreme(Rc<Tensor<'c, 'a>>, Rc<Tensor<'c, 'a>>, bool),
    /// Only a form says what it is.
    None,
}

type Function = Rc<dyn Fn(f64) -> f64>;

#[derive(Clone)]
struct Coded<'c, 'a> {
    value: Value<'c, 'a>,
    codes: Uniform,
    scale: Field<Real>,
}

/// A layer that waits for its requantization.
pub(super) struct Pending<'c, 'a> {
    layer: Layer<'c, 'a>,
    /// Features of a row that it makes.
    features: usize,
    /// Features of a channel, each of which has a reach of its sums.
    unit: usize,
    reach: Vec<RangeInclusive<i64>>,
    accumulator: u32,
    /// Another way, and by what its scale differs, that keeps ties where this one cannot.
    tied: Option<(Rc<Pending<'c, 'a>>, Real)>,
}

enum Layer<'c, 'a> {
    Dense { input: Value<'c, 'a>, k: usize, bits: u32, weights: Vec<i64> },
    Operator { node: Node, inputs: Vec<Value<'c, 'a>>, has_bias: bool },
}

/// The ops that have a computed operand, and whether the first two are.
fn of_computed<'c, 'a>(ops: &[OperationRef<'c, 'a>]) -> Vec<(OperationRef<'c, 'a>, bool)> {
    let mut computed: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    for &op in ops {
        let constants = ["arith.constant", "tosa.const", "tosa.const_shape"];
        if constants.iter().any(|name| rewrite::is(&op, name)) {
            continue;
        }
        let constant: Vec<bool> = op
            .operands()
            .map(|value| match constant::defining_op(value) {
                Some(_) => !computed.contains(&key(value)),
                None => false,
            })
            .collect();
        if op.operand_count() > 0 && constant.iter().all(|&constant| constant) {
            continue;
        }
        computed.extend(op.results().map(|result| key(result.into())));
        found.push((op, constant.len() >= 2 && !constant[0] && !constant[1]));
    }
    found
}

/// Whether a function needs operators that mix what lies in a row.
pub(in crate::passes) fn wanted<'c>(ops: &[OperationRef<'c, '_>]) -> bool {
    of_computed(ops).into_iter().any(|(op, both)| {
        let name = op.name();
        let name = name.as_string_ref();
        match name.as_str().unwrap_or_default() {
            "quant.qcast" | "quant.dcast" | "quant.scast" | "tosa.identity" | "tosa.reshape"
            | "tosa.add" | "tosa.sub" | "tosa.reciprocal" | "tosa.negate" | "tosa.clamp"
            | "func.return" => false,
            "tosa.matmul" | "tosa.mul" | "tosa.maximum" | "tosa.minimum" => both,
            _ => true,
        }
    })
}

/// Whether a function moves values from one of so many rows to another.
pub(in crate::passes) fn moves_between_rows<'c>(ops: &[OperationRef<'c, '_>], rows: usize) -> bool {
    of_computed(ops).into_iter().filter(|(op, _)| rewrite::is(op, "tosa.reshape")).any(|(op, _)| {
        let result = op.results().next();
        let extents = result.and_then(|result| static_shape(result.r#type()));
        extents.is_some_and(|extents| {
            let all: usize = extents.iter().product();
            rows > 0 && !keeps_rows(&extents, rows, all / rows)
        })
    })
}

/// Converts a function, whose samples are its rows, or all together one.
pub(super) fn convert<'c, 'a>(
    mut base: Conversion<'c, 'a>,
    ops: &[OperationRef<'c, 'a>],
) -> pass::Result<'c> {
    let body = rewrite::body(base.func).expect("checked by run");
    let first = |index: usize| {
        let argument = body.argument(index).ok()?;
        static_shape(argument.r#type()).and_then(|shape| shape.first().copied())
    };
    let extents: Vec<usize> = (0..body.argument_count()).filter_map(first).collect();
    let batch = match extents.as_slice() {
        [first, rest @ ..] if rest.iter().all(|extent| extent == first) => (*first).max(1),
        _ => 1,
    };
    let mut refusal = None;
    for rows in if batch == 1 { vec![1] } else { vec![batch, 1] } {
        let arguments = body.argument_count();
        let mut conversion = Rows { base, tensors: HashMap::new(), rows, mixes: Cell::new(false) };
        match conversion.run(ops) {
            Err(failure) if conversion.mixes.get() && rows > 1 => {
                refusal = Some(failure);
                base = conversion.base;
                base.undo(arguments);
            }
            // What stood in the way of samples apart says more.
            Err(failure) if conversion.mixes.get() => return Err(refusal.unwrap_or(failure)),
            Err(failure) => return Err(failure),
            Ok(()) => return conversion.base.finish(ops),
        }
    }
    unreachable!("the last number of rows is one, which mixes nothing")
}

struct Rows<'c, 'a> {
    /// Has the constants.
    base: Conversion<'c, 'a>,
    tensors: HashMap<usize, Rc<Tensor<'c, 'a>>>,
    rows: usize,
    /// Whether an operator was met that mixes rows.
    mixes: Cell<bool>,
}

/// What codes a tensor is to become.
struct Target {
    /// The scale of them.
    step: Real,
    quantizer: Quantizer,
    codes: Uniform,
}

/// Codes that features share a scale and an offset of, limited.
struct Shared<'c, 'a> {
    value: Value<'c, 'a>,
    codes: Uniform,
    scale: Real,
    offset: Real,
}

impl Shared<'_, '_> {
    /// The code that stands for a real number, if one does.
    fn code_of(&self, real: &Real) -> Option<i64> {
        // What was multiplied by zero has no codes for anything else.
        if self.scale.is_zero() {
            return None;
        }
        let code = (real - &self.offset) / &self.scale;
        code.is_integer().then(|| code.to_integer().to_i64()).flatten()
    }

    fn number(&self) -> Integer {
        Integer { bits: self.codes.bits, signed: self.codes.signed }
    }
}

impl<'c, 'a> Rows<'c, 'a> {
    fn run(&mut self, ops: &[OperationRef<'c, 'a>]) -> pass::Result<'c> {
        self.arguments()?;
        for &op in ops {
            self.convert(op)?;
        }
        Ok(())
    }

    /// Gives the function an argument of codes for each real one.
    fn arguments(&mut self) -> pass::Result<'c> {
        let func = self.base.func;
        let body = rewrite::body(func).expect("checked by run");
        for index in 0..body.argument_count() {
            let argument: Value = body.argument(index).map_err(|error| fail(&func, error))?.into();
            let name = self.base.input(index);
            let mut casts = Vec::new();
            let given = uniform(argument.r#type());
            if given.is_none() {
                self.borders(argument, &name, &mut casts)?;
            }
            let mut found = given;
            for cast in &casts {
                let result = cast.result(0).map_err(|error| fail(cast, error))?.r#type();
                let quantized = uniform(result).ok_or_else(|| fail(cast, not_uniform(result)))?;
                if found.is_some_and(|other| other != quantized) {
                    return Err(fail(cast, format_args!("quantizes {name} in a second way")));
                }
                found = Some(quantized);
            }
            let Some(quantized) = found else {
                return Err(fail(&func, format_args!("does not use {name}")));
            };
            let shape = static_shape(argument.r#type())
                .ok_or_else(|| fail(&func, format_args!("has {name} of unknown extents")))?;
            let features = shape.iter().product::<usize>() / self.rows;
            let view = View::rows_of(self.rows, &shape)
                .ok_or_else(|| fail(&func, format_args!("has {name} without a batch")))?;
            let r#type = codes([self.rows, features], &quantized).tensor(self.base.context);
            let value: Value = body.add_argument(r#type, argument.location());
            let tensor = self.coded(&func, value, quantized, shape, view)?;
            self.tensors.insert(key(argument), Rc::new(tensor));
            self.base.arguments.push(quantized);
        }
        Ok(())
    }

    /// What quantizes an argument or takes its codes, behind what only moves it.
    fn borders(
        &self,
        value: Value<'c, 'a>,
        name: &str,
        casts: &mut Vec<OperationRef<'c, 'a>>,
    ) -> pass::Result<'c> {
        for user in rewrite::users(value).into_iter().rev() {
            if rewrite::is(&user, "quant.qcast") || rewrite::is(&user, "quant.scast") {
                casts.push(user);
            } else if ["tosa.reshape", "tosa.transpose", "tosa.identity", "tosa.slice"]
                .iter()
                .any(|name| rewrite::is(&user, name))
            {
                let result = user.result(0).map_err(|error| fail(&user, error))?;
                self.borders(result.into(), name, casts)?;
            } else {
                return Err(fail(
                    &user,
                    format_args!(
                        "uses {name} before it is quantized: put QuantizeLinear and DequantizeLinear before it"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Codes with the meaning that their type gives them.
    fn coded(
        &self,
        op: &OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        quantized: Uniform,
        shape: Vec<usize>,
        view: View,
    ) -> pass::Result<'c, Tensor<'c, 'a>> {
        let scale = scale(op, quantized.scale)?;
        let offset = -&scale * requantize::integer(quantized.zero_point);
        let rank = shape.len();
        let scale = Field::all(rank, scale);
        Ok(Tensor {
            shape,
            view,
            integers: Integers::Codes(Coded { value, codes: quantized, scale }),
            offset: Field::all(rank, offset),
            limits: Field::all(rank, Limits::default()),
            form: None,
        })
    }

    /// The computed tensor of an operand; `None` if it is constant.
    fn tensor(&self, op: OperationRef<'c, 'a>, index: usize) -> Option<Rc<Tensor<'c, 'a>>> {
        let value = op.operand(index).ok()?;
        self.tensors.get(&key(value)).cloned()
    }

    fn computed(
        &self,
        op: OperationRef<'c, 'a>,
        index: usize,
    ) -> pass::Result<'c, Rc<Tensor<'c, 'a>>> {
        let x = self.tensor(op, index).ok_or_else(|| {
            fail(&op, format_args!("has operand {index} that is not quantized: put QuantizeLinear and DequantizeLinear before it"))
        })?;
        self.plainly(op, &x)
    }

    /// A tensor from which no pattern goes on: a maximum is computed.
    fn plainly(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Rc<Tensor<'c, 'a>>,
    ) -> pass::Result<'c, Rc<Tensor<'c, 'a>>> {
        match x.form.as_deref() {
            Some(Form::Max { x, axes }) => self.largest(op, x, axes).map(Rc::new),
            _ => Ok(x.clone()),
        }
    }

    fn fixed(&self, op: OperationRef<'c, 'a>, index: usize) -> pass::Result<'c, Constant> {
        match self.base.operand(op, index)? {
            Fixed::Constant(constant) => Ok(constant),
            Fixed::Computed(_) => {
                Err(fail(&op, format_args!("needs a constant as operand {index}")))
            }
        }
    }

    fn set(&mut self, op: OperationRef<'c, 'a>, tensor: Tensor<'c, 'a>) {
        self.share(op, Rc::new(tensor));
    }

    fn share(&mut self, op: OperationRef<'c, 'a>, tensor: Rc<Tensor<'c, 'a>>) {
        if let Some(result) = op.results().next() {
            self.tensors.insert(key(result.into()), tensor);
        }
    }

    fn shape_of(&self, op: OperationRef<'c, 'a>) -> pass::Result<'c, Vec<usize>> {
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        static_shape(result.r#type()).ok_or_else(|| fail(&op, "needs a static shape"))
    }

    /// A refusal of what mixes rows, unless all of the batch is one.
    fn mixing(&self, op: OperationRef<'c, 'a>) -> pass::Failure<'c> {
        self.mixes.set(true);
        fail(&op, "mixes samples of the batch, or their values, in a way that cannot be mapped yet")
    }

    fn convert(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let name = op.name();
        let name = name.as_string_ref();
        let name = name.as_str().unwrap_or_default();
        if !is_model_level(&op) && name != "arith.constant" && name != "func.return" {
            return Err(foreign(op));
        }
        // What has no computed operand is folded.
        let computed = op.operands().any(|value| self.tensors.contains_key(&key(value)));
        if !computed {
            return self.fold(op, name);
        }
        match name {
            "quant.qcast" => self.quantize(op),
            "quant.dcast" | "tosa.identity" => {
                let tensor = self.computed(op, 0)?;
                self.share(op, tensor);
                Ok(())
            }
            "quant.scast" => self.reinterpret(op),
            "tosa.reshape" => self.reshape(op),
            "tosa.transpose" => self.transpose(op),
            "tosa.slice" => self.slice(op),
            "tosa.tile" => self.tile(op),
            "tosa.reverse" => self.reverse(op),
            "tosa.pad" => self.pad(op),
            "tosa.concat" => self.concat(op),
            "tosa.conv2d" => self.conv2d(op),
            "tosa.depthwise_conv2d" => self.depthwise(op),
            "tosa.transpose_conv2d" => self.transpose_conv2d(op),
            "tosa.avg_pool2d" => self.avg_pool(op),
            "tosa.max_pool2d" => self.max_pool(op),
            "tosa.matmul" => self.matmul(op),
            "tosa.reduce_sum" => self.reduce_sum(op),
            "tosa.reduce_max" => self.reduce_max(op),
            "tosa.add" => self.add(op, false),
            "tosa.sub" => self.add(op, true),
            "tosa.mul" => self.mul(op),
            "tosa.negate" => self.negate(op),
            "tosa.clamp" => self.clamp(op),
            "tosa.maximum" => self.extreme(op, true),
            "tosa.minimum" => self.extreme(op, false),
            "tosa.reciprocal" => self.unary(op, |x| 1.0 / x),
            "tosa.exp" => self.unary(op, f64::exp),
            "tosa.log" => self.unary(op, f64::ln),
            "tosa.tanh" => self.unary(op, f64::tanh),
            "tosa.sigmoid" => self.unary(op, |x| 1.0 / (1.0 + (-x).exp())),
            "tosa.erf" => self.unary(op, libm::erf),
            "tosa.abs" => self.unary(op, f64::abs),
            "tosa.floor" => self.unary(op, f64::floor),
            "tosa.ceil" => self.unary(op, f64::ceil),
            "tosa.sin" => self.unary(op, f64::sin),
            "tosa.cos" => self.unary(op, f64::cos),
            "tosa.rsqrt" => self.unary(op, |x| 1.0 / x.sqrt()),
            "tosa.pow" => self.pointwise(op, |x| x[0].powf(x[1])),
            "tosa.greater_equal" => self.at_least(op),
            "tosa.greater" => self.pointwise(op, |x| f64::from(x[0] > x[1])),
            "tosa.equal" => self.pointwise(op, |x| f64::from(x[0] == x[1])),
            "tosa.select" => self.select(op),
            "func.return" => self.r#return(op),
            _ => Err(foreign(op)),
        }
    }

    /// Codes whose features have one scale and one offset, with what was limited since limited.
    fn shared(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
    ) -> pass::Result<'c, Shared<'c, 'a>> {
        let Integers::Codes(Coded { value, codes, scale }) = &x.integers else {
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
        let (value, codes) = self.base.limited(op, *value, *codes, scale, offset, limits)?;
        Ok(Shared { value, codes, scale: scale.clone(), offset: offset.clone() })
    }

    /// Columns of a value of codes.
    fn columns(value: Value) -> usize {
        Codes::of(value.r#type()).map_or(0, |codes| codes.columns)
    }

    /// Puts features in another order, or `fill` where there is none.
    fn gather(
        &self,
        op: OperationRef<'c, 'a>,
        inputs: &[Value<'c, 'a>],
        index: &[i64],
        fill: i64,
    ) -> Value<'c, 'a> {
        let columns: usize = inputs.iter().map(|value| Self::columns(*value)).sum();
        let same = columns == index.len() && index.iter().copied().eq(0..columns as i64);
        if let ([one], true) = (inputs, same) {
            return *one;
        }
        let before = Codes::of(inputs[0].r#type()).expect("computed tensors have rank 2");
        let after = Codes { columns: index.len(), ..before };
        let indices = self.base.constant(op, &[index.len()], 32, index);
        let node = Node {
            operator: &operator::gather::Gather,
            parameters: [("fill".to_owned(), vec![fill])].into(),
            inputs: Vec::new(),
            constants: Vec::new(),
            output: operator::Tensor {
                features: index.len(),
                number: Integer { bits: after.bits, signed: after.signed },
            },
            accumulator: 32,
        };
        self.base.build_operator(
            op,
            &node,
            inputs,
            &[indices],
            &[],
            after.tensor(self.base.context),
        )
    }

    /// The codes of a tensor in the order of the tensor.
    fn in_order(
        &self,
        op: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        view: &View,
    ) -> Value<'c, 'a> {
        let index: Vec<i64> = view.features().into_iter().map(|at| at as i64).collect();
        self.gather(op, &[value], &index, 0)
    }

    /// The view that a tensor in its own order has.
    fn ordered(&self, op: OperationRef<'c, 'a>, x: &Tensor<'c, 'a>) -> pass::Result<'c, View> {
        let total: usize = x.shape.iter().product();
        let all = x.view.sample().iter().product::<usize>() * self.rows;
        if x.view.rows() != self.rows || all != total {
            return Err(self.mixing(op));
        }
        let mut stride = all / self.rows;
        let mut axes = x.view.axes.clone();
        for digit in axes.iter_mut().flatten().filter(|digit| !digit.of_rows) {
            stride /= digit.extent;
            digit.stride = stride;
        }
        let mut view = View { axes, offset: 0 };
        view.simplify();
        Ok(view)
    }

    fn quantize(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        let Some(quantized) = uniform(result.r#type()) else {
            return Err(fail(&op, not_uniform(result.r#type())));
        };
        let tensor = self.quantized(op, &x, quantized)?;
        self.share(op, tensor);
        Ok(())
    }

    fn quantized(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Rc<Tensor<'c, 'a>>,
        quantized: Uniform,
    ) -> pass::Result<'c, Rc<Tensor<'c, 'a>>> {
        // The same codes again.
        if let Integers::Codes(Coded { codes, .. }) = &x.integers
            && *codes == quantized
            && self.same_meaning(&op, x, quantized)?
        {
            return Ok(x.clone());
        }
        let step = scale(&op, quantized.scale)?;
        let quantizer = quantizer(op, &quantized)?;
        if let Integers::Parts(parts, axis) = &x.integers {
            let parts: pass::Result<Vec<_>> =
                parts.iter().map(|part| self.quantized(op, part, quantized)).collect();
            return self.joined(op, &parts?, *axis, &x.shape).map(Rc::new);
        }
        if let Integers::Extreme(a, b, larger) = &x.integers {
            // Rounding keeps the order.
            let [a, b] = [self.quantized(op, a, quantized)?, self.quantized(op, b, quantized)?];
            let either = self.extreme_of(op, &a, &b, *larger)?;
            let limited = Tensor { limits: x.limits.clone(), ..either };
            return self.quantized(op, &Rc::new(limited), quantized);
        }
        if let Integers::None = &x.integers {
            return self.quantized_form(op, x, quantized);
        }
        let limits = x.limits.map(|limits| limits.codes(&quantizer, &step));
        let quantizer = limited(op, quantizer, limits.shared())?;
        let target = Target { step, quantizer, codes: quantized };
        let value = match &x.integers {
            Integers::Codes(coded) => self.rescale(op, x, coded, &target)?,
            Integers::Sums(pending, scale) => self.finish(op, x, pending, scale, &target)?,
            Integers::Sum(terms) => self.add_codes(op, x, terms, &target)?,
            Integers::Table(value, codes, reals) => {
                let reals: Vec<f64> = reals
                    .iter()
                    .map(|&real| if real.is_nan() { 0.0 } else { real.clamp(-1e30, 1e30) })
                    .collect();
                let exact = |f: &f64| requantize::real(*f).as_ref() == Some(&target.step);
                let float = target.step.to_f64().filter(exact);
                let code = |&real: &f64| match float {
                    Some(step) => quantizer.apply_quotient(real, step),
                    None => {
                        let real = requantize::real(real).unwrap_or_else(Real::zero);
                        quantizer.apply(&(real / &target.step))
                    }
                };
                let table: Vec<i64> = reals.iter().map(code).collect();
                self.lookup(op, *value, *codes, &table, quantized)?
            }
            Integers::Function(of, function) => self.staircase(op, of, function, &target)?,
            Integers::Parts(..) | Integers::Extreme(..) | Integers::None => {
                unreachable!("handled above")
            }
        };
        self.coded(&op, value, quantized, x.shape.clone(), x.view.clone()).map(Rc::new)
    }

    /// Whether codes already mean what a type says of them.
    fn same_meaning(
        &self,
        op: &OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        quantized: Uniform,
    ) -> pass::Result<'c, bool> {
        let Integers::Codes(Coded { scale: of, .. }) = &x.integers else { return Ok(false) };
        let step = scale(op, quantized.scale)?;
        let offset = -&step * requantize::integer(quantized.zero_point);
        Ok(of.shared() == Some(&step)
            && x.offset.shared() == Some(&offset)
            && x.limits.shared() == Some(&Limits::default()))
    }

    /// Codes at another scale.
    fn rescale(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        coded: &Coded<'c, 'a>,
        target: &Target,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let Target { step, quantizer, codes: quantized } = target;
        let Coded { value, codes: of, scale } = coded;
        let columns = Self::columns(*value);
        let numbers = scale.with(&x.offset, |scale, offset| (scale / step, offset / step));
        let reach = of.min..=of.max;
        let channel = |(scale, offset): &(Real, Real)| Channel {
            scale: scale.clone(),
            offset: offset.clone(),
            reach: reach.clone(),
        };
        let channels: Vec<Channel> = match numbers.shared() {
            Some(numbers) => vec![channel(numbers)],
            None => {
                let shape = x.view.sample();
                let mut all = vec![None; columns];
                for (feature, numbers) in x.view.features().into_iter().zip(numbers.each(&shape)) {
                    all[feature] = Some(channel(numbers));
                }
                let other =
                    channel(numbers.each(&shape).first().copied().ok_or_else(|| foreign(op))?);
                all.into_iter().map(|given| given.unwrap_or_else(|| other.clone())).collect()
            }
        };
        if channels.len() > 1
            && let Some(value) = self.by_channel(op, *value, &channels, target)?
        {
            return Ok(value);
        }
        let choice = requantize::choose(&channels, *quantizer, 32);
        self.base.remark(op, &choice);
        let requant = choice
            .without_bias()
            .ok_or_else(|| fail(&op, "has an offset that does not fit behind its scale"))?;
        let after = codes([self.rows, columns], quantized);
        let attributes = [("requant", requant.attribute(self.base.context))];
        let r#type = after.tensor(self.base.context);
        Ok(self.base.build(op, aie4ml::REQUANTIZE, &[*value], &attributes, r#type))
    }

    /// Codes at a scale of each channel, where features next to each other have one: a convolution
    /// of each channel with a single one.
    fn by_channel(
        &self,
        op: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        channels: &[Channel],
        target: &Target,
    ) -> pass::Result<'c, Option<Value<'c, 'a>>> {
        let same = |a: &Channel, b: &Channel| (&a.scale, &a.offset) == (&b.scale, &b.offset);
        let columns = channels.len();
        let divides = |unit: &usize| {
            columns.is_multiple_of(*unit)
                && channels.chunks(*unit).all(|chunk| chunk.iter().all(|c| same(c, &chunk[0])))
        };
        let Some(unit) = (2..=columns).rev().find(divides) else { return Ok(None) };
        let codes_of = Codes::of(value.r#type()).expect("computed tensors have rank 2");
        let number = Integer { bits: codes_of.bits, signed: codes_of.signed };
        let count = columns / unit;
        let list = |numbers: &[usize]| numbers.iter().map(|&n| n as i64).collect::<Vec<_>>();
        let node = Node {
            operator: &operator::conv2d::Conv2d,
            parameters: [
                ("input", list(&[count, 1, unit])),
                ("output", list(&[count, 1, unit])),
                ("kernel", list(&[1, 1])),
                ("stride", list(&[1, 1])),
                ("dilation", list(&[1, 1])),
                ("padding", list(&[0, 0])),
                ("strides", list(&[unit, 0, 1])),
                ("offset", list(&[0])),
                ("expand", list(&[1, 1])),
                ("groups", list(&[count])),
                ("outside", vec![0]),
            ]
            .into_iter()
            .map(|(name, numbers)| (name.to_owned(), numbers))
            .collect(),
            inputs: vec![operator::Tensor { features: columns, number }],
            constants: vec![operator::Constant {
                shape: vec![count, 1, 1, 1],
                number: Integer { bits: 8, signed: true },
                data: vec![1; count],
            }],
            output: operator::Tensor { features: columns, number },
            accumulator: 32,
        };
        let chosen: Vec<Channel> = channels.iter().step_by(unit).cloned().collect();
        let choice = requantize::choose(&chosen, target.quantizer, 32);
        self.base.remark(op, &choice);
        let context = self.base.context;
        let bias: Vec<i64> = match choice.bias.as_slice() {
            [one] => vec![*one; count],
            [] => vec![0; count],
            all => all.to_vec(),
        };
        let weights = self.base.constant(op, &[count, 1, 1, 1], 8, &vec![1; count]);
        let bias = self.base.constant(op, &[count], 32, &bias);
        let after = codes([self.rows, columns], &target.codes);
        let sums = Codes { bits: 32, signed: true, ..after };
        let attributes = [
            ("accumulator", TypeAttribute::new(sums.element(context)).into()),
            ("requant", aie4ml::list(context, std::slice::from_ref(&choice.requant))),
        ];
        let constants = [weights, bias];
        let r#type = after.tensor(context);
        Ok(Some(self.base.build_operator(op, &node, &[value], &constants, &attributes, r#type)))
    }

    /// What has no computed operand.
    fn fold(&mut self, op: OperationRef<'c, 'a>, name: &str) -> pass::Result<'c> {
        let reals = |constant: Constant, f: &dyn Fn(f64) -> f64| {
            let reals = constant
                .reals()
                .into_iter()
                .map(|x| requantize::real(f(x.to_f64().unwrap_or(f64::NAN))));
            let reals: Option<Rc<[Real]>> = reals.collect();
            reals.map(|reals| Constant { shape: constant.shape, data: Data::Reals(reals) })
        };
        let function: &dyn Fn(f64) -> f64 = match name {
            "tosa.rsqrt" => &|x| 1.0 / x.sqrt(),
            "tosa.exp" => &f64::exp,
            "tosa.tanh" => &f64::tanh,
            "tosa.sigmoid" => &|x| 1.0 / (1.0 + (-x).exp()),
            "tosa.negate" => &|x| -x,
            "tosa.abs" => &f64::abs,
            "tosa.slice" => return self.fold_slice(op),
            "tosa.reverse" => return self.fold_reverse(op),
            _ => return self.base.convert(op),
        };
        let constant = self.fixed(op, 0)?;
        let constant = reals(constant, function)
            .ok_or_else(|| fail(&op, "has a constant result that is no number"))?;
        self.base.set(op, Fixed::Constant(constant));
        Ok(())
    }

    fn fold_slice(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let constant = self.fixed(op, 0)?;
        let (start, size) = (self.extents(op, 1)?, self.extents(op, 2)?);
        let shape = constant.shape.clone();
        let fits = start.len() == shape.len()
            && size.len() == shape.len()
            && (0..shape.len()).all(|axis| start[axis] + size[axis] <= shape[axis]);
        if !fits {
            return Err(fail(&op, "takes a part that its operand has not"));
        }
        let mut picked = vec![0usize];
        for (axis, &extent) in shape.iter().enumerate() {
            let range = start[axis]..start[axis] + size[axis];
            picked = picked
                .iter()
                .flat_map(|&at| range.clone().map(move |index| at * extent + index))
                .collect();
        }
        let within = |axis: usize| start[axis]..start[axis] + size[axis];
        self.base.set(op, Fixed::Constant(constant.picked(size.clone(), &picked, within)));
        Ok(())
    }

    fn fold_reverse(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let constant = self.fixed(op, 0)?;
        let axis = op.attribute("axis").ok().and_then(|a| {
            melior::ir::attribute::IntegerAttribute::try_from(a).ok().map(|a| a.value())
        });
        let shape = constant.shape.clone();
        let axis = axis.and_then(|axis| usize::try_from(axis).ok()).filter(|a| *a < shape.len());
        let axis = axis.ok_or_else(|| fail(&op, "needs an axis of its input"))?;
        if matches!(&constant.data, Data::Codes { axis: Some(of), .. } if *of == axis) {
            return Err(fail(&op, "turns the channels of a constant around"));
        }
        let inner: usize = shape[axis + 1..].iter().product();
        let picked: Vec<usize> = (0..constant.len())
            .map(|at| {
                let along = at / inner % shape[axis];
                at - along * inner + (shape[axis] - 1 - along) * inner
            })
            .collect();
        let whole = |axis: usize| 0..shape[axis];
        self.base.set(op, Fixed::Constant(constant.picked(shape.clone(), &picked, whole)));
        Ok(())
    }

    /// Builds a layer, of which it is known now how it requantizes.
    fn finish(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        pending: &Pending<'c, 'a>,
        scale: &Field<Real>,
        target: &Target,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let Target { step, quantizer, codes: quantized } = target;
        let channels = self.channels(op, x, pending, scale, step)?;
        let choice = requantize::choose(&channels, *quantizer, pending.accumulator);
        if let (Some((tied, factor)), false) = (&pending.tied, choice.inexact.is_empty()) {
            let scale = scale.map(|scale| scale * factor);
            if keeps_ties(&scale, &x.offset, step) {
                return self.finish(op, x, tied, &scale, target);
            }
        }
        self.base.remark(op, &choice);
        self.layer(op, pending, &choice, quantized)
    }

    /// What the sums of each channel mean, in steps, and which there are.
    fn channels(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        pending: &Pending<'c, 'a>,
        scale: &Field<Real>,
        step: &Real,
    ) -> pass::Result<'c, Vec<Channel>> {
        let numbers = scale.with(&x.offset, |scale, offset| (scale / step, offset / step));
        let count = pending.reach.len();
        let channel = |(scale, offset): &(Real, Real), index: usize| Channel {
            scale: scale.clone(),
            offset: offset.clone(),
            reach: pending.reach[index].clone(),
        };
        Ok(match numbers.shared() {
            Some(numbers) => (0..count).map(|index| channel(numbers, index)).collect(),
            None => {
                let mut all: Vec<Option<&(Real, Real)>> = vec![None; count];
                let shape = x.view.sample();
                for (feature, numbers) in x.view.features().into_iter().zip(numbers.each(&shape)) {
                    let known = &mut all[if count == 1 { 0 } else { feature / pending.unit }];
                    if known.is_some_and(|known| known != numbers) {
                        return Err(fail(
                            &op,
                            "has scales or offsets within a channel, which cannot be mapped to the array yet",
                        ));
                    }
                    *known = Some(numbers);
                }
                let other = all.iter().flatten().next().copied().ok_or_else(|| foreign(op))?;
                (0..count).map(|index| channel(all[index].unwrap_or(other), index)).collect()
            }
        })
    }

    /// A layer, now that it is known what becomes of its sums.
    fn layer(
        &self,
        op: OperationRef<'c, 'a>,
        pending: &Pending<'c, 'a>,
        choice: &requantize::Choice,
        quantized: &Uniform,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let count = pending.reach.len();
        let after = codes([self.rows, pending.features], quantized);
        let context = self.base.context;
        let sums = Codes { bits: pending.accumulator, signed: true, ..after };
        let accumulator = TypeAttribute::new(sums.element(context)).into();
        match &pending.layer {
            Layer::Dense { input, k, bits, weights } => {
                let n = pending.features;
                let weights = self.base.constant(op, &[*k, n], *bits, weights);
                let none = aie4ml::list::<Requant>(context, &[]);
                let attributes = [("accumulator", accumulator), ("requant", none)];
                let r#type = sums.tensor(context);
                let mut value =
                    self.base.build(op, aie4ml::DENSE, &[*input, weights], &attributes, r#type);
                let mut requant = choice.requant.clone();
                if choice.bias.iter().any(|&bias| bias != 0) {
                    if choice.bias.len() == n {
                        let bias = self.base.constant(op, &[n], 32, &choice.bias);
                        value = self.base.build(op, aie4ml::BIAS_ADD, &[value, bias], &[], r#type);
                    } else {
                        requant = choice.without_bias().ok_or_else(|| {
                            fail(&op, "has an offset that does not fit behind its scale")
                        })?;
                    }
                }
                let attributes = [("requant", requant.attribute(context))];
                let r#type = after.tensor(context);
                Ok(self.base.build(op, aie4ml::REQUANTIZE, &[value], &attributes, r#type))
            }
            Layer::Operator { node, inputs, has_bias } => {
                let mut requant = choice.requant.clone();
                let constant = |of: &operator::Constant| {
                    self.base.constant_of(op, &of.shape, of.number, &of.data)
                };
                let mut constants: Vec<Value> = node.constants.iter().map(constant).collect();
                if *has_bias {
                    let bias: Vec<i64> = match choice.bias.as_slice() {
                        [one] => vec![*one; count],
                        [] => vec![0; count],
                        all => all.to_vec(),
                    };
                    constants.push(self.base.constant(op, &[count], 32, &bias));
                } else if choice.bias.iter().any(|&bias| bias != 0) {
                    requant = choice.without_bias().ok_or_else(|| {
                        fail(&op, "has an offset that does not fit behind its scale")
                    })?;
                }
                let attributes =
                    [("accumulator", accumulator), ("requant", aie4ml::list(context, &[requant]))];
                let r#type = after.tensor(context);
                Ok(self.base.build_operator(op, node, inputs, &constants, &attributes, r#type))
            }
        }
    }

    /// A function of sums, quantized: integers of 32 bits in one unit, and the steps among them.
    fn staircase(
        &self,
        op: OperationRef<'c, 'a>,
        of: &Tensor<'c, 'a>,
        function: &Function,
        target: &Target,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let Target { step, quantizer, codes: quantized } = target;
        let Integers::Sums(pending, scale) = &of.integers else { return Err(foreign(op)) };
        if pending.accumulator != 32 {
            return Err(fail(
                &op,
                "quantizes a function of sums of 64 bits: put QuantizeLinear and DequantizeLinear before it",
            ));
        }
        let one = requantize::integer(1);
        let channels = self.channels(op, of, pending, scale, &one)?;
        let float = step.to_f64().ok_or_else(|| foreign(op))?;
        let code = |x: f64| {
            let real = function(x);
            quantizer.apply_quotient(if real.is_nan() { 0.0 } else { real }, float)
        };
        let most = (1 << operator::steps::LOG_MOST) - 1;
        let found = steps::staircase(&channels, &code, most).ok_or_else(|| {
            fail(
                &op,
                format_args!("quantizes a function of sums that has more than {most} steps: put QuantizeLinear and DequantizeLinear before it"),
            )
        })?;
        let word = Integer { bits: 32, signed: true };
        let (min, max) = crate::exact::range(32, true);
        let sums = Uniform { bits: 32, signed: true, scale: 1.0, zero_point: 0, min, max };
        let choice = requantize::Choice { bias: vec![], requant: found.requant, inexact: vec![] };
        let value = self.layer(op, pending, &choice, &sums)?;
        let after = codes([self.rows, pending.features], quantized);
        let features = pending.features;
        let output = Integer { bits: quantized.bits, signed: quantized.signed };
        let node = Node {
            operator: &operator::steps::Steps,
            parameters: Default::default(),
            inputs: vec![operator::Tensor { features, number: word }],
            constants: Vec::new(),
            output: operator::Tensor { features, number: output },
            accumulator: 32,
        };
        let words =
            operator::steps::words(&found.steps, &found.codes).ok_or_else(|| foreign(op))?;
        let words = self.base.constant_of(op, &[words.len()], word, &words);
        let after = after.tensor(self.base.context);
        Ok(self.base.build_operator(op, &node, &[value], &[words], &[], after))
    }

    /// Adds two tensors of codes and quantizes the sum.
    fn add_codes(
        &self,
        op: OperationRef<'c, 'a>,
        x: &Tensor<'c, 'a>,
        terms: &[Coded<'c, 'a>; 2],
        target: &Target,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let Target { step, quantizer, codes: quantized } = target;
        let shared = [&terms[0].scale, &terms[1].scale].map(Field::shared);
        let ([Some(a), Some(b)], Some(offset)) = (shared, x.offset.shared()) else {
            return Err(fail(
                &op,
                "quantizes a sum of two tensors with numbers of its own for each feature, which cannot be mapped to the array yet",
            ));
        };
        let sum = Sum {
            scales: [a / step, b / step],
            offset: offset / step,
            codes: [0, 1].map(|i: usize| terms[i].codes.min..=terms[i].codes.max),
        };
        let columns = Self::columns(terms[0].value);
        let after = codes([self.rows, columns], quantized);
        Ok(self.base.sum_of_codes(op, [terms[0].value, terms[1].value], &sum, *quantizer, after))
    }

    /// A function of codes, as a table, or in pieces where they have 16 bits.
    fn lookup(
        &self,
        op: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        of: Uniform,
        table: &[i64],
        quantized: Uniform,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let after = codes([self.rows, Self::columns(value)], &quantized);
        let integer = |codes: &Uniform| Integer { bits: codes.bits, signed: codes.signed };
        let features = after.columns;
        let mut node = Node {
            operator: &operator::lookup::Lookup,
            parameters: Default::default(),
            inputs: vec![operator::Tensor { features, number: integer(&of) }],
            constants: Vec::new(),
            output: operator::Tensor { features, number: integer(&quantized) },
            accumulator: 32,
        };
        let constant = if of.bits == 8 {
            self.base.constant_of(op, &[table.len()], integer(&quantized), table)
        } else {
            let pieces = Pieces::of(table).ok_or_else(|| {
                fail(
                    &op,
                    format_args!(
                        "quantizes a function of codes of {} bits that is not smooth enough for the memory of a tile: quantize its input to 8 bits",
                        of.bits
                    ),
                )
            })?;
            node.operator = &operator::piecewise::Piecewise;
            for (name, number) in [("length", pieces.length), ("bits", pieces.bits)] {
                node.parameters.insert(name.to_owned(), vec![number as i64]);
            }
            let words: Vec<i64> = pieces.words.into_iter().map(i64::from).collect();
            let number = Integer { bits: 32, signed: true };
            self.base.constant_of(op, &[words.len()], number, &words)
        };
        let after = after.tensor(self.base.context);
        Ok(self.base.build_operator(op, &node, &[value], &[constant], &[], after))
    }

    /// The same integers, which now have another scale.
    fn reinterpret(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.computed(op, 0)?;
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        let Some(quantized) = uniform(result.r#type()) else {
            self.share(op, x);
            return Ok(());
        };
        let Integers::Codes(Coded { value, codes: of, .. }) = &x.integers else {
            return Err(fail(&op, "takes the codes of a tensor that has none"));
        };
        if (of.bits, of.signed) != (quantized.bits, quantized.signed) {
            return Err(fail(&op, "takes the codes of a tensor for those of another type"));
        }
        let quantized = Uniform { min: of.min, max: of.max, ..quantized };
        let tensor = self.coded(&op, *value, quantized, x.shape.clone(), x.view.clone())?;
        self.set(op, tensor);
        Ok(())
    }

    fn r#return(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let mut values = Vec::new();
        for index in 0..op.operand_count() {
            let name = aie4ml::boundary_name(self.base.func, "res_attrs", index);
            let output = name.map_or(format!("result {index}"), |name| format!("output '{name}'"));
            let x = self
                .tensor(op, index)
                .ok_or_else(|| fail(&op, format_args!("has {output} that is constant")))?;
            if !matches!(x.integers, Integers::Codes(_)) {
                return Err(fail(
                    &op,
                    format_args!(
                        "has {output} that is not quantized: put QuantizeLinear and DequantizeLinear before it"
                    ),
                ));
            }
            let shared = self.shared(op, &x)?;
            let (Some(zero_point), Some(scale)) =
                (shared.code_of(&Real::zero()), shared.scale.to_f64())
            else {
                return Err(fail(
                    &op,
                    format_args!(
                        "has {output} whose codes have an offset that is no zero point: quantize it anew"
                    ),
                ));
            };
            let ordered = self.ordered(op, &x)?;
            if !ordered.is_contiguous() {
                return Err(self.mixing(op));
            }
            let mut value = self.in_order(op, shared.value, &x.view);
            // What is given as an argument leaves through a layer.
            if constant::defining_op(value).is_none() {
                let r#type = value.r#type();
                let same = Requant::shift(
                    0,
                    crate::exact::Rounding::Floor,
                    shared.codes.bits.into(),
                    shared.codes.signed,
                );
                let attributes = [("requant", same.attribute(self.base.context))];
                value = self.base.build(op, aie4ml::REQUANTIZE, &[value], &attributes, r#type);
            }
            values.push(value);
            self.base.results.push(Uniform { scale, zero_point, ..shared.codes });
        }
        for (index, value) in values.into_iter().enumerate() {
            rewrite::set_operand(op, index, value);
        }
        Ok(())
    }
}

/// Whether results that are even for whole numbers of halves, and odd between them, say on which side
/// of every limit between two codes a number is: all limits are even.
fn keeps_ties(scale: &Field<Real>, offset: &Field<Real>, step: &Real) -> bool {
    let even = |scale: &Real, offset: &Real| {
        let is_multiple = |of: &Real, by: i64| (of / scale / requantize::integer(by)).is_integer();
        !scale.is_zero() && is_multiple(step, 4) && is_multiple(offset, 2)
    };
    scale.with(offset, even).shared() == Some(&true)
}

/// The product of extents of digits, and their common stride; `None` if they are several.
fn single(digits: &[Digit]) -> Option<(usize, usize)> {
    match digits {
        [] => Some((1, 0)),
        [digit] => Some((digit.extent, digit.stride)),
        _ => None,
    }
}
