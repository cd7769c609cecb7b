//! `cargo xtask`: chores of this repository.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const HELP: &str = "\
cargo xtask new-pass NAME [--after PASS]   write a pass, its lit tests and its registration line;
                                           `aie4ml compile` runs it if it is after one that it runs
cargo xtask new-operator NAME              write an operator that copies codes, its kernel, its lit test and the
                                           lines that name it
cargo xtask docs [--check]                 write the manual into target/docs; --check only tries
cargo xtask fmt                            format every Rust source, also those that `cargo fmt` misses
cargo xtask calibrate                      simulate what was published, and write the tables of docs/simulator.md
cargo xtask bless                          run the tests and accept every changed snapshot
cargo xtask nightly [CASES]                random graphs with random directives, 1000 or so many
cargo xtask bench [--peer PYTHON]          time `aie4ml compile`, as docs/performance.md has it; or against the
                                           package `aie4ml` of that Python, on the same networks
cargo xtask bench --simulator              the same of `aie4ml run`, with and without time, and of each level
cargo xtask ci                             all that CI checks: clippy, then every test
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), String> {
    let root = root()?;
    match arguments {
        ["new-pass", name] => list(&root, xtask::new_pass(&root, name, None)?),
        ["new-pass", name, "--after", after] => {
            list(&root, xtask::new_pass(&root, name, Some(after))?)
        }
        ["new-operator", name] => list(&root, xtask::new_operator(&root, name)?),
        ["docs"] => docs(&root, true),
        ["docs", "--check"] => docs(&root, false),
        ["fmt"] => {
            let files = xtask::rust_sources(&root);
            let arguments = ["--edition", "2024", "--config-path"];
            finish("rustfmt", Command::new("rustfmt").args(arguments).arg(&root).args(files))
        }
        ["calibrate"] => calibrate(&root),
        ["bless"] => cargo(&root, &["test", "--workspace"], &[("INSTA_UPDATE", "always")]),
        ["nightly"] => nightly(&root, "1000"),
        ["nightly", cases] => nightly(&root, cases),
        ["bench"] => bench(&root, &xtask::bench::run),
        ["bench", "--peer", python] => {
            bench(&root, &|folder, program| xtask::peer::run(folder, program, python))
        }
        ["bench", "--simulator"] => bench(&root, &xtask::speed::run),
        ["ci"] => {
            cargo(&root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?;
            cargo(&root, &["test", "--workspace"], &[])
        }
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!("cannot do '{}'\n{HELP}", arguments.join(" "))),
    }
}

/// Says what was written.
fn list(root: &Path, written: Vec<PathBuf>) -> Result<(), String> {
    for path in written {
        println!("{}", path.strip_prefix(root).unwrap_or(&path).display());
    }
    Ok(())
}

fn nightly(root: &Path, cases: &str) -> Result<(), String> {
    let test = ["test", "--test", "graphs", "graphs_at_random", "--", "--nocapture"];
    cargo(root, &test, &[("AIE4ML_CASES", cases)])
}

/// Builds the release profile and measures it, with files in a folder.
fn bench(root: &Path, measure: &dyn Fn(&Path, &Path) -> Result<(), String>) -> Result<(), String> {
    cargo(root, &["build", "--release", "--bin", "aie4ml"], &[])?;
    let folder = target(root).join("bench");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let program = target(root).join("release/aie4ml");
    measure(&folder, &program)
}

/// Where cargo builds.
fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from)
}

fn docs(root: &Path, write: bool) -> Result<(), String> {
    cargo(root, &["build", "--quiet", "--bin", "aie4ml-opt"], &[])?;
    let target = target(root);
    let pages = xtask::docs::pages(root, &target.join("debug/aie4ml-opt"))?;
    if write {
        let folder = target.join("docs");
        xtask::docs::write(&folder, &pages)?;
        println!("{} pages in {}", pages.len(), folder.display());
    }
    Ok(())
}

/// Replaces what is between the marks in the manual of the simulator.
fn calibrate(root: &Path) -> Result<(), String> {
    let arguments =
        ["run", "--quiet", "--bin", "aie4ml", "--", "calibrate", "--fit", "--best", "--estimates"];
    let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo).args(arguments).current_dir(root).output();
    let output = output.map_err(|error| format!("cargo run does not start: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let tables = String::from_utf8_lossy(&output.stdout);
    let path = root.join("docs/simulator.md");
    let text = xtask::source::read(&path)?;
    let marks = ("<!-- calibrate -->\n", "<!-- end -->");
    let parts = text.split_once(marks.0).zip(text.split_once(marks.1));
    let Some(((before, _), (_, after))) = parts else {
        return Err(format!("{} lacks its marks", path.display()));
    };
    let [begin, end] = [marks.0, marks.1];
    xtask::source::write(&path, &format!("{before}{begin}\n{}\n\n{end}{after}", tables.trim()))
}

fn cargo(root: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).envs(environment.iter().copied()).current_dir(root);
    finish(&format!("cargo {}", arguments[0]), &mut command)
}

fn finish(what: &str, command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("{what} failed")),
        Err(error) => Err(format!("{what} does not start: {error}")),
    }
}

/// The checkout that the current directory is in.
fn root() -> Result<PathBuf, String> {
    let here = env::current_dir().map_err(|error| error.to_string())?;
    let found = here.ancestors().find(|folder| folder.join(xtask::LIST).is_file());
    found.map(Path::to_path_buf).ok_or(format!("there is no {} here or above", xtask::LIST))
}
