//! The entry of each code.

use super::*;

pub(super) fn meaning<'c, 'a>(
    at: &At<'c, 'a, '_>,
    inputs: &[Value<'c, 'a>],
    constants: &[Value<'c, 'a>],
) -> Value<'c, 'a> {
    let (input, table) = (inputs[0], constants[0]);
    let element = scalar::element(table.r#type());
    let result = scalar::with_element(input.r#type(), element);
    let signed = at.node.inputs[0].number.signed;
    scalar::generic_around(
        at.op,
        &["parallel"; 2],
        &[(input, "d0, d1")],
        (scalar::empty(at.op, result), "d0, d1"),
        &[table],
        |body, elements, around| {
            let code = body.resize(elements[0], signed, 32);
            let first = body.integer(code.r#type(), if signed { 128 } else { 0 });
            let index = index(body, body.binary("arith.addi", code, first));
            body.op("tensor.extract", &[around[0], index], &[], element)
        },
    )
}
