// RUN: not aie4ml-opt %s --aie4ml-pack 2>&1 | FileCheck %s

// Who takes what is in the note, a line for each buffer.

// CHECK: error: 'aie4ml.dense' op needs 78336 bytes on one tile, its memory holds 65536
// CHECK: note: memory map:
// CHECK-NEXT: {{^ +}}2048 bytes  stack
// CHECK-NEXT: {{^ +}}65536 bytes  weights
// CHECK-NEXT: {{^ +}}4096 bytes  input ping
// CHECK-NEXT: {{^ +}}4096 bytes  input pong
// CHECK-NEXT: {{^ +}}1024 bytes  output ping
// CHECK-NEXT: {{^ +}}1024 bytes  output pong
// CHECK-NEXT: {{^ +}}512 bytes  bias
func.func @layer(%x: tensor<8x512xi8>) -> tensor<8x128xi8> {
  %w = arith.constant dense<1> : tensor<512x128xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 512, n = 128, rows = 8>}
         : (tensor<8x512xi8>, tensor<512x128xi8>) -> tensor<8x128xi8>
  return %y : tensor<8x128xi8>
}
