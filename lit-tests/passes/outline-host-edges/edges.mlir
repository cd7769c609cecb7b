// RUN: aie4ml-opt %s --aie4ml-outline-host-edges --split-input-file | FileCheck %s

!q = !quant.uniform<i8:f32, 0.5>
!p = !quant.uniform<i8:f32, 0.25>

// CHECK-LABEL: func.func @stays
// CHECK-SAME: (%{{.*}}: tensor<4x8xf32>) -> tensor<4x8xf32> {
// CHECK-NOT: aie4ml.host
func.func @stays(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!q>
  %1 = quant.dcast %0 : tensor<4x8x!q> to tensor<4x8xf32>
  %2 = tosa.clamp %1 {min_val = 0.0 : f32, max_val = 3.4e38 : f32} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = quant.qcast %2 : tensor<4x8xf32> to tensor<4x8x!q>
  %4 = quant.dcast %3 : tensor<4x8x!q> to tensor<4x8xf32>
  return %4 : tensor<4x8xf32>
}

// -----

!q = !quant.uniform<i8:f32, 0.5>

// An output of codes, and what the host makes of them.
// CHECK-LABEL: func.func @both
// CHECK-SAME: (%{{.*}}: tensor<4x8xf32>) -> (tensor<4x8xi8> {aie4ml.name = "last"})
// CHECK: module @both_host attributes {aie4ml.host = "both"}
// CHECK-NOT: @before
// CHECK: func.func @after(%[[CODES:.*]]: tensor<4x8xi8> {aie4ml.name = "last"}) -> (tensor<4x8xf32>, tensor<4xi32>)
// CHECK: %[[REAL:.*]] = quant.dcast
// CHECK: %[[BEST:.*]] = tosa.argmax %[[REAL]]
// CHECK: return %[[REAL]], %[[BEST]]
func.func @both(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4xi32>) {
  %0 = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!q>
  %1 = quant.dcast %0 : tensor<4x8x!q> to tensor<4x8xf32>
  %2 = tosa.clamp %1 {min_val = 0.0 : f32, max_val = 3.4e38 : f32} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = quant.qcast %2 : tensor<4x8xf32> to tensor<4x8x!q> loc("last")
  %4 = quant.dcast %3 : tensor<4x8x!q> to tensor<4x8xf32>
  %5 = tosa.argmax %4 {axis = 1 : i32} : (tensor<4x8xf32>) -> tensor<4xi32>
  return %4, %5 : tensor<4x8xf32>, tensor<4xi32>
}

// -----

!q = !quant.uniform<i8:f32, 0.5>
!p = !quant.uniform<i8:f32, 0.25>

// Two quantizers of one input are two inputs.
// CHECK-LABEL: func.func @twice
// CHECK-SAME: (%{{.*}}: tensor<4x8xi8> {aie4ml.name = "fine"}, %{{.*}}: tensor<4x8xi8> {aie4ml.name = "coarse"}) -> tensor<4x8xf32>
// CHECK: func.func @before(%[[X:.*]]: tensor<4x8xf32> {aie4ml.name = "x"}) -> (tensor<4x8xi8> {aie4ml.name = "fine"}, tensor<4x8xi8> {aie4ml.name = "coarse"})
// CHECK-COUNT-2: quant.qcast %[[X]]
func.func @twice(%x: tensor<4x8xf32> {aie4ml.name = "x"}) -> tensor<4x8xf32> {
  %0 = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!p> loc("fine")
  %1 = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!q> loc("coarse")
  %2 = quant.dcast %0 : tensor<4x8x!p> to tensor<4x8xf32>
  %3 = quant.dcast %1 : tensor<4x8x!q> to tensor<4x8xf32>
  %4 = tosa.add %2, %3 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %5 = quant.qcast %4 : tensor<4x8xf32> to tensor<4x8x!q>
  %6 = quant.dcast %5 : tensor<4x8x!q> to tensor<4x8xf32>
  return %6 : tensor<4x8xf32>
}

// -----

!q = !quant.uniform<i8:f32, 0.5>

// Real values pass by the network.
// CHECK-LABEL: func.func @around
// CHECK-SAME: (%{{.*}}: tensor<4x8xi8> {aie4ml.name = "input0"}) -> (tensor<4x8xi8> {{.*}})
// CHECK: func.func @before(%[[X:.*]]: tensor<4x8xf32>) -> (tensor<4x8xi8> {{.*}}, tensor<4x8xf32> {{.*}})
// CHECK: return %{{.*}}, %[[X]]
// CHECK: func.func @after(%{{.*}}: tensor<4x8xi8> {{.*}}, %[[AROUND:.*]]: tensor<4x8xf32> {{.*}}) -> tensor<4x8xf32>
// CHECK: tosa.add %{{.*}}, %[[AROUND]]
func.func @around(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!q>
  %1 = quant.dcast %0 : tensor<4x8x!q> to tensor<4x8xf32>
  %2 = tosa.clamp %1 {min_val = 0.0 : f32, max_val = 3.4e38 : f32} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = quant.qcast %2 : tensor<4x8xf32> to tensor<4x8x!q>
  %4 = quant.dcast %3 : tensor<4x8x!q> to tensor<4x8xf32>
  %5 = tosa.add %4, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %5 : tensor<4x8xf32>
}

