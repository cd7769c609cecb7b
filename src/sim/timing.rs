//! What a timed run tells: latency, interval, and who was busy or waited when.
//!
//! *Latency* is from the first input word of the first iteration to its last
//! output word, in an array that is otherwise empty. *Interval* is between the
//! ends of iterations once the array is full. Use of cores, channels and streams
//! is counted over the same time as the interval.

use std::fmt;

use serde::Serialize;

use super::cell::Cell;
use super::clock::{Activity, Cycle, Span};
use super::critical::{Path, critical_path};
use super::engine::{Actor, Engine};
use super::fabric::port;
use crate::array::{Direction, LockId};
use crate::device::Device;

/// What a timed run tells. Times are in cycles of the array clock.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Timing {
    pub clock_mhz: u32,
    /// Iterations that ran.
    pub iterations: usize,
    /// Of one iteration, first input word to last output word.
    pub latency_cycles: Cycle,
    pub latency_ns: f64,
    /// Between iterations, in the long run.
    pub interval_cycles: f64,
    pub interval_ns: f64,
    /// Rows of the first output in a second.
    pub rows_per_second: f64,
    pub critical_path: Path,
    pub cores: Vec<Use>,
    pub channels: Vec<Use>,
    pub streams: Vec<StreamUse>,
}

/// How a core or a channel spends its time, as shares of it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Use {
    pub name: String,
    /// Computing or moving words.
    pub busy: f64,
    /// Taking and giving locks.
    pub locks: f64,
    /// Reasons to wait, the most frequent first.
    pub stalls: Vec<Stall>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Stall {
    pub reason: String,
    pub share: f64,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StreamUse {
    pub destination: String,
    pub words_per_iteration: f64,
    /// Words in a cycle, of at most one.
    pub busy: f64,
    /// Share of time in which a word was there that the receiver did not take, and
    /// in which the receiver waited for a word.
    pub blocked: f64,
    pub starved: f64,
}

/// Ends of iterations between which an array is full: the first, and the last.
fn window(ends: &[Cycle]) -> (usize, usize) {
    let last = ends.len().saturating_sub(1);
    // An even number of intervals: halves of buffers take turns.
    (last - (last / 2) / 2 * 2, last)
}

/// Iterations that a network of `depth` layers needs until its interval shows.
pub fn iterations_to_settle(depth: usize) -> usize {
    (2 * depth + 8).clamp(12, 64)
}

impl<C: Cell> Engine<C> {
    /// What the runs so far tell; `None` without time, or before an iteration has ended.
    pub fn timing(&self) -> Option<Timing> {
        self.fabric.latency?;
        let clock_mhz = Device::by_name(&self.program.device)?.timing.clock_mhz;
        let ends = self.ends();
        let first = self.starts().first().copied()?;
        let latency_cycles = ends.first()? - first;
        let (from, to) = window(&ends);
        let (begin, end) = if from < to { (ends[from], ends[to]) } else { (first, ends[to]) };
        let interval = (end - begin) as f64 / (to - from).max(1) as f64;
        let ns = |cycles: f64| cycles * 1000.0 / f64::from(clock_mhz);
        let rows = self.program.outputs.first().map_or(0, |output| output.rows);
        let mut timing = Timing {
            clock_mhz,
            iterations: ends.len(),
            latency_cycles,
            latency_ns: ns(latency_cycles as f64),
            interval_cycles: interval,
            interval_ns: ns(interval),
            rows_per_second: rows as f64 * 1e9 / ns(interval),
            critical_path: critical_path(self, *ends.first()?),
            cores: Vec::new(),
            channels: Vec::new(),
            streams: Vec::new(),
        };
        let time = (begin, end);
        for (index, actor) in self.actors.iter().enumerate() {
            match actor {
                Actor::Core(_) => timing.cores.push(self.usage(index, time)),
                Actor::Channel(_) => timing.channels.push(self.usage(index, time)),
                Actor::Feeder(..) | Actor::Collector(..) | Actor::Host(_) => {}
            }
        }
        for stream in self.fabric.network.streams() {
            let of = |actor: usize| shares(self.fabric.log.of(actor), time);
            let words = stream.count() as f64 / ends.len() as f64;
            timing.streams.push(StreamUse {
                destination: port(stream.destination),
                words_per_iteration: words,
                busy: (words / interval).min(1.0),
                blocked: stream.writers.iter().map(|writer| of(writer.0).waited).sum(),
                starved: stream.reader.map_or(0.0, |reader| of(reader.0).waited),
            });
        }
        Some(timing)
    }

    /// When the first word of each iteration came in.
    pub(super) fn starts(&self) -> Vec<Cycle> {
        let all = self.actors.iter().filter_map(|actor| match actor {
            Actor::Feeder(feeder, ..) => Some(feeder.starts.as_slice()),
            _ => None,
        });
        join(all, Cycle::min)
    }

    /// When the last word of each iteration came out.
    pub(super) fn ends(&self) -> Vec<Cycle> {
        let all = self.actors.iter().filter_map(|actor| match actor {
            Actor::Collector(collector, ..) => Some(collector.ends.as_slice()),
            _ => None,
        });
        join(all, Cycle::max)
    }

    fn usage(&self, actor: usize, time: (Cycle, Cycle)) -> Use {
        let shares = shares(self.fabric.log.of(actor), time);
        let mut stalls: Vec<Stall> = Vec::new();
        for (lock, share) in shares.by_lock {
            let lock = &self.program.locks[lock.0].name;
            stalls.push(Stall { reason: format!("lock '{lock}'"), share });
        }
        let reason = match &self.actors[actor] {
            Actor::Core(_) => "cascade",
            Actor::Channel(channel) if channel.direction == Direction::S2mm => "no data",
            _ => "no room",
        };
        if shares.waited > 0.0 {
            stalls.push(Stall { reason: reason.into(), share: shares.waited });
        }
        stalls.sort_by(|a, b| b.share.total_cmp(&a.share));
        Use { name: self.actors[actor].name(), busy: shares.busy, locks: shares.locks, stalls }
    }
}

fn join<'a>(
    all: impl Iterator<Item = &'a [Cycle]>,
    which: impl Fn(Cycle, Cycle) -> Cycle,
) -> Vec<Cycle> {
    all.map(<[Cycle]>::to_vec)
        .reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| which(a, b)).collect())
        .unwrap_or_default()
}

