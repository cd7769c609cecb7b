// A reproducer carries the options of the pass that failed, and fails again.

// RUN: not aie4ml-opt %s --pass-pipeline='builtin.module(func.func(aie4ml-parallelize{max-tiles=7}))' \
// RUN:   --mlir-pass-pipeline-crash-reproducer=%t 2>&1 | FileCheck %s
// RUN: FileCheck %s --check-prefix=FILE --input-file=%t
// RUN: not aie4ml-opt --run-reproducer %t 2>&1 | FileCheck %s

// CHECK: error: 'aie4ml.dense' op has no microtile: run aie4ml-tile first
// FILE: pipeline: "builtin.module(func.func(aie4ml-parallelize{{{.*}}max-tiles=7{{.*}}))"
func.func @no_microtile(%x: tensor<4x8xi8>) -> tensor<4x8xi32> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %y = aie4ml.dense %x, %w accumulator = i32 : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi32>
  return %y : tensor<4x8xi32>
}
