// RUN: aie4ml-opt %s --split-input-file --verify-diagnostics

// Shapes.

func.func @dense_of_dynamic_shape(%x: tensor<?x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op needs a static rank-2 tensor of integers, got 'tensor<?x13xi8>'}}
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<?x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @dense_of_rank_three(%x: tensor<1x5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op operand #0 must be 2D tensor of a code: i8, i16, ui8, ui16, or an accumulator: i32, i64 values}}
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<1x5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @dense_of_floats(%x: tensor<5x13xf32>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op operand #0 must be 2D tensor of a code}}
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<5x13xf32>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @dense_of_dynamic_weights(%x: tensor<5x13xi8>, %w: tensor<13x?xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op needs weights of a static rank-2 integer type}}
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<5x13xi8>, tensor<13x?xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @dense_that_loses_a_row(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has 5 input rows and 4 output rows}}
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<4x3xi32>
  return
}

// -----

func.func @dense_with_weights_of_other_inputs(%x: tensor<5x13xi8>, %w: tensor<12x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has 13 input features and weights for 12}}
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<5x13xi8>, tensor<12x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @dense_with_weights_of_other_outputs(%x: tensor<5x13xi8>, %w: tensor<13x4xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has 3 output features and weights for 4}}
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<5x13xi8>, tensor<13x4xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @dense_with_bias_of_other_outputs(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>, %b: tensor<4xi32>) {
  // expected-error @+1 {{'aie4ml.dense' op needs a bias of 3 elements}}
  %y = aie4ml.dense %x, %w, %b accumulator = i32 : (tensor<5x13xi8>, tensor<13x3xi8>, tensor<4xi32>) -> tensor<5x3xi32>
  return
}

// -----

func.func @bias_add_of_other_features(%x: tensor<5x3xi32>, %b: tensor<4xi32>) {
  // expected-error @+1 {{'aie4ml.bias_add' op needs a bias of 3 elements}}
  %y = aie4ml.bias_add %x, %b : (tensor<5x3xi32>, tensor<4xi32>) -> tensor<5x3xi32>
  return
}

// -----

func.func @bias_add_that_widens(%x: tensor<5x3xi32>, %b: tensor<3xi32>) {
  // expected-error @+1 {{'aie4ml.bias_add' op needs an output of the input's type}}
  %y = aie4ml.bias_add %x, %b : (tensor<5x3xi32>, tensor<3xi32>) -> tensor<5x3xi64>
  return
}

// -----

func.func @clamp_that_narrows(%x: tensor<5x3xi32>) {
  // expected-error @+1 {{'aie4ml.clamp' op needs an output of the input's type}}
  %y = aie4ml.clamp %x min = 0 max = 7 : (tensor<5x3xi32>) -> tensor<5x3xi8>
  return
}

// -----

func.func @clamp_to_nothing(%x: tensor<5x3xi32>) {
  // expected-error @+1 {{'aie4ml.clamp' op has 'min' 8 above 'max' 7}}
  %y = aie4ml.clamp %x min = 8 max = 7 : (tensor<5x3xi32>) -> tensor<5x3xi32>
  return
}

// -----

// Accumulators and requantizations.

func.func @accumulator_of_16_bits(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op needs accumulator i32 or i64}}
  %y = aie4ml.dense %x, %w accumulator = i16 : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi16>
  return
}

// -----

func.func @accumulator_of_floats(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op needs accumulator i32 or i64}}
  %y = aie4ml.dense %x, %w accumulator = f32 : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @codes_without_requant(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op without 'requant' needs the accumulator i32 as result}}
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi8>
  return
}

// -----

func.func @requant_to_no_bits(%x: tensor<5x3xi32>) {
  // expected-error @+1 {{'aie4ml.requantize' op requantizes to 0 bits, which must be 1 to 32}}
  %y = aie4ml.requantize %x requant = <shift = 0, rounding = floor, overflow = saturate, width = 0, min = 0, max = 0> : (tensor<5x3xi32>) -> tensor<5x3xi8>
  return
}

// -----

func.func @requant_in_a_layer_to_33_bits(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op requantizes to 33 bits, which must be 1 to 32}}
  %y = aie4ml.dense %x, %w accumulator = i64
         requant = [#aie4ml.requant<shift = 0, rounding = floor, overflow = saturate, width = 33, min = 0, max = 0>,
                    #aie4ml.requant<shift = 0, rounding = floor, overflow = saturate, width = 8, min = 0, max = 0>]
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi8>
  return
}

// -----

func.func @requant_by_a_huge_shift(%x: tensor<5x3xi32>) {
  // expected-error @+1 {{'aie4ml.requantize' op has shift 63, which must be -62 to 62}}
  %y = aie4ml.requantize %x requant = <shift = 63, rounding = floor, overflow = saturate, width = 8, min = 0, max = 0> : (tensor<5x3xi32>) -> tensor<5x3xi8>
  return
}

// -----

