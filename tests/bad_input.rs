//! Bad input: a message that says where, a status that is not zero, and nothing written.

mod common;

use common::{Scratch, aie4ml, root, stderr, stdout};
use std::{fs, path::Path};

/// A network level function of one layer.
fn network(body: &str) -> String {
    format!(
        "func.func @main(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {{\n\
         %w = arith.constant dense<1> : tensor<8x8xi8>\n{body}\n}}\n"
    )
}

const LAYER: &str = "%y = aie4ml.dense %x, %w accumulator = i32 \
    requant = [#aie4ml.requant<shift = 3, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>] \
    : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>\nreturn %y : tensor<4x8xi8>";

/// Fails unless `aie4ml compile` refuses the file with all of the words, and writes nothing.
fn refuses(file: &str, content: impl AsRef<[u8]>, options: &[&str], words: &[&str]) {
    let scratch = Scratch::new();
    let model = scratch.write(file, content);
    let out = scratch.path("out");
    let mut arguments = vec!["compile", model.to_str().unwrap(), "-o", out.to_str().unwrap()];
    arguments.extend(options);
    let output = aie4ml(&arguments);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{file}: {text}");
    for word in words {
        assert!(text.contains(word), "{file}: no '{word}' in: {text}");
    }
    assert!(!text.contains("panicked") && !text.contains("bug in"), "{text}");
    assert!(text.len() < 2000, "{} bytes of message: {}", text.len(), &text[..300]);
    assert_eq!(scratch.entries(), [file], "something was written");
}

/// The digits model with bytes replaced, all of the same length, wherever they are.
fn digits_with(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bytes = fs::read(root().join("examples/digits/model.onnx")).unwrap();
    assert_eq!(old.len(), new.len());
    let places: Vec<usize> =
        (0..bytes.len() - old.len()).filter(|&at| bytes[at..].starts_with(old)).collect();
    assert!(!places.is_empty(), "the model has no {old:?}");
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    bytes
}

#[test]
fn files_that_are_no_model() {
    let model = fs::read(root().join("examples/digits/model.onnx")).unwrap();
    refuses("cut.onnx", &model[..model.len() / 2], &[], &["error: ", "cut.onnx"]);
    refuses("text.onnx", "hello", &[], &["text.onnx", "not an ONNX model"]);
    refuses("empty.onnx", "", &[], &["empty.onnx"]);
    refuses("model.h5", "x", &[], &["model.h5", "supported: .onnx"]);
    refuses("model.fml", "x", &[], &["model.fml", "not an hls4ml model"]);
}

#[test]
fn onnx_models_that_cannot_be_compiled() {
    refuses("op.onnx", digits_with(b"Relu", b"Selu"), &[], &["op.onnx", "node_relu", "Selu"]);
    // Scales: raw data of 4 bytes.
    let scale = |value: f32| {
        let raw = |value: f32| [&[0x4a, 4][..], &value.to_le_bytes()].concat();
        digits_with(&raw(0.03125), &raw(value))
    };
    refuses("zero.onnx", scale(0.0), &[], &["zero.onnx", "relu", "scale"]);
    refuses("nan.onnx", scale(f32::NAN), &[], &["nan.onnx", "relu", "scale"]);
    // An extent of the input that is not said: the field of another number.
    refuses(
        "dynamic.onnx",
        digits_with(&[0x0a, 2, 0x08, 32], &[0x0a, 2, 0x78, 32]),
        &[],
        &["dynamic.onnx"],
    );
}

