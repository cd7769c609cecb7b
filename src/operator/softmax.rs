//! Softmax of groups within a row: `exp(x_l) / sum over l of exp(x_l)`, from a table.
//!
//! | parameter | |
//! |---|---|
//! | `extents` | groups `G`, elements of a group `L` |
//! | `strides` | how far groups and elements of the input are apart |
//! | `offset` | where the input begins in its row |
//!
//! The constant is a table of 256 numbers i32, `table[d] = round(65535 * exp(-scale * d))` for an
//! input of that scale; its zero point is of no matter.
//!
//! With `m` the largest code of a group, `e_l = table[m - x_l]` and `R = floor(2^45 / sum of e)`,
//!
//! `output[g, l] = e_l * R`
//!
//! which is the softmax times [`ONE`], and one part in 2^14 off at most. These are sums: what
//! requantizes them has `2^-45 / scale` of the output as its factor; scale 1/256 is shift 37.
//!
//! A channel is a group.

use super::{LANES, Node, Operator, Share, strided::Groups};
use crate::kernel::{Integer, stage};
use std::ops::Range;

pub struct Softmax;

/// What 1 is among the sums.
pub const ONE: i64 = 1 << 45;

/// The first entry of a table, for the largest code of a group.
pub const FIRST: i64 = 65535;

/// Most elements of a group: the sum of that many entries has 31 bits.
const MOST: usize = 1 << 15;

impl Operator for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn template(&self, _node: &Node) -> &'static str {
        "Softmax"
    }

    fn parameters(&self) -> &'static [&'static str] {
        Groups::PARAMETERS
    }

    fn has_sums(&self) -> bool {
        true
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let (&[tensor], [table]) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs one input and a table".into());
        };
        Groups::of(node)?.check(node)?;
        let [_, length] = node.sizes("extents")?;
        if tensor.number.bits != 8 {
            let bits = tensor.number.bits;
            return Err(format!("has codes of {bits} bits, of which a tile holds no table: 8 can"));
        }
        if length > MOST {
            return Err(format!("has groups of {length} elements, more than {MOST}"));
        }
        if table.shape != [256] || table.number != (Integer { bits: 32, signed: true }) {
            return Err("needs a table of 256 numbers i32".into());
        }
        if table.data.iter().any(|entry| !(0..=FIRST).contains(entry)) {
            return Err(format!("needs a table of numbers 0 to {FIRST}"));
        }
        if table.data.first().is_some_and(|&first| first != FIRST) {
            return Err(format!("needs a table that begins with {FIRST}"));
        }
        if node.accumulator != 64 {
            return Err("needs accumulator i64".into());
        }
        Ok(())
    }

    fn unit(&self, node: &Node) -> usize {
        Groups::checked(node).length
    }

    fn sum_bits(&self, _node: &Node) -> u32 {
        stage::signed_bits(ONE)
    }

    fn held(&self, _node: &Node, _channels: usize) -> Option<(Integer, usize)> {
        Some((Integer { bits: 16, signed: false }, 256))
    }

    fn elements(&self, node: &Node, _channels: Range<usize>) -> Vec<i64> {
        node.constants[0].data.clone()
    }

    fn scratch(&self, _node: &Node, _share: &Share) -> usize {
        4 * LANES + 64
    }

    fn arguments(&self, node: &Node, share: &Share) -> Vec<String> {
        Groups::checked(node).arguments(share)
    }

    fn cycles(&self, node: &Node, share: &Share, rest: u64) -> u64 {
        let length = Groups::checked(node).length;
        let vectors = length.div_ceil(LANES) as u64;
        let store = if length.is_multiple_of(LANES) { 4 } else { 4 + LANES as u64 };
        // Three times over a group, an element at a time: a load and a comparison; two loads, one of
        // which waits for the other, a subtraction and a sum; and the same with a store. A division
        // takes six operations for each of 30 bits, a product of a vector eight.
        let group = length as u64 * (2 + 4 + 4) + 6 * 30 + vectors * (8 + rest + store);
        (share.rows * share.channels) as u64 * group
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let table = &node.constants[0].data;
        Groups::checked(node).map(inputs[0], |codes| {
            let most = codes.iter().copied().max().unwrap_or(0);
            let entries: Vec<i64> =
                codes.iter().map(|code| table[(most - code) as usize]).collect();
            let reciprocal = ONE / entries.iter().sum::<i64>();
            entries.into_iter().map(|entry| entry * reciprocal).collect()
        })
    }
}
