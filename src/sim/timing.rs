//! What a timed run tells: latency, interval, and who was busy or waited when.
//!
//! *Latency* is from the first input word of the first iteration to its last
//! output word, in an array that is otherwise empty; of tensors in the host's
//! memory, from the first word that leaves it to the last that is written.
//! *Interval* is between the ends of iterations once the array is full. Use of
//! cores, channels and streams is counted while the array is full and more comes
//! in: the shares of each add up to 1.

use serde::Serialize;

use super::cell::Cell;
use super::clock::{Activity, Cycle, Span};
use super::critical::{Path, critical_path};
use super::engine::{Actor, Engine};
use super::explain::{Releaser, releasers};
use super::fabric::port;
use super::stream::Stream;
use crate::array::{Direction, LockId};
use crate::device::Device;

/// What a timed run tells. Times are in cycles of the array clock.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Timing {
    pub clock_mhz: u32,
    /// Iterations that ran.
    pub iterations: usize,
    pub boundary: Boundary,
    /// Iterations that the host starts at once; null if it starts none.
    pub iterations_per_invocation: Option<usize>,
    /// Of one iteration, first input word to last output word.
    pub latency_cycles: Cycle,
    pub latency_ns: f64,
    /// Between iterations, in the long run.
    pub interval_cycles: f64,
    pub interval_ns: f64,
    pub iterations_per_second: f64,
    /// Rows of the first output in a second; 0 if the design names no outputs.
    pub rows_per_second: f64,
    pub critical_path: Path,
    /// Whether the shares below are of a time in which all of the array has its usual rhythm.
    #[serde(skip)]
    pub steady: bool,
    /// What the times take for granted, or leave out.
    pub assumptions: Vec<String>,
    pub layers: Vec<Layer>,
    pub cores: Vec<Use>,
    pub channels: Vec<Use>,
    pub streams: Vec<StreamUse>,
}

/// Where the words of an iteration come from and go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// Streams that something outside the array feeds and empties.
    Streams,
    HostMemory,
    /// Nothing leaves or enters: all of the run is one iteration.
    None,
}

/// The cores of a layer: means over them.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Layer {
    pub name: String,
    pub tiles: usize,
    pub busy: f64,
    /// Of the core that is busiest.
    pub most_busy: f64,
    pub locks: f64,
    /// Reasons to wait, the most frequent first.
    pub stalls: Vec<Stall>,
    pub idle: f64,
}

/// How a core or a channel spends its time, as shares of it that add up to 1.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Use {
    pub name: String,
    /// Of a core, if this compiler made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Computing or moving words.
    pub busy: f64,
    /// Taking and giving locks, and going from one descriptor to the next.
    pub locks: f64,
    /// Reasons to wait, the most frequent first.
    pub stalls: Vec<Stall>,
    /// Ended, or not started.
    pub idle: f64,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Stall {
    pub reason: String,
    /// The lock that was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    pub share: f64,
}

/// What a stream's receiver does: shares that add up to 1.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StreamUse {
    pub destination: String,
    pub words_per_iteration: f64,
    /// Taking words, as many a cycle as its port does.
    pub busy: f64,
    /// Waiting for a word.
    pub starved: f64,
    /// Not ready for one: at locks, between descriptors, or at its end.
    pub unready: f64,
    /// Share of time in which the senders could not send for want of room, here or at another
    /// receiver of the same words.
    pub blocked: f64,
}

/// Ends of iterations between which an array is full, `each` of which make an
/// invocation: the first, and the last.
fn window(ends: usize, each: usize) -> (usize, usize) {
    let last = ends.saturating_sub(1);
    // Invocations do not overlap, so only whole ones are typical.
    let each = if ends >= 2 * each { each } else { 1 };
    let intervals = last / each;
    // An even number of intervals: halves of buffers take turns.
    let half = (intervals / 2 / 2 * 2).max(intervals.min(1));
    (last - half * each, last)
}

