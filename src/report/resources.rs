//! What a design takes of its device, counted in the array program.

use super::{Layer, Rectangle};
use crate::{
    array::{Bundle, Flow, Port, Program, Tile},
    device::{Device, PortSide, TileKind},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Tiles, memory and ports in use, against what there is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    pub core_tiles: Share,
    /// Bytes over all core tiles.
    pub core_memory: Share,
    pub memory_tiles: Share,
    /// Bytes over all memory tiles.
    pub memory_tile_memory: Share,
    /// Streams into the array.
    pub input_ports: Share,
    /// Streams out of the array.
    pub output_ports: Share,
    /// Bytes of one core tile.
    pub core_tile_bytes: usize,
    /// Bytes of one memory tile.
    pub memory_tile_bytes: usize,
    /// Of each layer, in order: its fullest tile.
    pub layers: Vec<CoreMemory>,
    /// Those in use, by column and row.
    pub memory: Vec<TileMemory>,
    /// Streams, together where they have the same ends.
    pub links: Vec<Link>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Share {
    pub used: usize,
    pub available: usize,
}

/// Bytes of one core tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CoreMemory {
    /// Weights and biases.
    pub constants: usize,
    /// Buffers of activations, both halves of each pair.
    pub activations: usize,
    pub stack: usize,
}

impl CoreMemory {
    pub fn total(&self) -> usize {
        self.constants.saturating_add(self.activations).saturating_add(self.stack)
    }
}

/// A memory tile in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TileMemory {
    pub column: u32,
    pub row: u32,
    pub bytes: usize,
    /// DMA channels that write it, and that read it.
    pub channels: [usize; 2],
}

/// Streams from one place to another; a broadcast counts once for each place that it reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Link {
    pub from: Node,
    pub to: Node,
    pub streams: usize,
}

impl Link {
    /// Whether one layer hands over to another with no memory tile between.
    pub fn is_direct(&self) -> bool {
        matches!((self.from, self.to), (Node::Layer(_), Node::Layer(_)))
    }
}

/// Where streams begin and end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Node {
    /// Index into [`Report::layers`](super::Report::layers).
    Layer(usize),
    /// Column and row.
    MemoryTile([u32; 2]),
    /// Shim column.
    Port(u32),
}

impl Resources {
    /// Counts what `program`, which has `layers`, takes of `device`.
    pub fn of(program: &Program, device: &Device, layers: &[Layer]) -> Resources {
        let core = device.resources(TileKind::Core);
        let mem = device.resources(TileKind::Mem);
        let bytes = bytes(program);
        let total = |kind| {
            let of_kind = bytes.iter().filter(|(tile, _)| device.tile_kind(**tile) == Some(kind));
            of_kind.map(|(_, memory)| memory.total()).sum()
        };
        let memory = memory_tiles(program, device, &bytes);
        let fullest = |layer: &Layer| {
            let tiles = bytes.iter().filter(|(tile, _)| holds(&layer.rectangles, **tile));
            tiles.map(|(_, memory)| *memory).max_by_key(CoreMemory::total).unwrap_or_default()
        };
        let at_shim = |port: &&Port| {
            matches!(device.tile_kind(port.tile), Some(TileKind::ShimNoc | TileKind::ShimPl))
        };
        let ports = |side| {
            let ends = |flow: &'_ Flow| match side {
                PortSide::In => vec![flow.source],
                PortSide::Out => flow.destinations.clone(),
            };
            let ends: Vec<Port> = program.flows.iter().flat_map(ends).collect();
            let bundle = ends.iter().find(at_shim).map(|port| port.bundle);
            let used = ends.iter().filter(at_shim).count();
            Share { used, available: ports(device, bundle, side) }
        };
        Resources {
            core_tiles: Share { used: program.cores.len(), available: device.cores() as usize },
            core_memory: Share {
                used: total(TileKind::Core),
                available: (device.cores() * core.memory_bytes) as usize,
            },
            memory_tiles: Share { used: memory.len(), available: device.mem_tiles() as usize },
            memory_tile_memory: Share {
                used: total(TileKind::Mem),
                available: (device.mem_tiles() * mem.memory_bytes) as usize,
            },
            input_ports: ports(PortSide::In),
            output_ports: ports(PortSide::Out),
            core_tile_bytes: core.memory_bytes as usize,
            memory_tile_bytes: mem.memory_bytes as usize,
            layers: layers.iter().map(fullest).collect(),
            memory,
            links: links(program, device, layers),
        }
    }
}

