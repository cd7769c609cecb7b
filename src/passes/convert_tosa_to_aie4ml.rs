//! Real-valued `tosa` between quantization casts becomes integer layers.
//!
//! Every real tensor of such a network is an integer tensor times a scale. The
//! pass walks the function once and keeps, for each real value, the integer
//! value and the exponent of its scale:
//!
//! ```text
//! qcast(argument)        the function's new argument, in codes
//! dcast, scast, reshape  the same integers
//! matmul(x, w)           sum of x * w, scale sx * sw            aie4ml.dense
//! add(acc, constant)     acc + constant at acc's scale          aie4ml.bias_add
//! add(x, y)              x + y at the finer of both scales      aie4ml.add
//! clamp(x)               limits divided by the scale            aie4ml.clamp
//! mul(x, 2^e)            the same integers, scale times 2^e
//! qcast(x) to scale s    x * 2^(e - log2 s), rounded, saturated  aie4ml.requantize
//! ```
//!
//! With power-of-two scales each line is exact.

use crate::{
    dialect::aie4ml::{self, Codes, shape},
    exact::{Overflow, Requant, Rounding},
    mlir::{
        constant,
        fields::Fields,
        pass::{self, Pass, fail},
        quant::{Uniform, power_of_two},
        rewrite,
    },
};
use melior::{
    Context,
    ir::{
        Attribute, Identifier, OperationRef, ShapedTypeLike, Type, Value, ValueLike,
        attribute::{
            DenseElementsAttribute, DenseI64ArrayAttribute, FloatAttribute, StringAttribute,
            TypeAttribute,
        },
        block::BlockLike,
        operation::{OperationBuilder, OperationLike},
        r#type::{FunctionType, IntegerType, RankedTensorType},
    },
};
use std::collections::HashMap;

crate::pass! {
    /// Turn quantized tosa into integer layers.
    ///
    /// Before: float `tosa` ops between `quant` casts, scales powers of two.
    /// After: `aie4ml` ops on integer tensors; the function takes and returns
    /// codes, and its argument and result attributes `aie4ml.quant` say what
    /// the codes mean. No `tosa` and no `quant` op is left.
    ///
    /// Refuses an op it does not know, a scale that is not a power of two, a
    /// zero point, a value that is not quantized where it must be, and a bias
    /// that the accumulator cannot hold exactly.
    pub struct ConvertTosaToAie4ml: "convert-tosa-to-aie4ml" on "func.func" {}
}

impl Pass for ConvertTosaToAie4ml {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let Some(body) = rewrite::body(func) else { return Ok(()) };
        let ops = rewrite::ops(body);
        if !ops.iter().any(is_model_level) {
            return Ok(());
        }
        let mut conversion = Conversion {
            context: rewrite::context(func.location()),
            func,
            values: HashMap::new(),
            arguments: Vec::new(),
            results: Vec::new(),
        };
        conversion.arguments()?;
        for &op in &ops {
            conversion.convert(op)?;
        }
        conversion.finish(&ops)
    }
}

fn is_model_level(op: &OperationRef) -> bool {
    let name = op.name();
    let name = name.as_string_ref();
    name.as_str().is_ok_and(|name| name.starts_with("tosa.") || name.starts_with("quant."))
}

/// A real tensor as integers times `2^exponent`.
#[derive(Clone, Copy)]
struct Fixed<'c, 'a> {
    kind: Kind<'c, 'a>,
    exponent: i64,
}

#[derive(Clone, Copy)]
enum Kind<'c, 'a> {
    /// Computed: codes or accumulators, of rank 2.
    Computed { value: Value<'c, 'a>, quantized: Option<Uniform>, bound: i128 },
    /// A constant of integers, of any shape.
    Constant { value: Value<'c, 'a> },
}

