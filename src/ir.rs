//! Files of IR: read, transformed by passes, and written, with what MLIR has to
//! say about them kept as [`Error`]s.
//!
//! **Invariant:** nothing here writes to the standard streams.

use crate::{
    dialect::{aie4ml::layer_name, scalar},
    mlir::{self, rewrite},
};
use melior::{
    Context,
    diagnostic::{Diagnostic, DiagnosticSeverity},
    ir::{
        Location, Module, OperationRef,
        attribute::StringAttribute,
        operation::{OperationLike, OperationPrintingFlags},
    },
    pass::PassManager,
    utility::parse_pass_pipeline,
};
use std::{
    fmt, fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The file and the place in it, such as `model.onnx: layer 'fc1'`; may be empty.
    pub place: String,
    pub text: String,
    pub notes: Vec<Message>,
}

/// Why something could not be done: at least one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(Vec<Message>);

impl Error {
    pub fn new(place: impl fmt::Display, text: impl fmt::Display) -> Error {
        Error(vec![Message { place: place.to_string(), text: text.to_string(), notes: Vec::new() }])
    }

    /// Of several messages; a bug of `culprit` if there is none.
    pub fn of(messages: Vec<Message>, culprit: &str) -> Error {
        if messages.is_empty() {
            return Error::new("", format_args!("bug in {culprit}: it failed without saying why"));
        }
        Error(messages)
    }

    pub fn messages(&self) -> &[Message] {
        &self.0
    }

    /// The same with `file` put before the places that do not name a file.
    pub fn within(mut self, file: &str) -> Error {
        for message in &mut self.0 {
            if message.place.is_empty() {
                message.place = file.into();
            } else if message.place.starts_with("layer '") {
                message.place = format!("{file}: {}", message.place);
            }
        }
        self
    }

    /// The same with a note on each message.
    pub fn noting(mut self, text: &str) -> Error {
        for message in &mut self.0 {
            let (place, text) = (String::new(), text.to_owned());
            message.notes.push(Message { place, text, notes: Vec::new() });
        }
        self
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.text)?;
        self.notes.iter().try_for_each(|note| write!(f, "\nnote: {note}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (index, message) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\nerror: ")?;
            }
            message.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<crate::frontends::Error> for Error {
    fn from(error: crate::frontends::Error) -> Error {
        Error::new(error.location, error.message)
    }
}

/// Reads a file of IR, of any level, as text or bytecode. Constants that are resources become
/// dense ones, and a model's private functions are inlined into its network. Its locations name
/// the file without its folder, so that the same text gives the same module wherever it lies;
/// errors name it with.
///
/// # Errors
///
/// If the file cannot be read, does not parse, or does not verify.
pub fn read<'c>(context: &'c Context, path: &Path) -> Result<Module<'c>, Error> {
    let source = fs::read(path)
        .map_err(|error| Error::new(path.display(), format_args!("cannot be read: {error}")))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.display().to_string();
    let folder = folder.strip_suffix(&*name).unwrap_or_default();
    let module = parse_source(context, &source, &name).and_then(|mut module| {
        attempt(context, || resolve_constants(&module))?;
        one_network(context, &mut module).map_err(|error| error.within(&name))?;
        Ok(module)
    });
    module.map_err(|mut error| {
        let here = error.0.iter_mut().filter(|message| message.place.starts_with(&*name));
        here.for_each(|message| message.place.insert_str(0, folder));
        error
    })
}

/// Reads IR from text; `name` is what messages call it.
///
/// # Errors
///
/// If it does not parse or verify.
pub fn parse<'c>(context: &'c Context, text: &str, name: &str) -> Result<Module<'c>, Error> {
    parse_source(context, text.as_bytes(), name)
}

fn parse_source<'c>(context: &'c Context, source: &[u8], name: &str) -> Result<Module<'c>, Error> {
    let (module, messages) = collect(context, || mlir::source::parse(context, source, name));
    module.ok_or_else(|| Error::of(messages, "the parser").within(name))
}

