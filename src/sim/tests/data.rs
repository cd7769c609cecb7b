//! Data moves: descriptors, broadcasts, cascades, packets, the edge, tags.

use super::*;

#[test]
fn a_pipeline_with_ping_pong_computes_several_iterations() {
    let input = ramp(5 * 256);
    let expected = vec![input.iter().map(|byte| byte.wrapping_add(1)).collect::<Vec<u8>>()];
    let mut engine = pipeline(256).engine();
    assert_eq!(engine.run(std::slice::from_ref(&input), 5).unwrap(), expected);
    // The same engine goes on with the other half of the pair.
    assert_eq!(engine.run(&[input], 5).unwrap(), expected);
}

#[test]
fn four_dimensions_retile_blocks() {
    // 32 x 32 row-major to 4 x 8 blocks.
    let b = turn(1024, 1024, |bd| bd.dims = dims(&[(8, 128), (4, 8), (4, 32), (8, 1)]));
    let input = ramp(1024);
    let mut expected = Vec::new();
    for (i, j) in (0..8).flat_map(|i| (0..4).map(move |j| (i, j))) {
        for row in 0..4 {
            expected.extend_from_slice(&input[i * 128 + row * 32 + j * 8..][..8]);
        }
    }
    assert_eq!(b.engine().run(&[input], 1).unwrap(), [expected]);
}

#[test]
fn a_receiver_can_scatter() {
    let mut b = turn(64, 64, |_| {});
    for bd in &mut b.0.dmas[0].bds {
        bd.dims = dims(&[(4, 4), (4, 16), (4, 1)]);
    }
    let input = ramp(64);
    let mut expected = vec![0; 64];
    for (i, block) in input.chunks(4).enumerate() {
        expected[i / 4 * 4 + i % 4 * 16..][..4].copy_from_slice(block);
    }
    assert_eq!(b.engine().run(&[input], 1).unwrap(), [expected]);
}

#[test]
fn padding_inserts_zeros_around_every_dimension() {
    // 2 x 6 elements become 4 x 12, with padding that is no multiple of a word in total per row.
    let b = turn(12, 48, |bd| {
        bd.dims = dims(&[(2, 6), (6, 1)]);
        bd.pad = vec![Pad { before: 1, after: 1 }, Pad { before: 1, after: 5 }];
        bd.len = 48;
    });
    let input: Vec<u8> = (1..=12).collect();
    let mut expected = vec![0; 48];
    expected[13..19].copy_from_slice(&input[..6]);
    expected[25..31].copy_from_slice(&input[6..]);
    assert_eq!(b.engine().run(&[input], 1).unwrap(), [expected]);
}

#[test]
fn a_broadcast_reaches_every_destination() {
    let mut b = Builder::default();
    let plio = port(PLIO, Bundle::Plio, 0);
    let tiles = [tile(4, 3), tile(4, 4), tile(4, 5)];
    b.flow(plio, &tiles.map(|tile| dma(tile, 0)));
    b.input(plio, 128);
    let kernel = b.kernel("add_one", &[128, 128]);
    for (i, at) in tiles.into_iter().enumerate() {
        let x = b.pair(at, &format!("x{i}_"), 128);
        let y = b.pair(at, &format!("y{i}_"), 128);
        b.ping_pong(at, Direction::S2mm, 0, x, |_| {});
        b.worker(at, kernel, x, y);
        b.ping_pong(at, Direction::Mm2s, 0, y, |_| {});
        let out = port(PLIO, Bundle::Plio, i as u32);
        b.flow(dma(at, 0), &[out]);
        b.output(out, 128);
    }
    let input = ramp(384);
    let expected: Vec<u8> = input.iter().map(|byte| byte.wrapping_add(1)).collect();
    assert_eq!(b.engine().run(&[input], 3).unwrap(), vec![expected; 3]);
}

#[test]
fn a_cascade_of_three_adds_up() {
    // More values than the cascade holds at once.
    let bytes = 32 * CASCADE_BYTES;
    let inputs: Vec<Vec<u8>> =
        (1..=3).map(|i| ramp(2 * bytes).iter().map(|v| v.wrapping_mul(i)).collect()).collect();
    let expected: Vec<u8> = ramp(2 * bytes).iter().map(|v| v.wrapping_mul(6)).collect();
    assert_eq!(cascade(bytes).engine().run(&inputs, 2).unwrap(), [expected]);
}

