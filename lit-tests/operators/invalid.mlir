// RUN: aie4ml-opt %s --split-input-file --verify-diagnostics

func.func @unknown(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{has kind 'conv4d': use one of conv2d, max_pool, average_pool, lookup, piecewise, steps, gather, binary, matmul, softmax, normalize}}
  %y = aie4ml.operator "conv4d"(%a) parameters = {} : (tensor<1x8xi8>) -> tensor<1x8xi8>
  return
}

// -----

func.func @no_parameter(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<0> : tensor<8xi32>
  // expected-error @+1 {{needs a list of integers as 'fill'}}
  %y = aie4ml.operator "gather"(%a) constants(%0) parameters = {} : (tensor<1x8xi8>, tensor<8xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @sums_where_there_are_none(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<0> : tensor<8xi32>
  // expected-error @+1 {{has a 'requant', but a gather has no sums}}
  %y = aie4ml.operator "gather"(%a) constants(%0) parameters = {fill = [0]} requant = [#aie4ml.requant<shift = 0, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>] : (tensor<1x8xi8>, tensor<8xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @other_rows(%a: tensor<1x8xi8>, %b: tensor<2x8xi8>) {
  // expected-error @+1 {{needs inputs and an output of equally many rows}}
  %y = aie4ml.operator "binary"(%a, %b) parameters = {kind = [0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x8xi8>) -> tensor<1x8xi32>
  return
}

// -----

func.func @negative(%a: tensor<1x4xi8>) {
  // expected-error @+1 {{has a negative number in its 'padding'}}
  %y = aie4ml.operator "max_pool"(%a) parameters = {input = [1, 2, 2], output = [1, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, -1], strides = [4, 2, 1], offset = [0]} : (tensor<1x4xi8>) -> tensor<1x1xi8>
  return
}

// -----

func.func @too_few_numbers(%a: tensor<1x4xi8>) {
  // expected-error @+1 {{needs 3 numbers as 'input'}}
  %y = aie4ml.operator "max_pool"(%a) parameters = {input = [2, 2], output = [1, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0]} : (tensor<1x4xi8>) -> tensor<1x1xi8>
  return
}

// -----

func.func @conv2d_zero(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  %1 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{has a zero among its parameters}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 2], output = [2, 2, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], expand = [1, 1], groups = [0], outside = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x2x1x1xi8>, tensor<2xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @conv2d_no_bias(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  // expected-error @+1 {{needs one input, weights and a bias}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0) parameters = {input = [2, 2, 2], output = [2, 2, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], expand = [1, 1], groups = [1], outside = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x2x1x1xi8>) -> tensor<1x8xi32>
  return
}

// -----

func.func @conv2d_input(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  %1 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{reads 2 x 2 x 3 elements beyond its 8 features}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 3], output = [2, 2, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [6, 3, 1], offset = [0], expand = [1, 1], groups = [1], outside = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x2x1x1xi8>, tensor<2xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @conv2d_product_shift(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  %1 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{needs a 'product_shift' from 0 to 31}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 2], output = [2, 2, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], expand = [1, 1], groups = [1], outside = [0], product_shift = [32]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x2x1x1xi8>, tensor<2xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @conv2d_cut_in_64_bits(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  %1 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{cuts products, which needs an accumulator i32}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 2], output = [2, 2, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], expand = [1, 1], groups = [1], outside = [0], product_shift = [3]} accumulator = i64 requant = [#aie4ml.requant<shift = 0, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>] : (tensor<1x8xi8>, tensor<2x2x1x1xi8>, tensor<2xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @conv2d_output(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  %1 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{has 8 output features, not 2 x 3 x 2}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 2], output = [2, 3, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], expand = [1, 1], groups = [1], outside = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x2x1x1xi8>, tensor<2xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @conv2d_groups(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  %1 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{has 2 and 2 channels, which 3 groups do not divide}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 2], output = [2, 2, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], expand = [1, 1], groups = [3], outside = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x2x1x1xi8>, tensor<2xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @conv2d_weights(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  %1 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{has weights of [2, 2, 1, 1], needs [2, 2, 1, 2]}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 2], output = [2, 2, 2], kernel = [1, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], expand = [1, 1], groups = [1], outside = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x2x1x1xi8>, tensor<2xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @conv2d_bias(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  %1 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{needs a bias of 2 numbers i32}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 2], output = [2, 2, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], expand = [1, 1], groups = [1], outside = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x2x1x1xi8>, tensor<3xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @conv2d_weight_type(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xui8>
  %1 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{needs weights i8 or i16}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 2], output = [2, 2, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], expand = [1, 1], groups = [1], outside = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x2x1x1xui8>, tensor<2xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @conv2d_input_type(%a: tensor<1x8xi32>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  %1 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{needs an input of 8 or 16 bits}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 2], output = [2, 2, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], expand = [1, 1], groups = [1], outside = [0]} accumulator = i32 : (tensor<1x8xi32>, tensor<2x2x1x1xi8>, tensor<2xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @conv2d_outside(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  %1 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{has -129 outside, which its input cannot hold}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 2], output = [2, 2, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], expand = [1, 1], groups = [1], outside = [-129]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x2x1x1xi8>, tensor<2xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @max_pool_zero(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{has a zero among its parameters}}
  %y = aie4ml.operator "max_pool"(%a) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [0, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0]} : (tensor<1x8xi8>) -> tensor<1x2xi8>
  return
}

// -----

func.func @max_pool_constant(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{needs one input and no constants}}
  %y = aie4ml.operator "max_pool"(%a) constants(%0) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0]} : (tensor<1x8xi8>, tensor<2xi32>) -> tensor<1x2xi8>
  return
}

