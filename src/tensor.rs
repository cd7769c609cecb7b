//! Tensors in the host's memory, and NumPy's `.npy` files.
//!
//! **Invariant:** a [`Tensor`] holds exactly the bytes that its shape and
//! element type need, row-major and little endian.

use std::{
    fmt::{self, Display, Formatter},
    fs, io,
    path::Path,
};

/// The type of a tensor's elements.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dtype {
    F32,
    F64,
    I8,
    U8,
    I16,
    U16,
    I32,
    I64,
}

impl Dtype {
    pub const ALL: [Dtype; 8] = [
        Dtype::F32,
        Dtype::F64,
        Dtype::I8,
        Dtype::U8,
        Dtype::I16,
        Dtype::U16,
        Dtype::I32,
        Dtype::I64,
    ];

    /// Size of an element in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Dtype::I8 | Dtype::U8 => 1,
            Dtype::I16 | Dtype::U16 => 2,
            Dtype::F32 | Dtype::I32 => 4,
            Dtype::F64 | Dtype::I64 => 8,
        }
    }

    pub fn is_float(self) -> bool {
        matches!(self, Dtype::F32 | Dtype::F64)
    }

    pub fn is_signed(self) -> bool {
        !matches!(self, Dtype::U8 | Dtype::U16)
    }

    /// The integer type of `bits` bits; `None` if there is none.
    pub fn integer(bits: u32, signed: bool) -> Option<Self> {
        Dtype::ALL.into_iter().find(|dtype| {
            !dtype.is_float() && dtype.bytes() * 8 == bits as usize && dtype.is_signed() == signed
        })
    }

    /// Smallest and largest integer; `None` for a float.
    pub fn range(self) -> Option<(i64, i64)> {
        let bits = 8 * self.bytes() as u32;
        match self {
            _ if self.is_float() => None,
            _ if self.is_signed() => Some((i64::MIN >> (64 - bits), i64::MAX >> (64 - bits))),
            _ => Some((0, (1 << bits) - 1)),
        }
    }
}

/// As NumPy spells it.
impl Display for Dtype {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Dtype::F32 => "float32",
            Dtype::F64 => "float64",
            Dtype::I8 => "int8",
            Dtype::U8 => "uint8",
            Dtype::I16 => "int16",
            Dtype::U16 => "uint16",
            Dtype::I32 => "int32",
            Dtype::I64 => "int64",
        })
    }
}

/// Why a tensor or its file is of no use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(String);

impl Display for Error {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<Error> for crate::ir::Error {
    fn from(error: Error) -> Self {
        crate::ir::Error::new("", error)
    }
}

/// A dense tensor.
#[derive(Clone, PartialEq, Debug)]
pub struct Tensor {
    shape: Vec<usize>,
    dtype: Dtype,
    data: Vec<u8>,
}

impl Tensor {
    /// A tensor of row-major, little-endian bytes.
    ///
    /// # Errors
    ///
    /// If there are not as many bytes as shape and type need.
    pub fn new(shape: Vec<usize>, dtype: Dtype, data: Vec<u8>) -> Result<Self, Error> {
        match bytes(&shape, dtype) {
            Some(needed) if needed == data.len() => Ok(Tensor { shape, dtype, data }),
            _ => Err(Error(format!(
                "a tensor of {} {dtype} does not fit {} bytes",
                Shape(&shape),
                data.len()
            ))),
        }
    }

