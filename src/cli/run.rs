//! `aie4ml run`.

use crate::ir::Error;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct RunArguments {
    /// Folder that `aie4ml compile` wrote, or IR of any level
    path: PathBuf,
}

pub fn run(_: RunArguments) -> Result<bool, Error> {
    Ok(false)
}
