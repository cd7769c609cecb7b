// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml | FileCheck %s

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i8:f32, 1.0>

// Gemm's alpha: a power of two is part of the scale. Sums have scale 2^-3, and
// eight times that is the scale of the result.

// CHECK-LABEL: func.func @multiplies_sums_by_a_power_of_two
func.func @multiplies_sums_by_a_power_of_two(%x: tensor<1x2x3xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!x>
  %1 = quant.dcast %0 : tensor<1x2x3x!x> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %3 = quant.scast %2 : tensor<1x3x2xi8> to tensor<1x3x2x!w>
  %4 = quant.dcast %3 : tensor<1x3x2x!w> to tensor<1x3x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // CHECK: %[[ACC:.*]] = aie4ml.dense
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  %alpha = "tosa.const"() <{values = dense<8.0> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %none = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %6 = tosa.mul %alpha, %5, %none : (tensor<1x1x1xf32>, tensor<1x2x2xf32>, tensor<1xi8>) -> tensor<1x2x2xf32>
  // CHECK-NEXT: aie4ml.requantize %[[ACC]] requant = <shift = 0,
  %7 = quant.qcast %6 : tensor<1x2x2xf32> to tensor<1x2x2x!y>
  %8 = quant.dcast %7 : tensor<1x2x2x!y> to tensor<1x2x2xf32>
  return %8 : tensor<1x2x2xf32>
}

// Gemm's beta: half a bias at the scale of the sums.

// CHECK-LABEL: func.func @multiplies_a_bias_by_a_power_of_two
func.func @multiplies_a_bias_by_a_power_of_two(%x: tensor<1x2x3xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!x>
  %1 = quant.dcast %0 : tensor<1x2x3x!x> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %3 = quant.scast %2 : tensor<1x3x2xi8> to tensor<1x3x2x!w>
  %4 = quant.dcast %3 : tensor<1x3x2x!w> to tensor<1x3x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  %6 = "tosa.const"() <{values = dense<[[[100, -200]]]> : tensor<1x1x2xi32>}> : () -> tensor<1x1x2xi32>
  %7 = quant.scast %6 : tensor<1x1x2xi32> to tensor<1x1x2x!quant.uniform<i32:f32, 0.125>>
  %8 = quant.dcast %7 : tensor<1x1x2x!quant.uniform<i32:f32, 0.125>> to tensor<1x1x2xf32>
  %beta = "tosa.const"() <{values = dense<0.5> : tensor<1x1x2xf32>}> : () -> tensor<1x1x2xf32>
  %none = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %9 = tosa.mul %8, %beta, %none : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1xi8>) -> tensor<1x1x2xf32>
  // CHECK: arith.constant dense<[50, -100]> : tensor<2xi32>
  %10 = tosa.add %5, %9 : (tensor<1x2x2xf32>, tensor<1x1x2xf32>) -> tensor<1x2x2xf32>
  %11 = quant.qcast %10 : tensor<1x2x2xf32> to tensor<1x2x2x!y>
  %12 = quant.dcast %11 : tensor<1x2x2x!y> to tensor<1x2x2xf32>
  return %12 : tensor<1x2x2xf32>
}

// The same codes mean twice as much.

// CHECK-LABEL: func.func @tells_the_caller_of_a_factor
// CHECK-SAME: %[[X:.*]]: tensor<2x3xi8>
// CHECK-SAME: aie4ml.quant = !quant.uniform<i8:f32, 2.500000e-01>
// CHECK-SAME: -> (tensor<2x3xi8> {aie4ml.name = "output0", aie4ml.quant = !quant.uniform<i8:f32, 5.000000e-01>})
func.func @tells_the_caller_of_a_factor(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!x>
  %1 = quant.dcast %0 : tensor<2x3x!x> to tensor<2x3xf32>
  %two = "tosa.const"() <{values = dense<2.0> : tensor<1x1xf32>}> : () -> tensor<1x1xf32>
  %none = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %2 = tosa.mul %1, %two, %none : (tensor<2x3xf32>, tensor<1x1xf32>, tensor<1xi8>) -> tensor<2x3xf32>
  // CHECK: return %[[X]]
  return %2 : tensor<2x3xf32>
}
