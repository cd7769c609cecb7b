// A file with several devices: one of them is executed.
// RUN: aie4ml run %s --device one -o b=%t.npy && python3 %S/show.py %t.npy | FileCheck %s --check-prefix=ONE
// RUN: aie4ml run %s --device two -o b=%t.npy && python3 %S/show.py %t.npy | FileCheck %s --check-prefix=TWO
// RUN: not aie4ml run %s 2>&1 | FileCheck %s --check-prefix=BOTH
// RUN: not aie4ml run %s --device three 2>&1 | FileCheck %s --check-prefix=THREE
// RUN: aie4ml-opt %s --aie-validate

// ONE: 1
// TWO: 2
// BOTH: holds 2 'aie.device' ops, of which one is executed: choose by --device one or two
// THREE: holds no 'aie.device' called 'three', but one, two

module {
  aie.device(npu1) @one {
    %t = aie.tile(0, 2)
    %b = aie.buffer(%t) {sym_name = "b"} : memref<1xi32>
    aie.core(%t) {
      %c0 = arith.constant 0 : index
      %x = arith.constant 1 : i32
      memref.store %x, %b[%c0] : memref<1xi32>
      aie.end
    }
  }
  aie.device(npu1) @two {
    %t = aie.tile(0, 2)
    %b = aie.buffer(%t) {sym_name = "b"} : memref<1xi32>
    // Traces and events are left out.
    aie.trace @trace(%t) {
      aie.trace.event <"INSTR_EVENT_0">
    }
    aie.core(%t) {
      aie.event(0)
      %c0 = arith.constant 0 : index
      %x = arith.constant 2 : i32
      memref.store %x, %b[%c0] : memref<1xi32>
      aie.end
    }
  }
}
