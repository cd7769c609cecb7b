//! Executing a network at any level of the compiler.
//!
//! A [`Runner`] takes the model's own inputs or integer codes, in as many
//! iterations as they are long, and gives floats or codes back. What runs
//! underneath is an [`Executable`]: MLIR's JIT here, the array simulator
//! elsewhere. What the host computes before and after the network runs with it.
//!
//! **Invariant:** conversions between floats and codes happen here only, so
//! all levels see the same codes.

mod compare;
pub mod host;
mod interface;
#[cfg(test)]
mod tests;

pub use host::Host;

pub use compare::{Mismatch, Mismatches, compare};
pub use interface::{Form, Interface, Quantization};

use crate::{
    dialect::{aie4ml, scalar, sums},
    ir::Error,
    kernel::time::KernelVersion,
    mlir::{
        constant::defining_op,
        jit::{self, Spec},
        quant::Quantized,
        rewrite,
    },
    passes::outline_host_edges::{INPUT_SHAPES, OUTPUT_SHAPES},
    sim::Timing,
    tensor::{Dtype, Tensor},
};
use melior::ir::{
    Attribute, BlockLike, Module, OperationRef, Type, Value, ValueLike,
    attribute::{
        ArrayAttribute, DenseI64ArrayAttribute, DictionaryAttribute, StringAttribute, TypeAttribute,
    },
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
            } else if aie4ml::LAYERS.contains(&name)
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
        self.call_all(&iterations, true)
    }
}

/// A network that can be executed, with its interface.
pub struct Runner {
    pub level: Level,
    pub inputs: Vec<Interface>,
    pub outputs: Vec<Interface>,
    executable: Box<dyn Executable>,
    host: Host,
}

/// Where tensors enter and leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// As the model says; what the host computes is between there and the network.
    Model,
    /// At the network itself.
    Network,
}

impl Runner {
    /// Plugs in what executes; its tensors are as the interfaces state.
    pub fn new(
        level: Level,
        inputs: Vec<Interface>,
        outputs: Vec<Interface>,
        executable: Box<dyn Executable>,
    ) -> Self {
        Runner { level, inputs, outputs, executable, host: Host::default() }
    }

    /// The same, with what the host computes before and after it.
    pub fn with_host(self, host: Host) -> Self {
        Runner { host, ..self }
    }

    /// What goes in at an edge.
    pub fn inputs_at(&self, edge: Edge) -> &[Interface] {
        match (&self.host.before, edge) {
            (Some(before), Edge::Model) => &before.inputs,
            _ => &self.inputs,
        }
    }

    /// What comes out at an edge.
    pub fn outputs_at(&self, edge: Edge) -> &[Interface] {
        match (&self.host.after, edge) {
            (Some(after), Edge::Model) => &after.outputs,
            _ => &self.outputs,
        }
    }

    /// How far an output may be from what is expected, if nobody says: not at all, but for real
    /// numbers that the host computes in floats, such as a Softmax, and sums said as floats. These have the rounding of
    /// float32, in which other tools compute them: 2^-20 of the largest, or of 1.
    pub fn tolerance(&self, edge: Edge, index: usize, expected: &Tensor) -> f64 {
        let real = self
            .outputs_at(edge)
            .get(index)
            .is_some_and(|output| output.quantization.is_none() && output.native.is_float());
        // Sums of a last layer, said as floats: other tools add them up in float32.
        let sums = expected.dtype().is_float()
            && self
                .outputs_at(edge)
                .get(index)
                .and_then(|output| output.quantization)
                .is_some_and(|quantization| quantization.dtype.bytes() == 4);
        let on_host = self.host.after.is_some() && edge == Edge::Model;
        if !sums && !(real && (on_host || self.level == Level::Model)) {
            return 0.0;
        }
        let magnitudes = expected.numbers().into_iter().map(f64::abs).filter(|x| x.is_finite());
        magnitudes.fold(1.0, f64::max) * 2f64.powi(-20)
    }

