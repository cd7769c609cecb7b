// RUN: aie4ml-opt %s --convert-aie4ml-to-aie | FileCheck %s

// Two chains of two tiles: inputs are cut over columns, outputs over rows.

// The first tile of a cascade has the bias, the last one the output.
// CHECK-DAG: func.func private @[[FIRST:dense_first[a-z0-9_]*]](memref<32xi8>, memref<64xi8>, memref<8xi32>)
// CHECK-DAG: func.func private @[[LAST:dense_last[a-z0-9_]*]](memref<32xi8>, memref<64xi8>, memref<32xi8>)

// CHECK-DAG: %[[WEST_0:.*]] = aie.tile(6, 3)
// CHECK-DAG: %[[EAST_0:.*]] = aie.tile(7, 3)
// CHECK-DAG: %[[WEST_1:.*]] = aie.tile(6, 4)
// CHECK-DAG: %[[EAST_1:.*]] = aie.tile(7, 4)
// CHECK-DAG: %[[IN:.*]] = aie.tile(6, 1)
// CHECK-DAG: %[[OUT:.*]] = aie.tile(7, 1)

// Weights 1 and 2 are of inputs 0 to 8, those of the second chain are negative.
// CHECK-DAG: aie.buffer(%[[WEST_0]]) {{.*}}sym_name = "fc_0_0_weights"} : memref<64xi8> = dense<1>
// CHECK-DAG: aie.buffer(%[[EAST_0]]) {{.*}}sym_name = "fc_0_1_weights"} : memref<64xi8> = dense<2>
// CHECK-DAG: aie.buffer(%[[WEST_1]]) {{.*}}sym_name = "fc_1_0_weights"} : memref<64xi8> = dense<-1>
// CHECK-DAG: aie.buffer(%[[EAST_1]]) {{.*}}sym_name = "fc_1_1_weights"} : memref<64xi8> = dense<-2>
// CHECK-DAG: aie.buffer(%[[WEST_0]]) {{.*}}sym_name = "fc_0_0_bias"} : memref<8xi32> = dense<[0, 1, 2, 3, 4, 5, 6, 7]>
// CHECK-DAG: aie.buffer(%[[WEST_1]]) {{.*}}sym_name = "fc_1_0_bias"} : memref<8xi32> = dense<[8, 9, 10, 11, 12, 13, 14, 15]>
// CHECK-NOT: fc_0_1_bias
// CHECK-NOT: fc_0_0_out

// A slice of the input goes to every chain.
// CHECK: aie.flow(%[[IN]], DMA : 0, %[[WEST_0]], DMA : 0)
// CHECK: aie.flow(%[[IN]], DMA : 0, %[[WEST_1]], DMA : 0)
// CHECK: aie.flow(%[[IN]], DMA : 1, %[[EAST_0]], DMA : 0)
// CHECK: aie.flow(%[[IN]], DMA : 1, %[[EAST_1]], DMA : 0)
// CHECK: aie.flow(%[[EAST_0]], DMA : 0, %[[OUT]], DMA : 0)
// CHECK: aie.flow(%[[EAST_1]], DMA : 0, %[[OUT]], DMA : 1)
// CHECK: aie.cascade_flow(%[[WEST_0]], %[[EAST_0]])
// CHECK: aie.cascade_flow(%[[WEST_1]], %[[EAST_1]])

// CHECK: aie.core(%[[WEST_0]]) {
// CHECK: func.call @[[FIRST]](
// CHECK: } {aie4ml.slice = {{{.*}}cascade = array<i64: 0, 2>, k = array<i64: 0, 8>, layer = "fc"
// CHECK-SAME: n = array<i64: 0, 8>
// CHECK: aie.core(%[[EAST_0]]) {
// CHECK: func.call @[[LAST]](
// CHECK: } {aie4ml.slice = {{{.*}}cascade = array<i64: 1, 2>, k = array<i64: 8, 16>, layer = "fc"
// CHECK-SAME: n = array<i64: 0, 8>
// CHECK: aie.core(%[[WEST_1]]) {
// CHECK: func.call @[[FIRST]](
// CHECK: aie.core(%[[EAST_1]]) {
// CHECK: func.call @[[LAST]](
func.func @cascade(%x: tensor<4x16xi8>) -> tensor<4x16xi8> {
  %w = arith.constant dense<[
    [1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1],
    [1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1],
    [1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1],
    [1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1],
    [1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1],
    [1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1],
    [1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1],
    [1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1],
    [2, 2, 2, 2, 2, 2, 2, 2, -2, -2, -2, -2, -2, -2, -2, -2],
    [2, 2, 2, 2, 2, 2, 2, 2, -2, -2, -2, -2, -2, -2, -2, -2],
    [2, 2, 2, 2, 2, 2, 2, 2, -2, -2, -2, -2, -2, -2, -2, -2],
    [2, 2, 2, 2, 2, 2, 2, 2, -2, -2, -2, -2, -2, -2, -2, -2],
    [2, 2, 2, 2, 2, 2, 2, 2, -2, -2, -2, -2, -2, -2, -2, -2],
    [2, 2, 2, 2, 2, 2, 2, 2, -2, -2, -2, -2, -2, -2, -2, -2],
    [2, 2, 2, 2, 2, 2, 2, 2, -2, -2, -2, -2, -2, -2, -2, -2],
    [2, 2, 2, 2, 2, 2, 2, 2, -2, -2, -2, -2, -2, -2, -2, -2]]> : tensor<16x16xi8>
  %b = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]> : tensor<16xi32>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 1, 8 to 16, group = 0>],
          memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>, #aie4ml.port<6, 1>]}
         : tensor<4x16xi8> -> tensor<4x16xi8>
  %1 = aie4ml.dense %0, %w, %b accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 2, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x16xi8>, tensor<16x16xi8>, tensor<16xi32>) -> tensor<4x16xi8> loc("fc")
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 1, 8 to 16, group = 0>],
          memory_tiles = [#aie4ml.place<7, 1>], ports = [#aie4ml.port<7, 0>, #aie4ml.port<7, 1>]}
         : tensor<4x16xi8> -> tensor<4x16xi8>
  return %2 : tensor<4x16xi8>
}
