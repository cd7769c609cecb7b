//! What is written is read back, whatever it is.

use super::{build, devices, read};
use crate::{
    array::*,
    mlir::{rewrite, tools},
};
use melior::{
    Context,
    ir::{BlockLike, Location, Module, operation::OperationLike},
};
use proptest::{collection::vec, option, prelude::*};

fn tile(column: u32, row: u32) -> Tile {
    Tile { column, row }
}

fn acquire(lock: usize, value: i32) -> UseLock {
    UseLock { lock: LockId(lock), action: LockAction::AcquireGreaterEqual, value }
}

fn release(lock: usize, value: i32) -> UseLock {
    UseLock { lock: LockId(lock), action: LockAction::Release, value }
}

fn port(tile: Tile, bundle: Bundle, channel: u32) -> Port {
    Port { tile, bundle, channel }
}

/// One layer on a cascade of two cores, fed and drained through memory tiles
/// by streams of the programmable logic.
pub(crate) fn example() -> Program {
    let (shim, memory, west, east) = (tile(6, 0), tile(6, 1), tile(6, 3), tile(7, 3));
    let buffer = |tile, name: &str, len: usize, address, initial| Buffer {
        tile,
        name: name.into(),
        shape: vec![len],
        element: Element::I8,
        address: Some(address),
        initial,
        external: false,
    };
    let lock = |tile, name: &str, initial| Lock { tile, name: name.into(), id: None, initial };
    let weights = |seed: u8| Some((0..256u32).map(|i| (i as u8).wrapping_mul(37) ^ seed).collect());
    let bd = |buffer, acquire, release, next| Bd {
        buffer: BufferId(buffer),
        offset: 0,
        len: 64,
        dims: Vec::new(),
        pad: Vec::new(),
        acquire: Some(acquire),
        release: Some(release),
        packet: None,
        next,
    };
    let channel = |tile, direction, channel, bds| DmaChannel {
        tile,
        direction,
        channel,
        repeat_count: 0,
        bds,
    };
    let blocked = |buffer, next| Bd {
        dims: vec![
            Dim { size: 2, stride: 8 },
            Dim { size: 4, stride: 16 },
            Dim { size: 8, stride: 1 },
        ],
        ..bd(buffer, acquire(1, 1), release(0, 1), next)
    };
    let slice = |position, k, n| {
        Some(Slice {
            layer: "dense_1".into(),
            sources: vec![Source::Input(0)],
            outputs: vec![0],
            k,
            n,
            cascade: (position, 2),
            rows: 4,
            microtile: (4, 8, 8),
            whole: false,
        })
    };
    let forever = |body| {
        vec![Stmt::For {
            variable: Reg(0),
            lower: Argument::Constant(0),
            upper: Argument::Constant(i64::MAX),
            step: Argument::Constant(1),
            body,
        }]
    };
    let call = |kernel, buffers: &[usize]| Stmt::Call {
        kernel: KernelId(kernel),
        arguments: buffers.iter().map(|&buffer| Argument::Buffer(BufferId(buffer))).collect(),
        results: Vec::new(),
    };
    let vector = |len| Type::MemRef(vec![len], Element::I8);
    let interface = |name: &str, columns, channel, slice| Interface {
        name: name.into(),
        rows: 4,
        columns,
        batch: 10,
        element: Element::I8,
        signed: true,
        scale: 0.015625,
        zero_point: 0,
        range: (-128, 127),
        streams: vec![Stream { port: port(shim, Bundle::Plio, channel), slices: vec![slice] }],
        memory: None,
    };
    Program {
        device: "xcve2802".into(),
        buffers: vec![
            buffer(memory, "in_0", 64, 0, None),
            buffer(memory, "in_1", 64, 0x10000, None),
            buffer(west, "west_a", 64, 0x4000, None),
            buffer(west, "west_w", 256, 0x8000, weights(1)),
            buffer(east, "east_a", 64, 0x4000, None),
            buffer(east, "east_w", 256, 0x8000, weights(2)),
            buffer(east, "east_c", 64, 0xc000, None),
        ],
        locks: vec![
            lock(memory, "in_free", 2),
            lock(memory, "in_full", 0),
            lock(west, "west_free", 1),
            lock(west, "west_full", 0),
            lock(east, "east_free", 1),
            lock(east, "east_full", 0),
            lock(east, "out_free", 1),
            lock(east, "out_full", 0),
        ],
        dmas: vec![
            channel(
                memory,
                Direction::S2mm,
                0,
                vec![
                    bd(0, acquire(0, 1), release(1, 1), Some(1)),
                    bd(1, acquire(0, 1), release(1, 1), Some(0)),
                ],
            ),
            channel(memory, Direction::Mm2s, 0, vec![blocked(0, Some(1)), blocked(1, Some(0))]),
            channel(west, Direction::S2mm, 0, vec![bd(2, acquire(2, 1), release(3, 1), Some(0))]),
            channel(east, Direction::S2mm, 0, vec![bd(4, acquire(4, 1), release(5, 1), Some(0))]),
            channel(east, Direction::Mm2s, 0, vec![bd(6, acquire(7, 1), release(6, 1), Some(0))]),
        ],
        flows: vec![
            Flow {
                source: port(shim, Bundle::Plio, 0),
                destinations: vec![port(memory, Bundle::Dma, 0)],
                packet: None,
                keep_packet_header: false,
            },
            Flow {
                source: port(memory, Bundle::Dma, 0),
                destinations: vec![port(west, Bundle::Dma, 0), port(east, Bundle::Dma, 0)],
                packet: None,
                keep_packet_header: false,
            },
            Flow {
                source: port(east, Bundle::Dma, 0),
                destinations: vec![port(shim, Bundle::Plio, 1)],
                packet: None,
                keep_packet_header: false,
            },
        ],
        cascades: vec![(west, east)],
        kernels: vec![
            Kernel {
                name: "dense_1_first".into(),
                link_with: Some("dense_1.o".into()),
                cycles: None,
                arguments: vec![vector(64), vector(256)],
                results: Vec::new(),
            },
            Kernel {
                name: "dense_1_last".into(),
                link_with: Some("dense_1.o".into()),
                cycles: None,
                arguments: vec![vector(64), vector(256), vector(64)],
                results: Vec::new(),
            },
        ],
        cores: vec![
            Core {
                tile: west,
                stack_size: 1024,
                body: forever(vec![
                    Stmt::UseLock(acquire(3, 1)),
                    call(0, &[2, 3]),
                    Stmt::UseLock(release(2, 1)),
                ]),
                slice: slice(0, (0, 16), (0, 16)),
                code: None,
            },
            Core {
                tile: east,
                stack_size: 2048,
                body: forever(vec![
                    Stmt::UseLock(acquire(5, 1)),
                    Stmt::UseLock(acquire(6, 1)),
                    call(1, &[4, 5, 6]),
                    Stmt::UseLock(release(4, 1)),
                    Stmt::UseLock(release(7, 1)),
                ]),
                slice: slice(1, (16, 30), (0, 16)),
                code: None,
            },
        ],
        inputs: vec![interface("x", 30, 0, StreamSlice { begin: 0, end: 16, pitch: 16 })],
        outputs: vec![interface("y", 16, 1, StreamSlice { begin: 0, end: 16, pitch: 16 })],
        ..Program::default()
    }
}

