//! The manual: a page per pass from its declaration and its executed example,
//! a page per dialect from ODS, and the README as the front page.

use super::source::{self, Pass};
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Pages by their path in the manual.
pub type Pages = BTreeMap<PathBuf, String>;

/// Every page. `opt` is a built `aie4ml-opt`, which runs the examples.
///
/// # Errors
///
/// If a pass has no doc line or example, an example does not run, or ODS does not document.
pub fn pages(root: &Path, opt: &Path) -> Result<Pages, String> {
    let mut pages = Pages::new();
    let passes = source::passes(root)?;
    let mut index = String::from(
        "# Passes\n\nIn the order of the pipeline; the last ones are for execution on the host.\n\n",
    );
    index += "| pass | does |\n|---|---|\n";
    for pass in &passes {
        let page = format!("passes/{}.md", pass.folder());
        index += &format!("| [`{}`]({page}) | {} |\n", pass.name, pass.summary());
        pages.insert(page.into(), pass_page(root, pass, opt)?);
    }
    pages.insert("passes.md".into(), index);
    for dialect in ["aie4ml", "aie", "aiex"] {
        pages.insert(format!("dialects/{dialect}.md").into(), dialect_page(root, dialect)?);
    }
    pages.insert("README.md".into(), source::read(&root.join("README.md"))?);
    Ok(pages)
}

/// Write the pages, in place of all that is in `folder`.
///
/// # Errors
///
/// If the folder cannot be replaced.
pub fn write(folder: &Path, pages: &Pages) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    pages.iter().try_for_each(|(path, text)| source::write(&folder.join(path), text))
}

fn pass_page(root: &Path, pass: &Pass, opt: &Path) -> Result<String, String> {
    if pass.summary().is_empty() {
        return Err(format!("pass '{}' has no doc line", pass.name));
    }
    let mut page = format!("# `--{}`\n\nRuns on `{}`.\n\n", pass.name, pass.on);
    page += &(pass.doc.join("\n") + "\n");
    if !pass.options.is_empty() {
        page += "\n## Options\n\n| option | type | initially | |\n|---|---|---|---|\n";
        for option in &pass.options {
            let initial = match option.initial.as_str() {
                "" | "String::new()" => "",
                initial => &format!("`{initial}`"),
            };
            page += &format!(
                "| `{}` | `{}` | {initial} | {} |\n",
                option.name, option.r#type, option.doc
            );
        }
    }
    let path = root.join("lit-tests/passes").join(pass.folder()).join("doctest.mlir");
    let (command, input, output) = example(&path, opt)?;
    page += &format!("\n## Example\n\n`{command}` turns\n\n```mlir\n{input}```\n\n");
    page += &format!("into\n\n```mlir\n{output}```\n");
    Ok(page)
}

/// The command, input and output of a lit test, without what checks it.
fn example(path: &Path, opt: &Path) -> Result<(String, String, String), String> {
    let place = path.display();
    let text = source::read(path)?;
    let run = text.lines().find_map(|line| line.strip_prefix("// RUN: "));
    let command = run.and_then(|run| run.split('|').next()).map(str::trim);
    let arguments = command.and_then(|command| command.strip_prefix("aie4ml-opt %s"));
    // As lit does: %S is the folder of the test.
    let folder = path.parent().unwrap_or(path).to_string_lossy();
    let (Some(command), Some(arguments)) = (command, arguments.map(|a| a.replace("%S", &folder)))
    else {
        return Err(format!("{place}: the first RUN line does not start with 'aie4ml-opt %s'"));
    };
    let output = Command::new(opt)
        .arg(path)
        .args(arguments.split_whitespace().map(|word| word.trim_matches(['\'', '"'])))
        .output()
        .map_err(|error| format!("{}: {error}", opt.display()))?;
    if !output.status.success() {
        return Err(format!("{place}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let is_check = |line: &&str| {
        let comment = line.trim_start().strip_prefix("// ").unwrap_or("");
        let word: String =
            comment.chars().take_while(|c| c.is_ascii_uppercase() || *c == '-').collect();
        !(word.len() > 2 && comment[word.len()..].starts_with(':'))
    };
    let input: Vec<&str> = text.lines().filter(is_check).collect();
    let input = input.join("\n").trim().to_string() + "\n";
    let output = String::from_utf8_lossy(&output.stdout).trim().to_string() + "\n";
    Ok((command.replace("%s", "example.mlir"), input, output))
}

fn dialect_page(root: &Path, dialect: &str) -> Result<String, String> {
    let llvm = env::var("MLIR_SYS_220_PREFIX").unwrap_or("/usr/lib/llvm-22".into());
    let output = Command::new(Path::new(&llvm).join("bin/mlir-tblgen"))
        .args(["-gen-dialect-doc", &format!("-dialect={dialect}"), "-I", "dialects", "-I"])
        .arg(Path::new(&llvm).join("include"))
        .arg(format!("dialects/{dialect}/Ops.td"))
        .current_dir(root)
        .output()
        .map_err(|error| format!("mlir-tblgen: {error}"))?;
    if !output.status.success() {
        return Err(format!("dialects/{dialect}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
