// A directive that cannot hold: which, why, and the nearest that can.

// RUN: aie4ml-opt %s --aie4ml-tile --aie4ml-parallelize --split-input-file --verify-diagnostics

func.func @no_such_part(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  // expected-error @+1 {{'aie4ml.dense' op has 'cascades', which is none of cascade, chains, k, n, rows, max_tiles, in its 'aie4ml.directive'}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {cascades = 4 : i64}}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %0 : tensor<8x64xi8>
}

// -----

func.func @no_number(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  // expected-error @+1 {{'aie4ml.dense' op has 'cascade = 0 : i64', which is no positive i64, in its 'aie4ml.directive'}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {cascade = 0 : i64}}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %0 : tensor<8x64xi8>
}

// -----

func.func @no_dictionary(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  // expected-error @+1 {{'aie4ml.dense' op has no dictionary in its 'aie4ml.directive'}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = 4 : i64}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %0 : tensor<8x64xi8>
}

// -----

func.func @width_of_no_blocks(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  // expected-error @+2 {{'aie4ml.dense' op dense: k = 30 is impossible: tiles take whole blocks of 8 inputs: the nearest is 32}}
  // expected-note @+1 {{its directives are at nets.toml:7:9}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {from = "nets.toml:7:9", k = 30 : i64}}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %0 : tensor<8x64xi8>
}

// -----

func.func @width_beyond_the_layer(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: n = 72 is impossible: the layer has 64 outputs: the nearest is 64}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {n = 72 : i64}}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %0 : tensor<8x64xi8>
}

// -----

func.func @width_of_too_many_tiles(%x: tensor<8x4096xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<4096x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: k = 8 is impossible: xcve2802 has room for 38 such tiles in a layer: the nearest is 112}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {k = 8 : i64}}
         : (tensor<8x4096xi8>, tensor<4096x8xi8>) -> tensor<8x8xi8>
  return %0 : tensor<8x8xi8>
}

// -----

func.func @parts_that_contradict(%x: tensor<8x512xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<512x64xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: cascade = 2, k = 128 is impossible: xcve2802 has 38 columns of 8 cores: the nearest is cascade = 4, k = 128}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {cascade = 2 : i64, k = 128 : i64}}
         : (tensor<8x512xi8>, tensor<512x64xi8>) -> tensor<8x64xi8>
  return %0 : tensor<8x64xi8>
}

// -----

func.func @too_few_tiles(%x: tensor<8x512xi8>) -> tensor<8x256xi8> {
  %w = arith.constant dense<1> : tensor<512x256xi8>
  // expected-error @+2 {{'aie4ml.dense' op dense: max_tiles = 2 is impossible: a tile needs 75776 bytes, its memory holds 65536: the nearest is max_tiles = 3}}
  // expected-note @+1 {{buffers of a tile:}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {max_tiles = 2 : i64}}
         : (tensor<8x512xi8>, tensor<512x256xi8>) -> tensor<8x256xi8>
  return %0 : tensor<8x256xi8>
}

// -----

func.func @place_beyond_the_array(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: place = [40, 1] is impossible: the layer reaches beyond the cores of the array: the nearest is place = [37, 3]}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {place = [#aie4ml.place<40, 1>]}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %0 : tensor<8x64xi8>
}

// -----

func.func @rows_beyond_the_batch(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: rows = 9 is impossible: the layer has 8: the nearest is 8}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {rows = 9 : i64}}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %0 : tensor<8x64xi8>
}

// -----

func.func @rows_of_two_kinds(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {rows = 4 : i64}}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: rows = 2 is impossible: dense passes 4 at once, which makes 2 blocks of all layers: the nearest is 4}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {rows = 2 : i64}}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %1 : tensor<8x64xi8>
}

// -----

// So many rows do not fit beside the weights.

func.func @rows_beyond_the_memory(%x: tensor<4096x8xi8>) -> tensor<4096x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  // expected-error @+2 {{'aie4ml.dense' op dense: rows = 4096 is impossible: a tile needs 133216 bytes, its memory holds 65536: }}
  // expected-note @+1 {{buffers of a tile:}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {rows = 4096 : i64}}
         : (tensor<4096x8xi8>, tensor<8x8xi8>) -> tensor<4096x8xi8>
  return %0 : tensor<4096x8xi8>
}

// -----

func.func @one_place_for_two(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: place = [5, 3] is impossible: the rectangles of the layers do not fit xcve2802 side by side: without it, 1x1 is possible}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {place = [#aie4ml.place<5, 3>]}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {place = [#aie4ml.place<5, 3>]}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %1 : tensor<8x64xi8>
}
