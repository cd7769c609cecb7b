//! What operators compute, as linalg: the meaning of `aie4ml.operator`.
//!
//! Types are signless here; a node says which codes have a sign.

use super::{
    aie4ml::Operator,
    scalar::{self, Body, Predicate},
};
use crate::{
    kernel::Integer,
    mlir::rewrite,
    operator::{
        Node, binary, conv2d, matmul, normalize, piecewise, pool, softmax, strided::Groups,
    },
};
use melior::ir::{
    Attribute, OperationRef, ShapedTypeLike, Type, Value, ValueLike,
    attribute::{DenseElementsAttribute, DenseI32ArrayAttribute, DenseI64ArrayAttribute},
    operation::OperationLike,
    r#type::{IntegerType, RankedTensorType},
};

/// Writes before `op` what it computes, but for its requantization: sums of its accumulator's type
/// where it has any, otherwise its codes.
pub fn meaning<'c, 'a>(op: OperationRef<'c, 'a>, node: &Node) -> Value<'c, 'a> {
    let operator = Operator::of(op).expect("the op is an operator");
    let inputs = operator.inputs();
    let constants = operator.constants();
    let at = At { op, node };
    match node.operator.name() {
        "conv2d" => at.conv2d(inputs[0], constants[0], constants[1]),
        "max_pool" => at.max_pool(inputs[0]),
        "average_pool" => at.average_pool(inputs[0], constants[0]),
        "lookup" => at.lookup(inputs[0], constants[0]),
        "piecewise" => at.piecewise(inputs[0], constants[0]),
        "steps" => at.steps(inputs[0], constants[0]),
        "gather" => at.gather(&inputs, constants[0]),
        "binary" => at.binary(inputs[0], inputs[1]),
        "matmul" => at.matmul(inputs[0], inputs[1]),
        "softmax" => at.softmax(inputs[0], constants[0]),
        "normalize" => at.normalize(inputs[0], constants[0], constants[1]),
        other => unreachable!("the verifier knows no '{other}'"),
    }
}

#[derive(Clone, Copy)]
struct At<'c, 'a, 'n> {
    op: OperationRef<'c, 'a>,
    node: &'n Node,
}