#[test]
fn a_chain_repeats_and_ends() {
    let mut b = Builder::default();
    let out = port(PLIO, Bundle::Plio, 0);
    let m = b.buffer(MEMORY, "m", 8);
    b.0.buffers[m.0].initial = Some((1..=8).collect());
    let halves = [(0, Some(1)), (4, None)].map(|(offset, next)| Bd { offset, next, ..bd(m, 4) });
    b.channel(MEMORY, Direction::Mm2s, 0, halves.into());
    b.0.dmas[0].repeat_count = 3;
    b.flow(dma(MEMORY, 0), &[out]);
    b.output(out, 32);
    let expected: Vec<u8> = (1..=8).collect();
    assert_eq!(b.engine().run(&[], 1).unwrap(), [expected.repeat(4)]);
    // Four runs of the chain and no more.
    b.0.outputs[0] = interface("y", out, 36);
    let text = b.fault(&[], 1);
    assert!(text.contains("output 'y' at PLIO 0 of tile (4,0) has 8 of 9 words"), "{text}");
    assert!(text.contains("MM2S 0 of tile (4,1) has ended"), "{text}");
}

/// Two senders share one destination by packets of 32 bytes, 2 each; the third id goes to two places.
fn packets(keep: bool) -> Builder {
    let mut b = Builder::default();
    let out = port(PLIO, Bundle::Plio, 0);
    for (i, at) in [tile(4, 3), tile(5, 3)].into_iter().enumerate() {
        let id = i as u8 + 1;
        let m = b.buffer(at, &format!("m{i}"), 64);
        b.0.buffers[m.0].initial = Some(vec![id; 64]);
        let packet = Some(Packet { kind: 0, id });
        let halves = [(0, Some(1)), (32, None)].map(|(offset, next)| Bd {
            offset,
            next,
            packet,
            ..bd(m, 32)
        });
        b.channel(at, Direction::Mm2s, 0, halves.into());
        b.packet_flow(id, dma(at, 0), &[out], keep);
    }
    b.output(out, if keep { 4 * 36 } else { 4 * 32 });
    b
}

#[test]
fn packets_share_a_destination_one_at_a_time() {
    let output = packets(false).engine().run(&[], 1).unwrap().remove(0);
    let mut sent: Vec<u8> = output
        .chunks(32)
        .map(|packet| {
            assert!(packet.iter().all(|byte| byte == &packet[0]), "packets are mixed: {output:?}");
            packet[0]
        })
        .collect();
    sent.sort_unstable();
    assert_eq!(sent, [1, 1, 2, 2]);
}

#[test]
fn packet_headers_are_kept_on_request() {
    let output = packets(true).engine().run(&[], 1).unwrap().remove(0);
    for packet in output.chunks(36) {
        let header = u32::from_le_bytes(packet[..4].try_into().unwrap());
        assert_eq!(header & 0x1f, u32::from(packet[4]), "id");
        assert_eq!(header >> 16 & 0x1f, 3, "row");
        assert_eq!(header >> 21 & 0x7f, 3 + u32::from(packet[4]), "column");
        assert_eq!(header.count_ones() % 2, 1, "parity");
    }
}

#[test]
fn packet_ids_choose_destinations() {
    let mut b = Builder::default();
    let outs = [0, 1].map(|i| port(PLIO, Bundle::Plio, i));
    let m = b.buffer(MEMORY, "m", 12);
    b.0.buffers[m.0].initial = Some((1..=12).collect());
    let bds = [(1, 0), (2, 4), (3, 8)].map(|(id, offset)| Bd {
        offset,
        packet: Some(Packet { kind: 0, id }),
        next: (id < 3).then_some(id as usize),
        ..bd(m, 4)
    });
    b.channel(MEMORY, Direction::Mm2s, 0, bds.into());
    b.packet_flow(1, dma(MEMORY, 0), &outs[..1], false);
    b.packet_flow(2, dma(MEMORY, 0), &outs[1..], false);
    b.packet_flow(3, dma(MEMORY, 0), &outs, false);
    outs.iter().for_each(|&out| b.output(out, 8));
    let expected = [vec![1, 2, 3, 4, 9, 10, 11, 12], vec![5, 6, 7, 8, 9, 10, 11, 12]];
    assert_eq!(b.engine().run(&[], 1).unwrap(), expected);
}

