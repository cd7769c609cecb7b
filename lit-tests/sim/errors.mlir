// RUN: split-file %s %t
// RUN: not aie4ml run %t/starved.mlir 2>&1 | FileCheck %s --check-prefix=STARVED
// RUN: aie4ml run %t/starved.mlir --release go
// RUN: not aie4ml run %t/beyond.mlir 2>&1 | FileCheck %s --check-prefix=BEYOND
// RUN: not aie4ml run %t/unknown.mlir 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not aie4ml run %t/register.mlir 2>&1 | FileCheck %s --check-prefix=REGISTER
// RUN: not aie4ml run %t/patch.mlir 2>&1 | FileCheck %s --check-prefix=PATCH
// RUN: not aie4ml run %t/starved.mlir -o nothing=%t/x.npy 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not aie4ml run %t/starved.mlir --release nothing 2>&1 | FileCheck %s --check-prefix=LOCK
// RUN: not aie4ml run %t/starved.mlir -i b=%S/ramp.npy -i %S/ramp.npy 2>&1 | FileCheck %s --check-prefix=MIXED
// RUN: not aie4ml run %t/endless.mlir --max-steps 1000 2>&1 | FileCheck %s --check-prefix=ENDLESS
// RUN: not aie4ml run %t/rings.mlir --timing --max-steps 1000 2>&1 | FileCheck %s --check-prefix=RINGS
// RUN: not aie4ml run %t/large.mlir 2>&1 | FileCheck %s --check-prefix=LARGE
// RUN: not aie4ml run %t/starved.mlir -i %S/ramp.npy 2>&1 | FileCheck %s --check-prefix=NONE

// STARVED: starved.mlir:7:5: deadlock: core (0,2) waits to acquire lock 'go' (value 0, needs 1), which nothing else releases
// STARVED-NEXT: note: {{.*}}starved.mlir:3:9: lock 'go'

// BEYOND: beyond.mlir:10:7: core (0,2): accesses element 4 of dimension 0 of 'b', which has 4
// UNKNOWN: unknown.mlir:6:10: 'math.exp' op is not supported in a core
// REGISTER: register.mlir:4:5: 'aiex.npu.write32' op writes a register of the array, which is not supported
// PATCH: patch.mlir:4:5: 'aiex.npu.address_patch' op is about registers of tile(0, 0), which are not known of xcve3858: copy with 'aiex.npu.dma_memcpy_nd' instead
// NAME: the device has no buffer 'nothing'
// LOCK: error: {{.*}}--release: the device has no lock 'nothing'
// MIXED: error: --input: names some files, but not all
// ENDLESS: endless.mlir:10:45: deadlock: S2MM 0 of tile (0,0), BD 0 on 'argument0', waits for data (0 of 8 words moved), which nothing sends
// ENDLESS: note: {{.*}}: core (0,2) is still busy
// ENDLESS: note: {{.*}}endless.mlir:11:5: so: the runtime sequence has done 1 of 2 steps
// RINGS: note: {{.*}}rings.mlir:{{[0-9]+:[0-9]+}}: {{MM2S 0 of tile .0,2.|S2MM 0 of tile .0,3.}} is still busy
// LARGE: large.mlir:3:8: 'aie.buffer' op needs a static shape
// NONE: error: takes no inputs, but 1 are given

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

//--- patch.mlir
aie.device(xcve3858) {
  %x = aie.tile(0, 0)
  aie.runtime_sequence(%a: memref<8xi32>) {
    aiex.npu.address_patch {addr = 118788 : ui32, arg_idx = 0 : i32, arg_plus = 0 : i32}
  }
}

//--- endless.mlir
aie.device(npu1) {
  %x = aie.tile(0, 2)
  %shim = aie.tile(0, 0)
  aie.flow(%x, DMA : 0, %shim, DMA : 0)
  aie.shim_dma_allocation @out(%shim, S2MM, 0)
  aie.core(%x) {
    cf.br ^again
  ^again: cf.br ^again
  }
  aie.runtime_sequence(%y: memref<8xi32>) { aiex.npu.dma_memcpy_nd(%y[0, 0, 0, 0][1, 1, 1, 8][0, 0, 0, 1]) {id = 0 : i64, metadata = @out} : memref<8xi32>
    aiex.npu.dma_wait {symbol = @out}
  }
}

//--- rings.mlir
// Two channels are busy with each other, while the host waits.
aie.device(npu1) {
  %x = aie.tile(0, 2)
  %y = aie.tile(0, 3)
  %b = aie.buffer(%x) {sym_name = "b"} : memref<8xi32>
  %c = aie.buffer(%y) {sym_name = "c"} : memref<8xi32>
  aie.flow(%x, DMA : 0, %y, DMA : 0)
  aie.mem(%x) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd: aie.dma_bd(%b : memref<8xi32>, 0, 8)
    aie.next_bd ^bd
  ^end:
    aie.end
  }
  aie.mem(%y) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    aie.dma_bd(%c : memref<8xi32>, 0, 8)
    aie.next_bd ^bd
  ^end:
    aie.end
  }
  %shim = aie.tile(0, 0)
  aie.shim_dma_allocation @out(%shim, S2MM, 0)
  aie.runtime_sequence(%z: memref<8xi32>) {
    aiex.npu.dma_memcpy_nd(%z[0, 0, 0, 0][1, 1, 1, 8][0, 0, 0, 1]) {id = 0 : i64, metadata = @out} : memref<8xi32>
    aiex.npu.dma_wait {symbol = @out}
  }
}

//--- large.mlir
aie.device(npu1) {
  %x = aie.tile(0, 2)
  %b = aie.buffer(%x) {sym_name = "b"} : memref<4294967296x4294967296xi32> = dense<0>
}
