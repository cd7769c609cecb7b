//! The decisions that the dialect's mapping attributes hold, as plain values.

use crate::device::Device;
use std::{fmt, str::FromStr};

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

/// What tensors cross the boundary of the array by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Io {
    /// Streams to and from programmable logic.
    #[default]
    Plio,
    /// The DMA of shim tiles, to and from the host's memory.
    Ddr,
}

impl Io {
    /// What a device has: programmable logic, if it has any.
    pub fn of(device: &Device) -> Io {
        if device.plio_columns().is_empty() { Io::Ddr } else { Io::Plio }
    }
}

impl FromStr for Io {
    type Err = String;
    fn from_str(text: &str) -> Result<Io, String> {
        match text {
            "plio" => Ok(Io::Plio),
            "ddr" => Ok(Io::Ddr),
            _ => Err("must be plio or ddr".into()),
        }
    }
}

impl fmt::Display for Io {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Io::Plio => "plio",
            Io::Ddr => "ddr",
        })
    }
}

/// A port of the boundary: a stream to programmable logic, or a channel of a shim tile's DMA.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Port {
    pub column: usize,
    pub channel: usize,
}

/// What carries a tensor from one layer to the next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Via {
    /// Streams into memory tiles and streams out of them.
    #[default]
    MemoryTile,
    /// Streams from tile to tile.
    Stream,
    /// The reader loads from its neighbor's memory.
    SharedMemory,
}

impl Via {
    pub const ALL: [Via; 3] = [Via::MemoryTile, Via::Stream, Via::SharedMemory];

    /// As the dialect calls it.
    pub fn name(self) -> &'static str {
        match self {
            Via::MemoryTile => "memory_tile",
            Via::Stream => "stream",
            Via::SharedMemory => "shared_memory",
        }
    }
}

/// Features `begin..end` that one producer hands to one consumer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Region {
    pub producer: usize,
    pub consumer: usize,
    pub begin: usize,
    pub end: usize,
    /// Memory tile of the transfer; 0 if it needs none.
    pub group: usize,
}
