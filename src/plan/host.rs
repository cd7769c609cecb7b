//! Tensors in the host's memory: what moves them to and from the array.
//!
//! A tensor lies row-major, rows padded to whole words and the batch to whole
//! iterations. Every stream of the boundary is a channel of a shim tile's DMA,
//! which walks its columns of all iterations of a batch: one *invocation*.
//!
//! On a Ryzen AI device a runtime sequence starts the channels, by tasks of at
//! most [`BdFields::max_iterations`](crate::device::BdFields) repetitions, and
//! waits for their tokens. A Versal device has no such thing: each channel runs a
//! ring of descriptors for ever, which the host starts by releasing a lock as
//! often as the ring has descriptors, and has ended when another lock has that
//! value.

use super::program::dims;
use crate::{
    array::{
        Allocation, Bd, Buffer, BufferId, Direction, DmaChannel, Interface, Lock, LockAction,
        LockId, Memcpy, Port, Program, Sequence, Step, Stream, StreamSlice, Tile, UseLock,
    },
    device::{Device, TileKind},
};
use std::collections::BTreeMap;

/// How a stream walks its tensor.
struct Walk {
    buffer: BufferId,
    port: Port,
    direction: Direction,
    /// Elements from one iteration to the next.
    step: usize,
    /// Iterations, if each is a walk of its own; 1 if `pieces` have them all.
    iterations: usize,
    /// What an iteration consists of, in order.
    pieces: Vec<Piece>,
    element_bytes: usize,
    name: String,
}

/// First element; sizes and strides, outermost first.
type Piece = (usize, Vec<(usize, usize)>);

/// Moves the tensors of `program`, whose streams are channels of shim tiles,
/// into the host's memory.
///
/// # Errors
///
/// If the walk of a stream is more than descriptors can say.
pub fn in_memory(program: &mut Program, device: &Device) -> Result<(), String> {
    let told = device.plio_columns().is_empty();
    let mut walks = Vec::new();
    let mut arguments = Vec::new();
    for direction in [Direction::Mm2s, Direction::S2mm] {
        let way = if direction == Direction::Mm2s { "in" } else { "out" };
        let list = match direction {
            Direction::Mm2s => &mut program.inputs,
            Direction::S2mm => &mut program.outputs,
        };
        for (index, tensor) in list.iter_mut().enumerate() {
            let buffer = BufferId(program.buffers.len());
            let streams = std::mem::take(&mut tensor.streams);
            let pitch = pitch(tensor, &streams);
            tensor.memory = Some(buffer);
            program.buffers.push(Buffer {
                tile: Tile { column: 0, row: 0 },
                name: if told {
                    format!("argument{}", arguments.len())
                } else {
                    format!("{way}{index}")
                },
                shape: vec![tensor.batch.div_ceil(tensor.rows) * tensor.rows, pitch],
                element: tensor.element,
                address: None,
                initial: None,
                external: true,
            });
            arguments.push(buffer);
            for (number, stream) in streams.iter().enumerate() {
                let name = format!("{way}{index}_{number}");
                walks.push(walk(tensor, stream, pitch, (buffer, direction, name))?);
            }
        }
    }
    if told {
        by_tasks(program, device, walks, arguments)
    } else {
        by_locks(program, device, walks)
    }
}

/// Elements from one row of a tensor to the next: whole words that hold every stream's columns.
fn pitch(tensor: &Interface, streams: &[Stream]) -> usize {
    let slices = streams.iter().flat_map(|stream| &stream.slices);
    let ends = slices.map(|slice| slice.begin + slice.pitch);
    let words = (4 / tensor.element.bytes()).max(1);
    ends.fold(tensor.columns, usize::max).next_multiple_of(words)
}

fn walk(
    tensor: &Interface,
    stream: &Stream,
    pitch: usize,
    (buffer, direction, name): (BufferId, Direction, String),
) -> Result<Walk, String> {
    let blocks = tensor.batch.div_ceil(tensor.rows);
    let [first, rest @ ..] = stream.slices.as_slice() else {
        return Err(format!("has a stream of '{}' without columns", tensor.name));
    };
    let element_bytes = tensor.element.bytes();
    if let Some(slice) =
        stream.slices.iter().find(|slice| !(slice.begin * element_bytes).is_multiple_of(4))
    {
        return Err(format!(
            "has a stream of '{}' that begins at feature {}, inside a word of 4 bytes",
            tensor.name, slice.begin
        ));
    }
    let spacing = rest.first().map_or(0, |next| next.begin.abs_diff(first.begin));
    let even = stream
        .slices
        .windows(2)
        .all(|pair| pair[0].begin + spacing == pair[1].begin && pair[1].pitch == first.pitch);
    let rows = tensor.rows;
    let (iterations, pieces) = if rest.is_empty() {
        // All iterations are rows at the same distance.
        (1, vec![(first.begin, vec![(blocks * rows, pitch), (first.pitch, 1)])])
    } else if even {
        let pattern = vec![(stream.slices.len(), spacing), (rows, pitch), (first.pitch, 1)];
        (blocks, vec![(first.begin, pattern)])
    } else {
        let piece = |slice: &StreamSlice| (slice.begin, vec![(rows, pitch), (slice.pitch, 1)]);
        (blocks, stream.slices.iter().map(piece).collect())
    };
    let (step, port) = (rows * pitch, stream.port);
    Ok(Walk { buffer, port, direction, step, iterations, pieces, element_bytes, name })
}

