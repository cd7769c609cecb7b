// RUN: aie4ml-opt %s --convert-aie4ml-to-aie --aie4ml-prove-dataflow | FileCheck %s

// What differs from channel to channel is where sums end: the multipliers of four channels, one word each, and of those
// beyond the layer; then the low parts of the addends, of 31 bits, and the high ones. The bias is where sums start.

// CHECK-DAG: func.func private @[[FIRST:dense_first[a-z0-9_]*]](memref<32xi8>, memref<64xi8>, memref<8xi32>)
// CHECK-DAG: func.func private @[[LAST:dense_last[a-z0-9_]*vfc32ac62b32]](memref<32xi8>, memref<64xi8>, memref<24xi32>, memref<32xi8>)
// CHECK-DAG: %[[BIAS:.*]] = aie.buffer({{.*}}address = 2048 : i32{{.*}}sym_name = "fc_0_0_bias"} : memref<8xi32> = dense<[0, 1, 2, 3, 0, 0, 0, 0]>
// CHECK-DAG: %[[PARAMETERS:.*]] = aie.buffer({{.*}}address = 2048 : i32{{.*}}sym_name = "fc_0_1_parameters"} : memref<24xi32> = dense<[5, -6, 7, 2147483647, 0, 0, 0, 0, 1, 2147483647, 0, 0, 0, 0, 0, 0, 0, -1, 512, 0, 0, 0, 0, 0]>
// CHECK: func.call @[[FIRST]]({{.*}}, {{.*}}, %[[BIAS]])
// CHECK: func.call @[[LAST]]({{.*}}, {{.*}}, %[[PARAMETERS]], {{.*}})
func.func @parameters(%x: tensor<4x16xi8>) -> tensor<4x4xi8> {
  %w = arith.constant dense<1> : tensor<16x4xi8>
  %b = arith.constant dense<[0, 1, 2, 3]> : tensor<4xi32>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 1, 8 to 16, group = 0>],
          memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>, #aie4ml.port<6, 1>]}
         : tensor<4x16xi8> -> tensor<4x16xi8>
  %1 = aie4ml.dense %0, %w, %b accumulator = i32
         requant = [#aie4ml.requant<multiplier = [5, -6, 7, 2147483647], addend = [1, -1, 1099511627776, 0], shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x16xi8>, tensor<16x4xi8>, tensor<4xi32>) -> tensor<4x4xi8> loc("fc")
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 4, group = 0>],
          memory_tiles = [#aie4ml.place<7, 1>], ports = [#aie4ml.port<7, 0>]}
         : tensor<4x4xi8> -> tensor<4x4xi8>
  return %2 : tensor<4x4xi8>
}
