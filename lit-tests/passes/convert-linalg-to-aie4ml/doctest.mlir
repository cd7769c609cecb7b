// RUN: aie4ml-opt %s --convert-linalg-to-aie4ml | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>

// Rounds to even by a trick on bits, behind a ReLU, as torch-mlir writes it.
// CHECK: func.func @layer(
// CHECK-SAME: %[[X:.*]]: tensor<2x3xi8> {aie4ml.name = "input0"})
// CHECK-SAME: -> (tensor<2x2xi8> {aie4ml.name = "output0"})
func.func @layer(%x: tensor<2x3xi8>) -> tensor<2x2xi8> {
  // CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[\[}}1, -2], [3, 4], [5, -6]]> : tensor<3x2xi8>
  // CHECK-DAG: %[[B:.*]] = arith.constant dense<[100, -200]> : tensor<2xi32>
  %w = arith.constant dense<[[1, -2], [3, 4], [5, -6]]> : tensor<3x2xi8>
  %b = arith.constant dense<[100, -200]> : tensor<2xi32>
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %c7 = arith.constant 7 : i32
  %c127 = arith.constant 127 : i32
  %e = tensor.empty() : tensor<2x2xi32>
  %f = linalg.fill ins(%c0 : i32) outs(%e : tensor<2x2xi32>) -> tensor<2x2xi32>
  // CHECK: %[[Y:.*]] = aie4ml.dense %[[X]], %[[W]], %[[B]] accumulator = i32
  // CHECK-SAME: requant = [#aie4ml.requant<shift = 4, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
  %0 = linalg.matmul ins(%x, %w : tensor<2x3xi8>, tensor<3x2xi8>) outs(%f : tensor<2x2xi32>) -> tensor<2x2xi32>
  %e8 = tensor.empty() : tensor<2x2xi8>
  %1 = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0, %b : tensor<2x2xi32>, tensor<2xi32>) outs(%e8 : tensor<2x2xi8>) {
  ^bb0(%sum: i32, %bias: i32, %out: i8):
    %s = arith.addi %sum, %bias : i32
    %relu = arith.maxsi %s, %c0 : i32
    %more = arith.addi %relu, %c7 : i32
    %quotient = arith.shrsi %relu, %c4 : i32
    %odd = arith.andi %quotient, %c1 : i32
    %even = arith.addi %more, %odd : i32
    %rounded = arith.shrsi %even, %c4 : i32
    %limited = arith.minsi %rounded, %c127 : i32
    %code = arith.trunci %limited : i32 to i8
    linalg.yield %code : i8
  } -> tensor<2x2xi8>
  // CHECK: return %[[Y]] : tensor<2x2xi8>
  return %1 : tensor<2x2xi8>
}
