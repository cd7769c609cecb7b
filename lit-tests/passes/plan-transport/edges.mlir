// RUN: aie4ml-opt %s --aie4ml-plan-transport | FileCheck %s

// Every slice has a port of its own.

// CHECK-LABEL: func.func @gives_each_slice_a_port
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<8x24xi8>
func.func @gives_each_slice_a_port(%x: tensor<8x24xi8>) -> tensor<8x20xi8> {
  %w = arith.constant dense<1> : tensor<24x20xi8>
  // CHECK: aie4ml.transfer %[[X]] {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 1, 8 to 16, group = 1>, #aie4ml.region<2 -> 2, 16 to 24, group = 2>]}
  // CHECK: %[[Y:.*]] = aie4ml.dense
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 2, k = 8, n = 16, rows = 8>}
         : (tensor<8x24xi8>, tensor<24x20xi8>) -> tensor<8x20xi8>
  // CHECK: aie4ml.transfer %[[Y]] {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<1 -> 1, 16 to 20, group = 1>]}
  return %0 : tensor<8x20xi8>
}

// Each use of a tensor is a transfer of its own.

// CHECK-LABEL: func.func @sends_a_result_to_all_that_use_it
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<8x8xi8>
func.func @sends_a_result_to_all_that_use_it(%x: tensor<8x8xi8>) -> (tensor<8x8xi8>, tensor<8x8xi8>, tensor<8x8xi8>) {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  // CHECK: %[[XA:.*]] = aie4ml.transfer %[[X]]
  // CHECK: %[[A:.*]] = aie4ml.dense %[[XA]],
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  // CHECK: %[[XB:.*]] = aie4ml.transfer %[[X]]
  // CHECK: %[[B:.*]] = aie4ml.dense %[[XB]],
  %1 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  // CHECK: %[[AC:.*]] = aie4ml.transfer %[[A]]
  // CHECK: %[[C:.*]] = aie4ml.dense %[[AC]],
  %2 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  // CHECK: %[[OUTA:.*]] = aie4ml.transfer %[[A]]
  // CHECK: %[[OUTB:.*]] = aie4ml.transfer %[[B]]
  // CHECK: %[[OUTC:.*]] = aie4ml.transfer %[[C]]
  // CHECK: return %[[OUTA]], %[[OUTB]], %[[OUTC]]
  return %0, %1, %2 : tensor<8x8xi8>, tensor<8x8xi8>, tensor<8x8xi8>
}

// CHECK-LABEL: func.func @keeps_regions_that_are_given
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<8x24xi8>
func.func @keeps_regions_that_are_given(%x: tensor<8x24xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<24x8xi8>
  // CHECK: %[[IN:.*]] = aie4ml.transfer %[[X]] {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 1>, #aie4ml.region<1 -> 1, 8 to 16, group = 0>, #aie4ml.region<2 -> 2, 16 to 24, group = 0>]}
  %in = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 1>, #aie4ml.region<1 -> 1, 8 to 16, group = 0>, #aie4ml.region<2 -> 2, 16 to 24, group = 0>]}
          : tensor<8x24xi8> -> tensor<8x24xi8>
  // CHECK: %[[Y:.*]] = aie4ml.dense %[[IN]],
  %0 = aie4ml.dense %in, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x24xi8>, tensor<24x8xi8>) -> tensor<8x8xi8>
  // CHECK: %[[OUT:.*]] = aie4ml.transfer %[[Y]] {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>]}
  // CHECK-NOT: aie4ml.transfer
  // CHECK: return %[[OUT]]
  %out = aie4ml.transfer %0 : tensor<8x8xi8> -> tensor<8x8xi8>
  return %out : tensor<8x8xi8>
}

// CHECK-LABEL: func.func @leaves_other_functions_alone
func.func @leaves_other_functions_alone(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
  // CHECK-NEXT: return
  return %x : tensor<8x64xf32>
}
