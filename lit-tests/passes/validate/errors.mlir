// RUN: aie4ml-opt %s --split-input-file --aie-validate --verify-diagnostics

// Words of 4 bytes.

aie.device(xcve2802) {
  %t = aie.tile(6, 1)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<64x64xi8>
  %free = aie.lock(%t) {init = 1 : i32, sym_name = "free"}
  %full = aie.lock(%t) {init = 0 : i32, sym_name = "full"}
  %0 = aie.memtile_dma(%t) {
    %s = aie.dma_start(MM2S, 0, ^bd0, ^end)
  ^bd0:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op has an innermost size of 6 elements of 1 bytes, which are not whole words of 4 bytes}}
    aie.dma_bd(%b : memref<64x64xi8>, 0, 48, [<size = 8, stride = 64>, <size = 6, stride = 1>])
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd1
  ^bd1:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op has a stride of 6 elements of 1 bytes, which are not whole words of 4 bytes}}
    aie.dma_bd(%b : memref<64x64xi8>, 0, 32, [<size = 8, stride = 6>, <size = 4, stride = 1>])
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd2
  ^bd2:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op begins at byte 2, which is not the begin of a word of 4 bytes}}
    aie.dma_bd(%b : memref<64x64xi8>, 2, 32)
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd0
  ^end:
    aie.end
  }
}

// -----

// The fields of a core's descriptor.

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<16384xi32>
  %free = aie.lock(%t) {init = 1 : i32, sym_name = "free"}
  %full = aie.lock(%t) {init = 0 : i32, sym_name = "full"}
  %0 = aie.mem(%t) {
    %s = aie.dma_start(MM2S, 0, ^bd0, ^end)
  ^bd0:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op moves 16384 words of 4 bytes, at most 16383 are possible}}
    aie.dma_bd(%b : memref<16384xi32>, 0, 16384)
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd1
  ^bd1:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op has a dimension of 256 words, at most 255 are possible}}
    aie.dma_bd(%b : memref<16384xi32>, 0, 512, [<size = 2, stride = 300>, <size = 256, stride = 1>])
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd2
  ^bd2:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op has a dimension of 256, at most 255 are possible}}
    aie.dma_bd(%b : memref<16384xi32>, 0, 1024, [<size = 256, stride = 8>, <size = 4, stride = 1>])
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd3
  ^bd3:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op has a stride of 8193 words, at most 8192 are possible}}
    aie.dma_bd(%b : memref<16384xi32>, 0, 8, [<size = 2, stride = 8193>, <size = 4, stride = 1>])
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd0
  ^end:
    aie.end
  }
}

// -----

// Those of a memory tile's, and its padding.

aie.device(xcve2802) {
  %t = aie.tile(6, 1)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<131072xi32>
  %free = aie.lock(%t) {init = 1 : i32, sym_name = "free"}
  %full = aie.lock(%t) {init = 0 : i32, sym_name = "full"}
  %0 = aie.memtile_dma(%t) {
    %s = aie.dma_start(MM2S, 0, ^bd0, ^end)
  ^bd0:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op moves 131072 words of 4 bytes, at most 131071 are possible}}
    aie.dma_bd(%b : memref<131072xi32>, 0, 131072)
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd1
  ^bd1:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op has a dimension of 1024, at most 1023 are possible}}
    aie.dma_bd(%b : memref<131072xi32>, 0, 4096, [<size = 1024, stride = 8>, <size = 4, stride = 1>])
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd2
  ^bd2:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op has a padding of 64 words before dimension 1, at most 63 are possible}}
    aie.dma_bd(%b : memref<131072xi32>, 0, 136, [<size = 2, stride = 8>, <size = 4, stride = 1>], [<const_pad_before = 0, const_pad_after = 0>, <const_pad_before = 64, const_pad_after = 0>])
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd3
  ^bd3:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op has a padding of 32 after dimension 0, at most 31 are possible}}
    aie.dma_bd(%b : memref<131072xi32>, 0, 136, [<size = 2, stride = 8>, <size = 4, stride = 1>], [<const_pad_before = 0, const_pad_after = 32>, <const_pad_before = 0, const_pad_after = 0>])
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd4
  ^bd4:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op has a padding of 1 before dimension 0, at most 0 are possible}}
    aie.dma_bd(%b : memref<131072xi32>, 0, 16, [<size = 1, stride = 1>, <size = 1, stride = 1>, <size = 2, stride = 8>, <size = 4, stride = 1>], [<const_pad_before = 1, const_pad_after = 0>, <const_pad_before = 0, const_pad_after = 0>, <const_pad_before = 0, const_pad_after = 0>, <const_pad_before = 0, const_pad_after = 0>])
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^bd0
  ^end:
    aie.end
  }
}

// -----

// A descriptor has both an acquire and a release, or neither.

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<64xi8>
  %free = aie.lock(%t) {init = 1 : i32, sym_name = "free"}
  %full = aie.lock(%t) {init = 0 : i32, sym_name = "full"}
  %0 = aie.mem(%t) {
    %s = aie.dma_start(S2MM, 0, ^take, ^end)
  ^take:
    aie.use_lock(%free, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.dma_bd' op acquires a lock, but releases none: a descriptor has both or neither}}
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^give
  ^give:
    // expected-error @+1 {{'aie.dma_bd' op releases a lock, but acquires none: a descriptor has both or neither}}
    aie.dma_bd(%b : memref<64xi8>)
    aie.use_lock(%full, Release, 1)
    aie.next_bd ^take
  ^end:
    aie.end
  }
}

// -----

