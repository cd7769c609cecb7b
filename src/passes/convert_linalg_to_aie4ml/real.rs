//! Quantization as arithmetic of floats becomes `quant` casts with float `tosa` between them.
//!
//! ```text
//! fptosi(clamp(roundeven(x / s) + z))    quant.qcast
//! (sitofp(code) - z) * s                 quant.dcast
//! sum of products with w                 tosa.matmul by quant.dcast of w as integers times a scale
//! ```

use crate::{
    dialect::{
        aie4ml,
        elements::{Elements, Origin},
        scalar::element,
    },
    mlir::{
        pass::{self, fail},
        quant::Uniform,
        rewrite,
    },
    plan::scalar::{
        Id, Node, RealBinary,
        reals::{common_scale, is_real},
    },
};
use melior::{
    Context,
    ir::{
        Attribute, BlockLike, Location, OperationRef, Type, Value, ValueLike,
        attribute::{DenseElementsAttribute, FloatAttribute},
        operation::OperationLike,
        r#type::{IntegerType, RankedTensorType},
    },
};
use std::collections::HashMap;

struct Raising<'c, 'a> {
    context: &'c Context,
    func: OperationRef<'c, 'a>,
    elements: Elements<'c, 'a>,
    /// New ops are put before it.
    at: OperationRef<'c, 'a>,
    values: HashMap<Id, Value<'c, 'a>>,
    codes: HashMap<Id, Codes<'c, 'a>>,
}

/// Codes that exist: with their meaning, or without one.
#[derive(Clone, Copy)]
struct Codes<'c, 'a> {
    value: Value<'c, 'a>,
    meaning: Option<Uniform>,
    bits: u32,
}

