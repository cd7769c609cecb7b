//! Kernels in plain C++, compiled and called.

use std::cell::Cell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::cache::Scratch;
use super::compiler::Compiler;
use super::*;
use crate::array::{
    Argument as Operand, Buffer, BufferId, Bundle, Core, Interface, KernelId, Port as StreamPort,
    Reg, Stream, StreamSlice, Tile,
};
use crate::device::{Device, Generation};
use crate::mlir::native::Library;
use crate::sim::{Engine, Failure};

/// Kernels in plain C++, with a cascade of their own making.
const SOURCES: [(&str, &str); 6] = [
    (
        "cascade.cc",
        r#"#include "aie4ml/cascade.h"
        static int helper() { return 1; }
        extern "C" void first(const signed char *x) { for (int i = 0; i < 16; ++i) put_word(x + 64 * i); }
        extern "C" void last(const signed char *x, signed char *y) {
            for (int i = 0; i < 16; ++i) {
                signed char sum[64];
                get_word(sum);
                for (int j = 0; j < 64; ++j) y[64 * i + j] = sum[j] + x[64 * i + j] * helper();
            }
        }"#,
    ),
    (
        "numbers.cc",
        r#"static int helper() { return 2; }
        extern "C" int eight(const signed char *m, int a, short b, signed char c, long d, int e, int f, int g) {
            return m[0] + a + b + c + (int)d + e + f + helper() * g;
        }
        extern "C" int none() { return -5; }"#,
    ),
    ("broken.cc", "extern \"C\" void broken() { this is not C++; }"),
    (
        "host/aie4ml_host.cpp",
        "#include \"aie4ml/cascade.h\"\nvoid (*put_word)(const void *);\nvoid (*get_word)(void *);\nextern \"C\" void aie4ml_host_connect(void (*p)(const void *), void (*g)(void *)) { put_word = p; get_word = g; }",
    ),
    (
        "aie4ml/cascade.h",
        "extern void (*put_word)(const void *);\nextern void (*get_word)(void *);",
    ),
    ("aie4ml/deeper/unused.h", ""),
];

struct Folder(Scratch);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(Scratch::new().unwrap());
        for (name, text) in SOURCES {
            folder.write(name, text);
        }
        folder
    }

    fn path(&self) -> &Path {
        &self.0.0
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn kernels(&self, program: &Program) -> Result<HostKernels, String> {
        let cache = self.path().join("cache");
        fs::create_dir_all(&cache).unwrap();
        HostKernels::with_cache(program, self.path(), Some(&cache))
            .map_err(|error| error.to_string())
    }

    fn cached(&self) -> usize {
        fs::read_dir(self.path().join("cache")).unwrap().count()
    }
}

fn memory(bytes: usize) -> Type {
    Type::MemRef(vec![bytes], Element::I8)
}

fn kernel(name: &str, object: &str, arguments: Vec<Type>) -> Kernel {
    Kernel {
        name: name.into(),
        link_with: Some(object.into()),
        cycles: None,
        arguments,
        results: Vec::new(),
    }
}

/// A program of one core that calls `kernel` once.
fn program(kernel: Kernel) -> Program {
    let call = Stmt::Call { kernel: KernelId(0), arguments: Vec::new(), results: Vec::new() };
    Program {
        device: "xcve2802".into(),
        kernels: vec![kernel],
        cores: vec![Core {
            tile: Tile { column: 4, row: 3 },
            stack_size: 1024,
            body: vec![call],
            slice: None,
            code: None,
        }],
        ..Program::default()
    }
}