/// The descriptor of a piece in an iteration; a plain length is one dimension.
fn descriptor(
    walk: &Walk,
    (offset, pattern): &Piece,
    iteration: usize,
    device: &Device,
) -> Result<Bd, String> {
    Ok(Bd {
        buffer: walk.buffer,
        offset: offset + iteration * walk.step,
        len: pattern.iter().map(|(size, _)| size).product(),
        dims: dims(pattern, walk.element_bytes, walk.port.tile, device)?,
        pad: Vec::new(),
        acquire: None,
        release: None,
        packet: None,
        next: None,
    })
}

/// Channels that run for ever, held up by locks of the host.
fn by_locks(program: &mut Program, device: &Device, walks: Vec<Walk>) -> Result<(), String> {
    for walk in walks {
        let tile = walk.port.tile;
        let [go, done] = ["go", "done"].map(|part| {
            let name = format!("{}_{part}", walk.name);
            program.locks.push(Lock { tile, name, id: None, initial: 0 });
            LockId(program.locks.len() - 1)
        });
        let mut bds = Vec::new();
        let count = walk.iterations * walk.pieces.len();
        for index in 0..count {
            let piece = &walk.pieces[index % walk.pieces.len()];
            bds.push(Bd {
                acquire: Some(UseLock {
                    lock: go,
                    action: LockAction::AcquireGreaterEqual,
                    value: 1,
                }),
                release: Some(UseLock { lock: done, action: LockAction::Release, value: 1 }),
                next: Some((index + 1) % count),
                ..descriptor(&walk, piece, index / walk.pieces.len(), device)?
            });
        }
        program.dmas.push(DmaChannel {
            tile,
            direction: walk.direction,
            channel: walk.port.channel,
            repeat_count: 0,
            bds,
        });
    }
    Ok(())
}

