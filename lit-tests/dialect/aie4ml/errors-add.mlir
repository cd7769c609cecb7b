// RUN: aie4ml-opt %s --split-input-file --verify-diagnostics

func.func @extents(%a: tensor<5x13xi8>, %b: tensor<5x1xi8>) {
  // expected-error @+1 {{'aie4ml.add' op adds 5x13 and 5x1 to 5x13: needs equal extents}}
  %y = aie4ml.add %a, %b factors = [1, 1] : (tensor<5x13xi8>, tensor<5x1xi8>) -> tensor<5x13xi32>
  return
}

// -----

func.func @three_factors(%a: tensor<5x13xi8>) {
  // expected-error @+1 {{'aie4ml.add' op needs two 'factors'}}
  %y = aie4ml.add %a, %a factors = [1, 1, 2] : (tensor<5x13xi8>, tensor<5x13xi8>) -> tensor<5x13xi32>
  return
}

// -----

func.func @wide_factor(%a: tensor<5x13xi8>) {
  // expected-error @+1 {{'aie4ml.add' op has factor 2147483648, which is no 32-bit integer}}
  %y = aie4ml.add %a, %a factors = [1, 2147483648] accumulator = i64 : (tensor<5x13xi8>, tensor<5x13xi8>) -> tensor<5x13xi64>
  return
}

// -----

func.func @accumulator(%a: tensor<5x13xi8>) {
  // expected-error @+1 {{'aie4ml.add' op needs accumulator i32 or i64}}
  %y = aie4ml.add %a, %a factors = [1, 1] accumulator = i16 : (tensor<5x13xi8>, tensor<5x13xi8>) -> tensor<5x13xi32>
  return
}

// -----

func.func @overflow(%a: tensor<5x13xi8>) {
  // expected-error @+1 {{'aie4ml.add' op can sum up to 2147483776, more than accumulator i32 holds}}
  %y = aie4ml.add %a, %a factors = [1, 16777216] : (tensor<5x13xi8>, tensor<5x13xi8>) -> tensor<5x13xi32>
  return
}

// -----

func.func @result(%a: tensor<5x13xi8>) {
  // expected-error @+1 {{'aie4ml.add' op without 'requant' needs the accumulator i32 as result}}
  %y = aie4ml.add %a, %a factors = [1, 1] : (tensor<5x13xi8>, tensor<5x13xi8>) -> tensor<5x13xi8>
  return
}

// -----

func.func @cascade(%a: tensor<5x16xi8>) {
  // expected-error @+1 {{'aie4ml.add' op needs a 'split' of cascade 1 and as many inputs as outputs per tile}}
  %y = aie4ml.add %a, %a factors = [1, 1]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 8, n = 16, rows = 5>}
         : (tensor<5x16xi8>, tensor<5x16xi8>) -> tensor<5x16xi32>
  return
}

// -----

func.func @microtile(%a: tensor<5x16xi8>) {
  // expected-error @+1 {{'aie4ml.add' op has microtile 4x4x8: needs k equal to n, and m x n a multiple of 16}}
  %y = aie4ml.add %a, %a factors = [1, 1] {microtile = #aie4ml.microtile<4, 4, 8>}
         : (tensor<5x16xi8>, tensor<5x16xi8>) -> tensor<5x16xi32>
  return
}

// -----

func.func @operand_of_dynamic_extents(%a: tensor<2x3xi8>, %b: tensor<?x3xi8>) {
  // expected-error @+1 {{'aie4ml.add' op needs operands of a static rank-2 integer type}}
  %y = aie4ml.add %a, %b factors = [1, 1] : (tensor<2x3xi8>, tensor<?x3xi8>) -> tensor<2x3xi32>
  return
}
