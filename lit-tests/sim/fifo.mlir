// Object FIFOs, executed as they are.
// RUN: split-file %s %t
// RUN: aie4ml run %t/link.mlir -i %S/ramp.npy -o %t/link.npy && python3 %S/show.py %t/link.npy | FileCheck %s --check-prefix=LINK
// RUN: aie4ml run %t/window.mlir -o sums=%t/sums.npy && python3 %S/show.py %t/sums.npy | FileCheck %s --check-prefix=WINDOW
// RUN: aie4ml run %t/join.mlir -i %S/ramp.npy -o %t/join.npy && python3 %S/show.py %t/join.npy | FileCheck %s --check-prefix=JOIN
// RUN: aie4ml run %t/repeat.mlir -o got=%t/got.npy && python3 %S/show.py %t/got.npy | FileCheck %s --check-prefix=REPEAT

//--- link.mlir
// Through a memory tile, in larger objects than the core's; rows and columns swapped on the way in.
// LINK: 41 45 42 46 43 47 44 48 49 53
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %mem = aie.tile(0, 1)
  %core = aie.tile(0, 2)
  aie.objectfifo @in0(%shim, {%mem}, 2 : i32) : !aie.objectfifo<memref<16xi32>>
  aie.objectfifo @in1(%mem dimensionsToStream [<size = 2, stride = 8>, <size = 4, stride = 1>, <size = 2, stride = 4>], {%core}, [2, 2]) : !aie.objectfifo<memref<8xi32>>
  aie.objectfifo.link [@in0] -> [@in1] ([] [])
  aie.objectfifo @out1(%core, {%mem}, 2 : i32) : !aie.objectfifo<memref<8xi32>>
  aie.objectfifo @out0(%mem, {%shim}, 2 : i32) : !aie.objectfifo<memref<16xi32>>
  aie.objectfifo.link [@out1] -> [@out0] ([] [])
  aie.core(%core) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    %add = arith.constant 41 : i32
    scf.for %n = %c0 to %c8 step %c1 {
      %v0 = aie.objectfifo.acquire @in1(Consume, 1) : !aie.objectfifosubview<memref<8xi32>>
      %x = aie.objectfifo.subview.access %v0[0] : !aie.objectfifosubview<memref<8xi32>> -> memref<8xi32>
      %v1 = aie.objectfifo.acquire @out1(Produce, 1) : !aie.objectfifosubview<memref<8xi32>>
      %y = aie.objectfifo.subview.access %v1[0] : !aie.objectfifosubview<memref<8xi32>> -> memref<8xi32>
      scf.for %i = %c0 to %c8 step %c1 {
        %a = memref.load %x[%i] : memref<8xi32>
        %b = arith.addi %a, %add : i32
        memref.store %b, %y[%i] : memref<8xi32>
      }
      aie.objectfifo.release @in1(Consume, 1)
      aie.objectfifo.release @out1(Produce, 1)
    }
    aie.end
  }
  aie.runtime_sequence(%in: memref<64xi32>, %out: memref<64xi32>) {
    aiex.npu.dma_memcpy_nd(%out[0, 0, 0, 0][1, 1, 1, 64][0, 0, 0, 1]) {id = 1 : i64, metadata = @out0} : memref<64xi32>
    aiex.npu.dma_memcpy_nd(%in[0, 0, 0, 0][1, 1, 1, 64][0, 0, 0, 1]) {id = 0 : i64, metadata = @in0} : memref<64xi32>
    aiex.npu.dma_wait {symbol = @out0}
  }
}

//--- window.mlir
// Between neighbors that share memory, with a window of two objects of three.
// WINDOW: 1 3 5 7
aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  %sums = aie.buffer(%b) {sym_name = "sums"} : memref<4xi32>
  aie.objectfifo @f(%a, {%b}, 3 : i32) : !aie.objectfifo<memref<1xi32>>
  aie.core(%a) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c5 = arith.constant 5 : index
    scf.for %n = %c0 to %c5 step %c1 {
      %v = aie.objectfifo.acquire @f(Produce, 1) : !aie.objectfifosubview<memref<1xi32>>
      %x = aie.objectfifo.subview.access %v[0] : !aie.objectfifosubview<memref<1xi32>> -> memref<1xi32>
      %n32 = arith.index_cast %n : index to i32
      memref.store %n32, %x[%c0] : memref<1xi32>
      aie.objectfifo.release @f(Produce, 1)
    }
    aie.end
  }
  aie.core(%b) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    scf.for %n = %c0 to %c4 step %c1 {
      %v = aie.objectfifo.acquire @f(Consume, 2) : !aie.objectfifosubview<memref<1xi32>>
      %x = aie.objectfifo.subview.access %v[0] : !aie.objectfifosubview<memref<1xi32>> -> memref<1xi32>
      %y = aie.objectfifo.subview.access %v[1] : !aie.objectfifosubview<memref<1xi32>> -> memref<1xi32>
      %p = memref.load %x[%c0] : memref<1xi32>
      %q = memref.load %y[%c0] : memref<1xi32>
      %s = arith.addi %p, %q : i32
      memref.store %s, %sums[%n] : memref<4xi32>
      aie.objectfifo.release @f(Consume, 1)
    }
    aie.end
  }
}

