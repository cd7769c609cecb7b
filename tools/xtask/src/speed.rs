//! `cargo xtask bench --simulator`: how fast networks run, level by level, as the tables of
//! `docs/performance.md`.
//!
//! A speed is what more iterations cost: the wall time of the whole program for many, less that for
//! one batch, so that reading, compiling kernels and starting do not count.

use crate::bench::{Case, network};
use std::{fs, path::Path, process::Command, time::Instant};

/// Seconds that a run should take at least, or batches that it has at most.
const LONG: f64 = 2.0;
const MOST_BATCHES: usize = 1 << 14;

/// Runs every network and prints the tables.
///
/// # Errors
/// If a file cannot be written, or a network neither compiles nor runs.
pub fn run(folder: &Path, program: &Path) -> Result<(), String> {
    println!(
        "| network | batch | tiles | rows of an iteration | iterations/s | with time | cycles/s |\n\
         |---|---|--:|--:|--:|--:|--:|"
    );
    let cases = [
        (128, 128, 8, (1, 1)),
        (4864, 128, 8, (38, 1)),
        (4864, 1024, 8, (38, 8)),
        (4864, 1024, 128, (38, 8)),
    ];
    for (k, n, batch, split) in cases {
        let case = case(k, n, batch, Some(split));
        let out = compile(&case, folder, program)?;
        let plain = Speed::of(&case, folder, program, &out, &[])?;
        let timed = Speed::of(&case, folder, program, &out, &["--timing"])?;
        let tiles = split.0 * split.1;
        println!(
            "| {k} -> {n} | {batch} | {tiles} | {} | {:.0} | {:.0} | {:.0} |",
            batch / timed.iterations,
            plain.batches * timed.iterations as f64,
            timed.batches * timed.iterations as f64,
            timed.batches * timed.iterations as f64 * timed.interval,
        );
    }
    println!("\n| level | 128 -> 128, batch 8 | 4864 -> 1024, batch 128 |\n|---|--:|--:|");
    let levels = ["network.mlir", "mapped.mlir", "design.mlir"];
    let mut rows: Vec<Vec<f64>> = vec![Vec::new(); levels.len()];
    for (k, n, batch, split) in [cases[0], cases[3]] {
        let case = case(k, n, batch, Some(split));
        let out = compile(&case, folder, program)?;
        for (row, level) in rows.iter_mut().zip(levels) {
            row.push(Speed::of(&case, folder, program, &out.join(level), &[])?.batches);
        }
    }
    for (row, level) in rows.iter().zip(levels) {
        let speeds: Vec<String> = row.iter().map(|speed| format!("{speed:.1}")).collect();
        println!("| `{level}` | {} |", speeds.join(" | "));
    }
    Ok(())
}

fn case(k: usize, n: usize, batch: usize, split: Option<(usize, usize)>) -> Case {
    Case { name: format!("{k} -> {n}"), batch, extents: vec![k, n], options: &[], split }
}

fn compile(case: &Case, folder: &Path, program: &Path) -> Result<std::path::PathBuf, String> {
    let (model, out) = (folder.join("model.mlir"), folder.join("out"));
    fs::write(&model, network(case)).map_err(|error| error.to_string())?;
    output(program, &[Path::new("compile"), &model, Path::new("-o"), &out], &[])?;
    Ok(out)
}

/// What a program costs beyond its start.
struct Speed {
    /// In a second.
    batches: f64,
    /// Of a batch, and cycles between them; 1 and 0 in a run without time.
    iterations: usize,
    interval: f64,
}

impl Speed {
    fn of(
        case: &Case,
        folder: &Path,
        program: &Path,
        what: &Path,
        options: &[&str],
    ) -> Result<Speed, String> {
        let run = |batches: usize| -> Result<(f64, String), String> {
            let (input, result) = (folder.join("x.npy"), folder.join("y.npy"));
            fs::write(&input, npy(batches * case.batch, case.extents[0]))
                .map_err(|error| error.to_string())?;
            let run = [Path::new("run"), what, "-i".as_ref(), &input, "-o".as_ref(), &result];
            let start = Instant::now();
            let said = output(program, &run, options)?;
            Ok((start.elapsed().as_secs_f64(), said))
        };
        // The first also fills the cache of kernels. A run with time repeats few batches until its
        // interval shows, so the shortest one has as many.
        run(1)?;
        let few = if options.is_empty() { 1 } else { 64 };
        let least = run(few)?.0.min(run(few)?.0);
        let mut batches = 2 * few;
        loop {
            let (seconds, said) = run(batches)?;
            if seconds - least > LONG || batches >= MOST_BATCHES {
                let number = |after: &str| {
                    let rest = said.split_once(after)?.1.trim_start();
                    rest.split([' ', ',']).next()?.parse::<f64>().ok()
                };
                // `simulated at 1250 MHz, 160 iterations`, and `interval  795.0 cycles`.
                let iterations = number("MHz, ").map_or(1, |all| all as usize / batches);
                return Ok(Speed {
                    batches: (batches - few) as f64 / (seconds - least).max(1e-3),
                    iterations: iterations.max(1),
                    interval: number("interval").unwrap_or(0.0),
                });
            }
            batches *= 2;
        }
    }
}

fn output(program: &Path, arguments: &[&Path], options: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).args(options).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A file of codes that repeat after a prime number.
fn npy(rows: usize, columns: usize) -> Vec<u8> {
    let header =
        format!("{{'descr': '|i1', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // The header ends at a multiple of 64 bytes, with a line's end.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((length as u16).to_le_bytes());
    file.extend(format!("{header:<width$}\n", width = length - 1).into_bytes());
    file.extend((0..rows * columns).map(|index| (index % 251) as u8));
    file
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_of_codes_has_a_header_of_whole_lines() {
        let file = super::npy(3, 5);
        assert_eq!(file.len() % 64, 15);
        let header = usize::from(u16::from_le_bytes([file[8], file[9]]));
        assert_eq!((10 + header) % 64, 0);
        assert_eq!(file[10 + header - 1], b'\n');
    }
}