// -----

func.func @max_pool_features(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{reads 2 x 2 x 3 elements beyond its 8 features}}
  %y = aie4ml.operator "max_pool"(%a) parameters = {input = [2, 2, 3], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [6, 3, 1], offset = [0]} : (tensor<1x8xi8>) -> tensor<1x2xi8>
  return
}

// -----

func.func @max_pool_type(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{needs an output of its input's type}}
  %y = aie4ml.operator "max_pool"(%a) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0]} : (tensor<1x8xi8>) -> tensor<1x2xui8>
  return
}

// -----

func.func @max_pool_empty(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{has a window with nothing in it}}
  %y = aie4ml.operator "max_pool"(%a) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [2, 2], strides = [4, 2, 1], offset = [0]} : (tensor<1x8xi8>) -> tensor<1x2xi8>
  return
}

// -----

func.func @max_pool_channels(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{needs an output with the input's channels}}
  %y = aie4ml.operator "max_pool"(%a) parameters = {input = [2, 2, 2], output = [1, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0]} : (tensor<1x8xi8>) -> tensor<1x1xi8>
  return
}

// -----

func.func @max_pool_output(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{has 3 output features, not 2 x 1 x 1}}
  %y = aie4ml.operator "max_pool"(%a) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0]} : (tensor<1x8xi8>) -> tensor<1x3xi8>
  return
}

// -----

func.func @max_pool_offset(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{reads 2 x 2 x 2 elements beyond its 8 features}}
  %y = aie4ml.operator "max_pool"(%a) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [1]} : (tensor<1x8xi8>) -> tensor<1x2xi8>
  return
}

// -----

func.func @conv2d_far_strides(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2x2x1x1xi8>
  %1 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{reads 2 x 2 x 2 elements beyond its 8 features}}
  %y = aie4ml.operator "conv2d"(%a) constants(%0, %1) parameters = {input = [2, 2, 2], output = [2, 2, 2], kernel = [1, 1], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [9223372036854775807, 2, 1], offset = [9223372036854775807], expand = [1, 1], groups = [1], outside = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<2x2x1x1xi8>, tensor<2xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @average_pool_no_factors(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{needs one input and factors}}
  %y = aie4ml.operator "average_pool"(%a) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], halves = [0]} accumulator = i32 : (tensor<1x8xi8>) -> tensor<1x2xi32>
  return
}

// -----

func.func @average_pool_factors(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<2xi32>
  // expected-error @+1 {{needs 1 factors i32}}
  %y = aie4ml.operator "average_pool"(%a) constants(%0) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], halves = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<2xi32>) -> tensor<1x2xi32>
  return
}

// -----

func.func @average_pool_factor_type(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<1xi16>
  // expected-error @+1 {{needs 1 factors i32}}
  %y = aie4ml.operator "average_pool"(%a) constants(%0) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], halves = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<1xi16>) -> tensor<1x2xi32>
  return
}

// -----

func.func @average_pool_halves(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<1xi32>
  // expected-error @+1 {{has 'halves' 17, which must be 0 to 16}}
  %y = aie4ml.operator "average_pool"(%a) constants(%0) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], halves = [17]} accumulator = i32 : (tensor<1x8xi8>, tensor<1xi32>) -> tensor<1x2xi32>
  return
}

// -----

func.func @average_pool_accumulator(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<1xi32>
  // expected-error @+1 {{needs an input of 8 or 16 bits and accumulator i32}}
  %y = aie4ml.operator "average_pool"(%a) constants(%0) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], halves = [0]} accumulator = i64 : (tensor<1x8xi8>, tensor<1xi32>) -> tensor<1x2xi64>
  return
}

// -----

