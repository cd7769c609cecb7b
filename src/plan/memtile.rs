//! Which memory tile carries which part of an edge.
//!
//! A part (a component of [`super::slices`], usually) takes streams from cores
//! or from the outside, keeps them in one memory tile, and sends them on. Memory
//! tiles have no streams to the east or west, and pass streams up and down
//! only, so all that the memory tiles of a column exchange with the cores goes
//! through the ports at the top of the column, and all that they exchange with
//! the outside through those at its bottom.
//!
//! [`assign`] gives every part a memory tile such that none exceeds its DMA
//! channels, memory, locks and descriptors, and no column its ports. Where
//! ports to the outside are in some columns only, what reaches memory tiles
//! beyond the last of them passes the shim row, and fits its streams there.
//!
//! It minimizes the hops of all streams: columns between a memory tile and the
//! cores it serves or the nearest port, and memory tiles that a stream passes.
//! A column towards consumers counts for every row that the stream branches to:
//! a router gives each branch a shortest way of its own, and where those are
//! many, as beside a column, they part early and take a wire each. Below the
//! column that it feeds a memory tile sends straight up, on one wire.
//! Branch and bound, parts with the most streams first, nearest tile first; the
//! bound adds for each part to come its least cost alone. Parts that are alike
//! are kept in order, as exchanging them changes nothing.

use super::place::NoRoom;
use crate::array::{Bundle, Tile};
use crate::device::{Device, PortSide, TileKind};

/// What one part of an edge asks of a memory tile.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Demand {
    /// Column of each core that sends a stream to it.
    pub producers: Vec<u32>,
    /// For each stream it sends to cores, the column where they are (the
    /// westernmost if several).
    pub consumers: Vec<u32>,
    /// Cores in different rows that each of those streams branches to; 0 counts as one.
    pub rows: u32,
    /// Streams from and to the outside, through the shim.
    pub from_outside: u32,
    pub to_outside: u32,
    pub memory_bytes: u32,
    pub locks: u32,
    pub buffer_descriptors: u32,
}

impl Demand {
    fn usage(&self) -> Usage {
        let (down, up) = (self.producers.len() as u32, self.consumers.len() as u32);
        Usage([
            down + self.from_outside,
            up + self.to_outside,
            self.memory_bytes,
            self.locks,
            self.buffer_descriptors,
            down,
            up,
            self.from_outside,
            self.to_outside,
        ])
    }
}

/// The first five per memory tile: channels in, channels out, bytes, locks,
/// descriptors. The others per column: streams from cores, to cores, from the
/// outside, to the outside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Usage([u32; 9]);

const PER_TILE: usize = 5;
const NAMES: [&str; 9] = [
    "input channels",
    "output channels",
    "bytes",
    "locks",
    "buffer descriptors",
    "streams from cores",
    "streams to cores",
    "streams from outside",
    "streams to outside",
];

impl Usage {
    fn capacity(device: &Device) -> Usage {
        let mem = device.resources(TileKind::Mem);
        let (top, bottom) = (device.mem_rows().end - 1, device.mem_rows().start);
        let ports = |row, bundle, side| device.stream_ports(Tile { column: 0, row }, bundle, side);
        Usage([
            mem.dma_channels,
            mem.dma_channels,
            mem.memory_bytes,
            mem.locks,
            mem.buffer_descriptors,
            ports(top, Bundle::North, PortSide::In),
            ports(top, Bundle::North, PortSide::Out),
            ports(bottom, Bundle::South, PortSide::In),
            ports(bottom, Bundle::South, PortSide::Out),
        ])
    }
}

/// A memory tile for every demand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignment {
    /// One per demand.
    pub tiles: Vec<Tile>,
    /// Half hops of all streams.
    pub cost: u64,
    /// No assignment costs less than this.
    pub lower_bound: u64,
    pub optimal: bool,
    pub nodes: u64,
}

/// Nodes that [`assign`] expands by default: a few milliseconds.
pub const NODES: u64 = 20_000;

