//! The file: tables of a FlatBuffer, read into plain structures.
//!
//! `planus` reads tables, vectors and numbers and checks every offset. What it generates from a
//! schema has `unsafe` in it, so there is no generated code here: the fields that are needed are
//! read by their numbers, which are those of version 3 of the TensorFlow Lite schema.
//!
//! **Invariant:** nothing is allocated because of a length that the file only claims: vectors
//! stay views into it, and one that does not fit is an error.

use planus::{SliceWithStartOffset, TableRead, Vector, errors::ErrorKind, table_reader::Table};

use super::{
    super::Error,
    quote,
    tensor::{Element, count},
};

/// A model of one subgraph.
pub struct Model<'a> {
    pub tensors: Vec<Tensor<'a>>,
    /// Indices of tensors.
    pub inputs: Vec<usize>,
    pub outputs: Vec<usize>,
    pub operators: Vec<Operator<'a>>,
}

pub struct Tensor<'a> {
    pub name: String,
    pub shape: Vec<u64>,
    /// Whether the extent of the first dimension is left open by the model.
    pub any_batch: bool,
    /// As the schema numbers it: only tensors that are used must be of a type that is read.
    pub element: Result<Element, String>,
    pub quantization: Quantization<'a>,
    /// Of a constant.
    pub data: Option<&'a [u8]>,
    /// Why it cannot be used at all.
    pub defect: Option<&'static str>,
}

/// Scales and zero points as they stand in the file: perhaps none.
#[derive(Clone, Copy)]
pub struct Quantization<'a> {
    pub scales: Vector<'a, f32>,
    pub zero_points: Vector<'a, i64>,
    pub axis: i32,
}

pub struct Operator<'a> {
    /// The number of the builtin operator.
    pub code: i32,
    /// The name of an operator that is none.
    pub custom: String,
    pub version: i32,
    /// Indices of tensors; `None` for an optional one that is left out.
    pub inputs: Vec<Option<usize>>,
    pub outputs: Vec<usize>,
    pub options: Options<'a>,
}

/// The options of an operator: a table whose kind is told by a number.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    pub kind: u8,
    table: Option<Table<'a>>,
}

/// The largest rank there is in the kernels.
const MAX_RANK: usize = 8;

/// More would not be executed, and products of a few such numbers still count in 64 bits.
const MAX_ELEMENTS: u64 = 1 << 31;

/// What an operator's optional input is if it is left out.
const ABSENT: i32 = -1;

impl<'a> Model<'a> {
    /// # Errors
    ///
    /// The bytes are no TensorFlow Lite model of version 3, or one of several subgraphs.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let wrong = |message: String| Error::new("", format!("not a TFLite model: {message}"));
        if bytes.get(4..8) != Some(b"TFL3") {
            return Err(wrong("it does not have 'TFL3' at byte 4".into()));
        }
        Self::tables(bytes).map_err(|problem| match problem {
            Problem::File(error) => wrong(error.to_string()),
            Problem::Model(error) => error,
        })
    }

    /// Says the extent of first dimensions that are open.
    ///
    /// # Errors
    ///
    /// A tensor has too many elements then.
    pub fn set_batch(&mut self, batch: u64) -> Result<(), Error> {
        for tensor in self.tensors.iter_mut().filter(|tensor| tensor.any_batch) {
            let Some(first) = tensor.shape.first_mut() else { continue };
            *first = batch;
            if batch == 0 || count(&tensor.shape).is_none_or(|count| count > MAX_ELEMENTS) {
                let place = format!("tensor {}", quote(&tensor.name));
                return Err(Error::new(place, format!("cannot have a batch of {batch}")));
            }
        }
        Ok(())
    }

    fn tables(bytes: &'a [u8]) -> Result<Self, Problem> {
        let start = SliceWithStartOffset { buffer: bytes, offset_from_start: 0 };
        let root = Table::from_buffer(start, 0).map_err(Problem::kind)?;
        let version: u32 = root.access(0, "Model", "version")?.unwrap_or(0);
        if version != 3 {
            let message = format!("schema version {version} is not supported; supported: 3");
            return Err(Error::new("", message).into());
        }
        let codes = tables(&root, 1, "operator_codes")?;
        let subgraphs = tables(&root, 2, "subgraphs")?;
        let buffers = tables(&root, 4, "buffers")?;
        let &[subgraph] = subgraphs.as_slice() else {
            let message = format!(
                "has {} subgraphs: control flow is not supported; supported: one subgraph",
                subgraphs.len()
            );
            return Err(Error::new("", message).into());
        };

        let mut model = Model {
            tensors: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            operators: Vec::new(),
        };
        for (index, table) in tables(&subgraph, 0, "tensors")?.iter().enumerate() {
            model.tensors.push(tensor(index, table, &buffers)?);
        }
        let count = model.tensors.len();
        model.inputs = indices(&subgraph, 1, "inputs", count, "the subgraph")?;
        model.outputs = indices(&subgraph, 2, "outputs", count, "the subgraph")?;
        for (index, table) in tables(&subgraph, 3, "operators")?.iter().enumerate() {
            model.operators.push(operator(index, table, &codes, count)?);
        }
        Ok(model)
    }
}

