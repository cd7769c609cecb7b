// RUN: aie4ml-opt %s --convert-aie4ml-to-aie --split-input-file --verify-diagnostics

func.func @no_packing(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op has no packing: run aie4ml-pack first}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}

// -----

func.func @no_place(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op has no place: run aie4ml-place first}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}

// -----

func.func @no_split(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op has no split: run aie4ml-parallelize first}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  return %0 : tensor<4x8xi8>
}

// -----

func.func @no_transfer(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op has an edge without regions: run aie4ml-plan-transport first}}
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  return %0 : tensor<4x8xi8>
}

// -----

func.func @no_memory_tile(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  // expected-error @+1 {{'func.return' op has an edge without memory tiles: run aie4ml-place first}}
  return %2 : tensor<4x8xi8>
}

// -----

func.func @no_port(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op has no port for stream 0: run aie4ml-place first}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}

// -----

func.func @no_constant_weights(%x: tensor<4x8xi8>, %w: tensor<8x8xi8>) -> tensor<4x8xi8> {
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op needs constant weights}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}

// -----

func.func @first(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}

// expected-error @+1 {{'func.func' op is a second network in one module, which is one program}}
func.func @second(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}

// -----

// Places.

func.func @layer_on_a_memory_tile(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op is placed at tile(6, 2), where xcve2802 has no core}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 2>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}

// -----

func.func @cascade_beyond_the_last_column(%x: tensor<4x16xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<16x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 1, 8 to 16, group = 0>],
          memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>, #aie4ml.port<6, 1>]}
         : tensor<4x16xi8> -> tensor<4x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op is placed at tile(38, 3), where xcve2802 has no core}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<37, 3>]}
         : (tensor<4x16xi8>, tensor<16x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}

// -----

func.func @layers_on_one_tile(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op is placed at tile(6, 3), where 'dense' is}}
  %3 = aie4ml.dense %2, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %4 = aie4ml.transfer %3
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %4 : tensor<4x8xi8>
}

// -----

func.func @region_in_a_core(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 4>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op has a region at tile(6, 4), where xcve2802 has no memory tile}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}

// -----

// Resources of a tile.

func.func @one_half_of_a_buffer(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op needs 2 buffers, its packing has 1}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}

// -----

// Three that read other parts each.

func.func @three_readers(%x: tensor<4x8xi8>) -> (tensor<4x24xi8>, tensor<4x24xi8>, tensor<4x24xi8>) {
  %w = arith.constant dense<1> : tensor<8x24xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  // expected-error @+1 {{'aie4ml.dense' op needs more than the 2 MM2S channels of tile(6, 3)}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 24, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x24xi8>) -> tensor<4x24xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 24, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x24xi8> -> tensor<4x24xi8>
  %3 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<0 -> 0, 8 to 24, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 1>]}
         : tensor<4x24xi8> -> tensor<4x24xi8>
  %4 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>, #aie4ml.region<0 -> 0, 16 to 24, group = 0>], memory_tiles = [#aie4ml.place<6, 2>], ports = [#aie4ml.port<6, 2>]}
         : tensor<4x24xi8> -> tensor<4x24xi8>
  return %2, %3, %4 : tensor<4x24xi8>, tensor<4x24xi8>, tensor<4x24xi8>
}

// -----

func.func @seven_streams_into_a_memory_tile(%x: tensor<4x56xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<56x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 1, 8 to 16, group = 0>, #aie4ml.region<2 -> 2, 16 to 24, group = 0>, #aie4ml.region<3 -> 3, 24 to 32, group = 0>, #aie4ml.region<4 -> 4, 32 to 40, group = 0>, #aie4ml.region<5 -> 5, 40 to 48, group = 0>, #aie4ml.region<6 -> 6, 48 to 56, group = 0>],
          memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>, #aie4ml.port<6, 1>, #aie4ml.port<6, 2>, #aie4ml.port<6, 3>, #aie4ml.port<6, 4>, #aie4ml.port<6, 5>, #aie4ml.port<7, 0>]}
         : tensor<4x56xi8> -> tensor<4x56xi8>
  // expected-error @+1 {{'aie4ml.dense' op needs more than the 6 S2MM channels of tile(6, 1)}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 7, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x56xi8>, tensor<56x8xi8>) -> tensor<4x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<12, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}

// -----

// 1031 blocks of a row are more than a descriptor counts, and prime.

func.func @row_that_no_descriptor_walks(%x: tensor<8x8248xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8248x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8248, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<8x8248xi8> -> tensor<8x8248xi8>
  // expected-error @+1 {{'aie4ml.dense' op has 1031 elements in a row, which tile(6, 1) cannot walk}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8248, n = 8, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x8248xi8>, tensor<8248x8xi8>) -> tensor<8x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<8x8xi8> -> tensor<8x8xi8>
  return %2 : tensor<8x8xi8>
}

// -----

// 1032 blocks are two times 516, but that is a dimension more.

func.func @row_of_too_many_dimensions(%x: tensor<8x8256xi8>) -> tensor<8x8xi8> {
  %w = arith.constant dense<1> : tensor<8256x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8256, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<8x8256xi8> -> tensor<8x8256xi8>
  // expected-error @+1 {{'aie4ml.dense' op needs 5 dimensions in a descriptor of tile(6, 1), which has 4}}
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8256, n = 8, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x8256xi8>, tensor<8256x8xi8>) -> tensor<8x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<8x8xi8> -> tensor<8x8xi8>
  return %2 : tensor<8x8xi8>
}