/// Two cores in a cascade; the second's result goes to the host by way of a buffer.
fn cascade() -> Program {
    let tiles = [Tile { column: 4, row: 3 }, Tile { column: 5, row: 3 }];
    let buffer = |tile, name: &str, initial| Buffer {
        tile,
        name: name.into(),
        shape: vec![1024],
        element: Element::I8,
        address: None,
        initial,
        external: false,
    };
    let call = |kernel, buffers: &[usize]| Stmt::Call {
        kernel: KernelId(kernel),
        arguments: buffers.iter().map(|&id| Operand::Buffer(BufferId(id))).collect(),
        results: Vec::new(),
    };
    Program {
        device: "xcve2802".into(),
        buffers: vec![
            buffer(tiles[0], "x0", Some((0..1024).map(|i| i as u8).collect())),
            buffer(tiles[1], "x1", Some((0..1024).map(|i| (i / 3) as u8).collect())),
            buffer(tiles[1], "y", None),
        ],
        cascades: vec![(tiles[0], tiles[1])],
        kernels: vec![
            kernel("first", "cascade.o", vec![memory(1024)]),
            kernel("last", "cascade.o", vec![memory(1024), memory(1024)]),
        ],
        cores: [call(0, &[0]), call(1, &[1, 2])]
            .into_iter()
            .zip(tiles)
            .map(|(call, tile)| Core {
                tile,
                stack_size: 1024,
                body: vec![call],
                slice: None,
                code: None,
            })
            .collect(),
        ..Program::default()
    }
}

#[test]
fn native_kernels_wait_for_each_other_in_the_cascade() {
    let folder = Folder::new();
    let kernels = Rc::new(folder.kernels(&cascade()).unwrap());
    let mut engine = Engine::new(&cascade(), kernels).unwrap();
    engine.run(&[], 0).unwrap();
    let expected: Vec<u8> = (0..1024).map(|i| (i as u8).wrapping_add((i / 3) as u8)).collect();
    assert_eq!(engine.read("y").unwrap(), expected);
}

#[test]
fn a_native_kernel_that_waits_for_ever_can_be_dropped() {
    let mut program = cascade();
    program.cores.remove(0);
    let port = StreamPort { tile: Tile { column: 4, row: 0 }, bundle: Bundle::Plio, channel: 0 };
    program.outputs = vec![Interface {
        name: "y".into(),
        rows: 1,
        columns: 4,
        batch: 1,
        element: Element::I8,
        signed: true,
        scale: 1.0,
        zero_point: 0,
        range: (0, 0),
        streams: vec![Stream { port, slices: vec![StreamSlice { begin: 0, end: 4, pitch: 4 }] }],
        memory: None,
    }];
    let kernels = Rc::new(Folder::new().kernels(&program).unwrap());
    let failure = Engine::new(&program, kernels).unwrap().run(&[], 1).unwrap_err();
    assert!(matches!(failure, Failure::Deadlock(_)), "{failure}");
}

#[test]
fn numbers_are_passed_and_returned_in_their_widths() {
    let integers =
        [Element::I32, Element::I16, Element::I8, Element::I64, Element::I32, Element::I32];
    let mut arguments = vec![memory(4)];
    arguments.extend(integers.map(Type::Scalar));
    arguments.push(Type::Index);
    let mut program = program(kernel("eight", "numbers.o", arguments));
    program.kernels[0].results = vec![Type::Scalar(Element::I32)];
    // Returns its result into the next call.
    program.kernels.push(kernel("none", "numbers.o", Vec::new()));
    program.kernels[1].results = vec![Type::Scalar(Element::I32)];
    let tile = program.cores[0].tile;
    program.buffers = vec![Buffer {
        tile,
        name: "m".into(),
        shape: vec![4],
        element: Element::I8,
        address: None,
        initial: Some(vec![0xff, 0, 0, 0]),
        external: false,
    }];
    let mut arguments = vec![Operand::Buffer(BufferId(0)), Operand::Reg(Reg(0))];
    arguments.extend([-10, 20, -30, 40, 50, 60].map(Operand::Constant));
    // A loop up to the result does not run, one from it does: it is the sum.
    let check = |lower, upper| Stmt::For {
        variable: Reg(2),
        lower,
        upper,
        step: Operand::Constant(1),
        body: vec![Stmt::Call {
            kernel: KernelId(1),
            arguments: Vec::new(),
            results: vec![Reg(3)],
        }],
    };
    let sum = -1 - 5 - 10 + 20 - 30 + 40 + 50 + 2 * 60;
    program.cores[0].body = vec![
        Stmt::Call { kernel: KernelId(1), arguments: Vec::new(), results: vec![Reg(0)] },
        Stmt::Call { kernel: KernelId(0), arguments, results: vec![Reg(1)] },
        check(Operand::Constant(sum), Operand::Reg(Reg(1))),
        check(Operand::Reg(Reg(1)), Operand::Constant(sum + 3)),
    ];
    let native = Folder::new().kernels(&program).unwrap();
    let calls = Rc::new(Cell::new(0));
    let count = calls.clone();
    let kernels = move |call: &Call<'_, u8>| {
        count.set(count.get() + 1);
        native.call(call)
    };
    Engine::new(&program, Rc::new(kernels)).unwrap().run(&[], 0).unwrap();
    assert_eq!(calls.get(), 2 + 3);
}

