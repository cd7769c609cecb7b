//! Small programs by hand, one behavior each.

pub mod time;

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;

use super::dma::{Run, runs};
use super::{CASCADE_BYTES, Call, Cell, Engine, Failure, Interrupt, Kernels, Tag, Value};
use crate::array::*;

const PLIO: Tile = Tile { column: 4, row: 0 };
const MEMORY: Tile = Tile { column: 4, row: 1 };
const CORE: Tile = Tile { column: 4, row: 3 };

fn tile(column: u32, row: u32) -> Tile {
    Tile { column, row }
}

fn port(tile: Tile, bundle: Bundle, channel: u32) -> Port {
    Port { tile, bundle, channel }
}

fn dma(tile: Tile, channel: u32) -> Port {
    port(tile, Bundle::Dma, channel)
}

fn acquire(lock: LockId, value: i32) -> UseLock {
    UseLock { lock, action: LockAction::AcquireGreaterEqual, value }
}

fn release(lock: LockId, value: i32) -> UseLock {
    UseLock { lock, action: LockAction::Release, value }
}

/// A descriptor for all of `len` elements, without locks, that follows itself.
fn bd(buffer: BufferId, len: usize) -> Bd {
    Bd {
        buffer,
        offset: 0,
        len,
        dims: Vec::new(),
        pad: Vec::new(),
        acquire: None,
        release: None,
        packet: None,
        next: Some(0),
    }
}

fn dims(dims: &[(usize, usize)]) -> Vec<Dim> {
    dims.iter().map(|&(size, stride)| Dim { size, stride }).collect()
}

/// `body` for ever.
fn forever(body: Vec<Stmt>) -> Vec<Stmt> {
    vec![Stmt::For {
        variable: Reg(0),
        lower: Argument::Constant(0),
        upper: Argument::Constant(i64::MAX),
        step: Argument::Constant(1),
        body,
    }]
}

fn call(kernel: KernelId, buffers: &[BufferId]) -> Stmt {
    Stmt::Call {
        kernel,
        arguments: buffers.iter().map(|&id| Argument::Buffer(id)).collect(),
        results: Vec::new(),
    }
}

/// A buffer pair with its locks.
#[derive(Clone, Copy)]
struct Pair {
    buffers: [BufferId; 2],
    bytes: usize,
    free: LockId,
    full: LockId,
}

struct Builder(Program);

impl Default for Builder {
    fn default() -> Builder {
        Builder(Program { device: "xcve2802".into(), ..Program::default() })
    }
}

impl Builder {
    fn buffer(&mut self, tile: Tile, name: &str, bytes: usize) -> BufferId {
        self.typed(tile, name, bytes, Element::I8)
    }

    fn typed(&mut self, tile: Tile, name: &str, len: usize, element: Element) -> BufferId {
        self.0.buffers.push(Buffer {
            tile,
            name: name.into(),
            shape: vec![len],
            element,
            address: None,
            initial: None,
            external: false,
        });
        BufferId(self.0.buffers.len() - 1)
    }

    fn external(&mut self, name: &str, bytes: usize) -> BufferId {
        let id = self.buffer(PLIO, name, bytes);
        self.0.buffers[id.0].external = true;
        id
    }

    fn lock(&mut self, tile: Tile, name: &str, initial: i32) -> LockId {
        self.0.locks.push(Lock { tile, name: name.into(), id: None, initial });
        LockId(self.0.locks.len() - 1)
    }

    fn pair(&mut self, tile: Tile, name: &str, bytes: usize) -> Pair {
        let buffers = [0, 1].map(|i| self.buffer(tile, &format!("{name}{i}"), bytes));
        let free = self.lock(tile, &format!("{name}_free"), 2);
        let full = self.lock(tile, &format!("{name}_full"), 0);
        Pair { buffers, bytes, free, full }
    }

    fn channel(&mut self, tile: Tile, direction: Direction, channel: u32, bds: Vec<Bd>) {
        self.0.dmas.push(DmaChannel { tile, direction, channel, repeat_count: 0, bds });
    }

    /// Ping-pong into or out of `pair`, each time as `shape` changes the descriptor.
    fn ping_pong(
        &mut self,
        tile: Tile,
        direction: Direction,
        channel: u32,
        pair: Pair,
        shape: impl Fn(&mut Bd),
    ) {
        let (take, give) = match direction {
            Direction::S2mm => (pair.free, pair.full),
            Direction::Mm2s => (pair.full, pair.free),
        };
        let bds = [0, 1].map(|i| {
            let mut bd = bd(pair.buffers[i], pair.bytes);
            bd.acquire = Some(acquire(take, 1));
            bd.release = Some(release(give, 1));
            bd.next = Some(1 - i);
            shape(&mut bd);
            bd
        });
        self.channel(tile, direction, channel, bds.into());
    }