    /// The edge that inputs are for: the model's if they are of its types.
    pub fn edge_of(&self, inputs: &[Tensor]) -> Edge {
        let Some(before) = &self.host.before else {
            // Codes mean the network's, where they can.
            let codes = !inputs.is_empty() && inputs.iter().all(|input| !input.dtype().is_float());
            let quantized = self.inputs.iter().any(|input| input.quantization.is_some());
            // A model that gives codes itself takes them, too.
            let of_codes = self.host.after.as_ref().is_some_and(|after| {
                let coded =
                    |output: &Interface| !output.native.is_float() && output.quantization.is_some();
                after.outputs.iter().all(coded)
            });
            return if codes && quantized && !of_codes { Edge::Network } else { Edge::Model };
        };
        let fits = |(interface, tensor): (&Interface, &Tensor)| {
            let (native, given) = (interface.native, tensor.dtype());
            native == given || native.is_float() && given.is_float()
        };
        let model =
            before.inputs.len() == inputs.len() && before.inputs.iter().zip(inputs).all(fits);
        // Codes of the model's own inputs, where those are no codes of the network.
        let taken = |interfaces: &[Interface]| {
            interfaces.len() == inputs.len()
                && interfaces.iter().zip(inputs).all(|(interface, tensor)| {
                    interface.has(Form::Codes) && interface.split(tensor).is_ok()
                })
        };
        let codes = !taken(&self.inputs) && taken(&before.inputs);
        if model || codes || inputs.len() != self.inputs.len() {
            Edge::Model
        } else {
            Edge::Network
        }
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
        let runner = Runner::new(level, inputs, outputs, Box::new(program));
        Ok(runner.with_host(Host::of(module)?))
    }

    /// Executes the network on floats or codes, told apart by their type.
    ///
    /// A leading extent that is a multiple of the network's batch is as many
    /// iterations. Outputs are of `form`, or else floats if every input is,
    /// where an output can be both. Codes are those of the network: what the host
    /// computes behind it is then left out.
    ///
    /// # Errors
    ///
    /// If an input is missing or of a shape, type or value that the network
    /// does not take, or an output does not exist in the form.
    pub fn run(&self, inputs: &[Tensor], form: Option<Form>) -> Result<Vec<Tensor>, Error> {
        self.run_to(inputs, &self.same(form), self.usual_edge(inputs, form))
    }

    /// One form for all outputs.
    fn same(&self, form: Option<Form>) -> Vec<Option<Form>> {
        let most = self.outputs.len().max(self.outputs_at(Edge::Model).len());
        vec![form; most]
    }

    /// Where outputs leave if nobody says so.
    pub fn usual_edge(&self, inputs: &[Tensor], form: Option<Form>) -> Edge {
        match form {
            Some(Form::Float) => Edge::Model,
            Some(Form::Codes) => Edge::Network,
            None => self.edge_of(inputs),
        }
    }

    /// The same, with outputs as they are at an edge, each in its form.
    ///
    /// # Errors
    ///
    /// As [`Runner::run`].
    pub fn run_to(
        &self,
        inputs: &[Tensor],
        forms: &[Option<Form>],
        edge: Edge,
    ) -> Result<Vec<Tensor>, Error> {
        let [iterations, around] = self.enter(inputs)?;
        let results = self.executable.execute(iterations)?;
        self.leave(results, around, inputs, forms, edge)
    }

