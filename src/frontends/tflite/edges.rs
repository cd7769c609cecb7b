//! Where a model takes and gives floats.
//!
//! A converter leaves `QUANTIZE` at the inputs and `DEQUANTIZE` at the outputs unless it is told
//! that the interface be integers. Both only say what the codes mean, so they are no part of the
//! function: its arguments and results are the codes in either case.

use super::{
    super::Error,
    file::{Model, Operator},
    quote,
    tensor::Element,
};

/// The builtin operators, by their numbers in the schema.
pub const QUANTIZE: i32 = 114;
pub const DEQUANTIZE: i32 = 6;

/// An input or output of the model.
pub struct Edge {
    /// The tensor that the model lists.
    pub tensor: usize,
    /// The tensor whose codes go in or out: the same, or what it is quantized to or from.
    pub codes: usize,
}

pub struct Edges {
    pub inputs: Vec<Edge>,
    pub outputs: Vec<Edge>,
    /// For each operator of the model, whether an edge stands for it.
    pub operators: Vec<bool>,
}

impl Edges {
    /// # Errors
    ///
    /// A float input goes into something else than one `QUANTIZE`, or a float output comes from
    /// something else than `DEQUANTIZE`.
    pub fn of(model: &Model) -> Result<Edges, Error> {
        let mut edges = Edges {
            inputs: Vec::new(),
            outputs: Vec::new(),
            operators: vec![false; model.operators.len()],
        };
        for &tensor in &model.inputs {
            let mut codes = tensor;
            if is_float(model, tensor) {
                let mut users = model
                    .operators
                    .iter()
                    .enumerate()
                    .filter(|(_, operator)| operator.inputs.contains(&Some(tensor)));
                let user = users.next().filter(|_| users.next().is_none());
                let found = user.and_then(|(index, operator)| {
                    let (input, output) = only(operator)?;
                    let converts = operator.code == QUANTIZE && input == tensor;
                    converts.then_some((index, output))
                });
                let (index, output) = found.ok_or_else(|| {
                    refuse(model, tensor, "input", "does not go into one QUANTIZE")
                })?;
                edges.operators[index] = true;
                codes = output;
            }
            edges.inputs.push(Edge { tensor, codes });
        }
        for &tensor in &model.outputs {
            let mut codes = tensor;
            if is_float(model, tensor) {
                let maker = model.operators.iter().position(|operator| {
                    operator.code == DEQUANTIZE && only(operator).is_some_and(|(_, o)| o == tensor)
                });
                let found = maker.and_then(|index| Some((index, only(&model.operators[index])?)));
                let (index, (input, _)) = found.ok_or_else(|| {
                    refuse(model, tensor, "output", "does not come from DEQUANTIZE")
                })?;
                edges.operators[index] = true;
                codes = input;
            }
            edges.outputs.push(Edge { tensor, codes });
        }
        for edge in edges.inputs.iter().chain(&edges.outputs) {
            let [outer, inner] = [edge.tensor, edge.codes].map(|index| &model.tensors[index]);
            if outer.shape != inner.shape {
                let message = format!("has another shape than {}", quote(&inner.name));
                return Err(Error::new(format!("tensor {}", quote(&outer.name)), message));
            }
        }
        Ok(edges)
    }
}

fn is_float(model: &Model, tensor: usize) -> bool {
    model.tensors[tensor].element() == Ok(Element::F32)
}

/// Input and output of an operator of one each.
fn only(operator: &Operator) -> Option<(usize, usize)> {
    match (operator.inputs.as_slice(), operator.outputs.as_slice()) {
        (&[Some(input)], &[output]) => Some((input, output)),
        _ => None,
    }
}

fn refuse(model: &Model, tensor: usize, kind: &str, what: &str) -> Error {
    Error::new(
        format!("{kind} {}", quote(&model.tensors[tensor].name)),
        format!(
            "is float32 and {what}: only quantized models are supported; convert the model with full integer quantization"
        ),
    )
}
