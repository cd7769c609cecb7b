//! Running a network by MLIR's own JIT.
//!
//! **Invariant:** compiled code gets exactly the memory that its function
//! type says, and only ops that stay within the tensors they are given are
//! compiled.
#![allow(unsafe_code)]

use super::{constant, copy, diagnostic::fail, ffi::string_ref, quant::Quantized, rewrite, tools};
use crate::{
    dialect::{aie4ml, scalar},
    ir::{self, Error},
    tensor::{self, Dtype, Shape, Tensor},
};
use melior::ir::{
    Attribute, Module, OperationRef, ShapedTypeLike, Type, TypeLike, Value, ValueLike,
    attribute::StringAttribute,
    operation::OperationLike,
    r#type::{IntegerType, RankedTensorType},
};
use mlir_sys::{
    MlirExecutionEngine, mlirExecutionEngineCreate, mlirExecutionEngineDestroy,
    mlirExecutionEngineLookupPacked,
};
use std::{cell::OnceCell, ffi::c_void};

/// From any executable level to LLVM.
///
/// Results are copied, not hoisted: `hoist-static-allocs` of LLVM 22 uses a freed allocation when
/// a function returns it twice (llvm/llvm-project#219492).
const PIPELINE: &str = "builtin.module(\
    func.func(\
        aie4ml-lower-quant,\
        tosa-optional-decompositions,tosa-to-linalg-named,tosa-to-linalg,tosa-to-arith{include-apply-rescale=true},tosa-to-tensor,\
        aie4ml-widen-floats,convert-aie4ml-to-linalg),\
    canonicalize,cse,\
    one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map},\
    buffer-results-to-out-params{modify-public-functions=true},\
    ownership-based-buffer-deallocation,canonicalize,buffer-deallocation-simplification,\
    bufferization-lower-deallocations,cse,canonicalize,\
    func.func(convert-linalg-to-loops),\
    expand-strided-metadata,lower-affine,convert-scf-to-cf,arith-expand,\
    convert-math-to-llvm,convert-math-to-libm,finalize-memref-to-llvm,convert-func-to-llvm,\
    convert-arith-to-llvm,convert-index-to-llvm,convert-cf-to-llvm,reconcile-unrealized-casts)";

/// Dialects whose ops compute on whole tensors or scalars.
const DIALECTS: [&str; 9] =
    ["builtin", "func", "arith", "math", "tensor", "linalg", "tosa", "quant", "aie4ml"];

/// Ops of these dialects that could fault, read or write what is not theirs, or not end.
const REFUSED: [&str; 26] = [
    "func.call",
    "func.call_indirect",
    "func.constant",
    "arith.divsi",
    "arith.divui",
    "arith.remsi",
    "arith.remui",
    "arith.ceildivsi",
    "arith.ceildivui",
    "arith.floordivsi",
    "tensor.extract",
    "tensor.insert",
    "tensor.gather",
    "tensor.scatter",
    "tensor.generate",
    "tensor.reshape",
    "tensor.bitcast",
    "tensor.parallel_insert_slice",
    "tosa.intdiv",
    "tosa.scatter",
    "tosa.custom",
    "tosa.cond_if",
    "tosa.while_loop",
    "tosa.variable",
    "tosa.variable_read",
    "tosa.variable_write",
];

/// Ops that upstream computes when their operands are constants.
const COMPUTED: [&str; 7] = [
    "tosa.add",
    "tosa.sub",
    "tosa.mul",
    "tosa.pow",
    "tosa.reciprocal",
    "tosa.exp",
    "tosa.reduce_sum",
];

/// Bytes of the largest tensor that is executed.
const LARGEST: usize = 1 << 32;

fn error(text: impl std::fmt::Display) -> Error {
    Error::new("", text)
}

/// Multiplications of one run from which on LLVM's optimizer pays: it takes
/// some hundred milliseconds per layer, and saves about a nanosecond each.
const OPTIMIZED_FROM: usize = 1_000_000_000;

/// Shape and element type of an argument or a result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spec {
    pub shape: Vec<usize>,
    /// Unsigned only if the type says so: a signless integer counts as signed.
    pub dtype: Dtype,
}

