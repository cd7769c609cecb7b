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
//! channels, memory, locks and descriptors, and no column its ports. What
//! comes from outside, or goes there, has a port in some column; where that is
//! not the memory tile's own, it passes the shim row, and fits its wires.
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
use super::{mapping::Io, ports};
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
const FROM_CORES: usize = 5;
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
    /// The column where each demand's streams to the outside have their ports, if
    /// they can all be in one, or else its memory tile's.
    pub ports: Vec<u32>,
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
/// assignments beyond the first complete one. `io` is how tensors cross the boundary;
/// with `None` ports are wherever they are wanted.
///
/// # Errors
/// If a demand exceeds what one memory tile has (the message says of what), or
/// if no assignment of all was found.
pub fn assign(
    demands: &[Demand],
    device: &Device,
    io: Option<Io>,
    nodes: u64,
) -> Result<Assignment, NoRoom> {
    assign_sparing(demands, device, io, nodes, 0)
}

/// The same, leaving so many of the wires between the memory tiles of each column and the cores,
/// each way, to other streams.
///
/// # Errors
/// As [`assign`].
pub fn assign_sparing(
    demands: &[Demand],
    device: &Device,
    io: Option<Io>,
    nodes: u64,
    wires: u32,
) -> Result<Assignment, NoRoom> {
    let mut capacity = Usage::capacity(device);
    for what in [FROM_CORES, FROM_CORES + 1] {
        capacity.0[what] = capacity.0[what].saturating_sub(wires);
    }
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
    let shore = Shore::of(device, io);
    let choices: Vec<Vec<Choice>> = demands
        .iter()
        .map(|demand| {
            let places = tiles.iter().enumerate();
            let mut list: Vec<_> = places
                .flat_map(|(index, &tile)| {
                    let hops = hops(demand, tile, device);
                    shore.ports(demand, tile).into_iter().map(move |(away, port)| {
                        let outside = u64::from(demand.from_outside + demand.to_outside);
                        let all = hops + 2 * outside * u64::from(away);
                        Choice { hops: all, above: hops, tile: index, port }
                    })
                })
                .collect();
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
        rest[depth] = rest[depth + 1] + choices[order[depth]].first().map_or(0, |c| c.hops);
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
        // What there is least of in relation to the need.
        let need = |what: usize| demands.iter().map(|d| u64::from(d.usage().0[what])).sum::<u64>();
        let exist = |what: usize| {
            let places = if what < PER_TILE { tiles.len() } else { device.columns as usize };
            u64::from(capacity.0[what]) * places as u64
        };
        let share = |&what: &usize| need(what) * 1_000_000 / exist(what).max(1);
        let short = (0..NAMES.len()).max_by_key(share).unwrap_or(0);
        return Err(NoRoom(format!(
            "{} parts of edges do not fit the {} memory tiles of {}: they need {} {} in all, there are {}",
            demands.len(),
            tiles.len(),
            device.name,
            need(short),
            NAMES[short],
            exist(short)
        )));
    };
    let mut result = vec![Tile { column: 0, row: 0 }; demands.len()];
    let mut ports = vec![0; demands.len()];
    for (depth, &index) in order.iter().enumerate() {
        let Choice { tile, port, .. } = choices[index][picks[depth]];
        result[index] = tiles[tile];
        ports[index] = port.unwrap_or(tiles[tile].column);
    }
    let lower_bound = open.max(rest[0]).min(cost);
    Ok(Assignment { tiles: result, ports, cost, lower_bound, optimal: lower_bound == cost, nodes })
}

/// Half hops of a demand's streams above the shim row if it is served by `tile`.
fn hops(demand: &Demand, tile: Tile, device: &Device) -> u64 {
    let (top, bottom) = (device.mem_rows().end - 1, device.mem_rows().start);
    let from = demand.producers.iter().map(|&c| 2 * (c.abs_diff(tile.column) + top - tile.row));
    let branches = demand.rows.max(1) + 1;
    let to =
        demand.consumers.iter().map(|&c| branches * c.abs_diff(tile.column) + 2 * (top - tile.row));
    let outside = 2 * (demand.from_outside + demand.to_outside) * (tile.row - bottom);
    from.chain(to).map(u64::from).sum::<u64>() + u64::from(outside)
}

/// A memory tile, by index, for a demand, and the column of its ports if it has any.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Choice {
    hops: u64,
    /// Those above the shim row. Of as many in all, the fewer above the better: streams that go
    /// straight up leave the switches of the cores to others.
    above: u64,
    tile: usize,
    port: Option<u32>,
}

