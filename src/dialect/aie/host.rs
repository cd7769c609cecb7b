//! Reads an `aie.runtime_sequence`: what the host starts, waits for and writes.

mod addresses;
pub(super) mod registers;

use super::{
    flag, integer, memref_of, op_name,
    read::{Reader, Thing, declaration, direction, natural, natural_or},
    sequence::{LISTS, PADS, argument_name},
    string,
};
use crate::{
    array::{
        Allocation, Buffer, BufferId, Lock, LockId, Memcpy, Packet, Part, Sequence, Step, Task,
        TaskChannel, Tile, Write,
    },
    device::{
        Device,
        registers::{QueuedTask, Register, place_of, register_at},
    },
    mlir::{
        constant,
        diagnostic::{Result, fail},
        fields::Fields,
        rewrite,
    },
};
use melior::ir::{
    Attribute, BlockLike, OperationRef, RegionLike, ValueLike,
    attribute::{DenseI64ArrayAttribute, FlatSymbolRefAttribute},
    operation::OperationLike,
};

/// Reads `op`, whose arguments become external buffers of the program.
///
/// # Errors
///
/// At the first op that is not one of the host's that are simulated.
pub(super) fn read<'c>(reader: &mut Reader, op: OperationRef<'c, '_>) -> Result<'c> {
    let name = string(op, "sym_name").unwrap_or_default().to_string();
    let mut sequence = Sequence { name, arguments: Vec::new(), steps: Vec::new() };
    reader.addresses = addresses::allocate(&reader.program);
    if let Some(body) = rewrite::body(op) {
        for index in 0..body.argument_count() {
            let Ok(argument) = body.argument(index) else { continue };
            let (shape, element) = memref_of(argument.r#type()).ok_or_else(|| {
                fail(
                    &op,
                    format_args!("needs a static, contiguous memref of i8, i16, i32, i64, bf16 or f32 as argument {index}"),
                )
            })?;
            let id = BufferId(reader.program.buffers.len());
            reader.program.buffers.push(Buffer {
                tile: Tile { column: 0, row: 0 },
                name: argument_name(index),
                shape,
                element,
                address: None,
                initial: None,
                external: true,
            });
            reader.define_value(argument.into(), Thing::Buffer(id));
            sequence.arguments.push(id);
        }
        for op in rewrite::ops(body) {
            let first = sequence.steps.len();
            step(reader, &mut sequence, op)?;
            (first..sequence.steps.len()).for_each(|step| reader.note(Part::Step(step), op));
        }
    }
    reader.program.sequences.push(sequence);
    Ok(())
}

fn symbol(attribute: Attribute) -> Option<String> {
    FlatSymbolRefAttribute::try_from(attribute).ok().map(|symbol| symbol.value().to_string())
}

/// The allocation that an op names: by its own name, or by that of an object FIFO.
fn allocated<'c>(reader: &Reader, op: OperationRef<'c, '_>, name: &str) -> Result<'c, usize> {
    let symbol = op.attribute(name).ok().and_then(symbol).unwrap_or_default();
    let suffixed = format!("{symbol}_shim_alloc");
    let allocations = &reader.program.allocations;
    let place = |name: &str| allocations.iter().position(|other| other.name == name);
    place(&symbol)
        .or_else(|| place(&suffixed))
        .ok_or_else(|| fail(&op, format_args!("needs an 'aie.shim_dma_allocation' as '{name}'")))
}