impl Spec {
    /// # Errors
    ///
    /// If the type is not a static tensor of floats, integers or codes.
    pub fn of(r#type: Type) -> Result<Self, Error> {
        let refuse = || {
            error(format_args!(
                "'{}' cannot be executed: expected a static tensor of f32, f64 or integers",
                r#type
            ))
        };
        let tensor = RankedTensorType::try_from(r#type).map_err(|_| refuse())?;
        let shape = aie4ml::shape(tensor).ok_or_else(refuse)?;
        let element = tensor.element();
        let dtype = if element.is_f32() {
            Some(Dtype::F32)
        } else if element.is_f64() {
            Some(Dtype::F64)
        } else if let Some(quantized) = Quantized::of(element) {
            Dtype::integer(scalar::width(quantized.storage), quantized.signed)
        } else if let Ok(integer) = IntegerType::try_from(element) {
            Dtype::integer(integer.width(), !integer.is_unsigned())
        } else {
            None
        };
        Ok(Spec { shape, dtype: dtype.ok_or_else(refuse)? })
    }
}

/// The function of a module that is executed: `@main`, or the only one.
///
/// # Errors
///
/// If there is no such function, or it is only declared.
pub fn entry<'c, 'a>(module: &'a Module<'c>) -> Result<OperationRef<'c, 'a>, Error> {
    let functions: Vec<_> =
        rewrite::ops(module.body()).into_iter().filter(|op| rewrite::is(op, "func.func")).collect();
    let main = functions.iter().find(|op| name(**op) == "main");
    let found = match (main, functions.as_slice()) {
        (Some(main), _) => *main,
        (None, [only]) => *only,
        (None, []) => return Err(error("the module has no function")),
        (None, _) => return Err(error("the module has several functions and none is '@main'")),
    };
    if rewrite::body(found).is_none() {
        return Err(error(format_args!("'@{}' has no body", name(found))));
    }
    Ok(found)
}

fn name<'c>(func: OperationRef<'c, '_>) -> &'c str {
    let name = func.attribute("sym_name").ok().and_then(|a| StringAttribute::try_from(a).ok());
    name.map_or("", |name| name.value())
}

/// A compiled network: call it as often as you like.
pub struct Program {
    arguments: Vec<Spec>,
    results: Vec<Spec>,
    /// Of one call.
    multiplications: usize,
    /// Compiled without optimization, which is much faster than with it.
    plain: Engine,
    /// The entry, and the module in the LLVM dialect.
    name: String,
    lowered: String,
    /// Compiled with optimization when enough work appears; `None` if that fails.
    optimized: OnceCell<Option<Engine>>,
}

impl Program {
    /// Compiles the entry of a module, which is a network at any level but the array's.
    ///
    /// The module itself stays as it is.
    ///
    /// # Errors
    ///
    /// If an op has no meaning that can be executed, or a type is dynamic; the
    /// text has MLIR's own errors with their locations.
    pub fn compile(module: &Module) -> Result<Self, Error> {
        let func = entry(module)?;
        let name = name(func).to_string();
        let function = scalar::function_type(func).ok_or_else(|| error("the entry has no type"))?;
        let arguments = (0..function.input_count())
            .filter_map(|i| function.input(i).ok())
            .map(Spec::of)
            .collect::<Result<_, _>>()?;
        let results = (0..function.result_count())
            .filter_map(|i| function.result(i).ok())
            .map(Spec::of)
            .collect::<Result<_, _>>()?;

        let multiplications = multiplications(module);
        tools::register_passes();
        tools::register_upstream_passes();
        let context = rewrite::context(module.as_operation().location());
        let mut module = Module::from_operation((*module.as_operation()).clone())
            .ok_or_else(|| error("the module could not be copied"))?;
        for op in rewrite::ops(module.body()) {
            // What the host computes is compiled by itself.
            if rewrite::is(&op, "builtin.module") {
                rewrite::erase(op);
            }
        }
        check(&module)?;
        for func in rewrite::ops(module.body()) {
            // Attributes of the interface mean nothing to LLVM.
            rewrite::remove_attribute(func, "arg_attrs");
            rewrite::remove_attribute(func, "res_attrs");
        }
        scalar::nested(module.as_operation()).into_iter().for_each(guard);
        let unit = Attribute::unit(context);
        rewrite::set_attribute(entry(&module)?, "llvm.emit_c_interface", unit);
        ir::run(context, &mut module, PIPELINE)?;
        let (plain, messages) = ir::collect(context, || Engine::new(&module, &name, 0));
        let plain = plain.ok_or_else(|| {
            let reasons: Vec<_> = messages.iter().map(|message| message.text.as_str()).collect();
            error(format_args!("the network does not compile: {}", reasons.join("; ")))
        })?;
        Ok(Program {
            arguments,
            results,
            multiplications,
            plain,
            name,
            lowered: module.as_operation().to_string(),
            optimized: OnceCell::new(),
        })
    }

