//! The operators: what each needs, and the ops it becomes.
//!
//! [`OPERATORS`] lists all that are supported; messages quote it. A function of each checks what
//! the reference kernel checks and says what it computes. Tensors of uint8 are held as int8,
//! codes and zero points less 128, which no kernel can tell from the original.

mod convolution;
mod dense;
mod elementwise;
mod lookup;
mod pool;
mod shape;
mod softmax;

use std::collections::HashMap;

use melior::ir::{Location, Value};

use super::{
    super::Error,
    arithmetic::Activation,
    edges::{DEQUANTIZE, Edge, QUANTIZE},
    file::{Model, Operator, Options},
    ir::{self, Ir, bug},
    quote,
    tensor::{Codes, Element, Shape},
};

/// An operator that is supported.
struct Kind {
    /// The number of the builtin operator in the schema.
    code: i32,
    name: &'static str,
    /// The number of its table of options; 0 for none.
    options: u8,
    /// The newest version whose meaning is known.
    version: i32,
    lower: fn(&mut Lowering, &Node) -> Result<(), Error>,
}

const fn kind(
    code: i32,
    name: &'static str,
    options: u8,
    version: i32,
    lower: fn(&mut Lowering, &Node) -> Result<(), Error>,
) -> Kind {
    Kind { code, name, options, version, lower }
}

/// All of them, in the order in which messages list them.
const OPERATORS: &[Kind] = &[
    kind(0, "ADD", 11, 5, elementwise::add),
    kind(1, "AVERAGE_POOL_2D", 5, 3, pool::average),
    kind(2, "CONCATENATION", 10, 5, shape::concatenation),
    kind(3, "CONV_2D", 1, 8, convolution::convolution),
    kind(4, "DEPTHWISE_CONV_2D", 2, 7, convolution::depthwise),
    kind(DEQUANTIZE, "DEQUANTIZE", 38, 6, lookup::dequantize),
    kind(70, "EXPAND_DIMS", 52, 1, shape::extents),
    kind(9, "FULLY_CONNECTED", 8, 14, dense::fully_connected),
    kind(14, "LOGISTIC", 0, 3, lookup::logistic),
    kind(17, "MAX_POOL_2D", 5, 3, pool::maximum),
    kind(40, "MEAN", 27, 3, pool::mean),
    kind(18, "MUL", 21, 7, elementwise::multiply),
    kind(83, "PACK", 59, 5, shape::pack),
    kind(34, "PAD", 22, 4, shape::pad),
    kind(QUANTIZE, "QUANTIZE", 89, 4, lookup::quantize),
    kind(19, "RELU", 0, 3, lookup::relu),
    kind(21, "RELU6", 0, 3, lookup::relu6),
    kind(152, "RELU_0_TO_1", 0, 1, lookup::relu_0_to_1),
    kind(20, "RELU_N1_TO_1", 0, 1, lookup::relu_n1_to_1),
    kind(22, "RESHAPE", 17, 1, shape::reshape),
    kind(77, "SHAPE", 55, 1, shape::shape),
    kind(25, "SOFTMAX", 9, 3, softmax::softmax),
    kind(43, "SQUEEZE", 30, 2, shape::extents),
    kind(45, "STRIDED_SLICE", 32, 4, shape::strided_slice),
    kind(41, "SUB", 28, 5, elementwise::subtract),
    kind(28, "TANH", 0, 3, lookup::tanh),
    kind(39, "TRANSPOSE", 26, 6, shape::transpose),
];

/// The names of builtin operators that are not supported, by their numbers, as far as a
/// quantized model is likely to have them: for messages.
const OTHERS: &[(i32, &str)] = &[
    (5, "DEPTH_TO_SPACE"),
    (7, "EMBEDDING_LOOKUP"),
    (11, "L2_NORMALIZATION"),
    (16, "LSTM"),
    (23, "RESIZE_BILINEAR"),
    (26, "SPACE_TO_DEPTH"),
    (27, "SVDF"),
    (32, "CUSTOM"),
    (36, "GATHER"),
    (37, "BATCH_TO_SPACE_ND"),
    (38, "SPACE_TO_BATCH_ND"),
    (42, "DIV"),
    (44, "UNIDIRECTIONAL_SEQUENCE_LSTM"),
    (47, "EXP"),
    (48, "TOPK_V2"),
    (49, "SPLIT"),
    (50, "LOG_SOFTMAX"),
    (53, "CAST"),
    (54, "PRELU"),
    (55, "MAXIMUM"),
    (56, "ARG_MAX"),
    (57, "MINIMUM"),
    (59, "NEG"),
    (60, "PADV2"),
    (65, "SLICE"),
    (67, "TRANSPOSE_CONV"),
    (69, "TILE"),
    (74, "SUM"),
    (76, "RSQRT"),
    (82, "REDUCE_MAX"),
    (88, "UNPACK"),
    (97, "RESIZE_NEAREST_NEIGHBOR"),
    (98, "LEAKY_RELU"),
    (99, "SQUARED_DIFFERENCE"),
    (100, "MIRROR_PAD"),
    (101, "ABS"),
    (102, "SPLIT_V"),
    (111, "ELU"),
    (117, "HARD_SWISH"),
    (118, "IF"),
    (119, "WHILE"),
    (126, "BATCH_MATMUL"),
    (129, "CALL_ONCE"),
    (142, "VAR_HANDLE"),
    (143, "READ_VARIABLE"),
    (144, "ASSIGN_VARIABLE"),
    (150, "GELU"),
];

