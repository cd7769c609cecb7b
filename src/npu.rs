//! A compiled design on a Ryzen AI device: the folder `npu`, which builds it there by Peano and
//! mlir-aie and runs it by XRT.
//!
//! Both programs are the same for every design: what they have to know is in `manifest.json` and
//! `design.mlir`. Nothing here needs the tools that they call.

pub mod build;
mod checks;

use crate::{design, device::Device, ir::Error, sim::Timing};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The folder beside a design.
pub const NPU: &str = "npu";
/// What builds.
pub const BUILD: &str = "build.sh";
/// What runs.
pub const RUN: &str = "run.py";

/// What Peano calls the cores of a Ryzen AI device; `None` of any other.
pub fn target(device: &str) -> Option<&'static str> {
    Device::by_name(device)?;
    match device {
        _ if device.starts_with("npu1") => Some("aie2"),
        _ if device.starts_with("npu2") => Some("aie2p"),
        _ => None,
    }
}

/// The files of the folder for a device: none if it is no Ryzen AI.
pub fn files(device: &str) -> Vec<(&'static str, &'static str)> {
    let files = [(BUILD, include_str!("../npu/build.sh")), (RUN, include_str!("../npu/run.py"))];
    if target(device).is_some() { files.into() } else { Vec::new() }
}

/// What a run in the array simulator tells.
pub struct Simulation {
    pub timing: Timing,
    /// A design for each kernel alone, with what it takes and gives; by paths in the compiled folder.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Kernels that are in none of them, and why.
    pub remarks: Vec<String>,
}

/// Runs the design of a compiled folder on made-up codes; with `checks`, to write a design for each
/// of its kernels.
///
/// # Errors
///
/// If the design cannot be executed, which takes a C++ compiler for its kernels.
pub fn simulate(folder: &Path, checks: bool) -> Result<Simulation, Error> {
    let observed = design::observe(folder)?;
    let (files, remarks) = if checks { checks::files(&observed)? } else { Default::default() };
    Ok(Simulation { timing: observed.timing, files, remarks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ryzen_devices_have_a_target_and_others_have_none() {
        for name in Device::names() {
            let expected = match name {
                _ if name.starts_with("npu1") => Some("aie2"),
                _ if name.starts_with("npu2") => Some("aie2p"),
                _ => None,
            };
            assert_eq!(target(name), expected, "{name}");
            assert_eq!(files(name).is_empty(), expected.is_none(), "{name}");
        }
        assert_eq!(target("npu3"), None);
    }
}
