// RUN: split-file %s %t
// RUN: not aie4ml run %t/starved.mlir 2>&1 | FileCheck %s --check-prefix=STARVED
// RUN: aie4ml run %t/starved.mlir --release go
// RUN: not aie4ml run %t/beyond.mlir 2>&1 | FileCheck %s --check-prefix=BEYOND
// RUN: not aie4ml run %t/unknown.mlir 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not aie4ml run %t/register.mlir 2>&1 | FileCheck %s --check-prefix=REGISTER
// RUN: not aie4ml run %t/starved.mlir -o nothing=%t/x.npy 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not aie4ml run %t/starved.mlir --release nothing 2>&1 | FileCheck %s --check-prefix=LOCK
// RUN: not aie4ml run %t/starved.mlir -i b=%S/ramp.npy -i %S/ramp.npy 2>&1 | FileCheck %s --check-prefix=MIXED

// STARVED: starved.mlir:7:5: deadlock: core (0,2) waits to acquire lock 'go' (value 0, needs 1), which nothing else releases
// STARVED-NEXT: note: {{.*}}starved.mlir:3:9: lock 'go'

// BEYOND: beyond.mlir:10:7: core (0,2): accesses element 4 of dimension 0 of 'b', which has 4
// UNKNOWN: unknown.mlir:6:10: 'math.exp' op is not supported in a core
// REGISTER: register.mlir:4:5: 'aiex.npu.write32' op writes a register of the array, which is not supported
// NAME: the device has no buffer 'nothing'
// LOCK: error: {{.*}}--release: the device has no lock 'nothing'
// MIXED: error: --input: names some files, but not all

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
