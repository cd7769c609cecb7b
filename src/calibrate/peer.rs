//! A network as AIE4ML 0.1 builds it, as far as time depends on it.
//!
//! From its sources (KastnerRG/aie4ml, branch `aba`, commit f8f0511):
//!
//! * Layers stand where [`places`](super::places) puts them (`passes/placement.py`), and the
//!   inputs of a core lie in the tile west of it (`dense_bias_relu_graph.h`).
//! * Between layers, before the first and after the last is a buffer in a memory tile for the
//!   whole tensor (`resolve_io_route`), which each chain of the layer before writes, and each
//!   column of the layer after reads, at once for all of its rows (`passes/memory_plan.py`).
//! * A port of 128 bits at 312.5 MHz, which is a word a cycle, carries the inputs of a column
//!   or the outputs of a chain (`aie_devices.json`, `app.cpp.jinja`).
//! * Latency is from the first word of the first input port to the first of the first
//!   output port (`event::io_stream_start_difference_cycles`).
//!
//! AMD's tools choose memory tiles and the columns of ports; here each buffer is where
//! its streams are shortest. A reader is taken to wait for all writers of its buffer, as
//! semaphores of several readers and writers do. The order of elements in memory is left
//! out, as time does not depend on it, and so is the second half of each buffer, which one
//! iteration does not use.

use super::{
    networks::Published,
    places::{Block, Grid, places},
};
use crate::{
    array::{
        Argument, Bd, Buffer, BufferId, Bundle, Core, Direction, DmaChannel, Element, Flow,
        Interface, Kernel, KernelId, Lock, LockAction, LockId, Port, Program, Stmt, Stream,
        StreamSlice, Tile, Type, UseLock,
    },
    device::{Device, PortSide, TileKind},
    exact::{Requant, Rounding},
    ir::Error,
    kernel::{self, Integer, Role, Stage},
};
use std::collections::BTreeSet;

/// The first column that AIE4ML uses of xcve2802 (`aie_devices.json`).
const FIRST_COLUMN: u32 = 7;

/// A DMA channel of a memory tile.
type MemoryChannel = (Tile, u32);

/// A port of 128 bits takes two of a column's (AM020).
const PORT_CHANNELS: u32 = 2;

/// Where the layers of a network are, from the first column and the lowest row of cores.
///
/// # Errors
///
/// If they do not fit the device.
pub fn blocks(published: &Published, device: &Device) -> Result<Vec<Block>, Error> {
    let columns = device.columns.saturating_sub(FIRST_COLUMN) as usize;
    let grid = Grid { columns, rows: device.core_rows().len() };
    places(&published.parts, grid).ok_or_else(|| {
        let message = format!(
            "finds no room in {} columns and {} rows of {}",
            grid.columns, grid.rows, device.name
        );
        Error::new("placement", message)
    })
}

/// The design of a network.
///
/// # Errors
///
/// If it does not fit the device.
pub fn program(published: &Published, device: &Device) -> Result<Program, Error> {
    let blocks = blocks(published, device)?;
    let mut design = Design {
        published,
        device,
        program: Program { device: device.name.into(), ..Program::default() },
        channels: BTreeSet::new(),
        ports: BTreeSet::new(),
    };
    let mut cores = Vec::new();
    for (layer, block) in blocks.iter().enumerate() {
        cores.push(design.layer(layer, block));
    }
    let count = blocks.len();
    for edge in 0..=count {
        let writers = match edge {
            0 => Side::Outside(published.parts[0].0),
            _ => Side::Cores(cores[edge - 1].outputs.clone()),
        };
        let readers = match cores.get(edge) {
            Some(layer) => Side::Columns(layer.inputs.clone()),
            None => Side::Outside(published.parts[count - 1].1),
        };
        design.buffer(edge, &writers, &readers)?;
    }
    Ok(design.program)
}

/// The streams at one side of a buffer in a memory tile.
enum Side {
    /// So many ports.
    Outside(usize),
    /// From each of these cores.
    Cores(Vec<Tile>),
    /// One to all tiles of each column.
    Columns(Vec<Vec<Tile>>),
}

