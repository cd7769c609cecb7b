//===- Dialect.h - the aiex dialect -----------------------------*- C++ -*-===//
#ifndef AIE4ML_AIEX_DIALECT_H
#define AIE4ML_AIEX_DIALECT_H

#include "aie/Dialect.h"

#include "AiexDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "AiexTypes.h.inc"
#define GET_OP_CLASSES
#include "AiexOps.h.inc"

#endif
