//! The decisions that the dialect's mapping attributes hold, as plain values.

/// How a layer is cut over tiles; `k` and `n` are features per tile.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Split {
    pub cascade: usize,
    pub chains: usize,
    pub k: usize,
    pub n: usize,
    /// Rows of the batch that pass at once.
    pub rows: usize,
}

/// Byte addresses of a layer's buffers in each of its tiles.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packing {
    /// Bytes, from address 0.
    pub stack: usize,
    pub weights: usize,
    pub bias: usize,
    pub input: Vec<usize>,
    pub output: Vec<usize>,
}

/// A tile.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Place {
    pub column: usize,
    pub row: usize,
}

/// A port to the programmable logic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Port {
    pub column: usize,
    pub channel: usize,
}

/// Features `begin..end` that one producer hands to one consumer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Region {
    pub producer: usize,
    pub consumer: usize,
    pub begin: usize,
    pub end: usize,
    /// Memory tile of the transfer.
    pub group: usize,
}
