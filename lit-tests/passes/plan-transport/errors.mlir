// RUN: aie4ml-opt %s --aie4ml-plan-transport=transport=memtile --split-input-file --verify-diagnostics

func.func @layer_without_split(%x: tensor<8x8xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op has no split: run aie4ml-parallelize first}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// -----

func.func @layers_of_other_rows(%x: tensor<8x8xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op passes 4 rows at once, layers before it 8}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// -----

func.func @returns_an_argument(%x: tensor<8x8xi8>, %y: tensor<8x8xi8>) -> (tensor<8x8xi8>, tensor<8x8xi8>) {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  // expected-error @+1 {{'func.return' op returns an argument, which no tile computes}}
  return %0, %y : tensor<8x8xi8>, tensor<8x8xi8>
}

// -----

func.func @layer_of_a_constant() -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op uses a value that no layer makes}}
  %0 = aie4ml.dense %w, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %0 : tensor<8x8xi8>
}

// -----

// expected-error @+1 {{'func.func' op needs integer codes of rank 2 at its boundary}}
func.func @argument_of_floats(%x: tensor<8x8xi8>, %y: tensor<8x8xf32>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %0 : tensor<8x8xi8>
}

// -----

// Slices of 24 outputs meet slices of 32 inputs inside blocks of 16.

func.func @slices_that_meet_inside_a_block(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<16x48xi8>
  %w1 = arith.constant dense<1> : tensor<48x8xi8>
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 16, n = 24, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x48xi8>) -> tensor<8x48xi8>
  // expected-error @+1 {{'aie4ml.dense' op has slices that meet at feature 24, inside a block of 16 inputs: choose slices that are multiples of 16}}
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 16, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 32, n = 8, rows = 8>}
         : (tensor<8x48xi8>, tensor<48x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// -----

func.func @seven_chains_and_eight_columns(%x: tensor<8x16xi8>) -> tensor<8x8xi8> {
  %w0 = arith.constant dense<1> : tensor<16x448xi8>
  %w1 = arith.constant dense<1> : tensor<448x8xi8>
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 7, k = 16, n = 64, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x448xi8>) -> tensor<8x448xi8>
  // expected-error @+1 {{'aie4ml.dense' op joins 7 chains and 8 columns in one memory tile, which needs 7 streams in and has 4: choose numbers of chains and columns that divide each other}}
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 8, chains = 1, k = 56, n = 8, rows = 8>}
         : (tensor<8x448xi8>, tensor<448x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// -----

// Regions that are given.

func.func @region_of_no_column(%x: tensor<8x24xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<24x8xi8>
  // expected-error @+1 {{'aie4ml.transfer' op has region 8 to 24 at column 1 of 'dense', which has 1 of them}}
  %in = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 1, 8 to 24, group = 0>]}
          : tensor<8x24xi8> -> tensor<8x24xi8>
  %0 = aie4ml.dense %in, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 24, n = 8, rows = 8>}
         : (tensor<8x24xi8>, tensor<24x8xi8>) -> tensor<8x8xi8>
  return %0 : tensor<8x8xi8>
}

// -----

func.func @region_of_two_columns(%x: tensor<8x24xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<24x8xi8>
  // expected-error @+1 {{'aie4ml.transfer' op has region 0 to 16 at column 0 of 'dense', which has features 0 to 8}}
  %in = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<1 -> 1, 16 to 24, group = 0>]}
          : tensor<8x24xi8> -> tensor<8x24xi8>
  %0 = aie4ml.dense %in, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x24xi8>, tensor<24x8xi8>) -> tensor<8x8xi8>
  return %0 : tensor<8x8xi8>
}

// -----

func.func @region_that_begins_inside_a_block(%x: tensor<8x24xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<24x8xi8>
  // expected-error @+1 {{'aie4ml.transfer' op has region 12 to 24 at column 0 of 'dense', inside a block of 8 features}}
  %in = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 12, group = 0>, #aie4ml.region<1 -> 0, 12 to 24, group = 0>]}
          : tensor<8x24xi8> -> tensor<8x24xi8>
  %0 = aie4ml.dense %in, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 24, n = 8, rows = 8>}
         : (tensor<8x24xi8>, tensor<24x8xi8>) -> tensor<8x8xi8>
  return %0 : tensor<8x8xi8>
}

// -----

func.func @region_of_another_chain(%x: tensor<8x8xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<8x16xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x16xi8>) -> tensor<8x16xi8>
  // expected-error @+1 {{'aie4ml.transfer' op has region 0 to 8 at chain 1 of 'dense', which has features 8 to 16}}
  %out = aie4ml.transfer %0 {regions = [#aie4ml.region<1 -> 0, 0 to 8, group = 0>, #aie4ml.region<0 -> 1, 8 to 16, group = 0>]}
           : tensor<8x16xi8> -> tensor<8x16xi8>
  return %out : tensor<8x16xi8>
}

// -----

// What carries an edge, given.

func.func @streams_from_outside(%x: tensor<8x16xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<16x16xi8>
  // expected-error @+1 {{'aie4ml.transfer' op goes via 'stream' to or from the outside, which only memory tiles exchange tensors with}}
  %i = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], via = #aie4ml.via<stream>} : tensor<8x16xi8> -> tensor<8x16xi8>
  %a = aie4ml.dense %i, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  return %a : tensor<8x16xi8>
}

// -----

func.func @streams_of_three_chains(%x: tensor<8x24xi8>) -> tensor<8x24xi8> {
  %w = arith.constant dense<1> : tensor<24x24xi8>
  %a = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 3, k = 24, n = 8, rows = 8>}
         : (tensor<8x24xi8>, tensor<24x24xi8>) -> tensor<8x24xi8>
  %t = aie4ml.transfer %a {via = #aie4ml.via<stream>} : tensor<8x24xi8> -> tensor<8x24xi8>
  // expected-error @+1 {{'aie4ml.dense' op cannot go via 'stream': 3 chains make what one column reads, a tile has 2 channels}}
  %b = aie4ml.dense %t, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 24, n = 24, rows = 8>}
         : (tensor<8x24xi8>, tensor<24x24xi8>) -> tensor<8x24xi8>
  return %b : tensor<8x24xi8>
}