    pub fn arguments(&self) -> &[Spec] {
        &self.arguments
    }
    pub fn results(&self) -> &[Spec] {
        &self.results
    }

    /// Executes the network once per list of inputs, `wide` as in [`Program::call_as`].
    ///
    /// # Errors
    ///
    /// As [`Program::call`].
    pub fn call_all(
        &self,
        iterations: &[Vec<Tensor>],
        wide: bool,
    ) -> Result<Vec<Vec<Tensor>>, Error> {
        let engine = if self.multiplications.saturating_mul(iterations.len()) < OPTIMIZED_FROM {
            &self.plain
        } else {
            self.optimized()
        };
        iterations.iter().map(|inputs| self.call_on(engine, inputs, wide)).collect()
    }

    /// Executes the network once.
    ///
    /// Integers may have either sign as long as their width is right: what the
    /// bits mean is up to the network.
    ///
    /// # Errors
    ///
    /// If an input has another shape or type than the argument.
    pub fn call(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        self.call_as(inputs, false)
    }

    /// The same; results of 32-bit floats are as they were computed, in 64 bits, if `wide`. Inputs
    /// may be so, too.
    ///
    /// # Errors
    ///
    /// As [`Program::call`].
    pub fn call_as(&self, inputs: &[Tensor], wide: bool) -> Result<Vec<Tensor>, Error> {
        self.call_on(&self.plain, inputs, wide)
    }

    fn optimized(&self) -> &Engine {
        let optimized = self.optimized.get_or_init(|| {
            let context = tools::context();
            let module = ir::parse(&context, &self.lowered, "lowered").ok()?;
            Engine::new(&module, &self.name, 2)
        });
        optimized.as_ref().unwrap_or(&self.plain)
    }

