// What only moves codes.

// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml | FileCheck %s

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i8:f32, 1.0>

// Each part is quantized as the whole, then one gather joins them.

// CHECK-LABEL: func.func @concat_of_two_scales
func.func @concat_of_two_scales(%a: tensor<2x2x3x!x>, %b: tensor<2x2x2x!w>) -> tensor<2x2x5x!y> {
  // CHECK: %[[A:.*]] = aie4ml.requantize
  // CHECK-SAME: shift = 2,
  // CHECK: %[[B:.*]] = aie4ml.requantize
  // CHECK-SAME: shift = 1,
  // CHECK: arith.constant dense<[0, 1, 2, 6, 7, 3, 4, 5, 8, 9]>
  // CHECK: aie4ml.operator "gather"(%[[A]], %[[B]])
  %0 = quant.dcast %a : tensor<2x2x3x!x> to tensor<2x2x3xf32>
  %1 = quant.dcast %b : tensor<2x2x2x!w> to tensor<2x2x2xf32>
  %2 = tosa.concat %0, %1 {axis = 2 : i32} : (tensor<2x2x3xf32>, tensor<2x2x2xf32>) -> tensor<2x2x5xf32>
  %3 = quant.qcast %2 : tensor<2x2x5xf32> to tensor<2x2x5x!y>
  return %3 : tensor<2x2x5x!y>
}

// Codes of one meaning stay as they are.

// CHECK-LABEL: func.func @concat_of_one_scale
func.func @concat_of_one_scale(%a: tensor<2x2x3x!x>, %b: tensor<2x2x2x!x>) -> tensor<2x2x5x!x> {
  // CHECK-NOT: aie4ml.requantize
  // CHECK: aie4ml.operator "gather"(%arg0, %arg1)
  %0 = quant.dcast %a : tensor<2x2x3x!x> to tensor<2x2x3xf32>
  %1 = quant.dcast %b : tensor<2x2x2x!x> to tensor<2x2x2xf32>
  %2 = tosa.concat %0, %1 {axis = 2 : i32} : (tensor<2x2x3xf32>, tensor<2x2x2xf32>) -> tensor<2x2x5xf32>
  %3 = quant.qcast %2 : tensor<2x2x5xf32> to tensor<2x2x5x!x>
  return %3 : tensor<2x2x5x!x>
}

// A part is a view until it leaves.

