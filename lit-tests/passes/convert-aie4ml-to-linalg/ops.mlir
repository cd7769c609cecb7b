// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @sums_in_the_accumulator_on_top_of_the_bias
// CHECK-SAME: (%[[X:.*]]: tensor<2x4xi8>, %[[W:.*]]: tensor<4x3xi16>, %[[B:.*]]: tensor<3xi32>)
// CHECK: %[[START:.*]] = linalg.generic {{.*}} ins(%[[B]] : tensor<3xi32>)
// CHECK: arith.extsi %{{.*}} : i32 to i64
// CHECK: %[[SUM:.*]] = linalg.generic {{{.*}}iterator_types = ["parallel", "reduction", "parallel"]} ins(%[[X]], %[[W]] : {{.*}}) outs(%[[START]] : tensor<2x3xi64>)
// CHECK-NEXT: ^bb0(%[[A:.*]]: i8, %[[C:.*]]: i16, %[[ACC:.*]]: i64):
// CHECK-NEXT: %[[A64:.*]] = arith.extsi %[[A]] : i8 to i64
// CHECK-NEXT: %[[C64:.*]] = arith.extsi %[[C]] : i16 to i64
// CHECK-NEXT: %[[P:.*]] = arith.muli %[[A64]], %[[C64]] : i64
// CHECK-NEXT: %[[S:.*]] = arith.addi %[[ACC]], %[[P]] : i64
// CHECK-NEXT: linalg.yield %[[S]] : i64
// CHECK: return %[[SUM]]
func.func @sums_in_the_accumulator_on_top_of_the_bias(%x: tensor<2x4xi8>, %w: tensor<4x3xi16>, %b: tensor<3xi32>) -> tensor<2x3xi64> {
  %y = aie4ml.dense %x, %w, %b accumulator = i64
       : (tensor<2x4xi8>, tensor<4x3xi16>, tensor<3xi32>) -> tensor<2x3xi64>
  return %y : tensor<2x3xi64>
}

// CHECK-LABEL: func.func @starts_at_zero_without_bias
// CHECK: %[[ZERO:.*]] = arith.constant dense<0> : tensor<2x3xi32>
// CHECK: outs(%[[ZERO]] : tensor<2x3xi32>)
func.func @starts_at_zero_without_bias(%x: tensor<2x4xi8>, %w: tensor<4x3xi8>) -> tensor<2x3xi32> {
  %y = aie4ml.dense %x, %w accumulator = i32
       : (tensor<2x4xi8>, tensor<4x3xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}

// CHECK-LABEL: func.func @says_signs_by_extension
// CHECK-SAME: tensor<2x4xi8>) -> tensor<2x3xi16>
// CHECK-DAG: %[[W:.*]] = arith.constant dense<-1> : tensor<4x3xi8>
// CHECK: ^bb0(%[[A:.*]]: i8, %[[C:.*]]: i8, %{{.*}}: i32):
// CHECK-NEXT: arith.extui %[[A]] : i8 to i32
// CHECK-NEXT: arith.extui %[[C]] : i8 to i32
// CHECK: tensor<2x3xi16>
func.func @says_signs_by_extension(%x: tensor<2x4xui8>) -> tensor<2x3xui16> {
  %w = arith.constant dense<255> : tensor<4x3xui8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 16, is_signed = false, min = 0, max = 65535>]
       : (tensor<2x4xui8>, tensor<4x3xui8>) -> tensor<2x3xui16>
  return %y : tensor<2x3xui16>
}

// CHECK-LABEL: func.func @adds_a_bias_per_feature
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x3xi64>, tensor<3xi32>)
// CHECK: %[[B:.*]] = arith.extsi %{{.*}} : i32 to i64
// CHECK: arith.addi %{{.*}}, %[[B]] : i64
func.func @adds_a_bias_per_feature(%x: tensor<2x3xi64>, %b: tensor<3xi32>) -> tensor<2x3xi64> {
  %y = aie4ml.bias_add %x, %b : (tensor<2x3xi64>, tensor<3xi32>) -> tensor<2x3xi64>
  return %y : tensor<2x3xi64>
}

// CHECK-LABEL: func.func @clamps
// CHECK-DAG: %[[LOW:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[HIGH:.*]] = arith.constant 100 : i64
// CHECK: %[[X:.*]] = arith.extsi %{{.*}} : i8 to i64
// CHECK: %[[UP:.*]] = arith.maxsi %[[X]], %[[LOW]] : i64
// CHECK: %[[Y:.*]] = arith.minsi %[[UP]], %[[HIGH]] : i64
// CHECK: arith.trunci %[[Y]] : i64 to i8
func.func @clamps(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  %y = aie4ml.clamp %x min = 0 max = 100 : (tensor<2x3xi8>) -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}

// CHECK-LABEL: func.func @a_limit_beyond_the_type_limits_nothing
// CHECK-DAG: arith.constant 127 : i64
// CHECK-NOT: arith.constant 1000
func.func @a_limit_beyond_the_type_limits_nothing(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  %y = aie4ml.clamp %x min = 0 max = 1000 : (tensor<2x3xi8>) -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}

// CHECK-LABEL: func.func @transfers_and_mapping_change_nothing
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xi8>)
// CHECK-NEXT: return %[[X]]
func.func @transfers_and_mapping_change_nothing(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  %y = aie4ml.transfer %x {regions = [#aie4ml.region<0 -> 0, 0 to 3, group = 0>]} : tensor<2x3xi8> -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}
