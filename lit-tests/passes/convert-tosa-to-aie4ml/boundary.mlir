// RUN: aie4ml-opt %s --convert-tosa-to-aie4ml --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

!x = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.5>

// CHECK-LABEL: func.func @keeps_names
// CHECK-SAME: tensor<2x3xi8> {aie4ml.name = "jets", aie4ml.quant = !quant.uniform<i8:f32, 2.500000e-01>}
// CHECK-SAME: tensor<2x1xi8> {aie4ml.name = "classes",
func.func @keeps_names(%x: tensor<1x2x3xf32> {aie4ml.name = "jets"}) -> (tensor<1x2x1xf32> {aie4ml.name = "classes"}) {
  %0 = quant.qcast %x : tensor<1x2x3xf32> to tensor<1x2x3x!x>
  %1 = quant.dcast %0 : tensor<1x2x3x!x> to tensor<1x2x3xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x3x1xi8>}> : () -> tensor<1x3x1xi8>
  %3 = quant.scast %2 : tensor<1x3x1xi8> to tensor<1x3x1x!w>
  %4 = quant.dcast %3 : tensor<1x3x1x!w> to tensor<1x3x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // CHECK: aie4ml.dense {{.*}} loc("fc1")
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x2x3xf32>, tensor<1x3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x1xf32> loc("fc1")
  %6 = quant.qcast %5 : tensor<1x2x1xf32> to tensor<1x2x1x!x>
  %7 = quant.dcast %6 : tensor<1x2x1x!x> to tensor<1x2x1xf32>
  return %7 : tensor<1x2x1xf32>
}

// CHECK-LABEL: func.func @numbers_what_has_no_name
// CHECK-SAME: %[[A:.*]]: tensor<2x3xi8> {aie4ml.name = "input0"
// CHECK-SAME: %[[B:.*]]: tensor<2x1xui8> {aie4ml.name = "input1"
// CHECK-SAME: -> (tensor<2x1xui8> {aie4ml.name = "output0", {{.*}}}, tensor<2x3xi8> {aie4ml.name = "output1",
func.func @numbers_what_has_no_name(%a: tensor<2x3xf32>, %b: tensor<2x1xf32>) -> (tensor<2x1xf32>, tensor<2x3xf32>) {
  %0 = quant.qcast %a : tensor<2x3xf32> to tensor<2x3x!x>
  %1 = quant.dcast %0 : tensor<2x3x!x> to tensor<2x3xf32>
  %2 = quant.qcast %b : tensor<2x1xf32> to tensor<2x1x!quant.uniform<u8:f32, 0.5>>
  %3 = quant.dcast %2 : tensor<2x1x!quant.uniform<u8:f32, 0.5>> to tensor<2x1xf32>
  // CHECK: return %[[B]], %[[A]]
  return %3, %1 : tensor<2x1xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @takes_an_input_once_that_is_quantized_twice
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<2x3xi8> {{{[^}]*}}} loc({{[^)]*}}))
func.func @takes_an_input_once_that_is_quantized_twice(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!x>
  %1 = quant.dcast %0 : tensor<2x3x!x> to tensor<2x3xf32>
  %2 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!x>
  %3 = quant.dcast %2 : tensor<2x3x!x> to tensor<2x3xf32>
  // CHECK: return %[[X]], %[[X]]
  return %1, %3 : tensor<2x3xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func private @declares
func.func private @declares(tensor<2x3xf32>) -> tensor<2x3xf32>

// CHECK-LABEL: func.func @leaves_other_functions_alone(%{{.*}}: tensor<2x3xi8>
func.func @leaves_other_functions_alone(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  %y = aie4ml.clamp %x min = 0 max = 7 : (tensor<2x3xi8>) -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}

// Features may have several extents; a layer that reads them says how many rows there are.

// CHECK-LABEL: func.func @takes_images
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<1x12xi8> {
func.func @takes_images(%x: tensor<1x3x4xf32>) -> tensor<1x1x1xf32> {
  %shape = tosa.const_shape {values = dense<[1, 1, 12]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %flat = tosa.reshape %x, %shape : (tensor<1x3x4xf32>, !tosa.shape<3>) -> tensor<1x1x12xf32>
  %0 = quant.qcast %flat : tensor<1x1x12xf32> to tensor<1x1x12x!x>
  %1 = quant.dcast %0 : tensor<1x1x12x!x> to tensor<1x1x12xf32>
  %2 = "tosa.const"() <{values = dense<1> : tensor<1x12x1xi8>}> : () -> tensor<1x12x1xi8>
  %3 = quant.scast %2 : tensor<1x12x1xi8> to tensor<1x12x1x!w>
  %4 = quant.dcast %3 : tensor<1x12x1x!w> to tensor<1x12x1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // CHECK: aie4ml.dense %[[X]]
  %5 = tosa.matmul %1, %4, %zero, %zero : (tensor<1x1x12xf32>, tensor<1x12x1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x1xf32>
  %6 = quant.qcast %5 : tensor<1x1x1xf32> to tensor<1x1x1x!x>
  %7 = quant.dcast %6 : tensor<1x1x1x!x> to tensor<1x1x1xf32>
  return %7 : tensor<1x1x1xf32>
}

// CHECK-LABEL: func.func @takes_images_that_nothing_multiplies
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<2x12xi8> {
func.func @takes_images_that_nothing_multiplies(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = quant.qcast %x : tensor<2x3x4xf32> to tensor<2x3x4x!x>
  %1 = quant.dcast %0 : tensor<2x3x4x!x> to tensor<2x3x4xf32>
  // CHECK: return %[[X]]
  return %1 : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @takes_and_gives_codes
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<2x3xui8> {aie4ml.name = "input0", aie4ml.quant = !quant.uniform<u8:f32, 2.500000e-01>}
// CHECK-SAME: -> (tensor<2x3xi8> {aie4ml.name = "output0", aie4ml.quant = !quant.uniform<i8:f32, 2.500000e-01>})
func.func @takes_and_gives_codes(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  %0 = quant.scast %x : tensor<2x3xi8> to tensor<2x3x!quant.uniform<u8:f32, 0.25>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<u8:f32, 0.25>> to tensor<2x3xf32>
  // CHECK: %[[Y:.*]] = aie4ml.requantize %[[X]]
  %2 = quant.qcast %1 : tensor<2x3xf32> to tensor<2x3x!x>
  %3 = quant.scast %2 : tensor<2x3x!x> to tensor<2x3xi8>
  // CHECK: return %[[Y]]
  return %3 : tensor<2x3xi8>
}
