// RUN: aie4ml-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{'aie.device' op needs 'scale' in 'aie4ml.inputs'}}
aie.device(xcve2802) {
} {aie4ml.inputs = [{name = "x", rows = 1, columns = 64, batch = 1, element = i8, signed = true, zero_point = 0,
                     range = array<i64: -128, 127>, streams = []}]}

// -----

// expected-error @+1 {{'aie.device' op needs an array in 'aie4ml.outputs'}}
aie.device(xcve2802) {
} {aie4ml.outputs = 1}

// -----

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  // expected-error @+1 {{'aie.core' op needs 'k' of two natural numbers in 'aie4ml.slice'}}
  %c = aie.core(%t) {
    aie.end
  } {aie4ml.slice = {layer = "dense_1", source = 0, k = array<i64: 64>, n = array<i64: 0, 32>, cascade = array<i64: 0, 1>,
                     rows = 1, microtile = array<i64: 4, 8, 8>}}
}
