//! Readers of model files: a file in, a module of upstream dialects out.
//!
//! What comes out is the *model level*: `tosa` on float tensors, with `quant` casts where
//! the model rounds, every operation located at the layer of the model it comes from. A
//! frontend says what the file says and decides nothing: what the array cannot do is
//! refused by the passes, what the file format or this reader cannot express is refused here.
//!
//! **Invariant:** no input makes a frontend panic; it gives a module that verifies or an [`Error`].

pub mod hls4ml;
pub mod onnx;
pub mod tflite;

use std::{fmt, path::Path};

use melior::{Context, ir::Module};

/// Why a model was not imported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// The file and the place in it: `model.onnx: node 'fc1' (Gemm)`.
    pub location: String,
    /// What is wrong there, and what would be right.
    pub message: String,
}

impl Error {
    pub(crate) fn new(location: impl Into<String>, message: impl Into<String>) -> Self {
        Self { location: location.into(), message: message.into() }
    }

    /// The same error with the place it happened in put before its location.
    fn within(self, place: &str) -> Self {
        let location = if self.location.is_empty() {
            place.to_owned()
        } else {
            format!("{place}: {}", self.location)
        };
        Self { location, ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.location.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.location, self.message)
        }
    }
}

impl std::error::Error for Error {}

/// What a user says about a model beside its file.
#[derive(Clone, Default, Debug)]
pub struct Options {
    /// The extent of first dimensions that the file leaves open.
    pub batch: Option<u64>,
}

/// Imports a model file, recognized by the extension of its name.
///
/// All upstream dialects must be registered in `context`, and `aie4ml` too
/// unless it allows unregistered dialects: it names the arguments and results of `@main`.
///
/// # Errors
///
/// The file cannot be read, is not of a format that has a frontend, or holds a model its
/// frontend refuses.
pub fn import<'c>(
    context: &'c Context,
    path: &Path,
    options: &Options,
) -> Result<Module<'c>, Error> {
    let file = path.display().to_string();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("onnx") => onnx::import(context, path, options),
        Some("tflite") => tflite::import(context, path, options),
        Some("fml") => hls4ml::import(context, path, options),
        Some("mlir") => {
            Err(Error::new(file, "is MLIR already, no frontend reads it: parse it as a module"))
        }
        _ => Err(Error::new(
            file,
            "unknown kind of model file; supported: .onnx, .tflite, .fml, .mlir",
        )),
    }
}
