//! The `aie4ml` dialect in Rust: its attributes as plain values, its ops as
//! borrowed views.

use crate::{
    exact::{Overflow, Requant, Rounding},
    kernel::Integer,
    mlir::{
        constant,
        diagnostic::{Result, fail},
        fields::Fields,
        quant::Uniform,
        rewrite,
    },
    operator::{self, Constant, Node, Tensor},
    plan::microtile::WHOLE,
};
use melior::{
    Context,
    ir::{
        Attribute, Identifier, Location, Operation, OperationRef, ShapedTypeLike, Type, Value,
        ValueLike,
        attribute::{
            ArrayAttribute, DenseI32ArrayAttribute, DenseI64ArrayAttribute, DictionaryAttribute,
            IntegerAttribute, StringAttribute, TypeAttribute,
        },
        operation::{OperationBuilder, OperationLike},
        r#type::{DimSize, IntegerType, RankedTensorType},
    },
};
use std::collections::BTreeMap;

pub const DENSE: &str = "aie4ml.dense";
pub const ADD: &str = "aie4ml.add";
pub const OPERATOR: &str = "aie4ml.operator";
/// Ops that the tiles compute.
pub const LAYERS: [&str; 3] = [DENSE, ADD, OPERATOR];
pub const BIAS_ADD: &str = "aie4ml.bias_add";
pub const REQUANTIZE: &str = "aie4ml.requantize";
pub const CLAMP: &str = "aie4ml.clamp";
pub const TRANSFER: &str = "aie4ml.transfer";

pub use crate::plan::mapping::{Packing, Place, Port, Region, Split, Via};
pub use crate::plan::microtile::Microtile;

/// Fields that are all unsigned, in order.
macro_rules! plain_fields {
    ($($Name:ident: $mnemonic:literal { $($field:ident),* })*) => { $(
        impl Fields for $Name {
            const MNEMONIC: &'static str = $mnemonic;
            fn to_fields(&self) -> Vec<i64> {
                vec![$(self.$field as i64),*]
            }
            fn from_fields(fields: &[i64]) -> Option<Self> {
                let mut fields = fields.iter();
                Some(Self { $($field: usize::try_from(*fields.next()?).ok()?),* })
            }
        }
    )* };
}
plain_fields! {
    Microtile: "microtile" { m, k, n }
    Split: "split" { cascade, chains, k, n, rows }
    Place: "place" { column, row }
    Port: "port" { column, channel }
    Region: "region" { producer, consumer, begin, end, group }
}

impl Fields for Via {
    const MNEMONIC: &'static str = "via";
    fn to_fields(&self) -> Vec<i64> {
        vec![*self as i64]
    }
    fn from_fields(fields: &[i64]) -> Option<Self> {
        let &[code] = fields else { return None };
        Via::ALL.into_iter().find(|via| *via as i64 == code)
    }
}

impl Fields for Packing {
    const MNEMONIC: &'static str = "packing";
    fn to_fields(&self) -> Vec<i64> {
        let mut fields = vec![self.stack as i64, self.weights as i64, self.bias as i64];
        for list in [&self.input, &self.output] {
            fields.push(list.len() as i64);
            fields.extend(list.iter().map(|&address| address as i64));
        }
        fields
    }
    fn from_fields(fields: &[i64]) -> Option<Self> {
        let fields: Vec<usize> =
            fields.iter().map(|&f| usize::try_from(f).ok()).collect::<Option<_>>()?;
        let [stack, weights, bias, inputs, rest @ ..] = fields.as_slice() else { return None };
        let (input, rest) = rest.split_at_checked(*inputs)?;
        let (_, output) = rest.split_first()?;
        Some(Packing {
            stack: *stack,
            weights: *weights,
            bias: *bias,
            input: input.to_vec(),
            output: output.to_vec(),
        })
    }
}

impl Fields for Requant {
    const MNEMONIC: &'static str = "requant";
    fn to_fields(&self) -> Vec<i64> {
        let mut fields = Vec::new();
        for (list, default) in [(&self.multiplier, 1), (&self.addend, 0)] {
            // What is left out is the default.
            let list = if *list == [default] { &[] } else { list.as_slice() };
            fields.push(list.len() as i64);
            fields.extend(list);
        }
        let Requant { shift, rounding, overflow, width, signed, zero_point, min, max, .. } = *self;
        let overflow = overflow as i64;
        fields.extend([shift, rounding as i64, overflow, width, signed.into()]);
        fields.extend([zero_point, min, max]);
        fields
    }
    fn from_fields(fields: &[i64]) -> Option<Self> {
        let (count, fields) = fields.split_first()?;
        let (multiplier, fields) = fields.split_at_checked(usize::try_from(*count).ok()?)?;
        let (count, fields) = fields.split_first()?;
        let (addend, fields) = fields.split_at_checked(usize::try_from(*count).ok()?)?;
        let &[shift, rounding, overflow, width, signed, zero_point, min, max] = fields else {
            return None;
        };
        let or =
            |list: &[i64], default| if list.is_empty() { vec![default] } else { list.to_vec() };
        Some(Requant {
            multiplier: or(multiplier, 1),
            addend: or(addend, 0),
            shift,
            rounding: Rounding::from_code(rounding)?,
            overflow: Overflow::from_code(overflow)?,
            width,
            signed: signed != 0,
            zero_point,
            min,
            max,
        })
    }
}

