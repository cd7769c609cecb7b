//! TensorFlow Lite models of integers: full integer quantization, as the reference kernels
//! compute it.
//!
//! The file becomes plain structures (`file`), and each operator of those (`operators`) ops of
//! `tosa` on integers (`ir`), which round where the reference kernels round (`arithmetic`):
//!
//! | TFLite | MLIR |
//! |---|---|
//! | `FULLY_CONNECTED` | `tosa.matmul` of rank 3, `tosa.add` of the bias, `tosa.rescale`, `tosa.clamp` |
//! | `CONV_2D`, `DEPTHWISE_CONV_2D` | `tosa.conv2d`, `tosa.depthwise_conv2d`, `tosa.rescale`, `tosa.clamp` |
//! | `ADD`, `SUB`, `MUL` | `tosa.rescale` of both, `tosa.add`, `tosa.sub`, `tosa.mul`, `tosa.rescale`, `tosa.clamp` |
//! | `AVERAGE_POOL_2D`, `MAX_POOL_2D` | `tosa.avg_pool2d`, `tosa.max_pool2d`, `tosa.clamp` |
//! | `MEAN` | `tosa.rescale`, `tosa.reduce_sum`, `tosa.rescale` |
//! | `RELU`, `RELU6`, ..., `QUANTIZE` of codes | `tosa.rescale`, `tosa.clamp` |
//! | `LOGISTIC`, `TANH` | `tosa.table` |
//! | `SOFTMAX` | about seventy ops of `tosa`, on integers |
//! | `RESHAPE`, `TRANSPOSE`, `PAD`, `CONCATENATION`, ... | `tosa.reshape`, `tosa.transpose`, `tosa.pad`, `tosa.concat` |
//!
//! Arguments and results of `@main` are the codes of the model's own interface; `aie4ml.quant`
//! says what they mean. Where the model takes or gives floats and its first operator is
//! `QUANTIZE`, its last `DEQUANTIZE`, these two become that attribute. An op's location is the
//! name of the tensor that its operator makes.

mod arithmetic;
mod edges;
mod exponential;
mod file;
mod ir;
mod operators;
mod tensor;

#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use melior::{
    Context,
    dialect::func,
    ir::{
        Attribute, Block, BlockLike, Identifier, Location, Module, Region, RegionLike, Type, Value,
        ValueLike,
        attribute::{ArrayAttribute, DictionaryAttribute, StringAttribute, TypeAttribute},
        operation::OperationLike,
        r#type::FunctionType,
    },
};

use super::{Error, Options};
use crate::mlir::quant::Uniform;
use edges::{Edge, Edges};
use file::Model;
use ir::{Ir, bug};
use operators::Lowering;

/// Imports a TensorFlow Lite file. [`super::import`] says what the context must know.
///
/// A first dimension that the file leaves open has the extent of the options, or else the one that
/// the file gives it, which is 1.
///
/// # Errors
///
/// The file cannot be read, is not a TFLite model, or holds one that is not supported; the
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

/// Imports the bytes of a TensorFlow Lite file. `name` goes into the module's locations.
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
    let mut model = Model::read(bytes)?;
    if let Some(batch) = options.batch {
        model.set_batch(batch)?;
    }
    for dialect in ["func", "quant", "tosa"] {
        context.get_or_load_dialect(dialect);
    }
    for operation in ["func.func", "quant.qcast", "tosa.matmul"] {
        if !context.is_registered_operation(operation) {
            let message = format!("the context does not know '{operation}': register all dialects");
            return Err(Error::new("", message));
        }
    }
    let file = Location::new(context, name, 0, 0);
    let module = Module::new(file);
    let problems = Arc::new(Mutex::new(Vec::new()));
    let collected = problems.clone();
    let handler = context.attach_diagnostic_handler(move |diagnostic| {
        if let Ok(mut problems) = collected.lock() {
            problems.push(diagnostic.to_string());
        }
        true
    });
    let result = function(context, &model, file).and_then(|function| {
        module.body().append_operation(function);
        if module.as_operation().verify() {
            Ok(module)
        } else {
            Err(bug("the module does not verify"))
        }
    });
    context.detach_diagnostic_handler(handler);
    result.map_err(|mut error| {
        let problems = problems.lock().map(|problems| problems.join("; ")).unwrap_or_default();
        if !problems.is_empty() {
            error.message = format!("{}: {problems}", error.message);
        }
        error
    })
}

