// RUN: aie4ml compile %s -o %t --device xcve2302 | FileCheck %s

// Ten streams that branch to two rows each find no ways from tile to tile; memory tiles send
// straight up to both rows.

// CHECK: B {{.*}} 10 x 2
// CHECK: splits: {{.*}}; planned again with an edge through memory tiles, because {{.*}} streams are in each other's way at the switches of
// CHECK: routing: {{[0-9]+}} streams in {{[0-9]+}} round

func.func @main(%x: tensor<8x8xi8>) -> tensor<8x16xi8> {
  %w0 = arith.constant dense<1> : tensor<8x80xi8>
  %w1 = arith.constant dense<1> : tensor<80x16xi8>
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {cascade = 1 : i64, chains = 10 : i64}}
         : (tensor<8x8xi8>, tensor<8x80xi8>) -> tensor<8x80xi8>
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {cascade = 10 : i64, chains = 2 : i64}}
         : (tensor<8x80xi8>, tensor<80x16xi8>) -> tensor<8x16xi8>
  return %1 : tensor<8x16xi8>
}