// CHECK-LABEL: func.func @slice
func.func @slice(%x: tensor<2x4x3x!x>) -> tensor<2x2x3x!x> {
  // CHECK: arith.constant dense<[3, 4, 5, 6, 7, 8]>
  // CHECK: aie4ml.operator "gather"
  %0 = tosa.const_shape {values = dense<[0, 1, 0]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %1 = tosa.const_shape {values = dense<[2, 2, 3]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %2 = quant.dcast %x : tensor<2x4x3x!x> to tensor<2x4x3xf32>
  %3 = tosa.slice %2, %0, %1 : (tensor<2x4x3xf32>, !tosa.shape<3>, !tosa.shape<3>) -> tensor<2x2x3xf32>
  %4 = quant.qcast %3 : tensor<2x2x3xf32> to tensor<2x2x3x!x>
  return %4 : tensor<2x2x3x!x>
}

// With the code of the number that is padded with.

// CHECK-LABEL: func.func @pad
func.func @pad(%x: tensor<1x2x2x!quant.uniform<i8:f32, 0.25:5>>) -> tensor<1x3x3x!quant.uniform<i8:f32, 0.25:5>> {
  // CHECK: arith.constant dense<[-1, -1, -1, 0, 1, -1, 2, 3, -1]>
  // CHECK: aie4ml.operator "gather"({{.*}}) parameters = {fill = [5]}
  %0 = tosa.const_shape {values = dense<[0, 0, 1, 0, 0, 1]> : tensor<6xindex>} : () -> !tosa.shape<6>
  %1 = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %2 = quant.dcast %x : tensor<1x2x2x!quant.uniform<i8:f32, 0.25:5>> to tensor<1x2x2xf32>
  %3 = tosa.pad %2, %0, %1 : (tensor<1x2x2xf32>, !tosa.shape<6>, tensor<1xf32>) -> tensor<1x3x3xf32>
  %4 = quant.qcast %3 : tensor<1x3x3xf32> to tensor<1x3x3x!quant.uniform<i8:f32, 0.25:5>>
  return %4 : tensor<1x3x3x!quant.uniform<i8:f32, 0.25:5>>
}

// The other way round.

// CHECK-LABEL: func.func @reverse
func.func @reverse(%x: tensor<2x4x!x>) -> tensor<2x4x!x> {
  // CHECK: arith.constant dense<[3, 2, 1, 0]>
  // CHECK: aie4ml.operator "gather"
  %0 = quant.dcast %x : tensor<2x4x!x> to tensor<2x4xf32>
  %1 = tosa.reverse %0 {axis = 1 : i32} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = quant.qcast %1 : tensor<2x4xf32> to tensor<2x4x!x>
  return %2 : tensor<2x4x!x>
}

// Twice along an axis, three times along another.

// CHECK-LABEL: func.func @tile
func.func @tile(%x: tensor<2x1x3x!x>) -> tensor<2x2x9x!x> {
  // CHECK: arith.constant dense<[0, 1, 2, 0, 1, 2, 0, 1, 2,
  // CHECK: aie4ml.operator "gather"
  %0 = tosa.const_shape {values = dense<[1, 2, 3]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %1 = quant.dcast %x : tensor<2x1x3x!x> to tensor<2x1x3xf32>
  %2 = tosa.tile %1, %0 : (tensor<2x1x3xf32>, !tosa.shape<3>) -> tensor<2x2x9xf32>
  %3 = quant.qcast %2 : tensor<2x2x9xf32> to tensor<2x2x9x!x>
  return %3 : tensor<2x2x9x!x>
}

// A result lies as its type says.

// CHECK-LABEL: func.func @transposed_output
func.func @transposed_output(%x: tensor<2x2x3x!x>) -> tensor<2x3x2x!x> {
  // CHECK: arith.constant dense<[0, 3, 1, 4, 2, 5]>
  // CHECK: aie4ml.operator "gather"
  %0 = quant.dcast %x : tensor<2x2x3x!x> to tensor<2x2x3xf32>
  %1 = tosa.transpose %0 {perms = array<i32: 0, 2, 1>} : (tensor<2x2x3xf32>) -> tensor<2x3x2xf32>
  %2 = quant.qcast %1 : tensor<2x3x2xf32> to tensor<2x3x2x!x>
  return %2 : tensor<2x3x2x!x>
}

// Where an op mixes samples, all of them are one row.

// CHECK-LABEL: func.func @samples_are_mixed
func.func @samples_are_mixed(%x: tensor<2x3x!x>) -> tensor<3x2x!x> {
  // CHECK-SAME: tensor<1x6xi8>
  // CHECK: arith.constant dense<[3, 0, 4, 1, 5, 2]>
  // CHECK: aie4ml.operator "gather"
  %0 = quant.dcast %x : tensor<2x3x!x> to tensor<2x3xf32>
  %1 = tosa.transpose %0 {perms = array<i32: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %2 = tosa.reverse %1 {axis = 1 : i32} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %3 = quant.qcast %2 : tensor<3x2xf32> to tensor<3x2x!x>
  return %3 : tensor<3x2x!x>
}

// So are they where a reshape moves values from one to another, though every layer is dense.

// CHECK-LABEL: func.func @values_change_rows
func.func @values_change_rows(%x: tensor<2x6x!x>) -> tensor<3x4x!x> {
  // CHECK-SAME: tensor<1x12xi8>
  %shape = tosa.const_shape {values = dense<[3, 4]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %0 = quant.dcast %x : tensor<2x6x!x> to tensor<2x6xf32>
  %1 = tosa.clamp %0 {min_val = 0.0 : f32, max_val = 6.0 : f32} : (tensor<2x6xf32>) -> tensor<2x6xf32>
  %2 = quant.qcast %1 : tensor<2x6xf32> to tensor<2x6x!x>
  %3 = quant.dcast %2 : tensor<2x6x!x> to tensor<2x6xf32>
  %4 = tosa.reshape %3, %shape : (tensor<2x6xf32>, !tosa.shape<2>) -> tensor<3x4xf32>
  %5 = quant.qcast %4 : tensor<3x4xf32> to tensor<3x4x!x>
  return %5 : tensor<3x4x!x>
}

// Digits that continue each other are one, which can be cut anywhere.

// CHECK-LABEL: func.func @part_of_what_is_repeated
func.func @part_of_what_is_repeated(%x: tensor<2x3x1x!x>) -> tensor<2x5x!x> {
  // CHECK: arith.constant dense<[0, 0, 1, 1, 2, 2]>
  // CHECK: aie4ml.operator "gather"
  // CHECK: arith.constant dense<[1, 2, 3, 4, 5]>
  // CHECK: aie4ml.operator "gather"
  %0 = tosa.const_shape {values = dense<[1, 1, 2]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %1 = tosa.const_shape {values = dense<[2, 6]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %2 = tosa.const_shape {values = dense<[0, 1]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %3 = tosa.const_shape {values = dense<[2, 5]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %4 = quant.dcast %x : tensor<2x3x1x!x> to tensor<2x3x1xf32>
  %5 = tosa.tile %4, %0 : (tensor<2x3x1xf32>, !tosa.shape<3>) -> tensor<2x3x2xf32>
  %6 = tosa.reshape %5, %1 : (tensor<2x3x2xf32>, !tosa.shape<2>) -> tensor<2x6xf32>
  %7 = tosa.slice %6, %2, %3 : (tensor<2x6xf32>, !tosa.shape<2>, !tosa.shape<2>) -> tensor<2x5xf32>
  %8 = quant.qcast %7 : tensor<2x5xf32> to tensor<2x5x!x>
  return %8 : tensor<2x5x!x>
}
