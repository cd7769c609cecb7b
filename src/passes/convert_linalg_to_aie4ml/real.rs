//! Quantization as arithmetic of floats, around layers of any kind, becomes `quant` casts with
//! float `tosa` between them.
//!
//! What is computed of each element is an expression of the tensors that it reads, over however
//! many ops it is spread, in which quantizers and dequantizers are found. What moves, repeats,
//! sums or multiplies elements is known by the indices of its loops, and becomes the `tosa` op of
//! these loops.

use super::{
    key,
    rows::{Loops, list, paddings, result_shape, shape_of, yielded},
};
use crate::{
    dialect::{
        aie4ml,
        elements::{Elements, Tensor},
        scalar,
    },
    mlir::{
        constant,
        pass::{self, fail},
        quant::{Uniform, power_of_two},
        rewrite,
    },
    plan::scalar::{
        Id, Node, REAL, RealBinary, RealUnary,
        reals::{common_scale, is_real},
    },
};
use melior::{
    Context,
    ir::{
        Attribute, BlockLike, OperationRef, Type, Value, ValueLike,
        attribute::{DenseElementsAttribute, DenseI32ArrayAttribute},
        attribute::{FloatAttribute, IntegerAttribute},
        operation::OperationLike,
        r#type::{IntegerType, RankedTensorType},
    },
};
use std::collections::HashMap;

mod layers;

struct Raising<'c, 'a> {
    context: &'c Context,
    /// Has the constants, and the expressions.
    elements: Elements<'c, 'a>,
    /// New ops are put before it.
    at: OperationRef<'c, 'a>,
    /// Of each root.
    roots: Vec<Value<'c, 'a>>,
    tensors: HashMap<usize, Known>,
    values: HashMap<Id, Value<'c, 'a>>,
    codes: HashMap<Id, Codes<'c, 'a>>,
}

/// A tensor that is computed.
#[derive(Clone)]
struct Known {
    id: Id,
    shape: Vec<usize>,
    padding: Option<Padding>,
}

/// What is around a tensor of that shape.
#[derive(Clone)]
struct Padding {
    low: Vec<usize>,
    high: Vec<usize>,
    value: f64,
}

/// Codes that exist: with their meaning, or without one.
#[derive(Clone, Copy)]
struct Codes<'c, 'a> {
    value: Value<'c, 'a>,
    meaning: Option<Uniform>,
    bits: u32,
}

/// Rewrites a function in place.
pub(super) fn raise<'c>(func: OperationRef<'c, '_>) -> pass::Result<'c> {
    let body = rewrite::body(func).ok_or_else(|| fail(&func, "has no body"))?;
    let old = rewrite::ops(body);
    let Some(&at) = old.last() else { return Ok(()) };
    let mut raising = Raising {
        context: rewrite::context(func.location()),
        elements: Elements::of_rows(1),
        at,
        roots: Vec::new(),
        tensors: HashMap::new(),
        values: HashMap::new(),
        codes: HashMap::new(),
    };
    for index in 0..body.argument_count() {
        let argument: Value = body.argument(index).map_err(|error| fail(&func, error))?.into();
        raising.define(func, argument, argument)?;
    }
    for &op in old.iter().filter(|op| **op != at) {
        raising.op(op)?;
    }
    let mut results = Vec::new();
    for index in 0..at.operand_count() {
        let operand = at.operand(index).map_err(|error| fail(&at, error))?;
        if !raising.tensors.contains_key(&key(operand)) {
            return Err(fail(&at, "returns a constant: a network computes its results"));
        }
        let known = raising.operand(at, index)?;
        let value = if is_real(&raising.elements.graph, known.id) {
            raising.real(known.id)?
        } else {
            let Codes { value, meaning, bits } = raising.code(known.id)?;
            match meaning {
                Some(_) => raising.cast("quant.scast", at, value, raising.integer(bits)),
                None => value,
            }
        };
        results.push(raising.reshape(at, value, &known.shape));
    }
    for (index, value) in results.into_iter().enumerate() {
        rewrite::set_operand(at, index, value);
    }
    for op in old.iter().rev().filter(|op| **op != at) {
        rewrite::erase(*op);
    }
    for op in rewrite::ops(body).into_iter().rev().filter(|op| *op != at) {
        if op.results().all(|result| rewrite::users(result.into()).is_empty()) {
            rewrite::erase(op);
        }
    }
    Ok(())
}

