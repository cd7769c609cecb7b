// RUN: aie4ml-opt %s --aie4ml-place | FileCheck %s

// What one core stores its neighbor loads.

// CHECK-LABEL: func.func @neighbors
func.func @neighbors(%x: tensor<8x16xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<16x16xi8>
  %i = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  %a = aie4ml.dense %i, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8> loc("a")
  // CHECK: aie4ml.transfer {{.*}} {regions = {{.*}}, via = #aie4ml.via<shared_memory>}
  %t = aie4ml.transfer %a {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], via = #aie4ml.via<stream>} : tensor<8x16xi8> -> tensor<8x16xi8>
  %b = aie4ml.dense %t, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8> loc("b")
  %o = aie4ml.transfer %b {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  return %o : tensor<8x16xi8>
}

// A core loads from its west, not from its east.

// CHECK-LABEL: func.func @to_the_west
func.func @to_the_west(%x: tensor<8x16xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<16x16xi8>
  %i = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  %a = aie4ml.dense %i, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>, place = [#aie4ml.place<7, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8> loc("a")
  // CHECK: aie4ml.transfer {{.*}} {regions = {{.*}}, via = #aie4ml.via<stream>}
  %t = aie4ml.transfer %a {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], via = #aie4ml.via<stream>} : tensor<8x16xi8> -> tensor<8x16xi8>
  %b = aie4ml.dense %t, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8> loc("b")
  %o = aie4ml.transfer %b {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  return %o : tensor<8x16xi8>
}

// Two columns read what they do not share.

// CHECK-LABEL: func.func @two_readers
func.func @two_readers(%x: tensor<8x16xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<16x16xi8>
  %i = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  %a = aie4ml.dense %i, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8> loc("a")
  // CHECK: aie4ml.transfer {{.*}} {regions = {{.*}}, via = #aie4ml.via<stream>}
  %t = aie4ml.transfer %a {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], via = #aie4ml.via<stream>} : tensor<8x16xi8> -> tensor<8x16xi8>
  %b = aie4ml.dense %t, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 16, n = 8, rows = 8>, place = [#aie4ml.place<7, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8> loc("b")
  %o = aie4ml.transfer %b {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 1, 8 to 16, group = 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  return %o : tensor<8x16xi8>
}