#[test]
fn shim_channels_move_external_memory() {
    let mut b = Builder::default();
    let shim = tile(2, 0);
    let (from, to) = (b.external("ddr_in", 4096), b.external("ddr_out", 4096));
    b.channel(shim, Direction::Mm2s, 0, vec![Bd { next: None, ..bd(from, 4096) }]);
    b.channel(shim, Direction::S2mm, 0, vec![Bd { next: None, ..bd(to, 4096) }]);
    b.flow(dma(shim, 0), &[dma(MEMORY, 0)]);
    b.flow(dma(MEMORY, 0), &[dma(shim, 0)]);
    let m = b.pair(MEMORY, "m", 512);
    b.ping_pong(MEMORY, Direction::S2mm, 0, m, |_| {});
    b.ping_pong(MEMORY, Direction::Mm2s, 0, m, |_| {});
    let mut engine = b.engine();
    engine.write("ddr_in", &ramp(4096)).unwrap();
    engine.run(&[], 0).unwrap();
    assert_eq!(engine.read("ddr_out").unwrap(), ramp(4096));
    assert_eq!(engine.read("nowhere"), None);
    assert!(engine.write("ddr_in", &[0]).is_err());

    // A channel that does not fill its memory is a failure, although there is no output.
    b.0.dmas[0].bds[0].len = 2048;
    let text = b.fault(&[], 0);
    assert!(text.contains("S2MM 0 of tile (2,0) has not filled its external buffers"), "{text}");
    assert!(text.contains("MM2S 0 of tile (2,0) has ended"), "{text}");
}

#[test]
fn a_host_starts_a_shim_channel_by_its_lock() {
    let mut b = Builder::default();
    let shim = tile(2, 0);
    let (from, to) = (b.external("from", 64), b.external("to", 64));
    let go = b.lock(shim, "go", 0);
    let done = b.lock(shim, "done", 0);
    b.channel(shim, Direction::Mm2s, 0, vec![Bd { acquire: Some(acquire(go, 1)), ..bd(from, 64) }]);
    b.channel(shim, Direction::S2mm, 0, vec![Bd { release: Some(release(done, 1)), ..bd(to, 64) }]);
    b.flow(dma(shim, 0), &[dma(shim, 0)]);
    let mut engine = b.engine();
    engine.write("from", &ramp(64)).unwrap();
    engine.run(&[], 0).unwrap();
    assert_eq!(engine.lock(done), Some(0));
    engine.release(go, 1).unwrap();
    engine.run(&[], 0).unwrap();
    assert_eq!(engine.lock(done), Some(1));
    assert_eq!(engine.read("to").unwrap(), ramp(64));
}

#[test]
fn an_interface_is_cut_into_padded_slices() {
    // 3 rows of 5 columns over two streams; the second in two slices; the last row is missing.
    let mut b = Builder::default();
    let ports = [0, 1].map(|i| port(PLIO, Bundle::Plio, i));
    let slice = |begin, end, pitch| StreamSlice { begin, end, pitch };
    let streams = vec![
        Stream { port: ports[0], slices: vec![slice(0, 2, 4)] },
        Stream { port: ports[1], slices: vec![slice(2, 3, 1), slice(3, 5, 3)] },
    ];
    b.0.inputs.push(Interface {
        rows: 4,
        columns: 5,
        streams: streams.clone(),
        ..interface("x", ports[0], 5)
    });
    b.0.outputs.push(Interface { rows: 4, columns: 5, streams, ..interface("y", ports[0], 5) });
    for plio in ports {
        b.flow(plio, &[plio]);
    }
    let mut expected: Vec<u8> = (1..=35).collect();
    let input = expected.clone();
    expected.resize(40, 0);
    assert_eq!(b.engine().run(&[input], 2).unwrap(), [expected.clone()]);

    // The same, and what the streams carry.
    b.0.outputs[0] = Interface { rows: 4, columns: 4, ..interface("y", ports[1], 4) };
    b.0.outputs[0].streams[0].slices[0] = slice(0, 4, 4);
    b.0.flows.remove(0);
    b.0.inputs[0].streams.remove(0);
    let carried = b.engine().run(&[(1..=20).collect()], 1).unwrap();
    assert_eq!(carried, [vec![3, 8, 13, 18, 4, 5, 0, 9, 10, 0, 14, 15, 0, 19, 20, 0]]);
}

#[test]
fn tags_prove_where_bytes_go() {
    let b = turn(16, 32, |bd| {
        bd.dims = dims(&[(4, 4), (4, 1)]);
        bd.pad = vec![Pad::default(), Pad { before: 0, after: 4 }];
        bd.len = 32;
    });
    let kernels = |_: &Call<'_, Tag>| Ok(Vec::new());
    let mut engine = Engine::<Tag>::new(&b.0, Rc::new(kernels)).unwrap();
    let input: Vec<Tag> = (1..=16).map(Tag).collect();
    let output = engine.run(&[input], 1).unwrap().remove(0);
    let expected: Vec<u64> =
        (0..4).flat_map(|row| (1..=4).map(move |i| row * 4 + i).chain([0; 4])).collect();
    assert_eq!(output, expected.into_iter().map(Tag).collect::<Vec<_>>());
}

