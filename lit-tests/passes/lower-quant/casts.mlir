// RUN: aie4ml-opt %s --aie4ml-lower-quant | FileCheck %s

// Divides what is given as f32 does, limits in f64, where that is exact, and a NaN becomes the
// lower one.
// CHECK-LABEL: func.func @rounds_to_even_and_saturates
// CHECK-SAME: -> tensor<4x2xi8>
// CHECK: ^bb0(%[[X:.*]]: f32, %{{.*}}: i8):
// CHECK: %[[SCALE:.*]] = arith.constant 2.500000e-01 : f64
// CHECK: %[[WIDE:.*]] = arith.extf %[[X]] : f32 to f64
// CHECK: %[[Q:.*]] = arith.divf %[[WIDE]], %[[SCALE]] : f64
// CHECK: %[[N:.*]] = arith.truncf %[[Q]] to_nearest_even : f64 to f32
// CHECK: %[[E:.*]] = arith.extf %[[N]] : f32 to f64
// CHECK: %[[LOW:.*]] = arith.constant -1.310000e+02 : f64
// CHECK: %[[HIGH:.*]] = arith.constant 1.240000e+02 : f64
// CHECK: %[[ABOVE:.*]] = arith.cmpf ogt, %[[E]], %[[LOW]] : f64
// CHECK: %[[UP:.*]] = arith.select %[[ABOVE]], %[[E]], %[[LOW]] : f64
// CHECK: %[[BELOW:.*]] = arith.cmpf olt, %[[UP]], %[[HIGH]] : f64
// CHECK: %[[IN:.*]] = arith.select %[[BELOW]], %[[UP]], %[[HIGH]] : f64
// CHECK: %[[R:.*]] = math.roundeven %[[IN]] : f64
// CHECK: %[[I:.*]] = arith.fptosi %[[R]] : f64 to i64
// CHECK: %[[ZERO:.*]] = arith.constant 3 : i64
// CHECK: %[[C:.*]] = arith.addi %[[I]], %[[ZERO]] : i64
// CHECK: arith.trunci %[[C]] : i64 to i8
func.func @rounds_to_even_and_saturates(%x: tensor<4x2xf32>) -> tensor<4x2x!quant.uniform<i8:f32, 0.25:3>> {
  %0 = quant.qcast %x : tensor<4x2xf32> to tensor<4x2x!quant.uniform<i8:f32, 0.25:3>>
  return %0 : tensor<4x2x!quant.uniform<i8:f32, 0.25:3>>
}

// CHECK-LABEL: func.func @saturates_at_the_declared_range
// CHECK-DAG: arith.constant -3.200000e+01 : f64
// CHECK-DAG: arith.constant 3.100000e+01 : f64
func.func @saturates_at_the_declared_range(%x: tensor<4xf32>) -> tensor<4x!quant.uniform<i8<-32:31>:f32, 0.25>> {
  %0 = quant.qcast %x : tensor<4xf32> to tensor<4x!quant.uniform<i8<-32:31>:f32, 0.25>>
  return %0 : tensor<4x!quant.uniform<i8<-32:31>:f32, 0.25>>
}

