//! What the host computes before and after a network: functions that `aie4ml-outline-host-edges`
//! took out of it.

use super::{Interface, interfaces};
use crate::{
    ir::Error,
    mlir::{constant, jit, rewrite},
    passes::outline_host_edges::{AFTER, BEFORE, HOST},
    tensor::Tensor,
};
use melior::ir::{BlockLike, Module, OperationRef, operation::OperationLike};
use std::{fmt, str::FromStr};

/// A function that the host executes.
pub struct Part {
    program: jit::Program,
    pub inputs: Vec<Interface>,
    pub outputs: Vec<Interface>,
}

/// Which part of the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    Before,
    After,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Stage::Before => "before",
            Stage::After => "after",
        })
    }
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Stage::Before, Stage::After];
        let found = all.into_iter().find(|stage| stage.to_string() == name);
        found.ok_or_else(|| "before or after".into())
    }
}

/// Both parts of the host; either may be missing.
#[derive(Default)]
pub struct Host {
    pub before: Option<Part>,
    pub after: Option<Part>,
}

/// The modules of host functions in a module, or it itself.
pub fn modules<'c, 'a>(module: &'a Module<'c>) -> Vec<OperationRef<'c, 'a>> {
    let is_host = |op: &OperationRef| rewrite::is(op, "builtin.module") && op.has_attribute(HOST);
    let own = module.as_operation();
    if is_host(&own) {
        return vec![own];
    }
    rewrite::ops(module.body()).into_iter().filter(is_host).collect()
}

impl Host {
    /// What a module says of the host.
    ///
    /// # Errors
    ///
    /// If a function cannot be executed.
    pub fn of(module: &Module) -> Result<Self, Error> {
        let mut host = Host::default();
        for op in modules(module) {
            let functions = rewrite::body(op).map(rewrite::ops).unwrap_or_default();
            for func in functions {
                match func.attribute("sym_name").ok().and_then(constant::text) {
                    Some(BEFORE) => host.before = Some(Part::of(func)?),
                    Some(AFTER) => host.after = Some(Part::of(func)?),
                    _ => {}
                }
            }
        }
        Ok(host)
    }
}

/// What goes in and out of the functions of the host: inputs and outputs of each that there is.
#[derive(Default)]
pub struct Edges {
    pub before: Option<[Vec<Interface>; 2]>,
    pub after: Option<[Vec<Interface>; 2]>,
}

/// The edges of the host's functions in a module.
///
/// # Errors
///
/// If a function cannot be executed.
pub fn edges(module: &Module) -> Result<Edges, Error> {
    let mut edges = Edges::default();
    for op in modules(module) {
        for func in rewrite::body(op).map(rewrite::ops).unwrap_or_default() {
            let found = || interfaces(&alone(func)).map(|(inputs, outputs)| [inputs, outputs]);
            match func.attribute("sym_name").ok().and_then(constant::text) {
                Some(BEFORE) => edges.before = Some(found()?),
                Some(AFTER) => edges.after = Some(found()?),
                _ => {}
            }
        }
    }
    Ok(edges)
}

/// A module that holds nothing but the function.
fn alone<'c>(func: OperationRef<'c, '_>) -> Module<'c> {
    let module = Module::new(func.location());
    module.body().append_operation((*func).clone());
    module
}

impl Host {
    /// Runs one part alone, as many times as its inputs are long: the model's inputs to what
    /// enters the network and what passes it by, or these to the model's outputs.
    ///
    /// Real values come and go in all their bits, codes as the network has them; only the model's own
    /// values are of its types.
    ///
    /// # Errors
    ///
    /// If there is no such part, or it does not take the inputs.
    pub fn run(&self, stage: Stage, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        let part = match stage {
            Stage::Before => &self.before,
            Stage::After => &self.after,
        };
        let nothing =
            || Error::new("", format_args!("the host computes nothing {stage} the array"));
        let part = part.as_ref().ok_or_else(nothing)?;
        let results = match stage {
            Stage::Before => part.call(&super::iterations(&part.inputs, inputs)?, true)?,
            Stage::After => part.call(&part.cut(inputs)?, false)?,
        };
        let outputs = part.outputs.iter().enumerate().map(|(index, interface)| {
            let parts: Vec<Tensor> =
                results.iter().filter_map(|result| result.get(index).cloned()).collect();
            match stage {
                Stage::Before => Ok(Tensor::concatenate(&parts)?),
                Stage::After => interface.join(&parts, interface.native_form()),
            }
        });
        outputs.collect()
    }
}

impl Part {
    /// Iterations of values that are what they are.
    fn cut(&self, inputs: &[Tensor]) -> Result<Vec<Vec<Tensor>>, Error> {
        let mut iterations: Vec<Vec<Tensor>> = Vec::new();
        if inputs.len() != self.inputs.len() {
            let (needs, given) = (self.inputs.len(), inputs.len());
            return Err(Error::new("", format_args!("needs {needs} inputs, got {given}")));
        }
        for (interface, tensor) in self.inputs.iter().zip(inputs) {
            let size: usize = interface.shape.iter().product();
            let count = tensor.len().checked_div(size).unwrap_or(0);
            let fits = count * size == tensor.len()
                && count > 0
                && (iterations.is_empty() || iterations.len() == count);
            if !fits {
                return Err(Error::new(
                    format_args!("input '{}'", interface.name),
                    format_args!("needs {} values of each iteration, got {tensor}", size),
                ));
            }
            iterations.resize(count, Vec::new());
            let flat = tensor.clone().reshaped(vec![count, size])?;
            for (iteration, part) in iterations.iter_mut().zip(flat.split(1)?) {
                iteration.push(part.reshaped(interface.shape.clone())?);
            }
        }
        Ok(iterations)
    }

    fn of(func: OperationRef) -> Result<Self, Error> {
        let module = alone(func);
        let (inputs, outputs) = interfaces(&module)?;
        Ok(Part { program: jit::Program::compile(&module)?, inputs, outputs })
    }

    /// Executes it once per list of inputs. Real values come and go in all their bits; codes may be
    /// narrower than the model had them.
    pub fn call(&self, iterations: &[Vec<Tensor>], wide: bool) -> Result<Vec<Vec<Tensor>>, Error> {
        let call = |inputs: &Vec<Tensor>| {
            let inputs = inputs.iter().cloned().zip(&self.inputs);
            let inputs = inputs.map(|(tensor, interface)| tensor.widened(interface.native));
            self.program.call_as(&inputs.collect::<Result<Vec<_>, _>>()?, wide)
        };
        iterations.iter().map(call).collect()
    }
}
