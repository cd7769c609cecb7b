// RUN: aie4ml-opt %s --convert-linalg-to-aie4ml | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>

// A layer of PyTorch's PT2E becomes casts, with the weights as integers again.
// CHECK: func.func @layer(%[[X:.*]]: tensor<2x3xf32>) -> tensor<2x2xf32>
func.func @layer(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %wi = arith.constant dense<[[1, 2, 3], [4, -5, 6]]> : tensor<2x3xi8>
  %b = arith.constant dense<[0.5, -0.3]> : tensor<2xf32>
  %sx = arith.constant 0.1 : f32
  %sw = arith.constant 0.7 : f32
  %sy = arith.constant 0.3 : f32
  %zero = arith.constant 0.0 : f32
  %zp = arith.constant 3.0 : f32
  %zpi = arith.constant 3 : i64
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  // CHECK: %[[Q:.*]] = quant.qcast %[[X]] : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32, {{0.1000000014.*}}:3>>
  %e8 = tensor.empty() : tensor<2x3xi8>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x3xf32>) outs(%e8 : tensor<2x3xi8>) {
  ^bb0(%in: f32, %out: i8):
    %q = arith.divf %in, %sx : f32
    %r = math.roundeven %q : f32
    %z = arith.addf %r, %zp : f32
    %l = arith.maximumf %z, %low : f32
    %h = arith.minimumf %l, %high : f32
    %c = arith.fptosi %h : f32 to i8
    linalg.yield %c : i8
  } -> tensor<2x3xi8>
  // CHECK: %[[D:.*]] = quant.dcast %[[Q]]
  %ex = tensor.empty() : tensor<2x3xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<2x3xi8>) outs(%ex : tensor<2x3xf32>) {
  ^bb0(%in: i8, %out: f32):
    %c = arith.extsi %in : i8 to i64
    %z = arith.subi %c, %zpi : i64
    %f = arith.sitofp %z : i64 to f32
    %d = arith.mulf %f, %sx : f32
    linalg.yield %d : f32
  } -> tensor<2x3xf32>
  // CHECK: %[[X3:.*]] = tosa.reshape %[[D]]
  // CHECK: "tosa.const"() <{values = dense<{{\[\[\[}}1, 4], [2, -5], [3, 6]]]> : tensor<1x3x2xi8>}>
  // CHECK: %[[W:.*]] = quant.dcast %{{.*}} : tensor<1x3x2x!quant.uniform<i8:f32, {{.*}}>> to tensor<1x3x2xf32>
  %2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%wi : tensor<2x3xi8>) outs(%ex : tensor<2x3xf32>) {
  ^bb0(%in: i8, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    %d = arith.mulf %f, %sw : f32
    linalg.yield %d : f32
  } -> tensor<2x3xf32>
  %et = tensor.empty() : tensor<3x2xf32>
  %t = linalg.transpose ins(%2 : tensor<2x3xf32>) outs(%et : tensor<3x2xf32>) permutation = [1, 0]
  %ey = tensor.empty() : tensor<2x2xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%ey : tensor<2x2xf32>) -> tensor<2x2xf32>
  // CHECK: %[[M:.*]] = tosa.matmul %[[X3]], %[[W]]
  %3 = linalg.matmul ins(%1, %t : tensor<2x3xf32>, tensor<3x2xf32>) outs(%fill : tensor<2x2xf32>) -> tensor<2x2xf32>
  // CHECK: %[[S:.*]] = tosa.reshape %[[M]]
  // CHECK: %[[B:.*]] = "tosa.const"() <{values = dense<{{\[\[}}5.000000e-01, -3.000000e-01]]>
  // CHECK: %[[A:.*]] = tosa.add %[[S]], %[[B]]
  // CHECK: %[[R:.*]] = tosa.clamp %[[A]] {max_val = 3.40282347E+38 : f32, min_val = 0.000000e+00 : f32}
  // CHECK: %[[Y:.*]] = quant.qcast %[[R]]
  // CHECK: %[[F:.*]] = quant.dcast %[[Y]]
  // CHECK: return %[[F]]
  %4 = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%3, %b : tensor<2x2xf32>, tensor<2xf32>) outs(%ey : tensor<2x2xf32>) {
  ^bb0(%in: f32, %bias: f32, %out: f32):
    %a = arith.addf %in, %bias : f32
    %p = arith.cmpf ugt, %a, %zero : f32
    %relu = arith.select %p, %a, %zero : f32
    %q = arith.divf %relu, %sy : f32
    %r = math.roundeven %q : f32
    %l = arith.maximumf %r, %low : f32
    %h = arith.minimumf %l, %high : f32
    %c = arith.fptosi %h : f32 to i8
    %f = arith.sitofp %c : i8 to f32
    %d = arith.mulf %f, %sy : f32
    linalg.yield %d : f32
  } -> tensor<2x2xf32>
  return %4 : tensor<2x2xf32>
}

// Where nothing is quantized, nothing is changed.
// CHECK: func.func @float
// CHECK: tosa.tanh
func.func @float(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = tosa.tanh %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
