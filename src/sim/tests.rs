//! Small programs by hand, one behavior each.

mod data;
mod failures;
mod properties;
mod refusals;
pub mod time;

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;

use super::dma::{Run, runs};
use super::{
    CASCADE_BYTES, Call, Cell, Engine, Failure, Interrupt, Kernels, Note, Sentence, Tag, Value,
};
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
            cycles: None,
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
