//! hls4ml models (`.fml`): networks on fixed-point numbers, as the firmware computes them.
//!
//! The file is unpacked in memory (`archive`) and becomes layers whose names and types have been
//! checked (`model`), whose arithmetic is said by `linalg` and `arith` on integer codes
//! (`lowering`, `cast`, `sum`, `activation`, in the types of `fixed`), which is written as text
//! and parsed (`emit`):
//!
//! | hls4ml | MLIR |
//! |---|---|
//! | a tensor of `fixed<W,I>` | a tensor of integers, of which each is the code of `code * 2^(I - W)` |
//! | `Dense`, `PointwiseConv1D`, `PointwiseConv2D`, `Dot` | `linalg.generic` of products and their sum, then a cast to the accumulator unless it changes nothing, then one to the result |
//! | a cast between types | one `linalg.generic`: shift with rounding, then overflow |
//! | `relu` and its kin, `Merge`, `BatchNormalization` | `linalg.generic` of the exact result, then a cast |
//! | a table (`softmax`, `sigmoid`, `tanh`, ...) | a sum over the table of what stands where the index points |
//!
//! The result is what hls4ml's own emulation in C++ computes, bit for bit: of each product that is
//! cast to the accumulator before it is added, of each rounding and each overflow. What a float
//! input becomes is part of the function if it is not to the nearest, ties to even, saturated:
//! the argument then is float, and a `quant.qcast` or, if it wraps, arithmetic follows.
//!
//! Operations are located at the layer they belong to.

mod activation;
mod archive;
mod cast;
mod emit;
mod fixed;
mod lowering;
mod model;
mod sum;

#[cfg(test)]
mod tests;

use std::path::Path;

use melior::{Context, ir::Module};

use super::{Error, Options};
use crate::mlir::source;

/// Imports an hls4ml model. [`super::import`] says what the context must know.
///
/// # Errors
///
/// The file cannot be read, is not an hls4ml model, or holds one that is not supported; the
/// message says what is.
pub fn import<'c>(
    context: &'c Context,
    path: &Path,
    options: &Options,
) -> Result<Module<'c>, Error> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path)
        .map_err(|error| Error::new(&*file, format!("cannot read the model: {error}")))?;
    let name = path.file_name().map(|name| name.to_string_lossy());
    import_bytes(context, &bytes, name.as_deref().unwrap_or(&file), options)
        .map_err(|error| error.within(&file))
}

/// Imports the bytes of an hls4ml model. `name` goes into the module's locations.
///
/// # Errors
///
/// As [`import`], with locations that start below the file.
pub fn import_bytes<'c>(
    context: &'c Context,
    bytes: &[u8],
    name: &str,
    options: &Options,
) -> Result<Module<'c>, Error> {
    let archive = archive::Archive::unpack(bytes)?;
    let model = model::Model::read(&archive)?;
    let text = lowering::lower(&model, &archive, options.batch.unwrap_or(1))?.module(name);
    for dialect in ["func", "arith", "math", "linalg", "tensor", "quant"] {
        context.get_or_load_dialect(dialect);
    }
    let (module, problems) =
        crate::ir::collect(context, || source::parse(context, text.as_bytes(), name));
    module.ok_or_else(|| {
        let problems: Vec<String> = problems.into_iter().map(|problem| problem.text).collect();
        Error::new("", format!("bug in the hls4ml frontend: {}", problems.join("; ")))
    })
}

/// A name from the file between quotes, printable on one line.
fn quote(name: &str) -> String {
    format!("'{}'", name.escape_debug())
}
