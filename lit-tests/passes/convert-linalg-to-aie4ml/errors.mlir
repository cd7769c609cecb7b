// RUN: aie4ml-opt %s --convert-linalg-to-aie4ml --split-input-file --verify-diagnostics

// What is no layer.

// -----

#window = affine_map<(d0, d1, d2) -> (d0, d1 + d2)>
#weight = affine_map<(d0, d1, d2) -> (d2)>
#out = affine_map<(d0, d1, d2) -> (d0, d1)>
func.func @window(%x: tensor<2x5xi32>) -> tensor<2x3xi32> {
  %w = arith.constant dense<1> : tensor<3xi32>
  %c = arith.constant 0 : i32
  %e = tensor.empty() : tensor<2x3xi32>
  %f = linalg.fill ins(%c : i32) outs(%e : tensor<2x3xi32>) -> tensor<2x3xi32>
  // expected-error @+1 {{'linalg.generic' op has sums from}}
  %y = linalg.generic {indexing_maps = [#window, #weight, #out], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<2x5xi32>, tensor<3xi32>) outs(%f : tensor<2x3xi32>) {
  ^bb0(%a: i32, %b: i32, %o: i32):
    %p = arith.muli %a, %b : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}

// -----

// A window whose padding its input has no code for.
func.func @padding(%x: tensor<1x4x4x1xi8>) -> tensor<1x4x4x1xi32> {
  %w = arith.constant dense<1> : tensor<1x3x3x1xi32>
  %c = arith.constant 200 : i32
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<1x4x4x1xi32>
  %i = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : tensor<1x4x4x1xi8>) outs(%e : tensor<1x4x4x1xi32>) {
  ^bb0(%a: i8, %o: i32):
    %s = arith.extsi %a : i8 to i32
    linalg.yield %s : i32
  } -> tensor<1x4x4x1xi32>
  %p = tensor.pad %i low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%a0: index, %a1: index, %a2: index, %a3: index):
    tensor.yield %c : i32
  } : tensor<1x4x4x1xi32> to tensor<1x6x6x1xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<1x4x4x1xi32>) -> tensor<1x4x4x1xi32>
  // expected-error @+1 {{'linalg.generic' op pads with a number for which its input has no code}}
  %y = linalg.conv_2d_nhwc_fhwc ins(%p, %w : tensor<1x6x6x1xi32>, tensor<1x3x3x1xi32>) outs(%f : tensor<1x4x4x1xi32>) -> tensor<1x4x4x1xi32>
  return %y : tensor<1x4x4x1xi32>
}

// -----

func.func @every_other(%x: tensor<1x8xi8>) -> tensor<1x4xi8> {
  // expected-error @+1 {{'tensor.extract_slice' op takes every other element, which is not mapped to the array yet}}
  %y = tensor.extract_slice %x[0, 0] [1, 4] [1, 2] : tensor<1x8xi8> to tensor<1x4xi8>
  %e = tensor.empty() : tensor<1x4xi8>
  %m = linalg.max ins(%y, %y : tensor<1x4xi8>, tensor<1x4xi8>) outs(%e : tensor<1x4xi8>) -> tensor<1x4xi8>
  return %m : tensor<1x4xi8>
}

// -----

func.func @larger_than(%x: tensor<1x4x4x1xi8>) -> tensor<1x2x2x1xi8> {
  %c = arith.constant 3 : i8
  %w = tensor.empty() : tensor<2x2xi8>
  %e = tensor.empty() : tensor<1x2x2x1xi8>
  %f = linalg.fill ins(%c : i8) outs(%e : tensor<1x2x2x1xi8>) -> tensor<1x2x2x1xi8>
  // expected-error @+1 {{'linalg.generic' op takes the larger of elements and of a number that may be larger, which is not mapped to the array yet}}
  %y = linalg.pooling_nhwc_max {strides = dense<2> : tensor<2xi64>} ins(%x, %w : tensor<1x4x4x1xi8>, tensor<2x2xi8>) outs(%f : tensor<1x2x2x1xi8>) -> tensor<1x2x2x1xi8>
  return %y : tensor<1x2x2x1xi8>
}

// -----

