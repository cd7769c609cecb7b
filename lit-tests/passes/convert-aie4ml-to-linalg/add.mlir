// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @multiplies_and_adds_in_32_bits
// CHECK-SAME: (%[[A:.*]]: tensor<2x3xi8>, %[[B:.*]]: tensor<2x3xi16>) -> tensor<2x3xi32>
// CHECK-DAG: %[[FOUR:.*]] = arith.constant 4 : i32
// CHECK: linalg.generic {{.*}} ins(%[[A]], %[[B]] : tensor<2x3xi8>, tensor<2x3xi16>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: i8, %[[Y:.*]]: i16, %{{.*}}: i32):
// CHECK-NEXT: %[[X32:.*]] = arith.extui %[[X]] : i8 to i32
// CHECK-NEXT: %[[SCALED:.*]] = arith.muli %[[X32]], %[[FOUR]] : i32
// CHECK-NEXT: %[[Y32:.*]] = arith.extsi %[[Y]] : i16 to i32
// CHECK-NEXT: %[[SUM:.*]] = arith.addi %[[SCALED]], %[[Y32]] : i32
// CHECK-NEXT: linalg.yield %[[SUM]] : i32
func.func @multiplies_and_adds_in_32_bits(%a: tensor<2x3xui8>, %b: tensor<2x3xi16>) -> tensor<2x3xi32> {
  %0 = aie4ml.add %a, %b factors = [4, 1] : (tensor<2x3xui8>, tensor<2x3xi16>) -> tensor<2x3xi32>
  return %0 : tensor<2x3xi32>
}

// CHECK-LABEL: func.func @multiplies_and_adds_in_64_bits
// CHECK: linalg.generic
// CHECK: arith.muli %{{.*}}, %{{.*}} : i64
// CHECK: arith.addi %{{.*}}, %{{.*}} : i64
func.func @multiplies_and_adds_in_64_bits(%a: tensor<2x3xi16>, %b: tensor<2x3xi16>) -> tensor<2x3xi64> {
  %0 = aie4ml.add %a, %b factors = [-70000, 2000000000] accumulator = i64 : (tensor<2x3xi16>, tensor<2x3xi16>) -> tensor<2x3xi64>
  return %0 : tensor<2x3xi64>
}