#[test]
fn mlir_that_cannot_be_compiled() {
    refuses("broken.mlir", "func.func @main( {", &[], &["broken.mlir:1:"]);
    refuses("unknown.mlir", network("foo.bar %x"), &[], &["unknown.mlir:3:"]);
    refuses("nothing.mlir", "module {}", &[], &["nothing.mlir", "holds no function"]);
    let two =
        format!("module {{ {0} {1} }}", network(LAYER), network(LAYER).replace("@main", "@b"));
    refuses("two.mlir", two, &[], &["two.mlir", "holds 2 functions"]);
    let public = "func.func @a() { return }\nfunc.func @b() { return }";
    refuses("public.mlir", public, &[], &["public.mlir", "holds 2 public functions ('a', 'b')"]);
    let private = "func.func private @a() { return }\nfunc.func private @b() { return }";
    refuses("private.mlir", private, &[], &["private.mlir", "holds private functions only"]);
    let endless = "func.func private @a() { call @a() : () -> () return }\n\
        func.func @main() { call @a() : () -> () return }";
    refuses("endless.mlir", endless, &[], &["endless.mlir", "cannot be inlined"]);
    let missing = network(
        "%c = arith.constant dense_resource<none> : tensor<2xi8>\nreturn %x : tensor<4x8xi8>",
    );
    refuses("missing.mlir", missing, &[], &["missing.mlir:3:", "'dense_resource' without data"]);
    let short = "func.func @main() { %c = arith.constant dense_resource<w> : tensor<9xi8> return }\n\
        {-# dialect_resources: { builtin: { w: \"0x010000000102030405060708\" } } #-}";
    refuses("short.mlir", short, &[], &["short.mlir:1:", "'dense_resource' without data"]);
    refuses("cut.mlir", b"ML\xefR\x0d\x01\x02", &[], &["cut.mlir"]);
    refuses(
        "types.mlir",
        network(&LAYER.replace("8x8xi8>) ->", "9x8xi8>) ->")),
        &[],
        &["types.mlir:3:"],
    );
    let tanh = "func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {\n\
                %y = tosa.tanh %x : (tensor<4x8xf32>) -> tensor<4x8xf32>\n\
                return %y : tensor<4x8xf32>\n}";
    refuses("tanh.mlir", tanh, &[], &["tanh.mlir:"]);
    let nothing =
        "func.func @main(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {\nreturn %x : tensor<4x8xi8>\n}";
    refuses("same.mlir", nothing, &[], &["same.mlir"]);
    refuses("bytes.mlir", [0xff, 0xfe, 0x00], &[], &["bytes.mlir"]);
}

#[test]
fn options_that_cannot_be_met() {
    refuses("net.mlir", network(LAYER), &["--device", "xc7z020"], &["xc7z020", "xcve2802"]);
    refuses(
        "net.mlir",
        network(LAYER),
        &["--device", "npu1", "--io", "plio"],
        &["net.mlir", "npu1, which has no programmable logic"],
    );
    let onnx = fs::read(root().join("examples/autoencoder/model.onnx")).unwrap();
    refuses("model.onnx", onnx, &["--max-tiles", "3"], &["model.onnx", "3"]);
    for options in
        [&["--max-tiles", "0"][..], &["--optimize", "everything"], &["--io", "usb"], &["--timing"]]
    {
        let mut arguments = vec!["compile", "m.onnx", "-o", "out"];
        arguments.extend(options);
        let output = aie4ml(&arguments);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {}", stderr(&output));
    }
}

