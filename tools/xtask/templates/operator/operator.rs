//! Codes as they are: `output[j] = input[j]`.
//!
//! Say here what it computes, and list its parameters.

use super::{BLOCK, Node, Operator, Share};

pub struct Name;

impl Operator for Name {
    fn name(&self) -> &'static str {
        "NAME"
    }

    fn template(&self, _node: &Node) -> &'static str {
        "Name"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &[]
    }

    fn has_sums(&self) -> bool {
        false
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let (&[tensor], []) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs one input and no constants".into());
        };
        if tensor != node.output {
            return Err("needs an output of its input's extents and type".into());
        }
        Ok(())
    }

    fn unit(&self, _node: &Node) -> usize {
        BLOCK
    }

    fn arguments(&self, _node: &Node, share: &Share) -> Vec<String> {
        vec![(share.channels * BLOCK).to_string()]
    }

    fn cycles(&self, _node: &Node, share: &Share, _rest: u64) -> u64 {
        // A load and a store.
        (share.rows * share.channels * BLOCK * 2) as u64
    }

    fn evaluate(&self, _node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        inputs[0].to_vec()
    }
}
