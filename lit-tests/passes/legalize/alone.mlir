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

// Numbers of channels need a layer with weights.

// CHECK-LABEL: func.func @channels
// CHECK: %[[ONES:.*]] = arith.constant dense<{{\[\[}}1, 0], [0, 1]]> : tensor<2x2xi8>
// CHECK: aie4ml.dense %{{.*}}, %[[ONES]] accumulator = i32 requant = [#aie4ml.requant<addend = [3, 5], shift = 1,
func.func @channels(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
  %y = aie4ml.requantize %x requant = <addend = [3, 5], shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<3x2xi8>) -> tensor<3x2xi8>
  return %y : tensor<3x2xi8>
}

// What cannot be doubled is added to nothing.

// CHECK-LABEL: func.func @shifts_by_the_most
// CHECK: aie4ml.add %[[X:.*]], %[[X]] factors = [1, 0] requant = [#aie4ml.requant<multiplier = [3], shift = 59,
func.func @shifts_by_the_most(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
  %y = aie4ml.requantize %x requant = <multiplier = [3], shift = 59, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<3x2xi8>) -> tensor<3x2xi8>
  return %y : tensor<3x2xi8>
}

// Sums leave the network as they are.

// CHECK-LABEL: func.func @sums
// CHECK: aie4ml.dense %{{.*}} accumulator = i32 requant = [#aie4ml.requant<shift = 0, rounding = floor, overflow = saturate, width = 32, min = -2147483648, max = 2147483647>]
func.func @sums(%x: tensor<3x2xi8>) -> tensor<3x1xi32> {
  %w = arith.constant dense<1> : tensor<2x1xi8>
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<3x2xi8>, tensor<2x1xi8>) -> tensor<3x1xi32>
  return %y : tensor<3x1xi32>
}

