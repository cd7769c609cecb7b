//! Building the ops of `@main`: types, constants and ops of `tosa`, at one location at a time.

use melior::{
    Context,
    ir::{
        Attribute, Block, BlockLike, Identifier, Location, Type, Value, ValueLike,
        attribute::{
            BoolAttribute, DenseElementsAttribute, DenseI64ArrayAttribute, IntegerAttribute,
            TypeAttribute,
        },
        operation::OperationBuilder,
        r#type::{IntegerType, RankedTensorType},
    },
};

use super::{super::Error, arithmetic::Multiplier};
use crate::mlir::constant;

// Constants are handed to MLIR as bytes, which it reads in the order of the host.
const _: () = assert!(cfg!(target_endian = "little"), "big-endian hosts are not supported");

/// Where ops are appended.
pub struct Ir<'c, 'a> {
    pub context: &'c Context,
    pub block: &'a Block<'c>,
    /// Of the next ops.
    pub location: Location<'c>,
}

/// How `tosa.rescale` rounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    Single,
    Double,
}

/// What else there is to say of a `tosa.rescale`.
pub struct Rescale<'m> {
    /// One, or one for each index of the last dimension.
    pub multipliers: &'m [Multiplier],
    pub rounding: Rounding,
    pub zero_points: (i64, i64),
    /// Width of the result.
    pub bits: u32,
}

