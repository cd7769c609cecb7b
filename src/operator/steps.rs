//! A function of one integer of 32 bits that has few values: the code between each two of its steps.
//!
//! Sums have too many values for a table, but a function of them that is quantized to 8 bits
//! changes at a few hundred.
//!
//! The constant is a list of `2^(K+1) - 1` words i32: `2^K - 1` steps in ascending order, and the
//! `2^K` codes before, between and behind them. With `n` steps that are not above the input,
//!
//! `output = code[n]`
//!
//! A function of fewer steps repeats its last code behind steps of the largest integer.

use super::{BLOCK, Node, Operator, Share, holds};
use crate::kernel::Integer;
use std::ops::Range;

/// Most `K`: the words take 8 KB.
pub const LOG_MOST: u32 = 10;

pub struct Steps;

impl Steps {
    /// `K`, for so many words.
    fn log(words: usize) -> Option<u32> {
        let codes = words.checked_add(1)? / 2;
        let log = codes.checked_ilog2()?;
        (words == (2usize << log) - 1 && (1..=LOG_MOST).contains(&log)).then_some(log)
    }
}

/// The words for steps in ascending order, and a code more than these; `None` if they are too many.
pub fn words(steps: &[i32], codes: &[i64]) -> Option<Vec<i64>> {
    let log = (steps.len() + 1).next_power_of_two().ilog2().max(1);
    let last = *codes.last().filter(|_| codes.len() == steps.len() + 1 && log <= LOG_MOST)?;
    let mut words: Vec<i64> = steps.iter().map(|&step| step.into()).collect();
    words.resize((1 << log) - 1, i32::MAX.into());
    words.extend(codes);
    words.resize((2 << log) - 1, last);
    Some(words)
}

impl Operator for Steps {
    fn name(&self) -> &'static str {
        "steps"
    }

    fn template(&self, _node: &Node) -> &'static str {
        "Steps"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &[]
    }

    fn has_sums(&self) -> bool {
        false
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let (&[tensor], [words]) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs one input and a list of words".into());
        };
        let word = Integer { bits: 32, signed: true };
        if tensor.number != word {
            return Err("needs an input of integers i32".into());
        }
        let log = match words.shape[..] {
            [count] if words.number == word => Self::log(count),
            _ => None,
        };
        let Some(log) = log else {
            let most = (2 << LOG_MOST) - 1;
            return Err(format!("needs 3, 7, 15 and so on up to {most} words i32"));
        };
        if tensor.features != node.output.features {
            return Err("needs as many outputs as inputs".into());
        }
        if words.data.is_empty() {
            return Ok(());
        }
        let (steps, codes) = words.data.split_at((1 << log) - 1);
        if !steps.is_sorted() {
            return Err("needs steps in ascending order".into());
        }
        holds(node.output.number, codes.iter().copied())
    }

    fn unit(&self, _node: &Node) -> usize {
        BLOCK
    }

    fn held(&self, node: &Node, _channels: usize) -> Option<(Integer, usize)> {
        let words = &node.constants[0];
        Some((words.number, words.shape[0]))
    }

    fn elements(&self, node: &Node, _channels: Range<usize>) -> Vec<i64> {
        node.constants[0].data.clone()
    }

    fn arguments(&self, node: &Node, share: &Share) -> Vec<String> {
        let log = Self::log(node.constants[0].shape[0]).unwrap_or(0) as usize;
        [share.channels * BLOCK, log].map(|number| number.to_string()).to_vec()
    }

    fn cycles(&self, node: &Node, share: &Share, _rest: u64) -> u64 {
        // An element at a time: its load; for each bit of the count a load, of which the next waits,
        // a comparison and a selection; the code and its store.
        let log = u64::from(Self::log(node.constants[0].shape[0]).unwrap_or(0));
        (share.rows * share.channels * BLOCK) as u64 * (8 + 9 * log)
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let words = &node.constants[0].data;
        let (steps, codes) = words.split_at(words.len() / 2);
        inputs[0].iter().map(|x| codes[steps.partition_point(|step| step <= x)]).collect()
    }
}
