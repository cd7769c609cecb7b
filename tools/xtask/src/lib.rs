//! What the chores do, so that tests can do it too.

pub mod bench;
pub mod docs;
pub mod peer;
pub mod source;
pub mod speed;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The list of passes.
pub const LIST: &str = "src/passes.rs";

/// Every Rust source; `cargo fmt` does not find those that a macro declares.
pub fn rust_sources(root: &Path) -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    ["src", "tests", "tools"].iter().for_each(|folder| collect(&root.join(folder), &mut found));
    found.sort();
    found
}

/// Write a pass `name`, its lit tests and its registration line, after the
/// pass `after` or else at the end of the list, where `aie4ml compile` does not
/// run it.
///
/// Names are in kebab case, with or without the prefix `aie4ml-`.
///
/// # Errors
///
/// If the name is no name, is taken, or `after` is not in the list; nothing is
/// written then.
pub fn new_pass(root: &Path, name: &str, after: Option<&str>) -> Result<Vec<PathBuf>, String> {
    let name = name.strip_prefix("aie4ml-").unwrap_or(name);
    if !name.split('-').all(is_word) {
        return Err(format!("'{name}' is not a name in kebab case, such as 'plan-cascade'"));
    }
    let module = name.replace('-', "_");
    let list = root.join(LIST);
    let text = source::read(&list)?;
    let text = insert_line(&text, &module, &camel(name), after)?;

    let tests = root.join("lit-tests/passes").join(name);
    let fill = |template: &str| template.replace("NAME", name).replace("Name", &camel(name));
    let files = [
        (root.join(format!("src/passes/{module}.rs")), fill(PASS)),
        (tests.join("doctest.mlir"), fill(DOCTEST)),
        (tests.join("errors.mlir"), fill(ERRORS)),
    ];
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(format!("{} exists", path.display()));
    }
    for (path, content) in &files {
        source::write(path, content)?;
    }
    source::write(&list, &text)?;
    Ok(files.into_iter().map(|(path, _)| path).chain([list]).collect())
}

/// The list of passes with a line more.
fn insert_line(
    text: &str,
    module: &str,
    type_name: &str,
    after: Option<&str>,
) -> Result<String, String> {
    let registered = source::registered(text);
    if registered.iter().any(|(other, _)| other == module) {
        return Err(format!("a pass '{module}' is registered already"));
    }
    let place = match after {
        None => registered.last(),
        Some(after) => {
            let wanted = after.replace('-', "_");
            let wanted = wanted.strip_prefix("aie4ml_").unwrap_or(&wanted);
            let found = registered.iter().find(|(module, _)| module == wanted);
            if found.is_none() {
                return Err(format!("no pass '{after}' is registered in {LIST}"));
            }
            found
        }
    };
    let Some((_, line)) = place else { return Err(format!("{LIST} has no list of passes")) };
    let mut lines: Vec<&str> = text.lines().collect();
    let indent = lines[*line].len() - lines[*line].trim_start().len();
    let new = format!("{:indent$}{module}::{type_name};", "");
    lines.insert(line + 1, &new);
    Ok(lines.join("\n") + "\n")
}

/// Where operators are listed.
pub const OPERATORS: &str = "src/operator.rs";

