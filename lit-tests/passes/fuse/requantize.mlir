// RUN: aie4ml-opt %s --aie4ml-fuse | FileCheck %s

// QuantizeLinear, DequantizeLinear, Relu, QuantizeLinear with one scale: the
// second quantization is what the ReLU does, no more.

// CHECK-LABEL: func.func @merges_a_second_stage_that_only_clamps
func.func @merges_a_second_stage_that_only_clamps(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> tensor<2x1xi8> {
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
  // CHECK-NEXT: return
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.requantize %0 requant = <shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  %2 = aie4ml.clamp %1 min = 0 max = 127 : (tensor<2x1xi8>) -> tensor<2x1xi8>
  %3 = aie4ml.requantize %2 requant = <shift = 0, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi8>) -> tensor<2x1xi8>
  return %3 : tensor<2x1xi8>
}

// Rounding twice is not rounding once.

// CHECK-LABEL: func.func @keeps_a_second_stage_of_another_scale
func.func @keeps_a_second_stage_of_another_scale(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> tensor<2x1xi8> {
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 7, {{.*}}, min = 0, max = 127>,
  // CHECK-SAME: #aie4ml.requant<shift = 1, {{.*}}, min = -128, max = 127>]
  // CHECK-NEXT: return
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.requantize %0 requant = <shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  %2 = aie4ml.clamp %1 min = 0 max = 127 : (tensor<2x1xi8>) -> tensor<2x1xi8>
  %3 = aie4ml.requantize %2 requant = <shift = 1, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi8>) -> tensor<2x1xi8>
  return %3 : tensor<2x1xi8>
}

// Of the same scale, yet narrower than what comes in.

// CHECK-LABEL: func.func @keeps_a_second_stage_of_fewer_bits
func.func @keeps_a_second_stage_of_fewer_bits(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> tensor<2x1xi8> {
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 7, {{.*}} width = 8, {{.*}}>, #aie4ml.requant<shift = 0, {{.*}} width = 4, min = -8, max = 7>]
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.requantize %0 requant = <shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  %2 = aie4ml.requantize %1 requant = <shift = 0, rounding = nearest_even, overflow = saturate, width = 4, min = -8, max = 7> : (tensor<2x1xi8>) -> tensor<2x1xi8>
  return %2 : tensor<2x1xi8>
}

// CHECK-LABEL: func.func @keeps_a_second_stage_of_another_type
func.func @keeps_a_second_stage_of_another_type(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> tensor<2x1xi16> {
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 7, {{.*}}>, #aie4ml.requant<shift = 0, {{.*}}>] : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi16>
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.requantize %0 requant = <shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  %2 = aie4ml.requantize %1 requant = <shift = 0, rounding = nearest_even, overflow = saturate, width = 16, min = -32768, max = 32767> : (tensor<2x1xi8>) -> tensor<2x1xi16>
  return %2 : tensor<2x1xi16>
}

// CHECK-LABEL: func.func @leaves_codes_that_others_use
func.func @leaves_codes_that_others_use(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> (tensor<2x1xi8>, tensor<2x1xi8>) {
  // CHECK-NEXT: %[[Y:.*]] = aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 7, {{.*}}>] :
  // CHECK-NEXT: %[[RELU:.*]] = aie4ml.clamp %[[Y]]
  // CHECK-NEXT: return %[[Y]], %[[RELU]]
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.requantize %0 requant = <shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  %2 = aie4ml.clamp %1 min = 0 max = 127 : (tensor<2x1xi8>) -> tensor<2x1xi8>
  return %1, %2 : tensor<2x1xi8>, tensor<2x1xi8>
}

// What the user has decided stays.

// CHECK-LABEL: func.func @keeps_the_mapping
func.func @keeps_the_mapping(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> tensor<2x1xi8> {
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [{{.*}}] {microtile = #aie4ml.microtile<2, 8, 8>, place = [#aie4ml.place<7, 3>]}
  %0 = aie4ml.dense %x, %w accumulator = i32 {microtile = #aie4ml.microtile<2, 8, 8>, place = [#aie4ml.place<7, 3>]}
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.requantize %0 requant = <shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  return %1 : tensor<2x1xi8>
}
