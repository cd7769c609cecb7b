// RUN: aie4ml-opt %s --aie4ml-legalize | FileCheck %s

// Codes that are requantized without a layer before them: twice the codes at half the scale.

// CHECK-LABEL: func.func @requantizes_an_argument
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xi16>)
func.func @requantizes_an_argument(%x: tensor<2x3xi16>) -> tensor<2x3xi8> {
  // CHECK-NEXT: %[[Y:.*]] = aie4ml.add %[[X]], %[[X]] factors = [1, 1] requant = [#aie4ml.requant<shift = 5, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>] : (tensor<2x3xi16>, tensor<2x3xi16>) -> tensor<2x3xi8>
  // CHECK-NEXT: return %[[Y]]
  %0 = aie4ml.requantize %x requant = <shift = 4, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x3xi16>) -> tensor<2x3xi8>
  return %0 : tensor<2x3xi8>
}

// A ReLU behind a tensor that is an output as well.

// CHECK-LABEL: func.func @limits_codes_that_others_use
func.func @limits_codes_that_others_use(%a: tensor<2x3xi8>, %b: tensor<2x3xi8>) -> (tensor<2x3xi8>, tensor<2x3xi8>) {
  // CHECK-NEXT: %[[SUM:.*]] = aie4ml.add
  // CHECK-NEXT: %[[RELU:.*]] = aie4ml.add %[[SUM]], %[[SUM]] factors = [1, 1] requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = 0, max = 127>]
  // CHECK-NEXT: return %[[SUM]], %[[RELU]]
  %0 = aie4ml.add %a, %b factors = [1, 1] requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>] : (tensor<2x3xi8>, tensor<2x3xi8>) -> tensor<2x3xi8>
  %1 = aie4ml.clamp %0 min = 0 max = 127 : (tensor<2x3xi8>) -> tensor<2x3xi8>
  return %0, %1 : tensor<2x3xi8>, tensor<2x3xi8>
}
