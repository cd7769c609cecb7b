//! The files in a `.fml`: a tar archive compressed by gzip.
//!
//! **Invariant:** nothing is written to disk, and what is unpacked is bounded, whatever the
//! archive says.

use std::{collections::HashMap, io::Read};

use flate2::read::GzDecoder;

use super::{super::Error, quote};
use crate::tensor::Tensor;

/// Bytes of the largest archive when unpacked: gzip makes a gigabyte from a megabyte.
const LARGEST: u64 = 1 << 28;

/// Files of the largest archive: each costs memory, even an empty one.
const MOST: usize = 1 << 16;

/// Files by their names.
pub struct Archive {
    files: HashMap<String, Vec<u8>>,
}

impl Archive {
    /// Unpacks the files a model is read from; others, such as test data, are left out.
    ///
    /// # Errors
    ///
    /// The bytes are no archive, or a large one.
    pub fn unpack(bytes: &[u8]) -> Result<Self, Error> {
        let refuse = |message: String| Error::new("", message);
        let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(LARGEST));
        let mut files = HashMap::new();
        let broken = |error: std::io::Error| {
            refuse(format!(
                "not an hls4ml model, which is a tar archive compressed by gzip: {error}"
            ))
        };
        for (count, entry) in archive.entries().map_err(broken)?.enumerate() {
            let mut entry = entry.map_err(broken)?;
            if count >= MOST {
                return Err(refuse(format!("holds more than {MOST} files")));
            }
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = path.strip_prefix("./").unwrap_or(&path).to_owned();
            if !name.ends_with(".json") && !name.ends_with(".npy") {
                continue;
            }
            let mut data = Vec::new();
            entry.read_to_end(&mut data).map_err(broken)?;
            if data.len() as u64 != entry.size() {
                return Err(refuse(format!(
                    "{} is cut off: the archive is incomplete, or larger than {LARGEST} bytes when unpacked",
                    quote(&name)
                )));
            }
            if files.insert(name.clone(), data).is_some() {
                return Err(refuse(format!("holds {} twice", quote(&name))));
            }
        }
        Ok(Self { files })
    }

    /// A file of the archive as JSON.
    ///
    /// # Errors
    ///
    /// It is missing, or no JSON.
    pub fn json(&self, name: &str) -> Result<serde_json::Value, Error> {
        let bytes = self.files.get(name).ok_or_else(|| {
            Error::new("", format!("not an hls4ml model: the archive holds no '{name}'"))
        })?;
        serde_json::from_slice(&without_constants(bytes))
            .map_err(|error| Error::new(name, format!("is not JSON: {error}")))
    }

    /// A file of the archive as a tensor.
    ///
    /// # Errors
    ///
    /// It is missing, or no `.npy` file of known elements.
    pub fn tensor(&self, name: &str) -> Result<Tensor, String> {
        let bytes = self
            .files
            .get(name)
            .ok_or_else(|| format!("the archive holds no file {}", quote(name)))?;
        Tensor::parse_npy(bytes).map_err(|message| format!("file {} {message}", quote(name)))
    }
}

/// The text with `NaN`, `Infinity` and `-Infinity`, which Python writes and JSON does not know,
/// as `null`.
fn without_constants(json: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(json.len());
    let mut rest = json;
    let mut inside = false;
    while let [first, tail @ ..] = rest {
        match first {
            // An escape and what it escapes.
            b'\\' if inside => {
                text.extend(&rest[..rest.len().min(2)]);
                rest = &rest[rest.len().min(2)..];
                continue;
            }
            b'"' => inside = !inside,
            b'N' | b'I' | b'-' if !inside => {
                let constants: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
                if let Some(found) = constants.into_iter().find(|c| rest.starts_with(c)) {
                    text.extend(b"null");
                    rest = &rest[found.len()..];
                    continue;
                }
            }
            _ => {}
        }
        text.push(*first);
        rest = tail;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_writes_more_than_json() {
        let text =
            br#"{"a": Infinity, "b": [-Infinity, NaN, -1], "c": "NaN \" Infinity \\", "d": 1}"#;
        let value: serde_json::Value =
            serde_json::from_slice(&without_constants(text)).expect("it is JSON");
        let expected = serde_json::json!(
            {"a": null, "b": [null, null, -1], "c": "NaN \" Infinity \\", "d": 1}
        );
        assert_eq!(value, expected);
        assert_eq!(without_constants(br#""\"#), br#""\"#);
    }
}
