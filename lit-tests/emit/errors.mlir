// RUN: not aie4ml-translate %s --aie4ml-to-cpp 2>&1 | FileCheck %s --implicit-check-not='//---'

// Nothing is written of a module that is not mapped whole.

// CHECK: error: 'aie4ml.dense' op has no split: run aie4ml-parallelize first

func.func @mapped(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  return %y : tensor<4x8xi8>
}

func.func @not_mapped(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  return %y : tensor<4x8xi8>
}
