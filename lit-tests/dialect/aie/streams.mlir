// RUN: aie4ml-opt %s --split-input-file | aie4ml-opt --split-input-file | FileCheck %s
// RUN: aie4ml-opt %s --split-input-file --mlir-print-op-generic | aie4ml-opt --split-input-file | FileCheck %s

// CHECK-LABEL: aie.device(xcve2802)
aie.device(xcve2802) {
  %pl = aie.tile(6, 0)
  %a = aie.tile(6, 3)
  %b = aie.tile(7, 3)
  // A broadcast to two cores.
  // CHECK: aie.flow(%tile_6_0, PLIO : 7, %tile_6_3, DMA : 0)
  aie.flow(%pl, PLIO : 7, %a, DMA : 0)
  // CHECK: aie.flow(%tile_6_0, PLIO : 7, %tile_7_3, DMA : 0)
  aie.flow(%pl, PLIO : 7, %b, DMA : 0)
  // CHECK: aie.flow(%tile_7_3, Core : 0, %tile_6_0, South : 2)
  aie.flow(%b, Core : 0, %pl, South : 2)

  // CHECK: aie.packet_flow(1) {
  // CHECK-NEXT: aie.packet_source<%tile_6_3, DMA : 0>
  // CHECK-NEXT: aie.packet_dest<%tile_6_0, DMA : 0>
  // CHECK-NEXT: aie.packet_dest<%tile_7_3, DMA : 1>
  // CHECK-NEXT: } {keep_pkt_header = true, priority_route = true}
  aie.packet_flow(0x1) {
    aie.packet_source<%a, DMA : 0>
    aie.packet_dest<%pl, DMA : 0>
    aie.packet_dest<%b, DMA : 1>
  } {keep_pkt_header = true, priority_route = true}

  %buffer = aie.buffer(%a) {sym_name = "buffer"} : memref<64xi32>
  %m = aie.mem(%a) {
    %0 = aie.dma_start(MM2S, 0, ^new, ^end)
  ^new:
    // CHECK: aie.dma_bd(%buffer : memref<64xi32>) {packet = #aie.packet_info<pkt_type = 0, pkt_id = 1>}
    aie.dma_bd(%buffer : memref<64xi32>) {packet = #aie.packet_info<pkt_type = 0, pkt_id = 1>}
    aie.next_bd ^old
  ^old:
    // CHECK: aie.dma_bd_packet(0, 2)
    aie.dma_bd_packet(0x0, 0x2)
    aie.dma_bd(%buffer : memref<64xi32>)
    aie.next_bd ^new
  ^end:
    aie.end
  }
}

// -----

// Partial sums go west to east and north to south.

// CHECK-LABEL: aie.device(xcve2802)
aie.device(xcve2802) {
  %a = aie.tile(10, 4)
  %b = aie.tile(11, 4)
  %c = aie.tile(11, 3)
  // CHECK: aie.cascade_flow(%tile_10_4, %tile_11_4)
  aie.cascade_flow(%a, %b)
  // CHECK: aie.cascade_flow(%tile_11_4, %tile_11_3)
  aie.cascade_flow(%b, %c)
  // CHECK: aie.configure_cascade(%tile_10_4, North, East)
  aie.configure_cascade(%a, North, East)
  // CHECK: aie.configure_cascade(%tile_11_4, West, South)
  aie.configure_cascade(%b, West, South)
  %core = aie.core(%b) {
    // CHECK: %[[SUM:.*]] = aie.get_cascade() : vector<16xi32>
    %v = aie.get_cascade() : vector<16xi32>
    // CHECK: aie.put_cascade(%[[SUM]] : vector<16xi32>)
    aie.put_cascade(%v : vector<16xi32>)
    aie.end
  }
}