/// Columns of ports that a demand may choose from, nearest first.
const PORTS: usize = 6;

/// Columns with ports to the outside, and the shim row beside them. Counts are of streams into
/// the array, and out of it.
struct Shore {
    /// By column: ports.
    ports: Vec<[u32; 2]>,
    used: Vec<[u32; 2]>,
    /// Streams that the shim row passes from one column to the next, each way.
    wires: u32,
    /// By column: streams that pass from it to the east, and back.
    borders: Vec<[u32; 2]>,
}

impl Shore {
    fn of(device: &Device, io: Option<Io>) -> Shore {
        let shim = Tile { column: 0, row: 0 };
        let count = |column, side| io.map_or(0, |io| ports::of_column(column, side, device, io));
        let columns = 0..device.columns;
        Shore {
            ports: columns.map(|c| [count(c, PortSide::In), count(c, PortSide::Out)]).collect(),
            used: vec![[0; 2]; device.columns as usize],
            wires: device.stream_ports(shim, Bundle::East, PortSide::Out),
            borders: vec![[0; 2]; device.columns as usize],
        }
    }

    /// Columns where a demand that is served by `tile` may have ports, and how far they are.
    /// One without streams to the outside, or with too many for any column, has none.
    fn ports(&self, demand: &Demand, tile: Tile) -> Vec<(u32, Option<u32>)> {
        let enough = |has: &[u32; 2]| has[0] >= demand.from_outside && has[1] >= demand.to_outside;
        let columns = self.ports.iter().zip(0..).filter(|(has, _)| enough(has));
        let mut columns: Vec<_> =
            columns.map(|(_, column)| (tile.column.abs_diff(column), Some(column))).collect();
        columns.sort_unstable();
        columns.truncate(PORTS);
        match demand.from_outside + demand.to_outside {
            0 => vec![(0, None)],
            _ if columns.is_empty() => vec![(0, None)],
            _ => columns,
        }
    }

    /// Whether a demand's streams find ports in a column, and wires from there to its memory tile.
    fn has_room(&self, demand: &Demand, port: u32, column: u32) -> bool {
        let own = [demand.from_outside, demand.to_outside];
        let (has, used) = (self.ports[port as usize], self.used[port as usize]);
        let fits = |i: usize| used[i] + own[i] <= has[i];
        // Into the array they pass towards the memory tile, out of it back.
        let eastward = usize::from(column < port);
        let mut borders = self.borders[port.min(column) as usize..port.max(column) as usize].iter();
        fits(0)
            && fits(1)
            && borders.all(|passed| {
                passed[eastward] + own[0] <= self.wires
                    && passed[1 - eastward] + own[1] <= self.wires
            })
    }

    /// Takes ports and wires, or with `back` gives them back.
    fn take(&mut self, demand: &Demand, port: u32, column: u32, back: bool) {
        let change = |count: &mut u32, by: u32| {
            *count = if back { *count - by } else { *count + by };
        };
        let own = [demand.from_outside, demand.to_outside];
        let eastward = usize::from(column < port);
        (0..2).for_each(|i| change(&mut self.used[port as usize][i], own[i]));
        for passed in &mut self.borders[port.min(column) as usize..port.max(column) as usize] {
            change(&mut passed[eastward], own[0]);
            change(&mut passed[1 - eastward], own[1]);
        }
    }
}

