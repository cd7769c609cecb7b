// RUN: aie4ml-opt %s --split-input-file | FileCheck %s

// What a builder prints that does not know the dialect: properties or plain
// attributes, enumerations as numbers, defaults left out.

// CHECK-LABEL: aie.device(xcve2802) {
"builtin.module"() ({
  "aie.device"() <{device = 3 : i32, sym_name = "main"}> ({
    // CHECK: %[[T:.*]] = aie.tile(6, 3)
    %t = "aie.tile"() <{col = 6 : i32, row = 3 : i32}> : () -> index
    %s = "aie.tile"() <{col = 6 : i32, row = 0 : i32}> : () -> index
    // CHECK: aie.buffer(%[[T]]) {sym_name = "b"} : memref<8xi32> = dense<3>
    %b = "aie.buffer"(%t) <{sym_name = "b", initial_value = dense<3> : tensor<8xi32>}> : (index) -> memref<8xi32>
    %l = "aie.lock"(%t) <{init = 1 : i32, sym_name = "l"}> : (index) -> index
    // CHECK: aie.flow(%{{.*}}, DMA : 0, %[[T]], DMA : 0)
    "aie.flow"(%s, %t) <{source_bundle = 1 : i32, source_channel = 0 : i32, dest_bundle = 1 : i32, dest_channel = 0 : i32}> : (index, index) -> ()
    // CHECK: aie.packet_flow(4) {
    "aie.packet_flow"() <{ID = 4 : i8}> ({
      "aie.packet_source"(%t) <{bundle = 1 : i32, channel = 0 : i32}> : (index) -> ()
      "aie.packet_dest"(%s) <{bundle = 1 : i32, channel = 0 : i32}> : (index) -> ()
      "aie.end"() : () -> ()
    }) : () -> ()
    %mem = "aie.mem"(%t) ({
      // CHECK: aie.dma_start(S2MM, 0, ^bb1, ^bb2)
      %0 = "aie.dma_start"()[^bb1, ^bb2] <{channel_dir = 0 : i32, channel_index = 0 : i32, repeat_count = 0 : i32}> : () -> i1
    ^bb1:
      // CHECK: aie.use_lock(%l, AcquireGreaterEqual, 1)
      "aie.use_lock"(%l) <{action = 2 : i32, value = 1 : i32}> : (index) -> ()
      // CHECK: aie.dma_bd(%b : memref<8xi32>, 0, 8, [<size = 2, stride = 4>, <size = 4, stride = 1>])
      "aie.dma_bd"(%b) <{offset = 0 : i32, len = 8 : i32, dimensions = #aie<bd_dim_layout_array[<size = 2, stride = 4>, <size = 4, stride = 1>]>}> : (memref<8xi32>) -> ()
      "aie.next_bd"()[^bb1] : () -> ()
    ^bb2:
      "aie.end"() : () -> ()
    }) : (index) -> index
    "aie.end"() : () -> ()
  }) : () -> ()
}) : () -> ()

// -----

// CHECK-LABEL: aie.device(npu1) {
"builtin.module"() ({
  "aie.device"() ({
    %t = "aie.tile"() {col = 1 : i32, row = 2 : i32} : () -> index
    %s = "aie.tile"() {col = 1 : i32, row = 0 : i32} : () -> index
    %b = "aie.buffer"(%t) {sym_name = "b"} : (index) -> memref<8xi32>
    // CHECK: aie.core
    %core = "aie.core"(%t) ({
      "aie.end"() : () -> ()
    }) : (index) -> index
    %mem = "aie.mem"(%t) ({
      // CHECK: aie.dma_start(MM2S, 1, ^bb1, ^bb2)
      %0 = "aie.dma_start"()[^bb1, ^bb2] {channel_dir = 1 : i32, channel_index = 1 : i32} : () -> i1
    ^bb1:
      // CHECK: aie.dma_bd(%b : memref<8xi32>, 0, 4)
      "aie.dma_bd"(%b) {len = 4 : i32} : (memref<8xi32>) -> ()
      "aie.next_bd"()[^bb2] : () -> ()
    ^bb2:
      "aie.end"() : () -> ()
    }) : (index) -> index
    // CHECK: aie.objectfifo @of(%{{.*}}, {%{{.*}}}, 2 : i32) : !aie.objectfifo<memref<8xi32>>
    "aie.objectfifo"(%s, %t) {sym_name = "of", elemNumber = 2 : i32, elemType = !aie.objectfifo<memref<8xi32>>, dimensionsToStream = #aie<bd_dim_layout_array[]>, dimensionsFromStreamPerConsumer = #aie<bd_dim_layout_array_array[[]]>} : (index, index) -> ()
    // CHECK: aie.shim_dma_allocation @alloc(%{{.*}}, MM2S, 1)
    "aie.shim_dma_allocation"(%s) {sym_name = "alloc", channel_dir = 1 : i32, channel_index = 1 : i64} : (index) -> ()
    "aie.end"() : () -> ()
  }) {device = 4 : i32} : () -> ()
}) : () -> ()