#[test]
fn directives_that_cannot_be_met() {
    let directed = |name: &str, text: &str, needles: &[&str]| {
        let scratch = Scratch::new();
        let file = scratch.write(name, text);
        let model = root().join("examples/jet_tagger/model.onnx");
        let (model, file) = (model.to_string_lossy(), file.to_string_lossy());
        let out = scratch.path("out");
        let output =
            aie4ml(&["compile", &model, "-o", &out.to_string_lossy(), "--directives", &file]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error: ") && !said.contains("bug"), "{said}");
        assert!(needles.iter().all(|needle| said.contains(needle)), "{needles:?}: {said}");
        assert!(!out.exists());
    };
    directed("d.toml", "[layers.node_liner]\nrows = 1\n", &["d.toml:1:9", "'node_linear'"]);
    directed("d.json", "{\"layers\":\n{\"a\": {\"rows\": -1}}}", &["d.json:2:", "-1"]);
    directed("d.toml", "[layers.a\n", &["d.toml:1:10"]);
    directed("d.yaml", "layers:\n", &["d.yaml", ".toml or .json"]);
    directed(
        "d.toml",
        "[layers.node_linear_1]\ncascade = 9\n",
        &["layer 'node_linear_1': cascade = 9 is impossible", "nearest is 8", "d.toml:1:9"],
    );
    directed("d.toml", "[layers.node_linear]\nmicrotile = [3, 8, 8]\n", &["3x8x8", "4x8x8"]);
    directed("d.toml", "[layers.node_linear]\nplace = [5, 99]\n", &["[5, 99]", "[5, 10]"]);
}

#[test]
fn networks_that_do_not_fit() {
    let big = "func.func @main(%x: tensor<1x8192xi8>) -> tensor<1x8192xi8> {\n\
        %w = arith.constant dense<1> : tensor<8192x8192xi8>\n\
        %y = aie4ml.dense %x, %w accumulator = i32 requant = [#aie4ml.requant<shift = 3, \
        rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>] \
        : (tensor<1x8192xi8>, tensor<8192x8192xi8>) -> tensor<1x8192xi8> loc(\"big one\")\n\
        return %y : tensor<1x8192xi8>\n}";
    refuses("big.mlir", big, &[], &["big.mlir", "big one"]);
}

#[test]
fn folders_that_cannot_be_written() {
    let scratch = Scratch::new();
    let model = root().join("examples/jet_tagger/model.onnx");
    let compile = |out: &Path| {
        aie4ml(&["compile".as_ref(), model.as_os_str(), "-o".as_ref(), out.as_os_str()])
    };
    // A file in the way, a file as parent, and what somebody else keeps there.
    let file = scratch.write("file", "mine");
    for out in [file.clone(), file.join("out")] {
        let output = compile(&out);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stderr(&output).contains(&format!("error: {}", out.display())),
            "{}",
            stderr(&output)
        );
    }
    let folder = scratch.path("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("thesis.txt"), "mine").unwrap();
    let output = compile(&folder);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("holds 'thesis.txt', which aie4ml did not write"));
    assert_eq!(fs::read_to_string(folder.join("thesis.txt")).unwrap(), "mine");
    // An earlier compilation is replaced, whatever it had.
    let out = scratch.path("deep/out");
    assert!(compile(&out).status.success());
    fs::write(out.join("kernels/stale.cc"), "").unwrap();
    assert!(compile(&out).status.success());
    assert!(out.join("design.mlir").exists() && !out.join("kernels/stale.cc").exists());
    assert_eq!(scratch.entries(), ["deep", "file", "folder"]);
    assert_eq!(fs::read_dir(scratch.path("deep")).unwrap().count(), 1);
}

/// A `.npy` file of zeros.
fn npy(scratch: &Scratch, name: &str, descr: &str, shape: &str, bytes: usize) -> String {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n");
    let mut content = b"\x93NUMPY\x01\x00".to_vec();
    content.extend((header.len() as u16).to_le_bytes());
    content.extend(header.bytes());
    content.resize(content.len() + bytes, 0);
    scratch.write(name, content).display().to_string()
}

