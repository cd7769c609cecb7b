//! All of `lit-tests`, with the tools that this build made.

mod common;

use std::process::Command;

#[test]
fn lit() {
    let output = Command::new(common::llvm().join("bin/lit"))
        .args(["--order=smart", "-vv", "--no-progress-bar"])
        .arg(common::root().join("lit-tests"))
        .env("AIE4ML_BIN", common::bin())
        // Their own caches of past failures stay out of the sources.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("lit is in llvm-22-tools, see tools/setup.sh");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        // Only what failed: a line for each test that passed says nothing here.
        let lines = text.lines().filter(|line| !line.starts_with("PASS:"));
        let text: Vec<&str> = lines.collect();
        panic!("{}\n{errors}", text.join("\n"));
    }
    println!("{}", text.lines().rev().take(6).collect::<Vec<_>>().join("\n"));
}
