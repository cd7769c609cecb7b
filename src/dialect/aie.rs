//! The `aie` dialect in Rust: [`build()`] writes an array program as an
//! `aie.device`, [`read()`] reads it back, [`verify()`] checks one.
//!
//! Names and numbers are those of mlir-aie's dialect, so that its tools take
//! what is written here. What only this project knows travels as attributes
//! `aie4ml.*` of builtin values, which those tools keep and ignore.

mod build;
mod code;
mod fifo;
mod host;
mod interface;
mod mistakes;
mod read;
mod sequence;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

pub use build::{build, build_located};
pub use mistakes::{is_alone, is_closed, is_complete, mistakes};
pub use read::{Places, locations, read, read_known, read_located};
pub use verify::verify;

use crate::{
    array::{Dim, Element, Packet, Pad, Type},
    mlir::{constant, fields::Fields, rewrite},
};
use melior::{
    Context,
    ir::{
        OperationRef, ShapedTypeLike, Type as MlirType, TypeLike,
        attribute::{BoolAttribute, IntegerAttribute},
        operation::OperationLike,
        r#type::{DimSize, IntegerType, MemRefType},
    },
};

pub const DEVICE: &str = "aie.device";
pub const CORE: &str = "aie.core";

/// Attribute of a device: its inputs, an array of dictionaries.
pub const INPUTS: &str = "aie4ml.inputs";
/// Attribute of a device: its outputs, an array of dictionaries.
pub const OUTPUTS: &str = "aie4ml.outputs";
/// Attribute of a core: the part of a layer it computes, a dictionary.
pub const SLICE: &str = "aie4ml.slice";

/// Attribute of a kernel's declaration: the cycles of a call, where its name does not tell them.
pub const CYCLES: &str = "aie4ml.cycles";

/// Devices in the order of their numbers, which begin at 1.
const DEVICES: [&str; 16] = [
    "xcvc1902",
    "xcve2302",
    "xcve2802",
    "npu1",
    "npu1_1col",
    "npu1_2col",
    "npu1_3col",
    "npu2",
    "npu2_1col",
    "npu2_2col",
    "npu2_3col",
    "npu2_4col",
    "npu2_5col",
    "npu2_6col",
    "npu2_7col",
    "xcve3858",
];

const ACQUIRE_EQUAL: i64 = 0;
const RELEASE: i64 = 1;
const ACQUIRE_GREATER_EQUAL: i64 = 2;
const S2MM: i64 = 0;
const MM2S: i64 = 1;

/// The name of the device that an `aie.device` configures.
pub fn device_name(device: OperationRef) -> Option<&'static str> {
    let number = usize::try_from(integer(device, "device")?).ok()?;
    DEVICES.get(number.checked_sub(1)?).copied()
}

/// The symbol of an `aie.device`.
pub fn symbol_of<'c>(device: OperationRef<'c, '_>) -> &'c str {
    string(device, "sym_name").unwrap_or("main")
}

/// The devices of a module, in order.
pub fn devices<'c, 'a>(module: OperationRef<'c, 'a>) -> Vec<OperationRef<'c, 'a>> {
    let Some(body) = rewrite::body(module) else { return Vec::new() };
    rewrite::ops(body).into_iter().filter(|op| rewrite::is(op, DEVICE)).collect()
}

fn integer(op: OperationRef, name: &str) -> Option<i64> {
    Some(IntegerAttribute::try_from(op.attribute(name).ok()?).ok()?.value())
}

fn string<'c>(op: OperationRef<'c, '_>, name: &str) -> Option<&'c str> {
    constant::text(op.attribute(name).ok()?)
}

fn flag(op: OperationRef, name: &str) -> Option<bool> {
    Some(BoolAttribute::try_from(op.attribute(name).ok()?).ok()?.value())
}

fn element_type(context: &Context, element: Element) -> MlirType<'_> {
    match element {
        Element::Bf16 => MlirType::bfloat16(context),
        Element::F32 => MlirType::float32(context),
        integer => IntegerType::new(context, 8 * integer.bytes() as u32).into(),
    }
}

fn element_of(r#type: MlirType) -> Option<Element> {
    match IntegerType::try_from(r#type).map(|integer| integer.width()) {
        Ok(8) => Some(Element::I8),
        Ok(16) => Some(Element::I16),
        Ok(32) => Some(Element::I32),
        Ok(64) => Some(Element::I64),
        Ok(_) => None,
        Err(_) if r#type.is_bf16() => Some(Element::Bf16),
        Err(_) if r#type.is_f32() => Some(Element::F32),
        Err(_) => None,
    }
}

fn memref<'c>(context: &'c Context, shape: &[usize], element: Element) -> MlirType<'c> {
    let extents: Vec<i64> = shape.iter().map(|&extent| extent as i64).collect();
    MemRefType::new(element_type(context, element), &extents, None, None).into()
}

