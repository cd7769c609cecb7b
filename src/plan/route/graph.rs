//! Ports, connections and wires of a device, and the queue of a search on them.

use super::Label;
use crate::array::{Bundle, Port, Tile};
use crate::device::{Device, PortSide};
use std::ops::Range;

/// Nodes are numbered by column, row, bundle and channel, edges by their ends.
pub(super) struct Graph {
    rows: u32,
    columns: u32,
    /// First node of each bundle of each tile, and the number of nodes.
    first: Vec<u32>,
    ports: Vec<Port>,
    /// First edge of each node, and the number of edges.
    edges: Vec<u32>,
    tails: Vec<u32>,
    heads: Vec<u32>,
    /// Between two switches.
    wires: Vec<bool>,
}

/// The tile on a side of another, and the bundle on its side.
fn beside(tile: Tile, side: Bundle) -> Option<(Tile, Bundle)> {
    let Tile { column, row } = tile;
    Some(match side {
        Bundle::South => (Tile { column, row: row.checked_sub(1)? }, Bundle::North),
        Bundle::West => (Tile { column: column.checked_sub(1)?, row }, Bundle::East),
        Bundle::North => (Tile { column, row: row + 1 }, Bundle::South),
        Bundle::East => (Tile { column: column + 1, row }, Bundle::West),
        _ => return None,
    })
}

impl Graph {
    pub(super) fn new(device: &Device) -> Graph {
        let rows = device.rows();
        let tiles = || {
            (0..device.columns).flat_map(|column| (0..rows).map(move |row| Tile { column, row }))
        };
        let mut graph = Graph {
            rows,
            columns: device.columns,
            first: Vec::new(),
            ports: Vec::new(),
            edges: vec![0],
            tails: Vec::new(),
            heads: Vec::new(),
            wires: Vec::new(),
        };
        for tile in tiles() {
            for bundle in Bundle::ALL {
                graph.first.push(graph.ports.len() as u32);
                let count = [PortSide::In, PortSide::Out]
                    .map(|side| device.router_ports(tile, bundle, side));
                graph.ports.extend((0..count[0].max(count[1])).map(|channel| Port {
                    tile,
                    bundle,
                    channel,
                }));
            }
        }
        graph.first.push(graph.ports.len() as u32);
        // What leaves the switch of a tile.
        let mut out: Vec<(Bundle, u32)> = Vec::new();
        let mut heads: Vec<(u32, bool)> = Vec::new();
        let mut inside = None;
        for node in 0..graph.ports.len() as u32 {
            let Port { tile, bundle, channel } = graph.ports[node as usize];
            if inside != Some(tile) {
                inside = Some(tile);
                out = Bundle::ALL
                    .into_iter()
                    .flat_map(|bundle| {
                        let count = device.router_ports(tile, bundle, PortSide::Out);
                        (0..count).map(move |channel| (bundle, channel))
                    })
                    .collect();
            }
            heads.clear();
            if channel < device.router_ports(tile, bundle, PortSide::In) {
                let to = out.iter().filter(|&&to| device.switches(tile, (bundle, channel), to));
                let to =
                    to.filter_map(|&(bundle, channel)| graph.node(Port { tile, bundle, channel }));
                heads.extend(to.map(|head| (head, false)));
            }
            if channel < device.router_ports(tile, bundle, PortSide::Out)
                && let Some((tile, bundle)) = beside(tile, bundle)
                && let Some(head) = graph.node(Port { tile, bundle, channel })
            {
                heads.push((head, true));
            }
            heads.sort_unstable();
            graph.tails.extend(heads.iter().map(|_| node));
            graph.heads.extend(heads.iter().map(|(head, _)| head));
            graph.wires.extend(heads.iter().map(|(_, wire)| wire));
            graph.edges.push(graph.heads.len() as u32);
        }
        graph
    }

    pub(super) fn nodes(&self) -> usize {
        self.ports.len()
    }

    pub(super) fn edges(&self) -> usize {
        self.heads.len()
    }

    pub(super) fn node(&self, port: Port) -> Option<u32> {
        let Port { tile: Tile { column, row }, bundle, channel } = port;
        if column >= self.columns || row >= self.rows {
            return None;
        }
        let index = (column * self.rows + row) as usize * Bundle::ALL.len() + bundle as usize;
        let node = self.first[index] + channel;
        (node < self.first[index + 1]).then_some(node)
    }

    pub(super) fn port(&self, node: u32) -> Port {
        self.ports[node as usize]
    }

    pub(super) fn edges_of(&self, node: u32) -> Range<usize> {
        self.edges[node as usize] as usize..self.edges[node as usize + 1] as usize
    }

    pub(super) fn tail(&self, edge: u32) -> u32 {
        self.tails[edge as usize]
    }

    pub(super) fn head(&self, edge: u32) -> u32 {
        self.heads[edge as usize]
    }

    pub(super) fn is_wire(&self, edge: u32) -> bool {
        self.wires[edge as usize]
    }

    /// The switch that has an edge, or from which a wire comes.
    pub(super) fn tile_of_edge(&self, edge: u32) -> Tile {
        self.port(self.tail(edge)).tile
    }
}

/// Nodes to visit: a heap of four children a node, ordered by distance when they come and go.
#[derive(Default)]
pub(super) struct Queue(Vec<u32>);

impl Queue {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn push(&mut self, node: u32, labels: &[Label]) {
        let distance = labels[node as usize].distance;
        let mut at = self.0.len();
        self.0.push(node);
        while at > 0 {
            let parent = (at - 1) / 4;
            let above = self.0[parent];
            if distance >= labels[above as usize].distance {
                break;
            }
            self.0[at] = above;
            at = parent;
        }
        self.0[at] = node;
    }

    pub(super) fn pop(&mut self, labels: &[Label]) -> Option<u32> {
        let last = self.0.pop()?;
        let Some(&top) = self.0.first() else { return Some(last) };
        let own = labels[last as usize].distance;
        let mut at = 0;
        loop {
            let first = 4 * at + 1;
            let children = self.0.get(first..self.0.len().min(first + 4)).unwrap_or_default();
            let mut least: Option<(usize, f64)> = None;
            for (offset, &child) in children.iter().enumerate() {
                let distance = labels[child as usize].distance;
                if least.is_none_or(|(_, best)| distance < best) {
                    least = Some((first + offset, distance));
                }
            }
            let Some((child, _)) = least.filter(|&(_, best)| best < own) else { break };
            self.0[at] = self.0[child];
            at = child;
        }
        self.0[at] = last;
        Some(top)
    }
}
