//! Bodies of cores that compute by themselves: functions as graphs of blocks of
//! instructions on registers.
//!
//! Kernels compute in the designs of this compiler; in others, cores may hold
//! any `arith`, `scf`, `cf`, `memref`, `math` and `vector` ops. Structured
//! control flow becomes jumps here, and every vector is a list of lanes.
//!
//! **Lanes** are 64 bits wide. An integer is sign extended, but one of 1 bit is
//! 0 or 1; an index is an integer of 64 bits. A float of any width is a double
//! that its type can hold.

use super::{BufferId, Element, KernelId, Reg, UseLock};

/// The type of a lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Number {
    /// Of that many bits, at most 64.
    Int(u32),
    Bf16,
    F32,
    F64,
}

impl Number {
    pub fn is_float(self) -> bool {
        !matches!(self, Number::Int(_))
    }

    /// Width in bits.
    pub fn bits(self) -> u32 {
        match self {
            Number::Int(bits) => bits,
            Number::Bf16 => 16,
            Number::F32 => 32,
            Number::F64 => 64,
        }
    }
}

impl From<Element> for Number {
    fn from(element: Element) -> Number {
        match element {
            Element::I8 => Number::Int(8),
            Element::I16 => Number::Int(16),
            Element::I32 => Number::Int(32),
            Element::I64 => Number::Int(64),
            Element::Bf16 => Number::Bf16,
            Element::F32 => Number::F32,
        }
    }
}

/// A function of the program; also the body of a core, which takes nothing.
#[derive(Clone, PartialEq, Debug)]
pub struct Function {
    pub name: String,
    pub parameters: Vec<Reg>,
    /// Registers in use: 0 up to this number.
    pub registers: usize,
    /// Begins at the first.
    pub blocks: Vec<Block>,
    /// Whether it holds a loop that may go on for ever.
    pub endless: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Block {
    pub parameters: Vec<Reg>,
    pub instructions: Vec<Instruction>,
    pub exit: Exit,
}

/// A way to another block, with the values of its parameters.
#[derive(Clone, PartialEq, Debug)]
pub struct Edge {
    pub block: usize,
    pub arguments: Vec<Reg>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Exit {
    Jump(Edge),
    /// To the first edge if the register is not 0.
    Branch(Reg, Edge, Edge),
    /// To the edge of the register's value, or else the last.
    Switch(Reg, Vec<(i64, Edge)>, Edge),
    Return(Vec<Reg>),
}

/// A number known before or in the run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Index {
    Static(i64),
    Dynamic(Reg),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unary {
    /// To another type of number: sign extension, truncation, rounding.
    Convert,
    /// The same, taking the integer as unsigned.
    ConvertUnsigned,
    /// From a float to an integer that is unsigned.
    ToUnsigned,
    Neg,
    Abs,
    Sqrt,
    Floor,
    Ceil,
    Round,
    RoundEven,
    Trunc,
    CountOnes,
    LeadingZeros,
    TrailingZeros,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    DivUnsigned,
    CeilDiv,
    CeilDivUnsigned,
    FloorDiv,
    Rem,
    RemUnsigned,
    And,
    Or,
    Xor,
    Shl,
    Shr,
    ShrUnsigned,
    /// Of floats: NaN if either is.
    Max,
    Min,
    MaxUnsigned,
    MinUnsigned,
    /// Of floats: the other one if one is NaN.
    MaxNumber,
    MinNumber,
    CopySign,
    /// The result is of 1 bit.
    Compare(Predicate),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Predicate {
    Never,
    Always,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    LtUnsigned,
    LeUnsigned,
    GtUnsigned,
    GeUnsigned,
    /// Of floats: true also if either is NaN.
    UnorderedOr(Ordering),
    /// Of floats: neither is NaN.
    Ordered,
    Unordered,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ordering {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// How a region of memory is seen anew.
#[derive(Clone, PartialEq, Debug)]
pub struct View {
    pub basis: Basis,
    /// In elements.
    pub offsets: Vec<Index>,
    pub sizes: Vec<Index>,
    pub strides: Vec<Index>,
    /// The dimensions that stay, of those above.
    pub kept: Vec<usize>,
}

/// What the numbers of a [`View`] are counted from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Basis {
    /// The dimensions of what is viewed.
    Part,
    /// The begin of what is viewed, with new strides and no offsets.
    Reshape,
    /// The begin of the buffer.
    Whole,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Instruction {
    /// A list of one is a scalar.
    Constant(Reg, Vec<i64>),
    Buffer(Reg, BufferId),
    Unary(Unary, Reg, Reg, Number, Number),
    Binary(Binary, Reg, Reg, Reg, Number),
    /// `to = condition ? yes : no`, the condition for all lanes or one each; memory regions too.
    Select(Reg, Reg, Reg, Reg),
    /// `to = a * b + c`, rounded once.
    Fma(Reg, [Reg; 3], Number),
    /// Each lane of the result is one of an operand: its place in the list, and the lane; a scalar if so.
    Pick(Reg, Vec<Reg>, Vec<(usize, usize)>, bool),
    /// The lane of a vector, or the lane made another value: vector, index, value.
    Extract(Reg, Reg, Reg),
    Insert(Reg, Reg, Reg, Reg),
    /// All lanes of a vector, from first to last, after the start.
    Reduce(Binary, Reg, Reg, Option<Reg>, Number),
    Bitcast(Reg, Reg, Number, Number),
    View(Reg, Reg, View),
    /// The extent of a dimension.
    Extent(Reg, Reg, Reg),
    /// A register to or from memory at an index.
    Load(Reg, Reg, Vec<Reg>, Element, Lanes),
    Store(Reg, Reg, Vec<Reg>, Element, Lanes),
    /// All elements, to and from regions of equal shape.
    Copy(Reg, Reg, Element),
    UseLock(UseLock),
    /// By the value of the register; not at all if it is 0.
    UseLockBy(UseLock, Reg),
    /// The buffer at a place of the list.
    Choose(Reg, Reg, Vec<BufferId>),
    /// A function of the program with a body.
    Call(usize, Vec<Reg>, Vec<Reg>),
    /// One without, whose buffers are regions.
    Kernel(KernelId, Vec<Reg>, Vec<Reg>),
    PutCascade(Reg, Number),
    GetCascade(Reg, Number),
}

/// How an access to memory is repeated.
#[derive(Clone, PartialEq, Debug)]
pub struct Lanes {
    /// Extents of the vector, which lies along the last dimensions; empty for one element.
    pub extents: Vec<usize>,
    /// What is read beyond the extent of the memory, which is otherwise an error.
    pub padding: Option<Reg>,
    /// Whether lanes beyond the extent of the memory are passed over.
    pub bounded: bool,
}

impl Lanes {
    pub const ONE: Lanes = Lanes { extents: Vec::new(), padding: None, bounded: false };
}

impl Function {
    /// Every use of a lock in it, once each time that it is written.
    pub fn lock_uses(&self) -> impl Iterator<Item = UseLock> {
        self.instructions().filter_map(|instruction| match instruction {
            Instruction::UseLock(action) | Instruction::UseLockBy(action, _) => Some(*action),
            _ => None,
        })
    }

    /// The functions that it calls.
    pub fn calls(&self) -> impl Iterator<Item = usize> {
        self.instructions().filter_map(|instruction| match instruction {
            Instruction::Call(function, ..) => Some(*function),
            _ => None,
        })
    }

    pub fn instructions(&self) -> impl Iterator<Item = &Instruction> {
        self.blocks.iter().flat_map(|block| &block.instructions)
    }
}