#[test]
fn buffers_must_not_overlap() {
    let folder = Folder::new();
    let object = folder.path().join("last.so");
    let compiler = Compiler::find(None).unwrap();
    compiler.compile(folder.path(), &["cascade.cc".into()], folder.path(), &object).unwrap();
    let function = Library::open(&object).unwrap().function("last").unwrap();
    let cells = vec![Cell::new(0u8); 1500];
    let arguments = [Argument::Memory(&cells[..1024]), Argument::Memory(&cells[476..])];
    let error = function.call(&arguments, &Panics).unwrap_err();
    assert_eq!(error.to_string(), "'last' is called with overlapping buffers");
    let error = function.call(&[Argument::Integer(0); 9], &Panics).unwrap_err();
    assert_eq!(error.to_string(), "'last' has 9 arguments, at most 8 are supported");
}

/// A cascade that panics at every access.
struct Panics;

impl native::Cascade for Panics {
    fn put(&self, _: [u8; CASCADE_BYTES]) {
        panic!("no put");
    }

    fn get(&self) -> [u8; CASCADE_BYTES] {
        panic!("no get");
    }
}

#[test]
fn a_panic_goes_around_native_code() {
    let folder = Folder::new();
    let object = folder.path().join("first.so");
    let compiler = Compiler::find(None).unwrap();
    compiler.compile(folder.path(), &["cascade.cc".into()], folder.path(), &object).unwrap();
    let library = Library::open(&object).unwrap();
    let cells = vec![Cell::new(1u8); 1024];
    for (name, expected) in [("first", "no put"), ("last", "no get")] {
        let function = library.function(name).unwrap();
        let other = vec![Cell::new(2u8); 1024];
        let arguments = [Argument::Memory(&cells), Argument::Memory(&other)];
        let arguments = if name == "first" { &arguments[..1] } else { &arguments };
        let panic =
            catch_unwind(AssertUnwindSafe(|| function.call(arguments, &Panics))).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&expected));
    }
}

#[test]
fn compiled_kernels_are_cached_until_anything_changes() {
    let folder = Folder::new();
    let numbers = program(kernel("none", "numbers.o", Vec::new()));
    folder.kernels(&numbers).unwrap();
    folder.kernels(&numbers).unwrap();
    assert_eq!(folder.cached(), 1);
    folder.write("aie4ml/deeper/unused.h", "// changed");
    folder.kernels(&numbers).unwrap();
    assert_eq!(folder.cached(), 2);
    let other = Program { device: "npu2".into(), ..numbers.clone() };
    folder.kernels(&other).unwrap();
    assert_eq!(folder.cached(), 3);
    // A file that is no object is replaced.
    for entry in fs::read_dir(folder.path().join("cache")).unwrap() {
        fs::write(entry.unwrap().path(), "nonsense").unwrap();
    }
    folder.kernels(&numbers).unwrap();
    // No cache at all.
    HostKernels::with_cache(&numbers, folder.path(), None).unwrap();
}