fn step<'c>(reader: &mut Reader, sequence: &mut Sequence, op: OperationRef<'c, '_>) -> Result<'c> {
    match op_name(op).as_str() {
        "aiex.npu.dma_memcpy_nd" => {
            let copy = copy(reader, op)?;
            sequence.steps.push(Step::Copy(copy));
        }
        "aiex.npu.dma_wait" => {
            let allocation = allocated(reader, op, "symbol")?;
            sequence.steps.push(Step::Wait { allocation });
        }
        "aiex.npu.sync" => {
            let (column, row) = (natural(op, "column")?, natural(op, "row")?);
            let counts = ["column_num", "row_num"].map(|name| integer(op, name));
            if counts.iter().any(|count| count.is_some_and(|count| count != 1)) {
                return Err(fail(&op, "waits for several tiles, which is not supported"));
            }
            sequence.steps.push(Step::Sync(TaskChannel {
                tile: Tile { column, row },
                direction: direction(op, "direction")?,
                channel: natural(op, "channel")?,
            }));
        }
        "aiex.dma_configure_task" => {
            let channel = TaskChannel {
                tile: reader.tile(op, 0)?,
                direction: direction(op, "direction")?,
                channel: natural(op, "channel")?,
            };
            task(reader, op, channel)?;
        }
        "aiex.dma_configure_task_for" => {
            let allocation = allocated(reader, op, "alloc")?;
            let Allocation { tile, direction, channel, .. } =
                reader.program.allocations[allocation];
            task(reader, op, TaskChannel { tile, direction, channel })?;
        }
        "aiex.dma_start_task" => {
            let task = started(reader, op)?.clone();
            sequence.steps.push(Step::Start(task));
        }
        "aiex.dma_await_task" => {
            let task = started(reader, op)?;
            if !task.issue_token {
                return Err(fail(&op, "waits for a task that issues no token: set 'issue_token'"));
            }
            sequence.steps.push(Step::Sync(task.channel));
        }
        "aiex.dma_free_task" | "arith.constant" => {
            if let (Some(value), Some(result)) = (integer(op, "value"), op.results().next()) {
                reader.define_value(result.into(), Thing::Constant(value));
            }
        }
        "memref.get_global" => {}
        "aiex.npu.rtp_write" => {
            let offset = 4 * natural(op, "index")? as usize;
            let value = integer(op, "value").unwrap_or_default() as u32;
            let bytes = value.to_le_bytes().to_vec();
            let buffer = named(reader, op)?.ok_or_else(|| fail(&op, "needs a buffer"))?;
            sequence.steps.push(Step::Write(Write::Bytes { buffer, offset, bytes }));
        }
        "aiex.npu.write32" => {
            let value = unsigned(op, "value")?;
            match target(reader, op)? {
                Target::Memory(buffer, offset) => {
                    let bytes = value.to_le_bytes().to_vec();
                    sequence.steps.push(Step::Write(Write::Bytes { buffer, offset, bytes }));
                }
                // The field of the value is signed.
                Target::Lock(lock) => {
                    sequence.steps.push(Step::Write(Write::Lock { lock, value: value as i32 }));
                }
                Target::Descriptor(tile, id, word) => {
                    reader.registers.write(tile, id, word, &[value]);
                }
                Target::Queue(channel) => {
                    let kind = registers::kind_of(reader, op, channel.tile)?;
                    let task = QueuedTask::of(kind, value);
                    let step = registers::start(reader, op, &sequence.arguments, channel, task)?;
                    sequence.steps.push(step);
                }
                Target::Nothing => {}
            }
        }
        "aiex.npu.maskwrite32" => {
            let (value, mask) = (unsigned(op, "value")?, unsigned(op, "mask")?);
            match target(reader, op)? {
                Target::Memory(buffer, offset) => {
                    sequence.steps.push(Step::Write(Write::Bits { buffer, offset, value, mask }));
                }
                Target::Nothing => {}
                _ => return Err(fail(&op, "writes bits of a register, which is not supported")),
            }
        }
        "aiex.npu.blockwrite" => {
            let bytes = op
                .operands()
                .next()
                .and_then(constant::defining_op)
                .and_then(|source| {
                    let name = source.attribute("name").ok().and_then(symbol)?;
                    let global = declaration(source, "memref.global", &name)?;
                    global.attribute("initial_value").ok().and_then(constant::bytes)
                })
                .ok_or_else(|| fail(&op, "needs the data of a 'memref.global'"))?;
            match target(reader, op)? {
                Target::Memory(buffer, offset) => {
                    sequence.steps.push(Step::Write(Write::Bytes { buffer, offset, bytes }));
                }
                Target::Descriptor(tile, id, word) => {
                    let word_of = |bytes: &[u8]| {
                        bytes.iter().rev().fold(0u32, |all, &byte| all << 8 | u32::from(byte))
                    };
                    let words: Vec<u32> = bytes.chunks(4).map(word_of).collect();
                    reader.registers.write(tile, id, word, &words);
                }
                Target::Nothing => {}
                _ => {
                    return Err(fail(
                        &op,
                        "writes several locks or queues, which is not supported",
                    ));
                }
            }
        }
        "aiex.npu.writebd" => registers::write_descriptor(reader, op)?,
        "aiex.npu.address_patch" => registers::patch(reader, op)?,
        "aiex.npu.push_queue" => {
            let channel = TaskChannel {
                tile: Tile { column: natural(op, "column")?, row: natural(op, "row")? },
                direction: direction(op, "direction")?,
                channel: natural(op, "channel")?,
            };
            let task = QueuedTask {
                descriptor: natural(op, "bd_id")?,
                repeat_count: natural(op, "repeat_count")?,
                issue_token: flag(op, "issue_token").unwrap_or(false),
            };
            let step = registers::start(reader, op, &sequence.arguments, channel, task)?;
            sequence.steps.push(step);
        }
        // What observes, and where another program may go first.
        "aie.trace.host_config" | "aie.trace.start_config" | "aiex.npu.preempt" => {}
        "aiex.set_lock" => {
            let Thing::Lock(lock) = reader.operand(op, 0)? else {
                return Err(fail(&op, "needs a lock"));
            };
            let value = integer(op, "value").unwrap_or_default() as i32;
            sequence.steps.push(Step::Write(Write::Lock { lock, value }));
        }
        "aie.end" => {}
        _ => {
            return Err(fail(
                &op,
                "is not supported in a sequence: the simulator does not execute it",
            ));
        }
    }
    Ok(())
}

