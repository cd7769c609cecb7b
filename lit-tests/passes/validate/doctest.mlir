// RUN: aie4ml-opt %s --aie-validate --verify-diagnostics

aie.device(xcve2802) {
  %mt = aie.tile(6, 1)
  %m = aie.buffer(%mt) {sym_name = "m"} : memref<8x8xi8>
  %free = aie.lock(%mt) {init = 1 : i32, sym_name = "free"}
  %full = aie.lock(%mt) {init = 0 : i32, sym_name = "full"}
  %dma = aie.memtile_dma(%mt) {
    %s = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op has dimensions of 32 elements, but moves 64}}
    aie.dma_bd(%m : memref<8x8xi8>, 0, 64, [<size = 4, stride = 8>, <size = 8, stride = 1>])
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd
  ^end:
    aie.end
  }
}