/// What can be wrong: the file, or what it says.
enum Problem {
    File(planus::Error),
    Model(Error),
}

impl Problem {
    fn kind(error_kind: ErrorKind) -> Problem {
        let source_location =
            planus::errors::ErrorLocation { type_: "Model", method: "root", byte_offset: 0 };
        Problem::File(planus::Error { source_location, error_kind })
    }
}

impl From<planus::Error> for Problem {
    fn from(error: planus::Error) -> Problem {
        Problem::File(error)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        Problem::Model(error)
    }
}

/// A vector of tables. `planus` has one whose elements only generated code can make.
struct Tables<'a>(Vec<Table<'a>>);

impl<'a> TableRead<'a> for Tables<'a> {
    fn from_buffer(buffer: SliceWithStartOffset<'a>, offset: usize) -> Result<Self, ErrorKind> {
        let vector = offset
            .checked_add(u32::from_buffer(buffer, offset)? as usize)
            .ok_or(ErrorKind::InvalidOffset)?;
        let count = u32::from_buffer(buffer, vector)? as usize;
        // Each element is an offset of 4 bytes, relative to where it stands.
        let first = vector.checked_add(4).ok_or(ErrorKind::InvalidOffset)?;
        if count > buffer.len().saturating_sub(first) / 4 {
            return Err(ErrorKind::InvalidLength);
        }
        (0..count)
            .map(|index| Table::from_buffer(buffer, first + 4 * index))
            .collect::<Result<_, _>>()
            .map(Tables)
    }
}

fn tables<'a>(
    table: &Table<'a>,
    field: usize,
    name: &'static str,
) -> planus::Result<Vec<Table<'a>>> {
    Ok(table.access::<Tables>(field, "model", name)?.map_or(Vec::new(), |tables| tables.0))
}

/// Indices of tensors, all of which exist.
fn indices(
    table: &Table,
    field: usize,
    name: &'static str,
    count: usize,
    place: &str,
) -> Result<Vec<usize>, Problem> {
    let optional = optional_indices(table, field, name, count, place)?;
    optional.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| {
        Error::new("", format!("{place} leaves out one of its {name}, which is not supported"))
            .into()
    })
}

