//! What the host computes before and after the array: every level gives what the model says.

mod common;

use aie4ml::{
    compile::{self, Options},
    design,
    run::{Edge, Form, compare},
    tensor::{Dtype, Tensor},
};
use common::{Scratch, aie4ml, stderr, stdout};
use std::fs;

/// A layer between bytes that are scaled and a softmax, the shape being that of images.
const IMAGES: &str = include_str!("models/images/model.mlir");

fn same(level: &str, found: &[Tensor], expected: &[Tensor]) {
    assert_eq!(found.len(), expected.len(), "{level}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!((found.shape(), found.dtype()), (expected.shape(), expected.dtype()), "{level}");
        let differences = compare(found, expected, 0.0).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(differences.count, 0, "{level}: {differences:?}");
    }
}

#[test]
fn every_level_computes_the_whole_model() {
    let scratch = Scratch::new();
    let model = scratch.write("model.mlir", IMAGES);
    let out = scratch.path("out");
    let options = Options { model, ..Options::default() };
    let report = compile::compile(&options, &out, &mut |_| ()).unwrap_or_else(|e| panic!("{e}"));
    let named = |layers: &[aie4ml::report::HostLayer]| -> Vec<String> {
        layers.iter().map(|layer| layer.name.clone()).collect()
    };
    assert_eq!(named(&report.host.before), ["scale", "quantize"]);
    assert!(named(&report.host.after).ends_with(&["softmax".into(), "best".into()]));
    assert!(report.to_string().contains("softmax: exp, reduce_sum, reciprocal, mul"), "{report}");
    assert!(report.page().contains("<h2>On the host</h2>"));
    let host = fs::read_to_string(out.join(compile::HOST)).expect("there is a host");
    assert!(host.contains("@before") && host.contains("@after"), "{host}");
    let design = fs::read_to_string(out.join(compile::DESIGN)).expect("it was written");
    assert!(!design.contains("tosa.") && !design.contains("func @after"));

    let bytes: Vec<i64> = (0..64).map(|i| (i * 37 + 11) % 256).collect();
    let image = [Tensor::from_integers(vec![8, 2, 4], Dtype::U8, &bytes).unwrap()];
    let open = |level: &str| {
        design::open(&out.join(level)).unwrap_or_else(|error| panic!("{level}: {error}"))
    };
    let expected = open(compile::MODEL).run(&image, None).unwrap();
    assert_eq!(expected[0].shape(), [8, 3]);
    assert_eq!(expected[1].dtype(), Dtype::I32);
    let mut codes = Vec::new();
    for level in [compile::NETWORK, compile::MAPPED, compile::DESIGN, ""] {
        let runner = open(level);
        same(level, &runner.run(&image, None).unwrap(), &expected);
        // The network by itself, from codes to codes.
        let [entering] = runner.inputs_at(Edge::Network) else { panic!("one input") };
        assert_eq!(entering.name, "image");
        let half = |byte: &i64| ((*byte as f64 / 2.0).round_ties_even() as i64).min(127);
        let pixels: Vec<i64> = bytes.iter().map(half).collect();
        let pixels = [Tensor::from_integers(vec![8, 2, 4], Dtype::I8, &pixels).unwrap()];
        let found = runner.run(&pixels, None).unwrap();
        codes.push(found.clone());
        same(level, &found, &codes[0]);
        assert_eq!(found[0].dtype(), Dtype::I8);
        same(level, &runner.run_to(&pixels, &[], Edge::Model).unwrap(), &expected);
        same(level, &runner.run(&image, Some(Form::Codes)).unwrap(), &codes[0]);
    }
}

