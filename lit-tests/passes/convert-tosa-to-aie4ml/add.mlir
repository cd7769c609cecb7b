// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml --split-input-file --verify-diagnostics | FileCheck %s

// The finer scale is the sum's: 2^-4 for 2^-2 and 2^-4.

// CHECK-LABEL: func.func @of_two_scales
// CHECK-SAME: (%[[A:.*]]: tensor<2x3xi8> {{.*}}, %[[B:.*]]: tensor<2x3xi8> {{.*}})
// CHECK-NEXT: %[[SUM:.*]] = aie4ml.add %[[A]], %[[B]] factors = [4, 1] : (tensor<2x3xi8>, tensor<2x3xi8>) -> tensor<2x3xi32>
// CHECK-NEXT: aie4ml.requantize %[[SUM]] requant = <shift = 3, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>
func.func @of_two_scales(%x: tensor<2x3xf32>, %z: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  %2 = quant.qcast %z : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.0625>>
  %3 = quant.dcast %2 : tensor<2x3x!quant.uniform<i8:f32, 0.0625>> to tensor<2x3xf32>
  %4 = tosa.add %1, %3 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = tosa.clamp %4 {min_val = 0.0 : f32, max_val = 3.40282347E+38 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %6 = quant.qcast %5 : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.5>>
  %7 = quant.dcast %6 : tensor<2x3x!quant.uniform<i8:f32, 0.5>> to tensor<2x3xf32>
  return %7 : tensor<2x3xf32>
}

// -----

func.func @of_a_sum(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  %2 = tosa.add %1, %1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  // expected-error @+1 {{'tosa.add' op needs an operand that is quantized: put QuantizeLinear and DequantizeLinear between the layer before and this one}}
  %3 = tosa.add %2, %1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// -----

func.func @of_other_extents(%x: tensor<2x3xf32>, %z: tensor<1x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.25>> to tensor<2x3xf32>
  %2 = quant.qcast %z : tensor<1x3xf32> to tensor<1x3x!quant.uniform<i8:f32, 0.25>>
  %3 = quant.dcast %2 : tensor<1x3x!quant.uniform<i8:f32, 0.25>> to tensor<1x3xf32>
  // expected-error @+1 {{'tosa.add' op adds 2x3 and 1x3: computed tensors are not broadcast yet}}
  %4 = tosa.add %1, %3 : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
  return %4 : tensor<2x3xf32>
}

// -----

func.func @with_a_constant_of_each_feature(%x: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %0 = quant.qcast %x : tensor<1x3xf32> to tensor<1x3x!quant.uniform<i8:f32, 1.0>>
  %1 = quant.dcast %0 : tensor<1x3x!quant.uniform<i8:f32, 1.0>> to tensor<1x3xf32>
  %2 = "tosa.const"() <{values = dense<[[2147483647, 0, 0]]> : tensor<1x3xi32>}> : () -> tensor<1x3xi32>
  %3 = quant.scast %2 : tensor<1x3xi32> to tensor<1x3x!quant.uniform<i32:f32, 1.0>>
  %4 = quant.dcast %3 : tensor<1x3x!quant.uniform<i32:f32, 1.0>> to tensor<1x3xf32>
  %5 = tosa.add %1, %1 : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x3xf32>
  %6 = tosa.add %5, %4 : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x3xf32>
  // expected-error @+1 {{'quant.qcast' op quantizes a sum of two tensors with numbers of its own for each feature, which cannot be mapped to the array yet}}
  %7 = quant.qcast %6 : tensor<1x3xf32> to tensor<1x3x!quant.uniform<i8:f32, 1.0>>
  %8 = quant.dcast %7 : tensor<1x3x!quant.uniform<i8:f32, 1.0>> to tensor<1x3xf32>
  return %8 : tensor<1x3xf32>
}

// -----

// Scales of float32 and zero points: two factors, and one addend for all offsets.

// CHECK-LABEL: func.func @of_any_scales
// CHECK: aie4ml.add %{{.*}}, %{{.*}} factors = [{{[0-9]+}}, {{[0-9]+}}] : (tensor<2x3xi8>, tensor<2x3xui8>) -> tensor<2x3xi32>
// CHECK: aie4ml.requantize %{{.*}} requant = <addend = [{{-?[0-9]+}}], shift = {{[0-9]+}}, rounding = nearest_even, overflow = saturate, width = 8, is_signed = false, zero_point = 3, min = 0, max = 255>
func.func @of_any_scales(%x: tensor<2x3xf32>, %z: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, 0.0123:-7>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32, 0.0123:-7>> to tensor<2x3xf32>
  %2 = quant.qcast %z : tensor<2x3xf32> to tensor<2x3x!quant.uniform<u8:f32, 0.0456:119>>
  %3 = quant.dcast %2 : tensor<2x3x!quant.uniform<u8:f32, 0.0456:119>> to tensor<2x3xf32>
  %4 = tosa.sub %1, %3 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = tosa.sub %3, %1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %6 = tosa.add %1, %3 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %7 = quant.qcast %6 : tensor<2x3xf32> to tensor<2x3x!quant.uniform<u8:f32, 0.05:3>>
  %8 = quant.dcast %7 : tensor<2x3x!quant.uniform<u8:f32, 0.05:3>> to tensor<2x3xf32>
  return %8 : tensor<2x3xf32>
}

// -----

// Of a declared range that is narrow, the type still has all codes, which sums of 64 bits hold.

!a = !quant.uniform<i16<-4:3>:f32, 0.3>
!b = !quant.uniform<i16<-8:7>:f32, 0.7>
!y = !quant.uniform<i16:f32, 0.11>

// CHECK-LABEL: func.func @narrow_codes
func.func @narrow_codes(%a: tensor<2x3x!a>, %b: tensor<2x3x!b>) -> tensor<2x3x!y> {
  // CHECK: aie4ml.add
  // CHECK-SAME: accumulator = i64
  %0 = quant.dcast %a : tensor<2x3x!a> to tensor<2x3xf32>
  %1 = quant.dcast %b : tensor<2x3x!b> to tensor<2x3xf32>
  %2 = tosa.add %0, %1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = quant.qcast %2 : tensor<2x3xf32> to tensor<2x3x!y>
  return %3 : tensor<2x3x!y>
}
