//! Moves of features: `output[j] = input[index[j]]`, or `fill` where the index is -1.
//!
//! An index beyond the features of a first input is into a second one.
//!
//! Transpositions, slices, padding, repetition: whatever leaves codes as they are.

use super::{BLOCK, Node, Operator, Share};
use crate::kernel::Integer;
use std::ops::Range;

pub struct Gather;

/// What an index is held as.
fn index_number(node: &Node) -> Integer {
    let features: usize = node.inputs.iter().map(|input| input.features).sum();
    let bits = if features < 1 << 15 { 16 } else { 32 };
    Integer { bits, signed: true }
}

impl Operator for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn template(&self, node: &Node) -> &'static str {
        if node.inputs.len() == 1 { "Gather" } else { "GatherOfTwo" }
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["fill"]
    }

    fn has_sums(&self) -> bool {
        false
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let [fill] = node.numbers("fill")?;
        let ([tensor, others @ ..], [index]) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs one or two inputs and indices".into());
        };
        if others.len() > 1 || others.iter().any(|other| other.number != tensor.number) {
            return Err("needs one or two inputs of one type".into());
        }
        if index.shape != [node.output.features] {
            return Err(format!("needs {} indices", node.output.features));
        }
        if tensor.number != node.output.number {
            return Err("needs an output of its input's type".into());
        }
        let (low, high) = crate::exact::range(tensor.number.bits.into(), tensor.number.signed);
        if !(low..=high).contains(&fill) {
            return Err(format!("fills with {fill}, which its type does not hold"));
        }
        let features = node.inputs.iter().map(|input| input.features).sum::<usize>() as i64;
        match index.data.iter().find(|index| !(-1..features).contains(*index)) {
            Some(index) => Err(format!("has index {index} into {features} features")),
            None => Ok(()),
        }
    }

    fn unit(&self, _node: &Node) -> usize {
        BLOCK
    }

    fn held(&self, node: &Node, channels: usize) -> Option<(Integer, usize)> {
        Some((index_number(node), channels * BLOCK))
    }

    fn elements(&self, node: &Node, channels: Range<usize>) -> Vec<i64> {
        let index = &node.constants[0].data;
        let end = (channels.end * BLOCK).min(index.len());
        index.get(channels.start * BLOCK..end).unwrap_or(&[]).to_vec()
    }

    fn arguments(&self, node: &Node, share: &Share) -> Vec<String> {
        let fill = node.numbers::<1>("fill").map_or(0, |[fill]| fill);
        vec![
            (share.channels * BLOCK).to_string(),
            format!("int{}_t", index_number(node).bits),
            fill.to_string(),
            node.inputs[0].features.to_string(),
        ]
    }

    fn cycles(&self, _node: &Node, share: &Share, _rest: u64) -> u64 {
        // Two loads, one of which waits for the other, a selection and a store.
        (share.rows * share.channels * BLOCK * 4) as u64
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let fill = node.numbers::<1>("fill").map_or(0, |[fill]| fill);
        let of = |&index: &i64| match usize::try_from(index) {
            Ok(index) if index < inputs[0].len() => inputs[0][index],
            Ok(index) => inputs[1][index - inputs[0].len()],
            Err(_) => fill,
        };
        node.constants[0].data.iter().map(of).collect()
    }
}
