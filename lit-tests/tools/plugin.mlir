// The library is a plugin for MLIR's own tool.

// RUN: %{mlir-opt} --load-dialect-plugin=%{library} --load-pass-plugin=%{library} %s \
// RUN:   --pass-pipeline='builtin.module(func.func(aie4ml-legalize,aie4ml-tile,aie4ml-parallelize{max-tiles=1}))' | FileCheck %s

// CHECK: aie4ml.device = "xcve2802"
// CHECK: split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>
func.func @layer(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 3, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
       : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  return %y : tensor<4x8xi8>
}
