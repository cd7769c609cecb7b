//! What a core issues in a cycle, and when results are there: the one home of these numbers.
//!
//! A core of AIE-ML is an exposed pipeline: it issues one bundle of operations in a cycle, in the
//! slots of [`Slot`], and never waits for a result. Sources, by short name:
//! * *Peano*: the instruction formats (which slot an operation takes) and `AIE2Schedule.td` (in
//!   which stage it reads and writes) of llvm-aie, commit 0361a31;
//! * *listing*: the loop of AMD's tutorial AIE-ML 01, "Performance Analysis", as its compiler
//!   made it;
//! * *ignite-xdna*: measurements on AIE-ML silicon;
//! * *AM020*: the architecture manual.
//!
//! AIE-MLv2 has no published schedule; it takes AIE-ML's stages and vector registers, and
//! accumulators that are as much wider as its products are.

use super::{Device, Generation};

/// A place of a bundle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Slot {
    LoadA,
    LoadB,
    Store,
    Scalar,
    Move,
    Vector,
}

impl Slot {
    /// AM020: two loads, a store, a scalar operation, a move and a vector operation.
    pub const ALL: [Slot; 6] =
        [Slot::LoadA, Slot::LoadB, Slot::Store, Slot::Scalar, Slot::Move, Slot::Vector];

    /// As the head of a column.
    pub fn name(self) -> &'static str {
        match self {
            Slot::LoadA => "load A",
            Slot::LoadB => "load B",
            Slot::Store => "store",
            Slot::Scalar => "scalar",
            Slot::Move => "move",
            Slot::Vector => "vector",
        }
    }
}

/// A kind of operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operation {
    /// Of as many bits as the device loads at once.
    Load,
    /// Moves a pointer further than the increment of a load or store does.
    Advance,
    /// Integer arithmetic on one number.
    Scalar,
    /// A number to a register that pointers are moved by.
    ScalarMove,
    /// A vector moved, shuffled, added to, or limited.
    Move,
    /// A product of matrices or vectors, added to sums or not.
    Product,
    /// A sum of accumulators.
    Sum,
    /// Accumulators shifted, rounded and saturated into a vector; vectors packed.
    Round,
    Store,
    /// The same as [`Round`](Self::Round) on the way to memory.
    RoundedStore,
    /// From the cascade into accumulators.
    Receive,
    /// From accumulators into the cascade.
    Send,
}

impl Operation {
    /// Where it may be issued (Peano's formats). A pointer could be moved in the slot of stores as
    /// well, but the listing does it in one of loads, which is what is counted.
    pub fn slots(self) -> &'static [Slot] {
        match self {
            Operation::Load | Operation::Advance => &[Slot::LoadB, Slot::LoadA],
            Operation::Receive => &[Slot::LoadA],
            Operation::Scalar => &[Slot::Scalar],
            Operation::ScalarMove | Operation::Move => &[Slot::Move],
            Operation::Product | Operation::Sum => &[Slot::Vector],
            Operation::Round | Operation::Store | Operation::RoundedStore | Operation::Send => {
                &[Slot::Store]
            }
        }
    }

    /// The stage, the first being 1, at whose end its result is in a register (`AIE2Schedule.td`).
    const fn writes(self) -> u64 {
        match self {
            Operation::Load | Operation::Receive => 7,
            Operation::Advance | Operation::Scalar | Operation::ScalarMove => 1,
            Operation::Move => 2,
            Operation::Product | Operation::Sum => 5,
            Operation::Round => 4,
            Operation::Store | Operation::RoundedStore | Operation::Send => 1,
        }
    }

    /// The stage in which it reads an operand; sums that it adds to are read later.
    fn reads(self, sums: bool) -> u64 {
        if sums { 3 } else { 1 }
    }

    /// Cycles from its issue to that of an operation that reads its result, `sums` telling whether
    /// that adds to it. A product that adds to another's takes it from the vector unit, a cycle
    /// before it is in a register: two cycles for integers (ignite-xdna).
    pub fn until(self, next: Operation, sums: bool) -> i64 {
        let vector = |operation| matches!(operation, Operation::Product | Operation::Sum);
        let bypass = u64::from(sums && vector(self) && vector(next));
        let cycles = self.writes() + 1 - next.reads(sums) - bypass;
        i64::try_from(cycles).unwrap_or(0)
    }

    /// Cycles from the issue of `self`, which reads a register, to that of `next`, which writes
    /// the register again. Less than zero where results take longer than reading.
    pub fn before(self, sums: bool, next: Operation) -> i64 {
        self.reads(sums) as i64 - next.writes() as i64
    }

    /// Cycles after its issue in which its result is first, and an operand is last, in a register.
    pub fn holds(self) -> i64 {
        self.writes() as i64
    }

    pub fn held(self, sums: bool) -> i64 {
        self.reads(sums) as i64 - 1
    }
}

/// Registers of a core, in units of half a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registers {
    /// Halves of vector registers.
    pub vectors: u32,
    /// Bits of such a half.
    pub vector_bits: u32,
    /// Halves of accumulators.
    pub accumulators: u32,
    /// Bits of such a half.
    pub accumulator_bits: u32,
}

impl Registers {
    /// AIE-ML has 12 registers of 512 bits, and 9 accumulators of 1024 bits (Peano's
    /// `AIE2GenRegisterInfo.td`; AM020).
    pub fn of(device: &Device) -> Registers {
        let times = match device.generation {
            Generation::AieMl => 1,
            Generation::AieMlV2 => 2,
        };
        Registers { vectors: 24, vector_bits: 256, accumulators: 18, accumulator_bits: 512 * times }
    }
}

/// Cycles between the first load of an operand and the store of what it became, through every
/// unit on the way: load, product, rounding and store.
pub(super) const fn through() -> u64 {
    // A store reaches memory in stage 5.
    Operation::Load.writes() + Operation::Product.writes() + Operation::Round.writes() + 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_that_are_published() {
        use Operation::*;
        assert_eq!(Load.until(Product, false), 7);
        assert_eq!(Product.until(Product, true), 2, "measured on silicon");
        assert_eq!(Product.until(RoundedStore, false), 5);
        assert_eq!(Round.until(Move, false), 4);
        assert_eq!(Receive.until(Sum, true), 5);
        assert_eq!(Move.until(Product, true), 0);
        assert_eq!(through(), 21);
    }
}
