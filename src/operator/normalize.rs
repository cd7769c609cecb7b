//! Layer norm and RMS norm of groups within a row.
//!
//! | parameter | |
//! |---|---|
//! | `extents` | groups `G`, elements of a group `L` |
//! | `strides` | how far groups and elements of the input are apart |
//! | `offset` | where the input begins in its row |
//! | `centered` | 1: layer norm, of differences to the mean; 0: RMS norm |
//! | `epsilon` | what is added to the variance, `round(epsilon * L^2 / scale^2)` for an input of that scale |
//! | `bits` | behind the binary point of a normalized value, 2 to 24 |
//! | `zero_point` | the input's code for zero; differences to the mean do not need it |
//!
//! Constants are `gamma`, `L` integers of 8, 16 or 32 bits, and `beta`, `L` of 32 or 64 bits.
//!
//! With `x` less its zero point where `centered` is 0, and all exact integers,
//!
//! ```text
//! s1 = centered ? sum of x : 0      s2 = sum of x^2       d_l = L * x_l - s1
//! V = max(L * s2 - s1^2 + epsilon, 1)      e: even, with 2^60 <= V * 2^e < 2^62
//! R = min(floor(2^61 / isqrt(V * 2^e)), 2^31 - 1)      isqrt rounds down
//! a_l = round_half_even(d_l * R * 2^-(61 - e / 2 - bits))
//! output[g, l] = a_l * gamma[l] + beta[l]
//! ```
//!
//! `V / L^2` is the variance and `d / L` a difference to the mean, so that `d / sqrt(V)` is the
//! normalized value and `a` that times `2^bits`, whatever `V` is: `R` always has 31 bits. It is at
//! most `sqrt(L)`, which bounds the sums; where they fit 32 bits, accumulator i32 and with it a
//! cheaper requantization will do.
//!
//! A channel is a group.

use super::{Constant, LANES, Node, Operator, Share, strided::Groups};
use crate::{
    exact::{Requant, Rounding, range, shift_round},
    kernel::{Integer, stage},
};
use std::ops::Range;

pub struct Normalize;

/// Most bits of a normalized value behind its binary point. At least two: shifts by 59 or less
/// are what hardware has.
const BITS: std::ops::RangeInclusive<i64> = 2..=24;

/// The numbers of a node.
pub struct Shape {
    pub groups: Groups,
    pub centered: bool,
    pub epsilon: i64,
    pub bits: u32,
    /// 0 where `centered`.
    pub zero_point: i64,
}

impl Shape {
    /// # Errors
    /// If a parameter is missing or out of its range.
    pub fn of(node: &Node) -> Result<Shape, String> {
        let centered = match node.numbers("centered")? {
            [0] => false,
            [1] => true,
            [other] => return Err(format!("has 'centered' {other}, which must be 0 or 1")),
        };
        let [epsilon] = node.numbers("epsilon")?;
        let [bits] = node.numbers("bits")?;
        if !BITS.contains(&bits) {
            let (low, high) = (BITS.start(), BITS.end());
            return Err(format!("has 'bits' {bits}, which must be {low} to {high}"));
        }
        let [zero_point] = node.numbers("zero_point")?;
        Ok(Shape {
            groups: Groups::of(node)?,
            centered,
            epsilon,
            bits: bits as u32,
            zero_point: if centered { 0 } else { zero_point },
        })
    }

    fn checked(node: &Node) -> Shape {
        Shape::of(node).expect("a node that was checked has its parameters")
    }

    /// Largest magnitude of a normalized value.
    fn most(&self) -> i128 {
        // One more than the root, as that is rounded down, and one for what rounding adds.
        (self.groups.length.isqrt() as i128 + 2) << self.bits
    }
}

/// What a variance is scaled by: `e`, and `R`.
pub(super) fn reciprocal(variance: i64) -> (u32, i64) {
    let (mut scaled, mut e) = (variance, 0);
    for step in [32, 16, 8, 4, 2] {
        if scaled < 1 << (62 - step) {
            scaled <<= step;
            e += step;
        }
    }
    (e, ((1 << 61) / scaled.isqrt()).min(i32::MAX.into()))
}

