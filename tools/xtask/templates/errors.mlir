// RUN: aie4ml-opt %s --aie4ml-NAME=max-layers=0 --split-input-file --verify-diagnostics

func.func @too_many_layers(%x: tensor<4x8xi8>) -> tensor<4x8xi32> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  // expected-error @+1 {{is layer 1 of its network, but at most 0 are allowed: raise max-layers}}
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi32>
  return %y : tensor<4x8xi32>
}
