// RUN: aie4ml-opt %s --aie4ml-plan-transport --aie4ml-place | FileCheck %s --check-prefix=EVEN
// RUN: aie4ml-opt %s --aie4ml-plan-transport --aie4ml-place="lambda=0.25 mu=0" | FileCheck %s --check-prefix=UP
// RUN: aie4ml-opt %s --aie4ml-plan-transport --aie4ml-place="lambda=0.25 mu=1" | FileCheck %s --check-prefix=LOW

// EVEN: place = [#aie4ml.place<9, 3>]
// EVEN: place = [#aie4ml.place<10, 3>]

// Where a row costs less than a column the second layer goes above the first,
// unless high rows cost more.

// UP: place = [#aie4ml.place<9, 3>]
// UP: place = [#aie4ml.place<9, 4>]

// LOW: place = [#aie4ml.place<9, 3>]
// LOW: place = [#aie4ml.place<{{8|10}}, 3>]

func.func @layers(%x: tensor<8x8xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>, place = [#aie4ml.place<9, 3>]}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}
