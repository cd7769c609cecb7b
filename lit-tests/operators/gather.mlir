// Features moved, repeated and left out; -1 is what fills.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x13xi16 %t/a.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK: %[[INSIDE:.*]] = arith.cmpi sge, %{{.*}}, %c0_i32 : i32
// CHECK: tensor.extract %{{.*}} : tensor<3x13xi16>
// CHECK: arith.select %[[INSIDE]], %{{.*}}, %c-300_i16 : i16
func.func @main(%x: tensor<3x13xi16>) -> tensor<3x11xi16> {
  %i = arith.constant dense<[12, 0, -1, 5, 5, 11, 3, -1, 1, 2, 9]> : tensor<11xi32>
  %y = aie4ml.operator "gather"(%x) constants(%i) parameters = {fill = [-300]} : (tensor<3x13xi16>, tensor<11xi32>) -> tensor<3x11xi16>
  return %y : tensor<3x11xi16>
}
