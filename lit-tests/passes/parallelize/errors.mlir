// RUN: aie4ml-opt %s --aie4ml-parallelize --split-input-file --verify-diagnostics

func.func @layer_without_microtile(%x: tensor<8x64xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op has no microtile: run aie4ml-tile first}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// -----

func.func @microtile_of_another_device(%x: tensor<8x64xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: xcve2802 has no microtile 3x8x8 of i8 x i8 into 32-bit accumulators: use one of 4x8x8,}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<3, 8, 8>}
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// -----

func.func @layer_too_large_for_the_device(%x: tensor<8x4096xi8>) -> tensor<8x4096xi8> attributes {aie4ml.device = "npu1"} {
  %w = arith.constant dense<1> : tensor<4096x4096xi8>
  // expected-error @+2 {{'aie4ml.dense' op dense: 4096x4096 weights need 1083392 bytes on each of 4 x 4 tiles, the finest split on npu1; its memory holds 65536, and they take at least 265 tiles, of which there are 16: use a larger device or a smaller layer}}
  // expected-note @+1 {{buffers of a tile:}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x4096xi8>, tensor<4096x4096xi8>) -> tensor<8x4096xi8>
  return %y : tensor<8x4096xi8>
}

// -----

// expected-error @+1 {{'func.func' op the network needs at least 36 tiles (dense alone needs 12), npu1 has 16: use a larger device}}
func.func @network_too_large_for_the_device(%x: tensor<8x1024xi8>) -> tensor<8x640xi8> attributes {aie4ml.device = "npu1"} {
  %w = arith.constant dense<1> : tensor<1024x640xi8>
  %w2 = arith.constant dense<1> : tensor<640x1024xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x1024xi8>, tensor<1024x640xi8>) -> tensor<8x640xi8>
  %1 = aie4ml.dense %0, %w2 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x640xi8>, tensor<640x1024xi8>) -> tensor<8x1024xi8>
  %2 = aie4ml.dense %1, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x1024xi8>, tensor<1024x640xi8>) -> tensor<8x640xi8>
  return %2 : tensor<8x640xi8>
}

// -----

// Splits that are given.

func.func @cascade_beyond_the_columns(%x: tensor<8x4096xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<4096x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: cascade = 64 is impossible: xcve2802 has room for 38: the nearest is 37}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 64, chains = 1, k = 64, n = 8, rows = 8>}
         : (tensor<8x4096xi8>, tensor<4096x8xi8>) -> tensor<8x8xi8>
  return %y : tensor<8x8xi8>
}

// -----

func.func @rectangles_beyond_the_columns(%x: tensor<8x160xi8>) -> tensor<8x128xi8> {
  %w = arith.constant dense<1> : tensor<160x128xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: cascade = 20, chains = 16, k = 8, n = 8 is impossible: xcve2802 has 38 columns of 8 cores: the nearest is cascade = 20, chains = 8, k = 8, n = 16}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 20, chains = 16, k = 8, n = 8, rows = 8>}
         : (tensor<8x160xi8>, tensor<160x128xi8>) -> tensor<8x128xi8>
  return %y : tensor<8x128xi8>
}

// -----

func.func @split_too_coarse(%x: tensor<8x512xi8>) -> tensor<8x256xi8> {
  %w = arith.constant dense<1> : tensor<512x256xi8>
  // expected-error @+2 {{'aie4ml.dense' op dense: cascade = 2, chains = 1, k = 256, n = 256 is impossible: a tile needs 75776 bytes, its memory holds 65536: the nearest is cascade = 3, chains = 1, k = 176, n = 256}}
  // expected-note @+1 {{65536 bytes  weights}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 256, n = 256, rows = 8>}
         : (tensor<8x512xi8>, tensor<512x256xi8>) -> tensor<8x256xi8>
  return %y : tensor<8x256xi8>
}

// -----

// Five chains meet in one column: a memory tile takes four streams, a core two.

func.func @splits_that_do_not_meet(%x: tensor<8x64xi8>) -> tensor<8x16xi8> {
  %w0 = arith.constant dense<1> : tensor<64x320xi8>
  %w1 = arith.constant dense<1> : tensor<320x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: chains = 5 is impossible: no memory tile can carry its edges to the neighbors' splits: the nearest is chains = }}
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 5, k = 64, n = 64, rows = 8>}
         : (tensor<8x64xi8>, tensor<64x320xi8>) -> tensor<8x320xi8>
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 320, n = 16, rows = 8>}
         : (tensor<8x320xi8>, tensor<320x16xi8>) -> tensor<8x16xi8>
  return %1 : tensor<8x16xi8>
}

// -----

// 15 of 16 tiles, but neither fits beside nor above the other.

func.func @rectangles_that_do_not_pack(%x: tensor<8x24xi8>) -> tensor<8x24xi8> attributes {aie4ml.device = "npu1"} {
  %w = arith.constant dense<1> : tensor<24x24xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: cascade = 3 is impossible: the rectangles of the layers do not fit npu1 side by side: the nearest is cascade = 2}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 3, k = 8, n = 8, rows = 8>}
         : (tensor<8x24xi8>, tensor<24x24xi8>) -> tensor<8x24xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 3, k = 16, n = 8, rows = 8>}
         : (tensor<8x24xi8>, tensor<24x24xi8>) -> tensor<8x24xi8>
  return %1 : tensor<8x24xi8>
}

// -----

// Batches of 8 and 9 rows have no common number of blocks of 3 or 4 rows.

func.func @two_batches(%a: tensor<8x64xi8>, %b: tensor<9x64xi8>) -> (tensor<8x16xi8>, tensor<9x16xi8>) {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  %0 = aie4ml.dense %a, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 64, n = 16, rows = 4>}
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: 9 rows do not divide into 2 blocks}}
  %1 = aie4ml.dense %b, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<9x64xi8>, tensor<64x16xi8>) -> tensor<9x16xi8>
  return %0, %1 : tensor<8x16xi8>, tensor<9x16xi8>
}
