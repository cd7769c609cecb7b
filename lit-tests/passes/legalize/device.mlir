// RUN: aie4ml-opt %s --aie4ml-legalize | FileCheck %s --check-prefixes=CHECK,DEFAULT
// RUN: aie4ml-opt %s --aie4ml-legalize=device=npu1 | FileCheck %s --check-prefixes=CHECK,NPU1

// CHECK-LABEL: func.func @takes_the_device_of_the_option
// DEFAULT-SAME: attributes {aie4ml.device = "xcve2802"}
// NPU1-SAME: attributes {aie4ml.device = "npu1"}
func.func @takes_the_device_of_the_option(%x: tensor<2x3xi8>) -> tensor<2x1xi8> {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// CHECK-LABEL: func.func @keeps_a_device_that_is_named
// CHECK-SAME: attributes {aie4ml.device = "xcve2302"}
func.func @keeps_a_device_that_is_named(%x: tensor<2x3xi8>) -> tensor<2x1xi8> attributes {aie4ml.device = "xcve2302"} {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// CHECK: func.func private @declares(tensor<2x3xi8>) -> tensor<2x1xi8>{{$}}
func.func private @declares(tensor<2x3xi8>) -> tensor<2x1xi8>
