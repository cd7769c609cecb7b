//! Element types, shapes and constant tensors.

use std::fmt;

use super::proto::{EXTERNAL, TensorProto};

/// The type of a tensor's elements, of those ONNX has that this frontend reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Element {
    F32,
    I8,
    U8,
    I16,
    U16,
    I32,
    I64,
}

impl Element {
    /// All of them, with their numbers in `TensorProto.DataType`.
    const ALL: [(i32, Element); 7] = [
        (1, Element::F32),
        (2, Element::U8),
        (3, Element::I8),
        (4, Element::U16),
        (5, Element::I16),
        (6, Element::I32),
        (7, Element::I64),
    ];

    /// The type with a number of `TensorProto.DataType`.
    ///
    /// # Errors
    ///
    /// The text of a refusal that names the type.
    pub fn from_data_type(number: i64) -> Result<Element, String> {
        let found = Element::ALL.iter().find(|(n, _)| i64::from(*n) == number);
        found.map(|(_, element)| *element).ok_or_else(|| {
            let supported: Vec<_> = Element::ALL.iter().map(|(_, e)| e.to_string()).collect();
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
        let found = Element::ALL.iter().find(|(_, element)| *element == self);
        found.expect("every element type is listed").0
    }

    /// Size in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Element::I8 | Element::U8 => 1,
            Element::I16 | Element::U16 => 2,
            Element::F32 | Element::I32 => 4,
            Element::I64 => 8,
        }
    }

    pub fn is_integer(self) -> bool {
        self != Element::F32
    }

    pub fn is_signed(self) -> bool {
        !matches!(self, Element::U8 | Element::U16)
    }

    /// Smallest and largest value of an integer type.
    pub fn range(self) -> (i64, i64) {
        let bits = 8 * self.bytes() as u32;
        if self.is_signed() {
            (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits))
        } else {
            (0, (1 << bits) - 1)
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Element::F32 => "float32",
            Element::I8 => "int8",
            Element::U8 => "uint8",
            Element::I16 => "int16",
            Element::U16 => "uint16",
            Element::I32 => "int32",
            Element::I64 => "int64",
        })
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
    /// The text of a refusal: the data is elsewhere, of an unsupported type, or not as long
    /// as the shape says.
    pub fn decode(tensor: &TensorProto) -> Result<Constant, String> {
        if tensor.data_location == EXTERNAL || !tensor.external_data.is_empty() {
            let entry = tensor.external_data.iter().find(|e| e.key == "location");
            let file = entry.map_or("another file".to_owned(), |e| super::quote(&e.value));
            return Err(format!(
                "keeps its data in {file}: external data is not supported; save the model with its data inside"
            ));
        }
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
        let bytes = if let Some(raw) = &tensor.raw_data {
            if raw.len() as u64 != count * element.bytes() as u64 {
                return stored(raw.len(), "bytes");
            }
            raw.clone()
        } else {
            let (length, bytes) = match element {
                Element::F32 => (
                    tensor.float_data.len(),
                    tensor.float_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
                ),
                Element::I64 => (
                    tensor.int64_data.len(),
                    tensor.int64_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
                ),
                _ => (tensor.int32_data.len(), narrow(element, &tensor.int32_data)?),
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

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The elements, row-major. Empty if they are not integers.
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
            Element::F32 => Vec::new(),
            Element::I8 => read!(i8),
            Element::U8 => read!(u8),
            Element::I16 => read!(i16),
            Element::U16 => read!(u16),
            Element::I32 => read!(i32),
            Element::I64 => read!(i64),
        }
    }

    /// The elements, row-major. Empty if they are not floats.
    pub fn floats(&self) -> Vec<f32> {
        match self.element {
            Element::F32 => {
                let (chunks, _) = self.bytes.as_chunks();
                chunks.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The same elements in a shape of as many.
    pub fn reshaped(&self, shape: Vec<u64>) -> Constant {
        Constant { shape, ..self.clone() }
    }

    /// Dimension `i` of the result is dimension `permutation[i]` of this.
    pub fn transposed(&self, permutation: &[usize]) -> Constant {
        let size = self.element.bytes();
        let mut strides = vec![size; self.shape.len()];
        for i in (1..strides.len()).rev() {
            strides[i - 1] = strides[i] * self.shape[i] as usize;
        }
        let shape: Vec<u64> = permutation.iter().map(|&d| self.shape[d]).collect();
        let strides: Vec<usize> = permutation.iter().map(|&d| strides[d]).collect();
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut index = vec![0; shape.len()];
        let mut offset = 0;
        while bytes.len() < self.bytes.len() {
            bytes.extend_from_slice(&self.bytes[offset..offset + size]);
            // Count up, last dimension first, like an odometer.
            for d in (0..shape.len()).rev() {
                index[d] += 1;
                offset += strides[d];
                if index[d] < shape[d] {
                    break;
                }
                offset -= strides[d] * index[d] as usize;
                index[d] = 0;
            }
        }
        Constant { element: self.element, shape, bytes }
    }
}

/// Little-endian elements of integers stored one per `i32`.
fn narrow(element: Element, values: &[i32]) -> Result<Vec<u8>, String> {
    let (low, high) = element.range();
    let mut bytes = Vec::with_capacity(values.len() * element.bytes());
    for &value in values {
        if !(low..=high).contains(&value.into()) {
            return Err(format!("stores {value}, which is not an {element}"));
        }
        bytes.extend_from_slice(&value.to_le_bytes()[..element.bytes()]);
    }
    Ok(bytes)
}
