// RUN: aie4ml-opt %s --pass-pipeline='builtin.module(aie.device(aie-validate))' --split-input-file --verify-diagnostics

// Nobody releases, and an NPU has no host that could.
aie.device(npu1) {
  %t = aie.tile(0, 2)
  %l = aie.lock(%t, 0) {init = 1 : i32, sym_name = "l"}
  // expected-error @+1 {{'aie.core' op waits for 2 of lock 'l', which begins at 1 and which nobody releases}}
  %c = aie.core(%t) {
    aie.use_lock(%l, AcquireGreaterEqual, 2)
    aie.end
  }
}

// -----

// The same in a DMA program, in a design whose host does nothing of the kind.
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<16xi32>
  %free = aie.lock(%t) {init = 1 : i32, sym_name = "free"}
  %full = aie.lock(%t) {init = 0 : i32, sym_name = "full"}
  aie.flow(%t, DMA : 0, %shim, DMA : 0)
  aie.shim_dma_allocation @out(%shim, S2MM, 0)
  %m = aie.mem(%t) {
    %s = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op waits for 1 of lock 'full', which begins at 0 and which nobody releases}}
    aie.dma_bd(%b : memref<16xi32>)
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd
  ^end:
    aie.end
  }
  aie.runtime_sequence(%x: memref<16xi32>) {
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, 1, 1, 16][0, 0, 0, 1]) {id = 0 : i64, metadata = @out} : memref<16xi32>
    aiex.npu.dma_wait {symbol = @out}
  }
}

// -----

// A host that sets locks, or one of a Versal device, may well release it.
aie.device(npu1) {
  %t = aie.tile(0, 2)
  %l = aie.lock(%t, 0) {init = 0 : i32, sym_name = "l"}
  %c = aie.core(%t) {
    aie.use_lock(%l, AcquireGreaterEqual, 1)
    aie.end
  }
  aie.runtime_sequence() {
    aiex.set_lock(%l, 1)
  }
}

// -----

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %l = aie.lock(%t, 0) {init = 0 : i32, sym_name = "l"}
  %c = aie.core(%t) {
    aie.use_lock(%l, AcquireGreaterEqual, 1)
    aie.end
  }
}

// -----

// Packets of an id without a flow are for registers: their flows are made later.
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %t = aie.tile(0, 2)
  %l = aie.lock(%t, 0) {init = 0 : i32, sym_name = "l"}
  aie.shim_dma_allocation @control(%shim, MM2S, 0)
  %c = aie.core(%t) {
    aie.use_lock(%l, AcquireGreaterEqual, 1)
    aie.end
  }
  aie.runtime_sequence(%x: memref<2xi32>) {
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, 1, 1, 2][0, 0, 0, 1], packet = <pkt_type = 1, pkt_id = 27>) {id = 0 : i64, metadata = @control} : memref<2xi32>
  }
}
