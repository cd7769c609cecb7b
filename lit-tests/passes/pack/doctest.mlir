// RUN: aie4ml-opt %s --aie4ml-pack | FileCheck %s

func.func @layer(%x: tensor<8x64xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2560, input = [32768, 2048], output = [49152, 49280]>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 64, n = 16, rows = 8>}
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}
