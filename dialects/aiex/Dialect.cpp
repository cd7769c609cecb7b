//===- Dialect.cpp - the aiex dialect -------------------------------------===//
#include "aiex/Dialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace aie4ml::aiex;

#include "AiexDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "AiexTypes.cpp.inc"

void AiexDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "AiexTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "AiexOps.cpp.inc"
      >();
  // The rest of mlir-aie's dialect, in its generic form.
  allowUnknownOperations();
}

#define GET_OP_CLASSES
#include "AiexOps.cpp.inc"
