//! Whether the streams of a graph are what a system connects to data movers.
//!
//! A system is what `v++ --link` is told: which instances of which kernels there are (`nk`), and
//! which of their streams is which of the graph's (`stream_connect`).

use std::collections::BTreeMap;

/// What the array is called there (UG1702, --connectivity.stream_connect).
const ARRAY: &str = "ai_engine_0";

/// How a data mover calls its stream.
const STREAM: &str = "stream";

/// A stream of programmable logic of a graph that was built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plio<'a> {
    pub name: &'a str,
    /// Whether it goes into the array.
    pub into: bool,
    /// In bits.
    pub width: u32,
}

/// Holds the configuration of a system against the streams of a graph: each is connected once, to an
/// instance of its own of the data mover for its width and direction, and nothing else is.
///
/// # Errors
///
/// All differences, in words.
pub fn check(text: &str, streams: &[Plio]) -> Result<usize, Vec<String>> {
    let mut differences = Vec::new();
    // The kernel of each instance, and how often it is connected.
    let mut units: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut connected: BTreeMap<(&str, bool), Vec<&str>> = BTreeMap::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let parts: Vec<&str> = value.split(':').collect();
        match (key, parts.as_slice()) {
            ("nk", [kernel, count, names]) => {
                let names: Vec<&str> = names.split('.').collect();
                if count.parse() != Ok(names.len()) {
                    differences.push(format!("'{line}' has {} names", names.len()));
                }
                for name in names {
                    if units.insert(name, (kernel, 0)).is_some() {
                        differences.push(format!("'{name}' is there twice"));
                    }
                }
            }
            ("stream_connect", &[from, to]) => {
                let (from, to) = (from.split_once('.'), to.split_once('.'));
                match (from, to) {
                    (Some((unit, STREAM)), Some((ARRAY, plio))) => {
                        connected.entry((plio, true)).or_default().push(unit);
                    }
                    (Some((ARRAY, plio)), Some((unit, STREAM))) => {
                        connected.entry((plio, false)).or_default().push(unit);
                    }
                    _ => differences.push(format!("'{line}' connects no data mover to the array")),
                }
            }
            _ => {}
        }
    }
    for plio in streams {
        let found = connected.remove(&(plio.name, plio.into)).unwrap_or_default();
        let &[unit] = found.as_slice() else {
            differences.push(format!("stream '{}' is connected {} times", plio.name, found.len()));
            continue;
        };
        let expected = format!("{}_{}", if plio.into { "mm2s" } else { "s2mm" }, plio.width);
        match units.get_mut(unit) {
            Some((kernel, times)) if *kernel == expected => *times += 1,
            Some((kernel, _)) => differences
                .push(format!("stream '{}' needs a '{expected}', not a '{kernel}'", plio.name)),
            None => differences.push(format!("'{unit}' is connected, but does not exist")),
        }
    }
    for (plio, into) in connected.keys() {
        let side = if *into { "input" } else { "output" };
        differences.push(format!("the graph has no {side} stream '{plio}'"));
    }
    for (unit, (_, times)) in &units {
        if *times != 1 {
            differences.push(format!("'{unit}' is connected {times} times"));
        }
    }
    if differences.is_empty() { Ok(streams.len()) } else { Err(differences) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: &str = "[connectivity]\nnk=mm2s_128:2:a.b\nnk=s2mm_32:1:c\n\
                          stream_connect=a.stream:ai_engine_0.in0_0\nstream_connect=b.stream:ai_engine_0.in1_0\n\
                          stream_connect=ai_engine_0.out0_0:c.stream\n\n[clock]\ndefaultFreqHz=1\n";

    fn said(change: &[(&str, &str)]) -> String {
        let streams = [("in0_0", true, 128), ("in1_0", true, 128), ("out0_0", false, 32)]
            .map(|(name, into, width)| Plio { name, into, width });
        let text = change.iter().fold(SYSTEM.to_owned(), |text, (from, to)| {
            assert!(text.contains(from));
            text.replacen(from, to, 1)
        });
        check(&text, &streams).map_or_else(|all| all.join("; "), |count| count.to_string())
    }

    #[test]
    fn every_stream_has_a_data_mover_of_its_own() {
        assert_eq!(said(&[]), "3");
        for (change, words) in [
            (
                ("in1_0", "in0_0"),
                "stream 'in0_0' is connected 2 times; stream 'in1_0' is connected 0 times",
            ),
            (("in1_0", "in2_0"), "the graph has no input stream 'in2_0'"),
            (("b.stream", "a.stream"), "'a' is connected 2 times; 'b' is connected 0 times"),
            (("b.stream", "d.stream"), "'d' is connected, but does not exist"),
            (("b.stream", "b.data"), "connects no data mover to the array"),
            (("mm2s_128", "mm2s_64"), "stream 'in0_0' needs a 'mm2s_128', not a 'mm2s_64'"),
            (("s2mm_32", "mm2s_32"), "stream 'out0_0' needs a 's2mm_32', not a 'mm2s_32'"),
            (("2:a.b", "3:a.b"), "has 2 names"),
            (("a.b", "a.a"), "'a' is there twice"),
        ] {
            assert!(said(&[change]).contains(words), "{words}: {}", said(&[change]));
        }
    }
}
