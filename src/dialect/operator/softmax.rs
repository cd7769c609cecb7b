//! Entries of a table, divided by their sum.

use super::*;
use crate::operator::softmax::{FRACTION, ONE};

pub(super) fn meaning<'c, 'a>(
    at: &At<'c, 'a, '_>,
    inputs: &[Value<'c, 'a>],
    constants: &[Value<'c, 'a>],
) -> Value<'c, 'a> {
    let (input, table) = (inputs[0], constants[0]);
    let groups = Groups::of(at.node).expect("the verifier checks the parameters");
    let Integer { bits, signed } = at.node.inputs[0].number;
    let wide = at.integer(64);
    let (least, _) = crate::exact::range(bits.into(), signed);
    let code = scalar::element(input.r#type());
    let most = at.reduced(input, &groups, code, least, |body, most, code| {
        body.binary(if signed { "arith.maxsi" } else { "arith.maxui" }, most, code)
    });
    let entries = scalar::generic_around(
        at.op,
        &["parallel"; 3],
        &[(input, &elements_of(&groups)), (most, "d0, d1")],
        (at.grouped(input, &groups), "d0, d1, d2"),
        &[table],
        |body, elements, around| {
            let [code, most] = [0, 1].map(|i: usize| body.resize(elements[i], signed, 32));
            let difference = body.binary("arith.subi", most, code);
            let entry = |at| {
                let element = scalar::element(around[0].r#type());
                let at = index(body, at);
                let entry = body.op("tensor.extract", &[around[0], at], &[], element);
                body.resize(entry, true, 64)
            };
            if bits == 8 {
                return entry(difference);
            }
            let number = |value| body.integer(difference.r#type(), value);
            let fine = entry(body.binary("arith.remui", difference, number(256)));
            let coarse = body.binary("arith.divui", difference, number(256));
            let coarse = entry(body.binary("arith.addi", coarse, number(256)));
            let product = body.binary("arith.muli", fine, coarse);
            let fraction = body.integer(product.r#type(), FRACTION.into());
            body.binary("arith.shrui", product, fraction)
        },
    );
    let sums = at.filled(&[at.rows(input), groups.count as u64], wide, 0);
    let sums = scalar::generic(
        at.op,
        &["parallel", "parallel", "reduction"],
        &[(entries, "d0, d1, d2")],
        (sums, "d0, d1"),
        |body, elements| body.binary("arith.addi", elements[1], elements[0]),
    );
    let reciprocals = scalar::map(at.op, sums, wide, |body, elements| {
        let one = body.integer(elements[0].r#type(), ONE);
        body.binary("arith.divsi", one, elements[0])
    });
    let result = scalar::generic(
        at.op,
        &["parallel"; 3],
        &[(entries, "d0, d1, d2"), (reciprocals, "d0, d1")],
        (at.grouped(input, &groups), "d0, d1, d2"),
        |body, elements| body.binary("arith.muli", elements[0], elements[1]),
    );
    at.collapse(result, &[groups.count, groups.length])
}