/// An array attribute of values.
pub fn list<'c, F: Fields>(context: &'c Context, values: &[F]) -> Attribute<'c> {
    let attributes: Vec<_> = values.iter().map(|value| value.attribute(context)).collect();
    ArrayAttribute::new(context, &attributes).into()
}

/// Reads an array attribute back; `None` if it is absent or of other values.
pub fn read_list<F: Fields>(op: OperationRef, name: &str) -> Option<Vec<F>> {
    let array = ArrayAttribute::try_from(op.attribute(name).ok()?).ok()?;
    (0..array.len()).map(|i| F::of(array.element(i).ok()?)).collect()
}

/// Reads one attribute; `None` if it is absent or another one.
pub fn read<F: Fields>(op: OperationRef, name: &str) -> Option<F> {
    F::of(op.attribute(name).ok()?)
}

/// A tensor of codes: its extents and what an element is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Codes {
    pub rows: usize,
    pub columns: usize,
    pub bits: u32,
    pub signed: bool,
}

impl Codes {
    /// `None` if the type is not a static rank-2 tensor of integers.
    pub fn of(r#type: Type) -> Option<Self> {
        let tensor = RankedTensorType::try_from(r#type).ok()?;
        let [rows, columns] = *shape(tensor)?.as_slice() else { return None };
        let element = IntegerType::try_from(tensor.element()).ok()?;
        Some(Codes { rows, columns, bits: element.width(), signed: !element.is_unsigned() })
    }

    /// The tensor type again.
    pub fn tensor<'c>(self, context: &'c Context) -> Type<'c> {
        let extents = [self.rows as u64, self.columns as u64];
        RankedTensorType::new(&extents, self.element(context), None).into()
    }

    /// Signed codes are signless in MLIR, as everywhere upstream.
    pub fn element<'c>(self, context: &'c Context) -> Type<'c> {
        if self.signed {
            IntegerType::new(context, self.bits).into()
        } else {
            IntegerType::unsigned(context, self.bits).into()
        }
    }

    /// Smallest and largest code.
    pub fn range(self) -> (i64, i64) {
        crate::exact::range(i64::from(self.bits).min(63), self.signed)
    }
}

/// Static extents of a tensor type; `None` if one is dynamic.
pub fn shape(tensor: RankedTensorType) -> Option<Vec<usize>> {
    (0..tensor.rank())
        .map(|i| match tensor.dim_size(i) {
            Ok(DimSize::Static(extent)) => Some(extent as usize),
            _ => None,
        })
        .collect()
}

/// The name a frontend gave an op, from its location.
pub fn layer_name(location: Location) -> Option<String> {
    if location.is_name() {
        return Some(location.name_value().as_string_ref().as_str().ok()?.to_string());
    }
    if location.is_fused() {
        return (0..location.fused_num_locations())
            .find_map(|i| layer_name(location.fused_location(i)));
    }
    // Of what a function of the model computes, which is inlined.
    if location.is_call_site() {
        return layer_name(location.call_site_callee());
    }
    None
}

/// What the model calls the operator of an op, if a frontend said so: a name within the name of
/// its location.
pub fn operator_name(location: Location) -> Option<String> {
    if location.is_name() {
        let inner = location.name_child_location();
        return if inner.is_name() { layer_name(inner) } else { None };
    }
    if location.is_fused() {
        return (0..location.fused_num_locations())
            .find_map(|i| operator_name(location.fused_location(i)));
    }
    None
}

/// What a function says of one argument (`arg_attrs`) or result (`res_attrs`).
fn boundary_attribute<'c>(
    func: OperationRef<'c, '_>,
    list: &str,
    index: usize,
    name: &str,
) -> Option<Attribute<'c>> {
    let list = ArrayAttribute::try_from(func.attribute(list).ok()?).ok()?;
    DictionaryAttribute::try_from(list.element(index).ok()?).ok()?.element_by_name(name)
}

/// The model's name for an argument (`arg_attrs`) or result (`res_attrs`).
pub fn boundary_name(func: OperationRef, list: &str, index: usize) -> Option<String> {
    let name = boundary_attribute(func, list, index, "aie4ml.name")?;
    Some(StringAttribute::try_from(name).ok()?.value().to_string())
}

/// What the codes of an argument or result mean.
pub fn boundary_quant(func: OperationRef, list: &str, index: usize) -> Option<Uniform> {
    let quant = boundary_attribute(func, list, index, "aie4ml.quant")?;
    Uniform::of(TypeAttribute::try_from(quant).ok()?.value())
}

/// A view of a layer: an op that the tiles compute, one of [`LAYERS`].
#[derive(Clone, Copy)]
pub struct Layer<'c, 'a> {
    pub op: OperationRef<'c, 'a>,
}

