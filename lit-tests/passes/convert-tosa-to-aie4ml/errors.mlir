// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml --split-input-file --verify-diagnostics

// Inputs.

func.func @unused_input(%x: tensor<2x3xf32>, %unused: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error @-1 {{'func.func' op does not use input 1}}
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// -----

func.func @unquantized_input(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error @+1 {{'tosa.clamp' op uses input 0 before it is quantized}}
  %0 = tosa.clamp %x {min_val = 0.0 : f32, max_val = 6.0 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

func.func @input_of_two_scales(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  // expected-error @+1 {{'quant.qcast' op quantizes input 0 in a second way}}
  %2 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.5>>
  %3 = quant.dcast %2 : tensor<2x3x!quant.uniform<i8:f32, 0.5>> to tensor<2x3xf32>
  return %1, %3 : tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

func.func @input_with_a_scale_per_feature(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // expected-error @+1 {{'quant.qcast' op has 2 scales, one per channel, on an activation: quantize activations per tensor}}
  %0 = quant.qcast %x : tensor<2x2xf32> to tensor<2x2x!quant.uniform<i8:f32:1, {0.5, 0.25}>>
  %1 = quant.dcast %0 : tensor<2x2x!quant.uniform<i8:f32:1, {0.5, 0.25}>> to tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// -----

func.func @input_of_any_batch(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  // expected-error @+1 {{'quant.qcast' op needs static rows and columns, got 'tensor<?x3xf32>'}}
  %0 = quant.qcast %x : tensor<?x3xf32> to tensor<?x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<?x3x!quant.uniform<i8:f32, 0.25>> to tensor<?x3xf32>
  return %1 : tensor<?x3xf32>
}

// -----

func.func @named_input(%x: tensor<2x3xf32> {aie4ml.name = "jets"}) -> tensor<2x3xf32> {
  // expected-error @+1 {{'tosa.clamp' op uses input 'jets' before it is quantized: put QuantizeLinear and DequantizeLinear before it}}
  %0 = tosa.clamp %x {min_val = 0.0 : f32, max_val = 6.0 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

func.func @input_of_one_extent(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @+1 {{'quant.qcast' op needs static rows and columns, got 'tensor<3xf32>'}}
  %0 = quant.qcast %x : tensor<3xf32> to tensor<3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<3x!quant.uniform<i8:f32, 0.25>> to tensor<3xf32>
  return %1 : tensor<3xf32>
}

// -----

func.func @codes_without_a_scale(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  // expected-error @+1 {{'tosa.clamp' op uses input 0 before it is quantized}}
  %0 = tosa.clamp %x {min_val = 0 : i8, max_val = 6 : i8} : (tensor<2x3xi8>) -> tensor<2x3xi8>
  return %0 : tensor<2x3xi8>
}

// -----

// Results.

func.func @unquantized_result(%x: tensor<1x2x3xf32>) -> tensor<1x2x1xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x3x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x1xi8>}> : () -> tensor<1x3x1xi8>
  %3 = quant.scast %2 : tensor<1x3x1xi8> to tensor<1x3x1x!quant.uniform<i8:f32, 0.25>>
  %4 = quant.dcast %3 : tensor<1x3x1x!quant.uniform<i8:f32, 0.25>> to tensor<1x3x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  // expected-error @+1 {{'func.return' op has result 0 that is not quantized}}
  return %5 : tensor<1x2x1xf32>
}

// -----

func.func @result_with_a_scale_per_feature(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0 = quant.qcast %x : tensor<2x2xf32> to tensor<2x2x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x2x!quant.uniform<i8:f32, 0.25>> to tensor<2x2xf32>
  // expected-error @+1 {{'quant.qcast' op has 2 scales, one per channel}}
  %2 = quant.qcast %1 : tensor<2x2xf32> to tensor<2x2x!quant.uniform<i8:f32:1, {0.5, 0.25}>>
  %3 = quant.dcast %2 : tensor<2x2x!quant.uniform<i8:f32:1, {0.5, 0.25}>> to tensor<2x2xf32>
  return %3 : tensor<2x2xf32>
}

// -----

func.func @float_weights(%x: tensor<1x2x3xf32>) -> tensor<1x2x1xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x3x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1.0> : tensor<1x3x1xf32>}> : () -> tensor<1x3x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op has operand 1 that is not quantized: put QuantizeLinear and DequantizeLinear before it}}
  %3 = tosa.matmul %1, %2, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  return %3 : tensor<1x2x1xf32>
}

// -----

// The verifier of tosa refuses a constant zero point that is not zero.

func.func @matmul_with_a_computed_zero_point(%x: tensor<1x2x3xf32>) -> tensor<1x2x1xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x3x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x1xi8>}> : () -> tensor<1x3x1xi8>
  %3 = quant.scast %2 : tensor<1x3x1xi8> to tensor<1x3x1x!quant.uniform<i8:f32, 0.25>>
  %4 = quant.dcast %3 : tensor<1x3x1x!quant.uniform<i8:f32, 0.25>> to tensor<1x3x1xf32>
  %5 = "tosa.const"() <{values = dense<1> : tensor<1xi8>}> : () -> tensor<1xi8>
  %6 = quant.scast %5 : tensor<1xi8> to tensor<1x!quant.uniform<i8:f32, 0.25>>
  %one = quant.dcast %6 : tensor<1x!quant.uniform<i8:f32, 0.25>> to tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op has a zero point that is not 0, but real operands}}
  %7 = tosa.matmul %1, %4, %one, %one : (tensor<1x2x3xf32>, tensor<1x3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  return %7 : tensor<1x2x1xf32>
}