struct Search<'a> {
    demands: &'a [Demand],
    order: &'a [usize],
    /// By demand, fewest hops first.
    choices: &'a [Vec<Choice>],
    tiles: &'a [Tile],
    capacity: Usage,
    rest: &'a [u64],
    used: Vec<Usage>,
    columns: Vec<Usage>,
    shore: Shore,
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
        let demand = &self.demands[index];
        let usage = demand.usage();
        let alike = depth > 0 && self.demands[self.order[depth - 1]] == *demand;
        let first = if alike { self.picks[depth - 1] } else { 0 };
        for pick in first..self.choices[index].len() {
            let Choice { hops, tile, port, .. } = self.choices[index][pick];
            let bound = cost + hops + self.rest[depth + 1];
            if self.best.as_ref().is_some_and(|(best, _)| bound >= *best) {
                break;
            }
            let column = self.tiles[tile].column;
            let over = |i: usize| {
                let used = if i < PER_TILE {
                    self.used[tile].0[i]
                } else {
                    self.columns[column as usize].0[i]
                };
                used + usage.0[i] > self.capacity.0[i]
            };
            if (0..NAMES.len()).any(over)
                || port.is_some_and(|port| !self.shore.has_room(demand, port, column))
            {
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
                self.columns[column as usize].0[i] += usage.0[i];
            }
            if let Some(port) = port {
                self.shore.take(demand, port, column, false);
            }
            self.picks[depth] = pick;
            self.descend(depth + 1, cost + hops);
            if let Some(port) = port {
                self.shore.take(demand, port, column, true);
            }
            for i in 0..NAMES.len() {
                self.used[tile].0[i] -= usage.0[i];
                self.columns[column as usize].0[i] -= usage.0[i];
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
        let all = assign(&[demand(&[7], &[8]), demand(&[7], &[9])], &device, Some(Io::Plio), NODES)
            .unwrap();
        assert!(all.optimal);
        assert_eq!(all.cost, 6);
        assert!(all.tiles.iter().all(|t| (7..=9).contains(&t.column) && t.row == 2), "{all:?}");
    }

    #[test]
    fn stands_below_the_rows_that_it_feeds() {
        let device = Device::by_name("xcve2802").unwrap();
        let at = |rows| {
            let demand = Demand { rows, ..demand(&[7, 7], &[12]) };
            assign(&[demand], &device, Some(Io::Plio), NODES).unwrap().tiles[0]
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
        let all = assign(&demands, &device, Some(Io::Plio), NODES).unwrap();
        assert_eq!(all.tiles.iter().filter(|t| t.column < 5).count(), 4, "{all:?}");
        assert_eq!(all.tiles.iter().map(|t| t.column).max(), Some(5));
    }

    #[test]
    fn stands_near_a_channel_of_its_own() {
        let device = Device::by_name("xcve2802").unwrap();
        // Two channels into the array in each of columns 22 and 23, the next in 15 and 30.
        let input = Demand { from_outside: 1, ..demand(&[], &[22]) };
        let all = assign(&vec![input; 7], &device, Some(Io::Ddr), NODES).unwrap();
        for column in all.ports.iter().copied() {
            assert!(device.noc_columns().contains(&column), "{:?}", all.ports);
            assert!(all.ports.iter().filter(|&&c| c == column).count() <= 2, "{:?}", all.ports);
        }
    }

    #[test]
    fn leaves_wires_to_other_streams() {
        let device = Device::by_name("xcve2802").unwrap();
        let most = |wires| {
            let demands = vec![demand(&[5], &[]); 7];
            let all = assign_sparing(&demands, &device, None, NODES, wires).unwrap();
            let column = |column| all.tiles.iter().filter(|tile| tile.column == column).count();
            (0..device.columns).map(column).max()
        };
        assert_eq!([0, 1, 2].map(most), [Some(4), Some(3), Some(2)]);
        let many = [demand(&[5; 4], &[])];
        assert!(assign_sparing(&many, &device, None, NODES, 1).is_err(), "more than are left");
    }

    #[test]
    fn respects_the_streams_of_a_column() {
        let device = Device::by_name("xcve2802").unwrap();
        // Four streams come down a column, whatever its two memory tiles have.
        let demands = vec![demand(&[5, 5], &[5]); 3];
        let all = assign(&demands, &device, Some(Io::Plio), NODES).unwrap();
        let here = all.tiles.iter().filter(|t| t.column == 5).count();
        assert_eq!(here, 2);
        assert!(all.optimal);
        let message = assign(&[demand(&[5; 5], &[6])], &device, Some(Io::Plio), NODES)
            .unwrap_err()
            .to_string();
        assert_eq!(message, "part 0 needs 5 streams from cores, a memory tile has 4");
    }

    #[test]
    fn refuses_more_than_the_device_has() {
        let device = Device::by_name("npu1_1col").unwrap();
        let message = assign(&vec![demand(&[0], &[0]); 5], &device, Some(Io::Plio), NODES)
            .unwrap_err()
            .to_string();
        assert!(message.contains("5 parts of edges do not fit the 1 memory tiles"), "{message}");
        assert_eq!(assign(&[], &device, Some(Io::Plio), NODES).unwrap().cost, 0);
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
                let cost = picks.iter().zip(demands).map(|(t, d)| hops(d, *t, device)).sum();
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
            match (assign(&demands, &device, Some(Io::Ddr), u64::MAX / 100), brute_force(&demands, &device)) {
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
