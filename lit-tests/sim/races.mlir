// What --check-races finds, in designs that compute what they should in the order that is simulated.
// RUN: split-file %s %t
// RUN: aie4ml run %t/early.mlir
// RUN: not aie4ml run %t/early.mlir --check-races 2>&1 | FileCheck %s --check-prefix=EARLY
// RUN: not aie4ml run %t/writers.mlir --check-races 2>&1 | FileCheck %s --check-prefix=WRITERS
// RUN: aie4ml run %t/ordered.mlir --check-races

// EARLY: error: {{.*}}early.mlir:13:5: race: core (0,2) writes element 1 of 'b', core (0,3) reads it: no lock, stream or cascade puts one before the other
// EARLY-NEXT: note: {{.*}}early.mlir:21:10: core (0,3) reads it here
// EARLY-NEXT: note: {{.*}}early.mlir:5:8: buffer 'b'

// WRITERS: error: {{.*}}writers.mlir:22:5: race: S2MM 0 of tile (0,2) writes element 0 of 'b', core (0,2) writes it
// WRITERS-NEXT: note: {{.*}}writers.mlir:38:5: core (0,2) writes it here

//--- early.mlir
// The producer releases the buffer before it is done with it.
aie.device(npu1) {
  %a = aie.tile(0, 2)
  %c = aie.tile(0, 3)
  %b = aie.buffer(%a) {sym_name = "b"} : memref<2xi32>
  %full = aie.lock(%a, 0) {init = 0 : i32}
  aie.core(%a) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %one = arith.constant 1 : i32
    memref.store %one, %b[%c0] : memref<2xi32>
    aie.use_lock(%full, Release, 1)
    memref.store %one, %b[%c1] : memref<2xi32>
    aie.end
  }
  aie.core(%c) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    %x = memref.load %b[%c0] : memref<2xi32>
    %y = memref.load %b[%c1] : memref<2xi32>
    aie.end
  }
}

//--- writers.mlir
// A channel fills what its core writes too.
aie.device(npu1) {
  %a = aie.tile(0, 2)
  %m = aie.tile(0, 1)
  %b = aie.buffer(%a) {sym_name = "b"} : memref<1xi32>
  %s = aie.buffer(%m) {sym_name = "s"} : memref<1xi32> = dense<3>
  %wait = aie.lock(%a, 0) {init = 1 : i32}
  %full = aie.lock(%a, 1) {init = 0 : i32}
  aie.flow(%m, DMA : 0, %a, DMA : 0)
  aie.memtile_dma(%m) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    aie.dma_bd(%s : memref<1xi32>, 0, 1)
    aie.next_bd ^end
  ^end:
    aie.end
  }
  aie.mem(%a) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    aie.use_lock(%wait, AcquireGreaterEqual, 1)
    aie.dma_bd(%b : memref<1xi32>, 0, 1)
    aie.use_lock(%full, Release, 1)
    aie.next_bd ^end
  ^end:
    aie.end
  }
  aie.core(%a) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %many = arith.constant 20000 : index
    %one = arith.constant 1 : i32
    // Long enough that the channel comes first.
    %sum = scf.for %i = %c0 to %many step %c1 iter_args(%n = %one) -> i32 {
      %next = arith.addi %n, %one : i32
      scf.yield %next : i32
    }
    memref.store %sum, %b[%c0] : memref<1xi32>
    aie.end
  }
}

//--- ordered.mlir
aie.device(npu1) {
  %a = aie.tile(0, 2)
  %c = aie.tile(0, 3)
  %b = aie.buffer(%a) {sym_name = "b"} : memref<1xi32>
  %full = aie.lock(%a, 0) {init = 0 : i32}
  %free = aie.lock(%a, 1) {init = 1 : i32}
  aie.core(%a) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c5 = arith.constant 5 : index
    %one = arith.constant 1 : i32
    scf.for %i = %c0 to %c5 step %c1 {
      aie.use_lock(%free, AcquireGreaterEqual, 1)
      memref.store %one, %b[%c0] : memref<1xi32>
      aie.use_lock(%full, Release, 1)
    }
    aie.end
  }
  aie.core(%c) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c5 = arith.constant 5 : index
    scf.for %i = %c0 to %c5 step %c1 {
      aie.use_lock(%full, AcquireGreaterEqual, 1)
      %x = memref.load %b[%c0] : memref<1xi32>
      aie.use_lock(%free, Release, 1)
    }
    aie.end
  }
}
