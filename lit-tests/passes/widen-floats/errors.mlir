// RUN: aie4ml-opt %s --aie4ml-widen-floats --split-input-file --verify-diagnostics

func.func @reads_bits(%x: f32) -> i32 {
  // expected-error @+1 {{'arith.bitcast' op reads the bits of an f32, which is computed in f64}}
  %0 = arith.bitcast %x : f32 to i32
  return %0 : i32
}

// -----

func.func @bits_elsewhere() -> tensor<1xf32> {
  // expected-error @+1 {{is a constant that cannot be read: write its numbers out, as 'dense<...>'}}
  %0 = arith.constant dense_resource<weights> : tensor<1xf32>
  return %0 : tensor<1xf32>
}

{-#
  dialect_resources: { builtin: { weights: "0x040000000000803F" } }
#-}
