// RUN: aie4ml-opt %s --convert-aie4ml-to-aie | FileCheck %s

// Even channels of a memory tile have half of its descriptors, odd ones the other
// half: fourteen that fill and fourteen that drain are too many for one of them.

// CHECK-DAG: %[[MEM:.*]] = aie.tile(6, 1)
// CHECK-DAG: %[[CORE:.*]] = aie.tile(6, 3)
// CHECK-DAG: aie.flow(%{{.*}}, PLIO : 0, %[[MEM]], DMA : 0)
// CHECK-DAG: aie.flow(%[[MEM]], DMA : 1, %[[CORE]], DMA : 0)
func.func @many_regions(%x: tensor<4x56xi8>) -> tensor<4x8xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<56x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<0 -> 0, 8 to 16, group = 0>, #aie4ml.region<0 -> 0, 16 to 24, group = 0>, #aie4ml.region<0 -> 0, 24 to 32, group = 0>, #aie4ml.region<0 -> 0, 32 to 40, group = 0>, #aie4ml.region<0 -> 0, 40 to 48, group = 0>, #aie4ml.region<0 -> 0, 48 to 56, group = 0>],
          memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x56xi8> -> tensor<4x56xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 56, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x56xi8>, tensor<56x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 2>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}
