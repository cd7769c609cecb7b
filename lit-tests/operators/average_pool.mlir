// Averages over what is there of windows that reach out of the image: factors of sums first, then
// divisors, which keep ties.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x70xi8 %t/a.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK-DAG: arith.constant dense<0> : tensor<3x2x6x8xi8>
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 1, 1] [3, 2, 5, 7]
// CHECK: linalg.generic {{.*}}"reduction", "reduction"]}
// CHECK: arith.addi
// CHECK: arith.muli
// CHECK: arith.floordivsi
// CHECK: arith.ceildivsi
func.func @main(%x: tensor<3x70xi8>) -> tensor<3x8xi8> {
  %f = arith.constant dense<[4, 2, 2, 2, 2, 1, 1, 1, 2, 1, 1, 1]> : tensor<12xi32>
  %0 = aie4ml.operator "average_pool"(%x) constants(%f) parameters = {
         input = [2, 5, 7], output = [2, 3, 4], kernel = [2, 2], stride = [2, 2], dilation = [1, 1], padding = [1, 1],
         strides = [35, 7, 1], offset = [0], halves = [0]}
         accumulator = i32
         requant = [#aie4ml.requant<shift = 2, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
       : (tensor<3x70xi8>, tensor<12xi32>) -> tensor<3x24xi8>
  %n = arith.constant dense<[6, 6, 3, 3]> : tensor<4xi32>
  %1 = aie4ml.operator "average_pool"(%0) constants(%n) parameters = {
         input = [2, 3, 4], output = [2, 2, 2], kernel = [3, 2], stride = [2, 2], dilation = [1, 1], padding = [0, 0],
         strides = [12, 4, 1], offset = [0], halves = [3]}
         accumulator = i32
         requant = [#aie4ml.requant<shift = 4, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
       : (tensor<3x24xi8>, tensor<4xi32>) -> tensor<3x8xi8>
  return %1 : tensor<3x8xi8>
}
