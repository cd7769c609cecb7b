//! Upstream's `!quant.uniform` types.
#![allow(unsafe_code)]

use melior::{
    Context,
    ir::{Type, TypeLike, r#type::IntegerType},
};
use mlir_sys::{
    mlirQuantizedTypeGetExpressedType, mlirQuantizedTypeGetStorageType,
    mlirQuantizedTypeGetStorageTypeIntegralWidth, mlirQuantizedTypeGetStorageTypeMax,
    mlirQuantizedTypeGetStorageTypeMin, mlirQuantizedTypeIsSigned,
    mlirTypeIsAUniformQuantizedPerAxisType, mlirTypeIsAUniformQuantizedType,
    mlirUniformQuantizedPerAxisTypeGetNumDims,
    mlirUniformQuantizedPerAxisTypeGetQuantizedDimension, mlirUniformQuantizedPerAxisTypeGetScale,
    mlirUniformQuantizedPerAxisTypeGetZeroPoint, mlirUniformQuantizedTypeGet,
    mlirUniformQuantizedTypeGetScale, mlirUniformQuantizedTypeGetZeroPoint,
};

/// A per-tensor quantized type: real value = `scale * (code - zero_point)`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Uniform {
    /// Width of the storage in bits.
    pub bits: u32,
    pub signed: bool,
    pub scale: f64,
    pub zero_point: i64,
    /// Smallest and largest code.
    pub min: i64,
    pub max: i64,
}

impl Uniform {
    /// `None` if the type is not `!quant.uniform` with one scale.
    pub fn of(r#type: Type) -> Option<Self> {
        let raw = r#type.to_raw();
        // SAFETY: the accessors are called on a uniform quantized type only.
        unsafe {
            mlirTypeIsAUniformQuantizedType(raw).then(|| Uniform {
                bits: mlirQuantizedTypeGetStorageTypeIntegralWidth(raw),
                signed: mlirQuantizedTypeIsSigned(raw),
                scale: mlirUniformQuantizedTypeGetScale(raw),
                zero_point: mlirUniformQuantizedTypeGetZeroPoint(raw),
                min: mlirQuantizedTypeGetStorageTypeMin(raw),
                max: mlirQuantizedTypeGetStorageTypeMax(raw),
            })
        }
    }

    /// The type again, of `f32` values.
    pub fn r#type<'c>(&self, context: &'c Context) -> Type<'c> {
        let storage: Type = IntegerType::new(context, self.bits).into();
        // SAFETY: both types are of `context`; the numbers came from such a type.
        unsafe {
            Type::from_raw(mlirUniformQuantizedTypeGet(
                u32::from(self.signed),
                storage.to_raw(),
                Type::float32(context).to_raw(),
                self.scale,
                self.zero_point,
                self.min,
                self.max,
            ))
        }
    }

    /// `e` if the scale is `2^e`.
    pub fn exponent(&self) -> Option<i64> {
        power_of_two(self.scale)
    }

    /// Bits that the range needs: fewer than the storage has if it is narrowed.
    pub fn width(&self) -> i64 {
        let mut width = 1;
        while width < i64::from(self.bits) {
            let (low, high) = crate::exact::range(width, self.signed);
            if low <= self.min && self.max <= high {
                break;
            }
            width += 1;
        }
        width
    }
}

/// Any `!quant.uniform` type: one scale and zero point, or one per index of an axis.
#[derive(Clone, PartialEq, Debug)]
pub struct Quantized<'c> {
    /// What holds a code: a signless integer.
    pub storage: Type<'c>,
    /// What a code stands for: a float.
    pub expressed: Type<'c>,
    pub signed: bool,
    /// Smallest and largest code.
    pub min: i64,
    pub max: i64,
    pub axis: Option<usize>,
    /// `(scale, zero point)`, one without an axis, else one per index of the axis.
    pub parameters: Vec<(f64, i64)>,
}

impl<'c> Quantized<'c> {
    /// `None` if the type is not `!quant.uniform` with scales per tensor or per axis.
    pub fn of(r#type: Type<'c>) -> Option<Self> {
        let raw = r#type.to_raw();
        // SAFETY: the accessors are called on types of their kind only, with
        // positions in range.
        unsafe {
            let (axis, parameters) = if mlirTypeIsAUniformQuantizedType(raw) {
                let scale = mlirUniformQuantizedTypeGetScale(raw);
                (None, vec![(scale, mlirUniformQuantizedTypeGetZeroPoint(raw))])
            } else if mlirTypeIsAUniformQuantizedPerAxisType(raw) {
                let axis = mlirUniformQuantizedPerAxisTypeGetQuantizedDimension(raw);
                let count = mlirUniformQuantizedPerAxisTypeGetNumDims(raw);
                let parameter = |i| {
                    let scale = mlirUniformQuantizedPerAxisTypeGetScale(raw, i);
                    (scale, mlirUniformQuantizedPerAxisTypeGetZeroPoint(raw, i))
                };
                (Some(usize::try_from(axis).ok()?), (0..count).map(parameter).collect())
            } else {
                return None;
            };
            Some(Quantized {
                storage: Type::from_raw(mlirQuantizedTypeGetStorageType(raw)),
                expressed: Type::from_raw(mlirQuantizedTypeGetExpressedType(raw)),
                signed: mlirQuantizedTypeIsSigned(raw),
                min: mlirQuantizedTypeGetStorageTypeMin(raw),
                max: mlirQuantizedTypeGetStorageTypeMax(raw),
                axis,
                parameters,
            })
        }
    }
}

/// `e` if `x` is `2^e`, a normal number.
pub fn power_of_two(x: f64) -> Option<i64> {
    const MANTISSA: u64 = (1 << 52) - 1;
    let exponent = ((x.to_bits() >> 52) & 0x7ff) as i64;
    (x.is_normal() && x > 0.0 && x.to_bits() & MANTISSA == 0).then_some(exponent - 1023)
}

#[cfg(test)]
mod tests {
    use super::power_of_two;

    #[test]
    fn knows_powers_of_two() {
        assert_eq!([0.25, 1.0, 1024.0].map(power_of_two), [Some(-2), Some(0), Some(10)]);
        assert_eq!([0.3, 0.0, -0.5, f64::NAN, f64::INFINITY].map(power_of_two), [None; 5]);
    }
}
