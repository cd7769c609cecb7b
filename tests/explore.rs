//! Budgets of tiles: a larger one is never worse, and what `aie4ml explore` says of them holds.

mod common;

use aie4ml::{
    compile::{self, Options},
    plan::parallelize::Objective,
    report::{Report, Simulated},
};
use common::{Scratch, aie4ml, root, stderr, stdout};
use serde_json::Value;
use std::{fs, path::Path};

fn compiled(example: &str, objective: Objective, budget: usize) -> Report {
    let model = root().join("examples").join(example).join("model.onnx");
    let max_tiles = Some(budget);
    let options = Options { model, objective, max_tiles, ..Options::default() };
    match compile::compile_in_memory(&options, &mut |_| ()) {
        Ok(compiled) => compiled.report,
        Err(error) => panic!("{example} for {objective}, at most {budget} tiles: {error}"),
    }
}

/// What an objective minimizes, as the design takes it.
fn value(report: &Report, objective: Objective) -> f64 {
    let Some(simulated) = report.simulated else { panic!("{} is not simulated", report.model) };
    let Simulated { interval_cycles, batch_latency_cycles, .. } = simulated;
    match objective {
        Objective::Resources => report.tiles as f64,
        Objective::Throughput => interval_cycles * report.iterations as f64,
        Objective::Latency => batch_latency_cycles as f64,
    }
}

#[test]
fn more_tiles_are_never_worse() {
    for (example, budgets) in
        [("jet_tagger", &[4, 5, 6, 9, 13, 20, 45, 304][..]), ("residual", &[8, 9, 12, 16, 24, 40])]
    {
        for objective in [Objective::Resources, Objective::Throughput, Objective::Latency] {
            let mut least = f64::INFINITY;
            for &budget in budgets {
                let report = compiled(example, objective, budget);
                assert!(report.tiles <= budget, "{example} {objective} {budget}");
                let value = value(&report, objective);
                assert!(value <= least, "{example} {objective} {budget}: {value} after {least}");
                least = value;
            }
        }
    }
}