func.func @smallest(%x: tensor<1x4x4x1xi8>) -> tensor<1x2x2x1xi8> {
  %c = arith.constant 127 : i8
  %w = tensor.empty() : tensor<2x2xi8>
  %e = tensor.empty() : tensor<1x2x2x1xi8>
  %f = linalg.fill ins(%c : i8) outs(%e : tensor<1x2x2x1xi8>) -> tensor<1x2x2x1xi8>
  // expected-error @+1 {{'linalg.generic' op reduces something else than sums, maxima, or sums of products of a computed tensor with constant weights, which is not supported yet}}
  %y = linalg.pooling_nhwc_min {strides = dense<2> : tensor<2xi64>} ins(%x, %w : tensor<1x4x4x1xi8>, tensor<2x2xi8>) outs(%f : tensor<1x2x2x1xi8>) -> tensor<1x2x2x1xi8>
  return %y : tensor<1x2x2x1xi8>
}

// -----

func.func @two_computed(%x: tensor<2x2xi8>, %y: tensor<2x2xi8>) -> tensor<2x2xi32> {
  %c = arith.constant 0 : i32
  %e = tensor.empty() : tensor<2x2xi32>
  %f = linalg.fill ins(%c : i32) outs(%e : tensor<2x2xi32>) -> tensor<2x2xi32>
  // expected-error @+1 {{'linalg.generic' op multiplies two computed tensors, as attention does, which is not mapped to the array yet: products with constant weights are}}
  %0 = linalg.matmul ins(%x, %y : tensor<2x2xi8>, tensor<2x2xi8>) outs(%f : tensor<2x2xi32>) -> tensor<2x2xi32>
  return %0 : tensor<2x2xi32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @square(%x: tensor<2x3xi32>) -> tensor<2x3xi32> {
  %e = tensor.empty() : tensor<2x3xi32>
  // expected-error @+1 {{'linalg.generic' op brings a value together with itself, but is no rounding or limit of it: no requantization is known to be the same}}
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x3xi32>) outs(%e : tensor<2x3xi32>) {
  ^bb0(%a: i32, %o: i32):
    %s = arith.muli %a, %a : i32
    linalg.yield %s : i32
  } -> tensor<2x3xi32>
  return %0 : tensor<2x3xi32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @gate(%x: tensor<2x3xi8>, %y: tensor<2x3xi8>) -> tensor<2x3xi32> {
  %e = tensor.empty() : tensor<2x3xi32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<2x3xi8>, tensor<2x3xi8>) outs(%e : tensor<2x3xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %u = arith.extsi %a : i8 to i32
    %v = arith.extsi %b : i8 to i32
    %s = arith.muli %u, %v : i32
    linalg.yield %s : i32
  } -> tensor<2x3xi32>
  // expected-error @+1 {{'func.return' op needs two computed tensors that meet in another way than in a sum}}
  return %0 : tensor<2x3xi32>
}

// -----

func.func @custom(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  // expected-error @-1 {{'func.func' op cannot be lowered to 'linalg.generic'}}
  // expected-error @+1 {{failed to legalize operation 'tosa.custom'}}
  %y = tosa.custom %x {operator_name = "mine", domain_name = "here", implementation_attrs = ""} : (tensor<2x3xi8>) -> (tensor<2x3xi8>)
  return %y : tensor<2x3xi8>
}

// -----

// Inputs and outputs.

#id = affine_map<(d0, d1) -> (d0, d1)>
// expected-error @+1 {{'func.func' op does not use input 'b'}}
func.func @unused(%x: tensor<2x3xi8>, %y: tensor<2x3xi8> {aie4ml.name = "b"}) -> tensor<2x3xi8> {
  %c = arith.constant 0 : i8
  %e = tensor.empty() : tensor<2x3xi8>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x3xi8>) outs(%e : tensor<2x3xi8>) {
  ^bb0(%a: i8, %o: i8):
    %s = arith.maxsi %a, %c : i8
    linalg.yield %s : i8
  } -> tensor<2x3xi8>
  return %0 : tensor<2x3xi8>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
