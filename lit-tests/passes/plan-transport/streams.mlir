// RUN: aie4ml-opt %s --aie4ml-plan-transport | FileCheck %s
// RUN: aie4ml-opt %s --aie4ml-plan-transport=transport=memtile | FileCheck %s --check-prefix=MEMTILE

// MEMTILE-NOT: #aie4ml.via

// What a chain makes is what a column reads: one stream, to all tiles of the column.

// CHECK-LABEL: func.func @chains_to_columns
func.func @chains_to_columns(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w16x32 = arith.constant dense<1> : tensor<16x32xi8>
  %w32x8 = arith.constant dense<1> : tensor<32x8xi8>
  // CHECK: %[[A:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w16x32 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x32xi8>) -> tensor<8x32xi8>
  // CHECK: aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<1 -> 1, 16 to 32, group = 0>], via = #aie4ml.via<stream>}
  %1 = aie4ml.dense %0, %w32x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 16, n = 8, rows = 8>}
         : (tensor<8x32xi8>, tensor<32x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// A tile has two channels for streams that come and two for those that go.

// CHECK-LABEL: func.func @two_chains_to_a_column
func.func @two_chains_to_a_column(%x: tensor<8x16xi8>) -> tensor<8x24xi8> {
  %w16x32 = arith.constant dense<1> : tensor<16x32xi8>
  %w32x24 = arith.constant dense<1> : tensor<32x24xi8>
  // CHECK: %[[A:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w16x32 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x32xi8>) -> tensor<8x32xi8>
  // CHECK: aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<1 -> 0, 16 to 32, group = 0>], via = #aie4ml.via<stream>}
  %1 = aie4ml.dense %0, %w32x24 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 3, k = 32, n = 8, rows = 8>}
         : (tensor<8x32xi8>, tensor<32x24xi8>) -> tensor<8x24xi8>
  return %1 : tensor<8x24xi8>
}

