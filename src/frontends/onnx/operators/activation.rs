//! Operators of each element by itself.

use std::rc::Rc;

use super::super::{
    super::Error,
    fold,
    graph::Node,
    lowering::{Folded, Lowering, Tensor, label},
    program::{Kind, Operation, Quantization, ValueId},
    quote,
    tensor::{Constant, Element},
};
use super::{elements::made, quantize};

/// The value of the only input, or, if that is a constant, the result for it.
enum Input {
    Value(ValueId),
    Result(Tensor),
}

fn input(
    lowering: &mut Lowering,
    node: &Node,
    floats: fn(f32) -> f32,
    integers: Option<fn(i64) -> i64>,
) -> Result<Input, Error> {
    let operand = lowering.operand(node, 0)?;
    if let Tensor::Constant(folded) = &operand
        && folded.quantization.is_none()
    {
        let constant = fold::map(&folded.constant, floats, integers);
        return Ok(Input::Result(made(node, constant.map_err(|message| node.error(message))?)));
    }
    Ok(Input::Value(lowering.float(node, operand, 0, "input")?))
}

/// Defines operators by what they are for a constant and for a value.
macro_rules! operators {
    ($($(#[$doc:meta])* $name:ident: $floats:expr, $integers:expr, |$lowering:ident, $node:ident, $x:ident| $value:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name($lowering: &mut Lowering, $node: &Node) -> Result<Tensor, Error> {
            match input($lowering, $node, $floats, $integers)? {
                Input::Result(tensor) => Ok(tensor),
                Input::Value($x) => Ok(Tensor::Value($value)),
            }
        }
    )*};
}

operators! {
    abs: f32::abs, Some(i64::abs), |lowering, node, x| lowering.unary(node, "tosa.abs", x);
    ceil: f32::ceil, None, |lowering, node, x| lowering.unary(node, "tosa.ceil", x);
    exp: f32::exp, None, |lowering, node, x| lowering.unary(node, "tosa.exp", x);
    floor: f32::floor, None, |lowering, node, x| lowering.unary(node, "tosa.floor", x);
    log: f32::ln, None, |lowering, node, x| lowering.unary(node, "tosa.log", x);
    neg: |x| -x, Some(|x| -x), |lowering, node, x| lowering.unary(node, "tosa.negate", x);
    reciprocal: f32::recip, None, |lowering, node, x| lowering.unary(node, "tosa.reciprocal", x);
    relu: |x| x.max(0.0), Some(|x| x.max(0)), |lowering, node, x| lowering.clamp(node, x, 0.0, f32::MAX);
    sigmoid: |x| 1.0 / (1.0 + (-x).exp()), None, |lowering, node, x| lowering.unary(node, "tosa.sigmoid", x);
    tanh: f32::tanh, None, |lowering, node, x| lowering.unary(node, "tosa.tanh", x);
    sqrt: f32::sqrt, None, |lowering, node, x| {
        let rank = lowering.shape(x).len();
        let half = lowering.splat(node, 0.5, rank);
        lowering.binary(node, "tosa.pow", x, half)?
    };
    /// To nearest, ties to even, which tosa has no operation for.
    round: f32::round_ties_even, None, |lowering, node, x| {
        // The integer below x + 1/2, or, if x is a tie and that integer is odd, one less.
        let raised = lowering.plus(node, x, 0.5);
        let nearest = lowering.unary(node, "tosa.floor", raised);
        let half = lowering.times(node, nearest, 0.5);
        let lower_half = lowering.unary(node, "tosa.floor", half);
        let odd = greater(lowering, node, half, lower_half);
        let up = greater_equal(lowering, node, nearest, raised);
        let shape = lowering.shape(x).to_vec();
        let kind = Kind::Integer(Element::Bool);
        let both = Operation::Binary("tosa.logical_and", odd, up);
        let both = lowering.program.push(&label(node), both, kind, shape.clone());
        let less = lowering.plus(node, nearest, -1.0);
        lowering.push(node, Operation::Select(both, less, nearest), shape)
    };
}

pub fn erf(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    Ok(lowering.unary(node, "tosa.erf", x).into())
}

fn compared(
    lowering: &mut Lowering,
    node: &Node,
    name: &'static str,
    a: ValueId,
    b: ValueId,
) -> ValueId {
    let shape = lowering.shape(a).to_vec();
    let compare = Operation::Binary(name, a, b);
    lowering.program.push(&label(node), compare, Kind::Integer(Element::Bool), shape)
}

fn greater(lowering: &mut Lowering, node: &Node, a: ValueId, b: ValueId) -> ValueId {
    compared(lowering, node, "tosa.greater", a, b)
}

fn greater_equal(lowering: &mut Lowering, node: &Node, a: ValueId, b: ValueId) -> ValueId {
    compared(lowering, node, "tosa.greater_equal", a, b)
}