//--- join.mlir
// Cut in two for two cores, which both also get all of it; joined again, the other way round.
// JOIN: 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %mem = aie.tile(0, 1)
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 4)
  aie.objectfifo @in(%shim, {%mem}, 2 : i32) : !aie.objectfifo<memref<8xi32>>
  aie.objectfifo @in_a(%mem, {%a}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  aie.objectfifo @in_b(%mem, {%b}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  aie.objectfifo.link [@in] -> [@in_a, @in_b] ([] [0, 4])
  aie.objectfifo @out_a(%a, {%mem}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  aie.objectfifo @out_b(%b, {%mem}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  aie.objectfifo @out(%mem, {%shim}, 2 : i32) : !aie.objectfifo<memref<8xi32>>
  aie.objectfifo.link [@out_b, @out_a] -> [@out] ([0, 4] [])
  aie.core(%a) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    scf.for %n = %c0 to %c8 step %c1 {
      %v = aie.objectfifo.acquire @in_a(Consume, 1) : !aie.objectfifosubview<memref<4xi32>>
      %x = aie.objectfifo.subview.access %v[0] : !aie.objectfifosubview<memref<4xi32>> -> memref<4xi32>
      %w = aie.objectfifo.acquire @out_a(Produce, 1) : !aie.objectfifosubview<memref<4xi32>>
      %y = aie.objectfifo.subview.access %w[0] : !aie.objectfifosubview<memref<4xi32>> -> memref<4xi32>
      memref.copy %x, %y : memref<4xi32> to memref<4xi32>
      aie.objectfifo.release @in_a(Consume, 1)
      aie.objectfifo.release @out_a(Produce, 1)
    }
    aie.end
  }
  aie.core(%b) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    scf.for %n = %c0 to %c8 step %c1 {
      %v = aie.objectfifo.acquire @in_b(Consume, 1) : !aie.objectfifosubview<memref<4xi32>>
      %x = aie.objectfifo.subview.access %v[0] : !aie.objectfifosubview<memref<4xi32>> -> memref<4xi32>
      %w = aie.objectfifo.acquire @out_b(Produce, 1) : !aie.objectfifosubview<memref<4xi32>>
      %y = aie.objectfifo.subview.access %w[0] : !aie.objectfifosubview<memref<4xi32>> -> memref<4xi32>
      memref.copy %x, %y : memref<4xi32> to memref<4xi32>
      aie.objectfifo.release @in_b(Consume, 1)
      aie.objectfifo.release @out_b(Produce, 1)
    }
    aie.end
  }
  aie.runtime_sequence(%x: memref<64xi32>, %y: memref<64xi32>) {
    aiex.npu.dma_memcpy_nd(%x[0, 0, 0, 0][1, 1, 1, 64][0, 0, 0, 1]) {id = 0 : i64, metadata = @in} : memref<64xi32>
    aiex.npu.dma_memcpy_nd(%y[0, 0, 0, 0][1, 1, 1, 64][0, 0, 0, 1]) {id = 1 : i64, metadata = @out} : memref<64xi32>
    aiex.npu.dma_wait {symbol = @out}
  }
}

//--- repeat.mlir
// Resident values of a memory tile, each sent twice, to two cores.
// REPEAT: 7 8 7 8 9 10 9 10
aie.device(npu1) {
  %mem = aie.tile(0, 1)
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  %got = aie.buffer(%a) {sym_name = "got"} : memref<8xi32>
  aie.objectfifo @w(%mem, {%a, %b}, 2 : i32) {repeat_count = 2 : i32, iter_count = 1 : i32} : !aie.objectfifo<memref<2xi32>> = [dense<[7, 8]> : memref<2xi32>, dense<[9, 10]> : memref<2xi32>]
  aie.core(%a) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c2 = arith.constant 2 : index
    scf.for %n = %c0 to %c4 step %c1 {
      %v = aie.objectfifo.acquire @w(Consume, 1) : !aie.objectfifosubview<memref<2xi32>>
      %x = aie.objectfifo.subview.access %v[0] : !aie.objectfifosubview<memref<2xi32>> -> memref<2xi32>
      %at = arith.muli %n, %c2 : index
      %place = memref.subview %got[%at] [2] [1] : memref<8xi32> to memref<2xi32, strided<[1], offset: ?>>
      memref.copy %x, %place : memref<2xi32> to memref<2xi32, strided<[1], offset: ?>>
      aie.objectfifo.release @w(Consume, 1)
    }
    aie.end
  }
  aie.core(%b) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    scf.for %n = %c0 to %c4 step %c1 {
      %v = aie.objectfifo.acquire @w(Consume, 1) : !aie.objectfifosubview<memref<2xi32>>
      aie.objectfifo.release @w(Consume, 1)
    }
    aie.end
  }
}
