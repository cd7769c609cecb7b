// RUN: aie4ml-opt %s --aie4ml-parallelize=max-tiles=2 --split-input-file --verify-diagnostics

func.func @layer_beyond_the_budget(%x: tensor<8x512xi8>) -> tensor<8x256xi8> {
  %w = arith.constant dense<1> : tensor<512x256xi8>
  // expected-error @+2 {{'aie4ml.dense' op dense: 512x256 weights and their buffers need 146432 bytes on one tile, its memory holds 65536: allow --max-tiles >= 3 (now 2)}}
  // expected-note @+1 {{buffers of a tile:}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x512xi8>, tensor<512x256xi8>) -> tensor<8x256xi8>
  return %y : tensor<8x256xi8>
}

// -----

func.func @given_split_beyond_the_budget(%x: tensor<8x512xi8>) -> tensor<8x256xi8> {
  %w = arith.constant dense<1> : tensor<512x256xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: cascade = 2, chains = 2, k = 256, n = 128 takes 4 tiles: allow --max-tiles >= 4 (now 2)}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 2, k = 256, n = 128, rows = 8>}
         : (tensor<8x512xi8>, tensor<512x256xi8>) -> tensor<8x256xi8>
  return %y : tensor<8x256xi8>
}

// -----

// expected-error @+1 {{'func.func' op the network needs at least 3 tiles (dense alone needs 1): allow --max-tiles >= 3 (now 2)}}
func.func @network_beyond_the_budget(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  %2 = aie4ml.dense %1, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %2 : tensor<8x64xi8>
}
