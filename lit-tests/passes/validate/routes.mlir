// RUN: aie4ml-opt %s --aie-validate=routes=true --split-input-file --verify-diagnostics -o /dev/null

// Six streams go up from a memory tile, and no more.

aie.device(npu1_1col) {
  %shim = aie.tile(0, 0)
  %memory = aie.tile(0, 1)
  %0 = aie.tile(0, 2)
  %1 = aie.tile(0, 3)
  %2 = aie.tile(0, 4)
  aie.flow(%shim, DMA : 0, %0, DMA : 0)
  aie.flow(%memory, DMA : 0, %0, DMA : 1)
  aie.flow(%memory, DMA : 1, %1, DMA : 0)
  aie.flow(%memory, DMA : 2, %1, DMA : 1)
  aie.flow(%memory, DMA : 3, %2, DMA : 0)
  aie.flow(%memory, DMA : 4, %2, DMA : 1)
}

// -----

aie.device(npu1_1col) {
  %shim = aie.tile(0, 0)
  %memory = aie.tile(0, 1)
  %0 = aie.tile(0, 2)
  %1 = aie.tile(0, 3)
  %2 = aie.tile(0, 4)
  %3 = aie.tile(0, 5)
  aie.flow(%memory, DMA : 0, %0, DMA : 0)
  aie.flow(%memory, DMA : 1, %0, DMA : 1)
  aie.flow(%memory, DMA : 2, %1, DMA : 0)
  aie.flow(%memory, DMA : 3, %1, DMA : 1)
  // expected-error @+1 {{'aie.flow' op cannot be routed: 2 streams are in each other's way at the switch of (0, 1), still after 1000 rounds of routing}}
  aie.flow(%memory, DMA : 4, %2, DMA : 0)
  aie.flow(%memory, DMA : 5, %2, DMA : 1)
  aie.flow(%shim, DMA : 0, %3, DMA : 0)
}

// -----

aie.device(npu1_1col) {
  %0 = aie.tile(0, 2)
  // expected-error @+1 {{'aie.flow' op cannot be routed: no way leads from Dma 0 of tile(0, 2) to Dma 1 of tile(0, 2)}}
  aie.flow(%0, DMA : 0, %0, DMA : 1)
}