#[test]
fn runs_that_cannot_be_done() {
    let scratch = Scratch::new();
    let examples = root().join("examples/jet_tagger");
    let model = examples.join("model.onnx").display().to_string();
    let (input, expected) = (examples.join("inputs.npy"), examples.join("outputs.npy"));
    let (input, expected) = (input.display().to_string(), expected.display().to_string());
    let out = scratch.path("out").display().to_string();
    assert!(aie4ml(&["compile", &model, "-o", &out]).status.success());
    let result = scratch.path("result.npy").display().to_string();

    let wrong_shape = npy(&scratch, "shape.npy", "<f4", "(8, 15)", 8 * 15 * 4);
    let wrong_rows = npy(&scratch, "rows.npy", "<f4", "(9, 16)", 9 * 16 * 4);
    let wrong_type = npy(&scratch, "type.npy", "<c8", "(8, 16)", 8 * 16 * 8);
    let cut = npy(&scratch, "cut.npy", "<f4", "(8, 16)", 100);
    let text = scratch.write("text.npy", "hello").display().to_string();
    let missing = scratch.path("missing.npy").display().to_string();
    let codes = npy(&scratch, "codes.npy", "|i1", "(8, 5)", 8 * 5);
    for (arguments, words) in [
        (vec![out.as_str()], vec!["for each input ('input'), got 0"]),
        (vec![&out, "-i", &wrong_shape], vec!["'input'", "8x16", "8x15"]),
        (vec![&out, "-i", &wrong_rows], vec!["'input'", "8x16", "9x16"]),
        (vec![&out, "-i", &wrong_type], vec!["type.npy"]),
        (vec![&out, "-i", &cut], vec!["cut.npy"]),
        (vec![&out, "-i", &text], vec!["text.npy"]),
        (vec![&out, "-i", &missing], vec!["missing.npy"]),
        (vec![&out, "-i", &input, "--expect", &wrong_shape], vec!["shape.npy", "8x15"]),
        (vec![&out, "-i", &input, "--expect", &expected, "--expect", &codes], vec!["--expect"]),
        (vec![&out, "-i", &input, "--labels", &input], vec!["--labels"]),
        (vec![&out, "-i", &input, "--tolerance=-1"], vec!["--tolerance"]),
        (vec!["nowhere", "-i", &input], vec!["nowhere"]),
        (vec!["nowhere.onnx", "-i", &input], vec!["nowhere.onnx"]),
        (vec![&out, "-i", &format!("x={input}")], vec!["names 'x', but there is 'input'"]),
    ] {
        let mut all = vec!["run", "--output", &result];
        all.extend(&arguments);
        let output = aie4ml(&all);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert!(text.starts_with("error: "), "{text}");
        assert!(text.matches(".npy: ").count() <= 1, "a place is said twice: {text}");
        for word in words {
            assert!(text.contains(word), "{arguments:?}: no '{word}' in: {text}");
        }
        assert!(!Path::new(&result).exists(), "{arguments:?} wrote its output");
    }

    // A difference is not an error, but no success either.
    let zeros = npy(&scratch, "zeros.npy", "<f4", "(8, 5)", 8 * 5 * 4);
    let output = aie4ml(&["run", &out, "-i", &input, "--expect", &zeros]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("of 8 rows") && stdout(&output).contains("expected 0"));
    let output = aie4ml(&["run", &out, "-i", &input, "--expect", &zeros, "--tolerance", "1000"]);
    assert!(output.status.success(), "{}", stdout(&output));
    // Neither are kernels that are gone.
    fs::remove_dir_all(Path::new(&out).join("kernels")).unwrap();
    let output = aie4ml(&["run", &out, "-i", &input]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("kernels"), "{}", stderr(&output));
}

