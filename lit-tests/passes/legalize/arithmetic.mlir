// RUN: aie4ml-opt %s --aie4ml-legalize | FileCheck %s

// Everything here passes; the limits themselves are in errors.mlir.

// CHECK-LABEL: func.func @allows_what_kernels_compute
func.func @allows_what_kernels_compute(%a: tensor<2x3xi16>, %b: tensor<2x3xui8>, %c: tensor<2x3xui16>) -> (tensor<2x1xui8>, tensor<2x1xi16>, tensor<2x1xui16>) {
  %w = arith.constant dense<-128> : tensor<3x1xi8>
  %0 = aie4ml.dense %a, %w accumulator = i64
         requant = [#aie4ml.requant<shift = 59, rounding = nearest_odd, overflow = wrap, width = 8, is_signed = false, min = 0, max = 255>]
         : (tensor<2x3xi16>, tensor<3x1xi8>) -> tensor<2x1xui8>
  %1 = aie4ml.dense %b, %w accumulator = i32
         requant = [#aie4ml.requant<shift = -31, rounding = ceil, overflow = symmetric, width = 16, min = -32768, max = 32767>]
         : (tensor<2x3xui8>, tensor<3x1xi8>) -> tensor<2x1xi16>
  %2 = aie4ml.dense %c, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 3, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>,
                    #aie4ml.requant<shift = 1, rounding = nearest_even, overflow = saturate, width = 16, is_signed = false, min = 0, max = 65535>]
         : (tensor<2x3xui16>, tensor<3x1xi8>) -> tensor<2x1xui16>
  return %0, %1, %2 : tensor<2x1xui8>, tensor<2x1xi16>, tensor<2x1xui16>
}

// 521 x 126 x 32768 exceeds 32 bits, but the codes have only four.

// CHECK-LABEL: func.func @counts_the_codes_that_there_are
func.func @counts_the_codes_that_there_are(%x: tensor<2x521xi16> {aie4ml.quant = !quant.uniform<i16<-8:7>:f32, 1.0>}) -> (tensor<2x1xi8>, tensor<2x1xi8>) {
  %w = arith.constant dense<126> : tensor<521x1xi8>
  %w0 = arith.constant dense<1> : tensor<521x521xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x521xi16>, tensor<521x1xi8>) -> tensor<2x1xi8>
  %1 = aie4ml.dense %x, %w0 accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 16, min = -9, max = 100>]
         : (tensor<2x521xi16>, tensor<521x521xi8>) -> tensor<2x521xi16>
  %2 = aie4ml.dense %1, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x521xi16>, tensor<521x1xi8>) -> tensor<2x1xi8>
  return %0, %2 : tensor<2x1xi8>, tensor<2x1xi8>
}
