//! The critical path: what an iteration's last output word had to wait for,
//! step by step, back to its first input word.

use serde::Serialize;

use super::cell::Cell;
use super::clock::{Activity, Cycle};
use super::engine::Engine;

/// The steps from the first input to the last output, without gaps.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Path {
    /// The path in words.
    pub sentence: String,
    pub steps: Vec<Step>,
}

/// One step: half open, in cycles.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Step {
    pub kind: Kind,
    /// Who acts, or where to words are on their way.
    pub name: String,
    pub begin: Cycle,
    pub end: Cycle,
}

/// What the cycles of a step go to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Kernel,
    /// Words of a stream, one after the other.
    Words,
    /// From one end of a stream to the other.
    Way,
    Cascade,
    /// Locks, and from one descriptor to the next.
    Locks,
    /// What a core does by itself.
    Code,
    /// Until a transfer with the host's memory begins.
    HostMemory,
    /// The runtime sequence.
    Commands,
}

impl Kind {
    const ALL: [Kind; 8] = [
        Kind::Kernel,
        Kind::Words,
        Kind::Way,
        Kind::Cascade,
        Kind::Locks,
        Kind::Code,
        Kind::HostMemory,
        Kind::Commands,
    ];

    fn words(self) -> &'static str {
        match self {
            Kind::Kernel => "in kernels",
            Kind::Words => "moving words",
            Kind::Way => "on the way through switches",
            Kind::Cascade => "in cascades",
            Kind::Locks => "at locks and descriptors",
            Kind::Code => "in cores' own code",
            Kind::HostMemory => "until host memory answers",
            Kind::Commands => "in the runtime sequence",
        }
    }
}

/// The path to the output word that came at `end`, from `start` on.
pub(super) fn critical_path<C: Cell>(engine: &Engine<C>, start: Cycle, end: Cycle) -> Path {
    let came = |index: &usize| match engine.actors[*index].ends() {
        Some(ends) => ends.first() == Some(&end),
        // Without an edge, the last to do anything.
        None => engine.without_edge() && engine.fabric.log.end_of(*index) == end,
    };
    let Some(mut at) = (0..engine.actors.len()).find(came) else { return Path::default() };
    let mut now = end;
    let mut steps = Vec::new();
    let mut add = |kind: Kind, name: String, begin: Cycle, end: Cycle| {
        let begin = begin.max(start);
        if end > begin {
            steps.push(Step { kind, name, begin, end });
        }
    };
    // Every turn goes back in time or to another actor; the bound is for zero times in a circle.
    let bound = engine.fabric.log.len() + engine.actors.len();
    for _ in 0..2 * bound {
        if now <= start {
            break;
        }
        let name = engine.actors[at].name();
        let spans = engine.fabric.log.of(at);
        let index = spans.partition_point(|span| span.begin < now);
        let Some(span) = index.checked_sub(1).map(|index| spans[index]) else { break };
        if span.end < now {
            add(Kind::Locks, name.clone(), span.end, now);
            now = span.end;
        }
        let kind = match span.activity {
            Activity::Compute { .. } => Kind::Kernel,
            Activity::Move { .. } | Activity::Stream { .. } | Activity::WaitWord => Kind::Words,
            Activity::Code { .. } => Kind::Code,
            Activity::HostMemory => Kind::HostMemory,
            Activity::Command { .. } | Activity::WaitHost => Kind::Commands,
            Activity::Locks | Activity::WaitLock(_) => Kind::Locks,
        };
        let cause = span.cause.filter(|cause| cause.until <= now);
        let Some((cause, by)) = cause.and_then(|cause| Some((cause, cause.by?))) else {
            add(kind, name, span.begin, now);
            now = span.begin;
            continue;
        };
        add(kind, name.clone(), cause.until, now);
        let between = match kind {
            Kind::Words => Kind::Way,
            Kind::Kernel | Kind::Code => Kind::Cascade,
            _ => Kind::Locks,
        };
        add(between, name, cause.at, cause.until);
        (at, now) = (by.0, cause.at);
    }
    steps.reverse();
    Path { sentence: sentence(&steps), steps }
}

fn sentence(steps: &[Step]) -> String {
    let total: Cycle = steps.iter().map(|step| step.end - step.begin).sum();
    let mut parts: Vec<(Cycle, Kind)> = (Kind::ALL.into_iter())
        .map(|kind| {
            let of = steps.iter().filter(|step| step.kind == kind);
            (of.map(|step| step.end - step.begin).sum(), kind)
        })
        .filter(|(cycles, _)| *cycles > 0)
        .collect();
    parts.sort_by_key(|(cycles, _)| std::cmp::Reverse(*cycles));
    let parts: Vec<String> =
        parts.iter().map(|(cycles, kind)| format!("{cycles} {}", kind.words())).collect();
    let longest = steps.iter().max_by_key(|step| step.end - step.begin);
    let longest = longest.map_or_else(String::new, |step| {
        format!(
            "; the longest step is {}, {} cycles {}",
            step.name,
            step.end - step.begin,
            step.kind.words()
        )
    });
    format!("of {total} cycles, {}{longest}", parts.join(", "))
}
