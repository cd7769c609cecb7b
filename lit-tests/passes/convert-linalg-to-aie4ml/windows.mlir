// RUN: aie4ml-opt %s --convert-linalg-to-aie4ml --split-input-file | FileCheck %s

// A convolution as TensorFlow Lite's converter writes it: padding is the zero point, which the bias takes in.
// CHECK-LABEL: func.func @convolution
// CHECK-SAME: %[[X:.*]]: tensor<1x32xi8>
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{.*}}> : tensor<2x2x3x3xi8>
// CHECK-DAG: %[[B:.*]] = arith.constant dense<[91, 92]> : tensor<2xi32>
// CHECK: %[[Y:.*]] = aie4ml.operator "conv2d"
// CHECK-SAME: outside = [-5]
// CHECK-SAME: padding = [1, 1]
// CHECK-SAME: strides = [1, 8, 2]
// CHECK-SAME: requant = [#aie4ml.requant<multiplier = [1073741824, 1234567890]
func.func @convolution(%x: tensor<1x4x4x2xi8>) -> tensor<1x4x4x2xi8> {
  %w = "tosa.const"() <{values = dense<1> : tensor<2x3x3x2xi8>}> : () -> tensor<2x3x3x2xi8>
  %b = "tosa.const"() <{values = dense<[1, 2]> : tensor<2xi32>}> : () -> tensor<2xi32>
  %zx = "tosa.const"() <{values = dense<-5> : tensor<1xi8>}> : () -> tensor<1xi8>
  %z = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %z32 = "tosa.const"() <{values = dense<0> : tensor<1xi32>}> : () -> tensor<1xi32>
  %a = tosa.conv2d %x, %w, %b, %zx, %z {acc_type = i32, pad = array<i64: 1, 1, 1, 1>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x4x4x2xi8>, tensor<2x3x3x2xi8>, tensor<2xi32>, tensor<1xi8>, tensor<1xi8>) -> tensor<1x4x4x2xi32>
  %mu = "tosa.const"() <{values = dense<[1073741824, 1234567890]> : tensor<2xi32>}> : () -> tensor<2xi32>
  %sh = "tosa.const"() <{values = dense<38> : tensor<2xi8>}> : () -> tensor<2xi8>
  %r = tosa.rescale %a, %mu, %sh, %z32, %z {scale32 = true, rounding_mode = SINGLE_ROUND, per_channel = true, input_unsigned = false, output_unsigned = false} : (tensor<1x4x4x2xi32>, tensor<2xi32>, tensor<2xi8>, tensor<1xi32>, tensor<1xi8>) -> tensor<1x4x4x2xi8>
  return %r : tensor<1x4x4x2xi8>
}

// -----

// The largest of windows, of what is in any order.
// CHECK-LABEL: func.func @pool
// CHECK: aie4ml.operator "max_pool"
// CHECK-SAME: kernel = [2, 2]
func.func @pool(%x: tensor<2x3x4x4xi8>) -> tensor<2x2x2x3xi8> {
  %t = tosa.transpose %x {perms = array<i32: 0, 2, 3, 1>} : (tensor<2x3x4x4xi8>) -> tensor<2x4x4x3xi8>
  %y = tosa.max_pool2d %t {kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>} : (tensor<2x4x4x3xi8>) -> tensor<2x2x2x3xi8>
  return %y : tensor<2x2x2x3xi8>
}

// -----

