//! Writes an array program as an `aie.device`.

use super::{
    ACQUIRE_EQUAL, ACQUIRE_GREATER_EQUAL, CORE, DEVICE, DEVICES, Dims, INPUTS, MM2S, OUTPUTS, Pads,
    RELEASE, S2MM, SLICE, element_type, interface, memref, mlir_type, sequence,
};
use crate::{
    array::{
        Argument, Buffer, Core, Direction, DmaChannel, Element, Flow, Kernel, Lock, LockAction,
        Port, Program, Reg, Stmt, Tile, Type, UseLock,
    },
    device::{Device, TileKind},
    mlir::fields::Fields,
};
use melior::{
    Context,
    ir::{
        Attribute, Block, BlockLike, Identifier, Location, Operation, Region, RegionLike,
        Type as MlirType, Value,
        attribute::{
            BoolAttribute, DenseElementsAttribute, FlatSymbolRefAttribute, FloatAttribute,
            IntegerAttribute, StringAttribute, TypeAttribute,
        },
        operation::{OperationBuilder, OperationLike},
        r#type::{FunctionType, IntegerType, RankedTensorType},
    },
};
use std::collections::{BTreeMap, HashMap};

/// Writes `program` as an `aie.device` op.
///
/// # Panics
///
/// If an index of `program` points nowhere, or it names an unknown device.
pub fn build<'c>(context: &'c Context, location: Location<'c>, program: &Program) -> Operation<'c> {
    build_located(context, location, program, |_| location)
}

/// As [`build()`], with a location for each core and all that is in it.
///
/// # Panics
///
/// As [`build()`].
pub fn build_located<'c>(
    context: &'c Context,
    location: Location<'c>,
    program: &Program,
    core_location: impl Fn(&Core) -> Location<'c>,
) -> Operation<'c> {
    let body = Block::new(&[]);
    let mut builder = Builder {
        context,
        program,
        device: Device::by_name(&program.device),
        tiles: BTreeMap::new(),
        buffers: Vec::new(),
        locks: Vec::new(),
    };
    for kernel in &program.kernels {
        body.append_operation(builder.kernel(location, kernel));
    }
    for tile in builder.tiles_used() {
        let op = body.append_operation(builder.tile(location, tile));
        builder.tiles.insert(tile, result(op));
    }
    // The arguments of runtime sequences are declared there, after all others.
    let arguments =
        program.sequences.iter().map(|sequence| sequence.arguments.len()).sum::<usize>();
    for buffer in &program.buffers[..program.buffers.len() - arguments] {
        let op = body.append_operation(builder.buffer(location, buffer));
        builder.buffers.push(result(op));
    }
    for lock in &program.locks {
        let op = body.append_operation(builder.lock(location, lock));
        builder.locks.push(result(op));
    }
    for flow in &program.flows {
        for op in builder.flow(location, flow) {
            body.append_operation(op);
        }
    }
    for (source, destination) in &program.cascades {
        let tiles = [builder.tiles[source], builder.tiles[destination]];
        body.append_operation(
            op(location, "aie.cascade_flow").add_operands(&tiles).build().expect(BUILDS),
        );
    }
    for (tile, channels) in by_tile(&program.dmas) {
        body.append_operation(builder.dma(location, tile, &channels));
    }
    for core in &program.cores {
        body.append_operation(builder.core(core_location(core), core));
    }
    for allocation in &program.allocations {
        let tile = builder.tiles[&allocation.tile];
        body.append_operation(sequence::build_allocation(context, location, allocation, tile));
    }
    for sequence in &program.sequences {
        body.append_operation(sequence::build(context, location, program, sequence));
    }
    body.append_operation(end(location));

    let number = DEVICES.iter().position(|name| *name == program.device);
    let number = number.unwrap_or_else(|| panic!("there is no device '{}'", program.device)) + 1;
    let mut attributes = vec![builder.named("device", builder.i32(number as i64))];
    for (name, interfaces) in [(INPUTS, &program.inputs), (OUTPUTS, &program.outputs)] {
        if !interfaces.is_empty() {
            attributes
                .push(builder.named(name, interface::write(context, interfaces, &program.buffers)));
        }
    }
    op(location, DEVICE)
        .add_attributes(&attributes)
        .add_regions([region(vec![body])])
        .build()
        .expect(BUILDS)
}

const BUILDS: &str = "an op with explicit result types is built";