    /// As [`Runner::run`], with the time that the array takes.
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
        self.run_timed_to(inputs, &self.same(form), self.usual_edge(inputs, form), how)
    }

    /// The same, with outputs as they are at an edge.
    ///
    /// # Errors
    ///
    /// As [`Runner::run_timed`].
    pub fn run_timed_to(
        &self,
        inputs: &[Tensor],
        forms: &[Option<Form>],
        edge: Edge,
        how: &Timed,
    ) -> Result<(Vec<Tensor>, Timing), Error> {
        let [iterations, around] = self.enter(inputs)?;
        let (results, timing) = self.executable.execute_timed(iterations, how)?;
        Ok((self.leave(results, around, inputs, forms, edge)?, timing))
    }

    /// The network's inputs of each iteration, and what the host keeps for afterwards.
    fn enter(&self, inputs: &[Tensor]) -> Result<[Vec<Vec<Tensor>>; 2], Error> {
        let edge = self.edge_of(inputs);
        let given = iterations(self.inputs_at(edge), inputs)?;
        let (Some(before), Edge::Model) = (&self.host.before, edge) else {
            return Ok([given, Vec::new()]);
        };
        let mut around = Vec::new();
        let mut entering = Vec::new();
        for mut results in before.call(&given, true)? {
            if results.len() < self.inputs.len() {
                return Err(error("bug: the host gives fewer values than the network takes"));
            }
            around.push(results.split_off(self.inputs.len()));
            let native = results.into_iter().zip(&self.inputs).map(|(tensor, interface)| {
                Ok(tensor.reinterpreted(interface.native)?.reshaped(interface.shape.clone())?)
            });
            entering.push(native.collect::<Result<_, Error>>()?);
        }
        Ok([entering, around])
    }

    /// The outputs of all iterations at an edge.
    fn leave(
        &self,
        results: Vec<Vec<Tensor>>,
        around: Vec<Vec<Tensor>>,
        inputs: &[Tensor],
        forms: &[Option<Form>],
        edge: Edge,
    ) -> Result<Vec<Tensor>, Error> {
        let (Some(after), Edge::Model) = (&self.host.after, edge) else {
            let floats = inputs.iter().all(|input| input.dtype().is_float());
            let whole = self.host.before.is_some() && edge == Edge::Model;
            let usual = if floats || whole { Form::Float } else { Form::Codes };
            return join(&self.outputs, results, forms, usual);
        };
        let mut around = around.into_iter();
        let mut leaving = Vec::new();
        for results in results {
            let all = results.into_iter().chain(around.next().unwrap_or_default());
            let all: Vec<Tensor> = all.collect();
            if all.len() != after.inputs.len() {
                return Err(error(
                    "the model's outputs are computed of its own inputs: give those, or expect codes",
                ));
            }
            let shaped = all.into_iter().zip(&after.inputs);
            let shaped = shaped.map(|(tensor, interface)| tensor.reshaped(interface.shape.clone()));
            leaving.push(shaped.collect::<Result<Vec<_>, _>>()?);
        }
        // A model of codes gives codes for codes.
        let floats = inputs.iter().all(|input| input.dtype().is_float())
            || after.outputs.iter().any(|output| output.native.is_float());
        let usual = if floats { Form::Float } else { Form::Codes };
        join(&after.outputs, after.call(&leaving, false)?, forms, usual)
    }
}

/// The inputs of each iteration.
fn iterations(interfaces: &[Interface], inputs: &[Tensor]) -> Result<Vec<Vec<Tensor>>, Error> {
    if inputs.len() != interfaces.len() {
        if interfaces.is_empty() {
            let given = inputs.len();
            return Err(error(format_args!("takes no inputs, but {given} are given")));
        }
        let names: Vec<_> = interfaces.iter().map(|input| format!("'{}'", input.name)).collect();
        return Err(error(format_args!(
            "needs a tensor for each input ({}), got {}",
            names.join(", "),
            inputs.len()
        )));
    }
    let mut iterations: Vec<Vec<Tensor>> = Vec::new();
    for (interface, input) in interfaces.iter().zip(inputs) {
        let parts = interface.split(input)?;
        if iterations.is_empty() {
            iterations = parts.iter().map(|_| Vec::new()).collect();
        }
        if parts.len() != iterations.len() {
            return Err(error(format_args!(
                "input '{}' has {} iterations, '{}' has {}",
                interface.name,
                parts.len(),
                interfaces[0].name,
                iterations.len()
            )));
        }
        for (iteration, part) in iterations.iter_mut().zip(parts) {
            iteration.push(part);
        }
    }
    if interfaces.is_empty() {
        iterations.push(Vec::new());
    }
    Ok(iterations)
}

