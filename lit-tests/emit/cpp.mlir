// RUN: aie4ml-translate %s --aie4ml-to-cpp | FileCheck %s

// Every file compiles with the kernels' headers, here for the host.
// RUN: aie4ml-translate %s --aie4ml-to-cpp -o %t.txt
// RUN: split-file %t.txt %t
// RUN: clang++ -std=c++20 -Wall -Werror -fsyntax-only -I %root/kernels -I %root/kernels/host %t/*.cc

// CHECK: //--- [[ADD:add_[a-z0-9_]+]].cc
// CHECK: #include "aie4ml/add.h"
// CHECK: extern "C" void [[ADD]](const int8_t *__restrict a, const int8_t *__restrict b, int8_t *__restrict c) {

// One instance of the kernel template per role and shape, sorted by name; the
// file is named as the object that the array program links with.

// CHECK: //--- [[ADDED:dense_first_4x8x8_m4x8x8_i8_i8_acc32]].cc
// CHECK-NEXT: // 4 rows x 8 inputs x 8 outputs, first of a cascade.
// CHECK-NEXT: #include "aie4ml/dense.h"
// CHECK-EMPTY:
// The first tile has no output: nothing is requantized.
// CHECK-NEXT: extern "C" void [[ADDED]](const int8_t *__restrict a, const int8_t *__restrict w, const int32_t *__restrict bias) {
// CHECK-NEXT: aie4ml::Dense<int8_t,
// CHECK-NEXT: int8_t,
// CHECK-NEXT: int8_t,
// CHECK-NEXT: int32_t,
// CHECK-NEXT: 4, 8, 8,
// CHECK-NEXT: 1, 1, 1,
// CHECK: >::first(a, w, bias);

// CHECK: //--- dense_last_4x8x8_{{.*}}.cc
// CHECK: extern "C" void dense_last_{{.*}}(const int8_t *__restrict a, const int8_t *__restrict w, int8_t *__restrict c) {
// CHECK: aie4ml::Stage<7, aie4ml::Rounding::nearest_even, aie4ml::Overflow::saturate, 8, 0, 127, 0>>::last(a, w, c);

// CHECK: //--- dense_middle_4x8x8_m4x8x8_i8_i8_acc32.cc
// CHECK: extern "C" void dense_middle_{{.*}}(const int8_t *__restrict a, const int8_t *__restrict w) {
// CHECK: >::middle(a, w);

// Five rows take two microtiles, 37 inputs five, 11 outputs three.
// CHECK: //--- dense_single_8x40x12_m4x8x4_i16_i8_acc64_u8_{{.*}}.cc
// CHECK: // 8 rows x 40 inputs x 12 outputs, single of a cascade.
// CHECK: (const int16_t *__restrict a, const int8_t *__restrict w, const int32_t *__restrict bias, uint8_t *__restrict c) {
// CHECK-NEXT: aie4ml::Dense<int16_t,
// CHECK-NEXT: int8_t,
// CHECK-NEXT: uint8_t,
// CHECK-NEXT: int64_t,
// CHECK-NEXT: 4, 8, 4,
// CHECK-NEXT: 2, 5, 3,
// CHECK-NEXT: aie4ml::Stage<-1, aie4ml::Rounding::floor, aie4ml::Overflow::wrap, 6, 1, 60, 3, false>>::single(a, w, bias, c);

// Two requantizations are two stages.
// CHECK: //--- dense_single_8x8x8_m4x8x8_u8_i8_acc32_i16_{{.*}}.cc
// CHECK: aie4ml::Stage<3, aie4ml::Rounding::nearest_up, aie4ml::Overflow::saturate, 8, -128, 127, 0>,
// CHECK-NEXT: aie4ml::Stage<1, aie4ml::Rounding::ceil, aie4ml::Overflow::symmetric, 16, -32768, 32767, 0>>::single(a, w, bias, c);
// CHECK-NOT: //---

func.func @cascade(%x: tensor<4x24xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<24x8xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 1, k = 8, n = 8, rows = 4>}
         : (tensor<4x24xi8>, tensor<24x8xi8>) -> tensor<4x8xi8>
  return %y : tensor<4x8xi8>
}

// The same kernels once more: no further files.

func.func @the_same_cascade(%x: tensor<4x24xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<2> : tensor<24x8xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 3, chains = 1, k = 8, n = 8, rows = 4>}
         : (tensor<4x24xi8>, tensor<24x8xi8>) -> tensor<4x8xi8>
  return %y : tensor<4x8xi8>
}

func.func @other_integers(%x: tensor<5x37xi16>) -> tensor<5x11xui8> {
  %w = arith.constant dense<1> : tensor<37x11xi8>
  %y = aie4ml.dense %x, %w accumulator = i64
         requant = [#aie4ml.requant<shift = -1, rounding = floor, overflow = wrap, width = 6, is_signed = false, zero_point = 3, min = 1, max = 60>]
         {microtile = #aie4ml.microtile<4, 8, 4>, split = #aie4ml.split<cascade = 1, chains = 1, k = 40, n = 12, rows = 5>}
         : (tensor<5x37xi16>, tensor<37x11xi8>) -> tensor<5x11xui8>
  return %y : tensor<5x11xui8>
}

func.func @two_stages(%x: tensor<5x8xui8>) -> tensor<5x8xi16> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 3, rounding = nearest_up, overflow = saturate, width = 8, min = -128, max = 127>, #aie4ml.requant<shift = 1, rounding = ceil, overflow = symmetric, width = 16, min = -32768, max = 32767>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 5>}
         : (tensor<5x8xui8>, tensor<8x8xi8>) -> tensor<5x8xi16>
  return %y : tensor<5x8xi16>
}

func.func @sum(%a: tensor<5x8xi8>, %b: tensor<5x8xi8>) -> tensor<5x8xi8> {
  %y = aie4ml.add %a, %b factors = [1, 2]
         requant = [#aie4ml.requant<shift = 1, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 5>}
         : (tensor<5x8xi8>, tensor<5x8xi8>) -> tensor<5x8xi8>
  return %y : tensor<5x8xi8>
}

func.func @leaves_other_functions_alone(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
  return %x : tensor<8x64xf32>
}
