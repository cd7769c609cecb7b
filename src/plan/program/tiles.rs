//! What the tiles of the layers send, receive and share.

use super::{
    Builder, NoProgram, Result,
    descriptors::{acquire_one, release_one, ring},
    tile,
};
use crate::{
    array::{Bd, BufferId, Bundle, Direction, DmaChannel, Flow, LockId, Port, Tile},
    plan::{
        hand_over,
        mapped::{End, Layer, Transfer},
        mapping::Via,
        retile::Walk,
    },
};

/// What the buffers of a layer's input are called.
pub(super) fn input_name(layer: &Layer, port: usize) -> String {
    if layer.ports() > 1 { format!("in{port}_") } else { "in".into() }
}

impl Builder<'_> {
    /// A stream from a port; one that is there gets more destinations.
    pub(super) fn flow(&mut self, source: Port, destinations: Vec<Port>) {
        let flows = &mut self.program.flows;
        let index = *self.flows.entry(source).or_insert_with(|| {
            flows.push(Flow {
                source,
                destinations: Vec::new(),
                packet: None,
                keep_packet_header: false,
            });
            flows.len() - 1
        });
        flows[index].destinations.extend(destinations);
    }

    /// Flows, or shared locks, of a transfer without memory tiles.
    pub(super) fn hand_over(&mut self, transfer: &Transfer) -> Result<()> {
        let (End::Layer(from), End::Layer(to)) = (transfer.from, transfer.to) else {
            return Err(NoProgram {
                layer: None,
                message: "has an edge to the outside without memory tiles".into(),
            });
        };
        if transfer.via == Via::SharedMemory {
            return self.share(transfer, from, to);
        }
        for region in &transfer.regions {
            let retiling = hand_over::retiling(self.mapped, transfer, region, self.device)
                .map_err(|message| NoProgram {
                    layer: Some(to),
                    message: format!("cannot take its input from streams: {message}"),
                })?;
            let source = self.send(from, region.producer, retiling.from)?;
            let destinations = self.receive(to, transfer.port, region.consumer, &retiling.to)?;
            self.flow(source, destinations);
        }
        Ok(())
    }

    /// Locks between two cores of which one loads what the other stores.
    fn share(&mut self, transfer: &Transfer, from: usize, to: usize) -> Result<()> {
        if !hand_over::is_shareable(self.mapped, transfer, self.device) {
            return Err(NoProgram {
                layer: Some(to),
                message: "cannot load its input from the tiles that make it: they need the same \
                          blocks, one reader each, and places side by side"
                    .into(),
            });
        }
        let (made, read) = (&self.mapped.layers[from], &self.mapped.layers[to]);
        for region in &transfer.regions {
            let at = tile(made.tile(region.producer, made.split.cascade - 1));
            for (chain, position) in read.readers(region.consumer) {
                let prefix =
                    format!("{}_{chain}_{position}_{}", read.name, input_name(read, transfer.port));
                let free = self.lock(at, format!("{prefix}_free"), 2);
                let full = self.lock(at, format!("{prefix}_full"), 0);
                for core in &mut self.buffers_of {
                    let place = (core.layer, core.chain, core.position);
                    if place == (from, region.producer, made.split.cascade - 1) {
                        core.output_locks.push((free, full, 1));
                    } else if place == (to, chain, position) {
                        core.inputs[transfer.port].locks.push((free, full, 1));
                    }
                }
            }
        }
        Ok(())
    }

    /// The halves that a core loads from its neighbor's memory.
    pub(super) fn shared_halves(
        &self,
        layer: usize,
        port: usize,
        chain: usize,
        position: usize,
    ) -> Option<[BufferId; 2]> {
        let consumer = self.mapped.layers[layer].consumer(chain, position);
        let transfer = self.mapped.transfers.iter().find(|transfer| {
            (transfer.to, transfer.port, transfer.via)
                == (End::Layer(layer), port, Via::SharedMemory)
        })?;
        let End::Layer(from) = transfer.from else { return None };
        let producer = transfer.regions.iter().find(|r| r.consumer == consumer)?.producer;
        let mut makers = self.buffers_of.iter();
        makers
            .find(|core| core.layer == from && core.chain == producer && core.output.is_some())?
            .output
    }

    /// What a memory tile's stream to a consumer fills of its input: regions
    /// by their first feature and width.
    pub(super) fn stored_walks(
        &self,
        index: usize,
        port: usize,
        consumer: usize,
        regions: &[(usize, usize)],
    ) -> Result<Vec<Walk>> {
        let layer = &self.mapped.layers[index];
        let layout = hand_over::inputs(layer, port);
        let begin = layer.inputs(port)[consumer].start;
        let bytes = layer.port(port).1.bits as usize / 8;
        let walks = regions.iter().map(|&(feature, width)| {
            hand_over::blocks(&layout, feature - begin, width, bytes, self.device)
        });
        walks
            .collect::<std::result::Result<_, _>>()
            .map_err(|message| NoProgram { layer: Some(index), message })
    }

    /// The DMA of a chain's last tile sends a stream; returns its port. What it
    /// sends already it sends once.
    pub(super) fn send(&mut self, index: usize, chain: usize, walks: Vec<Walk>) -> Result<Port> {
        let sent = self.sent.entry((index, chain)).or_default();
        if let Some((_, port)) = sent.iter().find(|(stream, _)| *stream == walks) {
            return Ok(*port);
        }
        let layer = &self.mapped.layers[index];
        let at = tile(layer.tile(chain, layer.split.cascade - 1));
        let channel = self.channel(at, Direction::Mm2s, 2 * walks.len(), Some(index))?;
        let count = walks.len() as i32;
        let free = self.lock(at, format!("{}_{chain}_out{channel}_free", layer.name), 2 * count);
        let full = self.lock(at, format!("{}_{chain}_out{channel}_full", layer.name), 0);
        let core = self
            .buffers_of
            .iter_mut()
            .filter(|core| core.layer == index && core.chain == chain)
            .find_map(|core| Some((&mut core.output_locks, core.output?)));
        let Some((locks, halves)) = core else {
            return Err(NoProgram {
                layer: Some(index),
                message: "has a chain without output".into(),
            });
        };
        locks.push((free, full, count));
        self.push_ring(at, Direction::Mm2s, channel, halves, &walks, (full, free));
        let port = Port { tile: at, bundle: Bundle::Dma, channel };
        self.sent.entry((index, chain)).or_default().push((walks, port));
        Ok(port)
    }

    /// The DMAs of a consumer's tiles receive a stream for an input; returns their ports.
    pub(super) fn receive(
        &mut self,
        index: usize,
        input: usize,
        consumer: usize,
        walks: &[Walk],
    ) -> Result<Vec<Port>> {
        let layer = &self.mapped.layers[index];
        let count = walks.len() as i32;
        let part = input_name(layer, input);
        let part = part.trim_end_matches('_');
        let mut ports = Vec::new();
        for (chain, position) in layer.readers(consumer) {
            let at = tile(layer.tile(chain, position));
            let channel = self.channel(at, Direction::S2mm, 2 * walks.len(), Some(index))?;
            let Some(core) = self.buffers_of.iter().position(|core| {
                (core.layer, core.chain, core.position) == (index, chain, position)
            }) else {
                continue;
            };
            // Several streams: each has locks of its own.
            let number = self.buffers_of[core].inputs[input].locks.len();
            let number = if number > 0 { format!("_{number}") } else { String::new() };
            let prefix = format!("{}_{chain}_{position}_{part}{number}", layer.name);
            let free = self.lock(at, format!("{prefix}_free"), 2 * count);
            let full = self.lock(at, format!("{prefix}_full"), 0);
            let mine = &mut self.buffers_of[core].inputs[input];
            mine.locks.push((free, full, count));
            let halves = mine.halves;
            self.push_ring(at, Direction::S2mm, channel, halves, walks, (free, full));
            ports.push(Port { tile: at, bundle: Bundle::Dma, channel });
        }
        Ok(ports)
    }

    /// A channel that walks both halves in turn, for ever.
    fn push_ring(
        &mut self,
        at: Tile,
        direction: Direction,
        channel: u32,
        halves: [BufferId; 2],
        walks: &[Walk],
        (acquire, release): (LockId, LockId),
    ) {
        let descriptors = halves.iter().flat_map(|&buffer| {
            walks.iter().map(move |walk| Bd {
                buffer,
                offset: walk.offset,
                len: walk.len,
                dims: walk.dims.clone(),
                pad: Vec::new(),
                acquire: Some(acquire_one(acquire)),
                release: Some(release_one(release)),
                packet: None,
                next: None,
            })
        });
        let bds = ring(descriptors.collect());
        self.program.dmas.push(DmaChannel { tile: at, direction, channel, repeat_count: 0, bds });
    }
}