// -----

// expected-error @+1 {{'func.func' op needs 1050624 bytes of memory in tile(6, 1), which has 524288}}
func.func @regions_beyond_a_memory_tile(%x: tensor<128x4096xi8>) -> tensor<128x8xi8> {
  %w = arith.constant dense<1> : tensor<4096x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 4096, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<128x4096xi8> -> tensor<128x4096xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 4096, n = 8, rows = 128>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<128x4096xi8>, tensor<4096x8xi8>) -> tensor<128x8xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<128x8xi8> -> tensor<128x8xi8>
  return %2 : tensor<128x8xi8>
}

// -----

// Five regions in and five out take four descriptors each.

// expected-error @+1 {{'func.func' op needs 20 buffer descriptors in tile(7, 3), which has 16}}
func.func @regions_beyond_a_core(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w0 = arith.constant dense<1> : tensor<8x40xi8>
  %w1 = arith.constant dense<1> : tensor<40x40xi8>
  %w2 = arith.constant dense<1> : tensor<40x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %1 = aie4ml.dense %0, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 5, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x40xi8>) -> tensor<4x40xi8>
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<1 -> 0, 8 to 16, group = 0>, #aie4ml.region<2 -> 0, 16 to 24, group = 0>, #aie4ml.region<3 -> 0, 24 to 32, group = 0>, #aie4ml.region<4 -> 0, 32 to 40, group = 0>],
          memory_tiles = [#aie4ml.place<7, 1>]}
         : tensor<4x40xi8> -> tensor<4x40xi8>
  %3 = aie4ml.dense %2, %w1 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 40, n = 40, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<7, 3>]}
         : (tensor<4x40xi8>, tensor<40x40xi8>) -> tensor<4x40xi8>
  %4 = aie4ml.transfer %3
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>, #aie4ml.region<0 -> 1, 8 to 16, group = 0>, #aie4ml.region<0 -> 2, 16 to 24, group = 0>, #aie4ml.region<0 -> 3, 24 to 32, group = 0>, #aie4ml.region<0 -> 4, 32 to 40, group = 0>],
          memory_tiles = [#aie4ml.place<8, 1>]}
         : tensor<4x40xi8> -> tensor<4x40xi8>
  %5 = aie4ml.dense %4, %w2 accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 5, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<8, 3>]}
         : (tensor<4x40xi8>, tensor<40x8xi8>) -> tensor<4x8xi8>
  %6 = aie4ml.transfer %5
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<12, 1>], ports = [#aie4ml.port<12, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %6 : tensor<4x8xi8>
}

// -----

func.func @shares_over_a_distance(%x: tensor<8x16xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<16x16xi8>
  %i = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  %a = aie4ml.dense %i, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  %t = aie4ml.transfer %a {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], via = #aie4ml.via<shared_memory>} : tensor<8x16xi8> -> tensor<8x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op cannot load its input from the tiles that make it: they need the same blocks, one reader each, and places side by side}}
  %b = aie4ml.dense %t, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<8, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  %o = aie4ml.transfer %b {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], memory_tiles = [#aie4ml.place<8, 1>], ports = [#aie4ml.port<8, 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  return %o : tensor<8x16xi8>
}

// -----

func.func @streams_of_other_blocks(%x: tensor<8x16xi8>) -> tensor<8x16xi8> {
  %w = arith.constant dense<1> : tensor<16x16xi8>
  %i = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  %a = aie4ml.dense %i, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 16, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<6, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  %t = aie4ml.transfer %a {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], via = #aie4ml.via<stream>} : tensor<8x16xi8> -> tensor<8x16xi8>
  // expected-error @+1 {{'aie4ml.dense' op cannot take its input from streams: features 0 to 16 lie in blocks of 4x8 where they are made and of 4x12 where they are read, which the DMAs cannot take into each other}}
  %b = aie4ml.dense %t, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 12, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 24, n = 16, rows = 8>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 36864], output = [49152, 53248]>, place = [#aie4ml.place<8, 3>]}
         : (tensor<8x16xi8>, tensor<16x16xi8>) -> tensor<8x16xi8>
  %o = aie4ml.transfer %b {regions = [#aie4ml.region<0 -> 0, 0 to 16, group = 0>], memory_tiles = [#aie4ml.place<8, 1>], ports = [#aie4ml.port<8, 0>]} : tensor<8x16xi8> -> tensor<8x16xi8>
  return %o : tensor<8x16xi8>
}
