// RUN: aie4ml-opt %s --aie4ml-pack --split-input-file --verify-diagnostics

func.func @layer_without_split(%x: tensor<8x64xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op has no split: run aie4ml-parallelize first}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// -----

func.func @buffers_beyond_the_memory(%x: tensor<8x512xi8>) -> tensor<8x128xi8> {
  %w = arith.constant dense<1> : tensor<512x128xi8>
  // expected-error @+2 {{'aie4ml.dense' op needs 78336 bytes on one tile, its memory holds 65536}}
  // expected-note @+1 {{memory map:}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 512, n = 128, rows = 8>}
         : (tensor<8x512xi8>, tensor<512x128xi8>) -> tensor<8x128xi8>
  return %y : tensor<8x128xi8>
}
