// Three layers of odd extents, 13-37-11-3, from tosa to an array program.

// RUN: aie4ml-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(convert-tosa-to-aie4ml,aie4ml-fuse,aie4ml-legalize))' \
// RUN:   | FileCheck %s --check-prefix=NETWORK
// RUN: aie4ml-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(convert-tosa-to-aie4ml,aie4ml-fuse,aie4ml-legalize,aie4ml-tile,aie4ml-parallelize,aie4ml-pack,aie4ml-plan-transport,aie4ml-place))' \
// RUN:   | FileCheck %s --check-prefix=MAPPED
// RUN: aie4ml-opt %s --split-input-file --aie4ml-compile | FileCheck %s --check-prefix=DESIGN
// RUN: aie4ml-opt %s --split-input-file --aie4ml-compile | aie4ml-opt --split-input-file | FileCheck %s --check-prefix=DESIGN

// A batch of 5: rows fill two microtiles of four.

// NETWORK: func.func @main(%[[X:.*]]: tensor<5x13xi8> {aie4ml.name = "jets", aie4ml.quant = !quant.uniform<i8:f32, 3.125000e-02>}) -> (tensor<5x3xi8> {aie4ml.name = "classes", aie4ml.quant = !quant.uniform<i8:f32, 3.125000e-02>}) attributes {aie4ml.device = "xcve2802"}
// NETWORK-NOT: {{tosa|quant[.]}}
// NETWORK: %[[FC1:.*]] = aie4ml.dense %[[X]], {{.*}} accumulator = i32 requant = [#aie4ml.requant<shift = 7, {{.*}}, min = 0, max = 127>] : (tensor<5x13xi8>, tensor<13x37xi8>, tensor<37xi32>) -> tensor<5x37xi8>
// NETWORK: %[[FC2:.*]] = aie4ml.dense %[[FC1]], {{.*}} min = 0, max = 127>] : (tensor<5x37xi8>, tensor<37x11xi8>, tensor<11xi32>) -> tensor<5x11xi8>
// NETWORK: %[[FC3:.*]] = aie4ml.dense %[[FC2]], {{.*}} min = -128, max = 127>] : (tensor<5x11xi8>, tensor<11x3xi8>, tensor<3xi32>) -> tensor<5x3xi8>
// NETWORK-NEXT: return %[[FC3]]

// MAPPED: aie4ml.plan = {{{.*}} optimal = true, {{.*}}tiles = 3 : i64
// MAPPED: aie4ml.transfer {{.*}} {memory_tiles = [#aie4ml.place<{{.*}}>], ports = [#aie4ml.port<{{.*}}>], regions = [#aie4ml.region<0 -> 0, 0 to 13, group = 0>]}
// MAPPED: aie4ml.dense {{.*}} microtile = #aie4ml.microtile<4, 8, 8>, packing = {{.*}}, place = [#aie4ml.place<{{.*}}>], split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 40, rows = 5>
// MAPPED: aie4ml.transfer {{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 37, group = 0>], via = #aie4ml.via<shared_memory>}
// MAPPED: aie4ml.dense {{.*}} split = #aie4ml.split<cascade = 1, chains = 1, k = 40, n = 16, rows = 5>
// MAPPED: aie4ml.transfer {{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 11, group = 0>], via = #aie4ml.via<shared_memory>}
// MAPPED: aie4ml.dense {{.*}} split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 8, rows = 5>
// MAPPED: aie4ml.transfer {{.*}} ports = [#aie4ml.port<{{.*}}>], regions = [#aie4ml.region<0 -> 0, 0 to 3, group = 0>]}

// DESIGN: aie.device(xcve2802) {
// DESIGN-DAG: func.func private @[[K1:dense_single_8x16x40_m4x8x8[a-z0-9_]*]](memref<128xi8>, memref<640xi8>, memref<40xi32>, memref<320xi8>)
// DESIGN-DAG: func.func private @[[K2:dense_single_8x40x16_m4x8x8[a-z0-9_]*]](
// DESIGN-DAG: func.func private @[[K3:dense_single_8x16x8_m4x8x8[a-z0-9_]*]](
// DESIGN-COUNT-4: aie.flow(
// DESIGN-NOT: aie.flow(
// DESIGN: aie.core
// DESIGN: func.call @[[K1]](
// DESIGN: layer = "fc1"
// DESIGN: aie.core
// DESIGN: func.call @[[K2]](
// DESIGN: layer = "fc2"
// DESIGN: aie.core
// DESIGN: func.call @[[K3]](
// DESIGN: layer = "fc3"
// DESIGN: aie4ml.inputs = [{batch = 5 : i64, columns = 13 : i64, element = i8, name = "jets"
// DESIGN-SAME: aie4ml.outputs = [{batch = 5 : i64, columns = 3 : i64, element = i8, name = "classes"

