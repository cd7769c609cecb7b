//===- shim.h - what the dialects' generated code needs ---------*- C++ -*-===//
#ifndef AIE4ML_SHIM_H
#define AIE4ML_SHIM_H

#include "mlir/IR/Operation.h"

namespace aie4ml {
/// Calls the verifier of `op`, which is written in Rust and reports its own errors.
llvm::LogicalResult verifyInRust(mlir::Operation *op);
} // namespace aie4ml

#endif
