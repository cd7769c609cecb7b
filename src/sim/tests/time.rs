//! Runs with time.

use super::*;
use crate::device::{Device, Latency};
use crate::sim::{Costs, Kind, Timing};
use std::collections::HashMap;

fn latency() -> Latency {
    Device::by_name("xcve2802").unwrap().latency
}

fn timed(b: &Builder) -> Engine<u8> {
    Engine::timed(&b.0, Rc::new(bytes), Costs::default()).unwrap()
}

fn timing(b: &Builder, iterations: usize) -> Timing {
    let mut engine = timed(b);
    let inputs: Vec<Vec<u8>> =
        b.0.inputs.iter().map(|input| ramp(input.columns * iterations)).collect();
    engine.run(&inputs, iterations).unwrap();
    engine.timing().unwrap()
}

#[test]
fn a_run_without_time_has_none() {
    let b = pipeline(64);
    let mut engine = b.engine();
    engine.run(&[ramp(64)], 1).unwrap();
    assert!(engine.timing().is_none());
}

#[test]
fn words_take_their_way_one_in_a_cycle() {
    let Latency { dma_memory, dma_lock, stream_ends, hop, plio, .. } = latency();
    for words in [1, 5, 13, 64, 500] {
        let b = turn(4 * words, 4 * words, |_| {});
        let way = plio + stream_ends + hop;
        let written = dma_memory + dma_lock;
        let expected = 2 * way + 2 * words as u64 + written + dma_lock + dma_memory;
        assert_eq!(timing(&b, 1).latency_cycles, expected, "{words} words");
    }
}

/// Between tiles of the Versal AIE-MLv2 two words pass in a cycle, into and out of the array one.
#[test]
fn wide_streams_pass_two_words_in_a_cycle() {
    let on = |device: &str, mut b: Builder| {
        b.0.device = device.into();
        timing(&b, 1).latency_cycles
    };
    for words in [1, 5, 13, 64, 500] {
        let through = |device| on(device, pipeline(4 * words));
        // Into the core and out of it, and its kernel, which loads all of its arguments.
        let moved = 2 * (words - words.div_ceil(2));
        let loads = (8 * words).div_ceil(32) - (8 * words).div_ceil(64);
        let faster = through("xcve2802") - through("xcve3858");
        assert_eq!(faster, (moved + loads) as u64, "{words} words");
        let there_and_back = |device| on(device, turn(4 * words, 4 * words, |_| {}));
        assert_eq!(there_and_back("xcve2802"), there_and_back("xcve3858"), "{words} words");
    }
}

#[test]
fn the_critical_path_has_no_gaps() {
    let timing = timing(&pipeline(256), 3);
    let steps = &timing.critical_path.steps;
    for pair in steps.windows(2) {
        assert_eq!(pair[0].end, pair[1].begin, "{pair:?}");
    }
    assert_eq!((steps[0].begin, steps.last().unwrap().end), (0, timing.latency_cycles));
    let kernels: Vec<_> = steps.iter().filter(|step| step.kind == Kind::Kernel).collect();
    let [kernel] = kernels.as_slice() else { panic!("{kernels:?}") };
    assert_eq!((kernel.name.as_str(), kernel.end - kernel.begin), ("core (4,3)", 14 + 16));
    let sentence = &timing.critical_path.sentence;
    assert!(sentence.starts_with(&format!("of {} cycles, ", timing.latency_cycles)), "{sentence}");
}

/// The shares of everyone are all of its time, and the critical path is all of the latency.
pub fn adds_up(timing: &Timing) {
    let whole = |sum: f64, name: &str| assert!((sum - 1.0).abs() < 1e-6, "{name}: {sum}");
    for each in timing.cores.iter().chain(&timing.channels) {
        let stalls: f64 = each.stalls.iter().map(|stall| stall.share).sum();
        whole(each.busy + each.locks + stalls + each.idle, &each.name);
    }
    for each in &timing.streams {
        whole(each.busy + each.starved + each.unready, &each.destination);
    }
    let steps = &timing.critical_path.steps;
    assert!(steps.windows(2).all(|pair| pair[0].end == pair[1].begin), "{steps:?}");
    let sum: u64 = steps.iter().map(|step| step.end - step.begin).sum();
    assert_eq!(sum, timing.latency_cycles, "{steps:?}");
}