const CUSTOM: i32 = 32;

/// What an operator is, for messages.
fn name(operator: &Operator) -> String {
    if operator.code == CUSTOM {
        return format!("custom operator {}", quote(&operator.custom));
    }
    let supported = OPERATORS.iter().map(|kind| (kind.code, kind.name));
    let found = supported.chain(OTHERS.iter().copied()).find(|(code, _)| *code == operator.code);
    found.map_or_else(|| format!("builtin operator {}", operator.code), |(_, name)| name.into())
}

/// An operator whose counts have been checked.
pub struct Node<'m> {
    /// Indices of tensors.
    inputs: &'m [Option<usize>],
    output: usize,
    options: Options<'m>,
}

impl Node<'_> {
    /// The tensor of a required input.
    fn input(&self, index: usize) -> Result<usize, Error> {
        self.optional(index).ok_or_else(|| Error::new("", format!("input {index} is missing")))
    }

    fn optional(&self, index: usize) -> Option<usize> {
        self.inputs.get(index).copied().flatten()
    }

    /// Refuses more inputs than an operator has.
    fn at_most(&self, count: usize) -> Result<(), Error> {
        match self.inputs.len() {
            found if found > count => {
                Err(Error::new("", format!("has {found} inputs; at most {count} are supported")))
            }
            _ => Ok(()),
        }
    }

    fn activation(&self, field: usize) -> Result<Activation, Error> {
        Activation::from_number(self.options.byte(field)?).map_err(|name| {
            Error::new(
                "",
                format!(
                    "fused activation {name} is not supported; supported: NONE, RELU, RELU_N1_TO_1, RELU6"
                ),
            )
        })
    }
}

/// The function under construction.
pub struct Lowering<'c, 'a, 'm> {
    ir: Ir<'c, 'a>,
    model: &'m Model<'m>,
    file: Location<'c>,
    /// Of each tensor that has been made.
    values: Vec<Option<Value<'c, 'a>>>,
    /// What operators made of shapes, which are known.
    lists: HashMap<usize, Vec<i64>>,
}

impl<'c, 'a, 'm> Lowering<'c, 'a, 'm> {
    /// With the model's inputs as arguments of the block.
    pub fn new(
        ir: Ir<'c, 'a>,
        model: &'m Model<'m>,
        file: Location<'c>,
        inputs: &[Edge],
    ) -> Result<Self, Error> {
        let values = vec![None; model.tensors.len()];
        let mut lowering = Lowering { ir, model, file, values, lists: HashMap::new() };
        for (position, edge) in inputs.iter().enumerate() {
            let index = edge.codes;
            use melior::ir::BlockLike;
            let argument = lowering.ir.block.argument(position);
            let argument = argument.map_err(|error| bug(&error.to_string()))?.into();
            lowering.at(index);
            let value = lowering.flip(index, argument)?;
            if lowering.values[index].replace(value).is_some() {
                let name = quote(&model.tensors[index].name);
                return Err(Error::new(format!("input {name}"), "is given twice"));
            }
        }
        Ok(lowering)
    }

    /// The value of an output of the model.
    pub fn output(&mut self, edge: &Edge) -> Result<Value<'c, 'a>, Error> {
        let index = edge.codes;
        self.at(index);
        let name = quote(&self.model.tensors[edge.tensor].name);
        let value = self.value(index).map_err(|error| error.within(&format!("output {name}")))?;
        self.flip(index, value)
    }

