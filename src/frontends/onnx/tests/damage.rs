//! Damaged files are imported or refused, and never take long or much memory.
//!
//! `AIE4ML_MUTATIONS` says how many random damages are tried, `AIE4ML_SEED` which.

use super::*;

/// A generator of numbers that only look random.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }
}

/// Models that hold something of all the frontend reads.
fn models() -> Vec<ModelProto> {
    let image = |shape: &[i64]| Model::default().input("x", Element::F32, shape);
    let mut called = dense();
    let relu = NodeProto {
        input: vec!["a".into()],
        output: vec!["b".into()],
        op_type: "Relu".into(),
        ..Default::default()
    };
    called.functions.push(FunctionProto {
        name: "Act".into(),
        domain: "local".into(),
        input: vec!["a".into()],
        output: vec!["b".into()],
        node: vec![relu],
        ..Default::default()
    });
    called.graph.node[5].domain = "local".into();
    called.graph.node[5].op_type = "Act".into();
    let mut quant = Model::default()
        .input("x", Element::F32, &[2, 3])
        .floats("w", &[3, 2], &[0.1, 0.375, -0.375, 9.0, -9.0, 0.0])
        .floats("scales", &[1, 2], &[0.25, 0.5])
        .floats("zero", &[], &[0.0])
        .floats("bits", &[], &[3.0])
        .node("Quant", &["w", "scales", "zero", "bits"], "wq")
        .node("MatMul", &["x", "wq"], "m")
        .node("Quant", &["m", "scales", "zero", "bits"], "y")
        .output("y", Element::F32, &[2, 2]);
    quant.graph.node[0].domain = "onnx.brevitas".into();
    quant.graph.node[2].domain = "qonnx.custom_op.general".into();
    let shapes = start()
        .node("Shape", &["xq"], "shape")
        .integers("index", Element::I64, &[2], &[1, 0])
        .integers("one", Element::I64, &[1], &[1])
        .node("Gather", &["shape", "index"], "turned")
        .node("Reshape", &["xq", "turned"], "r")
        .node("Slice", &["r", "one", "index"], "s")
        .node("Pad", &["r", "pads"], "p")
        .integers("pads", Element::I64, &[4], &[1, 0, 0, 2])
        .node("ConstantOfShape", &["shape"], "zeros")
        .node("Add", &["zeros", "xq"], "sum")
        .node("Tile", &["sum", "index"], "t")
        .node("Softmax", &["p"], "y")
        .output("y", Element::F32, &[4, 4]);
    let conv = image(&[1, 4, 6, 6])
        .floats("w", &[8, 2, 3, 3], &[0.5; 144])
        .floats("b", &[8], &[0.5; 8])
        .node_with(
            "Conv",
            &["x", "w", "b"],
            "c",
            &[int("group", 2), ints("pads", &[1, 1, 1, 1]), ints("strides", &[2, 2])],
        )
        .node_with("MaxPool", &["c"], "m", &[ints("kernel_shape", &[2, 2])])
        .floats("scales", &[4], &[1.0, 1.0, 2.0, 2.0])
        .node("Resize", &["m", "", "scales"], "r")
        .node("GlobalAveragePool", &["r"], "y")
        .output("y", Element::F32, &[1, 8, 1, 1]);
    let models = [dense(), called, quant, shapes, conv];
    models.iter().map(Model::proto).collect()
}

/// Changes bytes.
fn damaged_bytes(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    for _ in 0..1 + random.below(8) {
        let position = random.below(damaged.len());
        match random.below(4) {
            _ if damaged.is_empty() => {}
            0 => damaged[position] = random.below(256) as u8,
            1 => damaged[position] ^= 1 << random.below(8),
            2 => drop(damaged.remove(position)),
            _ => damaged.insert(position, random.below(256) as u8),
        }
    }
    damaged
}

