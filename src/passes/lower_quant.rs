use crate::{
    dialect::scalar::{self, Body, Predicate},
    exact::Rounding,
    mlir::{
        constant,
        pass::{self, Pass, fail},
        quant::Quantized,
        rewrite,
    },
};
use melior::ir::{
    Attribute, OperationRef, ShapedTypeLike, Type, TypeLike, Value, ValueLike,
    attribute::DenseElementsAttribute,
    operation::OperationLike,
    r#type::{IntegerType, RankedTensorType},
};

crate::pass! {
    /// Say what quant casts compute, as linalg, arith and math.
    ///
    /// `quant.qcast` divides by the scale, rounds to the nearest integer, ties to
    /// even or as its attribute `aie4ml.rounding` says, adds the zero point and
    /// saturates to the type's range. A NaN becomes the smallest code, as ONNX
    /// Runtime's vectorized kernels make it. `quant.dcast` subtracts the zero
    /// point and multiplies by the scale. Both compute in f64, where the quotient
    /// of two f32 rounds as the real one does, and the product of a code of 29
    /// bits and an f32 is exact. But what the function is given as f32 is divided
    /// to f32, as ONNX defines it: sensors' values are often near a tie.
    /// `quant.scast` is nothing.
    ///
    /// Upstream's `lower-quant-ops` is another meaning: it truncates and does
    /// not saturate. And upstream folds a `quant.dcast` of a `quant.qcast`
    /// away, so this pass must run before `canonicalize` and its kind.
    ///
    /// Afterwards quantized tensors are tensors of their storage type, in the
    /// function's type as well. Refuses ops that compute on quantized tensors;
    /// ops that only move elements are fine.
    pub struct LowerQuant: "aie4ml-lower-quant" on "func.func" {}
}

/// How a `quant.qcast` rounds, if not to the nearest integer, ties to even.
const ROUNDING: &str = "aie4ml.rounding";

/// Ops that move elements and do not care what they mean.
const MOVES: [&str; 12] = [
    "func.return",
    "func.call",
    "tosa.identity",
    "tosa.reshape",
    "tosa.transpose",
    "tosa.slice",
    "tosa.reverse",
    "tosa.tile",
    "tosa.concat",
    "tensor.collapse_shape",
    "tensor.expand_shape",
    "tensor.extract_slice",
];

impl Pass for LowerQuant {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let mut casts = Vec::new();
        for op in scalar::nested(func) {
            match Cast::of(op)? {
                Some(cast) => casts.push((op, cast)),
                None => check(op)?,
            }
        }
        scalar::retype(func, |element| Quantized::of(element).map(|quantized| quantized.storage));
        for (op, cast) in &casts {
            let input = op.operand(0).expect("ODS gives a cast its operand");
            let result = match cast {
                Cast::Quantize(quantized, rounding) => quantize(*op, input, quantized, *rounding),
                Cast::Dequantize(quantized) => dequantize(*op, input, quantized),
                Cast::Reinterpret => input,
            };
            let output = op.result(0).expect("ODS gives a cast its result");
            rewrite::replace_uses(output.into(), result);
        }
        for (op, _) in casts.iter().rev() {
            rewrite::erase(*op);
        }
        Ok(())
    }
}

