// RUN: aie4ml-opt %s --aie4ml-fuse | FileCheck %s

// Limits on sums are limits on codes: 1000 / 16 rounds to 62.

// CHECK-LABEL: func.func @limits_codes_as_the_sums_before_them
func.func @limits_codes_as_the_sums_before_them(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> tensor<2x1xi8> {
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 4, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 62>]
  // CHECK-NEXT: return
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.clamp %0 min = -5000 max = 1000 : (tensor<2x1xi32>) -> tensor<2x1xi32>
  %2 = aie4ml.requantize %1 requant = <shift = 4, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  return %2 : tensor<2x1xi8>
}

// CHECK-LABEL: func.func @limits_codes_after_requantization
func.func @limits_codes_after_requantization(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> tensor<2x1xi8> {
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 4, {{.*}}, min = 0, max = 24>]
  // CHECK-NEXT: return
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.requantize %0 requant = <shift = 4, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  %2 = aie4ml.clamp %1 min = 0 max = 24 : (tensor<2x1xi8>) -> tensor<2x1xi8>
  return %2 : tensor<2x1xi8>
}

// Limits beyond those that are there change nothing; limits apart leave one value.

// CHECK-LABEL: func.func @narrows_limits_only
func.func @narrows_limits_only(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> (tensor<2x1xi8>, tensor<2x1xi8>) {
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 4, {{.*}}, min = 10, max = 20>]
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 4, {{.*}}, min = 30, max = 30>]
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.requantize %0 requant = <shift = 4, rounding = nearest_even, overflow = saturate, width = 8, min = 10, max = 20> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  %2 = aie4ml.clamp %1 min = 0 max = 100 : (tensor<2x1xi8>) -> tensor<2x1xi8>
  %3 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %4 = aie4ml.requantize %3 requant = <shift = 4, rounding = nearest_even, overflow = saturate, width = 8, min = 10, max = 20> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  %5 = aie4ml.clamp %4 min = 30 max = 100 : (tensor<2x1xi8>) -> tensor<2x1xi8>
  return %2, %5 : tensor<2x1xi8>, tensor<2x1xi8>
}

// Without a layer before them, too.

// CHECK-LABEL: func.func @limits_codes_of_an_argument
func.func @limits_codes_of_an_argument(%x: tensor<2x3xi16>) -> tensor<2x3xi8> {
  // CHECK-NEXT: aie4ml.requantize %{{.*}} requant = <shift = 4, rounding = floor, overflow = saturate, width = 8, min = 0, max = 127>
  // CHECK-NEXT: return
  %0 = aie4ml.clamp %x min = 0 max = 32767 : (tensor<2x3xi16>) -> tensor<2x3xi16>
  %1 = aie4ml.requantize %0 requant = <shift = 4, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x3xi16>) -> tensor<2x3xi8>
  return %1 : tensor<2x3xi8>
}

// CHECK-LABEL: func.func @limits_requantized_codes_of_an_argument
func.func @limits_requantized_codes_of_an_argument(%x: tensor<2x3xi16>) -> tensor<2x3xi8> {
  // CHECK-NEXT: aie4ml.requantize %{{.*}} requant = <shift = 4, rounding = floor, overflow = saturate, width = 8, min = 0, max = 100>
  // CHECK-NEXT: return
  %0 = aie4ml.requantize %x requant = <shift = 4, rounding = floor, overflow = saturate, width = 8, min = -128, max = 100> : (tensor<2x3xi16>) -> tensor<2x3xi8>
  %1 = aie4ml.clamp %0 min = 0 max = 127 : (tensor<2x3xi8>) -> tensor<2x3xi8>
  return %1 : tensor<2x3xi8>
}

// What wraps is not monotone: the end of a range is not the end of its image.

// CHECK-LABEL: func.func @leaves_a_clamp_before_a_wrap
func.func @leaves_a_clamp_before_a_wrap(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> tensor<2x1xi8> {
  // CHECK: %[[ACC:.*]] = aie4ml.dense
  // CHECK-NEXT: %[[RELU:.*]] = aie4ml.clamp %[[ACC]]
  // CHECK-NEXT: aie4ml.requantize %[[RELU]] requant = <{{.*}}overflow = wrap
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.clamp %0 min = 0 max = 1000 : (tensor<2x1xi32>) -> tensor<2x1xi32>
  %2 = aie4ml.requantize %1 requant = <shift = 0, rounding = floor, overflow = wrap, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  return %2 : tensor<2x1xi8>
}

// CHECK-LABEL: func.func @limits_codes_after_a_wrap
func.func @limits_codes_after_a_wrap(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> tensor<2x1xi8> {
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 0, rounding = floor, overflow = wrap, width = 8, min = 0, max = 127>]
  // CHECK-NEXT: return
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.requantize %0 requant = <shift = 0, rounding = floor, overflow = wrap, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  %2 = aie4ml.clamp %1 min = 0 max = 127 : (tensor<2x1xi8>) -> tensor<2x1xi8>
  return %2 : tensor<2x1xi8>
}

// Sums that are limited and quantized in two ways are computed twice, since a layer hands over codes.

// CHECK-LABEL: func.func @computes_sums_for_each_of_their_users
func.func @computes_sums_for_each_of_their_users(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> (tensor<2x1xi8>, tensor<2x1xi8>) {
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 4, {{.*}} min = 0, max = 62>]
  // CHECK-NEXT: aie4ml.dense {{.*}} requant = [#aie4ml.requant<shift = 5, {{.*}} min = 0, max = 31>]
  // CHECK-NEXT: return
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  %1 = aie4ml.clamp %0 min = 0 max = 1000 : (tensor<2x1xi32>) -> tensor<2x1xi32>
  %2 = aie4ml.requantize %1 requant = <shift = 4, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  %3 = aie4ml.requantize %1 requant = <shift = 5, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  return %2, %3 : tensor<2x1xi8>, tensor<2x1xi8>
}
