use crate::{
    dialect::{
        aie4ml::{self, Add, Codes, Dense, Operator},
        operator,
        scalar::{self, Body, Predicate},
    },
    exact::{self, Overflow, Requant, Rounding},
    mlir::{
        constant,
        pass::{self, Pass, fail},
        rewrite,
    },
    operator::Node,
};
use melior::ir::{
    OperationRef, Type, Value, ValueLike,
    attribute::{DenseElementsAttribute, IntegerAttribute},
    operation::OperationLike,
    r#type::{IntegerType, RankedTensorType},
};

crate::pass! {
    /// Say what aie4ml ops compute, as linalg and arith.
    ///
    /// This lowering is the meaning of the dialect: it runs by MLIR's own JIT,
    /// before and after every pass that maps a network. Mapping attributes and
    /// transfers change nothing. Codes `ui8` and `ui16` become signless, in
    /// the function's type as well; whether a code has a sign is then said by
    /// `arith.extsi` or `arith.extui`.
    ///
    /// A sum is computed modulo `2^w` in its accumulator of `w` bits, which is
    /// exact as the dialect forbids that it overflows. A requantization is
    /// exact for every accumulator, in 128 bits where 64 could lose something.
    ///
    /// Refuses an 'aie4ml' op that computes nothing known here.
    pub struct ConvertAie4mlToLinalg: "convert-aie4ml-to-linalg" on "func.func" {}
}

impl Pass for ConvertAie4mlToLinalg {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let ops: Vec<_> = scalar::nested(func)
            .into_iter()
            .filter(|op| op.name().as_string_ref().as_str().is_ok_and(|n| n.starts_with("aie4ml.")))
            .collect();
        let tasks = ops.iter().map(|&op| task(op)).collect::<pass::Result<Vec<_>>>()?;
        drop_signs(func);
        for (&op, task) in ops.iter().zip(&tasks) {
            let result = lower(op, task);
            rewrite::replace_uses(output(op), result);
        }
        for &op in ops.iter().rev() {
            rewrite::erase(op);
        }
        Ok(())
    }
}

/// What an op computes, read before unsigned types lose their sign.
enum Task {
    Dense { input: bool, weights: bool, accumulator: u32, stages: Vec<Requant>, output: Codes },
    Add { operands: [bool; 2], factors: [i64; 2], bits: u32, stages: Vec<Requant>, output: Codes },
    BiasAdd,
    Requantize { input: bool, stage: Requant, output: Codes },
    Clamp { codes: Codes, low: i64, high: i64 },
    Operator { node: Box<Node>, stages: Vec<Requant>, output: Codes },
    Transfer,
}