/// Of every tile that has buffers or a core.
fn bytes(program: &Program) -> BTreeMap<Tile, CoreMemory> {
    let mut bytes: BTreeMap<Tile, CoreMemory> = BTreeMap::new();
    for buffer in program.buffers.iter().filter(|buffer| !buffer.external) {
        let tile = bytes.entry(buffer.tile).or_default();
        match buffer.initial {
            Some(_) => tile.constants += buffer.bytes(),
            None => tile.activations += buffer.bytes(),
        }
    }
    for core in &program.cores {
        bytes.entry(core.tile).or_default().stack += core.stack_size as usize;
    }
    bytes
}

fn memory_tiles(
    program: &Program,
    device: &Device,
    bytes: &BTreeMap<Tile, CoreMemory>,
) -> Vec<TileMemory> {
    let used = bytes.iter().filter(|(tile, _)| device.tile_kind(**tile) == Some(TileKind::Mem));
    used.map(|(&tile, memory)| {
        use crate::array::Direction::{Mm2s, S2mm};
        let channels = [S2mm, Mm2s].map(|direction| {
            let dmas = program.dmas.iter();
            dmas.filter(|dma| dma.tile == tile && dma.direction == direction).count()
        });
        TileMemory { column: tile.column, row: tile.row, bytes: memory.total(), channels }
    })
    .collect()
}

/// How many streams between the array and what is outside a device has, of the
/// kind of `bundle`; without one, of the kind that the device has.
fn ports(device: &Device, bundle: Option<Bundle>, side: PortSide) -> usize {
    let plio = match bundle {
        Some(bundle) => bundle == Bundle::Plio,
        None => !device.plio_columns().is_empty(),
    };
    if plio {
        return device.plio_columns().map(|c| device.plio_ports(c, side) as usize).sum();
    }
    let channels = device.resources(TileKind::ShimNoc).dma_channels as usize;
    device.noc_columns().len() * channels
}

fn holds(rectangles: &[Rectangle], tile: Tile) -> bool {
    let (x, y) = (tile.column as usize, tile.row as usize);
    rectangles.iter().any(|&Rectangle { column, row, width, height }| {
        x.checked_sub(column).is_some_and(|x| x < width)
            && y.checked_sub(row).is_some_and(|y| y < height)
    })
}

