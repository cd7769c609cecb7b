//! What a byte of memory holds: the byte itself, or a tag that says where it
//! came from.
//!
//! **Invariant:** the engine only copies cells; only cores that compute look into one.

use std::fmt;

/// The content of one byte of memory, of a stream, or of a cascade.
pub trait Cell: Copy + PartialEq + fmt::Debug + 'static {
    /// What padding inserts.
    const ZERO: Self;

    /// What memory holds before anything is written to it.
    const UNDEFINED: Self;

    /// A byte that the program states: initial contents, a packet header.
    fn constant(byte: u8) -> Self;

    /// The byte, if the cell is one or a program stated it.
    fn byte(self) -> Option<u8>;
}

impl Cell for u8 {
    const ZERO: u8 = 0;

    // Hardware memory holds anything at the start. A value other than zero
    // makes a program that counts on zeros compute visible nonsense.
    const UNDEFINED: u8 = 0xa5;

    fn constant(byte: u8) -> u8 {
        byte
    }

    fn byte(self) -> Option<u8> {
        Some(self)
    }
}

/// Nothing: for times alone, which no value decides.
impl Cell for () {
    const ZERO: () = ();
    const UNDEFINED: () = ();

    fn constant(_: u8) {}

    fn byte(self) -> Option<u8> {
        None
    }
}

/// A byte's origin, as a number that the caller hands out.
///
/// The numbers up to [`Tag::LAST`] except 0 are the caller's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Tag(pub u64);

impl Tag {
    /// The largest number that is free for the caller's use.
    pub const LAST: u64 = Tag::CONSTANT - 1;

    const CONSTANT: u64 = 1 << 62;

    /// The byte, if the program itself stated it.
    pub fn as_constant(self) -> Option<u8> {
        u8::try_from(self.0.checked_sub(Tag::CONSTANT)?).ok()
    }
}

impl Cell for Tag {
    const ZERO: Tag = Tag(0);
    const UNDEFINED: Tag = Tag(u64::MAX);

    fn constant(byte: u8) -> Tag {
        Tag(Tag::CONSTANT + u64::from(byte))
    }

    fn byte(self) -> Option<u8> {
        self.as_constant()
    }
}

/// What a stream moves in one beat: 32 bits.
pub(super) type Word<C> = [C; 4];

/// `word` as a stream carries it, least significant byte first.
pub(super) fn word<C: Cell>(word: u32) -> Word<C> {
    word.to_le_bytes().map(C::constant)
}