impl Side {
    fn count(&self) -> usize {
        match self {
            Side::Outside(count) => *count,
            Side::Cores(tiles) => tiles.len(),
            Side::Columns(columns) => columns.len(),
        }
    }
    /// Tiles that all its streams pass to or from a memory tile, down to the shim row.
    fn hops(&self, tile: Tile) -> u32 {
        let to = |other: &Tile| tile.column.abs_diff(other.column) + tile.row.abs_diff(other.row);
        match self {
            Side::Outside(count) => tile.row * *count as u32,
            Side::Cores(tiles) => tiles.iter().map(to).sum(),
            // Streams to the rows above go on from those below.
            Side::Columns(columns) => {
                columns.iter().filter_map(|column| column.iter().map(to).max()).sum()
            }
        }
    }
}

/// Where the streams of a layer end and begin.
struct Ends {
    /// The tiles that hold the inputs of each column of cores, from the lowest row up.
    inputs: Vec<Vec<Tile>>,
    /// The last core of each chain.
    outputs: Vec<Tile>,
}

struct Design<'a> {
    published: &'a Published,
    device: &'a Device,
    program: Program,
    /// Channels of memory tiles that are taken.
    channels: BTreeSet<(Tile, bool, u32)>,
    /// Ports of columns that are taken.
    ports: BTreeSet<(u32, bool, u32)>,
}

