//! What a function of `linalg.generic` ops computes, element by element.
//!
//! [`Elements::read`] takes a function in the one form that upstream lowers
//! named `linalg`, `tosa` and reshapes to, and knows it by maps and bodies alone:
//! products that are summed, elements that are mapped, and elements that are
//! only moved where rows stay rows. Every computed tensor is then an expression
//! of [`scalar`](crate::plan::scalar), over arguments and sums as roots.

use crate::{
    dialect::{aie4ml, scalar},
    mlir::{
        constant,
        diagnostic::{Failure, Result, fail},
        rewrite,
    },
    plan::scalar::{Binary, Compare, Graph, Id, Node, REAL, RealBinary, RealUnary},
};
use melior::ir::{
    Attribute, BlockLike, OperationRef, Type, TypeLike, Value, ValueLike,
    attribute::{ArrayAttribute, FloatAttribute, IntegerAttribute, StringAttribute},
    operation::OperationLike,
    r#type::{IntegerType, RankedTensorType},
};
use std::collections::{HashMap, HashSet};

/// Where a root comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    Argument(usize),
    /// By its number among the products.
    Product(usize),
}

/// `sum_i input[r, i] * weights[i, j] + initial[j]`.
pub struct Product<'c, 'a> {
    pub op: OperationRef<'c, 'a>,
    pub input: Id,
    /// Row-major.
    pub weights: Vec<i64>,
    pub columns: usize,
    /// One for all, or one for each column.
    pub initial: Vec<i64>,
    /// Width of a product and of the sum.
    pub product_bits: u32,
    pub bits: u32,
}

/// A function, read.
pub struct Elements<'c, 'a> {
    pub graph: Graph,
    /// With the columns of each.
    pub roots: Vec<(Origin, usize, Id)>,
    /// The op that computes an expression, the first one of several.
    pub places: HashMap<Id, OperationRef<'c, 'a>>,
    pub products: Vec<Product<'c, 'a>>,
    /// What is returned, with its type.
    pub results: Vec<(Id, Type<'c>)>,
    /// Rows of every computed tensor.
    pub rows: usize,
    tensors: HashMap<usize, Tensor>,
}

#[derive(Clone)]
pub enum Tensor {
    /// Row-major; reals by the bits of an `f64`. A splat has one value.
    Constant {
        shape: Vec<usize>,
        values: Vec<i64>,
        bits: u32,
    },
    Computed {
        id: Id,
    },
    /// Whatever is in it is not read.
    Empty,
}

/// What an operand's index along one dimension is: that of a loop, or always 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Index {
    Loop(usize),
    Zero,
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

fn name(op: &OperationRef) -> String {
    op.name().as_string_ref().as_str().unwrap_or_default().to_owned()
}

/// The extents of a static tensor; none for a scalar.
fn extents<'c>(op: &OperationRef<'c, '_>, r#type: Type<'c>) -> Result<'c, Vec<usize>> {
    match RankedTensorType::try_from(r#type) {
        Err(_) => Ok(Vec::new()),
        Ok(tensor) => aie4ml::shape(tensor).ok_or_else(|| {
            fail(op, format_args!("has type '{type}', needs static extents: give it a batch"))
        }),
    }
}

/// Width of an element; [`REAL`] for floats.
fn width<'c>(op: &OperationRef<'c, '_>, r#type: Type<'c>) -> Result<'c, u32> {
    let element = scalar::element(r#type);
    if element.is_f32() || element.is_f64() || element.is_f16() || element.is_bf16() {
        return Ok(REAL);
    }
    match IntegerType::try_from(element).map(|integer| integer.width()) {
        Ok(bits @ 1..=64) => Ok(bits),
        _ => {
            Err(fail(op, format_args!("has elements of type '{element}', which are not supported")))
        }
    }
}

/// `linalg.generic`.
struct Generic<'c, 'a> {
    op: OperationRef<'c, 'a>,
    maps: Vec<Vec<Index>>,
    parallel: Vec<bool>,
    extents: Vec<usize>,
}

