//! What a compilation wrote, ready to run; an array program in the simulator,
//! with the kernels that it brings along.

use crate::{
    array::{Interface, Program},
    compile::{DESIGN, KERNELS},
    dialect::aie,
    ir::{self, Error},
    mlir::tools,
    run::{self, Executable, Level, Runner},
    sim::{Engine, Kernels, host::HostKernels},
    tensor::Tensor,
};
use melior::{Context, ir::Module};
use std::{path::Path, rc::Rc};

/// Prepares a folder that [`compile`](crate::compile::compile) wrote, or a file of IR of any level.
///
/// # Errors
///
/// If it is neither, or cannot be executed.
pub fn open(path: &Path) -> Result<Runner, Error> {
    let file = if path.is_dir() { path.join(DESIGN) } else { path.to_path_buf() };
    let context = tools::context();
    let module = ir::read(&context, &file)?;
    let runner = if Level::of(&module) == Level::Array {
        runner(&context, &module, &file.with_file_name(KERNELS))
    } else {
        Runner::compile(&module)
    };
    runner.map_err(|error| error.within(&file.display().to_string()))
}

/// Prepares the only `aie.device` of a module; `kernels` is the folder of its kernels' sources.
///
/// # Errors
///
/// If there is not one device, it holds what the simulator does not execute, or
/// its kernels do not compile.
pub fn runner(context: &Context, module: &Module, kernels: &Path) -> Result<Runner, Error> {
    let devices = aie::devices(module.as_operation());
    let [device] = devices.as_slice() else {
        return Err(Error::new(
            "",
            format_args!("holds {} 'aie.device' ops; one is executed at a time", devices.len()),
        ));
    };
    let program = ir::attempt(context, || aie::read(*device))?;
    let host = HostKernels::new(&program, kernels)
        .map_err(|error| Error::new(kernels.display(), error))?;
    let interfaces = |list: &[Interface]| -> Result<Vec<run::Interface>, Error> {
        list.iter().map(run::Interface::try_from).collect()
    };
    let (inputs, outputs) = (interfaces(&program.inputs)?, interfaces(&program.outputs)?);
    Ok(Runner::new(
        Level::Array,
        inputs,
        outputs,
        Box::new(Array { program, kernels: Rc::new(host) }),
    ))
}

struct Array {
    program: Program,
    kernels: Rc<dyn Kernels<u8>>,
}

impl Executable for Array {
    /// All batches back to back, as a stream of data would come.
    fn execute(&self, batches: Vec<Vec<Tensor>>) -> Result<Vec<Vec<Tensor>>, Error> {
        let fail = |error: &dyn std::fmt::Display| Error::new("array simulator", error);
        let blocks = blocks(&self.program).map_err(|error| fail(&error))?;
        let padded = |interface: &Interface, tensor: &Tensor| {
            let mut bytes = tensor.data().to_vec();
            bytes.resize(blocks * interface.rows * row_bytes(interface), 0);
            bytes
        };
        let inputs: Vec<Vec<u8>> = (self.program.inputs.iter().enumerate())
            .map(|(index, interface)| {
                batches.iter().flat_map(|batch| padded(interface, &batch[index])).collect()
            })
            .collect();
        let mut engine =
            Engine::new(&self.program, self.kernels.clone()).map_err(|failure| fail(&failure))?;
        let results =
            engine.run(&inputs, blocks * batches.len()).map_err(|failure| fail(&failure))?;
        (0..batches.len())
            .map(|batch| {
                (self.program.outputs.iter().zip(&results))
                    .map(|(interface, bytes)| output(interface, bytes, batch, blocks))
                    .collect()
            })
            .collect()
    }
}

/// Iterations of a batch, which every tensor at the edge has.
fn blocks(program: &Program) -> Result<usize, String> {
    let mut all = program.inputs.iter().chain(&program.outputs).map(|interface| {
        let rows = interface.rows.max(1);
        (interface.name.as_str(), interface.batch.div_ceil(rows))
    });
    let Some((first, blocks)) = all.next() else { return Ok(1) };
    match all.find(|(_, other)| *other != blocks) {
        None => Ok(blocks),
        Some((name, other)) => Err(format!(
            "'{first}' takes {blocks} iterations for a batch, but '{name}' takes {other}"
        )),
    }
}

fn row_bytes(interface: &Interface) -> usize {
    interface.columns * interface.element.bytes()
}

/// The rows of one batch, without those that fill its last iteration up.
fn output(
    interface: &Interface,
    bytes: &[u8],
    batch: usize,
    blocks: usize,
) -> Result<Tensor, Error> {
    let row = row_bytes(interface);
    let start = batch * blocks * interface.rows * row;
    let bytes = bytes.get(start..start + interface.batch * row).unwrap_or_default().to_vec();
    let native = run::Interface::try_from(interface)?.native;
    Ok(Tensor::new(vec![interface.batch, interface.columns], native, bytes)?)
}
