// RUN: aie4ml-opt %s | aie4ml-opt | FileCheck %s

// What only this project knows is in attributes of builtin values.

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  // CHECK: aie.core
  %c = aie.core(%t) {
    aie.end
    // CHECK: aie4ml.slice = {cascade = array<i64: 0, 2>, k = array<i64: 0, 64>, layer = "dense_1", microtile = array<i64: 4, 8, 8>, n = array<i64: 0, 32>, rows = 1 : i64, source = 0 : i64}
  } {aie4ml.slice = {layer = "dense_1", source = 0, k = array<i64: 0, 64>, n = array<i64: 0, 32>, cascade = array<i64: 0, 2>,
                     rows = 1, microtile = array<i64: 4, 8, 8>}}
// CHECK: aie4ml.inputs = [{batch = 1 : i64
} {aie4ml.inputs = [{name = "x", rows = 1, columns = 64, batch = 1, element = i8, signed = true, scale = 0.5, zero_point = 0,
                     range = array<i64: -128, 127>, streams = [{column = 6, channel = 0, slices = [array<i64: 0, 64, 64>]}]}]}
