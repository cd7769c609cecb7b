//! DMA channels: chains of buffer descriptors between memory and streams.
//!
//! Each descriptor's pattern is worked out once, as a list of *runs* of
//! consecutive bytes; moving data is then copying runs, however many
//! dimensions and paddings the descriptor has.
//!
//! **Invariant:** the runs of a descriptor lie in its buffer and add up to its
//! length, a multiple of 4 bytes.

use std::cell;
use std::rc::Rc;

use super::cell::{Cell, Word, word};
use super::clock::{Activity, Clock, Cycle, Span};
use super::edge::Edge;
use super::fabric::{ActorId, Fabric, Wait, place};
use super::failure::Fault;
use super::memory::Memory;
use super::stream::{CAPACITY, Network, Route, StreamId};
use super::watch;
use crate::array::{
    Bd, Buffer, BufferId, Bundle, Direction, DmaChannel, LockId, Packet, Pad, Part, Port, Program,
    Tile, UseLock,
};
use crate::device::{Device, TileKind};

/// More runs than any array has bytes of memory would mean that a descriptor
/// for external memory goes byte by byte.
const MOST_RUNS: usize = 1 << 26;

/// `bytes` consecutive bytes of memory, or zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// Offset in the buffer, in bytes; `None` for padding.
    pub at: Option<usize>,
    pub bytes: usize,
}

/// The bytes that `bd` visits in `buffer`, in order.
pub(super) fn runs(bd: &Bd, buffer: &Buffer) -> Result<Vec<Run>, String> {
    let width = buffer.element.bytes();
    let elements = buffer.len();
    if bd.len == 0 {
        return Err("moves no data".into());
    }
    if !bd.pad.is_empty() && bd.pad.len() != bd.dims.len() {
        return Err(format!("pads {} dimensions, but has {}", bd.pad.len(), bd.dims.len()));
    }
    if bd.len.checked_mul(width).is_none_or(|bytes| bytes % 4 != 0) {
        return Err(format!(
            "moves {} elements of {width} bytes, not a multiple of 4 bytes",
            bd.len
        ));
    }
    // A plain length is one dimension.
    let dims: Vec<(usize, usize, usize, usize)> = if bd.dims.is_empty() {
        vec![(bd.len, 1, 0, 0)]
    } else {
        let pad = |index: usize| bd.pad.get(index).copied().unwrap_or_default();
        bd.dims
            .iter()
            .enumerate()
            .map(|(i, dim)| (dim.size, dim.stride, pad(i).before, pad(i).after))
            .collect()
    };
    // Elements of each dimension and those within it, padding included.
    let mut volumes = vec![1usize; dims.len() + 1];
    let mut last = Some(bd.offset);
    for (i, &(size, stride, before, after)) in dims.iter().enumerate().rev() {
        if size == 0 {
            return Err("has a dimension of size 0".into());
        }
        let padded = size.checked_add(before).and_then(|sum| sum.checked_add(after));
        volumes[i] = padded
            .and_then(|padded| padded.checked_mul(volumes[i + 1]))
            .filter(|&volume| volume <= bd.len)
            .ok_or_else(|| format!("has dimensions of more than its {} elements", bd.len))?;
        last = last
            .zip((size - 1).checked_mul(stride))
            .and_then(|(last, reach)| last.checked_add(reach));
    }
    if volumes[0] != bd.len {
        return Err(format!("has dimensions of {} elements, but moves {}", volumes[0], bd.len));
    }
    match last {
        Some(last) if last < elements => {}
        Some(last) => return Err(format!("reaches element {last} of a buffer of {elements}")),
        None => return Err(format!("reaches beyond a buffer of {elements} elements")),
    }
    let mut pattern = Pattern { width, dims, volumes, runs: Vec::new() };
    pattern.visit(0, bd.offset)?;
    Ok(pattern.runs)
}

struct Pattern {
    width: usize,
    /// Size, stride, padding before and after.
    dims: Vec<(usize, usize, usize, usize)>,
    volumes: Vec<usize>,
    runs: Vec<Run>,
}

