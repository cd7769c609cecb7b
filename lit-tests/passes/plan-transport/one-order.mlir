// RUN: aie4ml-opt %s --aie4ml-plan-transport=transport=graph | FileCheck %s --check-prefix=GRAPH
// RUN: aie4ml-opt %s --aie4ml-plan-transport=transport=memtile | FileCheck %s --check-prefix=STORED

// Two readers, each with another split: a chain sends two streams, or one of parts so small that
// both can take it.

// GRAPH-LABEL: func.func @two_readers
// STORED-LABEL: func.func @two_readers
func.func @two_readers(%x: tensor<8x16xi8>) -> (tensor<8x8xi8>, tensor<8x8xi8>) {
  %w16x48 = arith.constant dense<1> : tensor<16x48xi8>
  %w48x8 = arith.constant dense<1> : tensor<48x8xi8>
  %0 = aie4ml.dense %x, %w16x48 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 16, n = 24, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x48xi8>) -> tensor<8x48xi8>
  %1 = aie4ml.dense %0, %w48x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 24, n = 8, rows = 8>}
         : (tensor<8x48xi8>, tensor<48x8xi8>) -> tensor<8x8xi8>
  %2 = aie4ml.dense %0, %w48x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 1, k = 16, n = 8, rows = 8>}
         : (tensor<8x48xi8>, tensor<48x8xi8>) -> tensor<8x8xi8>
  // GRAPH: aie4ml.transfer %{{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 0, 16 to 24, group = 0>, #aie4ml.region<1 -> 1, 24 to 32, group = 1>, #aie4ml.region<1 -> 1, 32 to 48, group = 1>]}
  // GRAPH: aie4ml.transfer %{{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 1, 16 to 24, group = 0>, #aie4ml.region<1 -> 1, 24 to 32, group = 0>, #aie4ml.region<1 -> 2, 32 to 48, group = 0>]}
  // STORED: aie4ml.transfer %{{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 24, group = 0>, #aie4ml.region<1 -> 1, 24 to 48, group = 1>]}
  // STORED: aie4ml.transfer %{{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 1, 16 to 24, group = 0>, #aie4ml.region<1 -> 1, 24 to 32, group = 0>, #aie4ml.region<1 -> 2, 32 to 48, group = 0>]}
  return %1, %2 : tensor<8x8xi8>, tensor<8x8xi8>
}

// One row: it is sent in one order however it is cut.

// GRAPH-LABEL: func.func @one_row
func.func @one_row(%x: tensor<1x16xi8>) -> (tensor<1x8xi8>, tensor<1x8xi8>) {
  %w16x48 = arith.constant dense<1> : tensor<16x48xi8>
  %w48x8 = arith.constant dense<1> : tensor<48x8xi8>
  %0 = aie4ml.dense %x, %w16x48 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<1, 16, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 48, rows = 1>}
         : (tensor<1x16xi8>, tensor<16x48xi8>) -> tensor<1x48xi8>
  %1 = aie4ml.dense %0, %w48x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<1, 16, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 32, n = 8, rows = 1>}
         : (tensor<1x48xi8>, tensor<48x8xi8>) -> tensor<1x8xi8>
  %2 = aie4ml.dense %0, %w48x8 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<1, 16, 8>, split = #aie4ml.split<cascade = 3, chains = 1, k = 16, n = 8, rows = 1>}
         : (tensor<1x48xi8>, tensor<48x8xi8>) -> tensor<1x8xi8>
  // GRAPH: aie4ml.transfer %{{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 32, group = 0>, #aie4ml.region<0 -> 1, 32 to 48, group = 0>]}
  // GRAPH: aie4ml.transfer %{{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 1, 16 to 32, group = 0>, #aie4ml.region<0 -> 2, 32 to 48, group = 0>]}
  return %1, %2 : tensor<1x8xi8>, tensor<1x8xi8>
}
