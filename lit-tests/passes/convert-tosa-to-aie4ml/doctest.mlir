// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml | FileCheck %s

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i8:f32, 1.0>

// CHECK: func.func @layer(
// CHECK-SAME: %[[X:.*]]: tensor<2x3xi8> {aie4ml.name = "input0", aie4ml.quant = !quant.uniform<i8:f32, 2.500000e-01>})
// CHECK-SAME: -> (tensor<2x1xi8> {aie4ml.name = "output0", aie4ml.quant = !quant.uniform<i8:f32, 1.000000e+00>})
func.func @layer(%x: tensor<1x2x3xf32>) -> tensor<1x2x1xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!x>
  %1 = quant.dcast %0 : tensor<1x2x3x!x> to tensor<1x2x3xf32>
  // CHECK: %[[W:.*]] = arith.constant dense<{{\[\[}}1], [-2], [3]]> : tensor<3x1xi8>
  %2 = "tosa.const"() <{values = dense<[[[1], [-2], [3]]]> : tensor<1x3x1xi8>}> : () -> tensor<1x3x1xi8>
  %3 = quant.scast %2 : tensor<1x3x1xi8> to tensor<1x3x1x!w>
  %4 = quant.dcast %3 : tensor<1x3x1x!w> to tensor<1x3x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // CHECK: %[[ACC:.*]] = aie4ml.dense %[[X]], %[[W]] accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  // CHECK: %[[Y:.*]] = aie4ml.requantize %[[ACC]] requant = <shift = 3, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>
  %6 = quant.qcast %5 : tensor<1x2x1xf32> to tensor<1x2x1x!y>
  %7 = quant.dcast %6 : tensor<1x2x1x!y> to tensor<1x2x1xf32>
  // CHECK: return %[[Y]] : tensor<2x1xi8>
  return %7 : tensor<1x2x1xf32>
}
