// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml | FileCheck %s

!x8 = !quant.uniform<i8:f32, 0.25>
!x16 = !quant.uniform<i16:f32, 0.25>
!x4 = !quant.uniform<i16<-8:7>:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i8:f32, 1.0>

// 520 products of at most 32768 x 126 are just below 2^31.

// CHECK-LABEL: func.func @accumulates_in_32_bits_what_they_hold
func.func @accumulates_in_32_bits_what_they_hold(%x: tensor<1x2x520xf32>) -> tensor<1x2x1xf32> {
  %0 = quant.qcast %x : tensor<1x2x520xf32> to tensor<1x2x520x!x16>
  %1 = quant.dcast %0 : tensor<1x2x520x!x16> to tensor<1x2x520xf32>
  %2 = "tosa.const"() <{values = dense<126> : tensor<1x520x1xi8>}> : () -> tensor<1x520x1xi8>
  %3 = quant.scast %2 : tensor<1x520x1xi8> to tensor<1x520x1x!w>
  %4 = quant.dcast %3 : tensor<1x520x1x!w> to tensor<1x520x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // CHECK: aie4ml.dense %{{.*}}, %{{.*}} accumulator = i32 : (tensor<2x520xi16>, tensor<520x1xi8>) -> tensor<2x1xi32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x520xf32>, tensor<1x520x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  %6 = quant.qcast %5 : tensor<1x2x1xf32> to tensor<1x2x1x!y>
  %7 = quant.dcast %6 : tensor<1x2x1x!y> to tensor<1x2x1xf32>
  return %7 : tensor<1x2x1xf32>
}

// One more weight and they are not.

// CHECK-LABEL: func.func @accumulates_in_64_bits_when_sums_exceed_32
func.func @accumulates_in_64_bits_when_sums_exceed_32(%x: tensor<1x2x521xf32>) -> tensor<1x2x1xf32> {
  %0 = quant.qcast %x : tensor<1x2x521xf32> to tensor<1x2x521x!x16>
  %1 = quant.dcast %0 : tensor<1x2x521x!x16> to tensor<1x2x521xf32>
  %2 = "tosa.const"() <{values = dense<126> : tensor<1x521x1xi8>}> : () -> tensor<1x521x1xi8>
  %3 = quant.scast %2 : tensor<1x521x1xi8> to tensor<1x521x1x!w>
  %4 = quant.dcast %3 : tensor<1x521x1x!w> to tensor<1x521x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // CHECK: aie4ml.dense %{{.*}}, %{{.*}} accumulator = i64 : (tensor<2x521xi16>, tensor<521x1xi8>) -> tensor<2x1xi64>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x521xf32>, tensor<1x521x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  %6 = quant.qcast %5 : tensor<1x2x1xf32> to tensor<1x2x1x!y>
  %7 = quant.dcast %6 : tensor<1x2x1x!y> to tensor<1x2x1xf32>
  return %7 : tensor<1x2x1xf32>
}

// Codes of 4 bits in 16 count as 4 bits.

// CHECK-LABEL: func.func @knows_the_range_of_narrow_codes
func.func @knows_the_range_of_narrow_codes(%x: tensor<1x2x521xf32>) -> tensor<1x2x1xf32> {
  %0 = quant.qcast %x : tensor<1x2x521xf32> to tensor<1x2x521x!x4>
  %1 = quant.dcast %0 : tensor<1x2x521x!x4> to tensor<1x2x521xf32>
  %2 = "tosa.const"() <{values = dense<126> : tensor<1x521x1xi8>}> : () -> tensor<1x521x1xi8>
  %3 = quant.scast %2 : tensor<1x521x1xi8> to tensor<1x521x1x!w>
  %4 = quant.dcast %3 : tensor<1x521x1x!w> to tensor<1x521x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // CHECK: aie4ml.dense %{{.*}}, %{{.*}} accumulator = i32
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x521xf32>, tensor<1x521x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  %6 = quant.qcast %5 : tensor<1x2x1xf32> to tensor<1x2x1x!y>
  %7 = quant.dcast %6 : tensor<1x2x1x!y> to tensor<1x2x1xf32>
  return %7 : tensor<1x2x1xf32>
}