/// Write an operator `name` that copies codes, its meaning, its kernel, its lit test and the line that
/// names it.
///
/// Names are in snake case.
///
/// # Errors
///
/// If the name is no name, is taken, or the list is not where it was; nothing is written then.
pub fn new_operator(root: &Path, name: &str) -> Result<Vec<PathBuf>, String> {
    if !name.split('_').all(is_word) {
        return Err(format!("'{name}' is not a name in snake case, such as 'max_pool'"));
    }
    let type_name = camel(name);
    let list = root.join(OPERATORS);
    let text = source::read(&list)?;
    let line = format!("            {name}: {type_name},\n");
    if text.contains(&line) {
        return Err(format!("an operator '{name}' is listed already"));
    }
    // Behind the last one.
    let listed = text.split_once("        $then! {\n").and_then(|(before, rest)| {
        let rest = before_line(rest, "        }", &line)?;
        Some(format!("{before}        $then! {{\n{rest}"))
    });
    let listed = listed.ok_or_else(|| format!("{OPERATORS} has no list of operators"))?;
    let fill = |template: &str| template.replace("NAME", name).replace("Name", &type_name);
    let files = [
        (root.join(format!("src/operator/{name}.rs")), fill(OPERATOR)),
        (root.join(format!("src/dialect/operator/{name}.rs")), fill(MEANING)),
        (root.join(format!("kernels/aie4ml/{name}.h")), fill(KERNEL)),
        (root.join(format!("lit-tests/operators/{name}.mlir")), fill(OPERATOR_TEST)),
        (list, listed),
    ];
    let (new, _) = files.split_at(files.len() - 1);
    if let Some((path, _)) = new.iter().find(|(path, _)| path.exists()) {
        return Err(format!("{} exists", path.display()));
    }
    for (path, content) in &files {
        source::write(path, content)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// A text with something more before the first line that begins so.
fn before_line(text: &str, start: &str, more: &str) -> Option<String> {
    let at = match text.starts_with(start) {
        true => 0,
        false => text.find(&format!("\n{start}"))? + 1,
    };
    Some(format!("{}{more}{}", &text[..at], &text[at..]))
}

fn is_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

fn camel(name: &str) -> String {
    name.split(['-', '_']).map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

// They compile as they are: a test runs them, before and without any name of their own.
const PASS: &str = include_str!("../templates/pass.rs");
const DOCTEST: &str = include_str!("../templates/doctest.mlir");
const ERRORS: &str = include_str!("../templates/errors.mlir");
const OPERATOR: &str = include_str!("../templates/operator/operator.rs");
const MEANING: &str = include_str!("../templates/operator/meaning.rs");
const KERNEL: &str = include_str!("../templates/operator/kernel.h");
const OPERATOR_TEST: &str = include_str!("../templates/operator/test.mlir");

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "passes! {\n    pipeline {\n        one::One;\n    }\n    // More.\n    two_more::TwoMore;\n}\n";

    #[test]
    fn a_line_goes_where_it_is_asked_for() {
        let expected = TEXT.replace("One;\n", "One;\n        new::New;\n");
        for after in ["one", "aie4ml-one"] {
            assert_eq!(insert_line(TEXT, "new", "New", Some(after)).as_ref(), Ok(&expected));
        }
        let last = insert_line(TEXT, "new", "New", None).unwrap();
        assert_eq!(insert_line(TEXT, "new", "New", Some("two-more")), Ok(last));
    }

    #[test]
    fn lines_go_before_others() {
        assert_eq!(
            before_line("a\n];\nb\n];\n", "];", "x\n").as_deref(),
            Some("a\nx\n];\nb\n];\n")
        );
        assert_eq!(before_line("];\n", "];", "x\n").as_deref(), Some("x\n];\n"));
        assert_eq!(before_line("a\n", "];", "x\n"), None);
    }

    #[test]
    fn bad_names_are_refused() {
        let root = Path::new("nowhere");
        for name in ["", "Clip", "hard-swish", "hard__swish", "1st", "_clip"] {
            assert!(new_operator(root, name).unwrap_err().contains("snake case"), "{name}");
        }
        for name in ["", "Plan", "plan_cascade", "plan--cascade", "1st", "aie4ml-"] {
            assert!(new_pass(root, name, None).unwrap_err().contains("kebab case"), "{name}");
        }
        assert!(insert_line(TEXT, "one", "One", None).unwrap_err().contains("registered already"));
        let error = insert_line(TEXT, "new", "New", Some("three")).unwrap_err();
        assert_eq!(error, "no pass 'three' is registered in src/passes.rs");
    }
}
