// RUN: aie4ml-opt %s --convert-aie4ml-to-aie --split-input-file | FileCheck %s
// RUN: aie4ml-opt %s --convert-aie4ml-to-aie --split-input-file --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s --check-prefix=LOC

// What the codes mean, and how they cross the boundary, is written down: three
// features a row in four bytes.

// CHECK-LABEL: aie.device
// CHECK: aie4ml.inputs = [{batch = 8 : i64, columns = 8 : i64, element = i8, name = "jets", range = array<i64: -8, 7>, rows = 4 : i64, scale = 2.500000e-01 : f64, signed = true, streams = [{channel = 2 : i64, column = 6 : i64, slices = [array<i64: 0, 8, 8>]}], zero_point = 0 : i64}]
// CHECK-SAME: aie4ml.outputs = [{batch = 8 : i64, columns = 3 : i64, element = i8, name = "output0", range = array<i64: -128, 127>, rows = 4 : i64, scale = 1.000000e+00 : f64, signed = true, streams = [{channel = 3 : i64, column = 6 : i64, slices = [array<i64: 0, 3, 4>]}], zero_point = 0 : i64}]
func.func @boundary(%x: tensor<8x8xi8> {aie4ml.name = "jets", aie4ml.quant = !quant.uniform<i8<-8:7>:f32, 0.25>}) -> tensor<8x3xi8> {
  %w = arith.constant dense<1> : tensor<8x3xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 2>]}
         : tensor<8x8xi8> -> tensor<8x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x8xi8>, tensor<8x3xi8>) -> tensor<8x3xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 3, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 3>]}
         : tensor<8x3xi8> -> tensor<8x3xi8>
  return %2 : tensor<8x3xi8>
}

// -----

// Names of layers become identifiers, each once. Cores keep the name as it was.

// CHECK-LABEL: aie.device
// CHECK: sym_name = "node_1_0_0_weights"
// CHECK: sym_name = "node_1_2_0_0_weights"
// CHECK: sym_name = "l1st_0_0_weights"
// LOC: } {{{.*}}layer = "node_1",{{.*}}} loc("node/1")
// LOC: } {{{.*}}layer = "node_1_2",{{.*}}} loc("node.1")
// LOC: } {{{.*}}layer = "l1st",{{.*}}} loc("1st")
func.func @names(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8> loc("node/1")
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %3 = aie4ml.dense %2, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<7, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8> loc("node.1")
  %4 = aie4ml.transfer %3
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %5 = aie4ml.dense %4, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<8, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8> loc("1st")
  %6 = aie4ml.transfer %5
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %6 : tensor<4x8xi8>
}

// -----

// CHECK: func.func @leaves_other_functions_alone
// CHECK-NOT: aie.device
func.func @leaves_other_functions_alone(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
  return %x : tensor<8x64xf32>
}
