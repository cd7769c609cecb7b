//! Element-wise code in upstream dialects: `linalg.generic` with a body of
//! `arith` and `math`, and changing the element types of a whole function.

use crate::mlir::rewrite;
use melior::{
    Context,
    ir::{
        Attribute, Block, BlockLike, Identifier, Location, Operation, OperationRef, Region,
        RegionLike, ShapedTypeLike, Type, Value, ValueLike,
        attribute::{DenseI32ArrayAttribute, FloatAttribute, IntegerAttribute, TypeAttribute},
        operation::{OperationBuilder, OperationLike},
        r#type::{FunctionType, IntegerType, RankedTensorType},
    },
};

/// Whether an op only arranges the elements of its first operand otherwise.
pub fn arranges(op: &OperationRef) -> bool {
    let names = [
        "tosa.reshape",
        "tosa.identity",
        "tosa.transpose",
        "tensor.collapse_shape",
        "tensor.expand_shape",
    ];
    names.iter().any(|name| rewrite::is(op, name))
}

/// Where scalar ops are appended: the body of a `linalg.generic`.
pub struct Body<'c, 'b> {
    block: &'b Block<'c>,
    location: Location<'c>,
}

impl<'c, 'b> Body<'c, 'b> {
    pub fn context(&self) -> &'c Context {
        rewrite::context(self.location)
    }

    /// Appends an op with one result.
    pub fn op(
        &self,
        name: &str,
        operands: &[Value<'c, 'b>],
        attributes: &[(&str, Attribute<'c>)],
        result: Type<'c>,
    ) -> Value<'c, 'b> {
        let op = build(name, self.location, operands, attributes, &[result], None);
        let op = self.block.append_operation(op);
        op.result(0).expect("the op was given one result").into()
    }

    /// Appends an op of two operands and a result of one type.
    pub fn binary(&self, name: &str, a: Value<'c, 'b>, b: Value<'c, 'b>) -> Value<'c, 'b> {
        self.op(name, &[a, b], &[], a.r#type())
    }

    /// An integer constant of up to 128 bits.
    pub fn integer(&self, r#type: Type<'c>, value: i64) -> Value<'c, 'b> {
        self.op("arith.constant", &[], &[("value", integer(self.context(), r#type, value))], r#type)
    }

    /// A float constant, rounded to its type.
    pub fn float(&self, r#type: Type<'c>, value: f64) -> Value<'c, 'b> {
        self.op("arith.constant", &[], &[("value", float(self.context(), r#type, value))], r#type)
    }

    /// `arith.cmpi` or `arith.cmpf`, by the number of the predicate.
    pub fn compare(
        &self,
        predicate: Predicate,
        a: Value<'c, 'b>,
        b: Value<'c, 'b>,
    ) -> Value<'c, 'b> {
        let context = self.context();
        let (name, number) = match predicate {
            Predicate::Equal => ("arith.cmpi", 0),
            Predicate::NotEqual => ("arith.cmpi", 1),
            Predicate::Less => ("arith.cmpi", 2),
            Predicate::Greater => ("arith.cmpi", 4),
            Predicate::GreaterEqual => ("arith.cmpi", 5),
            Predicate::OrderedGreater => ("arith.cmpf", 2),
            Predicate::OrderedLess => ("arith.cmpf", 4),
        };
        let number = IntegerAttribute::new(IntegerType::new(context, 64).into(), number);
        let bit = IntegerType::new(context, 1).into();
        self.op(name, &[a, b], &[("predicate", number.into())], bit)
    }

    pub fn select(
        &self,
        condition: Value<'c, 'b>,
        yes: Value<'c, 'b>,
        no: Value<'c, 'b>,
    ) -> Value<'c, 'b> {
        self.op("arith.select", &[condition, yes, no], &[], yes.r#type())
    }

    /// An integer at another width: extended by its sign, or with zeros, or truncated.
    pub fn resize(&self, value: Value<'c, 'b>, signed: bool, bits: u32) -> Value<'c, 'b> {
        let now = width(value.r#type());
        let name = match bits.cmp(&now) {
            std::cmp::Ordering::Equal => return value,
            std::cmp::Ordering::Less => "arith.trunci",
            std::cmp::Ordering::Greater if signed => "arith.extsi",
            std::cmp::Ordering::Greater => "arith.extui",
        };
        self.op(name, &[value], &[], IntegerType::new(self.context(), bits).into())
    }
}

/// How [`Body::compare`] compares. Integers are signed; an ordered comparison
/// with a NaN is false.
#[derive(Clone, Copy)]
pub enum Predicate {
    Equal,
    NotEqual,
    Less,
    Greater,
    GreaterEqual,
    OrderedGreater,
    OrderedLess,
}

/// An attribute of an integer of up to 128 bits, sign extended.
pub fn integer<'c>(context: &'c Context, r#type: Type<'c>, value: i64) -> Attribute<'c> {
    // Text, because MLIR's C API fills what is above 64 bits with zeros.
    Attribute::parse(context, &format!("{value} : {type}")).expect("a number is an attribute")
}

/// An attribute of a float, rounded to its type.
pub fn float<'c>(context: &'c Context, r#type: Type<'c>, value: f64) -> Attribute<'c> {
    FloatAttribute::new(context, r#type, value).into()
}

/// Width of an integer type in bits.
pub fn width(r#type: Type) -> u32 {
    IntegerType::try_from(r#type).expect("a body computes with integers here").width()
}

/// Inserts a `linalg.generic` before `at` and returns its result.
///
/// Each operand, and the output that gives the result's initial value, comes
/// with the results of its indexing map, such as `"d0, d2"`, over `iterators`.
/// `scalar` writes the body: its arguments are one element of each operand and
/// of the output.
pub fn generic<'c, 'a>(
    at: OperationRef<'c, 'a>,
    iterators: &[&str],
    inputs: &[(Value<'c, 'a>, &str)],
    output: (Value<'c, 'a>, &str),
    scalar: impl for<'b> FnOnce(&Body<'c, 'b>, &[Value<'c, 'b>]) -> Value<'c, 'b>,
) -> Value<'c, 'a> {
    generic_around(at, iterators, inputs, output, &[], |body, elements, _| scalar(body, elements))
}

/// The same, with values from outside of its body, which come as the last argument.
pub fn generic_around<'c, 'a>(
    at: OperationRef<'c, 'a>,
    iterators: &[&str],
    inputs: &[(Value<'c, 'a>, &str)],
    output: (Value<'c, 'a>, &str),
    around: &[Value<'c, 'a>],
    scalar: impl for<'b> FnOnce(&Body<'c, 'b>, &[Value<'c, 'b>], &[Value<'c, 'b>]) -> Value<'c, 'b>,
) -> Value<'c, 'a> {
    let location = at.location();
    let context = rewrite::context(location);
    let operands: Vec<_> = inputs.iter().copied().chain([output]).collect();
    let elements: Vec<_> =
        operands.iter().map(|(value, _)| (element(value.r#type()), location)).collect();
    let block = Block::new(&elements);
    {
        let arguments: Vec<Value> = (0..elements.len())
            .map(|i| block.argument(i).expect("the block has an argument per operand").into())
            .collect();
        let body = Body { block: &block, location };
        let result = scalar(&body, &arguments, around);
        block.append_operation(build("linalg.yield", location, &[result], &[], &[], None));
    }
    let region = Region::new();
    region.append_block(block);

    let dims: Vec<String> = (0..iterators.len()).map(|i| format!("d{i}")).collect();
    let dims = dims.join(", ");
    let list = |items: Vec<String>| {
        Attribute::parse(context, &format!("[{}]", items.join(", ")))
            .expect("indexing maps and iterators are attributes")
    };
    let maps = operands.iter().map(|(_, map)| format!("affine_map<({dims}) -> ({map})>"));
    let kinds = iterators.iter().map(|kind| format!("#linalg.iterator_type<{kind}>"));
    let segments = DenseI32ArrayAttribute::new(context, &[inputs.len() as i32, 1]);
    let attributes = [
        ("indexing_maps", list(maps.collect())),
        ("iterator_types", list(kinds.collect())),
        ("operandSegmentSizes", segments.into()),
    ];
    let values: Vec<_> = operands.iter().map(|(value, _)| *value).collect();
    let result = output.0.r#type();
    insert(at, build("linalg.generic", location, &values, &attributes, &[result], Some(region)))
}

/// A `linalg.generic` that maps elements of `input` one by one to `element`s.
pub fn map<'c, 'a>(
    at: OperationRef<'c, 'a>,
    input: Value<'c, 'a>,
    element: Type<'c>,
    scalar: impl for<'b> FnOnce(&Body<'c, 'b>, &[Value<'c, 'b>]) -> Value<'c, 'b>,
) -> Value<'c, 'a> {
    let output = empty(at, with_element(input.r#type(), element));
    let rank = rank(input.r#type());
    let dims: Vec<String> = (0..rank).map(|i| format!("d{i}")).collect();
    let dims = dims.join(", ");
    generic(at, &vec!["parallel"; rank], &[(input, &dims)], (output, &dims), scalar)
}

/// An uninitialized tensor.
pub fn empty<'c, 'a>(at: OperationRef<'c, 'a>, r#type: Type<'c>) -> Value<'c, 'a> {
    insert(at, build("tensor.empty", at.location(), &[], &[], &[r#type], None))
}

/// An `arith.constant`.
pub fn constant<'c, 'a>(
    at: OperationRef<'c, 'a>,
    value: Attribute<'c>,
    r#type: Type<'c>,
) -> Value<'c, 'a> {
    insert(at, build("arith.constant", at.location(), &[], &[("value", value)], &[r#type], None))
}

/// Inserts an op with one result before `at`.
pub fn before<'c, 'a>(
    at: OperationRef<'c, 'a>,
    name: &str,
    operands: &[Value<'c, 'a>],
    attributes: &[(&str, Attribute<'c>)],
    result: Type<'c>,
) -> Value<'c, 'a> {
    insert(at, build(name, at.location(), operands, attributes, &[result], None))
}

fn insert<'c, 'a>(at: OperationRef<'c, 'a>, op: Operation<'c>) -> Value<'c, 'a> {
    rewrite::insert_before(at, op).result(0).expect("the op was given one result").into()
}

fn build<'c>(
    name: &str,
    location: Location<'c>,
    operands: &[Value<'c, '_>],
    attributes: &[(&str, Attribute<'c>)],
    results: &[Type<'c>],
    region: Option<Region<'c>>,
) -> Operation<'c> {
    let context = rewrite::context(location);
    let attributes: Vec<_> =
        attributes.iter().map(|&(name, value)| (Identifier::new(context, name), value)).collect();
    OperationBuilder::new(name, location)
        .add_operands(operands)
        .add_attributes(&attributes)
        .add_results(results)
        .add_regions_vec(region.into_iter().collect())
        .build()
        .expect("an op with explicit result types is built")
}

/// The type of a tensor's elements, or of the scalar itself.
pub fn element<'c>(r#type: Type<'c>) -> Type<'c> {
    RankedTensorType::try_from(r#type).map_or(r#type, |tensor| tensor.element())
}

/// Number of dimensions; 0 for a scalar.
pub fn rank(r#type: Type) -> usize {
    RankedTensorType::try_from(r#type).map_or(0, |tensor| tensor.rank())
}

/// The tensor type with other elements; dynamic extents stay.
pub fn with_element<'c>(r#type: Type<'c>, element: Type<'c>) -> Type<'c> {
    let Ok(tensor) = RankedTensorType::try_from(r#type) else { return element };
    RankedTensorType::new(&extents(tensor), element, tensor.encoding()).into()
}

/// The tensor type with another first extent.
pub fn with_first(tensor: RankedTensorType, first: u64) -> Type {
    let mut extents = extents(tensor);
    extents.first_mut().into_iter().for_each(|extent| *extent = first);
    RankedTensorType::new(&extents, tensor.element(), tensor.encoding()).into()
}

/// As MLIR's C API spells them.
fn extents(tensor: RankedTensorType) -> Vec<u64> {
    let dynamic = i64::MIN as u64;
    (0..tensor.rank())
        .map(|i| match tensor.dim_size(i) {
            Ok(melior::ir::r#type::DimSize::Static(extent)) => extent,
            _ => dynamic,
        })
        .collect()
}

/// Gives every value of a function whose element type `change` maps the new
/// element type, in place, and the function its type.
///
/// The ops are not touched: the caller sees to it that they still verify.
pub fn retype<'c>(func: OperationRef<'c, '_>, change: impl Fn(Type<'c>) -> Option<Type<'c>>) {
    retype_whole(func, |r#type| {
        change(element(r#type)).map(|element| with_element(r#type, element))
    });
}

/// The same, by whole types.
pub fn retype_whole<'c>(
    func: OperationRef<'c, '_>,
    changed: impl Fn(Type<'c>) -> Option<Type<'c>>,
) {
    for op in nested(func) {
        for result in op.results() {
            if let Some(r#type) = changed(result.r#type()) {
                result.set_type(r#type);
            }
        }
        for block in rewrite::blocks(op) {
            for argument in (0..block.argument_count()).filter_map(|i| block.argument(i).ok()) {
                if let Some(r#type) = changed(argument.r#type()) {
                    argument.set_type(r#type);
                }
            }
        }
    }
    let Some(function) = function_type(func) else { return };
    let same = |r#type| changed(r#type).unwrap_or(r#type);
    let inputs: Vec<_> =
        (0..function.input_count()).filter_map(|i| function.input(i).ok()).map(same).collect();
    let results: Vec<_> =
        (0..function.result_count()).filter_map(|i| function.result(i).ok()).map(same).collect();
    let context = rewrite::context(func.location());
    let function = FunctionType::new(context, &inputs, &results);
    rewrite::set_attribute(func, "function_type", TypeAttribute::new(function.into()).into());
}

/// The type of a `func.func`.
pub fn function_type<'c>(func: OperationRef<'c, '_>) -> Option<FunctionType<'c>> {
    let attribute = TypeAttribute::try_from(func.attribute("function_type").ok()?).ok()?;
    FunctionType::try_from(attribute.value()).ok()
}

/// An op and every op inside it, outermost first.
pub fn nested<'c, 'a>(root: OperationRef<'c, 'a>) -> Vec<OperationRef<'c, 'a>> {
    let mut found = vec![root];
    for block in rewrite::blocks(root) {
        for op in rewrite::ops(block) {
            found.extend(nested(op));
        }
    }
    found
}
