// What attention is made of.

// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml | FileCheck %s

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i8:f32, 1.0>

// Each of four tokens times the same weights: a convolution of one row, tokens its columns.

// CHECK-LABEL: func.func @tokens
func.func @tokens(%x: tensor<2x4x6x!x>) -> tensor<2x5x4x!y> {
  // CHECK: arith.constant dense<3> : tensor<5x6x1x1xi8>
  // CHECK: %[[Y:.*]] = aie4ml.operator "conv2d"
  // CHECK-SAME: input = [6, 1, 4], kernel = [1, 1]
  // CHECK-SAME: output = [5, 1, 4]
  // CHECK-SAME: strides = [1, 0, 6]
  // CHECK-NEXT: return %[[Y]]
  %0 = quant.dcast %x : tensor<2x4x6x!x> to tensor<2x4x6xf32>
  %1 = tosa.const_shape {values = dense<[1, 8, 6]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %2 = tosa.reshape %0, %1 : (tensor<2x4x6xf32>, !tosa.shape<3>) -> tensor<1x8x6xf32>
  %3 = "tosa.const"() <{values = dense<3> : tensor<1x6x5xi8>}> : () -> tensor<1x6x5xi8>
  %4 = quant.scast %3 : tensor<1x6x5xi8> to tensor<1x6x5x!w>
  %5 = quant.dcast %4 : tensor<1x6x5x!w> to tensor<1x6x5xf32>
  %6 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %7 = tosa.matmul %2, %5, %6, %6 : (tensor<1x8x6xf32>, tensor<1x6x5xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x8x5xf32>
  %8 = tosa.const_shape {values = dense<[2, 4, 5]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %9 = tosa.reshape %7, %8 : (tensor<1x8x5xf32>, !tosa.shape<3>) -> tensor<2x4x5xf32>
  %10 = tosa.transpose %9 {perms = array<i32: 0, 2, 1>} : (tensor<2x4x5xf32>) -> tensor<2x5x4xf32>
  %11 = quant.qcast %10 : tensor<2x5x4xf32> to tensor<2x5x4x!y>
  return %11 : tensor<2x5x4x!y>
}

// Two computed tensors, the second transposed; a row is the sample that a head belongs to.

// CHECK-LABEL: func.func @product
func.func @product(%a: tensor<2x3x4x!x>, %b: tensor<2x3x4x!quant.uniform<i8:f32, 0.25:-3>>) -> tensor<2x3x3x!y> {
  // CHECK: aie4ml.operator "matmul"
  // CHECK-SAME: extents = [1, 3, 4, 3], offset = [0, 0], strides_a = [0, 4, 1], strides_b = [0, 1, 4], zero_points = [0, -3]
  %0 = quant.dcast %a : tensor<2x3x4x!x> to tensor<2x3x4xf32>
  %1 = quant.dcast %b : tensor<2x3x4x!quant.uniform<i8:f32, 0.25:-3>> to tensor<2x3x4xf32>
  %2 = tosa.transpose %1 {perms = array<i32: 0, 2, 1>} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
  %3 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %4 = tosa.matmul %0, %2, %3, %3 : (tensor<2x3x4xf32>, tensor<2x4x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x3x3xf32>
  %5 = quant.qcast %4 : tensor<2x3x3xf32> to tensor<2x3x3x!y>
  return %5 : tensor<2x3x3x!y>
}

// Exponentials less the largest, by their sum.

// CHECK-LABEL: func.func @softmax
func.func @softmax(%x: tensor<2x3x8x!x>) -> tensor<2x3x8x!quant.uniform<u8:f32, 0.00390625>> {
  // CHECK: aie4ml.operator "softmax"
  // CHECK-SAME: extents = [3, 8], offset = [0], strides = [8, 1]
  // CHECK-SAME: accumulator = i64
  // CHECK-SAME: shift = 37,
  %0 = quant.dcast %x : tensor<2x3x8x!x> to tensor<2x3x8xf32>
  %1 = tosa.reduce_max %0 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %2 = tosa.sub %0, %1 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %3 = tosa.exp %2 : (tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  %4 = tosa.reduce_sum %3 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %5 = tosa.reciprocal %4 : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %6 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %7 = tosa.mul %3, %5, %6 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %8 = quant.qcast %7 : tensor<2x3x8xf32> to tensor<2x3x8x!quant.uniform<u8:f32, 0.00390625>>
  return %8 : tensor<2x3x8x!quant.uniform<u8:f32, 0.00390625>>
}

// Less its mean, by the root of its variance, times and plus numbers of each element.

// CHECK-LABEL: func.func @layer_norm
func.func @layer_norm(%x: tensor<2x3x8x!x>) -> tensor<2x3x8x!quant.uniform<i8:f32, 0.0625>> {
  // CHECK: %[[G:.*]] = arith.constant dense<[1, 2, 3, 4, 1, 2, 3, 4]> : tensor<8xi16>
  // CHECK: %[[B:.*]] = arith.constant dense<16384> : tensor<8xi32>
  // CHECK: aie4ml.operator "normalize"({{.*}}) constants(%[[G]], %[[B]])
  // CHECK-SAME: bits = [15], centered = [1], epsilon = [64], extents = [3, 8]
  %0 = quant.dcast %x : tensor<2x3x8x!x> to tensor<2x3x8xf32>
  %1 = "tosa.const"() <{values = dense<0.125> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %2 = tosa.reduce_sum %0 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %3 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %4 = tosa.mul %2, %1, %3 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %5 = tosa.sub %0, %4 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %6 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %7 = tosa.mul %5, %5, %6 : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %8 = tosa.reduce_sum %7 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %9 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %10 = tosa.mul %8, %1, %9 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %11 = "tosa.const"() <{values = dense<0.0625> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %12 = tosa.add %10, %11 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>) -> tensor<2x3x1xf32>
  %13 = tosa.rsqrt %12 : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %14 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %15 = tosa.mul %5, %13, %14 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %16 = "tosa.const"() <{values = dense<[[[1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]]]> : tensor<1x1x8xf32>}> : () -> tensor<1x1x8xf32>
  %17 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %18 = tosa.mul %15, %16, %17 : (tensor<2x3x8xf32>, tensor<1x1x8xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %19 = "tosa.const"() <{values = dense<0.5> : tensor<1x1x8xf32>}> : () -> tensor<1x1x8xf32>
  %20 = tosa.add %18, %19 : (tensor<2x3x8xf32>, tensor<1x1x8xf32>) -> tensor<2x3x8xf32>
  %21 = quant.qcast %20 : tensor<2x3x8xf32> to tensor<2x3x8x!quant.uniform<i8:f32, 0.0625>>
  return %21 : tensor<2x3x8x!quant.uniform<i8:f32, 0.0625>>
}

// By the root of the mean square.

// CHECK-LABEL: func.func @rms_norm
func.func @rms_norm(%x: tensor<2x3x8x!x>) -> tensor<2x3x8x!quant.uniform<i8:f32, 0.0625>> {
  // CHECK: aie4ml.operator "normalize"
  // CHECK-SAME: bits = [15], centered = [0], epsilon = [64], extents = [3, 8]
  %0 = quant.dcast %x : tensor<2x3x8x!x> to tensor<2x3x8xf32>
  %1 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %2 = tosa.mul %0, %0, %1 : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %3 = tosa.reduce_sum %2 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %4 = "tosa.const"() <{values = dense<0.125> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %5 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %6 = tosa.mul %3, %4, %5 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %7 = "tosa.const"() <{values = dense<0.0625> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %8 = tosa.add %6, %7 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>) -> tensor<2x3x1xf32>
  %9 = tosa.rsqrt %8 : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %10 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %11 = tosa.mul %0, %9, %10 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %12 = quant.qcast %11 : tensor<2x3x8xf32> to tensor<2x3x8x!quant.uniform<i8:f32, 0.0625>>
  return %12 : tensor<2x3x8x!quant.uniform<i8:f32, 0.0625>>
}
