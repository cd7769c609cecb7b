//! Kernel sources as the compilers for the array see them.

mod common;

use aie4ml::{
    compile::{self, Options},
    device::{Device, MmulShape, Operation},
    exact::{Requant, Rounding},
    kernel::{
        Add, Dense, Integer, Kernel, Role, Stage,
        body::{Addition, Work},
        schedule::Body,
        time,
    },
    plan::microtile::Microtile,
};
use common::{Scratch, llvm, root};
use std::{collections::BTreeSet, fs, process::Command};

/// What a tool of LLVM says; of a failure, its errors.
fn tool(name: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(llvm().join("bin").join(name))
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout) + &text(&output.stderr))
    } else {
        Err(text(&output.stderr))
    }
}

/// Compiles a source with the kernels' headers and the emulation of the AIE API.
fn clang(source: &str, options: &[&str]) -> Result<String, String> {
    let scratch = Scratch::new();
    let file = scratch.write("kernel.cc", source);
    let headers = root().join("kernels");
    let host = headers.join("host");
    let paths = [&headers, &host, &file].map(|path| path.to_str().expect("a readable path"));
    let mut arguments = vec!["-std=c++20", "-I", paths[0], "-I", paths[1], paths[2]];
    arguments.extend(options);
    tool("clang++", &arguments)
}

fn optimized(source: &str) -> String {
    let text = clang(source, &["-O2", "-S", "-emit-llvm", "-o", "-"]);
    text.unwrap_or_else(|error| panic!("{error}"))
}

/// Pairs of a load and a store of a kernel of which LLVM cannot tell that they are apart.
fn confused(name: &str, source: &str) -> usize {
    let scratch = Scratch::new();
    let file = scratch.write("kernel.ll", optimized(source));
    let file = file.to_str().expect("a readable path");
    let arguments = [
        "-passes=aa-eval",
        "-evaluate-aa-metadata",
        "-print-all-alias-modref-info",
        "-disable-output",
        file,
    ];
    let text = tool("opt", &arguments).unwrap_or_else(|error| panic!("{error}"));
    let (_, own) = text
        .split_once(&format!("Function: {name}:"))
        .unwrap_or_else(|| panic!("{name} is not looked at: {text}"));
    let own = own.split("Function: ").next().unwrap_or_default();
    let pairs = own
        .lines()
        .filter(|line| line.contains("<->") && line.contains("= load ") && line.contains("store "));
    assert!(pairs.clone().count() > 0, "{text}");
    pairs.filter(|line| line.trim_start().starts_with("MayAlias")).count()
}

