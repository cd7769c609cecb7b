// RUN: aie4ml-opt %s --aie4ml-plan-transport=transport=memtile | FileCheck %s

// Two layers in each function: the transfer between them is what is checked.

// CHECK-LABEL: func.func @hands_over_one_slice
func.func @hands_over_one_slice(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<16x20xi8>
  %w1 = arith.constant dense<1> : tensor<20x8xi8>
  // CHECK: %[[HIDDEN:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 24, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x20xi8>) -> tensor<8x20xi8>
  // CHECK: aie4ml.transfer %[[HIDDEN]] {regions = [
  // CHECK-SAME: #aie4ml.region<0 -> 0, 0 to 20, group = 0>]}
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 24, n = 8, rows = 8>}
         : (tensor<8x20xi8>, tensor<20x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// CHECK-LABEL: func.func @hands_over_slices_that_are_aligned
func.func @hands_over_slices_that_are_aligned(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<16x32xi8>
  %w1 = arith.constant dense<1> : tensor<32x8xi8>
  // CHECK: %[[HIDDEN:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x32xi8>) -> tensor<8x32xi8>
  // CHECK: aie4ml.transfer %[[HIDDEN]] {regions = [
  // CHECK-SAME: #aie4ml.region<0 -> 0, 0 to 16, group = 0>,
  // CHECK-SAME: #aie4ml.region<1 -> 1, 16 to 32, group = 1>]}
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 16, n = 8, rows = 8>}
         : (tensor<8x32xi8>, tensor<32x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// Two chains feed one column.

// CHECK-LABEL: func.func @joins_chains_in_a_column
func.func @joins_chains_in_a_column(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<16x32xi8>
  %w1 = arith.constant dense<1> : tensor<32x8xi8>
  // CHECK: %[[HIDDEN:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 4, k = 16, n = 8, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x32xi8>) -> tensor<8x32xi8>
  // CHECK: aie4ml.transfer %[[HIDDEN]] {regions = [
  // CHECK-SAME: #aie4ml.region<0 -> 0, 0 to 8, group = 0>,
  // CHECK-SAME: #aie4ml.region<1 -> 0, 8 to 16, group = 0>,
  // CHECK-SAME: #aie4ml.region<2 -> 1, 16 to 24, group = 1>,
  // CHECK-SAME: #aie4ml.region<3 -> 1, 24 to 32, group = 1>]}
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 16, n = 8, rows = 8>}
         : (tensor<8x32xi8>, tensor<32x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// One chain feeds two columns.

// CHECK-LABEL: func.func @spreads_a_chain_over_columns
func.func @spreads_a_chain_over_columns(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<16x32xi8>
  %w1 = arith.constant dense<1> : tensor<32x8xi8>
  // CHECK: %[[HIDDEN:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x32xi8>) -> tensor<8x32xi8>
  // CHECK: aie4ml.transfer %[[HIDDEN]] {regions = [
  // CHECK-SAME: #aie4ml.region<0 -> 0, 0 to 8, group = 0>,
  // CHECK-SAME: #aie4ml.region<0 -> 1, 8 to 16, group = 0>,
  // CHECK-SAME: #aie4ml.region<1 -> 2, 16 to 24, group = 1>,
  // CHECK-SAME: #aie4ml.region<1 -> 3, 24 to 32, group = 1>]}
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 4, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x32xi8>, tensor<32x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// Three chains and two columns share 3 + 2 - 1 regions.

// CHECK-LABEL: func.func @cuts_where_either_side_does
func.func @cuts_where_either_side_does(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<16x48xi8>
  %w1 = arith.constant dense<1> : tensor<48x8xi8>
  // CHECK: %[[HIDDEN:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 3, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x48xi8>) -> tensor<8x48xi8>
  // CHECK: aie4ml.transfer %[[HIDDEN]] {regions = [
  // CHECK-SAME: #aie4ml.region<0 -> 0, 0 to 16, group = 0>,
  // CHECK-SAME: #aie4ml.region<1 -> 0, 16 to 24, group = 0>,
  // CHECK-SAME: #aie4ml.region<1 -> 1, 24 to 32, group = 0>,
  // CHECK-SAME: #aie4ml.region<2 -> 1, 32 to 48, group = 0>]}
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 24, n = 8, rows = 8>}
         : (tensor<8x48xi8>, tensor<48x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// What shares neither a chain nor a column may lie anywhere.

// CHECK-LABEL: func.func @gives_each_pair_a_group
func.func @gives_each_pair_a_group(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<16x64xi8>
  %w1 = arith.constant dense<1> : tensor<64x8xi8>
  // CHECK: %[[HIDDEN:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 8, k = 16, n = 8, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x64xi8>) -> tensor<8x64xi8>
  // CHECK: aie4ml.transfer %[[HIDDEN]] {regions = [
  // CHECK-SAME: #aie4ml.region<0 -> 0, 0 to 8, group = 0>,
  // CHECK-SAME: #aie4ml.region<1 -> 1, 8 to 16, group = 1>,
  // CHECK-SAME: #aie4ml.region<2 -> 2, 16 to 24, group = 2>,
  // CHECK-SAME: #aie4ml.region<3 -> 3, 24 to 32, group = 3>,
  // CHECK-SAME: #aie4ml.region<4 -> 4, 32 to 40, group = 4>,
  // CHECK-SAME: #aie4ml.region<5 -> 5, 40 to 48, group = 5>,
  // CHECK-SAME: #aie4ml.region<6 -> 6, 48 to 56, group = 6>,
  // CHECK-SAME: #aie4ml.region<7 -> 7, 56 to 64, group = 7>]}
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 8, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x64xi8>, tensor<64x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}