func.func @average_pool_type(%a: tensor<1x8xi32>) {
  %0 = arith.constant dense<1> : tensor<1xi32>
  // expected-error @+1 {{needs an input of 8 or 16 bits and accumulator i32}}
  %y = aie4ml.operator "average_pool"(%a) constants(%0) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], halves = [0]} accumulator = i32 : (tensor<1x8xi32>, tensor<1xi32>) -> tensor<1x2xi32>
  return
}

// -----

func.func @average_pool_sums(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<4194304> : tensor<1xi32>
  // expected-error @+1 {{makes sums that exceed 32 bits}}
  %y = aie4ml.operator "average_pool"(%a) constants(%0) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], halves = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<1xi32>) -> tensor<1x2xi32>
  return
}

// -----

func.func @average_pool_shifted_sums(%a: tensor<1x8xui16>) {
  %0 = arith.constant dense<1> : tensor<1xi32>
  // expected-error @+1 {{makes sums that exceed 32 bits}}
  %y = aie4ml.operator "average_pool"(%a) constants(%0) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], halves = [13]} accumulator = i32 : (tensor<1x8xui16>, tensor<1xi32>) -> tensor<1x2xi32>
  return
}

// -----

func.func @average_pool_divisor(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<0> : tensor<1xi32>
  // expected-error @+1 {{has a divisor below 1}}
  %y = aie4ml.operator "average_pool"(%a) constants(%0) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [0, 0], strides = [4, 2, 1], offset = [0], halves = [2]} accumulator = i32 : (tensor<1x8xi8>, tensor<1xi32>) -> tensor<1x2xi32>
  return
}

// -----

func.func @average_pool_empty(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<1> : tensor<1xi32>
  // expected-error @+1 {{has a window with nothing in it}}
  %y = aie4ml.operator "average_pool"(%a) constants(%0) parameters = {input = [2, 2, 2], output = [2, 1, 1], kernel = [2, 2], stride = [1, 1], dilation = [1, 1], padding = [2, 2], strides = [4, 2, 1], offset = [0], halves = [0]} accumulator = i32 : (tensor<1x8xi8>, tensor<1xi32>) -> tensor<1x2xi32>
  return
}

// -----

func.func @lookup_no_table(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{needs one input and a table}}
  %y = aie4ml.operator "lookup"(%a) parameters = {} : (tensor<1x8xi8>) -> tensor<1x8xi8>
  return
}

// -----

func.func @lookup_of_16_bits(%a: tensor<1x8xi16>) {
  %0 = arith.constant dense<0> : tensor<256xi8>
  // expected-error @+1 {{has codes of 16 bits, of which a tile holds no table: 8 can}}
  %y = aie4ml.operator "lookup"(%a) constants(%0) parameters = {} : (tensor<1x8xi16>, tensor<256xi8>) -> tensor<1x8xi8>
  return
}

// -----

func.func @piecewise_no_words(%a: tensor<1x8xi16>) {
  // expected-error @+1 {{needs one input and a list of words}}
  %y = aie4ml.operator "piecewise"(%a) parameters = {length = [65536], bits = [0]} : (tensor<1x8xi16>) -> tensor<1x8xi8>
  return
}

// -----

