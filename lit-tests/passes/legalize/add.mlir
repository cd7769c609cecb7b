// RUN: aie4ml-opt %s --aie4ml-legalize --split-input-file --verify-diagnostics

func.func @of_two_widths(%a: tensor<2x3xi8>, %b: tensor<2x3xi16>) -> tensor<2x3xi8> {
  // expected-error @+1 {{'aie4ml.add' op adds signed 8 bit and signed 16 bit integers; kernels add two of 8 or two of 16 bits}}
  %0 = aie4ml.add %a, %b factors = [1, 1] requant = [#aie4ml.requant<shift = 3, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>] : (tensor<2x3xi8>, tensor<2x3xi16>) -> tensor<2x3xi8>
  return %0 : tensor<2x3xi8>
}

// -----

func.func @of_accumulators(%a: tensor<2x3xi8>) -> tensor<2x3xi64> {
  // expected-error @+1 {{'aie4ml.add' op has a result that is not requantized to 8, 16 or 32 bits with a sign}}
  %0 = aie4ml.add %a, %a factors = [1, 1] accumulator = i64 : (tensor<2x3xi8>, tensor<2x3xi8>) -> tensor<2x3xi64>
  return %0 : tensor<2x3xi64>
}

// -----

func.func @of_two_signs(%a: tensor<2x3xi8>, %b: tensor<2x3xui8>) -> tensor<2x3xi8> {
  %0 = aie4ml.add %a, %b factors = [1, 1] requant = [#aie4ml.requant<shift = 3, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>] : (tensor<2x3xi8>, tensor<2x3xui8>) -> tensor<2x3xi8>
  return %0 : tensor<2x3xi8>
}
