//! The largest code of a window.
//!
//! | parameter | |
//! |---|---|
//! | `input`, `output` | channels, height, width |
//! | `kernel`, `stride`, `dilation` | of the window, down and to the right |
//! | `strides`, `offset` | features from one channel, row and column of the input to the next, and the first |
//! | `padding` | rows above and columns to the left, which hold nothing |

use super::{
    Node, Operator, Share,
    pool::{PARAMETERS, Shape},
};

pub struct MaxPool;

impl Operator for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn template(&self, _node: &Node) -> &'static str {
        "MaxPool"
    }

    fn parameters(&self) -> &'static [&'static str] {
        PARAMETERS
    }

    fn has_sums(&self) -> bool {
        false
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let shape = Shape::of(node)?;
        let (&[tensor], []) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs one input and no constants".into());
        };
        shape.check(tensor.features, node.output.features)?;
        if tensor.number != node.output.number {
            return Err("needs an output of its input's type".into());
        }
        Ok(())
    }

    fn unit(&self, node: &Node) -> usize {
        let [_, height, width] = Shape::checked(node).output;
        height * width
    }

    fn scratch(&self, node: &Node, _share: &Share) -> usize {
        let shape = Shape::checked(node);
        let bytes = node.inputs[0].number.bits as usize / 8;
        if shape.has_vectors(node) { (2 * shape.length() + 32) * bytes + 128 } else { 0 }
    }

    fn arguments(&self, node: &Node, share: &Share) -> Vec<String> {
        Shape::checked(node).arguments(share)
    }

    fn cycles(&self, node: &Node, share: &Share, _rest: u64) -> u64 {
        let shape = Shape::checked(node);
        let Shape { output, kernel, stride, .. } = shape;
        let outputs = share.rows * share.channels * output[1] * output[2];
        if !shape.has_vectors(node) {
            // A load and a comparison for each tap, one element at a time.
            return (outputs * (kernel[0] * kernel[1] * 2 + 4)) as u64;
        }
        // Each row of a window: copied by words, then two loads, a maximum and a store of 32
        // elements; each column: two loads, a shift, every second, a maximum. Results go out one
        // by one.
        let bytes = node.inputs[0].number.bits as usize / 8;
        let line = shape.length() / 32 * bytes;
        let down = kernel[0] * (shape.input[2] * bytes / 2 + 4 * line) + line;
        let across = output[2].div_ceil(32) * (kernel[1] * 4 * stride[1] * bytes + 4);
        let lines = share.rows * share.channels * output[1];
        (lines * (down + across) + 2 * outputs) as u64
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let shape = Shape::checked(node);
        let [channels, out_h, out_w] = shape.output;
        let mut outputs = Vec::with_capacity(channels * out_h * out_w);
        for c in 0..channels {
            for y in 0..out_h {
                for x in 0..out_w {
                    outputs.push(shape.window(inputs[0], [c, y, x]).max().unwrap_or(0));
                }
            }
        }
        outputs
    }
}