// -----

func.func @matmul_of_sums(%x: tensor<1x2x2xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x2x2xf32> to tensor<1x2x2x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x2x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x2xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x2x2xi8>}> : () -> tensor<1x2x2xi8>
  %3 = quant.scast %2 : tensor<1x2x2xi8> to tensor<1x2x2x!quant.uniform<i8:f32, 0.25>>
  %4 = quant.dcast %3 : tensor<1x2x2x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  // expected-error @+1 {{'tosa.matmul' op needs an operand that is quantized: put QuantizeLinear and DequantizeLinear between the layer before and this one}}
  %6 = tosa.matmul %5, %4, %zero, %zero : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  return %6 : tensor<1x2x2xf32>
}

// -----

func.func @batched_matmul(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  %shape = tosa.const_shape {values = dense<[2, 1, 3]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %2 = tosa.reshape %1, %shape : (tensor<2x3xf32>, !tosa.shape<3>) -> tensor<2x1x3xf32>
  %w = "tosa.const"() <{values = dense<1> : tensor<2x3x3xi8>}> : () -> tensor<2x3x3xi8>
  %w1 = quant.scast %w : tensor<2x3x3xi8> to tensor<2x3x3x!quant.uniform<i8:f32, 0.25>>
  %w2 = quant.dcast %w1 : tensor<2x3x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3x3xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op needs static rows and columns, got 'tensor<2x1x3xf32>'}}
  %3 = tosa.matmul %2, %w2, %zero, %zero : (tensor<2x1x3xf32>, tensor<2x3x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x1x3xf32>
  return %1 : tensor<2x3xf32>
}

// -----

// Each of the two rows has six values, of which the multiplication would see three at a time.

