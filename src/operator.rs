//! Operators that compute whole rows: convolutions, pools, lookups, moves of features, products of
//! computed matrices, softmax, norms.
//!
//! A tensor is `rows x features`; a row is one sample, an image for example, whose features lie
//! `C x H x W`. Such an operator reads whole rows of its inputs on every tile and makes a slice of
//! the outputs, cut between *channels*: groups of [`Operator::unit`] outputs that belong together.
//!
//! An operator is one file of this folder, one of `dialect/operator/`, which says what it means in
//! upstream dialects, one header in `kernels/aie4ml/`, and one line in `operators`. What is here is
//! plain data in and out.
//!
//! **Invariant:** [`Operator::check`] has accepted every [`Node`] that another method sees.

pub mod pool;
pub mod strided;

/// The operators. A line is all that the tree is told of a new one: its file here, its meaning in
/// `dialect/operator/` and its header in `kernels/aie4ml/` have its name.
macro_rules! operators {
    ($then:ident) => {
        $then! {
            conv2d: Conv2d,
            max_pool: MaxPool,
            average_pool: AveragePool,
            lookup: Lookup,
            piecewise: Piecewise,
            steps: Steps,
            gather: Gather,
            binary: Binary,
            matmul: Matmul,
            softmax: Softmax,
            normalize: Normalize,
        }
    };
}
pub(crate) use operators;

macro_rules! rooms {
    ($($name:ident: $operator:ident,)*) => {
        $(pub mod $name;)*

        /// All operators.
        pub const ALL: &[&dyn Operator] = &[$(&$name::$operator),*];
    };
}
operators!(rooms);

#[cfg(test)]
mod tests;

use crate::kernel::Integer;
use std::{collections::BTreeMap, fmt, ops::Range};

/// The operator of a name.
pub fn by_name(name: &str) -> Option<&'static dyn Operator> {
    ALL.iter().copied().find(|operator| operator.name() == name)
}

/// A tensor that an operator reads or makes; a row of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tensor {
    pub features: usize,
    pub number: Integer,
}

/// A constant operand.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Constant {
    pub shape: Vec<usize>,
    pub number: Integer,
    /// Row-major; empty where only its extents matter.
    pub data: Vec<i64>,
}

/// One layer: an operator with all that distinguishes it from others, but how it requantizes.
#[derive(Clone)]
pub struct Node {
    pub operator: &'static dyn Operator,
    pub parameters: BTreeMap<String, Vec<i64>>,
    pub inputs: Vec<Tensor>,
    pub constants: Vec<Constant>,
    pub output: Tensor,
    /// Width of sums in bits: 32 or 64.
    pub accumulator: u32,
}

impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.operator.name() == other.operator.name()
            && self.parameters == other.parameters
            && self.inputs == other.inputs
            && self.constants == other.constants
            && self.output == other.output
            && self.accumulator == other.accumulator
    }
}

impl Eq for Node {}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Node { operator, parameters, inputs, output, .. } = self;
        write!(f, "{} {parameters:?} of {inputs:?} to {output:?}", operator.name())
    }
}

impl Node {
    /// A parameter of `N` numbers that are not negative.
    ///
    /// # Errors
    /// If it is not there or otherwise.
    pub fn sizes<const N: usize>(&self, name: &str) -> Result<[usize; N], String> {
        let numbers = self.numbers::<N>(name)?;
        let sizes = numbers.map(|number| usize::try_from(number).ok());
        if sizes.contains(&None) {
            return Err(format!("has a negative number in its '{name}'"));
        }
        Ok(sizes.map(Option::unwrap_or_default))
    }

    /// A parameter of `N` numbers.
    ///
    /// # Errors
    /// If it is not there or of another length.
    pub fn numbers<const N: usize>(&self, name: &str) -> Result<[i64; N], String> {
        let numbers = self.parameters.get(name).and_then(|list| list.as_slice().try_into().ok());
        numbers.ok_or_else(|| format!("needs {N} numbers as '{name}'"))
    }

