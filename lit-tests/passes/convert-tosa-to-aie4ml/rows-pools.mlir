// Pools, and sums and maxima over axes.

// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml | FileCheck %s

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i8:f32, 1.0>

// Without padding, a convolution with ones.

// CHECK-LABEL: func.func @average
func.func @average(%x: tensor<1x4x4x2x!x>) -> tensor<1x2x2x2x!y> {
  // CHECK: arith.constant dense<1> : tensor<2x1x2x2xi8>
  // CHECK: aie4ml.operator "conv2d"
  // CHECK-SAME: groups = [2]
  // CHECK-SAME: shift = 4,
  %0 = quant.dcast %x : tensor<1x4x4x2x!x> to tensor<1x4x4x2xf32>
  %1 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %2 = tosa.avg_pool2d %0, %1, %1 {acc_type = f32, kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>} : (tensor<1x4x4x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x2xf32>
  %3 = quant.qcast %2 : tensor<1x2x2x2xf32> to tensor<1x2x2x2x!y>
  return %3 : tensor<1x2x2x2x!y>
}

// With padding, over what is there: 4, 2 or 1 elements.

// CHECK-LABEL: func.func @average_with_padding
func.func @average_with_padding(%x: tensor<1x3x3x2x!x>) -> tensor<1x2x2x2x!y> {
  // CHECK: %[[F:.*]] = arith.constant dense<[4, 2, 2, 1]> : tensor<4xi32>
  // CHECK-NEXT: aie4ml.operator "average_pool"({{.*}}) constants(%[[F]])
  // CHECK-SAME: halves = [0]
  // CHECK-SAME: padding = [1, 1]
  // CHECK-SAME: shift = 4,
  %0 = quant.dcast %x : tensor<1x3x3x2x!x> to tensor<1x3x3x2xf32>
  %1 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %2 = tosa.avg_pool2d %0, %1, %1 {acc_type = f32, kernel = array<i64: 2, 2>, pad = array<i64: 1, 0, 1, 0>, stride = array<i64: 2, 2>} : (tensor<1x3x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x2xf32>
  %3 = quant.qcast %2 : tensor<1x2x2x2xf32> to tensor<1x2x2x2x!y>
  return %3 : tensor<1x2x2x2x!y>
}

// A mean over two axes is one sum, then a scale; 16 ties exactly.

// CHECK-LABEL: func.func @mean_of_images
func.func @mean_of_images(%x: tensor<2x4x4x3x!x>) -> tensor<2x1x1x3x!y> {
  // CHECK: arith.constant dense<1> : tensor<3x1x16x1xi8>
  // CHECK: %[[Y:.*]] = aie4ml.operator "conv2d"
  // CHECK-SAME: input = [3, 16, 1], kernel = [16, 1]
  // CHECK-SAME: strides = [1, 3, 0]
  // CHECK-SAME: shift = 6,
  // CHECK-NEXT: return %[[Y]]
  %0 = quant.dcast %x : tensor<2x4x4x3x!x> to tensor<2x4x4x3xf32>
  %1 = tosa.reduce_sum %0 {axis = 1 : i32} : (tensor<2x4x4x3xf32>) -> tensor<2x1x4x3xf32>
  %2 = tosa.reduce_sum %1 {axis = 2 : i32} : (tensor<2x1x4x3xf32>) -> tensor<2x1x1x3xf32>
  %3 = "tosa.const"() <{values = dense<0.0625> : tensor<1x1x1x1xf32>}> : () -> tensor<1x1x1x1xf32>
  %4 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %5 = tosa.mul %2, %3, %4 : (tensor<2x1x1x3xf32>, tensor<1x1x1x1xf32>, tensor<1xi8>) -> tensor<2x1x1x3xf32>
  %6 = quant.qcast %5 : tensor<2x1x1x3xf32> to tensor<2x1x1x3x!y>
  return %6 : tensor<2x1x1x3x!y>
}

// Fifths of a sum have ties no factor keeps: they are divided.

// CHECK-LABEL: func.func @mean_of_five
func.func @mean_of_five(%x: tensor<2x5x3x!x>) -> tensor<2x1x3x!y> {
  // CHECK: %[[N:.*]] = arith.constant dense<5> : tensor<1xi32>
  // CHECK: aie4ml.operator "average_pool"({{.*}}) constants(%[[N]])
  // CHECK-SAME: halves = [8], input = [3, 5, 1], kernel = [5, 1]
  // CHECK-SAME: shift = 11,
  %0 = quant.dcast %x : tensor<2x5x3x!x> to tensor<2x5x3xf32>
  %1 = tosa.reduce_sum %0 {axis = 1 : i32} : (tensor<2x5x3xf32>) -> tensor<2x1x3xf32>
  %2 = "tosa.const"() <{values = dense<5.0> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %3 = tosa.reciprocal %2 : (tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
  %4 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %5 = tosa.mul %1, %3, %4 : (tensor<2x1x3xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x1x3xf32>
  %6 = quant.qcast %5 : tensor<2x1x3xf32> to tensor<2x1x3x!y>
  return %6 : tensor<2x1x3x!y>
}

// Sixths have such ties without padding too.

// CHECK-LABEL: func.func @average_of_six
func.func @average_of_six(%x: tensor<1x2x3x1x!x>) -> tensor<1x1x1x1x!x> {
  // CHECK: arith.constant dense<6> : tensor<1xi32>
  // CHECK: aie4ml.operator "average_pool"
  // CHECK-SAME: halves = [8]
  %0 = quant.dcast %x : tensor<1x2x3x1x!x> to tensor<1x2x3x1xf32>
  %1 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %2 = tosa.avg_pool2d %0, %1, %1 {acc_type = f32, kernel = array<i64: 2, 3>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>} : (tensor<1x2x3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x1x1xf32>
  %3 = quant.qcast %2 : tensor<1x1x1x1xf32> to tensor<1x1x1x1x!x>
  return %3 : tensor<1x1x1x1x!x>
}

// Limits between codes that are no whole number of 2^-8 need the sum itself, and a remark.

// CHECK-LABEL: func.func @mean_at_another_scale
func.func @mean_at_another_scale(%x: tensor<1x18x1x!quant.uniform<i8:f32, 0.75>>) -> tensor<1x1x1x!x> {
  // CHECK: aie4ml.operator "conv2d"
  // CHECK-SAME: kernel = [18, 1]
  %0 = quant.dcast %x : tensor<1x18x1x!quant.uniform<i8:f32, 0.75>> to tensor<1x18x1xf32>
  %1 = tosa.reduce_sum %0 {axis = 1 : i32} : (tensor<1x18x1xf32>) -> tensor<1x1x1xf32>
  %2 = "tosa.const"() <{values = dense<18.0> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %3 = tosa.reciprocal %2 : (tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
  %4 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %5 = tosa.mul %1, %3, %4 : (tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<1x1x1xf32>
  %6 = quant.qcast %5 : tensor<1x1x1xf32> to tensor<1x1x1x!x>
  return %6 : tensor<1x1x1x!x>
}

// The largest of an image is one window.

// CHECK-LABEL: func.func @largest
func.func @largest(%x: tensor<2x4x4x3x!x>) -> tensor<2x1x1x3x!x> {
  // CHECK: %[[Y:.*]] = aie4ml.operator "max_pool"
  // CHECK-SAME: input = [3, 16, 1], kernel = [16, 1]
  // CHECK-NEXT: return %[[Y]]
  %0 = quant.dcast %x : tensor<2x4x4x3x!x> to tensor<2x4x4x3xf32>
  %1 = tosa.reduce_max %0 {axis = 1 : i32} : (tensor<2x4x4x3xf32>) -> tensor<2x1x4x3xf32>
  %2 = tosa.reduce_max %1 {axis = 2 : i32} : (tensor<2x1x4x3xf32>) -> tensor<2x1x1x3xf32>
  %3 = quant.qcast %2 : tensor<2x1x1x3xf32> to tensor<2x1x1x3x!x>
  return %3 : tensor<2x1x1x3x!x>
}

// What no pattern goes on from is computed.

// CHECK-LABEL: func.func @less_the_largest_of_another
func.func @less_the_largest_of_another(%x: tensor<2x5x!x>, %y: tensor<2x5x!x>) -> tensor<2x5x!x> {
  // CHECK: %[[MOST:.*]] = aie4ml.operator "max_pool"
  // CHECK: %[[ALL:.*]] = aie4ml.operator "gather"(%[[MOST]])
  // CHECK: aie4ml.add %{{.*}}, %[[ALL]] factors = [-1, 1]
  %0 = quant.dcast %x : tensor<2x5x!x> to tensor<2x5xf32>
  %1 = quant.dcast %y : tensor<2x5x!x> to tensor<2x5xf32>
  %2 = tosa.reduce_max %1 {axis = 1 : i32} : (tensor<2x5xf32>) -> tensor<2x1xf32>
  %3 = tosa.sub %0, %2 : (tensor<2x5xf32>, tensor<2x1xf32>) -> tensor<2x5xf32>
  %4 = quant.qcast %3 : tensor<2x5xf32> to tensor<2x5x!x>
  return %4 : tensor<2x5x!x>
}