    /// Between the codes of the file and those that are computed with.
    fn flip(&self, index: usize, value: Value<'c, 'a>) -> Result<Value<'c, 'a>, Error> {
        use melior::ir::ValueLike;
        if self.model.tensors[index].element()? != Element::U8 {
            return Ok(value);
        }
        let ones = vec![1; ir::shape(value).len()];
        let sign = self.ir.constant(&ones, 8, &[-128])?;
        self.ir.op("tosa.bitwise_xor", &[value, sign], &[], value.r#type())
    }

    /// The next ops make a tensor.
    fn at(&mut self, index: usize) {
        let name = &self.model.tensors[index].name;
        self.ir.location = Location::name(self.ir.context, name, self.file);
    }

    /// Appends what an operator becomes.
    pub fn operator(&mut self, operator: &'m Operator<'m>) -> Result<(), Error> {
        let name = name(operator);
        let made = operator.outputs.first().map(|&index| &self.model.tensors[index]);
        let place = match made {
            Some(tensor) => format!("operator {} ({name})", quote(&tensor.name)),
            None => format!("operator ({name})"),
        };
        self.checked(operator, &name).map_err(|error| error.within(&place))
    }

    fn checked(&mut self, operator: &'m Operator<'m>, name: &str) -> Result<(), Error> {
        let refuse = |message: String| Err(Error::new("", message));
        let Some(kind) = OPERATORS.iter().find(|kind| kind.code == operator.code) else {
            let supported: Vec<_> = OPERATORS.iter().map(|kind| kind.name).collect();
            return refuse(format!("{name} is not supported; supported: {}", supported.join(", ")));
        };
        if !(1..=kind.version).contains(&operator.version) {
            return refuse(format!(
                "version {} of {name} is not supported; supported: 1 to {}",
                operator.version, kind.version
            ));
        }
        if operator.options.kind != 0 && operator.options.kind != kind.options {
            return refuse(format!(
                "has options of kind {}, needs {}",
                operator.options.kind, kind.options
            ));
        }
        let &[output] = operator.outputs.as_slice() else {
            return refuse(format!("has {} outputs, needs one", operator.outputs.len()));
        };
        self.at(output);
        let node = Node { inputs: &operator.inputs, output, options: operator.options };
        (kind.lower)(self, &node)
    }

    fn tensor(&self, index: usize) -> &'m super::file::Tensor<'m> {
        &self.model.tensors[index]
    }

    fn refuse<T>(&self, index: usize, message: impl std::fmt::Display) -> Result<T, Error> {
        Err(Error::new("", format!("tensor {} {message}", quote(&self.tensor(index).name))))
    }

    /// What the codes mean that are computed with.
    fn codes(&self, index: usize) -> Result<Codes, Error> {
        let codes = self.tensor(index).codes()?;
        Ok(match codes.element {
            Element::U8 => {
                Codes { element: Element::I8, zero_point: codes.zero_point - 128, ..codes }
            }
            _ => codes,
        })
    }

    /// What the codes mean of an input and the output, which must be of one type of those listed.
    fn same_type(&self, tensors: &[usize], supported: &[Element]) -> Result<(), Error> {
        for &index in tensors {
            let element = self.tensor(index).element()?;
            let first = self.tensor(tensors[0]).element()?;
            if !supported.contains(&element) {
                let names: Vec<_> = supported.iter().map(Element::to_string).collect();
                return self.refuse(
                    index,
                    format_args!(
                        "is {element}, which is not supported here; supported: {}",
                        names.join(", ")
                    ),
                );
            }
            if element != first {
                return self.refuse(
                    index,
                    format_args!(
                        "is {element}, but {} is {first}",
                        quote(&self.tensor(tensors[0]).name)
                    ),
                );
            }
        }
        Ok(())
    }

    /// The codes of a constant as they are computed with.
    fn constant(&self, index: usize) -> Result<Vec<i64>, Error> {
        let mut values = self.tensor(index).integers()?;
        if self.tensor(index).element()? == Element::U8 {
            values.iter_mut().for_each(|value| *value -= 128);
        }
        Ok(values)
    }

    /// A list of numbers that is a constant, or was made of shapes.
    fn list(&self, index: usize) -> Result<Vec<i64>, Error> {
        match self.lists.get(&index) {
            Some(list) => Ok(list.clone()),
            None => self.tensor(index).integers(),
        }
    }

    /// A tensor, which may be a constant.
    fn value(&mut self, index: usize) -> Result<Value<'c, 'a>, Error> {
        if let Some(value) = self.values[index] {
            return Ok(value);
        }
        if self.tensor(index).data.is_none() {
            return self.refuse(index, "is used before an operator makes it");
        }
        let values = self.constant(index)?;
        let bits = self.tensor(index).element()?.bits().max(8);
        self.ir.constant(&self.tensor(index).shape, bits, &values)
    }

    /// The value that an operator makes, of the shape that the file says.
    fn define(&mut self, index: usize, value: Value<'c, 'a>) -> Result<(), Error> {
        let shape = ir::shape(value);
        if shape != self.tensor(index).shape {
            return self.refuse(
                index,
                format_args!(
                    "has shape {}, but the operator makes {}",
                    Shape(&self.tensor(index).shape),
                    Shape(&shape)
                ),
            );
        }
        if self.tensor(index).data.is_some() {
            return self.refuse(index, "is a constant, but an operator makes it");
        }
        if self.values[index].replace(value).is_some() {
            return self.refuse(index, "is made twice");
        }
        Ok(())
    }

    /// The codes that a fused activation leaves of a tensor's.
    fn limits(&self, index: usize, activation: Activation) -> Result<(i64, i64), Error> {
        let Codes { element, scale, zero_point } = self.codes(index)?;
        match activation.limits(element.range(), scale, zero_point) {
            Some((low, high)) if low <= high => Ok((low, high)),
            _ => self.refuse(index, "has no code that its fused activation leaves"),
        }
    }
}
