//! What reviewers would otherwise have to look for.

mod common;

// What a new pass is made of, compiled as part of this test.
pub use aie4ml::{dialect, mlir, pass};
#[path = "../tools/xtask/templates/pass.rs"]
mod template;

// Likewise a new operator.
pub use aie4ml::operator::{BLOCK, Node, Operator, Share};
#[path = "../tools/xtask/templates/operator/operator.rs"]
mod operator_template;

use aie4ml::testing::Pipeline;
use common::root;
use std::{fs, path::Path, process::Command};
use xtask::source;

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Fails with a list, unless it is empty.
fn expect_none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn sources_are_formatted() {
    let output = Command::new("rustfmt")
        .args(["--check", "--files-with-diff", "--edition", "2024", "--config-path"])
        .arg(root())
        .args(xtask::rust_sources(root()))
        .output()
        .expect("rustfmt comes with Rust: rustup component add rustfmt");
    let mut files: Vec<String> =
        common::stdout(&output).lines().map(|line| relative(Path::new(line))).collect();
    files.sort();
    files.dedup();
    assert!(common::stderr(&output).is_empty(), "{}", common::stderr(&output));
    expect_none("run `cargo xtask fmt`, which formats", files);
}

#[test]
fn passes_are_documented_and_tested() {
    let mut missing = Vec::new();
    for pass in source::passes(root()).expect("the list of passes is readable") {
        let name = &pass.name;
        if pass.summary().is_empty() || pass.summary().len() > 72 {
            missing.push(format!("{name}: a first doc line of up to 72 characters"));
        }
        for option in &pass.options {
            if option.doc.is_empty() {
                missing.push(format!("{name}: a doc line for its option '{}'", option.name));
            }
        }
        let folder = root().join("lit-tests/passes").join(pass.folder());
        if !folder.join("doctest.mlir").exists() {
            missing.push(format!("{name}: {}", relative(&folder.join("doctest.mlir"))));
        }
        let tests = common::files(&folder, &["mlir"]);
        let texts: Vec<String> = tests.iter().map(|path| read(path)).collect();
        if !texts.iter().any(|text| text.contains(name) && text.contains("expected-error")) {
            missing.push(format!("{name}: a test with 'expected-error' in {}", relative(&folder)));
        }
    }
    expect_none("passes lack", missing);
}

/// Words of a message that do not depend on values: the longest literal part.
fn fixed_part(message: &str) -> String {
    let mut parts = vec![String::new()];
    let mut chars = message.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.peek() == Some(&'{') => {
                parts.last_mut().unwrap().push(chars.next().unwrap())
            }
            '{' => {
                _ = chars.by_ref().find(|c| *c == '}');
                parts.push(String::new());
            }
            _ => parts.last_mut().unwrap().push(c),
        }
    }
    parts.into_iter().max_by_key(String::len).unwrap_or_default().trim().into()
}

/// String literals that are arguments of `fail(...)` or `Failure::at(...)`.
fn messages(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]").next().unwrap_or(text);
    let mut found = Vec::new();
    for start in ["fail(", "Failure::at("] {
        for (at, _) in text.match_indices(start) {
            let call: String = text[at..].chars().take(400).collect();
            // The literal must come before the statement ends.
            let call = call.split(';').next().unwrap_or_default();
            let mut literal = String::new();
            let mut chars = call.chars().skip_while(|c| *c != '"').skip(1);
            while let Some(c) = chars.next() {
                match c {
                    '"' => break,
                    '\\' => match chars.next() {
                        Some('\n') => {
                            let rest = chars.clone().skip_while(|c| c.is_whitespace());
                            let skipped = chars.clone().count() - rest.count();
                            if skipped > 0 {
                                chars.nth(skipped - 1);
                            }
                        }
                        Some(escaped) => literal.push(escaped),
                        None => {}
                    },
                    _ => literal.push(c),
                }
            }
            let part = fixed_part(&literal);
            if part.len() > 5 {
                found.push(part);
            }
        }
    }
    found
}