/// Writes a program into a module, which must verify.
fn module<'c>(context: &'c Context, program: &Program) -> Module<'c> {
    let location = Location::unknown(context);
    let module = Module::new(location);
    module.body().append_operation(build(context, location, program));
    assert!(module.as_operation().verify(), "{}", module.as_operation());
    module
}

fn round_trip(program: &Program) -> Program {
    let context = tools::context();
    let text = module(&context, program).as_operation().to_string();
    let module = Module::parse(&context, &text).unwrap_or_else(|| panic!("parses: {text}"));
    let device = devices(module.as_operation())[0];
    assert!(rewrite::is(&device, super::DEVICE));
    read(device).unwrap_or_else(|failure| panic!("reads: {}", failure.message))
}

#[test]
fn reads_what_it_wrote() {
    let program = example();
    assert_eq!(round_trip(&program), program);
}

#[test]
fn keeps_packets_padding_repeats_and_external_memory() {
    let (shim, memory) = (tile(6, 0), tile(6, 1));
    let buffer = |name: &str, external| Buffer {
        tile: if external { tile(0, 0) } else { memory },
        name: name.into(),
        shape: vec![4, 8],
        element: Element::I32,
        address: None,
        initial: None,
        external,
    };
    let bd = Bd {
        buffer: BufferId(1),
        offset: 8,
        len: 64,
        dims: vec![Dim { size: 2, stride: 8 }, Dim { size: 8, stride: 1 }],
        pad: vec![Pad { before: 1, after: 1 }, Pad { before: 4, after: 4 }],
        acquire: Some(UseLock { action: LockAction::AcquireEqual, ..acquire(0, 1) }),
        release: None,
        packet: Some(Packet { kind: 1, id: 5 }),
        next: Some(1),
    };
    let last = Bd {
        pad: Vec::new(),
        len: 16,
        acquire: None,
        release: Some(release(0, 2)),
        packet: None,
        next: None,
        ..bd.clone()
    };
    let fetch = Bd {
        buffer: BufferId(0),
        dims: Vec::new(),
        offset: 0,
        len: 32,
        release: None,
        ..last.clone()
    };
    let program = Program {
        device: "xcve2802".into(),
        buffers: vec![buffer("ddr", true), buffer("", false)],
        locks: vec![Lock { tile: memory, name: String::new(), id: Some(7), initial: 1 }],
        dmas: vec![
            DmaChannel {
                tile: shim,
                direction: Direction::Mm2s,
                channel: 1,
                repeat_count: 0,
                bds: vec![fetch],
            },
            DmaChannel {
                tile: memory,
                direction: Direction::Mm2s,
                channel: 3,
                repeat_count: 5,
                bds: vec![bd, last],
            },
        ],
        flows: vec![Flow {
            source: port(memory, Bundle::Dma, 3),
            destinations: vec![port(shim, Bundle::Dma, 0)],
            packet: Some(5),
            keep_packet_header: true,
        }],
        ..Program::default()
    };
    assert_eq!(round_trip(&program), program);
}

