//! Integer networks in upstream's dialects become integer layers.
//!
//! ```text
//! tosa, linalg, tensor, arith
//!    |   upstream's lowering to linalg.generic and canonicalization
//!    v
//! expressions of elements, over arguments and sums     dialect::elements
//!    |   what they are exactly, or no layer              plan::scalar
//!    v
//! aie4ml.dense, aie4ml.add, aie4ml.requantize
//! ```
//!
//! Expressions reach from one sum to the next. They are cut where a tensor has
//! to exist: where it is multiplied by weights, added to another one, or
//! returned, and there at the place with the fewest bits. So whatever stands
//! between the sum and that place becomes the stages of one layer, in however
//! many ops it was written.

use crate::{
    dialect::{
        aie4ml::{self, Codes},
        elements::{Elements, Origin, text},
    },
    exact::{Overflow, Requant, Rounding},
    kernel::Integer,
    mlir::{
        constant,
        pass::{self, Pass, fail, run_nested},
        quant::Uniform,
        rewrite,
    },
    operator,
    plan::scalar::{
        Id, REAL, Range, limits, of_channel,
        stages::{Exists, Finder, Found, Root, Unknown, holds},
    },
};
use melior::{
    Context,
    ir::{
        Attribute, BlockLike, Identifier, Location, Operation, OperationRef, ShapedTypeLike, Type,
        TypeLike, Value, ValueLike,
        attribute::{
            ArrayAttribute, DenseElementsAttribute, DenseI64ArrayAttribute, DictionaryAttribute,
            TypeAttribute,
        },
        operation::{OperationBuilder, OperationLike},
        r#type::{FunctionType, IntegerType, RankedTensorType},
    },
};
use std::{cell::RefCell, collections::HashMap};

mod pairs;
mod real;
mod rows;

crate::pass! {
    /// Turn networks of integers in linalg and tosa into integer layers.
    ///
    /// Before: a function of `tosa`, `linalg`, `tensor` and `arith` ops on
    /// integers, without `quant` casts. After: `aie4ml` ops alone; arguments and
    /// results are codes, as they were, with rows and columns.
    ///
    /// Nothing is known by its name: a layer is a sum of products with constant
    /// weights, and what is computed of each of its elements until the next one
    /// is proven to be requantizations for every sum that can occur, or refused.
    /// Codes are stored in the fewest bits that hold what they can be.
    ///
    /// What quantizes by arithmetic of floats, as PyTorch's PT2E writes it, only
    /// becomes `quant` casts here, with float `tosa` between them. Functions with
    /// such casts are for `convert-tosa-to-aie4ml`, which knows any scale.
    pub struct ConvertLinalgToAie4ml: "convert-linalg-to-aie4ml" on "func.func" {}
}

/// Everything upstream has to bring a function into the one form that is read.
const LOWERING: &str = "func.func(\
    tosa-to-linalg-named,tosa-to-linalg,tosa-to-tensor,tosa-to-arith,linalg-generalize-named-ops,\
    canonicalize,cse)";

impl Pass for ConvertLinalgToAie4ml {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let Some(body) = rewrite::body(func) else { return Ok(()) };
        let ops = rewrite::ops(body);
        for index in 0..body.argument_count() {
            let r#type = body.argument(index).expect("in range").r#type();
            let tensor = RankedTensorType::try_from(r#type).ok();
            if tensor.is_some_and(|tensor| aie4ml::shape(tensor).is_none()) {
                return Err(fail(
                    &func,
                    format_args!(
                        "takes {} of type '{}', whose extents are not all given: give it the batch that the array is to compute at once",
                        input(func, index),
                        r#type
                    ),
                ));
            }
        }
        let of = |dialect: &str| ops.iter().any(|op| named(op, dialect));
        if of("quant.") || of("aie4ml.") || !["tosa.", "linalg."].iter().any(|name| of(name)) {
            return Ok(());
        }
        // Without integers nothing is quantized, which the passes after this one say.
        if !ops.iter().any(computes_integers) {
            return Ok(());
        }
        // What a host computes is not for the array.
        if text(&func, "sym_visibility").as_deref() == Some("private") {
            return Ok(());
        }
        let real = ops.iter().any(computes_reals);
        resolve(func)?;
        if !run_nested(func, LOWERING) {
            return Err(fail(&func, "cannot be lowered to 'linalg.generic'"));
        }
        if real {
            return real::raise(func);
        }
        if rows::wanted(func) {
            return rows::convert(func);
        }
        let elements = Elements::read(func)?;
        Conversion::new(func, elements).convert()
    }
}

