// RUN: aie4ml-opt %s --aie-validate --verify-diagnostics

// Dimensions that do not multiply to the length.
aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<128xi32>
  %0 = aie.mem(%t) {
    %s = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op has dimensions of 12 elements, but moves 128}}
    aie.dma_bd(%b : memref<128xi32>, 0, 128, [<size = 3, stride = 4>, <size = 4, stride = 1>])
    aie.next_bd ^end
  ^end:
    aie.end
  }
}
