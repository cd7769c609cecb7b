//! Element types, shapes and constant tensors.

use std::{fmt, path::Path};

use super::{
    external,
    proto::{EXTERNAL, TensorProto},
};

/// The type of a tensor's elements, of those ONNX has that this frontend reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Element {
    F32,
    /// Read as float32, which holds all its values.
    F16,
    /// Likewise.
    BF16,
    F64,
    Bool,
    /// Held in bytes.
    I4,
    /// Likewise.
    U4,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
}

impl Element {
    /// All of them, with their numbers in `TensorProto.DataType` and their names.
    const ALL: [(i32, Element, &str); 14] = [
        (1, Element::F32, "float32"),
        (10, Element::F16, "float16"),
        (16, Element::BF16, "bfloat16"),
        (11, Element::F64, "float64"),
        (9, Element::Bool, "bool"),
        (22, Element::I4, "int4"),
        (21, Element::U4, "uint4"),
        (3, Element::I8, "int8"),
        (2, Element::U8, "uint8"),
        (5, Element::I16, "int16"),
        (4, Element::U16, "uint16"),
        (6, Element::I32, "int32"),
        (12, Element::U32, "uint32"),
        (7, Element::I64, "int64"),
    ];

    /// The type with a number of `TensorProto.DataType`.
    ///
    /// # Errors
    ///
    /// The text of a refusal that names the type.
    pub fn from_data_type(number: i64) -> Result<Element, String> {
        let found = Element::ALL.iter().find(|(n, ..)| i64::from(*n) == number);
        found.map(|(_, element, _)| *element).ok_or_else(|| {
            let supported: Vec<_> = Element::ALL.iter().map(|(.., name)| *name).collect();
            format!(
                "element type {} is not supported; supported: {}",
                data_type_name(number),
                supported.join(", ")
            )
        })
    }

    /// Its number in `TensorProto.DataType`.
    #[cfg(test)]
    pub fn data_type(self) -> i32 {
        let found = Element::ALL.iter().find(|(_, element, _)| *element == self);
        found.expect("every element type is listed").0
    }

    /// Size of an element of a [`Constant`] in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Element::Bool | Element::I4 | Element::U4 | Element::I8 | Element::U8 => 1,
            Element::I16 | Element::U16 => 2,
            Element::F32 | Element::F16 | Element::BF16 | Element::I32 | Element::U32 => 4,
            Element::F64 | Element::I64 => 8,
        }
    }

    /// Width of an integer, or of an element as files hold it, in bits.
    pub fn bits(self) -> u32 {
        match self {
            Element::Bool => 8,
            Element::I4 | Element::U4 => 4,
            Element::F16 | Element::BF16 => 16,
            _ => 8 * self.bytes() as u32,
        }
    }

    pub fn is_float(self) -> bool {
        matches!(self, Element::F32 | Element::F16 | Element::BF16 | Element::F64)
    }

    pub fn is_integer(self) -> bool {
        !self.is_float() && self != Element::Bool
    }

    /// Whether integers of the type may stand for real numbers.
    pub fn is_code(self) -> bool {
        self.is_integer() && self != Element::I64
    }

    pub fn is_signed(self) -> bool {
        !matches!(self, Element::Bool | Element::U4 | Element::U8 | Element::U16 | Element::U32)
    }

    /// Smallest and largest value of an integer type.
    pub fn range(self) -> (i64, i64) {
        let bits = if self == Element::Bool { 1 } else { self.bits() };
        if self.is_signed() {
            (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits))
        } else {
            (0, (1 << bits) - 1)
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let found = Element::ALL.iter().find(|(_, element, _)| element == self);
        f.write_str(found.map_or("", |(.., name)| name))
    }
}

