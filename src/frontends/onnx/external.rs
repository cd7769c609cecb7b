//! Elements of a tensor that lie in a file beside the model.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Component, Path},
};

use super::{proto::TensorProto, quote};

/// Reads the `size` bytes of a tensor.
///
/// # Errors
///
/// The text of a refusal: there is no folder to look in, the file is outside of it, cannot be
/// read, or does not hold that many bytes. Nothing is allocated before it is known to.
pub fn read(tensor: &TensorProto, folder: Option<&Path>, size: u64) -> Result<Vec<u8>, String> {
    let entry = |key: &str| {
        let entry = tensor.external_data.iter().find(|entry| entry.key == key);
        entry.map(|entry| entry.value.as_str())
    };
    let Some(location) = entry("location") else {
        return Err("keeps its data in another file, but does not say in which".to_owned());
    };
    let number = |key: &str| match entry(key) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| {
            format!(
                "keeps its data in {}, at the impossible {key} {}",
                quote(location),
                quote(text)
            )
        }),
    };
    let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
    let refuse = |why: &str| Err(format!("keeps its data in {}, {why}", quote(location)));
    let Some(folder) = folder else {
        return refuse("but the model does not come from a file: there is no folder to look in");
    };
    let inside = Path::new(location)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || location.is_empty() {
        return refuse("which is not in the folder of the model");
    }
    if length.is_some_and(|length| length != size) {
        return refuse(&format!(
            "of which {} bytes are its own, but its shape needs {size}",
            length.unwrap_or(0)
        ));
    }
    let real = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
    let file = match (real(folder), real(&folder.join(location))) {
        // A link may lead out of the folder where the name does not.
        (Ok(folder), Ok(file)) if file.starts_with(&folder) => file,
        (Ok(_), Ok(_)) => return refuse("which is not in the folder of the model"),
        (Err(error), _) | (_, Err(error)) => {
            return refuse(&format!("which cannot be read: {error}"));
        }
    };
    let bytes = File::open(file).and_then(|mut file| {
        let metadata = file.metadata()?;
        // Devices and pipes have no end to check against.
        let held = if metadata.is_file() { metadata.len() } else { 0 };
        if held.checked_sub(offset).is_none_or(|rest| rest < size) {
            return Ok(Err(held));
        }
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(size).read_to_end(&mut bytes)?;
        Ok(if bytes.len() as u64 == size { Ok(bytes) } else { Err(held) })
    });
    match bytes {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(held)) => {
            refuse(&format!("which has {held} bytes, but {size} are needed from offset {offset}"))
        }
        Err(error) => refuse(&format!("which cannot be read: {error}")),
    }
}
