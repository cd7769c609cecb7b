//===- Dialect.cpp - the aiex dialect -------------------------------------===//
#include "aiex/Dialect.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace aie4ml::aiex;

#include "AiexDialect.cpp.inc"

void AiexDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "AiexOps.cpp.inc"
      >();
  // The rest of mlir-aie's dialect, in its generic form.
  allowUnknownOperations();
}

#define GET_OP_CLASSES
#include "AiexOps.cpp.inc"
