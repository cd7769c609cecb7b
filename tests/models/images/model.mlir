!qx = !quant.uniform<i8:f32, 0.0078125>
!qy = !quant.uniform<i8:f32, 0.03125>
func.func @main(%x: tensor<4x2x4xui8> {aie4ml.name = "image"}) -> (tensor<4x3xf32> {aie4ml.name = "likely"}, tensor<4xi32> {aie4ml.name = "best"}) {
  %bytes = tosa.cast %x : (tensor<4x2x4xui8>) -> tensor<4x2x4xf32> loc("scale")
  %scale = "tosa.const"() <{values = dense<0.00390625> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %1 = tosa.mul %bytes, %scale, %shift : (tensor<4x2x4xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<4x2x4xf32> loc("scale")
  %2 = quant.qcast %1 : tensor<4x2x4xf32> to tensor<4x2x4x!qx> loc("quantize")
  %3 = quant.dcast %2 : tensor<4x2x4x!qx> to tensor<4x2x4xf32>
  %rows = tosa.const_shape {values = dense<[1, 4, 8]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %4 = tosa.reshape %3, %rows : (tensor<4x2x4xf32>, !tosa.shape<3>) -> tensor<1x4x8xf32>
  %weights = "tosa.const"() <{values = dense<[[[1, -20, 3], [40, 5, -6], [7, 80, -9], [-10, 11, 12], [13, -14, 15], [16, 17, -18], [-19, 2, 21], [22, -23, 24]]]> : tensor<1x8x3xi8>}> : () -> tensor<1x8x3xi8>
  %w = quant.scast %weights : tensor<1x8x3xi8> to tensor<1x8x3x!qx>
  %w1 = quant.dcast %w : tensor<1x8x3x!qx> to tensor<1x8x3xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %4, %w1, %zero, %zero : (tensor<1x4x8xf32>, tensor<1x8x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x3xf32> loc("fc")
  %flat = tosa.const_shape {values = dense<[4, 3]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %6 = tosa.reshape %5, %flat : (tensor<1x4x3xf32>, !tosa.shape<2>) -> tensor<4x3xf32>
  %7 = quant.qcast %6 : tensor<4x3xf32> to tensor<4x3x!qy> loc("logits")
  %8 = quant.dcast %7 : tensor<4x3x!qy> to tensor<4x3xf32>
  %9 = tosa.exp %8 : (tensor<4x3xf32>) -> tensor<4x3xf32> loc("softmax")
  %10 = tosa.reduce_sum %9 {axis = 1 : i32} : (tensor<4x3xf32>) -> tensor<4x1xf32> loc("softmax")
  %11 = tosa.reciprocal %10 : (tensor<4x1xf32>) -> tensor<4x1xf32> loc("softmax")
  %12 = tosa.mul %9, %11, %shift : (tensor<4x3xf32>, tensor<4x1xf32>, tensor<1xi8>) -> tensor<4x3xf32> loc("softmax")
  %13 = tosa.argmax %8 {axis = 1 : i32} : (tensor<4x3xf32>) -> tensor<4xi32> loc("best")
  return %12, %13 : tensor<4x3xf32>, tensor<4xi32>
}
