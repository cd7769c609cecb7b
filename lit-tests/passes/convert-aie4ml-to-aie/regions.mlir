// RUN: aie4ml-opt %s --convert-aie4ml-to-aie --split-input-file | FileCheck %s

// Two chains hand one region each to a tile: its halves take two descriptors,
// so its locks count two for each half.

// CHECK-LABEL: aie.device
// CHECK-DAG: %[[FREE:.*]] = aie.lock(%tile_7_3) {init = 4 : i32, sym_name = "last_0_0_in_free"}
// CHECK-DAG: %[[FULL:.*]] = aie.lock(%tile_7_3) {init = 0 : i32, sym_name = "last_0_0_in_full"}
// CHECK: aie.mem(%tile_7_3) {
// CHECK: aie.dma_start(S2MM, 0,
// CHECK: aie.use_lock(%[[FREE]], AcquireGreaterEqual, 1)
// CHECK: aie.dma_bd(%last_0_0_in0 : memref<64xi8>, 0, 32)
// CHECK: aie.use_lock(%[[FULL]], Release, 1)
// CHECK: aie.dma_bd(%last_0_0_in0 : memref<64xi8>, 32, 32)
// CHECK: aie.dma_bd(%last_0_0_in1 : memref<64xi8>, 0, 32)
// CHECK: aie.dma_bd(%last_0_0_in1 : memref<64xi8>, 32, 32)
// CHECK: aie.dma_start(MM2S, 0,
// CHECK: aie.core(%tile_7_3) {
// CHECK: aie.use_lock(%[[FULL]], AcquireGreaterEqual, 2)
// CHECK: func.call
// CHECK: aie.use_lock(%[[FREE]], Release, 2)
func.func @two_regions_of_a_column(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w0 = arith.constant dense<1> : tensor<8x16xi8>
  %w1 = arith.constant dense<1> : tensor<16x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %1 = aie4ml.dense %0, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x16xi8>) -> tensor<4x16xi8> loc("first")
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 0, 8 to 16, group = 0>],
          memory_tiles = [#aie4ml.place<7, 1>]}
         : tensor<4x16xi8> -> tensor<4x16xi8>
  %3 = aie4ml.dense %2, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<7, 3>]}
         : (tensor<4x16xi8>, tensor<16x8xi8>) -> tensor<4x8xi8> loc("last")
  %4 = aie4ml.transfer %3
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<7, 2>], ports = [#aie4ml.port<7, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %4 : tensor<4x8xi8>
}

// -----

// One chain feeds two columns with a part of each of its rows of blocks.

// CHECK-LABEL: aie.device
// CHECK: aie.flow(%tile_6_3, DMA : 0, %tile_7_1, DMA : 0)
// CHECK: aie.flow(%tile_7_1, DMA : 0, %tile_7_3, DMA : 0)
// CHECK: aie.flow(%tile_7_1, DMA : 1, %tile_8_3, DMA : 0)
// CHECK: aie.mem(%tile_6_3) {
// CHECK: aie.dma_start(MM2S, 0,
// CHECK: aie.dma_bd(%first_0_0_out0 : memref<128xi8>, 0, 64, [<size = 2, stride = 64>, <size = 32, stride = 1>])
// CHECK: aie.dma_bd(%first_0_0_out0 : memref<128xi8>, 32, 64, [<size = 2, stride = 64>, <size = 32, stride = 1>])
// CHECK: aie.dma_bd(%first_0_0_out1 : memref<128xi8>, 0, 64,
// CHECK: aie.dma_bd(%first_0_0_out1 : memref<128xi8>, 32, 64,
// CHECK: aie.core(%tile_6_3) {
// CHECK: aie.use_lock(%first_0_out0_free, AcquireGreaterEqual, 2)
// CHECK: aie.use_lock(%first_0_out0_full, Release, 2)
func.func @two_regions_of_a_chain(%x: tensor<8x8xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<8x16xi8>
  %w1 = arith.constant dense<1> : tensor<16x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<8x8xi8> -> tensor<8x8xi8>
  %1 = aie4ml.dense %0, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 16, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x8xi8>, tensor<8x16xi8>) -> tensor<8x16xi8> loc("first")
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<0 -> 1, 8 to 16, group = 0>],
          memory_tiles = [#aie4ml.place<7, 1>]}
         : tensor<8x16xi8> -> tensor<8x16xi8>
  %3 = aie4ml.dense %2, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 8, n = 8, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<7, 3>]}
         : (tensor<8x16xi8>, tensor<16x8xi8>) -> tensor<8x8xi8> loc("last")
  %4 = aie4ml.transfer %3
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<8, 2>], ports = [#aie4ml.port<8, 0>]}
         : tensor<8x8xi8> -> tensor<8x8xi8>
  return %4 : tensor<8x8xi8>
}

// -----

// Two that read other parts have a stream each; a half is free when both have it.

// CHECK-LABEL: aie.device
// CHECK: aie.flow(%tile_6_3, DMA : 0, %tile_6_1, DMA : 1)
// CHECK: aie.flow(%tile_6_3, DMA : 1, %tile_6_2, DMA : 0)
// CHECK: aie.core(%tile_6_3) {
// CHECK: aie.use_lock(%dense_0_out0_free, AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.use_lock(%dense_0_out1_free, AcquireGreaterEqual, 2)
// CHECK-NEXT: aie.use_lock(%dense_0_0_in_full, AcquireGreaterEqual, 1)
// CHECK-NEXT: func.call
// CHECK-NEXT: aie.use_lock(%dense_0_out0_full, Release, 1)
// CHECK-NEXT: aie.use_lock(%dense_0_out1_full, Release, 2)
// CHECK-NEXT: aie.use_lock(%dense_0_0_in_free, Release, 1)
func.func @two_readers(%x: tensor<4x8xi8>) -> (tensor<4x16xi8>, tensor<4x16xi8>) {
  %w = arith.constant dense<1> : tensor<8x16xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 16, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x16xi8>) -> tensor<4x16xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x16xi8> -> tensor<4x16xi8>
  %3 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<0 -> 0, 8 to 16, group = 0>], memory_tiles = [#aie4ml.place<6, 2>], ports = [#aie4ml.port<6, 1>]}
         : tensor<4x16xi8> -> tensor<4x16xi8>
  return %2, %3 : tensor<4x16xi8>, tensor<4x16xi8>
}

// -----

// Two that read the same parts share a stream.

// CHECK-LABEL: aie.device
// CHECK: aie.flow(%tile_6_3, DMA : 0, %tile_6_1, DMA : 1)
// CHECK: aie.flow(%tile_6_3, DMA : 0, %tile_6_2, DMA : 0)
// CHECK: aie.core(%tile_6_3) {
// CHECK: aie.use_lock(%dense_0_out0_free, AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.use_lock(%dense_0_0_in_full, AcquireGreaterEqual, 1)
// CHECK-NEXT: func.call
// CHECK-NEXT: aie.use_lock(%dense_0_out0_full, Release, 1)
// CHECK-NEXT: aie.use_lock(%dense_0_0_in_free, Release, 1)
func.func @two_readers_alike(%x: tensor<4x8xi8>) -> (tensor<4x8xi8>, tensor<4x8xi8>) {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %3 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 2>], ports = [#aie4ml.port<6, 1>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2, %3 : tensor<4x8xi8>, tensor<4x8xi8>
}