/// The name of a number of `TensorProto.DataType`, for messages.
fn data_type_name(number: i64) -> String {
    const NAMES: [&str; 24] = [
        "undefined",
        "float32",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "float64",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
        "float8e4m3fn",
        "float8e4m3fnuz",
        "float8e5m2",
        "float8e5m2fnuz",
        "uint4",
        "int4",
        "float4e2m1",
    ];
    let name = usize::try_from(number).ok().and_then(|n| NAMES.get(n));
    name.map_or_else(|| format!("number {number}"), |name| name.to_string())
}

/// The most elements a tensor may have: what an `i32` can count.
const MAX_ELEMENTS: u64 = i32::MAX as u64;

/// The most dimensions a tensor may have. Nothing larger means anything to the array, and a
/// damaged file must not make shapes of a million dimensions.
const MAX_RANK: usize = 8;

/// Number of elements of a tensor, or `None` beyond the bounds of this frontend.
pub fn elements(shape: &[u64]) -> Option<u64> {
    if shape.len() > MAX_RANK {
        return None;
    }
    // An extent of 0 must not hide the overflow of the others.
    if shape.iter().any(|&extent| extent > MAX_ELEMENTS) {
        return None;
    }
    let product = shape.iter().try_fold(1, |n: u64, &d| n.checked_mul(d));
    product.filter(|&n| n <= MAX_ELEMENTS)
}

/// `8x64`, or `scalar`.
pub fn shape_text(shape: &[u64]) -> String {
    if shape.is_empty() {
        return "scalar".to_owned();
    }
    let extents: Vec<_> = shape.iter().map(u64::to_string).collect();
    extents.join("x")
}

/// A constant tensor, row-major.
#[derive(Clone, PartialEq, Debug)]
pub struct Constant {
    pub element: Element,
    pub shape: Vec<u64>,
    /// Little-endian elements; exactly as many as `shape` says.
    bytes: Vec<u8>,
}

impl Constant {
    /// Reads a tensor's elements.
    ///
    /// # Errors
    ///
    /// The text of a refusal: the data is elsewhere and not to be had, of an unsupported type,
    /// or not as long as the shape says.
    pub fn decode(tensor: &TensorProto, folder: Option<&Path>) -> Result<Constant, String> {
        if tensor.segment.is_some() {
            return Err("is a segment of a tensor: segments are not supported".to_owned());
        }
        let element = Element::from_data_type(tensor.data_type.into())?;
        let shape: Option<Vec<u64>> = tensor.dims.iter().map(|&d| d.try_into().ok()).collect();
        let count = shape.as_deref().and_then(elements);
        let (Some(shape), Some(count)) = (shape, count) else {
            return Err(if tensor.dims.len() > MAX_RANK {
                format!("has {} dimensions; at most {MAX_RANK} are supported", tensor.dims.len())
            } else {
                let extents: Vec<_> = tensor.dims.iter().map(i64::to_string).collect();
                format!("has the impossible shape {}", extents.join("x"))
            });
        };
        let stored = |length: usize, what: &str| {
            Err(format!(
                "has shape {} of {element}, which is {count} elements, but stores {length} {what}",
                shape_text(&shape)
            ))
        };
        let size = (count * u64::from(element.bits())).div_ceil(8);
        let bytes = if tensor.data_location == EXTERNAL || !tensor.external_data.is_empty() {
            unpacked(element, count, &external::read(tensor, folder, size)?)
        } else if let Some(raw) = &tensor.raw_data {
            if raw.len() as u64 != size {
                return stored(raw.len(), "bytes");
            }
            unpacked(element, count, raw)
        } else {
            let words = tensor.int32_data.as_slice();
            let (length, bytes) = match element {
                Element::F32 => (
                    tensor.float_data.len(),
                    tensor.float_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
                ),
                Element::F64 => (
                    tensor.double_data.len(),
                    tensor.double_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
                ),
                Element::I64 => (
                    tensor.int64_data.len(),
                    tensor.int64_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
                ),
                Element::U32 => {
                    let values = tensor.uint64_data.iter().map(|&x| i64::try_from(x));
                    let values: Vec<i64> = values.map(|x| x.unwrap_or(i64::MAX)).collect();
                    (values.len(), narrow(element, values.into_iter())?)
                }
                // One word holds two.
                Element::I4 | Element::U4 => {
                    let packed: Vec<u8> = words.iter().map(|&word| word as u8).collect();
                    let length =
                        if packed.len() as u64 == size { count as usize } else { packed.len() };
                    (
                        length,
                        if packed.len() as u64 == size {
                            unpacked(element, count, &packed)
                        } else {
                            packed
                        },
                    )
                }
                // The bits of one in each word.
                Element::F16 | Element::BF16 => {
                    let bits: Vec<u8> =
                        words.iter().flat_map(|&word| (word as u16).to_le_bytes()).collect();
                    (words.len(), unpacked(element, words.len() as u64, &bits))
                }
                _ => (words.len(), narrow(element, words.iter().map(|&word| word.into()))?),
            };
            if length as u64 != count {
                return stored(length, "elements");
            }
            bytes
        };
        Ok(Constant { element, shape, bytes })
    }

