// RUN: aie4ml-opt %s --split-input-file --aie4ml-prove-dataflow --verify-diagnostics

// The transfer takes columns for rows.

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
    aie.dma_bd(%in : memref<32xi8>, 0, 32, [<size = 2, stride = 4>, <size = 4, stride = 8>, <size = 4, stride = 1>])
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
  // expected-error @+1 {{'aie.core' op gets row 2, feature 0 of input 'x' in iteration 0 as input 4 of row 0 of layer 'fc1' at tile(6, 3) in iteration 0, needs row 0, feature 4 of input 'x' in iteration 0}}
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

// -----

// Nothing keeps the second iteration from overwriting the first.

aie.device(xcve2802) {
  func.func private @dense_single_4x8x8_m4x8x8_i8_i8_acc32_i8(memref<32xi8>, memref<64xi8>, memref<8xi32>, memref<32xi8>) attributes {link_with = "k.o"}
  %shim = aie.tile(6, 0)
  %t = aie.tile(6, 3)
  %w = aie.buffer(%t) {sym_name = "w"} : memref<64xi8> = dense<1>
  %bias = aie.buffer(%t) {sym_name = "bias"} : memref<8xi32> = dense<0>
  // expected-error @+1 {{'aie.buffer' op is written by S2MM 0 of tile(6, 3) while the core of tile(6, 3) may still read it: no lock keeps them apart}}
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

// -----

// Nobody ever releases 'free'.

// expected-error @+4 {{'aie.device' op comes to a deadlock}}
// expected-note @+3 {{output 'y' at PLIO 0 of tile (6,0) has 8 of 16 words}}
// expected-note @+2 {{these keep the others waiting:}}
// expected-note @+1 {{waiting, from the outputs inwards:}}
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
      // No release.
      aie.use_lock(%ofull, Release, 1)
    }
    aie.end
  } {aie4ml.slice = {layer = "fc1", source = 0, outputs = array<i64: 0>, k = array<i64: 0, 8>, n = array<i64: 0, 8>,
                      cascade = array<i64: 0, 1>, rows = 4, microtile = array<i64: 4, 8, 8>}}
} {aie4ml.inputs = [{name = "x", rows = 4, columns = 8, batch = 4, element = i8, signed = true, scale = 1.0, zero_point = 0,
     range = array<i64: -128, 127>, streams = [{column = 6, channel = 0, slices = [array<i64: 0, 8, 8>]}]}],
   aie4ml.outputs = [{name = "y", rows = 4, columns = 8, batch = 4, element = i8, signed = true, scale = 1.0, zero_point = 0,
     range = array<i64: -128, 127>, streams = [{column = 6, channel = 0, slices = [array<i64: 0, 8, 8>]}]}]}

// -----

// What the core should do is not said.

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
  // expected-error @+1 {{'aie.core' op has no 'aie4ml.slice', so what it should compute is not known}}
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
  }
} {aie4ml.inputs = [{name = "x", rows = 4, columns = 8, batch = 4, element = i8, signed = true, scale = 1.0, zero_point = 0,
     range = array<i64: -128, 127>, streams = [{column = 6, channel = 0, slices = [array<i64: 0, 8, 8>]}]}],
   aie4ml.outputs = [{name = "y", rows = 4, columns = 8, batch = 4, element = i8, signed = true, scale = 1.0, zero_point = 0,
     range = array<i64: -128, 127>, streams = [{column = 6, channel = 0, slices = [array<i64: 0, 8, 8>]}]}]}

// -----

// Two of eight inputs go to no core.

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
  // expected-error @+1 {{'aie.core' op has inputs 0..6 and outputs 0..8 of layer 'fc1', which leaves a gap or overlaps in 8 inputs and 8 outputs}}
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
  } {aie4ml.slice = {layer = "fc1", source = 0, outputs = array<i64: 0>, k = array<i64: 0, 6>, n = array<i64: 0, 8>,
                      cascade = array<i64: 0, 1>, rows = 4, microtile = array<i64: 4, 8, 8>}}
} {aie4ml.inputs = [{name = "x", rows = 4, columns = 8, batch = 4, element = i8, signed = true, scale = 1.0, zero_point = 0,
     range = array<i64: -128, 127>, streams = [{column = 6, channel = 0, slices = [array<i64: 0, 8, 8>]}]}],
   aie4ml.outputs = [{name = "y", rows = 4, columns = 8, batch = 4, element = i8, signed = true, scale = 1.0, zero_point = 0,
     range = array<i64: -128, 127>, streams = [{column = 6, channel = 0, slices = [array<i64: 0, 8, 8>]}]}]}

// -----

// The kernel is one of other extents.

aie.device(xcve2802) {
  func.func private @dense_single_8x8x4_m4x8x8_i8_i8_acc32_i8(memref<32xi8>, memref<64xi8>, memref<8xi32>, memref<32xi8>) attributes {link_with = "k.o"}
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
  // expected-error @+1 {{'aie.core' op calls 'dense_single_8x8x4_m4x8x8_i8_i8_acc32_i8', which does not compute inputs 0..8 and outputs 0..8 of 4 rows in blocks of 4x8x8 at position 0 of 1}}
  %core = aie.core(%t) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %forever = arith.constant 4294967295 : index
    scf.for %i = %c0 to %forever step %c1 {
      aie.use_lock(%full, AcquireGreaterEqual, 1)
      aie.use_lock(%ofree, AcquireGreaterEqual, 1)
      func.call @dense_single_8x8x4_m4x8x8_i8_i8_acc32_i8(%in, %w, %bias, %out) : (memref<32xi8>, memref<64xi8>, memref<8xi32>, memref<32xi8>) -> ()
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
