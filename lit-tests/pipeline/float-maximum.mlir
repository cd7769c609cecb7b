// Zeros around an image, of which the largest element of a window is taken, in a network that quantizes by arithmetic of floats.

// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/../operators/codes.py 3x70xi8 %t/a.npy
// RUN: aie4ml run %s --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

func.func @main(%x: tensor<3x2x5x7xi8>) -> tensor<3x2x3x4xi8> {
  %w0 = arith.constant dense<[[[[6.0]],[[2.0]]],[[[-5.0]],[[3.0]]]]> : tensor<2x2x1x1xf32>
  %x0 = tosa.cast %x : (tensor<3x2x5x7xi8>) -> tensor<3x2x5x7xf32>
  %zero0 = arith.constant 0.0 : f32
  %e0 = tensor.empty() : tensor<3x2x5x7xf32>
  %f0 = linalg.fill ins(%zero0 : f32) outs(%e0 : tensor<3x2x5x7xf32>) -> tensor<3x2x5x7xf32>
  %y0 = linalg.conv_2d_nchw_fchw ins(%x0, %w0 : tensor<3x2x5x7xf32>, tensor<2x2x1x1xf32>) outs(%f0 : tensor<3x2x5x7xf32>) -> tensor<3x2x5x7xf32>
  %qe0 = tensor.empty() : tensor<3x2x5x7xi8>
  %s0 = arith.constant 7.3 : f32
  %lo0 = arith.constant -128.0 : f32
  %hi0 = arith.constant 127.0 : f32
  %q0 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%y0 : tensor<3x2x5x7xf32>) outs(%qe0 : tensor<3x2x5x7xi8>) {
  ^bb0(%in: f32, %out: i8):
    %qa = arith.divf %in, %s0 : f32
    %qb = math.roundeven %qa : f32
    %qc = arith.maximumf %qb, %lo0 : f32
    %qd = arith.minimumf %qc, %hi0 : f32
    %qf = arith.fptosi %qd : f32 to i8
    linalg.yield %qf : i8
  } -> tensor<3x2x5x7xi8>
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %r = tosa.cast %q0 : (tensor<3x2x5x7xi8>) -> tensor<3x2x5x7xf32>
  %p = tensor.pad %r low[0, 0, 1, 2] high[0, 0, 1, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<3x2x5x7xf32> to tensor<3x2x7x9xf32>
  %w = tensor.empty() : tensor<3x2xf32>
  %e = tensor.empty() : tensor<3x2x3x4xf32>
  %f = linalg.fill ins(%low : f32) outs(%e : tensor<3x2x3x4xf32>) -> tensor<3x2x3x4xf32>
  %y = linalg.pooling_nchw_max {strides = dense<[2, 2]> : tensor<2xi64>} ins(%p, %w : tensor<3x2x7x9xf32>, tensor<3x2xf32>) outs(%f : tensor<3x2x3x4xf32>) -> tensor<3x2x3x4xf32>
  %qe = tensor.empty() : tensor<3x2x3x4xi8>
  %s = arith.constant 1.0 : f32
  %lo = arith.constant -128.0 : f32
  %hi = arith.constant 127.0 : f32
  %q = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%y : tensor<3x2x3x4xf32>) outs(%qe : tensor<3x2x3x4xi8>) {
  ^bb0(%in: f32, %out: i8):
    %qa = arith.divf %in, %s : f32
    %qb = math.roundeven %qa : f32
    %qc = arith.maximumf %qb, %lo : f32
    %qd = arith.minimumf %qc, %hi : f32
    %qf = arith.fptosi %qd : f32 to i8
    linalg.yield %qf : i8
  } -> tensor<3x2x3x4xi8>
  return %q : tensor<3x2x3x4xi8>
}
