//! What each ONNX operator means, as a [`Program`].
//!
//! Adding an operator is a function in the module of its family and a line in [`OPERATORS`].

mod activation;
mod arithmetic;
mod convolution;
mod elements;
mod gemm;
mod normalize;
mod pool;
mod qonnx;
mod quantize;
mod reduce;
mod resize;
mod shape;

use std::collections::{HashMap, HashSet};

use super::{
    super::Error,
    fold::{Binary, Growth},
    graph::{Graph, Node},
    lowering::{Lowering, Tensor},
    program::{Kind, Operation, Program},
    quote,
    tensor::Element,
};
use std::rc::Rc;

/// How a node's outputs come from its inputs.
#[derive(Clone, Copy)]
enum Meaning {
    /// One output.
    One(fn(&mut Lowering, &Node) -> Result<Tensor, Error>),
    /// Several, of which the last may be left out.
    Many(fn(&mut Lowering, &Node) -> Result<Vec<Tensor>, Error>),
    /// An element of each of two tensors, by the name tosa has for it.
    Binary(Binary, &'static str),
    /// The same with the operands swapped.
    Swapped(Binary, &'static str),
    /// Not supported, for a reason of its own.
    Refused(&'static str),
}

/// Whose operator it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Onnx,
    /// ONNX Runtime's own domain.
    Microsoft,
    /// Both have it, and mean the same.
    Both,
    /// QONNX, as Brevitas, QKeras and FINN write it; its domain has had three names.
    Qonnx,
}

impl Of {
    fn is(self, domain: &str) -> bool {
        match domain {
            "" => matches!(self, Of::Onnx | Of::Both),
            "com.microsoft" => matches!(self, Of::Microsoft | Of::Both),
            "qonnx.custom_op.general" | "finn.custom_op.general" | "onnx.brevitas" => {
                self == Of::Qonnx
            }
            _ => false,
        }
    }
}

use Meaning::{Binary as Two, Many, One, Refused, Swapped};
use Of::{Both, Microsoft, Onnx, Qonnx};

/// Name, whose it is, fewest and most inputs, attributes, meaning.
type Row = (&'static str, Of, [usize; 2], &'static [&'static str], Meaning);

/// The operators.
#[rustfmt::skip]
const OPERATORS: &[Row] = &[
    ("Abs",                Onnx, [1, 1], &[], One(activation::abs)),
    ("Add",                Onnx, [2, 2], &[], Two(Binary::Add, "tosa.add")),
    ("And",                Onnx, [2, 2], &[], Two(Binary::And, "tosa.logical_and")),
    ("ArgMax",             Onnx, [1, 1], &["axis", "keepdims", "select_last_index"], One(reduce::arg_max)),
    ("AveragePool",        Onnx, [1, 1], pool::ATTRIBUTES, One(pool::average)),
    ("BatchNormalization", Onnx, [5, 5], &["epsilon", "momentum", "spatial", "training_mode"], Many(normalize::batch)),
    ("BipolarQuant",       Qonnx, [2, 2], &[], One(qonnx::bipolar)),
    ("Cast",               Onnx, [1, 1], &["to", "saturate", "round_mode"], One(elements::cast)),
    ("Ceil",               Onnx, [1, 1], &[], One(activation::ceil)),
    ("Clip",               Onnx, [1, 3], &["min", "max"], One(activation::clip)),
    ("Concat",             Onnx, [1, usize::MAX], &["axis"], One(shape::concat)),
    ("Constant",           Onnx, [0, 0], &["value", "value_float", "value_floats", "value_int", "value_ints"], One(elements::constant)),
    ("ConstantOfShape",    Onnx, [1, 1], &["value"], One(elements::constant_of_shape)),
    ("Conv",               Onnx, [2, 3], convolution::ATTRIBUTES, One(convolution::conv)),
    ("ConvInteger",        Onnx, [2, 4], convolution::ATTRIBUTES, One(convolution::conv_integer)),
    ("ConvTranspose",      Onnx, [2, 3], convolution::TRANSPOSED_ATTRIBUTES, One(convolution::conv_transpose)),
    ("DepthToSpace",       Onnx, [1, 1], &["blocksize", "mode"], One(shape::depth_to_space)),
    ("DequantizeLinear",   Both, [2, 3], &["axis", "block_size", "output_dtype"], One(quantize::dequantize_linear)),
    ("Div",                Onnx, [2, 2], &[], One(arithmetic::div)),
    ("Dropout",            Onnx, [1, 3], &["seed", "ratio"], Many(elements::dropout)),
    ("DynamicQuantizeLinear", Onnx, [1, 1], &[], Refused("chooses its scale anew for each input: quantize the model statically, with scales that are constants")),
    ("Elu",                Onnx, [1, 1], &["alpha"], One(activation::elu)),
    ("Equal",              Onnx, [2, 2], &[], Two(Binary::Equal, "tosa.equal")),
    ("Erf",                Onnx, [1, 1], &[], One(activation::erf)),
    ("Exp",                Onnx, [1, 1], &[], One(activation::exp)),
    ("Expand",             Onnx, [2, 2], &[], One(shape::expand)),
    ("Flatten",            Onnx, [1, 1], &["axis"], One(shape::flatten)),
    ("Floor",              Onnx, [1, 1], &[], One(activation::floor)),
    ("GRU",                Onnx, [0, usize::MAX], &[], Refused("is recurrent: networks are feed-forward")),
    ("Gather",             Onnx, [2, 2], &["axis"], One(shape::gather)),
    ("Gelu",               Both, [1, 1], &["approximate"], One(activation::gelu)),
    ("Gemm",               Onnx, [2, 3], &["alpha", "beta", "transA", "transB"], One(gemm::gemm)),
    ("GlobalAveragePool",  Onnx, [1, 1], &[], One(pool::global_average)),
    ("GlobalMaxPool",      Onnx, [1, 1], &[], One(pool::global_max)),
    ("Greater",            Onnx, [2, 2], &[], Two(Binary::Greater, "tosa.greater")),
    ("GreaterOrEqual",     Onnx, [2, 2], &[], Two(Binary::GreaterOrEqual, "tosa.greater_equal")),
    ("HardSigmoid",        Onnx, [1, 1], &["alpha", "beta"], One(activation::hard_sigmoid)),
    ("HardSwish",          Onnx, [1, 1], &[], One(activation::hard_swish)),
    ("Identity",           Onnx, [1, 1], &[], One(elements::identity)),
    ("If",                 Onnx, [1, 1], &["then_branch", "else_branch"], Refused("has a condition that is not constant: control flow is not supported; export the branch that is taken")),
    ("InstanceNormalization", Onnx, [3, 3], &["epsilon"], One(normalize::instance)),
    ("LSTM",               Onnx, [0, usize::MAX], &[], Refused("is recurrent: networks are feed-forward")),
    ("LayerNormalization", Onnx, [2, 3], &["axis", "epsilon", "stash_type"], Many(normalize::layer)),
    ("LeakyRelu",          Onnx, [1, 1], &["alpha"], One(activation::leaky_relu)),
    ("Less",               Onnx, [2, 2], &[], Swapped(Binary::Less, "tosa.greater")),
    ("LessOrEqual",        Onnx, [2, 2], &[], Swapped(Binary::LessOrEqual, "tosa.greater_equal")),
    ("Log",                Onnx, [1, 1], &[], One(activation::log)),
    ("LogSoftmax",         Onnx, [1, 1], &["axis"], One(normalize::log_softmax)),
    ("Loop",               Onnx, [0, usize::MAX], &[], Refused("is a loop: control flow is not supported")),
    ("MatMul",             Onnx, [2, 2], &[], One(gemm::mat_mul)),
    ("MatMulInteger",      Onnx, [2, 4], &[], One(gemm::mat_mul_integer)),
    ("Max",                Onnx, [1, usize::MAX], &[], One(arithmetic::max)),
    ("MaxPool",            Onnx, [1, 1], pool::ATTRIBUTES, Many(pool::max)),
    ("Mean",               Onnx, [1, usize::MAX], &[], One(arithmetic::mean)),
    ("Min",                Onnx, [1, usize::MAX], &[], One(arithmetic::min)),
    ("Mul",                Onnx, [2, 2], &[], Two(Binary::Mul, "tosa.mul")),
    ("Neg",                Onnx, [1, 1], &[], One(activation::neg)),
    ("Not",                Onnx, [1, 1], &[], One(arithmetic::not)),
    ("Or",                 Onnx, [2, 2], &[], Two(Binary::Or, "tosa.logical_or")),
    ("PRelu",              Onnx, [2, 2], &[], One(activation::p_relu)),
    ("Pad",                Onnx, [1, 4], &["mode", "pads", "value"], One(shape::pad)),
    ("Pow",                Onnx, [2, 2], &[], One(arithmetic::pow)),
    ("QGemm",              Microsoft, [6, 9], &["alpha", "transA", "transB"], One(gemm::q_gemm)),
    ("QLinearAdd",         Microsoft, [7, 8], &[], One(arithmetic::q_linear_add)),
    ("QLinearConv",        Onnx, [8, 9], convolution::ATTRIBUTES, One(convolution::q_linear_conv)),
    ("QLinearGlobalAveragePool", Microsoft, [5, 5], &["channels_last"], One(pool::q_linear_global_average)),
    ("QLinearLeakyRelu",   Microsoft, [4, 5], &["alpha"], One(activation::q_linear_leaky_relu)),
    ("QLinearMatMul",      Onnx, [8, 8], &[], One(gemm::q_linear_mat_mul)),
    ("QLinearMul",         Microsoft, [7, 8], &[], One(arithmetic::q_linear_mul)),
    ("QLinearSigmoid",     Microsoft, [4, 5], &[], One(activation::q_linear_sigmoid)),
    ("Quant",              Qonnx, [4, 4], &["narrow", "rounding_mode", "signed"], One(qonnx::quant)),
    ("QuantizeLinear",     Both, [2, 3], &["axis", "block_size", "output_dtype", "precision", "saturate"], One(quantize::quantize_linear)),
    ("RNN",                Onnx, [0, usize::MAX], &[], Refused("is recurrent: networks are feed-forward")),
    ("Range",              Onnx, [3, 3], &[], One(elements::range)),
    ("Reciprocal",         Onnx, [1, 1], &[], One(activation::reciprocal)),
    ("ReduceMax",          Onnx, [1, 2], reduce::ATTRIBUTES, One(reduce::max)),
    ("ReduceMean",         Onnx, [1, 2], reduce::ATTRIBUTES, One(reduce::mean)),
    ("ReduceMin",          Onnx, [1, 2], reduce::ATTRIBUTES, One(reduce::min)),
    ("ReduceProd",         Onnx, [1, 2], reduce::ATTRIBUTES, One(reduce::product)),
    ("ReduceSum",          Onnx, [1, 2], reduce::ATTRIBUTES, One(reduce::sum)),
    ("Relu",               Onnx, [1, 1], &[], One(activation::relu)),
    ("Reshape",            Onnx, [2, 2], &["allowzero"], One(shape::reshape)),
    ("Resize",             Onnx, [1, 4], resize::ATTRIBUTES, One(resize::resize)),
    ("Round",              Onnx, [1, 1], &[], One(activation::round)),
    ("Scan",               Onnx, [0, usize::MAX], &[], Refused("is a loop: control flow is not supported")),
    ("Selu",               Onnx, [1, 1], &["alpha", "gamma"], One(activation::selu)),
    ("Shape",              Onnx, [1, 1], &["start", "end"], One(elements::shape)),
    ("Sigmoid",            Onnx, [1, 1], &[], One(activation::sigmoid)),
    ("Size",               Onnx, [1, 1], &[], One(elements::size)),
    ("Slice",              Onnx, [1, 5], &["axes", "starts", "ends"], One(shape::slice)),
    ("Softmax",            Onnx, [1, 1], &["axis"], One(normalize::softmax)),
    ("Softplus",           Onnx, [1, 1], &[], One(activation::softplus)),
    ("Softsign",           Onnx, [1, 1], &[], One(activation::softsign)),
    ("SpaceToDepth",       Onnx, [1, 1], &["blocksize"], One(shape::space_to_depth)),
    ("Split",              Onnx, [1, 2], &["axis", "split", "num_outputs"], Many(shape::split)),
    ("Sqrt",               Onnx, [1, 1], &[], One(activation::sqrt)),
    ("Squeeze",            Onnx, [1, 2], &["axes"], One(shape::squeeze)),
    ("Sub",                Onnx, [2, 2], &[], Two(Binary::Sub, "tosa.sub")),
    ("Sum",                Onnx, [1, usize::MAX], &[], One(arithmetic::sum)),
    ("Tanh",               Onnx, [1, 1], &[], One(activation::tanh)),
    ("Tile",               Onnx, [2, 2], &[], One(shape::tile)),
    ("Transpose",          Onnx, [1, 1], &["perm"], One(shape::transpose)),
    ("Trunc",              Qonnx, [5, 7], &["rounding_mode", "signed", "narrow"], One(qonnx::trunc)),
    ("Unsqueeze",          Onnx, [1, 2], &["axes"], One(shape::unsqueeze)),
    ("Upsample",           Onnx, [2, 2], &["mode"], One(resize::upsample)),
    ("Where",              Onnx, [3, 3], &[], One(arithmetic::select)),
];

fn find(domain: &str, operator: &str) -> Option<usize> {
    OPERATORS.iter().position(|(name, of, ..)| *name == operator && of.is(domain))
}

/// Whether the table has a meaning for an operator.
pub fn is_known(domain: &str, operator: &str) -> bool {
    find(domain, operator).is_some()
}

/// The names of all operators in the table.
#[cfg(test)]
pub fn names() -> Vec<&'static str> {
    OPERATORS.iter().map(|(name, ..)| *name).collect()
}

/// Reads a graph.
///
/// # Errors
///
/// An operator, or something about its operands or attributes, is not supported; the error
/// names the node. Also if the outputs are not what the graph declares them to be.
pub fn lower(graph: &Graph) -> Result<Program, Error> {
    let mut lowering = Lowering {
        graph,
        tensors: HashMap::new(),
        program: Program::default(),
        growth: Growth::default(),
    };
    for (index, input) in graph.inputs.iter().enumerate() {
        let kind = match input.element {
            Element::F32 => Kind::Float,
            element => Kind::Integer(element),
        };
        let node = Rc::from(input.name.as_str());
        let id = lowering.program.push(&node, Operation::Input(index), kind, input.shape.clone());
        lowering.tensors.insert(input.name.clone(), Tensor::Value(id));
        lowering.program.inputs.push(input.clone());
    }
    for node in &graph.nodes {
        let operator = Rc::from(node.operator.as_str());
        lowering.program.operators.insert(Rc::from(node.name.as_str()), operator);
        let tensors = meant(&mut lowering, node)?;
        for (output, tensor) in node.outputs.iter().zip(tensors) {
            lowering.tensors.insert(output.clone(), tensor);
        }
    }
    lowering.outputs()?;
    Ok(lowering.program)
}

/// What the outputs of a node are.
fn meant(lowering: &mut Lowering, node: &Node) -> Result<Vec<Tensor>, Error> {
    let Some(index) = find(&node.domain, &node.operator) else {
        return Err(unknown(node));
    };
    let (_, _, [least, most], attributes, meaning) = &OPERATORS[index];
    if let Refused(why) = meaning {
        return Err(node.error(*why));
    }
    node.check_attributes(attributes)?;
    node.check_inputs(*least, *most)?;
    if !matches!(meaning, Many(_)) {
        node.check_one_output()?;
    }
    let one = |tensor| Ok(vec![tensor]);
    match *meaning {
        One(meaning) => one(meaning(lowering, node)?),
        Many(meaning) => meaning(lowering, node),
        Two(binary, name) => one(arithmetic::binary(lowering, node, binary, name, [0, 1])?),
        Swapped(binary, name) => one(arithmetic::binary(lowering, node, binary, name, [1, 0])?),
        Refused(_) => Err(unknown(node)),
    }
}

fn unknown(node: &Node) -> Error {
    if node.has_subgraph() {
        return node.error("has a subgraph: control flow is not supported");
    }
    let mut of_domain = String::new();
    if !node.domain.is_empty() {
        of_domain = format!(" of domain {}", quote(&node.domain));
    }
    let supported: HashSet<&str> = OPERATORS
        .iter()
        .filter(|(.., meaning)| !matches!(meaning, Refused(_)))
        .map(|(name, ..)| *name)
        .collect();
    let mut supported: Vec<_> = supported.into_iter().collect();
    supported.sort_unstable();
    node.error(format!(
        "operator {}{of_domain} is not supported; supported: {}",
        quote(&node.operator),
        supported.join(", ")
    ))
}
