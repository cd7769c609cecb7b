// RUN: aie4ml-opt %s --aie4ml-outline-host-edges --split-input-file --verify-diagnostics

func.func @float(%x: tensor<1x4x8xf32>) -> tensor<1x4x3xf32> {
  %w = "tosa.const"() <{values = dense<3.0> : tensor<1x8x3xf32>}> : () -> tensor<1x8x3xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{'tosa.matmul' op is not quantized, as nothing before it is: quantize the network, with QuantizeLinear and DequantizeLinear before and behind each layer}}
  %y = tosa.matmul %x, %w, %z, %z : (tensor<1x4x8xf32>, tensor<1x8x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x3xf32>
  return %y : tensor<1x4x3xf32>
}

// -----

// expected-error @+1 {{quantizes nothing: the array computes quantized networks only}}
func.func @float_without_layers(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %y = tosa.exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

!q = !quant.uniform<i8:f32, 0.5>
func.func @sums_leave(%x: tensor<1x4x8xf32>) -> tensor<1x4x3xf32> {
  %0 = quant.qcast %x : tensor<1x4x8xf32> to tensor<1x4x8x!q>
  %1 = quant.dcast %0 : tensor<1x4x8x!q> to tensor<1x4x8xf32>
  %w = "tosa.const"() <{values = dense<3.0> : tensor<1x8x3xf32>}> : () -> tensor<1x8x3xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-error @+1 {{gives values that are not quantized, and without it nothing is left for the array: put QuantizeLinear and DequantizeLinear behind it}}
  %y = tosa.matmul %1, %w, %z, %z : (tensor<1x4x8xf32>, tensor<1x8x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x3xf32>
  return %y : tensor<1x4x3xf32>
}

// -----

!q = !quant.uniform<i8:f32, 0.5>
// expected-error @+1 {{has no layer between its quantizers: nothing is left for the array}}
func.func @quantizers_alone(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!q>
  %1 = quant.dcast %0 : tensor<4x8x!q> to tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

!q = !quant.uniform<i8:f32, 0.5>
func.func @unquantized_beside(%x: tensor<1x4x8xf32>) -> tensor<1x4x8xf32> {
  %e = tosa.exp %x : (tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  %0 = quant.qcast %x : tensor<1x4x8xf32> to tensor<1x4x8x!q>
  %1 = quant.dcast %0 : tensor<1x4x8x!q> to tensor<1x4x8xf32>
  %w = "tosa.const"() <{values = dense<3.0> : tensor<1x8x8xf32>}> : () -> tensor<1x8x8xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %y = tosa.matmul %1, %w, %z, %z : (tensor<1x4x8xf32>, tensor<1x8x8xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x8xf32>
  // expected-error @+1 {{reads values that are not quantized beside quantized ones: put QuantizeLinear and DequantizeLinear before it}}
  %2 = tosa.add %y, %e : (tensor<1x4x8xf32>, tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  %3 = quant.qcast %2 : tensor<1x4x8xf32> to tensor<1x4x8x!q>
  %4 = quant.dcast %3 : tensor<1x4x8x!q> to tensor<1x4x8xf32>
  return %4 : tensor<1x4x8xf32>
}
