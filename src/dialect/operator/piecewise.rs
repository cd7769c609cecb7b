//! The line of each code, and how far it is off.

use super::*;
use crate::operator::piecewise::{CODES, FRACTION};

pub(super) fn meaning<'c, 'a>(
    at: &At<'c, 'a, '_>,
    inputs: &[Value<'c, 'a>],
    constants: &[Value<'c, 'a>],
) -> Value<'c, 'a> {
    let (input, words) = (inputs[0], constants[0]);
    let Integer { bits: width, signed: has_sign } = at.node.output.number;
    let result = scalar::with_element(input.r#type(), at.integer(width));
    let signed = at.node.inputs[0].number.signed;
    let number = |name| at.node.sizes::<1>(name).map_or(1, |[number]| number as i64);
    let (length, bits) = (number("length"), number("bits"));
    let element = scalar::element(words.r#type());
    scalar::generic_around(
        at.op,
        &["parallel"; 2],
        &[(input, "d0, d1")],
        (scalar::empty(at.op, result), "d0, d1"),
        &[words],
        |body, elements, around| {
            let code = body.resize(elements[0], signed, 32);
            let integer = |value| body.integer(code.r#type(), value);
            let with = |name, x, by| body.binary(name, x, integer(by));
            let word = |at| body.op("tensor.extract", &[around[0], index(body, at)], &[], element);
            let code = with("arith.addi", code, if signed { 1 << 15 } else { 0 });
            let piece = with("arith.divui", code, length);
            let base = with("arith.shli", piece, 1);
            let slope = word(with("arith.ori", base, 1));
            let place = with("arith.remui", code, length);
            let line = body.binary("arith.muli", slope, place);
            let line = body.binary("arith.addi", word(base), line);
            let mut value = with("arith.shrsi", line, FRACTION.into());
            if bits > 0 {
                let at = with("arith.muli", code, bits);
                let place = with("arith.remui", at, 32);
                let at = with("arith.divui", at, 32);
                let corrections = (2 * CODES) as i64 / length;
                let corrections = word(with("arith.addi", at, corrections));
                let correction = body.binary("arith.shrui", corrections, place);
                let correction = with("arith.andi", correction, (1 << bits) - 1);
                value = body.binary("arith.addi", value, correction);
            }
            body.resize(value, has_sign, width)
        },
    )
}
