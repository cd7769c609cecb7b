// RUN: aie4ml-translate %s --aie4ml-to-cpp | FileCheck %s

// Every file compiles with the kernels' headers, here for the host.
// RUN: aie4ml-translate %s --aie4ml-to-cpp -o %t.txt
// RUN: split-file %t.txt %t
// RUN: clang++ -std=c++20 -Wall -Werror -fsyntax-only -I %root/kernels -I %root/kernels/host %t/*.cc

// Factors that are no powers of two multiply, into 64 bits.
// CHECK: //--- add_8x8_i8_i8_f3_fm5_i8_s9r12o0w8z0lm128h127vf1am77b12.cc
// CHECK: aie4ml::Add<int8_t, int8_t, int8_t,
// CHECK-NEXT: int64_t,
// CHECK-NEXT: 3, -5,
// CHECK-NEXT: 64,
// CHECK-NEXT: aie4ml::Stage<9, {{.*}}, 8, -128, 127, 0, true, aie4ml::Scale<aie4ml::Constant<1>, aie4ml::Constant<-77>, 12>>>::run(a, b, c);

// The first tile of a cascade has the bias, the last what differs from channel to channel.
// CHECK: //--- dense_first_{{.*}}.cc
// CHECK: const int32_t *__restrict bias) {
// CHECK: //--- dense_last_4x8x8_m4x8x8_i8_i8_acc32_i8_s40r12o0w8z3lm128h127vfc32ac62b32.cc
// CHECK: (const int8_t *__restrict a, const int8_t *__restrict w, const int32_t *__restrict parameters, int8_t *__restrict c) {
// CHECK: aie4ml::Scale<aie4ml::PerChannel<32>, aie4ml::PerChannel<62>, 32>>>::last(a, w, parameters, c);

// Sums of 34 bits and multipliers of 32 are cut; of 41 they are multiplied lane by lane.
// CHECK: //--- dense_single_4x8x8_m4x4x8_i16_i16_acc64_i16_s45r12o0w16z0lm32768h32767kfc32a0b34.cc
// CHECK: //--- dense_single_4x8x8_m4x4x8_i16_i16_acc64_i16_s50r12o0w16z0lm32768h32767xfc41a0b34.cc
// CHECK: aie4ml::Scale<aie4ml::PerChannel<41>, aie4ml::Constant<0>, 34>>>::single(a, w, parameters, c);

// A multiplier for all is part of the kernel. A result between two roundings says its sign.
// CHECK: //--- dense_single_{{.*}}_i8_s31r9o0w16z0l0h65535uvf1431655765a0b32_s3r11o0w8zm1lm128h127.cc
// CHECK: const int32_t *__restrict bias, int8_t *__restrict c) {
// CHECK: aie4ml::Stage<31, {{.*}}, 16, 0, 65535, 0, false, aie4ml::Scale<aie4ml::Constant<1431655765>, aie4ml::Constant<0>, 32>>,
// CHECK-NEXT: aie4ml::Stage<3, {{.*}}, 8, -128, 127, -1>>::single(a, w, bias, c);

func.func @per_channel(%x: tensor<4x16xi8>) -> tensor<4x3xi8> {
  %w = arith.constant dense<1> : tensor<16x3xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<multiplier = [1431655765, -3, 7], addend = [0, 1099511627776, 0], shift = 40, rounding = nearest_even, overflow = saturate, width = 8, zero_point = 3, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 2, chains = 1, k = 8, n = 8, rows = 4>}
         : (tensor<4x16xi8>, tensor<16x3xi8>) -> tensor<4x3xi8>
  return %y : tensor<4x3xi8>
}

func.func @rounds_twice(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<multiplier = [1431655765], shift = 31, rounding = nearest_up, overflow = saturate, width = 16, is_signed = false, min = 0, max = 65535>,
                    #aie4ml.requant<shift = 3, rounding = nearest_away, overflow = saturate, width = 8, zero_point = -1, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  return %y : tensor<4x8xi8>
}

func.func @sixteen_bits(%x: tensor<4x8xi16>) -> tensor<4x2xi16> {
  %w = arith.constant dense<32767> : tensor<8x2xi16>
  %y = aie4ml.dense %x, %w accumulator = i64
         requant = [#aie4ml.requant<multiplier = [1431655765, 3], shift = 45, rounding = nearest_even, overflow = saturate, width = 16, min = -32768, max = 32767>]
         {microtile = #aie4ml.microtile<4, 4, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>}
         : (tensor<4x8xi16>, tensor<8x2xi16>) -> tensor<4x2xi16>
  return %y : tensor<4x2xi16>
}

func.func @lane_by_lane(%x: tensor<4x8xi16>) -> tensor<4x2xi16> {
  %w = arith.constant dense<32767> : tensor<8x2xi16>
  %y = aie4ml.dense %x, %w accumulator = i64
         requant = [#aie4ml.requant<multiplier = [1099511627775, 3], shift = 50, rounding = nearest_even, overflow = saturate, width = 16, min = -32768, max = 32767>]
         {microtile = #aie4ml.microtile<4, 4, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>}
         : (tensor<4x8xi16>, tensor<8x2xi16>) -> tensor<4x2xi16>
  return %y : tensor<4x2xi16>
}

func.func @sum(%a: tensor<5x8xi8>, %b: tensor<5x8xi8>) -> tensor<5x8xi8> {
  %y = aie4ml.add %a, %b factors = [3, -5]
         requant = [#aie4ml.requant<addend = [-77], shift = 9, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 5>}
         : (tensor<5x8xi8>, tensor<5x8xi8>) -> tensor<5x8xi8>
  return %y : tensor<5x8xi8>
}