func.func @multiplies_parts_of_rows(%x: tensor<2x6xf32>) -> (tensor<2x6xf32>, tensor<1x4x1xf32>) {
  %0 = quant.qcast %x : tensor<2x6xf32> to tensor<2x6x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x6x!quant.uniform<i8:f32, 0.25>> to tensor<2x6xf32>
  %sum = tosa.add %1, %1 : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xf32>
  %q = quant.qcast %sum : tensor<2x6xf32> to tensor<2x6x!quant.uniform<i8:f32, 0.5>>
  %d = quant.dcast %q : tensor<2x6x!quant.uniform<i8:f32, 0.5>> to tensor<2x6xf32>
  %shape = tosa.const_shape {values = dense<[1, 4, 3]> : tensor<3xindex>} : () -> !tosa.shape<3>
  // expected-error @+1 {{'tosa.reshape' op mixes the 2 rows of 6 values of a computed tensor, which cannot be mapped yet: keep the batch as the first extent}}
  %2 = tosa.reshape %d, %shape : (tensor<2x6xf32>, !tosa.shape<3>) -> tensor<1x4x3xf32>
  %w = "tosa.const"() <{values = dense<1> : tensor<1x3x1xi8>}> : () -> tensor<1x3x1xi8>
  %w1 = quant.scast %w : tensor<1x3x1xi8> to tensor<1x3x1x!quant.uniform<i8:f32, 0.25>>
  %w2 = quant.dcast %w1 : tensor<1x3x1x!quant.uniform<i8:f32, 0.25>> to tensor<1x3x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %3 = tosa.matmul %2, %w2, %zero, %zero : (tensor<1x4x3xf32>, tensor<1x3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x1xf32>
  return %1, %3 : tensor<2x6xf32>, tensor<1x4x1xf32>
}

// -----

// As many rows as features: the constants are still one per row.

func.func @adds_a_constant_per_row(%x: tensor<1x2x3xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x3x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %3 = quant.scast %2 : tensor<1x3x2xi8> to tensor<1x3x2x!quant.uniform<i8:f32, 0.25>>
  %4 = quant.dcast %3 : tensor<1x3x2x!quant.uniform<i8:f32, 0.25>> to tensor<1x3x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  %6 = "tosa.const"() <{values = dense<1> : tensor<1x2x1xi8>}> : () -> tensor<1x2x1xi8>
  %7 = quant.scast %6 : tensor<1x2x1xi8> to tensor<1x2x1x!quant.uniform<i8:f32, 0.25>>
  %8 = quant.dcast %7 : tensor<1x2x1x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x1xf32>
  // expected-error @+1 {{'tosa.add' op adds 2 constants of shape [1, 2, 1] to 2 features, needs one for each feature, or one for all}}
  %9 = tosa.add %5, %8 : (tensor<1x2x2xf32>, tensor<1x2x1xf32>) -> tensor<1x2x2xf32>
  return %9 : tensor<1x2x2xf32>
}

// -----

func.func @adds_a_constant_per_element(%x: tensor<1x2x3xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x3x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %3 = quant.scast %2 : tensor<1x3x2xi8> to tensor<1x3x2x!quant.uniform<i8:f32, 0.25>>
  %4 = quant.dcast %3 : tensor<1x3x2x!quant.uniform<i8:f32, 0.25>> to tensor<1x3x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  %6 = "tosa.const"() <{values = dense<1> : tensor<1x2x2xi8>}> : () -> tensor<1x2x2xi8>
  %7 = quant.scast %6 : tensor<1x2x2xi8> to tensor<1x2x2x!quant.uniform<i8:f32, 0.25>>
  %8 = quant.dcast %7 : tensor<1x2x2x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x2xf32>
  // expected-error @+1 {{'tosa.add' op adds 4 constants of shape [1, 2, 2] to 2 features, needs one for each feature, or one for all}}
  %9 = tosa.add %5, %8 : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  return %9 : tensor<1x2x2xf32>
}

// -----

func.func @broadcasts_sums_over_constants(%x: tensor<1x2x3xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x3x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x1xi8>}> : () -> tensor<1x3x1xi8>
  %3 = quant.scast %2 : tensor<1x3x1xi8> to tensor<1x3x1x!quant.uniform<i8:f32, 0.25>>
  %4 = quant.dcast %3 : tensor<1x3x1x!quant.uniform<i8:f32, 0.25>> to tensor<1x3x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  %6 = "tosa.const"() <{values = dense<1> : tensor<1x1x2xi8>}> : () -> tensor<1x1x2xi8>
  %7 = quant.scast %6 : tensor<1x1x2xi8> to tensor<1x1x2x!quant.uniform<i8:f32, 0.25>>
  %8 = quant.dcast %7 : tensor<1x1x2x!quant.uniform<i8:f32, 0.25>> to tensor<1x1x2xf32>
  // expected-error @+1 {{'tosa.add' op broadcasts a computed tensor of 2 rows and 1 columns, which cannot be mapped to the array yet}}
  %9 = tosa.add %5, %8 : (tensor<1x2x1xf32>, tensor<1x1x2xf32>) -> tensor<1x2x2xf32>
  return %9 : tensor<1x2x2xf32>
}

