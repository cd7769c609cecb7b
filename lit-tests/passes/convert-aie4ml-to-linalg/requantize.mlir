// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @floors
// CHECK: %[[X:.*]] = arith.extsi %{{.*}} : i32 to i64
// CHECK-NEXT: %[[Y:.*]] = arith.shrsi %[[X]], %{{.*}} : i64
// CHECK-NEXT: arith.maxsi %[[Y]]
func.func @floors(%x: tensor<2x3xi32>) -> tensor<2x3xi8> {
  %y = aie4ml.requantize %x requant = <shift = 4, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>
       : (tensor<2x3xi32>) -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}

// CHECK-LABEL: func.func @rounds_ties_to_even
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1 : i64
// CHECK-DAG: %[[HALF:.*]] = arith.constant 8 : i64
// CHECK-DAG: %[[MASK:.*]] = arith.constant 15 : i64
// CHECK: %[[FLOOR:.*]] = arith.shrsi %[[X:.*]], %{{.*}} : i64
// CHECK: %[[REST:.*]] = arith.andi %[[X]], %[[MASK]] : i64
// CHECK: %[[LAST:.*]] = arith.andi %[[FLOOR]], %[[ONE]] : i64
// CHECK: %[[ODD:.*]] = arith.cmpi eq, %[[LAST]], %[[ONE]] : i64
// CHECK: %[[ABOVE:.*]] = arith.cmpi sgt, %[[REST]], %[[HALF]] : i64
// CHECK: %[[TIE:.*]] = arith.cmpi eq, %[[REST]], %[[HALF]] : i64
// CHECK: %[[UP:.*]] = arith.select %[[TIE]], %[[ODD]], %[[ABOVE]] : i1
// CHECK: %[[ADD:.*]] = arith.extui %[[UP]] : i1 to i64
// CHECK: arith.addi %[[FLOOR]], %[[ADD]] : i64
func.func @rounds_ties_to_even(%x: tensor<2x3xi32>) -> tensor<2x3xi8> {
  %y = aie4ml.requantize %x requant = <shift = 4, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>
       : (tensor<2x3xi32>) -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}

// A clamp within a saturation is one pair of limits.
// CHECK-LABEL: func.func @saturates_and_clamps_at_once
// CHECK-DAG: %[[LOW:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[HIGH:.*]] = arith.constant 31 : i64
// CHECK: arith.addi %{{.*}}, %{{.*}} : i64
// CHECK-NEXT: %[[UP:.*]] = arith.maxsi %{{.*}}, %[[LOW]]
// CHECK-NEXT: %[[Y:.*]] = arith.minsi %[[UP]], %[[HIGH]]
// CHECK-NEXT: arith.trunci %[[Y]] : i64 to i8
func.func @saturates_and_clamps_at_once(%x: tensor<2x3xi32>) -> tensor<2x3xi8> {
  %y = aie4ml.requantize %x requant = <shift = 0, rounding = floor, overflow = saturate, width = 6, zero_point = 3, min = 0, max = 100>
       : (tensor<2x3xi32>) -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}

// CHECK-LABEL: func.func @leaves_out_the_smallest
// CHECK: arith.constant -127 : i64
func.func @leaves_out_the_smallest(%x: tensor<2x3xi32>) -> tensor<2x3xi8> {
  %y = aie4ml.requantize %x requant = <shift = 1, rounding = floor, overflow = symmetric, width = 8, min = -128, max = 127>
       : (tensor<2x3xi32>) -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}

// CHECK-LABEL: func.func @wraps_at_the_declared_width
// CHECK: %[[NARROW:.*]] = arith.trunci %{{.*}} : i64 to i6
// CHECK-NEXT: %[[Y:.*]] = arith.extui %[[NARROW]] : i6 to
// CHECK-NOT: arith.maxsi
func.func @wraps_at_the_declared_width(%x: tensor<2x3xi32>) -> tensor<2x3xui8> {
  %y = aie4ml.requantize %x requant = <shift = 1, rounding = floor, overflow = wrap, width = 6, is_signed = false, min = 0, max = 63>
       : (tensor<2x3xi32>) -> tensor<2x3xui8>
  return %y : tensor<2x3xui8>
}

// 63 bits and a shift by 20 do not fit 64 bits, and saturation needs all of them.
// CHECK-LABEL: func.func @shifts_left_without_loss
// CHECK: %[[X:.*]] = arith.extsi %{{.*}} : i64 to i128
// CHECK-NEXT: %[[Y:.*]] = arith.shli %[[X]], %{{.*}} : i128
// CHECK-NEXT: arith.maxsi %[[Y]], %{{.*}} : i128
func.func @shifts_left_without_loss(%x: tensor<2x3xi64>) -> tensor<2x3xi16> {
  %y = aie4ml.requantize %x requant = <shift = -20, rounding = floor, overflow = saturate, width = 16, min = -32768, max = 32767>
       : (tensor<2x3xi64>) -> tensor<2x3xi16>
  return %y : tensor<2x3xi16>
}

// The stage before the last is signed, whatever the result is.
// CHECK-LABEL: func.func @requantizes_in_stages
// CHECK-DAG: %[[LEAST:.*]] = arith.constant -128 : i64
// CHECK-DAG: %[[MOST:.*]] = arith.constant 127 : i64
// CHECK-DAG: %[[UMOST:.*]] = arith.constant 255 : i64
// CHECK: arith.maxsi %{{.*}}, %[[LEAST]]
// CHECK-NEXT: %[[FIRST:.*]] = arith.minsi %{{.*}}, %[[MOST]]
// CHECK-NEXT: arith.shrsi %[[FIRST]]
// CHECK: arith.minsi %{{.*}}, %[[UMOST]]
func.func @requantizes_in_stages(%x: tensor<2x4xi8>, %w: tensor<4x3xi8>) -> tensor<2x3xui8> {
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 3, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>,
                    #aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, is_signed = false, min = 0, max = 255>]
       : (tensor<2x4xi8>, tensor<4x3xi8>) -> tensor<2x3xui8>
  return %y : tensor<2x3xui8>
}
