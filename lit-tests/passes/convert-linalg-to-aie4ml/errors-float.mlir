// RUN: aie4ml-opt %s --convert-linalg-to-aie4ml --split-input-file --verify-diagnostics

#id = affine_map<(d0, d1) -> (d0, d1)>

func.func @rounds_what_is_no_code(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %sx = arith.constant 0.1 : f32
  %sy = arith.constant 0.3 : f32
  %two = arith.constant 2.0 : f32
  %zero = arith.constant 0.0 : f32
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %ylow = arith.constant -128.0 : f32
  %yhigh = arith.constant 127.0 : f32
  %e8 = tensor.empty() : tensor<2x3xi8>
  %ey = tensor.empty() : tensor<2x3xi8>
  %ex = tensor.empty() : tensor<2x3xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x3xf32>) outs(%e8 : tensor<2x3xi8>) {
  ^bb0(%in: f32, %out: i8):
    %q = arith.divf %in, %sx : f32
    %r = math.roundeven %q : f32
    %l = arith.maximumf %r, %low : f32
    %h = arith.minimumf %l, %high : f32
    %c = arith.fptosi %h : f32 to i8
    linalg.yield %c : i8
  } -> tensor<2x3xi8>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<2x3xi8>) outs(%ey : tensor<2x3xi8>) {
  ^bb0(%in: i8, %out: i8):
    %f = arith.sitofp %in : i8 to f32
    %d = arith.mulf %f, %sx : f32
    %m = math.roundeven %d : f32
    %q = arith.divf %m, %sy : f32
    %r = math.roundeven %q : f32
    %l = arith.maximumf %r, %ylow : f32
    %h = arith.minimumf %l, %yhigh : f32
    %c = arith.fptosi %h : f32 to i8
    linalg.yield %c : i8
  } -> tensor<2x3xi8>
  %2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%1 : tensor<2x3xi8>) outs(%ex : tensor<2x3xf32>) {
  ^bb0(%in: i8, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    %d = arith.mulf %f, %sy : f32
    linalg.yield %d : f32
  } -> tensor<2x3xf32>
  // expected-error @+1 {{'func.return' op computes reals in a way that is not supported in a quantized network yet: quantize before and after it}}
  return %2 : tensor<2x3xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

func.func @quantizes_to_64_bits(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %sx = arith.constant 0.1 : f32
  %sy = arith.constant 0.3 : f32
  %two = arith.constant 2.0 : f32
  %zero = arith.constant 0.0 : f32
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %ylow = arith.constant -1.0e+12 : f32
  %yhigh = arith.constant 1.0e+12 : f32
  %e8 = tensor.empty() : tensor<2x3xi8>
  %ey = tensor.empty() : tensor<2x3xi64>
  %ex = tensor.empty() : tensor<2x3xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x3xf32>) outs(%e8 : tensor<2x3xi8>) {
  ^bb0(%in: f32, %out: i8):
    %q = arith.divf %in, %sx : f32
    %r = math.roundeven %q : f32
    %l = arith.maximumf %r, %low : f32
    %h = arith.minimumf %l, %high : f32
    %c = arith.fptosi %h : f32 to i8
    linalg.yield %c : i8
  } -> tensor<2x3xi8>
  // expected-error @+1 {{'linalg.generic' op quantizes to more than 32 bits}}
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<2x3xi8>) outs(%ey : tensor<2x3xi64>) {
  ^bb0(%in: i8, %out: i64):
    %f = arith.sitofp %in : i8 to f32
    %d = arith.mulf %f, %sx : f32
    %m = arith.addf %d, %two : f32
    %q = arith.divf %m, %sy : f32
    %r = math.roundeven %q : f32
    %l = arith.maximumf %r, %ylow : f32
    %h = arith.minimumf %l, %yhigh : f32
    %c = arith.fptosi %h : f32 to i64
    linalg.yield %c : i64
  } -> tensor<2x3xi64>
  %2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%1 : tensor<2x3xi64>) outs(%ex : tensor<2x3xf32>) {
  ^bb0(%in: i64, %out: f32):
    %f = arith.sitofp %in : i64 to f32
    %d = arith.mulf %f, %sy : f32
    linalg.yield %d : f32
  } -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

