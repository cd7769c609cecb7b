// RUN: aie4ml-opt %s --aie-validate --verify-diagnostics

// Even and odd channels of a memory tile have 24 descriptors each.

aie.device(xcve2802) {
  %t = aie.tile(6, 1)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<64xi8>
  %0 = aie.memtile_dma(%t) {
    // expected-error @+1 {{'aie.dma_start' op needs 25 buffer descriptors, the even channels of tile(6, 1) have 24}}
    %s = aie.dma_start(S2MM, 2, ^bd0, ^end)
  ^bd0:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd1
  ^bd1:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd2
  ^bd2:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd3
  ^bd3:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd4
  ^bd4:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd5
  ^bd5:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd6
  ^bd6:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd7
  ^bd7:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd8
  ^bd8:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd9
  ^bd9:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd10
  ^bd10:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd11
  ^bd11:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd12
  ^bd12:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd13
  ^bd13:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd14
  ^bd14:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd15
  ^bd15:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd16
  ^bd16:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd17
  ^bd17:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd18
  ^bd18:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd19
  ^bd19:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd20
  ^bd20:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd21
  ^bd21:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd22
  ^bd22:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd23
  ^bd23:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd24
  ^bd24:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^bd0
  ^end:
    aie.end
  }
}
