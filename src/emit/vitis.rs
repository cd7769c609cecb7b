//! A project for AMD's Vitis: an ADF graph of the array program, its kernels and constants, and
//! what builds and simulates it.
//!
//! Everything is read from the [`Program`], so that whatever runs in the array simulator is what is
//! written here: [`graph`] says it in ADF's terms, [`sources`], [`board`] and [`data`] write it down.
//! [`crate::check::adf`] holds what the project builds against the program again.

pub mod board;
pub mod data;
pub mod graph;
pub mod sources;
pub mod tiling;

pub use graph::{Graph, Refused};

use crate::{array::Program, device::Device};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The folder within a design.
pub const FOLDER: &str = "vitis";

/// What the emulation of ADF, of data movers and of XRT consists of, beside the kernels' headers.
const EMULATION: [(&str, &str); 9] = [
    ("adf.h", include_str!("../../kernels/adf/adf.h")),
    ("aie_api/aie_adf.hpp", include_str!("../../kernels/adf/aie_api/aie_adf.hpp")),
    ("ap_axi_sdata.h", include_str!("../../kernels/board/ap_axi_sdata.h")),
    ("ap_int.h", include_str!("../../kernels/board/ap_int.h")),
    ("hls_stream.h", include_str!("../../kernels/board/hls_stream.h")),
    ("xrt/xrt_bo.h", include_str!("../../kernels/board/xrt/xrt_bo.h")),
    ("xrt/xrt_device.h", include_str!("../../kernels/board/xrt/xrt_device.h")),
    ("xrt/xrt_graph.h", include_str!("../../kernels/board/xrt/xrt_graph.h")),
    ("xrt/xrt_kernel.h", include_str!("../../kernels/board/xrt/xrt_kernel.h")),
];

/// How kernels reach the cascade, among their headers.
const CASCADE: &str = include_str!("../../kernels/adf/cascade.h");

/// What a project is made of.
pub struct Source<'a> {
    pub program: &'a Program,
    /// Sources of the kernel instances, by name.
    pub kernels: &'a BTreeMap<String, String>,
    /// The kernels' headers, by their path: those for the array in `aie4ml`, those of the
    /// emulation of the AIE API in `host`.
    pub headers: &'a [(&'a str, &'a str)],
    pub model: &'a str,
}

/// Codes of every tensor for some iterations, row-major; `None` in rows beyond a batch.
pub struct Samples {
    pub inputs: Vec<Vec<Option<i64>>>,
    pub outputs: Vec<Vec<Option<i64>>>,
    pub iterations: usize,
}

/// Whether a device is one that Vitis builds for.
pub fn has_road(device: &Device) -> bool {
    !device.plio_columns().is_empty()
}

/// What to say of a device that Vitis does not build for.
pub fn no_road(device: &Device) -> String {
    let all = Device::names().into_iter().filter_map(Device::by_name);
    let with: Vec<&str> = all.filter(has_road).map(|device| device.name).collect();
    format!(
        "device '{}' has no programmable logic, and Vitis does not build for it: leave out --emit vitis, as mlir-aie builds its design.mlir, or choose {}",
        device.name,
        with.join(" or ")
    )
}

/// The files of a project, by their path in its folder.
///
/// `samples` are what `data/` and `expected/` hold; what they depend on is the graph alone, so they
/// are asked for after it is known that there is one.
///
/// # Errors
///
/// If the program does what AMD's tools do not infer from a graph.
pub fn project(
    source: &Source,
    samples: impl FnOnce() -> Result<Samples, String>,
) -> Result<BTreeMap<PathBuf, String>, Refused> {
    let refused = |message: String| Refused { message, direct: false };
    let Some(device) = Device::by_name(&source.program.device) else {
        return Err(refused(format!("device '{}' is not known", source.program.device)));
    };
    if !has_road(&device) {
        return Err(refused(no_road(&device)));
    }
    let graph = Graph::of(source.program, &device)?;
    let samples = samples().map_err(refused)?;
    let parts = sources::Parts {
        program: source.program,
        device: &device,
        graph: &graph,
        kernels: source.kernels,
        model: source.model,
        iterations: samples.iterations,
    };
    let mut files = parts.files().map_err(refused)?;
    for (path, text) in source.headers {
        let place = match path.strip_prefix("host/") {
            Some(own) => Path::new("emulation").join(own),
            None => Path::new("src").join(path),
        };
        files.insert(place, (*text).into());
    }
    files.insert("src/aie4ml/cascade.h".into(), CASCADE.into());
    for (path, text) in EMULATION {
        files.insert(Path::new("emulation").join(path), text.into());
    }
    for plio in &graph.inputs {
        let tensor = &source.program.inputs[plio.tensor];
        let codes = samples.inputs.get(plio.tensor).map_or(&[][..], Vec::as_slice);
        let text = data::text(plio, &data::streamed(tensor, plio, codes), "0");
        files.insert(format!("data/{}.txt", plio.name).into(), text);
    }
    for plio in &graph.outputs {
        let tensor = &source.program.outputs[plio.tensor];
        let codes = samples.outputs.get(plio.tensor).map_or(&[][..], Vec::as_slice);
        let text = data::text(plio, &data::streamed(tensor, plio, codes), "-");
        files.insert(format!("expected/{}.txt", plio.name).into(), text);
    }
    Ok(files)
}
