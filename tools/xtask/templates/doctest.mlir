// RUN: aie4ml-opt %s --aie4ml-NAME | FileCheck %s

// CHECK-LABEL: func.func @accepts_one_layer
// CHECK: aie4ml.dense
func.func @accepts_one_layer(%x: tensor<4x8xi8>) -> tensor<4x8xi32> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi32>
  return %y : tensor<4x8xi32>
}