struct Conversion<'c, 'a> {
    context: &'c Context,
    func: OperationRef<'c, 'a>,
    values: HashMap<usize, Fixed<'c, 'a>>,
    arguments: Vec<Uniform>,
    results: Vec<Uniform>,
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

impl<'c, 'a> Conversion<'c, 'a> {
    /// Gives the function an argument of codes for each real one.
    fn arguments(&mut self) -> pass::Result<'c> {
        let body = rewrite::body(self.func).expect("checked by run");
        for index in 0..body.argument_count() {
            let argument: Value = body.argument(index).expect("in range").into();
            let mut found: Option<(Uniform, OperationRef)> = None;
            // Uses are listed from the last one on.
            for user in rewrite::users(argument).into_iter().rev() {
                if !rewrite::is(&user, "quant.qcast") {
                    return Err(fail(
                        &user,
                        format_args!("uses input {index} before it is quantized"),
                    ));
                }
                let result = user.result(0).expect("a cast has a result").r#type();
                let quantized = uniform(result).ok_or_else(|| fail(&user, per_axis_or(result)))?;
                match found {
                    Some((other, _)) if other != quantized => {
                        return Err(fail(
                            &user,
                            format_args!("quantizes input {index} in a second way"),
                        ));
                    }
                    _ => found = Some((quantized, user)),
                }
            }
            let Some((quantized, user)) = found else {
                return Err(fail(&self.func, format_args!("does not use input {index}")));
            };
            exponent(&user, &quantized)?;
            let shape = rank_two(&user, argument.r#type())?;
            let codes = codes(shape, &quantized);
            let value = body.add_argument(codes.tensor(self.context), argument.location());
            let bound = largest(&quantized);
            let kind = Kind::Computed { value, quantized: Some(quantized), bound };
            for user in rewrite::users(argument) {
                let result = user.result(0).expect("a cast has a result");
                let fixed = Fixed { kind, exponent: exponent(&user, &quantized)? };
                self.values.insert(key(result.into()), fixed);
            }
            self.arguments.push(quantized);
        }
        Ok(())
    }

    fn operand(&self, op: OperationRef<'c, 'a>, index: usize) -> pass::Result<'c, Fixed<'c, 'a>> {
        let value = op.operand(index).map_err(|error| fail(&op, error))?;
        self.values.get(&key(value)).copied().ok_or_else(|| {
            fail(&op, format_args!("has operand {index} that is not quantized: put QuantizeLinear and DequantizeLinear before it"))
        })
    }

    fn set(&mut self, op: OperationRef<'c, 'a>, fixed: Fixed<'c, 'a>) {
        let result = op.result(0).expect("a converted op has a result");
        self.values.insert(key(result.into()), fixed);
    }