impl Design<'_> {
    fn tile(&self, block: &Block, column: usize, row: usize) -> Tile {
        Tile {
            column: FIRST_COLUMN + (block.column + column) as u32,
            row: self.device.core_rows().start + (block.row + row) as u32,
        }
    }

    fn add_buffer(&mut self, tile: Tile, name: String, bytes: usize) -> BufferId {
        self.program.buffers.push(Buffer {
            tile,
            name,
            shape: vec![bytes],
            element: Element::I8,
            address: None,
            initial: None,
            external: false,
        });
        BufferId(self.program.buffers.len() - 1)
    }

    fn add_lock(&mut self, tile: Tile, name: String) -> LockId {
        self.program.locks.push(Lock { tile, name, id: None, initial: 0 });
        LockId(self.program.locks.len() - 1)
    }

    fn add_channel(&mut self, (tile, direction, channel): (Tile, Direction, u32), bd: Bd) {
        let bds = vec![bd];
        self.program.dmas.push(DmaChannel { tile, direction, channel, repeat_count: 0, bds });
    }

    /// The cores of a layer, their buffers and channels.
    fn layer(&mut self, layer: usize, block: &Block) -> Ends {
        let Published { rows, microtile, .. } = *self.published;
        let (k, n) = (self.published.k(layer), self.published.n(layer));
        let mut ends = Ends { inputs: vec![Vec::new(); block.width], outputs: Vec::new() };
        for row in 0..block.height {
            for column in 0..block.width {
                let tile = self.tile(block, column, row);
                let west = Tile { column: tile.column - 1, ..tile };
                let name = |what: &str| format!("{what}_{layer}_{row}_{column}");
                let role = match (column, column + 1 == block.width) {
                    (0, true) => Role::Single,
                    (0, false) => Role::First,
                    (_, false) => Role::Middle,
                    (_, true) => Role::Last,
                };
                let int8 = Integer { bits: 8, signed: true };
                let relu = Requant { min: 0, ..Requant::shift(7, Rounding::NearestEven, 8, true) };
                let stages = if role.has_output() { Stage::all(&[relu], 32) } else { Vec::new() };
                let kernel = kernel::Kernel::Dense(kernel::Dense {
                    role,
                    microtile,
                    rows,
                    k,
                    n,
                    input: int8,
                    weight: int8,
                    output: int8,
                    accumulator: 32,
                    stages,
                });
                let types = kernel.arguments().unwrap_or_default();
                let kernel = self.add_kernel(&kernel, &types);
                let input = self.add_buffer(west, name("inputs"), rows * k);
                let full = self.add_lock(west, name("inputs_full"));
                let release = Some(use_lock(full, LockAction::Release, 1));
                let bd = Bd { release, ..descriptor(input, 0, rows * k) };
                self.add_channel((west, Direction::S2mm, 0), bd);
                ends.inputs[column].push(west);
                let mut body =
                    vec![Stmt::UseLock(use_lock(full, LockAction::AcquireGreaterEqual, 1))];
                let mut arguments = vec![Argument::Buffer(input)];
                // Weights and biases are there from the begin.
                let constants = types.len() - 1 - usize::from(role.has_output());
                for (index, of) in types.iter().skip(1).take(constants).enumerate() {
                    let Type::MemRef(shape, element) = of else { continue };
                    let bytes = shape.iter().product::<usize>() * element.bytes();
                    let constant = self.add_buffer(west, name(&format!("constants{index}")), bytes);
                    self.program.buffers[constant.0].element = *element;
                    self.program.buffers[constant.0].shape = shape.clone();
                    arguments.push(Argument::Buffer(constant));
                }
                let mut done = None;
                if role.has_output() {
                    let output = self.add_buffer(tile, name("outputs"), rows * n);
                    let empty = self.add_lock(tile, name("outputs_empty"));
                    self.program.locks[empty.0].initial = 1;
                    let full = self.add_lock(tile, name("outputs_full"));
                    let acquire = Some(use_lock(full, LockAction::AcquireGreaterEqual, 1));
                    let release = Some(use_lock(empty, LockAction::Release, 1));
                    let bd = Bd { acquire, release, ..descriptor(output, 0, rows * n) };
                    self.add_channel((tile, Direction::Mm2s, 0), bd);
                    ends.outputs.push(tile);
                    body.push(Stmt::UseLock(use_lock(empty, LockAction::AcquireGreaterEqual, 1)));
                    arguments.push(Argument::Buffer(output));
                    done = Some(Stmt::UseLock(use_lock(full, LockAction::Release, 1)));
                } else {
                    let next = Tile { column: tile.column + 1, ..tile };
                    self.program.cascades.push((tile, next));
                }
                body.push(Stmt::Call { kernel, arguments, results: Vec::new() });
                body.extend(done);
                let (stack_size, slice, code) = (1024, None, None);
                self.program.cores.push(Core { tile, stack_size, body, slice, code });
            }
        }
        ends
    }

    fn add_kernel(&mut self, kernel: &kernel::Kernel, arguments: &[Type]) -> KernelId {
        let name = kernel.name();
        let kernels = &mut self.program.kernels;
        let found = kernels.iter().position(|other| other.name == name);
        KernelId(found.unwrap_or_else(|| {
            let (arguments, results) = (arguments.to_vec(), Vec::new());
            kernels.push(Kernel { name, link_with: None, cycles: None, arguments, results });
            kernels.len() - 1
        }))
    }

    /// The buffer before layer `edge`, or after the last one, with its streams.
    fn buffer(&mut self, edge: usize, writers: &Side, readers: &Side) -> Result<(), Error> {
        let Published { rows, .. } = *self.published;
        let layers = self.published.parts.len();
        // What each stream carries: from and to the outside without padding.
        let written =
            rows * if edge > 0 { self.published.n(edge - 1) } else { self.published.raw_k() };
        let read =
            rows * if edge < layers { self.published.k(edge) } else { self.published.raw_n() };
        let (tile, channels) = self.memory_tile(edge, writers, readers)?;
        let bytes = (written * writers.count()).max(read * readers.count());
        let buffer = self.add_buffer(tile, format!("between_{edge}"), bytes);
        let full = self.add_lock(tile, format!("between_{edge}_full"));
        let count = writers.count() as i32;
        for (index, &(tile, channel)) in channels[0].iter().enumerate() {
            let release = Some(use_lock(full, LockAction::Release, 1));
            let bd = Bd { release, ..descriptor(buffer, index * written, written) };
            self.add_channel((tile, Direction::S2mm, channel), bd);
            let source = match writers {
                Side::Cores(tiles) => dma(tiles[index], 0),
                _ => self.port(tile.column, PortSide::In)?,
            };
            self.add_flow(source, vec![dma(tile, channel)]);
            if let Side::Outside(_) = writers {
                self.add_stream(source, index, PortSide::In);
            }
        }
        for (index, &(tile, channel)) in channels[1].iter().enumerate() {
            // All of them wait for all writers, and leave the lock as it is.
            let acquire = Some(use_lock(full, LockAction::AcquireEqual, count));
            let bd = Bd { acquire, ..descriptor(buffer, index * read, read) };
            self.add_channel((tile, Direction::Mm2s, channel), bd);
            let destinations = match readers {
                Side::Columns(columns) => columns[index].iter().map(|&tile| dma(tile, 0)).collect(),
                _ => vec![self.port(tile.column, PortSide::Out)?],
            };
            if let Side::Outside(_) = readers {
                self.add_stream(destinations[0], index, PortSide::Out);
            }
            self.add_flow(dma(tile, channel), destinations);
        }
        Ok(())
    }

    fn add_flow(&mut self, source: Port, destinations: Vec<Port>) {
        let (packet, keep_packet_header) = (None, false);
        self.program.flows.push(Flow { source, destinations, packet, keep_packet_header });
    }

    /// The memory tile where the streams of a buffer are shortest, and the channels that they
    /// take in and out: those of the tile, and what reaches it of its neighbors'.
    fn memory_tile(
        &mut self,
        edge: usize,
        writers: &Side,
        readers: &Side,
    ) -> Result<(Tile, [Vec<MemoryChannel>; 2]), Error> {
        let device = self.device;
        let mut tiles: Vec<Tile> = (device.mem_rows())
            .flat_map(|row| (0..device.columns).map(move |column| Tile { column, row }))
            .collect();
        tiles.sort_by_key(|&tile| writers.hops(tile) + readers.hops(tile));
        let counts = [writers.count(), readers.count()];
        for tile in tiles {
            let channels = [true, false].map(|into| self.free_channels(tile, into));
            if channels.iter().zip(counts).all(|(free, count)| free.len() >= count) {
                let mut channels = channels;
                for (taken, (count, into)) in
                    channels.iter_mut().zip(counts.into_iter().zip([true, false]))
                {
                    taken.truncate(count);
                    self.channels
                        .extend(taken.iter().map(|&(tile, channel)| (tile, into, channel)));
                }
                return Ok((tile, channels));
            }
        }
        Err(Error::new(
            format_args!("the buffer before layer {edge}"),
            format_args!(
                "has {} streams in and {} out, which no memory tile has left",
                counts[0], counts[1]
            ),
        ))
    }

    fn free_channels(&self, memory: Tile, into: bool) -> Vec<MemoryChannel> {
        let device = self.device;
        let count = device.resources(TileKind::Mem).dma_channels;
        let east = Tile { column: memory.column + 1, ..memory };
        let west = Tile { column: memory.column.wrapping_sub(1), ..memory };
        [memory, east, west]
            .into_iter()
            .flat_map(|tile| (0..count).map(move |channel| (tile, channel)))
            .filter(|&(tile, channel)| device.dma_reachable(tile, channel, memory))
            .filter(|&(tile, channel)| !self.channels.contains(&(tile, into, channel)))
            .collect()
    }

    /// The port that is nearest to a column and free.
    fn port(&mut self, column: u32, side: PortSide) -> Result<Port, Error> {
        let into = side == PortSide::In;
        let mut columns: Vec<u32> = self.device.plio_columns().collect();
        columns.sort_by_key(|other| other.abs_diff(column));
        for column in columns {
            let count = self.device.plio_ports(column, side);
            for channel in (0..count).step_by(PORT_CHANNELS as usize) {
                if self.ports.insert((column, into, channel)) {
                    let tile = Tile { column, row: 0 };
                    return Ok(Port { tile, bundle: Bundle::Plio, channel });
                }
            }
        }
        Err(Error::new(self.device.name, "has no port of 128 bits left"))
    }

    /// A stream of the network's input or output: the features of a column or chain.
    fn add_stream(&mut self, port: Port, index: usize, side: PortSide) {
        let Published { rows, .. } = *self.published;
        let (interfaces, name, columns, pitch) = match side {
            PortSide::In => (
                &mut self.program.inputs,
                "input",
                self.published.shapes[0].0,
                self.published.raw_k(),
            ),
            PortSide::Out => (
                &mut self.program.outputs,
                "output",
                self.published.shapes[self.published.shapes.len() - 1].1,
                self.published.raw_n(),
            ),
        };
        if interfaces.is_empty() {
            interfaces.push(Interface {
                name: name.into(),
                rows,
                columns,
                batch: rows,
                element: Element::I8,
                signed: true,
                scale: 1.0,
                zero_point: 0,
                range: (-128, 127),
                streams: Vec::new(),
                memory: None,
            });
        }
        let [begin, end] = [index, index + 1].map(|index| (index * pitch).min(columns));
        let slices = vec![StreamSlice { begin, end, pitch }];
        interfaces[0].streams.push(Stream { port, slices });
    }
}