// CHECK-LABEL: func.func @scales_unsigned_codes
// CHECK-SAME: (%{{.*}}: tensor<4xi8>)
// CHECK: %[[C:.*]] = arith.extui %{{.*}} : i8 to i64
// CHECK: %[[D:.*]] = arith.subi %[[C]], %{{.*}} : i64
// CHECK: %[[F:.*]] = arith.sitofp %[[D]] : i64 to f64
// CHECK: %[[P:.*]] = arith.mulf %[[F]], %{{.*}} : f64
// CHECK: arith.truncf %[[P]] : f64 to f32
func.func @scales_unsigned_codes(%x: tensor<4x!quant.uniform<u8:f32, 0.5:128>>) -> tensor<4xf32> {
  %0 = quant.dcast %x : tensor<4x!quant.uniform<u8:f32, 0.5:128>> to tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @scales_per_axis
// CHECK: %[[SCALES:.*]] = arith.constant dense<[5.000000e-01, 2.500000e-01]> : tensor<2xf64>
// CHECK: %[[ZEROS:.*]] = arith.constant dense<[0, 7]> : tensor<2xi64>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[SCALES]], %[[ZEROS]] : tensor<3x2xi16>, tensor<2xf64>, tensor<2xi64>)
func.func @scales_per_axis(%x: tensor<3x2x!quant.uniform<i16:f32:1, {0.5, 0.25:7}>>) -> tensor<3x2xf32> {
  %0 = quant.dcast %x : tensor<3x2x!quant.uniform<i16:f32:1, {0.5, 0.25:7}>> to tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// CHECK-LABEL: func.func @quantizes_per_axis
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<3x2xf32>, tensor<3xf64>)
// CHECK: arith.divf
func.func @quantizes_per_axis(%x: tensor<3x2xf32>) -> tensor<3x2x!quant.uniform<i8:f32:0, {0.5, 0.25, 1.0}>> {
  %0 = quant.qcast %x : tensor<3x2xf32> to tensor<3x2x!quant.uniform<i8:f32:0, {0.5, 0.25, 1.0}>>
  return %0 : tensor<3x2x!quant.uniform<i8:f32:0, {0.5, 0.25, 1.0}>>
}

// CHECK-LABEL: func.func @reinterprets_for_nothing
// CHECK-SAME: (%[[X:.*]]: tensor<4xi8>)
// CHECK-NEXT: return %[[X]]
func.func @reinterprets_for_nothing(%x: tensor<4xi8>) -> tensor<4xi8> {
  %0 = quant.scast %x : tensor<4xi8> to tensor<4x!quant.uniform<i8:f32, 0.5>>
  %1 = quant.scast %0 : tensor<4x!quant.uniform<i8:f32, 0.5>> to tensor<4xi8>
  return %1 : tensor<4xi8>
}

// CHECK-LABEL: func.func @moves_codes
// CHECK: tosa.transpose %{{.*}} : (tensor<2x3xi8>) -> tensor<3x2xi8>
func.func @moves_codes(%x: tensor<2x3x!quant.uniform<i8:f32, 0.5>>) -> tensor<3x2x!quant.uniform<i8:f32, 0.5>> {
  %0 = tosa.transpose %x {perms = array<i32: 1, 0>} : (tensor<2x3x!quant.uniform<i8:f32, 0.5>>) -> tensor<3x2x!quant.uniform<i8:f32, 0.5>>
  return %0 : tensor<3x2x!quant.uniform<i8:f32, 0.5>>
}

// CHECK-LABEL: func.func @rounds_as_its_attribute_says
// CHECK: math.floor
// CHECK-NOT: math.roundeven
func.func @rounds_as_its_attribute_says(%x: tensor<4xf32>) -> tensor<4x!quant.uniform<i8:f32, 0.5>> {
  %0 = quant.qcast %x {aie4ml.rounding = "floor"} : tensor<4xf32> to tensor<4x!quant.uniform<i8:f32, 0.5>>
  return %0 : tensor<4x!quant.uniform<i8:f32, 0.5>>
}

// CHECK-LABEL: func.func @computes_in_f64_already
// CHECK-NOT: arith.extf
// CHECK-NOT: arith.truncf
func.func @computes_in_f64_already(%x: tensor<4xf64>) -> tensor<4xf64> {
  %0 = quant.qcast %x : tensor<4xf64> to tensor<4x!quant.uniform<i8:f64, 0.5>>
  %1 = quant.dcast %0 : tensor<4x!quant.uniform<i8:f64, 0.5>> to tensor<4xf64>
  return %1 : tensor<4xf64>
}

// Only what the function is given.
// CHECK-LABEL: func.func @divides_what_is_computed_as_reals
// CHECK: arith.divf
// CHECK-NOT: arith.truncf
func.func @divides_what_is_computed_as_reals(%x: tensor<4xf32>) -> tensor<4x!quant.uniform<i8:f32, 0.3>> {
  %0 = tosa.abs %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = quant.qcast %0 : tensor<4xf32> to tensor<4x!quant.uniform<i8:f32, 0.3>>
  return %1 : tensor<4x!quant.uniform<i8:f32, 0.3>>
}