impl<'c, 'a> Generic<'c, 'a> {
    fn of(op: OperationRef<'c, 'a>) -> Result<'c, Self> {
        let array = |name: &str| -> Vec<String> {
            let array = op.attribute(name).ok().and_then(|a| ArrayAttribute::try_from(a).ok());
            let array = array.into_iter();
            array
                .flat_map(|array| (0..array.len()).filter_map(move |i| array.element(i).ok()))
                .map(|attribute| attribute.to_string())
                .collect()
        };
        if op.results().count() != 1 {
            return Err(fail(&op, "has several results, which is not supported yet"));
        }
        let parallel: Vec<bool> =
            array("iterator_types").iter().map(|kind| kind.contains("parallel")).collect();
        let maps: Option<Vec<Vec<Index>>> =
            array("indexing_maps").iter().map(|text| indices(text)).collect();
        let maps = maps.ok_or_else(|| {
            fail(
                &op,
                "reads windows or other sums of indices, as a convolution or a pooling does; products with constant weights, sums of two tensors and what is computed of each element are supported",
            )
        })?;
        let mut generic = Generic { op, maps, extents: vec![1; parallel.len()], parallel };
        for (index, operand) in op.operands().enumerate() {
            let shape = extents(&op, operand.r#type())?;
            for (index, extent) in generic.maps.get(index).into_iter().flatten().zip(shape) {
                if let Index::Loop(dim) = *index
                    && let Some(known) = generic.extents.get_mut(dim)
                {
                    *known = extent.max(*known);
                }
            }
        }
        Ok(generic)
    }

    /// Loops of more than one step along an operand, in its order.
    fn loops(&self, operand: usize) -> Vec<usize> {
        let loops = self.maps[operand].iter().filter_map(|index| match *index {
            Index::Loop(dim) if self.extents[dim] > 1 => Some(dim),
            _ => None,
        });
        loops.collect()
    }

    fn size(&self, loops: &[usize]) -> usize {
        loops.iter().map(|&dim| self.extents[dim]).product()
    }

    fn inputs(&self) -> usize {
        self.maps.len() - 1
    }

    fn fail(&self, message: impl std::fmt::Display) -> Failure<'c> {
        fail(&self.op, message)
    }
}

/// `affine_map<(d0, d1) -> (d1, 0)>`; `None` if a result is another expression.
fn indices(text: &str) -> Option<Vec<Index>> {
    let (_, results) = text.split_once("->")?;
    let results = results.trim().trim_end_matches('>').trim();
    let results = results.strip_prefix('(')?.strip_suffix(')')?;
    let results = results.split(',').map(str::trim).filter(|result| !result.is_empty());
    results
        .map(|result| match result.strip_prefix('d') {
            Some(dim) => dim.parse().ok().map(Index::Loop),
            None => (result == "0").then_some(Index::Zero),
        })
        .collect()
}

impl<'c, 'a> Elements<'c, 'a> {
    /// Reads a function whose ops upstream has lowered to `linalg.generic`.
    ///
    /// # Errors
    ///
    /// If an op is of another kind, or the rows of a tensor do not stay rows.
    pub fn read(func: OperationRef<'c, 'a>) -> Result<'c, Self> {
        let body = rewrite::body(func).ok_or_else(|| fail(&func, "has no body"))?;
        let ops = rewrite::ops(body);
        let mut arguments = Vec::new();
        for index in 0..body.argument_count() {
            let argument: Value = body.argument(index).expect("in range").into();
            arguments.push(argument);
        }
        let rows = rows(&func, &arguments, &ops)?;
        let mut elements = Elements::of_rows(rows);
        for (index, argument) in arguments.into_iter().enumerate() {
            let shape = extents(&func, argument.r#type())?;
            let bits = width(&func, argument.r#type())?;
            elements.in_rows(&func, &shape)?;
            let columns = shape.iter().product::<usize>() / rows;
            let id = elements.root(Origin::Argument(index), columns, bits);
            elements.tensors.insert(key(argument), Tensor::Computed { id });
        }
        for op in ops {
            elements.op(op)?;
        }
        Ok(elements)
    }

    /// Nothing yet, of tensors with so many rows.
    pub fn of_rows(rows: usize) -> Self {
        Elements {
            graph: Graph::default(),
            roots: Vec::new(),
            places: HashMap::new(),
            products: Vec::new(),
            results: Vec::new(),
            rows,
            tensors: HashMap::new(),
        }
    }

    fn root(&mut self, origin: Origin, columns: usize, bits: u32) -> Id {
        let id = self.graph.add(Node::Root(self.roots.len()), bits);
        self.roots.push((origin, columns, id));
        id
    }

    /// Refuses a shape in which a row is in several pieces.
    fn in_rows(&self, op: &OperationRef<'c, '_>, shape: &[usize]) -> Result<'c> {
        let (rows, total) = (self.rows, shape.iter().product::<usize>());
        let mut before = 1;
        let kept = rows == 1
            || shape.iter().any(|extent| {
                before *= extent;
                before == rows
            });
        if rows == 0 || total % rows != 0 || !kept {
            let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
            return Err(fail(
                op,
                format_args!(
                    "has a tensor of {}, which mixes the {rows} rows of the network: keep the batch in front",
                    shape.join("x")
                ),
            ));
        }
        Ok(())
    }

