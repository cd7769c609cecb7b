//! Files of the kernels' compilation: a cache under a hash of everything that
//! went in, and folders that go when they are done with.
//!
//! **Invariant:** a file in the cache is complete: it is written beside its
//! place and renamed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::Error;

/// A folder that nobody else writes to, removed in the end.
pub(super) struct Scratch(pub PathBuf);

impl Scratch {
    pub(super) fn new() -> Result<Scratch, Error> {
        let base = std::env::temp_dir();
        // Others may have left folders of processes with this number.
        for _ in 0..1000 {
            let path = base.join(format!("aie4ml-{}", unique()));
            let mut builder = fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(&path) {
                Ok(()) => return Ok(Scratch(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(fail(&path, &error)),
            }
        }
        Err(Error(format!("no temporary folder can be made in '{}'", base.display())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// Part of a name that no other running process or thread uses.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Where compiled kernels stay between runs, if this user has such a place.
pub(super) fn cache() -> Option<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base =
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    let cache = base.join("aie4ml");
    fs::create_dir_all(&cache).ok()?;
    Some(cache)
}

/// Copy `object` to `place`, which others may read at any time.
pub(super) fn store(object: &Path, place: &Path) -> io::Result<()> {
    let beside = place.with_extension(format!("{}.part", unique()));
    let stored = fs::copy(object, &beside).and_then(|_| fs::rename(&beside, place));
    if stored.is_err() {
        _ = fs::remove_file(&beside);
    }
    stored
}

/// All files in `folder` and below; none if it does not exist.
pub(super) fn files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| fail(path, &error))
}

pub(super) fn fail(path: &Path, error: &io::Error) -> Error {
    Error(format!("'{}': {error}", path.display()))
}

/// FNV-1a of 128 bits: stable between versions of this program, as the
/// standard library's hash is not.
pub(super) struct Hash(u128);

impl Hash {
    pub(super) fn new() -> Hash {
        Hash(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    /// Add a part; parts do not run into each other.
    pub(super) fn add(&mut self, part: &[u8]) {
        for &byte in part.iter().chain(&(part.len() as u64).to_le_bytes()) {
            self.0 =
                (self.0 ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }

    pub(super) fn name(&self) -> String {
        format!("{:032x}", self.0)
    }
}
