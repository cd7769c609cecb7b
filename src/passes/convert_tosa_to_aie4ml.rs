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
    exact::{Requant, Rounding},
    mlir::{
        constant,
        fields::Fields,
        pass::{self, Pass, fail},
        quant::{Quantized, Uniform, power_of_two},
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
    /// A constant of integers, of any shape. MLIR's have no sign of their own.
    Constant { value: Value<'c, 'a>, signed: bool },
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
            let (mut casts, mut moves) = (Vec::new(), Vec::new());
            self.borders(argument, index, &mut casts, &mut moves)?;
            for &cast in &casts {
                let result = cast.result(0).expect("a cast has a result").r#type();
                let quantized = uniform(result).ok_or_else(|| fail(&cast, not_uniform(result)))?;
                match found {
                    Some((other, _)) if other != quantized => {
                        return Err(fail(
                            &cast,
                            format_args!("quantizes {} in a second way", self.input(index)),
                        ));
                    }
                    _ => found = Some((quantized, cast)),
                }
            }
            let Some((quantized, first)) = found else {
                return Err(fail(&self.func, format_args!("does not use {}", self.input(index))));
            };
            let exponent = exponent(&first, &quantized)?;
            let [rows, columns] = matrix(&first, argument)?;
            let codes = codes([rows, columns], &quantized);
            let value = body.add_argument(codes.tensor(self.context), argument.location());
            let bound = largest(&quantized);
            let kind = Kind::Computed { value, quantized: Some(quantized), bound };
            for op in casts.into_iter().chain(moves) {
                self.set(op, Fixed { kind, exponent });
            }
            self.arguments.push(quantized);
        }
        Ok(())
    }

    /// What quantizes an argument or takes its codes, in order, and the reshapes before that.
    fn borders(
        &self,
        value: Value<'c, 'a>,
        index: usize,
        casts: &mut Vec<OperationRef<'c, 'a>>,
        moves: &mut Vec<OperationRef<'c, 'a>>,
    ) -> pass::Result<'c> {
        // Uses are listed from the last one on.
        for user in rewrite::users(value).into_iter().rev() {
            if rewrite::is(&user, "quant.qcast") || rewrite::is(&user, "quant.scast") {
                casts.push(user);
            } else if rewrite::is(&user, "tosa.reshape") {
                let result = user.result(0).map_err(|error| fail(&user, error))?;
                self.borders(result.into(), index, casts, moves)?;
                moves.push(user);
            } else {
                return Err(fail(
                    &user,
                    format_args!(
                        "uses {} before it is quantized: put QuantizeLinear and DequantizeLinear before it",
                        self.input(index)
                    ),
                ));
            }
        }
        Ok(())
    }

    /// An input by its name, if it has one.
    fn input(&self, index: usize) -> String {
        let name = aie4ml::boundary_name(self.func, "arg_attrs", index);
        name.map_or_else(|| format!("input {index}"), |name| format!("input '{name}'"))
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
                    let kind = Kind::Constant { value, signed: true };
                    self.set(op, Fixed { kind, exponent: 0 });
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
            "quant.scast" => self.reinterpret(op),
            "tosa.reshape" => self.reshape(op),
            "tosa.matmul" => self.matmul(op),
            "tosa.add" => self.add(op),
            "tosa.mul" => self.mul(op),
            "tosa.clamp" => self.clamp(op),
            "func.return" => self.r#return(op),
            _ => Err(fail(&op, "is not supported in a quantized network yet")),
        }
    }

    /// The same integers, which now have another scale, or none.
    fn reinterpret(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        if self.values.contains_key(&key(result.into())) {
            return Ok(()); // of an argument
        }
        let fixed = self.operand(op, 0)?;
        let quantized = uniform(result.r#type());
        if quantized.is_none() && element(result.r#type()).is_none() {
            return Err(fail(&op, not_uniform(result.r#type())));
        }
        let Some(quantized) = quantized else {
            self.set(op, fixed);
            return Ok(());
        };
        let exponent = exponent(&op, &quantized)?;
        let kind = match fixed.kind {
            Kind::Constant { value, .. } => Kind::Constant { value, signed: quantized.signed },
            Kind::Computed { value, quantized: Some(of), bound }
                if (of.bits, of.signed) == (quantized.bits, quantized.signed) =>
            {
                let quantized = Uniform { min: of.min, max: of.max, ..quantized };
                Kind::Computed { value, quantized: Some(quantized), bound }
            }
            Kind::Computed { .. } => {
                return Err(fail(&op, "takes the codes of a tensor for those of another type"));
            }
        };
        self.set(op, Fixed { kind, exponent });
        Ok(())
    }

    fn reshape(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        if self.values.contains_key(&key(result.into())) {
            return Ok(()); // of an argument
        }
        let fixed = self.operand(op, 0)?;
        if let Kind::Computed { value, .. } = fixed.kind {
            let codes = Codes::of(value.r#type()).expect("computed tensors have rank 2");
            let extents = static_shape(result.r#type());
            if !extents.is_some_and(|extents| keeps_rows(&extents, codes.rows, codes.columns)) {
                return Err(fail(
                    &op,
                    format_args!(
                        "mixes the {} rows of {} values of a computed tensor, which is not supported yet",
                        codes.rows, codes.columns
                    ),
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
        let Kind::Constant { value: weights, signed } = w.kind else {
            return Err(fail(&op, "multiplies two computed tensors, which is not supported yet"));
        };
        let input_codes = Codes::of(input.r#type()).expect("computed tensors have rank 2");
        let extents = rank_two(&op, op.operand(0).map_err(|error| fail(&op, error))?.r#type())?;
        if extents != [input_codes.rows, input_codes.columns] {
            return Err(fail(
                &op,
                format_args!(
                    "multiplies parts of the {} rows of {} values of a computed tensor, which is not supported yet",
                    input_codes.rows, input_codes.columns
                ),
            ));
        }
        let [k, n] = rank_two(&op, op.operand(1).map_err(|error| fail(&op, error))?.r#type())?;
        let (data, bits) = integers(weights, signed);
        // Where signed integers hold them too, unsigned ones are for no kernel.
        let fits = data.iter().all(|value| value >> (bits - 1) == 0);
        let weights = self.constant(op, &[k, n], bits, signed || fits, &data);

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
        let mut factors = Vec::new();
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
            factors.push(1 << shift.min(30));
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
        self.same_extents(op, left)?;
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
                ("factors", DenseI64ArrayAttribute::new(self.context, &factors).into()),
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
        let reals = [0, 1].map(|index| op.operand(index).ok().and_then(constant::floats));
        let (sum, bias, index) = match reals {
            [Some(reals), None] => (self.operand(op, 1)?, Bias::Real(reals), 0),
            [None, Some(reals)] => (self.operand(op, 0)?, Bias::Real(reals), 1),
            [Some(_), Some(_)] => return Err(fail(&op, "adds two constants: store their sum")),
            [None, None] => {
                let (a, b) = (self.operand(op, 0)?, self.operand(op, 1)?);
                let coded =
                    |value, signed, exponent| Bias::Coded(integers(value, signed).0, exponent);
                match (a.kind, b.kind) {
                    (Kind::Computed { .. }, Kind::Constant { value, signed }) => {
                        (a, coded(value, signed, b.exponent), 1)
                    }
                    (Kind::Constant { value, signed }, Kind::Computed { .. }) => {
                        (b, coded(value, signed, a.exponent), 0)
                    }
                    (Kind::Computed { .. }, Kind::Computed { .. }) => return self.sum(op, a, b),
                    _ => return Err(fail(&op, "adds two constants: store their sum")),
                }
            }
        };
        let Kind::Computed { value, quantized, bound } = sum.kind else {
            return Err(fail(&op, "adds two constants: store their sum"));
        };
        if quantized.is_some() {
            return Err(fail(
                &op,
                "adds a constant to a quantized tensor, which is not supported yet",
            ));
        }
        let codes = Codes::of(value.r#type()).expect("computed tensors have rank 2");
        self.same_extents(op, codes)?;
        let mut data = bias.at(op, sum.exponent)?;
        // Reshapes between leave the elements as they are; the last shape counts.
        let operand = op.operand(index).map_err(|error| fail(&op, error))?;
        let extents = static_shape(operand.r#type());
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
        let extents = static_shape(result.r#type());
        if extents.is_some_and(|e| e.iter().product::<usize>() == codes.rows * codes.columns) {
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
            return Err(fail(&op, not_uniform(result.r#type())));
        };
        let exponent = exponent(&op, &quantized)?;
        let before = Codes::of(value.r#type()).expect("computed tensors have rank 2");
        let after = codes([before.rows, before.columns], &quantized);
        let shift = exponent - x.exponent;
        let width = quantized.width();
        let requant = Requant {
            min: quantized.min,
            max: quantized.max,
            ..Requant::shift(shift, Rounding::NearestEven, width, quantized.signed)
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
                    let name = aie4ml::boundary_name(self.func, "res_attrs", index);
                    let output =
                        name.map_or(format!("result {index}"), |n| format!("output '{n}'"));
                    return Err(fail(
                        &op,
                        format_args!(
                            "has {output} that is not quantized: put QuantizeLinear and DequantizeLinear before it"
                        ),
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

/// Why a type is not that of one scale.
fn not_uniform(r#type: Type) -> String {
    let element = RankedTensorType::try_from(r#type).ok().map(|tensor| tensor.element());
    match element.and_then(Quantized::of) {
        Some(Quantized { axis: Some(_), parameters, .. }) => format!(
            "has {} scales, one per channel, which is not supported yet: quantize per tensor",
            parameters.len()
        ),
        _ => format!("has type '{type}', needs one scale", type = r#type),
    }
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

/// What is added to sums.
enum Bias {
    /// Integers times `2^exponent`.
    Coded(Vec<i64>, i64),
    Real(Vec<f32>),
}

impl Bias {
    /// The same as 32-bit integers times `2^exponent`; refuses what these cannot say exactly.
    fn at<'c>(self, op: OperationRef<'c, '_>, exponent: i64) -> pass::Result<'c, Vec<i64>> {
        let narrow = |value: i128| i32::try_from(value).ok().map(i64::from);
        match self {
            Bias::Coded(codes, from) => {
                let shift = from - exponent;
                let unit = 1i128.checked_shl(shift.unsigned_abs() as u32).unwrap_or(i128::MAX);
                let scaled = |code: i64| match code.into() {
                    0 => Some(0),
                    code if shift < 0 => (code % unit == 0).then_some(code / unit),
                    code => (shift < 62).then_some(code * unit),
                };
                let all = codes.into_iter().map(|code| scaled(code).and_then(narrow));
                all.collect::<Option<_>>().ok_or_else(|| {
                    fail(
                        &op,
                        format_args!(
                            "has a bias of scale 2^{from} that a 32-bit integer at the accumulator's scale 2^{exponent} cannot hold exactly"
                        ),
                    )
                })
            }
            Bias::Real(reals) => {
                let integer = |real: f32| {
                    // Exact unless it overflows or underflows, which then fits nothing anyway.
                    let scaled = f64::from(real) * (-exponent as f64).exp2();
                    let limits = f64::from(i32::MIN)..=f64::from(i32::MAX);
                    let exact = limits.contains(&scaled) && scaled.fract() == 0.0;
                    let exact = exact && (scaled != 0.0 || real == 0.0);
                    exact.then_some(scaled as i64).ok_or_else(|| {
                        fail(
                            &op,
                            format_args!(
                                "has a bias of {real} that a 32-bit integer at the accumulator's scale 2^{exponent} cannot hold exactly: quantize it with that scale"
                            ),
                        )
                    })
                };
                reals.into_iter().map(integer).collect()
            }
        }
    }
}

/// The elements of a constant of integers, as their sign says, and their width in bits.
fn integers(constant: Value, signed: bool) -> (Vec<i64>, u32) {
    let mut data = constant::integers(constant).expect("constants are integers");
    let bits = element(constant.r#type()).expect("constants are integers").width();
    if !signed && bits < 64 {
        data.iter_mut().for_each(|value| *value &= (1 << bits) - 1);
    }
    (data, bits)
}

fn static_shape(r#type: Type) -> Option<Vec<usize>> {
    RankedTensorType::try_from(r#type).ok().and_then(shape)
}

/// Whether some leading extents make the rows and the others the columns, so that
/// each row is still in one piece.
fn keeps_rows(extents: &[usize], rows: usize, columns: usize) -> bool {
    let mut before = 1;
    let total = extents.iter().product::<usize>() == rows * columns;
    total
        && (rows == 1
            || extents.iter().any(|extent| {
                before *= extent;
                before == rows
            }))
}

/// Rows and columns of a static tensor whose leading extents are one.
fn rank_two<'c>(op: &OperationRef<'c, '_>, r#type: Type<'c>) -> pass::Result<'c, [usize; 2]> {
    match static_shape(r#type).as_deref() {
        Some([ones @ .., rows, columns]) if ones.iter().all(|&extent| extent == 1) => {
            Ok([*rows, *columns])
        }
        _ => Err(fail(op, format_args!("needs static rows and columns, got '{}'", r#type))),
    }
}

/// Rows and columns of an argument, whose features may have several extents: a layer that reads
/// it says how many rows there are.
fn matrix<'c>(op: &OperationRef<'c, '_>, argument: Value<'c, '_>) -> pass::Result<'c, [usize; 2]> {
    let extents = static_shape(argument.r#type()).unwrap_or_default();
    let total: usize = extents.iter().product();
    match (rows_read(argument), extents.as_slice()) {
        (Some(rows), _) if rows > 0 && keeps_rows(&extents, rows, total / rows) => {
            Ok([rows, total / rows])
        }
        (_, [rows, _, _, ..]) if *rows > 1 => Ok([*rows, total / *rows]),
        _ => rank_two(op, argument.r#type()),
    }
}

/// Rows that the first multiplication sees which a tensor gets to.
fn rows_read(value: Value) -> Option<usize> {
    let mut users = rewrite::users(value).into_iter().rev();
    users.find_map(|user| {
        if rewrite::is(&user, "tosa.matmul") {
            return rank_two(&user, user.operand(0).ok()?.r#type()).ok().map(|[rows, _]| rows);
        }
        rows_read(user.results().next()?.into())
    })
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
