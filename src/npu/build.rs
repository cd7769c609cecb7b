//! `aie4ml build`: runs a folder's `npu/build.sh`, and hands on what it says.

use super::{BUILD, NPU};
use crate::{ir::Error, manifest::Manifest};
use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    thread,
};

/// What to build.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    Design,
    /// Each kernel alone, and compare it on the device.
    Kernels,
    /// Nothing: only say which tools would be used.
    Check,
}

/// What building said, beside its steps.
pub struct Built {
    /// Lines on standard output.
    pub said: String,
    /// Whether it did all that it should: kernels may not give what they must.
    pub good: bool,
}

/// Builds a compiled folder for its Ryzen AI device; `progress` is told each step before it starts.
///
/// # Errors
///
/// If the folder is for another device, a tool is missing or fails: what the script says.
pub fn build(folder: &Path, what: What, progress: &mut dyn FnMut(&str)) -> Result<Built, Error> {
    let manifest = Manifest::read(folder)?;
    let fail = |text: String| Error::new(folder.display(), text);
    if manifest.device.target.is_none() {
        let device = &manifest.device.name;
        return Err(fail(format!(
            "is compiled for {device}, which is no Ryzen AI device: there is nothing to build for it here. \
             Compile with --device npu1 or npu2, or for {device} with --emit vitis, which writes a project for \
             Vitis"
        )));
    }
    let script = folder.join(NPU).join(BUILD);
    if !script.exists() {
        return Err(fail(format!("has no {NPU}/{BUILD}: compile it again")));
    }
    let mut command = Command::new("bash");
    command.arg(&script);
    command.args(match what {
        What::Design => None,
        What::Kernels => Some("--kernels"),
        What::Check => Some("--check"),
    });
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| {
        fail(format!("bash, which runs {NPU}/{BUILD}, cannot be started: {error}"))
    })?;
    let errors = child.stderr.take().map(|mut stream| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // What cannot be read any more was not said.
            _ = stream.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })
    });
    let mut said = String::new();
    for line in child.stdout.take().into_iter().flat_map(|stream| BufReader::new(stream).lines()) {
        let line = line.map_err(|error| fail(error.to_string()))?;
        if is_step(&line) {
            progress(&line);
        } else {
            said += &line;
            said.push('\n');
        }
    }
    let status = child.wait().map_err(|error| fail(error.to_string()))?;
    let errors = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let good = status.success();
    if !good && !errors.trim().is_empty() {
        // What came before may say which of several things went wrong.
        let before = if what == What::Check { "" } else { said.as_str() };
        let text = errors.trim_end();
        return Err(fail(format!("{before}{}", text.strip_prefix("error: ").unwrap_or(text))));
    }
    Ok(Built { said, good })
}

/// Whether a line says what is done next, such as `kernel 1 of 3: dense`.
fn is_step(line: &str) -> bool {
    ["kernel ", "check ", "design: "].iter().any(|start| line.starts_with(start))
}
