// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml --split-input-file --verify-diagnostics

// What the conversion by rows refuses.

!x = !quant.uniform<i8:f32, 0.25>

func.func @samples_of_images(%x: tensor<2x4x4x1x!x>) -> tensor<2x4x4x1x!x> {
  %0 = quant.dcast %x : tensor<2x4x4x1x!x> to tensor<2x4x4x1xf32>
  %1 = tosa.transpose %0 {perms = array<i32: 1, 0, 2, 3>} : (tensor<2x4x4x1xf32>) -> tensor<4x2x4x1xf32>
  // expected-error @+1 {{'tosa.max_pool2d' op mixes samples of the batch, or their values, in a way that cannot be mapped yet}}
  %2 = tosa.max_pool2d %1 {kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>} : (tensor<4x2x4x1xf32>) -> tensor<4x1x2x1xf32>
  return %x : tensor<2x4x4x1x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @weights_of_reals(%x: tensor<1x2x2x1x!x>) -> tensor<1x2x2x1x!x> {
  %0 = "tosa.const"() <{values = dense<1.0> : tensor<1x1x1x1xf32>}> : () -> tensor<1x1x1x1xf32>
  %1 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %2 = quant.dcast %x : tensor<1x2x2x1x!x> to tensor<1x2x2x1xf32>
  %3 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.conv2d' op has weights that are not quantized: put QuantizeLinear and DequantizeLinear before them}}
  %4 = tosa.conv2d %2, %0, %1, %3, %3 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x1xf32>
  return %x : tensor<1x2x2x1x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @scales_of_input_channels(%x: tensor<1x2x2x2x!x>) -> tensor<1x2x2x2x!x> {
  %0 = "tosa.const"() <{values = dense<1> : tensor<1x1x1x2xi8>}> : () -> tensor<1x1x1x2xi8>
  %1 = quant.scast %0 : tensor<1x1x1x2xi8> to tensor<1x1x1x2x!quant.uniform<i8:f32:3, {0.5, 0.25}>>
  %2 = quant.dcast %1 : tensor<1x1x1x2x!quant.uniform<i8:f32:3, {0.5, 0.25}>> to tensor<1x1x1x2xf32>
  %3 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %4 = quant.dcast %x : tensor<1x2x2x2x!x> to tensor<1x2x2x2xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.conv2d' op has weights with scales of input channels, over which it sums: quantize them per output channel or per tensor}}
  %6 = tosa.conv2d %4, %2, %3, %5, %5 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>, tensor<1x1x1x2xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x1xf32>
  return %x : tensor<1x2x2x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>

func.func @no_code_outside(%x: tensor<1x2x2x1x!x>) -> tensor<1x2x2x1x!x> {
  %0 = quant.dcast %x : tensor<1x2x2x1x!x> to tensor<1x2x2x1xf32>
  %1 = "tosa.const"() <{values = dense<0.1> : tensor<1x1x1x1xf32>}> : () -> tensor<1x1x1x1xf32>
  %2 = tosa.add %0, %1 : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<1x2x2x1xf32>
  %3 = "tosa.const"() <{values = dense<1> : tensor<1x2x2x1xi8>}> : () -> tensor<1x2x2x1xi8>
  %4 = quant.scast %3 : tensor<1x2x2x1xi8> to tensor<1x2x2x1x!w>
  %5 = quant.dcast %4 : tensor<1x2x2x1x!w> to tensor<1x2x2x1xf32>
  %6 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %7 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.conv2d' op pads with zero, for which its input has no code}}
  %8 = tosa.conv2d %2, %5, %6, %7, %7 {acc_type = f32, pad = array<i64: 1, 1, 1, 1>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x3x3x1xf32>
  return %x : tensor<1x2x2x1x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>

func.func @sums_of_sums(%x: tensor<1x2x2x1x!x>) -> tensor<1x2x2x1x!x> {
  %0 = quant.dcast %x : tensor<1x2x2x1x!x> to tensor<1x2x2x1xf32>
  %1 = "tosa.const"() <{values = dense<1> : tensor<1x1x1x1xi8>}> : () -> tensor<1x1x1x1xi8>
  %2 = quant.scast %1 : tensor<1x1x1x1xi8> to tensor<1x1x1x1x!w>
  %3 = quant.dcast %2 : tensor<1x1x1x1x!w> to tensor<1x1x1x1xf32>
  %4 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %6 = tosa.conv2d %0, %3, %4, %5, %5 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x1xf32>
  %7 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.conv2d' op needs an operand that is quantized: put QuantizeLinear and DequantizeLinear between the layer before and this one}}
  %8 = tosa.conv2d %6, %3, %4, %7, %7 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x1xf32>
  return %x : tensor<1x2x2x1x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i8:f32, 1.0>

func.func @scales_within_a_channel(%x: tensor<1x1x2x1x!x>) -> tensor<1x1x2x1x!y> {
  %0 = "tosa.const"() <{values = dense<1> : tensor<1x1x1x1xi8>}> : () -> tensor<1x1x1x1xi8>
  %1 = quant.scast %0 : tensor<1x1x1x1xi8> to tensor<1x1x1x1x!w>
  %2 = quant.dcast %1 : tensor<1x1x1x1x!w> to tensor<1x1x1x1xf32>
  %3 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %4 = quant.dcast %x : tensor<1x1x2x1x!x> to tensor<1x1x2x1xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %6 = tosa.conv2d %4, %2, %3, %5, %5 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x1x2x1xf32>, tensor<1x1x1x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x2x1xf32>
  %7 = "tosa.const"() <{values = dense<[[[[1.0], [2.0]]]]> : tensor<1x1x2x1xf32>}> : () -> tensor<1x1x2x1xf32>
  %8 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %9 = tosa.mul %6, %7, %8 : (tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1xi8>) -> tensor<1x1x2x1xf32>
  // expected-error @+1 {{'quant.qcast' op has scales or offsets within a channel, which cannot be mapped to the array yet}}
  %10 = quant.qcast %9 : tensor<1x1x2x1xf32> to tensor<1x1x2x1x!y>
  return %10 : tensor<1x1x2x1x!y>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @compares_turned_codes(%x: tensor<1x2x2x1x!x>) -> tensor<1x2x2x1x!x> {
  %0 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %1 = quant.dcast %x : tensor<1x2x2x1x!x> to tensor<1x2x2x1xf32>
  %2 = tosa.negate %1, %0, %0 : (tensor<1x2x2x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x1xf32>
  // expected-error @+1 {{'tosa.max_pool2d' op compares codes of a negative scale: quantize them anew}}
  %3 = tosa.max_pool2d %2 {kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>} : (tensor<1x2x2x1xf32>) -> tensor<1x1x1x1xf32>
  return %x : tensor<1x2x2x1x!x>
}

// -----

func.func @windows_of_many_extents(%x: tensor<1x24x24x1x!quant.uniform<i16:f32, 0.25>>) -> tensor<1x24x24x1x!quant.uniform<i16:f32, 0.25>> {
  %0 = quant.dcast %x : tensor<1x24x24x1x!quant.uniform<i16:f32, 0.25>> to tensor<1x24x24x1xf32>
  %1 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.avg_pool2d' op averages windows whose divisors have no small common multiple}}
  %2 = tosa.avg_pool2d %0, %1, %1 {acc_type = f32, kernel = array<i64: 23, 23>, pad = array<i64: 11, 11, 11, 11>, stride = array<i64: 1, 1>} : (tensor<1x24x24x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x24x24x1xf32>
  return %x : tensor<1x24x24x1x!quant.uniform<i16:f32, 0.25>>
}

// -----

func.func @function_of_16_bits(%x: tensor<2x5x!quant.uniform<i16:f32, 0.25>>) -> tensor<2x5x!quant.uniform<i16:f32, 0.0001>> {
  %0 = quant.dcast %x : tensor<2x5x!quant.uniform<i16:f32, 0.25>> to tensor<2x5xf32>
  %1 = tosa.sin %0 : (tensor<2x5xf32>) -> tensor<2x5xf32>
  // expected-error @+1 {{'quant.qcast' op quantizes a function of codes of 16 bits that is not smooth enough for the memory of a tile: quantize its input to 8 bits}}
  %2 = quant.qcast %1 : tensor<2x5xf32> to tensor<2x5x!quant.uniform<i16:f32, 0.0001>>
  return %2 : tensor<2x5x!quant.uniform<i16:f32, 0.0001>>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @function_of_scales(%x: tensor<2x2x!x>) -> tensor<2x2x!x> {
  %0 = "tosa.const"() <{values = dense<[[1.0, 2.0]]> : tensor<1x2xf32>}> : () -> tensor<1x2xf32>
  %1 = quant.dcast %x : tensor<2x2x!x> to tensor<2x2xf32>
  %2 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %3 = tosa.mul %1, %0, %2 : (tensor<2x2xf32>, tensor<1x2xf32>, tensor<1xi8>) -> tensor<2x2xf32>
  // expected-error @+1 {{'tosa.tanh' op is a function of codes with scales of their own: quantize its input anew}}
  %4 = tosa.tanh %3 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %x : tensor<2x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @function_of_a_sum(%a: tensor<2x5x!x>, %b: tensor<2x5x!x>) -> tensor<2x5x!x> {
  %0 = quant.dcast %a : tensor<2x5x!x> to tensor<2x5xf32>
  %1 = quant.dcast %b : tensor<2x5x!x> to tensor<2x5xf32>
  %2 = tosa.add %0, %1 : (tensor<2x5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  // expected-error @+1 {{'tosa.tanh' op is a function of what is not quantized: put QuantizeLinear and DequantizeLinear before it}}
  %3 = tosa.tanh %2 : (tensor<2x5xf32>) -> tensor<2x5xf32>
  return %a : tensor<2x5x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.0001220703125>
!w = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i16:f32, 0.00000030517578125>

func.func @function_of_many_steps(%x: tensor<1x2x2x1x!x>) -> tensor<1x2x2x1x!y> {
  %0 = "tosa.const"() <{values = dense<127> : tensor<1x1x1x1xi8>}> : () -> tensor<1x1x1x1xi8>
  %1 = quant.scast %0 : tensor<1x1x1x1xi8> to tensor<1x1x1x1x!w>
  %2 = quant.dcast %1 : tensor<1x1x1x1x!w> to tensor<1x1x1x1xf32>
  %3 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %4 = quant.dcast %x : tensor<1x2x2x1x!x> to tensor<1x2x2x1xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %6 = tosa.conv2d %4, %2, %3, %5, %5 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x1xf32>
  %7 = tosa.tanh %6 : (tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32>
  // expected-error @+1 {{'quant.qcast' op quantizes a function of sums that has more than 1023 steps: put QuantizeLinear and DequantizeLinear before it}}
  %8 = quant.qcast %7 : tensor<1x2x2x1xf32> to tensor<1x2x2x1x!y>
  return %8 : tensor<1x2x2x1x!y>
}

// -----

!x = !quant.uniform<i16:f32, 0.25>
!w = !quant.uniform<i16:f32, 0.5>
!y = !quant.uniform<i8:f32, 0.0078125>

func.func @function_of_wide_sums(%x: tensor<1x2x2x5x!x>) -> tensor<1x2x2x1x!y> {
  %0 = "tosa.const"() <{values = dense<32767> : tensor<1x1x1x5xi16>}> : () -> tensor<1x1x1x5xi16>
  %1 = quant.scast %0 : tensor<1x1x1x5xi16> to tensor<1x1x1x5x!w>
  %2 = quant.dcast %1 : tensor<1x1x1x5x!w> to tensor<1x1x1x5xf32>
  %3 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %4 = quant.dcast %x : tensor<1x2x2x5x!x> to tensor<1x2x2x5xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %6 = tosa.conv2d %4, %2, %3, %5, %5 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x5xf32>, tensor<1x1x1x5xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x1xf32>
  %7 = tosa.tanh %6 : (tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32>
  // expected-error @+1 {{'quant.qcast' op quantizes a function of sums of 64 bits: put QuantizeLinear and DequantizeLinear before it}}
  %8 = quant.qcast %7 : tensor<1x2x2x1xf32> to tensor<1x2x2x1x!y>
  return %8 : tensor<1x2x2x1x!y>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @powers_of_each_feature(%x: tensor<2x2x!x>) -> tensor<2x2x!x> {
  %0 = "tosa.const"() <{values = dense<[[1.0, 2.0]]> : tensor<1x2xf32>}> : () -> tensor<1x2xf32>
  %1 = quant.dcast %x : tensor<2x2x!x> to tensor<2x2xf32>
  // expected-error @+1 {{'tosa.pow' op has constants of its own for each feature, which cannot be mapped to the array yet}}
  %2 = tosa.pow %1, %0 : (tensor<2x2xf32>, tensor<1x2xf32>) -> tensor<2x2xf32>
  return %x : tensor<2x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @power_of_another(%a: tensor<2x2x!x>, %b: tensor<2x2x!x>) -> tensor<2x2x!x> {
  %0 = quant.dcast %a : tensor<2x2x!x> to tensor<2x2xf32>
  %1 = quant.dcast %b : tensor<2x2x!x> to tensor<2x2xf32>
  // expected-error @+1 {{'tosa.pow' op cannot be mapped to the array yet}}
  %2 = tosa.pow %0, %1 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %a : tensor<2x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>

func.func @broadcasts_a_tensor_of_one(%x: tensor<1x1x2x!x>) -> tensor<1x1x2x!x> {
  %0 = quant.dcast %x : tensor<1x1x2x!x> to tensor<1x1x2xf32>
  %1 = tosa.reverse %0 {axis = 2 : i32} : (tensor<1x1x2xf32>) -> tensor<1x1x2xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x2x1xi8>}> : () -> tensor<1x2x1xi8>
  %3 = quant.scast %2 : tensor<1x2x1xi8> to tensor<1x2x1x!w>
  %4 = quant.dcast %3 : tensor<1x2x1x!w> to tensor<1x2x1xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %6 = tosa.matmul %1, %4, %5, %5 : (tensor<1x1x2xf32>, tensor<1x2x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x1xf32>
  %7 = "tosa.const"() <{values = dense<1.0> : tensor<1x3x1xf32>}> : () -> tensor<1x3x1xf32>
  // expected-error @+1 {{'tosa.add' op broadcasts a tensor that is not quantized: put QuantizeLinear and DequantizeLinear before it}}
  %8 = tosa.add %6, %7 : (tensor<1x1x1xf32>, tensor<1x3x1xf32>) -> tensor<1x3x1xf32>
  return %x : tensor<1x1x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @product_without_a_zero_point(%a: tensor<2x2x!x>, %b: tensor<2x2x!x>) -> tensor<2x2x!x> {
  %0 = "tosa.const"() <{values = dense<0.1> : tensor<1x1xf32>}> : () -> tensor<1x1xf32>
  %1 = quant.dcast %a : tensor<2x2x!x> to tensor<2x2xf32>
  %2 = tosa.add %1, %0 : (tensor<2x2xf32>, tensor<1x1xf32>) -> tensor<2x2xf32>
  %3 = quant.dcast %b : tensor<2x2x!x> to tensor<2x2xf32>
  %4 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  // expected-error @+1 {{'tosa.mul' op multiplies codes without a zero point}}
  %5 = tosa.mul %2, %3, %4 : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<1xi8>) -> tensor<2x2xf32>
  return %a : tensor<2x2x!x>
}

// -----

func.func @wide_products(%a: tensor<2x2x!quant.uniform<u16:f32, 0.25>>, %b: tensor<2x2x!quant.uniform<u16:f32, 0.25>>) -> tensor<2x2x!quant.uniform<u16:f32, 0.25>> {
  %0 = quant.dcast %a : tensor<2x2x!quant.uniform<u16:f32, 0.25>> to tensor<2x2xf32>
  %1 = quant.dcast %b : tensor<2x2x!quant.uniform<u16:f32, 0.25>> to tensor<2x2xf32>
  %2 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  // expected-error @+1 {{'tosa.mul' op makes products that exceed 32 bits: quantize an operand to 8 bits}}
  %3 = tosa.mul %0, %1, %2 : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<1xi8>) -> tensor<2x2xf32>
  return %a : tensor<2x2x!quant.uniform<u16:f32, 0.25>>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!y = !quant.uniform<i8:f32, 1.0>

func.func @sum_of_scales_of_features(%a: tensor<2x2x2x!x>, %b: tensor<2x2x2x!x>) -> tensor<2x2x2x!y> {
  %0 = "tosa.const"() <{values = dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>}> : () -> tensor<1x1x2xf32>
  %1 = quant.dcast %a : tensor<2x2x2x!x> to tensor<2x2x2xf32>
  %2 = quant.dcast %b : tensor<2x2x2x!x> to tensor<2x2x2xf32>
  %3 = tosa.transpose %2 {perms = array<i32: 0, 2, 1>} : (tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  %4 = tosa.add %1, %3 : (tensor<2x2x2xf32>, tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  %5 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %6 = tosa.mul %4, %0, %5 : (tensor<2x2x2xf32>, tensor<1x1x2xf32>, tensor<1xi8>) -> tensor<2x2x2xf32>
  // expected-error @+1 {{'quant.qcast' op quantizes a sum of two tensors with numbers of its own for each feature, which cannot be mapped to the array yet}}
  %7 = quant.qcast %6 : tensor<2x2x2xf32> to tensor<2x2x2x!y>
  return %7 : tensor<2x2x2x!y>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>

func.func @moves_a_maximum(%a: tensor<2x2x2x!x>, %b: tensor<2x2x2x!x>) -> tensor<2x2x2x!x> {
  %0 = "tosa.const"() <{values = dense<1> : tensor<1x2x2xi8>}> : () -> tensor<1x2x2xi8>
  %1 = quant.scast %0 : tensor<1x2x2xi8> to tensor<1x2x2x!w>
  %2 = quant.dcast %1 : tensor<1x2x2x!w> to tensor<1x2x2xf32>
  %3 = quant.dcast %a : tensor<2x2x2x!x> to tensor<2x2x2xf32>
  %4 = tosa.const_shape {values = dense<[1, 4, 2]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %5 = tosa.reshape %3, %4 : (tensor<2x2x2xf32>, !tosa.shape<3>) -> tensor<1x4x2xf32>
  %6 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %7 = tosa.matmul %5, %2, %6, %6 : (tensor<1x4x2xf32>, tensor<1x2x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x2xf32>
  %8 = quant.dcast %b : tensor<2x2x2x!x> to tensor<2x2x2xf32>
  %9 = tosa.const_shape {values = dense<[1, 4, 2]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %10 = tosa.reshape %8, %9 : (tensor<2x2x2xf32>, !tosa.shape<3>) -> tensor<1x4x2xf32>
  %11 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %12 = tosa.matmul %10, %2, %11, %11 : (tensor<1x4x2xf32>, tensor<1x2x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x2xf32>
  %13 = tosa.maximum %7, %12 : (tensor<1x4x2xf32>, tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  // expected-error @+1 {{'tosa.transpose' op moves elements of what is not quantized yet: put QuantizeLinear and DequantizeLinear before it}}
  %14 = tosa.transpose %13 {perms = array<i32: 0, 2, 1>} : (tensor<1x4x2xf32>) -> tensor<1x2x4xf32>
  return %a : tensor<2x2x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @pads_with_no_code(%x: tensor<1x2x!x>) -> tensor<1x2x!x> {
  %0 = tosa.const_shape {values = dense<[0, 0, 1, 0]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %1 = "tosa.const"() <{values = dense<0.1> : tensor<1xf32>}> : () -> tensor<1xf32>
  %2 = quant.dcast %x : tensor<1x2x!x> to tensor<1x2xf32>
  // expected-error @+1 {{'tosa.pad' op pads with a number that no code stands for: quantize the constant as its input is}}
  %3 = tosa.pad %2, %0, %1 : (tensor<1x2xf32>, !tosa.shape<4>, tensor<1xf32>) -> tensor<1x3xf32>
  return %x : tensor<1x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @joins_a_constant(%x: tensor<1x2x!x>) -> tensor<1x2x!x> {
  %0 = "tosa.const"() <{values = dense<0.0> : tensor<1x2xf32>}> : () -> tensor<1x2xf32>
  %1 = quant.dcast %x : tensor<1x2x!x> to tensor<1x2xf32>
  // expected-error @+1 {{'tosa.concat' op joins constants with computed tensors, which cannot be mapped to the array yet}}
  %2 = tosa.concat %1, %0 {axis = 1 : i32} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
  return %x : tensor<1x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>

func.func @repeats_sums(%x: tensor<1x1x2x!x>) -> tensor<1x1x2x!x> {
  %0 = "tosa.const"() <{values = dense<1> : tensor<1x2x2xi8>}> : () -> tensor<1x2x2xi8>
  %1 = quant.scast %0 : tensor<1x2x2xi8> to tensor<1x2x2x!w>
  %2 = quant.dcast %1 : tensor<1x2x2x!w> to tensor<1x2x2xf32>
  %3 = quant.dcast %x : tensor<1x1x2x!x> to tensor<1x1x2xf32>
  %4 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %3, %2, %4, %4 : (tensor<1x1x2xf32>, tensor<1x2x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x2xf32>
  %6 = tosa.const_shape {values = dense<[1, 2, 1]> : tensor<3xindex>} : () -> !tosa.shape<3>
  // expected-error @+1 {{'tosa.tile' op repeats what is not quantized yet}}
  %7 = tosa.tile %5, %6 : (tensor<1x1x2xf32>, !tosa.shape<3>) -> tensor<1x2x2xf32>
  return %x : tensor<1x1x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @repeats_scales(%x: tensor<1x1x2x!x>) -> tensor<1x1x2x!x> {
  %0 = "tosa.const"() <{values = dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>}> : () -> tensor<1x1x2xf32>
  %1 = quant.dcast %x : tensor<1x1x2x!x> to tensor<1x1x2xf32>
  %2 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %3 = tosa.mul %1, %0, %2 : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1xi8>) -> tensor<1x1x2xf32>
  %4 = tosa.const_shape {values = dense<[1, 2, 1]> : tensor<3xindex>} : () -> !tosa.shape<3>
  // expected-error @+1 {{'tosa.tile' op repeats a tensor with scales of its own for each feature}}
  %5 = tosa.tile %3, %4 : (tensor<1x1x2xf32>, !tosa.shape<3>) -> tensor<1x2x2xf32>
  return %x : tensor<1x1x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @root_of_a_negative_constant(%x: tensor<1x2x!x>) -> tensor<1x2x!x> {
  %0 = quant.dcast %x : tensor<1x2x!x> to tensor<1x2xf32>
  %1 = tosa.reverse %0 {axis = 1 : i32} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = "tosa.const"() <{values = dense<-1.0> : tensor<1x1xf32>}> : () -> tensor<1x1xf32>
  // expected-error @+1 {{'tosa.rsqrt' op has a constant result that is no number}}
  %3 = tosa.rsqrt %2 : (tensor<1x1xf32>) -> tensor<1x1xf32>
  return %x : tensor<1x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @turns_channels_of_weights(%x: tensor<1x2x2x!x>) -> tensor<1x2x2x!x> {
  %0 = quant.dcast %x : tensor<1x2x2x!x> to tensor<1x2x2xf32>
  %1 = tosa.reverse %0 {axis = 1 : i32} : (tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x2x2xi8>}> : () -> tensor<1x2x2xi8>
  %3 = quant.scast %2 : tensor<1x2x2xi8> to tensor<1x2x2x!quant.uniform<i8:f32:2, {0.5, 0.25}>>
  %4 = quant.dcast %3 : tensor<1x2x2x!quant.uniform<i8:f32:2, {0.5, 0.25}>> to tensor<1x2x2xf32>
  // expected-error @+1 {{'tosa.reverse' op turns the channels of a constant around}}
  %5 = tosa.reverse %4 {axis = 2 : i32} : (tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  return %x : tensor<1x2x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>

func.func @weights_of_each_head(%x: tensor<2x2x2x!x>) -> tensor<2x2x2x!x> {
  %0 = quant.dcast %x : tensor<2x2x2x!x> to tensor<2x2x2xf32>
  %1 = tosa.reverse %0 {axis = 1 : i32} : (tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<2x2x2xi8>}> : () -> tensor<2x2x2xi8>
  %3 = quant.scast %2 : tensor<2x2x2xi8> to tensor<2x2x2x!w>
  %4 = quant.dcast %3 : tensor<2x2x2x!w> to tensor<2x2x2xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op has weights of their own for parts of a tensor, which cannot be mapped to the array yet}}
  %6 = tosa.matmul %1, %4, %5, %5 : (tensor<2x2x2xf32>, tensor<2x2x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x2x2xf32>
  return %x : tensor<2x2x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @matmul_without_a_zero_point(%a: tensor<1x2x2x!x>, %b: tensor<1x2x2x!x>) -> tensor<1x2x2x!x> {
  %0 = "tosa.const"() <{values = dense<0.1> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %1 = quant.dcast %a : tensor<1x2x2x!x> to tensor<1x2x2xf32>
  %2 = tosa.add %1, %0 : (tensor<1x2x2xf32>, tensor<1x1x1xf32>) -> tensor<1x2x2xf32>
  %3 = quant.dcast %b : tensor<1x2x2x!x> to tensor<1x2x2xf32>
  %4 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op multiplies codes without a zero point}}
  %5 = tosa.matmul %2, %3, %4, %4 : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  return %a : tensor<1x2x2x!x>
}

// -----

func.func @softmax_reversed(%x: tensor<2x3x8x!quant.uniform<i8:f32, 0.25>>) -> tensor<2x3x8x!quant.uniform<i8:f32, 0.25>> {
  %c = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %d = quant.dcast %x : tensor<2x3x8x!quant.uniform<i8:f32, 0.25>> to tensor<2x3x8xf32>
  %0 = tosa.negate %d, %c, %c : (tensor<2x3x8xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x3x8xf32>
  %1 = tosa.reduce_max %0 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %2 = tosa.sub %0, %1 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %3 = tosa.exp %2 : (tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  %4 = tosa.reduce_sum %3 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %5 = tosa.reciprocal %4 : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %6 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  // expected-error @+1 {{'tosa.mul' op is a softmax of codes of a negative scale: quantize them anew}}
  %7 = tosa.mul %3, %5, %6 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  return %x : tensor<2x3x8x!quant.uniform<i8:f32, 0.25>>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!y = !quant.uniform<i8:f32, 1.0>

func.func @part_of_a_softmax(%x: tensor<2x3x8x!x>) -> tensor<2x3x8x!y> {
  %0 = quant.dcast %x : tensor<2x3x8x!x> to tensor<2x3x8xf32>
  %1 = tosa.reduce_max %0 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %2 = tosa.sub %0, %1 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  // expected-error @+1 {{'quant.qcast' op quantizes part of a pattern that is no softmax and no normalization, which cannot be mapped to the array yet}}
  %3 = quant.qcast %2 : tensor<2x3x8xf32> to tensor<2x3x8x!y>
  return %3 : tensor<2x3x8x!y>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!y = !quant.uniform<i8:f32, 1.0>

func.func @norm_scaled_along_another_axis(%x: tensor<2x3x8x!x>) -> tensor<2x3x8x!y> {
  %0 = quant.dcast %x : tensor<2x3x8x!x> to tensor<2x3x8xf32>
  %1 = "tosa.const"() <{values = dense<0.125> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %2 = tosa.reduce_sum %0 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %3 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %4 = tosa.mul %2, %1, %3 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %5 = tosa.sub %0, %4 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %6 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %7 = tosa.mul %5, %5, %6 : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %8 = tosa.reduce_sum %7 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %9 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %10 = tosa.mul %8, %1, %9 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %11 = "tosa.const"() <{values = dense<0.0625> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %12 = tosa.add %10, %11 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>) -> tensor<2x3x1xf32>
  %13 = tosa.rsqrt %12 : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %14 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %15 = tosa.mul %5, %13, %14 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %16 = "tosa.const"() <{values = dense<[[[1.0], [2.0], [3.0]]]> : tensor<1x3x1xf32>}> : () -> tensor<1x3x1xf32>
  %17 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %18 = tosa.mul %15, %16, %17 : (tensor<2x3x8xf32>, tensor<1x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  // expected-error @+1 {{'quant.qcast' op scales a normalization along another axis, which cannot be mapped to the array yet}}
  %19 = quant.qcast %18 : tensor<2x3x8xf32> to tensor<2x3x8x!y>
  return %19 : tensor<2x3x8x!y>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!y = !quant.uniform<i8:f32, 1.0>

func.func @norm_times_zero(%x: tensor<2x3x8x!x>) -> tensor<2x3x8x!y> {
  %0 = quant.dcast %x : tensor<2x3x8x!x> to tensor<2x3x8xf32>
  %1 = "tosa.const"() <{values = dense<0.125> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %2 = tosa.reduce_sum %0 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %3 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %4 = tosa.mul %2, %1, %3 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %5 = tosa.sub %0, %4 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %6 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %7 = tosa.mul %5, %5, %6 : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %8 = tosa.reduce_sum %7 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %9 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %10 = tosa.mul %8, %1, %9 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %11 = "tosa.const"() <{values = dense<0.0625> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %12 = tosa.add %10, %11 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>) -> tensor<2x3x1xf32>
  %13 = tosa.rsqrt %12 : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %14 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %15 = tosa.mul %5, %13, %14 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %16 = "tosa.const"() <{values = dense<0.0> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %17 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %18 = tosa.mul %15, %16, %17 : (tensor<2x3x8xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  // expected-error @+1 {{'quant.qcast' op scales a normalization by zero}}
  %19 = quant.qcast %18 : tensor<2x3x8xf32> to tensor<2x3x8x!y>
  return %19 : tensor<2x3x8x!y>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!y = !quant.uniform<i8:f32, 1.0>

func.func @norm_plus_much(%x: tensor<2x3x8x!x>) -> tensor<2x3x8x!y> {
  %0 = quant.dcast %x : tensor<2x3x8x!x> to tensor<2x3x8xf32>
  %1 = "tosa.const"() <{values = dense<0.125> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %2 = tosa.reduce_sum %0 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %3 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %4 = tosa.mul %2, %1, %3 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %5 = tosa.sub %0, %4 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %6 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %7 = tosa.mul %5, %5, %6 : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %8 = tosa.reduce_sum %7 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %9 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %10 = tosa.mul %8, %1, %9 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %11 = "tosa.const"() <{values = dense<0.0625> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %12 = tosa.add %10, %11 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>) -> tensor<2x3x1xf32>
  %13 = tosa.rsqrt %12 : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %14 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %15 = tosa.mul %5, %13, %14 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %16 = "tosa.const"() <{values = dense<1.0e+30> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %17 = tosa.add %15, %16 : (tensor<2x3x8xf32>, tensor<1x1x1xf32>) -> tensor<2x3x8xf32>
  // expected-error @+1 {{'quant.qcast' op normalizes to sums that exceed 32 bits}}
  %18 = quant.qcast %17 : tensor<2x3x8xf32> to tensor<2x3x8x!y>
  return %18 : tensor<2x3x8x!y>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!y = !quant.uniform<i8:f32, 1.0>

func.func @rms_norm_without_a_zero_point(%x: tensor<2x3x8x!x>) -> tensor<2x3x8x!y> {
  %0 = "tosa.const"() <{values = dense<0.1> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %1 = quant.dcast %x : tensor<2x3x8x!x> to tensor<2x3x8xf32>
  %2 = tosa.add %1, %0 : (tensor<2x3x8xf32>, tensor<1x1x1xf32>) -> tensor<2x3x8xf32>
  %3 = "tosa.const"() <{values = dense<0.125> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %4 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %5 = tosa.mul %2, %2, %4 : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %6 = tosa.reduce_sum %5 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %7 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %8 = tosa.mul %6, %3, %7 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %9 = "tosa.const"() <{values = dense<0.0625> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %10 = tosa.add %8, %9 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>) -> tensor<2x3x1xf32>
  %11 = tosa.rsqrt %10 : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %12 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %13 = tosa.mul %2, %11, %12 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  // expected-error @+1 {{'quant.qcast' op normalizes codes without a zero point}}
  %14 = quant.qcast %13 : tensor<2x3x8xf32> to tensor<2x3x8x!y>
  return %14 : tensor<2x3x8x!y>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!y = !quant.uniform<i8:f32, 1.0>

func.func @a_negative_epsilon(%x: tensor<2x3x8x!x>) -> tensor<2x3x8x!y> {
  %0 = quant.dcast %x : tensor<2x3x8x!x> to tensor<2x3x8xf32>
  %1 = "tosa.const"() <{values = dense<0.125> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %2 = tosa.reduce_sum %0 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %3 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %4 = tosa.mul %2, %1, %3 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %5 = tosa.sub %0, %4 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %6 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %7 = tosa.mul %5, %5, %6 : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %8 = tosa.reduce_sum %7 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %9 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %10 = tosa.mul %8, %1, %9 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %11 = "tosa.const"() <{values = dense<-1.0> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %12 = tosa.add %10, %11 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>) -> tensor<2x3x1xf32>
  %13 = tosa.rsqrt %12 : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %14 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %15 = tosa.mul %5, %13, %14 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  // expected-error @+1 {{'quant.qcast' op normalizes with an epsilon that is negative or beyond 63 bits}}
  %16 = quant.qcast %15 : tensor<2x3x8xf32> to tensor<2x3x8x!y>
  return %16 : tensor<2x3x8x!y>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!y = !quant.uniform<i8:f32, 1.0>

func.func @a_large_epsilon(%x: tensor<2x3x8x!x>) -> tensor<2x3x8x!y> {
  %0 = quant.dcast %x : tensor<2x3x8x!x> to tensor<2x3x8xf32>
  %1 = "tosa.const"() <{values = dense<0.125> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %2 = tosa.reduce_sum %0 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %3 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %4 = tosa.mul %2, %1, %3 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %5 = tosa.sub %0, %4 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %6 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %7 = tosa.mul %5, %5, %6 : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %8 = tosa.reduce_sum %7 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %9 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %10 = tosa.mul %8, %1, %9 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %11 = "tosa.const"() <{values = dense<1.0e+30> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %12 = tosa.add %10, %11 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>) -> tensor<2x3x1xf32>
  %13 = tosa.rsqrt %12 : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %14 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %15 = tosa.mul %5, %13, %14 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  // expected-error @+1 {{'quant.qcast' op normalizes with an epsilon that is negative or beyond 63 bits}}
  %16 = quant.qcast %15 : tensor<2x3x8xf32> to tensor<2x3x8x!y>
  return %16 : tensor<2x3x8x!y>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!y = !quant.uniform<i8:f32, 1.0>

func.func @norm_of_nothing(%x: tensor<2x3x8x!x>) -> tensor<2x3x8x!y> {
  %0 = "tosa.const"() <{values = dense<0.0> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %1 = quant.dcast %x : tensor<2x3x8x!x> to tensor<2x3x8xf32>
  %2 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %3 = tosa.mul %1, %0, %2 : (tensor<2x3x8xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %4 = "tosa.const"() <{values = dense<0.125> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %5 = tosa.reduce_sum %3 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %6 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %7 = tosa.mul %5, %4, %6 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %8 = tosa.sub %3, %7 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %9 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %10 = tosa.mul %8, %8, %9 : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  %11 = tosa.reduce_sum %10 {axis = 2 : i32} : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
  %12 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %13 = tosa.mul %11, %4, %12 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<2x3x1xf32>
  %14 = "tosa.const"() <{values = dense<0.0625> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %15 = tosa.add %13, %14 : (tensor<2x3x1xf32>, tensor<1x1x1xf32>) -> tensor<2x3x1xf32>
  %16 = tosa.rsqrt %15 : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %17 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %18 = tosa.mul %8, %16, %17 : (tensor<2x3x8xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x8xf32>
  // expected-error @+1 {{'quant.qcast' op normalizes codes without a zero point}}
  %19 = quant.qcast %18 : tensor<2x3x8xf32> to tensor<2x3x8x!y>
  return %19 : tensor<2x3x8x!y>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>

func.func @padding_of_nothing(%x: tensor<1x2x2x1x!x>) -> tensor<1x2x2x1x!x> {
  %0 = "tosa.const"() <{values = dense<0.0> : tensor<1x1x1x1xf32>}> : () -> tensor<1x1x1x1xf32>
  %1 = quant.dcast %x : tensor<1x2x2x1x!x> to tensor<1x2x2x1xf32>
  %2 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %3 = tosa.mul %1, %0, %2 : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>, tensor<1xi8>) -> tensor<1x2x2x1xf32>
  %4 = "tosa.const"() <{values = dense<1> : tensor<1x2x2x1xi8>}> : () -> tensor<1x2x2x1xi8>
  %5 = quant.scast %4 : tensor<1x2x2x1xi8> to tensor<1x2x2x1x!w>
  %6 = quant.dcast %5 : tensor<1x2x2x1x!w> to tensor<1x2x2x1xf32>
  %7 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %8 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.conv2d' op pads with zero, for which its input has no code}}
  %9 = tosa.conv2d %3, %6, %7, %8, %8 {acc_type = f32, pad = array<i64: 1, 1, 1, 1>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x3x3x1xf32>
  return %x : tensor<1x2x2x1x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @nothing_is_returned(%x: tensor<2x2x!x>) -> tensor<2x2xf32> {
  %0 = "tosa.const"() <{values = dense<0.0> : tensor<1x1xf32>}> : () -> tensor<1x1xf32>
  %1 = quant.dcast %x : tensor<2x2x!x> to tensor<2x2xf32>
  %2 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %3 = tosa.mul %1, %0, %2 : (tensor<2x2xf32>, tensor<1x1xf32>, tensor<1xi8>) -> tensor<2x2xf32>
  %4 = tosa.reverse %3 {axis = 1 : i32} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  // expected-error @+1 {{'func.return' op has result 0 whose codes have an offset that is no zero point: quantize it anew}}
  return %4 : tensor<2x2xf32>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>

func.func @weights_for_other_channels(%x: tensor<1x2x2x4x!x>) -> tensor<1x2x2x4x!x> {
  %0 = "tosa.const"() <{values = dense<1> : tensor<1x1x1x3xi8>}> : () -> tensor<1x1x1x3xi8>
  %1 = quant.scast %0 : tensor<1x1x1x3xi8> to tensor<1x1x1x3x!w>
  %2 = quant.dcast %1 : tensor<1x1x1x3x!w> to tensor<1x1x1x3xf32>
  %3 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %4 = quant.dcast %x : tensor<1x2x2x4x!x> to tensor<1x2x2x4xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.conv2d' op has weights for other channels than its input has}}
  %6 = tosa.conv2d %4, %2, %3, %5, %5 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x4xf32>, tensor<1x1x1x3xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x1xf32>
  return %x : tensor<1x2x2x4x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>

func.func @depthwise_weights_for_other_channels(%x: tensor<1x2x2x4x!x>) -> tensor<1x2x2x4x!x> {
  %0 = "tosa.const"() <{values = dense<1> : tensor<1x1x3x1xi8>}> : () -> tensor<1x1x3x1xi8>
  %1 = quant.scast %0 : tensor<1x1x3x1xi8> to tensor<1x1x3x1x!w>
  %2 = quant.dcast %1 : tensor<1x1x3x1x!w> to tensor<1x1x3x1xf32>
  %3 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %4 = quant.dcast %x : tensor<1x2x2x4x!x> to tensor<1x2x2x4xf32>
  %5 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.depthwise_conv2d' op has weights for other channels than its input has}}
  %6 = tosa.depthwise_conv2d %4, %2, %3, %5, %5 {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x2x2x4xf32>, tensor<1x1x3x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x3xf32>
  return %x : tensor<1x2x2x4x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @takes_more_than_there_is(%x: tensor<1x2x!x>) -> tensor<1x2x!x> {
  %0 = quant.dcast %x : tensor<1x2x!x> to tensor<1x2xf32>
  %1 = tosa.reverse %0 {axis = 1 : i32} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = "tosa.const"() <{values = dense<1.0> : tensor<1x3xf32>}> : () -> tensor<1x3xf32>
  %3 = tosa.const_shape {values = dense<[0, 2]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %4 = tosa.const_shape {values = dense<[1, 2]> : tensor<2xindex>} : () -> !tosa.shape<2>
  // expected-error @+1 {{'tosa.slice' op takes a part that its operand has not}}
  %5 = tosa.slice %2, %3, %4 : (tensor<1x3xf32>, !tosa.shape<2>, !tosa.shape<2>) -> tensor<1x2xf32>
  return %x : tensor<1x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

func.func @constants_of_another_shape(%x: tensor<2x1x!x>) -> tensor<2x1x!x> {
  %0 = quant.dcast %x : tensor<2x1x!x> to tensor<2x1xf32>
  %1 = tosa.reverse %0 {axis = 1 : i32} : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %2 = "tosa.const"() <{values = dense<1.0> : tensor<1x3xf32>}> : () -> tensor<1x3xf32>
  // expected-error @+1 {{'tosa.maximum' op broadcasts constants of shape [1, 3] with a tensor of [2, 1]}}
  %3 = tosa.maximum %1, %2 : (tensor<2x1xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
  return %x : tensor<2x1x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

// expected-error @+1 {{'func.func' op has input 0 of unknown extents}}
func.func @any_batch(%x: tensor<?x2x!x>) -> tensor<?x2x!x> {
  %0 = quant.dcast %x : tensor<?x2x!x> to tensor<?x2xf32>
  %1 = tosa.reverse %0 {axis = 1 : i32} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %x : tensor<?x2x!x>
}

// -----

!x = !quant.uniform<i8:f32, 0.25>

// expected-error @+1 {{'func.func' op has input 1 without a batch}}
func.func @no_batch(%x: tensor<2x2x!x>, %b: tensor<!x>) -> tensor<2x2x!x> {
  %0 = quant.dcast %x : tensor<2x2x!x> to tensor<2x2xf32>
  %1 = tosa.reverse %0 {axis = 1 : i32} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %x : tensor<2x2x!x>
}

// -----

!i = !quant.uniform<i32:f32, 0.25>

func.func @maximum_of_wide_codes(%a: tensor<2x2x!i>, %b: tensor<2x2x!i>) -> tensor<2x2x!i> {
  %0 = quant.dcast %a : tensor<2x2x!i> to tensor<2x2xf32>
  %1 = quant.dcast %b : tensor<2x2x!i> to tensor<2x2xf32>
  // expected-error @+1 {{'tosa.maximum' op combines codes of 32 bits: quantize them to 8 or 16}}
  %2 = tosa.maximum %0, %1 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = quant.qcast %2 : tensor<2x2xf32> to tensor<2x2x!i>
  return %3 : tensor<2x2x!i>
}
