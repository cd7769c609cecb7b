// RUN: aie4ml-opt %s --aie4ml-tile | FileCheck %s

// CHECK-LABEL: func.func @int8_on_aie_ml
func.func @int8_on_aie_ml(%x: tensor<8x64xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: microtile = #aie4ml.microtile<4, 8, 8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// CHECK-LABEL: func.func @int8_on_aie_mlv2
func.func @int8_on_aie_mlv2(%x: tensor<8x64xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "npu2"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: microtile = #aie4ml.microtile<8, 8, 8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// CHECK-LABEL: func.func @int8_on_versal_aie_mlv2
func.func @int8_on_versal_aie_mlv2(%x: tensor<8x64xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve3858"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: microtile = #aie4ml.microtile<8, 8, 8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// CHECK-LABEL: func.func @int8_of_the_default_device
func.func @int8_of_the_default_device(%x: tensor<8x64xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: microtile = #aie4ml.microtile<4, 8, 8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// One row is padded to two, not to four.

// CHECK-LABEL: func.func @int8_of_one_row
func.func @int8_of_one_row(%x: tensor<1x64xi8>) -> tensor<1x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: microtile = #aie4ml.microtile<2, 8, 8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<1x64xi8>, tensor<64x16xi8>) -> tensor<1x16xi8>
  return %y : tensor<1x16xi8>
}

// CHECK-LABEL: func.func @unsigned_int8
func.func @unsigned_int8(%x: tensor<8x64xui8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: microtile = #aie4ml.microtile<4, 8, 8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xui8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// CHECK-LABEL: func.func @int16_in_32_bits
func.func @int16_in_32_bits(%x: tensor<8x64xi16>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: microtile = #aie4ml.microtile<4, 4, 8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi16>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// Shapes that accumulate in 64 bits are others.

// CHECK-LABEL: func.func @int16_in_64_bits
func.func @int16_in_64_bits(%x: tensor<8x64xi16>) -> tensor<8x16xi8> attributes {aie4ml.device = "npu2"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: accumulator = i64 {{.*}} {microtile = #aie4ml.microtile<4, 8, 8>
  %y = aie4ml.dense %x, %w accumulator = i64
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi16>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// CHECK-LABEL: func.func @keeps_what_is_given
func.func @keeps_what_is_given(%x: tensor<8x64xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: microtile = #aie4ml.microtile<2, 8, 8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<2, 8, 8>}
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// CHECK-LABEL: func.func @each_layer_for_itself
func.func @each_layer_for_itself(%x: tensor<8x64xi16>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w0 = arith.constant dense<1> : tensor<64x32xi8>
  %w1 = arith.constant dense<1> : tensor<32x16xi8>
  // CHECK: microtile = #aie4ml.microtile<4, 4, 8>
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi16>, tensor<64x32xi8>) -> tensor<8x32xi8>
  // CHECK: microtile = #aie4ml.microtile<4, 8, 8>
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x32xi8>, tensor<32x16xi8>) -> tensor<8x16xi8>
  return %1 : tensor<8x16xi8>
}

// CHECK-LABEL: func.func @leaves_other_functions_alone
func.func @leaves_other_functions_alone(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
  return %x : tensor<8x64xf32>
}
