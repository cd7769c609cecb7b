// RUN: aie4ml-opt %s --aie4ml-parallelize | FileCheck %s --check-prefixes=CHECK,RESOURCES
// RUN: aie4ml-opt %s --aie4ml-parallelize=objective=throughput | FileCheck %s --check-prefixes=CHECK,THROUGHPUT
// RUN: aie4ml-opt %s --aie4ml-parallelize=objective=latency | FileCheck %s --check-prefixes=CHECK,LATENCY
// RUN: aie4ml-opt %s --aie4ml-parallelize="objective=throughput max-tiles=2" | FileCheck %s --check-prefixes=CHECK,TWO
// RUN: aie4ml-opt %s --aie4ml-parallelize=rows=3 | FileCheck %s --check-prefixes=CHECK,ROWS
// RUN: aie4ml-opt %s --aie4ml-parallelize=stack=32768 | FileCheck %s --check-prefixes=CHECK,STACK

// CHECK-LABEL: func.func @layer
// RESOURCES-SAME: objective = "resources", optimal = true, {{.*}}tiles = 1 : i64
// THROUGHPUT-SAME: objective = "throughput", optimal = true, {{.*}}tiles = {{[2-9]|[1-9][0-9]+}} : i64
// LATENCY-SAME: objective = "latency", optimal = true, {{.*}}tiles = {{[2-9]|[1-9][0-9]+}} : i64
// TWO-SAME: objective = "throughput", optimal = true, {{.*}}tiles = 2 : i64
// ROWS-SAME: iterations = 3 : i64
// STACK-SAME: tiles = 2 : i64
func.func @layer(%x: tensor<8x256xi8>) -> tensor<8x128xi8> {
  %w = arith.constant dense<1> : tensor<256x128xi8>
  // ROWS: split = #aie4ml.split<cascade = 1, chains = 1, k = 256, n = 128, rows = 3>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x256xi8>, tensor<256x128xi8>) -> tensor<8x128xi8>
  return %y : tensor<8x128xi8>
}
