// RUN: aie4ml-opt %s | aie4ml-opt | FileCheck %s
// RUN: aie4ml-opt %s --mlir-print-op-generic | aie4ml-opt | FileCheck %s

// Without `requant` the result is the accumulator.

// CHECK-LABEL: func.func @dense_of_accumulators
// CHECK-SAME: (%[[X:.*]]: tensor<5x13xi8>, %[[W:.*]]: tensor<13x3xi8>)
func.func @dense_of_accumulators(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) -> tensor<5x3xi32> {
  // CHECK: aie4ml.dense %[[X]], %[[W]] accumulator = i32 : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return %y : tensor<5x3xi32>
}

// CHECK-LABEL: func.func @dense_with_bias_and_two_stages
// CHECK-SAME: (%[[X:.*]]: tensor<5x13xi16>, %[[W:.*]]: tensor<13x3xi8>, %[[B:.*]]: tensor<3xi32>)
func.func @dense_with_bias_and_two_stages(%x: tensor<5x13xi16>, %w: tensor<13x3xi8>, %b: tensor<3xi32>) -> tensor<5x3xui8> {
  // CHECK: aie4ml.dense %[[X]], %[[W]], %[[B]] accumulator = i64 requant = [
  // CHECK-SAME: #aie4ml.requant<shift = 9, rounding = floor, overflow = wrap, width = 16, min = -32768, max = 32767>,
  // CHECK-SAME: #aie4ml.requant<shift = -1, rounding = nearest_even, overflow = saturate, width = 7, is_signed = false, zero_point = 3, min = 0, max = 100>
  // CHECK-SAME: ] : (tensor<5x13xi16>, tensor<13x3xi8>, tensor<3xi32>) -> tensor<5x3xui8>
  %y = aie4ml.dense %x, %w, %b accumulator = i64
         requant = [#aie4ml.requant<shift = 9, rounding = floor, overflow = wrap, width = 16, zero_point = 0, min = -32768, max = 32767>,
                    #aie4ml.requant<shift = -1, rounding = nearest_even, overflow = saturate, width = 7, is_signed = false, zero_point = 3, min = 0, max = 100>]
         : (tensor<5x13xi16>, tensor<13x3xi8>, tensor<3xi32>) -> tensor<5x3xui8>
  return %y : tensor<5x3xui8>
}

// Every decision of the mapping is an attribute.

// CHECK-LABEL: func.func @dense_mapped
func.func @dense_mapped(%x: tensor<5x37xi8>, %w: tensor<37x11xi8>) -> tensor<5x11xi8> {
  // CHECK: aie4ml.dense
  // CHECK-SAME: microtile = #aie4ml.microtile<4, 8, 8>
  // CHECK-SAME: packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [49152, 49408], output = [32768, 32896]>
  // CHECK-SAME: place = [#aie4ml.place<6, 3>, #aie4ml.place<8, 3>]
  // CHECK-SAME: split = #aie4ml.split<cascade = 2, chains = 2, k = 24, n = 8, rows = 5>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = symmetric, width = 8, min = -127, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>,
          split = #aie4ml.split<cascade = 2, chains = 2, k = 24, n = 8, rows = 5>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [49152, 49408], output = [32768, 32896]>,
          place = [#aie4ml.place<6, 3>, #aie4ml.place<8, 3>]}
         : (tensor<5x37xi8>, tensor<37x11xi8>) -> tensor<5x11xi8>
  return %y : tensor<5x11xi8>
}

// CHECK-LABEL: func.func @elementwise
// CHECK-SAME: (%[[ACC:.*]]: tensor<5x3xi32>, %[[B:.*]]: tensor<3xi32>)
func.func @elementwise(%acc: tensor<5x3xi32>, %b: tensor<3xi32>) -> tensor<5x3xi8> {
  // CHECK: %[[SUM:.*]] = aie4ml.bias_add %[[ACC]], %[[B]] : (tensor<5x3xi32>, tensor<3xi32>) -> tensor<5x3xi32>
  %sum = aie4ml.bias_add %acc, %b : (tensor<5x3xi32>, tensor<3xi32>) -> tensor<5x3xi32>
  // CHECK: %[[RELU:.*]] = aie4ml.clamp %[[SUM]] min = 0 max = 2147483647 : (tensor<5x3xi32>) -> tensor<5x3xi32>
  %relu = aie4ml.clamp %sum min = 0 max = 2147483647 : (tensor<5x3xi32>) -> tensor<5x3xi32>
  // CHECK: aie4ml.requantize %[[RELU]] requant = <shift = 7, rounding = nearest_away, overflow = saturate, width = 6, min = 0, max = 31> : (tensor<5x3xi32>) -> tensor<5x3xi8>
  %y = aie4ml.requantize %relu requant = <shift = 7, rounding = nearest_away, overflow = saturate, width = 6, min = 0, max = 31> : (tensor<5x3xi32>) -> tensor<5x3xi8>
  return %y : tensor<5x3xi8>
}

// CHECK-LABEL: func.func @transfer
func.func @transfer(%x: tensor<5x20xi8>) -> tensor<5x20xi8> {
  // CHECK: %[[PLAIN:.*]] = aie4ml.transfer %{{.*}} : tensor<5x20xi8> -> tensor<5x20xi8>
  %plain = aie4ml.transfer %x : tensor<5x20xi8> -> tensor<5x20xi8>
  // CHECK: aie4ml.transfer %[[PLAIN]] {
  // CHECK-SAME: memory_tiles = [#aie4ml.place<6, 1>, #aie4ml.place<7, 2>]
  // CHECK-SAME: ports = [#aie4ml.port<6, 0>, #aie4ml.port<6, 1>]
  // CHECK-SAME: regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<1 -> 1, 16 to 20, group = 1>]
  %y = aie4ml.transfer %plain
         {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<1 -> 1, 16 to 20, group = 1>],
          memory_tiles = [#aie4ml.place<6, 1>, #aie4ml.place<7, 2>],
          ports = [#aie4ml.port<6, 0>, #aie4ml.port<6, 1>]}
         : tensor<5x20xi8> -> tensor<5x20xi8>
  return %y : tensor<5x20xi8>
}

// CHECK-LABEL: func.func @without_memory_tiles
func.func @without_memory_tiles(%x: tensor<5x20xi8>) -> tensor<5x20xi8> {
  // CHECK: aie4ml.transfer %{{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 20, group = 0>], via = #aie4ml.via<stream>}
  %y = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 20, group = 0>], via = #aie4ml.via<stream>} : tensor<5x20xi8> -> tensor<5x20xi8>
  // CHECK: aie4ml.transfer %{{.*}} {via = #aie4ml.via<shared_memory>}
  %z = aie4ml.transfer %y {via = #aie4ml.via<shared_memory>} : tensor<5x20xi8> -> tensor<5x20xi8>
  // CHECK: aie4ml.transfer %{{.*}} {via = #aie4ml.via<memory_tile>}
  %u = aie4ml.transfer %z {via = #aie4ml.via<memory_tile>} : tensor<5x20xi8> -> tensor<5x20xi8>
  return %u : tensor<5x20xi8>
}

// The ten rounding modes of the core, and the three ways to overflow.

// CHECK-LABEL: func.func private @modes
// CHECK-SAME: rounding = floor, overflow = saturate
// CHECK-SAME: rounding = ceil, overflow = symmetric
// CHECK-SAME: rounding = toward_zero, overflow = wrap
// CHECK-SAME: rounding = away_from_zero
// CHECK-SAME: rounding = nearest_down
// CHECK-SAME: rounding = nearest_up
// CHECK-SAME: rounding = nearest_toward_zero
// CHECK-SAME: rounding = nearest_away
// CHECK-SAME: rounding = nearest_even
// CHECK-SAME: rounding = nearest_odd
func.func private @modes() attributes {modes = [
  #aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>,
  #aie4ml.requant<shift = 1, rounding = ceil, overflow = symmetric, width = 8, min = -128, max = 127>,
  #aie4ml.requant<shift = 1, rounding = toward_zero, overflow = wrap, width = 8, min = -128, max = 127>,
  #aie4ml.requant<shift = 1, rounding = away_from_zero, overflow = wrap, width = 8, min = -128, max = 127>,
  #aie4ml.requant<shift = 1, rounding = nearest_down, overflow = wrap, width = 8, min = -128, max = 127>,
  #aie4ml.requant<shift = 1, rounding = nearest_up, overflow = wrap, width = 8, min = -128, max = 127>,
  #aie4ml.requant<shift = 1, rounding = nearest_toward_zero, overflow = wrap, width = 8, min = -128, max = 127>,
  #aie4ml.requant<shift = 1, rounding = nearest_away, overflow = wrap, width = 8, min = -128, max = 127>,
  #aie4ml.requant<shift = 1, rounding = nearest_even, overflow = wrap, width = 8, min = -128, max = 127>,
  #aie4ml.requant<shift = 1, rounding = nearest_odd, overflow = wrap, width = 8, min = -128, max = 127>]}

// CHECK-LABEL: func.func @channels
// CHECK: requant = <multiplier = [3, -1431655765], addend = [0, 4611686018427], shift = 31, rounding = nearest_even, overflow = saturate, width = 8, is_signed = false, zero_point = 128, min = 0, max = 255>
func.func @channels(%x: tensor<4x2xi32>) -> tensor<4x2xui8> {
  %y = aie4ml.requantize %x requant = <multiplier = [3, -1431655765], addend = [0, 4611686018427], shift = 31, rounding = nearest_even, overflow = saturate, width = 8, is_signed = false, zero_point = 128, min = 0, max = 255> : (tensor<4x2xi32>) -> tensor<4x2xui8>
  return %y : tensor<4x2xui8>
}
