// What is computed of each element.

// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml | FileCheck %s

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i8:f32, 1.0>

// A function of 8-bit codes is a table of 256.

// CHECK-LABEL: func.func @sigmoid
func.func @sigmoid(%x: tensor<2x5x!x>) -> tensor<2x5x!quant.uniform<i8:f32, 0.0078125>> {
  // CHECK-NOT: tosa
  // CHECK: aie4ml.operator "lookup"({{.*}}) {{.*}} tensor<256xi8>) -> tensor<2x5xi8>
  %0 = quant.dcast %x : tensor<2x5x!x> to tensor<2x5xf32>
  %1 = tosa.sigmoid %0 : (tensor<2x5xf32>) -> tensor<2x5xf32>
  %2 = quant.qcast %1 : tensor<2x5xf32> to tensor<2x5x!quant.uniform<i8:f32, 0.0078125>>
  return %2 : tensor<2x5x!quant.uniform<i8:f32, 0.0078125>>
}

// One of 16-bit codes is in pieces, here of 64 codes with corrections of a bit.

// CHECK-LABEL: func.func @tanh_of_16_bits
func.func @tanh_of_16_bits(%x: tensor<2x5x!quant.uniform<i16:f32, 0.0001220703125>>) -> tensor<2x5x!quant.uniform<i16:f32, 0.000030517578125>> {
  // CHECK-NOT: tosa
  // CHECK: aie4ml.operator "piecewise"({{.*}}) {{.*}} parameters = {bits = [1], length = [64]} : (tensor<2x5xi16>, tensor<4096xi32>) -> tensor<2x5xi16>
  %0 = quant.dcast %x : tensor<2x5x!quant.uniform<i16:f32, 0.0001220703125>> to tensor<2x5xf32>
  %1 = tosa.tanh %0 : (tensor<2x5xf32>) -> tensor<2x5xf32>
  %2 = quant.qcast %1 : tensor<2x5xf32> to tensor<2x5x!quant.uniform<i16:f32, 0.000030517578125>>
  return %2 : tensor<2x5x!quant.uniform<i16:f32, 0.000030517578125>>
}

// One of sums is in steps.