/// A time in which all of an array has its usual rhythm: once the first iteration is out, and while
/// there is more to come in. `each` iterations make an invocation, if the host starts them.
fn steady(starts: &[Cycle], ends: &[Cycle], each: Option<usize>) -> Option<(Cycle, Cycle)> {
    if let Some(each) = each {
        // After the last invocation nobody comes to use what it leaves free.
        let followed = ends.len().checked_sub(each)?;
        let (from, to) = window(followed, each);
        return (followed >= 2 * each).then(|| (ends[from], ends[to]));
    }
    let full = starts.iter().position(|start| ends.first().is_some_and(|end| start >= end))?;
    let last = starts.len() - 1;
    // Halves of buffers take turns.
    let from = if last > full + 1 { last - (last - full) / 2 * 2 } else { full };
    (from < last).then(|| (starts[from], starts[last]))
}

/// The times that a plan is chosen by, in cycles of the array clock.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measures {
    /// Of one iteration, first input word to last output word.
    pub latency_cycles: Cycle,
    /// First input word to first word of the first output stream; `None` of tensors in the host's
    /// memory.
    pub response_cycles: Option<Cycle>,
    /// The same as latency of all iterations of a batch.
    pub batch_cycles: Cycle,
    /// Between iterations, in the long run.
    pub interval_cycles: f64,
    /// Whether the array was full long enough for the interval to show.
    pub steady: bool,
}

/// Iterations that a network of `depth` layers needs until its interval shows.
pub fn iterations_to_settle(depth: usize) -> usize {
    (2 * depth + 8).clamp(12, 64)
}

impl<C: Cell> Engine<C> {
    /// What the runs so far tell; `None` without time, or before an iteration has ended.
    pub fn timing(&self) -> Option<Timing> {
        let clock_mhz = Device::by_name(&self.program.device)?.timing.clock_mhz;
        let Measures { latency_cycles, interval_cycles: interval, .. } = self.measures(1)?;
        let ends = self.ends();
        let first = self.starts().first().copied().unwrap_or(0);
        let invocation = self.invocation.as_ref().map(|invocation| invocation.iterations);
        let (begin, end) = self.full();
        let ns = |cycles: f64| cycles * 1000.0 / f64::from(clock_mhz);
        let rows = self.program.outputs.first().map_or(0, |output| output.rows);
        let has = |kind: &dyn Fn(&Actor<C>) -> bool| self.actors.iter().any(kind);
        let boundary = if has(&|actor| matches!(actor, Actor::Feeder(..) | Actor::Collector(..))) {
            Boundary::Streams
        } else if has(&|actor| matches!(actor, Actor::Channel(channel) if channel.edge.is_some())) {
            Boundary::HostMemory
        } else {
            Boundary::None
        };
        let mut timing = Timing {
            clock_mhz,
            iterations: ends.len(),
            boundary,
            iterations_per_invocation: invocation
                .or_else(|| (!self.program.sequences.is_empty()).then_some(1)),
            latency_cycles,
            latency_ns: ns(latency_cycles as f64),
            interval_cycles: interval,
            interval_ns: ns(interval),
            iterations_per_second: 1e9 / ns(interval),
            rows_per_second: rows as f64 * 1e9 / ns(interval),
            critical_path: critical_path(self, first, *ends.first()?),
            assumptions: self.assumptions(boundary),
            steady: false,
            layers: Vec::new(),
            cores: Vec::new(),
            channels: Vec::new(),
            streams: Vec::new(),
        };
        let each = timing.iterations_per_invocation;
        let full = steady(&self.starts(), &ends, each);
        timing.steady = full.is_some();
        let time = full.unwrap_or((begin, end));
        let releasers = releasers(self);
        for (index, actor) in self.actors.iter().enumerate() {
            match actor {
                Actor::Core(_) => timing.cores.push(self.usage(index, time, &releasers)),
                Actor::Channel(_) => timing.channels.push(self.usage(index, time, &releasers)),
                Actor::Feeder(..) | Actor::Collector(..) | Actor::Host(_) => {}
            }
        }
        timing.layers = layers(&timing.cores);
        let streams = self.fabric.network.streams();
        timing.streams = streams.map(|stream| self.stream_use(stream, ends.len(), time)).collect();
        Some(timing)
    }

