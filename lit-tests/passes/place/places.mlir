// RUN: aie4ml-opt %s --aie4ml-plan-transport=transport=memtile --aie4ml-place | FileCheck %s

// A layer begins where the one before it ends: side by side costs a column,
// and nothing is nearer.

// CHECK-LABEL: func.func @puts_layers_side_by_side
// CHECK-SAME: optimal = true
func.func @puts_layers_side_by_side(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<16x16xi8>
  %w1 = arith.constant dense<1> : tensor<16x8xi8>
  // CHECK: place = [#aie4ml.place<5, 3>]
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 2, k = 8, n = 8, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  // CHECK: place = [#aie4ml.place<7, 3>]
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// CHECK-LABEL: func.func @keeps_a_place_that_is_given
func.func @keeps_a_place_that_is_given(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<16x16xi8>
  %w1 = arith.constant dense<1> : tensor<16x8xi8>
  // CHECK: place = [#aie4ml.place<20, 5>]
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 2, k = 8, n = 8, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  // CHECK: place = [#aie4ml.place<22, 5>]
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 8, n = 8, rows = 8>, place = [#aie4ml.place<22, 5>]}
         : (tensor<8x16xi8>, tensor<16x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// Ten chains exceed the eight rows of cores: two rectangles of five.

// CHECK-LABEL: func.func @makes_two_rectangles_of_many_chains
func.func @makes_two_rectangles_of_many_chains(%x: tensor<8x8xi8>) -> tensor<8x80xi8> {
  %w = arith.constant dense<1> : tensor<8x80xi8>
  // CHECK: place = [#aie4ml.place<{{[0-9]+}}, 3>, #aie4ml.place<{{[0-9]+}}, 3>]
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 10, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x80xi8>) -> tensor<8x80xi8>
  return %0 : tensor<8x80xi8>
}

// Each of eight slices has the memory tile below the core that reads it, and a port.

// CHECK-LABEL: func.func @gives_each_group_a_memory_tile_and_each_slice_a_port
func.func @gives_each_group_a_memory_tile_and_each_slice_a_port(%x: tensor<8x64xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<64x8xi8>
  // CHECK: aie4ml.transfer {{.*}} {memory_tiles = [#aie4ml.place<[[#FIRST:]], 1>,
  // CHECK-SAME: #aie4ml.place<[[#FIRST+1]], 1>, #aie4ml.place<[[#FIRST+2]], 1>, #aie4ml.place<[[#FIRST+3]], 1>, #aie4ml.place<[[#FIRST+4]], 1>,
  // CHECK-SAME: #aie4ml.place<[[#FIRST+5]], 1>, #aie4ml.place<[[#FIRST+6]], 1>, #aie4ml.place<[[#FIRST+7]], 1>],
  // CHECK-SAME: ports = [#aie4ml.port<{{[0-9]+, [0-9]+}}>, #aie4ml.port<{{[0-9]+, [0-9]+}}>, #aie4ml.port<{{[0-9]+, [0-9]+}}>, #aie4ml.port<{{[0-9]+, [0-9]+}}>,
  // CHECK-SAME: #aie4ml.port<{{[0-9]+, [0-9]+}}>, #aie4ml.port<{{[0-9]+, [0-9]+}}>, #aie4ml.port<{{[0-9]+, [0-9]+}}>, #aie4ml.port<{{[0-9]+, [0-9]+}}>],
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 8, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x64xi8>, tensor<64x8xi8>) -> tensor<8x8xi8>
  return %0 : tensor<8x8xi8>
}

// Between layers there are no ports.

// CHECK-LABEL: func.func @needs_no_ports_inside
func.func @needs_no_ports_inside(%x: tensor<8x8xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  // CHECK: %[[HIDDEN:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  // CHECK: aie4ml.transfer %[[HIDDEN]] {memory_tiles = [#aie4ml.place<{{[0-9]+, [12]}}>], regions =
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// This one has one row of memory tiles, and cores right above.

// CHECK-LABEL: func.func @knows_the_rows_of_the_device
func.func @knows_the_rows_of_the_device(%x: tensor<8x8xi8>) -> tensor<8x8xi8> attributes {aie4ml.device = "xcve2302"} {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  // CHECK: memory_tiles = [#aie4ml.place<{{[0-9]+}}, 1>]
  // CHECK: place = [#aie4ml.place<{{[0-9]+}}, 2>]
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %0 : tensor<8x8xi8>
}

// CHECK-LABEL: func.func @leaves_other_functions_alone
// CHECK-NOT: aie4ml.placement
func.func @leaves_other_functions_alone(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
  return %x : tensor<8x64xf32>
}
