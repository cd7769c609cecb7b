//! Data in other files, functions, branches, and open batches.

use super::*;

/// A folder that is removed when done with.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("aie4ml-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("folders can be made");
        Folder(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).expect("files can be written");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The dense layer with its weights in another file.
fn external(entries: &[(&str, &str)]) -> Model {
    dense().change(|g| {
        let tensor = &mut g.initializer[2];
        tensor.raw_data = None;
        tensor.data_location = EXTERNAL;
        let entry = |&(key, value): &(&str, &str)| StringStringEntryProto {
            key: key.into(),
            value: value.into(),
        };
        tensor.external_data = entries.iter().map(entry).collect();
    })
}

#[test]
fn data_in_another_file() {
    let folder = Folder::new("external");
    folder.write("weights.bin", &[9, 9, 1, 2, 3, 252, 251, 250, 9]);
    let model = external(&[("location", "weights.bin"), ("offset", "2"), ("length", "6")]);
    folder.write("model.onnx", &model.bytes());
    let context = context();
    let path = folder.0.join("model.onnx");
    let module = crate::frontends::import(&context, &path, &Options::default()).expect("imports");
    assert_eq!(module.as_operation().to_string(), dense().text());
}

#[test]
fn refuses_data_that_is_not_there_or_not_ours() {
    let folder = Folder::new("not-ours");
    folder.write("weights.bin", &[0; 6]);
    std::os::unix::fs::symlink("/etc/passwd", folder.0.join("link")).expect("links can be made");
    let context = context();
    let refusal = |entries: &[(&str, &str)]| {
        let bytes = external(entries).bytes();
        let imported = super::super::import_bytes(
            &context,
            &bytes,
            "model.onnx",
            Some(&folder.0),
            &Options::default(),
        );
        let text = imported.map(|_| ()).expect_err("is refused").to_string();
        text.strip_prefix("initializer 'w_int': keeps its data in ")
            .map_or(text.clone(), Into::into)
    };
    const OUTSIDE: &str = "which is not in the folder of the model";
    for location in ["/etc/passwd", "../weights.bin", "a/../../b", "link", ""] {
        assert_eq!(refusal(&[("location", location)]), format!("'{location}', {OUTSIDE}"));
    }
    assert!(refusal(&[("location", "nothing")]).starts_with("'nothing', which cannot be read: "));
    assert_eq!(refusal(&[]), "another file, but does not say in which");
    let at = |key, value| refusal(&[("location", "weights.bin"), (key, value)]);
    assert_eq!(
        at("offset", "1"),
        "'weights.bin', which has 6 bytes, but 6 are needed from offset 1"
    );
    assert_eq!(
        at("offset", "18446744073709551615"),
        "'weights.bin', which has 6 bytes, but 6 are needed from offset 18446744073709551615"
    );
    assert_eq!(at("offset", "-1"), "'weights.bin', at the impossible offset '-1'");
    assert_eq!(
        at("length", "5"),
        "'weights.bin', of which 5 bytes are its own, but its shape needs 6"
    );
    assert_eq!(
        external(&[("location", "weights.bin")]).refusal(),
        "initializer 'w_int': keeps its data in 'weights.bin', but the model does not come from a file: there is no folder to look in"
    );
}

fn function(name: &str, input: &[&str], output: &[&str], node: Vec<NodeProto>) -> FunctionProto {
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    FunctionProto {
        name: name.into(),
        domain: "local".into(),
        input: names(input),
        output: names(output),
        node,
        ..FunctionProto::default()
    }
}

fn call(operator: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    NodeProto {
        input: names(inputs),
        output: names(outputs),
        op_type: operator.into(),
        ..NodeProto::default()
    }
}

fn local(operator: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto { domain: "local".into(), ..call(operator, inputs, outputs) }
}