fn optional_indices(
    table: &Table,
    field: usize,
    name: &'static str,
    count: usize,
    place: &str,
) -> Result<Vec<Option<usize>>, Problem> {
    let Some(list) = table.access::<Vector<i32>>(field, "model", name)? else {
        return Ok(Vec::new());
    };
    // Lists of many operators may lie over each other in a damaged file.
    if list.len() > count {
        let message = format!("{place} lists {} {name}, but there are {count} tensors", list.len());
        return Err(Error::new("", message).into());
    }
    let index = |index: i32| match usize::try_from(index) {
        Ok(found) if found < count => Ok(Some(found)),
        _ if index == ABSENT => Ok(None),
        _ => Err(Error::new(
            "",
            format!("{place} has tensor {index} among its {name}, but there are {count} tensors"),
        )
        .into()),
    };
    list.iter().map(index).collect()
}

fn text(table: &Table, field: usize, name: &'static str) -> planus::Result<String> {
    let bytes = table.access::<&[u8]>(field, "model", name)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn tensor<'a>(
    index: usize,
    table: &Table<'a>,
    buffers: &[Table<'a>],
) -> Result<Tensor<'a>, Problem> {
    const TENSOR: &str = "Tensor";
    let mut name = text(table, 3, "name")?;
    if name.is_empty() {
        name = format!("tensor {index}");
    }
    let refuse = |message: String| Error::new(format!("tensor {}", quote(&name)), message);
    let list = |field, method| -> planus::Result<_> {
        Ok(table.access::<Vector<i32>>(field, TENSOR, method)?.unwrap_or(Vector::new_empty()))
    };
    let extents = list(0, "shape")?;
    if extents.len() > MAX_RANK {
        let message = format!("has {} dimensions; at most {MAX_RANK} are supported", extents.len());
        return Err(refuse(message).into());
    }
    let mut shape = Vec::new();
    for extent in extents {
        match u64::try_from(extent) {
            Ok(extent @ 1..) => shape.push(extent),
            _ => {
                return Err(
                    refuse(format!("has an extent of {extent}, which is not supported")).into()
                );
            }
        }
    }
    let signature = list(7, "shape_signature")?;
    let open = |dimension: usize| signature.get(dimension).is_some_and(|extent| extent < 0);
    let variable: bool = table.access(5, TENSOR, "is_variable")?.unwrap_or(false);
    let sparse = table.access::<u32>(6, TENSOR, "sparsity")?.is_some();
    let outside = table.access::<u32>(10, TENSOR, "external_buffer")?.unwrap_or(0) != 0;
    let small = count(&shape).is_some_and(|count| count <= MAX_ELEMENTS);
    let mut defect = None;
    for (is, what) in [
        (!small, "has too many elements"),
        (variable, "is a variable: state is not supported"),
        (sparse, "is sparse, which is not supported; convert the model with dense weights"),
        (outside, "keeps its data outside of the file, which is not supported"),
        (
            (1..extents.len()).any(open),
            "has open dimensions beside the first: dynamic shapes are not supported",
        ),
    ] {
        if is {
            defect = Some(what);
        }
    }

    let number = table.access::<u32>(2, TENSOR, "buffer")?.unwrap_or(0) as usize;
    let mut data = None;
    // The first buffer is empty, and says that there is none.
    if number > 0 {
        let Some(buffer) = buffers.get(number) else {
            let count = buffers.len();
            return Err(refuse(format!("has buffer {number}, but there are {count}")).into());
        };
        if buffer.access::<u64>(1, "Buffer", "offset")?.unwrap_or(0) > 1 {
            defect = Some("keeps its data behind the tables of the file, which is not supported");
        }
        let bytes = buffer.access::<&[u8]>(0, "Buffer", "data")?.unwrap_or_default();
        data = Some(bytes).filter(|bytes| !bytes.is_empty());
    }

    let element = Element::from_number(table.access::<u8>(1, TENSOR, "type")?.unwrap_or(0));
    let mut quantization =
        Quantization { scales: Vector::new_empty(), zero_points: Vector::new_empty(), axis: 0 };
    if let Some(found) = table.access::<Nested>(4, TENSOR, "quantization")? {
        const PARAMETERS: &str = "QuantizationParameters";
        let found = found.0;
        if found.access::<u8>(4, PARAMETERS, "details_type")?.unwrap_or(0) != 0 {
            defect = Some(
                "is quantized in a way that is not supported; supported: scales and zero points",
            );
        }
        quantization = Quantization {
            scales: found.access(2, PARAMETERS, "scale")?.unwrap_or(Vector::new_empty()),
            zero_points: found.access(3, PARAMETERS, "zero_point")?.unwrap_or(Vector::new_empty()),
            axis: found.access(6, PARAMETERS, "quantized_dimension")?.unwrap_or(0),
        };
    }
    Ok(Tensor { name, shape, any_batch: open(0), element, quantization, data, defect })
}

