// RUN: aie4ml-opt %s --aie4ml-outline-host-edges | FileCheck %s

// The sums of a last layer leave as codes; only their scale is the host's.
// CHECK-LABEL: func.func @gives_sums
// CHECK-SAME: -> (tensor<1x2x3xi32>
// CHECK: %[[S:.*]] = tosa.matmul
// CHECK: %[[Q:.*]] = quant.qcast %[[S]] : tensor<1x2x3xf32> to tensor<1x2x3x!quant.uniform<i32:f32, 1.250000e-01>>
// CHECK: quant.scast %[[Q]]
// CHECK: func.func @after
// CHECK: quant.dcast
// CHECK: math.exp
func.func @gives_sums(%x: tensor<1x2x4xf32>) -> tensor<1x2x3xf32> {
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %0 = quant.qcast %x : tensor<1x2x4xf32> to tensor<1x2x4x!quant.uniform<i8:f32, 0.5>>
  %1 = quant.dcast %0 : tensor<1x2x4x!quant.uniform<i8:f32, 0.5>> to tensor<1x2x4xf32>
  %2 = "tosa.const"() <{values = dense<3> : tensor<1x4x3xi8>}> : () -> tensor<1x4x3xi8>
  %3 = quant.scast %2 : tensor<1x4x3xi8> to tensor<1x4x3x!quant.uniform<i8:f32, 0.25>>
  %4 = quant.dcast %3 : tensor<1x4x3x!quant.uniform<i8:f32, 0.25>> to tensor<1x4x3xf32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x4xf32>, tensor<1x4x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x3xf32>
  %6 = math.exp %5 : tensor<1x2x3xf32>
  return %6 : tensor<1x2x3xf32>
}