#[test]
fn errors_of_passes_are_tested() {
    let tests: String = common::files(&root().join("lit-tests"), &["mlir", "test"])
        .iter()
        .map(|path| read(path))
        .collect();
    // Ops that ODS has checked and that our own passes made cannot fail so.
    let unreachable = read(&root().join("tests/unreachable-errors.txt"));
    let unreachable: Vec<&str> =
        unreachable.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let mut untested = Vec::new();
    for pass in source::passes(root()).expect("the list of passes is readable") {
        let file = root().join(format!("src/passes/{}.rs", pass.module));
        let parts = common::files(&root().join("src/passes").join(&pass.module), &["rs"]);
        for path in [file].into_iter().chain(parts) {
            for message in messages(&read(&path)) {
                if !tests.contains(&message) && !unreachable.contains(&message.as_str()) {
                    untested.push(format!("{}: {message}", relative(&path)));
                }
            }
        }
    }
    expect_none("no lit test expects these errors", untested);
}

#[test]
fn unsafe_code_is_in_one_module() {
    let allowed = |path: &Path| path.starts_with(root().join("src/mlir"));
    let found =
        xtask::rust_sources(root()).into_iter().filter(|path| !allowed(path)).filter(|path| {
            read(path).lines().any(|line| {
                let line = line.trim_start();
                !line.starts_with("//") && (line.contains("unsafe {") || line.contains("unsafe fn"))
            })
        });
    // This file says the words without meaning them.
    let found = found.filter(|path| !path.ends_with("tests/tidy.rs"));
    expect_none("`unsafe` outside src/mlir", found.map(|path| relative(&path)).collect());
}

#[test]
fn no_file_names_a_place_on_one_machine() {
    let mut found = Vec::new();
    for folder in ["src", "tests", "tools", "dialects", "kernels", "lit-tests", "docs", "examples"]
    {
        let extensions =
            ["rs", "td", "h", "hpp", "cpp", "cc", "mlir", "md", "sh", "py", "toml", "snap"];
        for path in common::files(&root().join(folder), &extensions) {
            for (number, line) in read(&path).lines().enumerate() {
                if ["/home/", "/root/", "/work/", "/Users/"]
                    .iter()
                    .any(|place| line.contains(place))
                    && !path.ends_with("tests/tidy.rs")
                {
                    found.push(format!("{}:{}: {line}", relative(&path), number + 1));
                }
            }
        }
    }
    expect_none("paths of one machine", found);
}

#[test]
fn designs_bring_every_kernel_header() {
    for folder in ["aie4ml", "host"] {
        for path in common::files(&root().join("kernels").join(folder), &["h", "hpp", "cpp"]) {
            let name = path.strip_prefix(root().join("kernels")).expect("it is below");
            // The list of operators brings theirs.
            let stem = name.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
            if read(&root().join(xtask::OPERATORS)).contains(&format!("            {stem}: ")) {
                continue;
            }
            let line = format!("include_str!(\"../kernels/{}\")", name.display());
            let compile = read(&root().join("src/compile.rs"));
            assert!(compile.contains(&line), "src/compile.rs lacks {line}");
        }
    }
}

#[test]
fn the_manual_can_be_written() {
    let pages = xtask::docs::pages(root(), Path::new(env!("CARGO_BIN_EXE_aie4ml-opt")))
        .unwrap_or_else(|message| panic!("{message}"));
    for pass in source::passes(root()).expect("the list of passes is readable") {
        let page = &pages[Path::new(&format!("passes/{}.md", pass.folder()))];
        assert!(page.contains(pass.summary()) && page.contains("## Example"), "{page}");
    }
}

#[test]
fn new_passes_build_and_their_tests_pass() {
    mlir::pass::register::<template::Name>();
    let folder = root().join("tools/xtask/templates");
    let doctest = Pipeline::new("func.func(aie4ml-NAME)").run(&read(&folder.join("doctest.mlir")));
    assert!(doctest.contains("func.func @accepts_one_layer") && doctest.contains("aie4ml.dense"));
    let text = read(&folder.join("errors.mlir"));
    let errors = Pipeline::new("func.func(aie4ml-NAME{max-layers=0})").run(&text);
    let (_, expected) = text.split_once("{{").expect("the template expects an error");
    let (expected, _) = expected.split_once("}}").expect("and says which");
    assert!(errors.starts_with("error: input:") && errors.contains(expected), "{errors}");
}