func.func @piecewise_of_8_bits(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{has codes of 8 bits, needs 16: "lookup" is for 8}}
  %y = aie4ml.operator "piecewise"(%a) constants(%0) parameters = {length = [65536], bits = [0]} : (tensor<1x8xi8>, tensor<2xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @piecewise_length(%a: tensor<1x8xi16>) {
  %0 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{has pieces of 24 codes, needs a power of two up to 65536}}
  %y = aie4ml.operator "piecewise"(%a) constants(%0) parameters = {length = [24], bits = [0]} : (tensor<1x8xi16>, tensor<2xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @piecewise_bits(%a: tensor<1x8xi16>) {
  %0 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{has corrections of 3 bits, needs 0, 1, 2, 4 or 8}}
  %y = aie4ml.operator "piecewise"(%a) constants(%0) parameters = {length = [65536], bits = [3]} : (tensor<1x8xi16>, tensor<2xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @piecewise_words(%a: tensor<1x8xi16>) {
  %0 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{needs 2050 words i32}}
  %y = aie4ml.operator "piecewise"(%a) constants(%0) parameters = {length = [65536], bits = [1]} : (tensor<1x8xi16>, tensor<2xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @piecewise_outputs(%a: tensor<1x8xi16>) {
  %0 = arith.constant dense<0> : tensor<2xi32>
  // expected-error @+1 {{needs as many outputs as inputs}}
  %y = aie4ml.operator "piecewise"(%a) constants(%0) parameters = {length = [65536], bits = [0]} : (tensor<1x8xi16>, tensor<2xi32>) -> tensor<1x9xi8>
  return
}

// -----

func.func @piecewise_steep(%a: tensor<1x8xi16>) {
  %0 = arith.constant dense<65536> : tensor<2xi32>
  // expected-error @+1 {{has a piece whose line exceeds 32 bits}}
  %y = aie4ml.operator "piecewise"(%a) constants(%0) parameters = {length = [65536], bits = [0]} : (tensor<1x8xi16>, tensor<2xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @piecewise_range(%a: tensor<1x8xi16>) {
  %0 = arith.constant dense<[2097152, 0]> : tensor<2xi32>
  // expected-error @+1 {{gives 128, which its output's type does not have}}
  %y = aie4ml.operator "piecewise"(%a) constants(%0) parameters = {length = [65536], bits = [0]} : (tensor<1x8xi16>, tensor<2xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @steps_no_words(%a: tensor<1x8xi32>) {
  // expected-error @+1 {{needs one input and a list of words}}
  %y = aie4ml.operator "steps"(%a) parameters = {} : (tensor<1x8xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @steps_of_codes(%a: tensor<1x8xi16>) {
  %0 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{needs an input of integers i32}}
  %y = aie4ml.operator "steps"(%a) constants(%0) parameters = {} : (tensor<1x8xi16>, tensor<3xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @steps_words(%a: tensor<1x8xi32>) {
  %0 = arith.constant dense<0> : tensor<5xi32>
  // expected-error @+1 {{needs 3, 7, 15 and so on up to 2047 words i32}}
  %y = aie4ml.operator "steps"(%a) constants(%0) parameters = {} : (tensor<1x8xi32>, tensor<5xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @steps_outputs(%a: tensor<1x8xi32>) {
  %0 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{needs as many outputs as inputs}}
  %y = aie4ml.operator "steps"(%a) constants(%0) parameters = {} : (tensor<1x8xi32>, tensor<3xi32>) -> tensor<1x9xi8>
  return
}

// -----

func.func @steps_order(%a: tensor<1x8xi32>) {
  %0 = arith.constant dense<[2, 1, 3, 0, 0, 0, 0]> : tensor<7xi32>
  // expected-error @+1 {{needs steps in ascending order}}
  %y = aie4ml.operator "steps"(%a) constants(%0) parameters = {} : (tensor<1x8xi32>, tensor<7xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @steps_range(%a: tensor<1x8xi32>) {
  %0 = arith.constant dense<[0, 0, 128]> : tensor<3xi32>
  // expected-error @+1 {{gives 128, which its output's type does not have}}
  %y = aie4ml.operator "steps"(%a) constants(%0) parameters = {} : (tensor<1x8xi32>, tensor<3xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @lookup_table(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<0> : tensor<255xi8>
  // expected-error @+1 {{needs a table of 256 codes of its output's type}}
  %y = aie4ml.operator "lookup"(%a) constants(%0) parameters = {} : (tensor<1x8xi8>, tensor<255xi8>) -> tensor<1x8xi8>
  return
}

// -----

func.func @lookup_outputs(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<0> : tensor<256xi8>
  // expected-error @+1 {{needs as many outputs as inputs}}
  %y = aie4ml.operator "lookup"(%a) constants(%0) parameters = {} : (tensor<1x8xi8>, tensor<256xi8>) -> tensor<1x9xi8>
  return
}

// -----

func.func @gather_no_indices(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{needs one or two inputs and indices}}
  %y = aie4ml.operator "gather"(%a) parameters = {fill = [0]} : (tensor<1x8xi8>) -> tensor<1x3xi8>
  return
}

// -----

func.func @gather_indices(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{needs 4 indices}}
  %y = aie4ml.operator "gather"(%a) constants(%0) parameters = {fill = [0]} : (tensor<1x8xi8>, tensor<3xi32>) -> tensor<1x4xi8>
  return
}

// -----

func.func @gather_type(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{needs an output of its input's type}}
  %y = aie4ml.operator "gather"(%a) constants(%0) parameters = {fill = [0]} : (tensor<1x8xi8>, tensor<3xi32>) -> tensor<1x3xi16>
  return
}

// -----

func.func @gather_fill(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{fills with 128, which its type does not hold}}
  %y = aie4ml.operator "gather"(%a) constants(%0) parameters = {fill = [128]} : (tensor<1x8xi8>, tensor<3xi32>) -> tensor<1x3xi8>
  return
}

// -----

func.func @gather_index(%a: tensor<1x8xi8>) {
  %0 = arith.constant dense<[0, 8, -1]> : tensor<3xi32>
  // expected-error @+1 {{has index 8 into 8 features}}
  %y = aie4ml.operator "gather"(%a) constants(%0) parameters = {fill = [0]} : (tensor<1x8xi8>, tensor<3xi32>) -> tensor<1x3xi8>
  return
}

// -----

func.func @gather_of_three(%a: tensor<1x4xi8>) {
  %0 = arith.constant dense<0> : tensor<8xi32>
  // expected-error @+1 {{needs one or two inputs of one type}}
  %y = aie4ml.operator "gather"(%a, %a, %a) constants(%0) parameters = {fill = [0]} : (tensor<1x4xi8>, tensor<1x4xi8>, tensor<1x4xi8>, tensor<8xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @gather_of_two_types(%a: tensor<1x4xi8>, %b: tensor<1x4xui8>) {
  %0 = arith.constant dense<0> : tensor<8xi32>
  // expected-error @+1 {{needs one or two inputs of one type}}
  %y = aie4ml.operator "gather"(%a, %b) constants(%0) parameters = {fill = [0]} : (tensor<1x4xi8>, tensor<1x4xui8>, tensor<8xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @gather_beyond_both(%a: tensor<1x4xi8>, %b: tensor<1x3xi8>) {
  %0 = arith.constant dense<7> : tensor<8xi32>
  // expected-error @+1 {{has index 7 into 7 features}}
  %y = aie4ml.operator "gather"(%a, %b) constants(%0) parameters = {fill = [0]} : (tensor<1x4xi8>, tensor<1x3xi8>, tensor<8xi32>) -> tensor<1x8xi8>
  return
}

// -----

func.func @binary_kind(%a: tensor<1x8xi8>, %b: tensor<1x8xi8>) {
  // expected-error @+1 {{has kind 3, which must be 0 to 2}}
  %y = aie4ml.operator "binary"(%a, %b) parameters = {kind = [3], zero_points = [0, 0]} accumulator = i32 : (tensor<1x8xi8>, tensor<1x8xi8>) -> tensor<1x8xi32>
  return
}

// -----

func.func @binary_zero_point(%a: tensor<1x8xi8>, %b: tensor<1x8xi8>) {
  // expected-error @+1 {{has a zero point that is no 32-bit integer}}
  %y = aie4ml.operator "binary"(%a, %b) parameters = {kind = [0], zero_points = [0, 2147483648]} accumulator = i32 : (tensor<1x8xi8>, tensor<1x8xi8>) -> tensor<1x8xi32>
  return
}

// -----

func.func @binary_one_input(%a: tensor<1x8xi8>) {
  // expected-error @+1 {{needs two inputs and no constants}}
  %y = aie4ml.operator "binary"(%a) parameters = {kind = [0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x8xi8>) -> tensor<1x8xi32>
  return
}

// -----

func.func @binary_extents(%a: tensor<1x8xi8>, %b: tensor<1x9xi8>) {
  // expected-error @+1 {{needs inputs and an output of equal extents}}
  %y = aie4ml.operator "binary"(%a, %b) parameters = {kind = [0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x8xi8>, tensor<1x9xi8>) -> tensor<1x8xi32>
  return
}

// -----

func.func @binary_types(%a: tensor<1x8xi8>, %b: tensor<1x8xi32>) {
  // expected-error @+1 {{needs inputs of 8 or 16 bits}}
  %y = aie4ml.operator "binary"(%a, %b) parameters = {kind = [0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x8xi8>, tensor<1x8xi32>) -> tensor<1x8xi32>
  return
}

// -----

func.func @binary_accumulator(%a: tensor<1x8xi8>, %b: tensor<1x8xi8>) {
  // expected-error @+1 {{needs accumulator i32}}
  %y = aie4ml.operator "binary"(%a, %b) parameters = {kind = [0], zero_points = [0, 0]} accumulator = i64 : (tensor<1x8xi8>, tensor<1x8xi8>) -> tensor<1x8xi64>
  return
}

// -----

func.func @binary_product(%a: tensor<1x8xui16>, %b: tensor<1x8xui16>) {
  // expected-error @+1 {{makes products that exceed 32 bits}}
  %y = aie4ml.operator "binary"(%a, %b) parameters = {kind = [0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x8xui16>, tensor<1x8xui16>) -> tensor<1x8xi32>
  return
}

// -----

func.func @matmul_zero(%a: tensor<1x24xi8>, %b: tensor<1x40xi8>) {
  // expected-error @+1 {{has a zero among its 'extents'}}
  %y = aie4ml.operator "matmul"(%a, %b) parameters = {extents = [2, 3, 0, 5], strides_a = [12, 4, 1], strides_b = [20, 5, 1], offset = [0, 0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x24xi8>, tensor<1x40xi8>) -> tensor<1x30xi32>
  return
}

// -----

func.func @matmul_one_input(%a: tensor<1x24xi8>) {
  // expected-error @+1 {{needs two inputs and no constants}}
  %y = aie4ml.operator "matmul"(%a) parameters = {extents = [2, 3, 4, 5], strides_a = [12, 4, 1], strides_b = [20, 5, 1], offset = [0, 0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x24xi8>) -> tensor<1x30xi32>
  return
}

// -----

func.func @matmul_output(%a: tensor<1x24xi8>, %b: tensor<1x40xi8>) {
  // expected-error @+1 {{has 30 output features, not 2 x 3 x 6}}
  %y = aie4ml.operator "matmul"(%a, %b) parameters = {extents = [2, 3, 4, 6], strides_a = [12, 4, 1], strides_b = [20, 5, 1], offset = [0, 0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x24xi8>, tensor<1x40xi8>) -> tensor<1x30xi32>
  return
}

// -----

func.func @matmul_types(%a: tensor<1x24xi8>, %b: tensor<1x40xi32>) {
  // expected-error @+1 {{needs inputs of 8 or 16 bits}}
  %y = aie4ml.operator "matmul"(%a, %b) parameters = {extents = [2, 3, 4, 5], strides_a = [12, 4, 1], strides_b = [20, 5, 1], offset = [0, 0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x24xi8>, tensor<1x40xi32>) -> tensor<1x30xi32>
  return
}

// -----

func.func @matmul_outside_of_a(%a: tensor<1x24xi8>, %b: tensor<1x40xi8>) {
  // expected-error @+1 {{reads feature 24 of an input that has 24}}
  %y = aie4ml.operator "matmul"(%a, %b) parameters = {extents = [2, 3, 4, 5], strides_a = [12, 4, 1], strides_b = [20, 5, 1], offset = [1, 0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x24xi8>, tensor<1x40xi8>) -> tensor<1x30xi32>
  return
}

// -----

func.func @matmul_outside_of_b(%a: tensor<1x24xi8>, %b: tensor<1x40xi8>) {
  // expected-error @+1 {{reads feature 42 of an input that has 40}}
  %y = aie4ml.operator "matmul"(%a, %b) parameters = {extents = [2, 3, 4, 5], strides_a = [12, 4, 1], strides_b = [20, 6, 1], offset = [0, 0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x24xi8>, tensor<1x40xi8>) -> tensor<1x30xi32>
  return
}

// -----

func.func @matmul_far_outside(%a: tensor<1x24xi8>, %b: tensor<1x40xi8>) {
  // expected-error @+1 {{reads far beyond the 24 features of an input}}
  %y = aie4ml.operator "matmul"(%a, %b) parameters = {extents = [2, 3, 4, 5], strides_a = [12, 9223372036854775807, 9223372036854775807], strides_b = [20, 5, 1], offset = [0, 0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x24xi8>, tensor<1x40xi8>) -> tensor<1x30xi32>
  return
}

// -----

func.func @matmul_zero_point(%a: tensor<1x24xi8>, %b: tensor<1x40xi8>) {
  // expected-error @+1 {{has a zero point that is no 32-bit integer}}
  %y = aie4ml.operator "matmul"(%a, %b) parameters = {extents = [2, 3, 4, 5], strides_a = [12, 4, 1], strides_b = [20, 5, 1], offset = [0, 0], zero_points = [-2147483649, 0]} accumulator = i32 : (tensor<1x24xi8>, tensor<1x40xi8>) -> tensor<1x30xi32>
  return
}

// -----

func.func @matmul_sums(%a: tensor<1x24xi16>, %b: tensor<1x40xi16>) {
  // expected-error @+1 {{can sum up to 4294967296, more than the 32 bits that accumulator i32 may have}}
  %y = aie4ml.operator "matmul"(%a, %b) parameters = {extents = [2, 3, 4, 5], strides_a = [12, 4, 1], strides_b = [20, 5, 1], offset = [0, 0], zero_points = [0, 0]} accumulator = i32 : (tensor<1x24xi16>, tensor<1x40xi16>) -> tensor<1x30xi32>
  return
}

// -----

func.func @matmul_wide_sums(%a: tensor<1x24xi8>, %b: tensor<1x40xi8>) {
  // expected-error @+1 {{can sum up to 4611405097484697600, more than the 62 bits that accumulator i64 may have}}
  %y = aie4ml.operator "matmul"(%a, %b) parameters = {extents = [1, 1, 1, 1], strides_a = [12, 4, 1], strides_b = [20, 5, 1], offset = [0, 0], zero_points = [2147418112, 2147418112]} accumulator = i64 : (tensor<1x24xi8>, tensor<1x40xi8>) -> tensor<1x1xi64>
  return
}

// -----

func.func @softmax_no_table(%a: tensor<1x6xi8>) {
  // expected-error @+1 {{needs one input and a table}}
  %y = aie4ml.operator "softmax"(%a) parameters = {extents = [2, 3], strides = [3, 1], offset = [0]} accumulator = i64 : (tensor<1x6xi8>) -> tensor<1x6xi64>
  return
}

// -----

func.func @softmax_zero(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<[65535, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]> : tensor<256xi32>
  // expected-error @+1 {{has a zero among its 'extents'}}
  %y = aie4ml.operator "softmax"(%a) constants(%0) parameters = {extents = [0, 3], strides = [3, 1], offset = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<256xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @softmax_output(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<[65535, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]> : tensor<256xi32>
  // expected-error @+1 {{has 6 output features, not 2 x 4}}
  %y = aie4ml.operator "softmax"(%a) constants(%0) parameters = {extents = [2, 4], strides = [3, 1], offset = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<256xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @softmax_outside(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<[65535, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]> : tensor<256xi32>
  // expected-error @+1 {{reads feature 6 of an input that has 6}}
  %y = aie4ml.operator "softmax"(%a) constants(%0) parameters = {extents = [2, 3], strides = [3, 1], offset = [1]} accumulator = i64 : (tensor<1x6xi8>, tensor<256xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @softmax_of_32_bits(%a: tensor<1x6xi32>) {
  %0 = arith.constant dense<65535> : tensor<256xi32>
  // expected-error @+1 {{has codes of 32 bits, needs 8 or 16}}
  %y = aie4ml.operator "softmax"(%a) constants(%0) parameters = {extents = [2, 3], strides = [3, 1], offset = [0]} accumulator = i64 : (tensor<1x6xi32>, tensor<256xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @softmax_of_16_bits(%a: tensor<1x6xi16>) {
  %0 = arith.constant dense<65535> : tensor<256xi32>
  // expected-error @+1 {{needs a table of 512 numbers i32}}
  %y = aie4ml.operator "softmax"(%a) constants(%0) parameters = {extents = [2, 3], strides = [3, 1], offset = [0]} accumulator = i64 : (tensor<1x6xi16>, tensor<256xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @softmax_of_16_bits_begins(%a: tensor<1x6xi16>) {
  %0 = arith.constant dense<65535> : tensor<512xi32>
  // expected-error @+1 {{needs a table that begins with 16777216}}
  %y = aie4ml.operator "softmax"(%a) constants(%0) parameters = {extents = [2, 3], strides = [3, 1], offset = [0]} accumulator = i64 : (tensor<1x6xi16>, tensor<512xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @softmax_long(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<[65535, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]> : tensor<256xi32>
  // expected-error @+1 {{has groups of 32769 elements, more than 32768}}
  %y = aie4ml.operator "softmax"(%a) constants(%0) parameters = {extents = [1, 32769], strides = [0, 0], offset = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<256xi32>) -> tensor<1x32769xi64>
  return
}

// -----

func.func @softmax_table(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<0> : tensor<255xi32>
  // expected-error @+1 {{needs a table of 256 numbers i32}}
  %y = aie4ml.operator "softmax"(%a) constants(%0) parameters = {extents = [2, 3], strides = [3, 1], offset = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<255xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @softmax_entries(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<-1> : tensor<256xi32>
  // expected-error @+1 {{needs a table of numbers 0 to 65535}}
  %y = aie4ml.operator "softmax"(%a) constants(%0) parameters = {extents = [2, 3], strides = [3, 1], offset = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<256xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @softmax_first(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<256xi32>
  // expected-error @+1 {{needs a table that begins with 65535}}
  %y = aie4ml.operator "softmax"(%a) constants(%0) parameters = {extents = [2, 3], strides = [3, 1], offset = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<256xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @softmax_accumulator(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<[65535, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]> : tensor<256xi32>
  // expected-error @+1 {{needs accumulator i64}}
  %y = aie4ml.operator "softmax"(%a) constants(%0) parameters = {extents = [2, 3], strides = [3, 1], offset = [0]} accumulator = i32 : (tensor<1x6xi8>, tensor<256xi32>) -> tensor<1x6xi32>
  return
}

// -----

func.func @normalize_no_beta(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<3xi16>
  // expected-error @+1 {{needs one input, gamma and beta}}
  %y = aie4ml.operator "normalize"(%a) constants(%0) parameters = {extents = [2, 3], strides = [3, 1], offset = [0], centered = [1], epsilon = [0], bits = [12], zero_point = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<3xi16>) -> tensor<1x6xi64>
  return
}

// -----

func.func @normalize_centered(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<3xi16>
  %1 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{has 'centered' 2, which must be 0 or 1}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [2, 3], strides = [3, 1], offset = [0], centered = [2], epsilon = [0], bits = [12], zero_point = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<3xi16>, tensor<3xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @normalize_bits(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<3xi16>
  %1 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{has 'bits' 25, which must be 2 to 24}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [2, 3], strides = [3, 1], offset = [0], centered = [1], epsilon = [0], bits = [25], zero_point = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<3xi16>, tensor<3xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @normalize_zero(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<3xi16>
  %1 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{has a zero among its 'extents'}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [2, 0], strides = [3, 1], offset = [0], centered = [1], epsilon = [0], bits = [12], zero_point = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<3xi16>, tensor<3xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @normalize_output(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<3xi16>
  %1 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{has 6 output features, not 2 x 4}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [2, 4], strides = [3, 1], offset = [0], centered = [1], epsilon = [0], bits = [12], zero_point = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<3xi16>, tensor<3xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @normalize_type(%a: tensor<1x6xi32>) {
  %0 = arith.constant dense<1> : tensor<3xi16>
  %1 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{needs an input of 8 or 16 bits}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [2, 3], strides = [3, 1], offset = [0], centered = [1], epsilon = [0], bits = [12], zero_point = [0]} accumulator = i64 : (tensor<1x6xi32>, tensor<3xi16>, tensor<3xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @normalize_gamma(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<4xi16>
  %1 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{needs a gamma of 3 numbers i8, i16 or i32}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [2, 3], strides = [3, 1], offset = [0], centered = [1], epsilon = [0], bits = [12], zero_point = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<4xi16>, tensor<3xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @normalize_beta(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<3xi16>
  %1 = arith.constant dense<1> : tensor<3xi16>
  // expected-error @+1 {{needs a beta of 3 numbers i32 or i64}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [2, 3], strides = [3, 1], offset = [0], centered = [1], epsilon = [0], bits = [12], zero_point = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<3xi16>, tensor<3xi16>) -> tensor<1x6xi64>
  return
}

// -----

func.func @normalize_zero_point(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<3xi16>
  %1 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{has zero point 128, which its input cannot hold}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [2, 3], strides = [3, 1], offset = [0], centered = [0], epsilon = [0], bits = [12], zero_point = [128]} accumulator = i64 : (tensor<1x6xi8>, tensor<3xi16>, tensor<3xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @normalize_long(%a: tensor<1x6xi16>) {
  %0 = arith.constant dense<1> : tensor<32769xi16>
  %1 = arith.constant dense<0> : tensor<32769xi32>
  // expected-error @+1 {{has groups of 32769 elements, which times 65535 make 2147516415, more than 31 bits}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [1, 32769], strides = [0, 0], offset = [0], centered = [1], epsilon = [0], bits = [12], zero_point = [0]} accumulator = i64 : (tensor<1x6xi16>, tensor<32769xi16>, tensor<32769xi32>) -> tensor<1x32769xi64>
  return
}

// -----

func.func @normalize_epsilon(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<3xi16>
  %1 = arith.constant dense<0> : tensor<3xi32>
  // expected-error @+1 {{has 'epsilon' -1, which must be 0 to 4611686018427241597}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [2, 3], strides = [3, 1], offset = [0], centered = [1], epsilon = [-1], bits = [12], zero_point = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<3xi16>, tensor<3xi32>) -> tensor<1x6xi64>
  return
}

// -----

func.func @normalize_normalized(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<32400xi16>
  %1 = arith.constant dense<0> : tensor<32400xi32>
  // expected-error @+1 {{has normalized values up to 3053453312, more than 31 bits: use fewer 'bits'}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [1, 32400], strides = [0, 0], offset = [0], centered = [1], epsilon = [0], bits = [24], zero_point = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<32400xi16>, tensor<32400xi32>) -> tensor<1x32400xi64>
  return
}

// -----

func.func @normalize_sums(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<32767> : tensor<3xi16>
  %1 = arith.constant dense<2147483647> : tensor<3xi32>
  // expected-error @+1 {{can sum up to 3758047231, more than the 32 bits that accumulator i32 may have}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [2, 3], strides = [3, 1], offset = [0], centered = [1], epsilon = [0], bits = [14], zero_point = [0]} accumulator = i32 : (tensor<1x6xi8>, tensor<3xi16>, tensor<3xi32>) -> tensor<1x6xi32>
  return
}

// -----

func.func @normalize_wide_sums(%a: tensor<1x6xi8>) {
  %0 = arith.constant dense<1> : tensor<3xi16>
  %1 = arith.constant dense<4611686018427387903> : tensor<3xi64>
  // expected-error @+1 {{can sum up to 4611686018427400191, more than the 62 bits that accumulator i64 may have}}
  %y = aie4ml.operator "normalize"(%a) constants(%0, %1) parameters = {extents = [2, 3], strides = [3, 1], offset = [0], centered = [1], epsilon = [0], bits = [12], zero_point = [0]} accumulator = i64 : (tensor<1x6xi8>, tensor<3xi16>, tensor<3xi64>) -> tensor<1x6xi64>
  return
}
