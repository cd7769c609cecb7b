// A square of sums less codes: the array has no tensors of what is squared, so the host computes it.

// RUN: aie4ml-opt %s --aie4ml-outline-host-edges | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK-SAME: -> (tensor<2x4xi8>{{.*}}, tensor<2x4xi32>
// CHECK: linalg.matmul
// CHECK: linalg.matmul
// CHECK-NOT: arith.subi
// CHECK: return
// CHECK: module @main_host
// CHECK: func.func @after
// CHECK: arith.subi
// CHECK: arith.muli
func.func @main(%x: tensor<2x4xi8>) -> tensor<2x1xi32> {
  %w = arith.constant dense<1> : tensor<4x4xi8>
  %zero = arith.constant dense<0> : tensor<2x4xi32>
  %none = arith.constant dense<0> : tensor<2x1xi32>
  %a = linalg.matmul ins(%x, %w : tensor<2x4xi8>, tensor<4x4xi8>) outs(%zero : tensor<2x4xi32>) -> tensor<2x4xi32>
  %e8 = tensor.empty() : tensor<2x4xi8>
  %c = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<2x4xi32>) outs(%e8 : tensor<2x4xi8>) {
  ^bb0(%in: i32, %out: i8):
    %low = arith.constant -128 : i32
    %high = arith.constant 127 : i32
    %0 = arith.maxsi %in, %low : i32
    %1 = arith.minsi %0, %high : i32
    %2 = arith.trunci %1 : i32 to i8
    linalg.yield %2 : i8
  } -> tensor<2x4xi8>
  %b = linalg.matmul ins(%c, %w : tensor<2x4xi8>, tensor<4x4xi8>) outs(%zero : tensor<2x4xi32>) -> tensor<2x4xi32>
  %e32 = tensor.empty() : tensor<2x4xi32>
  %d = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%b, %c : tensor<2x4xi32>, tensor<2x4xi8>) outs(%e32 : tensor<2x4xi32>) {
  ^bb0(%sum: i32, %code: i8, %out: i32):
    %0 = arith.extsi %code : i8 to i32
    %1 = arith.subi %sum, %0 : i32
    linalg.yield %1 : i32
  } -> tensor<2x4xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%d, %d : tensor<2x4xi32>, tensor<2x4xi32>) outs(%none : tensor<2x1xi32>) {
  ^bb0(%l: i32, %r: i32, %acc: i32):
    %0 = arith.muli %l, %r : i32
    %1 = arith.addi %acc, %0 : i32
    linalg.yield %1 : i32
  } -> tensor<2x1xi32>
  return %y : tensor<2x1xi32>
}
