// RUN: aie4ml-opt %s --convert-linalg-to-aie4ml --split-input-file | FileCheck %s

// No sum reaches the upper limit. A layer as TensorFlow Lite's converter writes it: zero points, a scale for each channel.
// 'sum (x + 5) w + b = sum x w + b + 5 sum w'.
// CHECK-LABEL: func.func @rescaled
// CHECK: %[[B:.*]] = arith.constant dense<[16, 48]> : tensor<2xi32>
// CHECK: aie4ml.dense %{{.*}}, %{{.*}}, %[[B]] accumulator = i32
// CHECK-SAME: requant = [#aie4ml.requant<multiplier = [1073741824, 1234567890], shift = 38, rounding = nearest_up, overflow = saturate, width = 8, zero_point = -3, min = -3, max = 127>]
// CHECK-SAME: (tensor<1x3xi8>, tensor<3x2xi8>, tensor<2xi32>) -> tensor<1x2xi8>
func.func @rescaled(%x: tensor<1x3xi8>) -> tensor<1x2xi8> {
  %w = "tosa.const"() <{values = dense<[[[1, 2], [3, -4], [-1, 12]]]> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %s3 = tosa.const_shape {values = dense<[1, 1, 3]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %s2 = tosa.const_shape {values = dense<[1, 2]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %x3 = tosa.reshape %x, %s3 : (tensor<1x3xi8>, !tosa.shape<3>) -> tensor<1x1x3xi8>
  %z = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %zx = "tosa.const"() <{values = dense<-5> : tensor<1xi8>}> : () -> tensor<1xi8>
  %z32 = "tosa.const"() <{values = dense<0> : tensor<1xi32>}> : () -> tensor<1xi32>
  %m = tosa.matmul %x3, %w, %zx, %z : (tensor<1x1x3xi8>, tensor<1x3x2xi8>, tensor<1xi8>, tensor<1xi8>) -> tensor<1x1x2xi32>
  %b = "tosa.const"() <{values = dense<[[[1, -2]]]> : tensor<1x1x2xi32>}> : () -> tensor<1x1x2xi32>
  %a = tosa.add %m, %b : (tensor<1x1x2xi32>, tensor<1x1x2xi32>) -> tensor<1x1x2xi32>
  %mu = "tosa.const"() <{values = dense<[1073741824, 1234567890]> : tensor<2xi32>}> : () -> tensor<2xi32>
  %sh = "tosa.const"() <{values = dense<38> : tensor<2xi8>}> : () -> tensor<2xi8>
  %zy = "tosa.const"() <{values = dense<-3> : tensor<1xi8>}> : () -> tensor<1xi8>
  %r = tosa.rescale %a, %mu, %sh, %z32, %zy {scale32 = true, rounding_mode = SINGLE_ROUND, per_channel = true, input_unsigned = false, output_unsigned = false} : (tensor<1x1x2xi32>, tensor<2xi32>, tensor<2xi8>, tensor<1xi32>, tensor<1xi8>) -> tensor<1x1x2xi8>
  %c = tosa.clamp %r {min_val = -3 : i8, max_val = 100 : i8} : (tensor<1x1x2xi8>) -> tensor<1x1x2xi8>
  %y = tosa.reshape %c, %s2 : (tensor<1x1x2xi8>, !tosa.shape<2>) -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// -----

// Sums that leave as they are.
// CHECK-LABEL: func.func @sums
// CHECK: %[[Y:.*]] = aie4ml.dense %{{.*}}, %{{.*}} accumulator = i32 : (tensor<8x16xi8>, tensor<16x8xi8>) -> tensor<8x8xi32>
// CHECK: return %[[Y]] : tensor<8x8xi32>
func.func @sums(%x: tensor<1x8x16xi8>) -> tensor<1x8x8xi32> {
  %w = "tosa.const"() <{values = dense<3> : tensor<1x16x8xi8>}> : () -> tensor<1x16x8xi8>
  %z = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %y = tosa.matmul %x, %w, %z, %z : (tensor<1x8x16xi8>, tensor<1x16x8xi8>, tensor<1xi8>, tensor<1xi8>) -> tensor<1x8x8xi32>
  return %y : tensor<1x8x8xi32>
}