    /// Reads an op behind those that it depends on.
    ///
    /// # Errors
    ///
    /// If it is of another kind.
    pub fn op(&mut self, op: OperationRef<'c, 'a>) -> Result<'c> {
        match name(&op).as_str() {
            "arith.constant" | "tosa.const" | "tosa.const_shape" => Ok(()),
            "tensor.empty" => {
                self.set(op, Tensor::Empty);
                Ok(())
            }
            "tensor.expand_shape" | "tensor.collapse_shape" | "tensor.cast" => self.reshape(op),
            "linalg.generic" => {
                let generic = Generic::of(op)?;
                if generic.parallel.iter().all(|&parallel| parallel) {
                    self.map(&generic)
                } else {
                    self.product(&generic)
                }
            }
            "func.return" => {
                for operand in op.operands() {
                    let Tensor::Computed { id, .. } = self.tensor(&op, operand)? else {
                        return Err(fail(
                            &op,
                            "returns a constant: a network computes its results",
                        ));
                    };
                    self.results.push((id, operand.r#type()));
                }
                Ok(())
            }
            _ => Err(fail(
                &op,
                "is not supported in a network of integers yet; products with constant weights, sums of two tensors and what is computed of each element are",
            )),
        }
    }

    fn set(&mut self, op: OperationRef<'c, 'a>, tensor: Tensor) {
        if let Ok(result) = op.result(0) {
            self.tensors.insert(key(result.into()), tensor);
        }
    }

    /// What an operand of an op is.
    ///
    /// # Errors
    ///
    /// If nothing is known of it.
    pub fn tensor(
        &mut self,
        op: &OperationRef<'c, '_>,
        value: Value<'c, 'a>,
    ) -> Result<'c, Tensor> {
        if let Some(tensor) = self.tensors.get(&key(value)) {
            return Ok(tensor.clone());
        }
        let shape = extents(op, value.r#type())?;
        let bits = width(op, value.r#type())?;
        let attribute = constant::defining_op(value)
            .and_then(|op| op.attribute("value").or_else(|_| op.attribute("values")).ok());
        let values = attribute.and_then(|attribute| numbers(attribute));
        let values =
            values.ok_or_else(|| fail(op, "uses a value that is neither computed nor constant"))?;
        if values.is_empty() {
            return Err(fail(op, "uses a constant without elements"));
        }
        let tensor = Tensor::Constant { shape, values, bits };
        self.tensors.insert(key(value), tensor.clone());
        Ok(tensor)
    }

    fn reshape(&mut self, op: OperationRef<'c, 'a>) -> Result<'c> {
        let operand = op.operand(0).map_err(|error| fail(&op, error))?;
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        let shape = extents(&op, result.r#type())?;
        let tensor = match self.tensor(&op, operand)? {
            Tensor::Constant { values, bits, .. } => Tensor::Constant { shape, values, bits },
            Tensor::Computed { id, .. } => {
                self.in_rows(&op, &shape)?;
                Tensor::Computed { id }
            }
            Tensor::Empty => Tensor::Empty,
        };
        self.set(op, tensor);
        Ok(())
    }

    /// What is computed of each element.
    fn map(&mut self, generic: &Generic<'c, 'a>) -> Result<'c> {
        let op = generic.op;
        let output = generic.inputs();
        let order = generic.loops(output);
        let total = generic.size(&order);
        let mut inputs = Vec::new();
        for index in 0..output {
            let value = op.operand(index).map_err(|error| fail(&op, error))?;
            inputs.push(self.tensor(&op, value)?);
        }
        let computed = inputs.iter().any(|input| matches!(input, Tensor::Computed { .. }));
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        let shape = extents(&op, result.r#type())?;
        if computed {
            self.in_rows(&op, &shape)?;
        }
        let mut bound = HashMap::new();
        let body = rewrite::body(op).ok_or_else(|| fail(&op, "has no body"))?;
        for (index, input) in inputs.into_iter().enumerate() {
            let argument: Value = body.argument(index).map_err(|error| fail(&op, error))?.into();
            let id = match input {
                Tensor::Computed { id, .. } if generic.loops(index) == order => id,
                Tensor::Computed { .. } => {
                    return Err(generic.fail(
                        "moves or repeats elements of a computed tensor, as a transposition does, which is not mapped to the array yet: products with constant weights, sums of two tensors and what is computed of each element are",
                    ));
                }
                Tensor::Constant { shape, values, bits } => {
                    let mut all = spread(generic, index, &shape, &values, &order);
                    if computed && all.len() > 1 {
                        let columns = (total / self.rows).max(1);
                        let (first, rest) = all.split_at(columns);
                        if rest.chunks(columns).any(|row| row != first) {
                            return Err(generic.fail(
                                "has a constant that differs from row to row of the batch, which is not supported yet",
                            ));
                        }
                        all.truncate(columns);
                    }
                    self.constant(all, bits)
                }
                Tensor::Empty => return Err(generic.fail("reads a tensor that is empty")),
            };
            bound.insert(key(argument), id);
        }
        let r#yield = yielded(&op)?;
        let id = self.scalar(&op, r#yield, &mut bound)?;
        let bits = self.graph.bits(id);
        let values = match self.graph.node(id) {
            Node::Constant(values) if !computed => Some(values.clone()),
            Node::Real(values) if !computed => {
                Some(values.iter().map(|&value| value as i64).collect())
            }
            _ => None,
        };
        let tensor = match values {
            Some(values) => Tensor::Constant { shape, values, bits },
            None => {
                self.places.entry(id).or_insert(op);
                Tensor::Computed { id }
            }
        };
        self.set(op, tensor);
        Ok(())
    }

    /// A constant of one number or one for each channel; reals by their bits.
    pub fn constant(&mut self, values: Vec<i64>, bits: u32) -> Id {
        match bits {
            REAL => {
                let values = values.into_iter().map(|value| value as u64).collect();
                self.graph.add(Node::Real(values), REAL)
            }
            _ => self.graph.add(Node::Constant(values), bits),
        }
    }

    /// Products that are summed.
    fn product(&mut self, generic: &Generic<'c, 'a>) -> Result<'c> {
        let op = generic.op;
        let output = generic.inputs();
        let body = rewrite::body(op).ok_or_else(|| fail(&op, "has no body"))?;
        let mut sides = Vec::new();
        let mut scalars = HashMap::new();
        for index in 0..output {
            let value = op.operand(index).map_err(|error| fail(&op, error))?;
            let argument: Value = body.argument(index).map_err(|error| fail(&op, error))?.into();
            match self.tensor(&op, value)? {
                Tensor::Constant { values, bits, .. }
                    if values.len() == 1 && generic.loops(index).is_empty() =>
                {
                    let id = self.constant(values, bits);
                    scalars.insert(key(argument), id);
                }
                tensor => sides.push((index, tensor, argument)),
            }
        }
        let other = || {
            generic.fail(
                "sums something else than products of a computed tensor with constant weights, which is not supported yet",
            )
        };
        if let [(_, Tensor::Computed { .. }, _), (_, Tensor::Computed { .. }, _)] = sides.as_slice()
        {
            return Err(generic.fail("multiplies two computed tensors, as attention does, which is not mapped to the array yet: products with constant weights are"));
        }
        let [first, second] = sides.as_slice() else { return Err(other()) };
        let ((at, input, argument), (weights_at, weights, weights_argument)) =
            match (&first.1, &second.1) {
                (Tensor::Computed { .. }, Tensor::Constant { .. }) => (first, second),
                (Tensor::Constant { .. }, Tensor::Computed { .. }) => (second, first),
                _ => return Err(other()),
            };
        let (Tensor::Computed { id: input, .. }, Tensor::Constant { shape, values, bits }) =
            (input, weights)
        else {
            return Err(other());
        };
        // Loops of the rows, of the sum, and of the columns.
        let (x, w, y) = (generic.loops(*at), generic.loops(*weights_at), generic.loops(output));
        let rows: Vec<usize> = x.iter().copied().filter(|dim| !w.contains(dim)).collect();
        let sum: Vec<usize> = x.iter().copied().filter(|dim| w.contains(dim)).collect();
        let columns: Vec<usize> = w.iter().copied().filter(|dim| !x.contains(dim)).collect();
        let ordered =
            x == [rows.as_slice(), &sum].concat() && y == [rows.as_slice(), &columns].concat();
        let whole = generic.size(&rows) == self.rows
            && sum.iter().all(|&dim| !generic.parallel[dim])
            && rows.iter().chain(&columns).all(|&dim| generic.parallel[dim]);
        if !ordered || !whole {
            return Err(generic.fail(format_args!(
                "multiplies in another order than {} rows by constant columns, which is not supported yet",
                self.rows
            )));
        }
        let values =
            spread(generic, *weights_at, shape, values, &[sum.as_slice(), &columns].concat());
        let (k, n) = (generic.size(&sum), generic.size(&columns));

        // out + input * weights, each with what is done to it before.
        let out: Value = body.argument(output).map_err(|error| fail(&op, error))?.into();
        let add = constant::defining_op(yielded(&op)?).ok_or_else(other)?;
        let added = rewrite::is(&add, "arith.addi");
        let operands: Vec<Value> = add.operands().collect();
        let [a, b] = operands.as_slice() else { return Err(other()) };
        let multiplied = match (added, *a == out, *b == out) {
            (true, true, false) => *b,
            (true, false, true) => *a,
            _ => return Err(other()),
        };
        let mut multiplied = constant::defining_op(multiplied).ok_or_else(other)?;
        // A product may be extended before it is added.
        while rewrite::is(&multiplied, "arith.extsi") {
            let inner = multiplied.operand(0).map_err(|error| fail(&op, error))?;
            multiplied = constant::defining_op(inner).ok_or_else(other)?;
        }
        if !rewrite::is(&multiplied, "arith.muli") {
            return Err(other());
        }
        let factors: Vec<Value> = multiplied.operands().collect();
        let [a, b] = factors.as_slice() else { return Err(other()) };
        let weights = self.constant(values, *bits);
        let mut bound = scalars.clone();
        bound.insert(key(*argument), *input);
        let mut bound_weights = scalars;
        bound_weights.insert(key(*weights_argument), weights);
        let mut side = |factor: Value<'c, 'a>| -> Result<'c, (Option<Id>, Option<Id>)> {
            let of = |elements: &mut Self, bound: &HashMap<usize, Id>| {
                elements.scalar(&op, factor, &mut bound.clone())
            };
            let (x, w) = (of(self, &bound), of(self, &bound_weights));
            match (x, w) {
                (Err(failure), Err(_)) => Err(failure),
                (x, w) => Ok((x.ok(), w.ok())),
            }
        };
        let (a, b) = (side(*a)?, side(*b)?);
        let (input, weights) = match (a, b) {
            ((Some(input), None), (_, Some(weights))) => (input, weights),
            ((_, Some(weights)), (Some(input), None)) => (input, weights),
            _ => return Err(other()),
        };
        let weights = match self.graph.node(weights) {
            Node::Constant(values) => values.clone(),
            _ => return Err(other()),
        };
        let weights = if weights.len() == 1 { vec![weights[0]; k * n] } else { weights };

        let initial = op.operand(output).map_err(|error| fail(&op, error))?;
        let Tensor::Constant { shape, values, bits } = self.tensor(&op, initial)? else {
            return Err(generic.fail(
                "adds products to a computed tensor, which is not supported yet: add it afterwards",
            ));
        };
        let initial = spread(generic, output, &shape, &values, &y);
        if initial.len() > 1 && initial.chunks(n.max(1)).any(|row| row != &initial[..n]) {
            return Err(generic.fail(
                "has a constant that differs from row to row of the batch, which is not supported yet",
            ));
        }
        let initial = if initial.len() > 1 { initial[..n].to_vec() } else { initial };
        let result = op.result(0).map_err(|error| fail(&op, error))?;
        let result_shape = extents(&op, result.r#type())?;
        self.in_rows(&op, &result_shape)?;
        let product_bits = width(&op, multiplied.result(0).map_err(|e| fail(&op, e))?.r#type())?;
        let product = Product { op, input, weights, columns: n, initial, product_bits, bits };
        self.products.push(product);
        let id = self.root(Origin::Product(self.products.len() - 1), n, bits);
        self.places.insert(id, op);
        self.set(op, Tensor::Computed { id });
        Ok(())
    }

    /// The expression of a scalar in a body, or of a constant outside of it.
    ///
    /// # Errors
    ///
    /// If no expression is known to be that.
    pub fn scalar(
        &mut self,
        at: &OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        bound: &mut HashMap<usize, Id>,
    ) -> Result<'c, Id> {
        if let Some(&id) = bound.get(&key(value)) {
            return Ok(id);
        }
        let Some(op) = constant::defining_op(value) else {
            return Err(fail(
                at,
                "reads an element that it then writes, which is not supported yet",
            ));
        };
        let bits = width(&op, value.r#type())?;
        let id = if rewrite::is(&op, "arith.constant") {
            let values = op.attribute("value").ok().and_then(numbers);
            let values = values.ok_or_else(|| fail(&op, "is a constant of an unknown kind"))?;
            self.constant(values, bits)
        } else {
            let mut operands = Vec::new();
            for operand in op.operands() {
                operands.push(self.scalar(at, operand, bound)?);
            }
            self.operation(&op, &operands, bits)?
        };
        bound.insert(key(value), id);
        Ok(id)
    }

    fn operation(
        &mut self,
        op: &OperationRef<'c, 'a>,
        operands: &[Id],
        bits: u32,
    ) -> Result<'c, Id> {
        let name = name(op);
        let node = match (name.as_str(), operands) {
            ("arith.select", &[condition, a, b]) => Node::Select(condition, a, b),
            ("tosa.apply_scale", &[value, multiplier, shift]) => {
                let mode = op.attribute("rounding_mode").map(|mode| mode.to_string());
                let twice = mode.is_ok_and(|mode| mode.contains("DOUBLE_ROUND"));
                Node::Scale { value, multiplier, shift, twice }
            }
            ("arith.extsi" | "arith.trunci", &[value]) => Node::Resize { value, signed: true },
            ("arith.extui", &[value]) => Node::Resize { value, signed: false },
            // Reals are exact at every width.
            ("arith.extf" | "arith.truncf", &[value]) => return Ok(value),
            ("arith.sitofp", &[value]) => Node::ToReal { value, signed: true },
            ("arith.uitofp", &[value]) => Node::ToReal { value, signed: false },
            ("arith.fptosi", &[value]) => Node::ToInteger { value, signed: true },
            ("arith.fptoui", &[value]) => Node::ToInteger { value, signed: false },
            ("arith.cmpi", &[a, b]) => {
                Node::Compare(self.predicate(op, &INTEGER_PREDICATES)?, a, b)
            }
            ("arith.cmpf", &[a, b]) => {
                Node::RealCompare(self.predicate(op, &REAL_PREDICATES)?, a, b)
            }
            (name, &[a, b]) => match (integer_binary(name), real_binary(name)) {
                (Some(op), _) => Node::Binary(op, a, b),
                (_, Some(op)) => Node::RealBinary(op, a, b),
                _ => return Err(unknown(op)),
            },
            (name, &[a]) => Node::RealUnary(real_unary(name).ok_or_else(|| unknown(op))?, a),
            _ => return Err(unknown(op)),
        };
        Ok(self.graph.add(node, bits))
    }

    fn predicate(
        &self,
        op: &OperationRef<'c, 'a>,
        list: &[Option<Compare>],
    ) -> Result<'c, Compare> {
        let number =
            op.attribute("predicate").ok().and_then(|a| IntegerAttribute::try_from(a).ok());
        let found = number.and_then(|n| list.get(usize::try_from(n.value()).ok()?).copied()?);
        found.ok_or_else(|| unknown(op))
    }
}

fn unknown<'c>(op: &OperationRef<'c, '_>) -> Failure<'c> {
    fail(op, "computes an element in a way that is not supported in a quantized network yet")
}

const INTEGER_PREDICATES: [Option<Compare>; 10] = [
    Some(Compare::Equal),
    Some(Compare::NotEqual),
    Some(Compare::Less),
    Some(Compare::LessEqual),
    Some(Compare::Greater),
    Some(Compare::GreaterEqual),
    Some(Compare::LessUnsigned),
    Some(Compare::LessEqualUnsigned),
    Some(Compare::GreaterUnsigned),
    Some(Compare::GreaterEqualUnsigned),
];

/// Of reals, which are all numbers, ordered and unordered are the same.
const REAL_PREDICATES: [Option<Compare>; 14] = [
    None,
    Some(Compare::Equal),
    Some(Compare::Greater),
    Some(Compare::GreaterEqual),
    Some(Compare::Less),
    Some(Compare::LessEqual),
    Some(Compare::NotEqual),
    None,
    Some(Compare::Equal),
    Some(Compare::Greater),
    Some(Compare::GreaterEqual),
    Some(Compare::Less),
    Some(Compare::LessEqual),
    Some(Compare::NotEqual),
];

fn integer_binary(name: &str) -> Option<Binary> {
    Some(match name {
        "arith.addi" => Binary::Add,
        "arith.subi" => Binary::Sub,
        "arith.muli" => Binary::Mul,
        "arith.shli" => Binary::ShiftLeft,
        "arith.shrsi" => Binary::ShiftRight,
        "arith.shrui" => Binary::ShiftRightUnsigned,
        "arith.andi" => Binary::And,
        "arith.ori" => Binary::Or,
        "arith.xori" => Binary::Xor,
        "arith.minsi" => Binary::Min,
        "arith.maxsi" => Binary::Max,
        "arith.minui" => Binary::MinUnsigned,
        "arith.maxui" => Binary::MaxUnsigned,
        _ => return None,
    })
}

fn real_binary(name: &str) -> Option<RealBinary> {
    Some(match name {
        "arith.addf" => RealBinary::Add,
        "arith.subf" => RealBinary::Sub,
        "arith.mulf" => RealBinary::Mul,
        "arith.divf" => RealBinary::Div,
        "arith.minimumf" | "arith.minnumf" => RealBinary::Min,
        "arith.maximumf" | "arith.maxnumf" => RealBinary::Max,
        _ => return None,
    })
}

fn real_unary(name: &str) -> Option<RealUnary> {
    Some(match name {
        "arith.negf" => RealUnary::Negate,
        "math.floor" => RealUnary::Floor,
        "math.ceil" => RealUnary::Ceil,
        "math.roundeven" => RealUnary::RoundEven,
        "math.absf" => RealUnary::Absolute,
        "math.exp" => RealUnary::Exp,
        "math.log" => RealUnary::Log,
        "math.erf" => RealUnary::Erf,
        "math.tanh" => RealUnary::Tanh,
        "math.rsqrt" => RealUnary::Rsqrt,
        "math.sin" => RealUnary::Sine,
        "math.cos" => RealUnary::Cosine,
        _ => return None,
    })
}

/// What a body yields.
fn yielded<'c, 'a>(op: &OperationRef<'c, 'a>) -> Result<'c, Value<'c, 'a>> {
    let last = rewrite::body(*op).and_then(|body| rewrite::ops(body).last().copied());
    let value = last.and_then(|op| op.operands().next());
    value.ok_or_else(|| fail(op, "yields nothing"))
}

