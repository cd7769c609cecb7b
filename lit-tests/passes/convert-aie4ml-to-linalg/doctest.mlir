// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: linalg.generic
// CHECK-NOT: aie4ml.
func.func @main(%x: tensor<2x4xi8>, %w: tensor<4x3xi8>) -> tensor<2x3xi8> {
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 3, rounding = floor, overflow = saturate, width = 8, min = 0, max = 127>]
       : (tensor<2x4xi8>, tensor<4x3xi8>) -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}
