// RUN: aie4ml-opt %s --aie4ml-plan-transport --aie4ml-pack --aie4ml-place --split-input-file --verify-diagnostics | FileCheck %s

// In from a port to a memory tile, on to a core, and the same way out; the layers share memory.

// CHECK-LABEL: func.func @says_how_the_streams_are_routed
// CHECK-SAME: aie4ml.routing = {detours = 0 : i64, hops = {{[0-9]+}} : i64, longest = {{[0-9]+}} : i64, rounds = 1 : i64, streams = 4 : i64}
func.func @says_how_the_streams_are_routed(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<16x16xi8>
  %w1 = arith.constant dense<1> : tensor<16x8xi8>
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 8, rows = 8>, place = [#aie4ml.place<20, 3>]}
         : (tensor<8x16xi8>, tensor<16x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// -----

// Ten streams branch to two rows each, on the twelve wires between two columns: the second edge.

// expected-error @+1 {{'func.func' op has streams that cannot be routed: 5 streams are in each other's way at the switches of (4, 2), (4, 3), (5, 2), (5, 3) and 4 more, still after 132 rounds of routing: use fewer tiles, other places, or memory tiles between the layers}}
func.func @more_branches_than_wires(%x: tensor<8x8xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2302"} {
  %w0 = arith.constant dense<1> : tensor<8x80xi8>
  %w1 = arith.constant dense<1> : tensor<80x16xi8>
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 10, k = 8, n = 8, rows = 8>,
          place = [#aie4ml.place<0, 2>, #aie4ml.place<1, 2>, #aie4ml.place<2, 2>, #aie4ml.place<3, 2>, #aie4ml.place<4, 2>]}
         : (tensor<8x8xi8>, tensor<8x80xi8>) -> tensor<8x80xi8>
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 10, chains = 2, k = 8, n = 8, rows = 8>, place = [#aie4ml.place<7, 2>]}
         : (tensor<8x80xi8>, tensor<80x16xi8>) -> tensor<8x16xi8>
  return %1 : tensor<8x16xi8>
}
