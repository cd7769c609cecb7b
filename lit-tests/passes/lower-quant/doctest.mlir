// RUN: aie4ml-opt %s --aie4ml-lower-quant --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: math.roundeven
// CHECK-NOT: quant.
func.func @main(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
  %0 = quant.qcast %x : tensor<8x64xf32> to tensor<8x64x!quant.uniform<i8:f32, 0.25:3>>
  %1 = quant.dcast %0 : tensor<8x64x!quant.uniform<i8:f32, 0.25:3>> to tensor<8x64xf32>
  return %1 : tensor<8x64xf32>
}
