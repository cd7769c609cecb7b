//! Directives: decisions about layers that a user takes, in a file.
//!
//! ```toml
//! [layers.fc1]          # a layer by its name in the model
//! cascade = 4           # tiles that share its inputs, in a row
//! max_tiles = 16
//!
//! [layers."block/add"]
//! place = [5, 3]        # column and row of its lower west tile
//! ```
//!
//! The same in JSON is `{"layers": {"fc1": {"cascade": 4, "max_tiles": 16}}}`. Which of the two a
//! file is, its extension says.

use super::{
    mapping::Place,
    microtile::Microtile,
    parallelize::{Directive, Field},
};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use std::{fmt, fs, num::NonZeroUsize, path::Path};

/// What a file says of one layer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub layer: String,
    /// Line and column of the name in the file, from 1.
    pub at: (usize, usize),
    pub directive: Directive,
}

/// Why a file is none of directives: what is wrong, and line and column where
/// that is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    pub at: Option<(usize, usize)>,
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    layers: Layers,
}

struct Layers(Vec<(String, Given)>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    cascade: Option<NonZeroUsize>,
    chains: Option<NonZeroUsize>,
    rows: Option<NonZeroUsize>,
    k: Option<NonZeroUsize>,
    n: Option<NonZeroUsize>,
    max_tiles: Option<NonZeroUsize>,
    microtile: Option<[NonZeroUsize; 3]>,
    place: Option<[usize; 2]>,
}

impl<'de> Deserialize<'de> for Layers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Layers;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("layers by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Layers, A::Error> {
                let mut layers: Vec<(String, Given)> = Vec::new();
                while let Some((name, given)) = map.next_entry::<String, Given>()? {
                    // TOML says so itself, JSON would take the last.
                    if layers.iter().any(|(other, _)| *other == name) {
                        return Err(A::Error::custom(format_args!("layer '{name}' twice")));
                    }
                    layers.push((name, given));
                }
                Ok(Layers(layers))
            }
        }
        from.deserialize_map(Names)
    }
}

/// Reads a file of directives.
///
/// # Errors
/// If it cannot be read, is neither `.toml` nor `.json`, or says something that is no directive.
pub fn read(path: &Path) -> Result<Vec<Entry>, Malformed> {
    let fail = |message: String| Malformed { at: None, message };
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let parse = match extension {
        "toml" => toml,
        "json" => json,
        _ => return Err(fail("needs a name that ends in .toml or .json".to_owned())),
    };
    let text = fs::read_to_string(path).map_err(|e| fail(format!("cannot be read: {e}")))?;
    parse(&text)
}

/// Directives in TOML.
///
/// # Errors
/// If the text is not TOML, or says something that is no directive.
pub fn toml(text: &str) -> Result<Vec<Entry>, Malformed> {
    let document = toml::from_str(text).map_err(|error| Malformed {
        at: error.span().map(|span| line_column(text, span.start)),
        // Values that may follow are on lines of their own.
        message: error.message().replace('\n', ", "),
    })?;
    Ok(entries(document, text))
}

/// Directives in JSON.
///
/// # Errors
/// If the text is not JSON, or says something that is no directive.
pub fn json(text: &str) -> Result<Vec<Entry>, Malformed> {
    let document = serde_json::from_str(text).map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        Malformed {
            at: Some((error.line().max(1), error.column().max(1))),
            message: error.to_string().replace(&place, ""),
        }
    })?;
    Ok(entries(document, text))
}

fn entries(document: Document, text: &str) -> Vec<Entry> {
    let entry = |(layer, given): (String, Given)| {
        let count = |given: Option<NonZeroUsize>| given.map(NonZeroUsize::get);
        let directive = Directive {
            cascade: count(given.cascade),
            chains: count(given.chains),
            rows: count(given.rows),
            k: count(given.k),
            n: count(given.n),
            max_tiles: count(given.max_tiles),
            microtile: given.microtile.map(|mkn| {
                let [m, k, n] = mkn.map(NonZeroUsize::get);
                Microtile { m, k, n }
            }),
            place: given.place.map(|[column, row]| Place { column, row }),
        };
        Entry { at: line_column(text, key(text, &layer)), layer, directive }
    };
    let mut entries: Vec<Entry> = document.layers.0.into_iter().map(entry).collect();
    // TOML gives tables by name.
    entries.sort_by_key(|entry| entry.at);
    entries
}

