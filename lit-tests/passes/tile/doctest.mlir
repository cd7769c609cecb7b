// RUN: aie4ml-opt %s --aie4ml-tile | FileCheck %s

func.func @layer(%x: tensor<8x37xi8>) -> tensor<8x11xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<37x11xi8>
  // CHECK: aie4ml.dense {{.*}} {microtile = #aie4ml.microtile<4, 8, 8>}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         : (tensor<8x37xi8>, tensor<37x11xi8>) -> tensor<8x11xi8>
  return %y : tensor<8x11xi8>
}
