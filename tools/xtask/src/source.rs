//! What the sources say about passes, read from their text.

use std::{fs, path::Path};

/// A pass as its `pass!` declares it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    /// As in `--help`: `aie4ml-tile`.
    pub name: String,
    /// The op it runs on.
    pub on: String,
    /// Its file, without extension: `tile`.
    pub module: String,
    /// Lines of its doc comment.
    pub doc: Vec<String>,
    pub options: Vec<Choice>,
}

/// An option of a pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    pub name: String,
    pub doc: String,
    pub r#type: String,
    pub initial: String,
}

impl Pass {
    /// The first doc line: the summary in `--help`.
    pub fn summary(&self) -> &str {
        self.doc.first().map_or("", |line| line.trim_end_matches('.'))
    }

    /// The folder of its lit tests, in `lit-tests/passes`.
    pub fn folder(&self) -> String {
        self.module.replace('_', "-")
    }
}

/// The registered passes of the list's text: their modules, and the lines they are on.
pub fn registered(text: &str) -> Vec<(String, usize)> {
    let lines = text.lines().enumerate();
    lines
        .skip_while(|(_, line)| !line.starts_with("passes! {"))
        .skip(1)
        .take_while(|(_, line)| !line.starts_with('}'))
        .filter_map(|(number, line)| {
            let (module, _) = line.trim().split_once("::")?;
            (!module.starts_with("//")).then(|| (module.into(), number))
        })
        .collect()
}

/// Every registered pass, in the order of the list.
///
/// # Errors
///
/// If a file is missing or does not declare a pass.
pub fn passes(root: &Path) -> Result<Vec<Pass>, String> {
    let list = read(&root.join(crate::LIST))?;
    registered(&list)
        .into_iter()
        .map(|(module, _)| {
            let path = root.join(format!("src/passes/{module}.rs"));
            declared(&read(&path)?, &module)
                .ok_or(format!("{} does not declare a pass with pass!", path.display()))
        })
        .collect()
}

/// The pass that a source declares.
fn declared(text: &str, module: &str) -> Option<Pass> {
    let mut lines =
        text.lines().skip_while(|line| !line.trim_start().starts_with("crate::pass! {"));
    lines.next()?;
    let mut doc: Vec<String> = Vec::new();
    let mut pass: Option<Pass> = None;
    for line in lines {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix("///") {
            doc.push(comment.strip_prefix(' ').unwrap_or(comment).into());
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            let mut quoted = rest.split('"').skip(1).step_by(2);
            pass = Some(Pass {
                name: quoted.next()?.into(),
                on: quoted.next()?.into(),
                module: module.into(),
                doc: std::mem::take(&mut doc),
                options: Vec::new(),
            });
            if rest.ends_with("{}") {
                break;
            }
        } else if line == "}" {
            break;
        } else if let (Some(pass), Some((name, rest))) = (&mut pass, line.split_once(": ")) {
            let (r#type, initial) = rest.trim_end_matches(',').split_once(" = ")?;
            pass.options.push(Choice {
                name: name.replace('_', "-"),
                doc: std::mem::take(&mut doc).join(" "),
                r#type: r#type.into(),
                initial: initial.trim_matches('"').into(),
            });
        }
    }
    pass
}

/// A file's text.
///
/// # Errors
///
/// If it cannot be read; the message has its path.
pub fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes a file, and the folders it is in.
///
/// # Errors
///
/// If it cannot be written; the message has its path.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_pass_declares() {
        let text = "use x;\ncrate::pass! {\n    /// Do it.\n    ///\n    /// More.\n    pub struct \
                    DoIt: \"aie4ml-do-it\" on \"func.func\" {\n        /// In\n        /// tiles.\n        \
                    max_tiles: usize = 3,\n        by: String = \"\",\n    }\n}\nimpl X {}\n";
        let pass = declared(text, "do_it").unwrap();
        assert_eq!((pass.name.as_str(), pass.on.as_str()), ("aie4ml-do-it", "func.func"));
        assert_eq!((pass.summary(), pass.folder().as_str()), ("Do it", "do-it"));
        assert_eq!(pass.doc, ["Do it.", "", "More."]);
        assert_eq!(pass.options.len(), 2);
        assert_eq!(pass.options[0].name, "max-tiles");
        assert_eq!(
            (pass.options[0].doc.as_str(), pass.options[0].initial.as_str()),
            ("In tiles.", "3")
        );
        assert_eq!(declared("fn main() {}", "x"), None);
    }
}