fn use_lock(lock: LockId, action: LockAction, value: i32) -> UseLock {
    UseLock { lock, action, value }
}

fn descriptor(buffer: BufferId, offset: usize, len: usize) -> Bd {
    let (dims, pad) = (Vec::new(), Vec::new());
    Bd { buffer, offset, len, dims, pad, acquire: None, release: None, packet: None, next: None }
}

fn dma(tile: Tile, channel: u32) -> Port {
    Port { tile, bundle: Bundle::Dma, channel }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::networks::{self, PUBLISHED};

    fn one(splits: &str, shapes: &str) -> Published {
        let table = format!(
            "model_name,batch,layer_shapes,layer_parallelism,latency_cycles\nx,8,{shapes},{splits},1\n"
        );
        networks::read(&table).unwrap().remove(0).unwrap()
    }

    fn cycles(splits: &str, shapes: &str) -> u64 {
        let device = Device::by_name("xcve2802").unwrap();
        let program = program(&one(splits, shapes), &device).unwrap();
        networks::simulate(&program, None).unwrap()
    }

    /// The table says which columns and rows of cores each design has in all.
    #[test]
    fn layers_are_where_they_were() {
        let device = Device::by_name("xcve2802").unwrap();
        let header: Vec<&str> = PUBLISHED.lines().next().unwrap().split(',').collect();
        for (line, published) in PUBLISHED.lines().skip(1).zip(networks::read(PUBLISHED).unwrap()) {
            let cells: Vec<&str> = line.split(',').collect();
            let cell = |name: &str| -> usize {
                let index = header.iter().position(|other| *other == name).unwrap();
                cells[index].parse().unwrap()
            };
            let published = published.unwrap();
            let blocks = blocks(&published, &device).unwrap();
            let first = FIRST_COLUMN as usize;
            let last_column = blocks.iter().map(|block| block.column + block.width).max().unwrap();
            let last_row = blocks.iter().map(|block| block.row + block.height).max().unwrap();
            assert_eq!(cell("min_active_col"), first, "{line}");
            assert_eq!(cell("max_active_col"), first + last_column - 1, "{line}");
            assert_eq!(cell("max_active_row"), last_row - 1, "{line}");
            assert_eq!(cell("active_core_count"), published.tiles, "{line}");
        }
    }

    /// A tile more in a cascade passes on sums after its own products: two steps of four, six
    /// cycles through the core and four to the next.
    #[test]
    fn tiles_of_a_cascade_go_one_after_the_other() {
        // With the memory tile below the second column in both.
        let [three, four] =
            [("3x1", "48x16"), ("4x1", "64x16")].map(|(splits, shapes)| cycles(splits, shapes));
        assert_eq!(four - three, 18);
    }

    /// Twice the inputs: as many words more into the memory tile, and again into the core, and
    /// products of as many steps.
    #[test]
    fn words_pass_each_buffer_as_a_whole() {
        assert_eq!(cycles("1x1", "64x16") - cycles("1x1", "32x16"), 2 * 64 + 16);
    }

    #[test]
    fn says_what_does_not_fit() {
        let device = Device::by_name("xcve2802").unwrap();
        let error = program(&one("32x1", "512x16"), &device).unwrap_err().to_string();
        assert_eq!(error, "placement: finds no room in 31 columns and 8 rows of xcve2802");
    }
}
