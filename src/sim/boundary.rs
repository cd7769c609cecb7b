//! The edge of the array: streams fed from and collected into host tensors.
//!
//! **Invariant:** a collector takes exactly the words that its iterations have;
//! what comes after stays in the stream, where it is found.

use std::rc::Rc;

use super::cell::{Cell, Word};
use super::clock::{Activity, Clock, Cycle, Span};
use super::fabric::{ActorId, Fabric, Wait, port};
use super::stream::{CAPACITY, Network, Route, StreamId};
use crate::array::{Interface, Port, Stream, StreamSlice};

/// Feeds one stream of an input.
pub(super) struct Feeder<C> {
    pub name: String,
    pub port: Port,
    route: Option<Rc<Route>>,
    words: Vec<Word<C>>,
    sent: usize,
    wait: Option<Wait>,
    clock: Clock,
    /// Words of an iteration, and when the first of each was sent.
    each: usize,
    pub starts: Vec<Cycle>,
}

/// Collects one stream of an output.
pub(super) struct Collector<C> {
    pub name: String,
    pub port: Port,
    stream: Option<StreamId>,
    /// Words of the iterations asked for.
    pub target: usize,
    words: Vec<Word<C>>,
    buffer: Vec<Word<C>>,
    wait: Option<Wait>,
    clock: Clock,
    /// Words of an iteration, and when the first and the last of each came.
    each: usize,
    pub starts: Vec<Cycle>,
    pub ends: Vec<Cycle>,
}

impl<C: Cell> Feeder<C> {
    pub(super) fn new(
        interface: &Interface,
        stream: &Stream,
        network: &Network<C>,
    ) -> Result<Feeder<C>, String> {
        let name = format!("input '{}' at {}", interface.name, port(stream.port));
        check(interface, stream, &name)?;
        let route =
            network.route(stream.port, None).map_err(|message| format!("{name}: {message}"))?;
        Ok(Feeder {
            name,
            port: stream.port,
            route,
            words: Vec::new(),
            sent: 0,
            wait: None,
            clock: Clock::of_port(network.outer),
            each: words(interface, stream),
            starts: Vec::new(),
        })
    }

    pub(super) fn connect(&self, me: ActorId, network: &mut Network<C>) {
        if let Some(route) = &self.route {
            network.add_writer(route, me);
        }
    }

    /// Add what `tensor` has for this stream.
    pub(super) fn feed(
        &mut self,
        interface: &Interface,
        stream: &Stream,
        tensor: &[C],
        iterations: usize,
    ) {
        self.words.drain(..self.sent);
        self.sent = 0;
        pack(interface, stream, tensor, iterations, &mut self.words);
    }

    pub(super) fn wait(&self) -> Option<&Wait> {
        self.wait.as_ref()
    }

    /// Words not yet sent.
    pub(super) fn left(&self) -> usize {
        self.words.len() - self.sent
    }

    pub(super) fn step(&mut self, me: ActorId, fabric: &mut Fabric<C>) {
        self.wait = None;
        if self.left() == 0 {
            return;
        }
        let Some(route) = &self.route else {
            self.wait = Some(Wait::Unconnected(self.port));
            return;
        };
        loop {
            // Up to the end of the iteration, so that its first word can be told.
            let at = self.sent % self.each;
            let room = fabric.network.room(&route.destinations);
            let count = self.left().min(room).min(self.each - at);
            if count == 0 {
                break;
            }
            if at == 0 {
                self.clock.begin();
            }
            let words = &self.words[self.sent..self.sent + count];
            let sender = (me, &mut self.clock);
            let to = &route.destinations;
            let first = fabric.network.push(route, to, words, sender, &mut fabric.agenda);
            fabric.crossed += count as u64;
            self.sent += count;
            if at == 0 {
                self.starts.push(first.at);
            }
            if at + count == self.each {
                let iteration = self.starts.len() - 1;
                let begin = self.starts[iteration];
                fabric.log.add(me, span(iteration, begin, &self.clock));
            }
        }
        if self.left() > 0 {
            let full = fabric.network.await_room(&route.destinations, me);
            self.wait = Some(Wait::Room(full));
        }
    }
}

impl<C: Cell> Collector<C> {
    pub(super) fn new(
        interface: &Interface,
        stream: &Stream,
        network: &Network<C>,
    ) -> Result<Collector<C>, String> {
        let name = format!("output '{}' at {}", interface.name, port(stream.port));
        check(interface, stream, &name)?;
        Ok(Collector {
            name,
            port: stream.port,
            stream: network.into(stream.port),
            target: 0,
            words: Vec::new(),
            buffer: Vec::with_capacity(CAPACITY),
            wait: None,
            clock: Clock::of_port(network.outer),
            each: words(interface, stream),
            starts: Vec::new(),
            ends: Vec::new(),
        })
    }

    pub(super) fn connect(&self, me: ActorId, network: &mut Network<C>) {
        if let Some(stream) = self.stream {
            network.set_reader(stream, me);
        }
    }

    /// Begin to collect the words of `iterations`.
    pub(super) fn expect(&mut self, interface: &Interface, stream: &Stream, iterations: usize) {
        self.words.clear();
        self.target = words(interface, stream) * iterations;
    }

