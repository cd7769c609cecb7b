//! Tensors in the host's memory, through a shim DMA and back.

use std::rc::Rc;

use super::tests::time::adds_up;
use super::{Boundary, Call, Costs, Engine};
use crate::array::*;
use crate::device::{Device, Latency};

const SHIM: Tile = Tile { column: 2, row: 0 };
const MEMORY: Tile = Tile { column: 2, row: 1 };

fn port(tile: Tile) -> Port {
    Port { tile, bundle: Bundle::Dma, channel: 0 }
}

fn engine(program: &Program) -> Engine<u8> {
    Engine::new(program, Rc::new(|_: &Call<'_, u8>| Ok(Vec::new()))).unwrap()
}

/// Three rows of two bytes pass in iterations of one row, four bytes apart in memory.
fn program(device: &str) -> Program {
    let buffer = |tile, name: &str, shape, external| Buffer {
        tile,
        name: name.into(),
        shape,
        element: Element::I8,
        address: None,
        initial: None,
        external,
    };
    let interface = |name: &str, memory| Interface {
        name: name.into(),
        rows: 1,
        columns: 2,
        batch: 3,
        element: Element::I8,
        signed: true,
        scale: 1.0,
        zero_point: 0,
        range: (-128, 127),
        streams: Vec::new(),
        memory: Some(BufferId(memory)),
    };
    let lock = |tile, name: &str, initial| Lock { tile, name: name.into(), id: None, initial };
    let bd = |buffer, len, acquire, release| Bd {
        buffer: BufferId(buffer),
        offset: 0,
        len,
        dims: Vec::new(),
        pad: Vec::new(),
        acquire: Some(UseLock {
            lock: LockId(acquire),
            action: LockAction::AcquireGreaterEqual,
            value: 1,
        }),
        release: Some(UseLock { lock: LockId(release), action: LockAction::Release, value: 1 }),
        packet: None,
        next: Some(0),
    };
    let channel = |tile, direction, bd| DmaChannel {
        tile,
        direction,
        channel: 0,
        repeat_count: 0,
        bds: vec![bd],
    };
    let flow = |source, destination| Flow {
        source: port(source),
        destinations: vec![port(destination)],
        packet: None,
        keep_packet_header: false,
    };
    let free_full = |name: &str| [(format!("{name}_free"), 1), (format!("{name}_full"), 0)];
    Program {
        device: device.into(),
        buffers: vec![
            buffer(MEMORY, "row", vec![4], false),
            buffer(SHIM, "argument0", vec![3, 4], true),
            buffer(SHIM, "argument1", vec![3, 4], true),
        ],
        locks: free_full("row").map(|(name, initial)| lock(MEMORY, &name, initial)).into(),
        dmas: vec![
            channel(MEMORY, Direction::S2mm, bd(0, 4, 0, 1)),
            channel(MEMORY, Direction::Mm2s, bd(0, 4, 1, 0)),
        ],
        flows: vec![flow(SHIM, MEMORY), flow(MEMORY, SHIM)],
        inputs: vec![interface("x", 1)],
        outputs: vec![interface("y", 2)],
        ..Program::default()
    }
}

/// As [`program`], by a runtime sequence of one copy of `sizes` on either side.
fn told(sizes: [usize; 4]) -> Program {
    let copy = |allocation: usize| {
        Step::Copy(Memcpy {
            allocation,
            buffer: BufferId(1 + allocation),
            offsets: [0; 4],
            sizes,
            strides: [0, 8, 4, 1],
            id: allocation as u32,
            issue_token: true,
            packet: None,
        })
    };
    Program {
        allocations: [("x", Direction::Mm2s), ("y", Direction::S2mm)]
            .map(|(name, direction)| Allocation {
                name: name.into(),
                tile: SHIM,
                direction,
                channel: 0,
            })
            .into(),
        sequences: vec![Sequence {
            name: "sequence".into(),
            arguments: vec![BufferId(1), BufferId(2)],
            steps: vec![
                copy(0),
                copy(1),
                Step::Wait { allocation: 0 },
                Step::Wait { allocation: 1 },
            ],
        }],
        ..program("npu1")
    }
}

/// As [`program`], by DMA programs of the shim that locks hold up.
fn held() -> Program {
    let mut program = program("xcve2802");
    for (index, (direction, name)) in
        [(Direction::Mm2s, "x"), (Direction::S2mm, "y")].into_iter().enumerate()
    {
        let first = program.locks.len();
        for part in ["go", "done"] {
            let name = format!("{name}_{part}");
            program.locks.push(Lock { tile: SHIM, name, id: None, initial: 0 });
        }
        let like = program.dmas[0].bds[0].clone();
        let lock =
            |action: Option<UseLock>, lock| action.map(|a| UseLock { lock: LockId(lock), ..a });
        program.dmas.push(DmaChannel {
            tile: SHIM,
            direction,
            channel: 0,
            repeat_count: 0,
            bds: vec![Bd {
                buffer: BufferId(1 + index),
                len: 12,
                acquire: lock(like.acquire, first),
                release: lock(like.release, first + 1),
                ..like
            }],
        });
    }
    program
}

#[test]
fn a_batch_is_an_invocation() {
    for program in [told([1, 1, 3, 4]), held()] {
        let mut engine = engine(&program);
        // Two invocations, and one more of another run.
        let input: Vec<u8> = (1..=12).collect();
        assert_eq!(engine.run(std::slice::from_ref(&input), 6).unwrap(), [input]);
        assert_eq!(engine.read("argument0").unwrap(), [7, 8, 0, 0, 9, 10, 0, 0, 11, 12, 0, 0]);
        let half: Vec<u8> = (21..=26).collect();
        let half = [half];
        assert_eq!(engine.run(&half, 3).unwrap(), half);
        let error = engine.run(&half, 4).unwrap_err().to_string();
        assert!(error.starts_with("4 iterations are not whole invocations of 3"), "{error}");
    }
}

#[test]
fn latency_is_from_host_memory_to_host_memory() {
    let Latency { dma_memory, dma_lock, stream_ends, hop, host_read, .. } =
        Device::by_name("npu1").unwrap().latency;
    // A word goes up a tile, waits to be written and for two locks, and comes down again.
    let way = dma_memory + stream_ends + hop;
    let expected = 2 * way + 2 + dma_lock + dma_memory + dma_lock;
    for program in [told([1, 1, 3, 4]), held()] {
        let kernels = Rc::new(|_: &Call<'_, u8>| Ok(Vec::new()));
        let mut engine = Engine::<u8>::timed(&program, kernels, Costs::default()).unwrap();
        engine.run(&[(1..=24).collect()], 12).unwrap();
        let timing = engine.timing().unwrap();
        assert_eq!(timing.boundary, Boundary::HostMemory);
        assert_eq!((timing.iterations, timing.iterations_per_invocation), (12, Some(3)));
        assert_eq!(timing.latency_cycles, expected, "{timing}");
        adds_up(&timing);
        // Each invocation begins by a read.
        assert!(3.0 * timing.interval_cycles > (host_read.begin + expected) as f64, "{timing}");
        assert!(timing.assumptions.iter().any(|line| line.contains("NPU 1")), "{timing}");
    }
}

#[test]
fn commands_take_their_time() {
    let program = told([1, 1, 3, 4]);
    let time = |host_instruction| {
        let latency = Latency { host_instruction, ..Device::by_name("npu1").unwrap().latency };
        let costs = Costs { latency: Some(latency), ..Costs::default() };
        let kernels = Rc::new(|_: &Call<'_, u8>| Ok(Vec::new()));
        let mut engine = Engine::<u8>::timed(&program, kernels, costs).unwrap();
        engine.run(&[(1..=24).collect()], 12).unwrap();
        3.0 * engine.timing().unwrap().interval_cycles
    };
    // Two copies of four instructions and two waits, behind which all else hides, or not.
    assert_eq!(time(1000), 10_000.0);
    assert!((100.0..1000.0).contains(&time(0)));
}

#[test]
fn a_copy_that_never_ends_is_a_deadlock() {
    let mut program = told([1, 1, 3, 4]);
    let Step::Copy(copy) = &mut program.sequences[0].steps[0] else { panic!("the input") };
    copy.sizes = [1, 1, 2, 4];
    let error = engine(&program).run(&[vec![0; 6]], 3).unwrap_err().to_string();
    assert!(error.contains("the runtime sequence has done 3 of 4 steps"), "{error}");
    let mut program = held();
    program.dmas[2].bds[0].len = 8;
    let error = engine(&program).run(&[vec![0; 6]], 3).unwrap_err().to_string();
    assert!(error.contains("S2MM 0 of tile (2,0) has not filled its external buffers"), "{error}");
}

#[test]
fn a_sequence_that_asks_for_the_impossible_is_refused() {
    let refuse = |change: &dyn Fn(&mut Program), expected: &str| {
        let mut program = told([1, 1, 3, 4]);
        change(&mut program);
        let kernels = Rc::new(|_: &Call<'_, u8>| Ok(Vec::new()));
        let error = Engine::new(&program, kernels).err().expect("is refused").to_string();
        assert!(error.contains(expected), "{error}");
    };
    refuse(
        &|program| program.sequences.push(program.sequences[0].clone()),
        "2 runtime sequences, one is executed at a time",
    );
    refuse(
        &|program| drop(program.sequences[0].steps.drain(..2)),
        "the runtime sequence waits for DMA 0 of tile (2,0), where it starts nothing",
    );
    refuse(
        &|program| program.buffers[1].shape = vec![12, 1],
        "'x' is 1 rows of 2 columns at a time, buffer 'argument0' does not hold whole times of that",
    );
    refuse(&|program| program.buffers[1].shape = vec![5, 4], "other tensors");
    refuse(&|program| program.inputs[0].memory = Some(BufferId(0)), "lies in no external buffer");
    let second = DmaChannel { tile: SHIM, ..program("npu1").dmas[0].clone() };
    refuse(&|program| program.dmas.push(second.clone()), "has two programs");
}

#[test]
fn more_copies_than_a_channel_queues_wait_for_room() {
    let mut program = told([1, 1, 3, 4]);
    let steps = &mut program.sequences[0].steps;
    let copies: Vec<Step> = (0..12)
        .map(|index| {
            let Step::Copy(copy) = &steps[index % 2] else { panic!("two copies come first") };
            let offsets = [0, 0, index / 2 % 3, 0];
            Step::Copy(Memcpy { sizes: [1, 1, 1, 4], offsets, ..copy.clone() })
        })
        .collect();
    let waits = (0..12).map(|index| Step::Wait { allocation: index % 2 });
    *steps = copies.into_iter().chain(waits).collect();
    let input: Vec<u8> = (1..=6).collect();
    assert_eq!(engine(&program).run(std::slice::from_ref(&input), 3).unwrap(), [input]);
}