    /// A constant of integers that lie in the range of `element`.
    pub fn from_integers(element: Element, shape: Vec<u64>, values: &[i64]) -> Constant {
        let size = element.bytes();
        let bytes = values.iter().flat_map(|v| v.to_le_bytes().into_iter().take(size)).collect();
        Constant { element, shape, bytes }
    }

    pub fn from_floats(shape: Vec<u64>, values: &[f32]) -> Constant {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Constant { element: Element::F32, shape, bytes }
    }

    /// A constant of those bytes, as many as the shape says.
    pub fn from_bytes(element: Element, shape: Vec<u64>, bytes: Vec<u8>) -> Constant {
        Constant { element, shape, bytes }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.bytes.len() / self.element.bytes()
    }

    /// The elements, row-major. Empty if they are floats.
    pub fn integers(&self) -> Vec<i64> {
        // Each chunk has the length of the array it is read into.
        macro_rules! read {
            ($type:ty) => {
                self.bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&chunk| <$type>::from_le_bytes(chunk).into())
                    .collect()
            };
        }
        match self.element {
            Element::F32 | Element::F16 | Element::BF16 | Element::F64 => Vec::new(),
            Element::I8 | Element::I4 => read!(i8),
            Element::U8 | Element::U4 | Element::Bool => read!(u8),
            Element::I16 => read!(i16),
            Element::U16 => read!(u16),
            Element::I32 => read!(i32),
            Element::U32 => read!(u32),
            Element::I64 => read!(i64),
        }
    }

    /// The elements, row-major. Empty if they are not floats that float32 holds.
    pub fn floats(&self) -> Vec<f32> {
        match self.element {
            Element::F32 | Element::F16 | Element::BF16 => {
                let (chunks, _) = self.bytes.as_chunks();
                chunks.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The elements as numbers, row-major, which float64 holds but for large int64.
    pub fn doubles(&self) -> Vec<f64> {
        match self.element {
            Element::F64 => {
                let (chunks, _) = self.bytes.as_chunks();
                chunks.iter().map(|&chunk| f64::from_le_bytes(chunk)).collect()
            }
            element if element.is_float() => self.floats().into_iter().map(f64::from).collect(),
            _ => self.integers().into_iter().map(|x| x as f64).collect(),
        }
    }

    /// The same elements in a shape of as many.
    pub fn reshaped(&self, shape: Vec<u64>) -> Constant {
        Constant { shape, ..self.clone() }
    }

    /// How far elements that follow each other along a dimension are apart, in elements.
    pub fn strides(&self) -> Vec<i64> {
        let mut strides = vec![1; self.shape.len()];
        for i in (1..strides.len()).rev() {
            strides[i - 1] = strides[i] * self.shape[i] as i64;
        }
        strides
    }

    /// Dimension `i` of the result is dimension `permutation[i]` of this.
    pub fn transposed(&self, permutation: &[usize]) -> Constant {
        let strides = self.strides();
        let shape = permutation.iter().map(|&d| self.shape[d]).collect();
        let strides: Vec<i64> = permutation.iter().map(|&d| strides[d]).collect();
        self.walked(shape, 0, &strides)
    }

    /// The elements that a walk meets: from `start`, in steps of `strides`, all counted in
    /// elements. It must not leave the tensor.
    pub fn walked(&self, shape: Vec<u64>, start: i64, strides: &[i64]) -> Constant {
        let size = self.element.bytes();
        let count: u64 = shape.iter().product();
        let mut bytes = Vec::with_capacity(count as usize * size);
        let mut index = vec![0; shape.len()];
        let mut offset = start;
        for _ in 0..count {
            let at = offset as usize * size;
            bytes.extend_from_slice(&self.bytes[at..at + size]);
            // Count up, last dimension first, like an odometer.
            for d in (0..shape.len()).rev() {
                index[d] += 1;
                offset += strides[d];
                if index[d] < shape[d] {
                    break;
                }
                offset -= strides[d] * index[d] as i64;
                index[d] = 0;
            }
        }
        Constant { element: self.element, shape, bytes }
    }

    /// Tensors of equal shapes but for `axis`, one behind the other along it.
    pub fn concatenated(parts: &[&Constant], axis: usize) -> Option<Constant> {
        let first = parts.first()?;
        let mut shape = first.shape.clone();
        shape[axis] = parts.iter().map(|part| part.shape[axis]).sum();
        let outer: u64 = shape[..axis].iter().product();
        let mut bytes = Vec::new();
        for row in 0..outer as usize {
            for part in parts {
                let length = part.bytes.len() / outer as usize;
                bytes.extend_from_slice(&part.bytes[row * length..(row + 1) * length]);
            }
        }
        Some(Constant { element: first.element, shape, bytes })
    }
}

/// Little-endian elements of integers stored one by one in larger words.
fn narrow(element: Element, values: impl Iterator<Item = i64>) -> Result<Vec<u8>, String> {
    let (low, high) = element.range();
    let mut bytes = Vec::new();
    for value in values {
        if !(low..=high).contains(&value) {
            return Err(format!("stores {value}, which is not an {element}"));
        }
        bytes.extend_from_slice(&value.to_le_bytes()[..element.bytes()]);
    }
    Ok(bytes)
}

/// The elements as a [`Constant`] holds them, from how a file does.
fn unpacked(element: Element, count: u64, raw: &[u8]) -> Vec<u8> {
    match element {
        Element::I4 | Element::U4 => {
            let nibbles = raw.iter().flat_map(|byte| [byte & 15, byte >> 4]).take(count as usize);
            // The sign of an int4 is its upper bit.
            let signed = element == Element::I4;
            nibbles.map(|n| if signed && n > 7 { n | 0xf0 } else { n }).collect()
        }
        Element::Bool => raw.iter().map(|&byte| u8::from(byte != 0)).collect(),
        Element::F16 | Element::BF16 => {
            let (halves, _) = raw.as_chunks();
            let floats = halves.iter().map(|&half| {
                let bits = u16::from_le_bytes(half);
                if element == Element::F16 {
                    half_to_f32(bits)
                } else {
                    f32::from_bits(u32::from(bits) << 16)
                }
            });
            floats.flat_map(f32::to_le_bytes).collect()
        }
        _ => raw.to_vec(),
    }
}

/// The value of IEEE binary16 bits: float32 holds all of them.
fn half_to_f32(bits: u16) -> f32 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 31), f32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => mantissa * 2_f32.powi(-24),
        31 if mantissa == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + mantissa) * 2_f32.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::half_to_f32;

    #[test]
    fn halves() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(half_to_f32(bits), value, "{bits:#x}");
        }
        assert!(half_to_f32(0x7e00).is_nan());
    }
}