func.func @squares_of_codes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %sx = arith.constant 0.1 : f32
  %sy = arith.constant 0.3 : f32
  %two = arith.constant 2.0 : f32
  %zero = arith.constant 0.0 : f32
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %ylow = arith.constant -128.0 : f32
  %yhigh = arith.constant 127.0 : f32
  %e8 = tensor.empty() : tensor<2x3xi8>
  %ey = tensor.empty() : tensor<2x3xi8>
  %ex = tensor.empty() : tensor<2x3xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x3xf32>) outs(%e8 : tensor<2x3xi8>) {
  ^bb0(%in: f32, %out: i8):
    %q = arith.divf %in, %sx : f32
    %r = math.roundeven %q : f32
    %l = arith.maximumf %r, %low : f32
    %h = arith.minimumf %l, %high : f32
    %c = arith.fptosi %h : f32 to i8
    linalg.yield %c : i8
  } -> tensor<2x3xi8>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<2x3xi8>) outs(%ey : tensor<2x3xi8>) {
  ^bb0(%in: i8, %out: i8):
    %f = arith.sitofp %in : i8 to f32
    %d = arith.mulf %f, %sx : f32
    %i8 = arith.extsi %in : i8 to i32
    %sq = arith.muli %i8, %i8 : i32
    %sf = arith.sitofp %sq : i32 to f32
    %m = arith.addf %d, %sf : f32
    %q = arith.divf %m, %sy : f32
    %r = math.roundeven %q : f32
    %l = arith.maximumf %r, %ylow : f32
    %h = arith.minimumf %l, %yhigh : f32
    %c = arith.fptosi %h : f32 to i8
    linalg.yield %c : i8
  } -> tensor<2x3xi8>
  %2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%1 : tensor<2x3xi8>) outs(%ex : tensor<2x3xf32>) {
  ^bb0(%in: i8, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    %d = arith.mulf %f, %sy : f32
    linalg.yield %d : f32
  } -> tensor<2x3xf32>
  // expected-error @+1 {{'func.return' op computes integers that are no quantized reals, in a network of reals, which is not supported yet}}
  return %2 : tensor<2x3xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

func.func @multiplies_integers(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %sx = arith.constant 0.1 : f32
  %sy = arith.constant 0.3 : f32
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %zero = arith.constant 0 : i32
  %w = arith.constant dense<[[1, 4], [2, -5], [3, 6]]> : tensor<3x2xi8>
  %e8 = tensor.empty() : tensor<2x3xi8>
  %ei = tensor.empty() : tensor<2x2xi32>
  %ey = tensor.empty() : tensor<2x2xi8>
  %ex = tensor.empty() : tensor<2x2xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x3xf32>) outs(%e8 : tensor<2x3xi8>) {
  ^bb0(%in: f32, %out: i8):
    %q = arith.divf %in, %sx : f32
    %r = math.roundeven %q : f32
    %l = arith.maximumf %r, %low : f32
    %h = arith.minimumf %l, %high : f32
    %c = arith.fptosi %h : f32 to i8
    linalg.yield %c : i8
  } -> tensor<2x3xi8>
  %fill = linalg.fill ins(%zero : i32) outs(%ei : tensor<2x2xi32>) -> tensor<2x2xi32>
  // expected-error @+1 {{'linalg.generic' op reduces something else than sums, maxima, or sums of products, which is not supported yet}}
  %1 = linalg.matmul ins(%0, %w : tensor<2x3xi8>, tensor<3x2xi8>) outs(%fill : tensor<2x2xi32>) -> tensor<2x2xi32>
  %2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%1 : tensor<2x2xi32>) outs(%ey : tensor<2x2xi8>) {
  ^bb0(%in: i32, %out: i8):
    %f = arith.sitofp %in : i32 to f32
    %d = arith.mulf %f, %sx : f32
    %q = arith.divf %d, %sy : f32
    %r = math.roundeven %q : f32
    %l = arith.maximumf %r, %low : f32
    %h = arith.minimumf %l, %high : f32
    %c = arith.fptosi %h : f32 to i8
    linalg.yield %c : i8
  } -> tensor<2x2xi8>
  %3 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%2 : tensor<2x2xi8>) outs(%ex : tensor<2x2xf32>) {
  ^bb0(%in: i8, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    %d = arith.mulf %f, %sy : f32
    linalg.yield %d : f32
  } -> tensor<2x2xf32>
  return %3 : tensor<2x2xf32>
}

// -----

