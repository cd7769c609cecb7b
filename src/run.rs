//! Executing a network at any level of the compiler.
//!
//! A [`Runner`] takes the model's own inputs or integer codes, in as many
//! iterations as they are long, and gives floats or codes back. What runs
//! underneath is an [`Executable`]: MLIR's JIT here, the array simulator
//! elsewhere.
//!
//! **Invariant:** conversions between floats and codes happen here only, so
//! all levels see the same codes.

mod compare;
mod interface;
#[cfg(test)]
mod tests;

pub use compare::{Mismatch, Mismatches, compare};
pub use interface::{Form, Interface, Quantization};

use crate::{
    dialect::{aie4ml, scalar},
    ir::Error,
    kernel::time::KernelVersion,
    mlir::{
        constant::defining_op,
        jit::{self, Spec},
        quant::Quantized,
        rewrite,
    },
    sim::Timing,
    tensor::{Dtype, Tensor},
};
use melior::ir::{
    Attribute, BlockLike, Module, OperationRef, Type, Value, ValueLike,
    attribute::{ArrayAttribute, DictionaryAttribute, StringAttribute, TypeAttribute},
    operation::OperationLike,
};
use std::{
    fmt::{self, Display, Formatter},
    path::PathBuf,
};

fn error(text: impl Display) -> Error {
    Error::new("", text)
}

/// Levels of IR, first to last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// Floats and quantization casts.
    Model,
    /// Layers on integer tensors.
    Network,
    /// The same with every decision of the mapping.
    Mapped,
    /// An `aie.device`, which only the array simulator executes.
    Array,
}

impl Display for Level {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Level::Model => "model",
            Level::Network => "network",
            Level::Mapped => "mapped network",
            Level::Array => "array program",
        })
    }
}

impl Level {
    /// The level of a module.
    pub fn of(module: &Module) -> Self {
        let mut level = Level::Model;
        for op in scalar::nested(module.as_operation()) {
            let name = op.name();
            let name = name.as_string_ref();
            let name = name.as_str().unwrap_or_default();
            let found = if name.starts_with("aie.") {
                Level::Array
            } else if [aie4ml::DENSE, aie4ml::ADD].contains(&name)
                && op.has_attribute("split")
                && op.has_attribute("place")
            {
                Level::Mapped
            } else if name.starts_with("aie4ml.") {
                Level::Network
            } else {
                Level::Model
            };
            level = level.max(found);
        }
        level
    }
}

/// What a [`Runner`] runs: takes and gives tensors of its native types, an
/// iteration at a time or, to overlap them, all at once.
pub trait Executable {
    /// Results of each iteration, in order.
    ///
    /// `iterations[i][j]` is input `j` of iteration `i`, of the shape and type
    /// that [`Interface`] `j` states.
    ///
    /// # Errors
    ///
    /// If execution fails.
    fn execute(&self, iterations: Vec<Vec<Tensor>>) -> Result<Vec<Vec<Tensor>>, Error>;

    /// The same, with the time that the array takes.
    ///
    /// # Errors
    ///
    /// If execution fails, or what is executed has no time.
    fn execute_timed(
        &self,
        iterations: Vec<Vec<Tensor>>,
        how: &Timed,
    ) -> Result<(Vec<Vec<Tensor>>, Timing), Error> {
        let _ = (iterations, how);
        Err(error("only an array program has a time: give a compiled folder or a design.mlir"))
    }
}

/// How to run with time.
#[derive(Clone, Default, Debug)]
pub struct Timed {
    /// The version whose time the kernels take.
    pub kernels: KernelVersion,
    /// Where to write a Chrome trace.
    pub trace: Option<PathBuf>,
}

impl Executable for jit::Program {
    fn execute(&self, iterations: Vec<Vec<Tensor>>) -> Result<Vec<Vec<Tensor>>, Error> {
        self.call_all(&iterations)
    }
}

/// A network that can be executed, with its interface.
pub struct Runner {
    pub level: Level,
    pub inputs: Vec<Interface>,
    pub outputs: Vec<Interface>,
    executable: Box<dyn Executable>,
}

impl Runner {
    /// Plugs in what executes; its tensors are as the interfaces state.
    pub fn new(
        level: Level,
        inputs: Vec<Interface>,
        outputs: Vec<Interface>,
        executable: Box<dyn Executable>,
    ) -> Self {
        Runner { level, inputs, outputs, executable }
    }

