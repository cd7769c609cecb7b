//! Element types, constants, and what the codes of a tensor mean.

use std::fmt;

use super::{super::Error, file::Tensor, quote};

/// The type of a tensor's elements, of those TensorFlow Lite has that this frontend reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Element {
    F32,
    I4,
    I8,
    U8,
    I16,
    I32,
    I64,
}

/// Their names, by their number in the schema.
const NAMES: [&str; 23] = [
    "float32",
    "float16",
    "int32",
    "uint8",
    "int64",
    "string",
    "bool",
    "int16",
    "complex64",
    "int8",
    "float64",
    "complex128",
    "uint64",
    "resource",
    "variant",
    "uint32",
    "uint16",
    "int4",
    "bfloat16",
    "int2",
    "uint4",
    "float8e4m3fn",
    "float8e5m2",
];

impl Element {
    const ALL: [(u8, Element); 7] = [
        (0, Element::F32),
        (2, Element::I32),
        (3, Element::U8),
        (4, Element::I64),
        (7, Element::I16),
        (9, Element::I8),
        (17, Element::I4),
    ];

    /// # Errors
    ///
    /// The name of a type that is not read.
    pub fn from_number(number: u8) -> Result<Element, String> {
        let found = Element::ALL.iter().find(|(n, _)| *n == number);
        found.map(|(_, element)| *element).ok_or_else(|| {
            let name = NAMES.get(usize::from(number));
            name.map_or_else(|| format!("type {number}"), |name| (*name).into())
        })
    }

    #[cfg(test)]
    pub fn number(self) -> u8 {
        let found = Element::ALL.iter().find(|(_, element)| *element == self);
        found.expect("every element type is listed").0
    }

    pub fn bits(self) -> u32 {
        match self {
            Element::I4 => 4,
            Element::I8 | Element::U8 => 8,
            Element::I16 => 16,
            Element::F32 | Element::I32 => 32,
            Element::I64 => 64,
        }
    }

    /// Smallest and largest value of an integer type.
    pub fn range(self) -> (i64, i64) {
        match self {
            Element::U8 => (0, 255),
            _ => (i64::MIN >> (64 - self.bits()), i64::MAX >> (64 - self.bits())),
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let number =
            Element::ALL.iter().find(|(_, element)| element == self).map_or(0, |(n, _)| *n);
        f.write_str(NAMES.get(usize::from(number)).unwrap_or(&"?"))
    }
}

/// `2x3`, or `scalar`.
pub struct Shape<'a>(pub &'a [u64]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("scalar");
        }
        let extents: Vec<_> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&extents.join("x"))
    }
}

/// The number of elements of a shape, if it can be counted.
pub fn count(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1u64, |count, &extent| count.checked_mul(extent))
}

/// Real value = `scale * (code - zero_point)`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Codes {
    pub element: Element,
    /// Finite and greater than 0.
    pub scale: f32,
    pub zero_point: i64,
}

impl Tensor<'_> {
    fn refuse<T>(&self, message: impl fmt::Display) -> Result<T, Error> {
        Err(Error::new("", format!("tensor {} {message}", quote(&self.name))))
    }

    /// The type of its elements.
    ///
    /// # Errors
    ///
    /// It cannot be used, or has a type that is not read.
    pub fn element(&self) -> Result<Element, Error> {
        if let Some(defect) = self.defect {
            return self.refuse(defect);
        }
        match &self.element {
            Ok(element) => Ok(*element),
            Err(name) => self.refuse(format_args!("is {name}, which is not supported")),
        }
    }

    /// What its codes mean, one scale for all of them.
    ///
    /// # Errors
    ///
    /// It is not quantized so, or its numbers are none that can be computed with.
    pub fn codes(&self) -> Result<Codes, Error> {
        let element = self.element()?;
        if !matches!(element, Element::I8 | Element::U8 | Element::I16) {
            return self.refuse(format_args!(
                "is {element}, which is not supported; supported: int8, uint8, int16"
            ));
        }
        let &[(scale, zero_point)] = self.scales(1)?.as_slice() else {
            return self.refuse("has several scales; supported: one for the whole tensor");
        };
        if element == Element::I16 && zero_point != 0 {
            return self.refuse(format_args!("is int16 with zero point {zero_point}, needs 0"));
        }
        Ok(Codes { element, scale, zero_point })
    }

    /// Scales and zero points: one, or as many as there are `channels`.
    ///
    /// # Errors
    ///
    /// There are none or another number of them, or they are no scales.
    pub fn scales(&self, channels: u64) -> Result<Vec<(f32, i64)>, Error> {
        let element = self.element()?;
        let (scales, zero_points) = (self.quantization.scales, self.quantization.zero_points);
        if scales.is_empty() {
            return self.refuse(format_args!(
                "is {element} without scale: only quantized tensors are supported; convert the model with full integer quantization"
            ));
        }
        let count = scales.len() as u64;
        if count != 1 && count != channels {
            return self.refuse(format_args!("has {count} scales for {channels} channels"));
        }
        if !zero_points.is_empty() && zero_points.len() != scales.len() {
            let points = zero_points.len();
            return self.refuse(format_args!("has {count} scales but {points} zero points"));
        }
        let (low, high) = element.range();
        let pair = |index| {
            let scale: f32 = scales.get(index).unwrap_or(0.0);
            let zero_point = zero_points.get(index).unwrap_or(0);
            if !(scale.is_normal() && scale > 0.0) {
                return self.refuse(format_args!(
                    "has scale {scale}, needs a normal number greater than 0"
                ));
            }
            if !(low..=high).contains(&zero_point) {
                return self
                    .refuse(format_args!("has zero point {zero_point}, which is no {element}"));
            }
            Ok((scale, zero_point))
        };
        (0..scales.len()).map(pair).collect()
    }

    /// The elements of a constant of integers.
    ///
    /// # Errors
    ///
    /// It is no constant, of floats, or has not as many elements as its shape says.
    pub fn integers(&self) -> Result<Vec<i64>, Error> {
        let element = self.element()?;
        let Some(data) = self.data else { return self.refuse("is not a constant") };
        if element == Element::F32 {
            return self.refuse("is float32: only quantized tensors are supported");
        }
        let bytes = count(&self.shape)
            .and_then(|count| count.checked_mul(element.bits().into()))
            .map(|bits| bits.div_ceil(8));
        if bytes != Some(data.len() as u64) {
            return self.refuse(format_args!(
                "has shape {} of {element}, but stores {} bytes",
                Shape(&self.shape),
                data.len()
            ));
        }
        if element == Element::I4 {
            // Two to a byte, the lower half first.
            let count = count(&self.shape).unwrap_or(0) as usize;
            let halves = data.iter().flat_map(|&byte| [(byte as i8) << 4 >> 4, byte as i8 >> 4]);
            return Ok(halves.map(i64::from).take(count).collect());
        }
        let signed = element != Element::U8;
        let number = |chunk: &[u8]| {
            let negative = signed && chunk.last().is_some_and(|&byte| byte >= 0x80);
            let mut full = [if negative { 0xff } else { 0 }; 8];
            full[..chunk.len()].copy_from_slice(chunk);
            i64::from_le_bytes(full)
        };
        Ok(data.chunks_exact(element.bits() as usize / 8).map(number).collect())
    }
}