fn op<'c>(location: Location<'c>, name: &str) -> OperationBuilder<'c> {
    OperationBuilder::new(name, location)
}

fn end(location: Location) -> Operation {
    op(location, "aie.end").build().expect(BUILDS)
}

fn region<'c>(blocks: Vec<Block<'c>>) -> Region<'c> {
    let region = Region::new();
    for block in blocks {
        region.append_block(block);
    }
    region
}

fn result<'c: 'a, 'a>(op: impl OperationLike<'c, 'a>) -> Value<'c, 'a> {
    op.result(0).expect("the op was built with one result").into()
}

/// Channels of each tile, in the order in which tiles first appear.
fn by_tile(dmas: &[DmaChannel]) -> Vec<(Tile, Vec<&DmaChannel>)> {
    let mut tiles: Vec<(Tile, Vec<&DmaChannel>)> = Vec::new();
    let mut places = HashMap::new();
    for channel in dmas {
        let place = *places.entry(channel.tile).or_insert(tiles.len());
        if place == tiles.len() {
            tiles.push((channel.tile, Vec::new()));
        }
        tiles[place].1.push(channel);
    }
    tiles
}

struct Builder<'c, 'p> {
    context: &'c Context,
    program: &'p Program,
    device: Option<Device>,
    tiles: BTreeMap<Tile, Value<'c, 'c>>,
    buffers: Vec<Value<'c, 'c>>,
    locks: Vec<Value<'c, 'c>>,
}

type Named<'c> = (Identifier<'c>, Attribute<'c>);