fn links(program: &Program, device: &Device, layers: &[Layer]) -> Vec<Link> {
    let mut known = HashMap::new();
    let mut node = |port: Port| {
        *known.entry(port.tile).or_insert_with(|| match device.tile_kind(port.tile)? {
            TileKind::Mem => Some(Node::MemoryTile([port.tile.column, port.tile.row])),
            TileKind::ShimNoc | TileKind::ShimPl => Some(Node::Port(port.tile.column)),
            TileKind::Core => {
                layers.iter().position(|l| holds(&l.rectangles, port.tile)).map(Node::Layer)
            }
        })
    };
    let mut counts: BTreeMap<(Node, Node), usize> = BTreeMap::new();
    for flow in &program.flows {
        let Some(from) = node(flow.source) else { continue };
        let mut reached: Vec<Node> = flow.destinations.iter().filter_map(|&to| node(to)).collect();
        reached.sort();
        reached.dedup();
        for to in reached {
            *counts.entry((from, to)).or_default() += 1;
        }
    }
    counts.into_iter().map(|((from, to), streams)| Link { from, to, streams }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Direction;
    use crate::array::{Buffer, Core, DmaChannel, Element};

    const MEMORY: Tile = Tile { column: 1, row: 1 };
    const WEST: Tile = Tile { column: 0, row: 2 };
    const EAST: Tile = Tile { column: 1, row: 2 };

    fn buffer(tile: Tile, bytes: usize, initial: bool) -> Buffer {
        Buffer {
            tile,
            name: String::new(),
            shape: vec![bytes],
            element: Element::I8,
            address: None,
            initial: initial.then(|| vec![0; bytes]),
            external: false,
        }
    }

    fn port(tile: Tile, bundle: Bundle) -> Port {
        Port { tile, bundle, channel: 0 }
    }

    fn program() -> Program {
        let core =
            |tile| Core { tile, stack_size: 1024, body: Vec::new(), slice: None, code: None };
        let channel = |channel| DmaChannel {
            tile: MEMORY,
            direction: Direction::Mm2s,
            channel,
            repeat_count: 0,
            bds: Vec::new(),
        };
        let memory = || port(MEMORY, Bundle::Dma);
        let flow = |source, destinations| Flow {
            source,
            destinations,
            packet: None,
            keep_packet_header: false,
        };
        Program {
            device: "npu1".into(),
            buffers: vec![
                buffer(WEST, 300, true),
                buffer(WEST, 40, false),
                buffer(EAST, 100, true),
                buffer(MEMORY, 5000, false),
                Buffer { external: true, ..buffer(WEST, 1 << 20, false) },
            ],
            dmas: vec![channel(0), channel(1)],
            flows: vec![
                // A broadcast to both tiles of a layer is one stream to the layer.
                flow(memory(), vec![port(WEST, Bundle::Dma), port(EAST, Bundle::Dma)]),
                flow(memory(), vec![port(EAST, Bundle::Dma)]),
                flow(port(Tile { column: 0, row: 0 }, Bundle::Dma), vec![memory()]),
            ],
            cores: vec![core(WEST), core(EAST)],
            ..Program::default()
        }
    }

    #[test]
    fn counts_tiles_bytes_channels_and_streams() {
        let device = Device::by_name("npu1").unwrap();
        let rectangles = vec![Rectangle { column: 0, row: 2, width: 2, height: 1 }];
        let layers = [Layer { rectangles, ..Layer::default() }];
        let found = Resources::of(&program(), &device, &layers);
        assert_eq!(found.core_tiles, Share { used: 2, available: 16 });
        assert_eq!(found.core_memory, Share { used: 440 + 2048, available: 16 << 16 });
        assert_eq!(found.memory_tiles, Share { used: 1, available: 4 });
        assert_eq!(found.memory_tile_memory, Share { used: 5000, available: 4 << 19 });
        assert_eq!(found.input_ports, Share { used: 1, available: 8 });
        assert_eq!(found.output_ports, Share { used: 0, available: 8 });
        assert_eq!(found.layers, [CoreMemory { constants: 300, activations: 40, stack: 1024 }]);
        assert_eq!(found.memory, [TileMemory { column: 1, row: 1, bytes: 5000, channels: [0, 2] }]);
        let (tile, layer) = (Node::MemoryTile([1, 1]), Node::Layer(0));
        assert_eq!(
            found.links,
            [
                Link { from: tile, to: layer, streams: 2 },
                Link { from: Node::Port(0), to: tile, streams: 1 },
            ]
        );
    }

    #[test]
    fn knows_how_many_ports_there_are() {
        let ports = |name: &str, bundle, side| ports(&Device::by_name(name).unwrap(), bundle, side);
        assert_eq!(ports("xcve2802", None, PortSide::In), 224);
        assert_eq!(ports("xcve2802", Some(Bundle::Plio), PortSide::Out), 168);
        assert_eq!(ports("npu1", None, PortSide::In), 8);
    }
}