/// A table in a field.
struct Nested<'a>(Table<'a>);

impl<'a> TableRead<'a> for Nested<'a> {
    fn from_buffer(buffer: SliceWithStartOffset<'a>, offset: usize) -> Result<Self, ErrorKind> {
        Table::from_buffer(buffer, offset).map(Nested)
    }
}

fn operator<'a>(
    index: usize,
    table: &Table<'a>,
    codes: &[Table<'a>],
    tensors: usize,
) -> Result<Operator<'a>, Problem> {
    const OPERATOR: &str = "Operator";
    const CODE: &str = "OperatorCode";
    let place = format!("operator {index}");
    let number = table.access::<u32>(0, OPERATOR, "opcode_index")?.unwrap_or(0) as usize;
    let Some(code) = codes.get(number) else {
        let message = format!("is of kind {number}, but the model lists {}", codes.len());
        return Err(Error::new(place, message).into());
    };
    // Numbers that fit a byte stand in the older field, or in both.
    let old: i8 = code.access(0, CODE, "deprecated_builtin_code")?.unwrap_or(0);
    let new: i32 = code.access(3, CODE, "builtin_code")?.unwrap_or(0);
    let kind: u8 = table.access(3, OPERATOR, "builtin_options_type")?.unwrap_or(0);
    let options = table.access::<Nested>(4, OPERATOR, "builtin_options")?;
    Ok(Operator {
        code: new.max(i32::from(old)),
        custom: text(code, 1, "custom_code")?,
        version: code.access(2, CODE, "version")?.unwrap_or(1),
        inputs: optional_indices(table, 1, "inputs", tensors, &place)?,
        outputs: indices(table, 2, "outputs", tensors, &place)?,
        options: Options { kind, table: options.map(|options| options.0) },
    })
}

impl<'a> Options<'a> {
    fn field<T: TableRead<'a>>(&self, field: usize) -> Result<Option<T>, Error> {
        let Some(table) = &self.table else { return Ok(None) };
        table
            .access(field, "options", "field")
            .map_err(|error| Error::new("", format!("its options are damaged: {error}")))
    }

    /// A number that is 0 if it is left out.
    pub fn int(&self, field: usize) -> Result<i32, Error> {
        Ok(self.field(field)?.unwrap_or(0))
    }

    pub fn int_or(&self, field: usize, default: i32) -> Result<i32, Error> {
        Ok(self.field(field)?.unwrap_or(default))
    }

    pub fn byte(&self, field: usize) -> Result<u8, Error> {
        Ok(self.field(field)?.unwrap_or(0))
    }

    pub fn flag_or(&self, field: usize, default: bool) -> Result<bool, Error> {
        Ok(self.field::<u8>(field)?.map_or(default, |byte| byte != 0))
    }

    pub fn float(&self, field: usize) -> Result<f32, Error> {
        Ok(self.field(field)?.unwrap_or(0.0))
    }

    pub fn ints(&self, field: usize) -> Result<Option<Vec<i64>>, Error> {
        let list = self.field::<Vector<i32>>(field)?;
        // Shapes and lists of dimensions only: no operator means a longer one.
        Ok(list
            .filter(|list| list.len() <= MAX_RANK)
            .map(|list| list.iter().map(i64::from).collect()))
    }
}
