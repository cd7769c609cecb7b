//! Models built in code: what they become, and what is refused with which words.

use melior::{
    Context,
    dialect::DialectRegistry,
    ir::operation::{OperationLike, OperationPrintingFlags},
    utility::register_all_dialects,
};
use prost::Message;

use super::{
    Options,
    proto::{
        AttributeProto, Dimension, EXTERNAL, Extent, FunctionProto, GraphProto, ModelProto,
        NodeProto, OperatorSetIdProto, Segment, SparseTensorProto, StringStringEntryProto,
        TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, attribute_kind,
    },
    tensor::Element,
};

fn context() -> Context {
    let registry = DialectRegistry::new();
    register_all_dialects(&registry);
    let context = Context::new();
    context.append_dialect_registry(&registry);
    context.set_allow_unregistered_dialects(true);
    context
}

/// A model under construction.
#[derive(Clone, Default)]
struct Model {
    graph: GraphProto,
    functions: Vec<FunctionProto>,
}

impl Model {
    fn input(mut self, name: &str, element: Element, shape: &[i64]) -> Self {
        self.graph.input.push(info(name, element, shape));
        self
    }

    fn output(mut self, name: &str, element: Element, shape: &[i64]) -> Self {
        self.graph.output.push(info(name, element, shape));
        self
    }

    fn integers(mut self, name: &str, element: Element, dims: &[i64], values: &[i64]) -> Self {
        self.graph.initializer.push(integers(name, element, dims, values));
        self
    }

    fn floats(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.graph.initializer.push(TensorProto {
            name: name.into(),
            dims: dims.into(),
            data_type: Element::F32.data_type(),
            float_data: values.into(),
            ..Default::default()
        });
        self
    }

    /// A node named as its output.
    fn node(self, operator: &str, inputs: &[&str], output: &str) -> Self {
        self.node_with(operator, inputs, output, &[])
    }

    fn node_with(
        mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[AttributeProto],
    ) -> Self {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|name| name.to_string()).collect(),
            output: vec![output.into()],
            name: format!("node_{output}"),
            op_type: operator.into(),
            attribute: attributes.into(),
            ..Default::default()
        });
        self
    }

    /// A `QuantizeLinear` and a `DequantizeLinear`, with scale 0.25 unless given before.
    fn quantized(self, from: &str, to: &str) -> Self {
        let integers = format!("{to}_integers");
        self.node("QuantizeLinear", &[from, "scale", "zero"], &integers).node(
            "DequantizeLinear",
            &[&integers, "scale", "zero"],
            to,
        )
    }

    fn change(mut self, change: impl FnOnce(&mut GraphProto)) -> Self {
        change(&mut self.graph);
        self
    }

    fn proto(&self) -> ModelProto {
        ModelProto {
            ir_version: 10,
            graph: Some(self.graph.clone()),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 21 }],
            functions: self.functions.clone(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.proto().encode_to_vec()
    }

    /// The module's text without locations.
    fn text(&self) -> String {
        text(&self.bytes(), false)
    }

    /// The text of the error.
    fn refusal(&self) -> String {
        refusal(&self.bytes())
    }
}

fn text(bytes: &[u8], locations: bool) -> String {
    let context = context();
    let module = super::import_bytes(&context, bytes, "model.onnx", None, &Options::default())
        .unwrap_or_else(|error| panic!("{error}"));
    let flags = OperationPrintingFlags::new();
    let flags = if locations { flags.enable_debug_info(true, false) } else { flags };
    module.as_operation().to_string_with_flags(flags).expect("modules print as text")
}

fn refusal(bytes: &[u8]) -> String {
    match super::import_bytes(&context(), bytes, "model.onnx", None, &Options::default()) {
        Ok(module) => panic!("imported:\n{}", module.as_operation()),
        Err(error) => error.to_string(),
    }
}