impl<'c, 'a> At<'c, 'a, '_> {
    fn integer(&self, bits: u32) -> Type<'c> {
        IntegerType::new(rewrite::context(self.op.location()), bits).into()
    }

    fn sums(&self) -> Type<'c> {
        self.integer(self.node.accumulator)
    }

    fn rows(&self, value: Value<'c, 'a>) -> u64 {
        let tensor = RankedTensorType::try_from(value.r#type()).ok();
        tensor.and_then(|tensor| tensor.dim_size(0).ok()).and_then(extent).unwrap_or(1)
    }

    /// A tensor of `rows x shape` all of whose elements are `value`.
    fn filled(&self, shape: &[u64], element: Type<'c>, value: i64) -> Value<'c, 'a> {
        let context = rewrite::context(self.op.location());
        let tensor: Type = RankedTensorType::new(shape, element, None).into();
        let splat =
            DenseElementsAttribute::new(tensor, &[scalar::integer(context, element, value)])
                .expect("an integer splats over a tensor of integers");
        scalar::constant(self.op, splat.into(), tensor)
    }

    /// `rows x features` as `rows x shape`.
    fn expand(&self, value: Value<'c, 'a>, shape: &[usize]) -> Value<'c, 'a> {
        let mut all = vec![self.rows(value)];
        all.extend(shape.iter().map(|&extent| extent as u64));
        let result = RankedTensorType::new(&all, scalar::element(value.r#type()), None).into();
        let context = rewrite::context(self.op.location());
        let extents: Vec<i64> = all.iter().map(|&extent| extent as i64).collect();
        let attributes = [
            ("reassociation", self.reassociation(shape.len())),
            ("static_output_shape", DenseI64ArrayAttribute::new(context, &extents).into()),
        ];
        scalar::before(self.op, "tensor.expand_shape", &[value], &attributes, result)
    }

    /// `rows x shape` as `rows x features`.
    fn collapse(&self, value: Value<'c, 'a>, shape: &[usize]) -> Value<'c, 'a> {
        let features = shape.iter().product::<usize>() as u64;
        let all = [self.rows(value), features];
        let result = RankedTensorType::new(&all, scalar::element(value.r#type()), None).into();
        let attributes = [("reassociation", self.reassociation(shape.len()))];
        scalar::before(self.op, "tensor.collapse_shape", &[value], &attributes, result)
    }

    fn reassociation(&self, rank: usize) -> Attribute<'c> {
        let context = rewrite::context(self.op.location());
        let rest: Vec<String> = (1..=rank).map(|dim| dim.to_string()).collect();
        Attribute::parse(context, &format!("[[0], [{}]]", rest.join(", ")))
            .expect("lists of numbers are an attribute")
    }

    /// Elements of rows as images.
    fn image(
        &self,
        input: Value<'c, 'a>,
        shape: [usize; 3],
        strides: [usize; 3],
        offset: usize,
    ) -> Value<'c, 'a> {
        let [c, h, w] = shape;
        let features = RankedTensorType::try_from(input.r#type()).ok();
        let features = features.and_then(|t| t.dim_size(1).ok()).and_then(extent).unwrap_or(0);
        if strides == [h * w, w, 1] && offset == 0 && features == (c * h * w) as u64 {
            return self.expand(input, &shape);
        }
        let context = rewrite::context(self.op.location());
        let element = scalar::element(input.r#type());
        let all = [self.rows(input), c as u64, h as u64, w as u64];
        let result = scalar::empty(self.op, RankedTensorType::new(&all, element, None).into());
        let (i64, index) = (self.integer(64), Type::index(context));
        scalar::generic_around(
            self.op,
            &["parallel"; 4],
            &[],
            (result, "d0, d1, d2, d3"),
            &[input],
            |body, _, around| {
                let loop_index = |dim: i64| {
                    let dim = [("dim", scalar::integer(context, i64, dim))];
                    body.op("linalg.index", &[], &dim, index)
                };
                let mut at = body.integer(index, offset as i64);
                for (dim, stride) in strides.into_iter().enumerate() {
                    let factor = body.integer(index, stride as i64);
                    let step = body.binary("arith.muli", loop_index(dim as i64 + 1), factor);
                    at = body.binary("arith.addi", at, step);
                }
                body.op("tensor.extract", &[around[0], loop_index(0), at], &[], element)
            },
        )
    }

    /// An image within a larger one of `outside`, `top` rows down and `left` columns to the right,
    /// its elements `expand` apart.
    fn framed(
        &self,
        image: Value<'c, 'a>,
        input: [usize; 3],
        extents: [usize; 2],
        [top, left]: [usize; 2],
        expand: [usize; 2],
        outside: i64,
    ) -> Value<'c, 'a> {
        let context = rewrite::context(self.op.location());
        let rows = self.rows(image);
        let [channels, height, width] = input.map(|extent| extent as i64);
        let shape = [rows, input[0] as u64, extents[0] as u64, extents[1] as u64];
        let frame = self.filled(&shape, scalar::element(image.r#type()), outside);
        let list = |numbers: [i64; 4]| -> Attribute<'c> {
            DenseI64ArrayAttribute::new(context, &numbers).into()
        };
        let attributes = [
            ("static_offsets", list([0, 0, top as i64, left as i64])),
            ("static_sizes", list([rows as i64, channels, height, width])),
            ("static_strides", list([1, 1, expand[0] as i64, expand[1] as i64])),
            ("operandSegmentSizes", DenseI32ArrayAttribute::new(context, &[1, 1, 0, 0, 0]).into()),
        ];
        let result = frame.r#type();
        scalar::before(self.op, "tensor.insert_slice", &[image, frame], &attributes, result)
    }

    fn conv2d(
        &self,
        input: Value<'c, 'a>,
        weights: Value<'c, 'a>,
        bias: Value<'c, 'a>,
    ) -> Value<'c, 'a> {
        let shape = conv2d::Shape::of(self.node).expect("the verifier checks the parameters");
        let conv2d::Shape { input: from, output, kernel, stride, dilation, padding, .. } = shape;
        let bits = self.node.accumulator;
        // All that any tap can meet, and all of the input.
        let extents = [0, 1].map(|axis| {
            let last = (output[axis + 1] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis];
            let end = padding[axis] + (from[axis + 1] - 1) * shape.expand[axis];
            last.max(end) + 1
        });
        let image = self.image(input, from, shape.strides, shape.offset);
        let frame = self.framed(image, from, extents, padding, shape.expand, shape.outside);
        let grouped = [shape.groups, shape.depth(), extents[0], extents[1]];
        let frame = self.collapse(frame, &[from[0], extents[0], extents[1]]);
        let frame = self.expand(frame, &grouped);
        let taps = [shape.groups, shape.breadth(), shape.depth(), kernel[0], kernel[1]];
        let [weights, bias] = [(weights, &taps[..]), (bias, &taps[..2])].map(|(value, shape)| {
            let all: Vec<u64> = shape.iter().map(|&extent| extent as u64).collect();
            let result = RankedTensorType::new(&all, scalar::element(value.r#type()), None);
            self.split_first(value, result.into(), &all)
        });
        let out = [shape.groups, shape.breadth(), output[1], output[2]];
        let mut extents = vec![self.rows(input)];
        extents.extend(out.iter().map(|&extent| extent as u64));
        let sums = RankedTensorType::new(&extents, self.sums(), None).into();
        let start = scalar::generic(
            self.op,
            &["parallel"; 5],
            &[(bias, "d1, d2")],
            (scalar::empty(self.op, sums), "d0, d1, d2, d3, d4"),
            |body, elements| body.resize(elements[0], true, bits),
        );
        let [row, column] =
            [("d3", "d6", 0), ("d4", "d7", 1)].map(|(output, tap, axis): (_, _, usize)| {
                format!("{output} * {} + {tap} * {}", stride[axis], dilation[axis])
            });
        let signed = self.node.inputs[0].number.signed;
        let sum = scalar::generic(
            self.op,
            &[
                "parallel",
                "parallel",
                "parallel",
                "parallel",
                "parallel",
                "reduction",
                "reduction",
                "reduction",
            ],
            &[(frame, &format!("d0, d1, d5, {row}, {column}")), (weights, "d1, d2, d5, d6, d7")],
            (start, "d0, d1, d2, d3, d4"),
            |body, elements| {
                let a = body.resize(elements[0], signed, bits);
                let w = body.resize(elements[1], true, bits);
                let mut product = body.binary("arith.muli", a, w);
                if shape.product_shift > 0 {
                    let shift = body.integer(self.sums(), shape.product_shift.into());
                    product = body.binary("arith.shrsi", product, shift);
                }
                body.binary("arith.addi", elements[2], product)
            },
        );
        self.collapse(sum, &out)
    }

    /// The first extent of a constant as two.
    fn split_first(&self, value: Value<'c, 'a>, result: Type<'c>, all: &[u64]) -> Value<'c, 'a> {
        let context = rewrite::context(self.op.location());
        let rest: String = (2..all.len()).map(|dim| format!(", [{dim}]")).collect();
        let reassociation = Attribute::parse(context, &format!("[[0, 1]{rest}]"))
            .expect("lists of numbers are an attribute");
        let extents: Vec<i64> = all.iter().map(|&extent| extent as i64).collect();
        let attributes = [
            ("reassociation", reassociation),
            ("static_output_shape", DenseI64ArrayAttribute::new(context, &extents).into()),
        ];
        scalar::before(self.op, "tensor.expand_shape", &[value], &attributes, result)
    }

    fn max_pool(&self, input: Value<'c, 'a>) -> Value<'c, 'a> {
        let shape = pool::Shape::of(self.node).expect("the verifier checks the parameters");
        let pool::Shape { input: from, output, kernel, stride, dilation, padding, .. } = shape;
        let Integer { bits, signed } = self.node.inputs[0].number;
        let extents = [0, 1].map(|axis| {
            let last = (output[axis + 1] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis];
            (last + 1).max(padding[axis] + from[axis + 1])
        });
        let (least, _) = crate::exact::range(bits.into(), signed);
        // The least code changes no maximum.
        let image = self.image(input, from, shape.strides, shape.offset);
        let frame = self.framed(image, from, extents, padding, [1, 1], least);
        let element = scalar::element(input.r#type());
        let window = RankedTensorType::new(&kernel.map(|extent| extent as u64), element, None);
        let window = scalar::empty(self.op, window.into());
        let mut extents = vec![self.rows(input)];
        extents.extend(output.iter().map(|&extent| extent as u64));
        let start = self.filled(&extents, element, least);
        let [row, column] =
            [("d2", "d4", 0), ("d3", "d5", 1)].map(|(output, tap, axis): (_, _, usize)| {
                format!("{output} * {} + {tap} * {}", stride[axis], dilation[axis])
            });
        let most = scalar::generic(
            self.op,
            &["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"],
            &[(frame, &format!("d0, d1, {row}, {column}")), (window, "d4, d5")],
            (start, "d0, d1, d2, d3"),
            |body, elements| {
                let name = if signed { "arith.maxsi" } else { "arith.maxui" };
                body.binary(name, elements[2], elements[0])
            },
        );
        self.collapse(most, &output)
    }

    fn average_pool(&self, input: Value<'c, 'a>, factors: Value<'c, 'a>) -> Value<'c, 'a> {
        let shape = pool::Shape::of(self.node).expect("the verifier checks the parameters");
        let pool::Shape { input: from, output, kernel, stride, dilation, padding, .. } = shape;
        let extents = [0, 1].map(|axis| {
            let last = (output[axis + 1] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis];
            (last + 1).max(padding[axis] + from[axis + 1])
        });
        // Zero changes no sum.
        let image = self.image(input, from, shape.strides, shape.offset);
        let frame = self.framed(image, from, extents, padding, [1, 1], 0);
        let element = scalar::element(input.r#type());
        let window = RankedTensorType::new(&kernel.map(|extent| extent as u64), element, None);
        let window = scalar::empty(self.op, window.into());
        let mut extents = vec![self.rows(input)];
        extents.extend(output.iter().map(|&extent| extent as u64));
        let start = self.filled(&extents, self.sums(), 0);
        let [row, column] =
            [("d2", "d4", 0), ("d3", "d5", 1)].map(|(output, tap, axis): (_, _, usize)| {
                format!("{output} * {} + {tap} * {}", stride[axis], dilation[axis])
            });
        let (bits, signed) = (self.node.accumulator, self.node.inputs[0].number.signed);
        let sums = scalar::generic(
            self.op,
            &["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"],
            &[(frame, &format!("d0, d1, {row}, {column}")), (window, "d4, d5")],
            (start, "d0, d1, d2, d3"),
            |body, elements| {
                let code = body.resize(elements[0], signed, bits);
                body.binary("arith.addi", elements[2], code)
            },
        );
        let places = [output[1] as u64, output[2] as u64];
        let grid = RankedTensorType::new(&places, scalar::element(factors.r#type()), None);
        let factors = self.split_first(factors, grid.into(), &places);
        let [halves] = self.node.sizes("halves").unwrap_or([0]);
        let scaled = scalar::generic(
            self.op,
            &["parallel"; 4],
            &[(sums, "d0, d1, d2, d3"), (factors, "d2, d3")],
            (scalar::empty(self.op, sums.r#type()), "d0, d1, d2, d3"),
            |body, elements| {
                let number = body.resize(elements[1], true, bits);
                if halves == 0 {
                    return body.binary("arith.muli", elements[0], number);
                }
                let shift = body.integer(number.r#type(), halves as i64);
                let shifted = body.binary("arith.shli", elements[0], shift);
                let below = body.binary("arith.floordivsi", shifted, number);
                let above = body.binary("arith.ceildivsi", shifted, number);
                body.binary("arith.addi", below, above)
            },
        );
        self.collapse(scaled, &output)
    }

    fn lookup(&self, input: Value<'c, 'a>, table: Value<'c, 'a>) -> Value<'c, 'a> {
        let element = scalar::element(table.r#type());
        let result = scalar::with_element(input.r#type(), element);
        let signed = self.node.inputs[0].number.signed;
        scalar::generic_around(
            self.op,
            &["parallel"; 2],
            &[(input, "d0, d1")],
            (scalar::empty(self.op, result), "d0, d1"),
            &[table],
            |body, elements, around| {
                let code = body.resize(elements[0], signed, 32);
                let first = body.integer(code.r#type(), if signed { 128 } else { 0 });
                let index = index(body, body.binary("arith.addi", code, first));
                body.op("tensor.extract", &[around[0], index], &[], element)
            },
        )
    }

    fn piecewise(&self, input: Value<'c, 'a>, words: Value<'c, 'a>) -> Value<'c, 'a> {
        let Integer { bits: width, signed: has_sign } = self.node.output.number;
        let result = scalar::with_element(input.r#type(), self.integer(width));
        let signed = self.node.inputs[0].number.signed;
        let number = |name| self.node.sizes::<1>(name).map_or(1, |[number]| number as i64);
        let (length, bits) = (number("length"), number("bits"));
        let element = scalar::element(words.r#type());
        scalar::generic_around(
            self.op,
            &["parallel"; 2],
            &[(input, "d0, d1")],
            (scalar::empty(self.op, result), "d0, d1"),
            &[words],
            |body, elements, around| {
                let code = body.resize(elements[0], signed, 32);
                let integer = |value| body.integer(code.r#type(), value);
                let with = |name, x, by| body.binary(name, x, integer(by));
                let word =
                    |at| body.op("tensor.extract", &[around[0], index(body, at)], &[], element);
                let code = with("arith.addi", code, if signed { 1 << 15 } else { 0 });
                let piece = with("arith.divui", code, length);
                let base = with("arith.shli", piece, 1);
                let slope = word(with("arith.ori", base, 1));
                let place = with("arith.remui", code, length);
                let line = body.binary("arith.muli", slope, place);
                let line = body.binary("arith.addi", word(base), line);
                let mut value = with("arith.shrsi", line, piecewise::FRACTION.into());
                if bits > 0 {
                    let at = with("arith.muli", code, bits);
                    let place = with("arith.remui", at, 32);
                    let at = with("arith.divui", at, 32);
                    let corrections = (2 * piecewise::CODES) as i64 / length;
                    let corrections = word(with("arith.addi", at, corrections));
                    let correction = body.binary("arith.shrui", corrections, place);
                    let correction = with("arith.andi", correction, (1 << bits) - 1);
                    value = body.binary("arith.addi", value, correction);
                }
                body.resize(value, has_sign, width)
            },
        )
    }

    fn steps(&self, input: Value<'c, 'a>, words: Value<'c, 'a>) -> Value<'c, 'a> {
        let count = self.node.constants[0].shape[0] / 2;
        let word = scalar::element(words.r#type());
        let zero = [self.rows(input), self.node.output.features as u64];
        let numbers = scalar::generic_around(
            self.op,
            &["parallel", "parallel", "reduction"],
            &[(input, "d0, d1"), (self.window(count), "d2")],
            (self.filled(&zero, word, 0), "d0, d1"),
            &[words],
            |body, elements, around| {
                let context = body.context();
                let dim = [("dim", scalar::integer(context, self.integer(64), 2))];
                let at = body.op("linalg.index", &[], &dim, Type::index(context));
                let step = body.op("tensor.extract", &[around[0], at], &[], word);
                let reached = body.compare(Predicate::GreaterEqual, elements[0], step);
                let [one, none] = [1, 0].map(|value| body.integer(word, value));
                body.binary("arith.addi", elements[2], body.select(reached, one, none))
            },
        );
        let Integer { bits, signed } = self.node.output.number;
        let result = scalar::with_element(input.r#type(), self.integer(bits));
        scalar::generic_around(
            self.op,
            &["parallel"; 2],
            &[(numbers, "d0, d1")],
            (scalar::empty(self.op, result), "d0, d1"),
            &[words],
            |body, elements, around| {
                let first = body.integer(word, count as i64);
                let at = index(body, body.binary("arith.addi", elements[0], first));
                let code = body.op("tensor.extract", &[around[0], at], &[], word);
                body.resize(code, signed, bits)
            },
        )
    }

    fn gather(&self, inputs: &[Value<'c, 'a>], indices: Value<'c, 'a>) -> Value<'c, 'a> {
        let input = match inputs {
            [a, b] => self.side_by_side(*a, *b),
            _ => inputs[0],
        };
        let element = scalar::element(input.r#type());
        let shape = [self.rows(input), self.node.output.features as u64];
        let result = RankedTensorType::new(&shape, element, None).into();
        let fill = self.node.numbers::<1>("fill").map_or(0, |[fill]| fill);
        let context = rewrite::context(self.op.location());
        scalar::generic_around(
            self.op,
            &["parallel"; 2],
            &[(indices, "d1")],
            (scalar::empty(self.op, result), "d0, d1"),
            &[input],
            |body, elements, around| {
                let zero = body.integer(elements[0].r#type(), 0);
                let inside = body.compare(Predicate::GreaterEqual, elements[0], zero);
                let at = index(body, body.binary("arith.maxsi", elements[0], zero));
                let dim = [("dim", scalar::integer(context, self.integer(64), 0))];
                let row = body.op("linalg.index", &[], &dim, Type::index(context));
                let code = body.op("tensor.extract", &[around[0], row, at], &[], element);
                body.select(inside, code, body.integer(element, fill))
            },
        )
    }

    /// The features of two tensors, one after the other.
    fn side_by_side(&self, a: Value<'c, 'a>, b: Value<'c, 'a>) -> Value<'c, 'a> {
        let context = rewrite::context(self.op.location());
        let columns: usize = self.node.inputs.iter().map(|input| input.features).sum();
        let shape = [self.rows(a), columns as u64];
        let element = scalar::element(a.r#type());
        let result = RankedTensorType::new(&shape, element, None).into();
        let dim = [("dim", scalar::integer(context, self.integer(64), 1))];
        scalar::before(self.op, "tensor.concat", &[a, b], &dim, result)
    }

    fn binary(&self, a: Value<'c, 'a>, b: Value<'c, 'a>) -> Value<'c, 'a> {
        let kind = binary::Kind::of(self.node).expect("the verifier checks the parameters");
        let zero_points = self.node.numbers::<2>("zero_points").unwrap_or([0; 2]);
        let signed = [0, 1].map(|input: usize| self.node.inputs[input].number.signed);
        let bits = self.node.accumulator;
        let sums = scalar::with_element(a.r#type(), self.sums());
        scalar::generic(
            self.op,
            &["parallel"; 2],
            &[(a, "d0, d1"), (b, "d0, d1")],
            (scalar::empty(self.op, sums), "d0, d1"),
            |body, elements| {
                let [a, b] = [0, 1].map(|i: usize| {
                    let zero = match kind {
                        binary::Kind::Product => zero_points[i],
                        _ => 0,
                    };
                    less(body, elements[i], signed[i], bits, zero)
                });
                let name = match kind {
                    binary::Kind::Product => "arith.muli",
                    binary::Kind::Maximum => "arith.maxsi",
                    binary::Kind::Minimum => "arith.minsi",
                };
                body.binary(name, a, b)
            },
        )
    }

    fn matmul(&self, a: Value<'c, 'a>, b: Value<'c, 'a>) -> Value<'c, 'a> {
        let shape = matmul::Shape::of(self.node).expect("the verifier checks the parameters");
        let matmul::Shape { heads, rows, terms, columns, strides, offset, zero_points } = shape;
        let signed = [0, 1].map(|input: usize| self.node.inputs[input].number.signed);
        let bits = self.node.accumulator;
        let map = |input: usize, dims: [&str; 3]| {
            let [x, y, z] = strides[input];
            let [dx, dy, dz] = dims;
            format!("d0, {} + {dx} * {x} + {dy} * {y} + {dz} * {z}", offset[input])
        };
        let out = [heads, rows, columns];
        let mut extents = vec![self.rows(a)];
        extents.extend(out.iter().map(|&extent| extent as u64));
        let sum = scalar::generic(
            self.op,
            &["parallel", "parallel", "parallel", "reduction", "parallel"],
            &[
                (a, &map(0, ["d1", "d2", "d3"])),
                (b, &map(1, ["d1", "d3", "d4"])),
                (self.window(terms), "d3"),
            ],
            (self.filled(&extents, self.sums(), 0), "d0, d1, d2, d4"),
            |body, elements| {
                let [a, b] =
                    [0, 1].map(|i: usize| less(body, elements[i], signed[i], bits, zero_points[i]));
                body.binary("arith.addi", elements[3], body.binary("arith.muli", a, b))
            },
        );
        self.collapse(sum, &out)
    }

    /// What gives a loop of so many steps its extent.
    fn window(&self, extent: usize) -> Value<'c, 'a> {
        let tensor = RankedTensorType::new(&[extent as u64], self.integer(8), None);
        scalar::empty(self.op, tensor.into())
    }

    /// Something of each group of a row: `start`, and what `step` makes of it and an element.
    fn reduced(
        &self,
        input: Value<'c, 'a>,
        groups: &Groups,
        element: Type<'c>,
        start: i64,
        step: impl for<'b> FnOnce(&Body<'c, 'b>, Value<'c, 'b>, Value<'c, 'b>) -> Value<'c, 'b>,
    ) -> Value<'c, 'a> {
        let shape = [self.rows(input), groups.count as u64];
        scalar::generic(
            self.op,
            &["parallel", "parallel", "reduction"],
            &[(input, &elements_of(groups)), (self.window(groups.length), "d2")],
            (self.filled(&shape, element, start), "d0, d1"),
            |body, elements| step(body, elements[2], elements[0]),
        )
    }

    /// `rows x groups x elements`, all i64.
    fn grouped(&self, input: Value<'c, 'a>, groups: &Groups) -> Value<'c, 'a> {
        let shape = [self.rows(input), groups.count as u64, groups.length as u64];
        scalar::empty(self.op, RankedTensorType::new(&shape, self.integer(64), None).into())
    }

    fn softmax(&self, input: Value<'c, 'a>, table: Value<'c, 'a>) -> Value<'c, 'a> {
        let groups = Groups::of(self.node).expect("the verifier checks the parameters");
        let Integer { bits, signed } = self.node.inputs[0].number;
        let wide = self.integer(64);
        let (least, _) = crate::exact::range(bits.into(), signed);
        let code = scalar::element(input.r#type());
        let most = self.reduced(input, &groups, code, least, |body, most, code| {
            body.binary(if signed { "arith.maxsi" } else { "arith.maxui" }, most, code)
        });
        let entries = scalar::generic_around(
            self.op,
            &["parallel"; 3],
            &[(input, &elements_of(&groups)), (most, "d0, d1")],
            (self.grouped(input, &groups), "d0, d1, d2"),
            &[table],
            |body, elements, around| {
                let [code, most] = [0, 1].map(|i: usize| body.resize(elements[i], signed, 32));
                let difference = body.binary("arith.subi", most, code);
                let entry = |at| {
                    let element = scalar::element(around[0].r#type());
                    let at = index(body, at);
                    let entry = body.op("tensor.extract", &[around[0], at], &[], element);
                    body.resize(entry, true, 64)
                };
                if bits == 8 {
                    return entry(difference);
                }
                let number = |value| body.integer(difference.r#type(), value);
                let fine = entry(body.binary("arith.remui", difference, number(256)));
                let coarse = body.binary("arith.divui", difference, number(256));
                let coarse = entry(body.binary("arith.addi", coarse, number(256)));
                let product = body.binary("arith.muli", fine, coarse);
                let fraction = body.integer(product.r#type(), softmax::FRACTION.into());
                body.binary("arith.shrui", product, fraction)
            },
        );
        let sums = self.filled(&[self.rows(input), groups.count as u64], wide, 0);
        let sums = scalar::generic(
            self.op,
            &["parallel", "parallel", "reduction"],
            &[(entries, "d0, d1, d2")],
            (sums, "d0, d1"),
            |body, elements| body.binary("arith.addi", elements[1], elements[0]),
        );
        let reciprocals = scalar::map(self.op, sums, wide, |body, elements| {
            let one = body.integer(elements[0].r#type(), softmax::ONE);
            body.binary("arith.divsi", one, elements[0])
        });
        let result = scalar::generic(
            self.op,
            &["parallel"; 3],
            &[(entries, "d0, d1, d2"), (reciprocals, "d0, d1")],
            (self.grouped(input, &groups), "d0, d1, d2"),
            |body, elements| body.binary("arith.muli", elements[0], elements[1]),
        );
        self.collapse(result, &[groups.count, groups.length])
    }

    fn normalize(
        &self,
        input: Value<'c, 'a>,
        gamma: Value<'c, 'a>,
        beta: Value<'c, 'a>,
    ) -> Value<'c, 'a> {
        let shape = normalize::Shape::of(self.node).expect("the verifier checks the parameters");
        let normalize::Shape { groups, centered, epsilon, bits, zero_point } = shape;
        let signed = self.node.inputs[0].number.signed;
        let (wide, accumulator) = (self.integer(64), self.node.accumulator);
        // 0 where nothing is centered.
        let sums = self.reduced(input, &groups, wide, 0, |body, sum, code| match centered {
            true => body.binary("arith.addi", sum, less(body, code, signed, 64, zero_point)),
            false => sum,
        });
        let squares = self.reduced(input, &groups, wide, 0, |body, sum, code| {
            let x = less(body, code, signed, 64, zero_point);
            body.binary("arith.addi", sum, body.binary("arith.muli", x, x))
        });
        let variances = scalar::generic(
            self.op,
            &["parallel"; 2],
            &[(sums, "d0, d1"), (squares, "d0, d1")],
            (scalar::empty(self.op, sums.r#type()), "d0, d1"),
            |body, elements| {
                let number = |value| body.integer(elements[0].r#type(), value);
                let length = number(groups.length as i64);
                let squares = body.binary("arith.muli", elements[1], length);
                let square = body.binary("arith.muli", elements[0], elements[0]);
                let variance = body.binary("arith.subi", squares, square);
                let variance = body.binary("arith.addi", variance, number(epsilon));
                body.binary("arith.maxsi", variance, number(1))
            },
        );
        let reciprocals = scalar::map(self.op, variances, wide, |body, elements| {
            let (scaled, _) = scaled(body, elements[0]);
            let number = |value| body.integer(scaled.r#type(), value);
            let quotient = body.binary("arith.divsi", number(1 << 61), square_root(body, scaled));
            body.binary("arith.minsi", quotient, number(i32::MAX.into()))
        });
        let shifts = scalar::map(self.op, variances, wide, |body, elements| {
            let (_, e) = scaled(body, elements[0]);
            let number = |value| body.integer(e.r#type(), value);
            let half = body.binary("arith.shrsi", e, number(1));
            body.binary("arith.subi", number(61 - i64::from(bits)), half)
        });
        let extents = [self.rows(input), groups.count as u64, groups.length as u64];
        let result = RankedTensorType::new(&extents, self.sums(), None).into();
        let result = scalar::generic(
            self.op,
            &["parallel"; 3],
            &[
                (input, &elements_of(&groups)),
                (sums, "d0, d1"),
                (reciprocals, "d0, d1"),
                (shifts, "d0, d1"),
                (gamma, "d2"),
                (beta, "d2"),
            ],
            (scalar::empty(self.op, result), "d0, d1, d2"),
            |body, elements| {
                let x = less(body, elements[0], signed, 64, zero_point);
                let length = body.integer(x.r#type(), groups.length as i64);
                let x = body.binary("arith.muli", x, length);
                let difference = body.binary("arith.subi", x, elements[1]);
                let product = body.binary("arith.muli", difference, elements[2]);
                let normal = half_even(body, product, elements[3]);
                let gamma = body.resize(elements[4], true, 64);
                let beta = body.resize(elements[5], true, 64);
                let sum = body.binary("arith.muli", normal, gamma);
                body.resize(body.binary("arith.addi", sum, beta), true, accumulator)
            },
        );
        self.collapse(result, &[groups.count, groups.length])
    }
}

/// Element `d2` of group `d1` of row `d0`.
fn elements_of(groups: &Groups) -> String {
    let Groups { offset, strides: [group, element], .. } = groups;
    format!("d0, {offset} + d1 * {group} + d2 * {element}")
}

/// A code less its zero point, in so many bits.
fn less<'c, 'b>(
    body: &Body<'c, 'b>,
    code: Value<'c, 'b>,
    signed: bool,
    bits: u32,
    zero_point: i64,
) -> Value<'c, 'b> {
    let wide = body.resize(code, signed, bits);
    body.binary("arith.subi", wide, body.integer(wide.r#type(), zero_point))
}

/// A positive number below 2^62 times the power of four that makes it 2^60 at least, and how far it
/// was shifted for that.
fn scaled<'c, 'b>(body: &Body<'c, 'b>, x: Value<'c, 'b>) -> (Value<'c, 'b>, Value<'c, 'b>) {
    let number = |value| body.integer(x.r#type(), value);
    let (mut x, mut e) = (x, number(0));
    for step in [32, 16, 8, 4, 2] {
        let small = body.compare(Predicate::Less, x, number(1 << (62 - step)));
        let by = body.select(small, number(step), number(0));
        x = body.binary("arith.shli", x, by);
        e = body.binary("arith.addi", e, by);
    }
    (x, e)
}

/// The square root of an i64 that is not negative and below 2^62, rounded down.
fn square_root<'c, 'b>(body: &Body<'c, 'b>, x: Value<'c, 'b>) -> Value<'c, 'b> {
    let number = |value| body.integer(x.r#type(), value);
    let float = Type::float64(body.context());
    let root = body.op("arith.sitofp", &[x], &[], float);
    let root = body.op("math.sqrt", &[root], &[], float);
    let root = body.op("arith.fptosi", &[root], &[], x.r#type());
    // A float has 53 bits, so this is one off at most.
    let exceeds = |root| body.compare(Predicate::Greater, body.binary("arith.muli", root, root), x);
    let less = body.binary("arith.subi", root, number(1));
    let root = body.select(exceeds(root), less, root);
    let more = body.binary("arith.addi", root, number(1));
    body.select(exceeds(more), root, more)
}

/// `x * 2^-shift` rounded to the nearest, of two to the even; the shift is 1 to 62.
fn half_even<'c, 'b>(body: &Body<'c, 'b>, x: Value<'c, 'b>, shift: Value<'c, 'b>) -> Value<'c, 'b> {
    let number = |value| body.integer(x.r#type(), value);
    let floor = body.binary("arith.shrsi", x, shift);
    let rest = body.binary("arith.subi", x, body.binary("arith.shli", floor, shift));
    // 2 * rest + (floor is odd) > 2^shift, in which nothing overflows.
    let odd = body.binary("arith.andi", floor, number(1));
    let twice = body.binary("arith.addi", body.binary("arith.addi", rest, rest), odd);
    let up = body.compare(Predicate::Greater, twice, body.binary("arith.shli", number(1), shift));
    body.binary("arith.addi", floor, body.resize(up, false, 64))
}

fn index<'c, 'b>(body: &Body<'c, 'b>, value: Value<'c, 'b>) -> Value<'c, 'b> {
    body.op("arith.index_cast", &[value], &[], Type::index(body.context()))
}

fn extent(size: melior::ir::r#type::DimSize) -> Option<u64> {
    match size {
        melior::ir::r#type::DimSize::Static(extent) => Some(extent),
        melior::ir::r#type::DimSize::Dynamic => None,
    }
}
