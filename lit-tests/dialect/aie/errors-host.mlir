// RUN: aie4ml-opt %s --split-input-file --verify-diagnostics

func.func @elsewhere(%a: memref<16xi8>) {
  // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op must be in an 'aie.runtime_sequence'}}
  aiex.npu.dma_memcpy_nd(%a[0, 0, 0, 0][1, 1, 1, 16][0, 0, 0, 1]) {id = 0 : i64, metadata = @x} : memref<16xi8>
  return
}

// -----

aie.device(npu1) {
  aie.runtime_sequence(%a: memref<16xi8>) {
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op needs four numbers as 'static_sizes', has 3}}
    aiex.npu.dma_memcpy_nd(%a[0, 0, 0, 0][1, 1, 16][0, 0, 0, 1]) {id = 0 : i64, metadata = @x} : memref<16xi8>
  }
}

// -----

aie.device(npu1) {
  aie.runtime_sequence(%a: memref<16xi8>) {
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op has size 0 in dimension 1, outermost first}}
    aiex.npu.dma_memcpy_nd(%a[0, 0, 0, 0][1, 0, 1, 16][0, 0, 0, 1]) {id = 0 : i64, metadata = @x} : memref<16xi8>
  }
}

// -----

aie.device(npu1) {
  aie.runtime_sequence(%a: memref<16xi8>) {
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op splits words of 4 bytes in dimension 3, outermost first}}
    aiex.npu.dma_memcpy_nd(%a[0, 0, 0, 0][1, 1, 2, 6][0, 0, 8, 1]) {id = 0 : i64, metadata = @x} : memref<16xi8>
  }
}

// -----

aie.device(npu1) {
  aie.runtime_sequence(%a: memref<16xi8>) {
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op splits words of 4 bytes in dimension 2, outermost first}}
    aiex.npu.dma_memcpy_nd(%a[0, 0, 0, 0][1, 1, 2, 4][0, 0, 6, 1]) {id = 0 : i64, metadata = @x} : memref<16xi8>
  }
}

// -----

aie.device(npu1) {
  aie.runtime_sequence(%a: memref<16xi8>) {
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op begins at element 2, inside a word of 4 bytes}}
    aiex.npu.dma_memcpy_nd(%a[0, 0, 0, 2][1, 1, 1, 4][0, 0, 0, 1]) {id = 0 : i64, metadata = @x} : memref<16xi8>
  }
}

// -----

aie.device(npu1) {
  aie.runtime_sequence(%a: memref<16xi8>) {
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op reaches element 19 of a buffer of 16}}
    aiex.npu.dma_memcpy_nd(%a[0, 0, 0, 4][1, 1, 1, 16][0, 0, 0, 1]) {id = 0 : i64, metadata = @x} : memref<16xi8>
  }
}
