//! What a timed run tells, as text.

use std::fmt;

use super::timing::{Boundary, Layer, Stall, StreamUse, Timing, Use};

/// Busiest of each kind to show, and reasons to wait of each.
const FEW: usize = 6;
const REASONS: usize = 3;

/// Width of the first column, which holds names.
const NAME: usize = 26;

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.summary(f)?;
        self.bound(f)?;
        writeln!(f, "critical path: {}", self.critical_path.sentence)?;
        for line in &self.assumptions {
            writeln!(f, "note: {line}")?;
        }
        f.write_str("\nshares of the interval:\n")?;
        self.by_layer(f)?;
        if self.layers.is_empty() {
            uses(f, "core", &self.cores)?;
        }
        uses(f, "DMA channel", &self.channels)?;
        self.by_stream(f)
    }
}

impl Timing {
    fn summary(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Timing { clock_mhz, iterations, latency_cycles, latency_ns, .. } = self;
        let Timing { interval_cycles, interval_ns, rows_per_second, .. } = self;
        let many = |count: usize| if count == 1 { "iteration" } else { "iterations" };
        let from_to = match self.boundary {
            Boundary::Streams => "first input word to last output word",
            Boundary::HostMemory => "first word that leaves host memory to last that is written",
            Boundary::None => "begin to end of the run: nothing enters or leaves the array",
        };
        let throughput = match *rows_per_second {
            0.0 => format!("{:.0} iterations/s", self.iterations_per_second),
            rows => format!("{rows:.0} rows/s"),
        };
        write!(f, "simulated at {clock_mhz} MHz, {iterations} {}", many(*iterations))?;
        match self.iterations_per_invocation {
            Some(each) if each > 1 => writeln!(f, ", {each} in each invocation")?,
            Some(_) => writeln!(f, ", each an invocation")?,
            None => writeln!(f)?,
        }
        writeln!(f, "latency   {latency_cycles} cycles, {latency_ns:.1} ns: {from_to}")?;
        writeln!(f, "interval  {interval_cycles:.1} cycles, {interval_ns:.1} ns: {throughput}")
    }

    /// Who has the least time to spare.
    fn bound(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let acting = |each: &&Use| each.busy + each.locks;
        let all = self.cores.iter().chain(&self.channels);
        let Some(most) = all.max_by(|a, b| acting(a).total_cmp(&acting(b))) else { return Ok(()) };
        let of = most.layer.as_ref().map_or_else(String::new, |layer| format!(" of '{layer}'"));
        let share = percent(acting(&most));
        writeln!(f, "busiest   {}{of}, {} of the interval with its locks", most.name, share.trim())
    }

    fn by_layer(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.layers.is_empty() {
            return Ok(());
        }
        let titles = ["tiles", "busy", "busiest", "locks", "idle"];
        line(f, "cores of", &titles.map(str::to_string), "waits for")?;
        for Layer { name, tiles, busy, most_busy, locks, stalls, idle } in &self.layers {
            let shares = [*busy, *most_busy, *locks, *idle].map(percent);
            let columns: Vec<String> = [tiles.to_string()].into_iter().chain(shares).collect();
            line(f, name, &columns, &reasons(stalls))?;
        }
        Ok(())
    }

    fn by_stream(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.streams.is_empty() {
            return Ok(());
        }
        let titles = ["busy", "starved", "unready", "blocked"];
        line(f, "stream to", &titles.map(str::to_string), "")?;
        let mut all: Vec<&StreamUse> = self.streams.iter().collect();
        all.sort_by(|a, b| b.busy.total_cmp(&a.busy));
        for each in all.iter().take(FEW) {
            let shares = [each.busy, each.starved, each.unready, each.blocked].map(percent);
            line(f, &each.destination, &shares, "")?;
        }
        more(f, all.len())
    }
}

fn uses(f: &mut fmt::Formatter, title: &str, all: &[Use]) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    line(f, title, &["busy", "locks", "idle"].map(str::to_string), "waits for")?;
    let mut all: Vec<&Use> = all.iter().collect();
    all.sort_by(|a, b| b.busy.total_cmp(&a.busy));
    for each in all.iter().take(FEW) {
        let shares = [each.busy, each.locks, each.idle].map(percent);
        line(f, &each.name, &shares, &reasons(&each.stalls))?;
    }
    more(f, all.len())
}

fn line(f: &mut fmt::Formatter, name: &str, columns: &[String], last: &str) -> fmt::Result {
    let mut text = format!("  {name:NAME$}");
    for column in columns {
        text += &format!(" {column:>8}");
    }
    writeln!(f, "{}", format!("{text}  {last}").trim_end())
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// The most frequent reasons to wait that show in a percentage.
fn reasons(stalls: &[Stall]) -> String {
    let shown = stalls.iter().filter(|stall| stall.share >= 0.0005).take(REASONS);
    let shown: Vec<String> = shown
        .map(|stall| {
            let lock = stall.lock.as_ref().filter(|lock| !lock.is_empty());
            let lock = lock.map_or_else(String::new, |lock| format!(" ({lock})"));
            format!("{}{lock} {}", stall.reason, percent(stall.share))
        })
        .collect();
    shown.join(", ")
}

fn more(f: &mut fmt::Formatter, all: usize) -> fmt::Result {
    match all.saturating_sub(FEW) {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more"),
    }
}
