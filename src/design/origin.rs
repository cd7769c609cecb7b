//! The file of a design, in which failures of a run have their places.

use super::{chosen_device, lower_loops};
use crate::{
    array::Part,
    dialect::aie,
    ir::{self, Error, Message},
    mlir::tools,
    sim::Failure,
};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    ops::Range,
    path::PathBuf,
};

pub(super) struct Origin {
    pub file: PathBuf,
    /// The device that was chosen of several.
    pub device: Option<String>,
}

impl Origin {
    /// A failure of the simulator, with the place in the file of each part that it is about.
    pub fn explain(&self, failure: &Failure) -> Error {
        // What was read before can be read again, unless somebody has changed it.
        let places = self.places().unwrap_or_default();
        let place = |part: Option<Part>| {
            let parts = std::iter::successors(part, |part| part.parent());
            parts.filter_map(|part| places.get(&part)).next().cloned().unwrap_or_default()
        };
        let message =
            |at, text: &str, notes| Message { place: place(at), text: text.into(), notes };
        let messages = failure.diagnostics().into_iter().map(|diagnostic| {
            let notes =
                diagnostic.notes.iter().map(|note| message(note.at, &note.text, Vec::new()));
            message(diagnostic.at, &diagnostic.text, notes.collect())
        });
        Error::of(messages.collect(), "the array simulator").within("array simulator")
    }

    /// Where the parts of the program are, as `folder/design.mlir:3:8`.
    fn places(&self) -> Option<HashMap<Part, String>> {
        let text = without_locations(&fs::read_to_string(&self.file).ok()?);
        let name = self.file.file_name()?.to_string_lossy().into_owned();
        let folder = self.file.display().to_string();
        let folder = folder.strip_suffix(&name).unwrap_or_default();
        let context = tools::context();
        let mut module = ir::parse(&context, &text, &name).ok()?;
        lower_loops(&context, &mut module).ok()?;
        let found = aie::locations(chosen_device(&module, self.device.as_deref()).ok()?).ok()?;
        // Few places serve many parts.
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut full = |place: String| {
            names.entry(place).or_insert_with_key(|place| format!("{folder}{place}")).clone()
        };
        Some(found.into_iter().map(|(part, at)| (part, full(ir::place(at)))).collect())
    }
}

/// The text with blanks for its `loc(...)`, so that everything is where it stands: a design that a
/// compiler wrote says the layers of the model.
fn without_locations(text: &str) -> String {
    let mut blank = text.as_bytes().to_vec();
    for range in locations(text.as_bytes()) {
        blank[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    // Whole characters were replaced, or none.
    String::from_utf8(blank).unwrap_or_else(|_| text.to_string())
}

fn locations(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let word = |word: &[u8]| {
            let before = at.checked_sub(1).map_or(b' ', |before| text[before]);
            text[at..].starts_with(word)
                && !(before.is_ascii_alphanumeric() || b"_$.-%@!#".contains(&before))
        };
        if text[at] == b'"' || text[at..].starts_with(b"//") {
            at = skip(text, at);
        } else if word(b"#loc") {
            // An alias: `#loc7 = loc(...)`. A use of one is within parentheses.
            let name =
                text[at + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let end = at + 1 + name;
            if text[end..].starts_with(b" = ") {
                found.push(at..end + 3);
            }
            at = end;
        } else if word(b"loc(") {
            let end = closing(text, at + 3);
            found.push(at..end);
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// The end of the string or comment that begins there.
fn skip(text: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    if text[begin] != b'"' {
        return text[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |i| at + i);
    }
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

/// Behind the parenthesis that closes the one there.
fn closing(text: &[u8], begin: usize) -> usize {
    let (mut at, mut depth) = (begin, 0usize);
    while at < text.len() {
        match text[at] {
            b'"' => at = skip(text, at) - 1,
            b'(' => depth += 1,
            b')' if depth <= 1 => return at + 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_leave_blanks() {
        for (text, expected) in [
            ("a.b %x loc(#loc1)\n", "a.b %x \n"),
            ("#loc = loc(\"f\":1:2)\nx", "\nx"),
            ("f(%a: i8 loc(\"x)\"(#loc)))", "f(%a: i8 )"),
            ("{name = \"loc(1)\"} // loc(2)", "{name = \"loc(1)\"} // loc(2)"),
            ("%loc(1) @loc(2) a.loc(3)", "%loc(1) @loc(2) a.loc(3)"),
            ("loc(unknown", ""),
            ("\"", "\""),
            ("", ""),
        ] {
            let blank = without_locations(text);
            assert_eq!(blank.len(), text.len(), "{blank}");
            let words =
                |text: &str| text.split(' ').filter(|word| !word.is_empty()).collect::<String>();
            assert_eq!(words(&blank), words(expected), "{text}");
        }
    }
}