#[test]
fn keeps_runtime_sequences_and_tensors_in_memory() {
    let shim = tile(1, 0);
    let external = |name: &str, shape: Vec<usize>| Buffer {
        tile: tile(0, 0),
        name: name.into(),
        shape,
        element: Element::I16,
        address: None,
        initial: None,
        external: true,
    };
    let copy = |allocation, buffer, sizes, issue_token| {
        Step::Copy(Memcpy {
            allocation,
            buffer: BufferId(buffer),
            offsets: [0, 0, 1, 2],
            sizes,
            strides: [16, 0, 8, 1],
            id: 3 + allocation as u32,
            issue_token,
            packet: None,
        })
    };
    let interface = |name: &str, memory| Interface {
        streams: Vec::new(),
        memory: Some(BufferId(memory)),
        ..Interface { name: name.into(), ..example().inputs[0].clone() }
    };
    let program = Program {
        device: "npu2".into(),
        buffers: vec![
            external("ddr", vec![2, 4]),
            external("argument0", vec![8, 8]),
            external("argument1", vec![8, 8]),
        ],
        allocations: [("x", Direction::Mm2s), ("y", Direction::S2mm)]
            .map(|(name, direction)| Allocation {
                name: name.into(),
                tile: shim,
                direction,
                channel: 1,
            })
            .into(),
        sequences: vec![Sequence {
            name: "sequence".into(),
            arguments: vec![BufferId(1), BufferId(2)],
            steps: vec![
                copy(0, 1, [2, 1, 2, 4], false),
                copy(1, 2, [1, 1, 3, 2], true),
                Step::Wait { allocation: 1 },
            ],
        }],
        inputs: vec![interface("x", 1)],
        outputs: vec![interface("y", 2), interface("z", 0)],
        ..Program::default()
    };
    assert_eq!(round_trip(&program), program);
}

#[test]
fn keeps_values_in_cores() {
    let lanes = Type::Vector(16, Element::I32);
    let program = Program {
        device: "npu1".into(),
        kernels: vec![
            Kernel {
                name: "make".into(),
                link_with: None,
                cycles: None,
                arguments: vec![Type::Index, Type::Scalar(Element::I32), Type::Scalar(Element::I8)],
                results: vec![lanes.clone(), Type::I1],
            },
            Kernel {
                name: "take".into(),
                link_with: None,
                cycles: None,
                arguments: vec![lanes, Type::I1],
                results: Vec::new(),
            },
        ],
        cores: vec![Core {
            tile: tile(0, 2),
            stack_size: 1024,
            body: vec![Stmt::For {
                variable: Reg(0),
                lower: Argument::Constant(0),
                upper: Argument::Constant(4),
                step: Argument::Constant(4),
                body: vec![
                    Stmt::Call {
                        kernel: KernelId(0),
                        arguments: vec![
                            Argument::Reg(Reg(0)),
                            Argument::Constant(4),
                            Argument::Constant(-4),
                        ],
                        results: vec![Reg(1), Reg(2)],
                    },
                    Stmt::Call {
                        kernel: KernelId(1),
                        arguments: vec![Argument::Reg(Reg(1)), Argument::Reg(Reg(2))],
                        results: Vec::new(),
                    },
                ],
            }],
            slice: None,
            code: None,
        }],
        ..Program::default()
    };
    assert_eq!(round_trip(&program), program);
}

