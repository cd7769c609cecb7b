// RUN: split-file %s %t
// RUN: not aie4ml run %t/cycle.mlir 2>&1 | FileCheck %s --check-prefix=CYCLE
// RUN: not aie4ml run %t/starved.mlir 2>&1 | FileCheck %s --check-prefix=STARVED
// RUN: aie4ml run %t/starved.mlir --release go
// RUN: not aie4ml run %t/token.mlir 2>&1 | FileCheck %s --check-prefix=TOKEN
// RUN: not aie4ml run %t/beyond.mlir 2>&1 | FileCheck %s --check-prefix=BEYOND
// RUN: not aie4ml run %t/unknown.mlir 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not aie4ml run %t/register.mlir 2>&1 | FileCheck %s --check-prefix=REGISTER
// RUN: not aie4ml run %t/starved.mlir -o nothing=%t/x.npy 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not aie4ml run %t/starved.mlir --release nothing 2>&1 | FileCheck %s --check-prefix=LOCK
// RUN: not aie4ml run %t/starved.mlir -i b=%S/ramp.npy -i %S/ramp.npy 2>&1 | FileCheck %s --check-prefix=MIXED

// CYCLE: deadlock:
// CYCLE-NEXT: core (0,2) has not come to its end
// CYCLE: these wait for each other:
// CYCLE-NEXT: core (0,{{[23]}}) waits to acquire lock '[[L:[ab]]]' (value 0, needs 1), released by core (0,{{[23]}})
// CYCLE-NEXT: core (0,{{[23]}}) waits to acquire lock '{{[ab]}}' (value 0, needs 1), released by core (0,{{[23]}})

// STARVED: these keep the others waiting:
// STARVED-NEXT: core (0,2) waits to acquire lock 'go' (value 0, needs 1), which nothing else releases

// TOKEN: the runtime sequence has done 1 of 2 steps
// BEYOND: core (0,2): accesses element 4 of dimension 0 of 'b', which has 4
// UNKNOWN: unknown.mlir:6:10: 'math.exp' op is not supported in a core
// REGISTER: register.mlir:4:5: 'aiex.npu.write32' op writes a register of the array, which is not supported
// NAME: the device has no buffer 'nothing'
// LOCK: error: {{.*}}--release: the device has no lock 'nothing'
// MIXED: error: --input: names some files, but not all

//--- cycle.mlir
aie.device(npu1) {
  %x = aie.tile(0, 2)
  %y = aie.tile(0, 3)
  %a = aie.lock(%x, 0) {init = 0 : i32, sym_name = "a"}
  %b = aie.lock(%x, 1) {init = 0 : i32, sym_name = "b"}
  %m = aie.buffer(%x) {sym_name = "m"} : memref<1xi32>
  aie.core(%x) {
    %c0 = arith.constant 0 : index
    aie.use_lock(%a, AcquireGreaterEqual, 1)
    %v = memref.load %m[%c0] : memref<1xi32>
    aie.use_lock(%b, Release, 1)
    aie.end
  }
  aie.core(%y) {
    %c0 = arith.constant 0 : index
    aie.use_lock(%b, AcquireGreaterEqual, 1)
    %v = memref.load %m[%c0] : memref<1xi32>
    aie.use_lock(%a, Release, 1)
    aie.end
  }
}

//--- starved.mlir
aie.device(npu1) {
  %x = aie.tile(0, 2)
  %go = aie.lock(%x, 0) {init = 0 : i32, sym_name = "go"}
  %b = aie.buffer(%x) {sym_name = "b"} : memref<64xi32>
  aie.core(%x) {
    %c0 = arith.constant 0 : index
    aie.use_lock(%go, AcquireGreaterEqual, 1)
    %v = memref.load %b[%c0] : memref<64xi32>
    aie.end
  }
}

//--- token.mlir
// The array sends less than the host waits for.
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %x = aie.tile(0, 2)
  %b = aie.buffer(%x) {sym_name = "b"} : memref<4xi32> = dense<1>
  aie.flow(%x, DMA : 0, %shim, DMA : 0)
  aie.shim_dma_allocation @out(%shim, S2MM, 0)
  aie.mem(%x) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    aie.dma_bd(%b : memref<4xi32>, 0, 4)
    aie.next_bd ^end
  ^end:
    aie.end
  }
  aie.runtime_sequence(%y: memref<8xi32>) {
    aiex.npu.dma_memcpy_nd(%y[0, 0, 0, 0][1, 1, 1, 8][0, 0, 0, 1]) {id = 0 : i64, metadata = @out} : memref<8xi32>
    aiex.npu.dma_wait {symbol = @out}
  }
}

//--- beyond.mlir
aie.device(npu1) {
  %x = aie.tile(0, 2)
  %b = aie.buffer(%x) {sym_name = "b"} : memref<4xi32>
  aie.core(%x) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c5 = arith.constant 5 : index
    %one = arith.constant 1 : i32
    scf.for %i = %c0 to %c5 step %c1 {
      memref.store %one, %b[%i] : memref<4xi32>
    }
    aie.end
  }
}

//--- unknown.mlir
aie.device(npu1) {
  %x = aie.tile(0, 2)
  %b = aie.buffer(%x) {sym_name = "b"} : memref<4xf32>
  aie.core(%x) {
    %v = arith.constant 1.0 : f32
    %w = math.exp %v : f32
    aie.end
  }
}

//--- register.mlir
aie.device(npu1) {
  %x = aie.tile(0, 2)
  aie.runtime_sequence() {
    aiex.npu.write32 {address = 262144 : ui32, column = 0 : i32, row = 2 : i32, value = 1 : ui32}
  }
}