impl<'c, 'a> Layer<'c, 'a> {
    /// `None` if the op is no layer.
    pub fn of(op: OperationRef<'c, 'a>) -> Option<Self> {
        LAYERS.iter().any(|name| rewrite::is(&op, name)).then_some(Layer { op })
    }

    /// The layers of a function, in order.
    pub fn all(func: OperationRef<'c, 'a>) -> Vec<Self> {
        let Some(body) = rewrite::body(func) else { return Vec::new() };
        rewrite::ops(body).into_iter().filter_map(Layer::of).collect()
    }

    fn value(&self, index: usize) -> Value<'c, 'a> {
        self.op.operand(index).expect("ODS gives a layer its operands")
    }
    /// The activations that the layer reads, which are its first operands.
    pub fn inputs(&self) -> Vec<Value<'c, 'a>> {
        let count = match Operator::of(self.op) {
            Some(operator) => operator.input_count(),
            None if rewrite::is(&self.op, ADD) => 2,
            None => 1,
        };
        (0..count).map(|index| self.value(index)).collect()
    }
    pub fn input(&self) -> Value<'c, 'a> {
        self.value(0)
    }
    pub fn output(&self) -> Value<'c, 'a> {
        self.op.result(0).expect("ODS gives a layer its result").into()
    }
    pub fn input_codes(&self) -> Codes {
        Codes::of(self.input().r#type()).expect("the verifier checks the input's type")
    }
    pub fn output_codes(&self) -> Codes {
        Codes::of(self.output().r#type()).expect("the verifier checks the output's type")
    }

    /// Width of the accumulator in bits; 32 where the op does not say.
    pub fn accumulator(&self) -> u32 {
        if !self.op.has_attribute("accumulator") {
            return 32;
        }
        self.op
            .attribute("accumulator")
            .ok()
            .and_then(|a| TypeAttribute::try_from(a).ok())
            .and_then(|a| IntegerType::try_from(a.value()).ok())
            .map_or(0, |t| t.width())
    }
    /// Requantizations, first to last; none means the result is the accumulator.
    pub fn requant(&self) -> Vec<Requant> {
        read_list(self.op, "requant").unwrap_or_default()
    }
    pub fn microtile(&self) -> Option<Microtile> {
        read(self.op, "microtile")
    }
    pub fn split(&self) -> Option<Split> {
        read(self.op, "split")
    }
    pub fn packing(&self) -> Option<Packing> {
        read(self.op, "packing")
    }
    pub fn place(&self) -> Option<Vec<Place>> {
        read_list(self.op, "place")
    }

    /// The layer's name in the model, or what stands for it.
    pub fn name(&self) -> String {
        layer_name(self.op.location()).unwrap_or_else(|| match Operator::of(self.op) {
            Some(operator) => operator.kind(),
            None if rewrite::is(&self.op, ADD) => "add".into(),
            None => "dense".into(),
        })
    }
}

/// A view of an `aie4ml.dense`.
#[derive(Clone, Copy)]
pub struct Dense<'c, 'a> {
    layer: Layer<'c, 'a>,
}

impl<'c, 'a> std::ops::Deref for Dense<'c, 'a> {
    type Target = Layer<'c, 'a>;
    fn deref(&self) -> &Layer<'c, 'a> {
        &self.layer
    }
}

impl<'c, 'a> Dense<'c, 'a> {
    /// `None` if the op is another one.
    pub fn of(op: OperationRef<'c, 'a>) -> Option<Self> {
        rewrite::is(&op, DENSE).then_some(Dense { layer: Layer { op } })
    }

    pub fn weights(&self) -> Value<'c, 'a> {
        self.value(1)
    }
    pub fn bias(&self) -> Option<Value<'c, 'a>> {
        // Not `operand(2).ok()`: melior words its error with the whole op, and
        // printing an op verifies it.
        (self.op.operand_count() > 2).then(|| self.value(2))
    }
    pub fn weight_codes(&self) -> Codes {
        Codes::of(self.weights().r#type()).expect("the verifier checks the weights' type")
    }

    /// Row-major `[k][n]`; a failure if the weights are not constant.
    pub fn weight_data(&self) -> Result<'c, Vec<i64>> {
        constant::integers(self.weights()).ok_or_else(|| fail(&self.op, "needs constant weights"))
    }
    /// `[n]`, zero without a bias; a failure if the bias is not constant.
    pub fn bias_data(&self) -> Result<'c, Vec<i64>> {
        match self.bias() {
            None => Ok(vec![0; self.weight_codes().columns]),
            Some(bias) => {
                constant::integers(bias).ok_or_else(|| fail(&self.op, "needs a constant bias"))
            }
        }
    }
}

/// A view of an `aie4ml.add`.
#[derive(Clone, Copy)]
pub struct Add<'c, 'a> {
    layer: Layer<'c, 'a>,
}

impl<'c, 'a> std::ops::Deref for Add<'c, 'a> {
    type Target = Layer<'c, 'a>;
    fn deref(&self) -> &Layer<'c, 'a> {
        &self.layer
    }
}

impl<'c, 'a> Add<'c, 'a> {
    /// `None` if the op is another one.
    pub fn of(op: OperationRef<'c, 'a>) -> Option<Self> {
        rewrite::is(&op, ADD).then_some(Add { layer: Layer { op } })
    }