/// What an address stands for.
enum Target {
    /// A byte of a buffer.
    Memory(BufferId, usize),
    Lock(LockId),
    /// A word of a descriptor of a tile.
    Descriptor(Tile, u32, u32),
    Queue(TaskChannel),
    /// What changes nothing that is simulated: settings of channels, events, traces.
    Nothing,
}

fn unsigned<'c>(op: OperationRef<'c, '_>, name: &str) -> Result<'c, u32> {
    // The attribute is of 32 bits without a sign.
    integer(op, name)
        .map(|value| value as u32)
        .ok_or_else(|| fail(&op, format_args!("needs '{name}'")))
}

fn named<'c>(reader: &Reader, op: OperationRef<'c, '_>) -> Result<'c, Option<BufferId>> {
    let Some(name) = op.attribute("buffer").ok().and_then(symbol) else { return Ok(None) };
    let place = reader.program.buffers.iter().position(|buffer| buffer.name == name);
    let place = place.ok_or_else(|| {
        fail(&op, format_args!("names '{name}', which is no buffer of the device"))
    })?;
    Ok(Some(BufferId(place)))
}

/// Where a write goes: the words of a named buffer, or an address of a tile.
fn target<'c>(reader: &Reader, op: OperationRef<'c, '_>) -> Result<'c, Target> {
    let address = unsigned(op, "address")? as usize;
    if let Some(buffer) = named(reader, op)? {
        return Ok(Target::Memory(buffer, 4 * address));
    }
    let program = &reader.program;
    let address = u32::try_from(address).unwrap_or(u32::MAX);
    let (tile, address) = if op.has_attribute("column") && op.has_attribute("row") {
        (Tile { column: natural(op, "column")?, row: natural(op, "row")? }, place_of(address).1)
    } else {
        place_of(address)
    };
    if let Some((buffer, byte)) = reader.memory_at(tile, address) {
        return Ok(Target::Memory(buffer, byte));
    }
    let kind = Device::by_name(&program.device).and_then(|device| device.registers_of(tile));
    match kind.and_then(|kind| register_at(kind, address)) {
        Some(Register::Lock(id)) => {
            let is_it = |lock: &Lock| lock.tile == tile && lock.id == Some(id);
            if let Some(place) = program.locks.iter().position(is_it) {
                return Ok(Target::Lock(LockId(place)));
            }
        }
        Some(Register::Descriptor { id, word }) => return Ok(Target::Descriptor(tile, id, word)),
        Some(Register::Queue { direction, channel }) => {
            return Ok(Target::Queue(TaskChannel { tile, direction, channel }));
        }
        Some(Register::Control | Register::Observation) => return Ok(Target::Nothing),
        None => {}
    }
    Err(fail(
        &op,
        "writes a register of the array, which is not supported: only buffers, locks, and descriptors and queues of DMA are",
    ))
}

