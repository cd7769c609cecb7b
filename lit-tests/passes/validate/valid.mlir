// RUN: aie4ml-opt %s --split-input-file --aie-validate | FileCheck %s

// Every field at its largest value.

// CHECK: aie.device(xcve2802)
aie.device(xcve2802) {
  %mt = aie.tile(6, 1)
  %core = aie.tile(6, 3)
  %m = aie.buffer(%mt) {sym_name = "m"} : memref<131072xi32>
  %a = aie.buffer(%core) {address = 0 : i32, sym_name = "a"} : memref<16384xi32>
  %free = aie.lock(%core) {init = 63 : i32, sym_name = "free"}
  %full = aie.lock(%core) {init = 0 : i32, sym_name = "full"}
  %mfree = aie.lock(%mt) {init = 1 : i32, sym_name = "mfree"}
  %mfull = aie.lock(%mt) {init = 0 : i32, sym_name = "mfull"}
  %0 = aie.mem(%core) {
    %s = aie.dma_start(S2MM, 0, ^long, ^end, repeat_count = 255)
  ^long:
    aie.use_lock(%free, AcquireGreaterEqual, 63)
    aie.dma_bd(%a : memref<16384xi32>, 0, 16383)
    aie.use_lock(%full, Release, 63)
    aie.next_bd ^wide
  ^wide:
    aie.use_lock(%free, AcquireGreaterEqual, 1)
    aie.dma_bd(%a : memref<16384xi32>, 0, 510, [<size = 2, stride = 8192>, <size = 255, stride = 1>])
    aie.use_lock(%full, Release, 1)
    aie.next_bd ^end
  ^end:
    aie.end
  }
  %1 = aie.memtile_dma(%mt) {
    %s = aie.dma_start(MM2S, 5, ^padded, ^end)
  ^padded:
    aie.use_lock(%mfull, AcquireGreaterEqual, 1)
    aie.dma_bd(%m : memref<131072xi32>, 0, 10881, [<size = 1, stride = 1>, <size = 1, stride = 1>, <size = 1, stride = 1>, <size = 1, stride = 1>],
      [<const_pad_before = 0, const_pad_after = 0>, <const_pad_before = 15, const_pad_after = 15>, <const_pad_before = 1, const_pad_after = 1>, <const_pad_before = 53, const_pad_after = 63>])
    aie.use_lock(%mfree, Release, 1)
    aie.next_bd ^wide
  ^wide:
    aie.use_lock(%mfull, AcquireGreaterEqual, 1)
    aie.dma_bd(%m : memref<131072xi32>, 0, 1023, [<size = 1023, stride = 1>])
    aie.use_lock(%mfree, Release, 1)
    aie.next_bd ^padded
  ^end:
    aie.end
  }
}

// -----

// A gate that the host opens, descriptors without locks, and what is not lowered yet.

// CHECK: aie.device(npu1)
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  %gate = aie.lock(%a) {init = 0 : i32, sym_name = "gate"}
  %buffer = aie.buffer(%a) {sym_name = "buffer"} : memref<64xi8>
  aie.objectfifo @f(%a, {%b}, 2 : i32) : !aie.objectfifo<memref<64xi8>>
  aie.shim_dma_allocation @host(%shim, MM2S, 0)
  %c = aie.core(%a) {
    aie.use_lock(%gate, Acquire, 1)
    %view = aie.objectfifo.acquire @f(Produce, 1) : !aie.objectfifosubview<memref<64xi8>>
    aie.objectfifo.release @f(Produce, 1)
    aie.end
  }
  %0 = aie.mem(%a) {
    %s = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    aie.dma_bd(%buffer : memref<64xi8>)
    aie.next_bd ^bd
  ^end:
    aie.end
  }
}
