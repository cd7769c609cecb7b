//! Decisions about a network on a device, on plain data.
//!
//! Each module answers one question: which requantizations an expression of elements is
//! ([`scalar`]), which integers compute what a real scale means
//! ([`requantize`]), which [`microtile`] a layer computes
//! with, how it is split over tiles ([`parallelize`]), what a tile's memory
//! holds ([`memory`]), what carries each edge ([`hand_over`]), where
//! everything goes ([`place`], [`arrange`]), whether its streams find ways there
//! ([`route`]), how long it then takes ([`trial`]), and which of many plans is best by that
//! ([`search`]). All of them
//! read a [`network::Network`] or a [`mapped::Mapped`] and a
//! [`crate::device::Device`], and are deterministic: the same question has the
//! same answer.
//!
//! **Invariant:** nothing here knows MLIR, and nothing here reads a clock.

pub mod arrange;
pub mod capacity;
pub mod cost;
pub mod directives;
pub mod greedy;
pub mod hand_over;
pub mod host;
pub mod host_edges;
pub mod mapped;
pub mod mapping;
pub mod memory;
pub mod memtile;
pub mod microtile;
pub mod network;
pub mod parallelize;
pub mod place;
pub mod ports;
pub mod program;
pub mod requantize;
pub mod retile;
pub mod route;
pub mod scalar;
pub mod search;
pub mod slices;
pub mod steps;
pub mod streams;
pub mod transport;
pub mod trial;
pub mod view;