fn started<'c, 'r>(reader: &'r Reader, op: OperationRef<'c, '_>) -> Result<'c, &'r Task> {
    let Thing::Task(task) = reader.operand(op, 0)? else {
        return Err(fail(&op, "needs a configured task"));
    };
    Ok(&reader.tasks[task])
}

fn task<'c>(reader: &mut Reader, op: OperationRef<'c, '_>, channel: TaskChannel) -> Result<'c> {
    let first = op.regions().next().and_then(|region| region.first_block());
    let mut chain = reader.chain(op, first)?;
    if let Some(packet) = op.attribute("packet").ok().and_then(Packet::of) {
        chain.iter_mut().for_each(|bd| bd.packet = bd.packet.or(Some(packet)));
    }
    let issue_token = flag(op, "issue_token").unwrap_or(false);
    let repeat_count = natural_or(op, "repeat_count", 0)? as u32;
    if let Some(result) = op.results().next() {
        reader.define_value(result.into(), Thing::Task(reader.tasks.len()));
    }
    reader.tasks.push(Task { channel, chain, repeat_count, issue_token });
    Ok(())
}

fn copy<'c>(reader: &Reader, op: OperationRef<'c, '_>) -> Result<'c, Memcpy> {
    let Thing::Buffer(buffer) = reader.operand(op, 0)? else {
        return Err(fail(&op, "needs an argument of the sequence"));
    };
    if PADS.iter().any(|name| integer(op, name).is_some_and(|zeros| zeros != 0)) {
        return Err(fail(&op, "adds zeros, which a shim tile cannot do"));
    }
    // After the buffer, the numbers that are not static, list by list.
    let mut next = 1;
    let mut list = |name: &str| -> Result<'c, [usize; 4]> {
        let values = op.attribute(name).ok().and_then(|a| DenseI64ArrayAttribute::try_from(a).ok());
        let needs = || fail(&op, format_args!("needs four natural numbers as '{name}'"));
        let values = values.filter(|values| values.len() == 4).ok_or_else(needs)?;
        let mut numbers = [0; 4];
        for (place, number) in numbers.iter_mut().enumerate() {
            let mut value = values.element(place).unwrap_or(i64::MIN);
            if value == i64::MIN {
                next += 1;
                value = match reader.operand(op, next - 1)? {
                    Thing::Constant(value) => value,
                    _ => return Err(fail(&op, "has a number that is only known in the run")),
                };
            }
            *number = usize::try_from(value).map_err(|_| needs())?;
        }
        Ok(numbers)
    };
    Ok(Memcpy {
        offsets: list(LISTS[0])?,
        sizes: list(LISTS[1])?,
        strides: list(LISTS[2])?,
        allocation: allocated(reader, op, "metadata")?,
        buffer,
        id: natural(op, "id")?,
        issue_token: flag(op, "issue_token").unwrap_or(false),
        packet: op.attribute("packet").ok().and_then(Packet::of),
    })
}
