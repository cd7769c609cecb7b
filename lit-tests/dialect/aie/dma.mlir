// RUN: aie4ml-opt %s --split-input-file | aie4ml-opt --split-input-file | FileCheck %s
// RUN: aie4ml-opt %s --split-input-file --mlir-print-op-generic | aie4ml-opt --split-input-file | FileCheck %s

// From the host through a memory tile, in blocks of 4 x 8, to a core.

// CHECK-LABEL: aie.device(xcve2802)
aie.device(xcve2802) {
  %shim = aie.tile(2, 0)
  %mt = aie.tile(2, 1)
  %core = aie.tile(2, 3)
  %in = aie.external_buffer {sym_name = "in"} : memref<1024xi32>
  %m = aie.buffer(%mt) {sym_name = "m"} : memref<32x32xi32>
  %mp = aie.lock(%mt) {init = 1 : i32, sym_name = "mp"}
  %mc = aie.lock(%mt) {init = 0 : i32, sym_name = "mc"}
  %a = aie.buffer(%core) {sym_name = "a"} : memref<32x32xi32>
  %go = aie.lock(%shim) {init = 1 : i32, sym_name = "go"}
  %done = aie.lock(%shim) {init = 0 : i32, sym_name = "done"}

  // CHECK: aie.flow(%tile_2_0, DMA : 0, %tile_2_1, DMA : 0)
  aie.flow(%shim, DMA : 0, %mt, DMA : 0)
  // CHECK: aie.flow(%tile_2_1, DMA : 1, %tile_2_3, DMA : 0)
  aie.flow(%mt, "DMA" : 1, %core, DMA : 0)

  // CHECK: %shim_dma_2_0 = aie.shim_dma(%tile_2_0) {
  // CHECK-NEXT: aie.dma_start(MM2S, 0, ^[[FETCH:bb1]], ^[[LAST:bb2]])
  // CHECK-NEXT: ^[[FETCH]]:
  // CHECK-NEXT: aie.use_lock(%go, AcquireGreaterEqual, 1)
  // CHECK-NEXT: aie.dma_bd(%in : memref<1024xi32>) {burst_length = 256 : i32}
  // CHECK-NEXT: aie.use_lock(%done, Release, 1)
  // CHECK-NEXT: aie.next_bd ^[[FETCH]]
  // CHECK-NEXT: ^[[LAST]]:
  // CHECK-NEXT: aie.end
  %0 = aie.shim_dma(%shim) {
    %s = aie.dma_start(MM2S, 0, ^in, ^end)
  ^in:
    aie.use_lock(%go, AcquireGreaterEqual, 1)
    aie.dma_bd(%in : memref<1024xi32>) {burst_length = 256 : i32}
    aie.use_lock(%done, Release, 1)
    aie.next_bd ^in
  ^end:
    aie.end
  }

  // CHECK: %memtile_dma_2_1 = aie.memtile_dma(%tile_2_1) {
  %1 = aie.memtile_dma(%mt) {
    %s = aie.dma_start(S2MM, 0, ^fill, ^out)
  ^fill:
    // CHECK: aie.dma_bd(%m : memref<32x32xi32>, 0, 1024)
    aie.dma_bd(%m : memref<32x32xi32>, 0, 1024)
    aie.next_bd ^fill
  ^out:
    // CHECK: aie.dma_start(MM2S, 1, {{.*}}, repeat_count = 3)
    %t = aie.dma_start(MM2S, 1, ^drain, ^end, repeat_count = 3)
  ^drain:
    // CHECK: aie.dma_bd(%m : memref<32x32xi32>, 0, 1024, [<size = 8, stride = 128>, <size = 4, stride = 8>, <size = 4, stride = 32>, <size = 8, stride = 1>])
    aie.dma_bd(%m : memref<32x32xi32>, 0, 1024, [<size = 8, stride = 128>, <size = 4, stride = 8>, <size = 4, stride = 32>, <size = 8, stride = 1>])
    aie.next_bd ^rest
  ^rest:
    // CHECK: aie.dma_bd(%m : memref<32x32xi32>, 1020, 4) {bd_id = 24 : i32, next_bd_id = 25 : i32}
    aie.dma_bd(%m : memref<32x32xi32>, 1020, 4) {bd_id = 24 : i32, next_bd_id = 25 : i32}
    aie.next_bd ^end
  ^end:
    aie.end
  }

  // CHECK: %mem_2_3 = aie.mem(%tile_2_3) {
  %2 = aie.mem(%core) {
    %s = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // CHECK: aie.dma_bd(%a : memref<32x32xi32>)
    aie.dma_bd(%a : memref<32x32xi32>)
    aie.next_bd ^bd
  ^end:
    aie.end
  }
}

// -----

// A memory tile puts zeros, or another value, around an image.

// CHECK-LABEL: aie.device(xcve2802)
aie.device(xcve2802) {
  %mt = aie.tile(6, 2)
  %fm = aie.buffer(%mt) {sym_name = "fm"} : memref<14x14x8xi8>
  %0 = aie.memtile_dma(%mt) {
    %s = aie.dma_start(MM2S, 2, ^zeros, ^end)
  ^zeros:
    // CHECK: aie.dma_bd(%fm : memref<14x14x8xi8>, 0, 2048, [<size = 14, stride = 112>, <size = 14, stride = 8>, <size = 8, stride = 1>], [<const_pad_before = 1, const_pad_after = 1>, <const_pad_before = 1, const_pad_after = 1>, <const_pad_before = 0, const_pad_after = 0>])
    aie.dma_bd(%fm : memref<14x14x8xi8>, 0, 2048,
               [<size = 14, stride = 112>, <size = 14, stride = 8>, <size = 8, stride = 1>],
               [<const_pad_before = 1, const_pad_after = 1>, <const_pad_before = 1, const_pad_after = 1>, <const_pad_before = 0, const_pad_after = 0>],
               pad_value = 0)
    aie.next_bd ^sevens
  ^sevens:
    // CHECK: aie.dma_bd(%fm : {{.*}}, [<const_pad_before = 4, const_pad_after = 0>], pad_value = 7)
    aie.dma_bd(%fm : memref<14x14x8xi8>, 0, 8, [<size = 4, stride = 1>], [<const_pad_before = 4, const_pad_after = 0>], pad_value = 7)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}