/// A cast, read before quantized types become their storage.
enum Cast<'c> {
    Quantize(Quantized<'c>, Rounding),
    Dequantize(Quantized<'c>),
    Reinterpret,
}

impl<'c> Cast<'c> {
    /// `None` if the op is no cast.
    fn of(op: OperationRef<'c, '_>) -> pass::Result<'c, Option<Self>> {
        let quantizes = rewrite::is(&op, "quant.qcast");
        let side = if quantizes {
            op.results().next().map(Value::from)
        } else if rewrite::is(&op, "quant.dcast") {
            op.operands().next()
        } else {
            return Ok(rewrite::is(&op, "quant.scast").then_some(Cast::Reinterpret));
        };
        let r#type = side.expect("ODS gives a cast its operand and result").r#type();
        if !RankedTensorType::try_from(r#type).is_ok_and(|tensor| tensor.has_static_shape()) {
            return Err(fail(
                &op,
                format_args!("needs a tensor of static shape, got '{}'", r#type),
            ));
        }
        match Quantized::of(scalar::element(r#type)) {
            Some(quantized) if quantizes => Ok(Some(Cast::Quantize(quantized, rounding(op)?))),
            Some(quantized) => Ok(Some(Cast::Dequantize(quantized))),
            None => Err(fail(&op, "needs a scale per tensor or per axis, not per block")),
        }
    }
}

/// How a `quant.qcast` rounds.
fn rounding<'c>(op: OperationRef<'c, '_>) -> pass::Result<'c, Rounding> {
    if !op.has_attribute(ROUNDING) {
        return Ok(Rounding::NearestEven);
    }
    let name = op.attribute(ROUNDING).ok().and_then(constant::text);
    let mode = Rounding::ALL.into_iter().find(|mode| Some(mode.name()) == name);
    mode.ok_or_else(|| {
        let names = Rounding::ALL.map(Rounding::name).join(", ");
        fail(&op, format_args!("rounds in an unknown way: '{ROUNDING}' is one of {names}"))
    })
}

/// Refuses an op that would compute on codes as if they were values.
fn check<'c>(op: OperationRef<'c, '_>) -> pass::Result<'c> {
    let is_quantized =
        |value: Value<'c, '_>| Quantized::of(scalar::element(value.r#type())).is_some();
    let name = op.name();
    let name = name.as_string_ref();
    let moves = name.as_str().is_ok_and(|name| MOVES.contains(&name));
    if !moves && op.operands().chain(op.results().map(Value::from)).any(is_quantized) {
        return Err(fail(
            &op,
            "computes on quantized tensors: put 'quant.dcast' before and 'quant.qcast' after it",
        ));
    }
    Ok(())
}

/// `clamp(round(x / scale), min - zero_point, max - zero_point) + zero_point`.
///
/// The quotient is rounded once, and everything after it is exact in f64, which holds every f32
/// and every integer up to 33 bits.
fn quantize<'c, 'a>(
    op: OperationRef<'c, 'a>,
    input: Value<'c, 'a>,
    quantized: &Quantized<'c>,
    rounding: Rounding,
) -> Value<'c, 'a> {
    let bits = scalar::width(quantized.storage);
    let given = scalar::element(input.r#type()).is_f32() && is_given(input);
    map(op, input, quantized, quantized.storage, |body, x, scale, zero_point| {
        let context = body.context();
        let (f64, i64) = (Type::float64(context), IntegerType::new(context, 64).into());
        let x = if x.r#type() == f64 { x } else { body.op("arith.extf", &[x], &[], f64) };
        let mut quotient = body.binary("arith.divf", x, scale);
        if given {
            // The quotient of two f32 in f64 rounds to f32 as the real one does.
            let nearest_even = scalar::integer(context, IntegerType::new(context, 32).into(), 0);
            let f32 = Type::float32(context);
            let narrow =
                body.op("arith.truncf", &[quotient], &[("roundingmode", nearest_even)], f32);
            quotient = body.op("arith.extf", &[narrow], &[], f64);
        }
        // Rounding keeps the order, so it commutes with limiting to integers;
        // limited first, every value converts to an integer. A comparison
        // with a NaN is false, and the lower limit comes first.
        let limit = |code| match zero_point {
            ZeroPoint::Same(zero_point) => body.float(f64, (code - zero_point) as f64),
            ZeroPoint::Each(zero_point) => {
                let limit = body.binary("arith.subi", body.integer(i64, code), zero_point);
                body.op("arith.sitofp", &[limit], &[], f64)
            }
        };
        let (low, high) = (limit(quantized.min), limit(quantized.max));
        let raised =
            body.select(body.compare(Predicate::OrderedGreater, quotient, low), quotient, low);
        let limited = body.select(body.compare(Predicate::OrderedLess, raised, high), raised, high);
        let code = body.op("arith.fptosi", &[round(body, limited, rounding)], &[], i64);
        body.resize(zero_point.apply(body, "arith.addi", code), true, bits)
    })
}

/// Whether a value holds only elements of the function's arguments.
fn is_given(value: Value) -> bool {
    let Some(op) = constant::defining_op(value) else { return true };
    let name = op.name();
    let name = name.as_string_ref();
    let moves = name.as_str().is_ok_and(|name| name != "func.call" && MOVES.contains(&name));
    let is_tensor = |value: &Value| RankedTensorType::try_from(value.r#type()).is_ok();
    moves && op.operands().filter(is_tensor).all(is_given)
}

/// An f64 of at most 34 bits before the point to an integer.
fn round<'c, 'b>(body: &Body<'c, 'b>, x: Value<'c, 'b>, rounding: Rounding) -> Value<'c, 'b> {
    let unary = |name: &str, x: Value<'c, 'b>| body.op(name, &[x], &[], x.r#type());
    let number = |value| body.float(x.r#type(), value);
    let less = |a, b| body.compare(Predicate::OrderedLess, a, b);
    if rounding == Rounding::NearestEven {
        return unary("math.roundeven", x);
    }
    let negative = less(x, number(0.0));
    let either = |below, above| body.select(negative, below, above);
    match rounding {
        Rounding::Floor => return unary("math.floor", x),
        Rounding::Ceil => return unary("math.ceil", x),
        Rounding::TowardZero => return unary("math.trunc", x),
        Rounding::AwayFromZero => return either(unary("math.floor", x), unary("math.ceil", x)),
        _ => {}
    }
    // What is behind the point is exact, so ties are seen as they are.
    let near = unary("math.trunc", x);
    let far = body.binary("arith.addf", near, either(number(-1.0), number(1.0)));
    let rest = unary("math.absf", body.binary("arith.subf", x, near));
    let toward_zero = || body.select(less(number(0.5), rest), far, near);
    let away = || body.select(less(rest, number(0.5)), near, far);
    match rounding {
        Rounding::NearestTowardZero => toward_zero(),
        Rounding::NearestAway => away(),
        Rounding::NearestUp => either(toward_zero(), away()),
        Rounding::NearestDown => either(away(), toward_zero()),
        // Only in a tie the two differ, and then one of them is even.
        _ => {
            let sum = body.binary("arith.addf", toward_zero(), away());
            body.binary("arith.subf", sum, unary("math.roundeven", x))
        }
    }
}

/// `(code - zero_point) * scale`.
fn dequantize<'c, 'a>(
    op: OperationRef<'c, 'a>,
    input: Value<'c, 'a>,
    quantized: &Quantized<'c>,
) -> Value<'c, 'a> {
    let expressed = quantized.expressed;
    map(op, input, quantized, expressed, |body, code, scale, zero_point| {
        let f64 = Type::float64(body.context());
        // 64 bits hold the difference of any two codes of 32.
        let code = body.resize(code, quantized.signed, 64);
        let difference = zero_point.apply(body, "arith.subi", code);
        let value = body.op("arith.sitofp", &[difference], &[], f64);
        let value = body.binary("arith.mulf", value, scale);
        if expressed == f64 { value } else { body.op("arith.truncf", &[value], &[], expressed) }
    })
}

/// The zero point of an element.
#[derive(Clone, Copy)]
enum ZeroPoint<'c, 'b> {
    Same(i64),
    /// An i64 of its own for each index of the axis.
    Each(Value<'c, 'b>),
}

impl<'c, 'b> ZeroPoint<'c, 'b> {
    /// Adds it to an i64, or subtracts it.
    fn apply(self, body: &Body<'c, 'b>, name: &str, x: Value<'c, 'b>) -> Value<'c, 'b> {
        match self {
            ZeroPoint::Same(0) => x,
            ZeroPoint::Same(value) => body.binary(name, x, body.integer(x.r#type(), value)),
            ZeroPoint::Each(value) => body.binary(name, x, value),
        }
    }
}

/// Maps elements one by one; `cast` gets each with its scale and zero point.
fn map<'c, 'a>(
    op: OperationRef<'c, 'a>,
    input: Value<'c, 'a>,
    quantized: &Quantized<'c>,
    element: Type<'c>,
    cast: impl for<'b> FnOnce(
        &Body<'c, 'b>,
        Value<'c, 'b>,
        Value<'c, 'b>,
        ZeroPoint<'c, 'b>,
    ) -> Value<'c, 'b>,
) -> Value<'c, 'a> {
    let context = rewrite::context(op.location());
    let f64 = Type::float64(context);
    let parameters = &quantized.parameters;
    let &[(scale, zero_point), ..] = parameters.as_slice() else {
        unreachable!("a quantized type has a scale")
    };
    let Some(axis) = quantized.axis else {
        return scalar::map(op, input, element, |body, elements| {
            cast(body, elements[0], body.float(f64, scale), ZeroPoint::Same(zero_point))
        });
    };
    let vector = |element: Type<'c>, values: Vec<Attribute<'c>>| {
        let r#type: Type = RankedTensorType::new(&[values.len() as u64], element, None).into();
        let values = DenseElementsAttribute::new(r#type, &values)
            .expect("a vector of numbers is a constant");
        scalar::constant(op, values.into(), r#type)
    };
    let scales = parameters.iter().map(|p| scalar::float(context, f64, p.0)).collect();
    let mut inputs = vec![input, vector(f64, scales)];
    if parameters.iter().any(|p| p.1 != zero_point) {
        let i64: Type = IntegerType::new(context, 64).into();
        let zero_points = parameters.iter().map(|p| scalar::integer(context, i64, p.1)).collect();
        inputs.push(vector(i64, zero_points));
    }
    let rank = scalar::rank(input.r#type());
    let dims: Vec<String> = (0..rank).map(|i| format!("d{i}")).collect();
    let (all, axis) = (dims.join(", "), format!("d{axis}"));
    let inputs: Vec<_> = inputs
        .into_iter()
        .enumerate()
        .map(|(i, value)| (value, if i == 0 { all.as_str() } else { axis.as_str() }))
        .collect();
    let output = scalar::empty(op, scalar::with_element(input.r#type(), element));
    let each = inputs.len() == 3;
    scalar::generic(op, &vec!["parallel"; rank], &inputs, (output, &all), |body, elements| {
        let zero_point =
            if each { ZeroPoint::Each(elements[2]) } else { ZeroPoint::Same(zero_point) };
        cast(body, elements[0], elements[1], zero_point)
    })
}
