//! Averages over what is there of a window, as sums.
//!
//! Parameters are those of `max_pool`, and `halves`. The constant has a number i32 for each row and
//! column of the output:
//!
//! * where `halves` is 0, a factor of the sum: a common multiple of all divisors, divided by the one
//!   of the place;
//! * otherwise the divisor `n` of the sum `s`: the result is `floor(s * 2^halves / n) +
//!   ceil(s * 2^halves / n)`, which is `2^(halves + 1)` times the average if that is a whole number of
//!   `2^-halves`, and odd if not. A tie is then still a tie, and nothing else is one.

use super::{Node, Operator, Share, pool::Shape};
use crate::kernel::Integer;
use std::ops::Range;

pub struct AveragePool;

fn shape(node: &Node) -> Shape {
    Shape::of(node).expect("a node that was checked has its parameters")
}

/// By how many bits sums are shifted up before they are divided.
fn halves(node: &Node) -> Result<u32, String> {
    let [halves] = node.sizes("halves")?;
    match halves {
        0..=16 => Ok(halves as u32),
        _ => Err(format!("has 'halves' {halves}, which must be 0 to 16")),
    }
}

impl Operator for AveragePool {
    fn name(&self) -> &'static str {
        "average_pool"
    }

    fn template(&self, _node: &Node) -> &'static str {
        "AveragePool"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &[
            "input", "output", "kernel", "stride", "dilation", "padding", "strides", "offset",
            "halves",
        ]
    }

    fn has_sums(&self) -> bool {
        true
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let shape = Shape::of(node)?;
        let ([tensor], [factors]) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs one input and factors".into());
        };
        shape.check(tensor.features, node.output.features)?;
        let places = shape.output[1] * shape.output[2];
        if factors.shape != [places] || factors.number != (Integer { bits: 32, signed: true }) {
            return Err(format!("needs {places} factors i32"));
        }
        if !matches!(tensor.number.bits, 8 | 16) || node.accumulator != 32 {
            return Err("needs an input of 8 or 16 bits and accumulator i32".into());
        }
        let (low, high) = crate::exact::range(tensor.number.bits.into(), tensor.number.signed);
        let most = i128::from(low.abs().max(high.abs()));
        let taps = (shape.kernel[0] * shape.kernel[1]) as i128;
        let halves = halves(node)?;
        let sums = factors.data.iter().enumerate().map(|(place, &number)| {
            let factor = if halves > 0 { 2 << halves } else { number.unsigned_abs() };
            let (y, x) = (place / shape.output[2], place % shape.output[2]);
            let count = |axis, at| {
                (0..shape.kernel[axis]).filter(|&tap| shape.at(axis, at, tap).is_some()).count()
            };
            most * i128::from(factor) * (count(0, y) * count(1, x)) as i128
        });
        if taps == 0 || sums.max().unwrap_or(0) > i128::from(i32::MAX) {
            return Err("makes sums that exceed 32 bits".into());
        }
        if halves > 0 && factors.data.iter().any(|&divisor| divisor < 1) {
            return Err("has a divisor below 1".into());
        }
        Ok(())
    }

    fn unit(&self, node: &Node) -> usize {
        let [_, height, width] = shape(node).output;
        height * width
    }

    fn held(&self, node: &Node, _channels: usize) -> Option<(Integer, usize)> {
        Some((node.constants[0].number, self.unit(node)))
    }

    fn elements(&self, node: &Node, _channels: Range<usize>) -> Vec<i64> {
        node.constants[0].data.clone()
    }

    fn arguments(&self, node: &Node, share: &Share) -> Vec<String> {
        let mut all = shape(node).arguments(share);
        all.push(halves(node).unwrap_or(0).to_string());
        all
    }

    fn cycles(&self, node: &Node, share: &Share, rest: u64) -> u64 {
        let Shape { output, kernel, .. } = shape(node);
        let outputs = share.rows * share.channels * output[1] * output[2];
        // A load and a sum for each tap, one element at a time, then a product or a division, which
        // the core has a step of a bit for; 16 at a time go on.
        let last = if halves(node) == Ok(0) { 8 } else { 48 };
        (outputs * (kernel[0] * kernel[1] * 2 + last)) as u64 + (outputs / 16 + 1) as u64 * rest
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let shape = shape(node);
        let factors = &node.constants[0].data;
        let [channels, out_h, out_w] = shape.output;
        let mut outputs = Vec::with_capacity(channels * out_h * out_w);
        for c in 0..channels {
            for y in 0..out_h {
                for x in 0..out_w {
                    let sum: i64 = shape.window(inputs[0], [c, y, x]).sum();
                    let number = factors[y * out_w + x];
                    outputs.push(match halves(node).unwrap_or(0) {
                        0 => sum * number,
                        halves => {
                            let scaled = sum << halves;
                            scaled.div_euclid(number) - (-scaled).div_euclid(number)
                        }
                    });
                }
            }
        }
        outputs
    }
}