// -----

func.func @multiplies_by_a_column(%x: tensor<2x1xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x1xf32> to tensor<2x1x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x1x!quant.uniform<i8:f32, 0.25>> to tensor<2x1xf32>
  %two = "tosa.const"() <{values = dense<2.0> : tensor<1x3xf32>}> : () -> tensor<1x3xf32>
  %none = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  // expected-error @+1 {{'tosa.mul' op broadcasts a computed tensor of 2 rows and 1 columns, which cannot be mapped to the array yet}}
  %2 = tosa.mul %1, %two, %none : (tensor<2x1xf32>, tensor<1x3xf32>, tensor<1xi8>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// -----

func.func @clamps_between_codes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  %2 = tosa.clamp %1 {min_val = 0.0 : f32, max_val = 5.9375 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // expected-error @+1 {{'func.return' op has an operand that is limited to 5.9375, which lies between two codes: quantize it after it is limited}}
  return %2 : tensor<2x3xf32>
}

// -----

func.func @clamps_codes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  // expected-error @+1 {{'tosa.clamp' op needs a float 'min_val'}}
  %1 = tosa.clamp %0 {min_val = 0 : i8, max_val = 6 : i8} : (tensor<2x3x!quant.uniform<i8:f32, 0.25>>) -> tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %2 = quant.dcast %1 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// -----

func.func @clamps_a_constant(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<2x3xi8>}> : () -> tensor<2x3xi8>
  %3 = quant.scast %2 : tensor<2x3xi8> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %4 = quant.dcast %3 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  // expected-error @+1 {{'tosa.clamp' op clamps a constant}}
  %5 = tosa.clamp %4 {min_val = 0.0 : f32, max_val = 6.0 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1, %5 : tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

func.func @takes_signed_codes_for_unsigned_ones(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.scast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xi8>
  // expected-error @+1 {{'quant.scast' op takes the codes of a tensor for those of another type}}
  %2 = quant.scast %1 : tensor<2x3xi8> to tensor<2x3x!quant.uniform<u8:f32, 0.25>>
  %3 = quant.dcast %2 : tensor<2x3x!quant.uniform<u8:f32, 0.25>> to tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// -----

// Scales and offsets.

func.func @weights_with_a_scale_per_input(%x: tensor<1x2x3xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x3x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %3 = quant.scast %2 : tensor<1x3x2xi8> to tensor<1x3x2x!quant.uniform<i8:f32:1, {0.5, 0.25, 0.125}>>
  %4 = quant.dcast %3 : tensor<1x3x2x!quant.uniform<i8:f32:1, {0.5, 0.25, 0.125}>> to tensor<1x3x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op has weights with scales of input features, over which it sums: quantize them per output channel or per tensor}}
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  return %5 : tensor<1x2x2xf32>
}

// -----

func.func @weights_of_32_bits(%x: tensor<1x1x8xf32>) -> tensor<1x1x1xf32> {
  %0 = quant.qcast %x : tensor<1x1x8xf32> to tensor<1x1x8x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x1x8x!quant.uniform<i8:f32, 0.25>> to tensor<1x1x8xf32>
  %2 = "tosa.const"() <{values = dense<-40000> : tensor<1x8x1xi32>}> : () -> tensor<1x8x1xi32>
  %3 = quant.scast %2 : tensor<1x8x1xi32> to tensor<1x8x1x!quant.uniform<i32:f32, 0.25>>
  %4 = quant.dcast %3 : tensor<1x8x1x!quant.uniform<i32:f32, 0.25>> to tensor<1x8x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op has weights from -40000 to 0 after their zero point; 16 bits hold -32768 to 32767}}
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x1x8xf32>, tensor<1x8x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x1xf32>
  return %5 : tensor<1x1x1xf32>
}