    pub fn operand_codes(&self) -> [Codes; 2] {
        [0, 1].map(|index| {
            Codes::of(self.value(index).r#type()).expect("the verifier checks the operands' types")
        })
    }

    /// Factor of each operand; `None` if the attribute is not two of them.
    pub fn factors(&self) -> Option<[i64; 2]> {
        let factors = DenseI64ArrayAttribute::try_from(self.op.attribute("factors").ok()?).ok()?;
        let factor = |index| factors.element(index).ok();
        (factors.len() == 2).then_some([factor(0)?, factor(1)?])
    }
}

/// A view of an `aie4ml.operator`.
#[derive(Clone, Copy)]
pub struct Operator<'c, 'a> {
    layer: Layer<'c, 'a>,
}

impl<'c, 'a> std::ops::Deref for Operator<'c, 'a> {
    type Target = Layer<'c, 'a>;
    fn deref(&self) -> &Layer<'c, 'a> {
        &self.layer
    }
}

impl<'c, 'a> Operator<'c, 'a> {
    /// `None` if the op is another one.
    pub fn of(op: OperationRef<'c, 'a>) -> Option<Self> {
        rewrite::is(&op, OPERATOR).then_some(Operator { layer: Layer { op } })
    }

    /// The operator's name.
    pub fn kind(&self) -> String {
        let kind = self.op.attribute("kind").ok().and_then(constant::text);
        kind.unwrap_or_default().to_owned()
    }

    fn input_count(&self) -> usize {
        let sizes = self.op.attribute("operandSegmentSizes").ok();
        let sizes = sizes.and_then(|sizes| DenseI32ArrayAttribute::try_from(sizes).ok());
        let count = sizes.and_then(|sizes| sizes.element(0).ok());
        count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
    }

    /// Its constant operands.
    pub fn constants(&self) -> Vec<Value<'c, 'a>> {
        (self.input_count()..self.op.operand_count()).map(|index| self.value(index)).collect()
    }