/// The outputs of all iterations as one tensor each.
fn join(
    interfaces: &[Interface],
    results: Vec<Vec<Tensor>>,
    forms: &[Option<Form>],
    usual: Form,
) -> Result<Vec<Tensor>, Error> {
    let mut outputs: Vec<Vec<Tensor>> = interfaces.iter().map(|_| Vec::new()).collect();
    for result in results {
        if result.len() != interfaces.len() {
            return Err(error("bug: the network gave a wrong number of results"));
        }
        for (output, tensor) in outputs.iter_mut().zip(result) {
            output.push(tensor);
        }
    }
    interfaces
        .iter()
        .zip(outputs)
        .enumerate()
        .map(|(index, (interface, parts))| {
            let usual = if interface.has(usual) { usual } else { interface.native_form() };
            let form = forms.get(index).copied().flatten().unwrap_or(usual);
            interface.join(&parts, form)
        })
        .collect()
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
    let (input_shapes, output_shapes) = (shapes(func, INPUT_SHAPES), shapes(func, OUTPUT_SHAPES));
    let mut inputs = Vec::new();
    for i in 0..function.input_count() {
        let (Ok(r#type), Ok(argument)) = (function.input(i), body.argument(i)) else { continue };
        let border = entering(argument.into());
        let found = interface(func, "arg_attrs", i, "input", r#type, border)?;
        inputs.push(found.shaped(input_shapes.get(i)));
    }
    let returned = rewrite::ops(body).last().copied();
    let mut outputs = Vec::new();
    for i in 0..function.result_count() {
        let Ok(r#type) = function.result(i) else { continue };
        let border = returned.and_then(|op| op.operands().nth(i)).and_then(leaving);
        let found = interface(func, "res_attrs", i, "output", r#type, border)?;
        outputs.push(found.shaped(output_shapes.get(i)));
    }
    Ok((inputs, outputs))
}

/// Shapes of the model that an op says; none if it says none.
pub fn shapes(op: OperationRef, attribute: &str) -> Vec<Vec<usize>> {
    let shape = |attribute| {
        let extents = DenseI64ArrayAttribute::try_from(attribute).ok()?;
        (0..extents.len()).map(|i| usize::try_from(extents.element(i).ok()?).ok()).collect()
    };
    let list = op.attribute(attribute).ok().and_then(|a| ArrayAttribute::try_from(a).ok());
    let shapes = list.and_then(|list| {
        (0..list.len()).map(|i| list.element(i).ok().and_then(shape)).collect::<Option<_>>()
    });
    shapes.unwrap_or_default()
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
    Ok(Interface { name, shape, model_shape: None, native, quantization })
}

/// One scale for the whole tensor; codes of several have no common meaning here.
fn quantization(element: Type) -> Option<Quantization> {
    let quantized = Quantized::of(element)?;
    let &[(scale, zero_point)] = quantized.parameters.as_slice() else { return None };
    let dtype = Dtype::integer(scalar::width(quantized.storage), quantized.signed)?;
    Some(Quantization { scale, zero_point, range: (quantized.min, quantized.max), dtype })
}

/// The quantized element type that an argument is cast to, if all its uses agree.
fn entering<'c>(value: Value<'c, '_>) -> Option<Type<'c>> {
    let mut found = None;
    for user in rewrite::users(value) {
        let result = user.results().next()?;
        let element = if scalar::arranges(&user) {
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
    if scalar::arranges(&op) {
        leaving(source)
    } else if rewrite::is(&op, "quant.dcast") || rewrite::is(&op, "quant.scast") {
        Some(scalar::element(source.r#type()))
    } else {
        // What the host is given of a last layer.
        sums::of(op).map(|sums| sums.r#type(rewrite::context(op.location())))
    }
}
