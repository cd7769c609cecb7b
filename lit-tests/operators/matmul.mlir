// Three heads that lie side by side in each row of a matrix, times transposed ones.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x105xu8 %t/a.npy 3x191xi8 %t/b.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --input %t/b.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --input %t/b.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --input %t/b.npy --expect %t/y.npy

// CHECK-DAG: #[[A:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1 * 7 + d2 * 21 + d3)>
// CHECK-DAG: #[[B:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1 * 7 + d3 + d4 * 21 + 2)>
// CHECK-LABEL: func.func @main
// CHECK: linalg.generic {indexing_maps = [#[[A]], #[[B]], {{.*}}], iterator_types = ["parallel", "parallel", "parallel", "reduction", "parallel"]}
// CHECK: %[[X:.*]] = arith.extui %{{.*}} : i8 to i32
// CHECK: %[[LEFT:.*]] = arith.subi %[[X]], %c117_i32 : i32
// CHECK: %[[RIGHT:.*]] = arith.extsi %{{.*}} : i8 to i32
// CHECK: arith.muli %[[LEFT]], %[[RIGHT]] : i32
// CHECK: tensor.collapse_shape {{.*}} : tensor<3x3x5x9xi32> into tensor<3x135xi32>
func.func @main(%a: tensor<3x105xui8>, %b: tensor<3x191xi8>) -> tensor<3x135xi8> {
  %y = aie4ml.operator "matmul"(%a, %b) parameters = {
         extents = [3, 5, 7, 9], strides_a = [7, 21, 1], strides_b = [7, 1, 21], offset = [0, 2], zero_points = [117, 0]}
         accumulator = i32
         requant = [#aie4ml.requant<multiplier = [2500], shift = 21, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
       : (tensor<3x105xui8>, tensor<3x191xi8>) -> tensor<3x135xi8>
  return %y : tensor<3x135xi8>
}
