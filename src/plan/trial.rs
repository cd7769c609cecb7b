//! What becomes of a plan: places, ways, and the times that the simulator finds.
//!
//! A trial takes the way of the passes behind `aie4ml-parallelize`, on plain data and without weights,
//! and comes to the same program but for what its buffers hold at the start.

use super::{
    arrange::{self, NoWay, WEIGHTS},
    cost,
    hand_over::{self, Transport},
    mapped::{Mapped, Operation},
    mapping::{Packing, Split, Via},
    memory::{self, Use},
    memtile,
    network::Network,
    parallelize::Plan,
    place::{self, Block, Budget, Method, Placement, Position},
    ports, program,
    route::{self, Router},
};
use crate::{
    array::Program,
    device::Device,
    sim::{self, Measures, Until},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Partial placements to expand: enough where there is room. Where there is none, other plans take
/// the place of this one.
const NODES: u64 = 3_000;

/// Streams for which the router has all its time.
const FEW: u64 = 16;

/// What all trials of a network have in common.
pub struct Trials<'a> {
    /// The network, with any splits, and of transfers and places what is fixed.
    pub unsplit: &'a Mapped,
    pub network: &'a Network,
    pub device: &'a Device,
    pub transport: Transport,
    /// What carries each transfer, where that is fixed.
    pub vias: &'a [Option<Via>],
    /// Stack of a core, in bytes.
    pub stack: usize,
    /// How long the simulator runs.
    pub until: Until,
    router: Router,
    packed: Mutex<HashMap<Packed, Packing>>,
}

/// What addresses depend on.
type Packed = (cost::BufferBytes, usize, usize, usize);

/// A plan that was placed and simulated.
pub struct Trial {
    /// With places, memory tiles and ports.
    pub mapped: Mapped,
    pub placement: Placement,
    /// Without weights.
    pub program: Program,
    pub times: Measures,
}

/// What a trial does otherwise than it would by itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// Transfers, by index, that go through memory tiles.
    pub stored: Vec<usize>,
    /// Wires of each column that memory tiles leave to other streams.
    pub wires: u32,
}

