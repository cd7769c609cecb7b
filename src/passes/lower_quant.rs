use crate::{
    dialect::scalar::{self, Body, Predicate},
    mlir::{
        pass::{self, Pass, fail},
        quant::Quantized,
        rewrite,
    },
};
use melior::ir::{
    Attribute, OperationRef, ShapedTypeLike, Type, Value, ValueLike,
    attribute::DenseElementsAttribute,
    operation::OperationLike,
    r#type::{IntegerType, RankedTensorType},
};

crate::pass! {
    /// Say what quant casts compute, as linalg, arith and math.
    ///
    /// At the model level `quant.qcast` is ONNX's QuantizeLinear: divide by the
    /// scale, round to the nearest integer, ties to even, add the zero point,
    /// saturate to the type's range. A NaN becomes the smallest code, as ONNX
    /// Runtime's vectorized kernels make it. `quant.dcast` subtracts the zero
    /// point and multiplies by the scale. Both compute in the expressed type.
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
                Cast::Quantize(quantized) => quantize(*op, input, quantized),
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
    Quantize(Quantized<'c>),
    Dequantize(Quantized<'c>),
    Reinterpret,
}

impl<'c> Cast<'c> {
    /// `None` if the op is no cast.
    fn of(op: OperationRef<'c, '_>) -> pass::Result<'c, Option<Self>> {
        let name = op.name();
        let (kind, side): (fn(_) -> _, _) = match name.as_string_ref().as_str().unwrap_or_default()
        {
            "quant.qcast" => (Cast::Quantize, op.results().next().map(Value::from)),
            "quant.dcast" => (Cast::Dequantize, op.operands().next()),
            "quant.scast" => return Ok(Some(Cast::Reinterpret)),
            _ => return Ok(None),
        };
        let r#type = side.expect("ODS gives a cast its operand and result").r#type();
        if !RankedTensorType::try_from(r#type).is_ok_and(|tensor| tensor.has_static_shape()) {
            return Err(fail(
                &op,
                format_args!("needs a tensor of static shape, got '{}'", r#type),
            ));
        }
        match Quantized::of(scalar::element(r#type)) {
            Some(quantized) => Ok(Some(kind(quantized))),
            None => Err(fail(&op, "needs a scale per tensor or per axis, not per block")),
        }
    }
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
/// The quotient is rounded once to the expressed type; everything after it is
/// exact in f64, which holds every f32 and every integer up to 33 bits.
fn quantize<'c, 'a>(
    op: OperationRef<'c, 'a>,
    input: Value<'c, 'a>,
    quantized: &Quantized<'c>,
) -> Value<'c, 'a> {
    let bits = scalar::width(quantized.storage);
    map(op, input, quantized, quantized.storage, |body, x, scale, zero_point| {
        let context = body.context();
        let (f64, i64) = (Type::float64(context), IntegerType::new(context, 64).into());
        let quotient = body.binary("arith.divf", x, scale);
        let quotient = if quantized.expressed == f64 {
            quotient
        } else {
            body.op("arith.extf", &[quotient], &[], f64)
        };
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
        let rounded = body.op("math.roundeven", &[limited], &[], f64);
        let code = body.op("arith.fptosi", &[rounded], &[], i64);
        body.resize(zero_point.apply(body, "arith.addi", code), true, bits)
    })
}

/// `(code - zero_point) * scale`.
fn dequantize<'c, 'a>(
    op: OperationRef<'c, 'a>,
    input: Value<'c, 'a>,
    quantized: &Quantized<'c>,
) -> Value<'c, 'a> {
    let expressed = quantized.expressed;
    map(op, input, quantized, expressed, |body, code, scale, zero_point| {
        // 64 bits hold the difference of any two codes of 32.
        let code = body.resize(code, quantized.signed, 64);
        let difference = zero_point.apply(body, "arith.subi", code);
        let value = body.op("arith.sitofp", &[difference], &[], expressed);
        body.binary("arith.mulf", value, scale)
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
    let expressed = quantized.expressed;
    let parameters = &quantized.parameters;
    let &[(scale, zero_point), ..] = parameters.as_slice() else {
        unreachable!("a quantized type has a scale")
    };
    let Some(axis) = quantized.axis else {
        return scalar::map(op, input, element, |body, elements| {
            cast(body, elements[0], body.float(expressed, scale), ZeroPoint::Same(zero_point))
        });
    };
    let vector = |element: Type<'c>, values: Vec<Attribute<'c>>| {
        let r#type: Type = RankedTensorType::new(&[values.len() as u64], element, None).into();
        let values = DenseElementsAttribute::new(r#type, &values)
            .expect("a vector of numbers is a constant");
        scalar::constant(op, values.into(), r#type)
    };
    let scales = parameters.iter().map(|p| scalar::float(context, expressed, p.0)).collect();
    let mut inputs = vec![input, vector(expressed, scales)];
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