/// The numbers of a constant attribute; a splat is one. Reals by the bits of an `f64`.
fn numbers(attribute: Attribute) -> Option<Vec<i64>> {
    let dense = match constant::resolve(attribute) {
        Some(dense) => dense.ok()?,
        None => attribute,
    };
    let real = |value: f64| value.to_bits() as i64;
    if let Some(values) = constant::elements(dense) {
        return Some(values);
    }
    if let Some(values) = constant::reals(dense) {
        return Some(values.into_iter().map(real).collect());
    }
    if let Ok(float) = FloatAttribute::try_from(attribute) {
        return Some(vec![real(float.value())]);
    }
    let integer = IntegerAttribute::try_from(attribute).ok()?;
    let r#type = IntegerType::try_from(constant::type_of(attribute)).ok()?;
    (r#type.width() <= 64).then(|| vec![integer.value()])
}

/// The elements of a constant operand for each step of some loops, row-major; one if all are the
/// same.
fn spread(
    generic: &Generic,
    operand: usize,
    shape: &[usize],
    values: &[i64],
    loops: &[usize],
) -> Vec<i64> {
    if values.len() == 1 {
        return values.to_vec();
    }
    // How far a step of each loop is in the operand.
    let mut steps = vec![0; loops.len()];
    let mut step = 1;
    for (index, extent) in generic.maps[operand].iter().zip(shape).rev() {
        if let Index::Loop(dim) = *index
            && let Some(at) = loops.iter().position(|&other| other == dim)
            && *extent > 1
        {
            steps[at] += step;
        }
        step *= extent;
    }
    let total = generic.size(loops);
    let mut found = Vec::with_capacity(total);
    for index in 0..total {
        let (mut rest, mut at) = (index, 0);
        for (place, &dim) in loops.iter().enumerate().rev() {
            at += rest % generic.extents[dim] * steps[place];
            rest /= generic.extents[dim];
        }
        found.push(values.get(at).copied().unwrap_or_default());
    }
    found
}

/// How many rows there are: what the first product has, or the extents of an argument but the last.
fn rows<'c, 'a>(
    func: &OperationRef<'c, 'a>,
    arguments: &[Value<'c, 'a>],
    ops: &[OperationRef<'c, 'a>],
) -> Result<'c, usize> {
    let mut computed: HashSet<usize> = arguments.iter().map(|&argument| key(argument)).collect();
    for &op in ops {
        if !op.operands().any(|operand| computed.contains(&key(operand))) {
            continue;
        }
        computed.extend(op.results().map(|result| key(result.into())));
        if !rewrite::is(&op, "linalg.generic") {
            continue;
        }
        let generic = Generic::of(op)?;
        let of = |index: &usize| op.operand(*index).is_ok_and(|v| computed.contains(&key(v)));
        let Some(at) = (0..generic.inputs()).find(of) else { continue };
        if generic.parallel.iter().all(|&parallel| parallel) {
            continue;
        }
        let mut loops = generic.loops(at);
        let others: Vec<usize> =
            (0..generic.inputs()).filter(|&i| i != at).flat_map(|i| generic.loops(i)).collect();
        loops.retain(|&dim| generic.parallel[dim] && !others.contains(&dim));
        return Ok(generic.size(&loops));
    }
    let shape = match arguments.first() {
        Some(argument) => extents(func, argument.r#type())?,
        None => Vec::new(),
    };
    Ok(shape.split_last().map_or(1, |(_, leading)| leading.iter().product()))
}

/// The text of a string attribute of an op.
pub fn text(op: &OperationRef, name: &str) -> Option<String> {
    let attribute = StringAttribute::try_from(op.attribute(name).ok()?).ok()?;
    constant::text(attribute.into()).map(str::to_owned)
}
