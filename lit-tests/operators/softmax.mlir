// Five groups of 13: the largest code, entries of a table, their sum, and its reciprocal.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x66xi8 %t/a.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK: linalg.generic {{.*}}"parallel", "parallel", "reduction"]}
// CHECK: arith.maxsi
// CHECK: tensor.extract %{{.*}} : tensor<256xi32>
// CHECK: linalg.generic {{.*}}"parallel", "parallel", "reduction"]}
// CHECK: arith.addi %{{.*}}, %{{.*}} : i64
// CHECK: arith.divsi %c35184372088832_i64, %{{.*}} : i64
// CHECK: arith.muli %{{.*}}, %{{.*}} : i64
// CHECK: tensor.collapse_shape {{.*}} : tensor<3x5x13xi64> into tensor<3x65xi64>
func.func @main(%x: tensor<3x66xi8>) -> tensor<3x65xui8> {
  %t = arith.constant dense<[65535, 62339, 59299, 56406, 53656, 51039, 48550, 46182, 43929, 41787, 39749, 37810, 35966, 34212, 32544, 30957, 29447, 28011, 26645, 25345, 24109, 22933, 21815, 20751, 19739, 18776, 17860, 16989, 16161, 15373, 14623, 13910, 13231, 12586, 11972, 11388, 10833, 10305, 9802, 9324, 8869, 8437, 8025, 7634, 7261, 6907, 6570, 6250, 5945, 5655, 5379, 5117, 4868, 4630, 4404, 4190, 3985, 3791, 3606, 3430, 3263, 3104, 2952, 2808, 2671, 2541, 2417, 2299, 2187, 2080, 1979, 1882, 1791, 1703, 1620, 1541, 1466, 1395, 1327, 1262, 1200, 1142, 1086, 1033, 983, 935, 889, 846, 805, 765, 728, 693, 659, 627, 596, 567, 539, 513, 488, 464, 442, 420, 400, 380, 362, 344, 327, 311, 296, 282, 268, 255, 242, 231, 219, 209, 198, 189, 180, 171, 162, 155, 147, 140, 133, 127, 120, 114, 109, 104, 99, 94, 89, 85, 81, 77, 73, 69, 66, 63, 60, 57, 54, 51, 49, 47, 44, 42, 40, 38, 36, 34, 33, 31, 30, 28, 27, 26, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 15, 14, 13, 13, 12, 11, 11, 10, 10, 9, 9, 9, 8, 8, 7, 7, 7, 6, 6, 6, 5, 5, 5, 5, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]> : tensor<256xi32>
  %y = aie4ml.operator "softmax"(%x) constants(%t) parameters = {extents = [5, 13], strides = [1, 5], offset = [1]}
         accumulator = i64
         requant = [#aie4ml.requant<shift = 37, rounding = nearest_even, overflow = saturate, width = 8, is_signed = false, min = 0, max = 255>]
       : (tensor<3x66xi8>, tensor<256xi32>) -> tensor<3x65xui8>
  return %y : tensor<3x65xui8>
}
