// RUN: aie4ml-opt %s --aie4ml-widen-floats | FileCheck %s

// CHECK-LABEL: func.func @drops_casts_between_both
// CHECK-SAME: (%[[X:.*]]: f64) -> f64
// CHECK-NEXT: return %[[X]]
func.func @drops_casts_between_both(%x: f32) -> f32 {
  %0 = arith.extf %x : f32 to f64
  %1 = arith.truncf %0 : f64 to f32
  return %1 : f32
}

// CHECK-LABEL: func.func @rounds_to_fewer_bits
// CHECK: arith.truncf %{{.*}} : f64 to bf16
// CHECK: arith.extf %{{.*}} : bf16 to f64
func.func @rounds_to_fewer_bits(%x: f32) -> f32 {
  %0 = arith.truncf %x : f32 to bf16
  %1 = arith.extf %0 : bf16 to f32
  return %1 : f32
}

// CHECK-LABEL: func.func @widens_scalars_and_splats
// CHECK: arith.constant 0.10000000149011612 : f64
// CHECK: arith.constant dense<0.10000000149011612> : tensor<2x2xf64>
// CHECK: arith.constant dense<1> : tensor<2xi32>
func.func @widens_scalars_and_splats() -> (f32, tensor<2x2xf32>, tensor<2xi32>) {
  %0 = arith.constant 0.1 : f32
  %1 = arith.constant dense<0.1> : tensor<2x2xf32>
  %2 = arith.constant dense<1> : tensor<2xi32>
  return %0, %1, %2 : f32, tensor<2x2xf32>, tensor<2xi32>
}

// CHECK-LABEL: func.func @leaves_other_bits
// CHECK: arith.bitcast %{{.*}} : bf16 to i16
func.func @leaves_other_bits(%x: bf16) -> i16 {
  %0 = arith.bitcast %x : bf16 to i16
  return %0 : i16
}

// CHECK-LABEL: func.func @rounds_where_f32_is_meant
// CHECK: arith.truncf %{{.*}} to_nearest_even : f64 to f32
// CHECK: arith.extf %{{.*}} : f32 to f64
func.func @rounds_where_f32_is_meant(%x: f64) -> f64 {
  %0 = arith.truncf %x to_nearest_even : f64 to f32
  %1 = arith.extf %0 : f32 to f64
  return %1 : f64
}