    fn flow(&mut self, source: Port, destinations: &[Port]) {
        self.0.flows.push(Flow {
            source,
            destinations: destinations.into(),
            packet: None,
            keep_packet_header: false,
        });
    }

    fn packet_flow(&mut self, id: u8, source: Port, destinations: &[Port], keep: bool) {
        self.0.flows.push(Flow {
            source,
            destinations: destinations.into(),
            packet: Some(id),
            keep_packet_header: keep,
        });
    }

    fn kernel(&mut self, name: &str, sizes: &[usize]) -> KernelId {
        self.0.kernels.push(Kernel {
            name: name.into(),
            link_with: Some(format!("{name}.o")),
            arguments: sizes.iter().map(|&size| Type::MemRef(vec![size], Element::I8)).collect(),
            results: Vec::new(),
        });
        KernelId(self.0.kernels.len() - 1)
    }

    fn core(&mut self, tile: Tile, body: Vec<Stmt>) {
        self.0.cores.push(Core { tile, stack_size: 1024, body, slice: None, code: None });
    }

    /// A core that calls `kernel` from each half of `from` to each half of `to` in turn.
    fn worker(&mut self, tile: Tile, kernel: KernelId, from: Pair, to: Pair) {
        let body = [0, 1]
            .iter()
            .flat_map(|&i| {
                [
                    Stmt::UseLock(acquire(from.full, 1)),
                    Stmt::UseLock(acquire(to.free, 1)),
                    call(kernel, &[from.buffers[i], to.buffers[i]]),
                    Stmt::UseLock(release(from.free, 1)),
                    Stmt::UseLock(release(to.full, 1)),
                ]
            })
            .collect();
        self.core(tile, forever(body));
    }

    fn input(&mut self, port: Port, bytes: usize) {
        self.0.inputs.push(interface("x", port, bytes));
    }

    fn output(&mut self, port: Port, bytes: usize) {
        self.0.outputs.push(interface("y", port, bytes));
    }

    fn engine(&self) -> Engine<u8> {
        Engine::new(&self.0, Rc::new(bytes)).unwrap()
    }

    fn refusal(&self) -> String {
        Engine::new(&self.0, Rc::new(bytes))
            .err()
            .expect("the program should be refused")
            .to_string()
    }

    fn fault(&self, inputs: &[Vec<u8>], iterations: usize) -> String {
        self.engine().run(inputs, iterations).expect_err("the run should fail").to_string()
    }
}

/// One row of `bytes` columns through one port.
fn interface(name: &str, port: Port, bytes: usize) -> Interface {
    Interface {
        name: name.into(),
        rows: 1,
        columns: bytes,
        batch: 1,
        element: Element::I8,
        signed: true,
        scale: 1.0,
        zero_point: 0,
        range: (-128, 127),
        streams: vec![Stream {
            port,
            slices: vec![StreamSlice { begin: 0, end: bytes, pitch: bytes }],
        }],
        memory: None,
    }
}

fn cells<'a, C>(value: &Value<'a, C>) -> &'a [std::cell::Cell<C>] {
    match value {
        Value::Memory { cells, .. } => cells,
        Value::Integer(_) => panic!("not a buffer"),
    }
}

/// Kernels of bytes by name: `add_one`, `spread`, cascade ends.
fn bytes(call: &Call<'_, u8>) -> Result<Vec<i64>, Interrupt> {
    let buffers: Vec<_> = call.arguments.iter().map(cells).collect();
    match call.kernel.name.as_str() {
        "add_one" => {
            for (from, to) in buffers[0].iter().zip(buffers[1]) {
                to.set(from.get().wrapping_add(1));
            }
        }
        "first" | "middle" | "last" => {
            // Sum of what came over the cascade and the own input, 64 bytes at a time.
            for (i, chunk) in buffers[0].chunks(CASCADE_BYTES).enumerate() {
                let mut sum = if call.kernel.name == "first" {
                    [0; CASCADE_BYTES]
                } else {
                    call.cascade.get()?
                };
                for (sum, own) in sum.iter_mut().zip(chunk) {
                    *sum = sum.wrapping_add(own.get());
                }
                match buffers.get(1) {
                    Some(out) => {
                        out[i * CASCADE_BYTES..]
                            .iter()
                            .zip(sum)
                            .for_each(|(cell, value)| cell.set(value));
                    }
                    None => call.cascade.put(sum)?,
                }
            }
        }
        "nothing" => {}
        "refuse" => return Err(Interrupt::Error("it refuses".into())),
        other => return Err(Interrupt::Error(format!("there is no '{other}'"))),
    }
    Ok(Vec::new())
}