// Where samples are mixed, all of them are one row.
// CHECK-LABEL: func.func @transposed
// CHECK-SAME: tensor<1x4xi8>
// CHECK: aie4ml.operator "gather"
#id = affine_map<(d0, d1) -> (d0, d1)>
#transposed = affine_map<(d0, d1) -> (d1, d0)>
func.func @transposed(%x: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %e = tensor.empty() : tensor<2x2xi8>
  %0 = linalg.generic {indexing_maps = [#transposed, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x2xi8>) outs(%e : tensor<2x2xi8>) {
  ^bb0(%a: i8, %o: i8):
    linalg.yield %a : i8
  } -> tensor<2x2xi8>
  return %0 : tensor<2x2xi8>
}

// -----

// The second rounding shifts each channel by what is its own.
// CHECK-LABEL: func.func @rounds_twice
// CHECK: aie4ml.operator "conv2d"
// CHECK-SAME: requant = [#aie4ml.requant<multiplier = [1073741831, 1234567891], shift = 31, rounding = nearest_up
// CHECK-SAME: #aie4ml.requant<multiplier = [4, 1], shift = 7, rounding = nearest_away
func.func @rounds_twice(%x: tensor<1x4x4x2xi8>) -> tensor<1x4x4x2xi8> {
  %w = "tosa.const"() <{values = dense<1> : tensor<2x3x3x2xi8>}> : () -> tensor<2x3x3x2xi8>
  %b = "tosa.const"() <{values = dense<[1, 2]> : tensor<2xi32>}> : () -> tensor<2xi32>
  %z = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %z32 = "tosa.const"() <{values = dense<0> : tensor<1xi32>}> : () -> tensor<1xi32>
  %a = tosa.conv2d %x, %w, %b, %z, %z {acc_type = i32, pad = array<i64: 1, 1, 1, 1>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x4x4x2xi8>, tensor<2x3x3x2xi8>, tensor<2xi32>, tensor<1xi8>, tensor<1xi8>) -> tensor<1x4x4x2xi32>
  %mu = "tosa.const"() <{values = dense<[1073741831, 1234567891]> : tensor<2xi32>}> : () -> tensor<2xi32>
  %sh = "tosa.const"() <{values = dense<[36, 38]> : tensor<2xi8>}> : () -> tensor<2xi8>
  %r = tosa.rescale %a, %mu, %sh, %z32, %z {scale32 = true, rounding_mode = DOUBLE_ROUND, per_channel = true, input_unsigned = false, output_unsigned = false} : (tensor<1x4x4x2xi32>, tensor<2xi32>, tensor<2xi8>, tensor<1xi32>, tensor<1xi8>) -> tensor<1x4x4x2xi8>
  return %r : tensor<1x4x4x2xi8>
}

// -----

// Padding is known by constants, too.
// CHECK-LABEL: func.func @pads
// CHECK: aie4ml.operator "gather"
// CHECK-SAME: fill = [3]
func.func @pads(%x: tensor<1x2x2xi8>) -> tensor<1x2x4xi8> {
  %n = arith.constant 3 : i8
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %p = "tensor.pad"(%x, %c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 2, 1>, static_low = array<i64: 0, -9223372036854775808, -9223372036854775808>, static_high = array<i64: 0, 0, -9223372036854775808>}> ({
  ^bb0(%i: index, %j: index, %k: index):
    tensor.yield %n : i8
  }) : (tensor<1x2x2xi8>, index, index, index) -> tensor<1x2x4xi8>
  %y = tosa.clamp %p {min_val = -100 : i8, max_val = 100 : i8} : (tensor<1x2x4xi8>) -> tensor<1x2x4xi8>
  return %y : tensor<1x2x4xi8>
}

// -----

// Products of a layer without windows that are cut off one by one.
// CHECK-LABEL: func.func @cuts_products
// CHECK: aie4ml.operator "conv2d"
// CHECK-SAME: product_shift = [5]
#x = affine_map<(d0, d1, d2) -> (d0, d1)>
#w = affine_map<(d0, d1, d2) -> (d1, d2)>
#y = affine_map<(d0, d1, d2) -> (d0, d2)>
#id2 = affine_map<(d0, d1) -> (d0, d1)>
func.func @cuts_products(%x: tensor<2x3xi16>) -> tensor<2x2xi16> {
  %w = arith.constant dense<[[1, -2], [300, 4], [5, -600]]> : tensor<3x2xi16>
  %b = arith.constant dense<7> : tensor<2x2xi32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "reduction", "parallel"]} ins(%x, %w : tensor<2x3xi16>, tensor<3x2xi16>) outs(%b : tensor<2x2xi32>) {
  ^bb0(%in: i16, %of: i16, %out: i32):
    %c5 = arith.constant 5 : i32
    %1 = arith.extsi %in : i16 to i32
    %2 = arith.extsi %of : i16 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.shrsi %3, %c5 : i32
    %5 = arith.addi %out, %4 : i32
    linalg.yield %5 : i32
  } -> tensor<2x2xi32>
  %e = tensor.empty() : tensor<2x2xi16>
  %6 = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<2x2xi32>) outs(%e : tensor<2x2xi16>) {
  ^bb0(%in: i32, %out: i16):
    %c8 = arith.constant 8 : i32
    %7 = arith.shrsi %in, %c8 : i32
    %8 = arith.trunci %7 : i32 to i16
    linalg.yield %8 : i16
  } -> tensor<2x2xi16>
  return %6 : tensor<2x2xi16>
}