/// An input by its name, if it has one.
fn input(func: OperationRef, index: usize) -> String {
    let name = aie4ml::boundary_name(func, "arg_attrs", index);
    name.map_or_else(|| format!("input {index}"), |name| format!("input '{name}'"))
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

fn named(op: &OperationRef, start: &str) -> bool {
    op.name().as_string_ref().as_str().is_ok_and(|name| name.starts_with(start))
}

/// Whether an op makes or takes a tensor of integers that is not constant.
fn computes_integers(op: &OperationRef) -> bool {
    let integer = |value: Value| {
        let tensor = RankedTensorType::try_from(value.r#type());
        let integer = tensor.is_ok_and(|tensor| IntegerType::try_from(tensor.element()).is_ok());
        let constant = constant::defining_op(value).is_some_and(|op| {
            ["arith.constant", "tosa.const"].iter().any(|name| rewrite::is(&op, name))
        });
        integer && !constant
    };
    op.operands().chain(op.results().map(Value::from)).any(integer)
}

/// Whether an op makes or takes a tensor of reals.
fn computes_reals(op: &OperationRef) -> bool {
    let real = |value: Value| {
        let element = crate::dialect::scalar::element(value.r#type());
        element.is_f32() || element.is_f64() || element.is_f16() || element.is_bf16()
    };
    op.operands().chain(op.results().map(Value::from)).any(real)
}

/// Makes constants that are resources dense, as upstream folds only these.
fn resolve<'c>(func: OperationRef<'c, '_>) -> pass::Result<'c> {
    for op in rewrite::body(func).into_iter().flat_map(rewrite::ops) {
        let attributes: Vec<_> = op.attributes().collect();
        for (name, attribute) in attributes {
            let Some(dense) = constant::resolve(attribute) else { continue };
            let dense = dense.map_err(|problem| fail(&op, problem))?;
            let name = name.as_string_ref().as_str().unwrap_or_default().to_owned();
            rewrite::set_attribute(op, &name, dense);
        }
    }
    Ok(())
}

/// What a root is in the new function.
#[derive(Clone)]
enum Made<'c, 'a> {
    /// A tensor of codes.
    Codes(Value<'c, 'a>),
    /// Sums of a dense layer that is made where its stages are known.
    Dense {
        input: Value<'c, 'a>,
        weights: Vec<i64>,
        columns: usize,
        bias: Vec<i128>,
        location: Location<'c>,
    },
    /// Sums of an operator whose bias and stages are not known yet.
    Operator {
        node: Box<operator::Node>,
        input: Value<'c, 'a>,
        bias: Vec<i128>,
        columns: usize,
        location: Location<'c>,
    },
    Add {
        operands: [Value<'c, 'a>; 2],
        factors: [i64; 2],
        columns: usize,
        location: Location<'c>,
    },
}

struct Conversion<'c, 'a> {
    context: &'c Context,
    func: OperationRef<'c, 'a>,
    elements: Elements<'c, 'a>,
    roots: Vec<Root>,
    /// Of each root.
    values: Vec<Made<'c, 'a>>,
    exist: HashMap<Id, Exists>,
    /// What was written.
    inserted: RefCell<Vec<OperationRef<'c, 'a>>>,
}

impl<'c, 'a> Conversion<'c, 'a> {
    fn new(func: OperationRef<'c, 'a>, elements: Elements<'c, 'a>) -> Self {
        Conversion {
            context: rewrite::context(func.location()),
            func,
            elements,
            roots: Vec::new(),
            values: Vec::new(),
            exist: HashMap::new(),
            inserted: RefCell::default(),
        }
    }

    fn convert(mut self) -> pass::Result<'c> {
        let body = rewrite::body(self.func).expect("checked by run");
        let old = rewrite::ops(body);
        let count = body.argument_count();
        let origins = self.elements.roots.clone();
        for (origin, columns, id) in origins {
            let root = match origin {
                Origin::Argument(index) => self.argument(index, columns)?,
                Origin::Product(index) => self.product(index)?,
            };
            self.exist.insert(id, Exists { root, offset: 0 });
        }
        let r#return = body.terminator().expect("a function ends in a return");
        let r#return = old.iter().copied().find(|op| **op == *r#return).unwrap_or(self.func);
        let results = self.elements.results.clone();
        for (index, (id, r#type)) in results.into_iter().enumerate() {
            let element = crate::dialect::scalar::element(r#type);
            let bits = IntegerType::try_from(element).map_or(8, |integer| integer.width());
            let value = self.exist_as_result(r#return, id, index, bits)?;
            rewrite::set_operand(r#return, index, value);
        }
        self.finish(&old, count)
    }

    /// Takes out what the function was, with as many arguments, and gives it its type.
    fn finish(&self, old: &[OperationRef<'c, 'a>], count: usize) -> pass::Result<'c> {
        let body = rewrite::body(self.func).expect("checked by run");
        let r#return = old.last().copied().unwrap_or(self.func);
        for op in old.iter().rev().filter(|op| **op != r#return) {
            rewrite::erase(*op);
        }
        for index in (0..count).rev() {
            rewrite::erase_argument(body, index);
        }
        let inputs: Vec<Type> = (0..body.argument_count())
            .map(|i| body.argument(i).expect("in range").r#type())
            .collect();
        let outputs: Vec<Type> = r#return.operands().map(|value| value.r#type()).collect();
        let r#type = FunctionType::new(self.context, &inputs, &outputs);
        let r#type = TypeAttribute::new(r#type.into()).into();
        rewrite::set_attribute(self.func, "function_type", r#type);
        for (list, default, count) in
            [("arg_attrs", "input", inputs.len()), ("res_attrs", "output", outputs.len())]
        {
            let attribute = boundary(self.context, self.func, list, default, count);
            rewrite::set_attribute(self.func, list, attribute);
        }
        Ok(())
    }

    /// An argument of codes, with rows and columns.
    fn argument(&mut self, index: usize, columns: usize) -> pass::Result<'c, usize> {
        let body = rewrite::body(self.func).expect("checked by run");
        let argument: Value = body.argument(index).expect("in range").into();
        let name = input(self.func, index);
        let element = crate::dialect::scalar::element(argument.r#type());
        let bits = IntegerType::try_from(element).map_or(REAL, |integer| integer.width());
        if !matches!(bits, 8 | 16 | 32 | 64) {
            return Err(fail(
                &self.func,
                format_args!(
                    "takes {name} of '{element}': a network of integers takes codes of 8 or 16 bits"
                ),
            ));
        }
        if rewrite::users(argument).is_empty() {
            return Err(fail(&self.func, format_args!("does not use {name}")));
        }
        let quant = aie4ml::boundary_quant(self.func, "arg_attrs", index);
        let (signed, range) = match quant {
            Some(Uniform { bits: of, signed, min, max, .. }) if of == bits => {
                (signed, (min.into(), max.into()))
            }
            _ => (true, limits(bits)),
        };
        let codes = Codes { rows: self.elements.rows, columns, bits, signed };
        let value = body.add_argument(codes.tensor(self.context), argument.location());
        Ok(self.root(Root { ranges: vec![range], summed: false }, Made::Codes(value)))
    }

    fn root(&mut self, root: Root, made: Made<'c, 'a>) -> usize {
        self.roots.push(root);
        self.values.push(made);
        self.roots.len() - 1
    }

    /// A dense layer, up to its sums.
    fn product(&mut self, index: usize) -> pass::Result<'c, usize> {
        let product = &self.elements.products[index];
        let (op, id, columns) = (product.op, product.input, product.columns);
        let (root, scale, offset) = self.codes(op, id)?;
        let Made::Codes(input) = self.values[root].clone() else {
            unreachable!("what is multiplied exists")
        };
        let product = &self.elements.products[index];
        let (bits, product_bits) = (product.bits, product.product_bits);
        let rows = product.weights.len() / columns.max(1);
        let of = |list: &[i128], i: usize| if list.len() == 1 { list[0] } else { list[i] };
        let (low, high) = self.roots[root].ranges[0];
        let mut bias = Vec::new();
        let mut ranges = Vec::new();
        for j in 0..columns {
            let initial = product.initial[if product.initial.len() == 1 { 0 } else { j }];
            let (mut constant, mut least, mut most) = (i128::from(initial), 0, 0);
            for i in 0..rows {
                let weight = i128::from(product.weights[i * columns + j]);
                constant += of(&offset, i) * weight;
                let ends = [low, high].map(|x| x * scale * weight);
                least += ends[0].min(ends[1]);
                most += ends[0].max(ends[1]);
                let products = [low, high].map(|x| (x * scale + of(&offset, i)) * weight);
                let cut = |&x: &i128| x < limits(product_bits).0 || x > limits(product_bits).1;
                if products.iter().any(cut) {
                    return Err(fail(
                        &op,
                        format_args!("has products that {product_bits} bits do not hold"),
                    ));
                }
            }
            bias.push(constant);
            let range = (least + constant, most + constant);
            if range.0 < limits(bits).0 || range.1 > limits(bits).1 {
                return Err(fail(
                    &op,
                    format_args!(
                        "has sums from {} to {} in column {j}, which {bits} bits do not hold",
                        range.0, range.1
                    ),
                ));
            }
            ranges.push(range);
        }
        let weights: Vec<i128> =
            product.weights.iter().map(|&weight| i128::from(weight) * scale).collect();
        let weights: Option<Vec<i64>> =
            weights.into_iter().map(|weight| i16::try_from(weight).ok().map(i64::from)).collect();
        let weights = weights.ok_or_else(|| {
            fail(&op, "has weights of more than 16 bits; kernels multiply by signed 8 bit weights")
        })?;
        let made = Made::Dense { input, weights, columns, bias, location: op.location() };
        Ok(self.root(Root { ranges, summed: true }, made))
    }

    fn finder(&self) -> Finder<'_> {
        Finder::new(&self.elements.graph, &self.roots, &self.exist)
    }

    /// The codes that an expression is, times a number and plus one for each column. Makes them
    /// exist.
    fn codes(
        &mut self,
        at: OperationRef<'c, 'a>,
        id: Id,
    ) -> pass::Result<'c, (usize, i128, Vec<i128>)> {
        self.meet_by_value(at, id)?;
        for _ in 0..2 {
            let linear = self.finder().linear(id);
            if let Some((root, scale, offset)) = linear
                && matches!(self.values[root], Made::Codes(_))
            {
                return Ok((root, scale, offset));
            }
            let place = self.finder().narrowest(id).unwrap_or(id);
            self.exist(at, place, None)?;
        }
        Ok((self.exist(at, id, None)?, 1, vec![0]))
    }

    /// Makes an expression exist as a tensor of its own: of codes, or of a result's width.
    fn exist(
        &mut self,
        at: OperationRef<'c, 'a>,
        id: Id,
        result: Option<u32>,
    ) -> pass::Result<'c, usize> {
        if let Some(exists) = self.exist.get(&id)
            && matches!(self.values[exists.root], Made::Codes(_))
            && exists.offset == 0
        {
            return Ok(exists.root);
        }
        self.meet_by_value(at, id)?;
        let mut met = None;
        let found = loop {
            match self.finder().find(id) {
                Ok(found) => break found,
                Err(Unknown::Meet(a, b)) if met != Some((a, b)) => {
                    met = Some((a, b));
                    self.meet(at, a, b)?;
                }
                Err(Unknown::Meet(..)) => {
                    return Err(fail(
                        &at,
                        "needs two computed tensors that meet in another way than in a sum",
                    ));
                }
                Err(Unknown::Other(of, what)) => return Err(self.unknown(at, of, &what)),
            }
        };
        let Found { root, bias, stages, range } = found;
        let value = self.emit(at, root, &bias, stages, range, result)?;
        let made = Made::Codes(value);
        let root = self.root(Root { ranges: vec![range], summed: false }, made);
        self.exist.insert(id, Exists { root, offset: 0 });
        Ok(root)
    }

    fn unknown(&self, at: OperationRef<'c, 'a>, of: Id, what: &str) -> pass::Failure<'c> {
        let place = self.elements.places.get(&of).copied().unwrap_or(at);
        fail(&place, format_args!("{what}: no requantization is known to be the same"))
    }

    /// Makes the sum of two computed tensors a root.
    fn meet(&mut self, at: OperationRef<'c, 'a>, a: Id, b: Id) -> pass::Result<'c> {
        let (x, y) = (self.codes(at, a)?, self.codes(at, b)?);
        let sums = self.elements.graph.sums(a, b);
        let (Made::Codes(lhs), Made::Codes(rhs)) =
            (self.values[x.0].clone(), self.values[y.0].clone())
        else {
            unreachable!("codes exist")
        };
        let [p, q] = [&x, &y].map(|(root, ..)| self.roots[*root].ranges[0]);
        for (id, sign) in sums {
            let factors = [x.1, y.1 * i128::from(sign)];
            let one = |offset: &[i128]| (offset.len() == 1).then(|| offset[0]);
            let (Some(first), Some(second)) = (one(&x.2), one(&y.2)) else { continue };
            let offset = first + second * i128::from(sign);
            let ends = |(low, high): Range, by: i128| {
                ((low * by).min(high * by), (low * by).max(high * by))
            };
            let (p, q) = (ends(p, factors[0]), ends(q, factors[1]));
            let range = (p.0 + q.0, p.1 + q.1);
            let bits = self.elements.graph.bits(id);
            let fits = |x: i128| limits(bits).0 <= x && x <= limits(bits).1;
            if !fits(range.0 + offset) || !fits(range.1 + offset) {
                return Err(fail(&at, format_args!("needs a sum that {bits} bits do not hold")));
            }
            let (Some(f), Some(g)) =
                (i64::try_from(factors[0]).ok(), i64::try_from(factors[1]).ok())
            else {
                continue;
            };
            let columns = Codes::of(lhs.r#type()).map_or(0, |codes| codes.columns);
            let made = Made::Add {
                operands: [lhs, rhs],
                factors: [f, g],
                columns,
                location: at.location(),
            };
            let root = self.root(Root { ranges: vec![range], summed: false }, made);
            self.exist.insert(id, Exists { root, offset });
        }
        Ok(())
    }

    /// What is returned, in codes or in sums.
    fn exist_as_result(
        &mut self,
        at: OperationRef<'c, 'a>,
        id: Id,
        index: usize,
        bits: u32,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let root = self.exist(at, id, Some(bits))?;
        let Made::Codes(value) = self.values[root].clone() else { unreachable!("it exists") };
        if constant::defining_op(value).is_none() {
            let name = aie4ml::boundary_name(self.func, "res_attrs", index);
            let name = name.map_or(format!("result {index}"), |name| format!("output '{name}'"));
            return Err(fail(
                &at,
                format_args!("has {name} that is an input: nothing is computed"),
            ));
        }
        Ok(value)
    }

    /// The layer of a root with its stages.
    fn emit(
        &mut self,
        at: OperationRef<'c, 'a>,
        root: usize,
        bias: &[i64],
        mut stages: Vec<Requant>,
        range: Range,
        result: Option<u32>,
    ) -> pass::Result<'c, Value<'c, 'a>> {
        let rows = self.elements.rows;
        // The last stage says how codes are stored.
        let (bits, signed) = match stages.last() {
            Some(last) if last.overflow == Overflow::Wrap => (last.width, last.signed),
            _ => holds(range).unwrap_or((64, true)),
        };
        let bits = [8, 16, 32].into_iter().find(|&width| bits <= width).unwrap_or(64);
        // A result is as wide as it was.
        let asked = result.map_or(0, |asked| i64::from(asked.next_power_of_two().clamp(8, 32)));
        let cut = stages.last().is_some_and(|last| last.overflow == Overflow::Wrap);
        let (bits, signed) = match bits < asked && (signed || !cut) {
            true => (asked, true),
            false => (bits, signed),
        };
        if let Some(last) = stages.last_mut()
            && last.signed != signed
        {
            (last.width, last.signed) = (bits, signed);
        }
        if bits > 16 && result.is_none() {
            return Err(fail(
                &at,
                format_args!(
                    "needs a tensor of values from {} to {}; codes have 8 or 16 bits",
                    range.0, range.1
                ),
            ));
        }
        let made = self.values[root].clone();
        if stages.is_empty() && bits <= 16 && !matches!(made, Made::Codes(_)) {
            // Sums that are codes already.
            stages.push(Requant::shift(0, Rounding::Floor, bits, signed));
        }
        let narrow =
            |columns, bits: i64, signed| Codes { rows, columns, bits: bits as u32, signed };
        match made {
            Made::Codes(value) => {
                let columns = Codes::of(value.r#type()).map_or(0, |codes| codes.columns);
                let mut value = value;
                for stage in &mut stages {
                    for list in [&mut stage.multiplier, &mut stage.addend] {
                        spread(list, columns);
                    }
                }
                let last = stages.len().saturating_sub(1);
                for (index, stage) in stages.iter().enumerate() {
                    let width = [8, 16, 32].into_iter().find(|&width| stage.width <= width);
                    let (bits, signed) = match index == last {
                        true => (bits, signed),
                        false => (width.unwrap_or(64), stage.signed),
                    };
                    let codes = narrow(columns, bits, signed);
                    let attributes = [("requant", stage_attribute(self.context, stage))];
                    value = self.build(
                        at,
                        aie4ml::REQUANTIZE,
                        at.location(),
                        &[value],
                        &attributes,
                        codes,
                    );
                }
                Ok(value)
            }
            Made::Dense { input, weights, columns, bias: own, location } => {
                let of = |list: &[i64], j: usize| if list.len() == 1 { list[0] } else { list[j] };
                let all: Vec<i128> =
                    own.iter().enumerate().map(|(j, own)| own + i128::from(of(bias, j))).collect();
                let mut all = all;
                if all.iter().any(|&bias| i32::try_from(bias).is_err()) {
                    let wide = || fail(&at, "needs sums with a bias of more than 32 bits");
                    let first = stages.first_mut().ok_or_else(wide)?;
                    let addend: Option<Vec<i64>> = all
                        .iter()
                        .enumerate()
                        .map(|(j, &bias)| {
                            let more = bias * i128::from(first.multiplier_of(j));
                            i64::try_from(more + i128::from(first.addend_of(j))).ok()
                        })
                        .collect();
                    first.addend = addend.ok_or_else(wide)?;
                    all = vec![0; columns];
                }
                let input_codes = Codes::of(input.r#type()).expect("codes have rows and columns");
                let wide_weights = weights.iter().any(|&weight| i8::try_from(weight).is_err());
                let width = if wide_weights { 16 } else { 8 };
                let weights =
                    self.constant(at, location, &[input_codes.columns, columns], width, &weights);
                let mut operands = vec![input, weights];
                if all.iter().any(|&bias| bias != 0) {
                    let all: Vec<i64> = all.iter().map(|&bias| bias as i64).collect();
                    operands.push(self.constant(at, location, &[columns], 32, &all));
                }
                let reach = self.roots[root]
                    .ranges
                    .iter()
                    .enumerate()
                    .map(|(j, range)| {
                        let bias = i128::from(of(bias, j));
                        (range.0 + bias).unsigned_abs().max((range.1 + bias).unsigned_abs())
                    })
                    .max()
                    .unwrap_or(0);
                // Sums without their bias have to fit, too.
                let most = all.iter().map(|bias| bias.unsigned_abs()).max().unwrap_or(0);
                let accumulator = if reach + most <= i32::MAX as u128 { 32 } else { 64 };
                let r#type: Type = IntegerType::new(self.context, accumulator).into();
                let mut attributes = vec![("accumulator", TypeAttribute::new(r#type).into())];
                if !stages.is_empty() {
                    attributes.push(("requant", aie4ml::list(self.context, &stages)));
                }
                let codes = match stages.is_empty() {
                    true => narrow(columns, accumulator.into(), true),
                    false => narrow(columns, bits, signed),
                };
                Ok(self.build(at, aie4ml::DENSE, location, &operands, &attributes, codes))
            }
            Made::Operator { mut node, input, bias: own, columns, location } => {
                let all: Vec<i128> = (own.iter().enumerate())
                    .map(|(j, own)| own + i128::from(of_channel(bias, j)))
                    .collect();
                let channels = own.len();
                let all = small_bias(all, stages.first_mut())
                    .ok_or_else(|| fail(&at, "needs sums with a bias of more than 32 bits"))?;
                let reach = (self.roots[root].ranges.iter().enumerate())
                    .map(|(j, range)| {
                        let bias = i128::from(of_channel(bias, j));
                        (range.0 + bias).unsigned_abs().max((range.1 + bias).unsigned_abs())
                    })
                    .max()
                    .unwrap_or(0);
                let most = all.iter().map(|bias| bias.unsigned_abs()).max().unwrap_or(0);
                node.accumulator =
                    if reach + u128::from(most) <= i32::MAX as u128 { 32 } else { 64 };
                let r#type: Type = IntegerType::new(self.context, node.accumulator).into();
                let mut attributes = vec![("accumulator", TypeAttribute::new(r#type).into())];
                if !stages.is_empty() {
                    attributes.push(("requant", aie4ml::list(self.context, &stages)));
                }
                let codes = match stages.is_empty() {
                    true => narrow(columns, node.accumulator.into(), true),
                    false => narrow(columns, bits, signed),
                };
                let weights = &node.constants[0];
                let width = weights.number.bits;
                let weights = self.constant(at, location, &weights.shape, width, &weights.data);
                let bias = self.constant(at, location, &[channels], 32, &all);
                node.constants.push(operator::Constant {
                    shape: vec![channels],
                    number: Integer { bits: 32, signed: true },
                    data: all,
                });
                node.output.number = Integer { bits: codes.bits, signed: codes.signed };
                node.operator.check(&node).map_err(|problem| fail(&at, problem))?;
                let constants = [weights, bias];
                let value = self.build_operator(
                    at,
                    location,
                    &node,
                    &[input],
                    &constants,
                    &attributes,
                    codes,
                );
                Ok(value)
            }
            Made::Add { operands, factors, columns, location } => {
                // The verifier counts with all codes of the types.
                let most: i128 = operands
                    .iter()
                    .zip(factors)
                    .filter_map(|(value, factor)| {
                        let (low, high) = Codes::of(value.r#type())?.range();
                        let most = low.unsigned_abs().max(high.unsigned_abs());
                        Some(i128::from(most) * i128::from(factor.unsigned_abs()))
                    })
                    .sum();
                let accumulator = if most <= i128::from(i32::MAX) { 32 } else { 64 };
                let factors = DenseI64ArrayAttribute::new(self.context, &factors).into();
                let mut attributes = vec![("factors", factors)];
                if accumulator == 64 {
                    let r#type: Type = IntegerType::new(self.context, 64).into();
                    attributes.push(("accumulator", TypeAttribute::new(r#type).into()));
                }
                if !stages.is_empty() {
                    attributes.push(("requant", aie4ml::list(self.context, &stages)));
                }
                let codes = match stages.is_empty() {
                    true => narrow(columns, accumulator, true),
                    false => narrow(columns, bits, signed),
                };
                Ok(self.build(at, aie4ml::ADD, location, &operands, &attributes, codes))
            }
        }
    }

    fn build(
        &self,
        at: OperationRef<'c, 'a>,
        name: &str,
        location: Location<'c>,
        operands: &[Value<'c, '_>],
        attributes: &[(&str, Attribute<'c>)],
        result: Codes,
    ) -> Value<'c, 'a> {
        let new = aie4ml::build(name, location, operands, attributes, result.tensor(self.context));
        self.insert(at, new)
    }

    #[allow(clippy::too_many_arguments)]
    fn build_operator(
        &self,
        at: OperationRef<'c, 'a>,
        location: Location<'c>,
        node: &operator::Node,
        inputs: &[Value<'c, '_>],
        constants: &[Value<'c, '_>],
        attributes: &[(&str, Attribute<'c>)],
        result: Codes,
    ) -> Value<'c, 'a> {
        let result = result.tensor(self.context);
        let new = aie4ml::build_operator(node, location, inputs, constants, attributes, result);
        self.insert(at, new)
    }

    fn insert(&self, at: OperationRef<'c, 'a>, new: Operation<'c>) -> Value<'c, 'a> {
        let op = rewrite::insert_before(at, new);
        self.inserted.borrow_mut().push(op);
        op.result(0).expect("it has one result").into()
    }

    /// Inserts a constant of signed integers.
    fn constant(
        &self,
        at: OperationRef<'c, 'a>,
        location: Location<'c>,
        extents: &[usize],
        bits: u32,
        values: &[i64],
    ) -> Value<'c, 'a> {
        let element: Type = IntegerType::new(self.context, bits).into();
        let extents: Vec<u64> = extents.iter().map(|&extent| extent as u64).collect();
        let tensor: Type = RankedTensorType::new(&extents, element, None).into();
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes().into_iter().take(bits as usize / 8))
            .collect();
        let dense = DenseElementsAttribute::raw_buffer(tensor, &bytes);
        let new = OperationBuilder::new("arith.constant", location)
            .add_attributes(&[(Identifier::new(self.context, "value"), dense.into())])
            .add_results(&[tensor])
            .build()
            .expect("a constant is built");
        self.insert(at, new)
    }
}

/// Numbers of channels as those of columns.
fn spread(list: &mut Vec<i64>, columns: usize) {
    let count = list.len();
    if count > 1 && count < columns && columns.is_multiple_of(count) {
        *list = list.iter().flat_map(|&n| std::iter::repeat_n(n, columns / count)).collect();
    }
}

/// A bias of 32 bits; what has more goes behind the multiplication of a stage.
fn small_bias(bias: Vec<i128>, first: Option<&mut Requant>) -> Option<Vec<i64>> {
    let small: Option<Vec<i64>> =
        bias.iter().map(|&bias| i32::try_from(bias).ok().map(i64::from)).collect();
    if small.is_some() {
        return small;
    }
    let first = first?;
    let addend = bias.iter().enumerate().map(|(j, &bias)| {
        let more = bias * i128::from(first.multiplier_of(j));
        i64::try_from(more + i128::from(first.addend_of(j))).ok()
    });
    first.addend = addend.collect::<Option<_>>()?;
    Some(vec![0; bias.len()])
}

fn stage_attribute<'c>(context: &'c Context, stage: &Requant) -> Attribute<'c> {
    use crate::mlir::fields::Fields;
    stage.attribute(context)
}

/// What a function says of its arguments or results, with a name for each.
fn boundary<'c>(
    context: &'c Context,
    func: OperationRef<'c, '_>,
    list: &str,
    default: &str,
    count: usize,
) -> Attribute<'c> {
    let given = func.attribute(list).ok().and_then(|a| ArrayAttribute::try_from(a).ok());
    let all: Vec<Attribute> = (0..count)
        .map(|index| {
            let of = given.and_then(|given| given.element(index).ok());
            let of = of.and_then(|of| DictionaryAttribute::try_from(of).ok());
            let quant = of.and_then(|of| of.element_by_name("aie4ml.quant"));
            let name = aie4ml::boundary_name(func, list, index);
            let name = name.unwrap_or_else(|| format!("{default}{index}"));
            let name = melior::ir::attribute::StringAttribute::new(context, &name).into();
            let mut entries = vec![(Identifier::new(context, "aie4ml.name"), name)];
            entries.extend(quant.map(|quant| (Identifier::new(context, "aie4ml.quant"), quant)));
            DictionaryAttribute::new(context, &entries).into()
        })
        .collect();
    ArrayAttribute::new(context, &all).into()
}