/// Where a key is in a text of either format; 0 if it is written with escapes.
fn key(text: &str, name: &str) -> usize {
    let outside = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '-');
    text.match_indices(name)
        .map(|(begin, _)| begin)
        .find(|&begin| {
            let rest = &text[begin + name.len()..];
            // A comment may say the name, too.
            let line = text[..begin].rfind('\n').map_or(0, |end| end + 1);
            outside(text[..begin].chars().next_back())
                && outside(rest.chars().next())
                && !text[line..begin].trim_start().starts_with('#')
        })
        .unwrap_or(0)
}

fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let offset = (0..=offset.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    let before = &text[..offset.unwrap_or(0)];
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
}

/// Up to three of the names that are most like `name`.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut list: Vec<(usize, &str)> =
        names.map(|other| (strsim::damerau_levenshtein(name, other), other)).collect();
    list.sort();
    list.dedup();
    list.into_iter().take(3).map(|(_, name)| name).collect()
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Field::Cascade => "cascade",
            Field::Chains => "chains",
            Field::K => "k",
            Field::N => "n",
            Field::Rows => "rows",
            Field::MaxTiles => "max_tiles",
            Field::Place => "place",
            Field::Microtile => "microtile",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = "# not fc1\n[layers.fc1]\ncascade = 4\nmicrotile = [4, 8, 8]\n\n  [layers.\"block/add\"]\n  place = [5, 3]\n";

    #[test]
    fn both_formats_say_the_same() {
        let entries = toml(TOML).unwrap();
        assert_eq!((entries[0].layer.as_str(), entries[0].at), ("fc1", (2, 9)));
        assert_eq!((entries[1].layer.as_str(), entries[1].at), ("block/add", (6, 12)));
        assert_eq!(entries[0].directive.cascade, Some(4));
        assert_eq!(entries[0].directive.microtile, Some(Microtile { m: 4, k: 8, n: 8 }));
        assert_eq!(entries[1].directive.place, Some(Place { column: 5, row: 3 }));
        let text = "{\"layers\": {\"fc1\": {\"cascade\": 4, \"microtile\": [4, 8, 8]},\n\"block/add\": {\"place\": [5, 3]}}}";
        let same = json(text).unwrap();
        let strip = |list: &[Entry]| -> Vec<_> {
            list.iter().map(|e| (e.layer.clone(), e.directive)).collect()
        };
        assert_eq!(strip(&same), strip(&entries));
        assert_eq!(same[1].at, (2, 2));
        assert_eq!(toml("[layers]\n").unwrap(), []);
    }

    #[test]
    fn malformed_files_are_located() {
        let at = |text| toml(text).map_err(|e| (e.at.unwrap(), e.message)).unwrap_err();
        assert_eq!(at("[layers.a]\ncascad = 4\n").0, (2, 1));
        assert!(at("[layers.a]\ncascad = 4\n").1.contains("unknown field `cascad`"));
        assert_eq!(at("[layers.a]\ncascade = 0\n").0, (2, 11));
        assert_eq!(at("[layers.a]\nplace = [1]\n").0, (2, 9));
        assert_eq!(at("[layers.a]\n[layers.a]\n").0.0, 2);
        assert_eq!(at("[layers.a\n").0, (1, 10));
        assert!(at("[layer.a]\n").1.contains("unknown field `layer`, expected `layers`"));
        let at = |text| json(text).map_err(|e| (e.at.unwrap(), e.message)).unwrap_err();
        assert_eq!(at("{\n\"layers\": 4}").0.0, 2);
        let twice = at("{\"layers\": {\"a\": {}, \"a\": {}}}");
        assert!(twice.1.contains("layer 'a' twice") && !twice.1.contains("column"), "{twice:?}");
        assert!(read(Path::new("directives.yaml")).unwrap_err().message.contains(".toml or .json"));
    }

    #[test]
    fn names_most_alike_come_first() {
        let names = ["fc1", "fc2", "conv", "fc10"];
        assert_eq!(nearest("fc12", names.into_iter()), ["fc1", "fc10", "fc2"]);
    }
}
