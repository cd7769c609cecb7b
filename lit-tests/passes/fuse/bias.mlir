// RUN: aie4ml-opt %s --aie4ml-fuse | FileCheck %s

// CHECK-LABEL: func.func @adds_the_bias_in_the_layer
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xi8>, %[[W:.*]]: tensor<3x1xi8>, %[[B:.*]]: tensor<1xi32>)
func.func @adds_the_bias_in_the_layer(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>, %b: tensor<1xi32>) -> tensor<2x1xi32> {
  // CHECK-NEXT: %[[Y:.*]] = aie4ml.dense %[[X]], %[[W]], %[[B]] accumulator = i32 :
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.bias_add %0, %b : (tensor<2x1xi32>, tensor<1xi32>) -> tensor<2x1xi32>
  // CHECK-NEXT: return %[[Y]]
  return %1 : tensor<2x1xi32>
}

// CHECK-LABEL: func.func @leaves_a_second_bias
func.func @leaves_a_second_bias(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>, %b: tensor<1xi32>) -> tensor<2x1xi32> {
  // CHECK: %[[ACC:.*]] = aie4ml.dense
  // CHECK: aie4ml.bias_add %[[ACC]]
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.bias_add %0, %b : (tensor<2x1xi32>, tensor<1xi32>) -> tensor<2x1xi32>
  %2 = aie4ml.bias_add %1, %b : (tensor<2x1xi32>, tensor<1xi32>) -> tensor<2x1xi32>
  return %2 : tensor<2x1xi32>
}

// What is limited before the bias is added is not what is limited after.

// CHECK-LABEL: func.func @leaves_a_bias_behind_a_clamp
func.func @leaves_a_bias_behind_a_clamp(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>, %b: tensor<1xi32>) -> tensor<2x1xi8> {
  // CHECK: %[[ACC:.*]] = aie4ml.dense
  // CHECK: %[[RELU:.*]] = aie4ml.clamp %[[ACC]]
  // CHECK: %[[SUM:.*]] = aie4ml.bias_add %[[RELU]]
  // CHECK: aie4ml.requantize %[[SUM]]
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.clamp %0 min = 0 max = 100 : (tensor<2x1xi32>) -> tensor<2x1xi32>
  %2 = aie4ml.bias_add %1, %b : (tensor<2x1xi32>, tensor<1xi32>) -> tensor<2x1xi32>
  %3 = aie4ml.requantize %2 requant = <shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  return %3 : tensor<2x1xi8>
}

// The sums have a user that must not see the bias.

// CHECK-LABEL: func.func @computes_sums_with_and_without_a_bias
func.func @computes_sums_with_and_without_a_bias(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>, %b: tensor<1xi32>) -> (tensor<2x1xi32>, tensor<2x1xi32>) {
  // CHECK: %[[ACC:.*]] = aie4ml.dense %{{[^,]*}}, %{{[^,]*}} accumulator = i32 :
  // CHECK: %[[SUM:.*]] = aie4ml.dense %{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}} accumulator = i32 :
  // CHECK: return %[[ACC]], %[[SUM]]
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.bias_add %0, %b : (tensor<2x1xi32>, tensor<1xi32>) -> tensor<2x1xi32>
  return %0, %1 : tensor<2x1xi32>, tensor<2x1xi32>
}
