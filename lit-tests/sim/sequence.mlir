// The host's side: transfers, tasks, tokens, writes.
// RUN: split-file %s %t
// RUN: aie4ml run %t/transfers.mlir -i %S/ramp.npy | FileCheck %s --check-prefix=TRANSFERS
// RUN: aie4ml run %t/transfers.mlir -i argument0=%S/ramp.npy -o bias=%t/bias.npy | FileCheck %s --check-prefix=NAMED
// RUN: aie4ml run %t/tasks.mlir -i %S/ramp.npy | FileCheck %s --check-prefix=TASKS
// RUN: aie4ml run %t/affine.mlir | FileCheck %s --check-prefix=AFFINE

// Two of every four, plus what the host wrote: 100, or 7 for the first.
// TRANSFERS: output 'argument1': 8 int32
// TRANSFERS: 7
// TRANSFERS-NEXT: 101
// TRANSFERS-NEXT: 104
// TRANSFERS-NEXT: 105
// TRANSFERS-NEXT: 108
// TRANSFERS-NEXT: 109
// TRANSFERS-NEXT: 112
// TRANSFERS-NEXT: 113
// NAMED: output 'bias': 1 int32

//--- transfers.mlir
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %t = aie.tile(0, 2)
  %in = aie.buffer(%t) {sym_name = "in"} : memref<4xi32>
  %out = aie.buffer(%t) {sym_name = "out"} : memref<4xi32>
  %bias = aie.buffer(%t) {sym_name = "bias"} : memref<1xi32>
  %first = aie.buffer(%t) {sym_name = "first", address = 4096 : i32} : memref<2xi32>
  %go = aie.lock(%t, 0) {init = 0 : i32, sym_name = "go"}
  %in_free = aie.lock(%t, 1) {init = 1 : i32}
  %in_full = aie.lock(%t, 2) {init = 0 : i32}
  %out_free = aie.lock(%t, 3) {init = 1 : i32}
  %out_full = aie.lock(%t, 4) {init = 0 : i32}
  aie.flow(%shim, DMA : 0, %t, DMA : 0)
  aie.flow(%t, DMA : 0, %shim, DMA : 1)
  aie.core(%t) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    aie.use_lock(%go, AcquireGreaterEqual, 2)
    %b = memref.load %bias[%c0] : memref<1xi32>
    scf.for %k = %c0 to %c2 step %c1 {
      aie.use_lock(%in_full, AcquireGreaterEqual, 1)
      aie.use_lock(%out_free, AcquireGreaterEqual, 1)
      scf.for %i = %c0 to %c4 step %c1 {
        %x = memref.load %in[%i] : memref<4xi32>
        %y = arith.addi %x, %b : i32
        memref.store %y, %out[%i] : memref<4xi32>
      }
      %is_first = arith.cmpi eq, %k, %c0 : index
      scf.if %is_first {
        %seven = memref.load %first[%c1] : memref<2xi32>
        memref.store %seven, %out[%c0] : memref<4xi32>
      }
      aie.use_lock(%in_free, Release, 1)
      aie.use_lock(%out_full, Release, 1)
    }
    aie.end
  }
  aie.mem(%t) {
    %0 = aie.dma(S2MM, 0) [{
      aie.use_lock(%in_free, AcquireGreaterEqual, 1)
      aie.dma_bd(%in : memref<4xi32>)
      aie.use_lock(%in_full, Release, 1)
    }]
    %1 = aie.dma(MM2S, 0) {loop = false, repeat_count = 1 : i32} [{
      aie.use_lock(%out_full, AcquireGreaterEqual, 1)
      aie.dma_bd(%out : memref<4xi32>)
      aie.use_lock(%out_free, Release, 1)
    }]
    aie.end
  }
  aie.runtime_sequence(%x: memref<64xi32>, %y: memref<8xi32>) {
    %two = arith.constant 2 : i64
    aiex.npu.rtp_write(@bias, 0, 100)
    aiex.npu.write32 {address = 4100 : ui32, column = 0 : i32, row = 2 : i32, value = 1 : ui32}
    aiex.npu.maskwrite32 {address = 1 : ui32, buffer = @first, mask = 6 : ui32, value = 255 : ui32}
    aiex.set_lock(%go, 2)
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, %two, 2, 2][0, 8, 4, 1]) {id = 0 : i64, metadata = @send} : memref<64xi32>
    aiex.npu.dma_memcpy_nd(%y[0, 0, 0, 0][1, 1, 1, 8][0, 0, 0, 1]) {id = 1 : i64, metadata = @receive} : memref<8xi32>
    aiex.npu.dma_wait {symbol = @receive}
  }
  aie.shim_dma_allocation @send(%shim, MM2S, 0)
  aie.shim_dma_allocation @receive(%shim, S2MM, 1)
}

