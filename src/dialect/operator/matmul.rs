//! Sums of products of elements of two tensors.

use super::*;
use crate::operator::matmul::Shape;

pub(super) fn meaning<'c, 'a>(
    at: &At<'c, 'a, '_>,
    inputs: &[Value<'c, 'a>],
    _constants: &[Value<'c, 'a>],
) -> Value<'c, 'a> {
    let (a, b) = (inputs[0], inputs[1]);
    let shape = Shape::of(at.node).expect("the verifier checks the parameters");
    let Shape { heads, rows, terms, columns, strides, offset, zero_points } = shape;
    let signed = [0, 1].map(|input: usize| at.node.inputs[input].number.signed);
    let bits = at.node.accumulator;
    let map = |input: usize, dims: [&str; 3]| {
        let [x, y, z] = strides[input];
        let [dx, dy, dz] = dims;
        format!("d0, {} + {dx} * {x} + {dy} * {y} + {dz} * {z}", offset[input])
    };
    let out = [heads, rows, columns];
    let mut extents = vec![at.rows(a)];
    extents.extend(out.iter().map(|&extent| extent as u64));
    let sum = scalar::generic(
        at.op,
        &["parallel", "parallel", "parallel", "reduction", "parallel"],
        &[
            (a, &map(0, ["d1", "d2", "d3"])),
            (b, &map(1, ["d1", "d3", "d4"])),
            (at.window(terms), "d3"),
        ],
        (at.filled(&extents, at.sums(), 0), "d0, d1, d2, d4"),
        |body, elements| {
            let [a, b] =
                [0, 1].map(|i: usize| less(body, elements[i], signed[i], bits, zero_points[i]));
            body.binary("arith.addi", elements[3], body.binary("arith.muli", a, b))
        },
    );
    at.collapse(sum, &out)
}
