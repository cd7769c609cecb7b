// RUN: aie4ml-opt %s --convert-linalg-to-aie4ml --split-input-file | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// Two computed tensors meet: the one that is no tensor of codes yet becomes one where it has the
// fewest bits, and both are brought to one scale.
// CHECK-LABEL: func.func @residual
// CHECK-SAME: %[[X:.*]]: tensor<2x2xi8>
// CHECK: %[[Y:.*]] = aie4ml.dense %[[X]], %{{.*}} accumulator = i32
// CHECK-SAME: requant = [#aie4ml.requant<shift = 4, rounding = floor, overflow = saturate, width = 8, min = 0, max = 127>]
// CHECK: %[[Z:.*]] = aie4ml.add %[[Y]], %[[X]] factors = [1, 4]
// CHECK-SAME: requant = [#aie4ml.requant<shift = 2, rounding = nearest_up, overflow = saturate, width = 8, min = -128, max = 127>]
// CHECK: return %[[Z]] : tensor<2x2xi8>
func.func @residual(%x: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %w = arith.constant dense<[[1, -2], [3, 4]]> : tensor<2x2xi8>
  %c0 = arith.constant 0 : i32
  %c2 = arith.constant 2 : i32
  %c4 = arith.constant 4 : i32
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %e = tensor.empty() : tensor<2x2xi32>
  %f = linalg.fill ins(%c0 : i32) outs(%e : tensor<2x2xi32>) -> tensor<2x2xi32>
  %0 = linalg.matmul ins(%x, %w : tensor<2x2xi8>, tensor<2x2xi8>) outs(%f : tensor<2x2xi32>) -> tensor<2x2xi32>
  %e8 = tensor.empty() : tensor<2x2xi8>
  %1 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%0, %x : tensor<2x2xi32>, tensor<2x2xi8>) outs(%e8 : tensor<2x2xi8>) {
  ^bb0(%sum: i32, %code: i8, %out: i8):
    %q = arith.shrsi %sum, %c4 : i32
    %relu = arith.maxsi %q, %c0 : i32
    %small = arith.minsi %relu, %high : i32
    %wide = arith.extsi %code : i8 to i32
    %moved = arith.shli %wide, %c2 : i32
    %both = arith.addi %small, %moved : i32
    %more = arith.addi %both, %c2 : i32
    %rounded = arith.shrsi %more, %c2 : i32
    %above = arith.maxsi %rounded, %low : i32
    %limited = arith.minsi %above, %high : i32
    %result = arith.trunci %limited : i32 to i8
    linalg.yield %result : i8
  } -> tensor<2x2xi8>
  return %1 : tensor<2x2xi8>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// What fixed-point numbers are cut to by default: the bits that are left.
// CHECK-LABEL: func.func @wraps
// CHECK: requant = [#aie4ml.requant<shift = 3, rounding = floor, overflow = wrap, width = 6, min = -32, max = 31>]
// CHECK-SAME: -> tensor<2x2xi8>
func.func @wraps(%x: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %w = arith.constant dense<[[1, -2], [3, 4]]> : tensor<2x2xi8>
  %c0 = arith.constant 0 : i32
  %c3 = arith.constant 3 : i32
  %c26 = arith.constant 26 : i32
  %e = tensor.empty() : tensor<2x2xi32>
  %f = linalg.fill ins(%c0 : i32) outs(%e : tensor<2x2xi32>) -> tensor<2x2xi32>
  %0 = linalg.matmul ins(%x, %w : tensor<2x2xi8>, tensor<2x2xi8>) outs(%f : tensor<2x2xi32>) -> tensor<2x2xi32>
  %e8 = tensor.empty() : tensor<2x2xi8>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<2x2xi32>) outs(%e8 : tensor<2x2xi8>) {
  ^bb0(%sum: i32, %out: i8):
    %q = arith.shrsi %sum, %c3 : i32
    %left = arith.shli %q, %c26 : i32
    %right = arith.shrsi %left, %c26 : i32
    %result = arith.trunci %right : i32 to i8
    linalg.yield %result : i8
  } -> tensor<2x2xi8>
  return %1 : tensor<2x2xi8>
}

// -----

// Two roundings of which no single one is the same stay two.
// CHECK-LABEL: func.func @rounds_twice
// CHECK: requant = [#aie4ml.requant<multiplier = [1234567890], shift = 31, rounding = nearest_up
// CHECK-SAME: #aie4ml.requant<shift = 4, rounding = nearest_away, overflow = saturate, width = 8, min = -128, max = 127>]
func.func @rounds_twice(%x: tensor<1x2x64xi8>) -> tensor<1x2x2xi8> {
  %w = "tosa.const"() <{values = dense<100> : tensor<1x64x2xi8>}> : () -> tensor<1x64x2xi8>
  %z = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %z32 = "tosa.const"() <{values = dense<0> : tensor<1xi32>}> : () -> tensor<1xi32>
  %m = tosa.matmul %x, %w, %z, %z : (tensor<1x2x64xi8>, tensor<1x64x2xi8>, tensor<1xi8>, tensor<1xi8>) -> tensor<1x2x2xi32>
  %mu = "tosa.const"() <{values = dense<1234567890> : tensor<1xi32>}> : () -> tensor<1xi32>
  %sh = "tosa.const"() <{values = dense<35> : tensor<1xi8>}> : () -> tensor<1xi8>
  %r = tosa.rescale %m, %mu, %sh, %z32, %z {scale32 = true, rounding_mode = DOUBLE_ROUND, per_channel = false, input_unsigned = false, output_unsigned = false} : (tensor<1x2x2xi32>, tensor<1xi32>, tensor<1xi8>, tensor<1xi32>, tensor<1xi8>) -> tensor<1x2x2xi8>
  return %r : tensor<1x2x2xi8>
}
