//! The folder `npu` of what is compiled for a Ryzen AI device, with stand-ins for the tools that
//! build it and for the runtime that runs it: no such tool, and no device, is needed here.

mod common;

use aie4ml::{
    compile::{self, Options},
    device::Device,
    manifest::Manifest,
    npu,
    tensor::{Dtype, Tensor},
};
use common::{Scratch, aie4ml, files, root, stderr, stdout};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const DIGITS: &str = "examples/digits";

/// Stand-ins, and a place for what they say.
struct Machine {
    scratch: Scratch,
    age: &'static str,
    fault: &'static str,
}

impl Machine {
    fn new() -> Machine {
        let scratch = Scratch::new();
        let headers = scratch.path("headers/aie_api");
        fs::create_dir_all(&headers).unwrap();
        fs::write(headers.join("aie.hpp"), "").unwrap();
        Machine { scratch, age: "new", fault: "" }
    }

    fn with(age: &'static str, fault: &'static str) -> Machine {
        Machine { age, fault, ..Machine::new() }
    }

    /// Compiles a model for a device into the folder `name`.
    fn compile(&self, model: &str, device: &str, name: &str, more: &[&str]) -> PathBuf {
        let (model, folder) = (root().join(model), self.scratch.path(name));
        let mut arguments = vec![Path::new("compile"), &model, Path::new("-o"), &folder];
        arguments.extend([Path::new("--device"), Path::new(device)]);
        arguments.extend(more.iter().map(Path::new));
        let output = aie4ml(&arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        folder
    }

    /// A program without anything of this machine but its usual tools and all stand-ins.
    fn command(&self, program: &Path) -> Command {
        let tools = root().join("tests/npu");
        let mut command = Command::new(program);
        command
            .env_remove("MLIR_AIE_INSTALL_DIR")
            .env_remove("VIRTUAL_ENV")
            .env("PATH", "/usr/bin:/bin")
            .env("PEANO_INSTALL_DIR", tools.join("peano"))
            .env("AIECC", tools.join("aiecc"))
            .env("AIECC_AGE", self.age)
            .env("AIE_API_INCLUDE", self.scratch.path("headers"))
            .env("TOOLS_LOG", self.scratch.path("tools.log"))
            .env("TOOLS_FAULT", self.fault)
            .env("PYTHONPATH", &tools)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYXRT_LOG", self.scratch.path("xrt.log"))
            .env("PYXRT_NAME", "NPU Phoenix")
            .env("AIE4ML", env!("CARGO_BIN_EXE_aie4ml"));
        command
    }

    /// Runs `build.sh`.
    fn build(&self, folder: &Path, arguments: &[&str]) -> Output {
        let mut command = self.command(&folder.join("npu/build.sh"));
        command.env("PYXRT_KERNELS", folder.join("kernels"));
        command.args(arguments).output().expect("bash runs it")
    }

    /// `run.py` of a folder, to be told more.
    fn run(&self, folder: &Path) -> Command {
        let mut command = self.command(&folder.join("npu/run.py"));
        command.env("PYXRT_KERNELS", folder.join("kernels"));
        command
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.scratch.path(name)).unwrap_or_default()
    }

    /// A text without places that are others the next time.
    fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.scratch.path("").display().to_string(), "[SCRATCH]/");
        let text = text.replace(&root().display().to_string(), "[ROOT]");
        let words = text.split_inclusive(|c: char| c.is_whitespace() || c == '/');
        words.map(|w| if w.starts_with(".built.") { ".built.XXXXXX/" } else { w }).collect()
    }
}