    /// # Errors
    ///
    /// If there are not as many values as the shape needs.
    pub fn from_f32(shape: Vec<usize>, values: &[f32]) -> Result<Self, Error> {
        Self::new(shape, Dtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// # Errors
    ///
    /// If there are not as many values as the shape needs, or one is not in
    /// the type's range, or the type is a float.
    pub fn from_integers(shape: Vec<usize>, dtype: Dtype, values: &[i64]) -> Result<Self, Error> {
        let Some((low, high)) = dtype.range() else {
            return Err(Error(format!("{dtype} is not a type of integers")));
        };
        if let Some(value) = values.iter().find(|value| !(low..=high).contains(value)) {
            return Err(Error(format!("{value} is not a value of {dtype}")));
        }
        let bytes = dtype.bytes();
        let data = values.iter().flat_map(|v| v.to_le_bytes().into_iter().take(bytes)).collect();
        Self::new(shape, dtype, data)
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }
    /// Row-major, little endian.
    pub fn data(&self) -> &[u8] {
        &self.data
    }
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.data.len() / self.dtype.bytes()
    }
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The same elements in another shape.
    ///
    /// # Errors
    ///
    /// If the shape has another number of elements.
    pub fn reshaped(self, shape: Vec<usize>) -> Result<Self, Error> {
        Self::new(shape, self.dtype, self.data)
    }

    /// The same bits as integers of another type of the same width.
    ///
    /// # Errors
    ///
    /// If the widths differ or one of the types is a float.
    pub fn reinterpreted(self, dtype: Dtype) -> Result<Self, Error> {
        if dtype == self.dtype {
            return Ok(self);
        }
        if dtype.bytes() != self.dtype.bytes() || dtype.is_float() || self.dtype.is_float() {
            return Err(Error(format!("{} is not {dtype}", self.dtype)));
        }
        Ok(Tensor { dtype, ..self })
    }

    /// The same values in an integer type of more bits; a tensor of another kind as it is.
    ///
    /// # Errors
    ///
    /// If the type has no sign and a value is negative.
    pub fn widened(self, dtype: Dtype) -> Result<Self, Error> {
        match self.integers() {
            Some(values) if !dtype.is_float() && dtype.bytes() > self.dtype.bytes() => {
                Self::from_integers(self.shape, dtype, &values)
            }
            _ => Ok(self),
        }
    }

    /// The elements of an integer tensor; `None` if it is of floats.
    pub fn integers(&self) -> Option<Vec<i64>> {
        if self.dtype.is_float() {
            return None;
        }
        let (width, signed) = (self.dtype.bytes(), self.dtype.is_signed());
        let extend = |chunk: &[u8]| {
            let mut full = [if signed && chunk[width - 1] >= 0x80 { 0xff } else { 0 }; 8];
            full[..width].copy_from_slice(chunk);
            i64::from_le_bytes(full)
        };
        Some(self.data.chunks_exact(width).map(extend).collect())
    }

    /// The elements of a float tensor, rounded to nearest if they are of 64
    /// bits; `None` if it is of integers.
    pub fn floats(&self) -> Option<Vec<f32>> {
        match self.dtype {
            Dtype::F32 => {
                Some(self.data.as_chunks::<4>().0.iter().map(|c| f32::from_le_bytes(*c)).collect())
            }
            Dtype::F64 => Some(
                self.data
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|c| f64::from_le_bytes(*c) as f32)
                    .collect(),
            ),
            _ => None,
        }
    }

    /// Every element as f64, which rounds integers beyond 2^53.
    pub fn numbers(&self) -> Vec<f64> {
        match self.dtype {
            Dtype::F64 => {
                self.data.as_chunks::<8>().0.iter().map(|c| f64::from_le_bytes(*c)).collect()
            }
            Dtype::F32 => self.floats().into_iter().flatten().map(f64::from).collect(),
            _ => self.integers().into_iter().flatten().map(|v| v as f64).collect(),
        }
    }

    /// Equal parts along the first extent.
    ///
    /// # Errors
    ///
    /// If the first extent is not a multiple of `rows`.
    pub fn split(&self, rows: usize) -> Result<Vec<Tensor>, Error> {
        let whole = self.shape.first().copied().unwrap_or(1);
        if rows == 0 || whole % rows != 0 {
            return Err(Error(format!("{} is not a multiple of {rows} rows", Shape(&self.shape))));
        }
        let parts = whole / rows;
        let mut shape = self.shape.clone();
        if let Some(first) = shape.first_mut() {
            *first = rows;
        }
        let size = self.data.len().checked_div(parts).unwrap_or(0);
        Ok((0..parts)
            .map(|i| Tensor {
                shape: shape.clone(),
                dtype: self.dtype,
                data: self.data[i * size..(i + 1) * size].to_vec(),
            })
            .collect())
    }

    /// Joins tensors of one type along the first extent.
    ///
    /// # Errors
    ///
    /// If there are none, or they differ in more than the first extent.
    pub fn concatenate(parts: &[Tensor]) -> Result<Tensor, Error> {
        let Some(first) = parts.first() else {
            return Err(Error("there is nothing to concatenate".into()));
        };
        let tail = first.shape.get(1..);
        if let Some(other) =
            parts.iter().find(|p| p.dtype != first.dtype || p.shape.get(1..) != tail)
        {
            return Err(Error(format!("{other} does not continue {first}")));
        }
        if parts.len() == 1 {
            return Ok(first.clone());
        }
        let mut shape = first.shape.clone();
        match shape.first_mut() {
            Some(rows) => *rows = parts.iter().map(|p| p.shape[0]).sum(),
            None => shape.push(parts.len()),
        }
        let data = parts.iter().flat_map(|p| p.data.iter().copied()).collect();
        Tensor::new(shape, first.dtype, data)
    }

