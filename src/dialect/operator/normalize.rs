//! Elements less their mean, divided by their deviation.

use super::*;
use crate::operator::normalize::Shape;

pub(super) fn meaning<'c, 'a>(
    at: &At<'c, 'a, '_>,
    inputs: &[Value<'c, 'a>],
    constants: &[Value<'c, 'a>],
) -> Value<'c, 'a> {
    let (input, gamma, beta) = (inputs[0], constants[0], constants[1]);
    let shape = Shape::of(at.node).expect("the verifier checks the parameters");
    let Shape { groups, centered, epsilon, bits, zero_point } = shape;
    let signed = at.node.inputs[0].number.signed;
    let (wide, accumulator) = (at.integer(64), at.node.accumulator);
    // 0 where nothing is centered.
    let sums = at.reduced(input, &groups, wide, 0, |body, sum, code| match centered {
        true => body.binary("arith.addi", sum, less(body, code, signed, 64, zero_point)),
        false => sum,
    });
    let squares = at.reduced(input, &groups, wide, 0, |body, sum, code| {
        let x = less(body, code, signed, 64, zero_point);
        body.binary("arith.addi", sum, body.binary("arith.muli", x, x))
    });
    let variances = scalar::generic(
        at.op,
        &["parallel"; 2],
        &[(sums, "d0, d1"), (squares, "d0, d1")],
        (scalar::empty(at.op, sums.r#type()), "d0, d1"),
        |body, elements| {
            let number = |value| body.integer(elements[0].r#type(), value);
            let length = number(groups.length as i64);
            let squares = body.binary("arith.muli", elements[1], length);
            let square = body.binary("arith.muli", elements[0], elements[0]);
            let variance = body.binary("arith.subi", squares, square);
            let variance = body.binary("arith.addi", variance, number(epsilon));
            body.binary("arith.maxsi", variance, number(1))
        },
    );
    let reciprocals = scalar::map(at.op, variances, wide, |body, elements| {
        let (scaled, _) = scaled(body, elements[0]);
        let number = |value| body.integer(scaled.r#type(), value);
        let quotient = body.binary("arith.divsi", number(1 << 61), square_root(body, scaled));
        body.binary("arith.minsi", quotient, number(i32::MAX.into()))
    });
    let shifts = scalar::map(at.op, variances, wide, |body, elements| {
        let (_, e) = scaled(body, elements[0]);
        let number = |value| body.integer(e.r#type(), value);
        let half = body.binary("arith.shrsi", e, number(1));
        body.binary("arith.subi", number(61 - i64::from(bits)), half)
    });
    let extents = [at.rows(input), groups.count as u64, groups.length as u64];
    let result = RankedTensorType::new(&extents, at.sums(), None).into();
    let result = scalar::generic(
        at.op,
        &["parallel"; 3],
        &[
            (input, &elements_of(&groups)),
            (sums, "d0, d1"),
            (reciprocals, "d0, d1"),
            (shifts, "d0, d1"),
            (gamma, "d2"),
            (beta, "d2"),
        ],
        (scalar::empty(at.op, result), "d0, d1, d2"),
        |body, elements| {
            let x = less(body, elements[0], signed, 64, zero_point);
            let length = body.integer(x.r#type(), groups.length as i64);
            let x = body.binary("arith.muli", x, length);
            let difference = body.binary("arith.subi", x, elements[1]);
            let product = body.binary("arith.muli", difference, elements[2]);
            let normal = half_even(body, product, elements[3]);
            let gamma = body.resize(elements[4], true, 64);
            let beta = body.resize(elements[5], true, 64);
            let sum = body.binary("arith.muli", normal, gamma);
            body.resize(body.binary("arith.addi", sum, beta), true, accumulator)
        },
    );
    at.collapse(result, &[groups.count, groups.length])
}

/// A positive number below 2^62 times the power of four that makes it 2^60 at least, and how far it
/// was shifted for that.
fn scaled<'c, 'b>(body: &Body<'c, 'b>, x: Value<'c, 'b>) -> (Value<'c, 'b>, Value<'c, 'b>) {
    let number = |value| body.integer(x.r#type(), value);
    let (mut x, mut e) = (x, number(0));
    for step in [32, 16, 8, 4, 2] {
        let small = body.compare(Predicate::Less, x, number(1 << (62 - step)));
        let by = body.select(small, number(step), number(0));
        x = body.binary("arith.shli", x, by);
        e = body.binary("arith.addi", e, by);
    }
    (x, e)
}

/// The square root of an i64 that is not negative and below 2^62, rounded down.
fn square_root<'c, 'b>(body: &Body<'c, 'b>, x: Value<'c, 'b>) -> Value<'c, 'b> {
    let number = |value| body.integer(x.r#type(), value);
    let float = Type::float64(body.context());
    let root = body.op("arith.sitofp", &[x], &[], float);
    let root = body.op("math.sqrt", &[root], &[], float);
    let root = body.op("arith.fptosi", &[root], &[], x.r#type());
    // A float has 53 bits, so this is one off at most.
    let exceeds = |root| body.compare(Predicate::Greater, body.binary("arith.muli", root, root), x);
    let less = body.binary("arith.subi", root, number(1));
    let root = body.select(exceeds(root), less, root);
    let more = body.binary("arith.addi", root, number(1));
    body.select(exceeds(more), root, more)
}

/// `x * 2^-shift` rounded to the nearest, of two to the even; the shift is 1 to 62.
fn half_even<'c, 'b>(body: &Body<'c, 'b>, x: Value<'c, 'b>, shift: Value<'c, 'b>) -> Value<'c, 'b> {
    let number = |value| body.integer(x.r#type(), value);
    let floor = body.binary("arith.shrsi", x, shift);
    let rest = body.binary("arith.subi", x, body.binary("arith.shli", floor, shift));
    // 2 * rest + (floor is odd) > 2^shift, in which nothing overflows.
    let odd = body.binary("arith.andi", floor, number(1));
    let twice = body.binary("arith.addi", body.binary("arith.addi", rest, rest), odd);
    let up = body.compare(Predicate::Greater, twice, body.binary("arith.shli", number(1), shift));
    body.binary("arith.addi", floor, body.resize(up, false, 64))
}
