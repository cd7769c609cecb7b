//! A frame of what is outside, then sums over channels and taps.

use super::*;
use crate::operator::conv2d::Shape;

pub(super) fn meaning<'c, 'a>(
    at: &At<'c, 'a, '_>,
    inputs: &[Value<'c, 'a>],
    constants: &[Value<'c, 'a>],
) -> Value<'c, 'a> {
    let (input, weights, bias) = (inputs[0], constants[0], constants[1]);
    let shape = Shape::of(at.node).expect("the verifier checks the parameters");
    let Shape { input: from, output, kernel, stride, dilation, padding, .. } = shape;
    let bits = at.node.accumulator;
    // All that any tap can meet, and all of the input.
    let extents = [0, 1].map(|axis| {
        let last = (output[axis + 1] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis];
        let end = padding[axis] + (from[axis + 1] - 1) * shape.expand[axis];
        last.max(end) + 1
    });
    let image = at.image(input, from, shape.strides, shape.offset);
    let frame = at.framed(image, from, extents, padding, shape.expand, shape.outside);
    let grouped = [shape.groups, shape.depth(), extents[0], extents[1]];
    let frame = at.collapse(frame, &[from[0], extents[0], extents[1]]);
    let frame = at.expand(frame, &grouped);
    let taps = [shape.groups, shape.breadth(), shape.depth(), kernel[0], kernel[1]];
    let [weights, bias] = [(weights, &taps[..]), (bias, &taps[..2])].map(|(value, shape)| {
        let all: Vec<u64> = shape.iter().map(|&extent| extent as u64).collect();
        let result = RankedTensorType::new(&all, scalar::element(value.r#type()), None);
        at.split_first(value, result.into(), &all)
    });
    let out = [shape.groups, shape.breadth(), output[1], output[2]];
    let mut extents = vec![at.rows(input)];
    extents.extend(out.iter().map(|&extent| extent as u64));
    let sums = RankedTensorType::new(&extents, at.sums(), None).into();
    let start = scalar::generic(
        at.op,
        &["parallel"; 5],
        &[(bias, "d1, d2")],
        (scalar::empty(at.op, sums), "d0, d1, d2, d3, d4"),
        |body, elements| body.resize(elements[0], true, bits),
    );
    let [row, column] =
        [("d3", "d6", 0), ("d4", "d7", 1)].map(|(output, tap, axis): (_, _, usize)| {
            format!("{output} * {} + {tap} * {}", stride[axis], dilation[axis])
        });
    let signed = at.node.inputs[0].number.signed;
    let sum = scalar::generic(
        at.op,
        &[
            "parallel",
            "parallel",
            "parallel",
            "parallel",
            "parallel",
            "reduction",
            "reduction",
            "reduction",
        ],
        &[(frame, &format!("d0, d1, d5, {row}, {column}")), (weights, "d1, d2, d5, d6, d7")],
        (start, "d0, d1, d2, d3, d4"),
        |body, elements| {
            let a = body.resize(elements[0], signed, bits);
            let w = body.resize(elements[1], true, bits);
            let mut product = body.binary("arith.muli", a, w);
            if shape.product_shift > 0 {
                let shift = body.integer(at.sums(), shape.product_shift.into());
                product = body.binary("arith.shrsi", product, shift);
            }
            body.binary("arith.addi", elements[2], product)
        },
    );
    at.collapse(sum, &out)
}
