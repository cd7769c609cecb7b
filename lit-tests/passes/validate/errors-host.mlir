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

// -----

aie.device(npu1) {
  %shim = aie.tile(0, 0)
  // expected-error @+1 {{'aie.shim_dma_allocation' op has a packet type above 7 or an id above 31}}
  aie.shim_dma_allocation @in(%shim, MM2S, 0, <pkt_type = 0, pkt_id = 32>)
  aie.shim_dma_allocation @out(%shim, S2MM, 0)
  aie.runtime_sequence(%x: memref<64xi32>) {
    // expected-error @+1 {{'aiex.npu.dma_memcpy_nd' op has a packet type above 7 or an id above 31}}
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, 1, 1, 16][0, 0, 0, 1], packet = <pkt_type = 8, pkt_id = 1>) {id = 0 : i64, metadata = @in} : memref<64xi32>
    // A token of a transfer from memory has to be asked for.
    // expected-error @+1 {{'aiex.npu.dma_wait' op waits for a token of 'in' that no transfer before it issues: set its 'issue_token'}}
    aiex.npu.dma_wait {symbol = @in}
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, 1, 1, 16][0, 0, 0, 1]) {id = 1 : i64, metadata = @out} : memref<64xi32>
    aiex.npu.dma_wait {symbol = @out}
    // expected-error @+1 {{'aiex.npu.dma_wait' op waits for a token of 'out' that no transfer before it issues: set its 'issue_token'}}
    aiex.npu.dma_wait {symbol = @out}
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %p = aie.buffer(%t) {sym_name = "p"} : memref<4xi32>
  aie.runtime_sequence(%x: memref<64xi32>) {
    aiex.npu.rtp_write(@p, 3, 1)
    // expected-error @+1 {{'aiex.npu.rtp_write' op writes word 4 of 'p', which has 4}}
    aiex.npu.rtp_write(@p, 4, 1)
    // expected-error @+1 {{'aiex.npu.sync' op has channel 2, the tile has 2 in this direction}}
    aiex.npu.sync {channel = 2 : i32, column = 0 : i32, column_num = 1 : i32, direction = 0 : i32, row = 0 : i32, row_num = 1 : i32}
    // expected-error @+2 {{'aiex.npu.push_queue' op repeats 256 times, at most 255 are possible}}
    // expected-error @+1 {{'aiex.npu.push_queue' op has id 16, the tile has 16 buffer descriptors}}
    aiex.npu.push_queue(0, 0, MM2S : 1) {bd_id = 16 : i32, issue_token = true, repeat_count = 256 : i32}
  }
}

// -----

// Tasks: descriptors that the host configures, of the tile that the task is for.
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %mem = aie.tile(0, 1)
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<1024xi32>
  %m = aie.buffer(%mem) {sym_name = "m"} : memref<32xi8>
  aie.shim_dma_allocation @in(%shim, MM2S, 0)
  aie.runtime_sequence(%x: memref<1048576xi32>) {
    // expected-error @+1 {{'aiex.dma_configure_task' op has channel 2, the tile has 2 in this direction}}
    %0 = aiex.dma_configure_task(%t, MM2S, 2) {
      // expected-error @+1 {{'aie.dma_bd' op has a dimension of 256, at most 255 are possible}}
      aie.dma_bd(%b : memref<1024xi32>, 0, 512, [<size = 256, stride = 4>, <size = 2, stride = 1>]) {bd_id = 0 : i32}
      aie.end
    }
    // expected-error @+1 {{'aiex.dma_configure_task_for' op repeats 256 times, at most 255 are possible}}
    %1 = aiex.dma_configure_task_for @in {
      // expected-error @+2 {{'aie.dma_bd' op has id 16, the tile has 16 buffer descriptors}}
      // expected-error @+1 {{'aie.dma_bd' op repeats 65 times, at most 64 are possible}}
      aie.dma_bd(%x : memref<1048576xi32>, 0, 8, [<size = 65, stride = 64>, <size = 2, stride = 16>, <size = 2, stride = 8>, <size = 2, stride = 1>]) {bd_id = 16 : i32}
      aie.end
    } {repeat_count = 256 : i32}
    %2 = aiex.dma_configure_task_for @in {
      // In one piece, as long as it likes.
      aie.dma_bd(%x : memref<1048576xi32>, 0, 1048576, [<size = 1, stride = 0>, <size = 1, stride = 0>, <size = 512, stride = 2048>, <size = 2048, stride = 1>])
      aie.end
    }
    %3 = aiex.dma_configure_task(%mem, MM2S, 0) {
      // Padding counts, or it does not.
      aie.dma_bd(%m : memref<32xi8>, 0, 16, [<size = 4, stride = 4>, <size = 4, stride = 1>], [<const_pad_before = 1, const_pad_after = 1>, <const_pad_before = 0, const_pad_after = 0>])
      aie.end
    }
    %5 = aiex.dma_configure_task(%mem, MM2S, 1) {
      // The only padding is the innermost's.
      // expected-error @+1 {{'aie.dma_bd' op has an innermost padding that is not whole words of 4 bytes}}
      aie.dma_bd(%m : memref<32xi8>, 4, 16, [<size = 2, stride = 4>, <size = 2, stride = 8>, <size = 4, stride = 1>], [<const_pad_before = 2, const_pad_after = 1>])
      aie.end
    }
    %4 = aiex.dma_configure_task_for @in {
      // expected-error @+1 {{'aie.dma_bd' op pads, which only a memory tile can}}
      aie.dma_bd(%x : memref<1048576xi32>, 0, 16, [<size = 4, stride = 8>, <size = 2, stride = 1>], [<const_pad_before = 0, const_pad_after = 0>, <const_pad_before = 2, const_pad_after = 0>])
      aie.end
    }
  }
}