// Channels.

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<64xi8>
  %0 = aie.mem(%t) {
    // expected-error @+1 {{'aie.dma_start' op repeats 256 times, at most 255 are possible}}
    %s = aie.dma_start(S2MM, 0, ^first, ^again, repeat_count = 256)
  ^first:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^first
  ^again:
    // expected-error @+1 {{'aie.dma_start' op is the second program of S2MM 0 of tile(6, 3), behind one that has no end}}
    %u = aie.dma_start(S2MM, 0, ^second, ^end)
  ^second:
    aie.dma_bd(%b : memref<64xi8>)
    aie.next_bd ^second
  ^end:
    aie.end
  }
}

// -----

// Memory.

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  // expected-error @+2 {{'aie.buffer' op overlaps the stack in the memory of tile(6, 3)}}
  // expected-note @+1 {{memory of tile(6, 3):}}
  %a = aie.buffer(%t) {address = 992 : i32, sym_name = "a"} : memref<64xi8>
  %b = aie.buffer(%t) {address = 4096 : i32, sym_name = "b"} : memref<64xi8>
  // expected-error @+2 {{'aie.buffer' op overlaps 'b' in the memory of tile(6, 3)}}
  // expected-note @+1 {{0x01000..0x01040 'b'}}
  %c = aie.buffer(%t) {address = 4128 : i32, sym_name = "c"} : memref<64xi8>
  %core = aie.core(%t) {
    aie.end
  }
}

// -----

// More than there is.

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %a = aie.buffer(%t) {address = 1024 : i32, sym_name = "a"} : memref<32768xi8>
  // expected-error @+2 {{'aie.buffer' op is one too many: tile(6, 3) needs 66560 bytes, its memory has 65536}}
  // expected-note @+1 {{32768 bytes anywhere 'b'}}
  %b = aie.buffer(%t) {sym_name = "b"} : memref<32768xi8>
  %core = aie.core(%t) {
    aie.end
  }
}

// -----

// One lock too many.

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %l0 = aie.lock(%t) {init = 0 : i32}
  %l1 = aie.lock(%t) {init = 0 : i32}
  %l2 = aie.lock(%t) {init = 0 : i32}
  %l3 = aie.lock(%t) {init = 0 : i32}
  %l4 = aie.lock(%t) {init = 0 : i32}
  %l5 = aie.lock(%t) {init = 0 : i32}
  %l6 = aie.lock(%t) {init = 0 : i32}
  %l7 = aie.lock(%t) {init = 0 : i32}
  %l8 = aie.lock(%t) {init = 0 : i32}
  %l9 = aie.lock(%t) {init = 0 : i32}
  %l10 = aie.lock(%t) {init = 0 : i32}
  %l11 = aie.lock(%t) {init = 0 : i32}
  %l12 = aie.lock(%t) {init = 0 : i32}
  %l13 = aie.lock(%t) {init = 0 : i32}
  %l14 = aie.lock(%t) {init = 0 : i32}
  %l15 = aie.lock(%t) {init = 0 : i32}
  // expected-error @+1 {{'aie.lock' op is one too many: tile(6, 3) has 16 locks}}
  %l16 = aie.lock(%t) {init = 0 : i32}
}

// -----

// Lock ids and values.

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %a = aie.lock(%t, 4) {init = 0 : i32, sym_name = "a"}
  // expected-error @+1 {{'aie.lock' op has the id 4 of lock 'a' of tile(6, 3)}}
  %b = aie.lock(%t, 4) {init = 0 : i32, sym_name = "b"}
  // expected-error @+2 {{'aie.core' op acquires 64 of lock 'a', which holds 0 to 63}}
  // expected-error @+1 {{'aie.core' op releases 64 of lock 'b', which holds 0 to 63}}
  %core = aie.core(%t) {
    aie.use_lock(%a, AcquireGreaterEqual, 64)
    aie.use_lock(%b, Release, 64)
    aie.end
  }
}

// -----

// An exact acquire does not take part in counting.

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %free = aie.lock(%t) {init = 1 : i32, sym_name = "free"}
  %full = aie.lock(%t) {init = 0 : i32, sym_name = "full"}
  %b = aie.buffer(%t) {sym_name = "b"} : memref<64xi8>
  // expected-error @+1 {{'aie.core' op waits until lock 'full' is exactly 1 and takes nothing of it, but what releases it adds: use 'AcquireGreaterEqual'}}
  %core = aie.core(%t) {
    aie.use_lock(%full, Acquire, 1)
    aie.use_lock(%free, Release, 1)
    aie.end
  }
  %0 = aie.mem(%t) {
    %s = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    aie.use_lock(%free, AcquireGreaterEqual, 1)
    aie.dma_bd(%b : memref<64xi8>)
    aie.use_lock(%full, Release, 1)
    aie.next_bd ^bd
  ^end:
    aie.end
  }
}

// -----

// Streams.

aie.device(xcve2802) {
  %shim = aie.tile(4, 0)
  // expected-error @+1 {{'aie.shim_dma_allocation' op needs a shim tile with DMA, tile(4, 0) has none}}
  aie.shim_dma_allocation @host(%shim, MM2S, 0)
  %mt = aie.tile(4, 1)
  %t = aie.tile(4, 3)
  aie.flow(%mt, DMA : 0, %t, DMA : 0)
  // expected-error @+1 {{'aie.packet_flow' op has a source in tile(4, 1) that both a flow and a packet flow use}}
  aie.packet_flow(1) {
    aie.packet_source<%mt, DMA : 0>
    aie.packet_dest<%t, DMA : 1>
  }
}

// -----

// One core per tile.

aie.device(xcve2802) {
  %t = aie.tile(4, 3)
  %a = aie.core(%t) {
    aie.end
  }
  // expected-error @+1 {{'aie.core' op is the second core of tile(4, 3)}}
  %b = aie.core(%t) {
    aie.end
  }
}