    /// Reads a `.npy` file.
    ///
    /// Either byte order and either order of dimensions is fine.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no `.npy` file, holds another type than
    /// [`Dtype::ALL`], or has more or less data than its header says.
    pub fn read_npy(path: &Path) -> Result<Self, Error> {
        let located = |message: String| Error(format!("{}: {message}", path.display()));
        let bytes = fs::read(path).map_err(|error| located(format!("cannot be read: {error}")))?;
        Self::parse_npy(&bytes).map_err(located)
    }

    /// Reads the contents of a `.npy` file.
    ///
    /// # Errors
    ///
    /// As [`Tensor::read_npy`], of what the file holds.
    pub fn parse_npy(file: &[u8]) -> Result<Self, String> {
        let (header, data) = npy_header(file).ok_or("is not a .npy file")?;
        let Header { descr, fortran_order, shape } = header;
        let (dtype, swapped) = element(&descr)?;
        let needed = bytes(&shape, dtype).ok_or("is too large")?;
        let mut data = data.to_vec();
        if data.len() != needed {
            let problem =
                if data.len() < needed { "is truncated" } else { "has data behind its end" };
            return Err(format!(
                "{problem}: {} {dtype} are {needed} bytes, there are {}",
                Shape(&shape),
                data.len()
            ));
        }
        let width = dtype.bytes();
        if swapped {
            data.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        if fortran_order && shape.len() > 1 {
            data = transpose(&data, &shape, width);
        }
        Ok(Tensor { shape, dtype, data })
    }

    /// Writes a `.npy` file: beside its place first, then there.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write_npy(&self, path: &Path) -> Result<(), Error> {
        let located =
            |error: io::Error| Error(format!("{}: cannot be written: {error}", path.display()));
        let Some(name) = path.file_name() else {
            return Err(Error(format!("{}: is not a file name", path.display())));
        };
        let mut beside = name.to_os_string();
        beside.push(format!(".{}.partial", std::process::id()));
        let beside = path.with_file_name(beside);
        let written = fs::write(&beside, self.to_npy()).and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            // What matters is the first error; the file may not even exist.
            let _ = fs::remove_file(&beside);
        }
        written.map_err(located)
    }

    /// The contents of a `.npy` file, version 1.0.
    pub fn to_npy(&self) -> Vec<u8> {
        let order = if self.dtype.bytes() == 1 { '|' } else { '<' };
        let kind = match self.dtype {
            dtype if dtype.is_float() => 'f',
            dtype if dtype.is_signed() => 'i',
            _ => 'u',
        };
        // A tuple of one has a comma too.
        let extents: String = self.shape.iter().map(|extent| format!("{extent}, ")).collect();
        let mut header = format!(
            "{{'descr': '{order}{kind}{}', 'fortran_order': False, 'shape': ({}), }}",
            self.dtype.bytes(),
            if self.shape.len() > 1 { extents.trim_end_matches(", ") } else { extents.trim_end() },
        );
        // Data begin at a multiple of 64 bytes; the header ends with a new line.
        let unpadded = MAGIC.len() + 4 + header.len() + 1;
        header += &" ".repeat(unpadded.next_multiple_of(64) - unpadded);
        header.push('\n');
        let length = (header.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), &self.data].concat()
    }
}

/// Shape and type, such as `8x64 int8`.
impl Display for Tensor {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{} {}", Shape(&self.shape), self.dtype)
    }
}

/// Prints extents as `8x64`, those of a scalar as `scalar`.
pub struct Shape<'a>(pub &'a [usize]);

impl Display for Shape<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("scalar");
        }
        let extents: Vec<String> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&extents.join("x"))
    }
}

/// Bytes of a tensor; `None` if they cannot be counted.
pub fn bytes(shape: &[usize], dtype: Dtype) -> Option<usize> {
    shape.iter().try_fold(dtype.bytes(), |product, &extent| product.checked_mul(extent))
}

/// How every `.npy` file begins; the version follows.
const MAGIC: &[u8] = b"\x93NUMPY";

