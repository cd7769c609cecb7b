//! A function of one code of 16 bits, in pieces: a line in each, and what it is off.
//!
//! A table of all 65536 codes exceeds the memory of a tile. A smooth function is nearly a line
//! over neighboring codes, and one or two bits say how its rounded values differ from that.
//!
//! | parameter | |
//! |---|---|
//! | `length` | codes `L` of a piece, a power of two |
//! | `bits` | bits `B` of a correction: 0, 1, 2, 4 or 8 |
//!
//! With `i` the code of the input less the lowest of its type, piece `s = i / L` and place
//! `j = i % L` in it,
//!
//! `output = ((base[s] + slope[s] * j) >> `[`FRACTION`]`) + correction[i]`
//!
//! The constant is a list of words: `base[0], slope[0], base[1], ...`, then the corrections,
//! the first in the lowest bits of a word. [`Pieces::of`] finds them for any table.

use super::{BLOCK, Node, Operator, Share, holds};
use crate::kernel::Integer;
use std::ops::Range;

/// Codes of 16 bits.
pub const CODES: usize = 1 << 16;

/// Bits of a base and a slope below the point. A code of 17 bits with sign and these are 31.
pub const FRACTION: u32 = 14;

/// Widths of corrections that no word cuts.
const WIDTHS: [usize; 5] = [0, 1, 2, 4, 8];

/// Bytes of a tile's memory that a table may take, so that rows have room beside it.
const MOST: usize = 40 << 10;

/// A function of codes of 16 bits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pieces {
    pub length: usize,
    pub bits: usize,
    pub words: Vec<i32>,
}

impl Pieces {
    /// The smallest pieces that give exactly this table of [`CODES`] entries, the lowest code's
    /// first; `None` if they exceed what a tile can hold beside its rows.
    pub fn of(table: &[i64]) -> Option<Pieces> {
        let lengths = (3..=12).rev().map(|log| 1 << log);
        let all = lengths.filter_map(|length| Self::with_length(table, length));
        all.min_by_key(|pieces| pieces.words.len())
    }

    fn with_length(table: &[i64], length: usize) -> Option<Pieces> {
        let mut words = Vec::with_capacity(2 * table.len() / length);
        let mut corrections = Vec::with_capacity(table.len());
        for piece in table.chunks(length) {
            let (base, slope) = line(piece)?;
            words.extend([base, slope]);
            let off = piece.iter().enumerate().map(|(j, value)| value - at(base, slope, j));
            corrections.extend(off);
        }
        let most = corrections.iter().copied().max()?;
        let bits = WIDTHS.into_iter().find(|bits| most < 1 << bits)?;
        if let Some(of_a_word) = 32usize.checked_div(bits) {
            words.extend(corrections.chunks(of_a_word).map(|chunk| {
                let word = chunk.iter().rev().fold(0, |word: u32, off| word << bits | *off as u32);
                word as i32
            }));
        }
        (4 * words.len() <= MOST).then_some(Pieces { length, bits, words })
    }
}

/// A line that is nowhere above the values, and little below them.
fn line(values: &[i64]) -> Option<(i32, i32)> {
    let steps = values.len() as i64 - 1;
    let (first, last) = (*values.first()?, *values.last()?);
    let slope = if steps == 0 { 0 } else { ((last - first) << FRACTION).div_euclid(steps) };
    let rest = |(j, value): (usize, &i64)| (value << FRACTION) - slope * j as i64;
    // As high as it can be without the next code at any place.
    let base = values.iter().enumerate().map(rest).min()? + (1 << FRACTION) - 1;
    let (base, slope) = (i32::try_from(base).ok()?, i32::try_from(slope).ok()?);
    fits(base, slope, steps).then_some((base, slope))
}

/// A line's value, without a correction.
fn at(base: i32, slope: i32, j: usize) -> i64 {
    (i64::from(base) + i64::from(slope) * j as i64) >> FRACTION
}

/// Whether a tile, which computes a line in 32 bits, gets it right up to the last place.
fn fits(base: i32, slope: i32, last: i64) -> bool {
    let rise = i64::from(slope) * last;
    [rise, i64::from(base) + rise].iter().all(|&value| i32::try_from(value).is_ok())
}

/// The value of each code, the lowest first.
fn table(length: usize, bits: usize, words: &[i64]) -> impl Iterator<Item = i64> {
    let (lines, corrections) = words.split_at(2 * CODES / length);
    (0..CODES).map(move |i| {
        let piece = i / length * 2;
        let off = match bits {
            0 => 0,
            _ => corrections[i * bits / 32] as u32 >> (i * bits % 32) & ((1 << bits) - 1),
        };
        at(lines[piece] as i32, lines[piece + 1] as i32, i % length) + i64::from(off)
    })
}

pub struct Piecewise;

impl Piecewise {
    /// Codes of a piece, and bits of a correction.
    fn checked(node: &Node) -> (usize, usize) {
        let number = |name| node.sizes::<1>(name).map_or(1, |[number]| number);
        (number("length"), number("bits"))
    }
}

impl Operator for Piecewise {
    fn name(&self) -> &'static str {
        "piecewise"
    }

    fn template(&self, _node: &Node) -> &'static str {
        "Piecewise"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["length", "bits"]
    }

    fn has_sums(&self) -> bool {
        false
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let (&[tensor], [words]) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs one input and a list of words".into());
        };
        if tensor.number.bits != 16 {
            let bits = tensor.number.bits;
            return Err(format!("has codes of {bits} bits, needs 16: \"lookup\" is for 8"));
        }
        let ([length], [bits]) = (node.sizes::<1>("length")?, node.sizes::<1>("bits")?);
        if !length.is_power_of_two() || length > CODES {
            return Err(format!(
                "has pieces of {length} codes, needs a power of two up to {CODES}"
            ));
        }
        if !WIDTHS.contains(&bits) {
            return Err(format!("has corrections of {bits} bits, needs 0, 1, 2, 4 or 8"));
        }
        let count = 2 * CODES / length + CODES * bits / 32;
        if words.shape != [count] || words.number != (Integer { bits: 32, signed: true }) {
            return Err(format!("needs {count} words i32"));
        }
        if tensor.features != node.output.features {
            return Err("needs as many outputs as inputs".into());
        }
        if words.data.is_empty() {
            return Ok(());
        }
        let lines = &words.data[..2 * CODES / length];
        if !lines.chunks(2).all(|line| fits(line[0] as i32, line[1] as i32, length as i64 - 1)) {
            return Err("has a piece whose line exceeds 32 bits".into());
        }
        holds(node.output.number, table(length, bits, &words.data))
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
        let (length, bits) = Self::checked(node);
        [share.channels * BLOCK, length, bits].map(|number| number.to_string()).to_vec()
    }

    fn cycles(&self, node: &Node, share: &Share, _rest: u64) -> u64 {
        // An element at a time, in a pipelined loop of one scalar operation in a cycle: index, place
        // and piece 3, the line 4 with its loads beside, a correction 5, a store.
        let (_, bits) = Self::checked(node);
        let each = if bits == 0 { 8 } else { 13 };
        (share.rows * share.channels * BLOCK * each) as u64
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let (length, bits) = Self::checked(node);
        let table: Vec<i64> = table(length, bits, &node.constants[0].data).collect();
        let (first, _) = crate::exact::range(16, node.inputs[0].number.signed);
        inputs[0].iter().map(|code| table[(code - first) as usize]).collect()
    }
}
