// RUN: aie4ml-opt %s --aie4ml-legalize=device=npu2 | FileCheck %s

// CHECK: func.func @layer(%{{.*}}: tensor<2x3xi8>) -> tensor<2x1xi8> attributes {aie4ml.device = "npu2"}
func.func @layer(%x: tensor<2x3xi8>) -> tensor<2x1xi8> {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}