/// Give every demand a memory tile, expanding at most `nodes` partial
/// assignments beyond the first complete one.
///
/// # Errors
/// If a demand exceeds what one memory tile has (the message says of what), or
/// if no assignment of all was found.
pub fn assign(demands: &[Demand], device: &Device, nodes: u64) -> Result<Assignment, NoRoom> {
    let capacity = Usage::capacity(device);
    for (index, demand) in demands.iter().enumerate() {
        let usage = demand.usage();
        if let Some(short) = (0..NAMES.len()).find(|&i| usage.0[i] > capacity.0[i]) {
            return Err(NoRoom(format!(
                "part {index} needs {} {}, a memory tile has {}",
                usage.0[short], NAMES[short], capacity.0[short]
            )));
        }
    }
    let tiles: Vec<Tile> = device
        .mem_rows()
        .flat_map(|row| (0..device.columns).map(move |column| Tile { column, row }))
        .collect();
    let shore = Shore::of(device);
    let choices: Vec<Vec<(u64, usize)>> = demands
        .iter()
        .map(|demand| {
            let hops = |(i, &tile): (usize, &Tile)| (hops(demand, tile, &shore, device), i);
            let mut list: Vec<_> = tiles.iter().enumerate().map(hops).collect();
            list.sort_unstable();
            list
        })
        .collect();
    // Those with the most to ask first, alike ones together.
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by_key(|&i| {
        let u = demands[i].usage().0;
        (std::cmp::Reverse((u[0] + u[1], u[2])), &demands[i], i)
    });
    let mut rest = vec![0; demands.len() + 1];
    for depth in (0..demands.len()).rev() {
        rest[depth] = rest[depth + 1] + choices[order[depth]].first().map_or(0, |c| c.0);
    }
    let mut search = Search {
        demands,
        order: &order,
        choices: &choices,
        tiles: &tiles,
        capacity,
        rest: &rest,
        used: vec![Usage::default(); tiles.len()],
        columns: vec![Usage::default(); device.columns as usize],
        shore,
        beyond: [[0; 2]; 2],
        picks: vec![0; demands.len()],
        best: None,
        budget: nodes,
        // A dive that never completes has to end, too.
        patience: nodes.max(NODES) * 50,
        nodes: 0,
        open: u64::MAX,
    };
    search.descend(0, 0);
    let (nodes, open) = (search.nodes, search.open);
    let Some((cost, picks)) = search.best else {
        return Err(NoRoom(format!(
            "{} parts of edges do not fit the {} memory tiles and their streams: use fewer chains or shorter cascades",
            demands.len(),
            tiles.len()
        )));
    };
    let mut result = vec![Tile { column: 0, row: 0 }; demands.len()];
    for (depth, &index) in order.iter().enumerate() {
        result[index] = tiles[choices[index][picks[depth]].1];
    }
    let lower_bound = open.max(rest[0]).min(cost);
    Ok(Assignment { tiles: result, cost, lower_bound, optimal: lower_bound == cost, nodes })
}

/// Half hops of a demand's streams if it is served by `tile`.
fn hops(demand: &Demand, tile: Tile, shore: &Shore, device: &Device) -> u64 {
    let (top, bottom) = (device.mem_rows().end - 1, device.mem_rows().start);
    let from = demand.producers.iter().map(|&c| 2 * (c.abs_diff(tile.column) + top - tile.row));
    let branches = demand.rows.max(1) + 1;
    let to =
        demand.consumers.iter().map(|&c| branches * c.abs_diff(tile.column) + 2 * (top - tile.row));
    let outside = demand.from_outside + demand.to_outside;
    let outside = 2 * outside * (tile.row - bottom + shore.distance(tile.column));
    from.chain(to).map(u64::from).sum::<u64>() + u64::from(outside)
}

/// Columns with ports to the outside, and what passes beside them.
struct Shore {
    /// First and last column with ports; all if none is known.
    columns: (u32, u32),
    /// Streams that the shim row passes from one column to the next.
    streams: u32,
}

