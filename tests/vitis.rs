//! Projects for Vitis: their graph is that of the design, and they compute the same in the
//! emulation of ADF.

mod common;

use aie4ml::{
    array::{Dim, Pad, Program, Stmt},
    compile::{self, Options},
    design,
    device::{Device, Generation},
    emit::vitis::Graph,
    ir,
    mlir::tools,
    plan::{hand_over::Transport, parallelize::Objective},
    report::Report,
    run::{Form, compare},
    sim::host::HostProgram,
    tensor::{Dtype, Tensor},
};
use common::{Scratch, aie4ml, root, stderr, stdout};
use std::{collections::BTreeMap, fs, path::Path};

fn compiled(options: Options, out: &Path) -> Report {
    let options = Options { vitis: true, ..options };
    compile::compile(&options, out, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"))
}

fn tensors(files: &[&str]) -> Vec<Tensor> {
    let read = |file: &&str| {
        Tensor::read_npy(&root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    files.iter().map(read).collect()
}

/// The design and the project of a folder compute the same, which is `expected` if that is known.
fn same(out: &Path, inputs: &[Tensor], expected: &[Tensor]) {
    let run = |path: &Path| {
        let runner = design::open(path).unwrap_or_else(|error| panic!("{error}"));
        runner.run(inputs, None).unwrap_or_else(|error| panic!("{error}"))
    };
    let array = run(out);
    let graph = run(&out.join("vitis"));
    for expected in [&array[..], expected].into_iter().filter(|list| !list.is_empty()) {
        assert_eq!(graph.len(), expected.len());
        for (found, expected) in graph.iter().zip(expected) {
            let found = compare(found, expected, 0.0).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((found.count, found.total), (0, expected.len()), "{found:?}");
        }
    }
}

/// What the project brings along as data leaves as what it brings along as expected.
fn own_data(out: &Path, generation: Generation) {
    let folder = out.join("vitis");
    let program = HostProgram::build(
        &folder,
        "emulation/all.cpp",
        &["src", "emulation"],
        &["-D__X86SIM__"],
        Some(generation),
    );
    let program = program.unwrap_or_else(|error| panic!("{error}"));
    let text = |path: &Path| {
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let inputs: BTreeMap<_, _> = (common::files(&folder.join("data"), &["txt"]).iter())
        .map(|path| (path.strip_prefix(&folder).unwrap().to_path_buf(), text(path)))
        .collect();
    let written = program.run(&inputs, &[]).unwrap_or_else(|error| panic!("{error}"));
    let mut compared = 0;
    for path in common::files(&folder.join("expected"), &["txt"]) {
        let name = Path::new("emulation_output/data").join(path.file_name().unwrap());
        let (expected, found) = (text(&path), &written[&name]);
        assert_eq!(expected.lines().count(), found.lines().count(), "{}", name.display());
        for (expected, found) in expected.split_whitespace().zip(found.split_whitespace()) {
            assert!(expected == "-" || expected == found, "{}: {found}", name.display());
            compared += usize::from(expected != "-");
        }
    }
    assert!(compared > 0);
}

/// The emulated board of a project.
fn board(folder: &Path, generation: Generation) -> HostProgram {
    let headers = ["src", "emulation", "pl", "host"];
    let (unit, defines) = ("emulation/board.cpp", ["-D__X86SIM__"]);
    HostProgram::build(folder, unit, &headers, &defines, Some(generation))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Runs the host program with few iterations; returns its exit code and all that it says.
fn hosted(board: &HostProgram, folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let few = ["--tries", "2", "--iterations", "5"];
    let mut command = board.command();
    command.current_dir(folder).args(arguments).args(few);
    let output = command.output().expect("it was compiled for this machine");
    (output.status.code(), stdout(&output) + &stderr(&output))
}

/// Data movers, graph and host program give every number that the array simulator gives.
fn on_a_board(out: &Path, generation: Generation, inputs: &[Tensor]) {
    let folder = out.join("vitis");
    let board = board(&folder, generation);
    let (code, said) = hosted(&board, &folder, &["system.cfg"]);
    assert_eq!(code, Some(0), "{said}");
    let runner = design::open(out).unwrap_or_else(|error| panic!("{error}"));
    let codes = runner.run(inputs, Some(Form::Codes)).unwrap_or_else(|error| panic!("{error}"));
    let mut arguments = vec!["system.cfg".to_owned()];
    for (flag, list) in [("--input", inputs), ("--expect", &codes)] {
        for (index, tensor) in list.iter().enumerate() {
            let path = out.join(format!("{}{index}.npy", &flag[2..]));
            tensor.write_npy(&path).unwrap_or_else(|error| panic!("{error}"));
            arguments.extend([flag.to_owned(), path.display().to_string()]);
        }
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let place = out.display().to_string();
    let (code, said) = hosted(&board, &folder, &[&arguments[..], &["--output", &place]].concat());
    assert_eq!(code, Some(0), "{said}");
    let count: usize = codes.iter().map(Tensor::len).sum();
    assert!(said.contains(&format!("\n{count} of {count} numbers equal")), "{said}");
    for (index, expected) in codes.iter().enumerate() {
        let found = Tensor::read_npy(&out.join(format!("{index}.npy")));
        let found = found.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((found.dtype(), found.integers()), (expected.dtype(), expected.integers()));
    }

    // The real values that these codes stand for.
    let reals = runner.run(inputs, None).unwrap_or_else(|error| panic!("{error}"));
    for (index, tensor) in reals.iter().enumerate() {
        let path = out.join(format!("expect{index}.npy"));
        tensor.write_npy(&path).unwrap_or_else(|error| panic!("{error}"));
    }
    let (code, said) = hosted(&board, &folder, &arguments);
    assert!(code == Some(0) && said.contains(&format!("\n{count} of {count} ")), "{said}");

    // Another code, in the last output.
    let last = codes.last().expect("a network has outputs");
    let mut wrong = last.integers().expect("codes are integers");
    let at = wrong.len() - 2;
    wrong[at] ^= 1;
    let wrong = Tensor::from_integers(last.shape().to_vec(), last.dtype(), &wrong)
        .unwrap_or_else(|error| panic!("{error}"));
    for (index, tensor) in codes.iter().enumerate() {
        let path = out.join(format!("expect{index}.npy"));
        tensor.write_npy(&path).unwrap_or_else(|error| panic!("{error}"));
    }
    let path = arguments.last().expect("outputs are expected");
    wrong.write_npy(Path::new(path)).unwrap_or_else(|error| panic!("{error}"));
    let (code, said) = hosted(&board, &folder, &arguments);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("\n{} of {count} numbers equal", count - 1)), "{said}");
}

/// Several inputs, which are added, in batches that end within an iteration.
#[test]
fn several_inputs_and_outputs() {
    let scratch = Scratch::new();
    let files = |kind: &str, count: usize| -> Vec<String> {
        (0..count).map(|index| format!("tests/models/joins/{kind}{index}.npy")).collect()
    };
    let (inputs, outputs) = (files("x", 2), files("y", 2));
    let out = scratch.path("joins");
    let model = root().join("tests/models/joins/model.onnx");
    compiled(Options { model, ..Options::default() }, &out);
    let read = |files: &[String]| tensors(&files.iter().map(String::as_str).collect::<Vec<_>>());
    same(&out, &read(&inputs), &read(&outputs));
    own_data(&out, Generation::AieMl);
    on_a_board(&out, Generation::AieMl, &read(&inputs));
    mistakes_on_a_board(&out.join("vitis"));
}

/// What a host program is told wrongly, or a board is linked wrongly, ends with a message.
fn mistakes_on_a_board(folder: &Path) {
    let board = board(folder, Generation::AieMl);
    for (arguments, words) in [
        (&["system.cfg", "--expected", "data"][..], "cannot be read"),
        (&["system.cfg", "--input", "system.cfg"], "is no .npy file"),
        (&["nowhere.xclbin"], "nowhere.xclbin cannot be read"),
        (&["system.cfg", "--iteration", "5"], "there is no option --iteration"),
        (&["system.cfg", "--timeout", "soon"], "is no number"),
    ] {
        let (code, said) = hosted(&board, folder, arguments);
        assert!(code == Some(1) && said.contains(words), "{arguments:?}: {said}");
    }
    let (code, said) = hosted(&board, folder, &[]);
    assert!(code == Some(2) && said.contains("Usage: host XCLBIN"), "{said}");

    // The same data as bytes, and one of them another.
    let raw = folder.join("raw");
    fs::create_dir_all(&raw).expect("the scratch folder can be written");
    for path in common::files(&folder.join("data"), &["txt"]) {
        let text = fs::read_to_string(&path).expect("it was written");
        let bytes: Vec<u8> =
            text.split_whitespace().map(|word| word.parse::<i64>().unwrap() as u8).collect();
        let name = path.file_stem().unwrap().to_string_lossy();
        fs::write(raw.join(format!("{name}.bin")), bytes).expect("it can be written");
    }
    let as_bytes = ["system.cfg", "--data", "raw", "--expected", "expected"];
    let (code, said) = hosted(&board, folder, &as_bytes);
    assert_eq!(code, Some(0), "{said}");
    let path = raw.join("in0_0.bin");
    let mut bytes = fs::read(&path).expect("it was written");
    bytes[0] ^= 0x40;
    fs::write(&path, &bytes).expect("it can be written");
    let (code, said) = hosted(&board, folder, &as_bytes);
    assert!(code == Some(1) && said.contains(" is "), "{said}");
    bytes.pop();
    fs::write(&path, &bytes).expect("it can be written");
    let (code, said) = hosted(&board, folder, &as_bytes);
    assert!(code == Some(1) && said.contains("an iteration has"), "{said}");

    // Streams and data movers in each other's place: the board says so where it can see it, and the
    // check of the graph always does.
    let path = folder.join("system.cfg");
    let system = fs::read_to_string(&path).expect("it was written");
    for (from, to, words) in [
        ("ai_engine_0.in1_0\n", "ai_engine_0.in0_9\n", "stream 'in1_0' is connected 0 times"),
        ("mm2s_in1_0.stream", "mm2s_in0_0.stream", "stream 'in1_0' needs a 'mm2s_32'"),
        ("nk=s2mm_", "nk=mm2s_", "stream 'out0_0' needs a 's2mm_"),
    ] {
        let changed = system.replacen(from, to, 1);
        assert_ne!(changed, system, "{from}");
        fs::write(&path, &changed).expect("it can be written");
        let (code, said) = hosted(&board, folder, &["system.cfg"]);
        assert!(code == Some(1) && said.starts_with("error: "), "{said}");
        let found = design::vitis::check(folder).expect_err(words).to_string();
        assert!(found.contains("system.cfg: ") && found.contains(words), "{found}");
    }
    fs::write(&path, &system).expect("it can be written");
    let agreed = design::vitis::check(folder).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(agreed.movers, system.matches("stream_connect=").count(), "{agreed}");
}

/// A tensor that one kernel loads from its neighbor's memory and another gets by DMA.
#[test]
fn a_sum_on_the_smaller_device() {
    let scratch = Scratch::new();
    let out = scratch.path("residual");
    let model = root().join("examples/residual/model.onnx");
    let device = Some("xcve2302".to_owned());
    compiled(Options { model, device, ..Options::default() }, &out);
    let [inputs, outputs] = ["inputs_stress", "outputs_stress"]
        .map(|name| tensors(&[&format!("examples/residual/{name}.npy")]));
    same(&out, &inputs, &outputs);
}

/// A tensor that two layers cut differently: its makers send it in one order to both.
#[test]
fn readers_that_cut_a_tensor_differently() {
    let scratch = Scratch::new();
    let out = scratch.path("wide");
    let model = root().join("examples/residual/model.onnx");
    let (objective, max_tiles) = (Objective::Throughput, Some(40));
    let options = Options { model, objective, max_tiles, ..Options::default() };
    let report = compiled(options.clone(), &out).to_string();
    assert!(report.contains("each output in one order"), "{report}");
    let [inputs, outputs] = ["inputs_stress", "outputs_stress"]
        .map(|name| tensors(&[&format!("examples/residual/{name}.npy")]));
    same(&out, &inputs, &outputs);

    // Without that, the design sends it in two.
    let stored = scratch.path("stored");
    let options = Options { transport: Transport::MemoryTiles, ..options };
    compile::compile(&options, &stored, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"));
    let context = tools::context();
    let program = ir::read(&context, &stored.join(compile::DESIGN))
        .and_then(|module| design::program(&context, &module))
        .unwrap_or_else(|error| panic!("{error}"));
    let words = "is sent in two orders, and an output of a kernel has one stream";
    no_graph(&program, |_| (), words);
}

/// Cascades of three tiles, two chains that three columns read, iterations of 8 rows of a batch of
/// 12, codes without sign and of 16 bits, sums of 64 bits.
const WIDE: &str = "\
func.func @main(%x: tensor<12x40xui8>) -> tensor<12x24xi16> {
  %w = arith.constant dense<WEIGHTS0> : tensor<40x48xi8>
  %v = arith.constant dense<WEIGHTS1> : tensor<48x24xi8>
  %b = arith.constant dense<[BIAS]> : tensor<24xi32>
  %y = aie4ml.dense %x, %w accumulator = i32
    requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 16, min = 0, max = 32767>]
    {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 2, k = 16, n = 24, rows = 8>}
    : (tensor<12x40xui8>, tensor<40x48xi8>) -> tensor<12x48xi16>
  %z = aie4ml.dense %y, %v, %b accumulator = i64
    requant = [#aie4ml.requant<shift = 9, rounding = nearest_even, overflow = saturate, width = 16, min = -32768, max = 32767>]
    {microtile = #aie4ml.microtile<4, 8, 4>, split = #aie4ml.split<cascade = 3, chains = 3, k = 16, n = 8, rows = 8>}
    : (tensor<12x48xi16>, tensor<48x24xi8>, tensor<24xi32>) -> tensor<12x24xi16>
  return %z : tensor<12x24xi16>
}
";

fn wide() -> String {
    let numbers = |count: usize, step: usize, most: usize| -> Vec<String> {
        (0..count).map(|i| ((i * step % most) as i64 - most as i64 / 2).to_string()).collect()
    };
    let matrix = |rows: usize, columns: usize, step| {
        let all = numbers(rows * columns, step, 251);
        let rows = all.chunks(columns).map(|row| format!("[{}]", row.join(", ")));
        format!("[{}]", rows.collect::<Vec<_>>().join(", "))
    };
    WIDE.replace("WEIGHTS0", &matrix(40, 48, 37))
        .replace("WEIGHTS1", &matrix(48, 24, 101))
        .replace("BIAS", &numbers(24, 977, 5003).join(", "))
}

#[test]
fn cascades_of_16_bits_are_exact_and_changes_are_caught() {
    let scratch = Scratch::new();
    let model = scratch.write("wide.mlir", wide());
    let out = scratch.path("wide");
    let objective = Objective::Throughput;
    let report = compiled(Options { model, objective, ..Options::default() }, &out);
    assert_eq!(report.tiles, 15, "{report}");
    // From tile to tile, chains would send in two orders.
    let remark = "planned with all edges through memory tiles, each output in one order";
    assert!(report.to_string().contains(remark), "{report}");
    let codes: Vec<i64> = (0..3 * 12 * 40).map(|i| i * 89 % 256).collect();
    let input = Tensor::from_integers(vec![36, 40], Dtype::U8, &codes).unwrap();
    same(&out, std::slice::from_ref(&input), &[]);
    own_data(&out, Generation::AieMl);
    on_a_board(&out, Generation::AieMl, &[input]);

    let folder = out.join("vitis");
    let agreed = design::vitis::check(&folder).unwrap_or_else(|error| panic!("{error}"));
    // Weights of every core, and a bias where a sum starts.
    assert_eq!((agreed.kernels, agreed.constants), (15, 15 + 2 + 3), "{agreed}");
    // 8 rows: of 16 inputs for each of 6 and 9 tiles, and of 24 outputs.
    assert_eq!(agreed.elements, 8 * (6 * 16 + 9 * 16 + 24), "{agreed}");
    assert!(agreed.memories > 3 && agreed.patterns > 20, "{agreed}");

    let graph = fs::read_to_string(folder.join("src/graph.h")).expect("it was written");
    // Each change in a project of its own.
    type Change = fn(&str) -> String;
    let changes: [(&str, Change, &str); 4] = [
        ("a swapped connection", swapped, "in the design element"),
        ("a shifted location", |text| shifted(text, "adf::location<adf::kernel>"), "no kernel"),
        ("a wrong tiling", retiled, "in the design element"),
        ("a shifted buffer", |text| shifted(text, "adf::location<adf::buffer>"), "leaves"),
    ];
    for (what, change, words) in changes {
        let changed = change(&graph);
        assert!(changed != graph, "{what}");
        fs::write(folder.join("src/graph.h"), changed).expect("the scratch folder can be written");
        let output = aie4ml(&["run", folder.to_str().unwrap()]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{what}: {said}");
        let right = said.contains("its graph is not that of design.mlir") && said.contains(words);
        assert!(right, "{what}: {said}");
    }
}

/// Two sources of connections to memory tiles, each in the other's place.
fn swapped(graph: &str) -> String {
    let mut lines: Vec<String> = graph.lines().map(String::from).collect();
    let is_one = |line: &&mut String| line.contains("connect<>(") && line.contains(".out[0], ");
    let from_kernels = |line: &&mut String| !line.contains("connect<>(in0");
    let mut connections = lines.iter_mut().filter(is_one).filter(from_kernels);
    let (first, second) = (connections.next().unwrap(), connections.next().unwrap());
    let split = |line: &str| {
        let (from, to) = line.split_once(", ").unwrap();
        (from.to_owned(), to.to_owned())
    };
    let ((from, to), (other_from, other_to)) = (split(first), split(second));
    *first = format!("{other_from}, {to}");
    *second = format!("{from}, {other_to}");
    lines.join("\n")
}

/// The last place of a kind one column to the east.
fn shifted(graph: &str, kind: &str) -> String {
    let begin = graph.rfind(kind).unwrap();
    let place = begin + graph[begin..].find("(").unwrap();
    let place = place + graph[place..].find(" = ").unwrap();
    let digits = place + graph[place..].find(|c: char| c.is_ascii_digit()).unwrap();
    let end = digits + graph[digits..].find(',').unwrap();
    let column: u32 = graph[digits..end].parse().unwrap();
    format!("{}{}{}", &graph[..digits], column + 1, &graph[end..])
}

/// The two loops of a traversal, each in the other's place.
fn retiled(graph: &str) -> String {
    let line = graph.lines().find(|line| line.matches(".wrap = ").count() == 2).unwrap();
    let begin = line.find(".tile_traversal = {").unwrap() + ".tile_traversal = {".len();
    let (first, rest) = line[begin..].split_once("}, ").unwrap();
    let (second, rest) = rest.split_once('}').unwrap();
    let changed = format!("{}{second}}}, {first}}}{rest}", &line[..begin]);
    graph.replace(line, &changed)
}

#[test]
fn devices_and_tensors_without_a_road() {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let model = root().join("examples/digits/model.onnx");
    for (options, words) in [
        (["--device", "npu2"], ["device 'npu2' has no programmable logic", "xcve2802"]),
        (["--io", "ddr"], ["streams of programmable logic", "leave out --io ddr"]),
    ] {
        let mut arguments = vec!["compile", model.to_str().unwrap(), "-o", out.to_str().unwrap()];
        arguments.extend(["--emit", "vitis"]);
        arguments.extend(options);
        let output = aie4ml(&arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert!(!out.exists());
    }
}

/// Changes a program, and expects that it is no graph any more.
fn no_graph(program: &Program, change: impl FnOnce(&mut Program), words: &str) {
    let mut program = program.clone();
    change(&mut program);
    let device = Device::by_name(&program.device).expect("it was compiled for it");
    let refused = Graph::of(&program, &device).expect_err(words);
    assert!(refused.message.contains(words), "no '{words}' in: {}", refused.message);
}

#[test]
fn what_no_graph_says_is_refused() {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let model = root().join("examples/residual/model.onnx");
    compile::compile(&Options { model, ..Options::default() }, &out, &mut |_| ())
        .unwrap_or_else(|error| panic!("{error}"));
    let context = tools::context();
    let program = ir::read(&context, &out.join(compile::DESIGN))
        .and_then(|module| design::program(&context, &module))
        .unwrap_or_else(|error| panic!("{error}"));
    let device = Device::by_name(&program.device).expect("it was compiled for it");
    let graph = Graph::of(&program, &device).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(graph.kernels.len(), program.cores.len());

    no_graph(&program, |p| p.flows[0].packet = Some(1), "sends packets");
    no_graph(&program, |p| p.dmas[0].bds[0].pad = vec![Pad::default()], "as no tiling parameters");
    no_graph(
        &program,
        |p| {
            // A diagonal, in both halves.
            let dma = p.dmas.iter_mut().find(|dma| dma.tile.row < 3).expect("there is one");
            let pitch = p.buffers[dma.bds[0].buffer.0].shape[1];
            for bd in &mut dma.bds {
                bd.dims = vec![Dim { size: bd.len, stride: pitch + 1 }];
            }
        },
        "as no tiling parameters",
    );
    no_graph(
        &program,
        |p| {
            let Stmt::For { body, .. } = &mut p.cores[0].body[0] else { return };
            let call = body.iter().position(|inner| matches!(inner, Stmt::Call { .. }));
            body.remove(call.expect("it calls its kernel"));
        },
        "does not call one kernel on both halves",
    );
    no_graph(&program, |p| p.inputs[0].streams.clear(), "compile with --io plio");
    no_graph(
        &program,
        |p| {
            let memory = p.buffers.iter_mut().filter(|buffer| buffer.tile.row == 1);
            memory.for_each(|buffer| buffer.shape[0] *= 4096);
        },
        "has 524288 bytes, and the shared buffers of the design need more",
    );
    // A second stream into the input of a kernel.
    no_graph(
        &program,
        |p| {
            let index = p.flows.iter().position(|flow| flow.destinations[0].tile.row > 2);
            let again = p.flows[index.expect("a kernel is fed")].destinations[0];
            p.flows[0].destinations.push(again);
        },
        "gathers its input from several streams",
    );
    no_graph(&program, |p| p.flows.retain(|flow| flow.source.tile.row < 3), "nobody reads");
    no_graph(
        &program,
        |p| p.flows.retain(|flow| flow.destinations.iter().all(|port| port.tile.row < 3)),
        "has an input that nothing fills",
    );
}