// CHECK-LABEL: func.func @three_chains_to_a_column
func.func @three_chains_to_a_column(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w16x48 = arith.constant dense<1> : tensor<16x48xi8>
  %w48x8 = arith.constant dense<1> : tensor<48x8xi8>
  // CHECK: %[[A:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w16x48 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 3, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x48xi8>) -> tensor<8x48xi8>
  // CHECK: aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<1 -> 0, 16 to 32, group = 0>, #aie4ml.region<2 -> 0, 32 to 48, group = 0>]}
  %1 = aie4ml.dense %0, %w48x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 48, n = 8, rows = 8>}
         : (tensor<8x48xi8>, tensor<48x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// CHECK-LABEL: func.func @a_chain_to_two_columns
func.func @a_chain_to_two_columns(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w16x32 = arith.constant dense<1> : tensor<16x32xi8>
  %w32x8 = arith.constant dense<1> : tensor<32x8xi8>
  // CHECK: %[[A:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w16x32 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 32, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x32xi8>) -> tensor<8x32xi8>
  // CHECK: aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 1, 16 to 32, group = 0>], via = #aie4ml.via<stream>}
  %1 = aie4ml.dense %0, %w32x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 16, n = 8, rows = 8>}
         : (tensor<8x32xi8>, tensor<32x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// CHECK-LABEL: func.func @a_chain_to_three_columns
func.func @a_chain_to_three_columns(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w16x48 = arith.constant dense<1> : tensor<16x48xi8>
  %w48x8 = arith.constant dense<1> : tensor<48x8xi8>
  // CHECK: %[[A:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w16x48 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 48, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x48xi8>) -> tensor<8x48xi8>
  // CHECK: aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 1, 16 to 32, group = 0>, #aie4ml.region<0 -> 2, 32 to 48, group = 0>]}
  %1 = aie4ml.dense %0, %w48x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 1, k = 16, n = 8, rows = 8>}
         : (tensor<8x48xi8>, tensor<48x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// The end of the tensor is within a block.

// CHECK-LABEL: func.func @slices_that_cross
func.func @slices_that_cross(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w16x45 = arith.constant dense<1> : tensor<16x45xi8>
  %w45x8 = arith.constant dense<1> : tensor<45x8xi8>
  // CHECK: %[[A:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w16x45 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 3, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x45xi8>) -> tensor<8x45xi8>
  // CHECK: aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<1 -> 0, 16 to 24, group = 0>, #aie4ml.region<1 -> 1, 24 to 32, group = 0>, #aie4ml.region<2 -> 1, 32 to 45, group = 0>], via = #aie4ml.via<stream>}
  %1 = aie4ml.dense %0, %w45x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 24, n = 8, rows = 8>}
         : (tensor<8x45xi8>, tensor<45x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// The DMAs cut blocks of 8 outputs into blocks of 4 inputs.

// CHECK-LABEL: func.func @blocks_that_differ
func.func @blocks_that_differ(%x: tensor<8x16xi16>) -> tensor<8x8xi16> {
  %w16x32 = arith.constant dense<1> : tensor<16x32xi8>
  %w32x8 = arith.constant dense<1> : tensor<32x8xi8>
  // CHECK: %[[A:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w16x32 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 16, min = -32768, max = 32767>]
         {microtile = #aie4ml.microtile<4, 4, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi16>, tensor<16x32xi8>) -> tensor<8x32xi16>
  // CHECK: aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<1 -> 1, 16 to 32, group = 0>], via = #aie4ml.via<stream>}
  %1 = aie4ml.dense %0, %w32x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 16, min = -32768, max = 32767>]
         {microtile = #aie4ml.microtile<4, 4, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 16, n = 8, rows = 8>}
         : (tensor<8x32xi16>, tensor<32x8xi8>) -> tensor<8x8xi16>
  return %1 : tensor<8x8xi16>
}

// CHECK-LABEL: func.func @blocks_that_do_not_nest
func.func @blocks_that_do_not_nest(%x: tensor<8x8xi8>) -> tensor<8x8xi8> {
  %w8x24 = arith.constant dense<1> : tensor<8x24xi8>
  %w24x8 = arith.constant dense<1> : tensor<24x8xi8>
  // CHECK: %[[A:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w8x24 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 24, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x24xi8>) -> tensor<8x24xi8>
  // CHECK: aie4ml.transfer %[[A]] {regions = [#aie4ml.region<0 -> 0, 0 to 24, group = 0>]}
  %1 = aie4ml.dense %0, %w24x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 12, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 24, n = 8, rows = 8>}
         : (tensor<8x24xi8>, tensor<24x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// What skips one layer goes by streams; what skips more waits in a memory tile.

// CHECK-LABEL: func.func @skips
func.func @skips(%x: tensor<8x16xi8>) -> tensor<8x16xi8> {
  %w16x16 = arith.constant dense<1> : tensor<16x16xi8>
  %0 = aie4ml.dense %x, %w16x16 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  %1 = aie4ml.dense %0, %w16x16 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  // CHECK: aie4ml.dense
  // CHECK: aie4ml.dense
  // CHECK-NEXT: %[[SHORT:.*]] = aie4ml.transfer {{.*}} via = #aie4ml.via<stream>}
  // CHECK-NEXT: aie4ml.transfer {{.*}} via = #aie4ml.via<stream>}
  // CHECK-NEXT: aie4ml.add %[[SHORT]],
  %2 = aie4ml.add %0, %1 factors = [1, 1]
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<8x16xi8>) -> tensor<8x16xi8>
  %3 = aie4ml.dense %2, %w16x16 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  // CHECK: aie4ml.dense
  // CHECK-NEXT: %[[LONG:.*]] = aie4ml.transfer {{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>]}
  // CHECK-NEXT: aie4ml.transfer {{.*}} via = #aie4ml.via<stream>}
  // CHECK-NEXT: aie4ml.add %[[LONG]],
  %4 = aie4ml.add %0, %3 factors = [1, 1]
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<8x16xi8>) -> tensor<8x16xi8>
  return %4 : tensor<8x16xi8>
}