func.func @requant_to_nothing(%x: tensor<5x3xi32>) {
  // expected-error @+1 {{'aie4ml.requantize' op has 'min' 1 above 'max' 0}}
  %y = aie4ml.requantize %x requant = <shift = 1, rounding = floor, overflow = saturate, width = 8, min = 1, max = 0> : (tensor<5x3xi32>) -> tensor<5x3xi8>
  return
}

// -----

func.func @requant_wider_than_its_result(%x: tensor<5x3xi32>) {
  // expected-error @+1 {{'aie4ml.requantize' op requantizes to 16 bits in [-128, 127], more than its result type holds}}
  %y = aie4ml.requantize %x requant = <shift = 1, rounding = floor, overflow = saturate, width = 16, min = -128, max = 127> : (tensor<5x3xi32>) -> tensor<5x3xi8>
  return
}

// -----

func.func @requant_below_an_unsigned_result(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op requantizes to 8 bits in [-128, 127], more than its result type holds}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, is_signed = false, min = -128, max = 127>]
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xui8>
  return
}

// -----

// expected-error @+2 {{expected one of [floor, ceil, toward_zero, away_from_zero, nearest_down, nearest_up, nearest_toward_zero, nearest_away, nearest_even, nearest_odd]}}
// expected-error @+1 {{failed to parse Aie4ml_RequantAttr parameter 'rounding'}}
func.func private @unknown_rounding() attributes {r = #aie4ml.requant<shift = 1, rounding = up, overflow = wrap, width = 8, min = 0, max = 0>}

// -----

// Mappings.

func.func @split_without_microtile(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has a 'split' but no 'microtile'}}
  %y = aie4ml.dense %x, %w accumulator = i32 {split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 8, rows = 5>}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @split_over_no_tiles(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has a zero in its 'split' or 'microtile'}}
  %y = aie4ml.dense %x, %w accumulator = i32
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 0, chains = 1, k = 16, n = 8, rows = 5>}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @microtile_of_nothing(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has a zero in its 'split' or 'microtile'}}
  %y = aie4ml.dense %x, %w accumulator = i32
         {microtile = #aie4ml.microtile<4, 0, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 8, rows = 5>}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @negative_microtile(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has a negative number in its 'microtile'}}
  %y = aie4ml.dense %x, %w accumulator = i32 {microtile = #aie4ml.microtile<-4, 8, 8>}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @negative_split(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has a negative number in its 'split'}}
  %y = aie4ml.dense %x, %w accumulator = i32
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = -1, chains = 1, k = 16, n = 8, rows = 5>}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @negative_address(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has a negative number in its 'packing'}}
  %y = aie4ml.dense %x, %w accumulator = i32
         {packing = #aie4ml.packing<stack = 1024, weights = 1024, bias = 2048, input = [0, -64], output = [4096, 8192]>}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @negative_place(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has a negative number in its 'place'}}
  %y = aie4ml.dense %x, %w accumulator = i32 {place = [#aie4ml.place<-1, 3>]}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @split_inside_a_microtile(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has slices of 13 x 8, not multiples of the microtile's 8 x 8}}
  %y = aie4ml.dense %x, %w accumulator = i32
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 13, n = 8, rows = 5>}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @split_that_misses_inputs(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op splits 13 inputs over 1 tiles of 8}}
  %y = aie4ml.dense %x, %w accumulator = i32
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 5>}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @split_with_an_idle_chain(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op leaves a tile without outputs: 3 over 2 tiles of 8}}
  %y = aie4ml.dense %x, %w accumulator = i32
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 16, n = 8, rows = 5>}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @split_with_more_rows_than_there_are(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op passes 8 rows at once of 5}}
  %y = aie4ml.dense %x, %w accumulator = i32
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 8, rows = 8>}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

func.func @more_places_than_chains(%x: tensor<5x13xi8>, %w: tensor<13x3xi8>) {
  // expected-error @+1 {{'aie4ml.dense' op has 1 chains for 2 rectangles}}
  %y = aie4ml.dense %x, %w accumulator = i32
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 8, rows = 5>,
          place = [#aie4ml.place<6, 3>, #aie4ml.place<7, 3>]}
         : (tensor<5x13xi8>, tensor<13x3xi8>) -> tensor<5x3xi32>
  return
}

// -----

// Transfers.

func.func @transfer_that_converts(%x: tensor<5x20xi8>) {
  // expected-error @+1 {{'aie4ml.transfer' op needs an output of the input's type}}
  %y = aie4ml.transfer %x : tensor<5x20xi8> -> tensor<5x20xi16>
  return
}

// -----

func.func @regions_with_a_gap(%x: tensor<5x20xi8>) {
  // expected-error @+1 {{'aie4ml.transfer' op has regions that do not cover features exactly once: 16 to 20 follows 8}}
  %y = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<0 -> 1, 16 to 20, group = 0>]}
         : tensor<5x20xi8> -> tensor<5x20xi8>
  return
}

// -----