impl<'c, 'a> Ir<'c, 'a> {
    pub fn integer(&self, bits: u32) -> Type<'c> {
        IntegerType::new(self.context, bits).into()
    }

    pub fn tensor(&self, shape: &[u64], bits: u32) -> Type<'c> {
        tensor(shape, self.integer(bits))
    }

    pub fn attribute(&self, text: &str) -> Result<Attribute<'c>, Error> {
        Attribute::parse(self.context, text).ok_or_else(|| bug(&format!("cannot parse '{text}'")))
    }

    pub fn flag(&self, value: bool) -> Attribute<'c> {
        BoolAttribute::new(self.context, value).into()
    }

    pub fn number(&self, bits: u32, value: i64) -> Attribute<'c> {
        IntegerAttribute::new(self.integer(bits), value).into()
    }

    pub fn extents(&self, values: &[i64]) -> Attribute<'c> {
        DenseI64ArrayAttribute::new(self.context, values).into()
    }

    pub fn width(&self, bits: u32) -> Attribute<'c> {
        TypeAttribute::new(self.integer(bits)).into()
    }

    /// Appends an op of one result.
    pub fn op(
        &self,
        name: &str,
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
        result: Type<'c>,
    ) -> Result<Value<'c, 'a>, Error> {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(name, attribute)| (Identifier::new(self.context, name), *attribute))
            .collect();
        let operation = OperationBuilder::new(name, self.location)
            .add_operands(operands)
            .add_attributes(&attributes)
            .add_results(&[result])
            .build()
            .map_err(|error| bug(&format!("cannot build '{name}': {error}")))?;
        let result = self.block.append_operation(operation).result(0);
        result.map(Into::into).map_err(|error| bug(&error.to_string()))
    }

    /// A constant of integers, which fit the width.
    pub fn constant(
        &self,
        shape: &[u64],
        bits: u32,
        values: &[i64],
    ) -> Result<Value<'c, 'a>, Error> {
        let width = bits as usize / 8;
        let bytes: Vec<u8> =
            values.iter().flat_map(|value| value.to_le_bytes().into_iter().take(width)).collect();
        let r#type = self.tensor(shape, bits);
        let values = DenseElementsAttribute::raw_buffer(r#type, &bytes);
        self.op("tosa.const", &[], &[("values", values.into())], r#type)
    }

    /// A zero point, or another number that is an operand.
    pub fn scalar(&self, bits: u32, value: i64) -> Result<Value<'c, 'a>, Error> {
        self.constant(&[1], bits, &[value])
    }

    pub fn shape(&self, extents: &[u64]) -> Result<Value<'c, 'a>, Error> {
        let rank = extents.len();
        let extents: Vec<i64> = extents.iter().map(|&extent| extent as i64).collect();
        let list = tensor(&[rank as u64], Type::index(self.context));
        let values = DenseElementsAttribute::i64_values(list, &extents);
        let shape = Type::parse(self.context, &format!("!tosa.shape<{rank}>"))
            .ok_or_else(|| bug("tosa has no shape type"))?;
        self.op("tosa.const_shape", &[], &[("values", values.into())], shape)
    }

    pub fn reshape(&self, value: Value<'c, 'a>, extents: &[u64]) -> Result<Value<'c, 'a>, Error> {
        if shape(value) == extents {
            return Ok(value);
        }
        let result = tensor(extents, element(value));
        self.op("tosa.reshape", &[value, self.shape(extents)?], &[], result)
    }

    /// The first extents of each dimension.
    pub fn crop(&self, value: Value<'c, 'a>, extents: &[u64]) -> Result<Value<'c, 'a>, Error> {
        self.slice(value, &vec![0; extents.len()], extents)
    }

    pub fn slice(
        &self,
        value: Value<'c, 'a>,
        start: &[u64],
        extents: &[u64],
    ) -> Result<Value<'c, 'a>, Error> {
        if shape(value) == extents {
            return Ok(value);
        }
        let operands = [value, self.shape(start)?, self.shape(extents)?];
        self.op("tosa.slice", &operands, &[], tensor(extents, element(value)))
    }

    pub fn rescale(&self, value: Value<'c, 'a>, rescale: &Rescale) -> Result<Value<'c, 'a>, Error> {
        let count = rescale.multipliers.len() as u64;
        let multipliers: Vec<i64> = rescale.multipliers.iter().map(|m| m.multiplier).collect();
        let shifts: Vec<i64> = rescale.multipliers.iter().map(|m| m.shift).collect();
        let mode = match rescale.rounding {
            Rounding::Single => "#tosa.rounding_mode<SINGLE_ROUND>",
            Rounding::Double => "#tosa.rounding_mode<DOUBLE_ROUND>",
        };
        let operands = [
            value,
            self.constant(&[count], 32, &multipliers)?,
            self.constant(&[count], 8, &shifts)?,
            self.scalar(bits(value), rescale.zero_points.0)?,
            self.scalar(rescale.bits, rescale.zero_points.1)?,
        ];
        let attributes = [
            ("scale32", self.flag(true)),
            ("rounding_mode", self.attribute(mode)?),
            ("per_channel", self.flag(count > 1)),
            ("input_unsigned", self.flag(false)),
            ("output_unsigned", self.flag(false)),
        ];
        let result = self.tensor(&shape(value), rescale.bits);
        self.op("tosa.rescale", &operands, &attributes, result)
    }

    /// Codes less their zero point, in 32 bits.
    pub fn without_zero_point(
        &self,
        value: Value<'c, 'a>,
        zero_point: i64,
    ) -> Result<Value<'c, 'a>, Error> {
        let one = Rescale {
            multipliers: &[Multiplier { multiplier: 1 << 30, shift: 30 }],
            rounding: Rounding::Single,
            zero_points: (zero_point, 0),
            bits: 32,
        };
        self.rescale(value, &one)
    }

    /// Limits to a range of codes; nothing if it is all of them.
    pub fn clamp(
        &self,
        value: Value<'c, 'a>,
        (low, high): (i64, i64),
    ) -> Result<Value<'c, 'a>, Error> {
        let bits = bits(value);
        if (low, high) == (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits)) {
            return Ok(value);
        }
        let attributes =
            [("min_val", self.number(bits, low)), ("max_val", self.number(bits, high))];
        self.op("tosa.clamp", &[value], &attributes, value.r#type())
    }
}

pub fn tensor<'c>(shape: &[u64], element: Type<'c>) -> Type<'c> {
    RankedTensorType::new(shape, element, None).into()
}

/// The extents of a value, all of which this frontend made static.
pub fn shape(value: Value) -> Vec<u64> {
    let extents = constant::shaped(value.r#type()).map_or(Vec::new(), |(extents, _)| extents);
    extents.into_iter().map(|extent| extent as u64).collect()
}

fn element<'c>(value: Value<'c, '_>) -> Type<'c> {
    constant::shaped(value.r#type()).map_or(value.r#type(), |(_, element)| element)
}

/// Width of the elements of a value.
pub fn bits(value: Value) -> u32 {
    IntegerType::try_from(element(value)).map_or(0, |integer| integer.width())
}

pub fn bug(message: &str) -> Error {
    Error::new("", format!("bug in the TFLite frontend: {message}"))
}