// -----

func.func @a_scale_of_each_feature_before_a_sum(%x: tensor<1x2x3xf32>) -> tensor<1x2x1xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x3x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x3xf32>
  %s = "tosa.const"() <{values = dense<[[[1.0, 2.0, 3.0]]]> : tensor<1x1x3xf32>}> : () -> tensor<1x1x3xf32>
  %none = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %2 = tosa.mul %1, %s, %none : (tensor<1x2x3xf32>, tensor<1x1x3xf32>, tensor<1xi8>) -> tensor<1x2x3xf32>
  %3 = "tosa.const"() <{values = dense<1> : tensor<1x3x1xi8>}> : () -> tensor<1x3x1xi8>
  %4 = quant.scast %3 : tensor<1x3x1xi8> to tensor<1x3x1x!quant.uniform<i8:f32, 0.25>>
  %5 = quant.dcast %4 : tensor<1x3x1x!quant.uniform<i8:f32, 0.25>> to tensor<1x3x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op needs an operand with one scale and one offset for all features: quantize it anew}}
  %6 = tosa.matmul %2, %5, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  return %6 : tensor<1x2x1xf32>
}

// -----

func.func @another_rounding(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  // expected-error @+1 {{'quant.qcast' op has an 'aie4ml.rounding' that is no rounding}}
  %2 = quant.qcast %1 {aie4ml.rounding = "banker"} : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.5>>
  %3 = quant.dcast %2 : tensor<2x3x!quant.uniform<i8:f32, 0.5>> to tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// -----

func.func @divides_by_zero(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1x1xf32>}> : () -> tensor<1x1xf32>
  // expected-error @+1 {{'tosa.reciprocal' op divides by 0}}
  %r = tosa.reciprocal %z : (tensor<1x1xf32>) -> tensor<1x1xf32>
  return %1 : tensor<2x3xf32>
}

// -----

func.func @takes_channels_apart(%x: tensor<1x2x6xf32>) -> tensor<1x2x1xf32> {
  %0 = quant.qcast %x : tensor<1x2x6xf32> to tensor<1x2x6x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x6x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x6xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %3 = quant.scast %2 : tensor<1x3x2xi8> to tensor<1x3x2x!quant.uniform<i8:f32:2, {0.5, 0.25}>>
  %4 = quant.dcast %3 : tensor<1x3x2x!quant.uniform<i8:f32:2, {0.5, 0.25}>> to tensor<1x3x2xf32>
  %shape = tosa.const_shape {values = dense<[1, 6, 1]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %5 = tosa.reshape %4, %shape : (tensor<1x3x2xf32>, !tosa.shape<3>) -> tensor<1x6x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op has weights with scales of input features, over which it sums: quantize them per output channel or per tensor}}
  %6 = tosa.matmul %1, %5, %zero, %zero : (tensor<1x2x6xf32>, tensor<1x6x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  return %6 : tensor<1x2x1xf32>
}

// -----

func.func @constant_first(%x: tensor<1x3x2xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x3x2xf32> to tensor<1x3x2x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x3x2x!quant.uniform<i8:f32, 0.25>> to tensor<1x3x2xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x2x3xi8>}> : () -> tensor<1x2x3xi8>
  %3 = quant.scast %2 : tensor<1x2x3xi8> to tensor<1x2x3x!quant.uniform<i8:f32, 0.5>>
  %4 = quant.dcast %3 : tensor<1x2x3x!quant.uniform<i8:f32, 0.5>> to tensor<1x2x3xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op multiplies a constant with a tensor: the constant must be second}}
  %5 = tosa.matmul %4, %1, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  return %5 : tensor<1x2x2xf32>
}

