//! The feature of each index, or the fill.

use super::*;

pub(super) fn meaning<'c, 'a>(
    at: &At<'c, 'a, '_>,
    inputs: &[Value<'c, 'a>],
    constants: &[Value<'c, 'a>],
) -> Value<'c, 'a> {
    let indices = constants[0];
    let input = match inputs {
        [a, b] => side_by_side(at, *a, *b),
        _ => inputs[0],
    };
    let element = scalar::element(input.r#type());
    let shape = [at.rows(input), at.node.output.features as u64];
    let result = RankedTensorType::new(&shape, element, None).into();
    let fill = at.node.numbers::<1>("fill").map_or(0, |[fill]| fill);
    let context = rewrite::context(at.op.location());
    scalar::generic_around(
        at.op,
        &["parallel"; 2],
        &[(indices, "d1")],
        (scalar::empty(at.op, result), "d0, d1"),
        &[input],
        |body, elements, around| {
            let zero = body.integer(elements[0].r#type(), 0);
            let inside = body.compare(Predicate::GreaterEqual, elements[0], zero);
            let feature = index(body, body.binary("arith.maxsi", elements[0], zero));
            let dim = [("dim", scalar::integer(context, at.integer(64), 0))];
            let row = body.op("linalg.index", &[], &dim, Type::index(context));
            let code = body.op("tensor.extract", &[around[0], row, feature], &[], element);
            body.select(inside, code, body.integer(element, fill))
        },
    )
}

/// The features of two tensors, one after the other.
fn side_by_side<'c, 'a>(at: &At<'c, 'a, '_>, a: Value<'c, 'a>, b: Value<'c, 'a>) -> Value<'c, 'a> {
    let context = rewrite::context(at.op.location());
    let columns: usize = at.node.inputs.iter().map(|input| input.features).sum();
    let shape = [at.rows(a), columns as u64];
    let element = scalar::element(a.r#type());
    let result = RankedTensorType::new(&shape, element, None).into();
    let dim = [("dim", scalar::integer(context, at.integer(64), 1))];
    scalar::before(at.op, "tensor.concat", &[a, b], &dim, result)
}