    /// The times of a run alone, of whose iterations so many make a batch; `None` without time, or
    /// before a batch has ended.
    pub fn measures(&self, batch: usize) -> Option<Measures> {
        self.fabric.latency?;
        let ends = self.ends();
        let first = self.starts().first().copied().unwrap_or(0);
        let invocation = self.invocation.as_ref().map(|invocation| invocation.iterations);
        let (from, to) = window(ends.len(), invocation.unwrap_or(1));
        let (begin, end) = self.full();
        let each = invocation.or_else(|| (!self.program.sequences.is_empty()).then_some(1));
        Some(Measures {
            latency_cycles: ends.first()?.checked_sub(first)?,
            response_cycles: self.first_word().and_then(|word| word.checked_sub(first)),
            batch_cycles: ends.get(batch.max(1) - 1)?.checked_sub(first)?,
            interval_cycles: (end - begin).max(1) as f64 / (to - from).max(1) as f64,
            steady: steady(&self.starts(), &ends, each).is_some(),
        })
    }

    /// Begin and end of a time in which the array is full, or of all iterations.
    fn full(&self) -> (Cycle, Cycle) {
        let ends = self.ends();
        let each = self.invocation.as_ref().map_or(1, |invocation| invocation.iterations);
        let (from, to) = window(ends.len(), each);
        let first = self.starts().first().copied().unwrap_or(0);
        let at = |index: usize| ends.get(index).copied().unwrap_or(first);
        if from < to { (at(from), at(to)) } else { (first, at(to)) }
    }

    fn assumptions(&self, boundary: Boundary) -> Vec<String> {
        let mut lines: Vec<&str> = Vec::new();
        if boundary == Boundary::HostMemory {
            lines.push(
                "host memory, once a transfer has begun, gives or takes a word a cycle and channel",
            );
            if self.program.sequences.is_empty() {
                lines.push("transfers with host memory begin as measured on an NPU 1: no figures of Versal were found");
                lines.push("the host starts an invocation when the last one has ended; its own time is not counted");
            } else {
                lines.push("transfers with host memory begin, and commands are executed, as measured on an NPU 1");
                lines.push("the launch of the sequence is not counted: 25000 to 40000 cycles on an NPU 1, from run to run");
            }
        }
        if self.program.cores.iter().any(|core| core.code.is_some()) {
            lines.push("an instruction of a core's own code takes a cycle: a placeholder, not a model of the core");
        }
        lines.into_iter().map(str::to_string).collect()
    }

    fn stream_use(&self, stream: &Stream<C>, iterations: usize, time: (Cycle, Cycle)) -> StreamUse {
        let of = |actor: usize| shares(self.fabric.log.of(actor), time);
        let reader = stream.reader.map(|reader| (&self.actors[reader.0], of(reader.0)));
        let (busy, starved) = match reader {
            Some((Actor::Collector(..), shares)) => (shares.busy, 1.0 - shares.busy),
            Some((_, shares)) => (shares.busy, shares.waited),
            None => (0.0, 0.0),
        };
        StreamUse {
            destination: port(stream.destination),
            words_per_iteration: stream.count() as f64 / iterations as f64,
            busy,
            starved,
            unready: rest([busy, starved].into_iter()),
            blocked: stream.writers.iter().map(|writer| of(writer.0).waited).sum(),
        }
    }

    /// Whether nothing enters or leaves the array.
    pub(super) fn without_edge(&self) -> bool {
        self.actors.iter().all(|actor| actor.ends().is_none())
    }

    /// When the first word of each iteration came in.
    pub(super) fn starts(&self) -> Vec<Cycle> {
        join(self.actors.iter().filter_map(Actor::starts), Cycle::min)
    }

    /// When the first word of the first iteration came out of the first output stream.
    fn first_word(&self) -> Option<Cycle> {
        self.actors.iter().find_map(|actor| match actor {
            Actor::Collector(collector, ..) => collector.starts.first().copied(),
            _ => None,
        })
    }

