//! A mapped network in plain Rust: layers with every decision taken, and the
//! transfers between them. What the last pass lowers to an array program.
//!
//! **Invariant:** indices of transfers and layers are in range, and slices are
//! whole microtiles.

use super::{
    mapping::{Io, Packing, Place, Port, Region, Split, Via},
    microtile::Microtile,
};
use crate::{
    exact::Requant,
    kernel::Integer,
    operator::{self, Node},
};
use std::ops::Range;

/// What a layer computes, before it requantizes.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Products with weights, and a bias.
    Dense {
        weight: Integer,
        /// Width in bits.
        accumulator: u32,
        /// Row-major `[k][n]`.
        weights: Vec<i64>,
        /// `[n]`.
        bias: Vec<i64>,
    },
    /// The sum of two inputs, each times a factor, and what the second consists of.
    Add {
        other: Integer,
        factors: [i64; 2],
        /// Width in bits.
        accumulator: u32,
    },
    /// An operator that reads whole rows on every tile.
    Whole(Node),
}

/// A layer on its tiles.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Unique among the layers, a C identifier.
    pub name: String,
    /// Real extents.
    pub k: usize,
    pub n: usize,
    pub input: Integer,
    pub output: Integer,
    pub operation: Operation,
    /// Bits with sign that sums have at the most.
    pub sum_bits: u32,
    pub stages: Vec<Requant>,
    pub microtile: Microtile,
    pub split: Split,
    pub packing: Packing,
    /// South-west corners; chains are spread over them evenly, in order.
    pub places: Vec<Place>,
}

impl Layer {
    /// Rows of a block, whole microtiles.
    pub fn padded_rows(&self) -> usize {
        self.split.rows.next_multiple_of(self.microtile.m)
    }
    /// Tensors that the layer reads.
    pub fn ports(&self) -> usize {
        match &self.operation {
            Operation::Dense { .. } => 1,
            Operation::Add { .. } => 2,
            Operation::Whole(node) => node.inputs.len(),
        }
    }
    /// Features of an input, and its type.
    pub fn port(&self, port: usize) -> (usize, Integer) {
        match &self.operation {
            Operation::Whole(node) => node
                .inputs
                .get(port)
                .map_or((self.k, self.input), |tensor| (tensor.features, tensor.number)),
            _ => (self.k, self.input),
        }
    }
    /// Features of an input in the memory of each tile, padding included.
    pub fn width(&self, port: usize) -> usize {
        match &self.operation {
            Operation::Whole(_) => self.port(port).0.next_multiple_of(operator::BLOCK),
            _ => self.split.k,
        }
    }
    /// Input features of each consumer: of each cascade position, or, element
    /// by element, of each chain.
    pub fn inputs(&self, port: usize) -> Vec<Range<usize>> {
        match self.operation {
            Operation::Dense { .. } => cut(self.k, self.split.k, self.split.cascade),
            Operation::Add { .. } => self.outputs(),
            Operation::Whole(_) => std::iter::once(0..self.port(port).0).collect(),
        }
    }
    /// The consumer that a tile belongs to, as an index into [`Layer::inputs`].
    pub fn consumer(&self, chain: usize, position: usize) -> usize {
        match self.operation {
            Operation::Dense { .. } => position,
            Operation::Add { .. } => chain,
            Operation::Whole(_) => 0,
        }
    }
    /// Chain and position of the tiles that read a consumer's features.
    pub fn readers(&self, consumer: usize) -> Vec<(usize, usize)> {
        match self.operation {
            Operation::Dense { .. } | Operation::Whole(_) => {
                (0..self.split.chains).map(|chain| (chain, consumer)).collect()
            }
            Operation::Add { .. } => vec![(consumer, 0)],
        }
    }
    /// Output features of each chain.
    pub fn outputs(&self) -> Vec<Range<usize>> {
        cut(self.n, self.split.n, self.split.chains)
    }
    /// Chain and cascade position of every tile.
    pub fn tiles(&self) -> impl Iterator<Item = (usize, usize)> {
        let Split { cascade, chains, .. } = self.split;
        (0..chains).flat_map(move |chain| (0..cascade).map(move |position| (chain, position)))
    }
    /// The tile of a chain and a cascade position.
    pub fn tile(&self, chain: usize, position: usize) -> Place {
        let per_place = self.split.chains.div_ceil(self.places.len().max(1));
        let corner = self.places[chain / per_place];
        Place { column: corner.column + position, row: corner.row + chain % per_place }
    }
}

fn cut(extent: usize, width: usize, parts: usize) -> Vec<Range<usize>> {
    (0..parts).map(|i| (i * width).min(extent)..((i + 1) * width).min(extent)).collect()
}

/// One side of a transfer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    /// Index into [`Mapped::layers`].
    Layer(usize),
    /// Index into [`Mapped::inputs`] or [`Mapped::outputs`].
    Boundary(usize),
}

/// An edge of the network. Before its transport is planned it has no regions,
/// before it is placed no memory tiles and no ports.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub from: End,
    pub to: End,
    /// Which of the inputs of the layer where it ends; 0 at the boundary.
    pub port: usize,
    pub features: usize,
    pub element: Integer,
    pub regions: Vec<Region>,
    pub via: Via,
    pub memory_tiles: Vec<Place>,
    /// At the boundary: one per producer or consumer.
    pub ports: Vec<Port>,
}

/// A tensor at the boundary.
#[derive(Clone, Debug)]
pub struct Boundary {
    pub name: String,
    /// Rows of the whole tensor.
    pub batch: usize,
    pub features: usize,
    pub element: Integer,
    pub scale: f64,
    pub zero_point: i64,
    /// Smallest and largest code.
    pub range: (i64, i64),
}

#[derive(Clone, Debug, Default)]
pub struct Mapped {
    pub layers: Vec<Layer>,
    pub transfers: Vec<Transfer>,
    pub inputs: Vec<Boundary>,
    pub outputs: Vec<Boundary>,
    pub io: Io,
    /// Flows of the program, by index, that a router has to give the first choice
    /// (see [`super::route`]).
    pub first_flows: Vec<usize>,
    /// How many slices share a stream into the array, and out of it, at a
    /// boundary that is still to be planned.
    pub sharing: [usize; 2],
}
