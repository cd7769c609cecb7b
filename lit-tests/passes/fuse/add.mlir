// RUN: aie4ml-opt %s --aie4ml-fuse | FileCheck %s

// CHECK-LABEL: func.func @activation_and_requantization
// CHECK-SAME: (%[[A:.*]]: tensor<2x3xi8>, %[[B:.*]]: tensor<2x3xi8>)
func.func @activation_and_requantization(%a: tensor<2x3xi8>, %b: tensor<2x3xi8>) -> tensor<2x3xi8> {
  // CHECK-NEXT: %[[Y:.*]] = aie4ml.add %[[A]], %[[B]] factors = [1, 4] requant = [#aie4ml.requant<shift = 3, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>] : (tensor<2x3xi8>, tensor<2x3xi8>) -> tensor<2x3xi8>
  %0 = aie4ml.add %a, %b factors = [1, 4] : (tensor<2x3xi8>, tensor<2x3xi8>) -> tensor<2x3xi32>
  %1 = aie4ml.clamp %0 min = 0 max = 2147483647 : (tensor<2x3xi32>) -> tensor<2x3xi32>
  %2 = aie4ml.requantize %1 requant = <shift = 3, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x3xi32>) -> tensor<2x3xi8>
  // CHECK-NEXT: return %[[Y]]
  return %2 : tensor<2x3xi8>
}

// An add has no bias.

// CHECK-LABEL: func.func @leaves_a_bias
// CHECK: %[[SUM:.*]] = aie4ml.add
// CHECK: aie4ml.bias_add %[[SUM]]
func.func @leaves_a_bias(%a: tensor<2x3xi8>, %b: tensor<3xi32>) -> tensor<2x3xi32> {
  %0 = aie4ml.add %a, %a factors = [1, 1] : (tensor<2x3xi8>, tensor<2x3xi8>) -> tensor<2x3xi32>
  %1 = aie4ml.bias_add %0, %b : (tensor<2x3xi32>, tensor<3xi32>) -> tensor<2x3xi32>
  return %1 : tensor<2x3xi32>
}