!x = !quant.uniform<i8:f32, 0.03125>
!w = !quant.uniform<i8:f32, 0.0078125>
!b = !quant.uniform<i32:f32, 0.000244140625>

func.func @main(%x: tensor<5x13xf32> {aie4ml.name = "jets"}) -> (tensor<5x3xf32> {aie4ml.name = "classes"}) {
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %q0 = quant.qcast %x : tensor<5x13xf32> to tensor<5x13x!x>
  %x0 = quant.dcast %q0 : tensor<5x13x!x> to tensor<5x13xf32>

  %batched1 = tosa.const_shape {values = dense<[1, 5, 13]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %a1 = tosa.reshape %x0, %batched1 : (tensor<5x13xf32>, !tosa.shape<3>) -> tensor<1x5x13xf32>
  %w1 = "tosa.const"() <{values = dense<1> : tensor<1x13x37xi8>}> : () -> tensor<1x13x37xi8>
  %wq1 = quant.scast %w1 : tensor<1x13x37xi8> to tensor<1x13x37x!w>
  %wf1 = quant.dcast %wq1 : tensor<1x13x37x!w> to tensor<1x13x37xf32>
  %m1 = tosa.matmul %a1, %wf1, %zero, %zero : (tensor<1x5x13xf32>, tensor<1x13x37xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x5x37xf32> loc("fc1")
  %b1 = "tosa.const"() <{values = dense<-100> : tensor<1x1x37xi32>}> : () -> tensor<1x1x37xi32>
  %bq1 = quant.scast %b1 : tensor<1x1x37xi32> to tensor<1x1x37x!b>
  %bf1 = quant.dcast %bq1 : tensor<1x1x37x!b> to tensor<1x1x37xf32>
  %s1 = tosa.add %m1, %bf1 : (tensor<1x5x37xf32>, tensor<1x1x37xf32>) -> tensor<1x5x37xf32>
  %r1 = tosa.clamp %s1 {min_val = 0.0 : f32, max_val = 3.40282347E+38 : f32} : (tensor<1x5x37xf32>) -> tensor<1x5x37xf32>
  %flat1 = tosa.const_shape {values = dense<[5, 37]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %f1 = tosa.reshape %r1, %flat1 : (tensor<1x5x37xf32>, !tosa.shape<2>) -> tensor<5x37xf32>
  %q1 = quant.qcast %f1 : tensor<5x37xf32> to tensor<5x37x!x>
  %x1 = quant.dcast %q1 : tensor<5x37x!x> to tensor<5x37xf32>

  %batched2 = tosa.const_shape {values = dense<[1, 5, 37]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %a2 = tosa.reshape %x1, %batched2 : (tensor<5x37xf32>, !tosa.shape<3>) -> tensor<1x5x37xf32>
  %w2 = "tosa.const"() <{values = dense<2> : tensor<1x37x11xi8>}> : () -> tensor<1x37x11xi8>
  %wq2 = quant.scast %w2 : tensor<1x37x11xi8> to tensor<1x37x11x!w>
  %wf2 = quant.dcast %wq2 : tensor<1x37x11x!w> to tensor<1x37x11xf32>
  %m2 = tosa.matmul %a2, %wf2, %zero, %zero : (tensor<1x5x37xf32>, tensor<1x37x11xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x5x11xf32> loc("fc2")
  %b2 = "tosa.const"() <{values = dense<-200> : tensor<1x1x11xi32>}> : () -> tensor<1x1x11xi32>
  %bq2 = quant.scast %b2 : tensor<1x1x11xi32> to tensor<1x1x11x!b>
  %bf2 = quant.dcast %bq2 : tensor<1x1x11x!b> to tensor<1x1x11xf32>
  %s2 = tosa.add %m2, %bf2 : (tensor<1x5x11xf32>, tensor<1x1x11xf32>) -> tensor<1x5x11xf32>
  %r2 = tosa.clamp %s2 {min_val = 0.0 : f32, max_val = 3.40282347E+38 : f32} : (tensor<1x5x11xf32>) -> tensor<1x5x11xf32>
  %flat2 = tosa.const_shape {values = dense<[5, 11]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %f2 = tosa.reshape %r2, %flat2 : (tensor<1x5x11xf32>, !tosa.shape<2>) -> tensor<5x11xf32>
  %q2 = quant.qcast %f2 : tensor<5x11xf32> to tensor<5x11x!x>
  %x2 = quant.dcast %q2 : tensor<5x11x!x> to tensor<5x11xf32>

  %batched3 = tosa.const_shape {values = dense<[1, 5, 11]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %a3 = tosa.reshape %x2, %batched3 : (tensor<5x11xf32>, !tosa.shape<3>) -> tensor<1x5x11xf32>
  %w3 = "tosa.const"() <{values = dense<3> : tensor<1x11x3xi8>}> : () -> tensor<1x11x3xi8>
  %wq3 = quant.scast %w3 : tensor<1x11x3xi8> to tensor<1x11x3x!w>
  %wf3 = quant.dcast %wq3 : tensor<1x11x3x!w> to tensor<1x11x3xf32>
  %m3 = tosa.matmul %a3, %wf3, %zero, %zero : (tensor<1x5x11xf32>, tensor<1x11x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x5x3xf32> loc("fc3")
  %b3 = "tosa.const"() <{values = dense<-300> : tensor<1x1x3xi32>}> : () -> tensor<1x1x3xi32>
  %bq3 = quant.scast %b3 : tensor<1x1x3xi32> to tensor<1x1x3x!b>
  %bf3 = quant.dcast %bq3 : tensor<1x1x3x!b> to tensor<1x1x3xf32>
  %s3 = tosa.add %m3, %bf3 : (tensor<1x5x3xf32>, tensor<1x1x3xf32>) -> tensor<1x5x3xf32>
  %flat3 = tosa.const_shape {values = dense<[5, 3]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %f3 = tosa.reshape %s3, %flat3 : (tensor<1x5x3xf32>, !tosa.shape<2>) -> tensor<5x3xf32>
  %q3 = quant.qcast %f3 : tensor<5x3xf32> to tensor<5x3x!x>
  %x3 = quant.dcast %q3 : tensor<5x3x!x> to tensor<5x3xf32>

  return %x3 : tensor<5x3xf32>
}

// -----

// A batch of 1: one row in a microtile of two.

// NETWORK: func.func @main(%[[X:.*]]: tensor<1x13xi8> {aie4ml.name = "jets", aie4ml.quant = !quant.uniform<i8:f32, 3.125000e-02>}) -> (tensor<1x3xi8> {aie4ml.name = "classes", aie4ml.quant = !quant.uniform<i8:f32, 3.125000e-02>}) attributes {aie4ml.device = "xcve2802"}
// NETWORK-NOT: {{tosa|quant[.]}}
// NETWORK: %[[FC1:.*]] = aie4ml.dense %[[X]], {{.*}} accumulator = i32 requant = [#aie4ml.requant<shift = 7, {{.*}}, min = 0, max = 127>] : (tensor<1x13xi8>, tensor<13x37xi8>, tensor<37xi32>) -> tensor<1x37xi8>
// NETWORK: %[[FC2:.*]] = aie4ml.dense %[[FC1]], {{.*}} min = 0, max = 127>] : (tensor<1x37xi8>, tensor<37x11xi8>, tensor<11xi32>) -> tensor<1x11xi8>
// NETWORK: %[[FC3:.*]] = aie4ml.dense %[[FC2]], {{.*}} min = -128, max = 127>] : (tensor<1x11xi8>, tensor<11x3xi8>, tensor<3xi32>) -> tensor<1x3xi8>
// NETWORK-NEXT: return %[[FC3]]

// MAPPED: aie4ml.plan = {{{.*}} optimal = true, {{.*}}tiles = 3 : i64
// MAPPED: aie4ml.transfer {{.*}} {memory_tiles = [#aie4ml.place<{{.*}}>], ports = [#aie4ml.port<{{.*}}>], regions = [#aie4ml.region<0 -> 0, 0 to 13, group = 0>]}
// MAPPED: aie4ml.dense {{.*}} microtile = #aie4ml.microtile<2, 8, 8>, packing = {{.*}}, place = [#aie4ml.place<{{.*}}>], split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 40, rows = 1>
// MAPPED: aie4ml.transfer {{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 37, group = 0>], via = #aie4ml.via<shared_memory>}
// MAPPED: aie4ml.dense {{.*}} split = #aie4ml.split<cascade = 1, chains = 1, k = 40, n = 16, rows = 1>
// MAPPED: aie4ml.transfer {{.*}} {regions = [#aie4ml.region<0 -> 0, 0 to 11, group = 0>], via = #aie4ml.via<shared_memory>}
// MAPPED: aie4ml.dense {{.*}} split = #aie4ml.split<cascade = 1, chains = 1, k = 16, n = 8, rows = 1>
// MAPPED: aie4ml.transfer {{.*}} ports = [#aie4ml.port<{{.*}}>], regions = [#aie4ml.region<0 -> 0, 0 to 3, group = 0>]}

// DESIGN: aie.device(xcve2802) {
// DESIGN-DAG: func.func private @[[K1:dense_single_2x16x40_m2x8x8[a-z0-9_]*]](memref<32xi8>, memref<640xi8>, memref<40xi32>, memref<80xi8>)
// DESIGN-DAG: func.func private @[[K2:dense_single_2x40x16_m2x8x8[a-z0-9_]*]](
// DESIGN-DAG: func.func private @[[K3:dense_single_2x16x8_m2x8x8[a-z0-9_]*]](
// DESIGN-COUNT-4: aie.flow(
// DESIGN-NOT: aie.flow(
// DESIGN: aie.core
// DESIGN: func.call @[[K1]](
// DESIGN: layer = "fc1"
// DESIGN: aie.core
// DESIGN: func.call @[[K2]](
// DESIGN: layer = "fc2"
// DESIGN: aie.core
// DESIGN: func.call @[[K3]](
// DESIGN: layer = "fc3"
// DESIGN: aie4ml.inputs = [{batch = 1 : i64, columns = 13 : i64, element = i8, name = "jets"
// DESIGN-SAME: aie4ml.outputs = [{batch = 1 : i64, columns = 3 : i64, element = i8, name = "classes"

!x = !quant.uniform<i8:f32, 0.03125>
!w = !quant.uniform<i8:f32, 0.0078125>
!b = !quant.uniform<i32:f32, 0.000244140625>

func.func @main(%x: tensor<1x13xf32> {aie4ml.name = "jets"}) -> (tensor<1x3xf32> {aie4ml.name = "classes"}) {
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %q0 = quant.qcast %x : tensor<1x13xf32> to tensor<1x13x!x>
  %x0 = quant.dcast %q0 : tensor<1x13x!x> to tensor<1x13xf32>

  %batched1 = tosa.const_shape {values = dense<[1, 1, 13]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %a1 = tosa.reshape %x0, %batched1 : (tensor<1x13xf32>, !tosa.shape<3>) -> tensor<1x1x13xf32>
  %w1 = "tosa.const"() <{values = dense<1> : tensor<1x13x37xi8>}> : () -> tensor<1x13x37xi8>
  %wq1 = quant.scast %w1 : tensor<1x13x37xi8> to tensor<1x13x37x!w>
  %wf1 = quant.dcast %wq1 : tensor<1x13x37x!w> to tensor<1x13x37xf32>
  %m1 = tosa.matmul %a1, %wf1, %zero, %zero : (tensor<1x1x13xf32>, tensor<1x13x37xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x37xf32> loc("fc1")
  %b1 = "tosa.const"() <{values = dense<-100> : tensor<1x1x37xi32>}> : () -> tensor<1x1x37xi32>
  %bq1 = quant.scast %b1 : tensor<1x1x37xi32> to tensor<1x1x37x!b>
  %bf1 = quant.dcast %bq1 : tensor<1x1x37x!b> to tensor<1x1x37xf32>
  %s1 = tosa.add %m1, %bf1 : (tensor<1x1x37xf32>, tensor<1x1x37xf32>) -> tensor<1x1x37xf32>
  %r1 = tosa.clamp %s1 {min_val = 0.0 : f32, max_val = 3.40282347E+38 : f32} : (tensor<1x1x37xf32>) -> tensor<1x1x37xf32>
  %flat1 = tosa.const_shape {values = dense<[1, 37]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %f1 = tosa.reshape %r1, %flat1 : (tensor<1x1x37xf32>, !tosa.shape<2>) -> tensor<1x37xf32>
  %q1 = quant.qcast %f1 : tensor<1x37xf32> to tensor<1x37x!x>
  %x1 = quant.dcast %q1 : tensor<1x37x!x> to tensor<1x37xf32>

  %batched2 = tosa.const_shape {values = dense<[1, 1, 37]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %a2 = tosa.reshape %x1, %batched2 : (tensor<1x37xf32>, !tosa.shape<3>) -> tensor<1x1x37xf32>
  %w2 = "tosa.const"() <{values = dense<2> : tensor<1x37x11xi8>}> : () -> tensor<1x37x11xi8>
  %wq2 = quant.scast %w2 : tensor<1x37x11xi8> to tensor<1x37x11x!w>
  %wf2 = quant.dcast %wq2 : tensor<1x37x11x!w> to tensor<1x37x11xf32>
  %m2 = tosa.matmul %a2, %wf2, %zero, %zero : (tensor<1x1x37xf32>, tensor<1x37x11xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x11xf32> loc("fc2")
  %b2 = "tosa.const"() <{values = dense<-200> : tensor<1x1x11xi32>}> : () -> tensor<1x1x11xi32>
  %bq2 = quant.scast %b2 : tensor<1x1x11xi32> to tensor<1x1x11x!b>
  %bf2 = quant.dcast %bq2 : tensor<1x1x11x!b> to tensor<1x1x11xf32>
  %s2 = tosa.add %m2, %bf2 : (tensor<1x1x11xf32>, tensor<1x1x11xf32>) -> tensor<1x1x11xf32>
  %r2 = tosa.clamp %s2 {min_val = 0.0 : f32, max_val = 3.40282347E+38 : f32} : (tensor<1x1x11xf32>) -> tensor<1x1x11xf32>
  %flat2 = tosa.const_shape {values = dense<[1, 11]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %f2 = tosa.reshape %r2, %flat2 : (tensor<1x1x11xf32>, !tosa.shape<2>) -> tensor<1x11xf32>
  %q2 = quant.qcast %f2 : tensor<1x11xf32> to tensor<1x11x!x>
  %x2 = quant.dcast %q2 : tensor<1x11x!x> to tensor<1x11xf32>

  %batched3 = tosa.const_shape {values = dense<[1, 1, 11]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %a3 = tosa.reshape %x2, %batched3 : (tensor<1x11xf32>, !tosa.shape<3>) -> tensor<1x1x11xf32>
  %w3 = "tosa.const"() <{values = dense<3> : tensor<1x11x3xi8>}> : () -> tensor<1x11x3xi8>
  %wq3 = quant.scast %w3 : tensor<1x11x3xi8> to tensor<1x11x3x!w>
  %wf3 = quant.dcast %wq3 : tensor<1x11x3x!w> to tensor<1x11x3xf32>
  %m3 = tosa.matmul %a3, %wf3, %zero, %zero : (tensor<1x1x11xf32>, tensor<1x11x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x3xf32> loc("fc3")
  %b3 = "tosa.const"() <{values = dense<-300> : tensor<1x1x3xi32>}> : () -> tensor<1x1x3xi32>
  %bq3 = quant.scast %b3 : tensor<1x1x3xi32> to tensor<1x1x3x!b>
  %bf3 = quant.dcast %bq3 : tensor<1x1x3x!b> to tensor<1x1x3xf32>
  %s3 = tosa.add %m3, %bf3 : (tensor<1x1x3xf32>, tensor<1x1x3xf32>) -> tensor<1x1x3xf32>
  %flat3 = tosa.const_shape {values = dense<[1, 3]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %f3 = tosa.reshape %s3, %flat3 : (tensor<1x1x3xf32>, !tosa.shape<2>) -> tensor<1x3xf32>
  %q3 = quant.qcast %f3 : tensor<1x3xf32> to tensor<1x3x!x>
  %x3 = quant.dcast %q3 : tensor<1x3x!x> to tensor<1x3xf32>

  return %x3 : tensor<1x3xf32>
}
