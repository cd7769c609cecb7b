//! A [`Program`] as MLIR: `@main` of `tosa` and `quant` operations.

use std::{
    collections::HashMap,
    rc::Rc,
    sync::{Arc, Mutex},
};

use melior::{
    Context,
    dialect::func,
    ir::{
        Attribute, Block, BlockLike, Identifier, Location, Module, Region, RegionLike, Type, Value,
        ValueLike,
        attribute::{
            ArrayAttribute, DenseElementsAttribute, DenseI32ArrayAttribute, DenseI64ArrayAttribute,
            DictionaryAttribute, FloatAttribute, IntegerAttribute, StringAttribute, TypeAttribute,
        },
        operation::{OperationBuilder, OperationLike},
        r#type::{FunctionType, IntegerType, RankedTensorType},
    },
};

use super::{
    super::Error,
    program::{Convolution, Kind, Operation, Program, Quantization, ValueId},
    quote,
    tensor::Element,
};
use crate::exact::Rounding;

// Constants are handed to MLIR as bytes, which it reads in the order of the host.
const _: () = assert!(cfg!(target_endian = "little"), "big-endian hosts are not supported");

/// The attribute that names an argument or a result of `@main`, as the model does.
const NAME: &str = "aie4ml.name";

/// The attribute of a quantization that rounds otherwise than to nearest, ties to even.
const ROUNDING: &str = "aie4ml.rounding";

