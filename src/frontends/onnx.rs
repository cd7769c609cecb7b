//! ONNX models quantized by `QuantizeLinear` and `DequantizeLinear` (QDQ).
//!
//! The file becomes messages (`proto`), these a graph whose names and shapes have been
//! checked (`graph`), that a program of few operations with the constants folded
//! (`operators`, `lowering`, `program`), and that a module (`emit`):
//!
//! | ONNX | MLIR |
//! |---|---|
//! | `QuantizeLinear` | `quant.qcast`; a `Clip` after it narrows the range of its type |
//! | `DequantizeLinear` | `quant.dcast`; of a constant `tosa.const`, `quant.scast`, `quant.dcast` |
//! | `Gemm`, `MatMul` | `tosa.matmul` of rank 3 between `tosa.reshape`s, `tosa.mul`, `tosa.add` |
//! | `Add`, `Relu`, `Clip`, `Transpose` | `tosa.add`, `tosa.clamp`, `tosa.transpose` |
//! | `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze` | `tosa.reshape` |
//! | `Identity`, `Dropout`, `Cast` to the same type, `Constant` | nothing |
//!
//! `Transpose` and the shape operators change a constant itself, so weights have the shape
//! `1xKxN` in which `tosa.matmul` reads them and no operation between.
//! An operation's location is the name of its ONNX node; of a constant, that of the node
//! which dequantizes it.

mod emit;
mod external;
mod fold;
mod graph;
mod inline;
mod lowering;
mod operators;
mod program;
pub mod proto;
mod tensor;

#[cfg(test)]
mod tests;

use std::path::Path;

use melior::{Context, ir::Module};
use prost::Message;

use super::{Error, Options};

/// Imports an ONNX file. [`super::import`] says what the context must know.
///
/// # Errors
///
/// The file cannot be read, is not an ONNX model, or holds one that is not supported; the
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
    // The parent of a bare name is empty, which is no folder to open.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    import_bytes(context, &bytes, name.as_deref().unwrap_or(&file), Some(folder), options)
        .map_err(|error| error.within(&file))
}

/// Imports the bytes of an ONNX file. `name` goes into the module's locations; `folder` is where
/// its tensors may keep their data.
///
/// # Errors
///
/// As [`import`], with locations that start below the file.
pub fn import_bytes<'c>(
    context: &'c Context,
    bytes: &[u8],
    name: &str,
    folder: Option<&Path>,
    options: &Options,
) -> Result<Module<'c>, Error> {
    let model = proto::ModelProto::decode(bytes)
        .map_err(|error| Error::new("", format!("not an ONNX model: {error}")))?;
    let graph = graph::Graph::new(model, folder, options)?;
    let program = operators::lower(&graph)?;
    emit::emit(context, &program, name)
}

/// A name from the file between quotes, printable on one line.
fn quote(name: &str) -> String {
    format!("'{}'", name.escape_debug())
}