/// Makes constants that are resources dense, as everything else reads only these.
fn resolve_constants<'c>(module: &Module<'c>) -> mlir::diagnostic::Result<'c> {
    for op in scalar::nested(module.as_operation()) {
        let attributes: Vec<_> = op.attributes().collect();
        for (name, attribute) in attributes {
            let Some(dense) = mlir::constant::resolve(attribute) else { continue };
            let dense = dense.map_err(|problem| mlir::diagnostic::fail(&op, problem))?;
            let name = name.as_string_ref().as_str().unwrap_or_default().to_owned();
            rewrite::set_attribute(op, &name, dense);
        }
    }
    Ok(())
}

/// Inlines what a model's network calls: the network is `@main`, or the only function that is
/// not private.
fn one_network(context: &Context, module: &mut Module) -> Result<(), Error> {
    let functions = functions(module);
    let ops = scalar::nested(module.as_operation());
    // Of later levels every function has its use.
    let is_model = !ops.iter().any(|op| {
        let name = op.name();
        // Or the functions of the host, of which each is used as well.
        op.has_attribute("aie4ml.host")
            || name.as_string_ref().as_str().is_ok_and(|name| name.starts_with("aie"))
    });
    if functions.len() < 2 || !is_model {
        return Ok(());
    }
    let text = |op: &OperationRef, name: &str| -> Option<String> {
        let attribute = StringAttribute::try_from(op.attribute(name).ok()?).ok()?;
        mlir::constant::text(attribute.into()).map(str::to_owned)
    };
    let name = |op: &OperationRef| text(op, "sym_name").unwrap_or_default();
    let public: Vec<_> = functions
        .iter()
        .filter(|op| text(op, "sym_visibility").as_deref() != Some("private"))
        .collect();
    let network = match (public.iter().find(|op| name(op) == "main"), public.as_slice()) {
        (Some(main), _) => **main,
        (None, [only]) => **only,
        (None, []) => {
            return Err(Error::new(
                "",
                "holds private functions only: make the network public, or name it 'main'",
            ));
        }
        (None, more) => {
            let names: Vec<_> = more.iter().map(|op| format!("'{}'", name(op))).collect();
            return Err(Error::new(
                "",
                format_args!(
                    "holds {} public functions ({}): name the network 'main', or make the others private",
                    more.len(),
                    names.join(", ")
                ),
            ));
        }
    };
    for function in functions.iter().filter(|op| **op != network) {
        let private = StringAttribute::new(context, "private").into();
        rewrite::set_attribute(*function, "sym_visibility", private);
    }
    mlir::tools::register_upstream_passes();
    // Without its default, canonicalization, which takes a 'quant.dcast' of a 'quant.qcast' for nothing.
    run(context, module, "builtin.module(inline{default-pipeline=},symbol-dce)")?;
    // What is only declared is for whoever runs the module to have.
    if self::functions(module).iter().any(|op| rewrite::body(*op).is_none()) {
        return Ok(());
    }
    let ops = scalar::nested(module.as_operation());
    match ops.into_iter().find(|op| rewrite::is(op, "func.call")) {
        Some(call) => attempt(context, || {
            Err(mlir::diagnostic::fail(
                &call,
                "cannot be inlined: only functions with a body that do not call themselves can",
            ))
        }),
        None => Ok(()),
    }
}

/// Runs a pipeline such as `builtin.module(func.func(aie4ml-tile))` on a module, and gives what its
/// passes remark.
///
/// # Errors
///
/// If the pipeline is not one, or a pass or verifier reports an error.
pub fn run(context: &Context, module: &mut Module, pipeline: &str) -> Result<Vec<Message>, Error> {
    let (done, messages, remarks) = collect_all(context, || {
        let manager = PassManager::new(context);
        parse_pass_pipeline(manager.as_operation_pass_manager(), pipeline)
            .map_err(|error| error.to_string())?;
        manager.run(module).map_err(|_| String::new())
    });
    match done {
        Ok(()) => Ok(remarks),
        Err(text) if messages.is_empty() && !text.is_empty() => {
            Err(Error::new("", format_args!("pipeline '{pipeline}': {}", text.trim())))
        }
        Err(_) => Err(Error::of(messages, &format!("pipeline '{pipeline}'"))),
    }
}