    /// Inserts an op of our dialect before `op`.
    fn build(
        &self,
        op: OperationRef<'c, 'a>,
        name: &str,
        operands: &[Value<'c, '_>],
        attributes: &[(&str, Attribute<'c>)],
        result: Type<'c>,
    ) -> Value<'c, 'a> {
        let new = aie4ml::build(name, op.location(), operands, attributes, result);
        rewrite::insert_before(op, new).result(0).expect("it has one result").into()
    }

    /// Inserts a constant before `op`.
    fn constant(
        &self,
        op: OperationRef<'c, 'a>,
        extents: &[usize],
        bits: u32,
        signed: bool,
        values: &[i64],
    ) -> Value<'c, 'a> {
        let element: Type = if signed {
            IntegerType::new(self.context, bits).into()
        } else {
            IntegerType::unsigned(self.context, bits).into()
        };
        let extents: Vec<u64> = extents.iter().map(|&extent| extent as u64).collect();
        let tensor: Type = RankedTensorType::new(&extents, element, None).into();
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes().into_iter().take(bits as usize / 8))
            .collect();
        let dense = DenseElementsAttribute::raw_buffer(tensor, &bytes);
        let new = OperationBuilder::new("arith.constant", op.location())
            .add_attributes(&[(Identifier::new(self.context, "value"), dense.into())])
            .add_results(&[tensor])
            .build()
            .expect("a constant is built");
        rewrite::insert_before(op, new).result(0).expect("it has one result").into()
    }

    fn convert(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let name = op.name();
        let name = name.as_string_ref();
        match name.as_str().unwrap_or_default() {
            "arith.constant" | "tosa.const" => {
                // Floats are read where they are used.
                let value: Value = op.result(0).expect("a constant has a result").into();
                if constant::integers(value).is_some() {
                    self.set(op, Fixed { kind: Kind::Constant { value }, exponent: 0 });
                }
                Ok(())
            }
            "tosa.const_shape" => Ok(()),
            "quant.qcast" => self.quantize(op),
            "quant.dcast" => {
                let fixed = self.operand(op, 0)?;
                self.set(op, fixed);
                Ok(())
            }
            "quant.scast" => {
                let fixed = self.operand(op, 0)?;
                if matches!(fixed.kind, Kind::Computed { .. }) {
                    return Err(fail(
                        &op,
                        "takes the codes of a computed tensor, which is not supported yet",
                    ));
                }
                let result = op.result(0).map_err(|error| fail(&op, error))?;
                let Some(quantized) = uniform(result.r#type()) else {
                    return Err(fail(&op, per_axis_or(result.r#type())));
                };
                let exponent = exponent(&op, &quantized)?;
                self.set(op, Fixed { exponent, ..fixed });
                Ok(())
            }
            "tosa.reshape" => self.reshape(op),
            "tosa.matmul" => self.matmul(op),
            "tosa.add" => self.add(op),
            "tosa.mul" => self.mul(op),
            "tosa.clamp" => self.clamp(op),
            "func.return" => self.r#return(op),
            _ => Err(fail(&op, "is not supported in a quantized network yet")),
        }
    }

    fn reshape(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let fixed = self.operand(op, 0)?;
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        if let Kind::Computed { value, .. } = fixed.kind {
            let [rows, columns] = rank_two(&op, result.r#type())?;
            let before = Codes::of(value.r#type()).map(|c| (c.rows, c.columns));
            if before != Some((rows, columns)) {
                return Err(fail(
                    &op,
                    "changes more than extents of one, which is not supported yet",
                ));
            }
        }
        self.set(op, fixed);
        Ok(())
    }

    fn matmul(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let (x, w) = (self.operand(op, 0)?, self.operand(op, 1)?);
        for index in 2..op.operand_count() {
            let zero_point = op.operand(index).map_err(|error| fail(&op, error))?;
            if float_constant(zero_point) != Some(0.0) {
                return Err(fail(&op, "has a zero point, which is not supported yet"));
            }
        }
        let Kind::Computed { value: input, quantized: Some(_), bound } = x.kind else {
            return Err(fail(&op, "needs a quantized first operand"));
        };
        let Kind::Constant { value: weights } = w.kind else {
            return Err(fail(&op, "multiplies two computed tensors, which is not supported yet"));
        };
        let input_codes = Codes::of(input.r#type()).expect("computed tensors have rank 2");
        let [k, n] = rank_two(&op, op.operand(1).map_err(|error| fail(&op, error))?.r#type())?;
        let data = constant::integers(weights).expect("constants are integers");
        let integer = element(weights.r#type()).expect("constants are integers");
        let weights = self.constant(op, &[k, n], integer.width(), !integer.is_unsigned(), &data);

        // The largest sum that any input can make decides the accumulator.
        let sums = (0..n).map(|j| (0..k).map(|i| i128::from(data[i * n + j].unsigned_abs())).sum());
        let bound = bound * sums.max().unwrap_or(0i128);
        let bits = accumulator(&op, bound)?;
        let result = Codes { rows: input_codes.rows, columns: n, bits, signed: true };
        let value = self.build(
            op,
            aie4ml::DENSE,
            &[input, weights],
            &[
                ("accumulator", TypeAttribute::new(result.element(self.context)).into()),
                ("requant", aie4ml::list::<Requant>(self.context, &[])),
            ],
            result.tensor(self.context),
        );
        let kind = Kind::Computed { value, quantized: None, bound };
        self.set(op, Fixed { kind, exponent: x.exponent + w.exponent });
        Ok(())
    }

    /// Two computed tensors, at the finer of their scales.
    fn sum(
        &mut self,
        op: OperationRef<'c, 'a>,
        a: Fixed<'c, 'a>,
        b: Fixed<'c, 'a>,
    ) -> pass::Result<'c> {
        let exponent = a.exponent.min(b.exponent);
        let mut operands = Vec::new();
        let mut shifts = Vec::new();
        let mut bound = 0;
        for (index, x) in [a, b].into_iter().enumerate() {
            let Kind::Computed { value, quantized: Some(quantized), .. } = x.kind else {
                return Err(fail(
                    &op,
                    format_args!(
                        "has operand {index} that is not quantized: put QuantizeLinear and DequantizeLinear before it"
                    ),
                ));
            };
            let shift = x.exponent - exponent;
            // The verifier counts with every code that the type has.
            let (low, high) = codes([0, 0], &quantized).range();
            let largest = i128::from(low.unsigned_abs().max(high.unsigned_abs()));
            bound += largest << shift.min(63);
            operands.push(value);
            shifts.push(shift);
        }
        let [left, right] = [0, 1]
            .map(|i: usize| Codes::of(operands[i].r#type()).expect("computed tensors have rank 2"));
        if (left.rows, left.columns) != (right.rows, right.columns) {
            return Err(fail(
                &op,
                format_args!(
                    "adds {}x{} and {}x{}: computed tensors are not broadcast yet",
                    left.rows, left.columns, right.rows, right.columns
                ),
            ));
        }
        if bound > i128::from(i32::MAX) {
            return Err(fail(
                &op,
                format_args!(
                    "adds scales 2^{} and 2^{}, which are too far apart for a sum of 32 bits",
                    a.exponent, b.exponent
                ),
            ));
        }
        let result = Codes { bits: 32, signed: true, ..left };
        let value = self.build(
            op,
            aie4ml::ADD,
            &operands,
            &[
                ("shifts", DenseI64ArrayAttribute::new(self.context, &shifts).into()),
                ("requant", aie4ml::list::<Requant>(self.context, &[])),
            ],
            result.tensor(self.context),
        );
        let kind = Kind::Computed { value, quantized: None, bound };
        self.set(op, Fixed { kind, exponent });
        Ok(())
    }

    /// The bias of a layer: accumulators plus a constant.
    fn add(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let (a, b) = (self.operand(op, 0)?, self.operand(op, 1)?);
        let (sum, constant) = match (a.kind, b.kind) {
            (Kind::Computed { .. }, Kind::Constant { .. }) => (a, b),
            (Kind::Constant { .. }, Kind::Computed { .. }) => (b, a),
            (Kind::Computed { .. }, Kind::Computed { .. }) => return self.sum(op, a, b),
            _ => return Err(fail(&op, "adds two constants: store their sum")),
        };
        let (Kind::Computed { value, quantized, bound }, Kind::Constant { value: bias }) =
            (sum.kind, constant.kind)
        else {
            unreachable!("matched above")
        };
        if quantized.is_some() {
            return Err(fail(
                &op,
                "adds a constant to a quantized tensor, which is not supported yet",
            ));
        }
        let codes = Codes::of(value.r#type()).expect("computed tensors have rank 2");
        self.same_extents(op, codes)?;
        let mut data = constant::integers(bias).expect("constants are integers");
        // Reshapes between leave the elements as they are; the last shape counts.
        let index = usize::from(matches!(a.kind, Kind::Computed { .. }));
        let operand = op.operand(index).map_err(|error| fail(&op, error))?;
        let extents = RankedTensorType::try_from(operand.r#type()).ok().and_then(shape);
        match data.len() {
            1 => data = vec![data[0]; codes.columns],
            len if len == codes.columns && extents.is_some_and(|e| e.last() == Some(&len)) => {}
            len => {
                return Err(fail(
                    &op,
                    format_args!(
                        "adds {len} constants to {} features, needs one for each feature",
                        codes.columns
                    ),
                ));
            }
        }
        let shift = constant.exponent - sum.exponent;
        for value in &mut data {
            let scaled = if shift >= 0 {
                (shift < 62).then(|| i128::from(*value) << shift)
            } else {
                let unit = 1i128.checked_shl(shift.unsigned_abs() as u32).unwrap_or(i128::MAX);
                (i128::from(*value) % unit == 0).then(|| i128::from(*value) / unit)
            };
            *value = scaled
                .and_then(|scaled| i32::try_from(scaled).ok())
                .map(i64::from)
                .ok_or_else(|| {
                    fail(
                        &op,
                        format_args!(
                            "has a bias of scale 2^{} that a 32-bit integer at the accumulator's scale 2^{} cannot hold exactly",
                            constant.exponent, sum.exponent
                        ),
                    )
                })?;
        }
        let largest = data.iter().map(|v| i128::from(v.unsigned_abs())).max().unwrap_or(0);
        let bound = bound + largest;
        let bits = accumulator(&op, bound)?;
        if bits > codes.bits {
            if sums(value).is_some_and(|op| rewrite::is(&op, aie4ml::ADD)) {
                return Err(fail(&op, "adds a constant to a sum that then exceeds 32 bits"));
            }
            // The layer before has to accumulate in 64 bits after all.
            widen(self.context, value, bits);
        }
        let bias = self.constant(op, &[codes.columns], 32, true, &data);
        let value = self.build(op, aie4ml::BIAS_ADD, &[value, bias], &[], value.r#type());
        let kind = Kind::Computed { value, quantized: None, bound };
        self.set(op, Fixed { kind, exponent: sum.exponent });
        Ok(())
    }

    fn mul(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let factor = |index: usize| op.operand(index).ok().and_then(float_constant);
        let (x, factor) = match (factor(0), factor(1)) {
            (_, Some(factor)) => (self.operand(op, 0)?, factor),
            (Some(factor), None) => (self.operand(op, 1)?, factor),
            _ => {
                return Err(fail(
                    &op,
                    "multiplies two computed tensors, which is not supported yet",
                ));
            }
        };
        let Some(exponent) = power_of_two(factor) else {
            return Err(fail(
                &op,
                format_args!("multiplies by {factor}, which is not a power of two"),
            ));
        };
        let kind = match x.kind {
            Kind::Computed { value, quantized, bound } => {
                let codes = Codes::of(value.r#type()).expect("computed tensors have rank 2");
                self.same_extents(op, codes)?;
                // The same codes mean other numbers now.
                let quantized = quantized.map(|q| Uniform { scale: q.scale * factor, ..q });
                Kind::Computed { value, quantized, bound }
            }
            constant => constant,
        };
        self.set(op, Fixed { kind, exponent: x.exponent + exponent });
        Ok(())
    }

    /// Refuses an op that broadcasts the computed tensor it takes.
    fn same_extents(&self, op: OperationRef<'c, 'a>, codes: Codes) -> pass::Result<'c> {
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        if rank_two(&op, result.r#type())? == [codes.rows, codes.columns] {
            return Ok(());
        }
        Err(fail(
            &op,
            format_args!(
                "broadcasts a computed tensor of {} rows and {} columns, which is not supported yet",
                codes.rows, codes.columns
            ),
        ))
    }

    fn clamp(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.operand(op, 0)?;
        let Kind::Computed { value, quantized, bound } = x.kind else {
            return Err(fail(&op, "clamps a constant"));
        };
        let codes = Codes::of(value.r#type()).expect("computed tensors have rank 2");
        let (low, high) = codes.range();
        let limit = |name: &str| {
            let attribute = op.attribute(name).ok().and_then(|a| FloatAttribute::try_from(a).ok());
            let real = attribute
                .map(|a| a.value())
                .ok_or_else(|| fail(&op, format_args!("needs a float '{name}'")))?;
            let scaled = real * (-x.exponent as f64).exp2();
            if scaled <= low as f64 {
                Ok(low)
            } else if scaled >= high as f64 {
                Ok(high)
            } else if scaled.fract() == 0.0 {
                Ok(scaled as i64)
            } else {
                Err(fail(
                    &op,
                    format_args!(
                        "has '{name}' {real}, which scale 2^{} cannot hold exactly",
                        x.exponent
                    ),
                ))
            }
        };
        let (min, max) = (limit("min_val")?, limit("max_val")?);
        let attributes = [
            ("min", aie4ml::integer(self.context, min)),
            ("max", aie4ml::integer(self.context, max)),
        ];
        let value = self.build(op, aie4ml::CLAMP, &[value], &attributes, value.r#type());
        self.set(
            op,
            Fixed { kind: Kind::Computed { value, quantized, bound }, exponent: x.exponent },
        );
        Ok(())
    }

    fn quantize(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        if self.values.contains_key(&key(result.into())) {
            return Ok(()); // of an argument
        }
        let x = self.operand(op, 0)?;
        let Kind::Computed { value, .. } = x.kind else {
            return Err(fail(&op, "quantizes a constant: store it quantized"));
        };
        let Some(quantized) = uniform(result.r#type()) else {
            return Err(fail(&op, per_axis_or(result.r#type())));
        };
        let exponent = exponent(&op, &quantized)?;
        let before = Codes::of(value.r#type()).expect("computed tensors have rank 2");
        let after = codes([before.rows, before.columns], &quantized);
        let requant = Requant {
            shift: exponent - x.exponent,
            rounding: Rounding::NearestEven,
            overflow: Overflow::Saturate,
            width: quantized.width(),
            zero_point: 0,
            min: quantized.min,
            max: quantized.max,
        };
        let value = self.build(
            op,
            aie4ml::REQUANTIZE,
            &[value],
            &[("requant", requant.attribute(self.context))],
            after.tensor(self.context),
        );
        let bound = largest(&quantized);
        let kind = Kind::Computed { value, quantized: Some(quantized), bound };
        self.set(op, Fixed { kind, exponent });
        Ok(())
    }

    fn r#return(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let mut values = Vec::new();
        for index in 0..op.operand_count() {
            match self.operand(op, index)?.kind {
                Kind::Computed { value, quantized: Some(quantized), .. } => {
                    values.push(value);
                    self.results.push(quantized);
                }
                _ => {
                    return Err(fail(
                        &op,
                        format_args!("has result {index} that is not quantized"),
                    ));
                }
            }
        }
        for (index, value) in values.into_iter().enumerate() {
            rewrite::set_operand(op, index, value);
        }
        Ok(())
    }

    /// Removes what was converted and gives the function its new type.
    fn finish(self, ops: &[OperationRef<'c, 'a>]) -> pass::Result<'c> {
        for op in ops.iter().rev() {
            let used = op.results().any(|result| !rewrite::users(result.into()).is_empty());
            if is_model_level(op) || (rewrite::is(op, "arith.constant") && !used) {
                rewrite::erase(*op);
            }
        }
        let body = rewrite::body(self.func).expect("checked by run");
        for index in (0..self.arguments.len()).rev() {
            rewrite::erase_argument(body, index);
        }
        let inputs: Vec<Type> = (0..body.argument_count())
            .map(|i| body.argument(i).expect("in range").r#type())
            .collect();
        let r#return = body.terminator().expect("a function ends in a return");
        let outputs: Vec<Type> = r#return.operands().map(|value| value.r#type()).collect();
        let r#type = FunctionType::new(self.context, &inputs, &outputs);
        rewrite::set_attribute(
            self.func,
            "function_type",
            TypeAttribute::new(r#type.into()).into(),
        );
        for (name, list, default) in
            [("arg_attrs", &self.arguments, "input"), ("res_attrs", &self.results, "output")]
        {
            let attribute = boundary_attributes(self.context, self.func, name, list, default)?;
            rewrite::set_attribute(self.func, name, attribute);
        }
        Ok(())
    }
}

/// `[{aie4ml.name = "x", aie4ml.quant = !quant.uniform<...>}, ...]`, keeping given names.
fn boundary_attributes<'c>(
    context: &'c Context,
    func: OperationRef<'c, '_>,
    name: &str,
    list: &[Uniform],
    default: &str,
) -> pass::Result<'c, Attribute<'c>> {
    let mut text = Vec::new();
    for (index, quantized) in list.iter().enumerate() {
        let given = aie4ml::boundary_name(func, name, index);
        let given = given.unwrap_or_else(|| format!("{default}{index}"));
        let given = StringAttribute::new(context, &given);
        let r#type = quantized.r#type(context);
        text.push(format!("{{aie4ml.name = {given}, aie4ml.quant = {}}}", r#type));
    }
    let text = format!("[{}]", text.join(", "));
    Attribute::parse(context, &text).ok_or_else(|| {
        fail(&func, format_args!("has boundary attributes that do not parse: {text}"))
    })
}

/// The op that makes the sums of which `value` is, through what adds to and limits them.
fn sums<'c, 'a>(value: Value<'c, 'a>) -> Option<OperationRef<'c, 'a>> {
    let op = constant::defining_op(value)?;
    if rewrite::is(&op, aie4ml::BIAS_ADD) || rewrite::is(&op, aie4ml::CLAMP) {
        return sums(op.operand(0).ok()?);
    }
    Some(op)
}

/// Makes the ops from a layer to `value`, and others on the same sums, accumulate in `bits`.
fn widen<'c>(context: &'c Context, value: Value<'c, '_>, bits: u32) {
    let Some(codes) = Codes::of(value.r#type()).filter(|codes| codes.bits != bits) else { return };
    let wide = Codes { bits, ..codes };
    value.set_type(wide.tensor(context));
    // Whatever else adds to or limits these sums is as wide as they are.
    for user in rewrite::users(value) {
        if (rewrite::is(&user, aie4ml::BIAS_ADD) || rewrite::is(&user, aie4ml::CLAMP))
            && let Ok(result) = user.result(0)
        {
            widen(context, result.into(), bits);
        }
    }
    let Some(op) = constant::defining_op(value) else { return };
    if rewrite::is(&op, aie4ml::DENSE) {
        let attribute = TypeAttribute::new(wide.element(context)).into();
        rewrite::set_attribute(op, "accumulator", attribute);
    } else if let Ok(before) = op.operand(0) {
        widen(context, before, bits);
    }
}

/// Bits of an accumulator that holds every sum up to `bound`.
fn accumulator<'c>(op: &OperationRef<'c, '_>, bound: i128) -> pass::Result<'c, u32> {
    if bound <= i128::from(i32::MAX) {
        Ok(32)
    } else if bound <= i128::from(i64::MAX) {
        Ok(64)
    } else {
        Err(fail(op, "has sums that exceed a 64-bit accumulator"))
    }
}

/// Largest magnitude of a code.
fn largest(quantized: &Uniform) -> i128 {
    i128::from(quantized.min.unsigned_abs().max(quantized.max.unsigned_abs()))
}

fn codes([rows, columns]: [usize; 2], quantized: &Uniform) -> Codes {
    Codes { rows, columns, bits: quantized.bits, signed: quantized.signed }
}

fn element(r#type: Type) -> Option<IntegerType> {
    IntegerType::try_from(RankedTensorType::try_from(r#type).ok()?.element()).ok()
}

fn uniform(r#type: Type) -> Option<Uniform> {
    Uniform::of(RankedTensorType::try_from(r#type).ok()?.element())
}

fn per_axis_or(r#type: Type) -> String {
    format!("has type '{}'; one scale per tensor is supported so far", r#type)
}

/// `e` of the scale `2^e`; refuses other scales and zero points.
fn exponent<'c>(op: &OperationRef<'c, '_>, quantized: &Uniform) -> pass::Result<'c, i64> {
    if quantized.zero_point != 0 {
        return Err(fail(
            op,
            format_args!("has zero point {}, which is not supported yet", quantized.zero_point),
        ));
    }
    quantized.exponent().ok_or_else(|| {
        fail(op, format_args!("has scale {}, which is not a power of two", quantized.scale))
    })
}

/// Rows and columns of a static tensor whose leading extents are one.
fn rank_two<'c>(op: &OperationRef<'c, '_>, r#type: Type<'c>) -> pass::Result<'c, [usize; 2]> {
    let extents = RankedTensorType::try_from(r#type).ok().and_then(shape);
    match extents.as_deref() {
        Some([ones @ .., rows, columns]) if ones.iter().all(|&extent| extent == 1) => {
            Ok([*rows, *columns])
        }
        _ => Err(fail(op, format_args!("needs static rows and columns, got '{}'", r#type))),
    }
}

/// The value of a constant float tensor whose elements are all the same.
fn float_constant(value: Value) -> Option<f64> {
    let op = constant::defining_op(value)?;
    let attribute = op.attribute("values").or_else(|_| op.attribute("value")).ok()?;
    let dense = DenseElementsAttribute::try_from(attribute).ok()?;
    let first = f64::from(dense.f32_element(0).ok()?);
    (1..dense.len())
        .all(|i| dense.f32_element(i).is_ok_and(|x| f64::from(x) == first))
        .then_some(first)
}