/// `positive` where `x` is at least 0, `negative` elsewhere.
fn by_sign(
    lowering: &mut Lowering,
    node: &Node,
    x: ValueId,
    positive: ValueId,
    negative: ValueId,
) -> ValueId {
    let shape = lowering.shape(x).to_vec();
    let zero = lowering.splat(node, 0.0, shape.len());
    let condition = greater_equal(lowering, node, x, zero);
    lowering.push(node, Operation::Select(condition, positive, negative), shape)
}

fn leaky(lowering: &mut Lowering, node: &Node, x: ValueId) -> Result<ValueId, Error> {
    let alpha = node.float("alpha", 0.01)?;
    let scaled = lowering.times(node, x, alpha);
    Ok(by_sign(lowering, node, x, x, scaled))
}

pub fn leaky_relu(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    Ok(leaky(lowering, node, x)?.into())
}

pub fn p_relu(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let (x, slope) = (lowering.real(node, 0)?, lowering.real(node, 1)?);
    let scaled = lowering.binary(node, "tosa.mul", x, slope)?;
    if lowering.shape(scaled) != lowering.shape(x) {
        return Err(node.error("has slopes that do not broadcast to its input"));
    }
    Ok(by_sign(lowering, node, x, x, scaled).into())
}

/// `alpha * (exp(x) - 1)`, of what is not positive.
fn exponential(lowering: &mut Lowering, node: &Node, x: ValueId, alpha: f32) -> ValueId {
    // What is positive is not looked at, and must not overflow.
    let negative = lowering.clamp(node, x, f32::MIN, 0.0);
    let exp = lowering.unary(node, "tosa.exp", negative);
    let minus_one = lowering.plus(node, exp, -1.0);
    if alpha == 1.0 { minus_one } else { lowering.times(node, minus_one, alpha) }
}

pub fn elu(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let negative = exponential(lowering, node, x, node.float("alpha", 1.0)?);
    Ok(by_sign(lowering, node, x, x, negative).into())
}

pub fn selu(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let negative = exponential(lowering, node, x, node.float("alpha", 1.673_263_2)?);
    let both = by_sign(lowering, node, x, x, negative);
    Ok(lowering.times(node, both, node.float("gamma", 1.050_701)?).into())
}

/// `log(1 + exp(x))`, which is `max(x, 0) + log(1 + exp(-|x|))` and so does not overflow.
pub fn softplus(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let size = lowering.unary(node, "tosa.abs", x);
    let size = lowering.unary(node, "tosa.negate", size);
    let exp = lowering.unary(node, "tosa.exp", size);
    let sum = lowering.plus(node, exp, 1.0);
    let log = lowering.unary(node, "tosa.log", sum);
    let positive = lowering.clamp(node, x, 0.0, f32::MAX);
    Ok(lowering.binary(node, "tosa.add", positive, log)?.into())
}

pub fn softsign(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let size = lowering.unary(node, "tosa.abs", x);
    let sum = lowering.plus(node, size, 1.0);
    let inverse = lowering.unary(node, "tosa.reciprocal", sum);
    Ok(lowering.binary(node, "tosa.mul", x, inverse)?.into())
}

/// `x / 2 * (1 + erf(x / sqrt(2)))`, or with tanh in place of erf.
pub fn gelu(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let rank = lowering.shape(x).len();
    let bent = match node.text("approximate", "none")? {
        "none" => {
            // As an operation it has the precision it is run in.
            let two = lowering.splat(node, 2.0, rank);
            let root = lowering.unary(node, "tosa.rsqrt", two);
            let scaled = lowering.binary(node, "tosa.mul", x, root)?;
            lowering.unary(node, "tosa.erf", scaled)
        }
        "tanh" => {
            let square = lowering.binary(node, "tosa.mul", x, x)?;
            let cube = lowering.binary(node, "tosa.mul", square, x)?;
            let cube = lowering.times(node, cube, 0.044_715);
            let sum = lowering.binary(node, "tosa.add", x, cube)?;
            let scaled = lowering.times(node, sum, (2.0 / std::f64::consts::PI).sqrt() as f32);
            lowering.unary(node, "tosa.tanh", scaled)
        }
        other => return Err(node.error(format!("has the unknown approximation {}", quote(other)))),
    };
    let sum = lowering.plus(node, bent, 1.0);
    let half = lowering.times(node, x, 0.5);
    Ok(lowering.binary(node, "tosa.mul", half, sum)?.into())
}

pub fn hard_sigmoid(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let scaled = lowering.times(node, x, node.float("alpha", 0.2)?);
    let sum = lowering.plus(node, scaled, node.float("beta", 0.5)?);
    Ok(lowering.clamp(node, sum, 0.0, 1.0).into())
}

