// RUN: aie4ml-opt %s --aie4ml-outline-host-edges | FileCheck %s

// An image of bytes goes in, a softmax comes out.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[CODES:.*]]: tensor<4x8xi8> {aie4ml.name = "image"}) -> (tensor<4x3xi8> {aie4ml.name = "classes"})
// CHECK: quant.scast %[[CODES]] : tensor<4x8xi8> to tensor<4x8x!quant.uniform
// CHECK: tosa.matmul
// CHECK: %[[SUMS:.*]] = quant.qcast
// CHECK: %[[OUT:.*]] = quant.scast %[[SUMS]] : tensor<4x3x!quant.uniform<i8:f32, 5.000000e-01>> to tensor<4x3xi8>
// CHECK: return %[[OUT]]
// CHECK: module @main_host attributes {aie4ml.host = "main"}
// CHECK: func.func @before(%{{.*}}: tensor<4x8xi8> {aie4ml.name = "image"}) -> (tensor<4x8xi8> {aie4ml.name = "image"})
// CHECK: tosa.cast
// CHECK: tosa.mul
// CHECK: quant.qcast
// CHECK: func.func @after(%{{.*}}: tensor<4x3xi8> {aie4ml.name = "classes"}) -> (tensor<4x3xf32> {aie4ml.name = "classes"})
// CHECK: quant.dcast
// CHECK: tosa.exp
!qx = !quant.uniform<i8:f32, 0.0078125>
!qy = !quant.uniform<i8:f32, 0.5>
func.func @main(%x: tensor<4x8xi8> {aie4ml.name = "image"}) -> (tensor<4x3xf32> {aie4ml.name = "classes"}) {
  %0 = tosa.cast %x : (tensor<4x8xi8>) -> tensor<4x8xf32>
  %scale = "tosa.const"() <{values = dense<0.00390625> : tensor<1x1xf32>}> : () -> tensor<1x1xf32>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %1 = tosa.mul %0, %scale, %shift : (tensor<4x8xf32>, tensor<1x1xf32>, tensor<1xi8>) -> tensor<4x8xf32>
  %2 = quant.qcast %1 : tensor<4x8xf32> to tensor<4x8x!qx>
  %3 = quant.dcast %2 : tensor<4x8x!qx> to tensor<4x8xf32>
  %rows = tosa.const_shape {values = dense<[1, 4, 8]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %4 = tosa.reshape %3, %rows : (tensor<4x8xf32>, !tosa.shape<3>) -> tensor<1x4x8xf32>
  %weights = "tosa.const"() <{values = dense<3> : tensor<1x8x3xi8>}> : () -> tensor<1x8x3xi8>
  %w = quant.scast %weights : tensor<1x8x3xi8> to tensor<1x8x3x!qx>
  %w1 = quant.dcast %w : tensor<1x8x3x!qx> to tensor<1x8x3xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %4, %w1, %zero, %zero : (tensor<1x4x8xf32>, tensor<1x8x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x3xf32>
  %flat = tosa.const_shape {values = dense<[4, 3]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %6 = tosa.reshape %5, %flat : (tensor<1x4x3xf32>, !tosa.shape<2>) -> tensor<4x3xf32>
  %7 = quant.qcast %6 : tensor<4x3xf32> to tensor<4x3x!qy>
  %8 = quant.dcast %7 : tensor<4x3x!qy> to tensor<4x3xf32>
  %9 = tosa.exp %8 : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %10 = tosa.reduce_sum %9 {axis = 1 : i32} : (tensor<4x3xf32>) -> tensor<4x1xf32>
  %11 = tosa.reciprocal %10 : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %12 = tosa.mul %9, %11, %shift : (tensor<4x3xf32>, tensor<4x1xf32>, tensor<1xi8>) -> tensor<4x3xf32>
  return %12 : tensor<4x3xf32>
}
