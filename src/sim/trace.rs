//! A run as a Chrome trace, which Perfetto shows.

use std::io::{self, Write};

use serde_json::json;

use super::cell::Cell;
use super::clock::Activity;
use super::engine::{Actor, Engine};
use crate::array::Direction;
use crate::device::Device;

/// Groups of rows: what Chrome calls processes.
const GROUPS: [&str; 3] = ["boundary", "cores", "DMA channels"];

impl<C: Cell> Engine<C> {
    /// Write what every actor did when, with times in microseconds.
    ///
    /// # Errors
    ///
    /// If `to` cannot be written.
    pub fn write_trace(&self, to: &mut dyn Write) -> io::Result<()> {
        let clock =
            Device::by_name(&self.program.device).map_or(1, |device| device.timing.clock_mhz);
        let microseconds = |cycles: u64| cycles as f64 / f64::from(clock);
        writeln!(to, "{{\"displayTimeUnit\": \"ns\", \"traceEvents\": [")?;
        for (pid, name) in GROUPS.iter().enumerate() {
            let event =
                json!({"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}});
            writeln!(to, "{event},")?;
        }
        for (tid, actor) in self.actors.iter().enumerate() {
            let pid = match actor {
                Actor::Feeder(..) | Actor::Collector(..) | Actor::Host(_) => 0,
                Actor::Core(_) => 1,
                Actor::Channel(_) => 2,
            };
            let name = json!({
                "ph": "M", "name": "thread_name", "pid": pid, "tid": tid,
                "args": {"name": actor.name()},
            });
            writeln!(to, "{name},")?;
            for span in self.fabric.log.of(tid) {
                let (name, category, waited) = match span.activity {
                    Activity::Compute { kernel, waited } => {
                        (self.program.kernels[kernel.0].name.clone(), "kernel", waited)
                    }
                    Activity::Locks => ("locks".into(), "lock", 0),
                    Activity::Code { waited } => ("code".into(), "code", waited),
                    Activity::WaitWord => match actor {
                        Actor::Channel(channel) if channel.direction == Direction::S2mm => {
                            ("wait for data".into(), "wait", 0)
                        }
                        _ => ("wait for room".into(), "wait", 0),
                    },
                    Activity::WaitHost => ("wait for the host".into(), "wait", 0),
                    Activity::HostMemory => ("wait for host memory".into(), "wait", 0),
                    Activity::Command { step } => (format!("step {step}"), "command", 0),
                    Activity::Move { bd, waited } => {
                        let buffer = match actor {
                            Actor::Channel(channel) => channel.buffers().nth(bd),
                            _ => None,
                        };
                        let name = buffer.map(|buffer| self.program.buffers[buffer.0].name.clone());
                        (name.unwrap_or_default(), "words", waited)
                    }
                    Activity::Stream { iteration, waited } => {
                        (format!("iteration {iteration}"), "words", waited)
                    }
                    Activity::WaitLock(lock) => {
                        (format!("wait for {}", self.program.locks[lock.0].name), "wait", 0)
                    }
                };
                let event = json!({
                    "ph": "X", "name": name, "cat": category, "pid": pid, "tid": tid,
                    "ts": microseconds(span.begin), "dur": microseconds(span.end - span.begin),
                    "args": {"begin": span.begin, "end": span.end, "waited": waited},
                });
                writeln!(to, "{event},")?;
            }
        }
        // The format wants no comma after the last event.
        let device = json!({
            "ph": "M", "name": "process_labels", "pid": 1,
            "args": {"labels": format!("{} at {clock} MHz", self.program.device)},
        });
        writeln!(to, "{device}\n]}}")
    }
}