fn info(name: &str, element: Element, shape: &[i64]) -> ValueInfoProto {
    let dim = |&value: &i64| Dimension { extent: Some(Extent::Value(value)) };
    let shape = TensorShapeProto { dim: shape.iter().map(dim).collect() };
    let tensor = TensorTypeProto { elem_type: element.data_type(), shape: Some(shape) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

fn integers(name: &str, element: Element, dims: &[i64], values: &[i64]) -> TensorProto {
    let raw =
        values.iter().flat_map(|v| v.to_le_bytes().into_iter().take(element.bytes())).collect();
    TensorProto {
        name: name.into(),
        dims: dims.into(),
        data_type: element.data_type(),
        raw_data: Some(raw),
        ..Default::default()
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), kind: attribute_kind::INT, i: value, ..Default::default() }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        kind: attribute_kind::FLOAT,
        f: value,
        ..Default::default()
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        kind: attribute_kind::INTS,
        ints: values.into(),
        ..Default::default()
    }
}

/// Input `x` of 2x3, quantized as `xq`; the constants `scale`, 0.25, and `zero`.
fn start() -> Model {
    Model::default()
        .floats("scale", &[], &[0.25])
        .integers("zero", Element::I8, &[], &[0])
        .input("x", Element::F32, &[2, 3])
        .quantized("x", "xq")
}

/// [`start`] and a node from `xq` to the output `y` of that shape.
fn one(operator: &str, more_inputs: &[&str], shape: &[i64]) -> Model {
    let inputs = [&["xq"], more_inputs].concat();
    start().node(operator, &inputs, "y").output("y", Element::F32, shape)
}

/// Weights `w`, [2, 3] as `Gemm` has them with `transB`, and a bias `b`.
fn weights(model: Model) -> Model {
    model
        .integers("w_int", Element::I8, &[2, 3], &[1, 2, 3, -4, -5, -6])
        .floats("w_scale", &[], &[0.5])
        .node("DequantizeLinear", &["w_int", "w_scale"], "w")
        .integers("b_int", Element::I32, &[2], &[100, -200])
        .floats("b_scale", &[], &[0.125])
        .node("DequantizeLinear", &["b_int", "b_scale"], "b")
}

/// Quantized input, one dense layer with ReLU, quantized output.
fn dense() -> Model {
    weights(start())
        .node_with("Gemm", &["xq", "w", "b"], "fc1", &[int("transB", 1)])
        .node("Relu", &["fc1"], "relu")
        .quantized("relu", "y")
        .output("y", Element::F32, &[2, 2])
}

/// Checks that lines which contain these follow one another in this order.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let mut lines = text.lines();
    for expected in expected {
        assert!(
            lines.any(|line| line.contains(expected)),
            "no line with `{expected}`, in its place, in\n{text}"
        );
    }
}

/// What every element type is refused with that is not among them.
const ELEMENTS: &str = "supported: float32, float16, bfloat16, float64, bool, int4, uint4, int8, uint8, int16, uint16, int32, uint32, int64";

mod damage;
mod files;
mod meaning;
mod operators;
mod qonnx;
mod refusals;

#[test]
fn dense_layer() {
    insta::assert_snapshot!(text(&dense().bytes(), true));
}

#[test]
fn files_are_told_apart_by_their_names() {
    let context = context();
    let import = |path: &str| {
        crate::frontends::import(&context, path.as_ref(), &Options::default())
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert!(import("a.fml").starts_with("a.fml: cannot read the model: "));
    assert_eq!(
        import("model.h5"),
        "model.h5: unknown kind of model file; supported: .onnx, .tflite, .fml, .mlir"
    );
    assert_eq!(
        import("model.mlir"),
        "model.mlir: is MLIR already, no frontend reads it: parse it as a module"
    );
    for file in ["no/such/model.onnx", "no/such/model.tflite"] {
        assert!(import(file).starts_with(&format!("{file}: cannot read the model: ")));
    }
}