fn ramp(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i * 7 + i / 256) as u8).collect()
}

/// PLIO, memory tile, core that adds one, memory tile, PLIO, all in pairs.
fn pipeline(bytes: usize) -> Builder {
    let mut b = Builder::default();
    let plio = port(PLIO, Bundle::Plio, 0);
    let before = b.pair(MEMORY, "in", bytes);
    let x = b.pair(CORE, "x", bytes);
    let y = b.pair(CORE, "y", bytes);
    let after = b.pair(MEMORY, "out", bytes);
    b.flow(plio, &[dma(MEMORY, 0)]);
    b.ping_pong(MEMORY, Direction::S2mm, 0, before, |_| {});
    b.ping_pong(MEMORY, Direction::Mm2s, 0, before, |_| {});
    b.flow(dma(MEMORY, 0), &[dma(CORE, 0)]);
    b.ping_pong(CORE, Direction::S2mm, 0, x, |_| {});
    let kernel = b.kernel("add_one", &[bytes, bytes]);
    b.worker(CORE, kernel, x, y);
    b.ping_pong(CORE, Direction::Mm2s, 0, y, |_| {});
    b.flow(dma(CORE, 0), &[dma(MEMORY, 1)]);
    b.ping_pong(MEMORY, Direction::S2mm, 1, after, |_| {});
    b.ping_pong(MEMORY, Direction::Mm2s, 1, after, |_| {});
    b.flow(dma(MEMORY, 1), &[plio]);
    b.input(plio, bytes);
    b.output(plio, bytes);
    b
}

/// PLIO in, one pair on a memory tile, PLIO out; `shape` changes what is sent, `bytes` of it.
fn turn(bytes: usize, sent: usize, shape: impl Fn(&mut Bd)) -> Builder {
    let mut b = Builder::default();
    let plio = port(PLIO, Bundle::Plio, 0);
    let m = b.pair(MEMORY, "m", bytes);
    b.flow(plio, &[dma(MEMORY, 0)]);
    b.flow(dma(MEMORY, 0), &[plio]);
    b.ping_pong(MEMORY, Direction::S2mm, 0, m, |_| {});
    b.ping_pong(MEMORY, Direction::Mm2s, 0, m, shape);
    b.input(plio, bytes);
    b.output(plio, sent);
    b
}

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

