// RUN: aie4ml-opt %s --aie4ml-tile --split-input-file --verify-diagnostics

func.func @types_without_a_shape(%x: tensor<8x64xi32>) -> tensor<8x16xi8> attributes {aie4ml.device = "npu1"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: npu1 has no matrix multiplication of i32 x i8 into 32-bit accumulators: use one of i16 x i16, i16 x i8, i8 x i16, i8 x i8}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi32>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// -----

func.func @given_shape_that_there_is_not(%x: tensor<8x64xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: xcve2802 has no microtile 3x8x8 of i8 x i8 into 32-bit accumulators: use one of 4x8x8, 2x8x8, 8x8x8, 4x16x8, 2x16x8, 1x16x8, 4x8x4, 8x8x4, 4x16x4}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<3, 8, 8>}
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// -----

func.func @given_shape_of_narrow_accumulators(%x: tensor<8x64xi16>) -> tensor<8x16xi8> attributes {aie4ml.device = "npu2"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op dense: npu2 has no microtile 8x4x8 of i16 x i8 into 64-bit accumulators: use one of}}
  %y = aie4ml.dense %x, %w accumulator = i64
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<8, 4, 8>}
         : (tensor<8x64xi16>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// -----

// expected-error @+1 {{'func.func' op names unknown device 'vck190': use one of xcve2802,}}
func.func @unknown_device(%x: tensor<8x64xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "vck190"} {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// -----

func.func @not_a_network(%x: tensor<8x64xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  // expected-error @+1 {{'arith.addi' op is not a layer that can be mapped}}
  %1 = arith.addi %0, %0 : tensor<8x16xi8>
  return %1 : tensor<8x16xi8>
}
