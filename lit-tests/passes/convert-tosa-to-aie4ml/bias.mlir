// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml | FileCheck %s

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i8:f32, 1.0>

// Accumulators have scale 2^-3 here.
!same = !quant.uniform<i32:f32, 0.125>
!coarse = !quant.uniform<i8:f32, 0.5>
!fine = !quant.uniform<i32:f32, 0.03125>

// CHECK-LABEL: func.func @adds_a_bias_at_the_scale_of_sums
func.func @adds_a_bias_at_the_scale_of_sums(%x: tensor<1x2x3xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!x>
  %1 = quant.dcast %0 : tensor<1x2x3x!x> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %3 = quant.scast %2 : tensor<1x3x2xi8> to tensor<1x3x2x!w>
  %4 = quant.dcast %3 : tensor<1x3x2x!w> to tensor<1x3x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // CHECK: %[[ACC:.*]] = aie4ml.dense
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  %6 = "tosa.const"() <{values = dense<[[[100, -200]]]> : tensor<1x1x2xi32>}> : () -> tensor<1x1x2xi32>
  %7 = quant.scast %6 : tensor<1x1x2xi32> to tensor<1x1x2x!same>
  %8 = quant.dcast %7 : tensor<1x1x2x!same> to tensor<1x1x2xf32>
  // CHECK: %[[BIAS:.*]] = arith.constant dense<[100, -200]> : tensor<2xi32>
  // CHECK: aie4ml.bias_add %[[ACC]], %[[BIAS]] : (tensor<2x2xi32>, tensor<2xi32>) -> tensor<2x2xi32>
  %9 = tosa.add %5, %8 : (tensor<1x2x2xf32>, tensor<1x1x2xf32>) -> tensor<1x2x2xf32>
  %10 = quant.qcast %9 : tensor<1x2x2xf32> to tensor<1x2x2x!y>
  %11 = quant.dcast %10 : tensor<1x2x2x!y> to tensor<1x2x2xf32>
  return %11 : tensor<1x2x2xf32>
}

