//! Networks of integers whose layers mix what lies in a row: convolutions, pools, sums over axes.
//!
//! A row is one sample of the batch, or all of them where something mixes samples. Every computed
//! tensor is a [`View`] of rows of features, and an expression of roots whose features lie likewise.
//! Layers are known by the indices of their loops: what is summed over a window and channels of
//! products with constants is a convolution, in whatever order its operands lie.

use super::{Conversion, Made, key};
use crate::{
    dialect::{
        aie4ml::{self, Codes},
        elements::{Elements, Tensor},
    },
    kernel::Integer,
    mlir::{
        constant,
        pass::{self, fail},
        rewrite,
    },
    operator::{self, Node as Operator},
    plan::{
        scalar::{Binary, Id, Node, Range, limits, stages::Exists, stages::Root},
        view::{Digit, View, merged},
    },
};
use melior::ir::{
    OperationRef, Value, ValueLike,
    attribute::{ArrayAttribute, DenseI64ArrayAttribute, IntegerAttribute},
    block::BlockLike,
    operation::OperationLike,
    r#type::RankedTensorType,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A tensor that is computed.
#[derive(Clone)]
struct Computed {
    shape: Vec<usize>,
    view: View,
    id: Id,
    /// Features of a row of its roots, and of a channel.
    columns: usize,
    unit: usize,
    /// What is around it, which the shape has and the view has not.
    padding: Option<Padding>,
}

#[derive(Clone)]
struct Padding {
    low: Vec<usize>,
    high: Vec<usize>,
    value: i64,
}

/// The loops of a `linalg.generic`.
pub(super) struct Loops<'c, 'a> {
    pub op: OperationRef<'c, 'a>,
    /// Of each operand, for each of its axes: loops and their factors.
    pub maps: Vec<Vec<Vec<(usize, usize)>>>,
    pub parallel: Vec<bool>,
    pub extents: Vec<usize>,
}

impl<'c, 'a> Loops<'c, 'a> {
    /// `None` if indices are no sums of loops.
    pub fn of(op: OperationRef<'c, 'a>) -> Option<Self> {
        let array = |name: &str| -> Vec<String> {
            let array = op.attribute(name).ok().and_then(|a| ArrayAttribute::try_from(a).ok());
            let elements = array.into_iter();
            elements
                .flat_map(|array| (0..array.len()).filter_map(move |i| array.element(i).ok()))
                .map(|attribute| attribute.to_string())
                .collect()
        };
        let parallel: Vec<bool> =
            array("iterator_types").iter().map(|kind| kind.contains("parallel")).collect();
        let maps: Vec<_> =
            array("indexing_maps").iter().map(|text| indices(text)).collect::<Option<_>>()?;
        // What nobody reads, such as the index of a maximum, is not computed.
        let mut maps = maps;
        let results: Vec<Value> = op.results().map(Value::from).collect();
        let inputs = maps.len().checked_sub(results.len())?;
        maps.truncate(inputs + 1);
        let (_, others) = results.split_first()?;
        if others.iter().any(|&other| !rewrite::users(other).is_empty()) {
            return None;
        }
        let mut extents = vec![1; parallel.len()];
        for (map, operand) in maps.iter().zip(op.operands()) {
            let shape = shape_of(operand).unwrap_or_default();
            for (terms, extent) in map.iter().zip(shape) {
                if let [(dim, 1)] = terms[..] {
                    *extents.get_mut(dim)? = extent;
                } else if terms.iter().any(|(dim, _)| *dim >= parallel.len()) {
                    return None;
                }
            }
        }
        Some(Loops { op, maps, parallel, extents })
    }

    /// The loops of more than one step along an axis of an operand.
    fn along(&self, operand: usize, axis: usize) -> Vec<(usize, usize)> {
        let terms = self.maps[operand][axis].iter().copied();
        terms.filter(|(dim, _)| self.extents[*dim] > 1).collect()
    }

    pub fn all(&self, operand: usize) -> Vec<usize> {
        let axes = 0..self.maps[operand].len();
        axes.flat_map(|axis| self.along(operand, axis)).map(|(dim, _)| dim).collect()
    }

    /// How far a step of each loop is in an operand of that shape.
    pub fn steps(&self, operand: usize, shape: &[usize]) -> Vec<usize> {
        let mut steps = vec![0; self.extents.len()];
        let mut step = 1;
        for (terms, extent) in self.maps[operand].iter().zip(shape).rev() {
            for (dim, factor) in terms.iter().filter(|_| *extent > 1) {
                steps[*dim] += step * factor;
            }
            step *= extent;
        }
        steps
    }

    /// Sums of steps for each combination of some loops, the last one fastest.
    pub fn places(&self, dims: &[usize], steps: &[usize]) -> Vec<usize> {
        let mut all = vec![0];
        for &dim in dims {
            let next = |&at: &usize| (0..self.extents[dim]).map(move |i| at + i * steps[dim]);
            all = all.iter().flat_map(next).collect();
        }
        all
    }

    pub fn count(&self, dims: &[usize]) -> usize {
        dims.iter().map(|&dim| self.extents[dim]).product()
    }

    /// The loop of each axis of the result; `None` if these are not the parallel ones.
    pub fn order(&self) -> Option<Vec<usize>> {
        let mut order = Vec::new();
        for terms in self.maps.last()? {
            match terms[..] {
                [(dim, 1)] if self.parallel[dim] && !order.contains(&dim) => order.push(dim),
                _ => return None,
            }
        }
        let all = self.parallel.iter().filter(|parallel| **parallel).count();
        (order.len() == all).then_some(order)
    }
}

/// `affine_map<(d0, d1, d2) -> (d0 * 2 + d1, d2)>`, as loops and factors of each result.
fn indices(text: &str) -> Option<Vec<Vec<(usize, usize)>>> {
    let (_, results) = text.split_once("->")?;
    let results = results.trim().trim_end_matches('>').trim();
    let results = results.strip_prefix('(')?.strip_suffix(')')?;
    let results = results.split(',').map(str::trim).filter(|result| !result.is_empty());
    results
        .map(|result| {
            let mut terms = Vec::new();
            for term in result.split('+').map(str::trim).filter(|term| *term != "0") {
                let (dim, factor) = match term.split_once('*') {
                    Some((dim, factor)) => (dim.trim(), factor.trim().parse().ok()?),
                    None => (term, 1),
                };
                terms.push((dim.strip_prefix('d')?.parse().ok()?, factor));
            }
            Some(terms)
        })
        .collect()
}

pub(super) fn shape_of(value: Value) -> Option<Vec<usize>> {
    aie4ml::shape(RankedTensorType::try_from(value.r#type()).ok()?)
}

/// Whether a function in linalg has layers that mix what lies in a row.
pub(super) fn wanted<'c>(func: OperationRef<'c, '_>) -> bool {
    let Some(body) = rewrite::body(func) else { return false };
    let arguments = (0..body.argument_count()).filter_map(|index| body.argument(index).ok());
    let mut computed: HashSet<usize> = arguments.map(|argument| key(argument.into())).collect();
    for op in rewrite::ops(body) {
        let is_computed: Vec<bool> =
            op.operands().map(|value| computed.contains(&key(value))).collect();
        if !is_computed.contains(&true) {
            continue;
        }
        computed.extend(op.results().map(|result| key(result.into())));
        if ["tensor.pad", "tensor.extract_slice"].iter().any(|name| rewrite::is(&op, name)) {
            return true;
        }
        if !rewrite::is(&op, "linalg.generic") {
            continue;
        }
        let Some(loops) = Loops::of(op) else { continue };
        let output = loops.maps.len() - 1;
        let inputs = (0..output).filter(|&index| is_computed.get(index) == Some(&true));
        let inputs: Vec<usize> = inputs.collect();
        let windows = |&index: &usize| loops.maps[index].iter().any(|terms| terms.len() > 1);
        if inputs.iter().any(windows) {
            return true;
        }
        let moves = |&index: &usize| loops.all(index) != loops.all(output);
        if loops.parallel.iter().all(|&parallel| parallel) {
            if inputs.iter().any(moves) {
                return true;
            }
        } else if inputs.len() == 1 && (output == 1 || cuts_products(op)) {
            return true;
        }
    }
    false
}

/// Whether something in a reduction is shifted to the right, such as each product.
fn cuts_products(op: OperationRef) -> bool {
    rewrite::body(op)
        .is_some_and(|body| rewrite::ops(body).iter().any(|op| rewrite::is(op, "arith.shrsi")))
}

/// Converts a function, whose samples are its rows, or all together one.
pub(super) fn convert<'c>(func: OperationRef<'c, '_>) -> pass::Result<'c> {
    let Some(body) = rewrite::body(func) else { return Ok(()) };
    let arguments = body.argument_count();
    let first = |index: usize| shape_of(body.argument(index).ok()?.into())?.first().copied();
    let extents: Vec<usize> = (0..arguments).filter_map(first).collect();
    let batch = match extents.as_slice() {
        [first, rest @ ..] if rest.iter().all(|extent| extent == first) => (*first).max(1),
        _ => 1,
    };
    let mut refusal = None;
    for rows in if batch == 1 { vec![1] } else { vec![batch, 1] } {
        let base = Conversion::new(func, Elements::of_rows(rows));
        let mut conversion = Rows { base, tensors: HashMap::new(), rows, mixes: false };
        match conversion.run() {
            Err(failure) if conversion.mixes && rows > 1 => {
                refusal = Some(failure);
                for op in conversion.base.inserted.take().into_iter().rev() {
                    rewrite::erase(op);
                }
                for index in (arguments..body.argument_count()).rev() {
                    rewrite::erase_argument(body, index);
                }
            }
            // What stood in the way of samples apart says more.
            Err(failure) if conversion.mixes => return Err(refusal.unwrap_or(failure)),
            result => return result,
        }
    }
    Ok(())
}

struct Rows<'c, 'a> {
    /// Has the constants.
    base: Conversion<'c, 'a>,
    tensors: HashMap<usize, Computed>,
    rows: usize,
    /// Whether something was met that mixes rows.
    mixes: bool,
}

/// Axes of an image along which a window goes.
struct Side {
    axis: usize,
    /// A loop and how far its steps are.
    parallel: Option<(usize, usize)>,
    kernel: Option<(usize, usize)>,
}

/// Bits of sums and of products, and how many are cut off each product.
struct Widths {
    sum: u32,
    product: u32,
    product_shift: i64,
}

/// How a reduction reads its input.
struct Reads {
    /// Loops of the batch, with the axis of the input.
    rows: Vec<(usize, usize)>,
    groups: Vec<(usize, usize)>,
    depth: Vec<(usize, usize)>,
    sides: Vec<Side>,
    /// Loops of output channels, which only weights have.
    breadth: Vec<usize>,
}

/// Codes as images.
struct Image<'c, 'a> {
    value: Value<'c, 'a>,
    number: Integer,
    extents: [usize; 3],
    strides: [usize; 3],
    offset: usize,
    padding: [usize; 2],
    output: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
}

impl Image<'_, '_> {
    /// What operators of windows are told of them, that make an output of these extents.
    fn parameters(&self, output: [usize; 3]) -> BTreeMap<String, Vec<i64>> {
        let lists: [(&str, &[usize]); 8] = [
            ("input", &self.extents),
            ("output", &output),
            ("kernel", &self.kernel),
            ("stride", &self.stride),
            ("dilation", &self.dilation),
            ("padding", &self.padding),
            ("strides", &self.strides),
            ("offset", &[self.offset]),
        ];
        let numbers = |list: &[usize]| list.iter().map(|&n| n as i64).collect();
        lists.into_iter().map(|(name, list)| (name.to_owned(), numbers(list))).collect()
    }
}

impl<'c, 'a> Rows<'c, 'a> {
    fn run(&mut self) -> pass::Result<'c> {
        let func = self.base.func;
        let body = rewrite::body(func).ok_or_else(|| fail(&func, "has no body"))?;
        let (ops, count) = (rewrite::ops(body), body.argument_count());
        for index in 0..count {
            let argument: Value = body.argument(index).map_err(|error| fail(&func, error))?.into();
            let shape =
                shape_of(argument).ok_or_else(|| fail(&func, "has an argument without extents"))?;
            let columns = shape.iter().product::<usize>() / self.rows;
            let view = View::rows_of(self.rows, &shape)
                .ok_or_else(|| fail(&func, "has an argument without a batch"))?;
            let root = self.base.argument(index, columns)?;
            let element = crate::dialect::scalar::element(argument.r#type());
            let bits = crate::dialect::scalar::width(element);
            let id = self.base.elements.graph.add(Node::Root(root), bits);
            self.base.exist.insert(id, Exists { root, offset: 0 });
            let computed = Computed { shape, view, id, columns, unit: 1, padding: None };
            self.tensors.insert(key(argument), computed);
        }
        for &op in &ops {
            if !op.operands().any(|operand| self.tensors.contains_key(&key(operand))) {
                if rewrite::is(&op, "func.return") {
                    return Err(fail(&op, "returns a constant: a network computes its results"));
                }
                self.base.elements.op(op)?;
                continue;
            }
            let name = op.name();
            let name = name.as_string_ref();
            match name.as_str().unwrap_or_default() {
                "tensor.expand_shape" | "tensor.collapse_shape" | "tensor.cast" => {
                    self.reshape(op)?;
                }
                "tensor.pad" => self.pad(op)?,
                "tensor.extract_slice" => self.slice(op)?,
                "linalg.generic" => {
                    let loops = Loops::of(op).ok_or_else(|| {
                        fail(&op, "reads elements by indices that are no sums of its loops, which is not mapped to the array yet")
                    })?;
                    match loops.parallel.iter().all(|&parallel| parallel) {
                        true => self.map(&loops)?,
                        false => self.reduce(&loops)?,
                    }
                }
                "func.return" => self.r#return(op)?,
                _ => {
                    return Err(fail(
                        &op,
                        "is not supported in a network of integers yet; convolutions, pools, products with constant weights, sums of two tensors and what is computed of each element are",
                    ));
                }
            }
        }
        self.base.finish(&ops, count)
    }

    /// A refusal of what mixes rows, unless all of the batch is one.
    fn mixing(&mut self, op: OperationRef<'c, 'a>) -> pass::Failure<'c> {
        self.mixes = true;
        fail(&op, "mixes elements of its operands in a way that is not mapped to the array yet")
    }

    fn set(&mut self, op: OperationRef<'c, 'a>, computed: Computed) {
        if let Some(result) = op.results().next() {
            self.tensors.insert(key(result.into()), computed);
        }
    }

    /// The computed tensor of an operand, with what is around it.
    fn operand(&mut self, op: OperationRef<'c, 'a>, index: usize) -> pass::Result<'c, Computed> {
        let value = op.operand(index).map_err(|error| fail(&op, error))?;
        let computed = self.tensors.get(&key(value)).cloned();
        let Some(computed) = computed else {
            return Err(fail(&op, format_args!("needs a computed tensor as operand {index}")));
        };
        let Some(padding) = &computed.padding else { return Ok(computed) };
        // Elements that nothing else stands for.
        let (low, high) = (&padding.low, &padding.high);
        let view = &computed.view;
        let rank = computed.shape.len();
        let over_rows = (0..rank).any(|axis| {
            low[axis] + high[axis] > 0 && view.axes[axis].iter().any(|digit| digit.of_rows)
        });
        if over_rows || view.rows() != self.rows {
            return Err(self.mixing(op));
        }
        let (from, features) = (view.sample(), view.features());
        let to: Vec<usize> = (0..rank).map(|axis| from[axis] + low[axis] + high[axis]).collect();
        let index: Vec<i64> = (0..to.iter().product::<usize>())
            .map(|mut at| {
                let (mut source, mut stride) = (0, 1);
                for axis in (0..rank).rev() {
                    let along = at % to[axis];
                    at /= to[axis];
                    match along.checked_sub(low[axis]).filter(|&i| i < from[axis]) {
                        Some(along) => source += along * stride,
                        None => return -1,
                    }
                    stride *= from[axis];
                }
                features[source] as i64
            })
            .collect();
        let mut stride = to.iter().product::<usize>();
        let mut axes = Vec::new();
        for (digits, &extent) in view.axes.iter().zip(&to) {
            stride /= extent.max(1);
            let mut axis: Vec<Digit> =
                digits.iter().copied().filter(|digit| digit.of_rows).collect();
            axis.push(Digit { extent, stride, of_rows: false });
            axes.push(axis);
        }
        let fill = padding.value;
        let view = View { axes, offset: 0 };
        let padded = self.gathered(op, &computed, &index, Some(fill), view)?;
        self.tensors.insert(key(value), padded.clone());
        Ok(padded)
    }

    /// Codes that an expression is, times a number and plus another one.
    fn codes(&mut self, op: OperationRef<'c, 'a>, id: Id) -> pass::Result<'c, (usize, i128, i128)> {
        let (root, scale, offset) = self.base.codes(op, id)?;
        match offset.as_slice() {
            [offset] if scale != 0 => Ok((root, scale, *offset)),
            _ => Ok((self.base.exist(op, id, None)?, 1, 0)),
        }
    }

    fn value(&self, root: usize) -> Value<'c, 'a> {
        let Made::Codes(value) = self.base.values[root] else { unreachable!("codes exist") };
        value
    }

    fn number(value: Value) -> Integer {
        let codes = Codes::of(value.r#type());
        codes.map_or(Integer { bits: 8, signed: true }, |codes| Integer {
            bits: codes.bits,
            signed: codes.signed,
        })
    }

    /// New codes, and the expression that they are of, times a number and plus another one.
    fn root(
        &mut self,
        made: Made<'c, 'a>,
        root: Root,
        (scale, offset): (i128, i128),
        bits: u32,
    ) -> Option<Id> {
        let number = self.base.root(root, made);
        let (scale, offset) = (i64::try_from(scale).ok()?, i64::try_from(offset).ok()?);
        let graph = &mut self.base.elements.graph;
        let mut id = graph.add(Node::Root(number), bits);
        self.base.exist.insert(id, Exists { root: number, offset: 0 });
        if (scale, offset) != (1, 0) {
            let (by, more) = (graph.integer(scale, 64), graph.integer(offset, 64));
            id = graph.add(Node::Resize { value: id, signed: true }, 64);
            id = graph.add(Node::Binary(Binary::Mul, id, by), 64);
            id = graph.add(Node::Binary(Binary::Add, id, more), 64);
            id = graph.add(Node::Resize { value: id, signed: true }, bits);
        }
        Some(id)
    }

    /// The code that stands for a number, if the type has it.
    fn code_of(number: Integer, value: i64, (scale, offset): (i128, i128)) -> Option<i64> {
        let rest = i128::from(value) - offset;
        let (low, high) = crate::exact::range(number.bits.into(), number.signed);
        let code = (rest % scale == 0).then(|| i64::try_from(rest / scale).ok()).flatten()?;
        (low..=high).contains(&code).then_some(code)
    }

    /// Features in another order, or `fill` where there is none.
    fn gathered(
        &mut self,
        op: OperationRef<'c, 'a>,
        x: &Computed,
        index: &[i64],
        fill: Option<i64>,
        view: View,
    ) -> pass::Result<'c, Computed> {
        let bits = self.base.elements.graph.bits(x.id);
        let (root, scale, offset) = self.codes(op, x.id)?;
        let number = Self::number(self.value(root));
        let code = match fill {
            None => 0,
            Some(fill) => Self::code_of(number, fill, (scale, offset)).ok_or_else(|| {
                fail(&op, format_args!("pads with {fill}, for which its input has no code"))
            })?,
        };
        let mut range = self.base.roots[root].ranges[0];
        if fill.is_some() {
            range = (range.0.min(code.into()), range.1.max(code.into()));
        }
        let value = self.gather(op, self.value(root), index, code);
        let root = Root { ranges: vec![range], summed: false };
        let id = self
            .root(Made::Codes(value), root, (scale, offset), bits)
            .ok_or_else(|| fail(&op, "moves numbers of more than 64 bits"))?;
        let shape = view.shape();
        Ok(Computed { shape, view, id, columns: index.len(), unit: 1, padding: None })
    }

    fn gather(
        &self,
        op: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        index: &[i64],
        fill: i64,
    ) -> Value<'c, 'a> {
        let before = Codes::of(value.r#type()).expect("codes have rows and columns");
        if before.columns == index.len() && index.iter().copied().eq(0..before.columns as i64) {
            return value;
        }
        let after = Codes { columns: index.len(), ..before };
        let indices = self.base.constant(op, op.location(), &[index.len()], 32, index);
        let number = Self::number(value);
        let node = Operator {
            operator: &operator::gather::Gather,
            parameters: [("fill".to_owned(), vec![fill])].into(),
            inputs: Vec::new(),
            constants: Vec::new(),
            output: operator::Tensor { features: index.len(), number },
            accumulator: 32,
        };
        self.base.build_operator(op, op.location(), &node, &[value], &[indices], &[], after)
    }

    /// A tensor whose features lie in its own order.
    fn in_order(&mut self, op: OperationRef<'c, 'a>, x: &Computed) -> pass::Result<'c, Computed> {
        let total: usize = x.shape.iter().product();
        let all: usize = x.view.sample().iter().product();
        if x.view.rows() != self.rows || all * self.rows != total {
            return Err(self.mixing(op));
        }
        let mut stride = all;
        let mut axes = x.view.axes.clone();
        for digit in axes.iter_mut().flatten().filter(|digit| !digit.of_rows) {
            stride /= digit.extent;
            digit.stride = stride;
        }
        let index: Vec<i64> = x.view.features().into_iter().map(|at| at as i64).collect();
        self.gathered(op, x, &index, None, View { axes, offset: 0 })
    }

    fn reshape(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.operand(op, 0)?;
        let shape = result_shape(op)?;
        let (x, view) = match x.view.reshaped(&shape) {
            Some(view) => (x, Some(view)),
            None => {
                let ordered = self.in_order(op, &x)?;
                let view = ordered.view.reshaped(&shape);
                (ordered, view)
            }
        };
        let Some(view) = view else { return Err(self.mixing(op)) };
        self.set(op, Computed { shape, view, ..x });
        Ok(())
    }

    fn pad(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.operand(op, 0)?;
        let [low, high] = paddings(op)?;
        let shape = result_shape(op)?;
        let r#yield = rewrite::body(op).and_then(|body| rewrite::ops(body).last().copied());
        let value = r#yield.and_then(|op| op.operands().next());
        let value = value.ok_or_else(|| fail(&op, "pads with nothing"))?;
        let id = self.base.elements.scalar(&op, value, &mut HashMap::new())?;
        let value = self.base.elements.graph.one(id);
        let value = value.ok_or_else(|| fail(&op, "pads with what is no constant"))?;
        if low.len() != shape.len() || high.len() != shape.len() {
            return Err(fail(&op, "needs a padding of each axis"));
        }
        let padding = Some(Padding { low, high, value });
        self.set(op, Computed { shape, padding, ..x });
        Ok(())
    }

    fn slice(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let x = self.operand(op, 0)?;
        let (start, size) = (list(op, "static_offsets")?, list(op, "static_sizes")?);
        let strides = list(op, "static_strides")?;
        let rank = x.shape.len();
        let whole = [&start, &size, &strides].iter().all(|list| list.len() == rank);
        if !whole || strides.iter().any(|&stride| stride != 1) {
            return Err(fail(
                &op,
                "takes every other element, which is not mapped to the array yet",
            ));
        }
        let (x, view) = match x.view.sliced(&start, &size) {
            Some(view) => (x, Some(view)),
            None => {
                let ordered = self.in_order(op, &x)?;
                let view = ordered.view.sliced(&start, &size);
                (ordered, view)
            }
        };
        // Axes of one may have been left out.
        let shape = result_shape(op)?;
        let view = view.and_then(|view| match view.shape() == shape {
            true => Some(view),
            false => view.reshaped(&shape),
        });
        let Some(view) = view else { return Err(self.mixing(op)) };
        self.set(op, Computed { shape, view, ..x });
        Ok(())
    }

    /// What is computed of each element.
    fn map(&mut self, loops: &Loops<'c, 'a>) -> pass::Result<'c> {
        let op = loops.op;
        let shape = result_shape(op)?;
        let order = loops.order().ok_or_else(|| {
            fail(&op, "writes its result in another order than its loops, which is not mapped to the array yet")
        })?;
        let body = rewrite::body(op).ok_or_else(|| fail(&op, "has no body"))?;
        // Where each computed operand has the elements of the result.
        let mut operands: Vec<(usize, Computed)> = Vec::new();
        for index in 0..loops.maps.len() - 1 {
            let value = op.operand(index).map_err(|error| fail(&op, error))?;
            if !self.tensors.contains_key(&key(value)) {
                continue;
            }
            let x = self.operand(op, index)?;
            let mut axes = Vec::new();
            let mut repeats = false;
            for &dim in &order {
                let axis = loops.maps[index].iter().position(|terms| terms[..] == [(dim, 1)]);
                axes.push(match axis {
                    Some(axis) => x.view.axes[axis].clone(),
                    None if loops.extents[dim] == 1 => Vec::new(),
                    None => {
                        repeats = true;
                        vec![Digit { extent: loops.extents[dim], stride: 0, of_rows: false }]
                    }
                });
            }
            let view = View { axes, offset: x.view.offset };
            if view.shape() != shape {
                return Err(self.mixing(op));
            }
            let x = Computed { view, shape: shape.clone(), ..x };
            operands.push((index, if repeats { self.in_order(op, &x)? } else { x }));
        }
        let lies = |x: &Computed| x.view.places();
        let (first, rest) = operands.split_first_mut().ok_or_else(|| fail(&op, "reads nothing"))?;
        let places = lies(&first.1);
        for (_, x) in rest {
            if x.columns != first.1.columns || lies(x) != places {
                // As the first one lies.
                let mut index = vec![-1i64; first.1.columns];
                for (from, to) in lies(x).into_iter().zip(&places) {
                    let known = &mut index[to.1];
                    if from.0 != to.0 || *known >= 0 && *known != from.1 as i64 {
                        return Err(self.mixing(op));
                    }
                    *known = from.1 as i64;
                }
                let fill = index.iter().copied().find(|&at| at >= 0).unwrap_or(0);
                index.iter_mut().filter(|at| **at < 0).for_each(|at| *at = fill);
                *x = self.gathered(op, x, &index, None, first.1.view.clone())?;
            }
            if x.unit != first.1.unit {
                // Channels of one are not those of the other.
                for x in [&mut first.1, x] {
                    let root = self.base.exist(op, x.id, None)?;
                    let ranges = vec![self.base.roots[root].ranges[0]];
                    let made = Made::Codes(self.value(root));
                    let bits = self.base.elements.graph.bits(x.id);
                    let id = self.root(made, Root { ranges, summed: false }, (1, 0), bits);
                    x.id = id.unwrap_or(x.id);
                    x.unit = 1;
                }
            }
        }
        let (columns, unit, view) = (first.1.columns, first.1.unit, first.1.view.clone());
        let mut bound = HashMap::new();
        for (index, x) in &operands {
            let argument: Value = body.argument(*index).map_err(|error| fail(&op, error))?.into();
            bound.insert(key(argument), x.id);
        }
        for index in 0..loops.maps.len() - 1 {
            let argument: Value = body.argument(index).map_err(|error| fail(&op, error))?.into();
            if bound.contains_key(&key(argument)) {
                continue;
            }
            let value = op.operand(index).map_err(|error| fail(&op, error))?;
            let Tensor::Constant { shape, values, bits } = self.base.elements.tensor(&op, value)?
            else {
                continue;
            };
            let values = match values.len() {
                1 => values,
                _ => {
                    let at = loops.places(&order, &loops.steps(index, &shape));
                    let values: Vec<i64> =
                        at.into_iter().map(|at| values.get(at).copied().unwrap_or(0)).collect();
                    self.channels(op, &values, &view, (columns, unit))?
                }
            };
            let id = self.base.elements.constant(values, bits);
            bound.insert(key(argument), id);
        }
        let r#yield = yielded(op)?;
        let id = self.base.elements.scalar(&op, r#yield, &mut bound)?;
        if self.base.elements.graph.constant(id).is_some() {
            return Err(fail(&op, "makes a constant of a computed tensor"));
        }
        self.base.elements.places.entry(id).or_insert(op);
        self.set(op, Computed { shape, view, id, columns, unit, padding: None });
        Ok(())
    }

    /// Numbers of the elements of a tensor, as those of its channels.
    fn channels(
        &self,
        op: OperationRef<'c, 'a>,
        values: &[i64],
        view: &View,
        (columns, unit): (usize, usize),
    ) -> pass::Result<'c, Vec<i64>> {
        let mut all: Vec<Option<i64>> = vec![None; columns / unit.max(1)];
        for (value, (_, feature)) in values.iter().zip(view.places()) {
            let known = all.get_mut(feature / unit.max(1));
            let known = known.ok_or_else(|| fail(&op, "reads beyond its channels"))?;
            if known.is_some_and(|known| known != *value) {
                return Err(fail(
                    &op,
                    "has a constant that differs from row to row of the batch, or within a channel, which is not supported yet",
                ));
            }
            *known = Some(*value);
        }
        let other = all.iter().flatten().next().copied().unwrap_or(0);
        Ok(all.into_iter().map(|value| value.unwrap_or(other)).collect())
    }

    /// What is made of the elements of windows or of whole axes.
    fn reduce(&mut self, loops: &Loops<'c, 'a>) -> pass::Result<'c> {
        let op = loops.op;
        let output = loops.maps.len() - 1;
        let body = rewrite::body(op).ok_or_else(|| fail(&op, "has no body"))?;
        let (mut input, mut weights) = (None, None);
        let mut scalars = HashMap::new();
        for index in 0..output {
            let value = op.operand(index).map_err(|error| fail(&op, error))?;
            let argument: Value = body.argument(index).map_err(|error| fail(&op, error))?.into();
            if let Some(x) = self.tensors.get(&key(value)).cloned() {
                if input.replace((index, x, argument)).is_some() {
                    return Err(fail(
                        &op,
                        "multiplies two computed tensors, as attention does, which is not mapped to the array yet: products with constant weights are",
                    ));
                }
                continue;
            }
            match self.base.elements.tensor(&op, value)? {
                Tensor::Constant { values, bits, .. }
                    if values.len() == 1 && loops.all(index).is_empty() =>
                {
                    let id = self.base.elements.constant(values, bits);
                    scalars.insert(key(argument), id);
                }
                Tensor::Constant { shape, values, bits } if weights.is_none() => {
                    let count = shape.iter().product();
                    let values = if values.len() == 1 { vec![values[0]; count] } else { values };
                    weights = Some((index, shape, values, bits, argument));
                }
                Tensor::Empty => {}
                _ => return Err(self.other(op)),
            }
        }
        let Some((at, x, argument)) = input else { return Err(self.other(op)) };
        let out: Value = body.argument(output).map_err(|error| fail(&op, error))?.into();
        let last = constant::defining_op(yielded(op)?).ok_or_else(|| self.other(op))?;
        let operands: Vec<Value> = last.operands().collect();
        let [a, b] = operands[..] else { return Err(self.other(op)) };
        let mut term = match (a == out, b == out) {
            (true, false) => b,
            (false, true) => a,
            _ => return Err(self.other(op)),
        };
        let mut bound = scalars.clone();
        bound.insert(key(argument), x.id);
        if rewrite::is(&last, "arith.maxsi") && weights.is_none() {
            let id = self.base.elements.scalar(&op, term, &mut bound)?;
            return self.largest(loops, at, x, id);
        }
        if !rewrite::is(&last, "arith.addi") {
            return Err(self.other(op));
        }
        let bits = crate::dialect::scalar::width(out.r#type());
        let mut product_bits = bits;
        let mut padding = scalars.clone();
        let around = x.padding.as_ref().map_or(0, |padding| padding.value);
        let around = self.base.elements.graph.integer(around, self.base.elements.graph.bits(x.id));
        padding.insert(key(argument), around);
        let mut product_shift = 0;
        let (id, outside, list, steps, dims) = match weights {
            None => {
                let id = self.base.elements.scalar(&op, term, &mut bound)?;
                let outside = self.base.elements.scalar(&op, term, &mut padding)?;
                (id, outside, vec![1], vec![0; loops.extents.len()], None)
            }
            Some((index, shape, values, width, weights)) => {
                while let Some(of) = constant::defining_op(term)
                    && ["arith.extsi", "arith.shrsi"].iter().any(|name| rewrite::is(&of, name))
                {
                    term = of.operand(0).map_err(|error| fail(&op, error))?;
                    if rewrite::is(&of, "arith.shrsi") {
                        let by = of.operand(1).map_err(|error| fail(&op, error))?;
                        let by = self.base.elements.scalar(&op, by, &mut scalars.clone())?;
                        let by = self.base.elements.graph.one(by);
                        product_shift += by.ok_or_else(|| self.other(op))?;
                    }
                }
                let product = constant::defining_op(term)
                    .filter(|product| rewrite::is(product, "arith.muli"))
                    .ok_or_else(|| self.other(op))?;
                product_bits = crate::dialect::scalar::width(term.r#type());
                let list = self.base.elements.constant(values, width);
                let mut constants = scalars;
                constants.insert(key(weights), list);
                let mut sides = Vec::new();
                for factor in product.operands() {
                    let of = |rows: &mut Self, bound: &HashMap<usize, Id>| {
                        rows.base.elements.scalar(&op, factor, &mut bound.clone())
                    };
                    sides.push((
                        of(self, &bound).ok(),
                        of(self, &constants).ok(),
                        of(self, &padding).ok(),
                    ));
                }
                let (id, outside, list) = match sides[..] {
                    [(Some(id), None, Some(outside)), (_, Some(list), _)]
                    | [(_, Some(list), _), (Some(id), None, Some(outside))] => (id, outside, list),
                    _ => return Err(self.other(op)),
                };
                let list = self.base.elements.graph.constant(list).map(<[i64]>::to_vec);
                let list = list.ok_or_else(|| self.other(op))?;
                // Weights that are all the same are one.
                let steps = match list.len() {
                    1 => vec![0; loops.extents.len()],
                    _ => loops.steps(index, &shape),
                };
                (id, outside, list, steps, Some(loops.all(index)))
            }
        };
        let reads = self.reads(loops, at, &x, dims.as_deref())?;
        let widths = Widths { sum: bits, product: product_bits, product_shift };
        self.sum(loops, &x, &reads, (id, outside), (&list, &steps), widths)
    }

    fn other(&self, op: OperationRef<'c, 'a>) -> pass::Failure<'c> {
        fail(
            &op,
            "reduces something else than sums, maxima, or sums of products of a computed tensor with constant weights, which is not supported yet",
        )
    }

    /// What the loops do with the axes of the input; `weights` are those of constant factors.
    fn reads(
        &mut self,
        loops: &Loops<'c, 'a>,
        at: usize,
        x: &Computed,
        weights: Option<&[usize]>,
    ) -> pass::Result<'c, Reads> {
        let op = loops.op;
        let weighted = |dim: usize| weights.is_some_and(|dims| dims.contains(&dim));
        let mut reads = Reads {
            rows: Vec::new(),
            groups: Vec::new(),
            depth: Vec::new(),
            sides: Vec::new(),
            breadth: Vec::new(),
        };
        for axis in 0..loops.maps[at].len() {
            let of_rows = x.view.axes[axis].iter().any(|digit| digit.of_rows);
            let padded = x.padding.as_ref().is_some_and(|p| p.low[axis] + p.high[axis] > 0);
            let alone = !padded && !of_rows;
            let terms = loops.along(at, axis);
            match terms[..] {
                [] if !padded && x.shape[axis] == 1 => {}
                [(dim, 1)] if of_rows && !padded && loops.parallel[dim] && !weighted(dim) => {
                    reads.rows.push((dim, axis));
                    if !x.view.features_of(axis).is_empty() {
                        return Err(self.mixing(op));
                    }
                }
                [(dim, 1)] if alone && loops.parallel[dim] && weighted(dim) => {
                    reads.groups.push((dim, axis));
                }
                [(dim, step)] if !of_rows && loops.parallel[dim] && !weighted(dim) => {
                    reads.sides.push(Side { axis, parallel: Some((dim, step)), kernel: None });
                }
                [(dim, 1)] if alone && !loops.parallel[dim] && weighted(dim) => {
                    reads.depth.push((dim, axis));
                }
                [(dim, step)] if !of_rows && !loops.parallel[dim] => {
                    reads.sides.push(Side { axis, parallel: None, kernel: Some((dim, step)) });
                }
                [a, b] if !of_rows && loops.parallel[a.0] != loops.parallel[b.0] => {
                    let (parallel, kernel) = if loops.parallel[a.0] { (a, b) } else { (b, a) };
                    let (parallel, kernel) = (Some(parallel), Some(kernel));
                    reads.sides.push(Side { axis, parallel, kernel });
                }
                _ => return Err(self.mixing(op)),
            }
        }
        if x.view.rows() != self.rows {
            return Err(self.mixing(op));
        }
        // Where no weights tell them apart, any axis may be the channels: the outermost one.
        if weights.is_none() {
            let outer = |side: &Side| {
                let digits = x.view.features_of(side.axis);
                digits.first().map_or(0, |digit| digit.stride)
            };
            let plain = |side: &&Side| {
                let padded = x
                    .padding
                    .as_ref()
                    .is_some_and(|padding| padding.low[side.axis] + padding.high[side.axis] > 0);
                side.kernel.is_none() && side.parallel.is_some_and(|(_, step)| step == 1) && !padded
            };
            let axis = reads.sides.iter().filter(plain).max_by_key(|side| outer(side));
            if let Some(axis) = axis.map(|side| side.axis) {
                let place = reads.sides.iter().position(|side| side.axis == axis);
                let side = place.map(|place| reads.sides.remove(place));
                let dim = side.and_then(|side| side.parallel).map_or(0, |(dim, _)| dim);
                reads.groups.push((dim, axis));
            }
        }
        if reads.sides.len() > 2 {
            return Err(self.mixing(op));
        }
        let read = loops.all(at);
        let output = loops.maps.len() - 1;
        for dim in loops.all(output) {
            if !read.contains(&dim) {
                if !weighted(dim) {
                    return Err(self.mixing(op));
                }
                reads.breadth.push(dim);
            }
        }
        Ok(reads)
    }

    /// The codes of the input as images of channels.
    fn image(
        &mut self,
        loops: &Loops<'c, 'a>,
        x: &Computed,
        reads: &Reads,
        value: Value<'c, 'a>,
    ) -> Image<'c, 'a> {
        let channels: Vec<Digit> = reads
            .groups
            .iter()
            .chain(&reads.depth)
            .flat_map(|(_, axis)| x.view.features_of(*axis))
            .collect();
        let mut image = Image {
            value,
            number: Self::number(value),
            extents: [1; 3],
            strides: [0, 0, 0],
            offset: x.view.offset,
            padding: [0; 2],
            output: [1; 2],
            kernel: [1; 2],
            stride: [1; 2],
            dilation: [1; 2],
        };
        let mut digits = vec![merged(channels), Vec::new(), Vec::new()];
        // A single axis are columns.
        let first = 2 - reads.sides.len();
        for (place, side) in reads.sides.iter().enumerate() {
            let i = first + place;
            digits[i + 1] = x.view.features_of(side.axis);
            if let Some(padding) = &x.padding {
                image.padding[i] = padding.low[side.axis];
            }
            if let Some((dim, step)) = side.parallel {
                (image.output[i], image.stride[i]) = (loops.extents[dim], step);
            }
            if let Some((dim, step)) = side.kernel {
                (image.kernel[i], image.dilation[i]) = (loops.extents[dim], step);
            }
        }
        for (i, digits) in digits.iter().enumerate() {
            image.extents[i] = digits.iter().map(|digit| digit.extent).product();
            image.strides[i] = digits.first().map_or(0, |digit| digit.stride);
        }
        if digits.iter().any(|digits| digits.len() > 1) {
            let view = View { axes: digits, offset: x.view.offset };
            let index: Vec<i64> = view.features().into_iter().map(|at| at as i64).collect();
            image.value = self.gather(loops.op, value, &index, 0);
            let [_, h, w] = image.extents;
            (image.strides, image.offset) = ([h * w, w, 1], 0);
        }
        image
    }

    /// Where the elements of a result lie whose features are `[channel][row][column]`.
    fn result_view(
        &mut self,
        loops: &Loops<'c, 'a>,
        x: &Computed,
        reads: &Reads,
        [height, width]: [usize; 2],
    ) -> pass::Result<'c, View> {
        let order = loops.order().ok_or_else(|| self.other(loops.op))?;
        let groups = reads.groups.iter().map(|(dim, _)| *dim);
        let channels: Vec<usize> = groups.chain(reads.breadth.iter().copied()).collect();
        let first = 2 - reads.sides.len();
        let mut axes = Vec::new();
        for dim in order {
            let extent = loops.extents[dim];
            let row = reads.rows.iter().find(|(of, _)| *of == dim);
            let channel = channels.iter().position(|&of| of == dim);
            let of = |side: &Side| side.parallel.is_some_and(|(of, _)| of == dim);
            let side = reads.sides.iter().position(of);
            axes.push(match (row, channel, side) {
                _ if extent == 1 => Vec::new(),
                (Some((_, axis)), ..) => x.view.axes[*axis].clone(),
                (_, Some(place), _) => {
                    let stride = loops.count(&channels[place + 1..]) * height * width;
                    vec![Digit { extent, stride, of_rows: false }]
                }
                (_, _, Some(place)) => {
                    let stride = if first + place == 0 { width } else { 1 };
                    vec![Digit { extent, stride, of_rows: false }]
                }
                _ => return Err(self.mixing(loops.op)),
            });
        }
        Ok(View { axes, offset: 0 })
    }

    /// The constants with which sums begin, of each channel.
    fn initial(
        &mut self,
        loops: &Loops<'c, 'a>,
        view: &View,
        (columns, unit): (usize, usize),
    ) -> pass::Result<'c, Vec<i64>> {
        let op = loops.op;
        let value = op.operand(loops.maps.len() - 1).map_err(|error| fail(&op, error))?;
        if self.tensors.contains_key(&key(value)) {
            return Err(fail(
                &op,
                "adds products to a computed tensor, which is not supported yet: add it afterwards",
            ));
        }
        let Tensor::Constant { values, .. } = self.base.elements.tensor(&op, value)? else {
            return Err(self.other(op));
        };
        match values.len() {
            1 => Ok(vec![values[0]; columns / unit.max(1)]),
            _ => self.channels(op, &values, view, (columns, unit)),
        }
    }

    /// Sums of products with constants.
    fn sum(
        &mut self,
        loops: &Loops<'c, 'a>,
        x: &Computed,
        reads: &Reads,
        (id, outside): (Id, Id),
        (list, steps): (&[i64], &[usize]),
        Widths { sum: bits, product: product_bits, product_shift }: Widths,
    ) -> pass::Result<'c> {
        let op = loops.op;
        let (root, scale, offset) = match self.codes(op, id)? {
            // What is cut off a product of a code is not what is cut off that of its value.
            (.., offset) if product_shift > 0 && offset != 0 => {
                (self.base.exist(op, id, None)?, 1, 0)
            }
            found => found,
        };
        if !(0..32).contains(&product_shift) {
            return Err(self.other(op));
        }
        let value = self.value(root);
        let image = self.image(loops, x, reads, value);
        let dims = |list: &[(usize, usize)]| list.iter().map(|(dim, _)| *dim).collect::<Vec<_>>();
        let (groups, depth) = (dims(&reads.groups), dims(&reads.depth));
        let channels = loops.count(&groups) * loops.count(&reads.breadth);
        let [height, width] = image.output;
        let view = self.result_view(loops, x, reads, image.output)?;
        let (columns, unit) = (channels * height * width, height * width);
        let initial = self.initial(loops, &view, (columns, unit))?;

        // What is around the image is a code, too.
        let met = (0..2).any(|i| {
            image.padding[i] > 0
                || (image.output[i] - 1) * image.stride[i]
                    + (image.kernel[i] - 1) * image.dilation[i]
                    >= image.extents[i + 1]
        });
        let mut range = self.base.roots[root].ranges[0];
        let mut around = 0;
        if met {
            let code = self.base.elements.graph.one(outside);
            let code = code.and_then(|code| Self::code_of(image.number, code, (scale, offset)));
            around = code
                .ok_or_else(|| fail(&op, "pads with a number for which its input has no code"))?;
            range = (range.0.min(around.into()), range.1.max(around.into()));
        }
        let places = |list: &[usize]| loops.places(list, steps);
        let (of_groups, of_breadth) = (places(&groups), places(&reads.breadth));
        let first = 2 - reads.sides.len();
        let mut of_taps = places(&depth);
        for i in 0..2usize {
            let side = i.checked_sub(first).and_then(|place| reads.sides.get(place));
            let dim = side.and_then(|side| side.kernel).map(|(dim, _)| dim);
            let of_side = places(&dim.into_iter().collect::<Vec<_>>());
            of_taps =
                of_taps.iter().flat_map(|at| of_side.iter().map(move |more| at + more)).collect();
        }
        let (mut weights, mut bias, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
        for (channel, at) in of_groups
            .iter()
            .flat_map(|group| of_breadth.iter().map(move |more| group + more))
            .enumerate()
        {
            let initial = initial.get(channel).copied().unwrap_or(0);
            let (mut constant, mut least, mut most) = (i128::from(initial), 0i128, 0i128);
            for tap in &of_taps {
                let weight = list.get(at + tap).copied().unwrap_or(0);
                let own = i128::from(weight);
                constant += offset * own;
                let ends = [range.0, range.1].map(|x| (x * scale * own) >> product_shift);
                least += ends[0].min(ends[1]);
                most += ends[0].max(ends[1]);
                let cut = |x: i128| x < limits(product_bits).0 || x > limits(product_bits).1;
                if [range.0, range.1].iter().any(|x| cut((x * scale + offset) * own)) {
                    return Err(fail(
                        &op,
                        format_args!("has products that {product_bits} bits do not hold"),
                    ));
                }
                let weight = i16::try_from(own * scale).map_err(|_| {
                    fail(&op, "has weights of more than 16 bits; kernels multiply by signed 8 bit weights")
                })?;
                weights.push(i64::from(weight));
            }
            let sums: Range = (least + constant, most + constant);
            if sums.0 < limits(bits).0 || sums.1 > limits(bits).1 {
                return Err(fail(
                    &op,
                    format_args!(
                        "has sums from {} to {} in channel {channel}, which {bits} bits do not hold",
                        sums.0, sums.1
                    ),
                ));
            }
            bias.push(constant);
            ranges.push(sums);
        }
        let location = op.location();
        let matrix = reads.sides.is_empty() && groups.is_empty() && list.len() > 1;
        let made = if matrix && product_shift == 0 {
            // No window: a product with a matrix.
            let k = Codes::of(value.r#type()).map_or(0, |codes| codes.columns);
            let axes = reads.depth.iter().map(|(_, axis)| x.view.features_of(*axis)).collect();
            let features = View { axes, offset: x.view.offset }.features();
            let mut matrix = vec![0; k * channels];
            for channel in 0..channels {
                for (tap, feature) in features.iter().enumerate() {
                    matrix[feature * channels + channel] += weights[channel * features.len() + tap];
                }
            }
            Made::Dense { input: value, weights: matrix, columns: channels, bias, location }
        } else {
            let wide = weights.iter().any(|&weight| i8::try_from(weight).is_err());
            let mut parameters = image.parameters([channels, height, width]);
            for (name, numbers) in [
                ("expand", vec![1, 1]),
                ("groups", vec![loops.count(&groups) as i64]),
                ("outside", vec![around]),
            ] {
                parameters.insert(name.to_owned(), numbers);
            }
            if product_shift > 0 {
                parameters.insert("product_shift".to_owned(), vec![product_shift]);
            }
            let node = Operator {
                operator: &operator::conv2d::Conv2d,
                parameters,
                inputs: vec![operator::Tensor {
                    features: Codes::of(image.value.r#type()).map_or(0, |codes| codes.columns),
                    number: image.number,
                }],
                constants: vec![operator::Constant {
                    shape: vec![channels, loops.count(&depth), image.kernel[0], image.kernel[1]],
                    number: Integer { bits: if wide { 16 } else { 8 }, signed: true },
                    data: weights,
                }],
                output: operator::Tensor { features: columns, number: image.number },
                accumulator: 32,
            };
            Made::Operator { node: Box::new(node), input: image.value, bias, columns, location }
        };
        let number = Root { ranges, summed: true };
        let id = self
            .root(made, number, (1, 0), bits)
            .ok_or_else(|| fail(&op, "sums numbers of more than 64 bits"))?;
        self.base.elements.places.insert(id, op);
        let shape = result_shape(op)?;
        self.set(op, Computed { shape, view, id, columns, unit, padding: None });
        Ok(())
    }

    /// The largest elements of windows.
    fn largest(
        &mut self,
        loops: &Loops<'c, 'a>,
        at: usize,
        x: Computed,
        id: Id,
    ) -> pass::Result<'c> {
        let op = loops.op;
        let reads = self.reads(loops, at, &x, None)?;
        let (root, scale, offset) = match self.codes(op, id)? {
            found @ (_, 1.., _) => found,
            _ => (self.base.exist(op, id, None)?, 1, 0),
        };
        let value = self.value(root);
        let image = self.image(loops, &x, &reads, value);
        let channels: usize = reads.groups.iter().map(|(dim, _)| loops.extents[*dim]).product();
        let [height, width] = image.output;
        let view = self.result_view(loops, &x, &reads, image.output)?;
        let range = self.base.roots[root].ranges[0];
        // What is around, and what it begins with, is not larger than anything.
        let initial = self.initial(loops, &view, (channels * height * width, height * width))?;
        let around = x.padding.as_ref().map(|padding| padding.value);
        let least = range.0 * scale + offset;
        if initial.iter().copied().chain(around).any(|other| i128::from(other) > least) {
            return Err(fail(
                &op,
                "takes the larger of elements and of a number that may be larger, which is not mapped to the array yet",
            ));
        }
        let columns = channels * height * width;
        let features = Codes::of(image.value.r#type()).map_or(0, |codes| codes.columns);
        let node = Operator {
            operator: &operator::max_pool::MaxPool,
            parameters: image.parameters([channels, height, width]),
            inputs: vec![operator::Tensor { features, number: image.number }],
            constants: Vec::new(),
            output: operator::Tensor { features: columns, number: image.number },
            accumulator: 32,
        };
        if let Err(problem) = node.operator.check(&node) {
            return Err(fail(&op, problem));
        }
        let Integer { bits, signed } = image.number;
        let after = Codes { rows: self.rows, columns, bits, signed };
        let value =
            self.base.build_operator(op, op.location(), &node, &[image.value], &[], &[], after);
        let bits = self.base.elements.graph.bits(id);
        let root = Root { ranges: vec![range], summed: false };
        let id = self
            .root(Made::Codes(value), root, (scale, offset), bits)
            .ok_or_else(|| fail(&op, "compares numbers of more than 64 bits"))?;
        self.base.elements.places.insert(id, op);
        let (shape, unit) = (result_shape(op)?, height * width);
        self.set(op, Computed { shape, view, id, columns, unit, padding: None });
        Ok(())
    }

    fn r#return(&mut self, op: OperationRef<'c, 'a>) -> pass::Result<'c> {
        let mut values = Vec::new();
        for index in 0..op.operand_count() {
            let operand = op.operand(index).map_err(|error| fail(&op, error))?;
            if !self.tensors.contains_key(&key(operand)) {
                return Err(fail(&op, "returns a constant: a network computes its results"));
            }
            let mut x = self.operand(op, index)?;
            let element = crate::dialect::scalar::element(operand.r#type());
            let bits = crate::dialect::scalar::width(element);
            let total = x.shape.iter().product::<usize>() / self.rows;
            if !x.view.is_contiguous() || x.columns != total {
                x = self.in_order(op, &x)?;
            }
            if !x.view.is_contiguous() {
                return Err(self.mixing(op));
            }
            values.push(self.base.exist_as_result(op, x.id, index, bits)?);
        }
        for (index, value) in values.into_iter().enumerate() {
            rewrite::set_operand(op, index, value);
        }
        Ok(())
    }
}

pub(super) fn result_shape<'c>(op: OperationRef<'c, '_>) -> pass::Result<'c, Vec<usize>> {
    let result = op.results().next().and_then(|result| shape_of(result.into()));
    result.ok_or_else(|| fail(&op, "needs a result of static extents"))
}

/// A list of constant numbers.
pub(super) fn list<'c>(op: OperationRef<'c, '_>, name: &str) -> pass::Result<'c, Vec<usize>> {
    let list = op.attribute(name).ok().and_then(|a| DenseI64ArrayAttribute::try_from(a).ok());
    let numbers: Option<Vec<usize>> = list.and_then(|list| {
        (0..list.len()).map(|i| usize::try_from(list.element(i).ok()?).ok()).collect()
    });
    numbers.ok_or_else(|| fail(&op, format_args!("needs constant numbers as '{name}'")))
}

/// How much a `tensor.pad` puts before and behind each axis, be it attributes or constants.
pub(super) fn paddings<'c>(op: OperationRef<'c, '_>) -> pass::Result<'c, [Vec<usize>; 2]> {
    let mut operands = op.operands().skip(1);
    let mut read = |name: &str| -> Option<Vec<usize>> {
        let list = DenseI64ArrayAttribute::try_from(op.attribute(name).ok()?).ok()?;
        (0..list.len())
            .map(|index| match usize::try_from(list.element(index).ok()?) {
                Ok(known) => Some(known),
                // Upstream leaves constants where it does not fold them.
                Err(_) => {
                    let number =
                        constant::defining_op(operands.next()?)?.attribute("value").ok()?;
                    usize::try_from(IntegerAttribute::try_from(number).ok()?.value()).ok()
                }
            })
            .collect()
    };
    let found = read("static_low").zip(read("static_high"));
    let (low, high) = found.ok_or_else(|| fail(&op, "pads by numbers that are not constant"))?;
    Ok([low, high])
}

/// What a body yields.
pub(super) fn yielded<'c, 'a>(op: OperationRef<'c, 'a>) -> pass::Result<'c, Value<'c, 'a>> {
    let last = rewrite::body(op).and_then(|body| rewrite::ops(body).last().copied());
    let value = last.and_then(|op| op.operands().next());
    value.ok_or_else(|| fail(&op, "yields nothing"))
}