impl<'c, 'a> Raising<'c, 'a> {
    fn op(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        if !op.operands().any(|operand| self.tensors.contains_key(&key(operand))) {
            return self.elements.op(op);
        }
        let name = op.name();
        let name = name.as_string_ref();
        match name.as_str().unwrap_or_default() {
            "tensor.expand_shape" | "tensor.collapse_shape" | "tensor.cast" => {
                let known = self.operand(op, 0)?;
                let shape = result_shape(op)?;
                if known.shape == shape {
                    return self.set(op, known);
                }
                let value = self.value(known.id)?;
                let value = self.reshape(op, value, &shape);
                self.result(op, value)
            }
            "tensor.pad" => self.pad(op),
            "tensor.extract_slice" => self.slice(op),
            "tensor.concat" => {
                let axis = op.attribute("dim").ok();
                let axis = axis.and_then(|axis| IntegerAttribute::try_from(axis).ok());
                let axis = axis.ok_or_else(|| fail(&op, "needs the axis of a concatenation"))?;
                let mut parts = Vec::new();
                for index in 0..op.operand_count() {
                    let known = self.operand(op, index)?;
                    parts.push(self.value(known.id)?);
                }
                let shape = result_shape(op)?;
                let r#type = tensor(&shape, scalar::element(parts[0].r#type()));
                let axis =
                    IntegerAttribute::new(IntegerType::new(self.context, 32).into(), axis.value());
                let value = self.build("tosa.concat", op, &parts, &[("axis", axis.into())], r#type);
                self.result(op, value)
            }
            "linalg.generic" => {
                let loops = Loops::of(op).ok_or_else(|| {
                    fail(&op, "reads elements by indices that are no sums of its loops, which is not mapped to the array yet")
                })?;
                match loops.parallel.iter().all(|&parallel| parallel) {
                    true => self.map(&loops),
                    false => self.reduce(&loops),
                }
            }
            _ => Err(fail(
                &op,
                "is not supported in a quantized network yet: convolutions, pools, products, sums over axes and what is computed of each element are",
            )),
        }
    }

    // What is written.

    fn build(
        &self,
        name: &str,
        from: OperationRef<'c, 'a>,
        operands: &[Value<'c, '_>],
        attributes: &[(&str, Attribute<'c>)],
        result: Type<'c>,
    ) -> Value<'c, 'a> {
        let new = aie4ml::build(name, from.location(), operands, attributes, result);
        rewrite::insert_before(self.at, new).result(0).expect("it has one result").into()
    }

    fn integer(&self, bits: u32) -> Type<'c> {
        IntegerType::new(self.context, bits).into()
    }

    fn float(&self) -> Type<'c> {
        Type::float32(self.context)
    }

    fn constant(
        &self,
        from: OperationRef<'c, 'a>,
        shape: &[usize],
        values: &[f64],
    ) -> Value<'c, 'a> {
        let r#type = tensor(shape, self.float());
        let bytes: Vec<u8> =
            values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect();
        let dense = DenseElementsAttribute::raw_buffer(r#type, &bytes).into();
        self.build("tosa.const", from, &[], &[("values", dense)], r#type)
    }

    /// Extents, as `tosa` takes them.
    fn extents(&self, from: OperationRef<'c, 'a>, extents: &[usize]) -> Value<'c, 'a> {
        let text: Vec<String> = extents.iter().map(usize::to_string).collect();
        let rank = extents.len();
        let values = match rank {
            0 => "dense<> : tensor<0xindex>".to_owned(),
            _ => format!("dense<[{}]> : tensor<{rank}xindex>", text.join(", ")),
        };
        let values = Attribute::parse(self.context, &values).expect("extents are an attribute");
        let of = Type::parse(self.context, &format!("!tosa.shape<{rank}>"));
        let of = of.expect("a shape has a type");
        self.build("tosa.const_shape", from, &[], &[("values", values)], of)
    }

    /// The tensor at another shape; itself if it has it.
    fn reshape(
        &self,
        from: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        shape: &[usize],
    ) -> Value<'c, 'a> {
        let has = |value| shape_of(value).as_deref() == Some(shape);
        if has(value) {
            return value;
        }
        if let Some(before) = constant::defining_op(value)
            && rewrite::is(&before, "tosa.reshape")
            && let Some(before) = before.operands().next().filter(|&before| has(before))
        {
            return before;
        }
        let r#type = tensor(shape, scalar::element(value.r#type()));
        let extents = self.extents(from, shape);
        self.build("tosa.reshape", from, &[value, extents], &[], r#type)
    }

    /// Axes in another order; itself if it is theirs.
    fn transpose(
        &self,
        from: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        order: &[usize],
    ) -> Value<'c, 'a> {
        if order.iter().copied().eq(0..order.len()) {
            return value;
        }
        let shape = shape_of(value).unwrap_or_default();
        let to: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
        let order: Vec<i32> = order.iter().map(|&axis| axis as i32).collect();
        let perms = DenseI32ArrayAttribute::new(self.context, &order).into();
        let r#type = tensor(&to, scalar::element(value.r#type()));
        self.build("tosa.transpose", from, &[value], &[("perms", perms)], r#type)
    }

    fn cast(
        &self,
        name: &str,
        from: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        element: Type<'c>,
    ) -> Value<'c, 'a> {
        let shape = shape_of(value).unwrap_or_default();
        self.build(name, from, &[value], &[], tensor(&shape, element))
    }

    /// A constant of integers times a scale: the type says both.
    fn dequantized(
        &self,
        from: OperationRef<'c, 'a>,
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
        let value = self.build("tosa.const", from, &[], &[("values", dense)], stored);
        let value = self.build("quant.scast", from, &[value], &[], tensor(shape, quant));
        self.build("quant.dcast", from, &[value], &[], tensor(shape, self.float()))
    }

    fn uniform(&self, bits: u32, scale: f64) -> Type<'c> {
        let (min, max) = crate::exact::range(bits.into(), true);
        Uniform { bits, signed: true, scale, zero_point: 0, min, max }.r#type(self.context)
    }

    /// Reals that 32 bits hold, or that integers and a scale do.
    fn numbers(
        &self,
        from: OperationRef<'c, 'a>,
        shape: &[usize],
        values: &[f64],
    ) -> Value<'c, 'a> {
        let exact = values.iter().all(|&value| f64::from(value as f32) == value);
        let codes = common_scale(values)
            .filter(|(_, codes)| !exact && codes.iter().all(|&code| i32::try_from(code).is_ok()));
        match codes {
            Some((scale, codes)) => {
                self.dequantized(from, shape, 32, self.uniform(32, scale), &codes)
            }
            None => self.constant(from, shape, values),
        }
    }

    /// Weights as integers of 8 bits times a scale, of all or of each step along an axis; of more
    /// bits, if they need them.
    fn weights(
        &self,
        op: OperationRef<'c, 'a>,
        shape: &[usize],
        values: &[f64],
        axis: usize,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let fits = |codes: &[i64], bits: u32| {
            let (min, max) = crate::exact::range(bits.into(), true);
            codes.iter().all(|code| (min..=max).contains(code))
        };
        let whole = common_scale(values);
        if let Some((scale, codes)) = &whole
            && fits(codes, 8)
        {
            return Ok(self.dequantized(op, shape, 8, self.uniform(8, *scale), codes));
        }
        let inner: usize = shape[axis + 1..].iter().product();
        let channel = |index: usize| index / inner % shape[axis];
        let each: Option<Vec<(f64, Vec<i64>)>> = (0..shape[axis])
            .map(|j| {
                let own = values.iter().enumerate().filter(|(index, _)| channel(*index) == j);
                let own: Vec<f64> = own.map(|(_, value)| *value).collect();
                common_scale(&own).filter(|(_, codes)| fits(codes, 8))
            })
            .collect();
        if let Some(each) = each {
            let scales: Vec<String> =
                each.iter().map(|(scale, _)| format!("{scale:.17e}")).collect();
            let text = format!("!quant.uniform<i8:f32:{axis}, {{{}}}>", scales.join(", "));
            if let Some(quant) = Type::parse(self.context, &text) {
                let mut next: Vec<_> = each.iter().map(|(_, codes)| codes.iter()).collect();
                let codes: Vec<i64> = (0..values.len())
                    .map(|index| next[channel(index)].next().copied().unwrap_or(0))
                    .collect();
                return Ok(self.dequantized(op, shape, 8, quant, &codes));
            }
        }
        match whole {
            Some((scale, codes)) if fits(&codes, 16) => {
                Ok(self.dequantized(op, shape, 16, self.uniform(16, scale), &codes))
            }
            _ => Err(fail(
                &op,
                "has weights that are not integers of up to 16 bits times a scale: quantize them",
            )),
        }
    }

    // What is read.

    fn set(&mut self, op: OperationRef<'c, 'a>, known: Known) -> pass::Result<'c> {
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        self.tensors.insert(key(result.into()), known);
        Ok(())
    }

    /// A new tensor is what an op made.
    fn result(&mut self, op: OperationRef<'c, 'a>, value: Value<'c, 'a>) -> pass::Result<'c> {
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        let value = self.reshape(op, value, &result_shape(op)?);
        self.define(op, result.into(), value)
    }

    fn define(
        &mut self,
        op: OperationRef<'c, 'a>,
        old: Value<'c, 'a>,
        value: Value<'c, 'a>,
    ) -> pass::Result<'c> {
        let shape =
            shape_of(value).ok_or_else(|| fail(&op, "has a tensor without static extents"))?;
        let id = self.leaf(value);
        self.tensors.insert(key(old), Known { id, shape, padding: None });
        Ok(())
    }

    /// An expression of a tensor that exists.
    fn leaf(&mut self, value: Value<'c, 'a>) -> Id {
        let element = scalar::element(value.r#type());
        let bits = match (Uniform::of(element), IntegerType::try_from(element)) {
            (Some(codes), _) => codes.bits,
            (None, Ok(integer)) => integer.width(),
            (None, Err(_)) => REAL,
        };
        self.roots.push(value);
        self.elements.graph.add(Node::Root(self.roots.len() - 1), bits)
    }

    /// The computed tensor of an operand, with what is around it.
    fn operand(&mut self, op: OperationRef<'c, 'a>, index: usize) -> pass::Result<'c, Known> {
        let operand = op.operand(index).map_err(|error| fail(&op, error))?;
        let known = self.tensors.get(&key(operand)).cloned();
        let Some(known) = known else {
            return Err(fail(&op, format_args!("needs a computed tensor as operand {index}")));
        };
        let Some(Padding { low, high, value }) = &known.padding else { return Ok(known) };
        let of = self.real(known.id)?;
        let shape: Vec<usize> =
            known.shape.iter().zip(low.iter().zip(high)).map(|(n, (l, h))| n + l + h).collect();
        let around: Vec<usize> = low.iter().zip(high).flat_map(|(&l, &h)| [l, h]).collect();
        let around = self.extents(op, &around);
        let number = self.constant(op, &[1], &[*value]);
        let r#type = tensor(&shape, self.float());
        let padded = self.build("tosa.pad", op, &[of, around, number], &[], r#type);
        self.define(op, operand, padded)?;
        Ok(self.tensors[&key(operand)].clone())
    }

    fn pad(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let known = self.operand(op, 0)?;
        let [low, high] = paddings(op)?;
        if low.len() != known.shape.len() || high.len() != known.shape.len() {
            return Err(fail(&op, "needs a padding of each axis"));
        }
        let value = yielded(op)?;
        let id = self.elements.scalar(&op, value, &mut HashMap::new())?;
        let value = self.elements.graph.reals(id).filter(|values| values.len() == 1);
        let value = value.ok_or_else(|| fail(&op, "pads with what is no constant real"))?[0];
        self.set(op, Known { padding: Some(Padding { low, high, value }), ..known })
    }

    fn slice(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let known = self.operand(op, 0)?;
        let (start, size) = (list(op, "static_offsets")?, list(op, "static_sizes")?);
        let rank = known.shape.len();
        let whole = start.len() == rank && size.len() == rank;
        if !whole || list(op, "static_strides")?.iter().any(|&stride| stride != 1) {
            return Err(fail(
                &op,
                "takes every other element, which is not mapped to the array yet",
            ));
        }
        let value = self.value(known.id)?;
        let value = self.cut(op, value, &start, &size);
        self.result(op, value)
    }

    fn cut(
        &self,
        op: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        start: &[usize],
        size: &[usize],
    ) -> Value<'c, 'a> {
        if shape_of(value).as_deref() == Some(size) {
            return value;
        }
        let r#type = tensor(size, scalar::element(value.r#type()));
        let (start, size) = (self.extents(op, start), self.extents(op, size));
        self.build("tosa.slice", op, &[value, start, size], &[], r#type)
    }

    /// The op that computes an expression.
    fn place(&self, id: Id) -> OperationRef<'c, 'a> {
        self.elements.places.get(&id).copied().unwrap_or(self.at)
    }

    fn unknown(&self, id: Id) -> pass::Failure<'c> {
        fail(
            &self.place(id),
            "computes reals in a way that is not supported in a quantized network yet: quantize before and after it",
        )
    }

    /// Reals, or codes with their meaning.
    fn value(&mut self, id: Id) -> pass::Result<'c, Value<'c, 'a>> {
        match is_real(&self.elements.graph, id) {
            true => self.real(id),
            false => Ok(self.code(id)?.value),
        }
    }

    fn real(&mut self, id: Id) -> pass::Result<'c, Value<'c, 'a>> {
        if let Some(&value) = self.values.get(&id) {
            return Ok(value);
        }
        let value = self.make(id)?;
        self.values.insert(id, value);
        Ok(value)
    }

