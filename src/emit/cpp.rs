//! Kernel sources of a mapped network.

use crate::{
    dialect::{aie4ml::Layer, mapped},
    kernel::Role,
    mlir::{diagnostic::Result, rewrite, tools::Translation},
    plan::program,
};
use melior::ir::OperationRef;
use std::collections::BTreeMap;

/// One file per kernel instance of all functions of a module: name and text,
/// by name. A name ends in `.cc` and is otherwise that of the object file that
/// the array program links with.
pub fn kernels<'c>(module: OperationRef<'c, '_>) -> Result<'c, BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let Some(body) = rewrite::body(module) else { return Ok(files) };
    for func in rewrite::ops(body) {
        if !rewrite::is(&func, "func.func") || Layer::all(func).is_empty() {
            continue;
        }
        let (plan, _) = mapped::mapped(func, false)?;
        for layer in &plan.layers {
            for position in 0..layer.split.cascade {
                let kernel = program::kernel_of(layer, Role::of(position, layer.split.cascade));
                files.insert(format!("{}.cc", kernel.name()), kernel.source());
            }
        }
    }
    Ok(files)
}

/// `aie4ml-translate --aie4ml-to-cpp`: all files in one text, each behind a
/// line `//--- NAME`, as LLVM's `split-file` takes them apart.
pub struct KernelSources;

impl Translation for KernelSources {
    const NAME: &'static str = "aie4ml-to-cpp";
    const SUMMARY: &'static str = "Emit the kernels of a mapped network as C++";

    fn translate<'c>(module: OperationRef<'c, '_>) -> Result<'c, String> {
        let files = kernels(module)?;
        Ok(files.iter().map(|(name, text)| format!("//--- {name}\n{text}")).collect())
    }
}