/// Runs code that fails at a place in the model.
///
/// # Errors
///
/// If it fails, or MLIR reports an error meanwhile.
pub fn attempt<'c, T>(
    context: &Context,
    code: impl FnOnce() -> crate::mlir::diagnostic::Result<'c, T>,
) -> Result<T, Error> {
    let (result, messages) = collect(context, || code().map_err(|failure| failure.emit()));
    result.map_err(|()| Error::of(messages, "a translation"))
}

/// The module as text, with locations: they carry the names of the model's layers.
pub fn print(module: &Module) -> String {
    let flags = OperationPrintingFlags::new().enable_debug_info(true, false);
    // Printing to a string can only fail in `write!`, which a `String` never does.
    let mut text = module.as_operation().to_string_with_flags(flags).unwrap_or_default();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// The functions of a module that have a body.
pub fn functions<'c, 'a>(module: &'a Module<'c>) -> Vec<OperationRef<'c, 'a>> {
    rewrite::ops(module.body())
        .into_iter()
        .filter(|op| rewrite::is(op, "func.func") && rewrite::body(*op).is_some())
        .collect()
}

/// Runs `code`, and keeps the errors that MLIR reports meanwhile.
pub fn collect<T>(context: &Context, code: impl FnOnce() -> T) -> (T, Vec<Message>) {
    let (result, errors, _) = collect_all(context, code);
    (result, errors)
}

/// Runs `code`, and keeps the errors and the remarks that MLIR reports meanwhile.
fn collect_all<T>(context: &Context, code: impl FnOnce() -> T) -> (T, Vec<Message>, Vec<Message>) {
    let messages = Arc::new(Mutex::new((Vec::new(), Vec::new())));
    let kept = messages.clone();
    let handler = context.attach_diagnostic_handler(move |diagnostic| {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        match diagnostic.severity() {
            DiagnosticSeverity::Error => kept.0.push(message(&diagnostic)),
            DiagnosticSeverity::Remark => kept.1.push(message(&diagnostic)),
            _ => {}
        }
        true
    });
    let result = code();
    context.detach_diagnostic_handler(handler);
    let messages = std::mem::take(&mut *messages.lock().unwrap_or_else(PoisonError::into_inner));
    (result, messages.0, messages.1)
}

fn message(diagnostic: &Diagnostic) -> Message {
    let location = diagnostic.location();
    let mut text = diagnostic.to_string();
    // The layer's name says more than the name of the op that stands for it.
    if let Some(name) = layer_name(location) {
        if let Some((op, rest)) = text.split_once("' op ")
            && op.starts_with('\'')
        {
            text = rest.into();
        }
        let prefix = format!("{name}: ");
        text = text.strip_prefix(&prefix).unwrap_or(&text).into();
    }
    // Of the whole network.
    text = text.strip_prefix("'func.func' op ").unwrap_or(&text).into();
    let notes = (0..diagnostic.note_count())
        .filter_map(|index| diagnostic.note(index).ok())
        .map(|note| self::message(&note))
        // "see current operation" repeats the op with all its weights.
        .filter(|note| !note.text.starts_with("see current operation"))
        .map(|note| Message { place: String::new(), ..note })
        .collect();
    Message { place: place(location), text, notes }
}

/// A location in words: `model.onnx: layer 'fc1'`, or `network.mlir:3:8`.
pub fn place(location: Location) -> String {
    let file = file(location).unwrap_or_default();
    match layer_name(location) {
        Some(name) if file.is_empty() => format!("layer '{name}'"),
        Some(name) => format!("{file}: layer '{name}'"),
        None => file,
    }
}

fn file(location: Location) -> Option<String> {
    if location.is_name() {
        file(location.name_child_location())
    } else if location.is_fused() {
        (0..location.fused_num_locations()).find_map(|index| file(location.fused_location(index)))
    } else if location.is_call_site() {
        file(location.call_site_callee())
    } else if location.is_file_line_col_range() {
        let name = location.file_line_col_range_filename();
        let name = name.as_string_ref().as_str().ok()?.to_string();
        Some(match location.file_line_col_range_start_line() {
            0 => name,
            line => format!("{name}:{line}:{}", location.file_line_col_range_start_column()),
        })
    } else {
        None
    }
}
