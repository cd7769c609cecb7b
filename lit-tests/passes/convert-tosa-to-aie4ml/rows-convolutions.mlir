// Convolutions of images.

// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml | FileCheck %s

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i8:f32, 1.0>

// ONNX's order, channels first: transpositions are views, so nothing moves.

// CHECK-LABEL: func.func @conv_relu_pool
func.func @conv_relu_pool(%x: tensor<2x3x6x6x!x>) -> tensor<2x4x3x3x!y> {
  // CHECK-SAME: %[[X:.*]]: tensor<2x108xi8>
  // CHECK: %[[W:.*]] = arith.constant dense<1> : tensor<4x3x3x3xi8>
  // CHECK: %[[B:.*]] = arith.constant dense<[0, 1, -8, 16]> : tensor<4xi32>
  // CHECK: %[[C:.*]] = aie4ml.operator "conv2d"(%[[X]]) constants(%[[W]], %[[B]])
  // CHECK-SAME: input = [3, 6, 6]
  // CHECK-SAME: output = [4, 6, 6], outside = [0], padding = [1, 1], stride = [1, 1], strides = [36, 6, 1]
  // CHECK-SAME: min = 0, max = 127
  // CHECK-NEXT: %[[P:.*]] = aie4ml.operator "max_pool"(%[[C]])
  // CHECK-SAME: kernel = [2, 2], offset = [0], output = [4, 3, 3], padding = [0, 0], stride = [2, 2], strides = [36, 6, 1]
  // CHECK-NEXT: return %[[P]] : tensor<2x36xi8>
  %0 = quant.dcast %x : tensor<2x3x6x6x!x> to tensor<2x3x6x6xf32>
  %1 = tosa.transpose %0 {perms = array<i32: 0, 2, 3, 1>} : (tensor<2x3x6x6xf32>) -> tensor<2x6x6x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<4x3x3x3xi8>}> : () -> tensor<4x3x3x3xi8>
  %3 = quant.scast %2 : tensor<4x3x3x3xi8> to tensor<4x3x3x3x!w>
  %4 = quant.dcast %3 : tensor<4x3x3x3x!w> to tensor<4x3x3x3xf32>
  %5 = "tosa.const"() <{values = dense<[0.0, 0.125, -1.0, 2.0]> : tensor<4xf32>}> : () -> tensor<4xf32>
  %6 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %7 = tosa.conv2d %1, %4, %5, %6, %6 {acc_type = f32, pad = array<i64: 1, 1, 1, 1>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<2x6x6x3xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x6x6x4xf32>
  %8 = tosa.transpose %7 {perms = array<i32: 0, 3, 1, 2>} : (tensor<2x6x6x4xf32>) -> tensor<2x4x6x6xf32>
  %9 = tosa.clamp %8 {min_val = 0.0 : f32, max_val = 3.40282347E+38 : f32} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %10 = quant.qcast %9 : tensor<2x4x6x6xf32> to tensor<2x4x6x6x!y>
  %11 = quant.dcast %10 : tensor<2x4x6x6x!y> to tensor<2x4x6x6xf32>
  %12 = tosa.transpose %11 {perms = array<i32: 0, 2, 3, 1>} : (tensor<2x4x6x6xf32>) -> tensor<2x6x6x4xf32>
  %13 = tosa.max_pool2d %12 {kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>} : (tensor<2x6x6x4xf32>) -> tensor<2x3x3x4xf32>
  %14 = tosa.transpose %13 {perms = array<i32: 0, 3, 1, 2>} : (tensor<2x3x3x4xf32>) -> tensor<2x4x3x3xf32>
  %15 = quant.qcast %14 : tensor<2x4x3x3xf32> to tensor<2x4x3x3x!y>
  return %15 : tensor<2x4x3x3x!y>
}

// Two filters of each channel, channels last.

