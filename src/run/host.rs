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

/// A function that the host executes.
pub struct Part {
    program: jit::Program,
    pub inputs: Vec<Interface>,
    pub outputs: Vec<Interface>,
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

impl Part {
    fn of(func: OperationRef) -> Result<Self, Error> {
        let module = Module::new(func.location());
        module.body().append_operation((*func).clone());
        let (inputs, outputs) = interfaces(&module)?;
        Ok(Part { program: jit::Program::compile(&module)?, inputs, outputs })
    }

    /// Executes it once per list of inputs. Real values come and go in all their bits.
    pub fn call(&self, iterations: &[Vec<Tensor>], wide: bool) -> Result<Vec<Vec<Tensor>>, Error> {
        iterations.iter().map(|inputs| self.program.call_as(inputs, wide)).collect()
    }
}