// expected-error @+1 {{'func.func' op takes input 0 of 'i4': a network of integers takes codes of 8 or 16 bits}}
func.func @four_bits(%x: tensor<2x3xi4>) -> tensor<2x3xi4> {
  %c = arith.constant 0 : i4
  %e = tensor.empty() : tensor<2x3xi4>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x3xi4>) outs(%e : tensor<2x3xi4>) {
  ^bb0(%a: i4, %o: i4):
    %s = arith.maxsi %a, %c : i4
    linalg.yield %s : i4
  } -> tensor<2x3xi4>
  return %0 : tensor<2x3xi4>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @passed_on(%x: tensor<2x3xi8>) -> (tensor<2x3xi8>, tensor<2x3xi8>) {
  %c = arith.constant 0 : i8
  %e = tensor.empty() : tensor<2x3xi8>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x3xi8>) outs(%e : tensor<2x3xi8>) {
  ^bb0(%a: i8, %o: i8):
    %s = arith.maxsi %a, %c : i8
    linalg.yield %s : i8
  } -> tensor<2x3xi8>
  // expected-error @+1 {{'func.return' op has result 1 that is an input: nothing is computed}}
  return %0, %x : tensor<2x3xi8>, tensor<2x3xi8>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
// expected-error @+1 {{'func.func' op takes input 0 of type 'tensor<?x3xi8>', whose extents are not all given: give it the batch that the array is to compute at once}}
func.func @any_batch(%x: tensor<?x3xi8>, %e: tensor<?x3xi8>) -> tensor<?x3xi8> {
  %c = arith.constant 0 : i8
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x3xi8>) outs(%e : tensor<?x3xi8>) {
  ^bb0(%a: i8, %o: i8):
    %s = arith.maxsi %a, %c : i8
    linalg.yield %s : i8
  } -> tensor<?x3xi8>
  return %0 : tensor<?x3xi8>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0, 0)>
func.func @constant_by_row(%x: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %c = arith.constant dense<[[1], [2]]> : tensor<2x1xi8>
  %e = tensor.empty() : tensor<2x2xi8>
  // expected-error @+1 {{'linalg.generic' op has a constant that differs from row to row of the batch, which is not supported yet}}
  %0 = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %c : tensor<2x2xi8>, tensor<2x1xi8>) outs(%e : tensor<2x2xi8>) {
  ^bb0(%a: i8, %b: i8, %o: i8):
    %s = arith.maxsi %a, %b : i8
    linalg.yield %s : i8
  } -> tensor<2x2xi8>
  return %0 : tensor<2x2xi8>
}

// -----

// Reals.