pub fn hard_swish(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let x = lowering.real(node, 0)?;
    let scaled = lowering.over(node, x, 6);
    let sum = lowering.plus(node, scaled, 0.5);
    let gate = lowering.clamp(node, sum, 0.0, 1.0);
    Ok(lowering.binary(node, "tosa.mul", x, gate)?.into())
}

/// The bounds of a `Clip` of integers.
fn integer_bounds(
    lowering: &mut Lowering,
    node: &Node,
    element: Element,
) -> Result<(i64, i64), Error> {
    let mut bound = |index, default| {
        let Some(folded) = lowering.optional_constant(node, index)? else {
            return Ok(default);
        };
        match folded.constant.integers()[..] {
            [bound] if folded.constant.element == element && folded.quantization.is_none() => {
                Ok(bound)
            }
            _ => Err(node.error(format!("bound {} is not one {element}", quote(&folded.name)))),
        }
    };
    let (low, high) = element.range();
    let (low, high) = (bound(1, low)?, bound(2, high)?);
    if low > high {
        return Err(node.error(format!("clips to an empty range: [{low}, {high}]")));
    }
    Ok((low, high))
}

pub fn clip(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    let operand = lowering.operand(node, 0)?;
    match operand {
        Tensor::Constant(folded)
            if folded.quantization.is_none() && folded.constant.element.is_integer() =>
        {
            let (low, high) = integer_bounds(lowering, node, folded.constant.element)?;
            let constant = &folded.constant;
            let clamped: Vec<i64> =
                constant.integers().into_iter().map(|v| v.clamp(low, high)).collect();
            let constant =
                Constant::from_integers(constant.element, constant.shape.clone(), &clamped);
            Ok(Tensor::Constant(Rc::new(Folded { constant, ..Folded::clone(&folded) })))
        }
        Tensor::Value(id)
            if matches!(lowering.program.value(id).kind, Kind::Integer(_) | Kind::Quantized(_)) =>
        {
            // Quantizing to fewer integers and clipping afterwards are the same.
            let value = lowering.program.value(id);
            let (&Operation::Quantize(real, rounding), Kind::Quantized(quantization)) =
                (&value.operation, &value.kind)
            else {
                return Err(node.error(
                    "clips integers that do not come from a QuantizeLinear just before it",
                ));
            };
            let (shape, label) = (value.shape.clone(), value.node.clone());
            let mut quantization = Quantization::clone(quantization);
            let (low, high) = integer_bounds(lowering, node, quantization.storage)?;
            let old = quantization.range;
            quantization.range = (low.max(old.0), high.min(old.1));
            if quantization.range.0 >= quantization.range.1 {
                return Err(
                    node.error(format!("leaves no range of integers: clips to [{low}, {high}]"))
                );
            }
            let kind = Kind::Quantized(Rc::new(quantization));
            let quantize = Operation::Quantize(real, rounding);
            Ok(Tensor::Value(lowering.program.push(&label, quantize, kind, shape)))
        }
        operand => {
            let (least, most) = (node.float("min", f32::MIN)?, node.float("max", f32::MAX)?);
            let (low, high) = (lowering.scalar(node, 1, least)?, lowering.scalar(node, 2, most)?);
            if low > high {
                return Err(node.error(format!("clips to an empty range: [{low}, {high}]")));
            }
            if let Tensor::Constant(folded) = &operand
                && folded.quantization.is_none()
                && folded.constant.element == Element::F32
            {
                let values: Vec<f32> =
                    folded.constant.floats().iter().map(|x| x.clamp(low, high)).collect();
                let shape = folded.constant.shape.clone();
                return Ok(made(node, Constant::from_floats(shape, &values)));
            }
            let (number, element) = lowering.number(node, operand, 0)?;
            if element != Element::F32 {
                return Err(node.error(format!("clips computed {element}, which is not supported")));
            }
            Ok(lowering.clamp(node, number, low, high).into())
        }
    }
}

/// An operator on the real numbers of a quantized tensor.
fn q_linear(
    lowering: &mut Lowering,
    node: &Node,
    meaning: fn(&mut Lowering, &Node, ValueId) -> Result<ValueId, Error>,
) -> Result<Tensor, Error> {
    let x = quantize::dequantized_input(lowering, node, [0, 1, 2], None)?;
    let storage = quantize::storage_of(lowering, node, 0)?;
    let x = lowering.any(node, x, 0)?;
    let result = meaning(lowering, node, x)?;
    quantize::quantized_output(lowering, node, result, [3, 4], storage)
}

pub fn q_linear_leaky_relu(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    q_linear(lowering, node, leaky)
}

pub fn q_linear_sigmoid(lowering: &mut Lowering, node: &Node) -> Result<Tensor, Error> {
    q_linear(lowering, node, |lowering, node, x| Ok(lowering.unary(node, "tosa.sigmoid", x)))
}
