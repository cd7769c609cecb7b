// RUN: aie4ml-opt %s --split-input-file --verify-diagnostics

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<8xi32>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    aie.dma_bd(%b : memref<8xi32>)
    // expected-error @+1 {{'aie.dma_bd' op is the second buffer descriptor of a block}}
    aie.dma_bd(%b : memref<8xi32>)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<8xi32>
  %l = aie.lock(%t)
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    aie.use_lock(%l, AcquireGreaterEqual, 1)
    // expected-error @+1 {{'aie.use_lock' op is the second acquire of a block}}
    aie.use_lock(%l, Acquire, 1)
    aie.dma_bd(%b : memref<8xi32>)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<8xi32>
  %l = aie.lock(%t)
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    aie.dma_bd(%b : memref<8xi32>)
    aie.use_lock(%l, Release, 1)
    // expected-error @+1 {{'aie.use_lock' op is the second release of a block}}
    aie.use_lock(%l, Release, 1)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %m = aie.mem(%t) {
    // expected-error @+1 {{'cf.br' op does not end a block of a DMA program}}
    cf.br ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<8xi8>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op moves 6 elements of 8 bits, which are not whole words of 4 bytes}}
    aie.dma_bd(%b : memref<8xi8>, 0, 6)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<8xi32>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op has a negative 'offset'}}
    aie.dma_bd(%b : memref<8xi32>, -1, 4)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<8xi32>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op has a 'burst_length', which only a shim tile knows}}
    aie.dma_bd(%b : memref<8xi32>) {burst_length = 64 : i32}
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<8xi32>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op has a packet type above 7 or an id above 31}}
    aie.dma_bd(%b : memref<8xi32>) {packet = #aie.packet_info<pkt_type = 0, pkt_id = 32>}
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<16xi32>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op has 4 dimensions, at most 3 are possible here}}
    aie.dma_bd(%b : memref<16xi32>, 0, 16, [<size = 2, stride = 8>, <size = 2, stride = 4>, <size = 2, stride = 2>, <size = 2, stride = 1>])
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<16xi32>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op has a dimension of size or stride 0}}
    aie.dma_bd(%b : memref<16xi32>, 0, 16, [<size = 2, stride = 0>, <size = 8, stride = 1>])
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<16xi8>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op needs an innermost stride of 1 for elements of 8 bits}}
    aie.dma_bd(%b : memref<16xi8>, 0, 8, [<size = 8, stride = 2>])
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<16xi32>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op reaches element 18 of a buffer of 16}}
    aie.dma_bd(%b : memref<16xi32>, 4, 16, [<size = 2, stride = 7>, <size = 8, stride = 1>])
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<16xi32>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op reaches element 16 of a buffer of 16}}
    aie.dma_bd(%b : memref<16xi32>, 1, 16)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<16xi32>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op pads, which only a memory tile can}}
    aie.dma_bd(%b : memref<16xi32>, 0, 10, [<size = 8, stride = 1>], [<const_pad_before = 1, const_pad_after = 1>])
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 1)
  %b = aie.buffer(%t) : memref<16xi32>
  %m = aie.memtile_dma(%t) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op has 1 paddings for 2 dimensions}}
    aie.dma_bd(%b : memref<16xi32>, 0, 10, [<size = 2, stride = 4>, <size = 4, stride = 1>], [<const_pad_before = 1, const_pad_after = 1>])
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 1)
  %b = aie.buffer(%t) : memref<16xi32>
  %m = aie.memtile_dma(%t) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op has 10 elements with their padding, but moves 8}}
    aie.dma_bd(%b : memref<16xi32>, 0, 8, [<size = 8, stride = 1>], [<const_pad_before = 1, const_pad_after = 1>])
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 1)
  %b = aie.buffer(%t) : memref<16xi8>
  %m = aie.memtile_dma(%t) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op has an innermost padding that is not whole words of 4 bytes}}
    aie.dma_bd(%b : memref<16xi8>, 0, 12, [<size = 8, stride = 1>], [<const_pad_before = 1, const_pad_after = 3>])
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 1)
  %b = aie.buffer(%t) : memref<16xi32>
  %m = aie.memtile_dma(%t) {
    %0 = aie.dma_start(S2MM, 0, ^first, ^end)
  ^first:
    aie.dma_bd(%b : memref<16xi32>)
    aie.next_bd ^bd
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op pads, which only a channel from memory to stream can}}
    aie.dma_bd(%b : memref<16xi32>, 0, 10, [<size = 8, stride = 1>], [<const_pad_before = 1, const_pad_after = 1>])
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<16xi32>
  %m = aie.mem(%t) {
    // expected-error @+1 {{'aie.dma_start' op has channel 2, the tile has 2 in this direction}}
    %0 = aie.dma_start(S2MM, 2, ^bd, ^end)
  ^bd:
    aie.dma_bd(%b : memref<16xi32>)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<16xi32>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op has id 16, the tile has 16 buffer descriptors}}
    aie.dma_bd(%b : memref<16xi32>) {bd_id = 16 : i32}
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<4xi32>
  // expected-error @+1 {{'aie.mem' op has 17 buffer descriptors, the tile has 16}}
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^b0, ^end)
  ^b0:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b1
  ^b1:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b2
  ^b2:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b3
  ^b3:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b4
  ^b4:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b5
  ^b5:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b6
  ^b6:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b7
  ^b7:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b8
  ^b8:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b9
  ^b9:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b10
  ^b10:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b11
  ^b11:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b12
  ^b12:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b13
  ^b13:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b14
  ^b14:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b15
  ^b15:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^b16
  ^b16:
    aie.dma_bd(%b : memref<4xi32>)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %west = aie.tile(0, 2)
  %east = aie.tile(1, 2)
  // expected-note @+1 {{defined here}}
  %b = aie.buffer(%west) : memref<16xi32>
  %m = aie.mem(%east) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op uses what is in tile(0, 2), out of the reach of channel 0 of tile(1, 2)}}
    aie.dma_bd(%b : memref<16xi32>)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

// The upper channels of a memory tile reach only its own memory.

aie.device(npu1) {
  %west = aie.tile(0, 1)
  %east = aie.tile(1, 1)
  // expected-note @+1 {{defined here}}
  %b = aie.buffer(%west) : memref<16xi32>
  %m = aie.memtile_dma(%east) {
    %0 = aie.dma_start(S2MM, 3, ^bd, ^next)
  ^bd:
    aie.dma_bd(%b : memref<16xi32>)
    aie.next_bd ^end
  ^next:
    %1 = aie.dma_start(S2MM, 4, ^far, ^end)
  ^far:
    // expected-error @+1 {{'aie.dma_bd' op uses what is in tile(0, 1), out of the reach of channel 4 of tile(1, 1)}}
    aie.dma_bd(%b : memref<16xi32>)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) : memref<16xi32>
  %m = aie.mem(%t) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{expected at most an offset and a length}}
    aie.dma_bd(%b : memref<16xi32>, 0, 4, 4)
    aie.next_bd ^end
  ^end:
    aie.end
  }
}
