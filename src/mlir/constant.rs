//! Reading constant tensors in bulk.
#![allow(unsafe_code)]

use melior::ir::{
    Attribute, AttributeLike, OperationRef, Type, Value,
    attribute::DenseElementsAttribute,
    operation::{OperationLike, OperationResult},
};

/// The op that defines a value; `None` for a block argument.
pub fn defining_op<'c, 'a>(value: Value<'c, 'a>) -> Option<OperationRef<'c, 'a>> {
    let result = OperationResult::try_from(value).ok()?;
    // SAFETY: the op owns the result, so it lives as long as the value.
    Some(unsafe { OperationRef::from_raw(result.owner().to_raw()) })
}

/// The elements of a constant integer tensor, sign extended as its type says.
///
/// `None` if the value is not an `arith.constant` or `tosa.const` of 8 to 64 bit integers.
pub fn integers(value: Value) -> Option<Vec<i64>> {
    let op = defining_op(value)?;
    let attribute = op.attribute("value").or_else(|_| op.attribute("values")).ok()?;
    elements(attribute)
}

/// The elements of a dense attribute of integers, sign extended as its type says.
pub fn elements(attribute: Attribute) -> Option<Vec<i64>> {
    use melior::ir::{ShapedTypeLike, r#type::{IntegerType, RankedTensorType}};
    let dense = DenseElementsAttribute::try_from(attribute).ok()?;
    let tensor = RankedTensorType::try_from(type_of(attribute)).ok()?;
    let integer = IntegerType::try_from(tensor.element()).ok()?;
    let signed = !integer.is_unsigned();
    let width = match integer.width() {
        8 => 1,
        16 => 2,
        32 => 4,
        64 => 8,
        _ => return None,
    };
    let stored = if dense.is_splat() { 1 } else { dense.len() };
    // SAFETY: a dense attribute of byte-sized integers stores its elements
    // contiguously, one of them if it is a splat.
    let bytes: &[u8] =
        unsafe { std::slice::from_raw_parts(dense.raw_data().cast(), stored * width) };
    let values = bytes.chunks_exact(width).map(|chunk| {
        let mut full = [if signed && chunk[width - 1] >= 0x80 { 0xff } else { 0 }; 8];
        full[..width].copy_from_slice(chunk);
        i64::from_le_bytes(full)
    });
    Some(if dense.is_splat() { vec![values.last()?; dense.len()] } else { values.collect() })
}

fn type_of<'c>(attribute: Attribute<'c>) -> Type<'c> {
    // SAFETY: every attribute has a type, `none` if it is not typed.
    unsafe { Type::from_raw(mlir_sys::mlirAttributeGetType(attribute.to_raw())) }
}
