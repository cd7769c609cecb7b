//! The code behind the steps that are not above a sum.

use super::*;

pub(super) fn meaning<'c, 'a>(
    at: &At<'c, 'a, '_>,
    inputs: &[Value<'c, 'a>],
    constants: &[Value<'c, 'a>],
) -> Value<'c, 'a> {
    let (input, words) = (inputs[0], constants[0]);
    let count = at.node.constants[0].shape[0] / 2;
    let word = scalar::element(words.r#type());
    let zero = [at.rows(input), at.node.output.features as u64];
    let numbers = scalar::generic_around(
        at.op,
        &["parallel", "parallel", "reduction"],
        &[(input, "d0, d1"), (at.window(count), "d2")],
        (at.filled(&zero, word, 0), "d0, d1"),
        &[words],
        |body, elements, around| {
            let context = body.context();
            let dim = [("dim", scalar::integer(context, at.integer(64), 2))];
            let at = body.op("linalg.index", &[], &dim, Type::index(context));
            let step = body.op("tensor.extract", &[around[0], at], &[], word);
            let reached = body.compare(Predicate::GreaterEqual, elements[0], step);
            let [one, none] = [1, 0].map(|value| body.integer(word, value));
            body.binary("arith.addi", elements[2], body.select(reached, one, none))
        },
    );
    let Integer { bits, signed } = at.node.output.number;
    let result = scalar::with_element(input.r#type(), at.integer(bits));
    scalar::generic_around(
        at.op,
        &["parallel"; 2],
        &[(numbers, "d0, d1")],
        (scalar::empty(at.op, result), "d0, d1"),
        &[words],
        |body, elements, around| {
            let first = body.integer(word, count as i64);
            let at = index(body, body.binary("arith.addi", elements[0], first));
            let code = body.op("tensor.extract", &[around[0], at], &[], word);
            body.resize(code, signed, bits)
        },
    )
}
