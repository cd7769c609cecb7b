//! A function of one code, as a table: `output[j] = table[input[j]]`.
//!
//! The table has an entry for each of the 256 codes of the input, the lowest code first.

use super::{BLOCK, Node, Operator, Share};
use crate::kernel::Integer;
use std::ops::Range;

pub struct Lookup;

impl Operator for Lookup {
    fn name(&self) -> &'static str {
        "lookup"
    }

    fn template(&self, _node: &Node) -> &'static str {
        "Lookup"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &[]
    }

    fn has_sums(&self) -> bool {
        false
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let (&[tensor], [table]) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs one input and a table".into());
        };
        if tensor.number.bits != 8 {
            let bits = tensor.number.bits;
            return Err(format!("has codes of {bits} bits, of which a tile holds no table: 8 can"));
        }
        if table.shape != [256] || table.number != node.output.number {
            return Err("needs a table of 256 codes of its output's type".into());
        }
        if tensor.features != node.output.features {
            return Err("needs as many outputs as inputs".into());
        }
        Ok(())
    }

    fn unit(&self, _node: &Node) -> usize {
        BLOCK
    }

    fn held(&self, node: &Node, _channels: usize) -> Option<(Integer, usize)> {
        Some((node.output.number, 256))
    }

    fn elements(&self, node: &Node, _channels: Range<usize>) -> Vec<i64> {
        node.constants[0].data.clone()
    }

    fn arguments(&self, _node: &Node, share: &Share) -> Vec<String> {
        vec![(share.channels * BLOCK).to_string()]
    }

    fn cycles(&self, _node: &Node, share: &Share, _rest: u64) -> u64 {
        // Two loads, one of which waits for the other, and a store, in a pipelined loop.
        (share.rows * share.channels * BLOCK * 3) as u64
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let first = if node.inputs[0].number.signed { -128 } else { 0 };
        let table = &node.constants[0].data;
        inputs[0].iter().map(|code| table[(code - first) as usize]).collect()
    }
}
