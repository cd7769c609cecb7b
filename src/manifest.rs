//! `manifest.json`: what a compiled folder holds and how another program uses it.
//!
//! **Invariant:** it says nothing that was not computed. The same model and options give the
//! same manifest.

use crate::{
    array::{self, Program},
    compile::{DESIGN, HOST, KERNELS, MAPPED, MODEL, NETWORK, PAGE, REPORT},
    device::{Device, Generation},
    emit::vitis,
    ir::Error,
    npu::{self, NPU},
    report::{self, Report},
    run::{Interface, Quantization, host},
    sim::Timing,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt::Write, fs, path::Path};

/// Of the format of `manifest.json`.
const VERSION: u32 = 1;

/// Its file in a folder.
pub const MANIFEST: &str = "manifest.json";

/// The state of mlir-aie whose `aie` dialect designs are written in.
const MLIR_AIE: &str = "979629649";

/// The contents of `manifest.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this format; fields may be added without a new number.
    pub version: u32,
    pub versions: Versions,
    /// The model's file name.
    pub model: String,
    pub device: Target,
    /// What tensors cross the boundary by: `plio` or `ddr`.
    pub io: String,
    /// Iterations of the array in one batch, which is one invocation of the host's.
    pub iterations: usize,
    /// What goes into the array: codes.
    pub inputs: Vec<Port>,
    /// What comes out of it.
    pub outputs: Vec<Port>,
    /// What the host computes before and after; null if it computes nothing.
    pub host: Option<HostPart>,
    pub cycles: Cycles,
    pub files: Vec<File>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Versions {
    pub aie4ml: String,
    /// The commit of mlir-aie whose dialect the design is written in.
    pub mlir_aie: String,
}

/// The device that a folder was compiled for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Target {
    /// As `aie.device` calls it.
    pub name: String,
    /// `AIE-ML` or `AIE-MLv2`.
    pub architecture: String,
    /// The cores, as Peano calls them: `aie2` or `aie2p`; null where Peano builds no kernels.
    pub target: Option<String>,
    pub columns: u32,
    /// The shim's row 0 included.
    pub rows: u32,
}

/// A tensor at the edge of the array.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Port {
    pub name: String,
    /// Of one batch, as the model has it.
    pub shape: Vec<usize>,
    /// Of a code, as NumPy calls it.
    pub r#type: String,
    /// Real value = `scale * (code - zero_point)`.
    pub scale: f64,
    pub zero_point: i64,
    /// Smallest and largest code.
    pub range: [i64; 2],
    /// Rows of one iteration of the array.
    pub rows: usize,
    /// Rows of a batch, and elements of a row: the shape in which the array sees the tensor.
    pub batch: usize,
    pub columns: usize,
    /// Where it lies in the host's memory; null if streams carry it.
    pub memory: Option<Memory>,
    /// What carries it; empty if it lies in memory.
    pub streams: Vec<Stream>,
}

/// A buffer of the host's: row-major `[rows][pitch]`, zero beyond the tensor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Memory {
    /// As `design.mlir` calls it.
    pub buffer: String,
    /// Which argument of the runtime sequence it is; null if there is no sequence.
    pub argument: Option<usize>,
    pub rows: usize,
    /// Elements from one row to the next.
    pub pitch: usize,
    pub bytes: usize,
}

/// What a port of the array carries of each iteration: its slices in order, each row-major.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stream {
    /// Column of the shim tile.
    pub column: u32,
    /// Such as `PLIO`.
    pub bundle: String,
    pub channel: u32,
    pub slices: Vec<Slice>,
}

/// Elements `begin..end` of every row, followed by zeros up to `pitch` elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Slice {
    pub begin: usize,
    pub end: usize,
    pub pitch: usize,
}

/// The functions of `host.mlir`; one at least is there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HostPart {
    pub file: String,
    /// From the model's own inputs to the array's, and further values that pass the array by.
    pub before: Option<Function>,
    /// From the array's outputs, and what passed it by, to the model's own outputs.
    pub after: Option<Function>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Function {
    pub inputs: Vec<Value>,
    pub outputs: Vec<Value>,
}

/// A tensor of a function of the host's.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Value {
    pub name: String,
    pub shape: Vec<usize>,
    /// As NumPy calls it.
    pub r#type: String,
    /// Null if the values have no codes.
    pub codes: Option<Codes>,
}

/// Real value = `scale * (code - zero_point)`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Codes {
    pub r#type: String,
    pub scale: f64,
    pub zero_point: i64,
    pub range: [i64; 2],
}

/// Cycles of the array's clock.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Cycles {
    /// Null if the device is not known.
    pub clock_mhz: Option<u32>,
    /// By the planner's model; null if it planned nothing.
    pub estimated: Option<Estimated>,
    /// By the array simulator; null if it did not run.
    pub simulated: Option<Simulated>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Estimated {
    pub interval: i64,
    pub latency: i64,
}

