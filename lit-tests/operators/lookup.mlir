// A square, as a table that begins with the lowest code.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x37xi8 %t/a.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK: %[[FIRST:.*]] = arith.addi %{{.*}}, %c128_i32
// CHECK: %[[INDEX:.*]] = arith.index_cast %[[FIRST]] : i32 to index
// CHECK: tensor.extract %{{.*}}[%[[INDEX]]] : tensor<256xi8>
func.func @main(%x: tensor<3x37xi8>) -> tensor<3x37xi8> {
  %t = arith.constant dense<[127, 126, 124, 122, 120, 118, 116, 114, 112, 110, 108, 106, 105, 103, 101, 99, 98, 96, 94, 92, 91, 89, 87, 86, 84, 82, 81, 79, 78, 76, 75, 73, 72, 70, 69, 67, 66, 64, 63, 61, 60, 59, 57, 56, 55, 53, 52, 51, 50, 48, 47, 46, 45, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 21, 20, 19, 18, 18, 17, 16, 15, 15, 14, 13, 13, 12, 11, 11, 10, 10, 9, 9, 8, 8, 7, 7, 6, 6, 5, 5, 4, 4, 4, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 13, 13, 14, 15, 15, 16, 17, 18, 18, 19, 20, 21, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 45, 46, 47, 48, 50, 51, 52, 53, 55, 56, 57, 59, 60, 61, 63, 64, 66, 67, 69, 70, 72, 73, 75, 76, 78, 79, 81, 82, 84, 86, 87, 89, 91, 92, 94, 96, 98, 99, 101, 103, 105, 106, 108, 110, 112, 114, 116, 118, 120, 122, 124, 126]> : tensor<256xi8>
  %y = aie4ml.operator "lookup"(%x) constants(%t) parameters = {} : (tensor<3x37xi8>, tensor<256xi8>) -> tensor<3x37xi8>
  return %y : tensor<3x37xi8>
}