func.func @regions_that_overlap(%x: tensor<5x20xi8>) {
  // expected-error @+1 {{'aie4ml.transfer' op has regions that do not cover features exactly once: 8 to 20 follows 16}}
  %y = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 8 to 20, group = 0>, #aie4ml.region<0 -> 1, 0 to 16, group = 0>]}
         : tensor<5x20xi8> -> tensor<5x20xi8>
  return
}

// -----

func.func @regions_of_too_few_features(%x: tensor<5x20xi8>) {
  // expected-error @+1 {{'aie4ml.transfer' op has regions up to feature 16 of 20}}
  %y = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>]} : tensor<5x20xi8> -> tensor<5x20xi8>
  return
}

// -----

func.func @regions_of_too_many_features(%x: tensor<5x20xi8>) {
  // expected-error @+1 {{'aie4ml.transfer' op has regions up to feature 24 of 20}}
  %y = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 24, group = 0>]} : tensor<5x20xi8> -> tensor<5x20xi8>
  return
}

// -----

func.func @region_below_zero(%x: tensor<5x20xi8>) {
  // expected-error @+1 {{'aie4ml.transfer' op has a negative number in its 'regions'}}
  %y = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, -4 to 20, group = 0>]} : tensor<5x20xi8> -> tensor<5x20xi8>
  return
}

// -----

func.func @region_of_a_consumer_without_others(%x: tensor<5x20xi8>) {
  // expected-error @+1 {{'aie4ml.transfer' op has consumer 3 in 1 regions}}
  %y = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 3, 0 to 20, group = 0>]} : tensor<5x20xi8> -> tensor<5x20xi8>
  return
}

// -----

func.func @one_stream_to_two_memory_tiles(%x: tensor<5x20xi8>) {
  // expected-error @+1 {{'aie4ml.transfer' op has regions of one producer or consumer in groups 0 and 1}}
  %y = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 1, 16 to 20, group = 1>]}
         : tensor<5x20xi8> -> tensor<5x20xi8>
  return
}

// -----

func.func @memory_tile_of_no_group(%x: tensor<5x20xi8>) {
  // expected-error @+1 {{'aie4ml.transfer' op has 2 memory tiles for 1 groups}}
  %y = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 20, group = 0>], memory_tiles = [#aie4ml.place<6, 1>, #aie4ml.place<7, 1>]}
         : tensor<5x20xi8> -> tensor<5x20xi8>
  return
}

// -----

func.func @ports_that_are_places(%x: tensor<5x20xi8>) {
  // expected-error @+1 {{attribute 'ports' failed to satisfy constraint: ports}}
  %y = aie4ml.transfer %x {ports = [#aie4ml.place<6, 1>]} : tensor<5x20xi8> -> tensor<5x20xi8>
  return
}

// -----

func.func @memory_tiles_that_nothing_uses(%x: tensor<5x20xi8>) {
  // expected-error @+1 {{'aie4ml.transfer' op has memory tiles, but goes via 'stream'}}
  %y = aie4ml.transfer %x {via = #aie4ml.via<stream>, memory_tiles = [#aie4ml.place<6, 1>]} : tensor<5x20xi8> -> tensor<5x20xi8>
  return
}

// -----

func.func @sign(%x: tensor<2x3xi32>) {
  // expected-error @+1 {{'aie4ml.requantize' op requantizes to signed integers, but its result type has unsigned ones: 'is_signed' says which}}
  %y = aie4ml.requantize %x requant = <shift = 7, rounding = floor, overflow = saturate, width = 8, min = 0, max = 127> : (tensor<2x3xi32>) -> tensor<2x3xui8>
  return
}

// -----

func.func @multipliers(%x: tensor<2x3xi32>) {
  // expected-error @+1 {{'aie4ml.requantize' op has 2 numbers as 'multiplier', needs 1 or 3}}
  %y = aie4ml.requantize %x requant = <multiplier = [1, 2], shift = 7, rounding = floor, overflow = saturate, width = 8, min = 0, max = 127> : (tensor<2x3xi32>) -> tensor<2x3xi8>
  return
}

// -----

func.func @wide_addend(%x: tensor<2x3xi32>) {
  // expected-error @+1 {{'aie4ml.requantize' op has 'addend' 4611686018427387904, which has more than 62 bits}}
  %y = aie4ml.requantize %x requant = <addend = [4611686018427387904], shift = 7, rounding = floor, overflow = saturate, width = 8, min = 0, max = 127> : (tensor<2x3xi32>) -> tensor<2x3xi8>
  return
}

// -----

func.func @left_after_a_product(%x: tensor<2x3xi32>) {
  // expected-error @+1 {{'aie4ml.requantize' op shifts to the left after a multiplication: make the multiplier larger instead}}
  %y = aie4ml.requantize %x requant = <multiplier = [3], shift = -1, rounding = floor, overflow = saturate, width = 8, min = 0, max = 127> : (tensor<2x3xi32>) -> tensor<2x3xi8>
  return
}
