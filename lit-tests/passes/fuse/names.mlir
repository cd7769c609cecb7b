// RUN: aie4ml-opt %s --aie4ml-fuse --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: func.func @keeps_the_name_of_the_layer
func.func @keeps_the_name_of_the_layer(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> tensor<2x1xi8> {
  // CHECK-NEXT: aie4ml.dense {{.*}} loc("fc1")
  // CHECK-NEXT: return
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32> loc("fc1")
  %1 = aie4ml.requantize %0 requant = <shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8> loc("quantize")
  return %1 : tensor<2x1xi8>
}
