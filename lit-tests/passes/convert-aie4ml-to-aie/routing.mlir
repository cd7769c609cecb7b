// RUN: aie4ml-opt %s --aie4ml-plan-transport --aie4ml-pack --aie4ml-place -o %t
// RUN: aie4ml-opt %t --convert-aie4ml-to-aie | FileCheck %s --check-prefix=PLAIN
// RUN: sed 's/aie4ml.routing = {/aie4ml.routing = {first = array<i64: 2, 0>, /' %t | aie4ml-opt --convert-aie4ml-to-aie | FileCheck %s --check-prefix=FIRST
// RUN: sed 's/aie4ml.routing = {/aie4ml.routing = {first = array<i64: 4>, /' %t | not aie4ml-opt --convert-aie4ml-to-aie 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: sed 's/aie4ml.routing = {/aie4ml.routing = {first = array<i64: 1, 1>, /' %t | not aie4ml-opt --convert-aie4ml-to-aie 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: sed 's/aie4ml.routing = {/aie4ml.routing = {first = 3 : i64, /' %t | not aie4ml-opt --convert-aie4ml-to-aie 2>&1 | FileCheck %s --check-prefix=KIND

// Flows in the order in which their ways are chosen.

// PLAIN: aie.flow({{.*}}, PLIO : 0, {{.*}}, DMA : 0)
// PLAIN-NEXT: aie.flow({{.*}}, DMA : 0, {{.*}}, DMA : 0)
// PLAIN-NEXT: aie.flow({{.*}}, DMA : 0, {{.*}}, DMA : 1)
// PLAIN-NEXT: aie.flow({{.*}}, DMA : 1, {{.*}}, PLIO : 0)

// FIRST: aie.flow({{.*}}, DMA : 0, {{.*}}, DMA : 1)
// FIRST-NEXT: aie.flow({{.*}}, PLIO : 0, {{.*}}, DMA : 0)
// FIRST-NEXT: aie.flow({{.*}}, DMA : 0, {{.*}}, DMA : 0)
// FIRST-NEXT: aie.flow({{.*}}, DMA : 1, {{.*}}, PLIO : 0)

// NONE: error: 'func.func' op has a routing that puts flow 4 first, which is no flow or twice
// TWICE: error: 'func.func' op has a routing that puts flow 1 first, which is no flow or twice
// KIND: error: 'func.func' op has an 'aie4ml.routing' whose 'first' is no array<i64> of flows

func.func @four_flows(%x: tensor<8x16xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<16x16xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  return %0 : tensor<8x16xi8>
}