    /// Compiles a model, network or mapped network for the host.
    ///
    /// # Errors
    ///
    /// If the module is an array program or cannot be executed.
    pub fn compile(module: &Module) -> Result<Self, Error> {
        let level = Level::of(module);
        if level == Level::Array {
            return Err(error("an array program is executed by the array simulator"));
        }
        let (inputs, outputs) = interfaces(module)?;
        let program = jit::Program::compile(module)?;
        Ok(Runner::new(level, inputs, outputs, Box::new(program)))
    }

    /// Executes the network on floats or codes, told apart by their type.
    ///
    /// A leading extent that is a multiple of the network's batch is as many
    /// iterations. Outputs are of `form`, or else floats if every input is,
    /// where an output can be both.
    ///
    /// # Errors
    ///
    /// If an input is missing or of a shape, type or value that the network
    /// does not take, or an output does not exist in the form.
    pub fn run(&self, inputs: &[Tensor], form: Option<Form>) -> Result<Vec<Tensor>, Error> {
        let results = self.executable.execute(self.iterations(inputs)?)?;
        self.join(results, inputs, form)
    }

    /// The same, with the time that the array takes.
    ///
    /// # Errors
    ///
    /// As [`Runner::run`], if the network is not an array program, or the trace
    /// cannot be written.
    pub fn run_timed(
        &self,
        inputs: &[Tensor],
        form: Option<Form>,
        how: &Timed,
    ) -> Result<(Vec<Tensor>, Timing), Error> {
        let iterations = self.iterations(inputs)?;
        let (results, timing) = self.executable.execute_timed(iterations, how)?;
        Ok((self.join(results, inputs, form)?, timing))
    }

    /// The inputs of each iteration.
    fn iterations(&self, inputs: &[Tensor]) -> Result<Vec<Vec<Tensor>>, Error> {
        if inputs.len() != self.inputs.len() {
            if self.inputs.is_empty() {
                let given = inputs.len();
                return Err(error(format_args!("takes no inputs, but {given} are given")));
            }
            let names: Vec<_> =
                self.inputs.iter().map(|input| format!("'{}'", input.name)).collect();
            return Err(error(format_args!(
                "needs a tensor for each input ({}), got {}",
                names.join(", "),
                inputs.len()
            )));
        }
        let mut iterations: Vec<Vec<Tensor>> = Vec::new();
        for (interface, input) in self.inputs.iter().zip(inputs) {
            let parts = interface.split(input)?;
            if iterations.is_empty() {
                iterations = parts.iter().map(|_| Vec::new()).collect();
            }
            if parts.len() != iterations.len() {
                return Err(error(format_args!(
                    "input '{}' has {} iterations, '{}' has {}",
                    interface.name,
                    parts.len(),
                    self.inputs[0].name,
                    iterations.len()
                )));
            }
            for (iteration, part) in iterations.iter_mut().zip(parts) {
                iteration.push(part);
            }
        }
        if self.inputs.is_empty() {
            iterations.push(Vec::new());
        }
        Ok(iterations)
    }

    /// The outputs of all iterations as one tensor each.
    fn join(
        &self,
        results: Vec<Vec<Tensor>>,
        inputs: &[Tensor],
        form: Option<Form>,
    ) -> Result<Vec<Tensor>, Error> {
        let floats = inputs.iter().all(|input| input.dtype().is_float());
        let usual = if floats { Form::Float } else { Form::Codes };
        let mut outputs: Vec<Vec<Tensor>> = self.outputs.iter().map(|_| Vec::new()).collect();
        for result in results {
            if result.len() != self.outputs.len() {
                return Err(error("bug: the network gave a wrong number of results"));
            }
            for (output, tensor) in outputs.iter_mut().zip(result) {
                output.push(tensor);
            }
        }
        self.outputs
            .iter()
            .zip(outputs)
            .map(|(interface, parts)| {
                let form = form.unwrap_or(if interface.has(usual) {
                    usual
                } else {
                    interface.native_form()
                });
                interface.join(&parts, form)
            })
            .collect()
    }
}

/// Compiles and executes a module once; see [`Runner::run`].
///
/// # Errors
///
/// As [`Runner::compile`] and [`Runner::run`].
pub fn execute(
    module: &Module,
    inputs: &[Tensor],
    form: Option<Form>,
) -> Result<Vec<Tensor>, Error> {
    Runner::compile(module)?.run(inputs, form)
}

