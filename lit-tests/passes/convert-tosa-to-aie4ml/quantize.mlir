// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml | FileCheck %s

!x = !quant.uniform<i16:f32, 0.25>

// CHECK-LABEL: func.func @shifts_right_to_a_coarser_scale
func.func @shifts_right_to_a_coarser_scale(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!x>
  %1 = quant.dcast %0 : tensor<2x3x!x> to tensor<2x3xf32>
  // CHECK: aie4ml.requantize %{{.*}} requant = <shift = 4, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x3xi16>) -> tensor<2x3xi8>
  %2 = quant.qcast %1 : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 4.0>>
  %3 = quant.dcast %2 : tensor<2x3x!quant.uniform<i8:f32, 4.0>> to tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @shifts_left_to_a_finer_scale
func.func @shifts_left_to_a_finer_scale(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!x>
  %1 = quant.dcast %0 : tensor<2x3x!x> to tensor<2x3xf32>
  // CHECK: aie4ml.requantize %{{.*}} requant = <shift = -3, {{.*}}, width = 16, min = -32768, max = 32767> : (tensor<2x3xi16>) -> tensor<2x3xi16>
  %2 = quant.qcast %1 : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i16:f32, 0.03125>>
  %3 = quant.dcast %2 : tensor<2x3x!quant.uniform<i16:f32, 0.03125>> to tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// Four bits stored in eight saturate at four.

// CHECK-LABEL: func.func @saturates_at_the_declared_width
// CHECK-SAME: -> (tensor<2x3xi8> {aie4ml.name = "output0", aie4ml.quant = !quant.uniform<i8<-8:7>:f32, 1.000000e+00>})
func.func @saturates_at_the_declared_width(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!x>
  %1 = quant.dcast %0 : tensor<2x3x!x> to tensor<2x3xf32>
  // CHECK: aie4ml.requantize %{{.*}} requant = <shift = 2, {{.*}}, width = 4, min = -8, max = 7> : (tensor<2x3xi16>) -> tensor<2x3xi8>
  %2 = quant.qcast %1 : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8<-8:7>:f32, 1.0>>
  %3 = quant.dcast %2 : tensor<2x3x!quant.uniform<i8<-8:7>:f32, 1.0>> to tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// A range that no number of bits has limits the result.

// CHECK-LABEL: func.func @limits_to_a_symmetric_range
func.func @limits_to_a_symmetric_range(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!x>
  %1 = quant.dcast %0 : tensor<2x3x!x> to tensor<2x3xf32>
  // CHECK: aie4ml.requantize %{{.*}} requant = <shift = 2, {{.*}}, width = 8, min = -127, max = 127>
  %2 = quant.qcast %1 : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8<-127:127>:f32, 1.0>>
  %3 = quant.dcast %2 : tensor<2x3x!quant.uniform<i8<-127:127>:f32, 1.0>> to tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @takes_and_gives_unsigned_codes
// CHECK-SAME: %[[X:.*]]: tensor<2x3xui8> {aie4ml.name = "input0", aie4ml.quant = !quant.uniform<u8:f32, 5.000000e-01>})
// CHECK-SAME: -> (tensor<2x3xui8> {aie4ml.name = "output0", aie4ml.quant = !quant.uniform<u8<0:15>:f32, 1.000000e+00>})
func.func @takes_and_gives_unsigned_codes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<u8:f32, 0.5:0>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<u8:f32, 0.5:0>> to tensor<2x3xf32>
  // CHECK: aie4ml.requantize %[[X]] requant = <shift = 1, {{.*}}, width = 4, is_signed = false, min = 0, max = 15> : (tensor<2x3xui8>) -> tensor<2x3xui8>
  %2 = quant.qcast %1 : tensor<2x3xf32> to tensor<2x3x!quant.uniform<u8<0:15>:f32, 1.0>>
  %3 = quant.dcast %2 : tensor<2x3x!quant.uniform<u8<0:15>:f32, 1.0>> to tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}
