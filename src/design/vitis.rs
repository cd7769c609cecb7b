//! A project for Vitis in the emulation of ADF: its graph is held against the design that it was
//! made of, and runs.

use super::{
    DESIGN, blocks, chosen_device, fail, host_beside, interfaces, output, program, row_bytes,
};
use crate::{
    array::Program,
    check::adf,
    device::Device,
    emit::vitis::{Graph, data, graph::Plio, sources::numbers},
    ir::{self, Error},
    mlir::tools,
    run::{Executable, Level, Runner},
    sim::host::{HostProgram, Written},
    tensor::Tensor,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// What the project is compiled from.
const UNIT: &str = "emulation/all.cpp";
const HEADERS: [&str; 2] = ["src", "emulation"];

/// The emulation is a functional simulator, as AMD's x86simulator is.
const DEFINES: [&str; 1] = ["-D__X86SIM__"];

/// What `v++ --link` is told.
const SYSTEM: &str = "system.cfg";

/// Where the emulation writes the graph.
const DUMP: &str = "graph.json";

/// Differences that are said.
const SAID: usize = 5;

pub(super) fn is_project(path: &Path) -> bool {
    path.is_dir() && path.join(UNIT).is_file()
}

/// Prepares the project in a folder; the design is in the folder around it.
pub(super) fn open(path: &Path) -> Result<Runner, Error> {
    let context = tools::context();
    let (folder, design) = places(path)?;
    let module = ir::read(&context, &design)?;
    let emulated = Emulated::new(&folder, program(&context, &module)?)?;
    emulated.check()?;
    let device = chosen_device(&module, None)?;
    let [inputs, outputs] = interfaces(device, &emulated.program)?;
    let runner = Runner::new(Level::Array, inputs, outputs, Box::new(emulated));
    Ok(runner.with_host(host_beside(&context, &design)?))
}

/// Holds the graph of a project against the design in the folder around it.
///
/// # Errors
///
/// If the project does not compile, or its graph is another one.
pub fn check(path: &Path) -> Result<adf::Agreed, Error> {
    let context = tools::context();
    let (folder, design) = places(path)?;
    let module = ir::read(&context, &design)?;
    Emulated::new(&folder, program(&context, &module)?)?.check()
}

/// The real place of a project, and the design around it.
fn places(path: &Path) -> Result<(PathBuf, PathBuf), Error> {
    let folder = fs::canonicalize(path).map_err(|error| Error::new(path.display(), error))?;
    let design = folder.with_file_name(DESIGN);
    Ok((folder, design))
}

struct Emulated {
    program: Program,
    device: Device,
    graph: Graph,
    host: HostProgram,
    /// How the graph's streams are connected to data movers.
    system: String,
}

impl Emulated {
    fn new(folder: &Path, program: Program) -> Result<Emulated, Error> {
        let Some(device) = Device::by_name(&program.device) else {
            return Err(Error::new(
                DESIGN,
                format_args!("device '{}' is not known", program.device),
            ));
        };
        let graph =
            Graph::of(&program, &device).map_err(|refused| Error::new(DESIGN, refused.message))?;
        let generation = Some(device.generation);
        let host = HostProgram::build(folder, UNIT, &HEADERS, &DEFINES, generation)
            .map_err(|error| Error::new("", error))?;
        let path = folder.join(SYSTEM);
        let system =
            fs::read_to_string(&path).map_err(|error| Error::new(path.display(), error))?;
        Ok(Emulated { program, device, graph, host, system })
    }

    fn check(&self) -> Result<adf::Agreed, Error> {
        let streams = self.graph.inputs.iter().map(|plio| (file(plio), String::new())).collect();
        let environment = [("AIE4ML_ADF_DUMP", DUMP), ("AIE4ML_ADF_ITERATIONS", "0")];
        let written = self.host.run(&streams, &environment);
        let written = written.map_err(|error| Error::new("emulation", error))?;
        let dump = written.get(Path::new(DUMP)).map_or("", String::as_str);
        adf::check(&self.program, &self.device, dump, &self.system).map_err(|differences| {
            let mut text = differences.iter().take(SAID).cloned().collect::<Vec<_>>().join("; ");
            if differences.len() > SAID {
                text += &format!("; and {} more differences", differences.len() - SAID);
            }
            Error::new("", format_args!("its graph is not that of {DESIGN}: {text}"))
        })
    }
}

/// What feeds a stream.
fn file(plio: &Plio) -> PathBuf {
    format!("data/{}.txt", plio.name).into()
}

impl Executable for Emulated {
    fn execute(&self, batches: Vec<Vec<Tensor>>) -> Result<Vec<Vec<Tensor>>, Error> {
        let blocks = blocks(&self.program).map_err(|error| fail(&error))?;
        let iterations = blocks * batches.len();
        let mut streams = BTreeMap::new();
        for plio in &self.graph.inputs {
            let tensor = &self.program.inputs[plio.tensor];
            let mut bytes = Vec::new();
            for batch in &batches {
                let begin = bytes.len();
                bytes.extend_from_slice(batch[plio.tensor].data());
                bytes.resize(begin + blocks * tensor.rows * row_bytes(tensor), 0);
            }
            let codes: Vec<Option<i64>> =
                numbers(&bytes, tensor.element, tensor.signed).into_iter().map(Some).collect();
            let text = data::text(plio, &data::streamed(tensor, plio, &codes), "0");
            streams.insert(file(plio), text);
        }
        let count = iterations.to_string();
        let written = self.host.run(&streams, &[("AIE4ML_ADF_ITERATIONS", &count)]);
        let written = written.map_err(|error| Error::new("emulation", error))?;
        let results: Vec<Vec<u8>> = (0..self.program.outputs.len())
            .map(|tensor| self.gathered(tensor, &written, iterations))
            .collect::<Result<_, _>>()?;
        (0..batches.len())
            .map(|batch| {
                (self.program.outputs.iter().zip(&results))
                    .map(|(interface, bytes)| output(interface, bytes, batch, blocks))
                    .collect()
            })
            .collect()
    }
}

impl Emulated {
    /// A tensor of all iterations, of what the streams wrote.
    fn gathered(
        &self,
        tensor: usize,
        written: &Written,
        iterations: usize,
    ) -> Result<Vec<u8>, Error> {
        let interface = &self.program.outputs[tensor];
        let mut streams = Vec::new();
        for plio in self.graph.outputs.iter().filter(|plio| plio.tensor == tensor) {
            let path = Path::new("emulation_output").join(file(plio));
            let numbers = written.get(&path).and_then(|text| data::parse(text));
            let numbers = numbers.ok_or_else(|| {
                Error::new("emulation", format_args!("'{}' was not written", path.display()))
            })?;
            streams.push((plio, numbers));
        }
        let codes = data::gathered(interface, &streams, iterations);
        let codes = codes.ok_or_else(|| {
            let name = &interface.name;
            Error::new("emulation", format_args!("output '{name}' ends before its last iteration"))
        })?;
        let width = interface.element.bytes();
        Ok(codes.into_iter().flat_map(|code| code.to_le_bytes().into_iter().take(width)).collect())
    }
}
