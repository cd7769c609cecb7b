// RUN: aie4ml-opt %s --convert-aie4ml-to-aie | FileCheck %s

// Two chains send to a column each, which has two tiles; one of these sends on to
// two tiles, and the last loads from its neighbor.

// CHECK-DAG: %[[A0:.*]] = aie.tile(6, 3)
// CHECK-DAG: %[[A1:.*]] = aie.tile(6, 4)
// CHECK-DAG: %[[B00:.*]] = aie.tile(7, 3)
// CHECK-DAG: %[[B01:.*]] = aie.tile(8, 3)
// CHECK-DAG: %[[B10:.*]] = aie.tile(7, 4)
// CHECK-DAG: %[[B11:.*]] = aie.tile(8, 4)
// CHECK-DAG: %[[C:.*]] = aie.tile(9, 3)
// CHECK-DAG: %[[D:.*]] = aie.tile(10, 3)

// Only what crosses the boundary lies in memory tiles.
// CHECK-DAG: %[[C_PING:.*]] = aie.buffer(%[[C]]) {{.*}}sym_name = "c_0_0_out0"}
// CHECK-NOT: sym_name = "a_t
// CHECK-NOT: sym_name = "b_t
// CHECK-NOT: sym_name = "c_t
// CHECK-NOT: sym_name = "d_0_0_in0"

// Each of the streams into C has locks of its own; D shares C's buffers and locks.
// CHECK-DAG: %[[C_FREE:.*]] = aie.lock(%[[C]]) {init = 2 : i32, sym_name = "c_0_0_in_free"}
// CHECK-DAG: %[[C_FULL:.*]] = aie.lock(%[[C]]) {init = 0 : i32, sym_name = "c_0_0_in_full"}
// CHECK-DAG: %[[C_FREE1:.*]] = aie.lock(%[[C]]) {init = 2 : i32, sym_name = "c_0_0_in_1_free"}
// CHECK-DAG: %[[C_FULL1:.*]] = aie.lock(%[[C]]) {init = 0 : i32, sym_name = "c_0_0_in_1_full"}
// CHECK-DAG: %[[D_FREE:.*]] = aie.lock(%[[C]]) {init = 2 : i32, sym_name = "d_0_0_in_free"}
// CHECK-DAG: %[[D_FULL:.*]] = aie.lock(%[[C]]) {init = 0 : i32, sym_name = "d_0_0_in_full"}

// CHECK-DAG: aie.flow(%[[A0]], DMA : 0, %[[B00]], DMA : 0)
// CHECK-DAG: aie.flow(%[[A0]], DMA : 0, %[[B10]], DMA : 0)
// CHECK-DAG: aie.flow(%[[A1]], DMA : 0, %[[B01]], DMA : 0)
// CHECK-DAG: aie.flow(%[[A1]], DMA : 0, %[[B11]], DMA : 0)
// CHECK-DAG: aie.flow(%[[B01]], DMA : 0, %[[C]], DMA : 0)
// CHECK-DAG: aie.flow(%[[B11]], DMA : 0, %[[C]], DMA : 1)

// CHECK: aie.core(%[[D]]) {
// CHECK: aie.use_lock(%[[D_FULL]], AcquireGreaterEqual, 1)
// CHECK: func.call @{{.*}}(%[[C_PING]],
// CHECK: aie.use_lock(%[[D_FREE]], Release, 1)
func.func @hands_over(%x: tensor<8x16xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<16x16xi8>
  %i = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  %a = aie4ml.dense %i, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 16, n = 8, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8> loc("a")
  %t = aie4ml.transfer %a {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 1, 8 to 16, group = 0>], via = #aie4ml.via<stream>} : tensor<8x16xi8> -> tensor<8x16xi8>
  %b = aie4ml.dense %t, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 2, k = 8, n = 8, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<7, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8> loc("b")
  %u = aie4ml.transfer %b {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 0, 8 to 16, group = 0>], via = #aie4ml.via<stream>} : tensor<8x16xi8> -> tensor<8x16xi8>
  %c = aie4ml.dense %u, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<9, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8> loc("c")
  %v = aie4ml.transfer %c {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], via = #aie4ml.via<shared_memory>} : tensor<8x16xi8> -> tensor<8x16xi8>
  %d = aie4ml.dense %v, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<10, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8> loc("d")
  %o = aie4ml.transfer %d {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], memory_tiles = [#aie4ml.place<8, 1>], ports = [#aie4ml.port<8, 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  return %o : tensor<8x16xi8>
}
