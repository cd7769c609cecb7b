//===- Dialect.h - the aie dialect ------------------------------*- C++ -*-===//
#ifndef AIE4ML_AIE_DIALECT_H
#define AIE4ML_AIE_DIALECT_H

#include "shim.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace aie4ml::aie {
/// Names the result of `op` by its symbol, or by its kind and the coordinates of its tile.
void nameResult(mlir::Operation *op, mlir::OpAsmSetValueNameFn setName);

/// The integers in an attribute of that mnemonic, in order; false if it is another one.
bool readFields(mlir::Attribute attribute, llvm::StringRef mnemonic, llvm::SmallVectorImpl<int64_t> &out);
/// The attribute of that mnemonic; null if there is none.
mlir::Attribute makeFields(mlir::MLIRContext *context, llvm::StringRef mnemonic, llvm::ArrayRef<int64_t> fields);
} // namespace aie4ml::aie

#include "AieDialect.h.inc"
#include "AieEnums.h.inc"
#define GET_TYPEDEF_CLASSES
#include "AieTypes.h.inc"
#define GET_ATTRDEF_CLASSES
#include "AieAttrs.h.inc"
#define GET_OP_CLASSES
#include "AieOps.h.inc"

#endif
