//! Reading constant tensors in bulk.
#![allow(unsafe_code)]

use super::ffi;
use crate::dialect::scalar;
use melior::{
    Context,
    ir::{
        Attribute, AttributeLike, OperationRef, Type, TypeLike, Value,
        attribute::{DenseElementsAttribute, FloatAttribute},
        operation::{OperationLike, OperationResult},
        r#type::IntegerType,
    },
};

/// The op that defines a value; `None` for a block argument.
pub fn defining_op<'c, 'a>(value: Value<'c, 'a>) -> Option<OperationRef<'c, 'a>> {
    let result = OperationResult::try_from(value).ok()?;
    // SAFETY: the op owns the result, so it lives as long as the value.
    Some(unsafe { OperationRef::from_raw(result.owner().to_raw()) })
}

/// The elements of a constant integer tensor, sign extended as its type says.
///
/// `None` if the value is not an `arith.constant` or `tosa.const` of 2 to 64 bit integers.
pub fn integers(value: Value) -> Option<Vec<i64>> {
    let op = defining_op(value)?;
    let attribute = op.attribute("value").or_else(|_| op.attribute("values")).ok()?;
    elements(attribute)
}

/// The elements of a constant float tensor of 32 bits; `None` if the value is none.
pub fn floats(value: Value) -> Option<Vec<f32>> {
    let op = defining_op(value)?;
    let attribute = op.attribute("value").or_else(|_| op.attribute("values")).ok()?;
    let dense = DenseElementsAttribute::try_from(attribute).ok()?;
    (0..dense.len()).map(|index| dense.f32_element(index).ok()).collect()
}

/// The elements of a dense attribute of integers, sign extended as its type says.
pub fn elements(attribute: Attribute) -> Option<Vec<i64>> {
    use melior::ir::{ShapedTypeLike, r#type::RankedTensorType};
    let dense = DenseElementsAttribute::try_from(attribute).ok()?;
    let tensor = RankedTensorType::try_from(type_of(attribute)).ok()?;
    let integer = IntegerType::try_from(tensor.element()).ok()?;
    let signed = !integer.is_unsigned();
    let bits = integer.width();
    if !(2..=64).contains(&bits) {
        return None;
    }
    let width = bits.div_ceil(8) as usize;
    let stored = if dense.is_splat() { 1 } else { dense.len() };
    if stored == 0 {
        return Some(Vec::new());
    }
    // SAFETY: a dense attribute of integers of more than one bit stores its elements
    // contiguously, each in whole bytes, one of them if it is a splat.
    let bytes: &[u8] =
        unsafe { std::slice::from_raw_parts(dense.raw_data().cast(), stored * width) };
    // Of whole bytes, as weights are, without a shift: they are many.
    let whole: Option<Vec<i64>> = match (bits, signed) {
        (8, true) => Some(bytes.iter().map(|&byte| byte.cast_signed().into()).collect()),
        (8, false) => Some(bytes.iter().map(|&byte| byte.into()).collect()),
        (16, true) => {
            let words = bytes.chunks_exact(2);
            Some(words.map(|word| i16::from_le_bytes([word[0], word[1]]).into()).collect())
        }
        _ => None,
    };
    if let Some(values) = whole {
        return Some(if dense.is_splat() { vec![values[0]; dense.len()] } else { values });
    }
    let rest = 64 - bits;
    let mut values = bytes.chunks_exact(width).map(|chunk| {
        let mut full = [0; 8];
        full[..width].copy_from_slice(chunk);
        let moved = u64::from_le_bytes(full) << rest;
        if signed { (moved as i64) >> rest } else { (moved >> rest) as i64 }
    });
    Some(if dense.is_splat() { vec![values.next()?; dense.len()] } else { values.collect() })
}

/// The elements of a dense attribute of floats of 32 or 64 bits.
pub fn reals(attribute: Attribute) -> Option<Vec<f64>> {
    let dense = DenseElementsAttribute::try_from(attribute).ok()?;
    let (_, element) = shaped(type_of(attribute))?;
    let count = if dense.is_splat() { 1 } else { dense.len() };
    let each = (0..count).map(|index| match element {
        element if element.is_f32() => dense.f32_element(index).ok().map(f64::from),
        element if element.is_f64() => dense.f64_element(index).ok(),
        _ => None,
    });
    let values = each.collect::<Option<Vec<f64>>>()?;
    Some(if dense.is_splat() { vec![values[0]; dense.len()] } else { values })
}

/// The dense attribute that a `dense_resource` stands for; `None` if the attribute is another one.
///
/// # Errors
///
/// If the resource lacks its data, or has data for another type.
pub fn resolve<'c>(attribute: Attribute<'c>) -> Option<Result<Attribute<'c>, &'static str>> {
    // SAFETY: the shim handles any attribute, and a null result.
    unsafe {
        if !mlir_sys::mlirAttributeIsADenseResourceElements(attribute.to_raw()) {
            return None;
        }
        let dense = ffi::aie4mlDenseOfResource(attribute.to_raw());
        Some(Attribute::from_option_raw(dense).ok_or(
            "has a 'dense_resource' without data that fits its type: write the file with its resources",
        ))
    }
}

