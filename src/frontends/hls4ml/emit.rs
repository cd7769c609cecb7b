//! Writing `@main`: tensors of integers, `linalg.generic` with bodies of `arith`, as text.
//!
//! What is written is parsed and verified by MLIR afterwards, so a mistake here is an error and
//! no wrong module.

use std::fmt::{self, Display, Write as _};

/// The type of a tensor's elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Element {
    /// Of so many bits.
    Integer(u32),
    Float,
}

impl Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Element::Integer(bits) => write!(f, "i{bits}"),
            Element::Float => f.write_str("f32"),
        }
    }
}

/// A tensor, by the name of its value.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub value: String,
    pub shape: Vec<u64>,
    pub element: Element,
    /// Whether an integer has a sign, which its type does not say.
    pub signed: bool,
}

impl Tensor {
    fn r#type(&self) -> String {
        type_text(&self.shape, self.element)
    }
}

/// A scalar in a body.
#[derive(Clone, Debug)]
pub struct Scalar {
    value: String,
    pub element: Element,
}

impl Scalar {
    pub fn bits(&self) -> u32 {
        match self.element {
            Element::Integer(bits) => bits,
            Element::Float => 0,
        }
    }
}

/// Which dimensions of the iteration index the dimensions of an operand.
pub type Indices = [usize];

/// The function under construction.
#[derive(Default)]
pub struct Function {
    body: String,
    arguments: Vec<String>,
    results: Vec<String>,
    returned: Vec<Tensor>,
    values: usize,
    locations: Vec<String>,
}

impl Function {
    /// From here on, operations are located at a layer.
    pub fn locate(&mut self, name: &str) {
        self.locations.push(name.to_owned());
    }

    fn location(&self) -> String {
        format!("loc(#l{})", self.locations.len().saturating_sub(1))
    }

    fn value(&mut self) -> String {
        self.values += 1;
        format!("%t{}", self.values - 1)
    }

    /// Adds an argument. `quantization` is the type that says what its codes mean.
    pub fn argument(
        &mut self,
        name: &str,
        tensor: (Vec<u64>, Element, bool),
        quantization: &str,
    ) -> Tensor {
        let (shape, element, signed) = tensor;
        let tensor = Tensor { value: self.value(), shape, element, signed };
        self.arguments.push(format!(
            "{}: {} {} {}",
            tensor.value,
            tensor.r#type(),
            attributes(name, quantization),
            self.location()
        ));
        tensor
    }