/// Changes what is said, so that it stays an ONNX file.
fn damaged_model(model: &ModelProto, random: &mut Random) -> ModelProto {
    const NUMBERS: [i64; 16] = [
        0,
        1,
        2,
        3,
        -1,
        -2,
        7,
        8,
        255,
        4096,
        65536,
        i32::MAX as i64,
        1 << 31,
        1 << 40,
        i64::MAX,
        i64::MIN,
    ];
    const FLOATS: [f32; 9] =
        [0.0, 1.0, -1.0, 0.3, f32::NAN, f32::INFINITY, f32::MAX, f32::MIN_POSITIVE, 1e-45];
    let mut model = model.clone();
    let Some(graph) = &mut model.graph else { return model };
    let mut names: Vec<String> = graph.node.iter().flat_map(|n| n.output.clone()).collect();
    names.extend(graph.initializer.iter().map(|tensor| tensor.name.clone()));
    names.push(String::new());
    for _ in 0..1 + random.below(4) {
        let number = NUMBERS[random.below(NUMBERS.len())];
        let real = FLOATS[random.below(FLOATS.len())];
        let name = random.of(&names).cloned().unwrap_or_default();
        let (nodes, tensors) = (graph.node.len(), graph.initializer.len());
        let (at, of) = (random.below(nodes), random.below(tensors));
        let what = random.below(12);
        let place = random.below(8);
        if let Some(node) = graph.node.get_mut(at) {
            match what {
                0 => {
                    let known = super::super::operators::names();
                    node.op_type = random.of(&known).map_or(String::new(), |name| (*name).into());
                }
                1 => node.input.push(name.clone()),
                2 => drop(node.input.pop()),
                3 if place < node.input.len() => node.input[place] = name.clone(),
                4 if place < node.attribute.len() => {
                    let attribute = &mut node.attribute[place];
                    (attribute.i, attribute.f) = (number, real);
                    if let Some(slot) = attribute.ints.first_mut() {
                        *slot = number;
                    }
                }
                5 => {
                    const KEYS: [&str; 8] = [
                        "axis",
                        "to",
                        "group",
                        "keepdims",
                        "transB",
                        "block_size",
                        "strides",
                        "pads",
                    ];
                    let key = KEYS[random.below(KEYS.len())];
                    node.attribute.push(match place {
                        0..4 => int(key, number),
                        _ => ints(key, &[number, 1]),
                    });
                }
                6 => drop(graph.node.remove(at)),
                _ => {}
            }
        }
        if let Some(tensor) = graph.initializer.get_mut(of) {
            match what {
                7 if place < tensor.dims.len() => tensor.dims[place] = number,
                8 => tensor.dims.push(number),
                9 => tensor.data_type = random.below(24) as i32,
                10 => match place {
                    0..4 => tensor.float_data = vec![real; tensor.float_data.len()],
                    _ => tensor.int64_data = vec![number; 1 + random.below(4)],
                },
                11 => {
                    let raw = tensor.raw_data.get_or_insert_default();
                    let length = raw.len();
                    if length > 0 {
                        raw[random.below(length)] = number as u8;
                    }
                }
                _ => {}
            }
        }
        if what == 6 && place == 0 {
            let dimension = Dimension { extent: Some(Extent::Value(number)) };
            let shape = graph.input[0].r#type.as_mut().and_then(|t| t.tensor_type.as_mut());
            if let Some(shape) = shape.and_then(|tensor| tensor.shape.as_mut()) {
                let length = shape.dim.len();
                shape.dim[random.below(length)] = dimension;
            }
        }
    }
    model
}

#[test]
fn damaged_files_do_no_harm() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count = number("AIE4ML_MUTATIONS");
    let context = context();
    let (mut imported, mut refused) = (0, 0);
    let mut import = |bytes: &[u8]| {
        let options = Options { batch: Some(2) };
        let module = super::super::import_bytes(&context, bytes, "model.onnx", None, &options);
        match module {
            Ok(_) => imported += 1,
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                assert!(!text.contains("bug in"), "{text}");
            }
        }
    };
    let models = models();
    let bytes = models[0].encode_to_vec();
    for length in 0..bytes.len() {
        import(&bytes[..length]);
    }
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[position] ^= 1 << bit;
            import(&damaged);
        }
    }
    let mut random = Random(number("AIE4ML_SEED").unwrap_or(1));
    for _ in 0..count.unwrap_or(2000) {
        let model = &models[random.below(models.len())];
        let damaged = match random.below(3) {
            0 => damaged_bytes(&model.encode_to_vec(), &mut random),
            _ => damaged_model(model, &mut random).encode_to_vec(),
        };
        import(&damaged);
    }
    println!("{imported} imported, {refused} refused");
    // Some bits are weights or letters of names: not every damage is one to the structure.
    assert!(imported > 100, "{imported}");
}
