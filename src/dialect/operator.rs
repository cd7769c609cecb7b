//! What operators compute, as linalg: the meaning of `aie4ml.operator`.
//!
//! Types are signless here; a node says which codes have a sign. Each operator has a file, by its
//! name.

use super::{
    aie4ml::Operator,
    scalar::{self, Body, Predicate},
};
use crate::{
    kernel::Integer,
    mlir::rewrite,
    operator::{self, Node, strided::Groups},
};
use melior::ir::{
    Attribute, OperationRef, ShapedTypeLike, Type, Value, ValueLike,
    attribute::{DenseElementsAttribute, DenseI32ArrayAttribute, DenseI64ArrayAttribute},
    operation::OperationLike,
    r#type::{IntegerType, RankedTensorType},
};

macro_rules! meanings {
    ($($name:ident: $operator:ident,)*) => {
        $(mod $name;)*

        /// Writes before `op` what it computes, but for its requantization: sums of its accumulator's
        /// type where it has any, otherwise its codes.
        pub fn meaning<'c, 'a>(op: OperationRef<'c, 'a>, node: &Node) -> Value<'c, 'a> {
            let operator = Operator::of(op).expect("the op is an operator");
            let (inputs, constants) = (operator.inputs(), operator.constants());
            let at = At { op, node };
            match node.operator.name() {
                $(stringify!($name) => $name::meaning(&at, &inputs, &constants),)*
                other => unreachable!("the verifier knows no '{other}'"),
            }
        }
    };
}
operator::operators!(meanings);

/// An op, and what it says of itself.
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

fn index<'c, 'b>(body: &Body<'c, 'b>, value: Value<'c, 'b>) -> Value<'c, 'b> {
    body.op("arith.index_cast", &[value], &[], Type::index(body.context()))
}

fn extent(size: melior::ir::r#type::DimSize) -> Option<u64> {
    match size {
        melior::ir::r#type::DimSize::Static(extent) => Some(extent),
        melior::ir::r#type::DimSize::Dynamic => None,
    }
}
