//! Sums of windows, each times its factor.

use super::*;
use crate::operator::pool::Shape;

pub(super) fn meaning<'c, 'a>(
    at: &At<'c, 'a, '_>,
    inputs: &[Value<'c, 'a>],
    constants: &[Value<'c, 'a>],
) -> Value<'c, 'a> {
    let (input, factors) = (inputs[0], constants[0]);
    let shape = Shape::of(at.node).expect("the verifier checks the parameters");
    let Shape { input: from, output, kernel, stride, dilation, padding, .. } = shape;
    let extents = [0, 1].map(|axis| {
        let last = (output[axis + 1] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis];
        (last + 1).max(padding[axis] + from[axis + 1])
    });
    // Zero changes no sum.
    let image = at.image(input, from, shape.strides, shape.offset);
    let frame = at.framed(image, from, extents, padding, [1, 1], 0);
    let element = scalar::element(input.r#type());
    let window = RankedTensorType::new(&kernel.map(|extent| extent as u64), element, None);
    let window = scalar::empty(at.op, window.into());
    let mut extents = vec![at.rows(input)];
    extents.extend(output.iter().map(|&extent| extent as u64));
    let start = at.filled(&extents, at.sums(), 0);
    let [row, column] =
        [("d2", "d4", 0), ("d3", "d5", 1)].map(|(output, tap, axis): (_, _, usize)| {
            format!("{output} * {} + {tap} * {}", stride[axis], dilation[axis])
        });
    let (bits, signed) = (at.node.accumulator, at.node.inputs[0].number.signed);
    let sums = scalar::generic(
        at.op,
        &["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"],
        &[(frame, &format!("d0, d1, {row}, {column}")), (window, "d4, d5")],
        (start, "d0, d1, d2, d3"),
        |body, elements| {
            let code = body.resize(elements[0], signed, bits);
            body.binary("arith.addi", elements[2], code)
        },
    );
    let places = [output[1] as u64, output[2] as u64];
    let grid = RankedTensorType::new(&places, scalar::element(factors.r#type()), None);
    let factors = at.split_first(factors, grid.into(), &places);
    let [halves] = at.node.sizes("halves").unwrap_or([0]);
    let scaled = scalar::generic(
        at.op,
        &["parallel"; 4],
        &[(sums, "d0, d1, d2, d3"), (factors, "d2, d3")],
        (scalar::empty(at.op, sums.r#type()), "d0, d1, d2, d3"),
        |body, elements| {
            let number = body.resize(elements[1], true, bits);
            if halves == 0 {
                return body.binary("arith.muli", elements[0], number);
            }
            let shift = body.integer(number.r#type(), halves as i64);
            let shifted = body.binary("arith.shli", elements[0], shift);
            let below = body.binary("arith.floordivsi", shifted, number);
            let above = body.binary("arith.ceildivsi", shifted, number);
            body.binary("arith.addi", below, above)
        },
    );
    at.collapse(scaled, &output)
}