    /// Channels of the output.
    pub fn channels(&self) -> usize {
        self.output.features.div_ceil(self.unit())
    }

    /// Outputs of a channel.
    pub fn unit(&self) -> usize {
        self.operator.unit(self)
    }

    /// Outputs that a tile's slice has to be a multiple of: whole channels, and whole blocks of
    /// [`BLOCK`].
    pub fn step(&self) -> usize {
        let unit = self.unit() * self.operator.together(self);
        let mut step = unit;
        while !step.is_multiple_of(BLOCK) {
            step += unit;
        }
        step
    }

    /// Channels in a slice of `outputs` outputs, a multiple of [`Node::step`] or all of them, padded.
    pub fn channels_in(&self, outputs: usize) -> usize {
        (outputs / self.unit()).min(self.channels()).max(1)
    }

    /// Bits with sign of its sums, for any inputs.
    pub fn sum_bits(&self) -> u32 {
        if self.accumulator == 32 { 32 } else { self.operator.sum_bits(self) }
    }
}

/// The last feature that so many elements reach, their strides apart; `None` if there are none.
fn last(extents: &[usize], strides: &[usize], offset: usize) -> Option<usize> {
    extents.iter().zip(strides).try_fold(offset, |at, (extent, stride)| {
        at.checked_add(extent.checked_sub(1)?.checked_mul(*stride)?)
    })
}

/// Features in a block of a tile's memory: 8 elements, two words of a stream at the least.
pub const BLOCK: usize = 8;

/// Words of the parameter buffer before all others: the first channel of the tile, how many it
/// really has, and padding up to a vector.
pub const HEADER: usize = 16;

/// Lanes of the vectors in which sums are requantized, which all belong to one channel.
pub const LANES: usize = 16;

/// The part of a layer that one tile computes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Share {
    /// Rows that pass at once.
    pub rows: usize,
    /// Channels, of which the last tiles may have fewer.
    pub channels: usize,
    /// Outputs, padding included.
    pub outputs: usize,
}

/// What an operator has to say of itself.
pub trait Operator: Sync {
    /// Its name in the dialect, and of its header.
    fn name(&self) -> &'static str;

    /// Its template in namespace `aie4ml`.
    fn template(&self, node: &Node) -> &'static str;

    /// Its parameters.
    fn parameters(&self) -> &'static [&'static str];

    /// Parameters that may be left out.
    fn optional(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether its results are sums that a requantization follows, or codes as they are.
    fn has_sums(&self) -> bool;

    /// What is wrong with a node; the message goes behind the op's name.
    ///
    /// # Errors
    /// If operands, parameters and output do not belong together.
    fn check(&self, node: &Node) -> Result<(), String>;

    /// Outputs of a channel.
    fn unit(&self, node: &Node) -> usize;

    /// Whether a requantization may have numbers for each channel.
    fn has_channels(&self) -> bool {
        false
    }

    /// Channels that no cut separates.
    fn together(&self, _node: &Node) -> usize {
        1
    }

    /// Bits with sign of sums in 64-bit accumulators.
    fn sum_bits(&self, _node: &Node) -> u32 {
        64
    }

    /// Type and number of the elements that a tile holds beside parameters, for so many channels.
    fn held(&self, _node: &Node, _channels: usize) -> Option<(Integer, usize)> {
        None
    }

    /// Those elements, for some of the channels; zero beyond.
    fn elements(&self, _node: &Node, _channels: Range<usize>) -> Vec<i64> {
        Vec::new()
    }

    /// Words per channel of a tile's parameters, beside those of the requantization.
    fn words(&self, _node: &Node) -> usize {
        0
    }

    /// Those of one channel.
    fn word(&self, _node: &Node, _channel: usize) -> Vec<i32> {
        Vec::new()
    }

    /// How often a tile has the numbers of requantization of a channel: one for each of [`LANES`],
    /// or once, where vectors hold several channels.
    fn spread(&self, _node: &Node) -> usize {
        LANES
    }

    /// Bytes of the stack that its kernel takes beside what all kernels take.
    fn scratch(&self, _node: &Node, _share: &Share) -> usize {
        0
    }

    /// Template arguments, after the types, widths and rows that all have.
    fn arguments(&self, node: &Node, share: &Share) -> Vec<String>;

    /// Cycles of a call; `rest` are the vector operations after the sum of [`LANES`] outputs.
    /// An estimate from issue slots.
    fn cycles(&self, node: &Node, share: &Share, rest: u64) -> u64;

    /// A row of outputs for a row of each input: sums, or codes where there are none. The
    /// definition, written as plainly as it can be.
    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64>;
}