    fn make(&mut self, id: Id) -> pass::Result<'c, Value<'c, 'a>> {
        let place = self.place(id);
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
                    let stored = self.cast("quant.scast", place, value, self.integer(bits));
                    self.cast("quant.scast", place, stored, now.r#type(self.context))
                }
                None => self.cast("quant.scast", place, value, now.r#type(self.context)),
            };
            return Ok(self.cast("quant.dcast", place, value, self.float()));
        }
        let graph = &self.elements.graph;
        match *graph.node(id) {
            Node::Root(root) => Ok(self.roots[root]),
            Node::RealBinary(op, a, b) => self.binary(id, op, a, b),
            Node::RealUnary(op, a) => {
                let name = unary(op).ok_or_else(|| self.unknown(id))?;
                let x = self.real(a)?;
                if name == "tosa.negate" {
                    let zero = self.constant(place, &[1], &[0.0]);
                    return Ok(self.build(name, place, &[x, zero, zero], &[], x.r#type()));
                }
                Ok(self.build(name, place, &[x], &[], x.r#type()))
            }
            Node::Select(condition, a, b) => {
                let limit = graph.real_limit(condition, a, b);
                let Some((op, value, number)) = limit else { return Err(self.unknown(id)) };
                self.binary(id, op, value, number)
            }
            _ => Err(self.unknown(id)),
        }
    }

    fn binary(&mut self, id: Id, op: RealBinary, a: Id, b: Id) -> pass::Result<'c, Value<'c, 'a>> {
        let place = self.place(id);
        let graph = &self.elements.graph;
        let one = |id: Id| graph.reals(id).map(|values| values[0]);
        let (value, number, first) = match (one(a), one(b)) {
            (None, Some(number)) => (a, number, false),
            (Some(number), None) => (b, number, true),
            (None, None) => {
                let (x, y) = (self.real(a)?, self.real(b)?);
                let (x, y) = self.ranks(place, x, y);
                let y = match op {
                    RealBinary::Div => self.build("tosa.reciprocal", place, &[y], &[], y.r#type()),
                    _ => y,
                };
                return self.both(id, op, x, y);
            }
            _ => return Err(self.unknown(id)),
        };
        let x = self.real(value)?;
        let rank = shape_of(x).map_or(0, |shape| shape.len());
        let number_of =
            |raising: &Self, number: f64| raising.numbers(place, &vec![1; rank], &[number]);
        match (op, first) {
            (RealBinary::Sub, true) => {
                let number = number_of(self, number);
                self.both(id, op, number, x)
            }
            (RealBinary::Add | RealBinary::Sub | RealBinary::Mul, _) => {
                let number = number_of(self, number);
                self.both(id, op, x, number)
            }
            (RealBinary::Div, false) if power_of_two(number.abs()).is_some() => {
                let number = number_of(self, 1.0 / number);
                self.both(id, RealBinary::Mul, x, number)
            }
            (RealBinary::Div, false) => {
                let number = number_of(self, number);
                let number = self.build("tosa.reciprocal", place, &[number], &[], number.r#type());
                self.both(id, RealBinary::Mul, x, number)
            }
            (RealBinary::Div, true) => {
                let x = self.build("tosa.reciprocal", place, &[x], &[], x.r#type());
                if number == 1.0 {
                    return Ok(x);
                }
                let number = number_of(self, number);
                self.both(id, RealBinary::Mul, x, number)
            }
            (RealBinary::Min | RealBinary::Max, _) => {
                let limit =
                    |value: f64| FloatAttribute::new(self.context, self.float(), value).into();
                let (min, max) = match op {
                    RealBinary::Max => (number, f64::from(f32::MAX)),
                    _ => (f64::from(f32::MIN), number),
                };
                if min <= f64::from(f32::MIN) && max >= f64::from(f32::MAX) {
                    return Ok(x);
                }
                let attributes = [("min_val", limit(min)), ("max_val", limit(max))];
                Ok(self.build("tosa.clamp", place, &[x], &attributes, x.r#type()))
            }
        }
    }

    /// An operation on two tensors, of which one may be repeated along axes.
    fn both(
        &mut self,
        id: Id,
        op: RealBinary,
        x: Value<'c, 'a>,
        y: Value<'c, 'a>,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let place = self.place(id);
        let (a, b) = (shape_of(x).unwrap_or_default(), shape_of(y).unwrap_or_default());
        let shape: Vec<usize> = a.iter().zip(&b).map(|(&a, &b)| a.max(b)).collect();
        let r#type = tensor(&shape, self.float());
        let mut operands = vec![x, y];
        let name = match op {
            RealBinary::Add => "tosa.add",
            RealBinary::Sub => "tosa.sub",
            RealBinary::Mul | RealBinary::Div => {
                let byte = tensor(&[1], self.integer(8));
                let zero = DenseElementsAttribute::raw_buffer(byte, &[0]).into();
                operands.push(self.build("tosa.const", place, &[], &[("values", zero)], byte));
                "tosa.mul"
            }
            RealBinary::Min => "tosa.minimum",
            RealBinary::Max => "tosa.maximum",
        };
        Ok(self.build(name, place, &operands, &[], r#type))
    }

    /// Both with as many axes as the one that has more.
    fn ranks(
        &self,
        place: OperationRef<'c, 'a>,
        x: Value<'c, 'a>,
        y: Value<'c, 'a>,
    ) -> (Value<'c, 'a>, Value<'c, 'a>) {
        let rank = |value| shape_of(value).map_or(0, |shape| shape.len());
        let most = rank(x).max(rank(y));
        let wider = |value: Value<'c, 'a>| {
            let shape = shape_of(value).unwrap_or_default();
            let mut all = vec![1; most - shape.len()];
            all.extend(shape);
            self.reshape(place, value, &all)
        };
        (wider(x), wider(y))
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
            let place = self.place(id);
            let value = self.cast("quant.qcast", place, x, meaning.r#type(self.context));
            Codes { value, meaning: Some(meaning), bits }
        } else if let Node::Root(root) = *graph.node(id) {
            let value = self.roots[root];
            let element = scalar::element(value.r#type());
            match Uniform::of(element) {
                Some(meaning) => Codes { value, meaning: Some(meaning), bits: meaning.bits },
                None => Codes { value, meaning: None, bits: graph.bits(id) },
            }
        } else {
            return Err(fail(
                &self.place(id),
                "computes integers that are no quantized reals, in a network of reals, which is not supported yet",
            ));
        };
        self.codes.insert(id, codes);
        Ok(codes)
    }

    // Loops.

    /// What is computed of each element.
    fn map(&mut self, loops: &Loops<'c, 'a>) -> pass::Result<'c> {
        let op = loops.op;
        let shape = result_shape(op)?;
        let order = loops.order().ok_or_else(|| {
            fail(&op, "writes its result in another order than its loops, which is not mapped to the array yet")
        })?;
        let body = rewrite::body(op).ok_or_else(|| fail(&op, "has no body"))?;
        let mut bound = HashMap::new();
        let mut reach = vec![1; shape.len()];
        let mut repeated = None;
        for index in 0..loops.maps.len() - 1 {
            let value = op.operand(index).map_err(|error| fail(&op, error))?;
            let argument: Value = body.argument(index).map_err(|error| fail(&op, error))?.into();
            // The axis of the operand of each axis of the result.
            let axes: Vec<Option<usize>> = order
                .iter()
                .map(|&dim| loops.maps[index].iter().position(|terms| terms[..] == [(dim, 1)]))
                .collect();
            let taken: Vec<usize> = axes.iter().flatten().copied().collect();
            if self.tensors.contains_key(&key(value)) {
                let known = self.operand(op, index)?;
                let left = (0..known.shape.len()).filter(|axis| !taken.contains(axis));
                let left: Vec<usize> = left.collect();
                if left.iter().any(|&axis| known.shape[axis] > 1) {
                    return Err(fail(
                        &op,
                        "reads elements by indices that are no sums of its loops, which is not mapped to the array yet",
                    ));
                }
                let of = |axis: &Option<usize>| axis.map_or(1, |axis| known.shape[axis]);
                let to: Vec<usize> = axes.iter().map(of).collect();
                for (reach, extent) in reach.iter_mut().zip(&to) {
                    *reach = (*reach).max(*extent);
                }
                let straight = taken.iter().is_sorted() && to == known.shape;
                let id = if straight {
                    known.id
                } else {
                    let value = self.value(known.id)?;
                    let all: Vec<usize> = taken.iter().chain(&left).copied().collect();
                    let value = self.transpose(op, value, &all);
                    let value = self.reshape(op, value, &to);
                    self.leaf(value)
                };
                if to != shape {
                    repeated = Some((key(argument), id));
                }
                bound.insert(key(argument), id);
                continue;
            }
            let Tensor::Constant { shape: own, values, bits } = self.elements.tensor(&op, value)?
            else {
                continue;
            };
            let id = if values.len() == 1 {
                self.elements.constant(values, bits)
            } else if bits != REAL {
                return Err(fail(
                    &op,
                    "computes with integers of each element, in a network of reals, which is not supported yet",
                ));
            } else {
                let to: Vec<usize> =
                    axes.iter().map(|axis| axis.map_or(1, |axis| own[axis])).collect();
                let kept: Vec<usize> = order
                    .iter()
                    .zip(&axes)
                    .filter(|(_, axis)| axis.is_some())
                    .map(|(&dim, _)| dim)
                    .collect();
                let places = loops.places(&kept, &loops.steps(index, &own));
                let values: Vec<f64> = places
                    .into_iter()
                    .map(|at| f64::from_bits(values.get(at).copied().unwrap_or(0) as u64))
                    .collect();
                for (reach, extent) in reach.iter_mut().zip(&to) {
                    *reach = (*reach).max(*extent);
                }
                let value = self.numbers(op, &to, &values);
                self.leaf(value)
            };
            bound.insert(key(argument), id);
        }
        if let (Some((argument, id)), true) = (repeated, reach != shape) {
            // Nothing else has all of the result's extents.
            let value = self.value(id)?;
            let from = shape_of(value).unwrap_or_default();
            let multiples: Vec<usize> =
                shape.iter().zip(&from).map(|(to, from)| to / from).collect();
            let multiples = self.extents(op, &multiples);
            let r#type = tensor(&shape, scalar::element(value.r#type()));
            let value = self.build("tosa.tile", op, &[value, multiples], &[], r#type);
            let id = self.leaf(value);
            bound.insert(argument, id);
        }
        let id = self.elements.scalar(&op, yielded(op)?, &mut bound)?;
        if self.elements.graph.constant(id).is_some() {
            return Err(fail(&op, "makes a constant of a computed tensor"));
        }
        self.elements.places.entry(id).or_insert(op);
        self.set(op, Known { id, shape, padding: None })
    }
}

/// The `tosa` op of a function of one real.
fn unary(op: RealUnary) -> Option<&'static str> {
    Some(match op {
        RealUnary::Negate => "tosa.negate",
        RealUnary::Floor => "tosa.floor",
        RealUnary::Ceil => "tosa.ceil",
        RealUnary::RoundEven => return None,
        RealUnary::Absolute => "tosa.abs",
        RealUnary::Exp => "tosa.exp",
        RealUnary::Log => "tosa.log",
        RealUnary::Erf => "tosa.erf",
        RealUnary::Tanh => "tosa.tanh",
        RealUnary::Rsqrt => "tosa.rsqrt",
        RealUnary::Sine => "tosa.sin",
        RealUnary::Cosine => "tosa.cos",
    })
}

fn tensor<'c>(shape: &[usize], element: Type<'c>) -> Type<'c> {
    let shape: Vec<u64> = shape.iter().map(|&extent| extent as u64).collect();
    RankedTensorType::new(&shape, element, None).into()
}
