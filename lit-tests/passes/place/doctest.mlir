// RUN: aie4ml-opt %s --aie4ml-place | FileCheck %s

// CHECK-LABEL: func.func @layer
// CHECK-SAME: aie4ml.placement = {cost = {{[0-9.e+-]+}} : f64, lower_bound = {{[0-9.e+-]+}} : f64, nodes = {{[0-9]+}} : i64, optimal = true}
func.func @layer(%x: tensor<8x16xi8>) -> tensor<8x8xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<16x8xi8>
  // CHECK: aie4ml.transfer {{.*}} {memory_tiles = [#aie4ml.place<{{[0-9]+}}, 1>], ports = [#aie4ml.port<[[IN:[0-9]+]], 0>, #aie4ml.port<[[IN]], 1>],
  %0 = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 1, 8 to 16, group = 0>]}
         : tensor<8x16xi8> -> tensor<8x16xi8>
  // CHECK: aie4ml.dense {{.*}} place = [#aie4ml.place<{{[0-9]+}}, 3>]
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x8xi8>) -> tensor<8x8xi8>
  // CHECK: aie4ml.transfer {{.*}} {memory_tiles = [#aie4ml.place<[[COLUMN:[0-9]+]], 1>], ports = [#aie4ml.port<[[COLUMN]], 0>],
  %2 = aie4ml.transfer %1 {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>]} : tensor<8x8xi8> -> tensor<8x8xi8>
  return %2 : tensor<8x8xi8>
}