func.func @float_weights(%codes: tensor<2x2xi8>) -> tensor<2x2xf32> {
  %x = tosa.cast %codes : (tensor<2x2xi8>) -> tensor<2x2xf32>
  %w = arith.constant dense<[[0.1, 1.0], [0.7, 123.456]]> : tensor<2x2xf32>
  %c = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x2xf32>
  %f = linalg.fill ins(%c : f32) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
  // expected-error @+1 {{'linalg.generic' op has weights that are not integers of up to 16 bits times a scale: quantize them}}
  %0 = linalg.matmul ins(%x, %w : tensor<2x2xf32>, tensor<2x2xf32>) outs(%f : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

func.func @arc(%codes: tensor<2x2xi8>) -> tensor<2x2xf32> {
  %x = tosa.cast %codes : (tensor<2x2xi8>) -> tensor<2x2xf32>
  %e = tensor.empty() : tensor<2x2xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    // expected-error @+1 {{'math.atan' op computes an element in a way that is not supported in a quantized network yet}}
    %a = math.atan %in : f32
    linalg.yield %a : f32
  } -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

// Integers that do not hold what is computed.

func.func @narrow_sum(%x: tensor<2x300xi16>) -> tensor<2x2xi32> {
  %w = arith.constant dense<300> : tensor<300x2xi16>
  %c = arith.constant 0 : i32
  %e = tensor.empty() : tensor<2x2xi32>
  %f = linalg.fill ins(%c : i32) outs(%e : tensor<2x2xi32>) -> tensor<2x2xi32>
  // expected-error @+1 {{'linalg.generic' op has sums from -2949120000 to 2949030000 in column 0, which 32 bits do not hold}}
  %0 = linalg.matmul ins(%x, %w : tensor<2x300xi16>, tensor<300x2xi16>) outs(%f : tensor<2x2xi32>) -> tensor<2x2xi32>
  return %0 : tensor<2x2xi32>
}

// -----

func.func @narrow_product(%x: tensor<2x3xi8>) -> tensor<2x2xi8> {
  %w = arith.constant dense<3> : tensor<3x2xi8>
  %c = arith.constant 0 : i8
  %e = tensor.empty() : tensor<2x2xi8>
  %f = linalg.fill ins(%c : i8) outs(%e : tensor<2x2xi8>) -> tensor<2x2xi8>
  // expected-error @+1 {{'linalg.generic' op has products that 8 bits do not hold}}
  %0 = linalg.matmul ins(%x, %w : tensor<2x3xi8>, tensor<3x2xi8>) outs(%f : tensor<2x2xi8>) -> tensor<2x2xi8>
  return %0 : tensor<2x2xi8>
}

// -----

func.func @wide_weights(%x: tensor<2x3xi8>) -> tensor<2x2xi64> {
  %w = arith.constant dense<100000> : tensor<3x2xi32>
  %c = arith.constant 0 : i64
  %e = tensor.empty() : tensor<2x2xi64>
  %f = linalg.fill ins(%c : i64) outs(%e : tensor<2x2xi64>) -> tensor<2x2xi64>
  // expected-error @+1 {{'linalg.generic' op has weights of more than 16 bits; kernels multiply by signed 8 bit weights}}
  %0 = linalg.matmul ins(%x, %w : tensor<2x3xi8>, tensor<3x2xi32>) outs(%f : tensor<2x2xi64>) -> tensor<2x2xi64>
  return %0 : tensor<2x2xi64>
}

// -----

func.func @wide_codes(%x: tensor<2x3xi8>) -> tensor<2x2xi32> {
  %w = arith.constant dense<100> : tensor<3x300xi8>
  %v = arith.constant dense<1> : tensor<300x2xi8>
  %c = arith.constant 0 : i32
  %e = tensor.empty() : tensor<2x300xi32>
  %f = linalg.fill ins(%c : i32) outs(%e : tensor<2x300xi32>) -> tensor<2x300xi32>
  %0 = linalg.matmul ins(%x, %w : tensor<2x3xi8>, tensor<3x300xi8>) outs(%f : tensor<2x300xi32>) -> tensor<2x300xi32>
  %e2 = tensor.empty() : tensor<2x2xi32>
  %f2 = linalg.fill ins(%c : i32) outs(%e2 : tensor<2x2xi32>) -> tensor<2x2xi32>
  // expected-error @+1 {{'linalg.generic' op needs a tensor of values from -38400 to 38100; codes have 8 or 16 bits}}
  %1 = linalg.matmul ins(%0, %v : tensor<2x300xi32>, tensor<300x2xi8>) outs(%f2 : tensor<2x2xi32>) -> tensor<2x2xi32>
  return %1 : tensor<2x2xi32>
}

// -----

func.func @wide_bias(%x: tensor<2x3xi8>) -> tensor<2x2xi64> {
  %w = arith.constant dense<3> : tensor<3x2xi8>
  %c = arith.constant 1099511627776 : i64
  %e = tensor.empty() : tensor<2x2xi64>
  %f = linalg.fill ins(%c : i64) outs(%e : tensor<2x2xi64>) -> tensor<2x2xi64>
  %0 = linalg.matmul ins(%x, %w : tensor<2x3xi8>, tensor<3x2xi8>) outs(%f : tensor<2x2xi64>) -> tensor<2x2xi64>
  // expected-error @+1 {{'func.return' op needs sums with a bias of more than 32 bits}}
  return %0 : tensor<2x2xi64>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @overflowing_add(%x: tensor<2x3xi8>, %y: tensor<2x3xi8>) -> tensor<2x3xi8> {
  %e = tensor.empty() : tensor<2x3xi8>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<2x3xi8>, tensor<2x3xi8>) outs(%e : tensor<2x3xi8>) {
  ^bb0(%a: i8, %b: i8, %o: i8):
    %s = arith.addi %a, %b : i8
    linalg.yield %s : i8
  } -> tensor<2x3xi8>
  // expected-error @+1 {{'func.return' op needs a sum that 8 bits do not hold}}
  return %0 : tensor<2x3xi8>
}
