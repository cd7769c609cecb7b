// RUN: aie4ml-opt %s --aie4ml-lower-quant --split-input-file --verify-diagnostics

func.func @computes_on_codes(%x: tensor<4x!quant.uniform<i8:f32, 0.5>>) -> tensor<4x!quant.uniform<i8:f32, 0.5>> {
  // expected-error @+1 {{'tosa.abs' op computes on quantized tensors: put 'quant.dcast' before and 'quant.qcast' after it}}
  %0 = tosa.abs %x : (tensor<4x!quant.uniform<i8:f32, 0.5>>) -> tensor<4x!quant.uniform<i8:f32, 0.5>>
  return %0 : tensor<4x!quant.uniform<i8:f32, 0.5>>
}

// -----

func.func @dynamic(%x: tensor<?xf32>) -> tensor<?x!quant.uniform<i8:f32, 0.5>> {
  // expected-error @+1 {{needs a tensor of static shape, got 'tensor<?x!quant.uniform<i8:f32, 5.000000e-01>>'}}
  %0 = quant.qcast %x : tensor<?xf32> to tensor<?x!quant.uniform<i8:f32, 0.5>>
  return %0 : tensor<?x!quant.uniform<i8:f32, 0.5>>
}

// -----

!blocks = !quant.uniform<i8:f32:{0:1}, {{0.5}, {0.25}}>
func.func @scale_per_block(%x: tensor<2x1xf32>) -> tensor<2x1x!blocks> {
  // expected-error @+1 {{needs a scale per tensor or per axis, not per block}}
  %0 = quant.qcast %x : tensor<2x1xf32> to tensor<2x1x!blocks>
  return %0 : tensor<2x1x!blocks>
}

// -----

func.func @unknown_rounding(%x: tensor<4xf32>) -> tensor<4x!quant.uniform<i8:f32, 0.5>> {
  // expected-error @+1 {{rounds in an unknown way: 'aie4ml.rounding' is one of floor, ceil, toward_zero}}
  %0 = quant.qcast %x {aie4ml.rounding = "half"} : tensor<4xf32> to tensor<4x!quant.uniform<i8:f32, 0.5>>
  return %0 : tensor<4x!quant.uniform<i8:f32, 0.5>>
}