/// What a `.npy` file says of its data.
struct Header {
    /// Byte order, kind and size of an element, such as `<f4`.
    descr: String,
    /// Whether the first dimension is the innermost.
    fortran_order: bool,
    shape: Vec<usize>,
}

/// The header of a file and the data behind it; `None` if there is no valid header.
///
/// A structured type gives an empty `descr`.
fn npy_header(file: &[u8]) -> Option<(Header, &[u8])> {
    let rest = file.strip_prefix(MAGIC)?;
    let ([major, _minor], rest) = rest.split_first_chunk()?;
    let (length, rest) = if *major == 1 {
        let (length, rest) = rest.split_first_chunk()?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk()?;
        (usize::try_from(u32::from_le_bytes(*length)).ok()?, rest)
    };
    let (text, data) = rest.split_at_checked(length)?;
    // A literal of a Python dictionary with these three keys.
    let mut text = Scanner(std::str::from_utf8(text).ok()?);
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    text.symbol('{')?;
    while text.symbol('}').is_none() {
        let key = text.string()?;
        text.symbol(':')?;
        match key {
            "descr" => match text.string() {
                Some(plain) => descr = Some(plain),
                None => {
                    text.list()?;
                    descr = Some("");
                }
            },
            "fortran_order" => fortran_order = Some(text.word()? == "True"),
            "shape" => {
                let mut extents = Vec::new();
                text.symbol('(')?;
                while text.symbol(')').is_none() {
                    extents.push(text.word()?.trim_end_matches('L').parse().ok()?);
                    if text.symbol(',').is_none() {
                        text.symbol(')')?;
                        break;
                    }
                }
                shape = Some(extents);
            }
            _ => return None,
        }
        if text.symbol(',').is_none() {
            text.symbol('}')?;
            break;
        }
    }
    let descr = descr?.to_string();
    Some((Header { descr, fortran_order: fortran_order?, shape: shape? }, data))
}

/// The rest of a text that is taken apart from the front.
struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    fn symbol(&mut self, symbol: char) -> Option<()> {
        self.0 = self.0.trim_ascii_start().strip_prefix(symbol)?;
        Some(())
    }
    /// A string in quotes of either kind.
    fn string(&mut self) -> Option<&'a str> {
        let text = self.0.trim_ascii_start();
        let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
        let (string, rest) = text[1..].split_once(quote)?;
        self.0 = rest;
        Some(string)
    }
    /// Letters and digits.
    fn word(&mut self) -> Option<&'a str> {
        let text = self.0.trim_ascii_start();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }
    /// Skips a list in brackets.
    fn list(&mut self) -> Option<()> {
        self.symbol('[')?;
        let mut depth = 1;
        let end = self.0.find(|c| {
            depth += i32::from(c == '[') - i32::from(c == ']');
            depth == 0
        })?;
        self.0 = &self.0[end + 1..];
        Some(())
    }
}

/// The element type that a file states, and whether its bytes are the other way around.
fn element(descr: &str) -> Result<(Dtype, bool), String> {
    let known = || {
        let (swapped, kind) = match descr.split_at_checked(1)? {
            (">", kind) => (true, kind),
            ("<" | "|" | "=", kind) => (false, kind),
            _ => return None,
        };
        let dtype = match kind {
            "f4" => Dtype::F32,
            "f8" => Dtype::F64,
            "i1" => Dtype::I8,
            "u1" => Dtype::U8,
            "i2" => Dtype::I16,
            "u2" => Dtype::U16,
            "i4" => Dtype::I32,
            "i8" => Dtype::I64,
            _ => return None,
        };
        Some((dtype, swapped))
    };
    known().ok_or_else(|| {
        let held = if descr.is_empty() { "a structured type".into() } else { format!("'{descr}'") };
        let known: Vec<String> = Dtype::ALL.iter().map(Dtype::to_string).collect();
        format!("holds {held}, expected one of {}", known.join(", "))
    })
}