/// The message of the failure to read a device, given by what is in it.
fn failure(body: &str) -> String {
    let context = tools::context();
    let text = format!(
        "aie.device(npu1) {{\n%core = aie.tile(0, 2)\n%memory = aie.tile(0, 1)\n{body}\n}}"
    );
    let module = Module::parse(&context, &text).unwrap_or_else(|| panic!("parses: {text}"));
    match read(devices(module.as_operation())[0]) {
        Ok(program) => panic!("read: {program:?}"),
        Err(failure) => failure.message,
    }
}

#[test]
fn refuses_what_a_program_cannot_say() {
    for (body, message) in [
        (
            "aie.objectfifo @f(%memory, {%core}, 2 : i32) {plio = true} : !aie.objectfifo<memref<4xi32>>",
            "'aie.objectfifo' op has 'plio', which is not supported",
        ),
        (
            "func.func private @f(memref<?xi8>)",
            "'func.func' op has an argument or result of a type that is not supported",
        ),
        (
            "%b = aie.buffer(%core) : memref<4xi32, strided<[2]>>",
            "'aie.buffer' op needs a static, contiguous memref of i8, i16, i32, i64, bf16 or f32",
        ),
        (
            "%c = aie.core(%core) { aie.end } {elf_file = \"a.elf\"}",
            "'aie.core' op has a compiled program, which is not supported",
        ),
        (
            "%c = aie.core(%core) { %x = arith.constant 1.5 : f32
             %y = math.exp %x : f32
             aie.end }",
            "'math.exp' op is not supported in a core: the simulator does not execute it",
        ),
        (
            "%c = aie.core(%core) { %x = arith.constant 1.5 : f16
             aie.end }",
            "'arith.constant' op has a type that is not supported in a core",
        ),
        (
            "%l = aie.lock(%core)
             %c = aie.core(%core) { aie.use_lock(%l, Acquire, 1, NonBlocking)
             aie.end }",
            "'aie.use_lock' op does not wait, which is not supported",
        ),
        (
            "%m = aie.mem(%core) { %0 = aie.dma_start(S2MM, 0, ^end, ^end)
             ^end: aie.end }",
            "'aie.dma_start' op starts a channel without buffer descriptors",
        ),
        (
            "%b = aie.buffer(%core) : memref<4xi32>
             %m = aie.mem(%core) { %0 = aie.dma_start(S2MM, 0, ^bd, ^next)
             ^next: %1 = aie.dma_start(S2MM, 1, ^bd, ^next)
             ^bd: aie.dma_bd(%b : memref<4xi32>)
             aie.next_bd ^bd }",
            "'aie.mem' op has a cycle of 'aie.dma_start' ops",
        ),
        (
            "%b = aie.buffer(%memory) : memref<4xi32>
             %m = aie.memtile_dma(%memory) { %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
             ^bd: aie.dma_bd(%b : memref<4xi32>, 0, 6, [<size = 4, stride = 1>],
                             [<const_pad_before = 1, const_pad_after = 1>], pad_value = 3)
             aie.next_bd ^end
             ^end: aie.end }",
            "'aie.dma_bd' op pads with something else than zeros, which is not supported",
        ),
    ] {
        assert_eq!(failure(body), message, "{body}");
    }
}

/// Calls of constants, defaults of locks and descriptors, and declarations after their use.
#[test]
fn reads_what_others_write() {
    let context = tools::context();
    let text = "aie.device(npu1) {
        %t = aie.tile(0, 2)
        %b = aie.buffer(%t) : memref<2x4xi32>
        %l = aie.lock(%t, 3)
        %c = aie.core(%t) {
          %v = arith.constant -2 : i32
          func.call @k(%v, %b) : (i32, memref<2x4xi32>) -> ()
          aie.use_lock(%l, Release)
          aie.end
        }
        %m = aie.mem(%t) {
          %0 = aie.dma_start(MM2S, 1, ^bd, ^end, repeat_count = 2)
        ^end:
          aie.end
        ^bd:
          aie.dma_bd_packet(1, 2)
          aie.dma_bd(%b : memref<2x4xi32>)
          aie.next_bd ^end
        }
        func.func private @k(i32, memref<2x4xi32>)
      }";
    let module = Module::parse(&context, text).expect("the text is valid");
    let program = read(devices(module.as_operation())[0]).expect("the program is supported");
    assert_eq!(program.locks[0].id, Some(3));
    let call = Stmt::Call {
        kernel: KernelId(0),
        arguments: vec![Argument::Constant(-2), Argument::Buffer(BufferId(0))],
        results: Vec::new(),
    };
    assert_eq!(program.cores[0].body, [call, Stmt::UseLock(release(0, 1))]);
    let [channel] = program.dmas.as_slice() else { panic!("one channel: {:?}", program.dmas) };
    assert_eq!((channel.channel, channel.repeat_count), (1, 2));
    assert_eq!((channel.bds[0].offset, channel.bds[0].len, channel.bds[0].next), (0, 8, None));
    assert_eq!(channel.bds[0].packet, Some(Packet { kind: 1, id: 2 }));
}

