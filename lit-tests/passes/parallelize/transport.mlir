// RUN: aie4ml-opt %s --aie4ml-parallelize --split-input-file | FileCheck %s --check-prefix=AUTO
// RUN: aie4ml-opt %s --aie4ml-parallelize=transport=memtile --split-input-file | FileCheck %s --check-prefix=MEMTILE

// Neighbors share a buffer. Through a memory tile, 32 words go in and out over three tiles.

// AUTO-LABEL: @two_layers
// AUTO-SAME: latency = 304 :
// MEMTILE-LABEL: @two_layers
// MEMTILE-SAME: latency = 423 :
func.func @two_layers(%x: tensor<8x16xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<16x16xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  return %1 : tensor<8x16xi8>
}

// -----

// What carries this edge is said already.

// AUTO-LABEL: @stored
// AUTO-SAME: latency = 423 :
// MEMTILE-LABEL: @stored
// MEMTILE-SAME: latency = 423 :
func.func @stored(%x: tensor<8x16xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<16x16xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  %t = aie4ml.transfer %0 {via = #aie4ml.via<memory_tile>} : tensor<8x16xi8> -> tensor<8x16xi8>
  %1 = aie4ml.dense %t, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  return %1 : tensor<8x16xi8>
}

// -----

// AUTO-LABEL: @direct
// AUTO-SAME: latency = 304 :
// MEMTILE-LABEL: @direct
// MEMTILE-SAME: latency = 304 :
func.func @direct(%x: tensor<8x16xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<16x16xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  %t = aie4ml.transfer %0 {via = #aie4ml.via<stream>} : tensor<8x16xi8> -> tensor<8x16xi8>
  %1 = aie4ml.dense %t, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  return %1 : tensor<8x16xi8>
}