impl Pattern {
    fn visit(&mut self, level: usize, base: usize) -> Result<(), String> {
        let (size, stride, before, after) = self.dims[level];
        let inner = self.volumes[level + 1];
        self.add(None, before * inner)?;
        if level + 1 < self.dims.len() {
            for i in 0..size {
                self.visit(level + 1, base + i * stride)?;
            }
        } else if stride == 1 {
            self.add(Some(base), size)?;
        } else {
            for i in 0..size {
                self.add(Some(base + i * stride), 1)?;
            }
        }
        self.add(None, after * inner)
    }

    /// Add `count` elements at element `at`, joining them with the last run if they continue it.
    fn add(&mut self, at: Option<usize>, count: usize) -> Result<(), String> {
        if count == 0 {
            return Ok(());
        }
        let run = Run { at: at.map(|at| at * self.width), bytes: count * self.width };
        let full = self.runs.len() == MOST_RUNS;
        match self.runs.last_mut() {
            Some(last) if last.at.map(|at| at + last.bytes) == run.at => last.bytes += run.bytes,
            _ if full => return Err("has too fine a pattern to simulate".into()),
            _ => self.runs.push(run),
        }
        Ok(())
    }
}

/// How far a descriptor got.
#[derive(Clone, Copy, Default, Debug)]
struct Cursor {
    run: usize,
    /// Bytes of that run that are done.
    bytes: usize,
}

impl Cursor {
    /// The next piece of at most `most` bytes.
    fn advance(&mut self, runs: &[Run], most: usize) -> Run {
        let run = runs[self.run];
        let bytes = most.min(run.bytes - self.bytes);
        let piece = Run { at: run.at.map(|at| at + self.bytes), bytes };
        self.bytes += bytes;
        if self.bytes == run.bytes {
            *self = Cursor { run: self.run + 1, bytes: 0 };
        }
        piece
    }

    /// Append `count` words of `memory` to `words`.
    fn read<C: Cell>(
        &mut self,
        runs: &[Run],
        memory: &[cell::Cell<C>],
        count: usize,
        words: &mut Vec<Word<C>>,
    ) {
        let target = words.len() + count;
        while words.len() < target {
            let left = runs[self.run].bytes - self.bytes;
            if left >= 4 {
                let piece = self.advance(runs, (left & !3).min((target - words.len()) * 4));
                match piece.at {
                    Some(at) => {
                        let (source, _) = memory[at..at + piece.bytes].as_chunks::<4>();
                        words.extend(
                            source.iter().map(|[a, b, c, d]| [a.get(), b.get(), c.get(), d.get()]),
                        );
                    }
                    None => words.resize(words.len() + piece.bytes / 4, [C::ZERO; 4]),
                }
            } else {
                // The word lies in more than one run.
                let mut word = [C::ZERO; 4];
                for cell in &mut word {
                    if let Some(at) = self.advance(runs, 1).at {
                        *cell = memory[at].get();
                    }
                }
                words.push(word);
            }
        }
    }

    /// Store all of `words`.
    fn write<C: Cell>(&mut self, runs: &[Run], memory: &[cell::Cell<C>], mut words: &[Word<C>]) {
        while !words.is_empty() {
            let left = runs[self.run].bytes - self.bytes;
            if left >= 4 {
                let piece = self.advance(runs, (left & !3).min(words.len() * 4));
                let (now, later) = words.split_at(piece.bytes / 4);
                words = later;
                if let Some(at) = piece.at {
                    let (target, _) = memory[at..at + piece.bytes].as_chunks::<4>();
                    for (cells, word) in target.iter().zip(now) {
                        for (cell, &value) in cells.iter().zip(word) {
                            cell.set(value);
                        }
                    }
                }
            } else {
                for &value in &words[0] {
                    if let Some(at) = self.advance(runs, 1).at {
                        memory[at].set(value);
                    }
                }
                words = &words[1..];
            }
        }
    }
}

/// One DMA channel and where it stands in its chain.
pub(super) struct Channel<C> {
    pub tile: Tile,
    pub direction: Direction,
    pub number: u32,
    /// Whether the chain comes to an end.
    pub finite: bool,
    bds: Vec<Transfer>,
    /// Where an S2MM channel reads.
    stream: Option<StreamId>,
    current: usize,
    /// The descriptor at which the chain begins.
    entry: usize,
    /// Further runs of the chain after this one.
    repeats: u32,
    phase: Phase,
    /// The queue that the host starts descriptors by, if it does.
    queue: Option<usize>,
    wait: Option<Wait>,
    words: Vec<Word<C>>,
    clock: Clock,
    /// Since when the channel asks for the lock of its descriptor.
    asked: Option<Cycle>,
    /// When the first word of the descriptor moved.
    begin: Option<Cycle>,
    /// What is known of the host's memory, in a run with time.
    pub edge: Option<Edge>,
    /// Whether the next access to the host's memory begins anew.
    idle: bool,
}