// CHECK-LABEL: func.func @carries_codes_from_layer_to_layer
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<2x3xi8>
func.func @carries_codes_from_layer_to_layer(%x: tensor<2x3xf32>) -> tensor<2x1xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!x8>
  %1 = quant.dcast %0 : tensor<2x3x!x8> to tensor<2x3xf32>
  %batched = tosa.const_shape {values = dense<[1, 2, 3]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %2 = tosa.reshape %1, %batched : (tensor<2x3xf32>, !tosa.shape<3>) -> tensor<1x2x3xf32>
  %3 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %4 = quant.scast %3 : tensor<1x3x2xi8> to tensor<1x3x2x!w>
  %5 = quant.dcast %4 : tensor<1x3x2x!w> to tensor<1x3x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // CHECK: %[[ACC:.*]] = aie4ml.dense %[[X]],
  %6 = tosa.matmul %2, %5, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  // CHECK: %[[HIDDEN:.*]] = aie4ml.requantize %[[ACC]]
  %7 = quant.qcast %6 : tensor<1x2x2xf32> to tensor<1x2x2x!x8>
  %8 = quant.dcast %7 : tensor<1x2x2x!x8> to tensor<1x2x2xf32>
  // A constant may be given flat.
  %9 = "tosa.const"() <{values = dense<[3, 4]> : tensor<2xi8>}> : () -> tensor<2xi8>
  %10 = quant.scast %9 : tensor<2xi8> to tensor<2x!w>
  %11 = quant.dcast %10 : tensor<2x!w> to tensor<2xf32>
  %column = tosa.const_shape {values = dense<[1, 2, 1]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %12 = tosa.reshape %11, %column : (tensor<2xf32>, !tosa.shape<3>) -> tensor<1x2x1xf32>
  // CHECK: %[[W:.*]] = arith.constant dense<{{\[\[}}3], [4]]> : tensor<2x1xi8>
  // CHECK: %[[SUM:.*]] = aie4ml.dense %[[HIDDEN]], %[[W]]
  %13 = tosa.matmul %8, %12, %zero, %zero : (tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  // CHECK: %[[Y:.*]] = aie4ml.requantize %[[SUM]]
  %14 = quant.qcast %13 : tensor<1x2x1xf32> to tensor<1x2x1x!y>
  %15 = quant.dcast %14 : tensor<1x2x1x!y> to tensor<1x2x1xf32>
  %flat = tosa.const_shape {values = dense<[2, 1]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %16 = tosa.reshape %15, %flat : (tensor<1x2x1xf32>, !tosa.shape<2>) -> tensor<2x1xf32>
  // CHECK-NOT: tosa
  // CHECK-NOT: quant.
  // CHECK: return %[[Y]] : tensor<2x1xi8>
  return %16 : tensor<2x1xf32>
}

// The integers of MLIR have no sign: that of a quantized type counts. Weights are signed, of
// 16 bits where 8 do not hold them.

// CHECK-LABEL: func.func @reads_unsigned_weights
func.func @reads_unsigned_weights(%x: tensor<1x2x2xf32>) -> (tensor<1x2x1xf32>, tensor<1x2x1xf32>) {
  %0 = quant.qcast %x : tensor<1x2x2xf32> to tensor<1x2x2x!quant.uniform<i8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<1x2x2x!quant.uniform<i8:f32, 0.25>> to tensor<1x2x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %2 = "tosa.const"() <{values = dense<[[[-1], [3]]]> : tensor<1x2x1xi8>}> : () -> tensor<1x2x1xi8>
  %3 = quant.scast %2 : tensor<1x2x1xi8> to tensor<1x2x1x!quant.uniform<u8:f32, 0.5>>
  %4 = quant.dcast %3 : tensor<1x2x1x!quant.uniform<u8:f32, 0.5>> to tensor<1x2x1xf32>
  // CHECK: arith.constant dense<{{\[}}[255], [3]]> : tensor<2x1xi16>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  %6 = "tosa.const"() <{values = dense<[[[127], [3]]]> : tensor<1x2x1xi8>}> : () -> tensor<1x2x1xi8>
  %7 = quant.scast %6 : tensor<1x2x1xi8> to tensor<1x2x1x!quant.uniform<u8:f32, 0.5>>
  %8 = quant.dcast %7 : tensor<1x2x1x!quant.uniform<u8:f32, 0.5>> to tensor<1x2x1xf32>
  // Signed integers hold these as well.
  // CHECK: arith.constant dense<{{\[}}[127], [3]]> : tensor<2x1xi8>
  %9 = tosa.matmul %1, %8, %zero, %zero : (tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32>
  %10 = quant.qcast %5 : tensor<1x2x1xf32> to tensor<1x2x1x!quant.uniform<i8:f32, 1.0>>
  %11 = quant.dcast %10 : tensor<1x2x1x!quant.uniform<i8:f32, 1.0>> to tensor<1x2x1xf32>
  %12 = quant.qcast %9 : tensor<1x2x1xf32> to tensor<1x2x1x!quant.uniform<i8:f32, 1.0>>
  %13 = quant.dcast %12 : tensor<1x2x1x!quant.uniform<i8:f32, 1.0>> to tensor<1x2x1xf32>
  return %11, %13 : tensor<1x2x1xf32>, tensor<1x2x1xf32>
}