#[test]
fn programs_take_the_models_tensors_by_name() {
    let scratch = Scratch::new();
    let model = scratch.write("model.mlir", IMAGES).display().to_string();
    let path = |name: &str| scratch.path(name).display().to_string();
    let out = path("out");
    let output = aie4ml(&["compile", &model, "-o", &out]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("on the host, before the array:\n  scale: cast, mul\n"));
    let bytes: Vec<i64> = (0..32).map(|i| (i * 91) % 256).collect();
    let image = Tensor::from_integers(vec![4, 2, 4], Dtype::U8, &bytes).unwrap();
    image.write_npy(&scratch.path("x.npy")).unwrap();
    let (x, y, best) = (path("x.npy"), path("y.npy"), path("best.npy"));
    let input = format!("image={x}");
    let [likely, best] = [format!("likely={y}"), format!("best={best}")];
    // A model is run as it is, and outputs are in any order.
    let output = aie4ml(&["run", &model, "-i", &input, "-o", &best, "-o", &likely]);
    assert!(output.status.success(), "{}", stderr(&output));
    for level in ["model.mlir", "network.mlir", "design.mlir", ""] {
        let level = format!("{out}/{level}");
        let output = aie4ml(&["run", &level, "-i", &input, "--expect", &likely, "--expect", &best]);
        assert!(output.status.success(), "{level}: {}{}", stderr(&output), stdout(&output));
        assert!(stdout(&output).contains("4 of 4 rows, 12 of 12 outputs within 9.537e-7"));
    }
    let output = aie4ml(&["run", &out, "-i", &format!("picture={x}")]);
    assert!(
        stderr(&output).contains("names 'picture', but there is 'image'"),
        "{}",
        stderr(&output)
    );
    // Compiling into the folder again replaces what was there, the host's part as well.
    let output = aie4ml(&["compile", &model, "-o", &out]);
    assert!(output.status.success(), "{}", stderr(&output));
}

/// A model of images that has one row of the network for each.
#[test]
fn open_batches_are_fixed() {
    let scratch = Scratch::new();
    let model = r#"
      !q = !quant.uniform<i8:f32, 0.0625>
      func.func @main(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
        %q = quant.qcast %x : tensor<?x16xf32> to tensor<?x16x!q>
        %d = quant.dcast %q : tensor<?x16x!q> to tensor<?x16xf32>
        %r = tosa.clamp %d {min_val = 0.0 : f32, max_val = 3.4e38 : f32} : (tensor<?x16xf32>) -> tensor<?x16xf32>
        %p = quant.qcast %r : tensor<?x16xf32> to tensor<?x16x!q>
        %y = quant.dcast %p : tensor<?x16x!q> to tensor<?x16xf32>
        return %y : tensor<?x16xf32>
      }"#;
    let model = scratch.write("model.mlir", model).display().to_string();
    let out = scratch.path("out").display().to_string();
    let output = aie4ml(&["compile", &model, "-o", &out]);
    let text = stderr(&output);
    assert!(text.contains("leaves the batch open: fix it with --batch N"), "{text}");
    let output = aie4ml(&["compile", &model, "-o", &out, "--batch", "4"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let x: Vec<f32> = (0..128).map(|i| i as f32 / 8.0 - 9.0).collect();
    let x = [Tensor::from_f32(vec![8, 16], &x).unwrap()];
    let expected = design::open(&scratch.path("out/model.mlir")).unwrap().run(&x, None);
    let found = design::open(&scratch.path("out")).unwrap().run(&x, None);
    same("", &found.unwrap(), &expected.unwrap());
    let output = aie4ml(&["compile", &format!("{out}/model.mlir"), "-o", &out, "--batch", "4"]);
    assert!(stderr(&output).contains("--batch: the model's inputs do not leave"));
}

#[test]
fn networks_that_no_device_holds_are_refused_at_once() {
    let scratch = Scratch::new();
    let layer = |index: usize| {
        let before = index.wrapping_sub(1);
        let input = if index == 0 { "%x".into() } else { format!("%y{before}") };
        format!(
            "%w{index} = arith.constant dense<1> : tensor<2048x2048xi8>
             %y{index} = aie4ml.dense {input}, %w{index} accumulator = i32
               requant = [#aie4ml.requant<shift = 11, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
               : (tensor<8x2048xi8>, tensor<2048x2048xi8>) -> tensor<8x2048xi8> loc(\"fc{index}\")\n"
        )
    };
    let layers: String = (0..8).map(layer).collect();
    let text = format!(
        "func.func @main(%x: tensor<8x2048xi8>) -> tensor<8x2048xi8> {{ {layers} return %y7 : tensor<8x2048xi8> }}"
    );
    let model = scratch.write("network.mlir", text).display().to_string();
    let start = std::time::Instant::now();
    let output = aie4ml(&["compile", &model, "-o", &scratch.path("out").display().to_string()]);
    let text = stderr(&output);
    assert!(
        text.contains("has too many weights for xcve2802: all layers need 33619968 bytes"),
        "{text}"
    );
    assert!(start.elapsed().as_secs() < 20, "it took {:?}", start.elapsed());
}
