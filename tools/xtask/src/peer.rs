//! `cargo xtask bench --peer PYTHON`: the same networks through the Python package `aie4ml`, in the same run.
//!
//! The package converts to a project of AMD's tools; that is compared with all of `aie4ml compile`.
//! Its seconds are without Python's start and imports, ours with everything.

use std::{path::Path, process::Command};

use crate::bench::compile;

const SCRIPT: &str = include_str!("peer.py");

/// Longest time for one conversion, in seconds.
const PATIENCE: u32 = 600;

struct Case {
    batch: usize,
    /// Extents of all tensors, in a row.
    extents: &'static [usize],
    /// How the package calls it, and how we do.
    objective: (&'static str, &'static str),
}

const RESOURCES: (&str, &str) = ("resource", "resources");
const THROUGHPUT: (&str, &str) = ("throughput", "throughput");

const CASES: &[Case] = &[
    Case { batch: 8, extents: &[16, 64, 32, 32, 5], objective: RESOURCES },
    Case { batch: 8, extents: &[256; 4], objective: RESOURCES },
    Case { batch: 8, extents: &[1024; 3], objective: RESOURCES },
    Case { batch: 128, extents: &[1024, 512], objective: RESOURCES },
    Case { batch: 8, extents: &[4736, 1024], objective: RESOURCES },
    Case { batch: 128, extents: &[4736, 1024], objective: RESOURCES },
    Case { batch: 8, extents: &[4864, 1024], objective: RESOURCES },
    Case { batch: 8, extents: &[512; 8], objective: RESOURCES },
    Case { batch: 32, extents: &[512; 8], objective: RESOURCES },
    Case { batch: 8, extents: &[512; 8], objective: THROUGHPUT },
];

/// Prints a row for each network: seconds and tiles of both, and how many times ours is faster.
///
/// # Errors
/// If a file cannot be written, `python` cannot be started, or we do not compile a network.
/// What the package refuses is said in its row.
pub fn run(folder: &Path, program: &Path, python: &str) -> Result<(), String> {
    println!(
        "| network | batch | objective | theirs: s | tiles | ours: s | tiles | times faster |\n\
         |---|---|---|--:|--:|--:|--:|--:|"
    );
    let model = folder.join("model.onnx");
    let mut refusals = Vec::new();
    for Case { batch, extents, objective } in CASES {
        let script = |arguments: &[&str]| {
            Command::new("timeout")
                .arg(PATIENCE.to_string())
                .args([python, "-c", SCRIPT])
                .args(arguments)
                .output()
                .map_err(|error| format!("{python}: {error}"))
        };
        let path = model.to_string_lossy();
        let numbers: Vec<String> =
            [batch].into_iter().chain(*extents).map(usize::to_string).collect();
        let mut arguments = vec!["network", &path];
        arguments.extend(numbers.iter().map(String::as_str));
        let made = script(&arguments)?;
        if !made.status.success() {
            return Err(format!("{python}: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let ours = compile(program, &model, &folder.join("out"), &["--optimize", objective.1])?;
        let out = folder.join("peer");
        let theirs = script(&["convert", &path, &out.to_string_lossy(), objective.0])?;
        let said = String::from_utf8_lossy(&theirs.stdout);
        let cells = match said.split_whitespace().collect::<Vec<_>>()[..] {
            [seconds, tiles] if theirs.status.success() => {
                let seconds: f64 = seconds.parse().map_err(|_| format!("'{said}' is no time"))?;
                let ratio = seconds / ours.seconds;
                (format!("{seconds:.1} | {tiles}"), format!("{ratio:.0}"))
            }
            _ => {
                refusals.push(refusal(theirs.status.code(), &theirs.stderr));
                (format!("refused ({}) | ", refusals.len()), String::new())
            }
        };
        println!(
            "| {} | {batch} | {} | {} | {:.2} | {} | {} |",
            name(extents),
            objective.1,
            cells.0,
            ours.seconds,
            ours.tiles,
            cells.1
        );
    }
    for (index, refusal) in refusals.iter().enumerate() {
        println!("\n({}) {refusal}", index + 1);
    }
    Ok(())
}

/// `7 x (512 -> 512)` or `16 -> 64 -> 5`.
fn name(extents: &[usize]) -> String {
    match extents {
        [first, rest @ ..] if rest.len() > 1 && rest.iter().all(|extent| extent == first) => {
            format!("{} x ({first} -> {first})", rest.len())
        }
        _ => extents.iter().map(usize::to_string).collect::<Vec<_>>().join(" -> "),
    }
}

/// The last line of what a failed conversion said.
fn refusal(code: Option<i32>, stderr: &[u8]) -> String {
    // What `timeout` exits with.
    if code == Some(124) {
        return format!("not done in {PATIENCE} s");
    }
    let said = String::from_utf8_lossy(stderr);
    said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message").trim().into()
}
