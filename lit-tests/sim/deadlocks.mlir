// Who waits for whom, each with its line in the file; the parts keep the line numbers of this one.
// RUN: split-file --leading-lines %s %t
// RUN: not aie4ml run %t/cycle.mlir 2>&1 | FileCheck %t/cycle.mlir
// RUN: not aie4ml run %t/dma.mlir 2>&1 | FileCheck %t/dma.mlir
// RUN: not aie4ml run %t/cascade.mlir 2>&1 | FileCheck %t/cascade.mlir
// RUN: not aie4ml run %t/fifo.mlir 2>&1 | FileCheck %t/fifo.mlir
// RUN: not aie4ml run %t/token.mlir 2>&1 | FileCheck %t/token.mlir
// RUN: not aie4ml run %t/kernels.mlir 2>&1 | FileCheck %t/kernels.mlir

//--- cycle.mlir
// Two cores take two locks the wrong way round. Locations of another file do not hide this one's.
// CHECK: error: {{.*}}cycle.mlir:[[#@LINE+17]]:5: deadlock: core (0,2) and core (0,3) wait for each other
// CHECK-NEXT: note: {{.*}}cycle.mlir:[[#@LINE+16]]:5: core (0,2) waits to acquire lock 'a' (value 0, needs 1), released by core (0,3)
// CHECK-NEXT: note: {{.*}}cycle.mlir:[[#@LINE+24]]:5: core (0,3) would release it here
// CHECK-NEXT: note: {{.*}}cycle.mlir:[[#@LINE+9]]:8: lock 'a'
// CHECK-NEXT: note: {{.*}}cycle.mlir:[[#@LINE+20]]:5: core (0,3) waits to acquire lock 'b' (value 0, needs 1), released by core (0,2)
// CHECK-NEXT: note: {{.*}}cycle.mlir:[[#@LINE+14]]:5: core (0,2) would release it here
// CHECK-NEXT: note: {{.*}}cycle.mlir:[[#@LINE+7]]:8: lock 'b'
// CHECK-NEXT: note: {{.*}}cycle.mlir:[[#@LINE+10]]:5: so: core (0,2) has not come to its end
// CHECK-NEXT: note: {{.*}}cycle.mlir:[[#@LINE+16]]:5: so: core (0,3) has not come to its end
aie.device(npu1) {
  %x = aie.tile(0, 2)
  %y = aie.tile(0, 3)
  %a = aie.lock(%x, 0) {init = 0 : i32, sym_name = "a"} loc("elsewhere":1:1)
  %b = aie.lock(%x, 1) {init = 0 : i32, sym_name = "b"}
  %m = aie.buffer(%x) {sym_name = "m"} : memref<1xi32>
  aie.core(%x) {
    %c0 = arith.constant 0 : index
    aie.use_lock(%a, AcquireGreaterEqual, 1) loc(#loc1)
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
#loc1 = loc("elsewhere":2:1)

//--- dma.mlir
// A memory tile never gets to send what a core's channel wants: nobody fills its buffer.
// CHECK: error: {{.*}}dma.mlir:[[#@LINE+20]]:5: deadlock: MM2S 0 of tile (0,1), BD 0 on 's', waits to acquire lock 'full' (value 0, needs 1), which nothing else releases
// CHECK-NEXT: note: {{.*}}dma.mlir:[[#@LINE+10]]:11: lock 'full'
// CHECK-NEXT: note: {{.*}}dma.mlir:[[#@LINE+34]]:5: core (0,2) waits to acquire lock 'ready' (value 0, needs 1), released by S2MM 0 of tile (0,2)
// CHECK-NEXT: note: {{.*}}dma.mlir:[[#@LINE+25]]:5: S2MM 0 of tile (0,2) would release it here
// CHECK-NEXT: note: {{.*}}dma.mlir:[[#@LINE+8]]:12: lock 'ready'
// CHECK-NEXT: note: {{.*}}dma.mlir:[[#@LINE+23]]:5: S2MM 0 of tile (0,2), BD 0 on 'b', waits for data (0 of 4 words moved), sent by MM2S 0 of tile (0,1)
// CHECK-NEXT: note: {{.*}}dma.mlir:[[#@LINE+9]]:3: the stream to DMA 0 of tile (0,2)
// CHECK-NEXT: note: {{.*}}dma.mlir:[[#@LINE+29]]:5: so: core (0,2) has not come to its end
aie.device(npu1) {
  %m = aie.tile(0, 1)
  %x = aie.tile(0, 2)
  %full = aie.lock(%m, 0) {init = 0 : i32, sym_name = "full"}
  %ready = aie.lock(%x, 0) {init = 0 : i32, sym_name = "ready"}
  %s = aie.buffer(%m) {sym_name = "s"} : memref<4xi32>
  %b = aie.buffer(%x) {sym_name = "b"} : memref<4xi32>
  aie.flow(%m, DMA : 0, %x, DMA : 0)
  aie.memtile_dma(%m) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    aie.use_lock(%full, AcquireGreaterEqual, 1)
    aie.dma_bd(%s : memref<4xi32>, 0, 4)
    aie.next_bd ^bd
  ^end:
    aie.end
  }
  aie.mem(%x) {
    %0 = aie.dma_start(S2MM, 0, ^bd, ^end)
  ^bd:
    aie.dma_bd(%b : memref<4xi32>, 0, 4)
    aie.use_lock(%ready, Release, 1)
    aie.next_bd ^bd
  ^end:
    aie.end
  }
  aie.core(%x) {
    %c0 = arith.constant 0 : index
    aie.use_lock(%ready, AcquireGreaterEqual, 1)
    %v = memref.load %b[%c0] : memref<4xi32>
    aie.end
  }
}

//--- cascade.mlir
// One core puts more than a cascade holds, the other gets nothing.
// CHECK: error: {{.*}}cascade.mlir:[[#@LINE+15]]:7: deadlock: core (0,3) waits to put to the cascade of tile (0,2), got by core (0,2)
// CHECK-NEXT: note: {{.*}}cascade.mlir:[[#@LINE+18]]:3: core (0,2) has ended
// CHECK-NEXT: note: {{.*}}cascade.mlir:[[#@LINE+6]]:3: the cascade
// CHECK-NEXT: note: {{.*}}cascade.mlir:[[#@LINE+12]]:7: so: core (0,3) has not come to its end
aie.device(npu1) {
  %top = aie.tile(0, 3)
  %x = aie.tile(0, 2)
  %b = aie.buffer(%x) {sym_name = "b"} : memref<1xi32>
  aie.cascade_flow(%top, %x)
  aie.core(%top) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c9 = arith.constant 9 : index
    %v = arith.constant dense<11> : vector<16xi32>
    scf.for %i = %c0 to %c9 step %c1 {
      aie.put_cascade(%v : vector<16xi32>)
    }
    aie.end
  }
  aie.core(%x) {
    %c0 = arith.constant 0 : index
    %v = memref.load %b[%c0] : memref<1xi32>
    aie.end
  }
}

//--- fifo.mlir
// The producer keeps one of two objects, and the consumer wants both.
// CHECK: error: {{.*}}fifo.mlir:[[#@LINE+16]]:10: deadlock: core (0,2) and core (0,3) wait for each other
// CHECK-NEXT: note: {{.*}}fifo.mlir:[[#@LINE+15]]:10: core (0,2) waits to acquire lock 'f_prod_lock_0' (value 0, needs 1), released by core (0,3)
// CHECK-NEXT: note: {{.*}}fifo.mlir:[[#@LINE+20]]:5: core (0,3) would release it here
// CHECK-NEXT: note: {{.*}}fifo.mlir:[[#@LINE+9]]:3: lock 'f_prod_lock_0'
// CHECK-NEXT: note: {{.*}}fifo.mlir:[[#@LINE+17]]:10: core (0,3) waits to acquire lock 'f_cons_lock_0' (value 1, needs 2), released by core (0,2)
// CHECK-NEXT: note: {{.*}}fifo.mlir:[[#@LINE+10]]:5: core (0,2) would release it here
// CHECK-NEXT: note: {{.*}}fifo.mlir:[[#@LINE+6]]:3: lock 'f_cons_lock_0'
// CHECK-NEXT: note: {{.*}}fifo.mlir:[[#@LINE+9]]:10: so: core (0,2) has not come to its end
// CHECK-NEXT: note: {{.*}}fifo.mlir:[[#@LINE+13]]:10: so: core (0,3) has not come to its end
aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 2 : i32) : !aie.objectfifo<memref<1xi32>>
  aie.core(%a) {
    %v = aie.objectfifo.acquire @f(Produce, 2) : !aie.objectfifosubview<memref<1xi32>>
    aie.objectfifo.release @f(Produce, 1)
    %w = aie.objectfifo.acquire @f(Produce, 2) : !aie.objectfifosubview<memref<1xi32>>
    aie.objectfifo.release @f(Produce, 2)
    aie.end
  }
  aie.core(%b) {
    %v = aie.objectfifo.acquire @f(Consume, 2) : !aie.objectfifosubview<memref<1xi32>>
    aie.objectfifo.release @f(Consume, 2)
    aie.end
  }
}

