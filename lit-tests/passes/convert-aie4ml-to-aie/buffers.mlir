// RUN: aie4ml-opt %s --convert-aie4ml-to-aie --split-input-file | FileCheck %s

// Weights of 5 x 3 fill a microtile of 8 x 8 with zeros, a bias likewise.

// CHECK-LABEL: aie.device
// CHECK: sym_name = "pads_weights_0_0_weights"} : memref<64xi8> = dense<[
// CHECK-SAME: 1, 2, 3, 0, 0, 0, 0, 0,
// CHECK-SAME: 4, 5, 6, 0, 0, 0, 0, 0,
// CHECK-SAME: 7, 8, 9, 0, 0, 0, 0, 0,
// CHECK-SAME: 10, 11, 12, 0, 0, 0, 0, 0,
// CHECK-SAME: 13, 14, 15, 0, 0, 0, 0, 0,
// CHECK-SAME: 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]>
// CHECK: sym_name = "pads_weights_0_0_bias"} : memref<8xi32> = dense<[100, -200, 300, 0, 0, 0, 0, 0]>
func.func @pads_weights(%x: tensor<4x5xi8>) -> tensor<4x3xi8> {
  %w = arith.constant dense<[[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12], [13, 14, 15]]> : tensor<5x3xi8>
  %b = arith.constant dense<[100, -200, 300]> : tensor<3xi32>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 5, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x5xi8> -> tensor<4x5xi8>
  %1 = aie4ml.dense %0, %w, %b accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x5xi8>, tensor<5x3xi8>, tensor<3xi32>) -> tensor<4x3xi8> loc("pads_weights")
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 3, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x3xi8> -> tensor<4x3xi8>
  return %2 : tensor<4x3xi8>
}

// -----

// Blocks of all inputs of eight outputs come first: [N/n][K/k][k][n]. Weights are
// 1 and 2 of the first eight outputs, 3 and 4 of the others.

// CHECK-LABEL: aie.device
// CHECK: sym_name = "orders_weights_0_0_weights"} : memref<256xi8> = dense<"0x{{(01){64}(02){64}(03){64}(04){64}"}}>
func.func @orders_weights(%x: tensor<4x16xi8>) -> tensor<4x16xi8> {
  %w = arith.constant dense<[
    [1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3],
    [1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3],
    [1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3],
    [1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3],
    [1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3],
    [1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3],
    [1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3],
    [1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3],
    [2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4],
    [2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4],
    [2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4],
    [2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4],
    [2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4],
    [2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4],
    [2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4],
    [2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4]]> : tensor<16x16xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x16xi8> -> tensor<4x16xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x16xi8>, tensor<16x16xi8>) -> tensor<4x16xi8> loc("orders_weights")
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x16xi8> -> tensor<4x16xi8>
  return %2 : tensor<4x16xi8>
}

// -----

// Three rows of five features lie in four rows of eight. What no producer writes
// is zero from the beginning.

// CHECK-LABEL: aie.device
// CHECK-DAG: sym_name = "in0_t0_r0_0"} : memref<4x8xi8> = dense<0>
// CHECK-DAG: sym_name = "in0_t0_r0_1"} : memref<4x8xi8> = dense<0>
// A layer writes whole microtiles.
// CHECK-DAG: sym_name = "dense_t1_r0_0"} : memref<4x8xi8>{{$}}
// CHECK: aie.memtile_dma
// CHECK: aie.dma_start(S2MM, 0,
// CHECK: aie.dma_bd(%in0_t0_r0_0 : memref<4x8xi8>, 0, 24)
// CHECK: aie.dma_start(MM2S, 0,
// CHECK: aie.dma_bd(%in0_t0_r0_0 : memref<4x8xi8>, 0, 32)
// CHECK: aie.dma_start(S2MM, 1,
// CHECK: aie.dma_bd(%dense_t1_r0_0 : memref<4x8xi8>, 0, 32)
// Ports move whole words: four of three features.
// CHECK: aie.dma_start(MM2S, 1,
// CHECK: aie.dma_bd(%dense_t1_r0_0 : memref<4x8xi8>, 0, 12, [<size = 3, stride = 8>, <size = 4, stride = 1>])
func.func @pads_activations(%x: tensor<3x5xi8>) -> tensor<3x3xi8> {
  %w = arith.constant dense<1> : tensor<5x3xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 5, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<3x5xi8> -> tensor<3x5xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 3>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<3x5xi8>, tensor<5x3xi8>) -> tensor<3x3xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 3, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<3x3xi8> -> tensor<3x3xi8>
  return %2 : tensor<3x3xi8>
}

// -----

// Rows in a memory tile become blocks of 4 x 8 in a core, and the other way round.

// CHECK-LABEL: aie.device
// CHECK: aie.memtile_dma
// CHECK: aie.dma_start(S2MM, 0,
// CHECK: aie.dma_bd(%in0_t0_r0_0 : memref<8x16xi8>, 0, 128)
// CHECK: aie.dma_start(MM2S, 0,
// CHECK: aie.dma_bd(%in0_t0_r0_0 : memref<8x16xi8>, 0, 128, [<size = 2, stride = 64>, <size = 2, stride = 8>, <size = 4, stride = 16>, <size = 8, stride = 1>])
// CHECK: aie.dma_start(S2MM, 1,
// CHECK: aie.dma_bd(%dense_t1_r0_0 : memref<8x24xi8>, 0, 192, [<size = 2, stride = 96>, <size = 3, stride = 8>, <size = 4, stride = 24>, <size = 8, stride = 1>])
// CHECK: aie.dma_start(MM2S, 1,
// CHECK: aie.dma_bd(%dense_t1_r0_0 : memref<8x24xi8>, 0, 192)
func.func @orders_activations(%x: tensor<8x16xi8>) -> tensor<8x24xi8> {
  %w = arith.constant dense<1> : tensor<16x24xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<8x16xi8> -> tensor<8x16xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 24, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x16xi8>, tensor<16x24xi8>) -> tensor<8x24xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 24, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<8x24xi8> -> tensor<8x24xi8>
  return %2 : tensor<8x24xi8>
}

// -----

// CHECK-LABEL: aie.device
// CHECK: func.func private @{{.*}}(memref<32xi16>, memref<64xi8>, memref<8xi32>, memref<32xi16>)
// CHECK: sym_name = "dense_0_0_in0"} : memref<32xi16>
// CHECK: sym_name = "in0_t0_r0_0"} : memref<4x8xi16>
// CHECK: aie4ml.inputs = [{{.*}}element = i16, {{.*}}signed = false
// CHECK: aie4ml.outputs = [{{.*}}element = i16, {{.*}}signed = true
func.func @takes_other_integers(%x: tensor<4x8xui16>) -> tensor<4x8xi16> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xui16> -> tensor<4x8xui16>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xui16>, tensor<8x8xi8>) -> tensor<4x8xi16>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi16> -> tensor<4x8xi16>
  return %2 : tensor<4x8xi16>
}