/// Shares of a time, each from 0 to 1.
#[derive(Default)]
struct Shares {
    busy: f64,
    locks: f64,
    waited: f64,
    by_lock: Vec<(LockId, f64)>,
}

fn shares(spans: &[Span], (begin, end): (Cycle, Cycle)) -> Shares {
    let mut shares = Shares::default();
    let whole = (end - begin).max(1) as f64;
    for span in spans {
        let inside = span.end.min(end).saturating_sub(span.begin.max(begin));
        if inside == 0 {
            continue;
        }
        let share = inside as f64 / whole;
        match span.activity {
            Activity::Compute { waited, .. }
            | Activity::Move { waited, .. }
            | Activity::Stream { waited, .. } => {
                let waited = share * (waited as f64 / (span.end - span.begin) as f64).min(1.0);
                shares.busy += share - waited;
                shares.waited += waited;
            }
            Activity::Locks => shares.locks += share,
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

/// Busiest of each kind to show.
const FEW: usize = 8;

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Timing { latency_cycles, latency_ns, interval_cycles, interval_ns, .. } = self;
        let Timing { clock_mhz, iterations, rows_per_second, .. } = self;
        writeln!(
            f,
            "simulated at {clock_mhz} MHz, {iterations} iterations:\n\
             latency {latency_cycles} cycles, {latency_ns:.1} ns\n\
             interval {interval_cycles:.1} cycles, {interval_ns:.1} ns: {rows_per_second:.0} rows/s"
        )?;
        writeln!(f, "critical path: {}", self.critical_path.sentence)?;
        let line = |f: &mut fmt::Formatter, each: &Use| {
            let percent = |share: f64| format!("{:5.1} %", 100.0 * share);
            write!(f, "  {:24} {}  {}", each.name, percent(each.busy), percent(each.locks))?;
            if let Some(stall) = each.stalls.first() {
                write!(f, "  {}  {}", percent(stall.share), stall.reason)?;
            }
            writeln!(f)
        };
        for (title, all) in [("core", &self.cores), ("channel", &self.channels)] {
            if all.is_empty() {
                continue;
            }
            writeln!(f, "  {title:24} {:7}  {:7}  {:7}  waits most for", "busy", "locks", "waits")?;
            let mut all: Vec<&Use> = all.iter().collect();
            all.sort_by(|a, b| b.busy.total_cmp(&a.busy));
            all.iter().take(FEW).try_for_each(|each| line(f, each))?;
            more(f, all.len())?;
        }
        if !self.streams.is_empty() {
            writeln!(f, "  {:24} {:7}  {:7}  {:7}", "stream to", "busy", "blocked", "starved")?;
            let mut all: Vec<&StreamUse> = self.streams.iter().collect();
            all.sort_by(|a, b| b.busy.total_cmp(&a.busy));
            for each in all.iter().take(FEW) {
                let [busy, blocked, starved] = [each.busy, each.blocked, each.starved]
                    .map(|share| format!("{:5.1} %", 100.0 * share));
                writeln!(f, "  {:24} {busy}  {blocked}  {starved}", each.destination)?;
            }
            more(f, all.len())?;
        }
        Ok(())
    }
}

fn more(f: &mut fmt::Formatter, all: usize) -> fmt::Result {
    match all.saturating_sub(FEW) {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more"),
    }
}