// CHECK-LABEL: func.func @depthwise
func.func @depthwise(%x: tensor<2x5x5x2x!x>) -> tensor<2x3x3x4x!y> {
  // CHECK: arith.constant dense<2> : tensor<4x1x3x3xi8>
  // CHECK: %[[C:.*]] = aie4ml.operator "conv2d"
  // CHECK-SAME: groups = [2], input = [2, 5, 5]
  // CHECK-SAME: strides = [1, 10, 2]
  // CHECK: arith.constant dense<[0, 9, 18, 27, 1, 10,
  // CHECK-NEXT: aie4ml.operator "gather"(%[[C]])
  %0 = "tosa.const"() <{values = dense<2> : tensor<3x3x2x2xi8>}> : () -> tensor<3x3x2x2xi8>
  %1 = quant.scast %0 : tensor<3x3x2x2xi8> to tensor<3x3x2x2x!w>
  %2 = quant.dcast %1 : tensor<3x3x2x2x!w> to tensor<3x3x2x2xf32>
  %3 = "tosa.const"() <{values = dense<0.0> : tensor<4xf32>}> : () -> tensor<4xf32>
  %4 = quant.dcast %x : tensor<2x5x5x2x!x> to tensor<2x5x5x2xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %6 = tosa.depthwise_conv2d %4, %2, %3, %5, %5 {acc_type = f32, pad = array<i64: 1, 1, 1, 1>, stride = array<i64: 2, 2>, dilation = array<i64: 1, 1>} : (tensor<2x5x5x2xf32>, tensor<3x3x2x2xf32>, tensor<4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x3x3x4xf32>
  %7 = quant.qcast %6 : tensor<2x3x3x4xf32> to tensor<2x3x3x4x!y>
  return %7 : tensor<2x3x3x4x!y>
}

// Several channels of each, every one with a scale of its own.

// CHECK-LABEL: func.func @depthwise_per_channel
func.func @depthwise_per_channel(%x: tensor<2x3x3x2x!x>) -> tensor<2x3x3x4x!y> {
  // CHECK: arith.constant dense<{{\[\[\[\[}}1]]], {{\[\[\[}}2]]], {{\[\[\[}}3]]], {{\[\[\[}}4]]]]> : tensor<4x1x1x1xi8>
  // CHECK: aie4ml.operator "conv2d"
  // CHECK-SAME: multiplier = [268435456, 536870912, 805306368, 1073741824]
  %0 = "tosa.const"() <{values = dense<[[[[1]]], [[[2]]], [[[3]]], [[[4]]]]> : tensor<4x1x1x1xi8>}> : () -> tensor<4x1x1x1xi8>
  %1 = quant.scast %0 : tensor<4x1x1x1xi8> to tensor<4x1x1x1x!quant.uniform<i8:f32:0, {1.0,2.0,3.0,4.0}>>
  %2 = quant.dcast %1 : tensor<4x1x1x1x!quant.uniform<i8:f32:0, {1.0,2.0,3.0,4.0}>> to tensor<4x1x1x1xf32>
  %shape = tosa.const_shape {values = dense<[2, 2, 1, 1]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %3 = tosa.reshape %2, %shape : (tensor<4x1x1x1xf32>, !tosa.shape<4>) -> tensor<2x2x1x1xf32>
  %4 = tosa.transpose %3 {perms = array<i32: 2, 3, 0, 1>} : (tensor<2x2x1x1xf32>) -> tensor<1x1x2x2xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<4xf32>}> : () -> tensor<4xf32>
  %6 = quant.dcast %x : tensor<2x3x3x2x!x> to tensor<2x3x3x2xf32>
  %7 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %8 = tosa.depthwise_conv2d %6, %4, %5, %7, %7 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<2x3x3x2xf32>, tensor<1x1x2x2xf32>, tensor<4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x3x3x4xf32>
  %9 = quant.qcast %8 : tensor<2x3x3x4xf32> to tensor<2x3x3x4x!y>
  return %9 : tensor<2x3x3x4x!y>
}

// A convolution of each half of the channels reads its part of the input where it is; results join.

// CHECK-LABEL: func.func @grouped_by_slices
func.func @grouped_by_slices(%x: tensor<1x3x3x4x!x>) -> tensor<1x3x3x4x!y> {
  // CHECK: %[[A:.*]] = aie4ml.operator "conv2d"
  // CHECK-SAME: input = [2, 3, 3], kernel = [1, 1], offset = [0]
  // CHECK-SAME: strides = [1, 12, 4]
  // CHECK: %[[B:.*]] = aie4ml.operator "conv2d"
  // CHECK-SAME: offset = [2]
  // CHECK-SAME: strides = [1, 12, 4]
  // CHECK: aie4ml.operator "gather"(%[[A]], %[[B]])
  %0 = quant.dcast %x : tensor<1x3x3x4x!x> to tensor<1x3x3x4xf32>
  %1 = tosa.const_shape {values = dense<[0, 0, 0, 0]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %2 = tosa.const_shape {values = dense<[1, 3, 3, 2]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %3 = tosa.slice %0, %1, %2 : (tensor<1x3x3x4xf32>, !tosa.shape<4>, !tosa.shape<4>) -> tensor<1x3x3x2xf32>
  %4 = "tosa.const"() <{values = dense<1> : tensor<2x1x1x2xi8>}> : () -> tensor<2x1x1x2xi8>
  %5 = quant.scast %4 : tensor<2x1x1x2xi8> to tensor<2x1x1x2x!w>
  %6 = quant.dcast %5 : tensor<2x1x1x2x!w> to tensor<2x1x1x2xf32>
  %7 = "tosa.const"() <{values = dense<0.0> : tensor<2xf32>}> : () -> tensor<2xf32>
  %8 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %9 = tosa.conv2d %3, %6, %7, %8, %8 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x3x3x2xf32>, tensor<2x1x1x2xf32>, tensor<2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x3x3x2xf32>
  %10 = tosa.const_shape {values = dense<[0, 0, 0, 2]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %11 = tosa.const_shape {values = dense<[1, 3, 3, 2]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %12 = tosa.slice %0, %10, %11 : (tensor<1x3x3x4xf32>, !tosa.shape<4>, !tosa.shape<4>) -> tensor<1x3x3x2xf32>
  %13 = "tosa.const"() <{values = dense<2> : tensor<2x1x1x2xi8>}> : () -> tensor<2x1x1x2xi8>
  %14 = quant.scast %13 : tensor<2x1x1x2xi8> to tensor<2x1x1x2x!w>
  %15 = quant.dcast %14 : tensor<2x1x1x2x!w> to tensor<2x1x1x2xf32>
  %16 = "tosa.const"() <{values = dense<0.0> : tensor<2xf32>}> : () -> tensor<2xf32>
  %17 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %18 = tosa.conv2d %12, %15, %16, %17, %17 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x3x3x2xf32>, tensor<2x1x1x2xf32>, tensor<2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x3x3x2xf32>
  %19 = tosa.concat %9, %18 {axis = 3 : i32} : (tensor<1x3x3x2xf32>, tensor<1x3x3x2xf32>) -> tensor<1x3x3x4xf32>
  %20 = quant.qcast %19 : tensor<1x3x3x4xf32> to tensor<1x3x3x4x!y>
  return %20 : tensor<1x3x3x4x!y>
}

// A scale and a bias of each channel.

// CHECK-LABEL: func.func @scales_of_channels
func.func @scales_of_channels(%x: tensor<1x3x3x2x!x>) -> tensor<1x2x2x2x!y> {
  // CHECK: arith.constant dense<[8, -16]> : tensor<2xi32>
  // CHECK: aie4ml.operator "conv2d"
  // CHECK-SAME: multiplier = [1073741824, 536870912], shift = 33
  %0 = "tosa.const"() <{values = dense<1> : tensor<2x2x2x2xi8>}> : () -> tensor<2x2x2x2xi8>
  %1 = quant.scast %0 : tensor<2x2x2x2xi8> to tensor<2x2x2x2x!quant.uniform<i8:f32:0, {0.5, 0.25}>>
  %2 = quant.dcast %1 : tensor<2x2x2x2x!quant.uniform<i8:f32:0, {0.5, 0.25}>> to tensor<2x2x2x2xf32>
  %3 = "tosa.const"() <{values = dense<[1.0, -1.0]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %4 = quant.dcast %x : tensor<1x3x3x2x!x> to tensor<1x3x3x2xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %6 = tosa.conv2d %4, %2, %3, %5, %5 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x3x3x2xf32>, tensor<2x2x2x2xf32>, tensor<2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x2xf32>
  %7 = quant.qcast %6 : tensor<1x2x2x2xf32> to tensor<1x2x2x2x!y>
  return %7 : tensor<1x2x2x2x!y>
}

// What stands for zero is outside, and its part of a sum is taken off.

// CHECK-LABEL: func.func @outside_is_the_zero_point
func.func @outside_is_the_zero_point(%x: tensor<1x2x2x1x!quant.uniform<u8:f32, 0.25:7>>) -> tensor<1x3x3x1x!y> {
  // CHECK: arith.constant dense<-28> : tensor<1xi32>
  // CHECK: aie4ml.operator "conv2d"
  // CHECK-SAME: outside = [7], padding = [1, 1]
  %0 = "tosa.const"() <{values = dense<1> : tensor<1x2x2x1xi8>}> : () -> tensor<1x2x2x1xi8>
  %1 = quant.scast %0 : tensor<1x2x2x1xi8> to tensor<1x2x2x1x!w>
  %2 = quant.dcast %1 : tensor<1x2x2x1x!w> to tensor<1x2x2x1xf32>
  %3 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %4 = quant.dcast %x : tensor<1x2x2x1x!quant.uniform<u8:f32, 0.25:7>> to tensor<1x2x2x1xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %6 = tosa.conv2d %4, %2, %3, %5, %5 {acc_type = f32, pad = array<i64: 1, 1, 1, 1>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x3x3x1xf32>
  %7 = quant.qcast %6 : tensor<1x3x3x1xf32> to tensor<1x3x3x1x!y>
  return %7 : tensor<1x3x3x1x!y>
}

// Elements apart, weights the other way round.

// CHECK-LABEL: func.func @transposed
func.func @transposed(%x: tensor<1x3x3x2x!x>) -> tensor<1x6x6x1x!y> {
  // CHECK: arith.constant dense<{{\[\[\[\[}}7, 5], [3, 1]], {{\[\[}}8, 6], [4, 2]]]]> : tensor<1x2x2x2xi8>
  // CHECK: aie4ml.operator "conv2d"
  // CHECK-SAME: expand = [2, 2]
  // CHECK-SAME: output = [1, 6, 6], outside = [0], padding = [1, 1], stride = [1, 1]
  %0 = "tosa.const"() <{values = dense<[[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]> : tensor<1x2x2x2xi8>}> : () -> tensor<1x2x2x2xi8>
  %1 = quant.scast %0 : tensor<1x2x2x2xi8> to tensor<1x2x2x2x!w>
  %2 = quant.dcast %1 : tensor<1x2x2x2x!w> to tensor<1x2x2x2xf32>
  %3 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %4 = quant.dcast %x : tensor<1x3x3x2x!x> to tensor<1x3x3x2xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %6 = tosa.transpose_conv2d %4, %2, %3, %5, %5 {acc_type = f32, out_pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>} : (tensor<1x3x3x2xf32>, tensor<1x2x2x2xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x6x6x1xf32>
  %7 = quant.qcast %6 : tensor<1x6x6x1xf32> to tensor<1x6x6x1x!y>
  return %7 : tensor<1x6x6x1x!y>
}
