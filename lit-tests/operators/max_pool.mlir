// Windows that reach out of the image, where the least code is.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x70xi8 %t/a.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK-DAG: arith.constant dense<-128> : tensor<3x2x6x8xi8>
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 1, 1] [3, 2, 5, 7]
// CHECK: linalg.generic {{.*}}"reduction", "reduction"]}
// CHECK: arith.maxsi
func.func @main(%x: tensor<3x70xi8>) -> tensor<3x24xi8> {
  %y = aie4ml.operator "max_pool"(%x) parameters = {
         input = [2, 5, 7], output = [2, 3, 4], kernel = [2, 2], stride = [2, 2], dilation = [1, 1], padding = [1, 1], strides = [35, 7, 1], offset = [0]}
       : (tensor<3x70xi8>) -> tensor<3x24xi8>
  return %y : tensor<3x24xi8>
}