/// The type of an attribute, `none` if it is not typed.
pub fn type_of<'c>(attribute: Attribute<'c>) -> Type<'c> {
    // SAFETY: every attribute has a type, `none` if it is not typed.
    unsafe { Type::from_raw(mlir_sys::mlirAttributeGetType(attribute.to_raw())) }
}

/// Extents and element type of a static shaped type: a tensor, memref or vector. `None` also if it
/// has more bits than a number counts.
pub fn shaped<'c>(r#type: Type<'c>) -> Option<(Vec<usize>, Type<'c>)> {
    use mlir_sys::{
        mlirShapedTypeGetDimSize, mlirShapedTypeGetElementType, mlirShapedTypeGetRank,
        mlirShapedTypeHasRank, mlirShapedTypeHasStaticShape,
    };
    if !r#type.is_shaped() {
        return None;
    }
    let raw = r#type.to_raw();
    // SAFETY: the type is shaped; its rank and extents are asked only if it has them.
    unsafe {
        if !mlirShapedTypeHasRank(raw) || !mlirShapedTypeHasStaticShape(raw) {
            return None;
        }
        let extents = (0..mlirShapedTypeGetRank(raw))
            .map(|i| usize::try_from(mlirShapedTypeGetDimSize(raw, i as isize)).ok())
            .collect::<Option<Vec<usize>>>()?;
        // 0 does not hide what is beside it.
        extents.iter().try_fold(64usize, |bits, &extent| bits.checked_mul(extent.max(1)))?;
        Some((extents, Type::from_raw(mlirShapedTypeGetElementType(raw))))
    }
}

/// The elements of a dense attribute as they lie in memory, little endian and
/// row-major; a splat is written out.
///
/// `None` unless the elements are 8 to 64 bit integers, bf16 or f32.
pub fn bytes(attribute: Attribute) -> Option<Vec<u8>> {
    let dense = DenseElementsAttribute::try_from(attribute).ok()?;
    let (extents, element) = shaped(type_of(attribute))?;
    let width = match IntegerType::try_from(element).map(|integer| integer.width()) {
        Ok(width @ (8 | 16 | 32 | 64)) => width as usize / 8,
        Ok(_) => return None,
        Err(_) if element.is_bf16() => 2,
        Err(_) if element.is_f32() => 4,
        Err(_) => return None,
    };
    let count: usize = extents.iter().product();
    if count == 0 {
        return Some(Vec::new());
    }
    let stored = if dense.is_splat() { 1 } else { count };
    // SAFETY: a dense attribute of elements of whole bytes stores them
    // contiguously, one of them if it is a splat.
    let bytes: &[u8] =
        unsafe { std::slice::from_raw_parts(dense.raw_data().cast(), stored * width) };
    Some(bytes.repeat(count / stored))
}

/// The same numbers as f64, of an attribute that is an f32 or a dense one of them.
pub fn widened<'c>(context: &'c Context, attribute: Attribute<'c>) -> Option<Attribute<'c>> {
    let f64 = Type::float64(context);
    if let Ok(float) = FloatAttribute::try_from(attribute) {
        return Some(FloatAttribute::new(context, f64, float.value()).into());
    }
    let wide = scalar::with_element(type_of(attribute), f64);
    let bytes: Vec<u8> = bytes(attribute)?
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap_or_default()))
        .flat_map(|value| f64::from(value).to_le_bytes())
        .collect();
    Some(DenseElementsAttribute::raw_buffer(wide, &bytes).into())
}

/// The elements of a dense attribute of `index`; `None` if it is another one.
pub fn indices(attribute: Attribute) -> Option<Vec<i64>> {
    let dense = DenseElementsAttribute::try_from(attribute).ok()?;
    let (shape, element) = shaped(type_of(attribute))?;
    if !element.is_index() {
        return None;
    }
    let stored = if dense.is_splat() { 1 } else { dense.len() };
    if stored == 0 {
        return Some(Vec::new());
    }
    // SAFETY: a dense attribute of `index` stores its elements contiguously, each in 8 bytes, one
    // of them if it is a splat.
    let bytes: &[u8] = unsafe { std::slice::from_raw_parts(dense.raw_data().cast(), stored * 8) };
    let read = bytes
        .chunks_exact(8)
        .map(|bytes| i64::from_le_bytes(bytes.try_into().expect("a chunk has 8 bytes")));
    let list: Vec<i64> = read.collect();
    let count = shape.iter().product();
    Some(if dense.is_splat() { vec![list[0]; count] } else { list })
}

/// The value of a string attribute; `None` if it is another one or not UTF-8.
///
/// melior's own accessor breaks on the empty string, whose data is null.
pub fn text<'c>(attribute: Attribute<'c>) -> Option<&'c str> {
    if !attribute.is_string() {
        return None;
    }
    // SAFETY: the attribute is a string, whose bytes live as long as the context.
    let bytes: &'c [u8] = unsafe {
        let value = mlir_sys::mlirStringAttrGetValue(attribute.to_raw());
        if value.length == 0 {
            return Some("");
        }
        std::slice::from_raw_parts(value.data.cast(), value.length)
    };
    std::str::from_utf8(bytes).ok()
}