    /// When the last word of each iteration came out.
    pub(super) fn ends(&self) -> Vec<Cycle> {
        if self.without_edge() {
            let last = (0..self.actors.len()).map(|actor| self.fabric.log.end_of(actor)).max();
            return last.filter(|&last| last > 0).into_iter().collect();
        }
        join(self.actors.iter().filter_map(Actor::ends), Cycle::max)
    }

    fn usage(&self, index: usize, time: (Cycle, Cycle), releasers: &[Vec<Releaser>]) -> Use {
        let shares = shares(self.fabric.log.of(index), time);
        let actor = &self.actors[index];
        let sends =
            matches!(actor, Actor::Channel(channel) if channel.direction == Direction::Mm2s);
        let mut stalls: Vec<Stall> = Vec::new();
        for (lock, share) in shares.by_lock {
            let giver = releasers[lock.0].iter().find(|giver| giver.actor != index);
            let reason = match (actor, giver.map(|giver| &self.actors[giver.actor])) {
                (Actor::Channel(_), _) if sends => "a full buffer",
                (Actor::Channel(_), _) => "a free buffer",
                (_, Some(Actor::Channel(channel))) if channel.direction == Direction::S2mm => {
                    "input"
                }
                (_, Some(Actor::Channel(_))) => "room for output",
                (_, Some(Actor::Core(_))) => "another core",
                _ => "a lock",
            };
            let lock = Some(self.program.locks[lock.0].name.clone());
            stalls.push(Stall { reason: reason.into(), lock, share });
        }
        let waited = match actor {
            Actor::Core(_) => "the cascade",
            _ if sends => "room in the stream",
            _ => "words",
        };
        for (reason, share) in
            [(waited, shares.waited), ("host memory", shares.memory), ("the host", shares.host)]
        {
            if share > 0.0 {
                stalls.push(Stall { reason: reason.into(), lock: None, share });
            }
        }
        stalls.sort_by(|a, b| b.share.total_cmp(&a.share));
        let (busy, locks) = (shares.busy, shares.locks);
        let idle = rest([busy, locks].into_iter().chain(stalls.iter().map(|stall| stall.share)));
        let slice = match actor {
            Actor::Core(_) => self.program.cores[index].slice.as_ref(),
            _ => None,
        };
        let layer = slice.map(|slice| slice.layer.clone());
        Use { name: actor.name(), layer, busy, locks, stalls, idle }
    }
}

impl<C: Cell> Actor<C> {
    /// When the first word of each iteration passed, if it comes from outside.
    fn starts(&self) -> Option<&[Cycle]> {
        match self {
            Actor::Feeder(feeder, ..) => Some(&feeder.starts),
            Actor::Channel(channel) if channel.direction == Direction::Mm2s => {
                channel.edge.as_ref().map(|edge| edge.starts.as_slice())
            }
            _ => None,
        }
    }

    /// When the last word of each iteration passed, if it goes outside.
    pub(super) fn ends(&self) -> Option<&[Cycle]> {
        match self {
            Actor::Collector(collector, ..) => Some(&collector.ends),
            Actor::Channel(channel) if channel.direction == Direction::S2mm => {
                channel.edge.as_ref().map(|edge| edge.ends.as_slice())
            }
            _ => None,
        }
    }
}