impl Operator for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn template(&self, _node: &Node) -> &'static str {
        "Normalize"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["extents", "strides", "offset", "centered", "epsilon", "bits", "zero_point"]
    }

    fn has_sums(&self) -> bool {
        true
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let (&[tensor], [gamma, beta]) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs one input, gamma and beta".into());
        };
        let shape = Shape::of(node)?;
        shape.groups.check(node)?;
        let length = shape.groups.length;
        if !matches!(tensor.number.bits, 8 | 16) {
            return Err("needs an input of 8 or 16 bits".into());
        }
        let of = |constant: &Constant, bits: &[u32]| {
            constant.shape == [length]
                && constant.number.signed
                && bits.contains(&constant.number.bits)
        };
        if !of(gamma, &[8, 16, 32]) {
            return Err(format!("needs a gamma of {length} numbers i8, i16 or i32"));
        }
        if !of(beta, &[32, 64]) {
            return Err(format!("needs a beta of {length} numbers i32 or i64"));
        }
        let (low, high) = range(tensor.number.bits.into(), tensor.number.signed);
        if !shape.centered && !(low..=high).contains(&shape.zero_point) {
            return Err(format!(
                "has zero point {}, which its input cannot hold",
                shape.zero_point
            ));
        }
        // Differences to the mean, or elements, times L.
        let spread = i128::from(high - low) * length as i128;
        let widest =
            i128::from((low - shape.zero_point).abs().max((high - shape.zero_point).abs()))
                * length as i128;
        let reach = if shape.centered { spread.max(widest) } else { widest };
        if reach > i128::from(i32::MAX) {
            return Err(format!(
                "has groups of {length} elements, which times {} make {reach}, more than 31 bits",
                reach / length as i128
            ));
        }
        // Of numbers between two, half of each have the largest variance.
        let variance = if shape.centered { spread * spread / 4 } else { widest * widest };
        let room = (1 << 62) - 1 - variance;
        if !(0..=room).contains(&i128::from(shape.epsilon)) {
            return Err(format!("has 'epsilon' {}, which must be 0 to {room}", shape.epsilon));
        }
        if shape.most() > i128::from(i32::MAX) {
            return Err(format!(
                "has normalized values up to {}, more than 31 bits: use fewer 'bits'",
                shape.most()
            ));
        }
        let accumulator = node.accumulator;
        let bits = if accumulator == 32 { 32 } else { Requant::FACTOR_BITS };
        let sum = |(gamma, beta): (&i64, &i64)| {
            shape.most() * i128::from(gamma.unsigned_abs()) + i128::from(beta.unsigned_abs())
        };
        let most = gamma.data.iter().zip(&beta.data).map(sum).max().unwrap_or(0);
        if most > i128::from(range(bits.into(), true).1) {
            return Err(format!(
                "can sum up to {most}, more than the {bits} bits that accumulator i{accumulator} may have"
            ));
        }
        Ok(())
    }

    fn unit(&self, node: &Node) -> usize {
        Shape::checked(node).groups.length
    }

    // By types only, as numbers are not known everywhere; the check has limited them.
    fn sum_bits(&self, node: &Node) -> u32 {
        let [gamma, beta] = [0, 1].map(|index: usize| 1 << (node.constants[index].number.bits - 1));
        let most: i128 = Shape::checked(node).most() * gamma + beta;
        i64::try_from(most).map_or(64, stage::signed_bits).min(Requant::FACTOR_BITS)
    }

    fn held(&self, node: &Node, _channels: usize) -> Option<(Integer, usize)> {
        let words = 1 + node.constants[1].number.bits as usize / 32;
        let padded = Shape::checked(node).groups.length.next_multiple_of(LANES);
        Some((Integer { bits: 32, signed: true }, words * padded))
    }

    // gamma, then beta in one word or two, of which the lower has 31 bits.
    fn elements(&self, node: &Node, _channels: Range<usize>) -> Vec<i64> {
        let (gamma, beta) = (&node.constants[0].data, &node.constants[1].data);
        let parts: Vec<Vec<i64>> = match node.constants[1].number.bits {
            32 => vec![gamma.clone(), beta.clone()],
            _ => {
                let low = beta.iter().map(|beta| beta & i64::from(i32::MAX)).collect();
                vec![gamma.clone(), low, beta.iter().map(|beta| beta >> 31).collect()]
            }
        };
        let padded = |mut part: Vec<i64>| {
            part.resize(part.len().next_multiple_of(LANES), 0);
            part
        };
        parts.into_iter().flat_map(padded).collect()
    }

    fn scratch(&self, _node: &Node, _share: &Share) -> usize {
        2 * 4 * LANES + 64
    }

    fn arguments(&self, node: &Node, share: &Share) -> Vec<String> {
        let Shape { groups, centered, epsilon, bits, zero_point } = Shape::checked(node);
        let mut arguments = groups.arguments(share);
        arguments.push(format!("Norm<{centered}, {epsilon}, {bits}, {zero_point}>"));
        arguments.push((node.constants[1].number.bits / 32).to_string());
        arguments
    }

    fn cycles(&self, node: &Node, share: &Share, rest: u64) -> u64 {
        let Shape { groups, .. } = Shape::checked(node);
        let vectors = groups.length.div_ceil(LANES) as u64;
        let store = if groups.length.is_multiple_of(LANES) { 4 } else { 4 + LANES as u64 };
        // Twice over a group, an element at a time: a load, a sum, a product and a sum of two words;
        // and a load, a product, a difference and a store. A root takes 15 operations for each of 31
        // bits, as numbers have two words, a division six for each of 32. A vector has two products
        // of eight operations, and ten others: shift, narrow, widen, set modes.
        let group = groups.length as u64 * (5 + 4) + 15 * 31 + 6 * 32;
        (share.rows * share.channels) as u64 * (group + vectors * (2 * 8 + 10 + rest + store))
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let Shape { groups, centered, epsilon, bits, zero_point } = Shape::checked(node);
        let (gamma, beta) = (&node.constants[0].data, &node.constants[1].data);
        let length = groups.length as i64;
        groups.map(inputs[0], |codes| {
            let x = || codes.iter().map(|code| code - zero_point);
            let s1 = if centered { x().sum() } else { 0 };
            let s2: i64 = x().map(|x| x * x).sum();
            let (e, reciprocal) = reciprocal((length * s2 - s1 * s1 + epsilon).max(1));
            let shift = i64::from(61 - e / 2 - bits);
            let sum = |((x, gamma), beta): ((i64, &i64), &i64)| {
                let product = i128::from((length * x - s1) * reciprocal);
                shift_round(product, shift, Rounding::NearestEven) as i64 * gamma + beta
            };
            x().zip(gamma).zip(beta).map(sum).collect()
        })
    }
}
