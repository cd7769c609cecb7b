//! What streams between columns have room for.
//!
//! Streams run east and west in the switches of cores and of the shim row, four
//! each way between two neighbors (see [`crate::device`]); memory tiles pass
//! streams up and down only, which [`super::memtile`] counts. Two questions are
//! answered here: whether streams that are placed can cross the array at all
//! ([`check`]), and whether a layer of several rectangles asks for too much of
//! its surroundings before it is placed ([`branches_fit`]).

use crate::array::{Bundle, Tile};
use crate::device::{Device, PortSide};
use std::fmt;

/// Columns where a stream begins and ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    pub from: u32,
    pub to: Vec<u32>,
}

/// Streams that fit between two columns in a row.
fn wires(row: u32, device: &Device) -> u32 {
    // Of any column with an eastern neighbor; the array of one column has none.
    device.stream_ports(Tile { column: 0, row }, Bundle::East, PortSide::Out)
}

/// A border of columns that more streams cross than it has wires.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crowded {
    /// The column to its west.
    pub west: u32,
    /// Where they run.
    pub way: &'static str,
    /// Those that cross, by index.
    pub streams: Vec<usize>,
    /// How many fit.
    pub room: u32,
}

impl fmt::Display for Crowded {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Crowded { west, way, streams, room } = self;
        write!(
            f,
            "{} streams run {way} between columns {west} and {}, where {room} fit: use fewer tiles, or place the layers in the order of the network",
            streams.len(),
            west + 1
        )
    }
}

/// Whether all streams fit between any two columns.
///
/// A stream needs at least one wire of each border of columns that it crosses,
/// so a refusal is certain; streams that pass may still ask a router for detours.
///
/// # Errors
/// If more streams cross a border than it has wires in that direction.
pub fn check(streams: &[Stream], device: &Device) -> Result<(), Crowded> {
    let rows = std::iter::once(0).chain(device.core_rows());
    let room: u32 = rows.map(|row| wires(row, device)).sum();
    for west in 0..device.columns.saturating_sub(1) {
        let east = |s: &Stream| s.from <= west && s.to.iter().any(|&to| to > west);
        let back = |s: &Stream| s.from > west && s.to.iter().any(|&to| to <= west);
        for (way, crosses) in [("east", &east as &dyn Fn(&Stream) -> bool), ("west", &back)] {
            let crossing = streams.iter().enumerate().filter(|(_, stream)| crosses(stream));
            let streams: Vec<usize> = crossing.map(|(index, _)| index).collect();
            if streams.len() > room as usize {
                return Err(Crowded { west, way, streams, room });
            }
        }
    }
    Ok(())
}

/// Whether a layer of `chains` in several rectangles of `cascade` columns leaves
/// room for others where its inputs pass from one rectangle to the next.
///
/// Each column of the cascade has one stream, which all rectangles read. A
/// router that gives each reader a shortest way of its own, as mlir-aie's does,
/// takes a wire per row for it, as ways to the rows of another column differ
/// early or late. Half of the wires are left to other streams.
pub fn branches_fit(cascade: usize, heights: &[usize], device: &Device) -> bool {
    let tallest = heights.iter().skip(1).max().copied().unwrap_or(0);
    let room: u32 = device.core_rows().map(|row| wires(row, device)).sum();
    2 * cascade * tallest <= room as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_streams_of_each_border() {
        let device = Device::by_name("xcve2302").unwrap();
        // Two rows of cores and the shim row, four wires each.
        let across = |count| vec![Stream { from: 3, to: vec![3, 6] }; count];
        assert_eq!(check(&across(12), &device), Ok(()));
        let message = check(&across(13), &device).unwrap_err().to_string();
        assert!(
            message.starts_with("13 streams run east between columns 3 and 4, where 12 fit"),
            "{message}"
        );
        let mut both = across(12);
        both.extend(vec![Stream { from: 5, to: vec![4] }; 12]);
        assert_eq!(check(&both, &device), Ok(()), "each way has its own");
        both.push(Stream { from: 9, to: vec![4] });
        let message = check(&both, &device).unwrap_err().to_string();
        assert!(message.starts_with("13 streams run west between columns 4 and 5"), "{message}");
    }

    #[test]
    fn one_rectangle_has_no_branches() {
        let device = Device::by_name("xcve2802").unwrap();
        assert!(branches_fit(38, &[8], &device));
        assert!(branches_fit(2, &[8, 8], &device));
        assert!(!branches_fit(19, &[8, 8], &device));
        assert!(!branches_fit(3, &[7, 7, 6], &device));
        assert!(branches_fit(16, &[8, 1], &device));
    }
}
