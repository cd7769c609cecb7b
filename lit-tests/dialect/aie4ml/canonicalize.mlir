// RUN: aie4ml-opt %s --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @drops_what_nobody_uses
func.func @drops_what_nobody_uses(%x: tensor<5x3xi8>, %w: tensor<3x3xi8>, %b: tensor<3xi32>) -> tensor<5x3xi8> {
  // CHECK-NOT: aie4ml
  %acc = aie4ml.dense %x, %w accumulator = i32 : (tensor<5x3xi8>, tensor<3x3xi8>) -> tensor<5x3xi32>
  %sum = aie4ml.bias_add %acc, %b : (tensor<5x3xi32>, tensor<3xi32>) -> tensor<5x3xi32>
  %relu = aie4ml.clamp %sum min = 0 max = 7 : (tensor<5x3xi32>) -> tensor<5x3xi32>
  %y = aie4ml.requantize %relu requant = <shift = 0, rounding = floor, overflow = wrap, width = 8, min = 0, max = 7> : (tensor<5x3xi32>) -> tensor<5x3xi8>
  %z = aie4ml.transfer %y : tensor<5x3xi8> -> tensor<5x3xi8>
  return %x : tensor<5x3xi8>
}

// CHECK-LABEL: func.func @computes_a_layer_once
func.func @computes_a_layer_once(%x: tensor<5x3xi8>, %w: tensor<3x3xi8>) -> (tensor<5x3xi32>, tensor<5x3xi32>) {
  // CHECK: %[[Y:.*]] = aie4ml.dense
  // CHECK-NEXT: return %[[Y]], %[[Y]]
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<5x3xi8>, tensor<3x3xi8>) -> tensor<5x3xi32>
  %1 = aie4ml.dense %x, %w accumulator = i32 : (tensor<5x3xi8>, tensor<3x3xi8>) -> tensor<5x3xi32>
  return %0, %1 : tensor<5x3xi32>, tensor<5x3xi32>
}
