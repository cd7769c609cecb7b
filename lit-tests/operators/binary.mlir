// A product of codes less their zero points, and the smaller of two.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x37xu8 %t/a.npy 3x37xi8 %t/b.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --input %t/b.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --input %t/b.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --input %t/b.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[A:.*]] = arith.extui %{{.*}} : i8 to i32
// CHECK-DAG: %[[B:.*]] = arith.extsi %{{.*}} : i8 to i32
// CHECK: arith.muli %{{.*}}, %{{.*}} : i32
// CHECK: arith.minsi %{{.*}}, %{{.*}} : i32
func.func @main(%a: tensor<3x37xui8>, %b: tensor<3x37xi8>) -> tensor<3x37xi8> {
  %0 = aie4ml.operator "binary"(%a, %b) parameters = {kind = [0], zero_points = [128, -3]} accumulator = i32
         requant = [#aie4ml.requant<multiplier = [77], shift = 14, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
       : (tensor<3x37xui8>, tensor<3x37xi8>) -> tensor<3x37xi8>
  %1 = aie4ml.operator "binary"(%0, %b) parameters = {kind = [2], zero_points = [0, 0]} accumulator = i32
         requant = [#aie4ml.requant<shift = 0, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
       : (tensor<3x37xi8>, tensor<3x37xi8>) -> tensor<3x37xi8>
  return %1 : tensor<3x37xi8>
}
