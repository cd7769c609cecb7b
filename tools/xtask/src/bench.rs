//! `cargo xtask bench`: how long `aie4ml compile` takes, as the tables of `docs/performance.md`.
//!
//! Networks are made here, at the network level, with weights that no compression helps. Each is
//! compiled [`RUNS`] times by the release build; what is said is the least wall time of
//! the whole program, from its start to the last file written.

use std::{fmt::Write as _, fs, path::Path, process::Command, time::Instant};

const RUNS: usize = 5;

pub(crate) struct Case {
    pub name: String,
    pub batch: usize,
    /// Extents of all tensors, in a row.
    pub extents: Vec<usize>,
    pub options: &'static [&'static str],
    /// `cascade` and `chains` of every layer.
    pub split: Option<(usize, usize)>,
}

/// Compiles every network into `folder` and prints the tables.
///
/// # Errors
/// If a file cannot be written, or a network does not compile.
pub fn run(folder: &Path, program: &Path) -> Result<(), String> {
    let head = "| network | batch | options | tiles | in | out | design.mlir | seconds |\n|---|---|---|---|---|---|---|---|";
    println!("{head}");
    for case in networks() {
        println!("{}", measure(&case, folder, program)?);
    }
    println!("\n{head}");
    for case in sizes() {
        println!("{}", measure(&case, folder, program)?);
    }
    println!(
        "\n| network | options | tiles | cost | seconds to place and route |\n|---|---|---|---|---|"
    );
    for case in placements() {
        println!("{}", placement(&case, folder, program)?);
    }
    Ok(())
}

fn networks() -> Vec<Case> {
    let mut cases = Vec::new();
    for (k, n, split) in [(4736, 1024, (37, 8)), (4864, 1024, (38, 8))] {
        for batch in [8, 32, 128] {
            let name = format!("{k} -> {n}");
            let case = |options, split| Case {
                name: name.clone(),
                batch,
                extents: vec![k, n],
                options,
                split,
            };
            cases.push(case(&["--optimize", "throughput"][..], None));
            cases.push(case(&[], Some(split)));
        }
    }
    cases.push(Case {
        name: "1024 -> 512".into(),
        batch: 128,
        extents: vec![1024, 512],
        options: &["--max-tiles", "128", "--optimize", "throughput"],
        split: None,
    });
    for batch in [8, 32] {
        for options in [
            &["--optimize", "resources"],
            &["--optimize", "throughput"],
            &["--optimize", "latency"],
        ] {
            let name = "7 x (512 -> 512)".into();
            cases.push(Case { name, batch, extents: vec![512; 8], options, split: None });
        }
    }
    cases
}

/// One layer of 128 x 128 weights on each of ever more tiles.
fn sizes() -> Vec<Case> {
    let splits =
        [(1, 1), (1, 2), (1, 4), (1, 8), (2, 8), (4, 8), (8, 8), (16, 8), (32, 8), (38, 8)];
    let case = |(cascade, chains): (usize, usize)| Case {
        name: format!("{} -> {}", 128 * cascade, 128 * chains),
        batch: 8,
        extents: vec![128 * cascade, 128 * chains],
        options: &[],
        split: Some((cascade, chains)),
    };
    splits.into_iter().map(case).collect()
}

/// Seven blocks of 4 x 4 tiles in a chain, and arrays that are full.
fn placements() -> Vec<Case> {
    let case = |extent: usize, options, split| Case {
        name: format!("7 x ({extent} -> {extent})"),
        batch: 8,
        extents: vec![extent; 8],
        options,
        split,
    };
    vec![
        case(128, &[][..], Some((4, 4))),
        case(512, &["--optimize", "throughput"], None),
        case(512, &["--optimize", "latency"], None),
    ]
}

/// A row of the table of placements: how good, and how long it took.
fn placement(case: &Case, folder: &Path, program: &Path) -> Result<String, String> {
    let (model, out) = (folder.join("model.mlir"), folder.join("out"));
    fs::write(&model, network(case)).map_err(|error| error.to_string())?;
    let mut least = f64::INFINITY;
    let mut found = None;
    for _ in 0..RUNS {
        let output = Command::new(program)
            .arg("compile")
            .args([model.as_path(), Path::new("-o"), &out])
            .args(case.options)
            .output()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let line = said.lines().find_map(|line| line.strip_prefix("placement: cost "));
        let report = fs::read_to_string(out.join("report.json")).map_err(|e| e.to_string())?;
        // `{"pass": "aie4ml-place", "seconds": 0.012}`, over several lines.
        let after = |text: &str, word: &str| Some(text.split_once(word)?.1.to_owned());
        let seconds =
            after(&report, "\"aie4ml-place\"").and_then(|rest| after(&rest, "\"seconds\":"));
        let seconds = seconds
            .and_then(|rest| rest.split(['}', ',']).next()?.trim().parse::<f64>().ok())
            .zip(line)
            .ok_or_else(|| format!("{}: no placement in what it says", case.name))?;
        least = least.min(seconds.0);
        let tiles = said.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("?");
        found = Some((tiles.to_owned(), seconds.1.to_owned()));
    }
    let (tiles, cost) = found.unwrap_or_default();
    Ok(format!("| {} | {} | {tiles} | {cost} | {least:.3} |", case.name, asked(case)))
}