/// Row-major elements of `shape`, given with the first dimension innermost.
fn transpose(data: &[u8], shape: &[usize], width: usize) -> Vec<u8> {
    let mut strides = vec![1; shape.len()];
    for i in 1..shape.len() {
        strides[i] = strides[i - 1] * shape[i - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut result = Vec::with_capacity(data.len());
    for _ in 0..data.len() / width {
        let at: usize = index.iter().zip(&strides).map(|(i, stride)| i * stride).sum();
        result.extend_from_slice(&data[at * width..][..width]);
        for d in (0..shape.len()).rev() {
            index[d] += 1;
            if index[d] < shape[d] {
                break;
            }
            index[d] = 0;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        let header = format!("{header}\n");
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.bytes());
        file.extend(data);
        file
    }

    #[test]
    fn reads_either_byte_order() {
        let file =
            npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", &[0, 1, 0xff, 0xfe]);
        let tensor = Tensor::parse_npy(&file).unwrap();
        assert_eq!((tensor.to_string(), tensor.integers()), ("2 int16".into(), Some(vec![1, -2])));
    }

    #[test]
    fn reads_columns_first() {
        let file =
            npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", &[1, 4, 2, 5, 3, 6]);
        let tensor = Tensor::parse_npy(&file).unwrap();
        assert_eq!(tensor.integers(), Some(vec![1, 2, 3, 4, 5, 6]));
    }

    #[test]
    fn refuses_what_it_cannot_hold() {
        let of = |header: &str, data: &[u8]| Tensor::parse_npy(&npy(header, data)).unwrap_err();
        let shape = "'fortran_order': False, 'shape': (2,), }";
        assert!(
            of(&format!("{{'descr': '<f2', {shape}"), &[0; 4]).contains("expected one of float32")
        );
        assert!(of(&format!("{{'descr': '|b1', {shape}"), &[0; 2]).starts_with("holds '|b1'"));
        assert_eq!(
            of(&format!("{{'descr': '<f4', {shape}"), &[0; 5]),
            "is truncated: 2 float32 are 8 bytes, there are 5"
        );
        assert!(of(&format!("{{'descr': '<f4', {shape}"), &[0; 9]).starts_with("has data behind"));
        let huge = "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 8), }";
        assert_eq!(of(huge, &[]), "is too large");
        let structured = "{'descr': [('a', '<f4', [2])], 'fortran_order': False, 'shape': (1,), }";
        assert!(of(structured, &[0; 8]).starts_with("holds a structured type"));
        let whole = Tensor::from_f32(vec![2], &[1.0, 2.0]).unwrap().to_npy();
        for n in 0..whole.len() {
            assert!(Tensor::parse_npy(&whole[..n]).is_err());
        }
        assert!(Tensor::parse_npy(b"not numpy at all, but long enough").is_err());
        assert_eq!(of("{'descr': ", &[]), "is not a .npy file");
    }

    #[test]
    fn writes_headers_as_numpy_does() {
        let header = |shape: &[usize]| {
            let count = shape.iter().product::<usize>();
            let file = Tensor::new(shape.to_vec(), Dtype::U8, vec![0; count]).unwrap().to_npy();
            assert_eq!((file.len() - count) % 64, 0);
            String::from_utf8_lossy(&file[10..file.len() - count]).trim_end().to_string()
        };
        let expected =
            |shape: &str| format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
        assert_eq!(header(&[]), expected("()"));
        assert_eq!(header(&[3]), expected("(3,)"));
        assert_eq!(header(&[3, 4]), expected("(3, 4)"));
    }

    #[test]
    fn writes_what_it_reads() {
        let path = std::env::temp_dir().join(format!("aie4ml-tensor-{}.npy", std::process::id()));
        for dtype in Dtype::ALL {
            let data = (0..6 * dtype.bytes()).map(|i| i as u8).collect();
            let tensor = Tensor::new(vec![2, 3], dtype, data).unwrap();
            tensor.write_npy(&path).unwrap();
            assert_eq!(Tensor::read_npy(&path), Ok(tensor));
        }
        fs::remove_file(&path).unwrap();
        let error = Tensor::read_npy(&path).unwrap_err();
        assert!(error.to_string().starts_with(&path.display().to_string()));
    }

    #[test]
    fn splits_and_joins_along_the_first_extent() {
        let whole =
            Tensor::from_integers(vec![4, 2], Dtype::I8, &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        let parts = whole.split(2).unwrap();
        assert_eq!(parts[1].integers(), Some(vec![5, 6, 7, 8]));
        assert_eq!(Tensor::concatenate(&parts), Ok(whole.clone()));
        assert!(whole.split(3).is_err());
        assert!(Tensor::from_integers(vec![1], Dtype::I8, &[128]).is_err());
        assert!(Tensor::new(vec![3], Dtype::F32, vec![0; 8]).is_err());
    }
}
