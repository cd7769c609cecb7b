// RUN: aie4ml-opt %s --aie4ml-plan-transport --aie4ml-place | FileCheck %s --check-prefix=BEST
// RUN: aie4ml-opt %s --aie4ml-plan-transport --aie4ml-place="search=greedy-right" | FileCheck %s --check-prefix=RIGHT
// RUN: aie4ml-opt %s --aie4ml-plan-transport --aie4ml-place="search=greedy-above" | FileCheck %s --check-prefix=ABOVE
// RUN: aie4ml-opt %s --aie4ml-plan-transport --aie4ml-place="nodes=3" | FileCheck %s --check-prefix=FEW
// RUN: aie4ml-opt %s --aie4ml-plan-transport --aie4ml-place="time=60000" | FileCheck %s --check-prefix=BEST
// RUN: not aie4ml-opt %s --aie4ml-plan-transport --aie4ml-place="nodes=2" 2>&1 | FileCheck %s --check-prefix=TOO-FEW
// RUN: not aie4ml-opt %s --aie4ml-plan-transport --aie4ml-place="search=best" 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// The search goes to the columns with ports, which begin at 5; the baselines
// of the first column do not, and say what they are worth.

// BEST: optimal = true
// BEST: place = [#aie4ml.place<5, 3>]
// BEST: place = [#aie4ml.place<6, 3>]
// BEST: place = [#aie4ml.place<7, 3>]

// RIGHT: optimal = false
// RIGHT: place = [#aie4ml.place<0, 3>]
// RIGHT: place = [#aie4ml.place<1, 3>]
// RIGHT: place = [#aie4ml.place<2, 3>]

// ABOVE: optimal = false
// ABOVE: place = [#aie4ml.place<0, 3>]
// ABOVE: place = [#aie4ml.place<0, 4>]
// ABOVE: place = [#aie4ml.place<0, 5>]

// FEW: optimal = false
// TOO-FEW: error: 'func.func' op a budget of 2 nodes is too small to place 3 rectangles: allow at least 3
// UNKNOWN: option 'search': must be one of branch-and-bound, greedy-right, greedy-above (got 'best')

func.func @chain(%x: tensor<8x8xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  %2 = aie4ml.dense %1, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %2 : tensor<8x8xi8>
}