/// Shape and element of a static memref that lies in memory without gaps.
fn memref_of(r#type: MlirType) -> Option<(Vec<usize>, Element)> {
    let memref = MemRefType::try_from(r#type).ok()?;
    let (shape, element) = constant::shaped(r#type)?;
    let (strides, offset) = memref.strides_and_offset();
    let mut expected = 1;
    for (&stride, &extent) in strides.iter().zip(&shape).rev() {
        if stride != expected {
            return None;
        }
        expected *= extent as i64;
    }
    (offset == 0).then_some((shape, element_of(element)?))
}

/// Extents and element of any memref; an extent that is not known is negative.
fn memref_of_any(r#type: MlirType) -> Option<(Vec<i64>, Element)> {
    let memref = MemRefType::try_from(r#type).ok()?;
    let extent = |i| match memref.dim_size(i) {
        Ok(DimSize::Static(size)) => i64::try_from(size).unwrap_or(i64::MAX),
        _ => -1,
    };
    Some(((0..memref.rank()).map(extent).collect(), element_of(memref.element())?))
}

fn op_name(op: OperationRef) -> String {
    op.name().as_string_ref().as_str().unwrap_or_default().to_string()
}

fn mlir_type<'c>(context: &'c Context, r#type: &Type) -> MlirType<'c> {
    match r#type {
        Type::MemRef(shape, element) => memref(context, shape, *element),
        Type::Scalar(element) => element_type(context, *element),
        Type::Index => MlirType::index(context),
        Type::I1 => IntegerType::new(context, 1).into(),
        Type::Vector(lanes, element) => {
            MlirType::vector(&[*lanes as u64], element_type(context, *element))
        }
    }
}

fn type_of(r#type: MlirType) -> Option<Type> {
    if r#type.is_mem_ref() {
        let (shape, element) = memref_of(r#type)?;
        return Some(Type::MemRef(shape, element));
    }
    if r#type.is_vector() {
        let (shape, element) = constant::shaped(r#type)?;
        let &[lanes] = shape.as_slice() else { return None };
        return Some(Type::Vector(lanes, element_of(element)?));
    }
    if r#type.is_index() {
        return Some(Type::Index);
    }
    if IntegerType::try_from(r#type).is_ok_and(|integer| integer.width() == 1) {
        return Some(Type::I1);
    }
    element_of(r#type).map(Type::Scalar)
}

/// `#aie<bd_dim_layout_array[...]>`
struct Dims(Vec<Dim>);

impl Fields for Dims {
    const MNEMONIC: &'static str = "bd_dim_layout_array";
    fn to_fields(&self) -> Vec<i64> {
        self.0.iter().flat_map(|dim| [dim.size as i64, dim.stride as i64]).collect()
    }
    fn from_fields(fields: &[i64]) -> Option<Self> {
        let dim = |pair: &[i64]| {
            Some(Dim {
                size: usize::try_from(pair[0]).ok()?,
                stride: usize::try_from(pair[1]).ok()?,
            })
        };
        fields.chunks_exact(2).map(dim).collect::<Option<_>>().map(Dims)
    }
}

/// `#aie<bd_dim_layout_array_array[[...], ...]>`: one list per consumer of a FIFO.
struct DimsPerConsumer(Vec<Dims>);

impl Fields for DimsPerConsumer {
    const MNEMONIC: &'static str = "bd_dim_layout_array_array";
    fn to_fields(&self) -> Vec<i64> {
        let list = |dims: &Dims| [vec![2 * dims.0.len() as i64], dims.to_fields()].concat();
        self.0.iter().flat_map(list).collect()
    }
    fn from_fields(mut fields: &[i64]) -> Option<Self> {
        let mut lists = Vec::new();
        while let Some((&length, rest)) = fields.split_first() {
            let (list, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            lists.push(Dims::from_fields(list)?);
            fields = rest;
        }
        Some(DimsPerConsumer(lists))
    }
}

/// `#aie<bd_pad_layout_array[...]>`
struct Pads(Vec<Pad>);

impl Fields for Pads {
    const MNEMONIC: &'static str = "bd_pad_layout_array";
    fn to_fields(&self) -> Vec<i64> {
        self.0.iter().flat_map(|pad| [pad.before as i64, pad.after as i64]).collect()
    }
    fn from_fields(fields: &[i64]) -> Option<Self> {
        let pad = |pair: &[i64]| {
            Some(Pad {
                before: usize::try_from(pair[0]).ok()?,
                after: usize::try_from(pair[1]).ok()?,
            })
        };
        fields.chunks_exact(2).map(pad).collect::<Option<_>>().map(Pads)
    }
}

impl Fields for Packet {
    const MNEMONIC: &'static str = "packet_info";
    fn to_fields(&self) -> Vec<i64> {
        vec![self.kind.into(), self.id.into()]
    }
    fn from_fields(fields: &[i64]) -> Option<Self> {
        let &[kind, id] = fields else { return None };
        Some(Packet { kind: kind.try_into().ok()?, id: id.try_into().ok()? })
    }
}