// -----

func.func @multiplies_parts_of_one_row(%x: tensor<1x12xf32>) -> (tensor<1x4x1xf32>) {
  %0 = quant.qcast %x : tensor<1x12xf32> to tensor<1x12x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x12x!quant.uniform<i8:f32, 0.25>> to tensor<1x12xf32>
  %sum = tosa.add %1, %1 : (tensor<1x12xf32>, tensor<1x12xf32>) -> tensor<1x12xf32>
  %q = quant.qcast %sum : tensor<1x12xf32> to tensor<1x12x!quant.uniform<i8:f32, 0.5>>
  %d = quant.dcast %q : tensor<1x12x!quant.uniform<i8:f32, 0.5>> to tensor<1x12xf32>
  %shape = tosa.const_shape {values = dense<[1, 4, 3]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %2 = tosa.reshape %d, %shape : (tensor<1x12xf32>, !tosa.shape<3>) -> tensor<1x4x3xf32>
  %w = "tosa.const"() <{values = dense<1> : tensor<1x3x1xi8>}> : () -> tensor<1x3x1xi8>
  %w1 = quant.scast %w : tensor<1x3x1xi8> to tensor<1x3x1x!quant.uniform<i8:f32, 0.25>>
  %w2 = quant.dcast %w1 : tensor<1x3x1x!quant.uniform<i8:f32, 0.25>> to tensor<1x3x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op multiplies parts of the 1 rows of 12 values of a computed tensor, which cannot be mapped to the array yet}}
  %3 = tosa.matmul %2, %w2, %zero, %zero : (tensor<1x4x3xf32>, tensor<1x3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x1xf32>
  return %3 : tensor<1x4x1xf32>
}

// -----

func.func @sums_beyond_64_bits(%x: tensor<1x1x262144xf32>) -> tensor<1x1x1xf32> {
  %0 = quant.qcast %x : tensor<1x1x262144xf32> to tensor<1x1x262144x!quant.uniform<i32:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x1x262144x!quant.uniform<i32:f32, 0.25>> to tensor<1x1x262144xf32>
  %2 = "tosa.const"() <{values = dense<-32768> : tensor<1x262144x1xi16>}> : () -> tensor<1x262144x1xi16>
  %3 = quant.scast %2 : tensor<1x262144x1xi16> to tensor<1x262144x1x!quant.uniform<i16:f32, 0.25>>
  %4 = quant.dcast %3 : tensor<1x262144x1x!quant.uniform<i16:f32, 0.25>> to tensor<1x262144x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op has sums that exceed a 64-bit accumulator}}
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x1x262144xf32>, tensor<1x262144x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x1xf32>
  return %5 : tensor<1x1x1xf32>
}

// -----