func.func @gathers(%x: tensor<2x3xi8>) -> tensor<2x3xf32> {
  %r = tosa.cast %x : (tensor<2x3xi8>) -> tensor<2x3xf32>
  %c = arith.constant dense<[[0], [1]]> : tensor<2x1xindex>
  // expected-error @+1 {{'tensor.gather' op is not supported in a quantized network yet: convolutions, pools, products, sums over axes and what is computed of each element are}}
  %y = tensor.gather %r[%c] gather_dims([0]) : (tensor<2x3xf32>, tensor<2x1xindex>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

func.func @integers_of_each_element(%x: tensor<2x3xi8>) -> tensor<2x3xf32> {
  %n = arith.constant dense<[1, 2, 3]> : tensor<3xi8>
  %e = tensor.empty() : tensor<2x3xf32>
  // expected-error @+1 {{'linalg.generic' op computes with integers of each element, in a network of reals, which is not supported yet}}
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %n : tensor<2x3xi8>, tensor<3xi8>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%in: i8, %by: i8, %out: f32):
    %s = arith.subi %in, %by : i8
    %f = arith.sitofp %s : i8 to f32
    linalg.yield %f : f32
  } -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

func.func @begins_with_three(%x: tensor<2x3xi8>) -> tensor<2xf32> {
  %three = arith.constant 3.0 : f32
  %r = tosa.cast %x : (tensor<2x3xi8>) -> tensor<2x3xf32>
  %e = tensor.empty() : tensor<2xf32>
  %f = linalg.fill ins(%three : f32) outs(%e : tensor<2xf32>) -> tensor<2xf32>
  // expected-error @+1 {{'linalg.generic' op begins with a number that changes its result, which is not supported yet}}
  %y = linalg.reduce { arith.addf } ins(%r : tensor<2x3xf32>) outs(%f : tensor<2xf32>) dimensions = [1]
  return %y : tensor<2xf32>
}

// -----

func.func @gaps(%x: tensor<1x2x5x5xi8>) -> tensor<1x2x3x3xf32> {
  %low = arith.constant 0xFF800000 : f32
  %r = tosa.cast %x : (tensor<1x2x5x5xi8>) -> tensor<1x2x5x5xf32>
  %w = tensor.empty() : tensor<2x2xf32>
  %e = tensor.empty() : tensor<1x2x3x3xf32>
  %f = linalg.fill ins(%low : f32) outs(%e : tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  // expected-error @+1 {{'linalg.generic' op has windows with gaps between their elements, which is not supported yet}}
  %y = linalg.pooling_nchw_max {dilations = dense<2> : tensor<2xi64>} ins(%r, %w : tensor<1x2x5x5xf32>, tensor<2x2xf32>) outs(%f : tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  return %y : tensor<1x2x3x3xf32>
}

// -----

func.func @pads_with_one(%x: tensor<1x1x3x3xi8>) -> tensor<1x1x3x3xf32> {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %w = arith.constant dense<2.0> : tensor<1x1x3x3xf32>
  %r = tosa.cast %x : (tensor<1x1x3x3xi8>) -> tensor<1x1x3x3xf32>
  %p = tensor.pad %r low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %one : f32
  } : tensor<1x1x3x3xf32> to tensor<1x1x5x5xf32>
  %e = tensor.empty() : tensor<1x1x3x3xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  // expected-error @+1 {{'linalg.generic' op pads with a number that is not zero, which is not supported yet}}
  %y = linalg.conv_2d_nchw_fchw ins(%p, %w : tensor<1x1x5x5xf32>, tensor<1x1x3x3xf32>) outs(%f : tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  return %y : tensor<1x1x3x3xf32>
}

// -----

func.func @pads_codes(%x: tensor<2x3xi8>) -> tensor<2x4xf32> {
  %zero = arith.constant 0 : i8
  // expected-error @+1 {{'tensor.pad' op pads with what is no constant real}}
  %p = tensor.pad %x low[0, 0] high[0, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : i8
  } : tensor<2x3xi8> to tensor<2x4xi8>
  %r = tosa.cast %p : (tensor<2x4xi8>) -> tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}

// -----

// expected-error @+1 {{'func.func' op has a tensor without static extents}}
func.func @takes_a_number(%x: tensor<2x3xi8>, %by: f32) -> tensor<2x3xf32> {
  %r = tosa.cast %x : (tensor<2x3xi8>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}
