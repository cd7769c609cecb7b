// RUN: aie4ml-opt %s --convert-linalg-to-aie4ml --split-input-file | FileCheck %s

// A convolution of reals is read from its loops, with its padding, stride and bias.
// CHECK-LABEL: func.func @convolution
// CHECK: quant.dcast
// CHECK: tosa.transpose {{.*}}perms = array<i32: 0, 2, 3, 1>
// CHECK: tosa.conv2d
// CHECK-SAME: pad = array<i64: 1, 0, 1, 0>, stride = array<i64: 2, 2>
// CHECK: tosa.transpose {{.*}}perms = array<i32: 0, 3, 1, 2>
// CHECK: dense<{{\[\[\[\[}}5.000000e-01]], {{\[\[}}-2.000000e+00]], {{\[\[}}1.000000e+00]]]]> : tensor<1x3x1x1xf32>
// CHECK: tosa.add
func.func @convolution(%x: tensor<1x2x4x4xi8>) -> tensor<1x3x2x2xf32> {
  %w = arith.constant dense<2.0> : tensor<3x2x3x3xf32>
  %b = arith.constant dense<[0.5, -2.0, 1.0]> : tensor<3xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x2x4x4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x2x4x4xi8>) outs(%e : tensor<1x2x4x4xf32>) {
  ^bb0(%in: i8, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    linalg.yield %f : f32
  } -> tensor<1x2x4x4xf32>
  %p = tensor.pad %r low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x2x4x4xf32> to tensor<1x2x6x6xf32>
  %ey = tensor.empty() : tensor<1x3x2x2xf32>
  %bias = linalg.broadcast ins(%b : tensor<3xf32>) outs(%ey : tensor<1x3x2x2xf32>) dimensions = [0, 2, 3]
  %y = linalg.conv_2d_nchw_fchw {strides = dense<2> : tensor<2xi64>} ins(%p, %w : tensor<1x2x6x6xf32>, tensor<3x2x3x3xf32>) outs(%bias : tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xf32>
  return %y : tensor<1x3x2x2xf32>
}

// -----

// A channel that has a filter of its own, and groups of channels.
// CHECK-LABEL: func.func @depthwise
// CHECK: tosa.depthwise_conv2d
func.func @depthwise(%x: tensor<1x4x4x3xi8>) -> tensor<1x2x2x3xf32> {
  %w = "tosa.const"() <{values = dense<2.0> : tensor<3x3x3x1xf32>}> : () -> tensor<3x3x3x1xf32>
  %b = "tosa.const"() <{values = dense<0.0> : tensor<3xf32>}> : () -> tensor<3xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %r = tosa.cast %x : (tensor<1x4x4x3xi8>) -> tensor<1x4x4x3xf32>
  %y = tosa.depthwise_conv2d %r, %w, %b, %z, %z {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<1x4x4x3xf32>, tensor<3x3x3x1xf32>, tensor<3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2x3xf32>
  return %y : tensor<1x2x2x3xf32>
}

// -----

// CHECK-LABEL: func.func @groups
// CHECK-COUNT-2: tosa.conv2d
// CHECK: tosa.concat
func.func @groups(%x: tensor<1x2x3x4x4xi8>) -> tensor<1x2x5x2x2xf32> {
  %w = arith.constant dense<2.0> : tensor<2x5x3x3x3xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x2x3x4x4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3, d4)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3, d4)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x2x3x4x4xi8>) outs(%e : tensor<1x2x3x4x4xf32>) {
  ^bb0(%in: i8, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    linalg.yield %f : f32
  } -> tensor<1x2x3x4x4xf32>
  %ey = tensor.empty() : tensor<1x2x5x2x2xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%ey : tensor<1x2x5x2x2xf32>) -> tensor<1x2x5x2x2xf32>
  %y = linalg.conv_2d_ngchw_gfchw ins(%r, %w : tensor<1x2x3x4x4xf32>, tensor<2x5x3x3x3xf32>) outs(%fill : tensor<1x2x5x2x2xf32>) -> tensor<1x2x5x2x2xf32>
  return %y : tensor<1x2x5x2x2xf32>
}

// -----