    pub(super) fn wait(&self) -> Option<&Wait> {
        self.wait.as_ref()
    }

    pub(super) fn stream(&self) -> Option<StreamId> {
        self.stream
    }

    pub(super) fn collected(&self) -> usize {
        self.words.len()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.words.len() >= self.target
    }

    /// Put what was collected into its places of `tensor`.
    pub(super) fn deliver(&self, interface: &Interface, stream: &Stream, tensor: &mut [C]) {
        unpack(interface, stream, &self.words, tensor);
    }

    pub(super) fn step(&mut self, me: ActorId, fabric: &mut Fabric<C>) {
        self.wait = None;
        if self.is_complete() {
            return;
        }
        let Some(stream) = self.stream else {
            self.wait = Some(Wait::Unconnected(self.port));
            return;
        };
        loop {
            let at = self.words.len() % self.each;
            let missing = (self.target - self.words.len()).min(self.each - at);
            if at == 0 {
                self.clock.begin();
            }
            let (clock, agenda) = (&mut self.clock, &mut fabric.agenda);
            let first = fabric.network.pull(stream, missing, &mut self.buffer, clock, agenda);
            if self.buffer.is_empty() {
                break;
            }
            self.words.extend(&self.buffer);
            fabric.crossed += self.buffer.len() as u64;
            if at == 0 {
                self.starts.push(first.at);
            }
            if at + self.buffer.len() == self.each {
                let iteration = self.ends.len();
                fabric.log.add(me, span(iteration, self.starts[iteration], &self.clock));
                self.ends.push(self.clock.now);
            }
        }
        if self.is_complete() {
            fabric.lacking -= 1;
        } else {
            self.wait = Some(Wait::Data(stream));
        }
    }
}

/// The words of an iteration, from `begin` until now.
fn span(iteration: usize, begin: Cycle, clock: &Clock) -> Span {
    let activity = Activity::Stream { iteration, waited: clock.waited };
    Span { begin, end: clock.now, activity, cause: clock.cause }
}

fn check(interface: &Interface, stream: &Stream, name: &str) -> Result<(), String> {
    for slice in &stream.slices {
        if slice.begin > slice.end
            || slice.end > interface.columns
            || slice.pitch < slice.end - slice.begin
        {
            return Err(format!(
                "{name} has a slice of columns {} to {} at pitch {}, of {} columns",
                slice.begin, slice.end, slice.pitch, interface.columns
            ));
        }
    }
    let bytes = stream
        .slices
        .iter()
        .try_fold(0usize, |sum, slice| sum.checked_add(slice.pitch))
        .and_then(|pitches| pitches.checked_mul(interface.rows))
        .and_then(|elements| elements.checked_mul(interface.element.bytes()));
    match bytes {
        Some(bytes) if bytes % 4 == 0 => Ok(()),
        Some(bytes) => {
            Err(format!("{name} moves {bytes} bytes per iteration, not a multiple of 4"))
        }
        None => Err(format!("{name} moves more than memory holds")),
    }
}

/// Words of one iteration.
fn words(interface: &Interface, stream: &Stream) -> usize {
    let pitches: usize = stream.slices.iter().map(|slice| slice.pitch).sum();
    interface.rows * pitches * interface.element.bytes() / 4
}

/// The bytes of a stream's row: where in `interface`'s row they come from, and how many zeros follow.
fn rows<'a>(
    interface: &'a Interface,
    stream: &'a Stream,
) -> impl Iterator<Item = (usize, std::ops::Range<usize>, usize)> {
    let width = interface.element.bytes();
    stream.slices.iter().flat_map(move |&StreamSlice { begin, end, pitch }| {
        (0..interface.rows)
            .map(move |row| (row, begin * width..end * width, (pitch - (end - begin)) * width))
    })
}

fn pack<C: Cell>(
    interface: &Interface,
    stream: &Stream,
    tensor: &[C],
    iterations: usize,
    words: &mut Vec<Word<C>>,
) {
    let row_bytes = interface.columns * interface.element.bytes();
    let mut cells = Vec::new();
    for iteration in 0..iterations {
        for (row, range, padding) in rows(interface, stream) {
            let start = (iteration * interface.rows + row) * row_bytes;
            match tensor.get(start + range.start..start + range.end) {
                Some(source) => cells.extend_from_slice(source),
                // Rows beyond the tensor: the last block is partial.
                None => cells.resize(cells.len() + range.len(), C::ZERO),
            }
            cells.resize(cells.len() + padding, C::ZERO);
        }
    }
    words.extend(cells.as_chunks::<4>().0);
}

fn unpack<C: Cell>(interface: &Interface, stream: &Stream, words: &[Word<C>], tensor: &mut [C]) {
    let row_bytes = interface.columns * interface.element.bytes();
    let cells = words.as_flattened();
    let mut at = 0;
    let mut iteration = 0;
    while at < cells.len() {
        for (row, range, padding) in rows(interface, stream) {
            let start = (iteration * interface.rows + row) * row_bytes;
            tensor[start + range.start..start + range.end]
                .copy_from_slice(&cells[at..at + range.len()]);
            at += range.len() + padding;
        }
        iteration += 1;
    }
}