#[test]
fn new_passes_are_written_where_they_belong() {
    let scratch = common::Scratch::new();
    let list = root().join(xtask::LIST);
    let copy = scratch.path(xtask::LIST);
    fs::create_dir_all(copy.parent().expect("it is in src")).expect("the folder is writable");
    fs::copy(list, &copy).expect("the list is readable");
    let root = scratch.path("");
    let written = xtask::new_pass(&root, "count-layers", Some("aie4ml-tile")).expect("it is new");
    assert_eq!(written.len(), 4);
    let text = read(&copy);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let tile = lines.iter().position(|line| *line == "tile::Tile;").expect("tile is registered");
    assert_eq!(lines[tile + 1], "count_layers::CountLayers;");
    let error = xtask::new_pass(&root, "count-layers", None).unwrap_err();
    assert_eq!(error, "a pass 'count_layers' is registered already");
}

#[test]
fn new_operators_copy_codes() {
    use aie4ml::{kernel::Integer, operator::Tensor};
    let tensor = Tensor { features: 3, number: Integer { bits: 8, signed: true } };
    let mut node = Node {
        operator: &operator_template::Name,
        parameters: Default::default(),
        inputs: vec![tensor],
        constants: Vec::new(),
        output: tensor,
        accumulator: 32,
    };
    assert_eq!(node.operator.check(&node), Ok(()));
    assert_eq!(node.operator.evaluate(&node, &[&[1, -2, 3]]), [1, -2, 3]);
    node.output.features = 4;
    assert!(node.operator.check(&node).is_err());
}

#[test]
fn new_operators_are_written_where_they_belong() {
    let scratch = common::Scratch::new();
    let list = xtask::OPERATORS;
    let copy = scratch.path(list);
    fs::create_dir_all(copy.parent().expect("it is in src")).expect("the folder is writable");
    fs::copy(root().join(list), &copy).expect("the list is readable");
    let folder = scratch.path("");
    let written = xtask::new_operator(&folder, "hard_swish").expect("it is new");
    assert_eq!(written.len(), 5);
    assert!(read(&copy).contains("            hard_swish: HardSwish,\n        }\n"));
    let kernel = read(&scratch.path("kernels/aie4ml/hard_swish.h"));
    assert!(kernel.contains("struct HardSwish {"), "{kernel}");
    let error = xtask::new_operator(&folder, "hard_swish").unwrap_err();
    assert_eq!(error, "an operator 'hard_swish' is listed already");
}

/// What the README shows of `aie4ml` is what happens, but for the time it takes.
#[test]
fn the_readme_shows_what_happens() {
    let scratch = common::Scratch::new();
    std::os::unix::fs::symlink(root().join("examples"), scratch.path("examples"))
        .expect("the scratch folder can be written");
    let text = read(&root().join("README.md"));
    let blocks = text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut count = 0;
    for transcript in blocks.flat_map(|block| block.split("$ ")) {
        let Some(rest) = transcript.strip_prefix("aie4ml ") else { continue };
        let rest = rest.replace("\\\n", " ");
        let (arguments, shown) = rest.split_once('\n').expect("a command has output");
        let output = Command::new(env!("CARGO_BIN_EXE_aie4ml"))
            .args(arguments.split_whitespace())
            .current_dir(scratch.path(""))
            .output()
            .expect("the program was built for this test");
        assert!(output.status.success(), "{arguments}: {}", common::stderr(&output));
        let output = common::stdout(&output);
        let mut lines = output.lines();
        let mut shown = shown.lines().filter(|line| !line.starts_with("compiled in")).peekable();
        while let Some(line) = shown.next() {
            let found = match line {
                "..." => lines.any(|found| Some(&found) == shown.peek()) && shown.next().is_some(),
                _ => lines.next() == Some(line),
            };
            assert!(found, "README.md: {arguments}\nshows: {line}\nbut it is:\n{output}");
        }
        count += 1;
    }
    assert!(count > 3, "only {count} commands were found");
}