#[test]
fn tags_tell_what_a_kernel_is_given() {
    let mut b = pipeline(16);
    let weights = b.buffer(CORE, "w", 4);
    b.0.buffers[weights.0].initial = Some(vec![5, 6, 7, 8]);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = seen.clone();
    let kernels = move |call: &Call<'_, Tag>| {
        let (x, y) = (cells(&call.arguments[0]), cells(&call.arguments[1]));
        log.borrow_mut().push((call.tile, x[0].get(), y[0].get()));
        x.iter().zip(y).for_each(|(x, y)| y.set(Tag(x.get().0 + 100)));
        Ok(Vec::new())
    };
    let mut engine = Engine::<Tag>::new(&b.0, Rc::new(kernels)).unwrap();
    let output = engine.run(&[(1..=32).map(Tag).collect()], 2).unwrap().remove(0);
    assert_eq!(output, (101..=132).map(Tag).collect::<Vec<_>>());
    assert_eq!(*seen.borrow(), [(CORE, Tag(1), Tag::UNDEFINED), (CORE, Tag(17), Tag::UNDEFINED)]);
    assert_eq!(engine.read("w").unwrap()[3].as_constant(), Some(8));
    assert_eq!(Tag(7).as_constant(), None);
    assert_eq!(Tag::UNDEFINED.as_constant(), None);
}

#[test]
fn an_exact_acquire_does_not_change_the_lock() {
    let mut b = Builder::default();
    let gate = b.lock(CORE, "gate", 2);
    let exactly = UseLock { lock: gate, action: LockAction::AcquireEqual, value: 2 };
    b.core(
        CORE,
        vec![Stmt::UseLock(exactly), Stmt::UseLock(exactly), Stmt::UseLock(acquire(gate, 1))],
    );
    let mut engine = b.engine();
    engine.run(&[], 0).unwrap();
    assert_eq!(engine.lock(gate), Some(1));
}

#[test]
fn an_engine_can_be_dropped_in_the_middle_of_kernels() {
    let mut b = cascade(16 * CASCADE_BYTES);
    b.0.cores.remove(0);
    // Both remaining kernels wait in their cascade for ever.
    assert!(b.engine().run(&vec![ramp(1024); 3], 1).is_err());
}

#[test]
fn loops_pass_their_variable_to_kernels() {
    let mut b = Builder::default();
    let kernel = b.kernel("k", &[]);
    b.0.kernels[kernel.0].arguments = vec![Type::Index, Type::Scalar(Element::I32)];
    let arguments = vec![Argument::Reg(Reg(0)), Argument::Reg(Reg(1))];
    let inner = Stmt::For {
        variable: Reg(1),
        lower: Argument::Reg(Reg(0)),
        upper: Argument::Constant(6),
        step: Argument::Constant(2),
        body: vec![Stmt::Call { kernel, arguments, results: vec![Reg(2)] }],
    };
    let outer = Stmt::For {
        variable: Reg(0),
        lower: Argument::Constant(3),
        upper: Argument::Constant(5),
        step: Argument::Constant(1),
        body: vec![inner],
    };
    b.core(CORE, vec![outer]);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = seen.clone();
    let kernels = move |call: &Call<'_, u8>| {
        let numbers: Vec<i64> = call
            .arguments
            .iter()
            .map(|value| match value {
                Value::Integer(value) => *value,
                Value::Memory { .. } => panic!("not a number"),
            })
            .collect();
        log.borrow_mut().push(numbers);
        Ok(vec![0])
    };
    Engine::new(&b.0, Rc::new(kernels)).unwrap().run(&[], 0).unwrap();
    assert_eq!(*seen.borrow(), [[3, 3], [3, 5], [4, 4]]);
}

#[test]
fn a_core_that_never_waits_keeps_nobody_waiting() {
    let mut b = pipeline(64);
    let kernel = b.kernel("nothing", &[]);
    b.core(tile(9, 3), forever(vec![call(kernel, &[])]));
    assert_eq!(b.engine().run(&[vec![1; 64]], 1).unwrap(), [vec![2; 64]]);
}

/// Trait objects and closures are kernels alike.
#[test]
fn closures_are_kernels() {
    let kernels: Rc<dyn Kernels<u8>> = Rc::new(|_: &Call<'_, u8>| Ok(Vec::new()));
    assert!(Engine::new(&Builder::default().0, kernels).unwrap().run(&[], 0).unwrap().is_empty());
}