func.func @limits_what_was_turned_around(%x: tensor<1x2x3xf32>) -> tensor<1x2x1xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x3x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x3xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %2 = tosa.negate %1, %zero, %zero : (tensor<1x2x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x3xf32>
  %3 = tosa.clamp %2 {min_val = 0.0 : f32, max_val = 6.0 : f32} : (tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  %w = "tosa.const"() <{values = dense<1> : tensor<1x3x1xi8>}> : () -> tensor<1x3x1xi8>
  %w1 = quant.scast %w : tensor<1x3x1xi8> to tensor<1x3x1x!quant.uniform<i8:f32, 0.25>>
  %w2 = quant.dcast %w1 : tensor<1x3x1x!quant.uniform<i8:f32, 0.25>> to tensor<1x3x1xf32>
  // expected-error @+1 {{'tosa.matmul' op needs an operand that is quantized after it was limited}}
  %4 = tosa.matmul %3, %w2, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  return %4 : tensor<1x2x1xf32>
}

// -----

func.func @broadcasts_constants(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  %a = "tosa.const"() <{values = dense<[[1.0], [2.0]]> : tensor<2x1xf32>}> : () -> tensor<2x1xf32>
  %b = "tosa.const"() <{values = dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>}> : () -> tensor<1x3xf32>
  // expected-error @+1 {{'tosa.add' op broadcasts two constants: store the result}}
  %2 = tosa.add %a, %b : (tensor<2x1xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// -----

func.func @negates_a_constant(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  %a = "tosa.const"() <{values = dense<1.0> : tensor<2x1xf32>}> : () -> tensor<2x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.negate' op negates a constant: store the result}}
  %2 = tosa.negate %a, %zero, %zero : (tensor<2x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x1xf32>
  return %1 : tensor<2x3xf32>
}

// -----

func.func @divides_by_codes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 1.0>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 1.0>> to tensor<2x3xf32>
  // expected-error @+1 {{'tosa.reciprocal' op divides by a computed tensor, which cannot be mapped to the array yet}}
  %2 = tosa.reciprocal %1 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// -----

func.func @limit_of_each_feature(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 1.0>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 1.0>> to tensor<2x3xf32>
  %l = "tosa.const"() <{values = dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>}> : () -> tensor<1x3xf32>
  // expected-error @+1 {{'tosa.maximum' op has a limit for each feature, which cannot be mapped to the array yet}}
  %2 = tosa.maximum %1, %l : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// -----

func.func @limits_of_features(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 1.0>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 1.0>> to tensor<2x3xf32>
  %l = "tosa.const"() <{values = dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>}> : () -> tensor<1x3xf32>
  %none = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %2 = tosa.clamp %1 {min_val = -2.0 : f32, max_val = 6.0 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = tosa.mul %2, %l, %none : (tensor<2x3xf32>, tensor<1x3xf32>, tensor<1xi8>) -> tensor<2x3xf32>
  // expected-error @+1 {{'quant.qcast' op quantizes features with limits of their own, which cannot be mapped to the array yet}}
  %4 = quant.qcast %3 : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.5>>
  return %1 : tensor<2x3xf32>
}

// -----

func.func @far_offset(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 1.0>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 1.0>> to tensor<2x3xf32>
  %c = "tosa.const"() <{values = dense<1073741824.0> : tensor<1x1xf32>}> : () -> tensor<1x1xf32>
  %2 = tosa.add %1, %c : (tensor<2x3xf32>, tensor<1x1xf32>) -> tensor<2x3xf32>
  // expected-error @+1 {{'quant.qcast' op has an offset that does not fit behind its scale}}
  %3 = quant.qcast %2 : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 4.656612873077392578125e-10>>
  return %1 : tensor<2x3xf32>
}

// -----

func.func @returns_a_constant(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 1.0>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 1.0>> to tensor<2x3xf32>
  %c = "tosa.const"() <{values = dense<1.0> : tensor<2x3xf32>}> : () -> tensor<2x3xf32>
  // expected-error @+1 {{'func.return' op has result 0 that is constant}}
  return %c : tensor<2x3xf32>
}

// -----

func.func @returns_moved_codes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 1.0>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 1.0>> to tensor<2x3xf32>
  %c = "tosa.const"() <{values = dense<0.25> : tensor<1x1xf32>}> : () -> tensor<1x1xf32>
  %2 = tosa.add %1, %c : (tensor<2x3xf32>, tensor<1x1xf32>) -> tensor<2x3xf32>
  // expected-error @+1 {{'func.return' op has result 0 whose codes have an offset that is no zero point: quantize it anew}}
  return %2 : tensor<2x3xf32>
}

// -----

func.func @an_op_that_no_kernel_has(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %0 = quant.qcast %x : tensor<2x4xf32> to tensor<2x4x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x4x!quant.uniform<i8:f32, 0.25>> to tensor<2x4xf32>
  // expected-error @+1 {{'tosa.argmax' op cannot be mapped to the array yet: dense layers, sums of two tensors, limits, and scales and offsets of features can}}
  %2 = tosa.argmax %1 {axis = 1 : i32} : (tensor<2x4xf32>) -> tensor<2xi32>
  return %1 : tensor<2x4xf32>
}
