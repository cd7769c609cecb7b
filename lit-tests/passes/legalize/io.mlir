// RUN: aie4ml-opt %s --aie4ml-legalize | FileCheck %s --check-prefixes=CHECK,DEFAULT
// RUN: aie4ml-opt %s --aie4ml-legalize=io=ddr | FileCheck %s --check-prefixes=CHECK,DDR
// RUN: not aie4ml-opt %s --aie4ml-legalize=io=usb 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: not aie4ml-opt %s --aie4ml-legalize="device=npu2 io=plio" 2>&1 | FileCheck %s --check-prefix=NONE

// BAD: option 'io': must be plio, ddr or auto (got 'usb')
// NONE: error: 'func.func' op is for npu2, which has no programmable logic: tensors cross its boundary by 'ddr' only

// CHECK-LABEL: func.func @takes_the_boundary_of_the_option
// DEFAULT-SAME: attributes {aie4ml.device = "xcve2802"}
// DDR-SAME: attributes {aie4ml.device = "xcve2802", aie4ml.io = "ddr"}
func.func @takes_the_boundary_of_the_option(%x: tensor<2x3xi8>) -> tensor<2x1xi8> {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// CHECK-LABEL: func.func @keeps_a_boundary_that_is_named
// CHECK-SAME: attributes {aie4ml.device = "xcve2802", aie4ml.io = "plio"}
func.func @keeps_a_boundary_that_is_named(%x: tensor<2x3xi8>) -> tensor<2x1xi8> attributes {aie4ml.io = "plio"} {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}
