// RUN: aie4ml-opt %s | aie4ml-opt | FileCheck %s
// RUN: aie4ml-opt %s --mlir-print-op-generic | aie4ml-opt | FileCheck %s

// What the host does, and an op of mlir-aie that is kept as it is.

// CHECK-LABEL: aie.device(npu2)
aie.device(npu2) {
  %shim = aie.tile(0, 0)
  %core = aie.tile(0, 2)
  aie.flow(%shim, DMA : 0, %core, DMA : 0)
  // CHECK: aie.shim_dma_allocation @x(%tile_0_0, MM2S, 0)
  aie.shim_dma_allocation @x(%shim, MM2S, 0)
  // CHECK: aie.shim_dma_allocation @y(%tile_0_0, S2MM, 1, <pkt_type = 0, pkt_id = 3>) {plio = true}
  aie.shim_dma_allocation @y(%shim, S2MM, 1, <pkt_type = 0, pkt_id = 3>) {plio = true}
  // CHECK: aie.runtime_sequence @main(%[[A:.*]]: memref<4096xbf16>, %[[B:.*]]: memref<64xi32>) {
  aie.runtime_sequence @main(%a: memref<4096xbf16>, %b: memref<64xi32>) {
    // CHECK: aiex.npu.dma_memcpy_nd(%[[A]][0, 0, 1, 0][2, 4, 15, 32][2048, 512, 32, 1]) {id = 2 : i64, metadata = @x} : memref<4096xbf16>
    aiex.npu.dma_memcpy_nd(%a[0, 0, 1, 0][2, 4, 15, 32][2048, 512, 32, 1]) {id = 2 : i64, metadata = @x} : memref<4096xbf16>
    // CHECK: aiex.npu.dma_memcpy_nd(%[[B]][0, 0, 0, 0][1, 1, 1, 64][0, 0, 0, 1], packet = <pkt_type = 0, pkt_id = 2>) {burst_length = 64 : i64, id = 0 : i64, issue_token = true, metadata = @y} : memref<64xi32>
    aiex.npu.dma_memcpy_nd(%b[0, 0, 0, 0][1, 1, 1, 64][0, 0, 0, 1], packet = <pkt_type = 0, pkt_id = 2>) {burst_length = 64 : i64, id = 0 : i64, issue_token = true, metadata = @y} : memref<64xi32>
    // CHECK: aiex.npu.dma_wait {symbol = @y}
    aiex.npu.dma_wait {symbol = @y}
    // CHECK: %[[T:.*]] = aiex.dma_configure_task_for @x {
    %t = aiex.dma_configure_task_for @x {
      // CHECK: aie.dma_bd(%[[A]] : memref<4096xbf16>, 0, 1024, [<size = 4, stride = 1024>, <size = 256, stride = 1>]) {burst_length = 512 : i32}
      aie.dma_bd(%a : memref<4096xbf16>, 0, 1024, [<size = 4, stride = 1024>, <size = 256, stride = 1>]) {burst_length = 512 : i32}
      aie.end
    } {issue_token = true}
    // CHECK: aiex.dma_start_task(%[[T]])
    aiex.dma_start_task(%t)
    // CHECK: aiex.dma_await_task(%[[T]])
    aiex.dma_await_task(%t)
    // CHECK: aiex.npu.rtp_write(@r, 2, -7)
    aiex.npu.rtp_write(@r, 2, -7)
    // CHECK: aiex.npu.preempt {level = 1 : ui8}
    aiex.npu.preempt {level = 1 : ui8}
    // CHECK: aiex.control_packet {address = 126976 : ui32, data = array<i32: 1, 2>, opcode = 0 : i32, stream_id = 1 : i32}
    aiex.control_packet {address = 126976 : ui32, data = array<i32: 1, 2>, opcode = 0 : i32, stream_id = 1 : i32}
    // CHECK: aiex.npu.push_queue(0, 0, MM2S : 1) {bd_id = 3 : i32, issue_token = true, repeat_count = 2 : i32}
    aiex.npu.push_queue(0, 0, MM2S : 1) {bd_id = 3 : i32, issue_token = true, repeat_count = 2 : i32}
    // CHECK: "aiex.cert_of_later"() {id = 1 : i32}
    "aiex.cert_of_later"() {id = 1 : i32} : () -> ()
  }
  // CHECK: aie.runtime_sequence() {
  aie.runtime_sequence() {
  }
}
