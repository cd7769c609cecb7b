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
    operator::{Node, binary, conv2d, pool},
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
        "gather" => at.gather(&inputs, constants[0]),
        "binary" => at.binary(inputs[0], inputs[1]),
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
                let product = body.binary("arith.muli", a, w);
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
                    let wide = body.resize(elements[i], signed[i], bits);
                    let zero = match kind {
                        binary::Kind::Product => zero_points[i],
                        _ => 0,
                    };
                    let zero = body.integer(wide.r#type(), zero);
                    body.binary("arith.subi", wide, zero)
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
