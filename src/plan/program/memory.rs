//! Edges through memory tiles: regions, and the descriptor chains that fill and drain them.

use super::{
    Builder, NoProgram, Result,
    descriptors::{acquire_one, dims, release_one, ring},
    edge, element, tile,
};
use crate::{
    array::{
        Bd, Buffer, BufferId, Bundle, Direction, DmaChannel, LockId, Port, Stream, StreamSlice,
        Tile,
    },
    plan::{
        hand_over,
        mapped::{End, Layer, Transfer},
        mapping::{Io, Region, Via},
        slices, transport,
    },
};
use std::collections::BTreeMap;

/// A region in its memory tile.
struct Stored {
    region: Region,
    halves: [BufferId; 2],
    free: LockId,
    full: LockId,
    /// Features per stored row.
    pitch: usize,
    /// Features per row that the producer writes and the consumer reads.
    written: usize,
    read: usize,
}

impl Stored {
    /// What an end of the array gives or takes of a stream.
    fn slice(&self, pitch: usize) -> StreamSlice {
        StreamSlice { begin: self.region.begin, end: self.region.end, pitch }
    }
}

impl Builder<'_> {
    /// Memory tiles, DMA programs and flows of a transfer.
    pub(super) fn transfer(&mut self, index: usize) -> Result<()> {
        let transfer = &self.mapped.transfers[index];
        if transfer.via != Via::MemoryTile {
            return self.hand_over(transfer);
        }
        let stored = self.store(index)?;
        self.fill(transfer, &stored)?;
        self.drain(transfer, &stored)
    }

    /// The buffers of a transfer's regions, and their locks.
    fn store(&mut self, index: usize) -> Result<Vec<Stored>> {
        let transfer = &self.mapped.transfers[index];
        let edge = edge(self.mapped, transfer);
        let bytes = edge.element_bytes;
        let element = element(transfer.element)?;
        let (name, written_rows) = match transfer.from {
            End::Boundary(input) => (format!("in{input}"), self.rows()),
            End::Layer(layer) => {
                let layer = &self.mapped.layers[layer];
                (layer.name.clone(), layer.padded_rows())
            }
        };
        let mut stored = Vec::new();
        for (r, region) in transfer.regions.iter().enumerate() {
            let at = tile(transfer.memory_tiles[region.group]);
            let slice = slices::Region {
                producer: region.producer,
                consumer: region.consumer,
                features: region.begin..region.end,
            };
            let written =
                transport::width(&edge.producer, region.producer, &slice.features, bytes, false);
            let read =
                transport::width(&edge.consumer, region.consumer, &slice.features, bytes, true);
            let pitch = transport::pitch(&edge, &slice);
            // What nobody writes must be zero: padding up to the consumer's blocks.
            let padded = written < pitch || written_rows < edge.rows;
            let initial = padded.then(|| vec![0; edge.rows * pitch * bytes]);
            let halves = [0, 1].map(|half| {
                self.buffer(Buffer {
                    tile: at,
                    name: format!("{name}_t{index}_r{r}_{half}"),
                    shape: vec![edge.rows, pitch],
                    element,
                    address: None,
                    initial: initial.clone(),
                    external: false,
                })
            });
            let free = self.lock(at, format!("{name}_t{index}_r{r}_free"), 2);
            let full = self.lock(at, format!("{name}_t{index}_r{r}_full"), 0);
            stored.push(Stored { region: *region, halves, free, full, pitch, written, read });
        }
        Ok(stored)
    }

    /// One stream from each producer.
    fn fill(&mut self, transfer: &Transfer, stored: &[Stored]) -> Result<()> {
        for (producer, mine) in by(stored, |region| region.producer) {
            let rows = self.rows();
            let pattern = |s: &Stored| match transfer.from {
                End::Boundary(_) => vec![(rows, s.pitch), (s.written, 1)],
                End::Layer(layer) => blocked(&self.mapped.layers[layer], true, s.written, s.pitch),
            };
            let patterns = mine.iter().map(|&s| pattern(s)).collect();
            let to = self.channel_of(transfer, Direction::S2mm, &mine, patterns)?;
            let from = match transfer.from {
                End::Boundary(input) => {
                    let port = port(transfer, producer, self.mapped.io)?;
                    let slices = mine.iter().map(|s| s.slice(s.written)).collect();
                    self.program.inputs[input].streams.push(Stream { port, slices });
                    port
                }
                End::Layer(layer) => {
                    let stream = hand_over::sent(self.mapped, transfer, producer, self.device)
                        .map_err(|message| NoProgram { layer: Some(layer), message })?;
                    self.send(layer, producer, stream.concat())?
                }
            };
            self.flow(from, vec![to]);
        }
        Ok(())
    }

    /// One stream to each consumer.
    fn drain(&mut self, transfer: &Transfer, stored: &[Stored]) -> Result<()> {
        for (consumer, mine) in by(stored, |region| region.consumer) {
            let rows = self.rows();
            let pattern = |s: &Stored| match transfer.to {
                End::Boundary(_) => vec![(rows, s.pitch), (s.read, 1)],
                End::Layer(layer) => blocked(&self.mapped.layers[layer], false, s.read, s.pitch),
            };
            let patterns = mine.iter().map(|&s| pattern(s)).collect();
            let source = self.channel_of(transfer, Direction::Mm2s, &mine, patterns)?;
            let destinations = match transfer.to {
                End::Boundary(output) => {
                    let port = port(transfer, consumer, self.mapped.io)?;
                    let slices = mine.iter().map(|s| s.slice(s.read)).collect();
                    self.program.outputs[output].streams.push(Stream { port, slices });
                    vec![port]
                }
                End::Layer(layer) => {
                    let regions: Vec<_> = mine.iter().map(|s| (s.region.begin, s.read)).collect();
                    let stream = self.stored_walks(layer, transfer.port, consumer, &regions)?;
                    self.receive(layer, transfer.port, consumer, &stream)?
                }
            };
            self.flow(source, destinations);
        }
        Ok(())
    }

    /// A channel of the memory tile of `regions`, which walks each by its pattern.
    fn channel_of(
        &mut self,
        transfer: &Transfer,
        direction: Direction,
        regions: &[&Stored],
        patterns: Vec<Vec<(usize, usize)>>,
    ) -> Result<Port> {
        let layer = layer_of(transfer);
        let memory = tile(transfer.memory_tiles[regions[0].region.group]);
        let channel = self.channel(memory, direction, 2 * regions.len(), layer)?;
        let mut bds = Vec::new();
        // Both halves of each region in turn.
        for half in 0..2 {
            for (stored, pattern) in regions.iter().zip(&patterns) {
                let (acquire, release) = match direction {
                    Direction::S2mm => (stored.free, stored.full),
                    Direction::Mm2s => (stored.full, stored.free),
                };
                let bytes = transfer.element.bits as usize / 8;
                bds.push(Bd {
                    buffer: stored.halves[half],
                    offset: 0,
                    len: pattern.iter().map(|(size, _)| size).product(),
                    dims: dims(pattern, bytes, memory, self.device)
                        .map_err(|message| NoProgram { layer, message })?,
                    pad: Vec::new(),
                    acquire: Some(acquire_one(acquire)),
                    release: Some(release_one(release)),
                    packet: None,
                    next: None,
                });
            }
        }
        self.program.dmas.push(DmaChannel {
            tile: memory,
            direction,
            channel,
            repeat_count: 0,
            bds: ring(bds),
        });
        Ok(Port { tile: memory, bundle: Bundle::Dma, channel })
    }
}