impl<'c> Builder<'c, '_> {
    fn named(&self, name: &str, value: Attribute<'c>) -> Named<'c> {
        (Identifier::new(self.context, name), value)
    }
    fn integer(&self, width: u32, value: i64) -> Attribute<'c> {
        IntegerAttribute::new(IntegerType::new(self.context, width).into(), value).into()
    }
    fn i32(&self, value: i64) -> Attribute<'c> {
        self.integer(32, value)
    }
    fn index(&self) -> MlirType<'c> {
        MlirType::index(self.context)
    }
    /// The symbol name of an op, if it has one.
    fn name(&self, name: &str) -> Option<Named<'c>> {
        (!name.is_empty())
            .then(|| self.named("sym_name", StringAttribute::new(self.context, name).into()))
    }

    /// Every tile that the program mentions, in order of column and row.
    fn tiles_used(&self) -> Vec<Tile> {
        let program = self.program;
        let buffers =
            program.buffers.iter().filter(|buffer| !buffer.external).map(|buffer| buffer.tile);
        let ports = program
            .flows
            .iter()
            .flat_map(|flow| std::iter::once(&flow.source).chain(&flow.destinations));
        let mut tiles: Vec<Tile> = buffers
            .chain(program.locks.iter().map(|lock| lock.tile))
            .chain(program.dmas.iter().map(|channel| channel.tile))
            .chain(ports.map(|port| port.tile))
            .chain(program.cascades.iter().flat_map(|&(source, destination)| [source, destination]))
            .chain(program.cores.iter().map(|core| core.tile))
            .chain(program.allocations.iter().map(|allocation| allocation.tile))
            .collect();
        tiles.sort();
        tiles.dedup();
        tiles
    }

    fn tile(&self, location: Location<'c>, tile: Tile) -> Operation<'c> {
        let mut attributes = vec![
            self.named("col", self.i32(tile.column.into())),
            self.named("row", self.i32(tile.row.into())),
        ];
        // mlir-aie's default allocator works bank by bank: it refuses given
        // addresses that do not ascend and buffers that span banks. The other
        // one leaves them alone.
        let mut buffers =
            self.program.buffers.iter().filter(|b| !b.external && b.tile == tile).peekable();
        if buffers.peek().is_some() && buffers.all(|buffer| buffer.address.is_some()) {
            let scheme = StringAttribute::new(self.context, "basic-sequential");
            attributes.push(self.named("allocation_scheme", scheme.into()));
        }
        op(location, "aie.tile")
            .add_attributes(&attributes)
            .add_results(&[self.index()])
            .build()
            .expect(BUILDS)
    }

    fn kernel(&self, location: Location<'c>, kernel: &Kernel) -> Operation<'c> {
        let types =
            |types: &[Type]| types.iter().map(|t| mlir_type(self.context, t)).collect::<Vec<_>>();
        let signature =
            FunctionType::new(self.context, &types(&kernel.arguments), &types(&kernel.results));
        let mut attributes = vec![
            self.named("sym_name", StringAttribute::new(self.context, &kernel.name).into()),
            self.named("sym_visibility", StringAttribute::new(self.context, "private").into()),
            self.named("function_type", TypeAttribute::new(signature.into()).into()),
        ];
        if let Some(object) = &kernel.link_with {
            attributes
                .push(self.named("link_with", StringAttribute::new(self.context, object).into()));
        }
        if let Some(cycles) = kernel.cycles {
            attributes.push(self.named(super::CYCLES, self.integer(64, cycles as i64)));
        }
        op(location, "func.func")
            .add_attributes(&attributes)
            .add_regions([Region::new()])
            .build()
            .expect(BUILDS)
    }

    fn buffer(&self, location: Location<'c>, buffer: &Buffer) -> Operation<'c> {
        let name = if buffer.external { "aie.external_buffer" } else { "aie.buffer" };
        let mut attributes: Vec<_> = self.name(&buffer.name).into_iter().collect();
        if let Some(address) = buffer.address {
            let width = if buffer.external { 64 } else { 32 };
            attributes.push(self.named("address", self.integer(width, address.into())));
        }
        if let Some(bytes) = &buffer.initial {
            let shape: Vec<u64> = buffer.shape.iter().map(|&extent| extent as u64).collect();
            let tensor =
                RankedTensorType::new(&shape, element_type(self.context, buffer.element), None);
            assert_eq!(bytes.len(), buffer.bytes(), "initial contents fill a buffer");
            let value = DenseElementsAttribute::raw_buffer(tensor.into(), bytes);
            attributes.push(self.named("initial_value", value.into()));
        }
        let tile: &[Value] = if buffer.external { &[] } else { &[self.tiles[&buffer.tile]] };
        op(location, name)
            .add_operands(tile)
            .add_attributes(&attributes)
            .add_results(&[memref(self.context, &buffer.shape, buffer.element)])
            .build()
            .expect(BUILDS)
    }

    fn lock(&self, location: Location<'c>, lock: &Lock) -> Operation<'c> {
        let mut attributes = vec![self.named("init", self.i32(lock.initial.into()))];
        attributes.extend(self.name(&lock.name));
        attributes.extend(lock.id.map(|id| self.named("lockID", self.i32(id.into()))));
        op(location, "aie.lock")
            .add_operands(&[self.tiles[&lock.tile]])
            .add_attributes(&attributes)
            .add_results(&[self.index()])
            .build()
            .expect(BUILDS)
    }

    fn flow(&self, location: Location<'c>, flow: &Flow) -> Vec<Operation<'c>> {
        let bundle = |name, port: &Port| self.named(name, self.i32(port.bundle as i64));
        let channel = |name, port: &Port| self.named(name, self.i32(port.channel.into()));
        if let Some(id) = flow.packet {
            let block = Block::new(&[]);
            let ends = std::iter::once(("aie.packet_source", &flow.source))
                .chain(flow.destinations.iter().map(|port| ("aie.packet_dest", port)));
            for (name, port) in ends {
                block.append_operation(
                    op(location, name)
                        .add_operands(&[self.tiles[&port.tile]])
                        .add_attributes(&[bundle("bundle", port), channel("channel", port)])
                        .build()
                        .expect(BUILDS),
                );
            }
            block.append_operation(end(location));
            let mut attributes = vec![self.named("ID", self.integer(8, id.into()))];
            if flow.keep_packet_header {
                attributes.push(
                    self.named("keep_pkt_header", BoolAttribute::new(self.context, true).into()),
                );
            }
            let packets = op(location, "aie.packet_flow")
                .add_attributes(&attributes)
                .add_regions([region(vec![block])]);
            return vec![packets.build().expect(BUILDS)];
        }
        let to = |destination: &Port| {
            op(location, "aie.flow")
                .add_operands(&[self.tiles[&flow.source.tile], self.tiles[&destination.tile]])
                .add_attributes(&[
                    bundle("source_bundle", &flow.source),
                    channel("source_channel", &flow.source),
                    bundle("dest_bundle", destination),
                    channel("dest_channel", destination),
                ])
                .build()
                .expect(BUILDS)
        };
        flow.destinations.iter().map(to).collect()
    }

    /// One region with all channels of a tile: the block that starts a channel,
    /// the channel's buffer descriptors, the block that starts the next one.
    fn dma(&self, location: Location<'c>, tile: Tile, channels: &[&DmaChannel]) -> Operation<'c> {
        let count: usize = channels.iter().map(|channel| 1 + channel.bds.len()).sum();
        let blocks: Vec<Block> = (0..=count).map(|_| Block::new(&[])).collect();
        let last = &blocks[count];
        let mut next = 0;
        for channel in channels {
            let start = &blocks[next];
            let bds = &blocks[next + 1..][..channel.bds.len()];
            next += 1 + channel.bds.len();
            self.start(location, channel, start, bds.first().unwrap_or(last), &blocks[next]);
            for (bd, block) in channel.bds.iter().zip(bds) {
                if let Some(acquire) = bd.acquire {
                    block.append_operation(self.use_lock(location, acquire));
                }
                let mut attributes = vec![
                    self.named("offset", self.i32(bd.offset as i64)),
                    self.named("len", self.i32(bd.len as i64)),
                ];
                if !bd.dims.is_empty() {
                    attributes.push(
                        self.named("dimensions", Dims(bd.dims.clone()).attribute(self.context)),
                    );
                }
                if !bd.pad.is_empty() {
                    attributes.push(
                        self.named("pad_dimensions", Pads(bd.pad.clone()).attribute(self.context)),
                    );
                }
                if let Some(packet) = bd.packet {
                    attributes.push(self.named("packet", packet.attribute(self.context)));
                }
                block.append_operation(
                    op(location, "aie.dma_bd")
                        .add_operands(&[self.buffers[bd.buffer.0]])
                        .add_attributes(&attributes)
                        .build()
                        .expect(BUILDS),
                );
                if let Some(release) = bd.release {
                    block.append_operation(self.use_lock(location, release));
                }
                let to = bd.next.map_or(last, |next| &bds[next]);
                block.append_operation(
                    op(location, "aie.next_bd").add_successors(&[to]).build().expect(BUILDS),
                );
            }
        }
        last.append_operation(end(location));
        let name = match self.device.as_ref().and_then(|device| device.tile_kind(tile)) {
            Some(TileKind::Mem) => "aie.memtile_dma",
            Some(TileKind::ShimNoc | TileKind::ShimPl) => "aie.shim_dma",
            _ => "aie.mem",
        };
        op(location, name)
            .add_operands(&[self.tiles[&tile]])
            .add_results(&[self.index()])
            .add_regions([region(blocks)])
            .build()
            .expect(BUILDS)
    }

    fn start(
        &self,
        location: Location<'c>,
        channel: &DmaChannel,
        block: &Block<'c>,
        to: &Block<'c>,
        next: &Block<'c>,
    ) {
        let direction = match channel.direction {
            Direction::S2mm => S2MM,
            Direction::Mm2s => MM2S,
        };
        block.append_operation(
            op(location, "aie.dma_start")
                .add_attributes(&[
                    self.named("channel_dir", self.i32(direction)),
                    self.named("channel_index", self.i32(channel.channel.into())),
                    self.named("repeat_count", self.i32(channel.repeat_count.into())),
                ])
                .add_results(&[IntegerType::new(self.context, 1).into()])
                .add_successors(&[to, next])
                .build()
                .expect(BUILDS),
        );
    }

    fn use_lock(&self, location: Location<'c>, lock: UseLock) -> Operation<'c> {
        let action = match lock.action {
            LockAction::AcquireEqual => ACQUIRE_EQUAL,
            LockAction::Release => RELEASE,
            LockAction::AcquireGreaterEqual => ACQUIRE_GREATER_EQUAL,
        };
        op(location, "aie.use_lock")
            .add_operands(&[self.locks[lock.lock.0]])
            .add_attributes(&[
                self.named("action", self.i32(action)),
                self.named("value", self.i32(lock.value.into())),
            ])
            .build()
            .expect(BUILDS)
    }

    fn core(&self, location: Location<'c>, core: &Core) -> Operation<'c> {
        let block = Block::new(&[]);
        let mut body =
            Body { builder: self, location, constants: Vec::new(), regs: HashMap::new() };
        body.constants(&block, &core.body);
        body.statements(&block, &core.body);
        block.append_operation(end(location));
        let mut attributes = vec![self.named("stack_size", self.i32(core.stack_size.into()))];
        if let Some(slice) = &core.slice {
            attributes.push(self.named(SLICE, interface::write_slice(self.context, slice)));
        }
        op(location, CORE)
            .add_operands(&[self.tiles[&core.tile]])
            .add_attributes(&attributes)
            .add_results(&[self.index()])
            .add_regions([region(vec![block])])
            .build()
            .expect(BUILDS)
    }
}

/// What the statements of one core refer to.
struct Body<'c, 'b, 'p> {
    builder: &'b Builder<'c, 'p>,
    location: Location<'c>,
    constants: Vec<(i64, Type, Value<'c, 'c>)>,
    regs: HashMap<Reg, Value<'c, 'c>>,
}

impl<'c> Body<'c, '_, '_> {
    /// Defines every constant that `body` uses, once, at the top of the core.
    fn constants(&mut self, block: &Block<'c>, body: &[Stmt]) {
        for statement in body {
            match statement {
                Stmt::UseLock(_) => {}
                Stmt::Call { kernel, arguments, .. } => {
                    let types = &self.builder.program.kernels[kernel.0].arguments;
                    for (argument, r#type) in arguments.iter().zip(types) {
                        self.constant(block, argument, r#type);
                    }
                }
                Stmt::For { lower, upper, step, body, .. } => {
                    for bound in [lower, upper, step] {
                        self.constant(block, bound, &Type::Index);
                    }
                    self.constants(block, body);
                }
            }
        }
    }

    fn constant(&mut self, block: &Block<'c>, argument: &Argument, r#type: &Type) {
        let &Argument::Constant(value) = argument else { return };
        if self.constants.iter().any(|(known, t, _)| *known == value && t == r#type) {
            return;
        }
        let context = self.builder.context;
        let result_type = mlir_type(context, r#type);
        let attribute: Attribute = match r#type {
            Type::Scalar(Element::Bf16 | Element::F32) => {
                FloatAttribute::new(context, result_type, value as f64).into()
            }
            _ => IntegerAttribute::new(result_type, value).into(),
        };
        let constant = op(self.location, "arith.constant")
            .add_attributes(&[self.builder.named("value", attribute)])
            .add_results(&[result_type])
            .build()
            .expect(BUILDS);
        self.constants.push((value, r#type.clone(), result(block.append_operation(constant))));
    }

    fn value(&self, argument: &Argument, r#type: &Type) -> Value<'c, 'c> {
        match argument {
            Argument::Buffer(buffer) => self.builder.buffers[buffer.0],
            Argument::Reg(reg) => self.regs[reg],
            Argument::Constant(value) => {
                let same = |(known, t, _): &&(i64, Type, Value)| known == value && t == r#type;
                self.constants.iter().find(same).expect("every constant was defined").2
            }
        }
    }

    fn statements(&mut self, block: &Block<'c>, body: &[Stmt]) {
        let (context, location) = (self.builder.context, self.location);
        for statement in body {
            match statement {
                Stmt::UseLock(lock) => {
                    block.append_operation(self.builder.use_lock(location, *lock));
                }
                Stmt::Call { kernel, arguments, results } => {
                    let kernel = &self.builder.program.kernels[kernel.0];
                    let values: Vec<_> = arguments
                        .iter()
                        .zip(&kernel.arguments)
                        .map(|(a, t)| self.value(a, t))
                        .collect();
                    let types: Vec<_> =
                        kernel.results.iter().map(|t| mlir_type(context, t)).collect();
                    let callee = FlatSymbolRefAttribute::new(context, &kernel.name);
                    let call = op(location, "func.call")
                        .add_operands(&values)
                        .add_attributes(&[self.builder.named("callee", callee.into())])
                        .add_results(&types)
                        .build()
                        .expect(BUILDS);
                    let call = block.append_operation(call);
                    for (reg, value) in results.iter().zip(call.results()) {
                        self.regs.insert(*reg, value.into());
                    }
                }
                Stmt::For { variable, lower, upper, step, body } => {
                    let bounds = [lower, upper, step].map(|bound| self.value(bound, &Type::Index));
                    let inner = Block::new(&[(self.builder.index(), location)]);
                    let induction = inner.argument(0).expect("the block has one argument").into();
                    self.regs.insert(*variable, induction);
                    self.statements(&inner, body);
                    inner.append_operation(op(location, "scf.yield").build().expect(BUILDS));
                    block.append_operation(
                        op(location, "scf.for")
                            .add_operands(&bounds)
                            .add_regions([region(vec![inner])])
                            .build()
                            .expect(BUILDS),
                    );
                }
            }
        }
    }
}