// -----

!q = !quant.uniform<i8:f32, 0.5>

// Integers that a layer reads are codes, whatever follows.
// CHECK-LABEL: func.func @integers
// CHECK-SAME: (%{{.*}}: tensor<1x8x16xi8>) -> tensor<1x8x8xi32> attributes {aie4ml.input_shapes = [array<i64: 1, 8, 16>], aie4ml.output_shapes = [array<i64: 1, 8, 8>]} {
// CHECK-NOT: aie4ml.host
func.func @integers(%x: tensor<1x8x16xi8>) -> tensor<1x8x8xi32> {
  %w = "tosa.const"() <{values = dense<3> : tensor<1x16x8xi8>}> : () -> tensor<1x16x8xi8>
  %z = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %y = tosa.matmul %x, %w, %z, %z : (tensor<1x8x16xi8>, tensor<1x16x8xi8>, tensor<1xi8>, tensor<1xi8>) -> tensor<1x8x8xi32>
  return %y : tensor<1x8x8xi32>
}

// -----

!q = !quant.uniform<i8:f32, 0.5>

// The shape that the model has, where the network has rows and columns.
// CHECK-LABEL: func.func @shapes
// CHECK-SAME: attributes {aie4ml.input_shapes = [array<i64: 4, 2, 4>]}
func.func @shapes(%x: tensor<4x2x4xf32>) -> tensor<4x8xf32> {
  %flat = tosa.const_shape {values = dense<[4, 8]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %x1 = tosa.reshape %x, %flat : (tensor<4x2x4xf32>, !tosa.shape<2>) -> tensor<4x8xf32>
  %0 = quant.qcast %x1 : tensor<4x8xf32> to tensor<4x8x!q>
  %1 = quant.dcast %0 : tensor<4x8x!q> to tensor<4x8xf32>
  %2 = tosa.clamp %1 {min_val = 0.0 : f32, max_val = 3.4e38 : f32} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = quant.qcast %2 : tensor<4x8xf32> to tensor<4x8x!q>
  %4 = quant.dcast %3 : tensor<4x8x!q> to tensor<4x8xf32>
  return %4 : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: func.func @later_level
// CHECK-NOT: aie4ml.host
func.func @later_level(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %0 = aie4ml.clamp %x min = 0 max = 5 : (tensor<4x8xi8>) -> tensor<4x8xi8>
  return %0 : tensor<4x8xi8>
}

// -----

// Integers of 32 bits do not enter: the host computes until they are narrow.
// CHECK-LABEL: func.func @wide
// CHECK-SAME: (%{{.*}}: tensor<2x3xi16> {aie4ml.name = "x"}) -> tensor<2x2xi32>
// CHECK-NOT: arith.shrsi
// CHECK: arith.muli
// CHECK: func.func @before(%{{.*}}: tensor<2x3xi32> {aie4ml.name = "x"}) -> (tensor<2x3xi16> {aie4ml.name = "x"})
// CHECK: arith.shrsi
#x = affine_map<(d0, d1, d2) -> (d0, d1)>
#w = affine_map<(d0, d1, d2) -> (d1, d2)>
#y = affine_map<(d0, d1, d2) -> (d0, d2)>
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @wide(%x: tensor<2x3xi32> {aie4ml.name = "x"}) -> tensor<2x2xi32> {
  %w = arith.constant dense<[[1, -2], [3, 4], [5, -6]]> : tensor<3x2xi8>
  %zero = arith.constant dense<0> : tensor<2x2xi32>
  %e = tensor.empty() : tensor<2x3xi16>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x3xi32>) outs(%e : tensor<2x3xi16>) {
  ^bb0(%in: i32, %out: i16):
    %c16 = arith.constant 16 : i32
    %1 = arith.shrsi %in, %c16 : i32
    %2 = arith.trunci %1 : i32 to i16
    linalg.yield %2 : i16
  } -> tensor<2x3xi16>
  %3 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "reduction", "parallel"]} ins(%0, %w : tensor<2x3xi16>, tensor<3x2xi8>) outs(%zero : tensor<2x2xi32>) {
  ^bb0(%in: i16, %of: i8, %out: i32):
    %4 = arith.extsi %in : i16 to i32
    %5 = arith.extsi %of : i8 to i32
    %6 = arith.muli %4, %5 : i32
    %7 = arith.addi %out, %6 : i32
    linalg.yield %7 : i32
  } -> tensor<2x2xi32>
  return %3 : tensor<2x2xi32>
}
