//! The largest code of each window.

use super::*;
use crate::operator::pool::Shape;

pub(super) fn meaning<'c, 'a>(
    at: &At<'c, 'a, '_>,
    inputs: &[Value<'c, 'a>],
    _constants: &[Value<'c, 'a>],
) -> Value<'c, 'a> {
    let input = inputs[0];
    let shape = Shape::of(at.node).expect("the verifier checks the parameters");
    let Shape { input: from, output, kernel, stride, dilation, padding, .. } = shape;
    let Integer { bits, signed } = at.node.inputs[0].number;
    let extents = [0, 1].map(|axis| {
        let last = (output[axis + 1] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis];
        (last + 1).max(padding[axis] + from[axis + 1])
    });
    let (least, _) = crate::exact::range(bits.into(), signed);
    // The least code changes no maximum.
    let image = at.image(input, from, shape.strides, shape.offset);
    let frame = at.framed(image, from, extents, padding, [1, 1], least);
    let element = scalar::element(input.r#type());
    let window = RankedTensorType::new(&kernel.map(|extent| extent as u64), element, None);
    let window = scalar::empty(at.op, window.into());
    let mut extents = vec![at.rows(input)];
    extents.extend(output.iter().map(|&extent| extent as u64));
    let start = at.filled(&extents, element, least);
    let [row, column] =
        [("d2", "d4", 0), ("d3", "d5", 1)].map(|(output, tap, axis): (_, _, usize)| {
            format!("{output} * {} + {tap} * {}", stride[axis], dilation[axis])
        });
    let most = scalar::generic(
        at.op,
        &["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"],
        &[(frame, &format!("d0, d1, {row}, {column}")), (window, "d4, d5")],
        (start, "d0, d1, d2, d3"),
        |body, elements| {
            let name = if signed { "arith.maxsi" } else { "arith.maxui" };
            body.binary(name, elements[2], elements[0])
        },
    );
    at.collapse(most, &output)
}
