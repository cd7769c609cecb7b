// RUN: aie4ml-opt %s --pass-pipeline='builtin.module(aie.device(aie-validate))' --split-input-file --verify-diagnostics

// Ten additions of 64 vectors, four times: the loop is written out for depths 2 and 4.
aie.device(npu1) {
  %a = aie.tile(0, 2)
  %t = aie.tile(0, 3)
  %d = aie.tile(0, 4)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<4xi32>
  aie.objectfifo @in(%a, {%t}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  aie.objectfifo @out(%t, {%d}, [4, 4]) : !aie.objectfifo<memref<4xi32>>
  // expected-error @+1 {{'aie.core' op needs about 21128 bytes of program memory, a core has 16384}}
  %core = aie.core(%t) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    %x = arith.constant dense<1> : vector<4096xi32>
    scf.for %i = %c0 to %c8 step %c1 {
      %v = aie.objectfifo.acquire @in(Consume, 1) : !aie.objectfifosubview<memref<4xi32>>
      %w = aie.objectfifo.acquire @out(Produce, 1) : !aie.objectfifosubview<memref<4xi32>>
      aie.objectfifo.release @in(Consume, 1)
      aie.objectfifo.release @out(Produce, 1)
      %y0 = arith.addi %x, %x : vector<4096xi32>
      %y1 = arith.addi %x, %x : vector<4096xi32>
      %y2 = arith.addi %x, %x : vector<4096xi32>
      %y3 = arith.addi %x, %x : vector<4096xi32>
      %y4 = arith.addi %x, %x : vector<4096xi32>
      %y5 = arith.addi %x, %x : vector<4096xi32>
      %y6 = arith.addi %x, %x : vector<4096xi32>
      %y7 = arith.addi %x, %x : vector<4096xi32>
      %y8 = arith.addi %x, %x : vector<4096xi32>
      %y9 = arith.addi %x, %x : vector<4096xi32>
    }
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  func.func @f() {
    %c0 = arith.constant 0 : index
    %m = memref.alloca() : memref<512xi32>
    %x = memref.load %m[%c0] : memref<512xi32>
    return
  }
  // expected-error @+1 {{'aie.core' op puts 2048 bytes on its stack, which has 1024: raise 'stack_size'}}
  %core = aie.core(%t) {
    func.call @f() : () -> ()
    aie.end
  }
}