//--- token.mlir
// The array sends less than the host waits for.
// CHECK: error: {{.*}}token.mlir:[[#@LINE+21]]:5: deadlock: S2MM 0 of tile (0,0), BD 0 on 'argument0', waits for data (4 of 8 words moved), sent by MM2S 0 of tile (0,2)
// CHECK-NEXT: note: {{.*}}token.mlir:[[#@LINE+14]]:5: MM2S 0 of tile (0,2) has ended
// CHECK-NEXT: note: {{.*}}token.mlir:[[#@LINE+8]]:3: the stream to DMA 0 of tile (0,0)
// CHECK-NEXT: note: {{.*}}token.mlir:[[#@LINE+18]]:5: so: S2MM 0 of tile (0,0) has not filled its external buffers
// CHECK-NEXT: note: {{.*}}token.mlir:[[#@LINE+18]]:5: so: the runtime sequence has done 1 of 2 steps
// CHECK-NEXT: note: 1 more wait for these
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

//--- kernels.mlir
// A body of statements, as compiled designs have: the lock in a loop within a loop is found.
// CHECK: error: {{.*}}kernels.mlir:[[#@LINE+15]]:9: deadlock: core (0,2) waits to acquire lock 'never' (value 0, needs 1), which nothing else releases
// CHECK-NEXT: note: {{.*}}kernels.mlir:[[#@LINE+5]]:12: lock 'never'
// CHECK-NEXT: note: {{.*}}kernels.mlir:[[#@LINE+13]]:9: so: core (0,2) has not come to its end
aie.device(npu1) {
  %x = aie.tile(0, 2)
  %other = aie.lock(%x, 0) {init = 2 : i32, sym_name = "other"}
  %never = aie.lock(%x, 1) {init = 0 : i32, sym_name = "never"}
  aie.core(%x) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    scf.for %i = %c0 to %c2 step %c1 {
      aie.use_lock(%other, AcquireGreaterEqual, 1)
      scf.for %j = %c0 to %c2 step %c1 {
        aie.use_lock(%other, Release, 1)
        aie.use_lock(%never, AcquireGreaterEqual, 1)
      }
    }
    aie.end
  }
}