    /// What it computes, checked; the data of constants only if `data`.
    pub fn node(&self, data: bool) -> Result<'c, Node> {
        let op = self.op;
        let kind = self.kind();
        let operator = operator::by_name(&kind).ok_or_else(|| {
            let all: Vec<_> = operator::ALL.iter().map(|operator| operator.name()).collect();
            fail(&op, format_args!("has kind '{kind}': use one of {}", all.join(", ")))
        })?;
        let tensor = |value: Value| {
            let codes = Codes::of(value.r#type())?;
            let number = Integer { bits: codes.bits, signed: codes.signed };
            Some(Tensor { features: codes.columns, number })
        };
        let types = || fail(&op, "needs static rank-2 tensors of integers as inputs and output");
        let inputs: Option<Vec<_>> = self.inputs().into_iter().map(tensor).collect();
        let mut constants = Vec::new();
        for value in self.constants() {
            let r#type = RankedTensorType::try_from(value.r#type()).ok();
            let element = r#type.and_then(|t| IntegerType::try_from(t.element()).ok());
            let shape = r#type.and_then(shape);
            let (Some(element), Some(shape)) = (element, shape) else {
                return Err(fail(&op, "needs static tensors of integers as constants"));
            };
            let number = Integer { bits: element.width(), signed: !element.is_unsigned() };
            let values = match data {
                false => Vec::new(),
                true => constant::integers(value)
                    .ok_or_else(|| fail(&op, "needs constants that are constant"))?,
            };
            constants.push(Constant { shape, number, data: values });
        }
        let mut parameters = BTreeMap::new();
        let dictionary = op.attribute("parameters").ok().map(DictionaryAttribute::try_from);
        let Some(Ok(dictionary)) = dictionary else {
            return Err(fail(&op, "needs a dictionary of 'parameters'"));
        };
        for &name in operator.parameters() {
            let list = dictionary
                .element_by_name(name)
                .and_then(numbers)
                .ok_or_else(|| fail(&op, format_args!("needs a list of integers as '{name}'")))?;
            parameters.insert(name.to_owned(), list);
        }
        for &name in operator.optional() {
            let Some(attribute) = dictionary.element_by_name(name) else { continue };
            let list = numbers(attribute)
                .ok_or_else(|| fail(&op, format_args!("needs a list of integers as '{name}'")))?;
            parameters.insert(name.to_owned(), list);
        }
        let node = Node {
            operator,
            parameters,
            inputs: inputs.ok_or_else(types)?,
            constants,
            output: tensor(self.output()).ok_or_else(types)?,
            accumulator: self.accumulator(),
        };
        operator.check(&node).map_err(|message| fail(&op, message))?;
        Ok(node)
    }
}

/// A view of an `aie4ml.transfer`.
#[derive(Clone, Copy)]
pub struct Transfer<'c, 'a> {
    pub op: OperationRef<'c, 'a>,
}

impl<'c, 'a> Transfer<'c, 'a> {
    /// `None` if the op is another one.
    pub fn of(op: OperationRef<'c, 'a>) -> Option<Self> {
        rewrite::is(&op, TRANSFER).then_some(Transfer { op })
    }
    /// The transfers of a function, in order.
    pub fn all(func: OperationRef<'c, 'a>) -> Vec<Self> {
        let Some(body) = rewrite::body(func) else { return Vec::new() };
        rewrite::ops(body).into_iter().filter_map(Transfer::of).collect()
    }
    pub fn input(&self) -> Value<'c, 'a> {
        self.op.operand(0).expect("ODS gives a transfer its operand")
    }
    pub fn output(&self) -> Value<'c, 'a> {
        self.op.result(0).expect("ODS gives a transfer its result").into()
    }
    pub fn codes(&self) -> Codes {
        Codes::of(self.input().r#type()).expect("the verifier checks the input's type")
    }
    pub fn regions(&self) -> Option<Vec<Region>> {
        read_list(self.op, "regions")
    }
    pub fn via(&self) -> Option<Via> {
        read(self.op, "via")
    }
    pub fn memory_tiles(&self) -> Option<Vec<Place>> {
        read_list(self.op, "memory_tiles")
    }
    pub fn ports(&self) -> Option<Vec<Port>> {
        read_list(self.op, "ports")
    }
}

/// Builds an op of this dialect with one result.
pub fn build<'c>(
    name: &str,
    location: Location<'c>,
    operands: &[Value<'c, '_>],
    attributes: &[(&str, Attribute<'c>)],
    result: Type<'c>,
) -> Operation<'c> {
    let context = rewrite::context(location);
    let attributes: Vec<_> =
        attributes.iter().map(|&(name, value)| (Identifier::new(context, name), value)).collect();
    OperationBuilder::new(name, location)
        .add_operands(operands)
        .add_attributes(&attributes)
        .add_results(&[result])
        .build()
        .expect("an op with explicit result types is built")
}

/// The numbers of an array of integers.
fn numbers(attribute: Attribute) -> Option<Vec<i64>> {
    let array = ArrayAttribute::try_from(attribute).ok()?;
    let number = |index| IntegerAttribute::try_from(array.element(index).ok()?).ok();
    (0..array.len()).map(|index| Some(number(index)?.value())).collect()
}

/// Builds an `aie4ml.operator`; what `attributes` has beside its kind and parameters.
pub fn build_operator<'c>(
    node: &Node,
    location: Location<'c>,
    inputs: &[Value<'c, '_>],
    constants: &[Value<'c, '_>],
    attributes: &[(&str, Attribute<'c>)],
    result: Type<'c>,
) -> Operation<'c> {
    let context = rewrite::context(location);
    let list = |numbers: &Vec<i64>| -> Attribute<'c> {
        let numbers: Vec<_> = numbers.iter().map(|&number| integer(context, number)).collect();
        ArrayAttribute::new(context, &numbers).into()
    };
    let parameters: Vec<_> = node
        .parameters
        .iter()
        .map(|(name, numbers)| (Identifier::new(context, name), list(numbers)))
        .collect();
    let segments = [inputs.len() as i32, constants.len() as i32];
    let mut all: Vec<(&str, Attribute<'c>)> = vec![
        ("kind", StringAttribute::new(context, node.operator.name()).into()),
        ("parameters", DictionaryAttribute::new(context, &parameters).into()),
        ("operandSegmentSizes", DenseI32ArrayAttribute::new(context, &segments).into()),
    ];
    all.extend_from_slice(attributes);
    build(OPERATOR, location, &[inputs, constants].concat(), &all, result)
}

/// An `i64` attribute.
pub fn integer<'c>(context: &'c Context, value: i64) -> Attribute<'c> {
    IntegerAttribute::new(IntegerType::new(context, 64).into(), value).into()
}

/// Checks what ODS cannot.
pub fn verify<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    match op.name().as_string_ref().as_str().unwrap_or_default() {
        DENSE => verify_dense(Dense { layer: Layer { op } }),
        ADD => verify_add(Add { layer: Layer { op } }),
        OPERATOR => verify_operator(Operator { layer: Layer { op } }),
        BIAS_ADD => verify_bias_add(op),
        REQUANTIZE => {
            let (_, output) = codes(op)?;
            let requant = read::<Requant>(op, "requant")
                .ok_or_else(|| fail(&op, "needs a valid 'requant' attribute"))?;
            verify_requant(op, &requant, output.columns)?;
            verify_result(op, &requant, output)
        }
        CLAMP => {
            let (input, output) = codes(op)?;
            let (min, max) = (limit(op, "min"), limit(op, "max"));
            if min > max {
                return Err(fail(&op, format_args!("has 'min' {min} above 'max' {max}")));
            }
            same_type(op, input, output)
        }
        TRANSFER => {
            let (input, output) = codes(op)?;
            same_type(op, input, output)?;
            let transfer = Transfer { op };
            verify_unsigned(
                op,
                [
                    ("regions", transfer.regions().is_some()),
                    ("memory_tiles", transfer.memory_tiles().is_some()),
                    ("ports", transfer.ports().is_some()),
                ],
            )?;
            if let Some(via) = transfer.via().filter(|via| *via != Via::MemoryTile)
                && op.has_attribute("memory_tiles")
            {
                let via = via.name();
                return Err(fail(&op, format_args!("has memory tiles, but goes via '{via}'")));
            }
            verify_regions(transfer, input.columns)
        }
        _ => Ok(()),
    }
}

