"""The tests that run the tools on files: `lit lit-tests`.

AIE4ML_BIN is the folder of the tools to test, target/debug by default;
MLIR_SYS_220_PREFIX is where LLVM is.
"""

import os

import lit.formats

config.name = "aie4ml"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(os.path.abspath(__file__))

root = os.path.dirname(config.test_source_root)
tools = os.path.abspath(os.environ.get("AIE4ML_BIN") or os.path.join(root, "target", "debug"))
llvm = os.path.join(os.environ.get("MLIR_SYS_220_PREFIX") or "/usr/lib/llvm-22", "bin")
config.test_exec_root = os.path.join(tools, "lit-tests")

config.environment["PATH"] = os.pathsep.join([tools, llvm, os.environ.get("PATH", "")])
config.substitutions.append(("%root", root))
# Cargo puts the plugin beside the tools only when the library itself is asked for.
config.substitutions.append(("%{library}", os.path.join(tools, "deps", "libaie4ml.so")))
config.substitutions.append(("%{mlir-opt}", os.path.join(llvm, "mlir-opt")))
config.substitutions.append(("%{llvm-lib}", os.path.join(os.path.dirname(llvm), "lib")))

# Where compiled kernels are kept.
for name in ["HOME", "XDG_CACHE_HOME"]:
    if name in os.environ:
        config.environment[name] = os.environ[name]