/// What became of an attempt to go on.
enum Outcome {
    Done,
    Wait(Wait),
    /// Others come first in time.
    Early,
}

struct Transfer {
    part: Part,
    buffer: BufferId,
    runs: Vec<Run>,
    words: usize,
    external: bool,
    acquire: Option<UseLock>,
    release: Option<UseLock>,
    header: Option<Packet>,
    /// Where an MM2S descriptor's words go.
    route: Option<Rc<Route>>,
    next: Option<usize>,
    /// Whether the host is told of the end.
    token: bool,
}

#[derive(Clone, Copy)]
enum Phase {
    Acquire,
    /// An MM2S packet waits for its destinations.
    Claim,
    /// An MM2S packet's header is due.
    Header,
    Move {
        cursor: Cursor,
        /// Words still to move.
        left: usize,
    },
    Ended,
}

impl<C: Cell> Channel<C> {
    pub(super) fn new(
        channel: &DmaChannel,
        part: &dyn Fn(usize) -> Part,
        program: &Program,
        device: &Device,
        network: &Network<C>,
    ) -> Result<Channel<C>, Fault> {
        let name = name(channel.direction, channel.channel, channel.tile);
        let port = Port { tile: channel.tile, bundle: Bundle::Dma, channel: channel.channel };
        let kind = device
            .tile_kind(channel.tile)
            .ok_or_else(|| format!("{name} is outside of device '{}'", device.name))
            .map_err(Fault::at(part(0)))?;
        let pads = kind == TileKind::Mem && channel.direction == Direction::Mm2s;
        let within = matches!(kind, TileKind::Mem | TileKind::Core);
        let mut clock = Clock::of_port(if within { network.inner } else { network.outer });
        clock.spend(device.latency.dma_start);
        if channel.bds.is_empty() {
            return Err(Fault::at(part(0))(format!("{name} has no buffer descriptor")));
        }
        let mut bds = Vec::with_capacity(channel.bds.len());
        for (index, bd) in channel.bds.iter().enumerate() {
            let buffer = &program.buffers[bd.buffer.0];
            let fail = |message: String| {
                let message = format!("BD {index} of {name} on '{}' {message}", buffer.name);
                Fault::at(part(index))(message)
            };
            if bd.pad.iter().any(|pad| *pad != Pad::default()) && !pads {
                return Err(fail("pads, which only MM2S channels of memory tiles can".into()));
            }
            let runs = runs(bd, buffer).map_err(fail)?;
            let route = match channel.direction {
                Direction::S2mm => None,
                Direction::Mm2s => {
                    network.route(port, bd.packet.map(|packet| packet.id)).map_err(fail)?
                }
            };
            bds.push(Transfer {
                part: part(index),
                buffer: bd.buffer,
                words: bd.len * buffer.element.bytes() / 4,
                runs,
                external: buffer.external,
                acquire: bd.acquire,
                release: bd.release,
                header: bd.packet,
                route,
                next: bd.next,
                token: false,
            });
        }
        // A chain without an end comes back to a descriptor within as many steps as it has.
        let mut at = Some(0);
        for _ in 0..bds.len() {
            at = at.and_then(|index: usize| bds[index].next);
        }
        Ok(Channel {
            tile: channel.tile,
            direction: channel.direction,
            number: channel.channel,
            finite: at.is_none(),
            bds,
            stream: network.into(port).filter(|_| channel.direction == Direction::S2mm),
            current: 0,
            entry: 0,
            repeats: channel.repeat_count,
            phase: Phase::Acquire,
            queue: None,
            wait: None,
            words: Vec::with_capacity(CAPACITY),
            clock,
            asked: None,
            begin: None,
            edge: None,
            idle: true,
        })
    }