#[test]
fn shares_and_paths_add_up() {
    for device in ["xcve2802", "xcve3858"] {
        let all = [(pipeline(52), 1), (pipeline(256), 13), (cascade(5 * CASCADE_BYTES), 1)];
        for (mut b, iterations) in all {
            b.0.device = device.into();
            adds_up(&timing(&b, iterations));
        }
    }
}

/// As <https://perfetto.dev> reads it: complete events and names, in rows of processes and threads.
#[test]
fn a_trace_shows_rows_of_events_one_after_the_other() {
    let mut engine = timed(&pipeline(64));
    engine.run(&[ramp(5 * 64)], 5).unwrap();
    let mut trace = Vec::new();
    engine.write_trace(&mut trace).unwrap();
    let trace: serde_json::Value = serde_json::from_slice(&trace).unwrap();
    let mut ends: HashMap<(u64, u64), f64> = HashMap::new();
    let mut named = Vec::new();
    for event in trace["traceEvents"].as_array().unwrap() {
        let text = |field: &str| event[field].as_str().unwrap_or_else(|| panic!("{event}"));
        let pid = event["pid"].as_u64().unwrap();
        assert!(!text("name").is_empty(), "{event}");
        match (text("ph"), text("name")) {
            ("M", "thread_name") => {
                named.push((pid, event["tid"].as_u64().unwrap()));
                assert!(event["args"]["name"].is_string(), "{event}");
            }
            ("M", _) => assert!(event["args"].is_object(), "{event}"),
            ("X", _) => {
                let row = (pid, event["tid"].as_u64().unwrap());
                let [begin, duration] = ["ts", "dur"].map(|field| event[field].as_f64().unwrap());
                let last = ends.insert(row, begin + duration).unwrap_or(0.0);
                assert!(duration > 0.0 && begin > last - 1e-9, "{event} after {last}");
                assert!(named.contains(&row) && !text("cat").is_empty(), "{event}");
            }
            _ => panic!("{event}"),
        }
    }
    assert!(ends.len() > 4, "{ends:?}");
}

#[test]
fn a_trace_is_json_with_every_actor() {
    let mut engine = timed(&pipeline(64));
    engine.run(&[ramp(64)], 1).unwrap();
    let mut trace = Vec::new();
    engine.write_trace(&mut trace).unwrap();
    let trace: serde_json::Value = serde_json::from_slice(&trace).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let names: Vec<&str> = (events.iter())
        .filter(|event| event["name"] == "thread_name")
        .map(|event| event["args"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), engine.actors.len());
    assert!(names.contains(&"core (4,3)"), "{names:?}");
    let calls: Vec<_> = events.iter().filter(|event| event["cat"] == "kernel").collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["name"], "add_one");
    // 1250 MHz: a cycle is 0.0008 microseconds.
    let args = &calls[0]["args"];
    let cycles = args["end"].as_u64().unwrap() - args["begin"].as_u64().unwrap();
    assert!((calls[0]["dur"].as_f64().unwrap() - cycles as f64 * 0.0008).abs() < 1e-9);
}

#[test]
fn deadlocks_are_found_in_time() {
    // A descriptor that sends one word less than the next expects.
    let b = turn(64, 60, |_| {});
    let without = b.fault(&[ramp(64)], 1);
    assert_eq!(timed(&b).run(&[ramp(64)], 1).unwrap_err().to_string(), without);
}

proptest! {
    /// Time decides when something happens, never what.
    #[test]
    fn time_changes_no_value(
        words in 1usize..80,
        iterations in 1usize..6,
        which in 0..3,
        wide in any::<bool>(),
    ) {
        let mut b = match which {
            0 => pipeline(4 * words),
            1 => cascade(words.next_multiple_of(16) * CASCADE_BYTES),
            _ => turn(4 * words, 4 * words, |_| {}),
        };
        b.0.device = if wide { "xcve3858" } else { "xcve2802" }.into();
        let iterations = if which == 1 { 1 } else { iterations };
        let inputs: Vec<Vec<u8>> =
            b.0.inputs.iter().map(|input| ramp(input.columns * iterations)).collect();
        let (mut plain, mut timed) = (b.engine(), timed(&b));
        prop_assert_eq!(plain.run(&inputs, iterations), timed.run(&inputs, iterations));
        prop_assert_eq!(plain.state(), timed.state());
    }
}
