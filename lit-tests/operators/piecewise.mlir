// A line through all codes of 16 bits, and one more for two codes of each 32.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x37xi16 %t/a.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK: %[[CODE:.*]] = arith.addi %{{.*}}
// CHECK: arith.muli
// CHECK: %[[LINE:.*]] = arith.shrsi %{{.*}}
// CHECK: tensor.extract %{{.*}} : tensor<2050xi32>
// CHECK: %[[OFF:.*]] = arith.andi %{{.*}}
// CHECK: arith.addi %[[LINE]], %[[OFF]]
func.func @main(%x: tensor<3x37xi16>) -> tensor<3x37xui16> {
  %w = arith.constant dense<4097> : tensor<2050xi32>
  %y = aie4ml.operator "piecewise"(%x) constants(%w) parameters = {length = [65536], bits = [1]} : (tensor<3x37xi16>, tensor<2050xi32>) -> tensor<3x37xui16>
  return %y : tensor<3x37xui16>
}