#[test]
fn functions_are_inlined() {
    let plain = weights(start())
        .node_with("Gemm", &["xq", "w", "b"], "sum", &[int("transB", 1)])
        .node("Relu", &["sum"], "y")
        .output("y", Element::F32, &[2, 2]);
    let mut model = weights(start()).output("y", Element::F32, &[2, 2]);
    let mut gemm = call("Gemm", &["a", "b", "c"], &["t"]);
    gemm.name = "gemm".into();
    let mut reference = int("transB", 0);
    reference.ref_attr_name = "transposed".into();
    gemm.attribute.push(reference);
    model.functions.push(function("Affine", &["a", "b", "c"], &["t"], vec![gemm]));
    let mut inner = local("Affine", &["x", "w", "b"], &["t"]);
    inner.name = "affine".into();
    inner.attribute.push(int("transposed", 1));
    let relu = call("Relu", &["t"], &["r"]);
    model.functions.push(function("Layer", &["x", "w", "b"], &["r"], vec![inner, relu]));
    let mut layer = local("Layer", &["xq", "w", "b"], &["y"]);
    layer.name = "fc1".into();
    model.graph.node.push(layer);
    assert_eq!(model.text(), plain.text());
    // The names say where a node comes from.
    check(&text(&model.bytes(), true), &["loc(\"fc1/affine/gemm\""]);
}

#[test]
fn refuses_functions_without_end() {
    let mut model = start().output("y", Element::F32, &[2, 3]);
    let nodes = vec![local("F", &["x"], &["t"]), local("F", &["t"], &["y"])];
    model.functions.push(function("F", &["x"], &["y"], nodes));
    model.graph.node.push(local("F", &["xq"], &["y"]));
    assert!(model.refusal().ends_with("is in calls that are nested too deep, or without end"));

    // Few lines that say 2^40 nodes.
    let mut model = start().output("y", Element::F32, &[2, 3]);
    for depth in 0..40 {
        let inner = format!("F{}", depth + 1);
        let nodes = vec![local(&inner, &["x"], &["t"]), local(&inner, &["t"], &["y"])];
        model.functions.push(function(&format!("F{depth}"), &["x"], &["y"], nodes));
    }
    model.functions.push(function("F40", &["x"], &["y"], vec![call("Relu", &["x"], &["y"])]));
    model.graph.node.push(local("F0", &["xq"], &["y"]));
    assert!(model.refusal().ends_with("is in calls that become too large a network"));
}

/// An `If` whose branches use what is around them.
fn branches(condition: &str) -> Model {
    let branch = |name: &str, operator: &str| AttributeProto {
        name: name.into(),
        kind: attribute_kind::GRAPH,
        g: Some(GraphProto {
            node: vec![call(operator, &["xq"], &["inside"])],
            output: vec![info("inside", Element::F32, &[2, 3])],
            ..GraphProto::default()
        }),
        ..AttributeProto::default()
    };
    let branches = [branch("then_branch", "Relu"), branch("else_branch", "Sigmoid")];
    let mut model =
        start().node_with("If", &[condition], "y", &branches).output("y", Element::F32, &[2, 3]);
    model.graph.initializer.push(TensorProto {
        name: "yes".into(),
        data_type: 9,
        raw_data: Some(vec![1]),
        ..Default::default()
    });
    model
}

#[test]
fn branches_that_are_always_taken() {
    let text = branches("yes").text();
    check(&text, &["tosa.clamp", "return"]);
    assert!(!text.contains("tosa.sigmoid"), "{text}");
    assert_eq!(
        branches("xq").refusal(),
        "node 'node_y' (If): has a condition that is not constant: control flow is not supported; export the branch that is taken"
    );
}

#[test]
fn an_open_batch_is_given() {
    let model = one("Relu", &[], &[2, 3]).change(|g| {
        g.input[0] = info("x", Element::F32, &[-1, 3]);
    });
    let context = context();
    let import = |batch| {
        let options = Options { batch };
        super::super::import_bytes(&context, &model.bytes(), "model.onnx", None, &options)
            .map(|module| module.as_operation().to_string())
            .map_err(|error| error.to_string())
    };
    assert!(import(Some(7)).is_ok_and(|text| text.contains("tensor<7x3xf32>")));
    assert_eq!(
        import(None).unwrap_err(),
        "input 'x': dimension 0 is dynamic: say '--batch N', or export the model with static shapes"
    );
    assert!(import(Some(u64::MAX)).is_err());
}

#[test]
fn nodes_have_names_of_their_own() {
    let model = dense().change(|g| g.node[4..].iter_mut().for_each(|n| n.name = "dense".into()));
    assert!(refusal(&model.bytes()).contains("another node has the same name"));
}
