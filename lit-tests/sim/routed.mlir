// A device that is routed: its streams are traced back through the switches, and its cascades through their ports.
// RUN: aie4ml run %s -o a=%t.a.npy -o b=%t.b.npy -o c=%t.c.npy && python3 %S/show.py %t.a.npy %t.b.npy %t.c.npy | FileCheck %s
// RUN: sed 's|// KEPT ||' %s > %t.kept.mlir && aie4ml run %t.kept.mlir -o a=%t.a.npy -o b=%t.b.npy -o c=%t.c.npy && \
// RUN:   python3 %S/show.py %t.a.npy %t.b.npy %t.c.npy | FileCheck %s

// A circuit with two ends, packets to one of them, and a cascade.
// CHECK: 1 2 3 4
// CHECK: 1 2 3 4
// CHECK: 5 6 7 8

aie.device(npu1) {
  %0 = aie.tile(0, 2)
  %1 = aie.tile(1, 2)
  %2 = aie.tile(1, 3)
  %x = aie.buffer(%0) {sym_name = "x"} : memref<4xi32> = dense<[1, 2, 3, 4]>
  %y = aie.buffer(%0) {sym_name = "y"} : memref<4xi32> = dense<[5, 6, 7, 8]>
  %a = aie.buffer(%1) {sym_name = "a"} : memref<4xi32>
  %b = aie.buffer(%2) {sym_name = "b"} : memref<4xi32>
  %c = aie.buffer(%2) {sym_name = "c"} : memref<4xi32>
  // A flow that mlir-aie keeps beside its ways, for others that name it.
  // And what it leaves of a circuit with two ends: the switches say both.
  // KEPT aie.flow(%0, DMA : 0, %1, DMA : 0)
  // KEPT aie.packet_flow(7) { aie.packet_source<%0, DMA : 1> aie.packet_dest<%2, DMA : 1> }
  aie.switchbox(%0) {
    aie.connect<DMA : 0, East : 2>
    %s = aie.amsel<0> (0)
    %m = aie.masterset(East : 0, %s)
    aie.packet_rules(DMA : 1) {
      aie.rule(31, 7, %s)
    }
  }
  aie.switchbox(%1) {
    aie.connect<West : 2, DMA : 0>
    aie.connect<West : 2, North : 1>
    %s = aie.amsel<1> (2)
    %u = aie.amsel<1> (3)
    %m = aie.masterset(North : 3, %s)
    %n = aie.masterset(DMA : 1, %u)
    aie.packet_rules(West : 0) {
      aie.rule(31, 5, %u)
      aie.rule(28, 4, %s)
    }
  }
  aie.switchbox(%2) {
    aie.connect<South : 1, DMA : 0>
    %s = aie.amsel<0> (0)
    %m = aie.masterset(DMA : 1, %s)
    aie.packet_rules(South : 3) {
      aie.rule(31, 7, %s)
    }
  }
  aie.mem(%0) {
    aie.dma_start(MM2S, 0, ^x, ^next)
  ^x:
    aie.dma_bd(%x : memref<4xi32>)
    aie.next_bd ^end
  ^next:
    aie.dma_start(MM2S, 1, ^y, ^end)
  ^y:
    aie.dma_bd(%y : memref<4xi32>) {packet = #aie.packet_info<pkt_type = 0, pkt_id = 7>}
    aie.next_bd ^end
  ^end:
    aie.end
  }
  aie.mem(%1) {
    aie.dma_start(S2MM, 0, ^a, ^end)
  ^a:
    aie.dma_bd(%a : memref<4xi32>)
    aie.next_bd ^end
  ^end:
    aie.end
  }
  aie.mem(%2) {
    aie.dma_start(S2MM, 0, ^b, ^next)
  ^b:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^end
  ^next:
    aie.dma_start(S2MM, 1, ^c, ^end)
  ^c:
    aie.dma_bd(%c : memref<4xi32>)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}
