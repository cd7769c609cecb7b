//! Compiles the dialects: `mlir-tblgen` on the `.td` files, then the C++ shim,
//! and makes the `libMLIR-C.so` that Debian does not ship.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, exit},
};

const PACKAGES: &str = "libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools clang-22 \
                        libclang-22-dev libpolly-22-dev zlib1g-dev libzstd-dev g++";

/// Output suffixes and the `mlir-tblgen` generators that write them.
const GENERATORS: [(&str, &str); 10] = [
    ("Dialect.h.inc", "-gen-dialect-decls"),
    ("Dialect.cpp.inc", "-gen-dialect-defs"),
    ("Enums.h.inc", "-gen-enum-decls"),
    ("Enums.cpp.inc", "-gen-enum-defs"),
    ("Types.h.inc", "-gen-typedef-decls"),
    ("Types.cpp.inc", "-gen-typedef-defs"),
    ("Attrs.h.inc", "-gen-attrdef-decls"),
    ("Attrs.cpp.inc", "-gen-attrdef-defs"),
    ("Ops.h.inc", "-gen-op-decls"),
    ("Ops.cpp.inc", "-gen-op-defs"),
];

fn main() {
    println!("cargo:rerun-if-changed=dialects");
    println!("cargo:rerun-if-changed=tools/build.rs");
    println!("cargo:rerun-if-env-changed=MLIR_SYS_220_PREFIX");

    let llvm = PathBuf::from(
        env::var_os("MLIR_SYS_220_PREFIX").unwrap_or_else(|| "/usr/lib/llvm-22".into()),
    );
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    if !llvm.join("bin/mlir-tblgen").exists() || !llvm.join("include/mlir-c/IR.h").exists() {
        fail(&format!(
            "LLVM/MLIR 22 was not found in {}.\n\
             On Debian: apt-get install {PACKAGES}\n\
             Elsewhere: set MLIR_SYS_220_PREFIX in .cargo/config.toml to its prefix.",
            llvm.display()
        ));
    }

    for (dialect, prefix) in [("aie4ml", "Aie4ml"), ("aie", "Aie"), ("aiex", "Aiex")] {
        let source = format!("dialects/{dialect}/Ops.td");
        for (suffix, generator) in GENERATORS {
            let mut tblgen = Command::new(llvm.join("bin/mlir-tblgen"));
            tblgen.args([generator, "-I", "dialects", "-I"]).arg(llvm.join("include"));
            if generator.contains("typedef") || generator.contains("attrdef") {
                let kind = if generator.contains("typedef") { "typedefs" } else { "attrdefs" };
                tblgen.arg(format!("-{kind}-dialect={dialect}"));
            }
            if generator.contains("dialect") {
                tblgen.arg(format!("-dialect={dialect}"));
            }
            run(tblgen.arg(&source).arg("-o").arg(out.join(format!("{prefix}{suffix}"))));
        }
    }

    let mut shim = cc::Build::new();
    // MLIR knows traits and interfaces by names that the compiler gives to types. A plugin and its
    // `mlir-opt` agree on them if the compiler of LLVM's own binaries, clang, compiled both.
    let clang = llvm.join("bin/clang++");
    if clang.exists() {
        shim.compiler(clang);
    }
    shim.cpp(true)
        .std("c++17")
        .include("dialects")
        .include(&out)
        .flag("-isystem")
        .flag(llvm.join("include").to_str().expect("a UTF-8 prefix"))
        .flag("-fno-rtti")
        .flag("-fno-exceptions")
        .flag("-Wno-unused-parameter")
        // False alarms in the generated parsers.
        .flag_if_supported("-Wno-maybe-uninitialized")
        // The generated code is large and not ours to optimize or debug.
        .opt_level(1)
        .debug(false)
        .files(sources(Path::new("dialects")))
        .compile("aie4ml_shim");

    let library = out.join("libMLIR-C.so");
    link_c_api(&llvm, &library);
    // Binaries find it beside themselves, test binaries one folder up, wherever they are copied to.
    if let Some(target) = out.ancestors().nth(3) {
        let _ = fs::copy(&library, target.join("libMLIR-C.so"));
    }
    println!("cargo:rustc-link-search=native={}", out.display());
    for rpath in ["$ORIGIN", "$ORIGIN/..", &llvm.join("lib").display().to_string()] {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{rpath}");
    }
}

/// Every `.cpp` file below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "cpp") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Debian ships the C API only as archives, and `libMLIR.so` without it.
fn link_c_api(llvm: &Path, library: &Path) {
    let lib = llvm.join("lib");
    let mut archives: Vec<_> = fs::read_dir(&lib)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension().is_some_and(|e| e == "a")
                && path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .is_some_and(|name| name.starts_with("libMLIRCAPI"))
        })
        .collect();
    archives.sort();
    run(Command::new("c++")
        .args(["-shared", "-o"])
        .arg(library)
        .arg("-Wl,--whole-archive")
        .args(archives)
        .arg("-Wl,--no-whole-archive")
        .arg(format!("-L{}", lib.display()))
        .arg(format!("-Wl,-rpath,{}", lib.display()))
        .args(["-lMLIR", "-lLLVM"]));
}

fn run(command: &mut Command) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => fail(&format!("{command:?} failed: {status}")),
        Err(error) => fail(&format!(
            "{command:?} could not be started: {error}\nOn Debian: apt-get install {PACKAGES}"
        )),
    }
}

fn fail(message: &str) -> ! {
    eprintln!("error: {message}");
    exit(1)
}
