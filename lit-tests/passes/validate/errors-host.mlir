// RUN: aie4ml-opt %s --pass-pipeline='builtin.module(aie.device(aie-validate))' --split-input-file --verify-diagnostics

aie.device(npu1) {
  %shim = aie.tile(0, 0)
  aie.shim_dma_allocation @in(%shim, MM2S, 0)
  aie.runtime_sequence(%x: memref<262144xi32>) {
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op repeats 65 times, at most 64 are possible}}
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][65, 1, 1, 16][0, 0, 0, 1]) {id = 0 : i64, metadata = @in} : memref<262144xi32>
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op has id 16, a shim tile has 16 buffer descriptors}}
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, 1, 1, 16][0, 0, 0, 1]) {id = 16 : i64, metadata = @in} : memref<262144xi32>
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op has an innermost size of 1024, at most 1023 are possible}}
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, 1, 2, 1024][0, 0, 2048, 1]) {id = 0 : i64, metadata = @in} : memref<262144xi32>
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op has a second size of 1024, at most 1023 are possible}}
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, 1, 1024, 16][0, 0, 32, 1]) {id = 0 : i64, metadata = @in} : memref<262144xi32>
    // In one piece, as long as it likes.
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, 2, 64, 2048][0, 131072, 2048, 1]) {id = 0 : i64, metadata = @in} : memref<262144xi32>
    %many = arith.constant 65 : i64
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op repeats 65 times, at most 64 are possible}}
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][%many, 1, 1, 16][0, 0, 0, 1]) {id = 0 : i64, metadata = @in} : memref<262144xi32>
  }
}

// -----

aie.device(npu1) {
  %shim = aie.tile(0, 0)
  aie.shim_dma_allocation @in(%shim, MM2S, 0)
  aie.runtime_sequence(%x: memref<4194304xi32>) {
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op has a stride of 1048577 words, at most 1048576 are possible}}
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, 1, 2, 16][0, 0, 1048577, 1]) {id = 0 : i64, metadata = @in} : memref<4194304xi32>
  }
}

// -----

aie.device(npu1) {
  %shim = aie.tile(0, 0)
  // expected-error @+1 {{'aie.shim_dma_allocation' op has channel 2, the tile has 2 in this direction}}
  aie.shim_dma_allocation @in(%shim, MM2S, 2)
}
