// Packets and cascades of cores that compute by themselves.
// RUN: aie4ml run %s --check-races -o y=%t.npy -o z=%t2.npy && python3 %S/show.py %t.npy %t2.npy | FileCheck %s

// Two senders share a port; the header of each packet is kept. Tile (1, 3), id 3: bits 4-0 say 3,
// 20-16 the row, 27-21 the column, and bit 31 makes the ones odd in number.
// CHECK: 2293763 1 2 -2145124347 3 4
// CHECK: 11 22 33

aie.device(npu1) {
  %a = aie.tile(1, 3)
  %b = aie.tile(1, 4)
  %c = aie.tile(1, 5)
  %x = aie.buffer(%a) {sym_name = "x"} : memref<2xi32> = dense<[1, 2]>
  %w = aie.buffer(%b) {sym_name = "w"} : memref<2xi32> = dense<[3, 4]>
  %y = aie.buffer(%c) {sym_name = "y"} : memref<6xi32>
  %z = aie.buffer(%a) {sym_name = "z"} : memref<3xi32>
  %second = aie.lock(%b, 0) {init = 0 : i32}
  %sent = aie.lock(%b, 1) {init = 0 : i32}
  aie.packet_flow(3) {
    aie.packet_source<%a, DMA : 0>
    aie.packet_dest<%c, DMA : 0>
  } {keep_pkt_header = true}
  aie.packet_flow(5) {
    aie.packet_source<%b, DMA : 0>
    aie.packet_dest<%c, DMA : 0>
  } {keep_pkt_header = true}
  aie.cascade_flow(%b, %a)
  aie.mem(%a) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    aie.dma_bd_packet(0, 3)
    aie.dma_bd(%x : memref<2xi32>, 0, 2)
    aie.next_bd ^end
  ^end:
    aie.end
  }
  aie.mem(%b) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    aie.use_lock(%second, AcquireGreaterEqual, 1)
    aie.dma_bd(%w : memref<2xi32>, 0, 2) {packet = #aie.packet_info<pkt_type = 0, pkt_id = 5>}
    aie.use_lock(%sent, Release, 1)
    aie.next_bd ^end
  ^end:
    aie.end
  }
  aie.mem(%c) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    aie.dma_bd(%y : memref<6xi32>, 0, 6)
    aie.next_bd ^end
  ^end:
    aie.end
  }
  aie.core(%b) {
    %v = arith.constant dense<11> : vector<16xi32>
    aie.put_cascade(%v : vector<16xi32>)
    %twice = arith.addi %v, %v : vector<16xi32>
    aie.put_cascade(%twice : vector<16xi32>)
    aie.use_lock(%second, Release, 1)
    aie.end
  }
  aie.core(%a) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %p = aie.get_cascade() : vector<16xi32>
    %q = aie.get_cascade() : vector<16xi32>
    %s = arith.addi %p, %q : vector<16xi32>
    %p0 = vector.extract %p[0] : i32 from vector<16xi32>
    %q0 = vector.extract %q[15] : i32 from vector<16xi32>
    %s0 = vector.extract %s[7] : i32 from vector<16xi32>
    memref.store %p0, %z[%c0] : memref<3xi32>
    memref.store %q0, %z[%c1] : memref<3xi32>
    memref.store %s0, %z[%c2] : memref<3xi32>
    aie.end
  }
}
