//! A program of its own, compiled for this machine and run in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Error;
use super::cache::{Hash, Scratch, cache, fail, files, read, store};
use super::compiler::Compiler;
use crate::device::Generation;

/// A program of one unit that includes all of its sources.
pub struct HostProgram {
    path: PathBuf,
    /// Where it is, if it is not in the cache.
    _folder: Option<Scratch>,
}

/// The files that a run wrote, by their path.
pub type Written = BTreeMap<PathBuf, String>;

impl HostProgram {
    /// Compile `unit` of `folder` with its folders `headers`, or take the program from the cache.
    ///
    /// # Errors
    ///
    /// If there is no compiler, or the unit does not compile.
    pub fn build(
        folder: &Path,
        unit: &str,
        headers: &[&str],
        defines: &[&str],
        generation: Option<Generation>,
    ) -> Result<HostProgram, Error> {
        let compiler = Compiler::find(generation)?;
        let mut hash = Hash::new();
        compiler.key().iter().for_each(|part| hash.add(part.as_encoded_bytes()));
        defines.iter().for_each(|define| hash.add(define.as_bytes()));
        hash.add(unit.as_bytes());
        let mut sources = Vec::new();
        for name in headers {
            let place = folder.join(name);
            files(&place, &mut sources).map_err(|error| fail(&place, &error))?;
        }
        sources.sort();
        for source in sources {
            let name = source.strip_prefix(folder).unwrap_or(&source);
            hash.add(name.as_os_str().as_encoded_bytes());
            hash.add(&read(&source)?);
        }
        let cached = cache().map(|cache| cache.join(format!("program-{}", hash.name())));
        if let Some(path) = cached.as_ref().filter(|path| path.is_file()) {
            return Ok(HostProgram { path: path.clone(), _folder: None });
        }
        let scratch = Scratch::new()?;
        let made = scratch.0.join("program");
        compiler.compile_program(folder, unit, headers, defines, &made)?;
        // A cache that cannot be used only costs time.
        match cached {
            Some(path) if store(&made, &path).is_ok() => Ok(HostProgram { path, _folder: None }),
            _ => Ok(HostProgram { path: made, _folder: Some(scratch) }),
        }
    }

    /// The program, to be started in any folder with any arguments.
    pub fn command(&self) -> Command {
        Command::new(&self.path)
    }

    /// Run it in a folder with `inputs`, and return what files are there then.
    ///
    /// # Errors
    ///
    /// If the program does not run or fails, with what it says.
    pub fn run(
        &self,
        inputs: &BTreeMap<PathBuf, String>,
        environment: &[(&str, &str)],
    ) -> Result<Written, Error> {
        let scratch = Scratch::new()?;
        for (name, text) in inputs {
            let path = scratch.0.join(name);
            path.parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(&path, text))
                .map_err(|error| fail(&path, &error))?;
        }
        let output = self
            .command()
            .current_dir(&scratch.0)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| fail(&self.path, &error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = match said.trim_end() {
                "" => output.status.to_string(),
                said => said.to_owned(),
            };
            return Err(Error(said));
        }
        let mut paths = Vec::new();
        files(&scratch.0, &mut paths).map_err(|error| fail(&scratch.0, &error))?;
        let text = |path: PathBuf| {
            let text = fs::read_to_string(&path).map_err(|error| fail(&path, &error))?;
            Ok((path.strip_prefix(&scratch.0).unwrap_or(&path).to_path_buf(), text))
        };
        paths.into_iter().map(text).collect()
    }
}
