// A function of sums: the code between each two of its steps.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x13xi8 %t/a.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK: linalg.generic {{.*}}"parallel", "parallel", "reduction"]}
// CHECK: tensor.extract %{{.*}} : tensor<15xi32>
// CHECK: arith.cmpi sge
// CHECK: linalg.generic {{.*}}"parallel", "parallel"]}
// CHECK: tensor.extract %{{.*}} : tensor<15xi32>
func.func @main(%x: tensor<3x13xi8>) -> tensor<3x37xi8> {
  %w = arith.constant dense<3> : tensor<13x37xi8>
  %t = arith.constant dense<[-900, -300, -1, 0, 250, 800, 2147483647, 5, -7, 0, 100, -128, 127, 4, 4]> : tensor<15xi32>
  %s = aie4ml.dense %x, %w accumulator = i32 : (tensor<3x13xi8>, tensor<13x37xi8>) -> tensor<3x37xi32>
  %y = aie4ml.operator "steps"(%s) constants(%t) parameters = {} : (tensor<3x37xi32>, tensor<15xi32>) -> tensor<3x37xi8>
  return %y : tensor<3x37xi8>
}
