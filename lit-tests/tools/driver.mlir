// MLIR's own driver is underneath: its options work with our passes.

// RUN: aie4ml-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(aie4ml-tile))' | FileCheck %s
// RUN: aie4ml-opt %s --split-input-file --aie4ml-tile --aie4ml-parallelize=max-tiles=4 -o /dev/null \
// RUN:   --mlir-print-ir-after-all 2>&1 | FileCheck %s --check-prefix=AFTER
// RUN: aie4ml-opt %s --split-input-file --aie4ml-tile --mlir-timing -o /dev/null 2>&1 | FileCheck %s --check-prefix=TIMING
// RUN: aie4ml-opt %s --split-input-file --aie4ml-tile --dump-pass-pipeline -o /dev/null 2>&1 | FileCheck %s --check-prefix=DUMP
// RUN: aie4ml-opt %s --split-input-file --pass-pipeline='builtin.module(canonicalize,aie4ml-compile)' | FileCheck %s --check-prefix=COMPILE
// RUN: aie4ml-opt %s --split-input-file --canonicalize --cse | FileCheck %s --check-prefix=UPSTREAM

// CHECK-LABEL: func.func @first
// CHECK: microtile = #aie4ml.microtile<4, 8, 8>
// AFTER: IR Dump After {{.*}}(aie4ml-tile)
// AFTER: IR Dump After {{.*}}(aie4ml-parallelize)
// TIMING: aie4ml-tile
// DUMP: builtin.module(
// DUMP-NEXT: func.func(
// DUMP-NEXT: aie4ml-tile
// COMPILE: aie.device(xcve2802)
// COMPILE: aie.device(xcve2802)
// UPSTREAM-LABEL: @first
// UPSTREAM: aie4ml.dense
func.func @first(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 3, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
       : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  return %y : tensor<4x8xi8>
}

// -----

// CHECK-LABEL: func.func @second
// CHECK: microtile = #aie4ml.microtile<4, 8, 8>
// UPSTREAM-LABEL: @second
func.func @second(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %w = arith.constant dense<2> : tensor<8x8xi8>
  // Without uses it is gone.
  // UPSTREAM-COUNT-1: aie4ml.dense
  // UPSTREAM-NOT: aie4ml.dense
  %unused = aie4ml.dense %x, %w accumulator = i32 : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi32>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 4, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
       : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
  return %y : tensor<4x8xi8>
}