/// Writes a program as a module.
///
/// `file` is the name of the model file, without its directory: the same model gives the same
/// module wherever it lies.
///
/// # Errors
///
/// A dialect is missing from the context, or the module does not verify, which is a defect of
/// this frontend.
pub fn emit<'c>(context: &'c Context, program: &Program, file: &str) -> Result<Module<'c>, Error> {
    for dialect in ["func", "quant", "tosa"] {
        context.get_or_load_dialect(dialect);
    }
    for operation in ["func.func", "quant.qcast", "tosa.matmul"] {
        if !context.is_registered_operation(operation) {
            let message = format!("the context does not know '{operation}': register all dialects");
            return Err(Error::new("", message));
        }
    }
    let file = Location::new(context, file, 0, 0);
    let emitter = Emitter { context, file, operators: &program.operators };
    let module = Module::new(emitter.file);
    let problems = Arc::new(Mutex::new(Vec::new()));
    let collected = problems.clone();
    let handler = context.attach_diagnostic_handler(move |diagnostic| {
        if let Ok(mut problems) = collected.lock() {
            problems.push(diagnostic.to_string());
        }
        true
    });
    let result = emitter.function(program).and_then(|function| {
        module.body().append_operation(function);
        if module.as_operation().verify() {
            Ok(module)
        } else {
            Err(Error::new("", "bug in the ONNX frontend: the module does not verify"))
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

struct Emitter<'c, 'p> {
    context: &'c Context,
    file: Location<'c>,
    operators: &'p HashMap<Rc<str>, Rc<str>>,
}

impl<'c> Emitter<'c, '_> {
    fn function(&self, program: &Program) -> Result<melior::ir::Operation<'c>, Error> {
        let mut inputs = Vec::new();
        let mut types = Vec::new();
        for port in &program.inputs {
            let element = self.element(port.element);
            let tensor = tensor(&port.shape, element);
            types.push(tensor);
            inputs.push((tensor, self.location(&port.name)));
        }
        let block = Block::new(&inputs);
        // Indexed as the program's values; those nobody needs stay empty.
        let mut values: Vec<Option<Value>> = Vec::new();
        for (index, live) in program.live().into_iter().enumerate() {
            values.push(if live {
                Some(self.value(program, index, &values, &block)?)
            } else {
                None
            });
        }
        let mut results = Vec::new();
        for (name, id) in &program.outputs {
            let value = values.get(id.index()).copied().flatten();
            results
                .push(value.ok_or_else(|| bug(&format!("output {} has no value", quote(name))))?);
        }
        block.append_operation(func::r#return(&results, self.file));
        let result_types: Vec<Type> = results.iter().map(|value| value.r#type()).collect();
        drop((values, results));

        let region = Region::new();
        region.append_block(block);
        let names = |names: Vec<&str>| self.names(&names);
        let attributes = [
            ("arg_attrs", names(program.inputs.iter().map(|i| i.name.as_str()).collect())),
            ("res_attrs", names(program.outputs.iter().map(|(name, _)| name.as_str()).collect())),
        ];
        Ok(func::func(
            self.context,
            StringAttribute::new(self.context, "main"),
            TypeAttribute::new(FunctionType::new(self.context, &types, &result_types).into()),
            region,
            &attributes.map(|(name, attribute)| (self.identifier(name), attribute)),
            self.file,
        ))
    }

    /// Appends the operation of one value, whose operands are in `values`.
    fn value<'a>(
        &self,
        program: &Program,
        index: usize,
        values: &[Option<Value<'c, 'a>>],
        block: &'a Block<'c>,
    ) -> Result<Value<'c, 'a>, Error> {
        let value = &program.values[index];
        let location = self.location(&value.node);
        let operand = |id: ValueId| {
            let operand = values.get(id.index()).copied().flatten();
            operand.ok_or_else(|| bug(&format!("{} has no operand", quote(&value.node))))
        };
        let element = match &value.kind {
            Kind::Float | Kind::Whole(_) => Type::float32(self.context),
            Kind::Integer(element) => self.element(*element),
            Kind::Quantized(quantization) => {
                let located = |error: Error| error.within(&format!("node {}", quote(&value.node)));
                self.quantized(quantization).map_err(located)?
            }
        };
        let at = At { emitter: self, block, result: tensor(&value.shape, element), location };
        match &value.operation {
            Operation::Input(index) => match block.argument(*index) {
                Ok(argument) => Ok(argument.into()),
                Err(error) => Err(bug(&error.to_string())),
            },
            Operation::Constant(constant) => {
                let values = if constant.element == Element::Bool {
                    // How MLIR packs them is its own affair.
                    let bool = |&byte: &u8| IntegerAttribute::new(element, byte.into()).into();
                    let bools: Vec<Attribute> = constant.bytes().iter().map(bool).collect();
                    DenseElementsAttribute::new(at.result, &bools)
                        .map_err(|error| bug(&error.to_string()))?
                } else {
                    DenseElementsAttribute::raw_buffer(at.result, constant.bytes())
                };
                at.constant(values, at.result)
            }
            Operation::Same(x) => operand(*x),
            Operation::Quantize(x, rounding) => {
                let name = StringAttribute::new(self.context, rounding.name()).into();
                let attributes = [(ROUNDING, name)];
                // Ties to even are what the op means.
                let named = *rounding != Rounding::NearestEven;
                at.op("quant.qcast", &[operand(*x)?], if named { &attributes } else { &[] })
            }
            Operation::Dequantize(x) => at.op("quant.dcast", &[operand(*x)?], &[]),
            Operation::Reinterpret(x) => at.op("quant.scast", &[operand(*x)?], &[]),
            Operation::Cast(x) => at.op("tosa.cast", &[operand(*x)?], &[]),
            Operation::Reshape(x) => {
                let shape = at.shape(&value.shape)?;
                at.op("tosa.reshape", &[operand(*x)?, shape], &[])
            }
            Operation::Transpose(x, permutation) => {
                let permutation: Vec<i32> = permutation.iter().map(|&d| d as i32).collect();
                let permutation = DenseI32ArrayAttribute::new(self.context, &permutation);
                at.op("tosa.transpose", &[operand(*x)?], &[("perms", permutation.into())])
            }
            Operation::Slice(x, start) => {
                let (start, size) = (at.shape(start)?, at.shape(&value.shape)?);
                at.op("tosa.slice", &[operand(*x)?, start, size], &[])
            }
            Operation::Reverse(x, axis) => {
                at.op("tosa.reverse", &[operand(*x)?], &[at.axis(*axis)])
            }
            Operation::Tile(x, times) => {
                let times = at.shape(times)?;
                at.op("tosa.tile", &[operand(*x)?, times], &[])
            }
            Operation::Pad(x, pads, with) => {
                let pads = at.shape(pads.as_flattened())?;
                let with = at.float(&[1], *with)?;
                at.op("tosa.pad", &[operand(*x)?, pads, with], &[])
            }
            Operation::Concat(parts, axis) => {
                let parts =
                    parts.iter().map(|&part| operand(part)).collect::<Result<Vec<_>, _>>()?;
                at.op("tosa.concat", &parts, &[at.axis(*axis)])
            }
            Operation::MatMul(a, b) => {
                let zero_point = at.float(&[1], 0.0)?;
                at.op("tosa.matmul", &[operand(*a)?, operand(*b)?, zero_point, zero_point], &[])
            }
            Operation::Unary(name @ "tosa.negate", x) => {
                let zero_point = at.float(&[1], 0.0)?;
                at.op(name, &[operand(*x)?, zero_point, zero_point], &[])
            }
            Operation::Unary(name, x) => at.op(name, &[operand(*x)?], &[]),
            Operation::Binary(name @ "tosa.mul", a, b) => {
                let shifts = tensor(&[1], IntegerType::new(self.context, 8).into());
                let shift = at.constant(DenseElementsAttribute::i8_values(shifts, &[0]), shifts)?;
                at.op(name, &[operand(*a)?, operand(*b)?, shift], &[])
            }
            Operation::Binary(name, a, b) => at.op(name, &[operand(*a)?, operand(*b)?], &[]),
            Operation::Select(condition, a, b) => {
                at.op("tosa.select", &[operand(*condition)?, operand(*a)?, operand(*b)?], &[])
            }
            Operation::Clamp { operand: x, low, high } => {
                let bound =
                    |bound: f32| FloatAttribute::new(self.context, element, bound.into()).into();
                at.op(
                    "tosa.clamp",
                    &[operand(*x)?],
                    &[("min_val", bound(*low)), ("max_val", bound(*high))],
                )
            }
            Operation::Reduce(name, x, axis) => at.op(name, &[operand(*x)?], &[at.axis(*axis)]),
            Operation::ArgMax(x, axis) => at.op("tosa.argmax", &[operand(*x)?], &[at.axis(*axis)]),
            Operation::Convolution { kind, operands, pads, strides, dilations } => {
                let zero_point = at.float(&[1], 0.0)?;
                let mut operands =
                    operands.iter().map(|&x| operand(x)).collect::<Result<Vec<_>, _>>()?;
                operands.extend([zero_point, zero_point]);
                let sums = TypeAttribute::new(Type::float32(self.context)).into();
                let (name, pad) = match kind {
                    Convolution::Full => ("tosa.conv2d", "pad"),
                    Convolution::Depthwise => ("tosa.depthwise_conv2d", "pad"),
                    Convolution::Transposed => ("tosa.transpose_conv2d", "out_pad"),
                };
                let mut attributes =
                    vec![("acc_type", sums), (pad, at.list(pads)), ("stride", at.list(strides))];
                if *kind != Convolution::Transposed {
                    attributes.push(("dilation", at.list(dilations)));
                }
                at.op(name, &operands, &attributes)
            }
            Operation::Pool { name, operand: x, kernel, pads, strides } => {
                let mut attributes = vec![
                    ("kernel", at.list(kernel)),
                    ("pad", at.list(pads)),
                    ("stride", at.list(strides)),
                ];
                let mut operands = vec![operand(*x)?];
                if *name == "tosa.avg_pool2d" {
                    let zero_point = at.float(&[1], 0.0)?;
                    operands.extend([zero_point, zero_point]);
                    let sums = TypeAttribute::new(Type::float32(self.context)).into();
                    attributes.push(("acc_type", sums));
                }
                at.op(name, &operands, &attributes)
            }
        }
    }

    fn append<'a>(
        &self,
        block: &'a Block<'c>,
        name: &str,
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
        result: Type<'c>,
        location: Location<'c>,
    ) -> Result<Value<'c, 'a>, Error> {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(name, attribute)| (self.identifier(name), *attribute))
            .collect();
        let operation = OperationBuilder::new(name, location)
            .add_operands(operands)
            .add_attributes(&attributes)
            .add_results(&[result])
            .build()
            .map_err(|error| bug(&format!("cannot build '{name}': {error}")))?;
        let result = block.append_operation(operation).result(0);
        result.map(Into::into).map_err(|error| bug(&error.to_string()))
    }

    /// The type of stored elements. MLIR's have no sign: where it matters, the type of the
    /// quantized tensor says it.
    fn element(&self, element: Element) -> Type<'c> {
        match element {
            Element::F64 => Type::float64(self.context),
            float if float.is_float() => Type::float32(self.context),
            Element::Bool => IntegerType::new(self.context, 1).into(),
            integer => IntegerType::new(self.context, 8 * integer.bytes() as u32).into(),
        }
    }

    /// `!quant.uniform<i8:f32, 6.25e-2>`.
    fn quantized(&self, quantization: &Quantization) -> Result<Type<'c>, Error> {
        let storage = quantization.storage;
        let sign = if storage.is_signed() { 'i' } else { 'u' };
        let mut text = format!("!quant.uniform<{sign}{}", 8 * storage.bytes());
        // Storage of 4 bits is bytes in use by half.
        if quantization.range != storage.range() || storage.bits() < 8 {
            let (low, high) = quantization.range;
            text += &format!("<{low}:{high}>");
        }
        text += ":f32";
        let parameters: Vec<_> = quantization
            .parameters
            .iter()
            .map(|&(scale, zero_point)| {
                let scale = float_text(scale);
                if zero_point == 0 { scale } else { format!("{scale}:{zero_point}") }
            })
            .collect();
        match quantization.axis {
            None => text += &format!(", {}>", parameters.join(", ")),
            Some(axis) => text += &format!(":{axis}, {{{}}}>", parameters.join(", ")),
        }
        Type::parse(self.context, &text)
            .ok_or_else(|| Error::new("", format!("MLIR cannot express the quantized type {text}")))
    }

    fn names(&self, names: &[&str]) -> Attribute<'c> {
        let dictionaries: Vec<Attribute> = names
            .iter()
            .map(|name| {
                let name = StringAttribute::new(self.context, name).into();
                DictionaryAttribute::new(self.context, &[(self.identifier(NAME), name)]).into()
            })
            .collect();
        ArrayAttribute::new(self.context, &dictionaries).into()
    }

    /// The node's name, with its operator, if it has one, behind it.
    fn location(&self, node: &str) -> Location<'c> {
        let inner = match self.operators.get(node) {
            Some(operator) => Location::name(self.context, operator, self.file),
            None => self.file,
        };
        Location::name(self.context, node, inner)
    }

    fn identifier(&self, name: &str) -> Identifier<'c> {
        Identifier::new(self.context, name)
    }
}

