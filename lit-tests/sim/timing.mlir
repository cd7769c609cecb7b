// The time of a design that has no interfaces of its own: an invocation is an iteration.
// RUN: aie4ml run %s -i %S/ramp.npy --timing | FileCheck %s
// RUN: aie4ml run %s -i %S/ramp.npy --trace %t.json --json | FileCheck %s --check-prefix=JSON
// RUN: FileCheck %s --check-prefix=TRACE --input-file %t.json

// CHECK: simulated at 1800 MHz, 1 iteration, each an invocation
// CHECK-NEXT: latency {{.*}}: first word that leaves host memory to last that is written
// CHECK: iterations/s
// CHECK: critical path: of {{[0-9]+}} cycles, {{.*}}in cores' own code
// CHECK-DAG: note: host memory, once a transfer has begun, gives or takes a word a cycle
// CHECK-DAG: note: the launch of the sequence is not counted
// CHECK-DAG: note: an instruction of a core's own code takes a cycle
// CHECK: core busy
// CHECK-NEXT: core (0,2) {{.*}}input (full)

// JSON: "boundary": "host_memory"
// JSON-DAG: "iterations_per_invocation": 1

// TRACE-DAG: "name":"wait for host memory"
// TRACE-DAG: "name":"the runtime sequence"
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %core = aie.tile(0, 2)
  %x = aie.buffer(%core) {sym_name = "x"} : memref<64xi32>
  %free = aie.lock(%core, 0) {init = 1 : i32, sym_name = "free"}
  %full = aie.lock(%core, 1) {init = 0 : i32, sym_name = "full"}
  %done = aie.lock(%core, 2) {init = 0 : i32, sym_name = "done"}
  aie.flow(%shim, DMA : 0, %core, DMA : 0)
  aie.flow(%core, DMA : 0, %shim, DMA : 0)
  aie.shim_dma_allocation @in(%shim, MM2S, 0)
  aie.shim_dma_allocation @out(%shim, S2MM, 0)
  aie.mem(%core) {
    %0 = aie.dma_start(S2MM, 0, ^in, ^next)
  ^next:
    %1 = aie.dma_start(MM2S, 0, ^out, ^end)
  ^in:
    aie.use_lock(%free, AcquireGreaterEqual, 1)
    aie.dma_bd(%x : memref<64xi32>, 0, 64)
    aie.use_lock(%full, Release, 1)
    aie.next_bd ^in
  ^out:
    aie.use_lock(%done, AcquireGreaterEqual, 1)
    aie.dma_bd(%x : memref<64xi32>, 0, 64)
    aie.use_lock(%free, Release, 1)
    aie.next_bd ^out
  ^end:
    aie.end
  }
  aie.core(%core) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c64 = arith.constant 64 : index
    %many = arith.constant 4294967295 : index
    %one = arith.constant 1 : i32
    scf.for %forever = %c0 to %many step %c1 {
      aie.use_lock(%full, AcquireGreaterEqual, 1)
      scf.for %i = %c0 to %c64 step %c1 {
        %old = memref.load %x[%i] : memref<64xi32>
        %new = arith.addi %old, %one : i32
        memref.store %new, %x[%i] : memref<64xi32>
      }
      aie.use_lock(%done, Release, 1)
    }
    aie.end
  }
  aie.runtime_sequence(%a: memref<64xi32>, %b: memref<64xi32>) {
    aiex.npu.dma_memcpy_nd(%b[0, 0, 0, 0][1, 1, 1, 64][0, 0, 0, 1]) {id = 1 : i64, metadata = @out, issue_token = true} : memref<64xi32>
    aiex.npu.dma_memcpy_nd(%a[0, 0, 0, 0][1, 1, 1, 64][0, 0, 0, 1]) {id = 0 : i64, metadata = @in} : memref<64xi32>
    aiex.npu.dma_wait {symbol = @out}
  }
}
