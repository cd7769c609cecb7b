// RUN: aie4ml-opt %s --split-input-file | aie4ml-opt --split-input-file | FileCheck %s
// RUN: aie4ml-opt %s --split-input-file --mlir-print-op-generic | aie4ml-opt --split-input-file | FileCheck %s

// CHECK-LABEL: aie.device(xcve2802)
aie.device(xcve2802) {
  %a = aie.tile(2, 3)
  %b = aie.tile(2, 4)
  %c = aie.tile(6, 3)

  // CHECK: aie.objectfifo @near(%tile_2_3, {%tile_2_4}, 3 : i32) : !aie.objectfifo<memref<64xi8>>
  aie.objectfifo @near(%a, {%b}, 3 : i32) : !aie.objectfifo<memref<64xi8>>
  // CHECK: aie.objectfifo @broadcast(%tile_2_3, {%tile_2_4 dimensionsFromStream [<size = 8, stride = 8>, <size = 8, stride = 1>], %tile_6_3}, [2 : i32, 2 : i32, 4 : i32]) {via_DMA = true} : !aie.objectfifo<memref<64xi8>>
  aie.objectfifo @broadcast(%a, {%b dimensionsFromStream [<size = 8, stride = 8>, <size = 8, stride = 1>], %c}, [2 : i32, 2 : i32, 4 : i32]) {via_DMA = true} : !aie.objectfifo<memref<64xi8>>
  // CHECK: aie.objectfifo @seeded(%tile_2_4, {%tile_6_3}, 2 : i32) : !aie.objectfifo<memref<2xi32>> = [dense<[1, 2]> : memref<2xi32>, dense<0> : memref<2xi32>]
  aie.objectfifo @seeded(%b, {%c}, 2 : i32) : !aie.objectfifo<memref<2xi32>> = [dense<[1, 2]> : memref<2xi32>, dense<0> : memref<2xi32>]
  // CHECK: aie.objectfifo @weights(%tile_2_4, {%tile_2_3}, 1 : i32) {disable_synchronization = true} : !aie.objectfifo<memref<32xi32>>
  aie.objectfifo @weights(%b, {%a}, 1 : i32) {disable_synchronization = true} : !aie.objectfifo<memref<32xi32>>
  // CHECK: aie.objectfifo.allocate @weights(%tile_2_4)
  aie.objectfifo.allocate @weights(%b)
  // CHECK: aie.objectfifo @port(%tile_2_3, {%tile_6_3}, 1 : i32) {aie_stream = 0 : i32, aie_stream_port = 0 : i32} : !aie.objectfifo<memref<4xi32>>
  aie.objectfifo @port(%a, {%c}, 1 : i32) {aie_stream = 0 : i32, aie_stream_port = 0 : i32} : !aie.objectfifo<memref<4xi32>>

  %core = aie.core(%a) {
    // CHECK: %[[VIEW:.*]] = aie.objectfifo.acquire @near(Produce, 2) : !aie.objectfifosubview<memref<64xi8>>
    %view = aie.objectfifo.acquire @near(Produce, 2) : !aie.objectfifosubview<memref<64xi8>>
    // CHECK: aie.objectfifo.subview.access %[[VIEW]][1] : !aie.objectfifosubview<memref<64xi8>> -> memref<64xi8>
    %object = aie.objectfifo.subview.access %view[1] : !aie.objectfifosubview<memref<64xi8>> -> memref<64xi8>
    // CHECK: aie.objectfifo.release @near(Produce, 2)
    aie.objectfifo.release @near(Produce, 2)
    %weights = aie.objectfifo.acquire @weights(Consume, 1) : !aie.objectfifosubview<memref<32xi32>>
    aie.end
  }
}

// -----

// Through a memory tile: forward, distribute, join; from and to external memory.

// CHECK-LABEL: aie.device(xcve2802)
aie.device(xcve2802) {
  %shim = aie.tile(2, 0)
  %m = aie.tile(2, 1)
  %a = aie.tile(2, 3)
  %b = aie.tile(2, 4)
  aie.objectfifo @in(%shim, {%m}, 2 : i32) : !aie.objectfifo<memref<14x32xi32>>
  // CHECK: aie.objectfifo @padded(%tile_2_1 dimensionsToStream [<size = 14, stride = 32>, <size = 32, stride = 1>], {%tile_2_3}, 2 : i32) {padDimensions = #aie<bd_pad_layout_array[<const_pad_before = 1, const_pad_after = 1>, <const_pad_before = 0, const_pad_after = 0>]>, repeat_count = 4 : i32} : !aie.objectfifo<memref<16x32xi32>>
  aie.objectfifo @padded(%m dimensionsToStream [<size = 14, stride = 32>, <size = 32, stride = 1>], {%a}, 2 : i32)
      {padDimensions = #aie<bd_pad_layout_array[<const_pad_before = 1, const_pad_after = 1>, <const_pad_before = 0, const_pad_after = 0>]>, repeat_count = 4 : i32}
      : !aie.objectfifo<memref<16x32xi32>>
  // CHECK: aie.objectfifo.link [@in] -> [@padded]([] [])
  aie.objectfifo.link [@in] -> [@padded] ([] [])

  aie.objectfifo @both(%shim, {%m}, 2 : i32) : !aie.objectfifo<memref<128xi32>>
  aie.objectfifo @to_a(%m, {%a}, 2 : i32) : !aie.objectfifo<memref<64xi32>>
  aie.objectfifo @to_b(%m, {%b}, 2 : i32) : !aie.objectfifo<memref<64xi32>>
  // CHECK: aie.objectfifo.link [@both] -> [@to_a, @to_b]([] [0, 64])
  aie.objectfifo.link [@both] -> [@to_a, @to_b] ([] [0, 64])

  aie.objectfifo @from_a(%a, {%m}, 2 : i32) : !aie.objectfifo<memref<64xi32>>
  aie.objectfifo @from_b(%b, {%m}, 2 : i32) : !aie.objectfifo<memref<64xi32>>
  aie.objectfifo @out(%m, {%shim}, 2 : i32) : !aie.objectfifo<memref<128xi32>>
  // CHECK: aie.objectfifo.link [@from_a, @from_b] -> [@out]([0, 64] [])
  aie.objectfifo.link [@from_a, @from_b] -> [@out] ([0, 64] [])

  %e0 = aie.external_buffer {sym_name = "e0"} : memref<256xi32>
  %e1 = aie.external_buffer {sym_name = "e1"} : memref<512xi32>
  // CHECK: aie.objectfifo.register_external_buffers @out(%tile_2_0, {%e0, %e1}) : (memref<256xi32>, memref<512xi32>)
  aie.objectfifo.register_external_buffers @out(%shim, {%e0, %e1}) : (memref<256xi32>, memref<512xi32>)
}
