// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml | FileCheck %s

!x = !quant.uniform<i8:f32, 0.25>

// CHECK-LABEL: func.func @keeps_a_relu
func.func @keeps_a_relu(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!x>
  %1 = quant.dcast %0 : tensor<2x3x!x> to tensor<2x3xf32>
  // CHECK: aie4ml.clamp %{{.*}} min = 0 max = 127 : (tensor<2x3xi8>) -> tensor<2x3xi8>
  %2 = tosa.clamp %1 {min_val = 0.0 : f32, max_val = 3.40282347E+38 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// 6.0 is 24 steps of 0.25.

// CHECK-LABEL: func.func @divides_limits_by_the_scale
func.func @divides_limits_by_the_scale(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!x>
  %1 = quant.dcast %0 : tensor<2x3x!x> to tensor<2x3xf32>
  // CHECK: aie4ml.clamp %{{.*}} min = -3 max = 24
  %2 = tosa.clamp %1 {min_val = -0.75 : f32, max_val = 6.0 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}
