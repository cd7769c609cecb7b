// Any part of a layer can be fixed; the rest is chosen around it.

// RUN: aie4ml-opt %s --split-input-file --aie4ml-tile --aie4ml-parallelize | FileCheck %s

// CHECK-LABEL: func.func @parts
func.func @parts(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  // CHECK: split = #aie4ml.split<cascade = 4, chains = 2, k = 16, n = 32, rows = 8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {cascade = 4 : i64, chains = 2 : i64}}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %0 : tensor<8x64xi8>
}

// -----

// Slices of a given width may leave the last tile less than an even cut would.

// CHECK-LABEL: func.func @widths
func.func @widths(%x: tensor<8x72xi8>) -> tensor<8x40xi8> {
  %w = arith.constant dense<1> : tensor<72x40xi8>
  // CHECK: split = #aie4ml.split<cascade = 2, chains = 2, k = 64, n = 32, rows = 8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {k = 64 : i64, n = 32 : i64}}
         : (tensor<8x72xi8>, tensor<72x40xi8>) -> tensor<8x40xi8>
  return %0 : tensor<8x40xi8>
}

// -----

// Rows fix the number of blocks of all layers.

// CHECK-LABEL: func.func @rows
// CHECK-SAME: iterations = 4 : i64
func.func @rows(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  // CHECK: rows = 2>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  // CHECK: rows = 2>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {aie4ml.directive = {rows = 2 : i64}}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8>
  return %1 : tensor<8x64xi8>
}

// -----

// A layer that starts in the last column cannot be a cascade.

// CHECK-LABEL: func.func @place
func.func @place(%x: tensor<8x512xi8>) -> tensor<8x256xi8> {
  %w = arith.constant dense<1> : tensor<512x256xi8>
  // CHECK: place = [#aie4ml.place<37, 3>], split = #aie4ml.split<cascade = 1, chains = 3,
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {place = [#aie4ml.place<37, 3>]}
         : (tensor<8x512xi8>, tensor<512x256xi8>) -> tensor<8x256xi8>
  return %0 : tensor<8x256xi8>
}