/// Means over the cores of each layer, in the order of the cores.
fn layers(cores: &[Use]) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for core in cores {
        let Some(name) = &core.layer else { continue };
        let place = layers.iter().position(|layer| layer.name == *name);
        let place = place.unwrap_or_else(|| {
            layers.push(Layer {
                name: name.clone(),
                tiles: 0,
                busy: 0.0,
                most_busy: 0.0,
                locks: 0.0,
                stalls: Vec::new(),
                idle: 0.0,
            });
            layers.len() - 1
        });
        let layer = &mut layers[place];
        layer.tiles += 1;
        layer.busy += core.busy;
        layer.most_busy = layer.most_busy.max(core.busy);
        layer.locks += core.locks;
        layer.idle += core.idle;
        for stall in &core.stalls {
            match layer.stalls.iter_mut().find(|other| other.reason == stall.reason) {
                Some(other) => other.share += stall.share,
                None => layer.stalls.push(Stall { lock: None, ..stall.clone() }),
            }
        }
    }
    for layer in &mut layers {
        let tiles = layer.tiles as f64;
        for sum in [&mut layer.busy, &mut layer.locks, &mut layer.idle]
            .into_iter()
            .chain(layer.stalls.iter_mut().map(|stall| &mut stall.share))
        {
            *sum /= tiles;
        }
        layer.stalls.sort_by(|a, b| b.share.total_cmp(&a.share));
    }
    layers
}

fn join<'a>(
    all: impl Iterator<Item = &'a [Cycle]>,
    which: impl Fn(Cycle, Cycle) -> Cycle,
) -> Vec<Cycle> {
    all.map(<[Cycle]>::to_vec)
        .reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| which(a, b)).collect())
        .unwrap_or_default()
}

/// What is left of 1; less than a cycle of a million is rounding.
fn rest(shares: impl Iterator<Item = f64>) -> f64 {
    let rest = 1.0 - shares.sum::<f64>();
    if rest < 1e-6 { 0.0 } else { rest }
}

/// Shares of a time, each from 0 to 1.
#[derive(Default)]
struct Shares {
    busy: f64,
    locks: f64,
    /// For words, room, or a cascade.
    waited: f64,
    memory: f64,
    host: f64,
    by_lock: Vec<(LockId, f64)>,
}

fn shares(spans: &[Span], (begin, end): (Cycle, Cycle)) -> Shares {
    let mut shares = Shares::default();
    let whole = (end - begin).max(1) as f64;
    // Spans are in the order of time.
    let from = spans.partition_point(|span| span.end <= begin);
    for span in spans[from..].iter().take_while(|span| span.begin < end) {
        let inside = span.end.min(end) - span.begin.max(begin);
        let share = inside as f64 / whole;
        match span.activity {
            Activity::Compute { waited, .. }
            | Activity::Code { waited }
            | Activity::Move { waited, .. }
            | Activity::Stream { waited, .. } => {
                let waited = share * (waited as f64 / (span.end - span.begin) as f64).min(1.0);
                shares.busy += share - waited;
                shares.waited += waited;
            }
            Activity::Locks => shares.locks += share,
            Activity::WaitWord => shares.waited += share,
            Activity::HostMemory => shares.memory += share,
            Activity::WaitHost => shares.host += share,
            Activity::Command { .. } => shares.busy += share,
            Activity::WaitLock(lock) => {
                match shares.by_lock.iter_mut().find(|(other, _)| *other == lock) {
                    Some((_, sum)) => *sum += share,
                    None => shares.by_lock.push((lock, share)),
                }
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::{steady, window};

    #[test]
    fn the_window_has_an_even_number_of_intervals_or_whole_invocations() {
        assert_eq!(window(1, 1), (0, 0));
        assert_eq!(window(2, 1), (0, 1));
        assert_eq!(window(3, 1), (1, 2));
        assert_eq!(window(28, 1), (15, 27));
        // One invocation of four; two; seven.
        assert_eq!(window(4, 4), (2, 3));
        assert_eq!(window(8, 4), (3, 7));
        assert_eq!(window(28, 4), (19, 27));
    }

    #[test]
    fn shares_are_counted_while_more_comes_in() {
        let starts = [0, 10, 20, 30, 40, 50];
        assert_eq!(steady(&starts, &[25, 35, 45, 55, 65, 75], None), Some((30, 50)));
        assert_eq!(steady(&starts, &[55, 65], None), None);
        // Two iterations in each invocation.
        let ends = [10, 11, 20, 21, 30, 31, 40, 41];
        assert_eq!(steady(&[], &ends, Some(2)), Some((21, 31)));
        assert_eq!(steady(&[], &ends[..4], Some(2)), None);
    }
}