/// `@main`.
fn function<'c>(
    context: &'c Context,
    model: &Model,
    file: Location<'c>,
) -> Result<melior::ir::Operation<'c>, Error> {
    let edges = Edges::of(model)?;
    let mut inputs = Vec::new();
    let mut argument_attributes = Vec::new();
    for edge in &edges.inputs {
        let port = Port::of(context, model, edge, "input")?;
        let name = &model.tensors[edge.tensor].name;
        inputs.push((port.r#type, Location::name(context, name, file)));
        argument_attributes.push(port.attributes);
    }
    let block = Block::new(&inputs);
    let ir = Ir { context, block: &block, location: file };
    let mut lowering = Lowering::new(ir, model, file, &edges.inputs)?;
    for (operator, at_edge) in model.operators.iter().zip(&edges.operators) {
        if !at_edge {
            lowering.operator(operator)?;
        }
    }
    let mut results = Vec::new();
    let mut result_attributes = Vec::new();
    for edge in &edges.outputs {
        let port = Port::of(context, model, edge, "output")?;
        results.push(lowering.output(edge)?);
        result_attributes.push(port.attributes);
    }
    block.append_operation(func::r#return(&results, file));
    let result_types: Vec<Type> = results.iter().map(Value::r#type).collect();
    drop((lowering, results));

    let region = Region::new();
    region.append_block(block);
    let types: Vec<Type> = inputs.iter().map(|(r#type, _)| *r#type).collect();
    let list = |attributes: &[Attribute<'c>]| ArrayAttribute::new(context, attributes).into();
    let attributes =
        [("arg_attrs", list(&argument_attributes)), ("res_attrs", list(&result_attributes))];
    Ok(func::func(
        context,
        StringAttribute::new(context, "main"),
        TypeAttribute::new(FunctionType::new(context, &types, &result_types).into()),
        region,
        &attributes.map(|(name, attribute)| (Identifier::new(context, name), attribute)),
        file,
    ))
}

/// An argument or result of `@main`.
struct Port<'c> {
    r#type: Type<'c>,
    /// Its name, and what its codes mean.
    attributes: Attribute<'c>,
}

impl<'c> Port<'c> {
    fn of(context: &'c Context, model: &Model, edge: &Edge, kind: &str) -> Result<Port<'c>, Error> {
        let (named, tensor) = (&model.tensors[edge.tensor], &model.tensors[edge.codes]);
        let within = |error: Error| error.within(&format!("{kind} {}", quote(&named.name)));
        let codes = tensor.codes().map_err(within)?;
        let (min, max) = codes.element.range();
        let bits = codes.element.bits();
        let quant = Uniform {
            bits,
            signed: min < 0,
            scale: codes.scale.into(),
            zero_point: codes.zero_point,
            min,
            max,
        };
        let name = StringAttribute::new(context, &named.name).into();
        let quant = TypeAttribute::new(quant.r#type(context)).into();
        let attributes = [("aie4ml.name", name), ("aie4ml.quant", quant)]
            .map(|(name, attribute)| (Identifier::new(context, name), attribute));
        Ok(Port {
            r#type: ir::tensor(
                &tensor.shape,
                melior::ir::r#type::IntegerType::new(context, bits).into(),
            ),
            attributes: DictionaryAttribute::new(context, &attributes).into(),
        })
    }
}

/// A name from the file between quotes, printable on one line.
fn quote(name: &str) -> String {
    format!("'{}'", name.escape_debug())
}