// Windows whose largest element, or mean, is taken; columns that no window reads are left out.
// CHECK-LABEL: func.func @pools
// CHECK: tosa.slice
// CHECK: tosa.max_pool2d
// CHECK-SAME: kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>
// CHECK: tosa.avg_pool2d
// CHECK: dense<4.000000e+00>
// CHECK: tosa.mul
func.func @pools(%x: tensor<1x2x5x5xi8>) -> (tensor<1x2x2x2xf32>, tensor<1x2x4x4xf32>) {
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x2x5x5xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x2x5x5xi8>) outs(%e : tensor<1x2x5x5xf32>) {
  ^bb0(%in: i8, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    linalg.yield %f : f32
  } -> tensor<1x2x5x5xf32>
  %w = tensor.empty() : tensor<2x2xf32>
  %em = tensor.empty() : tensor<1x2x2x2xf32>
  %fm = linalg.fill ins(%low : f32) outs(%em : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %m = linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>} ins(%r, %w : tensor<1x2x5x5xf32>, tensor<2x2xf32>) outs(%fm : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %es = tensor.empty() : tensor<1x2x4x4xf32>
  %fs = linalg.fill ins(%zero : f32) outs(%es : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %s = linalg.pooling_nchw_sum ins(%r, %w : tensor<1x2x5x5xf32>, tensor<2x2xf32>) outs(%fs : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %m, %s : tensor<1x2x2x2xf32>, tensor<1x2x4x4xf32>
}

// -----

// Products of two computed tensors, and what attention makes of them; the index of a maximum that
// nobody reads is not computed.
// CHECK-LABEL: func.func @attention
// CHECK: tosa.matmul %{{.*}} : (tensor<2x3x4xf32>, tensor<2x4x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x3x3xf32>
// CHECK: tosa.reduce_max {{.*}}axis = 2
// CHECK: tosa.sub
// CHECK: tosa.exp
// CHECK: tosa.reduce_sum {{.*}}axis = 2
// CHECK: tosa.reciprocal
// CHECK: tosa.mul
func.func @attention(%x: tensor<2x3x4xi8>) -> tensor<2x3x3xf32> {
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : i64
  %r = tosa.cast %x : (tensor<2x3x4xi8>) -> tensor<2x3x4xf32>
  %t = tosa.transpose %r {perms = array<i32: 0, 2, 1>} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
  %e = tensor.empty() : tensor<2x3x3xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %y = linalg.batch_matmul ins(%r, %t : tensor<2x3x4xf32>, tensor<2x4x3xf32>) outs(%f : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %em = tensor.empty() : tensor<2x3xf32>
  %fm = linalg.fill ins(%low : f32) outs(%em : tensor<2x3xf32>) -> tensor<2x3xf32>
  %ei = tensor.empty() : tensor<2x3xi64>
  %fi = linalg.fill ins(%c0 : i64) outs(%ei : tensor<2x3xi64>) -> tensor<2x3xi64>
  %m:2 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%y : tensor<2x3x3xf32>) outs(%fm, %fi : tensor<2x3xf32>, tensor<2x3xi64>) {
  ^bb0(%in: f32, %out: f32, %at: i64):
    %i = linalg.index 2 : index
    %j = arith.index_cast %i : index to i64
    %k = arith.maximumf %in, %out : f32
    %l = arith.cmpf ogt, %in, %out : f32
    %n = arith.select %l, %j, %at : i64
    linalg.yield %k, %n : f32, i64
  } -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %mm = tensor.expand_shape %m#0 [[0], [1, 2]] output_shape [2, 3, 1] : tensor<2x3xf32> into tensor<2x3x1xf32>
  %d = tosa.sub %y, %mm : (tensor<2x3x3xf32>, tensor<2x3x1xf32>) -> tensor<2x3x3xf32>
  %x1 = tosa.exp %d : (tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %s = tosa.reduce_sum %x1 {axis = 2 : i32} : (tensor<2x3x3xf32>) -> tensor<2x3x1xf32>
  %q = tosa.reciprocal %s : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %zero8 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %o = tosa.mul %x1, %q, %zero8 : (tensor<2x3x3xf32>, tensor<2x3x1xf32>, tensor<1xi8>) -> tensor<2x3x3xf32>
  return %o : tensor<2x3x3xf32>
}

// -----

// Numbers of each column, what is repeated, and parts of a tensor.
// CHECK-LABEL: func.func @moves
// CHECK: tosa.slice
// CHECK: tosa.tile
// CHECK: tosa.concat
// CHECK: dense<{{\[\[}}1.000000e+00, 2.000000e+00, 3.000000e+00]]> : tensor<1x3xf32>
// CHECK: tosa.mul
func.func @moves(%x: tensor<2x3xi8>) -> tensor<4x3xf32> {
  %n = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %r = tosa.cast %x : (tensor<2x3xi8>) -> tensor<2x3xf32>
  %s = tensor.extract_slice %r[0, 0] [1, 3] [1, 1] : tensor<2x3xf32> to tensor<1x3xf32>
  %c = tensor.collapse_shape %s [[0, 1]] : tensor<1x3xf32> into tensor<3xf32>
  %e = tensor.empty() : tensor<2x3xf32>
  %b = linalg.broadcast ins(%c : tensor<3xf32>) outs(%e : tensor<2x3xf32>) dimensions = [0]
  %t = tensor.concat dim(0) %r, %b : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  %ey = tensor.empty() : tensor<4x3xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%t, %n : tensor<4x3xf32>, tensor<3xf32>) outs(%ey : tensor<4x3xf32>) {
  ^bb0(%in: f32, %by: f32, %out: f32):
    %m = arith.mulf %in, %by : f32
    linalg.yield %m : f32
  } -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

// Zeros around an image are elements of its windows: they count in sums, and are larger than negative elements.
// CHECK-LABEL: func.func @sums_beyond
// CHECK: tosa.pad
// CHECK: tosa.avg_pool2d
// CHECK-SAME: pad = array<i64: 0, 0, 0, 0>
func.func @sums_beyond(%x: tensor<1x2x4x4xi8>) -> tensor<1x2x5x5xf32> {
  %zero = arith.constant 0.0 : f32
  %r = tosa.cast %x : (tensor<1x2x4x4xi8>) -> tensor<1x2x4x4xf32>
  %p = tensor.pad %r low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x2x4x4xf32> to tensor<1x2x6x6xf32>
  %w = tensor.empty() : tensor<2x2xf32>
  %e = tensor.empty() : tensor<1x2x5x5xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x2x5x5xf32>) -> tensor<1x2x5x5xf32>
  %y = linalg.pooling_nchw_sum ins(%p, %w : tensor<1x2x6x6xf32>, tensor<2x2xf32>) outs(%f : tensor<1x2x5x5xf32>) -> tensor<1x2x5x5xf32>
  return %y : tensor<1x2x5x5xf32>
}

// -----

// CHECK-LABEL: func.func @largest_of_zeros
// CHECK: %[[P:.*]] = tosa.pad
// CHECK: tosa.transpose %[[P]]
// CHECK: tosa.max_pool2d
// CHECK-SAME: pad = array<i64: 0, 0, 0, 0>
func.func @largest_of_zeros(%x: tensor<1x2x4x4xi8>) -> tensor<1x2x5x5xf32> {
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %r = tosa.cast %x : (tensor<1x2x4x4xi8>) -> tensor<1x2x4x4xf32>
  %p = tensor.pad %r low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x2x4x4xf32> to tensor<1x2x6x6xf32>
  %w = tensor.empty() : tensor<2x2xf32>
  %e = tensor.empty() : tensor<1x2x5x5xf32>
  %f = linalg.fill ins(%low : f32) outs(%e : tensor<1x2x5x5xf32>) -> tensor<1x2x5x5xf32>
  %y = linalg.pooling_nchw_max ins(%p, %w : tensor<1x2x6x6xf32>, tensor<2x2xf32>) outs(%f : tensor<1x2x5x5xf32>) -> tensor<1x2x5x5xf32>
  return %y : tensor<1x2x5x5xf32>
}

// -----

// What is less than anything need not be there.
// CHECK-LABEL: func.func @largest_alone
// CHECK-NOT: tosa.pad
// CHECK: tosa.max_pool2d
// CHECK-SAME: pad = array<i64: 1, 1, 1, 1>
func.func @largest_alone(%x: tensor<1x2x4x4xi8>) -> tensor<1x2x5x5xf32> {
  %low = arith.constant 0xFF800000 : f32
  %r = tosa.cast %x : (tensor<1x2x4x4xi8>) -> tensor<1x2x4x4xf32>
  %p = tensor.pad %r low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %low : f32
  } : tensor<1x2x4x4xf32> to tensor<1x2x6x6xf32>
  %w = tensor.empty() : tensor<2x2xf32>
  %e = tensor.empty() : tensor<1x2x5x5xf32>
  %f = linalg.fill ins(%low : f32) outs(%e : tensor<1x2x5x5xf32>) -> tensor<1x2x5x5xf32>
  %y = linalg.pooling_nchw_max ins(%p, %w : tensor<1x2x6x6xf32>, tensor<2x2xf32>) outs(%f : tensor<1x2x5x5xf32>) -> tensor<1x2x5x5xf32>
  return %y : tensor<1x2x5x5xf32>
}
