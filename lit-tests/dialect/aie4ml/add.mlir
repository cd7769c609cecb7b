// RUN: aie4ml-opt %s | aie4ml-opt | FileCheck %s
// RUN: aie4ml-opt %s --mlir-print-op-generic | aie4ml-opt | FileCheck %s

// Without `requant` the result is the accumulator.

// CHECK-LABEL: func.func @accumulators
// CHECK-SAME: (%[[A:.*]]: tensor<5x13xi8>, %[[B:.*]]: tensor<5x13xui16>)
func.func @accumulators(%a: tensor<5x13xi8>, %b: tensor<5x13xui16>) -> tensor<5x13xi32> {
  // CHECK: aie4ml.add %[[A]], %[[B]] factors = [1, 8] : (tensor<5x13xi8>, tensor<5x13xui16>) -> tensor<5x13xi32>
  %y = aie4ml.add %a, %b factors = [1, 8] : (tensor<5x13xi8>, tensor<5x13xui16>) -> tensor<5x13xi32>
  return %y : tensor<5x13xi32>
}

// A mapped add has the same slices on both sides, and two input buffers per operand.

// CHECK-LABEL: func.func @mapped
func.func @mapped(%a: tensor<5x13xi8>) -> tensor<5x13xi8> {
  // CHECK: aie4ml.add
  // CHECK-SAME: factors = [2, 1] requant = [#aie4ml.requant<shift = 1, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
  // CHECK-SAME: microtile = #aie4ml.microtile<4, 8, 8>
  // CHECK-SAME: packing = #aie4ml.packing<stack = 2048, weights = 0, bias = 0, input = [16384, 16448, 32768, 32832], output = [49152, 49216]>
  // CHECK-SAME: place = [#aie4ml.place<6, 3>]
  // CHECK-SAME: split = #aie4ml.split<cascade = 1, chains = 2, k = 8, n = 8, rows = 5>
  %y = aie4ml.add %a, %a factors = [2, 1]
         requant = [#aie4ml.requant<shift = 1, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>,
          split = #aie4ml.split<cascade = 1, chains = 2, k = 8, n = 8, rows = 5>,
          packing = #aie4ml.packing<stack = 2048, weights = 0, bias = 0, input = [16384, 16448, 32768, 32832], output = [49152, 49216]>,
          place = [#aie4ml.place<6, 3>]}
         : (tensor<5x13xi8>, tensor<5x13xi8>) -> tensor<5x13xi8>
  return %y : tensor<5x13xi8>
}