/// Mapping attributes that are there could be read, so hold no number below zero.
fn verify_unsigned<'c, const N: usize>(
    op: OperationRef<'c, '_>,
    attributes: [(&str, bool); N],
) -> Result<'c> {
    for (name, read) in attributes {
        if op.has_attribute(name) && !read {
            return Err(fail(&op, format_args!("has a negative number in its '{name}'")));
        }
    }
    Ok(())
}

fn limit(op: OperationRef, name: &str) -> i64 {
    op.attribute(name)
        .ok()
        .and_then(|a| IntegerAttribute::try_from(a).ok())
        .map_or(0, |a| a.value())
}

fn codes<'c>(op: OperationRef<'c, '_>) -> Result<'c, (Codes, Codes)> {
    let of = |r#type: Type<'c>| {
        Codes::of(r#type).ok_or_else(|| {
            fail(&op, format_args!("needs a static rank-2 tensor of integers, got '{}'", r#type))
        })
    };
    let input = op.operand(0).map_err(|e| fail(&op, e))?;
    let output = op.result(0).map_err(|e| fail(&op, e))?;
    let codes = (of(input.r#type())?, of(output.r#type())?);
    if codes.0.rows != codes.1.rows {
        return Err(fail(
            &op,
            format_args!("has {} input rows and {} output rows", codes.0.rows, codes.1.rows),
        ));
    }
    Ok(codes)
}

fn same_type<'c>(op: OperationRef<'c, '_>, input: Codes, output: Codes) -> Result<'c> {
    if input == output {
        return Ok(());
    }
    Err(fail(&op, "needs an output of the input's type"))
}

fn verify_dense<'c>(dense: Dense<'c, '_>) -> Result<'c> {
    let op = dense.op;
    let (input, output) = codes(op)?;
    let weights = Codes::of(dense.weights().r#type())
        .ok_or_else(|| fail(&op, "needs weights of a static rank-2 integer type"))?;
    if weights.rows != input.columns {
        return Err(fail(
            &op,
            format_args!("has {} input features and weights for {}", input.columns, weights.rows),
        ));
    }
    if weights.columns != output.columns {
        return Err(fail(
            &op,
            format_args!(
                "has {} output features and weights for {}",
                output.columns, weights.columns
            ),
        ));
    }
    if let Some(bias) = dense.bias() {
        let bias = RankedTensorType::try_from(bias.r#type()).ok().and_then(shape);
        if bias != Some(vec![output.columns]) {
            return Err(fail(&op, format_args!("needs a bias of {} elements", output.columns)));
        }
    }
    let accumulator = dense.accumulator();
    if !matches!(accumulator, 32 | 64) {
        return Err(fail(&op, "needs accumulator i32 or i64"));
    }
    verify_stages(*dense, output, output.columns)?;
    verify_mapping(*dense, input, output)
}

/// The largest magnitude of a sum of codes times factors, of all codes that their types have.
pub fn most_of_sum(codes: [Codes; 2], factors: [i64; 2]) -> i128 {
    let magnitude = |index: usize| {
        let (low, high) = codes[index].range();
        let code = low.unsigned_abs().max(high.unsigned_abs());
        i128::from(code) * i128::from(factors[index].unsigned_abs())
    };
    magnitude(0) + magnitude(1)
}

fn verify_add<'c>(add: Add<'c, '_>) -> Result<'c> {
    let op = add.op;
    let (lhs, output) = codes(op)?;
    let rhs = op.operand(1).map_err(|error| fail(&op, error))?;
    let rhs = Codes::of(rhs.r#type())
        .ok_or_else(|| fail(&op, "needs operands of a static rank-2 integer type"))?;
    let extents = [lhs, rhs, output].map(|codes| (codes.rows, codes.columns));
    if extents.iter().any(|&other| other != extents[0]) {
        let [lhs, rhs, output] = extents.map(|(rows, columns)| format!("{rows}x{columns}"));
        return Err(fail(
            &op,
            format_args!("adds {lhs} and {rhs} to {output}: needs equal extents"),
        ));
    }
    let factors = add.factors().ok_or_else(|| fail(&op, "needs two 'factors'"))?;
    if let Some(factor) = factors.iter().find(|factor| i32::try_from(**factor).is_err()) {
        return Err(fail(&op, format_args!("has factor {factor}, which is no 32-bit integer")));
    }
    let accumulator = add.accumulator();
    if !matches!(accumulator, 32 | 64) {
        return Err(fail(&op, "needs accumulator i32 or i64"));
    }
    // The largest sum that any codes can make.
    let most = most_of_sum([lhs, rhs], factors);
    if most > i128::from(crate::exact::range(i64::from(accumulator).min(63), true).1) {
        return Err(fail(
            &op,
            format_args!("can sum up to {most}, more than accumulator i{accumulator} holds"),
        ));
    }
    verify_stages(*add, output, output.columns)?;
    verify_mapping(*add, lhs, output)
}

fn verify_operator<'c>(operator: Operator<'c, '_>) -> Result<'c> {
    let op = operator.op;
    let node = operator.node(true)?;
    let inputs = operator.inputs();
    let codes = |value: Value| Codes::of(value.r#type());
    let (Some(input), Some(output)) =
        (inputs.first().copied().and_then(codes), codes(operator.output()))
    else {
        return Err(fail(&op, "needs static rank-2 tensors of integers"));
    };
    if inputs.iter().any(|&other| codes(other).map(|codes| codes.rows) != Some(output.rows)) {
        return Err(fail(&op, "needs inputs and an output of equally many rows"));
    }
    if !matches!(operator.accumulator(), 32 | 64) {
        return Err(fail(&op, "needs accumulator i32 or i64"));
    }
    if node.operator.has_sums() {
        let channels = if node.operator.has_channels() { node.channels() } else { 1 };
        verify_stages(*operator, output, channels)?;
    } else if !operator.requant().is_empty() {
        return Err(fail(
            &op,
            format_args!("has a 'requant', but a {} has no sums", node.operator.name()),
        ));
    }
    verify_mapping(*operator, input, output)?;
    let Some(split) = operator.split() else { return Ok(()) };
    if operator.microtile() != Some(WHOLE) {
        return Err(fail(&op, format_args!("needs microtile {WHOLE}")));
    }
    if split.cascade != 1 || split.k != input.columns.next_multiple_of(WHOLE.k) {
        return Err(fail(&op, "needs a 'split' of cascade 1 and all inputs"));
    }
    let step = node.step();
    if split.chains > 1 && !split.n.is_multiple_of(step) {
        return Err(fail(
            &op,
            format_args!("has slices of {} outputs, not multiples of {step}", split.n),
        ));
    }
    Ok(())
}

/// The requantizations of a layer, and that its result is what they give.
fn verify_stages<'c>(layer: Layer<'c, '_>, output: Codes, channels: usize) -> Result<'c> {
    let op = layer.op;
    let accumulator = layer.accumulator();
    let stages = layer.requant();
    match stages.last() {
        None if (output.bits, output.signed) != (accumulator, true) => Err(fail(
            &op,
            format_args!("without 'requant' needs the accumulator i{accumulator} as result"),
        )),
        None => Ok(()),
        Some(last) => {
            for stage in &stages {
                verify_requant(op, stage, channels)?;
            }
            verify_result(op, last, output)
        }
    }
}

/// The mapping attributes of a layer.
fn verify_mapping<'c>(layer: Layer<'c, '_>, input: Codes, output: Codes) -> Result<'c> {
    let op = layer.op;
    verify_unsigned(
        op,
        [
            ("microtile", layer.microtile().is_some()),
            ("split", layer.split().is_some()),
            ("packing", layer.packing().is_some()),
            ("place", layer.place().is_some()),
        ],
    )?;
    let microtile = layer.microtile();
    let adds = rewrite::is(&op, ADD);
    if let Some(Microtile { m, k, n }) = microtile.filter(|_| adds)
        && (k != n || (m * n) % 16 != 0)
    {
        return Err(fail(
            &op,
            format_args!(
                "has microtile {m}x{k}x{n}: needs k equal to n, and m x n a multiple of 16"
            ),
        ));
    }
    let Some(split) = layer.split() else { return Ok(()) };
    let microtile = microtile.ok_or_else(|| fail(&op, "has a 'split' but no 'microtile'"))?;
    if adds && (split.cascade != 1 || split.k != split.n) {
        return Err(fail(
            &op,
            "needs a 'split' of cascade 1 and as many inputs as outputs per tile",
        ));
    }
    verify_split(op, split, microtile, input, output)?;
    if let Some(places) = layer.place()
        && (places.is_empty() || places.len() > split.chains)
    {
        return Err(fail(
            &op,
            format_args!("has {} chains for {} rectangles", split.chains, places.len()),
        ));
    }
    Ok(())
}

fn verify_split<'c>(
    op: OperationRef<'c, '_>,
    split: Split,
    microtile: Microtile,
    input: Codes,
    output: Codes,
) -> Result<'c> {
    if [split.cascade, split.chains, split.k, split.n, split.rows].contains(&0)
        || [microtile.m, microtile.k, microtile.n].contains(&0)
    {
        return Err(fail(&op, "has a zero in its 'split' or 'microtile'"));
    }
    if !split.k.is_multiple_of(microtile.k) || !split.n.is_multiple_of(microtile.n) {
        return Err(fail(
            &op,
            format_args!(
                "has slices of {} x {}, not multiples of the microtile's {} x {}",
                split.k, split.n, microtile.k, microtile.n
            ),
        ));
    }
    // The chains of an add share its inputs as well.
    let columns = if rewrite::is(&op, ADD) { split.chains } else { split.cascade };
    for (what, count, slice, extent) in [
        ("inputs", columns, split.k, input.columns),
        ("outputs", split.chains, split.n, output.columns),
    ] {
        if count.saturating_mul(slice) < extent {
            return Err(fail(
                &op,
                format_args!("splits {extent} {what} over {count} tiles of {slice}"),
            ));
        }
        if (count - 1).saturating_mul(slice) >= extent {
            return Err(fail(
                &op,
                format_args!(
                    "leaves a tile without {what}: {extent} over {count} tiles of {slice}"
                ),
            ));
        }
    }
    if split.rows > input.rows {
        return Err(fail(
            &op,
            format_args!("passes {} rows at once of {}", split.rows, input.rows),
        ));
    }
    Ok(())
}

fn verify_bias_add<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    let (input, output) = codes(op)?;
    let bias = op.operand(1).map_err(|e| fail(&op, e))?;
    let bias = RankedTensorType::try_from(bias.r#type()).ok().and_then(shape);
    if bias != Some(vec![output.columns]) {
        return Err(fail(&op, format_args!("needs a bias of {} elements", output.columns)));
    }
    same_type(op, input, output)
}

fn verify_requant<'c>(op: OperationRef<'c, '_>, requant: &Requant, channels: usize) -> Result<'c> {
    if !(1..=32).contains(&requant.width) {
        return Err(fail(
            &op,
            format_args!("requantizes to {} bits, which must be 1 to 32", requant.width),
        ));
    }
    if !(-62..=62).contains(&requant.shift) {
        return Err(fail(
            &op,
            format_args!("has shift {}, which must be -62 to 62", requant.shift),
        ));
    }
    if requant.min > requant.max {
        return Err(fail(
            &op,
            format_args!("has 'min' {} above 'max' {}", requant.min, requant.max),
        ));
    }
    let (low, high) = crate::exact::range(Requant::FACTOR_BITS.into(), true);
    for (what, list) in [("multiplier", &requant.multiplier), ("addend", &requant.addend)] {
        if ![1, channels].contains(&list.len()) {
            let count = list.len();
            return Err(fail(
                &op,
                format_args!("has {count} numbers as '{what}', needs 1 or {channels}"),
            ));
        }
        if let Some(value) = list.iter().find(|value| !(low..=high).contains(*value)) {
            let bits = Requant::FACTOR_BITS;
            return Err(fail(
                &op,
                format_args!("has '{what}' {value}, which has more than {bits} bits"),
            ));
        }
    }
    if requant.shift < 0 && !requant.is_shift() {
        return Err(fail(
            &op,
            "shifts to the left after a multiplication: make the multiplier larger instead",
        ));
    }
    Ok(())
}

fn verify_result<'c>(op: OperationRef<'c, '_>, requant: &Requant, output: Codes) -> Result<'c> {
    let (low, high) = output.range();
    if requant.width > i64::from(output.bits) || requant.min < low || requant.max > high {
        return Err(fail(
            &op,
            format_args!(
                "requantizes to {} bits in [{}, {}], more than its result type holds",
                requant.width, requant.min, requant.max
            ),
        ));
    }
    if requant.signed != output.signed {
        let sign = |signed: bool| if signed { "signed" } else { "unsigned" };
        return Err(fail(
            &op,
            format_args!(
                "requantizes to {} integers, but its result type has {} ones: 'is_signed' says which",
                sign(requant.signed),
                sign(output.signed)
            ),
        ));
    }
    Ok(())
}

/// Regions cover every feature exactly once.
fn verify_regions<'c>(transfer: Transfer<'c, '_>, columns: usize) -> Result<'c> {
    let op = transfer.op;
    let Some(mut regions) = transfer.regions() else { return Ok(()) };
    regions.sort_by_key(|region| region.begin);
    let mut next = 0;
    for region in &regions {
        if region.begin != next || region.end <= region.begin {
            return Err(fail(
                &op,
                format_args!(
                    "has regions that do not cover features exactly once: {} to {} follows {next}",
                    region.begin, region.end
                ),
            ));
        }
        next = region.end;
    }
    if next != columns {
        return Err(fail(&op, format_args!("has regions up to feature {next} of {columns}")));
    }
    // Every chain, column and group has a region.
    let most = regions.len();
    for region in &regions {
        for (what, index) in
            [("producer", region.producer), ("consumer", region.consumer), ("group", region.group)]
        {
            if index >= most {
                return Err(fail(&op, format_args!("has {what} {index} in {most} regions")));
            }
        }
        // One stream begins or ends in one memory tile.
        let apart = |other: &&Region| {
            (other.producer == region.producer || other.consumer == region.consumer)
                && other.group != region.group
        };
        if let Some(other) = regions.iter().find(apart) {
            return Err(fail(
                &op,
                format_args!(
                    "has regions of one producer or consumer in groups {} and {}",
                    region.group, other.group
                ),
            ));
        }
    }
    let groups = regions.iter().map(|region| region.group + 1).max().unwrap_or(0);
    if let Some(tiles) = transfer.memory_tiles()
        && tiles.len() != groups
    {
        return Err(fail(
            &op,
            format_args!("has {} memory tiles for {groups} groups", tiles.len()),
        ));
    }
    Ok(())
}