    fn call_on(
        &self,
        engine: &Engine,
        inputs: &[Tensor],
        wide: bool,
    ) -> Result<Vec<Tensor>, Error> {
        if inputs.len() != self.arguments.len() {
            return Err(error(format_args!(
                "expected {} inputs, got {}",
                self.arguments.len(),
                inputs.len()
            )));
        }
        let mut buffers = Vec::new();
        for (i, (input, spec)) in inputs.iter().zip(&self.arguments).enumerate() {
            let widened = input.dtype() == Dtype::F64 && spec.dtype == Dtype::F32;
            let same = widened
                || input.dtype().is_float() == spec.dtype.is_float()
                    && input.dtype().bytes() == spec.dtype.bytes();
            if input.shape() != spec.shape || !same {
                let expected = Shape(&spec.shape);
                return Err(error(format_args!(
                    "argument {i}: expected {expected} {}, got {input}",
                    spec.dtype
                )));
            }
            let buffer = match spec.dtype {
                Dtype::F32 if !widened => Buffer::new(&spec.shape, &widen(input.data()))?,
                _ => Buffer::new(&spec.shape, input.data())?,
            };
            buffers.push(buffer);
        }
        for spec in &self.results {
            let dtype = if spec.dtype == Dtype::F32 { Dtype::F64 } else { spec.dtype };
            let bytes = tensor::bytes(&spec.shape, dtype).unwrap_or(usize::MAX);
            buffers.push(Buffer::zeros(&spec.shape, bytes)?);
        }
        engine.call(&mut buffers);
        let results = buffers.into_iter().skip(inputs.len()).zip(&self.results);
        results
            .map(|(buffer, spec)| {
                let (bytes, shape) = (buffer.into_bytes(), spec.shape.clone());
                let tensor = match spec.dtype {
                    Dtype::F32 if wide => Tensor::new(shape, Dtype::F64, bytes),
                    Dtype::F32 => Tensor::new(shape, Dtype::F32, narrow(&bytes)),
                    dtype => Tensor::new(shape, dtype, bytes),
                };
                tensor.map_err(error)
            })
            .collect()
    }
}

/// Floats of 32 bits as those of 64 that compiled code computes with.
fn widen(bytes: &[u8]) -> Vec<u8> {
    let floats = bytes.chunks_exact(4).map(|four| four.try_into().map_or(0.0, f32::from_le_bytes));
    floats.flat_map(|float| f64::from(float).to_le_bytes()).collect()
}

/// Each rounded to 32 bits.
fn narrow(bytes: &[u8]) -> Vec<u8> {
    let floats =
        bytes.chunks_exact(8).map(|eight| eight.try_into().map_or(0.0, f64::from_le_bytes));
    floats.flat_map(|float| (float as f32).to_le_bytes()).collect()
}

/// Keeps upstream's lowerings from what they would do to an op: `tosa` leaves open what an index
/// beyond the end reads, and arithmetic of constants would be done in f32.
fn guard(op: OperationRef) {
    if rewrite::is(&op, "tosa.gather") {
        if let (Ok(values), Ok(indices)) = (op.operand(0), op.operand(1)) {
            let extents = RankedTensorType::try_from(values.r#type()).ok().and_then(aie4ml::shape);
            let last = extents.and_then(|extents| extents.get(1)?.checked_sub(1)).unwrap_or(0);
            let limited = scalar::map(op, indices, scalar::element(indices.r#type()), |body, x| {
                let number = |value| body.integer(x[0].r#type(), value);
                let raised = body.binary("arith.maxsi", x[0], number(0));
                body.binary("arith.minsi", raised, number(last as i64))
            });
            rewrite::set_operand(op, 1, limited);
        }
        return;
    }
    let is_constant = |value: Value| {
        let op = constant::defining_op(value);
        op.is_some_and(|op| rewrite::is(&op, "tosa.const") || rewrite::is(&op, "arith.constant"))
    };
    let computes = COMPUTED.iter().any(|name| rewrite::is(&op, name));
    if computes && op.operands().all(is_constant) {
        for (index, value) in op.operands().collect::<Vec<_>>().into_iter().enumerate() {
            if scalar::element(value.r#type()).is_f32() {
                let copy = scalar::map(op, value, scalar::element(value.r#type()), |_, x| x[0]);
                rewrite::set_operand(op, index, copy);
            }
        }
    }
}

/// Refuses what could break the invariant of this module.
fn check(module: &Module) -> Result<(), Error> {
    let context = rewrite::context(module.as_operation().location());
    for op in scalar::nested(module.as_operation()) {
        if let Some(problem) = problem(op) {
            return ir::attempt(context, || Err(fail(&op, problem)));
        }
    }
    Ok(())
}

/// Why an op cannot be executed, if so.
fn problem(op: OperationRef) -> Option<String> {
    let full = op.name();
    let full = full.as_string_ref();
    let full = full.as_str().unwrap_or_default();
    let dialect = full.split('.').next().unwrap_or_default();
    // Slices are verified where they are static.
    let dynamic_slice = match full {
        "tensor.extract_slice" | "tensor.pad" => op.operand_count() != 1,
        "tensor.insert_slice" => op.operand_count() != 2,
        _ => false,
    };
    if full == "func.call" {
        return Some("cannot be executed: inline it, as '--inline' does".into());
    }
    if full == "tosa.table" {
        let extents = |index: usize| {
            let r#type = op.operand(index).ok()?.r#type();
            let tensor = RankedTensorType::try_from(r#type).ok()?;
            Some((IntegerType::try_from(tensor.element()).ok()?.width(), aie4ml::shape(tensor)?))
        };
        let wanted = if extents(0).is_some_and(|(bits, _)| bits == 8) { 256 } else { 513 };
        if extents(1).is_none_or(|(_, table)| table != [wanted]) {
            return Some(format!("needs a table of {wanted} values"));
        }
    }
    if !DIALECTS.contains(&dialect) || REFUSED.contains(&full) || dynamic_slice {
        return Some("cannot be executed".into());
    }
    let operands = op.operands().map(|operand| operand.r#type());
    operands.chain(op.results().map(|result| result.r#type())).find_map(unfit)
}

/// What is wrong with a type, if it is a tensor without a definite or with an unreasonable size.
fn unfit(r#type: Type) -> Option<String> {
    if !r#type.is_shaped() {
        return None;
    }
    let shape = RankedTensorType::try_from(r#type).ok().and_then(aie4ml::shape);
    let Some(shape) = shape else {
        return Some(format!("has a type without static shape: '{}'", r#type));
    };
    // No element is wider than 64 bits.
    let size = tensor::bytes(&shape, Dtype::I64);
    (size.is_none_or(|size| size > LARGEST))
        .then(|| format!("has a tensor too large to execute: '{}'", r#type))
}

/// How often matrix products multiply, as far as ops say: an input element
/// meets every output column.
fn multiplications(module: &Module) -> usize {
    let extents = |r#type: Type| {
        RankedTensorType::try_from(r#type).ok().and_then(aie4ml::shape).unwrap_or_default()
    };
    scalar::nested(module.as_operation())
        .into_iter()
        .filter(|op| op.operand_count() >= 2 && op.results().count() == 1)
        .map(|op| {
            let name = op.name();
            let name = name.as_string_ref();
            let name = name.as_str().unwrap_or_default();
            if name != aie4ml::DENSE && !name.contains("matmul") {
                return 0;
            }
            let input: usize =
                op.operands().next().map_or(0, |x| extents(x.r#type()).iter().product());
            let columns = op.results().next().and_then(|y| extents(y.r#type()).last().copied());
            input.saturating_mul(columns.unwrap_or(0))
        })
        .fold(0, usize::saturating_add)
}

/// Memory of a tensor with the descriptor that compiled code expects.
struct Buffer {
    /// Whole words, so that every element type is aligned.
    words: Vec<u64>,
    bytes: usize,
    shape: Vec<usize>,
}

impl Buffer {
    fn zeros(shape: &[usize], bytes: usize) -> Result<Self, Error> {
        let mut words = Vec::new();
        let needed = bytes.div_ceil(8).max(1);
        words
            .try_reserve_exact(needed)
            .map_err(|_| error(format_args!("there is no memory for {bytes} bytes")))?;
        words.resize(needed, 0);
        Ok(Buffer { words, bytes, shape: shape.to_vec() })
    }

    fn new(shape: &[usize], data: &[u8]) -> Result<Self, Error> {
        let mut buffer = Self::zeros(shape, data.len())?;
        for (word, chunk) in buffer.words.iter_mut().zip(data.chunks(8)) {
            let mut full = [0; 8];
            full[..chunk.len()].copy_from_slice(chunk);
            *word = u64::from_ne_bytes(full);
        }
        Ok(buffer)
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        bytes.truncate(self.bytes);
        bytes
    }

    /// The `memref` descriptor: allocated and aligned pointer, offset, sizes, strides.
    fn descriptor(&mut self) -> Vec<u64> {
        let at = self.words.as_mut_ptr().expose_provenance() as u64;
        let mut strides = vec![1u64; self.shape.len()];
        for i in (1..self.shape.len()).rev() {
            strides[i - 1] = strides[i] * self.shape[i] as u64;
        }
        let sizes = self.shape.iter().map(|&extent| extent as u64);
        [at, at, 0].into_iter().chain(sizes).chain(strides).collect()
    }
}

const _: () = assert!(
    cfg!(all(target_pointer_width = "64", target_endian = "little")),
    "descriptors are written for 64-bit, little-endian hosts"
);

/// Compiled code and its entry.
struct Engine {
    raw: MlirExecutionEngine,
    entry: unsafe extern "C" fn(*mut *mut c_void),
}

impl Engine {
    /// `None` if the code does not compile, or has no such function.
    fn new(module: &Module, function: &str, level: i32) -> Option<Self> {
        let symbol = format!("_mlir_ciface_{function}");
        // SAFETY: the module is live and in the LLVM dialect; the engine
        // translates it before the call returns and keeps nothing of it. A
        // null engine is not used. The symbol, if it is there, is the packed
        // wrapper that the engine writes for every function: it takes an
        // array of pointers to arguments.
        unsafe {
            let raw = mlirExecutionEngineCreate(
                module.to_raw(),
                level,
                0,
                std::ptr::null(),
                false,
                false,
            );
            if raw.ptr.is_null() {
                return None;
            }
            copy::register(raw);
            let address = mlirExecutionEngineLookupPacked(raw, string_ref(&symbol));
            if address.is_null() {
                mlirExecutionEngineDestroy(raw);
                return None;
            }
            let entry =
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut *mut c_void)>(address);
            Some(Engine { raw, entry })
        }
    }

    /// Calls the entry with a buffer per argument and then per result, which
    /// have the sizes that its type says.
    fn call(&self, buffers: &mut [Buffer]) {
        let mut descriptors: Vec<Vec<u64>> = buffers.iter_mut().map(Buffer::descriptor).collect();
        let mut pointers: Vec<*mut u64> = descriptors.iter_mut().map(|d| d.as_mut_ptr()).collect();
        let mut packed: Vec<*mut c_void> =
            pointers.iter_mut().map(|pointer| std::ptr::from_mut(pointer).cast()).collect();
        // SAFETY: with the C interface every argument is a pointer to a
        // descriptor, and the packed wrapper takes pointers to arguments. The
        // caller has checked every buffer's size against the entry's type, and
        // `check` has seen to it that the code stays within them. Buffers,
        // descriptors and pointers live until the call returns.
        unsafe { (self.entry)(packed.as_mut_ptr()) }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: the engine is live, and nothing calls its code any more.
        unsafe { mlirExecutionEngineDestroy(self.raw) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optimized_code_computes_the_same() {
        let context = tools::context();
        let text = r#"func.func @main(%x: tensor<3x4xf32>) -> tensor<3x2xi8> {
          %0 = quant.qcast %x : tensor<3x4xf32> to tensor<3x4x!quant.uniform<i8:f32, 0.1>>
          %1 = quant.scast %0 : tensor<3x4x!quant.uniform<i8:f32, 0.1>> to tensor<3x4xi8>
          %w = arith.constant dense<[[1, -2], [3, 4], [-5, 6], [7, 8]]> : tensor<4x2xi8>
          %2 = aie4ml.dense %1, %w accumulator = i32
            requant = [#aie4ml.requant<shift = 3, rounding = nearest_odd, overflow = saturate, width = 8, min = -128, max = 127>]
            : (tensor<3x4xi8>, tensor<4x2xi8>) -> tensor<3x2xi8>
          return %2 : tensor<3x2xi8>
        }"#;
        let module = ir::parse(&context, text, "test.mlir").expect("it is valid");
        let mut program = Program::compile(&module).expect("it compiles");
        drop(module);
        drop(context);
        let x: Vec<f32> = (0..12).map(|i| 0.37 * i as f32 - 2.0).collect();
        let inputs = vec![Tensor::from_f32(vec![3, 4], &x).expect("it has 12 values")];
        let once = program.call(&inputs).expect("it runs");
        assert!(program.optimized.get().is_none());
        program.multiplications = OPTIMIZED_FROM;
        let again = program.call_all(&[inputs.clone(), inputs], false).expect("it runs");
        assert!(matches!(program.optimized.get(), Some(Some(_))));
        assert_eq!(again, [once.clone(), once]);
    }
}