/// Where one value is emitted.
struct At<'e, 'c, 'a> {
    emitter: &'e Emitter<'c, 'e>,
    block: &'a Block<'c>,
    result: Type<'c>,
    location: Location<'c>,
}

impl<'c, 'a> At<'_, 'c, 'a> {
    /// The operation that makes the value.
    fn op(
        &self,
        name: &str,
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
    ) -> Result<Value<'c, 'a>, Error> {
        self.emitter.append(self.block, name, operands, attributes, self.result, self.location)
    }

    fn constant(
        &self,
        values: DenseElementsAttribute<'c>,
        r#type: Type<'c>,
    ) -> Result<Value<'c, 'a>, Error> {
        let attributes = [("values", values.into())];
        self.emitter.append(self.block, "tosa.const", &[], &attributes, r#type, self.location)
    }

    /// A constant of one float.
    fn float(&self, shape: &[u64], value: f32) -> Result<Value<'c, 'a>, Error> {
        let r#type = tensor(shape, Type::float32(self.emitter.context));
        self.constant(DenseElementsAttribute::f32_values(r#type, &[value]), r#type)
    }

    /// A list of extents as a value.
    fn shape(&self, extents: &[u64]) -> Result<Value<'c, 'a>, Error> {
        let context = self.emitter.context;
        let rank = extents.len();
        let extents: Vec<i64> = extents.iter().map(|&extent| extent as i64).collect();
        let list = tensor(&[rank as u64], Type::index(context));
        let extents = DenseElementsAttribute::i64_values(list, &extents);
        let shape = Type::parse(context, &format!("!tosa.shape<{rank}>"))
            .ok_or_else(|| bug("tosa has no shape type"))?;
        let attributes = [("values", extents.into())];
        self.emitter.append(self.block, "tosa.const_shape", &[], &attributes, shape, self.location)
    }

    fn list(&self, values: &[u64]) -> Attribute<'c> {
        let values: Vec<i64> = values.iter().map(|&value| value as i64).collect();
        DenseI64ArrayAttribute::new(self.emitter.context, &values).into()
    }

    fn axis(&self, axis: usize) -> (&'static str, Attribute<'c>) {
        let i32 = IntegerType::new(self.emitter.context, 32).into();
        ("axis", IntegerAttribute::new(i32, axis as i64).into())
    }
}

fn tensor<'c>(shape: &[u64], element: Type<'c>) -> Type<'c> {
    RankedTensorType::new(shape, element, None).into()
}

/// The exact value, written as MLIR reads floats: with a decimal point.
fn float_text(value: f32) -> String {
    let text = format!("{:e}", f64::from(value));
    match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        _ => text,
    }
}

fn bug(message: &str) -> Error {
    Error::new("", format!("bug in the ONNX frontend: {message}"))
}