/// Whether a tensor of a type can hold all values that a table gives.
///
/// # Errors
/// With the first that it cannot.
fn holds(number: Integer, values: impl IntoIterator<Item = i64>) -> Result<(), String> {
    let (low, high) = crate::exact::range(number.bits.into(), number.signed);
    match values.into_iter().find(|value| !(low..=high).contains(value)) {
        Some(value) => Err(format!("gives {value}, which its output's type does not have")),
        None => Ok(()),
    }
}

/// Bytes of a tile's parameters.
pub fn parameter_bytes(node: &Node, channels: usize, stage_words: usize) -> usize {
    4 * parameter_words(node, channels, stage_words)
}

/// Words of a tile's parameters: header, those of the operator `[words][channels]`, padded to a
/// vector, and those of the requantization `[words][channels][lanes]`, or, once for each channel,
/// `[words][channels]` with channels padded to blocks.
pub fn parameter_words(node: &Node, channels: usize, stage_words: usize) -> usize {
    let own = (node.operator.words(node) * channels).next_multiple_of(LANES);
    HEADER + own + stage_words * stride(node, channels)
}

/// Words from one of the requantization to the next.
fn stride(node: &Node, channels: usize) -> usize {
    let lanes = node.operator.spread(node);
    if lanes == 1 { channels.next_multiple_of(BLOCK) } else { channels * lanes }
}

/// Bytes of what a tile holds beside its parameters.
pub fn held_bytes(node: &Node, channels: usize) -> usize {
    let held = node.operator.held(node, channels);
    held.map_or(0, |(number, count)| count * number.bits as usize / 8)
}

/// Bytes of the elements of a tile, little-endian; `capacity` channels, of which `channels` exist.
pub fn pack(node: &Node, channels: Range<usize>, capacity: usize) -> Vec<u8> {
    let Some((number, count)) = node.operator.held(node, capacity) else { return Vec::new() };
    let bytes = number.bits as usize / 8;
    let mut packed = Vec::with_capacity(count * bytes);
    for value in node.operator.elements(node, channels) {
        packed.extend_from_slice(&value.to_le_bytes()[..bytes]);
    }
    packed.resize(count * bytes, 0);
    packed
}

/// A tile's parameters; `of_stage` gives the words of the requantization of a channel.
pub fn pack_parameters(
    node: &Node,
    channels: Range<usize>,
    capacity: usize,
    stage_words: usize,
    of_stage: impl Fn(usize) -> Vec<i32>,
) -> Vec<u8> {
    let mut words = vec![0; parameter_words(node, capacity, stage_words)];
    words[0] = channels.start as i32;
    words[1] = channels.len() as i32;
    let own = node.operator.words(node);
    let scales = HEADER + (own * capacity).next_multiple_of(LANES);
    for (index, channel) in channels.enumerate() {
        for (word, value) in node.operator.word(node, channel).into_iter().enumerate() {
            words[HEADER + word * capacity + index] = value;
        }
        for (word, value) in of_stage(channel).into_iter().enumerate() {
            let lanes = node.operator.spread(node);
            let at = scales + word * stride(node, capacity) + index * lanes;
            words[at..at + lanes].fill(value);
        }
    }
    words.into_iter().flat_map(i32::to_le_bytes).collect()
}
