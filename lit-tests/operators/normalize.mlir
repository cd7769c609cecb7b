// Layer norm of three groups of 5, then RMS norm of all 15: moments, and what they scale.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x17xu8 %t/a.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK: linalg.generic {{.*}}"parallel", "parallel", "reduction"]}
// CHECK: arith.muli %{{.*}}, %c5_i64 : i64
// CHECK: arith.maxsi %{{.*}}, %c1_i64 : i64
// CHECK: math.sqrt %{{.*}} : f64
// CHECK: arith.divsi %c2305843009213693952_i64, %{{.*}} : i64
// CHECK: arith.minsi %{{.*}}, %c2147483647_i64 : i64
// CHECK: tensor.collapse_shape {{.*}} : tensor<3x3x5xi32> into tensor<3x15xi32>
// CHECK: math.sqrt %{{.*}} : f64
// CHECK: tensor.collapse_shape {{.*}} : tensor<3x1x15xi64> into tensor<3x15xi64>
func.func @main(%x: tensor<3x17xui8>) -> tensor<3x15xi8> {
  %g = arith.constant dense<[1000, -2000, 3000, 32767, -32768]> : tensor<5xi16>
  %b = arith.constant dense<[0, 1000, -1000000, 20000000, 5]> : tensor<5xi32>
  %0 = aie4ml.operator "normalize"(%x) constants(%g, %b) parameters = {
         extents = [3, 5], strides = [5, 1], offset = [2], centered = [1], epsilon = [25], bits = [12], zero_point = [0]}
         accumulator = i32
         requant = [#aie4ml.requant<multiplier = [1300], shift = 31, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
       : (tensor<3x17xui8>, tensor<5xi16>, tensor<5xi32>) -> tensor<3x15xi8>
  %h = arith.constant dense<100000> : tensor<15xi32>
  %c = arith.constant dense<-3000000000> : tensor<15xi64>
  %1 = aie4ml.operator "normalize"(%0) constants(%h, %c) parameters = {
         extents = [1, 15], strides = [15, 1], offset = [0], centered = [0], epsilon = [0], bits = [14], zero_point = [-4]}
         accumulator = i64
         requant = [#aie4ml.requant<shift = 26, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
       : (tensor<3x15xi8>, tensor<15xi32>, tensor<15xi64>) -> tensor<3x15xi8>
  return %1 : tensor<3x15xi8>
}
