// RUN: not aie4ml-opt %s --aie-validate --split-input-file 2>&1 | FileCheck %s

// CHECK: errors-standstill.mlir:[[#@LINE+16]]:5: error: deadlock: core (6,3) and core (6,4) wait for each other
// CHECK: errors-standstill.mlir:{{.*}}: note: core (6,3) waits to acquire lock 'a' (value 0, needs 1), released by core (6,4)
// CHECK: errors-standstill.mlir:[[#@LINE+11]]:8: note: lock 'a'
// CHECK: error: deadlock: MM2S 0 of tile (0,2)
// CHECK: note: so: the runtime sequence has done 1 of 2 steps
// CHECK: error: race:
// CHECK-SAME: 'b'
// CHECK-NOT: error:

// Two cores that wait for each other.
aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %u = aie.tile(6, 4)
  %a = aie.lock(%t) {init = 0 : i32, sym_name = "a"}
  %b = aie.lock(%t) {init = 0 : i32, sym_name = "b"}
  %c = aie.core(%t) {
    aie.use_lock(%a, AcquireGreaterEqual, 1)
    aie.use_lock(%b, Release, 1)
    aie.end
  }
  %d = aie.core(%u) {
    aie.use_lock(%b, AcquireGreaterEqual, 1)
    aie.use_lock(%a, Release, 1)
    aie.end
  }
}

// -----

// In the other order they meet.
aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %u = aie.tile(6, 4)
  %a = aie.lock(%t) {init = 0 : i32, sym_name = "a"}
  %b = aie.lock(%t) {init = 0 : i32, sym_name = "b"}
  %c = aie.core(%t) {
    aie.use_lock(%b, Release, 1)
    aie.use_lock(%a, AcquireGreaterEqual, 1)
    aie.end
  }
  %d = aie.core(%u) {
    aie.use_lock(%b, AcquireGreaterEqual, 1)
    aie.use_lock(%a, Release, 1)
    aie.end
  }
}

// -----

// A host that waits for more than there is.
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %t = aie.tile(0, 2)
  aie.objectfifo @out(%t, {%shim}, 2 : i32) : !aie.objectfifo<memref<16xi32>>
  %c = aie.core(%t) {
    %v = aie.objectfifo.acquire @out(Produce, 1) : !aie.objectfifosubview<memref<16xi32>>
    aie.objectfifo.release @out(Produce, 1)
    aie.end
  }
  aie.runtime_sequence(%x: memref<32xi32>) {
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, 1, 1, 32][0, 0, 0, 1]) {id = 0 : i64, metadata = @out} : memref<32xi32>
    aiex.npu.dma_wait {symbol = @out}
  }
}

// -----

// A buffer that one core reads while another writes it.
aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %u = aie.tile(6, 4)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<4xi32>
  %own = aie.buffer(%u) {sym_name = "own"} : memref<4xi32>
  %c = aie.core(%t) {
    %c0 = arith.constant 0 : index
    %one = arith.constant 1 : i32
    memref.store %one, %b[%c0] : memref<4xi32>
    aie.end
  }
  %d = aie.core(%u) {
    %c0 = arith.constant 0 : index
    %x = memref.load %b[%c0] : memref<4xi32>
    memref.store %x, %own[%c0] : memref<4xi32>
    aie.end
  }
}
