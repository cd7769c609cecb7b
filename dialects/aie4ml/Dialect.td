#ifndef AIE4ML_DIALECT
#define AIE4ML_DIALECT

include "mlir/IR/OpBase.td"

def Aie4ml_Dialect : Dialect {
  let name = "aie4ml";
  let summary = "Quantized networks, exactly, and how they are mapped to an AI Engine array.";
  let description = [{
    Layer ops on integer tensors with stated accumulators and requantization.
    Every decision of the mapping (microtile, split, packing, transport,
    placement) is an attribute; no attribute changes what an op computes.
  }];
  let cppNamespace = "::aie4ml";
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 0;
}

#endif
