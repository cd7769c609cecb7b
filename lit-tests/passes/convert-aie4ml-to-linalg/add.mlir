// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @shifts_and_adds_in_32_bits
// CHECK-SAME: (%[[A:.*]]: tensor<2x3xi8>, %[[B:.*]]: tensor<2x3xi16>) -> tensor<2x3xi32>
// CHECK-DAG: %[[TWO:.*]] = arith.constant 2 : i32
// CHECK: linalg.generic {{.*}} ins(%[[A]], %[[B]] : tensor<2x3xi8>, tensor<2x3xi16>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: i8, %[[Y:.*]]: i16, %{{.*}}: i32):
// CHECK-NEXT: %[[X32:.*]] = arith.extui %[[X]] : i8 to i32
// CHECK-NEXT: %[[SHIFTED:.*]] = arith.shli %[[X32]], %[[TWO]] : i32
// CHECK-NEXT: %[[Y32:.*]] = arith.extsi %[[Y]] : i16 to i32
// CHECK-NEXT: %[[SUM:.*]] = arith.addi %[[SHIFTED]], %[[Y32]] : i32
// CHECK-NEXT: linalg.yield %[[SUM]] : i32
func.func @shifts_and_adds_in_32_bits(%a: tensor<2x3xui8>, %b: tensor<2x3xi16>) -> tensor<2x3xi32> {
  %0 = aie4ml.add %a, %b shifts = [2, 0] : (tensor<2x3xui8>, tensor<2x3xi16>) -> tensor<2x3xi32>
  return %0 : tensor<2x3xi32>
}