/// Reads an op; a failure names what has no meaning here.
fn task<'c>(op: OperationRef<'c, '_>) -> pass::Result<'c, Task> {
    let codes = |value: Value<'c, '_>| {
        Codes::of(value.r#type()).expect("the verifier checks the types of codes")
    };
    let name = op.name();
    Ok(match name.as_string_ref().as_str().unwrap_or_default() {
        aie4ml::DENSE => {
            let dense = Dense::of(op).expect("matched by name");
            Task::Dense {
                input: dense.input_codes().signed,
                weights: dense.weight_codes().signed,
                accumulator: dense.accumulator(),
                stages: dense.requant(),
                output: dense.output_codes(),
            }
        }
        aie4ml::ADD => {
            let add = Add::of(op).expect("matched by name");
            Task::Add {
                operands: add.operand_codes().map(|codes| codes.signed),
                factors: add.factors().expect("the verifier checks 'factors'"),
                bits: add.accumulator(),
                stages: add.requant(),
                output: add.output_codes(),
            }
        }
        aie4ml::BIAS_ADD => Task::BiasAdd,
        aie4ml::REQUANTIZE => Task::Requantize {
            input: codes(operand(op, 0)).signed,
            stage: aie4ml::read(op, "requant").expect("the verifier checks 'requant'"),
            output: codes(output(op)),
        },
        aie4ml::CLAMP => {
            let codes = codes(output(op));
            let limit = |name| {
                let attribute =
                    op.attribute(name).ok().and_then(|a| IntegerAttribute::try_from(a).ok());
                attribute.expect("ODS gives a clamp its limits").value()
            };
            let (low, high) = (limit("min"), limit("max"));
            let (least, most) = type_range(codes.bits, codes.signed);
            if i128::from(high) < least || i128::from(low) > most {
                return Err(fail(
                    &op,
                    format_args!("limits to [{low}, {high}], of which its type holds nothing"),
                ));
            }
            // One limit beyond the type limits nothing.
            let low = i128::from(low).max(least) as i64;
            let high = i128::from(high).min(most) as i64;
            Task::Clamp { codes, low, high }
        }
        aie4ml::OPERATOR => {
            let operator = Operator::of(op).expect("matched by name");
            Task::Operator {
                node: Box::new(operator.node(false)?),
                stages: operator.requant(),
                output: operator.output_codes(),
            }
        }
        aie4ml::TRANSFER => Task::Transfer,
        _ => return Err(fail(&op, "has no meaning in linalg")),
    })
}

/// Writes what an op computes before it and returns the result.
fn lower<'c, 'a>(op: OperationRef<'c, 'a>, task: &Task) -> Value<'c, 'a> {
    let input = operand(op, 0);
    match task {
        Task::Transfer => input,
        Task::Dense { input: signed, weights, accumulator, stages, output } => {
            let sum = dense(op, *signed, *weights, *accumulator);
            if stages.is_empty() { sum } else { requantize(op, sum, true, stages, *output) }
        }
        Task::Add { operands, factors, bits, stages, output } => {
            let sum = add(op, *operands, *factors, *bits);
            if stages.is_empty() { sum } else { requantize(op, sum, true, stages, *output) }
        }
        Task::Operator { node, stages, output } => {
            let result = operator::meaning(op, node);
            if stages.is_empty() {
                return result;
            }
            // Numbers of channels, for each of their outputs.
            let spread = |list: &[i64]| match list {
                [_] => list.to_vec(),
                _ => (0..output.columns).map(|feature| list[feature / node.unit()]).collect(),
            };
            let stages: Vec<Requant> = stages
                .iter()
                .map(|stage| Requant {
                    multiplier: spread(&stage.multiplier),
                    addend: spread(&stage.addend),
                    ..stage.clone()
                })
                .collect();
            requantize(op, result, true, &stages, *output)
        }
        Task::BiasAdd => scalar::generic(
            op,
            &["parallel"; 2],
            &[(input, "d0, d1"), (operand(op, 1), "d1")],
            (scalar::empty(op, input.r#type()), "d0, d1"),
            |body, elements| {
                let bias = body.resize(elements[1], true, scalar::width(elements[0].r#type()));
                body.binary("arith.addi", elements[0], bias)
            },
        ),
        Task::Requantize { input: signed, stage, output } => {
            requantize(op, input, *signed, std::slice::from_ref(stage), *output)
        }
        Task::Clamp { codes, low, high } => {
            let element = scalar::element(input.r#type());
            scalar::map(op, input, element, |body, elements| {
                // Unsigned codes have at most 16 bits, so 64 hold every code with its sign.
                let wide = body.resize(elements[0], codes.signed, 64);
                let limited = limit(body, wide, *low, *high);
                body.resize(limited, true, codes.bits)
            })
        }
    }
}

/// Sum of two operands at one scale, in the accumulator.
fn add<'c, 'a>(
    op: OperationRef<'c, 'a>,
    signed: [bool; 2],
    factors: [i64; 2],
    bits: u32,
) -> Value<'c, 'a> {
    let context = rewrite::context(op.location());
    let accumulator: Type = IntegerType::new(context, bits).into();
    let sums = scalar::with_element(output(op).r#type(), accumulator);
    scalar::generic(
        op,
        &["parallel"; 2],
        &[(operand(op, 0), "d0, d1"), (operand(op, 1), "d0, d1")],
        (scalar::empty(op, sums), "d0, d1"),
        |body, elements| {
            let [a, b] = [0, 1].map(|i: usize| {
                let wide = body.resize(elements[i], signed[i], bits);
                body.binary("arith.muli", wide, body.integer(accumulator, factors[i]))
            });
            body.binary("arith.addi", a, b)
        },
    )
}

/// Bias and sum of products, in the accumulator.
fn dense<'c, 'a>(op: OperationRef<'c, 'a>, input: bool, weights: bool, bits: u32) -> Value<'c, 'a> {
    let context = rewrite::context(op.location());
    let accumulator: Type = IntegerType::new(context, bits).into();
    let sums = scalar::with_element(output(op).r#type(), accumulator);
    let start = match Dense::of(op).and_then(|dense| dense.bias()) {
        Some(bias) => scalar::generic(
            op,
            &["parallel"; 2],
            &[(bias, "d1")],
            (scalar::empty(op, sums), "d0, d1"),
            |body, elements| body.resize(elements[0], true, bits),
        ),
        None => {
            let zero = IntegerAttribute::new(accumulator, 0).into();
            let zeros = DenseElementsAttribute::new(sums, &[zero])
                .expect("an integer splats over a tensor of integers");
            scalar::constant(op, zeros.into(), sums)
        }
    };
    // Outputs are innermost: they lie next to each other in weights and sums.
    scalar::generic(
        op,
        &["parallel", "reduction", "parallel"],
        &[(operand(op, 0), "d0, d1"), (operand(op, 1), "d1, d2")],
        (start, "d0, d2"),
        |body, elements| {
            let a = body.resize(elements[0], input, bits);
            let w = body.resize(elements[1], weights, bits);
            let product = body.binary("arith.muli", a, w);
            body.binary("arith.addi", elements[2], product)
        },
    )
}

/// Requantizes every element, in stages.
fn requantize<'c, 'a>(
    op: OperationRef<'c, 'a>,
    input: Value<'c, 'a>,
    signed: bool,
    stages: &[Requant],
    output: Codes,
) -> Value<'c, 'a> {
    let context = rewrite::context(op.location());
    // Signless by now, whatever the codes are.
    let element = IntegerType::new(context, output.bits).into();
    // Numbers of channels are operands, in the order in which the stages take them.
    let mut inputs = vec![(input, "d0, d1")];
    for list in stages.iter().flat_map(|stage| [&stage.multiplier, &stage.addend]) {
        if list.len() > 1 {
            inputs.push((channels(op, list), "d1"));
        }
    }
    let result = scalar::with_element(input.r#type(), element);
    let result = (scalar::empty(op, result), "d0, d1");
    scalar::generic(op, &["parallel"; 2], &inputs, result, |body, elements| {
        let mut x = elements[0];
        let mut channels = elements[1..].iter().copied();
        let mut range = type_range(scalar::width(x.r#type()), signed);
        let mut signed = signed;
        for stage in stages {
            (x, range) = requantize_one(body, x, signed, range, stage, &mut channels);
            signed = true;
        }
        body.resize(x, true, output.bits)
    })
}

/// Numbers of channels as a tensor of i64.
fn channels<'c, 'a>(op: OperationRef<'c, 'a>, list: &[i64]) -> Value<'c, 'a> {
    let context = rewrite::context(op.location());
    let i64 = IntegerType::new(context, 64).into();
    let tensor: Type = RankedTensorType::new(&[list.len() as u64], i64, None).into();
    let bytes: Vec<u8> = list.iter().flat_map(|value| value.to_le_bytes()).collect();
    let values = DenseElementsAttribute::raw_buffer(tensor, &bytes);
    scalar::constant(op, values.into(), tensor)
}

/// One stage on one value of `range`; returns the result and its range.
///
/// `channels` gives the elements of what the stage has for each channel. The
/// result is as wide as the computation was, with its sign.
fn requantize_one<'c, 'b>(
    body: &Body<'c, 'b>,
    x: Value<'c, 'b>,
    signed: bool,
    range: (i128, i128),
    stage: &Requant,
    channels: &mut impl Iterator<Item = Value<'c, 'b>>,
) -> (Value<'c, 'b>, (i128, i128)) {
    // Computes in 64 bits if all that can appear on the way fits. In 128
    // everything does: |x| is at most 2^63, a product at most 2^125, a shift to
    // the left without one at most 2^(63 + 62), and the zero point below 2^64;
    // so a saturation sees the exact value, not what is left of it.
    let ends = |list: &[i64]| {
        let list = || list.iter().map(|&value| i128::from(value));
        [list().min().unwrap_or(0), list().max().unwrap_or(0)]
    };
    let mut reach = vec![range.0, range.1];
    let mut scaled = [i128::MAX, i128::MIN];
    for multiplier in ends(&stage.multiplier) {
        for x in [range.0, range.1] {
            let product = x * multiplier;
            reach.push(product);
            for addend in ends(&stage.addend) {
                scaled = [scaled[0].min(product + addend), scaled[1].max(product + addend)];
            }
        }
    }
    reach.extend(scaled);
    reach.extend(scaled.map(|x| exact::shift_round(x, stage.shift, stage.rounding)));
    let zero_point = i128::from(stage.zero_point);
    let fits = |x: i128| i64::try_from(x).is_ok() && i64::try_from(x + zero_point).is_ok();
    let bits = if reach.into_iter().all(fits) { 64 } else { 128 };
    let r#type: Type = IntegerType::new(body.context(), bits).into();

    let mut number = |list: &[i64]| match list {
        [one] => body.integer(r#type, *one),
        _ => {
            let element = channels.next().expect("every list of channels is an operand");
            body.resize(element, true, bits)
        }
    };
    let mut x = body.resize(x, signed, bits);
    if stage.multiplier != [1] {
        x = body.binary("arith.muli", x, number(&stage.multiplier));
    }
    if stage.addend != [0] {
        x = body.binary("arith.addi", x, number(&stage.addend));
    }
    let mut y = shift_round(body, x, stage.shift, stage.rounding);
    if stage.zero_point != 0 {
        y = body.binary("arith.addi", y, body.integer(r#type, stage.zero_point));
    }
    // Saturation and clamp are one interval: limiting to [a, b] and then to
    // [c, d] limits to [a limited to [c, d], b limited to [c, d]].
    let (least, most) = exact::range(stage.width, stage.signed);
    let (low, high) = stage.limits();
    if stage.overflow == Overflow::Wrap {
        let narrow = body.resize(y, true, stage.width as u32);
        y = body.resize(narrow, stage.signed, bits);
    }
    // A wrapped value is within [least, most] already.
    if stage.overflow != Overflow::Wrap || (low, high) != (least, most) {
        y = limit(body, y, low, high);
    }
    (y, (low.into(), high.into()))
}

/// `x * 2^-shift`, rounded; `x` has room for a left shift.
fn shift_round<'c, 'b>(
    body: &Body<'c, 'b>,
    x: Value<'c, 'b>,
    shift: i64,
    rounding: Rounding,
) -> Value<'c, 'b> {
    let r#type = x.r#type();
    let number = |value| body.integer(r#type, value);
    if shift == 0 {
        return x;
    }
    if shift < 0 {
        return body.binary("arith.shli", x, number(-shift));
    }
    // x = floor * 2^shift + rest with 0 <= rest < 2^shift; rounding adds one
    // to the floor or not. A verified shift is at most 62.
    let floor = body.binary("arith.shrsi", x, number(shift));
    if rounding == Rounding::Floor {
        return floor;
    }
    let rest = body.binary("arith.andi", x, number((1 << shift) - 1));
    let compare_rest = |predicate, with| body.compare(predicate, rest, number(with));
    let negative = || body.compare(Predicate::Less, x, number(0));
    let positive = || body.compare(Predicate::GreaterEqual, x, number(0));
    let inexact_and = |sign| body.binary("arith.andi", compare_rest(Predicate::NotEqual, 0), sign);
    let half = 1 << (shift - 1);
    // To the nearest, and where two are: up if `up` says so.
    let nearest = |up| {
        let above = compare_rest(Predicate::Greater, half);
        let tie = compare_rest(Predicate::Equal, half);
        body.select(tie, up, above)
    };
    let even = |expected| {
        let last = body.binary("arith.andi", floor, number(1));
        body.compare(Predicate::Equal, last, number(expected))
    };
    let up = match rounding {
        Rounding::Floor => unreachable!("returned above"),
        Rounding::Ceil => compare_rest(Predicate::NotEqual, 0),
        Rounding::TowardZero => inexact_and(negative()),
        Rounding::AwayFromZero => inexact_and(positive()),
        Rounding::NearestDown => compare_rest(Predicate::Greater, half),
        Rounding::NearestUp => compare_rest(Predicate::GreaterEqual, half),
        Rounding::NearestTowardZero => nearest(negative()),
        Rounding::NearestAway => nearest(positive()),
        Rounding::NearestEven => nearest(even(1)),
        Rounding::NearestOdd => nearest(even(0)),
    };
    let one = body.resize(up, false, scalar::width(r#type));
    body.binary("arith.addi", floor, one)
}

/// `min(max(x, low), high)`.
fn limit<'c, 'b>(body: &Body<'c, 'b>, x: Value<'c, 'b>, low: i64, high: i64) -> Value<'c, 'b> {
    let r#type = x.r#type();
    let raised = body.binary("arith.maxsi", x, body.integer(r#type, low));
    body.binary("arith.minsi", raised, body.integer(r#type, high))
}

/// Least and greatest value of a type of up to 64 bits.
fn type_range(bits: u32, signed: bool) -> (i128, i128) {
    if signed { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) }
}

/// Makes every unsigned type of a function signless, constants included.
fn drop_signs<'c>(func: OperationRef<'c, '_>) {
    let context = rewrite::context(func.location());
    let signless = |r#type: Type<'c>| {
        let integer = IntegerType::try_from(r#type).ok().filter(IntegerType::is_unsigned)?;
        Some(IntegerType::new(context, integer.width()).into())
    };
    for op in scalar::nested(func) {
        let Some(result) = op.results().next() else { continue };
        let Some(element) = signless(scalar::element(result.r#type())) else { continue };
        let bytes = scalar::width(element) as usize / 8;
        for name in ["value", "values"] {
            let Some(codes) = op.attribute(name).ok().and_then(constant::elements) else {
                continue;
            };
            let buffer: Vec<u8> =
                codes.iter().flat_map(|code| code.to_le_bytes().into_iter().take(bytes)).collect();
            let r#type = scalar::with_element(result.r#type(), element);
            rewrite::set_attribute(
                op,
                name,
                DenseElementsAttribute::raw_buffer(r#type, &buffer).into(),
            );
        }
    }
    scalar::retype(func, signless);
}

fn operand<'c, 'a>(op: OperationRef<'c, 'a>, index: usize) -> Value<'c, 'a> {
    op.operand(index).expect("ODS gives the op its operands")
}

fn output<'c, 'a>(op: OperationRef<'c, 'a>) -> Value<'c, 'a> {
    op.result(0).expect("ODS gives the op its result").into()
}
