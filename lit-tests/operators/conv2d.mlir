// A convolution with stride and padding: a frame, then a sum over channels and taps.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x75xu8 %t/a.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 1, 1] [3, 3, 5, 5] [1, 1, 1, 1] : tensor<3x3x5x5xi8> into tensor<3x3x7x7xi8>
// CHECK: linalg.generic {{.*}}"reduction", "reduction", "reduction"]}
// CHECK: arith.muli %{{.*}}, %{{.*}} : i32
// CHECK: tensor.collapse_shape {{.*}} into tensor<3x27xi32>
func.func @main(%x: tensor<3x75xui8>) -> tensor<3x27xi8> {
  %w = arith.constant dense<3> : tensor<3x3x3x3xi8>
  %b = arith.constant dense<[1, -2, 300]> : tensor<3xi32>
  %y = aie4ml.operator "conv2d"(%x) constants(%w, %b) parameters = {
         input = [3, 5, 5], output = [3, 3, 3], kernel = [3, 3], stride = [2, 2], dilation = [1, 1],
         padding = [1, 1], strides = [25, 5, 1], offset = [0], expand = [1, 1], groups = [1], outside = [7]}
         accumulator = i32
         requant = [#aie4ml.requant<multiplier = [3, 5, 7], shift = 10, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
       : (tensor<3x75xui8>, tensor<3x3x3x3xi8>, tensor<3xi32>) -> tensor<3x27xi8>
  return %y : tensor<3x27xi8>
}
