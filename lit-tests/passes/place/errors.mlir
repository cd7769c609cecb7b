// RUN: aie4ml-opt %s --aie4ml-place --split-input-file --verify-diagnostics

func.func @edge_without_transfer(%x: tensor<8x8xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op has an edge without regions: run aie4ml-plan-transport first}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %0 : tensor<8x8xi8>
}

// -----

func.func @transfer_without_regions(%x: tensor<8x8xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>]}
         : tensor<8x8xi8> -> tensor<8x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  %2 = aie4ml.transfer %1 : tensor<8x8xi8> -> tensor<8x8xi8>
  // expected-error @+1 {{'func.return' op has an edge without regions: run aie4ml-plan-transport first}}
  return %2 : tensor<8x8xi8>
}
