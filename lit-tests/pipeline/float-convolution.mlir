// A convolution with padding on two sides, strides and gaps, likewise.

// RUN: rm -rf %t && aie4ml compile %s -o %t
// RUN: python3 %S/../operators/codes.py 3x70xi8 %t/a.npy
// RUN: aie4ml run %s --input %t/a.npy --output %t/y.npy
// RUN: aie4ml run %t/network.mlir --input %t/a.npy --expect %t/y.npy
// RUN: aie4ml run %t/design.mlir --input %t/a.npy --expect %t/y.npy

func.func @main(%x: tensor<3x2x5x7xi8>) -> tensor<3x5x3x3xi8> {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<[[[[-0.25,0.0],[1.0,2.0],[-2.25,-1.75]],[[1.25,2.0],[-1.25,-1.0],[1.5,-0.5]]],[[[-1.25,1.25],[-1.25,-0.5],[0.5,0.0]],[[-2.0,-2.25],[1.5,1.0],[1.5,0.0]]],[[[1.25,-1.0],[-0.25,1.25],[-1.75,-1.0]],[[-1.75,-0.25],[2.0,-1.75],[-0.75,-0.5]]],[[[1.75,-1.5],[0.0,-1.25],[-2.25,1.0]],[[-2.0,-1.0],[-0.25,-0.25],[-1.75,2.0]]],[[[1.0,2.0],[-2.0,1.0],[-1.0,0.0]],[[1.75,-1.25],[1.0,-1.75],[-1.0,2.0]]]]> : tensor<5x2x3x2xf32>
  %b = arith.constant dense<[-0.12258433550596237,2.1178388595581055,-1.11202073097229,-0.37760502099990845,2.042771577835083]> : tensor<5xf32>
  %r = tosa.cast %x : (tensor<3x2x5x7xi8>) -> tensor<3x2x5x7xf32>
  %p = tensor.pad %r low[0, 0, 2, 0] high[0, 0, 0, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<3x2x5x7xf32> to tensor<3x2x7x8xf32>
  %ey = tensor.empty() : tensor<3x5x3x3xf32>
  %bias = linalg.broadcast ins(%b : tensor<5xf32>) outs(%ey : tensor<3x5x3x3xf32>) dimensions = [0, 2, 3]
  %y = linalg.conv_2d_nchw_fchw {strides = dense<2> : tensor<2xi64>, dilations = dense<[1, 2]> : tensor<2xi64>} ins(%p, %w : tensor<3x2x7x8xf32>, tensor<5x2x3x2xf32>) outs(%bias : tensor<3x5x3x3xf32>) -> tensor<3x5x3x3xf32>
  %qe = tensor.empty() : tensor<3x5x3x3xi8>
  %s = arith.constant 4.7 : f32
  %lo = arith.constant -128.0 : f32
  %hi = arith.constant 127.0 : f32
  %q = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%y : tensor<3x5x3x3xf32>) outs(%qe : tensor<3x5x3x3xi8>) {
  ^bb0(%in: f32, %out: i8):
    %qa = arith.divf %in, %s : f32
    %qb = math.roundeven %qa : f32
    %qc = arith.maximumf %qb, %lo : f32
    %qd = arith.minimumf %qc, %hi : f32
    %qf = arith.fptosi %qd : f32 to i8
    linalg.yield %qf : i8
  } -> tensor<3x5x3x3xi8>
  return %q : tensor<3x5x3x3xi8>
}
