// RUN: aie4ml-opt %s --aie4ml-parallelize | FileCheck %s

// Weights of 512 x 256 bytes exceed the 65536 bytes of one tile.

// CHECK: func.func @layer
// CHECK-SAME: aie4ml.plan = {interval = {{[0-9]+}} : i64, iterations = 1 : i64, latency = {{[0-9]+}} : i64, lower_bound = 3 : i64, minimizes = "tiles", objective = "resources", optimal = true, proof = "3 tiles, proven optimal", tiles = 3 : i64, value = 3 : i64}
func.func @layer(%x: tensor<8x512xi8>) -> tensor<8x256xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<512x256xi8>
  // CHECK: aie4ml.dense {{.*}} {aie4ml.choice = {candidates = {{[0-9]+}} : i64, latency = {{[0-9]+}} : i64, limit = "kernel",
  // CHECK-SAME: next_best = {cascade = 1 : i64, chains = 3 : i64, interval = {{[0-9]+}} : i64, latency = {{[0-9]+}} : i64},
  // CHECK-SAME: reason = "fewest tiles that hold it", tile_bytes = {{[0-9]+}} : i64}
  // CHECK-SAME: split = #aie4ml.split<cascade = 3, chains = 1, k = 176, n = 256, rows = 8>}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x512xi8>, tensor<512x256xi8>) -> tensor<8x256xi8>
  return %y : tensor<8x256xi8>
}