impl Shore {
    fn of(device: &Device) -> Shore {
        let columns = device.plio_columns();
        let columns =
            if columns.is_empty() { (0, device.columns) } else { (columns.start, columns.end - 1) };
        let shim = Tile { column: 0, row: 0 };
        Shore { columns, streams: device.stream_ports(shim, Bundle::East, PortSide::Out) }
    }
    fn distance(&self, column: u32) -> u32 {
        self.columns.0.saturating_sub(column).max(column.saturating_sub(self.columns.1))
    }
    /// The side beyond the ports on which a column is.
    fn side(&self, column: u32) -> Option<usize> {
        let (first, last) = self.columns;
        if column < first { Some(0) } else { (column > last).then_some(1) }
    }
}

struct Search<'a> {
    demands: &'a [Demand],
    order: &'a [usize],
    /// By demand: `(hops, index of the tile)`, nearest first.
    choices: &'a [Vec<(u64, usize)>],
    tiles: &'a [Tile],
    capacity: Usage,
    rest: &'a [u64],
    used: Vec<Usage>,
    columns: Vec<Usage>,
    shore: Shore,
    /// Streams from and to the outside of the tiles on each side beyond the ports.
    beyond: [[u32; 2]; 2],
    /// By depth, index into `choices`.
    picks: Vec<usize>,
    best: Option<(u64, Vec<usize>)>,
    budget: u64,
    patience: u64,
    nodes: u64,
    open: u64,
}

