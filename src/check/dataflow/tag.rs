//! What the tags of a run name.

use crate::sim::Tag;

/// Bits of a tag for each part of a name.
pub(super) const TENSOR_BITS: u32 = 10;
pub(super) const ITERATION_BITS: u32 = 13;
pub(super) const ROW_BITS: u32 = 14;
pub(super) const COLUMN_BITS: u32 = 18;
pub(super) const BYTE_BITS: u32 = 3;

/// What a tag says of a byte. All extents are below what their bits can say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Name {
    pub kind: Kind,
    /// Index of the input or of the layer.
    pub tensor: usize,
    pub iteration: usize,
    pub row: usize,
    pub column: usize,
    pub byte: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Input = 1,
    /// An output of a layer.
    Output = 2,
    /// What a layer computes beyond its outputs, or hands on in its cascade.
    Other = 3,
}

impl Name {
    pub const fn tag(self) -> Tag {
        let high = (self.kind as u64) << TENSOR_BITS | self.tensor as u64;
        let middle = (high << ITERATION_BITS | self.iteration as u64) << ROW_BITS | self.row as u64;
        Tag((middle << COLUMN_BITS | self.column as u64) << BYTE_BITS | self.byte as u64)
    }

    pub fn of(tag: Tag) -> Option<Name> {
        let mut rest = tag.0;
        let mut field = |bits: u32| {
            let value = rest & ((1 << bits) - 1);
            rest >>= bits;
            value as usize
        };
        let (byte, column, row) = (field(BYTE_BITS), field(COLUMN_BITS), field(ROW_BITS));
        let (iteration, tensor) = (field(ITERATION_BITS), field(TENSOR_BITS));
        let kind = match rest {
            1 => Kind::Input,
            2 => Kind::Output,
            3 => Kind::Other,
            _ => return None,
        };
        Some(Name { kind, tensor, iteration, row, column, byte })
    }
}