    /// Rests until the host starts one of the descriptors by that queue, and
    /// says when one of `tokens` has ended.
    pub(super) fn started_by(mut self, queue: usize, tokens: &[bool]) -> Channel<C> {
        for (bd, &token) in self.bds.iter_mut().zip(tokens) {
            bd.token = token;
        }
        Channel { queue: Some(queue), phase: Phase::Ended, ..self }
    }

    /// Make this the reader of its stream, or a writer of those it sends to.
    pub(super) fn connect(&self, me: ActorId, network: &mut Network<C>) {
        if let Some(stream) = self.stream {
            network.set_reader(stream, me);
        }
        for route in self.bds.iter().filter_map(|bd| bd.route.as_deref()) {
            network.add_writer(route, me);
        }
    }

    pub(super) fn name(&self) -> String {
        name(self.direction, self.number, self.tile)
    }

    pub(super) fn wait(&self) -> Option<&Wait> {
        self.wait.as_ref()
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    pub(super) fn stream(&self) -> Option<StreamId> {
        self.stream
    }

    /// Where the channel stands in all that it has to do, as a number.
    pub(super) fn place(&self) -> usize {
        match self.phase {
            Phase::Ended => usize::MAX,
            _ => self.repeats as usize * self.bds.len() + self.current,
        }
    }

    /// The index and buffer of the current descriptor, and how many of its words moved.
    pub(super) fn position(&self) -> (usize, BufferId, usize, usize) {
        let bd = &self.bds[self.current];
        let left = match self.phase {
            Phase::Move { left, .. } => left,
            _ => bd.words,
        };
        (self.current, bd.buffer, bd.words - left, bd.words)
    }

    /// The buffers of all descriptors.
    pub(super) fn buffers(&self) -> impl Iterator<Item = BufferId> {
        self.bds.iter().map(|bd| bd.buffer)
    }

    /// The locks that descriptors release, and where.
    pub(super) fn releases(&self) -> impl Iterator<Item = (LockId, Part)> {
        self.bds.iter().filter_map(|bd| Some((bd.release?.lock, bd.part)))
    }

    /// The current descriptor.
    pub(super) fn part(&self) -> Part {
        self.bds[self.current].part
    }

    /// Go on until there is something to wait for.
    pub(super) fn step(&mut self, me: ActorId, fabric: &mut Fabric<C>) -> Result<(), String> {
        self.wait = None;
        while !self.has_ended() || self.next_task(me, fabric) {
            match self.advance(me, fabric)? {
                Outcome::Done => {}
                Outcome::Wait(wait) => {
                    self.wait = Some(wait);
                    break;
                }
                Outcome::Early => break,
            }
        }
        Ok(())
    }

    /// Take up what the host has started next.
    fn next_task(&mut self, me: ActorId, fabric: &mut Fabric<C>) -> bool {
        let Some(queue) = self.queue.map(|queue| &mut fabric.queues[queue]) else { return false };
        let Some(task) = queue.tasks.pop_front() else { return false };
        let (begin, now) = (self.clock.now, fabric.agenda.now);
        self.clock.wait(now, Some(queue.host), now);
        let (end, cause) = (self.clock.now, self.clock.cause.filter(|_| now > begin));
        let activity = Activity::WaitHost;
        fabric.log.add(me, Span { begin, end, activity, cause });
        fabric.agenda.wake_at(queue.host, self.clock.now);
        (self.current, self.repeats) = task;
        self.entry = self.current;
        self.idle = true;
        self.phase = Phase::Acquire;
        true
    }

    /// Do the next thing, or say what it needs.
    fn advance(&mut self, me: ActorId, fabric: &mut Fabric<C>) -> Result<Outcome, String> {
        let bd = &self.bds[self.current];
        match self.phase {
            Phase::Acquire => {
                fabric.memory.stand(me, bd.part);
                if let Some(acquire) = bd.acquire {
                    if fabric.is_early(me, &self.clock) {
                        return Ok(Outcome::Early);
                    }
                    let asked = *self.asked.get_or_insert(self.clock.now);
                    if !fabric.locks.apply(acquire, Some(me), &mut fabric.agenda)? {
                        return Ok(Outcome::Wait(Wait::Lock(acquire)));
                    }
                    self.asked = None;
                    fabric.memory.used(me, acquire);
                    self.clock.begin();
                    let now = fabric.agenda.now;
                    self.clock.wait(now, fabric.locks.releaser(acquire.lock), now);
                    let activity = Activity::WaitLock(acquire.lock);
                    let cause = self.clock.cause;
                    fabric.log.add(me, Span { begin: asked, end: self.clock.now, activity, cause });
                    self.idle |= self.clock.now > asked;
                    fabric.spend_at_locks(me, &mut self.clock, |latency| latency.dma_lock);
                }
                if bd.external && std::mem::take(&mut self.idle) {
                    let begin = self.clock.now;
                    self.clock.spend(self.edge.as_mut().map_or(0, Edge::begin));
                    let (end, activity) = (self.clock.now, Activity::HostMemory);
                    fabric.log.add(me, Span { begin, end, activity, cause: None });
                }
                self.clock.begin();
                self.phase = match bd.route.as_deref() {
                    Some(route) if route.packet => Phase::Claim,
                    Some(route) if !route.kept.is_empty() => Phase::Header,
                    _ => Phase::Move { cursor: Cursor::default(), left: bd.words },
                };
            }
            Phase::Claim => {
                let destinations = bd.route.as_deref().map_or(&[][..], |route| &route.destinations);
                if fabric.is_early(me, &self.clock) {
                    return Ok(Outcome::Early);
                }
                if !fabric.network.claim(destinations, me) {
                    return Ok(Outcome::Wait(Wait::Packet(destinations.to_vec())));
                }
                let now = fabric.agenda.now;
                self.clock.wait(now, None, now);
                self.phase = Phase::Header;
            }
            Phase::Header => {
                if let Some(route) = bd.route.as_deref() {
                    let kept = &route.kept;
                    if fabric.network.room(kept) == 0 {
                        return Ok(Outcome::Wait(Wait::Room(fabric.network.await_room(kept, me))));
                    }
                    let header = [word(bd.header.map_or(0, |packet| header(packet, self.tile)))];
                    let sender = (me, &mut self.clock);
                    fabric.network.push(route, kept, &header, sender, &mut fabric.agenda);
                }
                self.phase = Phase::Move { cursor: Cursor::default(), left: bd.words };
            }
            Phase::Move { left: 0, .. } => {
                // The end of a packet lets another pass, so it has to come in time.
                let packet = bd.route.as_deref().is_some_and(|route| route.packet);
                if packet && fabric.is_early(me, &self.clock) {
                    return Ok(Outcome::Early);
                }
                self.finish(me, fabric)?;
            }
            Phase::Move { mut cursor, left } => {
                let memory = fabric.memory.cells(bd.buffer);
                // No further than the iteration, so that its last word can be told.
                let most = match &self.edge {
                    Some(edge) if bd.external => left.min(edge.left()),
                    _ => left,
                };
                let before = cursor;
                let port = Port { tile: self.tile, bundle: Bundle::Dma, channel: self.number };
                let agenda = &mut fabric.agenda;
                let (moved, first) = match (self.direction, bd.route.as_deref(), self.stream) {
                    (Direction::Mm2s, Some(route), _) => {
                        let count = most.min(fabric.network.room(&route.destinations));
                        if count == 0 {
                            let full = fabric.network.await_room(&route.destinations, me);
                            return Ok(Outcome::Wait(Wait::Room(full)));
                        }
                        self.words.clear();
                        cursor.read(&bd.runs, memory, count, &mut self.words);
                        let (words, sender) = (&self.words, (me, &mut self.clock));
                        let to = &route.destinations;
                        (count, fabric.network.push(route, to, words, sender, agenda))
                    }
                    (Direction::S2mm, _, Some(stream)) => {
                        let (words, clock) = (&mut self.words, &mut self.clock);
                        let first = fabric.network.pull(stream, most, words, clock, agenda);
                        if self.words.is_empty() {
                            return Ok(Outcome::Wait(Wait::Data(stream)));
                        }
                        cursor.write(&bd.runs, memory, &self.words);
                        (self.words.len(), first)
                    }
                    _ => return Ok(Outcome::Wait(Wait::Unconnected(port))),
                };
                if self.begin.is_none() {
                    self.begin = Some(first.at);
                    // What comes after the first word is told apart.
                    let (begin, end) = (self.clock.since, first.at);
                    let (activity, cause) = (Activity::WaitWord, first.cause);
                    fabric.log.add(me, Span { begin, end, activity, cause });
                    self.clock.waited = self.clock.waited.saturating_sub(end - begin);
                    self.clock.cause = self.clock.cause.filter(|cause| cause.until > end);
                }
                if fabric.memory.watch().is_some() {
                    let streams = match self.direction {
                        Direction::Mm2s => bd.route.as_deref().map_or(&[][..], |r| &r.destinations),
                        Direction::S2mm => self.stream.as_slice(),
                    };
                    observe(me, &fabric.memory, bd, before, moved, (self.direction, streams));
                }
                if bd.external {
                    fabric.crossed += moved as u64;
                    if let Some(edge) = &mut self.edge {
                        edge.pass(moved, first.at, self.clock.now);
                    }
                }
                self.phase = Phase::Move { cursor, left: left - moved };
            }
            Phase::Ended => {}
        }
        Ok(Outcome::Done)
    }

    /// Leave the current descriptor for the next.
    fn finish(&mut self, me: ActorId, fabric: &mut Fabric<C>) -> Result<(), String> {
        let bd = &self.bds[self.current];
        self.clock.end_words();
        let begin = self.begin.take().unwrap_or(self.clock.now);
        let activity = Activity::Move { bd: self.current, waited: self.clock.waited };
        let cause = self.clock.cause;
        fabric.log.add(me, Span { begin, end: self.clock.now, activity, cause });
        if let Some(route) = bd.route.as_deref().filter(|route| route.packet) {
            fabric.network.release(&route.destinations, &mut fabric.agenda);
        }
        if let Some(release) = bd.release {
            // What was received is in memory a little later; the channel need not wait for it.
            let written = fabric.latency.map_or(0, |latency| {
                latency.dma_lock
                    + if self.direction == Direction::S2mm { latency.dma_memory } else { 0 }
            });
            fabric.memory.used(me, release);
            fabric.release(release, me, self.clock.now + written)?;
        }
        fabric.spend_at_locks(me, &mut self.clock, |latency| latency.dma_chain);
        self.phase = Phase::Acquire;
        match bd.next {
            Some(next) => self.current = next,
            None if self.repeats > 0 => {
                self.repeats -= 1;
                self.current = self.entry;
            }
            None => {
                self.phase = Phase::Ended;
                if let Some(queue) = self.queue.map(|queue| &mut fabric.queues[queue]) {
                    queue.tokens.extend(bd.token.then_some(self.clock.now));
                    fabric.agenda.wake_at(queue.host, self.clock.now);
                }
            }
        }
        Ok(())
    }
}

/// Tells who looks for races what `moved` words touched.
fn observe<C: Cell>(
    me: ActorId,
    memory: &Memory<C>,
    bd: &Transfer,
    mut cursor: Cursor,
    moved: usize,
    (direction, streams): (Direction, &[StreamId]),
) {
    let writes = direction == Direction::S2mm;
    let channels = || streams.iter().map(|stream| watch::Channel::Stream(stream.0));
    if writes {
        channels().for_each(|channel| memory.got(me, channel));
    }
    let mut left = 4 * moved;
    while left > 0 {
        let piece = cursor.advance(&bd.runs, left);
        left -= piece.bytes;
        if let Some(at) = piece.at {
            memory.observe(me, bd.buffer, at, piece.bytes, writes);
        }
    }
    if !writes {
        channels().for_each(|channel| memory.gave(me, channel));
    }
}

fn name(direction: Direction, channel: u32, tile: Tile) -> String {
    let direction = match direction {
        Direction::S2mm => "S2MM",
        Direction::Mm2s => "MM2S",
    };
    format!("{direction} {channel} of tile {}", place(tile))
}

/// The first word of a packet, as AM020 lays it out: stream id in bits 4-0,
/// type in 14-12, row and column of the source in 20-16 and 27-21, and in bit
/// 31 what makes the number of ones odd.
fn header(packet: Packet, source: Tile) -> u32 {
    let word = u32::from(packet.id & 0x1f)
        | u32::from(packet.kind & 7) << 12
        | (source.row & 0x1f) << 16
        | (source.column & 0x7f) << 21;
    word | ((word.count_ones() + 1) % 2) << 31
}