/// A runtime sequence that copies in rounds: in each, a channel gets as many
/// tasks as its queue holds, and the host waits for all of them, so that their
/// descriptors are free again.
fn by_tasks(
    program: &mut Program,
    device: &Device,
    walks: Vec<Walk>,
    arguments: Vec<BufferId>,
) -> Result<(), String> {
    let shim = device.resources(TileKind::ShimNoc);
    // Both directions of all channels of a tile share its descriptors.
    let queued = device.dma_tasks.min(shim.buffer_descriptors / (2 * shim.dma_channels)) as usize;
    let mut copies: Vec<Vec<Memcpy>> = Vec::new();
    for (allocation, walk) in walks.iter().enumerate() {
        program.allocations.push(Allocation {
            name: walk.name.clone(),
            tile: walk.port.tile,
            direction: walk.direction,
            channel: walk.port.channel,
        });
        // One piece repeats as often as the field counts; of several, each comes in turn.
        let most = if walk.pieces.len() == 1 { shim.bd.max_iterations as usize } else { 1 };
        let copy = |piece: &Piece, begin: usize| {
            let bd = descriptor(walk, piece, begin, device)?;
            let (mut sizes, mut strides) = ([1, 1, 1, bd.len], [0, 0, 0, 1]);
            for (place, dim) in (0..4).rev().zip(bd.dims.iter().rev()) {
                (sizes[place], strides[place]) = (dim.size, dim.stride);
            }
            let count = most.min(walk.iterations - begin);
            if count > 1 {
                (sizes[0], strides[0]) = (count, walk.step);
            }
            Ok(Memcpy {
                allocation,
                buffer: walk.buffer,
                offsets: [0, 0, 0, bd.offset],
                sizes,
                strides,
                id: 0,
                issue_token: true,
                packet: None,
            })
        };
        let begins = (0..walk.iterations).step_by(most);
        let all = begins.flat_map(|begin| walk.pieces.iter().map(move |piece| (piece, begin)));
        copies.push(all.map(|(piece, begin)| copy(piece, begin)).collect::<Result<_, String>>()?);
    }
    let mut steps = Vec::new();
    let rounds = copies.iter().map(|copies| copies.len().div_ceil(queued)).max().unwrap_or(0);
    for round in 0..rounds {
        let mut ids: BTreeMap<Tile, u32> = BTreeMap::new();
        let mut waits = Vec::new();
        for (allocation, copies) in copies.iter().enumerate() {
            for copy in copies.iter().skip(round * queued).take(queued) {
                let next = ids.entry(walks[allocation].port.tile).or_default();
                steps.push(Step::Copy(Memcpy { id: *next, ..copy.clone() }));
                waits.push(Step::Wait { allocation });
                *next += 1;
            }
        }
        steps.append(&mut waits);
    }
    program.sequences.push(Sequence { name: "sequence".into(), arguments, steps });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Bundle, Element};

    fn slice(begin: usize, end: usize) -> StreamSlice {
        StreamSlice { begin, end, pitch: end - begin }
    }

    /// An input of `batch` rows of 24 columns, one row at a time, in one stream.
    fn program(device: &str, batch: usize, slices: Vec<StreamSlice>) -> Program {
        let port = Port { tile: Tile { column: 2, row: 0 }, bundle: Bundle::Dma, channel: 1 };
        Program {
            device: device.into(),
            inputs: vec![Interface {
                name: "x".into(),
                rows: 1,
                columns: 24,
                batch,
                element: Element::I8,
                signed: true,
                scale: 1.0,
                zero_point: 0,
                range: (-128, 127),
                streams: vec![Stream { port, slices }],
                memory: None,
            }],
            ..Program::default()
        }
    }

    fn lowered(device: &str, batch: usize, slices: Vec<StreamSlice>) -> Result<Program, String> {
        let mut program = program(device, batch, slices);
        let model = Device::by_name(device).expect("the device exists");
        in_memory(&mut program, &model).map(|()| program)
    }

    fn copies(program: &Program) -> Vec<Option<&Memcpy>> {
        fn copy(step: &Step) -> Option<&Memcpy> {
            match step {
                Step::Copy(copy) => Some(copy),
                _ => None,
            }
        }
        program.sequences[0].steps.iter().map(copy).collect()
    }

    #[test]
    fn a_copy_repeats_until_its_counter_ends() {
        let program = lowered("npu2", 150, vec![slice(0, 12), slice(12, 24)]).unwrap();
        let steps = copies(&program);
        let shapes: Vec<_> =
            steps.iter().flatten().map(|copy| (copy.sizes, copy.offsets[3], copy.id)).collect();
        // Both slices of a row are its 24 bytes.
        assert_eq!(
            shapes,
            [([64, 1, 1, 24], 0, 0), ([64, 1, 1, 24], 1536, 1), ([22, 1, 1, 24], 3072, 2)]
        );
        assert_eq!(steps.len(), 6, "a wait for each");
    }

    #[test]
    fn slices_of_several_widths_come_in_turn_and_in_rounds() {
        let program = lowered("npu1", 3, vec![slice(0, 8), slice(8, 24)]).unwrap();
        let ids: Vec<_> = copies(&program).iter().map(|copy| copy.map(|copy| copy.id)).collect();
        let (four, two) = ([Some(0), Some(1), Some(2), Some(3)], [Some(0), Some(1)]);
        assert_eq!(ids, [&four[..], &[None; 4], &two, &[None; 2]].concat());
        let begins: Vec<_> =
            copies(&program).iter().flatten().map(|copy| copy.descriptor().offset).collect();
        assert_eq!(begins, [0, 8, 24, 32, 48, 56]);

        let program = lowered("xcve2802", 3, vec![slice(0, 8), slice(8, 24)]).unwrap();
        let bds = &program.dmas[0].bds;
        assert_eq!(
            bds.iter().map(|bd| (bd.offset, bd.len)).collect::<Vec<_>>(),
            [(0, 8), (8, 16), (24, 8), (32, 16), (48, 8), (56, 16)]
        );
        assert_eq!(bds[5].next, Some(0));
    }

    #[test]
    fn streams_that_no_descriptor_walks_are_refused() {
        let error = lowered("npu1", 3, vec![slice(2, 6)]).unwrap_err();
        assert_eq!(error, "has a stream of 'x' that begins at feature 2, inside a word of 4 bytes");
        let error = lowered("npu1", 3, Vec::new()).unwrap_err();
        assert_eq!(error, "has a stream of 'x' without columns");
    }
}