#[test]
fn sources_with_helpers_of_one_name_compile() {
    let mut program = cascade();
    program.kernels.push(kernel("none", "numbers.o", Vec::new()));
    let call = Stmt::Call { kernel: KernelId(2), arguments: Vec::new(), results: Vec::new() };
    program.cores[0].body.push(call);
    assert!(Folder::new().kernels(&program).is_ok());
}

#[test]
fn kernels_that_no_core_calls_are_not_needed() {
    let mut program = program(kernel("none", "missing.o", Vec::new()));
    program.cores.clear();
    assert!(Folder::new().kernels(&program).is_ok());
}

#[test]
fn kernels_that_cannot_be_had_are_errors() {
    let folder = Folder::new();
    let text = |kernel: Kernel| folder.kernels(&program(kernel)).err().expect("should fail");
    let expect = |kernel: Kernel, expected: &str| {
        let text = text(kernel);
        assert!(text.contains(expected), "{text}");
    };
    expect(kernel("k", "missing.o", Vec::new()), "missing.cc': No such file");
    expect(kernel("k", "numbers.o", Vec::new()), "the compiled kernels have no function 'k'");
    expect(
        kernel("k", "../numbers.o", Vec::new()),
        "kernel 'k' has 'link_with' \"../numbers.o\", which is no file name",
    );
    expect(kernel("k", "a\".o", Vec::new()), "which is no file name");
    expect(kernel("broken", "broken.o", Vec::new()), "does not compile the kernels:\n");
    expect(kernel("broken", "broken.o", Vec::new()), "broken.cc:1:");
    let unlinked = Kernel { link_with: None, ..kernel("k", "", Vec::new()) };
    expect(unlinked, "kernel 'k' has no 'link_with', so its source is unknown");
    let vector = Type::Vector(16, Element::I32);
    expect(
        kernel("k", "numbers.o", vec![vector.clone()]),
        "takes an argument that is neither buffer nor integer",
    );
    expect(
        kernel("k", "numbers.o", vec![Type::Index; 9]),
        "takes 9 arguments, which the host cannot call",
    );
    let returns = Kernel { results: vec![vector], ..kernel("k", "numbers.o", Vec::new()) };
    expect(returns, "returns something else than one integer");
}

/// Every block product that a device is said to have is one that the kernels compile, and sums up
/// in as many bits as it is said to.
#[test]
fn kernels_have_the_microtiles_of_the_devices() {
    let kernels = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    for (name, generation) in [("xcve2802", Generation::AieMl), ("npu2", Generation::AieMlV2)] {
        let device = Device::by_name(name).unwrap();
        let mut source = "#include <aie_api/aie.hpp>\n".to_owned();
        for (a, w) in [4, 8, 16, 32].iter().flat_map(|a| [4, 8, 16, 32].map(|w| (*a, w))) {
            for shape in device.mmul_shapes(a, w) {
                let (m, k, n, bits) = (shape.m, shape.k, shape.n, shape.accumulator_bits);
                source += &format!(
                    "static_assert(aie::detail::mmul_accum_bits({m}, {k}, {n}, {a}, {w}) == {bits});\n"
                );
            }
        }
        assert!(source.lines().count() > 10);
        let scratch = Scratch::new().unwrap();
        let file = scratch.0.join("shapes.cc");
        fs::write(&file, source).unwrap();
        let compiled = Compiler::find(Some(generation)).unwrap().compile(
            &kernels,
            &[file.to_str().unwrap().to_owned()],
            &scratch.0,
            &scratch.0.join("shapes.so"),
        );
        if let Err(error) = compiled {
            panic!("{name}: {error}");
        }
    }
}
