// RUN: aie4ml-opt %s --aie4ml-parallelize | FileCheck %s

// CHECK-LABEL: func.func @leaves_whole_what_fits_a_tile
// CHECK-SAME: tiles = 1 : i64
func.func @leaves_whole_what_fits_a_tile(%x: tensor<8x64xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: aie4ml.cycles = {{[0-9]+}} : i64
  // CHECK-SAME: split = #aie4ml.split<cascade = 1, chains = 1, k = 64, n = 16, rows = 8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// Slices are whole microtiles: 37 inputs become 40, 11 outputs 16.

// CHECK-LABEL: func.func @pads_slices_to_microtiles
func.func @pads_slices_to_microtiles(%x: tensor<5x37xi8>) -> tensor<5x11xi8> {
  %w = arith.constant dense<1> : tensor<37x11xi8>
  // CHECK: split = #aie4ml.split<cascade = 1, chains = 1, k = 40, n = 16, rows = 5>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<5x37xi8>, tensor<37x11xi8>) -> tensor<5x11xi8>
  return %y : tensor<5x11xi8>
}

// Weights and inputs exceed a tile, and only the inputs can be cut.

// CHECK-LABEL: func.func @splits_k_where_n_is_one_microtile
// CHECK-SAME: tiles = 2 : i64
func.func @splits_k_where_n_is_one_microtile(%x: tensor<8x4000xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<4000x8xi8>
  // CHECK: split = #aie4ml.split<cascade = 2, chains = 1, k = 2000, n = 8, rows = 8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x4000xi8>, tensor<4000x8xi8>) -> tensor<8x8xi8>
  return %y : tensor<8x8xi8>
}

// The same of outputs.

// CHECK-LABEL: func.func @splits_n_where_k_is_one_microtile
// CHECK-SAME: tiles = 2 : i64
func.func @splits_n_where_k_is_one_microtile(%x: tensor<4x8xi8>) -> tensor<4x4000xi8> {
  %w = arith.constant dense<1> : tensor<8x4000xi8>
  // CHECK: split = #aie4ml.split<cascade = 1, chains = 2, k = 8, n = 2000, rows = 4>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<4x8xi8>, tensor<8x4000xi8>) -> tensor<4x4000xi8>
  return %y : tensor<4x4000xi8>
}

// CHECK-LABEL: func.func @keeps_a_split_that_is_given
// CHECK-SAME: tiles = 6 : i64
func.func @keeps_a_split_that_is_given(%x: tensor<8x64xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<64x16xi8>
  // CHECK: split = #aie4ml.split<cascade = 3, chains = 2, k = 24, n = 8, rows = 4>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 2, k = 24, n = 8, rows = 4>}
         : (tensor<8x64xi8>, tensor<64x16xi8>) -> tensor<8x16xi8>
  return %y : tensor<8x16xi8>
}

// Rows pass in blocks where a whole batch does not fit beside the weights.

// CHECK-LABEL: func.func @passes_a_large_batch_in_blocks
// CHECK-SAME: iterations = {{[2-9]|[1-9][0-9]+}} : i64
func.func @passes_a_large_batch_in_blocks(%x: tensor<4096x64xi8>) -> tensor<4096x64xi8> {
  %w0 = arith.constant dense<1> : tensor<64x128xi8>
  %w1 = arith.constant dense<1> : tensor<128x64xi8>
  // Layers pass the same rows at once.
  // CHECK: split = #aie4ml.split<cascade = {{.*}}, rows = [[ROWS:[0-9]+]]>
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<4096x64xi8>, tensor<64x128xi8>) -> tensor<4096x128xi8>
  // CHECK: split = #aie4ml.split<cascade = {{.*}}, rows = [[ROWS]]>
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<4096x128xi8>, tensor<128x64xi8>) -> tensor<4096x64xi8>
  return %1 : tensor<4096x64xi8>
}

// CHECK-LABEL: func.func @leaves_other_functions_alone
// CHECK-NOT: aie4ml.plan
func.func @leaves_other_functions_alone(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
  return %x : tensor<8x64xf32>
}
