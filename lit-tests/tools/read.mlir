// Files that say a network in another way: as bytecode, with its constants as resources, in
// functions that call each other.

// RUN: rm -rf %t && mkdir %t
// RUN: aie4ml-opt %s --emit-bytecode -o %t/model.mlir
// RUN: aie4ml compile %s -o %t/text > /dev/null && FileCheck %s < %t/text/model.mlir
// RUN: aie4ml compile %t/model.mlir -o %t/bytecode > /dev/null && FileCheck %s < %t/bytecode/model.mlir
// RUN: FileCheck %s --check-prefix=NETWORK < %t/bytecode/network.mlir

// CHECK-NOT: func.func private
// CHECK: func.func @forward
// CHECK-DAG: dense<{{\[\[}}1, 2], [3, 4], [5, 6], [7, 8]]> : tensor<4x2xi8>
// CHECK-NOT: call @
// NETWORK: aie4ml.dense
// NETWORK-SAME: requant = [#aie4ml.requant<shift = 3, rounding = nearest_up, overflow = saturate, width = 8, min = -128, max = 127>]

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func private @requantize(%sums: tensor<8x2xi32>) -> tensor<8x2xi8> {
  %c3 = arith.constant 3 : i32
  %c4 = arith.constant 4 : i32
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %e = tensor.empty() : tensor<8x2xi8>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%sums : tensor<8x2xi32>) outs(%e : tensor<8x2xi8>) {
  ^bb0(%sum: i32, %out: i8):
    %more = arith.addi %sum, %c4 : i32
    %rounded = arith.shrsi %more, %c3 : i32
    %above = arith.maxsi %rounded, %low : i32
    %limited = arith.minsi %above, %high : i32
    %code = arith.trunci %limited : i32 to i8
    linalg.yield %code : i8
  } -> tensor<8x2xi8>
  return %0 : tensor<8x2xi8>
}

func.func @forward(%x: tensor<8x4xi8>) -> tensor<8x2xi8> {
  %w = arith.constant dense_resource<w> : tensor<4x2xi8>
  %c = arith.constant 0 : i32
  %e = tensor.empty() : tensor<8x2xi32>
  %f = linalg.fill ins(%c : i32) outs(%e : tensor<8x2xi32>) -> tensor<8x2xi32>
  %0 = linalg.matmul ins(%x, %w : tensor<8x4xi8>, tensor<4x2xi8>) outs(%f : tensor<8x2xi32>) -> tensor<8x2xi32>
  %1 = func.call @requantize(%0) : (tensor<8x2xi32>) -> tensor<8x2xi8>
  return %1 : tensor<8x2xi8>
}

{-# dialect_resources: { builtin: { w: "0x010000000102030405060708" } } #-}