    /// Adds a result.
    pub fn result(&mut self, name: &str, tensor: Tensor, quantization: &str) {
        self.results.push(format!("{} {}", tensor.r#type(), attributes(name, quantization)));
        self.returned.push(tensor);
    }

    /// A constant of integers.
    pub fn constant(&mut self, codes: &[i128], shape: &[u64], bits: u32) -> Tensor {
        let element = Element::Integer(bits);
        let tensor = Tensor { value: self.value(), shape: shape.to_vec(), element, signed: true };
        let r#type = tensor.r#type();
        let location = self.location();
        let first = codes.first().copied().unwrap_or(0);
        let _ = write!(self.body, "    {} = arith.constant dense<", tensor.value);
        if codes.iter().all(|code| *code == first) {
            let _ = write!(self.body, "{first}");
        } else {
            self.body.push_str("\"0x");
            for byte in
                codes.iter().flat_map(|c| c.to_le_bytes().into_iter().take(bits as usize / 8))
            {
                let _ = write!(self.body, "{byte:02X}");
            }
            self.body.push('"');
        }
        let _ = writeln!(self.body, "> : {} {location}", r#type);
        tensor
    }

    /// A `linalg.generic`.
    ///
    /// `reductions` says of each dimension of the iteration whether it is reduced. The result
    /// starts as `init`, or if that is a shape, as nothing. `scalar` writes the body; its
    /// scalars are an element of each input, and one of the result.
    pub fn generic(
        &mut self,
        reductions: &[bool],
        inputs: &[(&Tensor, &Indices)],
        init: Init,
        indices: &Indices,
        signed: bool,
        scalar: impl FnOnce(&mut Body, &[Scalar]) -> Scalar,
    ) -> Tensor {
        let location = self.location();
        let init = match init {
            Init::Tensor(tensor) => tensor.clone(),
            Init::Empty(shape, element) => {
                let empty = Tensor { value: self.value(), shape, element, signed };
                let r#type = empty.r#type();
                let _ = writeln!(
                    self.body,
                    "    {} = tensor.empty() : {} {location}",
                    empty.value, r#type
                );
                empty
            }
        };
        let operands: Vec<(&Tensor, &Indices)> =
            inputs.iter().copied().chain([(&init, indices)]).collect();
        let dims = list((0..reductions.len()).map(|d| format!("d{d}")));
        let maps = operands.iter().map(|(_, indices)| {
            format!("affine_map<({dims}) -> ({})>", list(indices.iter().map(|d| format!("d{d}"))))
        });
        let kinds = reductions.iter().map(|r| if *r { "\"reduction\"" } else { "\"parallel\"" });
        let ins = if inputs.is_empty() {
            String::new()
        } else {
            format!(
                "ins({} : {}) ",
                list(inputs.iter().map(|(tensor, _)| tensor.value.clone())),
                list(inputs.iter().map(|(tensor, _)| tensor.r#type()))
            )
        };
        let mut body = Body { text: String::new(), values: 0, location: location.clone() };
        let scalars: Vec<Scalar> =
            operands.iter().map(|(tensor, _)| body.value(tensor.element)).collect();
        let arguments =
            list(scalars.iter().map(|s| format!("{}: {} {location}", s.value, s.element)));
        let result = scalar(&mut body, &scalars);
        let tensor = Tensor {
            value: self.value(),
            shape: init.shape.clone(),
            element: init.element,
            signed,
        };
        let _ = write!(
            self.body,
            "    {value} = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}} \
             {ins}outs({init} : {initial}) {{\n    ^bb0({arguments}):\n{text}      \
             linalg.yield {result} : {element} {location}\n    }} -> {initial} {location}\n",
            value = tensor.value,
            maps = list(maps),
            kinds = list(kinds),
            init = init.value,
            initial = init.r#type(),
            text = body.text,
            result = result.value,
            element = result.element,
        );
        tensor
    }

    /// The codes of floats, rounded as said and saturated; `meaning` is their quantized type.
    pub fn quantize(
        &mut self,
        x: &Tensor,
        (element, signed): (Element, bool),
        rounding: &str,
        meaning: &str,
    ) -> Tensor {
        let location = self.location();
        let codes = Tensor { value: self.value(), shape: x.shape.clone(), element, signed };
        let quantized = type_text(&x.shape, meaning);
        let cast = self.value();
        let _ = write!(
            self.body,
            "    {cast} = quant.qcast {} {{aie4ml.rounding = \"{rounding}\"}} : {} to {quantized} {location}\n    \
             {} = quant.scast {cast} : {quantized} to {} {location}\n",
            x.value,
            x.r#type(),
            codes.value,
            codes.r#type(),
        );
        codes
    }

    /// The tensor in another shape of as many elements.
    pub fn reshape(&mut self, tensor: &Tensor, shape: &[u64]) -> Tensor {
        if tensor.shape == shape {
            return tensor.clone();
        }
        let location = self.location();
        let flat = [tensor.shape.iter().product()];
        let groups = |rank: usize| list((0..rank).map(|d| d.to_string()));
        let mut now = tensor.clone();
        if now.shape.len() > 1 {
            let to = Tensor { value: self.value(), shape: flat.to_vec(), ..now.clone() };
            let (from_type, to_type) = (now.r#type(), to.r#type());
            let _ = writeln!(
                self.body,
                "    {} = tensor.collapse_shape {} [[{}]] : {from_type} into {to_type} {location}",
                to.value,
                now.value,
                groups(now.shape.len())
            );
            now = to;
        }
        if shape.len() > 1 {
            let to = Tensor { value: self.value(), shape: shape.to_vec(), ..now.clone() };
            let (from_type, to_type) = (now.r#type(), to.r#type());
            let _ = writeln!(
                self.body,
                "    {} = tensor.expand_shape {} [[{}]] output_shape [{}] : {from_type} into {to_type} {location}",
                to.value,
                now.value,
                groups(shape.len()),
                list(shape.iter().map(u64::to_string))
            );
            now = to;
        }
        now
    }

    /// The module's text. `file` is the name that its locations give the model.
    pub fn module(self, file: &str) -> String {
        let mut text = format!("#file = loc({}:0:0)\n", quoted(file));
        for (i, name) in self.locations.iter().enumerate() {
            let _ = writeln!(text, "#l{i} = loc({})", quoted(name));
        }
        let types = list(self.returned.iter().map(Tensor::r#type));
        let values = list(self.returned.iter().map(|tensor| tensor.value.clone()));
        let _ = write!(
            text,
            "module {{\n  func.func @main({}) -> ({}) {{\n{}    return {values} : {types} loc(#file)\n  }} loc(#file)\n}} loc(#file)\n",
            list(self.arguments),
            list(self.results),
            self.body
        );
        text
    }
}

/// What the result of a `linalg.generic` is before.
pub enum Init<'a> {
    Tensor(&'a Tensor),
    Empty(Vec<u64>, Element),
}

/// The body of a `linalg.generic`.
pub struct Body {
    text: String,
    values: usize,
    location: String,
}

impl Body {
    fn value(&mut self, element: Element) -> Scalar {
        self.values += 1;
        Scalar { value: format!("%s{}", self.values - 1), element }
    }

    fn op(&mut self, element: Element, text: impl Display) -> Scalar {
        let scalar = self.value(element);
        let _ = writeln!(self.text, "      {} = {text} {}", scalar.value, self.location);
        scalar
    }

    /// An integer constant.
    pub fn integer(&mut self, value: i128, bits: u32) -> Scalar {
        let element = Element::Integer(bits);
        self.op(element, format_args!("arith.constant {value} : {element}"))
    }

    /// A float constant, which f32 says exactly.
    pub fn float(&mut self, value: f64) -> Scalar {
        self.op(Element::Float, format_args!("arith.constant {} : f32", float(value)))
    }

    /// An operation on two scalars of one type.
    pub fn binary(&mut self, name: &str, a: &Scalar, b: &Scalar) -> Scalar {
        let text = format!("{name} {}, {} : {}", a.value, b.value, a.element);
        self.op(a.element, text)
    }

    /// The same with a constant.
    pub fn with(&mut self, name: &str, a: &Scalar, b: i128) -> Scalar {
        let b = self.integer(b, a.bits());
        self.binary(name, a, &b)
    }

    /// An operation on one scalar that keeps its type.
    pub fn unary(&mut self, name: &str, a: &Scalar) -> Scalar {
        self.op(a.element, format_args!("{name} {} : {}", a.value, a.element))
    }

    /// `arith.cmpi` or `arith.cmpf`.
    pub fn compare(&mut self, predicate: &str, a: &Scalar, b: &Scalar) -> Scalar {
        let name = if a.element == Element::Float { "arith.cmpf" } else { "arith.cmpi" };
        let text = format!("{name} {predicate}, {}, {} : {}", a.value, b.value, a.element);
        self.op(Element::Integer(1), text)
    }

    pub fn select(&mut self, condition: &Scalar, yes: &Scalar, no: &Scalar) -> Scalar {
        let text = format!(
            "arith.select {}, {}, {} : {}",
            condition.value, yes.value, no.value, yes.element
        );
        self.op(yes.element, text)
    }

    /// An integer of another width: extended by its sign, or with zeros, or cut.
    pub fn resize(&mut self, a: &Scalar, signed: bool, bits: u32) -> Scalar {
        let name = match bits.cmp(&a.bits()) {
            std::cmp::Ordering::Equal => return a.clone(),
            std::cmp::Ordering::Less => "arith.trunci",
            std::cmp::Ordering::Greater if signed => "arith.extsi",
            std::cmp::Ordering::Greater => "arith.extui",
        };
        self.convert(name, a, Element::Integer(bits))
    }

    /// A conversion between types.
    pub fn convert(&mut self, name: &str, a: &Scalar, to: Element) -> Scalar {
        self.op(to, format_args!("{name} {} : {} to {to}", a.value, a.element))
    }

    /// The position in a dimension of the iteration.
    pub fn index(&mut self, dimension: usize, bits: u32) -> Scalar {
        // The element of an index is never looked at.
        let index = self.op(Element::Float, format_args!("linalg.index {dimension} : index"));
        let to = Element::Integer(bits);
        self.op(to, format_args!("arith.index_cast {} : index to {to}", index.value))
    }
}

/// The type of tensors that hold codes of `2^-fraction`.
pub fn quantization(bits: u32, signed: bool, (low, high): (i128, i128), fraction: i64) -> String {
    let sign = if signed { 'i' } else { 'u' };
    let scale = float(2f64.powi(-fraction as i32));
    format!("!quant.uniform<{sign}{bits}<{low}:{high}>:f32, {scale}>")
}

fn attributes(name: &str, quantization: &str) -> String {
    format!("{{aie4ml.name = {}, aie4ml.quant = {quantization}}}", quoted(name))
}

fn type_text(shape: &[u64], element: impl Display) -> String {
    let mut text = String::from("tensor<");
    for extent in shape {
        let _ = write!(text, "{extent}x");
    }
    let _ = write!(text, "{element}>");
    text
}

/// A finite float, exactly, as MLIR's syntax wants it: with a point.
fn float(value: f64) -> String {
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0e{exponent}"),
        _ => text,
    }
}

/// A string of MLIR's syntax.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | 0..=31 | 127.. => {
                let _ = write!(quoted, "\\{byte:02X}");
            }
            _ => quoted.push(byte.into()),
        }
    }
    quoted.push('"');
    quoted
}

fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}
