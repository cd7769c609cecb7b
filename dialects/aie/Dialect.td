#ifndef AIE_DIALECT
#define AIE_DIALECT

include "mlir/IR/OpBase.td"

def Aie_Dialect : Dialect {
  let name = "aie";
  let summary = "Tiles, memories, DMA programs and streams of an AI Engine array.";
  let description = [{
    The part of the dialect of mlir-aie, by the same names and in the same
    syntax, that a dataflow program of a neural network needs. Text written here
    is read there and the other way round.
  }];
  let cppNamespace = "::aie4ml::aie";
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 0;
}

#endif
