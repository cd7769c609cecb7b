// RUN: aie4ml-opt %s --aie4ml-prove-dataflow | FileCheck %s

// A core that computes 8 outputs from 8 inputs, in rows of 4.

// CHECK: aie.device(xcve2802)
aie.device(xcve2802) {
  func.func private @dense_single_4x8x8_m4x8x8_i8_i8_acc32_i8(memref<32xi8>, memref<64xi8>, memref<8xi32>, memref<32xi8>) attributes {link_with = "k.o"}
  %shim = aie.tile(6, 0)
  %t = aie.tile(6, 3)
  %w = aie.buffer(%t) {sym_name = "w"} : memref<64xi8> = dense<1>
  %bias = aie.buffer(%t) {sym_name = "bias"} : memref<8xi32> = dense<0>
  %in = aie.buffer(%t) {sym_name = "in"} : memref<32xi8>
  %out = aie.buffer(%t) {sym_name = "out"} : memref<32xi8>
  %free = aie.lock(%t) {init = 1 : i32, sym_name = "free"}
  %full = aie.lock(%t) {init = 0 : i32, sym_name = "full"}
  %ofree = aie.lock(%t) {init = 1 : i32, sym_name = "ofree"}
  %ofull = aie.lock(%t) {init = 0 : i32, sym_name = "ofull"}
  aie.flow(%shim, PLIO : 0, %t, DMA : 0)
  aie.flow(%t, DMA : 0, %shim, PLIO : 0)
  %dma = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^fill, ^next)
  ^fill:
    aie.use_lock(%free, AcquireGreaterEqual, 1)
    aie.dma_bd(%in : memref<32xi8>)
    aie.use_lock(%full, Release, 1)
    aie.next_bd ^fill
  ^next:
    %1 = aie.dma_start(MM2S, 0, ^drain, ^end)
  ^drain:
    aie.use_lock(%ofull, AcquireGreaterEqual, 1)
    aie.dma_bd(%out : memref<32xi8>)
    aie.use_lock(%ofree, Release, 1)
    aie.next_bd ^drain
  ^end:
    aie.end
  }
  %core = aie.core(%t) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %forever = arith.constant 4294967295 : index
    scf.for %i = %c0 to %forever step %c1 {
      aie.use_lock(%full, AcquireGreaterEqual, 1)
      aie.use_lock(%ofree, AcquireGreaterEqual, 1)
      func.call @dense_single_4x8x8_m4x8x8_i8_i8_acc32_i8(%in, %w, %bias, %out) : (memref<32xi8>, memref<64xi8>, memref<8xi32>, memref<32xi8>) -> ()
      aie.use_lock(%free, Release, 1)
      aie.use_lock(%ofull, Release, 1)
    }
    aie.end
  } {aie4ml.slice = {layer = "fc1", source = 0, outputs = array<i64: 0>, k = array<i64: 0, 8>, n = array<i64: 0, 8>,
                      cascade = array<i64: 0, 1>, rows = 4, microtile = array<i64: 4, 8, 8>}}
} {aie4ml.inputs = [{name = "x", rows = 4, columns = 8, batch = 4, element = i8, signed = true, scale = 1.0, zero_point = 0,
     range = array<i64: -128, 127>, streams = [{column = 6, channel = 0, slices = [array<i64: 0, 8, 8>]}]}],
   aie4ml.outputs = [{name = "y", rows = 4, columns = 8, batch = 4, element = i8, signed = true, scale = 1.0, zero_point = 0,
     range = array<i64: -128, 127>, streams = [{column = 6, channel = 0, slices = [array<i64: 0, 8, 8>]}]}]}