fn elements() -> impl Strategy<Value = Element> {
    use Element::*;
    prop::sample::select(vec![I8, I16, I32, I64, Bf16, F32])
}

fn buffers() -> impl Strategy<Value = Buffer> {
    (vec(1usize..5, 1..4), elements(), option::of(0u32..1000), 3u32..6, any::<Option<u8>>())
        .prop_map(|(shape, element, address, row, fill)| {
            let mut buffer = Buffer {
                tile: tile(7, row),
                name: String::new(),
                shape,
                element,
                address: address.map(|address| address * 32),
                initial: None,
                external: false,
            };
            // Even seeds make a splat, the others do not.
            buffer.initial = fill.map(|fill| {
                (0..buffer.bytes())
                    .map(|i| fill.wrapping_add(if fill % 2 == 0 { 0 } else { i as u8 }))
                    .collect()
            });
            buffer
        })
}

fn interfaces() -> impl Strategy<Value = Interface> {
    let stream = (0u32..30, 0u32..6, any::<bool>(), vec((0usize..9, 0usize..9, 0usize..9), 0..4));
    let numbers =
        (0usize..99, 0usize..99, 0usize..99, any::<f32>(), any::<i64>(), any::<(i64, i64)>());
    ("[a-z./ \"]{0,9}", elements(), any::<bool>(), numbers, vec(stream, 0..3)).prop_filter_map(
        "a finite scale",
        |(name, element, signed, (rows, columns, batch, scale, zero_point, range), streams)| {
            let streams = streams.into_iter().map(|(column, channel, plio, slices)| Stream {
                port: port(tile(column, 0), if plio { Bundle::Plio } else { Bundle::Dma }, channel),
                slices: slices
                    .into_iter()
                    .map(|(begin, end, pitch)| StreamSlice { begin, end, pitch })
                    .collect(),
            });
            scale.is_finite().then(|| Interface {
                name,
                rows,
                columns,
                batch,
                element,
                signed,
                scale: scale.into(),
                zero_point,
                range,
                streams: streams.collect(),
                memory: None,
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn keeps_buffers(mut buffers in vec(buffers(), 0..5)) {
        for (i, buffer) in buffers.iter_mut().enumerate() {
            buffer.name = format!("b{i}");
        }
        let program = Program { device: "xcve2802".into(), buffers, ..Program::default() };
        prop_assert_eq!(round_trip(&program), program);
    }

    #[test]
    fn keeps_interfaces(inputs in vec(interfaces(), 0..3), outputs in vec(interfaces(), 0..3)) {
        let program = Program { device: "npu2".into(), inputs, outputs, ..Program::default() };
        prop_assert_eq!(round_trip(&program), program);
    }

    /// Chains of any form: the descriptors in order, ended or looped to any of them.
    #[test]
    fn keeps_chains(channels in vec((1usize..5, any::<prop::sample::Index>(), any::<bool>()), 1..5)) {
        let buffer = Buffer {
            tile: tile(7, 1),
            name: "b".into(),
            shape: vec![64],
            element: Element::I32,
            address: None,
            initial: None,
            external: false,
        };
        let dmas = channels.into_iter().enumerate().map(|(i, (count, back, looped))| DmaChannel {
            tile: tile(7, 1),
            direction: Direction::Mm2s,
            channel: i as u32,
            repeat_count: 0,
            bds: (0..count)
                .map(|bd| Bd {
                    buffer: BufferId(0),
                    offset: bd,
                    len: 4,
                    dims: Vec::new(),
                    pad: Vec::new(),
                    acquire: None,
                    release: None,
                    packet: None,
                    next: if bd + 1 < count { Some(bd + 1) } else { looped.then(|| back.index(count)) },
                })
                .collect(),
        });
        let program =
            Program { device: "npu1".into(), buffers: vec![buffer], dmas: dmas.collect(), ..Program::default() };
        let moved = Program { buffers: vec![Buffer { tile: tile(2, 1), ..program.buffers[0].clone() }],
            dmas: program.dmas.iter().map(|c| DmaChannel { tile: tile(2, 1), ..c.clone() }).collect(), ..program };
        prop_assert_eq!(round_trip(&moved), moved);
    }
}
