// RUN: aie4ml-opt %s --aie4ml-fuse | FileCheck %s

// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xi8>, %[[W:.*]]: tensor<3x1xi8>, %[[B:.*]]: tensor<1xi32>)
func.func @layer(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>, %b: tensor<1xi32>) -> tensor<2x1xi8> {
  // CHECK-NEXT: %[[Y:.*]] = aie4ml.dense %[[X]], %[[W]], %[[B]] accumulator = i32
  // CHECK-SAME: requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.bias_add %0, %b : (tensor<2x1xi32>, tensor<1xi32>) -> tensor<2x1xi32>
  %2 = aie4ml.clamp %1 min = 0 max = 2147483647 : (tensor<2x1xi32>) -> tensor<2x1xi32>
  %3 = aie4ml.requantize %2 requant = <shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  // CHECK-NEXT: return %[[Y]]
  return %3 : tensor<2x1xi8>
}
