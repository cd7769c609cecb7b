// RUN: aie4ml-opt %s --pass-pipeline='builtin.module(func.func(aie4ml-legalize,aie4ml-tile,aie4ml-parallelize,aie4ml-pack,aie4ml-plan-transport,aie4ml-place),convert-aie4ml-to-aie)' | FileCheck %s

// A core with two inputs has a channel, two buffers and two locks for each.

// CHECK-DAG: sym_name = "add_0_0_in0_0"
// CHECK-DAG: sym_name = "add_0_0_in0_1"
// CHECK-DAG: sym_name = "add_0_0_in1_0"
// CHECK-DAG: sym_name = "add_0_0_in1_1"
// CHECK-DAG: sym_name = "add_0_0_in0_full"
// CHECK-DAG: sym_name = "add_0_0_in1_full"
// CHECK-DAG: func.func private @add_4x8_i8_i8_l0_l1_i8_s1r12o0w8z0lm128h127(memref<32xi8>, memref<32xi8>, memref<32xi8>)
// CHECK: source = [0, 1]
func.func @main(%a: tensor<4x8xi8>, %b: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %0 = aie4ml.add %a, %b factors = [1, 2] requant = [#aie4ml.requant<shift = 1, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>] : (tensor<4x8xi8>, tensor<4x8xi8>) -> tensor<4x8xi8>
  return %0 : tensor<4x8xi8>
}