#[test]
fn reports_that_are_none() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path(name).display().to_string();
    let refuses = |folder: &str, words: &[&str]| {
        let output = aie4ml(&["report", folder]);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.starts_with(&format!("error: {folder}")), "{text}");
        words.iter().for_each(|word| assert!(text.contains(word), "no '{word}' in: {text}"));
        assert!(!Path::new(folder).join("report.html").exists(), "a page was written");
    };
    refuses(&path("nowhere"), &["nowhere: cannot be read: No such file"]);
    refuses(&scratch.write("file", "x").display().to_string(), &["file: cannot be read: Not a"]);
    let none = "is not a folder that 'aie4ml compile' wrote: it has no";
    refuses(&path(""), &[none, "report.json"]);

    let digits = root().join("examples/digits/model.onnx").display().to_string();
    let out = path("out");
    assert!(aie4ml(&["compile", &digits, "-o", &out]).status.success());
    fs::remove_file(scratch.path("out/report.html")).expect("it was written");
    let report = fs::read_to_string(scratch.path("out/report.json")).expect("it was written");
    let design = fs::read_to_string(scratch.path("out/design.mlir")).expect("it was written");
    for (text, word) in [
        ("{".into(), "report.json: is not a report of aie4ml: EOF"),
        ("{}".into(), "report.json: is not a report of aie4ml: missing field"),
        (report.replace("\"version\": 1", "\"version\": 7"), "version 7"),
        (report.replace("xcve2802", "npu1"), "design.mlir: is for xcve2802, its report for npu1"),
        (report.replace("\"chains\": 1", "\"chains\": 2"), "design.mlir: has 3 cores"),
    ] {
        scratch.write("out/report.json", text);
        refuses(&out, &[word]);
    }
    scratch.write("out/report.json", report);
    for (text, word) in [
        (&design[..design.len() / 2], "design.mlir:"),
        ("func.func private @f()", "design.mlir: holds no 'aie.device'"),
    ] {
        scratch.write("out/design.mlir", text);
        refuses(&out, &[word]);
    }
    fs::remove_file(scratch.path("out/design.mlir")).expect("it is there");
    refuses(&out, &[none, "design.mlir"]);

    scratch.write("out/design.mlir", design);
    let page = path("nowhere/page.html");
    let output = aie4ml(&["report", &out, "--output", &page]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with(&format!("error: {page}: cannot be written: ")));
}

/// `compile` and `report` write the same page, and the floor plan is a file of its own.
#[test]
fn reports_as_pages() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path(name).display().to_string();
    let model = root().join("examples/residual/model.onnx").display().to_string();
    let (out, page, plan) = (path("out"), path("page.html"), path("plan.svg"));
    assert!(aie4ml(&["compile", &model, "-o", &out]).status.success());
    let output = aie4ml(&["report", &out, "--output", &page, "--floor-plan", &plan]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).ends_with(&format!("page: {page}\n")), "{}", stdout(&output));
    let read = |path: &str| fs::read_to_string(path).expect("it was written");
    assert!(read(&page) == read(&path("out/report.html")), "the pages differ");
    assert!(read(&page).contains(read(&plan).trim_end()), "the page shows another floor plan");
    let report: serde_json::Value = serde_json::from_str(&read(&path("out/report.json"))).unwrap();
    for layer in report["layers"].as_array().expect("there are layers") {
        assert!(read(&plan).contains(layer["name"].as_str().unwrap()), "{layer}");
    }
    // A folder with a page can be compiled into again, and the page made anew.
    assert!(aie4ml(&["compile", &model, "-o", &out]).status.success());
    fs::remove_file(scratch.path("out/report.html")).expect("it was written");
    assert!(aie4ml(&["report", &out]).status.success());
    assert!(scratch.path("out/report.html").exists());
}

/// What `--json` and the exit status promise.
#[test]
fn results_as_json() {
    let scratch = Scratch::new();
    let out = scratch.path("out").display().to_string();
    let examples = root().join("examples/jet_tagger");
    let path = |name: &str| examples.join(name).display().to_string();
    assert!(aie4ml(&["compile", &path("model.onnx"), "-o", &out]).status.success());
    let run = |arguments: &[&str]| {
        let input = path("inputs.npy");
        let mut all = vec!["run", &out, "--json", "-i", &input];
        all.extend(arguments);
        let output = aie4ml(&all);
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_str::<serde_json::Value>(&stdout(&output)).expect("it is JSON")
    };
    let value = run(&["--expect", &path("outputs.npy")]);
    assert_eq!(value["mismatches"], 0);
    assert_eq!(value["outputs"][0]["shape"], serde_json::json!([8, 5]));
    assert_eq!(value["outputs"][0]["comparison"]["equal_rows"], 8);
    let value = run(&[]);
    assert_eq!(value["mismatches"], serde_json::Value::Null);
    assert_eq!(value["outputs"][0]["values"].as_array().map(Vec::len), Some(40));
}