/// Three cores in a cascade, each with its own input stream.
fn cascade(bytes: usize) -> Builder {
    let mut b = Builder::default();
    let tiles = [tile(4, 3), tile(5, 3), tile(6, 3)];
    b.0.cascades = vec![(tiles[0], tiles[1]), (tiles[1], tiles[2])];
    for (i, name) in ["first", "middle", "last"].into_iter().enumerate() {
        let at = tiles[i];
        let plio = port(PLIO, Bundle::Plio, i as u32);
        let x = b.buffer(at, &format!("x{i}"), bytes);
        let (free, full) =
            (b.lock(at, &format!("x{i}_free"), 1), b.lock(at, &format!("x{i}_full"), 0));
        b.flow(plio, &[dma(at, 0)]);
        b.input(plio, bytes);
        let mut receive = bd(x, bytes);
        (receive.acquire, receive.release) = (Some(acquire(free, 1)), Some(release(full, 1)));
        b.channel(at, Direction::S2mm, 0, vec![receive]);
        let mut body = vec![Stmt::UseLock(acquire(full, 1))];
        if name == "last" {
            let y = b.buffer(at, "y", bytes);
            let (free_y, full_y) = (b.lock(at, "y_free", 1), b.lock(at, "y_full", 0));
            let kernel = b.kernel(name, &[bytes, bytes]);
            body.extend([
                Stmt::UseLock(acquire(free_y, 1)),
                call(kernel, &[x, y]),
                Stmt::UseLock(release(full_y, 1)),
            ]);
            let mut send = bd(y, bytes);
            (send.acquire, send.release) = (Some(acquire(full_y, 1)), Some(release(free_y, 1)));
            b.channel(at, Direction::Mm2s, 0, vec![send]);
            b.flow(dma(at, 0), &[port(PLIO, Bundle::Plio, 0)]);
            b.output(port(PLIO, Bundle::Plio, 0), bytes);
        } else {
            let kernel = b.kernel(name, &[bytes]);
            body.push(call(kernel, &[x]));
        }
        body.push(Stmt::UseLock(release(free, 1)));
        b.core(at, forever(body));
    }
    b
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
fn a_missing_release_is_explained() {
    let mut b = pipeline(64);
    for bd in &mut b.0.dmas[2].bds {
        bd.release = None;
    }
    let text = b.fault(&[ramp(64)], 1);
    assert!(
        text.starts_with("deadlock:\n  output 'y' at PLIO 0 of tile (4,0) has 0 of 16 words"),
        "{text}"
    );
    let expected = "these keep the others waiting:\n  core (4,3) waits to acquire lock 'x_full' (value 0, needs 1), \
                    which nothing else releases";
    assert!(text.contains(expected), "{text}");
    let expected = "S2MM 1 of tile (4,1), BD 0 on 'out0', waits for data (0 of 16 words moved), \
                    sent by MM2S 0 of tile (4,3)";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_cross_wait_is_a_cycle() {
    let mut b = Builder::default();
    let (left, right) = (tile(4, 3), tile(5, 3));
    let (p, q) = (b.lock(left, "p", 0), b.lock(left, "q", 0));
    b.core(left, vec![Stmt::UseLock(acquire(p, 1)), Stmt::UseLock(release(q, 1))]);
    let y = b.buffer(right, "y", 4);
    let full = b.lock(right, "y_full", 0);
    let body = [acquire(q, 1), release(p, 1), release(full, 1)].map(Stmt::UseLock);
    b.core(right, body.into());
    b.channel(right, Direction::Mm2s, 0, vec![Bd { acquire: Some(acquire(full, 1)), ..bd(y, 4) }]);
    b.flow(dma(right, 0), &[port(PLIO, Bundle::Plio, 1)]);
    b.output(port(PLIO, Bundle::Plio, 1), 4);
    let failure = b.engine().run(&[], 1).unwrap_err();
    let Failure::Deadlock(deadlock) = &failure else { panic!("{failure}") };
    let expected = [
        "core (5,3) waits to acquire lock 'q' (value 0, needs 1), released by core (4,3)",
        "core (4,3) waits to acquire lock 'p' (value 0, needs 1), released by core (5,3)",
    ];
    assert_eq!(deadlock.cycle, expected, "{failure}");
    assert!(deadlock.roots.is_empty(), "{failure}");
    let expected = [
        "output 'y' at PLIO 1 of tile (4,0) waits for data (0 of 1 words arrived), sent by MM2S 0 of tile (5,3)",
        "MM2S 0 of tile (5,3), BD 0 on 'y', waits to acquire lock 'y_full' (value 0, needs 1), released by core (5,3)",
    ];
    assert_eq!(deadlock.waits, expected, "{failure}");
}

#[test]
fn a_cascade_that_is_not_read_is_explained() {
    let mut b = cascade(16 * CASCADE_BYTES);
    // The last core does not begin, for its lock has the wrong name.
    let never = b.lock(tile(6, 3), "never", 0);
    let Stmt::For { body, .. } = &mut b.0.cores[2].body[0] else { unreachable!() };
    body[0] = Stmt::UseLock(acquire(never, 1));
    let failure = b.engine().run(&vec![ramp(1024); 3], 1).unwrap_err();
    let Failure::Deadlock(deadlock) = &failure else { panic!("{failure}") };
    let expected =
        "core (6,3) waits to acquire lock 'never' (value 0, needs 1), which nothing else releases";
    assert_eq!(deadlock.roots, [expected], "{failure}");

    // Nobody reads at all: the reader's core is gone.
    let mut b = cascade(16 * CASCADE_BYTES);
    b.0.cores.pop();
    let y_full = b.0.locks.iter().position(|lock| lock.name == "y_full").unwrap();
    b.0.cores[0].body.insert(0, Stmt::UseLock(release(LockId(y_full), 0)));
    let text = b.fault(&vec![ramp(1024); 3], 1);
    let expected = "core (4,3), in kernel 'first', waits to put to the cascade of tile (5,3), got by core (5,3)";
    assert!(text.contains(expected), "{text}");
    let expected = "core (5,3), in kernel 'middle', waits to put to the cascade of tile (6,3), where no core gets";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_broadcast_stalls_with_its_slowest_reader() {
    let mut b = turn(256, 256, |_| {});
    // A second destination that nothing reads.
    b.0.flows[0].destinations.push(dma(CORE, 1));
    let text = b.fault(&[ramp(256)], 1);
    let expected = "input 'x' at PLIO 0 of tile (4,0) waits for room at DMA 1 of tile (4,3) (48 words left), \
                    which nothing makes, for nothing reads there";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_missing_flow_is_explained() {
    let mut b = turn(64, 64, |_| {});
    b.0.flows.remove(1);
    let text = b.fault(&[ramp(64)], 1);
    let expected = "output 'y' at PLIO 0 of tile (4,0) waits for a stream, but no flow connects it";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn too_few_words_leave_a_descriptor_unfinished() {
    // 64 of 80 bytes arrive; the other half of the pair carries the output.
    let mut b = turn(64, 64, |_| {});
    let extra = b.buffer(CORE, "extra", 80);
    b.channel(CORE, Direction::S2mm, 0, vec![bd(extra, 80)]);
    b.0.flows[0].destinations.push(dma(CORE, 0));
    let failure = b.engine().run(&[ramp(64)], 1).unwrap_err();
    let expected = ["S2MM 0 of tile (4,3), BD 0 on 'extra', got only 16 of 20 words"];
    assert_eq!(failure, Failure::Leftover(expected.map(String::from).into()));
}

#[test]
fn too_many_words_are_left_over() {
    let b = turn(64, 60, |_| {});
    let text = b.fault(&[ramp(64)], 1);
    assert!(
        text.contains("output 'y' at PLIO 0 of tile (4,0) has 1 words beyond its 15"),
        "{text}"
    );

    let mut b = turn(64, 64, |_| {});
    b.0.flows[0].destinations.push(dma(CORE, 0));
    let text = b.fault(&[ramp(64)], 1);
    assert!(text.contains("DMA 0 of tile (4,3) has 16 words that nothing reads"), "{text}");
}

#[test]
fn a_cascade_value_too_many_is_left_over() {
    let mut b = turn(64, 64, |_| {});
    let (one, two) = (tile(8, 3), tile(9, 3));
    b.0.cascades = vec![(one, two)];
    let x = b.buffer(one, "x", 64);
    let kernel = b.kernel("first", &[64]);
    b.core(one, vec![call(kernel, &[x])]);
    let text = b.fault(&[ramp(64)], 1);
    assert!(text.contains("the cascade from tile (8,3) to tile (9,3) holds 1 values"), "{text}");
}

#[test]
fn locks_stay_within_their_range() {
    let mut b = turn(64, 64, |_| {});
    b.0.dmas[0].bds[0].release = Some(release(LockId(1), 63));
    b.0.dmas[0].bds[1].release = Some(release(LockId(1), 63));
    b.0.dmas[1].bds[0].acquire = Some(acquire(LockId(1), 2));
    let text = b.fault(&[ramp(128)], 2);
    let expected =
        "S2MM 0 of tile (4,1): lock 'm_full' of tile (4,1) overflows: 60 plus 63 is above 63";
    assert_eq!(text, expected);

    b.0.dmas[0].bds[0].release = Some(release(LockId(1), -1));
    let text = b.fault(&[ramp(128)], 2);
    assert!(
        text.contains("lock 'm_full' of tile (4,1) is used with value -1, but holds 0 to 63"),
        "{text}"
    );

    b.0.locks[0].initial = 64;
    assert_eq!(b.refusal(), "lock 'm_free' of tile (4,1) begins at 64, but holds 0 to 63");
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
fn descriptors_that_hardware_cannot_run_are_refused() {
    let refusal = |shape: &dyn Fn(&mut Bd)| turn(64, 64, shape).refusal();
    let place = "BD 0 of MM2S 0 of tile (4,1) on 'm0' ";
    for (shape, expected) in [
        (
            &(|bd: &mut Bd| bd.len = 66) as &dyn Fn(&mut Bd),
            "moves 66 elements of 1 bytes, not a multiple of 4 bytes",
        ),
        (&|bd: &mut Bd| bd.len = 68, "reaches element 67 of a buffer of 64"),
        (&|bd: &mut Bd| bd.offset = 4, "reaches element 67 of a buffer of 64"),
        (&|bd: &mut Bd| bd.len = 0, "moves no data"),
        (
            &|bd: &mut Bd| bd.dims = dims(&[(4, 4), (4, 1)]),
            "has dimensions of 16 elements, but moves 64",
        ),
        (
            &|bd: &mut Bd| bd.dims = dims(&[(128, 4), (4, 1)]),
            "has dimensions of more than its 64 elements",
        ),
        (&|bd: &mut Bd| bd.dims = dims(&[(0, 4), (4, 1)]), "has a dimension of size 0"),
        (
            &|bd: &mut Bd| bd.dims = dims(&[(64, usize::MAX)]),
            "reaches beyond a buffer of 64 elements",
        ),
        (&|bd: &mut Bd| bd.pad = vec![Pad::default()], "pads 1 dimensions, but has 0"),
    ] {
        assert_eq!(refusal(shape), format!("{place}{expected}"));
    }
    let mut b = turn(64, 64, |_| {});
    b.0.dmas[0].bds[0].dims = dims(&[(64, 1)]);
    b.0.dmas[0].bds[0].pad = vec![Pad { before: 0, after: 0 }];
    b.engine();
    b.0.dmas[0].bds[0].pad = vec![Pad { before: 0, after: 1 }];
    assert!(b.refusal().contains("pads, which only MM2S channels of memory tiles can"));
}

#[test]
fn wrong_structure_is_refused() {
    let change = |edit: &dyn Fn(&mut Program)| {
        let mut b = pipeline(64);
        edit(&mut b.0);
        b.refusal()
    };
    for (edit, expected) in [
        (
            &(|p: &mut Program| p.dmas.push(p.dmas[0].clone())) as &dyn Fn(&mut Program),
            "S2MM 0 of tile (4,1) has two programs",
        ),
        (&|p| p.cores.push(p.cores[0].clone()), "tile (4,3) has two cores"),
        (
            &|p| p.flows[1].destinations = vec![dma(MEMORY, 0)],
            "two flows lead to DMA 0 of tile (4,1)",
        ),
        (&|p| p.dmas[0].bds.clear(), "S2MM 0 of tile (4,1) has no buffer descriptor"),
        (&|p| p.dmas[0].bds[0].next = Some(7), "buffer descriptor 7 does not exist"),
        (&|p| p.dmas[0].bds[0].buffer = BufferId(99), "buffer 99 does not exist"),
        (&|p| p.dmas[0].bds[0].acquire = Some(acquire(LockId(99), 1)), "lock 99 does not exist"),
        (&|p| p.cores[0].body = vec![call(KernelId(9), &[])], "kernel 9 does not exist"),
        (
            &|p| p.buffers[0].initial = Some(vec![1]),
            "buffer 'in0' has 64 bytes, but 1 bytes of initial contents",
        ),
        (&|p| p.buffers[0].shape = vec![usize::MAX, 2], "buffer 'in0' is too large to simulate"),
        (&|p| p.device = "nothing".into(), "device 'nothing' is not known"),
        (
            &|p| p.dmas[0].tile = tile(38, 1),
            "S2MM 0 of tile (38,1) is outside of device 'xcve2802'",
        ),
        (
            &|p| p.locks[0].tile = tile(0, 11),
            "lock 'in_free' of tile (0,11) is outside of device 'xcve2802'",
        ),
        (&|p| p.cascades = vec![(CORE, MEMORY), (CORE, PLIO)], "two cascades leave tile (4,3)"),
        (&|p| p.cascades = vec![(CORE, MEMORY), (PLIO, MEMORY)], "two cascades enter tile (4,1)"),
        (
            &|p| p.inputs[0].columns = 62,
            "input 'x' at PLIO 0 of tile (4,0) has a slice of columns 0 to 64 at pitch 64, of 62 columns",
        ),
        (
            &|p| p.inputs[0].streams[0].slices[0].pitch = 65,
            "input 'x' at PLIO 0 of tile (4,0) moves 65 bytes per iteration, not a multiple of 4",
        ),
    ] {
        assert_eq!(change(edit), expected);
    }
}

#[test]
fn wrong_calls_are_faults() {
    let change = |edit: &dyn Fn(&mut Builder, &mut Vec<Stmt>)| {
        let mut b = pipeline(64);
        let mut body = Vec::new();
        edit(&mut b, &mut body);
        b.0.cores[0].body = body;
        b.fault(&[ramp(64)], 1)
    };
    let (x, y) = (BufferId(2), BufferId(4));
    let arguments = |arguments: &[Argument]| Stmt::Call {
        kernel: KernelId(0),
        arguments: arguments.into(),
        results: Vec::new(),
    };
    for (edit, expected) in [
        (
            &(|_: &mut Builder, body: &mut Vec<Stmt>| body.push(call(KernelId(0), &[x, x])))
                as &dyn Fn(&mut Builder, &mut Vec<Stmt>),
            "calls 'add_one' with buffer 'x0' twice",
        ),
        (
            &|_, body| body.push(call(KernelId(0), &[x])),
            "calls 'add_one' with 1 arguments, but it takes 2",
        ),
        (
            &|b, body| {
                let small = b.buffer(CORE, "small", 32);
                body.push(call(KernelId(0), &[small, y]));
            },
            "calls 'add_one' with buffer 'small' as argument 0: [32] x I8, but declared as [64] x I8",
        ),
        (
            &|_, body| body.push(arguments(&[Argument::Constant(1), Argument::Buffer(y)])),
            "calls 'add_one' with a number as argument 0, which is none",
        ),
        (
            &|b, body| {
                b.0.kernels[0].arguments = vec![Type::Scalar(Element::I32)];
                body.push(arguments(&[Argument::Reg(Reg(3))]));
            },
            "uses value 3 before it is computed",
        ),
        (
            &|b, body| {
                b.0.kernels[0].arguments = vec![Type::Scalar(Element::I32)];
                body.push(call(KernelId(0), &[x]));
            },
            "calls 'add_one' with buffer 'x0' as argument 0, which is no buffer",
        ),
        (
            &|b, body| {
                let kernel = b.kernel("refuse", &[]);
                body.push(call(kernel, &[]));
            },
            "calls 'refuse': it refuses",
        ),
        (
            &|b, body| {
                let kernel = b.kernel("first", &[64]);
                body.push(call(kernel, &[x]));
            },
            "puts to a cascade, but none leaves its tile",
        ),
        (
            &|b, body| {
                let kernel = b.kernel("nothing", &[]);
                body.push(Stmt::Call { kernel, arguments: Vec::new(), results: vec![Reg(0)] });
            },
            "calls 'nothing' for 1 results, but it returns 0",
        ),
        (
            &|_, body| {
                body.push(Stmt::For {
                    variable: Reg(0),
                    lower: Argument::Constant(0),
                    upper: Argument::Constant(1),
                    step: Argument::Constant(0),
                    body: Vec::new(),
                })
            },
            "loops with step 0, which must be positive",
        ),
    ] {
        assert_eq!(change(edit), format!("core (4,3): {expected}"));
    }
}

#[test]
fn inputs_of_a_wrong_size_are_refused() {
    let b = pipeline(64);
    let text = b.fault(&[], 1);
    assert_eq!(text, "0 inputs given, but the program has 1");
    let text = b.fault(&[ramp(65)], 1);
    assert_eq!(text, "input 'x' has 65 bytes, but 1 iterations of 1 rows of 64 elements have 64");
    // The engine can still run: nothing has happened.
    let mut engine = b.engine();
    assert!(engine.run(&[], 1).is_err());
    assert!(engine.run(&[ramp(64)], 1).is_ok());
    // But not after it failed under way.
    let mut engine = turn(64, 60, |_| {}).engine();
    assert!(engine.run(&[ramp(64)], 1).is_err());
    assert_eq!(engine.run(&[ramp(64)], 1).unwrap_err().to_string(), "the array has failed before");
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

/// The elements that `bd` visits, by the definition: an index per dimension, padding where it is outside.
fn naive(bd: &Bd) -> Vec<Option<usize>> {
    if bd.dims.is_empty() {
        return (bd.offset..bd.offset + bd.len).map(Some).collect();
    }
    let pad = |i: usize| bd.pad.get(i).copied().unwrap_or_default();
    let extent = |i: usize| pad(i).before + bd.dims[i].size + pad(i).after;
    let total: usize = (0..bd.dims.len()).map(extent).product();
    (0..total)
        .map(|mut linear| {
            let mut at = Some(bd.offset);
            for i in (0..bd.dims.len()).rev() {
                let index = (linear % extent(i))
                    .checked_sub(pad(i).before)
                    .filter(|&index| index < bd.dims[i].size);
                linear /= extent(i);
                at = at.zip(index).map(|(at, index)| at + index * bd.dims[i].stride);
            }
            at
        })
        .collect()
}

prop_compose! {
    /// A descriptor and a buffer that holds it.
    fn descriptors()(
        element in prop::sample::select(vec![Element::I8, Element::I16, Element::I32, Element::I64]),
        offset in 0usize..9,
        dims in prop::collection::vec((1usize..6, 0usize..20), 1..=4),
        pad in prop::collection::vec((0usize..3, 0usize..3), 4),
        padded in any::<bool>(),
        contiguous in any::<bool>(),
    ) -> (Bd, Buffer) {
        let mut dims: Vec<Dim> = dims.into_iter().map(|(size, stride)| Dim { size, stride }).collect();
        if contiguous {
            dims.last_mut().unwrap().stride = 1;
        }
        let mut pad: Vec<Pad> = pad[..dims.len()].iter().map(|&(before, after)| Pad { before, after }).collect();
        if !padded {
            pad.clear();
        }
        // Whole words: make the outermost dimension a multiple of 4 elements.
        dims[0].size = 4;
        if let Some(pad) = pad.first_mut() {
            *pad = Pad { before: pad.before, after: 4 - pad.before };
        }
        let mut bd = bd(BufferId(0), 0);
        bd.offset = offset;
        let reach: usize = dims.iter().map(|dim| (dim.size - 1) * dim.stride).sum();
        (bd.dims, bd.pad) = (dims, pad);
        bd.len = naive(&bd).len();
        let mut b = Builder::default();
        b.typed(MEMORY, "m", offset + reach + 1, element);
        (bd, b.0.buffers.remove(0))
    }
}

proptest! {
    #[test]
    fn runs_are_the_elements_in_order((bd, buffer) in descriptors()) {
        let width = buffer.element.bytes();
        let expected: Vec<Option<usize>> = naive(&bd)
            .into_iter()
            .flat_map(|element| (0..width).map(move |byte| element.map(|element| element * width + byte)))
            .collect();
        let runs = runs(&bd, &buffer).unwrap();
        let bytes: Vec<Option<usize>> = runs
            .iter()
            .flat_map(|&Run { at, bytes }| (0..bytes).map(move |byte| at.map(|at| at + byte)))
            .collect();
        prop_assert_eq!(bytes, expected);
        // And as few as there can be.
        for pair in runs.windows(2) {
            prop_assert_ne!(pair[0].at.map(|at| at + pair[0].bytes), pair[1].at);
        }
    }

    #[test]
    fn a_descriptor_sends_its_elements((mut bd, buffer) in descriptors()) {
        let mut b = Builder::default();
        let out = port(PLIO, Bundle::Plio, 0);
        let contents = ramp(buffer.bytes());
        b.0.buffers.push(Buffer { initial: Some(contents.clone()), ..buffer.clone() });
        let width = buffer.element.bytes();
        let expected: Vec<u8> = naive(&bd)
            .into_iter()
            .flat_map(|element| (0..width).map(move |byte| element.map(|element| element * width + byte)))
            .map(|at| at.map_or(0, |at| contents[at]))
            .collect();
        bd.next = None;
        b.channel(MEMORY, Direction::Mm2s, 0, vec![bd]);
        b.flow(dma(MEMORY, 0), &[out]);
        b.output(out, expected.len());
        prop_assert_eq!(b.engine().run(&[], 1).unwrap(), [expected]);
    }

    /// Data goes through any chain of memory tiles unchanged, whatever the sizes
    /// of the pieces and whichever permutation one stage applies and the next undoes.
    #[test]
    fn a_pipeline_of_copies_preserves_data(
        stages in prop::collection::vec((1usize..5, 1usize..4, any::<bool>()), 1..6),
        iterations in 1usize..4,
    ) {
        let bytes = 240;
        let mut b = Builder::default();
        let plio = port(PLIO, Bundle::Plio, 0);
        let mut before = plio;
        for (i, &(pieces, depth, transpose)) in stages.iter().enumerate() {
            let at = tile(i as u32, 1);
            let size = bytes / [1, 3, 5, 15][pieces - 1];
            // `depth` buffers in a ring.
            let free = b.lock(at, "free", depth as i32);
            let full = b.lock(at, "full", 0);
            let buffers: Vec<BufferId> = (0..depth).map(|j| b.buffer(at, &format!("m{i}_{j}"), size)).collect();
            let ring = |take, give, dims: Vec<Dim>| {
                buffers
                    .iter()
                    .enumerate()
                    .map(|(j, &buffer)| Bd {
                        acquire: Some(acquire(take, 1)),
                        release: Some(release(give, 1)),
                        dims: dims.clone(),
                        next: Some((j + 1) % depth),
                        ..bd(buffer, size)
                    })
                    .collect::<Vec<_>>()
            };
            // Rows of 4 words in, columns in memory, rows out: the identity by two transpositions.
            let permuted = if transpose { dims(&[(size / 16, 4), (4, size / 4), (4, 1)]) } else { Vec::new() };
            let (receive, send) = (ring(free, full, permuted.clone()), ring(full, free, permuted));
            b.channel(at, Direction::S2mm, 0, receive);
            b.channel(at, Direction::Mm2s, 0, send);
            b.flow(before, &[dma(at, 0)]);
            before = dma(at, 0);
        }
        b.flow(before, &[plio]);
        b.input(plio, bytes);
        b.output(plio, bytes);
        let input = ramp(bytes * iterations);
        prop_assert_eq!(b.engine().run(std::slice::from_ref(&input), iterations).unwrap(), [input]);
    }
}

/// Trait objects and closures are kernels alike.
#[test]
fn closures_are_kernels() {
    let kernels: Rc<dyn Kernels<u8>> = Rc::new(|_: &Call<'_, u8>| Ok(Vec::new()));
    assert!(Engine::new(&Builder::default().0, kernels).unwrap().run(&[], 0).unwrap().is_empty());
}
