// RUN: aie4ml-opt %s --split-input-file | aie4ml-opt --split-input-file | FileCheck %s
// RUN: aie4ml-opt %s --split-input-file --mlir-print-op-generic | aie4ml-opt --split-input-file | FileCheck %s

// CHECK-LABEL: aie.device(xcve2802) {
aie.device(xcve2802) {
  // CHECK: %[[TILE:tile_3_3]] = aie.tile(3, 3)
  %t = aie.tile(3, 3)
  // CHECK: aie.tile(3, 1) {allocation_scheme = "basic-sequential"}
  %m = aie.tile(3, 1) {allocation_scheme = "basic-sequential"}
  // CHECK: %[[W:w]] = aie.buffer(%[[TILE]]) {address = 1024 : i32, mem_bank = 0 : i32, sym_name = "w"} : memref<2x2xi32> = dense<{{.*}}[1, 2], [3, -4]]>
  %w = aie.buffer(%t) {sym_name = "w", address = 1024 : i32, mem_bank = 0 : i32} : memref<2x2xi32> = dense<[[1, 2], [3, -4]]>
  // CHECK: aie.buffer(%[[TILE]]) : memref<8xbf16> = dense<1.500000e+00>
  %f = aie.buffer(%t) : memref<8xbf16> = dense<1.5>
  // CHECK: aie.buffer(%[[TILE]]) {sym_name = "x"} : memref<4xi8>{{$}}
  %x = aie.buffer(%t) {sym_name = "x"} : memref<4xi8>
  // CHECK: aie.external_buffer {address = 4096 : i64, sym_name = "ddr"} : memref<256xi32>
  %e = aie.external_buffer {sym_name = "ddr", address = 4096 : i64} : memref<256xi32>
  // CHECK: %[[FREE:free]] = aie.lock(%[[TILE]]) {init = 1 : i32, sym_name = "free"}
  %free = aie.lock(%t) {init = 1 : i32, sym_name = "free"}
  // CHECK: %[[FULL:lock_3_3]] = aie.lock(%[[TILE]], 5) {init = 0 : i32}
  %full = aie.lock(%t, 5) {init = 0 : i32}
  // CHECK: aie.lock(%[[TILE]]){{$}}
  %any = aie.lock(%t)

  // CHECK: func.func private @k(memref<2x2xi32>, i32) attributes {link_with = "k.o"}
  func.func private @k(memref<2x2xi32>, i32) attributes {link_with = "k.o"}
  // CHECK: %core_3_3 = aie.core(%[[TILE]]) {
  %c = aie.core(%t) {
    %shift = arith.constant 7 : i32
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %forever = arith.constant 0xFFFFFFFF : index
    // CHECK: scf.for
    scf.for %i = %zero to %forever step %one {
      // CHECK: aie.use_lock(%[[FULL]], AcquireGreaterEqual, 1)
      aie.use_lock(%full, AcquireGreaterEqual, 1)
      // CHECK: func.call @k(%[[W]], %{{.*}}) : (memref<2x2xi32>, i32) -> ()
      func.call @k(%w, %shift) : (memref<2x2xi32>, i32) -> ()
      // CHECK: aie.use_lock(%[[FREE]], Release)
      aie.use_lock(%free, Release)
      // CHECK: aie.use_lock(%[[FREE]], Acquire, 2, NonBlocking) {acq_en = false}
      aie.use_lock(%free, Acquire, 2, NonBlocking) {acq_en = false}
    }
    // CHECK: aie.end
    aie.end
    // CHECK: } {dynamic_objfifo_lowering = true, link_files = ["a.o", "b.o"], stack_size = 2048 : i32}
  } {stack_size = 2048 : i32, link_files = ["a.o", "b.o"], dynamic_objfifo_lowering = true}
}

// -----

// Several devices in a module have names; core memory is shared between neighbors.

// CHECK-LABEL: aie.device(npu1) @first {
aie.device(npu1) @first {
  %west = aie.tile(0, 2)
  %east = aie.tile(1, 2)
  %b = aie.buffer(%west) {sym_name = "b"} : memref<16xi32>
  // CHECK: aie.core
  %c = aie.core(%east) {
    %i = arith.constant 3 : index
    // CHECK: memref.load %b
    %v = memref.load %b[%i] : memref<16xi32>
    aie.end
  }
  %d = aie.core(%west) {
    aie.end
    // CHECK: } {elf_file = "west.elf"}
  } {elf_file = "west.elf"}
}
// CHECK-LABEL: aie.device(npu2_4col) @second {
aie.device(npu2_4col) @second {
}

// -----

// CHECK-LABEL: aie.device(npu2) {
aie.device(npu2) {
  // CHECK: aie.logical_tile<ShimNOCTile>(?, ?)
  %s = aie.logical_tile<ShimNOCTile>(?, ?)
  // CHECK: aie.logical_tile<MemTile>(?, 1)
  %m = aie.logical_tile<MemTile>(?, 1)
  // CHECK: aie.logical_tile<CoreTile>(2, ?) {allocation_scheme = "bank-aware"}
  %c = aie.logical_tile<CoreTile>(2, ?) {allocation_scheme = "bank-aware"}
}
