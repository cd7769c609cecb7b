//! What is made of the elements of two tensors.

use super::*;
use crate::operator::binary::Kind;

pub(super) fn meaning<'c, 'a>(
    at: &At<'c, 'a, '_>,
    inputs: &[Value<'c, 'a>],
    _constants: &[Value<'c, 'a>],
) -> Value<'c, 'a> {
    let (a, b) = (inputs[0], inputs[1]);
    let kind = Kind::of(at.node).expect("the verifier checks the parameters");
    let zero_points = at.node.numbers::<2>("zero_points").unwrap_or([0; 2]);
    let signed = [0, 1].map(|input: usize| at.node.inputs[input].number.signed);
    let bits = at.node.accumulator;
    let sums = scalar::with_element(a.r#type(), at.sums());
    scalar::generic(
        at.op,
        &["parallel"; 2],
        &[(a, "d0, d1"), (b, "d0, d1")],
        (scalar::empty(at.op, sums), "d0, d1"),
        |body, elements| {
            let [a, b] = [0, 1].map(|i: usize| {
                let zero = match kind {
                    Kind::Product => zero_points[i],
                    _ => 0,
                };
                less(body, elements[i], signed[i], bits, zero)
            });
            let name = match kind {
                Kind::Product => "arith.muli",
                Kind::Maximum => "arith.maxsi",
                Kind::Minimum => "arith.minsi",
            };
            body.binary(name, a, b)
        },
    )
}
