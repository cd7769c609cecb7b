// RUN: aie4ml-opt %s --aie4ml-legalize --split-input-file --verify-diagnostics
// RUN: not aie4ml-opt %S/doctest.mlir --aie4ml-legalize=device=xcvc1902 2>&1 | FileCheck %s

// CHECK: error: 'func.func' op names unknown device 'xcvc1902': use one of xcve2802, xcve2302, xcve3858, npu1,

// expected-error @+1 {{'func.func' op names unknown device 'vck190': use one of xcve2802, xcve2302, xcve3858, npu1, npu1_1col, npu1_2col, npu1_3col, npu2,}}
func.func @unknown_device(%x: tensor<2x3xi8>) -> tensor<2x1xi8> attributes {aie4ml.device = "vck190"} {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// -----

// expected-error @+1 {{'func.func' op needs a string as 'aie4ml.device'}}
func.func @device_by_number(%x: tensor<2x3xi8>) -> tensor<2x3xi8> attributes {aie4ml.device = 3} {
  return %x : tensor<2x3xi8>
}

// -----

// expected-error @+1 {{'func.func' op has no layers to map}}
func.func @no_layers() {
  return
}

// -----

// expected-error @+1 {{'func.func' op needs integer codes of rank 2 as argument 0}}
func.func @float_argument(%x: tensor<2x3xf32>) {
  return
}

// -----

func.func @float_result() -> tensor<2x3xf32> {
  %y = arith.constant dense<1.0> : tensor<2x3xf32>
  // expected-error @+1 {{'func.return' op needs integer codes of rank 2 as result 0}}
  return %y : tensor<2x3xf32>
}

// -----

func.func @returns_its_argument(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  // expected-error @+1 {{'func.return' op returns what no layer makes as result 0}}
  return %x : tensor<2x3xi8>
}

// -----

func.func @another_op(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  // expected-error @+1 {{'arith.addi' op is not a layer that can be mapped}}
  %y = arith.addi %x, %x : tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}

// -----

func.func @op_that_is_not_fused(%x: tensor<2x3xi8>) -> tensor<2x1xi8> {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi32>
  // expected-error @+1 {{'aie4ml.requantize' op is not part of a layer, as aie4ml-fuse makes it where that is exact}}
  %1 = aie4ml.requantize %0 requant = <shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127> : (tensor<2x1xi32>) -> tensor<2x1xi8>
  return %1 : tensor<2x1xi8>
}

// -----

// Other dialects, whatever the function takes.

func.func @matmul_of_reals(%x: tensor<2x3xf32>, %w: tensor<3x1xf32>, %y: tensor<2x1xf32>) -> tensor<2x1xf32> {
  // expected-error @+1 {{'linalg.matmul' op is not a layer that can be mapped: a model is tosa between quant casts, or aie4ml layers on integers}}
  %0 = linalg.matmul ins(%x, %w : tensor<2x3xf32>, tensor<3x1xf32>) outs(%y : tensor<2x1xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// -----

func.func @layer_of_a_constant() -> tensor<2x1xi8> {
  %x = arith.constant dense<1> : tensor<2x3xi8>
  %w = arith.constant dense<1> : tensor<3x1xi8>
  // expected-error @+1 {{'aie4ml.dense' op has an input that no layer makes}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// -----

// expected-error @+1 {{'func.func' op dense: 0 rows of 3x1: every extent must be positive}}
func.func @no_rows(%x: tensor<0x3xi8>) -> tensor<0x1xi8> {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<0x3xi8>, tensor<3x1xi8>) -> tensor<0x1xi8>
  return %y : tensor<0x1xi8>
}

// -----

func.func @inputs_of_32_bits(%x: tensor<2x3xi32>) -> tensor<2x1xi8> {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  // expected-error @+1 {{'aie4ml.dense' op multiplies signed 32 bit by signed 8 bit integers; kernels multiply 8 or 16 bit inputs by 8 or 16 bit weights}}
  %y = aie4ml.dense %x, %w accumulator = i64
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi32>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// -----

func.func @weights_of_32_bits(%x: tensor<2x3xi8>) -> tensor<2x1xi8> {
  %w = arith.constant dense<1> : tensor<3x1xi32>
  // expected-error @+1 {{'aie4ml.dense' op multiplies signed 8 bit by signed 32 bit integers; kernels multiply 8 or 16 bit inputs by 8 or 16 bit weights}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi32>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// -----

func.func @result_of_accumulators(%x: tensor<2x3xi8>) -> tensor<2x1xi64> {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  // expected-error @+1 {{'aie4ml.dense' op has a result that is not requantized to 8, 16 or 32 bits with a sign}}
  %y = aie4ml.dense %x, %w accumulator = i64 : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi64>
  return %y : tensor<2x1xi64>
}

// -----

func.func @shift_beyond_kernels(%x: tensor<2x3xi8>) -> tensor<2x1xi8> {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  // expected-error @+1 {{'aie4ml.dense' op shifts by 60; kernels shift by -31 to 59}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 60, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// -----

func.func @an_unsigned_stage_of_32_bits(%x: tensor<2x3xi8>) -> tensor<2x2xi8> {
  %w = arith.constant dense<1> : tensor<3x2xi8>
  // expected-error @+1 {{'aie4ml.dense' op requantizes to unsigned integers of 32 bits; kernels hold 31}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 32, is_signed = false, min = 0, max = 4294967295>,
                    #aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x2xi8>) -> tensor<2x2xi8>
  return %y : tensor<2x2xi8>
}

// -----

func.func @a_zero_point_of_32_bits(%x: tensor<2x3xi8>) -> tensor<2x2xi8> {
  %w = arith.constant dense<1> : tensor<3x2xi8>
  // expected-error @+1 {{'aie4ml.dense' op adds the zero point 1 to integers of 32 bits; kernels do so in 32 bits}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 32, zero_point = 1, min = -2147483648, max = 2147483647>,
                    #aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x2xi8>) -> tensor<2x2xi8>
  return %y : tensor<2x2xi8>
}

// -----

func.func @limits_beyond_the_width(%x: tensor<2x3xi8>) -> tensor<2x2xi8> {
  %w = arith.constant dense<1> : tensor<3x2xi8>
  // expected-error @+1 {{'aie4ml.dense' op limits 8 bits to 200 to 300, which they do not reach}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = 200, max = 300>,
                    #aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x2xi8>) -> tensor<2x2xi8>
  return %y : tensor<2x2xi8>
}

// -----

func.func @a_sum_with_a_multiplier_per_channel(%x: tensor<2x2xi8>) -> tensor<2x2xi8> {
  // expected-error @+1 {{'aie4ml.add' op has a multiplier or an addend of each channel, which only layers with weights can have}}
  %y = aie4ml.add %x, %x factors = [1, 1]
         requant = [#aie4ml.requant<multiplier = [3, 5], shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x2xi8>, tensor<2x2xi8>) -> tensor<2x2xi8>
  return %y : tensor<2x2xi8>
}

// -----

func.func @computed_weights(%x: tensor<2x3xi8>, %w: tensor<3x1xi8>) -> tensor<2x1xi8> {
  // expected-error @+1 {{'aie4ml.dense' op needs constant weights}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// -----

// A tensor of rank 1 is no argument of a network; what is left is a constant
// whose elements are not at hand.

func.func @bias_in_a_resource(%x: tensor<2x3xi8>) -> tensor<2x1xi8> {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %b = arith.constant dense_resource<bias> : tensor<1xi32>
  // expected-error @+1 {{'aie4ml.dense' op needs a constant bias}}
  %y = aie4ml.dense %x, %w, %b accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>, tensor<1xi32>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// -----

// 520 x 126 x 32768 is below 2^31, the bias lifts the second output above.

func.func @sums_beyond_the_accumulator(%x: tensor<2x520xi16>) -> tensor<2x2xi8> {
  %w = arith.constant dense<126> : tensor<520x2xi8>
  %b = arith.constant dense<[0, -1000000]> : tensor<2xi32>
  // expected-error @+1 {{'aie4ml.dense' op can sum up to -2147959360 in output 1, more than accumulator i32 holds}}
  %y = aie4ml.dense %x, %w, %b accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x520xi16>, tensor<520x2xi8>, tensor<2xi32>) -> tensor<2x2xi8>
  return %y : tensor<2x2xi8>
}

// -----

// expected-error @+1 {{'func.func' op needs 'plio' or 'ddr' as 'aie4ml.io'}}
func.func @unknown_boundary(%x: tensor<2x3xi8>) -> tensor<2x1xi8> attributes {aie4ml.io = "usb"} {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// -----

// expected-error @+1 {{'func.func' op is for npu1, which has no programmable logic: tensors cross its boundary by 'ddr' only}}
func.func @no_programmable_logic(%x: tensor<2x3xi8>) -> tensor<2x1xi8> attributes {aie4ml.device = "npu1", aie4ml.io = "plio"} {
  %w = arith.constant dense<1> : tensor<3x1xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<2x3xi8>, tensor<3x1xi8>) -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// -----

// expected-error @+1 {{'func.func' op has 3 outputs, each with a stream of its own; npu1_1col has 2 DMA channels to memory that way: use a larger device}}
func.func @more_outputs_than_channels(%x: tensor<2x3xi8>) -> (tensor<2x3xi8>, tensor<2x3xi8>, tensor<2x3xi8>) attributes {aie4ml.device = "npu1_1col"} {
  %a = aie4ml.clamp %x min = 0 max = 7 : (tensor<2x3xi8>) -> tensor<2x3xi8>
  %b = aie4ml.clamp %x min = 1 max = 7 : (tensor<2x3xi8>) -> tensor<2x3xi8>
  %c = aie4ml.clamp %x min = 2 max = 7 : (tensor<2x3xi8>) -> tensor<2x3xi8>
  return %a, %b, %c : tensor<2x3xi8>, tensor<2x3xi8>, tensor<2x3xi8>
}

// -----

func.func @too_many_weights(%x: tensor<8x1024xi8>) -> tensor<8x1024xi8> attributes {aie4ml.device = "npu1_1col"} {
  %w = arith.constant dense<1> : tensor<1024x1024xi8>
  // expected-error @+1 {{has too many weights for npu1_1col: all layers need 1052672 bytes, this one 1052672, and 4 tiles of 65536 bytes hold 262144: use a larger device or a smaller network}}
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 1, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x1024xi8>, tensor<1024x1024xi8>) -> tensor<8x1024xi8>
  return %y : tensor<8x1024xi8>
}