fn built(machine: &Machine, folder: &Path) {
    let output = machine.build(folder, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
}

/// Names in a folder.
fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it is there").flatten();
    let mut names: Vec<_> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_scripts_pass_shellcheck() {
    let output = Command::new("shellcheck")
        .args(["npu/build.sh", "tests/npu/aiecc", "tests/npu/peano/bin/clang++"])
        .current_dir(root())
        .output()
        .expect("tools/setup.sh installs shellcheck");
    assert!(output.status.success(), "{}", stdout(&output));
}

#[test]
fn only_ryzen_devices_have_the_folder() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    for device in ["npu1", "npu2_1col"] {
        let folder = machine.compile("examples/jet_tagger/model.onnx", device, device, &[]);
        assert_eq!(entries(&folder.join("npu")), ["build.sh", "run.py"]);
        for name in ["build.sh", "run.py"] {
            let mode = fs::metadata(folder.join("npu").join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o111, 0o111, "{name} can be executed");
        }
    }
    let folder = machine.compile("examples/jet_tagger/model.onnx", "xcve2802", "versal", &[]);
    assert!(!folder.join("npu").exists());
    let output = aie4ml(&["build".as_ref(), folder.as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(machine.plain(&stderr(&output)));
}

fn compiled(model: &str, device: &str) -> Manifest {
    let options =
        Options { model: root().join(model), device: Some(device.into()), ..Options::default() };
    let compiled = compile::compile_in_memory(&options, &mut |_| ());
    compiled.unwrap_or_else(|error| panic!("{error}")).manifest
}

/// Memory and streams, and what the host computes.
#[test]
fn manifests() {
    let all = [
        (DIGITS.to_string() + "/model.onnx", "npu1"),
        ("examples/jet_tagger/model.onnx".into(), "xcve2802"),
        ("tests/models/images/model.mlir".into(), "npu2"),
    ];
    let text =
        all.map(|(model, device)| format!("//--- {model}\n{}", compiled(&model, device).json()));
    insta::assert_snapshot!(text.concat());
}

#[test]
fn the_manifest_lists_every_file_with_its_digest() {
    let machine = Machine::new();
    let folder = machine.compile(&format!("{DIGITS}/model.onnx"), "npu1", "out", &[]);
    let manifest = Manifest::read(&folder).unwrap();
    let mut listed: Vec<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    listed.push("manifest.json");
    listed.sort();
    let all = files(&folder, &["mlir", "json", "html", "cc", "cpp", "h", "hpp", "py", "sh"]);
    let mut found: Vec<String> = (all.iter())
        .map(|path| path.strip_prefix(&folder).unwrap().display().to_string())
        .collect();
    found.sort();
    assert_eq!(listed, found);
    let roles: Vec<String> = (manifest.files.iter())
        .filter(|file| !file.path.starts_with("kernels/"))
        .map(|file| format!("{}: {}", file.path, file.role))
        .collect();
    insta::assert_snapshot!(roles.join("\n"));
    // By a program that has nothing to do with ours.
    let sums: String = (manifest.files.iter())
        .filter_map(|file| Some(format!("{}  {}\n", file.sha256.as_ref()?, file.path)))
        .collect();
    fs::write(folder.join("sums"), sums).unwrap();
    let output =
        Command::new("sha256sum").args(["--check", "sums"]).current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{}", stdout(&output));

    assert_eq!(manifest.changed(&folder), Vec::<&str>::new());
    fs::write(folder.join("design.mlir"), "").unwrap();
    fs::remove_file(folder.join("report.json")).unwrap();
    assert_eq!(manifest.changed(&folder), ["design.mlir", "report.json"]);
    fs::write(folder.join("manifest.json"), "{\"version\": 99}").unwrap();
    let error = Manifest::read(&folder).unwrap_err().to_string();
    assert!(error.contains("is of version 99, this program reads version 1"), "{error}");
}

/// The command lines of both spellings of aiecc, for both kinds of cores.
#[test]
fn tools_are_called_as_they_want_to_be() {
    let mut text = String::new();
    for (device, age) in [("npu1", "new"), ("npu1", "mid"), ("npu2", "old")] {
        let machine = Machine::with(age, "");
        let folder = machine.compile(&format!("{DIGITS}/model.onnx"), device, "out", &[]);
        built(&machine, &folder);
        let names = ["aiecc.log", "design.mlir", "design.xclbin", "insts.bin", "tools.txt"];
        assert_eq!(entries(&folder.join("npu/built")), names);
        assert_eq!(entries(&folder.join("npu")), ["build.sh", "built", "run.py"]);
        text += &format!("== {device}, {age}\n{}", machine.log("tools.log"));
        text = machine.plain(&text);
        // Again, over what is there.
        built(&machine, &folder);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_program_builds_as_the_script_does() {
    let machine = Machine::new();
    let folder = machine.compile(&format!("{DIGITS}/model.onnx"), "npu1", "out", &[]);
    let build = |more: &[&str]| {
        let mut command = machine.command(Path::new(env!("CARGO_BIN_EXE_aie4ml")));
        command.arg("build").arg(&folder).args(more).output().unwrap()
    };
    let checked = build(&["--check"]);
    assert!(checked.status.success(), "{}", stderr(&checked));
    assert!(!folder.join("npu/built").exists());
    let output = build(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(folder.join("npu/built/design.xclbin").exists());
    let text = machine.plain(&(stdout(&checked) + "--\n" + &stdout(&output)));
    insta::assert_snapshot!(text);
    let none = build(&["--kernels"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).contains("'aie4ml compile --simulate' writes them"), "{}", stderr(&none));
}

/// What is missing, wrong or fails: what was looked for, and what helps. None of it leaves anything
/// that looks like a built folder.
#[test]
fn what_is_missing_is_said() {
    let machine = Machine::new();
    let folder = machine.compile(&format!("{DIGITS}/model.onnx"), "npu1", "out", &[]);
    let nowhere = machine.scratch.path("nowhere");
    let mut text = String::new();
    let place = &machine;
    let mut case = |title: &str, machine: &Machine, change: &dyn Fn(&mut Command)| {
        let mut command = machine.command(&folder.join("npu/build.sh"));
        change(&mut command);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{title}: {}", stdout(&output));
        assert_eq!(entries(&folder.join("npu")), ["build.sh", "run.py"], "{title}");
        text += &format!("== {title}\n{}", place.plain(&stderr(&output)));
    };
    case("no Peano", &machine, &|c| _ = c.env_remove("PEANO_INSTALL_DIR"));
    case("no Peano where it is said to be", &machine, &|c| {
        _ = c.env("PEANO_INSTALL_DIR", &nowhere)
    });
    let other = machine.scratch.path("other/bin");
    fs::create_dir_all(&other).unwrap();
    std::os::unix::fs::symlink("/bin/false", other.join("clang++")).unwrap();
    case("another clang", &machine, &|c| {
        _ = c.env("PEANO_INSTALL_DIR", other.parent().unwrap());
    });
    case("no aiecc", &machine, &|c| _ = c.env_remove("AIECC"));
    case("no aiecc where mlir-aie is", &machine, &|c| {
        _ = c.env_remove("AIECC").env("MLIR_AIE_INSTALL_DIR", &nowhere);
    });
    case("an aiecc that is too old", &Machine::with("ancient", ""), &|_| ());
    case("no AIE API", &machine, &|c| _ = c.env("AIE_API_INCLUDE", &nowhere));
    case("an unknown argument", &machine, &|c| _ = c.arg("--fast"));
    case("a kernel that does not compile", &Machine::with("new", "clang"), &|_| ());
    case("a design that does not compile", &Machine::with("new", "aiecc"), &|_| ());
    case("no xclbinutil", &Machine::with("old", "xclbinutil"), &|_| ());
    insta::assert_snapshot!(text);

    // The program says the same.
    let mut command = machine.command(Path::new(env!("CARGO_BIN_EXE_aie4ml")));
    let output = command.arg("build").arg(&folder).env_remove("AIECC").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("aiecc, the driver of mlir-aie, was not found"));
    fs::remove_file(folder.join("kernels").join(kernel(&folder))).unwrap();
    let output = machine.build(&folder, &[]);
    assert!(stderr(&output).contains("but there is no"), "{}", stderr(&output));
    assert_eq!(entries(&folder.join("npu")), ["build.sh", "run.py"]);
}

/// One of the sources of kernels.
fn kernel(folder: &Path) -> String {
    let names = entries(&folder.join("kernels"));
    names.into_iter().find(|name| name.ends_with(".cc")).expect("there are kernels")
}

/// Tools before `--get-xclbin` give a kernel five buffers.
#[test]
fn more_tensors_than_old_tools_have_buffers_are_refused() {
    let machine = Machine::with("old", "");
    let folder = machine.compile(&format!("{DIGITS}/model.onnx"), "npu1", "out", &[]);
    let design = fs::read_to_string(folder.join("design.mlir")).unwrap();
    let more: String = (2..6).map(|n| format!(", %arg{n}: memref<1x4xi8>")).collect();
    let design = design.replace(") {\n      aiex.npu", &format!("{more}) {{\n      aiex.npu"));
    fs::write(folder.join("design.mlir"), design).unwrap();
    let output = machine.build(&folder, &[]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(machine.plain(&stderr(&output)));
    assert!(Machine { age: "new", ..machine }.build(&folder, &[]).status.success());
}

/// A model with its files, `x0.npy` or `inputs.npy` and so on.
struct Case {
    model: &'static str,
    device: &'static str,
    inputs: &'static [&'static str],
    outputs: &'static [&'static str],
}

/// Compares what `run.py` gives with what `aie4ml run` gives, file by file.
fn same_as_the_simulator(machine: &Machine, case: &Case) -> String {
    let folder = machine.compile(case.model, case.device, "out", &[]);
    built(machine, &folder);
    let data = root().join(case.model);
    let data = data.parent().unwrap();
    let mut results = Vec::new();
    for name in ["npu", "simulator"] {
        let mut command = match name {
            "npu" => machine.run(&folder),
            _ => {
                let mut command = machine.command(Path::new(env!("CARGO_BIN_EXE_aie4ml")));
                command.arg("run").arg(&folder);
                command
            }
        };
        if case.device.starts_with("npu2") {
            command.env("PYXRT_NAME", "NPU Strix");
        }
        for input in case.inputs {
            command.arg("--input").arg(data.join(input));
        }
        for output in case.outputs {
            command.arg("--expect").arg(data.join(output));
            command.arg("--output").arg(machine.scratch.path(&format!("{name}.{output}")));
        }
        let output = command.output().unwrap();
        let (said, errors) = (stdout(&output), stderr(&output));
        assert!(output.status.success(), "{} {name}: {said}{errors}", case.model);
        results.push(said);
    }
    for output in case.outputs {
        let read = |name| fs::read(machine.scratch.path(&format!("{name}.{output}"))).unwrap();
        assert_eq!(read("npu"), read("simulator"), "{}: {output}", case.model);
    }
    // What both say of the outputs is the same.
    let [npu, simulator] = results.as_slice() else { unreachable!() };
    assert!(npu.starts_with(simulator.as_str()), "{npu}\n{simulator}");
    npu.clone()
}

#[test]
fn floats_of_a_batch_larger_than_an_invocation() {
    let machine = Machine::new();
    let case = Case {
        model: "examples/digits/model.onnx",
        device: "npu1",
        inputs: &["inputs.npy"],
        outputs: &["outputs.npy"],
    };
    let said = same_as_the_simulator(&machine, &case);
    assert!(said.contains("4480 of 4480 outputs equal\nlatency of an invocation"), "{said}");
    assert!(said.contains("14 measured"), "{said}");
    // Queued: eight are under way before the first is awaited. Then each is awaited, then queued again.
    let log = machine.log("xrt.log");
    let order: Vec<&str> =
        log.lines().filter(|line| line.starts_with("start") || line.starts_with("wait")).collect();
    let first: Vec<String> = (1..=8).map(|n| format!("start {n}")).collect();
    assert_eq!(order[..8], first);
    let rest: Vec<String> =
        (1..=6).flat_map(|n| [format!("wait {n}"), format!("start {}", n + 8)]).collect();
    assert_eq!(order[8..20], rest);
    let last: Vec<String> = (7..=14).map(|n| format!("wait {n}")).collect();
    assert_eq!(order[20..28], last);
    let awaited: Vec<String> =
        (15..=28).flat_map(|n| [format!("start {n}"), format!("wait {n}")]).collect();
    assert_eq!(order[28..56], awaited);
    assert_eq!(order[56..64], (29..=36).map(|n| format!("start {n}")).collect::<Vec<_>>());
    assert_eq!(order.len(), 84);
}

#[test]
fn codes_on_the_other_architecture() {
    let case = Case {
        model: "examples/residual/model.onnx",
        device: "npu2",
        inputs: &["inputs_q.npy"],
        outputs: &["outputs_q.npy"],
    };
    same_as_the_simulator(&Machine::new(), &case);
}

#[test]
fn several_inputs_and_outputs() {
    for device in ["npu1", "npu2_4col"] {
        let case = Case {
            model: "tests/models/joins/model.onnx",
            device,
            inputs: &["x0.npy", "x1.npy"],
            outputs: &["y0.npy", "y1.npy"],
        };
        same_as_the_simulator(&Machine::new(), &case);
    }
    let case = Case {
        model: "tests/models/heads/model.onnx",
        device: "npu1",
        inputs: &["x0.npy"],
        outputs: &["y0.npy", "y1.npy", "y2.npy"],
    };
    same_as_the_simulator(&Machine::new(), &case);
}

/// Bytes of images come in, probabilities and classes go out; or codes of the network.
#[test]
fn what_the_host_computes_before_and_after() {
    let machine = Machine::new();
    let folder = machine.compile("tests/models/images/model.mlir", "npu1", "out", &[]);
    built(&machine, &folder);
    let path = |name: &str| machine.scratch.path(name);
    let bytes: Vec<i64> = (0..64).map(|i| (i * 37 + 11) % 256).collect();
    let codes: Vec<i64> = bytes.iter().map(|byte| byte / 2).collect();
    let write = |name, shape: &[usize], dtype, values: &[i64]| {
        let tensor = Tensor::from_integers(shape.to_vec(), dtype, values).unwrap();
        tensor.write_npy(&path(name)).unwrap();
    };
    write("bytes.npy", &[8, 2, 4], Dtype::U8, &bytes);
    write("codes.npy", &[8, 2, 4], Dtype::I8, &codes);
    let named = |name: &str, file: &str| format!("{name}={}", path(file).display());
    let run = |by: &str, arguments: &[String]| {
        let mut command = match by {
            "npu" => machine.run(&folder),
            _ => {
                let mut command = machine.command(Path::new(env!("CARGO_BIN_EXE_aie4ml")));
                command.arg("run").arg(&folder);
                command
            }
        };
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{by}: {}{}", stdout(&output), stderr(&output));
        stdout(&output)
    };
    let mut said = Vec::new();
    for by in ["simulator", "npu"] {
        let image = ["--input".into(), named("image", "bytes.npy")];
        let outputs = ["best", "likely"].map(|name| named(name, &format!("{by}.{name}.npy")));
        let outputs = outputs.into_iter().flat_map(|file| ["--output".into(), file]);
        run(by, &image.clone().into_iter().chain(outputs).collect::<Vec<_>>());
        let expected = ["likely", "best"].map(|name| named(name, &format!("simulator.{name}.npy")));
        let expected = expected.into_iter().flat_map(|file| ["--expect".into(), file]);
        said.push(run(by, &image.into_iter().chain(expected).collect::<Vec<_>>()));
        let codes = ["--input", "codes.npy", "--output", &format!("{by}.logits.npy")];
        let codes = codes.map(|word| match word.strip_suffix(".npy") {
            Some(_) => path(word).display().to_string(),
            None => word.into(),
        });
        run(by, &codes);
    }
    for name in ["likely", "best", "logits"] {
        let read = |by: &str| fs::read(path(&format!("{by}.{name}.npy"))).unwrap();
        assert_eq!(read("npu"), read("simulator"), "{name}");
    }
    assert!(said[1].starts_with(&said[0]), "{}\n{}", said[0], said[1]);
    assert!(said[1].contains("24 of 24 outputs within 9.537e-7"), "{}", said[1]);

    // Without the program that executes the host's part.
    let mut command = machine.run(&folder);
    command.arg("--input").arg(path("bytes.npy")).env_remove("AIE4ML");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("is in host.mlir, which the program aie4ml executes"));
    // A part that is not there.
    let mut command = machine.command(Path::new(env!("CARGO_BIN_EXE_aie4ml")));
    let plain = machine.compile(&format!("{DIGITS}/model.onnx"), "npu1", "plain", &[]);
    command.arg("run").arg(&plain).args(["--host", "after"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("the host computes nothing after the array"));
}

/// Every kernel alone, a cascade together; and a device that gets one wrong.
#[test]
fn kernels_are_compared_alone() {
    let machine = Machine::new();
    let model = "examples/autoencoder/model.onnx";
    let more = ["--simulate", "--optimize", "throughput"];
    let folder = machine.compile(model, "npu1", "out", &more);
    let manifest = Manifest::read(&folder).unwrap();
    assert_eq!(manifest.changed(&folder), Vec::<&str>::new());
    let simulated = manifest.cycles.simulated.expect("it was");
    assert!(simulated.latency > 0 && simulated.interval > 0.0);
    // Each kernel of the design is in one of them.
    let checks = folder.join("npu/kernels");
    let designs: String = (entries(&checks).iter())
        .map(|name| fs::read_to_string(checks.join(name).join("design.mlir")).unwrap())
        .collect();
    let kernels: Vec<String> = (entries(&folder.join("kernels")).into_iter())
        .filter_map(|name| name.strip_suffix(".cc").map(str::to_string))
        .collect();
    assert!(kernels.iter().any(|name| name.starts_with("dense_first")), "{kernels:?}");
    for kernel in &kernels {
        assert!(designs.contains(&format!("func.call @{kernel}(")), "{kernel}");
    }
    let output = machine.build(&folder, &["--kernels"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let count = entries(&checks).len();
    let said = stdout(&output);
    assert!(said.contains(&format!("{count} of {count} kernels give what they must")), "{said}");

    let output =
        machine.run(&folder).arg("--kernels").env("PYXRT_FAULT", "wrong").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stdout(&output);
    assert!(said.contains(&format!("0 of {count} kernels give what they must")), "{said}");
}

#[test]
fn what_goes_wrong_when_running_is_said() {
    let machine = Machine::new();
    let folder = machine.compile(&format!("{DIGITS}/model.onnx"), "npu1", "out", &[]);
    let data = root().join(DIGITS);
    let mut text = String::new();
    let mut case = |title: &str, change: &dyn Fn(&mut Command)| {
        let mut command = machine.run(&folder);
        change(&mut command);
        let output = command.output().unwrap();
        assert_ne!(output.status.code(), Some(0), "{title}");
        // argparse wraps and lists options as its version likes.
        let errors = stderr(&output);
        let errors =
            errors.lines().filter(|line| !line.starts_with("usage") && !line.starts_with("  "));
        let mismatches = stdout(&output);
        let said: Vec<&str> =
            mismatches.lines().take_while(|l| !l.starts_with("latency")).chain(errors).collect();
        text += &format!("== {title}\n{}\n", machine.plain(&said.join("\n")));
    };
    let inputs = data.join("inputs.npy");
    let given = |command: &mut Command| _ = command.arg("--input").arg(&inputs);
    case("not built", &given);
    built(&machine, &folder);
    case("no input", &|_| ());
    case("no pyxrt", &|c| {
        given(c);
        c.env("PYTHONPATH", "");
    });
    case("another device", &|c| {
        given(c);
        c.env("PYXRT_NAME", "NPU Strix");
    });
    case("no such device", &|c| {
        given(c);
        c.args(["--device", "3"]);
    });
    case("values that differ", &|c| {
        given(c);
        c.arg("--expect").arg(data.join("outputs.npy")).env("PYXRT_FAULT", "wrong");
    });
    case("nothing is written", &|c| {
        given(c);
        c.arg("--expect").arg(data.join("outputs.npy")).env("PYXRT_FAULT", "silent");
    });
    case("values that are not always the same", &|c| {
        given(c);
        c.env("PYXRT_FAULT", "flaky").args(["--iterations", "2", "--queue", "1"]);
    });
    case("it never ends", &|c| {
        given(c);
        c.env("PYXRT_FAULT", "hang").args(["--timeout", "0.5"]);
    });
    case("no file", &|c| _ = c.args(["--input", "nothing.npy"]));
    case("no array", &|c| _ = c.arg("--input").arg(folder.join("design.mlir")));
    case("another shape", &|c| _ = c.arg("--input").arg(data.join("outputs.npy")));
    case("too many inputs", &|c| {
        given(c);
        given(c);
    });
    case("an unknown name", &|c| _ = c.arg("--input").arg(format!("image={}", inputs.display())));
    case("floats and codes", &|c| {
        given(c);
        c.arg("--expect").arg(data.join("labels.npy"));
    });
    fs::OpenOptions::new().append(true).open(folder.join("design.mlir")).map(drop).unwrap();
    let design = fs::read_to_string(folder.join("design.mlir")).unwrap();
    fs::write(folder.join("design.mlir"), design + "// edited\n").unwrap();
    case("edited since it was built", &given);
    fs::remove_file(folder.join("manifest.json")).unwrap();
    case("no manifest", &given);
    insta::assert_snapshot!(text);
}

/// The device table and the folder agree on what is a Ryzen AI.
#[test]
fn every_npu_has_a_target() {
    for name in Device::names() {
        assert_eq!(npu::target(name).is_some(), name.starts_with("npu"), "{name}");
    }
}
