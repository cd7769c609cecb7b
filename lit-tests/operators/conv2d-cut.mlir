// Products that are cut off before they are summed up, as where an accumulator has fewer
// fractional bits than they have.

// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s
// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/codes.py 3x37xi16 %t/a.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/mapped.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

// CHECK-LABEL: func.func @main
// CHECK: %[[PRODUCT:.*]] = arith.muli %{{.*}}, %{{.*}} : i32
// CHECK: %[[CUT:.*]] = arith.shrsi %[[PRODUCT]], %c5_i32 : i32
// CHECK: arith.addi %{{.*}}, %[[CUT]] : i32
func.func @main(%x: tensor<3x37xi16>) -> tensor<3x5xi16> {
  %w = arith.constant dense<"0x003076D244CC6A1EE8C8BECAEC2472D650E0864214FCFA0E3878CE3ABC5402C6A09096B2E42C8AFE8828DEAA8C8492B6F040A622B45C1AEED8D8EE1A5CB422A640F0B692848CAADE2888FE8A2CE4B29690A0C60254BC3ACE78380EFAFC144286E050D67224ECCABEC8E81E6ACC44D2763000E6E2F41C5AAE18982EDA9C74626680B0F652C44CEA9E68483E4A6CA4F256D06006C2947C7A8EB8F84EBA3CD482462010163264AC0A7E08A85E2A0C04123670C026A234DC9A6E58"> : tensor<5x37x1x1xi8>
  %b = arith.constant dense<[1, -2, 300, 0, 7]> : tensor<5xi32>
  %y = aie4ml.operator "conv2d"(%x) constants(%w, %b) parameters = {
         input = [37, 1, 1], output = [5, 1, 1], kernel = [1, 1], stride = [1, 1], dilation = [1, 1],
         padding = [0, 0], strides = [1, 0, 0], offset = [0], expand = [1, 1], groups = [1], outside = [0],
         product_shift = [5]} accumulator = i32
         requant = [#aie4ml.requant<shift = 6, rounding = nearest_even, overflow = saturate, width = 16, min = -32768, max = 32767>]
       : (tensor<3x37xi16>, tensor<5x37x1x1xi8>, tensor<5xi32>) -> tensor<3x5xi16>
  return %y : tensor<3x5xi16>
}