// CHECK-LABEL: func.func @shifts_a_coarser_bias_on_the_left
func.func @shifts_a_coarser_bias_on_the_left(%x: tensor<1x2x3xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!x>
  %1 = quant.dcast %0 : tensor<1x2x3x!x> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %3 = quant.scast %2 : tensor<1x3x2xi8> to tensor<1x3x2x!w>
  %4 = quant.dcast %3 : tensor<1x3x2x!w> to tensor<1x3x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // CHECK: %[[ACC:.*]] = aie4ml.dense
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  %6 = "tosa.const"() <{values = dense<[[[100, -128]]]> : tensor<1x1x2xi8>}> : () -> tensor<1x1x2xi8>
  %7 = quant.scast %6 : tensor<1x1x2xi8> to tensor<1x1x2x!coarse>
  %8 = quant.dcast %7 : tensor<1x1x2x!coarse> to tensor<1x1x2xf32>
  // CHECK: %[[BIAS:.*]] = arith.constant dense<[400, -512]> : tensor<2xi32>
  // CHECK: aie4ml.bias_add %[[ACC]], %[[BIAS]]
  %9 = tosa.add %8, %5 : (tensor<1x1x2xf32>, tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  %10 = quant.qcast %9 : tensor<1x2x2xf32> to tensor<1x2x2x!y>
  %11 = quant.dcast %10 : tensor<1x2x2x!y> to tensor<1x2x2xf32>
  return %11 : tensor<1x2x2xf32>
}

// CHECK-LABEL: func.func @divides_a_finer_bias_that_has_no_rest
func.func @divides_a_finer_bias_that_has_no_rest(%x: tensor<1x2x3xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!x>
  %1 = quant.dcast %0 : tensor<1x2x3x!x> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %3 = quant.scast %2 : tensor<1x3x2xi8> to tensor<1x3x2x!w>
  %4 = quant.dcast %3 : tensor<1x3x2x!w> to tensor<1x3x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  // One number for all features.
  %6 = "tosa.const"() <{values = dense<-36> : tensor<1x1x1xi32>}> : () -> tensor<1x1x1xi32>
  %7 = quant.scast %6 : tensor<1x1x1xi32> to tensor<1x1x1x!fine>
  %8 = quant.dcast %7 : tensor<1x1x1x!fine> to tensor<1x1x1xf32>
  // CHECK: arith.constant dense<-9> : tensor<2xi32>
  %9 = tosa.add %5, %8 : (tensor<1x2x2xf32>, tensor<1x1x1xf32>) -> tensor<1x2x2xf32>
  %10 = quant.qcast %9 : tensor<1x2x2xf32> to tensor<1x2x2x!y>
  %11 = quant.dcast %10 : tensor<1x2x2x!y> to tensor<1x2x2xf32>
  return %11 : tensor<1x2x2xf32>
}

// Sums of the products alone fit 32 bits, with this bias they do not: it is added behind them.

// CHECK-LABEL: func.func @adds_a_large_bias_behind_the_sums
func.func @adds_a_large_bias_behind_the_sums(%x: tensor<1x2x3xf32>) -> (tensor<1x2x2xf32>, tensor<1x2x2xf32>) {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!x>
  %1 = quant.dcast %0 : tensor<1x2x3x!x> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %3 = quant.scast %2 : tensor<1x3x2xi8> to tensor<1x3x2x!w>
  %4 = quant.dcast %3 : tensor<1x3x2x!w> to tensor<1x3x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // CHECK: %[[ACC:.*]] = aie4ml.dense %{{.*}}, %{{.*}} accumulator = i32 : (tensor<2x3xi8>, tensor<3x2xi8>) -> tensor<2x2xi32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  %relu = tosa.clamp %5 {min_val = 0.0 : f32, max_val = 0x7F800000 : f32} : (tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  %6 = "tosa.const"() <{values = dense<2147483647> : tensor<1x1x2xi32>}> : () -> tensor<1x1x2xi32>
  %7 = quant.scast %6 : tensor<1x1x2xi32> to tensor<1x1x2x!same>
  %8 = quant.dcast %7 : tensor<1x1x2x!same> to tensor<1x1x2xf32>
  %9 = "tosa.const"() <{values = dense<5> : tensor<1x1x2xi32>}> : () -> tensor<1x1x2xi32>
  %10 = quant.scast %9 : tensor<1x1x2xi32> to tensor<1x1x2x!same>
  %11 = quant.dcast %10 : tensor<1x1x2x!same> to tensor<1x1x2xf32>
  %small = tosa.add %5, %11 : (tensor<1x2x2xf32>, tensor<1x1x2xf32>) -> tensor<1x2x2xf32>
  %large = tosa.add %relu, %8 : (tensor<1x2x2xf32>, tensor<1x1x2xf32>) -> tensor<1x2x2xf32>
  // CHECK: %[[SMALL:.*]] = aie4ml.bias_add %[[ACC]], %{{.*}} : (tensor<2x2xi32>, tensor<2xi32>) -> tensor<2x2xi32>
  // CHECK: aie4ml.requantize %[[SMALL]]
  %12 = quant.qcast %small : tensor<1x2x2xf32> to tensor<1x2x2x!y>
  %13 = quant.dcast %12 : tensor<1x2x2x!y> to tensor<1x2x2xf32>
  // CHECK: aie4ml.requantize %[[ACC]] requant = <multiplier = {{.*}}, addend = {{.*}}
  %14 = quant.qcast %large : tensor<1x2x2xf32> to tensor<1x2x2x!y>
  %15 = quant.dcast %14 : tensor<1x2x2x!y> to tensor<1x2x2xf32>
  return %13, %15 : tensor<1x2x2xf32>, tensor<1x2x2xf32>
}

// CHECK-LABEL: func.func @adds_reals_that_sums_can_hold
func.func @adds_reals_that_sums_can_hold(%x: tensor<1x2x3xf32>) -> tensor<1x2x2xf32> {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!x>
  %1 = quant.dcast %0 : tensor<1x2x3x!x> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x2xi8>}> : () -> tensor<1x3x2xi8>
  %3 = quant.scast %2 : tensor<1x3x2xi8> to tensor<1x3x2x!w>
  %4 = quant.dcast %3 : tensor<1x3x2x!w> to tensor<1x3x2xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  %6 = "tosa.const"() <{values = dense<[[[-0.5, 12.0]]]> : tensor<1x1x2xf32>}> : () -> tensor<1x1x2xf32>
  // CHECK: arith.constant dense<[-4, 96]> : tensor<2xi32>
  %7 = tosa.add %6, %5 : (tensor<1x1x2xf32>, tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  %8 = quant.qcast %7 : tensor<1x2x2xf32> to tensor<1x2x2x!y>
  %9 = quant.dcast %8 : tensor<1x2x2x!y> to tensor<1x2x2xf32>
  return %9 : tensor<1x2x2xf32>
}
