// What the user decides of a layer is kept by every pass on the way.

// RUN: aie4ml-opt %s --pass-pipeline='builtin.module(func.func(aie4ml-fuse,aie4ml-legalize,aie4ml-tile,aie4ml-parallelize,aie4ml-pack,aie4ml-plan-transport,aie4ml-place))' \
// RUN:   | FileCheck %s
// RUN: aie4ml-opt %s --aie4ml-compile | FileCheck %s --check-prefix=DESIGN

// CHECK: aie4ml.dense {{.*}} microtile = #aie4ml.microtile<2, 8, 8>, packing = {{.*}}, place = [#aie4ml.place<12, 5>], split = #aie4ml.split<cascade = 2, chains = 2, k = 16, n = 8, rows = 2>
// DESIGN: aie.cascade_flow(%tile_12_5, %tile_13_5)
// DESIGN: aie.cascade_flow(%tile_12_6, %tile_13_6)
func.func @layer(%x: tensor<5x31xi8>) -> tensor<5x16xi8> {
  %w = arith.constant dense<1> : tensor<31x16xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         {microtile = #aie4ml.microtile<2, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 2, k = 16, n = 8, rows = 2>,
          place = [#aie4ml.place<12, 5>]}
         : (tensor<5x31xi8>, tensor<31x16xi8>) -> tensor<5x16xi32>
  %1 = aie4ml.requantize %0 requant = <shift = 5, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<5x16xi32>) -> tensor<5x16xi8>
  return %1 : tensor<5x16xi8>
}
