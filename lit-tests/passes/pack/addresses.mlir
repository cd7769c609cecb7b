// RUN: aie4ml-opt %s --aie4ml-pack | FileCheck %s
// RUN: aie4ml-opt %s --aie4ml-pack=stack=8192 | FileCheck %s --check-prefix=STACK

// A tile has four banks of 16384 bytes; the stack is at the bottom of the first.

// CHECK-LABEL: func.func @keeps_weights_apart_from_activations
// STACK-LABEL: func.func @keeps_weights_apart_from_activations
func.func @keeps_weights_apart_from_activations(%x: tensor<8x64xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = {{[0-9]+}}, input = [32768, {{[0-9]+}}], output = [49152, {{[0-9]+}}]>
  // STACK: packing = #aie4ml.packing<stack = 8192, weights = 16384,
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 64, n = 16, rows = 8>}
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// The first tile of a cascade has the bias, the last the output.

// CHECK-LABEL: func.func @shares_an_address_between_bias_and_output
func.func @shares_an_address_between_bias_and_output(%x: tensor<8x64xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: packing = #aie4ml.packing<{{.*}}, bias = [[ADDRESS:[0-9]+]], input = [{{.*}}], output = {{\[}}[[ADDRESS]], {{[0-9]+}}]>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 32, n = 16, rows = 8>}
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// Multipliers and addends are on the last tile too, so they do not share the output's address: 16 channels have
// three words each, the bias of the first tile one.

// CHECK-LABEL: func.func @parameters_have_an_address_of_their_own
func.func @parameters_have_an_address_of_their_own(%x: tensor<8x64xi8>) -> tensor<8x2xi8> {
  %w = arith.constant dense<1> : tensor<64x2xi8>
  // CHECK: packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = [[BIAS:[0-9]+]], input = [32768, {{[0-9]+}}], output = [49152, {{[0-9]+}}]>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<multiplier = [3, 5], addend = [1099511627776, 0], shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 32, n = 16, rows = 8>}
         : (tensor<8x64xi8>, tensor<64x2xi8>) -> tensor<8x2xi8>
  return %y : tensor<8x2xi8>
}

// Five rows of 37 codes of 16 bits take 8 x 40 x 2 bytes, and the bias comes behind them.

// CHECK-LABEL: func.func @counts_padding
func.func @counts_padding(%x: tensor<5x37xi16>) -> tensor<5x11xi8> {
  %w = arith.constant dense<1> : tensor<37x11xi8>
  // CHECK: bias = 2688, input = [32768, 2048]
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 4, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 40, n = 16, rows = 5>}
         : (tensor<5x37xi16>, tensor<37x11xi8>) -> tensor<5x11xi8>
  return %y : tensor<5x11xi8>
}

// CHECK-LABEL: func.func @leaves_other_functions_alone
func.func @leaves_other_functions_alone(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
  return %x : tensor<8x64xf32>
}