impl Search<'_> {
    fn descend(&mut self, depth: usize, cost: u64) {
        let Some(&index) = self.order.get(depth) else {
            self.best = Some((cost, self.picks.clone()));
            return;
        };
        self.nodes += 1;
        let usage = self.demands[index].usage();
        let alike = depth > 0 && self.demands[self.order[depth - 1]] == self.demands[index];
        let first = if alike { self.picks[depth - 1] } else { 0 };
        for pick in first..self.choices[index].len() {
            let (hops, tile) = self.choices[index][pick];
            let bound = cost + hops + self.rest[depth + 1];
            if self.best.as_ref().is_some_and(|(best, _)| bound >= *best) {
                break;
            }
            let column = self.tiles[tile].column as usize;
            let over = |i: usize| {
                let used =
                    if i < PER_TILE { self.used[tile].0[i] } else { self.columns[column].0[i] };
                used + usage.0[i] > self.capacity.0[i]
            };
            if (0..NAMES.len()).any(over) {
                continue;
            }
            let side = self.shore.side(column as u32);
            let outside = [self.demands[index].from_outside, self.demands[index].to_outside];
            let full = |side: usize| {
                (0..2).any(|i| self.beyond[side][i] + outside[i] > self.shore.streams)
            };
            if side.is_some_and(full) {
                continue;
            }
            if self.best.is_some() {
                if self.budget == 0 {
                    self.open = self.open.min(bound);
                    break;
                }
                self.budget -= 1;
            } else if self.patience == 0 {
                self.open = self.open.min(bound);
                break;
            } else {
                self.patience -= 1;
            }
            for i in 0..NAMES.len() {
                self.used[tile].0[i] += usage.0[i];
                self.columns[column].0[i] += usage.0[i];
            }
            if let Some(side) = side {
                (0..2).for_each(|i| self.beyond[side][i] += outside[i]);
            }
            self.picks[depth] = pick;
            self.descend(depth + 1, cost + hops);
            if let Some(side) = side {
                (0..2).for_each(|i| self.beyond[side][i] -= outside[i]);
            }
            for i in 0..NAMES.len() {
                self.used[tile].0[i] -= usage.0[i];
                self.columns[column].0[i] -= usage.0[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn demand(producers: &[u32], consumers: &[u32]) -> Demand {
        let regions = (producers.len() + consumers.len()) as u32;
        Demand {
            producers: producers.to_vec(),
            consumers: consumers.to_vec(),
            memory_bytes: 4096,
            locks: 2 * regions,
            buffer_descriptors: 4 * regions,
            ..Demand::default()
        }
    }

    #[test]
    fn takes_the_nearest_column() {
        let device = Device::by_name("xcve2802").unwrap();
        let all = assign(&[demand(&[7], &[8]), demand(&[7], &[9])], &device, NODES).unwrap();
        assert!(all.optimal);
        assert_eq!(all.cost, 6);
        assert!(all.tiles.iter().all(|t| (7..=9).contains(&t.column) && t.row == 2), "{all:?}");
    }

    #[test]
    fn stands_below_the_rows_that_it_feeds() {
        let device = Device::by_name("xcve2802").unwrap();
        let at = |rows| {
            let demand = Demand { rows, ..demand(&[7, 7], &[12]) };
            assign(&[demand], &device, NODES).unwrap().tiles[0]
        };
        assert_eq!(at(8), Tile { column: 12, row: 2 });
        assert_eq!(at(1), Tile { column: 7, row: 2 }, "two streams in against one out");
    }

    #[test]
    fn respects_the_streams_of_the_shim_row() {
        let device = Device::by_name("xcve2802").unwrap();
        // The first ports are in column 5; four streams reach the columns before it.
        let input = |column| Demand { from_outside: 1, rows: 8, ..demand(&[], &[column]) };
        let demands: Vec<_> = (0..5).map(input).collect();
        let all = assign(&demands, &device, NODES).unwrap();
        assert_eq!(all.tiles.iter().filter(|t| t.column < 5).count(), 4, "{all:?}");
        assert_eq!(all.tiles.iter().map(|t| t.column).max(), Some(5));
    }

    #[test]
    fn respects_the_streams_of_a_column() {
        let device = Device::by_name("xcve2802").unwrap();
        // Four streams come down a column, whatever its two memory tiles have.
        let demands = vec![demand(&[5, 5], &[5]); 3];
        let all = assign(&demands, &device, NODES).unwrap();
        let here = all.tiles.iter().filter(|t| t.column == 5).count();
        assert_eq!(here, 2);
        assert!(all.optimal);
        let message = assign(&[demand(&[5; 5], &[6])], &device, NODES).unwrap_err().to_string();
        assert_eq!(message, "part 0 needs 5 streams from cores, a memory tile has 4");
    }

    #[test]
    fn refuses_more_than_the_device_has() {
        let device = Device::by_name("npu1_1col").unwrap();
        let message = assign(&vec![demand(&[0], &[0]); 5], &device, NODES).unwrap_err().to_string();
        assert!(message.contains("5 parts of edges do not fit the 1 memory tiles"), "{message}");
        assert_eq!(assign(&[], &device, NODES).unwrap().cost, 0);
    }

    fn brute_force(demands: &[Demand], device: &Device) -> Option<u64> {
        let capacity = Usage::capacity(device);
        let tiles: Vec<Tile> = device
            .mem_rows()
            .flat_map(|row| (0..device.columns).map(move |column| Tile { column, row }))
            .collect();
        let mut best = None;
        let count = tiles.len();
        for code in 0..count.pow(demands.len() as u32) {
            let picks: Vec<Tile> =
                (0..demands.len()).map(|i| tiles[code / count.pow(i as u32) % count]).collect();
            let fits = tiles.iter().all(|tile| {
                (0..NAMES.len()).all(|i| {
                    let sum: u32 = picks
                        .iter()
                        .zip(demands)
                        .filter(
                            |(t, _)| {
                                if i < PER_TILE { *t == tile } else { t.column == tile.column }
                            },
                        )
                        .map(|(_, d)| d.usage().0[i])
                        .sum();
                    sum <= capacity.0[i]
                })
            });
            if fits {
                let cost = picks
                    .iter()
                    .zip(demands)
                    .map(|(t, d)| hops(d, *t, &Shore::of(device), device))
                    .sum();
                best = Some(best.map_or(cost, |b: u64| b.min(cost)));
            }
        }
        best
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..ProptestConfig::default() })]
        #[test]
        fn finds_what_brute_force_finds(
            parts in prop::collection::vec((prop::collection::vec(0u32..3, 0..4), prop::collection::vec(0u32..3, 0..5)), 1..5),
        ) {
            let device = Device::by_name("npu1_3col").unwrap();
            let demands: Vec<_> = parts.iter().map(|(p, c)| demand(p, c)).collect();
            match (assign(&demands, &device, u64::MAX / 100), brute_force(&demands, &device)) {
                (Ok(found), Some(best)) => {
                    prop_assert!(found.optimal);
                    prop_assert_eq!(found.cost, best);
                }
                (Err(_), None) => {}
                (ours, theirs) => prop_assert!(false, "{ours:?} {theirs:?}"),
            }
        }
    }
}
