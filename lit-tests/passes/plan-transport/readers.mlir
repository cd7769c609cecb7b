// RUN: aie4ml-opt %s --aie4ml-plan-transport | FileCheck %s
// RUN: aie4ml-opt %s --aie4ml-plan-transport=transport=memtile | FileCheck %s --check-prefix=MEMTILE

// Three readers, each with another split, of what a tile with two channels makes:
// the third takes the whole, for which it has a stream; the others get parts so
// small that both can take the same stream, into memory tiles.

// CHECK-LABEL: func.func @three_readers
// MEMTILE-LABEL: func.func @three_readers
func.func @three_readers(%x: tensor<8x16xi8>) -> (tensor<8x8xi8>, tensor<8x8xi8>, tensor<8x8xi8>) {
  %w16x48 = arith.constant dense<1> : tensor<16x48xi8>
  %w48x8 = arith.constant dense<1> : tensor<48x8xi8>
  // CHECK: %[[A:.*]] = aie4ml.dense
  // MEMTILE: %[[A:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w16x48 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 48, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x48xi8>) -> tensor<8x48xi8>
  // CHECK: %[[B0:.*]] = aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 0, 16 to 24, group = 0>, #aie4ml.region<0 -> 1, 24 to 32, group = 0>, #aie4ml.region<0 -> 1, 32 to 48, group = 0>]}
  // CHECK: aie4ml.dense %[[B0]],
  // MEMTILE: aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 0, 16 to 24, group = 0>, #aie4ml.region<0 -> 1, 24 to 32, group = 0>, #aie4ml.region<0 -> 1, 32 to 48, group = 0>]}
  %1 = aie4ml.dense %0, %w48x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 24, n = 8, rows = 8>}
         : (tensor<8x48xi8>, tensor<48x8xi8>) -> tensor<8x8xi8>
  // CHECK: %[[B1:.*]] = aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 1, 16 to 24, group = 0>, #aie4ml.region<0 -> 1, 24 to 32, group = 0>, #aie4ml.region<0 -> 2, 32 to 48, group = 0>]}
  // CHECK: aie4ml.dense %[[B1]],
  // MEMTILE: aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 1, 16 to 24, group = 0>, #aie4ml.region<0 -> 1, 24 to 32, group = 0>, #aie4ml.region<0 -> 2, 32 to 48, group = 0>]}
  %2 = aie4ml.dense %0, %w48x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 1, k = 16, n = 8, rows = 8>}
         : (tensor<8x48xi8>, tensor<48x8xi8>) -> tensor<8x8xi8>
  // CHECK: %[[B2:.*]] = aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 48, group = 0>], via = #aie4ml.via<stream>}
  // CHECK: aie4ml.dense %[[B2]],
  // MEMTILE: aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 0, 16 to 24, group = 0>, #aie4ml.region<0 -> 0, 24 to 32, group = 0>, #aie4ml.region<0 -> 0, 32 to 48, group = 0>]}
  %3 = aie4ml.dense %0, %w48x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 48, n = 8, rows = 8>}
         : (tensor<8x48xi8>, tensor<48x8xi8>) -> tensor<8x8xi8>
  return %1, %2, %3 : tensor<8x8xi8>, tensor<8x8xi8>, tensor<8x8xi8>
}
