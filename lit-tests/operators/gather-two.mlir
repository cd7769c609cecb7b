// Features of two tensors, side by side and between each other.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x13xi8 %t/a.npy 3x5xi8 %t/b.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --input %t/b.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --input %t/b.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --input %t/b.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK: %[[BOTH:.*]] = tensor.concat dim(1) %{{.*}}, %{{.*}} : (tensor<3x13xi8>, tensor<3x5xi8>) -> tensor<3x18xi8>
// CHECK: tensor.extract %[[BOTH]]
// CHECK: arith.select %{{.*}}, %{{.*}}, %c-9_i8 : i8
func.func @main(%a: tensor<3x13xi8>, %b: tensor<3x5xi8>) -> tensor<3x9xi8> {
  %i = arith.constant dense<[12, 13, -1, 0, 17, 17, 3, 14, 1]> : tensor<9xi32>
  %y = aie4ml.operator "gather"(%a, %b) constants(%i) parameters = {fill = [-9]} : (tensor<3x13xi8>, tensor<3x5xi8>, tensor<9xi32>) -> tensor<3x9xi8>
  return %y : tensor<3x9xi8>
}