/// The layer that a transfer is told of in errors.
fn layer_of(transfer: &Transfer) -> Option<usize> {
    match (transfer.from, transfer.to) {
        (_, End::Layer(layer)) | (End::Layer(layer), _) => Some(layer),
        _ => None,
    }
}

/// Regions with the same end, in order of it.
fn by(stored: &[Stored], end: fn(&Region) -> usize) -> BTreeMap<usize, Vec<&Stored>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for region in stored {
        groups.entry(end(&region.region)).or_default().push(region);
    }
    groups
}

/// Row-major storage walked in a layer's order of blocks: its outputs or its inputs.
fn blocked(layer: &Layer, output: bool, width: usize, pitch: usize) -> Vec<(usize, usize)> {
    let m = layer.microtile.m;
    let block = if output { layer.microtile.n } else { layer.microtile.k };
    vec![(layer.padded_rows() / m, m * pitch), (width / block, block), (m, pitch), (block, 1)]
}

fn port(transfer: &Transfer, index: usize, io: Io) -> Result<Port> {
    let port = transfer.ports.get(index).ok_or_else(|| NoProgram {
        layer: layer_of(transfer),
        message: format!("has no port for stream {index}: run aie4ml-place first"),
    })?;
    Ok(Port {
        tile: Tile { column: port.column as u32, row: 0 },
        bundle: match io {
            Io::Plio => Bundle::Plio,
            Io::Ddr => Bundle::Dma,
        },
        channel: port.channel as u32,
    })
}