//--- tasks.mlir
// Nothing but tasks of the host: through a core's memory and back, reversed by halves.
// TASKS: output 'argument1': 64 int32
// TASKS: 32
// TASKS-NEXT: 33
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<64xi32>
  aie.flow(%shim, DMA : 0, %t, DMA : 0)
  aie.flow(%t, DMA : 1, %shim, DMA : 0)
  aie.shim_dma_allocation @send(%shim, MM2S, 0)
  aie.runtime_sequence(%x: memref<64xi32>, %y: memref<64xi32>) {
    %in = aiex.dma_configure_task_for @send {
      aie.dma_bd(%x : memref<64xi32>, 0, 64)
      aie.end
    }
    %fill = aiex.dma_configure_task(%t, S2MM, 0) {
      aie.dma_bd(%b : memref<64xi32>, 32, 32)
      aie.next_bd ^second
    ^second:
      aie.dma_bd(%b : memref<64xi32>, 0, 32)
      aie.end
    } {issue_token = true}
    aiex.dma_start_task(%in)
    aiex.dma_start_task(%fill)
    aiex.dma_await_task(%fill)
    aiex.dma_free_task(%in)
    %drain = aiex.dma_configure_task(%t, MM2S, 1) {
      aie.dma_bd(%b : memref<64xi32>, 0, 64)
      aie.end
    }
    %out = aiex.dma_configure_task(%shim, S2MM, 0) {
      aie.dma_bd(%y : memref<64xi32>, 0, 64)
      aie.end
    } {issue_token = true}
    aiex.dma_start_task(%drain)
    aiex.dma_start_task(%out)
    aiex.npu.sync {channel = 0 : i32, column = 0 : i32, column_num = 1 : i32, direction = 0 : i32, row = 0 : i32, row_num = 1 : i32}
  }
}

//--- affine.mlir
// A tile's DMA runs one program after the other of a channel; external memory is the host's.
// AFFINE: output 'y': 4 int32
// AFFINE: 0
// AFFINE-NEXT: 3
// AFFINE-NEXT: 50
// AFFINE-NEXT: 50
aie.device(xcve2802) {
  %shim = aie.tile(2, 0)
  %t = aie.tile(2, 3)
  %a = aie.buffer(%t) {sym_name = "a"} : memref<2xi32>
  %b = aie.buffer(%t) {sym_name = "b"} : memref<1xi32> = dense<50>
  %full = aie.lock(%t, 0) {init = 0 : i32}
  %free = aie.lock(%t, 1) {init = 0 : i32}
  %y = aie.external_buffer {sym_name = "y"} : memref<4xi32>
  aie.flow(%t, DMA : 0, %shim, DMA : 0)
  aie.core(%t) {
    affine.for %i = 0 to 2 {
      %three = arith.constant 3 : index
      %n = arith.muli %i, %three : index
      %x = arith.index_cast %n : index to i32
      affine.store %x, %a[%i] : memref<2xi32>
    }
    aie.use_lock(%full, Release, 1)
    aie.end
  }
  aie.mem(%t) {
    %0 = aie.dma_start(MM2S, 0, ^first, ^more)
  ^first:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    aie.dma_bd(%a : memref<2xi32>, 0, 2)
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^end
  ^more:
    %1 = aie.dma_start(MM2S, 0, ^second, ^end, repeat_count = 1)
  ^second:
    aie.dma_bd(%b : memref<1xi32>, 0, 1)
    aie.next_bd ^end
  ^end:
    aie.end
  }
  aie.shim_dma(%shim) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    aie.dma_bd(%y : memref<4xi32>, 0, 4)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}