// CHECK-LABEL: func.func @sigmoid_of_sums
func.func @sigmoid_of_sums(%x: tensor<1x2x5x!x>) -> tensor<1x2x3x!quant.uniform<u8:f32, 0.00390625>> {
  // CHECK-NOT: tosa
  // CHECK: %[[SUMS:.*]] = aie4ml.operator "conv2d"{{.*}} -> tensor<1x6xi32>
  // CHECK: aie4ml.operator "steps"(%[[SUMS]]) {{.*}} : (tensor<1x6xi32>, tensor<511xi32>) -> tensor<1x6xui8>
  %0 = quant.dcast %x : tensor<1x2x5x!x> to tensor<1x2x5xf32>
  %3 = "tosa.const"() <{values = dense<3> : tensor<1x5x3xi8>}> : () -> tensor<1x5x3xi8>
  %4 = quant.scast %3 : tensor<1x5x3xi8> to tensor<1x5x3x!w>
  %5 = quant.dcast %4 : tensor<1x5x3x!w> to tensor<1x5x3xf32>
  %6 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %7 = tosa.matmul %0, %5, %6, %6 : (tensor<1x2x5xf32>, tensor<1x5x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x3xf32>
  %8 = tosa.sigmoid %7 : (tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  %9 = quant.qcast %8 : tensor<1x2x3xf32> to tensor<1x2x3x!quant.uniform<u8:f32, 0.00390625>>
  return %9 : tensor<1x2x3x!quant.uniform<u8:f32, 0.00390625>>
}

// However many ops it is made of.

// CHECK-LABEL: func.func @gelu
func.func @gelu(%x: tensor<2x5x!x>) -> tensor<2x5x!x> {
  // CHECK-NOT: tosa
  // CHECK: %[[Y:.*]] = aie4ml.operator "lookup"
  // CHECK-NEXT: return %[[Y]]
  %0 = quant.dcast %x : tensor<2x5x!x> to tensor<2x5xf32>
  %1 = "tosa.const"() <{values = dense<0.5> : tensor<1x1xf32>}> : () -> tensor<1x1xf32>
  %2 = "tosa.const"() <{values = dense<0.70710678> : tensor<1x1xf32>}> : () -> tensor<1x1xf32>
  %3 = "tosa.const"() <{values = dense<1.0> : tensor<1x1xf32>}> : () -> tensor<1x1xf32>
  %4 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %5 = tosa.mul %0, %2, %4 : (tensor<2x5xf32>, tensor<1x1xf32>, tensor<1xi8>) -> tensor<2x5xf32>
  %6 = tosa.erf %5 : (tensor<2x5xf32>) -> tensor<2x5xf32>
  %7 = tosa.add %6, %3 : (tensor<2x5xf32>, tensor<1x1xf32>) -> tensor<2x5xf32>
  %8 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %9 = tosa.mul %7, %1, %8 : (tensor<2x5xf32>, tensor<1x1xf32>, tensor<1xi8>) -> tensor<2x5xf32>
  %10 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %11 = tosa.mul %0, %9, %10 : (tensor<2x5xf32>, tensor<2x5xf32>, tensor<1xi8>) -> tensor<2x5xf32>
  %12 = quant.qcast %11 : tensor<2x5xf32> to tensor<2x5x!x>
  return %12 : tensor<2x5x!x>
}

// Sums have no table: the larger of two convolutions.

// CHECK-LABEL: func.func @leaky_relu_of_sums
func.func @leaky_relu_of_sums(%x: tensor<1x2x2x1x!x>) -> tensor<1x2x2x1x!y> {
  // CHECK: %[[A:.*]] = aie4ml.operator "conv2d"
  // CHECK-SAME: shift = 3,
  // CHECK: %[[B:.*]] = aie4ml.operator "conv2d"
  // CHECK-SAME: shift = 5,
  // CHECK: aie4ml.operator "binary"(%[[A]], %[[B]]) parameters = {kind = [1]
  %0 = quant.dcast %x : tensor<1x2x2x1x!x> to tensor<1x2x2x1xf32>
  %1 = "tosa.const"() <{values = dense<3> : tensor<1x1x1x1xi8>}> : () -> tensor<1x1x1x1xi8>
  %2 = quant.scast %1 : tensor<1x1x1x1xi8> to tensor<1x1x1x1x!w>
  %3 = quant.dcast %2 : tensor<1x1x1x1x!w> to tensor<1x1x1x1xf32>
  %4 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %6 = tosa.conv2d %0, %3, %4, %5, %5 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x1xf32>
  %7 = "tosa.const"() <{values = dense<0.25> : tensor<1x1x1x1xf32>}> : () -> tensor<1x1x1x1xf32>
  %8 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %9 = tosa.mul %6, %7, %8 : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>, tensor<1xi8>) -> tensor<1x2x2x1xf32>
  %10 = "tosa.const"() <{values = dense<0.0> : tensor<1x1x1x1xf32>}> : () -> tensor<1x1x1x1xf32>
  %11 = tosa.greater_equal %6, %10 : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<1x2x2x1xi1>
  %12 = tosa.select %11, %6, %9 : (tensor<1x2x2x1xi1>, tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32>
  %13 = quant.qcast %12 : tensor<1x2x2x1xf32> to tensor<1x2x2x1x!y>
  return %13 : tensor<1x2x2x1x!y>
}

// A gather repeats what is broadcast.

// CHECK-LABEL: func.func @product_with_broadcast
func.func @product_with_broadcast(%a: tensor<2x3x4x!x>, %b: tensor<2x1x4x!quant.uniform<i8:f32, 0.5:2>>) -> tensor<2x3x4x!y> {
  // CHECK: arith.constant dense<[0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]>
  // CHECK: %[[B:.*]] = aie4ml.operator "gather"
  // CHECK: aie4ml.operator "binary"({{.*}}, %[[B]]) parameters = {kind = [0], zero_points = [0, 2]}
  // CHECK-SAME: shift = 3,
  %0 = quant.dcast %a : tensor<2x3x4x!x> to tensor<2x3x4xf32>
  %1 = quant.dcast %b : tensor<2x1x4x!quant.uniform<i8:f32, 0.5:2>> to tensor<2x1x4xf32>
  %2 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %3 = tosa.mul %0, %1, %2 : (tensor<2x3x4xf32>, tensor<2x1x4xf32>, tensor<1xi8>) -> tensor<2x3x4xf32>
  %4 = quant.qcast %3 : tensor<2x3x4xf32> to tensor<2x3x4x!y>
  return %4 : tensor<2x3x4x!y>
}

// Codes of one scale compare as they are.

// CHECK-LABEL: func.func @larger
func.func @larger(%a: tensor<2x5x!x>, %b: tensor<2x5x!x>) -> tensor<2x5x!x> {
  // CHECK: aie4ml.operator "binary"({{.*}}) parameters = {kind = [1], zero_points = [0, 0]}
  // CHECK-SAME: shift = 0,
  %0 = quant.dcast %a : tensor<2x5x!x> to tensor<2x5xf32>
  %1 = quant.dcast %b : tensor<2x5x!x> to tensor<2x5xf32>
  %2 = tosa.maximum %0, %1 : (tensor<2x5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  %3 = quant.qcast %2 : tensor<2x5xf32> to tensor<2x5x!x>
  return %3 : tensor<2x5x!x>
}

// One of two that lie differently moves.

// CHECK-LABEL: func.func @sum_of_images
func.func @sum_of_images(%a: tensor<2x2x2x3x!x>, %b: tensor<2x3x2x2x!x>) -> tensor<2x2x2x3x!y> {
  // CHECK: arith.constant dense<[0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]>
  // CHECK: %[[B:.*]] = aie4ml.operator "gather"
  // CHECK: aie4ml.add %{{.*}}, %[[B]]
  %0 = quant.dcast %a : tensor<2x2x2x3x!x> to tensor<2x2x2x3xf32>
  %1 = quant.dcast %b : tensor<2x3x2x2x!x> to tensor<2x3x2x2xf32>
  %2 = tosa.transpose %1 {perms = array<i32: 0, 2, 3, 1>} : (tensor<2x3x2x2xf32>) -> tensor<2x2x2x3xf32>
  %3 = tosa.add %0, %2 : (tensor<2x2x2x3xf32>, tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %4 = quant.qcast %3 : tensor<2x2x2x3xf32> to tensor<2x2x2x3x!y>
  return %4 : tensor<2x2x2x3x!y>
}

// Numbers of each channel, which lie together.

// CHECK-LABEL: func.func @scale_of_channels
func.func @scale_of_channels(%x: tensor<2x3x4x!x>) -> tensor<2x3x4x!y> {
  // CHECK: %[[S:.*]] = aie4ml.operator "conv2d"
  // CHECK-SAME: groups = [3], input = [3, 1, 4]
  // CHECK-SAME: multiplier = [268435456, 536870912, 805306368], shift = 30
  // CHECK: aie4ml.operator "gather"(%[[S]])
  %0 = "tosa.const"() <{values = dense<[[[1.0], [2.0], [3.0]]]> : tensor<1x3x1xf32>}> : () -> tensor<1x3x1xf32>
  %1 = "tosa.const"() <{values = dense<0.0> : tensor<1x1x3xf32>}> : () -> tensor<1x1x3xf32>
  %2 = quant.dcast %x : tensor<2x3x4x!x> to tensor<2x3x4xf32>
  %3 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %4 = tosa.mul %2, %0, %3 : (tensor<2x3x4xf32>, tensor<1x3x1xf32>, tensor<1xi8>) -> tensor<2x3x4xf32>
  %5 = quant.qcast %4 : tensor<2x3x4xf32> to tensor<2x3x4x!y>
  %6 = quant.dcast %5 : tensor<2x3x4x!y> to tensor<2x3x4xf32>
  %7 = tosa.reverse %6 {axis = 1 : i32} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %8 = quant.qcast %7 : tensor<2x3x4xf32> to tensor<2x3x4x!y>
  return %8 : tensor<2x3x4x!y>
}

// A quantizer keeps order, so operands of two scales are quantized, then compared.

!v = !quant.uniform<i8:f32, 0.5>

// CHECK-LABEL: func.func @larger_of_two_scales
func.func @larger_of_two_scales(%a: tensor<2x5x!x>, %b: tensor<2x5x!v>) -> tensor<2x5x!x> {
  // CHECK: %[[B:.*]] = aie4ml.requantize
  // CHECK: aie4ml.operator "binary"(%{{.*}}, %[[B]])
  %0 = quant.dcast %a : tensor<2x5x!x> to tensor<2x5xf32>
  %1 = quant.dcast %b : tensor<2x5x!v> to tensor<2x5xf32>
  %2 = tosa.maximum %0, %1 : (tensor<2x5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  %3 = quant.qcast %2 : tensor<2x5xf32> to tensor<2x5x!x>
  return %3 : tensor<2x5x!x>
}
