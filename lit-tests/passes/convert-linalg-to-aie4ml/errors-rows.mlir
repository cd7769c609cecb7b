// RUN: aie4ml-opt %s --convert-linalg-to-aie4ml --split-input-file --verify-diagnostics

// What the conversion of integers by rows refuses.

func.func @constant(%x: tensor<2x3x4x4xi8>) -> tensor<2x4x4x3xi8> {
  %t = tosa.transpose %x {perms = array<i32: 0, 2, 3, 1>} : (tensor<2x3x4x4xi8>) -> tensor<2x4x4x3xi8>
  %c = "tosa.const"() <{values = dense<1> : tensor<2x4x4x3xi8>}> : () -> tensor<2x4x4x3xi8>
  // expected-error @+1 {{returns a constant: a network computes its results}}
  return %c : tensor<2x4x4x3xi8>
}

// -----

func.func @varying(%x: tensor<2x3x4xi8>) -> tensor<2x4x3xi32> {
  %t = tosa.transpose %x {perms = array<i32: 0, 2, 1>} : (tensor<2x3x4xi8>) -> tensor<2x4x3xi8>
  %w = tosa.cast %t : (tensor<2x4x3xi8>) -> tensor<2x4x3xi32>
  %c = "tosa.const"() <{values = dense<[[[1]], [[2]]]> : tensor<2x1x1xi32>}> : () -> tensor<2x1x1xi32>
  // expected-error @+1 {{has a constant that differs from row to row of the batch, or within a channel, which is not supported yet}}
  %y = tosa.add %w, %c : (tensor<2x4x3xi32>, tensor<2x1x1xi32>) -> tensor<2x4x3xi32>
  return %y : tensor<2x4x3xi32>
}

// -----

func.func @onto(%x: tensor<2x3x4xi8>, %s: tensor<8x5xi32>) -> tensor<8x5xi32> {
  %t = tosa.transpose %x {perms = array<i32: 0, 2, 1>} : (tensor<2x3x4xi8>) -> tensor<2x4x3xi8>
  %f = tensor.collapse_shape %t [[0, 1], [2]] : tensor<2x4x3xi8> into tensor<8x3xi8>
  %w = arith.constant dense<1> : tensor<3x5xi8>
  // expected-error @+1 {{adds products to a computed tensor, which is not supported yet: add it afterwards}}
  %y = linalg.matmul ins(%f, %w : tensor<8x3xi8>, tensor<3x5xi8>) outs(%s : tensor<8x5xi32>) -> tensor<8x5xi32>
  return %y : tensor<8x5xi32>
}

// -----

// expected-error @+1 {{has an argument without a batch}}
func.func @scalar(%x: tensor<2x3x4xi8>, %s: tensor<i8>) -> tensor<2x4x3xi8> {
  %t = tosa.transpose %x {perms = array<i32: 0, 2, 1>} : (tensor<2x3x4xi8>) -> tensor<2x4x3xi8>
  return %t : tensor<2x4x3xi8>
}

// -----

#half = affine_map<(d0, d1, d2) -> (d0, d1 floordiv 2, d2)>
#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
func.func @indices(%x: tensor<2x3x4xi8>) -> tensor<2x8x3xi8> {
  %t = tosa.transpose %x {perms = array<i32: 0, 2, 1>} : (tensor<2x3x4xi8>) -> tensor<2x4x3xi8>
  %e = tensor.empty() : tensor<2x8x3xi8>
  // expected-error @+1 {{reads elements by indices that are no sums of its loops, which is not mapped to the array yet}}
  %y = linalg.generic {indexing_maps = [#half, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%t : tensor<2x4x3xi8>) outs(%e : tensor<2x8x3xi8>) {
  ^bb0(%in: i8, %out: i8):
    linalg.yield %in : i8
  } -> tensor<2x8x3xi8>
  return %y : tensor<2x8x3xi8>
}

// -----

func.func @extract(%x: tensor<2x3x4xi8>, %p: tensor<1xi8>) -> tensor<2x3x6xi8> {
  %z = arith.constant 0 : index
  // expected-error @+1 {{is not supported in a network of integers yet; convolutions, pools, products with constant weights}}
  %v = tensor.extract %p[%z] : tensor<1xi8>
  %y = tensor.pad %x low[0, 0, 1] high[0, 0, 1] {
  ^bb0(%a: index, %b: index, %c: index):
    tensor.yield %v : i8
  } : tensor<2x3x4xi8> to tensor<2x3x6xi8>
  %t = tosa.add %y, %y : (tensor<2x3x6xi8>, tensor<2x3x6xi8>) -> tensor<2x3x6xi8>
  return %t : tensor<2x3x6xi8>
}
