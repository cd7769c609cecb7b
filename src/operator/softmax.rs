//! Softmax of groups within a row: `exp(x_l) / sum over l of exp(x_l)`, from a table.
//!
//! | parameter | |
//! |---|---|
//! | `extents` | groups `G`, elements of a group `L` |
//! | `strides` | how far groups and elements of the input are apart |
//! | `offset` | where the input begins in its row |
//!
//! The constant is a table i32 for an input of that scale; its zero point is of no matter. For codes
//! of 8 bits it has 256 numbers, `table[d] = round(65535 * exp(-scale * d))`. For 16 bits it has
//! twice that many: `fine[d] = round(2^24 * exp(-scale * d))`, and `coarse[d]` the same for `256 * d`.
//!
//! With `m` the largest code of a group, `d_l = m - x_l`, `e_l = table[d_l]`, or
//! `e_l = floor(fine[d_l % 256] * coarse[d_l / 256] / 2^24)`, and `R = floor(2^45 / sum of e)`,
//!
//! `output[g, l] = e_l * R`
//!
//! which is the softmax times [`ONE`], off by an entry's rounding and by 2^-21 at most. These are
//! sums: what requantizes them has `2^-45 / scale` of the output as its factor; scale 1/256 is
//! shift 37.
//!
//! A channel is a group.

use super::{LANES, Node, Operator, Share, strided::Groups};
use crate::kernel::{Integer, stage};
use std::ops::Range;

pub struct Softmax;

/// What 1 is among the sums.
pub const ONE: i64 = 1 << 45;

/// Bits of a fraction among the entries for codes of 16 bits.
pub const FRACTION: u32 = 24;

/// Most elements of a group: the sum of that many entries has 31 bits, or 39.
const MOST: usize = 1 << 15;

/// The first entry of a table, for the largest code of a group.
fn first(bits: u32) -> i64 {
    if bits == 8 { 65535 } else { 1 << FRACTION }
}

/// The entries for codes of 8 or 16 bits of a scale.
pub fn table(scale: f64, bits: u32) -> Vec<i64> {
    let first = first(bits) as f64;
    let entry = |d: i32| (first * (-scale * f64::from(d)).exp()).round() as i64;
    let coarse = (0..256).filter(|_| bits > 8).map(|d| entry(256 * d));
    (0..256).map(entry).chain(coarse).collect()
}

/// The entry of a difference of codes.
fn entry(table: &[i64], difference: i64) -> i64 {
    let of = |at: i64| table[at as usize];
    match table.len() {
        256 => of(difference),
        _ => (of(difference % 256) * of(256 + difference / 256)) >> FRACTION,
    }
}

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
        let bits = tensor.number.bits;
        if ![8, 16].contains(&bits) {
            return Err(format!("has codes of {bits} bits, needs 8 or 16"));
        }
        if length > MOST {
            return Err(format!("has groups of {length} elements, more than {MOST}"));
        }
        let count = if bits == 8 { 256 } else { 512 };
        if table.shape != [count] || table.number != (Integer { bits: 32, signed: true }) {
            return Err(format!("needs a table of {count} numbers i32"));
        }
        let most = first(bits);
        if table.data.iter().any(|entry| !(0..=most).contains(entry)) {
            return Err(format!("needs a table of numbers 0 to {most}"));
        }
        if table.data.chunks(256).any(|part| part[0] != most) {
            return Err(format!("needs a table that begins with {most}"));
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

    fn held(&self, node: &Node, _channels: usize) -> Option<(Integer, usize)> {
        match node.inputs[0].number.bits {
            8 => Some((Integer { bits: 16, signed: false }, 256)),
            _ => Some((Integer { bits: 32, signed: true }, 512)),
        }
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
        // which waits for the other, a subtraction and a sum; and the same with a store. Codes of 16
        // bits take another load, and a product of 64 bits with what is around it. A division
        // takes six operations for each of 30 bits, a product of a vector eight.
        let entry = if node.inputs[0].number.bits == 8 { 4 } else { 10 };
        let group = length as u64 * (2 + 2 * entry) + 6 * 30 + vectors * (8 + rest + store);
        (share.rows * share.channels) as u64 * group
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let table = &node.constants[0].data;
        Groups::checked(node).map(inputs[0], |codes| {
            let most = codes.iter().copied().max().unwrap_or(0);
            let entries: Vec<i64> = codes.iter().map(|code| entry(table, most - code)).collect();
            let reciprocal = ONE / entries.iter().sum::<i64>();
            entries.into_iter().map(|entry| entry * reciprocal).collect()
        })
    }
}
