// RUN: aie4ml-opt %s --aie4ml-apply-directives=file=%S/Inputs/directives.toml | FileCheck %s
// RUN: aie4ml-opt %s --aie4ml-apply-directives=file=%S/Inputs/directives.json | FileCheck %s
// RUN: aie4ml-opt %s --aie4ml-apply-directives | FileCheck %s --check-prefix=NONE

// NONE-NOT: aie4ml.directive
// CHECK: aie4ml.dense {{.*}} {aie4ml.directive = {cascade = 4 : i64, from = "directives.{{toml:3|json:2}}:{{[0-9]+}}", max_tiles = 8 : i64}
// CHECK-SAME: microtile = #aie4ml.microtile<4, 8, 8>
// CHECK: aie4ml.dense {{.*}} {place = [#aie4ml.place<9, 4>]}
func.func @network(%x: tensor<8x64xi8>) -> tensor<8x32xi8> {
  %w0 = arith.constant dense<1> : tensor<64x64xi8>
  %w1 = arith.constant dense<1> : tensor<64x32xi8>
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8> loc("first")
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x32xi8>) -> tensor<8x32xi8> loc("block/second")
  return %1 : tensor<8x32xi8>
}