/// Rewrites a function in place.
pub fn raise<'c, 'a>(func: OperationRef<'c, 'a>, elements: Elements<'c, 'a>) -> pass::Result<'c> {
    let body = rewrite::body(func).expect("checked by run");
    let old = rewrite::ops(body);
    let Some(&at) = old.last() else { return Ok(()) };
    let context = rewrite::context(func.location());
    let results = elements.results.clone();
    let (values, codes) = (HashMap::new(), HashMap::new());
    let mut raising = Raising { context, func, elements, at, values, codes };
    for (index, (id, r#type)) in results.into_iter().enumerate() {
        let value = if is_real(&raising.elements.graph, id) {
            raising.real(id)?
        } else {
            let Codes { value, meaning, bits } = raising.code(id)?;
            match meaning {
                Some(_) => raising.cast("quant.scast", id, value, raising.integer(bits)),
                None => value,
            }
        };
        let value = raising.reshape(value, r#type);
        rewrite::set_operand(at, index, value);
    }
    for op in old.iter().rev().filter(|op| **op != at) {
        rewrite::erase(*op);
    }
    Ok(())
}

impl<'c, 'a> Raising<'c, 'a> {
    /// The op that computes an expression.
    fn place(&self, id: Id) -> OperationRef<'c, 'a> {
        self.elements.places.get(&id).copied().unwrap_or(self.at)
    }

    fn location(&self, id: Id) -> Location<'c> {
        self.place(id).location()
    }

    fn integer(&self, bits: u32) -> Type<'c> {
        IntegerType::new(self.context, bits).into()
    }

    fn float(&self) -> Type<'c> {
        Type::float32(self.context)
    }

    fn columns(&self, value: Value<'c, 'a>) -> usize {
        let tensor = RankedTensorType::try_from(value.r#type()).ok();
        let shape = tensor.and_then(aie4ml::shape).unwrap_or_default();
        shape.iter().product::<usize>() / self.elements.rows.max(1)
    }

    fn matrix(&self, columns: usize, element: Type<'c>) -> Type<'c> {
        tensor(&[self.elements.rows, columns], element)
    }

    fn op(
        &self,
        name: &str,
        location: Location<'c>,
        operands: &[Value<'c, '_>],
        attributes: &[(&str, Attribute<'c>)],
        result: Type<'c>,
    ) -> Value<'c, 'a> {
        let new = aie4ml::build(name, location, operands, attributes, result);
        rewrite::insert_before(self.at, new).result(0).expect("it has one result").into()
    }

    fn constant(&self, location: Location<'c>, shape: &[usize], values: &[f64]) -> Value<'c, 'a> {
        let r#type = tensor(shape, self.float());
        let bytes: Vec<u8> =
            values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect();
        let dense = DenseElementsAttribute::raw_buffer(r#type, &bytes).into();
        self.op("tosa.const", location, &[], &[("values", dense)], r#type)
    }

    /// The tensor at another shape; itself if it has it.
    fn reshape(&self, value: Value<'c, 'a>, r#type: Type<'c>) -> Value<'c, 'a> {
        if value.r#type() == r#type {
            return value;
        }
        let shape = RankedTensorType::try_from(r#type).ok().and_then(aie4ml::shape);
        let shape = shape.unwrap_or_default();
        let location = self.at.location();
        let text: Vec<String> = shape.iter().map(usize::to_string).collect();
        let rank = shape.len();
        let values = format!("dense<[{}]> : tensor<{rank}xindex>", text.join(", "));
        let values = Attribute::parse(self.context, &values).expect("extents are an attribute");
        let of = Type::parse(self.context, &format!("!tosa.shape<{rank}>"));
        let of = of.expect("a shape has a type");
        let shape = self.op("tosa.const_shape", location, &[], &[("values", values)], of);
        self.op("tosa.reshape", location, &[value, shape], &[], r#type)
    }

    fn cast(&self, name: &str, id: Id, value: Value<'c, 'a>, element: Type<'c>) -> Value<'c, 'a> {
        let r#type = self.matrix(self.columns(value), element);
        self.op(name, self.location(id), &[value], &[], r#type)
    }

    /// A real tensor, with rows and columns.
    fn real(&mut self, id: Id) -> pass::Result<'c, Value<'c, 'a>> {
        if let Some(&value) = self.values.get(&id) {
            return Ok(value);
        }
        let value = self.make(id)?;
        self.values.insert(id, value);
        Ok(value)
    }

    fn make(&mut self, id: Id) -> pass::Result<'c, Value<'c, 'a>> {
        if let Some(found) = self.elements.graph.dequantizer(id) {
            let Codes { value, meaning, bits } = self.code(found.of)?;
            let (scale, zero_point) = (found.scale, found.zero_point);
            let signed = found.signed;
            let (min, max) = meaning.filter(|meaning| meaning.signed == signed).map_or_else(
                || crate::exact::range(i64::from(bits), signed),
                |meaning| (meaning.min, meaning.max),
            );
            let now = Uniform { bits, signed, scale, zero_point, min, max };
            let value = match meaning {
                Some(meaning) if meaning == now => value,
                Some(_) => {
                    let stored = self.cast("quant.scast", id, value, self.integer(bits));
                    self.cast("quant.scast", id, stored, now.r#type(self.context))
                }
                None => self.cast("quant.scast", id, value, now.r#type(self.context)),
            };
            return Ok(self.cast("quant.dcast", id, value, self.float()));
        }
        let node = self.elements.graph.node(id).clone();
        match node {
            Node::Root(root) => {
                let (origin, columns, _) = self.elements.roots[root];
                match origin {
                    Origin::Argument(index) => {
                        let body = rewrite::body(self.func).expect("checked by run");
                        let argument: Value = body.argument(index).expect("in range").into();
                        let element = element(argument.r#type());
                        Ok(self.reshape(argument, self.matrix(columns, element)))
                    }
                    Origin::Product(index) => self.product(index, id),
                }
            }
            Node::RealBinary(op, a, b) => self.binary(id, op, a, b),
            Node::Select(condition, a, b) => {
                let limit = self.elements.graph.real_limit(condition, a, b);
                let Some((op, value, number)) = limit else { return Err(self.unknown(id)) };
                self.binary(id, op, value, number)
            }
            _ => Err(self.unknown(id)),
        }
    }

    fn unknown(&self, id: Id) -> pass::Failure<'c> {
        fail(
            &self.place(id),
            "computes reals in a way that is not supported in a quantized network yet: quantize before and after it",
        )
    }

    fn binary(&mut self, id: Id, op: RealBinary, a: Id, b: Id) -> pass::Result<'c, Value<'c, 'a>> {
        let location = self.location(id);
        let graph = &self.elements.graph;
        let (value, numbers, first) = match (graph.reals(a), graph.reals(b)) {
            (None, Some(numbers)) => (a, numbers, false),
            (Some(numbers), None) => (b, numbers, true),
            (None, None) => {
                let name = match op {
                    RealBinary::Add => "tosa.add",
                    RealBinary::Sub => "tosa.sub",
                    _ => return Err(self.unknown(id)),
                };
                let (x, y) = (self.real(a)?, self.real(b)?);
                return Ok(self.op(name, location, &[x, y], &[], x.r#type()));
            }
            _ => return Err(self.unknown(id)),
        };
        let x = self.real(value)?;
        match (op, first) {
            (RealBinary::Add, _) => Ok(self.add(location, x, &numbers)),
            (RealBinary::Sub, false) => {
                let numbers: Vec<f64> = numbers.iter().map(|number| -number).collect();
                Ok(self.add(location, x, &numbers))
            }
            (RealBinary::Mul, _) => self.multiply(id, x, &numbers),
            (RealBinary::Div, false) => {
                let inverse: Vec<f64> = numbers.iter().map(|number| 1.0 / number).collect();
                let exact =
                    inverse.iter().all(|x| crate::mlir::quant::power_of_two(x.abs()).is_some());
                match exact {
                    true => self.multiply(id, x, &inverse),
                    false => Err(self.unknown(id)),
                }
            }
            (RealBinary::Min | RealBinary::Max, _) if numbers.len() == 1 => {
                let limit =
                    |value: f64| FloatAttribute::new(self.context, self.float(), value).into();
                let (min, max) = match op {
                    RealBinary::Max => (numbers[0], f64::from(f32::MAX)),
                    _ => (f64::from(f32::MIN), numbers[0]),
                };
                if min <= f64::from(f32::MIN) && max >= f64::from(f32::MAX) {
                    return Ok(x);
                }
                let attributes = [("min_val", limit(min)), ("max_val", limit(max))];
                Ok(self.op("tosa.clamp", location, &[x], &attributes, x.r#type()))
            }
            _ => Err(self.unknown(id)),
        }
    }

    fn multiply(
        &mut self,
        id: Id,
        x: Value<'c, 'a>,
        numbers: &[f64],
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let location = self.location(id);
        if numbers.iter().any(|&number| f64::from(number as f32) != number) {
            return Err(self.unknown(id));
        }
        let factor = self.constant(location, &[1, numbers.len()], numbers);
        let byte = tensor(&[1], self.integer(8));
        let zero = DenseElementsAttribute::raw_buffer(byte, &[0]).into();
        let shift = self.op("tosa.const", location, &[], &[("values", zero)], byte);
        Ok(self.op("tosa.mul", location, &[x, factor, shift], &[], x.r#type()))
    }

    /// A sum with numbers that 32 bits hold, or that integers and a scale do.
    fn add(&self, location: Location<'c>, x: Value<'c, 'a>, numbers: &[f64]) -> Value<'c, 'a> {
        let shape = [1, numbers.len()];
        let exact = numbers.iter().all(|&number| f64::from(number as f32) == number);
        let codes = common_scale(numbers)
            .filter(|(_, codes)| !exact && codes.iter().all(|&code| i32::try_from(code).is_ok()));
        let numbers = match codes {
            Some((scale, codes)) => self.dequantized(location, &shape, 32, scale, &codes),
            None => self.constant(location, &shape, numbers),
        };
        self.op("tosa.add", location, &[x, numbers], &[], x.r#type())
    }

    /// A constant of integers times a scale.
    fn dequantized(
        &self,
        location: Location<'c>,
        shape: &[usize],
        bits: u32,
        scale: f64,
        codes: &[i64],
    ) -> Value<'c, 'a> {
        let (min, max) = crate::exact::range(bits.into(), true);
        let quant = Uniform { bits, signed: true, scale, zero_point: 0, min, max };
        self.dequantized_as(location, shape, bits, quant.r#type(self.context), codes)
    }

    fn dequantized_as(
        &self,
        location: Location<'c>,
        shape: &[usize],
        bits: u32,
        quant: Type<'c>,
        codes: &[i64],
    ) -> Value<'c, 'a> {
        let stored = tensor(shape, self.integer(bits));
        let bytes: Vec<u8> = codes
            .iter()
            .flat_map(|code| code.to_le_bytes().into_iter().take(bits as usize / 8))
            .collect();
        let dense = DenseElementsAttribute::raw_buffer(stored, &bytes).into();
        let value = self.op("tosa.const", location, &[], &[("values", dense)], stored);
        let value = self.op("quant.scast", location, &[value], &[], tensor(shape, quant));
        self.op("quant.dcast", location, &[value], &[], tensor(shape, self.float()))
    }

    fn product(&mut self, index: usize, id: Id) -> pass::Result<'c, Value<'c, 'a>> {
        let product = &self.elements.products[index];
        let (op, input, columns) = (product.op, product.input, product.columns);
        let location = op.location();
        let reals = |values: &[i64]| -> Vec<f64> {
            values.iter().map(|&bits| f64::from_bits(bits as u64)).collect()
        };
        let (values, initial) = (reals(&product.weights), reals(&product.initial));
        if !is_real(&self.elements.graph, id) {
            return Err(fail(
                &op,
                "multiplies integers in a network of reals, which is not supported yet",
            ));
        }
        let x = self.real(input)?;
        let rows = self.elements.rows;
        let k = values.len() / columns.max(1);
        let x = self.reshape(x, tensor(&[1, rows, k], self.float()));
        let shape = [1, k, columns];
        let weights = self.weights(op, &shape, &values)?;
        let zero = self.constant(location, &[1], &[0.0]);
        let r#type = tensor(&[1, rows, columns], self.float());
        let sums = self.op("tosa.matmul", location, &[x, weights, zero, zero], &[], r#type);
        let sums = self.reshape(sums, self.matrix(columns, self.float()));
        if initial.iter().all(|&x| x == 0.0) {
            return Ok(sums);
        }
        Ok(self.add(location, sums, &initial))
    }

    /// Weights as integers of 8 bits times a scale, of all or of each column; of more bits, if they need them.
    fn weights(
        &self,
        op: OperationRef<'c, 'a>,
        shape: &[usize; 3],
        values: &[f64],
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let location = op.location();
        let fits = |codes: &[i64], bits: u32| {
            let (min, max) = crate::exact::range(bits.into(), true);
            codes.iter().all(|code| (min..=max).contains(code))
        };
        let whole = common_scale(values);
        if let Some((scale, codes)) = &whole
            && fits(codes, 8)
        {
            return Ok(self.dequantized(location, shape, 8, *scale, codes));
        }
        let columns = shape[2];
        let each: Option<Vec<(f64, Vec<i64>)>> = (0..columns)
            .map(|j| {
                let column: Vec<f64> = values.iter().skip(j).step_by(columns).copied().collect();
                common_scale(&column).filter(|(_, codes)| fits(codes, 8))
            })
            .collect();
        if let Some(each) = each {
            let scales: Vec<String> =
                each.iter().map(|(scale, _)| format!("{scale:.17e}")).collect();
            let text = format!("!quant.uniform<i8:f32:2, {{{}}}>", scales.join(", "));
            if let Some(quant) = Type::parse(self.context, &text) {
                let codes: Vec<i64> =
                    (0..values.len()).map(|i| each[i % columns].1[i / columns]).collect();
                return Ok(self.dequantized_as(location, shape, 8, quant, &codes));
            }
        }
        match whole {
            Some((scale, codes)) if fits(&codes, 16) => {
                Ok(self.dequantized(location, shape, 16, scale, &codes))
            }
            _ => Err(fail(
                &op,
                "has weights that are not integers of up to 16 bits times a scale: quantize them",
            )),
        }
    }

    /// Codes, of an argument or quantized.
    fn code(&mut self, id: Id) -> pass::Result<'c, Codes<'c, 'a>> {
        if let Some(&codes) = self.codes.get(&id) {
            return Ok(codes);
        }
        let graph = &self.elements.graph;
        let codes = if let Some(found) = graph.quantizer(id) {
            let holds = |bits: u32| {
                let (min, max) = crate::exact::range(bits.into(), found.signed);
                min <= found.min && found.max <= max
            };
            let Some(bits) = [8, 16, 32].into_iter().find(|&bits| holds(bits)) else {
                return Err(fail(&self.place(id), "quantizes to more than 32 bits"));
            };
            let meaning = Uniform {
                bits,
                signed: found.signed,
                scale: found.scale,
                zero_point: found.zero_point,
                min: found.min,
                max: found.max,
            };
            let x = self.real(found.of)?;
            let value = self.cast("quant.qcast", id, x, meaning.r#type(self.context));
            Codes { value, meaning: Some(meaning), bits }
        } else if let Node::Root(root) = *graph.node(id)
            && let (Origin::Argument(index), columns, _) = self.elements.roots[root]
        {
            let bits = graph.bits(id);
            let body = rewrite::body(self.func).expect("checked by run");
            let argument: Value = body.argument(index).expect("in range").into();
            let value = self.reshape(argument, self.matrix(columns, self.integer(bits)));
            Codes { value, meaning: None, bits }
        } else {
            return Err(fail(
                &self.place(id),
                "computes integers that are no quantized reals, in a network of reals, which is not supported yet",
            ));
        };
        self.codes.insert(id, codes);
        Ok(codes)
    }
}

fn tensor<'c>(shape: &[usize], element: Type<'c>) -> Type<'c> {
    let shape: Vec<u64> = shape.iter().map(|&extent| extent as u64).collect();
    RankedTensorType::new(&shape, element, None).into()
}