/// Inputs and outputs of a model, network or mapped network.
///
/// Names and quantization are attributes of arguments and results,
/// `aie4ml.name` and `aie4ml.quant`; a model's quantization is that of the
/// casts at its border.
///
/// # Errors
///
/// If there is no function to execute, or a type cannot be executed.
pub fn interfaces(module: &Module) -> Result<(Vec<Interface>, Vec<Interface>), Error> {
    let func = jit::entry(module)?;
    let function = scalar::function_type(func).ok_or_else(|| error("the entry has no type"))?;
    let body = rewrite::body(func).ok_or_else(|| error("the entry has no body"))?;
    let mut inputs = Vec::new();
    for i in 0..function.input_count() {
        let (Ok(r#type), Ok(argument)) = (function.input(i), body.argument(i)) else { continue };
        let border = entering(argument.into());
        inputs.push(interface(func, "arg_attrs", i, "input", r#type, border)?);
    }
    let returned = rewrite::ops(body).last().copied();
    let mut outputs = Vec::new();
    for i in 0..function.result_count() {
        let Ok(r#type) = function.result(i) else { continue };
        let border = returned.and_then(|op| op.operands().nth(i)).and_then(leaving);
        outputs.push(interface(func, "res_attrs", i, "output", r#type, border)?);
    }
    Ok((inputs, outputs))
}

fn interface<'c>(
    func: OperationRef<'c, '_>,
    list: &str,
    index: usize,
    kind: &str,
    r#type: Type<'c>,
    border: Option<Type<'c>>,
) -> Result<Interface, Error> {
    let attributes = func
        .attribute(list)
        .and_then(ArrayAttribute::try_from)
        .and_then(|array| array.element(index))
        .and_then(DictionaryAttribute::try_from)
        .ok();
    let named = |name: &str| -> Option<Attribute<'c>> { attributes?.element_by_name(name) };
    let name = named("aie4ml.name")
        .and_then(|attribute| StringAttribute::try_from(attribute).ok())
        .map(|name| name.value().to_string());
    let name = name.unwrap_or_else(|| format!("{kind}{index}"));
    let quant = named("aie4ml.quant")
        .and_then(|attribute| TypeAttribute::try_from(attribute).ok())
        .map(|attribute| attribute.value());
    let own = Some(scalar::element(r#type)).filter(|element| Quantized::of(*element).is_some());
    let Spec { shape, dtype } =
        Spec::of(r#type).map_err(|error| error.within(&format!("{kind} '{name}'")))?;
    let quantization = own.or(quant).or(border).and_then(quantization);
    // Signless storage has the sign of its quantization.
    let native = match &quantization {
        Some(quantization) if !dtype.is_float() && quantization.dtype.bytes() == dtype.bytes() => {
            quantization.dtype
        }
        _ => dtype,
    };
    Ok(Interface { name, shape, native, quantization })
}

/// One scale for the whole tensor; codes of several have no common meaning here.
fn quantization(element: Type) -> Option<Quantization> {
    let quantized = Quantized::of(element)?;
    let &[(scale, zero_point)] = quantized.parameters.as_slice() else { return None };
    let dtype = Dtype::integer(scalar::width(quantized.storage), quantized.signed)?;
    Some(Quantization { scale, zero_point, range: (quantized.min, quantized.max), dtype })
}

/// Ops that move elements and keep their meaning.
const MOVES: [&str; 5] = [
    "tosa.reshape",
    "tosa.identity",
    "tosa.transpose",
    "tensor.collapse_shape",
    "tensor.expand_shape",
];

/// The quantized element type that an argument is cast to, if all its uses agree.
fn entering<'c>(value: Value<'c, '_>) -> Option<Type<'c>> {
    let mut found = None;
    for user in rewrite::users(value) {
        let result = user.results().next()?;
        let element = if MOVES.iter().any(|name| rewrite::is(&user, name)) {
            entering(result.into())?
        } else if rewrite::is(&user, "quant.qcast") || rewrite::is(&user, "quant.scast") {
            scalar::element(result.r#type())
        } else {
            return None;
        };
        if found.is_some_and(|found| found != element) {
            return None;
        }
        found = Some(element);
    }
    found
}

/// The quantized element type that a result is cast from.
fn leaving<'c>(value: Value<'c, '_>) -> Option<Type<'c>> {
    let op = defining_op(value)?;
    let source = op.operands().next()?;
    if MOVES.iter().any(|name| rewrite::is(&op, name)) {
        leaving(source)
    } else if rewrite::is(&op, "quant.dcast") || rewrite::is(&op, "quant.scast") {
        Some(scalar::element(source.r#type()))
    } else {
        None
    }
}