/// Kernels that a model becomes.
fn sources(model: &str, device: &str) -> Vec<(String, String)> {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let options =
        Options { model: root().join(model), device: Some(device.into()), ..Options::default() };
    compile::compile(&options, &out, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"));
    let files = common::files(&out.join("kernels"), &["cc"]);
    assert!(!files.is_empty(), "{model}");
    let named = |path: std::path::PathBuf| {
        let name = path.file_stem().expect("a source has a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).unwrap())
    };
    files.into_iter().map(named).collect()
}

/// A dense kernel of every shape, type and sign that a device is said to have, in every role, is
/// one that its templates take, accumulators included: `Dense` refuses another width.
#[test]
fn kernels_take_every_block_product_of_every_device() {
    let mut seen = BTreeSet::new();
    for name in Device::names() {
        let device = Device::by_name(name).expect("it is a name");
        let architecture = if device.vector_alignment == 64 { 21 } else { 20 };
        let mut text = String::new();
        let mut count = 0;
        for (a, w) in [4, 8, 16, 32].iter().flat_map(|a| [4, 8, 16, 32].map(|w| (*a, w))) {
            for shape in device.mmul_shapes(a, w) {
                for (input, weight) in [(true, true), (false, true), (true, false), (false, false)]
                {
                    for role in [Role::Single, Role::First, Role::Middle, Role::Last] {
                        // Roles differ in what they do with sums, signs in how they are made.
                        if role != Role::Single && !(input && weight) {
                            continue;
                        }
                        let requant = Requant::shift(9, Rounding::NearestEven, 8, true);
                        let microtile = Microtile::from(shape);
                        let dense = Dense {
                            role,
                            microtile,
                            rows: 2 * microtile.m,
                            k: 2 * microtile.k,
                            n: 2 * microtile.n,
                            input: Integer { bits: a, signed: input },
                            weight: Integer { bits: w, signed: weight },
                            output: Integer { bits: 8, signed: true },
                            accumulator: shape.accumulator_bits,
                            stages: Stage::all(&[requant], shape.accumulator_bits),
                        };
                        text += &dense.source();
                        count += 1;
                    }
                }
            }
        }
        assert!(count > 50, "{name}: {count}");
        // Devices of one generation have one table.
        if seen.insert((architecture, text.clone())) {
            let define = format!("-D__AIE_ARCH__={architecture}");
            let checked = clang(&text, &["-fsyntax-only", "-Wall", "-Werror", &define]);
            checked.unwrap_or_else(|error| panic!("{name}: {error}"));
            // A shape that no device has is refused.
            let other = text.replacen(", 8,\n", ", 3,\n", 1);
            assert_ne!(other, text);
            assert!(clang(&other, &["-fsyntax-only", &define]).is_err(), "{name}");
        }
    }
    assert_eq!(seen.len(), 2);
}

/// Compilers are told that no buffer of a kernel overlaps another, and believe it.
#[test]
fn no_load_waits_for_a_store() {
    let models = ["examples/digits/model.onnx", "tests/models/joins/model.onnx"].map(String::from);
    let operators = common::files(&root().join("lit-tests/operators"), &["mlir"]);
    let operators = operators
        .iter()
        .filter(|path| !path.ends_with("invalid.mlir"))
        .map(|path| path.to_str().expect("a readable path").to_owned());
    let mut kinds = BTreeSet::new();
    for (name, source) in models.into_iter().chain(operators).flat_map(|m| sources(&m, "xcve2802"))
    {
        let text = optimized(&source);
        let signature = text
            .lines()
            .find(|line| line.starts_with("define") && line.contains(&format!("@{name}(")))
            .unwrap_or_else(|| panic!("{name} is not defined"));
        let parameters = signature.matches("ptr ").count();
        assert!(parameters >= 2, "{signature}");
        assert_eq!(signature.matches("ptr noalias ").count(), parameters, "{signature}");
        // Kernels without a scratch of their own read and write nothing but arguments; results of 32
        // bits pass through one.
        let scratch = name.contains("_i32_s");
        if (name.starts_with("dense_") || name.starts_with("add_")) && !scratch {
            assert_eq!(confused(&name, &source), 0, "{name}");
            let careless = source.replace(" *__restrict ", " *");
            assert!(confused(&name, &careless) > 0, "{name}");
        }
        kinds.insert(name.rsplit_once('_').map_or(String::new(), |(kind, _)| kind.to_owned()));
    }
    for kind in ["conv2d", "softmax", "matmul", "normalize", "gather", "lookup", "average_pool"] {
        assert!(kinds.contains(kind), "{kind}: {kinds:?}");
    }
}

/// What a kernel executes, operation by operation, is what its schedule issues.
#[test]
fn schedules_issue_what_kernels_execute() {
    let device = Device::by_name("xcve2802").expect("it is a name");
    let (mut text, mut expected) = (String::new(), Vec::new());
    let int8 = Integer { bits: 8, signed: true };
    for (microtile, blocks) in [
        ([4, 8, 8], [4, 8, 6]),
        ([4, 8, 8], [5, 3, 7]),
        ([4, 8, 8], [1, 12, 9]),
        ([4, 8, 8], [6, 19, 4]),
        ([8, 8, 8], [4, 8, 4]),
        ([8, 8, 8], [3, 10, 5]),
        ([2, 8, 8], [1, 2, 1]),
    ] {
        let shape = device
            .mmul_shapes(8, 8)
            .find(|shape| [shape.m, shape.k, shape.n] == microtile)
            .expect("the device has it");
        let [mb, kb, nb] = blocks;
        let tile = Microtile::from(shape);
        for role in [Role::Single, Role::First, Role::Middle, Role::Last] {
            let requant = Requant::shift(9, Rounding::NearestEven, 8, true);
            let dense = Dense {
                role,
                microtile: tile,
                rows: mb * tile.m,
                k: kb * tile.k,
                n: nb * tile.n,
                input: int8,
                weight: int8,
                output: int8,
                accumulator: 32,
                stages: if role.has_output() { Stage::all(&[requant], 32) } else { Vec::new() },
            };
            text += &dense.source();
            let sizes =
                [dense.rows * dense.k, dense.k * dense.n, 4 * dense.n, dense.rows * dense.n];
            expected.push((dense.name(), role, sizes, issued(role, shape, blocks, &device)));
        }
    }
    let requant = Requant::shift(2, Rounding::NearestEven, 8, true);
    let add = Add {
        rows: 3,
        n: 64,
        inputs: [int8; 2],
        factors: [4, 1],
        accumulator: 32,
        output: int8,
        stages: Stage::all(&[requant], 32),
    };
    let body = Addition { lanes: 32, input_bits: 8, output_bits: 8, work: Work::default() };
    let mut issued = vec![0; 6];
    count(&mut issued, &body.body(&device), 3 * 64 / 32);
    let add = Kernel::Add(add);
    text += &add.source();
    expected.push((add.name(), Role::Last, [192; 4], issued));
    // Buffers, a call, and what it executed: loads, products, sums, stores, words sent and received.
    text += "#include <cstdio>\n#include <vector>\nstatic unsigned long sent, received;\n\
             static void put(const void *) { ++sent; }\n\
             static void get(void *) { ++received; }\n\
             int main() {\n  aie4ml_host_connect(put, get);\n";
    for (name, role, sizes, _) in &expected {
        let [a, w, p, c] = sizes.map(|size| size.next_multiple_of(64));
        let mut passed = vec!["a.data()", "w.data()"];
        passed.extend(role.has_bias().then_some("(const int32_t *)p.data()"));
        passed.extend(role.has_output().then_some("c.data()"));
        text += &format!(
            "  {{\n    std::vector<int8_t> a({a}), w({w}), p({p}), c({c});\n    aie::counts = {{}};\n    \
             sent = received = 0;\n    {name}({});\n    \
             std::printf(\"%lu %lu %lu %lu %lu %lu\\n\", aie::counts.loads, aie::counts.products, \
             aie::counts.sums, aie::counts.stores, sent, received);\n  }}\n",
            passed.join(", ")
        );
    }
    text += "}\n";
    let scratch = Scratch::new();
    let (program, host) = (scratch.path("program"), root().join("kernels/host/aie4ml_host.cpp"));
    let [program, host] = [&program, &host].map(|path| path.to_str().expect("a readable path"));
    let compiled = clang(&text, &["-O1", "-DAIE4ML_COUNT", host, "-o", program]);
    compiled.unwrap_or_else(|error| panic!("{error}"));
    let output = Command::new(program).output().expect("it was just made");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.lines().count(), expected.len(), "{output}");
    for (line, (name, _, _, issued)) in output.lines().zip(expected) {
        let executed: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        assert_eq!(executed, issued, "{name}");
    }
}

/// Adds what so many iterations of a loop issue.
fn count(all: &mut [u64], body: &Body, iterations: u64) {
    let kinds: [&[Operation]; 6] = [
        &[Operation::Load],
        &[Operation::Product],
        &[Operation::Sum],
        &[Operation::RoundedStore, Operation::Store],
        &[Operation::Send],
        &[Operation::Receive],
    ];
    for (sum, kinds) in all.iter_mut().zip(kinds) {
        *sum += kinds.iter().map(|&kind| body.count(kind) as u64).sum::<u64>() * iterations;
    }
}

/// Loads, products, sums, stores, and words sent and received, of all iterations of all loops.
fn issued(role: Role, shape: &MmulShape, [mb, kb, nb]: [usize; 3], device: &Device) -> Vec<u64> {
    let dense = time::Dense {
        role,
        shape,
        blocks: [mb, kb, nb],
        group: time::Dense::GROUP,
        output_bits: 8,
        work: Work::default(),
        rest: 0,
        conflict: false,
    };
    let mut all = vec![0; 6];
    for (group, groups) in dense.groups(device) {
        count(&mut all, &group.body(device), groups);
        count(&mut all, &group.step(device), groups * (kb - group.steps) as u64);
    }
    // A call of the API is as many products as the shape takes.
    all[1] /= u64::from(shape.cycles);
    all
}

/// Both compilers for the array are told of the loops that are to overlap, each in its own words.
#[test]
fn loops_say_that_they_overlap() {
    let (name, source) = sources("examples/digits/model.onnx", "xcve2802").swap_remove(0);
    let ir = |define: &str| {
        let text = clang(&source, &["-O0", "-S", "-emit-llvm", "-o", "-", define]);
        text.unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    for told in ["llvm.loop.unroll.disable", "llvm.loop.unroll.full"] {
        assert!(ir("-D__AIECC__").contains(told), "{told}");
    }
    assert!(!ir("-DNDEBUG").contains("llvm.loop.unroll.disable"));
    let text = clang(&source, &["-E", "-D__chess__"]).unwrap_or_else(|error| panic!("{error}"));
    assert!(text.contains("[[chess::prepare_for_pipelining]] [[chess::min_loop_count(count)]]"));
    assert!(text.contains("[[chess::unroll_loop()]]"));
}
