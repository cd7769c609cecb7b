// RUN: aie4ml-opt %s --aie4ml-plan-transport | FileCheck %s

// CHECK-LABEL: func.func @layer
// CHECK-SAME: %[[X:.*]]: tensor<5x37xi8>
func.func @layer(%x: tensor<5x37xi8>) -> tensor<5x11xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<37x11xi8>
  // CHECK: %[[IN:.*]] = aie4ml.transfer %[[X]] {regions = [#aie4ml.region<0 -> 0, 0 to 24, group = 0>, #aie4ml.region<1 -> 1, 24 to 37, group = 1>]}
  // CHECK: %[[Y:.*]] = aie4ml.dense %[[IN]],
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 24, n = 16, rows = 5>}
         : (tensor<5x37xi8>, tensor<37x11xi8>) -> tensor<5x11xi8>
  // CHECK: %[[OUT:.*]] = aie4ml.transfer %[[Y]] {regions = [#aie4ml.region<0 -> 0, 0 to 11, group = 0>]}
  // CHECK: return %[[OUT]]
  return %y : tensor<5x11xi8>
}
