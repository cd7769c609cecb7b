// Codes as they are.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x37xi8 %t/a.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:.*]]: tensor<3x37xi8>
// CHECK: return %[[X]]
func.func @main(%x: tensor<3x37xi8>) -> tensor<3x37xi8> {
  %y = aie4ml.operator "NAME"(%x) parameters = {} : (tensor<3x37xi8>) -> tensor<3x37xi8>
  return %y : tensor<3x37xi8>
}
