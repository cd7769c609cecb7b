// RUN: aie4ml-opt %s --aie4ml-fuse --aie4ml-legalize --split-input-file --verify-diagnostics

// The pass itself refuses nothing: what it leaves, the next one refuses.

func.func @clamp_before_a_wrap(%x: tensor<2x3xi8>) -> tensor<2x1xi8> {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  // expected-error @+1 {{'aie4ml.clamp' op is not part of a layer}}
  %1 = aie4ml.clamp %0 min = 0 max = 1000 : (tensor<2x1xi32>) -> tensor<2x1xi32>
  %2 = aie4ml.requantize %1 requant = <shift = 0, rounding = floor, overflow = wrap, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  return %2 : tensor<2x1xi8>
}