/// What a case asks of the compiler, for a table.
fn asked(case: &Case) -> String {
    match case.split {
        Some((cascade, chains)) => format!("{cascade} x {chains}"),
        None => case.options.join(" ").replace("--optimize ", ""),
    }
}

/// A row of a table.
fn measure(case: &Case, folder: &Path, program: &Path) -> Result<String, String> {
    let Case { name, batch, options, .. } = case;
    let (model, out) = (folder.join("model.mlir"), folder.join("out"));
    fs::write(&model, network(case)).map_err(|error| error.to_string())?;
    let Compiled { seconds, tiles } =
        compile(program, &model, &out, options).map_err(|error| format!("{name}: {error}"))?;
    let design = fs::read_to_string(out.join("design.mlir")).map_err(|error| error.to_string())?;
    // `aie.flow(%tile_5_0, PLIO : 0, %tile_2_1, DMA : 0)`: streams of the boundary.
    let flows = || design.lines().filter_map(|line| line.trim().strip_prefix("aie.flow("));
    let ports = |end: usize| {
        flows()
            .filter(|flow| flow.split(", ").nth(end).is_some_and(|e| e.starts_with("PLIO")))
            .count()
    };
    let options = asked(case);
    Ok(format!(
        "| {name} | {batch} | {options} | {tiles} | {} | {} | {:.1} MB | {:.2} |",
        ports(1),
        ports(3),
        design.len() as f64 / 1e6,
        seconds
    ))
}

/// How long compiling took, and how many tiles the design has.
pub struct Compiled {
    /// Least wall time of [`RUNS`] runs.
    pub seconds: f64,
    /// Core tiles, as the program said.
    pub tiles: String,
}

/// Compiles `model` into `out`, [`RUNS`] times.
///
/// # Errors
/// If `program` cannot be started, or refuses the model.
pub fn compile(
    program: &Path,
    model: &Path,
    out: &Path,
    options: &[&str],
) -> Result<Compiled, String> {
    let mut least = f64::INFINITY;
    let mut said = String::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        let output = Command::new(program)
            .arg("compile")
            .args([model, Path::new("-o"), out])
            .args(options)
            .output()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        least = least.min(start.elapsed().as_secs_f64());
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        said = String::from_utf8_lossy(&output.stdout).into_owned();
    }
    // `model.mlir on xcve2802: 304 tiles, 7 memory tiles`
    let tiles = said.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("?");
    Ok(Compiled { seconds: least, tiles: tiles.into() })
}

/// The network as IR.
pub(crate) fn network(case: &Case) -> String {
    let Case { batch, extents, split, .. } = case;
    let tensor = |columns: usize| format!("tensor<{batch}x{columns}xi8>");
    let (first, last) = (extents[0], extents[extents.len() - 1]);
    let mut text = format!("func.func @main(%v0: {}) -> {} {{\n", tensor(first), tensor(last));
    let directive = split.map_or(String::new(), |(cascade, chains)| {
        format!(" {{aie4ml.directive = {{cascade = {cascade} : i64, chains = {chains} : i64}}}}")
    });
    let mut state = 1u64;
    for (index, extents) in extents.windows(2).enumerate() {
        let (k, n) = (extents[0], extents[1]);
        let weights = format!("tensor<{k}x{n}xi8>");
        write!(text, "%w{index} = arith.constant dense<\"0x").expect("a string can be written");
        for _ in 0..k * n {
            // Knuth's MMIX generator; its high bits are the good ones.
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            write!(text, "{:02X}", state >> 56).expect("a string can be written");
        }
        let next = index + 1;
        writeln!(
            text,
            "\"> : {weights}\n%v{next} = aie4ml.dense %v{index}, %w{index} accumulator = i32 \
             requant = [#aie4ml.requant<shift = 12, rounding = nearest_even, overflow = saturate, width = 8, \
             min = -128, max = 127>]{directive} : ({}, {weights}) -> {} loc(\"fc{index}\")",
            tensor(k),
            tensor(n)
        )
        .expect("a string can be written");
    }
    text + &format!("return %v{} : {}\n}}\n", extents.len() - 1, tensor(last))
}