impl<'a> Trials<'a> {
    pub fn new(
        unsplit: &'a Mapped,
        network: &'a Network,
        device: &'a Device,
        transport: Transport,
        vias: &'a [Option<Via>],
        stack: usize,
        until: Until,
    ) -> Trials<'a> {
        let (router, packed) = (Router::new(device), Mutex::default());
        Trials { unsplit, network, device, transport, vias, stack, until, router, packed }
    }

    /// Places and simulates a plan. Whether its streams find ways is asked later, as that takes long.
    ///
    /// # Errors
    ///
    /// If something has no room, or nothing comes out.
    pub fn run(&self, plan: &Plan, change: &Change) -> Result<Trial, NoWay> {
        let device = self.device;
        let mut mapped = self.split(plan)?;
        let mut vias = self.vias.to_vec();
        vias.resize(mapped.transfers.len(), None);
        for &index in &change.stored {
            vias[index] = Some(Via::MemoryTile);
        }
        let fail = |message: String| NoWay { layer: None, message, congested: None };
        hand_over::plan(&mut mapped, self.transport, &vias, device)
            .map_err(|refusal| fail(refusal.message))?;
        if !self.packs(&mapped, plan) {
            return Err(fail(format!("has rectangles that do not fit {}", device.name)));
        }
        let budget = Budget::from(NODES);
        let method = Method::BranchAndBound;
        let placement = arrange::layers(&mut mapped, device, WEIGHTS, method, &budget)?;
        arrange::connect(&mut mapped, device, memtile::NODES, change.wires)?;
        let mut program = program::lower(&mapped, device).map_err(|refusal| NoWay {
            layer: refusal.layer,
            message: refusal.message,
            congested: None,
        })?;
        program.buffers.iter_mut().for_each(|buffer| buffer.initial = None);
        let times = sim::measure(&program, plan.iterations, self.until)
            .map_err(|failure| fail(failure.to_string()))?;
        Ok(Trial { mapped, placement, program, times })
    }

    /// Whether the streams of a trial find ways.
    ///
    /// # Errors
    ///
    /// If not.
    pub fn route(&self, trial: &Trial) -> Result<(), NoWay> {
        let flows = &trial.program.flows;
        // Of many streams, those that find ways at all find them soon.
        let steps = route::STEPS * FEW / (flows.len() as u64).max(FEW);
        let steps = steps.max(route::STEPS / FEW);
        arrange::route(&trial.mapped, flows, &self.router, steps).map(|_| ())
    }

    /// Whether the rectangles of the layers fit side by side, which is sooner known than where.
    fn packs(&self, mapped: &Mapped, plan: &Plan) -> bool {
        let first = self.device.core_rows().start;
        let blocks = plan.splits.iter().zip(&mapped.layers).flat_map(|(split, layer)| {
            split.rectangles(self.device).into_iter().enumerate().map(move |(index, size)| {
                let fixed = layer.places.get(index).and_then(|place| {
                    let row = (place.row as u32).checked_sub(first)?;
                    Some(Position { column: place.column as u32, row })
                });
                Block { fixed, ..Block::new(size.0 as u32, size.1 as u32) }
            })
        });
        place::packs(blocks.collect(), self.device)
    }

    /// The network with the splits of a plan.
    fn split(&self, plan: &Plan) -> Result<Mapped, NoWay> {
        let device = self.device;
        let mut mapped = self.unsplit.clone();
        let layers = mapped.layers.iter_mut().zip(&plan.splits).zip(&self.network.layers);
        for (index, ((layer, split), planned)) in layers.enumerate() {
            let tile = split.microtile;
            layer.microtile = tile;
            layer.split = Split {
                cascade: split.cascade,
                chains: split.chains,
                k: split.blocks.k(tile),
                n: split.blocks.n(tile),
                rows: split.rows,
            };
            if let Operation::Dense { weight, accumulator, .. } = &mut layer.operation {
                let mut shapes = device.mmul_shapes(layer.input.bits, weight.bits);
                let shape = shapes.find(|shape| {
                    [shape.m, shape.k, shape.n].map(|x| x as usize) == [tile.m, tile.k, tile.n]
                });
                *accumulator = shape.map_or(*accumulator, |shape| shape.accumulator_bits);
            }
            let blocks = cost::Blocks::new(split.rows, layer.split.k, layer.split.n, tile);
            let bytes = cost::buffer_bytes(planned, tile, blocks);
            let stack = self.stack + cost::scratch(planned, tile, blocks);
            let inputs = planned.inputs();
            layer.packing = self
                .pack((bytes, split.cascade.min(2), inputs, stack))
                .map_err(|message| NoWay { layer: Some(index), message, congested: None })?;
        }
        mapped.sharing = ports::shared(&mapped, device);
        Ok(mapped)
    }

    /// Addresses of a layer's buffers.
    fn pack(&self, key: Packed) -> Result<Packing, String> {
        let known = |packed: &HashMap<Packed, Packing>| packed.get(&key).cloned();
        if let Some(packing) = known(&self.packed.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(packing);
        }
        let (bytes, cascade, inputs, stack) = key;
        let map = memory::allocate_layer(bytes, cascade, inputs, stack, self.device)
            .map_err(|error| error.summary())?;
        let packing = Packing::new(&map, inputs, stack);
        let mut packed = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        packed.insert(key, packing.clone());
        Ok(packing)
    }
}

impl Packing {
    /// The addresses of a layer's memory map with so many inputs.
    pub fn new(map: &memory::MemoryMap, inputs: usize, stack: usize) -> Packing {
        let address = |used_for| map.address(used_for).unwrap_or(0);
        Packing {
            stack,
            weights: address(Use::Weights),
            bias: address(Use::Bias),
            input: (0..inputs)
                .flat_map(|port| [0, 1].map(|half| Use::Input { port, half }))
                .map(address)
                .collect(),
            output: [0, 1].map(|half| address(Use::Output { half })).to_vec(),
        }
    }
}