impl From<&Report> for Estimated {
    fn from(report: &Report) -> Self {
        let estimate = &report.estimate;
        Estimated { interval: estimate.interval_cycles, latency: estimate.latency_cycles }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Simulated {
    /// Between iterations, in the long run.
    pub interval: f64,
    /// Of one iteration, from its first word to its last.
    pub latency: u64,
    /// The same of all iterations of a batch; null if that was not measured.
    pub batch_latency: Option<u64>,
}

impl From<&Timing> for Simulated {
    fn from(timing: &Timing) -> Self {
        let (interval, latency) = (timing.interval_cycles, timing.latency_cycles);
        Simulated { interval, latency, batch_latency: None }
    }
}

impl From<&report::Simulated> for Simulated {
    fn from(simulated: &report::Simulated) -> Self {
        Simulated {
            interval: simulated.interval_cycles,
            latency: simulated.latency_cycles.unsigned_abs(),
            batch_latency: Some(simulated.batch_latency_cycles.unsigned_abs()),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct File {
    /// With `/`, from the folder.
    pub path: String,
    /// `model`, `network`, `mapped network`, `design`, `host`, `kernel`, `kernel header`,
    /// `kernel emulation`, `report`, `page`, `npu`, `kernel check` or `other`.
    pub role: String,
    pub bytes: usize,
    /// Null of `report.json`, which holds times that no two compilations share.
    pub sha256: Option<String>,
}

impl Manifest {
    /// What a design says that was compiled of `model` and whose tensors cross the boundary by `io`;
    /// there are no cycles and no files yet.
    pub fn of(
        program: &Program,
        edges: [&[Interface]; 2],
        host: Option<HostPart>,
        (model, io): (&str, &str),
    ) -> Manifest {
        let device = Device::by_name(&program.device);
        let [inputs, outputs] = edges;
        let blocks = (program.inputs.iter().chain(&program.outputs))
            .map(|tensor| tensor.batch.div_ceil(tensor.rows.max(1)))
            .max();
        let ports = |list: &[array::Interface], shapes: &[Interface]| {
            list.iter().zip(shapes).map(|(tensor, shape)| port(program, tensor, shape)).collect()
        };
        Manifest {
            version: VERSION,
            versions: Versions {
                aie4ml: env!("CARGO_PKG_VERSION").into(),
                mlir_aie: MLIR_AIE.into(),
            },
            model: model.into(),
            device: Target {
                name: program.device.clone(),
                architecture: device.as_ref().map(architecture).unwrap_or_default().into(),
                target: npu::target(&program.device).map(str::to_string),
                columns: device.as_ref().map_or(0, |device| device.columns),
                rows: device.as_ref().map_or(0, Device::rows),
            },
            io: io.into(),
            iterations: blocks.unwrap_or(1),
            inputs: ports(&program.inputs, inputs),
            outputs: ports(&program.outputs, outputs),
            host,
            cycles: Cycles {
                clock_mhz: device.map(|device| device.timing.clock_mhz),
                estimated: None,
                simulated: None,
            },
            files: Vec::new(),
        }
    }

    /// Takes up what a folder will hold.
    pub fn list<'f>(&mut self, files: impl IntoIterator<Item = (&'f Path, &'f [u8])>) {
        self.files.extend(files.into_iter().map(|(path, content)| File {
            path: slashed(path),
            role: role(path).into(),
            bytes: content.len(),
            sha256: (path != Path::new(REPORT)).then(|| sha256(content)),
        }));
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// As a file holds it.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// That of a folder that `aie4ml compile` wrote.
    ///
    /// # Errors
    ///
    /// If there is none, or it is of another version.
    pub fn read(folder: &Path) -> Result<Manifest, Error> {
        let path = folder.join(MANIFEST);
        let fail = |text: String| Error::new(path.display(), text);
        let text = fs::read_to_string(&path).map_err(|error| {
            fail(format!("cannot be read: {error}; 'aie4ml compile' writes it"))
        })?;
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = serde_json::from_str(&text)
            .map_err(|error| fail(format!("is no manifest: {error}")))?;
        if head.version != VERSION {
            let version = head.version;
            return Err(fail(format!(
                "is of version {version}, this program reads version {VERSION}: compile again"
            )));
        }
        serde_json::from_str(&text).map_err(|error| fail(format!("is no manifest: {error}")))
    }

    /// Files that are missing or not as they were written.
    pub fn changed(&self, folder: &Path) -> Vec<&str> {
        let same = |file: &File| match (fs::read(folder.join(&file.path)), &file.sha256) {
            (Ok(content), Some(known)) => sha256(&content) == *known,
            (Ok(_), None) => true,
            (Err(_), _) => false,
        };
        self.files.iter().filter(|file| !same(file)).map(|file| file.path.as_str()).collect()
    }
}

/// Names of the generations, as AMD has them.
fn architecture(device: &Device) -> &'static str {
    match device.generation {
        Generation::AieMl => "AIE-ML",
        Generation::AieMlV2 => "AIE-MLv2",
    }
}

fn port(program: &Program, tensor: &array::Interface, interface: &Interface) -> Port {
    let memory = tensor.memory.and_then(|id| {
        let buffer = program.buffers.get(id.0)?;
        let &[rows, pitch] = buffer.shape.as_slice() else { return None };
        let sequence = program.sequences.first();
        Some(Memory {
            buffer: buffer.name.clone(),
            argument: sequence.and_then(|s| s.arguments.iter().position(|&a| a == id)),
            rows,
            pitch,
            bytes: rows * pitch * buffer.element.bytes(),
        })
    });
    let streams = tensor.streams.iter().map(|stream| Stream {
        column: stream.port.tile.column,
        bundle: stream.port.bundle.name().into(),
        channel: stream.port.channel,
        slices: (stream.slices.iter())
            .map(|&array::StreamSlice { begin, end, pitch }| Slice { begin, end, pitch })
            .collect(),
    });
    Port {
        name: tensor.name.clone(),
        shape: interface.model_shape.as_ref().unwrap_or(&interface.shape).clone(),
        r#type: interface.native.to_string(),
        scale: tensor.scale,
        zero_point: tensor.zero_point,
        range: [tensor.range.0, tensor.range.1],
        rows: tensor.rows,
        batch: tensor.batch,
        columns: tensor.columns,
        memory,
        streams: streams.collect(),
    }
}

impl HostPart {
    /// `None` if the host computes nothing.
    pub fn of(edges: host::Edges) -> Option<HostPart> {
        let function = |lists: [Vec<Interface>; 2]| {
            let [inputs, outputs] = lists.map(|list| list.iter().map(Value::from).collect());
            Function { inputs, outputs }
        };
        let (before, after) = (edges.before.map(function), edges.after.map(function));
        let any = before.is_some() || after.is_some();
        any.then(|| HostPart { file: HOST.into(), before, after })
    }
}

impl From<&Interface> for Value {
    fn from(interface: &Interface) -> Self {
        let codes = |quantization: Quantization| Codes {
            r#type: quantization.dtype.to_string(),
            scale: quantization.scale,
            zero_point: quantization.zero_point,
            range: [quantization.range.0, quantization.range.1],
        };
        Value {
            name: interface.name.clone(),
            shape: interface.model_shape.as_ref().unwrap_or(&interface.shape).clone(),
            r#type: interface.native.to_string(),
            codes: interface.quantization.map(codes),
        }
    }
}

/// What a file of a compiled folder is for.
fn role(path: &Path) -> &'static str {
    let named = [
        (MODEL, "model"),
        (NETWORK, "network"),
        (MAPPED, "mapped network"),
        (DESIGN, "design"),
        (HOST, "host"),
        (REPORT, "report"),
        (PAGE, "page"),
    ];
    if let Some((_, role)) = named.iter().find(|(name, _)| path == Path::new(name)) {
        return role;
    }
    let kernels = Path::new(KERNELS);
    let kind = path.extension().and_then(|extension| extension.to_str());
    match kind {
        Some("cc") if path.parent() == Some(kernels) => "kernel",
        _ if path.starts_with(kernels.join("host")) => "kernel emulation",
        _ if path.starts_with(kernels) => "kernel header",
        _ if path.starts_with(Path::new(NPU).join(KERNELS)) => "kernel check",
        _ if path.starts_with(vitis::FOLDER) => "vitis",
        _ if path.starts_with(NPU) => "npu",
        _ => "other",
    }
}

/// The same on every system.
fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

fn sha256(content: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(content) {
        // Writing to a string cannot fail.
        _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest of FIPS 180-2, appendix B.1.
    #[test]
    fn digests_as_the_standard_says() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), known);
    }

    #[test]
    fn every_file_has_a_role() {
        let roles = [
            ("model.mlir", "model"),
            ("design.mlir", "design"),
            ("kernels/dense.cc", "kernel"),
            ("kernels/aie4ml/dense.h", "kernel header"),
            ("kernels/host/aie_api/aie.hpp", "kernel emulation"),
            ("npu/build.sh", "npu"),
            ("npu/kernels/a/design.mlir", "kernel check"),
            ("vitis/src/graph.h", "vitis"),
            ("notes.txt", "other"),
        ];
        for (path, expected) in roles {
            assert_eq!(role(Path::new(path)), expected, "{path}");
        }
    }
}