/// Every pass by itself, with the options that the command line gives it, comes to the same design.
#[test]
fn the_pipeline_by_name_decides_as_the_command_line() {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let model = root().join("examples/residual/model.onnx");
    let [model, out] = [model, out].map(|path| path.display().to_string());
    let output = aie4ml(&["compile", &model, "-o", &out]);
    assert!(output.status.success(), "{}", stderr(&output));
    let tool = common::bin().join("aie4ml-opt");
    let output = std::process::Command::new(tool)
        .args([&format!("{out}/model.mlir"), "--aie4ml-compile", "--mlir-print-debuginfo"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let design = fs::read_to_string(format!("{out}/design.mlir")).unwrap();
    let without = |text: &str| -> Vec<String> {
        // Locations of what is read again differ.
        text.trim_end()
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(" loc(").next().unwrap_or_default().to_owned())
            .collect()
    };
    let (one, other) = (without(&design), without(&stdout(&output)));
    let different = one.iter().zip(&other).position(|(a, b)| a != b);
    assert_eq!((different, one.len()), (None, other.len()));
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn explore(scratch: &Scratch, name: &str, options: &[&str]) -> Value {
    let model = root().join("examples/jet_tagger/model.onnx").display().to_string();
    let out = scratch.path(name).display().to_string();
    let question = ["explore", &model, "-o", &out, "--max-tiles", "3,5,8,12"];
    let goals = ["--optimize", "latency,throughput"];
    let output = aie4ml(&[&question[..], &goals, options].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("designs, "), "{}", stdout(&output));
    json(&scratch.path(name).join("explore.json"))
}

fn points(found: &Value) -> &Vec<Value> {
    found["points"].as_array().unwrap()
}

#[test]
fn every_point_is_what_its_command_makes() {
    let scratch = Scratch::new();
    let found = explore(&scratch, "whole", &[]);
    let all = points(&found);
    assert!(all.len() >= 4, "{found}");
    assert!(all.iter().any(|point| point["front"] == true));
    let page = fs::read_to_string(scratch.path("whole").join("explore.html")).unwrap();
    let table = fs::read_to_string(scratch.path("whole").join("explore.csv")).unwrap();
    assert_eq!(table.lines().count(), all.len() + 1);
    for point in all {
        let command = point["command"].as_str().unwrap();
        let words: Vec<&str> = command.split(' ').collect();
        let folder = words[words.iter().position(|word| *word == "-o").unwrap() + 1];
        let out = scratch.path(folder).display().to_string();
        let words: Vec<&str> =
            words.iter().map(|word| if *word == folder { out.as_str() } else { word }).collect();
        assert_eq!(words[0], "aie4ml");
        let output = aie4ml(&words[1..]);
        assert!(output.status.success(), "{command}: {}", stderr(&output));
        let report = json(&scratch.path(folder).join("report.json"));
        assert_eq!(report["tiles"], point["tiles"], "{command}");
        let simulated = &report["simulated"];
        assert_eq!(simulated["batch_latency_cycles"], point["latency_cycles"], "{command}");
        // A run says the same.
        let example = root().join("examples/jet_tagger/inputs.npy").display().to_string();
        let output = aie4ml(&["run", &out, "--input", &example, "--timing", "--json"]);
        let run: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(run["latency_cycles"], simulated["latency_cycles"], "{command}");
        let (said, ran) = (&simulated["interval_cycles"], &run["interval_cycles"]);
        let (said, ran) = (said.as_f64().unwrap(), ran.as_f64().unwrap());
        assert!((said - ran).abs() <= 0.01 * ran, "{command}: {said} {ran}");
        let own = point["page"].as_str().unwrap();
        assert!(page.contains(&format!("href=\"{own}\"")), "{own}");
        let own = fs::read_to_string(scratch.path("whole").join(own)).unwrap();
        assert!(own.contains("<svg"), "{command}");
    }
    // Parts of the work make the same whole.
    for part in ["1/2", "2/2"] {
        explore(&scratch, &part.replace('/', "of"), &["--shard", part]);
    }
    let [one, two, merged] =
        ["1of2", "2of2", "merged"].map(|name| scratch.path(name).display().to_string());
    let output = aie4ml(&["explore", "-o", &merged, "--merge", &one, &two]);
    assert!(output.status.success(), "{}", stderr(&output));
    let merged = json(&scratch.path("merged").join("explore.json"));
    let key = |point: &Value| {
        ["objective", "tiles", "latency_cycles", "interval_cycles", "front"]
            .map(|name| point[name].to_string())
    };
    let keys = |found: &Value| points(found).iter().map(key).collect::<Vec<_>>();
    assert_eq!(keys(&merged), keys(&found));
    let output = aie4ml(&["explore", "-o", &one, "--merge", &two]);
    assert!(stderr(&output).contains("part 1/2 is missing"), "{}", stderr(&output));
}

#[test]
fn questions_without_an_answer() {
    let scratch = Scratch::new();
    let model = root().join("examples/jet_tagger/model.onnx").display().to_string();
    let out = scratch.path("out").display().to_string();
    let other = scratch.write("file", "").parent().unwrap().display().to_string();
    for (options, status, words) in [
        (&["--shard", "0/3"][..], 2, "must be one of the parts 1/3 to 3/3"),
        (&["--shard", "4/3"], 2, "must be one of the parts 1/3 to 3/3"),
        (&["--shard", "3"], 2, "must be two numbers such as 3/16"),
        (&["--shard", "1/0"], 2, "must be of one part or more"),
        (&["--device", "npu9"], 1, "no device 'npu9': use one of xcve2802"),
        (&["--max-tiles", "1,2"], 1, "allow --max-tiles"),
        (&["--optimize", "beauty"], 2, "use resources, throughput or latency"),
        (&["--budgets", "0"], 2, "0 is not in 1.."),
        (&["--budgets", "3", "--max-tiles", "4"], 2, "cannot be used with"),
        (&["--merge", "x"], 2, "cannot be used with"),
    ] {
        let output = aie4ml(&[&["explore", &model, "-o", &out], options].concat());
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(status), "{options:?}: {text}");
        assert!(text.contains(words), "{options:?}: no '{words}' in: {text}");
        assert!(!scratch.path("out").exists(), "{options:?}");
    }
    let output = aie4ml(&["explore", &model, "-o", &other]);
    assert!(stderr(&output).contains("holds 'file', which aie4ml did not write"));
    let output = aie4ml(&["explore", "--merge", &other, "-o", &out]);
    assert!(stderr(&output).contains("explore.json: cannot be read"), "{}", stderr(&output));
}
