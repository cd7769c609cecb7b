// RUN: aie4ml-opt %s --aie4ml-plan-transport --aie4ml-place --split-input-file --verify-diagnostics

func.func @cascade_beyond_the_columns(%x: tensor<8x144xi8>) -> tensor<8x8xi8> attributes {aie4ml.device = "xcve2302"} {
  %w = arith.constant dense<1> : tensor<144x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op has a cascade of 18 tiles, xcve2302 has 17 columns}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 18, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x144xi8>, tensor<144x8xi8>) -> tensor<8x8xi8>
  return %0 : tensor<8x8xi8>
}

// -----

func.func @place_in_a_row_of_memory_tiles(%x: tensor<8x8xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op has a rectangle of 1x1 tiles at (6, 2), xcve2802 has cores in columns 0 to 37 and rows 3 to 10}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>, place = [#aie4ml.place<6, 2>]}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %0 : tensor<8x8xi8>
}

// -----

func.func @place_at_the_eastern_end(%x: tensor<8x24xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<24x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op has a rectangle of 3x2 tiles at (36, 3), xcve2802 has cores in columns 0 to 37 and rows 3 to 10}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 2, k = 8, n = 8, rows = 8>, place = [#aie4ml.place<36, 3>]}
         : (tensor<8x24xi8>, tensor<24x16xi8>) -> tensor<8x16xi8>
  return %0 : tensor<8x16xi8>
}

// -----

func.func @places_beyond_the_rectangles(%x: tensor<8x8xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<8x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op has 2 places for 1 rectangles}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 2, k = 8, n = 8, rows = 8>, place = [#aie4ml.place<6, 3>, #aie4ml.place<7, 3>]}
         : (tensor<8x8xi8>, tensor<8x16xi8>) -> tensor<8x16xi8>
  return %0 : tensor<8x16xi8>
}

// -----

// expected-error @+1 {{'func.func' op the rectangles do not fit the array in any arrangement}}
func.func @places_that_overlap(%x: tensor<8x8xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// -----

// expected-error @+1 {{'func.func' op rectangles of 36 tiles together do not fit 34 cores}}
func.func @layers_beyond_the_device(%x: tensor<8x72xi8>) -> tensor<8x16xi8> attributes {aie4ml.device = "xcve2302"} {
  %w0 = arith.constant dense<1> : tensor<72x72xi8>
  %w1 = arith.constant dense<1> : tensor<72x16xi8>
  %0 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 9, chains = 2, k = 8, n = 40, rows = 8>}
         : (tensor<8x72xi8>, tensor<72x72xi8>) -> tensor<8x72xi8>
  %1 = aie4ml.dense %0, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 9, chains = 2, k = 8, n = 8, rows = 8>}
         : (tensor<8x72xi8>, tensor<72x16xi8>) -> tensor<8x16xi8>
  return %1 : tensor<8x16xi8>
}

// -----

// Three inputs need a stream each, however few slices they have.

// expected-error @+1 {{'func.func' op 3 streams into the array are more than the 2 DMA channels to memory of npu1_1col: use a device with more of them}}
func.func @more_streams_than_channels(%x: tensor<8x8xi8>, %y: tensor<8x8xi8>, %z: tensor<8x8xi8>) -> tensor<8x8xi8> attributes {aie4ml.device = "npu1_1col"} {
  %0 = aie4ml.add %x, %y factors = [1, 1]
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  %1 = aie4ml.add %0, %z factors = [1, 1]
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}

// -----

// The memory tiles of a column send four streams down.

// expected-error @+1 {{'func.func' op 81 parts of edges do not fit the 76 memory tiles of xcve2802: they need}}
func.func @more_streams_than_memory_tiles_send(%x: tensor<8x8xi8>) -> tensor<8x1280xi8> {
  %w = arith.constant dense<1> : tensor<8x1280xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 160, k = 8, n = 8, rows = 8>}
         : (tensor<8x8xi8>, tensor<8x1280xi8>) -> tensor<8x1280xi8>
  return %0 : tensor<8x1280xi8>
}

// -----

// Groups that are given.

// expected-error @+1 {{'func.func' op part 0 needs 8 input channels, a memory tile has 6}}
func.func @group_beyond_a_memory_tile(%x: tensor<8x64xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<64x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 1, 8 to 16, group = 0>, #aie4ml.region<2 -> 2, 16 to 24, group = 0>, #aie4ml.region<3 -> 3, 24 to 32, group = 0>, #aie4ml.region<4 -> 4, 32 to 40, group = 0>, #aie4ml.region<5 -> 5, 40 to 48, group = 0>, #aie4ml.region<6 -> 6, 48 to 56, group = 0>, #aie4ml.region<7 -> 7, 56 to 64, group = 0>]}
         : tensor<8x64xi8> -> tensor<8x64xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 8, chains = 1, k = 8, n = 8, rows = 8>}
         : (tensor<8x64xi8>, tensor<64x8xi8>) -> tensor<8x8xi8>
  return %1 : tensor<8x8xi8>
}
